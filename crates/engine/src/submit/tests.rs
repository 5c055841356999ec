use super::*;
use crate::account::SecretPlace;
use crate::net::NetworkOptions;
use crate::net::testing::{Ca, GOOD};
use restante_core::mail::Address;
use restante_core::settings::{Protocol, Security, Settings, Source};
use restante_store::{NewSubmission, Store};
use testkit::script::play;
use tokio::net::TcpListener;

/// A greeting, a login and an accepted envelope.
const ENVELOPE: &str = "
    S: 220 smtp.example.org ready
    C: EHLO [127.0.0.1]
    S: 250-smtp.example.org
    S: 250 AUTH PLAIN
    C: AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=
    S: 235 2.7.0 welcome
    C: MAIL FROM:<ann@example.org>
    S: 250 2.1.0 fine
    C: RCPT TO:<bob@example.net>
    S: 250 2.1.5 fine
";

/// Sends one message, on the 23rd of November 2026, to a server that follows the script and then hangs up.
async fn sent(script: &str) -> (Submission, Vec<Submission>) {
    let ca = Ca::new("Test");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = ca.issue(&["localhost"], GOOD).acceptor();
    let script = script.to_owned();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let stream = acceptor.accept(stream).await.unwrap();
        play(stream, &script).await.unwrap();
    });
    let network =
        Network::new(&NetworkOptions { ca_files: vec![ca.file()], ..NetworkOptions::default() }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let keeper = Keeper::start(Store::open(folder.path()).unwrap()).unwrap();
    let now = 1_795_420_800;
    let id = keeper
        .with(move |store| {
            let account = store.account("ann@example.org")?;
            store.desk().enqueue(&NewSubmission {
                account,
                sender: "ann@example.org".to_owned(),
                recipients: vec!["bob@example.net".to_owned()],
                message_id: "1@example.org".to_owned(),
                content: b"Subject: hello\r\n\r\nhello\r\n".to_vec(),
                created: now,
                not_before: now,
            })
        })
        .await
        .unwrap();
    let mut steps = Steps::silent();
    let secret = Secret::new("secret");
    let (row, _) = send(&network, &keeper, &account(port), &secret, id, now, &mut steps).await.unwrap();
    server.await.unwrap();
    let due = keeper.with(move |store| store.view().due(now + 86_400)).await.unwrap();
    let stored = keeper.with(move |store| store.view().submission(id)).await.unwrap();
    assert_eq!((stored.state, stored.reply.clone()), (row.state, row.reply), "what is said is what is kept");
    keeper.close().unwrap();
    (stored, due)
}

fn account(port: u16) -> Account {
    let settings = |protocol| Settings {
        protocol,
        host: "localhost".to_owned(),
        port,
        security: Security::Tls,
        authentication: Vec::new(),
        username: "ann@example.org".to_owned(),
    };
    Account {
        name: "ann@example.org".to_owned(),
        address: Address::parse("ann@example.org").unwrap(),
        display_name: String::new(),
        imap: settings(Protocol::Imap),
        smtp: Some(settings(Protocol::Smtp)),
        source: Source::Given,
        given: Vec::new(),
        pins: Vec::new(),
        draft: false,
        secret: SecretPlace::File,
        selection: restante_core::sync::Selection::default(),
    }
}

#[tokio::test]
async fn a_message_that_is_taken_is_accepted() {
    let (row, due) = sent(&format!(
        "{ENVELOPE}
        C: DATA
        S: 354 go on
        C: Subject: hello
        C:
        C: hello
        C: .
        S: 250 2.0.0 queued as 1
        C: QUIT"
    ))
    .await;
    assert_eq!((row.state, row.reply.as_str()), (State::Accepted, "250 2.0.0 queued as 1"));
    assert!(due.is_empty());
}

#[tokio::test]
async fn a_connection_that_dies_after_the_dot_leaves_the_message_unknown_for_ever() {
    let (row, due) = sent(&format!(
        "{ENVELOPE}
        C: DATA
        S: 354 go on
        C: Subject: hello
        C:
        C: hello
        C: ."
    ))
    .await;
    assert_eq!(row.state, State::Unknown);
    assert_eq!(row.recipients[0].state, State::Unknown);
    assert!(due.is_empty(), "it is never sent again by itself");
}

#[tokio::test]
async fn a_connection_that_dies_before_the_dot_is_tried_again() {
    let (row, due) = sent(&format!("{ENVELOPE}\nC: DATA")).await;
    assert_eq!(row.state, State::Deferred);
    assert_eq!(due.len(), 1);
}

#[tokio::test]
async fn a_refused_recipient_keeps_the_servers_words() {
    let script = ENVELOPE
        .replace("S: 250 2.1.5 fine", "S: 550 5.1.1 nobody of that name\nC: RSET\nS: 250 ok\nC: QUIT");
    let (row, due) = sent(&script).await;
    assert_eq!(row.state, State::Refused);
    assert_eq!(row.recipients[0].reply, "550 5.1.1 nobody of that name");
    assert!(due.is_empty());
}

#[tokio::test]
async fn a_refused_login_waits_for_a_person() {
    let script = ENVELOPE.split("S: 235").next().unwrap().to_owned() + "S: 535 5.7.8 wrong";
    let (row, due) = sent(&script).await;
    assert_eq!(row.state, State::Deferred);
    assert!(due.is_empty(), "another attempt could lock the account");
}

/// What becomes of a message to bob and carol whose states are these, at an IMAP server that follows the script.
async fn looked_for(states: [State; 2], script: &str) -> (Submission, usize) {
    let folder = tempfile::tempdir().unwrap();
    let keeper = Keeper::start(Store::open(folder.path()).unwrap()).unwrap();
    let (account, id) = keeper
        .with(move |store| {
            let account = store.account("ann@example.org")?;
            let id = store.desk().enqueue(&NewSubmission {
                account,
                sender: "ann@example.org".to_owned(),
                recipients: vec!["bob@example.net".to_owned(), "carol@example.net".to_owned()],
                message_id: "1@example.org".to_owned(),
                content: b"Subject: hello\r\n\r\nhello\r\n".to_vec(),
                created: 0,
                not_before: 0,
            })?;
            let mut row = store.view().submission(id)?;
            for (recipient, state) in row.recipients.iter_mut().zip(states) {
                recipient.state = state;
            }
            row.state = submission::whole(&row.recipients);
            store.desk().set_submission(&row)?;
            Ok((account, id))
        })
        .await
        .unwrap();
    let (near, far) = tokio::io::duplex(4096);
    let client = async {
        let mut connection = Connection::new(near, "imap.example.org");
        connection.greeting().await.unwrap();
        look_for_unknown(&mut connection, &keeper, account).await.unwrap()
    };
    let (found, played) = tokio::join!(client, play(far, script));
    played.unwrap();
    let row = keeper.with(move |store| store.view().submission(id)).await.unwrap();
    assert!(found.is_empty() || found == [row.clone()]);
    (row, found.len())
}

/// The Sent mailbox is found and searched.
fn searched(answer: &str) -> String {
    format!(
        r#"
        S: * OK [CAPABILITY IMAP4rev1 LIST-EXTENDED LIST-STATUS SPECIAL-USE] ready
        C: a1 LIST "" "*" RETURN (SPECIAL-USE STATUS (MESSAGES UIDNEXT UIDVALIDITY))
        S: * LIST () "/" INBOX
        S: * LIST (\Sent) "/" Gesendet
        S: a1 OK listed
        C: a2 SELECT "Gesendet"
        S: * 2 EXISTS
        S: a2 OK opened
        C: a3 UID SEARCH HEADER Message-ID "1@example.org"
        S: * SEARCH{answer}
        S: a3 OK searched"#
    )
}

/// And two copies are there, of which the second has these Received fields.
fn found_with(fields: &str) -> String {
    let octets = fields.replace('|', "\r\n");
    format!(
        "{}
        C: a4 UID FETCH 4,7 (UID BODY.PEEK[HEADER.FIELDS (RECEIVED)])
        S: * 1 FETCH (UID 4 BODY[HEADER.FIELDS (RECEIVED)] {{2}}
        S:
        S: )
        S: * 2 FETCH (UID 7 BODY[HEADER.FIELDS (RECEIVED)] {{{}}}
        S: {}
        S: )
        S: a4 OK fetched",
        searched(" 4 7"),
        octets.len() + 2,
        fields.replace('|', "\n        S: "),
    )
}

#[tokio::test]
async fn a_copy_that_the_mail_program_may_have_filed_itself_proves_nothing() {
    let (row, found) = looked_for([State::Unknown, State::Unknown], &found_with("")).await;
    assert_eq!((row.state, row.filed, found), (State::Unknown, false, 0));
}

#[tokio::test]
async fn a_message_without_a_reply_of_which_a_copy_went_through_the_server_was_taken() {
    let received = "Received: from here by there;| Mon, 1 Jan 2024 10:00:00 +0000|";
    let (row, found) = looked_for([State::Unknown, State::Refused], &found_with(received)).await;
    assert_eq!((row.state, row.filed, found), (State::Accepted, true, 1));
    let states: Vec<_> = row.recipients.iter().map(|recipient| recipient.state).collect();
    assert_eq!(states, [State::Accepted, State::Refused]);
    assert!(row.recipients[0].reply.contains("is in Sent: it took"), "{row:?}");
}

#[tokio::test]
async fn a_message_without_a_reply_that_is_not_in_sent_stays_unknown() {
    let not_searched = searched("").replace("a3 OK searched", "a3 NO not today");
    for script in [searched(""), not_searched] {
        let (row, found) = looked_for([State::Unknown, State::Unknown], &script).await;
        assert_eq!((row.state, row.filed, found), (State::Unknown, false, 0), "{script}");
    }
}

#[tokio::test]
async fn a_copy_that_may_be_our_own_proves_nothing() {
    let (row, found) = looked_for([State::Accepted, State::Unknown], "S: * OK ready").await;
    assert_eq!((row.state, found), (State::Unknown, 0));
    // And what is not unknown is not looked for.
    let (row, found) = looked_for([State::Deferred, State::Refused], "S: * OK ready").await;
    assert_eq!((row.state, found), (State::Deferred, 0));
}
