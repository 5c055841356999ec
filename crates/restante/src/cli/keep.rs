//! Where a password is kept, and saving an account together with it.

use super::context::Context;
use super::error::Failure;
use clap::{Args, ValueEnum};
use restante_core::Secret;
use restante_core::message::clean;
use restante_engine::account::{Account, SecretPlace};
use restante_engine::{Error, secrets};
use restante_store::{AccountId, Store, StoreError};

/// Options of every command that stores a password.
#[derive(Clone, Debug, Args)]
pub(super) struct Keep {
    /// Where the password is kept. Without this it stays where it is; a new one goes to the system's
    /// keyring where one answers, else to a file.
    #[arg(long, value_name = "PLACE", conflicts_with = "password_command")]
    pub(super) keep_in: Option<KeepIn>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum KeepIn {
    /// The system's keyring (Secret Service), encrypted there.
    Keyring,
    /// A file that only you can read, not encrypted.
    File,
}

impl Keep {
    /// Where a password goes that was typed or read from standard input, or whose command was named.
    /// `now` is where the account's password was.
    pub(super) fn place(&self, given: SecretPlace, now: Option<&SecretPlace>) -> SecretPlace {
        match (self.keep_in, given, now) {
            (Some(KeepIn::Keyring), ..) => SecretPlace::Keyring,
            (Some(KeepIn::File), ..) => SecretPlace::File,
            (None, command @ SecretPlace::Command(_), _) => command,
            (None, _, Some(now @ (SecretPlace::Keyring | SecretPlace::File))) => now.clone(),
            (None, ..) => secrets::best_place(),
        }
    }

    /// Saves an account and its password; gives the account as it was saved.
    ///
    /// The configuration comes first: when it cannot be written, the password of an account that was there already
    /// is as it was. When the password cannot be written, the configuration is put back. A keyring that
    /// nobody asked for by name and that takes no password is replaced by the file, and that is said.
    pub(super) fn save(
        &self,
        context: &Context,
        mut account: Account,
        secret: &Secret,
    ) -> Result<Account, Failure> {
        let mut accounts = context.accounts()?;
        let before = accounts.all().iter().find(|known| known.name == account.name).cloned();
        accounts.save(account.clone())?;
        let mut kept = secrets::store(&context.places, &account, secret);
        if let (Err(error), SecretPlace::Keyring, None) = (&kept, &account.secret, self.keep_in) {
            eprintln!("{}; the password goes to a file", clean(&error.to_string()));
            account.secret = SecretPlace::File;
            kept = accounts
                .save(account.clone())
                .and_then(|()| secrets::store(&context.places, &account, secret));
        }
        if let Err(error) = kept {
            match before {
                Some(before) => accounts.save(before)?,
                None => accounts.remove(&account.name)?,
            }
            return Err(error.into());
        }
        // What another place held before is of no use any more; a file may be there from earlier times.
        let old = before.map(|before| before.secret).unwrap_or(SecretPlace::File);
        for place in [old, SecretPlace::File] {
            if place != account.secret
                && let Err(error) = secrets::forget(&context.places, &account.name, &place)
            {
                eprintln!("the old password is still there: {}", clean(&error.to_string()));
            }
        }
        Ok(account)
    }
}

/// Does something with an account's rows in the store, where there are any. While somebody else is at work
/// with the mail nothing is done: what this is used for can wait.
pub(super) fn unless_busy(
    context: &Context,
    account: &Account,
    work: impl FnOnce(&mut Store, AccountId) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if !context.places.data.join("mail.db").exists() {
        return Ok(());
    }
    let mut store = match context.store() {
        Err(Failure::Engine(Error::Store(StoreError::Locked { .. }))) => return Ok(()),
        other => other?,
    };
    match store.view().find_account(&account.name)? {
        Some(id) => work(&mut store, id),
        None => Ok(()),
    }
}
