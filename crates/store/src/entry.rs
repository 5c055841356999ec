//! Entries and what their messages are known by.

use crate::content::serial_of;
use crate::{AccountId, MailboxId, MessageId, StoreError, View};
use restante_core::mail::{Flags, Uid};
use rusqlite::{OptionalExtension, Row, params};

/// A message's presence in a mailbox, as the server last said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its UID there.
    pub uid: Uid,
    /// Which message.
    pub message: MessageId,
    /// Its flags.
    pub flags: Flags,
    /// INTERNALDATE in seconds since 1970 UTC.
    pub internal_date: i64,
    /// EMAILID (RFC 8474); empty when the server gives none.
    pub email_id: String,
    /// The message's Message-ID without angle brackets; empty when it has none.
    pub message_id: String,
    /// Octets of the message.
    pub size: u64,
}

/// What a message can be told from others by, without its octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The Message-ID without angle brackets; empty when it has none.
    pub message_id: String,
    /// Octets.
    pub size: u64,
}

impl View {
    /// The entries of a mailbox with these UIDs, those that are there.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn entries(&self, mailbox: MailboxId, uids: &[Uid]) -> Result<Vec<Entry>, StoreError> {
        let serial = serial_of("entry.position");
        let sql = format!(
            "SELECT uid, entry.position, flags, keywords, internal_date, email_id, message_id, size
             FROM entry JOIN message ON message.id = {serial} WHERE mailbox = ?1 AND uid = ?2"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let mut entries = Vec::new();
        for uid in uids {
            entries.extend(
                statement.query_row(params![mailbox.0, uid.get()], |row| read(*uid, row)).optional()?,
            );
        }
        Ok(entries)
    }

    /// The newest message there is, by order of arrival: what [`View::arrived`] counts from.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn last_arrival(&self) -> Result<i64, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT coalesce(max(id), 0) FROM message")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// New mail of an account, in order of arrival: messages that came (not the rest of one) after `since` ([`View::last_arrival`]), unread,
    /// in a mailbox that is not for what was sent, drafted, thrown away or taken for junk.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn arrived(&self, account: AccountId, since: i64) -> Result<Vec<MessageId>, StoreError> {
        let serial = serial_of("entry.position");
        let sql = format!(
            "SELECT DISTINCT message.position FROM message JOIN entry ON entry.position = message.position
             JOIN mailbox ON mailbox.id = entry.mailbox
             WHERE message.id > ?2 AND {serial} = message.id AND mailbox.account = ?1 AND entry.flags & 32 = 0
                 AND NOT EXISTS (SELECT 1 FROM alias WHERE alias.message = message.id)
                 AND mailbox.special_use NOT IN ('\\Sent', '\\Drafts', '\\Trash', '\\Junk')
             ORDER BY message.id"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let found = statement.query_map(params![account.0, since], |row| row.get(0).map(MessageId))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// What a message is known by.
    ///
    /// # Errors
    /// There is no such message.
    pub fn identity(&self, message: MessageId) -> Result<Identity, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT message_id, size FROM message WHERE id = ?1")?;
        let identity = |row: &Row<'_>| Ok(Identity { message_id: row.get(0)?, size: row.get(1)? });
        statement.query_row([message.serial()], identity).optional()?.ok_or(StoreError::Missing("message"))
    }
}

fn read(uid: Uid, row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        uid,
        message: MessageId(row.get(1)?),
        flags: Flags::from_parts(row.get(2)?, row.get_ref(3)?.as_str()?),
        internal_date: row.get(4)?,
        email_id: row.get(5)?,
        message_id: row.get(6)?,
        size: row.get(7)?,
    })
}
