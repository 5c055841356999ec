//! `sync --watch`: in step the moment something changes, here or there.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::lab::eventually;

use crate::person::{Person, Running};
use crate::servers::set_up;

fn letter(subject: &str) -> Vec<u8> {
    format!("From: bob@example.org\nSubject: {subject}\nMessage-ID: <{subject}@example.org>\n\nbody\n")
        .into_bytes()
}

/// A person whose account is watched; the first sync is done.
pub(crate) fn watched(person: &Person, more: &[&str]) -> Running {
    person.sync();
    let running = person.start(&[&["sync", "--watch"], more].concat());
    holds_the_store(person, running.id());
    running
}

/// Waits until that process is the one writer: it is from its beginning on.
pub(crate) fn holds_the_store(person: &Person, process: u32) {
    let writer = || std::fs::read_to_string(person.data().join("lock")).ok();
    let is_it = || writer().filter(|text| text.lines().next() == Some(&process.to_string()));
    eventually("the watch has begun", is_it).unwrap();
}

fn listed(person: &Person, subject: &str) -> Option<Value> {
    person.list(&[&format!("subject:{subject}")]).pop()
}

/// Waits until a message of this subject is listed.
fn arrives(person: &Person, subject: &str) -> Value {
    eventually(&format!("{subject} is listed"), || listed(person, subject)).unwrap()
}

fn is_read(row: &Value) -> bool {
    row["flags"].as_array().unwrap().contains(&"\\Seen".into())
}

/// What holds wherever the account is: new mail comes by itself, and what is asked goes by itself.
fn both_ways(person: &Person) {
    let _running = watched(person, &[]);
    person.lab.deliver(&person.address, &letter("first")).unwrap();
    let first = arrives(person, "first");
    person.lab.deliver(&person.address, &letter("second")).unwrap();
    arrives(person, "second");
    person.run(&["mark", first["id"].as_str().unwrap(), "--read"]).succeeded();
    let mut client = person.lab.client(&person.address).unwrap();
    client.ask("SELECT INBOX").unwrap();
    let seen = || {
        // Courier's session learns of others' changes when it is asked to.
        client.ask("NOOP").unwrap();
        client.ask("UID SEARCH SEEN").unwrap().contains("SEARCH 1").then_some(())
    };
    eventually("the server knows that it was read", seen).unwrap();
    // Another program marks the other one.
    client.ask("UID STORE 2 +FLAGS (\\Seen)").unwrap();
    eventually("it is read here", || listed(person, "second").filter(is_read)).unwrap();
}

#[test]
fn with_notify_mail_comes_and_changes_go_by_themselves() {
    both_ways(&Person::set_up());
}

#[test]
fn at_cyrus_mail_comes_and_changes_go_by_themselves() {
    both_ways(&set_up("cyrus.test"));
}

#[test]
fn at_courier_mail_comes_and_changes_go_by_themselves() {
    both_ways(&set_up("courier.test"));
}

#[test]
fn with_notify_one_connection_hears_of_every_mailbox() {
    let person = Person::set_up();
    let _running = watched(&person, &[]);
    person.lab.save(&person.address, "Archive", &letter("archived")).unwrap();
    assert_eq!(arrives(&person, "archived")["mailboxes"], serde_json::json!(["Archive"]));
    // A mailbox that is new.
    person.lab.doveadm(&["mailbox", "create", "-u", &person.address, "Work"]).unwrap();
    person.lab.save(&person.address, "Work", &letter("working")).unwrap();
    arrives(&person, "working");
    person.lab.doveadm(&["expunge", "-u", &person.address, "mailbox", "Archive", "all"]).unwrap();
    eventually("it is gone", || listed(&person, "archived").is_none().then_some(())).unwrap();
}

#[test]
fn a_message_that_is_sent_beside_the_watch_goes_at_once() {
    let person = Person::set_up();
    let _running = watched(&person, &[]);
    let message = format!("To: {}\nSubject: note\n\nto myself\n", person.address);
    let sent = person.run_with(message, &["send", "-t", "--json"]).succeeded().document();
    assert_eq!(sent["state"], "accepted");
    let row = arrives(&person, "note");
    assert!(row["mailboxes"].as_array().unwrap().iter().any(|name| name == "INBOX" || name == "Sent"));
}

#[test]
fn a_copy_that_cannot_be_filed_keeps_nobody_from_reading_and_is_filed_later() {
    let person = Person::set_up();
    person.lab.save(&person.address, "Sent", &letter("before")).unwrap();
    // Dovecot can read there, and add nothing.
    let folder = person.maildir("Sent").join("tmp");
    let may = |mode| std::fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
    may(0o500);
    let _running = watched(&person, &[]);
    let send = |subject: &str| {
        let message = format!("To: {}\nSubject: {subject}\n\nto myself\n", person.address);
        let sent = person.run_with(message, &["send", "-t", "--json"]).succeeded().document();
        assert_eq!(sent["state"], "accepted");
    };
    send("note");
    assert_eq!(arrives(&person, "note")["mailboxes"], serde_json::json!(["INBOX"]));
    person.lab.deliver(&person.address, &letter("after")).unwrap();
    arrives(&person, "after");

    may(0o700);
    send("second note");
    let filed = || (person.lab.count(&person.address, "Sent").ok()? == 3).then_some(());
    eventually("both copies are filed", filed).unwrap();
}

#[test]
fn the_command_for_new_mail_gets_the_ids_of_what_is_new_and_unread() {
    let person = Person::set_up();
    person.lab.deliver(&person.address, &letter("old")).unwrap();
    let told = person.home().join("told");
    let hook = format!("(echo $RESTANTE_ACCOUNT $RESTANTE_NEW; cat) >> {}", told.display());
    let _running = watched(&person, &["--on-new", &hook]);
    person.lab.deliver(&person.address, &letter("new")).unwrap();
    let id = arrives(&person, "new")["id"].as_str().unwrap().to_owned();
    let text = || std::fs::read_to_string(&told).ok().filter(|text| text.contains(&id));
    let text = eventually("the command was run", text).unwrap();
    assert_eq!(text, format!("{} 1\n{id}\n", person.address));
}

#[test]
fn what_was_in_a_mailbox_that_could_not_be_read_at_first_is_no_new_mail() {
    let person = Person::set_up();
    person.lab.deliver(&person.address, &letter("read")).unwrap();
    person.lab.save(&person.address, "Archive", &letter("old")).unwrap();
    // Dovecot finds a folder where it keeps a file.
    let list = person.maildir("Archive").join("dovecot-uidlist");
    std::fs::remove_file(&list).unwrap();
    std::fs::create_dir(&list).unwrap();
    assert_eq!(person.run(&["sync"]).status, 75);
    let told = person.home().join("told");
    let hook = format!("cat >> {}", told.display());
    let running = person.start(&["sync", "--watch", "--on-new", &hook]);
    holds_the_store(&person, running.id());

    std::fs::remove_dir(&list).unwrap();
    person.run(&["mark", &person.only(&["subject:read"]), "--star"]).succeeded();
    arrives(&person, "old");
    person.lab.deliver(&person.address, &letter("new")).unwrap();
    let id = arrives(&person, "new")["id"].as_str().unwrap().to_owned();
    let text = || std::fs::read_to_string(&told).ok().filter(|text| text.contains(&id));
    assert_eq!(eventually("the command was run", text).unwrap(), format!("{id}\n"));
}

#[test]
fn a_connection_that_is_lost_is_made_again() {
    let person = Person::set_up();
    let _running = watched(&person, &[]);
    let kick = || person.lab.doveadm(&["kick", &person.address]).is_ok().then_some(());
    eventually("the connection is ended", kick).unwrap();
    person.lab.deliver(&person.address, &letter("later")).unwrap();
    // The first pause is five seconds and a bit.
    let deadline = Instant::now() + Duration::from_secs(30);
    while listed(&person, "later").is_none() {
        assert!(Instant::now() < deadline, "it was not connected again");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_login_that_is_refused_is_not_tried_again_by_itself() {
    let person = Person::set_up();
    person.sync();
    let before = person.lab.login_attempts(&person.address).unwrap();
    let words = "[AUTHENTICATIONFAILED] Invalid credentials (Failure)";
    person.lab.refuse_with(&person.address, words).unwrap();
    let ran = person.run(&["sync", "--watch"]);
    assert_eq!(ran.status, 77, "{ran}");
    let after = person.lab.login_attempts(&person.address).unwrap();
    assert_eq!(after.imap - before.imap, 1);
}

#[test]
fn it_ends_well_when_it_is_told_to() {
    let person = Person::set_up();
    person.sync();
    let mut command = person.command(&["sync", "--watch", "--jsonl"]);
    command.stderr(Stdio::null());
    let child = command.spawn().unwrap();
    holds_the_store(&person, child.id());
    let (status, error) = person.error(&["sync"]);
    assert_eq!(status, 75, "a second one is told so: {error}");
    person.lab.deliver(&person.address, &letter("last")).unwrap();
    arrives(&person, "last");
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").arg(&id).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let new: u64 = lines
        .iter()
        .flat_map(|document| document["mailboxes"].as_array().unwrap())
        .map(|mailbox| mailbox["new"].as_u64().unwrap())
        .sum();
    assert_eq!(new, 1, "{lines:#?}");
    assert!(lines.iter().all(|document| document["schema"] == "restante/sync/1"));
}

#[test]
fn mailboxes_that_are_left_out_are_not_fetched() {
    let person = Person::set_up();
    person.lab.deliver(&person.address, &letter("in")).unwrap();
    person.sync();
    person.lab.save(&person.address, "Junk", &letter("out")).unwrap();
    let config = person.data().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let chosen = format!("{text}\n[account.\"{}\".sync]\nexcept = [\"Junk\"]\n", person.address);
    std::fs::write(&config, chosen).unwrap();
    let report = person.sync();
    assert!(report["mailboxes"].as_array().unwrap().iter().all(|mailbox| mailbox["name"] != "Junk"));
    assert!(listed(&person, "out").is_none());
    std::fs::write(&config, text).unwrap();
    person.sync();
    assert!(listed(&person, "out").is_some());
}
