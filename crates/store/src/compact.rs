//! Giving space back: contents that nothing refers to any more leave their packs.
//!
//! A record is never changed in place. What of a pack is still wanted is copied to another one, which is on
//! disk before one transaction names the new places; then the old file goes. Wherever that ends, each
//! message has its record: a pack without a row is removed by the next writer. Who had the old file open
//! reads on; who had only read the old row looks once more.

use crate::pack::{HEADER, Location, RecordReader, open_record};
use crate::{ContentWriter, Digest, Store, StoreError, View};
use rusqlite::{Transaction, params};
use std::io::{ErrorKind, Read};

/// Dead octets for which a pack is not yet written anew.
const LITTLE: u64 = 4 << 20;

/// Which packs are worth being written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waste {
    /// Those more than half of which is dead, and more than 4 MiB.
    Most,
    /// Every one with dead octets: somebody wants them to be gone.
    Any,
}

/// One message's record in a pack to be given up.
struct Live {
    id: i64,
    digest: Digest,
    at: Location,
}

impl View {
    /// Octets in the packs that nothing refers to. Looks at every message.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn dead_octets(&self) -> Result<u64, StoreError> {
        Ok(self.packs_in_use()?.iter().map(|(_, length, live)| length.saturating_sub(*live)).sum())
    }

    /// The number of each pack, its proven length, and how much of that messages refer to.
    fn packs_in_use(&self) -> Result<Vec<(u32, u64, u64)>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT number, length, coalesce(octets, 0) FROM pack LEFT JOIN
                 (SELECT pack, sum(stored + ?1) AS octets FROM message GROUP BY pack) ON pack = number
             ORDER BY number",
        )?;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        Ok(statement.query_map([HEADER as u64], read)?.collect::<Result<_, _>>()?)
    }
}

impl Store {
    /// Gives back the octets of contents that nothing refers to any more; returns how many. A pack that is
    /// being written to stays, and so does one with a damaged record, for [`check`](crate::check()) to name.
    /// One that lost octets, none of them of a message, is written anew as well.
    /// `step` is called before each thing that is done to the disk.
    ///
    /// Not beside an [`Indexer`](crate::Indexer) at work, which reads by rows of a while ago.
    ///
    /// # Errors
    /// The packs or the database cannot be written. What was done until then is whole.
    pub fn compact(&mut self, waste: Waste, mut step: impl FnMut()) -> Result<u64, StoreError> {
        let worth = |length: u64, live: u64| {
            let dead = length.saturating_sub(live);
            match waste {
                Waste::Most => dead > LITTLE && dead > length / 2,
                Waste::Any => dead > 0,
            }
        };
        let packs = self.packs_in_use()?;
        let short = |number: u32, length: u64| {
            std::fs::metadata(self.packs.path(number)).map_or(0, |file| file.len()) < length
        };
        // All of them first, so that nothing is copied to one that goes as well.
        let given_up: Vec<(u32, u64)> = packs
            .into_iter()
            .filter(|(number, length, live)| worth(*length, *live) || short(*number, *length))
            .filter(|(number, ..)| self.packs.retire(*number))
            .map(|(number, length, _)| (number, length))
            .collect();
        if given_up.is_empty() {
            return Ok(0);
        }
        let mut writer = self.content_writer()?;
        let mut freed = 0_u64;
        let mut done = Ok(());
        for (number, length) in given_up {
            let kept = if done.is_ok() { self.empty_pack(&mut writer, number, &mut step) } else { Ok(None) };
            match kept {
                Ok(Some(kept)) => freed += length.saturating_sub(kept),
                Ok(None) => self.packs.keep(number),
                Err(error) => {
                    self.packs.keep(number);
                    done = Err(error);
                }
            }
        }
        done?;
        Ok(freed)
    }

    /// Writes both databases anew, without what was deleted from them, words of the index included; returns
    /// how many octets they are smaller. For when somebody wants things to be gone: it takes as much free
    /// space as the larger of them, and its time.
    ///
    /// # Errors
    /// The databases cannot be written; then they are as they were.
    pub fn trim(&mut self) -> Result<u64, StoreError> {
        let before = self.database_octets();
        self.conn.execute_batch(
            "INSERT INTO search.words (words) VALUES ('optimize');
             VACUUM search; VACUUM main;
             PRAGMA search.wal_checkpoint(TRUNCATE); PRAGMA main.wal_checkpoint(TRUNCATE);",
        )?;
        Ok(before.saturating_sub(self.database_octets()))
    }

    fn database_octets(&self) -> u64 {
        let names = ["mail.db", "mail.db-wal", "search.db", "search.db-wal"];
        names
            .iter()
            .filter_map(|name| std::fs::metadata(self.dir.join(name)).ok())
            .map(|file| file.len())
            .sum()
    }

    /// Copies what is wanted of a pack and removes it; gives how many octets were copied, `None` when it had
    /// to stay.
    fn empty_pack(
        &mut self,
        writer: &mut ContentWriter,
        number: u32,
        step: &mut impl FnMut(),
    ) -> Result<Option<u64>, StoreError> {
        let live = self.records_of(number)?;
        if !live.iter().all(|record| self.is_whole(record)) {
            return Ok(None);
        }
        step();
        let path = self.packs.path(number);
        let mut places = Vec::with_capacity(live.len());
        for Live { digest, at, .. } in &live {
            let (header, mut payload) = open_record(&path, at, digest)?;
            places.push(writer.copy(&header, &mut payload)?);
        }
        step();
        writer.sync()?;
        step();
        // On disk before the file goes.
        self.write_durably(|transaction| {
            for (record, at) in live.iter().zip(&places) {
                place(transaction, record.id, at)?;
            }
            transaction.execute("DELETE FROM pack WHERE number = ?1", [number])?;
            Ok(())
        })?;
        step();
        match std::fs::remove_file(&path) {
            // One that cannot be removed while it is read goes when the store is opened next.
            Ok(()) => crate::dir::sync_dir(&self.dir.join("packs"))?,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {}
            Err(error) => return Err(StoreError::io("remove", &path)(error)),
        }
        step();
        Ok(Some(live.iter().map(|record| record.at.end() - record.at.start).sum()))
    }

    fn records_of(&self, number: u32) -> Result<Vec<Live>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT id, coalesce(partial.digest, message.digest), start, stored
                 FROM message LEFT JOIN partial ON partial.message = message.id
                 WHERE pack = ?1 ORDER BY start",
        )?;
        let read = |row: &rusqlite::Row<'_>| {
            let at = Location { pack: number, start: row.get(2)?, stored: row.get(3)? };
            Ok(Live { id: row.get(0)?, digest: Digest(row.get(1)?), at })
        };
        Ok(statement.query_map([number], read)?.collect::<Result<_, _>>()?)
    }

    /// Whether a record reads back as it was written.
    fn is_whole(&self, record: &Live) -> bool {
        let Ok(mut reader) = RecordReader::open(&self.dir.join("packs"), &record.at, &record.digest) else {
            return false;
        };
        let mut buffer = vec![0; 64 << 10];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }
}

/// Notes where a message's record is.
pub(crate) fn place(transaction: &Transaction<'_>, id: i64, at: &Location) -> Result<(), StoreError> {
    transaction
        .prepare_cached("UPDATE message SET pack = ?2, start = ?3, stored = ?4 WHERE id = ?1")?
        .execute(params![id, at.pack, at.start, at.stored])?;
    prove(transaction, at)
}

/// Notes that a pack is proven up to the end of a record.
pub(crate) fn prove(transaction: &Transaction<'_>, at: &Location) -> Result<(), StoreError> {
    transaction
        .prepare_cached(
            "INSERT INTO pack (number, length) VALUES (?1, ?2)
             ON CONFLICT (number) DO UPDATE SET length = max(length, ?2)",
        )?
        .execute(params![at.pack, at.end()])?;
    Ok(())
}
