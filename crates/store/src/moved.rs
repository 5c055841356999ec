//! What changes its place: an account that moves to another server, a mailbox that gets another name or
//! goes away, and how messages and intents are found again.

use crate::content::serial_of;
use crate::fold::refold_mailbox;
use crate::local::has_no_server;
use crate::mailbox::account_of;
use crate::operation::{collect, settle_carried};
use crate::{AccountId, Change, MailboxId, MessageId, Operation, OperationState, Store, StoreError, View};
use restante_core::mail::{Mailbox, MailboxName};
use restante_core::sync::recognise::Known;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use std::collections::BTreeSet;

impl View {
    /// Everything an account holds, place by place, and what was removed and still rests: what a message
    /// is to be recognised among.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn known(&self, account: AccountId) -> Result<Vec<Known<MessageId>>, StoreError> {
        let serial = serial_of("place.position");
        let sql = format!(
            "SELECT place.position, message.message_id, message.size, message.date, place.internal_date,
                 place.email_id
             FROM (SELECT mailbox, position, internal_date, email_id FROM entry
                   UNION ALL SELECT mailbox, position, NULL, '' FROM tombstone) AS place
             JOIN message ON message.id = {serial}
             WHERE place.mailbox IN (SELECT id FROM mailbox WHERE account = ?1)"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let read = |row: &Row<'_>| {
            Ok(Known {
                message: MessageId(row.get(0)?),
                message_id: row.get(1)?,
                size: row.get(2)?,
                date: row.get(3)?,
                internal_date: row.get(4)?,
                email_id: row.get(5)?,
            })
        };
        Ok(statement.query_map([account.0], read)?.collect::<Result<_, _>>()?)
    }

    /// Whether an account holds messages that have no place on the server as far as is known: removed
    /// ones that rest, and those of mailboxes that moved. One of them may be what a mailbox seems to have
    /// new.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn has_strays(&self, account: AccountId) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM mailbox WHERE account = ?1 AND (moved <> 0 AND total > 0
                 OR EXISTS (SELECT 1 FROM tombstone WHERE tombstone.mailbox = mailbox.id)))",
        )?;
        Ok(statement.query_row([account.0], |row| row.get(0))?)
    }
}

impl Store {
    /// Notes which IMAP service, and as which user, an account's mail is read from. When that is another one than before, the
    /// UIDs of everything held mean nothing any more, and `true` is returned: each mailbox is marked as
    /// moved until its next reset. Nothing is forgotten.
    ///
    /// # Errors
    /// The database cannot be written; [`StoreError::Exists`] when the account is a local one.
    pub fn set_server(&mut self, account: AccountId, place: &str) -> Result<bool, StoreError> {
        let place = place.trim_end_matches('.').to_ascii_lowercase();
        let mut find = self.conn.prepare_cached("SELECT server FROM account WHERE id = ?1")?;
        let before: String = find
            .query_row([account.0], |row| row.get(0))
            .optional()?
            .ok_or(StoreError::Missing("account"))?;
        drop(find);
        if has_no_server(&before) {
            // A list of mailboxes that lacks the local ones would put their mail away.
            return Err(StoreError::Exists("local account"));
        }
        if before == place {
            return Ok(false);
        }
        let moved = !before.is_empty();
        self.write_durably(|transaction| {
            transaction.execute("UPDATE account SET server = ?2 WHERE id = ?1", params![account.0, place])?;
            if moved {
                transaction.execute(
                    "UPDATE mailbox SET moved = uid_validity <> 0 WHERE account = ?1",
                    [account.0],
                )?;
            }
            Ok(moved)
        })
    }

    /// Gives a mailbox the name and properties it has on the server now. It keeps everything; that its
    /// UIDs are those of the former name is marked until its next reset. What rests in a mailbox that had
    /// the new name before rests here then.
    ///
    /// # Errors
    /// There is no such mailbox, or another one on the server has that name.
    pub fn rename_mailbox(&mut self, mailbox: MailboxId, to: &Mailbox) -> Result<Vec<Change>, StoreError> {
        self.rename(mailbox, to, true)
    }

    /// As [`rename_mailbox`](Self::rename_mailbox), of a mailbox that the server itself knows to be the same
    /// (MAILBOXID, RFC 8474): its UIDs stay what they are.
    ///
    /// # Errors
    /// There is no such mailbox, or another one on the server has that name.
    pub fn rename_same(&mut self, mailbox: MailboxId, to: &Mailbox) -> Result<Vec<Change>, StoreError> {
        self.rename(mailbox, to, false)
    }

    fn rename(&mut self, mailbox: MailboxId, to: &Mailbox, moved: bool) -> Result<Vec<Change>, StoreError> {
        self.write(|transaction| {
            let account = account_of(transaction, mailbox)?;
            absorb_resting(transaction, account, to.name.as_str(), mailbox)?;
            transaction.execute(
                "UPDATE mailbox SET name = ?2, delimiter = ?3, special_use = ?4, selectable = ?5,
                     moved = moved OR (?6 AND uid_validity <> 0)
                 WHERE id = ?1",
                params![
                    mailbox.0,
                    to.name.as_str(),
                    to.delimiter.map(String::from).unwrap_or_default(),
                    to.special_use.map(|special| special.attribute()).unwrap_or_default(),
                    to.selectable,
                    moved
                ],
            )?;
            Ok(vec![Change::Mailboxes(account)])
        })
    }

    /// Puts a mailbox away that the server lists no more: its entries leave tombstones, and what was asked
    /// for its messages waits to be [carried](Self::carry_operations). What was to bring messages there is
    /// refused, and returned: they are shown where they are. The row goes with the last tombstone, and is
    /// taken up again when the mailbox is listed before.
    ///
    /// # Errors
    /// There is no such mailbox.
    pub fn retire_mailbox(&mut self, mailbox: MailboxId, now: i64) -> Result<Vec<Operation>, StoreError> {
        self.write(|transaction| retire(transaction, mailbox, now))
    }

    /// How many messages of a mailbox are in no other mailbox of its account.
    ///
    /// # Errors
    /// There is no such mailbox.
    pub fn only_in(&self, mailbox: MailboxId) -> Result<u64, StoreError> {
        let account = account_of(&self.conn, mailbox)?;
        let mut statement = self.conn.prepare_cached(
            "SELECT count(*) FROM entry WHERE mailbox = ?1 AND NOT EXISTS (
                 SELECT 1 FROM entry other JOIN mailbox ON mailbox.id = other.mailbox
                 WHERE other.position = entry.position AND other.mailbox <> ?1 AND mailbox.account = ?2)",
        )?;
        Ok(statement.query_row([mailbox.0, account.0], |row| row.get(0))?)
    }

    /// Brings what was asked for messages that lost their UID to where those messages are now, when that
    /// is one place; returns how many were carried. To remove a message for good is not carried: it was
    /// asked of one mailbox. What was asked to be moved or copied to where the message is now is done.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn carry_operations(&mut self, account: AccountId) -> Result<u64, StoreError> {
        self.write(|transaction| {
            let mut find = transaction.prepare_cached(
                "SELECT operation.id, operation.mailbox, min(entry.mailbox), min(entry.uid)
                 FROM operation JOIN entry ON entry.position = operation.position
                 JOIN mailbox ON mailbox.id = entry.mailbox
                 WHERE operation.uid = 0 AND operation.kind NOT IN ('remove', 'append') AND mailbox.account = ?1
                     AND operation.mailbox IN (SELECT id FROM mailbox WHERE account = ?1)
                 GROUP BY operation.id HAVING count(*) = 1 ORDER BY operation.id",
            )?;
            let carried: Vec<(i64, i64, i64, u32)> = find
                .query_map([account.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
                .collect::<Result<_, _>>()?;
            for (operation, from, to, uid) in &carried {
                transaction
                    .prepare_cached("UPDATE operation SET mailbox = ?2, uid = ?3,
                             state = CASE state WHEN 'superseded' THEN 'waiting' ELSE state END
                         WHERE id = ?1")?
                    .execute(params![operation, to, uid])?;
                settle_carried(transaction, *operation)?;
                refold_mailbox(transaction, MailboxId(*from))?;
                refold_mailbox(transaction, MailboxId(*to))?;
            }
            Ok(carried.len() as u64)
        })
    }
}

/// Has what rests in a mailbox that had a name before rest in the one that gets it.
pub(crate) fn absorb_resting(
    transaction: &Transaction<'_>,
    account: AccountId,
    name: &str,
    mailbox: MailboxId,
) -> Result<(), StoreError> {
    let resting: Option<i64> = transaction
        .prepare_cached("SELECT id FROM mailbox WHERE account = ?1 AND name = ?2 AND gone <> 0 AND id <> ?3")?
        .query_row(params![account.0, name, mailbox.0], |row| row.get(0))
        .optional()?;
    if let Some(resting) = resting {
        let pair = params![resting, mailbox.0];
        transaction.execute("UPDATE OR REPLACE tombstone SET mailbox = ?2 WHERE mailbox = ?1", pair)?;
        transaction.execute("UPDATE operation SET mailbox = ?2, uid = 0 WHERE mailbox = ?1", pair)?;
        transaction.execute("DELETE FROM mailbox WHERE id = ?1", [resting])?;
    }
    Ok(())
}

/// Puts a mailbox away: see [`Store::retire_mailbox`].
pub(crate) fn retire(
    transaction: &Transaction<'_>,
    mailbox: MailboxId,
    now: i64,
) -> Result<Vec<Operation>, StoreError> {
    let with_time = params![mailbox.0, now];
    transaction.execute(
        "INSERT OR REPLACE INTO tombstone (mailbox, uid, position, removed)
         SELECT mailbox, uid, position, ?2 FROM entry WHERE mailbox = ?1",
        with_time,
    )?;
    transaction.execute("DELETE FROM entry WHERE mailbox = ?1", [mailbox.0])?;
    transaction.execute("UPDATE operation SET uid = 0 WHERE mailbox = ?1", [mailbox.0])?;
    refold_mailbox(transaction, mailbox)?;
    let refused = refuse_homeless(transaction, mailbox)?;
    transaction.execute(
        "UPDATE mailbox SET gone = max(?2, 1), moved = 0, total = 0, unseen = 0, uid_validity = 0,
             uid_next = 0, highest_mod_seq = 0
         WHERE id = ?1",
        with_time,
    )?;
    Ok(refused)
}

/// What is said of a message that was to go to a mailbox that is gone, and of that name where it is known.
#[must_use]
pub fn no_such_mailbox(name: Option<&MailboxName>) -> String {
    let which = name.map_or_else(|| "such mailbox".to_owned(), |name| format!("mailbox {name}"));
    format!("the server has no {which} any more")
}

/// Refuses what was to bring messages to a mailbox that is gone: they would be shown where they are not.
fn refuse_homeless(transaction: &Transaction<'_>, mailbox: MailboxId) -> Result<Vec<Operation>, StoreError> {
    let homeless = "WHERE kind IN ('move', 'copy') AND state IN ('waiting', 'asked')
         AND json_extract(payload, '$.to') = ?1";
    let mut refused = collect(transaction, homeless, [mailbox.0])?;
    if refused.is_empty() {
        return Ok(refused);
    }
    let name: String = transaction
        .prepare_cached("SELECT name FROM mailbox WHERE id = ?1")?
        .query_row([mailbox.0], |row| row.get(0))?;
    let reply = no_such_mailbox(Some(&MailboxName::new(name)));
    for operation in &mut refused {
        operation.state = OperationState::Refused;
        operation.reply.clone_from(&reply);
        transaction
            .prepare_cached("UPDATE operation SET state = 'refused', reply = ?2 WHERE id = ?1")?
            .execute(params![operation.id.0, reply])?;
    }
    let from: BTreeSet<MailboxId> = refused.iter().map(|operation| operation.mailbox).collect();
    from.into_iter().try_for_each(|mailbox| refold_mailbox(transaction, mailbox))?;
    Ok(refused)
}
