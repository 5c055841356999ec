//! How much of each message is held: everything, or of old and of large ones the beginning.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use std::fmt;

/// Octets that are fetched at first of a message that is too large to come whole: its header and, nearly always,
/// its text.
pub const BEGINNING: u64 = 64 * 1024;
/// One day, in seconds.
const DAY: i64 = 86_400;

/// A person's choice of how much is held. Everything, when nothing was chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Of messages older than this only the header is fetched.
    pub keep: Option<Age>,
    /// Of messages larger than this only the [`BEGINNING`] is fetched; in octets.
    pub whole: Option<u64>,
}

/// A span of time, as `90 days`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    count: u16,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Days,
    Weeks,
    Months,
    Years,
}

/// How much of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// Its first [`BEGINNING`] octets.
    Beginning,
    /// Its header.
    Header,
}

/// A [`Policy`] at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Messages before this are old, in seconds since 1970 UTC; `None`: no message is.
    pub since: Option<i64>,
    /// Messages of more octets are large; `None`: no message is.
    pub whole: Option<u64>,
}

impl Age {
    /// Reads `90 days`, `1 week`, `18 months`, `2 years`; `None` when it is no such span, or none at all.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (count, unit) = text.trim().split_once(' ')?;
        let unit = match unit.trim_start() {
            "day" | "days" => Unit::Days,
            "week" | "weeks" => Unit::Weeks,
            "month" | "months" => Unit::Months,
            "year" | "years" => Unit::Years,
            _ => return None,
        };
        let count = count.parse().ok().filter(|count| *count > 0)?;
        Some(Self { count, unit })
    }

    /// The time so long before `now`, both in seconds since 1970 UTC.
    fn before(self, now: i64) -> Option<i64> {
        let count = i64::from(self.count);
        let span = match self.unit {
            Unit::Days => Span::new().try_days(count),
            Unit::Weeks => Span::new().try_weeks(count),
            Unit::Months => Span::new().try_months(count),
            Unit::Years => Span::new().try_years(count),
        };
        let now = Timestamp::from_second(now).ok()?.to_zoned(TimeZone::UTC);
        // Before the first year there is no mail.
        Some(now.checked_sub(span.ok()?).ok()?.timestamp().as_second())
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Days => "day",
            Unit::Weeks => "week",
            Unit::Months => "month",
            Unit::Years => "year",
        };
        write!(f, "{} {unit}{}", self.count, if self.count == 1 { "" } else { "s" })
    }
}

impl Policy {
    /// What is old and what is large at `now`, in seconds since 1970 UTC.
    #[must_use]
    pub fn at(&self, now: i64) -> Limits {
        Limits { since: self.keep.and_then(|age| age.before(now)), whole: self.whole }
    }
}

/// A short form for comparing; empty for a policy that holds everything.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(keep) = self.keep {
            write!(f, "keep {keep}")?;
        }
        if let Some(whole) = self.whole {
            write!(f, "{}whole {whole}", if self.keep.is_some() { ", " } else { "" })?;
        }
        Ok(())
    }
}

impl Limits {
    /// How much is to be held of a message, by its INTERNALDATE (seconds since 1970 UTC) and its size in octets.
    #[must_use]
    pub fn extent(&self, internal_date: i64, size: u64) -> Extent {
        if self.since.is_some_and(|since| internal_date < since) {
            Extent::Header
        } else if self.whole.is_some_and(|whole| size > whole) {
            Extent::Beginning
        } else {
            Extent::Whole
        }
    }

    /// The key of SEARCH that finds what is old: `BEFORE 25-Aug-2026` (RFC 9051, section 6.4.4). A server
    /// compares days, in whatever time zone it has the message's date in. So the day before is named: what it finds
    /// is old by the clock, too.
    #[must_use]
    pub fn before(&self) -> Option<String> {
        let day = Timestamp::from_second(self.since?.saturating_sub(DAY)).ok()?.to_zoned(TimeZone::UTC);
        // Four digits of a year are all that a date has.
        (day.year() > 0).then(|| day.strftime("BEFORE %-d-%b-%Y").to_string())
    }

    /// The key of SEARCH that finds what is large: `LARGER 1048576`.
    #[must_use]
    pub fn larger(&self) -> Option<String> {
        self.whole.map(|whole| format!("LARGER {whole}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 23 November 2026, 08:00 UTC.
    const NOW: i64 = 1_795_420_800;

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, day) in [
            ("90 days", "24-Aug-2026"),
            ("1 day", "21-Nov-2026"),
            ("2 weeks", "8-Nov-2026"),
            ("1  month", "22-Oct-2026"),
            ("2 years", "22-Nov-2024"),
        ] {
            let policy = Policy { keep: Age::parse(text), whole: None };
            assert_eq!(policy.at(NOW).before().as_deref(), Some(format!("BEFORE {day}").as_str()), "{text}");
        }
        for text in ["", "90", "days", "0 days", "-1 days", "90d", "90 hours", "70000 days", "9 days ago"] {
            assert_eq!(Age::parse(text), None, "{text}");
        }
        assert_eq!(Age::parse("1 weeks").unwrap().to_string(), "1 week");
        assert_eq!(Policy { keep: Age::parse("60000 years"), whole: None }.at(NOW).before(), None);
    }

    #[test]
    fn old_ones_are_held_by_their_header_and_large_ones_by_their_beginning() {
        let limits = Policy { keep: Age::parse("1 day"), whole: Some(100) }.at(NOW);
        let yesterday = NOW - DAY;
        assert_eq!(limits.extent(yesterday, 100), Extent::Whole);
        assert_eq!(limits.extent(yesterday, 101), Extent::Beginning);
        assert_eq!(limits.extent(yesterday - 1, 1), Extent::Header);
        assert_eq!(limits.larger().as_deref(), Some("LARGER 100"));
        let everything = Policy::default();
        assert_eq!(everything.at(NOW).extent(0, u64::MAX), Extent::Whole);
        assert_eq!((everything.at(NOW).before(), everything.at(NOW).larger()), (None, None));
        assert_eq!(everything.to_string(), "");
        let both = Policy { keep: Age::parse("90 days"), whole: Some(100) };
        assert_eq!(both.to_string(), "keep 90 days, whole 100");
    }

    #[test]
    fn what_a_server_finds_old_is_old_by_the_clock_wherever_it_stands() {
        let limits = Policy { keep: Age::parse("30 days"), whole: None }.at(NOW);
        // The first moment of 24 October, of which the server finds what is before the 23rd, at most fourteen hours
        // east or twelve west of Greenwich.
        let since = limits.since.unwrap();
        assert_eq!(limits.before().unwrap(), "BEFORE 23-Oct-2026");
        let day = since - since.rem_euclid(DAY) - DAY;
        assert!(day + 12 * 3600 <= since);
    }
}
