//! `cargo xtask test`: every check and every test, the same here as in continuous integration.
//!
//! The last line is always `N passed, N failed, N skipped`, alone. A check that fails counts as one failure, so the
//! line never says `0 failed` when something did.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use testkit::{Context, Result};

use crate::programs::{cargo, output, step, succeed, target, workspace};
use crate::{fuzz, layers};

const CARGO_DENY: &str = "0.20.2";
/// Seconds for each fuzz target: enough to see that it runs and that what was found before stays mended.
const FUZZ_SECONDS: u32 = 3;

/// Runs everything; `args` go to the test runner. The exit code is 1 if anything failed.
pub(crate) fn run(args: &[OsString]) -> Result<i32> {
    let args = match args {
        [first, rest @ ..] if first == "--" => rest,
        [] => args,
        [word, ..] => return Err(format!("what is {word:?}? Arguments for the test runner follow --").into()),
    };
    let mut count = Count::default();
    let mut check = |name: &str, work: &mut dyn FnMut() -> Result<()>| {
        if step(name, work).is_none() {
            count.failed += 1;
        }
    };
    check("format", &mut || succeed(&mut cargo(&["fmt", "--all", "--check"])));
    check("layers", &mut || match layers::breaches()? {
        breaches if breaches.is_empty() => Ok(()),
        breaches => Err(breaches.join("\n").into()),
    });
    check("clippy", &mut || {
        succeed(&mut cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    });
    check("dependencies", &mut dependencies);
    check("documentation", &mut || {
        let mut command = cargo(&["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items"]);
        succeed(command.env("RUSTDOCFLAGS", "-D warnings"))
    });
    check("fuzz", &mut || match fuzz::fuzz(&fuzz::TARGETS, FUZZ_SECONDS)? {
        crashed if crashed.is_empty() => Ok(()),
        crashed => Err(format!("crashed: {}", crashed.join(", ")).into()),
    });
    let built = step("build", || succeed(&mut cargo(&["test", "--quiet", "--workspace", "--no-run"])));
    if built.is_some() {
        count.add_step("tests", || tests(args));
        count.add_step("examples in the documentation", doc_tests);
    } else {
        count.failed += 1;
    }
    println!("{} passed, {} failed, {} skipped", count.passed, count.failed, count.skipped);
    Ok(i32::from(count.failed > 0))
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Count {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// Runs a step that counts tests. It fails with its tests, which then are what counts.
    fn add_step(&mut self, name: &str, work: impl FnOnce() -> Result<Self>) {
        let mut found = Self::default();
        let good = step(name, || {
            found = work()?;
            if found.failed == 0 { Ok(()) } else { Err(format!("{} failed", found.failed).into()) }
        });
        if good.is_none() && found.failed == 0 {
            found.failed = 1;
        }
        self.add(found);
    }
}

fn dependencies() -> Result<()> {
    let program = target()?.join("tools/bin/cargo-deny");
    if !program.exists() {
        eprintln!("installing cargo-deny {CARGO_DENY}, once");
        let root = target()?.join("tools");
        let version = format!("cargo-deny@{CARGO_DENY}");
        let mut command = cargo(&["install", "--quiet", "--locked", "--debug", &version]);
        succeed(command.arg("--root").arg(root))?;
    }
    let deny = |checks: &[&str]| {
        let mut command = Command::new(&program);
        command.current_dir(workspace()).args(["--workspace", "--log-level", "error", "check"]).args(checks);
        command
    };
    succeed(&mut deny(&["bans", "licenses", "sources"]))?;
    // The list of advisories is fetched; where there is no network the other checks still count.
    let advisories = output(&mut deny(&["advisories"]))?;
    let said = String::from_utf8_lossy(&advisories.stderr).into_owned();
    if advisories.status.success() {
        return Ok(());
    }
    if said.contains("failed to fetch") || said.contains("failed to load advisory") {
        eprintln!("advisories were not checked: their list cannot be fetched from here");
        return Ok(());
    }
    Err(said.into())
}

/// All tests, inside a laboratory of their own.
fn tests(args: &[OsString]) -> Result<Count> {
    let nextest = cargo(&["nextest", "--version"]).output().is_ok_and(|out| out.status.success());
    let mut command = Command::new(std::env::current_exe()?);
    command.current_dir(workspace()).args(["lab", "run", "--"]);
    command.arg(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    if nextest {
        command.args(["nextest", "run", "--workspace", "--no-tests", "pass", "--no-fail-fast"]);
    } else {
        command.args(["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"]);
    }
    count(command.args(args), nextest)
}

fn doc_tests() -> Result<Count> {
    count(&mut cargo(&["test", "--quiet", "--workspace", "--doc", "--no-fail-fast"]), false)
}

/// Runs a test runner, shows what it says, and adds up its summaries.
fn count(command: &mut Command, nextest: bool) -> Result<Count> {
    let (reader, writer) = std::io::pipe()?;
    let mut child = command
        .env("CARGO_TERM_COLOR", "never")
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()
        .context(|| "cannot start the tests".into())?;
    // The command keeps our ends of the pipe open, and we would wait for ourselves.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut count = Count::default();
    let mut summaries = 0;
    for line in BufReader::new(reader).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        eprintln!("{line}");
        if let Some(found) = summary(&line, nextest) {
            count.add(found);
            summaries += 1;
        }
    }
    let status = child.wait()?;
    if !status.success() && count.failed == 0 {
        return Err(format!("the test runner ended without a failed test: {status}").into());
    }
    if nextest && summaries == 0 {
        return Err("the test runner gave no summary".into());
    }
    Ok(count)
}

/// `Summary [ 1.2s] 12/14 tests run: 10 passed (1 slow), 2 failed, 1 skipped` or
/// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`.
fn summary(line: &str, nextest: bool) -> Option<Count> {
    let rest = if nextest {
        let (before, after) = line.split_once(" run:")?;
        before.trim_start().starts_with("Summary").then_some(after)?
    } else {
        line.strip_prefix("test result: ")?.split_once(". ")?.1
    };
    let mut count = Count::default();
    for item in rest.split([',', ';']) {
        // `(1 slow)` and the like belong to the number before them.
        let item = item.split('(').next().unwrap_or_default();
        let mut words = item.split_whitespace();
        let (Some(number), Some(word)) =
            (words.next().and_then(|word| word.parse::<usize>().ok()), words.next())
        else {
            continue;
        };
        match (word, words.next()) {
            ("passed", _) => count.passed += number,
            ("failed", _) | ("timed", Some("out")) | ("exec", Some("failed")) => count.failed += number,
            ("skipped" | "ignored", _) => count.skipped += number,
            _ => {}
        }
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_both_runners_are_understood() {
        let of = |passed, failed, skipped| Some(Count { passed, failed, skipped });
        for (line, expected) in [
            ("     Summary [   0.030s] 3 tests run: 3 passed, 0 skipped", of(3, 0, 0)),
            (
                " Summary [ 1.2s] 12/15 tests run: 10 passed (1 slow, 1 leaky), 2 failed, 1 timed out, 4 skipped",
                of(10, 3, 4),
            ),
            (" Summary [ 1.2s] 1 test run: 0 passed, 1 exec failed, 0 skipped", of(0, 1, 0)),
            ("        PASS [   0.005s] core summary run: 3 passed", None),
        ] {
            assert_eq!(summary(line, true), expected, "{line}");
        }
        let line = "test result: FAILED. 3 passed; 2 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.01s";
        assert_eq!(summary(line, false), of(3, 2, 1));
        assert_eq!(summary("running 3 tests", false), None);
    }
}
