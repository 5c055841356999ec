//! `restante sync`

use super::account::paused;
use super::account_move::{Offer, offer};
use super::context::{Context, now};
use super::error::Failure;
use super::output::print;
use super::steps::Checklist;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use restante_core::message::{clean, clean_line};
use restante_core::submission::{Recipient, State};
use restante_engine::account::Account;
use restante_engine::sync::{self, Keeper, Progress, Report};
use restante_engine::{Error, moving, secrets, submit};
use restante_store::Submission;
use serde::Serialize;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Fetch what is new in every mailbox, the newest first; send what waits in the outbox.
///
/// Everything fetched can be read and searched offline. Messages come whole, unless `keep` or `whole` in the
/// configuration say otherwise. A run that is interrupted loses nothing: the
/// next one goes on from there.
#[derive(Debug, Args)]
pub(super) struct Sync {
    /// Which account; all of them when none is named.
    account: Option<String>,
    /// Stay, and bring everything up to date the moment it changes, here or there, until told to end.
    #[arg(long)]
    watch: bool,
    /// With --watch: run this by `sh -c` when mail came, the ids on its standard input, one a line;
    /// RESTANTE_ACCOUNT and RESTANTE_NEW say whose and how many.
    #[arg(long, value_name = "COMMAND", requires = "watch")]
    on_new: Option<String>,
}

const SECOND: Duration = Duration::from_secs(1);

#[derive(Serialize)]
pub(super) struct Document<'a> {
    pub(super) account: &'a str,
    #[serde(flatten)]
    pub(super) report: &'a Report,
    /// What was tried from the outbox.
    pub(super) sent: Vec<Sent<'a>>,
    /// Milliseconds from when everything was fetched and durable until it was searchable.
    pub(super) index_ms: u64,
    pub(super) ms: u64,
}

/// A submission that was tried.
#[derive(Serialize)]
pub(super) struct Sent<'a> {
    submission: String,
    message_id: &'a str,
    state: State,
    recipients: &'a [Recipient],
}

impl<'a> Sent<'a> {
    fn of(row: &'a Submission) -> Self {
        Self {
            submission: row.id.to_string(),
            message_id: &row.message_id,
            state: row.state,
            recipients: &row.recipients,
        }
    }
}

impl Sync {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let accounts = context.accounts()?;
        let named = self.account.as_deref().or(context.global.account.as_deref());
        let local = match named {
            None => accounts.local().to_vec(),
            Some(name) if accounts.find(Some(name)).is_err() => {
                accounts.find_local(name).map(str::to_owned).into_iter().collect()
            }
            Some(_) => Vec::new(),
        };
        if !context.output.json {
            for name in &local {
                eprintln!("{}", clean_line(&format!("{name} is local: there is nothing to fetch")));
            }
        }
        let only_local = !local.is_empty() && (named.is_some() || accounts.all().is_empty());
        if only_local && !self.watch {
            // What an import that was ended has left is made searchable all the same.
            let keeper = context.keeper_to_index()?;
            context.block_on(async { Ok(sync::index(&keeper).await?) })?;
            keeper.close()?;
            return Ok(ExitCode::SUCCESS);
        }
        let accounts = match named {
            None if accounts.all().len() > 1 => {
                accounts.all().iter().filter(|account| !account.draft).cloned().collect()
            }
            named => vec![accounts.ready(named)?.clone()],
        };
        let keeper = context.keeper_to_index()?;
        if self.watch {
            let watched = super::watch::watch(context, &keeper, &accounts, self.on_new.as_deref());
            keeper.close()?;
            return watched;
        }
        let mut failed = None;
        for account in &accounts {
            // One account whose server is down must not keep the others waiting for their mail.
            if let Err(failure) = context.block_on(one(context, &keeper, account))
                && let Some(earlier) = failed.replace(failure)
            {
                earlier.report(context.output.json);
            }
        }
        if let Some(failure) = failed {
            // What came before the failure, or was left by a run that was ended, is written and searchable
            // all the same.
            // When that fails too, it is for the same reason, and the first says more.
            let _ = context.block_on(async { Ok(sync::index(&keeper).await?) });
            let _ = keeper.close();
            return Err(failure);
        }
        keeper.close()?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn one(context: &Context, keeper: &Keeper, account: &Account) -> Result<(), Failure> {
    let begun = Instant::now();
    let network = context.network()?.pinned(account.pinned());
    let secret = secrets::load(&context.places, account)?;
    let checklist = Checklist::new(context);
    let mut steps = checklist.steps_beside();
    let name = account.name.clone();
    let id = keeper.with(move |store| store.account(&name)).await?;
    let pause = keeper.with(move |store| store.view().pause(id)).await?;
    if let Some(words) = pause.as_ref().and_then(|pause| paused(pause, now()))
        && std::io::stderr().is_terminal()
        && !context.output.json
    {
        eprintln!("{}: {}; asking all the same", account.name, clean_line(&words));
    }
    let mut account = account.clone();
    let mut notes = Vec::new();
    let (mut asked, mut moved) = (false, false);
    let mut tried = Vec::new();
    if !context.global.no_send {
        let (sent, stopped) =
            submit::drain(&network, keeper, &account, id, &secret, now(), &mut steps).await?;
        tried = sent;
        if let Some(symptom) = stopped.as_ref().and_then(Error::finding).filter(|f| moving::is_symptom(f)) {
            asked = true;
            match offer(context, &network, &account, &secret, symptom).await? {
                Offer::Moved(new) => (account, moved) = (*new, true),
                Offer::Stays(finding) => notes.push(*finding),
                Offer::Nothing => {}
            }
        }
    }
    let connected = match submit::connect(&network, &account, &secret, &mut steps).await {
        Err(Error::Finding(symptom)) if !asked && moving::is_symptom(&symptom) => {
            match offer(context, &network, &account, &secret, &symptom).await? {
                Offer::Moved(new) => {
                    (account, moved) = (*new, true);
                    submit::connect(&network, &account, &secret, &mut steps).await
                }
                Offer::Stays(finding) => Err(Error::Finding(finding)),
                Offer::Nothing => Err(Error::Finding(symptom)),
            }
        }
        // The same was found out a moment ago.
        Err(Error::Finding(symptom)) if moving::is_symptom(&symptom) => {
            Err(notes.pop().map_or(Error::Finding(symptom), Error::from))
        }
        other => other,
    };
    if moved && !context.global.no_send && connected.is_ok() {
        // What waited for the old servers goes through the new ones.
        keeper.with(move |store| moving::hasten(store, id, now())).await?;
        let (again, _) = submit::drain(&network, keeper, &account, id, &secret, now(), &mut steps).await?;
        tried.retain(|row| again.iter().all(|later| later.id != row.id));
        tried.extend(again);
    }
    let mut connected = connected;
    if let Ok(connection) = &mut connected
        && !context.global.no_send
    {
        match submit::look_for_unknown(connection, keeper, id).await {
            Ok(found) => {
                tried.retain(|row| found.iter().all(|later| later.id != row.id));
                tried.extend(found);
            }
            // It is not known, as before.
            Err(Error::Finding(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let outbox = keeper.with(move |store| store.view().outbox(Some(id))).await?;
    let waiting = outbox.iter().filter(|row| submit::waits_for_a_person(row)).count();
    if !context.output.json {
        eprint!("{}", clean(&outbox_text(&tried, waiting)));
    }
    let mut connection = connected?;
    // A copy that finds no room must not keep anybody from reading.
    let unfiled = match submit::file_sent(&mut connection, keeper, id).await {
        Err(Error::Finding(finding)) => vec![*finding],
        other => other?.left,
    };
    let indexer = sync::Indexer::start(keeper).await?;
    let progress = Mutex::new(Progress::default());
    let bar = bar(context);
    let fetching = sync::sync_selected(&mut connection, keeper, id, &account.selection, &progress);
    let mut report = watched(&bar, context.global.verbose, &progress, fetching).await?;
    report.findings.extend(unfiled);
    report.findings.extend(notes);
    restante_engine::imap::log_out(connection).await;
    let fetched = Instant::now();
    index(&bar, keeper, indexer).await?;
    keeper.with(move |store| store.clear_pause(id)).await?;
    sync::tidy(keeper).await?;
    bar.finish_and_clear();
    let (ms, index_ms) = (millis(begun.elapsed()), millis(fetched.elapsed()));
    if context.output.json {
        let sent = tried.iter().map(Sent::of).collect();
        context
            .output
            .document("sync", &Document { account: &account.name, report: &report, sent, index_ms, ms })?;
    } else {
        print(&clean(&text(&account, &report, ms)))?;
    }
    // It was said with the rest; the others were read.
    report.unread.map_or(Ok(()), |verdict| Err(Failure::Said(verdict.exit_code())))
}

/// What a person should know of the outbox: what was just sent or refused, and what waits for a decision.
pub(super) fn outbox_text(tried: &[Submission], waiting: usize) -> String {
    let mut text = String::new();
    for row in tried {
        for recipient in &row.recipients {
            let (state, address, reply) = (recipient.state.as_str(), &recipient.address, &recipient.reply);
            text.push_str(&format!("  outbox {}: {state} {address} ({reply})\n", row.id));
        }
    }
    if waiting > 0 {
        text.push_str(&format!("  {waiting} in the outbox need a decision: `restante outbox list`\n"));
    }
    text
}

fn bar(context: &Context) -> ProgressBar {
    let shown = std::io::stderr().is_terminal() && !context.output.json;
    let target = if shown { ProgressDrawTarget::stderr_with_hz(8) } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(0), target);
    let template = "{wide_msg} {bar:20} {human_pos}/{human_len} messages{prefix}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// Awaits the work and shows how far it is: in the bar, or, where there is none and `lines` are wanted,
/// in a line a second.
async fn watched<T>(
    bar: &ProgressBar,
    lines: bool,
    progress: &Mutex<Progress>,
    work: impl Future<Output = Result<T, restante_engine::Error>>,
) -> Result<T, Failure> {
    let begun = Instant::now();
    let mut work = std::pin::pin!(work);
    let mut tick = tokio::time::interval(if bar.is_hidden() { SECOND } else { SECOND / 8 });
    loop {
        let done = tokio::select! {
            biased;
            done = &mut work => Some(done),
            _ = tick.tick() => None,
        };
        let now = progress.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let rate = now.bytes_done as f64 / begun.elapsed().as_secs_f64().max(0.001);
        bar.set_length(now.messages);
        bar.set_position(now.messages_done);
        bar.set_message(clean(&now.mailbox).into_owned());
        let of =
            if now.bytes > now.bytes_done { format!(" of {}", octets(now.bytes)) } else { String::new() };
        let bytes = format!("{}{of} at {}/s", octets(now.bytes_done), octets(rate as u64));
        bar.set_prefix(format!(", {bytes}"));
        if bar.is_hidden() && lines && now.messages > 0 {
            eprintln!("  {}/{} messages, {bytes}", now.messages_done, now.messages);
        }
        if let Some(done) = done {
            return Ok(done?);
        }
    }
}

async fn index(bar: &ProgressBar, keeper: &Keeper, indexer: sync::Indexer) -> Result<(), Failure> {
    bar.set_message("making it searchable");
    bar.set_prefix("");
    let left = keeper.with(|store| store.view().unindexed(usize::MAX)).await?.len();
    bar.set_length(left as u64);
    bar.set_position(0);
    bar.reset_eta();
    indexer.finish(|count| bar.inc(count as u64)).await?;
    Ok(())
}

fn text(account: &Account, report: &Report, ms: u64) -> String {
    let sum = |of: fn(&sync::MailboxReport) -> u64| report.mailboxes.iter().map(of).sum::<u64>();
    let mut text = String::new();
    let altered = |m: &&sync::MailboxReport| m.new + m.completed + m.recognised + m.changed + m.removed > 0;
    for mailbox in report.mailboxes.iter().filter(altered) {
        let completed = match mailbox.completed {
            0 => String::new(),
            count => format!("{count} completed, "),
        };
        let recognised = match mailbox.recognised {
            0 => String::new(),
            count => format!("{count} recognised, "),
        };
        text.push_str(&format!(
            "  {}: {} new, {completed}{recognised}{} changed, {} removed, {} in all\n",
            mailbox.name, mailbox.new, mailbox.changed, mailbox.removed, mailbox.total
        ));
    }
    for finding in &report.findings {
        text.push_str(&format!("{finding}\n"));
    }
    text.push_str(&format!(
        "{}: {} messages in {} mailboxes; {} new, {} changed, {} removed; {} in {}.{} s\n",
        account.name,
        sum(|m| m.total),
        report.mailboxes.len(),
        sum(|m| m.new),
        sum(|m| m.changed),
        sum(|m| m.removed),
        octets(report.bytes_in),
        ms / 1000,
        ms % 1000 / 100,
    ));
    text
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Octets as people read them: `18 KB`, `2.4 MB`.
pub(super) fn octets(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{} KB", count / 1_000),
        1_000_000..1_000_000_000 => format!("{}.{} MB", count / 1_000_000, count / 100_000 % 10),
        _ => format!("{}.{} GB", count / 1_000_000_000, count / 100_000_000 % 10),
    }
}
