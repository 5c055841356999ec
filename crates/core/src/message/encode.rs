//! Header fields and bodies as bytes.

use crate::mail::Contact;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The width a line is folded at (RFC 5322, section 2.1.1), without CRLF.
const WIDTH: usize = 76;
/// How many bytes of UTF-8 go into one encoded word, so that `Subject: ` fits on its line too.
const WORD_BYTES: usize = 42;
/// The longest line that is sent as it is, in bytes.
const MAX_PLAIN_LINE: usize = 78;

/// Writes header fields, folded, without raw text outside ASCII where that can be.
#[derive(Debug, Default)]
pub(super) struct FieldWriter {
    out: String,
}

impl FieldWriter {
    /// A field whose value is known to be clean and short.
    pub(super) fn raw(&mut self, name: &str, value: &str) {
        self.fields(name, &[value.to_owned()]);
    }

    /// A text field; what is not ASCII, or could be taken for an encoded word, is encoded (RFC 2047).
    pub(super) fn text(&mut self, name: &str, text: &str) {
        let text = text.split([' ', '\t']).filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
        self.fields(name, &tokens(&text, WIDTH - name.len() - 2));
    }

    /// A list of addresses; left out when it is empty.
    pub(super) fn contacts(&mut self, name: &str, contacts: &[Contact]) {
        let last = contacts.len().saturating_sub(1);
        let mut all = Vec::new();
        for (at, contact) in contacts.iter().enumerate() {
            let mut words = mailbox(contact);
            if let Some(word) = words.last_mut().filter(|_| at < last) {
                word.push(',');
            }
            all.extend(words);
        }
        self.fields(name, &all);
    }

    /// A list of Message-IDs; left out when it is empty.
    pub(super) fn ids(&mut self, name: &str, ids: &[String]) {
        let ids: Vec<_> = ids.iter().map(|id| format!("<{id}>")).collect();
        self.fields(name, &ids);
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out.into_bytes()
    }

    /// One field of words with a space between them, and a line end where the next does not fit.
    fn fields(&mut self, name: &str, words: &[String]) {
        if words.is_empty() {
            return;
        }
        self.out.push_str(name);
        self.out.push(':');
        let mut column = name.len() + 1;
        for word in words {
            if column + 1 + word.len() > WIDTH && column > name.len() + 1 {
                self.out.push_str("\r\n");
                column = 0;
            }
            self.out.push(' ');
            self.out.push_str(word);
            column += 1 + word.len();
        }
        self.out.push_str("\r\n");
    }
}

/// A contact as words between which a line may be folded.
fn mailbox(contact: &Contact) -> Vec<String> {
    let name = contact.name.split([' ', '\t']).filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
    let address = ascii_domain(&contact.address);
    if name.is_empty() {
        return vec![address];
    }
    let is_atom = |c: char| c.is_ascii_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(c);
    let mut words = if !name.is_ascii() || name.contains("=?") || name.split(' ').any(|w| w.len() > 60) {
        encoded_words(&name)
    } else if name.chars().all(is_atom) {
        name.split(' ').map(str::to_owned).collect()
    } else {
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{quoted}\"").split(' ').map(str::to_owned).collect()
    };
    words.push(format!("<{address}>"));
    words
}

/// The address with its domain in ASCII, where it has such a form.
fn ascii_domain(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) if !domain.is_ascii() => match idna::domain_to_ascii(domain) {
            Ok(domain) => format!("{local}@{domain}"),
            Err(_) => address.to_owned(),
        },
        _ => address.to_owned(),
    }
}

/// The words of an unstructured text; all of it is encoded when any of it must be.
fn tokens(text: &str, room: usize) -> Vec<String> {
    let must_encode = !text.is_ascii() || text.contains("=?") || text.split(' ').any(|w| w.len() > room);
    if must_encode { encoded_words(text) } else { text.split(' ').map(str::to_owned).collect() }
}

/// Encoded words that together are `text`; no character is cut in two.
fn encoded_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at_checked(rest.floor_char_boundary(WORD_BYTES)).unwrap_or((rest, ""));
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
        rest = after;
    }
    words
}

/// A day and time of the civil calendar, at some distance from UTC.
#[derive(Clone, Copy, Debug)]
pub(super) struct Civil {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    /// Days since a Thursday.
    weekday: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    second: i64,
}

impl Civil {
    /// Of seconds since 1970 UTC, kept within the years 1970 to 9999.
    pub(super) fn at(now: i64, offset_minutes: i16) -> Self {
        let local = now.clamp(0, 253_402_300_799) + i64::from(offset_minutes) * 60;
        let (day, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        // Years beginning in March, in eras of 400 of them.
        let shifted = day + 719_468;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let month_day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        Self {
            year: year + era * 400 + i64::from(month <= 2),
            month,
            day: month_day,
            weekday: day.rem_euclid(7),
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
        }
    }
}

/// `Tue, 05 Mar 2024 10:20:30 +0100` (RFC 5322, section 3.3).
pub(super) fn date(now: i64, offset_minutes: i16) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let name = |names: &'static [&str], at: i64| {
        usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or("")
    };
    let civil = Civil::at(now, offset_minutes);
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} {}{:02}{:02}",
        name(&DAYS, civil.weekday),
        civil.day,
        name(&MONTHS, civil.month - 1),
        civil.year,
        civil.hour,
        civil.minute,
        civil.second,
        if offset_minutes < 0 { '-' } else { '+' },
        offset_minutes.unsigned_abs() / 60,
        offset_minutes.unsigned_abs() % 60,
    )
}

/// The fields and the body of a text part: as it is when it is ASCII in short lines, else
/// quoted-printable. Ends with CRLF.
pub(super) fn text_part(text: &str, out: &mut Vec<u8>) {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let is_plain = |l: &str| {
        l.len() <= MAX_PLAIN_LINE
            && !l.starts_with("From ")
            && !l.ends_with([' ', '\t'])
            && !l.contains(|c: char| c.is_control() && c != '\t')
    };
    let is_plain = text.is_ascii() && text.lines().all(is_plain);
    let charset = if text.is_ascii() { "us-ascii" } else { "utf-8" };
    let encoding = if is_plain { "7bit" } else { "quoted-printable" };
    out.extend_from_slice(
        format!(
            "Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
        )
        .as_bytes(),
    );
    for line in text.split('\n') {
        if is_plain {
            out.extend_from_slice(line.as_bytes());
        } else {
            quoted_line(line.as_bytes(), out);
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// One line in quoted-printable (RFC 2045, section 6.7), `From ` and a lone dot at its start quoted too.
pub(super) fn quoted_line(bytes: &[u8], out: &mut Vec<u8>) {
    let mut column = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let is_last = at + 1 == bytes.len();
        let is_special = at == 0 && (bytes.starts_with(b"From ") || bytes.starts_with(b"."));
        let is_plain = match byte {
            b' ' | b'\t' => !is_last,
            b'=' => false,
            _ => byte.is_ascii_graphic() && !is_special,
        };
        let length = if is_plain { 1 } else { 3 };
        if column + length > WIDTH - 1 {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        if is_plain {
            out.push(*byte);
        } else {
            out.extend_from_slice(format!("={byte:02X}").as_bytes());
        }
        column += length;
    }
}

/// The fields and the body of a file, in base64. Ends without a line end.
pub(super) fn file_part(kind: &str, filename: &str, bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(
        format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n").as_bytes(),
    );
    out.extend_from_slice(b"Content-Disposition: attachment");
    for piece in filename_parameters(filename) {
        out.extend_from_slice(b";\r\n ");
        out.extend_from_slice(piece.as_bytes());
    }
    out.extend_from_slice(b"\r\n\r\n");
    let text = STANDARD.encode(bytes);
    for (at, line) in text.as_bytes().chunks(WIDTH).enumerate() {
        if at > 0 {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(line);
    }
}

/// `filename="…"`, or the pieces of an extended parameter (RFC 2231).
fn filename_parameters(filename: &str) -> Vec<String> {
    if filename.is_empty() {
        return Vec::new();
    }
    let is_simple = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    if filename.len() <= 60 && filename.chars().all(is_simple) {
        return vec![format!("filename=\"{filename}\"")];
    }
    let mut pieces = vec![String::from("utf-8''")];
    for c in filename.chars() {
        let mut buffer = [0; 4];
        let encoded: String = c
            .encode_utf8(&mut buffer)
            .bytes()
            .map(|b| {
                if b.is_ascii_alphanumeric() || b"-._".contains(&b) {
                    char::from(b).to_string()
                } else {
                    format!("%{b:02X}")
                }
            })
            .collect();
        match pieces.last_mut().filter(|p| p.len() + encoded.len() <= 55) {
            Some(piece) => piece.push_str(&encoded),
            None => pieces.push(encoded),
        }
    }
    if let [only] = pieces.as_slice() {
        return vec![format!("filename*={only}")];
    }
    pieces.iter().enumerate().map(|(at, piece)| format!("filename*{at}*={piece}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_in_local_time() {
        assert_eq!(date(0, 0), "Thu, 01 Jan 1970 00:00:00 +0000");
        assert_eq!(date(1_709_164_799, 330), "Thu, 29 Feb 2024 05:29:59 +0530");
        assert_eq!(date(1_709_164_799, -480), "Wed, 28 Feb 2024 15:59:59 -0800");
        assert_eq!(super::super::date::read(&date(1_709_630_430, -210)), Some(1_709_630_430));
    }

    #[test]
    fn long_file_names_go_in_pieces() {
        assert_eq!(filename_parameters("a b.txt"), ["filename=\"a b.txt\""]);
        assert_eq!(filename_parameters("grün.txt"), ["filename*=utf-8''gr%C3%BCn.txt"]);
        let pieces = filename_parameters(&"日".repeat(30));
        assert!(pieces.len() > 1 && pieces.iter().all(|p| p.len() < 75), "{pieces:?}");
    }

    #[test]
    fn what_looks_like_an_encoded_word_is_encoded() {
        let mut writer = FieldWriter::default();
        writer.text("Subject", "=?utf-8?Q?x?=");
        let bytes = writer.finish();
        let summary = crate::message::Summary::read(&bytes);
        assert_eq!(summary.subject, "=?utf-8?Q?x?=");
    }
}
