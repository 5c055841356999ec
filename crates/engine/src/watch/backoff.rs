//! How long a server is left alone.

use restante_core::diagnosis::{Finding, Verdict};
use std::time::Duration;

/// The first pause after a failure.
const FIRST: u64 = 5;
/// The longest pause after failures: a server that comes back is noticed within a quarter of an hour.
const LONGEST: u64 = 15 * 60;
/// The longest pause a server can ask for. Some ask for days, and mean an hour.
const LONGEST_ASKED: u64 = 60 * 60;
/// What a server that limits its clients is left alone for, at least.
const THROTTLED: u64 = 60;

/// Seconds until the next try, after `failures` in a row, the last of which said `evidence`. `dice` spreads
/// clients that failed together: any number.
pub(super) fn pause(failures: u32, evidence: &str, dice: u64) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(LONGEST);
    // Up to a quarter more.
    let spread = doubled + dice % (doubled / 4 + 1);
    let asked = asked_for(evidence).map_or(0, |asked| asked.min(LONGEST_ASKED));
    let least = if is_throttled(evidence) { THROTTLED } else { 0 };
    Duration::from_secs(spread.max(asked).max(least))
}

/// How much of a pause is left. No pause is longer than the longest a server can ask for: one that ends later was
/// made by a clock that was wrong, then or now.
pub(super) fn left(until: i64, now: i64) -> Duration {
    let left = u64::try_from(until.saturating_sub(now)).unwrap_or(0);
    Duration::from_secs(left.min(LONGEST_ASKED))
}

/// Whether a failure will last until a person does something. Then nothing is tried again by itself: with a
/// password that is wrong, or not allowed, each try brings the account closer to being locked.
pub(super) fn needs_a_person(finding: &Finding) -> bool {
    finding.verdict.exit_code() == 77 || finding.verdict == Verdict::AccountNotConnected
}

/// Seconds, as in `Suggested Backoff Time: 299961 milliseconds` (Exchange).
fn asked_for(evidence: &str) -> Option<u64> {
    let lower = evidence.to_ascii_lowercase();
    let rest = lower.split_once("backoff time:")?.1.trim_start();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let number: u64 = digits.parse().ok()?;
    let unit = rest.get(digits.len()..)?.trim_start();
    Some(if unit.starts_with('m') { number.div_ceil(1000) } else { number })
}

fn is_throttled(evidence: &str) -> bool {
    let lower = evidence.to_ascii_lowercase();
    ["throttle", "too many", "[limit]", "[overquota]", "bandwidth", "backoff", "rate limit"]
        .iter()
        .any(|words| lower.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_stalls_nothing() {
        const YEARS: i64 = 10 * 366 * 24 * 60 * 60;
        let now = 1_795_420_800;
        let seconds = |until, now| left(until, now).as_secs();
        assert_eq!(seconds(now + 40, now), 40);
        assert_eq!(seconds(now, now), 0);
        assert_eq!(seconds(now + 40, now + YEARS), 0, "the clock went on");
        assert_eq!(seconds(now + 40, now - YEARS), LONGEST_ASKED, "the clock went back");
        assert_eq!(seconds(i64::MAX, i64::MIN), LONGEST_ASKED);
    }

    fn seconds(failures: u32, evidence: &str) -> u64 {
        pause(failures, evidence, 0).as_secs()
    }

    #[test]
    fn pauses_grow_and_end_at_a_quarter_of_an_hour() {
        let grown: Vec<u64> = (1..=9).map(|failures| seconds(failures, "")).collect();
        assert_eq!(grown, [5, 10, 20, 40, 80, 160, 320, 640, 900]);
        assert_eq!(seconds(u32::MAX, ""), 900);
        assert!(pause(1, "", u64::MAX).as_secs() <= 6);
    }

    #[test]
    fn a_server_is_given_the_time_it_asks_for() {
        let exchange = "BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds";
        assert_eq!(seconds(1, exchange), 300);
        assert_eq!(seconds(1, "Suggested Backoff Time: 99999999999 milliseconds"), 3600);
        assert_eq!(seconds(1, "NO [OVERQUOTA] Account exceeded command or bandwidth limits."), 60);
        assert_eq!(seconds(1, "* BYE Too many simultaneous connections"), 60);
        assert_eq!(seconds(1, "Suggested Backoff Time: soon"), 60);
    }
}
