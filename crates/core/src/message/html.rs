//! HTML made safe and made text.
//!
//! A tolerant reader goes over the document once and keeps only what a reader needs, well nested and not
//! deep: elements known here, links to the web and to mail, the words for pictures. What is hidden from
//! people (preheaders, tracking pictures, scripts) is gone. html2text then lays out only this.

mod list;
mod looks;
mod table;

use super::{clean, entities, safety, style};
use std::borrow::Cow;
use std::fmt::Write as _;

/// The most bytes of a document that are read, pictures in its tags not counted.
const MAX_HTML: usize = 4 * 1024 * 1024;
/// So many bytes a tag counts at most, whatever is in it.
const MAX_TAG: usize = 1024;
/// The deepest nesting kept; elements below lose their tags, not their text.
const MAX_DEPTH: usize = 60;
/// The most links listed below a text.
const MAX_LINKS: usize = 500;
/// What stands around text that is struck out.
const STRUCK: &str = "~~";
/// What stands for a picture without words that leads somewhere.
const PICTURE: &str = "[picture]";

/// A document as text.
pub(super) struct Text {
    pub(super) text: String,
    /// How many pictures are all there is to see; 0 where there are words.
    pub(super) only_pictures: usize,
    /// There is more than is read.
    pub(super) is_cut: bool,
}

/// The text of a document, wrapped at `width` columns, its links numbered and listed at the end.
pub(super) fn to_text(html: &str, width: usize) -> Text {
    let mut reader = Reader::new(Form::Layout);
    reader.width = width.clamp(20, 500);
    reader.go_over(html);
    let only_pictures = if reader.has_words { 0 } else { reader.seen_pictures };
    let (safe, links, is_cut) = (reader.out, reader.links, reader.is_cut);
    // html2text promises no panic, but reads what strangers wrote.
    let laid_out = std::panic::catch_unwind(|| {
        let config = html2text::config::with_decorator(list::Decorator::new());
        let config = config.allow_width_overflow().link_footnotes(false);
        config.string_from_read(safe.as_bytes(), width.clamp(20, 500)).ok()
    });
    let text = match laid_out {
        Ok(Some(text)) => text,
        _ => to_words(html),
    };
    let mut text = squeeze(&text);
    if !links.is_empty() && !text.is_empty() {
        text.push('\n');
        for (at, link) in links.iter().enumerate() {
            let _ = writeln!(text, "[{}] {link}", at + 1);
        }
    }
    Text { text, only_pictures, is_cut }
}

/// The words of a document, for searching and comparing: one line a block, not laid out, no links.
pub(super) fn to_words(html: &str) -> String {
    squeeze(&Reader::read(html, Form::Words).out)
}

/// The document without anything that acts, loads or tracks: the elements kept have no attributes but the
/// target of a link. The links it has come with it.
pub(super) fn sanitise(html: &str) -> (String, Vec<Link>) {
    let reader = Reader::read(html, Form::Safe);
    (reader.out, reader.seen)
}

/// What a picture counts at least, in octets.
const LEAST: usize = 4096;

/// Where the pictures of a document are found.
pub(super) struct Pictures<'a> {
    /// Those of other servers are loaded.
    pub(super) remote: bool,
    /// The octets of the part with a Content-ID.
    pub(super) part: &'a dyn Fn(&str) -> Option<Vec<u8>>,
    /// Octets that pictures may still take.
    pub(super) room: usize,
    /// How many of other servers were left out.
    pub(super) left_out: usize,
}

impl Pictures<'_> {
    /// A picture's address, as the page is to have it.
    fn address(&mut self, source: &str) -> Option<String> {
        let (scheme, rest) = source.split_once(':').filter(|_| self.room > 0)?;
        let bytes = match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" if self.remote && source.len() <= 8000 => return Some(source.to_owned()),
            "http" | "https" => {
                self.left_out += 1;
                return None;
            }
            "cid" => (self.part)(&unescaped(rest)),
            "data" => looks::data_of(rest),
            _ => return None,
        };
        let address = bytes.as_deref().and_then(looks::data_url);
        // To look for one that is not there costs too.
        let cost =
            bytes.map_or(0, |bytes| bytes.len()).max(address.as_ref().map_or(0, String::len)).max(LEAST);
        let room = self.room.checked_sub(cost);
        self.room = room.unwrap_or(0);
        room.and(address)
    }
}

/// `%40` and the like as what they stand for (RFC 2392).
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The document for a browser: as [`sanitise`], and with its pictures and what can be kept of its looks. Links whose text
/// names another host say where they lead.
pub(super) fn to_page<'p>(html: &str, pictures: Pictures<'p>) -> (String, Option<Pictures<'p>>) {
    let mut reader = Reader::new(Form::Page);
    reader.pictures = Some(pictures);
    reader.go_over(html);
    (reader.out, reader.pictures)
}

/// Whether a document has a reference to the web.
pub(super) fn is_linked(html: &str) -> bool {
    webs(html).any(|before| {
        let before = before.trim_end_matches(['"', '\'']).trim_end();
        let name = before.strip_suffix('=').unwrap_or_default().trim_end();
        name.len()
            .checked_sub(4)
            .and_then(|at| name.get(at..))
            .is_some_and(|name| name.eq_ignore_ascii_case("href"))
    })
}

/// Whether plain text names a place in the web.
pub(super) fn names_web(text: &str) -> bool {
    webs(text).next().is_some()
}

/// What stands before each `http://` and `https://`.
fn webs(text: &str) -> impl Iterator<Item = &str> {
    memchr::memmem::find_iter(text.as_bytes(), b"://").filter_map(|at| {
        let before = text.get(..at)?.as_bytes();
        ["https", "http"].iter().find_map(|scheme| {
            let (lead, found) = before.split_at_checked(before.len().checked_sub(scheme.len())?)?;
            found.eq_ignore_ascii_case(scheme.as_bytes()).then(|| text.get(..lead.len()))?
        })
    })
}

/// Whether text that was not said to be HTML is a whole document of it.
pub(super) fn is_document(text: &str) -> bool {
    let start = text.trim_start();
    let start = start.get(..start.floor_char_boundary(20)).unwrap_or_default().to_ascii_lowercase();
    start.starts_with("<html") || start.starts_with("<!doctype html")
}

/// A link as a reader sees it, and where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) text: String,
    pub(super) target: String,
}

/// No more than one empty line in a row, none at either end, no blanks at line ends.
fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines() {
        let line = line.trim_end();
        if line.trim_start_matches(['\u{a0}', ' ']).is_empty() {
            empty += 1;
            continue;
        }
        if empty > 0 && !out.is_empty() {
            out.push('\n');
        }
        empty = 0;
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Safe HTML for the layout: tables opened, links numbered.
    Layout,
    /// Safe HTML for a program.
    Safe,
    /// Safe HTML for a browser.
    Page,
    /// Text.
    Words,
}

/// What is done with an element.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A block, written as the element named.
    Block(&'static str),
    /// A table, its row or its cell.
    Table,
    Row,
    Cell,
    Inline(&'static str),
    Link,
    Break,
    Rule,
    Image,
    /// Gone with all inside.
    Dropped,
    /// Gone with all inside, which is not HTML.
    Raw,
    /// Only its tags are gone.
    Unknown,
}

fn kind(name: &str) -> Kind {
    match name {
        "p" => Kind::Block("p"),
        "div" | "center" | "section" | "article" | "header" | "footer" | "main" | "nav" | "aside"
        | "figure" | "figcaption" | "option" | "address" | "fieldset" | "form" | "caption" | "details"
        | "summary" => Kind::Block("div"),
        "h1" => Kind::Block("h1"),
        "h2" => Kind::Block("h2"),
        "h3" => Kind::Block("h3"),
        "h4" | "h5" | "h6" => Kind::Block("h4"),
        "blockquote" => Kind::Block("blockquote"),
        "ul" | "menu" | "dir" => Kind::Block("ul"),
        "ol" => Kind::Block("ol"),
        "li" => Kind::Block("li"),
        "dl" => Kind::Block("dl"),
        "dt" => Kind::Block("dt"),
        "dd" => Kind::Block("dd"),
        "pre" | "listing" => Kind::Block("pre"),
        "table" => Kind::Table,
        "tr" => Kind::Row,
        "td" | "th" => Kind::Cell,
        "b" | "strong" => Kind::Inline("strong"),
        "i" | "em" | "cite" => Kind::Inline("em"),
        "code" | "tt" | "kbd" | "samp" => Kind::Inline("code"),
        "sub" => Kind::Inline("sub"),
        "sup" => Kind::Inline("sup"),
        "u" => Kind::Inline("u"),
        "s" | "strike" | "del" => Kind::Inline("s"),
        "span" | "font" | "ins" | "small" | "big" | "label" | "q" | "button" | "select" | "svg" | "text" => {
            Kind::Inline("")
        }
        "a" => Kind::Link,
        "br" => Kind::Break,
        "hr" => Kind::Rule,
        "img" => Kind::Image,
        "script" | "style" | "title" | "textarea" | "xmp" | "iframe" | "noembed" | "noframes" => Kind::Raw,
        // What is only described or kept for later in a drawing.
        "defs" | "desc" | "metadata" | "symbol" | "clippath" => Kind::Dropped,
        "template" | "object" | "applet" | "math" | "audio" | "video" | "canvas" | "map" => Kind::Dropped,
        _ => Kind::Unknown,
    }
}

/// An open element.
struct Open<'a> {
    name: Cow<'a, str>,
    kind: Kind,
    hidden: bool,
    /// Set in letters too small to see, unless an element inside says otherwise.
    tiny: bool,
    /// Where its text begins in the output, and where it leads, for links.
    link: Option<(usize, String)>,
    /// Where its content begins in the output, and whether a picture without words is in it, or a choice.
    start: usize,
    has_picture: bool,
    has_option: bool,
    /// What counts the items, of an ordered list.
    marks: list::Marks,
}

struct Reader<'a, 'p> {
    form: Form,
    /// Columns of the layout, and the tables that are open in it.
    width: usize,
    tables: Vec<table::Table>,
    /// Of a page.
    pictures: Option<Pictures<'p>>,
    out: String,
    open: Vec<Open<'a>>,
    links: Vec<String>,
    /// Links with their texts, of the safe form.
    seen: Vec<Link>,
    /// Classes that the document's own style hides.
    hidden: Vec<String>,
    /// Set once a comment was met that never ends, so that its end is not looked for again.
    endless_comment: bool,
    /// Whether there are words that people see, and how many pictures.
    has_words: bool,
    seen_pictures: usize,
    /// There was more than is read.
    is_cut: bool,
}

impl<'a> Reader<'a, '_> {
    fn read(html: &'a str, form: Form) -> Self {
        let mut reader = Self::new(form);
        reader.go_over(html);
        reader
    }

    fn new(form: Form) -> Self {
        Self {
            form,
            width: 0,
            tables: Vec::new(),
            pictures: None,
            out: String::new(),
            open: Vec::new(),
            links: Vec::new(),
            seen: Vec::new(),
            hidden: Vec::new(),
            endless_comment: false,
            has_words: false,
            seen_pictures: 0,
            is_cut: false,
        }
    }

    fn go_over(&mut self, html: &'a str) {
        let (mut rest, mut room) = (html, MAX_HTML);
        while !rest.is_empty() && room > 0 {
            let at = rest.find('<').unwrap_or(rest.len());
            let (text, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
            let shown = text.get(..text.floor_char_boundary(room)).unwrap_or_default();
            self.is_cut |= shown.len() < text.len();
            self.text(shown);
            rest = self.markup(from);
            room = room.saturating_sub(text.len() + (from.len() - rest.len()).min(MAX_TAG));
        }
        self.is_cut |= !rest.is_empty();
        self.close_to(0);
    }

    /// Reads what begins with `<`; what follows it.
    fn markup(&mut self, from: &'a str) -> &'a str {
        let Some(after) = from.strip_prefix('<') else { return from };
        if let Some(comment) = after.strip_prefix("!--") {
            if let Some(rest) = comment.strip_prefix('>').or_else(|| comment.strip_prefix("->")) {
                return rest;
            }
            let end = if self.endless_comment { None } else { comment.split_once("-->") };
            self.endless_comment |= end.is_none();
            // A comment without an end was meant to be a tag.
            return end.or_else(|| comment.split_once('>')).map_or("", |(_, rest)| rest);
        }
        if after.starts_with(['!', '?']) {
            return after.split_once('>').map_or("", |(_, rest)| rest);
        }
        let (is_close, tag) = after.strip_prefix('/').map_or((false, after), |t| (true, t));
        if !tag.starts_with(|c: char| c.is_ascii_alphabetic()) {
            self.text("<");
            return after;
        }
        let end = tag.find(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/')).unwrap_or(tag.len());
        let (name, rest) = tag.split_at_checked(end).unwrap_or((tag, ""));
        let name = if name.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        };
        let (attributes, rest) = Attributes::read(rest);
        if is_close {
            self.close(&name);
            return rest;
        }
        if kind(&name) == Kind::Raw {
            let (content, after) = raw_content(rest, &name);
            match name.as_ref() {
                "style" => style::hidden_classes(content, &mut self.hidden),
                "textarea" => self.preformatted(content, &attributes),
                // Not even entities are any.
                "xmp" => self.preformatted(&content.replace('&', "&amp;"), &attributes),
                _ => {}
            }
            return after;
        }
        // In a drawing an element may end where it begins.
        let is_empty = tag.get(..tag.len() - rest.len()).is_some_and(|tag| tag.ends_with("/>"));
        if !(is_empty && is_of_drawing(&name)) {
            self.element(name, &attributes);
        }
        rest
    }

    /// Text as it stands in the document.
    fn preformatted(&mut self, text: &str, attributes: &Attributes<'_>) {
        self.element(Cow::Borrowed("pre"), attributes);
        self.text(text);
        self.close("pre");
    }

    fn element(&mut self, name: Cow<'a, str>, attributes: &Attributes<'_>) {
        // Its background belongs to letters that may be white.
        let is_page = self.form == Form::Page;
        let kind = match kind(&name) {
            _ if is_page && name == "body" => Kind::Block("div"),
            Kind::Inline("") if attributes.strikes() => Kind::Inline("s"),
            kind => kind,
        };
        if name == "option" {
            // The one before may be hidden, and this one is not in it.
            self.imply_end(kind, &name);
        }
        let parent = self.open.last();
        let (mut hidden, mut tiny) = parent.map_or((false, false), |p| (p.hidden, p.tiny));
        hidden |= kind == Kind::Dropped || attributes.hides() || self.is_hidden_class(attributes);
        tiny = attributes.font_is_tiny().unwrap_or(tiny);
        hidden |= name == "option" && !self.is_chosen(attributes);
        if !hidden && matches!(kind, Kind::Rule | Kind::Image) {
            self.start_in_table(kind, &name);
        }
        match kind {
            Kind::Break if !hidden => self.raw(if self.form == Form::Words { "\n" } else { "<br>" }),
            Kind::Rule if !hidden => self.raw(if self.form == Form::Words { "\n" } else { "<hr>" }),
            Kind::Image if !hidden && is_page => self.picture(attributes),
            Kind::Image if !hidden => self.image(attributes),
            Kind::Break | Kind::Rule | Kind::Image | Kind::Unknown | Kind::Raw => {}
            _ => {
                self.imply_end(kind, &name);
                if self.open.len() >= MAX_DEPTH {
                    return self.raw(if self.form == Form::Words { "\n" } else { " " });
                }
                let link = (kind == Kind::Link).then(|| attributes.href()).flatten();
                if !hidden {
                    self.start_in_table(kind, &name);
                    if kind == Kind::Table && self.form == Form::Layout {
                        self.tables.push(table::Table::open(self.out.len(), attributes));
                    }
                    if is_page {
                        self.start_of_page(kind, &name, attributes, link.as_deref());
                    } else if !self.start_of_list(kind, attributes) {
                        self.start_tag(kind, link.as_deref());
                    }
                }
                if kind == Kind::Cell
                    && !hidden
                    && let Some(table) = self.tables.last_mut()
                {
                    table.open_cell(self.out.len(), name == "th", attributes);
                }
                let link = link.map(|target| (self.out.len(), target));
                let is_list = kind == Kind::Block("ol");
                let marks = if is_list { list::Marks::of(attributes) } else { list::Marks::Decimal };
                let start = self.out.len();
                self.open.push(Open {
                    name,
                    kind,
                    hidden,
                    tiny,
                    link,
                    start,
                    has_picture: false,
                    has_option: false,
                    marks,
                });
            }
        }
    }

    /// Whether a choice is seen before anybody chooses: the first one, or what the document says.
    fn is_chosen(&mut self, attributes: &Attributes<'_>) -> bool {
        let Some(select) = self.open.iter_mut().rfind(|open| open.name == "select") else { return true };
        let is_first = !std::mem::replace(&mut select.has_option, true);
        is_first || attributes.0.iter().any(|(name, _)| name == "selected")
    }

    fn is_hidden_class(&self, attributes: &Attributes<'_>) -> bool {
        let is_hidden = |class: &str| self.hidden.iter().any(|hidden| hidden == class);
        !self.hidden.is_empty()
            && attributes.get("class").is_some_and(|classes| classes.split_ascii_whitespace().any(is_hidden))
    }

    /// Tells the innermost table what begins in it.
    fn start_in_table(&mut self, kind: Kind, name: &str) {
        let Some(table) = self.tables.last_mut() else { return };
        match kind {
            Kind::Row => table.row(),
            Kind::Link | Kind::Image => table.link(),
            Kind::Block("p") => {}
            Kind::Block("div") if name != "form" => {}
            // A table that holds another one is for the layout.
            Kind::Table | Kind::Block(_) | Kind::Rule => table.spoil(),
            _ => {}
        }
    }

    fn end_in_table(&mut self, open: &Open<'_>) {
        if open.kind == Kind::Cell
            && let Some(table) = self.tables.last_mut()
        {
            table.close_cell(self.out.len());
        }
    }

    /// Draws a table that holds data, in place of what was written of it.
    fn end_table(&mut self, open: &Open<'_>) {
        if open.kind != Kind::Table {
            return;
        }
        let Some(table) = self.tables.pop() else { return };
        let is_indented = |o: &&Open<'_>| matches!(o.kind, Kind::Block("blockquote" | "li" | "dd"));
        let width = self.width.saturating_sub(4 * self.open.iter().filter(is_indented).count());
        let is_pre = self.open.iter().any(|o| o.kind == Kind::Block("pre") || o.kind == Kind::Link);
        if let Some((start, grid)) = table.grid(&self.out, width).filter(|_| !is_pre) {
            self.out.truncate(start);
            self.raw(&grid);
        }
    }

    /// Ends what an opening tag ends without saying so.
    fn imply_end(&mut self, kind: Kind, name: &str) {
        let within = |open: &[Open<'_>], wall: fn(Kind) -> bool, ends: &dyn Fn(&Open<'_>) -> bool| {
            let inside = open.iter().rposition(|o| wall(o.kind)).map_or(0, |at| at + 1);
            open.iter().skip(inside).position(ends).map(|at| inside + at)
        };
        let is_list = |k: Kind| matches!(k, Kind::Block("ul" | "ol" | "dl") | Kind::Table);
        let is_table = |k: Kind| k == Kind::Table;
        let is_cell = |k: Kind| matches!(k, Kind::Table | Kind::Row);
        let end = match kind {
            Kind::Block(_) if name == "option" => {
                let last = self.open.iter().rposition(|o| o.name == "select" || o.name == "option");
                last.filter(|at| self.open.get(*at).is_some_and(|o| o.name == "option"))
            }
            Kind::Row => within(&self.open, is_table, &|o| o.kind == Kind::Row),
            Kind::Cell => within(&self.open, is_cell, &|o| o.kind == Kind::Cell),
            Kind::Block("li") => within(&self.open, is_list, &|o| o.kind == Kind::Block("li")),
            Kind::Block("dt" | "dd") => {
                within(&self.open, is_list, &|o| matches!(o.kind, Kind::Block("dt" | "dd")))
            }
            Kind::Link => within(&self.open, is_table, &|o| o.kind == Kind::Link),
            Kind::Block(_) if name != "span" => {
                let last = self.open.len().checked_sub(1);
                last.filter(|at| self.open.get(*at).is_some_and(|o| o.kind == Kind::Block("p")))
            }
            _ => None,
        };
        if let Some(end) = end {
            self.close_to(end);
        }
    }

    fn close(&mut self, name: &str) {
        // A closing tag does not reach out of its table, unless it closes the table.
        let wall =
            self.open.iter().rposition(|o| o.kind == Kind::Table).filter(|_| name != "table").unwrap_or(0);
        if let Some(at) = self.open.iter().skip(wall).rposition(|o| o.name == name) {
            self.close_to(wall + at);
        } else if matches!(kind(name), Kind::Block("p")) || name == "br" {
            self.raw(if self.form == Form::Words { "\n" } else { "<br>" });
        }
    }

    fn close_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            let Some(open) = self.open.pop() else { return };
            if !open.hidden {
                self.end_in_table(&open);
                self.end_tag(&open);
                self.end_table(&open);
            }
        }
    }

    fn start_tag(&mut self, kind: Kind, link: Option<&str>) {
        let form = self.form;
        match kind {
            Kind::Block(_) | Kind::Table | Kind::Row if form == Form::Words => self.raw("\n"),
            Kind::Block(name) => self.tag("<", name),
            Kind::Table if form == Form::Safe => self.raw("<table>"),
            Kind::Row if form == Form::Safe => self.raw("<tr>"),
            Kind::Cell if form == Form::Safe => self.raw("<td>"),
            Kind::Table | Kind::Row => self.raw("<div>"),
            Kind::Inline(name) if form == Form::Safe && !name.is_empty() => self.tag("<", name),
            Kind::Inline(name @ ("code" | "sup")) if form == Form::Layout => self.tag("<", name),
            Kind::Inline("s") if form == Form::Layout => self.raw(STRUCK),
            Kind::Link if form == Form::Safe => {
                if let Some(target) = link {
                    let _ = write!(self.out, "<a href=\"{}\" rel=\"noreferrer\">", escape(target));
                }
            }
            _ => {}
        }
    }

    /// Begins an ordered list or an item of one; whether this is one.
    fn start_of_list(&mut self, kind: Kind, attributes: &Attributes<'_>) -> bool {
        let is_list = kind == Kind::Block("ol");
        if self.form == Form::Words || !(is_list || kind == Kind::Block("li")) {
            return false;
        }
        let number = list::number(attributes, if is_list { "start" } else { "value" });
        let around = || {
            let around = self.open.iter().rfind(|o| matches!(o.kind, Kind::Block("ol" | "ul")));
            around.filter(|list| list.kind == Kind::Block("ol")).map(|list| list.marks)
        };
        match (is_list, self.form) {
            (true, Form::Layout) => {
                let start = list::Marks::of(attributes).coded(number.unwrap_or(1));
                let _ = write!(self.out, "<ol start=\"{start}\">");
            }
            (false, Form::Layout) => {
                // The layout counts on by itself, so that it begins another list.
                if let Some((number, marks)) = number.zip(around()) {
                    let _ = write!(self.out, "</ol><ol start=\"{}\">", marks.coded(number));
                }
                self.raw("<li>");
            }
            (_, _) => {
                let (element, numbers) = (if is_list { "ol" } else { "li" }, list::numbers(attributes, kind));
                let _ = write!(self.out, "<{element}{numbers}>");
            }
        }
        true
    }

    /// An opening tag with what is kept of its looks.
    fn start_of_page(&mut self, kind: Kind, name: &str, attributes: &Attributes<'_>, link: Option<&str>) {
        let looks = looks::of(attributes);
        if kind != Kind::Link {
            let (element, numbers) = (page_element(kind, name), list::numbers(attributes, kind));
            let _ = write!(self.out, "<{element}{numbers}{looks}>");
        } else if let Some(target) = link {
            let target = escape(&clean::clean_line(target));
            let _ = write!(
                self.out,
                "<a href=\"{target}\" title=\"{target}\" rel=\"noreferrer noopener\" target=\"_blank\"{looks}>"
            );
        }
    }

    fn end_tag(&mut self, open: &Open<'_>) {
        let form = self.form;
        if form == Form::Page && open.kind != Kind::Link {
            return self.tag("</", page_element(open.kind, &open.name));
        }
        match open.kind {
            Kind::Block(_) | Kind::Table | Kind::Row if form == Form::Words => self.raw("\n"),
            Kind::Block(name) => self.tag("</", name),
            Kind::Table if form == Form::Safe => self.raw("</table>"),
            Kind::Row if form == Form::Safe => self.raw("</tr>"),
            Kind::Cell if form == Form::Safe => self.raw("</td>"),
            Kind::Table | Kind::Row => self.raw("</div>"),
            // Two blanks the layout keeps, so that cells of one row stay apart.
            Kind::Cell if form == Form::Layout => self.raw(" &nbsp;"),
            Kind::Cell => self.raw(" "),
            Kind::Inline(name) if form == Form::Safe && !name.is_empty() => self.tag("</", name),
            Kind::Inline(name @ ("code" | "sup")) if form == Form::Layout => self.tag("</", name),
            Kind::Inline("s") if form == Form::Layout => {
                if self.out.len() == open.start {
                    self.out.truncate(open.start - STRUCK.len());
                } else {
                    self.raw(STRUCK);
                }
            }
            Kind::Link => self.end_link(open),
            _ => {}
        }
    }

    /// Numbers a link whose text does not already say where it leads.
    fn end_link(&mut self, open: &Open<'_>) {
        let Some((start, target)) = &open.link else { return };
        if open.has_picture && self.form != Form::Words {
            let written = self.out.get(*start..).unwrap_or_default();
            let text = without_tags(written);
            // Pictures that are one cut in pieces lead to one place.
            let is_known = self.form == Form::Layout && self.links.iter().rev().take(50).any(|l| l == target);
            if entities::decode(&text).trim().is_empty() && !written.contains("<img") && !is_known {
                self.raw(PICTURE);
            }
        }
        match self.form {
            Form::Safe => {
                if self.seen.len() < MAX_LINKS {
                    let text = without_tags(self.out.get(*start..).unwrap_or_default());
                    let text = entities::decode(&text).trim().to_owned();
                    self.seen.push(Link { text, target: target.clone() });
                }
                self.raw("</a>");
            }
            Form::Page => {
                let text =
                    entities::decode(&without_tags(self.out.get(*start..).unwrap_or_default())).into_owned();
                self.raw("</a>");
                if let Some((_, host)) = safety::leads_elsewhere(text.trim(), target) {
                    let host = escape(&clean::clean_line(host));
                    let _ = write!(self.out, "<span class=\"leads\"> [leads to {host}]</span>");
                }
            }
            Form::Words => {}
            Form::Layout => {
                let text = without_tags(self.out.get(*start..).unwrap_or_default());
                let text = entities::decode(&text);
                let text = text.trim().trim_end_matches('/');
                let plain = target.trim_start_matches("mailto:").trim_end_matches('/');
                let short = plain.trim_start_matches("https://").trim_start_matches("http://");
                if text.is_empty() || text == plain || text == short {
                    return;
                }
                let known = self.links.iter().rev().take(50).position(|l| l == target);
                let number = match known {
                    Some(back) => self.links.len() - back,
                    None if self.links.len() < MAX_LINKS => {
                        self.links.push(target.clone());
                        self.links.len()
                    }
                    None => return,
                };
                let _ = write!(self.out, "&nbsp;[{number}]");
            }
        }
    }

    /// A picture itself, or its words.
    fn picture(&mut self, attributes: &Attributes<'_>) {
        let source = attributes.get("src").unwrap_or_default();
        if attributes.is_beacon() || source.trim().is_empty() {
            return;
        }
        let address = self.pictures.as_mut().and_then(|pictures| pictures.address(source.trim()));
        let Some(address) = address else { return self.image(attributes) };
        let alt = attributes.get("alt").unwrap_or_default();
        let (alt, looks) = (escape(&clean::clean_line(&alt)), looks::of(attributes));
        let _ = write!(self.out, "<img src=\"{}\" alt=\"{alt}\"{looks}>", escape(&address));
    }

    fn image(&mut self, attributes: &Attributes<'_>) {
        let alt = attributes.get("alt").unwrap_or_default();
        if attributes.is_beacon() {
            return;
        }
        self.seen_pictures += 1;
        if alt.trim().is_empty() {
            if let Some(link) = self.open.iter_mut().rfind(|open| open.link.is_some()) {
                link.has_picture = true;
            }
        } else {
            let alt = entities::decode(&alt);
            self.has_words = true;
            self.text("[");
            self.raw_text(&escape(alt.trim()));
            self.text("]");
        }
    }

    /// Text with its entities as in the source.
    fn text(&mut self, text: &str) {
        if !text.is_empty() && !self.open.last().is_some_and(|o| o.hidden || o.tiny) {
            self.has_words = self.has_words || !entities::decode(text).trim().is_empty();
            let text = if text.contains(['<', '>']) { escape_angles(text) } else { Cow::Borrowed(text) };
            self.raw_text(&text);
        }
    }

    fn raw_text(&mut self, text: &str) {
        if self.form == Form::Page {
            // No character is written in a way that only a browser understands.
            let text = escape(&clean::clean(&entities::decode(text)));
            return self.out.push_str(&text);
        }
        if self.form != Form::Words {
            return self.out.push_str(text);
        }
        let text = entities::decode(text);
        if self.open.iter().any(|o| o.kind == Kind::Block("pre")) {
            return self.out.push_str(&text);
        }
        for (at, word) in text.split([' ', '\n', '\t', '\r']).enumerate() {
            if at > 0 && !self.out.ends_with([' ', '\n']) {
                self.out.push(' ');
            }
            self.out.push_str(word);
        }
    }

    fn tag(&mut self, start: &str, name: &str) {
        self.out.push_str(start);
        self.out.push_str(name);
        self.out.push('>');
    }

    fn raw(&mut self, markup: &str) {
        self.out.push_str(markup);
    }
}

/// The element that a page has for one of a document. No name of the document's own is ever written.
fn page_element(kind: Kind, name: &str) -> &'static str {
    match (kind, name) {
        (Kind::Block(name), _) => name,
        (Kind::Table, _) => "table",
        (Kind::Row, _) => "tr",
        (Kind::Cell, "th") => "th",
        (Kind::Cell, _) => "td",
        (Kind::Inline(""), "font") => "font",
        (Kind::Inline(name), _) if !name.is_empty() => name,
        _ => "span",
    }
}

/// An element whose content is no HTML: that content, and what follows it.
fn raw_content<'a>(rest: &'a str, name: &str) -> (&'a str, &'a str) {
    let mut from = rest;
    while let Some((_, after)) = from.split_once("</") {
        if after.get(..name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name)) {
            let content = rest.get(..rest.len() - after.len() - 2).unwrap_or_default();
            return (content, after.split_once('>').map_or("", |(_, rest)| rest));
        }
        from = after;
    }
    (rest, "")
}

/// Whether an element is of SVG.
fn is_of_drawing(name: &str) -> bool {
    matches!(name, "svg" | "text" | "defs" | "desc" | "metadata" | "symbol" | "clippath")
}

/// The attributes of a tag, names in lower case, values as in the source.
struct Attributes<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'a> Attributes<'a> {
    /// Reads up to the closing `>`; the attributes, and what follows the tag.
    fn read(mut rest: &'a str) -> (Self, &'a str) {
        let mut found = Vec::new();
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            if rest.is_empty() {
                return (Self(found), "");
            }
            if let Some(after) = rest.strip_prefix('>') {
                return (Self(found), after);
            }
            let end = rest
                .char_indices()
                .skip(1)
                .find(|(_, c)| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/'))
                .map_or(rest.len(), |(at, _)| at);
            let (name, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            let (value, after) = attribute_value(after);
            if found.len() < 50 {
                let name = if name.bytes().any(|b| b.is_ascii_uppercase()) {
                    Cow::Owned(name.to_ascii_lowercase())
                } else {
                    Cow::Borrowed(name)
                };
                found.push((name, value));
            }
            rest = after;
        }
    }

    fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| entities::decode(v))
    }

    fn style(&self) -> String {
        let style = self.get("style").unwrap_or_default().to_ascii_lowercase();
        style.chars().filter(|c| !c.is_whitespace()).collect()
    }

    fn hides(&self) -> bool {
        if self.0.iter().any(|(n, _)| n == "hidden") {
            return true;
        }
        style::hides(&self.style())
    }

    /// Whether the element strikes its text out.
    fn strikes(&self) -> bool {
        let is_said = |style: Cow<'_, str>| style.contains("line-through");
        self.get("style").is_some_and(is_said)
            && self.style().split(';').any(|d| d.starts_with("text-decoration") && d.contains("line-through"))
    }

    /// Whether the element sets letters that nobody sees; `None` when it does not say.
    fn font_is_tiny(&self) -> Option<bool> {
        let style = self.style();
        let size = style.split(';').filter_map(|d| d.strip_prefix("font-size:")).next_back()?;
        Some(style::is_zero(size) || size.starts_with("1px"))
    }

    /// Whether a picture is too small to be one.
    fn is_beacon(&self) -> bool {
        let is_dot = |name: &str| {
            let size = self.get(name).unwrap_or_default();
            size.trim().trim_end_matches("px").parse::<u32>().is_ok_and(|n| n <= 2)
        };
        let style = self.style();
        let is_styled = |name: &str| {
            let size = style.split(';').filter_map(|d| d.strip_prefix(name)?.strip_prefix(':')).next_back();
            size.is_some_and(|size| style::is_zero(size) || size.starts_with("1px"))
        };
        (is_dot("width") && is_dot("height")) || (is_styled("width") && is_styled("height"))
    }

    /// A target that leads to the web, to mail or to a telephone.
    fn href(&self) -> Option<String> {
        let href = self.get("href")?;
        let href: String = href.trim().chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
        let (scheme, _) = href.split_once(':')?;
        let known = ["http", "https", "mailto", "tel"].iter().any(|s| scheme.eq_ignore_ascii_case(s));
        (known && href.len() <= 8000).then_some(href)
    }
}

/// `= value` after an attribute's name, and what follows.
fn attribute_value(after: &str) -> (&str, &str) {
    let Some(value) = after.trim_ascii_start().strip_prefix('=') else { return ("", after) };
    let value = value.trim_ascii_start();
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    let end = value.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(value.len());
    value.split_at_checked(end).unwrap_or((value, ""))
}

/// The text of what was written, in which no angle bracket stands but a tag's.
fn without_tags(markup: &str) -> String {
    markup
        .split('<')
        .enumerate()
        .map(|(at, t)| if at == 0 { t } else { t.split_once('>').map_or("", |p| p.1) })
        .collect()
}

fn escape_angles(text: &str) -> Cow<'_, str> {
    Cow::Owned(text.replace('<', "&lt;").replace('>', "&gt;"))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(html: &str) -> String {
        to_text(html, 72).text
    }

    #[test]
    fn a_document_becomes_text() {
        assert_eq!(
            text("<h1>Title</h1><p>One <b>two</b>\nthree&hellip;</p><ul><li>a<li>b</ul><pre>x\n  y</pre>"),
            "# Title\n\nOne two three…\n* a\n* b\n\nx\n  y\n"
        );
        assert_eq!(text("<blockquote><p>said</p></blockquote>reply"), "> said\n\nreply\n");
    }

    #[test]
    fn links_are_numbered_unless_their_text_says_it() {
        assert_eq!(
            text(
                "<a href='https://example.org/a?b&amp;c'>here</a> and <a href=\"https://example.org/a?b&c\">there</a>"
            ),
            "here\u{a0}[1] and there\u{a0}[1]\n\n[1] https://example.org/a?b&c\n"
        );
        assert_eq!(text("<a href=https://example.org/>example.org</a>"), "example.org\n");
        assert_eq!(text("<a href='mailto:a@b.example'>a@b.example</a>"), "a@b.example\n");
        assert_eq!(text("<a href='http://x/'><p>&nbsp;</p></a>a"), "a\n");
        assert_eq!(text("<a href='javascript:x()'>x</a> <a>y</a>"), "x y\n");
    }

    #[test]
    fn what_people_do_not_see_is_not_read() {
        for hidden in [
            "<div style='display: none'>no</div>",
            "<span hidden>no</span>",
            "<div style=\"max-height:0px; overflow:hidden\"><p>no</p></div>",
            "<span style='FONT-SIZE:0'>no</span>",
            "<div style='mso-hide:all'>no<div>no</div>no</div>",
            "<style>no</style><script>if (a<b) no</script>",
            "<!-- no --><!--[if mso]>no<![endif]--><!--><!--->",
            "<!--#no>",
            "<img src=x alt=no width=1 height=1><img src=x>",
            "<title>no</title>",
            "<svg><title>no</title><desc>no</desc><defs/><path d=x /></svg>",
        ] {
            assert_eq!(text(&format!("a{hidden}b")).replace('\n', ""), "ab", "{hidden}");
        }
        assert_eq!(text("<td style='font-size:0px'><div style='font-size:14px'>yes</div></td>"), "yes\n");
        assert_eq!(text("<p style='opacity:0.9'>yes</p>"), "yes\n");
        assert_eq!(text("<img alt='A &amp; B' width=100 height=1>"), "[A & B]\n");
    }

    #[test]
    fn what_the_documents_style_hides_is_not_read() {
        let style = "<style>/* x */ .pre, td.b { display : none !important } @media (max-width:9px) { .m{display:none} } .c{display:none} .c{display:block}</style>";
        let html =
            format!("{style}<p class='x pre'>no</p><p class=m>one</p><p class=c>two</p><td class=b>no");
        assert_eq!(text(&html), "one\n\ntwo\n");
        assert_eq!(
            text("<p style='text-indent:-9999px'>no</p><p style='color: transparent'>no</p>yes"),
            "yes\n"
        );
    }

    #[test]
    fn links_around_pictures_are_numbered() {
        let listed = "\n\n[1] https://sign.example/doc/1\n";
        let link = |inside: &str| text(&format!("<a href=https://sign.example/doc/1>{inside}</a>"));
        assert_eq!(link("<img src=x>"), format!("[picture]\u{a0}[1]{listed}"));
        assert_eq!(link("<span> <img src=x> <img></span>"), format!("[picture]\u{a0}[1]{listed}"));
        let cut = "<img src=x></a><a href=https://sign.example/doc/1><img src=y>";
        assert_eq!(link(cut), link("<img src=x>"));
        assert_eq!(link("<img src=x alt=Sign>"), format!("[Sign]\u{a0}[1]{listed}"));
        assert_eq!(link("<img src=x>Sign"), format!("Sign\u{a0}[1]{listed}"));
        for beacon in [
            "<img src=x width=1 height=1>",
            "<img src=x style='display:none'>",
            "<img src=x style='width:1px; height: 1px'>",
        ] {
            assert_eq!(link(beacon), "", "{beacon}");
        }
        assert_eq!(
            sanitise("<a href=https://e.example><img src=x></a>").0,
            "<a href=\"https://e.example\" rel=\"noreferrer\">[picture]</a>"
        );
        assert_eq!(to_words("<a href=https://e.example><img src=x></a>"), "");
        let pictures = Pictures { remote: false, part: &|_| None, room: 0, left_out: 0 };
        assert!(to_page("<a href=https://e.example><img src=x></a>", pictures).0.contains(">[picture]</a>"));
    }

    #[test]
    fn pictures_that_are_all_there_is_are_counted() {
        let pictures = |html| to_text(html, 72).only_pictures;
        assert_eq!(
            pictures("<p>&nbsp;<img src=x><a href=http://x><img src=y></a><img width=1 height=1 src=z>"),
            2
        );
        assert_eq!(pictures("<img src=x><p>Hello"), 0);
        assert_eq!(pictures("<img src=x><img src=y alt=Hello>"), 0);
        assert_eq!(pictures("<img src=x><div style='display:none'>Hello</div>"), 1);
    }

    #[test]
    fn what_is_struck_out_is_marked() {
        for html in [
            "<s>100</s> 80",
            "<del>100</del> 80",
            "<strike>100</strike> 80",
            "<span style='text-decoration: line-through'>100</span> 80",
        ] {
            assert_eq!(text(html), "~~100~~ 80\n", "{html}");
            assert_eq!(to_words(html), "100 80\n", "{html}");
            assert_eq!(sanitise(html).0, "<s>100</s> 80", "{html}");
        }
        assert_eq!(text("<s></s>80"), "80\n");
    }

    #[test]
    fn text_of_forms_drawings_and_old_elements_is_read() {
        assert_eq!(text("a<textarea>b &amp; <i>c</textarea>d").replace('\n', "|"), "a||b & <i>c||d|");
        assert_eq!(text("<xmp><b>a</b> &amp;</xmp>"), "<b>a</b> &amp;\n");
        assert_eq!(
            text("a <select><option>one<option>two<option selected>three</select>"),
            "a\none\nthree\n"
        );
        assert_eq!(text("<select><option>one</option><option>two</option></select>b"), "one\nb\n");
        assert_eq!(text("<svg><text x=1>Total</text><defs/><text>80</text></svg>"), "Total80\n");
        assert_eq!(
            text("<div style='display:none'><textarea>no</textarea></div><xmp hidden>no</xmp>yes"),
            "yes\n"
        );
        assert_eq!(sanitise("<xmp><script>a</xmp>").0, "<pre>&lt;script&gt;a</pre>");
    }

    #[test]
    fn links_come_with_their_texts() {
        let links = sanitise("<a href=http://b.example/><b>a</b>.example</a><a href=javascript:x>y</a>").1;
        assert_eq!(links, [Link { text: "a.example".to_owned(), target: "http://b.example/".to_owned() }]);
    }

    #[test]
    fn a_document_is_told_by_its_start() {
        assert!(is_document("\n<!DOCTYPE HTML PUBLIC>") && is_document("<HTML>"));
        assert!(!is_document("<b>x</b>") && !is_document("see <html>"));
    }

    #[test]
    fn tables_are_read_row_by_row() {
        assert_eq!(
            text("<table><tr><td>Item<td>Price<tr><td>Tea</td><td>3 &euro;</td></tr></table>")
                .replace('\u{a0}', ""),
            "Item Price\nTea 3 €\n"
        );
    }

    #[test]
    fn careless_markup_keeps_its_text() {
        assert_eq!(text("a < b and c<d> e"), "a < b and c e\n");
        assert_eq!(text("<p>one<p>two</i></b></div>"), "one\n\ntwo\n");
        assert_eq!(text("<o:p>x</o:p><P ALIGN=left>y"), "x\n\ny\n");
        assert_eq!(text("<b <i>x</i>"), "x\n");
        assert_eq!(text("&amp;lt; &#8364; &#x41; &nosuch; &copy"), "&lt; € A &nosuch; ©\n");
    }

    #[test]
    fn the_sanitised_document_only_says() {
        assert_eq!(
            sanitise(
                "<body onload=x><p onclick='y' style='z'>a<img src=http://t/ alt=pic><script>s</script><b>b</b><form action=x><input></form><a href='http://e/?\"><script>'>l</a>"
            ).0,
            "<p>a[pic]<strong>b</strong></p><div></div><a href=\"http://e/?&quot;&gt;&lt;script&gt;\" rel=\"noreferrer\">l</a>"
        );
        assert_eq!(sanitise("<a href=' java\nscript:x'>l</a>").0, "l");
    }

    #[test]
    fn words_are_for_searching() {
        assert_eq!(
            to_words("<p>One  two<br>three</p><td>a</td><td>b</td> <a href=http://x/>c</a>"),
            "One two\nthree\na b c\n"
        );
    }

    #[test]
    fn hostile_documents_end_soon() {
        let limit = std::time::Duration::from_secs(20);
        for piece in [
            "<div>",
            "<table><tr><td>",
            "<b><p>",
            "<font a=1><p>x",
            "<ul><li>",
            "<!--",
            "<a href=x",
            "</p>",
            "<",
            "&",
            "<a b='",
            "<blockquote>",
        ] {
            let html = piece.repeat(5_000);
            let start = std::time::Instant::now();
            let _ = (text(&html), sanitise(&html), to_words(&html));
            assert!(start.elapsed() < limit, "{piece}: {:?}", start.elapsed());
        }
    }
}
