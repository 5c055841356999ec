//! Space is given back, and no message is without its octets at any moment.

use crate::crash::snapshot;
use crate::support::{Mail, NOW, state, summary, uids};
use restante_core::sync::Delta;
use restante_store::{Filter, MessageId, View, Waste, check};
use std::fs;
use std::io::Read;
use std::path::Path;

/// Octets that do not compress.
fn noise(seed: u32) -> Vec<u8> {
    much_noise(seed, 200_000)
}

fn much_noise(seed: u32, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().read_exact(&mut bytes).unwrap();
    bytes
}

fn receive(mail: &mut Mail, range: std::ops::RangeInclusive<u32>) {
    let new = range
        .map(|n| mail.entry(n, &noise(n), summary(&format!("message {n}"), NOW + i64::from(n))))
        .collect();
    mail.apply(mail.inbox, Delta { new, state: Some(state(1, 99)), ..Delta::default() });
}

/// Thirty messages of which four remain.
fn mostly_dead(dir: &Path) -> Mail {
    let mut mail = Mail::open(dir);
    receive(&mut mail, 1..=30);
    mail.index();
    mail.apply(mail.inbox, Delta { vanished: uids(3..=28), ..Delta::default() });
    assert_eq!(mail.store.expire_tombstones(NOW + 1).unwrap(), 26);
    drop(mail);
    // Nobody writes to the pack.
    Mail::open(dir)
}

fn size(dir: &Path) -> u64 {
    fs::read_dir(dir.join("packs")).unwrap().map(|item| item.unwrap().metadata().unwrap().len()).sum()
}

fn is_whole(dir: &Path) {
    let mut faults = Vec::new();
    check(dir, |fault| faults.push(fault), |_| {}).unwrap();
    assert_eq!(faults, []);
    let view = View::open(dir).unwrap();
    let ids = view.find(&Filter::default(), 99, None).unwrap();
    let contents: Vec<_> = ids.into_iter().map(|id| view.read(id).unwrap()).collect();
    assert!(contents == [noise(30), noise(29), noise(2), noise(1)]);
}

#[test]
fn a_pack_most_of_which_is_dead_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = mostly_dead(dir.path());
    let before = size(dir.path());
    assert!(mail.store.dead_octets().unwrap() > 26 * 200_000);
    let freed = mail.store.compact(Waste::Most, || {}).unwrap();
    assert_eq!(freed, before - size(dir.path()));
    assert!(freed > 26 * 200_000, "{freed}");
    assert_eq!(mail.store.dead_octets().unwrap(), 0);
    is_whole(dir.path());
    assert_eq!(mail.store.compact(Waste::Any, || {}).unwrap(), 0);
}

#[test]
fn a_little_that_is_dead_goes_only_when_somebody_wants_it_to() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    receive(&mut mail, 1..=6);
    mail.apply(mail.inbox, Delta { vanished: uids(1..=4), ..Delta::default() });
    mail.store.expire_tombstones(NOW + 1).unwrap();
    // The pack is being written to.
    assert_eq!(mail.store.compact(Waste::Any, || {}).unwrap(), 0);
    drop(mail);
    let mut mail = Mail::open(dir.path());
    assert_eq!(mail.store.compact(Waste::Most, || {}).unwrap(), 0);
    let before = size(dir.path());
    assert!(mail.store.compact(Waste::Any, || {}).unwrap() > 4 * 200_000);
    assert!(size(dir.path()) < before - 4 * 200_000);
}

#[test]
fn whatever_step_a_compaction_ended_at_no_message_is_lost_and_the_next_one_completes_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = mostly_dead(dir.path());
    let mut snapshots = Vec::new();
    mail.store.compact(Waste::Most, || snapshots.push(snapshot(dir.path()))).unwrap();
    assert_eq!(snapshots.len(), 5);
    drop(mail);
    let done = size(dir.path());
    for (step, snapshot) in snapshots.iter().enumerate() {
        is_whole(snapshot.path());
        let mut mail = Mail::open(snapshot.path());
        mail.store.compact(Waste::Most, || {}).unwrap();
        drop(mail);
        is_whole(snapshot.path());
        assert_eq!(size(snapshot.path()), done, "step {step}");
    }
}

#[test]
fn who_reads_meanwhile_reads_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = mostly_dead(dir.path());
    let view = View::open(dir.path()).unwrap();
    let ids: Vec<MessageId> = view.find(&Filter::default(), 9, None).unwrap();
    let mut begun = view.content(ids[0]).unwrap();
    let mut bytes = vec![0; 1000];
    begun.read_exact(&mut bytes).unwrap();
    mail.store.compact(Waste::Most, || assert!(view.read(ids[1]).unwrap() == noise(29))).unwrap();
    begun.read_to_end(&mut bytes).unwrap();
    assert!(bytes == noise(30));
    assert!(view.read(ids[2]).unwrap() == noise(2));
}

#[test]
fn a_damaged_record_keeps_its_pack() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = mostly_dead(dir.path());
    let pack = dir.path().join("packs/000001.pack");
    let mut bytes = fs::read(&pack).unwrap();
    bytes[500] ^= 1;
    fs::write(&pack, bytes).unwrap();
    assert_eq!(mail.store.compact(Waste::Most, || {}).unwrap(), 0);
    assert!(pack.exists());
    let all = mail.store.find(&Filter::default(), 9, None).unwrap();
    assert!(mail.store.read(all[3]).is_err());
    assert!(mail.store.read(all[2]).unwrap() == noise(2));
    // What is known to be in it can come again.
    let entry = mail.entry(40, &noise(2), summary("again", NOW));
    mail.apply(mail.inbox, Delta { new: vec![entry], ..Delta::default() });
}

#[test]
fn a_content_that_went_with_its_pack_is_written_again_when_it_comes_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    // Two fill a pack, which the writer leaves and still remembers.
    let (large, small) = (much_noise(1, 65 << 20), noise(2));
    for (uid, content) in [(1, &small), (2, &large), (3, &noise(3))] {
        let entry = mail.entry(uid, content, summary("x", NOW));
        mail.apply(mail.inbox, Delta { new: vec![entry], ..Delta::default() });
    }
    mail.apply(mail.inbox, Delta { vanished: uids(1..=2), ..Delta::default() });
    mail.store.expire_tombstones(NOW + 1).unwrap();
    assert!(mail.store.compact(Waste::Most, || {}).unwrap() > 65 << 20);
    let entry = mail.entry(4, &small, summary("again", NOW + 9));
    mail.apply(mail.inbox, Delta { new: vec![entry], ..Delta::default() });
    let newest = mail.store.find(&Filter::default(), 1, None).unwrap()[0];
    assert!(mail.store.read(newest).unwrap() == small);
}
