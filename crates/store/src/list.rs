//! Lists: what a query finds, newest first.

use crate::content::find_digest;
use crate::id::{digest_range, letters, shared};
use crate::operation::collect;
use crate::search::{compile, languages};
use crate::thread::guess;
use crate::{AccountId, Digest, MailboxId, MessageId, Operation, StoreError, View};
use restante_core::mail::{Contact, Flags, MailboxName, Uid};
use restante_core::query::{Hit, Query};
use rusqlite::{OptionalExtension, params, params_from_iter};
use std::collections::HashSet;

/// Letters of an id for people, at least.
const ID_LETTERS: usize = 8;

/// Which messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Only those of one account.
    pub account: Option<AccountId>,
    /// What they must be like.
    pub query: Query,
}

impl Default for Filter {
    fn default() -> Self {
        Self { account: None, query: Query::everything() }
    }
}

/// A message in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which message.
    pub message: MessageId,
    /// Its id for people: the shortest beginning no other message shares, of 8 letters or more.
    pub id: String,
    /// The conversation it belongs to. Two that turn out to be one get the number of either.
    pub thread: i64,
    /// Where it is shown; more than one when several mailboxes hold it.
    pub places: Vec<Place>,
    /// The date it is sorted by, in seconds since 1970 UTC.
    pub date: i64,
    /// From.
    pub from: Vec<Contact>,
    /// To.
    pub to: Vec<Contact>,
    /// Cc.
    pub cc: Vec<Contact>,
    /// The decoded subject.
    pub subject: String,
    /// The Message-ID without angle brackets; empty when there is none.
    pub message_id: String,
    /// Octets of the message, all of them.
    pub size: u64,
    /// Octets of it that are here: fewer when only its beginning is.
    pub held: u64,
    /// Attachments; `None` until the message is indexed.
    pub attachments: Option<u32>,
    /// The first words; empty until the message is indexed.
    pub snippet: String,
}

/// A message's presence in a mailbox, as the screen shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose mailbox.
    pub account: AccountId,
    /// The mailbox it is shown in.
    pub mailbox: MailboxId,
    /// That mailbox's name.
    pub name: MailboxName,
    /// The mailbox the server has it in: another one while a move waits.
    pub source: MailboxId,
    /// Its UID there.
    pub uid: Uid,
    /// Its flags, waiting operations included.
    pub flags: Flags,
}

/// What an id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// One message.
    One(MessageId),
    /// More than one; more letters are needed.
    Ambiguous,
    /// No message, or no id at all.
    None,
}

impl View {
    /// The messages a filter finds, newest first, at most `limit`; with `before`, only those older than
    /// that message (the last one of the page before).
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn list(
        &self,
        filter: &Filter,
        limit: usize,
        before: Option<MessageId>,
    ) -> Result<Vec<Row>, StoreError> {
        // One state of the database for the whole page, and one lock.
        let _snapshot = self.conn.unchecked_transaction()?;
        self.find(filter, limit, before)?.into_iter().filter_map(|id| self.row(id).transpose()).collect()
    }

    /// The messages a filter finds, those first that its words fit best (BM25, the subject and the people counting more
    /// than the text); the newest first where words do not decide. Looks at every message found.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn ranked(&self, filter: &Filter, limit: usize) -> Result<Vec<Row>, StoreError> {
        let _snapshot = self.conn.unchecked_transaction()?;
        self.find_ranked(filter, limit)?.into_iter().filter_map(|id| self.row(id).transpose()).collect()
    }

    /// The same messages by identity only.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn find_ranked(&self, filter: &Filter, limit: usize) -> Result<Vec<MessageId>, StoreError> {
        let compiled = compile(&self.conn, filter.account, &filter.query, None)?;
        let Some(best) = compiled.best(limit) else { return self.find(filter, limit, None) };
        let mut statement = self.conn.prepare_cached(&best)?;
        let found =
            statement.query_map(params_from_iter(compiled.values), |row| row.get(0).map(MessageId))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// The piece of a message's text that shows why a query finds it, at most about `width` characters; else one of an
    /// attachment's. `None` when that is in neither, or they cannot be read.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn hit(&self, message: MessageId, query: &Query, width: usize) -> Result<Option<Hit>, StoreError> {
        let query = query.widened(&languages(&self.conn)?);
        let found = match self.text(message) {
            Ok(text) => query.hit(&text, width),
            Err(StoreError::Damaged(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        if found.is_some() || !self.has_documents()? {
            return Ok(found);
        }
        Ok(query.hit_in_attachment(&self.searchable(message)?.documents, width))
    }

    /// The same messages by identity only.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn find(
        &self,
        filter: &Filter,
        limit: usize,
        before: Option<MessageId>,
    ) -> Result<Vec<MessageId>, StoreError> {
        let compiled = compile(&self.conn, filter.account, &filter.query, before)?;
        let mut statement = self.conn.prepare_cached(&compiled.newest(limit))?;
        let found =
            statement.query_map(params_from_iter(compiled.values), |row| row.get(0).map(MessageId))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// How many messages a filter finds. Looks at every one of them.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn count(&self, filter: &Filter) -> Result<u64, StoreError> {
        let compiled = compile(&self.conn, filter.account, &filter.query, None)?;
        let mut statement = self.conn.prepare_cached(&compiled.number())?;
        Ok(statement.query_row(params_from_iter(compiled.values), |row| row.get(0))?)
    }

    /// How SQLite would find them, one step a line: for seeing that a query needs no sorting.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn explain(&self, filter: &Filter) -> Result<String, StoreError> {
        let compiled = compile(&self.conn, filter.account, &filter.query, None)?;
        let mut statement = self.conn.prepare(&format!("EXPLAIN QUERY PLAN {}", compiled.newest(50)))?;
        let steps = statement.query_map(params_from_iter(compiled.values), |row| row.get::<_, String>(3))?;
        Ok(steps.collect::<Result<Vec<_>, _>>()?.join("\n"))
    }

    /// Who wrote the newest mail (about 5,000 messages), those first that wrote most.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn senders(&self) -> Result<Vec<Contact>, StoreError> {
        let mut statement =
            self.conn.prepare_cached("SELECT sender, count(*) FROM (SELECT sender FROM message ORDER BY id DESC LIMIT 5000) GROUP BY sender ORDER BY 2 DESC")?;
        let all = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<_>, _>>()?;
        let mut known = HashSet::new();
        let mut senders = Vec::new();
        for json in all {
            senders
                .extend(contacts(json)?.into_iter().filter(|one| known.insert(one.address.to_lowercase())));
        }
        Ok(senders)
    }

    /// The conversation of a message, oldest first, as far as it is in some mailbox.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn thread(&self, message: MessageId) -> Result<Vec<Row>, StoreError> {
        let _snapshot = self.conn.unchecked_transaction()?;
        let mut own = self.conn.prepare_cached("SELECT thread FROM message WHERE id = ?1")?;
        let own = own.query_row([message.serial()], |row| row.get(0)).optional()?;
        let Some(own) = own else { return Ok(Vec::new()) };
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT position FROM message WHERE thread IN ({})
               AND EXISTS (SELECT 1 FROM shown WHERE shown.position = message.position)
             ORDER BY position",
            guess::all_below("?1")
        ))?;
        let found: Vec<_> = statement
            .query_map([guess::top(&self.conn, own)?], |row| row.get(0).map(MessageId))?
            .collect::<Result<_, _>>()?;
        found.into_iter().filter_map(|id| self.row(id).transpose()).collect()
    }

    /// One message as a list shows it; `None` when there is no such message.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn row(&self, message: MessageId) -> Result<Option<Row>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT coalesce((SELECT name FROM alias WHERE alias.message = message.id AND shown <> 0), digest),
                 thread, date, sender, recipient, copy, subject, message_id, size, attachments,
                 coalesce(snippet, ''), coalesce((SELECT held FROM partial WHERE message = message.id), size)
             FROM message LEFT JOIN preview ON preview.message = message.id WHERE message.id = ?1",
        )?;
        let row = statement.query_row([message.serial()], |row| {
            let digest: [u8; 32] = row.get(0)?;
            let fields = (row.get(3)?, row.get(4)?, row.get(5)?);
            let row = Row {
                message,
                id: String::new(),
                thread: row.get(1)?,
                places: Vec::new(),
                date: row.get(2)?,
                from: Vec::new(),
                to: Vec::new(),
                cc: Vec::new(),
                subject: row.get(6)?,
                message_id: row.get(7)?,
                size: row.get(8)?,
                held: row.get(11)?,
                attachments: row.get(9)?,
                snippet: row.get(10)?,
            };
            Ok((digest, fields, row))
        });
        let Some((digest, (from, to, cc), mut row)) = row.optional()? else { return Ok(None) };
        row.id = self.short_id(&digest)?;
        row.thread = guess::top(&self.conn, row.thread)?;
        (row.from, row.to, row.cc) = (contacts(from)?, contacts(to)?, contacts(cc)?);
        row.places = self.places(message)?;
        Ok(Some(row))
    }

    /// A message's id for people, as [`Row::id`] has it; `None` when there is no such message.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn id(&self, message: MessageId) -> Result<Option<String>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT coalesce((SELECT name FROM alias WHERE alias.message = message.id AND shown <> 0), digest)
             FROM message WHERE id = ?1",
        )?;
        let digest: Option<[u8; 32]> =
            statement.query_row([message.serial()], |row| row.get(0)).optional()?;
        digest.map(|digest| self.short_id(&digest)).transpose()
    }

    /// The message a person names by the beginning of its id. Case does not matter.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn message_by_prefix(&self, text: &str) -> Result<Found, StoreError> {
        let Some((low, high)) = digest_range(text) else { return Ok(Found::None) };
        // What a message was called while only its beginning was here names it still.
        let mut statement = self.conn.prepare_cached(
            "SELECT position FROM (SELECT position FROM message WHERE digest BETWEEN ?1 AND ?2 LIMIT 2)
             UNION SELECT position FROM alias JOIN message ON message.id = alias.message
             WHERE name BETWEEN ?1 AND ?2 LIMIT 2",
        )?;
        let found: Vec<_> = statement
            .query_map(params![low, high], |row| row.get(0).map(MessageId))?
            .collect::<Result<_, _>>()?;
        Ok(match found.as_slice() {
            [one] => Found::One(*one),
            [] => Found::None,
            _ => Found::Ambiguous,
        })
    }

    /// The message with exactly this content.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn message_by_digest(&self, digest: &Digest) -> Result<Option<MessageId>, StoreError> {
        Ok(find_digest(&self.conn, digest)?.map(|(message, _)| message))
    }

    /// The messages with this Message-ID (without angle brackets) that are in a mailbox of an account:
    /// for finding what was sent.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn messages_by_message_id(
        &self,
        account: AccountId,
        message_id: &str,
    ) -> Result<Vec<MessageId>, StoreError> {
        let key = crate::thread::key(message_id);
        let mut thread = self.conn.prepare_cached("SELECT thread FROM thread_key WHERE key = ?1")?;
        let Some(thread) = thread.query_row([key], |row| row.get(0)).optional()? else {
            return Ok(Vec::new());
        };
        let mut statement = self.conn.prepare_cached(
            "SELECT position FROM message WHERE thread = ?1 AND message_id = ?2 AND EXISTS (
                 SELECT 1 FROM entry JOIN mailbox ON mailbox.id = entry.mailbox
                 WHERE entry.position = message.position AND mailbox.account = ?3)
             ORDER BY position",
        )?;
        let thread = crate::thread::root(&self.conn, thread)?;
        let found =
            statement.query_map(params![thread, message_id, account.0], |row| row.get(0).map(MessageId))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Where a message is shown.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn places(&self, message: MessageId) -> Result<Vec<Place>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT account, mailbox, name, source, uid, flags, keywords
             FROM shown JOIN mailbox ON mailbox.id = shown.mailbox
             WHERE position = ?1 ORDER BY mailbox, uid",
        )?;
        let mut rows = statement.query([message.0])?;
        let mut places = Vec::new();
        while let Some(row) = rows.next()? {
            let Some(uid) = Uid::new(row.get(4)?) else { continue };
            places.push(Place {
                account: AccountId(row.get(0)?),
                mailbox: MailboxId(row.get(1)?),
                name: MailboxName::new(row.get::<_, String>(2)?),
                source: MailboxId(row.get(3)?),
                uid,
                flags: Flags::from_parts(row.get(5)?, row.get_ref(6)?.as_str().unwrap_or_default()),
            });
        }
        Ok(places)
    }

    /// What waits for the server on one entry, in order.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn operations_at(&self, mailbox: MailboxId, uid: Uid) -> Result<Vec<Operation>, StoreError> {
        let at = "WHERE mailbox = ?1 AND uid = ?2 AND state IN ('waiting', 'asked')";
        collect(&self.conn, at, params![mailbox.0, uid.get()])
    }

    /// The shortest beginning of an id that its neighbours in order do not share.
    fn short_id(&self, digest: &[u8; 32]) -> Result<String, StoreError> {
        let mut length = ID_LETTERS;
        for sql in [
            "SELECT digest FROM message WHERE digest < ?1 ORDER BY digest DESC LIMIT 1",
            "SELECT digest FROM message WHERE digest > ?1 ORDER BY digest LIMIT 1",
            "SELECT name FROM alias WHERE name < ?1 ORDER BY name DESC LIMIT 1",
            "SELECT name FROM alias WHERE name > ?1 ORDER BY name LIMIT 1",
        ] {
            let mut statement = self.conn.prepare_cached(sql)?;
            let neighbour: Option<[u8; 32]> = statement.query_row([digest], |row| row.get(0)).optional()?;
            length = length.max(neighbour.map_or(0, |neighbour| shared(digest, &neighbour) + 1));
        }
        Ok(letters(digest, length))
    }
}

pub(crate) fn contacts(json: String) -> Result<Vec<Contact>, StoreError> {
    let pairs: Vec<(String, String)> =
        serde_json::from_str(&json).map_err(|error| StoreError::Damaged(error.to_string()))?;
    Ok(pairs.into_iter().map(|(name, address)| Contact { name, address }).collect())
}
