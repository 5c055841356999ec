//! The outbox as a state machine: a frozen message on its way (RFC 6409).
//!
//! [`after`] is the only way from one attempt to the next. It never leads out of [`State::Unknown`]: that
//! takes a person, or a copy of the message found on the server.

use crate::smtp::{Outcome, Reply};
use serde::Serialize;

/// How long after it was queued a message is given up, in seconds: four days (RFC 5321, section 4.5.4.1
/// says four to five).
pub const GIVE_UP_AFTER: i64 = 4 * 24 * 3600;

/// Seconds from a failed attempt to the next, by the number of attempts made; the last one repeats.
const BACK_OFF: [i64; 4] = [60, 5 * 60, 15 * 60, 3600];

/// Where a submission stands.
///
/// A connection that dies between the final dot and its reply leaves [`State::Unknown`]: the server may
/// have the message. Such a submission is never sent again by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Waiting for its turn.
    Queued,
    /// A connection is at work on it; nothing final was sent yet.
    Sending,
    /// The server has taken responsibility for every recipient that was not refused.
    Accepted,
    /// A temporary refusal (4yz) or no connection: to be tried again later.
    Deferred,
    /// A final refusal (5yz).
    Refused,
    /// The message was sent and no reply came.
    Unknown,
}

impl State {
    /// Every state with its word in JSON and in the store.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Queued, "queued"),
        (Self::Sending, "sending"),
        (Self::Accepted, "accepted"),
        (Self::Deferred, "deferred"),
        (Self::Refused, "refused"),
        (Self::Unknown, "unknown"),
    ];

    /// The word in JSON and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.into_iter().find(|(state, _)| *state == self).map_or("", |(_, word)| word)
    }

    /// Reads the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, w)| *w == word).map(|(state, _)| state)
    }
}

/// One recipient of a submission and what the server said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recipient {
    /// The address, for `RCPT TO`.
    pub address: String,
    /// Where this recipient stands.
    pub state: State,
    /// The server's last reply about it; empty before there was one.
    pub reply: String,
}

impl Recipient {
    /// A recipient nobody was asked about yet.
    #[must_use]
    pub fn queued(address: impl Into<String>) -> Self {
        Self { address: address.into(), state: State::Queued, reply: String::new() }
    }
}

/// What came of one attempt to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// A transaction was begun.
    Transaction(Outcome),
    /// There was no transaction: no connection, no TLS, a refused greeting. The text says why.
    NotReached(String),
    /// The login was refused. Trying again by itself could lock the account. The text is the server's.
    LoginRefused(String),
    /// The message cannot go through this server at all (too large, needs an extension). The text says why.
    Unsendable(String),
}

/// Where a submission stands after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// The submission as a whole: unknown if any recipient is, else deferred, accepted, refused.
    pub state: State,
    /// Every recipient, in the order given.
    pub recipients: Vec<Recipient>,
    /// When to try again, in seconds since 1970; `None` when nothing is to be tried without a person.
    pub next_attempt: Option<i64>,
}

/// Which recipients the next attempt is for.
pub fn open(recipients: &[Recipient]) -> impl Iterator<Item = &Recipient> {
    recipients.iter().filter(|r| matches!(r.state, State::Queued | State::Sending | State::Deferred))
}

/// The step after an attempt that tried the [`open`] recipients, in their order. `attempts` counts this
/// one, `queued_at` and `now` are seconds since 1970.
///
/// A recipient the attempt says nothing of is deferred, unless the final dot was given out without a reply
/// to it: then every recipient the server had agreed to is [`State::Unknown`].
#[must_use]
pub fn after(recipients: &[Recipient], attempt: &Attempt, attempts: u32, queued_at: i64, now: i64) -> After {
    let mut recipients = recipients.to_vec();
    let open = recipients.iter_mut().filter(|r| open(std::slice::from_ref(*r)).next().is_some());
    for (at, recipient) in open.enumerate() {
        let (state, reply) = match attempt {
            Attempt::Transaction(outcome) => judge(outcome, at, &recipient.address),
            Attempt::NotReached(why) | Attempt::LoginRefused(why) => (State::Deferred, why.clone()),
            Attempt::Unsendable(why) => (State::Refused, why.clone()),
        };
        recipient.state = state;
        recipient.reply = reply;
    }
    let may_retry = !matches!(attempt, Attempt::LoginRefused(_));
    if may_retry && now.saturating_sub(queued_at) >= GIVE_UP_AFTER {
        for recipient in recipients.iter_mut().filter(|r| r.state == State::Deferred) {
            recipient.state = State::Refused;
            recipient.reply = format!("given up after four days: {}", recipient.reply);
        }
    }
    let state = whole(&recipients);
    let retry = may_retry && recipients.iter().any(|r| r.state == State::Deferred);
    let next_attempt = retry.then(|| now.saturating_add(back_off(attempts)));
    After { state, recipients, next_attempt }
}

/// The recipients when a person asks for another attempt: everybody who was not reached for certain is
/// queued again. Of [`State::Unknown`] only a person may decide this.
#[must_use]
pub fn again(recipients: &[Recipient]) -> Vec<Recipient> {
    let queued = |r: &Recipient| match r.state {
        State::Accepted => r.clone(),
        _ => Recipient { state: State::Queued, ..r.clone() },
    };
    recipients.iter().map(queued).collect()
}

/// What the next attempt waits for, in seconds, after `attempts` were made.
#[must_use]
pub fn back_off(attempts: u32) -> i64 {
    let [.., longest] = BACK_OFF;
    let at = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    BACK_OFF.get(at).copied().unwrap_or(longest)
}

/// The state of a submission whose recipients stand as given.
#[must_use]
pub fn whole(recipients: &[Recipient]) -> State {
    [State::Unknown, State::Sending, State::Queued, State::Deferred, State::Accepted]
        .into_iter()
        .find(|state| recipients.iter().any(|r| r.state == *state))
        .unwrap_or(State::Refused)
}

fn judge(outcome: &Outcome, at: usize, address: &str) -> (State, String) {
    let lost = || (State::Deferred, "the connection ended before the server answered".to_owned());
    let by_position = outcome.recipients.get(at).filter(|r| r.address == address);
    let answer = by_position.or_else(|| outcome.recipients.iter().find(|r| r.address == address));
    let refused = |reply: &&Reply| !reply.is_success();
    if let Some(sender) = outcome.sender.as_ref().filter(refused) {
        return settled(sender);
    }
    let Some(reply) = answer.and_then(|a| a.reply.as_ref()) else { return lost() };
    match &outcome.message {
        _ if !reply.is_success() => settled(reply),
        Some(message) => settled(message),
        None if outcome.committed => {
            (State::Unknown, "the message was sent and the connection ended before the reply".to_owned())
        }
        None => lost(),
    }
}

fn settled(reply: &Reply) -> (State, String) {
    let state = match reply.code / 100 {
        2 => State::Accepted,
        5 => State::Refused,
        _ => State::Deferred,
    };
    (state, reply.one_line())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::RecipientOutcome;

    fn reply(code: u16) -> Option<Reply> {
        Some(Reply { code, enhanced: None, lines: vec![format!("text {code}")] })
    }

    fn outcome(codes: &[Option<u16>], message: Option<u16>, committed: bool) -> Attempt {
        let recipients = codes.iter().enumerate().map(|(at, code)| RecipientOutcome {
            address: format!("r{at}@example.net"),
            reply: code.and_then(reply),
        });
        Attempt::Transaction(Outcome {
            sender: reply(250),
            recipients: recipients.collect(),
            message: message.and_then(reply),
            committed,
        })
    }

    fn queued(count: usize) -> Vec<Recipient> {
        (0..count).map(|at| Recipient::queued(format!("r{at}@example.net"))).collect()
    }

    fn states(after: &After) -> Vec<State> {
        after.recipients.iter().map(|r| r.state).collect()
    }

    #[test]
    fn each_recipient_has_its_own_end() {
        let attempt = outcome(&[Some(250), Some(550), Some(451)], Some(250), true);
        let after = after(&queued(3), &attempt, 1, 0, 1000);
        assert_eq!(states(&after), [State::Accepted, State::Refused, State::Deferred]);
        assert_eq!(after.recipients[1].reply, "550 text 550");
        assert_eq!((after.state, after.next_attempt), (State::Deferred, Some(1060)));
    }

    #[test]
    fn only_who_is_open_is_tried_again() {
        let first = after(&queued(3), &outcome(&[Some(250), Some(550), Some(451)], Some(250), true), 1, 0, 0);
        let tried: Vec<_> = open(&first.recipients).map(|r| r.address.clone()).collect();
        assert_eq!(tried, ["r2@example.net"]);
        let second = Attempt::Transaction(Outcome {
            sender: reply(250),
            recipients: vec![RecipientOutcome { address: "r2@example.net".into(), reply: reply(250) }],
            message: reply(250),
            committed: true,
        });
        let second = after(&first.recipients, &second, 2, 0, 60);
        assert_eq!(states(&second), [State::Accepted, State::Refused, State::Accepted]);
        assert_eq!((second.state, second.next_attempt), (State::Accepted, None));
    }

    #[test]
    fn a_lost_reply_is_unknown_and_stays_so() {
        let first = after(&queued(2), &outcome(&[Some(250), Some(550)], None, true), 1, 0, 0);
        assert_eq!(states(&first), [State::Unknown, State::Refused]);
        assert_eq!((first.state, first.next_attempt), (State::Unknown, None));
        assert_eq!(open(&first.recipients).count(), 0);
        for attempt in
            [outcome(&[], None, false), Attempt::NotReached("x".into()), Attempt::Unsendable("x".into())]
        {
            assert_eq!(states(&after(&first.recipients, &attempt, 9, 0, GIVE_UP_AFTER * 2)), states(&first));
        }
    }

    #[test]
    fn a_person_may_ask_again_for_whoever_was_not_reached() {
        let first = after(&queued(2), &outcome(&[Some(250), Some(550)], None, true), 1, 0, 0);
        let recipients = again(&first.recipients);
        assert_eq!(whole(&recipients), State::Queued);
        assert_eq!(open(&recipients).count(), 2);
        let taken = after(&queued(1), &outcome(&[Some(250)], Some(250), true), 1, 0, 0);
        assert_eq!(again(&taken.recipients), taken.recipients, "who has it does not get it twice");
    }

    #[test]
    fn a_loss_before_the_dot_is_tried_again() {
        for attempt in [outcome(&[Some(250)], None, false), outcome(&[None], None, false)] {
            let after = after(&queued(1), &attempt, 1, 0, 0);
            assert_eq!((after.state, after.next_attempt), (State::Deferred, Some(60)));
        }
    }

    #[test]
    fn a_refused_sender_or_message_is_every_recipients_end() {
        let mut refused = outcome(&[None, Some(503)], None, false);
        if let Attempt::Transaction(outcome) = &mut refused {
            outcome.sender = reply(553);
        }
        assert_eq!(after(&queued(2), &refused, 1, 0, 0).recipients[1].reply, "553 text 553");
        let message = outcome(&[Some(250), Some(250)], Some(554), true);
        assert_eq!(after(&queued(2), &message, 1, 0, 0).state, State::Refused);
        let later = outcome(&[Some(250), Some(250)], Some(452), true);
        assert_eq!(after(&queued(2), &later, 1, 0, 0).state, State::Deferred);
    }

    #[test]
    fn waiting_grows_and_ends_after_four_days() {
        assert_eq!([0, 1, 2, 3, 4, 5, 500].map(back_off), [60, 60, 300, 900, 3600, 3600, 3600]);
        let attempt = Attempt::NotReached("no route".into());
        let late = after(&queued(1), &attempt, 50, 1000, 1000 + GIVE_UP_AFTER);
        assert_eq!((late.state, late.next_attempt), (State::Refused, None));
        assert_eq!(late.recipients[0].reply, "given up after four days: no route");
        let before = after(&queued(1), &attempt, 50, 1000, 999 + GIVE_UP_AFTER);
        assert_eq!(before.state, State::Deferred);
    }

    #[test]
    fn a_refused_login_waits_for_a_person() {
        let after = after(&queued(1), &Attempt::LoginRefused("535 no".into()), 1, 0, GIVE_UP_AFTER * 2);
        assert_eq!((after.state, after.next_attempt), (State::Deferred, None));
        assert_eq!(after.recipients[0].reply, "535 no");
    }
}
