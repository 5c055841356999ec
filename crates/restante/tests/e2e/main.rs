//! restante from outside: the built program against real servers.
//!
//! Every test has users of its own and a data directory of its own, so that they run side by side. They run inside
//! the laboratory: `cargo xtask test`, or `cargo xtask lab run -- cargo nextest run -p restante --test e2e`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy allows these in tests, but not in the functions that tests call"
)]

mod account;
mod answering;
mod budget;
mod changing;
mod courier;
mod crash;
mod cyrus;
mod discovery;
mod doctor;
mod editing;
mod fsck;
mod hostile;
mod keyring;
mod logins;
mod mailbox;
mod moved;
mod network;
mod opening;
mod person;
mod policies;
mod reading;
mod sending;
mod servers;
mod slow;
mod sync;
mod terminal;
mod token;
mod trouble;
mod verdicts;
mod watching;
mod writer;
