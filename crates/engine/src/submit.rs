//! Sending what is in the outbox, and filing a copy in the Sent mailbox.
//!
//! Before the final dot goes out, the row says [`State::Unknown`]: if this program or the machine dies
//! then, nobody will believe that the message was not sent. Every other interruption leaves a row that
//! can safely be tried again.

mod unknown;

pub use unknown::look_for_unknown;

use crate::account::Account;
use crate::error::Error;
use crate::imap::{self, Connection, Content};
use crate::net::Network;
use crate::setup::EHLO;
use crate::smtp::Submitter;
use crate::steps::Steps;
use crate::sync::append::{append, is_plain};
use crate::sync::{self, Keeper};
use restante_core::Secret;
use restante_core::diagnosis::{Certainty, Finding, Service, Stage, Verdict};
use restante_core::imap::Event;
use restante_core::imap::wire::{Command, Response, Status};
use restante_core::mail::{MailboxName, SpecialUse, Uid, UidSet};
use restante_core::smtp::{Envelope, Outcome, Reply};
use restante_core::submission::{self, Attempt, State};
use restante_store::{AccountId, Desk, MailboxRow, Store, StoreError, Submission, SubmissionId};
use std::io::Cursor;
use std::sync::Arc;

/// Tried again only when a person asks for it.
const NEVER: i64 = i64::MAX;

/// Tries to send one submission: one attempt, one login.
///
/// Whatever comes of it is in the row that is returned; an error is one of the store alone.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn send(
    network: &Network,
    keeper: &Keeper,
    account: &Account,
    secret: &Secret,
    id: SubmissionId,
    now: i64,
    steps: &mut Steps<'_>,
) -> Result<(Submission, Option<Error>), Error> {
    let (mut row, content) = keeper
        .with(move |store| {
            let mut row = store.view().submission(id)?;
            row.state = State::Sending;
            row.attempts += 1;
            store.desk().set_submission(&row)?;
            Ok((row, store.view().submission_content(id)?))
        })
        .await?;
    let mut open = None;
    let (attempt, why) = match attempt(network, keeper, account, secret, &row, &content, steps).await {
        Ok((outcome, why, submitter)) => {
            open = Some(submitter);
            (Attempt::Transaction(outcome), why)
        }
        Err(error) => (failed(&error), Some(error)),
    };
    let after = submission::after(&row.recipients, &attempt, row.attempts, row.created, now);
    row.state = after.state;
    row.next_attempt = after.next_attempt.unwrap_or(NEVER);
    row.recipients = after.recipients;
    // What explains the state of the whole: the words about a recipient who is in it.
    let telling = row.recipients.iter().find(|recipient| recipient.state == row.state);
    row.reply = telling.map_or_else(String::new, |recipient| recipient.reply.clone());
    let saved = row.clone();
    keeper.with(move |store| store.desk().set_submission(&saved)).await?;
    // Only now: what became of the message must not wait for politeness.
    if let Some(submitter) = open {
        submitter.quit().await;
    }
    Ok((row, why))
}

/// Sends what is due, and gives every message that was tried, and what stopped it. What cannot go now stays
/// queued. When the server cannot be reached, or refuses the login, the rest would fare the same, and for a login
/// each try counts: they wait.
///
/// # Errors
/// Those of [`send`].
pub async fn drain(
    network: &Network,
    keeper: &Keeper,
    account: &Account,
    id: AccountId,
    secret: &Secret,
    now: i64,
    steps: &mut Steps<'_>,
) -> Result<(Vec<Submission>, Option<Error>), Error> {
    let due = keeper.with(move |store| store.view().due(now)).await?;
    let mut tried = Vec::new();
    for row in due.into_iter().filter(|row| row.account == id) {
        let (row, why) = send(network, keeper, account, secret, row.id, now, steps).await?;
        let stopped = why.is_some() && row.state == State::Deferred;
        tried.push(row);
        if stopped {
            return Ok((tried, why));
        }
    }
    Ok((tried, None))
}

/// Puts a submission back into the queue because a person asks for it, whatever became of it before.
///
/// # Errors
/// There is no such submission, or the store cannot be written.
pub fn requeue(desk: &mut Desk, id: SubmissionId, now: i64) -> Result<Submission, StoreError> {
    let mut row = desk.submission(id)?;
    row.recipients = submission::again(&row.recipients);
    row.state = submission::whole(&row.recipients);
    row.next_attempt = now;
    desk.set_submission(&row)?;
    Ok(row)
}

/// Messages of an account that waited for a person to mend its login may go again. Gives how many.
///
/// # Errors
/// The store cannot be read or written.
pub fn release(store: &mut Store, account: AccountId, now: i64) -> Result<u64, StoreError> {
    let mut released = 0;
    for mut row in store.view().outbox(Some(account))? {
        if row.state == State::Deferred && row.next_attempt == NEVER {
            row.next_attempt = now;
            store.desk().set_submission(&row)?;
            released += 1;
        }
    }
    Ok(released)
}

/// Whether a submission waits for a person: nothing happens to it by itself.
#[must_use]
pub fn waits_for_a_person(row: &Submission) -> bool {
    row.state == State::Unknown || (row.state == State::Deferred && row.next_attempt == NEVER)
}

/// What [`file_sent`] did.
#[derive(Debug, Default)]
pub struct Filed {
    /// Copies that are in Sent now.
    pub count: u64,
    /// Copies the server does not take: each stays in the outbox, and why.
    pub left: Vec<Finding>,
}

/// Puts a copy of everything accepted and not yet filed into the Sent mailbox, unless the server did so
/// by itself. What is larger than the server takes there is not tried, and stays in the outbox. `connection` is logged
/// in.
///
/// # Errors
/// When the connection breaks or the store cannot be written; what is not filed is tried the next time.
pub async fn file_sent(
    connection: &mut Connection,
    keeper: &Keeper,
    account: AccountId,
) -> Result<Filed, Error> {
    let place = connection.place().to_owned();
    let (rows, mailboxes) = keeper
        .with(move |store| {
            store.set_server(account, &place)?;
            let view = store.view();
            let mut rows = Vec::new();
            for row in view.outbox(Some(account))? {
                // One that was taken for some recipients and refused for others was sent all the same.
                let sent = row.recipients.iter().any(|r| r.state == State::Accepted);
                if sent && !row.filed {
                    rows.push((row.id, row.message_id.clone(), view.submission_content(row.id)?));
                }
            }
            Ok((rows, view.mailboxes(account)?))
        })
        .await?;
    if rows.is_empty() {
        return Ok(Filed::default());
    }
    // Not while a mailbox is open (RFC 5161, section 3.1), and one is to be opened.
    sync::enable(connection).await?;
    // Before the first sync, and the first one on a new server, nobody has asked which mailboxes there are.
    let mailboxes = if mailboxes.is_empty() || mailboxes.iter().any(|mailbox| mailbox.moved) {
        sync::mailboxes(connection, keeper, account).await?
    } else {
        mailboxes
    };
    let mut name = sent_among(&mailboxes);
    if name.is_none() {
        // Another program may have created it since the last sync; if not, we do.
        let mailboxes = sync::mailboxes(connection, keeper, account).await?;
        let listed: Vec<_> = mailboxes.iter().map(|row| row.mailbox.clone()).collect();
        name = sent_among(&mailboxes);
        if name.is_none() {
            let namespaces = keeper.with(move |store| store.view().namespaces(account)).await?;
            name = sync::create_sent(connection, &namespaces, &listed).await?;
        }
    }
    let Some(sent) = name else {
        // Nowhere to file: the copy stays in the outbox.
        return Ok(Filed::default());
    };
    let mut filed = Filed::default();
    let of_sent = mailboxes.iter().find(|row| row.mailbox.name == sent).map(|row| row.id);
    let own = match of_sent {
        Some(id) => keeper.with(move |store| store.view().append_limit(id)).await?,
        None => None,
    };
    let limit = own.or(connection.capabilities().append_limit());
    for (id, message_id, content) in rows {
        if copies(connection, &sent, &message_id).await?.is_empty() {
            if let Some(why) = sync::too_large(content.len() as u64, limit) {
                let evidence = format!("{}: the copy of <{message_id}> in {sent}: {why}", connection.host());
                let verdict = Verdict::RequestRefused;
                filed.left.push(Finding::new(Stage::Mailbox, Service::Imap, verdict, evidence));
                continue;
            }
            let command = Command::new("APPEND").mailbox(&sent, connection.session().utf8()).raw("(\\Seen)");
            let plain = is_plain(content.as_slice()).unwrap_or_default();
            let content: Arc<[u8]> = content.into();
            let open = async || Ok(Content::new(content.len() as u64, Cursor::new(Arc::clone(&content))));
            let completion = append(connection, command, plain, open, |_| Ok(())).await?;
            if completion.status != Status::Ok {
                return Err(connection.refused("APPEND", &completion));
            }
        }
        filed.count += 1;
        keeper
            .with(move |store| {
                let mut row = store.view().submission(id)?;
                row.filed = true;
                store.desk().set_submission(&row)
            })
            .await?;
    }
    Ok(filed)
}

/// The mailbox for what was sent: the one the server marks (RFC 6154), or one of the usual name.
fn sent_among(mailboxes: &[MailboxRow]) -> Option<MailboxName> {
    let special = mailboxes.iter().find(|m| m.mailbox.special_use == Some(SpecialUse::Sent));
    let named = || {
        mailboxes.iter().find(|m| {
            let name = m.mailbox.name.as_str();
            let last = m.mailbox.delimiter.map_or(name, |d| name.rsplit(d).next().unwrap_or(name));
            ["sent", "sent items", "sent messages", "sent mail"].iter().any(|n| last.eq_ignore_ascii_case(n))
        })
    };
    special.or_else(named).map(|m| m.mailbox.name.clone())
}

/// Opens an account's IMAP service and logs in.
///
/// # Errors
/// A finding that names the stage.
pub async fn connect(
    network: &Network,
    account: &Account,
    secret: &Secret,
    steps: &mut Steps<'_>,
) -> Result<Connection, Error> {
    let mut connection = imap::open(network, &account.imap, steps).await?;
    imap::log_in(&mut connection, &account.imap, secret, steps).await?;
    Ok(connection)
}

async fn attempt(
    network: &Network,
    keeper: &Keeper,
    account: &Account,
    secret: &Secret,
    row: &Submission,
    content: &[u8],
    steps: &mut Steps<'_>,
) -> Result<(Outcome, Option<Error>, Submitter), Error> {
    let Some(smtp) = &account.smtp else {
        return Err(Error::Configuration(format!("account {} has no server for sending", account.name)));
    };
    let mut submitter = Submitter::open(network, smtp, EHLO, steps).await?;
    submitter.log_in(smtp, secret, steps).await?;
    let envelope = Envelope {
        sender: row.sender.clone(),
        recipients: submission::open(&row.recipients).map(|r| r.address.clone()).collect(),
        size: content.len() as u64,
        eight_bit: !content.is_ascii(),
        utf8_headers: !header(content).is_ascii(),
    };
    let mut intent = row.clone();
    intent.state = State::Unknown;
    for recipient in &mut intent.recipients {
        if matches!(recipient.state, State::Queued | State::Sending | State::Deferred) {
            recipient.state = State::Unknown;
        }
    }
    let at_commit = || async move { keeper.with(move |store| store.desk().set_submission(&intent)).await };
    let outcome = submitter.send(&envelope, content, at_commit).await?;
    let why = refusal(&outcome).map(|reply| submitter.refusal(Stage::Sender, reply));
    // A guess at the meaning would say less than the server's own words, which are in the outcome.
    let certain = |error: &Error| error.finding().is_some_and(|f| f.certainty == Certainty::Certain);
    Ok((outcome, why.filter(certain), submitter))
}

/// The reply that kept a message from everybody, if one did for good.
fn refusal(outcome: &Outcome) -> Option<&Reply> {
    let replies = || outcome.recipients.iter().filter_map(|recipient| recipient.reply.as_ref());
    let all = outcome.sender.iter().chain(&outcome.message).find(|reply| !reply.is_success());
    all.or_else(|| replies().next().filter(|_| replies().all(|reply| !reply.is_success())))
        .filter(|reply| reply.code >= 500)
}

/// What an error means for the row.
fn failed(error: &Error) -> Attempt {
    let Some(finding) = error.finding() else { return Attempt::LoginRefused(error.to_string()) };
    let said = finding.evidence.clone();
    match finding.verdict {
        Verdict::MessageTooLarge | Verdict::AddressInvalid | Verdict::MessageNotTaken => {
            Attempt::Unsendable(said)
        }
        // A refused login, or anything else a person has to mend, is not tried again by itself.
        verdict if verdict.exit_code() == 77 => Attempt::LoginRefused(said),
        _ => Attempt::NotReached(said),
    }
}

fn header(content: &[u8]) -> &[u8] {
    let end = content.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(content.len());
    content.get(..end).unwrap_or_default()
}

/// The copies of this message that the Sent mailbox has already: some providers file by themselves, and an answer
/// to an APPEND may have been lost. The mailbox is open afterwards.
async fn copies(connection: &mut Connection, sent: &MailboxName, message_id: &str) -> Result<UidSet, Error> {
    let utf8 = connection.session().utf8();
    // Not EXAMINE: Courier takes no APPEND to a mailbox that is open for reading only.
    connection.ok(Command::new("SELECT").mailbox(sent, utf8), |_| Ok(())).await?;
    let mut found = UidSet::new();
    let command = Command::new("UID SEARCH").raw("HEADER Message-ID").string(message_id.as_bytes());
    connection
        .ok(command, |event| {
            match event {
                Event::Untagged(Response::Search(numbers)) => {
                    numbers.iter().filter_map(|uid| Uid::new(*uid)).for_each(|uid| found.insert(uid));
                }
                // With IMAP4rev2 there is no other answer (RFC 9051, section 6.4.4).
                Event::Untagged(Response::ESearch(result)) => {
                    result.all.iter().for_each(|uid| found.insert(uid));
                }
                _ => {}
            }
            Ok(())
        })
        .await?;
    Ok(found)
}

#[cfg(test)]
mod tests;
