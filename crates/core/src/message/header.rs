//! The header of a message or part (RFC 5322, section 2.2), taken apart.

use super::{charset, words};
use std::borrow::Cow;

/// The most bytes of a header that are looked at.
const MAX_HEADER: usize = 1024 * 1024;
/// The most fields of a header that are kept.
const MAX_FIELDS: usize = 2000;
/// The most bytes of one text field that are decoded.
const MAX_TEXT: usize = 64 * 1024;

/// One field: its name and its raw value, folding included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a [u8],
}

/// A header taken apart, and where its body begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Header<'a> {
    fields: Vec<Field<'a>>,
    /// Offset of the body in the bytes given.
    pub(super) body: usize,
    /// Whether lines were met that are no field.
    pub(super) has_garbage: bool,
    /// Whether there is more of it than is looked at.
    pub(super) is_cut: bool,
    charset: Option<String>,
}

impl<'a> Header<'a> {
    /// Takes the header at the start of `bytes` apart, which may hold the body too.
    ///
    /// Tolerated: an mbox `From ` line or an empty line first, bare LF, space before the colon, lines that are no field (a
    /// broken fold) when a field follows. Any other such line, and one that begins with `--`, starts the
    /// body.
    pub(super) fn read(bytes: &'a [u8]) -> Self {
        // A mark of the byte order was added by who saved it, an empty line before everything else on the way.
        let mark = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let bytes = bytes.get(mark..).unwrap_or_default();
        let first = line_at(bytes, 0);
        let is_empty = !first.is_empty() && first.trim_ascii_end().is_empty();
        let skip =
            if is_empty && field_name(line_at(bytes, first.len())).is_some() { first.len() } else { 0 };
        let mut header = Self::read_part(bytes.get(skip..).unwrap_or_default());
        header.body += skip + mark;
        header
    }

    /// The same for a part, whose header may be empty.
    pub(super) fn read_part(bytes: &'a [u8]) -> Self {
        let mut header = Self::default();
        let mut at = 0;
        let limit = bytes.len().min(MAX_HEADER);
        while at < limit {
            let line = line_at(bytes, at);
            let text = line.trim_ascii_end();
            if text.is_empty() {
                at += line.len();
                break;
            }
            if text.starts_with(b"--") {
                break;
            }
            let end = fold_end(bytes, at + line.len(), limit);
            if let Some((name, colon)) = field_name(line) {
                if header.fields.len() < MAX_FIELDS {
                    let value = bytes.get(at + colon + 1..end).unwrap_or_default();
                    header.fields.push(Field { name, value });
                } else {
                    header.is_cut = true;
                }
            } else if !(at == 0 && (text.starts_with(b"From ") || text.starts_with(b">From "))) {
                header.has_garbage = true;
                let next = line_at(bytes, end);
                let is_end = next.trim_ascii_end().is_empty();
                if field_name(next).is_none() && !(is_end && is_parameter(text)) {
                    break;
                }
            }
            at = end;
        }
        header.body = at;
        header.is_cut |= at >= limit && limit < bytes.len();
        if header.fields.iter().any(|f| !f.value.is_ascii() && str::from_utf8(f.value).is_err()) {
            let said = header.value("Content-Type");
            header.charset = said
                .and_then(|v| super::params::Params::read(&unfold(v.value, None)).get("charset"))
                .filter(|charset| !charset.to_ascii_lowercase().ends_with("ascii"));
        }
        header
    }

    /// Whether there is no field at all.
    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Every field in its order.
    pub(super) fn fields(&self) -> &[Field<'a>] {
        &self.fields
    }

    /// The first field of a name, in any case.
    pub(super) fn value(&self, name: &str) -> Option<&Field<'a>> {
        self.fields.iter().find(|f| f.name.eq_ignore_ascii_case(name))
    }

    /// The first field of a name, unfolded and not decoded; `None` when there is none or it is empty.
    pub(super) fn unfolded(&self, name: &str) -> Option<String> {
        let text = self.unfold(self.value(name)?);
        (!text.is_empty()).then_some(text)
    }

    /// A field's value, unfolded and not decoded.
    pub(super) fn unfold(&self, field: &Field<'_>) -> String {
        unfold(field.value, self.charset.as_deref())
    }

    /// The first field of a name as text: unfolded, decoded, on one line.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let field = self.value(name)?;
        let value = field.value.get(..field.value.len().min(MAX_TEXT)).unwrap_or_default();
        let text = one_line(&words::decode(&unfold(value, self.charset.as_deref())));
        (!text.is_empty()).then_some(text)
    }

    /// The contacts of every field of a name, in their order.
    pub(super) fn contacts(&self, name: &str) -> Vec<crate::mail::Contact> {
        let fields = self.fields.iter().filter(|f| f.name.eq_ignore_ascii_case(name));
        fields
            .flat_map(|f| super::address::read(&self.unfold(f)))
            .take(super::address::MAX_CONTACTS)
            .collect()
    }
}

/// Text on one line: controls and runs of white space become one space.
pub(super) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_control() || c == ' ').filter(|w| !w.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// The line at an offset with its end.
fn line_at(bytes: &[u8], at: usize) -> &[u8] {
    let rest = bytes.get(at..).unwrap_or_default();
    let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |e| e + 1);
    rest.get(..end).unwrap_or_default()
}

/// Past the continuation lines that begin at `at` (RFC 5322, section 2.2.3). A line of blanks only ends the
/// header, as an empty one does.
fn fold_end(bytes: &[u8], mut at: usize, limit: usize) -> usize {
    while at < limit && matches!(bytes.get(at), Some(b' ' | b'\t')) {
        let line = line_at(bytes, at);
        if line.trim_ascii().is_empty() {
            let next = bytes.get(at + line.len());
            if !matches!(next, Some(b' ' | b'\t')) {
                break;
            }
        }
        at += line.len();
    }
    at.min(limit)
}

/// Whether a line is a parameter whose fold lost its blank: `charset=utf-8`.
fn is_parameter(line: &[u8]) -> bool {
    let name = line.iter().position(|b| *b == b'=').and_then(|at| line.get(..at)).unwrap_or_default();
    let is_name = |name: &[u8]| name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'*'));
    !name.is_empty() && is_name(name)
}

/// `field-name *WSP ":"` at the start of a line: the name, and where the colon is.
fn field_name(line: &[u8]) -> Option<(&str, usize)> {
    let colon = memchr::memchr(b':', line.get(..line.len().min(200))?)?;
    let name = line.get(..colon)?;
    let name = name.trim_ascii_end();
    let fits = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    fits.then(|| str::from_utf8(name).ok()).flatten().map(|name| (name, colon))
}

fn unfold(value: &[u8], charset: Option<&str>) -> String {
    let text: Cow<'_, [u8]> = if memchr::memchr2(b'\r', b'\n', value).is_some() {
        Cow::Owned(value.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect())
    } else {
        Cow::Borrowed(value)
    };
    charset::decode_raw_header(text.trim_ascii(), charset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bytes: &[u8]) -> (Vec<String>, usize, bool) {
        let header = Header::read(bytes);
        let names = header.fields().iter().map(|f| f.name.to_owned()).collect();
        (names, header.body, header.has_garbage)
    }

    #[test]
    fn a_header_ends_at_the_empty_line() {
        assert_eq!(names(b"A: 1\r\nB : 2\r\n\r\nbody"), (vec!["A".into(), "B".into()], 15, false));
        assert_eq!(names(b"A: 1\nB: 2"), (vec!["A".into(), "B".into()], 9, false));
        assert_eq!(names(b""), (vec![], 0, false));
        assert_eq!(names(b"\r\nbody"), (vec![], 2, false));
    }

    #[test]
    fn folded_values_are_one_text() {
        let header = Header::read(b"Subject: a\r\n\tb\r\n  c\r\nX: y\r\n\r\n");
        assert_eq!(header.text("subject").as_deref(), Some("a b c"));
        assert_eq!(header.text("X").as_deref(), Some("y"));
        assert_eq!(header.text("none"), None);
    }

    #[test]
    fn what_relays_and_mailboxes_add_is_overlooked() {
        assert_eq!(names(b"From ann Thu Jan  1\nA: 1\n\nx"), (vec!["A".into()], 26, false));
        assert_eq!(names(b"\r\nA: 1\r\n\r\nx").0, ["A"]);
        assert_eq!(names(b"A: 1\nbroken fold\nB: 2\n\nx"), (vec!["A".into(), "B".into()], 23, true));
    }

    #[test]
    fn a_body_without_an_empty_line_before_it_is_a_body() {
        assert_eq!(names(b"A: 1\nHello Bob,\nhow are you\n"), (vec!["A".into()], 5, true));
        assert_eq!(names(b"A: 1\n--boundary\nB: 2\n"), (vec!["A".into()], 5, false));
        assert_eq!(names(b"A sentence."), (vec![], 0, true));
        assert_eq!(names(b"A sentence.\n\nmore"), (vec![], 0, true));
        assert_eq!(names(b"A: 1\nHello Bob\n\nmore"), (vec!["A".into()], 5, true));
        assert_eq!(names(b"A: 1;\ncharset=utf-8\n\nmore"), (vec!["A".into()], 21, true));
    }

    #[test]
    fn raw_eight_bit_text_is_read_in_the_messages_charset() {
        let koi8 = b"Subject: \xf0\xd2\xc9\xd7\xc5\xd4\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\n";
        assert_eq!(Header::read(koi8).text("Subject").as_deref(), Some("Привет"));
        assert_eq!(Header::read(b"Subject: gr\xfcn\n\n").text("Subject").as_deref(), Some("grün"));
    }

    #[test]
    fn hostile_headers_are_bounded() {
        let many = b"A: b\n".repeat(300_000);
        assert_eq!(Header::read(&many).fields().len(), MAX_FIELDS);
        assert!(Header::read(&many).is_cut && !Header::read(b"A: b\n\nc").is_cut);
        let folded = [b"A: b\n".as_slice(), &b" \n".repeat(1_000_000)].concat();
        assert!(Header::read(&folded).body <= MAX_HEADER);
    }
}
