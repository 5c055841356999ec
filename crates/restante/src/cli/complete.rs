//! The rest of a message of which only the beginning is here.

use super::account::paused;
use super::context::{Context, now};
use super::error::Failure;
use super::message::find;
use super::steps::connected;
use super::sync::octets;
use restante_engine::sync::{self, Keeper};
use restante_engine::{Error, repair};
use restante_store::{AccountId, MessageId, Row, StoreError, View};
use std::time::{Duration, Instant};

/// How long another restante is waited for that is at work with the mail.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether it is done.
const LOOK: Duration = Duration::from_millis(30);

/// When it is asked again: what was asked at the very moment that the other looked may not have been seen.
const AGAIN: Duration = Duration::from_secs(5);

/// The octets of a message, all of them: fetched, where they are not here.
pub(super) fn whole(context: &Context, id: &str) -> Result<Vec<u8>, Failure> {
    complete(context, id)?;
    let view = context.view()?;
    Ok(view.read(find(&view, id)?)?)
}

/// Has the whole of a message fetched: by the process that is at work with the mail, or else here.
pub(super) fn complete(context: &Context, id: &str) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut asked = None;
    loop {
        let view = context.view()?;
        let message = find(&view, id)?;
        let Some(row) = view.row(message)?.filter(|row| row.held < row.size) else { return Ok(()) };
        is_possible(context, &row)?;
        match context.keeper() {
            Ok(keeper) => return by_ourselves(context, keeper, &view, &row),
            Err(Failure::Engine(Error::Store(StoreError::Locked { process, watched, .. }))) => {
                can_be_had(context, &view, &row, process, &watched)?;
            }
            Err(other) => return Err(other),
        }
        if asked.is_none_or(|(what, when): (_, Instant)| what != message || when.elapsed() > AGAIN) {
            context.desk()?.want(message, now())?;
            asked = Some((message, Instant::now()));
        }
        let denied = view.why_not(message)?;
        if denied.is_some() || begun.elapsed() > PATIENCE {
            context.desk()?.unwant(message)?;
            return Err(match denied {
                Some(why) => unavailable(&row, &why),
                None => Failure::Later(format!(
                    "{}; another restante is at work with the mail, and did not fetch the rest within a minute",
                    too_little(&row)
                )),
            });
        }
        std::thread::sleep(LOOK);
    }
}

/// Whether a message may be fetched at all.
fn is_possible(context: &Context, row: &Row) -> Result<(), Failure> {
    let option = match (context.global.offline, context.global.read_only) {
        (true, _) => "--offline",
        (_, true) => "--read-only",
        _ => return Ok(()),
    };
    Err(Failure::Later(format!("{}, and {option} was given", too_little(row))))
}

/// Whether the restante that holds the store, and keeps the accounts `watched` in step, will fetch a message soon.
fn can_be_had(
    context: &Context,
    view: &View,
    row: &Row,
    process: Option<u32>,
    watched: &[AccountId],
) -> Result<(), Failure> {
    let owners = view.owners(row.message)?;
    if owners.is_empty() {
        let done = context.desk()?.unwant(row.message);
        return done.map_err(Failure::from).and(Err(unavailable(row, "it was removed from the server")));
    }
    // One that does not stay ends soon, and lets somebody else have the store.
    if watched.is_empty() {
        return Ok(());
    }
    if !owners.iter().any(|owner| watched.contains(owner)) {
        return Err(Failure::Later(format!("{}, and {}", too_little(row), watches_others(process))));
    }
    for owner in &owners {
        let pause = view.pause(*owner)?.as_ref().and_then(|pause| paused(pause, now()));
        let Some(pause) = pause.filter(|_| watched.contains(owner)) else { return Ok(()) };
        let words = format!("{}, and its server is not asked: {pause}", too_little(row));
        if owners.last() == Some(owner) {
            return Err(Failure::Later(words));
        }
    }
    Ok(())
}

/// Why what concerns an account has to wait.
pub(super) fn watches_others(process: Option<u32>) -> String {
    let process = process.map(|id| format!(" (process {id})")).unwrap_or_default();
    format!("another restante{process} watches other accounts; end it, or have it watch this one too")
}

fn too_little(row: &Row) -> String {
    format!("only the first {} of this message are here, of {}", octets(row.held), octets(row.size))
}

fn unavailable(row: &Row, why: &str) -> Failure {
    Failure::NotFound(format!("{}, and the rest cannot be had: {why}", too_little(row)))
}

fn by_ourselves(context: &Context, keeper: Keeper, view: &View, row: &Row) -> Result<(), Failure> {
    let done = context.block_on(fetch(context, &keeper, view, row));
    keeper.close()?;
    done
}

async fn fetch(context: &Context, keeper: &Keeper, view: &View, row: &Row) -> Result<(), Failure> {
    let Some(place) = row.places.first() else { return Err(unavailable(row, "it was removed")) };
    let id = place.account;
    let known = view.accounts()?.into_iter().find(|account| account.id == id);
    let name = known.map(|account| account.name).ok_or(StoreError::Missing("account"))?;
    let configured = context.accounts()?;
    let account = configured.ready(Some(&name))?;
    let mut connection = connected(context, account).await?;
    let message: MessageId = row.message;
    let denied = repair::complete(&mut connection, keeper, id, message, now()).await?;
    restante_engine::imap::log_out(connection).await;
    if let Some(why) = denied {
        return Err(unavailable(row, &why));
    }
    sync::index(keeper).await?;
    Ok(())
}
