//! Mailboxes, and what becomes of messages nothing refers to.

use crate::local::carry_out;
use crate::operation::{ask_for, open_request};
use crate::{AccountId, Ask, Change, Desk, Intent, MailboxId, MessageId, Requested, Store, StoreError, View};
use restante_core::mail::{
    Flags, Mailbox, MailboxName, ModSeq, SpecialUse, SyncState, Uid, UidSet, UidValidity,
};
use rusqlite::{Connection, Row, Transaction, params};
use std::collections::BTreeMap;

/// A mailbox as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxRow {
    /// Its identity in the store.
    pub id: MailboxId,
    /// What LIST said of it.
    pub mailbox: Mailbox,
    /// The state its entries prove; `None` before the first sync.
    pub state: Option<SyncState>,
    /// How many messages the server has in it, as far as known.
    pub total: u64,
    /// How many of them are without `\Seen`.
    pub unseen: u64,
    /// The entries are another server's, or of a former name: their UIDs mean nothing.
    pub moved: bool,
    /// The person asked for it and the server has not made it yet.
    pub pending: bool,
    /// How much of each message was to be held when that was last made so, in the engine's words; empty: everything.
    pub policy: String,
}

/// What [`Store::set_mailboxes`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// What was altered.
    pub changes: Vec<Change>,
    /// Mailboxes the store has and the list has not, for the caller to judge.
    pub gone: Vec<MailboxId>,
}

const COLUMNS: &str = "id, name, delimiter, special_use, selectable, uid_validity, uid_next, highest_mod_seq,
    total, unseen, moved, pending, policy";

impl View {
    /// The mailboxes of an account as the server last listed them, by name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn mailboxes(&self, account: AccountId) -> Result<Vec<MailboxRow>, StoreError> {
        mailboxes(&self.conn, account)
    }

    /// One mailbox.
    ///
    /// # Errors
    /// There is no such mailbox.
    pub fn mailbox(&self, mailbox: MailboxId) -> Result<MailboxRow, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM mailbox WHERE id = ?1");
        let mut statement = self.conn.prepare_cached(&sql)?;
        let mut rows = statement.query([mailbox.0])?;
        let row = rows.next()?.ok_or(StoreError::Missing("mailbox"))?;
        Ok(read(row)?)
    }

    /// The UIDs known in a mailbox.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn uids(&self, mailbox: MailboxId) -> Result<UidSet, StoreError> {
        let mut statement =
            self.conn.prepare_cached("SELECT uid FROM entry WHERE mailbox = ?1 ORDER BY uid")?;
        let mut rows = statement.query([mailbox.0])?;
        let mut set = UidSet::new();
        while let Some(row) = rows.next()? {
            Uid::new(row.get(0)?).into_iter().for_each(|uid| set.insert(uid));
        }
        Ok(set)
    }

    /// The flags of every message in a mailbox as the server last said, by UID.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn flags(&self, mailbox: MailboxId) -> Result<Vec<(Uid, Flags)>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT uid, flags, keywords FROM entry WHERE mailbox = ?1 ORDER BY uid")?;
        let mut rows = statement.query([mailbox.0])?;
        let mut flags = Vec::new();
        while let Some(row) = rows.next()? {
            if let Some(uid) = Uid::new(row.get(0)?) {
                flags.push((uid, Flags::from_parts(row.get(1)?, row.get_ref(2)?.as_str().unwrap_or(""))));
            }
        }
        Ok(flags)
    }
}

impl Desk {
    /// Takes down that a person wants a new mailbox. It is known here at once, and nothing is fetched for it
    /// before the server has made it.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the account has a mailbox of that name.
    pub fn request_mailbox(
        &mut self,
        words: &str,
        account: AccountId,
        mailbox: &Mailbox,
        now: i64,
    ) -> Result<(MailboxId, Requested), StoreError> {
        self.write_durably(|transaction| {
            let known = mailboxes(transaction, account)?;
            if known.iter().any(|row| row.mailbox.name == mailbox.name) {
                return Err(StoreError::Exists("mailbox"));
            }
            put(transaction, account, mailbox)?;
            let id = transaction.query_row(
                "UPDATE mailbox SET pending = 1 WHERE account = ?1 AND name = ?2 RETURNING id",
                params![account.0, mailbox.name.as_str()],
                |row| row.get(0).map(MailboxId),
            )?;
            let intent = Intent::Create { special_use: mailbox.special_use };
            let request = open_request(transaction, words, 0, now)?;
            let (operation, _) = ask_for(transaction, request, &Ask { mailbox: id, uid: None, intent }, now)?;
            carry_out(transaction, &[operation], now)?;
            let changes = vec![Change::Mailboxes(account)];
            Ok((id, Requested { id: request, operations: vec![operation], changes }))
        })
    }
}

impl Store {
    /// Takes over an account's list of mailboxes: new ones are added, known ones updated. One the list
    /// lacks is kept and named: it may have [another name](Self::rename_mailbox) now, or
    /// [be gone](Self::retire_mailbox).
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn set_mailboxes(&mut self, account: AccountId, list: &[Mailbox]) -> Result<Listed, StoreError> {
        self.write(|transaction| {
            let mut known: BTreeMap<_, _> = mailboxes(transaction, account)?
                .into_iter()
                .map(|row| (row.mailbox.name.clone(), (row.id, Some((row.mailbox, row.pending)))))
                .collect();
            let mut listed = Listed::default();
            for mailbox in list {
                // `None` after its turn: a list may name a mailbox twice.
                let before = known.get_mut(&mailbox.name).map(|(_, before)| before.take());
                let same = |before: &(Mailbox, bool)| before.0 == *mailbox && !before.1;
                if before.as_ref().is_some_and(|before| before.as_ref().is_none_or(same)) {
                    continue;
                }
                put(transaction, account, mailbox)?;
                listed.changes = vec![Change::Mailboxes(account)];
                if before.is_none() {
                    known.insert(mailbox.name.clone(), (MailboxId(0), None));
                }
            }
            let gone = |before: Option<(Mailbox, bool)>| before.is_some_and(|(_, pending)| !pending);
            listed.gone = known.into_values().filter_map(|(id, before)| gone(before).then_some(id)).collect();
            Ok(listed)
        })
    }

    /// Forgets what was removed before `time` (30 days ago): its tombstones, messages nothing else refers
    /// to, and mailboxes; and what was sent before that and is in the Sent mailbox, with the outbox's own
    /// octets of it. Returns how many messages went; [`compact`](Self::compact) gives their space back.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn expire_tombstones(&mut self, time: i64) -> Result<u64, StoreError> {
        let gone = self.write(|transaction| {
            transaction.execute("DELETE FROM done WHERE confirmed < ?1", [time])?;
            transaction.execute(
                "DELETE FROM submission WHERE state = 'accepted' AND filed <> 0 AND created < ?1",
                [time],
            )?;
            transaction.execute(
                "DELETE FROM request WHERE created < ?1
                     AND NOT EXISTS (SELECT 1 FROM operation WHERE request = request.id)
                     AND NOT EXISTS (SELECT 1 FROM done WHERE request = request.id)",
                [time],
            )?;
            drop_unreferenced(
                transaction,
                "SELECT DISTINCT position FROM tombstone WHERE removed < ?1",
                time,
                |transaction| {
                    transaction.execute("DELETE FROM tombstone WHERE removed < ?1", [time])?;
                    transaction.execute("DELETE FROM mailbox WHERE gone <> 0 AND gone < ?1", [time])
                },
            )
        })?;
        self.forget_words(&gone)?;
        Ok(gone.len() as u64)
    }
}

/// The account of a mailbox.
pub(crate) fn account_of(conn: &Connection, mailbox: MailboxId) -> Result<AccountId, StoreError> {
    let mut statement = conn.prepare_cached("SELECT account FROM mailbox WHERE id = ?1")?;
    let mut rows = statement.query([mailbox.0])?;
    let row = rows.next()?.ok_or(StoreError::Missing("mailbox"))?;
    Ok(AccountId(row.get(0)?))
}

/// Runs `remove`, then removes those of the `candidates` (a SELECT of positions with one argument) to
/// which no entry, tombstone or operation refers any more. Returns them, ascending.
pub(crate) fn drop_unreferenced(
    transaction: &Transaction<'_>,
    candidates: &str,
    argument: i64,
    remove: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<usize>,
) -> Result<Vec<MessageId>, StoreError> {
    let mut positions: Vec<MessageId> = transaction
        .prepare_cached(candidates)?
        .query_map([argument], |row| row.get(0).map(MessageId))?
        .collect::<Result<_, _>>()?;
    remove(transaction)?;
    let mut used = transaction.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM entry WHERE position = ?1)
             OR EXISTS (SELECT 1 FROM tombstone WHERE position = ?1)
             OR EXISTS (SELECT 1 FROM operation WHERE position = ?1 AND kind = 'append')
             OR EXISTS (SELECT 1 FROM done WHERE position = ?1 AND kind = 'append')",
    )?;
    let mut delete = transaction.prepare_cached("DELETE FROM message WHERE id = ?1")?;
    let mut gone = Vec::new();
    positions.sort_unstable();
    for message in positions {
        if !used.query_row([message.0], |row| row.get::<_, bool>(0))? {
            delete.execute([message.serial()])?;
            gone.push(message);
        }
    }
    Ok(gone)
}

fn mailboxes(conn: &Connection, account: AccountId) -> Result<Vec<MailboxRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM mailbox WHERE account = ?1 AND gone = 0 ORDER BY name");
    let mut statement = conn.prepare_cached(&sql)?;
    Ok(statement.query_map([account.0], read)?.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<MailboxRow> {
    let state = UidValidity::new(row.get(5)?).map(|uid_validity| -> rusqlite::Result<_> {
        let highest_mod_seq = ModSeq::new(u64::try_from(row.get::<_, i64>(7)?).unwrap_or(0));
        Ok(SyncState { uid_validity, uid_next: row.get(6)?, highest_mod_seq })
    });
    Ok(MailboxRow {
        id: MailboxId(row.get(0)?),
        mailbox: Mailbox {
            name: MailboxName::new(row.get::<_, String>(1)?),
            delimiter: row.get_ref(2)?.as_str()?.chars().next(),
            special_use: SpecialUse::from_attribute(row.get_ref(3)?.as_str()?),
            selectable: row.get(4)?,
        },
        state: state.transpose()?,
        total: row.get(8)?,
        unseen: row.get(9)?,
        moved: row.get(10)?,
        pending: row.get(11)?,
        policy: row.get(12)?,
    })
}

pub(crate) fn put(
    transaction: &Transaction<'_>,
    account: AccountId,
    mailbox: &Mailbox,
) -> Result<(), StoreError> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO mailbox (account, name, delimiter, special_use, selectable,
             uid_validity, uid_next, highest_mod_seq, total, unseen)
         VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, 0, 0, 0)
         ON CONFLICT (account, name) DO UPDATE
             SET delimiter = ?3, special_use = ?4, selectable = ?5, gone = 0, pending = 0",
    )?;
    statement.execute(params![
        account.0,
        mailbox.name.as_str(),
        mailbox.delimiter.map(String::from).unwrap_or_default(),
        mailbox.special_use.map(SpecialUse::attribute).unwrap_or_default(),
        mailbox.selectable,
    ])?;
    Ok(())
}
