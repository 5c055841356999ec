//! A data directory, syncs into it, and whether it agrees with the server.

use crate::pipe::{Break, Pipe};
use restante_core::mail::{ModSeq, SyncState, UidValidity};
use restante_core::sync::Selection;
use restante_core::sync::policy::{BEGINNING, Extent, Policy};
use restante_engine::Error;
use restante_engine::imap::Connection;
use restante_engine::sync::{Keeper, Progress, Report, sync_selected};
use restante_store::{AccountId, Filter, MailboxId, Operation, Store, StoreError, View};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use testkit::model::{Config, Model};

pub(crate) const ACCOUNT: &str = "ann@example.org";

/// Where a sync ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Never,
    /// The connection breaks.
    Broken(Break),
    /// Nothing is committed after so many commits.
    Commits(u32),
    /// The disk has room for so many pages.
    Pages(u32),
    /// After so many calls that write contents the disk fails, with this error of the system.
    Contents(u32, i32),
}

/// A machine with a data directory of its own.
pub(crate) struct Machine {
    folder: TempDir,
    /// How much its person wants to be held.
    policy: Mutex<Policy>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        // Processes end here, computers do not: whether it is on a disk makes no difference but in time.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self { folder: folder.unwrap(), policy: Mutex::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Another machine with the same data.
    pub(crate) fn copy(&self) -> Self {
        let other = Self::new();
        copy(self.path(), other.path());
        other.hold(self.policy());
        other
    }

    /// Another choice of how much is held.
    pub(crate) fn hold(&self, policy: Policy) {
        *self.policy.lock().unwrap() = policy;
    }

    fn policy(&self) -> Policy {
        self.policy.lock().unwrap().clone()
    }

    /// What the store holds.
    pub(crate) fn view(&self) -> View {
        View::open(self.path()).unwrap()
    }

    /// Asks for something as a person does.
    pub(crate) fn ask<T>(
        &self,
        work: impl FnOnce(&mut Store, AccountId) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut store = Store::open(self.path())?;
        let account = store.account(ACCOUNT)?;
        work(&mut store, account)
    }

    /// What the server has not confirmed and not refused.
    pub(crate) fn waiting(&self) -> Vec<Operation> {
        let view = self.view();
        view.waiting(view.find_account(ACCOUNT).unwrap().unwrap()).unwrap()
    }

    /// The number of a mailbox.
    pub(crate) fn mailbox(&self, name: &str) -> MailboxId {
        let view = self.view();
        let rows = view.mailboxes(view.find_account(ACCOUNT).unwrap().unwrap()).unwrap();
        rows.iter().find(|row| row.mailbox.name.as_str() == name).unwrap().id
    }

    /// The mailboxes that show the message with this subject.
    pub(crate) fn places(&self, subject: &str) -> Vec<String> {
        let rows = self.view().list(&Filter::default(), 100_000, None).unwrap();
        let row = rows.iter().find(|row| row.subject == subject).unwrap();
        row.places.iter().map(|place| place.name.as_str().to_owned()).collect()
    }

    /// A sync to its end.
    pub(crate) async fn sync(&self, model: &Model) -> Report {
        self.try_sync(model, End::Never).await.unwrap()
    }

    /// A sync that may end before. It has ended on both sides when this returns.
    pub(crate) async fn try_sync(&self, model: &Model, end: End) -> Result<Report, Error> {
        let mut store = Store::open(self.path())?;
        let account = store.account(ACCOUNT)?;
        match end {
            End::Commits(commits) => {
                let done = AtomicU32::new(0);
                store.before_commit(move || done.fetch_add(1, Ordering::Relaxed) >= commits)?;
            }
            End::Pages(pages) => store.limit_growth(pages)?,
            End::Contents(calls, errno) => store.fail_contents(calls, errno),
            End::Never | End::Broken(_) => {}
        }
        let at = if let End::Broken(at) = end { at } else { Break::Never };
        let keeper = Keeper::start(store)?;
        let (near, far) = tokio::io::duplex(1 << 16);
        let client = async {
            let mut connection = Connection::new(
                restante_engine::net::Pipe::Played(Box::new(Pipe::new(near, at))),
                "imap.example.org",
            );
            connection.greeting().await?;
            let selection = Selection { policy: self.policy(), ..Selection::default() };
            sync_selected(&mut connection, &keeper, account, &selection, &Mutex::new(Progress::default()))
                .await
        };
        let (report, ()) = tokio::join!(client, model.serve(far));
        let closed = keeper.close();
        let report = report?;
        closed?;
        Ok(report)
    }

    /// Fails unless everything here is what the server has, once, and as much of it as is to be held.
    pub(crate) fn agree(&self, model: &Model, around: &str) {
        self.agree_on_entries(model, around);
        let view = self.view();
        let mut contents: BTreeMap<(String, u32), (Vec<u8>, u64)> = BTreeMap::new();
        for row in view.list(&Filter::default(), 100_000, None).unwrap() {
            let bytes = view.read(row.message).unwrap();
            assert_eq!(bytes.len() as u64, row.held, "{around}");
            for place in &row.places {
                let key = (place.name.as_str().to_owned(), place.uid.get());
                let before = contents.insert(key, (bytes.clone(), row.size));
                assert!(before.is_none(), "{around}: {} twice", place.uid);
            }
        }
        let limits = self.policy().at(now());
        let mut there = BTreeMap::new();
        model.edit(|server| {
            for (name, mailbox) in server.mailboxes() {
                for (uid, message) in &mailbox.messages {
                    let extent = limits.extent(message.date, message.bytes.len() as u64);
                    there.insert((name.clone(), *uid), (message.bytes.to_vec(), extent));
                }
            }
        });
        // Compared one by one: a failure shall not print every message.
        let (here, wanted): (Vec<_>, Vec<_>) = (contents.keys().collect(), there.keys().collect());
        assert_eq!(here, wanted, "{around}");
        for (place, (bytes, size)) in &contents {
            let (whole, extent) = &there[place];
            assert_eq!(*size, whole.len() as u64, "{around}: {place:?}");
            assert!(whole.starts_with(bytes), "{around}: {place:?} differs");
            let least = match extent {
                Extent::Whole => *size,
                Extent::Beginning => BEGINNING.min(*size),
                Extent::Header => 1,
            };
            assert!(bytes.len() as u64 >= least, "{around}: {place:?} has {} octets", bytes.len());
        }
    }

    /// In how many places a message is here in part.
    pub(crate) fn partials(&self) -> usize {
        let view = self.view();
        let rows = view.list(&Filter::default(), 100_000, None).unwrap();
        rows.iter().filter(|row| row.held < row.size).map(|row| row.places.len()).sum()
    }

    /// Fails unless mailboxes, states, UIDs and flags are the server's, whatever waits to be brought there.
    pub(crate) fn agree_on_entries(&self, model: &Model, around: &str) {
        let view = self.view();
        let account = view.find_account(ACCOUNT).unwrap().unwrap();
        let mut rows = view.mailboxes(account).unwrap();
        // A name that stands only for those below it is no mailbox.
        rows.retain(|row| row.mailbox.selectable);
        let lower = |flags: &mut dyn Iterator<Item = &str>| -> BTreeSet<String> {
            flags.map(str::to_ascii_lowercase).collect()
        };
        model.edit(|server| {
            let names: BTreeSet<&str> = server.mailboxes().keys().map(String::as_str).collect();
            let here: BTreeSet<&str> = rows.iter().map(|row| row.mailbox.name.as_str()).collect();
            assert_eq!(here, names, "{around}");
            let modern = server.config().has("CONDSTORE");
            for row in &rows {
                let name = row.mailbox.name.as_str();
                let mailbox = server.mailbox(name);
                let flags: BTreeMap<u32, BTreeSet<String>> = view
                    .flags(row.id)
                    .unwrap()
                    .into_iter()
                    .map(|(uid, flags)| (uid.get(), lower(&mut flags.names())))
                    .collect();
                let messages = mailbox.messages.iter();
                let wanted: BTreeMap<u32, BTreeSet<String>> =
                    messages.map(|(uid, m)| (*uid, lower(&mut m.flags.names()))).collect();
                assert_eq!(flags, wanted, "{around}: {name}");
                let counts = (mailbox.messages.len() as u64, mailbox.unseen() as u64);
                assert_eq!((row.total, row.unseen), counts, "{around}: {name}");
                let highest_mod_seq = ModSeq::new(mailbox.mod_seq).filter(|_| modern && !mailbox.no_mod_seq);
                let uid_validity = UidValidity::new(mailbox.validity).unwrap();
                let state = SyncState { uid_validity, uid_next: mailbox.next, highest_mod_seq };
                assert_eq!(row.state, Some(state), "{around}: {name}");
            }
        });
    }
}

/// The clock, in seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

fn copy(from: &Path, to: &Path) {
    for item in std::fs::read_dir(from).unwrap() {
        let path = item.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// What syncs differ by: each with a name for complaints.
pub(crate) fn strategies() -> [(&'static str, Config); 4] {
    [
        ("plain", Config::plain()),
        ("condstore", Config::condstore()),
        ("qresync", Config::qresync()),
        ("everything", Config::everything()),
    ]
}

/// A message that is like no other.
pub(crate) fn letter(number: u32) -> Vec<u8> {
    let size = if number % 17 == 3 { 90_000 } else { 40 };
    let body = format!("{number:09} ").repeat(size / 10);
    format!(
        "From: Bob <bob@example.org>\r\nDate: Tue, 02 Jan 2024 10:00:00 +0000\r\n\
         Message-ID: <{number}@example.org>\r\nSubject: number {number}\r\n\r\n{body}\r\n"
    )
    .into_bytes()
}

/// A server with a few mailboxes and some mail.
pub(crate) fn household(config: Config) -> Model {
    let model = Model::new(config);
    model.edit(|server| {
        server.create("Archive");
        server.create("Lists/rust");
        for number in 0..24 {
            let flags: &[&str] = if number % 3 == 0 { &["\\Seen", "$Work"] } else { &[] };
            server.deliver("INBOX", flags, &letter(number));
        }
        for number in 20..26 {
            server.deliver("Archive", &["\\Seen"], &letter(number));
        }
        server.expunge("INBOX", &[2, 5]);
    });
    model
}

/// What others do in between: mail comes, goes, changes, moves; a mailbox comes and another goes.
pub(crate) fn a_day(model: &Model) {
    model.edit(|server| {
        for number in 100..105 {
            server.deliver("INBOX", &[], &letter(number));
        }
        server.flag("INBOX", 1, &["\\Flagged"], &["$Work"]);
        server.flag("INBOX", 7, &["\\Seen"], &[]);
        server.expunge("INBOX", &[3, 9, 10]);
        server.relocate("INBOX", &[12, 13], "Archive");
        server.create("Projects");
        server.deliver("Projects", &["\\Draft"], &letter(200));
        server.delete("Lists/rust");
    });
}
