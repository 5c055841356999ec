//! From any split of the byte stream to whole responses.

use super::cursor::{Cursor, parse_number};
use super::quirk::Quirk;
use super::response::{self, Kind, Response};

/// How much a server may make us keep.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Octets of one response without its streamed bodies. A `SEARCH` of a million UIDs takes 8 MB.
    pub response: usize,
    /// Octets of one streamed body.
    pub body: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { response: 64 << 20, body: 2 << 30 }
    }
}

/// Why the stream cannot be followed any further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A response is larger than [`Limits::response`].
    #[error("the server sent a response of more than {0} octets")]
    ResponseTooLarge(usize),
    /// A message is larger than [`Limits::body`].
    #[error("the server announced a message of {0} octets, more than this program takes")]
    BodyTooLarge(u64),
}

/// What the decoder found.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a box for each row would cost an allocation each")]
pub enum Decoded<'a> {
    /// A message body of a FETCH response begins; `size` octets follow in chunks. The row it belongs to
    /// comes as a [`Response`] after the body's end.
    BodyStart {
        /// Octets announced.
        size: u64,
    },
    /// Octets of the body.
    BodyChunk(&'a [u8]),
    /// The body is complete.
    BodyEnd,
    /// A whole response.
    Response(Response),
}

/// A literal inside a response held in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Literal {
    /// Offset of its `{`.
    pub(super) at: usize,
    /// Offset of its content.
    pub(super) content: usize,
    pub(super) length: u64,
    pub(super) streamed: bool,
}

#[derive(Debug)]
enum State {
    Line,
    Inline { remaining: usize },
    Body { remaining: u64 },
    BodyEnd,
}

/// A push decoder for server responses.
///
/// Call [`Decoder::poll`] with the bytes at hand until it returns `None`; then everything was taken and
/// more is needed. Nothing needs to be kept by the caller between calls.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    state: State,
    response: Vec<u8>,
    literals: Vec<Literal>,
    /// Where the current line of the response begins: after the last literal.
    line_start: usize,
    /// Known from the first line on; looking again at each line would make many literals costly.
    kind: Option<Kind>,
    /// Names are UTF-8 (after `ENABLE UTF8=ACCEPT` or IMAP4rev2), not modified UTF-7.
    pub(crate) utf8: bool,
    quirks: Vec<Quirk>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Decoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Line,
            response: Vec::new(),
            literals: Vec::new(),
            line_start: 0,
            kind: None,
            utf8: false,
            quirks: Vec::new(),
        }
    }

    /// The tolerances used so far, each once.
    #[must_use]
    pub fn quirks(&self) -> &[Quirk] {
        &self.quirks
    }

    /// Whether the stream stands between two responses: nothing half-read is waiting.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Line) && self.response.is_empty()
    }

    /// Takes bytes off the front of `input` up to the next thing found.
    ///
    /// # Errors
    /// [`WireError`] when a limit is passed; the connection is of no use afterwards.
    pub fn poll<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Decoded<'a>>, WireError> {
        loop {
            match &mut self.state {
                State::Line => {
                    let Some(end) = memchr::memchr(b'\n', input) else {
                        self.keep(input, input.len())?;
                        return Ok(None);
                    };
                    self.keep(input, end + 1)?;
                    match self.line_end()? {
                        Some(decoded) => return Ok(Some(decoded)),
                        None if matches!(self.state, State::Line) => {
                            let found = self.finish();
                            if let Some(response) = found {
                                return Ok(Some(Decoded::Response(response)));
                            }
                        }
                        None => {}
                    }
                }
                State::Inline { remaining } => {
                    if input.is_empty() && *remaining > 0 {
                        return Ok(None);
                    }
                    let length = (*remaining).min(input.len());
                    *remaining -= length;
                    if *remaining == 0 {
                        self.state = State::Line;
                    }
                    self.keep(input, length)?;
                    self.line_start = self.response.len();
                }
                State::Body { remaining: 0 } => self.state = State::BodyEnd,
                State::Body { remaining } => {
                    if input.is_empty() {
                        return Ok(None);
                    }
                    let length = usize::try_from(*remaining).unwrap_or(usize::MAX).min(input.len());
                    let (chunk, rest) = input.split_at(length);
                    *remaining -= length as u64;
                    *input = rest;
                    return Ok(Some(Decoded::BodyChunk(chunk)));
                }
                State::BodyEnd => {
                    self.state = State::Line;
                    return Ok(Some(Decoded::BodyEnd));
                }
            }
        }
    }

    fn keep(&mut self, input: &mut &[u8], length: usize) -> Result<(), WireError> {
        // What is known of its literals counts too: they may be empty and many.
        let notes = self.literals.len() * size_of::<Literal>();
        if self.response.len() + notes + length > self.limits.response {
            return Err(WireError::ResponseTooLarge(self.limits.response));
        }
        let (taken, rest) = input.split_at(length);
        self.response.extend_from_slice(taken);
        *input = rest;
        Ok(())
    }

    /// At the end of a line: does a literal follow? Sets the state when it does.
    fn line_end(&mut self) -> Result<Option<Decoded<'static>>, WireError> {
        let line = self.response.get(self.line_start..).unwrap_or_default();
        let content = line.strip_suffix(b"\n").unwrap_or(line);
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        if !content.ends_with(b"}") {
            return Ok(None);
        }
        let Some((brace, length)) = announced(content) else { return Ok(None) };
        let kind = *self.kind.get_or_insert_with(|| Kind::of(&self.response));
        if kind == Kind::Text {
            return Ok(None);
        }
        let at = self.line_start + brace;
        let streamed =
            kind == Kind::Fetch && is_body(self.response.get(self.line_start..at).unwrap_or_default());
        self.literals.push(Literal { at, content: self.response.len(), length, streamed });
        self.line_start = self.response.len();
        if streamed {
            if length > self.limits.body {
                return Err(WireError::BodyTooLarge(length));
            }
            self.state = State::Body { remaining: length };
            return Ok(Some(Decoded::BodyStart { size: length }));
        }
        match usize::try_from(length) {
            Ok(remaining) if remaining <= self.limits.response => {
                self.state = State::Inline { remaining };
                Ok(None)
            }
            _ => Err(WireError::ResponseTooLarge(self.limits.response)),
        }
    }

    /// The response is whole: reads it and makes room for the next. `None` for an empty line.
    fn finish(&mut self) -> Option<Response> {
        let whole = self.response.strip_suffix(b"\n").unwrap_or(&self.response);
        let bytes = match whole.strip_suffix(b"\r") {
            Some(bytes) => bytes,
            None => {
                if !self.quirks.contains(&Quirk::BareLineFeed) {
                    self.quirks.push(Quirk::BareLineFeed);
                }
                whole
            }
        };
        let response = (!bytes.is_empty())
            .then(|| response::read(&mut Cursor::new(bytes, &self.literals, self.utf8, &mut self.quirks)));
        self.response.clear();
        // One huge line must not hold its memory for the rest of the connection.
        self.response.shrink_to(1 << 20);
        self.literals.clear();
        self.literals.shrink_to(1 << 10);
        self.line_start = 0;
        self.kind = None;
        response
    }
}

/// The literal a line ends with: `{123}`, `{123+}`, in a line without its line end.
fn announced(line: &[u8]) -> Option<(usize, u64)> {
    let inner = line.strip_suffix(b"}")?;
    let brace = memchr::memrchr(b'{', inner)?;
    let digits = inner.get(brace + 1..)?;
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    Some((brace, parse_number(digits)?))
}

/// Whether the literal after `before` in a FETCH row is a message or a part of one: it follows `BODY[…]`,
/// `BINARY[…]`, `RFC822` and their like. The rest (envelopes, labels) is small and stays in the row.
fn is_body(before: &[u8]) -> bool {
    let before = before.strip_suffix(b"~").unwrap_or(before).trim_ascii_end();
    let before = match before.strip_suffix(b">") {
        // `<origin>` of a partial fetch
        Some(partial) => {
            let digits = partial.iter().rev().take_while(|b| b.is_ascii_digit()).count();
            match partial.get(..partial.len() - digits).and_then(|text| text.strip_suffix(b"<")) {
                Some(section) => section,
                None => return false,
            }
        }
        None => before,
    };
    let word_before = |text: &[u8]| {
        text.rsplit(|b| matches!(b, b' ' | b'(')).next().unwrap_or_default().to_ascii_uppercase()
    };
    let Some(section) = before.strip_suffix(b"]") else {
        return matches!(word_before(before).as_slice(), b"RFC822" | b"RFC822.HEADER" | b"RFC822.TEXT");
    };
    let Some(open) = memchr::memrchr(b'[', section) else { return false };
    matches!(word_before(section.get(..open).unwrap_or_default()).as_slice(), b"BODY" | b"BINARY")
}

#[cfg(test)]
mod tests;
