//! Noticing that another process took something down for this one to bring to the server.

use crate::error::Error;
use restante_store::View;
use std::path::Path;

/// Waits for what other processes take down. Costs nothing while there is nothing.
pub struct Local {
    changes: Changes,
}

impl Local {
    /// Watches a data directory that a [`Store`](restante_store::Store) has made.
    ///
    /// # Errors
    /// When it cannot be read or watched.
    pub fn new(dir: &Path) -> Result<Self, Error> {
        let bell = View::open(dir)?.bell()?;
        Ok(Self { changes: Changes::new(&bell)? })
    }

    /// Waits until something was asked since the last time.
    ///
    /// # Errors
    /// When the system ends the watch.
    pub async fn changed(&mut self) -> Result<(), Error> {
        self.changes.next().await
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

    /// The kernel tells when the file is written to.
    pub(super) struct Changes {
        events: AsyncFd<OwnedFd>,
    }

    impl Changes {
        #[expect(deprecated, reason = "sound for an OwnedFd, and its successor wants unsafe code")]
        pub(super) fn new(bell: &Path) -> Result<Self, Error> {
            let failed = |error: io::Error| {
                Error::Configuration(format!(
                    "the system does not let {} be watched: {error}",
                    bell.display()
                ))
            };
            let queue = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)
                .map_err(|error| failed(error.into()))?;
            inotify::add_watch(&queue, bell, WatchFlags::MODIFY).map_err(|error| failed(error.into()))?;
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
    use std::path::{Path, PathBuf};
    use std::time::{Duration, SystemTime};

    /// Looks now and then.
    pub(super) struct Changes {
        bell: PathBuf,
        rung: Option<SystemTime>,
    }

    impl Changes {
        pub(super) fn new(bell: &Path) -> Result<Self, Error> {
            Ok(Self { bell: bell.to_owned(), rung: rung(bell) })
        }

        pub(super) async fn next(&mut self) -> Result<(), Error> {
            while rung(&self.bell) == self.rung {
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
            self.rung = rung(&self.bell);
            Ok(())
        }
    }

    fn rung(bell: &Path) -> Option<SystemTime> {
        bell.metadata().and_then(|known| known.modified()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use restante_core::mail::{Mailbox, MailboxName};
    use restante_store::{Desk, Store};
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn what_is_asked_is_noticed_and_what_the_writer_does_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        let account = store.account("ann").unwrap();
        let mut local = Local::new(dir.path()).unwrap();
        store.account("bob").unwrap();
        assert!(timeout(Duration::from_millis(20), local.changed()).await.is_err(), "nothing was asked");
        let mailbox =
            Mailbox { name: MailboxName::new("Work"), delimiter: None, special_use: None, selectable: true };
        let mut desk = Desk::open(dir.path()).unwrap();
        desk.request_mailbox("create Work", account, &mailbox, 0).unwrap();
        timeout(Duration::from_secs(10), local.changed()).await.unwrap().unwrap();
        assert!(timeout(Duration::from_millis(20), local.changed()).await.is_err(), "it is told once");
    }
}
