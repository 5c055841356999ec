//! Mailboxes that are labels of messages (X-GM-EXT-1), as at Gmail: what is in any of them is in the view of all mail
//! too, its flags are the same everywhere, and what goes to the trash or is junk leaves all the others.

use std::collections::{BTreeMap, BTreeSet};

use super::Server;
use super::state::{Flags, Mailbox, Message};

/// Numbers of messages begin here: they need all 64 bits.
const FIRST: u64 = 1_700_000_000_000_000_000;

impl Message {
    /// X-GM-MSGID: the same in every mailbox that the message is in.
    pub(super) fn gm_msgid(&self) -> u64 {
        FIRST + self.email_id.trim_start_matches('M').parse::<u64>().unwrap_or_default()
    }
}

impl Server {
    /// Whether mailboxes are labels.
    pub(super) fn has_labels(&self) -> bool {
        self.config.has("X-GM-EXT-1")
    }

    /// Puts a message of one mailbox into another too; gives its UID there.
    pub fn label(&mut self, from: &str, uid: u32, to: &str) -> u32 {
        let message = self.mailbox(from).messages.get(&uid).cloned();
        let message = message.unwrap_or_else(|| panic!("{from} has no message {uid}"));
        self.place(to, message).unwrap_or_else(|| panic!("there is no mailbox {to}"))
    }

    /// Puts a message in; gives its UID. One that a label has already is not put there twice.
    pub(super) fn place(&mut self, to: &str, message: Message) -> Option<u32> {
        let labels = self.has_labels();
        let mailbox = self.mailboxes.get_mut(to)?;
        let there = mailbox.messages.iter().find(|(_, other)| other.email_id == message.email_id);
        Some(match there {
            Some((uid, _)) if labels => *uid,
            _ => mailbox.put(message),
        })
    }

    /// Whether a message that leaves this mailbox for that one stays all the same: nothing leaves the view of all mail
    /// but for the trash.
    pub(super) fn keeps(&self, from: u64, to: &str) -> bool {
        let view = self.mailboxes.values().any(|mailbox| mailbox.id == from && is(mailbox, "\\All"));
        self.has_labels() && view && !self.mailboxes.get(to).is_some_and(is_away)
    }

    /// Makes all labels agree after a change of one.
    pub(super) fn settle_labels(&mut self) {
        if !self.has_labels() {
            return;
        }
        self.share_flags();
        let away: BTreeSet<String> = ids(self.mailboxes.values().filter(|mailbox| is_away(mailbox)));
        for mailbox in self.mailboxes.values_mut().filter(|mailbox| !is_away(mailbox)) {
            remove(mailbox, |message| away.contains(&message.email_id));
        }
        let mut all: BTreeMap<String, Message> = BTreeMap::new();
        for mailbox in self.mailboxes.values().filter(|mailbox| !is_away(mailbox)) {
            all.extend(mailbox.messages.values().map(|message| (message.email_id.clone(), message.clone())));
        }
        for mailbox in self.mailboxes.values_mut() {
            let wants: fn(&Message) -> bool = match mailbox.special_use.as_deref() {
                Some("\\All") => |_| true,
                Some("\\Flagged") => |message| message.flags.has("\\Flagged"),
                _ => continue,
            };
            remove(mailbox, |message| !wants(message));
            let there = ids(std::iter::once(&*mailbox));
            for message in all.values().filter(|message| wants(message) && !there.contains(&message.email_id))
            {
                mailbox.put(message.clone());
            }
        }
    }

    /// A flag that was set or cleared in one mailbox is so in all.
    fn share_flags(&mut self) {
        let mut changed: BTreeMap<String, Flags> = BTreeMap::new();
        for message in self.mailboxes.values().flat_map(|mailbox| mailbox.messages.values()) {
            if self.shared.get(&message.email_id) != Some(&message.flags) {
                changed.entry(message.email_id.clone()).or_insert_with(|| message.flags.clone());
            }
        }
        for mailbox in self.mailboxes.values_mut() {
            let differing: Vec<(u32, Flags)> = mailbox
                .messages
                .iter()
                .filter_map(|(uid, message)| Some((*uid, changed.get(&message.email_id)?.clone())))
                .collect();
            for (uid, flags) in differing {
                mailbox.change(uid, |before| *before = flags);
            }
        }
        self.shared.extend(changed);
    }
}

fn is(mailbox: &Mailbox, special_use: &str) -> bool {
    mailbox.special_use.as_deref() == Some(special_use)
}

/// Whether what is here is nowhere else.
fn is_away(mailbox: &Mailbox) -> bool {
    is(mailbox, "\\Trash") || is(mailbox, "\\Junk")
}

fn ids<'a>(mailboxes: impl Iterator<Item = &'a Mailbox>) -> BTreeSet<String> {
    mailboxes.flat_map(|mailbox| mailbox.messages.values()).map(|message| message.email_id.clone()).collect()
}

fn remove(mailbox: &mut Mailbox, goes: impl Fn(&Message) -> bool) {
    let uids: Vec<u32> =
        mailbox.messages.iter().filter(|(_, message)| goes(message)).map(|(uid, _)| *uid).collect();
    mailbox.take(&uids);
}
