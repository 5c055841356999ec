//! Scripts written without spaces.
//!
//! The tokenizer takes a run of letters for one word. In Chinese, Japanese, Thai and their neighbours a
//! run is a sentence; Korean joins particles to its nouns. Each of their characters becomes a word of its
//! own, and what a person types becomes a phrase of such words: any part of a run is found.
//!
//! Beside that, letters that the tokenizer does not take for plain ones with an accent are spelled plain.

use restante_core::query::{plain_letters, stands_alone};
use std::borrow::Cow;

/// Begins the words that nobody wrote: that a message has a feature, and the parts of names with digits. The tokenizer
/// takes characters for private use for letters.
pub(super) const FEATURE: char = '\u{E5F0}';
pub(super) const PART_OF: char = '\u{E5F1}';

/// Puts a space on both sides of each character of such a script, and in the place of what only the index may write; spells
/// letters plain.
pub(super) fn segment(text: &str) -> Cow<'_, str> {
    // Mail is mostly ASCII, of which nothing is altered: only the rest is looked at, and what lies between is copied whole.
    let (mut spaced, mut done, mut at) = (String::new(), 0, 0);
    while let Some(next) = text.as_bytes().get(at..).and_then(|rest| rest.iter().position(|b| !b.is_ascii()))
    {
        let start = at + next;
        let Some(c) = text.get(start..).and_then(|rest| rest.chars().next()) else { break };
        at = start + c.len_utf8();
        let plain = if stands_alone(c) || is_ours(c) { None } else { plain_letters(c) };
        if plain.is_none() && !stands_alone(c) && !is_ours(c) {
            continue;
        }
        if spaced.is_empty() {
            spaced.reserve(text.len() + text.len() / 2);
        }
        spaced.push_str(text.get(done..start).unwrap_or_default());
        done = at;
        match plain {
            Some(plain) => spaced.push_str(plain),
            None if is_ours(c) => spaced.push(' '),
            None => spaced.extend([' ', c, ' ']),
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    spaced.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(spaced)
}

fn is_ours(c: char) -> bool {
    matches!(c, FEATURE | PART_OF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_character_of_a_script_without_spaces_is_a_word() {
        assert_eq!(segment("plain é text"), "plain é text");
        assert_eq!(segment("re日本x"), "re 日  本 x");
        assert_eq!(segment("a\u{E5F0}link"), "a link");
        assert_eq!(segment("日本é, end"), " 日  本 é, end");
    }

    #[test]
    fn letters_are_spelled_plain() {
        assert_eq!(segment("Große Straße, ﬁn Ørsted"), "Grosse Strasse, fin orsted");
        assert_eq!(segment("ＡＢＣ１２３ｚ"), "abc123z");
        assert_eq!(segment("über élan"), "über élan", "the tokenizer knows these");
    }
}
