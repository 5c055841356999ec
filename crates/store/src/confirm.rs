//! What becomes of an operation when the server has been asked.

use crate::apply::apply_within;
use crate::fold::{refold, refold_mailbox};
use crate::mailbox::account_of;
use crate::moved::retire;
use crate::operation::{changes, collect, find, write_intent};
use crate::partial;
use crate::{
    AccountId, Applied, Change, Intent, MailboxId, NewEntry, Operation, OperationId, OperationState, Store,
    StoreError,
};
use restante_core::mail::{Flags, MailboxName, Uid, UidValidity};
use restante_core::sync::Delta;
use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// An operation that the server has carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// Which.
    pub operation: OperationId,
    /// Where a message that was moved, copied or added is now, when the server said so (RFC 4315).
    pub at: Option<(MailboxId, Uid)>,
}

/// What a move left that was copied to its target and could not be removed from where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftCopy {
    /// The copy's UID in the target.
    pub uid: Uid,
    /// The UIDVALIDITY of the target that this UID belongs to.
    pub uid_validity: UidValidity,
    /// The message was marked `\\Deleted` for the move, where it was not before.
    pub marked: bool,
}

impl Store {
    /// Notes durably that the server is about to be asked: from now on an operation may be done though no
    /// answer came. Operations that stand together are carried out as one outcome: they are begun together or
    /// not at all. With them goes the target's UIDNEXT, kept from the first time; 0 where nothing is added to
    /// a mailbox. What was begun is returned.
    ///
    /// # Errors
    /// The database cannot be written. Where one was taken back meanwhile, none of those it stands together
    /// with is returned, and none may be carried out.
    pub fn begin_operations(
        &mut self,
        together: &[(Vec<OperationId>, u32)],
    ) -> Result<Vec<OperationId>, StoreError> {
        self.write_durably(|transaction| {
            let mut there = transaction
                .prepare_cached("SELECT 1 FROM operation WHERE id = ?1 AND state IN ('waiting', 'asked')")?;
            let mut begin = transaction.prepare_cached(
                "UPDATE operation SET state = 'asked', attempts = attempts + 1,
                     since = CASE since WHEN 0 THEN ?2 ELSE since END
                 WHERE id = ?1",
            )?;
            let mut begun = Vec::new();
            for (operations, since) in together {
                let mut all = true;
                for operation in operations {
                    all &= there.exists([operation.0])?;
                }
                if all {
                    for operation in operations {
                        begin.execute(params![operation.0, since])?;
                    }
                    begun.extend(operations);
                }
            }
            Ok(begun)
        })
    }

    /// Takes over what the server has done: the operations are forgotten, how to take them back is
    /// remembered, and what the server said of the entries is applied, in one transaction.
    ///
    /// # Errors
    /// Those of [`Store::apply`]; then nothing was altered.
    pub fn confirm(
        &mut self,
        confirmed: &[Confirmed],
        deltas: &[(MailboxId, Delta<NewEntry>)],
        now: i64,
    ) -> Result<Vec<Applied>, StoreError> {
        self.write_durably(|transaction| confirm_within(transaction, confirmed, deltas, now))
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
        self.settle(operation, OperationState::Refused, reply)
    }

    /// Notes that the server was asked in vain and may be asked again.
    ///
    /// # Errors
    /// There is no such operation.
    pub fn defer_operation(&mut self, operation: OperationId, reply: &str) -> Result<(), StoreError> {
        self.settle(operation, OperationState::Waiting, reply).map(|_| ())
    }

    /// As [`Self::defer_operation`], of a move that left a copy: should it be taken back, the copy goes.
    ///
    /// # Errors
    /// There is no such operation.
    pub fn defer_copied(
        &mut self,
        operation: OperationId,
        copy: LeftCopy,
        reply: &str,
    ) -> Result<(), StoreError> {
        self.write_durably(|transaction| {
            let copied = json!({
                "uid": copy.uid.get(), "validity": copy.uid_validity.get(), "marked": copy.marked
            });
            let noted = transaction
                .prepare_cached(
                    "UPDATE operation SET state = 'waiting', reply = ?2,
                         payload = json_set(payload, '$.copied', json(?3))
                     WHERE id = ?1 AND kind = 'move'",
                )?
                .execute(params![operation.0, reply, copied.to_string()])?;
            if noted == 0 { Err(StoreError::Missing("operation")) } else { Ok(()) }
        })
    }

    fn settle(
        &mut self,
        operation: OperationId,
        state: OperationState,
        reply: &str,
    ) -> Result<Vec<Change>, StoreError> {
        self.write_durably(|transaction| {
            let before = find(transaction, operation)?.ok_or(StoreError::Missing("operation"))?;
            transaction
                .prepare_cached("UPDATE operation SET state = ?2, reply = ?3 WHERE id = ?1")?
                .execute(params![operation.0, state.as_str(), reply])?;
            if let Some(uid) = before.uid {
                refold(transaction, before.mailbox, uid.get())?;
            }
            Ok(changes(before.mailbox, before.message, &before.intent))
        })
    }

    /// Judges what was asked for messages that are nowhere in the account any more; for the time after
    /// every mailbox was brought up to date. To remove one is done; anything else is superseded, and
    /// returned.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn supersede(&mut self, account: AccountId) -> Result<Vec<Operation>, StoreError> {
        self.write(|transaction| {
            let homeless =
                "WHERE uid = 0 AND position <> 0 AND kind <> 'append' AND state IN ('waiting', 'asked')
                 AND mailbox IN (SELECT id FROM mailbox WHERE account = ?1)
                 AND (kind = 'remove' OR NOT EXISTS (
                     SELECT 1 FROM entry JOIN mailbox AS home ON home.id = entry.mailbox
                     WHERE entry.position = operation.position AND home.account = ?1))";
            let mut refused = collect(transaction, homeless, [account.0])?;
            for operation in &mut refused {
                if operation.intent == Intent::Remove {
                    transaction
                        .prepare_cached("DELETE FROM operation WHERE id = ?1")?
                        .execute([operation.id.0])?;
                    continue;
                }
                operation.state = OperationState::Superseded;
                "another program removed the message".clone_into(&mut operation.reply);
                transaction
                    .prepare_cached("UPDATE operation SET state = 'superseded', reply = ?2 WHERE id = ?1")?
                    .execute(params![operation.id.0, operation.reply])?;
            }
            refused.retain(|operation| operation.state == OperationState::Superseded);
            Ok(refused)
        })
    }
}

/// The work of [`Store::confirm`] in a transaction that does more.
pub(crate) fn confirm_within(
    transaction: &Transaction<'_>,
    confirmed: &[Confirmed],
    deltas: &[(MailboxId, Delta<NewEntry>)],
    now: i64,
) -> Result<Vec<Applied>, StoreError> {
    let mut flags = BTreeMap::new();
    let mut mailboxes = BTreeSet::new();
    for confirmed in confirmed {
        // It may have been confirmed before.
        let Some(operation) = find(transaction, confirmed.operation)? else { continue };
        remember(transaction, &operation, confirmed.at, &mut flags, now)?;
        settle_mailbox(transaction, &operation, now)?;
        transaction.prepare_cached("DELETE FROM operation WHERE id = ?1")?.execute([operation.id.0])?;
        mailboxes.insert(operation.mailbox);
    }
    let applied = deltas
        .iter()
        .map(|(mailbox, delta)| apply_within(transaction, *mailbox, delta, now))
        .collect::<Result<_, _>>()?;
    mailboxes.into_iter().try_for_each(|mailbox| refold_mailbox(transaction, mailbox))?;
    Ok(applied)
}

/// Writes down what takes an operation back. `flags` holds those of entries that earlier operations of the
/// same confirmation changed.
fn remember(
    transaction: &Transaction<'_>,
    operation: &Operation,
    at: Option<(MailboxId, Uid)>,
    flags: &mut BTreeMap<(MailboxId, Uid), Flags>,
    now: i64,
) -> Result<(), StoreError> {
    let here = (operation.mailbox, operation.uid);
    let entry = match here.1 {
        Some(uid) => entry(transaction, here.0, uid)?,
        None => None,
    };
    let (place, inverse) = match &operation.intent {
        Intent::Flag { add, remove } => {
            let (Some((before, _)), Some(uid)) = (entry, here.1) else { return Ok(()) };
            let flags = flags.entry((here.0, uid)).or_insert(before);
            let added: Flags = add.names().filter(|name| !flags.contains(name)).collect();
            let removed: Flags = remove.names().filter(|name| flags.contains(name)).collect();
            added.names().for_each(|name| flags.insert(name));
            removed.names().for_each(|name| flags.remove(name));
            (here, Some(Intent::Flag { add: removed, remove: added }))
        }
        Intent::Move { to } => {
            let place = at.map_or((*to, None), |(mailbox, uid)| (mailbox, Some(uid)));
            (place, Some(Intent::Move { to: here.0 }))
        }
        Intent::Copy { .. } => {
            let place = at.map_or(here, |(mailbox, uid)| (mailbox, Some(uid)));
            (place, at.map(|_| Intent::Remove))
        }
        Intent::Remove => {
            // Of a message whose beginning alone is here nothing can be added again.
            let whole = match operation.message {
                Some(message) => partial::held(transaction, message)?.is_none(),
                None => false,
            };
            let inverse = operation.message.filter(|_| whole).zip(entry).zip(here.1).map(
                |((message, (before, date)), uid)| {
                    let flags = flags.get(&(here.0, uid)).cloned().unwrap_or(before);
                    Intent::Append { message, flags, internal_date: date }
                },
            );
            ((here.0, None), inverse)
        }
        Intent::Append { .. } => ((here.0, at.map(|(_, uid)| uid)), at.map(|_| Intent::Remove)),
        Intent::Create { .. } => (here, Some(Intent::Delete)),
        Intent::Rename { .. } => {
            let name: String = transaction
                .prepare_cached("SELECT name FROM mailbox WHERE id = ?1")?
                .query_row([here.0.0], |row| row.get(0))?;
            (here, Some(Intent::Rename { to: MailboxName::new(name) }))
        }
        Intent::Delete => (here, None),
        Intent::Subscribe(subscribe) => (here, Some(Intent::Subscribe(!subscribe))),
    };
    let (kind, payload) = inverse.as_ref().map_or(("none", "{}".to_owned()), |inverse| {
        let (kind, payload) = write_intent(inverse);
        (kind, payload.to_string())
    });
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO done (id, request, mailbox, uid, position, kind, payload, confirmed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            operation.id.0,
            operation.request.0,
            place.0.0,
            place.1.map_or(0, Uid::get),
            operation.message.map_or(0, |message| message.0),
            kind,
            payload,
            now
        ])?;
    Ok(())
}

/// An entry's flags and INTERNALDATE.
fn entry(
    transaction: &Transaction<'_>,
    mailbox: MailboxId,
    uid: Uid,
) -> Result<Option<(Flags, i64)>, StoreError> {
    let mut find = transaction
        .prepare_cached("SELECT flags, keywords, internal_date FROM entry WHERE mailbox = ?1 AND uid = ?2")?;
    let found = find.query_row(params![mailbox.0, uid.get()], |row| {
        Ok((Flags::from_parts(row.get(0)?, row.get_ref(1)?.as_str()?), row.get(2)?))
    });
    Ok(found.optional()?)
}

/// What an operation on a mailbox makes of the mailbox.
fn settle_mailbox(transaction: &Transaction<'_>, operation: &Operation, now: i64) -> Result<(), StoreError> {
    let mailbox = operation.mailbox;
    match &operation.intent {
        Intent::Create { .. } => {
            transaction.execute("UPDATE mailbox SET pending = 0 WHERE id = ?1", [mailbox.0])?;
        }
        Intent::Rename { to } => {
            let account = account_of(transaction, mailbox)?;
            // The next list says it too when another row has the name: then it was there before.
            transaction.execute(
                "UPDATE OR IGNORE mailbox SET name = ?2 WHERE id = ?1 AND account = ?3",
                params![mailbox.0, to.as_str(), account.0],
            )?;
        }
        Intent::Delete => {
            retire(transaction, mailbox, now)?;
        }
        _ => {}
    }
    Ok(())
}
