//! Contents: what goes in comes out.

use crate::support::{Mail, NOW, fetched, summary};
use restante_core::sync::Delta;
use restante_store::{Body, Filter, StoreError};
use std::fs;
use std::io::Read;

/// Bytes that do not compress.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().read_exact(&mut bytes).unwrap();
    bytes
}

#[test]
fn contents_of_every_kind_come_back_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    let contents: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"x".to_vec(),
        b"Subject: hello\r\n\r\n".repeat(500),
        noise(3_000, 1),
        noise(1 << 20, 2),
        noise((1 << 20) + 1, 3),
        b"a large text that compresses well\r\n".repeat(100_000),
        vec![0; 5 << 20],
    ];
    let new =
        (1..).zip(&contents).map(|(uid, c)| mail.entry(uid, c, summary("x", NOW + i64::from(uid)))).collect();
    mail.apply(mail.inbox, Delta { new, ..Delta::default() });
    drop(mail);
    let view = restante_store::View::open(dir.path()).unwrap();
    let mut found = view.find(&Filter::default(), 100, None).unwrap();
    found.reverse();
    assert_eq!(found.len(), contents.len());
    for (id, content) in found.into_iter().zip(&contents) {
        assert!(view.read(id).unwrap() == *content, "{} octets", content.len());
        assert_eq!(view.content(id).unwrap().size(), content.len() as u64);
    }
}

#[test]
fn a_content_is_stored_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    for (uid, content) in [(1, noise(2_000, 1)), (2, noise(3 << 20, 1))] {
        let before = size(dir.path());
        // Twice before it is applied, then again in another process.
        let first = mail.entry(uid, &content, summary("x", NOW));
        let second = mail.entry(uid + 10, &content, summary("x", NOW));
        assert_eq!(*fetched(&first), *fetched(&second));
        mail.apply(mail.inbox, Delta { new: vec![first, second], ..Delta::default() });
        drop(mail);
        mail = Mail::open(dir.path());
        let third = mail.entry(uid, &content, summary("x", NOW));
        mail.apply(mail.sent, Delta { new: vec![third], ..Delta::default() });
        mail.writer.sync().unwrap();
        let grown = size(dir.path()) - before;
        assert!(grown < content.len() as u64 + 200, "{grown}");
    }
    assert_eq!(mail.store.count(&Filter::default()).unwrap(), 2);
}

#[test]
fn contents_can_be_written_from_several_threads() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    let threads: Vec<_> = (0..3_u64)
        .map(|thread| {
            let mut writer = mail.store.content_writer().unwrap();
            std::thread::spawn(move || {
                let contents = (0..50).map(|n| {
                    writer.begin(0).unwrap();
                    noise(5_000, thread * 100 + n).chunks(777).for_each(|piece| writer.write(piece).unwrap());
                    writer.finish().unwrap()
                });
                let contents: Vec<_> = contents.collect();
                writer.sync().unwrap();
                contents
            })
        })
        .collect();
    let contents: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    let model = mail.entry(1, b"model", summary("x", NOW));
    let new = (1..)
        .zip(contents)
        .map(|(uid, content)| {
            let mut entry = model.clone();
            entry.uid = restante_core::mail::Uid::new(uid).unwrap();
            entry.body = Body::Fetched { summary: Box::new(summary("x", NOW)), content };
            entry
        })
        .collect();
    mail.apply(mail.inbox, Delta { new, ..Delta::default() });
    let found = mail.store.find(&Filter::default(), 1000, None).unwrap();
    assert_eq!(found.len(), 150);
    for id in found {
        assert_eq!(mail.store.read(id).unwrap().len(), 5_000);
    }
}

#[test]
fn content_that_is_not_on_disk_is_not_applied() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    let entry = mail.entry(1, b"x", summary("x", NOW));
    let delta = Delta { new: vec![entry], ..Delta::default() };
    assert!(matches!(mail.store.apply(mail.inbox, &delta, NOW), Err(StoreError::Unsynced)));
    assert!(mail.store.uids(mail.inbox).unwrap().is_empty());
    mail.writer.sync().unwrap();
    assert_eq!(mail.store.apply(mail.inbox, &delta, NOW).unwrap().new, 1);
}

#[test]
fn what_takes_the_place_of_a_content_that_was_given_up_is_not_on_disk_either() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    // Some of it is on disk before it is given up.
    mail.writer.begin(3 << 20).unwrap();
    mail.writer.write(&noise(3 << 20, 1)).unwrap();
    mail.writer.sync().unwrap();
    let entry = mail.entry(1, b"x", summary("x", NOW));
    let delta = Delta { new: vec![entry], ..Delta::default() };
    assert!(matches!(mail.store.apply(mail.inbox, &delta, NOW), Err(StoreError::Unsynced)));
    mail.writer.sync().unwrap();
    assert_eq!(mail.store.apply(mail.inbox, &delta, NOW).unwrap().new, 1);
    let written = size(dir.path());
    mail.writer = mail.store.content_writer().unwrap();
    assert_eq!(size(dir.path()), written, "no hole is left where it was");
}

#[test]
fn damage_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, [1]);
    let id = mail.store.find(&Filter::default(), 1, None).unwrap()[0];
    let pack = dir.path().join("packs/000001.pack");
    let good = fs::read(&pack).unwrap();
    for at in [0, 30, 56, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&pack, &bad).unwrap();
        assert!(matches!(mail.store.read(id), Err(StoreError::Damaged(_))), "octet {at}");
    }
    fs::write(&pack, &good[..good.len() - 1]).unwrap();
    assert!(mail.store.read(id).is_err());
}

#[test]
#[cfg(unix)]
fn nobody_else_can_read_the_mail() {
    use std::os::unix::fs::PermissionsExt;
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("restante");
    let mut mail = Mail::open(&dir);
    mail.receive(mail.inbox, [1]);
    let mut paths = vec![dir];
    let mut seen = 0;
    while let Some(path) = paths.pop() {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        if path.is_dir() {
            assert_eq!(mode, 0o700, "{path:?}");
            paths.extend(fs::read_dir(&path).unwrap().map(|item| item.unwrap().path()));
        } else {
            assert_eq!(mode, 0o600, "{path:?}");
            seen += 1;
        }
    }
    assert!(seen >= 5, "databases, their logs, the lock, a pack");
}

fn size(dir: &std::path::Path) -> u64 {
    fs::read_dir(dir.join("packs")).unwrap().map(|item| item.unwrap().metadata().unwrap().len()).sum()
}
