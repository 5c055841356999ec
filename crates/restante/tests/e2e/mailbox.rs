//! Mailboxes come and go, are renamed, numbered anew, and have names in every script.

use std::fs;

use testkit::mail::Plan;

use crate::person::{Person, mailboxes, sums};
use crate::sync::{agrees_with_the_server, message};

#[test]
fn a_mailbox_that_is_deleted_on_the_server_goes_here_too() {
    let person = Person::set_up();
    let user = person.address.clone();
    person.lab.doveadm(&["mailbox", "create", "-u", &user, "Old"]).unwrap();
    person.lab.save(&user, "Old", &message("in the old place")).unwrap();
    person.lab.save(&user, "INBOX", &message("in the inbox")).unwrap();
    agrees_with_the_server(&person, &person.sync());
    assert_eq!(person.count(&["in:Old"]), 1);
    person.lab.doveadm(&["mailbox", "delete", "-u", &user, "Old"]).unwrap();
    let report = person.sync();
    assert!(!mailboxes(&report).contains_key("Old"), "{report:#}");
    agrees_with_the_server(&person, &report);
    assert_eq!(person.count(&["in:Old"]), 0);
    assert_eq!(person.count(&[]), 1);
}

#[test]
fn a_mailbox_that_is_renamed_keeps_its_messages() {
    let person = Person::set_up();
    let user = person.address.clone();
    person.lab.doveadm(&["mailbox", "create", "-u", &user, "Before"]).unwrap();
    for number in 1..=3 {
        person.lab.save(&user, "Before", &message(&format!("moved {number}"))).unwrap();
    }
    person.sync();
    let id = person.only(&["subject:\"moved 2\""]);
    person.lab.doveadm(&["mailbox", "rename", "-u", &user, "Before", "After"]).unwrap();
    let report = person.sync();
    agrees_with_the_server(&person, &report);
    assert_eq!(mailboxes(&report)["After"][3], 3);
    assert!(!mailboxes(&report).contains_key("Before"));
    assert_eq!(person.count(&["in:After"]), 3);
    assert_eq!(person.only(&["subject:\"moved 2\""]), id, "the id stays");
}

#[test]
fn names_in_every_script_and_with_odd_characters_are_kept_as_people_read_them() {
    let person = Person::set_up();
    let user = person.address.clone();
    let names =
        ["Entwürfe & Übersetzungen", "Фото/Дача", "日本語", "a \"quoted\" name", "back\\slash", "per%cent*"];
    for (number, name) in names.into_iter().enumerate() {
        person.lab.doveadm(&["mailbox", "create", "-u", &user, name]).unwrap();
        person.lab.save(&user, name, &message(&format!("kept in {number}"))).unwrap();
    }
    let report = person.sync();
    for (number, name) in names.into_iter().enumerate() {
        assert_eq!(mailboxes(&report)[name], [1, 0, 0, 1], "{name}: {report:#}");
        let rows = person.list(&[&format!("subject:\"kept in {number}\"")]);
        assert_eq!(rows[0]["mailboxes"], serde_json::json!([name]));
    }
    assert_eq!(person.count(&["in:日本語"]), 1);
    assert_eq!(person.count(&["in:\"Entwürfe & Übersetzungen\""]), 1);
    let again = person.sync();
    assert_eq!(sums(&again), [0, 0, 0, names.len() as u64]);
    assert!(again["round_trips"].as_u64().unwrap() <= 3, "{again:#}");
}

#[test]
fn a_mailbox_numbered_anew_ends_right_and_loses_nothing() {
    let person = Person::set_up();
    let user = person.address.clone();
    let plan = Plan::inbox(&user, 30);
    person.lab.fill(&user, &plan).unwrap();
    person.sync();
    person.lab.doveadm(&["flags", "add", "-u", &user, "\\Flagged", "mailbox", "INBOX", "uid", "7"]).unwrap();
    person.sync();
    let before: Vec<_> =
        person.list(&[]).iter().map(|row| (row["id"].clone(), row["subject"].clone())).collect();

    // Without its list of UIDs Dovecot gives new ones and says so by another UIDVALIDITY.
    let maildir = person.maildir("INBOX");
    for entry in fs::read_dir(&maildir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name == "dovecot-uidlist" || name.starts_with("dovecot.index") {
            fs::remove_file(path).unwrap();
        }
    }
    let status =
        |field: &str| person.lab.doveadm(&["mailbox", "status", "-u", &user, field, "INBOX"]).unwrap();
    assert!(!status("uidvalidity").contains("1600000001"), "the UIDVALIDITY has changed");
    let report = person.sync();
    agrees_with_the_server(&person, &report);
    let after: Vec<_> =
        person.list(&[]).iter().map(|row| (row["id"].clone(), row["subject"].clone())).collect();
    assert_eq!(after, before, "the same messages under the same ids");
    assert_eq!(person.count(&["is:starred"]), 1 + plan_flagged(&plan));
    assert_eq!(sums(&person.sync()), [0, 0, 0, 30]);
}

fn plan_flagged(plan: &Plan) -> u64 {
    // The seventh is flagged by the test itself.
    let others = plan.slots().into_iter().enumerate().filter(|(at, _)| *at != 6);
    others.filter(|(_, slot)| slot.flags.contains(&"\\Flagged")).count() as u64
}

#[test]
fn a_mailbox_deleted_and_made_again_holds_what_it_holds_now() {
    let person = Person::set_up();
    let user = person.address.clone();
    let doveadm = |args: &[&str]| person.lab.doveadm(args).unwrap();
    doveadm(&["mailbox", "create", "-u", &user, "Lists"]);
    for number in 1..=5 {
        person.lab.save(&user, "Lists", &message(&format!("first life {number}"))).unwrap();
    }
    person.sync();
    doveadm(&["mailbox", "delete", "-u", &user, "Lists"]);
    doveadm(&["mailbox", "create", "-u", &user, "Lists"]);
    for number in 1..=2 {
        person.lab.save(&user, "Lists", &message(&format!("second life {number}"))).unwrap();
    }
    let report = person.sync();
    agrees_with_the_server(&person, &report);
    assert_eq!(mailboxes(&report)["Lists"][3], 2);
    assert_eq!(person.count(&["\"first life\""]), 0);
    assert_eq!(person.count(&["\"second life\""]), 2);
}
