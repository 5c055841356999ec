//! The store from outside.

mod contents;
mod crash;
mod lists;
mod outbox;
mod search;
mod support;
mod sync;
