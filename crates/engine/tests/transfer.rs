//! Mail from and to files: what comes out is what went in, octet by octet.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy allows these in tests, but not in the functions that tests call"
)]

use proptest::prelude::*;
use restante_core::mail::{Flags, MailboxName};
use restante_engine::Error;
use restante_engine::transfer::{Count, Exported, Format, Imported, Order, Target, export, import};
use restante_store::{AccountId, Deposit, Filter, Store};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const NOW: i64 = 1_700_000_000;

/// A message in a mailbox: its octets, flags and INTERNALDATE.
type Held = (String, Vec<u8>, String, i64);

struct Here {
    store: Store,
    account: AccountId,
    folder: tempfile::TempDir,
}

impl Here {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("data")).unwrap();
        let account = store.local_account("archive").unwrap();
        Self { store, account, folder }
    }

    /// Goes on in another account.
    fn become_account(&mut self, name: &str) -> AccountId {
        std::mem::replace(&mut self.account, self.store.local_account(name).unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&mut self, mailbox: &str, content: &[u8], flags: &[&str], date: i64) {
        let mailbox = self.store.local_mailbox(self.account, &MailboxName::new(mailbox), NOW).unwrap();
        let mut writer = self.store.content_writer().unwrap();
        writer.begin(content.len() as u64).unwrap();
        writer.write(content).unwrap();
        let content = writer.finish().unwrap();
        writer.sync().unwrap();
        let flags: Flags = flags.iter().copied().collect();
        let deposit = Deposit { flags, internal_date: date, summary: Box::default(), content };
        self.store.deposit(mailbox, &[deposit], NOW).unwrap();
    }

    fn order(&self, path: &Path) -> Order {
        Order { account: self.account, into: None, format: None, paths: vec![path.to_owned()] }
    }

    fn import(&mut self, path: &Path) -> Imported {
        let order = self.order(path);
        import(&mut self.store, &order, NOW, |_| {}).unwrap()
    }

    fn export(&self, format: Format, path: &Path) -> Result<Exported, Error> {
        let target =
            Target { format, path: path.to_owned(), single: path.extension().is_some_and(|e| e == "mbox") };
        let mailboxes = self.store.mailboxes(self.account).unwrap();
        let filter = Filter { account: Some(self.account), ..Filter::default() };
        export(self.store.view(), &filter, |_| true, &mailboxes, &target, |_| {})
    }

    fn held(&self) -> Vec<Held> {
        let mut held = Vec::new();
        for row in self.store.mailboxes(self.account).unwrap() {
            for (uid, flags) in self.store.flags(row.id).unwrap() {
                let entry = self.store.entries(row.id, &[uid]).unwrap().remove(0);
                let flags = flags.names().collect::<Vec<_>>().join(" ");
                let octets = self.store.read(entry.message).unwrap();
                held.push((row.mailbox.name.to_string(), octets, flags, entry.internal_date));
            }
        }
        held.sort();
        held
    }

    fn names(&self) -> Vec<String> {
        self.store.mailboxes(self.account).unwrap().iter().map(|row| row.mailbox.name.to_string()).collect()
    }
}

fn counts(imported: &Imported) -> BTreeMap<&str, (u64, u64)> {
    imported.mailboxes.iter().map(|(name, Count { new, held })| (name.as_str(), (*new, *held))).collect()
}

fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn texts(held: &[Held]) -> Vec<(&str, &str, &str)> {
    held.iter()
        .map(|(name, octets, flags, _)| (&name[..], std::str::from_utf8(octets).unwrap(), &flags[..]))
        .collect()
}

#[test]
fn a_maildir_comes_with_its_folders_and_flags() {
    let mut here = Here::new();
    let mail = here.path("Maildir");
    for folder in ["cur", "new", "tmp", ".Empty/cur", ".Empty/new", "Sub/new"] {
        fs::create_dir_all(mail.join(folder)).unwrap();
    }
    write(&mail.join("cur/1.a:2,FS"), b"Subject: one\n\n1\n");
    write(&mail.join("new/2.a"), b"Subject: two\r\n\r\n2");
    write(&mail.join("tmp/3.a"), b"not delivered yet");
    write(&mail.join(".Entw&APw-rfe.Alt/cur/4.a:2,Da"), b"four");
    write(&mail.join(".Entw&APw-rfe.Alt/dovecot-keywords"), b"0 later\n");
    fs::create_dir_all(mail.join(".Entw&APw-rfe.Alt/new")).unwrap();
    write(&mail.join("Sub/cur/5.a:2,"), b"five");
    write(&mail.join("dovecot.index"), b"nothing");
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000);
    fs::File::open(mail.join("cur/1.a:2,FS")).unwrap().set_modified(time).unwrap();
    let imported = here.import(&mail);
    assert_eq!(imported.unreadable, []);
    assert_eq!(here.names(), ["Empty", "Entwürfe/Alt", "INBOX", "Sub"]);
    let held = here.held();
    assert_eq!(
        texts(&held),
        [
            ("Entwürfe/Alt", "four", "\\Draft later"),
            ("INBOX", "Subject: one\n\n1\n", "\\Flagged \\Seen"),
            ("INBOX", "Subject: two\r\n\r\n2", ""),
            ("Sub", "five", ""),
        ]
    );
    assert_eq!(held[1].3, 1_600_000_000, "when the file was written");
    let again = here.import(&mail);
    assert_eq!(
        counts(&again),
        [("Empty", (0, 0)), ("Entwürfe/Alt", (0, 1)), ("INBOX", (0, 2)), ("Sub", (0, 1))].into()
    );
    assert_eq!(here.held(), held);
}

#[test]
fn a_tree_of_files_becomes_mailboxes_by_their_names() {
    let mut here = Here::new();
    let tree = here.path("tree");
    write(&tree.join("a.eml"), b"Subject: a\n\n");
    write(&tree.join("Work/b.EML"), b"Subject: b\n\n");
    write(&tree.join("Work/notes.txt"), b"no mail");
    write(&tree.join("Lists.sbd/rust"), b"From x Tue Jan  2 10:00:00 2024\nStatus: RO\nSubject: c\n\nd\n\n");
    write(&tree.join("Lists.sbd/rust.msf"), b"an index");
    write(&tree.join(".hidden/e.eml"), b"Subject: e\n\n");
    std::os::unix::fs::symlink(&tree, tree.join("Work/loop")).unwrap();
    let imported = here.import(&tree);
    // A link may lead back to where it is: it is named, not followed.
    let named: Vec<&str> = imported.unreadable.iter().map(|unreadable| unreadable.what.as_str()).collect();
    assert_eq!(named, [tree.join("Work/loop").to_str().unwrap()]);
    let ignored: Vec<&str> = imported.ignored.iter().map(|file| file.rsplit('/').next().unwrap()).collect();
    assert_eq!(ignored, ["rust.msf", "notes.txt"]);
    let held = here.held();
    assert_eq!(
        texts(&held),
        [
            ("INBOX", "Subject: a\n\n", ""),
            ("Lists/rust", "Status: RO\nSubject: c\n\nd\n", "\\Seen"),
            ("Work", "Subject: b\n\n", ""),
        ]
    );
    assert_eq!(held[1].3, 1_704_189_600, "the time of its `From ` line");
}

/// A file of one message, as procmail, MH and collections of mail keep it.
fn delivered(number: usize) -> Vec<u8> {
    format!("From ann@example.org  Tue Jan  2 10:00:00 2024\nSubject: {number}\n\n>From here on\nend\n\n")
        .into_bytes()
}

#[test]
fn a_file_that_begins_with_a_header_is_a_message_whatever_it_is_called() {
    let mut here = Here::new();
    let tree = here.path("tree");
    write(&tree.join("list/0001.7c53.txt"), b"Return-Path: <a@b>\nReceived: x\nSubject: a\n\nb\n");
    write(&tree.join("list/README"), b"Note: what is here.\n\nSubject: none\n");
    write(&tree.join("list/broken"), b"\0\0\nReceived: x\nDate: y\nSubject: a\n\nb\n");
    write(&tree.join("list/new.mbox"), b"");
    let imported = here.import(&tree);
    assert_eq!(counts(&imported), [("list", (1, 0)), ("list/new", (0, 0))].into());
    assert_eq!(imported.ignored, [tree.join("list/README").to_str().unwrap()]);
    let named: Vec<&str> = imported.unreadable.iter().map(|unreadable| unreadable.what.as_str()).collect();
    assert_eq!(named, [tree.join("list/broken").to_str().unwrap()]);
}

#[test]
fn many_files_of_one_message_below_a_from_line_are_a_mailbox_together() {
    let mut here = Here::new();
    let tree = here.path("tree");
    for number in 1..=10 {
        write(&tree.join(format!("ham/{number:02}.txt")), &delivered(number));
        // Fewer of them are mailboxes.
        if number < 10 {
            write(&tree.join(format!("few/{number:02}")), &delivered(number));
        }
    }
    write(&tree.join("ham/several"), &[delivered(11), delivered(12)].concat());
    write(&tree.join("ham/called.mbox"), &delivered(13));
    let imported = here.import(&tree);
    assert_eq!((imported.unreadable.len(), imported.ignored.len()), (0, 0));
    let counts = counts(&imported);
    assert_eq!((counts["ham"], counts["ham/several"], counts["ham/called"]), ((10, 0), (2, 0), (1, 0)));
    assert_eq!((counts["few/01"], counts.len()), ((1, 0), 12));
    // The line is no part of the message; every other octet is, as nothing was quoted for an mbox.
    let held = here.held();
    let ham: Vec<&[u8]> = held.iter().filter(|held| held.0 == "ham").map(|held| &held.1[..]).collect();
    assert_eq!(ham[0], b"Subject: 1\n\n>From here on\nend\n\n");
    // A person says otherwise.
    here.become_account("other");
    let order = Order { format: Some(Format::Mbox), ..here.order(&tree.join("ham")) };
    let imported = import(&mut here.store, &order, NOW, |_| {}).unwrap();
    assert_eq!(imported.mailboxes.len(), 12);
}

#[test]
fn folders_of_mh_come_with_what_is_unseen() {
    let mut here = Here::new();
    let tree = here.path("Mail");
    for number in [1, 2, 10] {
        write(&tree.join(format!("inbox/{number}")), format!("Subject: {number}\n\n").as_bytes());
    }
    write(&tree.join("inbox/,3"), b"Subject: deleted\n\n");
    write(&tree.join("inbox/.mh_sequences"), b"cur: 2\nunseen: 2-9\nflagged: 10\n");
    write(&tree.join("lists/rust/1"), b"Subject: c\n\n");
    let imported = here.import(&tree);
    assert_eq!((imported.unreadable.len(), imported.ignored.len()), (0, 0), "{imported:?}");
    let held = here.held();
    assert_eq!(
        texts(&held),
        [
            ("INBOX", "Subject: 1\n\n", "\\Seen"),
            ("INBOX", "Subject: 10\n\n", "\\Flagged \\Seen"),
            ("INBOX", "Subject: 2\n\n", ""),
            ("lists/rust", "Subject: c\n\n", ""),
        ]
    );
}

#[test]
fn what_a_person_says_counts_more_than_what_is_seen() {
    let mut here = Here::new();
    let (one, two) = (here.path("letter"), here.path("noise"));
    write(&one, b"Subject: a\n\n");
    write(&two, b"\xff\xfe");
    write(&here.path("MH/1"), b"Subject: b\n\n");
    let mut order = here.order(&one);
    order.into = Some(MailboxName::new("Old/2024"));
    order.paths = vec![one, two.clone(), here.path("MH"), here.path("none")];
    let imported = import(&mut here.store, &order, NOW, |_| {}).unwrap();
    assert_eq!(counts(&imported), [("Old/2024", (2, 0))].into());
    let failed: Vec<_> = imported.unreadable.iter().map(|u| u.what.rsplit('/').next().unwrap()).collect();
    assert_eq!(failed, ["noise", "none"]);
    order.format = Some(Format::Eml);
    let imported = import(&mut here.store, &order, NOW, |_| {}).unwrap();
    assert_eq!(counts(&imported), [("Old/2024", (1, 2))].into());
    order.format = Some(Format::Mbox);
    order.paths = vec![two];
    let imported = import(&mut here.store, &order, NOW, |_| {}).unwrap();
    assert_eq!(imported.unreadable.len(), 1);
}

#[test]
fn a_message_without_a_date_of_its_own_is_as_old_as_its_last_server_says() {
    let mut here = Here::new();
    let received = "Received: from a by b; Thu, 22 Aug 2002 12:36:23 +0100\n";
    let dated = "Date: Tue, 20 Aug 2002 10:00:00 +0000\n";
    let files = [
        // The file was copied today, and says nothing.
        ("1.eml", format!("{received}Date: yesterday or so\nSubject: 1\n\n"), 1_030_016_183),
        ("2.eml", format!("{dated}Subject: 2\n\n"), 1_029_837_600),
        ("3.eml", "Date: ?\nSubject: 3\n\n".to_owned(), 1_600_000_000),
        // No server takes mail before it is sent.
        (
            "4.eml",
            format!("{dated}Received: by a; Thu, 22 Aug 2052 12:36:23 +0100\nSubject: 4\n\n"),
            1_029_837_600,
        ),
        ("5.mbox", "From a@b Tue Jan  2 10:00:00 2001\nDate: ?\nSubject: 5\n\n".to_owned(), 978_429_600),
        ("6.mbox", format!("From - Tue Jan  2 10:00:00 2001\n{received}Subject: 6\n\n"), 1_030_016_183),
        // INTERNALDATE as it was exported.
        ("2001-01-02-100000-abc.eml", format!("{received}Subject: 7\n\n"), 978_429_600),
        ("Maildir/cur/978429600.M1P1.host:2,S", format!("{received}Subject: 8\n\n"), 978_429_600),
        ("Maildir/cur/1800000000.M1P1.host:2,S", "Subject: 9\n\n".to_owned(), 1_600_000_000),
    ];
    fs::create_dir_all(here.path("tree/Maildir/new")).unwrap();
    let copied = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000);
    for (name, content, _) in &files {
        let path = here.path("tree").join(name);
        write(&path, content.as_bytes());
        fs::File::open(path).unwrap().set_modified(copied).unwrap();
    }
    here.import(&here.path("tree"));
    let mut dates: Vec<(String, i64)> = here
        .held()
        .into_iter()
        .map(|(_, octets, _, date)| {
            (String::from_utf8(octets).unwrap().split("Subject: ").nth(1).unwrap()[..1].to_owned(), date)
        })
        .collect();
    dates.sort();
    let expected: Vec<(String, i64)> =
        files.iter().zip(1..).map(|((_, _, date), at)| (at.to_string(), *date)).collect();
    assert_eq!(dates, expected);
}

#[test]
fn one_that_cannot_be_read_keeps_nothing_else_from_coming() {
    let mut here = Here::new();
    let mail = here.path("Maildir");
    fs::create_dir_all(mail.join("new")).unwrap();
    write(&mail.join("cur/1:2,S"), b"one");
    write(&mail.join("cur/3:2,S"), b"three");
    // A link to a file that is there when it is looked at and cannot be opened.
    std::os::unix::fs::symlink("/proc/self/mem", mail.join("cur/2:2,S")).unwrap();
    let imported = here.import(&mail);
    assert_eq!(counts(&imported), [("INBOX", (2, 0))].into());
    assert_eq!(imported.unreadable.len(), 1);
    assert!(imported.unreadable[0].what.ends_with("2:2,S"), "{imported:?}");
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let mut here = Here::new();
    here.put("INBOX", b"Subject: a\n\nb", &["\\Seen"], NOW);
    for (format, name) in [(Format::Maildir, "maildir"), (Format::Eml, "eml")] {
        let path = here.path(name);
        let new = |exported: &Exported| exported.mailboxes["INBOX"];
        assert_eq!(new(&here.export(format, &path).unwrap()), Count { new: 1, held: 0 });
        assert_eq!(new(&here.export(format, &path).unwrap()), Count { new: 0, held: 1 });
    }
    for name in ["tree", "one.mbox"] {
        let path = here.path(name);
        here.export(Format::Mbox, &path).unwrap();
        let error = here.export(Format::Mbox, &path).unwrap_err().to_string();
        assert!(error.contains("nothing is overwritten"), "{error}");
    }
    // A message that was read elsewhere since is the same message.
    let cur = here.path("maildir/cur");
    let file = fs::read_dir(&cur).unwrap().next().unwrap().unwrap().path();
    fs::rename(&file, cur.join(file.file_name().unwrap().to_str().unwrap().replace(":2,S", ":2,RS")))
        .unwrap();
    assert_eq!(here.export(Format::Maildir, &here.path("maildir")).unwrap().mailboxes["INBOX"].held, 1);
    // What stands in the way is not written through.
    let victim = here.path("victim");
    fs::write(&victim, b"mine").unwrap();
    std::os::unix::fs::symlink(&victim, here.path("link.mbox")).unwrap();
    assert!(here.export(Format::Mbox, &here.path("link.mbox")).is_err());
    assert_eq!(fs::read(&victim).unwrap(), b"mine");
}

/// The files below a folder that have the names of messages.
fn messages(folder: &Path) -> usize {
    let mut found = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found += messages(&path);
        } else if !path.parent().unwrap().ends_with("tmp") && !name.starts_with('.') {
            found += 1;
        }
    }
    found
}

#[test]
fn a_file_has_its_name_only_when_it_is_on_disk_and_what_was_begun_is_completed() {
    let mut here = Here::new();
    for number in 0..3 {
        here.put("INBOX", format!("Subject: {number}\n\n").as_bytes(), &[], NOW + number);
    }
    for (format, name) in [(Format::Maildir, "maildir"), (Format::Eml, "eml")] {
        let path = here.path(name);
        let target = Target { format, path: path.clone(), single: false };
        let mailboxes = here.store.mailboxes(here.account).unwrap();
        let filter = Filter { account: Some(here.account), ..Filter::default() };
        // It is killed when all are written and have not been synchronised.
        let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            export(
                here.store.view(),
                &filter,
                |_| true,
                &mailboxes,
                &target,
                |done| {
                    assert_eq!(messages(&path), 0, "after {done}");
                    assert!(done < 3, "killed");
                },
            )
        }));
        assert!(killed.unwrap_err().downcast_ref::<String>().is_none_or(|said| said.contains("killed")));
        let exported = here.export(format, &path).unwrap();
        assert_eq!(exported.mailboxes["INBOX"], Count { new: 3, held: 0 });
        assert_eq!(messages(&path), 3);
        let mut other = Here::new();
        assert_eq!(counts(&other.import(&path)), [("INBOX", (3, 0))].into());
        if format == Format::Eml {
            assert_eq!(fs::read_dir(path.join("INBOX")).unwrap().count(), 3, "nothing is left over");
        }
    }
}

#[test]
fn a_mailbox_whose_name_leads_elsewhere_stays_inside() {
    let mut here = Here::new();
    for name in ["..", "../../up", "a/..", ".git", "Work.mbox", "cur"] {
        here.put(name, name.as_bytes(), &[], NOW);
    }
    for (format, name) in
        [(Format::Maildir, "out/maildir"), (Format::Eml, "out/eml"), (Format::Mbox, "out/mbox")]
    {
        here.export(format, &here.path(name)).unwrap();
        let mut other = Here::new();
        let imported = other.import(&here.path(name));
        assert_eq!(
            imported.mailboxes.values().map(|count| count.new).sum::<u64>(),
            6,
            "{format:?} {imported:?}"
        );
    }
    let mut names: Vec<_> =
        fs::read_dir(here.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["data", "out"]);
}

#[test]
fn a_message_of_which_only_the_beginning_is_here_is_not_given_as_whole() {
    use restante_core::mail::{Mailbox, SyncState, Uid, UidValidity};
    use restante_core::sync::Delta;
    use restante_store::{Body, NewEntry};
    let mut here = Here::new();
    let account = here.store.account("ann").unwrap();
    let inbox = Mailbox {
        name: MailboxName::new("INBOX"),
        delimiter: Some('.'),
        special_use: None,
        selectable: true,
    };
    here.store.set_mailboxes(account, &[inbox]).unwrap();
    let rows = here.store.mailboxes(account).unwrap();
    let mut writer = here.store.content_writer().unwrap();
    writer.begin(0).unwrap();
    writer.write(b"Subject: a\r\n\r\nbeg").unwrap();
    let content = writer.finish().unwrap();
    writer.sync().unwrap();
    let entry = NewEntry {
        uid: Uid::MIN,
        flags: Flags::new(),
        mod_seq: None,
        internal_date: NOW,
        email_id: String::new(),
        body: Body::Begun { summary: Box::default(), content, size: 1000 },
    };
    let state = SyncState { uid_validity: UidValidity::new(1).unwrap(), uid_next: 2, highest_mod_seq: None };
    here.store
        .apply(rows[0].id, &Delta { new: vec![entry], state: Some(state), ..Delta::default() }, NOW)
        .unwrap();
    for (format, name) in [(Format::Maildir, "maildir"), (Format::Eml, "eml"), (Format::Mbox, "mbox")] {
        let target = Target { format, path: here.path(name), single: false };
        let exported =
            export(here.store.view(), &Filter::default(), |_| true, &rows, &target, |_| {}).unwrap();
        assert_eq!((exported.partial.len(), exported.octets), (1, 0));
        assert_eq!(exported.mailboxes["INBOX"].new, 0);
    }
    let mut other = Here::new();
    other.import(&here.path("mbox"));
    other.import(&here.path("eml"));
    assert_eq!(other.held(), []);
}

/// Octets that have it in them.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let pieces: &[&[u8]] = &[
        b"From ",
        b"\nFrom ",
        b">From ",
        b"\n>>From x",
        b"From ann@example.org Tue Jan  2 10:00:00 2024\n",
        b"\n\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\r",
        b"\n",
        b"\0",
        b"\xff\x80",
        b"Status: RO\nX-Status: AF\n",
        b"Content-Length: 3\n",
        b"Subject: a\n",
        b"text",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..10).prop_map(|pieces| pieces.concat())
}

const MAILBOXES: [&str; 4] = ["INBOX", "Größe/A & B", "v1.2", "INBOX/Old"];
const FLAGS: [&str; 7] = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Forwarded", "later"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn what_was_exported_and_is_imported_is_what_it_was(
        messages in prop::collection::vec((0..4_usize, hostile(), 0..128_u8, 1_000_000_000..1_700_000_000_i64), 0..8)
    ) {
        let mut here = Here::new();
        for (mailbox, content, bits, date) in &messages {
            let flags: Vec<&str> =
                FLAGS.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, name)| *name).collect();
            here.put(MAILBOXES[*mailbox], content, &flags, *date);
        }
        let held = here.held();
        for (format, name) in [(Format::Maildir, "maildir"), (Format::Mbox, "mbox"), (Format::Eml, "eml")] {
            let path = here.path(name);
            let exported = here.export(format, &path).unwrap();
            prop_assert_eq!(exported.unreadable, vec![]);
            if messages.is_empty() {
                fs::create_dir_all(&path).unwrap();
            }
            let before = here.become_account(name);
            let imported = here.import(&path);
            prop_assert_eq!(&imported.unreadable, &vec![], "{:?}", format);
            let expected: Vec<Held> = match format {
                // Files of their own have no place for flags.
                Format::Eml => held.iter().cloned().map(|held| (held.0, held.1, String::new(), held.3)).collect(),
                _ => held.clone(),
            };
            let mut expected = expected;
            expected.sort();
            prop_assert_eq!(here.held(), expected, "{:?}", format);
            here.account = before;
        }
        // One file for everything keeps the octets and the flags, in one mailbox.
        let one = here.path("all.mbox");
        here.export(Format::Mbox, &one).unwrap();
        here.become_account("one");
        here.import(&one);
        let octets = |held: Vec<Held>| held.into_iter().map(|held| held.1).collect::<std::collections::BTreeSet<_>>();
        prop_assert_eq!(octets(here.held()), octets(held));
    }
}
