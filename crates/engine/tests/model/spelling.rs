//! UTF-8 in names and headers: by IMAP4rev2 (RFC 9051), by UTF8=ACCEPT (RFC 6855), or in the old spelling.

use crate::machine::{ACCOUNT, Machine, household};
use crate::pushed::{ask, ask_of};
use restante_core::mail::{Flags, Mailbox, MailboxName};
use restante_engine::imap::Connection;
use restante_engine::submit::{Filed, file_sent};
use restante_engine::sync::Keeper;
use restante_store::{Intent, NewSubmission, Store};
use testkit::model::{Config, Fault, Model};

fn offers() -> [(&'static str, Config); 5] {
    [
        ("unmarked", Config::qresync().with("UTF8=ACCEPT XUNMARKED")),
        ("old", Config::qresync()),
        ("utf8", Config::qresync().with("UTF8=ACCEPT")),
        ("rev2", Config::qresync().with("IMAP4rev2")),
        ("both", Config::condstore().with("SPECIAL-USE IMAP4rev2 UTF8=ACCEPT")),
    ]
}

const LETTER: &str = "From: Jürgen <jürgen@exämple.org>\r\nSubject: Grüße\r\n\r\nhallo\r\n";

async fn named(config: Config) -> (Model, Machine) {
    let model = household(config);
    model.edit(|server| {
        server.create("Entwürfe & \"mehr\"");
        server.create("旅行/台北");
        server.deliver("Entwürfe & \"mehr\"", &[], LETTER.as_bytes());
    });
    let machine = Machine::new();
    machine.sync(&model).await;
    (model, machine)
}

#[tokio::test]
async fn names_are_the_same_however_they_are_spelled() {
    for (name, config) in offers() {
        let (model, machine) = named(config).await;
        machine.agree(&model, name);
        machine
            .ask(|store, account| {
                let mailbox = Mailbox {
                    name: MailboxName::new("Größe"),
                    delimiter: Some('/'),
                    special_use: None,
                    selectable: true,
                };
                store.desk().request_mailbox("create", account, &mailbox, 0)
            })
            .unwrap();
        ask(&machine, &[1], &Intent::Move { to: machine.mailbox("旅行/台北") });
        ask(&machine, &[7], &Intent::Copy { to: machine.mailbox("Größe") });
        machine.sync(&model).await;
        machine.sync(&model).await;
        machine.agree(&model, name);
        assert!(machine.waiting().is_empty(), "{name}");
        let counts = model.edit(|server| {
            (server.mailbox("旅行/台北").messages.len(), server.mailbox("Größe").messages.len())
        });
        assert_eq!(counts, (1, 1), "{name}");
        let spelled = model.edit(|server| server.commands().iter().any(|line| line.contains("\"Größe\"")));
        assert_eq!(spelled, name != "old", "{name}");
    }
}

#[tokio::test]
async fn a_message_with_utf8_in_its_header_is_added_as_the_server_wants_it() {
    for (name, config) in offers() {
        let (model, machine) = named(config).await;
        let message = machine.view().list(&everything(), 100, None).unwrap();
        let message = message.into_iter().find(|row| row.subject == "Grüße").unwrap().message;
        ask_of(&machine, "Archive", Intent::Append { message, flags: Flags::new(), internal_date: 0 });
        let report = machine.sync(&model).await;
        assert_eq!(report.findings, [], "{name}");
        let there = model.edit(|server| {
            server.mailbox("Archive").messages.values().any(|message| *message.bytes == *LETTER.as_bytes())
        });
        assert!(there, "{name}");
        let marked = model.edit(|server| server.commands().iter().any(|line| line.contains("UTF8 (~{")));
        // Tried, and done without where it is not understood.
        assert_eq!(marked, ["utf8", "unmarked"].contains(&name), "{name}");
        machine.agree(&model, name);
    }
}

#[tokio::test]
async fn a_server_that_refuses_utf8_is_spoken_to_as_before() {
    let (model, machine) = (household(Config::qresync().with("UTF8=ACCEPT IMAP4rev2")), Machine::new());
    model.edit(|server| {
        server.create("Entwürfe");
        server.deliver("Entwürfe", &[], LETTER.as_bytes());
        server.fault(Fault::Refuse { verb: "ENABLE", nth: 1, words: "not today" });
    });
    machine.sync(&model).await;
    machine.agree(&model, "refused");
    let commands = model.edit(|server| server.commands().to_vec());
    assert!(commands.iter().any(|line| line.contains("Entw&APw-rfe")), "{commands:#?}");
    assert!(commands.iter().any(|line| line == "ENABLE QRESYNC"), "{commands:#?}");
}

/// Files what was sent, with a search for what the server may have filed itself.
#[tokio::test]
async fn what_was_sent_is_filed_once_whatever_the_answer_to_a_search_looks_like() {
    for (name, config) in offers() {
        let (model, machine) = named(config).await;
        model.edit(|server| {
            server.create("Gesendet");
            server.mark("Gesendet", "\\Sent");
        });
        machine.sync(&model).await;
        let content = format!("Message-ID: <sent@example.org>\r\n{LETTER}").into_bytes();
        for _ in 0..2 {
            accepted(&machine, &content);
            file(&machine, &model).await;
        }
        let filed = model.edit(|server| server.mailbox("Gesendet").messages.len());
        assert_eq!(filed, 1, "{name}");
    }
}

async fn file(machine: &Machine, model: &Model) -> Filed {
    let mut store = Store::open(machine.path()).unwrap();
    let account = store.account(ACCOUNT).unwrap();
    let keeper = Keeper::start(store).unwrap();
    let (near, far) = tokio::io::duplex(1 << 16);
    let client = async {
        let mut connection = Connection::new(near, "imap.example.org");
        connection.greeting().await.unwrap();
        file_sent(&mut connection, &keeper, account).await.unwrap()
    };
    let (filed, ()) = tokio::join!(client, model.serve(far));
    keeper.close().unwrap();
    filed
}

/// Puts a message in the outbox that was taken and is not filed yet.
fn accepted(machine: &Machine, content: &[u8]) {
    machine
        .ask(|store, account| {
            let submission = NewSubmission {
                account,
                sender: ACCOUNT.to_owned(),
                recipients: vec!["bob@example.net".to_owned()],
                message_id: "sent@example.org".to_owned(),
                content: content.to_vec(),
                created: 0,
                not_before: 0,
            };
            let id = store.desk().enqueue(&submission)?;
            let mut row = store.view().submission(id)?;
            row.state = restante_core::submission::State::Accepted;
            row.recipients[0].state = restante_core::submission::State::Accepted;
            store.desk().set_submission(&row)
        })
        .unwrap();
}

#[tokio::test]
async fn a_copy_that_the_server_does_not_take_is_no_failure_and_stays_in_the_outbox() {
    let model = Model::new(Config::qresync().with("APPENDLIMIT=2000"));
    model.edit(|server| {
        server.create("Sent");
    });
    let machine = Machine::new();
    machine.sync(&model).await;
    accepted(&machine, &[LETTER.as_bytes(), &[b'x'; 3000]].concat());
    for _ in 0..2 {
        let Filed { count, left } = file(&machine, &model).await;
        assert_eq!((count, left.len()), (0, 1));
        assert!(left[0].evidence.contains("takes 2000 at most"), "{left:?}");
    }
    let view = machine.view();
    let row = &view.outbox(None).unwrap()[0];
    assert!(!row.filed && view.submission_content(row.id).unwrap().len() > 3000);
    // Others are filed all the same.
    accepted(&machine, LETTER.as_bytes());
    assert_eq!(file(&machine, &model).await.count, 1);
}

fn everything() -> restante_store::Filter {
    restante_store::Filter { account: None, query: restante_core::query::Query::everything() }
}
