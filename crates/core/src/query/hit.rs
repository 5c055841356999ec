//! Where a text shows why it was found.

use super::{Field, Query, Term, Way, is_part, plain_letters, stands_alone};
use std::ops::Range;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Places that are compared to choose the one shown.
const PLACES: usize = 200;

/// A piece of a text around what was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The piece on one line; `…` where text was left out.
    pub text: String,
    /// What was found in it, in bytes of [`text`](Self::text): in order, apart, on character borders.
    pub marks: Vec<Range<usize>>,
}

/// One thing that is looked for: its words as the index has them.
struct Wanted {
    words: Vec<String>,
    prefix: bool,
    /// It may be a part of a word with digits.
    part: bool,
}

/// A word of the text.
struct Token {
    at: Range<usize>,
    folded: String,
}

impl Query {
    /// The piece of a message's text, at most about `width` characters, that shows the most of what this query looks
    /// for in it; the earliest of equals. `None` when nothing of it stands in the text.
    #[must_use]
    pub fn hit(&self, text: &str, width: usize) -> Option<Hit> {
        self.hit_in(text, width, Field::Body)
    }

    /// The same in the text of an attachment.
    #[must_use]
    pub fn hit_in_attachment(&self, text: &str, width: usize) -> Option<Hit> {
        self.hit_in(text, width, Field::Attachment)
    }

    /// What is looked for in this field or in any.
    fn hit_in(&self, text: &str, width: usize, place: Field) -> Option<Hit> {
        let mut wanted = Vec::new();
        collect(self, place, &mut wanted);
        if wanted.is_empty() {
            return None;
        }
        let tokens = tokens(text);
        let mut places: Vec<(usize, Range<usize>)> = Vec::new();
        'all: for (first, _) in tokens.iter().enumerate() {
            for (number, one) in wanted.iter().enumerate() {
                if let Some(at) = one.found_at(&tokens, first) {
                    places.push((number, at));
                    if places.len() >= PLACES {
                        break 'all;
                    }
                }
            }
        }
        let best = (0..places.len()).max_by_key(|start| {
            let inside = within(&places, *start, width);
            let mut kinds: Vec<usize> = inside.iter().map(|(number, _)| *number).collect();
            kinds.sort_unstable();
            kinds.dedup();
            (kinds.len(), std::cmp::Reverse(*start))
        })?;
        let inside: Vec<Range<usize>> =
            within(&places, best, width).iter().map(|(_, at)| at.clone()).collect();
        Some(cut(text, &inside, width))
    }
}

/// The places that begin no more than `width` octets after one of them.
fn within(places: &[(usize, Range<usize>)], start: usize, width: usize) -> &[(usize, Range<usize>)] {
    let rest = places.get(start..).unwrap_or_default();
    let from = rest.first().map_or(0, |(_, at)| at.start);
    let count = rest.iter().take_while(|(_, at)| at.end <= from.saturating_add(width * 3 / 4)).count();
    rest.get(..count.max(1)).unwrap_or(rest)
}

/// Everything that is looked for in a field or in any.
fn collect(query: &Query, place: Field, wanted: &mut Vec<Wanted>) {
    match query {
        Query::And(parts) | Query::Or(parts) => parts.iter().for_each(|part| collect(part, place, wanted)),
        Query::Term(Term::Text { field, text, way }) if *field == Field::Any || *field == place => {
            let words: Vec<String> = tokens(text).into_iter().map(|token| token.folded).collect();
            if !words.is_empty() {
                let part = *way == Way::Loose && words.len() == 1 && is_part(text);
                wanted.push(Wanted { words, prefix: *way == Way::Prefix, part });
            }
        }
        Query::Not(_) | Query::Term(_) => {}
    }
}

impl Wanted {
    /// Where it stands, if it begins with the token of this number.
    fn found_at(&self, tokens: &[Token], first: usize) -> Option<Range<usize>> {
        let window = tokens.get(first..first + self.words.len())?;
        let last = self.words.len() - 1;
        let same = window.iter().zip(&self.words).enumerate().all(|(number, (token, word))| {
            token.folded == *word
                || (number == last && self.prefix && token.folded.starts_with(word.as_str()))
                || (self.part && token.folded.contains(word.as_str()))
        });
        same.then(|| window.first().zip(window.last()).map(|(first, last)| first.at.start..last.at.end))?
    }
}

/// The words of a text as the index has them: letters and digits, lower case, without accents. In scripts without spaces
/// each character is one.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        let alone = stands_alone(c);
        let is_word = c.is_alphanumeric() || is_combining_mark(c);
        if (alone || !is_word)
            && let Some(from) = start.take()
        {
            tokens.push(Token { folded: folded(text, from..at), at: from..at });
        }
        if alone {
            let at = at..at + c.len_utf8();
            tokens.push(Token { folded: folded(text, at.clone()), at });
        } else if is_word && start.is_none() {
            start = Some(at);
        }
    }
    tokens
}

fn folded(text: &str, at: Range<usize>) -> String {
    let word = text.get(at).unwrap_or_default();
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(word.len());
    for c in word.nfd().filter(|c| !is_combining_mark(*c)) {
        match plain_letters(c) {
            Some(plain) => folded.push_str(plain),
            None => folded.extend(c.to_lowercase()),
        }
    }
    folded
}

/// Cuts out the line around places, white space squeezed.
fn cut(text: &str, places: &[Range<usize>], width: usize) -> Hit {
    let (start, end) =
        (places.first().map_or(0, |at| at.start), places.iter().map(|at| at.end).max().unwrap_or(0));
    // A third of the room goes before what was found, and what the text does not need behind it, in characters.
    let count = |text: Option<&str>| text.map_or(0, |text| text.chars().take(width).count());
    let room = width.saturating_sub(count(text.get(start..end)));
    let before = (room / 3).max(room.saturating_sub(count(text.get(end..))));
    let lead: String = text.get(..start).unwrap_or_default().chars().rev().take(before).collect();
    let mut from = start - lead.len();
    // No word is cut in two.
    if from > 0 && !lead.ends_with(char::is_whitespace) {
        let piece = text.get(from..start).unwrap_or_default();
        from += piece.find(char::is_whitespace).unwrap_or(0);
    }
    let mut hit = Hit { text: String::new(), marks: Vec::new() };
    if !text.get(..from).unwrap_or_default().trim().is_empty() {
        hit.text.push('…');
    }
    let (mut shown, mut is_space) = (0, true);
    let mut to = from;
    for (at, c) in text.get(from..).unwrap_or_default().char_indices() {
        let at = from + at;
        if shown >= width && at >= end {
            break;
        }
        let place = places.iter().find(|place| place.start == at);
        if c.is_whitespace() || c.is_control() {
            is_space = true;
        } else {
            if is_space && shown > 0 {
                hit.text.push(' ');
                shown += 1;
            }
            is_space = false;
            if let Some(place) = place {
                let length = place.len();
                hit.marks.push(hit.text.len()..hit.text.len() + length);
            }
            hit.text.push(c);
            shown += 1;
        }
        to = at + c.len_utf8();
    }
    // Places across white space have become shorter; what is marked is no longer than the text.
    let length = hit.text.len();
    hit.marks.retain_mut(|mark| {
        mark.end = hit.text.floor_char_boundary(mark.end.min(length));
        mark.start < mark.end
    });
    if text.get(to..).is_some_and(|rest| !rest.trim().is_empty()) {
        // The last word may be half of one.
        let after = text.get(to..).and_then(|rest| rest.chars().next());
        if after.is_some_and(|c| !c.is_whitespace())
            && let Some(space) = hit.text.rfind(' ')
            && hit.marks.iter().all(|mark| mark.end <= space)
        {
            hit.text.truncate(space);
        }
        hit.text.push('…');
    }
    let mut last = 0;
    hit.marks.retain(|mark| {
        let apart = mark.start >= last;
        last = last.max(mark.end);
        apart
    });
    hit
}

#[cfg(test)]
mod tests {
    use crate::query::{Language, parse};
    use proptest::prelude::*;

    fn shown(query: &str, text: &str, width: usize) -> Option<String> {
        let now = "2024-05-31T12:00:00+02:00[Europe/Berlin]".parse().unwrap();
        let hit = parse(query, &now).unwrap().widened(&[Language::English]).hit(text, width)?;
        let mut out = hit.text.clone();
        for mark in hit.marks.iter().rev() {
            out.insert(mark.end, ']');
            out.insert(mark.start, '[');
        }
        Some(out)
    }

    #[test]
    fn a_piece_of_text_shows_what_was_found() {
        let text = "Dear all,\n\nthe annual report of the Café\nis ready. Invoices 2024-ABC4711 follow.\nBye";
        for (query, piece) in [
            ("report", "…annual [report] of the Café is ready.…"),
            ("cafe", "…of the [Café] is ready. Invoices…"),
            ("\"annual report\"", "…the [annual report] of the Café is…"),
            ("invoice", "…ready. [Invoices] 2024-ABC4711 follow.…"),
            ("4711", "…Invoices 2024-[ABC4711] follow. Bye"),
            ("fol*", "…Invoices 2024-ABC4711 [follow]. Bye"),
            ("dear", "[Dear] all, the annual report of the…"),
            ("subject:x dear", "[Dear] all, the annual report of the…"),
            ("bye OR dear", "[Dear] all, the annual report of the…"),
        ] {
            assert_eq!(shown(query, text, 36).as_deref(), Some(piece), "{query}");
        }
        for nothing in ["zebra", "-report", "subject:report", "\"report annual\"", "is:unread", ""] {
            assert_eq!(shown(nothing, text, 36), None, "{nothing}");
        }
        assert_eq!(shown("京都", "これは東京都の天気", 20).as_deref(), Some("これは東[京都]の天気"));
    }

    #[test]
    fn the_piece_with_most_of_what_was_looked_for_is_shown() {
        let text = format!("red {} green blue red", "word ".repeat(50));
        assert!(shown("red blue", &text, 40).unwrap().ends_with("[blue] [red]"));
    }

    proptest! {
        #[test]
        fn any_text_gives_marks_inside_the_piece(
            text in r"[a-cé日 \n\t\u{301}\u{0}]{0,80}",
            query in r#"[abcé日]{1,3}\*?( "[ab] [bc]")?"#,
            width in 0..60_usize,
        ) {
            let now = "2024-05-31T12:00:00+02:00[Europe/Berlin]".parse().unwrap();
            if let Some(hit) = parse(&query, &now).unwrap().hit(&text, width) {
                let mut last = 0;
                for mark in &hit.marks {
                    prop_assert!(mark.start >= last && hit.text.get(mark.clone()).is_some_and(|t| !t.is_empty()));
                    last = mark.end;
                }
                prop_assert!(!hit.text.contains(char::is_control), "{:?}", hit.text);
            }
        }
    }
}
