//! Bringing an account's mailboxes up to date.
//!
//! The network side (`pull`) never waits for the disk and the disk side (`keeper`) never waits for
//! the network: between them is a short queue. What is committed is always true: bodies first, then
//! the entries that name them, then the state that they prove.

mod create;
mod index;
mod keeper;
mod list;
mod pull;

pub(crate) use create::create_sent;
pub use index::index;
pub use keeper::Keeper;

use crate::error::Error;
use crate::imap::Connection;
use restante_core::diagnosis::Finding;
use restante_core::sync::pull::{Held, is_unchanged};
use restante_store::{AccountId, MailboxRow};
use serde::Serialize;
use std::sync::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};

/// What one run of a sync did.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Every mailbox the account has, in the server's order.
    pub mailboxes: Vec<MailboxReport>,
    /// Octets received after login, inside TLS.
    pub bytes_in: u64,
    /// How often the server was asked and waited for, after login.
    pub round_trips: u64,
    /// What went not quite right and stopped nothing.
    pub findings: Vec<Finding>,
}

/// What a sync did to one mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MailboxReport {
    /// Its name.
    pub name: String,
    /// Messages fetched.
    pub new: u64,
    /// Messages whose flags changed.
    pub changed: u64,
    /// Messages that are gone.
    pub removed: u64,
    /// Messages held now.
    pub total: u64,
}

/// How far a sync is. Read it whenever a screen is due.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// The mailbox at work.
    pub mailbox: String,
    /// Messages to fetch, as far as is known.
    pub messages: u64,
    /// Messages fetched.
    pub messages_done: u64,
    /// Octets of message bodies received.
    pub bytes_done: u64,
}

/// Pulls every selectable mailbox of an account, over a connection that is logged in.
///
/// # Errors
/// When the connection breaks or the store cannot be written. Everything committed until then stays,
/// and the next run goes on from there.
pub async fn sync<P: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut Connection<P>,
    keeper: &Keeper,
    account: AccountId,
    progress: &Mutex<Progress>,
) -> Result<Report, Error> {
    let before = connection.traffic();
    let listing = list::list(connection).await?;
    let rows = take_over(keeper, account, &listing).await?;
    let mut work = Vec::new();
    let mut reports = Vec::new();
    for (mailbox, status) in listing.mailboxes {
        let Some(row) =
            rows.iter().find(|row| row.mailbox.name == mailbox.name).filter(|_| mailbox.selectable)
        else {
            continue;
        };
        let held = Held { state: row.state, count: row.total };
        let name = mailbox.name.as_str().to_owned();
        reports.push(MailboxReport { name, total: row.total, ..MailboxReport::default() });
        if status.is_some_and(|status| is_unchanged(held, status)) {
            continue;
        }
        let expected = status.map_or(0, |status| u64::from(status.exists)).saturating_sub(row.total);
        edit(progress, |p| p.messages += expected);
        work.push(pull::Task { at: reports.len() - 1, mailbox: row.id, name: mailbox.name, held, expected });
    }
    // The INBOX is what a person waits for.
    work.sort_by_key(|task| !task.name.is_inbox());
    let mut findings = Vec::new();
    for task in work {
        edit(progress, |p| p.mailbox = task.name.as_str().to_owned());
        let pulled = pull::Pull::new(connection, keeper, progress, listing.abilities, &task).run().await?;
        if let Some(report) = reports.get_mut(task.at) {
            *report = pulled.report;
        }
        findings.extend(pulled.findings);
    }
    let after = connection.traffic();
    Ok(Report {
        mailboxes: reports,
        bytes_in: after.bytes_in - before.bytes_in,
        round_trips: after.round_trips - before.round_trips,
        findings,
    })
}

/// Asks which mailboxes an account has, and remembers it.
pub(crate) async fn mailboxes<P: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut Connection<P>,
    keeper: &Keeper,
    account: AccountId,
) -> Result<Vec<MailboxRow>, Error> {
    let listing = list::list(connection).await?;
    take_over(keeper, account, &listing).await
}

async fn take_over(
    keeper: &Keeper,
    account: AccountId,
    listing: &list::Listing,
) -> Result<Vec<MailboxRow>, Error> {
    let names = listing.mailboxes.iter().map(|(mailbox, _)| mailbox.clone()).collect::<Vec<_>>();
    keeper
        .with(move |store| {
            let listed = store.set_mailboxes(account, &names)?;
            // A list without an INBOX is no list of an account (RFC 9051, section 5.1): nothing goes
            // on its word.
            if names.iter().any(|mailbox| mailbox.name.is_inbox()) {
                for gone in listed.gone {
                    store.remove_mailbox(gone)?;
                }
            }
            store.view().mailboxes(account)
        })
        .await
}

fn edit(progress: &Mutex<Progress>, change: impl FnOnce(&mut Progress)) {
    change(&mut progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
}
