//! Accounts without a server: their mail is here alone.
//!
//! What a person asks of such mail is confirmed in the transaction that takes it down, by the code that takes over
//! what a server says. So nothing waits, and undo works as everywhere.

use crate::apply::apply_within;
use crate::confirm::confirm_within;
use crate::content::find_digest;
use crate::mailbox::{account_of, put};
use crate::moved::absorb_resting;
use crate::operation::find;
use crate::{
    AccountId, Applied, Body, Change, Confirmed, Content, Digest, Intent, MailboxId, MessageId, NewEntry,
    Operation, OperationId, Store, StoreError, View,
};
use restante_core::mail::{Flags, Mailbox, MailboxName, SyncState, Uid, UidSet, UidValidity};
use restante_core::message::Summary;
use restante_core::sync::{Delta, FlagChange};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::BTreeSet;

/// What `account.server` says of an account without one. No host is called so.
const LOCAL: &str = "local:";
/// What stands between the levels of a local mailbox's name.
const DELIMITER: char = '/';

/// A message to be put into a mailbox of a local account.
#[derive(Clone, Debug)]
pub struct Deposit {
    /// With these flags.
    pub flags: Flags,
    /// INTERNALDATE in seconds since 1970 UTC.
    pub internal_date: i64,
    /// What its header says.
    pub summary: Box<Summary>,
    /// Where its content was put, by [`ContentWriter::finish`](crate::ContentWriter::finish).
    pub content: Content,
}

/// What [`Store::deposit`] came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deposited {
    /// Messages the mailbox did not have.
    pub new: u64,
    /// Messages it had.
    pub held: u64,
    /// What was altered.
    pub changes: Vec<Change>,
}

impl View {
    /// Whether an account has no server. False when there is no such account.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn is_local(&self, account: AccountId) -> Result<bool, StoreError> {
        is_local(&self.conn, account)
    }
}

impl Store {
    /// The local account of that name, made when it is not there.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when an account of that name has mail of a server.
    pub fn local_account(&mut self, name: &str) -> Result<AccountId, StoreError> {
        let id = self.account(name)?;
        self.write_durably(|transaction| {
            let known: bool = transaction.query_row(
                "SELECT server NOT IN ('', ?2) OR server = '' AND EXISTS (SELECT 1 FROM mailbox WHERE account = ?1)
                 FROM account WHERE id = ?1",
                params![id.0, LOCAL],
                |row| row.get(0),
            )?;
            if known {
                return Err(StoreError::Exists("account with a server"));
            }
            transaction.execute("UPDATE account SET server = ?2 WHERE id = ?1", params![id.0, LOCAL])?;
            Ok(id)
        })
    }

    /// The mailbox of that name in a local account, made when it is not there; `/` stands between levels.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such account, or it has a server.
    pub fn local_mailbox(
        &mut self,
        account: AccountId,
        name: &MailboxName,
        now: i64,
    ) -> Result<MailboxId, StoreError> {
        self.write_durably(|transaction| {
            if !is_local(transaction, account)? {
                return Err(StoreError::Missing("local account"));
            }
            let find = "SELECT id FROM mailbox WHERE account = ?1 AND name = ?2 AND gone = 0";
            let known = transaction
                .query_row(find, params![account.0, name.as_str()], |row| row.get(0).map(MailboxId))
                .optional()?;
            if let Some(known) = known {
                return Ok(known);
            }
            let mailbox = Mailbox {
                name: name.clone(),
                delimiter: Some(DELIMITER),
                special_use: None,
                selectable: true,
            };
            put(transaction, account, &mailbox)?;
            let id = transaction
                .query_row(find, params![account.0, name.as_str()], |row| row.get(0).map(MailboxId))?;
            begin(transaction, id, now)?;
            Ok(id)
        })
    }

    /// Puts messages into a mailbox of a local account, durably. One whose content is in the mailbox already is
    /// passed over, flags and all: the same deposit again alters nothing.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the mailbox is not a local account's; [`StoreError::Unsynced`] when a content
    /// was not synced. Then, as after any other error, nothing was altered.
    pub fn deposit(
        &mut self,
        mailbox: MailboxId,
        deposits: &[Deposit],
        now: i64,
    ) -> Result<Deposited, StoreError> {
        if !deposits.iter().all(|deposit| self.packs.is_synced(&deposit.content.at)) {
            return Err(StoreError::Unsynced);
        }
        self.write_durably(|transaction| {
            let account = account_of(transaction, mailbox)?;
            if !is_local(transaction, account)? {
                return Err(StoreError::Missing("mailbox of a local account"));
            }
            let mut next = Next::of(transaction, mailbox)?;
            let mut seen = BTreeSet::new();
            let mut deposited = Deposited::default();
            let mut new = Vec::new();
            for deposit in deposits {
                let digest = deposit.content.digest();
                if !seen.insert(digest) || is_in(transaction, mailbox, &digest)? {
                    deposited.held += 1;
                    continue;
                }
                let summary = deposit.summary.clone();
                new.push(NewEntry {
                    uid: next.take()?,
                    flags: deposit.flags.clone(),
                    mod_seq: None,
                    internal_date: deposit.internal_date,
                    email_id: String::new(),
                    body: Body::Fetched { summary, content: deposit.content },
                });
            }
            deposited.new = new.len() as u64;
            let delta = Delta { new, state: Some(next.state()), ..Delta::default() };
            deposited.changes = apply_within(transaction, mailbox, &delta, now)?.changes;
            Ok(deposited)
        })
    }
}

fn is_local(conn: &Connection, account: AccountId) -> Result<bool, StoreError> {
    let found = conn
        .prepare_cached("SELECT server = ?2 FROM account WHERE id = ?1")?
        .query_row(params![account.0, LOCAL], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or(false))
}

/// Whether what an account's server says is to be believed: a local one has none.
pub(crate) fn has_no_server(server: &str) -> bool {
    server == LOCAL
}

/// Whether a mailbox holds a message of this content.
fn is_in(transaction: &Transaction<'_>, mailbox: MailboxId, digest: &Digest) -> Result<bool, StoreError> {
    let Some((message, _)) = find_digest(transaction, digest)? else { return Ok(false) };
    let mut find = transaction.prepare_cached("SELECT 1 FROM entry WHERE mailbox = ?1 AND position = ?2")?;
    Ok(find.exists(params![mailbox.0, message.0])?)
}

/// The UIDs that a local mailbox gives out.
struct Next {
    uid_validity: UidValidity,
    uid_next: u32,
}

impl Next {
    fn of(transaction: &Transaction<'_>, mailbox: MailboxId) -> Result<Self, StoreError> {
        let (validity, uid_next): (u32, u32) = transaction
            .prepare_cached("SELECT uid_validity, uid_next FROM mailbox WHERE id = ?1 AND gone = 0")?
            .query_row([mailbox.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
            .ok_or(StoreError::Missing("mailbox"))?;
        let uid_validity = UidValidity::new(validity).ok_or(StoreError::Missing("mailbox"))?;
        Ok(Self { uid_validity, uid_next: uid_next.max(1) })
    }

    fn take(&mut self) -> Result<Uid, StoreError> {
        let uid = Uid::new(self.uid_next).ok_or(StoreError::Exhausted)?;
        self.uid_next = self.uid_next.checked_add(1).ok_or(StoreError::Exhausted)?;
        Ok(uid)
    }

    fn state(&self) -> SyncState {
        SyncState { uid_validity: self.uid_validity, uid_next: self.uid_next, highest_mod_seq: None }
    }
}

/// Gives a new local mailbox its UIDVALIDITY: the time, as servers do.
fn begin(transaction: &Transaction<'_>, mailbox: MailboxId, now: i64) -> Result<(), StoreError> {
    let validity = u32::try_from(now).unwrap_or(u32::MAX).max(1);
    transaction
        .prepare_cached(
            "UPDATE mailbox SET uid_validity = ?2, uid_next = max(uid_next, 1), pending = 0
             WHERE id = ?1 AND uid_validity = 0",
        )?
        .execute(params![mailbox.0, validity])?;
    Ok(())
}

/// Carries out at once those of the operations that are about local accounts, in order. Gives what changed.
pub(crate) fn carry_out(
    transaction: &Transaction<'_>,
    operations: &[OperationId],
    now: i64,
) -> Result<Vec<Change>, StoreError> {
    let mut changes = Vec::new();
    for id in operations {
        let Some(operation) = find(transaction, *id)? else { continue };
        let account = account_of(transaction, operation.mailbox)?;
        if is_local(transaction, account)? {
            let operation = follow(transaction, account, operation)?;
            for applied in carry_out_one(transaction, account, &operation, now)? {
                changes.extend(applied.changes);
            }
        }
    }
    Ok(changes)
}

/// The operation where its message is: one before it in the same request may have moved that.
fn follow(
    transaction: &Transaction<'_>,
    account: AccountId,
    mut operation: Operation,
) -> Result<Operation, StoreError> {
    let Some(message) =
        operation.message.filter(|_| operation.intent.is_of_entry() && operation.uid.is_none())
    else {
        return Ok(operation);
    };
    let found = transaction
        .prepare_cached(
            "SELECT entry.mailbox, entry.uid FROM entry JOIN mailbox ON mailbox.id = entry.mailbox
             WHERE entry.position = ?1 AND mailbox.account = ?2 ORDER BY entry.uid DESC LIMIT 1",
        )?
        .query_row(params![message.0, account.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (mailbox, uid): (i64, u32) = found.ok_or(StoreError::Missing("message"))?;
    transaction
        .prepare_cached("UPDATE operation SET mailbox = ?2, uid = ?3 WHERE id = ?1")?
        .execute(params![operation.id.0, mailbox, uid])?;
    (operation.mailbox, operation.uid) = (MailboxId(mailbox), Uid::new(uid));
    Ok(operation)
}

fn carry_out_one(
    transaction: &Transaction<'_>,
    account: AccountId,
    operation: &Operation,
    now: i64,
) -> Result<Vec<Applied>, StoreError> {
    let here = operation.mailbox;
    let entry = operation.uid.map(|uid| entry(transaction, here, uid)).transpose()?;
    let mut at = None;
    let (mut deltas, mut below) = (Vec::new(), Vec::new());
    let mut arrive = |to: MailboxId, message: MessageId, flags: Flags, internal_date: i64| {
        if account_of(transaction, to)? != account {
            return Err(StoreError::Missing("mailbox in this account"));
        }
        let mut next = Next::of(transaction, to)?;
        let uid = next.take()?;
        at = Some((to, uid));
        let body = Body::Held(message);
        let new = NewEntry { uid, flags, mod_seq: None, internal_date, email_id: String::new(), body };
        Ok((to, Delta { new: vec![new], state: Some(next.state()), ..Delta::default() }))
    };
    match (&operation.intent, entry) {
        (Intent::Flag { add, remove }, Some((_, mut flags, _))) => {
            add.names().for_each(|name| flags.insert(name));
            remove.names().for_each(|name| flags.remove(name));
            let uid = operation.uid.ok_or(StoreError::Missing("message"))?;
            let flags = vec![FlagChange { uid, flags, mod_seq: None }];
            deltas.push((here, Delta { flags, ..Delta::default() }));
        }
        (Intent::Move { to }, Some((message, flags, date))) if *to != here => {
            deltas.push(arrive(*to, message, flags, date)?);
            deltas.push((here, without(operation.uid)));
        }
        // It is there.
        (Intent::Move { .. }, Some(_)) => at = operation.uid.map(|uid| (here, uid)),
        (Intent::Copy { to }, Some((message, flags, date))) => {
            deltas.push(arrive(*to, message, flags, date)?)
        }
        (Intent::Remove, Some(_)) => deltas.push((here, without(operation.uid))),
        (Intent::Append { message, flags, internal_date }, _) => {
            deltas.push(arrive(here, *message, flags.clone(), *internal_date)?);
        }
        (Intent::Rename { to }, _) => below = park_below(transaction, account, here, to)?,
        (Intent::Create { .. } | Intent::Delete | Intent::Subscribe(_), _) => {}
        (Intent::Flag { .. } | Intent::Move { .. } | Intent::Copy { .. } | Intent::Remove, None) => {
            return Err(StoreError::Missing("message"));
        }
    }
    let applied = confirm_within(transaction, &[Confirmed { operation: operation.id, at }], &deltas, now)?;
    for (mailbox, name) in below {
        transaction.execute("UPDATE mailbox SET name = ?2 WHERE id = ?1", params![mailbox.0, name])?;
    }
    if matches!(operation.intent, Intent::Create { .. }) {
        begin(transaction, here, now)?;
    }
    Ok(applied)
}

/// What is learned when one message goes.
fn without(uid: Option<Uid>) -> Delta<NewEntry> {
    let mut vanished = UidSet::new();
    uid.into_iter().for_each(|uid| vanished.insert(uid));
    Delta { vanished, ..Delta::default() }
}

/// An entry that must be there: its message, flags and INTERNALDATE.
fn entry(
    transaction: &Transaction<'_>,
    mailbox: MailboxId,
    uid: Uid,
) -> Result<(MessageId, Flags, i64), StoreError> {
    let mut find = transaction.prepare_cached(
        "SELECT position, flags, keywords, internal_date FROM entry WHERE mailbox = ?1 AND uid = ?2",
    )?;
    let found = find.query_row(params![mailbox.0, uid.get()], |row| {
        let flags = Flags::from_parts(row.get(1)?, row.get_ref(2)?.as_str()?);
        Ok((MessageId(row.get(0)?), flags, row.get(3)?))
    });
    found.optional()?.ok_or(StoreError::Missing("message"))
}

/// Sees that a new name is free, and takes the names of what is below the mailbox, which a server renames with it
/// (RFC 9051, section 6.3.6). Gives the names that these are to have.
fn park_below(
    transaction: &Transaction<'_>,
    account: AccountId,
    mailbox: MailboxId,
    to: &MailboxName,
) -> Result<Vec<(MailboxId, String)>, StoreError> {
    let rows: Vec<(i64, String)> = transaction
        .prepare_cached("SELECT id, name FROM mailbox WHERE account = ?1 AND gone = 0 ORDER BY name")?
        .query_map([account.0], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let own = rows.iter().find(|(id, _)| *id == mailbox.0).ok_or(StoreError::Missing("mailbox"))?;
    let prefix = format!("{}{DELIMITER}", own.1);
    let below: Vec<(MailboxId, String)> = rows
        .iter()
        .filter_map(|(id, name)| {
            Some((MailboxId(*id), format!("{to}{DELIMITER}{}", name.strip_prefix(&prefix)?)))
        })
        .collect();
    let moves = |id: i64| id == own.0 || below.iter().any(|(other, _)| other.0 == id);
    let wanted = |name: &String| name == to.as_str() || below.iter().any(|(_, new)| new == name);
    if rows.iter().any(|(id, name)| !moves(*id) && wanted(name)) {
        return Err(StoreError::Exists("mailbox"));
    }
    absorb_resting(transaction, account, to.as_str(), mailbox)?;
    for (id, new) in &below {
        absorb_resting(transaction, account, new, *id)?;
        // A name nobody can type: what is renamed may want another's former one.
        transaction.execute("UPDATE mailbox SET name = char(0) || id WHERE id = ?1", [id.0])?;
    }
    Ok(below)
}
