//! What tests need to end a process at a chosen commit, or to fill a disk.

use crate::{Store, StoreError};

impl Store {
    /// Calls `hook` before each commit of this writer from now on. When it gives true the commit fails and leaves
    /// nothing; when it ends the process, that ended between the commit before and this one.
    ///
    /// # Errors
    /// SQLite takes no hook.
    pub fn before_commit(&mut self, hook: impl FnMut() -> bool + Send + 'static) -> Result<(), StoreError> {
        Ok(self.desk.view.conn.commit_hook(Some(hook))?)
    }

    /// Lets the disk take so many more calls that write contents; then each fails with this error of the system.
    pub fn fail_contents(&mut self, calls: u32, errno: i32) {
        self.packs.fail_after(calls, errno);
    }

    /// Lets the mail database grow by so many pages of 4,096 octets; then its disk is full.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn limit_growth(&mut self, pages: u32) -> Result<(), StoreError> {
        let conn = &self.desk.view.conn;
        let now: u32 = conn.pragma_query_value(Some("main"), "page_count", |row| row.get(0))?;
        let sql = format!("PRAGMA main.max_page_count = {}", now.saturating_add(pages));
        conn.query_row(&sql, [], |row| row.get::<_, i64>(0))?;
        Ok(())
    }
}
