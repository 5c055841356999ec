mod extensions;
mod limits;
mod tolerances;

use super::super::{BodyContent, Code, FetchRow, Status};
use super::*;
use crate::mail::{Flags, ModSeq, SpecialUse, Uid, UidSet};
use proptest::prelude::*;

/// Everything a stream holds, bodies joined, when it arrives in pieces of the given sizes.
fn decode(stream: &[u8], sizes: &[usize]) -> (Vec<Response>, Vec<Vec<u8>>, Vec<Quirk>) {
    let mut decoder = Decoder::default();
    let (mut responses, mut bodies) = (Vec::new(), Vec::new());
    let mut rest = stream;
    let mut sizes = sizes.iter().copied().cycle();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(sizes.next().unwrap_or(rest.len()).clamp(1, rest.len()));
        rest = after;
        let mut input = piece;
        while let Some(decoded) = decoder.poll(&mut input).unwrap() {
            match decoded {
                Decoded::BodyStart { .. } => bodies.push(Vec::new()),
                Decoded::BodyChunk(bytes) => bodies.last_mut().unwrap().extend_from_slice(bytes),
                Decoded::BodyEnd => {}
                Decoded::Response(response) => responses.push(response),
            }
        }
        assert!(input.is_empty(), "everything is taken");
    }
    assert!(decoder.is_idle(), "nothing is left half-read");
    (responses, bodies, decoder.quirks().to_vec())
}

fn one(line: &str) -> Response {
    let (mut responses, _, _) = decode(format!("{line}\r\n").as_bytes(), &[usize::MAX]);
    assert_eq!(responses.len(), 1, "{line}");
    responses.remove(0)
}

fn row(line: &str) -> FetchRow {
    match one(line) {
        Response::Fetch(row) => row,
        other => panic!("{line}: {other:?}"),
    }
}

fn uids(numbers: &[u32]) -> UidSet {
    numbers.iter().filter_map(|n| Uid::new(*n)).collect()
}

#[test]
fn status_responses_carry_their_code() {
    assert_eq!(
        one("a1 NO [AUTHENTICATIONFAILED] Authentication failed."),
        Response::Status {
            tag: Some("a1".into()),
            status: Status::No,
            code: Some(Code::Other("AUTHENTICATIONFAILED".into(), String::new())),
            text: "Authentication failed.".into()
        }
    );
    let Response::Status { code, text, .. } = one("* OK [HIGHESTMODSEQ 715194045007] Highest") else {
        panic!()
    };
    assert_eq!((code, text.as_str()), (ModSeq::new(715_194_045_007).map(Code::HighestModSeq), "Highest"));
    let Response::Status { code, .. } = one("* OK [PERMANENTFLAGS (\\Deleted a]b \\*)] Limited") else {
        panic!()
    };
    assert_eq!(code, Some(Code::Other("PERMANENTFLAGS".into(), "(\\Deleted a]b \\*)".into())));
    let Response::Status { code, .. } = one("a1 OK [COPYUID 38505 304,319:320 3956:3958] Done") else {
        panic!()
    };
    assert!(
        matches!(code, Some(Code::CopyUid(_, from, to)) if from == uids(&[304, 319, 320]) && to == uids(&[3956, 3957, 3958]))
    );
    assert!(matches!(one("* OK"), Response::Status { code: None, .. }), "a bare OK is tolerated");
    assert!(matches!(
        one("* BYE [WEBALERT https://x.example/a{5}"),
        Response::Status { status: Status::Bye, .. }
    ));
}

#[test]
fn a_text_that_ends_like_a_literal_is_text() {
    let (responses, _, _) = decode(b"* OK see {5}\r\n* 1 EXISTS\r\n", &[3]);
    assert_eq!(responses.len(), 2);
}

#[test]
fn a_list_row_names_its_mailbox() {
    let Response::List(entry) =
        one("* LIST (\\HasNoChildren \\sent) \"/\" \"Entw&APw-rfe/&-\" (\"OLDNAME\" (\"x\"))")
    else {
        panic!()
    };
    assert_eq!(entry.mailbox.name.as_str(), "Entwürfe/&");
    assert_eq!(entry.mailbox.special_use, Some(SpecialUse::Sent));
    assert!(entry.mailbox.selectable);
    let (responses, _, _) = decode(b"* LIST (\\NoSelect) NIL {3}\r\na\"b\r\n", &[1]);
    let Some(Response::List(entry)) = responses.first() else { panic!() };
    assert_eq!((entry.mailbox.name.as_str(), entry.mailbox.delimiter), ("a\"b", None));
    assert!(!entry.mailbox.selectable);
}

#[test]
fn a_status_row_keeps_what_is_sane() {
    let Response::MailboxStatus(status) = one(
        "* STATUS INBOX (MESSAGES 231 UIDNEXT 44292 HIGHESTMODSEQ 0 MAILBOXID (F22) SIZE -1 UIDVALIDITY 7 )",
    ) else {
        panic!()
    };
    assert_eq!((status.messages, status.uid_next, status.size), (Some(231), Some(44292), None));
    assert_eq!(status.highest_mod_seq, None, "0 means that there are none");
    assert_eq!(status.uid_validity.map(|v| v.get()), Some(7));
}

#[test]
fn searches_answer_in_both_forms() {
    assert_eq!(one("* SEARCH 5 3 0 9 (MODSEQ 12)"), Response::Search(vec![5, 3, 9]));
    assert_eq!(one("* SEARCH"), Response::Search(vec![]));
    let Response::ESearch(found) =
        one("* ESEARCH (TAG \"a5\") UID COUNT 17 PARTIAL (1:2 4,5) ALL 4:18,21,28:27")
    else {
        panic!()
    };
    assert_eq!((found.tag.as_str(), found.uid, found.count), ("a5", true, Some(17)));
    assert_eq!(found.all.to_string(), "4:18,21,27:28");
}

#[test]
fn a_vanished_response_says_whether_it_is_news() {
    let earlier = Response::Vanished { earlier: true, uids: uids(&[41, 43, 44]) };
    assert_eq!(one("* VANISHED (EARLIER) 41,43:44"), earlier);
    assert_eq!(one("* VANISHED 405"), Response::Vanished { earlier: false, uids: uids(&[405]) });
}

#[test]
fn a_row_gives_its_items_in_any_order() {
    let expected = FetchRow {
        uid: Uid::new(7),
        flags: Some(["\\Seen", "$Forwarded"].into_iter().collect::<Flags>()),
        mod_seq: ModSeq::new(99),
        internal_date: Some("17-Jul-1996 02:44:25 -0700".into()),
        size: Some(44827),
        email_id: Some("M6d".into()),
        ..FetchRow::default()
    };
    let line = "* 12 FETCH (MODSEQ (99) RFC822.SIZE 44827 FLAGS (\\Seen $Forwarded) UID 7 EMAILID (M6d) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\")";
    assert_eq!(row(line), expected);
    assert_eq!(row("* 7 UIDFETCH (FLAGS ())").uid, Uid::new(7));
}

#[test]
fn unknown_items_are_skipped_and_the_rest_is_kept() {
    let line = "* 1 FETCH (X-GM-LABELS (\"\\\\Sent\" foo) ENVELOPE (NIL \"a (b\" ((NIL NIL \"x\" \"y\")) NIL) X-NEW (1 (2 3)) UID 5 SAVEDATE NIL BODYSTRUCTURE (\"text\" \"plain\" (\"boundary\" NIL) NIL NIL \"7bit\" 1 2))";
    let row = row(line);
    assert_eq!((row.uid, row.damaged), (Uid::new(5), false));
}

#[test]
fn a_damaged_row_keeps_what_came_before_the_damage() {
    for line in ["* 1 FETCH (UID 5 FLAGS (\\Seen", "* 1 FETCH (UID 5 FLAGS \\Seen)) x", "* 1 FETCH (UID 5 (("]
    {
        let row = row(line);
        assert_eq!((row.uid, row.damaged), (Uid::new(5), true), "{line}");
    }
}

#[test]
fn odd_numbers_are_dropped_not_the_row() {
    let row = row("* 1 FETCH (RFC822.SIZE -1 UID 0 MODSEQ (0) FLAGS (\\Seen))");
    assert_eq!((row.uid, row.size, row.mod_seq, row.damaged), (None, None, None, false));
    assert!(row.flags.is_some());
}

#[test]
fn a_body_is_handed_on_and_its_row_follows() {
    let stream = b"* 1 FETCH (UID 5 BODY[] {12}\r\nhello\r\nworld FLAGS (\\Seen))\r\n";
    let (responses, bodies, _) = decode(stream, &[usize::MAX]);
    assert_eq!(bodies, [b"hello\r\nworld"]);
    let Response::Fetch(row) = &responses[0] else { panic!() };
    assert_eq!(row.body, Some(BodyContent::Streamed(12)));
    assert!(row.flags.as_ref().is_some_and(|f| f.contains("\\Seen")));
}

#[test]
fn bodies_come_in_every_form() {
    for (line, expected) in [
        ("* 1 FETCH (UID 1 BODY[] \"a\\\"b\")", BodyContent::Quoted(b"a\"b".to_vec())),
        ("* 1 FETCH (UID 1 BODY[] NIL)", BodyContent::Nil),
        ("* 1 FETCH (UID 1 BODY[HEADER.FIELDS (\"a]b\")]<0> \"\")", BodyContent::Quoted(vec![])),
    ] {
        assert_eq!(row(line).body, Some(expected));
    }
    for head in ["BODY[1.2.MIME]<0>", "BINARY[]", "RFC822", "RFC822.HEADER"] {
        let (_, bodies, _) = decode(format!("* 1 FETCH ({head} {{2}}\r\nab UID 3)\r\n").as_bytes(), &[4]);
        assert_eq!(bodies, [b"ab"], "{head}");
    }
    let (_, bodies, _) = decode(b"* 1 FETCH (BINARY[1] ~{3}\r\n\0\n\0 UID 3)\r\n", &[1]);
    assert_eq!(bodies, [b"\0\n\0"]);
}

#[test]
fn a_literal_in_an_envelope_stays_in_the_row() {
    let stream = b"* 1 FETCH (ENVELOPE (NIL {5}\r\nB[a] {2}\r\nxy) UID 5)\r\n";
    let (responses, bodies, _) = decode(stream, &[1]);
    assert!(bodies.is_empty());
    assert!(matches!(&responses[0], Response::Fetch(row) if row.uid == Uid::new(5) && !row.damaged));
}

#[test]
fn bare_line_feeds_and_nonsense_are_survived() {
    let (responses, _, quirks) = decode(b"* 5 EXISTS\n* XYZZY {3}\r\nabc (\r\n\r\n* 6 EXISTS\r\n", &[1]);
    assert_eq!(responses.len(), 3);
    assert!(matches!(responses[1], Response::Unknown { .. }));
    assert_eq!(quirks, [Quirk::BareLineFeed, Quirk::Unknown]);
}

/// Pieces of realistic and of broken responses, joined at random.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = proptest::sample::select(vec![
        "* OK [UIDNEXT 5] x\r\n",
        "* 1 FETCH (UID 5 FLAGS (\\Seen) BODY[] {4}\r\na\r\nb)\r\n",
        "* 2 FETCH (BODY[TEXT] {0}\r\n UID 6)\r\n",
        "* LIST () \"/\" {3}\r\nabc\r\n",
        "* 3 FETCH (",
        "ENVELOPE (NIL {2}\r\nxy)",
        " UID 9)\r\n",
        "+ \r\n",
        "a1 OK done\r\n",
        "{1}\r\n",
        "\n",
        "\"",
        ")",
        "* ",
        "\u{ff}",
    ]);
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| {
        let mut bytes = pieces.concat().into_bytes();
        // Enough to end any literal or line the pieces left open.
        bytes.extend_from_slice(b"zzzzzzzz\r\n\r\n");
        bytes
    })
}

proptest! {
    #[test]
    fn any_split_gives_the_same(stream in stream(), sizes in proptest::collection::vec(1usize..9, 1..9)) {
        prop_assert_eq!(decode(&stream, &sizes), decode(&stream, &[usize::MAX]));
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut decoder = Decoder::default();
        let mut input = &bytes[..];
        while let Ok(Some(_)) = decoder.poll(&mut input) {}
    }
}

/// Where both crates of the field read a line, so do we: nothing they understand is unknown to us.
#[test]
fn what_other_parsers_read_is_read_here() {
    use imap_codec::decode::Decoder as _;
    let lines = [
        "* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n",
        "* LIST (\\Noselect) \"/\" ~/Mail/foo\r\n",
        "* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)\r\n",
        "* SEARCH 2 3 6\r\n",
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n",
        "* 23 EXISTS\r\n",
        "* 44 EXPUNGE\r\n",
        "* 5 RECENT\r\n",
        "* 23 FETCH (FLAGS (\\Seen) RFC822.SIZE 44827)\r\n",
        "* 12 FETCH (ENVELOPE (\"Wed, 17 Jul 1996 02:23:25 -0700\" \"s\" ((\"Terry Gray\" NIL \"gray\" \"cac\")) NIL NIL NIL NIL NIL NIL \"<B@x>\") UID 4)\r\n",
        "* BYE Autologout; idle for too long\r\n",
        "A442 OK [READ-WRITE] SELECT completed\r\n",
    ];
    for line in lines {
        assert!(imap_codec::ResponseCodec::default().decode(line.as_bytes()).is_ok(), "imap-codec: {line}");
        assert!(imap_proto::Response::parse(line.as_bytes()).is_ok(), "imap-proto: {line}");
        let (responses, _, quirks) = decode(line.as_bytes(), &[usize::MAX]);
        assert!(!matches!(responses[0], Response::Unknown { .. }), "{line}");
        assert!(quirks.is_empty(), "{line}: {quirks:?}");
    }
}
