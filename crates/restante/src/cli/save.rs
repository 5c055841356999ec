//! `restante save`

use super::complete::whole;
use super::context::Context;
use super::error::Failure;
use super::message::{is_file, named_messages, read_file};
use super::output::print;
use clap::Args;
use restante_core::message::{Attachment, Disposition, PartInfo, Reading, clean_line};
use serde::Serialize;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Save the attachments of a message, or one part of it.
///
/// Where only the beginning of the message is here, the whole of it is fetched first. A file that exists is never overwritten: the new one gets a number.
#[derive(Debug, Args)]
pub(super) struct Save {
    /// A message's id, or a file; `-` reads ids from standard input.
    #[arg(value_name = "ID|FILE.eml")]
    message: String,
    /// Which part, as `restante read` shows it in brackets; all attachments when not given.
    part: Option<String>,
    /// Where to.
    #[arg(short = 'C', long = "directory", value_name = "DIR", default_value = ".")]
    directory: PathBuf,
}

#[derive(Serialize)]
struct Document {
    files: Vec<Saved>,
}

#[derive(Serialize)]
struct Saved {
    part: String,
    path: PathBuf,
    size: usize,
}

impl Save {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let mut files = Vec::new();
        for name in named_messages(&self.message)? {
            self.extract(context, &name, &mut files)?;
        }
        if files.is_empty() {
            return Err(Failure::NotFound("no attachment was found".to_owned()));
        }
        if context.output.json {
            context.output.document("save", &Document { files })?;
        } else {
            for file in &files {
                print(&format!("{}\n", clean_line(&file.path.to_string_lossy())))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn extract(&self, context: &Context, name: &str, files: &mut Vec<Saved>) -> Result<(), Failure> {
        let bytes = if is_file(name) { read_file(name)? } else { whole(context, name)? };
        let parts = match &self.part {
            Some(part) => vec![part.clone()],
            None => attachments(&Reading::read(&bytes, 78).parts),
        };
        if parts.is_empty() && self.message != "-" {
            return Err(Failure::NotFound("this message has no attachments".to_owned()));
        }
        for part in parts {
            let attachment = Attachment::read(&bytes, &part)
                .ok_or_else(|| Failure::NotFound(format!("this message has no part `{part}`")))?;
            let path = keep(&self.directory, &attachment.filename, &attachment.bytes)?;
            files.push(Saved { part, path, size: attachment.bytes.len() });
        }
        Ok(())
    }
}

/// The parts a person would call attachments. Of a container that could be opened (`winmail.dat`) it is what is
/// inside.
fn attachments(parts: &[PartInfo]) -> Vec<String> {
    let is_opened = |part: &PartInfo| {
        let inside = format!("{}.", part.part);
        !part.kind.starts_with("message/") && parts.iter().any(|other| other.part.starts_with(&inside))
    };
    parts
        .iter()
        .filter(|p| p.filename.is_some() || p.disposition == Some(Disposition::Attachment))
        .filter(|p| !is_opened(p))
        .map(|p| p.part.clone())
        .collect()
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

    #[test]
    fn what_is_in_a_container_is_saved_and_not_the_container() {
        let part = |part: &str, kind: &str, filename: Option<&str>| PartInfo {
            part: part.to_owned(),
            kind: kind.to_owned(),
            filename: filename.map(str::to_owned),
            size: 1,
            cut: false,
            disposition: None,
            cid: None,
        };
        let parts = [
            part("1", "text/plain", None),
            part("2", "application/ms-tnef", Some("winmail.dat")),
            part("2.1", "text/html", None),
            part("2.2", "application/pdf", Some("a.pdf")),
            part("3", "message/rfc822", Some("b.eml")),
            part("3.1", "text/plain", None),
            part("21", "image/png", Some("c.png")),
        ];
        assert_eq!(attachments(&parts), ["2.2", "3", "21"]);
    }
}
