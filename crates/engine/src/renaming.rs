//! Another name for an account. Configuration, mail and password are three places that cannot change in
//! one step, so the configuration remembers the old name until the others have followed.

use crate::account::Accounts;
use crate::error::Error;
use crate::places::Places;
use crate::secrets;
use restante_store::Store;

/// Renames an account: the password is there under the new name before anything uses it, then the
/// configuration changes, then [`resume`] does the rest. `store` is `None` when there is no mail yet.
///
/// # Errors
/// [`Error::NoAccount`]; [`Error::Configuration`] when the new name is in use; [`Error::Secret`] when a keyring
/// does not give its password. Until the configuration is written, the account is as it was.
pub fn rename(
    places: &Places,
    accounts: &mut Accounts,
    store: Option<&mut Store>,
    name: &str,
    new: &str,
) -> Result<(), Error> {
    let account = accounts.find(Some(name))?.clone();
    if let Some(store) = &store
        && store.view().find_account(new)?.is_some()
    {
        return Err(Error::Configuration(format!("there is mail of another account called `{new}` here")));
    }
    if accounts.all().iter().any(|known| known.name == new) {
        return Err(Error::Configuration(format!("there is an account called `{new}` already")));
    }
    secrets::copy(places, &account, new)?;
    accounts.rename(&account.name, new)?;
    match store {
        Some(store) => resume(places, accounts, store),
        None => settle(places, accounts, &account.name, new),
    }
}

/// Finishes what a rename that was interrupted has left undone: whoever opens the store for writing calls it
/// before any account's mail is looked for by name.
///
/// # Errors
/// When the store, the configuration or the old password cannot be changed; a later call tries again.
pub fn resume(places: &Places, accounts: &mut Accounts, store: &mut Store) -> Result<(), Error> {
    for (old, new) in accounts.renaming() {
        // A name that is in use again is another account's by now.
        let taken = accounts.all().iter().any(|account| account.name == old);
        if !taken && store.view().find_account(&new)?.is_none() {
            store.rename_account(&old, &new)?;
        }
        settle(places, accounts, &old, &new)?;
    }
    Ok(())
}

fn settle(places: &Places, accounts: &mut Accounts, old: &str, new: &str) -> Result<(), Error> {
    if accounts.all().iter().all(|account| account.name != old) {
        let place = accounts.find(Some(new))?.secret.clone();
        secrets::forget(places, old, &place)?;
    }
    accounts.renamed(new)
}
