//! The objects of a PDF (ISO 32000-1, section 7.3), read from any octets.

use std::collections::BTreeMap;

/// The deepest arrays and dictionaries that are followed.
const DEPTH: u32 = 32;
/// The most objects within one, however deep. One of two octets may take some hundred octets of memory.
const PARTS: usize = 100_000;
/// The most octets of one text.
const OCTETS: usize = 100_000;

/// An object, or an operator of a content stream.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Object {
    Number(f64),
    Name(Vec<u8>),
    Text(Vec<u8>),
    Array(Vec<Object>),
    Dictionary(Dictionary),
    /// `12 0 R`
    Reference(u32),
    /// Anything else that stands by itself.
    Word(Vec<u8>),
}

pub(super) type Dictionary = BTreeMap<Vec<u8>, Object>;

impl Object {
    pub(super) fn dictionary(&self) -> Option<&Dictionary> {
        if let Self::Dictionary(dictionary) = self { Some(dictionary) } else { None }
    }

    pub(super) fn name(&self) -> Option<&[u8]> {
        if let Self::Name(name) = self { Some(name) } else { None }
    }

    pub(super) fn number(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    /// How much it is to copy, in objects and octets.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Number(_) | Self::Reference(_) => 8,
            Self::Name(text) | Self::Text(text) | Self::Word(text) => 8 + text.len(),
            Self::Array(members) => 8 + members.iter().map(Self::weight).sum::<usize>(),
            Self::Dictionary(members) => {
                8 + members.iter().map(|(name, value)| name.len() + value.weight()).sum::<usize>()
            }
        }
    }

    /// A number that counts something.
    pub(super) fn count(&self) -> Option<usize> {
        let number = self.number().filter(|number| (0.0..1e9).contains(number))?;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 1e9")]
        Some(number as usize)
    }
}

/// Reads objects one after the other.
#[derive(Clone)]
pub(super) struct Lexer<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    /// So many objects may still be part of the one that is read.
    room: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, room: PARTS }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Passes over white space and comments.
    fn skip(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'%' => {
                    let rest = self.bytes.get(self.at..).unwrap_or_default();
                    self.at += memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                }
                byte if is_space(byte) => self.at += 1,
                _ => return,
            }
        }
    }

    /// The next object; `None` at the end, and when it has too many parts.
    pub(super) fn next(&mut self) -> Option<Object> {
        self.room = PARTS;
        self.object(0)
    }

    /// The next object, which together with those since the last [`Lexer::next`] has not too many parts.
    pub(super) fn more(&mut self) -> Option<Object> {
        self.object(0)
    }

    fn object(&mut self, depth: u32) -> Option<Object> {
        self.room = self.room.checked_sub(1)?;
        self.skip();
        let byte = self.peek()?;
        let two = self.bytes.get(self.at..self.at + 2);
        match byte {
            b'/' => {
                self.at += 1;
                Some(Object::Name(self.name()))
            }
            b'(' => {
                self.at += 1;
                Some(Object::Text(self.literal()))
            }
            b'<' if two == Some(b"<<") => {
                self.at += 2;
                Some(Object::Dictionary(self.dictionary(depth + 1)))
            }
            b'<' => {
                self.at += 1;
                Some(Object::Text(self.hexadecimal()))
            }
            b'[' => {
                self.at += 1;
                Some(Object::Array(self.array(depth + 1)))
            }
            b'>' if two == Some(b">>") => {
                self.at += 2;
                Some(Object::Word(b">>".to_vec()))
            }
            b']' | b'{' | b'}' | b')' | b'>' => {
                self.at += 1;
                Some(Object::Word(vec![byte]))
            }
            _ => Some(self.word()),
        }
    }

    /// A number, a reference or a word.
    fn word(&mut self) -> Object {
        let word = self.plain();
        let Some(number) = number(word) else { return Object::Word(word.to_vec()) };
        let is_whole = word.iter().all(u8::is_ascii_digit) && word.len() <= 9;
        if is_whole {
            // `12 0 R`
            let mut ahead = self.clone();
            ahead.skip();
            let generation = ahead.plain();
            if !generation.is_empty() && generation.len() <= 5 && generation.iter().all(u8::is_ascii_digit) {
                ahead.skip();
                if ahead.plain() == b"R" {
                    self.at = ahead.at;
                    let number = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
                    return Object::Reference(number.unwrap_or(0));
                }
            }
        }
        Object::Number(number)
    }

    /// Octets up to the next that separates; one at least.
    fn plain(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|byte| is_space(*byte) || is_delimiter(*byte)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn name(&mut self) -> Vec<u8> {
        let word = self.plain().to_vec();
        let mut name = Vec::with_capacity(word.len());
        let mut at = 0;
        while let Some(byte) = word.get(at) {
            let escaped = word.get(at + 1..at + 3).filter(|_| *byte == b'#');
            match escaped.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()) {
                Some(value) => {
                    name.push(value);
                    at += 3;
                }
                None => {
                    name.push(*byte);
                    at += 1;
                }
            }
        }
        name
    }

    fn literal(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        let mut open = 1_u32;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'(' => open += 1,
                b')' => open -= 1,
                b'\\' => {
                    self.escape(&mut text);
                    continue;
                }
                _ => {}
            }
            if open == 0 || text.len() >= OCTETS {
                break;
            }
            text.push(byte);
        }
        text
    }

    fn escape(&mut self, text: &mut Vec<u8>) {
        let Some(byte) = self.peek() else { return };
        self.at += 1;
        match byte {
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'b' | b'f' => {}
            b'\n' => {}
            b'\r' => self.at += usize::from(self.peek() == Some(b'\n')),
            b'0'..=b'7' => {
                let mut value = u32::from(byte - b'0');
                for _ in 0..2 {
                    let Some(digit @ b'0'..=b'7') = self.peek() else { break };
                    self.at += 1;
                    value = value * 8 + u32::from(digit - b'0');
                }
                text.push(u8::try_from(value & 0xff).unwrap_or(0));
            }
            other => text.push(other),
        }
    }

    fn hexadecimal(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        let mut high = None;
        while let Some(byte) = self.peek() {
            self.at += 1;
            let Some(digit) = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()) else {
                if byte == b'>' || text.len() >= OCTETS {
                    break;
                }
                continue;
            };
            match high.take() {
                None => high = Some(digit),
                Some(high) => text.push(high << 4 | digit),
            }
        }
        text.extend(high.map(|high| high << 4));
        text
    }

    fn array(&mut self, depth: u32) -> Vec<Object> {
        let mut members = Vec::new();
        if depth > DEPTH {
            return members;
        }
        loop {
            match self.object(depth) {
                None => break,
                Some(Object::Word(word)) if word == b"]" => break,
                Some(Object::Word(word)) if word == b"endobj" || word == b">>" => break,
                Some(object) => members.push(object),
            }
        }
        members
    }

    fn dictionary(&mut self, depth: u32) -> Dictionary {
        let mut members = Dictionary::new();
        if depth > DEPTH {
            return members;
        }
        loop {
            match self.object(depth) {
                Some(Object::Name(name)) => match self.object(depth) {
                    Some(Object::Word(word)) if word == b">>" => break,
                    Some(value) => drop(members.insert(name, value)),
                    None => break,
                },
                Some(Object::Word(word)) if word == b">>" || word == b"endobj" || word == b"stream" => break,
                Some(_) => {}
                None => break,
            }
        }
        members
    }
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b'\0' | b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

fn number(word: &[u8]) -> Option<f64> {
    let plain = word.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.'));
    std::str::from_utf8(word).ok().filter(|word| plain && !word.is_empty())?.parse().ok()
}
