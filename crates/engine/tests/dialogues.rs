//! What a sync says to a server, and what it makes of the answers: one dialogue a behaviour.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests, not tests themselves"
)]

use restante_core::diagnosis::Verdict;
use restante_core::mail::{Flags, Uid};
use restante_core::query::Query;
use restante_core::sync::Selection;
use restante_engine::Error;
use restante_engine::imap::Connection;
use restante_engine::sync::{Keeper, Progress, Report, sync_selected};
use restante_store::{Ask, Filter, Intent, MailboxId, RequestId, Store, View};
use std::sync::Mutex;
use tempfile::TempDir;
use testkit::script::play;

#[path = "dialogues/flights.rs"]
mod flights;
#[path = "dialogues/policies.rs"]
mod policies;
#[path = "dialogues/pushing.rs"]
mod pushing;

/// A store and what a sync finds in it.
struct Mailbox {
    folder: TempDir,
}

impl Mailbox {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Syncs against a server that follows the script.
    async fn sync(&self, script: &str) -> Report {
        self.sync_at("imap.example.org", script).await.unwrap()
    }

    /// As `sync`, at another host, and it may break off.
    async fn sync_at(&self, host: &str, script: &str) -> Result<Report, Error> {
        self.sync_under(&Selection::default(), host, script).await
    }

    /// As `sync_at`, with what a person chose.
    async fn sync_under(&self, selection: &Selection, host: &str, script: &str) -> Result<Report, Error> {
        let (near, far) = tokio::io::duplex(1 << 16);
        let keeper = Keeper::start(Store::open(self.folder.path()).unwrap()).unwrap();
        let account = keeper.with(|store| store.account("ann@example.org")).await.unwrap();
        let client = async {
            let mut connection = Connection::new(near, host);
            connection.greeting().await.unwrap();
            let progress = Mutex::new(Progress::default());
            sync_selected(&mut connection, &keeper, account, selection, &progress).await
        };
        let (report, played) = tokio::join!(client, play(far, script));
        played.unwrap();
        keeper.close().unwrap();
        report
    }

    /// Stars a message here; the server is not told.
    fn star(&self, mailbox: &str, uid: u32) {
        let intent = Intent::Flag { add: ["\\Flagged"].into_iter().collect(), remove: Flags::new() };
        self.ask(mailbox, uid, intent);
    }

    /// Asks something of a message here, or with UID 0 of the mailbox; the server is not told.
    fn ask(&self, mailbox: &str, uid: u32, intent: Intent) -> RequestId {
        let mut store = Store::open(self.folder.path()).unwrap();
        let ask = Ask { mailbox: id(&store, mailbox), uid: Uid::new(uid), intent };
        store.desk().request("a test", &[ask], 0).unwrap().id
    }

    /// Mailbox, UID, flags and subject of everything held, in this order.
    fn places(&self) -> Vec<String> {
        let view = View::open(self.folder.path()).unwrap();
        let rows = view.list(&Filter { account: None, query: Query::everything() }, 100, None).unwrap();
        let mut places: Vec<String> = Vec::new();
        for row in &rows {
            for place in &row.places {
                let flags: Vec<_> = place.flags.names().collect();
                places.push(format!("{} {} ({}) {}", place.name, place.uid, flags.join(" "), row.subject));
            }
        }
        places.sort();
        places
    }

    /// UID, flags and first line of what is held, the highest UID first.
    fn held(&self) -> Vec<(u32, String, String)> {
        let view = View::open(self.folder.path()).unwrap();
        let rows = view.list(&Filter { account: None, query: Query::everything() }, 100, None).unwrap();
        let mut held: Vec<_> = rows
            .iter()
            .map(|row| {
                let place = &row.places[0];
                let flags: Vec<_> = place.flags.names().map(str::to_owned).collect();
                (place.uid.get(), flags.join(" "), row.subject.clone())
            })
            .collect();
        held.sort_by_key(|row| std::cmp::Reverse(row.0));
        held
    }
}

/// The mailbox of that name.
fn id(view: &View, name: &str) -> MailboxId {
    let account = view.find_account("ann@example.org").unwrap().unwrap();
    let rows = view.mailboxes(account).unwrap();
    rows.iter().find(|row| row.mailbox.name.as_str() == name).unwrap().id
}

fn held(rows: &[(u32, &str, &str)]) -> Vec<(u32, String, String)> {
    rows.iter().map(|(uid, flags, subject)| (*uid, (*flags).to_owned(), (*subject).to_owned())).collect()
}

/// Two messages by a server with nothing but RFC 3501.
const PLAIN_FIRST: &str = r#"
    S: * OK [CAPABILITY IMAP4rev1] ready
    C: a1 LIST "" "*"
    S: * LIST (\HasNoChildren) "/" INBOX
    S: a1 OK listed
    C: a2 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
    S: * STATUS INBOX (MESSAGES 2 UIDNEXT 8 UIDVALIDITY 3)
    S: a2 OK
    C: a3 SELECT "INBOX"
    S: * 2 EXISTS
    S: * OK [UIDVALIDITY 3] valid
    S: * OK [UIDNEXT 8] next
    S: a3 OK [READ-ONLY] opened
    C: a4 UID SEARCH ALL
    S: * SEARCH 5 7
    S: a4 OK
    C: a5 UID FETCH 5,7 (UID FLAGS INTERNALDATE BODY.PEEK[])
    S: * 1 FETCH (UID 5 FLAGS (\Seen) INTERNALDATE "01-May-2026 10:00:00 +0000" BODY[] {17}
    S: Subject: five
    S:
    S: )
    S: * 2 FETCH (UID 7 FLAGS () INTERNALDATE "02-May-2026 10:00:00 +0000" BODY[] {18}
    S: Subject: seven
    S:
    S: )
    S: a5 OK fetched
"#;

#[tokio::test]
async fn a_plain_server_is_read_whole_and_then_compared() {
    let mailbox = Mailbox::new();
    let report = mailbox.sync(PLAIN_FIRST).await;
    assert_eq!(report.mailboxes[0].new, 2);
    assert_eq!(mailbox.held(), held(&[(7, "", "seven"), (5, "\\Seen", "five")]));

    // 7 was read elsewhere, 5 is gone, 9 is new.
    let report = mailbox
        .sync(
            r#"
            S: * OK [CAPABILITY IMAP4rev1] ready
            C: a1 LIST "" "*"
            S: * LIST () "/" INBOX
            S: a1 OK listed
            C: a2 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
            S: * STATUS INBOX (MESSAGES 2 UIDNEXT 10 UIDVALIDITY 3)
            S: a2 OK
            C: a3 SELECT "INBOX"
            S: * 2 EXISTS
            S: * OK [UIDVALIDITY 3] valid
            S: * OK [UIDNEXT 10] next
            S: a3 OK opened
            C: a4 UID FETCH 1:4294967295 (FLAGS)
            S: * 1 FETCH (UID 7 FLAGS (\Seen))
            S: * 2 FETCH (FLAGS (\Flagged) UID 9)
            S: a4 OK
            C: a5 UID FETCH 9 (UID FLAGS INTERNALDATE BODY.PEEK[])
            S: * 2 FETCH (BODY[] {17}
            S: Subject: nine
            S:
            S:  UID 9 FLAGS (\Flagged) INTERNALDATE "03-May-2026 10:00:00 +0000")
            S: a5 OK
            "#,
        )
        .await;
    let inbox = &report.mailboxes[0];
    assert_eq!((inbox.new, inbox.changed, inbox.removed, inbox.total), (1, 1, 1, 2));
    assert_eq!(mailbox.held(), held(&[(9, "\\Flagged", "nine"), (7, "\\Seen", "seven")]));
}

/// Three messages by a server with QRESYNC and LIST-STATUS.
const QRESYNC_FIRST: &str = r#"
    S: * OK [CAPABILITY IMAP4rev1 ENABLE CONDSTORE QRESYNC LIST-EXTENDED LIST-STATUS ESEARCH] ready
    C: a1 ENABLE QRESYNC
    C: a2 LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))
    S: * ENABLED QRESYNC
    S: a1 OK enabled
    S: * LIST () "/" INBOX
    S: * STATUS INBOX (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 3 HIGHESTMODSEQ 50)
    S: a2 OK
    C: a3 EXAMINE "INBOX" (CONDSTORE)
    C: a4 UID SEARCH RETURN (ALL) ALL
    S: * 3 EXISTS
    S: * OK [UIDVALIDITY 3] valid
    S: * OK [UIDNEXT 4] next
    S: * OK [HIGHESTMODSEQ 50] highest
    S: a3 OK opened
    S: * ESEARCH (TAG "a4") UID ALL 1:3
    S: a4 OK
    C: a5 UID FETCH 1:3 (UID FLAGS MODSEQ INTERNALDATE BODY.PEEK[])
    S: * 1 FETCH (UID 1 FLAGS () MODSEQ (10) INTERNALDATE "01-May-2026 10:00:00 +0000" BODY[] "Subject: one")
    S: * 2 FETCH (UID 2 FLAGS () MODSEQ (20) INTERNALDATE "02-May-2026 10:00:00 +0000" BODY[] "Subject: two")
    S: * 3 FETCH (UID 3 FLAGS () MODSEQ (30) INTERNALDATE "03-May-2026 10:00:00 +0000" BODY[] "Subject: three")
    S: a5 OK
"#;

#[tokio::test]
async fn nothing_changed_is_one_round_trip() {
    let mailbox = Mailbox::new();
    mailbox.sync(QRESYNC_FIRST).await;
    let report = mailbox
        .sync(
            r#"
            S: * OK [CAPABILITY IMAP4rev1 ENABLE CONDSTORE QRESYNC LIST-EXTENDED LIST-STATUS ESEARCH] ready
            C: a1 ENABLE QRESYNC
            C: a2 LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))
            S: * ENABLED QRESYNC
            S: a1 OK enabled
            S: * LIST () "/" INBOX
            S: * STATUS INBOX (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 3 HIGHESTMODSEQ 50)
            S: a2 OK
            "#,
        )
        .await;
    assert_eq!(report.round_trips, 1);
    assert_eq!(report.mailboxes[0].total, 3);
}

#[tokio::test]
async fn qresync_brings_what_changed_with_the_opening() {
    let mailbox = Mailbox::new();
    mailbox.sync(QRESYNC_FIRST).await;
    let report = mailbox
        .sync(
            r#"
            S: * OK [CAPABILITY IMAP4rev1 ENABLE CONDSTORE QRESYNC LIST-EXTENDED LIST-STATUS ESEARCH] ready
            C: a1 ENABLE QRESYNC
            C: a2 LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))
            S: * ENABLED
            S: a1 OK an empty list of what was enabled is no refusal
            S: * LIST () "/" INBOX
            S: * STATUS INBOX (MESSAGES 3 UIDNEXT 5 UIDVALIDITY 3 HIGHESTMODSEQ 60)
            S: a2 OK
            C: a3 EXAMINE "INBOX" (QRESYNC (3 50))
            S: * 3 EXISTS
            S: * OK [UIDVALIDITY 3] valid
            S: * OK [UIDNEXT 5] next
            S: * OK [HIGHESTMODSEQ 60] highest
            S: * VANISHED (EARLIER) 1,77
            S: * 1 FETCH (UID 2 FLAGS (\Seen) MODSEQ (55))
            S: * 3 FETCH (UID 4 FLAGS () MODSEQ (60))
            S: a3 OK opened
            C: a4 UID FETCH 4 (UID FLAGS MODSEQ INTERNALDATE BODY.PEEK[])
            S: * 3 FETCH (UID 4 FLAGS () MODSEQ (60) INTERNALDATE "04-May-2026 10:00:00 +0000" BODY[] "Subject: four")
            S: a4 OK
            "#,
        )
        .await;
    let inbox = &report.mailboxes[0];
    assert_eq!((inbox.new, inbox.changed, inbox.removed, inbox.total), (1, 1, 1, 3));
    assert_eq!(report.round_trips, 3);
    assert_eq!(mailbox.held(), held(&[(4, "", "four"), (3, "", "three"), (2, "\\Seen", "two")]));
}

#[tokio::test]
async fn a_count_that_disagrees_is_settled_by_the_full_list() {
    let mailbox = Mailbox::new();
    mailbox.sync(QRESYNC_FIRST).await;
    mailbox
        .sync(
            r#"
            S: * OK [CAPABILITY IMAP4rev1 ENABLE CONDSTORE QRESYNC LIST-EXTENDED LIST-STATUS ESEARCH] ready
            C: a1 ENABLE QRESYNC
            C: a2 LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))
            S: a1 OK
            S: * LIST () "/" INBOX
            S: * STATUS INBOX (MESSAGES 2 UIDNEXT 4 UIDVALIDITY 3 HIGHESTMODSEQ 60)
            S: a2 OK
            C: a3 EXAMINE "INBOX" (QRESYNC (3 50))
            -- the server forgets to say what vanished
            S: * 2 EXISTS
            S: * OK [UIDVALIDITY 3] valid
            S: * OK [UIDNEXT 4] next
            S: * OK [HIGHESTMODSEQ 60] highest
            S: a3 OK opened
            C: a4 UID SEARCH RETURN (ALL) ALL
            S: * ESEARCH (TAG "a4") UID ALL 1,3
            S: a4 OK
            "#,
        )
        .await;
    assert_eq!(mailbox.held(), held(&[(3, "", "three"), (1, "", "one")]));
}

#[tokio::test]
async fn a_new_uidvalidity_forgets_the_entries_and_no_content() {
    let mailbox = Mailbox::new();
    mailbox.sync(PLAIN_FIRST).await;
    let report = mailbox
        .sync(
            r#"
            S: * OK [CAPABILITY IMAP4rev1] ready
            C: a1 LIST "" "*"
            S: * LIST () "/" INBOX
            S: a1 OK listed
            C: a2 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
            S: a2 NO not now
            C: a3 SELECT "INBOX"
            S: * 1 EXISTS
            S: * OK [UIDVALIDITY 4] valid
            S: * OK [UIDNEXT 2] next
            S: a3 OK opened
            C: a4 UID SEARCH ALL
            S: * SEARCH 1
            S: a4 OK
            C: a5 UID FETCH 1 (UID FLAGS INTERNALDATE BODY.PEEK[])
            S: * 1 FETCH (UID 1 FLAGS (\Seen) INTERNALDATE "01-May-2026 10:00:00 +0000" BODY[] {17}
            S: Subject: five
            S:
            S: )
            S: a5 OK
            "#,
        )
        .await;
    assert_eq!((report.mailboxes[0].new, report.mailboxes[0].removed), (1, 2));
    assert_eq!(mailbox.held(), held(&[(1, "\\Seen", "five")]));
}

#[tokio::test]
async fn one_mailbox_that_does_not_open_leaves_the_others_in_peace() {
    let mailbox = Mailbox::new();
    // The program's name was said with the login: not a second time.
    let report = mailbox
        .sync(
            r#"
            S: * OK [CAPABILITY IMAP4rev1 ID] ready
            C: a1 LIST "" "*"
            S: * LIST () "/" Broken
            S: * LIST (\Noselect) "/" Folder
            S: * LIST () "/" INBOX
            S: * LIST (\HasNoChildren) "/" INBOX
            S: a1 OK listed
            C: a2 STATUS "Broken" (MESSAGES UIDNEXT UIDVALIDITY)
            C: a3 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
            S: a2 NO [SERVERBUG] broken
            S: * STATUS INBOX (MESSAGES 1 UIDNEXT 6 UIDVALIDITY 3)
            S: a3 OK
            C: a4 SELECT "INBOX"
            S: * 1 EXISTS
            S: * OK [UIDVALIDITY 3] valid
            S: a4 OK opened, and it says no UIDNEXT
            C: a5 UID SEARCH ALL
            S: * SEARCH 5
            S: a5 OK
            C: a6 UID FETCH 5 (UID FLAGS INTERNALDATE BODY.PEEK[])
            S: * 1 FETCH (UID 5 FLAGS () INTERNALDATE "01-May-2026 10:00:00 +0000" BODY[] "Subject: five")
            S: a6 OK
            C: a7 SELECT "Broken"
            S: a7 NO [SERVERBUG] broken
            "#,
        )
        .await;
    assert_eq!(report.mailboxes.len(), 2, "one that cannot be selected is none");
    assert_eq!(mailbox.held(), held(&[(5, "", "five")]));
    assert_eq!(report.findings.len(), 1);
    assert!(report.findings[0].evidence.contains("[SERVERBUG] broken"), "{:?}", report.findings);
    // It was understood: the server cannot just now.
    assert_eq!(report.findings[0].verdict, Verdict::TemporaryFailure);
    assert_eq!(report.unread, Some(Verdict::TemporaryFailure));
}

#[tokio::test]
async fn a_message_without_content_is_reported_and_fetched_again_next_time() {
    let mailbox = Mailbox::new();
    let report = mailbox
        .sync(
            r#"
            S: * OK [CAPABILITY IMAP4rev1] ready
            C: a1 LIST "" "*"
            S: * LIST () "/" INBOX
            S: a1 OK listed
            C: a2 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
            S: * STATUS INBOX (MESSAGES 2 UIDNEXT 3 UIDVALIDITY 3)
            S: a2 OK
            C: a3 SELECT "INBOX"
            S: * 2 EXISTS
            S: * OK [UIDVALIDITY 3] valid
            S: * OK [UIDNEXT 3] next
            S: a3 OK opened
            C: a4 UID SEARCH ALL
            S: * SEARCH 1 2
            S: a4 OK
            C: a5 UID FETCH 1:2 (UID FLAGS INTERNALDATE BODY.PEEK[])
            S: * 1 FETCH (UID 1 FLAGS () INTERNALDATE "01-May-2026 10:00:00 +0000" BODY[] "Subject: one")
            S: * 2 FETCH (UID 2 FLAGS () INTERNALDATE "01-May-2026 10:00:00 +0000" BODY[] NIL)
            S: a5 OK
            C: a6 UID SEARCH ALL
            S: * SEARCH 1 2
            S: a6 OK
            C: a7 UID FETCH 2 (UID FLAGS INTERNALDATE BODY.PEEK[])
            S: a7 NO it is really not there
            "#,
        )
        .await;
    assert_eq!(mailbox.held(), held(&[(1, "", "one")]));
    let said: Vec<&str> = report.findings.iter().map(|f| f.evidence.as_str()).collect();
    let [said] = said.as_slice() else { panic!("{said:?}") };
    assert!(said.contains("does not give UID 2: ") && said.contains("NO it is really not there"), "{said}");
    assert_eq!(report.findings[0].verdict, Verdict::RequestRefused);
}

#[tokio::test]
async fn flags_that_came_with_a_great_removal_are_kept() {
    let mailbox = Mailbox::new();
    let rows: String = (1..=30)
        .map(|uid| {
            format!("S: * {uid} FETCH (UID {uid} FLAGS () MODSEQ (9) INTERNALDATE \"01-May-2026 10:00:00 +0000\" BODY[] \"Subject: {uid}\")\n")
        })
        .collect();
    mailbox
        .sync(&format!(
            r#"
            S: * OK [CAPABILITY IMAP4rev1 ENABLE CONDSTORE QRESYNC LIST-EXTENDED LIST-STATUS ESEARCH] ready
            C: a1 ENABLE QRESYNC
            C: a2 LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))
            S: a1 OK
            S: * LIST () "/" INBOX
            S: * STATUS INBOX (MESSAGES 30 UIDNEXT 31 UIDVALIDITY 3 HIGHESTMODSEQ 50)
            S: a2 OK
            C: a3 EXAMINE "INBOX" (CONDSTORE)
            C: a4 UID SEARCH RETURN (ALL) ALL
            S: * 30 EXISTS
            S: * OK [UIDVALIDITY 3] valid
            S: * OK [UIDNEXT 31] next
            S: * OK [HIGHESTMODSEQ 50] highest
            S: a3 OK
            S: * ESEARCH (TAG "a4") UID ALL 1:30
            S: a4 OK
            C: a5 UID FETCH 11:30 (UID FLAGS MODSEQ INTERNALDATE BODY.PEEK[])
            C: a6 UID FETCH 1:10 (UID FLAGS MODSEQ INTERNALDATE BODY.PEEK[])
            {rows}
            S: a6 OK the second is done first
            S: a5 OK
            "#
        ))
        .await;
    mailbox
        .sync(
            r#"
            S: * OK [CAPABILITY IMAP4rev1 ENABLE CONDSTORE QRESYNC LIST-EXTENDED LIST-STATUS ESEARCH] ready
            C: a1 ENABLE QRESYNC
            C: a2 LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))
            S: a1 OK
            S: * LIST () "/" INBOX
            S: * STATUS INBOX (MESSAGES 2 UIDNEXT 31 UIDVALIDITY 3 HIGHESTMODSEQ 60)
            S: a2 OK
            C: a3 EXAMINE "INBOX" (QRESYNC (3 50))
            S: * 2 EXISTS
            S: * OK [UIDVALIDITY 3] valid
            S: * OK [UIDNEXT 31] next
            S: * OK [HIGHESTMODSEQ 60] highest
            S: * VANISHED (EARLIER) 1:28
            S: * 1 FETCH (UID 29 FLAGS (\Flagged) MODSEQ (55))
            S: a3 OK
            -- so much is believed only when the full list says it too
            C: a4 UID SEARCH RETURN (ALL) ALL
            S: * ESEARCH (TAG "a4") UID ALL 29:30
            S: a4 OK
            "#,
        )
        .await;
    assert_eq!(mailbox.held(), held(&[(30, "", "30"), (29, "\\Flagged", "29")]));
}

#[tokio::test]
async fn answers_may_come_in_another_order_and_empty_mailboxes_are_not_opened() {
    let mailbox = Mailbox::new();
    for _ in 0..2 {
        let report = mailbox.sync(TWO_EMPTY).await;
        assert_eq!(report.mailboxes.len(), 2);
    }
}

/// Nothing in either of them, which STATUS tells.
const TWO_EMPTY: &str = r#"
    S: * OK [CAPABILITY IMAP4rev1] ready
    C: a1 LIST "" "*"
    S: * LIST () "/" INBOX
    S: * LIST () "/" Other
    S: a1 OK
    C: a2 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
    C: a3 STATUS "Other" (MESSAGES UIDNEXT UIDVALIDITY)
    S: * STATUS Other (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 3)
    S: a3 OK
    S: * STATUS INBOX (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 3)
    S: a2 OK
"#;

/// The old server: three messages in INBOX, one in INBOX.Sent.
const OLD_SERVER: &str = r#"
    S: * OK [CAPABILITY IMAP4rev1] ready
    C: a1 LIST "" "*"
    S: * LIST () "." INBOX
    S: * LIST () "." INBOX.Sent
    S: a1 OK listed
    C: a2 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
    C: a3 STATUS "INBOX.Sent" (MESSAGES UIDNEXT UIDVALIDITY)
    S: a2 OK
    S: a3 OK
    C: a4 SELECT "INBOX"
    S: * 3 EXISTS
    S: * OK [UIDVALIDITY 1] valid
    S: * OK [UIDNEXT 4] next
    S: a4 OK opened
    C: a5 UID SEARCH ALL
    S: * SEARCH 1 2 3
    S: a5 OK
    C: a6 UID FETCH 1:3 (UID FLAGS INTERNALDATE BODY.PEEK[])
    S: * 1 FETCH (UID 1 FLAGS () INTERNALDATE "01-May-2026 10:00:00 +0000" BODY[] {33}
    S: Message-ID: <1@x>
    S: Subject: one
    S: )
    S: * 2 FETCH (UID 2 FLAGS () INTERNALDATE "02-May-2026 10:00:00 +0000" BODY[] {33}
    S: Message-ID: <2@x>
    S: Subject: two
    S: )
    S: * 3 FETCH (UID 3 FLAGS () INTERNALDATE "03-May-2026 10:00:00 +0000" BODY[] {35}
    S: Message-ID: <3@x>
    S: Subject: three
    S: )
    S: a6 OK fetched
    C: a7 SELECT "INBOX.Sent"
    S: * 1 EXISTS
    S: * OK [UIDVALIDITY 1] valid
    S: * OK [UIDNEXT 2] next
    S: a7 OK opened
    C: a8 UID SEARCH ALL
    S: * SEARCH 1
    S: a8 OK
    C: a9 UID FETCH 1 (UID FLAGS INTERNALDATE BODY.PEEK[])
    S: * 1 FETCH (UID 1 FLAGS (\Seen) INTERNALDATE "04-May-2026 10:00:00 +0000" BODY[] {34}
    S: Message-ID: <4@x>
    S: Subject: four
    S: )
    S: a9 OK fetched
"#;

/// How the new server begins: the same UIDVALIDITY, and other messages under the same UIDs.
const NEW_SERVER: &str = r#"
    S: * OK [CAPABILITY IMAP4rev1] ready
    C: a1 LIST "" "*"
    S: * LIST () "/" INBOX
    S: * LIST () "/" Sent
    S: a1 OK listed
    C: a2 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
    C: a3 STATUS "Sent" (MESSAGES UIDNEXT UIDVALIDITY)
    S: a2 OK
    S: a3 OK
    C: a4 SELECT "INBOX"
    S: * 3 EXISTS
    S: * OK [UIDVALIDITY 1] valid
    S: * OK [UIDNEXT 4] next
    S: a4 OK opened
    C: a5 UID SEARCH ALL
    S: * SEARCH 1 2 3
    S: a5 OK
    C: a6 UID FETCH 1:3 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE)])
"#;

/// Three is first there, two was read, a fifth message came; one lies in Sent.
const NEW_INBOX: &str = r#"
    S: * 1 FETCH (UID 1 FLAGS () INTERNALDATE "03-May-2026 10:00:00 +0000" RFC822.SIZE 35 BODY[HEADER.FIELDS (MESSAGE-ID DATE)] {21}
    S: Message-ID: <3@x>
    S: )
    S: * 2 FETCH (UID 2 FLAGS (\Seen) INTERNALDATE "02-May-2026 10:00:00 +0000" RFC822.SIZE 33 BODY[HEADER.FIELDS (MESSAGE-ID DATE)] {21}
    S: Message-ID: <2@x>
    S: )
    S: * 3 FETCH (UID 3 FLAGS () INTERNALDATE "05-May-2026 10:00:00 +0000" RFC822.SIZE 34 BODY[HEADER.FIELDS (MESSAGE-ID DATE)] "Message-ID: <5@x>")
    S: a6 OK described
    C: a7 UID FETCH 3 (UID FLAGS INTERNALDATE BODY.PEEK[])
"#;

/// The only body that travels.
const NEW_MESSAGE: &str = r#"
    S: * 3 FETCH (UID 3 FLAGS () INTERNALDATE "05-May-2026 10:00:00 +0000" BODY[] {34}
    S: Message-ID: <5@x>
    S: Subject: five
    S: )
    S: a7 OK fetched
    C: a8 SELECT "Sent"
    S: * 2 EXISTS
    S: * OK [UIDVALIDITY 1] valid
    S: * OK [UIDNEXT 3] next
    S: a8 OK opened
    C: a9 UID SEARCH ALL
    S: * SEARCH 1 2
    S: a9 OK
    C: a10 UID FETCH 1:2 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE)])
    S: * 1 FETCH (UID 1 FLAGS () INTERNALDATE "01-May-2026 10:00:00 +0000" RFC822.SIZE 33 BODY[HEADER.FIELDS (MESSAGE-ID DATE)] "Message-ID: <1@x>")
    S: * 2 FETCH (UID 2 FLAGS (\Seen) INTERNALDATE "04-May-2026 10:00:00 +0000" RFC822.SIZE 34 BODY[HEADER.FIELDS (MESSAGE-ID DATE)] "Message-ID: <4@x>")
    S: a10 OK described
"#;

/// The same conversation with tags higher by `by`.
fn shifted(script: &str, by: u32) -> String {
    let line = |line: &str| {
        let (side, rest) = line.trim_start().split_once(' ').unwrap_or((line, ""));
        let tagged = rest.strip_prefix('a').and_then(|rest| rest.split_once(' '));
        match tagged.and_then(|(number, rest)| Some((number.parse::<u32>().ok()?, rest))) {
            Some((number, rest)) => format!("{side} a{} {rest}\n", number + by),
            None => format!("{line}\n"),
        }
    };
    script.lines().map(line).collect()
}

/// The stars that the old server was never told of; from tag `first` on.
fn stars(first: u32, mailboxes: &[(&str, &str, &[&str])]) -> String {
    let mut script = String::new();
    for ((name, uids, rows), tag) in mailboxes.iter().zip((first..).step_by(3)) {
        let (store, fetch) = (tag + 1, tag + 2);
        script.push_str(&format!(
            "C: a{tag} SELECT \"{name}\"\nS: * OK [UIDVALIDITY 1] valid\nS: a{tag} OK\n\
             C: a{store} UID STORE {uids} +FLAGS.SILENT (\\Flagged)\nC: a{fetch} UID FETCH {uids} (UID FLAGS)\n\
             S: a{store} OK\n"
        ));
        rows.iter().for_each(|row| script.push_str(&format!("S: * 1 FETCH ({row})\n")));
        script.push_str(&format!("S: a{fetch} OK\n"));
    }
    script
}

const IN_INBOX: (&str, &str, &[&str]) = ("INBOX", "2", &["UID 2 FLAGS (\\Seen \\Flagged)"]);
const IN_SENT: (&str, &str, &[&str]) =
    ("Sent", "1:2", &["UID 1 FLAGS (\\Flagged)", "UID 2 FLAGS (\\Seen \\Flagged)"]);

/// What is here after the move, whatever happened on the way.
fn moved(mailbox: &Mailbox) {
    let expected = [
        "INBOX 1 () three",
        "INBOX 2 (\\Flagged \\Seen) two",
        "INBOX 3 () five",
        "Sent 1 (\\Flagged) one",
        "Sent 2 (\\Flagged \\Seen) four",
    ];
    assert_eq!(mailbox.places(), expected);
}

/// Mail from the old server, and stars it was never told of.
async fn with_unpushed_stars() -> Mailbox {
    let mailbox = Mailbox::new();
    mailbox.sync_at("imap.old.example", OLD_SERVER).await.unwrap();
    mailbox.star("INBOX", 1);
    mailbox.star("INBOX", 2);
    mailbox.star("INBOX.Sent", 1);
    mailbox
}

#[tokio::test]
async fn on_another_server_messages_are_recognised_and_what_was_asked_follows_them() {
    let mailbox = with_unpushed_stars().await;
    let pushed = stars(11, &[IN_INBOX, IN_SENT]);
    let script = [NEW_SERVER, NEW_INBOX, NEW_MESSAGE, &pushed].concat();
    let report = mailbox.sync_at("imap.new.example", &script).await.unwrap();
    moved(&mailbox);
    assert_eq!(report.pushed, 3);
    let counts: Vec<_> = report.mailboxes.iter().map(|m| (m.new, m.recognised, m.removed, m.total)).collect();
    assert_eq!(counts, [(1, 2, 1, 3), (0, 2, 0, 2)]);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

#[tokio::test]
async fn a_move_broken_off_at_any_point_keeps_what_was_there_and_fetches_nothing_twice() {
    // Before the new server has described anything, the mail is as it was.
    let mailbox = with_unpushed_stars().await;
    let before = mailbox.places();
    mailbox.sync_at("imap.new.example", NEW_SERVER).await.unwrap_err();
    let renamed: Vec<_> = before.iter().map(|place| place.replace("INBOX.Sent", "Sent")).collect();
    assert_eq!(mailbox.places(), renamed);

    // After that, what was recognised is here, and only the rest is asked for.
    mailbox.sync_at("imap.new.example", &[NEW_SERVER, NEW_INBOX].concat()).await.unwrap_err();
    assert_eq!(mailbox.places()[0], "INBOX 1 () three");
    let rest = r#"
        S: * OK [CAPABILITY IMAP4rev1] ready
        C: a1 LIST "" "*"
        S: * LIST () "/" INBOX
        S: * LIST () "/" Sent
        S: a1 OK listed
        C: a2 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
        C: a3 STATUS "Sent" (MESSAGES UIDNEXT UIDVALIDITY)
        S: a2 OK
        S: a3 OK
        C: a4 SELECT "INBOX"
        S: * 3 EXISTS
        S: * OK [UIDVALIDITY 1] valid
        S: * OK [UIDNEXT 4] next
        S: a4 OK opened
        C: a5 UID SEARCH ALL
        S: * SEARCH 1 2 3
        S: a5 OK
        C: a6 UID FETCH 1:2 (FLAGS)
        S: * 1 FETCH (UID 1 FLAGS ())
        S: * 2 FETCH (UID 2 FLAGS (\Seen \Flagged))
        S: a6 OK
        C: a7 UID FETCH 3 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE)])
        S: * 3 FETCH (UID 3 FLAGS () INTERNALDATE "05-May-2026 10:00:00 +0000" RFC822.SIZE 34 BODY[HEADER.FIELDS (MESSAGE-ID DATE)] "Message-ID: <5@x>")
        S: a7 OK
        C: a8 UID FETCH 3 (UID FLAGS INTERNALDATE BODY.PEEK[])
    "#;
    let begun = stars(1, &[IN_INBOX]);
    let begun = format!("S: * OK [CAPABILITY IMAP4rev1] ready\n{begun}");
    let rest = shifted(rest.split_once('\n').unwrap().1.split_once('\n').unwrap().1, 3);
    let script = [begun, rest, shifted(NEW_MESSAGE, 4), stars(15, &[IN_SENT])].concat();
    mailbox.sync_at("imap.new.example", &script).await.unwrap();
    moved(&mailbox);
}

#[tokio::test]
async fn a_mailbox_the_new_server_does_not_have_stays_until_that_is_said_twice() {
    let mailbox = with_unpushed_stars().await;
    let without_sent = r#"
        S: * OK [CAPABILITY IMAP4rev1] ready
        C: a1 LIST "" "*"
        S: * LIST () "/" INBOX
        S: a1 OK listed
        C: a2 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
        S: a2 OK
        C: a3 SELECT "INBOX"
        S: * 0 EXISTS
        S: * OK [UIDVALIDITY 9] valid
        S: * OK [UIDNEXT 1] next
        S: a3 OK opened
    "#;
    let searched = "C: a4 UID SEARCH ALL\nS: * SEARCH\nS: a4 OK\n";
    let script = format!("{without_sent}{searched}");
    let report = mailbox.sync_at("imap.new.example", &script).await.unwrap();
    assert_eq!(mailbox.places(), ["INBOX.Sent 1 (\\Flagged \\Seen) four"]);
    assert_eq!(report.findings[0].verdict, Verdict::MailMissing);
    assert!(report.findings[0].evidence.contains("INBOX.Sent: 1 message"), "{:?}", report.findings);
    let compared = "C: a4 UID FETCH 1:4294967295 (FLAGS)\nS: a4 OK\n";
    mailbox.sync_at("imap.new.example", &format!("{without_sent}{compared}")).await.unwrap();
    assert_eq!(mailbox.places(), [""; 0]);
    // Nothing is lost for that: it comes back without travelling again.
    let script =
        [NEW_SERVER.replace("UIDVALIDITY 1]", "UIDVALIDITY 10]").as_str(), NEW_INBOX, NEW_MESSAGE].concat();
    // What was superseded waits again.
    let pushed = stars(11, &[IN_INBOX, IN_SENT]).replacen("UIDVALIDITY 1]", "UIDVALIDITY 10]", 1);
    let script = script + &pushed;
    mailbox.sync_at("imap.new.example", &script).await.unwrap();
    moved(&mailbox);
}

#[tokio::test]
async fn an_email_id_is_kept_and_recognised_where_nothing_else_names_a_message() {
    let mailbox = Mailbox::new();
    let opened = |validity: u32| {
        format!(
            r#"
            S: * OK [CAPABILITY IMAP4rev1 OBJECTID] ready
            C: a1 LIST "" "*"
            S: * LIST () "/" INBOX
            S: a1 OK listed
            C: a2 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY MAILBOXID)
            S: a2 OK
            C: a3 SELECT "INBOX"
            S: * 1 EXISTS
            S: * OK [UIDVALIDITY {validity}] valid
            S: * OK [UIDNEXT 9] next
            S: a3 OK opened
            C: a4 UID SEARCH ALL
            S: * SEARCH 7
            S: a4 OK
            "#
        )
    };
    let first = r#"
        C: a5 UID FETCH 7 (UID FLAGS INTERNALDATE EMAILID BODY.PEEK[])
        S: * 1 FETCH (UID 7 FLAGS () INTERNALDATE "01-May-2026 10:00:00 +0000" EMAILID (M6d99) BODY[] "Subject: one")
        S: a5 OK
    "#;
    mailbox.sync(&format!("{}{first}", opened(3))).await;
    let second = r#"
        C: a5 UID FETCH 7 (UID FLAGS INTERNALDATE RFC822.SIZE EMAILID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE)])
        S: * 1 FETCH (UID 7 FLAGS () INTERNALDATE "01-May-2026 10:00:00 +0000" RFC822.SIZE 12 EMAILID (M6d99) BODY[HEADER.FIELDS (MESSAGE-ID DATE)] "")
        S: a5 OK
    "#;
    let report = mailbox.sync(&format!("{}{second}", opened(4))).await;
    assert_eq!((report.mailboxes[0].new, report.mailboxes[0].recognised), (0, 1));
    assert_eq!(mailbox.places(), ["INBOX 7 () one"]);
}
