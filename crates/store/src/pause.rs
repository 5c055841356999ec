//! Servers that are to be left alone for a while.

use crate::{AccountId, Store, StoreError, View};
use rusqlite::{OptionalExtension, Row, params};

/// Why and how long an account's server is not to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Not before this time, in seconds since 1970 UTC.
    pub until: i64,
    /// How often in a row it failed.
    pub failures: u32,
    /// The server's words.
    pub reason: String,
}

impl View {
    /// The pause of an account's server, also one that is over; `None` after a success.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn pause(&self, account: AccountId) -> Result<Option<Pause>, StoreError> {
        let mut statement =
            self.conn.prepare_cached("SELECT until, failures, reason FROM pause WHERE account = ?1")?;
        let read =
            |row: &Row<'_>| Ok(Pause { until: row.get(0)?, failures: row.get(1)?, reason: row.get(2)? });
        Ok(statement.query_row([account.0], read).optional()?)
    }
}

impl Store {
    /// Remembers a pause, so that a restart does not forget what the server asked for.
    ///
    /// # Errors
    /// There is no such account, or the database cannot be written.
    pub fn set_pause(&mut self, account: AccountId, pause: &Pause) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute(
                "INSERT OR REPLACE INTO pause (account, until, failures, reason) VALUES (?1, ?2, ?3, ?4)",
                params![account.0, pause.until, pause.failures, pause.reason],
            )?;
            Ok(())
        })
    }

    /// Forgets the pause: the server answers again.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn clear_pause(&mut self, account: AccountId) -> Result<(), StoreError> {
        if self.pause(account)?.is_none() {
            return Ok(());
        }
        self.write(|transaction| {
            transaction.execute("DELETE FROM pause WHERE account = ?1", [account.0])?;
            Ok(())
        })
    }
}
