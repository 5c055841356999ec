//! The store from outside.

// clippy.toml allows these in test functions; what they call is no different.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod check;
mod closing;
mod compact;
mod contents;
mod counts;
mod crash;
mod lists;
mod local;
mod moved;
mod outbox;
mod partial;
mod search;
mod support;
mod sync;
mod threads;
mod undo;
