//! `cargo xtask corpus`: hold the program against collections of what the world sends. The collections are no
//! part of the project.

mod archive;
mod discovery;
mod ispdb;
mod mime;
mod replies;
mod wire;

use std::ffi::OsString;
use std::path::Path;

use testkit::Result;
use testkit::lab::{self, State};

use crate::lab::start_lab;
use crate::programs::{cargo, succeed, target};

const USAGE: &str = "\
cargo xtask corpus COMMAND

  ispdb FILE                    discovery of every domain in a JSON copy of the ISPDB
  discovery FOLDER              what discovery makes of documents and records found in reports
  replies [--verbose] PATH...   refusals by servers (JSON lines, transcripts, folders and .tar.xz of them)
                                against the table of diagnosis
  wire [--verbose] PATH...      responses by servers (quirks.jsonl, transcripts, folders and .tar.xz of them)
                                through the decoder, in several splits
  mime PATH...                  messages whose parts others wrote down, through the reader; docs/corpus.md has the
                                differences and their reasons
  spamassassin PATH...          some thousand real messages through the reader, and how long each takes
";

/// Runs one check; the exit code is 1 when it found a contradiction.
pub(crate) fn run(words: &[OsString]) -> Result<i32> {
    match words {
        [first, rest @ ..] if first == "replies" => replies::run(rest),
        [first, rest @ ..] if first == "wire" => wire::run(rest),
        [first, rest @ ..] if first == "mime" => mime::run(rest),
        [first, rest @ ..] if first == "spamassassin" => reading(rest),
        [name, path] if name == "ispdb" || name == "discovery" => in_laboratory(name, path),
        _ => {
            eprint!("{USAGE}");
            Ok(64)
        }
    }
}

/// Reads every message of archives or folders, in an optimised build because time counts: an example of
/// restante-core, which is built sooner than all this.
fn reading(paths: &[OsString]) -> Result<i32> {
    let mut worst = 0;
    for path in paths {
        worst = worst.max(archive::with(Path::new(path), |folder| {
            let folder = std::path::absolute(folder)?;
            let mut run = cargo(&[
                "run",
                "--quiet",
                "--release",
                "--package",
                "restante-core",
                "--example",
                "reading",
                "--",
            ]);
            Ok(run.arg(folder).status()?.code().unwrap_or(1))
        })?);
    }
    if paths.is_empty() { Err("name an archive or a folder".into()) } else { Ok(worst) }
}

/// Hidden: one that needs servers, inside the laboratory.
pub(crate) fn inside(words: &[OsString]) -> Result<i32> {
    let rest = words.get(1..).unwrap_or_default();
    match words.first().and_then(|word| word.to_str()) {
        Some("ispdb") => ispdb::inside(rest),
        Some("discovery") => discovery::inside(rest),
        _ => Err(USAGE.into()),
    }
}

/// Builds the program, starts a laboratory and runs [`inside`] in it.
fn in_laboratory(name: &OsString, path: &OsString) -> Result<i32> {
    let path = std::path::absolute(path)?.into_os_string();
    std::fs::metadata(&path)?;
    succeed(&mut cargo(&["build", "--quiet", "--package", "restante"]))?;
    let state = State::place(&target()?, &format!("corpus-{}", std::process::id()))?;
    let lab = start_lab(&state, "corpus", true)?;
    let program = std::env::current_exe()?.into_os_string();
    let code = lab::run(&lab, &[program, "corpus-inside".into(), name.clone(), path]);
    lab::down(&state)?;
    if code.is_ok() {
        state.remove()?;
    }
    code
}
