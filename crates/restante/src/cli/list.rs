//! `restante list` and `restante search`

use super::context::Context;
use super::error::Failure;
use super::output::{json_line, print};
use clap::Args;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use restante_core::mail::{Contact, Flags, SystemFlag};
use restante_core::message::clean_line;
use restante_core::query;
use restante_store::{AccountId, Filter, Row, View};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::process::ExitCode;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// List messages, the newest first.
///
/// Without a query: everything. `restante search` says what a query can hold. Before the sender: N for unread, *
/// for starred, r for answered, @ for attachments, ~ where only the beginning of a message is here.
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    page: Page,
    /// What to look for.
    query: Vec<String>,
}

/// Search all mail, the newest first.
///
/// Words must all occur; "a phrase", a prefix*, -not, OR and ( ) are understood. Fields: from: to: cc:
/// subject: body: filename: in:MAILBOX is:unread is:starred is:answered has:attachment larger:1M
/// before:2024-05-31 after:2024 newer:7d older:1y id:. An argument with spaces is one phrase.
#[derive(Debug, Args)]
pub(super) struct Search {
    #[command(flatten)]
    page: Page,
    /// What to look for.
    #[arg(required = true)]
    query: Vec<String>,
}

#[derive(Debug, Args)]
struct Page {
    /// At most this many messages.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    limit: usize,
}

#[derive(Serialize)]
struct Document {
    total: u64,
    messages: Vec<Message>,
}

/// A message as lists print it.
#[derive(Serialize)]
pub(super) struct Message {
    id: String,
    thread: String,
    account: String,
    mailboxes: Vec<String>,
    uid: Option<u32>,
    date: String,
    from: Vec<Contact>,
    to: Vec<Contact>,
    subject: String,
    flags: Vec<String>,
    size: u64,
    /// Octets of it that are here.
    held: u64,
    attachments: u32,
    snippet: String,
}

impl List {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        list(context, &self.query, &self.page)
    }
}

impl Search {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        list(context, &self.query, &self.page)
    }
}

/// The filter that words on the command line and `--account` make.
pub(super) fn filter(context: &Context, view: &View, words: &[String]) -> Result<Filter, Failure> {
    let text = words.iter().map(|word| joined(word)).collect::<Vec<_>>().join(" ");
    filter_of(context, view, &text)
}

/// The filter that a query in one text and `--account` make.
pub(super) fn filter_of(context: &Context, view: &View, text: &str) -> Result<Filter, Failure> {
    let query = query::parse(text, &Zoned::now()).map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(Filter { account: account_id(context, view)?, query })
}

/// The account named with `--account`, as the store knows it.
pub(super) fn account_id(context: &Context, view: &View) -> Result<Option<AccountId>, Failure> {
    let Some(name) = &context.global.account else { return Ok(None) };
    let name = &context.accounts()?.find(Some(name))?.name.clone();
    let found = view.find_account(name)?;
    Ok(Some(found.ok_or_else(|| Failure::NotFound(format!("there is no mail of {name} yet")))?))
}

/// An argument that holds spaces was quoted for the shell: it is one phrase, not several words.
fn joined(word: &str) -> String {
    // What begins with a hyphen comes with a space before it; see `shield`.
    let word = word.trim();
    let plain = !word.contains(char::is_whitespace) || word.contains(['"', '(', ')']);
    match word.split_once(':') {
        _ if plain => word.to_owned(),
        Some((field, text)) if !field.contains(char::is_whitespace) => format!("{field}:\"{text}\""),
        _ => format!("\"{word}\""),
    }
}

fn list(context: &Context, words: &[String], page: &Page) -> Result<ExitCode, Failure> {
    let view = context.view()?;
    let filter = filter(context, &view, words)?;
    let rows = view.list(&filter, page.limit, None)?;
    let accounts: BTreeMap<AccountId, String> =
        view.accounts()?.into_iter().map(|account| (account.id, account.name)).collect();
    let exit = if rows.is_empty() { ExitCode::from(1) } else { ExitCode::SUCCESS };
    if context.output.ids {
        print(&rows.iter().map(|row| format!("{}\n", row.id)).collect::<String>())?;
    } else if context.output.lines {
        for row in &rows {
            print(&format!("{}\n", json_line(&message(row, &accounts))?))?;
        }
    } else if context.output.json {
        let total = view.count(&filter)?;
        let messages = rows.iter().map(|row| message(row, &accounts)).collect();
        context.output.document("list", &Document { total, messages })?;
    } else {
        print(&table(context, &rows))?;
        if std::io::stderr().is_terminal() {
            eprint!("{}", hint(&view, words, rows.len(), page.limit)?);
        }
    }
    Ok(exit)
}

/// What a person at a terminal should know about the list above.
fn hint(view: &View, words: &[String], shown: usize, limit: usize) -> Result<String, Failure> {
    let mut hint = String::new();
    if shown == 0 {
        hint.push_str("nothing found\n");
    } else if shown == limit {
        hint.push_str(&format!("the newest {limit}; -n shows more\n"));
    }
    if !words.is_empty() && !view.unindexed(1)?.is_empty() {
        hint.push_str("some messages are not searchable yet; `restante sync` goes on with that\n");
    }
    Ok(hint)
}

fn message(row: &Row, accounts: &BTreeMap<AccountId, String>) -> Message {
    let place = row.places.first();
    Message {
        id: row.id.clone(),
        thread: row.thread.to_string(),
        account: place.and_then(|place| accounts.get(&place.account)).cloned().unwrap_or_default(),
        mailboxes: row.places.iter().map(|place| place.name.as_str().to_owned()).collect(),
        uid: place.map(|place| place.uid.get()),
        date: rfc3339(row.date),
        from: row.from.clone(),
        to: row.to.clone(),
        subject: row.subject.clone(),
        flags: flags(row).names().map(str::to_owned).collect(),
        size: row.size,
        held: row.held,
        attachments: row.attachments.unwrap_or(0),
        snippet: row.snippet.clone(),
    }
}

/// The flags of all places together.
fn flags(row: &Row) -> Flags {
    let names = row.places.iter().flat_map(|place| place.flags.names());
    names.collect()
}

/// Seconds since 1970 as RFC 3339 in UTC.
pub(super) fn rfc3339(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| String::new(), |time| time.to_string())
}

fn table(context: &Context, rows: &[Row]) -> String {
    let width = terminal_width();
    let zone = TimeZone::system();
    let ids = rows.iter().map(|row| row.id.len()).max().unwrap_or(0);
    let from = (width / 4).clamp(12, 24);
    let mut text = String::new();
    for row in rows {
        let flags = flags(row);
        let unread = !flags.has(SystemFlag::Seen);
        let marks = [
            if unread { 'N' } else { ' ' },
            if flags.has(SystemFlag::Flagged) { '*' } else { ' ' },
            if flags.has(SystemFlag::Answered) { 'r' } else { ' ' },
            if row.attachments.is_some_and(|count| count > 0) { '@' } else { ' ' },
            if row.held < row.size { '~' } else { ' ' },
        ];
        let sender = row.from.first().map_or("", |c| if c.name.is_empty() { &c.address } else { &c.name });
        let head = format!("{:<ids$}  {}  ", row.id, day(row.date, &zone));
        let marks: String = marks.into_iter().collect();
        let left = width.saturating_sub(head.len() + marks.len() + from + 4);
        let subject = if row.subject.is_empty() { "(no subject)" } else { &row.subject };
        let line = format!(
            "{marks}  {}  {}",
            fit(&clean_line(sender), from, true),
            fit(&clean_line(subject), left, false)
        );
        text.push_str(&context.output.dim(&head));
        text.push_str(&if unread { context.output.bold(&line) } else { line });
        text.push('\n');
    }
    text
}

fn day(seconds: i64, zone: &TimeZone) -> String {
    let Ok(time) = Timestamp::from_second(seconds) else { return " ".repeat(16) };
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// Columns of the terminal; 100 where there is none.
fn terminal_width() -> usize {
    terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0)).max(40)
}

/// Cuts a text to a width in columns, and fills it up to that when it is not the last.
fn fit(text: &str, width: usize, fill: bool) -> String {
    if text.width() <= width {
        let missing = if fill { width - text.width() } else { 0 };
        return format!("{text}{}", " ".repeat(missing));
    }
    let mut cut = String::new();
    let mut used = 0;
    for c in text.chars() {
        let columns = c.width().unwrap_or(0);
        if used + columns >= width {
            break;
        }
        cut.push(c);
        used += columns;
    }
    cut.push('…');
    cut.push_str(&" ".repeat(if fill { width.saturating_sub(used + 1) } else { 0 }));
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_columns_not_by_characters() {
        assert_eq!(fit("abc", 5, true), "abc  ");
        assert_eq!(fit("abcdef", 5, true), "abcd…");
        assert_eq!(fit("日本語", 5, true), "日本…");
        assert_eq!(fit("日本語", 4, true), "日… ");
    }

    #[test]
    fn an_argument_with_spaces_is_a_phrase() {
        assert_eq!(joined("hello"), "hello");
        assert_eq!(joined(" -hello"), "-hello");
        assert_eq!(joined("hello world"), "\"hello world\"");
        assert_eq!(joined("subject:hello world"), "subject:\"hello world\"");
        assert_eq!(joined("(a OR b)"), "(a OR b)");
    }
}
