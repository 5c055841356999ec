//! What is said when not everything of each message is to be held.

use super::Mailbox;
use jiff::{Span, Timestamp, tz::TimeZone};
use restante_core::sync::Selection;
use restante_core::sync::policy::{Age, Policy};
use restante_store::{Filter, View};

fn hold(keep: &str, whole: Option<u64>) -> Selection {
    Selection { policy: Policy { keep: Age::parse(keep), whole }, ..Selection::default() }
}

/// The day so many days ago, as SEARCH takes it.
fn day(days: i32) -> String {
    let today = Timestamp::now().to_zoned(TimeZone::UTC);
    today.checked_sub(Span::new().days(days)).unwrap().strftime("%-d-%b-%Y").to_string()
}

/// A moment so many days ago, as INTERNALDATE.
fn date(days: i32) -> String {
    let today = Timestamp::now().to_zoned(TimeZone::UTC);
    today.checked_sub(Span::new().days(days)).unwrap().strftime("%d-%b-%Y %H:%M:%S +0000").to_string()
}

/// UID, octets held and octets in all.
fn extents(mailbox: &Mailbox) -> Vec<(u32, u64, u64)> {
    let view = View::open(mailbox.folder.path()).unwrap();
    let rows = view.list(&Filter::default(), 100, None).unwrap();
    let mut extents: Vec<_> = rows.iter().map(|row| (row.places[0].uid.get(), row.held, row.size)).collect();
    extents.sort_unstable();
    extents
}

const MODERN: &str = r#"
    S: * OK [CAPABILITY IMAP4rev1 CONDSTORE QRESYNC ENABLE LIST-EXTENDED LIST-STATUS ESEARCH] ready
    C: a1 ENABLE QRESYNC
    C: a2 LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))
    S: * ENABLED QRESYNC
    S: a1 OK
    S: * LIST () "/" INBOX
"#;

/// As much of the second message as is asked for.
fn two() -> String {
    format!("Subject: two{}", " ".repeat(65_536 - 12))
}

/// Three messages of which the first is old and the second large, under a policy for both.
async fn synced() -> Mailbox {
    let mailbox = Mailbox::new();
    let (old, young, two) = (date(100), date(1), two());
    let script = format!(
        r#"{MODERN}
        S: * STATUS INBOX (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 3 HIGHESTMODSEQ 50)
        S: a2 OK
        C: a3 EXAMINE "INBOX" (CONDSTORE)
        C: a4 UID SEARCH RETURN (ALL) ALL
        C: a5 UID SEARCH RETURN (ALL) BEFORE {}
        C: a6 UID SEARCH RETURN (ALL) LARGER 100000
        S: * 3 EXISTS
        S: * OK [UIDVALIDITY 3] valid
        S: * OK [UIDNEXT 4] next
        S: * OK [HIGHESTMODSEQ 50] highest
        S: a3 OK
        S: * ESEARCH (TAG "a4") UID ALL 1:3
        S: a4 OK
        S: * ESEARCH (TAG "a5") UID ALL 1
        S: a5 OK
        S: * ESEARCH (TAG "a6") UID ALL 1:2
        S: a6 OK
        C: a7 UID FETCH 3 (UID FLAGS MODSEQ INTERNALDATE BODY.PEEK[])
        C: a8 UID FETCH 2 (UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE BODY.PEEK[]<0.65536>)
        C: a9 UID FETCH 1 (UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER])
        S: * 3 FETCH (UID 3 FLAGS () MODSEQ (9) INTERNALDATE "{young}" BODY[] "Subject: three")
        S: a7 OK
        S: * 2 FETCH (UID 2 FLAGS () MODSEQ (9) INTERNALDATE "{young}" RFC822.SIZE 200000 BODY[]<0> "{two}")
        S: a8 OK
        S: * 1 FETCH (UID 1 FLAGS () MODSEQ (9) INTERNALDATE "{old}" RFC822.SIZE 150000 BODY[HEADER] "Subject: one")
        S: a9 OK
        "#,
        day(91),
    );
    mailbox.sync_under(&hold("90 days", Some(100_000)), "imap.example.org", &script).await.unwrap();
    assert_eq!(extents(&mailbox), [(1, 12, 150_000), (2, 65_536, 200_000), (3, 14, 14)]);
    mailbox
}

#[tokio::test]
async fn what_is_old_and_what_is_large_is_asked_with_the_opening_and_comes_in_part() {
    synced().await;
}

/// As Dovecot does it: nothing is complete before everything is found.
#[tokio::test]
async fn answers_that_come_before_the_first_command_is_complete_belong_to_their_own_commands() {
    let mailbox = Mailbox::new();
    let script = format!(
        r#"{MODERN}
        S: * STATUS INBOX (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 3 HIGHESTMODSEQ 50)
        S: a2 OK
        C: a3 EXAMINE "INBOX" (CONDSTORE)
        C: a4 UID SEARCH RETURN (ALL) ALL
        C: a5 UID SEARCH RETURN (ALL) BEFORE {}
        C: a6 UID SEARCH RETURN (ALL) LARGER 100000
        S: * 3 EXISTS
        S: * OK [UIDVALIDITY 3] valid
        S: * OK [UIDNEXT 4] next
        S: * OK [HIGHESTMODSEQ 50] highest
        S: a3 OK
        S: * ESEARCH (TAG "a6") UID
        S: * ESEARCH (TAG "a4") UID ALL 1:3
        S: * ESEARCH (TAG "a5") UID ALL 1
        S: a4 OK
        S: a5 OK
        S: a6 OK
        C: a7 UID FETCH 2:3 (UID FLAGS MODSEQ INTERNALDATE BODY.PEEK[])
        C: a8 UID FETCH 1 (UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER])
        S: * 2 FETCH (UID 2 FLAGS () MODSEQ (9) INTERNALDATE "{young}" BODY[] "Subject: two")
        S: * 3 FETCH (UID 3 FLAGS () MODSEQ (9) INTERNALDATE "{young}" BODY[] "Subject: three")
        S: a7 OK
        S: * 1 FETCH (UID 1 FLAGS () MODSEQ (9) INTERNALDATE "{}" RFC822.SIZE 150 BODY[HEADER] "Subject: one")
        S: a8 OK
        "#,
        day(91),
        date(100),
        young = date(1),
    );
    mailbox.sync_under(&hold("90 days", Some(100_000)), "imap.example.org", &script).await.unwrap();
    assert_eq!(extents(&mailbox), [(1, 12, 150), (2, 12, 12), (3, 14, 14)]);
}

#[tokio::test]
async fn answers_that_do_not_say_what_they_answer_are_asked_for_again_one_by_one() {
    let mailbox = Mailbox::new();
    let script = format!(
        r#"{MODERN}
        S: * STATUS INBOX (MESSAGES 2 UIDNEXT 3 UIDVALIDITY 3 HIGHESTMODSEQ 50)
        S: a2 OK
        C: a3 EXAMINE "INBOX" (CONDSTORE)
        C: a4 UID SEARCH RETURN (ALL) ALL
        C: a5 UID SEARCH RETURN (ALL) BEFORE {day}
        S: * 2 EXISTS
        S: * OK [UIDVALIDITY 3] valid
        S: * OK [UIDNEXT 3] next
        S: * OK [HIGHESTMODSEQ 50] highest
        S: a3 OK
        S: * ESEARCH UID ALL 1:2
        S: * ESEARCH UID ALL 1
        S: a4 OK
        S: a5 OK
        C: a6 UID SEARCH RETURN (ALL) ALL
        S: * ESEARCH UID ALL 1:2
        S: a6 OK
        C: a7 UID SEARCH RETURN (ALL) UID 1:2 BEFORE {day}
        S: * ESEARCH UID ALL 1
        S: a7 OK
        C: a8 UID FETCH 2 (UID FLAGS MODSEQ INTERNALDATE BODY.PEEK[])
        C: a9 UID FETCH 1 (UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER])
        S: * 2 FETCH (UID 2 FLAGS () MODSEQ (9) INTERNALDATE "{}" BODY[] "Subject: two")
        S: a8 OK
        S: * 1 FETCH (UID 1 FLAGS () MODSEQ (9) INTERNALDATE "{}" RFC822.SIZE 150 BODY[HEADER] "Subject: one")
        S: a9 OK
        "#,
        date(1),
        date(100),
        day = day(91),
    );
    mailbox.sync_under(&hold("90 days", None), "imap.example.org", &script).await.unwrap();
    assert_eq!(extents(&mailbox), [(1, 12, 150), (2, 12, 12)]);
}

#[tokio::test]
async fn of_what_came_since_only_that_is_asked_and_a_message_that_is_whole_after_all_is_whole() {
    let mailbox = synced().await;
    let script = format!(
        r#"{MODERN}
        S: * STATUS INBOX (MESSAGES 4 UIDNEXT 5 UIDVALIDITY 3 HIGHESTMODSEQ 60)
        S: a2 OK
        C: a3 EXAMINE "INBOX" (QRESYNC (3 50))
        C: a4 UID SEARCH RETURN (ALL) UID 4:4294967295 BEFORE {}
        C: a5 UID SEARCH RETURN (ALL) UID 4:4294967295 LARGER 100000
        S: * 4 EXISTS
        S: * OK [UIDVALIDITY 3] valid
        S: * OK [UIDNEXT 5] next
        S: * OK [HIGHESTMODSEQ 60] highest
        S: a3 OK
        S: * ESEARCH (TAG "a4") UID ALL 4
        S: a4 OK
        S: * ESEARCH (TAG "a5") UID
        S: a5 OK
        C: a6 UID FETCH 4 (UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER])
        S: * 4 FETCH (UID 4 FLAGS () MODSEQ (51) INTERNALDATE "{}" RFC822.SIZE 13 BODY[HEADER] "Subject: four")
        S: a6 OK
        "#,
        day(91),
        date(200),
    );
    mailbox.sync_under(&hold("90 days", Some(100_000)), "imap.example.org", &script).await.unwrap();
    assert_eq!(extents(&mailbox), [(1, 12, 150_000), (2, 65_536, 200_000), (3, 14, 14), (4, 13, 13)]);
}

#[tokio::test]
async fn a_wider_policy_opens_a_mailbox_in_which_nothing_happened_and_completes_it() {
    let mailbox = synced().await;
    let unchanged = "S: * STATUS INBOX (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 3 HIGHESTMODSEQ 50)\nS: a2 OK\n";
    let opened = r#"
        C: a3 EXAMINE "INBOX" (QRESYNC (3 50))
        S: * 3 EXISTS
        S: * OK [UIDVALIDITY 3] valid
        S: * OK [UIDNEXT 4] next
        S: * OK [HIGHESTMODSEQ 50] highest
        S: a3 OK
        C: a4 UID FETCH 1:2 (UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE BODY.PEEK[])
    "#;
    let row = |uid: u32| {
        let text = ["Subject: one, whole".to_owned(), format!("{}rest", two())][uid as usize - 1].clone();
        format!(
            "S: * {uid} FETCH (UID {uid} FLAGS (\\Seen) MODSEQ (9) INTERNALDATE \"{}\" RFC822.SIZE {} BODY[] \"{text}\")\n",
            date(100),
            text.len(),
        )
    };
    // The first is refused, and asked for again the next time.
    let script = [MODERN, unchanged, opened, &row(2), "S: a4 NO some of it\n"];
    let report =
        mailbox.sync_under(&Selection::default(), "imap.example.org", &script.concat()).await.unwrap();
    assert_eq!((report.mailboxes[0].completed, report.mailboxes[0].new), (1, 0));
    assert_eq!(extents(&mailbox), [(1, 12, 150_000), (2, 65_540, 65_540), (3, 14, 14)]);
    let opened = opened.replace("1:2", "1 ").replace("1  ", "1 ");
    let script = [MODERN, unchanged, &opened, &row(1), "S: a4 OK\n"].concat();
    mailbox.sync_under(&Selection::default(), "imap.example.org", &script).await.unwrap();
    assert_eq!(extents(&mailbox), [(1, 19, 19), (2, 65_540, 65_540), (3, 14, 14)]);
    // And then nothing is to be done.
    let script = [MODERN, unchanged].concat();
    mailbox.sync_under(&Selection::default(), "imap.example.org", &script).await.unwrap();
}

#[tokio::test]
async fn a_server_without_esearch_is_asked_one_thing_at_a_time_and_only_where_something_is_new() {
    let mailbox = Mailbox::new();
    let script = format!(
        r#"
        S: * OK [CAPABILITY IMAP4rev1] ready
        C: a1 LIST "" "*"
        S: * LIST () "/" INBOX
        S: a1 OK
        C: a2 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
        S: * STATUS INBOX (MESSAGES 2 UIDNEXT 8 UIDVALIDITY 3)
        S: a2 OK
        C: a3 SELECT "INBOX"
        S: * 2 EXISTS
        S: * OK [UIDVALIDITY 3] valid
        S: * OK [UIDNEXT 8] next
        S: a3 OK
        C: a4 UID SEARCH ALL
        S: * SEARCH 4 7
        S: a4 OK
        C: a5 UID SEARCH UID 4:7 BEFORE {}
        S: * SEARCH 4
        S: a5 OK
        C: a6 UID SEARCH UID 4:7 LARGER 100000
        S: * SEARCH
        S: a6 OK
        C: a7 UID FETCH 7 (UID FLAGS INTERNALDATE BODY.PEEK[])
        C: a8 UID FETCH 4 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER])
        S: * 2 FETCH (UID 7 FLAGS () INTERNALDATE "{}" BODY[] "Subject: seven")
        S: a7 OK
        S: * 1 FETCH (UID 4 FLAGS () INTERNALDATE "{}" RFC822.SIZE 90 BODY[HEADER] "Subject: four")
        S: a8 OK
        "#,
        day(15),
        date(1),
        date(40),
    );
    mailbox.sync_under(&hold("2 weeks", Some(100_000)), "imap.example.org", &script).await.unwrap();
    assert_eq!(extents(&mailbox), [(4, 13, 90), (7, 14, 14)]);
}

/// What comes of the policy for everything when the server gives `first` and then `second` for the message of which 12
/// octets are here: how much is held, how large it is, and what is said.
async fn completed(first: &str, second: Option<&str>) -> (Vec<(u32, u64, u64)>, String) {
    let mailbox = synced().await;
    let row = |uid: u32, text: &str| {
        format!("S: * {uid} FETCH (UID {uid} FLAGS () MODSEQ (9) INTERNALDATE \"{}\" {text})\n", date(100))
    };
    let mut script = format!(
        r#"{MODERN}
        S: * STATUS INBOX (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 3 HIGHESTMODSEQ 50)
        S: a2 OK
        C: a3 EXAMINE "INBOX" (QRESYNC (3 50))
        S: * 3 EXISTS
        S: * OK [UIDVALIDITY 3] valid
        S: * OK [UIDNEXT 4] next
        S: * OK [HIGHESTMODSEQ 50] highest
        S: a3 OK
        C: a4 UID FETCH 1:2 (UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE BODY.PEEK[])
        {}{}S: a4 OK
        "#,
        row(2, &format!("RFC822.SIZE 65540 BODY[] \"{}rest\"", two())),
        row(1, first)
    );
    if let Some(second) = second {
        let fetch = "C: a5 UID FETCH 1 (UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE BODY.PEEK[])\n";
        script.push_str(&format!("{fetch}{}S: a5 OK\n", row(1, second)));
    }
    let report = mailbox.sync_under(&Selection::default(), "imap.example.org", &script).await.unwrap();
    let said: Vec<String> = report.findings.into_iter().map(|finding| finding.evidence).collect();
    (extents(&mailbox), said.join("; "))
}

#[tokio::test]
async fn what_completes_a_message_is_held_against_its_beginning() {
    let kept = vec![(1, 12, 150_000), (2, 65_540, 65_540), (3, 14, 14)];
    for (first, second) in [
        ("RFC822.SIZE 0 BODY[] \"\"", None),
        ("RFC822.SIZE 7 BODY[] \"Subject\"", None),
        ("RFC822.SIZE 150000 BODY[] \"\"", Some("RFC822.SIZE 150000 BODY[] \"\"")),
    ] {
        let (extents, said) = completed(first, second).await;
        assert_eq!(extents, kept, "{first}");
        assert!(said.contains("as UID 1, less came than is here already"), "{first}: {said}");
    }
    // At some servers RFC822.SIZE is an estimate, and that is all there is.
    let text = "RFC822.SIZE 150000 BODY[] \"Subject: one, whole\"";
    let (extents, said) = completed(text, Some(text)).await;
    assert_eq!(extents, [(1, 19, 19), (2, 65_540, 65_540), (3, 14, 14)]);
    assert!(said.contains("came damaged twice, as UID 1"), "{said}");
    // Other octets under the same UID are another message; what was here rests.
    let (extents, said) = completed("RFC822.SIZE 23 BODY[] \"Subject: another, whole\"", None).await;
    assert_eq!((extents, said.as_str()), (vec![(1, 23, 23), (2, 65_540, 65_540), (3, 14, 14)], ""));
}

/// What comes of a message of which 12 octets are here, and for which a person waits, when the server gives this, once
/// or twice: the extents, and why it cannot be had.
async fn opened(text: &str, times: usize) -> (Mailbox, Vec<(u32, u64, u64)>, Option<String>) {
    let mailbox = synced().await;
    let folder = mailbox.folder.path().to_owned();
    let mut desk = restante_store::Desk::open(&folder).unwrap();
    let rows = desk.list(&Filter::default(), 9, None).unwrap();
    let message = rows.iter().find(|row| row.places[0].uid.get() == 1).unwrap().message;
    let clock = Timestamp::now().as_second();
    desk.want(message, clock).unwrap();
    let mut script = r#"
        S: * OK [CAPABILITY IMAP4rev1 CONDSTORE QRESYNC ENABLE LIST-EXTENDED LIST-STATUS ESEARCH] ready
        C: a1 EXAMINE "INBOX"
        S: * 3 EXISTS
        S: * OK [UIDVALIDITY 3] valid
        S: a1 OK
    "#
    .to_owned();
    for tag in 2..2 + times {
        script.push_str(&format!(
            "C: a{tag} UID FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])
             S: * 1 FETCH (UID 1 FLAGS () INTERNALDATE \"{}\" {text})
             S: a{tag} OK\n",
            date(100)
        ));
    }
    let (enable, list) = (2 + times, 3 + times);
    script.push_str(&format!(
        "C: a{enable} ENABLE QRESYNC
         C: a{list} LIST \"\" \"*\" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))
         S: * ENABLED QRESYNC
         S: a{enable} OK
         S: * LIST () \"/\" INBOX
         S: * STATUS INBOX (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 3 HIGHESTMODSEQ 50)
         S: a{list} OK\n"
    ));
    mailbox.sync_under(&hold("90 days", Some(100_000)), "imap.example.org", &script).await.unwrap();
    let (extents, why) = (extents(&mailbox), desk.why_not(message).unwrap());
    (mailbox, extents, why)
}

#[tokio::test]
async fn what_is_fetched_for_a_person_is_held_against_its_beginning_as_well() {
    for text in [
        "RFC822.SIZE 150000 BODY[] \"\"",
        "RFC822.SIZE 0 BODY[] \"\"",
        "RFC822.SIZE 7 BODY[] \"Subject\"",
        "RFC822.SIZE 150000 BODY[] \"Subject: none\"",
    ] {
        let (_mailbox, extents, why) = opened(text, 2).await;
        assert_eq!(extents, [(1, 12, 150_000), (2, 65_536, 200_000), (3, 14, 14)], "{text}");
        let why = why.unwrap();
        assert!(
            why.contains("INBOX: what the server gives for UID 1 cannot be the message"),
            "{text}: {why}"
        );
    }
    let (_mailbox, extents, why) = opened("RFC822.SIZE 19 BODY[] \"Subject: one, whole\"", 1).await;
    assert_eq!((extents[0], why), ((1, 19, 19), None));
    let (_mailbox, extents, why) = opened("RFC822.SIZE 150000 BODY[] \"Subject: one, whole\"", 2).await;
    assert_eq!((extents[0], why), ((1, 19, 19), None));
    // The octets are others, twice, and as many as the server says.
    let (mailbox, extents, _) = opened("RFC822.SIZE 13 BODY[] \"Subject: none\"", 2).await;
    assert_eq!(extents[0], (1, 13, 13));
    let store = restante_store::Store::open(mailbox.folder.path()).unwrap();
    let account = store.find_account("ann@example.org").unwrap().unwrap();
    assert!(store.has_strays(account).unwrap(), "what was here rests");
}

/// RFC822.SIZE is an estimate at some servers: what is said to be large may be as small as any.
#[tokio::test]
async fn what_is_smaller_than_the_server_says_is_whole_and_not_a_beginning_for_ever() {
    let mailbox = Mailbox::new();
    let row = |text: &str| {
        format!(
            "S: * 1 FETCH (UID 1 FLAGS () MODSEQ (9) INTERNALDATE \"{}\" RFC822.SIZE 20000 {text})\n",
            date(1)
        )
    };
    let fetch = |tag: u32, items: &str| {
        format!("C: a{tag} UID FETCH 1 (UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE {items})\n")
    };
    let beginning = row("BODY[]<0> \"Subject: small\"");
    let whole = row("BODY[] \"Subject: small\"");
    let script = format!(
        r#"{MODERN}
        S: * STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3 HIGHESTMODSEQ 50)
        S: a2 OK
        C: a3 EXAMINE "INBOX" (CONDSTORE)
        C: a4 UID SEARCH RETURN (ALL) ALL
        C: a5 UID SEARCH RETURN (ALL) LARGER 10000
        S: * 1 EXISTS
        S: * OK [UIDVALIDITY 3] valid
        S: * OK [UIDNEXT 2] next
        S: * OK [HIGHESTMODSEQ 50] highest
        S: a3 OK
        S: * ESEARCH (TAG "a4") UID ALL 1
        S: a4 OK
        S: * ESEARCH (TAG "a5") UID ALL 1
        S: a5 OK
        {}{beginning}S: a6 OK
        {}{beginning}S: a7 OK
        {}{whole}S: a8 OK
        "#,
        fetch(6, "BODY.PEEK[]<0.65536>"),
        fetch(7, "BODY.PEEK[]<0.65536>"),
        fetch(8, "BODY.PEEK[]"),
    );
    let selection = Selection { policy: Policy { keep: None, whole: Some(10_000) }, ..Selection::default() };
    mailbox.sync_under(&selection, "imap.example.org", &script).await.unwrap();
    assert_eq!(extents(&mailbox), [(1, 14, 14)]);
}
