//! What a session tells its driver.

use super::{Extensions, Reply, ReplyError};
use crate::sasl::SaslError;

/// Which command a reply answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The server's first words.
    Greeting,
    /// `EHLO`.
    Ehlo,
    /// `STARTTLS`.
    StartTls,
    /// `AUTH` and its challenges.
    Auth,
    /// Between commands.
    Idle,
    /// `MAIL FROM`.
    Mail,
    /// `RCPT TO`.
    Recipient,
    /// `DATA` and the body, up to the final dot.
    Data,
    /// After the final dot.
    Commit,
    /// `RSET`.
    Reset,
    /// `QUIT`.
    Quit,
}

/// What happened, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The server greeted.
    Greeting(Reply),
    /// The server agreed to STARTTLS: the driver does the handshake now, then calls
    /// [`Session::tls_established`](super::Session::tls_established).
    NeedTls,
    /// The connection can authenticate or send; what was offered before TLS is forgotten.
    Ready(Extensions),
    /// The login was accepted, and the server proved itself where the mechanism asks that.
    Authenticated(Reply),
    /// The login was given up here, not refused there: the password was not judged.
    AuthenticationFailed(SaslError),
    /// A command was refused, in the server's words. After a refused login another may be tried, if the
    /// driver's budget allows; after any other stage the session is over.
    Refused {
        /// What was refused.
        stage: Stage,
        /// The reply, verbatim.
        reply: Reply,
        /// The error document of an OAuth server, when it sent one.
        detail: Option<String>,
    },
    /// `DATA` was agreed to: the driver gives the message with
    /// [`Session::body`](super::Session::body) and [`Session::end_body`](super::Session::end_body).
    SendBody,
    /// All of the message but the final dot was given out. The driver writes the intent down, then calls
    /// [`Session::commit`](super::Session::commit). From then on the server may have the message.
    CommitPoint,
    /// A transaction is over. The connection can be used again unless [`Event::Failed`] follows.
    Finished(Outcome),
    /// The server said goodbye to `QUIT`.
    Closed,
    /// The session is over.
    Failed(SmtpError),
}

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientOutcome {
    /// The address as given in the envelope.
    pub address: String,
    /// The reply to its `RCPT TO`; `None` when there was none.
    pub reply: Option<Reply>,
}

/// What became of a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The reply to `MAIL FROM`; `None` when the connection ended before it.
    pub sender: Option<Reply>,
    /// Every recipient of the envelope, in its order.
    pub recipients: Vec<RecipientOutcome>,
    /// The reply to the message itself, or the one that stopped it at `DATA`.
    pub message: Option<Reply>,
    /// Whether the final dot was given out. With no reply in `message`, nobody knows whether the server
    /// has the message.
    pub committed: bool,
}

/// Why a session is over. Each names who is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmtpError {
    /// The server does not speak SMTP here.
    #[error(transparent)]
    Reply(#[from] ReplyError),
    /// STARTTLS is wanted and not offered.
    #[error("the server does not offer STARTTLS")]
    StartTlsNotOffered,
    /// Bytes came after the reply to STARTTLS and before TLS: somebody may have put them there.
    #[error("bytes arrived between the reply to STARTTLS and the start of TLS")]
    StartTlsStripped,
    /// A reply that nothing asked for, or that does not fit the command.
    #[error("the server sent a reply that does not fit: {0}")]
    Unexpected(String),
    /// The server announced that it closes the connection (421).
    #[error("the server closes the connection: {0}")]
    Closing(String),
    /// The message was stopped while its body was on the way.
    #[error("the server stopped the message half-way: {0}")]
    Interrupted(String),
    /// The connection ended. `partial` is what the last, unfinished reply held.
    #[error("the connection ended while waiting for the server{}", if .partial.is_empty() { "" } else { " in the middle of a reply" })]
    Lost {
        /// What was being waited for.
        stage: Stage,
        /// The unfinished reply, escaped.
        partial: String,
    },
    /// The server said yes without proving itself, or broke the login's rules.
    #[error(transparent)]
    Sasl(#[from] SaslError),
}
