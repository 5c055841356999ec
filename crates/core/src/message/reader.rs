//! A message as a person reads it.

mod best;
mod parts;

use super::cms::{Cms, CmsKind};
use super::header::Header;
use super::mime::{Encoding, MAX_DEPTH, Part, Structure};
use super::safety::Warnings;
use super::tnef::Tnef;
use super::{Attachment, Defect, Disposition, PartInfo, Protected, Protection, Reading, Searchable, Summary};
use super::{Event, Warning};
use super::{
    calendar, clean, document, enriched, flowed, html, page, protection, report, results, rtf, tnef,
};
use crate::mail::Contact;

/// The most bytes of text that are put together of one message.
const MAX_TEXT: usize = 8 * 1024 * 1024;
/// How much of a text goes into a snippet, in characters.
const SNIPPET: usize = 200;
/// The most octets of pictures in a page, in base64.
const MAX_PICTURES: usize = if cfg!(test) { 1 } else { 24 } * 1024 * 1024;
/// Encoded messages and containers in each other that are opened.
const MAX_CONTAINERS: usize = 3;
/// The columns of plain text in a page that may be wrapped anew.
const PAGE_WIDTH: usize = 90;
/// The most events of one message.
const MAX_EVENTS: usize = 20;
/// Fields that may stand once (RFC 5322, section 3.6).
const ONCE: [&str; 8] = ["From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID"];

impl Reading {
    /// Reads a whole message, laying its text out for `width` columns. Never fails: what is broken is shown
    /// as far as it goes, and named in [`Reading::damaged`].
    ///
    /// Nothing here is fit for a terminal yet: see [`clean`](clean::clean).
    #[must_use]
    pub fn read(message: &[u8], width: usize) -> Self {
        Self::read_as(message, width, &[])
    }

    /// The same for the owner of an account. `own` are hosts and domains of the account: only what servers of
    /// these say of a message counts in [`Reading::auth`].
    #[must_use]
    pub fn read_as(message: &[u8], width: usize, own: &[String]) -> Self {
        Self::with_cards(&Structure::read(message), message, width, own)
    }

    /// As [`read_as`](Self::read_as), of the first octets of a message: `None` when what a person reads may not be all
    /// among them. It is when they end within an attachment. Attachments after that one are not known, and that one
    /// is marked as cut.
    #[must_use]
    pub fn read_beginning(beginning: &[u8], width: usize, own: &[String]) -> Option<Self> {
        let mut structure = Structure::read(beginning);
        let last = structure.parts.last()?;
        let is_text = last.kind.starts_with("text/") && !last.is_attachment();
        if structure.parts.len() == 1 || is_text || last.is_multipart() {
            return None;
        }
        // That it ends in the middle is no fault of the message.
        structure.damaged.retain(|defect| *defect != Defect::Unclosed);
        let mut reading = Self::with_cards(&structure, beginning, width, own);
        // Those around it end with it, and so does the last of what a part holds in a way of its own.
        let is_cut = |part: &&Part| !part.is_multipart() && part.body.end >= beginning.len();
        let cut: Vec<&str> = structure.parts.iter().filter(is_cut).map(|part| part.number.as_str()).collect();
        let last = reading.parts.len().checked_sub(1).filter(|_| !cut.is_empty());
        for (at, part) in reading.parts.iter_mut().enumerate() {
            part.cut = Some(at) == last || cut.contains(&part.part.as_str());
        }
        Some(reading)
    }

    fn with_cards(structure: &Structure<'_>, message: &[u8], width: usize, own: &[String]) -> Self {
        let (mut reading, pictures) = Self::of(structure, message, width, own);
        let mut cards = reading.cards(reading.text.is_empty());
        if cards.is_empty() {
            cards.extend(only_pictures(pictures));
        }
        if !cards.is_empty() {
            cards.push(std::mem::take(&mut reading.text));
            cards.retain(|card| !card.is_empty());
            reading.text = tidy(&cards.join("\n\n"));
        }
        if reading.text.is_empty() {
            // What was to be told in words and cannot be read.
            let is_aside = |kind: &str| {
                report::is_delivery(kind) || report::is_receipt(kind) || calendar::is_calendar(kind)
            };
            let part =
                structure.parts.iter().find(|part| is_aside(&part.kind) && !structure.is_in_message(part));
            reading.text = part.map(|part| tidy(&structure.text(part, &mut Vec::new()))).unwrap_or_default();
        }
        reading
    }

    /// What the parts that are no text say; all that can be said where there is no text.
    pub(super) fn cards(&self, is_all: bool) -> Vec<String> {
        let mut cards: Vec<String> = self.events.iter().map(calendar::card).collect();
        cards.extend(self.report.iter().map(report::delivery_card));
        cards.extend(self.receipt.iter().map(report::receipt_card));
        cards.retain(|card| !card.is_empty());
        if is_all {
            let descriptions = self.events.iter().filter_map(|event| event.description.clone());
            cards.extend(descriptions.map(|text| tidy(&text)));
            let is_encrypted = |found: &&Protection| found.state == Protected::Encrypted;
            let sealed = self.protection.iter().find(is_encrypted).or(self.protection.first());
            cards.extend(sealed.and_then(protection::unreadable));
        }
        cards
    }

    /// What [`read_as`](Self::read_as) gives, with the sender's words only.
    pub(super) fn without_cards(message: &[u8], width: usize, own: &[String]) -> Self {
        Self::of(&Structure::read(message), message, width, own).0
    }

    /// The message, and how many pictures are all there is to see.
    fn of(structure: &Structure<'_>, message: &[u8], width: usize, own: &[String]) -> (Self, usize) {
        let header = Header::read(message);
        let mut view = View::new(structure, Purpose::Reading { width });
        view.show_all();
        let pictures = view.pictures();
        let mut protection = protection::of(structure, &view.shown, &view.text);
        protection.extend(view.protection);
        let mut damaged = view.damaged;
        damaged.extend(structure.damaged.iter().copied());
        damaged.extend(header_defects(&header));
        damaged.sort_unstable();
        damaged.dedup();
        let summary = Summary::of(&header);
        let authentication = results::read(&header, own);
        let mut reading = Self {
            subject: summary.subject,
            from: summary.from,
            to: summary.to,
            cc: summary.cc,
            bcc: header.contacts("Bcc"),
            reply_to: header.contacts("Reply-To"),
            sender: header.contacts("Sender").into_iter().next(),
            date: summary.date,
            date_text: header.text("Date").filter(|_| summary.date.is_none()),
            message_id: summary.message_id,
            references: summary.references,
            list_id: header.text("List-Id"),
            list_unsubscribe: header.text("List-Unsubscribe"),
            auth: authentication.as_ref().map(|(_, field)| field.clone()),
            authentication: authentication.map(|(found, _)| found),
            text: tidy(&view.text),
            other_text: view.other_text,
            html: view.html,
            parts: view.parts,
            damaged,
            warnings: Vec::new(),
            protection,
            report: None,
            receipt: None,
            events: Vec::new(),
        };
        reading.open_asides(structure, 0);
        reading.warnings = warnings(&reading, &header, &view.links);
        (reading, pictures)
    }

    /// Opens what is no text for people: reports, receipts and calendars. Those in attached messages are another's.
    fn open_asides(&mut self, structure: &Structure<'_>, depth: usize) {
        for part in structure.parts.iter().filter(|part| !structure.is_in_message(part)) {
            if let Some(bytes) = signed(structure, part, depth) {
                self.open_asides(&Structure::read(&bytes), depth + 1);
            } else if report::is_delivery(&part.kind) {
                self.report.get_or_insert_with(|| report::delivery(&structure.decoded(part).0));
            } else if report::is_receipt(&part.kind) {
                self.receipt.get_or_insert_with(|| report::receipt(&structure.decoded(part).0));
            } else if calendar::is_calendar(&part.kind) {
                for event in calendar::read(&structure.text(part, &mut Vec::new())) {
                    // The same invitation comes as an alternative and as a file.
                    let is_known = |known: &Event| known.uid == event.uid && known.start == event.start;
                    if self.events.len() < MAX_EVENTS && !self.events.iter().any(is_known) {
                        self.events.push(event);
                    }
                }
            }
        }
    }
}

/// Says that there is nothing to read, where pictures are all there is.
fn only_pictures(count: usize) -> Option<String> {
    match count {
        0 => None,
        1 => Some("1 picture, no text".to_owned()),
        _ => Some(format!("{count} pictures, no text")),
    }
}

/// What is wrong with the fields themselves (RFC 5322, section 3.6).
fn header_defects(header: &Header<'_>) -> Vec<Defect> {
    let count =
        |name: &str| header.fields().iter().filter(|field| field.name.eq_ignore_ascii_case(name)).count();
    let mut found = Vec::new();
    if ONCE.iter().any(|name| count(name) > 1) {
        found.push(Defect::DuplicateField);
    }
    if header.unfolded("Date").is_some_and(|date| super::date::read(&date).is_none()) {
        found.push(Defect::Date);
    }
    found
}

/// What may deceive in the header, in the names of files and in the links.
fn warnings(reading: &Reading, header: &Header<'_>, links: &[html::Link]) -> Vec<Warning> {
    let mut warnings = Warnings::default();
    warnings.contacts("from", &reading.from);
    warnings.contacts("sender", reading.sender.as_slice());
    warnings.contacts("reply-to", &reading.reply_to);
    if !is_list_mail(header) {
        warnings.answers(reading);
    }
    if let Some(subject) = header.value("Subject") {
        warnings.hidden("subject", &super::words::decode(&header.unfold(subject)));
    }
    for name in reading.parts.iter().filter_map(|part| part.filename.as_deref()).take(100) {
        warnings.hidden("attachment", name);
    }
    warnings.links(links);
    warnings.text(&reading.text);
    warnings.0
}

/// Whether a mailing list sent a message: lists direct answers to themselves.
fn is_list_mail(header: &Header<'_>) -> bool {
    let marks = ["List-Id", "List-Post", "List-Unsubscribe", "List-Help", "Mailing-List", "X-Mailing-List"];
    let precedence = header.text("Precedence").unwrap_or_default();
    marks.iter().any(|name| header.value(name).is_some())
        || ["list", "bulk", "junk"].iter().any(|word| precedence.eq_ignore_ascii_case(word))
}

impl Searchable {
    /// Reads a whole message for the index: words without layout. Never fails.
    #[must_use]
    pub fn read(message: &[u8]) -> Self {
        Self::read_in(message, None)
    }

    /// The same with the text of attached files, as far as [`document::text`] reads it: of all of them together no more
    /// than of one.
    #[must_use]
    pub fn with_documents(message: &[u8], limits: &document::Limits) -> Self {
        Self::read_in(message, Some(limits))
    }

    fn read_in(message: &[u8], limits: Option<&document::Limits>) -> Self {
        let structure = Structure::read(message);
        let mut view = View::new(&structure, Purpose::Searching);
        view.limits = limits;
        view.show_all();
        let attached = view.parts.iter().filter(|part| part.attachment).count();
        let mut found = Self { attachments: u32::try_from(attached).unwrap_or(u32::MAX), ..Self::default() };
        found.filenames.extend(view.parts.into_iter().filter_map(|part| part.filename));
        found.documents = view.documents;
        found.text = tidy(&view.text);
        found.snippet = snippet(&found.text);
        let own = structure.parts.first().and_then(|part| message.get(part.header.clone()));
        found.list = own.and_then(|own| Header::read(own).text("List-Id")).unwrap_or_default();
        found.has_link = view.has_link || html::names_web(&found.text);
        found.has_invite = structure
            .parts
            .iter()
            .any(|part| calendar::is_calendar(&part.kind) && !structure.is_in_message(part));
        found
    }
}

impl Attachment {
    /// Takes one part out of a message, decoded, by its section path. An attached message comes with its
    /// header, as it is. `None` when there is no such part.
    #[must_use]
    pub fn read(message: &[u8], part: &str) -> Option<Self> {
        Self::find(message, part, "", 0)
    }

    /// `number` is the path that leads to `message`, `part` the rest of the way.
    fn find(message: &[u8], part: &str, number: &str, depth: usize) -> Option<Self> {
        let structure = Structure::read(message);
        let leaves = || structure.parts.iter().filter(|p| !p.is_multipart());
        if let Some(found) = leaves().find(|p| p.number == part) {
            let (bytes, _) = structure.decoded(found);
            let extension = if found.is_message() { ".eml" } else { "" };
            let path = format!("{number}{part}");
            return Some(Self::new(
                &path,
                extension,
                found.filename.as_deref(),
                &found.kind,
                bytes.into_owned(),
            ));
        }
        // Inside a part that is a container.
        let inside = |p: &&Part| part.strip_prefix(&p.number).is_some_and(|rest| rest.starts_with('.'));
        let around = leaves().filter(inside).max_by_key(|p| p.number.len())?;
        let rest = part.strip_prefix(&around.number)?.strip_prefix('.')?;
        let number = format!("{number}{}.", around.number);
        match Container::open(&structure, around, depth)? {
            Container::Message(bytes) | Container::Signed(bytes) => {
                Self::find(&bytes, rest, &number, depth + 1)
            }
            Container::Tnef(mut tnef) => {
                let at = rest.parse::<usize>().ok()?.checked_sub(1)?;
                let found = (at < tnef.parts.len()).then(|| tnef.parts.swap_remove(at))?;
                let extension = match found.kind.as_str() {
                    "text/html" => ".html",
                    "text/rtf" => ".rtf",
                    "text/plain" => ".txt",
                    _ => "",
                };
                Some(Self::new(
                    &format!("{number}{rest}"),
                    extension,
                    found.filename.as_deref(),
                    &found.kind,
                    found.bytes,
                ))
            }
        }
    }

    fn new(part: &str, extension: &str, name: Option<&str>, kind: &str, bytes: Vec<u8>) -> Self {
        let filename = name.and_then(clean::file_name);
        let filename = filename.unwrap_or_else(|| format!("part-{part}{extension}"));
        Self { filename, kind: kind.to_owned(), bytes }
    }
}

/// A part that holds others in a way of its own.
enum Container {
    /// An attached message that is encoded, which no server looks into.
    Message(Vec<u8>),
    Tnef(Tnef),
    /// Parts inside their signature.
    Signed(Vec<u8>),
}

impl Container {
    /// Opens a part that is one. `depth` counts containers in containers.
    fn open(structure: &Structure<'_>, part: &Part, depth: usize) -> Option<Self> {
        if depth >= MAX_CONTAINERS {
            return None;
        }
        if part.is_message() && part.encoding != Encoding::Identity {
            return Some(Self::Message(structure.decoded(part).0.into_owned()));
        }
        if tnef::is_tnef(&part.kind, part.filename.as_deref()) {
            return Tnef::read(&structure.decoded(part).0).map(Self::Tnef);
        }
        if part.smime.is_some()
            && let Some(Cms { kind: CmsKind::Signed(Some(bytes)), .. }) =
                Cms::read(&structure.decoded(part).0)
        {
            // Files of any kind are signed in this way too.
            return Header::read_part(&bytes).unfolded("Content-Type").map(|_| Self::Signed(bytes));
        }
        None
    }
}

/// What is signed, where a part has it inside.
fn signed(structure: &Structure<'_>, part: &Part, depth: usize) -> Option<Vec<u8>> {
    match part.smime.as_ref().and_then(|_| Container::open(structure, part, depth))? {
        Container::Signed(bytes) => Some(bytes),
        _ => None,
    }
}

/// Contacts as a header shows them, the first ones.
fn named(contacts: &[Contact]) -> String {
    let one = |contact: &Contact| match contact.name.as_str() {
        "" => contact.address.clone(),
        name => format!("{name} <{}>", contact.address),
    };
    contacts.iter().take(20).map(one).collect::<Vec<_>>().join(", ")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Reading {
        width: usize,
    },
    Searching,
    /// The text is HTML.
    Page {
        remote: bool,
    },
}

/// The words of a message as HTML.
pub(super) struct Body {
    pub(super) html: String,
    /// Pictures of other servers that are not loaded.
    pub(super) left_out: usize,
}

impl Body {
    /// Puts a message's words together; with `remote`, pictures are loaded from other servers.
    pub(super) fn read(message: &[u8], remote: bool) -> Self {
        let structure = Structure::read(message);
        let mut view = View::new(&structure, Purpose::Page { remote });
        view.show_all();
        Self { html: view.text, left_out: view.left_out }
    }
}

/// The text of a message while it is put together.
struct View<'a> {
    structure: &'a Structure<'a>,
    purpose: Purpose,
    text: String,
    html: Option<String>,
    /// The plain text that gave way to HTML and says something else.
    other_text: Option<String>,
    /// Whether any words are shown, and how many pictures without words were met.
    has_words: bool,
    only_pictures: usize,
    /// Links of the HTML, with their texts.
    links: Vec<html::Link>,
    /// An HTML part that is searched links to the web.
    has_link: bool,
    /// Leaves whose text is shown.
    shown: Vec<usize>,
    /// Every leaf and attached message, but for a page.
    parts: Vec<PartInfo>,
    damaged: Vec<Defect>,
    /// Of what is signed and shown: how it is protected further.
    protection: Vec<Protection>,
    /// What stands in attached files, as far as these allow.
    documents: String,
    limits: Option<&'a document::Limits>,
    /// Containers around this.
    depth: usize,
    /// Of a page: octets that its pictures may still take, and how many of other servers were left out.
    room: usize,
    left_out: usize,
}

impl<'a> View<'a> {
    fn new(structure: &'a Structure<'a>, purpose: Purpose) -> Self {
        Self {
            structure,
            purpose,
            text: String::new(),
            html: None,
            other_text: None,
            has_words: false,
            only_pictures: 0,
            links: Vec::new(),
            has_link: false,
            shown: Vec::new(),
            parts: Vec::new(),
            damaged: Vec::new(),
            protection: Vec::new(),
            documents: String::new(),
            limits: None,
            depth: 0,
            room: MAX_PICTURES,
            left_out: 0,
        }
    }

    /// Shows the whole message, and of Outlook's containers the text where there is no other.
    fn show_all(&mut self) {
        self.show(0, 0);
        for part in &self.structure.parts {
            let is_container = tnef::is_tnef(&part.kind, part.filename.as_deref());
            if is_container && self.text.trim().is_empty() {
                self.show_tnef(part);
            }
        }
        if !matches!(self.purpose, Purpose::Page { .. }) {
            self.list_parts();
        }
    }

    fn show_tnef(&mut self, part: &Part) {
        let Some(Container::Tnef(found)) = Container::open(self.structure, part, self.depth) else { return };
        let body = |kind: &str| {
            let bodies = found.parts.iter().filter(|part| part.is_body && part.kind == kind);
            bodies.map(|part| part.bytes.as_slice()).find(|bytes| !bytes.trim_ascii().is_empty())
        };
        if let Some(html) = body("text/html") {
            self.add_html(&String::from_utf8_lossy(html));
        } else if let Some(plain) = body("text/plain") {
            self.add(&super::mime::line_feeds(String::from_utf8_lossy(plain)));
        } else if let Some(rich) = body("text/rtf") {
            self.add_rich(rich);
        }
        if self.text.trim().is_empty() && !found.subject.is_empty() {
            self.add(&found.subject);
        }
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
                // The text comes first, or says in a parameter that it does not.
                let is_text = |index: &usize| {
                    let leaf = self.first_leaf(*index).and_then(|leaf| structure.part(leaf));
                    leaf.is_some_and(|part| part.kind.starts_with("text/") && !part.is_attachment())
                };
                let text = part.children.iter().copied().find(is_text);
                if let Some(first) = text.or(part.children.first().copied()) {
                    self.show(first, depth + 1);
                }
            }
            _ if part.is_multipart() => {
                for child in &part.children {
                    self.show(*child, depth + 1);
                }
            }
            _ if part.is_message() => self.show_message(part, depth),
            _ if part.smime.is_some() => self.show_signed(index, part),
            _ => self.show_leaf(index, part),
        }
    }

    fn show_message(&mut self, part: &Part, depth: usize) {
        if let Some(Container::Message(bytes)) = Container::open(self.structure, part, self.depth) {
            return self.show_encoded(&bytes);
        }
        let Some(inner) = part.children.first().and_then(|c| self.structure.part(*c)) else { return };
        self.show_header(self.structure.bytes.get(inner.header.clone()).unwrap_or_default());
        for child in &part.children {
            self.show(*child, depth + 1);
        }
    }

    /// Shows an attached message that was encoded.
    fn show_encoded(&mut self, bytes: &[u8]) {
        let inner = Structure::read(bytes);
        let header = inner.parts.first().map(|part| part.header.clone()).unwrap_or_default();
        self.show_header(bytes.get(header).unwrap_or_default());
        self.show_inside(&inner, None);
    }

    /// Shows what is inside its signature (RFC 8551, section 3.5.2) as if it stood there without.
    fn show_signed(&mut self, index: usize, part: &Part) {
        if let Some(bytes) = signed(self.structure, part, self.depth) {
            self.shown.push(index);
            self.show_inside(&Structure::read(&bytes), Some(part));
        }
    }

    /// Shows what a container has; with `signed`, that part is the container, and the parts are the message's own.
    fn show_inside(&mut self, inner: &Structure<'_>, signed: Option<&Part>) {
        let mut view = View::new(inner, self.purpose);
        view.depth = self.depth + 1;
        view.room = self.room;
        view.show(0, 0);
        if let Some(part) = signed {
            let mut protection = protection::of(inner, &[], "");
            protection.append(&mut view.protection);
            self.protection.extend(protection.into_iter().map(|mut found| {
                found.part = format!("{}.{}", part.number, found.part);
                found
            }));
        }
        (self.room, self.left_out) = (view.room, self.left_out + view.left_out);
        let has_words = self.has_words || view.has_words;
        self.only_pictures += view.only_pictures;
        self.add_made(&view.text);
        self.has_words = has_words;
        self.damaged.extend(view.damaged);
        self.damaged.extend(inner.damaged.iter().copied());
        self.html = self.html.take().or(view.html);
        if let Some(part) = signed {
            let other = view.other_text.map(|number| format!("{}.{number}", part.number));
            self.other_text = self.other_text.take().or(other);
        }
        self.links.extend(view.links);
        self.has_link |= view.has_link;
    }

    /// Shows what a person wants to know of an attached message.
    fn show_header(&mut self, header: &[u8]) {
        let header = Header::read(header);
        let summary = Summary::of(&header);
        if self.purpose == Purpose::Searching {
            let from = summary.from.first().map(|c| if c.name.is_empty() { &c.address } else { &c.name });
            return self.add(&format!("{} {}", summary.subject, from.cloned().unwrap_or_default()));
        }
        let mut block = String::from(super::fold::ATTACHED);
        let mut field = |name: &str, value: &str| {
            if !value.is_empty() {
                block.push_str(&format!("\n{name}: {value}"));
            }
        };
        field("From", &named(&summary.from));
        field("To", &named(&summary.to));
        field("Cc", &named(&summary.cc));
        field("Date", &header.text("Date").unwrap_or_default());
        field("Subject", &summary.subject);
        self.add(&block);
    }

    fn show_leaf(&mut self, index: usize, part: &Part) {
        let is_text = part.kind.starts_with("text/");
        let is_aside = calendar::is_calendar(&part.kind)
            || matches!(part.kind.as_str(), "text/csv" | "text/vcard" | "text/x-vcard" | "text/directory");
        let is_only = self.structure.parts.len() == 1;
        let is_card = calendar::is_calendar(&part.kind) && self.purpose != Purpose::Searching;
        if !is_text || is_card || (!is_only && (part.is_attachment() || is_aside)) {
            return;
        }
        self.shown.push(index);
        let mut damaged = Vec::new();
        let text = self.structure.text(part, &mut damaged);
        self.damaged.extend(damaged);
        match (part.kind.as_str(), self.purpose) {
            ("text/html", _) => self.add_html(&text),
            ("text/plain", _) if html::is_document(&text) && has_content(&text) => self.add_html(&text),
            ("text/rtf", _) => self.add_rich(&self.structure.decoded(part).0),
            ("text/enriched" | "text/richtext", _) => self.add(&enriched::read(&text)),
            ("text/rfc822-headers", Purpose::Reading { .. } | Purpose::Page { .. }) => {
                self.show_header(text.as_bytes())
            }
            (_, Purpose::Reading { width }) if part.is_flowed => {
                self.add(&flowed::reflow(&text, part.is_delsp, width));
            }
            (_, Purpose::Page { .. }) if part.is_flowed => {
                self.add(&flowed::reflow(&text, part.is_delsp, PAGE_WIDTH));
            }
            _ => self.add(&text),
        }
    }

    /// Adds a document as text, and keeps it.
    fn add_html(&mut self, html: &str) {
        match self.purpose {
            Purpose::Reading { width } => {
                self.keep_safe(html);
                let html::Text { text, only_pictures, is_cut } = html::to_text(html, width);
                if is_cut {
                    self.damaged.push(Defect::TextTooLarge);
                }
                let had_words = self.has_words;
                self.add(&text);
                if only_pictures > 0 {
                    self.has_words = had_words;
                    self.only_pictures += only_pictures;
                }
            }
            Purpose::Searching => {
                self.has_link |= html::is_linked(html);
                self.add(&html::to_words(html));
            }
            Purpose::Page { remote } => {
                let structure = self.structure;
                let part = |cid: &str| {
                    let has_it = |part: &&Part| part.content_id.as_deref() == Some(cid);
                    let part = structure.parts.iter().find(has_it)?;
                    Some(structure.decoded(part).0.into_owned())
                };
                let pictures = html::Pictures { remote, part: &part, room: self.room, left_out: 0 };
                let (page, pictures) = html::to_page(html, pictures);
                if let Some(pictures) = pictures {
                    self.room = pictures.room;
                    self.left_out += pictures.left_out;
                }
                // A document that is cut would be none: then its words are.
                match self.text.len() + page.len() <= MAX_TEXT + MAX_PICTURES {
                    true => self.text.push_str(&format!("<div class=\"part\">{page}</div>\n")),
                    false => self.add(&html::to_words(html)),
                }
            }
        }
    }

    fn add_rich(&mut self, rich: &[u8]) {
        match rtf::read(rich) {
            rtf::Text::Plain(text) => self.add(&text),
            rtf::Text::Html(html) => self.add_html(&html),
        }
    }

    fn keep_html(&mut self, index: usize) {
        let html = self.leaf_text(index);
        self.keep_safe(&html);
    }

    fn keep_safe(&mut self, html: &str) {
        if self.html.is_none() {
            let (safe, links) = html::sanitise(html);
            self.html = Some(safe);
            self.links.extend(links);
        }
    }

    /// Adds what was put together as the rest is.
    fn add_made(&mut self, text: &str) {
        match self.purpose {
            Purpose::Page { .. } => self.text.push_str(text),
            _ => self.add(text),
        }
    }

    /// Adds text, an empty line after what is there.
    fn add(&mut self, text: &str) {
        let text = text.trim_end();
        let room = MAX_TEXT.saturating_sub(self.text.len());
        if text.len() > room {
            self.damaged.push(Defect::TextTooLarge);
        }
        let text = text.get(..text.floor_char_boundary(room)).unwrap_or_default();
        if text.trim().is_empty() {
            return;
        }
        if let Purpose::Page { .. } = self.purpose {
            return self.text.push_str(&page::preformatted(text));
        }
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
        self.has_words = true;
        self.text.push_str(text);
    }
}

/// Whether there is anything to see in a document.
fn has_content(html: &str) -> bool {
    html.contains("<img") || html.contains("<IMG") || !html::to_words(html).trim().is_empty()
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
mod tests;
