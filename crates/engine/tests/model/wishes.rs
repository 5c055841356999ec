//! Whatever a person asks at two machines while others write too: each wish is done, waits, or was given up by name,
//! and no message is lost or doubled.

use crate::machine::{ACCOUNT, End, Machine, letter, strategies};
use crate::pipe::Break;
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};
use restante_core::mail::{Flags, Uid};
use restante_store::{Ask, Intent, MailboxId, OperationId, OperationState, RequestId, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use testkit::model::{Model, Server};

/// Cases in a run; more by the environment, for a night.
const CASES: u32 = 24;
const NAMES: [&str; 4] = ["Archive", "Lists", "Lists/rust", "Projects"];
const FLAGS: [&str; 3] = ["\\Seen", "\\Flagged", "$Work"];
/// Syncs of each machine until nothing is left to be said.
const ROUNDS: u32 = 6;

/// What a person asks for a message that is chosen among those shown.
#[derive(Clone, Copy, Debug)]
enum Wish {
    Flag { flag: usize, set: bool },
    Move { to: usize },
    Copy { to: usize },
    Remove,
}

/// One thing that happens.
#[derive(Clone, Debug)]
enum Act {
    /// At a machine a person asks something.
    Ask {
        machine: usize,
        message: usize,
        wish: Wish,
    },
    /// And takes back one of the latest requests.
    Undo {
        machine: usize,
        request: usize,
    },
    Sync {
        machine: usize,
        end: End,
    },
    /// Others do something.
    Deliver {
        mailbox: usize,
    },
    Flag {
        message: usize,
        flag: usize,
        set: bool,
    },
    Move {
        message: usize,
        to: usize,
    },
    Expunge {
        message: usize,
    },
    Renumber {
        mailbox: usize,
    },
    Rename {
        mailbox: usize,
        to: usize,
    },
    Delete {
        mailbox: usize,
    },
    Create {
        name: usize,
    },
    /// The server offers other extensions.
    Offer {
        strategy: usize,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let one = || 0..12_usize;
    let wish = prop_oneof![
        4 => (0..3_usize, any::<bool>()).prop_map(|(flag, set)| Wish::Flag { flag, set }),
        4 => one().prop_map(|to| Wish::Move { to }),
        2 => one().prop_map(|to| Wish::Copy { to }),
        1 => Just(Wish::Remove),
    ];
    let end = prop_oneof![
        4 => Just(End::Never),
        1 => (1..16_u32).prop_map(|n| End::Broken(Break::Before(n))),
        4 => (1..9_u32).prop_map(|n| End::Broken(Break::After(n))),
        3 => (0..10_u32).prop_map(End::Commits),
    ];
    prop_oneof![
        12 => (0..2_usize, one(), wish).prop_map(|(machine, message, wish)| Act::Ask { machine, message, wish }),
        2 => (0..2_usize, 0..3_usize).prop_map(|(machine, request)| Act::Undo { machine, request }),
        8 => (0..2_usize, end).prop_map(|(machine, end)| Act::Sync { machine, end }),
        2 => one().prop_map(|mailbox| Act::Deliver { mailbox }),
        1 => (one(), 0..3_usize, any::<bool>()).prop_map(|(message, flag, set)| Act::Flag { message, flag, set }),
        1 => (one(), one()).prop_map(|(message, to)| Act::Move { message, to }),
        1 => one().prop_map(|message| Act::Expunge { message }),
        1 => one().prop_map(|mailbox| Act::Renumber { mailbox }),
        1 => (one(), 0..NAMES.len()).prop_map(|(mailbox, to)| Act::Rename { mailbox, to }),
        1 => one().prop_map(|mailbox| Act::Delete { mailbox }),
        1 => (0..NAMES.len()).prop_map(|name| Act::Create { name }),
        1 => (0..4_usize).prop_map(|strategy| Act::Offer { strategy }),
    ]
}

/// A message on the server.
struct Copy {
    mailbox: String,
    flags: BTreeSet<String>,
}

impl Copy {
    /// Where nothing can be removed by name, what was moved away is only marked.
    fn is_marked(&self) -> bool {
        self.flags.contains("\\Deleted")
    }
}

/// The messages of the server by number.
fn copies(server: &Server) -> BTreeMap<u32, Vec<Copy>> {
    let mut all: BTreeMap<u32, Vec<Copy>> = BTreeMap::new();
    for (name, mailbox) in server.mailboxes() {
        for message in mailbox.messages.values() {
            let flags = message.flags.names().map(str::to_owned).collect();
            all.entry(number(&message.bytes)).or_default().push(Copy { mailbox: name.clone(), flags });
        }
    }
    all
}

/// Which letter it is.
fn number(bytes: &[u8]) -> u32 {
    let text = String::from_utf8_lossy(&bytes[..200.min(bytes.len())]).into_owned();
    text.split_once("Message-ID: <").unwrap().1.split_once('@').unwrap().0.parse().unwrap()
}

/// What is to be true of a message in the end.
#[derive(Clone, Debug)]
enum Outcome {
    Flag { flag: &'static str, set: bool },
    In(String),
}

/// A wish that nobody contradicted.
#[derive(Clone, Debug)]
struct Open {
    machine: usize,
    operation: OperationId,
    end: Outcome,
}

/// What was asked, and what may therefore be.
#[derive(Default)]
struct Ledger {
    next: u32,
    delivered: BTreeSet<u32>,
    /// Somebody removed it, or a copy of it: it may be gone.
    removed: BTreeSet<u32>,
    /// How often each was to be copied or added again.
    more: BTreeMap<u32, usize>,
    /// The last word about each message and matter.
    open: BTreeMap<(u32, &'static str), Open>,
    /// Matters that more than one had a word in.
    contested: BTreeSet<(u32, &'static str)>,
    /// What an unanswered command may have put somewhere. Should another program take it from there before anybody has
    /// looked, nobody can tell, and it is put there again: better twice than not at all.
    in_doubt: BTreeSet<u32>,
    /// What each request was about.
    requests: BTreeMap<(usize, RequestId), u32>,
}

impl Ledger {
    fn wish(&mut self, number: u32, matter: &'static str, open: Open) {
        let key = (number, matter);
        match self.open.get(&key) {
            Some(before) if before.machine != open.machine => self.contest(number, matter),
            _ if self.contested.contains(&key) => {}
            _ => drop(self.open.insert(key, open)),
        }
    }

    fn contest(&mut self, number: u32, matter: &'static str) {
        self.contested.insert((number, matter));
        self.open.remove(&(number, matter));
    }

    /// Others did something to it: where it is and how it looks is no longer ours to say.
    fn disturb(&mut self, number: u32) {
        for matter in ["place", "copy", FLAGS[0], FLAGS[1], FLAGS[2]] {
            self.contest(number, matter);
        }
    }

    fn ask(&mut self, at: usize, machine: &Machine, message: usize, wish: Wish) {
        let view = machine.view();
        let Some(account) = view.find_account(ACCOUNT).unwrap() else { return };
        let mailboxes = view.mailboxes(account).unwrap();
        let mut entries = Vec::new();
        for row in &mailboxes {
            let uids: Vec<Uid> = view.uids(row.id).unwrap().iter().collect();
            let unmarked = view.entries(row.id, &uids).unwrap().into_iter();
            entries.extend(unmarked.filter(|e| !e.flags.contains("\\Deleted")).map(|entry| (row.id, entry)));
        }
        if entries.is_empty() {
            return;
        }
        let (mailbox, entry) = &entries[message % entries.len()];
        let number = number(&view.read(entry.message).unwrap());
        let target = |to: usize| -> (MailboxId, String) {
            let row = &mailboxes[to % mailboxes.len()];
            (row.id, row.mailbox.name.as_str().to_owned())
        };
        let flags = |on: bool, flag: usize| -> Flags { [FLAGS[flag]].into_iter().filter(|_| on).collect() };
        let intent = match wish {
            Wish::Flag { flag, set } => Intent::Flag { add: flags(set, flag), remove: flags(!set, flag) },
            Wish::Move { to } => Intent::Move { to: target(to).0 },
            Wish::Copy { to } => Intent::Copy { to: target(to).0 },
            Wish::Remove => Intent::Remove,
        };
        let ask = Ask { mailbox: *mailbox, uid: Some(entry.uid), intent };
        let requested = machine.ask(|store, _| store.desk().request("a wish", &[ask], 0)).unwrap();
        let operation = requested.operations[0];
        self.requests.insert((at, requested.id), number);
        // Which of several is meant cannot be told from outside.
        if self.more.contains_key(&number) {
            self.disturb(number);
        }
        match wish {
            Wish::Flag { flag, set } => {
                let flag = FLAGS[flag];
                self.wish(number, flag, Open { machine: at, operation, end: Outcome::Flag { flag, set } });
            }
            Wish::Move { to } => {
                self.wish(number, "place", Open { machine: at, operation, end: Outcome::In(target(to).1) });
            }
            Wish::Copy { to } => {
                *self.more.entry(number).or_default() += 1;
                self.wish(number, "copy", Open { machine: at, operation, end: Outcome::In(target(to).1) });
                // A later move may take away what was copied there.
                self.contest(number, "place");
            }
            Wish::Remove => {
                self.removed.insert(number);
                self.disturb(number);
            }
        }
    }

    fn undo(&mut self, at: usize, machine: &Machine, back: usize) {
        let requests = machine.view().requests(3).unwrap();
        let Some(request) = requests.get(back) else { return };
        let undone = match machine.ask(|store, _| store.desk().undo(request.id, 0)) {
            Ok(undone) => undone,
            Err(StoreError::UnderWay) => return,
            Err(error) => panic!("{error}"),
        };
        let number = self.requests[&(at, request.id)];
        self.disturb(number);
        let Some(requested) = undone.request else { return };
        self.requests.insert((at, requested.id), number);
        for operation in machine.view().operations_of(requested.id).unwrap() {
            match operation.intent {
                Intent::Append { .. } => *self.more.entry(number).or_default() += 1,
                Intent::Remove => drop(self.removed.insert(number)),
                _ => {}
            }
        }
    }

    /// What others do.
    fn others(&mut self, server: &mut Server, act: &Act) {
        let names: Vec<String> = server.mailboxes().keys().cloned().collect();
        let name = |number: usize| names[number % names.len()].clone();
        let all: Vec<(String, u32, u32)> = server
            .mailboxes()
            .iter()
            .flat_map(|(name, mailbox)| {
                mailbox.messages.iter().map(|(uid, m)| (name.clone(), *uid, number(&m.bytes)))
            })
            .collect();
        let some = |number: usize| (!all.is_empty()).then(|| all[number % all.len()].clone());
        let within = |name: &str| -> Vec<u32> {
            let below = format!("{name}/");
            let inside = all.iter().filter(|(at, ..)| at == name || at.starts_with(&below));
            inside.map(|(.., number)| *number).collect()
        };
        match *act {
            Act::Deliver { mailbox } => {
                server.deliver(&name(mailbox), &[], &letter(self.next));
                self.delivered.insert(self.next);
                // Not the long ones: it is not their octets that matter here.
                self.next += if (self.next + 1) % 17 == 3 { 2 } else { 1 };
            }
            Act::Flag { message, flag, set } => {
                let Some((at, uid, number)) = some(message) else { return };
                let flag = FLAGS[flag];
                let (add, remove): (&[&str], &[&str]) = if set { (&[flag], &[]) } else { (&[], &[flag]) };
                server.flag(&at, uid, add, remove);
                self.contest(number, flag);
            }
            Act::Move { message, to } => {
                let Some((at, uid, number)) = some(message) else { return };
                server.relocate(&at, &[uid], &name(to));
                self.disturb(number);
                if self.in_doubt.contains(&number) {
                    *self.more.entry(number).or_default() += 1;
                }
            }
            Act::Expunge { message } => {
                let Some((at, uid, number)) = some(message) else { return };
                server.expunge(&at, &[uid]);
                self.removed.insert(number);
                self.disturb(number);
            }
            Act::Renumber { mailbox } => server.renumber(&name(mailbox)),
            Act::Rename { mailbox, to } => {
                let from = name(mailbox);
                if server.rename(&from, NAMES[to]) {
                    within(&from).into_iter().for_each(|number| self.disturb(number));
                    self.forget_place(&from);
                }
            }
            Act::Delete { mailbox } => {
                let at = name(mailbox);
                let inside: Vec<u32> =
                    all.iter().filter(|(of, ..)| *of == at).map(|(.., number)| *number).collect();
                if server.delete(&at) {
                    self.removed.extend(&inside);
                    inside.into_iter().for_each(|number| self.disturb(number));
                    self.forget_place(&at);
                }
            }
            Act::Create { name } => {
                server.create(NAMES[name]);
            }
            Act::Offer { strategy } => server.configure(strategies()[strategy].1.clone()),
            Act::Ask { .. } | Act::Undo { .. } | Act::Sync { .. } => {}
        }
    }

    /// A name means something else from now on.
    fn forget_place(&mut self, name: &str) {
        let below = format!("{name}/");
        let there: Vec<_> = self
            .open
            .iter()
            .filter(|(_, open)| matches!(&open.end, Outcome::In(at) if at == name || at.starts_with(&below)))
            .map(|(key, _)| *key)
            .collect();
        there.into_iter().for_each(|(number, matter)| self.contest(number, matter));
    }

    /// Holds the server against what was asked.
    fn close(&self, server: &Server, machines: &[Machine; 2]) {
        assert_eq!(server.bare_expunges(), 0);
        let copies = copies(server);
        for number in &self.delivered {
            let all = copies.get(number).map(Vec::as_slice).unwrap_or_default();
            let count = all.iter().filter(|copy| !copy.is_marked()).count();
            assert!(count > 0 || self.removed.contains(number), "{number} is lost");
            let most = 1 + self.more.get(number).copied().unwrap_or(0);
            assert!(count <= most, "{number} is there {count} times, {most} at most were asked for");
        }
        for ((number, matter), open) in &self.open {
            // It waits by name, or was given up by name.
            if machines[open.machine].view().operation(open.operation).unwrap().is_some() {
                continue;
            }
            let all = copies.get(number).map(Vec::as_slice).unwrap_or_default();
            let done = all.iter().any(|copy| match &open.end {
                Outcome::In(mailbox) => copy.mailbox == *mailbox && !copy.is_marked(),
                // The other machine may have made the copy before it knew.
                Outcome::Flag { flag, set } => copy.flags.contains(*flag) == *set,
            });
            assert!(done, "{number}: {matter} was asked for, and is not: {open:?}");
        }
    }
}

/// Messages that a machine asked the server to put somewhere, and heard nothing.
fn in_doubt(machines: &[Machine; 2]) -> BTreeSet<u32> {
    let mut all = BTreeSet::new();
    for machine in machines {
        let adds = |intent: &Intent| {
            matches!(intent, Intent::Move { .. } | Intent::Copy { .. } | Intent::Append { .. })
        };
        let asked = machine.waiting().into_iter().filter(|operation| operation.since > 0);
        let messages = asked.filter(|operation| adds(&operation.intent)).filter_map(|o| o.message);
        all.extend(messages.map(|message| number(&machine.view().read(message).unwrap())));
    }
    all
}

async fn play(acts: &[Act]) {
    let model = Model::new(strategies()[2].1.clone());
    let machines = [Machine::new(), Machine::new()];
    let mut ledger = Ledger { next: 1, ..Ledger::default() };
    model.edit(|server| {
        for name in &NAMES[..2] {
            server.create(name);
        }
        (0..6).for_each(|at| ledger.others(server, &Act::Deliver { mailbox: at / 2 }));
    });
    for machine in &machines {
        machine.sync(&model).await;
    }
    for act in acts {
        match *act {
            Act::Ask { machine, message, wish } => ledger.ask(machine, &machines[machine], message, wish),
            Act::Undo { machine, request } => ledger.undo(machine, &machines[machine], request),
            // It may fail; what it leaves is what counts.
            Act::Sync { machine, end } => drop(machines[machine].try_sync(&model, end).await),
            _ => {
                ledger.in_doubt = in_doubt(&machines);
                model.edit(|server| ledger.others(server, act));
            }
        }
    }
    for _ in 0..ROUNDS {
        for machine in &machines {
            machine.sync(&model).await;
        }
    }
    for (number, machine) in machines.iter().enumerate() {
        for operation in machine.waiting() {
            // Asked and not answered: nobody could take it back.
            assert!(
                operation.state == OperationState::Waiting || operation.uid.is_none(),
                "machine {number}: {operation:?}"
            );
        }
        let around = format!("machine {number}");
        machine.agree_on_entries(&model, &around);
        // What waits is shown as done.
        if machine.waiting().is_empty() {
            machine.agree(&model, &around);
        }
    }
    model.edit(|server| ledger.close(server, &machines));
}

/// Found by the property below.
#[tokio::test]
async fn a_copy_that_another_program_takes_away_before_anybody_has_looked_is_made_again() {
    play(&[
        Act::Ask { machine: 1, message: 8, wish: Wish::Flag { flag: 0, set: false } },
        Act::Ask { machine: 1, message: 8, wish: Wish::Copy { to: 2 } },
        Act::Sync { machine: 1, end: End::Broken(Break::After(4)) },
        Act::Move { message: 6, to: 0 },
    ])
    .await;
}

/// Found by the property below.
#[tokio::test]
async fn what_was_moved_and_could_only_be_marked_is_not_taken_for_the_message_itself() {
    play(&[
        Act::Ask { machine: 1, message: 0, wish: Wish::Move { to: 2 } },
        Act::Offer { strategy: 0 },
        Act::Sync { machine: 1, end: End::Broken(Break::After(4)) },
        Act::Ask { machine: 1, message: 0, wish: Wish::Move { to: 0 } },
    ])
    .await;
}

/// Found by the property below.
#[tokio::test]
async fn a_message_that_somebody_has_marked_as_removed_is_not_copied_with_its_mark() {
    play(&[
        Act::Offer { strategy: 0 },
        Act::Move { message: 8, to: 0 },
        Act::Ask { machine: 1, message: 5, wish: Wish::Move { to: 4 } },
        Act::Delete { mailbox: 0 },
        Act::Sync { machine: 0, end: End::Never },
        Act::Sync { machine: 1, end: End::Never },
        Act::Ask { machine: 0, message: 2, wish: Wish::Copy { to: 5 } },
        Act::Delete { mailbox: 2 },
    ])
    .await;
}

#[test]
fn whatever_is_asked_is_done_or_waits_or_is_given_up_by_name_and_nothing_is_lost_or_doubled() {
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
