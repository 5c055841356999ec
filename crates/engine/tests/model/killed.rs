//! Cut off after each write, stopped after each commit, out of space at each size: the next sync ends where an
//! undisturbed one ends.

use crate::machine::{End, Machine, a_day, household, letter};
use crate::pipe::Break;
use restante_core::diagnosis::Verdict;
use restante_engine::Error;
use restante_store::StoreError;
use std::ops::Range;
use testkit::model::{Config, Fault, Model};

/// More than any of these syncs has steps.
const MOST: u32 = 400;

/// Ends a sync at every step that `end` counts, then lets another one complete it. The number of steps there were.
pub(crate) async fn at_every_step(
    around: &str,
    model: &Model,
    before: &Machine,
    end: impl Fn(u32) -> End,
    expected: impl Fn(&Error) -> bool,
) -> u32 {
    for step in 0..MOST {
        let machine = before.copy();
        let around = format!("{around}, {:?}", end(step));
        match machine.try_sync(model, end(step)).await {
            Ok(_) => {
                machine.agree(model, &around);
                return step;
            }
            Err(error) => assert!(expected(&error), "{around}: {error:?}"),
        }
        machine.sync(model).await;
        machine.agree(model, &around);
        let again = machine.sync(model).await;
        for mailbox in &again.mailboxes {
            let idle = (mailbox.new, mailbox.changed, mailbox.removed, mailbox.recognised);
            assert_eq!(idle, (0, 0, 0, 0), "{around}: {}", mailbox.name);
        }
    }
    panic!("{around}: there is no end to it");
}

pub(crate) fn is_lost(error: &Error) -> bool {
    error.finding().is_some_and(|finding| finding.verdict == Verdict::ConnectionLost)
}

pub(crate) fn is_store(error: &Error) -> bool {
    matches!(error, Error::Store(_))
}

fn is_full(error: &Error) -> bool {
    matches!(error, Error::Store(StoreError::DiskFull)) && error.exit_code() == 74
}

/// Every way to end a sync from `before` to what the model is now.
pub(crate) async fn in_every_way(around: &str, model: &Model, before: &Machine) {
    let cut = |step| End::Broken(Break::Before(step + 1));
    let writes = at_every_step(around, model, before, cut, is_lost).await;
    assert!(writes >= 2, "{around}: {writes} writes");
    let unanswered = |step| End::Broken(Break::After(step + 1));
    assert_eq!(at_every_step(around, model, before, unanswered, is_lost).await, writes);
    let commits = at_every_step(around, model, before, End::Commits, is_store).await;
    assert!(commits >= 3, "{around}: {commits} commits");
}

/// As they are before the first sync, so that opening costs nothing.
pub(crate) fn fresh() -> Machine {
    let machine = Machine::new();
    drop(restante_store::Store::open(machine.path()).unwrap());
    machine
}

/// Enough mail that it needs room: what fits into the pages that there are needs none.
fn arrive(model: &Model, numbers: Range<u32>) {
    model.edit(|server| {
        for number in numbers {
            server.deliver("INBOX", &[], &letter(number));
        }
    });
}

/// One test for each strategy: they run side by side.
macro_rules! with_each_strategy {
    ($way:ident: $plain:ident $condstore:ident $qresync:ident $everything:ident) => {
        #[tokio::test]
        async fn $plain() {
            $way(Config::plain()).await;
        }

        #[tokio::test]
        async fn $condstore() {
            $way(Config::condstore()).await;
        }

        #[tokio::test]
        async fn $qresync() {
            $way(Config::qresync()).await;
        }

        #[tokio::test]
        async fn $everything() {
            $way(Config::everything()).await;
        }
    };
}

with_each_strategy! {
    first:
    fault_24_a_first_sync_ended_at_each_step_is_completed_by_the_next_plain
    fault_24_a_first_sync_ended_at_each_step_is_completed_by_the_next_condstore
    fault_24_a_first_sync_ended_at_each_step_is_completed_by_the_next_qresync
    fault_24_a_first_sync_ended_at_each_step_is_completed_by_the_next_everything
}

async fn first(config: Config) {
    in_every_way("first", &household(config), &fresh()).await;
}

with_each_strategy! {
    later:
    fault_24_a_later_sync_ended_at_each_step_is_completed_by_the_next_plain
    fault_24_a_later_sync_ended_at_each_step_is_completed_by_the_next_condstore
    fault_24_a_later_sync_ended_at_each_step_is_completed_by_the_next_qresync
    fault_24_a_later_sync_ended_at_each_step_is_completed_by_the_next_everything
}

async fn later(config: Config) {
    let model = household(config);
    let before = Machine::new();
    before.sync(&model).await;
    a_day(&model);
    in_every_way("later", &model, &before).await;
}

with_each_strategy! {
    renumbered:
    fault_24_new_uids_ended_at_each_step_are_completed_by_the_next_plain
    fault_24_new_uids_ended_at_each_step_are_completed_by_the_next_condstore
    fault_24_new_uids_ended_at_each_step_are_completed_by_the_next_qresync
    fault_24_new_uids_ended_at_each_step_are_completed_by_the_next_everything
}

async fn renumbered(config: Config) {
    let model = household(config);
    let before = Machine::new();
    before.sync(&model).await;
    a_day(&model);
    model.edit(|server| server.renumber("INBOX"));
    in_every_way("new UIDs", &model, &before).await;
}

with_each_strategy! {
    broken_off:
    fault_24_an_answer_that_breaks_off_anywhere_is_completed_by_the_next_plain
    fault_24_an_answer_that_breaks_off_anywhere_is_completed_by_the_next_condstore
    fault_24_an_answer_that_breaks_off_anywhere_is_completed_by_the_next_qresync
    fault_24_an_answer_that_breaks_off_anywhere_is_completed_by_the_next_everything
}

async fn broken_off(config: Config) {
    let model = household(config);
    let mut octets = 0;
    loop {
        // Odd steps, so that every part of a line is met.
        octets += if octets < 2_000 { 131 } else { 9_973 };
        let machine = fresh();
        model.edit(|server| server.fault(Fault::CloseAfterOctets(octets)));
        let around = format!("{octets} octets");
        let done = machine.try_sync(&model, End::Never).await;
        model.edit(|server| server.mend());
        if let Err(error) = done {
            assert!(is_lost(&error), "{around}: {error:?}");
            machine.sync(&model).await;
            machine.agree(&model, &around);
        } else {
            machine.agree(&model, &around);
            break;
        }
    }
    assert!(octets > 100_000, "{octets}");
}

#[tokio::test]
async fn fault_23_a_full_disk_stops_a_first_sync_cleanly_and_the_next_completes_it() {
    let model = household(Config::qresync());
    arrive(&model, 500..620);
    let pages = at_every_step("first", &model, &fresh(), End::Pages, is_full).await;
    assert!(pages > 5, "{pages}");
}

#[tokio::test]
async fn fault_23_a_full_disk_stops_a_later_sync_cleanly_and_the_next_completes_it() {
    let model = household(Config::qresync());
    arrive(&model, 500..620);
    let before = Machine::new();
    before.sync(&model).await;
    arrive(&model, 700..820);
    let pages = at_every_step("later", &model, &before, End::Pages, is_full).await;
    assert!(pages > 5, "{pages}");
}

/// Contents cannot be written at any of the calls that write them.
async fn contents(errno: i32, full: bool) {
    let model = household(Config::qresync());
    arrive(&model, 500..620);
    let clear = |error: &Error| {
        let said = error.to_string();
        let named = full && is_full(error) || said.contains("packs") && said.contains("os error");
        is_store(error) && error.exit_code() == 74 && named
    };
    let end = |calls| End::Contents(calls, errno);
    assert!(at_every_step("first", &model, &fresh(), end, clear).await > 1);
    let before = Machine::new();
    before.sync(&model).await;
    arrive(&model, 700..820);
    assert!(at_every_step("later", &model, &before, end, clear).await > 1);
}

#[tokio::test]
async fn fault_23_a_disk_too_full_for_contents_stops_a_sync_cleanly_and_the_next_completes_it() {
    contents(28, true).await;
}

#[tokio::test]
async fn fault_23_a_disk_that_fails_stops_a_sync_cleanly_and_the_next_completes_it() {
    contents(5, false).await;
}
