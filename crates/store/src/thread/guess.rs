//! Answers without References: what they answer is told by the subject.
//!
//! A thread begins with its oldest message. Where that is an answer (`Re:`) which names no message at all, the thread is
//! read below the thread of the message it answers: the newest one before it of the same base subject (RFC 5256, section
//! 2.1), not older than [`WITHIN`], between the same people. Nothing else is joined by a subject: who names a message by its
//! id is where that is. Threads are not made one, they stay apart in `message.thread`; a row of `thread_under` says what is
//! read below what. So that can change: when what was answered comes later than the answer, when a nearer one comes, when
//! something older comes that the answer's thread begins with. What is there decides, not in which order it came.
//!
//! Numbers are bounded, so that nobody can make this slow: of so many messages of one subject only the nearest are seen.

use super::key;
use crate::list::contacts;
use crate::{MessageId, StoreError};
use restante_core::message::Summary;
use rusqlite::{Connection, Row, Transaction};
use std::collections::BTreeSet;

/// How long before an answer the message is that it answers, in seconds: 14 days.
const WITHIN: i64 = 14 * 86_400;
/// The nearest messages of the same subject that are looked at, before and after.
const NEAREST: i64 = 16;
/// The most messages of a thread that may be read below another one.
const LARGEST: usize = 256;
/// The most threads below each other.
const DEEPEST: usize = 64;

/// `message.base` of a message.
pub(crate) fn base(summary: &Summary) -> i64 {
    let Some(subject) = summary.base_subject() else { return 0 };
    let base = (key(&subject) & i64::MAX).max(1);
    if summary.is_loose_answer() { -base } else { base }
}

/// Puts right what is read below what, after a message was added to `thread`.
pub(crate) fn settle(
    transaction: &Transaction<'_>,
    base: i64,
    date: i64,
    thread: i64,
) -> Result<(), StoreError> {
    let mut again = BTreeSet::new();
    if base < 0 || parent(transaction, thread)?.is_some() {
        again.insert(thread);
    }
    if base != 0 {
        // Answers to it that came before.
        let mut after = transaction.prepare_cached(AFTER)?;
        let (first, last) = (MessageId::first_at(date + 1), MessageId::first_at(date + WITHIN + 1));
        let threads = after.query_map([-base.abs(), first.0, last.0, NEAREST], |row| row.get(0))?;
        for thread in threads {
            again.insert(thread?);
        }
    }
    // All of them go first: one that no longer holds must not be in the way of another.
    let mut forget = transaction.prepare_cached("DELETE FROM thread_under WHERE thread = ?1")?;
    for thread in &again {
        forget.execute([thread])?;
    }
    again.into_iter().try_for_each(|thread| refresh(transaction, thread))
}

/// Follows two threads that became one.
pub(super) fn merged(transaction: &Transaction<'_>, keep: i64, drop: i64) -> Result<(), StoreError> {
    transaction
        .prepare_cached("UPDATE thread_under SET parent = ?1 WHERE parent = ?2")?
        .execute([keep, drop])?;
    // A row of either has it looked at again: `settle` comes next.
    transaction
        .prepare_cached("UPDATE OR REPLACE thread_under SET thread = ?1 WHERE thread = ?2")?
        .execute([keep, drop])?;
    Ok(())
}

/// The thread that a thread is read below, as far up as that goes.
pub(crate) fn top(connection: &Connection, mut thread: i64) -> Result<i64, StoreError> {
    for _ in 0..=DEEPEST {
        match parent(connection, thread)? {
            Some(above) => thread = above,
            None => break,
        }
    }
    Ok(thread)
}

/// What selects a thread, given as SQL, and all that are read below it.
pub(crate) fn all_below(top: &str) -> String {
    format!(
        "WITH RECURSIVE below (thread) AS (SELECT {top} UNION
             SELECT thread_under.thread FROM thread_under JOIN below ON thread_under.parent = below.thread)
         SELECT thread FROM below"
    )
}

fn parent(connection: &Connection, thread: i64) -> Result<Option<i64>, StoreError> {
    let mut find = connection.prepare_cached("SELECT parent FROM thread_under WHERE thread = ?1")?;
    let mut rows = find.query([thread])?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
}

/// Finds what a thread is read below, of which nothing is known.
fn refresh(transaction: &Transaction<'_>, thread: i64) -> Result<(), StoreError> {
    let answered = match start(transaction, thread)? {
        Some(start) if start.base < 0 => answered(transaction, &start)?,
        _ => None,
    };
    // After messages were removed, what is here need not be in the order of its dates any more.
    let is_safe = |mut at: i64| -> Result<bool, StoreError> {
        for _ in 0..DEEPEST {
            match (at == thread, parent(transaction, at)?) {
                (true, _) => return Ok(false),
                (false, None) => return Ok(true),
                (false, Some(above)) => at = above,
            }
        }
        Ok(false)
    };
    if let Some(above) = answered
        && is_safe(above)?
    {
        transaction
            .prepare_cached("INSERT INTO thread_under (thread, parent) VALUES (?1, ?2)")?
            .execute([thread, above])?;
    }
    Ok(())
}

/// The thread of the message that one answers.
fn answered(transaction: &Transaction<'_>, answer: &Member) -> Result<Option<i64>, StoreError> {
    let mut before = transaction.prepare_cached(BEFORE)?;
    let (first, last) = (MessageId::first_at(answer.date - WITHIN), MessageId::first_at(answer.date));
    let mut found = Vec::new();
    for base in [answer.base, -answer.base] {
        let members = before.query_map([base, first.0, last.0, NEAREST], Member::read)?;
        found.extend(members.collect::<Result<Vec<_>, _>>()?);
    }
    // Of the same second the same one, whichever came first.
    found.sort_by(|a, b| b.date.cmp(&a.date).then_with(|| a.digest.cmp(&b.digest)));
    let people = answer.people()?;
    for member in found.iter().filter(|member| member.thread != answer.thread) {
        let theirs = member.people()?;
        // Everybody's mail goes to oneself: one address alone in common says nothing.
        let common = people.intersection(&theirs).count();
        if common >= 2 || common == 1 && people.len() == 1 && theirs.len() == 1 {
            return Ok(Some(member.thread));
        }
    }
    Ok(None)
}

/// The oldest message of a thread; `None` where there are too many.
fn start(transaction: &Transaction<'_>, thread: i64) -> Result<Option<Member>, StoreError> {
    let mut all = transaction
        .prepare_cached(&format!("SELECT {MEMBER} FROM message WHERE thread = ?1 LIMIT {}", LARGEST + 1))?;
    let all = all.query_map([thread], Member::read)?.collect::<Result<Vec<_>, _>>()?;
    if all.len() > LARGEST {
        return Ok(None);
    }
    Ok(all.into_iter().min_by(|a, b| a.date.cmp(&b.date).then_with(|| a.digest.cmp(&b.digest))))
}

/// The threads of messages of a base subject. That it is not zero has to be said: SQLite does not use the index, which
/// leaves zero out, for a value that it does not know.
const AFTER: &str = "SELECT thread FROM message
    WHERE base = ?1 AND base <> 0 AND position >= ?2 AND position < ?3 ORDER BY position LIMIT ?4";
/// Messages of a base subject, the newest first. The columns are those of [`MEMBER`].
const BEFORE: &str = "SELECT thread, date, digest, base, sender, recipient, copy FROM message
    WHERE base = ?1 AND base <> 0 AND position >= ?2 AND position < ?3 ORDER BY position DESC LIMIT ?4";
/// The columns of a [`Member`].
const MEMBER: &str = "thread, date, digest, base, sender, recipient, copy";

/// A message of a thread.
struct Member {
    thread: i64,
    date: i64,
    digest: [u8; 32],
    base: i64,
    people: [String; 3],
}

impl Member {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            thread: row.get(0)?,
            date: row.get(1)?,
            digest: row.get(2)?,
            base: row.get(3)?,
            people: [row.get(4)?, row.get(5)?, row.get(6)?],
        })
    }

    /// The addresses of who wrote it and who got it.
    fn people(&self) -> Result<BTreeSet<String>, StoreError> {
        let mut people = BTreeSet::new();
        for field in &self.people {
            people.extend(contacts(field.clone())?.into_iter().map(|contact| contact.address.to_lowercase()));
        }
        people.remove("");
        Ok(people)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    #[test]
    fn what_is_asked_of_each_new_message_is_answered_by_an_index() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        for (sql, index) in [
            (AFTER, "message_base"),
            (BEFORE, "message_base"),
            ("SELECT digest FROM message WHERE thread = ?1", "message_thread"),
            ("UPDATE thread_under SET parent = ?1 WHERE parent = ?2", "thread_under_parent"),
            ("SELECT parent FROM thread_under WHERE thread = ?1", "PRIMARY KEY"),
        ] {
            let mut plan = store.conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let mut rows = plan.raw_query();
            while let Some(row) = rows.next().unwrap() {
                let step: String = row.get(3).unwrap();
                assert!(step.starts_with("SEARCH") && step.contains(index), "{sql}: {step}");
            }
        }
    }
}
