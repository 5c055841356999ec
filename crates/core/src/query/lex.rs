//! A query's text to tokens. Linear, and never fails but for a quote that is not closed.

use super::parse::{QueryError, Reason};
use std::ops::Range;

/// One token and where it stands, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) span: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// What stands in the parentheses may be about one field: `subject:(…)`.
    Open(Option<&'a str>),
    Close,
    /// A `-` right before what it negates, or `NOT`.
    Minus,
    Or,
    /// Says what would be so without it.
    And,
    Word(Word<'a>),
}

/// A word: `[field:]text[*]`, where text may be quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// What stands before an unquoted colon, when it could name a field.
    pub(super) field: Option<&'a str>,
    /// The rest, without its quotes.
    pub(super) text: &'a str,
    pub(super) quoted: bool,
    /// A `*` follows directly.
    pub(super) prefix: bool,
}

/// Splits a query.
pub(super) fn tokens(query: &str) -> Result<Vec<Token<'_>>, QueryError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = query.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or(' ');
        if first.is_whitespace() || first.is_control() {
            at += first.len_utf8();
            continue;
        }
        let (kind, length) = match first {
            '(' => (Kind::Open(None), 1),
            ')' => (Kind::Close, 1),
            '-' if rest.chars().nth(1).is_some_and(|c| c != '-' && !ends_word(c) || c == '(' || c == '"') => {
                (Kind::Minus, 1)
            }
            _ => word(rest, at)?,
        };
        tokens.push(Token { kind, span: at..at + length });
        at += length;
    }
    Ok(tokens)
}

/// Whether an unquoted word ends before this character.
fn ends_word(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '(' | ')' | '"')
}

fn word(rest: &str, at: usize) -> Result<(Kind<'_>, usize), QueryError> {
    let field = rest.find(|c: char| !c.is_ascii_alphabetic() && c != '_').and_then(|colon| {
        let name = rest.get(..colon)?;
        (!name.is_empty() && rest.get(colon..)?.starts_with(':')).then_some(name)
    });
    let skip = field.map_or(0, |name| name.len() + 1);
    let value = rest.get(skip..).unwrap_or_default();
    if field.is_some() && value.starts_with('(') {
        return Ok((Kind::Open(field), skip + 1));
    }
    let (text, quoted, mut length) = match value.strip_prefix('"') {
        Some(inner) => {
            let Some(end) = inner.find('"') else {
                return Err(QueryError::new(at + skip..at + rest.len(), Reason::OpenQuote));
            };
            (inner.get(..end).unwrap_or_default(), true, end + 2)
        }
        None => {
            let end = value.find(ends_word).unwrap_or(value.len());
            (value.get(..end).unwrap_or_default(), false, end)
        }
    };
    let mut prefix = false;
    let mut plain = text;
    if quoted {
        prefix = value.get(length..).is_some_and(|after| after.starts_with('*'));
        length += usize::from(prefix);
    } else if let Some(stem) = text.strip_suffix('*') {
        (prefix, plain) = (true, stem);
    }
    if field.is_none() && !quoted && !prefix {
        match plain {
            "OR" => return Ok((Kind::Or, length)),
            "AND" => return Ok((Kind::And, length)),
            "NOT" => return Ok((Kind::Minus, length)),
            _ => {}
        }
    }
    Ok((Kind::Word(Word { field, text: plain, quoted, prefix }), skip + length))
}
