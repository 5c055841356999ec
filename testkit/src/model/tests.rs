//! The model held against the standards.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::{Config, Fault, Model, Moment};

/// A client that says lines and hears what comes up to its tag.
struct Client(DuplexStream);

impl Client {
    /// Connects; the server's side runs beside the test.
    async fn new(model: &Model) -> Self {
        let (near, far) = duplex(1 << 16);
        let model = model.clone();
        tokio::spawn(async move { model.serve(far).await });
        let mut client = Self(near);
        client.until("* ").await;
        client
    }

    /// As [`Client::new`], with QRESYNC enabled.
    async fn enabled(model: &Model) -> Self {
        let mut client = Self::new(model).await;
        client.ask("ENABLE QRESYNC").await;
        client
    }

    /// Everything said up to a line that begins so.
    async fn until(&mut self, beginning: &str) -> Vec<String> {
        let mut said: Vec<u8> = Vec::new();
        let mut start = 0;
        loop {
            let Ok(byte) = self.0.read_u8().await else {
                return vec![String::from_utf8(said).unwrap(), "closed".into()];
            };
            said.push(byte);
            if byte == b'\n' {
                if said[start..].starts_with(beginning.as_bytes()) {
                    let text = String::from_utf8(said).unwrap();
                    return text.lines().map(str::to_owned).collect();
                }
                start = said.len();
            }
        }
    }

    /// What a command is answered with; the tag is `x`.
    async fn ask(&mut self, command: &str) -> Vec<String> {
        self.0.write_all(format!("x {command}\r\n").as_bytes()).await.unwrap();
        self.until("x ").await
    }
}

/// An INBOX with so many messages.
fn holding(config: Config, count: u32) -> Model {
    let model = Model::new(config);
    model.edit(|server| {
        for number in 1..=count {
            let text = format!("Message-ID: <{number}@x.test>\r\nSubject: {number}\r\n\r\nbody {number}\r\n");
            server.deliver("INBOX", &[], text.as_bytes());
        }
    });
    model
}

#[tokio::test]
async fn a_sequence_number_means_the_message_it_meant_when_it_was_told() {
    let model = holding(Config::plain(), 3);
    let (mut one, mut two) = (Client::new(&model).await, Client::new(&model).await);
    one.ask("SELECT INBOX").await;
    two.ask("SELECT INBOX").await;
    model.edit(|server| server.expunge("INBOX", &[1]));
    // RFC 9051, section 7.5.1: no EXPUNGE while FETCH, STORE or SEARCH are answered.
    assert_eq!(one.ask("FETCH 1:3 UID").await, ["* 2 FETCH (UID 2)", "* 3 FETCH (UID 3)", "x OK fetched"]);
    assert_eq!(one.ask("NOOP").await, ["* 1 EXPUNGE", "x OK nothing done"]);
    assert_eq!(one.ask("FETCH 1:2 UID").await, ["* 1 FETCH (UID 2)", "* 2 FETCH (UID 3)", "x OK fetched"]);
    two.ask("STORE 3 +FLAGS (\\Deleted)").await;
    assert_eq!(two.ask("EXPUNGE").await[..2], ["* 3 EXPUNGE", "* 1 EXPUNGE"]);
    assert_eq!(one.ask("NOOP").await[0], "* 2 EXPUNGE");
    assert_eq!(model.edit(|server| server.bare_expunges()), 1);
}

#[tokio::test]
async fn what_others_do_is_told_and_what_one_does_silently_is_not() {
    let model = holding(Config::plain(), 1);
    let (mut one, mut two) = (Client::new(&model).await, Client::new(&model).await);
    one.ask("SELECT INBOX").await;
    two.ask("SELECT INBOX").await;
    assert_eq!(one.ask("STORE 1 +FLAGS.SILENT (\\Seen)").await, ["x OK stored"]);
    assert_eq!(two.ask("NOOP").await[0], "* 1 FETCH (FLAGS (\\Seen))");
    assert_eq!(two.ask("UID STORE 1 -FLAGS (\\Seen)").await[0], "* 1 FETCH (UID 1 FLAGS ())");
    model.edit(|server| server.deliver("INBOX", &[], b"new"));
    assert_eq!(one.ask("NOOP").await[..2], ["* 2 EXISTS", "* 1 FETCH (FLAGS ())"]);
}

#[tokio::test]
async fn qresync_tells_what_vanished_and_changed_since() {
    let model = holding(Config::qresync(), 5);
    let (validity, since) =
        model.edit(|server| (server.mailbox("INBOX").validity, server.mailbox("INBOX").mod_seq));
    model.edit(|server| {
        server.expunge("INBOX", &[2, 3]);
        server.flag("INBOX", 4, &["\\Flagged"], &[]);
        server.deliver("INBOX", &[], b"new");
    });
    let mut client = Client::enabled(&model).await;
    let said = client.ask(&format!("SELECT INBOX (QRESYNC ({validity} {since}))")).await;
    let now = model.edit(|server| server.mailbox("INBOX").mod_seq);
    let vanished = said.iter().position(|line| line == "* VANISHED (EARLIER) 2:3").unwrap();
    assert_eq!(said[vanished + 1], format!("* 2 FETCH (UID 4 FLAGS (\\Flagged) MODSEQ ({}))", now - 1));
    assert_eq!(said[vanished + 2], format!("* 4 FETCH (UID 6 FLAGS () MODSEQ ({now}))"));
    assert!(said.contains(&format!("* OK [HIGHESTMODSEQ {now}] highest")), "{said:?}");
    // Only among the UIDs that the client knows.
    let said = client.ask(&format!("EXAMINE INBOX (QRESYNC ({validity} {since} 1:2,5))")).await;
    assert_eq!(said[0], "* OK [CLOSED] the one before is closed");
    assert!(said.contains(&"* VANISHED (EARLIER) 2".to_owned()) && !said.iter().any(|l| l.contains("FETCH")));
    // Another UIDVALIDITY is another mailbox.
    let said = client.ask(&format!("SELECT INBOX (QRESYNC ({} {since}))", validity + 1)).await;
    assert!(!said.iter().any(|line| line.contains("VANISHED") || line.contains("FETCH")), "{said:?}");
    // What is forgotten is everything that is not there.
    model.edit(|server| server.forget_expunged("INBOX"));
    let said = client.ask(&format!("SELECT INBOX (QRESYNC ({validity} {since}))")).await;
    assert!(said.contains(&"* VANISHED (EARLIER) 2:3".to_owned()), "{said:?}");
    // Once enabled, sequence numbers are not used to tell what went.
    model.edit(|server| server.expunge("INBOX", &[1]));
    assert_eq!(client.ask("NOOP").await[0], "* VANISHED 1");
    let said = client.ask(&format!("UID FETCH 1:* (FLAGS) (CHANGEDSINCE {now} VANISHED)")).await;
    assert_eq!(said, ["* VANISHED (EARLIER) 1", "x OK fetched"]);
}

#[tokio::test]
async fn a_store_that_is_conditional_leaves_alone_what_changed() {
    let model = holding(Config::condstore(), 2);
    let mut client = Client::new(&model).await;
    client.ask("SELECT INBOX (CONDSTORE)").await;
    let since = model.edit(|server| server.mailbox("INBOX").mod_seq);
    model.edit(|server| server.flag("INBOX", 1, &["\\Seen"], &[]));
    let said = client.ask(&format!("UID STORE 1:2 (UNCHANGEDSINCE {since}) +FLAGS.SILENT ($Work)")).await;
    assert_eq!(said[0], format!("* 2 FETCH (UID 2 MODSEQ ({}))", since + 2));
    assert_eq!(said[1], format!("* 1 FETCH (FLAGS (\\Seen) MODSEQ ({}))", since + 1));
    assert_eq!(said[2], "x OK [MODIFIED 1] others were changed meanwhile");
}

#[tokio::test]
async fn a_move_tells_where_to_and_removes_at_once() {
    let model = holding(Config::qresync(), 3);
    model.edit(|server| server.create("Archive"));
    let validity = model.edit(|server| server.mailbox("Archive").validity);
    let mut client = Client::enabled(&model).await;
    client.ask("SELECT INBOX").await;
    let said = client.ask("UID MOVE 1,3 Archive").await;
    assert_eq!(said[..2], [format!("* OK [COPYUID {validity} 1,3 1:2] moved"), "* VANISHED 1,3".to_owned()]);
    assert!(said[2].starts_with("x OK [HIGHESTMODSEQ "), "{said:?}");
    assert_eq!(client.ask("UID COPY 2 Nowhere").await, ["x NO [TRYCREATE] no such mailbox"]);
    let bytes = |uid| model.edit(|server| server.mailbox("Archive").messages[&uid].bytes.clone());
    assert!(bytes(1).starts_with(b"Message-ID: <1@") && bytes(2).starts_with(b"Message-ID: <3@"));
    // UID EXPUNGE takes what is named and marked, and nothing else.
    client.ask("UID STORE 2 +FLAGS (\\Deleted)").await;
    assert_eq!(client.ask("UID EXPUNGE 3").await.len(), 1);
    assert_eq!(client.ask("UID EXPUNGE 2:*").await[0], "* VANISHED 2");
    assert_eq!(model.edit(|server| server.bare_expunges()), 0);
}

#[tokio::test]
async fn what_is_appended_is_kept_to_the_octet_with_flags_and_date() {
    let model = Model::new(Config::qresync());
    let mut client = Client::new(&model).await;
    let said = client
        .ask("APPEND INBOX (\\Seen $x) \"17-Jul-1996 02:44:25 -0700\" {5+}\r\na\r\n{} ~{1+}\r\nb")
        .await;
    let validity = model.edit(|server| server.mailbox("INBOX").validity);
    assert_eq!(said, [format!("x OK [APPENDUID {validity} 1:2] kept")]);
    client.ask("EXAMINE INBOX").await;
    let said = client.ask("UID FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]<1.3>)").await;
    let head = "* 1 FETCH (UID 1 FLAGS ($x \\Seen) INTERNALDATE \"17-Jul-1996 09:44:25 +0000\" RFC822.SIZE 5 \
                BODY[]<1> {3}";
    assert_eq!(said[..2], [head, ""]);
    assert_eq!(said[2], "{)");
    assert_eq!(client.ask("APPEND Nowhere {1+}\r\na").await, ["x NO [TRYCREATE] no such mailbox"]);
}

#[tokio::test]
async fn a_search_finds_by_field_date_and_uid() {
    let model = holding(Config::qresync(), 4);
    let mut client = Client::new(&model).await;
    client.ask("SELECT INBOX").await;
    model.edit(|server| server.expunge("INBOX", &[1]));
    client.ask("NOOP").await;
    assert_eq!(client.ask("UID SEARCH HEADER Message-ID \"<3@x.test>\"").await[0], "* SEARCH 3");
    assert_eq!(client.ask("SEARCH NOT HEADER subject 3").await[0], "* SEARCH 1 3");
    assert_eq!(client.ask("UID SEARCH SINCE 1-Jan-2030").await[0], "* SEARCH");
    assert_eq!(client.ask("UID SEARCH BEFORE 1-Jan-2030 OR UID 2 UID 4:*").await[0], "* SEARCH 2 4");
    let said = client.ask("UID SEARCH RETURN (ALL COUNT) ALL").await;
    assert_eq!(said[0], "* ESEARCH (TAG \"x\") UID ALL 2:4 COUNT 3");
    assert_eq!(client.ask("UID SEARCH RETURN (ALL) DELETED").await[0], "* ESEARCH (TAG \"x\") UID");
}

#[tokio::test]
async fn mailboxes_are_listed_with_what_they_are_and_how_full() {
    let model = holding(Config::qresync(), 2);
    let mut client = Client::new(&model).await;
    client.ask("CREATE \"Sent\" (USE (\\Sent))").await;
    client.ask("CREATE a/b").await;
    client.ask("SUBSCRIBE a/b").await;
    let said = client.ask("LIST \"\" \"*\" RETURN (SPECIAL-USE SUBSCRIBED STATUS (MESSAGES UNSEEN))").await;
    assert_eq!(
        said,
        [
            "* LIST (\\HasNoChildren) \"/\" \"INBOX\"",
            "* STATUS \"INBOX\" (MESSAGES 2 UNSEEN 2)",
            "* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"",
            "* STATUS \"Sent\" (MESSAGES 0 UNSEEN 0)",
            "* LIST (\\HasChildren \\NonExistent) \"/\" \"a\"",
            "* LIST (\\HasNoChildren \\Subscribed) \"/\" \"a/b\"",
            "* STATUS \"a/b\" (MESSAGES 0 UNSEEN 0)",
            "x OK listed"
        ]
    );
    assert_eq!(client.ask("LIST (SUBSCRIBED) \"\" \"%/b\"").await.len(), 2);
    assert_eq!(client.ask("RENAME a/b c").await, ["x OK done"]);
    assert_eq!(client.ask("CREATE Sent").await, ["x NO [ALREADYEXISTS] there it is"]);
    assert_eq!(client.ask("DELETE Nowhere").await, ["x NO [NONEXISTENT] no such mailbox"]);
    assert_eq!(client.ask("STATUS c (MESSAGES X)").await, ["x BAD no such item: X"]);
    // What a server without them does not know is refused.
    let mut plain = Client::new(&Model::new(Config::plain())).await;
    for command in ["LIST \"\" \"*\" RETURN (SUBSCRIBED)", "ENABLE QRESYNC", "STATUS INBOX (HIGHESTMODSEQ)"] {
        assert!(plain.ask(command).await[0].starts_with("x BAD"), "{command}");
    }
}

#[tokio::test]
async fn a_mailbox_that_is_replaced_under_a_client_ends_its_connection() {
    let model = holding(Config::qresync(), 2);
    let mut client = Client::new(&model).await;
    client.ask("SELECT INBOX").await;
    let before = model.edit(|server| server.mailbox("INBOX").validity);
    model.edit(|server| server.renumber("INBOX"));
    assert!(client.ask("NOOP").await[0].starts_with("* BYE"));
    assert_ne!(model.edit(|server| server.mailbox("INBOX").validity), before);
}

#[tokio::test]
async fn idle_and_notify_tell_what_comes_while_nothing_is_asked() {
    let model = holding(Config::qresync(), 1);
    model.edit(|server| server.create("Lists"));
    let (mut idle, mut watcher) = (Client::new(&model).await, Client::enabled(&model).await);
    idle.ask("SELECT INBOX").await;
    idle.0.write_all(b"x IDLE\r\n").await.unwrap();
    idle.until("+ ").await;
    let said = watcher
        .ask("NOTIFY SET STATUS (SELECTED (MessageNew MessageExpunge)) (PERSONAL (MessageNew MessageExpunge MailboxName))")
        .await;
    assert_eq!(said.len(), 3, "{said:?}");
    model.edit(|server| server.deliver("INBOX", &[], b"new"));
    assert_eq!(idle.until("* ").await, ["* 2 EXISTS"]);
    assert!(watcher.until("* ").await[0].starts_with("* STATUS \"INBOX\" (MESSAGES 2 UIDNEXT 3 "));
    watcher.ask("SELECT Lists").await;
    model.edit(|server| server.deliver("Lists", &[], b"new"));
    assert_eq!(watcher.until("* ").await, ["* 1 EXISTS"]);
    model.edit(|server| server.expunge("Lists", &[1]));
    assert_eq!(watcher.until("* ").await, ["* VANISHED 1"]);
    model.edit(|server| server.rename("INBOX", "Old"));
    assert_eq!(watcher.until("* LIST").await.last().unwrap(), "* LIST () \"/\" \"Old\"");
    assert_eq!(idle.until("* ").await, ["* 2 EXPUNGE"]);
    idle.until("* 1 EXPUNGE").await;
    idle.0.write_all(b"DONE\r\n").await.unwrap();
    assert_eq!(idle.until("x ").await, ["x OK idled"]);
    let said = watcher.ask("NOTIFY SET (PERSONAL (MessageNew))").await;
    assert!(said.last().unwrap().starts_with("x BAD"), "{said:?}");
}

#[tokio::test]
async fn uid_only_has_no_sequence_numbers() {
    let model = holding(Config::everything(), 2);
    let mut client = Client::new(&model).await;
    assert_eq!(client.ask("ENABLE UIDONLY").await[0], "* ENABLED UIDONLY");
    client.ask("SELECT INBOX").await;
    assert!(client.ask("FETCH 1 FLAGS").await[0].starts_with("x BAD [UIDREQUIRED]"));
    assert_eq!(client.ask("UID FETCH 2 (FLAGS EMAILID)").await[0], "* 2 UIDFETCH (FLAGS () EMAILID (M3))");
    model.edit(|server| server.flag("INBOX", 1, &["\\Seen"], &[]));
    assert_eq!(client.ask("NOOP").await[0], "* 1 UIDFETCH (FLAGS (\\Seen))");
    model.edit(|server| server.expunge("INBOX", &[1]));
    assert_eq!(client.ask("NOOP").await[0], "* VANISHED 1");
}

#[tokio::test]
async fn a_login_needs_the_password_and_names_travel_as_agreed() {
    let mut config = Config::everything();
    config.preauth = false;
    let model = Model::new(config);
    let mut client = Client::new(&model).await;
    assert!(client.ask("SELECT INBOX").await[0].starts_with("x BAD"));
    assert!(client.ask("LOGIN ann wrong").await[0].starts_with("x NO [AUTHENTICATIONFAILED]"));
    let coded = "AGFubgBjb3JyZWN0IGhvcnNl";
    client.0.write_all(format!("x AUTHENTICATE PLAIN\r\n{coded}\r\n").as_bytes()).await.unwrap();
    assert!(client.until("x ").await[1].starts_with("x OK [CAPABILITY IMAP4rev1 "));
    client.ask("CREATE Entw&APw-rfe").await;
    assert_eq!(client.ask("LIST \"\" E*").await[0], "* LIST (\\HasNoChildren) \"/\" \"Entw&APw-rfe\"");
    client.ask("ENABLE UTF8=ACCEPT").await;
    assert_eq!(client.ask("LIST \"\" E*").await[0], "* LIST (\\HasNoChildren) \"/\" \"Entwürfe\"");
}

#[tokio::test]
async fn it_fails_where_it_is_told_to_and_once() {
    let model = holding(Config::qresync(), 3);
    let mut client = Client::new(&model).await;
    client.ask("SELECT INBOX").await;
    model.edit(|server| {
        server.fault(Fault::Refuse { verb: "NOOP", nth: 2, words: "not now" });
        server.at(Moment::Body(2), |server| server.expunge("INBOX", &[2, 3]));
    });
    assert_eq!(client.ask("NOOP").await, ["x OK nothing done"]);
    assert_eq!(client.ask("NOOP").await, ["x NO not now"]);
    assert_eq!(client.ask("NOOP").await, ["x OK nothing done"]);
    let said = client.ask("UID FETCH 1:3 (BODY.PEEK[TEXT])").await;
    assert_eq!(said.iter().filter(|line| line.contains("FETCH")).count(), 1, "{said:?}");
    assert_eq!(said[said.len() - 3..], ["* 3 EXPUNGE", "* 2 EXPUNGE", "x OK fetched"]);
    model.edit(|server| server.fault(Fault::LoseAnswer { verb: "APPEND", nth: 1 }));
    assert_eq!(client.ask("APPEND INBOX {1+}\r\na").await, ["", "closed"]);
    assert_eq!(model.edit(|server| server.mailbox("INBOX").messages.len()), 2);

    let mut client = Client::new(&model).await;
    model.edit(|server| server.fault(Fault::CloseAfterOctets(12)));
    assert_eq!(client.ask("CAPABILITY").await, ["* CAPABILITY", "closed"]);
    let mut client = Client::new(&model).await;
    model.edit(|server| server.fault(Fault::CloseBefore { verb: "UID STORE", nth: 1 }));
    client.ask("SELECT INBOX").await;
    assert_eq!(client.ask("UID STORE 1 +FLAGS (\\Seen)").await, ["", "closed"]);
    assert!(!model.edit(|server| server.mailbox("INBOX").messages[&1].flags.has("\\Seen")));
}
