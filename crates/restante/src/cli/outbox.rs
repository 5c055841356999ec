//! `restante outbox`

use super::context::Context;
use super::error::Failure;
use super::list::rfc3339;
use super::output::print;
use clap::{Args, Subcommand};
use restante_core::message::clean_line;
use restante_core::submission::Recipient;
use restante_store::{Submission, View};
use serde::Serialize;
use std::process::ExitCode;

/// Show what was sent and what waits.
#[derive(Debug, Args)]
pub(super) struct Outbox {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// All submissions, the oldest first.
    List,
}

#[derive(Serialize)]
struct Document {
    submissions: Vec<Entry>,
}

/// A submission as the outbox prints it.
#[derive(Serialize)]
struct Entry {
    submission: String,
    message_id: String,
    state: String,
    created: String,
    attempts: u32,
    next_attempt: Option<String>,
    reply: String,
    filed: bool,
    recipients: Vec<Recipient>,
}

impl Outbox {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let Command::List = self.command;
        let rows = match context.view() {
            Ok(view) => view.outbox(account(context, &view)?)?,
            // Before anything was fetched or sent there is no store: nothing waits.
            Err(Failure::NotFound(_)) => Vec::new(),
            Err(failure) => return Err(failure),
        };
        if context.output.json {
            let submissions = rows.iter().map(entry).collect();
            context.output.document("outbox", &Document { submissions })?;
        } else {
            for row in &rows {
                print(&line(row))?;
            }
        }
        Ok(if rows.is_empty() { ExitCode::from(1) } else { ExitCode::SUCCESS })
    }
}

fn account(context: &Context, view: &View) -> Result<Option<restante_store::AccountId>, Failure> {
    match &context.global.account {
        Some(name) => {
            let name = context.accounts()?.find(Some(name))?.name.clone();
            Ok(view.find_account(&name)?)
        }
        None => Ok(None),
    }
}

fn entry(row: &Submission) -> Entry {
    let waits = matches!(row.state.as_str(), "queued" | "deferred") && row.next_attempt != i64::MAX;
    Entry {
        submission: row.id.to_string(),
        message_id: row.message_id.clone(),
        state: row.state.as_str().to_owned(),
        created: rfc3339(row.created),
        attempts: row.attempts,
        next_attempt: waits.then(|| rfc3339(row.next_attempt)),
        reply: row.reply.clone(),
        filed: row.filed,
        recipients: row.recipients.clone(),
    }
}

fn line(row: &Submission) -> String {
    let to: Vec<&str> = row.recipients.iter().map(|r| r.address.as_str()).collect();
    let created = rfc3339(row.created);
    let head = format!("{}  {created}  {:<8}  to {}", row.id, row.state.as_str(), to.join(", "));
    let reply = if row.reply.is_empty() { String::new() } else { format!("  ({})", row.reply) };
    format!("{}\n", clean_line(&format!("{head}{reply}")))
}
