//! What a push says to a server.

use super::{Mailbox, id};
use restante_core::mail::{Flags, Mailbox as Listed, MailboxName};
use restante_engine::sync::Report;
use restante_store::{Intent, OperationState, Store, View};

/// What a server says of itself, and of the two mailboxes it has.
fn server(capabilities: &str) -> String {
    format!("S: * OK [CAPABILITY IMAP4rev1 {capabilities}] ready\n")
}

/// A first sync: INBOX has two messages, Archive none.
fn filled(capabilities: &str) -> (Mailbox, Report, String) {
    let mailbox = Mailbox::new();
    let script = format!(
        r#"{}
        C: a1 LIST "" "*"
        S: * LIST () "/" INBOX
        S: * LIST (\Archive) "/" Archive
        S: a1 OK listed
        C: a2 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
        C: a3 STATUS "Archive" (MESSAGES UIDNEXT UIDVALIDITY)
        S: * STATUS INBOX (MESSAGES 2 UIDNEXT 8 UIDVALIDITY 3)
        S: a2 OK
        S: * STATUS Archive (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 4)
        S: a3 OK
        C: a4 SELECT "INBOX"
        S: * 2 EXISTS
        S: * OK [UIDVALIDITY 3] valid
        S: * OK [UIDNEXT 8] next
        S: a4 OK opened
        C: a5 UID SEARCH ALL
        S: * SEARCH 5 7
        S: a5 OK
        C: a6 UID FETCH 5,7 (UID FLAGS INTERNALDATE BODY.PEEK[])
        S: * 1 FETCH (UID 5 FLAGS () INTERNALDATE "01-May-2026 10:00:00 +0000" BODY[] {{17}}
        S: Subject: five
        S:
        S: )
        S: * 2 FETCH (UID 7 FLAGS () INTERNALDATE "02-May-2026 10:00:00 +0000" BODY[] {{37}}
        S: Subject: seven
        S: Message-ID: <7@x>
        S:
        S: )
        S: a6 OK fetched
        "#,
        server(capabilities)
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let report = runtime.block_on(mailbox.sync(&script));
    assert_eq!(mailbox.places(), ["INBOX 5 () five", "INBOX 7 () seven"]);
    (mailbox, report, server(capabilities))
}

/// Syncs over a script that begins after the greeting, and gives the report.
fn then(mailbox: &Mailbox, greeting: &str, script: &str) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(mailbox.sync(&format!("{greeting}{script}")))
}

/// LIST and STATUS from tag `first` on, with these counts; the mailboxes are then looked through by `rest`.
fn listing(first: u32, inbox: &str, archive: &str) -> String {
    let (second, third) = (first + 1, first + 2);
    format!(
        r#"
        C: a{first} LIST "" "*"
        S: * LIST () "/" INBOX
        S: * LIST (\Archive) "/" Archive
        S: a{first} OK listed
        C: a{second} STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
        C: a{third} STATUS "Archive" (MESSAGES UIDNEXT UIDVALIDITY)
        S: * STATUS INBOX ({inbox})
        S: a{second} OK
        S: * STATUS Archive ({archive})
        S: a{third} OK
        "#
    )
}

/// A mailbox that is opened from tag `first` on and has these messages, flags as given.
fn looked_through(first: u32, name: &str, validity: u32, next: u32, rows: &[(u32, &str)]) -> String {
    let (second, exists) = (first + 1, rows.len());
    let row = |(uid, flags): &(u32, &str)| format!("S: * 1 FETCH (UID {uid} FLAGS ({flags}))\n");
    let rows: String = rows.iter().map(row).collect();
    format!(
        r#"
        C: a{first} SELECT "{name}"
        S: * {exists} EXISTS
        S: * OK [UIDVALIDITY {validity}] valid
        S: * OK [UIDNEXT {next}] next
        S: a{first} OK opened
        C: a{second} UID FETCH 1:4294967295 (FLAGS)
        {rows}
        S: a{second} OK
        "#
    )
}

/// INBOX selected with tag `tag`.
fn selected(tag: u32) -> String {
    format!("C: a{tag} SELECT \"INBOX\"\nS: * 2 EXISTS\nS: * OK [UIDVALIDITY 3] valid\nS: a{tag} OK opened\n")
}

fn add(name: &str) -> Intent {
    Intent::Flag { add: [name].into_iter().collect(), remove: Flags::new() }
}

fn waiting(mailbox: &Mailbox) -> usize {
    let view = View::open(mailbox.folder.path()).unwrap();
    let account = view.find_account("ann@example.org").unwrap().unwrap();
    view.waiting(account).unwrap().len()
}

fn to_archive(mailbox: &Mailbox) -> Intent {
    Intent::Move { to: id(&View::open(mailbox.folder.path()).unwrap(), "Archive") }
}

#[test]
fn flags_are_stored_one_by_one_and_the_servers_word_is_taken() {
    let (mailbox, _, greeting) = filled("UIDPLUS MOVE");
    mailbox.ask("INBOX", 5, add("\\Seen"));
    mailbox.ask("INBOX", 7, add("\\Seen"));
    let script = format!(
        r#"{}
        C: a2 UID STORE 5,7 +FLAGS.SILENT (\Seen)
        C: a3 UID FETCH 5,7 (UID FLAGS)
        S: a2 OK
        -- Another program has starred one of them.
        S: * 1 FETCH (UID 5 FLAGS (\Seen \Flagged))
        S: * 2 FETCH (UID 7 FLAGS (\Seen))
        S: a3 OK
        {}{}"#,
        selected(1),
        listing(4, "MESSAGES 2 UIDNEXT 8 UIDVALIDITY 3", "MESSAGES 0 UIDNEXT 1 UIDVALIDITY 4"),
        looked_through(7, "INBOX", 3, 8, &[(5, "\\Seen \\Flagged"), (7, "\\Seen")]),
    );
    let report = then(&mailbox, &greeting, &script);
    assert_eq!((report.pushed, waiting(&mailbox)), (2, 0));
    assert_eq!(mailbox.places(), ["INBOX 5 (\\Flagged \\Seen) five", "INBOX 7 (\\Seen) seven"]);
}

#[test]
fn a_moved_message_is_known_in_its_new_place_without_fetching_it() {
    let (mailbox, _, greeting) = filled("UIDPLUS MOVE");
    mailbox.ask("INBOX", 7, to_archive(&mailbox));
    let script = format!(
        r#"{}
        C: a2 UID FETCH 7 (UID FLAGS)
        C: a3 UID MOVE 7 "Archive"
        S: * 2 FETCH (UID 7 FLAGS (\Seen))
        S: a2 OK
        S: * OK [COPYUID 4 7 1] moved
        S: * 2 EXPUNGE
        S: a3 OK
        {}{}{}"#,
        selected(1),
        listing(4, "MESSAGES 1 UIDNEXT 8 UIDVALIDITY 3", "MESSAGES 1 UIDNEXT 2 UIDVALIDITY 4"),
        looked_through(7, "INBOX", 3, 8, &[(5, "")]),
        looked_through(9, "Archive", 4, 2, &[(1, "\\Seen")]),
    );
    let report = then(&mailbox, &greeting, &script);
    assert_eq!(report.pushed, 1);
    assert_eq!(mailbox.places(), ["Archive 1 (\\Seen) seven", "INBOX 5 () five"]);
}

#[test]
fn what_is_said_before_an_earlier_command_is_answered_is_heard() {
    let (mailbox, _, greeting) = filled("UIDPLUS MOVE");
    mailbox.ask("INBOX", 5, add("\\Seen"));
    mailbox.ask("INBOX", 7, to_archive(&mailbox));
    let script = format!(
        r#"{}
        C: a2 UID STORE 5 +FLAGS.SILENT (\Seen)
        C: a3 UID FETCH 5 (UID FLAGS)
        S: * 1 FETCH (UID 5 FLAGS (\Seen))
        S: a2 OK
        S: a3 OK
        C: a4 UID FETCH 7 (UID FLAGS)
        C: a5 UID MOVE 7 "Archive"
        S: * 2 FETCH (UID 7 FLAGS ())
        S: * OK [COPYUID 4 7 1] moved
        S: * 2 EXPUNGE
        S: a4 OK
        S: a5 OK
        {}{}{}"#,
        selected(1),
        listing(6, "MESSAGES 1 UIDNEXT 8 UIDVALIDITY 3", "MESSAGES 1 UIDNEXT 2 UIDVALIDITY 4"),
        looked_through(9, "INBOX", 3, 8, &[(5, "\\Seen")]),
        looked_through(11, "Archive", 4, 2, &[(1, "")]),
    );
    let report = then(&mailbox, &greeting, &script);
    assert_eq!((report.pushed, waiting(&mailbox)), (2, 0));
    assert_eq!(mailbox.places(), ["Archive 1 () seven", "INBOX 5 (\\Seen) five"]);
}

#[test]
fn a_server_without_move_is_asked_for_a_copy_and_a_removal() {
    let (mailbox, _, greeting) = filled("UIDPLUS");
    mailbox.ask("INBOX", 7, to_archive(&mailbox));
    let script = format!(
        r#"{}
        C: a2 UID FETCH 7 (UID FLAGS)
        C: a3 UID COPY 7 "Archive"
        S: * 2 FETCH (UID 7 FLAGS ())
        S: a2 OK
        S: a3 OK [COPYUID 4 7 1] copied
        C: a4 UID STORE 7 +FLAGS.SILENT (\Deleted)
        C: a5 UID EXPUNGE 7
        S: a4 OK
        S: * 2 EXPUNGE
        S: a5 OK
        {}{}{}"#,
        selected(1),
        listing(6, "MESSAGES 1 UIDNEXT 8 UIDVALIDITY 3", "MESSAGES 1 UIDNEXT 2 UIDVALIDITY 4"),
        looked_through(9, "INBOX", 3, 8, &[(5, "")]),
        looked_through(11, "Archive", 4, 2, &[(1, "")]),
    );
    let report = then(&mailbox, &greeting, &script);
    assert_eq!(report.pushed, 1);
    assert_eq!(mailbox.places(), ["Archive 1 () seven", "INBOX 5 () five"]);
}

#[test]
fn without_uidplus_nothing_is_expunged_and_the_person_is_told() {
    let (mailbox, _, greeting) = filled("");
    mailbox.ask("INBOX", 7, Intent::Remove);
    let script = format!(
        r#"{}
        C: a2 UID STORE 7 +FLAGS.SILENT (\Deleted)
        C: a3 UID FETCH 7 (UID FLAGS)
        S: a2 OK
        S: * 2 FETCH (UID 7 FLAGS (\Deleted))
        S: a3 OK
        {}{}"#,
        selected(1),
        listing(4, "MESSAGES 2 UIDNEXT 8 UIDVALIDITY 3", "MESSAGES 0 UIDNEXT 1 UIDVALIDITY 4"),
        looked_through(7, "INBOX", 3, 8, &[(5, ""), (7, "\\Deleted")]),
    );
    let report = then(&mailbox, &greeting, &script);
    assert_eq!(report.pushed, 1);
    assert!(report.findings[0].evidence.contains("no UIDPLUS"), "{:?}", report.findings);
}

#[test]
fn a_copy_whose_answer_was_lost_is_found_and_not_made_again() {
    let (mailbox, _, greeting) = filled("UIDPLUS MOVE");
    let to = id(&View::open(mailbox.folder.path()).unwrap(), "Archive");
    mailbox.ask("INBOX", 7, Intent::Copy { to });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let lost = format!(
        r#"{greeting}{}
        C: a2 UID FETCH 7 (UID FLAGS)
        C: a3 UID COPY 7 "Archive"
        S: * 2 FETCH (UID 7 FLAGS ())
        S: a2 OK
        "#,
        selected(1)
    );
    assert!(runtime.block_on(mailbox.sync_at("imap.example.org", &lost)).is_err());
    let script = format!(
        r#"{}
        -- First a look at what came to the target since.
        C: a2 SELECT "Archive"
        S: * 1 EXISTS
        S: * OK [UIDVALIDITY 4] valid
        S: a2 OK
        C: a3 UID FETCH 1:4294967295 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE)])
        S: * 1 FETCH (UID 1 FLAGS () INTERNALDATE "02-May-2026 10:00:00 +0000" RFC822.SIZE 37 BODY[HEADER.FIELDS (MESSAGE-ID DATE)] {{21}}
        S: Message-ID: <7@x>
        S:
        S: )
        S: a3 OK
        {}
        {}{}{}"#,
        selected(1),
        selected(4),
        listing(5, "MESSAGES 2 UIDNEXT 8 UIDVALIDITY 3", "MESSAGES 1 UIDNEXT 2 UIDVALIDITY 4"),
        looked_through(8, "INBOX", 3, 8, &[(5, ""), (7, "")]),
        looked_through(10, "Archive", 4, 2, &[(1, "")]),
    );
    let script = format!(
        r#"{script}
        C: a12 UID FETCH 1 (UID FLAGS INTERNALDATE BODY.PEEK[])
        S: * 1 FETCH (UID 1 FLAGS () INTERNALDATE "02-May-2026 10:00:00 +0000" BODY[] {{37}}
        S: Subject: seven
        S: Message-ID: <7@x>
        S:
        S: )
        S: a12 OK
        "#
    );
    let report = then(&mailbox, &greeting, &script);
    assert_eq!((report.pushed, waiting(&mailbox)), (1, 0));
    assert_eq!(mailbox.places(), ["Archive 1 () seven", "INBOX 5 () five", "INBOX 7 () seven"]);
}

#[test]
fn what_a_server_refuses_is_said_and_shown_as_before() {
    let (mailbox, _, greeting) = filled("UIDPLUS MOVE");
    mailbox.ask("INBOX", 7, to_archive(&mailbox));
    mailbox.ask("INBOX", 5, add("\\Seen"));
    let script = format!(
        r#"{}
        C: a2 UID STORE 5 +FLAGS.SILENT (\Seen)
        C: a3 UID FETCH 5 (UID FLAGS)
        S: a2 NO [INUSE] another program has it
        S: * 1 FETCH (UID 5 FLAGS ())
        S: a3 OK
        C: a4 UID FETCH 7 (UID FLAGS)
        C: a5 UID MOVE 7 "Archive"
        S: * 2 FETCH (UID 7 FLAGS ())
        S: a4 OK
        S: a5 NO [OVERQUOTA] full
        {}{}"#,
        selected(1),
        listing(6, "MESSAGES 2 UIDNEXT 8 UIDVALIDITY 3", "MESSAGES 0 UIDNEXT 1 UIDVALIDITY 4"),
        looked_through(9, "INBOX", 3, 8, &[(5, ""), (7, "")]),
    );
    let report = then(&mailbox, &greeting, &script);
    assert_eq!(report.pushed, 0);
    let evidence = &report.findings[0].evidence;
    assert_eq!(evidence, "INBOX: to move a message was refused: NO [OVERQUOTA] full");
    // The one is where it was; the other is still to be read.
    assert_eq!(mailbox.places(), ["INBOX 5 (\\Seen) five", "INBOX 7 () seven"]);
    let view = View::open(mailbox.folder.path()).unwrap();
    let states: Vec<_> =
        view.operations(id(&view, "INBOX")).unwrap().into_iter().map(|o| (o.state, o.reply)).collect();
    assert_eq!(states[0], (OperationState::Refused, "NO [OVERQUOTA] full".to_owned()));
    assert_eq!(states[1], (OperationState::Waiting, "NO [INUSE] another program has it".to_owned()));
}

#[test]
fn a_keyword_that_the_server_drops_without_a_word_is_refused() {
    let (mailbox, _, greeting) = filled("UIDPLUS MOVE");
    mailbox.ask("INBOX", 7, add("Work"));
    let script = format!(
        r#"{}
        C: a2 UID STORE 7 +FLAGS.SILENT (Work)
        C: a3 UID FETCH 7 (UID FLAGS)
        S: a2 OK
        S: * 2 FETCH (UID 7 FLAGS ())
        S: a3 OK
        {}{}"#,
        selected(1),
        listing(4, "MESSAGES 2 UIDNEXT 8 UIDVALIDITY 3", "MESSAGES 0 UIDNEXT 1 UIDVALIDITY 4"),
        looked_through(7, "INBOX", 3, 8, &[(5, ""), (7, "")]),
    );
    let report = then(&mailbox, &greeting, &script);
    assert!(report.findings[0].evidence.contains("does not keep Work"), "{:?}", report.findings);
    assert_eq!(mailbox.places(), ["INBOX 5 () five", "INBOX 7 () seven"]);
}

#[test]
fn a_message_that_another_program_removed_first_is_superseded_by_name() {
    let (mailbox, _, greeting) = filled("UIDPLUS MOVE");
    mailbox.ask("INBOX", 7, add("\\Seen"));
    let script = format!(
        r#"{}
        C: a2 UID STORE 7 +FLAGS.SILENT (\Seen)
        C: a3 UID FETCH 7 (UID FLAGS)
        S: a2 OK
        S: a3 OK
        {}{}"#,
        selected(1),
        listing(4, "MESSAGES 1 UIDNEXT 8 UIDVALIDITY 3", "MESSAGES 0 UIDNEXT 1 UIDVALIDITY 4"),
        looked_through(7, "INBOX", 3, 8, &[(5, "")]),
    );
    let report = then(&mailbox, &greeting, &script);
    assert_eq!(report.pushed, 0);
    assert!(report.findings[0].evidence.contains("superseded"), "{:?}", report.findings);
}

#[test]
fn under_new_uids_the_message_is_found_before_the_server_is_asked() {
    let (mailbox, _, greeting) = filled("UIDPLUS MOVE");
    mailbox.ask("INBOX", 7, add("\\Seen"));
    let script = format!(
        r#"
        C: a1 SELECT "INBOX"
        S: * 1 EXISTS
        S: * OK [UIDVALIDITY 30] new
        S: a1 OK
        {}
        C: a5 SELECT "INBOX"
        S: * 1 EXISTS
        S: * OK [UIDVALIDITY 30] new
        S: * OK [UIDNEXT 71] next
        S: a5 OK
        C: a6 UID SEARCH ALL
        S: * SEARCH 70
        S: a6 OK
        C: a7 UID FETCH 70 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE)])
        S: * 1 FETCH (UID 70 FLAGS () INTERNALDATE "02-May-2026 10:00:00 +0000" RFC822.SIZE 37 BODY[HEADER.FIELDS (MESSAGE-ID DATE)] {{21}}
        S: Message-ID: <7@x>
        S:
        S: )
        S: a7 OK
        C: a8 SELECT "INBOX"
        S: * 1 EXISTS
        S: * OK [UIDVALIDITY 30] valid
        S: a8 OK
        C: a9 UID STORE 70 +FLAGS.SILENT (\Seen)
        C: a10 UID FETCH 70 (UID FLAGS)
        S: a9 OK
        S: * 1 FETCH (UID 70 FLAGS (\Seen))
        S: a10 OK
        "#,
        listing(2, "MESSAGES 1 UIDNEXT 71 UIDVALIDITY 30", "MESSAGES 0 UIDNEXT 1 UIDVALIDITY 4"),
    );
    let report = then(&mailbox, &greeting, &script);
    assert_eq!((report.pushed, waiting(&mailbox)), (1, 0));
    assert_eq!(mailbox.places(), ["INBOX 70 (\\Seen) seven"]);
}

#[test]
fn a_mailbox_is_made_before_a_message_is_moved_there() {
    let (mailbox, _, greeting) = filled("UIDPLUS MOVE");
    let work = {
        let mut store = Store::open(mailbox.folder.path()).unwrap();
        let account = store.find_account("ann@example.org").unwrap().unwrap();
        let name = MailboxName::new("Work");
        let listed = Listed { name, delimiter: Some('/'), special_use: None, selectable: true };
        store.desk().request_mailbox("create Work", account, &listed, 0).unwrap().0
    };
    mailbox.ask("INBOX", 7, Intent::Move { to: work });
    let list = listing(6, "MESSAGES 1 UIDNEXT 8 UIDVALIDITY 3", "MESSAGES 0 UIDNEXT 1 UIDVALIDITY 4");
    let list = list.replace("S: a6 OK listed", "S: * LIST () \"/\" Work\nS: a6 OK listed").replace(
        "S: * STATUS INBOX",
        "C: a9 STATUS \"Work\" (MESSAGES UIDNEXT UIDVALIDITY)\nS: * STATUS INBOX",
    );
    let script = format!(
        r#"
        C: a1 CREATE "Work"
        S: a1 OK
        C: a2 SUBSCRIBE "Work"
        S: a2 OK
        {}
        C: a4 UID FETCH 7 (UID FLAGS)
        C: a5 UID MOVE 7 "Work"
        S: * 2 FETCH (UID 7 FLAGS ())
        S: a4 OK
        S: * OK [COPYUID 9 7 1] moved
        S: a5 OK
        {list}
        S: * STATUS Work (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 9)
        S: a9 OK
        {}
        C: a12 SELECT "Work"
        S: * 1 EXISTS
        S: * OK [UIDVALIDITY 9] valid
        S: * OK [UIDNEXT 2] next
        S: a12 OK
        C: a13 UID SEARCH ALL
        S: * SEARCH 1
        S: a13 OK
        -- What was moved there is known already.
        C: a14 UID FETCH 1 (FLAGS)
        S: * 1 FETCH (UID 1 FLAGS ())
        S: a14 OK
        "#,
        selected(3),
        looked_through(10, "INBOX", 3, 8, &[(5, "")]),
    );
    let report = then(&mailbox, &greeting, &script);
    assert_eq!(report.pushed, 2);
    assert_eq!(mailbox.places(), ["INBOX 5 () five", "Work 1 () seven"]);
}

#[test]
fn an_addition_whose_answer_was_lost_is_found_and_not_made_again() {
    let (mailbox, _, greeting) = filled("UIDPLUS MOVE");
    let message = {
        let store = Store::open(mailbox.folder.path()).unwrap();
        let uid = restante_core::mail::Uid::new(7).unwrap();
        store.entries(id(&store, "INBOX"), &[uid]).unwrap()[0].message
    };
    let flags = ["\\Seen"].into_iter().collect();
    mailbox.ask("Archive", 0, Intent::Append { message, flags, internal_date: 1_777_716_000 });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let lost = format!(
        r#"{greeting}
        C: a1 APPEND "Archive" (\Seen) "02-May-2026 10:00:00 +0000" {{37}}
        S: + go
        C: Subject: seven
        C: Message-ID: <7@x>
        C:
        C:
        "#
    );
    assert!(runtime.block_on(mailbox.sync_at("imap.example.org", &lost)).is_err());
    let script = format!(
        r#"
        C: a1 SELECT "Archive"
        S: * 1 EXISTS
        S: * OK [UIDVALIDITY 4] valid
        S: a1 OK
        C: a2 UID FETCH 1:4294967295 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE)])
        S: * 1 FETCH (UID 1 FLAGS (\Seen) INTERNALDATE "02-May-2026 10:00:00 +0000" RFC822.SIZE 37 BODY[HEADER.FIELDS (MESSAGE-ID DATE)] {{21}}
        S: Message-ID: <7@x>
        S:
        S: )
        S: a2 OK
        {}{}{}"#,
        listing(3, "MESSAGES 2 UIDNEXT 8 UIDVALIDITY 3", "MESSAGES 1 UIDNEXT 2 UIDVALIDITY 4"),
        looked_through(6, "INBOX", 3, 8, &[(5, ""), (7, "")]),
        looked_through(8, "Archive", 4, 2, &[(1, "\\Seen")]),
    );
    let report = then(&mailbox, &greeting, &script);
    assert_eq!((report.pushed, waiting(&mailbox)), (1, 0));
    assert_eq!(mailbox.places(), ["Archive 1 (\\Seen) seven", "INBOX 5 () five", "INBOX 7 () seven"]);
}
