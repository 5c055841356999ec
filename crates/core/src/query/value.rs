//! Sizes, dates and ages.

use jiff::civil::Date;
use jiff::tz::TimeZone;
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

/// The first second of `2024`, `2024-05` or `2024-05-31` in a time zone.
pub(super) fn day(text: &str, zone: &TimeZone) -> Option<i64> {
    let mut parts = text.split('-');
    let year = parts.next().filter(|year| year.len() == 4)?;
    let mut small = |length: usize| match parts.next() {
        Some(part) if part.len() <= length => number(part).and_then(|n| i8::try_from(n).ok()),
        Some(_) => None,
        None => Some(1),
    };
    let (month, day) = (small(2)?, small(2)?);
    if parts.next().is_some() {
        return None;
    }
    let date = Date::new(i16::try_from(number(year)?).ok()?, month, day).ok()?;
    Some(date.to_zoned(zone.clone()).ok()?.timestamp().as_second())
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
