//! Writing messages to an mbox.

use super::LETTERS;
use crate::mail::Flags;
use std::io::{self, Write};

/// A message begins like this at least, for a file to be taken for an mbox.
const FROM: &[u8] = b"From ";

/// Whether a file that begins like this may be an mbox.
#[must_use]
pub fn is_mailbox(beginning: &[u8]) -> bool {
    beginning.starts_with(FROM)
}

/// What stands before a message.
#[derive(Clone, Debug)]
pub struct Envelope<'a> {
    /// Who sent it; what is no plain address is left out.
    pub sender: &'a str,
    /// When it was delivered, in seconds since 1970 UTC.
    pub date: i64,
    /// Its flags.
    pub flags: &'a Flags,
}

impl Envelope<'_> {
    /// Writes it. `unfinished` is given by [`Quoting::unfinished`] for the whole message.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut impl Write, unfinished: Option<u64>) -> io::Result<()> {
        let plain = |c: char| c.is_ascii_graphic();
        let sender = match self.sender {
            address if !address.is_empty() && address.len() <= 320 && address.chars().all(plain) => address,
            _ => "MAILER-DAEMON",
        };
        let time = jiff::Timestamp::from_second(self.date).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let time = time.to_zoned(jiff::tz::TimeZone::UTC);
        writeln!(out, "From {sender} {}", time.strftime("%a %b %e %H:%M:%S %Y"))?;
        if let Some(length) = unfinished {
            writeln!(out, "Content-Length: {length}")?;
        }
        if !self.flags.keywords().is_empty() {
            writeln!(out, "X-Keywords: {}", self.flags.keywords().join(" "))?;
        }
        writeln!(out, "Status: {}", if self.flags.contains("\\Seen") { "RO" } else { "O" })?;
        let letters: String =
            LETTERS.iter().filter(|(_, name)| self.flags.contains(name)).map(|(letter, _)| *letter).collect();
        writeln!(out, "X-Status: {letters}")
    }
}

/// Quotes the octets of one message as they come, and ends it.
#[derive(Clone, Debug)]
pub struct Quoting {
    /// What the line begins with so far: so many `>`, and so much of `From `. `None` within a line.
    begun: Option<(u64, usize)>,
    /// Octets of the body as written.
    body: u64,
    in_body: bool,
    line: Line,
    last: Option<u8>,
}

/// What a line holds so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Nothing,
    /// A CR: with a newline it is empty.
    Return,
    Something,
}

impl Default for Quoting {
    fn default() -> Self {
        Self { begun: Some((0, 0)), body: 0, in_body: false, line: Line::Nothing, last: None }
    }
}

impl Quoting {
    /// Writes the next octets of the message.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&mut self, bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
        let mut rest = bytes;
        while let Some((&byte, _)) = rest.split_first() {
            let Some((quotes, matched)) = self.begun else {
                let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
                let (line, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
                self.put(line, out)?;
                rest = after;
                continue;
            };
            rest = rest.get(1..).unwrap_or_default();
            let wanted = FROM.get(matched).copied();
            if byte == b'>' && matched == 0 {
                self.begun = Some((quotes + 1, 0));
            } else if wanted == Some(byte) && matched + 1 == FROM.len() {
                self.begun = None;
                self.quotes(quotes + 1, out)?;
                self.put(FROM, out)?;
            } else if wanted == Some(byte) {
                self.begun = Some((quotes, matched + 1));
            } else {
                self.settle(out)?;
                self.put(&[byte], out)?;
            }
        }
        Ok(())
    }

    /// Ends the message: with a newline, if it has none, and the empty line that stands between messages.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self, out: &mut impl Write) -> io::Result<()> {
        self.settle(out)?;
        if self.last.is_some_and(|last| last != b'\n') {
            out.write_all(b"\n")?;
        }
        out.write_all(b"\n")
    }

    /// After the whole message was written, to wherever: when it does not end with a newline, the length its body has
    /// in the file.
    #[must_use]
    pub fn unfinished(mut self) -> Option<u64> {
        // Writing to nowhere never fails.
        let _ = self.settle(&mut io::sink());
        self.last.filter(|last| *last != b'\n').map(|_| self.body)
    }

    /// The line does not begin with `From `: what was held back is written.
    fn settle(&mut self, out: &mut impl Write) -> io::Result<()> {
        let Some((quotes, matched)) = self.begun.take() else { return Ok(()) };
        self.quotes(quotes, out)?;
        if let Some(begun) = FROM.get(..matched).filter(|begun| !begun.is_empty()) {
            self.put(begun, out)?;
        }
        Ok(())
    }

    fn quotes(&mut self, count: u64, out: &mut impl Write) -> io::Result<()> {
        (0..count).try_for_each(|_| self.put(b">", out))
    }

    /// Writes part of a line, or the end of it.
    fn put(&mut self, bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
        out.write_all(bytes)?;
        self.last = bytes.last().copied().or(self.last);
        if self.in_body {
            self.body += bytes.len() as u64;
        }
        let (line, ended) = match bytes.strip_suffix(b"\n") {
            Some(line) => (line, true),
            None => (bytes, false),
        };
        self.line = match (self.line, line) {
            (before, []) => before,
            (Line::Nothing, b"\r") => Line::Return,
            _ => Line::Something,
        };
        if ended {
            self.in_body |= self.line != Line::Something;
            self.line = Line::Nothing;
            self.begun = Some((0, 0));
        }
        Ok(())
    }
}
