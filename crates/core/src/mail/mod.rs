//! The nouns everything else is made of.
//!
//! A value that exists is valid: parsing happens where text enters, and what comes out needs no
//! second look. Nothing here knows a protocol's syntax beyond the word it names.

mod address;
mod flag;
mod mailbox;
mod uid;

pub use address::{Address, AddressError};
pub use flag::{Flags, SystemFlag};
pub use mailbox::{Mailbox, MailboxName, SpecialUse};
pub use uid::{ModSeq, SyncState, Uid, UidSet, UidValidity};

/// A person or list as a header names it (RFC 5322, section 3.4): a name to show and an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct Contact {
    /// The display name, decoded; empty when the header had none.
    pub name: String,
    /// The address as written. Headers hold malformed ones, so this is text, not an [`Address`].
    pub address: String,
}
