//! Mail that was written to harm: nothing in it reaches the terminal as anything but text.

use crate::person::{Person, Ran};

/// No character that drives a terminal, hides, or turns text around.
fn is_harmless(ran: &Ran) {
    for text in [ran.text(), ran.stderr.clone()] {
        let bad = text.chars().find(|c| {
            (c.is_control() && !matches!(c, '\n' | '\t'))
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        });
        assert_eq!(bad, None, "{text:?}");
    }
}

fn hostile() -> Vec<u8> {
    let title = "\x1b]0;owned\x07";
    let clipboard = "\x1b]52;c;cm0gLXJmIH4=\x1b\\";
    let clear = "\x1b[2J\x1b[H";
    let c1 = "\u{9b}31m\u{9d}0;owned\u{9c}\u{90}q\u{9c}";
    let bidi = "\u{202e}gnp.exe\u{2066}\u{200b}\u{feff}";
    format!(
        "From: \"{clear}Bank{bidi}\" <bank{c1}@mx.test>\r\nTo: \"{title}\" <ann@autoconfig.test>\r\n\
         Cc: {clipboard} <cc@mx.test>\r\nDate: Tue, 02 Jan 2024 10:00:00 +0000\r\n\
         Message-ID: <hostile{clear}@mx.test>\r\nReply-To: {c1} <reply@mx.test>\r\n\
         Subject: trap{title}{clear}{clipboard}{c1}{bidi} =?utf-8?q?=1B]0;owned=07=C2=9B31m=E2=80=AEcoded?=\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
         Content-Type: text/html; charset=utf-8\r\n\r\n\
         <p>body{title}{clear}{clipboard}{c1}{bidi} &#27;]0;owned&#7; &#155;31m &#x202e;</p>\r\n--b\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n\
         plain{title}{clear}{clipboard}{c1}{bidi}\rover\r\n--b\r\n\
         Content-Type: application/x{clear}; name=\"{title}a{bidi}.png\"\r\n\
         Content-Disposition: attachment; filename=\"{clear}{title}../x/{bidi}a\u{7}.png\"\r\n\r\ndata\r\n--b--\r\n"
    )
    .into_bytes()
}

#[test]
fn control_characters_in_a_message_never_reach_the_output() {
    let person = Person::set_up();
    person.lab.deliver(&person.address, &hostile()).unwrap();
    person.sync();
    let id = person.only(&["trap"]);
    for args in [
        &["list"][..],
        &["list", "--color=always", "--ids"],
        &["search", "trap"],
        &["read", &id],
        &["read", "--text", &id],
        &["read", "--html", &id],
        &["read", "--headers", &id],
        &["list", "--json"],
        &["list", "--jsonl"],
        &["read", "--json", &id],
        &["save", &id],
        &["save", "--json", &id],
        &["sync"],
        &["sync", "-v"],
    ] {
        let ran = person.run(args).succeeded();
        is_harmless(&ran);
    }
    let text = person.text(&["read", &id]);
    assert!(text.contains("trap") && text.contains("body"), "what is harmless stays: {text}");
    for entry in std::fs::read_dir(person.home()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{name:?}");
    }
    assert!(person.raw(&id).windows(3).any(|bytes| bytes == b"\x1b[2"), "raw is raw");
}

#[test]
fn control_characters_in_the_name_of_a_mailbox_never_reach_the_output() {
    let person = Person::set_up();
    let name = "trap\u{9b}31m\u{202e}x";
    person.lab.doveadm(&["mailbox", "create", "-u", &person.address, name]).unwrap();
    person.lab.save(&person.address, name, &crate::sync::message("inside")).unwrap();
    let ran = person.run(&["sync"]).succeeded();
    assert!(ran.text().contains("trap"), "{ran}");
    is_harmless(&ran);
    is_harmless(&person.run(&["sync", "--json"]).succeeded());
    is_harmless(&person.run(&["list", "--json"]).succeeded());
}

#[test]
fn what_a_person_typed_comes_back_harmless_too() {
    let person = Person::set_up();
    person.lab.deliver(&person.address, &crate::sync::message("one")).unwrap();
    person.sync();
    for args in [&["read", "\x1b[2Jx"][..], &["read", "./\x1b[2Jx"], &["search", "before:\x1b[2J"]] {
        let ran = person.run(args);
        assert_ne!(ran.status, 0, "{ran}");
        is_harmless(&ran);
    }
}

#[test]
fn a_header_without_end_and_parts_without_number_are_read_in_time() {
    let person = Person::set_up();
    let mut deep = String::from("Subject: deep\r\nMIME-Version: 1.0\r\n");
    for level in 0..2000 {
        deep.push_str(&format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n"));
    }
    let wide = format!("Subject: wide\r\nTo: {}\r\n\r\nwide\r\n", "a@mx.test,\r\n ".repeat(20_000));
    let empty = b"\r\n";
    let no_body = b"Subject: nobody\r\n";
    let zero = b"Subject: zero\r\n\r\n\x00\x01\xff\xfe\r\n";
    for message in [deep.as_bytes(), wide.as_bytes(), empty, no_body, zero] {
        person.lab.save(&person.address, "INBOX", message).unwrap();
    }
    person.sync();
    let rows = person.list(&[]);
    assert_eq!(rows.len(), 5);
    for row in rows {
        let id = row["id"].as_str().unwrap();
        is_harmless(&person.run(&["read", id]).succeeded());
        person.json(&["read", id]);
        assert_eq!(person.raw(id).len() as u64, row["size"].as_u64().unwrap());
    }
}
