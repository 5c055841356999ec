//! Subjects, as far as they tell what a message answers.

use super::{Summary, fold, reply};

/// The least number of letters and figures of a subject that says enough; of scripts without blanks between words half
/// of them do.
const LETTERS: usize = 8;
/// Words that are taken off before a subject, at most. One that has more says nothing.
const MOST: usize = 50;

/// Subjects of two words that many messages have which have nothing to do with each other.
const COMMON: [&str; 24] = [
    "no subject",
    "kein betreff",
    "ohne betreff",
    "sans objet",
    "sin asunto",
    "geen onderwerp",
    "good morning",
    "guten morgen",
    "guten tag",
    "thank you",
    "thanks again",
    "many thanks",
    "vielen dank",
    "happy birthday",
    "happy new year",
    "out of office",
    "automatic reply",
    "test mail",
    "test message",
    "this is a test",
    "your order",
    "your message",
    "your email",
    "new message",
];

impl Summary {
    /// What the subject is without what answering and passing on put before it (RFC 5256, section 2.1, and the words of
    /// other languages), in lower case, its words parted by one blank. `None` where it says too little to tell two
    /// conversations from each other: fewer than two words, or words that everybody uses.
    #[must_use]
    pub fn base_subject(&self) -> Option<String> {
        let mut rest = self.subject.trim();
        let mut taken = 0;
        while let Some(after) = without_prefix(rest) {
            rest = after.trim();
            taken += 1;
            if taken > MOST {
                return None;
            }
        }
        let rest = rest.to_lowercase();
        let is_letter = |c: &char| c.is_alphanumeric();
        let words: Vec<&str> = rest
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty() && !word.chars().all(char::is_numeric))
            .collect();
        let is_dense = rest.chars().filter(is_letter).filter(|c| *c >= '\u{2e80}').count() * 2 >= LETTERS;
        let says = words.len() >= 2 && rest.chars().filter(is_letter).count() >= LETTERS || is_dense;
        if !says || COMMON.contains(&words.join(" ").as_str()) {
            return None;
        }
        Some(rest.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Whether it answers a message without naming it: `Re:` and the like, and no Message-ID in References or
    /// In-Reply-To.
    #[must_use]
    pub fn is_loose_answer(&self) -> bool {
        let subject = self.subject.trim();
        let subject = without_tag(subject).unwrap_or(subject).trim_start();
        self.references.is_empty() && reply::strip_reply_word(subject).is_some()
    }
}

/// A subject without what stands first or last of what is not the base.
fn without_prefix(subject: &str) -> Option<&str> {
    if let Some(rest) = reply::strip_reply_word(subject) {
        return Some(rest);
    }
    if fold::is_forward(subject) {
        return subject.split_once([':', '：']).map(|(_, rest)| rest);
    }
    let ends = |end: &str| {
        let at = subject.len().checked_sub(end.len())?;
        subject.get(at..).filter(|last| last.eq_ignore_ascii_case(end)).and_then(|_| subject.get(..at))
    };
    if let Some(rest) = ends("(fwd)") {
        return Some(rest);
    }
    if subject.get(..5).is_some_and(|first| first.eq_ignore_ascii_case("[fwd:")) && subject.ends_with(']') {
        return subject.get(5..subject.len() - 1);
    }
    without_tag(subject)
}

/// A subject without the name of a list before it, unless nothing else is there.
fn without_tag(subject: &str) -> Option<&str> {
    let (tag, rest) = subject.strip_prefix('[')?.split_once(']')?;
    (!tag.contains('[') && !rest.trim().is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(text: &str) -> Summary {
        Summary { subject: text.to_owned(), ..Summary::default() }
    }

    #[test]
    fn the_base_of_a_subject_is_the_same_however_often_it_was_answered() {
        for text in [
            "Tea at Four",
            "Re: Tea at four",
            "RE: AW: Sv: tea  at four",
            "Re[2]: [tea-list] Re: TEA at four (fwd)",
            "[tea-list] WG: Antw: tea at four",
            "[Fwd: Re: tea at four]",
            "Réf : tea at four",
            "回复：tea at four",
        ] {
            assert_eq!(subject(text).base_subject().as_deref(), Some("tea at four"), "{text}");
        }
        assert_ne!(subject("tea at five").base_subject(), subject("tea at four").base_subject());
        assert_eq!(subject("Re: 明日の会議").base_subject().as_deref(), Some("明日の会議"));
    }

    #[test]
    fn what_says_too_little_is_no_base() {
        for text in [
            "",
            "Re:",
            "hello",
            "Re: Test",
            "Re: (no subject)",
            "AW: Kein Betreff",
            "Re: [list]",
            "Fwd: Re: ",
            "2024 11",
            "Re: a b",
            "Thank you!",
            "会議",
            "Re: 12345678 4",
            "[a] [b]",
        ] {
            assert_eq!(subject(text).base_subject(), None, "{text}");
        }
        assert!(subject(&"Re: ".repeat(100_000)).base_subject().is_none());
        assert!(subject(&"[x] ".repeat(100_000)).base_subject().is_none());
    }

    #[test]
    fn an_answer_that_names_nothing_is_told() {
        for (text, is_answer) in [
            ("Re: tea at four", true),
            ("AW: tea at four", true),
            ("[list] Re: tea at four", true),
            ("tea at four", false),
            ("Fwd: tea at four", false),
            ("WG: Re: tea at four", false),
            ("Reading: tea", false),
        ] {
            assert_eq!(subject(text).is_loose_answer(), is_answer, "{text}");
        }
        let named = Summary { references: vec!["a@b".into()], ..subject("Re: tea at four") };
        assert!(!named.is_loose_answer());
    }
}
