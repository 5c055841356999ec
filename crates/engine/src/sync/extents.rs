//! How much is fetched of each message.

use restante_core::imap::wire::Command;
use restante_core::mail::{Uid, UidSet};
use restante_core::sync::Policy;
use restante_core::sync::policy::{BEGINNING, Extent, Limits};
use restante_core::sync::pull::{self, Held};
use restante_store::Partial;

use super::list::Abilities;
use super::portions::insert_all;

/// How much is to be held at the time of a sync.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) limits: Limits,
    /// The policy in words, as mailboxes remember it.
    pub(super) words: String,
}

impl Rule {
    pub(super) fn of(policy: &Policy, now: i64) -> Self {
        Self { limits: policy.at(now), words: policy.to_string() }
    }

    /// Of which of these messages more is to be held: all of them, and those of which the beginning is enough.
    pub(super) fn lacking(&self, partials: &[Partial]) -> (UidSet, UidSet) {
        let (mut lacking, mut begin) = (UidSet::new(), UidSet::new());
        for partial in partials {
            match self.limits.extent(partial.internal_date, partial.size) {
                Extent::Whole => lacking.insert(partial.uid),
                Extent::Beginning if partial.held < BEGINNING.min(partial.size) => {
                    lacking.insert(partial.uid);
                    begin.insert(partial.uid);
                }
                Extent::Beginning | Extent::Header => {}
            }
        }
        (lacking, begin)
    }
}

/// Which messages of a mailbox do not come whole, as far as the server was asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Extents {
    /// What the server was asked about.
    asked: UidSet,
    old: UidSet,
    large: UidSet,
}

impl Extents {
    /// Everything whole but for these, of which the beginning comes.
    pub(super) fn beginning(of: UidSet) -> Self {
        Self { asked: UidSet::range(Uid::MIN, Uid::MAX), old: UidSet::new(), large: of }
    }

    /// Whether the server was asked about all of these.
    pub(super) fn covers(&self, wanted: &UidSet) -> bool {
        wanted.difference(&self.asked).is_empty()
    }

    /// Takes over the answers to [`questions`] about `asked`, in their order.
    pub(super) fn learn(&mut self, asked: &UidSet, limits: &Limits, answers: Vec<UidSet>) {
        insert_all(&mut self.asked, asked);
        let mut answers = answers.into_iter();
        for (key, set) in [(limits.before(), &mut self.old), (limits.larger(), &mut self.large)] {
            if key.is_some()
                && let Some(answer) = answers.next()
            {
                insert_all(set, &answer);
            }
        }
    }

    pub(super) fn of(&self, uid: Uid) -> Extent {
        if self.old.contains(uid) {
            Extent::Header
        } else if self.large.contains(uid) {
            Extent::Beginning
        } else {
            Extent::Whole
        }
    }

    /// A set in parts, each with how much is to come of it. None is empty.
    pub(super) fn split(&self, set: &UidSet, line: usize) -> Vec<(Extent, UidSet)> {
        let mut parts =
            [Extent::Whole, Extent::Beginning, Extent::Header].map(|extent| (extent, UidSet::new()));
        for uid in set.iter() {
            let extent = self.of(uid);
            for (_, part) in parts.iter_mut().filter(|(of, _)| *of == extent) {
                part.insert(uid);
            }
        }
        let pieces = |(extent, part): (Extent, UidSet)| {
            part.chunks(line).into_iter().map(move |piece| (extent, piece))
        };
        parts.into_iter().flat_map(pieces).collect()
    }
}

/// What asks which messages of `of` are old and which are large: nothing, one command or two.
pub(super) fn questions(limits: &Limits, of: &UidSet, esearch: bool) -> Vec<Command> {
    let ranges = of.ranges();
    let everything = ranges == [(Uid::MIN.get(), Uid::MAX.get())];
    let range = match (ranges.first(), ranges.last()) {
        (Some((first, _)), Some((_, last))) if !everything => format!("UID {first}:{last} "),
        _ => String::new(),
    };
    let ask = |key: String| {
        let command = Command::new("UID SEARCH");
        let command = if esearch { command.raw("RETURN (ALL)") } else { command };
        command.raw(&format!("{range}{key}"))
    };
    [limits.before(), limits.larger()].into_iter().flatten().map(ask).collect()
}

/// What is asked together with the opening of a mailbox that is held so far, and of which messages. Servers that do not
/// say which search they answer are asked later, one search at a time.
pub(super) fn at_opening(limits: &Limits, abilities: Abilities, held: Held) -> (UidSet, Vec<Command>) {
    if !(abilities.condstore && abilities.esearch) {
        return (UidSet::new(), Vec::new());
    }
    let known = held.state.filter(|_| !pull::needs_list(held));
    let first = known.and_then(|state| Uid::new(state.uid_next)).unwrap_or(Uid::MIN);
    let about = UidSet::range(first, Uid::MAX);
    let asking = questions(limits, &about, true);
    (about, asking)
}

/// What is asked of each message, for this much of it; with `sized` how large it is as well, where that is no matter of
/// course.
pub(super) fn items(extent: Extent, common: &str, sized: bool) -> String {
    match extent {
        Extent::Whole if sized => format!("(UID {common}RFC822.SIZE BODY.PEEK[])"),
        Extent::Whole => format!("(UID {common}BODY.PEEK[])"),
        Extent::Beginning => format!("(UID {common}RFC822.SIZE BODY.PEEK[]<0.{BEGINNING}>)"),
        Extent::Header => format!("(UID {common}RFC822.SIZE BODY.PEEK[HEADER])"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uids(uids: impl IntoIterator<Item = u32>) -> UidSet {
        uids.into_iter().filter_map(Uid::new).collect()
    }

    #[test]
    fn a_portion_is_split_by_how_much_is_to_come() {
        let limits = Limits { since: Some(86_400 * 400), whole: Some(1000) };
        let mut extents = Extents::default();
        assert!(!extents.covers(&uids([3])));
        extents.learn(&uids(1..=9), &limits, vec![uids([1, 2]), uids([2, 7])]);
        assert!(extents.covers(&uids([3])) && !extents.covers(&uids([10])));
        let parts = extents.split(&uids(1..=8), 900);
        let parts: Vec<_> = parts.iter().map(|(extent, set)| (*extent, set.to_string())).collect();
        let expected = [(Extent::Whole, "3:6,8"), (Extent::Beginning, "7"), (Extent::Header, "1:2")];
        assert_eq!(parts, expected.map(|(extent, set)| (extent, set.to_owned())));
    }
}
