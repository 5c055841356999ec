//! What can go wrong with what restante remembers.

use crate::AccountId;
use std::io;
use std::path::{Path, PathBuf};

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process is the writer of this directory.
    #[error("{} is in use by another restante{}", .dir.display(), named(*process))]
    Locked {
        /// The data directory.
        dir: PathBuf,
        /// The other process, when it could be read.
        process: Option<u32>,
        /// The accounts that it keeps in step for as long as it runs; none where it does one thing and ends.
        watched: Vec<AccountId>,
    },
    /// There is nothing to read yet.
    #[error("there is no mail in {} yet", .0.display())]
    Absent(PathBuf),
    /// A later version of restante wrote this database.
    #[error("{} was written by a newer restante (its format is {found}, this program knows {known})", .path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format this program knows.
        known: i64,
    },
    /// An earlier version of restante wrote this database, and it is open for reading only.
    #[error("{} was written by an older restante and has to be opened for writing once", .0.display())]
    Older(PathBuf),
    /// The system refused to read or write a file.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No space is left where the mail is kept. What was committed before is safe.
    #[error("the disk is full")]
    DiskFull,
    /// The disk failed under a database, or let it grow no more. What was committed before is safe.
    #[error("the disk does not read or write the mail database ({0}); what was kept before is safe")]
    Disk(rusqlite::Error),
    /// SQLite reports a fault.
    #[error("the mail database: {0}")]
    Database(rusqlite::Error),
    /// What was read is not what was written.
    #[error("stored mail is damaged: {0}")]
    Damaged(String),
    /// Content was applied before [`ContentWriter::sync`](crate::ContentWriter::sync). A fault in the caller.
    #[error("content was applied before it was synced")]
    Unsynced,
    /// An id that is not, or no longer, in the store.
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// There is one already.
    #[error("there is such a {0} already")]
    Exists(&'static str),
    /// What was to be taken back is being carried out at this moment, or was when a process ended.
    #[error("the server is being asked for it just now")]
    UnderWay,
    /// A limit of the format: 2^28 messages over the life of a store.
    #[error("this store has held as many messages as its format allows")]
    Exhausted,
}

impl StoreError {
    /// For `map_err`: what was tried, and with which file.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull => Self::DiskFull,
            _ => Self::Io { doing, path, source },
        }
    }
}

impl From<rusqlite::types::FromSqlError> for StoreError {
    fn from(error: rusqlite::types::FromSqlError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::DiskFull,
            Some(rusqlite::ErrorCode::SystemIoFailure) => Self::Disk(error),
            _ => Self::Database(error),
        }
    }
}

fn named(id: Option<u32>) -> String {
    id.map_or_else(String::new, |id| format!(" (process {id})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    #[test]
    fn what_the_disk_did_is_not_said_of_the_mail() {
        let of = |code| {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            StoreError::from(error).to_string()
        };
        assert_eq!(of(ffi::SQLITE_FULL), "the disk is full");
        let failed = of(ffi::SQLITE_IOERR_FSYNC);
        assert!(
            failed.starts_with("the disk does not read or write") && failed.ends_with("is safe"),
            "{failed}"
        );
        assert!(of(ffi::SQLITE_CORRUPT).starts_with("the mail database: "));
    }
}
