//! Everything a developer runs: `cargo xtask COMMAND`. One file a command.

mod bench;
mod corpus;
mod demo;
#[cfg(test)]
mod faults;
mod fuzz;
mod lab;
mod layers;
mod programs;
mod test;
mod verdicts;

use std::ffi::OsString;
use std::process::ExitCode;

use testkit::Result;

const USAGE: &str = "\
cargo xtask COMMAND

  lab up [--name NAME]               start a laboratory of real servers, in the background
  lab down [--name NAME]             end it and everything in it
  lab status                         which laboratories run
  lab run [--name NAME] -- CMD       run CMD inside: in the one that runs, else in one for CMD alone
  lab mail USER [--count N] [--mean-kb K] [--seed S] [--mailboxes] [--name NAME]
                                     fill the mailbox of USER, a full address, with generated mail
  bench sync [ROW...]                what syncs cost beside their floors and their peers, and 300 kills
  bench discover                     finding settings while one source is a black hole
  bench search [MESSAGES]            twelve kinds of questions, and what the index costs, beside notmuch and mu
  corpus ispdb FILE                  discovery of every domain in a JSON copy of the ISPDB
  corpus discovery FOLDER            what discovery makes of documents and records found in reports
  demo                               the main job on real servers, start to end
  fuzz [TARGET...] [--seconds N]     any bytes at everything that reads foreign ones: imap, smtp, settings,
                                     names, message, html, formats, query
  test [-- ARGS]                     every check and every test; ARGS go to the test runner
  corpus replies [--verbose] PATH... refusals by real servers against the table of diagnosis
  corpus wire [--verbose] PATH...    responses by real servers through the decoder, in several splits
  corpus mime PATH...                messages whose parts others wrote down, through the reader
  corpus spamassassin PATH...        some thousand real messages through the reader, and how long each takes
  verdicts                           write docs/verdicts.md from the catalogue of diagnosis
  layers                             the order of the crates, and of the modules in core
";

fn main() -> ExitCode {
    let mut words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let command = if words.is_empty() { OsString::new() } else { words.remove(0) };
    let done: Result<i32> = match command.to_str() {
        Some("bench") => bench::run(&words),
        Some("bench-inside") => bench::inside(&words),
        Some("bench-drain") => bench::drain(&words),
        Some("corpus") => corpus::run(&words),
        Some("corpus-inside") => corpus::inside(&words),
        Some("demo") => demo::run(&words),
        Some("demo-inside") => demo::inside(),
        Some("fuzz") => fuzz::run(&words),
        Some("lab") => lab::run(words),
        Some("layers") => layers::run(),
        Some("test") => test::run(&words),
        Some("verdicts") => verdicts::run(),
        Some("--help" | "-h" | "help") => {
            print!("{USAGE}");
            Ok(0)
        }
        _ => {
            eprint!("{USAGE}");
            Ok(64)
        }
    };
    match done {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
