//! Where restante acts: sockets, TLS, DNS, and the tasks that join them to the store.
//!
//! **Lives here:** every effect. [`net`] knows bytes and nothing else; the modules above it drive the
//! pure state machines of `restante-core` with those bytes, and write what they prove to the store.
//!
//! **Never here:** a terminal, and any decision that `restante-core` can make without the world.

pub mod account;
pub mod discover;
pub mod doctor;
mod error;
pub mod imap;
pub mod moving;
pub mod net;
pub mod once;
mod places;
pub mod renaming;
pub mod repair;
mod sasl;
pub mod secrets;
pub mod setup;
pub mod smtp;
mod steps;
pub mod submit;
pub mod sync;
mod transcript;
pub mod transfer;
pub mod watch;
mod ways;

pub use error::Error;
pub use places::Places;
pub use steps::{Attempts, Step, Steps};
pub use transcript::Transcript;
