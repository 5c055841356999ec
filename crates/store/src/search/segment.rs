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
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let is_kept = |c: char| !stands_alone(c) && !is_ours(c) && plain_letters(c).is_none();
    let Some((first, _)) = text.char_indices().find(|(_, c)| !is_kept(*c)) else {
        return Cow::Borrowed(text);
    };
    let (before, rest) = text.split_at(first);
    let mut spaced = String::with_capacity(text.len() + text.len() / 2);
    spaced.push_str(before);
    for c in rest.chars() {
        if stands_alone(c) {
            spaced.extend([' ', c, ' ']);
        } else if is_ours(c) {
            spaced.push(' ');
        } else {
            match plain_letters(c) {
                Some(plain) => spaced.push_str(plain),
                None => spaced.push(c),
            }
        }
    }
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
    }

    #[test]
    fn letters_are_spelled_plain() {
        assert_eq!(segment("Große Straße, ﬁn Ørsted"), "Grosse Strasse, fin orsted");
        assert_eq!(segment("ＡＢＣ１２３ｚ"), "abc123z");
        assert_eq!(segment("über élan"), "über élan", "the tokenizer knows these");
    }
}
