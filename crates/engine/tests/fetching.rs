//! How whole messages come: what is there at once, what is searchable, and what one bad message may hide.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, not tests themselves")]

use restante_core::query::{Field, Query, Term, Way};
use restante_engine::Error;
use restante_engine::imap::Connection;
use restante_engine::sync::{Indexer, Keeper, Progress, Report, index, sync};
use restante_store::{Filter, Store, View};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use testkit::script::play;

/// Syncs a store in a folder against a server that follows the script.
async fn run(keeper: &Keeper, script: &str) -> Result<Report, Error> {
    let (near, far) = tokio::io::duplex(1 << 16);
    let account = keeper.with(|store| store.account("ann@example.org")).await.unwrap();
    let client = async {
        let mut connection = Connection::new(near, "imap.example.org");
        connection.greeting().await.unwrap();
        sync(&mut connection, keeper, account, &Mutex::new(Progress::default())).await
    };
    let (report, played) = tokio::join!(client, play(far, script));
    played.unwrap();
    report
}

async fn synced(script: &str) -> (TempDir, Report) {
    let folder = tempfile::tempdir().unwrap();
    let keeper = Keeper::start(Store::open(folder.path()).unwrap()).unwrap();
    let report = run(&keeper, script).await.unwrap();
    keeper.close().unwrap();
    (folder, report)
}

/// How many messages there are with a word.
fn count(folder: &Path, word: &str) -> u64 {
    let query = match word {
        "" => Query::everything(),
        word => Query::Term(Term::Text { field: Field::Any, text: word.to_owned(), way: Way::Exact }),
    };
    View::open(folder).unwrap().count(&Filter { account: None, query }).unwrap()
}

fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(40);
    while !ready() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

/// A mailbox of so many messages, up to the list of their UIDs.
fn opened(exists: u32) -> String {
    let next = exists + 1;
    format!(
        "S: * OK [CAPABILITY IMAP4rev1] ready
         C: a1 LIST \"\" \"*\"
         S: * LIST () \"/\" INBOX
         S: a1 OK listed
         C: a2 STATUS \"INBOX\" (MESSAGES UIDNEXT UIDVALIDITY)
         S: * STATUS INBOX (MESSAGES {exists} UIDNEXT {next} UIDVALIDITY 3)
         S: a2 OK
         C: a3 SELECT \"INBOX\"
         S: * {exists} EXISTS
         S: * OK [UIDVALIDITY 3] valid
         S: * OK [UIDNEXT {next}] next
         S: a3 OK opened
         C: a4 UID SEARCH ALL
         S: * SEARCH {}
         S: a4 OK
         ",
        (1..=exists).map(|uid| uid.to_string()).collect::<Vec<_>>().join(" ")
    )
}

/// The client asks for these UIDs.
fn asks(tag: u32, uids: &str) -> String {
    format!("C: a{tag} UID FETCH {uids} (UID FLAGS INTERNALDATE BODY.PEEK[])\n")
}

/// The server gives these messages.
fn gives(uids: impl IntoIterator<Item = u32>) -> String {
    let row = |uid| {
        format!(
            "S: * {uid} FETCH (UID {uid} FLAGS () INTERNALDATE \"01-May-2026 10:00:00 +0000\" BODY[] \"Subject: letter {uid}\")\n"
        )
    };
    uids.into_iter().map(row).collect()
}

#[tokio::test]
async fn one_message_that_cannot_be_read_hides_none_of_its_neighbours() {
    let script = [
        opened(5),
        asks(5, "1:5"),
        gives([5]),
        "S: a5 NO [SERVERBUG] message 2 is damaged\n".to_owned(),
        asks(6, "3:4") + &asks(7, "1:2"),
        gives([3, 4]),
        "S: a6 OK\n".to_owned(),
        gives([1]),
        "S: a7 BAD message 2 is damaged\n".to_owned(),
    ]
    .concat();
    let (folder, report) = synced(&script).await;
    assert_eq!(count(folder.path(), ""), 4);
    let [finding] = report.findings.as_slice() else { panic!("{:?}", report.findings) };
    assert!(finding.evidence.contains("UID 2: "), "{}", finding.evidence);
    assert!(finding.evidence.contains("BAD message 2 is damaged"), "{}", finding.evidence);
}

#[tokio::test]
async fn a_message_that_is_refused_alone_is_not_asked_for_again() {
    let script = [opened(1), asks(5, "1"), "S: a5 NO not this one\n".to_owned()].concat();
    let (folder, report) = synced(&script).await;
    assert_eq!((count(folder.path(), ""), report.findings.len()), (0, 1));
}

#[tokio::test]
async fn messages_that_were_expunged_meanwhile_are_nothing_to_complain_of() {
    let script = [
        opened(2),
        asks(5, "1:2"),
        gives([1]),
        "S: * 2 EXPUNGE\nS: a5 NO [EXPUNGEISSUED] one is gone\n".to_owned(),
    ]
    .concat();
    let (folder, report) = synced(&script).await;
    assert_eq!((count(folder.path(), ""), report.findings.len()), (1, 0));
}

#[tokio::test]
async fn the_newest_messages_are_there_and_searchable_before_the_others_have_come() {
    let folder = tempfile::tempdir().unwrap();
    let keeper = Keeper::start(Store::open(folder.path()).unwrap()).unwrap();
    let indexer = Indexer::start(&keeper).await.unwrap();
    let script = [
        opened(30),
        asks(5, "11:30") + &asks(6, "1:10"),
        gives(11..=30),
        "S: a5 OK\n".to_owned(),
        // And the line breaks.
        gives([1]),
    ]
    .concat();
    assert!(run(&keeper, &script).await.is_err());
    // Nothing was asked of the keeper since; a message of the second portion still waits.
    wait_for("the newest messages are not indexed", || count(folder.path(), "letter") == 20);
    assert_eq!(count(folder.path(), ""), 20);
    drop(indexer);
    // Whoever gives up writes what came and makes it searchable.
    index(&keeper).await.unwrap();
    assert_eq!((count(folder.path(), ""), count(folder.path(), "letter")), (21, 21));
    keeper.close().unwrap();
}
