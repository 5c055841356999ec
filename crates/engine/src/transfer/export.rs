//! Giving mail to files.

use super::maildir::{self, Keywords};
use super::{Count, Format, Unreadable, names};
use crate::error::Error;
use crate::places::make_folder;
use restante_core::mail::Flags;
use restante_core::message::mbox::{Envelope, Quoting};
use restante_store::{Filter, MailboxId, MailboxRow, Place, Row, StoreError, View};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// Octets that are copied at a time.
const PIECE: usize = 64 << 10;
/// A message of more octets is read twice for an mbox, and not held in memory.
const SMALL: u64 = 1 << 20;
/// Files that are complete and wait for their names: all of them go to disk at once.
const WAITING: usize = 2000;
/// Octets of them.
const WAITING_OCTETS: u64 = 64 << 20;
/// What a file is called until it is complete.
const UNDONE: &str = ".restante-part";

/// Where mail goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Maildir, mbox or `.eml`.
    pub format: Format,
    /// A folder; or with `single` the file.
    pub path: PathBuf,
    /// Everything goes into one mbox.
    pub single: bool,
}

/// What an export came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// By the name of the mailbox: messages written, and messages that were there already.
    pub mailboxes: BTreeMap<String, Count>,
    /// Messages of which only the beginning is here. They are not written.
    pub partial: BTreeSet<String>,
    /// Messages that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Octets of the messages that were written.
    pub octets: u64,
}

/// Exports the messages a filter finds, from those of their mailboxes that `wanted` chooses, the oldest first. Of
/// `mailboxes`, one that is empty is made too.
///
/// Nothing is overwritten: a Maildir and a folder of `.eml` files that hold a message already are left as they are,
/// and an mbox that exists is an error. A file has its name when it is complete.
///
/// # Errors
/// The store cannot be read; a file cannot be written, or an mbox exists.
pub fn export(
    view: &View,
    filter: &Filter,
    wanted: impl Fn(&Place) -> bool,
    mailboxes: &[MailboxRow],
    target: &Target,
    mut on_progress: impl FnMut(u64),
) -> Result<Exported, Error> {
    let mut work = Work {
        view,
        target,
        folders: BTreeMap::new(),
        single: None,
        waiting: Vec::new(),
        octets: 0,
        exported: Exported::default(),
    };
    if target.single {
        work.single = Some(mbox(target.path.clone())?);
    }
    let delimiters: BTreeMap<MailboxId, Option<char>> =
        mailboxes.iter().map(|row| (row.id, row.mailbox.delimiter)).collect();
    if !target.single {
        for row in mailboxes.iter().filter(|row| row.mailbox.selectable) {
            work.folder(row.id, row.mailbox.name.as_str(), row.mailbox.delimiter)?;
        }
    }
    let written = work.messages(filter, wanted, &delimiters, &mut on_progress);
    // What is complete gets its name, whatever came after.
    let placed = work.place();
    written.and(placed)?;
    work.finish()
}

struct Work<'a> {
    view: &'a View,
    target: &'a Target,
    folders: BTreeMap<MailboxId, Folder>,
    /// Where everything goes, when that is one file.
    single: Option<Folder>,
    /// Files that are complete and have no name yet.
    waiting: Vec<Waiting>,
    /// Octets of them.
    octets: u64,
    exported: Exported,
}

/// A message in a file that has no name yet.
struct Waiting {
    undone: PathBuf,
    target: PathBuf,
    mailbox: String,
    octets: u64,
}

/// Where a mailbox goes.
enum Folder {
    Maildir {
        path: PathBuf,
        keywords: Keywords,
        there: BTreeSet<String>,
    },
    /// What came there now has a name soon.
    Eml {
        path: PathBuf,
        there: BTreeSet<String>,
    },
    Mbox {
        path: PathBuf,
        undone: PathBuf,
        file: BufWriter<File>,
    },
}

/// What became of a message.
enum Written {
    /// It was there.
    Already,
    /// It is in an mbox.
    Added,
    /// It is in a file of its own, which has no name yet.
    Waits { undone: PathBuf, target: PathBuf },
}

/// Why a message was not written.
enum Stop {
    /// It cannot be read: others can.
    Message(io::Error),
    Target(Error),
}

impl Work<'_> {
    /// Writes the messages, the oldest first.
    fn messages(
        &mut self,
        filter: &Filter,
        wanted: impl Fn(&Place) -> bool,
        delimiters: &BTreeMap<MailboxId, Option<char>>,
        on_progress: &mut impl FnMut(u64),
    ) -> Result<(), Error> {
        let mut messages = self.view.find(filter, usize::MAX, None)?;
        messages.reverse();
        let mut done = 0;
        for message in messages {
            let Some(row) = self.view.row(message)? else { continue };
            let account = |place: &&Place| filter.account.is_none_or(|id| id == place.account);
            for place in row.places.iter().filter(account).filter(|place| wanted(place)) {
                if row.held < row.size {
                    self.exported.partial.insert(row.id.clone());
                    continue;
                }
                let delimiter = match delimiters.get(&place.mailbox) {
                    Some(delimiter) => *delimiter,
                    None => self.view.mailbox(place.mailbox)?.mailbox.delimiter,
                };
                self.message(&row, place, delimiter)?;
            }
            done += 1;
            on_progress(done);
        }
        Ok(())
    }

    /// Gives the files that wait their names, after they are on disk: a name stands for a whole message, whenever
    /// the power goes.
    fn place(&mut self) -> Result<(), Error> {
        let waiting = std::mem::take(&mut self.waiting);
        self.octets = 0;
        if !waiting.is_empty() && !sync(&self.target.path) {
            for Waiting { undone, .. } in &waiting {
                File::open(undone).and_then(|file| file.sync_all()).map_err(at(undone))?;
            }
        }
        let mut failed = Ok(());
        for Waiting { undone, target, mailbox, octets } in waiting {
            let Err(error) = settle(&undone, &target) else { continue };
            let _ = fs::remove_file(&undone);
            let count = self.exported.mailboxes.entry(mailbox).or_default();
            count.new = count.new.saturating_sub(1);
            self.exported.octets = self.exported.octets.saturating_sub(octets);
            if error.kind() == io::ErrorKind::AlreadyExists {
                count.held += 1;
            } else {
                failed = failed.and(Err(at(&target)(error)));
            }
        }
        failed
    }

    /// Makes what a mailbox goes into.
    fn folder(&mut self, id: MailboxId, name: &str, delimiter: Option<char>) -> Result<(), Error> {
        if self.folders.contains_key(&id) {
            return Ok(());
        }
        self.exported.mailboxes.entry(name.to_owned()).or_default();
        if self.single.is_some() {
            return Ok(());
        }
        let levels: Vec<&str> = match delimiter {
            Some(delimiter) => name.split(delimiter).collect(),
            None => vec![name],
        };
        let root = &self.target.path;
        let folder = match self.target.format {
            Format::Maildir => {
                let path = match levels.as_slice() {
                    [only] if *only == names::INBOX => root.clone(),
                    levels => root.join(names::maildir_folder(levels)),
                };
                for part in ["tmp", "new", "cur"] {
                    make_folder(&path.join(part))?;
                }
                if path != *root {
                    // Maildir++ marks what is a folder of another Maildir.
                    put(&path.join("maildirfolder"), b"").map_err(at(&path))?;
                }
                let keywords = Keywords::read(&path);
                Folder::Maildir { there: listed(&path).map_err(at(&path))?, path, keywords }
            }
            Format::Eml => {
                let path = levels.iter().fold(root.clone(), |path, level| path.join(names::safe(level)));
                make_folder(&path)?;
                Folder::Eml { path, there: BTreeSet::new() }
            }
            Format::Mbox | Format::Mboxo => {
                let (last, above) = levels.split_last().unwrap_or((&"", &[]));
                let folder = above.iter().fold(root.clone(), |path, level| path.join(names::safe(level)));
                make_folder(&folder)?;
                mbox(folder.join(format!("{}.mbox", names::safe(last))))?
            }
        };
        self.folders.insert(id, folder);
        Ok(())
    }

    fn message(&mut self, row: &Row, place: &Place, delimiter: Option<char>) -> Result<(), Error> {
        self.folder(place.mailbox, place.name.as_str(), delimiter)?;
        let date = self
            .view
            .entries(place.source, &[place.uid])?
            .first()
            .map_or(row.date, |entry| entry.internal_date);
        let written = match self.write(row, place, date) {
            Ok(written) => written,
            Err(Stop::Target(error)) => return Err(error),
            Err(Stop::Message(error)) => {
                self.exported.unreadable.push(Unreadable { what: row.id.clone(), why: error.to_string() });
                return Ok(());
            }
        };
        let name = place.name.as_str().to_owned();
        let count = self.exported.mailboxes.entry(name.clone()).or_default();
        let written = match written {
            Written::Already => false,
            Written::Added => true,
            Written::Waits { undone, target } => {
                self.octets += row.size;
                self.waiting.push(Waiting { undone, target, mailbox: name, octets: row.size });
                true
            }
        };
        if written {
            count.new += 1;
            self.exported.octets += row.size;
        } else {
            count.held += 1;
        }
        if self.waiting.len() >= WAITING || self.octets >= WAITING_OCTETS {
            self.place()?;
        }
        Ok(())
    }

    /// Writes a message.
    fn write(&mut self, row: &Row, place: &Place, date: i64) -> Result<Written, Stop> {
        // What a message is told from others by, however many come to be here later.
        let name = self.view.name(row.message).map_err(unreadable)?;
        let own = self.folders.get_mut(&place.mailbox);
        let Some(folder) = self.single.as_mut().or(own) else { return Ok(Written::Already) };
        match folder {
            Folder::Maildir { path, keywords, there } => {
                let base = format!("{date}.{name}.restante");
                if there.contains(&base) {
                    return Ok(Written::Already);
                }
                let target =
                    path.join("cur").join(format!("{base}{}", maildir::suffix(&place.flags, keywords)));
                let undone = path.join("tmp").join(&base);
                let written = copy(self.view, row, &undone, &target, date)?;
                there.insert(base);
                Ok(written)
            }
            Folder::Eml { path, there } => {
                let file = names::eml(date, &name);
                if there.contains(&file) {
                    return Ok(Written::Already);
                }
                let undone = path.join(format!(".{file}{UNDONE}"));
                let written = copy(self.view, row, &undone, &path.join(&file), date)?;
                there.insert(file);
                Ok(written)
            }
            Folder::Mbox { path, file, .. } => {
                append(self.view, row, &place.flags, date, file, path)?;
                Ok(Written::Added)
            }
        }
    }

    /// Ends every file: what was written is on disk, and has its name.
    fn finish(self) -> Result<Exported, Error> {
        for folder in self.folders.into_values().chain(self.single) {
            match folder {
                Folder::Maildir { path, keywords, .. } => {
                    let text = keywords.text();
                    let file = path.join(Keywords::file());
                    if !text.is_empty() && fs::read_to_string(&file).unwrap_or_default() != text {
                        crate::places::replace(&file, text.as_bytes())?;
                    }
                }
                Folder::Mbox { path, undone, file } => {
                    let file = file.into_inner().map_err(|error| at(&undone)(error.into_error()))?;
                    file.sync_all().map_err(at(&undone))?;
                    settle(&undone, &path).map_err(at(&path))?;
                }
                Folder::Eml { .. } => {}
            }
        }
        sync(&self.target.path);
        Ok(self.exported)
    }
}

/// A new mbox.
fn mbox(path: PathBuf) -> Result<Folder, Error> {
    if fs::symlink_metadata(&path).is_ok() {
        return Err(at(&path)(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "it is there already, and nothing is overwritten",
        )));
    }
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(UNDONE);
    let undone = path.with_file_name(name);
    // What an export that was ended has left.
    let _ = fs::remove_file(&undone);
    let file = create(&undone).map_err(at(&undone))?;
    Ok(Folder::Mbox { path, undone, file: BufWriter::with_capacity(PIECE, file) })
}

/// Adds a message to an mbox.
fn append(
    view: &View,
    row: &Row,
    flags: &Flags,
    date: i64,
    file: &mut BufWriter<File>,
    path: &Path,
) -> Result<(), Stop> {
    let sender = row.from.first().map_or("", |contact| contact.address.as_str());
    let envelope = Envelope { sender, date, flags };
    let failed = |error: io::Error| Stop::Target(at(path)(error));
    let mut measured = Quoting::default();
    // The whole of it is read before anything is written: half a message would be no message.
    let small = if row.size <= SMALL { Some(view.read(row.message).map_err(unreadable)?) } else { None };
    match &small {
        Some(bytes) => measured.write(bytes, &mut io::sink()).map_err(Stop::Message)?,
        None => each_piece(view, row, |bytes| measured.write(bytes, &mut io::sink()).map_err(Stop::Message))?,
    }
    envelope.write(file, measured.unfinished()).map_err(failed)?;
    let mut quoting = Quoting::default();
    match &small {
        Some(bytes) => quoting.write(bytes, file).map_err(failed)?,
        None => each_piece(view, row, |bytes| quoting.write(bytes, file).map_err(failed))?,
    }
    quoting.finish(file).map_err(failed)
}

/// Writes a message to a file of its own, unless there is one.
fn copy(view: &View, row: &Row, undone: &Path, target: &Path, date: i64) -> Result<Written, Stop> {
    if fs::symlink_metadata(target).is_ok() {
        return Ok(Written::Already);
    }
    let failed = |error: io::Error| Stop::Target(at(target)(error));
    // What an export that was ended has left.
    let _ = fs::remove_file(undone);
    let mut file = create(undone).map_err(failed)?;
    let copied = each_piece(view, row, |bytes| file.write_all(bytes).map_err(failed));
    let copied = copied.and_then(|()| {
        let time = UNIX_EPOCH + Duration::from_secs(u64::try_from(date).unwrap_or(0));
        file.set_modified(time).map_err(failed)
    });
    if copied.is_err() {
        let _ = fs::remove_file(undone);
    }
    copied.map(|()| Written::Waits { undone: undone.to_owned(), target: target.to_owned() })
}

fn each_piece(view: &View, row: &Row, mut put: impl FnMut(&[u8]) -> Result<(), Stop>) -> Result<(), Stop> {
    let mut content = view.content(row.message).map_err(unreadable)?;
    let mut buffer = vec![0; PIECE];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => put(buffer.get(..count).unwrap_or_default())?,
            Err(error) => return Err(Stop::Message(error)),
        }
    }
}

/// Gives a file that is complete its name, when nothing has it.
fn settle(undone: &Path, target: &Path) -> io::Result<()> {
    match fs::hard_link(undone, target) {
        Ok(()) => fs::remove_file(undone),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // A file system without hard links.
        Err(_) if fs::symlink_metadata(target).is_err() => fs::rename(undone, target),
        Err(error) => Err(error),
    }
}

/// The messages of a Maildir, without what their names say of flags.
fn listed(maildir: &Path) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for part in ["cur", "new"] {
        for entry in fs::read_dir(maildir.join(part))? {
            names.insert(maildir::base(&entry?.file_name().to_string_lossy()).to_owned());
        }
    }
    Ok(names)
}

/// Makes a small file, unless it is there.
fn put(path: &Path, content: &[u8]) -> io::Result<()> {
    match create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other?.write_all(content),
    }
}

/// A new file for this person alone. It neither overwrites nor follows a link.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Has the system write what it holds back; false where it cannot be asked to for all files at once.
fn sync(path: &Path) -> bool {
    #[cfg(target_os = "linux")]
    return File::open(path).is_ok_and(|folder| rustix::fs::syncfs(folder).is_ok());
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        false
    }
}

fn unreadable(error: StoreError) -> Stop {
    Stop::Message(io::Error::other(error))
}

fn at(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { path: path.clone(), source }
}
