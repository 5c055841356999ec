//! Whether what is remembered is what was written: a check that changes nothing and works beside a writer.
//!
//! Rows are judged in one state of the database. Contents are read pack by pack in the order they lie in, with
//! no more in memory than the places of one pack's records; one that a [compaction](crate::Store::compact)
//! moves meanwhile is looked for once more.

use crate::content::serial_of;
use crate::fold::refold_mailbox;
use crate::id::{DATE_MAX, SERIAL_BITS, SERIAL_MASK};
use crate::pack::{HEADER, Location, RecordReader, number_of};
use crate::{Digest, MailboxId, MessageId, StoreError, database};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

/// The longest way from one conversation to the one it became part of. Halving makes it at most 28.
const LONGEST_WAY: u32 = 100;

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// SQLite finds `mail.db` malformed.
    Database,
    /// The index is malformed, or not in step with the mail.
    Index,
    /// A pack is missing, shorter than what is proven of it, or does not reach as far as a record.
    Pack,
    /// A message's octets are missing or are not those that were written.
    Content,
    /// A mailbox counts other messages than it has.
    Counters,
    /// A row refers to something that is not there.
    Reference,
    /// What is shown is not what was asked for, folded over what the server said.
    Fold,
    /// Conversations lead in a circle or nowhere.
    Thread,
    /// A message's identity is not what its date and number make.
    Position,
    /// A file among the packs that is not restante's. Nothing is wrong with that; it may only be a mistake.
    Stranger,
}

impl FaultKind {
    /// As it is written for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Index => "index",
            Self::Pack => "pack",
            Self::Content => "content",
            Self::Counters => "counters",
            Self::Reference => "reference",
            Self::Fold => "fold",
            Self::Thread => "thread",
            Self::Position => "position",
            Self::Stranger => "stranger",
        }
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// What kind of thing.
    pub kind: FaultKind,
    /// Where, as a person finds it again: mailbox, UID and subject, or the file. Not cleaned for a terminal.
    pub place: String,
    /// The message it is about, for a fault of one message.
    pub message: Option<MessageId>,
    /// The message's id for people: the first 12 letters; empty for none.
    pub id: String,
}

/// How far a check is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Messages read.
    pub done: u64,
    /// Messages to read.
    pub of: u64,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Messages whose content was read.
    pub messages: u64,
    /// Octets of their contents.
    pub octets: u64,
    /// Packs.
    pub packs: u64,
    /// Mailboxes.
    pub mailboxes: u64,
}

/// Checks a data directory: both databases, every row that refers to another, every content octet by octet.
/// Changes nothing, and takes no lock that a writer waits for. Faults are told as they are found.
///
/// # Errors
/// There is no mail; another version wrote it; a file cannot be read for another reason than being damaged.
/// That a database is malformed is a fault, not an error.
pub fn check(
    dir: &Path,
    mut fault: impl FnMut(Fault),
    mut progress: impl FnMut(Progress),
) -> Result<Checked, StoreError> {
    let conn = match database::open_mail(dir) {
        Err(StoreError::Database(error) | StoreError::Disk(error)) => {
            fault(Fault::at(FaultKind::Database, format!("mail.db: {error}")));
            return Ok(Checked::default());
        }
        other => other?,
    };
    let mut check = Check { conn: &conn, dir, fault: &mut fault, checked: Checked::default() };
    if check.integrity("main", FaultKind::Database)? > 0 {
        return Ok(check.checked);
    }
    let index = match database::attach_index(&conn, dir) {
        Err(StoreError::Database(error) | StoreError::Disk(error)) => {
            check.report(FaultKind::Index, format!("search.db: {error}"));
            false
        }
        Ok(false) => {
            check.report(FaultKind::Index, "search.db is not there, or of another version".to_owned());
            false
        }
        Ok(true) => check.integrity("search", FaultKind::Index)? == 0,
        Err(error) => return Err(error),
    };
    check.rows(index)?;
    check.files()?;
    check.contents(&mut progress)?;
    Ok(check.checked)
}

impl Fault {
    fn at(kind: FaultKind, place: String) -> Self {
        Self { kind, place, message: None, id: String::new() }
    }
}

/// What a message's row says of its record.
struct Record {
    position: i64,
    /// What its id for people is made of.
    name: Digest,
    digest: Digest,
    size: u64,
    at: Location,
}

struct Check<'a> {
    conn: &'a Connection,
    dir: &'a Path,
    fault: &'a mut dyn FnMut(Fault),
    checked: Checked,
}

impl Check<'_> {
    fn report(&mut self, kind: FaultKind, place: String) {
        (self.fault)(Fault::at(kind, place));
    }

    /// What SQLite itself finds; gives how many things.
    fn integrity(&mut self, schema: &str, kind: FaultKind) -> Result<u64, StoreError> {
        let file = if schema == "main" { "mail.db" } else { "search.db" };
        let mut found = 0;
        let mut lines = Vec::new();
        {
            let mut read = || -> rusqlite::Result<()> {
                let mut statement = self.conn.prepare(&format!("PRAGMA {schema}.integrity_check(20)"))?;
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    lines.push(row.get::<_, String>(0)?);
                }
                Ok(())
            };
            if let Err(error) = read() {
                lines.push(error.to_string());
            }
        }
        for line in lines.iter().filter(|line| *line != "ok") {
            found += 1;
            self.report(kind, format!("{file}: {}", line.replace('\n', " ")));
        }
        Ok(found)
    }

    /// Everything that rows alone can tell, in one state of the databases. The index is read first: what it
    /// claims to have was committed to the mail before.
    fn rows(&mut self, index: bool) -> Result<(), StoreError> {
        let snapshot = self.conn.unchecked_transaction()?;
        if index {
            snapshot.query_row("SELECT indexed FROM search.progress", [], |row| row.get::<_, i64>(0))?;
        }
        self.checked.mailboxes = count(&snapshot, "SELECT count(*) FROM mailbox WHERE gone = 0")?;
        self.positions(&snapshot)?;
        self.counters(&snapshot)?;
        self.references(&snapshot)?;
        self.folds(&snapshot)?;
        self.threads(&snapshot)?;
        if index {
            self.index(&snapshot)?;
        }
        // The table made for the comparison goes with it.
        snapshot.rollback()?;
        Ok(())
    }

    /// Each row of a query that finds nothing when all is well; `tell` makes the place of its text.
    fn each(
        &mut self,
        snapshot: &Transaction<'_>,
        kind: FaultKind,
        sql: &str,
        values: impl rusqlite::Params,
        tell: &str,
    ) -> Result<(), StoreError> {
        let mut statement = snapshot.prepare(sql)?;
        let mut rows = statement.query(values)?;
        while let Some(row) = rows.next()? {
            let text: String = row.get(0)?;
            self.report(kind, format!("{text}{tell}"));
        }
        Ok(())
    }

    fn positions(&mut self, snapshot: &Transaction<'_>) -> Result<(), StoreError> {
        self.each(
            snapshot,
            FaultKind::Position,
            &format!("SELECT 'message ' || id FROM message WHERE position <> {}", position_of()),
            params![DATE_MAX],
            ": its identity is not what its date and number make",
        )
    }

    fn counters(&mut self, snapshot: &Transaction<'_>) -> Result<(), StoreError> {
        self.each(
            snapshot,
            FaultKind::Counters,
            "SELECT name || ': counts ' || total || ' messages, ' || unseen || ' unseen, and has '
                 || held || ', ' || new FROM
                 (SELECT name, total, unseen,
                      (SELECT count(*) FROM entry WHERE entry.mailbox = mailbox.id) AS held,
                      (SELECT count(*) FROM entry WHERE entry.mailbox = mailbox.id AND flags & 32 = 0) AS new
                  FROM mailbox)
             WHERE total <> held OR unseen <> new",
            [],
            "",
        )
    }

    fn references(&mut self, snapshot: &Transaction<'_>) -> Result<(), StoreError> {
        for (what, sql) in DANGLING {
            self.each(snapshot, FaultKind::Reference, &dangling(sql), [], &format!(": {what}"))?;
        }
        for (table, column) in OF_MAILBOX {
            let sql = format!(
                "SELECT '{table} of mailbox ' || {column} || ': there is no such mailbox' FROM {table}
                 WHERE {column} NOT IN (SELECT id FROM mailbox)"
            );
            self.each(snapshot, FaultKind::Reference, &sql, [], "")?;
        }
        Ok(())
    }

    /// Folds again beside what is there, and compares.
    fn folds(&mut self, snapshot: &Transaction<'_>) -> Result<(), StoreError> {
        // By the name `fold` the table of this connection is found before that of the database.
        snapshot.execute_batch("CREATE TEMP TABLE fold AS SELECT * FROM main.fold WHERE 0")?;
        let mailboxes: Vec<i64> = snapshot
            .prepare("SELECT DISTINCT mailbox FROM operation")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for mailbox in mailboxes {
            match refold_mailbox(snapshot, MailboxId(mailbox)) {
                Err(StoreError::Damaged(what)) => self.report(FaultKind::Fold, what),
                other => other?,
            }
        }
        self.each(
            snapshot,
            FaultKind::Fold,
            "SELECT 'mailbox ' || mailbox || ' UID ' || uid FROM
                 (SELECT mailbox, uid FROM
                      (SELECT * FROM main.fold EXCEPT SELECT * FROM temp.fold)
                  UNION
                  SELECT mailbox, uid FROM
                      (SELECT * FROM temp.fold EXCEPT SELECT * FROM main.fold))",
            [],
            ": it is not shown as it was asked for",
        )
    }

    fn threads(&mut self, snapshot: &Transaction<'_>) -> Result<(), StoreError> {
        for thread in circles(snapshot)? {
            self.report(FaultKind::Thread, format!("conversation {thread} leads in a circle"));
        }
        for (what, sql) in THREADS {
            self.each(snapshot, FaultKind::Thread, sql, [], what)?;
        }
        Ok(())
    }

    fn index(&mut self, snapshot: &Transaction<'_>) -> Result<(), StoreError> {
        let serial = serial_of("words.id");
        for (what, sql) in [
            (
                "messages are missing in the index",
                "SELECT count(*) FROM message WHERE id <= (SELECT indexed FROM search.progress)
                     AND NOT EXISTS (SELECT 1 FROM search.words_docsize WHERE id = message.position)"
                    .to_owned(),
            ),
            (
                "messages are in the index and have no preview",
                "SELECT count(*) FROM message WHERE id <= (SELECT indexed FROM search.progress)
                     AND NOT EXISTS (SELECT 1 FROM preview WHERE message = message.id)"
                    .to_owned(),
            ),
            (
                "messages that are gone are in the index",
                format!(
                    "SELECT count(*) FROM search.words_docsize AS words WHERE NOT EXISTS
                         (SELECT 1 FROM message WHERE message.id = {serial} AND message.position = words.id)
                     AND NOT EXISTS (SELECT 1 FROM alias WHERE former <> 0 AND former = words.id)"
                ),
            ),
        ] {
            match count(snapshot, &sql)? {
                0 => {}
                number => self.report(FaultKind::Index, format!("search.db: {number} {what}")),
            }
        }
        Ok(())
    }

    /// Packs as files: each as long as it is proven to be, and nothing beside them.
    fn files(&mut self) -> Result<(), StoreError> {
        let packs = self.dir.join("packs");
        let mut lengths = BTreeMap::new();
        let items = match fs::read_dir(&packs) {
            Ok(items) => items.collect::<Result<Vec<_>, _>>(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        };
        for item in items.map_err(StoreError::io("read", &packs))? {
            match number_of(&item.path()) {
                // One without a row is of a writer at work, or left by one: the next one removes it.
                Some(number) => drop(lengths.insert(number, item.metadata().map_or(0, |meta| meta.len()))),
                None => {
                    self.report(FaultKind::Stranger, format!("packs/{}", item.file_name().to_string_lossy()))
                }
            }
        }
        let mut statement = self.conn.prepare("SELECT number, length FROM pack ORDER BY number")?;
        let proven: Vec<(u32, u64)> =
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        drop(statement);
        for (number, proven) in proven {
            self.checked.packs += 1;
            let what = match lengths.get(&number) {
                None => "is not there".to_owned(),
                Some(length) if *length < proven => format!("has {length} octets of {proven}"),
                Some(_) => continue,
            };
            // A compaction may have removed it meanwhile.
            if self.proven(number)?.is_some() {
                self.report(FaultKind::Pack, format!("packs/{number:06}.pack {what}"));
            }
        }
        Ok(())
    }

    fn proven(&self, number: u32) -> Result<Option<u64>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT length FROM pack WHERE number = ?1")?;
        Ok(statement.query_row([number], |row| row.get(0)).optional()?)
    }

    /// Every content, in the order they lie in.
    fn contents(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), StoreError> {
        let of = count(self.conn, "SELECT count(*) FROM message")?;
        let mut statement = self.conn.prepare("SELECT DISTINCT pack FROM message ORDER BY pack")?;
        let packs: Vec<u32> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        drop(statement);
        for pack in packs {
            let mut statement =
                self.conn.prepare_cached("SELECT id FROM message WHERE pack = ?1 ORDER BY start")?;
            let ids: Vec<i64> = statement.query_map([pack], |row| row.get(0))?.collect::<Result<_, _>>()?;
            for id in ids {
                self.content(id)?;
                progress(Progress { done: self.checked.messages, of });
            }
        }
        Ok(())
    }

    fn content(&mut self, id: i64) -> Result<(), StoreError> {
        let mut tried = None;
        // Twice: it may have been moved, or have gone, since its row was read.
        let (position, name) = loop {
            let Some(Record { position, name, digest, size, at }) = self.record(id)? else { return Ok(()) };
            if tried == Some(at) {
                break (position, name);
            }
            let within = self.proven(at.pack)?.is_some_and(|proven| at.end() <= proven);
            match self.read(&at, &digest, size) {
                Ok(true) => {
                    self.checked.messages += 1;
                    self.checked.octets += size;
                    if !within {
                        let what = "is not proven to hold the record of message";
                        self.report(FaultKind::Pack, format!("packs/{:06}.pack {what} {id}", at.pack));
                    }
                    return Ok(());
                }
                Ok(false) => tried = Some(at),
                Err(error) => return Err(error),
            }
        };
        self.checked.messages += 1;
        let place = self.place_of(position)?;
        let id = crate::id::letters(&name.0, 12);
        let message = Some(MessageId(position));
        (self.fault)(Fault { kind: FaultKind::Content, place, message, id });
        Ok(())
    }

    fn record(&self, id: i64) -> Result<Option<Record>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT position, message.digest, coalesce(partial.digest, message.digest), coalesce(held, size),
                 pack, start, stored
             FROM message LEFT JOIN partial ON partial.message = message.id WHERE message.id = ?1",
        )?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Record {
                position: row.get(0)?,
                name: Digest(row.get(1)?),
                digest: Digest(row.get(2)?),
                size: row.get(3)?,
                at: Location { pack: row.get(4)?, start: row.get(5)?, stored: row.get(6)? },
            })
        };
        Ok(statement.query_row([id], read).optional()?)
    }

    /// Whether a record holds what its message had.
    fn read(&self, at: &Location, digest: &Digest, size: u64) -> Result<bool, StoreError> {
        let mut reader = match RecordReader::open(&self.dir.join("packs"), at, digest) {
            Err(StoreError::Damaged(_)) => return Ok(false),
            other => other?,
        };
        let (mut buffer, mut octets) = ([0; HEADER * 256], 0_u64);
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(octets == size),
                Ok(count) => octets += count as u64,
                Err(error) if error.raw_os_error().is_some() => {
                    return Err(StoreError::io("read", &self.dir.join("packs"))(error));
                }
                // What is no longer compressed data fails in the decoder, without a number of the system's.
                Err(_) => return Ok(false),
            }
        }
    }

    /// Where a message is, as a person would say it.
    fn place_of(&self, position: i64) -> Result<String, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT name || ' UID ' || uid FROM entry JOIN mailbox ON mailbox.id = mailbox
             WHERE position = ?1 ORDER BY mailbox, uid",
        )?;
        let mut places: Vec<String> =
            statement.query_map([position], |row| row.get(0))?.collect::<Result<_, _>>()?;
        if places.is_empty() {
            places.push("removed on the server, or not there yet".to_owned());
        }
        let subject: String = self
            .conn
            .prepare_cached("SELECT subject FROM message WHERE id = ?1")?
            .query_row([position & SERIAL_MASK], |row| row.get(0))
            .optional()?
            .unwrap_or_default();
        Ok(format!("{}: {subject}", places.join(", ")))
    }
}

/// Tables with a column that names a mailbox.
pub(crate) const OF_MAILBOX: [(&str, &str); 6] = [
    ("entry", "mailbox"),
    ("tombstone", "mailbox"),
    ("operation", "mailbox"),
    ("done", "mailbox"),
    ("fold", "mailbox"),
    ("fold", "CASE shown WHEN 0 THEN mailbox ELSE shown END"),
];

/// What refers to a message that is not there, and the condition by which it is found. What was refused, and
/// what takes back something that rests no more, outlives its message; what needs its octets does not.
pub(crate) const DANGLING: [(&str, &str); 5] = [
    ("its message is not there", "entry"),
    ("the message that rests is not there", "tombstone"),
    ("the message to add is not there", "operation WHERE kind = 'append' AND state <> 'refused'"),
    (
        "the message it is about is not there",
        "operation WHERE kind <> 'append' AND uid <> 0 AND position <> 0 AND state IN ('waiting', 'asked')",
    ),
    ("the message to add again is not there", "done WHERE kind = 'append'"),
];

/// Threads that are not what a message or a key says.
const THREADS: [(&str, &str); 3] = [
    (
        ": its conversation is part of another one",
        "SELECT 'message ' || id FROM message WHERE thread IN (SELECT thread FROM thread_merge)",
    ),
    (
        ": what it is read below is part of another one, or it is itself",
        "SELECT 'conversation ' || thread FROM thread_under
         WHERE thread = parent OR thread IN (SELECT thread FROM thread_merge)
             OR parent IN (SELECT thread FROM thread_merge)",
    ),
    (
        ": there was never a conversation of this number",
        "SELECT 'conversation ' || thread FROM
             (SELECT thread FROM message UNION SELECT thread FROM thread_key
              UNION SELECT into_thread FROM thread_merge
              UNION SELECT thread FROM thread_under UNION SELECT parent FROM thread_under)
         WHERE thread < 1 OR thread > (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'message')",
    ),
];

/// The condition, on a table with a position, that the message is not there.
pub(crate) fn no_message(table: &str) -> String {
    let serial = serial_of(&format!("{table}.position"));
    format!(
        "NOT EXISTS (SELECT 1 FROM message WHERE message.id = {serial}
             AND message.position = {table}.position)"
    )
}

/// `message.position` as its date and number make it; `?1` is the latest date.
pub(crate) fn position_of() -> String {
    format!("((min(max(date, 0), ?1) << {SERIAL_BITS}) | id)")
}

/// Names each row of an item of [`DANGLING`].
fn dangling(source: &str) -> String {
    let (table, condition) = source.split_once(" WHERE ").unwrap_or((source, "1"));
    let missing = no_message(table);
    format!(
        "SELECT '{table} of ' || coalesce((SELECT name FROM mailbox WHERE mailbox.id = {table}.mailbox), '?')
             || ' UID ' || uid FROM {table} WHERE {condition} AND {missing}"
    )
}

/// Conversations from which merging leads nowhere.
pub(crate) fn circles(conn: &Connection) -> Result<Vec<i64>, StoreError> {
    let mut circles = Vec::new();
    let mut next = conn.prepare("SELECT into_thread FROM thread_merge WHERE thread = ?1")?;
    let mut statement = conn.prepare("SELECT thread FROM thread_merge ORDER BY thread")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let thread: i64 = row.get(0)?;
        let (mut at, mut steps) = (thread, 0);
        while let Some(into) = next.query_row([at], |row| row.get(0)).optional()? {
            at = into;
            steps += 1;
            if steps > LONGEST_WAY {
                circles.push(thread);
                break;
            }
        }
    }
    Ok(circles)
}

fn count(conn: &Connection, sql: &str) -> Result<u64, StoreError> {
    Ok(conn.query_row(sql, [], |row| row.get(0))?)
}
