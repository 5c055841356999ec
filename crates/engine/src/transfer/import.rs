//! Taking mail from files into an account without a server.

use super::source::{Item, Search, What};
use super::{Format, Unreadable, maildir, names};
use crate::error::Error;
use restante_core::mail::{Flags, MailboxName};
use restante_core::message::mbox::{self, Mbox};
use restante_core::message::{Summary, received_at};
use restante_store::{AccountId, ContentWriter, Deposit, MailboxId, Store, StoreError};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Messages in one transaction.
const MESSAGES: usize = 1000;
/// Octets of messages in one transaction.
const OCTETS: u64 = 16 << 20;
/// Octets of a message that are kept to read its header from.
const HEADER: usize = 64 << 10;
/// Octets that are read at a time.
const PIECE: usize = 64 << 10;

/// A day in seconds: clocks and zones are wrong by less.
const DAY: i64 = 86_400;

/// What is to be imported.
#[derive(Clone, Debug)]
pub struct Order {
    /// The local account it goes into.
    pub account: AccountId,
    /// The mailbox it goes into; `None`: those that folders and files are named by.
    pub into: Option<MailboxName>,
    /// What the files are; `None`: look.
    pub format: Option<Format>,
    /// Files and folders.
    pub paths: Vec<PathBuf>,
}

/// What came into a mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Messages it did not have.
    pub new: u64,
    /// Messages it had.
    pub held: u64,
}

/// What an import came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// By the name of the mailbox.
    pub mailboxes: BTreeMap<String, Count>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
    /// Files in the folders that hold no mail.
    pub ignored: Vec<String>,
    /// Octets of the messages that were read.
    pub octets: u64,
    /// Whether anything was found that holds mail, be it empty.
    pub found: bool,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Messages read.
    pub messages: u64,
    /// Octets of them.
    pub octets: u64,
}

/// How a message is in a file of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// It is the file.
    Alone,
    /// It is the file, whose name is that of a Maildir.
    InMaildir,
    /// Below a `From ` line, which is no part of it.
    Delivered,
}

/// What is known of when a message came, besides its header; all in seconds since 1970 UTC.
struct Times {
    /// INTERNALDATE, as the file was given it.
    kept: Option<i64>,
    /// That of a `From ` line.
    line: Option<i64>,
    /// When the file was written, which may be when it was copied.
    written: Option<i64>,
}

impl Times {
    /// The INTERNALDATE of a message. It is the date the message is sorted by where its own is missing or in the
    /// future: so what came with the message goes before the time of a file, which would make old mail new. A field
    /// that names the future is not believed.
    fn internal_date(&self, head: &[u8], date: Option<i64>, now: i64) -> i64 {
        let past = |time: &i64| *time > 0 && *time <= now.saturating_add(DAY);
        self.kept
            .or_else(|| received_at(head).filter(past))
            .or(self.line)
            .or_else(|| date.filter(past))
            .or(self.written)
            .unwrap_or(now)
            .max(0)
    }
}

/// Why a message was not taken.
enum Stop {
    /// Its file cannot be read: the others can.
    File(io::Error),
    /// The store cannot take it, nor any other.
    Store(StoreError),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Imports mail. A message whose octets are in its mailbox already is passed over, so an import that ended in the
/// middle is completed by another. Messages go to disk as they are read, and are committed in batches.
///
/// # Errors
/// Those of the store. What cannot be read of the files is named in the result, and keeps nothing else from coming.
pub fn import(
    store: &mut Store,
    order: &Order,
    now: i64,
    mut on_progress: impl FnMut(Progress),
) -> Result<Imported, Error> {
    let writer = store.content_writer()?;
    let mut work = Work {
        store,
        writer,
        order,
        now,
        mailboxes: BTreeMap::new(),
        current: None,
        deposits: Vec::new(),
        octets: 0,
        imported: Imported::default(),
        progress: Progress::default(),
        on_progress: &mut on_progress,
    };
    // The name that a person gave may have levels of its own.
    let into =
        order.into.as_ref().map(|name| name.as_str().split('/').map(str::to_owned).collect::<Vec<_>>());
    let mut failed = Vec::new();
    let mut visit = |item: Item<'_>| work.item(item, &mut failed);
    let mut search = Search {
        format: order.format,
        visit: &mut visit,
        unreadable: Vec::new(),
        ignored: Vec::new(),
        found: 0,
    };
    for path in &order.paths {
        search.path(path, into.as_deref())?;
    }
    let (ignored, found, unreadable) = (search.ignored, search.found > 0, search.unreadable);
    failed.extend(unreadable);
    work.commit()?;
    let mut imported = work.imported;
    (imported.unreadable, imported.ignored, imported.found) = (failed, ignored, found);
    Ok(imported)
}

/// Looks whether files hold mail at all, before anything is made for it: `None` when they do, else what an import of
/// them would come to.
#[must_use]
pub fn look(format: Option<Format>, paths: &[PathBuf]) -> Option<Imported> {
    // The first that is found ends it.
    let mut visit = |_: Item<'_>| Err(());
    let mut search =
        Search { format, visit: &mut visit, unreadable: Vec::new(), ignored: Vec::new(), found: 0 };
    for path in paths {
        search.path(path, None).ok()?;
    }
    Some(Imported { unreadable: search.unreadable, ignored: search.ignored, ..Imported::default() })
}

struct Work<'a> {
    store: &'a mut Store,
    writer: ContentWriter,
    order: &'a Order,
    now: i64,
    mailboxes: BTreeMap<MailboxName, MailboxId>,
    /// The mailbox of what waits to be committed.
    current: Option<(MailboxName, MailboxId)>,
    deposits: Vec<Deposit>,
    octets: u64,
    imported: Imported,
    progress: Progress,
    on_progress: &'a mut dyn FnMut(Progress),
}

impl Work<'_> {
    fn item(&mut self, item: Item<'_>, failed: &mut Vec<Unreadable>) -> Result<(), StoreError> {
        self.enter(names::mailbox(item.levels))?;
        let (path, taken) = match item.what {
            What::Mailbox => return Ok(()),
            What::Message(path, flags) => {
                let taken = self.message(&path, flags, Form::Alone);
                (path, taken)
            }
            What::InMaildir(path, flags) => {
                let taken = self.message(&path, flags, Form::InMaildir);
                (path, taken)
            }
            What::Delivered(path, flags) => {
                let taken = self.message(&path, flags, Form::Delivered);
                (path, taken)
            }
            What::Mbox(path, form) => {
                let taken = self.mbox(&path, form);
                (path, taken)
            }
        };
        match taken {
            Err(Stop::Store(error)) => Err(error),
            Err(Stop::File(error)) => {
                failed.push(Unreadable { what: path.display().to_string(), why: error.to_string() });
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// What comes now goes into this mailbox.
    fn enter(&mut self, name: MailboxName) -> Result<(), StoreError> {
        if self.current.as_ref().is_some_and(|(current, _)| *current == name) {
            return Ok(());
        }
        self.commit()?;
        let id = match self.mailboxes.get(&name) {
            Some(id) => *id,
            None => {
                let id = self.store.local_mailbox(self.order.account, &name, self.now)?;
                *self.mailboxes.entry(name.clone()).or_insert(id)
            }
        };
        self.imported.mailboxes.entry(name.as_str().to_owned()).or_default();
        self.current = Some((name, id));
        Ok(())
    }

    /// A message in a file of its own.
    fn message(&mut self, path: &Path, mut flags: Flags, form: Form) -> Result<(), Stop> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let mut file = BufReader::with_capacity(PIECE, file);
        let mut line = Vec::new();
        if form == Form::Delivered {
            file.read_until(b'\n', &mut line)?;
        }
        let mut head = Vec::new();
        self.writer.begin(metadata.len().saturating_sub(line.len() as u64))?;
        loop {
            let bytes = match file.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if bytes.is_empty() {
                break;
            }
            keep(&mut head, bytes);
            self.writer.write(bytes)?;
            let count = bytes.len();
            file.consume(count);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let written = modified(&metadata);
        let mut times = Times { kept: None, line: None, written };
        match form {
            // Programs that know of INTERNALDATE set the time of the file; a copy of it is no older than its name.
            Form::InMaildir => times.kept = written.into_iter().chain(maildir::delivered(&name)).min(),
            Form::Delivered => {
                mbox::flags(&head).names().for_each(|name| flags.insert(name));
                times.line = mbox::delivered_at(&line);
            }
            Form::Alone => times.kept = names::eml_time(&name),
        }
        self.put(&head, flags, &times)?;
        Ok(())
    }

    fn mbox(&mut self, path: &Path, form: mbox::Form) -> Result<(), Stop> {
        let file = File::open(path)?;
        let written = modified(&file.metadata()?);
        let mut mbox = Mbox::new(file, form);
        loop {
            let mut head = Vec::new();
            let writer = &mut self.writer;
            writer.begin(0)?;
            let taken = mbox.take(|bytes| -> Result<(), Stop> {
                keep(&mut head, bytes);
                Ok(writer.write(bytes)?)
            })?;
            let Some(taken) = taken else { return Ok(()) };
            let flags = taken.flags(&head);
            // With lines of our own, the one before them has INTERNALDATE.
            let kept = taken.date.filter(|_| taken.flags.is_some());
            self.put(&head, flags, &Times { kept, line: taken.date, written })?;
        }
    }

    /// Ends the message that was written.
    fn put(&mut self, head: &[u8], flags: Flags, times: &Times) -> Result<(), StoreError> {
        let content = self.writer.finish()?;
        let summary = Box::new(Summary::read(head));
        let internal_date = times.internal_date(head, summary.date, self.now);
        self.octets += content.size();
        self.progress.messages += 1;
        self.progress.octets += content.size();
        self.imported.octets += content.size();
        self.deposits.push(Deposit { flags, internal_date, summary, content });
        if self.deposits.len() >= MESSAGES || self.octets >= OCTETS {
            self.commit()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let deposits = std::mem::take(&mut self.deposits);
        self.octets = 0;
        let Some((name, id)) = self.current.as_ref().filter(|_| !deposits.is_empty()) else { return Ok(()) };
        self.writer.sync()?;
        let deposited = self.store.deposit(*id, &deposits, self.now)?;
        let count = self.imported.mailboxes.entry(name.as_str().to_owned()).or_default();
        count.new += deposited.new;
        count.held += deposited.held;
        (self.on_progress)(self.progress);
        Ok(())
    }
}

/// Keeps the first octets of a message.
fn keep(head: &mut Vec<u8>, bytes: &[u8]) {
    let room = HEADER.saturating_sub(head.len()).min(bytes.len());
    head.extend_from_slice(bytes.get(..room).unwrap_or_default());
}

/// When a file was last written, in seconds since 1970.
fn modified(metadata: &std::fs::Metadata) -> Option<i64> {
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}
