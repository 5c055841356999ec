//! Mailboxes that are labels of messages, as at Gmail: a message is in several of them and travels once.

use crate::machine::{End, Machine, letter};
use crate::pushed::{ask, holds};
use restante_core::mail::Flags;
use restante_store::Intent;
use testkit::model::{Config, Model, Moment};

const ALL: &str = "[Gmail]/All Mail";
const TRASH: &str = "[Gmail]/Trash";
const STARRED: &str = "[Gmail]/Starred";

/// Twelve messages: seven in the INBOX, four of those under Work and one of them in five labels; five without any label
/// but that of all mail. And one in the trash.
fn gmail() -> Model {
    let model = Model::new(Config::labels());
    model.edit(|server| {
        for (name, special_use) in [(ALL, "\\All"), (TRASH, "\\Trash"), (STARRED, "\\Flagged")] {
            server.create(name);
            server.mark(name, special_use);
        }
        for name in ["Work", "Bills", "Travel", "Family"] {
            server.create(name);
        }
        for number in 0..7 {
            let uid = server.deliver("INBOX", &[], &letter(number));
            if number < 4 {
                server.label("INBOX", uid, "Work");
            }
        }
        for name in ["Bills", "Travel", "Family"] {
            server.label("INBOX", 2, name);
        }
        for number in 20..25 {
            server.deliver(ALL, &["\\Seen"], &letter(number));
        }
        server.deliver(TRASH, &[], &letter(30));
        server.flag("INBOX", 1, &["\\Flagged"], &[]);
    });
    model
}

async fn synced() -> (Model, Machine) {
    let (model, machine) = (gmail(), Machine::new());
    machine.sync(&model).await;
    (model, machine)
}

fn bodies(model: &Model) -> u32 {
    model.edit(|server| server.bodies())
}

#[tokio::test]
async fn every_message_travels_once_whatever_labels_it_has() {
    let (model, machine) = synced().await;
    machine.agree(&model, "first");
    assert_eq!(bodies(&model), 13, "{:#?}", model.edit(|server| server.commands().to_vec()));
    let octets: usize = (0..7).chain(20..25).chain([30]).map(|number| letter(number).len()).sum();
    let report = Machine::new().sync(&model).await;
    assert!(report.bytes_in < octets as u64 + 20_000, "{} of {octets}", report.bytes_in);
    let recognised: u64 = report.mailboxes.iter().map(|mailbox| mailbox.recognised).sum();
    assert_eq!(recognised, 7 + 4 + 3 + 1, "{:#?}", report.mailboxes);
}

#[tokio::test]
async fn new_mail_is_described_in_one_command_a_mailbox() {
    let (model, machine) = synced().await;
    model.edit(|server| {
        for number in 40..50 {
            let uid = server.deliver("INBOX", &[], &letter(number));
            server.label("INBOX", uid, "Work");
        }
    });
    let before = model.edit(|server| server.commands().len());
    machine.sync(&model).await;
    let commands = model.edit(|server| server.commands()[before..].to_vec());
    let described = commands.iter().filter(|line| line.contains("RFC822.SIZE")).count();
    assert_eq!(described, 3, "INBOX, all mail and Work: {commands:#?}");
    assert_eq!(bodies(&model), 13 + 10);
    machine.agree(&model, "new mail");
}

#[tokio::test]
async fn a_label_added_or_removed_elsewhere_is_a_place_more_or_less_and_nothing_is_fetched() {
    let (model, machine) = synced().await;
    let before = bodies(&model);
    model.edit(|server| {
        server.label("INBOX", 6, "Travel");
        server.label(ALL, 1, "Work");
        server.expunge("Work", &[1]);
        server.expunge("INBOX", &[5]);
        server.flag("INBOX", 3, &["\\Flagged"], &[]);
    });
    machine.sync(&model).await;
    machine.agree(&model, "relabelled");
    assert_eq!(bodies(&model), before);
    let rows = machine.view().list(&everything(), 100, None).unwrap();
    let places = |subject: &str| {
        let row = rows.iter().find(|row| row.subject == subject).unwrap();
        let mut names: Vec<&str> = row.places.iter().map(|place| place.name.as_str()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(places("number 5"), ["INBOX", "Travel", ALL]);
    assert_eq!(places("number 0"), ["INBOX", ALL, STARRED]);
    assert_eq!(places("number 4"), [ALL]);
    assert_eq!(places("number 2"), ["INBOX", "Work", ALL, STARRED]);
}

fn everything() -> restante_store::Filter {
    restante_store::Filter { account: None, query: restante_core::query::Query::everything() }
}

#[tokio::test]
async fn what_is_relabelled_while_it_is_fetched_is_right_after_the_next_sync() {
    for row in 1..=13 {
        let (model, machine) = (gmail(), Machine::new());
        model.edit(|server| {
            server.at(Moment::Body(row), |server| {
                server.label("INBOX", 7, "Bills");
                server.expunge("Work", &[2]);
                server.relocate("INBOX", &[3], TRASH);
            });
        });
        machine.try_sync(&model, End::Never).await.unwrap();
        machine.sync(&model).await;
        machine.agree(&model, &format!("at body {row}"));
        assert_eq!(bodies(&model), 13, "at body {row}");
    }
}

#[tokio::test]
async fn new_uids_of_a_label_cost_no_body() {
    let (model, machine) = synced().await;
    for name in ["Work", ALL, "INBOX"] {
        model.edit(|server| server.renumber(name));
        let report = machine.sync(&model).await;
        assert_eq!(report.mailboxes.iter().map(|mailbox| mailbox.new).sum::<u64>(), 0, "{name}");
        machine.agree(&model, name);
    }
    assert_eq!(bodies(&model), 13);
}

#[tokio::test]
async fn what_leaves_the_inbox_for_all_mail_stays_there_under_its_labels() {
    let (model, machine) = synced().await;
    ask(&machine, &[2, 5], &Intent::Move { to: machine.mailbox(ALL) });
    machine.sync(&model).await;
    machine.sync(&model).await;
    let expected = [
        "Bills 1",
        "Family 1",
        "INBOX 0 \\Flagged",
        "INBOX 2",
        "INBOX 3",
        "INBOX 5",
        "INBOX 6",
        "Travel 1",
        "Work 0 \\Flagged",
        "Work 1",
        "Work 2",
        "Work 3",
        "[Gmail]/All Mail 0 \\Flagged",
        "[Gmail]/All Mail 1",
        "[Gmail]/All Mail 2",
        "[Gmail]/All Mail 20 \\Seen",
        "[Gmail]/All Mail 21 \\Seen",
        "[Gmail]/All Mail 22 \\Seen",
        "[Gmail]/All Mail 23 \\Seen",
        "[Gmail]/All Mail 24 \\Seen",
        "[Gmail]/All Mail 3",
        "[Gmail]/All Mail 4",
        "[Gmail]/All Mail 5",
        "[Gmail]/All Mail 6",
        "[Gmail]/Starred 0 \\Flagged",
        "[Gmail]/Trash 30",
    ];
    holds(&model, &machine, &expected, "archived");
    assert_eq!(bodies(&model), 13);
}

#[tokio::test]
async fn what_goes_to_the_trash_leaves_all_its_labels_and_comes_back_by_undo() {
    let (model, machine) = synced().await;
    let request = ask(&machine, &[2], &Intent::Move { to: machine.mailbox(TRASH) });
    // From two labels in one go, as the command asks for it.
    machine.sync(&model).await;
    machine.sync(&model).await;
    let names = |model: &Model| -> Vec<String> {
        crate::pushed::all(model).into_iter().filter(|line| line.ends_with(" 1")).collect()
    };
    assert_eq!(names(&model), ["[Gmail]/Trash 1"]);
    machine.agree(&model, "in the trash");
    machine.ask(|store, _| store.desk().undo(request, 0)).unwrap();
    machine.sync(&model).await;
    machine.sync(&model).await;
    assert_eq!(names(&model), ["INBOX 1", "[Gmail]/All Mail 1"]);
    machine.agree(&model, "back again");
    assert_eq!(bodies(&model), 13);
}

#[tokio::test]
async fn a_star_is_one_command_and_its_view_costs_no_body() {
    let (model, machine) = synced().await;
    let add: Flags = ["\\Flagged"].into_iter().collect();
    ask(&machine, &[4], &Intent::Flag { add, remove: Flags::new() });
    machine.sync(&model).await;
    machine.agree(&model, "starred");
    assert_eq!(bodies(&model), 13);
    assert_eq!(model.edit(|server| server.mailbox(STARRED).messages.len()), 2);
}
