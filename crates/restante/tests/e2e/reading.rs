//! Lists, searches, reading and saving, all of it without a network.

use std::fs;

use serde_json::{Value, json};

use crate::person::Person;

/// Bytes no text has, and enough of them for several lines of base64.
const PICTURE: [u8; 300] = {
    let mut bytes = [0; 300];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = (at * 7 % 256) as u8;
        at += 1;
    }
    bytes
};

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for (at, group) in bytes.chunks(3).enumerate() {
        let bits =
            group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
        if at % 19 == 18 {
            text.push_str("\r\n");
        }
    }
    text
}

fn with_attachments() -> Vec<u8> {
    format!(
        "From: =?utf-8?q?J=C3=B6rg_M=C3=BCller?= <joerg@mx.test>\r\nTo: Ann <ann@autoconfig.test>\r\n\
         Date: Fri, 01 Mar 2024 12:00:00 +0100\r\nMessage-ID: <pictures@mx.test>\r\n\
         Subject: =?iso-8859-1?q?Bilder_f=FCr_dich?=\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
         Sch=C3=B6ne Gr=C3=BC=C3=9Fe\r\n--b\r\n\
         Content-Type: image/png\r\nContent-Disposition: attachment; filename*=utf-8''Stra%C3%9Fe.png\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--b\r\n\
         Content-Type: application/octet-stream; name=\"../../evil.sh\"\r\n\
         Content-Disposition: attachment; filename=\"../../evil.sh\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        base64(&PICTURE),
        base64(b"#!/bin/sh\n")
    )
    .into_bytes()
}

/// Somebody with four messages of which every one is different.
fn reader() -> Person {
    let person = Person::set_up();
    let user = &person.address;
    let plain = |from: &str, to: &str, date: &str, subject: &str, body: &str| {
        let id = subject.replace(' ', ".");
        format!(
            "From: {from}\r\nTo: {to}\r\nDate: {date}\r\nMessage-ID: <{id}@x.test>\r\nSubject: {subject}\r\n\r\n{body}\r\n"
        )
    };
    let old = plain(
        "bob@mx.test",
        "ann@autoconfig.test",
        "Wed, 01 Feb 2023 08:00:00 +0000",
        "invoice 4711",
        "Please pay the harbour dues.",
    );
    let new = plain(
        "Carla <carla@hoster.test>",
        "team@autoconfig.test",
        "Mon, 01 Jul 2024 08:00:00 +0000",
        "summer party",
        "Bring an invoice for the lemons.",
    );
    let read = plain(
        "bob@mx.test",
        "ann@autoconfig.test",
        "Sun, 01 Sep 2024 08:00:00 +0000",
        "already read",
        "Nothing new.",
    );
    person.lab.save(user, "INBOX", old.as_bytes()).unwrap();
    person.lab.save(user, "INBOX", &with_attachments()).unwrap();
    person.lab.save(user, "INBOX", new.as_bytes()).unwrap();
    person.lab.save(user, "Archive", read.as_bytes()).unwrap();
    person
        .lab
        .doveadm(&["flags", "add", "-u", user, "\\Seen \\Answered", "mailbox", "Archive", "all"])
        .unwrap();
    person.sync();
    person
}

fn subjects(rows: &[Value]) -> Vec<&str> {
    rows.iter().filter_map(|row| row["subject"].as_str()).collect()
}

#[test]
fn a_query_finds_by_words_fields_flags_dates_and_attachments() {
    let person = reader();
    for (query, expected) in [
        (&["invoice"][..], &["summer party", "invoice 4711"][..]),
        (&["INVOICE", "lemons"], &["summer party"]),
        (&["harbour dues"], &["invoice 4711"]),
        (&["dues harbour"], &[]),
        (&["lemo*"], &["summer party"]),
        (&["invoice", "-lemons"], &["invoice 4711"]),
        (&["-invoice", "-new"], &["Bilder für dich"]),
        (&["-from:bob", "-is:read"], &["summer party", "Bilder für dich"]),
        (&["lemons OR dues"], &["summer party", "invoice 4711"]),
        (&["from:bob"], &["already read", "invoice 4711"]),
        (&["from:müller"], &["Bilder für dich"]),
        (&["from:carla@hoster.test"], &["summer party"]),
        (&["to:team"], &["summer party"]),
        (&["subject:invoice"], &["invoice 4711"]),
        (&["subject:bilder"], &["Bilder für dich"]),
        (&["body:grüße"], &["Bilder für dich"]),
        (&["filename:straße"], &["Bilder für dich"]),
        (&["is:unread"], &["summer party", "Bilder für dich", "invoice 4711"]),
        (&["is:read"], &["already read"]),
        (&["is:answered"], &["already read"]),
        (&["has:attachment"], &["Bilder für dich"]),
        (&["before:2024"], &["invoice 4711"]),
        (&["after:2024-07-01"], &["already read", "summer party"]),
        (&["after:2024", "before:2024-06"], &["Bilder für dich"]),
        (&["in:archive"], &["already read"]),
        (&["in:inbox", "larger:500"], &["Bilder für dich"]),
        (&["notinanymessage"], &[]),
    ] {
        // "lemons OR dues" is one argument for the shell and three words for us.
        let words: Vec<&str> = match query {
            [one] if one.contains(" OR ") => one.split(' ').collect(),
            _ => query.to_vec(),
        };
        assert_eq!(subjects(&person.list(&words)), expected, "{query:?}");
        assert_eq!(person.count(&words), expected.len() as u64, "{query:?}");
        let ran = person.run(&[&["search", "--json"], &words[..]].concat());
        assert_eq!(ran.status, i32::from(expected.is_empty()), "{query:?}: {ran}");
        assert_eq!(ran.document()["total"], expected.len(), "{query:?}");
    }
}

#[test]
fn nothing_found_is_exit_code_1_in_every_form() {
    let person = reader();
    for form in [&[][..], &["--ids"], &["--jsonl"]] {
        let ran = person.run(&[&["search", "notinanymessage"], form].concat());
        assert_eq!((ran.status, ran.stdout.len(), ran.stderr.as_str()), (1, 0, ""), "{form:?}: {ran}");
    }
    let ran = person.run(&["list", "notinanymessage", "--json"]);
    assert_eq!((ran.status, &ran.document()["messages"]), (1, &json!([])));
    let ran = person.run(&["count", "notinanymessage"]);
    assert_eq!((ran.status, ran.text().as_str()), (1, "0\n"));
}

#[test]
fn a_query_that_cannot_be_read_is_a_usage_error_that_says_why() {
    let person = reader();
    for query in ["before:yesterdayish", "is:nonsense", "larger:many", "(unclosed"] {
        let (status, error) = person.error(&["search", query]);
        assert_eq!(status, 64, "{query}: {error:#}");
        assert!(!error["evidence"].as_str().unwrap().is_empty());
    }
}

#[test]
fn lists_have_four_forms_that_agree() {
    let person = reader();
    let document = person.json(&["list"]);
    assert_eq!(document["total"], 4);
    let messages = document["messages"].as_array().unwrap();
    assert_eq!(subjects(messages), ["already read", "summer party", "Bilder für dich", "invoice 4711"]);
    assert_eq!(messages[..], person.list(&[])[..]);
    let ids: Vec<&str> = messages.iter().filter_map(|row| row["id"].as_str()).collect();
    assert_eq!(person.text(&["list", "--ids"]).lines().collect::<Vec<_>>(), ids);
    for (line, row) in person.text(&["list"]).lines().zip(messages) {
        assert!(line.starts_with(row["id"].as_str().unwrap()), "{line}");
        assert!(line.contains(row["subject"].as_str().unwrap()), "{line}");
    }
    let pictures = &messages[2];
    assert_eq!(pictures["from"], json!([{"name": "Jörg Müller", "address": "joerg@mx.test"}]));
    assert_eq!(pictures["to"], json!([{"name": "Ann", "address": "ann@autoconfig.test"}]));
    assert_eq!(pictures["date"], "2024-03-01T11:00:00Z");
    assert_eq!(pictures["attachments"], 2);
    assert_eq!(pictures["mailboxes"], json!(["INBOX"]));
    assert!(pictures["snippet"].as_str().unwrap().contains("Schöne Grüße"));
    for limit in [&["-n", "1"][..], &["-n1"], &["--limit=1"]] {
        let document = person.json(&[&["list"], limit].concat());
        assert_eq!(document["messages"].as_array().unwrap().len(), 1, "{limit:?}");
    }
    assert_eq!(person.json(&["list", "-n", "1"])["total"], 4, "the total counts what the limit hides");
}

#[test]
fn a_message_is_read_as_a_person_and_as_a_program_reads_it() {
    let person = reader();
    let id = person.only(&["subject:bilder"]);
    let text = person.text(&["read", &id]);
    for piece in ["Jörg Müller <joerg@mx.test>", "Bilder für dich", "Schöne Grüße", "Straße.png"] {
        assert!(text.contains(piece), "no {piece} in {text}");
    }
    assert_eq!(person.text(&["read", "--text", &id]).trim(), "Schöne Grüße");
    let headers = person.text(&["read", "--headers", &id]);
    assert!(headers.contains("Subject: =?iso-8859-1?q?Bilder_f=FCr_dich?=") && !headers.contains("--b"));
    assert_eq!(person.raw(&id), with_attachments());
    let document = person.json(&["read", &id]);
    assert_eq!((&document["id"], &document["subject"]), (&json!(id), &json!("Bilder für dich")));
    assert_eq!(document["text"].as_str().unwrap().trim(), "Schöne Grüße");
    let parts = document["parts"].as_array().unwrap();
    let picture = parts.iter().find(|part| part["type"] == "image/png").unwrap();
    assert_eq!((&picture["filename"], &picture["size"]), (&json!("Straße.png"), &json!(PICTURE.len())));
    // Reading is not a change on the server.
    person.sync();
    assert_eq!(person.count(&["is:unread"]), 3);
}

#[test]
fn any_unique_beginning_of_an_id_is_enough() {
    let person = reader();
    let id = person.only(&["subject:bilder"]);
    let others = person.text(&["list", "--ids"]);
    let unique = (1..=id.len())
        .map(|length| &id[..length])
        .find(|start| others.lines().filter(|other| other.starts_with(start)).count() == 1)
        .unwrap();
    assert_eq!(person.raw(unique), with_attachments());
}

#[test]
fn a_message_part_or_file_that_is_not_there_is_exit_code_66() {
    let person = reader();
    let id = person.only(&["subject:bilder"]);
    for args in [
        &["read", "zzzzzzzzzzzz"][..],
        &["read", "./nothing.eml"],
        &["save", "zzzzzzzzzzzz"],
        &["save", &id, "9.9"],
        &["save", &person.only(&["subject:party"])],
    ] {
        let (status, error) = person.error(args);
        assert_eq!((status, &error["verdict"]), (66, &json!("not-found")), "{args:?}: {error:#}");
    }
}

#[test]
fn a_message_without_html_has_none_to_show() {
    let person = reader();
    let ran = person.run(&["read", "--html", &person.only(&["subject:bilder"])]);
    assert_eq!((ran.status, ran.stdout.len()), (66, 0), "{ran}");
    assert!(ran.stderr.contains("no HTML"), "{ran}");
}

#[test]
fn attachments_are_saved_byte_for_byte_and_nothing_is_overwritten() {
    let person = reader();
    let id = person.only(&["subject:bilder"]);
    let folder = person.home().join("saved");
    fs::create_dir(&folder).unwrap();
    let to = folder.to_str().unwrap().to_owned();
    fs::write(folder.join("Straße.png"), b"mine").unwrap();
    let saved = person.json(&["save", &id, "-C", &to]);
    let paths: Vec<&str> =
        saved["files"].as_array().unwrap().iter().filter_map(|file| file["path"].as_str()).collect();
    assert_eq!(paths.len(), 2);
    assert_eq!(fs::read(folder.join("Straße.png")).unwrap(), b"mine");
    assert_eq!(fs::read(folder.join("Straße-1.png")).unwrap(), PICTURE);
    assert_eq!(fs::read(folder.join("evil.sh")).unwrap(), b"#!/bin/sh\n", "it stays in the folder");
    assert!(paths.iter().all(|path| path.starts_with(&to) && !path.contains("..")), "{paths:?}");
    person.text(&["save", &id, "2", "-C", &to]);
    assert_eq!(fs::read(folder.join("Straße-2.png")).unwrap(), PICTURE);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 4);
    assert_eq!(person.error(&["save", &id, "-C", "/no/such/folder"]).0, 74);
}

#[test]
fn a_file_is_read_and_its_attachments_saved_without_any_account() {
    let person = Person::new("autoconfig.test");
    fs::write(person.home().join("message.eml"), with_attachments()).unwrap();
    let document = person.json(&["read", "./message.eml"]);
    assert_eq!((&document["subject"], &document["id"]), (&json!("Bilder für dich"), &Value::Null));
    person.json(&["save", "message.eml"]);
    assert_eq!(fs::read(person.home().join("Straße.png")).unwrap(), PICTURE);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let person = Person::new("autoconfig.test");
    let large = format!("Subject: large\r\n\r\n{}", "a line of text\r\n".repeat(100_000));
    fs::write(person.home().join("large.eml"), large).unwrap();
    let mut command = std::process::Command::new("sh");
    person.at_home(&mut command);
    command.env("R", crate::person::PROGRAM);
    command.args(["-c", "{ $R read --raw large.eml; echo \"$?\" >&2; } | head -c 7"]);
    let output = command.output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "0\n");
    assert_eq!(output.stdout, b"Subject");
}

#[test]
fn reading_tells_who_sent_it_truly_and_what_may_deceive() {
    let person = Person::set_up();
    let arrival = "Received: from evil.test (evil.test [192.0.2.1]) by mx.autoconfig.test; Mon, 1 Jan 2024 08:00:00 +0000\r\n";
    let rest = "From: \"service@bank.test\" <x@evil.test>\r\nTo: ann@autoconfig.test\r\n\
        Date: Mon, 01 Jan 2024 08:00:00 +0000\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/html; charset=utf-8\r\n\r\n<a href=\"http://evil.test/\">https://www.bank.test/</a> now\r\n";
    let own =
        "Authentication-Results: mx.autoconfig.test; spf=fail smtp.mailfrom=x@evil.test; dmarc=fail\r\n";
    let forged = "Authentication-Results: mx.autoconfig.test; spf=pass; dmarc=pass\r\n";
    for (subject, top) in [("checked", own), ("unchecked", "")] {
        let message =
            format!("{top}{arrival}{forged}Subject: {subject}\r\nMessage-ID: <{subject}@x.test>\r\n{rest}");
        person.lab.save(&person.address, "INBOX", message.as_bytes()).unwrap();
    }
    person.sync();

    let id = person.only(&["subject:checked"]);
    let document = person.json(&["read", &id]);
    assert_eq!(document["authentication"]["dmarc"], "fail");
    let kinds: Vec<_> =
        document["warnings"].as_array().unwrap().iter().map(|w| w["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["name-shows-another-address", "link-shows-another-host"]);
    let text = person.text(&["read", &id]);
    assert!(text.contains("Checked: SPF fail, DMARC fail, says mx.autoconfig.test"), "{text}");
    assert!(
        text.contains("Beware: the name in from shows service@bank.test, the address is x@evil.test"),
        "{text}"
    );
    assert!(text.contains("Beware: a link shows www.bank.test and leads to evil.test"), "{text}");

    let id = person.only(&["subject:unchecked"]);
    let document = person.json(&["read", &id]);
    assert_eq!((&document["auth"], &document["authentication"]), (&Value::Null, &Value::Null));
    assert!(!person.text(&["read", &id]).contains("Checked"));
}

#[test]
fn a_report_and_an_invitation_are_read_from_files_too() {
    let person = Person::set_up();
    let report = "Subject: undelivered\r\nContent-Type: multipart/report; boundary=R\r\n\r\n--R\r\n\r\nSorry.\r\n--R\r\n\
        Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.test\r\n\r\n\
        Final-Recipient: rfc822; bob@mx.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--R--\r\n";
    let invitation = "Subject: tea\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\n\
        BEGIN:VEVENT\r\nSUMMARY:Tea\r\nDTSTART;TZID=Europe/Berlin:20240305T100000\r\nORGANIZER:mailto:bob@mx.test\r\n\
        ATTENDEE:mailto:ann@autoconfig.test\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    fs::write(person.home().join("report.eml"), report).unwrap();
    fs::write(person.home().join("tea.eml"), invitation).unwrap();
    let text = person.text(&["read", "report.eml"]);
    assert!(text.contains("Not delivered to bob@mx.test: there is no such mailbox."), "{text}");
    let document = person.json(&["read", "report.eml"]);
    assert_eq!(document["report"]["recipients"][0]["status"], "5.1.1");
    let text = person.text(&["read", "tea.eml"]);
    assert!(
        text.contains("Invitation: Tea") && text.contains("Tue 2024-03-05 10:00 (Europe/Berlin)"),
        "{text}"
    );
    assert_eq!(person.json(&["read", "tea.eml"])["events"][0]["zone"], "Europe/Berlin");
}
