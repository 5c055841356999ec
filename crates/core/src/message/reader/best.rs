//! Which of the texts of a message is shown, where it has several that should say the same.

use super::super::html;
use super::super::mime::Part;
use super::{MAX_DEPTH, Purpose, View, has_content};
use std::collections::HashSet;

/// A plain part shorter than this may only say that the HTML part is the message, in characters.
const MAX_EXCUSE: usize = 700;
/// A plain part of no more lines than this, in letters or not, may be nothing but that.
const MAX_EXCUSE_LINES: usize = 8;
/// A plain part of fewer words than this tells nothing beside HTML of so many more words as [`MANY_MORE`].
const FEW: usize = 10;
const MANY_MORE: usize = 15;
/// A plain part with more words than this that the HTML has not says something else.
const MAX_OTHER_WORDS: usize = 30;

impl View<'_> {
    /// Shows the alternative that says most: the plain text, unless it is empty or only points at the HTML.
    pub(super) fn show_best(&mut self, part: &Part, depth: usize) {
        let find = |kind: &str| part.children.iter().copied().find(|c| self.leads_to(*c, kind));
        let (plain, html) = (find("text/plain"), find("text/html"));
        let chosen = match (plain, html) {
            (Some(plain), Some(html)) if plain != html => {
                if matches!(self.purpose, Purpose::Reading { .. }) {
                    self.keep_html(html);
                }
                if self.is_html_better(plain, html) {
                    self.show(html, depth + 1);
                    return self.keep_other(plain, html);
                }
                Some(plain)
            }
            _ => plain.or(html).or(part.children.first().copied()),
        };
        if let Some(chosen) = chosen {
            self.show(chosen, depth + 1);
        }
    }

    /// Whoever searches finds the plain text that gave way too, and whoever reads is told where it says something else.
    fn keep_other(&mut self, plain: usize, html: usize) {
        let text = self.leaf_text(plain);
        if matches!(self.purpose, Purpose::Page { .. }) || html::is_document(&text) {
            return;
        }
        if self.purpose == Purpose::Searching {
            return self.add(&text);
        }
        if says_more(&text, &html::to_words(&self.leaf_text(html))) {
            let part = self.first_leaf(plain).and_then(|leaf| self.structure.part(leaf));
            self.other_text = self.other_text.take().or(part.map(|part| part.number.clone()));
        }
    }

    /// Whether a part is, or begins with, a leaf of a kind.
    fn leads_to(&self, index: usize, kind: &str) -> bool {
        self.first_leaf(index).and_then(|leaf| self.structure.part(leaf)).is_some_and(|p| p.kind == kind)
    }

    pub(super) fn first_leaf(&self, mut index: usize) -> Option<usize> {
        for _ in 0..MAX_DEPTH {
            let part = self.structure.part(index)?;
            if !part.is_multipart() {
                return Some(index);
            }
            index = *part.children.first()?;
        }
        None
    }

    pub(super) fn leaf_text(&self, index: usize) -> String {
        let part = self.first_leaf(index).and_then(|leaf| self.structure.part(leaf));
        part.map(|p| self.structure.text(p, &mut Vec::new())).unwrap_or_default()
    }

    /// A page shows the HTML, where there is anything in it.
    fn is_html_better(&self, plain: usize, html: usize) -> bool {
        match self.purpose {
            Purpose::Page { .. } => has_content(&self.leaf_text(html)),
            _ => self.is_excuse(plain, html),
        }
    }

    fn is_excuse(&self, plain: usize, html: usize) -> bool {
        let plain = self.leaf_text(plain);
        let plain = plain.trim();
        if html::is_document(plain) {
            return true;
        }
        if plain.chars().nth(MAX_EXCUSE).is_some() {
            return false;
        }
        let plain_words = plain.split_whitespace().filter(|w| !w.contains("://")).count();
        let words = html::to_words(&self.leaf_text(html));
        let html_words = words.split_whitespace().count();
        if plain_words == 0 {
            return html_words > 0 || plain.is_empty();
        }
        let is_much_more = html_words > plain_words * 5 && html_words > plain_words + 60;
        is_much_more
            || plain_words < FEW && html_words > plain_words + MANY_MORE
            || html_words > plain_words * 2 && may_say_html_is_needed(plain)
            || is_only_excuse(plain) && has_other_words(&words, plain)
    }
}

/// Whether a short plain part may say that the message is elsewhere.
fn may_say_html_is_needed(plain: &str) -> bool {
    let plain = plain.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| plain.contains(w));
    has(&["html"])
        || has(&["browser", "web version", "webversion", "online version", "view online", "view this email"])
}

/// What programs write into a plain part that is none, in lower case.
const EXCUSES: [&str; 36] = [
    "html capable",
    "html-capable",
    "html enabled",
    "html-enabled",
    "html compatible",
    "html-compatible",
    "support html",
    "supports html",
    "display html",
    "requires html",
    "requires an html",
    "html version of this",
    "html-only",
    "html only",
    "in html format",
    "html mail reader",
    "html viewer",
    "html e-mail",
    "html email",
    "view in browser",
    "view in your browser",
    "view this email in",
    "view this message in",
    "html-format",
    "html-fähig",
    "kein html",
    "html-darstellung",
    "im browser anzeigen",
    "format html",
    "pas le html",
    "pas html",
    "formato html",
    "no soporta html",
    "html-formaat",
    "html形式",
    "html格式",
];

/// Whether a plain part is a few lines that say that there is HTML.
fn is_only_excuse(plain: &str) -> bool {
    let lines = plain.lines().filter(|line| !line.trim().is_empty()).count();
    let plain = plain.to_lowercase();
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    lines <= MAX_EXCUSE_LINES && EXCUSES.iter().any(|phrase| plain.contains(phrase))
}

/// The words of a text as they are compared.
fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split_whitespace().filter(|word| !word.contains("://"));
    words
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
        .filter(|word| !word.is_empty())
}

/// Whether most of what a text says is not in another one.
fn has_other_words(text: &str, other: &str) -> bool {
    let known: HashSet<String> = words(other).collect();
    let (mut all, mut new) = (0_usize, 0_usize);
    for word in words(text) {
        all += 1;
        new += usize::from(!known.contains(&word));
    }
    new * 2 > all
}

/// Whether a text has addresses or numbers that another one has not, or many words.
fn says_more(text: &str, other: &str) -> bool {
    let known: HashSet<String> = words(other).collect();
    let new: HashSet<String> = words(text).filter(|word| !known.contains(word)).collect();
    let is_fact = |word: &String| word.contains('@') || word.chars().any(|c| c.is_ascii_digit());
    new.len() > MAX_OTHER_WORDS || new.iter().any(is_fact)
}
