//! `restante fsck`

use super::context::{Context, now};
use super::error::Failure;
use super::output::print;
use super::steps::connected;
use super::sync::octets;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use restante_core::message::{clean, clean_line};
use restante_engine::sync::{self, Keeper};
use restante_engine::{Error, repair};
use restante_store::{Checked, Fault, FaultKind, MessageId, Store, StoreError, View, Waste, check};
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::{IsTerminal, Read};
use std::process::ExitCode;

/// Check everything that is remembered, octet by octet, and repair it from the server.
///
/// Without options nothing is changed, and a sync may go on beside it. Ends with 1 when something is wrong
/// that was not repaired.
#[derive(Debug, Args)]
pub(super) struct Fsck {
    /// Put right what is wrong: count again, and fetch again what was lost.
    #[arg(long)]
    repair: bool,
    /// Forget messages whose content is lost and cannot be fetched.
    #[arg(long, requires = "repair")]
    forget_lost: bool,
    /// Make the search index anew.
    #[arg(long)]
    rebuild_index: bool,
    /// Give back all space that deleted messages take.
    #[arg(long)]
    compact: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    checked: Looked,
    faults: Vec<Row<'a>>,
    freed: u64,
}

/// What was looked at.
#[derive(Serialize)]
struct Looked {
    messages: u64,
    octets: u64,
    packs: u64,
    mailboxes: u64,
}

#[derive(Serialize)]
struct Row<'a> {
    kind: &'static str,
    r#where: &'a str,
    id: Option<&'a str>,
    repaired: bool,
}

/// What a run found and did.
#[derive(Default)]
struct Outcome {
    checked: Checked,
    /// Faults, and whether they are there no more.
    faults: Vec<(Fault, bool)>,
    freed: u64,
}

impl Fsck {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let changes = self.repair || self.rebuild_index || self.compact;
        if changes && context.global.read_only {
            return Err(Failure::Usage(
                "this changes what is kept here, and --read-only was given".to_owned(),
            ));
        }
        if !context.places.data.join("mail.db").exists() {
            // Says what there is to do.
            drop(context.view()?);
        }
        let outcome = if changes { self.work(context)? } else { look(context)? };
        let left = outcome.faults.iter().any(|(fault, repaired)| is_serious(fault) && !repaired);
        if context.output.json {
            context.output.document("fsck", &document(&outcome))?;
        } else {
            print(&clean(&text(&outcome)))?;
            if let Some(advice) = advice(context, &outcome, self.repair) {
                eprintln!("{advice}");
            }
        }
        Ok(if left { ExitCode::from(1) } else { ExitCode::SUCCESS })
    }

    /// Everything that changes something, as the one writer.
    fn work(&self, context: &Context) -> Result<Outcome, Failure> {
        let mut store = match Store::open(&context.places.data) {
            Err(error @ StoreError::Locked { .. }) => {
                eprintln!("Without options `restante fsck` checks beside it and changes nothing.");
                return Err(error.into());
            }
            Err(error @ (StoreError::Database(_) | StoreError::Disk(_))) => {
                let found = look(context)?;
                // Of the two databases only one can be made again.
                if found.has(FaultKind::Database) || !(self.repair || self.rebuild_index) {
                    return Ok(found);
                }
                if !found.has(FaultKind::Index) {
                    return Err(error.into());
                }
                Store::open_without_index(&context.places.data)?
            }
            other => other?,
        };
        let mut outcome = Outcome::default();
        if self.repair {
            outcome = look(context)?;
            if outcome.has(FaultKind::Database) {
                return Ok(outcome);
            }
            if outcome.faults.iter().any(|(fault, _)| is_serious(fault)) {
                store.mend()?;
            }
        }
        if self.rebuild_index || outcome.has(FaultKind::Index) || outcome.has(FaultKind::Position) {
            store = store.rebuild_index()?;
            store.index_documents(context.accounts()?.finds_attachments())?;
        }
        let lost: Vec<MessageId> = outcome.faults.iter().filter_map(|(fault, _)| fault.message).collect();
        let keeper = Keeper::start(store)?;
        if !lost.is_empty() {
            context.block_on(fetch(context, &keeper, &lost))?;
            if self.forget_lost {
                context.block_on(forget(&keeper, lost))?;
            }
        }
        let all = self.compact;
        outcome.freed = context.block_on(async {
            sync::index(&keeper).await?;
            let give_back = move |store: &mut Store| match all {
                true => Ok(store.compact(Waste::Any, || {})? + store.trim()?),
                false => store.compact(Waste::Most, || {}),
            };
            Ok(keeper.with(give_back).await?)
        })?;
        keeper.close()?;
        if outcome.faults.iter().any(|(fault, _)| is_serious(fault)) {
            outcome.compare(look(context)?);
        } else if !self.repair {
            let freed = outcome.freed;
            outcome = Outcome { freed, ..look(context)? };
        }
        Ok(outcome)
    }
}

impl Outcome {
    fn has(&self, kind: FaultKind) -> bool {
        self.faults.iter().any(|(fault, _)| fault.kind == kind)
    }

    /// What a second look does not find any more is repaired.
    fn compare(&mut self, now: Self) {
        let key = |fault: &Fault| match fault.message {
            Some(message) => (fault.kind, Some(message), String::new()),
            None => (fault.kind, None, fault.place.clone()),
        };
        let left: BTreeSet<_> = now.faults.iter().map(|(fault, _)| key(fault)).collect();
        let known: BTreeSet<_> = self.faults.iter().map(|(fault, _)| key(fault)).collect();
        for (fault, repaired) in &mut self.faults {
            *repaired = !left.contains(&key(fault));
        }
        self.faults.extend(now.faults.into_iter().filter(|(fault, _)| !known.contains(&key(fault))));
        self.checked = now.checked;
    }
}

/// Whether something is wrong with what is remembered.
fn is_serious(fault: &Fault) -> bool {
    fault.kind != FaultKind::Stranger
}

/// Looks at everything and changes nothing.
fn look(context: &Context) -> Result<Outcome, Failure> {
    let shown = std::io::stderr().is_terminal() && !context.output.json;
    let target = if shown { ProgressDrawTarget::stderr_with_hz(8) } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(0), target);
    let template = "{wide_msg} {bar:20} {human_pos}/{human_len} messages, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message("checking");
    let mut faults = Vec::new();
    let checked = check(
        &context.places.data,
        |fault| faults.push((fault, false)),
        |progress| {
            bar.set_length(progress.of);
            bar.set_position(progress.done);
        },
    )?;
    bar.finish_and_clear();
    Ok(Outcome { checked, faults, freed: 0 })
}

/// Fetches what was lost, account by account. One that cannot be reached keeps the others from nothing: what
/// is still lost is named at the end.
async fn fetch(context: &Context, keeper: &Keeper, lost: &[MessageId]) -> Result<(), Failure> {
    if context.global.offline {
        return Ok(());
    }
    let messages = lost.to_vec();
    let (places, known) =
        keeper.with(move |store| Ok((store.view().places_of(&messages)?, store.view().accounts()?))).await?;
    let accounts = context.accounts()?;
    let wanted: BTreeSet<_> = places.iter().map(|place| place.account).collect();
    for row in known.iter().filter(|row| wanted.contains(&row.id)) {
        let Some(account) = accounts.all().iter().find(|account| account.name == row.name && !account.draft)
        else {
            continue;
        };
        let attempt = async {
            let mut connection = connected(context, account).await?;
            let fetched = repair::fetch_lost(&mut connection, keeper, row.id, lost, now()).await?;
            restante_engine::imap::log_out(connection).await;
            for finding in &fetched.findings {
                eprintln!("{}", clean(&finding.to_string()));
            }
            if fetched.replaced > 0 {
                let count = fetched.replaced;
                eprintln!("{count} lost messages are not the same on the server; what it has was taken.");
            }
            Ok(())
        };
        match attempt.await {
            Err(Failure::Engine(Error::Store(error))) => return Err(error.into()),
            Err(failure) => eprintln!("{}: {}", row.name, clean(&failure.text().unwrap_or_default())),
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Forgets those of the lost messages that are lost still.
async fn forget(keeper: &Keeper, lost: Vec<MessageId>) -> Result<(), Failure> {
    keeper
        .with(move |store| {
            let lost: Vec<MessageId> = lost.into_iter().filter(|id| is_lost(store.view(), *id)).collect();
            store.forget(&lost)
        })
        .await?;
    Ok(())
}

/// Whether a message is here and cannot be read to its end.
fn is_lost(view: &View, message: MessageId) -> bool {
    if !matches!(view.row(message), Ok(Some(_))) {
        return false;
    }
    let Ok(mut content) = view.content(message) else { return true };
    let mut buffer = vec![0; 64 << 10];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(_) => return true,
        }
    }
}

fn document(outcome: &Outcome) -> Document<'_> {
    let Checked { messages, octets, packs, mailboxes } = outcome.checked;
    Document {
        checked: Looked { messages, octets, packs, mailboxes },
        faults: outcome
            .faults
            .iter()
            .map(|(fault, repaired)| Row {
                kind: fault.kind.as_str(),
                r#where: &fault.place,
                id: Some(fault.id.as_str()).filter(|id| !id.is_empty()),
                repaired: *repaired,
            })
            .collect(),
        freed: outcome.freed,
    }
}

fn text(outcome: &Outcome) -> String {
    let mut text = String::new();
    for (fault, repaired) in &outcome.faults {
        let id = if fault.id.is_empty() { String::new() } else { format!("{} ", fault.id) };
        let what = match (fault.kind, repaired) {
            (FaultKind::Stranger, _) => ": not a file of restante's",
            (_, true) => ": repaired",
            (FaultKind::Content, false) => ": its content is lost",
            (_, false) => "",
        };
        text.push_str(&format!("  {:<9} {id}{}{what}\n", fault.kind.as_str(), clean_line(&fault.place)));
    }
    let Checked { messages, octets: read, packs, mailboxes } = outcome.checked;
    let number =
        |count: u64, one: &str, more: &str| format!("{count} {}", if count == 1 { one } else { more });
    let serious = outcome.faults.iter().filter(|(fault, _)| is_serious(fault));
    let (repaired, left): (Vec<_>, Vec<_>) = serious.partition(|(_, repaired)| *repaired);
    let result = match (repaired.len(), left.len()) {
        (0, 0) => "nothing is wrong".to_owned(),
        (repaired, 0) => format!("{repaired} repaired"),
        (0, left) => format!("{left} wrong"),
        (repaired, left) => format!("{repaired} repaired, {left} wrong"),
    };
    let freed =
        if outcome.freed > 0 { format!("; {} given back", octets(outcome.freed)) } else { String::new() };
    text.push_str(&format!(
        "{} in {} and {}, {}: {result}{freed}\n",
        number(messages, "message", "messages"),
        number(mailboxes, "mailbox", "mailboxes"),
        number(packs, "pack", "packs"),
        octets(read),
    ));
    text
}

/// What a person can do about what is left.
fn advice(context: &Context, outcome: &Outcome, repaired: bool) -> Option<String> {
    let left = |kind: FaultKind| outcome.faults.iter().any(|(fault, done)| fault.kind == kind && !done);
    if left(FaultKind::Database) {
        return Some(format!(
            "The mail database is broken, which restante cannot repair. What is on the server is not harmed. Move \
             mail.db, mail.db-wal and mail.db-shm out of {}, where they are, and run `restante sync`: all mail is \
             fetched again. What waits in the outbox, and what was asked of the server and not done yet, is in \
             those files only.",
            context.places.data.display()
        ));
    }
    let any = outcome.faults.iter().any(|(fault, done)| is_serious(fault) && !done);
    if any && !repaired {
        return Some("`restante fsck --repair` puts right what can be.".to_owned());
    }
    left(FaultKind::Content).then(|| {
        "What is lost could not be fetched from the server. `restante fsck --repair` tries again, \
         `restante fsck --repair --forget-lost` forgets these messages."
            .to_owned()
    })
}
