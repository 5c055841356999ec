//! What a mailbox comes to, as the screen shows it.

use crate::{AccountId, MailboxId, StoreError, View};
use std::collections::BTreeMap;

/// Numbers of a mailbox, waiting operations included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages in it.
    pub total: u64,
    /// Those without `\Seen`.
    pub unseen: u64,
    /// Operations on it, or on messages the server has in it, that the server has not confirmed.
    pub waiting: u64,
    /// Such operations that were refused or superseded.
    pub refused: u64,
}

impl View {
    /// The numbers of every mailbox of an account. Before a mailbox is fetched whole they are what the server
    /// said of it.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn counts(&self, account: AccountId) -> Result<BTreeMap<MailboxId, Counts>, StoreError> {
        // One state of the database for all of it.
        let _snapshot = self.conn.unchecked_transaction()?;
        let mut statement = self
            .conn
            .prepare_cached("SELECT id, total, unseen FROM mailbox WHERE account = ?1 AND gone = 0")?;
        let mut counts: BTreeMap<MailboxId, Counts> = statement
            .query_map([account.0], |row| {
                let counts = Counts { total: row.get(1)?, unseen: row.get(2)?, ..Counts::default() };
                Ok((MailboxId(row.get(0)?), counts))
            })?
            .collect::<Result<_, _>>()?;
        let mut alter = |sql: &str, alter: fn(&mut Counts, u64, u64)| -> Result<(), StoreError> {
            let mut statement = self.conn.prepare_cached(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if let Some(counts) = counts.get_mut(&MailboxId(row.get(0)?)) {
                    alter(counts, row.get(1)?, row.get(2)?);
                }
            }
            Ok(())
        };
        // What comes is added before what goes is taken away: a number never falls below nothing.
        alter(
            "SELECT shown, count(*), sum(flags & 32 = 0) FROM fold WHERE shown <> 0 GROUP BY shown",
            |counts, total, unseen| {
                counts.total += total;
                counts.unseen += unseen;
            },
        )?;
        alter(
            "SELECT mailbox, count(*), sum(flags & 32 = 0) FROM entry
             WHERE (mailbox, uid) IN (SELECT mailbox, uid FROM fold) GROUP BY mailbox",
            |counts, total, unseen| {
                counts.total = counts.total.saturating_sub(total);
                counts.unseen = counts.unseen.saturating_sub(unseen);
            },
        )?;
        alter(
            "SELECT mailbox, sum(state IN ('waiting', 'asked')),
                 sum(state IN ('refused', 'superseded')) FROM operation GROUP BY mailbox",
            |counts, waiting, refused| {
                counts.waiting = waiting;
                counts.refused = refused;
            },
        )?;
        Ok(counts)
    }
}
