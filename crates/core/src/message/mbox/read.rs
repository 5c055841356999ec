//! Reading messages from an mbox.

use super::super::date;
use super::{Form, LETTERS, flags};
use crate::mail::Flags;
use std::io::{self, Read, Seek, SeekFrom};

/// Octets that are read at a time.
const PIECE: usize = 64 << 10;
/// The longest `From ` line, in octets.
const LONGEST: usize = 1024;
/// Octets of a header in which a Content-Length is looked for.
const HEADER: usize = 64 << 10;

/// Messages in one file.
pub struct Mbox<R> {
    inner: R,
    form: Form,
    buffer: Vec<u8>,
    /// Where reading goes on in the buffer.
    at: usize,
    /// Where the buffer begins in the file.
    offset: u64,
    ended: bool,
    begun: bool,
}

/// What is known of a message that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// When it was delivered: the date of its `From ` line, in seconds since 1970 UTC.
    pub date: Option<i64>,
    /// Its flags, where the lines that [`Envelope`](super::Envelope) writes say so; else the header is to be
    /// asked: [`flags`].
    pub flags: Option<Flags>,
}

/// The lines of our own before a message.
struct Block {
    flags: Flags,
    /// A newline was added to the end; the length of the body without it.
    length: Option<u64>,
}

impl<R: Read + Seek> Mbox<R> {
    /// A file at its beginning.
    pub fn new(inner: R, form: Form) -> Self {
        Self { inner, form, buffer: Vec::new(), at: 0, offset: 0, ended: false, begun: false }
    }

    /// Octets of the file that have been read.
    pub fn position(&self) -> u64 {
        self.offset + self.at as u64
    }

    /// Takes the next message and hands its octets over as they come. `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read, or is no mbox ([`io::ErrorKind::InvalidData`]); and those of the receiver.
    pub fn take<E: From<io::Error>>(
        &mut self,
        mut receive: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Option<Taken>, E> {
        if !self.begun {
            // Some begin with empty lines.
            while matches!(self.peek(1)?, [b'\r' | b'\n', ..]) {
                self.at += 1;
            }
            self.begun = true;
        }
        if self.peek(1)?.is_empty() {
            return Ok(None);
        }
        if !self.peek(5)?.starts_with(b"From ") {
            let error =
                io::Error::new(io::ErrorKind::InvalidData, "this is no mbox: it does not begin with `From `");
            return Err(error.into());
        }
        let date = from_line(self.line(LONGEST)?).flatten();
        self.skip_line()?;
        let block = self.block()?;
        let length = block.as_ref().and_then(|block| block.length);
        if block.is_none()
            && let Some((header, body)) = self.proven()?
        {
            let literal = self.is_literal(header, body)?;
            self.copy(header, true, &mut receive)?;
            self.copy(body, literal, &mut receive)?;
            // The empty line before the next.
            for blank in [&b"\r\n"[..], b"\n"] {
                if self.peek(2)?.starts_with(blank) {
                    self.at += blank.len();
                    break;
                }
            }
            return Ok(Some(Taken { date, flags: None }));
        }
        self.lines(length, &mut receive)?;
        Ok(Some(Taken { date, flags: block.map(|block| block.flags) }))
    }

    /// Hands over the lines of a message, up to the next one.
    fn lines<E: From<io::Error>>(
        &mut self,
        length: Option<u64>,
        receive: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut out = Out { receive, held: false, holds: length.is_some() };
        // An empty line that may be the one between messages.
        let mut blank: &[u8] = b"";
        let mut body = None;
        let mut first = true;
        loop {
            let start = self.peek(LONGEST)?;
            if start.is_empty() {
                break;
            }
            if (first || !blank.is_empty()) && start.starts_with(b"From ") && from_line(start).is_some() {
                break;
            }
            first = false;
            out.put(blank)?;
            blank = match start {
                [b'\n', ..] => b"\n",
                [b'\r', b'\n', ..] => b"\r\n",
                _ => b"",
            };
            if !blank.is_empty() {
                self.at += blank.len();
                body.get_or_insert(self.position());
                continue;
            }
            self.one_line(self.form, &mut |bytes| out.put(bytes))?;
        }
        let end = self.position() - blank.len() as u64;
        // The length says that a newline was added, and proves right.
        let written = body.and_then(|body| end.checked_sub(body));
        let added =
            length.is_some_and(|length| written.map_or(0, |written| written.saturating_sub(1)) == length);
        out.finish(added)
    }

    /// Hands over one line, without the `>` that was put before it.
    fn one_line<E: From<io::Error>>(
        &mut self,
        form: Form,
        put: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.peek(1)?.first() == Some(&b'>') {
            self.at += 1;
            let mut more = false;
            while self.peek(1)?.first() == Some(&b'>') {
                self.at += 1;
                more = true;
                put(b">")?;
            }
            let quoted = self.peek(5)?.starts_with(b"From ") && (form == Form::Mboxrd || !more);
            if !quoted {
                put(b">")?;
            }
        }
        loop {
            let piece = self.peek(1)?;
            let end = memchr::memchr(b'\n', piece);
            let count = end.map_or(piece.len(), |at| at + 1);
            put(piece.get(..count).unwrap_or_default())?;
            self.at += count;
            if end.is_some() || count == 0 {
                return Ok(());
            }
        }
    }

    /// Hands over so many octets; lines in them are quoted unless they are `literal`.
    fn copy<E: From<io::Error>>(
        &mut self,
        count: u64,
        literal: bool,
        receive: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let end = self.position() + count;
        while self.position() < end {
            if !literal {
                // A line ends where the body does, or before.
                self.one_line(self.form, receive)?;
                continue;
            }
            let left = usize::try_from(end - self.position()).unwrap_or(usize::MAX);
            let piece = self.peek(1)?;
            let piece = piece.get(..left).unwrap_or(piece);
            if piece.is_empty() {
                break;
            }
            receive(piece)?;
            self.at += piece.len();
        }
        Ok(())
    }

    /// The lines of our own, when the message begins with them; they are passed over.
    fn block(&mut self) -> io::Result<Option<Block>> {
        let start = self.peek(HEADER)?;
        let mut lines = start.split(|byte| *byte == b'\n');
        let mut line = lines.next();
        let mut octets = 0;
        let mut take = |name: &str| -> Option<String> {
            let text = std::str::from_utf8(line?.strip_prefix(name.as_bytes())?).ok()?.to_owned();
            octets += name.len() + text.len() + 1;
            line = lines.next();
            // The last piece has no newline after it.
            line.map(|_| text)
        };
        let length = take("Content-Length: ");
        let keywords = take("X-Keywords: ");
        let (Some(status), Some(letters)) = (take("Status: "), take("X-Status: ")) else { return Ok(None) };
        let length = length.map(|length| length.parse::<u64>());
        let mut flags: Flags =
            keywords.as_deref().unwrap_or_default().split(' ').filter(|k| !k.is_empty()).collect();
        let mut known = LETTERS.iter();
        let ours = letters.chars().all(|letter| known.any(|(other, _)| *other == letter))
            && ["RO", "O"].contains(&status.as_str())
            && length.as_ref().is_none_or(Result::is_ok)
            && flags.system_bits() == 0;
        if !ours {
            return Ok(None);
        }
        if status == "RO" {
            flags.insert("\\Seen");
        }
        for (_, name) in LETTERS.iter().filter(|(letter, _)| letters.contains(*letter)) {
            flags.insert(name);
        }
        self.at += octets;
        Ok(Some(Block { flags, length: length.and_then(Result::ok) }))
    }

    /// The octets of header and body, when there is a Content-Length that leads to the next message or the end.
    fn proven(&mut self) -> io::Result<Option<(u64, u64)>> {
        let start = self.peek(HEADER)?;
        let ends = [&b"\n\n"[..], b"\n\r\n"]
            .into_iter()
            .filter_map(|end| memchr::memmem::find(start, end).map(|at| at + end.len()));
        let Some(header) = ends.min() else { return Ok(None) };
        let Some(length) = content_length(start.get(..header).unwrap_or_default()) else { return Ok(None) };
        let begin = self.position();
        let Some(end) = (begin + header as u64).checked_add(length) else { return Ok(None) };
        if end <= begin || i64::try_from(end).is_err() {
            return Ok(None);
        }
        // From one octet before: a message without an empty line after it must end with a newline itself.
        self.jump(end - 1)?;
        let after = self.peek(LONGEST)?;
        let begins = |rest: &[u8]| rest.starts_with(b"From ") && from_line(rest).is_some();
        let right = match after {
            [_] | [_, b'\n'] | [_, b'\r', b'\n'] => true,
            [_, b'\n', rest @ ..] | [_, b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] => begins(rest),
            _ => false,
        };
        self.jump(begin)?;
        Ok(right.then_some((header as u64, length)))
    }

    /// Whether what comes after so many octets is to be taken to the letter: a line in it begins with `From `, so
    /// nothing is quoted in it; or its last line does not end with it.
    fn is_literal(&mut self, header: u64, body: u64) -> io::Result<bool> {
        let begin = self.position();
        self.jump(begin + header)?;
        let end = begin + header + body;
        let mut found = false;
        while self.position() < end && !found {
            found = self.peek(5)?.starts_with(b"From ");
            self.skip_line()?;
        }
        found |= self.position() != end;
        self.jump(begin)?;
        Ok(found)
    }

    fn jump(&mut self, to: u64) -> io::Result<()> {
        self.inner.seek(SeekFrom::Start(to))?;
        self.buffer.clear();
        (self.at, self.offset, self.ended) = (0, to, false);
        Ok(())
    }

    /// What comes next: so many octets at least, unless the file ends before.
    fn peek(&mut self, least: usize) -> io::Result<&[u8]> {
        while !self.ended && self.buffer.len() - self.at < least {
            if self.at > 0 {
                self.buffer.drain(..self.at);
                self.offset += self.at as u64;
                self.at = 0;
            }
            let filled = self.buffer.len();
            self.buffer.resize(filled + PIECE.max(least), 0);
            let room = self.buffer.get_mut(filled..).unwrap_or_default();
            let count = match self.inner.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    self.buffer.truncate(filled);
                    continue;
                }
                other => other,
            };
            self.buffer.truncate(filled + count.as_ref().copied().unwrap_or(0));
            self.ended = count? == 0;
        }
        Ok(self.buffer.get(self.at..).unwrap_or_default())
    }

    /// The line that comes next, as far as it is no longer than that.
    fn line(&mut self, longest: usize) -> io::Result<&[u8]> {
        let start = self.peek(longest)?;
        let end = memchr::memchr(b'\n', start).map_or(start.len(), |at| at + 1);
        Ok(start.get(..end).unwrap_or_default())
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let piece = self.peek(1)?;
            let end = memchr::memchr(b'\n', piece);
            let count = end.map_or(piece.len(), |at| at + 1);
            self.at += count;
            if end.is_some() || count == 0 {
                return Ok(());
            }
        }
    }
}

/// What goes to the receiver: all but a newline that was added to the end.
struct Out<'a, F> {
    receive: &'a mut F,
    /// A newline waits that may be the one.
    held: bool,
    /// Whether one was added at all.
    holds: bool,
}

impl<E, F: FnMut(&[u8]) -> Result<(), E>> Out<'_, F> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), E> {
        if bytes.is_empty() {
            return Ok(());
        }
        if std::mem::take(&mut self.held) {
            (self.receive)(b"\n")?;
        }
        let bytes = match bytes.strip_suffix(b"\n") {
            Some(rest) if self.holds => {
                self.held = true;
                rest
            }
            _ => bytes,
        };
        if bytes.is_empty() { Ok(()) } else { (self.receive)(bytes) }
    }

    fn finish(self, added: bool) -> Result<(), E> {
        if self.held && !added { (self.receive)(b"\n") } else { Ok(()) }
    }
}

/// The date of a `From ` line, in seconds since 1970 UTC.
#[must_use]
pub fn delivered_at(line: &[u8]) -> Option<i64> {
    from_line(line).flatten()
}

/// Of a line that begins a message: its date. The outer `None`: it is no such line.
fn from_line(line: &[u8]) -> Option<Option<i64>> {
    let end = memchr::memchr(b'\n', line).unwrap_or(line.len());
    let text = String::from_utf8_lossy(line.get(..end)?);
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    // The sender may hold spaces, or be missing.
    let at = words.iter().rposition(|word| DAYS.contains(word))?;
    let rest = words.get(at..).filter(|_| at > 0)?;
    let time = rest.iter().position(|word| word.contains(':'))?;
    let year = rest.iter().any(|word| word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit()));
    (time <= 3 && rest.len() <= 8 && year).then(|| date::read(&rest.join(" ")))
}

/// The value of Content-Length in a header.
fn content_length(header: &[u8]) -> Option<u64> {
    header.split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(15)?;
        let value =
            std::str::from_utf8(value).ok().filter(|_| name.eq_ignore_ascii_case(b"Content-Length:"))?;
        value.trim().parse().ok()
    })
}

impl Taken {
    /// The flags of the message whose header this is.
    #[must_use]
    pub fn flags(&self, header: &[u8]) -> Flags {
        self.flags.clone().unwrap_or_else(|| flags(header))
    }
}
