//! Servers move, mailboxes get other names: what is here stays, and is found again.

use crate::support::{Mail, NOW, ask, flags, mailbox, state};
use restante_core::mail::{Flags, SpecialUse, Uid};
use restante_core::sync::Delta;
use restante_store::{AccountId, Body, Change, Filter, Intent, MessageId, NewEntry, OperationState, Store};

fn account(mail: &Mail) -> AccountId {
    mail.store.find_account("ann").unwrap().unwrap()
}

fn ids(store: &Store) -> Vec<MessageId> {
    store.find(&Filter::default(), 99, None).unwrap()
}

fn again(uid: u32, message: MessageId, names: &[&str]) -> NewEntry {
    let (uid, flags) = (Uid::new(uid).unwrap(), flags(names));
    let body = Body::Held(message);
    NewEntry { uid, flags, mod_seq: None, internal_date: NOW, email_id: format!("M{uid}"), body }
}

fn star() -> Intent {
    Intent::Flag { add: flags(&["\\Flagged"]), remove: Flags::new() }
}

/// Name of the mailbox and flags of every place a message is shown in.
fn places(store: &Store, message: MessageId) -> Vec<String> {
    let row = store.row(message).unwrap().unwrap();
    let text = |flags: &Flags| flags.names().collect::<Vec<_>>().join(" ");
    row.places.iter().map(|place| format!("{} {} {}", place.name, place.uid, text(&place.flags))).collect()
}

#[test]
fn what_comes_again_in_a_reset_has_not_been_away() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, 1..=3);
    ask(&mut mail.store, mail.inbox, Uid::new(2).unwrap(), &star());
    let [three, two, one] = ids(&mail.store)[..] else { panic!() };
    let delta = Delta {
        reset: true,
        new: vec![again(71, two, &[]), again(72, one, &["\\Seen"])],
        state: Some(state(8, 0)),
        ..Delta::default()
    };
    let applied = mail.apply(mail.inbox, delta);
    assert_eq!((applied.new, applied.recognised, applied.changed, applied.removed), (0, 2, 1, 1));
    let expected =
        [Change::Flags(mail.inbox, one), Change::Disappeared(mail.inbox, three), Change::Counts(mail.inbox)];
    assert_eq!(applied.changes, expected);
    assert_eq!(places(&mail.store, two), ["INBOX 71 \\Flagged"]);
    assert_eq!(places(&mail.store, one), ["INBOX 72 \\Seen"]);
    // What did not come again rests, and can be recognised.
    assert!(mail.store.has_strays(account(&mail)).unwrap());
    let known = mail.store.known(account(&mail)).unwrap();
    let mut of: Vec<_> = known.iter().map(|k| (k.message, k.internal_date, k.email_id.as_str())).collect();
    of.sort_unstable();
    assert_eq!(of, [(one, Some(NOW), "M72"), (two, Some(NOW), "M71"), (three, None, "")]);
    assert_eq!(mail.store.expire_tombstones(NOW + 1).unwrap(), 1);
}

#[test]
fn a_message_that_is_not_here_cannot_be_recognised() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, 1..=3);
    let last = ids(&mail.store)[2];
    let vanished = restante_core::mail::UidSet::range(Uid::MIN, Uid::MIN);
    mail.apply(mail.inbox, Delta { vanished, ..Delta::default() });
    mail.store.expire_tombstones(NOW + 1).unwrap();
    let delta = Delta { reset: true, new: vec![again(9, last, &[])], ..Delta::default() };
    assert!(mail.store.apply(mail.inbox, &delta, NOW).is_err());
    assert_eq!(mail.store.mailbox(mail.inbox).unwrap().total, 2, "nothing was altered");
}

#[test]
fn another_host_makes_every_uid_doubtful_until_the_next_reset() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.apply(mail.inbox, Delta { state: Some(state(3, 9)), ..Delta::default() });
    let account = account(&mail);
    let moved =
        |mail: &Mail| mail.store.mailboxes(account).unwrap().iter().map(|row| row.moved).collect::<Vec<_>>();
    assert!(!mail.store.set_server(account, "imap.old.example").unwrap(), "the first is no move");
    assert!(!mail.store.set_server(account, "IMAP.old.example.").unwrap());
    assert_eq!(moved(&mail), [false, false]);
    assert!(mail.store.set_server(account, "imap.new.example").unwrap());
    assert_eq!(moved(&mail), [true, false], "one never synced has nothing to doubt");
    assert!(!mail.store.set_server(account, "imap.new.example").unwrap());
    mail.apply(mail.inbox, Delta { reset: true, state: Some(state(3, 0)), ..Delta::default() });
    assert_eq!(moved(&mail), [false, false]);
}

#[test]
fn a_mailbox_with_another_name_keeps_its_mail_and_what_was_asked_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.sent, 1..=2);
    mail.apply(mail.sent, Delta { state: Some(state(3, 3)), ..Delta::default() });
    ask(&mut mail.store, mail.sent, Uid::MIN, &star());
    let last = ids(&mail.store)[1];
    let to = mailbox("Gesendet", Some(SpecialUse::Sent));
    mail.store.rename_mailbox(mail.sent, &to).unwrap();
    let row = mail.store.mailbox(mail.sent).unwrap();
    assert_eq!((row.mailbox, row.moved, row.total), (to, true, 2));
    assert_eq!(places(&mail.store, last), ["Gesendet 1 \\Flagged"]);
    let taken = mail.store.rename_mailbox(mail.sent, &mailbox("INBOX", None));
    assert!(taken.is_err(), "two mailboxes cannot have one name");
}

#[test]
fn a_mailbox_that_went_away_rests_and_may_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.sent, 1..=2);
    mail.apply(mail.sent, Delta { state: Some(state(3, 3)), ..Delta::default() });
    ask(&mut mail.store, mail.sent, Uid::MIN, &star());
    let account = account(&mail);
    let message = ids(&mail.store)[1];
    mail.store.retire_mailbox(mail.sent, NOW).unwrap();
    assert_eq!(ids(&mail.store), []);
    assert_eq!(mail.store.mailboxes(account).unwrap().len(), 1);
    assert_eq!(mail.store.known(account).unwrap().len(), 2);
    assert_eq!(mail.store.expire_tombstones(NOW).unwrap(), 0);
    mail.store.set_mailboxes(account, &[mailbox("INBOX", None), mailbox("Sent", None)]).unwrap();
    let row = mail.store.mailbox(mail.sent).unwrap();
    assert_eq!((row.state, row.total), (None, 0), "it is read as a new one");
    mail.apply(mail.sent, Delta { new: vec![again(9, message, &[])], ..Delta::default() });
    assert_eq!(places(&mail.store, message), ["Sent 9 \\Flagged"]);

    mail.store.retire_mailbox(mail.sent, NOW).unwrap();
    assert_eq!(mail.store.expire_tombstones(NOW + 1).unwrap(), 2);
    assert!(mail.store.mailbox(mail.sent).is_err(), "it goes with its last message");
}

#[test]
fn a_message_on_its_way_to_a_mailbox_that_went_away_is_shown_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, [1]);
    let message = ids(&mail.store)[0];
    let to_sent = Intent::Move { to: mail.sent };
    ask(&mut mail.store, mail.inbox, Uid::MIN, &to_sent);
    assert_eq!(places(&mail.store, message), ["Sent 1 "]);
    let refused = mail.store.retire_mailbox(mail.sent, NOW).unwrap();
    assert_eq!(refused, mail.store.operations(mail.inbox).unwrap());
    assert_eq!(refused[0].state, OperationState::Refused);
    assert_eq!(refused[0].reply, "the server has no mailbox Sent any more");
    assert_eq!(places(&mail.store, message), ["INBOX 1 "]);
}

#[test]
fn what_was_asked_follows_a_message_to_its_only_place() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    let account = account(&mail);
    mail.receive(mail.inbox, 1..=4);
    let ids = ids(&mail.store);
    let [four, three, two, one] = ids[..] else { panic!("{ids:?}") };
    let request = |mail: &mut Mail, uid, intent: &Intent| {
        ask(&mut mail.store, mail.inbox, Uid::new(uid).unwrap(), intent);
    };
    request(&mut mail, 1, &star());
    let to_sent = Intent::Move { to: mail.sent };
    request(&mut mail, 2, &to_sent);
    request(&mut mail, 3, &Intent::Remove);
    request(&mut mail, 4, &star());
    // On the new server all are in Sent, one of them twice.
    let there = [(1, one), (2, two), (3, three), (4, four), (5, four)];
    mail.apply(mail.inbox, Delta { reset: true, ..Delta::default() });
    let new = there.map(|(uid, message)| again(uid, message, &[])).to_vec();
    mail.apply(mail.sent, Delta { new, ..Delta::default() });
    assert_eq!(mail.store.carry_operations(account).unwrap(), 2);
    assert_eq!(places(&mail.store, one), ["Sent 1 \\Flagged"]);
    assert_eq!(places(&mail.store, two), ["Sent 2 "], "it is where it was to go");
    assert_eq!(places(&mail.store, three), ["Sent 3 "]);
    assert_eq!(mail.store.operations(mail.sent).unwrap().len(), 1);
    let left: Vec<_> =
        mail.store.operations(mail.inbox).unwrap().into_iter().map(|o| (o.message, o.uid)).collect();
    assert_eq!(left, [(Some(three), None), (Some(four), None)], "these stay, and wait");
    assert_eq!(mail.store.carry_operations(account).unwrap(), 0);
}
