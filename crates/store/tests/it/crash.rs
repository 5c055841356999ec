//! A process may end anywhere.

use crate::support::{Mail, NOW, state, summary, uids};
use restante_core::message::Searchable;
use restante_core::sync::Delta;
use restante_store::{Filter, Store};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

/// Copies a data directory as it is at this moment, as a process that ends now would leave it.
fn snapshot(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    copy(from, to.path());
    to
}

fn copy(from: &Path, to: &Path) {
    for item in fs::read_dir(from).unwrap() {
        let path = item.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Opens a store and reads all of it; returns the UIDs of the inbox.
fn whole(dir: &Path) -> (Mail, Vec<u32>) {
    let mail = Mail::open(dir);
    mail.check();
    for id in mail.store.find(&Filter::default(), 1_000, None).unwrap() {
        mail.store.read(id).unwrap();
    }
    let known = mail.store.uids(mail.inbox).unwrap().iter().map(|uid| uid.get()).collect();
    (mail, known)
}

#[test]
fn whatever_step_a_sync_ended_after_the_next_one_completes_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut snapshots = Vec::new();
    let mut mail = Mail::open(dir.path());
    for batch in 0..4_u32 {
        let new: Vec<_> = (1..=5)
            .map(|n| {
                let uid = batch * 5 + n;
                // Large enough that some octets reach the file before they are synced.
                let content = uid.to_le_bytes().repeat(if n == 3 { 400_000 } else { 50 });
                mail.entry(uid, &content, summary("x", NOW + i64::from(uid)))
            })
            .collect();
        snapshots.push(snapshot(dir.path()));
        mail.writer.sync().unwrap();
        snapshots.push(snapshot(dir.path()));
        let delta = Delta { new, state: Some(state(1, batch * 5 + 6)), ..Delta::default() };
        mail.store.apply(mail.inbox, &delta, NOW).unwrap();
        snapshots.push(snapshot(dir.path()));
        let batch = mail.store.unindexed(4).unwrap();
        mail.store.index(batch.into_iter().map(|id| (id, Searchable::default())).collect()).unwrap();
        snapshots.push(snapshot(dir.path()));
    }
    for (step, snapshot) in snapshots.iter().enumerate() {
        let (mut mail, known) = whole(snapshot.path());
        let next = mail.store.mailbox(mail.inbox).unwrap().state.map_or(1, |state| state.uid_next);
        assert_eq!(known, (1..next).collect::<Vec<_>>(), "step {step}: the state is what the rows prove");
        // The rest comes, into the same packs.
        mail.receive(mail.inbox, next..=20);
        mail.index();
        assert_eq!(mail.store.uids(mail.inbox).unwrap(), uids(1..=20));
        drop(mail);
        assert_eq!(whole(snapshot.path()).1.len(), 20);
    }
}

#[test]
fn octets_nobody_refers_to_are_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, 1..=3);
    drop(mail);
    let pack = dir.path().join("packs/000001.pack");
    let length = fs::metadata(&pack).unwrap().len();
    OpenOptions::new().append(true).open(&pack).unwrap().write_all(&[0x52; 5_000]).unwrap();
    fs::write(dir.path().join("packs/000002.pack"), b"RSTP torn").unwrap();
    let (mut mail, known) = whole(dir.path());
    assert_eq!(known, [1, 2, 3]);
    assert_eq!(fs::metadata(&pack).unwrap().len(), length);
    assert!(!dir.path().join("packs/000002.pack").exists());
    mail.receive(mail.inbox, [4]);
    assert_eq!(whole_again(mail, dir.path()), [1, 2, 3, 4]);
}

fn whole_again(mail: Mail, dir: &Path) -> Vec<u32> {
    drop(mail);
    whole(dir).1
}

#[test]
fn a_pack_that_lost_octets_is_reported_and_not_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, 1..=3);
    drop(mail);
    let pack = dir.path().join("packs/000001.pack");
    let length = fs::metadata(&pack).unwrap().len();
    OpenOptions::new().write(true).open(&pack).unwrap().set_len(length - 1).unwrap();
    let mut mail = Mail::open(dir.path());
    let ids = mail.store.find(&Filter::default(), 9, None).unwrap();
    assert!(mail.store.read(ids[0]).is_err());
    assert!(mail.store.read(ids[1]).is_ok());
    mail.receive(mail.inbox, [4]);
    assert_eq!(fs::metadata(&pack).unwrap().len(), length - 1);
}

#[test]
fn a_writer_that_is_dropped_leaves_no_octets() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, [1]);
    let pack = dir.path().join("packs/000001.pack");
    let length = fs::metadata(&pack).unwrap().len();
    mail.writer.begin(3 << 20).unwrap();
    (0..300_u32).for_each(|n| {
        mail.writer.write(blake3::hash(&n.to_le_bytes()).as_bytes().repeat(300).as_slice()).unwrap()
    });
    mail.writer = mail.store.content_writer().unwrap();
    assert_eq!(fs::metadata(&pack).unwrap().len(), length);
    mail.receive(mail.inbox, [2]);
    assert_eq!(whole_again(mail, dir.path()), [1, 2]);
}

#[test]
fn an_index_that_is_lost_or_damaged_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, 1..=3);
    mail.index();
    drop(mail);
    for damage in [None, Some("this is no database, nor was it ever one".repeat(200))] {
        let path = dir.path().join("search.db");
        fs::remove_file(&path).unwrap();
        if let Some(text) = damage {
            fs::write(&path, text).unwrap();
        }
        let mut mail = Mail::open(dir.path());
        assert_eq!(mail.store.unindexed(9).unwrap().len(), 3);
        mail.index();
        assert_eq!(mail.store.unindexed(9).unwrap(), []);
    }
}

#[test]
fn an_index_ahead_of_the_mail_gives_up_what_it_has_too_much_of() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, 1..=2);
    mail.index();
    let before = snapshot(dir.path());
    mail.receive(mail.inbox, 3..=4);
    mail.index();
    drop(mail);
    // The mail database as it was before; the index as it became.
    for name in ["mail.db", "mail.db-wal", "mail.db-shm"] {
        let _ = fs::remove_file(dir.path().join(name));
        if before.path().join(name).exists() {
            fs::copy(before.path().join(name), dir.path().join(name)).unwrap();
        }
    }
    let mut mail = Mail::open(dir.path());
    let entry = mail.entry(3, b"quite different", summary("other", NOW + 3));
    mail.apply(mail.inbox, Delta { new: vec![entry], ..Delta::default() });
    mail.index();
    let now = "2024-01-01T00:00:00+00:00[UTC]".parse().unwrap();
    let found = |words: &str| {
        let query = restante_core::query::parse(words, &now).unwrap();
        mail.store.count(&Filter { account: None, query }).unwrap()
    };
    assert_eq!(found("different"), 1);
    assert_eq!(found("\"message 3\""), 0);
    assert_eq!(found("message"), 2);
}

#[test]
fn messages_are_indexed_in_turn() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, 1..=3);
    let all = mail.store.unindexed(9).unwrap();
    let item = |at: usize| (all[at], Searchable::default());
    assert!(mail.store.index(vec![item(1)]).is_err());
    assert!(mail.store.index(vec![item(0), item(2)]).is_err());
    mail.store.index(vec![item(1), item(0)]).unwrap();
    assert_eq!(mail.store.unindexed(9).unwrap(), all[2..]);
    let _: &Store = &mail.store;
}
