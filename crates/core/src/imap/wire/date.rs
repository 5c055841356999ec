//! Dates on the wire.

use jiff::Timestamp;
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

/// Writes seconds since 1970 as `date-time` in UTC (RFC 9051, section 9), without its quotes. `None` outside
/// the years 1 to 9999.
#[must_use]
pub fn write_internal_date(seconds: i64) -> Option<String> {
    let at = Timestamp::from_second(seconds).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
    let written = at.strftime("%d-%b-%Y %H:%M:%S +0000").to_string();
    (1..=9999).contains(&at.year()).then_some(written)
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
    fn what_is_written_is_read_the_same() {
        assert_eq!(write_internal_date(837_596_665).as_deref(), Some("17-Jul-1996 09:44:25 +0000"));
        for seconds in [0, 1, 951_782_400, 4_102_444_799] {
            assert_eq!(internal_date(&write_internal_date(seconds).unwrap()), Some(seconds));
        }
        assert_eq!(write_internal_date(i64::MAX), None);
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
