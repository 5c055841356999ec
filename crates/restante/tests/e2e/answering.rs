//! Answering: with an editor, without one, and when the person thinks again.

use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use testkit::lab::eventually;

use crate::person::{Person, Ran, finish};

const LETTER: &str =
    "From: Bob Ray <bob@mx.test>\nSubject: Tea on Friday?\nMessage-ID: <tea@mx.test>\n\nfour o'clock?\n";

/// A person with a letter in the INBOX, and the letter's id. `to` is where an answer goes.
fn with_letter(to: &str) -> (Person, String) {
    let person = Person::set_up();
    let letter = format!("To: {}\nReply-To: {to}\n{LETTER}", person.address);
    person.lab.deliver(&person.address, letter.replace('\n', "\r\n").as_bytes()).unwrap();
    eventually("the letter arrives", || {
        (person.lab.count(&person.address, "INBOX").ok()? == 1).then_some(())
    })
    .unwrap();
    person.sync();
    let id = person.list(&["subject:tea"])[0]["id"].as_str().unwrap().to_owned();
    (person, id)
}

/// Answers with an editor that is this shell script; `$1` is the file.
fn reply(person: &Person, id: &str, editor: &str) -> Ran {
    let script = person.home().join("editor");
    std::fs::write(&script, format!("#!/bin/sh\n{editor}\n")).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = person.command(&["reply", id, "--json"]);
    command.env("EDITOR", script);
    finish(command, b"")
}

fn drafts(person: &Person) -> usize {
    std::fs::read_dir(person.data().join("drafts")).map_or(0, Iterator::count)
}

#[test]
fn an_answer_written_in_the_editor_arrives_with_its_quote_in_its_thread() {
    let bob = Person::set_up();
    let (ann, id) = with_letter(&bob.address);
    let ran = reply(&ann, &id, "sed -i '0,/^$/s/^$/\\nGladly.\\n/' \"$1\"");
    assert_eq!((ran.status, &ran.document()["state"]), (0, &json!("accepted")), "{ran}");
    eventually("the answer arrives", || (bob.lab.count(&bob.address, "INBOX").ok()? == 1).then_some(()))
        .unwrap();
    bob.sync();
    let answer = &bob.list(&["gladly"])[0];
    assert_eq!(answer["subject"], "Re: Tea on Friday?");
    let read = bob.json(&["read", answer["id"].as_str().unwrap()]);
    assert!(read["text"].as_str().unwrap().contains("Gladly."), "{read:#}");
    assert!(read["text"].as_str().unwrap().contains("> four o'clock?"), "{read:#}");
    assert_eq!(read["references"], json!(["tea@mx.test"]));
    ann.sync();
    assert_eq!(ann.count(&["in:Sent", "gladly"]), 1);
    let threads: Vec<_> = ann.list(&["subject:tea"]).iter().map(|m| m["thread"].clone()).collect();
    assert_eq!((threads.len(), &threads[0]), (2, &threads[1]), "the answer is in the conversation");
    assert_eq!(drafts(&ann), 0);
}

#[test]
fn a_script_answers_through_standard_input() {
    let bob = Person::set_up();
    let (ann, id) = with_letter(&bob.address);
    ann.run_with("Gladly.\n", &["reply", &id, "--stdin"]).succeeded();
    eventually("the answer arrives", || (bob.lab.count(&bob.address, "INBOX").ok()? == 1).then_some(()))
        .unwrap();
    bob.sync();
    let read = bob.json(&["read", bob.list(&[])[0]["id"].as_str().unwrap()]);
    let text = read["text"].as_str().unwrap();
    assert!(text.starts_with("Gladly.") && text.contains("> four o'clock?"), "{text}");
}

#[test]
fn an_answer_without_a_change_is_not_sent() {
    let (person, id) = with_letter("bob@mx.test");
    let ran = reply(&person, &id, "true");
    assert_eq!(ran.status, 1, "{ran}");
    assert_eq!(drafts(&person), 0);
    assert_eq!(person.run(&["outbox", "list"]).status, 1);
}

#[test]
fn a_text_that_cannot_be_sent_is_kept() {
    let (person, id) = with_letter("bob@mx.test");
    for (editor, expected) in [
        ("echo 'Nonsense without a colon' > \"$1\"", 65),
        ("sed -i 's/^To: .*/To: nobody at all/; $a more' \"$1\"", 65),
        ("echo lost >> \"$1\"; exit 3", 74),
    ] {
        let before = drafts(&person);
        let ran = reply(&person, &id, editor);
        let (status, error) = ran.error();
        assert_eq!(status, expected, "{editor}: {error:#}");
        assert_eq!(drafts(&person), before + 1, "{editor}");
        assert!(error["evidence"].as_str().unwrap().contains("drafts/"), "the place is named: {error:#}");
    }
    assert_eq!(person.run(&["outbox", "list"]).status, 1, "nothing was sent");
}
