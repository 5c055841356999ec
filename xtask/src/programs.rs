//! Where things are, and how other programs are run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use testkit::{Context, Result};

/// The folder with the workspace's Cargo.toml.
pub(crate) fn workspace() -> PathBuf {
    // Cargo says at run time where it found us; two working copies may share a build folder.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let here = PathBuf::from(here);
    here.parent().map_or(here.clone(), Path::to_owned)
}

/// Cargo's build folder: this program lies in `target/PROFILE/`.
pub(crate) fn target() -> Result<PathBuf> {
    let exe = std::env::current_exe()?;
    let target = exe.parent().and_then(Path::parent).ok_or("this program has no build folder")?;
    Ok(target.to_owned())
}

/// Cargo as it started us, in the workspace.
pub(crate) fn cargo<I: AsRef<str>>(args: &[I]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace()).args(args.iter().map(AsRef::as_ref));
    command
}

/// Runs a command and keeps what it prints.
pub(crate) fn output(command: &mut Command) -> Result<Output> {
    let program = command.get_program().to_owned();
    command.output().context(|| format!("cannot start {}", program.display()))
}

/// Runs a step, saying its name before, and its result and duration after.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Option<T> {
    eprintln!("--- {name}");
    let start = Instant::now();
    let result = work();
    let seconds = start.elapsed().as_secs_f32();
    match result {
        Ok(value) => {
            eprintln!("--- {name}: good, {seconds:.1} s");
            Some(value)
        }
        Err(error) => {
            eprintln!("{error}");
            eprintln!("--- {name}: FAILED, {seconds:.1} s");
            None
        }
    }
}

/// An error unless the command succeeds; what it prints goes where ours goes.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_owned();
    let status = command.status().context(|| format!("cannot start {}", program.display()))?;
    if status.success() { Ok(()) } else { Err(format!("{}: {status}", program.display()).into()) }
}
