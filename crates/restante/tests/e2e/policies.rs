//! How much is held of each message: what a person chose, what they see of it, and how the rest comes.

use serde_json::{Value, json};
use std::time::{Duration, Instant};

use crate::person::{Person, Running};
use crate::sync::{agrees_with_the_server, message};
use crate::watching::watched;
use testkit::lab::eventually;

/// What a person writes into the configuration.
fn choose(person: &Person, lines: &str) {
    let file = person.data().join("config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let before = text.split("\n[account.\"").next().unwrap_or_default().to_owned();
    let kept = text.split("\n# chosen\n").next().unwrap_or(&before);
    std::fs::write(&file, format!("{kept}\n# chosen\n[account.\"{}\".sync]\n{lines}\n", person.address))
        .unwrap();
}

/// A message with a text and an attachment of 300 KB.
fn large() -> Vec<u8> {
    let line = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAx\r\n";
    format!(
        "From: Bob <bob@mx.test>\r\nTo: ann@autoconfig.test\r\nDate: Tue, 02 Jan 2024 10:00:00 +0000\r\n\
         Message-ID: <large@mx.test>\r\nSubject: the plans\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n\
         Here they are, with greetings.\r\n--b\r\nContent-Type: application/pdf\r\n\
         Content-Disposition: attachment; filename=plans.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n\
         {}--b--\r\n",
        line.repeat(5500)
    )
    .into_bytes()
}

fn row(person: &Person, subject: &str) -> Value {
    person.list(&[&format!("subject:\"{subject}\"")]).pop().unwrap()
}

fn id(row: &Value) -> &str {
    row["id"].as_str().unwrap()
}

fn is_partial(row: &Value) -> bool {
    row["held"].as_u64().unwrap() < row["size"].as_u64().unwrap()
}

#[test]
fn of_old_mail_the_header_is_kept_and_the_rest_comes_when_it_is_read() {
    let person = Person::set_up();
    let mut client = person.lab.client(&person.address).unwrap();
    client.append_at("INBOX", "01-Feb-2020 10:00:00 +0000", &message("old one")).unwrap();
    client.append_at("INBOX", "01-Feb-2020 10:00:00 +0000", &message("old two")).unwrap();
    client.append("INBOX", "", &message("new one")).unwrap();
    choose(&person, "keep = \"90 days\"");
    assert_eq!(person.json(&["account", "show"])["sync"]["keep"], json!("90 days"));
    assert!(person.text(&["account", "show"]).contains("90 days; of older messages the header"));
    let report = person.sync();
    agrees_with_the_server(&person, &report);
    assert!(!is_partial(&row(&person, "new one")));
    let old = row(&person, "old one");
    assert!(is_partial(&old));
    assert_eq!((person.count(&["subject:old"]), person.count(&["body:old"])), (2, 0));
    assert!(person.text(&["list", "subject:old one"]).contains(" ~ "), "{}", person.text(&["list"]));

    // What is asked of it goes to the server.
    person.run(&["mark", id(&old), "--star"]).succeeded();
    client.ask("SELECT INBOX").unwrap();
    assert!(client.ask("UID SEARCH FLAGGED").unwrap().contains("SEARCH 1"));

    // Without the network only what is here.
    assert!(person.text(&["--offline", "read", id(&old), "--headers"]).contains("Subject: old one"));
    for form in [&["--raw"][..], &["--text"], &["--html"], &[]] {
        let (status, error) = person.error(&[&["--offline", "read", id(&old)], form].concat());
        assert_eq!(status, 75, "{error}");
        let evidence = error["evidence"].as_str().unwrap();
        assert!(evidence.contains("only the first") && evidence.contains("--offline"), "{evidence}");
    }
    assert!(is_partial(&row(&person, "old one")));

    // With it, it comes, and stays what it was called.
    assert!(person.raw(id(&old)) == message("old one"));
    let whole = row(&person, "old one");
    assert!(!is_partial(&whole));
    assert_eq!((id(&whole), &whole["flags"]), (id(&old), &json!(["\\Flagged"])));
    assert!(person.text(&["--offline", "read", id(&old)]).contains("The body of old one."));
    assert_eq!(person.count(&["body:old"]), 1);

    // A wider policy brings the rest.
    choose(&person, "keep = \"everything\"");
    let report = person.sync();
    assert_eq!(
        report["mailboxes"].as_array().unwrap().iter().filter_map(|m| m["completed"].as_u64()).sum::<u64>(),
        1
    );
    agrees_with_the_server(&person, &report);
    assert_eq!(person.count(&["body:old"]), 2);
    assert!(person.list(&[]).iter().all(|row| !is_partial(row)));
    person.run(&["fsck"]).succeeded();
}

#[test]
fn of_large_mail_the_text_is_read_at_once_and_the_attachment_when_it_is_saved() {
    let person = Person::set_up();
    let mut client = person.lab.client(&person.address).unwrap();
    client.append("INBOX", "", &large()).unwrap();
    choose(&person, "whole = \"200 KB\"");
    let report = person.sync();
    agrees_with_the_server(&person, &report);
    assert!(report["bytes_in"].as_u64().unwrap() < 100_000, "{report:#}");
    let row = row(&person, "the plans");
    assert!(is_partial(&row));
    assert_eq!((&row["held"], &row["attachments"]), (&json!(65536), &json!(1)));
    assert_eq!((person.count(&["body:greetings"]), person.count(&["filename:plans"])), (1, 1));

    assert!(person.text(&["list"]).contains(" @~ "), "{}", person.text(&["list"]));

    // The text is here, and so is the name of the attachment.
    let page = person.text(&["--offline", "read", id(&row)]);
    assert!(
        page.contains("with greetings")
            && page.contains("plans.pdf, application/pdf, at least 4")
            && page.contains("are here"),
        "{page}"
    );
    let document = person.json(&["--offline", "read", id(&row)]);
    assert_eq!((&document["held"], &document["damaged"]), (&json!(65536), &json!([])));
    assert_eq!((&document["parts"][0]["cut"], &document["parts"][1]["cut"]), (&json!(false), &json!(true)));
    let folder = person.data().join("saved");
    std::fs::create_dir(&folder).unwrap();
    let directory = folder.to_str().unwrap();
    let (status, error) = person.error(&["--offline", "save", id(&row), "-C", directory]);
    assert_eq!((status, std::fs::read_dir(&folder).unwrap().count()), (75, 0), "{error}");

    person.run(&["save", id(&row), "-C", directory]).succeeded();
    assert_eq!(std::fs::metadata(folder.join("plans.pdf")).unwrap().len(), 5500 * 54);
    assert!(person.raw(id(&row)) == large());
    person.run(&["fsck"]).succeeded();
}

#[test]
fn a_message_that_is_opened_while_another_restante_watches_is_fetched_by_that_one() {
    let person = Person::set_up();
    let mut client = person.lab.client(&person.address).unwrap();
    client.append_at("INBOX", "01-Feb-2020 10:00:00 +0000", &message("old one")).unwrap();
    client.append_at("INBOX", "01-Feb-2020 10:00:00 +0000", &message("old two")).unwrap();
    choose(&person, "keep = \"90 days\"");
    let _running = watched(&person, &[]);
    let old = row(&person, "old one");
    assert!(is_partial(&old));
    assert!(person.text(&["read", id(&old)]).contains("The body of old one."));
    assert!(person.raw(id(&row(&person, "old two"))) == message("old two"));
    // What comes while it watches comes under the same policy.
    client.append_at("INBOX", "01-Feb-2020 10:00:00 +0000", &message("old three")).unwrap();
    let three = eventually("it is listed", || person.list(&["subject:three"]).pop()).unwrap();
    assert!(is_partial(&three));
}

#[test]
fn a_beginning_that_was_lost_on_this_machine_comes_back_whole() {
    let person = Person::set_up();
    let mut client = person.lab.client(&person.address).unwrap();
    client.append_at("INBOX", "01-Feb-2020 10:00:00 +0000", &message("old one")).unwrap();
    choose(&person, "keep = \"90 days\"");
    person.sync();
    let before = row(&person, "old one");
    assert!(is_partial(&before));
    let pack = person.data().join("packs/000001.pack");
    let mut bytes = std::fs::read(&pack).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&pack, bytes).unwrap();
    assert_eq!(person.run(&["fsck"]).status, 1);
    person.run(&["fsck", "--repair"]).succeeded();
    let after = row(&person, "old one");
    assert_eq!((is_partial(&after), id(&after)), (false, id(&before)));
    assert!(person.raw(id(&after)) == message("old one"));
    person.run(&["fsck"]).succeeded();
}

#[test]
fn what_the_server_has_no_more_cannot_be_completed_and_that_is_said() {
    let person = Person::set_up();
    let mut client = person.lab.client(&person.address).unwrap();
    client.append_at("INBOX", "01-Feb-2020 10:00:00 +0000", &message("old one")).unwrap();
    choose(&person, "keep = \"90 days\"");
    person.sync();
    let old = row(&person, "old one");
    client.ask("SELECT INBOX").unwrap();
    client.ask("UID STORE 1 +FLAGS.SILENT (\\Deleted)").unwrap();
    client.ask("UID EXPUNGE 1").unwrap();
    let (status, error) = person.error(&["read", id(&old)]);
    assert_eq!(status, 66, "{error}");
    assert!(error["evidence"].as_str().unwrap().contains("the server has this message no more"), "{error}");
    let report = person.sync();
    agrees_with_the_server(&person, &report);
}

/// What is asked of somebody else must be answered, or refused, long before the minute that it is waited for.
const AT_ONCE: Duration = Duration::from_secs(20);

/// Somebody of whose only message the header is here.
fn with_a_beginning(subjects: &[&str]) -> Person {
    let person = Person::set_up();
    let mut client = person.lab.client(&person.address).unwrap();
    for subject in subjects {
        client.append_at("INBOX", "01-Feb-2020 10:00:00 +0000", &message(subject)).unwrap();
    }
    choose(&person, "keep = \"90 days\"");
    person.sync();
    person
}

#[test]
fn what_is_removed_for_good_and_was_never_whole_here_cannot_be_brought_back_and_that_is_said() {
    let person = with_a_beginning(&["old one", "old two", "old three"]);
    let (one, two) = (row(&person, "old one"), row(&person, "old two"));
    let ran = person.run(&["trash", id(&one), "--forever", "--dry-run"]).succeeded();
    assert!(ran.stderr.contains("cannot be brought back"), "{ran}");
    let waiting = person.run(&["--offline", "trash", id(&one), "--forever"]).succeeded();
    assert!(waiting.text().contains("as long as the server has not done it"), "{waiting}");
    person.run(&["--offline", "undo"]).succeeded();
    let ran = person.run(&["trash", id(&one), "--forever"]).succeeded();
    assert!(!ran.text().contains("takes it back") && ran.text().contains("cannot be brought back"), "{ran}");
    assert!(ran.stderr.contains("only the beginning is here"), "{ran}");
    let ran = person.run(&["undo"]);
    assert_eq!(ran.status, 1, "{ran}");
    assert!(ran.stderr.contains("no more than the beginning of it was here"), "{ran}");
    assert!(!ran.stderr.contains(" or "), "{ran}");

    person.raw(id(&two));
    let document = person.json(&["trash", "--query", "subject:old", "--forever"]);
    assert!(
        document["notes"][0].as_str().unwrap().contains("of 1 message only the beginning"),
        "{document:#}"
    );
    let undone = person.run(&["undo"]);
    assert!(undone.stderr.contains("not taken back"), "{undone}");
    person.sync();
    assert_eq!((person.count(&["subject:two"]), person.count(&["subject:three"])), (1, 0));
}

#[test]
fn what_is_gone_is_said_to_be_gone_beside_a_watch_too() {
    let person = with_a_beginning(&["old one"]);
    let old = row(&person, "old one");
    let _running = watched(&person, &[]);
    let mut client = person.lab.client(&person.address).unwrap();
    client.ask("SELECT INBOX").unwrap();
    client.ask("UID STORE 1 +FLAGS.SILENT (\\Deleted)").unwrap();
    client.ask("UID EXPUNGE 1").unwrap();
    eventually("it is gone here", || person.list(&[]).is_empty().then_some(())).unwrap();
    let begun = Instant::now();
    let (status, error) = person.error(&["read", id(&old)]);
    assert!(begun.elapsed() < AT_ONCE);
    assert_eq!(status, 66, "{error}");
    assert!(error["evidence"].as_str().unwrap().contains("was removed"), "{error}");
}

/// A watch of one account, which keeps the other from being served.
fn watch_of_another(person: &Person) -> Running {
    let other = person.lab.fresh_user("autoconfig.test");
    person.add_account(&other);
    person.run(&["sync", &other]).succeeded();
    let running = person.start(&["sync", "--watch", &other]);
    crate::watching::holds_the_store(person, running.id());
    running
}

#[test]
fn a_watch_of_another_account_does_not_serve_this_one_and_that_is_said() {
    let person = with_a_beginning(&["old one"]);
    let old = row(&person, "old one");
    let watching = watch_of_another(&person);
    let named = format!("process {}", watching.id());
    let begun = Instant::now();
    let (status, error) = person.error(&["read", id(&old), "--raw"]);
    assert!(begun.elapsed() < AT_ONCE);
    assert_eq!(status, 75, "{error}");
    let evidence = error["evidence"].as_str().unwrap();
    assert!(evidence.contains("watches other accounts") && evidence.contains(&named), "{evidence}");
    // What is asked waits for it as well.
    let ran = person.run(&["mark", id(&old), "--star"]).succeeded();
    assert!(ran.stderr.contains("watches other accounts") && ran.stderr.contains(&named), "{ran}");
}

#[test]
fn a_server_that_is_left_alone_for_a_while_is_not_waited_for() {
    let person = with_a_beginning(&["old one"]);
    let old = row(&person, "old one");
    let file = person.data().join("config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("port = 993"), "{text}");
    std::fs::write(&file, text.replace("port = 993", "port = 9")).unwrap();
    let _running = person.start(&["sync", "--watch"]);
    let paused = || person.json(&["account", "show"])["paused"].is_object().then_some(());
    eventually("it pauses", paused).unwrap();
    let begun = Instant::now();
    let (status, error) = person.error(&["read", id(&old), "--raw"]);
    assert!(begun.elapsed() < AT_ONCE);
    assert_eq!(status, 75, "{error}");
    assert!(error["evidence"].as_str().unwrap().contains("paused until"), "{error}");
}

#[test]
fn what_is_asked_beside_a_watch_is_brought_to_the_server_by_the_watch() {
    let person = with_a_beginning(&["old one"]);
    let old = row(&person, "old one");
    let running = watched(&person, &[]);
    let ran = person.run(&["mark", id(&old), "--star"]).succeeded();
    assert!(!ran.stderr.contains("the next `restante sync`"), "{ran}");
    let says = format!("the restante that watches (process {}) brings it to the server", running.id());
    assert!(ran.stderr.contains(&says), "{ran}");
    person.run(&["mailbox", "create", "Old"]).succeeded();
    eventually("it is made", || person.text(&["mailbox", "list"]).contains("Old").then_some(())).unwrap();
    let ran = person.run(&["mailbox", "remove", "Old"]);
    assert!(!ran.text().contains("takes it back") || ran.text().contains("as long as"), "{ran}");
}
