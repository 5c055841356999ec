//! Servers that let a command be about so many messages only (RFC 9738).
//!
//! They begin with the highest UID and name the lowest that they came to. What is below it was not done, not found and
//! not fetched: a list that ends there says nothing of the rest. So each such command is asked again for what is left.

use super::list::Abilities;
use super::pull::line;
use crate::error::Error;
use crate::imap::{Completion, Connection};
use restante_core::imap::Event;
use restante_core::imap::wire::Command;
use restante_core::mail::{Uid, UidSet};

/// What a command that stopped at `stopped` left of a set.
pub(super) fn left(of: &UidSet, stopped: Uid) -> UidSet {
    let done = UidSet::range(stopped, Uid::MAX);
    of.difference(&done)
}

/// A set in pieces, each for one command. A piece of at most as many messages as a command may be about is always
/// done whole.
pub(super) fn pieces(of: &UidSet, abilities: Abilities) -> Vec<UidSet> {
    let mut pieces = Vec::new();
    for piece in of.chunks(line(abilities)) {
        match abilities.limit.map(u64::from).filter(|limit| piece.len() > *limit) {
            Some(limit) => pieces.extend(portions(&piece, limit)),
            None => pieces.push(piece),
        }
    }
    pieces
}

/// A set in portions of so many.
fn portions(of: &UidSet, limit: u64) -> Vec<UidSet> {
    let mut portions = vec![UidSet::new()];
    for uid in of.iter() {
        match portions.last_mut() {
            Some(last) if last.len() < limit => last.insert(uid),
            _ => portions.push(UidSet::range(uid, uid)),
        }
    }
    portions
}

/// Sends a command for a set of UIDs, and again for what is left of it, until all of it was done or one completion is
/// no OK; gives the last.
pub(super) async fn to_the_end(
    connection: &mut Connection,
    set: &UidSet,
    command: impl Fn(&UidSet) -> Command,
    mut on: impl FnMut(Event<'_>) -> Result<(), Error>,
) -> Result<Completion, Error> {
    let mut completion = connection.run(command(set), &mut on).await?;
    let mut rest = set.clone();
    while let Some(stopped) = completion.stopped.take() {
        let below = left(&rest, stopped);
        // It ends, whatever a server says: each time less is asked for.
        if below.is_empty() || below.len() == rest.len() {
            break;
        }
        completion = connection.run(command(&below), &mut on).await?;
        rest = below;
    }
    Ok(completion)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_below_the_last_uid_that_was_done() {
        let set = UidSet::range(Uid::MIN, Uid::MAX);
        assert_eq!(left(&set, Uid::new(20_001).unwrap()).to_string(), "1:20000");
        assert!(left(&set, Uid::MIN).is_empty());
    }

    #[test]
    fn pieces_are_of_as_many_messages_as_may_be() {
        let abilities = Abilities { limit: Some(3), ..Abilities::default() };
        let set: UidSet = [1, 2, 3, 4, 9, 11, 12].into_iter().filter_map(Uid::new).collect();
        let pieces: Vec<String> = pieces(&set, abilities).iter().map(ToString::to_string).collect();
        assert_eq!(pieces, ["1:3", "4,9,11", "12"]);
    }
}
