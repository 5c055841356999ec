//! How to learn what a mailbox has become: which strategy, and what it must be checked against.
//!
//! A pull goes like this. STATUS (for all mailboxes in one round trip) may already prove that nothing
//! changed: [`is_unchanged`]. Else the mailbox is opened and [`choose`] names the strategy. Whatever it
//! was, the number of messages the server counts must in the end be the number held: [`agrees`].
//! Otherwise, and before a great part of a mailbox is believed gone ([`needs_proof`]), the full list of
//! UIDs is fetched and compared: [`compare`].

use crate::mail::{ModSeq, SyncState, UidSet, UidValidity};

/// What the store holds of a mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The state of the last pull; `None` before the first.
    pub state: Option<SyncState>,
    /// How many entries.
    pub count: u64,
    /// The entries are those of another server, or of the mailbox's former name: their UIDs mean nothing
    /// here, even where UIDVALIDITY happens to be the same.
    pub moved: bool,
}

/// What the server says of a mailbox, by STATUS or SELECT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// UIDVALIDITY; servers without UIDs to rely on (RFC 9051: `UIDNOTSTICKY`) send none.
    pub uid_validity: Option<UidValidity>,
    /// UIDNEXT
    pub uid_next: Option<u32>,
    /// HIGHESTMODSEQ, when the mailbox keeps one.
    pub highest_mod_seq: Option<ModSeq>,
    /// How many messages.
    pub exists: u32,
}

/// How to bring the entries up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Never pulled to the end: the whole list of UIDs, then what is missing.
    Whole,
    /// The UIDs are new: the messages are recognised by other means and replace the entries at once; then
    /// as [`Strategy::Whole`].
    Reset,
    /// SELECT with QRESYNC already brought what vanished and which flags changed (RFC 7162, 3.2.5).
    Qresync,
    /// Changed flags by `CHANGEDSINCE` (RFC 7162, section 3.1.4.1).
    Condstore {
        /// The modification sequence up to which everything is known.
        since: ModSeq,
    },
    /// Every flag compared (RFC 4549, section 4.3).
    Plain,
}

/// Whether STATUS proves that nothing at all changed. Only a modification sequence can prove it: flags
/// change without leaving another trace.
#[must_use]
pub fn is_unchanged(held: Held, status: Seen) -> bool {
    let Some(state) = trusted(held) else { return false };
    state.highest_mod_seq.is_some()
        && state.highest_mod_seq == status.highest_mod_seq
        && status.uid_validity == Some(state.uid_validity)
        && status.uid_next == Some(state.uid_next)
        && u64::from(status.exists) == held.count
}

/// Whether the state is that of a pull that came to its end.
#[must_use]
pub fn is_complete(state: &SyncState) -> bool {
    state.uid_next > 0
}

/// The state, when it can be gone on from.
fn trusted(held: Held) -> Option<SyncState> {
    held.state.filter(|state| is_complete(state) && !held.moved)
}

/// Whether [`choose`] will want the full list of UIDs, whatever is seen: nothing is held, or what is held is not complete.
#[must_use]
pub fn needs_list(held: Held) -> bool {
    trusted(held).is_none()
}

/// The `QRESYNC (uidvalidity modseq)` that SELECT should carry, when there is a state to go on from.
#[must_use]
pub fn qresync_parameter(held: Held) -> Option<(UidValidity, ModSeq)> {
    let state = trusted(held)?;
    Some((state.uid_validity, state.highest_mod_seq?))
}

/// UIDNEXT, when it is less than it was and everything else goes on from what is held. Where nothing else tells
/// that no UID was given again, [`choose`] takes none of them for what it was.
#[must_use]
pub fn fallen(held: Held, seen: Seen) -> Option<u32> {
    let state = trusted(held).filter(|state| seen.uid_validity == Some(state.uid_validity))?;
    seen.uid_next.filter(|next| (1..state.uid_next).contains(next))
}

/// The strategy for an opened mailbox. `qresync` tells that SELECT carried [`qresync_parameter`].
#[must_use]
pub fn choose(held: Held, seen: Seen, qresync: bool) -> Strategy {
    let Some(state) = held.state else { return Strategy::Whole };
    if held.moved || seen.uid_validity != Some(state.uid_validity) {
        return Strategy::Reset;
    }
    if !is_complete(&state) {
        return Strategy::Whole;
    }
    if seen.uid_next.is_some_and(|next| next < state.uid_next) {
        // RFC 9051, section 2.3.1.1: it never goes back. A restored backup gives UIDs again, to other messages, and may
        // forget to say so by UIDVALIDITY.
        return Strategy::Reset;
    }
    match (state.highest_mod_seq, seen.highest_mod_seq) {
        // A sequence that goes back, or was dropped, proves nothing about what came between.
        (Some(known), Some(now)) if now >= known => {
            if qresync {
                Strategy::Qresync
            } else {
                Strategy::Condstore { since: known }
            }
        }
        _ => Strategy::Plain,
    }
}

/// What went back that never may, in words: the server lost its memory, or was restored from a copy. `condstore`
/// tells that it offers modification sequences at all.
#[must_use]
pub fn setback(held: Held, seen: Seen, condstore: bool) -> Option<String> {
    let state = trusted(held).filter(|state| seen.uid_validity == Some(state.uid_validity))?;
    if let Some(next) = seen.uid_next.filter(|next| *next < state.uid_next) {
        return Some(format!("UIDNEXT went back from {} to {next}", state.uid_next));
    }
    let known = state.highest_mod_seq.filter(|_| condstore)?;
    match seen.highest_mod_seq {
        None => Some("the mailbox keeps no modification sequences any more".to_owned()),
        Some(now) if now < known => {
            Some(format!("HIGHESTMODSEQ went back from {} to {}", known.get(), now.get()))
        }
        Some(_) => None,
    }
}

/// Whether the entries held after a pull are as many as the server counts. When they are not, something
/// was missed, or a server lied about what vanished.
#[must_use]
pub fn agrees(held: u64, seen: Seen) -> bool {
    held == u64::from(seen.exists)
}

/// The deletion fuse: whether so much would be removed on one response's word that the full list of
/// UIDs must confirm it first. More than 20 messages and more than a tenth of the mailbox.
#[must_use]
pub fn needs_proof(vanishing: u64, held: u64) -> bool {
    vanishing > 20 && vanishing.saturating_mul(10) > held
}

/// Whether a list of UIDs lacks so much of what the server counts that it proves nothing to be gone: servers cut lists
/// short, and not all of them say so (RFC 9738).
#[must_use]
pub fn is_short(listed: u64, exists: u64) -> bool {
    needs_proof(exists.saturating_sub(listed), exists)
}

/// The two lists of UIDs side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Held, and not on the server any more.
    pub gone: UidSet,
    /// On the server, and not held.
    pub missing: UidSet,
}

/// Compares what is held with what the server lists.
#[must_use]
pub fn compare(held: &UidSet, listed: &UidSet) -> Comparison {
    Comparison { gone: held.difference(listed), missing: listed.difference(held) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(validity: u32, uid_next: u32, mod_seq: u64) -> SyncState {
        SyncState {
            uid_validity: UidValidity::new(validity).unwrap(),
            uid_next,
            highest_mod_seq: ModSeq::new(mod_seq),
        }
    }

    fn held(validity: u32, uid_next: u32, mod_seq: u64, count: u64) -> Held {
        Held { state: Some(state(validity, uid_next, mod_seq)), count, moved: false }
    }

    fn seen(validity: u32, uid_next: u32, mod_seq: u64, exists: u32) -> Seen {
        Seen {
            uid_validity: UidValidity::new(validity),
            uid_next: Some(uid_next),
            highest_mod_seq: ModSeq::new(mod_seq),
            exists,
        }
    }

    #[test]
    fn only_equal_sequences_and_counts_prove_that_nothing_changed() {
        assert!(is_unchanged(held(1, 9, 50, 3), seen(1, 9, 50, 3)));
        for other in [seen(2, 9, 50, 3), seen(1, 10, 50, 3), seen(1, 9, 51, 3), seen(1, 9, 50, 2)] {
            assert!(!is_unchanged(held(1, 9, 50, 3), other), "{other:?}");
        }
        assert!(!is_unchanged(held(1, 9, 0, 3), seen(1, 9, 0, 3)), "without sequences flags may differ");
        assert!(!is_unchanged(held(1, 0, 0, 3), seen(1, 9, 50, 3)), "an interrupted pull is no proof");
    }

    #[test]
    fn the_strategy_follows_what_is_held_and_what_is_offered() {
        let nothing = Held { state: None, count: 0, moved: false };
        assert_eq!(choose(nothing, seen(1, 9, 50, 3), true), Strategy::Whole);
        assert_eq!(choose(held(1, 0, 0, 2), seen(1, 9, 50, 3), true), Strategy::Whole);
        assert_eq!(choose(held(2, 9, 50, 3), seen(1, 9, 50, 3), true), Strategy::Reset);
        assert_eq!(choose(held(1, 9, 50, 3), seen(1, 12, 60, 6), true), Strategy::Qresync);
        assert_eq!(choose(held(1, 9, 50, 3), seen(1, 8, 60, 3), true), Strategy::Reset, "UIDNEXT went back");
        let since = ModSeq::new(50).unwrap();
        assert_eq!(choose(held(1, 9, 50, 3), seen(1, 12, 60, 6), false), Strategy::Condstore { since });
        assert_eq!(choose(held(1, 9, 50, 3), seen(1, 12, 40, 6), true), Strategy::Plain, "it went back");
        assert_eq!(choose(held(1, 9, 50, 3), seen(1, 12, 0, 6), true), Strategy::Plain, "it was dropped");
        assert_eq!(choose(held(1, 9, 0, 3), seen(1, 12, 60, 6), true), Strategy::Plain, "it is new");
    }

    #[test]
    fn nothing_is_gone_on_from_where_the_entries_are_another_servers() {
        let moved = Held { moved: true, ..held(1, 9, 50, 3) };
        assert!(!is_unchanged(moved, seen(1, 9, 50, 3)));
        assert_eq!(qresync_parameter(moved), None);
        assert_eq!(choose(moved, seen(1, 9, 50, 3), false), Strategy::Reset);
    }

    #[test]
    fn what_goes_back_is_noticed_and_not_gone_on_from() {
        let before = held(1, 9, 50, 3);
        assert_eq!(
            choose(before, seen(1, 8, 50, 3), true),
            Strategy::Reset,
            "UIDs may have been given twice"
        );
        assert_eq!(fallen(before, seen(1, 8, 50, 3)), Some(8));
        for other in [seen(1, 9, 50, 3), seen(2, 8, 50, 3), seen(1, 0, 50, 3)] {
            assert_eq!(fallen(before, other), None, "{other:?}");
        }
        let said = |seen| setback(before, seen, true).unwrap_or_default();
        assert_eq!(said(seen(1, 8, 60, 3)), "UIDNEXT went back from 9 to 8");
        assert_eq!(said(seen(1, 9, 49, 3)), "HIGHESTMODSEQ went back from 50 to 49");
        assert_eq!(said(seen(1, 9, 0, 3)), "the mailbox keeps no modification sequences any more");
        for fine in [seen(1, 9, 50, 2), seen(1, 12, 60, 6), seen(2, 1, 1, 0)] {
            assert_eq!(setback(before, fine, true), None, "{fine:?}");
        }
        assert_eq!(setback(before, seen(1, 9, 0, 3), false), None, "the server does not offer them");
        assert_eq!(setback(Held { moved: true, ..before }, seen(1, 2, 3, 4), true), None);
    }

    #[test]
    fn the_list_is_wanted_whatever_comes_where_nothing_can_be_gone_on_from() {
        let seen = [seen(1, 9, 50, 3), seen(2, 1, 0, 0)];
        let nothing = Held { state: None, count: 0, moved: false };
        for held in [nothing, held(1, 0, 0, 2), Held { moved: true, ..held(1, 9, 50, 3) }] {
            assert!(needs_list(held));
            for seen in seen {
                assert!(matches!(choose(held, seen, false), Strategy::Whole | Strategy::Reset), "{held:?}");
            }
        }
        assert!(!needs_list(held(1, 9, 50, 3)));
    }

    #[test]
    fn a_great_removal_needs_proof() {
        assert!(!needs_proof(20, 20), "a small mailbox may be emptied");
        assert!(needs_proof(21, 21) && needs_proof(21, 209), "one that is hardly larger may not");
        assert!(!needs_proof(21, 210) && !needs_proof(21, 1000), "a tenth may go");
        assert!(!needs_proof(100, 1000));
        assert!(needs_proof(101, 1000));
    }

    #[test]
    fn a_list_that_was_cut_short_proves_nothing() {
        assert!(is_short(100, 1000));
        assert!(!is_short(999, 1000), "one left meanwhile");
        assert!(!is_short(1000, 1000));
        assert!(!is_short(0, 10), "so few may be a count that is wrong");
    }
}
