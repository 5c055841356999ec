//! In which portions messages are fetched, and what is asked for again when a server refuses.

use crate::imap::Completion;
use restante_core::mail::{Uid, UidSet};

/// Messages in one fetch. The first is small, so that the newest messages are there at once.
const FIRST_FETCH: u32 = 20;
pub(super) const FETCH: u32 = 200;
/// How many portions are asked for again when a server refuses: enough to find some bad messages.
const AGAIN: usize = 200;

/// What a server does not give. One message it cannot read makes many servers refuse a whole portion, so
/// what did not come is asked for in halves until only that message is left.
#[derive(Default)]
pub(super) struct Refusals {
    /// Portions asked for again.
    asked: usize,
    /// Messages that were refused alone, or in portions when too much was refused to go on asking.
    pub(super) refused: UidSet,
    /// The server's last words about one.
    pub(super) last: Option<Completion>,
}

impl Refusals {
    /// Takes note of a portion that ended with NO or BAD, `missing` some of it.
    pub(super) fn add(&mut self, completion: &Completion, missing: UidSet, waiting: &mut Portions) {
        // Gone since they were listed (RFC 5530, section 3): the count at the end tells.
        if missing.is_empty() || completion.code.as_ref().is_some_and(|code| code.name() == "EXPUNGEISSUED") {
            return;
        }
        if missing.len() > 1 && self.asked < AGAIN {
            self.asked += 2;
            waiting.again(&missing);
            return;
        }
        self.last = Some(completion.clone());
        insert_all(&mut self.refused, &missing);
    }

    /// What is to be said of it.
    pub(super) fn evidence(&self) -> Option<String> {
        let uids = match self.refused.len() {
            0 => return None,
            1 => format!("UID {}", self.refused),
            count if self.refused.to_string().len() <= 200 => {
                format!("{count} messages, UIDs {}", self.refused)
            }
            count => format!("{count} messages"),
        };
        let line = self.last.as_ref().map(Completion::line).unwrap_or_default();
        Some(format!("the server does not give {uids}: it answered UID FETCH with: {line}"))
    }
}

/// A set in portions to fetch one after the other, the highest UIDs first. Nothing is listed before its
/// turn, however much a server claims to have.
pub(super) struct Portions {
    /// What is left, ascending.
    ranges: Vec<(u32, u32)>,
    /// Cut already, the next one last.
    ready: Vec<UidSet>,
    line: usize,
    /// Messages in the next one.
    size: u32,
    /// Messages in those after it.
    pub(super) usual: u32,
}

impl Portions {
    pub(super) fn new(wanted: &UidSet, line: usize) -> Self {
        Self { ranges: wanted.ranges().to_vec(), ready: Vec::new(), line, size: FIRST_FETCH, usual: FETCH }
    }

    /// Puts a set at the front, in two halves.
    pub(super) fn again(&mut self, missing: &UidSet) {
        let half = missing.len().div_ceil(2);
        let mut halves = [UidSet::new(), UidSet::new()];
        for (at, uid) in (0..).zip(missing.iter()) {
            if let Some(half) = halves.get_mut(usize::from(at >= half)) {
                half.insert(uid);
            }
        }
        self.ready.extend(halves.iter().flat_map(|half| half.chunks(self.line)));
    }
}

impl Iterator for Portions {
    type Item = UidSet;

    fn next(&mut self) -> Option<UidSet> {
        if self.ready.is_empty() {
            let mut portion = UidSet::new();
            let mut room = self.size;
            self.size = self.usual;
            while room > 0
                && let Some((low, high)) = self.ranges.pop()
            {
                let from = high.saturating_sub(room - 1).max(low);
                if from > low {
                    self.ranges.push((low, from - 1));
                }
                room -= high - from + 1;
                if let (Some(from), Some(high)) = (Uid::new(from), Uid::new(high)) {
                    portion.insert_range(from, high);
                }
            }
            self.ready = portion.chunks(self.line);
        }
        self.ready.pop()
    }
}

/// Makes a set part of another.
pub(super) fn insert_all(into: &mut UidSet, from: &UidSet) {
    for (low, high) in from.ranges() {
        if let (Some(low), Some(high)) = (Uid::new(*low), Uid::new(*high)) {
            into.insert_range(low, high);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_come_first_and_no_line_is_too_long() {
        let wanted: UidSet = (1..=1000).step_by(2).filter_map(Uid::new).collect();
        let portions: Vec<UidSet> = Portions::new(&wanted, 100).collect();
        let first = portions.first().unwrap();
        assert!(first.contains(Uid::new(999).unwrap()));
        assert!(portions.iter().all(|p| p.to_string().len() <= 100));
        let mut last = u32::MAX;
        for portion in &portions {
            let highest = portion.iter().last().unwrap().get();
            assert!(highest < last, "{highest} comes after {last}");
            last = highest;
        }
        assert_eq!(portions.iter().map(UidSet::len).sum::<u64>(), wanted.len());
    }

    #[test]
    fn a_mailbox_that_claims_everything_costs_nothing() {
        let mut portions = Portions::new(&UidSet::range(Uid::MIN, Uid::MAX), 1000);
        assert_eq!(portions.next().unwrap().to_string(), "4294967276:4294967295");
        assert_eq!(portions.next().unwrap().to_string(), "4294967076:4294967275");
        assert_eq!(portions.ranges, [(1, 4_294_967_075)]);
    }
}
