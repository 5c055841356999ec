//! Dates on the wire (RFC 9051, section 9).

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

/// `date-time`, as `17-Jul-1996 02:44:25 +0000`.
pub(super) fn written(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or_default().to_zoned(TimeZone::UTC);
    time.strftime("%d-%b-%Y %H:%M:%S %z").to_string()
}

/// Reads a `date-time` to seconds since 1970.
pub(super) fn read(text: &str) -> Option<i64> {
    let time = strtime::parse("%d-%b-%Y %H:%M:%S %z", text.trim_start()).ok()?;
    Some(time.to_timestamp().ok()?.as_second())
}

/// Reads a `date`, as `1-Feb-1994`, to the second it begins at in UTC.
pub(super) fn day(text: &str) -> Option<i64> {
    let date = Date::strptime("%d-%b-%Y", text).ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_and_written() {
        assert_eq!(read("17-Jul-1996 02:44:25 -0700"), Some(837_596_665));
        assert_eq!(written(837_596_665), "17-Jul-1996 09:44:25 +0000");
        assert_eq!(day("1-Feb-1970"), Some(31 * 86_400));
        assert_eq!((read("yesterday"), day("32-Feb-1994")), (None, None));
    }
}
