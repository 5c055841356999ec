//! The string preparation SCRAM asks for (SASLprep, RFC 4013), as far as it is done here.
//!
//! Done: non-ASCII spaces become a space (section 2.1), characters "mapped to nothing" go
//! (RFC 3454, table B.1), control characters are refused (section 2.3).
//!
//! Not done: the normalisation to NFKC of section 2.2 and the check of bidirectional text. What people
//! type is nearly always in that form already, and many servers store passwords unprepared.

use std::borrow::Cow;

/// Prepares a user name or password; `None` when it holds a character that may not be in one.
pub(super) fn prepare(text: &str) -> Option<Cow<'_, str>> {
    if text.chars().any(char::is_control) {
        return None;
    }
    if text.is_ascii() {
        return Some(Cow::Borrowed(text));
    }
    Some(Cow::Owned(text.chars().filter(|c| !is_mapped_to_nothing(*c)).map(to_space).collect()))
}

/// RFC 3454, table C.1.2.
fn to_space(c: char) -> char {
    match c {
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200b}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        other => other,
    }
}

/// RFC 3454, table B.1.
fn is_mapped_to_nothing(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{1806}' | '\u{180b}'..='\u{180d}' | '\u{200c}' | '\u{200d}'
        | '\u{2060}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preparation_follows_the_examples_of_rfc_4013() {
        assert_eq!(prepare("I\u{ad}X").as_deref(), Some("IX"));
        assert_eq!(prepare("user").as_deref(), Some("user"));
        assert_eq!(prepare("USER").as_deref(), Some("USER"));
        assert_eq!(prepare("a\u{a0}b").as_deref(), Some("a b"));
        assert_eq!(prepare("\u{7}"), None);
    }
}
