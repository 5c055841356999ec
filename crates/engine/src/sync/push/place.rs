//! What a server says of the messages it was asked about.

use crate::error::Error;
use restante_core::imap::Event;
use restante_core::imap::wire::{Code, Response};
use restante_core::mail::{Flags, ModSeq, SyncState, Uid, UidSet, UidValidity};
use restante_core::sync::FlagChange;
use restante_store::MailboxRow;
use std::collections::BTreeMap;

/// Messages that are there.
#[derive(Default)]
pub(super) struct Present {
    pub(super) rows: BTreeMap<Uid, Found>,
}

pub(super) struct Found {
    pub(super) flags: Flags,
    mod_seq: Option<ModSeq>,
}

impl Present {
    pub(super) fn take(&mut self, event: Event<'_>) -> Result<(), Error> {
        if let Event::Untagged(Response::Fetch(row)) = event
            && let (Some(uid), Some(flags)) = (row.uid, row.flags)
        {
            self.rows.insert(uid, Found { flags, mod_seq: row.mod_seq });
        }
        Ok(())
    }

    pub(super) fn uids(&self) -> UidSet {
        self.rows.keys().copied().collect()
    }

    pub(super) fn changes(&self) -> Vec<FlagChange> {
        let change = |(uid, found): (&Uid, &Found)| FlagChange {
            uid: *uid,
            flags: found.flags.clone(),
            mod_seq: found.mod_seq,
        };
        self.rows.iter().map(change).collect()
    }
}

/// The codes of an answer.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) uid_validity: Option<UidValidity>,
    copied: Option<(UidValidity, UidSet, UidSet)>,
}

impl Answer {
    pub(super) fn take(&mut self, event: Event<'_>) -> Result<(), Error> {
        // MOVE's COPYUID comes untagged (RFC 6851, section 4.3).
        if let Event::Untagged(Response::Status { code, .. }) = event {
            self.code(code.as_ref());
        }
        Ok(())
    }

    pub(super) fn code(&mut self, code: Option<&Code>) {
        match code {
            Some(Code::UidValidity(validity)) => self.uid_validity = Some(*validity),
            Some(Code::CopyUid(validity, from, to)) => {
                self.copied = Some((*validity, from.clone(), to.clone()))
            }
            _ => {}
        }
    }

    /// The state of a target that was never pulled, an empty or a new one: nothing is proven of it but
    /// whose UIDs these are. The next pull looks at the whole of it.
    pub(super) fn begun(&self, target: &MailboxRow) -> Option<SyncState> {
        let (uid_validity, ..) = self.copied.as_ref().filter(|_| target.state.is_none())?;
        Some(SyncState { uid_validity: *uid_validity, uid_next: 0, highest_mod_seq: None })
    }

    /// Where each message is in the target, when the server said so and the target's UIDs are known here.
    pub(super) fn placed(&self, target: &MailboxRow) -> BTreeMap<Uid, Uid> {
        let Some((validity, from, to)) = &self.copied else { return BTreeMap::new() };
        let known = target.state.is_none_or(|state| state.uid_validity == *validity) && !target.moved;
        // As many as were named: else nobody knows which is which.
        if !known || from.len() != to.len() {
            return BTreeMap::new();
        }
        from.iter().zip(to.iter()).collect()
    }
}
