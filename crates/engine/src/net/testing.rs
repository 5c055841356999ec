//! What the tests of this crate stand on.
