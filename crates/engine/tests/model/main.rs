//! Syncs against a whole server in memory: cut and killed at every step, on full disks, beside other clients, and with
//! a server that lies.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests, not tests themselves"
)]

mod faults;
mod killed;
mod labels;
mod ledger;
mod limited;
mod machine;
mod pipe;
mod policies;
mod pushed;
mod spelling;
mod told;
mod wishes;
