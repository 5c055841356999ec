//! The same day of a person's life at whatever server: set up, read, follow another client, send.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::lab::{LoginAttempts, PASSWORD, eventually};

use crate::person::{Person, mailboxes, sums};
use crate::sync::message;

/// Octets that are easily lost: 8-bit text, a dot, trailing blanks, a line that looks like a literal.
const OCTETS: &[u8] = b"From: Bob <bob@mx.test>\r\nSubject: octets\r\nMIME-Version: 1.0\r\n\
    Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
    gr\xfc\xdfe \t \r\n.\r\n..\r\n{3}\r\n)\r\na1 OK done\r\n";

/// Somebody at `domain`, set up by nothing but an address and a password.
pub(crate) fn set_up(domain: &str) -> Person {
    let person = Person::new(domain);
    let args = ["setup", &person.address, "--password-stdin", "--json"];
    let document = person.run_with(format!("{PASSWORD}\n"), &args).succeeded().document();
    let host = format!("imap.{domain}");
    assert_eq!((&document["settings"]["imap"]["host"], &document["saved"]), (&json!(host), &json!(true)));
    assert_eq!(person.lab.login_attempts(&person.address).unwrap(), LoginAttempts { imap: 1, smtp: 1 });
    person
}

/// What is here agrees with what another client sees, mailbox by mailbox.
fn agrees(person: &Person, report: &Value) {
    // STATUS of a mailbox that is open may be old.
    let mut client = person.lab.client(&person.address).unwrap();
    for (name, [.., total]) in mailboxes(report) {
        // RFC 3501, section 5.1.3.
        let on_the_wire = name.replace('é', "&AOk-");
        let said = client.ask(&format!("STATUS \"{on_the_wire}\" (MESSAGES)")).unwrap();
        assert!(said.contains(&format!("(MESSAGES {total})")), "{name}: {total} here, there {said}");
        assert_eq!(person.count(&[&format!("in:\"{name}\"")]), total, "{name}");
    }
}

/// Mail is complete, to the octet; what another client does is followed, and nothing is fetched twice.
pub(crate) fn mail_is_followed(person: &Person) {
    let lab = &person.lab;
    lab.deliver(&person.address, &message("first")).unwrap();
    lab.deliver(&person.address, &message("second")).unwrap();
    let mut client = lab.client(&person.address).unwrap();
    client.ask("CREATE INBOX.Projects").unwrap();
    client.ask("CREATE INBOX.Projects.Caf&AOk-").unwrap();
    client.append("INBOX.Projects.Caf&AOk-", "\\Seen", OCTETS).unwrap();

    let report = person.sync();
    let all = mailboxes(&report);
    assert_eq!((all["INBOX"], all["INBOX.Projects.Café"]), ([2, 0, 0, 2], [1, 0, 0, 1]));
    agrees(person, &report);
    assert_eq!(person.raw(&person.only(&["in:INBOX.Projects.Café"])), OCTETS);
    assert_eq!(person.count(&["grüße"]), 1);
    assert_eq!(person.count(&["is:unread"]), 2);
    assert_eq!(person.count(&["subject:second", "in:INBOX"]), 1);

    client.ask("SELECT INBOX").unwrap();
    client.ask("STORE 2 +FLAGS (\\Flagged \\Seen)").unwrap();
    client.ask("STORE 1 +FLAGS (\\Deleted)").unwrap();
    client.ask("EXPUNGE").unwrap();
    lab.deliver(&person.address, &message("third")).unwrap();
    client.ask("RENAME INBOX.Projects.Caf&AOk- INBOX.Old").unwrap();
    let report = person.sync();
    let all = mailboxes(&report);
    assert_eq!((all["INBOX"], all["INBOX.Old"][3]), ([1, 1, 1, 2], 1), "{report:#}");
    assert!(!all.contains_key("INBOX.Projects.Café"));
    agrees(person, &report);
    assert_eq!((person.count(&["is:starred"]), person.count(&["is:unread"])), (1, 1));
    assert_eq!((person.count(&["subject:first"]), person.count(&["octets"])), (0, 1));

    let report = person.sync();
    assert_eq!(sums(&report)[..3], [0, 0, 0], "nothing is new the third time");
}

/// What is sent arrives, and one copy is in Sent, where the server keeps it.
pub(crate) fn a_copy_is_filed(person: &Person, sent: &str) {
    let text = format!("To: {}\nSubject: to myself\n\nhello there\n", person.address);
    for _ in 0..2 {
        let ran = person.run_with(&text, &["send", "--json"]).succeeded();
        assert_eq!(ran.document()["state"], "accepted", "{ran}");
        assert_eq!(ran.stderr, "");
    }
    let mut client = person.lab.client(&person.address).unwrap();
    eventually("both arrive", || {
        client.ask("STATUS INBOX (MESSAGES)").ok()?.contains("(MESSAGES 2)").then_some(())
    })
    .unwrap();
    let report = person.sync();
    let all = mailboxes(&report);
    assert_eq!((all["INBOX"], all[sent]), ([2, 0, 0, 2], [2, 0, 0, 2]), "{report:#}");
    assert_eq!((person.count(&["to myself"]), person.count(&["is:unread"])), (4, 2));
    agrees(person, &report);
    assert!(client.ask("LSUB \"\" \"*\"").unwrap().contains(sent));
}

/// The server is asked once, its words are shown, and nothing is kept. Gives how long that took.
pub(crate) fn a_wrong_password_is_tried_once(domain: &str, words: &str) -> Duration {
    let person = Person::new(domain);
    let start = Instant::now();
    let ran = person.run_with("wrong\n", &["setup", &person.address, "--password-stdin", "--json"]);
    let took = start.elapsed();
    let (status, error) = ran.error();
    assert_eq!((status, &error["verdict"]), (77, &json!("credentials-refused")), "{ran}");
    assert_eq!((&error["password"], &error["certainty"]), (&json!("refused"), &json!("cannot-tell")));
    assert!(error["evidence"].as_str().unwrap().contains(words), "{error:#}");
    assert_eq!(person.lab.login_attempts(&person.address).unwrap(), LoginAttempts { imap: 1, smtp: 0 });
    took
}
