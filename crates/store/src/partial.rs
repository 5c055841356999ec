//! Messages of which only the beginning is here: the header, or the first octets.
//!
//! What is held of such a message is a prefix of what the server has; its row says how large it is in all. A
//! message is its content, so one that is completed is another one: it takes the place of the former everywhere,
//! in one transaction, and answers to the id that people knew.

use crate::content::serial_of;
use crate::{AccountId, Content, Desk, Digest, MailboxId, MessageId, NewEntry, Store, StoreError, View};
use restante_core::mail::Uid;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

/// A message in a mailbox of which only the beginning is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// Its UID there.
    pub uid: Uid,
    /// INTERNALDATE in seconds since 1970 UTC.
    pub internal_date: i64,
    /// Octets of the whole message.
    pub size: u64,
    /// Octets of it that are here.
    pub held: u64,
    /// Their digest.
    pub digest: Digest,
}

impl Partial {
    /// What is here of it.
    #[must_use]
    pub fn beginning(&self) -> Beginning {
        Beginning { held: self.held, digest: self.digest }
    }
}

/// What a whole message must begin with to be the one of which this is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// Octets.
    pub held: u64,
    /// Their digest.
    pub digest: Digest,
}

impl Beginning {
    /// Whether a content of `size` octets begins so. `head` is its first octets, as many as anybody keeps of a header;
    /// of a beginning longer than that only the length is compared.
    #[must_use]
    pub fn is_of(&self, head: &[u8], size: u64) -> bool {
        let Some(head) = usize::try_from(self.held).ok().and_then(|held| head.get(..held)) else {
            return size >= self.held && size > head.len() as u64;
        };
        Digest::of(head) == self.digest
    }
}

/// A message that a person waits for, and where it can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which message.
    pub message: MessageId,
    /// The mailbox.
    pub mailbox: MailboxId,
    /// Its UID there.
    pub uid: Uid,
}

/// Who waits asks again and again. What was asked for longer ago than this, in seconds, nobody waits for any more: the
/// program was ended.
const PATIENCE: i64 = 30;

/// What people wait for. In this order: SQLite would look through all messages for the few that are wanted, at each
/// sync.
const WANTED: &str = "SELECT message.position, mailbox.id, min(entry.uid) FROM wanted
     CROSS JOIN message ON message.id = wanted.message CROSS JOIN entry ON entry.position = message.position
     CROSS JOIN mailbox ON mailbox.id = entry.mailbox
     WHERE account = ?1 AND asked >= ?2 AND reply = '' AND uid_validity <> 0 AND moved = 0
     GROUP BY message.id ORDER BY asked, message.id";

impl View {
    /// Octets of a message that are here when that is only its beginning; `None` when it is whole.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn held(&self, message: MessageId) -> Result<Option<u64>, StoreError> {
        held(&self.conn, message)
    }

    /// The messages of a mailbox of which only the beginning is here, by UID.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn partials(&self, mailbox: MailboxId) -> Result<Vec<Partial>, StoreError> {
        let serial = serial_of("entry.position");
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT uid, internal_date, size, held, partial.digest FROM entry
             JOIN partial ON partial.message = {serial} JOIN message ON message.id = {serial}
             WHERE mailbox = ?1 ORDER BY uid"
        ))?;
        let read = |row: &Row<'_>| {
            let uid = Uid::new(row.get(0)?);
            let (internal_date, size, held, digest) =
                (row.get(1)?, row.get(2)?, row.get(3)?, Digest(row.get(4)?));
            Ok(uid.map(|uid| Partial { uid, internal_date, size, held, digest }))
        };
        let found = statement.query_map([mailbox.0], read)?.collect::<Result<Vec<_>, _>>()?;
        Ok(found.into_iter().flatten().collect())
    }

    /// What people wait for in an account at `now`, one place for each message, those first that were asked for first.
    /// What was asked for in vain is not among them, nor what can be had nowhere by its UID, nor what nobody has asked
    /// for in the last 30 seconds.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn wanted(&self, account: AccountId, now: i64) -> Result<Vec<Wanted>, StoreError> {
        let mut statement = self.conn.prepare_cached(WANTED)?;
        let read = |row: &Row<'_>| {
            let (message, mailbox) = (MessageId(row.get(0)?), MailboxId(row.get(1)?));
            Ok(Uid::new(row.get(2)?).map(|uid| Wanted { message, mailbox, uid }))
        };
        let since = now.saturating_sub(PATIENCE);
        let found = statement.query_map([account.0, since], read)?.collect::<Result<Vec<_>, _>>()?;
        Ok(found.into_iter().flatten().collect())
    }

    /// The accounts on whose servers a message is, as far as is known; none when it was removed.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn owners(&self, message: MessageId) -> Result<Vec<AccountId>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT DISTINCT account FROM entry JOIN mailbox ON mailbox.id = entry.mailbox
             WHERE entry.position = ?1 ORDER BY account",
        )?;
        Ok(statement.query_map([message.0], |row| row.get(0).map(AccountId))?.collect::<Result<_, _>>()?)
    }

    /// Why a message that was [asked for](Desk::want) cannot be had; `None` while nobody knows.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn why_not(&self, message: MessageId) -> Result<Option<String>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT reply FROM wanted WHERE message = ?1")?;
        let reply: Option<String> = statement.query_row([message.serial()], |row| row.get(0)).optional()?;
        Ok(reply.filter(|reply| !reply.is_empty()))
    }
}

impl Desk {
    /// Takes down that a person waits for a message of which only the beginning is here. To be said again at least every
    /// 30 seconds for as long as that is so.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn want(&mut self, message: MessageId, now: i64) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO wanted (message, asked, reply) SELECT message, ?2, '' FROM partial WHERE message = ?1
                     ON CONFLICT (message) DO UPDATE SET asked = ?2, reply = ''",
                )?
                .execute(params![message.serial(), now])?;
            Ok(())
        })
    }

    /// Nobody waits for a message any more.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn unwant(&mut self, message: MessageId) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM wanted WHERE message = ?1", [message.serial()])?;
            Ok(())
        })
    }
}

impl Store {
    /// Notes why a message that a person waits for cannot be had.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn deny(&mut self, message: MessageId, reply: &str) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute(
                "UPDATE wanted SET reply = ?2 WHERE message = ?1",
                params![message.serial(), reply],
            )?;
            Ok(())
        })
    }

    /// Forgets what nobody waits for any more at `now`: whoever asked was ended before there was an answer.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn forget_wanted(&mut self, now: i64) -> Result<(), StoreError> {
        let since = now.saturating_sub(PATIENCE);
        let stale: bool = self
            .conn
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM wanted WHERE asked < ?1)")?
            .query_row([since], |row| row.get(0))?;
        if !stale {
            return Ok(());
        }
        self.write(|transaction| {
            transaction.execute("DELETE FROM wanted WHERE asked < ?1", [since])?;
            Ok(())
        })
    }

    /// Notes under which policy a mailbox holds as much of each message as it should.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn set_policy(&mut self, mailbox: MailboxId, policy: &str) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction
                .execute("UPDATE mailbox SET policy = ?2 WHERE id = ?1", params![mailbox.0, policy])?;
            Ok(())
        })
    }
}

/// Whether a mailbox holds enough of each message is to be looked at again.
pub(crate) fn doubt_policy(conn: &Connection, mailbox: MailboxId) -> Result<(), StoreError> {
    // No policy is written so.
    conn.prepare_cached("UPDATE mailbox SET policy = '?' WHERE id = ?1")?.execute([mailbox.0])?;
    Ok(())
}

/// See [`View::held`].
pub(crate) fn held(conn: &Connection, message: MessageId) -> Result<Option<u64>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT held FROM partial WHERE message = ?1")?;
    Ok(statement.query_row([message.serial()], |row| row.get(0)).optional()?)
}

/// What a message is called of which this is the beginning. The same message in two mailboxes has one name: it
/// begins with the same octets, has the same size, and came at the same time (COPY and MOVE keep INTERNALDATE: RFC
/// 9051, section 6.4.7). With `apart` it has a name of its own.
pub(crate) fn name(content: &Content, size: u64, entry: &NewEntry, apart: Option<MailboxId>) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"the beginning of a message\0").update(&content.digest.0);
    hasher.update(&size.to_le_bytes()).update(&entry.internal_date.to_le_bytes());
    hasher.update(entry.email_id.as_bytes());
    if let Some(mailbox) = apart {
        hasher.update(b"\0").update(&mailbox.0.to_le_bytes()).update(&entry.uid.get().to_le_bytes());
    }
    Digest(*hasher.finalize().as_bytes())
}

/// The message that has this name, or had it.
pub(crate) fn named(conn: &Connection, name: &Digest) -> Result<Option<MessageId>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT position FROM message WHERE digest = ?1
         UNION ALL SELECT position FROM alias JOIN message ON message.id = alias.message WHERE name = ?1",
    )?;
    Ok(statement.query_row([name.0], |row| row.get(0).map(MessageId)).optional()?)
}

/// Whether a message has an entry in a mailbox under another UID.
pub(crate) fn is_elsewhere_in(
    conn: &Connection,
    message: MessageId,
    mailbox: MailboxId,
    uid: Uid,
) -> Result<bool, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM entry WHERE position = ?1 AND mailbox = ?2 AND uid <> ?3)",
    )?;
    Ok(statement.query_row(params![message.0, mailbox.0, uid.get()], |row| row.get(0))?)
}

/// Notes that what a message's row refers to is its beginning.
pub(crate) fn insert(
    transaction: &Transaction<'_>,
    message: MessageId,
    content: &Content,
) -> Result<(), StoreError> {
    transaction
        .prepare_cached("INSERT INTO partial (message, held, digest) VALUES (?1, ?2, ?3)")?
        .execute(params![message.serial(), content.size, content.digest.0])?;
    Ok(())
}

/// Puts one message in the place of another, of which less is here, everywhere. `fresh` says that nobody knows it
/// yet: then it keeps the id of the other. Gives the mailboxes that have it.
pub(crate) fn replace(
    transaction: &Transaction<'_>,
    before: MessageId,
    after: MessageId,
    fresh: bool,
) -> Result<Vec<MailboxId>, StoreError> {
    for table in ["entry", "tombstone", "operation", "done", "fold"] {
        transaction
            .prepare_cached(&format!("UPDATE OR REPLACE {table} SET position = ?2 WHERE position = ?1"))?
            .execute([before.0, after.0])?;
    }
    let (old, new) = (before.serial(), after.serial());
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO preview (message, attachments, snippet)
             SELECT ?2, attachments, snippet FROM preview WHERE message = ?1",
        )?
        .execute([old, new])?;
    let known: bool = transaction
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM alias WHERE message = ?1 AND shown <> 0)")?
        .query_row([old], |row| row.get(0))?;
    transaction
        .prepare_cached("UPDATE alias SET message = ?2, shown = shown AND ?3 WHERE message = ?1")?
        .execute(params![old, new, fresh])?;
    transaction
        .prepare_cached(
            "INSERT INTO alias (name, message, shown, former)
             SELECT digest, ?2, ?3, position FROM message WHERE id = ?1",
        )?
        .execute(params![old, new, fresh && !known])?;
    transaction.prepare_cached("DELETE FROM message WHERE id = ?1")?.execute([old])?;
    let mut find = transaction.prepare_cached("SELECT DISTINCT mailbox FROM entry WHERE position = ?1")?;
    let found = find.query_map([after.0], |row| row.get(0).map(MailboxId))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Messages whose place others have taken and whose words may still be in the index.
pub(crate) fn formers(conn: &Connection, limit: usize) -> Result<Vec<MessageId>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement =
        conn.prepare_cached("SELECT former FROM main.alias WHERE former <> 0 ORDER BY former LIMIT ?1")?;
    Ok(statement.query_map([limit], |row| row.get(0).map(MessageId))?.collect::<Result<_, _>>()?)
}

/// The words of such a message are gone.
pub(crate) fn forget_former(transaction: &Transaction<'_>, former: MessageId) -> Result<(), StoreError> {
    transaction
        .prepare_cached("UPDATE alias SET former = 0 WHERE former <> 0 AND former = ?1")?
        .execute([former.0])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::WANTED;

    #[test]
    fn to_look_for_what_is_wanted_costs_nothing_when_nothing_is() {
        let folder = tempfile::tempdir().unwrap();
        let store = crate::Store::open(folder.path()).unwrap();
        let plan = format!("EXPLAIN QUERY PLAN {WANTED}");
        let conn = &store.view().conn;
        let mut statement = conn.prepare(&plan).unwrap();
        let steps = statement.query_map([1, 1], |row| row.get::<_, String>(3)).unwrap();
        let scans: Vec<_> = steps.map(Result::unwrap).filter(|step| step.starts_with("SCAN")).collect();
        assert_eq!(scans, ["SCAN wanted"]);
    }
}
