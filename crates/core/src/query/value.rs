//! Sizes, dates and ages.

use jiff::civil::Date;
use jiff::{Span, Zoned};

/// Reads `1500`, `500K`, `10M`, `10 MB`, `1G`; units of 1024 octets.
#[must_use]
pub fn size(text: &str) -> Option<u64> {
    let number_alone = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let digits = number_alone.trim_end();
    let unit: u64 = match text.get(number_alone.len()..)?.to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KB" => 1 << 10,
        "M" | "MB" => 1 << 20,
        "G" | "GB" => 1 << 30,
        _ => return None,
    };
    number(digits)?.checked_mul(unit)
}

/// The first second of `2024`, `2024-05`, `2024-05-31`, `today` or `yesterday`, where the person is.
pub(super) fn day(text: &str, now: &Zoned) -> Option<i64> {
    period(text, now).map(|(first, _)| first)
}

/// What `2024-05..2024-07` spans: its first second and the one after its last, either of which may be missing. The
/// ends may be ages too. It may end before it begins.
pub(super) fn range(text: &str, now: &Zoned) -> Option<(Option<i64>, Option<i64>)> {
    let bound = |text: &str| {
        if text.is_empty() {
            return Some(None);
        }
        period(text, now).or_else(|| age(text, now).map(|at| (at, at))).map(Some)
    };
    let Some((from, to)) = text.split_once("..") else {
        let (from, to) = period(text, now)?;
        return Some((Some(from), Some(to)));
    };
    let (from, to) = (bound(from)?.map(|period| period.0), bound(to)?.map(|period| period.1));
    (from.is_some() || to.is_some()).then_some((from, to))
}

/// The first second of a year, month or day, and the one after its last.
fn period(text: &str, now: &Zoned) -> Option<(i64, i64)> {
    let (first, length) = match text.to_ascii_lowercase().as_str() {
        "today" => (now.date(), Span::new().days(1)),
        "yesterday" => (now.date().yesterday().ok()?, Span::new().days(1)),
        _ => written(text)?,
    };
    let start = |date: Date| Some(date.to_zoned(now.time_zone().clone()).ok()?.timestamp().as_second());
    Some((start(first)?, start(first.checked_add(length).ok()?)?))
}

/// The first day of `2024`, `2024-05` or `2024-05-31`, and how long that is.
fn written(text: &str) -> Option<(Date, Span)> {
    let mut parts = text.split('-');
    let year = parts.next().filter(|year| year.len() == 4)?;
    let mut small = || match parts.next() {
        Some(part) if part.len() <= 2 => number(part).and_then(|n| i8::try_from(n).ok()).map(Some),
        Some(_) => None,
        None => Some(None),
    };
    let (month, day) = (small()?, small()?);
    if parts.next().is_some() {
        return None;
    }
    let length = match (month, day) {
        (None, _) => Span::new().years(1),
        (_, None) => Span::new().months(1),
        _ => Span::new().days(1),
    };
    let year = i16::try_from(number(year)?).ok()?;
    Some((Date::new(year, month.unwrap_or(1), day.unwrap_or(1)).ok()?, length))
}

/// The time `7d` (hours, days, weeks, months, years) before `now`.
pub(super) fn age(text: &str, now: &Zoned) -> Option<i64> {
    let unit = text.chars().last()?.to_ascii_lowercase();
    let count = i64::try_from(number(text.get(..text.len() - unit.len_utf8())?)?).ok()?;
    let span = match unit {
        'h' => Span::new().try_hours(count),
        'd' => Span::new().try_days(count),
        'w' => Span::new().try_weeks(count),
        'm' => Span::new().try_months(count),
        'y' => Span::new().try_years(count),
        _ => return None,
    };
    Some(now.checked_sub(span.ok()?).ok()?.timestamp().as_second())
}

/// Digits only: no sign, no spaces.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}
