//! The server's replies (RFC 5321, section 4.2), read tolerantly.

use std::fmt;

/// The longest line taken, in bytes. RFC 5321, section 4.5.3.1.5 allows 512; servers send more.
pub const MAX_LINE: usize = 8 * 1024;
/// The longest reply taken over all its lines, in bytes.
pub const MAX_REPLY: usize = 64 * 1024;

/// One reply: a code, perhaps an enhanced status code (RFC 3463), and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The code, 200 to 599. Where lines of one reply differ, the last one counts.
    pub code: u16,
    /// The enhanced status code (RFC 2034) at the start of the text: class, subject, detail. The
    /// class is the server's own; some send one that does not fit the code, which alone decides.
    pub enhanced: Option<(u8, u16, u16)>,
    /// The text of each line after code and separator, verbatim; never empty.
    pub lines: Vec<String>,
}

impl Reply {
    /// 2yz: done.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.code / 100 == 2
    }

    /// 4yz: not now.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.code / 100 == 4
    }

    /// 5yz: never like this.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// The reply on one line: the code once, the enhanced code once, then the text of all lines.
    #[must_use]
    pub fn one_line(&self) -> String {
        let mut text = self.code.to_string();
        for (at, line) in self.lines.iter().enumerate() {
            let line = match read_enhanced(line) {
                Some((_, rest)) if at > 0 => rest,
                _ => line,
            };
            let line = line.trim();
            if !line.is_empty() {
                text.push(' ');
                text.push_str(line);
            }
        }
        text
    }
}

impl fmt::Display for Reply {
    /// The reply as it was sent, its lines parted by a line feed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.lines.len().saturating_sub(1);
        for (at, line) in self.lines.iter().enumerate() {
            let (separator, end) = if at == last { (" ", "") } else { ("-", "\n") };
            let separator = if line.is_empty() && at == last { "" } else { separator };
            write!(f, "{}{separator}{line}{end}", self.code)?;
        }
        Ok(())
    }
}

/// Why bytes are no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A line that does not begin with a code. The line is escaped, and cut at 200 characters.
    #[error("the server sent what is no SMTP reply: {0}")]
    Garbage(String),
    /// A line longer than [`MAX_LINE`] bytes.
    #[error("the server sent a line of more than {MAX_LINE} bytes")]
    LineTooLong,
    /// A reply longer than [`MAX_REPLY`] bytes.
    #[error("the server sent a reply of more than {MAX_REPLY} bytes")]
    ReplyTooLong,
}

/// Reads replies from bytes that arrive in pieces of any size. The result never depends on the pieces.
///
/// Tolerated: lines ended by a bare LF, a code without text, a tab after the code, text that is not
/// UTF-8 (read as Latin-1), lines of one reply with different codes. After an error nothing more is read.
#[derive(Debug, Default)]
pub struct ReplyParser {
    buffer: Vec<u8>,
    /// Where unread bytes begin.
    start: usize,
    /// Up to where no line feed was found.
    scanned: usize,
    lines: Vec<String>,
    size: usize,
}

impl ReplyParser {
    /// Takes bytes of the server.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.scanned -= self.start;
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole reply, `None` when more bytes are needed.
    ///
    /// # Errors
    /// [`ReplyError`]; the connection is of no more use.
    pub fn next_reply(&mut self) -> Result<Option<Reply>, ReplyError> {
        while let Some(line) = self.next_line()? {
            self.size += line.len();
            if self.size > MAX_REPLY {
                return Err(ReplyError::ReplyTooLong);
            }
            let (code, is_last, text) = read_line(&line).ok_or_else(|| ReplyError::Garbage(escape(&line)))?;
            self.lines.push(text);
            if is_last {
                self.size = 0;
                let lines = std::mem::take(&mut self.lines);
                let enhanced = lines.iter().find_map(|l| read_enhanced(l)).map(|(code, _)| code);
                return Ok(Some(Reply { code, enhanced, lines }));
            }
        }
        Ok(None)
    }

    /// Whether bytes were pushed that no reply has used.
    #[must_use]
    pub fn has_leftover(&self) -> bool {
        self.start < self.buffer.len() || !self.lines.is_empty()
    }

    /// What an unfinished reply holds so far, escaped: what to show when the connection ends here.
    #[must_use]
    pub fn leftover(&self) -> String {
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        let begun = self.lines.last().map_or("", String::as_str);
        if rest.is_empty() { escape(begun.as_bytes()) } else { escape(rest) }
    }

    fn next_line(&mut self) -> Result<Option<Vec<u8>>, ReplyError> {
        let unread = self.buffer.get(self.scanned..).unwrap_or_default();
        let Some(found) = memchr::memchr(b'\n', unread) else {
            self.scanned = self.buffer.len();
            let too_long = self.scanned - self.start > MAX_LINE;
            return if too_long { Err(ReplyError::LineTooLong) } else { Ok(None) };
        };
        let end = self.scanned + found;
        let line = self.buffer.get(self.start..end).unwrap_or_default();
        if line.len() > MAX_LINE {
            return Err(ReplyError::LineTooLong);
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
        self.start = end + 1;
        self.scanned = self.start;
        Ok(Some(line))
    }
}

/// `Reply-code ("-" / SP) [textstring]`: code, whether it is the last line, text.
fn read_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let (code, rest) = line.split_at_checked(3)?;
    if !code.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code: u16 = str::from_utf8(code).ok()?.parse().ok()?;
    if !(200..600).contains(&code) {
        return None;
    }
    let (is_last, text) = match rest.split_first() {
        None => (true, rest),
        Some((b' ' | b'\t', text)) => (true, text),
        Some((b'-', text)) => (false, text),
        Some(_) => return None,
    };
    let text = match str::from_utf8(text) {
        Ok(text) => text.to_owned(),
        Err(_) => text.iter().copied().map(char::from).collect(),
    };
    Some((code, is_last, text))
}

/// RFC 2034, section 4: `class "." subject "." detail` at the start of a text, and what follows it.
fn read_enhanced(text: &str) -> Option<((u8, u16, u16), &str)> {
    let text = text.trim_start();
    let end = text.find([' ', '\t']).unwrap_or(text.len());
    let (code, rest) = text.split_at_checked(end)?;
    let mut parts = code.split('.');
    let mut part = |longest: usize| {
        let digits = parts.next()?;
        let fits = (1..=longest).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| digits.parse::<u16>().ok()).flatten()
    };
    let (class, subject, detail) = (part(1)?, part(3)?, part(3)?);
    let class = u8::try_from(class).ok()?;
    (parts.next().is_none() && matches!(class, 2 | 4 | 5)).then_some(((class, subject, detail), rest))
}

fn escape(line: &[u8]) -> String {
    line.escape_ascii().map(char::from).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_all(pieces: &[&[u8]]) -> (Vec<Reply>, Option<ReplyError>) {
        let mut parser = ReplyParser::default();
        let mut replies = Vec::new();
        for piece in pieces {
            parser.push(piece);
            loop {
                match parser.next_reply() {
                    Ok(Some(reply)) => replies.push(reply),
                    Ok(None) => break,
                    Err(error) => return (replies, Some(error)),
                }
            }
        }
        (replies, None)
    }

    fn read_one(bytes: &[u8]) -> Reply {
        let (replies, error) = read_all(&[bytes]);
        assert_eq!(error, None);
        assert_eq!(replies.len(), 1);
        replies.into_iter().next().unwrap()
    }

    #[test]
    fn a_reply_of_many_lines_is_one_reply() {
        let reply = read_one(b"535-5.7.8 Not accepted. See\r\n535 5.7.8  https://example.org/help x1\r\n");
        assert_eq!((reply.code, reply.enhanced), (535, Some((5, 7, 8))));
        assert_eq!(reply.one_line(), "535 5.7.8 Not accepted. See https://example.org/help x1");
        assert_eq!(reply.to_string(), "535-5.7.8 Not accepted. See\n535 5.7.8  https://example.org/help x1");
        assert!(reply.is_permanent() && !reply.is_transient() && !reply.is_success());
    }

    #[test]
    fn odd_but_clear_replies_are_read() {
        assert_eq!(read_one(b"250\r\n").lines, [""]);
        assert_eq!(read_one(b"250 ok\n").lines, ["ok"]);
        assert_eq!(read_one(b"354\tgo\r\n").code, 354);
        assert_eq!(read_one(b"250-a\r\n251 b\r\n").code, 251);
        assert_eq!(read_one(b"550 gr\xfc\xdfe\r\n").lines, ["grüße"]);
        assert_eq!(read_one(b"250 ok\r\n").to_string(), "250 ok");
    }

    #[test]
    fn what_only_looks_like_an_enhanced_code_is_text() {
        assert_eq!(read_one(b"550 5.7.1.2 x\r\n").enhanced, None);
        assert_eq!(read_one(b"550 5.7 x\r\n").enhanced, None);
        assert_eq!(read_one(b"554 4.4.7 expired\r\n").enhanced, Some((4, 4, 7)));
        assert_eq!(read_one(b"550 5.7.606 banned\r\n").enhanced, Some((5, 7, 606)));
    }

    #[test]
    fn garbage_is_shown_escaped() {
        for bytes in
            [&b"SSH-2.0-x\x1b[2J\r\n"[..], b"\x15\x03\x01\0\x02\x02\x0a", b"199 x\r\n", b"250_x\r\n", b"\r\n"]
        {
            let (_, error) = read_all(&[bytes]);
            let Some(ReplyError::Garbage(line)) = error else { panic!("{error:?}") };
            assert!(line.chars().all(|c| (' '..='~').contains(&c)), "{line}");
        }
    }

    #[test]
    fn endless_lines_and_endless_replies_end() {
        assert_eq!(read_all(&[&[b'2'; MAX_LINE + 2]]).1, Some(ReplyError::LineTooLong));
        let line = [b"250-".as_slice(), &[b'x'; 1000], b"\r\n"].concat();
        assert_eq!(read_all(&[&line.repeat(70)]).1, Some(ReplyError::ReplyTooLong));
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            lines in proptest::collection::vec("(2|4|5)[0-9]{2}( |-|\t|x)[ -~]{0,20}(\r\n|\n)|[ -~]{0,6}\n", 0..8),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let bytes = lines.concat().into_bytes();
            let mut at: Vec<_> = cuts.iter().map(|c| c.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            prop_assert_eq!(read_all(&pieces), read_all(&[&bytes]));
        }
    }
}
