//! Tokens to a tree.

use super::lex::{Kind, Token, Word, tokens};
use super::value::{age, day, range, size};
use super::{Feature, Field, Mark, Query, Term, Way};
use jiff::Zoned;
use std::ops::Range;

/// Words in one query.
const WORDS: usize = 100;
/// Parentheses inside each other.
const DEPTH: usize = 20;
/// Octets of a query.
const LENGTH: usize = 4096;
/// Saved queries that name each other.
const SAVED: usize = 8;

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
    #[error("AND stands between two terms")]
    LoneAnd,
    #[error("something to leave out has to follow `-` or NOT")]
    LoneMinus,
    #[error("`{0}:` needs a value directly after the colon")]
    NoValue(String),
    #[error("there is no field `{0}:`; put quotes around the word to search for it as text")]
    NoField(String),
    #[error("there is no letter or digit in `{0}` to search for")]
    NoWord(String),
    #[error("`is:` is followed by unread, read, starred, answered or draft")]
    NoMark,
    #[error("`has:` is followed by attachment, link or invite")]
    NoHas,
    #[error("a thread is a number, as `restante list --json` gives it")]
    NoThread,
    #[error("no query is saved as `{0}`")]
    NoSaved(String),
    #[error("saved queries name each other more than {SAVED} deep")]
    SavedTooDeep,
    #[error("in the saved query `{0}`: {1}")]
    InSaved(String, Box<Reason>),
    #[error("a size is a number, with K, M or G for units of 1024: 500K, 10M")]
    NoSize,
    #[error("a date is a year, a month or a day: 2024, 2024-05, 2024-05-31, today, yesterday")]
    NoDate,
    #[error("this range ends before it begins")]
    Backwards,
    #[error("something has to stand before the `*`: the beginning of a word")]
    LoneStar,
    #[error("`date:` takes a date or a range: 2024-05, 2024-05..2024-07, 2024.., 7d..")]
    NoRange,
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
    parse_with(query, now, &|_| None)
}

/// As [`parse()`]; `saved` gives the text of a query that was saved under a name.
///
/// # Errors
/// As [`parse()`]. What is wrong inside a saved query is said at the word that names it.
pub fn parse_with(
    query: &str,
    now: &Zoned,
    saved: &dyn Fn(&str) -> Option<String>,
) -> Result<Query, QueryError> {
    Parser { now, saved, words: 0, depth: 0 }.parse(query)
}

struct Parser<'a> {
    now: &'a Zoned,
    saved: &'a dyn Fn(&str) -> Option<String>,
    /// Words so far, those of saved queries among them.
    words: usize,
    /// Saved queries around this one.
    depth: usize,
}

impl Parser<'_> {
    fn parse(&mut self, query: &str) -> Result<Query, QueryError> {
        let too_long = || QueryError::new(0..query.len(), Reason::TooLong);
        if query.len() > LENGTH {
            return Err(too_long());
        }
        let tokens = tokens(query)?;
        self.words += tokens.iter().filter(|t| matches!(t.kind, Kind::Word(_))).count();
        if tokens.len() > 3 * WORDS || self.words > WORDS {
            return Err(too_long());
        }
        // One level for each open parenthesis, so that no input can drive a recursion.
        let mut levels = vec![Level::default()];
        for token in &tokens {
            let depth = levels.len();
            let Some(level) = levels.last_mut() else { break };
            match &token.kind {
                Kind::Open(_) if depth > DEPTH => {
                    return Err(QueryError::new(token.span.clone(), Reason::TooDeep));
                }
                Kind::Open(field) => {
                    if let Some(field) = field.filter(|field| !is_field(field)) {
                        let reason = Reason::NoField(field.to_owned());
                        return Err(QueryError::new(token.span.clone(), reason));
                    }
                    let field = field.or(level.field);
                    levels.push(Level { opened: Some(token.span.clone()), field, ..Level::default() });
                }
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
                Kind::And => level.and(token)?,
                Kind::Word(word) => {
                    let word = Word { field: word.field.or(level.field), ..word.clone() };
                    let query =
                        self.word(&word).map_err(|reason| QueryError::new(token.span.clone(), reason))?;
                    level.add(query);
                }
            }
        }
        match levels.pop() {
            Some(Level { opened: Some(opened), .. }) => Err(QueryError::new(opened, Reason::Unclosed)),
            Some(mut level) => level.close(),
            None => Ok(Query::everything()),
        }
    }

    fn word(&mut self, word: &Word<'_>) -> Result<Query, Reason> {
        if word.field.is_some_and(|field| field.eq_ignore_ascii_case("saved")) && !word.text.is_empty() {
            return self.saved(word.text);
        }
        term(word, self.now)
    }

    /// A saved query takes the place of its name.
    fn saved(&mut self, name: &str) -> Result<Query, Reason> {
        let text = (self.saved)(name).ok_or_else(|| Reason::NoSaved(name.to_owned()))?;
        if self.depth >= SAVED {
            return Err(Reason::SavedTooDeep);
        }
        self.depth += 1;
        let query = self.parse(&text).map_err(|error| match error.reason {
            inner @ (Reason::InSaved(..) | Reason::SavedTooDeep) => inner,
            inner => Reason::InSaved(name.to_owned(), Box::new(inner)),
        });
        self.depth -= 1;
        query
    }
}

/// What was read since a parenthesis opened.
#[derive(Default)]
struct Level<'a> {
    opened: Option<Range<usize>>,
    /// What words without a field are looked for in.
    field: Option<&'a str>,
    /// Each is joined by AND to the others; its parts by OR.
    terms: Vec<Vec<Query>>,
    /// An OR that waits for its right side.
    or: Option<Range<usize>>,
    /// An AND that waits for its right side.
    and: Option<Range<usize>>,
    minus: Option<Range<usize>>,
}

impl Level<'_> {
    fn add(&mut self, query: Query) {
        self.and = None;
        let query = if self.minus.take().is_some() { Query::Not(Box::new(query)) } else { query };
        match (self.or.take(), self.terms.last_mut()) {
            (Some(_), Some(last)) => last.push(query),
            _ => self.terms.push(vec![query]),
        }
    }

    fn or(&mut self, token: &Token<'_>) -> Result<(), QueryError> {
        if self.is_waiting() {
            return Err(QueryError::new(token.span.clone(), Reason::LoneOr));
        }
        self.or = Some(token.span.clone());
        Ok(())
    }

    fn and(&mut self, token: &Token<'_>) -> Result<(), QueryError> {
        if self.is_waiting() {
            return Err(QueryError::new(token.span.clone(), Reason::LoneAnd));
        }
        self.and = Some(token.span.clone());
        Ok(())
    }

    /// Whether a term has to come next.
    fn is_waiting(&self) -> bool {
        self.terms.is_empty() || self.or.is_some() || self.and.is_some() || self.minus.is_some()
    }

    fn close(&mut self) -> Result<Query, QueryError> {
        if let Some(span) = self.minus.take() {
            return Err(QueryError::new(span, Reason::LoneMinus));
        }
        if let Some(span) = self.or.take() {
            return Err(QueryError::new(span, Reason::LoneOr));
        }
        if let Some(span) = self.and.take() {
            return Err(QueryError::new(span, Reason::LoneAnd));
        }
        let mut terms: Vec<Query> = self
            .terms
            .drain(..)
            .filter_map(|mut parts| if parts.len() > 1 { Some(Query::Or(parts)) } else { parts.pop() })
            .collect();
        Ok(if terms.len() == 1 { terms.pop().unwrap_or_else(Query::everything) } else { Query::And(terms) })
    }
}

fn term(word: &Word<'_>, now: &Zoned) -> Result<Query, Reason> {
    let way = match word {
        Word { prefix: true, .. } => Way::Prefix,
        Word { quoted: true, .. } => Way::Exact,
        _ => Way::Loose,
    };
    let text = |field, text: &str| {
        if text.is_empty() && word.prefix {
            return Err(Reason::LoneStar);
        }
        if !text.chars().any(char::is_alphanumeric) {
            return Err(Reason::NoWord(text.to_owned()));
        }
        Ok(Term::Text { field, text: text.to_owned(), way })
    };
    let Some(name) = word.field else { return text(Field::Any, word.text).map(Query::Term) };
    let (name, value) = (name.to_ascii_lowercase(), word.text);
    if !is_field(&name) {
        // `Re:` and `https://…` are text that happens to hold a colon.
        return match value {
            "" if !word.quoted => text(Field::Any, &name),
            _ if value.starts_with("//") => text(Field::Any, &format!("{name}:{value}")),
            _ => Err(Reason::NoField(name)),
        }
        .map(Query::Term);
    }
    if value.is_empty() && !word.prefix {
        return Err(Reason::NoValue(name));
    }
    // The names of a mailbox and of those below it, or all that begin so.
    let place = || if word.prefix { format!("{value}*") } else { value.to_owned() };
    let term = match name.as_str() {
        "from" => text(Field::From, value)?,
        "to" => text(Field::To, value)?,
        "cc" => text(Field::Cc, value)?,
        "subject" => text(Field::Subject, value)?,
        "body" => text(Field::Body, value)?,
        "list" => text(Field::List, value)?,
        "filename" => text(Field::Filename, value)?,
        "attachment" => text(Field::Attachment, value)?,
        "in" | "label" | "folder" | "mailbox" => Term::In(place()),
        "account" => Term::Account(value.to_owned()),
        "tag" | "keyword" => Term::Tag(value.to_owned()),
        "id" => id(value)?,
        "thread" => Term::Thread(value.parse().map_err(|_| Reason::NoThread)?),
        "is" => Term::Is(mark(value).ok_or(Reason::NoMark)?),
        "has" => Term::Has(feature(value).ok_or(Reason::NoHas)?),
        "larger" => Term::Larger(size(value).ok_or(Reason::NoSize)?),
        "smaller" => Term::Smaller(size(value).ok_or(Reason::NoSize)?),
        "before" => Term::Before(day(value, now).ok_or(Reason::NoDate)?),
        "after" | "since" => Term::Since(day(value, now).ok_or(Reason::NoDate)?),
        "date" => {
            let (from, to) = range(value, now).ok_or(Reason::NoRange)?;
            if from.zip(to).is_some_and(|(from, to)| from >= to) {
                return Err(Reason::Backwards);
            }
            let bounds = [from.map(Term::Since), to.map(Term::Before)];
            return Ok(Query::And(bounds.into_iter().flatten().map(Query::Term).collect()));
        }
        "newer" | "newer_than" => Term::Since(age(value, now).ok_or(Reason::NoAge)?),
        _ => Term::Before(age(value, now).ok_or(Reason::NoAge)?),
    };
    Ok(Query::Term(term))
}

/// What stands before a colon; those that people know from other programs among them.
const FIELDS: [&str; 30] = [
    "from",
    "to",
    "cc",
    "subject",
    "body",
    "list",
    "filename",
    "attachment",
    "in",
    "label",
    "folder",
    "mailbox",
    "account",
    "tag",
    "keyword",
    "id",
    "thread",
    "saved",
    "is",
    "has",
    "larger",
    "smaller",
    "before",
    "after",
    "since",
    "date",
    "newer",
    "newer_than",
    "older",
    "older_than",
];

/// Whether a word before a colon makes it a field of a query.
#[must_use]
pub fn is_field(name: &str) -> bool {
    FIELDS.contains(&name.to_ascii_lowercase().as_str())
}

/// Whether the value of a field is a name that somebody gave, with spaces in it: everything behind belongs to it.
pub(super) fn is_named(field: &str) -> bool {
    let named = ["in", "label", "folder", "mailbox", "account", "saved"];
    named.iter().any(|name| field.eq_ignore_ascii_case(name))
}

/// An id for people, or a Message-ID.
fn id(value: &str) -> Result<Term, Reason> {
    if value.contains('@') {
        let bare = value.strip_prefix('<').and_then(|value| value.strip_suffix('>'));
        return Ok(Term::MessageId(bare.unwrap_or(value).to_owned()));
    }
    let letters = value.len() <= 64 && value.bytes().all(|b| matches!(b | 0x20, b'k'..=b'z'));
    if letters { Ok(Term::Id(value.to_ascii_lowercase())) } else { Err(Reason::NoId) }
}

fn feature(word: &str) -> Option<Feature> {
    Some(match word.to_ascii_lowercase().as_str() {
        "attachment" | "attachments" => Feature::Attachment,
        "link" | "links" => Feature::Link,
        "invite" | "invitation" => Feature::Invite,
        _ => return None,
    })
}

fn mark(word: &str) -> Option<Mark> {
    Some(match word.to_ascii_lowercase().as_str() {
        "unread" | "unseen" => Mark::Unread,
        "read" | "seen" => Mark::Read,
        "starred" | "flagged" => Mark::Starred,
        "answered" | "replied" => Mark::Answered,
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
        field(Field::Any, text, Way::Loose)
    }

    fn exact(text: &str) -> Query {
        field(Field::Any, text, Way::Exact)
    }

    fn field(field: Field, text: &str, way: Way) -> Query {
        Query::Term(Term::Text { field, text: text.into(), way })
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
        assert_eq!(parse("\"annual report\"", &now()), Ok(exact("annual report")));
        assert_eq!(parse("rep*", &now()), Ok(field(Field::Any, "rep", Way::Prefix)));
        assert_eq!(
            parse("Subject:\"annual rep\"*", &now()),
            Ok(field(Field::Subject, "annual rep", Way::Prefix))
        );
        let not = Query::Not(Box::new(field(Field::From, "ann@example.org", Way::Loose)));
        assert_eq!(parse("-from:ann@example.org", &now()), Ok(not));
        assert_eq!(parse("well-known", &now()), Ok(word("well-known")));
        assert_eq!(parse("-\"a b\"", &now()), Ok(Query::Not(Box::new(exact("a b")))));
    }

    #[test]
    fn and_and_not_in_words_and_a_field_for_several() {
        let same = |one: &str, other: &str| assert_eq!(parse(one, &now()), parse(other, &now()), "{one}");
        same("a AND b", "a b");
        same("a AND NOT b", "a -b");
        same("NOT (a OR b)", "-(a OR b)");
        same("a OR NOT b", "a OR -b");
        same("subject:(a b)", "(subject:a subject:b)");
        same("from:(ann OR bob) c", "(from:ann OR from:bob) c");
        same("subject:(a (b -from:c))", "subject:a (subject:b -from:c)");
        same("is:(unread starred)", "is:unread is:starred");
        assert_eq!(parse("and or not", &now()), Ok(Query::And(["and", "or", "not"].map(word).to_vec())));
        assert_eq!(parse("in:Lists/*", &now()), Ok(Query::Term(Term::In("Lists/*".into()))));
        for (query, at, words) in [
            ("AND a", 0..3, "AND stands between"),
            ("a AND", 2..5, "AND stands between"),
            ("a AND OR b", 6..8, "OR stands between"),
            ("a NOT", 2..5, "has to follow"),
            ("nobody:(a)", 0..8, "no field `nobody:`"),
            ("*", 0..1, "before the `*`"),
            ("from:*", 0..6, "before the `*`"),
            ("date:2002-10..2002-08", 0..21, "ends before it begins"),
        ] {
            let error = parse(query, &now()).unwrap_err();
            assert!(error.to_string().contains(words), "{query}: {error}");
            assert_eq!(error.span(), at, "{query}");
        }
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
        assert_eq!(term("is:replied"), Term::Is(Mark::Answered));
        assert_eq!(term("has:attachment"), Term::Has(Feature::Attachment));
        assert_eq!(term("has:Link"), Term::Has(Feature::Link));
        assert_eq!(term("has:invite"), Term::Has(Feature::Invite));
        assert_eq!(term("tag:Work"), Term::Tag("Work".into()));
        assert_eq!(term("folder:Work"), Term::In("Work".into()));
        assert_eq!(term("thread:17"), Term::Thread(17));
        assert_eq!(term("id:<a.b@example.org>"), Term::MessageId("a.b@example.org".into()));
        let text = |field, text: &str| Term::Text { field, text: text.into(), way: Way::Loose };
        assert_eq!(term("list:users.example.org"), text(Field::List, "users.example.org"));
        assert_eq!(term("attachment:budget"), text(Field::Attachment, "budget"));
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
    fn a_range_of_dates_ends_with_its_last_day() {
        let bounds = |text: &str| match parse(text, &now()) {
            Ok(Query::And(parts)) => parts
                .into_iter()
                .map(|part| match part {
                    Query::Term(Term::Since(at)) => format!("from {}", zoned(at)),
                    Query::Term(Term::Before(at)) => format!("to {}", zoned(at)),
                    other => panic!("{other:?}"),
                })
                .collect::<Vec<_>>()
                .join(" "),
            other => panic!("{text}: {other:?}"),
        };
        for (text, expected) in [
            ("date:2024-05..2024-07", "from 2024-05-01T00:00 to 2024-08-01T00:00"),
            ("date:2024-05", "from 2024-05-01T00:00 to 2024-06-01T00:00"),
            ("date:2023", "from 2023-01-01T00:00 to 2024-01-01T00:00"),
            ("date:2024-02-28..2024-02-29", "from 2024-02-28T00:00 to 2024-03-01T00:00"),
            ("date:2024..", "from 2024-01-01T00:00"),
            ("date:..2023-12-31", "to 2024-01-01T00:00"),
            ("date:today", "from 2024-05-31T00:00 to 2024-06-01T00:00"),
            ("date:yesterday..today", "from 2024-05-30T00:00 to 2024-06-01T00:00"),
            ("date:7d..", "from 2024-05-24T12:00"),
            ("date:2w..1d", "from 2024-05-17T12:00 to 2024-05-30T12:00"),
        ] {
            assert_eq!(bounds(text), expected, "{text}");
        }
        for text in ["date:..", "date:2024...2025", "date:2024..x", "date:soon"] {
            let error = parse(text, &now()).expect_err(text);
            assert!(error.to_string().contains("or a range"), "{text}: {error}");
        }
    }

    fn zoned(seconds: i64) -> String {
        let at = jiff::Timestamp::from_second(seconds).unwrap().to_zoned(now().time_zone().clone());
        at.strftime("%Y-%m-%dT%H:%M").to_string()
    }

    #[test]
    fn a_saved_query_takes_the_place_of_its_name() {
        let saved = |name: &str| match name {
            "work" => Some("from:boss OR from:\"the team\"".to_owned()),
            "urgent" => Some("saved:work is:unread".to_owned()),
            "wrong" => Some("larger:big".to_owned()),
            "around" => Some("a saved:around".to_owned()),
            "wide" => Some("saved:twice ".repeat(50)),
            "twice" => Some("a b".to_owned()),
            _ => None,
        };
        let parse = |text: &str| parse_with(text, &now(), &saved);
        assert_eq!(parse("-saved:work x"), parse("-(from:boss OR from:\"the team\") x"));
        assert_eq!(parse("saved:urgent"), parse("(from:boss OR from:\"the team\") is:unread"));
        for (text, at, says) in [
            ("a saved:none b", "saved:none", "no query is saved as `none`"),
            ("a saved:wrong", "saved:wrong", "in the saved query `wrong`: a size"),
            ("saved:around", "saved:around", "8 deep"),
            ("saved:wide", "saved:wide", "100 words"),
            ("saved:", "saved:", "needs a value"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.to_string().contains(says), "{text}: {error}");
            assert_eq!(&text[error.span()], at, "{text}");
        }
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
