//! `restante outbox`

use super::context::Context;
use super::error::Failure;
use super::list::rfc3339;
use super::output::print;
use super::send::dispatch_again;
use super::wrap::wrapped;
use clap::{Args, Subcommand};
use restante_core::message::clean_line;
use restante_core::submission::{Recipient, State};
use restante_engine::Error;
use restante_store::{Submission, SubmissionId, View};
use serde::Serialize;
use std::process::ExitCode;

/// Show what was sent and what waits, and decide what becomes of it.
#[derive(Debug, Args)]
pub(super) struct Outbox {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// All submissions, the oldest first.
    List,
    /// Send a message again now, to everybody who did not get it for certain.
    ///
    /// Of a message that is `unknown` the server may have taken the first copy: look whether it arrived
    /// before you ask for another.
    Retry {
        /// The number that `outbox list` shows first.
        submission: i64,
    },
    /// Take a message out of the outbox. What was sent stays sent.
    Cancel {
        /// The number that `outbox list` shows first.
        submission: i64,
    },
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
        match self.command {
            Command::List => list(context),
            Command::Retry { submission } => retry(context, SubmissionId::new(submission)),
            Command::Cancel { submission } => cancel(context, SubmissionId::new(submission)),
        }
    }
}

fn retry(context: &Context, id: SubmissionId) -> Result<ExitCode, Failure> {
    let view = context.view()?;
    let row = find(&view, id)?;
    if row.state == State::Accepted {
        return Err(Failure::Usage(format!("{id} was accepted already; nothing is sent again")));
    }
    let name = view.accounts()?.into_iter().find(|account| account.id == row.account).map(|a| a.name);
    drop(view);
    let account = context.accounts()?.find(name.as_deref())?.clone();
    dispatch_again(context, &account, id)
}

fn cancel(context: &Context, id: SubmissionId) -> Result<ExitCode, Failure> {
    find(&context.view()?, id)?;
    context.desk()?.remove_submission(id).map_err(Error::from)?;
    print(&format!("{id} is out of the outbox.\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn find(view: &View, id: SubmissionId) -> Result<Submission, Failure> {
    let rows = view.outbox(None)?;
    rows.into_iter().find(|row| row.id == id).ok_or_else(|| {
        Failure::NotFound(format!(
            "there is no message {id} in the outbox; `restante outbox list` shows them"
        ))
    })
}

fn list(context: &Context) -> Result<ExitCode, Failure> {
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
            print(&wrapped(&line(row), std::io::stdout()))?;
        }
    }
    Ok(if rows.is_empty() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn account(context: &Context, view: &View) -> Result<Option<restante_store::AccountId>, Failure> {
    match &context.global.account {
        Some(name) => {
            let name = context.accounts()?.name_of(Some(name))?.to_owned();
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
