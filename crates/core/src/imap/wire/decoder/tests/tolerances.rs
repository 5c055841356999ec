//! One transcript for each tolerance: what the servers named at [`Quirk`] send, and what is read of it.

use super::*;
use std::collections::BTreeSet;

/// A stream, the quirks it needs, and what must come of it.
type Case = (&'static str, &'static [Quirk], fn(&[Response]) -> bool);

fn fetched(responses: &[Response], check: impl Fn(&FetchRow) -> bool) -> bool {
    matches!(responses, [Response::Fetch(row)] if check(row))
}

fn listed(responses: &[Response], name: &str) -> bool {
    matches!(responses, [Response::List(entry)] if entry.mailbox.name.as_str() == name)
}

fn gone(responses: &[Response], uids: &str) -> bool {
    matches!(responses, [Response::Vanished { uids: found, .. }] if found.to_string() == uids)
}

const CASES: &[Case] = &[
    ("[COPYUID 55 31 6]\r\n", &[Quirk::BareCode], |r| {
        matches!(r, [Response::Status { tag: None, status: Status::Ok, code: Some(Code::CopyUid(..)), .. }])
    }),
    ("* 5 EXISTS\n", &[Quirk::BareLineFeed], |r| r == [Response::Exists(5)]),
    ("* OK\r\n", &[Quirk::BareStatus], |r| matches!(r, [Response::Status { status: Status::Ok, .. }])),
    ("a1 OK\r\n", &[Quirk::BareStatus], |r| matches!(r, [Response::Status { tag: Some(_), .. }])),
    // Quotation marks inside a quoted string (QQ): what follows the damage is read all the same.
    (
        "* 3 FETCH (UID 7 ENVELOPE (NIL \"see \"this (one\"\" \"<1@y>\") FLAGS (\\Seen) RFC822.SIZE 12)\r\n",
        &[Quirk::DamagedRow],
        |r| {
            fetched(r, |row| {
                row.damaged
                    && row.uid == Uid::new(7)
                    && row.size == Some(12)
                    && row.flags.as_ref().is_some_and(|flags| flags.contains("\\Seen"))
            })
        },
    ),
    // Damage takes nothing from what came before it.
    ("* 3 FETCH (UID 7 X (\"a\"\"b\" UID 9 FLAGS (\\Deleted))\r\n", &[Quirk::DamagedRow], |r| {
        fetched(r, |row| row.damaged && row.uid == Uid::new(7))
    }),
    (
        "a1 OK [COPYUID 9 4:2 8:6] done\r\n",
        &[Quirk::DescendingRange],
        |r| matches!(r, [Response::Status { code: Some(Code::CopyUid(_, from, _)), .. }] if from.to_string() == "2:4"),
    ),
    ("* VANISHED 9:7\r\n", &[Quirk::DescendingRange], |r| gone(r, "7:9")),
    // DavMail, QQ
    ("* 1 FETCH (UID 5  FLAGS (\\Seen ) )\r\n", &[Quirk::ExtraSpace], |r| {
        fetched(r, |row| row.uid == Uid::new(5) && row.flags.as_ref().is_some_and(|f| f.contains("\\Seen")))
    }),
    ("*  1 FETCH (UID 5)\r\n", &[Quirk::ExtraSpace], |r| fetched(r, |row| row.uid == Uid::new(5))),
    // Domino: 3 octets announced, 5 sent.
    (
        "* 1 FETCH (UID 5 BODY[] {3}\r\nabcde FLAGS ())\r\n",
        &[Quirk::LiteralLength, Quirk::MissingSpace, Quirk::DamagedRow],
        |r| {
            fetched(r, |row| {
                row.damaged && row.uid == Uid::new(5) && row.body == Some(BodyContent::Streamed(3))
            })
        },
    ),
    (
        "* LIST () \"/\" \"&BBA&-\"\r\n",
        &[Quirk::MailboxName],
        |r| matches!(r, [Response::List(entry)] if super::super::super::encode_name(entry.mailbox.name.as_str(), false) == b"&BBA&-"),
    ),
    ("* 1 FETCH (MODSEQ (5)UID 7)\r\n", &[Quirk::MissingSpace], |r| {
        fetched(r, |row| row.uid == Uid::new(7) && row.mod_seq == ModSeq::new(5) && !row.damaged)
    }),
    // Yandex, for a part without content
    ("* 1 FETCH (UID 7 BODY[2] )\r\n", &[Quirk::MissingValue], |r| {
        fetched(r, |row| row.uid == Uid::new(7) && row.body == Some(BodyContent::Nil) && !row.damaged)
    }),
    // iCloud
    (
        "* ESEARCH (TAG \"a1\") UID MIN\r\n",
        &[Quirk::MissingValue],
        |r| matches!(r, [Response::ESearch(found)] if found.uid && found.min.is_none()),
    ),
    ("* 1 FETCH (UID 0 RFC822.SIZE -1 FLAGS ())\r\n", &[Quirk::Number], |r| {
        fetched(r, |row| row.uid.is_none() && row.size.is_none() && row.flags.is_some() && !row.damaged)
    }),
    ("* 1 FETCH (UID 5 MODSEQ (-1))\r\n", &[Quirk::Number], |r| {
        fetched(r, |row| row.uid == Uid::new(5) && row.mod_seq.is_none() && !row.damaged)
    }),
    (
        "* OK [UIDVALIDITY 0] valid\r\n",
        &[Quirk::Number],
        |r| matches!(r, [Response::Status { code: Some(Code::Other(name, _)), .. }] if name == "UIDVALIDITY"),
    ),
    (
        "* OK [HIGHESTMODSEQ 0] Highest\r\n",
        &[Quirk::Number],
        |r| matches!(r, [Response::Status { code: Some(Code::Other(name, _)), .. }] if name == "HIGHESTMODSEQ"),
    ),
    (
        "* FLAGS (\\Answered NIL \\ a]b \\Seen)\r\n",
        &[Quirk::OddFlag],
        |r| matches!(r, [Response::Flags(flags)] if flags.names().collect::<Vec<_>>() == ["\\Answered", "\\Seen", "a]b"]),
    ),
    (
        "* BYE Auf Wiedersehen, schöner Tag\r\n",
        &[Quirk::RawEightBit],
        |r| matches!(r, [Response::Status { status: Status::Bye, text, .. }] if text.contains("schöner")),
    ),
    ("* 1 FETCH (ENVELOPE (NIL \"Grüße\") UID 7)\r\n", &[Quirk::RawEightBit], |r| {
        fetched(r, |row| row.uid == Uid::new(7) && !row.damaged)
    }),
    ("* VANISHED 5:*\r\n", &[Quirk::StarInSet], |r| gone(r, "5:4294967295")),
    // iCloud
    ("* VANISHED (EARLIER) 1:3,,7:,x,9\r\n", &[Quirk::UidSet], |r| gone(r, "1:3,9")),
    ("* VANISHED (EARLIER)5\r\n", &[Quirk::MissingSpace], |r| gone(r, "5")),
    ("* 1 FETCH (UID 7 EMAILID M1 THREADID (\"T1\"))\r\n", &[Quirk::UnquotedId], |r| {
        fetched(r, |row| row.email_id.as_deref() == Some("M1") && row.thread_id.as_deref() == Some("T1"))
    }),
    ("* LIST (\\HasNoChildren) \"/\" Deleted Items (old)\r\n", &[Quirk::UnquotedName], |r| {
        listed(r, "Deleted Items (old)")
    }),
    (
        "* STATUS Deleted Items (MESSAGES 4 MAILBOXID (F2))\r\n",
        &[Quirk::UnquotedName],
        |r| matches!(r, [Response::MailboxStatus(status)] if status.name.as_str() == "Deleted Items" && status.messages == Some(4)),
    ),
    ("[ALERT] x\r\n", &[Quirk::Unknown], |r| matches!(r, [Response::Unknown { .. }])),
    ("* XYZZY {3}\r\nabc (\r\n", &[Quirk::Unknown], |r| matches!(r, [Response::Unknown { .. }])),
];

#[test]
fn every_tolerance_reads_what_its_servers_send() {
    let mut seen = BTreeSet::new();
    for (stream, expected, check) in CASES {
        let (responses, bodies, quirks) = decode(stream.as_bytes(), &[usize::MAX]);
        assert_eq!(quirks, *expected, "{stream}");
        assert!(check(&responses), "{stream}: {responses:?}");
        assert_eq!(decode(stream.as_bytes(), &[1]), (responses, bodies, quirks), "in single bytes: {stream}");
        seen.extend(*expected);
    }
    assert_eq!(seen, BTreeSet::from(Quirk::ALL), "each has its transcript");
    let names: BTreeSet<&str> = Quirk::ALL.into_iter().map(Quirk::as_str).collect();
    assert_eq!(names.len(), Quirk::ALL.len(), "each has a name of its own");
}

#[test]
fn what_only_looks_odd_needs_no_tolerance() {
    for line in [
        // Exchange: brackets at the end of the text are no code.
        "* OK The service is ready. [RgBSADMA==]",
        "* OK [CAPABILITY IMAP4rev1 IMAPSIEVE=sieve://127.0.0.1:4190] ready",
        "* NO [WEBALERT https://accounts.example.org/x?a=1&b={2}] Web login required.",
        "* OK [PERMANENTFLAGS (\\Answered OIB-[Gmail]/All Mail \\*)] Flags permitted.",
        "* OK [UNSEEN 27]",
        // mail.ru
        "* 1 FETCH (UID 5 BODYSTRUCTURE (\"text\" \"plain\" (\"boundary\" NIL) NIL NIL \"7bit\" 1 2))",
        "* 1 FETCH (UID 5 BODYSTRUCTURE (\"x\" \"y\" NIL NIL NIL \"BASE64\" 9.3736e+06 NIL \"inline\" () -1))",
        "* 1 FETCH (UID 5 PREVIEW NIL SAVEDATE NIL THREADID NIL EMAILID (M1))",
        "* 1 FETCH (UID 5 X-GM-LABELS (NIL \\Inbox \"\\\\Sent\"))",
        "* STATUS \"INBOX\" ()",
        "* STATUS INBOX (MESSAGES 3 DELETED 1 DELETED-STORAGE 900 UNSEEN 2 RECENT 0)",
        "* capability imap4rev1 starttls",
        "* List (\\HasNoChildren) \"/\" \"INBOX\"",
        "* ESEARCH (TAG \"A1\") UID ALL 1:5 MODSEQ 1028614",
        "+",
        "+ VXNlciBOYW1lAA==",
    ] {
        let (responses, _, quirks) = decode(format!("{line}\r\n").as_bytes(), &[usize::MAX]);
        assert_eq!((responses.len(), &quirks[..]), (1, &[][..]), "{line}: {responses:?}");
    }
}

/// sohu.com answers NAMESPACE under the name of CAPABILITY.
#[test]
fn a_namespace_under_the_name_of_capability_replaces_no_capabilities() {
    assert!(matches!(one("* CAPABILITY ((\"\" \"/\")) NIL NIL"), Response::Unknown { .. }));
}

/// A label or a flag may end like a section; only `BODY[…]` announces a message.
#[test]
fn a_literal_after_a_label_with_brackets_is_no_message() {
    for head in ["X-GM-LABELS (x[y]", "X-GM-LABELS (BODYX[]", "FLAGS (a] b]"] {
        let (responses, bodies, _) =
            decode(format!("* 1 FETCH ({head} {{2}}\r\nab) UID 3)\r\n").as_bytes(), &[1]);
        assert!(bodies.is_empty(), "{head}");
        assert!(
            matches!(&responses[0], Response::Fetch(row) if row.uid == Uid::new(3)),
            "{head}: {responses:?}"
        );
    }
}

/// A list with holes would look like messages that are gone.
#[test]
fn a_search_result_that_cannot_be_read_is_no_result() {
    for line in
        ["* ESEARCH (TAG \"a1\") UID ALL 1:4,x", "* ESEARCH UID ALL 5:*", "* ESEARCH UID PARTIAL (1:2 4,)"]
    {
        assert!(matches!(one(line), Response::Unknown { .. }), "{line}");
    }
}
