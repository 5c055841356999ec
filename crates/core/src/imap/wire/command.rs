//! Commands as parts: text and literals (RFC 9051, section 4.3).

use super::encode_name;
use crate::mail::{Flags, MailboxName, UidSet};

/// One piece of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Bytes of the line.
    Text(Vec<u8>),
    /// A literal's content; the session writes its announcement and waits when it must.
    Literal(Vec<u8>),
    /// A literal of so many octets that nobody holds: whoever drives the session writes them.
    Streamed {
        /// How many.
        octets: u64,
        /// They may be any, `~{…}` (RFC 3516, section 4.4).
        any: bool,
    },
}

/// A command without its tag. Built piece by piece; whatever cannot stand in a quoted string becomes a
/// literal, so no text can end the line or start another command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    name: &'static str,
    parts: Vec<Part>,
}

impl Command {
    /// Starts a command, as `SELECT` or `UID FETCH`.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, parts: vec![Part::Text(name.as_bytes().to_vec())] }
    }

    /// The command's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Adds a space and protocol text as it is. For words of the protocol, never for data.
    #[must_use]
    pub fn raw(mut self, text: &str) -> Self {
        self.push(b" ");
        self.push(text.as_bytes());
        self
    }

    /// Adds a space and a string: quoted where that is possible, else a literal.
    #[must_use]
    pub fn string(mut self, bytes: &[u8]) -> Self {
        if bytes.len() > 1000 || bytes.iter().any(|b| matches!(b, 0 | b'\r' | b'\n' | 0x80..)) {
            self.push(b" ");
            self.parts.push(Part::Literal(bytes.to_vec()));
            return self;
        }
        self.quoted(bytes)
    }

    fn quoted(mut self, bytes: &[u8]) -> Self {
        self.push(b" \"");
        for &byte in bytes {
            if matches!(byte, b'"' | b'\\') {
                self.push(b"\\");
            }
            self.push(&[byte]);
        }
        self.push(b"\"");
        self
    }

    /// Adds a space and a literal, whatever its bytes.
    #[must_use]
    pub fn literal(mut self, bytes: Vec<u8>) -> Self {
        self.push(b" ");
        self.parts.push(Part::Literal(bytes));
        self
    }

    /// Adds a space and a message of so many octets, which [`Session::poll_content`](crate::imap::Session::poll_content)
    /// asks for when it is their turn. One command has at most one.
    #[must_use]
    pub fn message(mut self, octets: u64) -> Self {
        self.push(b" ");
        self.parts.push(Part::Streamed { octets, any: false });
        self
    }

    /// As [`message`](Self::message), for a message whose header has UTF-8 in it, in APPEND after `ENABLE UTF8=ACCEPT`:
    /// RFC 6855, section 4, wants it marked. IMAP4rev2 (RFC 9051, section 6.3.12) takes such a message as any other.
    #[must_use]
    pub fn utf8_message(mut self, octets: u64) -> Self {
        self.push(b" UTF8 (");
        self.parts.push(Part::Streamed { octets, any: true });
        self.push(b")");
        self
    }

    /// Adds a space and a mailbox name, encoded as this session spells names.
    #[must_use]
    pub fn mailbox(self, name: &MailboxName, utf8: bool) -> Self {
        let bytes = encode_name(name.as_str(), utf8);
        // Both want UTF-8 in quoted strings understood (RFC 6855, section 3; RFC 9051, section 4.3).
        let quotes = utf8 && bytes.len() <= 1000 && std::str::from_utf8(&bytes).is_ok();
        if quotes && !bytes.iter().any(|b| matches!(b, 0 | b'\r' | b'\n')) {
            return self.quoted(&bytes);
        }
        self.string(&bytes)
    }

    /// Adds a space and a UID set. The set must not be empty: the grammar has no empty set.
    #[must_use]
    pub fn uids(self, uids: &UidSet) -> Self {
        self.raw(&uids.to_string())
    }

    /// Adds a space and a parenthesised flag list.
    #[must_use]
    pub fn flags(self, flags: &Flags) -> Self {
        let names: Vec<&str> = flags.names().collect();
        self.raw(&format!("({})", names.join(" ")))
    }

    /// The pieces, the name first.
    #[must_use]
    pub fn into_parts(self) -> Vec<Part> {
        self.parts
    }

    fn push(&mut self, bytes: &[u8]) {
        if let Some(Part::Text(text)) = self.parts.last_mut() {
            text.extend_from_slice(bytes);
        } else {
            self.parts.push(Part::Text(bytes.to_vec()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_cannot_leave_their_quotes() {
        let parts = Command::new("LOGIN").string(b"a\"b\\").string(b"x\r\ny").into_parts();
        assert_eq!(parts, [Part::Text(b"LOGIN \"a\\\"b\\\\\" ".to_vec()), Part::Literal(b"x\r\ny".to_vec())]);
    }

    #[test]
    fn a_command_reads_as_the_protocol() {
        let uids: UidSet = [1, 2, 7].into_iter().filter_map(crate::mail::Uid::new).collect();
        let parts = Command::new("UID FETCH").uids(&uids).raw("(FLAGS)").into_parts();
        assert_eq!(parts, [Part::Text(b"UID FETCH 1:2,7 (FLAGS)".to_vec())]);
        let parts = Command::new("SELECT").mailbox(&MailboxName::new("Entwürfe"), false).into_parts();
        assert_eq!(parts, [Part::Text(b"SELECT \"Entw&APw-rfe\"".to_vec())]);
        let parts = Command::new("SELECT").mailbox(&MailboxName::new("Entwürfe"), true).into_parts();
        assert_eq!(parts, [Part::Text("SELECT \"Entwürfe\"".into())]);
    }
}
