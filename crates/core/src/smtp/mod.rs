//! Message submission (RFC 6409) over SMTP (RFC 5321), the client's half, without sockets.
//!
//! A [`Session`] takes the server's bytes and yields bytes to send and [`Event`]s. It stops at the point
//! from which a message may have been taken ([`Event::CommitPoint`]), so that its driver can write that
//! down first.

mod data;
#[cfg(test)]
mod dialogues;
mod envelope;
mod event;
mod extensions;
mod reply;
mod session;
mod transaction;

pub use data::{DataEncoder, END_OF_DATA};
pub use envelope::{Envelope, EnvelopeError};
pub use event::{Event, Outcome, RecipientOutcome, SmtpError, Stage};
pub use extensions::Extensions;
pub use reply::{MAX_LINE, MAX_REPLY, Reply, ReplyError, ReplyParser};
pub use session::{NotNow, Protection, Session};
