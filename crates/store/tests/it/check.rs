//! Everything that can be wrong is named, and what can be put right is.

use crate::support::{Mail, NOW, ask, flags, state, summary};
use restante_core::mail::Uid;
use restante_core::sync::Delta;
use restante_store::{Checked, Fault, FaultKind, Filter, Intent, Replacement, Store, View, check};
use rusqlite::Connection;
use std::fs;
use std::path::Path;

/// What is wrong, as kind and place.
fn faults(dir: &Path) -> Vec<Fault> {
    let mut faults = Vec::new();
    check(dir, |fault| faults.push(fault), |_| {}).unwrap();
    faults.sort();
    faults
}

fn kinds(dir: &Path) -> Vec<FaultKind> {
    faults(dir).into_iter().map(|fault| fault.kind).collect()
}

/// A synced mailbox of six indexed messages, one of them to be moved.
fn mail(dir: &Path) -> Mail {
    let mut mail = Mail::open(dir);
    mail.receive(mail.inbox, 1..=6);
    mail.apply(mail.inbox, Delta { state: Some(state(1, 7)), ..Delta::default() });
    mail.index();
    ask(&mut mail.store, mail.inbox, Uid::new(2).unwrap(), &Intent::Move { to: mail.sent });
    mail
}

fn sql(dir: &Path, sql: &str) {
    let conn = Connection::open(dir.join("mail.db")).unwrap();
    conn.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    conn.execute("ATTACH ?1 AS search", [dir.join("search.db").to_str().unwrap()]).unwrap();
    conn.execute_batch(sql).unwrap();
}

#[test]
fn nothing_is_wrong_with_mail_that_was_left_alone_and_all_of_it_was_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = mail(dir.path());
    let mut faults = Vec::new();
    let mut steps = Vec::new();
    // Beside the writer.
    let checked = check(dir.path(), |fault| faults.push(fault), |at| steps.push((at.done, at.of))).unwrap();
    assert_eq!(faults, []);
    let octets = (1..=6).map(|n| format!("Subject: message {n}\r\n\r\nbody {n}\r\n").len() as u64).sum();
    assert_eq!(checked, Checked { messages: 6, octets, packs: 1, mailboxes: 2 });
    assert_eq!(steps.last(), Some(&(6, 6)));
    // A mend of what is whole changes nothing.
    let before = mail.store.list(&Filter::default(), 9, None).unwrap();
    mail.store.mend().unwrap();
    assert_eq!(mail.store.list(&Filter::default(), 9, None).unwrap(), before);
    assert_eq!(kinds(dir.path()), []);
}

#[test]
fn rows_that_are_wrong_are_named_and_put_right() {
    for (kind, place, damage) in [
        (
            FaultKind::Counters,
            "INBOX: counts 9 messages, 6 unseen, and has 6, 6",
            "UPDATE mailbox SET total = 9 WHERE id = 1",
        ),
        (
            FaultKind::Counters,
            "INBOX: counts 6 messages, 2 unseen",
            "UPDATE mailbox SET unseen = 2 WHERE id = 1",
        ),
        (FaultKind::Fold, "mailbox 1 UID 2", "DELETE FROM fold"),
        (FaultKind::Fold, "mailbox 1 UID 2", "UPDATE fold SET flags = 8"),
        (
            FaultKind::Fold,
            "mailbox 1 UID 5",
            "INSERT INTO fold SELECT mailbox, uid, 0, position, flags, '' FROM entry WHERE uid = 5",
        ),
        (FaultKind::Reference, "tombstone of INBOX UID 9", "INSERT INTO tombstone VALUES (1, 9, 77, 5)"),
        (
            FaultKind::Reference,
            "tombstone of mailbox 55",
            "INSERT INTO tombstone SELECT 55, 9, position, 5 FROM entry WHERE uid = 1",
        ),
        (
            FaultKind::Reference,
            "operation of Sent UID 0",
            "INSERT INTO operation (mailbox, uid, position, kind, payload, created, attempts, state, reply)
             VALUES (2, 0, 77, 'append', '{\"flags\":[],\"date\":0}', 5, 0, 'waiting', '')",
        ),
        (
            FaultKind::Reference,
            "done of Sent UID 0",
            "INSERT INTO done VALUES (40, 1, 2, 0, 77, 'append', '{}', 5)",
        ),
        (
            FaultKind::Thread,
            "conversation 3 leads in a circle",
            "INSERT INTO thread_merge VALUES (3, 4), (4, 3); UPDATE message SET thread = 1 WHERE thread IN (3, 4)",
        ),
        (FaultKind::Thread, "message 3: its conversation is part", "INSERT INTO thread_merge VALUES (3, 4)"),
        (FaultKind::Thread, "conversation 9999", "INSERT INTO thread_key VALUES (1, 9999)"),
        (
            FaultKind::Thread,
            "conversation 3: what it is read below",
            "INSERT INTO thread_under VALUES (3, 3)",
        ),
        (FaultKind::Thread, "conversation 9999", "INSERT INTO thread_under VALUES (3, 9999)"),
        (FaultKind::Position, "message 4", "UPDATE message SET date = date + 5 WHERE id = 4"),
        (FaultKind::Pack, "packs/000001.pack is not proven", "UPDATE pack SET length = length - 1"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        drop(mail(dir.path()));
        sql(dir.path(), damage);
        let found = faults(dir.path());
        let named = found.iter().any(|fault| fault.kind == kind && fault.place.starts_with(place));
        assert!(named, "{damage}: {found:?}");
        let mut store = Store::open(dir.path()).unwrap();
        store.mend().unwrap();
        let left = faults(dir.path());
        // A message with another identity is not in the index yet.
        assert!(left.iter().all(|fault| fault.kind == FaultKind::Index), "{damage}: {left:?}");
        drop(store.rebuild_index().unwrap());
        assert_eq!(kinds(dir.path()), [], "{damage}");
        let view = View::open(dir.path()).unwrap();
        let all = view.find(&Filter::default(), 9, None).unwrap();
        assert_eq!(all.len(), 6, "{damage}");
        all.iter().for_each(|id| drop(view.read(*id).unwrap()));
    }
}

#[test]
fn an_entry_whose_message_is_gone_is_given_up_for_the_next_sync() {
    let dir = tempfile::tempdir().unwrap();
    drop(mail(dir.path()));
    sql(dir.path(), "DELETE FROM message WHERE id = 2");
    let found = faults(dir.path());
    assert!(found.iter().any(|f| f.place == "entry of INBOX UID 2: its message is not there"), "{found:?}");
    let mut store = Store::open(dir.path()).unwrap();
    store.mend().unwrap();
    let account = store.find_account("ann").unwrap().unwrap();
    let row = store.mailboxes(account).unwrap().remove(0);
    assert_eq!((row.total, row.unseen), (5, 5));
    // What was asked for it is not forgotten without a word.
    assert!(store.refused(account).unwrap()[0].reply.contains("lost on this machine"));
    drop(store.rebuild_index().unwrap());
    assert_eq!(kinds(dir.path()), []);
}

#[test]
fn what_the_index_lacks_or_has_too_much_of_is_named_and_made_again() {
    for damage in [
        "DELETE FROM search.words WHERE rowid = (SELECT position FROM message WHERE id = 3)",
        "INSERT INTO search.words (rowid, subject) VALUES (77, 'nobody')",
        "DELETE FROM preview WHERE message = 3",
    ] {
        let dir = tempfile::tempdir().unwrap();
        drop(mail(dir.path()));
        sql(dir.path(), damage);
        assert_eq!(kinds(dir.path()), [FaultKind::Index], "{damage}");
        let store = Store::open(dir.path()).unwrap().rebuild_index().unwrap();
        assert_eq!(store.unindexed(9).unwrap().len(), 6);
        drop(store);
        Mail::open(dir.path()).index();
        assert_eq!(kinds(dir.path()), [], "{damage}");
    }
}

#[test]
fn an_index_with_broken_pages_is_named_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    drop(mail(dir.path()));
    sql(dir.path(), "PRAGMA wal_checkpoint(TRUNCATE)");
    let path = dir.path().join("search.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096..].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    assert!(kinds(dir.path()).contains(&FaultKind::Index), "{:?}", faults(dir.path()));
    drop(Store::open_without_index(dir.path()).unwrap());
    Mail::open(dir.path()).index();
    assert_eq!(kinds(dir.path()), []);
}

#[test]
fn a_mail_database_with_broken_pages_is_named() {
    let dir = tempfile::tempdir().unwrap();
    drop(mail(dir.path()));
    sql(dir.path(), "PRAGMA wal_checkpoint(TRUNCATE)");
    let path = dir.path().join("mail.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096 * 5..4096 * 9].fill(0x5a);
    fs::write(&path, &bytes).unwrap();
    let found = faults(dir.path());
    assert!(found.iter().all(|fault| fault.kind == FaultKind::Database) && !found.is_empty(), "{found:?}");
    fs::write(&path, "not a database").unwrap();
    assert_eq!(kinds(dir.path()), [FaultKind::Database]);
}

#[test]
fn octets_that_changed_or_are_missing_are_named_by_message_and_taken_in_again() {
    let whole = |n: u32| format!("Subject: message {n}\r\n\r\nbody {n}\r\n").into_bytes();
    let flip = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[60] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let cut = |path: &Path| {
        let length = fs::metadata(path).unwrap().len();
        fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length - 1).unwrap();
    };
    let delete = |path: &Path| fs::remove_file(path).unwrap();
    for (damage, lost) in
        [(&flip as &dyn Fn(&Path), vec![1]), (&cut, vec![6]), (&delete, (1..=6).collect::<Vec<u32>>())]
    {
        let dir = tempfile::tempdir().unwrap();
        drop(mail(dir.path()));
        damage(&dir.path().join("packs/000001.pack"));
        let mut mail = Mail::open(dir.path());
        let found: Vec<_> = faults(dir.path()).into_iter().filter(|f| f.kind == FaultKind::Content).collect();
        let mut places: Vec<_> = found.iter().map(|fault| fault.place.clone()).collect();
        places.sort();
        let named: Vec<_> = lost.iter().map(|n| format!("INBOX UID {n}: message {n}")).collect();
        assert_eq!(places, named);
        let messages: Vec<_> = found.iter().filter_map(|fault| fault.message).collect();
        let places = mail.store.places_of(&messages).unwrap();
        assert_eq!(places.len(), lost.len());
        // What is known is not taken for good any more.
        mail.writer.write_anew();
        for place in places {
            let n = place.uid.get();
            let body = whole(n);
            mail.writer.begin(0).unwrap();
            mail.writer.write(&body).unwrap();
            let content = mail.writer.finish().unwrap();
            assert_eq!(content.digest(), place.digest);
            mail.writer.sync().unwrap();
            assert_eq!(mail.store.restore(&[content]).unwrap(), 1);
            assert_eq!(mail.store.read(place.message).unwrap(), body);
        }
        mail.store.compact(restante_store::Waste::Most, || {}).unwrap();
        assert_eq!(kinds(dir.path()), []);
    }
}

#[test]
fn what_was_indexed_while_it_was_damaged_is_found_again_when_it_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, 1..=3);
    mail.apply(mail.inbox, Delta { state: Some(state(1, 4)), ..Delta::default() });
    let pack = dir.path().join("packs/000001.pack");
    let whole = fs::read(&pack).unwrap();
    let mut damaged = whole.clone();
    damaged[60] ^= 1;
    fs::write(&pack, damaged).unwrap();
    mail.index();
    let found = |mail: &Mail, words: &str| {
        let now = "2024-01-01T00:00:00+00:00[UTC]".parse().unwrap();
        let query = restante_core::query::parse(words, &now).unwrap();
        let rows = mail.store.list(&Filter { account: None, query }, 9, None).unwrap();
        rows.into_iter().map(|row| (row.subject, row.snippet)).collect::<Vec<_>>()
    };
    assert_eq!(found(&mail, "\"body 1\""), []);
    let lost = faults(dir.path()).into_iter().filter_map(|fault| fault.message).collect::<Vec<_>>();
    assert_eq!(lost.len(), 1);
    drop(mail);
    let mut mail = Mail::open(dir.path());
    mail.writer.write_anew();
    mail.writer.begin(0).unwrap();
    mail.writer.write(b"Subject: message 1\r\n\r\nbody 1\r\n").unwrap();
    let content = mail.writer.finish().unwrap();
    mail.writer.sync().unwrap();
    assert_eq!(mail.store.restore(&[content]).unwrap(), 1);
    assert_eq!(found(&mail, "\"body 1\""), [("message 1".to_owned(), "body 1".to_owned())]);
    assert_eq!(found(&mail, "body").len(), 3);
    mail.store.compact(restante_store::Waste::Most, || {}).unwrap();
    assert_eq!(kinds(dir.path()), []);
}

#[test]
fn other_octets_in_the_place_of_lost_ones_become_a_message_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = mail(dir.path());
    let two = mail.store.places_of(&mail.store.find(&Filter::default(), 9, None).unwrap()).unwrap();
    let lost = *two.iter().find(|place| place.uid.get() == 2).unwrap();
    let mut entry = mail.entry(2, b"Subject: other\r\n\r\n", summary("other", NOW));
    entry.flags = flags(&["\\Seen"]);
    mail.writer.sync().unwrap();
    mail.store.replace(&Replacement { lost, entry, rests: false }, NOW).unwrap();
    mail.check();
    assert!(mail.store.row(lost.message).unwrap().is_none());
    // It is moved, as was asked.
    let all = mail.store.list(&Filter::default(), 9, None).unwrap();
    let other = all.iter().find(|row| row.subject == "other").unwrap();
    assert_eq!(other.places[0].mailbox, mail.sent);
    mail.index();
    assert_eq!(kinds(dir.path()), []);
}

#[test]
fn what_is_lost_for_good_is_forgotten_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = mail(dir.path());
    let all = mail.store.find(&Filter::default(), 9, None).unwrap();
    mail.store.forget(&all[..2]).unwrap();
    mail.check();
    assert_eq!(mail.store.find(&Filter::default(), 9, None).unwrap(), all[2..]);
    assert_eq!(kinds(dir.path()), []);
}

#[test]
fn a_pack_whose_row_is_lost_keeps_its_messages_and_a_strange_file_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(mail(dir.path()));
    sql(dir.path(), "DELETE FROM pack");
    fs::write(dir.path().join("packs/notes.txt"), "mine").unwrap();
    let found = kinds(dir.path());
    assert_eq!(found.iter().filter(|kind| **kind == FaultKind::Pack).count(), 6);
    let mut mail = Mail::open(dir.path());
    mail.store.mend().unwrap();
    let left = faults(dir.path());
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!((left[0].kind, left[0].place.as_str()), (FaultKind::Stranger, "packs/notes.txt"));
}
