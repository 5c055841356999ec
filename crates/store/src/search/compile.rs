//! A query to SQL.
//!
//! Every statement walks message positions downwards, so a LIMIT ends it early. What drives the walk is
//! the words, when words must hold; else one mailbox; else the unread messages; else everything. When a mailbox has
//! few messages, or few are unread, and the words many, it is these few. All other conditions are asked of
//! each position. User text only ever travels as a bound value, and
//! inside FTS5's own language always in quotes.

use super::segment::{FEATURE, PART_OF, segment};
use crate::content::serial_of;
use crate::id::digest_range;
use crate::{AccountId, MessageId, StoreError, thread};
use restante_core::mail::SystemFlag;
use restante_core::query::{Feature, Field, Language, Mark, Query, Term, Way, is_part};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params};

/// What to walk: SELECTs of distinct positions, unordered and unlimited, with their values.
pub(crate) struct Compiled {
    selects: Vec<String>,
    /// The column of each SELECT to order by.
    position: &'static str,
    /// What `?` stand for, in order.
    pub(crate) values: Vec<Value>,
}

impl Compiled {
    /// The first `limit` positions, the largest first. Each walk ends early by itself.
    pub(crate) fn newest(&self, limit: usize) -> String {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let walk = |select: &String| format!("{select} ORDER BY {} DESC LIMIT {limit}", self.position);
        match self.selects.as_slice() {
            [one] => walk(one),
            all => {
                let walks: Vec<_> =
                    all.iter().map(|select| format!("SELECT * FROM ({})", walk(select))).collect();
                format!("SELECT * FROM ({}) ORDER BY 1 DESC LIMIT {limit}", walks.join(" UNION "))
            }
        }
    }

    /// The first `limit` positions, those that match the words best first; `None` where words alone do not decide.
    pub(crate) fn best(&self, limit: usize) -> Option<String> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let [one] = self.selects.as_slice() else { return None };
        (self.position == MATCHED)
            .then(|| format!("{one} ORDER BY bm25(words, {WEIGHTS}), {} DESC LIMIT {limit}", self.position))
    }

    /// The number of positions.
    pub(crate) fn number(&self) -> String {
        format!("SELECT count(*) FROM ({})", self.selects.join(" UNION "))
    }
}

/// The position of what the index found.
const MATCHED: &str = "words.rowid";

/// How much a word counts in each column of the index, in its order. Who wrote and what about says more than what was
/// quoted below.
const WEIGHTS: &str = "8.0, 6.0, 3.0, 1.0, 1.0, 2.0, 3.0, 0.5, 0.0";

/// Compiles a query over one account or all. `before` excludes that message and all newer ones.
pub(crate) fn compile(
    conn: &Connection,
    account: Option<AccountId>,
    query: &Query,
    before: Option<MessageId>,
) -> Result<Compiled, StoreError> {
    // While nothing waits, what is shown is what the server said.
    let folded: bool =
        conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM fold)")?.query_row([], |r| r.get(0))?;
    let entries = if folded { "shown" } else { "entry" };
    let query = &query.widened(&languages(conn)?);
    let mut compiler = Compiler { conn, account, entries, position: "", values: Vec::new() };
    let parts = match query {
        Query::And(parts) => parts.iter().collect(),
        other => vec![other],
    };
    let (text, others): (Vec<&Query>, Vec<&Query>) = parts.iter().partition(|part| is_text(part));
    let mailbox = compiler.driving_mailbox(&others)?;
    let unseen = account.is_none() && others.contains(&&Query::Term(Term::Is(Mark::Unread)));
    let matched = matched_by(&text);
    let few = match &matched {
        Some(matched) => compiler.are_few(mailbox, unseen, matched)?,
        None => false,
    };
    let selects = if let (Some(matched), false) = (&matched, few) {
        compiler.position = MATCHED;
        compiler.values.push(Value::Text(matched.clone()));
        let present = compiler.present();
        let conditions = compiler.conditions(&[], &others, before)?;
        vec![format!(
            "SELECT words.rowid FROM search.words WHERE words MATCH ? AND {present} AND {conditions}"
        )]
    } else {
        compiler.position = "e.position";
        // Entries as the server has them, but for those that something waits on; then these.
        let tables: &[(&str, &str)] =
            if folded { &[("entry", "mailbox"), ("fold", "shown")] } else { &[("entry", "mailbox")] };
        let mut selects = Vec::new();
        for (table, column) in tables {
            let mut select = format!("SELECT DISTINCT e.position FROM {table} e WHERE ");
            if let Some(mailbox) = mailbox {
                select += &format!("e.{column} = {mailbox} AND ");
            } else if unseen {
                select += &format!("{} AND ", unseen_in("e"));
            }
            if let Some(account) = account {
                // The plus keeps SQLite from walking mailbox by mailbox and sorting.
                select += &format!("+e.{column} IN {} AND ", of_account(account));
            }
            if folded {
                select += match *table {
                    "fold" => "e.shown <> 0 AND ",
                    _ => {
                        "NOT EXISTS (SELECT 1 FROM fold f WHERE f.mailbox = e.mailbox AND f.uid = e.uid) AND "
                    }
                };
            }
            select += &compiler.conditions(if few { &[] } else { &text }, &others, before)?;
            if let (Some(matched), true) = (&matched, few) {
                compiler.values.push(Value::Text(matched.clone()));
                select +=
                    " AND EXISTS (SELECT 1 FROM search.words WHERE words MATCH ? AND rowid = e.position)";
            }
            selects.push(select);
        }
        selects
    };
    Ok(Compiled { selects, position: compiler.position, values: compiler.values })
}

struct Compiler<'a> {
    conn: &'a Connection,
    /// Mailboxes are looked for in this account only.
    account: Option<AccountId>,
    /// The table of what is shown.
    entries: &'static str,
    /// The expression for the position a condition is asked of.
    position: &'static str,
    values: Vec<Value>,
}

impl Compiler<'_> {
    /// Everything in `text` and `others` holds, and the message is older than `before`.
    fn conditions(
        &mut self,
        text: &[&Query],
        others: &[&Query],
        before: Option<MessageId>,
    ) -> Result<String, StoreError> {
        let mut conditions = Vec::new();
        for part in text.iter().chain(others) {
            conditions.push(self.condition(part)?);
        }
        if let Some(before) = before {
            conditions.push(format!("{} < {}", self.position, before.0));
        }
        conditions.push("true".to_owned());
        Ok(conditions.join(" AND "))
    }

    /// The one mailbox all results are in, if the query says so.
    fn driving_mailbox(&self, parts: &[&Query]) -> Result<Option<i64>, StoreError> {
        for part in parts {
            if let Query::Term(Term::In(name)) = part
                && let [mailbox] = self.mailboxes(name)?.as_slice()
            {
                return Ok(Some(*mailbox));
            }
        }
        Ok(None)
    }

    /// Whether the entries of a mailbox, or the unread ones, are so few and what the words match so much that it is
    /// cheaper to ask the index about each of these entries.
    ///
    /// With U of N messages among them, a page of the newest comes after some N / U matches, where they are spread
    /// evenly; a question about one message costs as much as a good ten of these steps.
    fn are_few(&self, mailbox: Option<i64>, unseen: bool, matched: &str) -> Result<bool, StoreError> {
        let number = |sql: &str| {
            self.conn.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0)).map_err(StoreError::from)
        };
        let among = match mailbox {
            Some(mailbox) => number(&format!("SELECT total FROM mailbox WHERE id = {mailbox}"))?,
            None if unseen => number("SELECT coalesce(sum(unseen), 0) FROM mailbox")?,
            None => return Ok(false),
        };
        let messages = number("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'message'")?;
        if among.saturating_mul(among) > messages.saturating_mul(4) {
            return Ok(false);
        }
        let enough = among.saturating_mul(10).saturating_add(50);
        let mut matches = self.conn.prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM search.words WHERE words MATCH ?1 LIMIT ?2)",
        )?;
        Ok(matches.query_row(params![matched, enough], |row| row.get::<_, i64>(0))? == enough)
    }

    /// The message is in some mailbox, of the account when given.
    fn present(&self) -> String {
        match self.account {
            Some(account) => self.entry(&format!("x.mailbox IN {}", of_account(account))),
            None => self.entry("true"),
        }
    }

    /// Some entry of the message fulfils a condition on `x`.
    fn entry(&self, condition: &str) -> String {
        format!(
            "EXISTS (SELECT 1 FROM {} x WHERE x.position = {} AND {condition})",
            self.entries, self.position
        )
    }

    fn condition(&mut self, query: &Query) -> Result<String, StoreError> {
        if let Some(matched) = fts(query) {
            self.values.push(Value::Text(matched));
            return Ok(format!("{} IN (SELECT rowid FROM search.words WHERE words MATCH ?)", self.position));
        }
        Ok(match query {
            Query::And(parts) => self.join(parts, " AND ", "true")?,
            Query::Or(parts) => self.join(parts, " OR ", "false")?,
            Query::Not(part) => format!("NOT ({})", self.condition(part)?),
            Query::Term(term) => self.term(term)?,
        })
    }

    fn join(&mut self, parts: &[Query], with: &str, empty: &str) -> Result<String, StoreError> {
        let parts = parts.iter().map(|part| self.condition(part)).collect::<Result<Vec<_>, _>>()?;
        Ok(if parts.is_empty() { empty.to_owned() } else { format!("({})", parts.join(with)) })
    }

    fn term(&mut self, term: &Term) -> Result<String, StoreError> {
        let serial = serial_of(self.position);
        let flag = |flag: SystemFlag| self.entry(&format!("x.flags & {} <> 0", flag as u8));
        Ok(match term {
            // The index answers these.
            Term::Text { .. } | Term::Has(_) => "false".to_owned(),
            Term::Is(Mark::Unread) => self.entry(&unseen_in("x")),
            Term::Is(Mark::Read) => format!("NOT {}", self.entry(&unseen_in("x"))),
            Term::Is(Mark::Starred) => flag(SystemFlag::Flagged),
            Term::Is(Mark::Answered) => flag(SystemFlag::Answered),
            Term::Is(Mark::Draft) => flag(SystemFlag::Draft),
            Term::Tag(name) => {
                self.values.push(Value::Text(format!("% {} %", like(name))));
                self.entry("' ' || x.keywords || ' ' LIKE ? ESCAPE '\\'")
            }
            Term::MessageId(id) => {
                let mut find = self.conn.prepare_cached("SELECT thread FROM thread_key WHERE key = ?1")?;
                let found = find.query_row([thread::key(id)], |row| row.get(0)).optional()?;
                let Some(found) = found else { return Ok("false".to_owned()) };
                let thread = thread::root(self.conn, found)?;
                self.values.push(Value::Text(id.clone()));
                format!("{serial} IN (SELECT id FROM message WHERE thread = {thread} AND message_id = ?)")
            }
            Term::Thread(thread) => {
                let thread = thread::guess::top(self.conn, thread::root(self.conn, *thread)?)?;
                let all = thread::guess::all_below(&thread.to_string());
                format!("{serial} IN (SELECT id FROM message WHERE thread IN ({all}))")
            }
            Term::Larger(size) => self.size(&serial, ">", *size),
            Term::Smaller(size) => self.size(&serial, "<", *size),
            Term::Before(time) => format!("{} < {}", self.position, MessageId::first_at(*time).0),
            Term::Since(time) => format!("{} >= {}", self.position, MessageId::first_at(*time).0),
            Term::In(name) => {
                let ids = self.mailboxes(name)?;
                self.entry(&format!("x.mailbox IN ({})", join(&ids)))
            }
            Term::Account(name) => {
                let mut accounts = self.conn.prepare_cached("SELECT id, name FROM account")?;
                let name = name.to_lowercase();
                let mut rows = accounts.query([])?;
                let mut ids = Vec::new();
                while let Some(row) = rows.next()? {
                    if row.get_ref(1)?.as_str().is_ok_and(|n| n.to_lowercase() == name) {
                        ids.push(row.get(0)?);
                    }
                }
                self.entry(&format!(
                    "x.mailbox IN (SELECT id FROM mailbox WHERE account IN ({}))",
                    join(&ids)
                ))
            }
            Term::Id(text) => match digest_range(text) {
                Some((low, high)) => {
                    let range = [Value::Blob(low.to_vec()), Value::Blob(high.to_vec())];
                    self.values.extend(range.iter().chain(&range).cloned());
                    format!(
                        "{serial} IN (SELECT id FROM message WHERE digest BETWEEN ? AND ?
                             UNION SELECT message FROM alias WHERE name BETWEEN ? AND ?)"
                    )
                }
                None => "false".to_owned(),
            },
        })
    }

    fn size(&self, serial: &str, compare: &str, size: u64) -> String {
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        format!("(SELECT size FROM message m WHERE m.id = {serial}) {compare} {size}")
    }

    fn mailboxes(&self, name: &str) -> Result<Vec<i64>, StoreError> {
        named_mailboxes(self.conn, self.account, name)
    }
}

/// The mailboxes a person may mean by a name, or by the beginning of names before a `*`.
pub(super) fn named_mailboxes(
    conn: &Connection,
    account: Option<AccountId>,
    name: &str,
) -> Result<Vec<i64>, StoreError> {
    let name = name.to_lowercase();
    let is_meant = |full: &str| match name.strip_suffix('*') {
        Some(beginning) => full.starts_with(beginning),
        None => full == name,
    };
    let mut statement =
        conn.prepare_cached("SELECT id, account, name, special_use FROM mailbox WHERE gone = 0")?;
    let mut rows = statement.query([])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        let full = row.get_ref(2)?.as_str().unwrap_or_default().to_lowercase();
        let special = row.get_ref(3)?.as_str().unwrap_or_default().to_lowercase();
        let here = account.is_none_or(|account| row.get(1) == Ok(account.0));
        if here && (is_meant(&full) || special.strip_prefix('\\') == Some(name.as_str())) {
            ids.push(row.get(0)?);
        }
    }
    Ok(ids)
}

fn unseen_in(alias: &str) -> String {
    format!("{alias}.flags & 32 = 0")
}

fn of_account(account: AccountId) -> String {
    format!("(SELECT id FROM mailbox WHERE account = {account})")
}

fn join(ids: &[i64]) -> String {
    ids.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}

/// Whether a query speaks of text only, so that the index alone can answer it, or what must not match.
fn is_text(query: &Query) -> bool {
    match query {
        Query::Not(part) => fts(part).is_some(),
        other => fts(other).is_some(),
    }
}

/// One FTS5 expression for parts that must all hold; `None` when none of them says what is to be found.
fn matched_by(parts: &[&Query]) -> Option<String> {
    let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            Query::Not(part) => unwanted.push(fts(part)?),
            part => wanted.push(fts(part)?),
        }
    }
    if wanted.is_empty() {
        return None;
    }
    let wanted = wanted.join(" AND ");
    Some(if unwanted.is_empty() {
        format!("({wanted})")
    } else {
        format!("(({wanted}) NOT ({}))", unwanted.join(" OR "))
    })
}

/// A query as one FTS5 expression, when it is made of text and FTS5 can say it.
fn fts(query: &Query) -> Option<String> {
    match query {
        Query::And(parts) => matched_by(&parts.iter().collect::<Vec<_>>()),
        Query::Or(parts) if !parts.is_empty() => {
            let parts = parts.iter().map(fts).collect::<Option<Vec<_>>>()?;
            Some(format!("({})", parts.join(" OR ")))
        }
        Query::Term(Term::Text { field, text, way }) => Some(phrase(*field, text, *way)),
        Query::Term(Term::Has(feature)) => Some(format!("\"{}\"", feature_word(*feature))),
        Query::Or(_) | Query::Not(_) | Query::Term(_) => None,
    }
}

/// The word of the index for what a message has.
pub(super) fn feature_word(feature: Feature) -> String {
    let name = match feature {
        Feature::Attachment => "attachment",
        Feature::Link => "link",
        Feature::Invite => "invite",
    };
    format!("{FEATURE}{name}")
}

fn phrase(field: Field, text: &str, way: Way) -> String {
    let column = match field {
        Field::Any => "",
        Field::From => "\"from\" : ",
        Field::To => "\"to\" : ",
        Field::Cc => "cc : ",
        Field::Subject => "subject : ",
        Field::Body => "body : ",
        Field::List => "list : ",
        Field::Filename => "filename : ",
        Field::Attachment => "{filename document} : ",
    };
    // A quote is doubled, as in SQL; what a person cannot have meant as text becomes a space.
    let plain: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().replace('"', "\"\"");
    if way == Way::Loose && field == Field::Any && is_part(text) {
        return format!("(\"{plain}\" * OR \"{PART_OF}{plain}\" *)");
    }
    format!("{column}\"{}\"{}", segment(&plain), if way == Way::Prefix { " *" } else { "" })
}

/// A text for LIKE, standing for itself.
fn like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// The languages that a good part of the mail is written in.
pub(crate) fn languages(conn: &Connection) -> Result<Vec<Language>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT code FROM search.language
         WHERE messages >= ?1 AND messages * ?2 >= (SELECT sum(messages) FROM search.language) ORDER BY code",
    )?;
    let codes = statement.query_map([LANGUAGE_MESSAGES, LANGUAGE_SHARE], |row| row.get::<_, String>(0))?;
    Ok(codes.collect::<Result<Vec<_>, _>>()?.iter().filter_map(|code| Language::of_code(code)).collect())
}

/// A language counts from so many messages on, and from one in so many.
const LANGUAGE_MESSAGES: i64 = 3;
const LANGUAGE_SHARE: i64 = 50;
