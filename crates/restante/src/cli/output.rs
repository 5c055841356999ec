//! Data on standard output, everything else on standard error.

use super::error::Failure;
use restante_core::message::clean;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};
use std::borrow::Cow;
use std::io::{self, Write};

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

/// A document as it is printed, field by field in this order.
#[derive(Serialize)]
struct Whole<'a, T> {
    schema: String,
    #[serde(flatten)]
    document: &'a T,
}

impl Output {
    /// Prints a document with its schema's name first.
    pub(super) fn document(self, command: &str, document: &impl Serialize) -> Result<(), Failure> {
        let whole = Whole { schema: format!("restante/{command}/1"), document };
        print(&format!("{}\n", encode(&whole, PrettyFormatter::new())?))
    }

    /// As [`Output::document`], on one line: one of many.
    pub(super) fn document_line(self, command: &str, document: &impl Serialize) -> Result<(), Failure> {
        let whole = Whole { schema: format!("restante/{command}/1"), document };
        print(&format!("{}\n", json_line(&whole)?))
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

/// JSON on one line.
pub(super) fn json_line(value: &impl Serialize) -> Result<String, Failure> {
    encode(value, CompactFormatter)
}

fn encode(value: &impl Serialize, form: impl Formatter) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Escaping(form));
    value.serialize(&mut serializer).map_err(|error| Failure::Io(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| Failure::Io(error.to_string()))
}

/// Writes characters that could drive a terminal or hide as `\u…`: a program reads the same text, and a
/// terminal shows what is there. JSON itself asks that only of those below U+0020.
struct Escaping<F>(F);

impl<F: Formatter> Formatter for Escaping<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, text: &str) -> io::Result<()> {
        if let Cow::Borrowed(_) = clean(text) {
            return out.write_all(text.as_bytes());
        }
        let mut bytes = [0; 4];
        for c in text.chars() {
            let alone = c.encode_utf8(&mut bytes);
            if clean(alone) == *alone {
                out.write_all(alone.as_bytes())?;
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_hides_nothing_and_drives_no_terminal() {
        let text = "a\u{1b}[2J\u{9b}31m\u{202e}\u{feff}é日\n\u{e0041}";
        let json = json_line(&text).unwrap();
        assert_eq!(json, r#""a\u001b[2J\u009b31m\u202e\ufeffé日\n\udb40\udc41""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
