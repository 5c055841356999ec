//! Which messages of a mailbox are held already, told without looking at their content.
//!
//! After UIDVALIDITY changed, or a provider moved to other servers, a mailbox has new UIDs for messages
//! that are here already. What names a message then: its Message-ID, its size to the octet and its date;
//! EMAILID (RFC 8474) where both servers give it. No single one of them is enough: an EMAILID means
//! something on one server only, and a Message-ID is the sender's word. A message that cannot be told
//! from another is not recognised, and is fetched.

use crate::mail::{Flags, ModSeq, Uid};
use std::collections::BTreeMap;

/// A message held in one place: what there is to recognise it by. `M` is what its holder calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known<M> {
    /// Which message.
    pub message: M,
    /// Its Message-ID without angle brackets; empty when it has none.
    pub message_id: String,
    /// Its octets.
    pub size: u64,
    /// The date it is sorted by, in seconds since 1970.
    pub date: i64,
    /// INTERNALDATE in this place; `None` where that was not kept.
    pub internal_date: Option<i64>,
    /// EMAILID in this place; empty when the server gave none.
    pub email_id: String,
}

/// A message as a server describes it without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its UID.
    pub uid: Uid,
    /// Its flags.
    pub flags: Flags,
    /// Its modification sequence, with CONDSTORE.
    pub mod_seq: Option<ModSeq>,
    /// `RFC822.SIZE`.
    pub size: u64,
    /// The date it would be sorted by.
    pub date: i64,
    /// INTERNALDATE in seconds since 1970.
    pub internal_date: i64,
    /// Its Message-ID without angle brackets; empty when it has none.
    pub message_id: String,
    /// EMAILID; empty when the server gave none.
    pub email_id: String,
}

/// Everything held, by what it is recognised by.
#[derive(Clone, Debug)]
pub struct Recogniser<M> {
    known: BTreeMap<Key, Places<M>>,
}

/// What two places must agree in to be taken for the same message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// Message-ID, size and date.
    Dated(String, u64, i64),
    /// EMAILID, size, and the Message-ID, or the date of a message without one.
    Named(String, u64, Result<String, i64>),
}

/// All places that agree in a key.
#[derive(Clone, Debug)]
struct Places<M> {
    /// INTERNALDATE and message of each, in order.
    all: Vec<(Option<i64>, M)>,
    /// The message, when it is the same in all of them.
    only: Option<M>,
}

impl<M: Copy + Ord> Recogniser<M> {
    /// Takes everything held.
    pub fn new(known: impl IntoIterator<Item = Known<M>>) -> Self {
        let mut index: BTreeMap<Key, Places<M>> = BTreeMap::new();
        let mut put = |key: Key, date: Option<i64>, message: M| {
            let places = index.entry(key).or_insert(Places { all: Vec::new(), only: Some(message) });
            places.all.push((date, message));
            places.only = places.only.filter(|only| *only == message);
        };
        for Known { message, message_id, size, date, internal_date, email_id } in known {
            if let Some(key) = Key::named(&email_id, size, &message_id, date) {
                put(key, internal_date, message);
            }
            if !message_id.is_empty() {
                put(Key::Dated(message_id, size, date), internal_date, message);
            }
        }
        index.values_mut().for_each(|places| places.all.sort_unstable());
        Self { known: index }
    }

    /// Whether nothing can be recognised.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// For each arrival in one mailbox the message it is; `None` for one that has to be fetched.
    #[must_use]
    pub fn recognise(&self, arrivals: &[Arrival]) -> Vec<Option<M>> {
        let mut alike: BTreeMap<Key, usize> = BTreeMap::new();
        for arrival in arrivals {
            *alike.entry(Key::dated(arrival)).or_default() += 1;
        }
        let find = |arrival: &Arrival| {
            let Arrival { email_id, size, message_id, date, .. } = arrival;
            let named = Key::named(email_id, *size, message_id, *date);
            named.and_then(|key| self.known.get(&key)?.only).or_else(|| {
                let key = Key::dated(arrival);
                let twins = alike.get(&key).copied().unwrap_or_default();
                self.known.get(&key)?.at(arrival.internal_date, twins)
            })
        };
        arrivals.iter().map(find).collect()
    }
}

impl<M: Copy + Ord> Places<M> {
    /// The message that came at `date`, of which a mailbox has `twins` that look alike.
    fn at(&self, date: i64, twins: usize) -> Option<M> {
        let from = self.all.partition_point(|(held, _)| *held < Some(date));
        let to = self.all.partition_point(|(held, _)| *held <= Some(date));
        match self.all.get(from..to)? {
            // A provider that moves mail may give it new dates. With more of them than are held, one
            // that was never here must be among them.
            [] => self.only.filter(|_| twins <= self.all.len()),
            [(_, one)] => Some(*one),
            [(_, first), .., (_, last)] => (first == last).then_some(*first),
        }
    }
}

impl Key {
    fn dated(arrival: &Arrival) -> Self {
        Self::Dated(arrival.message_id.clone(), arrival.size, arrival.date)
    }

    fn named(email_id: &str, size: u64, message_id: &str, date: i64) -> Option<Self> {
        let rest = if message_id.is_empty() { Err(date) } else { Ok(message_id.to_owned()) };
        (!email_id.is_empty()).then(|| Self::Named(email_id.to_owned(), size, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(message: u32, id: &str, size: u64, internal_date: i64) -> Known<u32> {
        let (message_id, email_id) = (id.to_owned(), String::new());
        Known { message, message_id, size, date: 500, internal_date: Some(internal_date), email_id }
    }

    fn arrival(uid: u32, id: &str, size: u64, internal_date: i64) -> Arrival {
        Arrival {
            uid: Uid::new(uid).unwrap(),
            flags: Flags::new(),
            mod_seq: None,
            size,
            date: 500,
            internal_date,
            message_id: id.to_owned(),
            email_id: String::new(),
        }
    }

    fn named(email_id: &str, arrival: Arrival) -> Arrival {
        Arrival { email_id: email_id.to_owned(), ..arrival }
    }

    #[test]
    fn id_size_and_date_name_a_message_whatever_its_uid_and_the_day_it_was_moved() {
        let held = Recogniser::new([known(1, "a@x", 10, 600), known(2, "b@x", 10, 600)]);
        let arrivals = [arrival(71, "b@x", 10, 600), arrival(72, "a@x", 10, 9_999)];
        assert_eq!(held.recognise(&arrivals), [Some(2), Some(1)]);
    }

    #[test]
    fn whatever_differs_is_fetched() {
        let held = Recogniser::new([known(1, "a@x", 10, 600), known(2, "", 10, 600)]);
        let later = Arrival { date: 501, ..arrival(1, "a@x", 10, 600) };
        let arrivals =
            [later, arrival(2, "a@x", 11, 600), arrival(3, "c@x", 10, 600), arrival(4, "", 10, 600)];
        assert_eq!(held.recognise(&arrivals), [None; 4]);
    }

    #[test]
    fn two_that_look_alike_are_told_apart_by_the_day_they_came_or_not_at_all() {
        // The same letter by two ways: the trace fields differ, and nothing that is asked for.
        let held = Recogniser::new([known(1, "a@x", 10, 600), known(2, "a@x", 10, 601)]);
        let arrivals = [arrival(1, "a@x", 10, 601), arrival(2, "a@x", 10, 600), arrival(3, "a@x", 10, 602)];
        assert_eq!(held.recognise(&arrivals), [Some(2), Some(1), None]);
        let same_day = Recogniser::new([known(1, "a@x", 10, 600), known(2, "a@x", 10, 600)]);
        assert_eq!(same_day.recognise(&[arrival(1, "a@x", 10, 600)]), [None]);
    }

    #[test]
    fn true_copies_are_the_same_message_and_one_too_many_is_fetched() {
        let held = Recogniser::new([known(1, "a@x", 10, 600), known(1, "a@x", 10, 600)]);
        let twins = [arrival(1, "a@x", 10, 900), arrival(2, "a@x", 10, 901)];
        assert_eq!(held.recognise(&twins), [Some(1), Some(1)]);
        let three = [twins[0].clone(), twins[1].clone(), arrival(3, "a@x", 10, 600)];
        assert_eq!(held.recognise(&three), [None, None, Some(1)]);
    }

    #[test]
    fn an_email_id_settles_what_dates_cannot_and_means_nothing_by_itself() {
        let of = |email_id: &str, known| Known { email_id: email_id.to_owned(), ..known };
        let held = Recogniser::new([
            of("M1", known(1, "a@x", 10, 600)),
            of("M2", known(2, "a@x", 10, 600)),
            of("M3", known(3, "", 10, 600)),
        ]);
        let arrivals = [
            named("M2", arrival(1, "a@x", 10, 777)),
            named("M3", arrival(2, "", 10, 777)),
            // Another server's M1.
            named("M1", arrival(3, "z@x", 10, 600)),
            named("M1", arrival(4, "a@x", 12, 600)),
        ];
        assert_eq!(held.recognise(&arrivals), [Some(2), Some(3), None, None]);
    }

    #[test]
    fn a_date_that_was_not_kept_is_no_obstacle() {
        let held = Recogniser::new([Known { internal_date: None, ..known(1, "a@x", 10, 0) }]);
        assert_eq!(held.recognise(&[arrival(1, "a@x", 10, 600)]), [Some(1)]);
    }
}
