//! What a server keeps: mailboxes, messages, and what became of those that went.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The flags of a message. Names ignore case and keep that in which they were first seen.
#[derive(Clone, Debug, Default)]
pub struct Flags(BTreeMap<String, String>);

impl Flags {
    /// Sets a flag; false when it was set.
    pub fn add(&mut self, name: &str) -> bool {
        let key = name.to_ascii_lowercase();
        if self.0.contains_key(&key) {
            return false;
        }
        self.0.insert(key, name.to_owned());
        true
    }

    /// Clears a flag; false when it was not set.
    pub fn remove(&mut self, name: &str) -> bool {
        self.0.remove(&name.to_ascii_lowercase()).is_some()
    }

    /// Whether a flag is set.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(&name.to_ascii_lowercase())
    }

    /// All of them, in order of their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }
}

impl PartialEq for Flags {
    fn eq(&self, other: &Self) -> bool {
        self.0.keys().eq(other.0.keys())
    }
}

impl<'a> FromIterator<&'a str> for Flags {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        let mut flags = Self::default();
        for name in names {
            flags.add(name);
        }
        flags
    }
}

/// A message in a mailbox.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its flags.
    pub flags: Flags,
    /// The modification sequence of its last change (RFC 7162).
    pub mod_seq: u64,
    /// INTERNALDATE in seconds since 1970.
    pub date: i64,
    /// All its octets.
    pub bytes: Arc<[u8]>,
    /// EMAILID (RFC 8474): that of its copies too.
    pub email_id: String,
}

/// A mailbox.
#[derive(Clone, Debug)]
pub struct Mailbox {
    /// What it is, whatever its name.
    pub id: u64,
    /// UIDVALIDITY
    pub validity: u32,
    /// UIDNEXT
    pub next: u32,
    /// HIGHESTMODSEQ
    pub mod_seq: u64,
    /// The messages by UID.
    pub messages: BTreeMap<u32, Message>,
    /// UIDs that went, with the modification sequence of that.
    pub expunged: Vec<(u32, u64)>,
    /// Of what went up to this modification sequence nothing is remembered any more.
    pub forgotten: u64,
    /// It keeps no modification sequences (`NOMODSEQ`).
    pub no_mod_seq: bool,
    /// The most octets of a message to append, where APPENDLIMIT is offered for each mailbox.
    pub append_limit: Option<u64>,
    /// The special use, as `\Sent`.
    pub special_use: Option<String>,
}

impl Mailbox {
    pub(super) fn new(id: u64, validity: u32) -> Self {
        Self {
            id,
            validity,
            next: 1,
            mod_seq: 1,
            messages: BTreeMap::new(),
            expunged: Vec::new(),
            forgotten: 0,
            no_mod_seq: false,
            append_limit: None,
            special_use: None,
        }
    }

    /// Messages without `\Seen`.
    pub fn unseen(&self) -> usize {
        self.messages.values().filter(|message| !message.flags.has("\\Seen")).count()
    }

    /// Octets of all its messages.
    pub fn octets(&self) -> usize {
        self.messages.values().map(|message| message.bytes.len()).sum()
    }

    /// Puts a message in; gives its UID.
    pub(super) fn put(&mut self, mut message: Message) -> u32 {
        let uid = self.next;
        self.next += 1;
        self.mod_seq += 1;
        message.mod_seq = self.mod_seq;
        self.messages.insert(uid, message);
        uid
    }

    /// Takes messages out; gives those that were there.
    pub(super) fn take(&mut self, uids: &[u32]) -> Vec<(u32, Message)> {
        let gone: Vec<_> = uids.iter().filter_map(|uid| Some((*uid, self.messages.remove(uid)?))).collect();
        if !gone.is_empty() {
            self.mod_seq += 1;
            self.expunged.extend(gone.iter().map(|(uid, _)| (*uid, self.mod_seq)));
        }
        gone
    }

    /// Changes the flags of a message; whether anything changed.
    pub(super) fn change(&mut self, uid: u32, change: impl FnOnce(&mut Flags)) -> bool {
        let next = self.mod_seq + 1;
        let Some(message) = self.messages.get_mut(&uid) else { return false };
        let before = message.flags.clone();
        change(&mut message.flags);
        if message.flags == before {
            return false;
        }
        message.mod_seq = next;
        self.mod_seq = next;
        true
    }

    /// UIDs that went since `mod_seq`, ascending. Where that is forgotten: all that are not there.
    pub(super) fn vanished(&self, since: u64) -> BTreeSet<u32> {
        if since < self.forgotten {
            return (1..self.next).filter(|uid| !self.messages.contains_key(uid)).collect();
        }
        self.expunged.iter().filter(|(_, mod_seq)| *mod_seq > since).map(|(uid, _)| *uid).collect()
    }
}
