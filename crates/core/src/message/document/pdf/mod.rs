//! The text of a PDF (ISO 32000-1), as far as it has any: what its pages show in fonts whose characters are known.
//!
//! The file is searched for its objects; its tables of them, which are often wrong, are not needed. Of compressions
//! only Flate is known, which is what programs use for text. An encrypted file has no text here.

mod content;
mod font;
mod object;
mod place;
mod width;

use super::Limits;
use super::zip::inflate;
use font::Font;
use object::{Dictionary, Lexer, Object, is_space};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Objects of a file that are looked at.
const OBJECTS: usize = 300_000;
/// Pages of a file that are read.
const PAGES: usize = 10_000;
/// Codes that all fonts of a file have together.
const CODES: usize = 1 << 19;
/// How far a reference, or a page's parents, are followed.
const STEPS: usize = 32;

/// The text of a file.
pub(super) fn text(bytes: &[u8], limits: &Limits) -> Option<String> {
    let mut file = File::read(bytes, limits)?;
    let mut text = String::new();
    for number in file.pages() {
        let Some((Object::Dictionary(page), _)) = file.get(number) else { continue };
        content::page(&mut file, &page, limits.text, &mut text);
        if text.len() >= limits.text {
            break;
        }
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
    }
    Some(text)
}

/// Where an object begins.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// In the file.
    Plain(usize),
    /// In one of the streams of objects that are compressed together.
    Packed { stream: usize, at: usize },
}

/// The objects of a file.
struct File<'a> {
    bytes: &'a [u8],
    places: BTreeMap<u32, Place>,
    /// Streams of objects, compression taken off.
    streams: Vec<Vec<u8>>,
    /// Octets that may still come out of compression.
    left: usize,
    /// Octets of objects that may still be read or copied: a file may name the same ones again and again.
    work: Cell<usize>,
    fonts: BTreeMap<u32, Rc<Font>>,
    /// Codes of fonts that may still be kept.
    codes: usize,
}

impl<'a> File<'a> {
    fn read(bytes: &'a [u8], limits: &Limits) -> Option<Self> {
        if is_encrypted(bytes) {
            return None;
        }
        let mut file = Self {
            bytes,
            places: BTreeMap::new(),
            streams: Vec::new(),
            left: limits.unpacked,
            work: Cell::new(bytes.len().saturating_mul(4).saturating_add(limits.unpacked.saturating_mul(2))),
            fonts: BTreeMap::new(),
            codes: CODES,
        };
        for at in memchr::memmem::find_iter(bytes, b"obj") {
            // `12 0 obj`; `endobj` has no number before it. The last of a number counts: it was added later.
            if let Some(number) = numbered(bytes.get(..at)?)
                && file.places.len() < OBJECTS
            {
                file.places.insert(number, Place::Plain(at + 3));
            }
        }
        let numbers: Vec<u32> = file.places.keys().copied().collect();
        for number in numbers {
            file.unpack_objects(number);
        }
        Some(file)
    }

    /// Takes from what may still be done; false when that is over.
    fn pay(&self, cost: usize) -> bool {
        let left = self.work.get().saturating_sub(cost.max(64));
        self.work.set(left);
        left > 0
    }

    /// An object, and where in the file its stream may begin.
    fn get(&self, number: u32) -> Option<(Object, Option<usize>)> {
        let (bytes, at, plain) = match *self.places.get(&number)? {
            Place::Plain(at) => (self.bytes, at, true),
            Place::Packed { stream, at } => (self.streams.get(stream)?.as_slice(), at, false),
        };
        // Once before it is read, for one that has no end.
        if !self.pay(64) {
            return None;
        }
        let mut lexer = Lexer::new(bytes, at);
        let object = lexer.next();
        self.pay(lexer.at.saturating_sub(at));
        Some((object?, plain.then_some(lexer.at)))
    }

    /// The octets between `stream` and `endstream`.
    fn stream(&self, dictionary: &Dictionary, at: Option<usize>) -> Option<&'a [u8]> {
        let mut lexer = Lexer::new(self.bytes, at?);
        if lexer.next()? != Object::Word(b"stream".to_vec()) {
            return None;
        }
        let mut at = lexer.at;
        if self.bytes.get(at) == Some(&b'\r') {
            at += 1;
        }
        if self.bytes.get(at) == Some(&b'\n') {
            at += 1;
        }
        let rest = self.bytes.get(at..)?;
        let length = dictionary.get(&b"Length"[..]).and_then(Object::count);
        let proven = length.filter(|length| {
            let after = rest.get(*length..).unwrap_or_default();
            let space = after.iter().take(3).take_while(|byte| is_space(**byte)).count();
            after.get(space..).is_some_and(|after| after.starts_with(b"endstream"))
        });
        let end = proven.or_else(|| memchr::memmem::find(rest, b"endstream")).unwrap_or(rest.len());
        // What was searched costs too, whatever becomes of it.
        self.pay(end / 8);
        rest.get(..end)
    }

    /// What a stream holds, compression taken off.
    fn unpack(&mut self, dictionary: &Dictionary, stream: &[u8]) -> Option<Vec<u8>> {
        if self.left == 0 {
            return None;
        }
        let filters = match self.resolve(dictionary.get(&b"Filter"[..])) {
            None => Vec::new(),
            Some(Object::Array(filters)) => filters,
            Some(filter) => vec![filter],
        };
        let mut bytes = stream.get(..self.left).unwrap_or(stream).to_vec();
        for filter in filters.iter().take(4) {
            bytes = match filter.name()? {
                b"FlateDecode" | b"Fl" => inflate(flate2::read::ZlibDecoder::new(&bytes[..]), self.left),
                b"ASCIIHexDecode" | b"AHx" => bytes
                    .split(|byte| *byte == b'>')
                    .next()?
                    .iter()
                    .filter_map(|byte| char::from(*byte).to_digit(16))
                    .collect::<Vec<u32>>()
                    .chunks(2)
                    .filter_map(|pair| u8::try_from(pair.first()? << 4 | pair.get(1).unwrap_or(&0)).ok())
                    .collect(),
                b"ASCII85Decode" | b"A85" => ascii_85(&bytes, self.left),
                _ => return None,
            };
            self.left = self.left.saturating_sub(bytes.len());
        }
        // What is read costs as well, also when nothing comes out.
        self.left = self.left.saturating_sub((stream.len() / 16).max(64));
        Some(bytes)
    }

    /// The content of the stream that this refers to.
    fn content(&mut self, object: &Object) -> Option<(Dictionary, Vec<u8>)> {
        let Object::Reference(number) = object else { return None };
        let (object, after) = self.get(*number)?;
        let dictionary = object.dictionary()?.clone();
        let stream = self.stream(&dictionary, after)?;
        let bytes = self.unpack(&dictionary, stream)?;
        Some((dictionary, bytes))
    }

    /// The object, or the one that it refers to.
    fn resolve(&self, object: Option<&Object>) -> Option<Object> {
        let mut object = match object? {
            Object::Reference(number) => self.get(*number)?.0,
            other if self.pay(other.weight()) => return Some(other.clone()),
            _ => return None,
        };
        for _ in 0..STEPS {
            let Object::Reference(number) = object else { return Some(object) };
            object = self.get(number)?.0;
        }
        None
    }

    fn member(&self, dictionary: &Dictionary, name: &[u8]) -> Option<Object> {
        self.resolve(dictionary.get(name))
    }

    /// What is called so in a page's resources of a kind (section 7.8.3).
    fn resource(&self, resources: &Dictionary, kind: &[u8], name: &[u8]) -> Option<Object> {
        match resources.get(kind)? {
            Object::Dictionary(members) => members.get(name).cloned(),
            other => self.resolve(Some(other))?.dictionary()?.get(name).cloned(),
        }
    }

    /// Finds the objects that are compressed together in this one (section 7.5.7).
    fn unpack_objects(&mut self, number: u32) {
        let Some((Object::Dictionary(dictionary), after)) = self.get(number) else { return };
        if dictionary.get(&b"Type"[..]).and_then(Object::name) != Some(b"ObjStm") {
            return;
        }
        let count = |name: &[u8]| self.member(&dictionary, name).and_then(|object| object.count());
        let (Some(many), Some(first)) = (count(b"N"), count(b"First")) else { return };
        let Some(stream) = self.stream(&dictionary, after) else { return };
        let Some(bytes) = self.unpack(&dictionary, stream) else { return };
        let mut head = Lexer::new(&bytes, 0);
        for _ in 0..many {
            let mut next = || head.next().and_then(|object| object.count());
            let (Some(number), Some(at)) = (next(), next()) else { break };
            let Ok(number) = u32::try_from(number) else { continue };
            if self.places.len() >= OBJECTS {
                break;
            }
            // One that stands in the file itself was put there later, or nobody knows.
            if !matches!(self.places.get(&number), Some(Place::Plain(_))) {
                let at = first.saturating_add(at);
                self.places.insert(number, Place::Packed { stream: self.streams.len(), at });
            }
        }
        self.streams.push(bytes);
    }

    /// The pages, in their order where the tree of them tells (section 7.7.3), then those that are in none.
    fn pages(&self) -> Vec<u32> {
        let (mut leaves, mut nodes, mut roots) = (BTreeSet::new(), BTreeMap::new(), Vec::new());
        for number in self.places.keys().copied() {
            let Some((Object::Dictionary(dictionary), _)) = self.get(number) else { continue };
            match dictionary.get(&b"Type"[..]).and_then(Object::name) {
                Some(b"Page") => drop(leaves.insert(number)),
                Some(b"Pages") => {
                    let kids = match self.member(&dictionary, b"Kids") {
                        Some(Object::Array(kids)) => kids,
                        _ => Vec::new(),
                    };
                    let kids = kids.iter().filter_map(|kid| match kid {
                        Object::Reference(number) => Some(*number),
                        _ => None,
                    });
                    nodes.insert(number, kids.collect::<Vec<u32>>());
                    if !dictionary.contains_key(&b"Parent"[..]) {
                        roots.push(number);
                    }
                }
                _ => {}
            }
        }
        let mut ahead: Vec<u32> = roots.into_iter().rev().collect();
        let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
        while let Some(number) = ahead.pop() {
            if !seen.insert(number) {
                continue;
            }
            if leaves.contains(&number) {
                order.push(number);
            } else if let Some(kids) = nodes.get(&number) {
                ahead.extend(kids.iter().rev());
            }
        }
        order.extend(leaves.difference(&seen));
        order.truncate(PAGES);
        order
    }

    /// What a page has, or one of its parents for it (section 7.7.3.4).
    fn inherited(&self, page: &Dictionary, name: &[u8]) -> Option<Object> {
        let mut page = page.clone();
        for _ in 0..STEPS {
            if let Some(found) = self.member(&page, name) {
                return Some(found);
            }
            page = self.member(&page, b"Parent")?.dictionary()?.clone();
        }
        None
    }
}

/// The object's number, when `12 0` stands at the end.
fn numbered(before: &[u8]) -> Option<u32> {
    let before = before.get(before.len().saturating_sub(24)..)?;
    let digits = |bytes: &[u8]| bytes.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let spaces = |bytes: &[u8]| bytes.iter().rev().take_while(|byte| is_space(**byte)).count();
    let mut end = before.len().checked_sub(spaces(before))?;
    let generation = digits(before.get(..end)?);
    end = end.checked_sub(generation)?;
    let gap = spaces(before.get(..end)?);
    end = end.checked_sub(gap)?;
    let number = digits(before.get(..end)?);
    if generation == 0 || gap == 0 || number == 0 {
        return None;
    }
    let spelled = before.get(end - number..end)?;
    std::str::from_utf8(spelled).ok()?.parse().ok()
}

/// Whether a trailer says how the file is encrypted (section 7.6).
fn is_encrypted(bytes: &[u8]) -> bool {
    memchr::memmem::find_iter(bytes, b"/Encrypt").any(|at| {
        // No more of it: a comment may be as long as the file.
        let after = bytes.get(at + 8..).unwrap_or_default();
        let after = after.get(..64).unwrap_or(after);
        let space = after.iter().take(8).take_while(|byte| is_space(**byte)).count();
        match after.get(space..) {
            Some([b'<', b'<', ..]) => true,
            Some([b'0'..=b'9', ..]) if space > 0 => {
                matches!(Lexer::new(after, space).next(), Some(Object::Reference(_)))
            }
            _ => false,
        }
    })
}

/// Section 7.4.3.
fn ascii_85(bytes: &[u8], most: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut group: Vec<u32> = Vec::new();
    let flush = |group: &mut Vec<u32>, out: &mut Vec<u8>| {
        let digits = group.len();
        group.resize(5, 84);
        let value = group.drain(..).fold(0_u32, |value, digit| value.wrapping_mul(85).wrapping_add(digit));
        out.extend(value.to_be_bytes().iter().take(digits.saturating_sub(1)));
    };
    for byte in bytes {
        match byte {
            b'z' if group.is_empty() => out.extend([0; 4]),
            b'!'..=b'u' => group.push(u32::from(byte - b'!')),
            b'~' => break,
            _ => {}
        }
        if group.len() == 5 {
            flush(&mut group, &mut out);
        }
        if out.len() >= most {
            return out;
        }
    }
    if group.len() > 1 {
        flush(&mut group, &mut out);
    }
    out
}
