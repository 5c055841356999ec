//! A cursor over one whole response, literals included.

use super::decoder::Literal;
use super::quirk::Quirk;
use std::borrow::Cow;

/// Where a part of a response could not be read. The caller keeps what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

pub(super) type Parsed<T> = Result<T, Malformed>;

/// What stands in a string's place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Text<'a> {
    Nil,
    Bytes(Cow<'a, [u8]>),
    /// The content was handed on as it came; only its length is known here.
    Streamed(u64),
}

pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    literals: &'a [Literal],
    /// Names and texts may be UTF-8.
    pub(super) utf8: bool,
    pub(super) quirks: &'a mut Vec<Quirk>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(
        bytes: &'a [u8],
        literals: &'a [Literal],
        utf8: bool,
        quirks: &'a mut Vec<Quirk>,
    ) -> Self {
        Self { bytes, at: 0, literals, utf8, quirks }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn is_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Where it stands, for [`Cursor::go_to`].
    pub(super) fn place(&self) -> usize {
        self.at
    }

    pub(super) fn go_to(&mut self, place: usize) {
        self.at = place;
    }

    /// Takes so many bytes.
    pub(super) fn advance(&mut self, length: usize) -> &'a [u8] {
        let taken = self.rest().get(..length).unwrap_or(self.rest());
        self.at += taken.len();
        taken
    }

    pub(super) fn note(&mut self, quirk: Quirk) {
        if !self.quirks.contains(&quirk) {
            self.quirks.push(quirk);
        }
    }

    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, byte: u8) -> Parsed<()> {
        if self.take(byte) { Ok(()) } else { Err(Malformed) }
    }

    /// One space; more are tolerated.
    pub(super) fn space(&mut self) -> Parsed<()> {
        self.expect(b' ')?;
        self.extra_spaces();
        Ok(())
    }

    /// What stands between two items of a list, and before its end; more or fewer spaces are tolerated.
    pub(super) fn separator(&mut self, first: bool) {
        let spaces = self.until(|b| b != b' ').len();
        let wanted = usize::from(!first && self.peek() != Some(b')'));
        if spaces > wanted {
            self.note(Quirk::ExtraSpace);
        } else if spaces < wanted && !self.is_end() {
            self.note(Quirk::MissingSpace);
        }
    }

    pub(super) fn extra_spaces(&mut self) {
        while self.take(b' ') {
            self.note(Quirk::ExtraSpace);
        }
    }

    /// Any number of spaces where the grammar itself is loose or the end is near.
    pub(super) fn extra_spaces_quietly(&mut self) {
        while self.take(b' ') {}
    }

    /// Bytes up to one that `stop` names. May be empty.
    pub(super) fn until(&mut self, stop: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|b| stop(*b)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// An atom: anything up to a space or a parenthesis. Wider than the grammar, because flags and
    /// keywords with odd characters are common.
    pub(super) fn atom(&mut self) -> Parsed<&'a [u8]> {
        let atom = self.until(|b| matches!(b, b' ' | b'(' | b')'));
        if atom.is_empty() { Err(Malformed) } else { Ok(atom) }
    }

    pub(super) fn number(&mut self) -> Parsed<u64> {
        let digits = self.until(|b| !b.is_ascii_digit());
        parse_number(digits).ok_or(Malformed)
    }

    /// `string / NIL` where the content may be quoted, a literal, or (tolerated) an atom.
    pub(super) fn text(&mut self) -> Parsed<Text<'a>> {
        match self.peek().ok_or(Malformed)? {
            b'"' => self.quoted().map(Text::Bytes),
            b'{' => self.literal(),
            b'~' if self.bytes.get(self.at + 1) == Some(&b'{') => {
                self.at += 1;
                self.literal()
            }
            _ => {
                let atom = self.atom()?;
                if atom.eq_ignore_ascii_case(b"NIL") {
                    Ok(Text::Nil)
                } else {
                    Ok(Text::Bytes(Cow::Borrowed(atom)))
                }
            }
        }
    }

    /// A string whose absence is an error and whose content is here.
    pub(super) fn string(&mut self) -> Parsed<Cow<'a, [u8]>> {
        match self.text()? {
            Text::Bytes(bytes) => Ok(bytes),
            Text::Nil => Ok(Cow::Borrowed(b"NIL")),
            Text::Streamed(_) => Err(Malformed),
        }
    }

    /// `"(" objectid ")"` (RFC 8474), or NIL; without its parentheses too.
    pub(super) fn object_id(&mut self) -> Parsed<Option<String>> {
        let open = self.take(b'(');
        let quoted = self.peek() == Some(b'"');
        let id = match self.text()? {
            Text::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            _ => None,
        };
        if open {
            self.expect(b')')?;
        }
        if quoted || (!open && id.is_some()) {
            self.note(Quirk::UnquotedId);
        }
        Ok(id)
    }

    fn quoted(&mut self) -> Parsed<Cow<'a, [u8]>> {
        self.expect(b'"')?;
        let plain = self.until(|b| matches!(b, b'"' | b'\\'));
        if self.take(b'"') {
            self.eight_bit(plain);
            return Ok(Cow::Borrowed(plain));
        }
        let mut owned = plain.to_vec();
        loop {
            match self.peek().ok_or(Malformed)? {
                b'"' => {
                    self.at += 1;
                    self.eight_bit(&owned);
                    return Ok(Cow::Owned(owned));
                }
                b'\\' => {
                    self.at += 1;
                    owned.push(self.peek().ok_or(Malformed)?);
                    self.at += 1;
                }
                _ => owned.extend_from_slice(self.until(|b| matches!(b, b'"' | b'\\'))),
            }
        }
    }

    fn eight_bit(&mut self, text: &[u8]) {
        if !self.utf8 && !text.is_ascii() {
            self.note(Quirk::RawEightBit);
        }
    }

    fn literal(&mut self) -> Parsed<Text<'a>> {
        let start = self.at;
        let index = self.literals.binary_search_by_key(&start, |l| l.at).map_err(|_| Malformed)?;
        let literal = self.literals.get(index).ok_or(Malformed)?;
        self.at = literal.content;
        if literal.streamed {
            return Ok(Text::Streamed(literal.length));
        }
        let length = usize::try_from(literal.length).map_err(|_| Malformed)?;
        let content = self.rest().get(..length).ok_or(Malformed)?;
        self.at += length;
        Ok(Text::Bytes(Cow::Borrowed(content)))
    }

    /// Skips one value of any shape: an atom, a string, or a balanced list. No recursion, so a server
    /// cannot choose the depth of our stack.
    pub(super) fn skip_value(&mut self) -> Parsed<()> {
        let mut depth = 0_u64;
        loop {
            match self.peek().ok_or(Malformed)? {
                b'(' => {
                    depth += 1;
                    self.at += 1;
                }
                b')' => {
                    depth = depth.checked_sub(1).ok_or(Malformed)?;
                    self.at += 1;
                }
                b' ' => {
                    self.at += 1;
                    if depth == 0 {
                        return Err(Malformed);
                    }
                }
                _ => {
                    self.text()?;
                }
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }
}

/// Decimal digits as a number; `None` when empty or above 2^64-1.
pub(super) fn parse_number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |n, b| {
        let digit = b.checked_sub(b'0').filter(|d| *d < 10)?;
        n.checked_mul(10)?.checked_add(u64::from(digit))
    })
}
