//! The store from outside.

// clippy.toml allows these in test functions; helpers of tests are no different.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod contents;
mod crash;
mod lists;
mod outbox;
mod search;
mod support;
mod sync;
