//! Whatever is to be held of each message, and however often that changes: every message has its place, none is lost,
//! none seems to have gone.

use crate::killed::{fresh, in_every_way};
use crate::machine::{End, Machine, letter, now, strategies};
use crate::pipe::Break;
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};
use restante_core::mail::Flags;
use restante_core::sync::policy::{Age, Policy};
use restante_engine::sync::Report;
use restante_store::{Ask, Desk, Intent, check};
use testkit::model::{Config, Fault, Model, Moment};

const DAY: i64 = 86_400;
/// Cases in a run; more by the environment, for a night.
const CASES: u32 = 48;
const NAMES: [&str; 2] = ["INBOX", "Archive"];

fn keep(text: &str) -> Policy {
    Policy { keep: Age::parse(text), whole: None }
}

fn up_to(octets: u64) -> Policy {
    Policy { keep: None, whole: Some(octets) }
}

/// Mail of a year in two mailboxes, some of it large, some of it in both.
fn year(config: Config) -> Model {
    let model = Model::new(config);
    model.edit(|server| {
        server.create("Archive");
        for number in 0..24_u32 {
            let date = now() - i64::from(number) * 15 * DAY - 3600;
            server.deliver_at("INBOX", date, &letter(number));
            if number % 4 == 0 {
                server.deliver_at("Archive", date, &letter(number));
            }
        }
    });
    model
}

fn sum(report: &Report) -> (u64, u64, u64) {
    let of = |value: fn(&restante_engine::sync::MailboxReport) -> u64| -> u64 {
        report.mailboxes.iter().map(value).sum()
    };
    (of(|m| m.new), of(|m| m.completed), of(|m| m.removed + m.changed + m.recognised))
}

fn is_sound(machine: &Machine) {
    let mut faults = Vec::new();
    check(machine.path(), |fault| faults.push(fault), |_| {}).unwrap();
    assert_eq!(faults, []);
}

#[tokio::test]
async fn of_old_messages_the_header_is_held_until_the_policy_is_widened() {
    for (around, config) in strategies() {
        let model = year(config);
        let machine = Machine::new();
        machine.hold(keep("90 days"));
        let report = machine.sync(&model).await;
        assert_eq!(sum(&report), (30, 0, 0), "{around}");
        machine.agree(&model, around);
        // The one of 90 days and an hour is not yet old for SEARCH, which knows only days.
        assert_eq!(machine.partials(), 17 + 4, "{around}");
        assert_eq!(sum(&machine.sync(&model).await), (0, 0, 0), "{around}");
        machine.hold(keep("8 months"));
        assert!(sum(&machine.sync(&model).await).1 > 0, "{around}");
        machine.agree(&model, around);
        machine.hold(Policy::default());
        let report = machine.sync(&model).await;
        assert_eq!((sum(&report).0, sum(&report).2), (0, 0), "{around}");
        machine.agree(&model, around);
        assert_eq!(machine.partials(), 0, "{around}");
        assert_eq!(sum(&machine.sync(&model).await), (0, 0, 0), "{around}");
        is_sound(&machine);
    }
}

#[tokio::test]
async fn what_is_held_whole_stays_whole_under_a_narrower_policy() {
    for (around, config) in strategies() {
        let model = year(config);
        let machine = Machine::new();
        machine.sync(&model).await;
        for policy in [keep("1 week"), up_to(100)] {
            machine.hold(policy);
            assert_eq!(sum(&machine.sync(&model).await), (0, 0, 0), "{around}");
            assert_eq!(machine.partials(), 0, "{around}");
        }
        machine.agree(&model, around);
    }
}

#[tokio::test]
async fn of_large_messages_the_beginning_is_held() {
    for (around, config) in strategies() {
        let model = year(config);
        let machine = Machine::new();
        machine.hold(up_to(70_000));
        machine.sync(&model).await;
        machine.agree(&model, around);
        assert_eq!(machine.partials(), 3, "{around}: letters 3 and 20, and 20 in the archive");
        // A header is less than a beginning.
        let other = Machine::new();
        other.hold(keep("10 days"));
        other.sync(&model).await;
        other.hold(up_to(70_000));
        other.sync(&model).await;
        other.agree(&model, around);
        assert_eq!(other.partials(), 3, "{around}");
        is_sound(&other);
    }
}

#[tokio::test]
async fn what_is_asked_of_a_message_reaches_the_server_however_little_of_it_is_held() {
    let model = year(Config::everything());
    let machine = Machine::new();
    machine.hold(keep("10 days"));
    machine.sync(&model).await;
    let (inbox, archive) = (machine.mailbox("INBOX"), machine.mailbox("Archive"));
    let ask = |uid: u32, intent| Ask { mailbox: inbox, uid: restante_core::mail::Uid::new(uid), intent };
    let star = Intent::Flag { add: ["\\Flagged"].into_iter().collect(), remove: Flags::new() };
    let asks = [ask(12, star), ask(13, Intent::Move { to: archive }), ask(14, Intent::Remove)];
    machine.ask(|store, _| store.desk().request("a test", &asks, 0)).unwrap();
    machine.sync(&model).await;
    machine.agree(&model, "asked");
    model.edit(|server| {
        assert!(server.mailbox("INBOX").messages[&12].flags.has("\\Flagged"));
        assert!(!server.mailbox("INBOX").messages.contains_key(&14));
        assert_eq!(server.mailbox("Archive").messages.len(), 7);
    });
    machine.hold(Policy::default());
    machine.sync(&model).await;
    machine.agree(&model, "completed");
}

#[tokio::test]
async fn messages_that_are_here_in_part_are_recognised_under_new_uids() {
    for (around, config) in strategies() {
        let model = year(config);
        let machine = Machine::new();
        machine.hold(keep("10 days"));
        machine.sync(&model).await;
        model.edit(|server| server.renumber("INBOX"));
        let report = machine.sync(&model).await;
        let inbox = report.mailboxes.iter().find(|mailbox| mailbox.name == "INBOX").unwrap();
        assert_eq!((inbox.recognised, inbox.new), (24, 0), "{around}");
        machine.agree(&model, around);
        machine.hold(Policy::default());
        machine.sync(&model).await;
        machine.agree(&model, around);
    }
}

#[tokio::test]
async fn a_server_that_says_all_vanished_is_asked_for_proof_whatever_is_held() {
    let model = year(Config::qresync());
    let machine = Machine::new();
    machine.hold(keep("10 days"));
    machine.sync(&model).await;
    model.edit(|server| {
        server.deliver("INBOX", &[], &letter(300));
        server.fault(Fault::VanishedNames((1..=10_000).collect()));
    });
    let report = machine.sync(&model).await;
    assert_eq!(sum(&report), (1, 0, 0));
    machine.agree(&model, "all vanished");
}

#[tokio::test]
async fn a_first_sync_under_a_policy_ended_at_each_step_is_completed_by_the_next() {
    for (around, config) in strategies() {
        let before = fresh();
        before.hold(Policy { keep: Age::parse("90 days"), whole: Some(70_000) });
        in_every_way(around, &year(config), &before).await;
    }
}

#[tokio::test]
async fn a_wider_policy_ended_at_each_step_is_carried_out_by_the_next() {
    for (around, config) in strategies() {
        let model = year(config);
        let before = Machine::new();
        before.hold(Policy { keep: Age::parse("90 days"), whole: Some(70_000) });
        before.sync(&model).await;
        before.hold(Policy::default());
        in_every_way(around, &model, &before).await;
    }
}

/// The UIDs that bodies were fetched of since the last `EXAMINE` of a mailbox, in order.
fn fetches(model: &Model) -> Vec<String> {
    model.edit(|server| {
        let bodies = server.commands().iter().filter(|command| command.contains("BODY.PEEK[]"));
        bodies.filter_map(|command| command.split_whitespace().nth(2).map(str::to_owned)).collect()
    })
}

/// While 500 messages are completed, a person opens one: the last but one of this mailbox, or one of another.
async fn pre_empted(config: Config, name: &'static str, uid: u32) {
    let model = Model::new(config);
    model.edit(|server| {
        server.create("Archive");
        for number in 0..500 {
            server.deliver_at("INBOX", now() - 100 * DAY, &letter(number));
        }
        for number in 1000..1005 {
            server.deliver_at("Archive", now() - 100 * DAY, &letter(number));
        }
    });
    let machine = Machine::new();
    machine.hold(keep("30 days"));
    machine.sync(&model).await;
    assert_eq!(machine.partials(), 505);
    machine.hold(Policy::default());
    let before = fetches(&model).len();
    let (path, mailbox) = (machine.path().to_owned(), machine.mailbox(name));
    model.edit(|server| {
        // From another process, while the first portion is on its way.
        server.at(Moment::Body(5), move |_| {
            let mut desk = Desk::open(&path).unwrap();
            let uid = restante_core::mail::Uid::new(uid).unwrap();
            let message = desk.entries(mailbox, &[uid]).unwrap()[0].message;
            desk.want(message, crate::machine::now()).unwrap();
        });
    });
    machine.sync(&model).await;
    machine.agree(&model, name);
    assert_eq!(machine.partials(), 0);
    let fetched = fetches(&model).split_off(before);
    let at = fetched.iter().position(|uids| *uids == uid.to_string());
    let at = at.unwrap_or_else(|| panic!("nobody was served: {fetched:?}"));
    // After the portions of INBOX that were under way, and before its last.
    assert_eq!((at, fetched[4].as_str()), (3, "1:80"), "{fetched:?}");
    is_sound(&machine);
}

#[tokio::test]
async fn an_opened_message_comes_before_the_bulk_of_its_mailbox() {
    for config in [Config::plain(), Config::qresync()] {
        pre_empted(config, "INBOX", 2).await;
    }
}

#[tokio::test]
async fn an_opened_message_of_another_mailbox_comes_before_the_bulk() {
    for config in [Config::plain(), Config::qresync()] {
        pre_empted(config, "Archive", 2).await;
    }
}

#[tokio::test]
async fn of_an_opened_message_that_is_gone_it_is_said_why_it_cannot_be_had() {
    let model = year(Config::qresync());
    let machine = Machine::new();
    machine.hold(keep("30 days"));
    machine.sync(&model).await;
    let inbox = machine.mailbox("INBOX");
    let mut desk = Desk::open(machine.path()).unwrap();
    let message = desk.entries(inbox, &[restante_core::mail::Uid::new(20).unwrap()]).unwrap()[0].message;
    desk.want(message, crate::machine::now()).unwrap();
    model.edit(|server| server.expunge("INBOX", &[20]));
    machine.sync(&model).await;
    machine.agree(&model, "gone");
    let why = desk.why_not(message).unwrap().unwrap();
    assert!(why.contains("the server has this message no more"), "{why}");
}

/// One thing that happens.
#[derive(Clone, Debug)]
enum Act {
    Hold(usize),
    Sync(End),
    Deliver { mailbox: usize, letter: u32, days: i64 },
    Copy { message: usize },
    Move { message: usize },
    Expunge { message: usize },
    Flag { message: usize },
    Renumber { mailbox: usize },
    Offer { strategy: usize },
}

fn act() -> impl Strategy<Value = Act> {
    let one = || 0..12_usize;
    let end = prop_oneof![
        6 => Just(End::Never),
        1 => (1..16_u32).prop_map(|n| End::Broken(Break::Before(n))),
        2 => (1..12_u32).prop_map(|n| End::Broken(Break::After(n))),
        2 => (0..12_u32).prop_map(End::Commits),
    ];
    prop_oneof![
        5 => (0..5_usize).prop_map(Act::Hold),
        8 => end.prop_map(Act::Sync),
        6 => (0..2_usize, 0..24_u32, 0..200_i64)
            .prop_map(|(mailbox, letter, days)| Act::Deliver { mailbox, letter, days }),
        2 => one().prop_map(|message| Act::Copy { message }),
        2 => one().prop_map(|message| Act::Move { message }),
        1 => one().prop_map(|message| Act::Expunge { message }),
        1 => one().prop_map(|message| Act::Flag { message }),
        1 => (0..2_usize).prop_map(|mailbox| Act::Renumber { mailbox }),
        1 => (0..4_usize).prop_map(|strategy| Act::Offer { strategy }),
    ]
}

fn chosen(number: usize) -> Policy {
    match number {
        0 => Policy::default(),
        1 => keep("30 days"),
        2 => up_to(70_000),
        3 => Policy { keep: Age::parse("3 months"), whole: Some(50) },
        _ => keep("1 day"),
    }
}

/// What the others and the server do.
fn happen(model: &Model, act: &Act) {
    model.edit(|server| {
        let all: Vec<(&str, u32)> = NAMES
            .iter()
            .flat_map(|name| server.mailbox(name).messages.keys().map(|uid| (*name, *uid)))
            .collect();
        let pick = |at: usize| (!all.is_empty()).then(|| all[at % all.len()]);
        let other = |name: &str| if name == "INBOX" { "Archive" } else { "INBOX" };
        match act {
            Act::Deliver { mailbox, letter: number, days } => {
                // An hour off, so that no message becomes old while the test runs.
                server.deliver_at(NAMES[*mailbox], now() - days * DAY - 3600, &letter(*number));
            }
            Act::Copy { message } => {
                if let Some((name, uid)) = pick(*message) {
                    let message = server.mailbox(name).messages[&uid].clone();
                    server.deliver_at(other(name), message.date, &message.bytes);
                }
            }
            Act::Move { message } => {
                if let Some((name, uid)) = pick(*message) {
                    server.relocate(name, &[uid], other(name));
                }
            }
            Act::Expunge { message } => {
                if let Some((name, uid)) = pick(*message) {
                    server.expunge(name, &[uid]);
                }
            }
            Act::Flag { message } => {
                if let Some((name, uid)) = pick(*message) {
                    server.flag(name, uid, &["\\Seen"], &[]);
                }
            }
            Act::Renumber { mailbox } => server.renumber(NAMES[*mailbox]),
            Act::Offer { strategy } => server.configure(strategies()[*strategy].1.clone()),
            Act::Hold(_) | Act::Sync(_) => {}
        }
    });
}

async fn play(strategy: usize, acts: &[Act]) {
    let model = Model::new(strategies()[strategy].1.clone());
    model.edit(|server| {
        server.create("Archive");
    });
    let machine = Machine::new();
    for act in acts {
        match act {
            Act::Hold(number) => machine.hold(chosen(*number)),
            Act::Sync(end) => drop(machine.try_sync(&model, *end).await),
            other => happen(&model, other),
        }
    }
    machine.sync(&model).await;
    let around = format!("{acts:?}");
    machine.agree(&model, &around);
    machine.hold(Policy::default());
    machine.sync(&model).await;
    machine.agree(&model, &around);
    assert_eq!(machine.partials(), 0, "{around}");
    assert_eq!(sum(&machine.sync(&model).await), (0, 0, 0), "{around}");
    is_sound(&machine);
}

/// The same message is old in one mailbox and new in another, where it is recognised and not fetched.
#[tokio::test]
async fn what_is_recognised_where_it_is_new_is_made_whole() {
    let deliver = |mailbox, letter, days| Act::Deliver { mailbox, letter, days };
    let sync = || Act::Sync(End::Never);
    let acts = [
        Act::Hold(1),
        deliver(0, 12, 32),
        sync(),
        deliver(0, 0, 0),
        sync(),
        deliver(1, 12, 0),
        Act::Renumber { mailbox: 1 },
    ];
    for strategy in 0..4 {
        play(strategy, &acts).await;
        // The same, when the sync ends between the two.
        for commits in 0..8 {
            play(strategy, &[&acts[..], &[Act::Sync(End::Commits(commits))]].concat()).await;
        }
    }
}

#[test]
fn whatever_is_held_and_whatever_happens_every_message_is_here_and_none_is_invented() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(CASES);
    let mut runner = TestRunner::new(Cases { cases, ..Cases::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let acts = (0..4_usize, prop::collection::vec(act(), 1..24));
    runner
        .run(&acts, |(strategy, acts)| {
            runtime.block_on(play(strategy, &acts));
            Ok(())
        })
        .unwrap();
}
