//! What extensions add to responses.

use super::super::super::{Namespace, Partial, Resource};
use super::*;

fn code(line: &str) -> Code {
    match one(line) {
        Response::Status { code: Some(code), .. } => code,
        other => panic!("{line}: {other:?}"),
    }
}

/// Gmail: labels are spelled as mailbox names.
#[test]
fn gmail_names_a_message_its_thread_and_its_labels() {
    let line = "* 1 FETCH (X-GM-THRID 1266894439832287888 X-GM-MSGID 18446744073709551615 X-GM-LABELS (\\Inbox \\Sent Important \"Muy Importante\" \"Entw&APw-rfe/&-\" \"\\\\Starred\" a[b]) UID 5)";
    let row = row(line);
    assert_eq!((row.gm_thrid, row.gm_msgid), (Some(1_266_894_439_832_287_888), Some(u64::MAX)));
    let labels = ["\\Inbox", "\\Sent", "Important", "Muy Importante", "Entwürfe/&", "\\Starred", "a[b]"];
    assert_eq!(row.gm_labels.as_deref(), Some(&labels.map(str::to_owned)[..]));
    assert_eq!((row.uid, row.damaged), (Uid::new(5), false));

    let (responses, bodies, _) = decode(b"* 1 FETCH (X-GM-LABELS ({4}\r\na\"b( c) UID 5)\r\n", &[1]);
    assert!(bodies.is_empty());
    let Response::Fetch(row) = &responses[0] else { panic!() };
    assert_eq!(row.gm_labels.as_deref(), Some(&["a\"b(", "c"].map(str::to_owned)[..]));
    assert_eq!(super::row("* 1 FETCH (X-GM-LABELS ())").gm_labels, Some(vec![]));
    assert_eq!(super::row("* 1 FETCH (UID 5)").gm_labels, None);
}

/// After `ENABLE UTF8=ACCEPT` labels are UTF-8 as names are.
#[test]
fn labels_follow_the_spelling_of_names() {
    let mut decoder = Decoder { utf8: true, ..Decoder::default() };
    let mut input = "* 1 FETCH (X-GM-LABELS (\"Entwürfe\"))\r\n".as_bytes();
    let Ok(Some(Decoded::Response(Response::Fetch(row)))) = decoder.poll(&mut input) else { panic!() };
    assert_eq!(row.gm_labels, Some(vec!["Entwürfe".to_owned()]));
    assert!(decoder.quirks().is_empty());
}

#[test]
fn a_row_names_its_objects_and_when_it_was_saved() {
    let found = row(
        "* 1 FETCH (UID 5 EMAILID (M6d99) THREADID (Tb5) SAVEDATE \"18-Jul-1996 02:44:25 -0700\" PREVIEW \"Hi\")",
    );
    assert_eq!((found.email_id.as_deref(), found.thread_id.as_deref()), (Some("M6d99"), Some("Tb5")));
    assert_eq!(found.save_date.as_deref(), Some("18-Jul-1996 02:44:25 -0700"));
    let none = row("* 1 FETCH (UID 5 THREADID NIL SAVEDATE NIL PREVIEW {2}\r\nHi)");
    assert_eq!((none.thread_id, none.save_date, none.damaged), (None, None, false));
}

#[test]
fn a_size_may_be_huge() {
    assert_eq!(row("* 1 FETCH (RFC822.SIZE 9223372036854775807)").size, Some(i64::MAX as u64));
    assert_eq!(row("* 1 FETCH (RFC822.SIZE 99999999999999999999999 UID 5)").uid, Uid::new(5));
}

/// RFC 9208, section 4.
#[test]
fn quotas_have_roots_and_resources() {
    let resources = vec![
        Resource { name: "STORAGE".into(), usage: 10, limit: 512 },
        Resource { name: "MESSAGE".into(), usage: 3, limit: 100 },
    ];
    assert_eq!(
        one("* QUOTA \"\" (STORAGE 10 512 message 3 100)"),
        Response::Quota { root: String::new(), resources }
    );
    assert_eq!(
        one("* QUOTA !partition ()"),
        Response::Quota { root: "!partition".into(), resources: vec![] }
    );
    let roots = vec![String::new(), "b".to_owned()];
    assert_eq!(
        one("* QUOTAROOT INBOX \"\" b"),
        Response::QuotaRoot { mailbox: crate::mail::MailboxName::new("INBOX"), roots }
    );
}

/// RFC 2342, section 5.
#[test]
fn namespaces_are_of_three_kinds() {
    let line =
        "* NAMESPACE ((\"\" \"/\")(\"#mh/\" \"/\" \"X-PARAM\" (\"FLAG1\" \"FLAG2\"))) NIL ((\"&-x.\" NIL))";
    let Response::Namespace(found) = one(line) else { panic!() };
    let of = |prefix: &str, delimiter| Namespace { prefix: prefix.to_owned(), delimiter };
    assert_eq!(found.personal, [of("", Some('/')), of("#mh/", Some('/'))]);
    assert_eq!((found.other_users, found.shared), (vec![], vec![of("&x.", None)]));
}

/// RFC 4731, RFC 7162 section 3.1.5, RFC 9394.
#[test]
fn an_extended_search_answers_what_was_asked() {
    let Response::ESearch(found) = one(
        "* ESEARCH (TAG \"a1\" MAILBOX \"x y\" UIDVALIDITY 4) UID MIN 7 MAX 3800 COUNT 15 MODSEQ 1236 PARTIAL (-1:-100 500:502,600) X-NEW (1)",
    ) else {
        panic!()
    };
    assert_eq!((found.tag.as_str(), found.uid), ("a1", true));
    assert_eq!((found.min, found.max, found.count), (Some(7), Some(3800), Some(15)));
    assert_eq!(found.mod_seq, ModSeq::new(1236));
    assert_eq!(found.partial, Some(Partial { window: (-1, -100), found: uids(&[500, 501, 502, 600]) }));
    let Response::ESearch(found) = one("* ESEARCH UID PARTIAL (1:100 NIL)") else { panic!() };
    assert_eq!(found.partial, Some(Partial { window: (1, 100), found: UidSet::new() }));
}

/// RFC 9051 section 7.3.1; RFC 5258.
#[test]
fn a_list_row_tells_of_subscription_existence_and_its_old_name() {
    let Response::List(entry) = one(
        "* LIST (\\Subscribed \\NonExistent \\Remote) \"/\" \"New\" (\"CHILDINFO\" (\"SUBSCRIBED\") \"OLDNAME\" (\"Entw&APw-rfe\"))",
    ) else {
        panic!()
    };
    assert!(
        entry.is_subscribed() && entry.is_non_existent() && entry.is_remote() && !entry.mailbox.selectable
    );
    assert_eq!(entry.old_name.map(|name| name.as_str().to_owned()).as_deref(), Some("Entwürfe"));
    let Response::List(entry) = one("* LIST () \"/\" Drafts (\"OLDNAME\" (Old") else { panic!() };
    assert_eq!(entry.mailbox.name.as_str(), "Drafts (\"OLDNAME\" (Old", "no list ends here: it is a name");
    let Response::List(entry) = one("* LIST () \"/\" Drafts (OLDNAME (Old))") else { panic!() };
    assert!(!entry.is_subscribed() && !entry.is_non_existent() && !entry.is_remote());
    assert_eq!((entry.mailbox.name.as_str(), entry.old_name.is_some()), ("Drafts", true));
}

/// RFC 7889, RFC 8474.
#[test]
fn a_status_row_tells_the_limit_and_the_identity() {
    let Response::MailboxStatus(status) =
        one("* STATUS x (APPENDLIMIT 257890 MAILBOXID (F2212ea8) MESSAGES 4)")
    else {
        panic!()
    };
    assert_eq!((status.append_limit, status.mailbox_id.as_deref()), (Some(257_890), Some("F2212ea8")));
    let Response::MailboxStatus(status) = one("* STATUS x (APPENDLIMIT NIL MESSAGES 4)") else { panic!() };
    assert_eq!((status.append_limit, status.messages), (None, Some(4)));
}

#[test]
fn codes_carry_what_extensions_say() {
    assert_eq!(
        code("a1 OK [MODIFIED 7,9:12] Conditional STORE failed"),
        Code::Modified(uids(&[7, 9, 10, 11, 12]))
    );
    assert_eq!(code("* OK [CLOSED] Previous mailbox is now closed"), Code::Closed);
    assert_eq!(code("* OK [MAILBOXID (F221)] Ok"), Code::MailboxId("F221".into()));
    assert_eq!(code("a1 NO [MESSAGELIMIT 1000 23221] too many"), Code::MessageLimit(1000, Uid::new(23_221)));
    assert_eq!(code("a1 OK [MESSAGELIMIT 1000] not all"), Code::MessageLimit(1000, None));
    for other in ["OVERQUOTA", "LIMIT", "INUSE", "NOTIFICATIONOVERFLOW", "MODIFIED", "MESSAGELIMIT 0"] {
        let name = other.split(' ').next().unwrap_or_default();
        assert_eq!(code(&format!("a1 NO [{other}] x")).name(), name);
        assert!(matches!(code(&format!("a1 NO [{other}] x")), Code::Other(..)), "{other}");
    }
}
