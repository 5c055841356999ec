//! One account on a server, and what tests do to it behind the clients' backs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::fault::{Fault, Faults, Moment};
use super::state::{Flags, Mailbox, Message};
use super::{Config, name};

/// When the first message arrives, in seconds since 1970; each later one comes a minute after the one before.
const FIRST: i64 = 1_750_000_000;

/// An account: its mailboxes, and what was asked for so far.
///
/// # Panics
///
/// What is done to a mailbox that does not exist is a fault of the test.
pub struct Server {
    pub(super) config: Config,
    pub(super) mailboxes: BTreeMap<String, Mailbox>,
    pub(super) subscribed: BTreeSet<String>,
    pub(super) faults: Faults,
    pub(super) commands: Vec<String>,
    /// Whole messages that were sent.
    pub(super) bodies: u32,
    /// With labels: the flags of each message by its EMAILID, the same everywhere.
    pub(super) shared: BTreeMap<String, Flags>,
    /// Commands that removed, or would have, what anybody marked.
    pub(super) bare: u32,
    validity: u32,
    id: u64,
}

impl Server {
    pub(super) fn new(config: Config) -> Self {
        let mut server = Self {
            config,
            mailboxes: BTreeMap::new(),
            subscribed: BTreeSet::new(),
            faults: Faults::default(),
            commands: Vec::new(),
            bodies: 0,
            shared: BTreeMap::new(),
            bare: 0,
            validity: 100,
            id: 0,
        };
        server.create("INBOX");
        server
    }

    /// The same mailboxes and messages, with nothing that goes wrong, and no command yet.
    pub(super) fn copy(&self) -> Self {
        Self {
            config: self.config.clone(),
            mailboxes: self.mailboxes.clone(),
            subscribed: self.subscribed.clone(),
            faults: Faults::default(),
            commands: Vec::new(),
            bodies: 0,
            shared: self.shared.clone(),
            bare: 0,
            validity: self.validity,
            id: self.id,
        }
    }

    /// Every mailbox by name.
    pub fn mailboxes(&self) -> &BTreeMap<String, Mailbox> {
        &self.mailboxes
    }

    /// One mailbox.
    pub fn mailbox(&self, name: &str) -> &Mailbox {
        self.mailboxes.get(name).unwrap_or_else(|| panic!("there is no mailbox {name}"))
    }

    fn open(&mut self, name: &str) -> &mut Mailbox {
        self.mailboxes.get_mut(name).unwrap_or_else(|| panic!("there is no mailbox {name}"))
    }

    /// Names that are subscribed to, whether they exist or not.
    pub fn subscribed(&self) -> &BTreeSet<String> {
        &self.subscribed
    }

    /// What the server offers.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Changes what the server offers. Connections notice with their next command.
    pub fn configure(&mut self, config: Config) {
        self.config = config;
    }

    /// Every command so far, without its tag and its literals.
    pub fn commands(&self) -> &[String] {
        &self.commands
    }

    /// How many whole messages were sent so far.
    pub fn bodies(&self) -> u32 {
        self.bodies
    }

    /// How often a client removed messages without naming them, by EXPUNGE or CLOSE: that takes what other
    /// clients marked too.
    pub fn bare_expunges(&self) -> u32 {
        self.bare
    }

    /// Puts a message into a mailbox; gives its UID.
    pub fn deliver(&mut self, mailbox: &str, flags: &[&str], bytes: &[u8]) -> u32 {
        let message = self.message(bytes.into(), flags.iter().copied().collect(), None);
        self.open(mailbox).put(message)
    }

    /// As [`deliver`](Self::deliver), with this INTERNALDATE in seconds since 1970.
    pub fn deliver_at(&mut self, mailbox: &str, date: i64, bytes: &[u8]) -> u32 {
        let message = self.message(bytes.into(), super::state::Flags::default(), Some(date));
        self.open(mailbox).put(message)
    }

    /// Sets and clears flags.
    pub fn flag(&mut self, mailbox: &str, uid: u32, add: &[&str], remove: &[&str]) {
        self.open(mailbox).change(uid, |flags| {
            for name in add {
                flags.add(name);
            }
            for name in remove {
                flags.remove(name);
            }
        });
    }

    /// Removes messages for good.
    pub fn expunge(&mut self, mailbox: &str, uids: &[u32]) {
        self.open(mailbox).take(uids);
    }

    /// Moves messages; gives their new UIDs.
    pub fn relocate(&mut self, from: &str, uids: &[u32], to: &str) -> Vec<u32> {
        let moved = self.open(from).take(uids);
        let to = self.open(to);
        moved.into_iter().map(|(_, message)| to.put(message)).collect()
    }

    /// Gives a mailbox a new UIDVALIDITY and its messages new UIDs, in the same order.
    pub fn renumber(&mut self, mailbox: &str) {
        self.validity += 1;
        let validity = self.validity;
        let mailbox = self.open(mailbox);
        let messages = std::mem::take(&mut mailbox.messages);
        let before = mailbox.clone();
        *mailbox = Mailbox::new(before.id, validity);
        mailbox.special_use = before.special_use;
        mailbox.no_mod_seq = before.no_mod_seq;
        for message in messages.into_values() {
            mailbox.put(message);
        }
    }

    /// Lets HIGHESTMODSEQ go back, as after a restored backup. Messages keep no later one.
    pub fn go_back(&mut self, mailbox: &str, mod_seq: u64) {
        let mailbox = self.open(mailbox);
        mailbox.mod_seq = mod_seq;
        for message in mailbox.messages.values_mut() {
            message.mod_seq = message.mod_seq.min(mod_seq);
        }
        mailbox.expunged.clear();
    }

    /// Puts back a mailbox as it was, with the UIDNEXT of then: UIDs will be given again, against the standards.
    pub fn restore(&mut self, name: &str, mailbox: Mailbox) {
        *self.open(name) = mailbox;
    }

    /// From now on the mailbox keeps no modification sequences, or keeps them again.
    pub fn keep_mod_seq(&mut self, mailbox: &str, keep: bool) {
        self.open(mailbox).no_mod_seq = !keep;
    }

    /// Forgets which messages went, so that QRESYNC has to name everything that is not there.
    pub fn forget_expunged(&mut self, mailbox: &str) {
        let mailbox = self.open(mailbox);
        mailbox.forgotten = mailbox.mod_seq;
        mailbox.expunged.clear();
    }

    /// Makes a mailbox; false when it was there.
    pub fn create(&mut self, name: &str) -> bool {
        let name = name::canonical(name);
        if self.mailboxes.contains_key(&name) {
            return false;
        }
        self.validity += 1;
        self.id += 1;
        self.mailboxes.insert(name, Mailbox::new(self.id, self.validity));
        true
    }

    /// From now on messages with more octets are not taken into a mailbox.
    pub fn limit_appends(&mut self, mailbox: &str, octets: u64) {
        self.open(mailbox).append_limit = Some(octets);
    }

    /// Gives a mailbox its special use, as `\Sent`.
    pub fn mark(&mut self, mailbox: &str, special_use: &str) {
        self.open(mailbox).special_use = Some(special_use.to_owned());
    }

    /// Renames a mailbox and those below it. That of INBOX moves its messages, and INBOX stays (RFC 9051,
    /// section 6.3.6). False when it is not there, or the new name is taken.
    pub fn rename(&mut self, from: &str, to: &str) -> bool {
        let below = format!("{from}{}", self.config.delimiter);
        let taken = |name: &str| self.mailboxes.contains_key(name);
        if !taken(from) || taken(to) || to.starts_with(&below) {
            return false;
        }
        if from == "INBOX" {
            self.create(to);
            let all: Vec<u32> = self.open(from).messages.keys().copied().collect();
            self.relocate(from, &all, to);
            return true;
        }
        let names: Vec<String> =
            self.mailboxes.keys().filter(|name| *name == from || name.starts_with(&below)).cloned().collect();
        for old in names {
            if let Some(mailbox) = self.mailboxes.remove(&old) {
                self.mailboxes.insert(format!("{to}{}", &old[from.len()..]), mailbox);
            }
        }
        true
    }

    /// Deletes a mailbox with its messages; false when it is not there. Nobody deletes INBOX.
    pub fn delete(&mut self, name: &str) -> bool {
        name != "INBOX" && self.mailboxes.remove(name).is_some()
    }

    /// Subscribes to a name, or ends that.
    pub fn subscribe(&mut self, name: &str, subscribed: bool) {
        if subscribed {
            self.subscribed.insert(name.to_owned());
        } else {
            self.subscribed.remove(name);
        }
    }

    /// Lets something go wrong.
    pub fn fault(&mut self, fault: Fault) {
        self.faults.add(fault);
    }

    /// Everything is right again.
    pub fn mend(&mut self) {
        self.faults = Faults::default();
    }

    /// Does something at a moment in a conversation to come.
    pub fn at(&mut self, moment: Moment, work: impl FnOnce(&mut Self) + Send + 'static) {
        self.faults.plan(moment, Box::new(work));
    }

    /// The mailbox with this identity, and its name now.
    pub(super) fn find(&mut self, id: u64) -> Option<(&String, &mut Mailbox)> {
        self.mailboxes.iter_mut().find(|(_, mailbox)| mailbox.id == id)
    }

    /// A message that arrives now.
    pub(super) fn message(&mut self, bytes: Arc<[u8]>, flags: Flags, date: Option<i64>) -> Message {
        self.id += 1;
        let date = date.unwrap_or_else(|| FIRST + 60 * i64::try_from(self.id).unwrap_or(0));
        Message { flags, mod_seq: 0, date, bytes, email_id: format!("M{}", self.id) }
    }
}
