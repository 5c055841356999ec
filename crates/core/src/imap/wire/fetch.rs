//! FETCH rows (RFC 9051, section 7.5.2).

use super::cursor::{Cursor, Malformed, Parsed, Text};
use super::quirk::Quirk;
use super::response::lossy;
use crate::mail::{Flags, ModSeq, Uid};

/// One message's row: the items that were there and could be read. What could not is skipped and
/// `damaged` set; the rest of the row stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchRow {
    /// `UID`; `None` when the server left it out or sent 0.
    pub uid: Option<Uid>,
    /// `FLAGS`
    pub flags: Option<Flags>,
    /// `MODSEQ` (RFC 7162)
    pub mod_seq: Option<ModSeq>,
    /// `INTERNALDATE` as sent, `17-Jul-1996 02:44:25 -0700`.
    pub internal_date: Option<String>,
    /// `RFC822.SIZE` in octets
    pub size: Option<u64>,
    /// `EMAILID` (RFC 8474)
    pub email_id: Option<String>,
    /// `BODY[]`, `BINARY[]`, `RFC822` and their parts.
    pub body: Option<BodyContent>,
    /// Part of the row was not understood.
    pub damaged: bool,
}

/// The content of a body item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyContent {
    /// It came in chunks before this row; this many octets.
    Streamed(u64),
    /// It was short enough for a quoted string.
    Quoted(Vec<u8>),
    /// `NIL`: the server has no content for it.
    Nil,
}

/// Reads `"FETCH" SP msg-att` after the name. Fails only when there is no list at all.
pub(super) fn read(cursor: &mut Cursor<'_>, uid: Option<Uid>) -> Parsed<FetchRow> {
    cursor.space()?;
    cursor.expect(b'(')?;
    let mut row = FetchRow { uid, ..FetchRow::default() };
    loop {
        cursor.extra_spaces_quietly();
        if cursor.take(b')') {
            break;
        }
        if item(cursor, &mut row).is_err() {
            row.damaged = true;
            cursor.note(Quirk::DamagedRow);
            break;
        }
    }
    Ok(row)
}

fn item(cursor: &mut Cursor<'_>, row: &mut FetchRow) -> Parsed<()> {
    let name = cursor.until(|b| matches!(b, b' ' | b'[' | b'(' | b')')).to_ascii_uppercase();
    if name.is_empty() {
        return Err(Malformed);
    }
    let section = cursor.peek() == Some(b'[');
    if section {
        skip_section(cursor)?;
    }
    cursor.space()?;
    match name.as_slice() {
        b"UID" => row.uid = odd_number(cursor)?.and_then(|n| Uid::new(u32::try_from(n).ok()?)),
        b"FLAGS" => row.flags = Some(flag_list(cursor)?),
        b"MODSEQ" => {
            cursor.expect(b'(')?;
            row.mod_seq = odd_number(cursor)?.and_then(ModSeq::new);
            cursor.expect(b')')?;
        }
        b"INTERNALDATE" => row.internal_date = Some(lossy(&cursor.string()?)),
        b"RFC822.SIZE" => row.size = odd_number(cursor)?,
        b"EMAILID" => {
            cursor.expect(b'(')?;
            row.email_id = Some(lossy(cursor.atom()?));
            cursor.expect(b')')?;
        }
        b"BODY" | b"BINARY" if section => row.body = Some(body(cursor)?),
        b"RFC822" | b"RFC822.HEADER" | b"RFC822.TEXT" => row.body = Some(body(cursor)?),
        // ENVELOPE, BODYSTRUCTURE, X-GM-…, and what is yet to be invented: whole messages are fetched
        // and read here, so nothing asks for them.
        _ => cursor.skip_value()?,
    }
    Ok(())
}

fn body(cursor: &mut Cursor<'_>) -> Parsed<BodyContent> {
    Ok(match cursor.text()? {
        Text::Nil => BodyContent::Nil,
        Text::Bytes(bytes) => BodyContent::Quoted(bytes.into_owned()),
        Text::Streamed(length) => BodyContent::Streamed(length),
    })
}

/// `section = "[" [section-spec] "]" ["<" number ">"]`; a header name may be quoted.
fn skip_section(cursor: &mut Cursor<'_>) -> Parsed<()> {
    loop {
        cursor.until(|b| matches!(b, b']' | b'"'));
        if cursor.take(b']') {
            break;
        }
        if cursor.peek() != Some(b'"') {
            return Err(Malformed);
        }
        cursor.text()?;
    }
    if cursor.take(b'<') {
        cursor.until(|b| b == b'>');
        cursor.expect(b'>')?;
    }
    Ok(())
}

/// A number that servers are known to get wrong: negative, quoted, NIL, too large. `None` then.
fn odd_number(cursor: &mut Cursor<'_>) -> Parsed<Option<u64>> {
    let bytes = match cursor.text()? {
        Text::Bytes(bytes) => bytes,
        Text::Nil => return Ok(None),
        Text::Streamed(_) => return Err(Malformed),
    };
    let number = super::cursor::parse_number(&bytes);
    if number.is_none_or(|n| n == 0) {
        cursor.note(Quirk::Number);
    }
    Ok(number)
}

/// `flag-list = "(" [flag *(SP flag)] ")"`
pub(super) fn flag_list(cursor: &mut Cursor<'_>) -> Parsed<Flags> {
    let mut flags = Flags::new();
    each_word(cursor, |cursor, word| match std::str::from_utf8(word) {
        Ok(name) => flags.insert(name),
        Err(_) => {
            cursor.note(Quirk::RawEightBit);
            flags.insert(&lossy(word));
        }
    })?;
    Ok(flags)
}

/// A parenthesised list of atoms.
pub(super) fn word_list(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    let mut words = Vec::new();
    each_word(cursor, |_, word| words.push(lossy(word)))?;
    Ok(words)
}

fn each_word<'a>(cursor: &mut Cursor<'a>, mut take: impl FnMut(&mut Cursor<'a>, &'a [u8])) -> Parsed<()> {
    cursor.expect(b'(')?;
    loop {
        cursor.extra_spaces_quietly();
        if cursor.take(b')') {
            return Ok(());
        }
        let word = cursor.atom()?;
        take(cursor, word);
    }
}
