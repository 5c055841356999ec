//! Sets of numbers as servers write them (RFC 9051, section 9: `sequence-set`, `uid-set`).

use super::cursor::{Cursor, parse_number};
use super::quirk::Quirk;
use crate::mail::{Uid, UidSet};

/// Reads a set in which every member must be a number or a range. Ranges may run either way.
pub(super) fn strict(text: &[u8], quirks: &mut Cursor<'_>) -> Option<UidSet> {
    let mut ranges = Vec::new();
    for member in text.split(|b| *b == b',') {
        ranges.push(range(member, quirks, uid)?);
    }
    Some(collect(ranges))
}

/// Reads what can be read, for a response whose news are checked against the count of messages anyway.
pub(super) fn lenient(text: &[u8], quirks: &mut Cursor<'_>) -> UidSet {
    let mut ranges = Vec::new();
    let mut star = false;
    let mut member = |text: &[u8]| {
        if text == b"*" {
            star = true;
            return Some(Uid::MAX);
        }
        uid(text)
    };
    for text in text.split(|b| matches!(b, b',' | b' ')) {
        match range(text, quirks, &mut member) {
            Some(range) => ranges.push(range),
            None => quirks.note(Quirk::UidSet),
        }
    }
    if star {
        quirks.note(Quirk::StarInSet);
    }
    collect(ranges)
}

fn range(
    member: &[u8],
    quirks: &mut Cursor<'_>,
    mut number: impl FnMut(&[u8]) -> Option<Uid>,
) -> Option<(Uid, Uid)> {
    let mut ends = member.splitn(2, |b| *b == b':');
    let first = number(ends.next()?)?;
    let last = ends.next().map_or(Some(first), number)?;
    if last < first {
        quirks.note(Quirk::DescendingRange);
        return Some((last, first));
    }
    Some((first, last))
}

fn uid(digits: &[u8]) -> Option<Uid> {
    Uid::new(u32::try_from(parse_number(digits)?).ok()?)
}

/// Adding in ascending order is cheap; a server may write a million members in another.
fn collect(mut ranges: Vec<(Uid, Uid)>) -> UidSet {
    ranges.sort_unstable();
    let mut set = UidSet::new();
    for (low, high) in ranges {
        set.insert_range(low, high);
    }
    set
}
