//! Sending: exact words, once, and never lost.

use serde_json::{Value, json};
use testkit::lab::{MESSAGE_SIZE_LIMIT, PASSWORD, eventually};

use crate::person::{Person, Ran, finish};

fn send(person: &Person, message: &str, args: &[&str]) -> Ran {
    person.run_with(message, &[&["send"], args].concat())
}

fn send_json(person: &Person, message: &str, args: &[&str]) -> (i32, Value, Ran) {
    let ran = send(person, message, &[&["--json"], args].concat());
    (ran.status, ran.document(), ran)
}

/// Waits until this many messages have arrived, and gives the newest as Dovecot keeps it, lines ended by LF.
fn arrived(person: &Person, user: &str, count: usize) -> String {
    eventually("the message arrives", || (person.lab.count(user, "INBOX").ok()? >= count).then_some(()))
        .unwrap();
    assert_eq!(person.lab.count(user, "INBOX").unwrap(), count);
    let uid = count.to_string();
    let text = person.lab.doveadm(&["fetch", "-u", user, "text", "mailbox", "INBOX", "uid", &uid]).unwrap();
    text.strip_prefix("text:\n").unwrap().to_owned()
}

fn split(message: &str) -> (&str, &str) {
    message.split_once("\n\n").unwrap()
}

fn in_sent(person: &Person) -> usize {
    person.lab.count(&person.address, "Sent").unwrap()
}

fn outbox(person: &Person) -> Vec<Value> {
    let ran = person.run(&["outbox", "list", "--json"]);
    ran.document()["submissions"].as_array().unwrap().clone()
}

#[test]
fn every_word_arrives_as_it_was_written_and_a_copy_is_filed_once() {
    let person = Person::set_up();
    let bob = person.lab.fresh_user("mx.test");
    let long = "x".repeat(900);
    let body = format!("Schöne Grüße, 日本語\n.\n..two dots\n.hidden\n{long}\n\nFrom here\n-- \nAnn\n");
    let message = format!(
        "To: {bob}\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nMIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{body}"
    );
    let (status, document, _) = send_json(&person, &message, &[]);
    assert_eq!((status, &document["state"]), (0, &json!("accepted")), "{document:#}");
    assert_eq!(document["recipients"][0]["address"], bob.as_str());
    assert_eq!(document["recipients"][0]["state"], "accepted");
    let text = arrived(&person, &bob, 1);
    let (head, arrived_body) = split(&text);
    assert_eq!(arrived_body.trim_end_matches('\n'), body.trim_end_matches('\n'));
    let id = document["message_id"].as_str().unwrap();
    for line in [&format!("Message-ID: <{id}>"), &format!("From: {}", person.address), &format!("To: {bob}")]
    {
        assert!(head.lines().any(|found| found == line), "no {line} in {head}");
    }
    assert!(head.contains("\nDate: "), "{head}");
    assert_eq!(in_sent(&person), 1);

    person.sync();
    assert_eq!(in_sent(&person), 1, "a sync does not file it again");
    let copy = person.list(&["in:sent"]);
    assert_eq!((copy.len(), &copy[0]["flags"]), (1, &json!(["\\Seen"])));
    let raw = String::from_utf8(person.raw(copy[0]["id"].as_str().unwrap())).unwrap().replace("\r\n", "\n");
    assert_eq!(split(&raw).1, body);
    assert_eq!(outbox(&person)[0]["filed"], true);
}

#[test]
fn what_a_script_hands_over_without_any_ceremony_can_be_read() {
    let person = Person::set_up();
    let bob = Person::set_up();
    let long = "word ".repeat(500);
    let message = format!("To: {}\nSubject: Prüfung läuft\n\nGrüße\n{long}\n", bob.address);
    assert_eq!(send(&person, &message, &["-t"]).status, 0);
    arrived(&person, &bob.address, 1);
    bob.sync();
    let id = bob.only(&["subject:\"prüfung läuft\""]);
    let read = bob.json(&["read", &id]);
    assert_eq!((&read["subject"], &read["damaged"]), (&json!("Prüfung läuft"), &json!([])));
    let words: Vec<&str> = read["text"].as_str().unwrap().split_whitespace().collect();
    assert_eq!((words[0], words.len()), ("Grüße", 501));
    assert!(bob.raw(&id).split(|byte| *byte == b'\n').all(|line| line.len() <= 999));
}

#[test]
fn everybody_named_gets_it_and_nobody_sees_who_else_did() {
    let person = Person::set_up();
    let users: Vec<String> = (0..4).map(|_| person.lab.fresh_user("mx.test")).collect();
    let [to, cc, bcc, extra] = &users[..] else { unreachable!() };
    let message = format!("To: {to}\nCc: {cc}\nBcc: {bcc}\nSubject: all\n\nhello\n");
    let (status, document, _) = send_json(&person, &message, &["-t", extra]);
    assert_eq!(status, 0, "{document:#}");
    assert_eq!(document["recipients"].as_array().unwrap().len(), 4);
    for user in &users {
        let text = arrived(&person, user, 1);
        let (head, _) = split(&text);
        assert!(!head.to_lowercase().contains("\nbcc:"), "{head}");
        let of_the_sender = &head[head.find("\nDate: ").unwrap()..];
        assert!(!of_the_sender.contains(bcc.as_str()) && !of_the_sender.contains(extra.as_str()), "{head}");
    }
    assert_eq!(in_sent(&person), 1);
}

#[test]
fn recipients_on_the_command_line_are_the_only_ones_without_t() {
    let person = Person::set_up();
    let (named, in_header) = (person.lab.fresh_user("mx.test"), person.lab.fresh_user("mx.test"));
    let message = format!("To: {in_header}\nSubject: only\n\nhello\n");
    let (status, document, _) = send_json(&person, &message, &["--", &named]);
    assert_eq!(status, 0);
    let recipients: Vec<&str> =
        document["recipients"].as_array().unwrap().iter().filter_map(|r| r["address"].as_str()).collect();
    assert_eq!(recipients, [named.as_str()]);
    arrived(&person, &named, 1);
    assert_eq!(person.lab.count(&in_header, "INBOX").unwrap(), 0);
}

#[test]
fn under_the_name_sendmail_it_is_sendmail() {
    let person = Person::set_up();
    let bob = person.lab.fresh_user("mx.test");
    let sendmail = person.home().join("sendmail");
    std::os::unix::fs::symlink(crate::person::PROGRAM, &sendmail).unwrap();
    let message = format!("To: {bob}\nSubject: by sendmail\n\n.\nafter the dot\n");
    let from = person.address.clone();
    for (count, args) in
        [&["-t", "-i"][..], &["-oi", "-t"], &["-i", "-f", &from, &bob]].into_iter().enumerate()
    {
        let ran = finish(person.command_of(&sendmail, args), message.as_bytes());
        assert_eq!(ran.status, 0, "{args:?}: {ran}");
        let text = arrived(&person, &bob, count + 1);
        assert_eq!(split(&text).1.trim_end(), ".\nafter the dot", "{args:?}");
    }
    assert_eq!(in_sent(&person), 3);
}

#[test]
fn an_unknown_recipient_is_refused_and_the_words_are_kept() {
    let person = Person::set_up();
    let (status, document, ran) = send_json(&person, "To: nobody-there@mx.test\nSubject: lost?\n\nno\n", &[]);
    assert_eq!((status, &document["state"]), (69, &json!("refused")), "{ran}");
    let reply = document["recipients"][0]["reply"].as_str().unwrap();
    assert!(reply.starts_with("550 5.1.1"), "{reply}");
    let rows = outbox(&person);
    assert_eq!((rows.len(), &rows[0]["state"]), (1, &json!("refused")));
    assert!(rows[0]["reply"].as_str().unwrap().starts_with("550 5.1.1"), "the reason is shown: {rows:#?}");
    assert!(person.text(&["outbox", "list"]).contains("User unknown"));
    person.sync();
    assert_eq!(outbox(&person)[0]["state"], "refused", "it is not tried again by itself");
    assert_eq!(in_sent(&person), 0);
}

#[test]
fn one_refused_recipient_does_not_keep_it_from_the_others() {
    let person = Person::set_up();
    let bob = person.lab.fresh_user("mx.test");
    let message = format!("To: nobody-there@mx.test, {bob}\nSubject: some\n\nhello\n");
    let (status, document, _) = send_json(&person, &message, &[]);
    assert_eq!(status, 69);
    let states: Vec<&str> =
        document["recipients"].as_array().unwrap().iter().filter_map(|r| r["state"].as_str()).collect();
    assert_eq!(states, ["refused", "accepted"]);
    arrived(&person, &bob, 1);
    assert_eq!(in_sent(&person), 1);
}

#[test]
fn a_busy_recipient_is_tried_again_later_and_the_others_only_once() {
    let person = Person::set_up();
    let bob = person.lab.fresh_user("mx.test");
    let message = format!("To: later-perhaps@mx.test, {bob}\nSubject: later\n\nhello\n");
    let (status, document, _) = send_json(&person, &message, &[]);
    assert_eq!((status, &document["state"]), (75, &json!("deferred")));
    let row = &outbox(&person)[0];
    assert!(
        row["next_attempt"].as_str().is_some_and(|time| time > row["created"].as_str().unwrap()),
        "{row:#}"
    );
    assert!(row["reply"].as_str().unwrap().starts_with("450 4.2.1"), "{row:#}");
    arrived(&person, &bob, 1);
    person.sync();
    assert_eq!(outbox(&person)[0]["attempts"], 1, "its time has not come");
    assert_eq!(person.lab.count(&bob, "INBOX").unwrap(), 1);
}

#[test]
fn a_sender_that_is_not_ones_own_is_not_permitted() {
    let person = Person::set_up();
    let bob = person.lab.fresh_user("mx.test");
    let message = format!("From: boss@autoconfig.test\nTo: {bob}\nSubject: false\n\nhello\n");
    let (status, document, ran) = send_json(&person, &message, &[]);
    assert_eq!((status, &document["state"]), (77, &json!("refused")), "{ran}");
    let error = ran.complaint();
    assert_eq!((&error["verdict"], &error["password"]), (&json!("sender-not-allowed"), &json!("accepted")));
    assert!(error["evidence"].as_str().unwrap().contains("not owned by user"), "{error:#}");
    assert_eq!(person.lab.count(&bob, "INBOX").unwrap(), 0);
    // One's own address in the envelope makes it right.
    assert_eq!(send(&person, &message, &["-f", &person.address]).status, 0);
    arrived(&person, &bob, 1);
}

#[test]
fn a_message_the_server_finds_too_large_is_not_sent_at_all() {
    let person = Person::set_up();
    let bob = person.lab.fresh_user("mx.test");
    let line = format!("{}\n", "x".repeat(99));
    let message = format!("To: {bob}\nSubject: large\n\n{}", line.repeat(MESSAGE_SIZE_LIMIT / 100 + 1));
    let (status, document, ran) = send_json(&person, &message, &[]);
    assert_eq!((status, &document["state"]), (65, &json!("refused")), "{document:#}");
    let error = ran.complaint();
    assert_eq!(error["verdict"], "message-too-large");
    assert!(error["evidence"].as_str().unwrap().contains("20971520"), "{error:#}");
    person.sync();
    assert_eq!(outbox(&person)[0]["attempts"], 1);
}

#[test]
fn without_a_network_it_waits_and_the_next_sync_sends_it_once() {
    let person = Person::set_up();
    let bob = person.lab.fresh_user("mx.test");
    let message = format!("To: {bob}\nSubject: patient\n\nhello\n");
    for option in ["--offline", "--no-send"] {
        let (status, document, _) = send_json(&person, &message, &[option]);
        assert_eq!((status, &document["state"]), (75, &json!("queued")), "{option}");
    }
    let states: Vec<Value> = outbox(&person).iter().map(|row| row["state"].clone()).collect();
    assert_eq!(states, ["queued", "queued"]);
    assert!(person.text(&["outbox", "list"]).contains("queued"));
    person.json(&["sync", "--no-send"]);
    assert_eq!(outbox(&person)[0]["state"], "queued", "asked to send nothing, it sends nothing");
    person.sync();
    arrived(&person, &bob, 2);
    person.sync();
    assert!(outbox(&person).iter().all(|row| row["state"] == "accepted" && row["filed"] == true));
    arrived(&person, &bob, 2);
    assert_eq!(in_sent(&person), 2);
}

#[test]
fn a_server_that_is_down_makes_it_wait() {
    let person = Person::set_up();
    let bob = person.lab.fresh_user("mx.test");
    let config = person.data().join("config.toml");
    let good = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, good.replace("smtp.autoconfig.test", "smtp.refused.test")).unwrap();
    let message = format!("To: {bob}\nSubject: patient\n\nhello\n");
    let (status, document, ran) = send_json(&person, &message, &[]);
    assert_eq!((status, &document["state"]), (75, &json!("deferred")), "{ran}");
    // The domain names another server.
    assert_eq!(ran.complaint()["verdict"], "server-moved");
    assert_eq!(ran.complaint()["also"], json!(["connection-refused"]));
    let row = &outbox(&person)[0];
    assert!(row["next_attempt"].is_string(), "{row:#}");
    // Reading goes on.
    person.lab.deliver(&person.address, &crate::sync::message("meanwhile")).unwrap();
    person.sync();
    assert_eq!(person.count(&["meanwhile"]), 1);
    assert_eq!(person.lab.count(&bob, "INBOX").unwrap(), 0);
}

#[test]
fn a_mailbox_without_room_for_the_copy_stops_neither_sending_nor_reading() {
    let lab = testkit::lab::Lab::current();
    // This name has a small mailbox in every domain.
    let person = Person::named(lab.clone(), format!("full@{}.test", lab.fresh_user("x").replace('@', "-")));
    person.add_account(&person.address);
    let bob = lab.fresh_user("mx.test");
    let large = format!("Subject: fills\r\n\r\n{}", "filling\r\n".repeat(5500));
    lab.deliver(&person.address, large.as_bytes()).unwrap();
    let message = format!("To: {bob}\nSubject: no room\n\n{}", "words\n".repeat(3000));
    let (status, document, ran) = send_json(&person, &message, &[]);
    assert_eq!((status, &document["state"]), (0, &json!("accepted")), "{ran}");
    assert!(ran.stderr.contains("Quota exceeded"), "{ran}");
    arrived(&person, &bob, 1);
    for _ in 0..2 {
        let report = person.sync();
        let finding = &report["findings"][0];
        assert_eq!(finding["verdict"], "mailbox-full", "{report:#}");
        assert!(finding["evidence"].as_str().unwrap().contains("Quota exceeded"), "{report:#}");
        assert_eq!(person.count(&["subject:fills"]), 1);
    }
    lab.doveadm(&["expunge", "-u", &person.address, "mailbox", "INBOX", "all"]).unwrap();
    assert_eq!(person.sync()["findings"], json!([]));
    assert_eq!(in_sent(&person), 1);
    assert_eq!(lab.count(&bob, "INBOX").unwrap(), 1);
}

#[test]
fn a_password_that_was_changed_is_tried_once_and_the_message_waits_for_a_person() {
    let person = Person::set_up();
    let bob = person.lab.fresh_user("mx.test");
    let before = person.lab.login_attempts(&person.address).unwrap();
    let secret = person.data().join("secrets").join(&person.address);
    std::fs::write(&secret, "no longer right\n").unwrap();
    let message = format!("To: {bob}\nSubject: waits\n\nhello\n");
    let (status, document, ran) = send_json(&person, &message, &[]);
    assert_eq!((status, &document["state"]), (75, &json!("deferred")), "{ran}");
    let row = &outbox(&person)[0];
    assert_eq!(row["next_attempt"], Value::Null, "trying again by itself could lock the account: {row:#}");
    let (status, error) = person.error(&["sync"]);
    assert_eq!((status, &error["password"]), (77, &json!("refused")));
    let after = person.lab.login_attempts(&person.address).unwrap();
    assert_eq!((after.smtp - before.smtp, after.imap - before.imap), (1, 1));
    std::fs::write(&secret, format!("{PASSWORD}\n")).unwrap();
    person.sync();
    assert_eq!(outbox(&person)[0]["state"], "deferred", "it waits for the person");
    let (status, document) = {
        let ran = person.run(&["outbox", "retry", "1", "--json"]);
        (ran.status, ran.document())
    };
    assert_eq!((status, &document["state"]), (0, &json!("accepted")), "{document:#}");
    arrived(&person, &bob, 1);
    assert_eq!(person.run(&["outbox", "retry", "1"]).status, 64, "who has it does not get it twice");
    assert_eq!(person.lab.count(&bob, "INBOX").unwrap(), 1);
}

#[test]
fn many_messages_and_a_wrong_password_are_one_attempt() {
    let person = Person::set_up();
    for number in 0..3 {
        let message = format!("To: bob@mx.test\nSubject: {number}\n\nhello\n");
        assert_eq!(send(&person, &message, &["--no-send"]).status, 75);
    }
    let before = person.lab.login_attempts(&person.address).unwrap();
    std::fs::write(person.data().join("secrets").join(&person.address), "wrong\n").unwrap();
    assert_eq!(person.run(&["sync"]).status, 77);
    let after = person.lab.login_attempts(&person.address).unwrap();
    assert_eq!((after.smtp - before.smtp, after.imap - before.imap), (1, 1));
}

#[test]
fn a_setup_that_works_lets_waiting_messages_go() {
    let person = Person::set_up();
    let bob = person.lab.fresh_user("mx.test");
    std::fs::write(person.data().join("secrets").join(&person.address), "wrong\n").unwrap();
    assert_eq!(send(&person, &format!("To: {bob}\n\nlate\n"), &[]).status, 75);
    person.add_account(&person.address);
    person.sync();
    arrived(&person, &bob, 1);
    assert_eq!(outbox(&person)[0]["state"], "accepted");
}

#[test]
fn a_message_that_is_cancelled_is_never_sent() {
    let person = Person::set_up();
    let bob = person.lab.fresh_user("mx.test");
    assert_eq!(send(&person, &format!("To: {bob}\n\nno\n"), &["--no-send"]).status, 75);
    assert_eq!(person.run(&["outbox", "cancel", "9"]).status, 66);
    person.run(&["outbox", "cancel", "1"]).succeeded();
    assert_eq!(person.sync()["sent"], json!([]));
    assert_eq!(person.lab.count(&bob, "INBOX").unwrap_or(0), 0);
}

#[test]
fn a_sync_says_what_it_sent_and_what_was_refused() {
    let person = Person::set_up();
    let bob = person.lab.fresh_user("mx.test");
    send(&person, &format!("To: {bob}\n\nyes\n"), &["--no-send"]);
    send(&person, "To: nobody-there@mx.test\n\nno\n", &["--no-send"]);
    let report = person.sync();
    let states: Vec<_> = report["sent"].as_array().unwrap().iter().map(|sent| &sent["state"]).collect();
    assert_eq!(states, ["accepted", "refused"], "{report:#}");
}

#[test]
fn a_fault_on_the_command_line_queues_nothing() {
    let person = Person::set_up();
    let ran = send(&person, "To: bob@mx.test\n\nhello\n", &["--ca-file", "/nonexistent.pem"]);
    assert_eq!(ran.status, 64, "{ran}");
    assert_eq!(outbox(&person), [] as [Value; 0]);
}

#[test]
fn what_cannot_be_a_message_is_bad_data_and_nothing_is_queued() {
    let person = Person::set_up();
    for message in ["Subject: to nobody\n\nhello\n", "", "To: not an address\n\nhello\n"] {
        let (status, error) = send(&person, message, &["--json"]).error();
        assert_eq!((status, &error["verdict"]), (65, &json!("bad-data")), "{message:?}");
    }
    let endless = format!("To: bob@mx.test\nContent-Type: application/json\n\n{}\n", "x".repeat(2000));
    assert_eq!(send(&person, &endless, &["--json"]).error().0, 65);
    assert_eq!(outbox(&person), [] as [Value; 0]);
}

#[test]
fn a_line_longer_than_mail_allows_arrives_whole() {
    let person = Person::set_up();
    let bob = person.lab.fresh_user("mx.test");
    let endless = "x".repeat(2000);
    let (status, _, _) = send_json(&person, &format!("To: {bob}\n\n{endless}\n"), &[]);
    assert_eq!(status, 0);
    let text = arrived(&person, &bob, 1);
    assert!(text.lines().all(|line| line.len() <= 998), "RFC 5322, section 2.1.1");
    assert_eq!(split(&text).1.replace("=\n", "").trim_end(), endless);
}
