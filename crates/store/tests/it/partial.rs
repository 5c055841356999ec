//! Messages of which only the beginning is here, and what takes their place.

use crate::support::{Mail, NOW, ask, flags, summary};
use restante_core::mail::{Flags, Uid};
use restante_core::query::{Field, Query, Term, Way};
use restante_core::sync::Delta;
use restante_store::{
    Body, Change, Confirmed, Filter, Found, Intent, MailboxId, MessageId, NewEntry, StoreError, View, Waste,
    check,
};
use std::path::Path;

const HEADER: &[u8] = b"Subject: report\r\n\r\n";
const WHOLE: &[u8] = b"Subject: report\r\n\r\nThe numbers of the quarter.\r\n";

fn uid(uid: u32) -> Uid {
    Uid::new(uid).unwrap()
}

/// INBOX with the header of one message under UID 7, indexed.
fn begun(dir: &Path) -> Mail {
    let mut mail = Mail::open(dir);
    let entry = mail.begun(7, HEADER, WHOLE.len() as u64, summary("report", NOW));
    apply(&mut mail, [entry]);
    mail.index();
    mail
}

fn apply<const N: usize>(mail: &mut Mail, new: [NewEntry; N]) -> restante_store::Applied {
    mail.apply(mail.inbox, Delta { new: new.into(), ..Delta::default() })
}

fn complete(mail: &mut Mail) -> restante_store::Applied {
    let entry = mail.entry(7, WHOLE, summary("report", NOW));
    apply(mail, [entry])
}

fn only(view: &View) -> MessageId {
    let found = view.find(&Filter::default(), 9, None).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0]
}

fn count(view: &View, word: &str) -> u64 {
    let query = Query::Term(Term::Text { field: Field::Any, text: word.to_owned(), way: Way::Exact });
    view.count(&Filter { account: None, query }).unwrap()
}

fn nothing_is_wrong(dir: &Path) {
    let mut faults = Vec::new();
    check(dir, |fault| faults.push(fault), |_| {}).unwrap();
    assert_eq!(faults, []);
}

#[test]
fn the_beginning_of_a_message_is_listed_read_found_and_sound() {
    let dir = tempfile::tempdir().unwrap();
    let mail = begun(dir.path());
    let message = only(&mail.store);
    let row = mail.store.row(message).unwrap().unwrap();
    assert_eq!((row.size, row.held), (WHOLE.len() as u64, HEADER.len() as u64));
    assert_eq!(mail.store.held(message).unwrap(), Some(HEADER.len() as u64));
    assert_eq!(mail.store.read(message).unwrap(), HEADER);
    assert_eq!((count(&mail.store, "report"), count(&mail.store, "quarter")), (1, 0));
    let partial = mail.store.partials(mail.inbox).unwrap()[0];
    assert_eq!((partial.uid, partial.size), (uid(7), WHOLE.len() as u64));
    assert_eq!(mail.store.identity(message).unwrap().size, WHOLE.len() as u64, "as the server counts");
    nothing_is_wrong(dir.path());
}

#[test]
fn what_completes_a_message_takes_its_place_and_answers_to_its_id() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = begun(dir.path());
    let before = mail.store.row(only(&mail.store)).unwrap().unwrap();
    ask(
        &mut mail.store,
        mail.inbox,
        uid(7),
        &Intent::Flag { add: flags(&["\\Flagged"]), remove: Flags::new() },
    );
    let applied = complete(&mut mail);
    assert_eq!((applied.new, applied.completed, applied.removed), (0, 1, 0));
    let message = only(&mail.store);
    assert!(applied.changes.contains(&Change::Completed(mail.inbox, message)));
    assert_eq!(mail.store.read(message).unwrap(), WHOLE);
    let row = mail.store.row(message).unwrap().unwrap();
    assert_eq!((row.held, row.id.as_str()), (row.size, before.id.as_str()));
    assert!(row.places[0].flags.contains("\\Flagged"), "what was asked is asked of it");
    assert_eq!(mail.store.message_by_prefix(&before.id).unwrap(), Found::One(message));
    assert_eq!(
        mail.store.count(&Filter { account: None, query: Query::Term(Term::Id(before.id)) }).unwrap(),
        1
    );
    assert!(mail.store.partials(mail.inbox).unwrap().is_empty());
    // Whatever is not indexed yet, nothing is wrong.
    nothing_is_wrong(dir.path());
    mail.index();
    assert_eq!((count(&mail.store, "report"), count(&mail.store, "quarter")), (1, 1));
    nothing_is_wrong(dir.path());
    // The same once more alters nothing.
    assert_eq!(complete(&mut mail), restante_store::Applied::default());
    // The beginning is of no use any more.
    drop(mail);
    let mut store = restante_store::Store::open(dir.path()).unwrap();
    assert!(store.compact(Waste::Any, || {}).unwrap() > 0);
    assert_eq!(store.read(message).unwrap(), WHOLE);
}

#[test]
fn less_of_a_message_never_takes_the_place_of_more() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = begun(dir.path());
    let size = WHOLE.len() as u64;
    let more = mail.begun(7, &WHOLE[..30], size, summary("report", NOW));
    assert_eq!(apply(&mut mail, [more.clone()]).completed, 1);
    let less = mail.begun(7, HEADER, size, summary("report", NOW));
    assert_eq!(apply(&mut mail, [less.clone()]), restante_store::Applied::default());
    assert_eq!(mail.store.read(only(&mail.store)).unwrap(), &WHOLE[..30]);
    complete(&mut mail);
    for entry in [less, more] {
        assert_eq!(apply(&mut mail, [entry]), restante_store::Applied::default());
    }
    assert_eq!(mail.store.read(only(&mail.store)).unwrap(), WHOLE);
    mail.index();
    nothing_is_wrong(dir.path());
}

#[test]
fn one_message_in_two_mailboxes_is_one_and_is_completed_in_both() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = begun(dir.path());
    let size = WHOLE.len() as u64;
    let entry = mail.begun(3, HEADER, size, summary("report", NOW));
    mail.apply(mail.sent, Delta { new: vec![entry.clone()], ..Delta::default() });
    let id = mail.store.row(only(&mail.store)).unwrap().unwrap().id;
    complete(&mut mail);
    let row = mail.store.row(only(&mail.store)).unwrap().unwrap();
    assert_eq!((row.places.len(), row.id), (2, id));
    assert!(mail.store.partials(mail.sent).unwrap().is_empty());
    // Where it begins the same way again, it is known whole.
    mail.apply(mail.sent, Delta { new: vec![NewEntry { uid: uid(9), ..entry }], ..Delta::default() });
    assert_eq!(mail.store.partials(mail.sent).unwrap().len(), 1, "but two in one mailbox may differ");
    nothing_is_wrong(dir.path());
}

#[test]
fn two_messages_in_one_mailbox_that_begin_alike_are_two() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = begun(dir.path());
    let other = b"Subject: report\r\n\r\nThe numbers of the QUARTER.\r\n";
    for _ in 0..2 {
        let entry = mail.begun(8, HEADER, WHOLE.len() as u64, summary("report", NOW));
        apply(&mut mail, [entry]);
        assert_eq!(mail.store.count(&Filter::default()).unwrap(), 2);
    }
    complete(&mut mail);
    let entry = mail.entry(8, other, summary("report", NOW));
    apply(&mut mail, [entry]);
    let read = |number| {
        let entry = &mail.store.entries(mail.inbox, &[uid(number)]).unwrap()[0];
        mail.store.read(entry.message).unwrap()
    };
    assert_eq!((read(7).as_slice(), read(8).as_slice()), (WHOLE, &other[..]));
}

#[test]
fn a_beginning_whose_rest_is_here_already_becomes_that_message() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = begun(dir.path());
    let former = mail.store.row(only(&mail.store)).unwrap().unwrap().id;
    let entry = mail.entry(3, WHOLE, summary("report", NOW));
    mail.apply(mail.sent, Delta { new: vec![entry], ..Delta::default() });
    mail.index();
    assert_eq!(mail.store.count(&Filter::default()).unwrap(), 2);
    let own =
        mail.store.row(mail.store.entries(mail.sent, &[uid(3)]).unwrap()[0].message).unwrap().unwrap().id;
    complete(&mut mail);
    let message = only(&mail.store);
    assert_eq!(mail.store.row(message).unwrap().unwrap().id, own);
    for id in [own, former] {
        assert_eq!(mail.store.message_by_prefix(&id).unwrap(), Found::One(message));
    }
    mail.index();
    assert_eq!(count(&mail.store, "report"), 1);
    nothing_is_wrong(dir.path());
}

#[test]
fn what_was_not_indexed_when_its_place_was_taken_leaves_no_words() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    let entry = mail.begun(7, HEADER, WHOLE.len() as u64, summary("report", NOW));
    apply(&mut mail, [entry]);
    complete(&mut mail);
    mail.index();
    assert_eq!((count(&mail.store, "report"), count(&mail.store, "quarter")), (1, 1));
    nothing_is_wrong(dir.path());
}

#[test]
fn a_beginning_that_is_removed_for_good_cannot_be_added_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = begun(dir.path());
    let (operation, _) = ask(&mut mail.store, mail.inbox, uid(7), &Intent::Remove);
    let request = mail.store.operations(mail.inbox).unwrap()[0].request;
    let vanished = restante_core::mail::UidSet::range(uid(7), uid(7));
    let gone = [(mail.inbox, Delta { vanished, ..Delta::default() })];
    mail.store.confirm(&[Confirmed { operation, at: None }], &gone, NOW).unwrap();
    let undone = mail.store.desk().undo(request, NOW).unwrap();
    assert!(undone.request.is_none());
    assert!(undone.lost[0].contains("the beginning of the message"), "{:?}", undone.lost);
}

#[test]
fn a_person_waits_until_a_message_is_complete_or_cannot_be_had() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = begun(dir.path());
    let account = mail.store.account("ann").unwrap();
    let message = only(&mail.store);
    mail.apply(mail.inbox, Delta { state: Some(crate::support::state(1, 8)), ..Delta::default() });
    mail.store.desk().want(message, NOW).unwrap();
    let wanted = mail.store.wanted(account).unwrap();
    assert_eq!((wanted.len(), wanted[0].message, wanted[0].uid), (1, message, uid(7)));
    mail.store.deny(message, "it is gone").unwrap();
    assert_eq!(mail.store.wanted(account).unwrap(), []);
    assert_eq!(mail.store.why_not(message).unwrap().as_deref(), Some("it is gone"));
    mail.store.desk().want(message, NOW).unwrap();
    assert_eq!(mail.store.why_not(message).unwrap(), None);
    complete(&mut mail);
    assert_eq!(mail.store.wanted(account).unwrap(), []);
    // One that is whole is not waited for.
    let message = only(&mail.store);
    mail.store.desk().want(message, NOW).unwrap();
    assert_eq!(mail.store.wanted(account).unwrap(), []);
}

#[test]
fn a_completed_message_is_no_new_mail() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = begun(dir.path());
    let account = mail.store.account("ann").unwrap();
    assert_eq!(mail.store.arrived(account, 0).unwrap().len(), 1);
    let since = mail.store.last_arrival().unwrap();
    complete(&mut mail);
    assert_eq!(mail.store.arrived(account, since).unwrap(), []);
}

#[test]
fn an_unsynced_beginning_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    let entry = mail.begun(1, HEADER, 100, summary("x", NOW));
    assert!(matches!(entry.body, Body::Begun { .. }));
    let delta = Delta { new: vec![entry], ..Delta::default() };
    let inbox: MailboxId = mail.inbox;
    assert!(matches!(mail.store.apply(inbox, &delta, NOW), Err(StoreError::Unsynced)));
}
