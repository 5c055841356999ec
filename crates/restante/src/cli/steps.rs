//! The checklist people watch while a task works.

use super::context::Context;
use super::error::Failure;
use restante_core::Secret;
use restante_core::discovery::TraceLine;
use restante_core::message::clean_line;
use restante_core::settings::{Candidate, Source};
use restante_engine::account::Account;
use restante_engine::imap::Connection;
use restante_engine::{Step, Steps, secrets, submit};
use std::io::{BufRead, IsTerminal};

/// Prints one line a step on standard error: on a terminal, or when asked with `--verbose`.
pub(super) struct Checklist {
    shown: bool,
    verbose: bool,
    color: bool,
}

impl Checklist {
    pub(super) fn new(context: &Context) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let verbose = context.global.verbose;
        Self {
            shown: verbose || (terminal && !context.output.json),
            verbose,
            color: terminal && context.output.color,
        }
    }

    /// One line with its mark.
    pub(super) fn line(&self, ok: bool, text: &str) {
        if !self.shown {
            return;
        }
        let text = clean_line(text);
        match (ok, self.color) {
            (true, true) => eprintln!("  \x1b[32m✓\x1b[0m {text}"),
            (true, false) => eprintln!("  ok   {text}"),
            (false, true) => eprintln!("  \x1b[31m✗\x1b[0m {text}"),
            (false, false) => eprintln!("  FAIL {text}"),
        }
    }

    pub(super) fn step(&self, step: &Step) {
        let service = serde_word(&step.service);
        let stage = serde_word(&step.stage);
        self.line(step.ok, &format!("{service:<5} {stage:<18} {} ({} ms)", step.detail, step.ms));
    }

    /// Where settings were looked for. Most places have nothing, so only `--verbose` shows them all.
    pub(super) fn trace(&self, line: &TraceLine) {
        if self.verbose {
            let result = serde_word(&line.result);
            eprintln!(
                "       {} {result}: {} ({} ms) {}",
                line.source,
                line.asked,
                line.ms,
                clean_line(&line.detail)
            );
        }
    }
}

/// A candidate in one line.
pub(super) fn found(candidate: &Candidate) -> String {
    let services: Vec<String> =
        candidate.imap().into_iter().chain(candidate.smtp()).map(ToString::to_string).collect();
    match candidate.source {
        Source::Given => format!("given: {}", services.join(", ")),
        source => format!("found by {source}: {}", services.join(", ")),
    }
}

/// The first line of standard input, for `--password-stdin`.
pub(super) fn read_password() -> Result<Secret, Failure> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n'])))
}

/// The word a value has in JSON.
pub(super) fn serde_word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Connects to an account's IMAP server and logs in, for a command that has one thing to ask. With `--verbose` each step
/// is shown.
pub(super) async fn connected(context: &Context, account: &Account) -> Result<Connection, Failure> {
    let network = context.network()?.pinned(account.pinned());
    let secret = secrets::load(&context.places, account)?;
    let checklist = Checklist::new(context);
    let mut steps = Steps::new(|step| {
        if context.global.verbose {
            checklist.step(step);
        }
    });
    Ok(submit::connect(&network, account, &secret, &mut steps).await?)
}
