//! Lists of addresses in a header field (RFC 5322, section 3.4), read tolerantly.

use super::{header, words};
use crate::mail::Contact;

/// The most contacts read from the fields of one name.
pub(super) const MAX_CONTACTS: usize = 5000;
/// The most bytes of one field that are looked at.
const MAX_FIELD: usize = 512 * 1024;

/// Reads an unfolded field. Groups are opened: their members count, their names do not. What has no `@` is
/// kept as far as something can be shown.
pub(super) fn read(field: &str) -> Vec<Contact> {
    let mut reader = Reader::default();
    let end = field.floor_char_boundary(MAX_FIELD);
    for c in field.get(..end).unwrap_or_default().chars() {
        if reader.found.len() >= MAX_CONTACTS {
            break;
        }
        reader.take(c);
    }
    if reader.state == State::Quoted {
        // The quote was never closed: read again without it.
        let rest = std::mem::take(&mut reader.raw).replace('"', "");
        reader.phrase.clear();
        reader.found.extend(read(&rest));
        return reader.found;
    }
    reader.finish();
    reader.found
}

#[derive(Default)]
struct Reader {
    found: Vec<Contact>,
    state: State,
    escaped: bool,
    comment_depth: u32,
    /// The words before or without angle brackets, quotes taken off.
    phrase: String,
    /// The same as written.
    raw: String,
    angle: Option<String>,
    comment: String,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Phrase,
    Quoted,
    Comment,
    Angle,
    AngleQuoted,
}

impl Reader {
    fn take(&mut self, c: char) {
        if self.escaped {
            self.escaped = false;
            return self.keep(c);
        }
        match (self.state, c) {
            (State::Quoted | State::Comment | State::AngleQuoted, '\\') => {
                self.escaped = true;
                match self.state {
                    State::Quoted => self.raw.push('\\'),
                    State::AngleQuoted => self.keep('\\'),
                    _ => {}
                }
            }
            (State::Phrase, '"') => self.quote(State::Quoted),
            (State::Quoted, '"') => self.quote(State::Phrase),
            (State::Angle, '"') => self.turn(c, State::AngleQuoted),
            (State::AngleQuoted, '"') => self.turn(c, State::Angle),
            (State::Phrase | State::Comment, '(') => {
                if self.state == State::Comment {
                    self.comment.push(c);
                } else if !self.comment.is_empty() {
                    self.comment.push(' ');
                }
                self.comment_depth += 1;
                self.state = State::Comment;
            }
            (State::Comment, ')') => {
                self.comment_depth -= 1;
                if self.comment_depth == 0 {
                    self.state = State::Phrase;
                } else {
                    self.comment.push(c);
                }
            }
            (State::Phrase, '<') if self.angle.is_none() => {
                self.angle = Some(String::new());
                self.state = State::Angle;
            }
            (State::Angle, '>') => self.state = State::Phrase,
            (State::Phrase, ',' | ';') => self.finish(),
            (State::Phrase, ':') if self.angle.is_none() && !self.raw.contains('@') => {
                self.phrase.clear();
                self.raw.clear();
                self.comment.clear();
            }
            _ => self.keep(c),
        }
    }

    fn quote(&mut self, next: State) {
        self.raw.push('"');
        self.state = next;
    }

    fn turn(&mut self, c: char, next: State) {
        self.keep(c);
        self.state = next;
    }

    fn keep(&mut self, c: char) {
        match self.state {
            State::Phrase | State::Quoted => {
                self.phrase.push(c);
                self.raw.push(c);
            }
            State::Comment => self.comment.push(c),
            State::Angle | State::AngleQuoted => {
                if let Some(angle) = &mut self.angle {
                    angle.push(c);
                }
            }
        }
    }

    fn finish(&mut self) {
        let phrase = std::mem::take(&mut self.phrase);
        let raw = std::mem::take(&mut self.raw);
        let comment = text(&std::mem::take(&mut self.comment));
        self.state = State::Phrase;
        self.comment_depth = 0;
        let contact = match self.angle.take() {
            Some(angle) => {
                let (name, address) = (text(&phrase), address(&angle));
                let name = if name.is_empty() { comment } else { name };
                // An address for a name says nothing.
                Contact { name: if name == address { String::new() } else { name }, address }
            }
            None => bare(&phrase, &raw, comment),
        };
        if !(contact.name.is_empty() && contact.address.is_empty()) {
            self.found.push(contact);
        }
    }
}

/// A contact without angle brackets: an address alone, words around an address, or only words.
fn bare(phrase: &str, raw: &str, comment: String) -> Contact {
    let raw = raw.trim();
    if !raw.contains('@') {
        let phrase = text(phrase);
        return if phrase.contains(' ') || phrase.is_empty() {
            Contact { name: if phrase.is_empty() { comment } else { phrase }, address: String::new() }
        } else {
            Contact { name: comment, address: phrase }
        };
    }
    let is_spaced = raw.starts_with('"') || [" @", "@ ", " .", ". "].iter().any(|s| raw.contains(s));
    if is_spaced || !raw.contains(char::is_whitespace) {
        return Contact { name: comment, address: address(raw) };
    }
    let is_address = |word: &&str| word.contains('@');
    let found = raw.split_whitespace().find(is_address).unwrap_or_default();
    let others: Vec<_> = phrase.split_whitespace().filter(|w| !is_address(w)).collect();
    let name = text(&others.join(" "));
    Contact { name: if name.is_empty() { comment } else { name }, address: address(found) }
}

/// An address without the white space and the source route that old syntax allows in it.
fn address(text: &str) -> String {
    let text = text.trim();
    let text = match text.strip_prefix('@').and_then(|t| t.split_once(':')) {
        Some((_, mailbox)) => mailbox,
        None => text,
    };
    let text = text.trim().trim_start_matches("mailto:").trim_matches(['<', '>']);
    if text.starts_with('"') {
        return header::one_line(text);
    }
    text.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect()
}

fn text(phrase: &str) -> String {
    let text = header::one_line(&words::decode(phrase.trim()));
    let quoted = text.len() > 1 && text.starts_with('\'') && text.ends_with('\'');
    if quoted { text.trim_matches('\'').trim().to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(field: &str) -> Vec<(String, String)> {
        read(field).into_iter().map(|c| (c.name, c.address)).collect()
    }

    fn check(field: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(n, a)| ((*n).to_owned(), (*a).to_owned())).collect();
        assert_eq!(pairs(field), expected, "{field}");
    }

    #[test]
    fn usual_forms_are_read() {
        check("ann@example.org", &[("", "ann@example.org")]);
        check(
            "Ann Lee <ann@example.org>, bob@example.net",
            &[("Ann Lee", "ann@example.org"), ("", "bob@example.net")],
        );
        check("\"Lee, Ann\" <ann@example.org>", &[("Lee, Ann", "ann@example.org")]);
        check("\"A \\\"B\\\" C\" <a@b.example>", &[("A \"B\" C", "a@b.example")]);
        check("=?utf-8?Q?J=C3=BCrgen?= <j@b.example>", &[("Jürgen", "j@b.example")]);
        check("\"=?utf-8?Q?J=C3=BCrgen?=\" <j@b.example>", &[("Jürgen", "j@b.example")]);
    }

    #[test]
    fn old_forms_are_read() {
        check("ann@example.org (Ann Lee)", &[("Ann Lee", "ann@example.org")]);
        check("a@b.example (x (y) z)", &[("x (y) z", "a@b.example")]);
        check("<@relay.example,@b:ann@example.org>", &[("", "ann@example.org")]);
        check("ann . lee @ example . org", &[("", "ann.lee@example.org")]);
        check("\"ann lee\"@example.org", &[("", "\"ann lee\"@example.org")]);
        check("x <\"a>b\"@example.org>", &[("x", "\"a>b\"@example.org")]);
    }

    #[test]
    fn groups_are_opened() {
        check("undisclosed-recipients:;", &[]);
        check(
            "Team: a@b.example, \"C\" <c@d.example>;, e@f.example",
            &[("", "a@b.example"), ("C", "c@d.example"), ("", "e@f.example")],
        );
    }

    #[test]
    fn malformed_fields_keep_what_can_be_kept() {
        check("Ann Lee", &[("Ann Lee", "")]);
        check("root", &[("", "root")]);
        check("Ann ann@example.org", &[("Ann", "ann@example.org")]);
        check("Ann <ann@example.org", &[("Ann", "ann@example.org")]);
        check("Ann <ann@example.org>>", &[("Ann >", "ann@example.org")]);
        check("mailto:ann@example.org", &[("", "ann@example.org")]);
        check("<>", &[]);
        check("\"'a@b.example '\" <a@b.example>", &[("", "a@b.example")]);
        check("'a@b.example' <a@b.example>", &[("", "a@b.example")]);
        check("'Ann' <a@b.example>", &[("Ann", "a@b.example")]);
        check("\"unclosed <a@b.example>", &[("unclosed", "a@b.example")]);
    }

    #[test]
    fn hostile_fields_are_bounded() {
        assert_eq!(read(&";".repeat(400_000)).len(), 0);
        assert_eq!(read(&"a@b,".repeat(100_000)).len(), MAX_CONTACTS);
        assert_eq!(read(&"(".repeat(400_000)).len(), 1);
    }
}
