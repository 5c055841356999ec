//! Servers that lose, lie, stall and meddle: one dialogue a fault. `docs/faults.md` names them all.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests, not tests themselves"
)]

use restante_core::diagnosis::Verdict;
use restante_core::imap::wire::Command;
use restante_core::query::Query;
use restante_core::settings::{Protocol, Security, Settings};
use restante_engine::imap::{Connection, Content, open};
use restante_engine::net::{Network, NetworkOptions};
use restante_engine::sync::{Keeper, Progress, Report, sync};
use restante_engine::{Error, Steps};
use restante_store::{Filter, Store, View};
use std::sync::Mutex;
use std::time::Duration;
use tempfile::TempDir;
use testkit::script::{Opening, Server, play};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

/// A store, and a server for it.
struct Held(TempDir);

impl Held {
    fn nothing() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    async fn sync(&self, script: &str) -> Report {
        self.try_sync(script).await.unwrap()
    }

    async fn try_sync(&self, script: &str) -> Result<Report, Error> {
        let (near, far) = tokio::io::duplex(1 << 16);
        let keeper = Keeper::start(Store::open(self.0.path()).unwrap()).unwrap();
        let account = keeper.with(|store| store.account("ann@example.org")).await.unwrap();
        let client = async {
            let mut connection = Connection::new(near, "imap.example.org");
            connection.greeting().await.unwrap();
            sync(&mut connection, &keeper, account, &Mutex::new(Progress::default())).await
        };
        let (report, played) = tokio::join!(client, play(far, script));
        played.unwrap();
        keeper.close().unwrap();
        report
    }

    /// `UID flags subject` of everything held, the lowest UID first.
    fn rows(&self) -> Vec<String> {
        let view = View::open(self.0.path()).unwrap();
        let rows = view.list(&Filter { account: None, query: Query::everything() }, 100, None).unwrap();
        let mut found: Vec<(u32, String)> = Vec::new();
        for row in &rows {
            for place in &row.places {
                let flags: Vec<&str> = place.flags.names().collect();
                let line = format!("{} {} {}", place.uid, flags.join(" "), row.subject);
                found.push((place.uid.get(), line.replace("  ", " ")));
            }
        }
        found.sort();
        found.into_iter().map(|(_, line)| line).collect()
    }
}

fn said(report: &Report, what: &str) {
    let evidence: Vec<&str> = report.findings.iter().map(|finding| finding.evidence.as_str()).collect();
    assert!(evidence.iter().any(|line| line.contains(what)), "{what}: {evidence:?}");
}

/// A server with nothing but RFC 3501, up to the opened INBOX: how many messages, and UIDNEXT.
fn plain(exists: u32, uid_next: u32) -> String {
    format!(
        r#"
        S: * OK [CAPABILITY IMAP4rev1] ready
        C: a1 LIST "" "*"
        S: * LIST () "/" INBOX
        S: a1 OK
        C: a2 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
        S: * STATUS INBOX (MESSAGES {exists} UIDNEXT {uid_next} UIDVALIDITY 3)
        S: a2 OK
        C: a3 SELECT "INBOX"
        S: * {exists} EXISTS
        S: * OK [UIDVALIDITY 3] valid
        S: * OK [UIDNEXT {uid_next}] next
        S: a3 OK
        "#
    )
}

/// A server with QRESYNC, up to the opened INBOX; `open` is what follows the name of the mailbox, `codes` what
/// comes beside UIDVALIDITY and UIDNEXT.
fn quick(exists: u32, uid_next: u32, open: &str, codes: &str) -> String {
    // Where nothing is held the list of all UIDs is wanted whatever comes, and asked for at once.
    let behind = if open == "(CONDSTORE)" { "C: a4 UID SEARCH RETURN (ALL) ALL" } else { "" };
    format!(
        r#"
        S: * OK [CAPABILITY IMAP4rev1 ENABLE CONDSTORE QRESYNC LIST-EXTENDED LIST-STATUS ESEARCH] ready
        C: a1 ENABLE QRESYNC
        C: a2 LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))
        S: * ENABLED QRESYNC
        S: a1 OK
        S: * LIST () "/" INBOX
        S: a2 OK
        C: a3 EXAMINE "INBOX" {open}
        {behind}
        S: * {exists} EXISTS
        S: * OK [UIDVALIDITY 3] valid
        S: * OK [UIDNEXT {uid_next}] next
        {codes}
        S: a3 OK
        "#
    )
}

/// Three messages by a server with QRESYNC, at modification sequence 50.
async fn three() -> Held {
    let held = Held::nothing();
    let rows: String = (1..=3)
        .map(|uid| {
            format!("S: * {uid} FETCH (UID {uid} FLAGS () MODSEQ (9) INTERNALDATE \"01-May-2026 10:00:00 +0000\" BODY[] \"Subject: n{uid}\")\n")
        })
        .collect();
    let script = quick(3, 4, "(CONDSTORE)", "S: * OK [HIGHESTMODSEQ 50] highest");
    held.sync(&format!(
        r#"{script}
        S: * ESEARCH (TAG "a4") UID ALL 1:3
        S: a4 OK
        C: a5 UID FETCH 1:3 (UID FLAGS MODSEQ INTERNALDATE BODY.PEEK[])
        {rows}
        S: a5 OK
        "#
    ))
    .await;
    assert_eq!(held.rows(), ["1 n1", "2 n2", "3 n3"]);
    held
}

/// What a server over a plain port makes of a client that wants STARTTLS. The script ends with SILENCE: the client
/// must say nothing more.
async fn starttls(script: &str) -> Verdict {
    let server = Server::start(&["localhost"], Opening::Plain, &[script]).unwrap();
    let network = Network::new(&NetworkOptions::default()).unwrap();
    let settings = Settings {
        protocol: Protocol::Imap,
        host: "127.0.0.1".into(),
        port: server.port(),
        security: Security::StartTls,
        username: "ann".into(),
        authentication: vec![],
    };
    let error = open(&network, &settings, &mut Steps::silent()).await.unwrap_err();
    server.finish().unwrap();
    error.finding().map(|finding| finding.verdict).unwrap()
}

#[tokio::test]
async fn extra_bytes_after_starttls_are_refused() {
    let verdict = starttls(
        "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] ready\nC: a1 STARTTLS\nS: a1 OK go on\nS: * CAPABILITY IMAP4rev1 AUTH=PLAIN\nSILENCE\n",
    )
    .await;
    assert_eq!(verdict, Verdict::StarttlsStripped);
}

#[tokio::test]
async fn preauth_where_starttls_is_due_gets_nothing() {
    let verdict = starttls("S: * PREAUTH [CAPABILITY IMAP4rev1] come in\nSILENCE\n").await;
    assert_eq!(verdict, Verdict::StarttlsStripped);
}

#[tokio::test]
async fn starttls_that_is_missing_or_refused_goes_no_further() {
    let offered = "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] ready\nC: a1 STARTTLS\n";
    for script in [
        "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\nSILENCE\n".to_owned(),
        format!("{offered}S: a1 NO not now\nSILENCE\n"),
        format!("{offered}S: a1 BAD what?\nSILENCE\n"),
    ] {
        assert_eq!(starttls(&script).await, Verdict::StarttlsNotOffered, "{script}");
    }
}

#[tokio::test]
async fn an_answer_to_a_tag_that_was_not_sent_ends_the_connection() {
    let (near, mut far) = tokio::io::duplex(1024);
    far.write_all(b"* OK hi\r\na2 OK done\r\n").await.unwrap();
    let mut connection = Connection::new(near, "imap.example.org");
    connection.greeting().await.unwrap();
    let error = connection.ok(Command::new("NOOP"), |_| Ok(())).await.unwrap_err();
    assert_eq!(error.finding().map(|finding| finding.verdict), Some(Verdict::ProtocolError));
}

#[tokio::test]
async fn a_ten_gigabyte_message_ends_the_connection_with_a_finding() {
    let (near, mut far) = tokio::io::duplex(1024);
    far.write_all(b"* OK hi\r\n* 1 FETCH (UID 1 BODY[] {10000000000}\r\n").await.unwrap();
    let mut connection = Connection::new(near, "imap.example.org");
    connection.greeting().await.unwrap();
    let error = connection.ok(Command::new("NOOP"), |_| Ok(())).await.unwrap_err();
    let finding = error.finding().unwrap();
    assert_eq!(finding.verdict, Verdict::ProtocolError);
    assert!(finding.evidence.contains("10000000000 octets"), "{}", finding.evidence);
}

/// Only silence counts: 5 octets that take 500 seconds are progress, 2 minutes of nothing are not.
#[tokio::test(start_paused = true)]
async fn a_stall_in_the_middle_of_a_literal_ends_and_slow_progress_does_not() {
    let (near, mut far) = tokio::io::duplex(1024);
    let server = async move {
        far.write_all(b"* OK hi\r\n* 1 FETCH (UID 1 BODY[] {10}\r\n").await.unwrap();
        for _ in 0..5 {
            sleep(Duration::from_secs(100)).await;
            far.write_all(b"x").await.unwrap();
        }
        far
    };
    let client = async {
        let mut connection = Connection::new(near, "imap.example.org");
        connection.greeting().await.unwrap();
        let begun = Instant::now();
        let error = connection.ok(Command::new("NOOP"), |_| Ok(())).await.unwrap_err();
        (error, begun.elapsed())
    };
    let (_open, (error, after)) = tokio::join!(server, client);
    assert_eq!(error.finding().map(|finding| finding.verdict), Some(Verdict::ConnectionLost));
    assert_eq!(after.as_secs(), 500 + 120);
}

/// The same for what we send: a large message over a slow line.
#[tokio::test(start_paused = true)]
async fn a_slow_line_takes_a_large_message_and_a_stalled_one_ends() {
    for (takes, verdict) in [(usize::MAX, None), (7, Some(Verdict::ConnectionLost))] {
        let (near, mut far) = tokio::io::duplex(1024);
        let server = async move {
            far.write_all(b"* OK [CAPABILITY IMAP4rev1 LITERAL+] hi\r\n").await.unwrap();
            let mut got = Vec::new();
            let mut buffer = [0; 1024];
            for _ in 0..takes {
                sleep(Duration::from_secs(100)).await;
                let count = far.read(&mut buffer).await.unwrap();
                got.extend_from_slice(&buffer[..count]);
                if count == 0 {
                    break;
                }
                if got.ends_with(b"end\r\n\r\n") {
                    far.write_all(b"a1 OK\r\n").await.unwrap();
                    break;
                }
            }
            far
        };
        let client = async {
            let mut connection = Connection::new(near, "imap.example.org");
            connection.greeting().await.unwrap();
            let message = [b"x".repeat(20_000).as_slice(), b"end\r\n"].concat();
            connection.ok(Command::new("APPEND").raw("Sent").literal(message), |_| Ok(())).await.err()
        };
        let (_open, error) = tokio::join!(server, client);
        assert_eq!(error.and_then(|error| error.finding().map(|finding| finding.verdict)), verdict);
    }
}

/// Half a literal cannot be taken back; a server that gets no more of it adds nothing.
#[tokio::test]
async fn a_message_that_ends_too_early_is_not_passed_off_as_whole() {
    let (near, mut far) = tokio::io::duplex(1024);
    far.write_all(b"* OK [CAPABILITY IMAP4rev1 LITERAL+] hi\r\n").await.unwrap();
    let mut connection = Connection::new(near, "imap.example.org");
    connection.greeting().await.unwrap();
    let content = Content::new(10, &b"seven.."[..]);
    let command = Command::new("APPEND").raw("Sent").message(content.size());
    let error = connection.run_with(command, content, |_| Ok(())).await.unwrap_err();
    assert!(error.to_string().contains("imap.example.org: it ends too early"), "{error}");
    drop(connection);
    let mut sent = String::new();
    far.read_to_string(&mut sent).await.unwrap();
    assert_eq!(sent, "a1 APPEND Sent {10+}\r\nseven..");
}

#[tokio::test]
async fn a_message_that_came_damaged_is_fetched_once_more() {
    let held = Held::nothing();
    let begun = plain(2, 3);
    // The first announcement is short: what follows it is no row.
    let report = held
        .sync(&format!(
            r#"{begun}
            C: a4 UID SEARCH ALL
            S: * SEARCH 1 2
            S: a4 OK
            C: a5 UID FETCH 1:2 (UID FLAGS INTERNALDATE BODY.PEEK[])
            S: * 1 FETCH (UID 1 FLAGS () BODY[] {{7}}
            S: Subject: one
            S:
            S: )
            S: * 2 FETCH (UID 2 FLAGS () BODY[] "Subject: two")
            S: a5 OK
            C: a6 UID SEARCH ALL
            S: * SEARCH 1 2
            S: a6 OK
            C: a7 UID FETCH 1 (UID FLAGS INTERNALDATE BODY.PEEK[])
            S: * 1 FETCH (UID 1 FLAGS () BODY[] "Subject: one")
            S: a7 OK
            "#
        ))
        .await;
    assert_eq!(held.rows(), ["1 one", "2 two"]);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

#[tokio::test]
async fn a_message_of_another_size_than_announced_is_fetched_once_more_and_then_kept() {
    let held = Held::nothing();
    let begun = plain(1, 2);
    let report = held
        .sync(&format!(
            r#"{begun}
            C: a4 UID SEARCH ALL
            S: * SEARCH 1
            S: a4 OK
            C: a5 UID FETCH 1 (UID FLAGS INTERNALDATE BODY.PEEK[])
            S: * 1 FETCH (UID 1 RFC822.SIZE 99 BODY[] "Subject: one")
            S: a5 OK
            C: a6 UID SEARCH ALL
            S: * SEARCH 1
            S: a6 OK
            C: a7 UID FETCH 1 (UID FLAGS INTERNALDATE BODY.PEEK[])
            S: * 1 FETCH (UID 1 RFC822.SIZE 99 BODY[] "Subject: one")
            S: a7 OK
            "#
        ))
        .await;
    assert_eq!(held.rows(), ["1 one"]);
    said(&report, "came damaged twice, as UID 1");
}

#[tokio::test]
async fn an_expunge_during_a_fetch_misplaces_nothing() {
    let held = Held::nothing();
    let begun = plain(3, 4);
    held.sync(&format!(
        r#"{begun}
        C: a4 UID SEARCH ALL
        S: * SEARCH 1 2 3
        S: a4 OK
        C: a5 UID FETCH 1:3 (UID FLAGS INTERNALDATE BODY.PEEK[])
        S: * 1 FETCH (UID 1 FLAGS () BODY[] "Subject: one")
        S: * 1 EXPUNGE
        S: * 1 FETCH (UID 2 FLAGS () BODY[] "Subject: two")
        S: * 2 FETCH (FLAGS (\Deleted))
        S: * 2 FETCH (UID 3 FLAGS (\Seen) BODY[] "Subject: three")
        S: a5 OK
        "#
    ))
    .await;
    // The one that left is noticed by the count of the next sync.
    assert_eq!(held.rows(), ["1 one", "2 two", "3 \\Seen three"]);
    let begun = plain(2, 4);
    held.sync(&format!(
        r#"{begun}
        C: a4 UID FETCH 1:4294967295 (FLAGS)
        S: * 1 FETCH (UID 2 FLAGS ())
        S: * 2 FETCH (UID 3 FLAGS (\Seen))
        S: a4 OK
        "#
    ))
    .await;
    assert_eq!(held.rows(), ["2 two", "3 \\Seen three"]);
}

#[tokio::test]
async fn rows_without_a_uid_twice_or_in_descending_order_are_each_message_once() {
    let held = Held::nothing();
    let begun = plain(2, 8);
    held.sync(&format!(
        r#"{begun}
        C: a4 UID SEARCH ALL
        S: * SEARCH 7 0 5 7
        S: a4 OK
        C: a5 UID FETCH 5,7 (UID FLAGS INTERNALDATE BODY.PEEK[])
        S: * 2 FETCH (UID 7 FLAGS () BODY[] "Subject: seven")
        S: * 2 FETCH (UID 0 FLAGS () BODY[] "Subject: nobody")
        S: * 2 FETCH (FLAGS () BODY[] "Subject: nobody either")
        S: * 1 FETCH (UID 5 FLAGS () BODY[] "Subject: five")
        S: * 2 FETCH (UID 7 FLAGS (\Seen) BODY[] "Subject: seven")
        S: * 3 FETCH (UID 6 FLAGS () BODY[] "Subject: not asked for")
        S: a5 OK
        "#
    ))
    .await;
    assert_eq!(held.rows(), ["5 five", "7 \\Seen seven"]);
}

#[tokio::test]
async fn a_uidnext_that_goes_back_makes_every_uid_doubtful() {
    let held = three().await;
    let begun = quick(2, 3, "(QRESYNC (3 50))", "S: * OK [HIGHESTMODSEQ 50] highest");
    // UID 2 was given to another message: what is held under it must not be taken for it.
    let report = held
        .sync(&format!(
            r#"{begun}
            C: a4 UID FETCH 1:2 (UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE)])
            S: * 1 FETCH (UID 1 FLAGS () MODSEQ (9) INTERNALDATE "01-May-2026 10:00:00 +0000" RFC822.SIZE 11 BODY[HEADER.FIELDS (MESSAGE-ID DATE)] "")
            S: * 2 FETCH (UID 2 FLAGS () MODSEQ (9) INTERNALDATE "07-May-2026 10:00:00 +0000" RFC822.SIZE 14 BODY[HEADER.FIELDS (MESSAGE-ID DATE)] "")
            S: a4 OK
            C: a5 UID SEARCH RETURN (ALL) ALL
            S: * ESEARCH (TAG "a5") UID ALL 1:2
            S: a5 OK
            C: a6 UID FETCH 1:2 (UID FLAGS MODSEQ INTERNALDATE BODY.PEEK[])
            S: * 1 FETCH (UID 1 FLAGS () MODSEQ (9) INTERNALDATE "01-May-2026 10:00:00 +0000" BODY[] "Subject: n1")
            S: * 2 FETCH (UID 2 FLAGS () MODSEQ (9) INTERNALDATE "07-May-2026 10:00:00 +0000" BODY[] "Subject: other")
            S: a6 OK
            "#
        ))
        .await;
    assert_eq!(held.rows(), ["1 n1", "2 other"]);
    said(&report, "UIDNEXT went back from 4 to 3");
}

#[tokio::test]
async fn vanished_everything_is_checked_against_the_full_list() {
    let held = three().await;
    let begun =
        quick(3, 4, "(QRESYNC (3 50))", "S: * OK [HIGHESTMODSEQ 60] highest\nS: * VANISHED (EARLIER) 1:*");
    held.sync(&format!(
        r#"{begun}
        -- the count says otherwise
        C: a4 UID SEARCH RETURN (ALL) ALL
        S: * ESEARCH (TAG "a4") UID ALL 1:3
        S: a4 OK
        C: a5 UID FETCH 1:3 (UID FLAGS MODSEQ INTERNALDATE BODY.PEEK[])
        S: * 1 FETCH (UID 1 FLAGS () MODSEQ (9) BODY[] "Subject: n1")
        S: * 2 FETCH (UID 2 FLAGS () MODSEQ (9) BODY[] "Subject: n2")
        S: * 3 FETCH (UID 3 FLAGS () MODSEQ (9) BODY[] "Subject: n3")
        S: a5 OK
        "#
    ))
    .await;
    assert_eq!(held.rows(), ["1 n1", "2 n2", "3 n3"]);
}

#[tokio::test]
async fn an_answer_to_search_that_cannot_be_read_removes_nothing() {
    let held = three().await;
    let begun = quick(2, 4, "(QRESYNC (3 50))", "S: * OK [HIGHESTMODSEQ 60] highest");
    let error = held
        .try_sync(&format!(
            r#"{begun}
            C: a4 UID SEARCH RETURN (ALL) ALL
            S: * ESEARCH (TAG "a4") UID ALL 1:2,x
            S: a4 OK
            "#
        ))
        .await
        .unwrap_err();
    let finding = error.finding().unwrap();
    assert_eq!(finding.verdict, Verdict::ProtocolError);
    assert!(finding.evidence.contains("cannot be read"), "{}", finding.evidence);
    assert_eq!(held.rows(), ["1 n1", "2 n2", "3 n3"]);
}

#[tokio::test]
async fn a_modseq_that_goes_back_or_is_dropped_is_said_and_every_flag_is_compared() {
    for (code, words) in [
        ("S: * OK [HIGHESTMODSEQ 40] highest", "HIGHESTMODSEQ went back from 50 to 40"),
        ("S: * OK [NOMODSEQ] none", "keeps no modification sequences any more"),
    ] {
        let held = three().await;
        let begun = quick(3, 4, "(QRESYNC (3 50))", code);
        let report = held
            .sync(&format!(
                r#"{begun}
                C: a4 UID FETCH 1:4294967295 (FLAGS)
                S: * 1 FETCH (UID 1 FLAGS (\Flagged))
                S: * 2 FETCH (UID 2 FLAGS ())
                S: * 3 FETCH (UID 3 FLAGS ())
                S: a4 OK
                "#
            ))
            .await;
        assert_eq!(held.rows(), ["1 \\Flagged n1", "2 n2", "3 n3"]);
        said(&report, words);
    }
}

/// A message is known by what it is: whichever UIDVALIDITY comes next, nothing is fetched a second time.
#[tokio::test]
async fn a_uidvalidity_that_flaps_downloads_nothing_twice() {
    let held = Held::nothing();
    let opened = |validity: u32| {
        format!(
            r#"
            S: * OK [CAPABILITY IMAP4rev1 OBJECTID] ready
            C: a1 LIST "" "*"
            S: * LIST () "/" INBOX
            S: a1 OK
            C: a2 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY MAILBOXID)
            S: a2 OK
            C: a3 SELECT "INBOX"
            S: * 1 EXISTS
            S: * OK [UIDVALIDITY {validity}] valid
            S: * OK [UIDNEXT 9] next
            S: a3 OK
            C: a4 UID SEARCH ALL
            S: * SEARCH 7
            S: a4 OK
            "#
        )
    };
    let first = r#"
        C: a5 UID FETCH 7 (UID FLAGS INTERNALDATE EMAILID BODY.PEEK[])
        S: * 1 FETCH (UID 7 FLAGS () INTERNALDATE "01-May-2026 10:00:00 +0000" EMAILID (M1) BODY[] "Subject: one")
        S: a5 OK
    "#;
    let again = r#"
        C: a5 UID FETCH 7 (UID FLAGS INTERNALDATE RFC822.SIZE EMAILID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE)])
        S: * 1 FETCH (UID 7 FLAGS () INTERNALDATE "01-May-2026 10:00:00 +0000" RFC822.SIZE 12 EMAILID (M1) BODY[HEADER.FIELDS (MESSAGE-ID DATE)] "")
        S: a5 OK
    "#;
    held.sync(&format!("{}{first}", opened(3))).await;
    for validity in [4, 3, 4, 3] {
        let report = held.sync(&format!("{}{again}", opened(validity))).await;
        assert_eq!((report.mailboxes[0].new, report.mailboxes[0].recognised), (0, 1), "{validity}");
    }
    assert_eq!(held.rows(), ["7 one"]);
}
