//! Unique identifiers and the state a mailbox was last seen in.

use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};

/// A message's unique identifier in one mailbox (RFC 9051, section 2.3.1.1). Never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(NonZeroU32);

impl Uid {
    /// The smallest UID.
    pub const MIN: Self = Self(NonZeroU32::MIN);
    /// The largest UID the protocol can express.
    pub const MAX: Self = Self(NonZeroU32::MAX);

    /// `None` for zero.
    #[must_use]
    pub fn new(value: u32) -> Option<Self> {
        NonZeroU32::new(value).map(Self)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A mailbox's UIDVALIDITY (RFC 9051, section 2.3.1.1). Never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UidValidity(NonZeroU32);

impl UidValidity {
    /// `None` for zero.
    #[must_use]
    pub fn new(value: u32) -> Option<Self> {
        NonZeroU32::new(value).map(Self)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

/// A modification sequence (RFC 7162, section 3.1): 1 to 2^63-1, so that it fits an `i64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModSeq(NonZeroU64);

impl ModSeq {
    /// `None` for zero and for values above 2^63-1.
    #[must_use]
    pub fn new(value: u64) -> Option<Self> {
        NonZeroU64::new(value).filter(|v| i64::try_from(v.get()).is_ok()).map(Self)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

/// What is known of a mailbox's state: proven by the rows stored with it, never ahead of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncState {
    /// The UIDVALIDITY the entries belong to.
    pub uid_validity: UidValidity,
    /// Every message below this UID is known. Zero before the first sync has finished its list.
    pub uid_next: u32,
    /// All changes up to this one are applied; `None` without CONDSTORE.
    pub highest_mod_seq: Option<ModSeq>,
}

/// A set of UIDs as ascending, disjoint, non-adjacent ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UidSet {
    ranges: Vec<(u32, u32)>,
}

impl UidSet {
    /// The empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self { ranges: Vec::new() }
    }

    /// All UIDs from `first` to `last`, in either order (servers send both).
    #[must_use]
    pub fn range(first: Uid, last: Uid) -> Self {
        let (low, high) = if first <= last { (first, last) } else { (last, first) };
        Self { ranges: vec![(low.get(), high.get())] }
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many UIDs are in it. A set written by a server may be as large as 2^32-1.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|(low, high)| u64::from(high - low) + 1).sum()
    }

    /// The ranges, ascending, both ends included.
    #[must_use]
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// Whether `uid` is in it.
    #[must_use]
    pub fn contains(&self, uid: Uid) -> bool {
        let at = self.ranges.partition_point(|(_, high)| *high < uid.get());
        self.ranges.get(at).is_some_and(|(low, _)| *low <= uid.get())
    }

    /// Adds one UID. Appending in ascending order is cheap; elsewhere it costs a merge.
    pub fn insert(&mut self, uid: Uid) {
        self.insert_range(uid, uid);
    }

    /// Adds a range, both ends included.
    pub fn insert_range(&mut self, first: Uid, last: Uid) {
        let (mut low, mut high) = (first.get().min(last.get()), first.get().max(last.get()));
        if let Some((_, end)) = self.ranges.last_mut()
            && low > *end
        {
            if low == *end + 1 {
                *end = high;
            } else {
                self.ranges.push((low, high));
            }
            return;
        }
        let from = self.ranges.partition_point(|(_, end)| end.saturating_add(1) < low);
        let to = self.ranges.partition_point(|(start, _)| *start <= high.saturating_add(1));
        if let Some(touched) = self.ranges.get(from..to) {
            for (start, end) in touched {
                low = low.min(*start);
                high = high.max(*end);
            }
        }
        self.ranges.splice(from..to.max(from), [(low, high)]);
    }

    /// The members, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Uid> + '_ {
        self.ranges.iter().flat_map(|(low, high)| *low..=*high).filter_map(Uid::new)
    }

    /// What is in `self` and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut result = Vec::new();
        let mut cuts = other.ranges.iter().copied().peekable();
        for &(low, high) in &self.ranges {
            let mut start = Some(low);
            while let Some(&(cut_low, cut_high)) = cuts.peek() {
                let Some(from) = start else { break };
                if cut_high < from {
                    cuts.next();
                    continue;
                }
                if cut_low > high {
                    break;
                }
                if cut_low > from {
                    result.push((from, cut_low - 1));
                }
                if cut_high >= high {
                    start = None;
                } else {
                    start = Some(cut_high + 1);
                    cuts.next();
                }
            }
            if let Some(from) = start {
                result.push((from, high));
            }
        }
        Self { ranges: result }
    }

    /// Splits the set into pieces whose text is at most `bytes` long each, for servers that refuse
    /// long lines. One range always fits.
    #[must_use]
    pub fn chunks(&self, bytes: usize) -> Vec<Self> {
        let mut pieces: Vec<Self> = Vec::new();
        let mut length = 0;
        for &(low, high) in &self.ranges {
            let size = if low == high {
                low.to_string().len()
            } else {
                low.to_string().len() + high.to_string().len() + 1
            };
            match pieces.last_mut() {
                Some(piece) if length + 1 + size <= bytes => {
                    piece.ranges.push((low, high));
                    length += 1 + size;
                }
                _ => {
                    pieces.push(Self { ranges: vec![(low, high)] });
                    length = size;
                }
            }
        }
        pieces
    }
}

impl FromIterator<Uid> for UidSet {
    fn from_iter<I: IntoIterator<Item = Uid>>(uids: I) -> Self {
        let mut set = Self::new();
        uids.into_iter().for_each(|uid| set.insert(uid));
        set
    }
}

/// The `sequence-set` of RFC 9051: ascending, merged. The empty set has no such form and prints
/// nothing.
impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (low, high)) in self.ranges.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            if low == high {
                write!(f, "{low}")?;
            } else {
                write!(f, "{low}:{high}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn set(numbers: &BTreeSet<u32>) -> UidSet {
        numbers.iter().filter_map(|n| Uid::new(*n)).collect()
    }

    proptest! {
        #[test]
        fn a_uid_set_is_a_set(a in proptest::collection::vec(1u32..60, 0..40), b in proptest::collection::btree_set(1u32..60, 0..40)) {
            let unordered: UidSet = a.iter().filter_map(|n| Uid::new(*n)).collect();
            let model: BTreeSet<u32> = a.into_iter().collect();
            prop_assert_eq!(&unordered, &set(&model));
            prop_assert_eq!(unordered.len(), model.len() as u64);
            let minus: BTreeSet<u32> = model.difference(&b).copied().collect();
            prop_assert_eq!(unordered.difference(&set(&b)), set(&minus));
            for n in 1..60 {
                prop_assert_eq!(unordered.contains(Uid::new(n).unwrap()), model.contains(&n));
            }
            let pieces = unordered.chunks(9);
            prop_assert!(pieces.iter().all(|p| p.to_string().len() <= 9));
            prop_assert_eq!(pieces.iter().flat_map(UidSet::iter).collect::<UidSet>(), unordered);
        }
    }

    #[test]
    fn the_text_is_merged_and_ascending() {
        let set: UidSet = [5, 1, 2, 3, 9].into_iter().filter_map(Uid::new).collect();
        assert_eq!(set.to_string(), "1:3,5,9");
        assert_eq!(UidSet::range(Uid::new(1593).unwrap(), Uid::new(1580).unwrap()).to_string(), "1580:1593");
    }
}
