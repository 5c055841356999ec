//! Data on standard output, everything else on standard error.

use super::error::Failure;
use serde::Serialize;
use serde_json::{Map, Value};
use std::io::Write;

/// How a command prints its data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    /// One JSON document.
    pub(super) json: bool,
    /// One JSON document a line.
    pub(super) lines: bool,
    /// Ids only.
    pub(super) ids: bool,
    /// Colours may be used.
    pub(super) color: bool,
}

impl Output {
    /// Prints a document with its schema's name first.
    pub(super) fn document(self, command: &str, document: &impl Serialize) -> Result<(), Failure> {
        let mut all = Map::new();
        all.insert("schema".to_owned(), Value::String(format!("restante/{command}/1")));
        match serde_json::to_value(document) {
            Ok(Value::Object(fields)) => all.extend(fields),
            Ok(other) => return Err(Failure::Io(format!("not a document: {other}"))),
            Err(error) => return Err(Failure::Io(error.to_string())),
        }
        let text = serde_json::to_string_pretty(&Value::Object(all))
            .map_err(|error| Failure::Io(error.to_string()))?;
        print(&format!("{text}\n"))
    }

    /// Text in bold, where colours may be used.
    pub(super) fn bold(self, text: &str) -> String {
        if self.color { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Text in the background, where colours may be used.
    pub(super) fn dim(self, text: &str) -> String {
        if self.color { format!("\x1b[2m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Prints to standard output. A reader that has gone (`| head`) ends the program quietly, as a signal
/// would.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    write(text.as_bytes())
}

/// As [`print()`], for bytes that may be no text.
pub(super) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::Io(format!("standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}
