//! IMAP at work: opening a connection, logging in, and carrying commands.

mod authenticate;
mod connection;
mod login;

pub use connection::{Completion, Connection, Traffic};
pub use login::{log_in, log_out, open};
