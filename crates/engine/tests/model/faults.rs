//! A server that lies or changes under us, and two who want one store.

use crate::machine::{End, Machine, a_day, household, letter, strategies};
use restante_engine::sync::Report;
use restante_store::{Filter, Store, StoreError, View};
use testkit::model::{Config, Fault, Model, Moment};

/// A machine that has everything, at a server with QRESYNC.
async fn synced() -> (Model, Machine) {
    let model = household(Config::qresync());
    let machine = Machine::new();
    machine.sync(&model).await;
    (model, machine)
}

fn fetched(report: &Report) -> u64 {
    report.mailboxes.iter().map(|mailbox| mailbox.new).sum()
}

#[tokio::test]
async fn fault_13_messages_that_go_while_they_are_fetched_shift_nothing() {
    for config in [Config::plain(), Config::condstore(), Config::qresync()] {
        let model = household(config);
        let machine = Machine::new();
        model.edit(|server| {
            server.at(Moment::Body(5), |server| server.expunge("INBOX", &[1, 6, 22, 24]));
            server.at(Moment::Body(9), |server| {
                server.deliver("INBOX", &[], &letter(24));
            });
            server.at(Moment::Command("UID SEARCH", 1), |server| server.expunge("INBOX", &[8]));
        });
        machine.sync(&model).await;
        // Whatever is here has the content it has there.
        let view = View::open(machine.path()).unwrap();
        for row in view.list(&Filter::default(), 100, None).unwrap() {
            let place = &row.places[0];
            if place.name.is_inbox() {
                let bytes = view.read(row.message).unwrap();
                assert!(bytes == letter(place.uid.get() - 1), "UID {}", place.uid);
            }
        }
        drop(view);
        machine.sync(&model).await;
        machine.agree(&model, "afterwards");
    }
}

#[tokio::test]
async fn fault_14_uids_given_again_after_a_restored_backup_are_other_messages() {
    let (model, machine) = synced().await;
    let backup = model.edit(|server| server.mailbox("INBOX").clone());
    a_day(&model);
    machine.sync(&model).await;
    model.edit(|server| {
        server.restore("INBOX", backup);
        server.deliver("INBOX", &[], &letter(400));
    });
    machine.sync(&model).await;
    machine.sync(&model).await;
    machine.agree(&model, "restored");
}

#[tokio::test]
async fn fault_15_a_server_that_says_all_vanished_is_asked_for_proof() {
    let (model, machine) = synced().await;
    model.edit(|server| {
        server.deliver("INBOX", &[], &letter(300));
        server.fault(Fault::VanishedNames((1..=10_000).collect()));
    });
    let report = machine.sync(&model).await;
    machine.agree(&model, "all vanished");
    assert_eq!((fetched(&report), report.mailboxes.iter().map(|m| m.removed).sum::<u64>()), (1, 0));
}

#[tokio::test]
async fn fault_15_what_wrongly_vanished_comes_back_and_what_was_hidden_goes() {
    let (model, machine) = synced().await;
    model.edit(|server| {
        server.expunge("INBOX", &[7, 8]);
        server.fault(Fault::VanishedNames(vec![4, 6]));
        server.fault(Fault::VanishedHides(vec![7]));
    });
    machine.sync(&model).await;
    machine.agree(&model, "wrong");
}

#[tokio::test]
async fn fault_15_as_many_hidden_as_wrongly_named_are_found_out_with_the_next_change() {
    let (model, machine) = synced().await;
    model.edit(|server| {
        server.expunge("INBOX", &[7]);
        server.fault(Fault::VanishedNames(vec![4]));
        server.fault(Fault::VanishedHides(vec![7]));
    });
    machine.sync(&model).await;
    // The count agrees, and so nothing could be noticed. Where UIDs are compared it is put right.
    model.edit(|server| {
        server.mend();
        server.configure(Config::plain());
    });
    machine.sync(&model).await;
    machine.agree(&model, "compared");
}

#[tokio::test]
async fn fault_16_a_sequence_that_goes_back_is_not_trusted() {
    let (model, machine) = synced().await;
    a_day(&model);
    machine.sync(&model).await;
    model.edit(|server| {
        server.flag("INBOX", 7, &["$Later"], &["\\Seen"]);
        server.expunge("INBOX", &[4]);
        server.go_back("INBOX", 5);
    });
    machine.sync(&model).await;
    machine.agree(&model, "gone back");
    a_day_later(&model);
    machine.sync(&model).await;
    machine.agree(&model, "and on");
}

#[tokio::test]
async fn fault_16_a_mailbox_that_gives_up_its_sequences_is_compared() {
    let (model, machine) = synced().await;
    for keep in [false, true] {
        a_day_later(&model);
        model.edit(|server| server.keep_mod_seq("INBOX", keep));
        machine.sync(&model).await;
        machine.agree(&model, if keep { "taken up" } else { "given up" });
    }
    // In the middle of a session, between LIST and EXAMINE.
    a_day_later(&model);
    model.edit(|server| {
        server.at(Moment::Command("EXAMINE", 1), |server| server.keep_mod_seq("INBOX", false));
    });
    machine.sync(&model).await;
    machine.agree(&model, "in the middle");
}

#[tokio::test]
async fn fault_16_a_server_that_loses_its_extensions_is_still_followed() {
    let (model, machine) = synced().await;
    for config in [Config::plain(), Config::condstore(), Config::plain(), Config::qresync()] {
        a_day_later(&model);
        model.edit(|server| server.configure(config));
        machine.sync(&model).await;
        machine.agree(&model, "changed");
    }
}

#[tokio::test]
async fn fault_17_uidvalidity_that_changes_every_time_fetches_nothing_twice() {
    for config in [Config::plain(), Config::qresync()] {
        let model = household(config);
        let machine = Machine::new();
        machine.sync(&model).await;
        for round in 0..4 {
            model.edit(|server| server.renumber("INBOX"));
            let report = machine.sync(&model).await;
            assert_eq!(fetched(&report), 0, "round {round}");
            machine.agree(&model, "renumbered");
        }
    }
}

#[tokio::test]
async fn a_mailbox_that_went_and_whose_name_stays_for_those_below_it_holds_nothing() {
    for config in [Config::plain(), Config::qresync()] {
        let model = household(config);
        model.edit(|server| {
            server.create("Lists");
            server.deliver("Lists", &[], &letter(300));
        });
        let machine = Machine::new();
        machine.sync(&model).await;
        model.edit(|server| server.delete("Lists"));
        machine.sync(&model).await;
        machine.agree(&model, "gone");
        // It comes back with nothing.
        model.edit(|server| server.create("Lists"));
        machine.sync(&model).await;
        machine.agree(&model, "back");
    }
}

#[tokio::test]
async fn fault_25_a_second_writer_is_refused_and_readers_see_whole_commits() {
    let (model, machine) = synced().await;
    let held = Store::open(machine.path()).unwrap();
    let Err(restante_engine::Error::Store(error)) = machine.try_sync(&model, End::Never).await else {
        panic!("two writers")
    };
    let ours = std::process::id();
    assert!(matches!(error, StoreError::Locked { process: Some(process), .. } if process == ours), "{error}");
    machine.agree(&model, "read beside a writer");
    drop(held);
    a_day_later(&model);
    machine.sync(&model).await;
    machine.agree(&model, "let go");
}

/// A little of everything, as often as wanted.
fn a_day_later(model: &Model) {
    model.edit(|server| {
        let uid = server.deliver("INBOX", &[], &letter(1000 + server.mailbox("INBOX").next));
        server.deliver("INBOX", &[], &letter(2000 + uid));
        let first = *server.mailbox("INBOX").messages.keys().next().unwrap();
        server.expunge("INBOX", &[first]);
        server.flag("INBOX", uid, &["\\Flagged"], &[]);
    });
}

#[tokio::test]
async fn fault_14_a_uidnext_that_only_follows_the_highest_uid_costs_nothing() {
    for (name, config) in strategies() {
        let model = household(config);
        let machine = Machine::new();
        machine.sync(&model).await;
        for around in ["once", "and again", "and again"] {
            model.edit(|server| {
                let mut inbox = server.mailbox("INBOX").clone();
                let newest = *inbox.messages.keys().last().unwrap();
                server.expunge("INBOX", &[newest]);
                inbox.clone_from(server.mailbox("INBOX"));
                inbox.next = newest;
                server.restore("INBOX", inbox);
            });
            let report = machine.sync(&model).await;
            let inbox = report.mailboxes.iter().find(|mailbox| mailbox.name == "INBOX").unwrap();
            assert_eq!(report.findings, [], "{name} {around}");
            assert_eq!((inbox.removed, inbox.recognised, inbox.new), (1, 0, 0), "{name} {around}");
            machine.agree(&model, name);
        }
        // Mail that comes then is noticed.
        model.edit(|server| server.deliver("INBOX", &[], &letter(300)));
        assert_eq!(fetched(&machine.sync(&model).await), 1, "{name}");
        machine.agree(&model, name);
    }
}

#[tokio::test]
async fn fault_14_a_uidnext_that_falls_below_uids_given_again_is_doubted() {
    for (name, config) in strategies() {
        let model = household(config);
        let machine = Machine::new();
        let mut backup = None;
        model.edit(|server| {
            backup = Some(server.mailbox("INBOX").clone());
            for number in [301, 302] {
                server.deliver("INBOX", &[], &letter(number));
            }
        });
        machine.sync(&model).await;
        model.edit(|server| {
            server.restore("INBOX", backup.take().unwrap());
            server.deliver("INBOX", &[], &letter(303));
        });
        let report = machine.sync(&model).await;
        assert!(report.findings.iter().any(|f| f.evidence.contains("UIDNEXT went back")), "{name}");
        machine.agree(&model, name);
    }
}
