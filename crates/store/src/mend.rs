//! Putting right what a [check](crate::check()) found: what can be counted or made again is, and contents that
//! were lost are taken in again. Nothing that only the server or the person knows is invented.

use crate::apply::apply_within;
use crate::check::{DANGLING, OF_MAILBOX, circles, no_message, position_of};
use crate::compact::place;
use crate::fold::refold_mailbox;
use crate::id::{DATE_MAX, SERIAL_MASK};
use crate::mailbox::drop_unreferenced;
use crate::pack::HEADER;
use crate::partial::Beginning;
use crate::{
    AccountId, Content, Desk, Digest, MailboxId, MessageId, NewEntry, Store, StoreError, View, database, dir,
};
use restante_core::mail::Uid;
use restante_core::sync::Delta;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use std::path::Path;

/// What is said of an operation whose message is not here any more.
const LOST: &str = "the message was lost on this machine; ask again when it is here";

/// Where a message can be had from whose content was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The message.
    pub message: MessageId,
    /// The digest of its content.
    pub digest: Digest,
    /// Octets of the whole message, as far as is known.
    pub size: u64,
    /// Whose mailbox.
    pub account: AccountId,
    /// The mailbox.
    pub mailbox: MailboxId,
    /// Its UID there.
    pub uid: Uid,
    /// When only the beginning of the message was here: that.
    pub begun: Option<Beginning>,
}

/// What the server has now in the place of a content that was lost.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// Whose place.
    pub lost: Lost,
    /// What is there.
    pub entry: NewEntry,
    /// What was here is sound and rests for a while, as whatever the server removes.
    pub rests: bool,
}

impl View {
    /// Where messages can be had from, as far as their mailboxes' UIDs mean anything.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn places_of(&self, messages: &[MessageId]) -> Result<Vec<Lost>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT mailbox.account, mailbox.id, entry.uid, message.digest, size, held, partial.digest
             FROM entry JOIN mailbox ON mailbox.id = entry.mailbox JOIN message ON message.id = ?2
             LEFT JOIN partial ON partial.message = ?2
             WHERE entry.position = ?1 AND uid_validity <> 0 AND moved = 0 ORDER BY mailbox.id, entry.uid",
        )?;
        let mut places = Vec::new();
        for message in messages {
            let mut rows = statement.query([message.0, message.serial()])?;
            while let Some(row) = rows.next()? {
                let Some(uid) = Uid::new(row.get(2)?) else { continue };
                let (held, digest): (Option<u64>, Option<[u8; 32]>) = (row.get(5)?, row.get(6)?);
                places.push(Lost {
                    message: *message,
                    digest: Digest(row.get(3)?),
                    size: row.get(4)?,
                    begun: held.zip(digest).map(|(held, digest)| Beginning { held, digest: Digest(digest) }),
                    account: AccountId(row.get(0)?),
                    mailbox: MailboxId(row.get(1)?),
                    uid,
                });
            }
        }
        Ok(places)
    }
}

impl Store {
    /// Opens a data directory as [`open`](Self::open) does, with a new, empty index. For one that is damaged.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_without_index(dir: &Path) -> Result<Self, StoreError> {
        dir::make_dir(dir)?;
        let lock = dir::lock(dir)?;
        dir::remove_database(&dir.join("search.db"))?;
        Self::open_locked(dir, lock)
    }

    /// Empties the index: everything is [indexed](crate::Indexer) again. Its file is a new one; who reads
    /// the old one sees no change until it opens again.
    ///
    /// # Errors
    /// The index cannot be made. Then the store has to be opened again.
    pub fn rebuild_index(self) -> Result<Self, StoreError> {
        // An index that is damaged may not know it.
        let has_documents = self.has_documents().unwrap_or_default();
        let Self { desk: Desk { view, .. }, packs, lock } = self;
        let View { conn, dir, .. } = view;
        drop(conn);
        dir::remove_database(&dir.join("search.db"))?;
        let conn = database::open_writer(&dir)?;
        if has_documents {
            database::empty_index(&dir, has_documents)?;
        }
        Ok(Self { desk: Desk { view: View::new(conn, &dir)?, bell: None }, packs, lock })
    }

    /// Puts rows right, in one transaction: identities, references, conversations, counters, and what is
    /// shown. An entry without a message goes: the next sync misses it and fetches it again.
    ///
    /// # Errors
    /// The database cannot be written; then nothing was changed.
    pub fn mend(&mut self) -> Result<(), StoreError> {
        self.write_durably(mend)
    }

    /// Takes over contents that were lost and came again, for the messages that have the same digest;
    /// returns how many those are. What was indexed without them is indexed again.
    ///
    /// # Errors
    /// [`StoreError::Unsynced`] when a content was not synced; the database cannot be written.
    pub fn restore(&mut self, contents: &[Content]) -> Result<u64, StoreError> {
        if !contents.iter().all(|content| self.packs.is_synced(&content.at)) {
            return Err(StoreError::Unsynced);
        }
        let restored: Vec<MessageId> = self.write_durably(|transaction| {
            let mut find =
                transaction.prepare_cached("SELECT id, position FROM message WHERE digest = ?1")?;
            let mut restored = Vec::new();
            for content in contents {
                let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1).map(MessageId)?));
                if let Some((id, message)) = find.query_row([content.digest.0], read).optional()? {
                    place(transaction, id, &content.at)?;
                    transaction
                        .execute("UPDATE message SET size = ?2 WHERE id = ?1", params![id, content.size])?;
                    restored.push(message);
                }
            }
            Ok(restored)
        })?;
        // Between the two nothing of them is indexed, which a check names.
        self.forget_words(&restored)?;
        self.index_again(&restored)?;
        Ok(restored.len() as u64)
    }

    /// Takes what the server has now for a content that was lost and is not there in the same octets: it
    /// becomes a message of its own, and the entry and what was asked for it point to that. The lost message
    /// goes when nothing else refers to it.
    ///
    /// # Errors
    /// [`StoreError::Unsynced`] when the content was not synced; the database cannot be written.
    pub fn replace(&mut self, replacement: &Replacement, now: i64) -> Result<(), StoreError> {
        let Replacement { lost, entry, rests } = replacement;
        if let crate::Body::Fetched { content, .. } | crate::Body::Another { content, .. } = &entry.body
            && !self.packs.is_synced(&content.at)
        {
            return Err(StoreError::Unsynced);
        }
        let delta = Delta { new: vec![entry.clone()], ..Delta::default() };
        let gone = self.write_durably(|transaction| {
            apply_within(transaction, lost.mailbox, &delta, now)?;
            let place = params![lost.mailbox.0, lost.uid.get(), lost.message.0];
            transaction.execute(
                "UPDATE operation SET uid = ?2, position =
                     (SELECT position FROM entry WHERE entry.mailbox = ?1 AND entry.uid = ?2)
                 WHERE mailbox = ?1 AND uid = 0 AND position = ?3 AND kind <> 'append'",
                place,
            )?;
            refold_mailbox(transaction, lost.mailbox)?;
            if *rests {
                return Ok(Vec::new());
            }
            drop_unreferenced(transaction, "SELECT ?1", lost.message.0, |transaction| {
                transaction
                    .execute("DELETE FROM tombstone WHERE mailbox = ?1 AND uid = ?2 AND position = ?3", place)
            })
        })?;
        self.forget_words(&gone)
    }

    /// Forgets messages for good, wherever they are. What the server still has of them comes again with the
    /// next sync.
    ///
    /// # Errors
    /// The database cannot be written; then nothing was forgotten.
    pub fn forget(&mut self, messages: &[MessageId]) -> Result<(), StoreError> {
        self.write_durably(|transaction| {
            for message in messages {
                for table in ["entry", "tombstone"] {
                    transaction.execute(&format!("DELETE FROM {table} WHERE position = ?1"), [message.0])?;
                }
                transaction.execute("DELETE FROM message WHERE id = ?1", [message.serial()])?;
            }
            mend(transaction)
        })?;
        self.forget_words(messages)
    }
}

fn mend(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    positions(transaction)?;
    references(transaction)?;
    threads(transaction)?;
    // A pack is proven as far as messages refer to it: what it lacks is a fault of its contents.
    transaction.execute(
        "INSERT INTO pack (number, length) SELECT pack, max(start + stored + ?1) FROM message GROUP BY pack
         ON CONFLICT (number) DO UPDATE SET length = max(length, excluded.length)",
        [HEADER as u64],
    )?;
    transaction.execute_batch(
        "UPDATE mailbox SET
             total = (SELECT count(*) FROM entry WHERE entry.mailbox = mailbox.id),
             unseen = (SELECT count(*) FROM entry WHERE entry.mailbox = mailbox.id AND flags & 32 = 0);
         DELETE FROM fold;",
    )?;
    let mailboxes: Vec<i64> = transaction
        .prepare("SELECT DISTINCT mailbox FROM operation")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    mailboxes.into_iter().try_for_each(|mailbox| refold_mailbox(transaction, MailboxId(mailbox)))
}

/// Gives messages the identity that their date and number make, here and where they are referred to.
fn positions(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let position = position_of();
    let wrong: Vec<(i64, i64)> = transaction
        .prepare(&format!("SELECT id, {position} FROM message WHERE position <> {position}"))?
        .query_map([DATE_MAX], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (id, position) in wrong {
        for table in ["message", "entry", "tombstone", "operation", "done"] {
            transaction.execute(
                &format!("UPDATE {table} SET position = ?2 WHERE position & ?3 = ?1"),
                [id, position, SERIAL_MASK],
            )?;
        }
    }
    Ok(())
}

fn references(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    for (table, column) in OF_MAILBOX {
        transaction
            .execute(&format!("DELETE FROM {table} WHERE {column} NOT IN (SELECT id FROM mailbox)"), [])?;
    }
    for (_, source) in DANGLING {
        let (table, condition) = source.split_once(" WHERE ").unwrap_or((source, "1"));
        let missing = no_message(table);
        if table == "operation" {
            transaction.execute(
                &format!(
                    "UPDATE operation SET state = 'refused', reply = ?1 WHERE {condition} AND {missing}"
                ),
                [LOST],
            )?;
        } else {
            transaction.execute(&format!("DELETE FROM {table} WHERE {condition} AND {missing}"), [])?;
        }
    }
    Ok(())
}

fn threads(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let last: i64 = transaction.query_row(
        "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'message'",
        [],
        |row| row.get(0),
    )?;
    for sql in [
        "DELETE FROM thread_key WHERE thread < 1 OR thread > ?1",
        "DELETE FROM thread_merge WHERE into_thread < 1 OR into_thread > ?1",
        "DELETE FROM thread_under WHERE thread < 1 OR thread > ?1 OR parent < 1 OR parent > ?1",
        "UPDATE message SET thread = id WHERE thread < 1 OR thread > ?1",
    ] {
        transaction.execute(sql, [last])?;
    }
    for thread in circles(transaction)? {
        transaction.execute("DELETE FROM thread_merge WHERE thread = ?1", [thread])?;
    }
    let former: Vec<i64> = transaction
        .prepare("SELECT DISTINCT thread FROM message WHERE thread IN (SELECT thread FROM thread_merge)")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for thread in former {
        let root = crate::thread::root(transaction, thread)?;
        transaction.execute("UPDATE message SET thread = ?1 WHERE thread = ?2", [root, thread])?;
    }
    // What was told by a subject is no loss.
    transaction.execute(
        "DELETE FROM thread_under WHERE thread = parent OR thread IN (SELECT thread FROM thread_merge)
             OR parent IN (SELECT thread FROM thread_merge)",
        [],
    )?;
    Ok(())
}
