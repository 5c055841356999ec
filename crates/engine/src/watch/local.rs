//! Noticing that another process took something down for this one to bring to the server.

use crate::error::Error;
use restante_store::View;
use std::path::Path;

/// Waits for commits of other processes. Costs nothing while there are none.
pub struct Local {
    view: View,
    version: i64,
    changes: Changes,
}

impl Local {
    /// Watches a data directory that a [`Store`](restante_store::Store) has made.
    ///
    /// # Errors
    /// When it cannot be read or watched.
    pub fn new(dir: &Path) -> Result<Self, Error> {
        let view = View::open(dir)?;
        let changes = Changes::new(dir)?;
        let version = view.version()?;
        Ok(Self { view, version, changes })
    }

    /// Waits until something was committed since the last time, by whomever.
    ///
    /// # Errors
    /// When the store cannot be read any more.
    pub async fn changed(&mut self) -> Result<(), Error> {
        loop {
            let version = self.view.version()?;
            if version != self.version {
                self.version = version;
                return Ok(());
            }
            self.changes.next().await?;
        }
    }
}

#[cfg(target_os = "linux")]
use linux::Changes;
#[cfg(not(target_os = "linux"))]
use other::Changes;

#[cfg(target_os = "linux")]
mod linux {
    use crate::error::Error;
    use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
    use std::io;
    use std::os::fd::OwnedFd;
    use std::path::Path;
    use tokio::io::unix::AsyncFd;

    /// The kernel tells when the write-ahead log of the database grows.
    pub(super) struct Changes {
        events: AsyncFd<OwnedFd>,
    }

    impl Changes {
        #[expect(deprecated, reason = "sound for an OwnedFd, and its successor wants unsafe code")]
        pub(super) fn new(dir: &Path) -> Result<Self, Error> {
            let failed = |error: io::Error| {
                Error::Configuration(format!("the system does not let {} be watched: {error}", dir.display()))
            };
            let queue = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)
                .map_err(|error| failed(error.into()))?;
            inotify::add_watch(&queue, dir.join("mail.db-wal"), WatchFlags::MODIFY)
                .map_err(|error| failed(error.into()))?;
            Ok(Self { events: AsyncFd::new(queue).map_err(failed)? })
        }

        pub(super) async fn next(&mut self) -> Result<(), Error> {
            let broken = |error: io::Error| Error::Configuration(format!("watching the store: {error}"));
            let mut ready = self.events.readable().await.map_err(broken)?;
            let mut buffer = [0; 4096];
            // What happened is of no interest, only that something did: all of it is one change.
            while rustix::io::read(ready.get_inner(), &mut buffer[..]).is_ok_and(|count| count > 0) {}
            ready.clear_ready();
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use crate::error::Error;
    use std::path::Path;
    use std::time::Duration;

    /// Looks now and then.
    pub(super) struct Changes;

    impl Changes {
        pub(super) fn new(_: &Path) -> Result<Self, Error> {
            Ok(Self)
        }

        pub(super) async fn next(&mut self) -> Result<(), Error> {
            tokio::time::sleep(Duration::from_secs(2)).await;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use restante_store::Store;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn a_commit_is_noticed_and_silence_is_silence() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        store.account("ann").unwrap();
        let mut local = Local::new(dir.path()).unwrap();
        assert!(timeout(Duration::from_millis(20), local.changed()).await.is_err(), "nothing happened");
        store.account("bob").unwrap();
        timeout(Duration::from_secs(10), local.changed()).await.unwrap().unwrap();
        assert!(timeout(Duration::from_millis(20), local.changed()).await.is_err(), "it is told once");
    }
}
