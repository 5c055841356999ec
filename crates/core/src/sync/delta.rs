//! What a pull learned of one mailbox.

use crate::mail::{Flags, ModSeq, SyncState, Uid, UidSet};

/// What a pull learned of one mailbox, applied in one transaction together with the state it proves.
///
/// `N` is what a new entry looks like to whoever applies it: the store's own type carries where the
/// content was put.
#[derive(Clone, Debug)]
pub struct Delta<N> {
    /// The UIDs are new: every known entry of the mailbox goes before the rest is applied. Contents stay,
    /// keyed by digest, and a message that comes again in the same delta has not been away.
    pub reset: bool,
    /// Messages that are gone from the mailbox.
    pub vanished: UidSet,
    /// Flags as the server now has them.
    pub flags: Vec<FlagChange>,
    /// Messages seen for the first time. One already known is replaced, not doubled.
    pub new: Vec<N>,
    /// The state this delta proves; `None` when more is to come before it is proven.
    pub state: Option<SyncState>,
}

/// The flags of one known message as the server now has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagChange {
    /// Which message.
    pub uid: Uid,
    /// All its flags.
    pub flags: Flags,
    /// The modification sequence of that state, with CONDSTORE.
    pub mod_seq: Option<ModSeq>,
}

impl<N> Default for Delta<N> {
    fn default() -> Self {
        Self { reset: false, vanished: UidSet::new(), flags: Vec::new(), new: Vec::new(), state: None }
    }
}
