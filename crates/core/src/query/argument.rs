//! What a person quoted for the shell.

use super::lex::{Kind, Word, tokens};
use super::parse::{is_field, is_named};
use std::borrow::Cow;

/// An argument of the command line as the text of a query. One that holds spaces was quoted for the shell; the quotes
/// are gone by then. Where it is plain words they are one phrase, also behind the field of a place (`in:Sent Items`), which no
/// words follow; where it holds anything of the query language (a field, `OR`, `-word`, `prefix*`, quotes, parentheses)
/// it is a query and stays as it is. So `subject:"annual report"`, of which the shell leaves `subject:annual report`,
/// finds more than was meant, but nothing less.
#[must_use]
pub fn argument(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if !text.contains(char::is_whitespace) || !is_plain(text) {
        return Cow::Borrowed(text);
    }
    match text.split_once(':') {
        Some((field, value)) if is_named(field) => Cow::Owned(format!("{field}:\"{}\"", value.trim())),
        Some((field, _)) if is_field(field) => Cow::Borrowed(text),
        _ => Cow::Owned(format!("\"{text}\"")),
    }
}

/// Whether a text is words alone, but for a field before the first.
fn is_plain(text: &str) -> bool {
    let Ok(tokens) = tokens(text) else { return false };
    tokens.iter().enumerate().all(|(at, token)| match &token.kind {
        Kind::Word(Word { quoted: false, prefix: false, field, .. }) => {
            at == 0 || !field.is_some_and(is_field)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_in_one_argument_are_a_phrase() {
        for (text, phrase) in [
            ("annual report", "\"annual report\""),
            ("in:Old Mail", "in:\"Old Mail\""),
            ("Folder:Old Mail", "Folder:\"Old Mail\""),
            ("mailbox:Old Mail", "mailbox:\"Old Mail\""),
            ("label:Old Mail", "label:\"Old Mail\""),
            ("Re: your mail", "\"Re: your mail\""),
            ("let us say: or and not", "\"let us say: or and not\""),
        ] {
            assert_eq!(argument(text), phrase);
        }
    }

    #[test]
    fn what_is_more_than_words_is_a_query() {
        for text in [
            "hello",
            "-hello",
            "from:bob repair",
            "subject:annual report",
            "is:unread roof",
            "newer:1d roof",
            "linux OR windows",
            "linux AND windows",
            "linux NOT windows",
            "linux -windows",
            "from:bob is:unread",
            "invoice has:attachment newer:1y",
            "(a OR b) c",
            "a \"b c\"",
            "\"tight again\" OR tear*",
            "not closed \"here",
            "invoice roof*",
        ] {
            assert_eq!(argument(text), text);
        }
        assert_eq!(argument(" -hello"), "-hello", "shielded from the options");
    }
}
