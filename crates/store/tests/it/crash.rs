//! A process may end anywhere.

use crate::support::{Mail, NOW, searchable, state, summary, uids};
use restante_core::sync::Delta;
use restante_store::{Filter, Store};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

/// Copies a data directory as it is at this moment, as a process that ends now would leave it.
pub(crate) fn snapshot(from: &Path) -> tempfile::TempDir {
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
        mail.index_some(4);
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
fn an_index_that_cannot_be_opened_just_now_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, 1..=3);
    mail.index();
    drop(mail);
    let log = dir.path().join("search.db-wal");
    fs::create_dir(&log).unwrap();
    assert!(Store::open(dir.path()).is_err());
    fs::remove_dir(&log).unwrap();
    let mail = Mail::open(dir.path());
    assert_eq!(mail.store.unindexed(9).unwrap(), []);
    assert_eq!(found(&mail, "message"), 3);
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
    put_back_the_mail(before.path(), dir.path());
    let mut mail = Mail::open(dir.path());
    let entry = mail.entry(3, b"quite different", summary("other", NOW + 3));
    mail.apply(mail.inbox, Delta { new: vec![entry], ..Delta::default() });
    mail.index();
    assert_eq!(found(&mail, "different"), 1);
    assert_eq!(found(&mail, "\"message 3\""), 0);
    assert_eq!(found(&mail, "message"), 2);
}

/// The mail database as it was before; the index stays as it became.
fn put_back_the_mail(before: &Path, dir: &Path) {
    for name in ["mail.db", "mail.db-wal", "mail.db-shm"] {
        let _ = fs::remove_file(dir.join(name));
        if before.join(name).exists() {
            fs::copy(before.join(name), dir.join(name)).unwrap();
        }
    }
}

/// How many messages a search finds.
fn found(mail: &Mail, words: &str) -> u64 {
    let now = "2024-01-01T00:00:00+00:00[UTC]".parse().unwrap();
    let query = restante_core::query::parse(words, &now).unwrap();
    mail.store.count(&Filter { account: None, query }).unwrap()
}

#[test]
fn whatever_step_the_index_ended_after_what_it_claims_to_have_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let snapshots = Mutex::new(Vec::new());
    let take = || snapshots.lock().unwrap().push(snapshot(dir.path()));
    let mut mail = Mail::open(dir.path());
    let mut indexer = mail.store.indexer().unwrap();
    for batch in 0..3 {
        // More comes while the index is behind.
        mail.receive(mail.inbox, batch * 5 + 1..=batch * 5 + 5);
        let done = indexer.step(
            4,
            |view, id| {
                take();
                searchable(view, id)
            },
            |shown| {
                let done = mail.store.preview(&shown);
                take();
                done
            },
        );
        assert_eq!(done.unwrap(), 4);
        take();
    }
    let snapshots = snapshots.into_inner().unwrap();
    assert_eq!(snapshots.len(), 18);
    for (step, snapshot) in snapshots.iter().enumerate() {
        let mut mail = Mail::open(snapshot.path());
        let missing = mail.store.unindexed(99).unwrap();
        let all = mail.store.list(&Filter::default(), 99, None).unwrap();
        let have = all.iter().filter(|row| !missing.contains(&row.message));
        assert!(have.clone().all(|row| row.attachments.is_some()), "step {step}");
        assert_eq!(found(&mail, "body"), have.count() as u64, "step {step}");
        mail.index();
        assert_eq!(found(&mail, "body"), all.len() as u64, "step {step}");
        assert!(mail.store.list(&Filter::default(), 99, None).unwrap().iter().all(|r| !r.snippet.is_empty()));
    }
}

#[test]
fn a_preview_lost_with_the_power_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, 1..=4);
    mail.index_some(2);
    let before = snapshot(dir.path());
    mail.index();
    drop(mail);
    put_back_the_mail(before.path(), dir.path());
    let mut mail = Mail::open(dir.path());
    assert_eq!(mail.store.unindexed(9).unwrap().len(), 2);
    mail.index();
    let rows = mail.store.list(&Filter::default(), 9, None).unwrap();
    assert!(rows.iter().all(|row| row.attachments.is_some()), "{rows:?}");
    assert_eq!(found(&mail, "body"), 4);
}

#[test]
fn a_damaged_message_keeps_no_other_from_being_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, 1..=3);
    drop(mail);
    let pack = dir.path().join("packs/000001.pack");
    let length = fs::metadata(&pack).unwrap().len();
    OpenOptions::new().write(true).open(&pack).unwrap().set_len(length - 60).unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, [4]);
    let mut indexer = mail.store.indexer().unwrap();
    let done = indexer.step(9, restante_store::View::searchable, |shown| mail.store.preview(&shown));
    assert_eq!(done.unwrap(), 4);
    assert_eq!(found(&mail, "body"), 3);
    assert_eq!(found(&mail, "subject:message"), 4);
    fs::remove_file(&pack).unwrap();
    fs::remove_file(dir.path().join("search.db")).unwrap();
    drop(mail);
    let mut mail = Mail::open(dir.path());
    let mut indexer = mail.store.indexer().unwrap();
    let done = indexer.step(9, restante_store::View::searchable, |shown| mail.store.preview(&shown));
    assert_eq!(done.unwrap(), 4);
    assert_eq!(found(&mail, "body"), 1);
}
