//! What there is in files and folders: found by looking, or told.

use super::kind::{self, Kind};
use super::maildir::{self, Keywords};
use super::mh::{self, Sequences};
use super::{Format, Unreadable, names};
use restante_core::mail::Flags;
use restante_core::message::mbox;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Folders within folders that are looked into.
const DEPTH: usize = 32;
/// So many files of one message each make a folder one of messages, should they begin with `From ` too.
const MANY: usize = 10;
/// The folders that a Maildir is made of.
const PARTS: [&str; 3] = ["cur", "new", "tmp"];

/// Something that holds mail.
pub(super) struct Item<'a> {
    /// The levels of the mailbox's name; none for the INBOX.
    pub(super) levels: &'a [String],
    pub(super) what: What,
}

pub(super) enum What {
    /// A mailbox that may be empty.
    Mailbox,
    /// A message in a file of its own.
    Message(PathBuf, Flags),
    /// A message in a Maildir.
    InMaildir(PathBuf, Flags),
    /// A message in a file of its own, below a `From ` line.
    Delivered(PathBuf, Flags),
    /// Messages in one file.
    Mbox(PathBuf, mbox::Form),
}

/// Finds what holds mail, in the order of names.
pub(super) struct Search<'a, E> {
    /// What it all is; `None`: look.
    pub(super) format: Option<Format>,
    pub(super) visit: &'a mut dyn FnMut(Item<'_>) -> Result<(), E>,
    pub(super) unreadable: Vec<Unreadable>,
    /// Files that hold no mail as far as can be seen.
    pub(super) ignored: Vec<String>,
    /// Mailboxes, files and messages found.
    pub(super) found: u64,
}

impl<E> Search<'_, E> {
    /// Looks at a path that a person has named. `into` is the mailbox it goes into, when they said so.
    pub(super) fn path(&mut self, path: &Path, into: Option<&[String]>) -> Result<(), E> {
        let root = into.unwrap_or_default().to_vec();
        match fs::metadata(path) {
            Err(error) => self.failed(path, &error),
            Ok(metadata) if metadata.is_dir() => return self.folder(path, &root, 0),
            Ok(metadata) if !metadata.is_file() => {
                self.failed(path, &io::Error::other("it is neither a file nor a folder"));
            }
            Ok(_) => {
                let levels = match into {
                    Some(into) => into.to_vec(),
                    None => vec![names::of_file(&file_name(path))],
                };
                return self.named(path, &root, &levels);
            }
        }
        Ok(())
    }

    /// Looks at a file that a person has named: `levels` is the mailbox it is, should it hold many messages, `root`
    /// that of the folder it is in.
    fn named(&mut self, path: &Path, root: &[String], levels: &[String]) -> Result<(), E> {
        let kind = match kind::of(path, self.format) {
            Ok(kind) => kind,
            Err(error) => {
                self.failed(path, &error);
                return Ok(());
            }
        };
        let message = || What::Message(path.to_owned(), Flags::new());
        let what = match (self.format, kind) {
            (Some(Format::Eml), _) | (None, Kind::Message | Kind::Field) => message(),
            (Some(Format::Mbox | Format::Mboxo) | None, Kind::Mbox | Kind::Empty) => self.mbox(path),
            (format, kind) => {
                let why = match (format, kind) {
                    (Some(Format::Mbox | Format::Mboxo), _) => {
                        "it does not begin with `From `, as an mbox does"
                    }
                    (Some(Format::Maildir), _) => "it is a file, and a Maildir is a folder",
                    (_, Kind::Damaged(why)) => why,
                    _ => "it is neither an mbox nor a message; --format says what it is",
                };
                self.failed(path, &io::Error::other(why));
                return Ok(());
            }
        };
        self.found(what, root, levels)
    }

    /// Looks at a file in a folder. Of the same meaning.
    fn file(
        &mut self,
        path: &Path,
        root: &[String],
        levels: &[String],
        folder: &mut Folder,
    ) -> Result<(), E> {
        let kind = match kind::of(path, self.format) {
            Ok(kind) => kind,
            Err(error) => {
                self.failed(path, &error);
                return Ok(());
            }
        };
        let name = path.file_name().unwrap_or_default();
        let flags = folder.sequences.flags(&name.to_string_lossy());
        let what = match (self.format, kind) {
            (Some(Format::Eml), _) | (None, Kind::Message) => What::Message(path.to_owned(), flags),
            (None, Kind::Mbox) if folder.is_message(name) => What::Delivered(path.to_owned(), flags),
            (Some(Format::Mbox | Format::Mboxo) | None, Kind::Mbox) => self.mbox(path),
            (Some(Format::Mbox | Format::Mboxo) | None, Kind::Damaged(why)) => {
                self.failed(path, &io::Error::other(why));
                return Ok(());
            }
            _ => {
                self.ignored.push(path.display().to_string());
                return Ok(());
            }
        };
        self.found(what, root, levels)
    }

    fn found(&mut self, what: What, root: &[String], levels: &[String]) -> Result<(), E> {
        self.found += 1;
        let levels = if matches!(what, What::Mbox(..)) { levels } else { root };
        (self.visit)(Item { levels, what })
    }

    fn mbox(&self, path: &Path) -> What {
        let old = self.format == Some(Format::Mboxo);
        What::Mbox(path.to_owned(), if old { mbox::Form::Mboxo } else { mbox::Form::Mboxrd })
    }

    fn folder(&mut self, path: &Path, levels: &[String], depth: usize) -> Result<(), E> {
        if depth > DEPTH {
            self.failed(path, &io::Error::other("folders are too deep within each other"));
            return Ok(());
        }
        let is_maildir = is_maildir_at(path) && matches!(self.format, None | Some(Format::Maildir));
        if is_maildir {
            self.maildir(path, levels)?;
        }
        let mut folder = Folder::new(path);
        for entry in self.names(path) {
            let below = path.join(&entry);
            let name = entry.to_string_lossy();
            let is_hidden = name.starts_with('.') || mh::is_deleted(&name);
            let Ok(metadata) = fs::symlink_metadata(&below) else { continue };
            let mut inside = levels.to_vec();
            if metadata.is_symlink() && !(is_maildir && PARTS.contains(&&*name)) {
                match fs::metadata(&below) {
                    // Programs have links of their own, under hidden names.
                    Ok(target) if target.is_dir() && (!is_hidden || is_maildir_at(&below)) => {
                        // It may lead back to where it is.
                        let why = "a link to a folder is not followed; that folder can be named itself";
                        self.failed(&below, &io::Error::other(why));
                        continue;
                    }
                    Err(error) if !is_hidden => {
                        self.failed(&below, &error);
                        continue;
                    }
                    _ => {}
                }
            }
            if metadata.is_dir() && is_hidden {
                if is_maildir_at(&below) {
                    inside.extend(names::of_maildir_folder(&name));
                    self.folder(&below, &inside, depth + 1)?;
                }
            } else if metadata.is_dir() && !(is_maildir && PARTS.contains(&&*name)) {
                inside.push(names::of_file(&name));
                self.folder(&below, &inside, depth + 1)?;
            } else if !is_maildir && !is_hidden && fs::metadata(&below).is_ok_and(|m| m.is_file()) {
                // Apple Mail has the mbox of a mailbox in a folder that is called as it.
                let is_inner = name == "mbox" && path.extension().is_some_and(|ending| ending == "mbox");
                if !is_inner {
                    inside.push(names::of_file(&name));
                } else if inside.is_empty() {
                    inside.push(names::of_file(&file_name(path)));
                }
                self.file(&below, levels, &inside, &mut folder)?;
            }
        }
        Ok(())
    }

    fn maildir(&mut self, path: &Path, levels: &[String]) -> Result<(), E> {
        self.found += 1;
        (self.visit)(Item { levels, what: What::Mailbox })?;
        let keywords = Keywords::read(path);
        for (part, seen) in [("cur", true), ("new", false)] {
            let folder = path.join(part);
            for name in self.names(&folder) {
                let file = folder.join(&name);
                let name = name.to_string_lossy();
                match fs::metadata(&file) {
                    _ if name.starts_with('.') => continue,
                    Ok(metadata) if !metadata.is_file() => continue,
                    Err(error) => {
                        self.failed(&file, &error);
                        continue;
                    }
                    Ok(_) => {}
                }
                let flags = if seen { maildir::flags(&name, &keywords) } else { Flags::new() };
                (self.visit)(Item { levels, what: What::InMaildir(file, flags) })?;
            }
        }
        Ok(())
    }

    /// What is in a folder, sorted. Names need not be UTF-8.
    fn names(&mut self, folder: &Path) -> Vec<OsString> {
        let read = fs::read_dir(folder)
            .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>());
        match read {
            Ok(mut names) => {
                names.sort();
                names
            }
            Err(error) => {
                self.failed(folder, &error);
                Vec::new()
            }
        }
    }

    fn failed(&mut self, path: &Path, error: &io::Error) {
        self.unreadable.push(Unreadable { what: path.display().to_string(), why: error.to_string() });
    }
}

/// Whether a folder is a Maildir.
fn is_maildir_at(path: &Path) -> bool {
    path.join("cur").is_dir() && path.join("new").is_dir()
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// What the files of a folder say together.
struct Folder<'a> {
    path: &'a Path,
    sequences: Sequences,
    /// The files that begin with `From ` and are a message each of the folder's mailbox; `None`: nobody has looked.
    messages: Option<BTreeSet<OsString>>,
}

impl<'a> Folder<'a> {
    fn new(path: &'a Path) -> Self {
        Self { path, sequences: Sequences::read(path), messages: None }
    }

    /// Whether a file that begins with `From ` is a message of the folder's mailbox, and no mailbox of its own.
    fn is_message(&mut self, name: &OsStr) -> bool {
        self.messages.get_or_insert_with(|| messages(self.path)).contains(name)
    }
}

/// The files of a folder that begin with `From ` and hold one message each, where that is the way of the folder: most
/// of its files, and many of them, hold one message each. What cannot be read is no message.
fn messages(folder: &Path) -> BTreeSet<OsString> {
    let mut delivered = BTreeSet::new();
    let (mut messages, mut mailboxes) = (0, 0);
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let (path, name) = (entry.path(), entry.file_name());
        if name.as_encoded_bytes().starts_with(b".") || !path.is_file() {
            continue;
        }
        match kind::of(&path, None) {
            Ok(Kind::Message) => messages += 1,
            Ok(Kind::Mbox) if !kind::is_called_mbox(&path) && kind::is_single(&path).unwrap_or(false) => {
                messages += 1;
                delivered.insert(name);
            }
            Ok(Kind::Mbox) => mailboxes += 1,
            _ => {}
        }
    }
    if messages >= MANY && messages > mailboxes { delivered } else { BTreeSet::new() }
}
