//! What can be seen of a password before it is sent. Nothing here judges it, and nothing changes it.

use super::{Certainty, Finding, Service, Stage, Verdict};
use crate::Secret;

/// What looks odd about a password. The findings say where to look and never show a character of it.
#[must_use]
pub fn password_notes(secret: &Secret) -> Vec<Finding> {
    let text = secret.expose();
    let note = |verdict, evidence: &str, remedy: &str| {
        let mut finding = Finding::new(Stage::Login, Service::Imap, verdict, evidence);
        finding.certainty = Certainty::Likely;
        if !remedy.is_empty() {
            remedy.clone_into(&mut finding.remedy);
        }
        finding
    };
    let mut notes = Vec::new();
    if ungrouped(secret).is_some() {
        notes.push(note(
            Verdict::PasswordHasSpace,
            "the password is groups of equal length with spaces between, as app passwords are shown",
            "The spaces are only there for reading: use it without them.",
        ));
    } else {
        let starts = text.starts_with(char::is_whitespace);
        let ends = text.ends_with(char::is_whitespace);
        let evidence = match (starts, ends) {
            (true, true) => "the password begins and ends with white space",
            (true, false) => "the password begins with white space",
            (false, true) => "the password ends with white space",
            (false, false) => "",
        };
        if !evidence.is_empty() {
            notes.push(note(Verdict::PasswordHasSpace, evidence, ""));
        }
    }
    if !text.is_ascii() {
        notes.push(note(Verdict::PasswordNotAscii, "the password has characters outside ASCII", ""));
    }
    notes
}

/// An app password without the spaces it was shown with, when it looks like one: three groups or more, all
/// of the same length of three to five letters and digits (`abcd efgh ijkl mnop`).
#[must_use]
pub fn ungrouped(secret: &Secret) -> Option<Secret> {
    let text = secret.expose();
    // More is no app password, and need not be looked at.
    if text.len() > 64 {
        return None;
    }
    let groups: Vec<&str> = text.split_whitespace().collect();
    let length = groups.first()?.len();
    let alike =
        groups.iter().all(|group| group.len() == length && group.bytes().all(|b| b.is_ascii_alphanumeric()));
    // Words of a passphrase may have the same length by chance; three of five letters seldom have.
    (groups.len() >= 3 && (3..=5).contains(&length) && alike).then(|| Secret::new(groups.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Vec<&'static str> {
        password_notes(&Secret::new(text)).iter().map(|note| note.verdict.code()).collect()
    }

    #[test]
    fn white_space_at_the_ends_is_noted() {
        for text in [" secret", "secret ", "\tsecret", "secret\n", "secret\u{a0}"] {
            assert!(seen(text).contains(&"password-has-space"), "{text:?}");
        }
        assert!(seen("two words").is_empty());
        assert!(seen("").is_empty());
    }

    #[test]
    fn a_grouped_app_password_is_offered_without_its_spaces() {
        for (text, plain) in [
            ("abcd efgh ijkl mnop", "abcdefghijklmnop"),
            (" a1b2 c3d4 e5f6 g7h8\n", "a1b2c3d4e5f6g7h8"),
            ("abc\u{a0}def\u{a0}ghi\u{a0}jkl", "abcdefghijkl"),
        ] {
            assert_eq!(ungrouped(&Secret::new(text)).as_ref().map(Secret::expose), Some(plain), "{text}");
            assert_eq!(seen(text).first(), Some(&"password-has-space"), "{text}");
        }
        for text in
            ["correct horse battery staple", "abcd-efgh-ijkl-mnop", "abcd efgh", "ab cd ef", "abcd efg! ijkl"]
        {
            assert_eq!(ungrouped(&Secret::new(text)), None, "{text}");
        }
    }

    #[test]
    fn characters_outside_ascii_are_noted() {
        assert_eq!(seen("pässword"), ["password-not-ascii"]);
        assert_eq!(seen("pässword "), ["password-has-space", "password-not-ascii"]);
    }

    #[test]
    fn a_note_shows_nothing_of_the_password() {
        for text in [" hunter2", "hunt er22 abcd", "hünter2 "] {
            for note in password_notes(&Secret::new(text)) {
                let shown = format!("{note:?}{note}");
                assert!(!shown.contains("unter") && !shown.contains("er22"), "{shown}");
            }
        }
    }
}
