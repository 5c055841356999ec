//! The one writer and its many readers.

use crate::pack::{HEADER, Packs};
use crate::{AccountId, ContentWriter, StoreError, database, dir};
use rusqlite::{Connection, Transaction};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, Write};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file in a data directory that a [`Desk`] writes to after each commit. Its content means nothing.
const BELL: &str = "asked";

/// Reads what restante remembers; cannot change it. Works beside a [`Store`] in this or another
/// process, and sees every commit as a whole.
pub struct View {
    pub(crate) conn: Connection,
    pub(crate) dir: PathBuf,
    /// For small contents: making one costs more than they do.
    pub(crate) decompressor: RefCell<zstd::bulk::Decompressor<'static>>,
}

/// Takes down what a person asks, beside whoever is the writer: a few rows a transaction, never content.
/// Reads as a [`View`].
///
/// So a command can be given while another process syncs; the writer sees it as the next commit.
pub struct Desk {
    pub(crate) view: View,
    /// Written to after each commit, for the writer to notice; `None` where the desk is the writer's own.
    pub(crate) bell: Option<File>,
}

/// The one writer of a data directory. Reads as a [`View`].
pub struct Store {
    pub(crate) desk: Desk,
    pub(crate) packs: Arc<Packs>,
    pub(crate) lock: File,
}

impl View {
    /// Opens a data directory for reading.
    ///
    /// # Errors
    /// [`StoreError::Absent`] when nothing was stored there yet; [`StoreError::Newer`] or
    /// [`StoreError::Older`] when another version of restante wrote it.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::new(database::open_reader(dir)?, dir)
    }

    pub(crate) fn new(conn: Connection, dir: &Path) -> Result<Self, StoreError> {
        let decompressor = zstd::bulk::Decompressor::new().map_err(StoreError::io("read", dir))?;
        Ok(Self { conn, dir: dir.to_owned(), decompressor: RefCell::new(decompressor) })
    }

    /// A number that differs from the last one asked for when another connection has committed since.
    /// For noticing that there is something to redraw, by asking now and then.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn version(&self) -> Result<i64, StoreError> {
        Ok(self.conn.pragma_query_value(Some("main"), "data_version", |row| row.get(0))?)
    }
}

impl Desk {
    /// Opens a data directory that a [`Store`] has made.
    ///
    /// # Errors
    /// [`StoreError::Absent`] when nothing was stored there yet; [`StoreError::Newer`] or
    /// [`StoreError::Older`] when another version of restante wrote it.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let view = View::new(database::open_beside(dir)?, dir)?;
        Ok(Self { view, bell: Some(dir::open_file(&dir.join(BELL))?) })
    }

    /// One transaction: all of it or nothing. The lock of `mail.db` is taken first: one that only wants to
    /// write after it has read would be turned away by another writer's commit in between. Not by
    /// `BEGIN IMMEDIATE`, which would wait for whoever writes the index too.
    pub(crate) fn write<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let transaction = self.view.conn.transaction()?;
        transaction.prepare_cached("DELETE FROM pause WHERE account = 0")?.execute([])?;
        let result = work(&transaction)?;
        transaction.commit()?;
        if let Some(bell) = &mut self.bell {
            // Who does not hear it sees the commit a little later.
            let _ = bell.write_all(b".").and_then(|()| bell.rewind());
        }
        Ok(result)
    }

    /// Like [`write`](Self::write), on disk before it returns.
    pub(crate) fn write_durably<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.view.conn.pragma_update(Some("main"), "synchronous", "full")?;
        let result = self.write(work);
        self.view.conn.pragma_update(Some("main"), "synchronous", "normal")?;
        result
    }
}

impl View {
    /// The file that changes after each commit of a [`Desk`], made when it is not there: to be watched by who
    /// brings to the server what was asked.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn bell(&self) -> Result<PathBuf, StoreError> {
        let path = self.dir.join(BELL);
        dir::open_file(&path)?;
        Ok(path)
    }
}

impl Store {
    /// Opens a data directory for writing, made (0700) when it is not there. Puts right whatever a
    /// process left that ended in the middle.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while another process, or another `Store` in this one, writes there;
    /// [`StoreError::Newer`] when a later version of restante has been used.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        dir::make_dir(dir)?;
        let lock = dir::lock(dir)?;
        Self::open_locked(dir, lock)
    }

    pub(crate) fn open_locked(dir: &Path, lock: File) -> Result<Self, StoreError> {
        let conn = database::open_writer(dir)?;
        let mut proven = BTreeMap::new();
        {
            let mut statement = conn.prepare("SELECT number, length FROM pack")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                proven.insert(row.get(0)?, row.get(1)?);
            }
        }
        // Should the database have lost what it says of a pack, the messages in it still prove as much.
        let referred = |number: u32| {
            let sql = "SELECT coalesce(max(start + stored + ?2), 0) FROM message WHERE pack = ?1";
            Ok(conn.query_row(sql, [u64::from(number), HEADER as u64], |row| row.get(0))?)
        };
        let packs = Arc::new(Packs::recover(dir.join("packs"), &proven, referred)?);
        let desk = Desk { view: View::new(conn, dir)?, bell: None };
        let mut store = Self { desk, packs, lock };
        store.recover_index()?;
        store.recover_outbox()?;
        Ok(store)
    }

    /// The reading side, also reached by dereferencing.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.desk.view
    }

    /// What a person asks is taken down here.
    pub fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    /// Lets other processes know that this one stays, and which accounts it keeps in step meanwhile: it is said with
    /// [`StoreError::Locked`].
    ///
    /// # Errors
    /// The lock cannot be written.
    pub fn announce(&mut self, accounts: &[AccountId]) -> Result<(), StoreError> {
        let path = self.desk.view.dir.join("lock");
        dir::write_lock(&mut self.lock, accounts).map_err(StoreError::io("write", &path))
    }

    /// A writer of contents, to be used on any thread.
    ///
    /// # Errors
    /// The database cannot be opened a second time.
    pub fn content_writer(&self) -> Result<ContentWriter, StoreError> {
        ContentWriter::new(Arc::clone(&self.packs), database::open_helper(&self.desk.view.dir)?)
    }

    /// Deletes everything that is remembered here: the packs, the index and the mail database. Files
    /// that are not the store's stay, and so does the lock: who waits for a lock whose name is gone and
    /// who makes a new one would both be the writer. A new store can be opened in the same place.
    ///
    /// The database goes last: after a crash in between, opening and destroying again completes it.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn destroy(self) -> Result<(), StoreError> {
        let Self { desk, packs, lock } = self;
        let View { conn, dir, .. } = desk.view;
        drop((conn, packs));
        let folder = dir.join("packs");
        // No pack is proven any more, so that each is removed.
        Packs::recover(folder.clone(), &BTreeMap::new(), |_| Ok(0))?;
        match std::fs::remove_dir(&folder) {
            // Somebody else's file is in it.
            Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => {}
            other => other.map_err(StoreError::io("remove", &folder))?,
        }
        match std::fs::remove_file(dir.join(BELL)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            other => other.map_err(StoreError::io("remove", &dir.join(BELL)))?,
        }
        for name in ["search.db", "mail.db"] {
            crate::dir::remove_database(&dir.join(name))?;
        }
        crate::dir::sync_dir(&dir)?;
        drop(lock);
        Ok(())
    }

    /// One transaction: all of it or nothing.
    pub(crate) fn write<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.desk.write(work)
    }

    /// Like [`write`](Self::write), on disk before it returns.
    pub(crate) fn write_durably<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.desk.write_durably(work)
    }
}

impl Deref for Desk {
    type Target = View;

    fn deref(&self) -> &View {
        &self.view
    }
}

impl Deref for Store {
    type Target = View;

    fn deref(&self) -> &View {
        &self.desk.view
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destroyed_store_leaves_its_lock_and_the_files_of_others() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let mut store = Store::open(dir).unwrap();
        store.account("ann").unwrap();
        let mut writer = store.content_writer().unwrap();
        writer.begin(6).unwrap();
        writer.write(b"octets").unwrap();
        writer.finish().unwrap();
        writer.sync().unwrap();
        drop(writer);
        assert!(dir.join("packs/000001.pack").exists());
        std::fs::write(dir.join("config.toml"), "").unwrap();
        std::fs::write(dir.join("packs/notes.txt"), "").unwrap();
        store.destroy().unwrap();
        let names = |dir: &Path| -> Vec<String> {
            let entries = std::fs::read_dir(dir).unwrap();
            let mut names: Vec<_> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        assert_eq!(names(dir), ["config.toml", "lock", "packs"]);
        assert_eq!(names(&dir.join("packs")), ["notes.txt"]);
        assert!(matches!(View::open(dir), Err(StoreError::Absent(_))));

        std::fs::remove_file(dir.join("packs/notes.txt")).unwrap();
        let store = Store::open(dir).unwrap();
        assert_eq!(store.accounts().unwrap(), []);
        store.destroy().unwrap();
        assert_eq!(names(dir), ["config.toml", "lock"]);
    }
}
