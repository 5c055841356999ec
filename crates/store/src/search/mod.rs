//! Full-text search: the index and how a query reaches it.
//!
//! The index is written after the mail, never with it: it may be behind, and [`View::unindexed`] says by
//! what. Its rows are named by [`MessageId`], which never returns, so a row that outlives its message can
//! only be found for nothing, and every search asks for an entry as well.

mod compile;
mod segment;

pub(crate) use compile::compile;

use crate::id::SERIAL_MASK;
use crate::{MessageId, Store, StoreError, View};
use restante_core::message::Searchable;
use rusqlite::{OptionalExtension, params};
use segment::segment;

impl View {
    /// The next messages to be indexed, in order of arrival, at most `limit`. Empty when the index is
    /// complete.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn unindexed(&self, limit: usize) -> Result<Vec<MessageId>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT position FROM message WHERE id > (SELECT indexed FROM search.progress)
             ORDER BY id LIMIT ?1",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Ok(statement.query_map([limit], |row| row.get(0).map(MessageId))?.collect::<Result<_, _>>()?)
    }
}

impl Store {
    /// Indexes messages: all that [`View::unindexed`] gave, or the first of them. A message whose content
    /// cannot be read is indexed with an empty [`Searchable`].
    ///
    /// Attachments and snippet are committed before the words. Whatever happens in between, the message
    /// is given again.
    ///
    /// # Errors
    /// [`StoreError::IndexGap`] when a message was left out.
    pub fn index(&mut self, mut batch: Vec<(MessageId, Searchable)>) -> Result<(), StoreError> {
        let Some(last) = batch.iter().map(|(message, _)| message.serial()).max() else { return Ok(()) };
        let given = self.unindexed(batch.len())?;
        if given.iter().map(|message| message.serial()).max() != Some(last) || given.len() != batch.len() {
            return Err(StoreError::IndexGap);
        }
        // FTS5 writes out what it has gathered whenever a rowid is smaller than the one before.
        batch.sort_unstable_by_key(|(message, _)| *message);
        self.write(|transaction| {
            let mut insert = transaction.prepare_cached(
                "INSERT OR REPLACE INTO preview (message, attachments, snippet) VALUES (?1, ?2, ?3)",
            )?;
            for (message, searchable) in &batch {
                insert.execute(params![message.serial(), searchable.attachments, searchable.snippet])?;
            }
            Ok(())
        })?;
        self.write(|transaction| {
            let mut read = transaction
                .prepare_cached("SELECT subject, sender, recipient, copy FROM main.message WHERE id = ?1")?;
            let mut insert = transaction.prepare_cached(
                r#"INSERT OR REPLACE INTO search.words (rowid, subject, "from", "to", cc, body, filename)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"#,
            )?;
            for (message, searchable) in &batch {
                let mut rows = read.query([message.serial()])?;
                let Some(row) = rows.next()? else { continue };
                insert.execute(params![
                    message.0,
                    segment(row.get_ref(0)?.as_str()?),
                    segment(&names(row.get_ref(1)?.as_str()?)),
                    segment(&names(row.get_ref(2)?.as_str()?)),
                    segment(&names(row.get_ref(3)?.as_str()?)),
                    segment(&searchable.text),
                    segment(&searchable.filenames.join("\n")),
                ])?;
            }
            transaction.execute("UPDATE search.progress SET indexed = ?1", [last])?;
            Ok(())
        })
    }

    /// Takes messages that are gone out of the index. Comes after the commit that removed them.
    pub(crate) fn forget_words(&mut self, gone: &[MessageId]) -> Result<(), StoreError> {
        if gone.is_empty() {
            return Ok(());
        }
        self.write(|transaction| {
            let mut delete = transaction.prepare_cached("DELETE FROM search.words WHERE rowid = ?1")?;
            for message in gone {
                delete.execute([message.0])?;
            }
            Ok(())
        })
    }

    /// After a power failure the mail database may have lost its last commits and the index not: what
    /// the index has too much of goes, so that its numbers can be given to other messages.
    pub(crate) fn recover_index(&mut self) -> Result<(), StoreError> {
        self.write(|transaction| {
            let last: i64 = transaction
                .query_row("SELECT seq FROM main.sqlite_sequence WHERE name = 'message'", [], |row| {
                    row.get(0)
                })
                .optional()?
                .unwrap_or(0);
            let indexed: i64 =
                transaction.query_row("SELECT indexed FROM search.progress", [], |row| row.get(0))?;
            if indexed > last {
                let sql = "DELETE FROM search.words WHERE rowid & ?1 > ?2";
                transaction.execute(sql, [SERIAL_MASK, last])?;
                transaction.execute("UPDATE search.progress SET indexed = ?1", [last])?;
            }
            Ok(())
        })
    }
}

/// The names and addresses in a column of contacts, one a line.
fn names(json: &str) -> String {
    let contacts: Vec<(String, String)> = serde_json::from_str(json).unwrap_or_default();
    let mut text = String::new();
    for (name, address) in contacts {
        text.extend([name.as_str(), " ", address.as_str(), "\n"]);
    }
    text
}
