//! How wide a font's glyphs are (ISO 32000-1, sections 9.7.4.3 and 9.6.2): where one text ends and the next begins
//! tells whether there is a space between them.

use super::object::{Dictionary, Object};

/// The most ranges of a font.
const RANGES: usize = 20_000;

/// The widths of codes, in parts of the font's size.
#[derive(Clone, Debug, Default)]
pub(super) struct Widths {
    /// First code, last code, width; by the first code.
    ranges: Vec<(u32, u32, f64)>,
    /// Of all others, where the font tells.
    other: Option<f64>,
}

impl Widths {
    /// Of a font with one octet for each code: its Widths, which begin with the code FirstChar. `unit` is what one of
    /// them is in parts of the font's size.
    pub(super) fn simple(widths: &Object, first: usize, unit: f64) -> Self {
        let Object::Array(widths) = widths else { return Self::default() };
        let first = u32::try_from(first).unwrap_or(0);
        let ranges = (first..=255).zip(widths).map(|(code, width)| (code, code, wide(width, unit)));
        Self { ranges: ranges.collect(), other: None }
    }

    /// Of a font with two: DW and W of what it is made of, in thousandths.
    pub(super) fn composite(font: &Dictionary, widths: Option<&Object>) -> Self {
        let other = font.get(&b"DW"[..]).map_or(1.0, |width| wide(width, 0.001));
        let mut ranges = Vec::new();
        let members = match widths {
            Some(Object::Array(members)) => members.as_slice(),
            _ => &[],
        };
        let mut members = members.iter();
        while let (Some(first), Some(next)) = (members.next().and_then(code), members.next()) {
            match next {
                Object::Array(widths) => {
                    let widths = (first..=0xffff).zip(widths);
                    ranges.extend(widths.map(|(code, width)| (code, code, wide(width, 0.001))));
                }
                last => {
                    let (Some(last), Some(width)) = (code(last), members.next()) else { break };
                    ranges.push((first, last, wide(width, 0.001)));
                }
            }
            if ranges.len() > RANGES {
                break;
            }
        }
        ranges.truncate(RANGES);
        ranges.sort_by_key(|(first, ..)| *first);
        Self { ranges, other: Some(other) }
    }

    /// `None` where that is not known.
    pub(super) fn of(&self, code: u32) -> Option<f64> {
        let after = self.ranges.partition_point(|(first, ..)| *first <= code);
        let range = after.checked_sub(1).and_then(|at| self.ranges.get(at));
        range.filter(|(_, last, _)| code <= *last).map(|(.., width)| *width).or(self.other)
    }

    /// How much memory it takes, in ranges.
    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }
}

fn wide(width: &Object, unit: f64) -> f64 {
    width.number().unwrap_or(0.0) * unit
}

fn code(code: &Object) -> Option<u32> {
    code.count().and_then(|code| u32::try_from(code).ok())
}
