//! What a server says without being asked.

use restante_core::imap::Event;
use restante_core::imap::wire::{MailboxStatus, Response};
use restante_core::mail::MailboxName;
use std::collections::BTreeMap;

/// Unasked responses, collected whatever command is under way.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// The last word on each mailbox (RFC 5465, section 4).
    pub(crate) statuses: BTreeMap<MailboxName, MailboxStatus>,
    /// A mailbox was made, renamed or removed.
    pub(crate) listed: bool,
    /// A mailbox is open, or was asked to be: news of it come in other words.
    pub(crate) open: bool,
    /// What is open is the INBOX, as it was pulled last: what happens there is told.
    pub(crate) attended: bool,
    /// Something happened in the mailbox that is open.
    pub(crate) selected: bool,
}

impl News {
    pub(super) fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Untagged(Response::MailboxStatus(status)) => {
                self.statuses.insert(status.name.clone(), status.clone());
            }
            Event::Untagged(Response::List(_)) => self.listed = true,
            Event::Untagged(
                Response::Exists(_)
                | Response::Expunge(_)
                | Response::Fetch(_)
                | Response::Vanished { earlier: false, .. },
            ) => self.selected = true,
            _ => {}
        }
    }
}
