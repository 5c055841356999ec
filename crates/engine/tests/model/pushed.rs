//! What a person asked is brought to the server once, wherever the process or the connection ends in between.

use crate::machine::{End, Machine, letter};
use crate::pipe::Break;
use restante_core::diagnosis::Verdict;
use restante_core::mail::{Flags, Mailbox, MailboxName, Uid};
use restante_engine::Error;
use restante_store::{Ask, Desk, Intent, RequestId};
use testkit::model::{Config, Fault, Model, Moment};

/// More than any of these syncs has steps.
const MOST: u32 = 200;
/// Between two places where an answer is broken off: every part of a line is met by one or the other.
const OCTETS: u64 = 97;

/// INBOX has 1, 2 and 4, Archive has 5, and all of it is here.
async fn held(config: Config) -> (Model, Machine) {
    let model = Model::new(config);
    model.edit(|server| {
        server.create("Archive");
        for number in [1, 2, 4] {
            server.deliver("INBOX", &[], &letter(number));
        }
        server.deliver("Archive", &["\\Seen"], &letter(5));
    });
    let machine = Machine::new();
    machine.sync(&model).await;
    (model, machine)
}

/// Asks for the same to be done to messages of INBOX.
pub(crate) fn ask(machine: &Machine, uids: &[u32], intent: &Intent) -> RequestId {
    let mailbox = machine.mailbox("INBOX");
    let asks: Vec<Ask> =
        uids.iter().map(|uid| Ask { mailbox, uid: Uid::new(*uid), intent: intent.clone() }).collect();
    machine.ask(|store, _| store.desk().request("a request", &asks, 0)).unwrap().id
}

/// Asks for something to be done to a mailbox.
pub(crate) fn ask_of(machine: &Machine, name: &str, intent: Intent) {
    let ask = Ask { mailbox: machine.mailbox(name), uid: None, intent };
    machine.ask(|store, _| store.desk().request("a request", &[ask], 0)).unwrap();
}

fn undo(machine: &Machine, request: RequestId) {
    let undone = machine.ask(|store, _| store.desk().undo(request, 0)).unwrap();
    assert!(undone.lost.is_empty(), "{undone:?}");
}

fn flags(add: &str, remove: &str) -> Intent {
    let flags = |names: &str| names.split_whitespace().collect::<Flags>();
    Intent::Flag { add: flags(add), remove: flags(remove) }
}

/// Everything on the server, as `INBOX 1 \Seen`, and every mailbox that has nothing.
pub(crate) fn all(model: &Model) -> Vec<String> {
    model.edit(|server| {
        let mut all = Vec::new();
        for (name, mailbox) in server.mailboxes() {
            if mailbox.messages.is_empty() {
                all.push(name.clone());
            }
            for message in mailbox.messages.values() {
                let text = String::from_utf8_lossy(&message.bytes);
                let number = text.split_once("Message-ID: <").unwrap().1.split_once('@').unwrap().0;
                let flags: Vec<&str> = message.flags.names().collect();
                all.push(format!("{name} {number} {}", flags.join(" ")).trim_end().to_owned());
            }
        }
        all.sort();
        all
    })
}

/// Fails unless the server has this and nothing else, and the store has the same and waits for nothing.
pub(crate) fn holds(model: &Model, machine: &Machine, expected: &[&str], around: &str) {
    assert_eq!(all(model), expected, "{around}");
    assert!(machine.waiting().is_empty(), "{around}: {:?}", machine.waiting());
    let view = machine.view();
    let account = view.find_account(crate::machine::ACCOUNT).unwrap().unwrap();
    assert_eq!(view.refused(account).unwrap(), [], "{around}");
    machine.agree(model, around);
    assert_eq!(model.edit(|server| server.bare_expunges()), 0, "{around}");
}

/// Ends a sync at every step, and lets another complete it. The number of steps there were.
async fn at_every_step(
    model: &Model,
    before: &Machine,
    expected: &[&str],
    end: impl Fn(u32) -> (End, Option<Fault>),
) -> u32 {
    for step in 0..MOST {
        let (there, here) = (model.copy(), before.copy());
        let (end, fault) = end(step);
        let around = format!("{end:?}, {fault:?}");
        there.edit(|server| fault.into_iter().for_each(|fault| server.fault(fault)));
        let done = here.try_sync(&there, end).await;
        there.edit(testkit::model::Server::mend);
        let ended = match &done {
            Ok(_) => true,
            Err(Error::Store(_)) => false,
            Err(error) => {
                let lost = |verdict| verdict == Verdict::ConnectionLost;
                assert!(error.finding().is_some_and(|f| lost(f.verdict)), "{around}: {error:?}");
                false
            }
        };
        if !ended {
            here.sync(&there).await;
        }
        holds(&there, &here, expected, &around);
        if ended {
            return step;
        }
    }
    panic!("there is no end to it");
}

/// Every way to end the sync that brings the server what was asked.
async fn in_every_way(model: &Model, before: &Machine, expected: &[&str]) {
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    let cut = |step| (End::Broken(Break::Before(step + 1)), None);
    let writes = at_every_step(model, before, &expected, cut).await;
    assert!(writes >= 3, "{writes} writes");
    let unanswered = |step| (End::Broken(Break::After(step + 1)), None);
    assert_eq!(at_every_step(model, before, &expected, unanswered).await, writes);
    let stopped = |step| (End::Commits(step), None);
    assert!(at_every_step(model, before, &expected, stopped).await >= 3);
    let broken = |step| (End::Never, Some(Fault::CloseAfterOctets(1 + OCTETS * u64::from(step))));
    assert!(at_every_step(model, before, &expected, broken).await >= 3);
}

fn without(capabilities: &str) -> Config {
    Config::condstore().without(capabilities)
}

#[tokio::test]
async fn fault_24_flags_and_keywords_are_set_and_cleared_wherever_it_ends() {
    for config in [Config::plain(), Config::qresync()] {
        let (model, machine) = held(config).await;
        model.edit(|server| server.flag("INBOX", 2, &["$Work"], &[]));
        machine.sync(&model).await;
        ask(&machine, &[1, 2], &flags("\\Seen $Later", "$Work"));
        ask(&machine, &[3], &flags("\\Flagged", ""));
        let expected =
            ["INBOX 1 $Later \\Seen", "INBOX 2 $Later \\Seen", "INBOX 4 \\Flagged", "Archive 5 \\Seen"];
        in_every_way(&model, &machine, &expected).await;
    }
}

/// Two messages are moved, one of them starred.
async fn moved(config: Config, expected: &[&str]) {
    let (model, machine) = held(config).await;
    ask(&machine, &[1], &flags("\\Flagged", ""));
    ask(&machine, &[1, 3], &Intent::Move { to: machine.mailbox("Archive") });
    in_every_way(&model, &machine, expected).await;
}

const MOVED: [&str; 4] = ["INBOX 2", "Archive 1 \\Flagged", "Archive 4", "Archive 5 \\Seen"];
/// Where nothing can be expunged by name.
const MARKED: [&str; 6] = [
    "INBOX 1 \\Deleted \\Flagged",
    "INBOX 2",
    "INBOX 4 \\Deleted",
    "Archive 1 \\Flagged",
    "Archive 4",
    "Archive 5 \\Seen",
];

#[tokio::test]
async fn fault_24_messages_are_moved_once_wherever_it_ends() {
    moved(Config::qresync(), &MOVED).await;
}

#[tokio::test]
async fn fault_24_messages_are_moved_once_by_uids_alone_wherever_it_ends() {
    moved(Config::everything(), &MOVED).await;
}

#[tokio::test]
async fn fault_24_messages_are_moved_once_without_move_wherever_it_ends() {
    moved(without("MOVE"), &MOVED).await;
}

#[tokio::test]
async fn fault_24_messages_are_moved_once_without_uidplus_wherever_it_ends() {
    moved(without("UIDPLUS"), &MOVED).await;
}

#[tokio::test]
async fn fault_24_messages_are_moved_once_without_both_wherever_it_ends() {
    moved(Config::plain(), &MARKED).await;
}

#[tokio::test]
async fn fault_24_messages_are_copied_once_wherever_it_ends() {
    for config in [Config::plain(), Config::qresync()] {
        let (model, machine) = held(config).await;
        ask(&machine, &[1, 2], &Intent::Copy { to: machine.mailbox("Archive") });
        let expected = ["INBOX 1", "INBOX 2", "INBOX 4", "Archive 1", "Archive 2", "Archive 5 \\Seen"];
        in_every_way(&model, &machine, &expected).await;
    }
}

#[tokio::test]
async fn fault_24_messages_are_removed_wherever_it_ends() {
    let (model, machine) = held(Config::qresync()).await;
    // Another program's mark is not ours to act on.
    model.edit(|server| server.flag("INBOX", 3, &["\\Deleted"], &[]));
    machine.sync(&model).await;
    ask(&machine, &[1, 2], &Intent::Remove);
    in_every_way(&model, &machine, &["INBOX 4 \\Deleted", "Archive 5 \\Seen"]).await;
}

#[tokio::test]
async fn fault_24_messages_are_marked_without_uidplus_wherever_it_ends() {
    let (model, machine) = held(Config::plain()).await;
    ask(&machine, &[1, 2], &Intent::Remove);
    let expected = ["INBOX 1 \\Deleted", "INBOX 2 \\Deleted", "INBOX 4", "Archive 5 \\Seen"];
    in_every_way(&model, &machine, &expected).await;
}

#[tokio::test]
async fn fault_24_a_removed_message_is_added_again_once_wherever_it_ends() {
    for then in [Config::qresync(), Config::qresync().without("UIDPLUS"), Config::plain()] {
        let (model, machine) = held(Config::qresync()).await;
        ask(&machine, &[1], &flags("\\Flagged", ""));
        let request = ask(&machine, &[1, 2], &Intent::Remove);
        machine.sync(&model).await;
        assert_eq!(all(&model), ["Archive 5 \\Seen", "INBOX 4"]);
        undo(&machine, request);
        model.edit(|server| server.configure(then));
        // The star was asked for as well, and nobody took that back.
        let expected = ["INBOX 1 \\Flagged", "INBOX 2", "INBOX 4", "Archive 5 \\Seen"];
        in_every_way(&model, &machine, &expected).await;
    }
}

#[tokio::test]
async fn fault_24_a_move_is_taken_back_once_wherever_it_ends() {
    let (model, machine) = held(Config::qresync()).await;
    let request = ask(&machine, &[1, 3], &Intent::Move { to: machine.mailbox("Archive") });
    machine.sync(&model).await;
    undo(&machine, request);
    in_every_way(&model, &machine, &["INBOX 1", "INBOX 2", "INBOX 4", "Archive 5 \\Seen"]).await;
}

/// A mailbox that nobody has.
fn made(machine: &Machine) -> restante_store::MailboxId {
    let listed =
        Mailbox { name: MailboxName::new("Work"), delimiter: Some('/'), special_use: None, selectable: true };
    machine.ask(|store, account| store.desk().request_mailbox("make Work", account, &listed, 0)).unwrap().0
}

#[tokio::test]
async fn fault_24_a_mailbox_is_made_and_messages_moved_there_once_wherever_it_ends() {
    for config in [Config::qresync(), Config::plain().with("UIDPLUS")] {
        let (model, machine) = held(config).await;
        let to = made(&machine);
        ask(&machine, &[1, 3], &Intent::Move { to });
        let expected = ["INBOX 2", "Archive 5 \\Seen", "Work 1", "Work 4"];
        in_every_way(&model, &machine, &expected).await;
    }
}

#[tokio::test]
async fn fault_24_a_mailbox_is_made_and_messages_copied_there_once_wherever_it_ends() {
    for config in [Config::qresync(), Config::plain()] {
        let (model, machine) = held(config).await;
        let to = made(&machine);
        ask(&machine, &[1, 3], &Intent::Copy { to });
        let expected = ["INBOX 1", "INBOX 2", "INBOX 4", "Archive 5 \\Seen", "Work 1", "Work 4"];
        in_every_way(&model, &machine, &expected).await;
    }
}

#[tokio::test]
async fn fault_24_a_mailbox_is_renamed_wherever_it_ends() {
    for config in [Config::plain(), Config::qresync()] {
        let (model, machine) = held(config).await;
        ask(&machine, &[1], &Intent::Move { to: machine.mailbox("Archive") });
        machine.sync(&model).await;
        ask_of(&machine, "Archive", Intent::Rename { to: MailboxName::new("Old") });
        let expected: &[&str] = if model.edit(|server| server.config().has("MOVE")) {
            &["INBOX 2", "INBOX 4", "Old 1", "Old 5 \\Seen"]
        } else {
            &["INBOX 1 \\Deleted", "INBOX 2", "INBOX 4", "Old 1", "Old 5 \\Seen"]
        };
        in_every_way(&model, &machine, expected).await;
    }
}

#[tokio::test]
async fn fault_24_a_mailbox_is_deleted_wherever_it_ends() {
    for config in [Config::plain(), Config::qresync()] {
        let (model, machine) = held(config).await;
        ask_of(&machine, "Archive", Intent::Delete);
        in_every_way(&model, &machine, &["INBOX 1", "INBOX 2", "INBOX 4"]).await;
    }
}

/// The answer to a command is lost, the mailbox gets new UIDs, and the next sync finds what was done.
async fn found_under_new_uids(
    model: &Model,
    machine: &Machine,
    verb: &'static str,
    at: &str,
    expected: &[&str],
) {
    model.edit(|server| server.fault(Fault::LoseAnswer { verb, nth: 1 }));
    assert!(machine.try_sync(model, End::Never).await.is_err());
    model.edit(|server| server.renumber(at));
    machine.sync(model).await;
    // What was pushed after the pull is seen by the next.
    machine.sync(model).await;
    holds(model, machine, expected, verb);
}

#[tokio::test]
async fn a_copy_whose_answer_was_lost_is_found_under_new_uids() {
    let (model, machine) = held(Config::qresync()).await;
    ask(&machine, &[1, 3], &Intent::Copy { to: machine.mailbox("Archive") });
    let expected = ["Archive 1", "Archive 4", "Archive 5 \\Seen", "INBOX 1", "INBOX 2", "INBOX 4"];
    found_under_new_uids(&model, &machine, "UID COPY", "Archive", &expected).await;
}

#[tokio::test]
async fn a_move_by_copy_whose_answer_was_lost_is_found_under_new_uids() {
    let (model, machine) = held(without("MOVE")).await;
    ask(&machine, &[1, 3], &Intent::Move { to: machine.mailbox("Archive") });
    let expected = ["Archive 1", "Archive 4", "Archive 5 \\Seen", "INBOX 2"];
    found_under_new_uids(&model, &machine, "UID COPY", "Archive", &expected).await;
}

#[tokio::test]
async fn an_addition_whose_answer_was_lost_is_found_under_new_uids() {
    let (model, machine) = held(Config::qresync()).await;
    let request = ask(&machine, &[1], &Intent::Remove);
    machine.sync(&model).await;
    undo(&machine, request);
    let expected = ["Archive 5 \\Seen", "INBOX 1", "INBOX 2", "INBOX 4"];
    found_under_new_uids(&model, &machine, "APPEND", "INBOX", &expected).await;
}

/// INBOX gets new UIDs and Archive goes after message 1 was asked to be moved there, so that the message has to be
/// found first, and meanwhile the list tells what became of the target.
async fn on_its_way_when_archive_goes() -> (Model, Machine, RequestId) {
    let (model, machine) = held(Config::qresync()).await;
    model.edit(|server| server.expunge("Archive", &[1]));
    machine.sync(&model).await;
    let request = ask(&machine, &[1], &Intent::Move { to: machine.mailbox("Archive") });
    model.edit(|server| {
        server.renumber("INBOX");
        server.delete("Archive");
    });
    (model, machine, request)
}

#[tokio::test]
async fn a_move_to_a_mailbox_that_is_gone_is_refused_by_name_and_can_be_taken_back() {
    let (model, machine, request) = on_its_way_when_archive_goes().await;
    let report = machine.sync(&model).await;
    let said: Vec<_> = report.findings.iter().map(|finding| finding.evidence.as_str()).collect();
    let expected = "INBOX: to move a message was refused: the server has no mailbox Archive any more";
    assert_eq!(said, [expected]);
    assert!(machine.waiting().is_empty(), "{:?}", machine.waiting());
    assert_eq!(machine.places("number 1"), ["INBOX"], "it is shown where it is");
    // It was said once.
    assert_eq!(machine.sync(&model).await.findings, []);
    undo(&machine, request);
    machine.sync(&model).await;
    holds(&model, &machine, &["INBOX 1", "INBOX 2", "INBOX 4"], "taken back");
}

#[tokio::test]
async fn what_was_asked_when_the_mailbox_was_gone_already_is_refused_as_well() {
    let (model, machine) = held(Config::qresync()).await;
    let to = machine.mailbox("Archive");
    model.edit(|server| server.delete("Archive"));
    machine.sync(&model).await;
    ask(&machine, &[1], &Intent::Move { to });
    let report = machine.sync(&model).await;
    assert!(report.findings[0].evidence.ends_with("no mailbox Archive any more"), "{:?}", report.findings);
    assert_eq!(machine.places("number 1"), ["INBOX"]);
}

/// Asks in this order of the first message in INBOX, takes the last of it back after the next push has made its plan,
/// and syncs twice.
async fn taken_back_after_the_plan(asks: &[&Intent], last: &Intent, expected: &[&str]) {
    let (model, machine) = held(Config::qresync()).await;
    for intent in asks {
        ask(&machine, &[1], intent);
    }
    let request = ask(&machine, &[1], last);
    let path = machine.path().to_owned();
    model.edit(|server| {
        server.at(Moment::Command("SELECT", 1), move |_| {
            let undone = Desk::open(&path).unwrap().undo(request, 0).unwrap();
            assert_eq!(undone.forgotten, 1);
        });
    });
    machine.sync(&model).await;
    machine.sync(&model).await;
    let mut all = vec!["INBOX 2", "INBOX 4", "Archive 5 \\Seen"];
    all.extend(expected);
    all.sort_unstable();
    holds(&model, &machine, &all, &format!("{asks:?}, not {last:?}"));
}

#[tokio::test]
async fn what_is_taken_back_after_the_plan_was_made_is_not_done_for_the_sake_of_the_others() {
    let seen = flags("\\Seen", "");
    // INBOX comes first, Archive second.
    let (_, machine) = held(Config::qresync()).await;
    let (inbox, archive) = (machine.mailbox("INBOX"), machine.mailbox("Archive"));
    let (to_archive, back) = (Intent::Move { to: archive }, Intent::Move { to: inbox });
    let copy = Intent::Copy { to: archive };

    taken_back_after_the_plan(&[&seen], &Intent::Remove, &["INBOX 1 \\Seen"]).await;
    taken_back_after_the_plan(&[&to_archive], &Intent::Remove, &["Archive 1"]).await;
    taken_back_after_the_plan(&[&to_archive], &back, &["Archive 1"]).await;
    let unseen = flags("", "\\Seen");
    taken_back_after_the_plan(&[&seen], &unseen, &["INBOX 1 \\Seen"]).await;
    let copied = ["INBOX 1 \\Seen", "Archive 1 \\Seen"];
    taken_back_after_the_plan(&[&seen, &copy], &flags("\\Flagged", ""), &copied).await;
}

#[tokio::test]
async fn a_copy_waits_for_the_flags_it_is_to_have() {
    let (model, machine) = held(Config::qresync()).await;
    ask(&machine, &[1], &flags("\\Seen", ""));
    let unseen = ask(&machine, &[1], &flags("", "\\Seen"));
    ask(&machine, &[1, 2], &Intent::Copy { to: machine.mailbox("Archive") });
    let path = machine.path().to_owned();
    model.edit(|server| {
        server.at(Moment::Command("SELECT", 1), move |_| {
            Desk::open(&path).unwrap().undo(unseen, 0).unwrap();
        });
    });
    machine.sync(&model).await;
    // Others do not wait.
    let others = ["Archive 2", "Archive 5 \\Seen", "INBOX 1", "INBOX 2", "INBOX 4"];
    assert_eq!(all(&model), others);
    machine.sync(&model).await;
    let expected =
        ["Archive 1 \\Seen", "Archive 2", "Archive 5 \\Seen", "INBOX 1 \\Seen", "INBOX 2", "INBOX 4"];
    holds(&model, &machine, &expected, "both");
}

#[tokio::test]
async fn a_move_that_was_copied_and_not_removed_takes_its_copy_back_and_nothing_else() {
    let (model, machine) = held(without("MOVE")).await;
    // The same message was there before.
    model.edit(|server| server.deliver("Archive", &[], &letter(1)));
    machine.sync(&model).await;
    let before = ["Archive 1", "Archive 5 \\Seen", "INBOX 1", "INBOX 2", "INBOX 4"];
    let request = ask(&machine, &[1, 3], &Intent::Move { to: machine.mailbox("Archive") });
    let refused = Fault::Refuse { verb: "UID EXPUNGE", nth: 1, words: "not now" };
    model.edit(|server| server.fault(refused));
    machine.sync(&model).await;
    assert_eq!(machine.waiting().len(), 2);
    assert!(machine.waiting()[0].reply.starts_with("copied, but not removed"), "{:?}", machine.waiting());
    assert_eq!(model.edit(|server| server.mailbox("Archive").messages.len()), 4);
    undo(&machine, request);
    machine.sync(&model).await;
    holds(&model, &machine, &before, "taken back");
    let left: Vec<u32> = model.edit(|server| server.mailbox("Archive").messages.keys().copied().collect());
    assert_eq!(left, [1, 2], "the copies went, and no other");
}

#[tokio::test]
async fn a_copy_of_an_equal_message_is_not_taken_for_ones_own() {
    for config in [without("MOVE"), Config::plain()] {
        for split in [true, false] {
            let (model, machine) = held(config.clone()).await;
            model.edit(|server| {
                server.create("Work");
                server.deliver(if split { "Work" } else { "INBOX" }, &[], &letter(1));
            });
            machine.sync(&model).await;
            let intent = Intent::Move { to: machine.mailbox("Archive") };
            ask(&machine, &[1], &intent);
            if split {
                let asks = [Ask { mailbox: machine.mailbox("Work"), uid: Uid::new(1), intent }];
                machine.ask(|store, _| store.desk().request("a request", &asks, 0)).unwrap();
            } else {
                ask(&machine, &[4], &intent);
            }
            // The second copy is never made, and nobody says so; or both are, and nobody says so.
            let fault = if split {
                Fault::CloseBefore { verb: "UID COPY", nth: 2 }
            } else {
                Fault::LoseAnswer { verb: "UID COPY", nth: 1 }
            };
            model.edit(|server| server.fault(fault));
            assert!(machine.try_sync(&model, End::Never).await.is_err());
            machine.sync(&model).await;
            machine.sync(&model).await;
            let there = all(&model).iter().filter(|place| *place == "Archive 1").count();
            assert_eq!((there, machine.waiting().len()), (2, 0), "{config:?}, {split}: {:?}", all(&model));
        }
    }
}

/// Without a Message-ID a message of the same size that another put there is not taken for the copy that was never made.
#[tokio::test]
async fn a_message_without_a_name_is_not_removed_for_the_sake_of_another_of_its_size() {
    for config in [without("MOVE"), Config::plain()] {
        let (model, machine) = held(config.clone()).await;
        model.edit(|server| server.deliver_at("INBOX", 1_700_000_000, b"Subject: one\r\n\r\n1\r\n"));
        machine.sync(&model).await;
        ask(&machine, &[4], &Intent::Move { to: machine.mailbox("Archive") });
        model.edit(|server| server.fault(Fault::CloseBefore { verb: "UID COPY", nth: 1 }));
        assert!(machine.try_sync(&model, End::Never).await.is_err());
        model.edit(|server| server.deliver_at("Archive", 1_700_009_000, b"Subject: two\r\n\r\n2\r\n"));
        machine.sync(&model).await;
        machine.sync(&model).await;
        let there = model.edit(|server| {
            let all = server.mailbox("Archive").messages.values();
            all.filter(|message| message.bytes.starts_with(b"Subject: ") && message.bytes.len() == 19).count()
        });
        assert_eq!((there, machine.waiting().len()), (2, 0), "{config:?}: {:?}", all(&model));
        assert_eq!(machine.places("two"), ["Archive"]);
        // Without UIDPLUS the source stays, marked as deleted.
        let places = machine.places("one");
        assert!(
            places == ["Archive"] || config == Config::plain() && places == ["Archive", "INBOX"],
            "{places:?}"
        );
    }
}

/// The copy was made and nobody said so; then the person moved the message back, or on, or removed it for good.
#[tokio::test]
async fn a_move_that_is_half_done_ends_before_what_was_asked_later_begins() {
    // Without UIDPLUS what is removed is only marked.
    let marked = "Archive 1 \\Deleted, INBOX 1 \\Deleted";
    for (config, verb) in [
        (without("MOVE"), "UID COPY"),
        (Config::plain(), "UID COPY"),
        (without("UIDPLUS"), "UID MOVE"),
        (Config::qresync(), "UID MOVE"),
    ] {
        for (to, expected) in [(Some("INBOX"), "INBOX 1"), (Some("Work"), "Work 1"), (None, "")] {
            let (model, machine) = held(config.clone()).await;
            model.edit(|server| {
                server.create("Work");
            });
            machine.sync(&model).await;
            ask(&machine, &[1], &Intent::Move { to: machine.mailbox("Archive") });
            model.edit(|server| server.fault(Fault::LoseAnswer { verb, nth: 1 }));
            assert!(machine.try_sync(&model, End::Never).await.is_err());
            let later = to.map_or(Intent::Remove, |to| Intent::Move { to: machine.mailbox(to) });
            ask(&machine, &[1], &later);
            for _ in 0..3 {
                machine.sync(&model).await;
            }
            let mut places = all(&model);
            places.retain(|place| place.contains(" 1"));
            let around = format!("{config:?}, {later:?}: {:?}", machine.waiting());
            if config.has("UIDPLUS") {
                assert_eq!(places.join(", "), expected, "{around}");
            } else if config.has("MOVE") && later == Intent::Remove {
                assert_eq!(places, ["Archive 1 \\Deleted"], "{around}");
            } else if later == Intent::Remove {
                assert_eq!(places.join(", "), marked, "{around}");
            } else {
                places.retain(|place| !place.ends_with("\\Deleted"));
                assert_eq!(places.join(", "), expected, "{around}");
            }
            assert_eq!(machine.waiting().len(), 0, "{around}");
            machine.agree_on_entries(&model, &around);
        }
    }
}

/// Another program had marked the first message: it goes with the EXPUNGE though the STORE was refused.
#[tokio::test]
async fn what_is_gone_though_the_mark_was_refused_is_not_said_to_be_refused() {
    for (uids, refused) in [(&[1][..], 0), (&[1, 2][..], 1)] {
        let (model, machine) = held(Config::qresync()).await;
        model.edit(|server| server.flag("INBOX", 1, &["\\Deleted"], &[]));
        machine.sync(&model).await;
        ask(&machine, uids, &Intent::Remove);
        model.edit(|server| {
            server.fault(Fault::Refuse { verb: "UID STORE", nth: 1, words: "read-only flags" })
        });
        let report = machine.sync(&model).await;
        assert_eq!(all(&model), ["Archive 5 \\Seen", "INBOX 2", "INBOX 4"]);
        assert_eq!((report.pushed, report.findings.len(), machine.waiting().len()), (1, refused, 0));
        machine.agree(&model, "gone");
    }
}
