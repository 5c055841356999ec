//! Full-text search: the index and how a query reaches it.
//!
//! The index is written after the mail, never with it: it may be behind, and [`View::unindexed`] says by
//! what. Its rows are named by [`MessageId`], which never returns, so a row that outlives its message can
//! only be found for nothing, and every search asks for an entry as well.

mod compile;
mod indexer;
mod segment;

pub(crate) use compile::{compile, languages};
pub use indexer::{Indexer, Preview};

use crate::{Filter, MessageId, Store, StoreError, View, database};
use compile::named_mailboxes;
use restante_core::query::{Query, Term};

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

    /// What a query says of mailboxes and accounts that are not there: `in:Nowhere`, as it may be typed. It is no error, as
    /// they may be there tomorrow.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn unknown_places(&self, filter: &Filter) -> Result<Vec<String>, StoreError> {
        let mut unknown = Vec::new();
        let mut parts = vec![&filter.query];
        while let Some(part) = parts.pop() {
            match part {
                Query::And(inner) | Query::Or(inner) => parts.extend(inner.iter().rev()),
                Query::Not(inner) => parts.push(inner),
                Query::Term(Term::In(name)) => {
                    if named_mailboxes(&self.conn, filter.account, name)?.is_empty() {
                        unknown.push(format!("in:{name}"));
                    }
                }
                Query::Term(Term::Account(name)) => {
                    let known = self.accounts()?;
                    if !known.iter().any(|account| account.name.to_lowercase() == name.to_lowercase()) {
                        unknown.push(format!("account:{name}"));
                    }
                }
                Query::Term(_) => {}
            }
        }
        Ok(unknown)
    }

    /// Whether the text of attachments is in the index, or will be.
    pub(crate) fn has_documents(&self) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT documents FROM search.progress")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }
}

impl Store {
    /// Says whether the text of attachments is to be found. When the index was made otherwise it starts anew, empty;
    /// gives whether that is so.
    ///
    /// # Errors
    /// The index cannot be read or written.
    pub fn index_documents(&mut self, wanted: bool) -> Result<bool, StoreError> {
        let has = self.has_documents()?;
        if has != wanted {
            database::empty_index(&self.dir, wanted)?;
        }
        Ok(has != wanted)
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
}
