//! Tokens to a tree.

use super::lex::{Kind, Token, Word, tokens};
use super::value::{age, day, size};
use super::{Field, Mark, Query, Term};
use jiff::Zoned;
use std::ops::Range;

/// Words in one query.
const WORDS: usize = 100;
/// Parentheses inside each other.
const DEPTH: usize = 20;
/// Octets of a query.
const LENGTH: usize = 4096;

/// Why a text is no query, and where: [`span`](Self::span) is what to point at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct QueryError {
    span: Range<usize>,
    reason: Reason,
}

impl QueryError {
    pub(super) fn new(span: Range<usize>, reason: Reason) -> Self {
        Self { span, reason }
    }

    /// Where it is, in bytes of the query; on character borders.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }
}

/// What is wrong, in words a person can act on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Reason {
    #[error("a query holds at most {LENGTH} octets and {WORDS} words")]
    TooLong,
    #[error("parentheses go at most {DEPTH} deep")]
    TooDeep,
    #[error("this quote is not closed")]
    OpenQuote,
    #[error("this parenthesis is not closed")]
    Unclosed,
    #[error("nothing was opened here")]
    Unopened,
    #[error("OR stands between two terms")]
    LoneOr,
    #[error("something to leave out has to follow `-`")]
    LoneMinus,
    #[error("`{0}:` needs a value directly after the colon")]
    NoValue(String),
    #[error("there is no field `{0}:`; put quotes around the word to search for it as text")]
    NoField(String),
    #[error("there is no letter or digit in `{0}` to search for")]
    NoWord(String),
    #[error("`is:` is followed by unread, read, starred, answered or draft")]
    NoMark,
    #[error("`has:` is followed by attachment")]
    NoHas,
    #[error("a size is a number, with K, M or G for units of 1024: 500K, 10M")]
    NoSize,
    #[error("a date is a year, a month or a day: 2024, 2024-05, 2024-05-31")]
    NoDate,
    #[error("an age is a number with h, d, w, m or y for hours to years: 7d, 3m")]
    NoAge,
    #[error("an id is made of the letters k to z")]
    NoId,
}

/// Reads a query. Dates and ages are counted from `now` and in its time zone. An empty text is
/// everything.
///
/// # Errors
/// [`QueryError`] points at the first word that is wrong.
pub fn parse(query: &str, now: &Zoned) -> Result<Query, QueryError> {
    if query.len() > LENGTH {
        return Err(QueryError::new(0..query.len(), Reason::TooLong));
    }
    let tokens = tokens(query)?;
    if tokens.len() > 3 * WORDS || tokens.iter().filter(|t| matches!(t.kind, Kind::Word(_))).count() > WORDS {
        return Err(QueryError::new(0..query.len(), Reason::TooLong));
    }
    // One level for each open parenthesis, so that no input can drive a recursion.
    let mut levels = vec![Level::default()];
    for token in &tokens {
        let depth = levels.len();
        let Some(level) = levels.last_mut() else { break };
        match &token.kind {
            Kind::Open if depth > DEPTH => return Err(QueryError::new(token.span.clone(), Reason::TooDeep)),
            Kind::Open => levels.push(Level { opened: Some(token.span.clone()), ..Level::default() }),
            Kind::Close => {
                if level.opened.is_none() {
                    return Err(QueryError::new(token.span.clone(), Reason::Unopened));
                }
                let inner = level.close()?;
                levels.pop();
                if let Some(outer) = levels.last_mut() {
                    outer.add(inner);
                }
            }
            Kind::Minus if level.minus.is_some() => {
                return Err(QueryError::new(token.span.clone(), Reason::LoneMinus));
            }
            Kind::Minus => level.minus = Some(token.span.clone()),
            Kind::Or => level.or(token)?,
            Kind::Word(word) => level.add(Query::Term(term(word, &token.span, now)?)),
        }
    }
    match levels.pop() {
        Some(Level { opened: Some(opened), .. }) => Err(QueryError::new(opened, Reason::Unclosed)),
        Some(mut level) => level.close(),
        None => Ok(Query::everything()),
    }
}

/// What was read since a parenthesis opened.
#[derive(Default)]
struct Level {
    opened: Option<Range<usize>>,
    /// Each is joined by AND to the others; its parts by OR.
    terms: Vec<Vec<Query>>,
    /// An OR that waits for its right side.
    or: Option<Range<usize>>,
    minus: Option<Range<usize>>,
}

impl Level {
    fn add(&mut self, query: Query) {
        let query = if self.minus.take().is_some() { Query::Not(Box::new(query)) } else { query };
        match (self.or.take(), self.terms.last_mut()) {
            (Some(_), Some(last)) => last.push(query),
            _ => self.terms.push(vec![query]),
        }
    }

    fn or(&mut self, token: &Token<'_>) -> Result<(), QueryError> {
        if self.terms.is_empty() || self.or.is_some() || self.minus.is_some() {
            return Err(QueryError::new(token.span.clone(), Reason::LoneOr));
        }
        self.or = Some(token.span.clone());
        Ok(())
    }

    fn close(&mut self) -> Result<Query, QueryError> {
        if let Some(span) = self.minus.take() {
            return Err(QueryError::new(span, Reason::LoneMinus));
        }
        if let Some(span) = self.or.take() {
            return Err(QueryError::new(span, Reason::LoneOr));
        }
        let mut terms: Vec<Query> = self
            .terms
            .drain(..)
            .filter_map(|mut parts| if parts.len() > 1 { Some(Query::Or(parts)) } else { parts.pop() })
            .collect();
        Ok(if terms.len() == 1 { terms.pop().unwrap_or_else(Query::everything) } else { Query::And(terms) })
    }
}

fn term(word: &Word<'_>, span: &Range<usize>, now: &Zoned) -> Result<Term, QueryError> {
    let fail = |reason| QueryError::new(span.clone(), reason);
    let text = |field, text: &str| {
        if !text.chars().any(char::is_alphanumeric) {
            return Err(fail(Reason::NoWord(text.to_owned())));
        }
        Ok(Term::Text { field, text: text.to_owned(), prefix: word.prefix })
    };
    let Some(name) = word.field else { return text(Field::Any, word.text) };
    let (name, value) = (name.to_ascii_lowercase(), word.text);
    let known = [
        "from", "to", "cc", "subject", "body", "filename", "in", "account", "id", "is", "has", "larger",
        "smaller", "before", "after", "newer", "older",
    ];
    if !known.contains(&name.as_str()) {
        // `Re:` and `https://…` are text that happens to hold a colon.
        return match value {
            "" if !word.quoted => text(Field::Any, &name),
            _ if value.starts_with("//") => text(Field::Any, &format!("{name}:{value}")),
            _ => Err(fail(Reason::NoField(name))),
        };
    }
    if value.is_empty() {
        return Err(fail(Reason::NoValue(name)));
    }
    let zone = now.time_zone();
    match name.as_str() {
        "from" => text(Field::From, value),
        "to" => text(Field::To, value),
        "cc" => text(Field::Cc, value),
        "subject" => text(Field::Subject, value),
        "body" => text(Field::Body, value),
        "filename" => text(Field::Filename, value),
        "in" => Ok(Term::In(value.to_owned())),
        "account" => Ok(Term::Account(value.to_owned())),
        "id" => {
            let letters = value.len() <= 64 && value.bytes().all(|b| matches!(b | 0x20, b'k'..=b'z'));
            if letters { Ok(Term::Id(value.to_ascii_lowercase())) } else { Err(fail(Reason::NoId)) }
        }
        "is" => mark(value).map(Term::Is).ok_or_else(|| fail(Reason::NoMark)),
        "has" if value.eq_ignore_ascii_case("attachment") => Ok(Term::HasAttachment),
        "has" => Err(fail(Reason::NoHas)),
        "larger" => size(value).map(Term::Larger).ok_or_else(|| fail(Reason::NoSize)),
        "smaller" => size(value).map(Term::Smaller).ok_or_else(|| fail(Reason::NoSize)),
        "before" => day(value, zone).map(Term::Before).ok_or_else(|| fail(Reason::NoDate)),
        "after" => day(value, zone).map(Term::Since).ok_or_else(|| fail(Reason::NoDate)),
        "newer" => age(value, now).map(Term::Since).ok_or_else(|| fail(Reason::NoAge)),
        _ => age(value, now).map(Term::Before).ok_or_else(|| fail(Reason::NoAge)),
    }
}

fn mark(word: &str) -> Option<Mark> {
    Some(match word.to_ascii_lowercase().as_str() {
        "unread" => Mark::Unread,
        "read" => Mark::Read,
        "starred" => Mark::Starred,
        "answered" => Mark::Answered,
        "draft" => Mark::Draft,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn now() -> Zoned {
        "2024-05-31T12:00:00+02:00[Europe/Berlin]".parse().unwrap()
    }

    fn word(text: &str) -> Query {
        field(Field::Any, text, false)
    }

    fn field(field: Field, text: &str, prefix: bool) -> Query {
        Query::Term(Term::Text { field, text: text.into(), prefix })
    }

    #[test]
    fn words_are_joined_by_and_and_or_binds_tighter() {
        assert_eq!(parse("", &now()), Ok(Query::everything()));
        assert_eq!(parse("a b", &now()), Ok(Query::And(vec![word("a"), word("b")])));
        let or = Query::Or(vec![word("b"), word("c")]);
        assert_eq!(parse("a b OR c", &now()), Ok(Query::And(vec![word("a"), or.clone()])));
        let both = Query::And(vec![word("a"), word("b")]);
        assert_eq!(parse("(a b) OR c", &now()), Ok(Query::Or(vec![both, word("c")])));
        assert_eq!(parse("-(b OR c)", &now()), Ok(Query::Not(Box::new(or))));
    }

    #[test]
    fn phrases_prefixes_and_fields() {
        assert_eq!(parse("\"annual report\"", &now()), Ok(word("annual report")));
        assert_eq!(parse("rep*", &now()), Ok(field(Field::Any, "rep", true)));
        assert_eq!(parse("Subject:\"annual rep\"*", &now()), Ok(field(Field::Subject, "annual rep", true)));
        let not = Query::Not(Box::new(field(Field::From, "ann@example.org", false)));
        assert_eq!(parse("-from:ann@example.org", &now()), Ok(not));
        assert_eq!(parse("well-known", &now()), Ok(word("well-known")));
        assert_eq!(parse("-\"a b\"", &now()), Ok(Query::Not(Box::new(word("a b")))));
    }

    #[test]
    fn a_colon_in_text_is_no_field() {
        assert_eq!(parse("Re:", &now()), Ok(word("re")));
        assert_eq!(parse("https://example.org/x", &now()), Ok(word("https://example.org/x")));
        assert_eq!(parse("12:30", &now()), Ok(word("12:30")));
    }

    #[test]
    fn marks_sizes_and_places() {
        let term = |text: &str| match parse(text, &now()) {
            Ok(Query::Term(term)) => term,
            other => panic!("{other:?}"),
        };
        assert_eq!(term("is:Unread"), Term::Is(Mark::Unread));
        assert_eq!(term("has:attachment"), Term::HasAttachment);
        assert_eq!(term("larger:10M"), Term::Larger(10 << 20));
        assert_eq!(term("smaller:1500"), Term::Smaller(1500));
        assert_eq!(term("in:\"My mail\""), Term::In("My mail".into()));
        assert_eq!(term("id:KLxy"), Term::Id("klxy".into()));
    }

    #[test]
    fn dates_are_days_where_the_person_is() {
        let seconds = |text: &str| match parse(text, &now()) {
            Ok(Query::Term(Term::Before(seconds) | Term::Since(seconds))) => seconds,
            other => panic!("{other:?}"),
        };
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
        assert_eq!(seconds("before:2024"), at("2023-12-31T23:00:00Z"));
        assert_eq!(seconds("after:2024-05"), at("2024-04-30T22:00:00Z"));
        assert_eq!(seconds("after:2024-05-09"), at("2024-05-08T22:00:00Z"));
        assert_eq!(seconds("newer:7d"), at("2024-05-24T10:00:00Z"));
        assert_eq!(seconds("older:3m"), at("2024-02-29T11:00:00Z"));
        assert_eq!(seconds("older:12h"), at("2024-05-30T22:00:00Z"));
    }

    #[test]
    fn an_error_points_at_the_word() {
        for (query, at, says) in [
            ("a \"b c", "\"b c", "not closed"),
            ("a (b", "(", "not closed"),
            ("a) b", ")", "nothing was opened"),
            ("a OR", "OR", "between two"),
            ("OR a", "OR", "between two"),
            ("a OR OR b", "OR", "between two"),
            ("x form:ann", "form:ann", "no field `form:`"),
            ("from: ann", "from:", "needs a value"),
            ("a is:odd", "is:odd", "unread, read"),
            ("larger:big", "larger:big", "a size"),
            ("before:2024-13", "before:2024-13", "a date"),
            ("newer:7", "newer:7", "an age"),
            ("newer:99999999999y", "newer:99999999999y", "an age"),
            ("a !!! b", "!!!", "no letter"),
            ("id:abc", "id:abc", "k to z"),
        ] {
            let error = parse(query, &now()).expect_err(query);
            assert!(error.to_string().contains(says), "{query}: {error}");
            assert_eq!(&query[error.span()], at, "{query}");
        }
    }

    #[test]
    fn no_input_is_too_deep_or_too_long() {
        assert!(parse(&"(".repeat(4000), &now()).is_err());
        assert!(parse(&"a ".repeat(101), &now()).is_err());
        assert!(parse(&"a ".repeat(100), &now()).is_ok());
        assert!(parse(&"-".repeat(4000), &now()).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_query_or_an_error_inside_it(text in r#"([a-z"():*\- é日]|OR |is:|from:){0,60}"#) {
            if let Err(error) = parse(&text, &now()) {
                prop_assert!(text.get(error.span()).is_some());
            }
        }
    }
}
