//! `restante send`

use super::account_move::explained;
use super::context::{Context, now};
use super::error::Failure;
use super::output::print;
use super::steps::Checklist;
use clap::Args;
use restante_core::message::{Frozen, Moment, clean, clean_line, freeze};
use restante_core::submission::{Recipient, State};
use restante_engine::account::Account;
use restante_engine::net::Network;
use restante_engine::sync::Keeper;
use restante_engine::{Error, secrets, submit};
use restante_store::{AccountId, NewSubmission, StoreError, Submission, SubmissionId};
use serde::Serialize;
use std::io::{IsTerminal, Read};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long another restante is given to send it.
const MINUTE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);

/// Send the message on standard input (RFC 5322).
///
/// Date, Message-ID and From are added when they are missing. The message is in the outbox before any
/// connection is made; what cannot go now is sent by the next `restante sync` (exit code 75). Under the
/// name `sendmail`, restante does this.
#[derive(Debug, Args)]
pub(super) struct Send {
    /// Send to the addresses in To, Cc and Bcc too; so it is when no recipient is given.
    #[arg(short = 't')]
    from_header: bool,
    /// A line with a single dot does not end the message. It never does here; for sendmail's sake.
    #[arg(short = 'i')]
    ignore_dots: bool,
    /// The sender of the envelope, when it is not the one in From.
    #[arg(short = 'f', value_name = "ADDR")]
    sender: Option<String>,
    /// sendmail's options, which change nothing here.
    #[arg(short = 'o', short_aliases = ['B', 'F'], value_name = "OPTION", hide = true)]
    option: Vec<String>,
    /// Who gets it; the addresses in the header when nobody is named.
    #[arg(value_name = "ADDRESS")]
    recipients: Vec<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    submission: String,
    message_id: &'a str,
    state: State,
    recipients: &'a [Recipient],
}

impl Send {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let account = context.account()?;
        if std::io::stdin().is_terminal() {
            eprintln!("restante: type or paste the message, header first; Ctrl-D ends it");
        }
        let mut message = Vec::new();
        std::io::stdin().lock().read_to_end(&mut message)?;
        let given = (!self.recipients.is_empty()).then_some(self.recipients.as_slice());
        let bad = |error: restante_core::message::ComposeError| Failure::Data(error.to_string());
        let moment = moment()?;
        let mut frozen = freeze(&message, &account.contact(), given, &moment).map_err(bad)?;
        if self.from_header && given.is_some() {
            // Postfix's reading of -t: those in the header and those on the command line.
            let header = freeze(&message, &account.contact(), None, &moment);
            for recipient in header.map(|frozen| frozen.recipients).unwrap_or_default() {
                if !frozen.recipients.contains(&recipient) {
                    frozen.recipients.push(recipient);
                }
            }
        }
        if let Some(sender) = self.sender {
            frozen.sender = sender;
        }
        dispatch(context, &account, frozen)
    }
}

/// The moment a message is frozen at.
pub(super) fn moment() -> Result<Moment, Failure> {
    let offset = super::zone::now().offset().seconds() / 60;
    let mut entropy = [0; 16];
    getrandom::fill(&mut entropy).map_err(|error| Failure::Io(format!("no random numbers: {error}")))?;
    Ok(Moment { now: now(), offset_minutes: i16::try_from(offset).unwrap_or(0), entropy })
}

/// Puts a message into the outbox, sends it unless that is forbidden, and says what came of it.
pub(super) fn dispatch(context: &Context, account: &Account, frozen: Frozen) -> Result<ExitCode, Failure> {
    // Whatever may be wrong with the command line is wrong before the message is in the outbox.
    let network = network(context, account)?;
    let id = enqueue(context, account, frozen)?;
    deliver(context, network.as_ref(), account, id)
}

/// Sends a message that is in the outbox, because a person asks for it.
pub(super) fn dispatch_again(
    context: &Context,
    account: &Account,
    id: SubmissionId,
) -> Result<ExitCode, Failure> {
    let network = network(context, account)?;
    submit::requeue(&mut context.desk()?, id, now()).map_err(Error::from)?;
    deliver(context, network.as_ref(), account, id)
}

/// Sends a message that is in the outbox. When another restante is the writer, that one sends it, or ends: then this
/// one does.
fn deliver(
    context: &Context,
    network: Option<&Network>,
    account: &Account,
    id: SubmissionId,
) -> Result<ExitCode, Failure> {
    let begun = Instant::now();
    loop {
        let row = context.view()?.submission(id).map_err(Error::from)?;
        // Unknown is also what it is between its last octet and the answer.
        let open = matches!(row.state, State::Queued | State::Sending | State::Unknown);
        if !open || network.is_none() {
            return report(context, &row, None);
        }
        let keeper = match context.keeper() {
            Err(Failure::Engine(Error::Store(StoreError::Locked { .. }))) if begun.elapsed() < MINUTE => {
                std::thread::sleep(LOOK);
                continue;
            }
            // It is in the outbox: the other one will send it.
            Err(Failure::Engine(Error::Store(StoreError::Locked { .. }))) => {
                return report(context, &row, None);
            }
            other => other?,
        };
        let done = context.block_on(async {
            // The other one may have sent it before it let go.
            let row = keeper.with(move |store| store.view().submission(id)).await?;
            match row.state {
                State::Queued => transmit(context, network, &keeper, account, id).await,
                _ => Ok((row, None)),
            }
        });
        return finish(context, keeper, done);
    }
}

/// The way out, unless sending is forbidden.
fn network(context: &Context, account: &Account) -> Result<Option<Network>, Failure> {
    if context.global.no_send || context.global.offline {
        return Ok(None);
    }
    Ok(Some(context.network()?.pinned(account.pinned())))
}

fn finish(
    context: &Context,
    keeper: Keeper,
    done: Result<(Submission, Option<u8>), Failure>,
) -> Result<ExitCode, Failure> {
    let closed = keeper.close();
    let (row, stopped) = done?;
    closed?;
    report(context, &row, stopped)
}

/// Freezes a message in the outbox, beside whoever is the store's writer.
fn enqueue(context: &Context, account: &Account, frozen: Frozen) -> Result<SubmissionId, Failure> {
    let new = |account: AccountId| {
        let created = now();
        NewSubmission {
            account,
            sender: frozen.sender,
            recipients: frozen.recipients,
            message_id: frozen.message_id,
            content: frozen.bytes,
            created,
            not_before: created,
        }
    };
    let known = match context.desk() {
        Ok(desk) => desk.find_account(&account.name).map_err(Error::from)?.map(|id| (desk, id)),
        // Before anything was fetched or sent there is no store.
        Err(Failure::NotFound(_)) => None,
        Err(failure) => return Err(failure),
    };
    if let Some((mut desk, id)) = known {
        return Ok(desk.enqueue(&new(id)).map_err(Error::from)?);
    }
    let mut store = context.store_in_time()?;
    let id = store.account(&account.name).map_err(Error::from)?;
    Ok(store.desk().enqueue(&new(id)).map_err(Error::from)?)
}

/// Sends one submission and files the copy. From here on nothing is an error: the message is in the
/// outbox, and its row says where it stands. With it comes the exit code of what stopped it, if something
/// did and is known.
async fn transmit(
    context: &Context,
    network: Option<&Network>,
    keeper: &Keeper,
    account: &Account,
    id: SubmissionId,
) -> Result<(Submission, Option<u8>), Failure> {
    let checklist = Checklist::new(context);
    let mut steps = checklist.steps_beside();
    let Some(network) = network else {
        return Ok((keeper.with(move |store| store.view().submission(id)).await?, None));
    };
    let secret = match secrets::load(&context.places, account) {
        Ok(secret) => secret,
        Err(error) => {
            Failure::from(error).report(context.global.json);
            return Ok((keeper.with(move |store| store.view().submission(id)).await?, None));
        }
    };
    let (row, why) = submit::send(network, keeper, account, &secret, id, now(), &mut steps).await?;
    let why = match why {
        Some(error) => Some(explained(context, network, account, error).await),
        None => None,
    };
    let code = why.as_ref().map(Error::exit_code);
    if let Some(error) = why {
        Failure::from(error).report(context.global.json);
    }
    if !row.recipients.iter().any(|recipient| recipient.state == State::Accepted) {
        return Ok((row, code));
    }
    let filed = async {
        let mut connection = submit::connect(network, account, &secret, &mut steps).await?;
        let filed = submit::file_sent(&mut connection, keeper, row.account).await;
        restante_engine::imap::log_out(connection).await;
        filed
    };
    match filed.await {
        Err(error) => {
            let error = error.to_string();
            eprintln!("restante: sent; the copy will be filed by the next sync: {}", clean(&error));
        }
        Ok(filed) => {
            for finding in filed.left {
                eprintln!("restante: sent; the copy stays in the outbox: {}", clean(&finding.to_string()));
            }
        }
    }
    Ok((keeper.with(move |store| store.view().submission(id)).await?, code))
}

fn report(context: &Context, row: &Submission, stopped: Option<u8>) -> Result<ExitCode, Failure> {
    if context.output.json {
        let document = Document {
            submission: row.id.to_string(),
            message_id: &row.message_id,
            state: row.state,
            recipients: &row.recipients,
        };
        context.output.document("send", &document)?;
    } else {
        let mut text = String::new();
        for recipient in &row.recipients {
            let reply = match recipient.reply.as_str() {
                "" => String::new(),
                reply => format!(" ({reply})"),
            };
            text.push_str(&clean_line(&format!("{} {}{reply}", recipient.state.as_str(), recipient.address)));
            text.push('\n');
        }
        print(&text)?;
    }
    let refused = row.recipients.iter().any(|recipient| recipient.state == State::Refused);
    Ok(match row.state {
        State::Accepted if !refused => ExitCode::SUCCESS,
        State::Refused => ExitCode::from(stopped.unwrap_or(69)),
        State::Accepted => ExitCode::from(69),
        State::Queued | State::Sending | State::Deferred => return Err(Failure::Queued),
        // Not 75: trying again may be a second copy.
        State::Unknown => ExitCode::from(76),
    })
}
