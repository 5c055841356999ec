//! What a pull learned becomes rows: one transaction for the entries and the state they prove.

use crate::compact::prove;
use crate::content::find_digest;
use crate::fold::refold_mailbox;
use crate::id::{DATE_MAX, SERIAL_MASK};
use crate::operation::retarget;
use crate::pack::Location;
use crate::partial;
use crate::{Change, Content, Digest, MailboxId, MessageId, Store, StoreError, thread};
use restante_core::mail::{Contact, Flags, ModSeq, SyncState, SystemFlag, Uid, UidSet};
use restante_core::message::Summary;
use restante_core::sync::{Delta, FlagChange};
use rusqlite::{OptionalExtension, Transaction, params};
use std::collections::BTreeMap;

/// Seconds a Date field may be ahead of the server's clock and still be believed.
const AHEAD: i64 = 86_400;

/// A message seen for the first time in a mailbox.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// Its UID there.
    pub uid: Uid,
    /// Its flags.
    pub flags: Flags,
    /// Its modification sequence, with CONDSTORE.
    pub mod_seq: Option<ModSeq>,
    /// INTERNALDATE in seconds since 1970 UTC.
    pub internal_date: i64,
    /// EMAILID (RFC 8474, section 5.1); empty when the server gives none.
    pub email_id: String,
    /// Which message it is.
    pub body: Body,
}

/// The message of a [`NewEntry`].
#[derive(Clone, Debug)]
pub enum Body {
    /// It was fetched.
    Fetched {
        /// What its header says.
        summary: Box<Summary>,
        /// Where its content was put, by [`ContentWriter::finish`](crate::ContentWriter::finish).
        content: Content,
    },
    /// Its beginning was fetched.
    Begun {
        /// What its header says.
        summary: Box<Summary>,
        /// Where its beginning was put.
        content: Content,
        /// Octets of the whole message (RFC822.SIZE).
        size: u64,
    },
    /// It was fetched, and is not the message whose beginning is here under this UID.
    Another {
        /// What its header says.
        summary: Box<Summary>,
        /// Where its content was put.
        content: Content,
    },
    /// It was recognised as one that is here already.
    Held(MessageId),
}

/// What [`Store::apply`] altered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Every alteration, for whoever shows it.
    pub changes: Vec<Change>,
    /// Messages that came, with their content or the beginning of it.
    pub new: u64,
    /// Messages of which more is held than before.
    pub completed: u64,
    /// Messages that came and were recognised.
    pub recognised: u64,
    /// Messages whose flags are different now.
    pub changed: u64,
    /// Messages that went.
    pub removed: u64,
}

impl Store {
    /// Applies what a pull learned of a mailbox at `now`. Applying the same again alters nothing.
    ///
    /// Messages that went leave a tombstone: their content stays until
    /// [`expire_tombstones`](Self::expire_tombstones).
    ///
    /// # Errors
    /// [`StoreError::Unsynced`] when a content was not synced; then, as after any other error, nothing
    /// was altered.
    pub fn apply(
        &mut self,
        mailbox: MailboxId,
        delta: &Delta<NewEntry>,
        now: i64,
    ) -> Result<Applied, StoreError> {
        let synced = |entry: &NewEntry| match &entry.body {
            Body::Fetched { content, .. } | Body::Begun { content, .. } | Body::Another { content, .. } => {
                self.packs.is_synced(&content.at)
            }
            Body::Held(_) => true,
        };
        if !delta.new.iter().all(synced) {
            return Err(StoreError::Unsynced);
        }
        self.write(|transaction| apply_within(transaction, mailbox, delta, now))
    }
}

/// The work of [`Store::apply`] in a transaction that does more.
pub(crate) fn apply_within(
    transaction: &Transaction<'_>,
    mailbox: MailboxId,
    delta: &Delta<NewEntry>,
    now: i64,
) -> Result<Applied, StoreError> {
    let mut work = Work::new(transaction, mailbox, now)?;
    if delta.reset {
        work.reset()?;
    }
    work.vanish(&delta.vanished)?;
    for change in &delta.flags {
        work.flags(change)?;
    }
    for entry in &delta.new {
        work.appear(entry)?;
    }
    work.finish(delta.state)
}

/// One transaction's work on one mailbox.
struct Work<'a> {
    transaction: &'a Transaction<'a>,
    mailbox: MailboxId,
    now: i64,
    applied: Applied,
    total: i64,
    unseen: i64,
    /// The last `message.id` given out.
    serial: i64,
    /// UIDs above this one are not known, so need not be looked for.
    highest_uid: u32,
    /// Whether operations wait in this mailbox.
    operations: bool,
    /// After a reset: the entries there were, by message, that have not come again.
    former: BTreeMap<MessageId, Vec<Former>>,
}

/// An entry as it was before a reset.
struct Former {
    uid: u32,
    system: u8,
    keywords: String,
}

/// An entry as it was.
struct Before {
    message: MessageId,
    system: u8,
    keywords: String,
    mod_seq: i64,
}

impl<'a> Work<'a> {
    fn new(transaction: &'a Transaction<'a>, mailbox: MailboxId, now: i64) -> Result<Self, StoreError> {
        let (total, unseen) = transaction
            .prepare_cached("SELECT total, unseen FROM mailbox WHERE id = ?1")?
            .query_row([mailbox.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
            .ok_or(StoreError::Missing("mailbox"))?;
        let serial = transaction
            .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'message'")?
            .query_row([], |row| row.get(0))
            .optional()?
            .unwrap_or(0);
        let highest_uid = transaction
            .prepare_cached("SELECT coalesce(max(uid), 0) FROM entry WHERE mailbox = ?1")?
            .query_row([mailbox.0], |row| row.get(0))?;
        let operations = transaction
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM operation WHERE mailbox = ?1)")?
            .query_row([mailbox.0], |row| row.get(0))?;
        let applied = Applied::default();
        let former = BTreeMap::new();
        Ok(Self {
            transaction,
            mailbox,
            now,
            applied,
            total,
            unseen,
            serial,
            highest_uid,
            operations,
            former,
        })
    }

    fn reset(&mut self) -> Result<(), StoreError> {
        let mut find = self
            .transaction
            .prepare_cached("SELECT uid, position, flags, keywords FROM entry WHERE mailbox = ?1")?;
        let mut rows = find.query([self.mailbox.0])?;
        while let Some(row) = rows.next()? {
            let former = Former { uid: row.get(0)?, system: row.get(2)?, keywords: row.get(3)? };
            self.former.entry(MessageId(row.get(1)?)).or_default().push(former);
        }
        self.transaction.prepare_cached("DELETE FROM entry WHERE mailbox = ?1")?.execute([self.mailbox.0])?;
        self.transaction
            .prepare_cached(
                "UPDATE mailbox SET uid_validity = 0, uid_next = 0, highest_mod_seq = 0, moved = 0
                 WHERE id = ?1",
            )?
            .execute([self.mailbox.0])?;
        self.transaction
            .prepare_cached("UPDATE operation SET uid = 0 WHERE mailbox = ?1")?
            .execute([self.mailbox.0])?;
        // What an unanswered try left here may have any UID now.
        self.transaction
            .prepare_cached(
                "UPDATE operation SET since = 1 WHERE since > 0
                     AND (kind = 'append' AND mailbox = ?1
                         OR kind IN ('move', 'copy') AND json_extract(payload, '$.to') = ?1)",
            )?
            .execute([self.mailbox.0])?;
        self.highest_uid = 0;
        (self.total, self.unseen) = (0, 0);
        Ok(())
    }

    /// Takes back one of the entries there were before the reset, when it had this message.
    fn take_former(&mut self, message: MessageId) -> Option<Former> {
        let entries = self.former.get_mut(&message)?;
        let former = entries.pop();
        if entries.is_empty() {
            self.former.remove(&message);
        }
        former
    }

    /// Leaves tombstones of what did not come again after a reset.
    fn bury_former(&mut self) -> Result<(), StoreError> {
        for (message, entries) in std::mem::take(&mut self.former) {
            for former in entries {
                self.bury(former.uid, message)?;
            }
        }
        Ok(())
    }

    fn bury(&mut self, uid: u32, message: MessageId) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO tombstone (mailbox, uid, position, removed) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![self.mailbox.0, uid, message.0, self.now])?;
        self.applied.changes.push(Change::Disappeared(self.mailbox, message));
        self.applied.removed += 1;
        Ok(())
    }

    fn vanish(&mut self, vanished: &UidSet) -> Result<(), StoreError> {
        for &(first, last) in vanished.ranges() {
            if first > self.highest_uid {
                break;
            }
            self.remove(first, last)?;
        }
        Ok(())
    }

    /// Removes the entries from `first` to `last` and leaves tombstones.
    fn remove(&mut self, first: u32, last: u32) -> Result<(), StoreError> {
        let mailbox = self.mailbox.0;
        let range = params![mailbox, first, last];
        let mut find = self.transaction.prepare_cached(
            "SELECT uid, position, flags FROM entry WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3",
        )?;
        let mut rows = find.query(range)?;
        let removed = self.applied.removed;
        while let Some(row) = rows.next()? {
            let (uid, message, system): (u32, _, _) = (row.get(0)?, MessageId(row.get(1)?), row.get(2)?);
            self.total -= 1;
            self.unseen -= unseen(system);
            self.bury(uid, message)?;
        }
        if self.applied.removed > removed {
            self.transaction
                .prepare_cached("DELETE FROM entry WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3")?
                .execute(range)?;
            if self.operations {
                // They wait until the message is found in another mailbox, or nowhere.
                self.transaction
                    .prepare_cached(
                        "UPDATE operation SET uid = 0 WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3",
                    )?
                    .execute(range)?;
            }
        }
        Ok(())
    }

    fn flags(&mut self, change: &FlagChange) -> Result<(), StoreError> {
        match self.find(change.uid)? {
            Some(before) => self.update(change.uid, &before, &change.flags, change.mod_seq),
            // Of a message not fetched yet: it comes with its flags.
            None => Ok(()),
        }
    }

    fn appear(&mut self, entry: &NewEntry) -> Result<(), StoreError> {
        let before = self.find(entry.uid)?;
        let held = match &before {
            Some(before) => partial::held(self.transaction, before.message)?,
            None => None,
        };
        if let (Some(before), Body::Begun { content, .. }) = (&before, &entry.body)
            && held.is_none_or(|held| held >= content.size)
        {
            // As much is here already.
            return self.update(entry.uid, before, &entry.flags, entry.mod_seq);
        }
        let serial = self.serial;
        let message = match &entry.body {
            Body::Fetched { summary, content } | Body::Another { summary, content } => {
                self.message(summary, content, entry.internal_date)?
            }
            Body::Begun { summary, content, size } => self.beginning(entry, summary, content, *size)?,
            Body::Held(message) => self.held(*message)?,
        };
        if let Some(before) = before {
            if before.message == message {
                return self.update(entry.uid, &before, &entry.flags, entry.mod_seq);
            }
            if held.is_some() && !matches!(entry.body, Body::Another { .. }) {
                self.complete(before.message, message, self.serial > serial)?;
                return self.update(entry.uid, &Before { message, ..before }, &entry.flags, entry.mod_seq);
            }
            self.remove(entry.uid.get(), entry.uid.get())?;
        }
        self.transaction
            .prepare_cached(
                "INSERT INTO entry (mailbox, uid, position, flags, keywords, mod_seq, internal_date, email_id)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                self.mailbox.0,
                entry.uid.get(),
                message.0,
                system_bits(&entry.flags),
                entry.flags.keywords().join(" "),
                number(entry.mod_seq),
                entry.internal_date,
                entry.email_id,
            ])?;
        if self.operations {
            retarget(self.transaction, self.mailbox, entry.uid, message)?;
        }
        self.highest_uid = self.highest_uid.max(entry.uid.get());
        self.total += 1;
        self.unseen += unseen(system_bits(&entry.flags));
        match &entry.body {
            Body::Fetched { .. } | Body::Begun { .. } | Body::Another { .. } => self.applied.new += 1,
            Body::Held(_) => {
                self.applied.recognised += 1;
                // Here its date may want more of it than where it was.
                if partial::held(self.transaction, message)?.is_some() {
                    partial::doubt_policy(self.transaction, self.mailbox)?;
                }
            }
        }
        match self.take_former(message) {
            None => self.applied.changes.push(Change::Appeared(self.mailbox, message)),
            Some(former) => {
                let same = former.system == system_bits(&entry.flags)
                    && former.keywords == entry.flags.keywords().join(" ");
                if !same {
                    self.applied.changed += 1;
                    self.applied.changes.push(Change::Flags(self.mailbox, message));
                }
            }
        }
        Ok(())
    }

    fn find(&self, uid: Uid) -> Result<Option<Before>, StoreError> {
        if uid.get() > self.highest_uid {
            return Ok(None);
        }
        let mut find = self.transaction.prepare_cached(
            "SELECT position, flags, keywords, mod_seq FROM entry WHERE mailbox = ?1 AND uid = ?2",
        )?;
        let before = find.query_row(params![self.mailbox.0, uid.get()], |row| {
            Ok(Before {
                message: MessageId(row.get(0)?),
                system: row.get(1)?,
                keywords: row.get(2)?,
                mod_seq: row.get(3)?,
            })
        });
        Ok(before.optional()?)
    }

    fn update(
        &mut self,
        uid: Uid,
        before: &Before,
        flags: &Flags,
        mod_seq: Option<ModSeq>,
    ) -> Result<(), StoreError> {
        let (system, keywords) = (system_bits(flags), flags.keywords().join(" "));
        let mod_seq = mod_seq.map_or(before.mod_seq, |value| number(Some(value)));
        let different = system != before.system || keywords != before.keywords;
        if !different && mod_seq == before.mod_seq {
            return Ok(());
        }
        self.transaction
            .prepare_cached(
                "UPDATE entry SET flags = ?3, keywords = ?4, mod_seq = ?5 WHERE mailbox = ?1 AND uid = ?2",
            )?
            .execute(params![self.mailbox.0, uid.get(), system, keywords, mod_seq])?;
        if different {
            self.unseen += unseen(system) - unseen(before.system);
            self.applied.changed += 1;
            self.applied.changes.push(Change::Flags(self.mailbox, before.message));
        }
        Ok(())
    }

    /// A message that must be here.
    fn held(&self, message: MessageId) -> Result<MessageId, StoreError> {
        let mut find = self.transaction.prepare_cached("SELECT position FROM message WHERE id = ?1")?;
        let found = find.query_row([message.serial()], |row| row.get(0).map(MessageId)).optional()?;
        found.filter(|found| *found == message).ok_or(StoreError::Missing("message"))
    }

    /// The message with this content, stored when it is new.
    fn message(
        &mut self,
        summary: &Summary,
        content: &Content,
        internal_date: i64,
    ) -> Result<MessageId, StoreError> {
        match find_digest(self.transaction, &content.digest)? {
            Some((message, _)) => Ok(message),
            None => self.insert(summary, &content.digest, content.size, &content.at, internal_date),
        }
    }

    /// The message that begins like this, stored when it is new.
    fn beginning(
        &mut self,
        entry: &NewEntry,
        summary: &Summary,
        content: &Content,
        size: u64,
    ) -> Result<MessageId, StoreError> {
        let mut name = partial::name(content, size, entry, None);
        if let Some(message) = partial::named(self.transaction, &name)? {
            if !partial::is_elsewhere_in(self.transaction, message, self.mailbox, entry.uid)? {
                return Ok(message);
            }
            // Two in one mailbox are two, however much they look alike: the rest may differ.
            name = partial::name(content, size, entry, Some(self.mailbox));
            if let Some(message) = partial::named(self.transaction, &name)? {
                return Ok(message);
            }
        }
        let message = self.insert(summary, &name, size, &content.at, entry.internal_date)?;
        partial::insert(self.transaction, message, content)?;
        Ok(message)
    }

    /// Puts a message in the place of one of which less is here.
    fn complete(&mut self, before: MessageId, after: MessageId, fresh: bool) -> Result<(), StoreError> {
        for mailbox in partial::replace(self.transaction, before, after, fresh)? {
            self.applied.changes.push(Change::Completed(mailbox, after));
        }
        self.applied.completed += 1;
        Ok(())
    }

    fn insert(
        &mut self,
        summary: &Summary,
        digest: &Digest,
        size: u64,
        at: &Location,
        internal_date: i64,
    ) -> Result<MessageId, StoreError> {
        self.serial += 1;
        if self.serial > SERIAL_MASK {
            return Err(StoreError::Exhausted);
        }
        let date = message_date(summary.date, internal_date);
        let message = MessageId::new(date, self.serial);
        let thread = thread::assign(self.transaction, summary, self.serial)?;
        let base = thread::guess::base(summary);
        self.transaction
            .prepare_cached(
                "INSERT INTO message (id, position, digest, size, date, subject, sender, recipient, copy,
                     message_id, thread, pack, start, stored, base)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            )?
            .execute(params![
                self.serial,
                message.0,
                digest.0,
                size,
                date,
                summary.subject,
                contacts(&summary.from)?,
                contacts(&summary.to)?,
                contacts(&summary.cc)?,
                summary.message_id.as_deref().unwrap_or_default(),
                thread,
                at.pack,
                at.start,
                at.stored,
                base,
            ])?;
        thread::guess::settle(self.transaction, base, date, thread)?;
        prove(self.transaction, at)?;
        Ok(message)
    }

    fn finish(mut self, state: Option<SyncState>) -> Result<Applied, StoreError> {
        self.bury_former()?;
        if self.operations {
            refold_mailbox(self.transaction, self.mailbox)?;
        }
        if !self.applied.changes.is_empty() {
            self.transaction
                .prepare_cached("UPDATE mailbox SET total = ?2, unseen = ?3 WHERE id = ?1")?
                .execute([self.mailbox.0, self.total, self.unseen])?;
            self.applied.changes.push(Change::Counts(self.mailbox));
        }
        if let Some(state) = state {
            self.transaction
                .prepare_cached(
                    "UPDATE mailbox SET uid_validity = ?2, uid_next = ?3, highest_mod_seq = ?4 WHERE id = ?1",
                )?
                .execute(params![
                    self.mailbox.0,
                    state.uid_validity.get(),
                    state.uid_next,
                    number(state.highest_mod_seq)
                ])?;
        }
        Ok(self.applied)
    }
}

/// The system flags that are kept: `\Recent` belongs to a session.
pub(crate) fn system_bits(flags: &Flags) -> u8 {
    flags.system_bits() & !(SystemFlag::Recent as u8)
}

/// The date a message is sorted by: its own, unless that is missing or in the future. A date nobody can
/// check would otherwise keep a message at the top for ever. All in seconds since 1970 UTC; `internal` is
/// INTERNALDATE.
#[must_use]
pub fn message_date(own: Option<i64>, internal: i64) -> i64 {
    let latest = if internal > 0 { internal.saturating_add(AHEAD) } else { DATE_MAX };
    own.filter(|date| *date > 0 && *date <= latest).unwrap_or(internal).clamp(0, DATE_MAX)
}

fn unseen(system: u8) -> i64 {
    i64::from(system & SystemFlag::Seen as u8 == 0)
}

fn number(mod_seq: Option<ModSeq>) -> i64 {
    mod_seq.and_then(|value| i64::try_from(value.get()).ok()).unwrap_or(0)
}

fn contacts(contacts: &[Contact]) -> Result<String, StoreError> {
    let pairs: Vec<(&str, &str)> = contacts.iter().map(|c| (c.name.as_str(), c.address.as_str())).collect();
    serde_json::to_string(&pairs).map_err(|error| StoreError::Damaged(error.to_string()))
}
