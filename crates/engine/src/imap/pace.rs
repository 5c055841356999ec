//! How fast a link is, by what came through it, and whether compression would make it faster.

use std::time::Duration;

/// A server deflates about 41 MB/s of mail a core and gives 160 MB/s without (Dovecot on loopback). Below half of the
/// former, in octets a second, it is the link that everybody waits for.
const SLOW: u64 = 20_000_000;
/// So much tells the pace, whichever comes first.
const ENOUGH_OCTETS: u64 = 1_000_000;
const ENOUGH_TIME: Duration = Duration::from_millis(300);
/// A server this far away is seldom behind a fast link, so less is enough: on a link of 100 Mbit/s, a few round trips.
const FAR: Duration = Duration::from_millis(10);
const ENOUGH_OCTETS_FROM_FAR: u64 = 400_000;
/// Nobody waits to measure a server this far away when there is much to fetch: what is asked for while measuring would be
/// a great part of the mail, and a link that outruns a deflating server at this distance is rarer still.
const VERY_FAR: Duration = Duration::from_millis(20);
/// Beyond this the past counts half: a link may change.
const MEMORY: u64 = 8_000_000;
/// The switch leaves the link idle for two or three round trips, and saves about a third of what is left; so what is
/// left must take longer than this many round trips.
const WORTH: u32 = 8;
/// And longer than this, however near the server is.
const WORTH_AT_LEAST: Duration = Duration::from_millis(100);

/// What was received while the server was sending, and how long we waited for it.
///
/// Time in which nothing was on its way does not count, and neither does time in which we were busy ourselves: a
/// client slower than its link never waits, and sees a link without limits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    octets: u64,
    waited: Duration,
    /// The shortest time between a question and the first octet of its answer.
    round_trip: Option<Duration>,
}

impl Pace {
    /// An answer began to come to a question that was asked when nothing was on its way.
    pub(super) fn answered(&mut self, after: Duration) {
        self.round_trip = Some(self.round_trip.map_or(after, |before| before.min(after)));
    }

    /// Octets came in, after a wait, while answers were on their way.
    pub(super) fn received(&mut self, octets: u64, waited: Duration) {
        self.octets += octets;
        self.waited += waited;
        if self.octets > MEMORY {
            self.octets /= 2;
            self.waited /= 2;
        }
    }

    /// Whether enough came through to judge by.
    pub(super) fn is_known(&self) -> bool {
        let far = self.round_trip.is_some_and(|time| time >= FAR);
        let enough = if far { ENOUGH_OCTETS_FROM_FAR } else { ENOUGH_OCTETS };
        self.octets >= enough || self.waited >= ENOUGH_TIME
    }

    /// Whether every round trip to the server is a long one.
    pub(super) fn is_far(&self) -> bool {
        self.round_trip.is_some_and(|time| time >= VERY_FAR)
    }

    /// How many octets come in a time, as far as it is known that the link is what we wait for.
    pub(super) fn octets_in(&self, time: Duration) -> Option<u64> {
        if !self.is_known() || self.waited.is_zero() {
            return None;
        }
        Some((self.octets as f64 / self.waited.as_secs_f64() * time.as_secs_f64()) as u64)
    }

    /// Whether compression pays for `left` octets.
    pub(super) fn pays(&self, left: u64) -> bool {
        let Some(a_second) = self.octets_in(Duration::from_secs(1)) else { return false };
        let a_second = a_second as f64;
        let worth = (self.round_trip.unwrap_or_default() * WORTH).max(WORTH_AT_LEAST);
        a_second < SLOW as f64 && left as f64 > a_second * worth.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn pace(octets: u64, waited: Duration) -> Pace {
        let mut pace = Pace::default();
        pace.answered(40 * MS);
        pace.received(octets, waited);
        pace
    }

    #[test]
    fn a_slow_link_pays_when_enough_is_left_and_a_fast_one_never_does() {
        // 100 Mbit/s: 12.5 MB a second.
        assert!(pace(1_000_000, 80 * MS).pays(10_000_000));
        assert!(!pace(1_000_000, 80 * MS).pays(3_000_000));
        assert!(!pace(1_000_000, 10 * MS).pays(1_000_000_000));
        // A client that is slower than the link does not wait at all.
        assert!(!pace(5_000_000, Duration::ZERO).pays(1_000_000_000));
    }

    #[test]
    fn little_tells_nothing_unless_it_took_long() {
        assert!(!pace(100_000, 200 * MS).is_known());
        assert!(!pace(100_000, 200 * MS).pays(1_000_000_000));
        assert!(pace(20_000, 400 * MS).pays(1_000_000));
        // From near by it takes more to tell.
        let mut near = Pace::default();
        near.answered(MS);
        near.received(500_000, 100 * MS);
        assert!(!near.is_known() && pace(500_000, 40 * MS).is_known());
    }

    #[test]
    fn the_shortest_round_trip_tells_the_distance() {
        let mut pace = Pace::default();
        assert!(!pace.is_far());
        pace.answered(40 * MS);
        assert!(pace.is_far());
        // The other answers were slow for another reason.
        pace.answered(5 * MS);
        assert!(!pace.is_far());
    }

    #[test]
    fn a_link_that_becomes_slow_is_noticed() {
        let mut pace = pace(8_000_000, 80 * MS);
        for _ in 0..20 {
            pace.received(500_000, 50 * MS);
        }
        assert!(pace.pays(100_000_000), "{pace:?}");
    }
}
