//! What there is in files and folders: found by looking, or told.

use super::maildir::{self, Keywords};
use super::{Format, Unreadable, names};
use restante_core::mail::Flags;
use restante_core::message::mbox;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Folders within folders that are looked into.
const DEPTH: usize = 32;
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
    pub(super) ignored: u64,
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
                return self.file(path, &root, &levels, true);
            }
        }
        Ok(())
    }

    /// Looks at a file: `levels` is the mailbox it is, should it hold many messages, `root` that of the folder it is in.
    fn file(&mut self, path: &Path, root: &[String], levels: &[String], named: bool) -> Result<(), E> {
        let beginning = match beginning(path) {
            Ok(beginning) => beginning,
            Err(error) => {
                self.failed(path, &error);
                return Ok(());
            }
        };
        let is_mbox = mbox::is_mailbox(&beginning) || (named && beginning.is_empty());
        let is_eml = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("eml"));
        let what = match self.format {
            Some(Format::Eml) => What::Message(path.to_owned(), Flags::new()),
            Some(Format::Mbox | Format::Mboxo) | None if is_mbox && !(self.format.is_none() && is_eml) => {
                let old = self.format == Some(Format::Mboxo);
                What::Mbox(path.to_owned(), if old { mbox::Form::Mboxo } else { mbox::Form::Mboxrd })
            }
            None if is_eml || (named && looks_like_header(&beginning)) => {
                What::Message(path.to_owned(), Flags::new())
            }
            format if named => {
                let why = match format {
                    Some(Format::Mbox | Format::Mboxo) => "it does not begin with `From `, as an mbox does",
                    Some(Format::Maildir) => "it is a file, and a Maildir is a folder",
                    _ => "it is neither an mbox nor a message; --format says what it is",
                };
                self.failed(path, &io::Error::other(why));
                return Ok(());
            }
            _ => {
                self.ignored += 1;
                return Ok(());
            }
        };
        self.found += 1;
        let levels = if matches!(what, What::Message(..)) { root } else { levels };
        (self.visit)(Item { levels, what })
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
        for entry in self.names(path) {
            let below = path.join(&entry);
            let name = entry.to_string_lossy();
            let is_hidden = name.starts_with('.');
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
                self.file(&below, levels, &inside, false)?;
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
                (self.visit)(Item { levels, what: What::Message(file, flags) })?;
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

/// The first octets of a file.
fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(1024).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a file begins with a header field (RFC 5322, section 2.2).
fn looks_like_header(beginning: &[u8]) -> bool {
    let name = beginning.split(|byte| *byte == b':').next().unwrap_or_default();
    !name.is_empty()
        && name.len() < beginning.len()
        && name.len() <= 76
        && name.trim_ascii_end().iter().all(u8::is_ascii_graphic)
}
