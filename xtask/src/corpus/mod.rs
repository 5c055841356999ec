//! `cargo xtask corpus NAME FILE`: the program held against collections of what is met outside.

mod discovery;
mod ispdb;

use std::ffi::OsString;

use testkit::Result;
use testkit::lab::{self, State};

use crate::lab::start_lab;
use crate::programs::{cargo, succeed, target};

const WHAT: &str = "corpus what? ispdb FILE, discovery FOLDER";

/// Runs one; the exit code is 1 when the program was wrong anywhere.
pub(crate) fn run(words: &[OsString]) -> Result<i32> {
    match words.first().and_then(|word| word.to_str()) {
        Some("ispdb" | "discovery") => in_laboratory(words),
        _ => Err(WHAT.into()),
    }
}

/// Hidden: one, inside the laboratory.
pub(crate) fn inside(words: &[OsString]) -> Result<i32> {
    let rest = words.get(1..).unwrap_or_default();
    match words.first().and_then(|word| word.to_str()) {
        Some("ispdb") => ispdb::inside(rest),
        Some("discovery") => discovery::inside(rest),
        _ => Err(WHAT.into()),
    }
}

/// Builds the program, starts a laboratory and runs [`inside`] in it.
fn in_laboratory(words: &[OsString]) -> Result<i32> {
    let [name, file] = words else { return Err(WHAT.into()) };
    let file = std::path::absolute(file)?.into_os_string();
    std::fs::metadata(&file)?;
    succeed(&mut cargo(&["build", "--quiet", "--package", "restante"]))?;
    let state = State::place(&target()?, &format!("corpus-{}", std::process::id()))?;
    let lab = start_lab(&state, "corpus", true)?;
    let program = std::env::current_exe()?.into_os_string();
    let code = lab::run(&lab, &[program, "corpus-inside".into(), name.clone(), file]);
    lab::down(&state)?;
    if code.is_ok() {
        state.remove()?;
    }
    code
}
