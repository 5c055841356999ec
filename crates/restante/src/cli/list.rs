//! `restante list` and `restante search`

use super::context::Context;
use super::error::Failure;
use super::output::{json_line, print};
use super::wrap::columns;
use super::zone::{now, zone};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use restante_core::mail::{Contact, Flags, SystemFlag};
use restante_core::message::{clean, clean_line};
use restante_core::query::{self, Hit, Query};
use restante_store::{AccountId, Filter, MessageId, Row, View};
use serde::Serialize;
use std::borrow::Cow;
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
/// Words must all occur; "a phrase", a prefix*, -not, OR and ( ) are understood. A word finds its other forms too
/// (invoice, invoices) in the languages of the mail, unless it is quoted. Fields: from: to: cc: subject: body: list:
/// filename: attachment: in:MAILBOX account: tag: is:unread|read|starred|answered|draft has:attachment|link|invite
/// larger:1M smaller:10K before:2024-05-31 after:2024 date:2024-05..2024-07 newer:7d older:1y id: thread: saved:NAME.
/// `AND` and `NOT` may be written out, subject:(a b) asks both words of one field, and in:Lists/* means all mailboxes
/// whose names begin so. An argument of plain words with spaces between them is one phrase.
///
/// Below each message stands the place in its text that was found.
#[derive(Debug, Args)]
pub(super) struct Search {
    #[command(flatten)]
    page: Page,
    /// Which messages come first: the newest, or those that fit the words best.
    #[arg(long, value_enum, default_value_t = Sort::Newest)]
    sort: Sort,
    /// Keep the query: `saved:NAME` in other queries stands for it.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["saved", "forget"])]
    save: Option<String>,
    /// List the queries that were saved.
    #[arg(long, conflicts_with = "forget")]
    saved: bool,
    /// Forget a query that was saved.
    #[arg(long, value_name = "NAME")]
    forget: Option<String>,
    /// What to look for.
    #[arg(required_unless_present_any = ["saved", "forget"], conflicts_with_all = ["saved", "forget"])]
    query: Vec<String>,
}

/// Which messages come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Sort {
    /// The newest.
    #[default]
    Newest,
    /// Those that fit the words best.
    Relevance,
}

#[derive(Debug, Args)]
struct Page {
    /// At most this many messages; else 50, and all with --ids and --jsonl.
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,
}

impl Page {
    /// Messages on a page. What goes to another program goes whole.
    fn limit(&self, context: &Context) -> usize {
        let whole = context.output.ids || context.output.lines;
        self.limit.unwrap_or(if whole { usize::MAX } else { PAGE })
    }
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
    /// Why a search found it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hit: Option<Found>,
}

/// A piece of a message's text that was looked for.
#[derive(Serialize)]
struct Found {
    text: String,
    /// What was found in it: the first octet and the one after the last.
    marks: Vec<[usize; 2]>,
}

/// A query with a name.
#[derive(Serialize)]
struct SavedQuery {
    name: String,
    query: String,
}

/// The queries with names.
#[derive(Serialize)]
struct SavedQueries {
    queries: Vec<SavedQuery>,
}

impl List {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let view = context.view()?;
        let filter = filter(context, &view, &self.query)?;
        if is_stream(context) {
            let found = view.find(&filter, self.page.limit(context), None)?;
            return stream(context, &view, &filter, &found, |_| Ok(None));
        }
        let rows =
            view.list(&filter, self.page.limit(context), None)?.into_iter().map(|row| (row, None)).collect();
        show(context, &view, &filter, rows, &self.page, !self.query.is_empty())
    }
}

impl Search {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        if self.saved {
            return saved(context);
        }
        if let Some(name) = &self.forget {
            return match context.accounts()?.save_query(name, None)? {
                true => Ok(ExitCode::SUCCESS),
                false => Err(Failure::NotFound(format!("no query is saved as `{name}`"))),
            };
        }
        let text = text(&self.query);
        if let Some(name) = &self.save {
            // What cannot be searched for is not kept.
            read_query(context, &text)?;
            let mut accounts = context.accounts()?;
            let before = accounts.saved(name).filter(|before| *before != text).map(str::to_owned);
            accounts.save_query(name, Some(&text))?;
            let instead =
                before.map_or(String::new(), |before| format!(", no longer for: {}", clean_line(&before)));
            eprintln!("saved:{name} stands for it now{instead}");
            // The mail may not have come yet.
            if matches!(context.view(), Err(Failure::NotFound(_))) {
                return Ok(ExitCode::SUCCESS);
            }
        }
        let view = context.view()?;
        let filter = filter_of(context, &view, &text)?;
        if is_stream(context) {
            let limit = self.page.limit(context);
            let found = match self.sort {
                Sort::Newest => view.find(&filter, limit, None)?,
                Sort::Relevance => view.find_ranked(&filter, limit)?,
            };
            let width = PLAIN_WIDTH.saturating_sub(INDENT);
            return stream(context, &view, &filter, &found, |id| Ok(view.hit(id, &filter.query, width)?));
        }
        let rows = match self.sort {
            Sort::Newest => view.list(&filter, self.page.limit(context), None)?,
            Sort::Relevance => view.ranked(&filter, self.page.limit(context))?,
        };
        let width = terminal_width().saturating_sub(INDENT);
        let hit = |row: Row| {
            let hit = view.hit(row.message, &filter.query, width)?;
            Ok::<_, Failure>((row, hit))
        };
        let rows = rows.into_iter().map(hit).collect::<Result<Vec<_>, _>>()?;
        show(context, &view, &filter, rows, &self.page, true)
    }
}

/// Prints the queries with names.
fn saved(context: &Context) -> Result<ExitCode, Failure> {
    let accounts = context.accounts()?;
    let one = |(name, query): (&str, &str)| SavedQuery { name: name.to_owned(), query: query.to_owned() };
    let queries: Vec<SavedQuery> = accounts.all_saved().map(one).collect();
    let exit = if queries.is_empty() { ExitCode::from(1) } else { ExitCode::SUCCESS };
    if context.output.json {
        context.output.document("saved", &SavedQueries { queries })?;
    } else {
        let width = queries.iter().map(|one| one.name.width()).max().unwrap_or(0);
        for SavedQuery { name, query } in &queries {
            print(&format!("{}  {}\n", fit(name, width, true), clean_line(query)))?;
        }
    }
    Ok(exit)
}

/// The filter that words on the command line and `--account` make.
pub(super) fn filter(context: &Context, view: &View, words: &[String]) -> Result<Filter, Failure> {
    filter_of(context, view, &text(words))
}

/// Words on the command line as one query. What begins with a hyphen comes with a space before it; see `shield`.
pub(super) fn text(words: &[String]) -> String {
    words.iter().map(|word| query::argument(word)).collect::<Vec<_>>().join(" ")
}

/// The filter that a query in one text and `--account` make.
pub(super) fn filter_of(context: &Context, view: &View, text: &str) -> Result<Filter, Failure> {
    Ok(Filter { account: account_id(context, view)?, query: read_query(context, text)? })
}

/// Reads a query; one with a name comes from the configuration.
fn read_query(context: &Context, text: &str) -> Result<Query, Failure> {
    // Most queries name no other, and then nothing else is read.
    let accounts =
        if text.to_ascii_lowercase().contains("saved:") { Some(context.accounts()?) } else { None };
    let saved = |name: &str| accounts.as_ref()?.saved(name).map(str::to_owned);
    query::parse_with(text, &now(), &saved).map_err(|error| {
        let marked = marked(text, &error.span());
        Failure::Usage(format!("{error}{marked}"))
    })
}

/// The query with the word that is wrong underlined, on lines of their own.
fn marked(text: &str, span: &std::ops::Range<usize>) -> String {
    let (Some(before), Some(wrong)) = (text.get(..span.start), text.get(span.clone())) else {
        return String::new();
    };
    if text.width() > 200 || text.contains(char::is_control) {
        return String::new();
    }
    format!("\n  {text}\n  {}{}", " ".repeat(before.width()), "^".repeat(wrong.width().max(1)))
}

/// The account named with `--account`, as the store knows it.
pub(super) fn account_id(context: &Context, view: &View) -> Result<Option<AccountId>, Failure> {
    let Some(name) = &context.global.account else { return Ok(None) };
    let name = &context.accounts()?.name_of(Some(name))?.to_owned();
    let found = view.find_account(name)?;
    Ok(Some(found.ok_or_else(|| Failure::NotFound(format!("there is no mail of {name} yet")))?))
}

/// Whether the list is for a program that takes it line by line.
fn is_stream(context: &Context) -> bool {
    context.output.ids || context.output.lines
}

/// Prints messages one by one, so that a million of them need no memory.
fn stream(
    context: &Context,
    view: &View,
    filter: &Filter,
    ids: &[MessageId],
    hit: impl Fn(MessageId) -> Result<Option<Hit>, Failure>,
) -> Result<ExitCode, Failure> {
    tell_unknown(view, filter)?;
    let accounts = names(view)?;
    for piece in ids.chunks(PAGE) {
        let mut text = String::new();
        for id in piece {
            if context.output.ids {
                text.extend(view.id(*id)?.map(|id| id + "\n"));
            } else if let Some(row) = view.row(*id)? {
                let hit = hit(*id)?.as_ref().map(found);
                text.push_str(&json_line(&Message { hit, ..message(&row, &accounts) })?);
                text.push('\n');
            }
        }
        print(&text)?;
    }
    Ok(if ids.is_empty() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Says which mailboxes and accounts of a query are not there: a name that was mistyped finds nothing.
fn tell_unknown(view: &View, filter: &Filter) -> Result<(), Failure> {
    for place in view.unknown_places(filter)? {
        eprintln!("there is no mailbox or account of that name: {}", clean_line(&place));
    }
    Ok(())
}

fn names(view: &View) -> Result<BTreeMap<AccountId, String>, Failure> {
    Ok(view.accounts()?.into_iter().map(|account| (account.id, account.name)).collect())
}

/// Prints what was found, with why where that is known.
fn show(
    context: &Context,
    view: &View,
    filter: &Filter,
    rows: Vec<(Row, Option<Hit>)>,
    page: &Page,
    searched: bool,
) -> Result<ExitCode, Failure> {
    tell_unknown(view, filter)?;
    let accounts = names(view)?;
    let exit = if rows.is_empty() { ExitCode::from(1) } else { ExitCode::SUCCESS };
    let message =
        |(row, hit): &(Row, Option<Hit>)| Message { hit: hit.as_ref().map(found), ..message(row, &accounts) };
    if context.output.json {
        let total = view.count(filter)?;
        let messages = rows.iter().map(message).collect();
        context.output.document("list", &Document { total, messages })?;
    } else {
        print(&table(context, &rows))?;
        if std::io::stderr().is_terminal() {
            eprint!("{}", hint(view, searched, rows.len(), page.limit(context))?);
        }
    }
    Ok(exit)
}

fn found(hit: &Hit) -> Found {
    Found { text: hit.text.clone(), marks: hit.marks.iter().map(|mark| [mark.start, mark.end]).collect() }
}

/// What a person at a terminal should know about the list above.
fn hint(view: &View, searched: bool, shown: usize, limit: usize) -> Result<String, Failure> {
    let mut hint = String::new();
    if shown == 0 {
        hint.push_str("nothing found\n");
    } else if shown == limit {
        hint.push_str(&format!("the newest {limit}; -n shows more\n"));
    }
    if searched && !view.unindexed(1)?.is_empty() {
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
        hit: None,
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

/// Columns for programs, which have none.
const PLAIN_WIDTH: usize = 100;
/// Messages on a page for a person.
const PAGE: usize = 50;
/// Marks before the sender.
const MARKS: usize = 5;
/// Columns before the piece of text that was found.
const INDENT: usize = 6;

fn table(context: &Context, rows: &[(Row, Option<Hit>)]) -> String {
    let width = terminal_width();
    let zone = zone();
    let ids = rows.iter().map(|(row, _)| row.id.len()).max().unwrap_or(0);
    let (date, from, left) = layout(width, ids);
    let mut text = String::new();
    for (row, hit) in rows {
        let flags = flags(row);
        let unread = !flags.has(SystemFlag::Seen);
        let marks: [char; MARKS] = [
            if unread { 'N' } else { ' ' },
            if flags.has(SystemFlag::Flagged) { '*' } else { ' ' },
            if flags.has(SystemFlag::Answered) { 'r' } else { ' ' },
            if row.attachments.is_some_and(|count| count > 0) { '@' } else { ' ' },
            if row.held < row.size { '~' } else { ' ' },
        ];
        let sender = row.from.first().map_or("", |c| if c.name.is_empty() { &c.address } else { &c.name });
        let day = day(row.date, &zone);
        let day = day.get(..date).unwrap_or_default();
        let head = format!("{:<ids$}  {day}{}", row.id, if date > 0 { "  " } else { "" });
        let marks: String = marks.into_iter().collect();
        let subject = if row.subject.is_empty() { "(no subject)" } else { &row.subject };
        let line = format!(
            "{marks}  {}{}{}",
            fit(&clean_line(sender), from, true),
            if from > 0 { "  " } else { "" },
            fit(&clean_line(subject), left, false)
        );
        text.push_str(&context.output.dim(&head));
        text.push_str(&if unread { context.output.bold(&line) } else { line });
        text.push('\n');
        if let Some(hit) = hit {
            text.push_str(&format!("{}{}\n", " ".repeat(INDENT), lit(context, hit)));
        }
    }
    text
}

/// Columns of the date, of the sender and of the subject, in lines of so many columns that begin with an id. The
/// subject has a third of them at least: for that the sender gets shorter, then the time goes, the date, the sender.
fn layout(width: usize, ids: usize) -> (usize, usize, usize) {
    const DAY_AND_TIME: usize = 16;
    const DAY: usize = 10;
    let from = (width / 4).clamp(12, 24);
    let gap = |column: usize| if column > 0 { column + 2 } else { 0 };
    let left = |(date, from): (usize, usize)| {
        let before = gap(ids) + gap(date) + gap(MARKS) + gap(from);
        (date, from, width.saturating_sub(before))
    };
    let ways = [(DAY_AND_TIME, from), (DAY_AND_TIME, 12), (DAY, 12), (0, 12), (0, 8), (0, 0)];
    ways.map(left).into_iter().find(|(.., subject)| *subject >= width / 3).unwrap_or(left((0, 0)))
}

/// A piece of text with what was found in it in bold, the rest in the background.
fn lit(context: &Context, hit: &Hit) -> String {
    let output = &context.output;
    pieces(hit)
        .iter()
        .map(|(found, text)| if *found { output.bold(text) } else { output.dim(text) })
        .collect()
}

/// The text of a hit in pieces fit for a terminal, each with whether it was looked for.
fn pieces(hit: &Hit) -> Vec<(bool, Cow<'_, str>)> {
    let mut pieces = Vec::new();
    let mut at = 0;
    let mut add = |found: bool, range: std::ops::Range<usize>| {
        // Not as a line of its own: the spaces at its ends stay.
        pieces.extend(hit.text.get(range).filter(|text| !text.is_empty()).map(|text| (found, clean(text))));
    };
    for mark in &hit.marks {
        add(false, at..mark.start);
        add(true, mark.clone());
        at = mark.end;
    }
    add(false, at..hit.text.len());
    pieces
}

fn day(seconds: i64, zone: &TimeZone) -> String {
    let Ok(time) = Timestamp::from_second(seconds) else { return " ".repeat(16) };
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// Columns of a line; 100 where nothing says how many there are.
fn terminal_width() -> usize {
    columns().unwrap_or(100).max(20)
}

/// Cuts a text to a width in columns, and fills it up to that when it is not the last.
fn fit(text: &str, width: usize, fill: bool) -> String {
    if text.width() <= width {
        let missing = if fill { width - text.width() } else { 0 };
        return format!("{text}{}", " ".repeat(missing));
    }
    if width == 0 {
        return String::new();
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
    fn the_word_that_is_wrong_is_underlined() {
        assert_eq!(marked("日本 is:odd x", &(7..13)), "\n  日本 is:odd x\n       ^^^^^^");
        assert_eq!(marked("a\tis:odd", &(2..8)), "");
    }

    #[test]
    fn what_was_found_stands_apart_from_the_words_around_it() {
        let hit = Hit { text: "…of the roof is tight\u{202e}…".to_owned(), marks: vec![10..14, 18..23] };
        let pieces: Vec<_> = pieces(&hit);
        let pieces: Vec<_> = pieces.iter().map(|(found, text)| (*found, text.as_ref())).collect();
        let expected = [(false, "…of the "), (true, "roof"), (false, " is "), (true, "tight"), (false, "…")];
        assert_eq!(pieces, expected);
    }

    #[test]
    fn text_is_cut_by_columns_not_by_characters() {
        assert_eq!(fit("abc", 5, true), "abc  ");
        assert_eq!(fit("abcdef", 5, true), "abcd…");
        assert_eq!(fit("日本語", 5, true), "日本…");
        assert_eq!(fit("日本語", 4, true), "日… ");
        assert_eq!(fit("abc", 0, true), "");
    }

    #[test]
    fn a_line_has_a_third_for_its_subject_and_is_no_wider_than_the_terminal() {
        for (width, expected) in [
            (100, (16, 24, 43)),
            (80, (16, 20, 27)),
            (70, (16, 12, 25)),
            (60, (10, 12, 21)),
            (40, (0, 12, 13)),
            (30, (0, 0, 17)),
            (20, (0, 0, 7)),
        ] {
            assert_eq!(layout(width, 4), expected, "{width}");
        }
    }
}
