//! The screen is the operations folded over the entries.

use crate::apply::system_bits;
use crate::operation::collect;
use crate::{Intent, MailboxId, Operation, StoreError};
use restante_core::mail::Flags;
use rusqlite::{OptionalExtension, Transaction, params};
use std::collections::BTreeMap;

/// Folds again everything in a mailbox that has waiting operations, after its entries changed.
pub(crate) fn refold_mailbox(transaction: &Transaction<'_>, mailbox: MailboxId) -> Result<(), StoreError> {
    transaction.prepare_cached("DELETE FROM fold WHERE mailbox = ?1")?.execute([mailbox.0])?;
    let uids: Vec<u32> = transaction
        .prepare_cached(
            "SELECT DISTINCT uid FROM operation WHERE mailbox = ?1 AND uid <> 0 AND state IN ('waiting', 'asked')",
        )?
        .query_map([mailbox.0], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    uids.into_iter().try_for_each(|uid| refold(transaction, mailbox, uid))
}

/// Folds the waiting operations on one entry over it.
pub(crate) fn refold(transaction: &Transaction<'_>, mailbox: MailboxId, uid: u32) -> Result<(), StoreError> {
    transaction
        .prepare_cached("DELETE FROM fold WHERE mailbox = ?1 AND uid = ?2")?
        .execute(params![mailbox.0, uid])?;
    let entry = transaction
        .prepare_cached("SELECT position, flags, keywords FROM entry WHERE mailbox = ?1 AND uid = ?2")?
        .query_row(params![mailbox.0, uid], |row| {
            let flags = Flags::from_parts(row.get(1)?, row.get_ref(2)?.as_str()?);
            Ok((row.get::<_, i64>(0)?, flags))
        })
        .optional()?;
    let Some((message, flags)) = entry else { return Ok(()) };
    let of_entry = "WHERE mailbox = ?1 AND uid = ?2 AND state IN ('waiting', 'asked')";
    let operations = collect(transaction, of_entry, params![mailbox.0, uid])?;
    if operations.is_empty() {
        return Ok(());
    }
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
            // Not about an entry.
            Intent::Append { .. }
            | Intent::Create { .. }
            | Intent::Rename { .. }
            | Intent::Delete
            | Intent::Subscribe(_) => {}
        }
    }
    let (at, flags) = main.unwrap_or_default();
    copies.insert(at, flags);
    copies
}
