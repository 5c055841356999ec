//! What restante's tests stand on: a laboratory of real servers and mail that looks like mail.
//!
//! - [`lab`]: Dovecot, Postfix, DNS and a web server with their own network, certificates and failures;
//! - [`link`]: a slow line between a client and a server;
//! - [`mail`]: messages generated from a seed, one by one or as whole mailboxes;
//! - [`model`]: an honest IMAP server in memory, which lies where it is told to;
//! - [`script`]: a server that follows a script, for dialogues;
//! - [`tls`]: a connection to speak a protocol by hand.
//!
//! Nothing here is shipped. Errors are boxed and meant to be read by a developer.

pub mod lab;
pub mod link;
pub mod mail;
pub mod model;
pub mod script;
pub mod tls;

/// Any error, as text for the developer who reads it.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The result of whatever may fail while preparing or asking the laboratory.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Says what was being done when something failed.
pub trait Context<T> {
    /// Prefixes the error with `what`, e.g. "cannot write /x/main.cf".
    fn context(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: std::fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| format!("{}: {error}", what()).into())
    }
}
