//! `restante save`

use super::complete::whole;
use super::context::Context;
use super::error::Failure;
use super::message::{Name, find, is_file, named_messages, read_file};
use super::output::print;
use super::read::contacts;
use clap::Args;
use restante_core::message::{Attachment, Reading, clean_line};
use serde::{Serialize, Serializer};
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Save the attachments of a message or of a conversation, or one part of a message.
///
/// Where only the beginning of the message is here, the whole of it is fetched first. A file that exists is never overwritten: the new one gets a number.
#[derive(Debug, Args)]
pub(super) struct Save {
    /// A message's id, or a file; `-` reads ids from standard input.
    #[arg(value_name = "ID|FILE.eml")]
    message: Name,
    /// Which part, as `restante read` shows it in brackets; all attachments when not given.
    #[arg(conflicts_with = "thread")]
    part: Option<String>,
    /// Those of the whole conversation that the message belongs to, the oldest first. What came before under the same name is not saved twice.
    #[arg(long)]
    thread: bool,
    /// Where to.
    #[arg(short = 'C', long = "directory", value_name = "DIR", default_value = ".")]
    directory: PathBuf,
}

#[derive(Default, Serialize)]
struct Document {
    files: Vec<Saved>,
    /// Messages of which nothing, or not all, could be saved.
    failed: Vec<Failed>,
}

#[derive(Serialize)]
struct Saved {
    /// Absent for a file.
    id: Option<String>,
    part: String,
    /// Where it is; approximate, where that is no UTF-8.
    #[serde(serialize_with = "text")]
    path: PathBuf,
    size: usize,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    sender: String,
}

#[derive(Serialize)]
struct Failed {
    id: String,
    why: String,
}

impl Save {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let mut saved = Document::default();
        let mut failure = None;
        for name in named_messages(&self.message)? {
            if !self.thread {
                self.extract(context, &name, &mut saved.files)?;
                continue;
            }
            for id in conversation(context, &name)? {
                // The next message may have what this one has not.
                if let Err(error) = self.extract(context, &id, &mut saved.files) {
                    let why = error.text().unwrap_or_default();
                    if !context.output.json {
                        eprintln!("restante: {id}: {}", clean_line(&why));
                    }
                    saved.failed.push(Failed { id: id.to_string(), why });
                    failure = failure.or(Some(error));
                }
            }
        }
        if saved.files.is_empty() {
            return Err(failure.unwrap_or_else(|| Failure::NotFound("no attachment was found".to_owned())));
        }
        if context.output.json {
            context.output.document("save", &saved)?;
        } else {
            for file in &saved.files {
                print(&format!("{}\n", self.line(file)))?;
            }
        }
        match failure {
            Some(failure) if context.output.json => Err(failure),
            // It was said which and why.
            Some(failure) => Err(Failure::Said(failure.exit_code())),
            None => Ok(ExitCode::SUCCESS),
        }
    }

    /// What a person reads of a file: of a conversation, whose it is too.
    fn line(&self, file: &Saved) -> String {
        let path = file.path.to_string_lossy();
        match &file.id {
            Some(id) if self.thread => {
                format!("{id}  {}  from {}", clean_line(&path), clean_line(&file.sender))
            }
            _ => clean_line(&path).into_owned(),
        }
    }

    fn extract(&self, context: &Context, name: &Name, files: &mut Vec<Saved>) -> Result<(), Failure> {
        let is_file = is_file(name);
        let bytes = if is_file { read_file(name)? } else { whole(context, name)? };
        let reading = Reading::read(&bytes, 78);
        let parts = match &self.part {
            Some(part) => vec![part.clone()],
            None => reading.files().map(|part| part.part.clone()).collect(),
        };
        if parts.is_empty() && *self.message != *"-" && !self.thread {
            return Err(Failure::NotFound("this message has no attachments".to_owned()));
        }
        for part in parts {
            let attachment = Attachment::read(&bytes, &part)
                .ok_or_else(|| Failure::NotFound(format!("this message has no part `{part}`")))?;
            let name_of_file = attachment.filename;
            let known = files.iter().filter(|file| self.thread && file.name == name_of_file);
            let known = known.map(|file| file.path.clone()).find(|path| has(path, &attachment.bytes));
            let path = match known {
                Some(path) => path,
                None => keep(&self.directory, &name_of_file, &attachment.bytes)?,
            };
            files.push(Saved {
                id: (!is_file).then(|| name.to_string()),
                part,
                path,
                size: attachment.bytes.len(),
                name: name_of_file,
                sender: contacts(&reading.from),
            });
        }
        Ok(())
    }
}

fn text<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// The ids of a conversation, the oldest message first.
fn conversation(context: &Context, name: &str) -> Result<Vec<Name>, Failure> {
    if is_file(name) {
        return Err(Failure::Usage("a file belongs to no conversation; --thread wants an id".to_owned()));
    }
    let view = context.view()?;
    Ok(view.thread(find(&view, name)?)?.into_iter().map(|row| Name::from(OsString::from(row.id))).collect())
}

/// Whether a file has exactly these octets. One that cannot be read has not.
fn has(path: &Path, bytes: &[u8]) -> bool {
    let length = std::fs::metadata(path).map(|file| file.len());
    length.is_ok_and(|length| length == bytes.len() as u64)
        && std::fs::read(path).is_ok_and(|found| found == bytes)
}

/// Writes a new file. `create_new` neither overwrites nor follows a link.
fn keep(directory: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    for number in 0..1000 {
        let name = if number == 0 { name.to_owned() } else { format!("{stem}-{number}{ending}") };
        let path = directory.join(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                let written = file.write_all(bytes).and_then(|()| file.sync_all());
                if let Err(error) = written {
                    // Half a file is worse than none.
                    let _ = std::fs::remove_file(&path);
                    return Err(Failure::Io(format!("{}: {error}", path.display())));
                }
                return Ok(path);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Failure::Io(format!("{}: {error}", path.display()))),
        }
    }
    Err(Failure::Io(format!("{}: a thousand files have this name", directory.join(name).display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten_and_no_link_followed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        std::fs::write(&target, b"mine").unwrap();
        std::os::unix::fs::symlink(&target, folder.path().join("a.txt")).unwrap();
        let first = keep(folder.path(), "a.txt", b"one").unwrap();
        let second = keep(folder.path(), "a.txt", b"two").unwrap();
        assert_eq!(first.file_name().unwrap(), "a-1.txt");
        assert_eq!(second.file_name().unwrap(), "a-2.txt");
        assert_eq!(std::fs::read(&target).unwrap(), b"mine");
    }

    #[test]
    fn a_link_to_nowhere_a_folder_and_a_pipe_are_in_the_way_and_stay() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(folder.path().join("nowhere"), folder.path().join("a.txt")).unwrap();
        std::fs::create_dir(folder.path().join("a-1.txt")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            folder.path().join("a-2.txt"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        let kept = keep(folder.path(), "a.txt", b"one").unwrap();
        assert_eq!(kept.file_name().unwrap(), "a-3.txt");
        assert!(!folder.path().join("nowhere").exists());
    }

    #[test]
    fn the_longest_name_has_room_for_a_number() {
        let folder = tempfile::tempdir().unwrap();
        let name = restante_core::message::file_name(&format!("{}.pdf", "x".repeat(400))).unwrap();
        keep(folder.path(), &name, b"one").unwrap();
        let second = keep(folder.path(), &name, b"two").unwrap();
        assert!(second.to_string_lossy().ends_with("-1.pdf"));
    }
}
