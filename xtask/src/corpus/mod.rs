//! `cargo xtask corpus`: hold the program against collections of what the world sends. The collections are no
//! part of the project.

mod replies;

use std::ffi::OsString;

use testkit::Result;

const USAGE: &str = "\
cargo xtask corpus COMMAND

  replies [--verbose] PATH...   refusals by servers (JSON lines, transcripts, folders and .tar.xz of them)
                                against the table of diagnosis
";

/// Runs one check; the exit code is 1 when it found a contradiction.
pub(crate) fn run(words: &[OsString]) -> Result<i32> {
    match words {
        [first, rest @ ..] if first == "replies" => replies::run(rest),
        _ => {
            eprint!("{USAGE}");
            Ok(64)
        }
    }
}
