//! Scripts written without spaces.
//!
//! The tokenizer takes a run of letters for one word. In Chinese, Japanese, Thai and their neighbours a
//! run is a sentence; Korean joins particles to its nouns. Each of their characters becomes a word of its
//! own, and what a person types becomes a phrase of such words: any part of a run is found.

use std::borrow::Cow;

/// Puts a space on both sides of each character of such a script.
pub(super) fn segment(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let Some((first, _)) = text.char_indices().find(|(_, c)| alone(*c)) else { return Cow::Borrowed(text) };
    let (before, rest) = text.split_at(first);
    let mut spaced = String::with_capacity(text.len() + text.len() / 2);
    spaced.push_str(before);
    for c in rest.chars() {
        if alone(c) {
            spaced.extend([' ', c, ' ']);
        } else {
            spaced.push(c);
        }
    }
    Cow::Owned(spaced)
}

fn alone(c: char) -> bool {
    matches!(u32::from(c),
        0x0E00..=0x0EFF       // Thai, Lao
        | 0x1000..=0x109F     // Myanmar
        | 0x1780..=0x17FF     // Khmer
        | 0x3040..=0x30FF     // Hiragana, Katakana
        | 0x31F0..=0x31FF     // Katakana extensions
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF // Han
        | 0xAC00..=0xD7A3     // Hangul syllables
        | 0xFF66..=0xFF9F     // half-width Katakana
        | 0x20000..=0x3FFFF   // rarer Han
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_character_of_a_script_without_spaces_is_a_word() {
        assert_eq!(segment("plain é text"), "plain é text");
        assert_eq!(segment("re日本x"), "re 日  本 x");
    }
}
