//! `restante sync --watch`

use super::context::{Context, now};
use super::error::Failure;
use super::output::print;
use super::sync::{Document, Sent, octets};
use super::wrap::wrapped;
use restante_core::mail::MailboxName;
use restante_core::message::clean;
use restante_engine::account::Account;
use restante_engine::sync::{Keeper, Report};
use restante_engine::watch::{Clock, Local, Told, Watch};
use restante_engine::{Error, secrets};
use restante_store::{AccountId, Row, View};
use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::io::Write;
use std::pin::Pin;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::task::Poll;
use tokio::signal::unix::{SignalKind, signal};

/// Keeps accounts in step until it is told to end, or until every one of them needs a person.
pub(super) fn watch(
    context: &Context,
    keeper: &Keeper,
    accounts: &[Account],
    on_new: Option<&str>,
) -> Result<ExitCode, Failure> {
    let hook = on_new.map(Hook::start);
    context.block_on(async {
        let mut ended = std::pin::pin!(told_to_end()?);
        let mut ids = Vec::new();
        for account in accounts {
            let name = account.name.clone();
            ids.push(keeper.with(move |store| store.account(&name)).await?);
        }
        let announce = |ids: Vec<AccountId>| keeper.with(move |store| store.announce(&ids));
        announce(ids.clone()).await?;
        let mut watched: Vec<_> = accounts
            .iter()
            .map(|account| Box::pin(one(context, keeper, account, hook.as_ref())))
            .collect::<Vec<Pin<Box<_>>>>();
        let mut failed = None;
        while !watched.is_empty() {
            let next = poll_fn(|context| {
                if ended.as_mut().poll(context).is_ready() {
                    return Poll::Ready(None);
                }
                for (at, account) in watched.iter_mut().enumerate() {
                    if let Poll::Ready(failure) = account.as_mut().poll(context) {
                        return Poll::Ready(Some((at, failure)));
                    }
                }
                Poll::Pending
            });
            let Some((at, failure)) = next.await else { return Ok(ExitCode::SUCCESS) };
            drop((watched.remove(at), ids.remove(at)));
            announce(ids.clone()).await?;
            if let Some(earlier) = failed.replace(failure) {
                earlier.report(context.output.json);
            }
        }
        failed.map_or(Ok(ExitCode::SUCCESS), Err)
    })
}

/// Resolves when the person, or the system, wants an end.
fn told_to_end() -> Result<impl Future<Output = ()>, Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::Io(format!("no signals: {error}")));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// One account; ends only when a person has to do something.
async fn one(context: &Context, keeper: &Keeper, account: &Account, hook: Option<&Hook>) -> Failure {
    match attend(context, keeper, account, hook).await {
        Ok(never) => match never {},
        Err(failure) => failure,
    }
}

async fn attend(
    context: &Context,
    keeper: &Keeper,
    account: &Account,
    hook: Option<&Hook>,
) -> Result<std::convert::Infallible, Failure> {
    let network = context.network()?.pinned(account.pinned());
    let secret = secrets::load(&context.places, account)?;
    let name = account.name.clone();
    let id = keeper.with(move |store| store.account(&name)).await?;
    let view = View::open(&context.places.data).map_err(Error::from)?;
    // Before the first sync everything is new, and nothing is news.
    let synced = view.mailboxes(id).map_err(Error::from)?.iter().any(|row| row.state.is_some());
    let since = if synced { Some(view.last_arrival().map_err(Error::from)?) } else { None };
    let strange = never_read(&view, id)?;
    let told = Said::default();
    let mut teller = Teller { context, account, id, view, since, strange, hook, before: now(), told };
    let mut local = Local::new(&context.places.data)?;
    let mut clock = Clock::new()?;
    let watch =
        Watch { network: &network, keeper, account, id, secret: &secret, send: !context.global.no_send };
    Ok(watch.run(&mut local, &mut clock, &mut |told| teller.tell(&told)).await?)
}

/// Says what happens, and runs the hook.
struct Teller<'a> {
    context: &'a Context,
    account: &'a Account,
    id: AccountId,
    view: View,
    /// Messages up to this one are not new; `None` before the first sync.
    since: Option<i64>,
    /// Mailboxes that were there at the last report, and could not be read yet.
    strange: BTreeSet<MailboxName>,
    hook: Option<&'a Hook>,
    before: i64,
    told: Said,
}

impl Teller<'_> {
    fn tell(&mut self, told: &Told<'_>) {
        let said = match told {
            Told::Synced(report) => self.synced(report),
            Told::Sent(tried) => {
                let text = super::sync::outbox_text(tried, 0);
                eprint!("{}", clean(&text));
                Ok(())
            }
            Told::Waiting { error, pause } => {
                eprintln!("restante: {}", failed(&self.account.name, error, pause.as_secs()));
                Ok(())
            }
        };
        // Nobody may be reading any more; the mail is kept in step all the same.
        if let Err(failure) = said {
            failure.report(self.context.output.json);
        }
    }

    fn synced(&mut self, report: &Report) -> Result<(), Failure> {
        if self.context.output.json || self.context.output.lines {
            let ms = u64::try_from((now() - self.before).saturating_mul(1000)).unwrap_or(0);
            let sent: Vec<Sent<'_>> = Vec::new();
            let document = Document { account: &self.account.name, report, sent, index_ms: 0, ms };
            self.context.output.document_line("sync", &document)?;
        } else {
            let findings = report.findings.iter().map(ToString::to_string).collect();
            print(&clean(&text(self.account, report, &self.told.news(findings, now()))))?;
        }
        self.before = now();
        let last = self.view.last_arrival().map_err(Error::from)?;
        if let (Some(since), Some(hook)) = (self.since, self.hook) {
            let arrived = self.view.arrived(self.id, since).map_err(Error::from)?;
            let mut ids = Vec::new();
            for message in arrived {
                let row = self.view.row(message).map_err(Error::from)?;
                // What comes with a mailbox's first reading is what was in it.
                let is_news = |row: &Row| row.places.iter().any(|place| !self.strange.contains(&place.name));
                ids.extend(row.filter(is_news).map(|row| row.id));
            }
            if !ids.is_empty() {
                hook.new_mail(&self.account.name, ids);
            }
        }
        self.since = Some(last);
        self.strange = never_read(&self.view, self.id)?;
        Ok(())
    }
}

/// The mailboxes of an account that could never be read.
fn never_read(view: &View, account: AccountId) -> Result<BTreeSet<MailboxName>, Failure> {
    let rows = view.mailboxes(account).map_err(Error::from)?;
    Ok(rows.into_iter().filter(|row| row.state.is_none()).map(|row| row.mailbox.name).collect())
}

/// What was said, and when, in seconds since 1970: what is as it was is no news. Not every look finds everything, so
/// that it was not found is none either.
#[derive(Default)]
struct Said(BTreeMap<String, i64>);

impl Said {
    /// Those of some findings that were not said within a day.
    fn news(&mut self, findings: Vec<String>, now: i64) -> Vec<String> {
        self.0.retain(|_, said| (*said..said.saturating_add(86_400)).contains(&now));
        let mut news = findings;
        news.retain(|finding| !self.0.contains_key(&timeless(finding)));
        self.0.extend(news.iter().map(|finding| (timeless(finding), now)));
        news
    }
}

/// A text without the numbers that stand in brackets: servers end their words with the time, and how long they took.
fn timeless(text: &str) -> String {
    let (mut left, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(['[', '(']) {
        left.push_str(before);
        rest = match after.starts_with(|c: char| c.is_ascii_digit()) {
            true => after.split_once([']', ')']).map_or("", |(_, after)| after),
            false => after,
        };
    }
    left + rest
}

/// A failure, and when it is tried again: a line each for what happened, what it means and what to do.
fn failed(account: &str, error: &Error, seconds: u64) -> String {
    let text = format!("{account}: {error}\n  then: again in {seconds} s");
    wrapped(&clean(&text), std::io::stderr()).into_owned()
}

fn brought(changes: u64) -> String {
    if changes == 1 { "1 change".to_owned() } else { format!("{changes} changes") }
}

/// One line a mailbox in which something happened.
fn text(account: &Account, report: &Report, findings: &[String]) -> String {
    let mut text = String::new();
    for mailbox in &report.mailboxes {
        let counts = [(mailbox.new, "new"), (mailbox.changed, "changed"), (mailbox.removed, "removed")];
        let said: Vec<String> =
            counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        if !said.is_empty() {
            text.push_str(&format!("{}: {}: {}\n", account.name, mailbox.name, said.join(", ")));
        }
    }
    if report.pushed > 0 {
        let bytes = octets(report.bytes_out);
        let changes = brought(report.pushed);
        text.push_str(&format!("{}: {changes} brought to the server ({bytes})\n", account.name));
    }
    for finding in findings {
        text.push_str(&format!("{}: {finding}\n", account.name));
    }
    text
}

/// A command that is run when mail came, one at a time, on a thread of its own: ids on its standard input, one
/// a line.
struct Hook {
    batches: Sender<(String, Vec<String>)>,
}

impl Hook {
    fn start(command: &str) -> Self {
        let (batches, inbox) = channel::<(String, Vec<String>)>();
        let command = command.to_owned();
        std::thread::spawn(move || {
            while let Ok((account, ids)) = inbox.recv() {
                if let Err(error) = run(&command, &account, &ids) {
                    eprintln!("restante: the command for new mail: {error}");
                }
            }
        });
        Self { batches }
    }

    fn new_mail(&self, account: &str, ids: Vec<String>) {
        // The thread ends with the program.
        let _ = self.batches.send((account.to_owned(), ids));
    }
}

fn run(command: &str, account: &str, ids: &[String]) -> std::io::Result<()> {
    let mut child = Command::new("sh")
        .args(["-c", command])
        .env("RESTANTE_ACCOUNT", account)
        .env("RESTANTE_NEW", ids.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // A command need not read them.
        let _ = input.write_all(format!("{}\n", ids.join("\n")).as_bytes());
    }
    let status = child.wait()?;
    if !status.success() {
        eprintln!("restante: the command for new mail ended with {status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use restante_core::diagnosis::{Finding, Service, Stage, Verdict};

    #[test]
    fn a_failure_keeps_its_lines_and_says_when_it_goes_on() {
        let error = Finding::new(Stage::Connect, Service::Imap, Verdict::ConnectionRefused, "no").into();
        let text = failed("ann", &error, 5);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("ann: ") && lines[1].starts_with("  seen: no"), "{text}");
        assert_eq!(lines.last(), Some(&"  then: again in 5 s"), "{text}");
    }

    #[test]
    fn what_is_found_again_and_again_is_said_once_a_day() {
        let (mut said, day) = (Said::default(), 86_400);
        let found = || vec!["full".to_owned(), "slow".to_owned()];
        assert_eq!(said.news(found(), 0), found());
        // Another look, about one mailbox.
        assert_eq!(said.news(Vec::new(), 10), Vec::<String>::new());
        assert_eq!(said.news(found(), day - 1), Vec::<String>::new());
        assert_eq!(said.news(found(), day), found());
        let words = [
            "Internal error. [2026-11-24 00:10:15] (0.003 secs)",
            "Internal error. [2026-11-24 00:10:20] (0.1 secs)",
        ];
        let heard: Vec<usize> = words.map(|words| said.news(vec![words.to_owned()], day).len()).to_vec();
        assert_eq!(heard, [1, 0]);
        // Numbers elsewhere make a difference.
        let heard = ["no UID 3 [SERVERBUG]", "no UID 4 [SERVERBUG]"]
            .map(|words| said.news(vec![words.to_owned()], day).len());
        assert_eq!(heard, [1, 1]);
        // A clock that was set back keeps nothing unsaid.
        assert_eq!(said.news(found(), 5), found());
    }

    #[test]
    fn one_change_is_one() {
        assert_eq!([brought(1), brought(2)], ["1 change", "2 changes"]);
    }
}
