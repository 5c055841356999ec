//! Conversations: messages joined by Message-ID and References (RFC 5322, section 3.6.4).
//!
//! Every Message-ID, seen or only referred to, belongs to one thread. A message that names ids of two
//! threads makes them one. Order of arrival does not matter.
//!
//! An answer that names no message is read below the one it answers by its subject: see [`guess`].

pub(crate) mod guess;

use crate::StoreError;
use restante_core::message::Summary;
use rusqlite::{OptionalExtension, Transaction, params};

/// References a message is joined by: the last ones, which are nearest. A hostile header names more.
const REFERENCES: usize = 64;

/// The thread of a message, joined with all it refers to; `own` becomes a new thread where it refers
/// to nothing known.
pub(crate) fn assign(transaction: &Transaction<'_>, summary: &Summary, own: i64) -> Result<i64, StoreError> {
    let skip = summary.references.len().saturating_sub(REFERENCES);
    let mut keys: Vec<i64> =
        summary.references.iter().skip(skip).chain(&summary.message_id).map(|id| key(id)).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut find = transaction.prepare_cached("SELECT thread FROM thread_key WHERE key = ?1")?;
    let mut result = None;
    let mut unknown = Vec::new();
    for key in keys {
        let Some(found) = find.query_row([key], |row| row.get(0)).optional()? else {
            unknown.push(key);
            continue;
        };
        let found = root(transaction, found)?;
        result = Some(match result {
            Some(other) if other != found => merge(transaction, other, found)?,
            _ => found,
        });
    }
    let thread = result.unwrap_or(own);
    let mut insert = transaction.prepare_cached("INSERT INTO thread_key (key, thread) VALUES (?1, ?2)")?;
    for key in unknown {
        insert.execute([key, thread])?;
    }
    Ok(thread)
}

/// What a Message-ID is kept as.
pub(crate) fn key(message_id: &str) -> i64 {
    let hash = blake3::hash(message_id.as_bytes());
    hash.as_bytes().first_chunk::<8>().map_or(0, |bytes| i64::from_le_bytes(*bytes))
}

/// The thread that `thread` has become part of. The smaller is always put under the larger, so the way
/// is short.
pub(crate) fn root(transaction: &rusqlite::Connection, mut thread: i64) -> Result<i64, StoreError> {
    let mut next = transaction.prepare_cached("SELECT into_thread FROM thread_merge WHERE thread = ?1")?;
    while let Some(into) = next.query_row([thread], |row| row.get(0)).optional()? {
        thread = into;
    }
    Ok(thread)
}

/// Makes two threads one: that with more messages, so that a message moves seldom.
fn merge(transaction: &Transaction<'_>, a: i64, b: i64) -> Result<i64, StoreError> {
    let mut count = transaction.prepare_cached("SELECT count(*) FROM message WHERE thread = ?1")?;
    let mut size = |thread: i64| count.query_row([thread], |row| row.get::<_, i64>(0));
    let (keep, drop) = if size(a)? >= size(b)? { (a, b) } else { (b, a) };
    transaction
        .prepare_cached("UPDATE message SET thread = ?1 WHERE thread = ?2")?
        .execute(params![keep, drop])?;
    transaction
        .prepare_cached("INSERT INTO thread_merge (thread, into_thread) VALUES (?1, ?2)")?
        .execute([drop, keep])?;
    guess::merged(transaction, keep, drop)?;
    Ok(keep)
}
