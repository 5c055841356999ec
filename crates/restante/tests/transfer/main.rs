//! Import, local accounts and export, as a person uses them: no server, no network.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy allows these in tests, but not in the functions that tests call"
)]

mod finding;

use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_restante");

struct Person {
    home: TempDir,
}

struct Ran {
    status: i32,
    stdout: Vec<u8>,
    stderr: String,
}

impl Person {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("TZ", "UTC")
            .env("RESTANTE_DATA_DIR", self.path("data"))
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        let output = self.command(args).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        Ran { status: output.status.code().unwrap_or(-1), stdout: output.stdout, stderr }
    }

    fn text(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.status, 0, "{args:?}: {}", ran.stderr);
        String::from_utf8(ran.stdout).unwrap()
    }

    /// The document a command prints, held against its schema, and its exit code.
    fn json(&self, args: &[&str]) -> (Value, i32) {
        let ran = self.run(&[args, &["--json"]].concat());
        let document: Value =
            serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{args:?}: {}", ran.stderr));
        let name = document["schema"].as_str().unwrap().split('/').nth(1).unwrap().to_owned();
        let schema: Value = serde_json::from_str(&self.text(&["schema", &name])).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}\n{document:#}");
        (document, ran.status)
    }

    fn ids(&self, query: &[&str]) -> Vec<String> {
        let ran = self.run(&[&["list", "--ids", "-n", "100000"], query].concat());
        String::from_utf8(ran.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// The only message that is found: its mailboxes and flags.
    fn only(&self, query: &[&str]) -> (Value, Value) {
        let (document, _) = self.json(&[&["list"], query].concat());
        assert_eq!(document["total"], 1, "{query:?}: {document:#}");
        (document["messages"][0]["mailboxes"].clone(), document["messages"][0]["flags"].clone())
    }
}

/// As Python's `mailbox` module writes an mbox.
const PYTHON: &[u8] = b"From ann@example.org Tue Jan  2 10:00:00 2024\nSubject: one\nStatus: RO\nX-Status: FA\n\n\
    >From here on\n>From there\nend\n\nFrom ann@example.org Tue Jan  2 10:00:00 2024\nSubject: two\nStatus: \n\
    X-Status: \n\nno newline at the end\n\n";

#[test]
fn an_import_needs_no_account_and_makes_mail_that_is_here_to_read_and_to_change() {
    let person = Person::new();
    // As Python's `mailbox` module makes a Maildir.
    person.write("Mail/cur/1795475018.M639768P21391Q1.vm:2,FS", b"Subject: three\n\nFrom here\n");
    person.write(
        "Mail/.Old/new/1795475018.M642386P21391Q2.vm",
        b"Subject: four\nMessage-ID: <4@x>\n\nbody words\n",
    );
    person.write("Mail/.Old/maildirfolder", b"");
    for folder in ["Mail/new", "Mail/tmp", "Mail/.Old/cur"] {
        fs::create_dir_all(person.path(folder)).unwrap();
    }
    person.write("letters.mbox", PYTHON);
    let (document, status) = person.json(&["import", "Mail", "letters.mbox"]);
    assert_eq!((status, &document["account"], &document["made"]), (0, &json!("archive"), &json!(true)));
    assert_eq!((&document["new"], &document["already"]), (&json!(4), &json!(0)));
    let (again, _) = person.json(&["import", "letters.mbox", "Mail"]);
    assert_eq!((&again["new"], &again["already"], &again["made"]), (&json!(0), &json!(4), &json!(false)));
    assert_eq!(
        fs::read_to_string(person.path("data/config.toml")).unwrap(),
        "[account.archive]\nlocal = true\n"
    );

    assert_eq!(person.only(&["subject:three"]), (json!(["INBOX"]), json!(["\\Flagged", "\\Seen"])));
    assert_eq!(person.only(&["words"]), (json!(["Old"]), json!([])), "it is searchable at once");
    let one = person.ids(&["subject:one"]);
    let raw = person.run(&["read", "--raw", &one[0]]).stdout;
    assert_eq!(
        String::from_utf8(raw).unwrap(),
        "Subject: one\nStatus: RO\nX-Status: FA\n\nFrom here on\nFrom there\nend\n"
    );

    let four = &person.ids(&["subject:four"])[0];
    for (change, expected) in [
        (&["mark", four, "--read", "--star"][..], (json!(["Old"]), json!(["\\Flagged", "\\Seen"]))),
        (&["move", four, "--to", "INBOX"], (json!(["INBOX"]), json!(["\\Flagged", "\\Seen"]))),
        (&["trash", four], (json!(["Trash"]), json!(["\\Flagged", "\\Seen"]))),
    ] {
        let (document, status) = person.json(change);
        assert_eq!(
            (status, &document["state"], &document["why"]),
            (0, &json!("done"), &Value::Null),
            "{document:#}"
        );
        assert_eq!(person.only(&["subject:four"]), expected);
    }
    let (undone, status) = person.json(&["undo"]);
    assert_eq!((status, &undone["state"]), (0, &json!("done")), "{undone:#}");
    assert_eq!(undone["operations"][0]["state"], "done", "{undone:#}");
    assert_eq!(person.only(&["subject:four"]).0, json!(["INBOX"]));
    person.text(&["trash", "--forever", "--yes", four]);
    assert!(person.ids(&["subject:four"]).is_empty());
    let said = person.text(&["undo", "--offline"]);
    assert!(said.starts_with("took back: ") && !said.contains("the server follows"), "{said}");
    assert_eq!(person.only(&["subject:four"]).0, json!(["INBOX"]));

    person.text(&["mailbox", "create", "Work/New"]);
    person.text(&["mailbox", "rename", "Work/New", "Done"]);
    person.text(&["mailbox", "remove", "Done"]);
    let (mailboxes, _) = person.json(&["mailbox", "list"]);
    let names: Vec<_> =
        mailboxes["mailboxes"].as_array().unwrap().iter().map(|row| row["name"].clone()).collect();
    assert_eq!(json!(names), json!(["INBOX", "Old", "Trash", "letters"]));
    let (checked, status) = person.json(&["fsck"]);
    assert_eq!((status, &checked["faults"]), (0, &json!([])));
}

#[test]
fn a_local_account_is_named_and_passed_over_and_says_what_it_lacks() {
    let person = Person::new();
    person.write("a.eml", b"Subject: a\n\nb");
    person.text(&["import", "--account", "old-job", "a.eml"]);
    assert_eq!(person.text(&["account", "list"]), "old-job  local: its mail is on this machine alone\n");
    assert!(person.text(&["account", "show", "OLD-JOB"]).contains("local"));
    let (list, _) = person.json(&["account", "list"]);
    assert_eq!(list["accounts"][0]["local"], true);
    assert_eq!(person.json(&["account", "show"]).0["imap"], Value::Null);
    let synced = person.run(&["sync"]);
    assert_eq!((synced.status, &synced.stderr[..]), (0, "old-job is local: there is nothing to fetch\n"));
    for command in [&["send", "bob@example.net"][..], &["doctor"], &["account", "edit", "old-job"]] {
        let ran = person.run(command);
        assert_eq!(ran.status, 78, "{command:?}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("old-job is local") && ran.stderr.contains("restante setup"),
            "{}",
            ran.stderr
        );
    }
    assert_eq!(person.json(&["list", "--account", "old-job"]).0["total"], 1);
    assert_eq!(person.run(&["outbox", "list", "--account", "old-job"]).status, 1);
    person.text(&["account", "remove", "old-job", "--yes"]);
    assert_eq!(person.run(&["account", "list"]).status, 1);
    assert!(!person.path("data/mail.db").exists());
}

#[test]
fn what_cannot_be_taken_is_named_and_ends_as_the_manual_says() {
    let person = Person::new();
    assert_eq!(person.run(&["import", "nowhere"]).status, 66);
    person.write("folder/notes.txt", b"no mail");
    let none = person.run(&["import", "folder"]);
    assert_eq!(none.status, 65);
    assert!(none.stderr.contains("neither a Maildir nor an mbox"), "{}", none.stderr);
    person.write("a.eml", b"Subject: a\n\nb");
    person.write("broken.mbox", b"this is no mbox");
    let (document, status) = person.json(&["import", "--format", "mbox", "broken.mbox", "a.eml"]);
    assert_eq!((status, document["unreadable"].as_array().unwrap().len()), (65, 2));
    let (document, status) = person.json(&["import", "broken.mbox", "a.eml"]);
    assert_eq!((status, &document["new"]), (65, &json!(1)));
    assert_eq!(document["unreadable"][0]["what"], "broken.mbox");
    assert_eq!(person.run(&["import", "--read-only", "a.eml"]).status, 64);
    assert_eq!(person.run(&["import", "--into", "a//b", "a.eml"]).status, 64);
}

#[test]
fn what_holds_no_mail_is_named_and_what_is_damaged_mail_ends_otherwise() {
    let person = Person::new();
    for number in 0..12 {
        person.write(&format!("tree/notes-{number:02}"), b"no mail");
    }
    person.write("tree/inbox/1", b"Return-Path: <a@b>\nSubject: a\n\nb");
    let ran = person.run(&["import", "tree"]);
    assert_eq!(
        (ran.status, String::from_utf8_lossy(&ran.stdout).as_ref()),
        (0, "INBOX: 1 new\narchive is a local account now: its mail is on this machine alone\n")
    );
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!((lines.len(), lines[0]), (11, "holds no mail: tree/notes-00"));
    assert_eq!(lines[10], "and 2 more that hold no mail; --json names all");
    person.write("tree/inbox/2", b"\0\0\nReceived: x\nDate: y\nSubject: a\n\nb");
    let (document, status) = person.json(&["import", "tree"]);
    assert_eq!((status, &document["ignored"]), (65, &json!(12)));
    assert_eq!(document["ignored_files"][11], "tree/notes-11");
    assert_eq!(document["unreadable"][0]["what"], "tree/inbox/2");
}

#[test]
fn a_query_without_a_place_behind_it_is_exported_nowhere() {
    let person = Person::new();
    person.write("a.eml", b"From: ann@example.org\nSubject: a\n\nb");
    person.text(&["import", "a.eml"]);
    for word in ["from:ann", "-In:Work", "has:attachment.mbox"] {
        let ran = person.run(&["export", word]);
        assert_eq!(ran.status, 64, "{word}: {}", ran.stderr);
        assert!(ran.stderr.contains(&format!("is `./{word}`")), "{}", ran.stderr);
        assert!(!person.path(word).exists());
    }
    person.text(&["export", "./from:ann"]);
    // What is there is meant.
    person.text(&["export", "from:ann"]);
    assert!(person.path("from:ann/cur").is_dir());
}

#[test]
fn names_of_files_need_not_be_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let person = Person::new();
    let file = OsStr::from_bytes(b"\xff\xfe.eml");
    let parts = "Subject: a\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\n\
        Content-Disposition: attachment; filename=a.txt\n\nx\n--b--\n";
    fs::write(person.home.path().join(file), parts).unwrap();
    let folder = OsStr::from_bytes(b"out\xff");
    fs::create_dir(person.home.path().join(folder)).unwrap();
    for (args, name) in [
        (&["import"][..], file),
        (&["export"], folder),
        (&["read"], file),
        (&["save", "-C"], folder),
        (&["save", "--json", "-C"], folder),
    ] {
        let mut command = person.command(args);
        command.arg(name);
        if args.contains(&"save") {
            command.arg(file);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
    }
    assert!(person.home.path().join(folder).join("cur").is_dir());
    assert!(person.home.path().join(folder).join("a.txt").is_file());
    let mut command = person.command(&["export"]);
    assert_eq!(command.arg(file).arg("out").output().unwrap().status.code(), Some(64), "a query is text");
}

#[test]
fn a_table_of_mailboxes_fits_a_narrow_terminal() {
    let person = Person::new();
    person.write("Letters from here and there/a.eml", b"Subject: a\n\nb");
    person.text(&["import", "."]);
    person.text(&["trash", &person.ids(&["subject:a"])[0]]);
    let mut command = person.command(&["mailbox", "list"]);
    let narrow = String::from_utf8(command.env("COLUMNS", "40").output().unwrap().stdout).unwrap();
    assert_eq!(narrow, "Letters from here and there  0\nTrash  trash  1  1 unread\n");
    let wide = person.text(&["mailbox", "list"]);
    assert_eq!(
        wide,
        "Letters from here and there                  0\n\
         Trash                        trash           1  1 unread\n"
    );
}

#[test]
fn nothing_is_made_where_nothing_was_found() {
    let person = Person::new();
    person.write("broken.mbox", b"this is no mbox");
    person.write("folder/notes.txt", b"no mail");
    for (args, told) in [
        (&["import", "broken.mbox"][..], "called as an mbox, and does not begin with `From `"),
        (&["import", "--format", "mbox", "broken.mbox"], "does not begin with `From `"),
        (&["import", "--account", "old", "folder"], "neither a Maildir nor an mbox"),
    ] {
        let ran = person.run(args);
        assert_eq!((ran.status, String::from_utf8_lossy(&ran.stdout).as_ref()), (65, ""), "{args:?}");
        assert!(ran.stderr.contains(told), "{args:?}: {}", ran.stderr);
    }
    assert_eq!(person.run(&["account", "list"]).status, 1, "no account was made");
    // What there is stays and is not made again.
    person.write("a.eml", b"Subject: a\n\nb");
    person.text(&["import", "a.eml"]);
    let (document, status) = person.json(&["import", "broken.mbox"]);
    assert_eq!((status, &document["account"], &document["made"]), (65, &json!("archive"), &json!(false)));
}

#[test]
fn attachments_are_searched_when_the_configuration_says_so() {
    let person = Person::new();
    person.write(
        "a.eml",
        b"Subject: offer\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n\
        --b\n\nSee the file.\n--b\nContent-Type: text/csv; name=prices.csv\n\
        Content-Disposition: attachment\n\ngutter;copper;42.50\n--b--\n",
    );
    person.write("b.eml", b"Subject: second\n\nOther words.\n");
    person.text(&["import", "a.eml"]);
    assert_eq!(person.run(&["search", "copper"]).status, 1);
    let config = person.path("data/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}\n[search]\nattachments = true\n")).unwrap();
    // What is said there counts when mail is made searchable; until then nothing is missing.
    assert_eq!(person.run(&["search", "file"]).status, 0);
    person.text(&["import", "b.eml"]);
    let (document, _) = person.json(&["search", "attachment:copper"]);
    assert_eq!(document["messages"][0]["hit"]["text"], "gutter;copper;42.50");
    assert_eq!(person.run(&["search", "file"]).status, 0);
}

#[cfg(unix)]
#[test]
fn no_message_is_left_out_without_a_word() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    let person = Person::new();
    for folder in ["Mail/cur", "Mail/new", "Mail/tmp", "far/cur", "far/new", "far/tmp"] {
        fs::create_dir_all(person.path(folder)).unwrap();
    }
    // Names that are no UTF-8.
    let odd = |folder: &str, name: &[u8]| person.path(folder).join(OsStr::from_bytes(name));
    fs::write(odd("Mail/cur", b"1.gr\xfc\xdfe:2,FS"), b"Subject: odd\n\n").unwrap();
    fs::create_dir_all(odd("tree", b"caf\xe9")).unwrap();
    fs::write(odd("tree", b"caf\xe9/\xff.eml"), b"Subject: in a folder\n\n").unwrap();
    let (document, status) = person.json(&["import", "Mail", "tree"]);
    assert_eq!((status, &document["new"]), (0, &json!(2)), "{document:#}");
    assert_eq!(person.only(&["subject:odd"]).1, json!(["\\Flagged", "\\Seen"]));
    assert_eq!(person.only(&["subject:folder"]).0, json!(["caf\u{fffd}"]));
    // Links that lead nowhere, and to other folders.
    person.write("far/cur/2.x:2,S", b"Subject: far\n\n");
    symlink("/nowhere/at/all", person.path("Mail/cur/3.x:2,S")).unwrap();
    symlink("/nowhere/at/all", person.path("tree/gone.eml")).unwrap();
    symlink(person.path("far"), person.path("Mail/.Far")).unwrap();
    symlink(person.path("tree"), person.path("tree/again")).unwrap();
    let (document, status) = person.json(&["import", "Mail", "tree"]);
    assert_eq!((status, &document["new"], &document["already"]), (65, &json!(0), &json!(2)));
    let mut named: Vec<&str> = document["unreadable"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["what"].as_str().unwrap())
        .collect();
    named.sort_unstable();
    assert_eq!(named, ["Mail/.Far", "Mail/cur/3.x:2,S", "tree/again", "tree/gone.eml"]);
    assert_eq!(
        person.json(&["import", "--into", "Far", "Mail/.Far"]).0["new"],
        1,
        "named by itself it comes"
    );
}

#[test]
fn folders_of_other_programs_are_called_as_there() {
    let person = Person::new();
    for file in ["apple/Old.mbox/mbox", "bird/Work", "bird/Work.sbd/2024", "bird/Inbox"] {
        person.write(file, format!("From x Tue Jan  2 10:00:00 2024\nSubject: {file}\n\nx\n\n").as_bytes());
    }
    let (document, _) = person.json(&["import", "apple", "bird"]);
    let names: Vec<&Value> =
        document["mailboxes"].as_array().unwrap().iter().map(|mailbox| &mailbox["name"]).collect();
    assert_eq!(names, ["INBOX", "Old", "Work", "Work/2024"]);
}

#[test]
fn what_is_exported_is_what_a_query_finds_and_nothing_is_overwritten() {
    let person = Person::new();
    person.write("letters.mbox", PYTHON);
    person.write("b.eml", b"From: bob@example.net\nSubject: three\r\n\r\n\0\xff");
    person.text(&["import", "letters.mbox", "b.eml"]);
    let (document, status) = person.json(&["export", "out"]);
    assert_eq!((status, &document["written"], &document["format"]), (0, &json!(3), &json!("maildir")));
    let (document, _) = person.json(&["export", "out"]);
    assert_eq!((&document["written"], &document["already"]), (&json!(0), &json!(3)));
    let (document, _) = person.json(&["export", "in:letters", "-subject:one", "two.mbox"]);
    assert_eq!((&document["written"], &document["format"]), (&json!(1), &json!("mbox")));
    assert_eq!(person.run(&["export", "two.mbox"]).status, 1);
    assert_eq!(person.run(&["export", "from:nobody", "none"]).status, 1);
    person.text(&["export", "--format", "eml", "subject:three", "three"]);
    let file = fs::read_dir(person.path("three/INBOX")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::read(file).unwrap(), b"From: bob@example.net\nSubject: three\r\n\r\n\0\xff");
    // Back again: nothing is new.
    let (document, _) = person.json(&["import", "out"]);
    assert_eq!((&document["new"], &document["already"]), (&json!(0), &json!(3)), "{document:#}");
}

/// Octets of message contents on disk.
fn packed(data: &Path) -> u64 {
    let Ok(packs) = fs::read_dir(data.join("packs")) else { return 0 };
    packs.map(|entry| entry.unwrap().metadata().map_or(0, |metadata| metadata.len())).sum()
}

#[test]
fn an_import_killed_again_and_again_ends_with_everything_once() {
    const MESSAGES: usize = 2500;
    let person = Person::new();
    let mut file = Vec::new();
    for number in 0..MESSAGES {
        // What does not compress keeps it busy.
        let noise: String = (0..2000_u32)
            .map(|n| {
                let mixed = (n + 7919 * u32::try_from(number).unwrap()).wrapping_mul(2_654_435_761) >> 25;
                char::from(u8::try_from(33 + mixed % 90).unwrap())
            })
            .collect();
        let text = format!("From x Tue Jan  2 10:00:00 2024\nSubject: number {number}\n\n {noise}\n\n");
        file.extend_from_slice(text.as_bytes());
    }
    person.write("much.mbox", &file);
    let mut killed = 0;
    for round in 1..=3_u64 {
        let mark = packed(&person.path("data")) + round * 400_000;
        let mut running = person.command(&["import", "much.mbox"]).stdout(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while packed(&person.path("data")) < mark && running.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "nothing came of it within a minute");
            std::thread::yield_now();
        }
        killed += u32::from(running.try_wait().unwrap().is_none());
        running.kill().unwrap();
        running.wait().unwrap();
    }
    assert!(killed >= 1, "only {killed} kills came in the middle");
    let (document, status) = person.json(&["import", "much.mbox"]);
    let total = document["new"].as_u64().unwrap() + document["already"].as_u64().unwrap();
    assert_eq!((status, total), (0, MESSAGES as u64));
    assert!(document["already"].as_u64().unwrap() > 0, "what came before was kept");
    assert_eq!(person.json(&["count"]).0["total"], MESSAGES as u64);
    assert_eq!(person.json(&["count", "subject:number"]).0["total"], MESSAGES as u64);
    assert_eq!(person.json(&["fsck"]).1, 0);
}
