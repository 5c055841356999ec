//! What the person asked and the server has not confirmed, and the fold that shows it already.

use crate::apply::system_bits;
use crate::{Change, MailboxId, MessageId, OperationId, Store, StoreError, View};
use restante_core::mail::{Flags, Uid};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Something a person asked to be done to one message in one mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Set and clear flags. Flags not named are left alone.
    Flag {
        /// To be set.
        add: Flags,
        /// To be cleared.
        remove: Flags,
    },
    /// Move to another mailbox of the account.
    Move {
        /// Where to.
        to: MailboxId,
    },
    /// Copy to another mailbox of the account.
    Copy {
        /// Where to.
        to: MailboxId,
    },
    /// Remove for good.
    Remove,
}

/// An intent on its way to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its identity. Operations are to be carried out in ascending order.
    pub id: OperationId,
    /// The mailbox the message is in.
    pub mailbox: MailboxId,
    /// The message's UID there; `None` after the mailbox got new UIDs or went away, until the message is
    /// found again.
    pub uid: Option<Uid>,
    /// Which message.
    pub message: MessageId,
    /// What was asked.
    pub intent: Intent,
    /// When it was asked.
    pub created: i64,
    /// How often the server was asked.
    pub attempts: u32,
    /// The server refused it; it is kept to be shown, and no longer folded.
    pub refused: bool,
    /// The server's last words about it; empty before there were any.
    pub reply: String,
}

const COLUMNS: &str =
    "id, mailbox, uid, position, kind, payload, created, attempts, state = 'refused', reply";

impl View {
    /// The operations on a mailbox's messages, in order, refused ones included.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn operations(&self, mailbox: MailboxId) -> Result<Vec<Operation>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM operation WHERE mailbox = ?1 ORDER BY id");
        collect(&self.conn, &sql, mailbox)
    }
}

impl Store {
    /// Notes what a person asked for the message with `uid` in `mailbox`. What is shown changes at once.
    ///
    /// # Errors
    /// There is no such entry.
    pub fn request(
        &mut self,
        mailbox: MailboxId,
        uid: Uid,
        intent: &Intent,
        now: i64,
    ) -> Result<(OperationId, Vec<Change>), StoreError> {
        self.write_durably(|transaction| {
            let message: i64 = transaction
                .prepare_cached("SELECT position FROM entry WHERE mailbox = ?1 AND uid = ?2")?
                .query_row(params![mailbox.0, uid.get()], |row| row.get(0))
                .optional()?
                .ok_or(StoreError::Missing("message"))?;
            let (kind, payload) = write_intent(intent);
            transaction
                .prepare_cached(
                    "INSERT INTO operation
                         (mailbox, uid, position, kind, payload, created, attempts, state, reply)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 'waiting', '')",
                )?
                .execute(params![mailbox.0, uid.get(), message, kind, payload.to_string(), now])?;
            let id = OperationId(transaction.last_insert_rowid());
            refold(transaction, mailbox, uid.get())?;
            Ok((id, changes(mailbox, MessageId(message), intent)))
        })
    }

    /// Forgets an operation: the server confirmed it, or the person took it back. Entries are what the
    /// server says; a caller that has a confirmation applies its effect with [`Store::apply`] first.
    ///
    /// # Errors
    /// There is no such operation.
    pub fn forget_operation(&mut self, operation: OperationId) -> Result<Vec<Change>, StoreError> {
        self.settle(operation, |transaction| {
            transaction.execute("DELETE FROM operation WHERE id = ?1", [operation.0])
        })
    }

    /// Notes that the server refused an operation, in its words. It is no longer shown as done.
    ///
    /// # Errors
    /// There is no such operation.
    pub fn refuse_operation(
        &mut self,
        operation: OperationId,
        reply: &str,
    ) -> Result<Vec<Change>, StoreError> {
        self.settle(operation, |transaction| {
            transaction.execute(
                "UPDATE operation SET state = 'refused', attempts = attempts + 1, reply = ?2 WHERE id = ?1",
                params![operation.0, reply],
            )
        })
    }

    /// Notes that the server was asked in vain and may be asked again.
    ///
    /// # Errors
    /// There is no such operation.
    pub fn defer_operation(&mut self, operation: OperationId, reply: &str) -> Result<(), StoreError> {
        self.settle(operation, |transaction| {
            transaction.execute(
                "UPDATE operation SET attempts = attempts + 1, reply = ?2 WHERE id = ?1",
                params![operation.0, reply],
            )
        })?;
        Ok(())
    }

    fn settle(
        &mut self,
        operation: OperationId,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<usize>,
    ) -> Result<Vec<Change>, StoreError> {
        self.write(|transaction| {
            let sql = format!("SELECT {COLUMNS} FROM operation WHERE id = ?1");
            let before = transaction.prepare_cached(&sql)?.query_row([operation.0], read).optional()?;
            let before = before.ok_or(StoreError::Missing("operation"))??;
            work(transaction)?;
            if let Some(uid) = before.uid {
                refold(transaction, before.mailbox, uid.get())?;
            }
            Ok(changes(before.mailbox, before.message, &before.intent))
        })
    }
}

/// Points operations that lost their UID to the message's new one.
pub(crate) fn retarget(
    transaction: &Transaction<'_>,
    mailbox: MailboxId,
    uid: Uid,
    message: MessageId,
) -> Result<(), StoreError> {
    transaction
        .prepare_cached("UPDATE operation SET uid = ?2 WHERE mailbox = ?1 AND uid = 0 AND position = ?3")?
        .execute(params![mailbox.0, uid.get(), message.0])?;
    Ok(())
}

/// Forgets an operation that has nothing left to do where its message is now: it was to be brought there.
pub(crate) fn settle_carried(transaction: &Transaction<'_>, operation: i64) -> Result<(), StoreError> {
    transaction
        .prepare_cached(
            "DELETE FROM operation
             WHERE id = ?1 AND kind IN ('move', 'copy') AND json_extract(payload, '$.to') = mailbox",
        )?
        .execute([operation])?;
    Ok(())
}

/// Folds again everything in a mailbox that has waiting operations, after its entries changed.
pub(crate) fn refold_mailbox(transaction: &Transaction<'_>, mailbox: MailboxId) -> Result<(), StoreError> {
    transaction.prepare_cached("DELETE FROM fold WHERE mailbox = ?1")?.execute([mailbox.0])?;
    let uids: Vec<u32> = transaction
        .prepare_cached("SELECT DISTINCT uid FROM operation WHERE mailbox = ?1 AND uid <> 0")?
        .query_map([mailbox.0], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    uids.into_iter().try_for_each(|uid| refold(transaction, mailbox, uid))
}

/// Folds the waiting operations on one entry over it.
fn refold(transaction: &Transaction<'_>, mailbox: MailboxId, uid: u32) -> Result<(), StoreError> {
    transaction
        .prepare_cached("DELETE FROM fold WHERE mailbox = ?1 AND uid = ?2")?
        .execute(params![mailbox.0, uid])?;
    let sql = format!(
        "SELECT {COLUMNS} FROM operation
         WHERE mailbox = ?1 AND uid = {uid} AND state = 'waiting' ORDER BY id"
    );
    let operations = collect(transaction, &sql, mailbox)?;
    let entry = transaction
        .prepare_cached("SELECT position, flags, keywords FROM entry WHERE mailbox = ?1 AND uid = ?2")?
        .query_row(params![mailbox.0, uid], |row| {
            let flags = Flags::from_parts(row.get(1)?, row.get_ref(2)?.as_str()?);
            Ok((row.get::<_, i64>(0)?, flags))
        })
        .optional()?;
    let Some((message, flags)) = entry.filter(|_| !operations.is_empty()) else { return Ok(()) };
    for (shown, flags) in fold(mailbox, flags, &operations) {
        transaction
            .prepare_cached(
                "INSERT INTO fold (mailbox, uid, shown, position, flags, keywords)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                mailbox.0,
                uid,
                shown,
                message,
                system_bits(&flags),
                flags.keywords().join(" ")
            ])?;
    }
    Ok(())
}

/// Where an entry is shown, and with which flags. Mailbox 0, "nowhere", keeps the row that hides the
/// entry itself. Operations after a move go with the message.
fn fold(mailbox: MailboxId, flags: Flags, operations: &[Operation]) -> BTreeMap<i64, Flags> {
    let mut main = Some((mailbox.0, flags));
    let mut copies = BTreeMap::new();
    for operation in operations {
        let Some((at, flags)) = &mut main else { break };
        match &operation.intent {
            Intent::Flag { add, remove } => {
                add.names().for_each(|name| flags.insert(name));
                remove.names().for_each(|name| flags.remove(name));
            }
            Intent::Move { to } => *at = to.0,
            Intent::Copy { to } => {
                copies.insert(to.0, flags.clone());
            }
            Intent::Remove => main = None,
        }
    }
    let (at, flags) = main.unwrap_or_default();
    copies.insert(at, flags);
    copies
}

fn changes(mailbox: MailboxId, message: MessageId, intent: &Intent) -> Vec<Change> {
    match intent {
        Intent::Flag { .. } => vec![Change::Flags(mailbox, message)],
        Intent::Move { to } => vec![Change::Disappeared(mailbox, message), Change::Appeared(*to, message)],
        Intent::Copy { to } => vec![Change::Appeared(*to, message)],
        Intent::Remove => vec![Change::Disappeared(mailbox, message)],
    }
}

fn collect(conn: &Connection, sql: &str, mailbox: MailboxId) -> Result<Vec<Operation>, StoreError> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([mailbox.0])?;
    let mut operations = Vec::new();
    while let Some(row) = rows.next()? {
        operations.push(read(row)??);
    }
    Ok(operations)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Result<Operation, StoreError>> {
    let (kind, payload): (String, String) = (row.get(4)?, row.get(5)?);
    let Some(intent) = read_intent(&kind, &payload) else {
        return Ok(Err(StoreError::Damaged(format!("the operation {kind} {payload}"))));
    };
    Ok(Ok(Operation {
        id: OperationId(row.get(0)?),
        mailbox: MailboxId(row.get(1)?),
        uid: Uid::new(row.get(2)?),
        message: MessageId(row.get(3)?),
        intent,
        created: row.get(6)?,
        attempts: row.get(7)?,
        refused: row.get(8)?,
        reply: row.get(9)?,
    }))
}

fn write_intent(intent: &Intent) -> (&'static str, Value) {
    let names = |flags: &Flags| flags.names().map(str::to_owned).collect::<Vec<_>>();
    match intent {
        Intent::Flag { add, remove } => ("flag", json!({"add": names(add), "remove": names(remove)})),
        Intent::Move { to } => ("move", json!({"to": to.0})),
        Intent::Copy { to } => ("copy", json!({"to": to.0})),
        Intent::Remove => ("remove", json!({})),
    }
}

fn read_intent(kind: &str, payload: &str) -> Option<Intent> {
    let payload: Value = serde_json::from_str(payload).ok()?;
    let flags = |field: &str| -> Option<Flags> {
        Some(payload.get(field)?.as_array()?.iter().filter_map(Value::as_str).collect())
    };
    let to = || payload.get("to").and_then(Value::as_i64).map(MailboxId);
    match kind {
        "flag" => Some(Intent::Flag { add: flags("add")?, remove: flags("remove")? }),
        "move" => Some(Intent::Move { to: to()? }),
        "copy" => Some(Intent::Copy { to: to()? }),
        "remove" => Some(Intent::Remove),
        _ => None,
    }
}
