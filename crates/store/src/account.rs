//! Accounts: identity only.

use crate::mailbox::drop_unreferenced;
use crate::{AccountId, Store, StoreError, View};
use rusqlite::OptionalExtension;

/// An account as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its identity in the store.
    pub id: AccountId,
    /// The name the person knows it by.
    pub name: String,
}

impl View {
    /// Every account, by name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT id, name FROM account ORDER BY name")?;
        let rows =
            statement.query_map([], |row| Ok(Account { id: AccountId(row.get(0)?), name: row.get(1)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The account of that name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn find_account(&self, name: &str) -> Result<Option<AccountId>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT id FROM account WHERE name = ?1")?;
        Ok(statement.query_row([name], |row| row.get(0).map(AccountId)).optional()?)
    }
}

impl Store {
    /// The account of that name, made when it is not there.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn account(&mut self, name: &str) -> Result<AccountId, StoreError> {
        if let Some(id) = self.find_account(name)? {
            return Ok(id);
        }
        self.write_durably(|transaction| {
            transaction.execute("INSERT INTO account (name) VALUES (?1)", [name])?;
            Ok(AccountId(transaction.last_insert_rowid()))
        })
    }

    /// Gives an account another name; its mail stays what it is. False when there is no account of the old
    /// name.
    ///
    /// # Errors
    /// The database cannot be written, or holds an account of the new name already.
    pub fn rename_account(&mut self, name: &str, new: &str) -> Result<bool, StoreError> {
        self.write_durably(|transaction| {
            let changed = transaction.execute("UPDATE account SET name = ?2 WHERE name = ?1", [name, new])?;
            Ok(changed > 0)
        })
    }

    /// Removes an account with everything of it: mailboxes, entries, operations, outbox, and messages
    /// no other account holds. The packs keep the octets until [`compact`](Self::compact), the databases until
    /// [`trim`](Self::trim); [`destroy`](Self::destroy) deletes the files.
    ///
    /// # Errors
    /// The database cannot be written. An account that is not there is no error.
    pub fn remove_account(&mut self, account: AccountId) -> Result<(), StoreError> {
        let gone = self.write_durably(|transaction| {
            let gone = drop_unreferenced(
                transaction,
                "SELECT position FROM entry WHERE mailbox IN (SELECT id FROM mailbox WHERE account = ?1)
                 UNION SELECT position FROM tombstone
                 WHERE mailbox IN (SELECT id FROM mailbox WHERE account = ?1)",
                account.0,
                |transaction| transaction.execute("DELETE FROM account WHERE id = ?1", [account.0]),
            )?;
            Ok(gone)
        })?;
        self.forget_words(&gone)
    }
}
