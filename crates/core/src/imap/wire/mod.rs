//! The grammar of RFC 9051 as a client meets it: a push decoder for responses, an encoder for
//! commands.
//!
//! The decoder takes the byte stream in any split, hands message bodies on as they come (they are never
//! whole in memory here), skips what it does not know and keeps the rest of the row. Each tolerance has
//! a name, [`Quirk`].

mod code;
mod command;
mod cursor;
mod date;
mod decoder;
mod fetch;
mod mailbox;
mod name;
mod quirk;
mod response;
mod search;
mod uids;

pub use code::Code;
pub use command::{Command, Part};
pub use date::{internal_date, write_internal_date};
pub use decoder::{Decoded, Decoder, Limits, WireError};
pub use fetch::{BodyContent, FetchRow};
pub use mailbox::{ListEntry, MailboxStatus, Namespace, Namespaces, Resource};
pub use name::{decode_name, encode_name};
pub use quirk::Quirk;
pub use response::{Response, Status};
pub use search::{ESearch, Partial};
