//! What a server says beside its list of mailboxes: it costs no round trip, and is of use.

use crate::machine::{ACCOUNT, Machine, household, letter};
use crate::pushed::ask_of;
use restante_core::diagnosis::Verdict;
use restante_core::mail::{Flags, Mailbox, MailboxName};
use restante_store::{Intent, Kind};
use testkit::model::Config;

const BESIDE: &str = "QUOTA NAMESPACE STATUS=SIZE OBJECTID APPENDLIMIT";

#[tokio::test]
async fn room_and_namespaces_are_asked_for_in_the_flight_of_the_list() {
    for (name, without) in [("plain", Config::plain()), ("condstore", Config::condstore())] {
        let mut with = without.clone().with(BESIDE);
        with.namespaces = r#"(("" "/")) NIL (("shared/" "/"))"#.to_owned();
        let (without, with) = (household(without), household(with));
        let machine = Machine::new();
        let plain = Machine::new().sync(&without).await;
        let report = machine.sync(&with).await;
        assert_eq!(report.round_trips, plain.round_trips, "{name}");
        let octets = with.edit(|server| server.mailboxes().values().map(|m| m.octets()).sum::<usize>());
        let quota = report.quota.first().unwrap();
        assert_eq!(quota.used, (octets as u64).div_ceil(1024) * 1024, "{name}");
        assert_eq!((quota.limit, quota.resource.as_str()), (1 << 30, "storage"));
        assert_eq!(report.findings, []);
        let view = machine.view();
        let account = view.find_account(ACCOUNT).unwrap().unwrap();
        let kinds: Vec<Kind> = view.namespaces(account).unwrap().iter().map(|one| one.kind).collect();
        assert_eq!(kinds, [Kind::Personal, Kind::Shared], "{name}");
        machine.agree(&with, name);
        let before = with.edit(|server| server.commands().len());
        let again = machine.sync(&with).await;
        assert_eq!(again.quota, report.quota, "{name}");
        if name == "condstore" {
            assert_eq!(again.round_trips, 1, "{:?}", with.edit(|s| s.commands()[before..].to_vec()));
        }
    }
}

#[tokio::test]
async fn a_mailbox_that_is_nearly_full_is_said_and_stops_nothing() {
    let mut config = Config::qresync().with("QUOTA");
    config.room = 1 << 20;
    let model = household(config);
    let machine = Machine::new();
    machine.sync(&model).await;
    model.edit(|server| {
        let octets: usize = server.mailboxes().values().map(|m| m.octets()).sum();
        let body = vec![b'x'; (1 << 20) * 97 / 100 - octets];
        server.deliver("INBOX", &[], &[b"Subject: large\r\n\r\n".as_slice(), &body].concat());
    });
    let report = machine.sync(&model).await;
    let finding = report.findings.first().unwrap();
    assert_eq!(finding.verdict, Verdict::MailboxFull);
    assert!(finding.evidence.starts_with("imap.example.org: 97 % is used (user): "), "{}", finding.evidence);
    machine.agree(&model, "nearly full");
}

#[tokio::test]
async fn what_a_server_would_not_take_is_not_sent() {
    for limit in ["APPENDLIMIT=2000", "APPENDLIMIT"] {
        let model = household(Config::qresync().with(limit));
        model.edit(|server| {
            // One of 90,000 octets.
            server.deliver("INBOX", &[], &letter(3));
            if limit == "APPENDLIMIT" {
                server.limit_appends("Archive", 2000);
            }
        });
        let machine = Machine::new();
        machine.sync(&model).await;
        let row = |number: &str| {
            let rows = machine.view().list(&everything(), 100, None).unwrap();
            rows.into_iter().find(|row| row.subject == format!("number {number}")).unwrap().message
        };
        for number in ["3", "10"] {
            let message = row(number);
            ask_of(&machine, "Archive", Intent::Append { message, flags: Flags::new(), internal_date: 0 });
        }
        let report = machine.sync(&model).await;
        let appends =
            model.edit(|server| server.commands().iter().filter(|line| line.starts_with("APPEND")).count());
        assert_eq!(appends, 1, "{limit}");
        assert!(machine.waiting().is_empty());
        let said = &report.findings.first().unwrap().evidence;
        assert!(
            said.starts_with("Archive: to add a message was refused: not sent: the message has 90"),
            "{said}"
        );
        assert!(said.contains("takes 2000 at most into this mailbox"), "{said}");
        machine.agree(&model, limit);
    }
}

fn everything() -> restante_store::Filter {
    restante_store::Filter { account: None, query: restante_core::query::Query::everything() }
}

#[tokio::test]
async fn a_mailbox_that_was_renamed_to_what_somebody_wants_to_make_here_stops_nothing() {
    let model = household(Config::qresync().with("OBJECTID"));
    let machine = Machine::new();
    machine.sync(&model).await;
    let kept =
        Mailbox { name: MailboxName::new("Kept"), delimiter: Some('/'), special_use: None, selectable: true };
    machine.ask(|store, account| store.desk().request_mailbox("create", account, &kept, 0)).unwrap();
    model.edit(|server| server.rename("Archive", "Kept"));
    machine.sync(&model).await;
    machine.agree(&model, "both");
}

#[tokio::test]
async fn a_mailbox_that_was_renamed_is_known_by_its_id_and_nothing_of_it_is_asked_for() {
    for (name, config) in [("condstore", Config::condstore()), ("qresync", Config::qresync())] {
        let model = household(config.with("OBJECTID"));
        let machine = Machine::new();
        machine.sync(&model).await;
        let id = machine.mailbox("Archive");
        let before = model.edit(|server| {
            assert!(server.rename("Archive", "Kept"));
            // Another has its former name at once.
            server.create("Archive");
            server.deliver("Archive", &[], &letter(300));
            (server.bodies(), server.commands().len())
        });
        let report = machine.sync(&model).await;
        machine.agree(&model, name);
        assert_eq!(machine.mailbox("Kept"), id, "{name}");
        let (bodies, commands) =
            model.edit(|server| (server.bodies(), server.commands()[before.1..].to_vec()));
        assert_eq!(bodies, before.0 + 1, "{name}");
        assert!(commands.iter().all(|line| !line.contains("Kept")), "{name}: {commands:#?}");
        assert_eq!(report.mailboxes.iter().map(|mailbox| mailbox.recognised).sum::<u64>(), 0);
        // With new UIDs on top of it, its messages are recognised.
        model.edit(|server| {
            server.rename("Kept", "Kept for good");
            server.renumber("Kept for good");
        });
        machine.sync(&model).await;
        machine.agree(&model, name);
        assert_eq!(machine.mailbox("Kept for good"), id, "{name}");
        assert_eq!(model.edit(|server| server.bodies()), bodies, "{name}");
    }
}
