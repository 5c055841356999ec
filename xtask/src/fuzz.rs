//! `cargo xtask fuzz`: libFuzzer against what must survive any bytes. The targets are in `fuzz/`.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use testkit::{Context, Result};

use crate::programs::{cargo, target, workspace};

/// Every target, as it is called in `fuzz/Cargo.toml`.
pub(crate) const TARGETS: [&str; 9] =
    ["imap", "smtp", "settings", "names", "message", "html", "formats", "query", "document"];

/// What libFuzzer needs of the compiler: which edges were taken, and what was compared.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=4";

/// `[TARGET] [--seconds N]`; all targets and a minute each where not said.
pub(crate) fn run(words: &[OsString]) -> Result<i32> {
    let mut targets = Vec::new();
    let mut seconds = 60;
    let mut words = words.iter().map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        match TARGETS.iter().find(|target| **target == word) {
            Some(target) => targets.push(*target),
            None if word == "--seconds" => {
                let number = words.next().ok_or("--seconds wants a number")?;
                seconds = number.parse().context(|| format!("`{number}` is no number of seconds"))?;
            }
            None => return Err(format!("there is no target `{word}`, only {}", TARGETS.join(", ")).into()),
        }
    }
    if targets.is_empty() {
        targets.extend(TARGETS);
    }
    let crashed = fuzz(&targets, seconds)?;
    if crashed.is_empty() {
        println!("{} targets, {seconds} s each, no crash", targets.len());
        return Ok(0);
    }
    println!("crashed: {}", crashed.join(", "));
    Ok(1)
}

/// Builds the targets and runs each; gives those that crashed. What a target finds interesting is kept in the build
/// folder and gone on from the next time.
pub(crate) fn fuzz(targets: &[&str], seconds: u32) -> Result<Vec<String>> {
    let folder = target()?.join("fuzz");
    let host = host()?;
    let manifest = workspace().join("fuzz/Cargo.toml");
    let mut build = cargo(&["build", "--quiet", "--locked", "--bins", "--target", &host, "--manifest-path"]);
    // The flags of whoever started us are not for this.
    build.arg(&manifest).env("RUSTFLAGS", FLAGS).env_remove("CARGO_ENCODED_RUSTFLAGS");
    let built = build.env("CARGO_TARGET_DIR", &folder).status()?;
    if !built.success() {
        return Err(format!("the targets cannot be built: {built}").into());
    }
    let mut crashed = Vec::new();
    for name in targets {
        let corpus = folder.join("corpus").join(name);
        fs::create_dir_all(&corpus)?;
        let program: PathBuf = folder.join(&host).join("debug").join(name);
        let artifact = folder.join(format!("{name}-"));
        let run = Command::new(&program)
            .arg(format!("-max_total_time={seconds}"))
            .args(["-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1"])
            .arg(format!("-artifact_prefix={}", artifact.display()))
            .args([&corpus, &workspace().join("fuzz/seeds").join(name)])
            .output()
            .context(|| format!("cannot start {}", program.display()))?;
        let said = String::from_utf8_lossy(&run.stderr);
        if run.status.success() {
            let number = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
            eprintln!("{name}: {} runs", number.unwrap_or("?").trim());
        } else {
            eprintln!("{said}");
            crashed.push((*name).to_owned());
        }
    }
    Ok(crashed)
}

/// The machine's own target triple: named explicitly, the flags stay away from build scripts and macros.
fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).current_dir(workspace()).arg("-vV").output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("rustc does not say what machine this is")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_its_file_its_seeds_and_its_place() {
        let folder = workspace().join("fuzz");
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
        for name in TARGETS {
            assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name}");
            assert!(folder.join(format!("targets/{name}.rs")).exists(), "{name}");
            assert!(fs::read_dir(folder.join("seeds").join(name)).unwrap().count() > 1, "{name}");
        }
    }
}
