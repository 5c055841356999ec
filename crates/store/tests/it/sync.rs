//! What a pull learned becomes rows.

use crate::support::{Mail, NOW, ask, flags, mailbox, state, summary, uids};
use restante_core::mail::{SpecialUse, Uid};
use restante_core::sync::{Delta, FlagChange};
use restante_store::{Applied, Change, Confirmed, Filter, Found, Intent, Store, StoreError, View};

fn flag_change(uid: u32, names: &[&str]) -> FlagChange {
    FlagChange { uid: Uid::new(uid).unwrap(), flags: flags(names), mod_seq: None }
}

#[test]
fn applying_the_same_twice_alters_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    let new = (1..=5).map(|uid| mail.entry(uid, &[uid as u8; 90], summary("x", NOW))).collect();
    let delta = Delta {
        vanished: uids([7]),
        flags: vec![flag_change(2, &["\\Seen", "$Work"])],
        new,
        state: Some(state(9, 6)),
        ..Delta::default()
    };
    let first = mail.apply(mail.inbox, delta.clone());
    assert_eq!((first.new, first.changed, first.removed), (5, 0, 0));
    let mut again = Delta { new: Vec::new(), ..delta };
    assert_eq!(mail.apply(mail.inbox, again.clone()).changed, 1);
    assert_eq!(mail.apply(mail.inbox, again.clone()), Applied::default());
    again.flags.clear();
    again.new = vec![mail.entry(1, &[1; 90], summary("x", NOW))];
    assert_eq!(mail.apply(mail.inbox, again), Applied::default());
    let row = mail.store.mailbox(mail.inbox).unwrap();
    assert_eq!((row.total, row.unseen, row.state), (5, 4, Some(state(9, 6))));
}

#[test]
fn a_new_message_under_a_known_uid_replaces_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, [1, 2]);
    let other = mail.entry(2, b"other", summary("other", NOW));
    let applied = mail.apply(mail.inbox, Delta { new: vec![other], ..Delta::default() });
    assert_eq!((applied.new, applied.removed), (1, 1));
    assert_eq!(mail.store.uids(mail.inbox).unwrap(), uids([1, 2]));
    assert_eq!(mail.store.list(&Filter::default(), 9, None).unwrap()[1].subject, "other");
}

#[test]
fn vanished_messages_stay_readable_for_a_while_and_are_not_listed() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, 1..=9);
    mail.index();
    let id = mail.store.find(&Filter::default(), 1, None).unwrap()[0];
    let vanished = restante_core::mail::UidSet::range(Uid::new(3).unwrap(), Uid::MAX);
    let applied = mail.apply(mail.inbox, Delta { vanished, ..Delta::default() });
    assert_eq!(applied.removed, 7);
    assert!(applied.changes.contains(&Change::Disappeared(mail.inbox, id)));
    assert_eq!(mail.store.count(&Filter::default()).unwrap(), 2);
    assert!(mail.store.read(id).is_ok());
    assert_eq!(mail.store.expire_tombstones(NOW).unwrap(), 0);
    assert_eq!(mail.store.expire_tombstones(NOW + 1).unwrap(), 7);
    assert!(matches!(mail.store.read(id), Err(StoreError::Missing(_))));
    mail.check();
}

#[test]
fn a_reset_keeps_contents_and_finds_operations_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, 1..=3);
    let star = Intent::Flag { add: flags(&["\\Flagged"]), remove: flags(&[]) };
    ask(&mut mail.store, mail.inbox, Uid::new(2).unwrap(), &star);
    let before = mail.store.find(&Filter::default(), 9, None).unwrap();
    let applied = mail.apply(mail.inbox, Delta { reset: true, ..Delta::default() });
    assert_eq!(applied.removed, 3);
    assert_eq!(mail.store.mailbox(mail.inbox).unwrap().state, None);
    assert_eq!(mail.store.operations(mail.inbox).unwrap()[0].uid, None);
    let entry = mail.entry(70, b"Subject: message 2\r\n\r\nbody 2\r\n", summary("message 2", NOW + 2));
    mail.apply(mail.inbox, Delta { new: vec![entry], state: Some(state(2, 71)), ..Delta::default() });
    let rows = mail.store.list(&Filter::default(), 9, None).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].message, before[1], "the same message, not fetched twice");
    assert!(rows[0].places[0].flags.contains("\\Flagged"));
    assert_eq!(mail.store.operations(mail.inbox).unwrap()[0].uid, Uid::new(70));
}

#[test]
fn a_mailbox_that_is_not_listed_is_named_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.sent, [1]);
    let account = mail.store.account("ann").unwrap();
    let list = [mailbox("inbox", None), mailbox("Neu", None), mailbox("Neu", None)];
    let listed = mail.store.set_mailboxes(account, &list).unwrap();
    assert_eq!(listed.gone, [mail.sent]);
    assert_eq!(listed.changes, [Change::Mailboxes(account)]);
    assert_eq!(mail.store.mailboxes(account).unwrap().len(), 3);
    assert_eq!(mail.store.set_mailboxes(account, &list).unwrap().changes, []);
    mail.store.retire_mailbox(mail.sent, NOW).unwrap();
    assert_eq!(mail.store.count(&Filter::default()).unwrap(), 0);
    assert_eq!(mail.store.mailboxes(account).unwrap().len(), 2);
    let sent = [mailbox("inbox", Some(SpecialUse::All))];
    mail.store.set_mailboxes(account, &sent).unwrap();
    assert_eq!(mail.store.mailbox(mail.inbox).unwrap().mailbox.special_use, Some(SpecialUse::All));
}

#[test]
fn an_account_goes_with_everything_of_it_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, 1..=4);
    let other = mail.store.account("bob").unwrap();
    mail.store.set_mailboxes(other, &[mailbox("INBOX", None)]).unwrap();
    let theirs = mail.store.mailboxes(other).unwrap()[0].id;
    mail.receive(theirs, 3..=6);
    mail.index();
    assert_eq!(mail.store.count(&Filter::default()).unwrap(), 6);
    let ann = mail.store.find_account("ann").unwrap().unwrap();
    mail.store.remove_account(ann).unwrap();
    let left = mail.store.list(&Filter::default(), 9, None).unwrap();
    assert_eq!(
        left.iter().map(|row| row.subject.as_str()).collect::<Vec<_>>(),
        ["message 6", "message 5", "message 4", "message 3"]
    );
    assert_ne!(mail.store.account("ann").unwrap(), ann, "ids never return");
}

#[test]
fn one_process_writes_and_any_number_read() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(View::open(dir.path()), Err(StoreError::Absent(_))));
    let mut mail = Mail::open(dir.path());
    let view = View::open(dir.path()).unwrap();
    let version = view.version().unwrap();
    match Store::open(dir.path()) {
        Err(StoreError::Locked { process, watched, .. }) => {
            assert_eq!((process, watched), (Some(std::process::id()), Vec::new()));
        }
        other => panic!("{:?}", other.err()),
    }
    // One that stays says so.
    let ann = mail.store.find_account("ann").unwrap().unwrap();
    mail.store.announce(&[ann]).unwrap();
    match Store::open(dir.path()) {
        Err(StoreError::Locked { process, watched, .. }) => {
            assert_eq!((process, watched), (Some(std::process::id()), vec![ann]));
        }
        other => panic!("{:?}", other.err()),
    }
    mail.receive(mail.inbox, [1]);
    assert_ne!(view.version().unwrap(), version);
    assert_eq!(view.count(&Filter::default()).unwrap(), 1);
    drop(mail);
    assert_eq!(View::open(dir.path()).unwrap().count(&Filter::default()).unwrap(), 1);
    Store::open(dir.path()).unwrap();
}

#[test]
fn operations_show_at_once_and_a_refusal_takes_them_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, 1..=3);
    let uid = Uid::new(2).unwrap();
    let shown = |store: &Store| {
        let rows = store.list(&Filter::default(), 9, None).unwrap();
        rows.iter()
            .filter(|row| row.subject == "message 2")
            .flat_map(|row| &row.places)
            .map(|p| format!("{} {}", p.name, p.flags.names().collect::<Vec<_>>().join(" ")))
            .collect::<Vec<_>>()
    };
    let read = Intent::Flag { add: flags(&["\\Seen", "$Work"]), remove: flags(&[]) };
    let (first, changes) = ask(&mut mail.store, mail.inbox, uid, &read);
    assert_eq!(changes.len(), 1);
    assert_eq!(shown(&mail.store), ["INBOX \\Seen $Work"]);
    let (second, _) = ask(&mut mail.store, mail.inbox, uid, &Intent::Move { to: mail.sent });
    assert_eq!(shown(&mail.store), ["Sent \\Seen $Work"]);
    assert!(mail.store.flags(mail.inbox).unwrap()[1].1.names().next().is_none(), "entry is the server's");
    let (third, _) = ask(&mut mail.store, mail.inbox, uid, &Intent::Remove);
    assert_eq!(shown(&mail.store), [""; 0]);
    mail.store.confirm(&[Confirmed { operation: third, at: None }], &[], NOW).unwrap();
    mail.store.refuse_operation(second, "NO [OVERQUOTA] full").unwrap();
    assert_eq!(shown(&mail.store), ["INBOX \\Seen $Work"]);
    assert_eq!(mail.store.operations(mail.inbox).unwrap()[1].reply, "NO [OVERQUOTA] full");
    // The server moves on: the fold follows.
    mail.apply(mail.inbox, Delta { flags: vec![flag_change(2, &["\\Flagged"])], ..Delta::default() });
    assert_eq!(shown(&mail.store), ["INBOX \\Flagged \\Seen $Work"]);
    mail.store.confirm(&[Confirmed { operation: first, at: None }], &[], NOW).unwrap();
    assert_eq!(shown(&mail.store), ["INBOX \\Flagged"]);
    let (copy, _) = ask(&mut mail.store, mail.inbox, uid, &Intent::Copy { to: mail.sent });
    assert_eq!(shown(&mail.store), ["INBOX \\Flagged", "Sent \\Flagged"]);
    assert_eq!(mail.store.begin_operations(&[(vec![copy], 7)]).unwrap(), [copy]);
    mail.store.defer_operation(copy, "no connection").unwrap();
    assert_eq!(mail.store.operations(mail.inbox).unwrap()[1].attempts, 1);
}

#[test]
fn ids_for_people_are_short_stable_and_any_unique_beginning_will_do() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, 1..=200);
    let rows = mail.store.list(&Filter::default(), 200, None).unwrap();
    for row in &rows {
        assert!(row.id.len() >= 8 && row.id.bytes().all(|b| (b'k'..=b'z').contains(&b)));
        assert_eq!(mail.store.message_by_prefix(&row.id).unwrap(), Found::One(row.message));
        let mut some = 1;
        while mail.store.message_by_prefix(&row.id[..some]).unwrap() == Found::Ambiguous {
            some += 1;
        }
        assert_eq!(mail.store.message_by_prefix(&row.id[..some]).unwrap(), Found::One(row.message));
    }
    assert_eq!(mail.store.message_by_prefix("").unwrap(), Found::None);
    assert_eq!(mail.store.message_by_prefix("not an id").unwrap(), Found::None);
}
