//! From what a person names to a message.

use super::error::Failure;
use restante_store::{Found, MessageId, View};
use std::path::Path;

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

/// Whether a person means a file: it has a path or an ending, which ids never have.
pub(super) fn is_file(name: &str) -> bool {
    name.contains(['/', '.'])
}

/// Reads a file whole.
pub(super) fn read_file(name: &str) -> Result<Vec<u8>, Failure> {
    std::fs::read(Path::new(name)).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::NotFound(format!("there is no file {name}")),
        _ => Failure::Io(format!("{name}: {error}")),
    })
}
