//! Scripts written without spaces.
//!
//! The tokenizer takes a run of letters for one word. In Chinese, Japanese, Thai and their neighbours a
//! run is a sentence; Korean joins particles to its nouns. Each of their characters becomes a word of its
//! own, and what a person types becomes a phrase of such words: any part of a run is found.

use restante_core::query::stands_alone;
use std::borrow::Cow;

/// Begins the words that nobody wrote: that a message has a feature, and the parts of names with digits. The tokenizer
/// takes characters for private use for letters.
pub(super) const FEATURE: char = '\u{E5F0}';
pub(super) const PART_OF: char = '\u{E5F1}';

/// Puts a space on both sides of each character of such a script, and in the place of what only the index may write.
pub(super) fn segment(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let Some((first, _)) = text.char_indices().find(|(_, c)| stands_alone(*c) || is_ours(*c)) else {
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
            spaced.push(c);
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
}
