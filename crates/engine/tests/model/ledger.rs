//! Whatever happens in whatever order, what is here is in the end what is there.

use crate::machine::{End, Machine, letter, strategies};
use crate::pipe::Break;
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};
use testkit::model::{Model, Server};

/// Cases in a run; more by the environment, for a night.
const CASES: u32 = 24;
const NAMES: [&str; 5] = ["INBOX", "Archive", "Lists", "Lists/rust", "Projects"];

/// One thing that happens. Mailboxes and messages are chosen among those that there are.
#[derive(Clone, Debug)]
enum Act {
    Deliver {
        mailbox: usize,
    },
    /// The same message once more.
    Repeat {
        mailbox: usize,
        of: u32,
    },
    Flag {
        mailbox: usize,
        message: usize,
        flag: usize,
        set: bool,
    },
    Expunge {
        mailbox: usize,
        message: usize,
        count: usize,
    },
    Move {
        from: usize,
        message: usize,
        to: usize,
    },
    Renumber {
        mailbox: usize,
    },
    Forget {
        mailbox: usize,
    },
    Create {
        name: usize,
    },
    Rename {
        mailbox: usize,
        to: usize,
    },
    Delete {
        mailbox: usize,
    },
    /// The server offers other extensions.
    Offer {
        strategy: usize,
    },
    /// One of two machines syncs, to its end or not.
    Sync {
        machine: usize,
        end: End,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let some = 0..8_usize;
    let end = prop_oneof![
        3 => Just(End::Never),
        1 => (1..16_u32).prop_map(|n| End::Broken(Break::Before(n))),
        1 => (1..16_u32).prop_map(|n| End::Broken(Break::After(n))),
        1 => (0..12_u32).prop_map(End::Commits),
        1 => (0..12_u32).prop_map(End::Pages),
    ];
    let one = || some.clone();
    prop_oneof![
        6 => one().prop_map(|mailbox| Act::Deliver { mailbox }),
        1 => (one(), 0..20_u32).prop_map(|(mailbox, of)| Act::Repeat { mailbox, of }),
        4 => (one(), one(), 0..3_usize, any::<bool>())
            .prop_map(|(mailbox, message, flag, set)| Act::Flag { mailbox, message, flag, set }),
        2 => (one(), one(), 1..4_usize)
            .prop_map(|(mailbox, message, count)| Act::Expunge { mailbox, message, count }),
        2 => (one(), one(), one()).prop_map(|(from, message, to)| Act::Move { from, message, to }),
        1 => one().prop_map(|mailbox| Act::Renumber { mailbox }),
        1 => one().prop_map(|mailbox| Act::Forget { mailbox }),
        1 => (0..NAMES.len()).prop_map(|name| Act::Create { name }),
        1 => (one(), 0..NAMES.len()).prop_map(|(mailbox, to)| Act::Rename { mailbox, to }),
        1 => one().prop_map(|mailbox| Act::Delete { mailbox }),
        1 => (0..4_usize).prop_map(|strategy| Act::Offer { strategy }),
        6 => (0..2_usize, end).prop_map(|(machine, end)| Act::Sync { machine, end }),
    ]
}

/// The mailbox that a number chooses.
fn mailbox(server: &Server, number: usize) -> String {
    let names: Vec<&String> = server.mailboxes().keys().collect();
    names[number % names.len()].clone()
}

/// The UIDs of so many messages from the one on that a number chooses.
fn messages(server: &Server, mailbox: &str, number: usize, count: usize) -> Vec<u32> {
    let uids: Vec<u32> = server.mailbox(mailbox).messages.keys().copied().collect();
    uids.into_iter().rev().skip(number).take(count).collect()
}

fn perform(server: &mut Server, act: &Act, next: &mut u32) {
    match *act {
        Act::Deliver { mailbox: at } => {
            let name = mailbox(server, at);
            server.deliver(&name, &[], &letter(*next));
            *next += 1;
        }
        Act::Repeat { mailbox: at, of } => {
            let name = mailbox(server, at);
            server.deliver(&name, &["\\Seen"], &letter(of));
        }
        Act::Flag { mailbox: at, message, flag, set } => {
            let name = mailbox(server, at);
            let flag = [["\\Seen", "\\Flagged", "$Work"][flag]];
            for uid in messages(server, &name, message, 1) {
                let (add, remove): (&[&str], &[&str]) = if set { (&flag, &[]) } else { (&[], &flag) };
                server.flag(&name, uid, add, remove);
            }
        }
        Act::Expunge { mailbox: at, message, count } => {
            let name = mailbox(server, at);
            let uids = messages(server, &name, message, count);
            server.expunge(&name, &uids);
        }
        Act::Move { from, message, to } => {
            let (from, to) = (mailbox(server, from), mailbox(server, to));
            let uids = messages(server, &from, message, 2);
            server.relocate(&from, &uids, &to);
        }
        Act::Renumber { mailbox: at } => {
            let name = mailbox(server, at);
            server.renumber(&name);
        }
        Act::Forget { mailbox: at } => {
            let name = mailbox(server, at);
            server.forget_expunged(&name);
        }
        Act::Create { name } => {
            server.create(NAMES[name]);
        }
        Act::Rename { mailbox: at, to } => {
            let name = mailbox(server, at);
            server.rename(&name, NAMES[to]);
        }
        Act::Delete { mailbox: at } => {
            let name = mailbox(server, at);
            server.delete(&name);
        }
        Act::Offer { strategy } => server.configure(strategies()[strategy].1.clone()),
        Act::Sync { .. } => {}
    }
}

async fn play(acts: &[Act]) {
    let model = Model::new(strategies()[2].1.clone());
    let machines = [Machine::new(), Machine::new()];
    let mut next = 0;
    for act in acts {
        if let Act::Sync { machine, end } = act {
            // It may fail; what it leaves is what counts.
            let _ = machines[*machine].try_sync(&model, *end).await;
        } else {
            model.edit(|server| perform(server, act, &mut next));
        }
    }
    for (number, machine) in machines.iter().enumerate() {
        machine.sync(&model).await;
        // In a sync that finds new UIDs a mailbox that is gone may stay once more.
        machine.sync(&model).await;
        machine.agree(&model, &format!("machine {number}"));
    }
}

#[test]
fn whatever_others_do_and_wherever_syncs_end_both_machines_agree_with_the_server() {
    let cases = std::env::var("RESTANTE_LEDGER_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = Cases { cases: cases.unwrap_or(CASES), failure_persistence: None, ..Cases::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let ran = TestRunner::new(cases).run(&proptest::collection::vec(act(), 1..40), |acts| {
        runtime.block_on(play(&acts));
        Ok(())
    });
    if let Err(error) = ran {
        panic!("{error}");
    }
}
