//! Staying in step: pushed by the server, woken by what the person asks, patient with failures.
//!
//! With NOTIFY (RFC 5465) one connection hears of every mailbox. With IDLE (RFC 2177) it hears of the INBOX,
//! and the others are looked at now and then. Else everything is. A quiet hour costs a dozen wake-ups.

mod backoff;
mod clock;
mod local;

pub use clock::Clock;
pub use local::Local;

use crate::account::Account;
use crate::error::Error;
use crate::imap::Connection;
use crate::net::Network;
use crate::steps::Steps;
use crate::submit;
use crate::sync::{self, Daily, Keeper, MailboxReport, Progress, Report};
use restante_core::Secret;
use restante_core::diagnosis::Verdict;
use restante_core::imap::Event;
use restante_core::imap::wire::{Command, MailboxStatus, Status};
use restante_core::mail::MailboxName;
use restante_core::sync::pull::Seen;
use restante_store::{AccountId, Pause, Submission};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Servers may log out a client that is silent for half an hour (RFC 9051, section 5.4).
const LONGEST_IDLE: Duration = Duration::from_secs(28 * 60);
/// Routers forget connections sooner; below this it is not tried.
const SHORTEST_IDLE: Duration = Duration::from_secs(4 * 60);
/// How often mailboxes are looked at that the server does not tell of.
const LOOK: Duration = Duration::from_secs(5 * 60);
/// How long a server may take to show that it is still there.
const PROOF: Duration = Duration::from_secs(10);
/// What comes within this time is one piece of news.
const GATHER: Duration = Duration::from_millis(5);

/// What happened, for whoever watches.
#[derive(Debug)]
pub enum Told<'a> {
    /// Mail was brought up to date; also when nothing was new.
    Synced(&'a Report),
    /// Submissions that were tried.
    Sent(&'a [Submission]),
    /// It failed and will be tried again.
    Waiting {
        /// Why.
        error: &'a Error,
        /// When, from now.
        pause: Duration,
    },
}

/// Whose mail is watched, and with what.
pub struct Watch<'a> {
    /// The way to its servers.
    pub network: &'a Network,
    /// The store.
    pub keeper: &'a Keeper,
    /// Its settings.
    pub account: &'a Account,
    /// The account in the store.
    pub id: AccountId,
    /// Its password.
    pub secret: &'a Secret,
    /// Whether the outbox is sent too.
    pub send: bool,
}

/// How a server tells what is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Notify,
    Idle,
    Ask,
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Server,
    Person,
    Clock,
    Time,
}

impl Watch<'_> {
    /// Watches until a person has to do something: a login that is refused is not tried again by itself.
    ///
    /// `local` tells of what other processes take down, `clock` of a machine that slept.
    ///
    /// # Errors
    /// A finding that needs a person, or a store that cannot be written. Never ends otherwise.
    pub async fn run(
        &self,
        local: &mut Local,
        clock: &mut Clock,
        on: &mut impl FnMut(Told<'_>),
    ) -> Result<Infallible, Error> {
        let id = self.id;
        let mut patience = LONGEST_IDLE;
        let mut daily = Daily::default();
        loop {
            if let Some(pause) = self.keeper.with(move |store| store.view().pause(id)).await? {
                // A clock that jumped may mean another network: then it is worth trying.
                let left = backoff::left(pause.until, sync::now());
                tokio::select! {
                    () = sleep(left) => {}
                    () = clock.jumped() => {}
                }
            }
            let begun = Instant::now();
            let error = match self.attend(patience, &mut daily, local, clock, on).await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            let Some(finding) = error.finding() else { return Err(error) };
            if backoff::needs_a_person(finding) {
                return Err(error);
            }
            let lasted = begun.elapsed();
            if lasted > SHORTEST_IDLE && lasted < patience {
                // Somebody between us and the server may forget connections that are quiet for long.
                patience = (lasted / 4 * 3).max(SHORTEST_IDLE);
            }
            let evidence = finding.evidence.clone();
            let pause = self.remember(evidence, lasted > SHORTEST_IDLE).await?;
            on(Told::Waiting { error: &error, pause });
        }
    }

    /// Counts a failure and gives the pause after it.
    async fn remember(&self, reason: String, worked: bool) -> Result<Duration, Error> {
        let id = self.id;
        let mut dice = [0; 8];
        // Without it clients are not spread; that is all.
        let _ = getrandom::fill(&mut dice);
        self.keeper
            .with(move |store| {
                let before = store.view().pause(id)?.filter(|_| !worked).map_or(0, |pause| pause.failures);
                let failures = before.saturating_add(1);
                let pause = backoff::pause(failures, &reason, u64::from_le_bytes(dice));
                let until = sync::now().saturating_add(i64::try_from(pause.as_secs()).unwrap_or(i64::MAX));
                store.set_pause(id, &Pause { until, failures, reason })?;
                Ok(pause)
            })
            .await
    }

    /// One connection, from its login to its end.
    async fn attend(
        &self,
        patience: Duration,
        daily: &mut Daily,
        local: &mut Local,
        clock: &mut Clock,
        on: &mut impl FnMut(Told<'_>),
    ) -> Result<Infallible, Error> {
        let mut steps = Steps::new(|_| {});
        self.send(on, &mut steps).await?;
        let mut connection = submit::connect(self.network, self.account, self.secret, &mut steps).await?;
        if self.send {
            let found = submit::look_for_unknown(&mut connection, self.keeper, self.id).await?;
            if !found.is_empty() {
                on(Told::Sent(&found));
            }
        }
        let report = self.all(&mut connection).await?;
        on(Told::Synced(&report));
        let id = self.id;
        self.keeper.with(move |store| store.clear_pause(id)).await?;
        let way = arrange(&mut connection).await?;
        if way == Way::Notify {
            // What happened since the list, before the server began to tell.
            self.settle(&mut connection, way, on).await?;
        }
        let mut looked = Instant::now();
        let mut acted = None;
        loop {
            // Everything is done that was to be done.
            if daily.is_due(sync::now()) {
                sync::tidy(self.keeper).await?;
            }
            let until = match way {
                Way::Notify => Instant::now() + patience,
                Way::Idle => (Instant::now() + patience).min(looked + LOOK),
                Way::Ask => looked + LOOK,
            };
            match self.wait(&mut connection, way, until, &mut acted, local, clock).await? {
                Cause::Server => self.hear(&mut connection, way, on).await?,
                Cause::Person => {
                    self.send(on, &mut steps).await?;
                    self.settle(&mut connection, way, on).await?;
                }
                Cause::Clock => prove(&mut connection).await?,
                Cause::Time if way == Way::Notify => prove(&mut connection).await?,
                Cause::Time => {
                    self.send(on, &mut steps).await?;
                    self.settle(&mut connection, way, on).await?;
                    looked = Instant::now();
                }
            }
        }
    }

    /// Waits for one of the things that can happen.
    async fn wait(
        &self,
        connection: &mut Connection,
        way: Way,
        until: Instant,
        acted: &mut Option<Seen>,
        local: &mut Local,
        clock: &mut Clock,
    ) -> Result<Cause, Error> {
        let idle = if way == Way::Idle {
            // Without modification sequences only a comparison tells whether flags changed before it was opened.
            let condstore =
                connection.capabilities().has("CONDSTORE") || connection.capabilities().has("QRESYNC");
            let changed = if condstore { self.inbox_changed(connection, acted).await? } else { true };
            if changed && !connection.news.attended {
                return Ok(Cause::Server);
            }
            let tag = connection.send(Command::new("IDLE"));
            let mut going = false;
            while !going {
                if let Some(completion) = connection.completion(tag) {
                    return Err(connection.refused("IDLE", &completion));
                }
                let more = connection.step(&mut |event| {
                    going |= matches!(event, Event::Continue { .. });
                    Ok(())
                })?;
                if !more && !going {
                    connection.fill(restante_core::diagnosis::Stage::Mailbox).await?;
                }
            }
            Some(tag)
        } else {
            None
        };
        let cause = loop {
            while connection.step(&mut |_| Ok(()))? {}
            if is_news(connection) {
                break Cause::Server;
            }
            tokio::select! {
                heard = connection.listen() => heard?,
                changed = local.changed() => {
                    changed?;
                    break Cause::Person;
                }
                () = clock.jumped() => break Cause::Clock,
                () = tokio::time::sleep_until(until) => break Cause::Time,
            }
        };
        if cause == Cause::Server {
            // The rest of it is on its way.
            let _ = timeout(GATHER, connection.listen()).await;
        }
        if let Some(tag) = idle {
            connection.send_line("DONE");
            let done = timeout(PROOF, connection.wait(tag, &mut |_| Ok(()))).await;
            done.map_err(|_| silent(connection))??;
        }
        Ok(cause)
    }

    /// Acts on what the server said.
    async fn hear(
        &self,
        connection: &mut Connection,
        way: Way,
        on: &mut impl FnMut(Told<'_>),
    ) -> Result<(), Error> {
        if std::mem::take(&mut connection.news.listed) {
            return self.settle(connection, way, on).await;
        }
        if way == Way::Idle {
            connection.news.statuses.clear();
            let inbox = (MailboxName::new("INBOX"), None);
            self.refresh(connection, vec![inbox], on).await?;
            connection.news.selected = false;
            connection.news.attended = connection.news.open;
            return Ok(());
        }
        let mut statuses = std::mem::take(&mut connection.news.statuses);
        statuses.retain(|name, _| self.account.selection.wants(name));
        let heard = statuses.clone();
        let seen = |status: MailboxStatus| Some(seen(&status)).filter(|_| status.messages.is_some());
        let wanted = statuses.into_iter().map(|(name, status)| (name, seen(status))).collect();
        self.refresh(connection, wanted, on).await?;
        // A mailbox that is open is told of in other words: it is closed, and asked about once more.
        self.leave(connection, &heard).await
    }

    /// Closes what is open without expunging, and asks what the mailboxes are now.
    async fn leave(
        &self,
        connection: &mut Connection,
        heard: &BTreeMap<MailboxName, MailboxStatus>,
    ) -> Result<(), Error> {
        connection.run(Command::new("UNSELECT"), |_| Ok(())).await?;
        connection.news.selected = false;
        let id = self.id;
        let rows = self.keeper.with(move |store| store.view().mailboxes(id)).await?;
        let items = "(MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)";
        for name in heard.keys() {
            let command = Command::new("STATUS").mailbox(name, connection.session().utf8()).raw(items);
            connection.run(command, |_| Ok(())).await?;
        }
        // What is as we know it is no news; nor is what was acted on, whatever could be made of it.
        connection.news.statuses.retain(|name, status| {
            if heard.get(name) == Some(status) {
                return false;
            }
            let row = rows.iter().find(|row| row.mailbox.name == *name);
            row.is_none_or(|row| {
                let held =
                    restante_core::sync::pull::Held { state: row.state, count: row.total, moved: row.moved };
                !restante_core::sync::pull::is_unchanged(held, seen(status))
            })
        });
        Ok(())
    }

    /// Whether the INBOX is not as it is known, when it is opened to wait for news of it.
    async fn inbox_changed(
        &self,
        connection: &mut Connection,
        acted: &mut Option<Seen>,
    ) -> Result<bool, Error> {
        let id = self.id;
        let rows = self.keeper.with(move |store| store.view().mailboxes(id)).await?;
        let Some(row) = rows.iter().find(|row| row.mailbox.name.is_inbox()) else { return Ok(false) };
        let opened = sync::look(connection, &row.mailbox.name).await?;
        connection.news.selected = false;
        // What was acted on is no news, whatever could be made of it.
        if acted.replace(opened) == Some(opened) {
            return Ok(false);
        }
        let Some(state) = row.state else { return Ok(true) };
        let same_sequence =
            opened.highest_mod_seq.is_none() || opened.highest_mod_seq == state.highest_mod_seq;
        Ok(!(same_sequence
            && opened.uid_validity == Some(state.uid_validity)
            && opened.uid_next.is_none_or(|next| next == state.uid_next)
            && u64::from(opened.exists) == row.total))
    }

    /// Everything; with NOTIFY until no mailbox is left open, whose news would come in other words.
    async fn settle(
        &self,
        connection: &mut Connection,
        way: Way,
        on: &mut impl FnMut(Told<'_>),
    ) -> Result<(), Error> {
        // A mailbox that is never as the server says it is must not keep us busy for ever.
        for _ in 0..3 {
            let report = self.all(connection).await?;
            tell(&report, on);
            if way != Way::Notify || !connection.news.open {
                break;
            }
            connection.run(Command::new("UNSELECT"), |_| Ok(())).await?;
        }
        Ok(())
    }

    /// Everything, as a sync does.
    async fn all(&self, connection: &mut Connection) -> Result<Report, Error> {
        // A copy that finds no room must not keep anybody from reading.
        let unfiled = match self.send {
            true => match submit::file_sent(connection, self.keeper, self.id).await {
                Err(Error::Finding(finding)) if finding.verdict != Verdict::ConnectionLost => Some(*finding),
                other => other.map(|_| None)?,
            },
            false => None,
        };
        let indexer = sync::Indexer::start(self.keeper).await?;
        let (selection, progress) = (&self.account.selection, Mutex::new(Progress::default()));
        let mut report = sync::sync_selected(connection, self.keeper, self.id, selection, &progress).await?;
        report.findings.extend(unfiled);
        indexer.finish(|_| {}).await?;
        connection.news.statuses.clear();
        connection.news.listed = false;
        connection.news.selected = false;
        Ok(report)
    }

    async fn refresh(
        &self,
        connection: &mut Connection,
        wanted: Vec<(MailboxName, Option<Seen>)>,
        on: &mut impl FnMut(Told<'_>),
    ) -> Result<(), Error> {
        let progress = Mutex::new(Progress::default());
        let policy = &self.account.selection.policy;
        let report = sync::refresh(connection, self.keeper, self.id, policy, wanted, &progress).await?;
        if report.mailboxes.iter().any(|mailbox| mailbox.new + mailbox.completed > 0) {
            sync::index(self.keeper).await?;
        }
        tell(&report, on);
        Ok(())
    }

    /// Sends what is due.
    async fn send(&self, on: &mut impl FnMut(Told<'_>), steps: &mut Steps<'_>) -> Result<(), Error> {
        if !self.send {
            return Ok(());
        }
        let Self { network, keeper, account, id, secret, .. } = self;
        let (tried, _) = submit::drain(network, keeper, account, *id, secret, sync::now(), steps).await?;
        if !tried.is_empty() {
            on(Told::Sent(&tried));
        }
        Ok(())
    }
}

/// A look that found nothing new is no news.
fn tell(report: &Report, on: &mut impl FnMut(Told<'_>)) {
    let altered = |mailbox: &MailboxReport| {
        mailbox.new + mailbox.completed + mailbox.recognised + mailbox.changed + mailbox.removed > 0
    };
    if report.pushed > 0 || !report.findings.is_empty() || report.mailboxes.iter().any(altered) {
        on(Told::Synced(report));
    }
}

/// Asks the server to tell what happens.
async fn arrange(connection: &mut Connection) -> Result<Way, Error> {
    let capabilities = connection.capabilities();
    let (notify, idle) =
        (capabilities.has("NOTIFY") && capabilities.has("UNSELECT"), capabilities.has("IDLE"));
    if notify {
        // Not while a mailbox is open: it would be told of in other words.
        connection.run(Command::new("UNSELECT"), |_| Ok(())).await?;
        let events = "(MessageNew MessageExpunge FlagChange MailboxName)";
        let command = Command::new("NOTIFY").raw(&format!("SET (personal {events})"));
        if connection.run(command, |_| Ok(())).await?.status == Status::Ok {
            return Ok(Way::Notify);
        }
    }
    Ok(if idle { Way::Idle } else { Way::Ask })
}

/// Makes sure that the server is still there.
async fn prove(connection: &mut Connection) -> Result<(), Error> {
    let proof = timeout(PROOF, connection.run(Command::new("NOOP"), |_| Ok(()))).await;
    proof.map_err(|_| silent(connection))??;
    Ok(())
}

fn silent(connection: &Connection) -> Error {
    let said = format!("{} does not answer any more", connection.host());
    crate::error::lost(
        restante_core::diagnosis::Stage::Mailbox,
        restante_core::diagnosis::Service::Imap,
        said,
    )
}

fn is_news(connection: &Connection) -> bool {
    let news = &connection.news;
    news.selected || news.listed || !news.statuses.is_empty()
}

fn seen(status: &MailboxStatus) -> Seen {
    Seen {
        uid_validity: status.uid_validity,
        uid_next: status.uid_next,
        highest_mod_seq: status.highest_mod_seq,
        exists: status.messages.unwrap_or(0),
    }
}
