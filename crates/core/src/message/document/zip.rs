//! Documents that are XML in a ZIP archive (PKWARE's APPNOTE.TXT, sections 4.3 to 4.5).

use super::markup::{self, Dialect};
use super::{Limits, utf8_or_latin};
use std::io::Read;

/// Parts of an archive that are looked at.
const MOST: usize = 2000;
/// The end of the central directory lies within so many octets of the end: its own 22 and a comment.
const TAIL: usize = 22 + 65_535;

/// A part of an archive.
struct Part<'a> {
    name: String,
    /// 0: stored, 8: deflated.
    method: usize,
    packed: &'a [u8],
}

/// The text of a word processor's, spreadsheet's or presentation's file (ECMA-376).
pub(super) fn office(bytes: &[u8], limits: &Limits) -> Option<String> {
    let mut parts = parts(bytes)?;
    parts.retain(|part| {
        let name = part.name.as_str();
        let numbered = |before: &str| {
            name.strip_prefix(before).is_some_and(|rest| {
                rest.strip_suffix(".xml").is_some_and(|n| n.bytes().all(|byte| byte.is_ascii_digit()))
            })
        };
        matches!(name, "word/document.xml" | "xl/sharedStrings.xml")
            || ["word/header", "word/footer", "word/footnotes", "word/endnotes", "word/comments"]
                .into_iter()
                .any(numbered)
            || ["xl/worksheets/sheet", "ppt/slides/slide", "ppt/notesSlides/notesSlide"]
                .into_iter()
                .any(numbered)
    });
    // The main text first, slides in their order.
    parts.sort_by_key(|part| (part.name != "word/document.xml", part.name.len(), part.name.clone()));
    join(&parts, Dialect::Office, limits)
}

/// The text of an OpenDocument file (ISO/IEC 26300-3, section 3). One that is encrypted has none.
pub(super) fn open_document(bytes: &[u8], limits: &Limits) -> Option<String> {
    let mut parts = parts(bytes)?;
    parts.retain(|part| part.name == "content.xml");
    join(&parts, Dialect::OpenDocument, limits)
}

fn join(parts: &[Part<'_>], dialect: Dialect, limits: &Limits) -> Option<String> {
    let mut left = limits.unpacked;
    let mut text = String::new();
    for part in parts {
        let Some(markup) = unpack(part, left) else { continue };
        left = left.saturating_sub(markup.len());
        markup::text(&utf8_or_latin(&markup), dialect, limits.text, &mut text);
        if left == 0 || text.len() >= limits.text {
            break;
        }
    }
    Some(text).filter(|_| !parts.is_empty())
}

/// Takes a part out, at most so many octets of it.
fn unpack(part: &Part<'_>, most: usize) -> Option<Vec<u8>> {
    match part.method {
        0 => Some(part.packed.get(..most).unwrap_or(part.packed).to_vec()),
        8 => Some(inflate(flate2::read::DeflateDecoder::new(part.packed), most)),
        _ => None,
    }
}

/// What comes out of compression, at most so many octets. What is damaged gives what comes before.
pub(super) fn inflate(mut packed: impl Read, most: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut buffer = [0; 8192];
    while out.len() < most {
        match packed.read(&mut buffer) {
            Ok(count) if count > 0 => {
                let room = count.min(most - out.len());
                out.extend_from_slice(buffer.get(..room).unwrap_or_default());
            }
            _ => break,
        }
    }
    out
}

/// The parts that the central directory names.
fn parts(bytes: &[u8]) -> Option<Vec<Part<'_>>> {
    let tail = bytes.len().saturating_sub(TAIL);
    let end = tail + memchr::memmem::rfind(bytes.get(tail..)?, b"PK\x05\x06")?;
    let mut at = usize::try_from(number(bytes, end + 16, 4)?).ok()?;
    let mut parts = Vec::new();
    while parts.len() < MOST && bytes.get(at..at.checked_add(4)?) == Some(b"PK\x01\x02") {
        let field = |offset: usize, octets: usize| {
            number(bytes, at.checked_add(offset)?, octets).and_then(|value| usize::try_from(value).ok())
        };
        let (name, extra, comment) = (field(28, 2)?, field(30, 2)?, field(32, 2)?);
        let encrypted = field(8, 2)? & 1 == 1;
        let size = field(20, 4)?;
        let local = field(42, 4)?;
        let method = field(10, 2)?;
        let spelled = bytes.get(at.checked_add(46)?..)?.get(..name)?;
        at += 46 + name + extra + comment;
        let Some(packed) = data(bytes, local, size).filter(|_| !encrypted) else { continue };
        parts.push(Part { name: String::from_utf8_lossy(spelled).into_owned(), method, packed });
    }
    Some(parts)
}

/// The octets of a part, behind its local header.
fn data(bytes: &[u8], local: usize, size: usize) -> Option<&[u8]> {
    let part = bytes.get(local..).filter(|part| part.starts_with(b"PK\x03\x04"))?;
    let name = usize::try_from(number(part, 26, 2)?).ok()?;
    let extra = usize::try_from(number(part, 28, 2)?).ok()?;
    part.get(30 + name + extra..)?.get(..size)
}

/// A number of so many octets, the lowest first.
fn number(bytes: &[u8], at: usize, octets: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(octets)?)?;
    Some(field.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}
