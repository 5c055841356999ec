//! The outbox as a state machine: a frozen message on its way (RFC 6409).

use serde::Serialize;

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
