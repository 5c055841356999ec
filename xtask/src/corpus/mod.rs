//! `cargo xtask corpus NAME FILE`: the program held against collections of what is met outside.

mod ispdb;

use std::ffi::OsString;

use testkit::Result;

/// Runs one; the exit code is 1 when the program was wrong anywhere.
pub(crate) fn run(words: &[OsString]) -> Result<i32> {
    match words.first().and_then(|word| word.to_str()) {
        Some("ispdb") => ispdb::run(words.get(1..).unwrap_or_default()),
        _ => Err("corpus what? ispdb FILE".into()),
    }
}

/// Hidden: one, inside the laboratory.
pub(crate) fn inside(words: &[OsString]) -> Result<i32> {
    match words.first().and_then(|word| word.to_str()) {
        Some("ispdb") => ispdb::inside(words.get(1..).unwrap_or_default()),
        _ => Err("no such corpus".into()),
    }
}
