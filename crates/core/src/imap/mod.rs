//! The IMAP client protocol (RFC 9051 and, where servers are older, RFC 3501), without a socket.
//!
//! [`wire`] turns bytes into responses and commands into bytes. [`Session`] keeps the state of one
//! connection (RFC 9051, section 3): tags, capabilities, literals waiting for their continuation.
//! Sequence numbers never leave this module: everything outside speaks in UIDs.

mod capability;
mod session;

pub mod wire;

pub use capability::Capabilities;
pub use session::{Event, Session, SessionError, Tag};
