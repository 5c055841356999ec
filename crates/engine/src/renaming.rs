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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Account, SecretPlace};
    use restante_core::Secret;
    use restante_core::mail::Address;
    use restante_core::settings::{Protocol, Security, Settings, Source};

    fn account(name: &str) -> Account {
        let imap = Settings {
            protocol: Protocol::Imap,
            host: "imap.example.org".to_owned(),
            port: 993,
            security: Security::Tls,
            authentication: Vec::new(),
            username: "ann".to_owned(),
        };
        Account {
            name: name.to_owned(),
            address: Address::parse("ann@example.org").unwrap(),
            display_name: String::new(),
            imap,
            smtp: None,
            source: Source::Given,
            given: Vec::new(),
            pins: Vec::new(),
            draft: false,
            secret: SecretPlace::File,
            selection: restante_core::sync::Selection::default(),
        }
    }

    #[test]
    fn a_rename_that_dies_after_any_step_ends_the_same() {
        for steps in 0..=5 {
            let folder = tempfile::tempdir().unwrap();
            let places = Places { config: folder.path().join("c"), data: folder.path().join("d") };
            let mut accounts = Accounts::load(&places).unwrap();
            accounts.save(account("old")).unwrap();
            secrets::store(&places, &account("old"), &Secret::new("hunter2")).unwrap();
            let mut store = Store::open(&places.data).unwrap();
            let id = store.account("old").unwrap();

            type Step<'a> = &'a dyn Fn(&mut Accounts, &mut Store);
            let all: [Step<'_>; 5] = [
                &|_, _| secrets::copy(&places, &account("old"), "new").unwrap(),
                &|accounts, _| accounts.rename("old", "new").unwrap(),
                &|_, store| assert!(store.rename_account("old", "new").unwrap()),
                &|_, _| secrets::forget(&places, "old", &SecretPlace::File).unwrap(),
                &|accounts, _| accounts.renamed("new").unwrap(),
            ];
            for step in &all[..steps] {
                step(&mut accounts, &mut store);
            }

            let mut accounts = Accounts::load(&places).unwrap();
            match accounts.find(Some("old")).is_ok() {
                true => rename(&places, &mut accounts, Some(&mut store), "old", "new").unwrap(),
                false => resume(&places, &mut accounts, &mut store).unwrap(),
            }
            let accounts = Accounts::load(&places).unwrap();
            assert_eq!(accounts.all(), [account("new")], "after {steps} steps");
            assert_eq!(accounts.renaming(), []);
            assert_eq!(store.view().find_account("new").unwrap(), Some(id));
            assert_eq!(store.view().find_account("old").unwrap(), None);
            assert_eq!(secrets::load(&places, &account("new")).unwrap().expose(), "hunter2");
            assert!(secrets::load(&places, &account("old")).is_err(), "after {steps} steps");
        }
    }

    #[test]
    fn a_name_that_is_in_use_is_refused_and_nothing_changes() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { config: folder.path().join("c"), data: folder.path().join("d") };
        let mut accounts = Accounts::load(&places).unwrap();
        accounts.save(account("old")).unwrap();
        let mut store = Store::open(&places.data).unwrap();
        store.account("other").unwrap();
        let error = rename(&places, &mut accounts, Some(&mut store), "old", "other").unwrap_err();
        assert!(error.to_string().contains("`other`"), "{error}");
        assert!(accounts.find(Some("old")).is_ok());
        assert!(!places.secrets().exists());
    }
}
