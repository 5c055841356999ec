//! What every command stands on: places, network, output, the account at hand.

use super::error::Failure;
use super::output::Output;
use super::{Color, Global};
use etcetera::BaseStrategy;
use restante_engine::account::{Account, Accounts};
use restante_engine::net::{Network, NetworkOptions};
use restante_engine::sync::Keeper;
use restante_engine::{Error, Places, renaming};
use restante_store::{Desk, Store, StoreError, View};
use std::io::IsTerminal;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const MINUTE: Duration = Duration::from_secs(60);

pub(super) struct Context {
    pub(super) global: Global,
    pub(super) places: Places,
    pub(super) output: Output,
}

impl Context {
    pub(super) fn new(global: Global) -> Result<Self, Failure> {
        let base = etcetera::choose_base_strategy()
            .map_err(|error| Failure::Usage(format!("no home directory: {error}")))?;
        let data = global.data_dir.clone().unwrap_or_else(|| base.data_dir().join("restante"));
        // With a data directory of its own, everything of that restante is in it.
        let config = match &global.data_dir {
            Some(data) => data.clone(),
            None => base.config_dir().join("restante"),
        };
        let color = match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                std::io::stdout().is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                    && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        };
        let output = Output { json: global.json, lines: global.jsonl, ids: global.ids, color };
        Ok(Self { global, places: Places { config, data }, output })
    }

    /// A way to the network, or a clear no with `--offline`.
    pub(super) fn network(&self) -> Result<Network, Failure> {
        if self.global.offline {
            return Err(Failure::Usage("this needs the network, and --offline was given".to_owned()));
        }
        let options = NetworkOptions {
            dns: self.global.dns.clone(),
            ca_files: self.global.ca_file.clone(),
            ..NetworkOptions::default()
        };
        Network::new(&options).map_err(|error| Failure::Usage(error.to_string()))
    }

    pub(super) fn accounts(&self) -> Result<Accounts, Failure> {
        Ok(Accounts::load(&self.places)?)
    }

    /// The account named with `--account`, or the only one, for work on its servers.
    pub(super) fn account(&self) -> Result<Account, Failure> {
        Ok(self.accounts()?.ready(self.global.account.as_deref())?.clone())
    }

    /// For reading mail.
    pub(super) fn view(&self) -> Result<View, Failure> {
        let view = match View::open(&self.places.data) {
            Err(StoreError::Older(_)) if !self.global.read_only => {
                // The one writer brings it to this version's format.
                drop(self.store()?);
                View::open(&self.places.data)
            }
            other => other,
        };
        self.present(view)
    }

    /// For taking down what a person wants changed, also while another restante is at work with the mail.
    pub(super) fn desk(&self) -> Result<Desk, Failure> {
        self.may_change()?;
        let desk = match Desk::open(&self.places.data) {
            Err(StoreError::Older(_)) => {
                // The one writer brings it to this version's format.
                drop(self.store()?);
                Desk::open(&self.places.data)
            }
            other => other,
        };
        self.present(desk)
    }

    /// Nothing is changed with `--read-only`.
    pub(super) fn may_change(&self) -> Result<(), Failure> {
        match self.global.read_only {
            true => Err(Failure::Usage("this changes mail, and --read-only was given".to_owned())),
            false => Ok(()),
        }
    }

    /// What was opened, or how to get something to open.
    fn present<T>(&self, opened: Result<T, StoreError>) -> Result<T, Failure> {
        match opened {
            Err(StoreError::Absent(_)) if self.accounts()?.all().is_empty() => Err(Error::Configuration(
                "no account is set up yet; `restante setup you@example.org` does it".to_owned(),
            )
            .into()),
            Err(StoreError::Absent(_)) => {
                Err(Failure::NotFound("there is no mail here yet; `restante sync` fetches it".to_owned()))
            }
            other => Ok(other?),
        }
    }

    /// For changing mail: the store's one writer, on a thread of its own.
    pub(super) fn keeper(&self) -> Result<Keeper, Failure> {
        self.may_change()?;
        Ok(Keeper::start(self.store()?)?)
    }

    /// The same, for making mail searchable.
    pub(super) fn keeper_to_index(&self) -> Result<Keeper, Failure> {
        self.may_change()?;
        Ok(Keeper::start(self.store_to_index()?)?)
    }

    /// For changing mail by the store's own means. What a rename of an account that was interrupted has
    /// left undone is done first.
    pub(super) fn store(&self) -> Result<Store, Failure> {
        let mut store = Store::open(&self.places.data)?;
        let mut accounts = self.accounts()?;
        renaming::resume(&self.places, &mut accounts, &mut store)?;
        Ok(store)
    }

    /// As [`Context::store`], for making mail searchable as the person chose: the index starts anew where it was made
    /// otherwise.
    pub(super) fn store_to_index(&self) -> Result<Store, Failure> {
        let mut store = self.store()?;
        store.index_documents(self.accounts()?.finds_attachments())?;
        Ok(store)
    }

    /// As [`Context::store`], for a message that must not be lost to a sync that is under way: waits a
    /// minute for the store.
    pub(super) fn store_in_time(&self) -> Result<Store, Failure> {
        self.may_change()?;
        let begun = Instant::now();
        loop {
            match self.store() {
                Err(Failure::Engine(Error::Store(StoreError::Locked { .. }))) if begun.elapsed() < MINUTE => {
                    std::thread::sleep(Duration::from_millis(100));
                }
                Err(Failure::Engine(error @ Error::Store(StoreError::Locked { .. }))) => {
                    // Not 75: whoever reads that believes that the message is queued.
                    return Err(Failure::Io(format!("{error}; the message was not queued")));
                }
                other => return other,
            }
        }
    }

    /// Runs what needs the network.
    pub(super) fn block_on<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::Io(format!("no event loop: {error}")))?
            .block_on(work)
    }
}

/// The clock, in seconds since 1970. A clock before that reads as 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
