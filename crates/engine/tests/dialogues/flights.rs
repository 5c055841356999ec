//! Commands that travel together: the opening of a mailbox, the list of what is in it, and compression.

use super::{Mailbox, held};
use restante_core::mail::{self, MailboxName};
use restante_engine::imap::Connection;
use restante_engine::sync::{Keeper, Progress, sync};
use restante_store::Store;
use std::sync::Mutex;
use std::time::Duration;
use testkit::link::{Link, Quality};
use testkit::script::{Opening, Server};

/// Up to the opening of INBOX with `exists` messages, at UIDVALIDITY 3.
fn listed(exists: u32) -> String {
    let next = exists + 1;
    format!(
        r#"
        S: * OK [CAPABILITY IMAP4rev1 CONDSTORE LIST-EXTENDED LIST-STATUS ESEARCH COMPRESS=DEFLATE] ready
        C: a1 LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))
        S: * LIST () "/" INBOX
        S: * LIST () "/" Other
        S: * STATUS INBOX (MESSAGES {exists} UIDNEXT {next} UIDVALIDITY 3 HIGHESTMODSEQ 50)
        S: * STATUS Other (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3 HIGHESTMODSEQ 50)
        S: a1 OK
        C: a2 EXAMINE "INBOX" (CONDSTORE)
        C: a3 UID SEARCH RETURN (ALL) ALL
        "#
    )
}

fn row(uid: u32, subject: &str) -> String {
    format!(
        "S: * {uid} FETCH (UID {uid} FLAGS () MODSEQ (9) INTERNALDATE \"01-May-2026 10:00:00 +0000\" BODY[] \"Subject: {subject}\")\n"
    )
}

#[tokio::test]
async fn a_list_that_was_asked_of_no_mailbox_is_nothing_to_complain_of() {
    let mailbox = Mailbox::new();
    // Some servers stay in the mailbox before, and list that.
    for search in ["S: a3 BAD no mailbox is selected", "S: * ESEARCH (TAG \"a3\") UID ALL 7\nS: a3 OK"] {
        let script = format!(
            r#"{}
            S: a2 NO [SERVERBUG] broken
            {search}
            C: a4 EXAMINE "Other" (CONDSTORE)
            C: a5 UID SEARCH RETURN (ALL) ALL
            S: a4 NO [SERVERBUG] broken too
            S: a5 BAD no mailbox is selected
            "#,
            listed(2)
        );
        let report = mailbox.sync(&script).await;
        let said: Vec<&str> = report.findings.iter().map(|f| f.evidence.as_str()).collect();
        assert!(said.len() == 2 && said.iter().all(|line| line.contains("answered EXAMINE")), "{said:?}");
        assert_eq!(mailbox.held(), held(&[]));
    }
}

#[tokio::test]
async fn a_new_uidvalidity_after_a_first_sync_that_broke_off_is_noticed_with_the_list_at_hand() {
    let mailbox = Mailbox::new();
    let opened = |validity: u32, uids: &str| {
        format!(
            "S: * 2 EXISTS\nS: * OK [UIDVALIDITY {validity}] valid\nS: * OK [UIDNEXT 9] next\nS: a2 OK\n\
             S: * ESEARCH (TAG \"a3\") UID ALL {uids}\nS: a3 OK\n\
             C: a4 UID FETCH {uids} (UID FLAGS MODSEQ INTERNALDATE BODY.PEEK[])\n"
        )
    };
    // The line breaks after one of two.
    let script = [listed(2), opened(3, "1:2"), row(1, "old")].concat();
    mailbox.sync_at("imap.example.org", &script).await.unwrap_err();
    assert_eq!(mailbox.held(), held(&[(1, "", "old")]));
    // Under UID 1 is another message now: nothing that is held counts as that one.
    let other = r#"
        S: a4 OK
        C: a5 EXAMINE "Other" (CONDSTORE)
        C: a6 UID SEARCH RETURN (ALL) ALL
        S: a5 NO not today
        S: a6 BAD no mailbox is selected
    "#;
    let script = [listed(2), opened(4, "1:2"), row(1, "new"), row(2, "two"), other.to_owned()].concat();
    mailbox.sync(&script).await;
    assert_eq!(mailbox.held(), held(&[(2, "", "two"), (1, "", "new")]));
}

#[tokio::test]
async fn a_list_with_the_opening_that_is_refused_ends_the_sync_as_any_other() {
    let mailbox = Mailbox::new();
    let script = format!(
        "{}S: * 2 EXISTS\nS: * OK [UIDVALIDITY 3] valid\nS: a2 OK\nS: a3 NO [UNAVAILABLE] later\n",
        listed(2)
    );
    let error = mailbox.sync_at("imap.example.org", &script).await.unwrap_err();
    let evidence = &error.finding().unwrap().evidence;
    assert!(evidence.contains("UID SEARCH with: NO [UNAVAILABLE] later"), "{evidence}");
}

/// A sync over 40 ms that the server ends with its script. `known`: the account's INBOX was listed before.
async fn from_far_away(script: &str, known: bool) {
    let server = Server::start(&["localhost"], Opening::Plain, &[script]).unwrap();
    let quality = Quality { round_trip: Duration::from_millis(40), rate: 12_500_000 };
    let far = ([127, 0, 0, 1], server.port()).into();
    let link = Link::start(([127, 0, 0, 1], 0).into(), far, quality).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let keeper = Keeper::start(Store::open(folder.path()).unwrap()).unwrap();
    let account = keeper.with(|store| store.account("ann@example.org")).await.unwrap();
    if known {
        let name = MailboxName::new("INBOX");
        let inbox = mail::Mailbox { name, delimiter: Some('/'), special_use: None, selectable: true };
        keeper.with(move |store| store.set_mailboxes(account, &[inbox])).await.unwrap();
    }
    let stream = tokio::net::TcpStream::connect(link.address()).await.unwrap();
    let mut connection = Connection::new(stream, "imap.example.org");
    connection.greeting().await.unwrap();
    let progress = Mutex::new(Progress::default());
    // The script ends with the fetch, and the connection with the script.
    sync(&mut connection, &keeper, account, &progress).await.unwrap_err();
    server.finish().unwrap();
    keeper.close().unwrap();
}

/// From far away, compression is asked for with the opening when much is to come; a refusal changes nothing.
#[tokio::test]
async fn from_far_away_compression_travels_with_the_opening() {
    for (exists, asked) in [(100, true), (99, false)] {
        let (compress, refused) = if asked {
            ("C: a4 COMPRESS DEFLATE\n", "S: a4 NO [COMPRESSIONACTIVE] TLS does\n")
        } else {
            ("", "")
        };
        let fetch = if asked { 5 } else { 4 };
        let script = format!(
            "{}{compress}S: * {exists} EXISTS\nS: * OK [UIDVALIDITY 3] valid\nS: a2 OK\n\
             S: * ESEARCH (TAG \"a3\") UID ALL 7\nS: a3 OK\n{refused}\
             C: a{fetch} UID FETCH 7 (UID FLAGS MODSEQ INTERNALDATE BODY.PEEK[])\n",
            listed(exists)
        );
        from_far_away(&script, true).await;
    }
}

/// The first sync wants the INBOX whatever the list says, so nobody waits for the list from far away.
#[tokio::test]
async fn from_far_away_a_first_sync_opens_the_inbox_together_with_the_list() {
    let flight = r#"
        S: * OK [CAPABILITY IMAP4rev1 CONDSTORE LIST-STATUS ESEARCH COMPRESS=DEFLATE] ready
        C: a1 LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))
        C: a2 EXAMINE "INBOX" (CONDSTORE)
        C: a3 UID SEARCH RETURN (ALL) ALL
        C: a4 COMPRESS DEFLATE
        S: * LIST () "/" INBOX
        S: * LIST () "/" Other
        S: * STATUS INBOX (MESSAGES 1 UIDNEXT 8 UIDVALIDITY 3 HIGHESTMODSEQ 50)
        S: * STATUS Other (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3 HIGHESTMODSEQ 50)
        S: a1 OK
    "#;
    let opened = r#"
        S: * 1 EXISTS
        S: * OK [UIDVALIDITY 3] valid
        S: * OK [UIDNEXT 8] next
        S: a2 OK
        S: * ESEARCH (TAG "a3") UID ALL 7
        S: a3 OK
        S: a4 NO [COMPRESSIONACTIVE] TLS does
        C: a5 UID FETCH 7 (UID FLAGS MODSEQ INTERNALDATE BODY.PEEK[])
    "#;
    from_far_away(&[flight, opened].concat(), false).await;
    // An INBOX that cannot be opened is complained of, and the others are pulled all the same.
    let refused = r#"
        S: a2 NO [SERVERBUG] broken
        S: a3 BAD no mailbox is selected
        S: a4 NO [COMPRESSIONACTIVE] TLS does
        C: a5 EXAMINE "Other" (CONDSTORE)
        C: a6 UID SEARCH RETURN (ALL) ALL
    "#;
    from_far_away(&[flight, refused].concat(), false).await;
    // An empty INBOX needs nothing more.
    let empty = flight.replace("INBOX (MESSAGES 1", "INBOX (MESSAGES 0");
    let nothing = r#"
        S: * 0 EXISTS
        S: * OK [UIDVALIDITY 3] valid
        S: a2 OK
        S: * ESEARCH (TAG "a3") UID
        S: a3 OK
        S: a4 NO [COMPRESSIONACTIVE] TLS does
        C: a5 EXAMINE "Other" (CONDSTORE)
        C: a6 UID SEARCH RETURN (ALL) ALL
    "#;
    from_far_away(&[&empty, nothing].concat(), false).await;
}
