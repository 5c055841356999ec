//! What restante knows: mail, the protocols, settings and their discovery, diagnosis, sync plans.
//!
//! **Lives here:** everything that can be said without touching the world. Bytes and time come in;
//! events, bytes to send and deadlines go out.
//!
//! **Never here:** async, sockets, files, clocks, randomness, the environment. `now` and entropy are
//! arguments, so that every test can choose them.
//!
//! The modules form a ladder, and each may use only those before it:
//! [`mail`] <- [`message`] <- [`settings`] <- [`sasl`] <- [`imap`], [`smtp`] <- [`diagnosis`] <-
//! [`discovery`], [`sync`], [`submission`], [`query`]. `cargo xtask layers` holds this.

pub mod diagnosis;
pub mod discovery;
pub mod imap;
pub mod mail;
pub mod message;
pub mod query;
pub mod sasl;
mod secret;
pub mod settings;
pub mod smtp;
pub mod submission;
pub mod sync;

pub use secret::Secret;
