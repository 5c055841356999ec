//! What is kept on this machine is damaged, and the server has it still.

use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;

use serde_json::{Value, json};
use testkit::mail::Plan;

use crate::person::{Person, sums};
use crate::sync::{agrees_with_the_server, message};

const MESSAGES: usize = 20;

/// Somebody with some mail, and the octets of each message by its id.
fn person() -> (Person, Vec<(String, Vec<u8>)>) {
    let person = Person::set_up();
    person.lab.fill(&person.address, &Plan::inbox(&person.address, MESSAGES)).unwrap();
    person.sync();
    let raws = raws(&person);
    assert_eq!(raws.len(), MESSAGES);
    (person, raws)
}

fn raws(person: &Person) -> Vec<(String, Vec<u8>)> {
    let ids = person.list(&[]).iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    ids.into_iter().map(|id| (id.clone(), person.raw(&id))).collect()
}

fn pack(person: &Person) -> PathBuf {
    person.data().join("packs/000001.pack")
}

/// The exit code and the document of `fsck` with these options.
fn fsck(person: &Person, options: &[&str]) -> (i32, Value) {
    let ran = person.run(&[&["fsck", "--json"], options].concat());
    (ran.status, ran.document())
}

/// Nothing is wrong, now and after another sync.
fn is_well(person: &Person) {
    for _ in 0..2 {
        let (status, document) = fsck(person, &[]);
        assert_eq!((status, &document["faults"]), (0, &json!([])), "{document:#}");
        let report = person.sync();
        agrees_with_the_server(person, &report);
    }
}

fn of_kind<'a>(document: &'a Value, kind: &str) -> Vec<&'a Value> {
    document["faults"].as_array().unwrap().iter().filter(|fault| fault["kind"] == kind).collect()
}

fn flip(person: &Person) {
    let mut bytes = fs::read(pack(person)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(pack(person), bytes).unwrap();
}

fn truncate(person: &Person) {
    let file = OpenOptions::new().write(true).open(pack(person)).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
}

fn delete(person: &Person) {
    fs::remove_file(pack(person)).unwrap();
}

#[test]
fn octets_that_were_damaged_are_fetched_again_and_are_the_same() {
    for (damage, least) in [(flip as fn(&Person), 1), (truncate, 3), (delete, MESSAGES)] {
        let (person, before) = person();
        is_well(&person);
        damage(&person);
        let (status, found) = fsck(&person, &[]);
        let lost = of_kind(&found, "content");
        assert_eq!(status, 1);
        assert!(lost.len() >= least && (least > 1 || lost.len() == 1), "{found:#}");
        let place = lost[0]["where"].as_str().unwrap();
        assert!(place.starts_with("INBOX UID "), "{place}");
        let id = lost[0]["id"].as_str().unwrap();
        assert!(before.iter().any(|(known, _)| id.starts_with(known.as_str())), "{id}");

        let (status, repaired) = fsck(&person, &["--repair"]);
        assert_eq!(status, 0, "{repaired:#}");
        assert_eq!(of_kind(&repaired, "content").len(), lost.len());
        assert!(repaired["faults"].as_array().unwrap().iter().all(|fault| fault["repaired"] == true));
        assert!(raws(&person) == before, "every octet is what it was");
        is_well(&person);
    }
}

#[test]
fn what_cannot_be_had_is_named_and_stays_until_it_is_given_up() {
    let (person, before) = person();
    person.lab.doveadm(&["expunge", "-u", &person.address, "mailbox", "INBOX", "uid", "3"]).unwrap();
    delete(&person);
    let (status, offline) = fsck(&person, &["--repair", "--offline"]);
    assert_eq!(status, 1);
    assert_eq!(of_kind(&offline, "content").len(), MESSAGES);
    assert_eq!(person.list(&[]).len(), MESSAGES, "nothing is deleted");

    let (status, document) = fsck(&person, &["--repair"]);
    assert_eq!(status, 1);
    let left: Vec<_> =
        of_kind(&document, "content").into_iter().filter(|fault| fault["repaired"] == false).collect();
    assert_eq!(left.len(), 1, "{document:#}");
    assert!(left[0]["where"].as_str().unwrap().starts_with("INBOX UID 3: "), "{document:#}");
    let said = person.run(&["fsck"]);
    assert_eq!(said.status, 1);
    assert!(said.text().contains("its content is lost"), "{said}");
    assert!(said.stderr.contains("--repair"), "{said}");

    let (status, _) = fsck(&person, &["--repair", "--forget-lost"]);
    assert_eq!(status, 0);
    is_well(&person);
    let after = raws(&person);
    assert_eq!(after.len(), MESSAGES - 1);
    assert!(after.iter().all(|row| before.contains(row)));
}

#[test]
fn uids_of_another_time_are_not_asked_for() {
    let (person, before) = person();
    for entry in fs::read_dir(person.maildir("INBOX")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        // Without them Dovecot numbers anew.
        if name == "dovecot-uidlist" || name.starts_with("dovecot.index") {
            fs::remove_file(path).unwrap();
        }
    }
    flip(&person);
    let said = person.run(&["fsck", "--repair"]);
    assert_eq!(said.status, 1, "{said}");
    assert!(said.stderr.contains("have other UIDs on the server now"), "{said}");
    person.sync();
    assert_eq!(fsck(&person, &["--repair"]).0, 0);
    assert!(raws(&person) == before);
    is_well(&person);
}

#[test]
fn what_was_forgotten_while_offline_comes_again() {
    let (person, before) = person();
    delete(&person);
    let (status, _) = fsck(&person, &["--repair", "--forget-lost", "--offline"]);
    assert_eq!((status, person.list(&[]).len()), (0, 0));
    assert_eq!(sums(&person.sync())[0], MESSAGES as u64);
    assert!(raws(&person) == before);
    is_well(&person);
}

#[test]
fn other_octets_under_the_same_uid_become_a_message_of_their_own() {
    let person = Person::set_up();
    person.lab.save(&person.address, "INBOX", &message("first version")).unwrap();
    person.sync();
    let id = person.only(&[]);
    // A server that changes what a UID means.
    let folder = person.maildir("INBOX");
    let file = ["cur", "new"].iter().flat_map(|name| fs::read_dir(folder.join(name)).unwrap()).next();
    let path = file.unwrap().unwrap().path();
    let text = fs::read_to_string(&path).unwrap().replace("first version", "other version");
    fs::write(&path, text).unwrap();
    delete(&person);
    let (status, document) = fsck(&person, &["--repair"]);
    assert_eq!(status, 0, "{document:#}");
    let now = person.only(&[]);
    assert_ne!(now, id);
    assert!(String::from_utf8(person.raw(&now)).unwrap().contains("other version"));
    assert_eq!(person.count(&["subject:other"]), 1);
    let (status, document) = fsck(&person, &[]);
    assert_eq!(status, 0, "{document:#}");
}

#[test]
fn a_broken_index_is_named_and_made_again() {
    let (person, _) = person();
    let found = person.count(&["body OR subject OR the OR a"]);
    for damage in ["this is no database".repeat(1000), String::new()] {
        let search = person.data().join("search.db");
        for name in ["search.db-wal", "search.db-shm"] {
            let _ = fs::remove_file(person.data().join(name));
        }
        fs::write(&search, &damage).unwrap();
        let (status, document) = fsck(&person, &[]);
        assert_eq!(status, 1);
        assert!(!of_kind(&document, "index").is_empty(), "{document:#}");
        let (status, document) = fsck(&person, &["--rebuild-index"]);
        assert_eq!((status, &document["faults"]), (0, &json!([])), "{document:#}");
        assert_eq!(person.count(&["body OR subject OR the OR a"]), found);
    }
    is_well(&person);
}

#[test]
fn a_broken_mail_database_is_said_plainly_with_what_can_be_done() {
    let (person, _) = person();
    for name in ["mail.db-wal", "mail.db-shm"] {
        let _ = fs::remove_file(person.data().join(name));
    }
    fs::write(person.data().join("mail.db"), "this is no database".repeat(1000)).unwrap();
    for options in [&["fsck"][..], &["fsck", "--repair"]] {
        let said = person.run(options);
        assert_eq!(said.status, 1, "{said}");
        assert!(said.text().contains("database  mail.db"), "{said}");
        assert!(said.stderr.contains("run `restante sync`"), "{said}");
    }
    // What it says is true.
    for name in ["mail.db", "mail.db-wal", "mail.db-shm"] {
        let _ = fs::remove_file(person.data().join(name));
    }
    assert_eq!(sums(&person.sync())[0], MESSAGES as u64);
    is_well(&person);
}

#[test]
fn a_check_works_beside_another_restante_and_a_repair_waits_for_another_day() {
    let (person, _) = person();
    let lock = File::open(person.data().join("lock")).unwrap();
    lock.try_lock().unwrap();
    let (status, document) = fsck(&person, &[]);
    assert_eq!((status, &document["checked"]["messages"]), (0, &json!(MESSAGES)));
    let refused = person.run(&["fsck", "--repair"]);
    assert_eq!(refused.status, 75, "{refused}");
    assert!(refused.stderr.contains("in use by another restante"), "{refused}");
    assert!(refused.stderr.contains("Without options"), "{refused}");
}

#[test]
fn a_removed_account_gives_its_octets_back() {
    let (person, before) = person();
    let other = person.lab.fresh_user("autoconfig.test");
    person.add_account(&other);
    person.lab.fill(&other, &Plan::inbox(&other, 30)).unwrap();
    person.run(&["sync"]).succeeded();
    let size = || -> u64 {
        let packs = fs::read_dir(person.data().join("packs")).unwrap();
        packs.map(|item| item.unwrap().metadata().unwrap().len()).sum()
    };
    let both = size();
    let said = person.text(&["account", "remove", &other, "--yes"]);
    assert!(said.contains("were given back"), "{said}");
    assert!(size() < both, "{} of {both}", size());
    assert!(raws(&person) == before);
    let after = size();
    let (status, document) = fsck(&person, &["--compact"]);
    assert_eq!((status, &document["faults"], size()), (0, &json!([]), after), "{document:#}");
}
