//! Dates of header fields (RFC 5322, section 3.3), read tolerantly.

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Seconds since 1970 UTC of a Date field. `None` when it names no possible time between 1970 and 9999.
///
/// Besides the standard's form: a month before its day, years of two digits, times without seconds,
/// with dots or in halves of a day, zones by name, no zone (read as UTC), dashes between day, month and year, and RFC 3339.
pub(super) fn read(field: &str) -> Option<i64> {
    let mut date = Date::default();
    let mut comments = 0_u32;
    let mut word = String::new();
    for c in field.chars().take(200).chain([' ']) {
        match c {
            '(' => comments += 1,
            ')' if comments > 0 => comments -= 1,
            _ if comments > 0 => {}
            _ if c.is_whitespace() || c == ',' => {
                date.take(&std::mem::take(&mut word).to_ascii_lowercase());
            }
            _ => word.push(c),
        }
    }
    date.seconds()
}

#[derive(Default)]
struct Date {
    day: Option<i64>,
    month: Option<i64>,
    year: Option<i64>,
    time: Option<i64>,
    zone: Option<i64>,
    /// A time that is none, as 25:61.
    is_wrong: bool,
}

impl Date {
    fn take(&mut self, word: &str) {
        if let Some((day, time)) = word.split_once('t').filter(|(d, _)| d.len() == 10 && d.is_ascii()) {
            // RFC 3339.
            self.take_ymd(day);
            let at = time.find(['z', '+', '-']).unwrap_or(time.len());
            let (time, zone) = time.split_at_checked(at).unwrap_or((time, ""));
            self.take(time);
            self.zone = zone_of(&zone.replace(':', ""));
            return;
        }
        if let (Some(time), "am" | "pm") = (self.time, word) {
            let half = time % (12 * 3600);
            self.time = Some(if word == "pm" { half + 12 * 3600 } else { half });
        } else if self.time.is_none()
            && let Some(time) = time_of(word)
        {
            self.time = Some(time);
        } else if self.time.is_none() && word.contains(':') && word.starts_with(|c: char| c.is_ascii_digit())
        {
            self.is_wrong = true;
        } else if self.time.is_some() && self.zone.is_none() && zone_of(word).is_some() {
            self.zone = zone_of(word);
        } else if let Some(month) = month_of(word) {
            self.month.get_or_insert(month);
        } else if let Some(number) = number(word) {
            if self.day.is_none() && word.len() <= 2 {
                self.day = Some(number);
            } else if self.year.is_none() && word.len() >= 2 {
                self.year = Some(full_year(number, word.len()));
            }
        } else if word.contains('-') && self.day.is_none() {
            self.take_ymd(word);
        }
    }

    /// `2024-03-05` or `5-Mar-2024`.
    fn take_ymd(&mut self, word: &str) {
        let mut parts = word.split('-');
        let (Some(a), Some(b), Some(c), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return;
        };
        let (year, day) = if a.len() == 4 { (a, c) } else { (c, a) };
        self.year = number(year).map(|n| full_year(n, year.len()));
        self.month = month_of(b).or_else(|| number(b));
        self.day = number(day);
    }

    fn seconds(&self) -> Option<i64> {
        let (year, month, day) = (self.year?, self.month?, self.day?);
        if self.is_wrong {
            return None;
        }
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        // Days since 1970 of a civil date, years beginning in March.
        let year = if month <= 2 { year - 1 } else { year };
        let shifted = (month + 9) % 12;
        let days = year * 365 + year / 4 - year / 100 + year / 400 + (shifted * 153 + 2) / 5 + day - 1;
        Some((days - 719_468) * 86_400 + self.time.unwrap_or(0) - self.zone.unwrap_or(0))
    }
}

fn number(text: &str) -> Option<i64> {
    let fits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

/// RFC 5322, section 4.3: years of two and three digits.
fn full_year(number: i64, digits: usize) -> i64 {
    match digits {
        4 => number,
        2 if number < 50 => number + 2000,
        _ => number + 1900,
    }
}

fn month_of(word: &str) -> Option<i64> {
    let start = word.get(..3)?;
    let at = MONTHS.iter().position(|m| *m == start)?;
    (word.len() <= 9).then(|| i64::try_from(at + 1).ok()).flatten()
}

/// Seconds into the day. A leap second has no number of its own.
fn time_of(word: &str) -> Option<i64> {
    let separator = if word.contains(':') { ':' } else { '.' };
    let mut parts = word.split(separator);
    let hour = number(parts.next()?)?;
    let minute = number(parts.next()?)?;
    let second = parts.next().map_or(Some(0), |s| number(s.split('.').next().unwrap_or(s)))?;
    ((0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second))
        .then(|| hour * 3600 + minute * 60 + second.min(59))
}

/// Seconds east of UTC (RFC 5322, section 4.3). Military letters tell nothing and are UTC.
fn zone_of(word: &str) -> Option<i64> {
    let hours = match word {
        "z" | "ut" | "utc" | "gmt" => 0,
        "est" => -5,
        "edt" | "ast" => -4,
        "cst" => -6,
        "cdt" => -5,
        "mst" => -7,
        "mdt" => -6,
        "pst" => -8,
        "pdt" => -7,
        "cet" | "met" | "bst" => 1,
        "cest" | "mest" | "eet" => 2,
        "jst" => 9,
        _ => {
            let word = word.strip_prefix("gmt").or_else(|| word.strip_prefix("utc")).unwrap_or(word);
            let (sign, digits) = match word.split_at_checked(1)? {
                ("+", digits) => (1, digits),
                ("-", digits) => (-1, digits),
                _ => return (word.len() == 1 && word.bytes().all(|b| b.is_ascii_alphabetic())).then_some(0),
            };
            let value = number(&digits.replace(':', ""))?;
            let (hours, minutes) =
                if value < 100 && digits.len() <= 2 { (value, 0) } else { (value / 100, value % 100) };
            return (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60));
        }
    };
    Some(hours * 3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_many_makes_are_read() {
        for (text, seconds) in [
            ("Tue, 5 Mar 2024 10:20:30 +0100", 1_709_630_430),
            ("5 Mar 2024 09:20:30 GMT", 1_709_630_430),
            ("Tue,05 Mar 2024 09:20 +0000 (UTC)", 1_709_630_400),
            ("Tue, 5 Mar 24 09:20:30 -0000", 1_709_630_430),
            ("Tue, 5 Mar 2024 01:20:30 PST", 1_709_630_430),
            ("Tue Mar  5 09:20:30 2024", 1_709_630_430),
            ("Tue Mar  5 04:20:30 EST 2024", 1_709_630_430),
            ("Tuesday, 5-Mar-24 09:20:30 GMT", 1_709_630_430),
            ("2024-03-05T10:20:30.5+01:00", 1_709_630_430),
            ("2024-03-05 09:20:30 Z", 1_709_630_430),
            ("5 March 2024 09.20.30", 1_709_630_430),
            ("Tue, 5 Mar 2024 14:50:30 +05:30", 1_709_630_430),
            ("Tue, 5 Mar 2024 09:20:30 AM +0000", 1_709_630_430),
            ("Tue, 5 Mar 2024 12:20:30 PM -0100", 1_709_644_830),
            ("Tue, 5 Mar 2024", 1_709_596_800),
            ("Thu, 29 Feb 2024 00:00:00 +0000", 1_709_164_800),
            ("Sat, 31 Dec 2016 23:59:60 +0000", 1_483_228_799),
            ("Thu, 1 Jan 1970 00:00:00 +0000", 0),
        ] {
            assert_eq!(read(text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "yesterday",
            "Tue, 5 Foo 2024 01:20:30 +0000",
            "99 Mar 2024 01:20:30 +0000",
            "5 Mar 0000 01:20:30 +0000",
            "((((((((",
            "Mon, 1 Jan 2024 25:61:00",
            "Mon, 1 Jan 2024 10:61 +0000",
            "2024-01-01T25:00:00Z",
            "2024",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
