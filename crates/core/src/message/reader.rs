//! A message as a person reads it.

use super::header::Header;
use super::mime::{MAX_DEPTH, Part, Structure};
use super::{Attachment, Defect, Disposition, PartInfo, Reading, Searchable, Summary};
use super::{clean, flowed, html};

/// The most bytes of text that are put together of one message.
const MAX_TEXT: usize = 8 * 1024 * 1024;
/// How much of a text goes into a snippet, in characters.
const SNIPPET: usize = 200;
/// A plain part shorter than this may only say that the HTML part is the message, in characters.
const MAX_EXCUSE: usize = 700;

impl Reading {
    /// Reads a whole message, laying its text out for `width` columns. Never fails: what is broken is shown
    /// as far as it goes, and named in [`Reading::damaged`].
    ///
    /// Nothing here is fit for a terminal yet: see [`clean`](clean::clean).
    #[must_use]
    pub fn read(message: &[u8], width: usize) -> Self {
        Self::of(&Structure::read(message), message, width)
    }

    /// As [`read`](Self::read), of the first octets of a message: `None` when what a person reads may not be all
    /// among them. It is when they end within an attachment. Attachments after that one are not known, and of
    /// that one only a part of its size is.
    #[must_use]
    pub fn read_beginning(beginning: &[u8], width: usize) -> Option<Self> {
        let mut structure = Structure::read(beginning);
        let last = structure.parts.last()?;
        let is_text = last.kind.starts_with("text/") && !last.is_attachment();
        if structure.parts.len() == 1 || is_text || last.is_multipart() {
            return None;
        }
        // That it ends in the middle is no fault of the message.
        structure.damaged.retain(|defect| *defect != Defect::Unclosed);
        Some(Self::of(&structure, beginning, width))
    }

    fn of(structure: &Structure<'_>, message: &[u8], width: usize) -> Self {
        let header = Header::read(message);
        let mut view = View::new(structure, Purpose::Reading { width });
        view.show(0, 0);
        let mut damaged = view.damaged;
        damaged.extend(structure.damaged.iter().copied());
        damaged.sort_unstable();
        damaged.dedup();
        let summary = Summary::of(&header);
        Self {
            subject: summary.subject,
            from: summary.from,
            to: summary.to,
            cc: summary.cc,
            bcc: header.contacts("Bcc"),
            reply_to: header.contacts("Reply-To"),
            sender: header.contacts("Sender").into_iter().next(),
            date: summary.date,
            message_id: summary.message_id,
            references: summary.references,
            list_id: header.text("List-Id"),
            list_unsubscribe: header.text("List-Unsubscribe"),
            auth: header.text("Authentication-Results"),
            text: tidy(&view.text),
            html: view.html,
            parts: structure.parts.iter().filter(|p| !p.is_multipart()).map(|p| info(structure, p)).collect(),
            damaged,
        }
    }
}

impl Searchable {
    /// Reads a whole message for the index: words without layout. Never fails.
    #[must_use]
    pub fn read(message: &[u8]) -> Self {
        let structure = Structure::read(message);
        let mut view = View::new(&structure, Purpose::Searching);
        view.show(0, 0);
        let attachments: Vec<&Part> = structure
            .parts
            .iter()
            .enumerate()
            .filter(|(index, part)| is_attached(&structure, *index, part, &view.shown))
            .map(|(_, part)| part)
            .collect();
        let text = tidy(&view.text);
        Self {
            filenames: attachments.iter().filter_map(|p| p.filename.clone()).collect(),
            attachments: u32::try_from(attachments.len()).unwrap_or(u32::MAX),
            snippet: snippet(&text),
            text,
        }
    }
}

impl Attachment {
    /// Takes one part out of a message, decoded, by its section path. An attached message comes with its
    /// header, as it is. `None` when there is no such part.
    #[must_use]
    pub fn read(message: &[u8], part: &str) -> Option<Self> {
        let structure = Structure::read(message);
        let found = structure.parts.iter().find(|p| p.number == part && !p.is_multipart())?;
        let (bytes, _) = structure.decoded(found);
        let info = info(&structure, found);
        let extension = || if found.is_message() { ".eml" } else { "" };
        let filename = info.filename.as_deref().and_then(clean::file_name);
        let filename = filename.unwrap_or_else(|| format!("part-{part}{}", extension()));
        Some(Self { filename, kind: info.kind, bytes: bytes.into_owned() })
    }
}

fn info(structure: &Structure<'_>, part: &Part) -> PartInfo {
    PartInfo {
        part: part.number.clone(),
        kind: part.kind.clone(),
        filename: part.filename.clone(),
        size: structure.decoded(part).0.len(),
        disposition: part.disposition,
        cid: part.content_id.clone(),
    }
}

/// Whether a person would call a part an attachment: what is neither shown as text, nor a picture inside
/// the text, nor a signature.
fn is_attached(structure: &Structure<'_>, index: usize, part: &Part, shown: &[usize]) -> bool {
    let parent = part.parent.and_then(|p| structure.part(p));
    let is_inner = parent.is_some_and(|p| {
        let is_alternative = p.kind == "multipart/alternative" && !part.is_attachment();
        let is_picture = p.kind == "multipart/related" && part.content_id.is_some() && !part.is_attachment();
        is_alternative || is_picture || (p.is_message() && !part.is_attachment())
    });
    let is_signature = matches!(
        part.kind.as_str(),
        "application/pgp-signature" | "application/pkcs7-signature" | "application/x-pkcs7-signature"
    );
    !(part.is_multipart() || is_inner || is_signature || shown.contains(&index))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Reading { width: usize },
    Searching,
}

/// The text of a message while it is put together.
struct View<'a> {
    structure: &'a Structure<'a>,
    purpose: Purpose,
    text: String,
    html: Option<String>,
    /// Leaves whose text is shown.
    shown: Vec<usize>,
    damaged: Vec<Defect>,
}

impl<'a> View<'a> {
    fn new(structure: &'a Structure<'a>, purpose: Purpose) -> Self {
        Self { structure, purpose, text: String::new(), html: None, shown: Vec::new(), damaged: Vec::new() }
    }

    /// Adds the text of a part. The structure is no deeper than `MAX_DEPTH`, and so is this.
    fn show(&mut self, index: usize, depth: usize) {
        let structure = self.structure;
        let Some(part) = structure.part(index) else { return };
        if depth > MAX_DEPTH * 2 || self.text.len() >= MAX_TEXT {
            return;
        }
        match part.kind.as_str() {
            "multipart/alternative" => self.show_best(part, depth),
            "multipart/related" | "multipart/signed" => {
                if let Some(first) = part.children.first() {
                    self.show(*first, depth + 1);
                }
            }
            _ if part.is_multipart() => {
                for child in &part.children {
                    self.show(*child, depth + 1);
                }
            }
            _ if part.is_message() => self.show_message(part, depth),
            _ => self.show_leaf(index, part),
        }
    }

    /// Shows the alternative that says most: the plain text, unless it is empty or only points at the HTML.
    fn show_best(&mut self, part: &Part, depth: usize) {
        let find = |kind: &str| part.children.iter().copied().find(|c| self.leads_to(*c, kind));
        let (plain, html) = (find("text/plain"), find("text/html"));
        let chosen = match (plain, html) {
            (Some(plain), Some(html)) if plain != html => {
                if matches!(self.purpose, Purpose::Reading { .. }) {
                    self.keep_html(html);
                }
                Some(if self.is_excuse(plain, html) { html } else { plain })
            }
            _ => plain.or(html).or(part.children.first().copied()),
        };
        if let Some(chosen) = chosen {
            self.show(chosen, depth + 1);
        }
    }

    /// Whether a part is, or begins with, a leaf of a kind.
    fn leads_to(&self, index: usize, kind: &str) -> bool {
        self.first_leaf(index).and_then(|leaf| self.structure.part(leaf)).is_some_and(|p| p.kind == kind)
    }

    fn first_leaf(&self, mut index: usize) -> Option<usize> {
        for _ in 0..MAX_DEPTH {
            let part = self.structure.part(index)?;
            if !part.is_multipart() {
                return Some(index);
            }
            index = *part.children.first()?;
        }
        None
    }

    fn leaf_text(&self, index: usize) -> String {
        let part = self.first_leaf(index).and_then(|leaf| self.structure.part(leaf));
        part.map(|p| self.structure.text(p, &mut Vec::new())).unwrap_or_default()
    }

    fn is_excuse(&self, plain: usize, html: usize) -> bool {
        let plain = self.leaf_text(plain);
        let plain = plain.trim();
        if plain.chars().nth(MAX_EXCUSE).is_some() {
            return false;
        }
        let plain_words = plain.split_whitespace().filter(|w| !w.contains("://")).count();
        let words = html::to_words(&self.leaf_text(html));
        let html_words = words.split_whitespace().count();
        if plain_words == 0 {
            return html_words > 0 || plain.is_empty();
        }
        html_words > plain_words * 2 && (says_html_is_needed(plain) || html_words > plain_words * 20)
    }

    fn show_message(&mut self, part: &Part, depth: usize) {
        let Some(inner) = part.children.first().and_then(|c| self.structure.part(*c)) else { return };
        let header = self.structure.bytes.get(inner.header.clone()).unwrap_or_default();
        let summary = Summary::read(header);
        let from = summary.from.first().map(|c| if c.name.is_empty() { &c.address } else { &c.name });
        let from = from.cloned().unwrap_or_default();
        match self.purpose {
            Purpose::Reading { .. } => self.add(&format!("--- {}, {from}:", summary.subject)),
            Purpose::Searching => self.add(&format!("{} {from}", summary.subject)),
        }
        for child in &part.children {
            self.show(*child, depth + 1);
        }
    }

    fn show_leaf(&mut self, index: usize, part: &Part) {
        let is_text = part.kind.starts_with("text/");
        let is_aside =
            matches!(part.kind.as_str(), "text/calendar" | "text/csv" | "text/vcard" | "text/x-vcard");
        let is_only = self.structure.parts.len() == 1;
        if !is_text || (!is_only && (part.is_attachment() || is_aside)) {
            return;
        }
        self.shown.push(index);
        let mut damaged = Vec::new();
        let text = self.structure.text(part, &mut damaged);
        self.damaged.extend(damaged);
        match (part.kind.as_str(), self.purpose) {
            ("text/html", Purpose::Reading { width }) => {
                self.keep_html(index);
                self.add(&html::to_text(&text, width));
            }
            ("text/html", Purpose::Searching) => self.add(&html::to_words(&text)),
            (_, Purpose::Reading { width }) if part.is_flowed => {
                self.add(&flowed::reflow(&text, part.is_delsp, width));
            }
            _ => self.add(&text),
        }
    }

    fn keep_html(&mut self, index: usize) {
        if self.html.is_none() {
            self.html = Some(html::sanitise(&self.leaf_text(index)));
        }
    }

    /// Adds text, an empty line after what is there.
    fn add(&mut self, text: &str) {
        let text = text.trim_end();
        let room = MAX_TEXT.saturating_sub(self.text.len());
        let text = text.get(..text.floor_char_boundary(room)).unwrap_or_default();
        if text.trim().is_empty() {
            return;
        }
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
        self.text.push_str(text);
    }
}

/// Whether a short plain part says that the message is elsewhere.
fn says_html_is_needed(plain: &str) -> bool {
    let plain = plain.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| plain.contains(w));
    has(&["html"])
        || has(&["browser", "web version", "webversion", "online version", "view online", "view this email"])
}

/// No leading or trailing empty lines, no NUL, a line feed at the end of what is not empty.
fn tidy(text: &str) -> String {
    let lead = text.len() - text.trim_start_matches(['\n', ' ', '\t', '\u{a0}']).len();
    // The first line keeps its indentation.
    let start = text.get(..lead).and_then(|t| t.rfind('\n')).map_or(0, |at| at + 1);
    let text = text.get(start..).unwrap_or_default().trim_end();
    if text.is_empty() { String::new() } else { format!("{}\n", text.replace('\0', "")) }
}

/// The first words of a text, quotes and rules left out.
fn snippet(text: &str) -> String {
    let lines =
        text.lines().map(str::trim).filter(|l| !l.starts_with('>') && l.chars().any(char::is_alphanumeric));
    let mut out = String::new();
    for word in lines.flat_map(str::split_whitespace) {
        let word = clean::clean_line(word);
        if out.chars().count() + word.chars().count() + 1 > SNIPPET {
            if out.is_empty() {
                out = word.chars().take(SNIPPET).collect();
            }
            break;
        }
        if !out.is_empty() && !word.is_empty() {
            out.push(' ');
        }
        out.push_str(&word);
    }
    out
}

impl Disposition {
    /// The word in a header and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Attachment => "attachment",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &str) -> Reading {
        Reading::read(message.replace('\n', "\r\n").as_bytes(), 72)
    }

    fn alternative(plain: &str, html: &str) -> String {
        format!(
            "Content-Type: multipart/alternative; boundary=A\n\n--A\n\n{plain}\n--A\nContent-Type: text/html\n\n{html}\n--A--\n"
        )
    }

    #[test]
    fn a_plain_message_reads_as_it_is() {
        let found = read(
            "From: A <a@b.example>\nBcc: c@d.example\nList-Id: L <l.example>\nSubject: x\n\n  Hello\n\nBob\n",
        );
        assert_eq!(found.text, "  Hello\n\nBob\n");
        assert_eq!(
            (found.from.len(), found.bcc.len(), found.list_id.as_deref()),
            (1, 1, Some("L <l.example>"))
        );
        assert_eq!((found.html, found.damaged), (None, vec![]));
        assert_eq!(found.parts.len(), 1);
        assert_eq!((found.parts[0].part.as_str(), found.parts[0].size), ("1", 16));
    }

    #[test]
    fn the_plain_alternative_is_preferred_when_it_says_something() {
        let found =
            read(&alternative("Dear Bob, all is well here.", "<p>Dear <b>Bob</b>, all is well here.</p>"));
        assert_eq!(found.text, "Dear Bob, all is well here.\n");
        assert_eq!(found.html.as_deref(), Some("<p>Dear <strong>Bob</strong>, all is well here.</p>"));
    }

    #[test]
    fn an_empty_or_fake_plain_alternative_gives_way_to_the_html() {
        let html = format!("<p>{}</p>", "The message itself. ".repeat(10));
        for plain in [
            "",
            "  \n\n",
            "Your client does not support HTML.",
            "To view this email in your browser, go to https://example.org/x",
            "https://example.org/view?1",
        ] {
            assert!(read(&alternative(plain, &html)).text.starts_with("The message itself."), "{plain}");
        }
        assert_eq!(
            read(&alternative("I sent the HTML page.", "<p>I sent the HTML page.</p>")).text,
            "I sent the HTML page.\n"
        );
        assert_eq!(read(&alternative("Yes, do that.", "<img src=x>")).text, "Yes, do that.\n");
    }

    #[test]
    fn html_inside_related_is_found_beside_its_pictures() {
        let message = "Content-Type: multipart/related; boundary=R\n\n--R\nContent-Type: text/html; charset=iso-8859-1\n\
            Content-Transfer-Encoding: quoted-printable\n\n<p>gr=FCn <img src=3D\"cid:x\" alt=3Dlogo></p>\n--R\n\
            Content-Type: image/png; name=l.png\nContent-ID: <x>\nContent-Transfer-Encoding: base64\n\niVBORw==\n--R--\n";
        let found = read(message);
        assert_eq!(found.text, "grün [logo]\n");
        assert_eq!(found.parts[1].cid.as_deref(), Some("x"));
        assert_eq!(found.parts[1].size, 4);
        assert_eq!(Searchable::read(message.as_bytes()).attachments, 0);
    }

    #[test]
    fn attachments_are_counted_named_and_taken_out() {
        let message = "Content-Type: multipart/mixed; boundary=M\n\n--M\n\nsee below\n--M\n\
            Content-Type: application/pdf; name=\"../a.pdf\"\nContent-Transfer-Encoding: base64\n\nJVBERg==\n--M\n\
            Content-Type: text/plain\nContent-Disposition: attachment; filename=b.txt\n\nnot shown\n--M\n\
            Content-Type: message/rfc822\n\nSubject: inner\nFrom: Bob <b@c.example>\n\nhello inside\n--M--\n";
        let found = read(message);
        assert_eq!(found.text, "see below\n\n--- inner, Bob:\n\nhello inside\n");
        let found = Searchable::read(message.as_bytes());
        assert_eq!(found.filenames, ["../a.pdf", "b.txt"]);
        assert_eq!((found.attachments, found.snippet.as_str()), (3, "see below inner Bob hello inside"));
        let pdf = Attachment::read(message.as_bytes(), "2").unwrap();
        assert_eq!((pdf.filename.as_str(), pdf.bytes.as_slice()), ("a.pdf", &b"%PDF"[..]));
        let inner = Attachment::read(message.as_bytes(), "4").unwrap();
        assert_eq!(inner.filename, "part-4.eml");
        assert_eq!(inner.bytes, b"Subject: inner\nFrom: Bob <b@c.example>\n\nhello inside");
        assert_eq!(Attachment::read(message.as_bytes(), "4.1").unwrap().bytes, b"hello inside");
        assert!(Attachment::read(message.as_bytes(), "9").is_none());
        assert!(Attachment::read(message.as_bytes(), "").is_none());
    }

    #[test]
    fn signed_messages_show_what_was_signed() {
        let message = "Content-Type: multipart/signed; boundary=S\n\n--S\n\nsigned words\n--S\n\
            Content-Type: application/pgp-signature; name=s.asc\n\nxxx\n--S--\n";
        assert_eq!(read(message).text, "signed words\n");
        assert_eq!(Searchable::read(message.as_bytes()).attachments, 0);
    }

    #[test]
    fn flowed_text_is_joined_for_reading() {
        let message = "Content-Type: text/plain; format=flowed\n\none \ntwo\n> a \n> b\n";
        assert_eq!(read(message).text, "one two\n> a b\n");
    }

    #[test]
    fn damage_is_named() {
        let message =
            "Content-Type: text/plain; charset=nonsense\nContent-Transfer-Encoding: base64\n\naGVsb!G8=\n";
        let found = read(message);
        assert_eq!(found.text, "hello\n");
        assert_eq!(found.damaged, [Defect::Base64, Defect::Charset]);
        assert_eq!(read("no header here\n").damaged, [Defect::Header, Defect::NoHeader]);
        assert_eq!(serde_json::to_string(&Defect::QuotedPrintable).unwrap(), "\"quoted-printable\"");
    }

    #[test]
    fn a_snippet_is_the_first_words_on_one_line() {
        let message = format!("\n> quoted\n\n-----\nHello\n\tthere {}\n", "word ".repeat(100));
        let found = Searchable::read(message.as_bytes());
        assert!(found.snippet.starts_with("Hello there word word"), "{}", found.snippet);
        assert!(found.snippet.len() <= SNIPPET && found.snippet.len() > SNIPPET - 10);
        assert_eq!(Searchable::read(format!("\n{}", "x".repeat(900)).as_bytes()).snippet.len(), SNIPPET);
    }

    #[test]
    fn deep_messages_are_read_in_bounded_time_and_depth() {
        let deep = "Content-Type: message/rfc822\n\n".repeat(50_000);
        let found = Reading::read(deep.as_bytes(), 72);
        assert!(found.damaged.contains(&Defect::TooDeep));
        assert!(found.parts.len() < 100);
    }
}
