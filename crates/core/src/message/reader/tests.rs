//! What a person reads of messages of every kind.

use super::super::{ProtectionMethod, WarningKind, cms};
use super::*;

fn read(message: &str) -> Reading {
    Reading::read(message.replace('\n', "\r\n").as_bytes(), 72)
}

fn alternative(plain: &str, html: &str) -> String {
    format!(
        "Content-Type: multipart/alternative; boundary=A\n\n--A\n\n{plain}\n--A\nContent-Type: text/html\n\n{html}\n--A--\n"
    )
}

#[test]
fn a_plain_message_reads_as_it_is() {
    let found = read(
        "From: A <a@b.example>\nBcc: c@d.example\nList-Id: L <l.example>\nSubject: x\n\n  Hello\n\nBob\n",
    );
    assert_eq!(found.text, "  Hello\n\nBob\n");
    assert_eq!((found.from.len(), found.bcc.len(), found.list_id.as_deref()), (1, 1, Some("L <l.example>")));
    assert_eq!((found.html, found.damaged), (None, vec![]));
    assert_eq!(found.parts.len(), 1);
    assert_eq!((found.parts[0].part.as_str(), found.parts[0].size), ("1", 16));
}

#[test]
fn the_plain_alternative_is_preferred_when_it_says_something() {
    let found =
        read(&alternative("Dear Bob, all is well here.", "<p>Dear <b>Bob</b>, all is well here.</p>"));
    assert_eq!(found.text, "Dear Bob, all is well here.\n");
    assert_eq!(found.html.as_deref(), Some("<p>Dear <strong>Bob</strong>, all is well here.</p>"));
}

#[test]
fn an_empty_or_fake_plain_alternative_gives_way_to_the_html() {
    let html = format!("<p>{}</p>", "The message itself. ".repeat(10));
    for plain in [
        "",
        "  \n\n",
        "Your client does not support HTML.",
        "To view this email in your browser, go to https://example.org/x",
        "https://example.org/view?1",
    ] {
        assert!(read(&alternative(plain, &html)).text.starts_with("The message itself."), "{plain}");
    }
    assert_eq!(
        read(&alternative("I sent the HTML page.", "<p>I sent the HTML page.</p>")).text,
        "I sent the HTML page.\n"
    );
    assert_eq!(read(&alternative("Yes, do that.", "<img src=x>")).text, "Yes, do that.\n");
}

#[test]
fn html_inside_related_is_found_beside_its_pictures() {
    let message = "Content-Type: multipart/related; boundary=R\n\n--R\nContent-Type: text/html; charset=iso-8859-1\n\
            Content-Transfer-Encoding: quoted-printable\n\n<p>gr=FCn <img src=3D\"cid:x\" alt=3Dlogo></p>\n--R\n\
            Content-Type: image/png; name=l.png\nContent-ID: <x>\nContent-Transfer-Encoding: base64\n\niVBORw==\n--R--\n";
    let found = read(message);
    assert_eq!(found.text, "grün [logo]\n");
    assert_eq!(found.parts[1].cid.as_deref(), Some("x"));
    assert_eq!(found.parts[1].size, 4);
    assert_eq!(Searchable::read(message.as_bytes()).attachments, 0);
}

#[test]
fn attachments_are_counted_named_and_taken_out() {
    let message = "Content-Type: multipart/mixed; boundary=M\n\n--M\n\nsee below\n--M\n\
            Content-Type: application/pdf; name=\"../a.pdf\"\nContent-Transfer-Encoding: base64\n\nJVBERg==\n--M\n\
            Content-Type: text/plain\nContent-Disposition: attachment; filename=b.txt\n\nnot shown\n--M\n\
            Content-Type: message/rfc822\n\nSubject: inner\nFrom: Bob <b@c.example>\n\nhello inside\n--M--\n";
    let found = read(message);
    assert_eq!(
        found.text,
        "see below\n\n--- Attached message\nFrom: Bob <b@c.example>\nSubject: inner\n\nhello inside\n"
    );
    let found = Searchable::read(message.as_bytes());
    assert_eq!(found.filenames, ["../a.pdf", "b.txt"]);
    assert_eq!((found.attachments, found.snippet.as_str()), (3, "see below inner Bob hello inside"));
    let pdf = Attachment::read(message.as_bytes(), "2").unwrap();
    assert_eq!((pdf.filename.as_str(), pdf.bytes.as_slice()), ("a.pdf", &b"%PDF"[..]));
    let inner = Attachment::read(message.as_bytes(), "4").unwrap();
    assert_eq!(inner.filename, "part-4.eml");
    assert_eq!(inner.bytes, b"Subject: inner\nFrom: Bob <b@c.example>\n\nhello inside");
    assert_eq!(Attachment::read(message.as_bytes(), "4.1").unwrap().bytes, b"hello inside");
    assert!(Attachment::read(message.as_bytes(), "9").is_none());
    assert!(Attachment::read(message.as_bytes(), "").is_none());
}

#[test]
fn a_search_knows_lists_links_and_invitations() {
    let seen = |message: &str| {
        let found = Searchable::read(message.as_bytes());
        (found.list, found.has_link, found.has_invite)
    };
    assert_eq!(
        seen("List-Id: The\n =?utf-8?q?b=C3=B6ats?= <boats.example.org>\n\nx"),
        ("The böats <boats.example.org>".into(), false, false)
    );
    assert_eq!(seen("\nsee https://example.org"), (String::new(), true, false));
    assert_eq!(seen("\nsee http or ftp://example.org"), (String::new(), false, false));
    let html = |body: &str| seen(&format!("Content-Type: text/html\n\n{body}")).1;
    assert!(html("<a class=x HREF = 'HTTPS://example.org/'>here</a>"));
    assert!(html("<a href=http://example.org>here</a>"));
    assert!(!html(
        "<html xmlns=\"http://www.w3.org/1999/xhtml\"><img src=\"https://example.org/p\"><a href=\"mailto:a@b.example\">write</a>"
    ));
    let parts = |inner: &str| {
        format!(
            "Content-Type: multipart/mixed; boundary=M\n\n--M\n\nsee below\n--M\nContent-Type: {inner}\n--M--\n"
        )
    };
    assert!(seen(&parts("text/calendar\n\nBEGIN:VCALENDAR")).2);
    assert!(
        !seen(&parts("message/rfc822\n\nList-Id: <x>\nContent-Type: text/calendar\n\nBEGIN:VCALENDAR")).2
    );
    assert_eq!(seen(&parts("message/rfc822\n\nList-Id: <x>\n\nhello")).0, "");
}

#[test]
fn signed_messages_show_what_was_signed() {
    let message = "Content-Type: multipart/signed; boundary=S\n\n--S\n\nsigned words\n--S\n\
            Content-Type: application/pgp-signature; name=s.asc\n\nxxx\n--S--\n";
    assert_eq!(read(message).text, "signed words\n");
    assert_eq!(Searchable::read(message.as_bytes()).attachments, 0);
}

#[test]
fn flowed_text_is_joined_for_reading() {
    let message = "Content-Type: text/plain; format=flowed\n\none \ntwo\n> a \n> b\n";
    assert_eq!(read(message).text, "one two\n> a b\n");
}

#[test]
fn damage_is_named() {
    let message =
        "Content-Type: text/plain; charset=nonsense\nContent-Transfer-Encoding: base64\n\naGVsb!G8=\n";
    let found = read(message);
    assert_eq!(found.text, "hello\n");
    assert_eq!(found.damaged, [Defect::Base64, Defect::Charset]);
    assert_eq!(read("no header here\n").damaged, [Defect::Header, Defect::NoHeader]);
    assert_eq!(serde_json::to_string(&Defect::QuotedPrintable).unwrap(), "\"quoted-printable\"");
}

#[test]
fn a_snippet_is_the_first_words_on_one_line() {
    let message = format!("\n> quoted\n\n-----\nHello\n\tthere {}\n", "word ".repeat(100));
    let found = Searchable::read(message.as_bytes());
    assert!(found.snippet.starts_with("Hello there word word"), "{}", found.snippet);
    assert!(found.snippet.len() <= SNIPPET && found.snippet.len() > SNIPPET - 10);
    assert_eq!(Searchable::read(format!("\n{}", "x".repeat(900)).as_bytes()).snippet.len(), SNIPPET);
}

#[test]
fn a_plain_alternative_much_shorter_than_the_html_gives_way() {
    let html = format!("<p>{}</p>", "All of what is said here. ".repeat(20));
    assert!(read(&alternative("Our news of this week", &html)).text.starts_with("All of what"));
    let source = format!("<html><body>{html}</body></html>");
    assert!(read(&alternative(&source, &html)).text.starts_with("All of what"));
    assert_eq!(read("Content-Type: text/plain\n\n<!doctype html><p>a <b>b</b>").text, "a b\n");
}

#[test]
fn the_text_of_related_parts_is_found_behind_its_pictures() {
    let message = "Content-Type: multipart/related; boundary=R\n\n--R\nContent-Type: image/png\n\nx\n--R\n\
            Content-Type: text/html\n\n<p>words</p>\n--R--\n";
    assert_eq!(read(message).text, "words\n");
}

#[test]
fn an_attached_message_comes_with_its_header() {
    let message = "Content-Type: message/rfc822\n\nFrom: Bob <b@c.example>\nTo: ann@example.org\n\
            Date: Tue, 5 Mar 2024 09:20:30 +0000\nSubject: =?utf-8?Q?gr=C3=BCn?=\n\nhello\n";
    assert_eq!(
        read(message).text,
        "--- Attached message\nFrom: Bob <b@c.example>\nTo: ann@example.org\n\
             Date: Tue, 5 Mar 2024 09:20:30 +0000\nSubject: grün\n\nhello\n"
    );
}

#[test]
fn an_encoded_attached_message_is_opened() {
    // `Subject: in`, an empty line, `hello`.
    let message =
        "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogaW4KCmhlbGxv\n";
    let found = read(message);
    assert_eq!(found.text, "--- Attached message\nSubject: in\n\nhello\n");
    let parts: Vec<_> = found.parts.iter().map(|p| (p.part.as_str(), p.kind.as_str())).collect();
    assert_eq!(parts, [("1", "message/rfc822"), ("1.1", "text/plain")]);
    assert_eq!(Attachment::read(message.as_bytes(), "1.1").unwrap().bytes, b"hello");
    assert_eq!(Searchable::read(message.as_bytes()).text, "in\n\nhello\n");
    assert!(Attachment::read(message.as_bytes(), "1.2").is_none());
}

#[test]
fn messages_encoded_in_each_other_are_opened_so_far() {
    let mut message = b"\n\nhello".to_vec();
    for _ in 0..20 {
        let inner: Vec<u8> = message.iter().flat_map(|b| format!("={b:02X}").into_bytes()).collect();
        message = b"Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n".to_vec();
        message.extend(inner);
        if message.len() > 1_000_000 {
            break;
        }
    }
    let found = Reading::read(&message, 72);
    assert!(found.parts.len() <= MAX_CONTAINERS + 1, "{}", found.parts.len());
}

fn winmail() -> Vec<u8> {
    let head = b"Content-Type: multipart/mixed; boundary=M\n\n--M\n\n\n--M\n\
            Content-Type: application/octet-stream; name=winmail.dat\n\n";
    [&head[..], &super::super::tnef::tests::sample(), b"\n--M--\n"].concat()
}

#[test]
fn outlooks_container_is_opened() {
    let message = winmail();
    let found = Reading::read(&message, 72);
    assert_eq!((found.text.as_str(), found.damaged.as_slice()), ("Grüße\n", &[][..]));
    let parts: Vec<_> =
        found.parts.iter().map(|p| (p.part.as_str(), p.filename.as_deref().unwrap_or("-"))).collect();
    assert_eq!(
        parts,
        [("1", "-"), ("2", "winmail.dat"), ("2.1", "-"), ("2.2", "grün.txt"), ("2.3", "b.bin")]
    );
    let file = Attachment::read(&message, "2.2").unwrap();
    assert_eq!(
        (file.filename.as_str(), file.kind.as_str(), file.bytes.as_slice()),
        ("grün.txt", "text/x-note", &b"one"[..])
    );
    assert_eq!(Attachment::read(&message, "2.1").unwrap().filename, "part-2.1.txt");
    let found = Searchable::read(&message);
    assert_eq!((found.attachments, found.text.as_str()), (2, "Grüße\n"));
    assert_eq!(found.filenames, ["winmail.dat", "grün.txt", "b.bin"]);
    let broken = read("Content-Type: application/ms-tnef\n\nno container\n");
    assert_eq!(broken.damaged, [Defect::Tnef]);
}

#[test]
fn a_delivery_report_is_said_in_words_before_the_servers_text() {
    let message = "Content-Type: multipart/report; report-type=delivery-status; boundary=R\n\n--R\n\nSorry.\n--R\n\
            Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\n\
            Final-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 full\n\n--R\n\
            Content-Type: text/rfc822-headers\n\nSubject: Tea\nReceived: x\n\n--R--\n";
    let found = read(message);
    assert_eq!(
        found.text,
        "Not delivered to bob@example.net: the mailbox is full.\n  mx.example.org said: 552 full\n\
             \x20 What to do: Try again in some days, or reach the person another way.\n\n\
             Sorry.\n\n--- Attached message\nSubject: Tea\n"
    );
    assert_eq!(found.report.unwrap().recipients[0].status.as_deref(), Some("5.2.2"));
    // An answer quotes what was written, not what was made of it.
    assert!(Reading::without_cards(message.as_bytes(), 72, &[]).text.starts_with("Sorry."));
}

#[test]
fn an_invitation_is_a_card_before_the_text() {
    let event = "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:1\nSUMMARY:Tea\nDTSTART:20240305T100000Z\n\
            DESCRIPTION:Bring cake\nEND:VEVENT\nEND:VCALENDAR\n";
    let alone = read(&format!("Content-Type: text/calendar; method=REQUEST\n\n{event}"));
    assert_eq!(alone.text, "Invitation: Tea\n  When:      Tue 2024-03-05 10:00 (UTC)\n\nBring cake\n");
    let message = format!(
        "Content-Type: multipart/mixed; boundary=M\n\n--M\nContent-Type: multipart/alternative; boundary=A\n\n\
             --A\n\nPlease come.\n--A\nContent-Type: text/calendar; method=REQUEST\n\n{event}--A--\n--M\n\
             Content-Type: application/ics; name=invite.ics\n\n{event}--M--\n"
    );
    let found = read(&message);
    assert_eq!(found.text, "Invitation: Tea\n  When:      Tue 2024-03-05 10:00 (UTC)\n\nPlease come.\n");
    assert_eq!(found.events.len(), 1);
}

#[test]
fn signed_and_encrypted_messages_are_named() {
    let of = |message: &str| {
        let found = read(message);
        let list: Vec<_> = found.protection.iter().map(|p| (p.state, p.method, p.part.clone())).collect();
        (list, found.text)
    };
    let part = |kind: &str| format!("Content-Type: {kind}\n\nxx\n");
    let two = |kind: &str, one: &str, other: &str| {
        format!("Content-Type: {kind}; boundary=B\n\n--B\n{}--B\n{}--B--\n", part(one), part(other))
    };
    let (list, text) = of(&two("multipart/signed", "text/plain", "application/pgp-signature"));
    assert_eq!(list, [(Protected::Signed, ProtectionMethod::PgpMime, "2".to_owned())]);
    assert_eq!(text, "xx\n");
    let (list, text) =
        of(&two("multipart/encrypted", "application/pgp-encrypted", "application/octet-stream"));
    assert_eq!(list, [(Protected::Encrypted, ProtectionMethod::PgpMime, "2".to_owned())]);
    assert!(text.contains("encrypted with PGP/MIME") && text.contains("part 2"), "{text}");
    let (list, text) = of(&part("application/pkcs7-mime; smime-type=enveloped-data"));
    assert_eq!(list, [(Protected::Encrypted, ProtectionMethod::SMime, "1".to_owned())]);
    assert!(text.contains("S/MIME"));
    let (list, text) = of(&part("application/x-pkcs7-mime; smime-type=signed-data"));
    assert_eq!(list, [(Protected::Signed, ProtectionMethod::SMime, "1".to_owned())]);
    assert!(text.contains("signed with S/MIME"));
    let (list, _) = of("Subject: x\n\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nhi\n");
    assert_eq!(list, [(Protected::Signed, ProtectionMethod::PgpInline, "1".to_owned())]);
    assert_eq!(of("Subject: x\n\n> -----BEGIN PGP MESSAGE-----\n").0, []);
}

#[test]
fn fields_that_stand_twice_and_dates_nobody_reads_are_told() {
    let found = read("From: a@b.example\nFrom: c@d.example\nDate: soon\n\nx\n");
    assert_eq!(found.damaged, [Defect::DuplicateField, Defect::Date]);
    assert_eq!(found.from[0].address, "a@b.example");
}

#[test]
fn what_may_deceive_is_told() {
    let found = read(
        "From: \"service@bank.example\" <x@evil.example>\nSubject: a\u{202e}b\nContent-Type: text/html; charset=utf-8\n\n\
             <a href='http://evil.example/'>https://bank.example</a>\n",
    );
    let kinds: Vec<_> = found.warnings.iter().map(|w| (w.kind, w.place)).collect();
    assert_eq!(
        kinds,
        [
            (WarningKind::NameShowsAnotherAddress, "from"),
            (WarningKind::HiddenCharacters, "subject"),
            (WarningKind::LinkShowsAnotherHost, "link"),
        ]
    );
}

#[test]
fn a_plain_alternative_of_a_few_words_gives_way_to_much_html() {
    let html = "<p>Your reservation number is QX-88712, for two nights in a room with a view of the lake, from \
        Friday to Sunday; breakfast is served until ten.</p>";
    for plain in [".", "Sent from my phone", "Your invoice is ready.", "Weekly News"] {
        let message = alternative(plain, html);
        assert!(read(&message).text.contains("QX-88712"), "{plain}");
        let found = Searchable::read(message.as_bytes()).text;
        assert!(found.contains("QX-88712") && found.contains(plain), "{found}");
    }
    let short = read(&alternative("Yes, at ten.", "<p><b>Yes</b>, at ten.</p>"));
    assert_eq!(short.text.trim(), "Yes, at ten.");
}

#[test]
fn a_picture_inside_of_a_tag_hides_nothing_and_html_that_is_cut_says_so() {
    let picture =
        format!("<p>first</p><img src=\"data:image/png;base64,{}\"><p>last</p>", "A".repeat(5_000_000));
    let found = Reading::read(format!("Content-Type: text/html\n\n{picture}\n").as_bytes(), 72);
    assert!(found.text.contains("last"), "{}", found.text);
    assert_eq!(found.damaged, []);
    let words = "<p>words and words</p>\n".repeat(200_000);
    let found = Reading::read(format!("Content-Type: text/html\n\n{words}\n").as_bytes(), 72);
    assert_eq!(found.damaged, [Defect::TextTooLarge]);
}

#[test]
fn a_mark_of_the_byte_order_is_no_part_of_the_header() {
    let found = Reading::read(b"\xef\xbb\xbfFrom: bom@example.org\nSubject: bom\n\nhello\n", 72);
    assert_eq!(found.damaged, []);
    assert_eq!(found.text.trim(), "hello");
    let summary = Summary::read(b"\xef\xbb\xbfFrom: bom@example.org\nSubject: bom\n\nhello\n");
    assert_eq!(summary.from.first().map(|from| from.address.as_str()), Some("bom@example.org"));
}

#[test]
fn text_without_end_is_cut_and_that_is_told() {
    let message = format!("Subject: x\n\n{}", "words and words\n".repeat(MAX_TEXT / 16 + 10));
    let found = Reading::read(message.as_bytes(), 72);
    assert_eq!(found.damaged, [Defect::TextTooLarge]);
    assert!(found.text.len() <= MAX_TEXT + 1);
}

#[test]
fn deep_messages_are_read_in_bounded_time_and_depth() {
    let deep = "Content-Type: message/rfc822\n\n".repeat(50_000);
    let found = Reading::read(deep.as_bytes(), 72);
    assert!(found.damaged.contains(&Defect::TooDeep));
    assert!(found.parts.len() < 100);
}

#[test]
fn of_a_beginning_the_part_that_it_ends_in_is_marked_as_cut() {
    let part = |name: &str| {
        format!(
            "--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename={name}\r\n\r\n{}\r\n",
            "x".repeat(300)
        )
    };
    let head = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello.\r\n";
    let whole = [head, &part("one.pdf"), &part("two.pdf"), "--b--\r\nafter\r\n"].concat();
    let cut_at = |octets: usize| {
        let reading = Reading::read_beginning(&whole.as_bytes()[..octets], 78, &[]).unwrap();
        reading.parts.iter().map(|part| (part.part.clone(), part.size, part.cut)).collect::<Vec<_>>()
    };
    let list = |parts: &[(&str, usize, bool)]| {
        parts.iter().map(|(part, size, cut)| ((*part).to_owned(), *size, *cut)).collect::<Vec<_>>()
    };
    let first = whole.find("xxx").unwrap();
    let second = whole.rfind("xxx").unwrap() + 3;
    assert_eq!(cut_at(first + 100), list(&[("1", 6, false), ("2", 100, true)]));
    let all = [("1", 6, false), ("2", 300, false), ("3", 200, true)];
    assert_eq!(cut_at(second - 100), list(&all));
    // Nothing but what follows the message's own end is missing.
    let all = [("1", 6, false), ("2", 300, false), ("3", 300, false)];
    assert_eq!(cut_at(whole.len() - 3), list(&all));
    assert!(Reading::read(whole.as_bytes(), 78).parts.iter().all(|part| !part.cut));
}

/// An opaque S/MIME message around a part.
fn opaque(inside: &[u8], head: &str) -> Vec<u8> {
    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD.encode(inside);
    let lines: Vec<&str> = encoded.as_bytes().chunks(76).map(|l| std::str::from_utf8(l).unwrap()).collect();
    format!(
        "Subject: sealed\n{head}\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=smime.p7m\n\n{}\n",
        lines.join("\n")
    )
    .into_bytes()
}

const SMIME: &str = "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m";

const INSIDE: &str = "Content-Type: multipart/mixed; boundary=I\r\n\r\n--I\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
    Grüße\r\n--I\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n\
    UID:1\r\nSUMMARY:Tea\r\nDTSTART:20240305T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n\
    --I\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment\r\n\r\nPDF\r\n--I--\r\n";

#[test]
fn what_is_inside_its_signature_is_read_like_any_message() {
    for head in [SMIME, "Content-Type: application/x-pkcs7-mime; name=smime.p7m"] {
        let message = opaque(&cms::tests::signed(INSIDE.as_bytes()), head);
        let found = Reading::read(&message, 72);
        assert!(found.text.ends_with("\n\nGrüße\n") && found.text.contains("Tea"), "{}", found.text);
        assert_eq!((found.subject.as_str(), found.damaged.as_slice()), ("sealed", &[][..]));
        assert_eq!(found.events.len(), 1);
        let protection: Vec<_> =
            found.protection.iter().map(|p| (p.state, p.part.as_str(), p.verified)).collect();
        assert_eq!(protection, [(Protected::Signed, "1", false)]);
        let parts: Vec<_> = found.parts.iter().map(|p| (p.part.as_str(), p.kind.as_str())).collect();
        assert_eq!(
            parts,
            [
                ("1", head.split([' ', ';']).nth(1).unwrap()),
                ("1.1", "text/plain"),
                ("1.2", "text/calendar"),
                ("1.3", "application/pdf")
            ]
        );
        let file = Attachment::read(&message, "1.3").unwrap();
        assert_eq!((file.filename.as_str(), file.bytes.as_slice()), ("a.pdf", &b"PDF"[..]));
        let words = Searchable::read(&message);
        assert_eq!(words.text, "Grüße\n");
        assert!(words.filenames.contains(&"a.pdf".to_owned()), "{:?}", words.filenames);
    }
}

#[test]
fn signatures_and_encryption_in_each_other_are_named() {
    // Signed, encrypted, signed (RFC 2634, section 1.1): only the outermost can be opened.
    let inside =
        opaque(&cms::tests::enveloped(), "Content-Type: application/pkcs7-mime; smime-type=enveloped-data");
    let inside = [&b"MIME-Version: 1.0\n"[..], &inside].concat();
    let found = Reading::read(&opaque(&cms::tests::signed(&inside), SMIME), 72);
    let protection: Vec<_> = found.protection.iter().map(|p| (p.state, p.part.as_str())).collect();
    assert_eq!(protection, [(Protected::Signed, "1"), (Protected::Encrypted, "1.1")]);
    assert!(
        found.text.contains("encrypted with S/MIME") && found.text.contains("part 1.1"),
        "{}",
        found.text
    );
    assert_eq!(found.damaged, []);
    // What it says it is does not count, what it is does.
    let head = "Content-Type: application/pkcs7-mime; smime-type=signed-data";
    assert_eq!(
        Reading::read(&opaque(&cms::tests::enveloped(), head), 72).protection[0].state,
        Protected::Encrypted
    );
    // In each other without end.
    let mut message = b"Content-Type: text/plain\n\ndeep".to_vec();
    for _ in 0..10 {
        message = opaque(&cms::tests::signed(&message), SMIME);
    }
    let found = Reading::read(&message, 72);
    assert!(found.parts.len() <= MAX_CONTAINERS + 1, "{}", found.parts.len());
    assert!(found.text.contains("signed with S/MIME"), "{}", found.text);
}

#[test]
fn a_signed_file_is_an_attachment() {
    let head = "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=\"contract.pdf.p7m\"";
    let found = Reading::read(&opaque(&cms::tests::signed(b"%PDF-1.7 \x01\x02"), head), 72);
    assert_eq!((found.parts.len(), found.damaged.as_slice()), (1, &[][..]));
    assert_eq!(found.protection[0].state, Protected::Signed);
    assert!(!found.text.contains("PDF"), "{}", found.text);
}

#[test]
fn a_damaged_signature_shows_what_is_there_and_is_named() {
    let whole = cms::tests::signed(INSIDE.as_bytes());
    let cut = INSIDE.find("--I--").unwrap();
    let found = Reading::read(&opaque(&whole[..cut], SMIME), 72);
    assert!(found.text.contains("Grüße"), "{}", found.text);
    assert!(found.damaged.contains(&Defect::SMime), "{:?}", found.damaged);
    for (bytes, head) in [
        (&b"no such thing"[..], SMIME),
        (b"", SMIME),
        (&cms::tests::enveloped()[..20], "Content-Type: application/pkcs7-mime; smime-type=enveloped-data"),
        (b"x", "Content-Type: application/pkcs7-mime"),
    ] {
        let found = Reading::read(&opaque(bytes, head), 72);
        assert_eq!(found.damaged, [Defect::SMime], "{head}");
        assert!(found.text.contains("S/MIME"), "{}", found.text);
    }
    // Of a signed text attached to another.
    let attached = format!(
        "Content-Type: multipart/mixed; boundary=M\n\n--M\n\nfirst\n--M\n{}\n--M\n\nlast\n--M--\n",
        String::from_utf8(opaque(&cms::tests::signed(b"Content-Type: text/html\n\n<b>second</b>"), SMIME))
            .unwrap()
    );
    assert_eq!(read(&attached).text, "first\n\nsecond\n\nlast\n");
}

#[test]
fn a_domain_that_looks_like_another_is_told_in_plain_text_too() {
    let shown = |text: &str| {
        let warnings = read(&format!("Content-Type: text/plain; charset=utf-8\n\n{text}\n")).warnings;
        warnings.into_iter().map(|w| (w.kind, w.place, w.actual)).collect::<Vec<_>>()
    };
    let apple = (WarningKind::LookAlikeDomain, "link", "xn--80ak6aa92e.com".to_owned());
    assert_eq!(
        shown("see <HTTPS://\u{430}\u{440}\u{440}\u{4cf}\u{435}.com/login>, and\nhttp://xn--80ak6aa92e.com."),
        [apple]
    );
    assert_eq!(shown("see https://example.com and ://x http:// https://пример.рф/"), []);
    assert!(shown(&"http://xn--80ak6aa92e.com ".repeat(100_000)).len() == 1);
}

#[test]
fn a_damaged_attachment_is_named() {
    let message = |encoding: &str, body: &str| {
        format!(
            "Content-Type: multipart/mixed; boundary=B\n\n--B\n\ntext\n--B\nContent-Type: application/pdf; name=a.pdf\n\
             Content-Transfer-Encoding: {encoding}\n\n{body}\n--B--\n"
        )
    };
    assert_eq!(read(&message("base64", "!!JVBE*Ri0x")).damaged, [Defect::Base64]);
    assert_eq!(read(&message("quoted-printable", "=ZZ")).damaged, [Defect::QuotedPrintable]);
    assert_eq!(read(&message("base64", "JVBERi0x")).damaged, []);
}

#[test]
fn what_was_to_be_told_in_words_and_cannot_be_read_is_shown_as_it_is() {
    for kind in ["message/delivery-status", "text/calendar; method=REQUEST"] {
        let message = format!("Content-Type: {kind}\n\nno fields here\n");
        let found = read(&message);
        assert_eq!(found.text, "no fields here\n", "{kind}");
        let page = super::super::Page::new(message.as_bytes(), &found, &[], false);
        assert!(page.html.contains("no fields here"), "{kind}");
        let two =
            format!("Content-Type: multipart/mixed; boundary=B\n\n--B\n\nhello\n--B\n{message}\n--B--\n");
        assert!(read(&two).text.starts_with("hello\n"), "{kind}");
    }
}

#[test]
fn a_message_of_pictures_alone_says_so() {
    let html = |html: &str| read(&format!("Content-Type: text/html\n\n{html}\n")).text;
    assert_eq!(html("<img src=cid:x><img src=http://x/y.png>"), "2 pictures, no text\n");
    assert_eq!(
        html("<a href=https://shop.example/buy><img src=x></a>"),
        "1 picture, no text\n\n[picture]\u{a0}[1]\n\n[1] https://shop.example/buy\n"
    );
    assert_eq!(html("<img src=x width=1 height=1>"), "");
    assert_eq!(html("<img src=x><p>Hello"), "Hello\n");
    assert_eq!(read("Content-Type: image/png\n\nPNG\n").text, "1 picture, no text\n");
    assert_eq!(Searchable::read(b"Content-Type: text/html\n\n<img src=x>").text, "");
    let signed = "Content-Type: multipart/mixed; boundary=A\n\n--A\n\nHello\n--A\nContent-Type: text/html\n\n<img src=x>\n--A--\n";
    assert_eq!(read(signed).text, "Hello\n");
}

#[test]
fn a_short_plain_part_that_asks_for_html_gives_way_to_it() {
    let html = "<p>Dear Ann, your booking 4711 is cancelled. Call us at 555 1234.</p>";
    for plain in [
        "This email requires an HTML capable mail reader. Please upgrade.",
        "Your mail program does not support HTML.",
        "Diese Nachricht ist im HTML-Format.",
        "Ce message est au format HTML.",
        "Este mensaje tiene formato HTML.",
        "このメールはHTML形式です。",
        "View in browser: https://example.org/view?1",
    ] {
        let found = read(&alternative(plain, html));
        assert!(found.text.starts_with("Dear Ann"), "{plain}: {}", found.text);
    }
    for (plain, html) in [
        ("It is in HTML format now.", "<p>It is in HTML format now.</p><p>Bob</p>"),
        ("Please send it in HTML format, Ann", "<img src=x>"),
    ] {
        assert_eq!(read(&alternative(plain, html)).text, format!("{plain}\n"));
    }
}

#[test]
fn what_only_the_plain_text_says_is_named_and_found() {
    let html = format!("<p>{}</p>", "The message itself. ".repeat(10));
    let plain = "This is HTML only. Write to help@shop.example or call 555 1234.";
    let message = alternative(plain, &html);
    let found = read(&message);
    assert!(found.text.starts_with("The message itself."));
    assert_eq!(found.other_text.as_deref(), Some("1"));
    let file = Attachment::read(message.as_bytes(), "1").unwrap();
    assert_eq!(file.bytes, plain.as_bytes());
    let words = Searchable::read(message.as_bytes());
    assert!(words.text.contains("help@shop.example") && words.text.contains("message itself"));
    assert!(words.snippet.starts_with("The message itself."));
    assert_eq!(read(&alternative("Your client does not support HTML.", &html)).other_text, None);
    assert_eq!(read(&alternative("Hello 1", "<p>Hello")).other_text, None);
}

#[test]
fn a_script_that_says_it_is_plain_text_is_shown_as_it_stands() {
    let script = "<html><script>alert(1)</script></html>\n";
    assert_eq!(read(&format!("Subject: x\n\n{script}")).text, script);
    assert_eq!(read("Subject: x\n\n<html><b>a</b></html>\n").text, "a\n");
}

#[test]
fn an_answer_that_goes_to_another_domain_is_told_but_not_of_lists() {
    let told = |header: &str| {
        let found =
            read(&format!("From: Bank <a@mail.bank.com>\nTo: me@example.org\n{header}\n\nx\n")).warnings;
        found.into_iter().map(|w| (w.kind, w.place, w.shown, w.actual)).collect::<Vec<_>>()
    };
    let warning =
        (WarningKind::AnswerGoesElsewhere, "reply-to", "mail.bank.com".to_owned(), "x@evil.org".to_owned());
    assert_eq!(told("Reply-To: x@evil.org"), [warning]);
    for header in [
        "Reply-To: b@bank.com",
        "Reply-To: me@example.org",
        "Reply-To: x@evil.org\nList-Id: <l.example>",
        "Reply-To: x@evil.org\nPrecedence: bulk",
        "X: y",
    ] {
        assert_eq!(told(header), [], "{header}");
    }
}

#[test]
fn a_date_that_cannot_be_read_is_there_as_it_stands() {
    let found = read("Date: Mon, 1 Jan 2024 25:61:00\n\nx\n");
    assert_eq!((found.date, found.date_text.as_deref()), (None, Some("Mon, 1 Jan 2024 25:61:00")));
    assert_eq!(found.damaged, [Defect::Date]);
    assert_eq!(read("Date: Mon, 1 Jan 2024 10:00:00 +0000\n\nx\n").date_text, None);
}
