//! What a commit altered, for whoever shows it.

use crate::{AccountId, MailboxId, MessageId};

/// One thing a commit altered. What else a row holds is read again by whoever needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Change {
    /// An account or the list of its mailboxes.
    Mailboxes(AccountId),
    /// A mailbox's numbers.
    Counts(MailboxId),
    /// A message came into a mailbox.
    Appeared(MailboxId, MessageId),
    /// A message's flags in a mailbox.
    Flags(MailboxId, MessageId),
    /// More of a message is here than before; it has a new identity.
    Completed(MailboxId, MessageId),
    /// A message left a mailbox.
    Disappeared(MailboxId, MessageId),
}
