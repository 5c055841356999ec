//! What a file is, as far as its beginning and its name tell.

use super::Format;
use restante_core::message::mbox::{self, Mbox};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Octets of a file that are looked at.
const BEGINNING: u64 = 4096;
/// The longest name of a field, in octets.
const LONGEST: usize = 76;
/// So many of [`FIELDS`] at the beginnings of lines are a header that was damaged.
const DAMAGED: usize = 3;
/// Fields of which a message has one at least (RFC 5322, section 3.6), and those that delivery adds.
const FIELDS: [&str; 14] = [
    "from",
    "date",
    "subject",
    "to",
    "cc",
    "sender",
    "reply-to",
    "message-id",
    "received",
    "return-path",
    "delivered-to",
    "envelope-to",
    "mime-version",
    "newsgroups",
];

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One message: it begins with header fields.
    Message,
    /// It begins with `From `, or is an mbox without messages.
    Mbox,
    /// It begins with some field, but none that only mail has.
    Field,
    /// There is nothing in it.
    Empty,
    /// It should be mail and cannot be read as such, and why.
    Damaged(&'static str),
    /// It holds no mail.
    Other,
}

/// What a file is. That it is called `.eml` counts where a person has not said what it is.
///
/// # Errors
/// The file cannot be read.
pub(super) fn of(path: &Path, format: Option<Format>) -> io::Result<Kind> {
    let mut beginning = Vec::new();
    File::open(path)?.take(BEGINNING).read_to_end(&mut beginning)?;
    Ok(of_beginning(&beginning, is_called_mbox(path), format.is_none() && has_ending(path, "eml")))
}

fn of_beginning(beginning: &[u8], called_mbox: bool, called_eml: bool) -> Kind {
    if called_eml {
        return Kind::Message;
    }
    if mbox::is_mailbox(beginning) || (called_mbox && beginning.is_empty()) {
        return Kind::Mbox;
    }
    if beginning.is_empty() {
        return Kind::Empty;
    }
    if called_mbox {
        return Kind::Damaged("it is called as an mbox, and does not begin with `From `");
    }
    let (is_field, known) = header(beginning);
    if is_field && known {
        return Kind::Message;
    }
    let mut found: Vec<&str> = lines(beginning).filter_map(field).filter_map(known_field).collect();
    found.sort_unstable();
    found.dedup();
    if found.len() >= DAMAGED {
        return Kind::Damaged("there is a header in it, but not at its beginning; --format eml takes it so");
    }
    if is_field { Kind::Field } else { Kind::Other }
}

/// Whether a file's name says that it is an mbox.
pub(super) fn is_called_mbox(path: &Path) -> bool {
    ["mbox", "mbx", "mbs"].iter().any(|ending| has_ending(path, ending))
}

/// Whether a file that begins with `From ` holds exactly one message. It is read no further than to the second.
///
/// # Errors
/// The file cannot be read.
pub(super) fn is_single(path: &Path) -> io::Result<bool> {
    /// Why reading ended.
    enum End {
        Second,
        Error(io::Error),
    }
    impl From<io::Error> for End {
        fn from(error: io::Error) -> Self {
            Self::Error(error)
        }
    }
    let mut mbox = Mbox::new(File::open(path)?, mbox::Form::Mboxrd);
    let first = mbox.take(|_| Ok::<(), io::Error>(()))?;
    match mbox.take(|_| Err(End::Second)) {
        Ok(second) => Ok(first.is_some() && second.is_none()),
        Err(End::Second) => Ok(false),
        Err(End::Error(error)) => Err(error),
    }
}

/// Whether a file begins with a field (RFC 5322, section 2.2), and whether one of mail's stands in that header.
fn header(beginning: &[u8]) -> (bool, bool) {
    let mut lines = lines(beginning).peekable();
    // As where messages are read: an empty line that was added on the way, and a quoted `From ` line.
    lines.next_if(|line| line.is_empty());
    lines.next_if(|line| line.starts_with(b">From "));
    let Some(first) = lines.next().and_then(field) else { return (false, false) };
    let header = lines.take_while(|line| !line.is_empty()).filter_map(field);
    (true, std::iter::once(first).chain(header).any(|name| known_field(name).is_some()))
}

/// The lines, without what ends them.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// The name of the field that a line begins.
fn field(line: &[u8]) -> Option<&[u8]> {
    let at = line.iter().position(|byte| *byte == b':')?;
    let name = line.get(..at)?.trim_ascii_end();
    (!name.is_empty() && name.len() <= LONGEST && name.iter().all(u8::is_ascii_graphic)).then_some(name)
}

/// Of the fields that mail has, the one with this name.
fn known_field(name: &[u8]) -> Option<&'static str> {
    FIELDS.into_iter().find(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|other| other.eq_ignore_ascii_case(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_its_beginning() {
        for (beginning, expected) in [
            (&b"Return-Path: <a@b>\nSubject: x\n\nbody"[..], Kind::Message),
            (b"X-Status: \r\nX-Keywords:\r\n folded\r\nFrom : a@b\r\n\r\n", Kind::Message),
            (b"\nSubject: after an empty line\n\n", Kind::Message),
            (b">From a@b Tue Jan  2 10:00:00 2024\nReceived: x\n\n", Kind::Message),
            (b"From a@b Tue Jan  2 10:00:00 2024\nSubject: x\n\n", Kind::Mbox),
            (b"Note: this is how to begin.\n\nSubject: x\n", Kind::Field),
            (b"name: a project\nversion: 1\n", Kind::Field),
            (b"# Read me\n\nText: more\n", Kind::Other),
            (b"\x7fELF\x01\0\0\0", Kind::Other),
            (b"", Kind::Empty),
        ] {
            let text = String::from_utf8_lossy(beginning);
            assert_eq!(of_beginning(beginning, false, false), expected, "{text}");
        }
        let damaged = b"garbage before it\nReceived: x\nDate: y\nSubject: z\n\nbody";
        assert!(matches!(of_beginning(damaged, false, false), Kind::Damaged(_)));
        assert!(matches!(of_beginning(b"text", true, false), Kind::Damaged(_)));
        assert_eq!(of_beginning(b"", true, false), Kind::Mbox);
        assert_eq!(of_beginning(b"anything", false, true), Kind::Message);
    }
}
