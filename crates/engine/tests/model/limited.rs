//! Servers that let a command be about a hundred messages only (RFC 9738): nothing is missed, nothing taken for gone,
//! and everything that was asked for arrives.

use crate::machine::{Machine, letter};
use crate::pushed::ask;
use restante_core::mail::Flags;
use restante_core::sync::policy::Policy;
use restante_store::Intent;
use testkit::model::{Config, Fault, Model};

const COUNT: u32 = 450;

fn offers() -> [(&'static str, Config); 3] {
    let all =
        [("plain", Config::plain()), ("condstore", Config::condstore()), ("qresync", Config::qresync())];
    all.map(|(name, config)| (name, config.with("MESSAGELIMIT=100")))
}

fn full(config: Config) -> Model {
    let model = Model::new(config);
    model.edit(|server| {
        server.create("Archive");
        (0..COUNT).for_each(|number| _ = server.deliver("INBOX", &[], &letter(number)));
    });
    model
}

#[tokio::test]
async fn a_mailbox_comes_whole_and_so_do_its_changes() {
    for (name, config) in offers() {
        let (model, machine) = (full(config), Machine::new());
        let report = machine.sync(&model).await;
        assert_eq!(report.findings, [], "{name}");
        machine.agree(&model, name);
        model.edit(|server| {
            (1..=COUNT).for_each(|uid| server.flag("INBOX", uid, &["\\Seen"], &[]));
            server.expunge("INBOX", &[3, 200]);
            (COUNT..COUNT + 250).for_each(|number| _ = server.deliver("INBOX", &[], &letter(number)));
        });
        let report = machine.sync(&model).await;
        assert_eq!(report.findings, [], "{name}");
        machine.agree(&model, name);
        model.edit(|server| server.renumber("INBOX"));
        let report = machine.sync(&model).await;
        assert_eq!(report.mailboxes[1].new, 0, "{name}: {report:?}");
        machine.agree(&model, name);
    }
}

#[tokio::test]
async fn what_is_asked_for_three_hundred_messages_is_done_for_all_of_them() {
    for (name, config) in offers() {
        let (model, machine) = (full(config), Machine::new());
        machine.sync(&model).await;
        let seen: Flags = ["\\Seen"].into_iter().collect();
        let uids: Vec<u32> = (1..=300).collect();
        ask(&machine, &uids, &Intent::Flag { add: seen, remove: Flags::new() });
        machine.sync(&model).await;
        assert_eq!(model.edit(|server| server.mailbox("INBOX").unseen()), 150, "{name}");
        ask(&machine, &uids[..150], &Intent::Copy { to: machine.mailbox("Archive") });
        ask(&machine, &uids[150..], &Intent::Move { to: machine.mailbox("Archive") });
        machine.sync(&model).await;
        machine.sync(&model).await;
        let counts = model.edit(|server| {
            (server.mailbox("INBOX").messages.len(), server.mailbox("Archive").messages.len())
        });
        // Without UIDPLUS what is moved stays, marked.
        assert_eq!(counts, (if name == "plain" { 450 } else { 300 }, 300), "{name}");
        assert!(machine.waiting().is_empty(), "{name}: {:?}", machine.waiting());
        if name != "plain" {
            ask(&machine, &uids[..140], &Intent::Remove);
            machine.sync(&model).await;
            assert_eq!(model.edit(|server| server.mailbox("INBOX").messages.len()), 160, "{name}");
        }
        machine.agree(&model, name);
    }
}

#[tokio::test]
async fn a_limit_that_is_not_announced_delays_and_loses_nothing() {
    let (model, machine) = (full(Config::qresync()), Machine::new());
    machine.sync(&model).await;
    model.edit(|server| server.configure(Config::qresync().concealing("MESSAGELIMIT=100")));
    let seen: Flags = ["\\Seen"].into_iter().collect();
    let uids: Vec<u32> = (1..=300).collect();
    ask(&machine, &uids, &Intent::Flag { add: seen, remove: Flags::new() });
    ask(&machine, &uids, &Intent::Move { to: machine.mailbox("Archive") });
    for _ in 0..4 {
        machine.sync(&model).await;
    }
    assert!(machine.waiting().is_empty(), "{:?}", machine.waiting().len());
    assert_eq!(model.edit(|server| server.mailbox("Archive").messages.len()), 300);
    assert_eq!(model.edit(|server| server.mailbox("Archive").unseen()), 0);
    machine.agree(&model, "learned");
}

#[tokio::test]
async fn a_list_that_is_cut_short_without_a_word_makes_nothing_go() {
    let (model, machine) = (full(Config::condstore()), Machine::new());
    machine.sync(&model).await;
    model.edit(|server| {
        server.expunge("INBOX", &[7]);
        server.fault(Fault::SearchFindsAtMost(100));
    });
    let report = machine.sync(&model).await;
    assert_eq!(report.mailboxes[1].removed, 0, "{report:?}");
    assert!(report.findings.iter().any(|finding| finding.evidence.contains("lists 100")), "{report:?}");
    model.edit(testkit::model::Server::mend);
    machine.sync(&model).await;
    machine.agree(&model, "mended");
}

#[tokio::test]
async fn what_is_old_and_what_is_large_is_learned_of_every_message() {
    for (name, config) in offers() {
        let (model, machine) = (full(config), Machine::new());
        machine.hold(Policy { keep: None, whole: Some(80_000) });
        let report = machine.sync(&model).await;
        assert_eq!(report.findings, [], "{name}");
        machine.agree(&model, name);
        let large = (0..COUNT).filter(|number| letter(*number).len() > 80_000).count();
        assert_eq!((large, machine.partials()), (27, 27), "{name}");
    }
}
