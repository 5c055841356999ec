//! Messages that a person waits for come before everything else.

use super::keeper::{Keeper, now};
use crate::error::Error;
use crate::imap::Connection;
use crate::repair;
use restante_store::AccountId;
use std::path::PathBuf;
use std::time::SystemTime;

/// Tells whether somebody asked for something, by looking at a file: that costs no wait for the store.
pub(super) struct Bell {
    path: PathBuf,
    /// When it was written to last; `None` before the first look, which says yes.
    seen: Option<SystemTime>,
}

impl Bell {
    pub(super) async fn of(keeper: &Keeper) -> Result<Self, Error> {
        Ok(Self { path: keeper.with(|store| store.view().bell()).await?, seen: None })
    }

    /// Whether something was asked since the last look.
    pub(super) fn rang(&mut self) -> bool {
        let written = std::fs::metadata(&self.path).and_then(|file| file.modified()).ok();
        let rang = self.seen.is_none() || written != self.seen;
        self.seen = written.or(Some(SystemTime::UNIX_EPOCH));
        rang
    }
}

/// Fetches what people wait for in an account. Afterwards any mailbox may be open.
pub(super) async fn serve(
    connection: &mut Connection,
    keeper: &Keeper,
    account: AccountId,
) -> Result<(), Error> {
    for wanted in keeper.with(move |store| store.view().wanted(account)).await? {
        let message = wanted.message;
        if let Some(why) = repair::complete(connection, keeper, account, message, now()).await? {
            keeper.with(move |store| store.deny(message, &why)).await?;
        }
    }
    Ok(())
}
