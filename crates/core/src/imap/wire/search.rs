//! Answers to SEARCH (RFC 9051, sections 7.3.3 and 7.3.4; RFC 4731; RFC 9394).

use super::cursor::{Cursor, Malformed, Parsed, parse_number};
use super::quirk::Quirk;
use super::response::lossy;
use super::uids;
use crate::mail::{ModSeq, UidSet};

/// An ESEARCH result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ESearch {
    /// The tag of the command it answers; empty when the server names none.
    pub tag: String,
    /// The numbers are UIDs.
    pub uid: bool,
    /// `ALL`; empty when nothing matched.
    pub all: UidSet,
    /// `COUNT`
    pub count: Option<u32>,
    /// `MIN`: the lowest match.
    pub min: Option<u32>,
    /// `MAX`: the highest match.
    pub max: Option<u32>,
    /// `MODSEQ` (RFC 7162): the highest of the matches.
    pub mod_seq: Option<ModSeq>,
    /// `PARTIAL` (RFC 9394)
    pub partial: Option<Partial>,
}

/// A window of a result (RFC 9394, section 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partial {
    /// The window that was asked for: from 1 upwards, or from -1 downwards for the last matches.
    pub window: (i64, i64),
    /// The matches in it; empty when the result has none there.
    pub found: UidSet,
}

/// `"SEARCH" *(SP nz-number) [SP "(MODSEQ" SP mod-sequence-value ")"]`
pub(super) fn search(cursor: &mut Cursor<'_>) -> Vec<u32> {
    let mut numbers = Vec::new();
    for word in cursor.rest().split(|b| *b == b' ') {
        // `(MODSEQ n)` (RFC 7162, section 3.1.5) ends the list.
        if word.starts_with(b"(") {
            break;
        }
        match parse_number(word).and_then(|n| u32::try_from(n).ok()) {
            Some(0) => cursor.note(Quirk::Number),
            Some(number) => numbers.push(number),
            None if word.is_empty() => {}
            None => cursor.note(Quirk::Number),
        }
    }
    numbers
}

/// `"ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data)`
///
/// A set that cannot be read fails the whole: a list with holes would look like messages that are gone.
pub(super) fn esearch(cursor: &mut Cursor<'_>) -> Parsed<ESearch> {
    let mut result = ESearch::default();
    loop {
        cursor.extra_spaces_quietly();
        if cursor.is_end() {
            return Ok(result);
        }
        if cursor.take(b'(') {
            correlator(cursor, &mut result)?;
            continue;
        }
        let name = cursor.atom()?.to_ascii_uppercase();
        if name == b"UID" {
            result.uid = true;
            continue;
        }
        cursor.extra_spaces_quietly();
        // iCloud names MIN and MAX and gives no value unless ALL is asked for too.
        if cursor.is_end() {
            cursor.note(Quirk::MissingValue);
            return Ok(result);
        }
        match name.as_slice() {
            b"ALL" => {
                let set = cursor.atom()?;
                result.all = uids::strict(set, cursor).ok_or(Malformed)?;
            }
            b"COUNT" => result.count = u32::try_from(cursor.number()?).ok(),
            b"MIN" => result.min = u32::try_from(cursor.number()?).ok(),
            b"MAX" => result.max = u32::try_from(cursor.number()?).ok(),
            b"MODSEQ" => result.mod_seq = ModSeq::new(cursor.number()?),
            b"PARTIAL" => result.partial = Some(partial(cursor)?),
            _ => cursor.skip_value()?,
        }
    }
}

/// `search-correlator = SP "(" "TAG" SP tag-string *(SP item SP value) ")"` (RFC 7377 adds items).
fn correlator(cursor: &mut Cursor<'_>, result: &mut ESearch) -> Parsed<()> {
    loop {
        cursor.extra_spaces_quietly();
        if cursor.take(b')') {
            return Ok(());
        }
        let item = cursor.atom()?;
        cursor.space()?;
        if item.eq_ignore_ascii_case(b"TAG") {
            result.tag = lossy(&cursor.string()?);
        } else {
            cursor.skip_value()?;
        }
    }
}

/// `ret-data-partial = "PARTIAL" SP "(" partial-range SP partial-results ")"`
fn partial(cursor: &mut Cursor<'_>) -> Parsed<Partial> {
    cursor.expect(b'(')?;
    let range = cursor.atom()?;
    let mut ends = range.splitn(2, |b| *b == b':').map(signed);
    let window = match (ends.next(), ends.next()) {
        (Some(Some(first)), Some(Some(last))) => (first, last),
        _ => return Err(Malformed),
    };
    cursor.space()?;
    let set = cursor.atom()?;
    let found = if set.eq_ignore_ascii_case(b"NIL") {
        UidSet::new()
    } else {
        uids::strict(set, cursor).ok_or(Malformed)?
    };
    cursor.expect(b')')?;
    Ok(Partial { window, found })
}

fn signed(text: &[u8]) -> Option<i64> {
    let (negative, digits) = text.strip_prefix(b"-").map_or((false, text), |digits| (true, digits));
    let number = i64::try_from(parse_number(digits)?).ok()?;
    Some(if negative { -number } else { number })
}
