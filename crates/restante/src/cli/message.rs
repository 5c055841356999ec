//! From what a person names to a message.

use super::error::Failure;
use restante_store::{Found, MessageId, View};
use std::ffi::OsString;
use std::fmt;
use std::io::{IsTerminal, Read};
use std::ops::Deref;
use std::path::PathBuf;

/// What a person names a message by: an id, or a file, whose name need not be UTF-8. Read as text, that is approximate.
#[derive(Clone, Debug)]
pub(super) struct Name {
    text: String,
    path: PathBuf,
}

impl From<OsString> for Name {
    fn from(name: OsString) -> Self {
        Self { text: name.to_string_lossy().into_owned(), path: name.into() }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// The message an id names.
pub(super) fn find(view: &View, id: &str) -> Result<MessageId, Failure> {
    match view.message_by_prefix(id)? {
        Found::One(message) => Ok(message),
        Found::Ambiguous => {
            Err(Failure::NotFound(format!("more than one message begins with `{id}`; give more letters")))
        }
        Found::None => Err(Failure::NotFound(format!(
            "there is no message `{id}`; `restante list` shows the ids in its first column"
        ))),
    }
}

/// The ids on standard input, one a line. A line may go on after the id, as those of `restante list` do.
pub(super) fn ids_on_stdin() -> Result<Vec<String>, Failure> {
    if std::io::stdin().is_terminal() {
        eprintln!("restante: type or paste ids, one a line; Ctrl-D ends them");
    }
    let mut text = Vec::new();
    std::io::stdin().lock().read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}

/// The message or messages that a command was given: an id or a file, or `-` for ids on standard input.
pub(super) fn named_messages(name: &Name) -> Result<Vec<Name>, Failure> {
    if **name != *"-" {
        return Ok(vec![name.clone()]);
    }
    let ids = ids_on_stdin()?;
    if ids.is_empty() {
        return Err(Failure::NotFound("there is no id on standard input".to_owned()));
    }
    Ok(ids.into_iter().map(|id| Name::from(OsString::from(id))).collect())
}

/// Whether a person means a file: it has a path or an ending, which ids never have.
pub(super) fn is_file(name: &str) -> bool {
    name.contains(['/', '.'])
}

/// Reads a file whole.
pub(super) fn read_file(name: &Name) -> Result<Vec<u8>, Failure> {
    std::fs::read(&name.path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::NotFound(format!("there is no file {}", name.text)),
        _ => Failure::Io(format!("{}: {error}", name.text)),
    })
}
