//! `cargo xtask bench`: what restante costs, beside a floor and beside its peers, in one run.
//!
//! The machines this runs on are noisy, so seconds mean little; the ratios of one run are what counts.

mod discover;
mod drain;
mod search;
mod sync;

use std::ffi::OsString;
use std::fs::File;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use testkit::lab::{self, State};
use testkit::{Context, Result};

use crate::lab::start_lab;
use crate::programs::{cargo, succeed, target};

/// Builds everything optimised, starts a laboratory and runs the bench in it.
pub(crate) fn run(words: &[OsString]) -> Result<i32> {
    let name = words.first().and_then(|word| word.to_str());
    match name {
        Some("sync") => sync::prepare(&words[1..])?,
        Some("discover") if words.len() == 1 => {}
        Some("search") if words.len() <= 2 => search::prepare()?,
        _ => return Err("bench what? sync [ROW…], search [MESSAGES], discover".into()),
    }
    succeed(&mut cargo(&["build", "--quiet", "--release", "--package", "restante", "--package", "xtask"]))?;
    if name == Some("search") {
        // It needs no server.
        return search::run(&words[1..]);
    }
    let state = State::place(&target()?, &format!("bench-{}", std::process::id()))?;
    let lab = start_lab(&state, "bench", true)?;
    let mut command = vec![target()?.join("release/xtask").into_os_string(), "bench-inside".into()];
    command.extend_from_slice(words);
    let code = lab::run(&lab, &command);
    lab::down(&state)?;
    if matches!(code, Ok(0)) {
        state.remove()?;
    }
    code
}

/// Hidden: one bench, inside the laboratory.
pub(crate) fn inside(words: &[OsString]) -> Result<i32> {
    match words.first().and_then(|word| word.to_str()) {
        Some("discover") => discover::run(),
        Some("sync") => sync::run(&words[1..]),
        Some("search") => search::run(&words[1..]),
        _ => Err("no such bench".into()),
    }
}

/// Hidden: the floor, as a process of its own so that its memory can be seen.
pub(crate) fn drain(words: &[OsString]) -> Result<i32> {
    drain::run(words)
}

/// What one process cost.
#[derive(Clone, Copy, Debug)]
struct Cost {
    wall: Duration,
    /// The most memory it held, in octets, as the kernel counts it (VmHWM).
    peak: u64,
}

/// Runs a command to its end and measures it. Its standard output goes to `log`.
fn measure(command: &mut Command, log: &std::path::Path) -> Result<Cost> {
    let output = File::create(log).context(|| log.display().to_string())?;
    let begun = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(output).spawn()?;
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let status: ExitStatus = loop {
        // The high-water mark only grows, so the last look before the end is nearly exact.
        peak = high_water(&status_file).unwrap_or(0).max(peak);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let wall = begun.elapsed();
    if !status.success() {
        let program = command.get_program().to_string_lossy().into_owned();
        return Err(format!("{program}: {status}").into());
    }
    Ok(Cost { wall, peak })
}

fn high_water(status_file: &str) -> Option<u64> {
    let text = std::fs::read_to_string(status_file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// The middle of several costs, by wall time.
fn median(costs: &[Cost]) -> Option<Cost> {
    let mut sorted = costs.to_vec();
    sorted.sort_by_key(|cost| cost.wall);
    sorted.get(sorted.len() / 2).copied()
}
