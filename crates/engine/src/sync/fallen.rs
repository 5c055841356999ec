//! A UIDNEXT that went back, and nothing else did.
//!
//! Some servers (Exchange's kind) give the highest UID there is, and one: it falls whenever the newest message is
//! removed. A restored backup makes it fall as well, and then UIDs may be given again, to other messages. The newest
//! messages that are left tell the two apart: where they are what is held, no UID was given again.

use super::describe::describe;
use super::keeper::Keeper;
use super::list::Abilities;
use crate::error::Error;
use crate::imap::Connection;
use restante_core::mail::{Uid, UidSet};
use restante_core::sync::pull::Held;
use restante_core::sync::recognise::Arrival;
use restante_store::{Entry, MailboxId};

/// Messages that are looked at: one round trip, and some 250 octets each.
const NEWEST: usize = 10;

/// Whether the newest messages of the open mailbox, below UIDNEXT `next`, are those that are held.
pub(super) async fn is_harmless(
    connection: &mut Connection,
    keeper: &Keeper,
    abilities: Abilities,
    mailbox: MailboxId,
    next: u32,
    exists: u64,
) -> Result<bool, Error> {
    let Some(last) = Uid::new(next.saturating_sub(1)) else { return Ok(exists == 0) };
    let held = keeper.with(move |store| store.view().uids(mailbox)).await?;
    let mut newest: Vec<Uid> = held.difference(&from(next)).iter().collect();
    let newest = newest.split_off(newest.len().saturating_sub(NEWEST));
    let entries = keeper.with(move |store| store.view().entries(mailbox, &newest)).await?;
    let mut wanted: UidSet = entries.iter().map(|entry| entry.uid).collect();
    wanted.insert(last);
    let arrivals = describe(connection, abilities, &wanted).await?.arrivals;
    let known = |arrival: &Arrival| entries.iter().any(|entry| is_same(entry, arrival));
    Ok(if arrivals.is_empty() { exists == 0 } else { arrivals.iter().all(known) })
}

/// What is held, as if the fallen UIDNEXT had been seen before.
pub(super) fn as_before(held: Held, next: u32) -> Held {
    Held { state: held.state.map(|state| restante_core::mail::SyncState { uid_next: next, ..state }), ..held }
}

/// The UIDs from `next` on: none of them is there any more.
pub(super) fn from(next: u32) -> UidSet {
    Uid::new(next).map_or_else(UidSet::new, |first| UidSet::range(first, Uid::MAX))
}

/// Servers that count UIDNEXT so estimate sizes too: a Message-ID says more.
fn is_same(entry: &Entry, arrival: &Arrival) -> bool {
    entry.uid == arrival.uid
        && entry.message_id == arrival.message_id
        && (!entry.message_id.is_empty()
            || (entry.size == arrival.size && entry.internal_date == arrival.internal_date))
}
