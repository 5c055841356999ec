//! IMAP at work: opening a connection, logging in, and carrying commands.

mod authenticate;
#[cfg(test)]
mod compress_tests;
mod connection;
mod content;
mod deflate;
mod login;
mod news;
mod pace;

pub use connection::{Completion, Connection, Traffic};
pub use content::Content;
pub use login::{log_in, log_out, open};
