//! Bringing mail here: complete, to the octet, and the second time only what is new.

use std::collections::BTreeMap;

use serde_json::Value;
use testkit::mail::Plan;

use crate::person::{Person, mailboxes, sums};

/// A message with this subject, in UTF-8.
pub(crate) fn message(subject: &str) -> Vec<u8> {
    format!(
        "From: Bob <bob@mx.test>\r\nTo: ann@autoconfig.test\r\nDate: Tue, 02 Jan 2024 10:00:00 +0000\r\n\
         Message-ID: <{}@mx.test>\r\nSubject: {subject}\r\n\r\nThe body of {subject}.\r\n",
        subject.replace(' ', ".")
    )
    .into_bytes()
}

/// What is here and what Dovecot has agree, in every mailbox.
pub(crate) fn agrees_with_the_server(person: &Person, report: &Value) {
    let there = person
        .lab
        .doveadm(&["-f", "tab", "mailbox", "status", "-u", &person.address, "messages", "*"])
        .unwrap();
    let there: BTreeMap<String, u64> = there
        .lines()
        .skip(1)
        .map(|line| line.split_once('\t').unwrap())
        .map(|(name, count)| (name.to_owned(), count.parse().unwrap()))
        .collect();
    let here: BTreeMap<String, u64> =
        mailboxes(report).into_iter().map(|(name, [.., total])| (name, total)).collect();
    assert_eq!(here, there);
    for (name, total) in &there {
        assert_eq!(person.count(&[&format!("in:\"{name}\"")]), *total, "{name}");
        assert_eq!(uids_here(person, name), uids_there(person, name), "{name}");
    }
}

/// UIDs with sizes, as they are listed. Twice the same UID would show.
pub(crate) fn uids_here(person: &Person, mailbox: &str) -> Vec<(u64, u64)> {
    let rows = person.list(&[&format!("in:\"{mailbox}\"")]);
    let mut uids: Vec<(u64, u64)> =
        rows.iter().map(|row| (row["uid"].as_u64().unwrap(), row["size"].as_u64().unwrap())).collect();
    uids.sort_unstable();
    uids
}

/// The same by Dovecot's own account.
pub(crate) fn uids_there(person: &Person, mailbox: &str) -> Vec<(u64, u64)> {
    let said = person
        .lab
        .doveadm(&[
            "-f",
            "tab",
            "fetch",
            "-u",
            &person.address,
            "uid size.virtual",
            "mailbox",
            mailbox,
            "all",
        ])
        .unwrap();
    said.lines()
        .skip(1)
        .map(|line| line.split_once('\t').unwrap())
        .map(|(uid, size)| (uid.parse().unwrap(), size.parse().unwrap()))
        .collect()
}

#[test]
fn every_mailbox_is_fetched_and_every_message_is_the_servers_to_the_octet() {
    let person = Person::set_up();
    let plan = Plan::household(&person.address, 60);
    person.lab.fill(&person.address, &plan).unwrap();
    let report = person.sync();
    assert_eq!(sums(&report), [60, 0, 0, 60]);
    assert_eq!(report["findings"], serde_json::json!([]));
    agrees_with_the_server(&person, &report);

    // UIDs follow the order of the plan in each mailbox.
    let mut next = BTreeMap::new();
    let mut expected = BTreeMap::new();
    for slot in plan.slots() {
        let uid = next.entry(slot.mailbox).and_modify(|uid| *uid += 1).or_insert(1_u64);
        expected.insert((plan.mailboxes[slot.mailbox].0.clone(), *uid), slot);
    }
    let mut seen = 0;
    for row in person.list(&[]) {
        let place = (row["mailboxes"][0].as_str().unwrap().to_owned(), row["uid"].as_u64().unwrap());
        let slot = &expected[&place];
        let bytes = slot.render(&plan);
        assert!(person.raw(row["id"].as_str().unwrap()) == bytes, "{place:?} differs");
        assert_eq!(row["size"].as_u64().unwrap(), bytes.len() as u64);
        let mut flags: Vec<&str> =
            row["flags"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let mut wanted = slot.flags.clone();
        flags.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(flags, wanted, "{place:?}");
        seen += 1;
    }
    assert_eq!(seen, 60);
}

#[test]
fn a_second_sync_transfers_nothing() {
    let person = Person::set_up();
    person.lab.fill(&person.address, &Plan::household(&person.address, 40)).unwrap();
    person.sync();
    let report = person.sync();
    assert_eq!(sums(&report), [0, 0, 0, 40]);
    assert!(report["round_trips"].as_u64().unwrap() <= 3, "{report:#}");
    assert!(report["bytes_in"].as_u64().unwrap() < 4000, "{report:#}");
}

#[test]
fn what_others_did_in_between_is_learned() {
    let person = Person::set_up();
    let user = person.address.clone();
    for number in 1..=4 {
        person.lab.deliver(&user, &message(&format!("number {number}"))).unwrap();
    }
    assert_eq!(sums(&person.sync()), [4, 0, 0, 4]);

    let doveadm = |args: &[&str]| person.lab.doveadm(args).unwrap();
    doveadm(&["flags", "add", "-u", &user, "\\Flagged \\Seen", "mailbox", "INBOX", "uid", "1"]);
    doveadm(&["expunge", "-u", &user, "mailbox", "INBOX", "uid", "2"]);
    person.lab.deliver(&user, &message("number 5")).unwrap();
    let report = person.sync();
    assert_eq!(mailboxes(&report)["INBOX"], [1, 1, 1, 4], "{report:#}");
    assert_eq!(sums(&report), [1, 1, 1, 4]);
    agrees_with_the_server(&person, &report);
    assert_eq!(person.count(&["is:starred"]), 1);
    assert_eq!(person.only(&["is:starred"]), person.only(&["subject:\"number 1\""]));
    assert_eq!(person.count(&["is:unread"]), 3);
    assert_eq!(person.count(&["subject:\"number 2\""]), 0);
    assert_eq!(person.count(&["body:\"body of number 2\""]), 0);

    doveadm(&["flags", "remove", "-u", &user, "\\Flagged", "mailbox", "INBOX", "uid", "1"]);
    let report = person.sync();
    assert_eq!(mailboxes(&report)["INBOX"], [0, 1, 0, 4], "{report:#}");
    assert_eq!(person.count(&["is:starred"]), 0);
    assert_eq!(sums(&person.sync()), [0, 0, 0, 4]);
}

#[test]
fn a_message_moved_by_another_client_is_here_once_and_in_its_new_place() {
    let person = Person::set_up();
    let user = person.address.clone();
    person.lab.deliver(&user, &message("wanders")).unwrap();
    person.sync();
    let id = person.only(&["wanders"]);
    person.lab.doveadm(&["move", "-u", &user, "Archive", "mailbox", "INBOX", "all"]).unwrap();
    let report = person.sync();
    agrees_with_the_server(&person, &report);
    assert_eq!(person.only(&["wanders"]), id, "the id stays");
    assert_eq!(person.list(&["wanders"])[0]["mailboxes"], serde_json::json!(["Archive"]));
}

#[test]
fn the_same_message_in_two_mailboxes_is_one_message_in_two_places() {
    let person = Person::set_up();
    let user = person.address.clone();
    person.lab.save(&user, "INBOX", &message("twin")).unwrap();
    person.lab.save(&user, "Archive", &message("twin")).unwrap();
    let report = person.sync();
    assert_eq!(sums(&report), [2, 0, 0, 2]);
    let rows = person.list(&["subject:twin"]);
    assert_eq!(rows.len(), 1);
    let mut places: Vec<&str> =
        rows[0]["mailboxes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    places.sort_unstable();
    assert_eq!(places, ["Archive", "INBOX"]);
    person.lab.doveadm(&["expunge", "-u", &user, "mailbox", "INBOX", "all"]).unwrap();
    person.sync();
    assert_eq!(person.list(&["subject:twin"])[0]["mailboxes"], serde_json::json!(["Archive"]));
}

#[test]
fn two_accounts_are_kept_apart_and_synced_together() {
    let person = Person::set_up();
    let other = person.lab.fresh_user("autoconfig.test");
    person.add_account(&other);
    person.lab.deliver(&person.address, &message("for ann")).unwrap();
    person.lab.deliver(&other, &message("for ben")).unwrap();
    person.text(&["sync"]);
    assert_eq!(person.count(&[]), 2);
    assert_eq!(person.count(&["--account", &other]), 1);
    let report = person.json(&["sync", &other]);
    assert_eq!(report["account"], other.as_str());
    assert_eq!(person.error(&["sync", "nobody@autoconfig.test"]).0, 67);
    assert_eq!(person.error(&["count", "--account", "nobody@autoconfig.test"]).0, 67);
}

#[test]
fn a_mailbox_that_the_server_cannot_read_just_now_is_said_and_is_how_the_sync_ends() {
    let person = Person::set_up();
    person.lab.deliver(&person.address, &message("one")).unwrap();
    person.lab.save(&person.address, "Archive", &message("two")).unwrap();
    // Dovecot finds a folder where it keeps a file.
    let list = person.maildir("Archive").join("dovecot-uidlist");
    std::fs::remove_file(&list).unwrap();
    std::fs::create_dir(&list).unwrap();
    let ran = person.run(&["sync", "--json"]);
    assert_eq!(ran.status, 75, "{ran}");
    let report = ran.document();
    assert_eq!(mailboxes(&report)["INBOX"][0], 1, "{report:#}");
    let finding = &report["findings"][0];
    assert_eq!(finding["verdict"], "temporary-failure", "{report:#}");
    assert!(finding["evidence"].as_str().unwrap().contains("Archive: "), "{report:#}");
    let ran = person.run(&["sync"]);
    assert_eq!(ran.status, 75, "{ran}");

    std::fs::remove_dir(&list).unwrap();
    let report = person.sync();
    assert_eq!(mailboxes(&report)["Archive"][3], 1, "{report:#}");
    agrees_with_the_server(&person, &report);
}
