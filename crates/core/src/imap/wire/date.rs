//! Dates on the wire.

use jiff::civil::DateTime;
use jiff::tz::Offset;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Reads `date-time = date-day-fixed "-" date-month "-" date-year SP time SP zone` (RFC 9051, section 9),
/// as `17-Jul-1996 02:44:25 -0700`, to seconds since 1970 UTC. `None` when it is no such date.
#[must_use]
pub fn internal_date(text: &str) -> Option<i64> {
    let mut words = text.split_whitespace();
    let (date, time, zone) = (words.next()?, words.next()?, words.next().unwrap_or("+0000"));
    let mut date = date.split('-');
    let (day, month, year) = (date.next()?.parse().ok()?, date.next()?, date.next()?.parse().ok()?);
    let month = MONTHS.iter().position(|name| month.eq_ignore_ascii_case(name))?;
    let mut time = time.split(':');
    let (hour, minute) = (time.next()?.parse().ok()?, time.next()?.parse().ok()?);
    // A leap second is the second before it here.
    let second: i8 = time.next()?.parse().ok()?;
    let local =
        DateTime::new(year, i8::try_from(month + 1).ok()?, day, hour, minute, second.min(59), 0).ok()?;
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let number: i32 = digits.parse().ok().filter(|n| (0..=9999).contains(n))?;
    let offset = Offset::from_seconds(sign * (number / 100 * 3600 + number % 100 * 60)).ok()?;
    Some(offset.to_timestamp(local).ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_with_their_zone() {
        assert_eq!(internal_date("17-Jul-1996 02:44:25 -0700"), Some(837_596_665));
        assert_eq!(internal_date(" 1-Jan-1970 00:00:00 +0000"), Some(0));
        assert_eq!(internal_date("31-dec-2016 23:59:60 +0000"), Some(1_483_228_799));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "17-Jul-1996",
            "32-Jul-1996 02:44:25 +0000",
            "1-Foo-1996 00:00:00 +0000",
            "1-Jan-1996 0:0:0 +99999999",
            "1-Jan-1996 0:0:0 é",
        ] {
            assert_eq!(internal_date(text), None, "{text}");
        }
    }
}
