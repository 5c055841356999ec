//! What people see, to the letter: help, and what commands print of mail that is always the same. No server and no
//! terminal is needed, so the lines are 100 columns wide.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, not tests themselves"
)]

mod reading;

use restante_core::mail::{Flags, Mailbox, MailboxName, SpecialUse, SyncState, Uid, UidValidity};
use restante_core::message::Summary;
use restante_core::sync::Delta;
use restante_store::{Body, NewEntry, Pause, Store, View};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use testkit::script::{Opening, Server};

const CONFIG: &str = r#"
[account.work]
address = "ann@example.org"
name = "Ann Lee"
source = "srv"
password-command = "echo secret"

[account.work.imap]
host = "127.0.0.1"
port = 1
security = "tls"
username = "ann@example.org"
"#;

const PLAIN: &str = "From: Bob Builder <bob@example.net>\r\nTo: Ann Lee <ann@example.org>\r\n\
    Date: Tue, 02 Jan 2024 10:00:00 +0000\r\nMessage-ID: <1@example.net>\r\nSubject: The roof\r\n\r\n\
    Hello Ann,\r\n\r\nthe roof is tight again.\r\n\r\nBob\r\n";

const WIDE: &str = "From: =?utf-8?q?Zo=C3=AB_=E6=9D=B1?= <zoe@example.com>\r\nTo: ann@example.org\r\n\
    Cc: bob@example.net\r\nDate: Wed, 03 Jan 2024 23:30:00 +0100\r\nMessage-ID: <2@example.com>\r\n\
    Subject: =?utf-8?b?5p2x5Lqs44Gu5Ya36JS15bqr?= and a subject that is by far too long for the line that it \
    has to stand in\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hello <b>Ann</b>,</p><p>see <a \
    href=\"https://example.com/a\">the plan</a>.</p>\r\n--b\r\nContent-Type: application/pdf\r\n\
    Content-Disposition: attachment; filename=plan.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n";

/// A conversation: a question, one's own answer above it, one in between, and Outlook's way.
const ASKED: &str = "From: Bob Builder <bob@example.net>\r\nTo: Ann Lee <ann@example.org>\r\n\
    Date: Tue, 02 Jan 2024 10:00:00 +0000\r\nMessage-ID: <1@example.net>\r\nSubject: The roof\r\n\r\n\
    Hello Ann,\r\n\r\nis it tight again?\r\nIs the bill paid?\r\n\r\n-- \r\nBob Builder\r\nRoofs and more\r\n";
const ANSWERED: &str = "From: Ann Lee <ann@example.org>\r\nTo: Bob Builder <bob@example.net>\r\n\
    Date: Tue, 02 Jan 2024 11:00:00 +0000\r\nMessage-ID: <2@example.org>\r\nSubject: Re: The roof\r\n\
    In-Reply-To: <1@example.net>\r\n\r\nYes, it is.\r\n\r\n\
    On Tue, 2 Jan 2024 at 10:00, Bob Builder <bob@example.net> wrote:\r\n\
    > Hello Ann,\r\n>\r\n> is it tight again?\r\n> Is the bill paid?\r\n";
const BETWEEN: &str = "From: Bob Builder <bob@example.net>\r\nTo: Ann Lee <ann@example.org>\r\n\
    Cc: carla@example.com\r\nDate: Wed, 03 Jan 2024 09:00:00 +0000\r\nMessage-ID: <3@example.net>\r\n\
    Subject: AW: The roof\r\nReferences: <1@example.net> <2@example.org>\r\n\r\n\
    Ann Lee schrieb am 02.01.2024 um 11:00:\r\n> Yes, it is.\r\n\r\nGood.\r\n\r\n\
    >> Is the bill paid?\r\n\r\nAnd this one?\r\n";
const OUTLOOK: &str = "From: \"Carla\" <carla@example.com>\r\nTo: bob@example.net\r\nCc: ann@example.org\r\n\
    Date: Wed, 03 Jan 2024 12:00:00 +0000\r\nMessage-ID: <4@example.com>\r\nSubject: The bill (was: The roof)\r\n\
    References: <3@example.net>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
    Content-Type: text/plain\r\n\r\nIt is. See the receipt.\r\n\r\n-----Original Message-----\r\n\
    From: Bob Builder\r\nSent: Wednesday, 3 January 2024 09:00\r\nTo: Ann Lee\r\nSubject: AW: The roof\r\n\r\n\
    And this one?\r\n--b\r\nContent-Type: application/pdf\r\n\
    Content-Disposition: attachment; filename=receipt.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n";
const BEGUN: &str = "From: Bob Builder <bob@example.net>\r\nTo: Ann Lee <ann@example.org>\r\n\
    Date: Thu, 04 Jan 2024 09:00:00 +0000\r\nMessage-ID: <5@example.net>\r\nSubject: Re: The roof\r\n\
    References: <4@example.com>\r\n\r\nThen all is";

/// A data directory with one account and two messages.
fn data() -> TempDir {
    data_of(&[("INBOX", 1, PLAIN, "\\Seen \\Flagged", 0), ("INBOX", 2, WIDE, "", 0)])
}

/// A data directory with one account and these messages: the mailbox, the UID, the octets, the flags, and how many
/// octets are missing.
fn data_of(messages: &[(&str, u32, &str, &str, u64)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.toml"), CONFIG).unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let account = store.account("work").unwrap();
    let mailbox = |name: &str, special_use| Mailbox {
        name: MailboxName::new(name),
        delimiter: Some('/'),
        special_use,
        selectable: true,
    };
    let list = [mailbox("INBOX", None), mailbox("Sent", Some(SpecialUse::Sent))];
    store.set_mailboxes(account, &list).unwrap();
    for known in store.mailboxes(account).unwrap() {
        let name = known.mailbox.name.as_str().to_owned();
        let mut writer = store.content_writer().unwrap();
        let mut new = Vec::new();
        for (_, uid, text, flags, missing) in messages.iter().filter(|message| message.0 == name) {
            let size = text.len() as u64 + missing;
            writer.begin(text.len() as u64).unwrap();
            writer.write(text.as_bytes()).unwrap();
            let content = writer.finish().unwrap();
            let summary = Box::new(Summary::read(text.as_bytes()));
            let internal_date = summary.date.unwrap();
            let flags: Flags = flags.split_whitespace().collect();
            let body = match missing {
                0 => Body::Fetched { summary, content },
                _ => Body::Begun { summary, content, size },
            };
            let uid = Uid::new(*uid).unwrap();
            new.push(NewEntry { uid, flags, mod_seq: None, internal_date, email_id: String::new(), body });
        }
        writer.sync().unwrap();
        let uid_validity = UidValidity::new(1).unwrap();
        let state = Some(SyncState { uid_validity, uid_next: 9, highest_mod_seq: None });
        store.apply(known.id, &Delta { new, state, ..Delta::default() }, 0).unwrap();
    }
    let mut indexer = store.indexer().unwrap();
    while indexer.step(9, View::searchable, |shown| store.preview(&shown)).unwrap() > 0 {}
    folder
}

/// The conversation in its mailboxes.
fn conversation() -> TempDir {
    data_of(&[
        ("INBOX", 1, ASKED, "\\Seen \\Answered", 0),
        ("Sent", 1, ANSWERED, "\\Seen", 0),
        ("INBOX", 2, BETWEEN, "\\Flagged", 0),
        ("INBOX", 3, OUTLOOK, "", 0),
        ("INBOX", 4, BEGUN, "", 5000),
    ])
}

/// What a command prints, and how it ends when that is not well.
fn restante(data: &Path, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_restante"));
    command.env_clear().env("HOME", data).env("TZ", "UTC").env("RESTANTE_DATA_DIR", data).args(args);
    let output = command.output().unwrap();
    let mut text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    if !errors.is_empty() {
        text.push_str(&format!("--- standard error\n{errors}"));
    }
    if !output.status.success() {
        text.push_str(&format!("--- ends with {}\n", output.status.code().unwrap()));
    }
    text.replace(&data.display().to_string(), "DATA")
}

/// The commands that a help names.
fn commands(help: &str) -> Vec<String> {
    let named = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let named = named.take_while(|line| !line.is_empty()).filter(|line| line.starts_with("  "));
    let names =
        named.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// The short help of a command and of those below it.
fn helps(data: &Path, words: &[&str], into: &mut String) {
    let mut args = words.to_vec();
    args.push("-h");
    let help = restante(data, &args);
    into.push_str(&format!("======== restante {}\n{help}\n", words.join(" ")));
    for name in commands(&help) {
        let mut below = words.to_vec();
        below.push(&name);
        helps(data, &below, into);
    }
}

#[test]
fn help() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!("help", restante(folder.path(), &["--help"]));
    let mut all = String::new();
    for name in commands(&restante(folder.path(), &["-h"])) {
        helps(folder.path(), &[&name], &mut all);
    }
    insta::assert_snapshot!("help-of-each", all);
}

#[test]
fn list() {
    let folder = data();
    insta::assert_snapshot!("list", restante(folder.path(), &["list"]));
    let narrow = |columns: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_restante"));
        command.env_clear().env("HOME", folder.path()).env("TZ", "UTC").env("COLUMNS", columns);
        let output = command.env("RESTANTE_DATA_DIR", folder.path()).arg("list").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    insta::assert_snapshot!("list-narrow", ["60", "40", "30"].map(narrow).join("\n"));
    insta::assert_snapshot!("list-nothing", restante(folder.path(), &["list", "nowhere-to-be-found"]));
}

#[test]
fn search() {
    let folder = data();
    let said = |args: &[&str]| format!("$ restante {}\n{}\n", args.join(" "), restante(folder.path(), args));
    let mut all = String::new();
    for args in [
        &["search", "roof"][..],
        &["search", "hello", "--sort", "relevance"],
        &["search", "subject:roof", "--json"],
        &["search", "has:link", "is:unread", "--ids"],
        &["search", "roof", "date:2024-01..", "is:odd"],
        &["search", "saved:work"],
        &["search", "--save", "work", "from:bob", "tight"],
        &["search", "--save", "bad", "("],
        &["list", "saved:work"],
        &["search", "--saved"],
        &["search", "--saved", "--json"],
        &["search", "--forget", "work"],
        &["search", "--forget", "work"],
        &["search", "--saved"],
    ] {
        all.push_str(&said(args));
    }
    insta::assert_snapshot!("search", all);
}

/// What bash offers at the end of a line.
fn offered(data: &Path, line: &str) -> Vec<String> {
    let script = restante(data, &["completions", "bash"]);
    let program = Path::new(env!("CARGO_BIN_EXE_restante")).parent().unwrap();
    let script = format!(
        "{script}\nCOMP_LINE='{line}' COMP_POINT=${{#COMP_LINE}} COMP_TYPE=9\n_restante\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let mut bash = Command::new("bash");
    bash.env_clear()
        .env("HOME", data)
        .env("RESTANTE_DATA_DIR", data)
        .env("PATH", format!("{}:/usr/bin:/bin", program.display()));
    let output = bash.args(["-c", &script]).output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn bash_offers_what_is_here() {
    let folder = data();
    restante(folder.path(), &["search", "--save", "work", "from:bob"]);
    for (line, expected) in [
        ("restante mov", &["move"][..]),
        ("restante list fr", &["from:"]),
        // What stands before the colon is there already.
        ("restante list from:b", &["bob@example.net"]),
        ("restante list from:build", &["bob@example.net"]),
        ("restante list roof from:z", &["zoe@example.com"]),
        ("restante count in:S", &["Sent"]),
        ("restante list saved:", &["work"]),
        ("restante list is:un", &["unread"]),
        ("restante move x --to I", &["INBOX"]),
        ("restante sync w", &["work"]),
        ("restante --account w", &["work"]),
    ] {
        assert_eq!(offered(folder.path(), line), expected, "{line}");
    }
}

#[test]
fn read() {
    let folder = data();
    let mut all = String::new();
    for line in restante(folder.path(), &["list"]).lines() {
        let id = line.split_whitespace().next().unwrap();
        all.push_str(&restante(folder.path(), &["--read-only", "read", id]));
        all.push_str("========\n");
    }
    insta::assert_snapshot!("read", all);
}

#[test]
fn thread() {
    let folder = conversation();
    let ids = restante(folder.path(), &["list", "--ids"]);
    let last = ids.lines().next().unwrap();
    insta::assert_snapshot!("thread", restante(folder.path(), &["thread", last]));
    let whole = restante(folder.path(), &["thread", last, "--quotes"]);
    assert!(
        !whole.contains('…') && whole.contains("> Is the bill paid?") && whole.contains("Roofs and more")
    );
    let oldest_first: String = ids.lines().rev().map(|id| format!("{id}\n")).collect();
    assert_eq!(restante(folder.path(), &["thread", last, "--ids"]), oldest_first);

    let document: serde_json::Value =
        serde_json::from_str(&restante(folder.path(), &["thread", last, "--json"])).unwrap();
    let schema: serde_json::Value =
        serde_json::from_str(&restante(folder.path(), &["schema", "thread"])).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let messages = document["messages"].as_array().unwrap();
    assert_eq!(
        messages.iter().map(|m| m["own"].as_bool().unwrap()).collect::<Vec<_>>(),
        [false, true, false, false, false]
    );
    for message in messages {
        let passages: String =
            message["passages"].as_array().unwrap().iter().map(|p| p["text"].as_str().unwrap()).collect();
        assert_eq!(passages, message["text"].as_str().unwrap_or_default());
    }
    // What is not all here is not read as if it were.
    assert_eq!(messages.last().unwrap()["text"], serde_json::Value::Null);
    let lines = restante(folder.path(), &["thread", last, "--jsonl"]);
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(&lines, messages);
}

#[test]
fn the_attachments_of_a_conversation_are_saved_at_once_and_what_fails_stops_nothing() {
    let file = |id: &str, answers: &str, name: &str, text: &str| {
        format!(
            "From: Bob <bob@example.net>\r\nTo: ann@example.org\r\nDate: Tue, 02 Jan 2024 1{id}:00:00 +0000\r\n\
             Message-ID: <{id}@x>\r\nReferences: {answers}\r\nSubject: plans\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhere\r\n--b\r\n\
             Content-Type: text/plain\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\r\n{text}\r\n--b--\r\n"
        )
    };
    let (one, two) = (file("1", "", "../plan.txt", "first"), file("2", "<1@x>", "plan.txt", "second"));
    let (three, four) = (file("3", "<1@x>", "lost.txt", "gone"), file("4", "<1@x>", "plan.txt", "first"));
    let folder = data_of(&[
        ("INBOX", 1, &one, "", 0),
        ("Sent", 1, &two, "", 0),
        ("INBOX", 2, &three, "", 700),
        ("INBOX", 3, &four, "", 0),
    ]);
    let ids = restante(folder.path(), &["list", "--ids"]);
    let ids: Vec<&str> = ids.lines().rev().collect();
    let into = folder.path().join("into");
    std::fs::create_dir(&into).unwrap();
    std::fs::write(into.join("plan.txt"), "mine").unwrap();
    let args = ["--offline", "save", "--thread", ids[1], "-C", into.to_str().unwrap()];
    let said = restante(folder.path(), &args);
    let expected = format!(
        "{0}  DATA/into/plan-1.txt  from Bob <bob@example.net>\n{1}  DATA/into/plan-2.txt  from Bob <bob@example.net>\n\
         {3}  DATA/into/plan-1.txt  from Bob <bob@example.net>\n--- standard error\nrestante: {2}: only the first",
        ids[0], ids[1], ids[2], ids[3]
    );
    assert!(said.starts_with(&expected) && said.ends_with("--- ends with 75\n"), "{said}");
    let content = |name: &str| std::fs::read_to_string(into.join(name)).unwrap();
    assert_eq!(
        [content("plan.txt"), content("plan-1.txt"), content("plan-2.txt")],
        ["mine", "first", "second"]
    );
    assert_eq!(std::fs::read_dir(&into).unwrap().count(), 3);
    let document = restante(folder.path(), &[&args[..], &["--json"]].concat());
    let document: serde_json::Value =
        serde_json::from_str(document.split("--- standard error").next().unwrap()).unwrap();
    assert_eq!((&document["files"][1]["id"], &document["failed"][0]["id"]), (&ids[1].into(), &ids[2].into()));
    let said = restante(folder.path(), &["save", "--thread", "./x.eml"]);
    assert!(said.ends_with("--- ends with 64\n"), "{said}");
}

#[test]
fn account_show() {
    let folder = data();
    insta::assert_snapshot!("account-show", restante(folder.path(), &["account", "show"]));
    let mut store = Store::open(folder.path()).unwrap();
    let account = store.account("work").unwrap();
    let reason = "[UNAVAILABLE] come back later".to_owned();
    store.set_pause(account, &Pause { until: 4_102_444_800, failures: 3, reason: reason.clone() }).unwrap();
    drop(store);
    insta::assert_snapshot!("account-show-paused", restante(folder.path(), &["account", "show"]));
    let json: serde_json::Value =
        serde_json::from_str(&restante(folder.path(), &["--json", "account", "show"])).unwrap();
    let paused = serde_json::json!({"until": "2100-01-01T00:00:00Z", "failures": 3, "reason": reason});
    assert_eq!(json.get("paused"), Some(&paused));
}

#[test]
fn doctor() {
    let folder = data();
    let said = restante(folder.path(), &["doctor", "work"]);
    // The one thing that is never the same.
    let (before, after) = said.split_once(" after ").unwrap();
    let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
    insta::assert_snapshot!("doctor", format!("{before} after [number]{after}"));
}

/// A server that knows another password.
const REFUSES: &str = "
    S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready
    C: a1 AUTHENTICATE PLAIN <redacted>
    S: a1 NO [AUTHENTICATIONFAILED] wrong
";

#[test]
fn a_change_whose_login_is_refused_is_recorded_and_ends_with_77() {
    let folder = data();
    let server = Server::start(&["localhost"], Opening::Plain, &[REFUSES]).unwrap();
    let config = CONFIG.replace("port = 1\n", &format!("port = {}\n", server.port()));
    std::fs::write(folder.path().join("config.toml"), config.replace("\"tls\"", "\"none\"")).unwrap();
    let list = restante(folder.path(), &["list"]);
    let id = list.split_whitespace().next().unwrap();
    let said = restante(folder.path(), &["mark", id, "--read"]);
    assert!(said.contains("waits until the login works") && said.contains("ends with 77"), "{said}");
    let waits = restante(folder.path(), &["undo", "--list"]);
    assert!(waits.contains("1 waiting"), "{waits}");
}
