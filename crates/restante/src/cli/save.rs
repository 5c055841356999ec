//! `restante save`

use super::complete::whole;
use super::context::Context;
use super::error::Failure;
use super::message::{is_file, named_messages, read_file};
use super::output::print;
use clap::Args;
use restante_core::message::{Attachment, Disposition, Reading, clean_line};
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
            None => Reading::read(&bytes, 78)
                .parts
                .into_iter()
                .filter(|p| p.filename.is_some() || p.disposition == Some(Disposition::Attachment))
                .map(|p| p.part)
                .collect(),
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
}
