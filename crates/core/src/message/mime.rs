//! The structure of a message (MIME, RFC 2046), found in one pass over its lines.

use super::charset;
use super::header::Header;
use super::params::Params;
use super::transfer;
use super::{Defect, Disposition};
use std::borrow::Cow;
use std::ops::Range;

/// The deepest nesting of parts that is followed; what lies deeper is read as text.
pub(super) const MAX_DEPTH: usize = 50;
/// The most parts of a message that are kept.
pub(super) const MAX_PARTS: usize = 5000;
/// The longest boundary, in bytes; the standard allows 70.
const MAX_BOUNDARY: usize = 8000;

/// A part of a message: a leaf, a multipart, or an attached message.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// The section path of IMAP (RFC 9051, section 6.4.5), as `2.1`. A message's own multipart has none.
    pub(super) number: String,
    /// Index of the part around it; the message has none.
    pub(super) parent: Option<usize>,
    /// Indexes of the parts inside, in order.
    pub(super) children: Vec<usize>,
    /// `type/subtype` in lower case.
    pub(super) kind: String,
    pub(super) encoding: Encoding,
    pub(super) charset: Option<String>,
    pub(super) filename: Option<String>,
    pub(super) disposition: Option<Disposition>,
    pub(super) content_id: Option<String>,
    /// What S/MIME says is inside, in lower case (RFC 8551, section 3.2.2).
    pub(super) smime: Option<String>,
    /// `format=flowed` and `delsp=yes` (RFC 3676).
    pub(super) is_flowed: bool,
    pub(super) is_delsp: bool,
    /// Where its header is in the message: only for messages, the attached ones included.
    pub(super) header: Range<usize>,
    pub(super) body: Range<usize>,
}

/// A content transfer encoding (RFC 2045, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Base64,
    QuotedPrintable,
    /// From before MIME, and in it under names that were never registered.
    Uuencode,
}

impl Encoding {
    /// What is wrong where it is broken.
    pub(super) fn defect(self) -> Defect {
        match self {
            Self::Base64 => Defect::Base64,
            Self::Uuencode => Defect::Encoding,
            Self::Identity | Self::QuotedPrintable => Defect::QuotedPrintable,
        }
    }
}

/// All parts, the message itself first.
#[derive(Clone, Debug)]
pub(super) struct Structure<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) parts: Vec<Part>,
    pub(super) damaged: Vec<Defect>,
}

impl Part {
    pub(super) fn is_multipart(&self) -> bool {
        self.kind.starts_with("multipart/")
    }

    pub(super) fn is_message(&self) -> bool {
        matches!(self.kind.as_str(), "message/rfc822" | "message/global")
    }

    pub(super) fn is_attachment(&self) -> bool {
        self.disposition == Some(Disposition::Attachment)
    }
}

impl<'a> Structure<'a> {
    /// Finds the parts of a message. Never fails.
    pub(super) fn read(bytes: &'a [u8]) -> Self {
        let mut reader = Reader {
            found: Self { bytes, parts: Vec::new(), damaged: Vec::new() },
            open: Vec::new(),
            ended: 0,
        };
        reader.read();
        reader.found.damaged.sort_unstable();
        reader.found.damaged.dedup();
        reader.found
    }

    pub(super) fn part(&self, index: usize) -> Option<&Part> {
        self.parts.get(index)
    }

    /// Whether a part belongs to an attached message.
    pub(super) fn is_in_message(&self, part: &Part) -> bool {
        let mut parent = part.parent;
        for _ in 0..MAX_DEPTH * 2 {
            match parent.and_then(|parent| self.part(parent)) {
                Some(around) if around.is_message() => return true,
                Some(around) => parent = around.parent,
                None => return false,
            }
        }
        true
    }

    /// The charset that the message around a part uses elsewhere: in the words of its header, or in a part that says it.
    fn hint(&self, part: &Part) -> Option<String> {
        let mut around = part;
        for _ in 0..MAX_DEPTH * 2 {
            match around.parent.and_then(|parent| self.part(parent)) {
                Some(parent) if !parent.is_message() => around = parent,
                _ => break,
            }
        }
        let header = Header::read(self.bytes.get(around.header.clone()).unwrap_or_default());
        let fields = ["Subject", "From", "To"].into_iter().filter_map(|name| header.unfolded(name));
        let mut named = fields.filter_map(|field| super::words::charset_of(&field));
        named.next().or_else(|| {
            let others = self.parts.iter().filter(|other| other.kind.starts_with("text/"));
            others.take(20).find_map(|other| other.charset.clone())
        })
    }

    /// The raw bytes of a part's body.
    pub(super) fn raw(&self, part: &Part) -> &'a [u8] {
        self.bytes.get(part.body.clone()).unwrap_or_default()
    }

    /// The body decoded, and whether its encoding was broken.
    pub(super) fn decoded(&self, part: &Part) -> (Cow<'a, [u8]>, bool) {
        let raw = self.raw(part);
        let (bytes, damaged) = match part.encoding {
            Encoding::Identity => return (Cow::Borrowed(raw), false),
            Encoding::Base64 => {
                // What mailing lists append is no part of a file.
                let (coded, tail) = transfer::base64_and_tail(raw);
                let (mut bytes, damaged) = transfer::base64(coded);
                if part.kind.starts_with("text/") && !tail.is_empty() {
                    bytes.extend_from_slice(b"\n");
                    bytes.extend_from_slice(tail);
                }
                (bytes, damaged || !tail.is_empty())
            }
            Encoding::QuotedPrintable => transfer::quoted_printable(raw),
            Encoding::Uuencode => transfer::uuencode(raw),
        };
        (Cow::Owned(bytes), damaged)
    }

    /// The body as text with LF line ends. What is wrong with it is added to `damaged`.
    pub(super) fn text(&self, part: &Part, damaged: &mut Vec<Defect>) -> String {
        let (bytes, broken) = self.decoded(part);
        if broken {
            damaged.push(part.encoding.defect());
        }
        let meta =
            if part.charset.is_none() && part.kind == "text/html" { meta_charset(&bytes) } else { None };
        let (text, wrong) = match part.charset.as_deref().or(meta.as_deref()) {
            Some(label) => charset::decode(&bytes, Some(label)),
            None if bytes.is_ascii() => charset::decode(&bytes, None),
            None => charset::decode_unlabelled(&bytes, self.hint(part).as_deref()),
        };
        if wrong {
            damaged.push(Defect::Charset);
        }
        line_feeds(text)
    }
}

/// Ends every line with LF: CRLF and a lone CR become one.
pub(super) fn line_feeds(text: Cow<'_, str>) -> String {
    if memchr::memchr(b'\r', text.as_bytes()).is_none() {
        return text.into_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some((line, after)) = rest.split_once('\r') {
        out.push_str(line);
        out.push('\n');
        rest = after.strip_prefix('\n').unwrap_or(after);
    }
    out.push_str(rest);
    out
}

/// `charset=` in the first bytes of an HTML document, where the header names none.
fn meta_charset(bytes: &[u8]) -> Option<String> {
    let start = bytes.get(..bytes.len().min(1024))?.to_ascii_lowercase();
    let start = String::from_utf8_lossy(&start);
    let (_, after) = start.split_once("charset=")?;
    let name = after
        .trim_start_matches(['"', '\''])
        .split(|c: char| !(c.is_ascii_alphanumeric() || "-_:.".contains(c)));
    name.into_iter().next().filter(|n| !n.is_empty()).map(str::to_owned)
}

struct Reader<'a> {
    found: Structure<'a>,
    open: Vec<Multipart>,
    /// How many parts were there at the last boundary: all of them but the open multiparts have ended.
    ended: usize,
}

/// A multipart whose end is awaited.
struct Multipart {
    part: usize,
    /// With its leading dashes.
    boundary: Vec<u8>,
    /// Number of parts so far, and what their numbers begin with.
    count: usize,
    prefix: String,
    is_digest: bool,
    closed: bool,
}

impl Reader<'_> {
    fn read(&mut self) {
        let mut at = self.entity(0, None, "", true, false);
        while at < self.found.bytes.len() {
            let rest = self.found.bytes.get(at..).unwrap_or_default();
            let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |e| e + 1);
            let line = rest.get(..length).unwrap_or_default();
            let next = at + length;
            at = match self.boundary(line) {
                Some((level, is_end)) => self.cross(level, is_end, at, next),
                None => next,
            };
        }
        let end = self.found.bytes.len();
        self.end_parts(0, end);
        self.keep_text_without_parts();
        if self.open.iter().any(|m| !m.closed) {
            self.found.damaged.push(Defect::Unclosed);
        }
    }

    /// Makes text of a multipart in which no boundary was found.
    fn keep_text_without_parts(&mut self) {
        for index in 0..self.found.parts.len() {
            let Some(part) = self.found.parts.get(index) else { return };
            if !(part.is_multipart() && part.children.is_empty()) {
                continue;
            }
            let parent = part.parent.and_then(|p| self.found.parts.get(p));
            let prefix = parent.map(|p| p.number.clone()).unwrap_or_default();
            self.found.damaged.push(Defect::NoBoundary);
            self.open.retain(|m| m.part != index);
            if let Some(part) = self.found.parts.get_mut(index) {
                part.kind = "text/plain".to_owned();
                if part.number.is_empty() {
                    part.number = join(&prefix, 1);
                }
            }
        }
    }

    /// Which open multipart a line belongs to, the innermost first, and whether it closes it.
    fn boundary(&self, line: &[u8]) -> Option<(usize, bool)> {
        if !line.starts_with(b"--") {
            return None;
        }
        let line = line.trim_ascii_end();
        self.open.iter().enumerate().rev().find_map(|(level, multipart)| {
            let rest = line.strip_prefix(multipart.boundary.as_slice())?;
            // After white space anything may stand (RFC 2046, section 5.1.1).
            let (mark, _) =
                rest.split_at(rest.iter().position(|b| matches!(b, b' ' | b'\t')).unwrap_or(rest.len()));
            match mark {
                b"" if !multipart.closed && rest.trim_ascii() == b"--" => Some((level, true)),
                b"" if !multipart.closed => Some((level, false)),
                b"--" if !multipart.closed => Some((level, true)),
                _ => None,
            }
        })
    }

    /// Goes over a boundary line that begins at `at` and ends at `next`; where to go on.
    fn cross(&mut self, level: usize, is_end: bool, at: usize, next: usize) -> usize {
        if self.open.iter().skip(level + 1).any(|m| !m.closed) {
            self.found.damaged.push(Defect::Unclosed);
        }
        self.end_parts(level, at);
        self.open.truncate(level + 1);
        let Some(multipart) = self.open.last_mut() else { return next };
        if is_end {
            multipart.closed = true;
            return next;
        }
        if self.found.parts.len() >= MAX_PARTS {
            self.found.damaged.push(Defect::TooManyParts);
            return next;
        }
        multipart.count += 1;
        let (parent, is_digest) = (multipart.part, multipart.is_digest);
        let number = join(&multipart.prefix, multipart.count);
        let index = self.found.parts.len();
        if let Some(around) = self.found.parts.get_mut(parent) {
            around.children.push(index);
        }
        self.entity(next, Some(parent), &number, false, is_digest)
    }

    /// Ends the current part and what encloses it, down to but without the multipart at `level`, before the
    /// line end that precedes `at`.
    fn end_parts(&mut self, level: usize, at: usize) {
        let mut end = at;
        if at < self.found.bytes.len() {
            let before = self.found.bytes.get(..at).unwrap_or_default();
            end -= usize::from(before.ends_with(b"\n")) + usize::from(before.ends_with(b"\r\n"));
        }
        // At the end of the message everything is open; else what came since the last boundary, and the
        // multiparts that were left open around it.
        let is_last = at >= self.found.bytes.len();
        let inside = self.open.get(level).map_or(0, |m| m.part + 1);
        let from = if is_last { 0 } else { self.ended.max(inside) };
        self.ended = self.found.parts.len();
        let enclosing = self.open.iter().skip(level + 1).map(|m| m.part).filter(|part| *part < from);
        for index in enclosing.chain(from..self.found.parts.len()) {
            if let Some(part) = self.found.parts.get_mut(index).filter(|p| p.body.end == usize::MAX) {
                part.body.end = end.max(part.body.start);
            }
        }
    }

    /// Reads the header of a part, or of a message, at an offset and opens what it holds. Attached messages
    /// are followed in a loop, so that their depth costs no stack. Where to go on.
    fn entity(
        &mut self,
        mut at: usize,
        mut parent: Option<usize>,
        number: &str,
        mut is_message: bool,
        mut is_digest: bool,
    ) -> usize {
        let mut number = number.to_owned();
        loop {
            let rest = self.found.bytes.get(at..).unwrap_or_default();
            let header = if is_message { Header::read(rest) } else { Header::read_part(rest) };
            if header.has_garbage {
                self.found.damaged.push(Defect::Header);
            }
            if is_message && header.is_empty() {
                self.found.damaged.push(Defect::NoHeader);
            }
            if header.is_cut {
                self.found.damaged.push(Defect::HeaderTooLarge);
            }
            let body = at + header.body;
            let (mut part, boundary, is_known) = describe(&header, is_digest);
            if !is_known {
                self.found.damaged.push(Defect::Encoding);
            }
            let is_deep = self.depth() >= MAX_DEPTH;
            part.parent = parent;
            part.header = at..body;
            part.body = body..usize::MAX;
            // A message's only part is number one in it; its multipart has no number of its own.
            let prefix = number.clone();
            if is_message {
                number = join(&number, 1);
            }
            part.number.clone_from(&number);
            let index = self.found.parts.len();
            let is_attached = part.is_message() && part.encoding == Encoding::Identity;
            let is_multipart = part.is_multipart();
            if (is_multipart || is_attached) && is_deep {
                self.found.damaged.push(Defect::TooDeep);
                part.kind = "text/plain".to_owned();
                part.disposition = Some(Disposition::Attachment);
                self.found.parts.push(part);
                return body;
            }
            if is_multipart {
                let is_digest = part.kind == "multipart/digest";
                match boundary.or_else(|| guess_boundary(self.found.bytes.get(body..).unwrap_or_default())) {
                    Some(boundary) => {
                        if is_message {
                            part.number.clear();
                        }
                        let boundary = [b"--", boundary.as_bytes()].concat();
                        let multipart =
                            Multipart { part: index, boundary, count: 0, prefix, is_digest, closed: false };
                        self.open.push(multipart);
                    }
                    None => {
                        self.found.damaged.push(Defect::NoBoundary);
                        part.kind = "text/plain".to_owned();
                    }
                }
                self.found.parts.push(part);
                return body;
            }
            if is_attached && self.found.parts.len() + 1 < MAX_PARTS {
                part.children.push(index + 1);
                self.found.parts.push(part);
                // A place on the stack of its own, so that depth counts attached messages too.
                self.open.push(Multipart {
                    part: index,
                    boundary: Vec::new(),
                    count: 0,
                    prefix: String::new(),
                    is_digest: false,
                    closed: true,
                });
                (at, parent, is_message, is_digest) = (body, Some(index), true, false);
                continue;
            }
            self.found.parts.push(part);
            return body;
        }
    }

    fn depth(&self) -> usize {
        self.open.len()
    }
}

/// What a header says of its body, the boundary of a multipart, and whether the encoding is known.
fn describe(header: &Header<'_>, in_digest: bool) -> (Part, Option<String>, bool) {
    let kind = header.unfolded("Content-Type").map(|v| Params::read(&v)).unwrap_or_default();
    let disposition = header.unfolded("Content-Disposition").map(|v| Params::read(&v));
    let encoding = header.unfolded("Content-Transfer-Encoding").unwrap_or_default().to_ascii_lowercase();
    let encoding = encoding.split([';', ' ', '\t']).next().unwrap_or_default().trim_matches(['"', '\'']);
    let is = |name: &str, value: &str| kind.get(name).is_some_and(|v| v.eq_ignore_ascii_case(value));
    let filename = disposition.as_ref().and_then(|d| d.get("filename")).or_else(|| kind.get("name"));
    let content_id = header.unfolded("Content-ID").map(|v| v.trim_matches(['<', '>', ' ']).to_owned());
    let (encoding, is_known) = match encoding {
        "base64" => (Encoding::Base64, true),
        "quoted-printable" => (Encoding::QuotedPrintable, true),
        "x-uuencode" | "x-uue" | "uuencode" | "uue" => (Encoding::Uuencode, true),
        other => (
            Encoding::Identity,
            matches!(other, "" | "7bit" | "8bit" | "binary" | "7-bit" | "8-bit" | "none"),
        ),
    };
    let smime = kind
        .value
        .ends_with("pkcs7-mime")
        .then(|| kind.get("smime-type").unwrap_or_default().to_ascii_lowercase());
    let default = if in_digest { "message/rfc822" } else { "text/plain" };
    let part = Part {
        number: String::new(),
        parent: None,
        children: Vec::new(),
        kind: if kind.value.contains('/') { kind.value.clone() } else { default.to_owned() },
        encoding,
        charset: kind.get("charset"),
        filename,
        disposition: disposition.filter(|d| !d.value.is_empty()).map(|d| match d.value.as_str() {
            "inline" => Disposition::Inline,
            _ => Disposition::Attachment,
        }),
        content_id,
        smime: smime.map(|kind| kind.to_ascii_lowercase()),
        is_flowed: is("format", "flowed"),
        is_delsp: is("delsp", "yes"),
        header: 0..0,
        body: 0..0,
    };
    // Senders write more than the standard's 70 characters; a space at the end is never meant.
    let boundary =
        kind.verbatim("boundary").map(|b| b.trim_end().to_owned()).filter(|b| b.len() <= MAX_BOUNDARY);
    (part, boundary.filter(|b| !b.is_empty()), is_known)
}

/// The boundary of a multipart whose header lost it: what follows the dashes of the first line that begins
/// with two, near the body's start.
fn guess_boundary(body: &[u8]) -> Option<String> {
    let lines = body.get(..body.len().min(2000))?.split(|b| *b == b'\n').take(20);
    let found =
        lines.map(<[u8]>::trim_ascii_end).find_map(|l| l.strip_prefix(b"--").filter(|b| b.len() > 1))?;
    str::from_utf8(found)
        .ok()
        .filter(|b| b.len() <= MAX_BOUNDARY && !b.contains(char::is_whitespace))
        .map(str::to_owned)
}

fn join(prefix: &str, number: usize) -> String {
    if prefix.is_empty() { number.to_string() } else { format!("{prefix}.{number}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_is_one_line_feed() {
        for (text, expected) in [("a\r\nb\rc\n\r\n\r", "a\nb\nc\n\n\n"), ("\r\r\n", "\n\n"), ("a\nb", "a\nb")]
        {
            assert_eq!(line_feeds(Cow::Borrowed(text)), expected);
        }
    }

    fn outline(message: &str) -> Vec<(String, String, String)> {
        let bytes = message.as_bytes();
        let found = Structure::read(bytes);
        let leaf = |p: &Part| !p.is_multipart() && !p.is_message();
        let body = |p: &Part| {
            if leaf(p) { String::from_utf8_lossy(found.raw(p)).into_owned() } else { String::new() }
        };
        found.parts.iter().map(|p| (p.number.clone(), p.kind.clone(), body(p))).collect()
    }

    fn check(message: &str, expected: &[(&str, &str, &str)], damaged: &[Defect]) {
        let own = |e: &(&str, &str, &str)| (e.0.to_owned(), e.1.to_owned(), e.2.to_owned());
        for ends in ["\r\n", "\n"] {
            let message = message.replace('\n', ends);
            let expected: Vec<_> =
                expected.iter().map(own).map(|e| (e.0, e.1, e.2.replace('\n', ends))).collect();
            assert_eq!(outline(&message), expected);
            assert_eq!(Structure::read(message.as_bytes()).damaged, damaged);
        }
    }

    #[test]
    fn a_plain_message_is_part_one() {
        check("Subject: x\n\nhello\n", &[("1", "text/plain", "hello\n")], &[]);
        check("Content-Type: TEXT/HTML; charset=x\n\n", &[("1", "text/html", "")], &[]);
        check("Content-Type: text\n\na", &[("1", "text/plain", "a")], &[]);
    }

    #[test]
    fn parts_have_the_section_numbers_of_imap() {
        check(
            "Content-Type: multipart/mixed; boundary=A\n\npreamble\n--A\n\none\n--A\n\
             Content-Type: multipart/alternative; boundary=\"A B\"\n\n--A B\n\ntwo\n--A B\nContent-Type: text/html\n\nthree\n--A B--\n--A\n\
             Content-Type: message/rfc822\n\nSubject: in\n\nfour\n--A--\nepilogue\n",
            &[
                ("", "multipart/mixed", ""),
                ("1", "text/plain", "one"),
                ("2", "multipart/alternative", ""),
                ("2.1", "text/plain", "two"),
                ("2.2", "text/html", "three"),
                ("3", "message/rfc822", ""),
                ("3.1", "text/plain", "four"),
            ],
            &[],
        );
    }

    #[test]
    fn an_attached_multipart_message_counts_on_from_its_own_number() {
        check(
            "Content-Type: multipart/mixed; boundary=A\n\n--A\nContent-Type: message/rfc822\n\n\
             Content-Type: multipart/mixed; boundary=B\n\n--B\n\none\n--B\n\ntwo\n--B--\n--A\n\nthree\n--A--\n",
            &[
                ("", "multipart/mixed", ""),
                ("1", "message/rfc822", ""),
                ("", "multipart/mixed", ""),
                ("1.1", "text/plain", "one"),
                ("1.2", "text/plain", "two"),
                ("2", "text/plain", "three"),
            ],
            &[],
        );
    }

    #[test]
    fn a_digest_holds_messages_without_saying_so() {
        check(
            "Content-Type: multipart/digest; boundary=A\n\n--A\n\nSubject: x\n\none\n--A--\n",
            &[("", "multipart/digest", ""), ("1", "message/rfc822", ""), ("1.1", "text/plain", "one")],
            &[],
        );
    }

    #[test]
    fn broken_structures_keep_their_parts() {
        check(
            "Content-Type: multipart/mixed; boundary=A\n\n--A\n\none\n--A\nContent-Type: text/html\n\ntwo\n",
            &[("", "multipart/mixed", ""), ("1", "text/plain", "one"), ("2", "text/html", "two\n")],
            &[Defect::Unclosed],
        );
        check(
            "Content-Type: multipart/mixed; boundary=A\n\n--A\nContent-Type: multipart/mixed; boundary=B\n\n--B\n\none\n--A--\n",
            &[("", "multipart/mixed", ""), ("1", "multipart/mixed", ""), ("1.1", "text/plain", "one")],
            &[Defect::Unclosed],
        );
        check(
            "Content-Type: multipart/mixed\n\nhello\n",
            &[("1", "text/plain", "hello\n")],
            &[Defect::NoBoundary],
        );
        check(
            "Content-Type: multipart/mixed; boundary=A\n\n--B\n\nhello\n",
            &[("1", "text/plain", "--B\n\nhello\n")],
            &[Defect::NoBoundary],
        );
        check(
            "Content-Type: multipart/mixed\n\n--xy\n\none\n--xy--\n",
            &[("", "multipart/mixed", ""), ("1", "text/plain", "one")],
            &[],
        );
    }

    #[test]
    fn a_boundary_that_begins_another_is_not_taken_for_it() {
        check(
            "Content-Type: multipart/mixed; boundary=A\n\n--A\nContent-Type: multipart/mixed; boundary=AA\n\n--AA\n\none\n--AA--\n--A--\n",
            &[("", "multipart/mixed", ""), ("1", "multipart/mixed", ""), ("1.1", "text/plain", "one")],
            &[],
        );
    }

    #[test]
    fn what_follows_a_boundary_after_white_space_is_overlooked() {
        check(
            "Content-Type: multipart/mixed; boundary=A\n\n--A  padding\n\none\n--Ab\n--A-- the end\nepilogue\n",
            &[("", "multipart/mixed", ""), ("1", "text/plain", "one\n--Ab")],
            &[],
        );
    }

    #[test]
    fn a_boundary_with_blanks_at_its_end_ends() {
        check(
            "Content-Type: multipart/mixed; boundary=\"A  \"\n\n--A  \n\none\n--A  --\nepilogue\n",
            &[("", "multipart/mixed", ""), ("1", "text/plain", "one")],
            &[],
        );
    }

    #[test]
    fn a_boundary_keeps_the_blanks_inside() {
        check(
            "Content-Type: multipart/mixed; boundary=\"a  b\"\n\n--a  b\n\none\n--a b\n--a  b--\n",
            &[("", "multipart/mixed", ""), ("1", "text/plain", "one\n--a b")],
            &[],
        );
    }

    #[test]
    fn a_boundary_longer_than_allowed_is_one() {
        let boundary = "long and ".repeat(100) + "longer";
        let message = format!(
            "Content-Type: multipart/mixed; boundary=\"{boundary}\"\n\n--{boundary}\n\none\n--{boundary}--\n"
        );
        check(&message, &[("", "multipart/mixed", ""), ("1", "text/plain", "one")], &[]);
    }

    #[test]
    fn an_unknown_encoding_is_told_and_an_old_one_decoded() {
        let found = Structure::read(b"Content-Transfer-Encoding: x-own\n\nab");
        assert_eq!(found.damaged, [Defect::Encoding]);
        assert_eq!(found.raw(&found.parts[0]), b"ab");
        let found = Structure::read(b"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 x\n#0V%T\n`\nend\n");
        assert_eq!(
            (found.damaged.as_slice(), found.decoded(&found.parts[0]).0.as_ref()),
            (&[][..], &b"Cat"[..])
        );
    }

    #[test]
    fn a_header_too_large_is_told() {
        let message = [b"A: b\n".repeat(300_000), b"\nbody".to_vec()].concat();
        let found = Structure::read(&message);
        assert!(found.damaged.contains(&Defect::HeaderTooLarge));
    }

    #[test]
    fn depth_and_number_are_bounded() {
        let deep = "Content-Type: message/rfc822\n\n".repeat(50_000);
        let found = Structure::read(deep.as_bytes());
        assert!(found.parts.len() <= MAX_DEPTH + 1);
        assert_eq!(found.damaged, [Defect::TooDeep]);

        let mut nested = String::new();
        for level in 0..20_000 {
            nested += &format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n");
        }
        assert!(Structure::read(nested.as_bytes()).damaged.contains(&Defect::TooDeep));

        let many = format!("Content-Type: multipart/mixed; boundary=A\n\n{}", "--A\n\nx\n".repeat(100_000));
        let found = Structure::read(many.as_bytes());
        assert_eq!(found.parts.len(), MAX_PARTS);
        assert!(found.damaged.contains(&Defect::TooManyParts));
    }
}
