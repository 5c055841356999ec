//! Connections and migrations.

use crate::{StoreError, dir};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// The migrations of `mail.db`; `PRAGMA user_version` counts those applied.
const MAIL: [&str; 6] = [
    include_str!("migrations/mail_0001.sql"),
    include_str!("migrations/mail_0002.sql"),
    include_str!("migrations/mail_0003.sql"),
    include_str!("migrations/mail_0004.sql"),
    include_str!("migrations/mail_0005.sql"),
    include_str!("migrations/mail_0006.sql"),
];
/// The migrations of `search.db`. It can be made again, so only the last one does anything: it starts anew.
const SEARCH: [&str; 3] = ["", "", include_str!("migrations/search_0003.sql")];

/// Opens both databases for writing, made or migrated as needed.
pub(crate) fn open_writer(directory: &Path) -> Result<Connection, StoreError> {
    let (mail, search) = (directory.join("mail.db"), directory.join("search.db"));
    migrate(&mail, &MAIL)?;
    match migrate(&search, &SEARCH) {
        Ok(()) => {}
        // Whatever is wrong with the index, the mail is not in it.
        Err(StoreError::Database(error)) if is_broken(&error) => {
            dir::remove_database(&search)?;
            migrate(&search, &SEARCH)?;
        }
        // It is sound, as far as is known, and to make it again takes long.
        Err(error) => return Err(error),
    }
    let connection = Connection::open_with_flags(&mail, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    attach(&connection, &search)?;
    configure(&connection)?;
    // A commit survives the process; the file system is made to sync at a checkpoint and where it
    // matters more. An automatic checkpoint comes after 32 MB rather than 4.
    connection.execute_batch(
        "PRAGMA main.synchronous = NORMAL; PRAGMA search.synchronous = NORMAL;
         PRAGMA wal_autocheckpoint = 8000;
         PRAGMA main.journal_size_limit = 8388608; PRAGMA search.journal_size_limit = 8388608;",
    )?;
    Ok(connection)
}

/// Whether it is what the file holds that cannot be read.
fn is_broken(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase, Unknown};
    // The last is for tables that are not as they should be.
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase | Unknown))
}

/// Opens the index alone for writing. What is read of it while it is written is little, and read again from
/// the system's memory when it was given up.
pub(crate) fn open_index(directory: &Path) -> Result<Connection, StoreError> {
    let connection =
        Connection::open_with_flags(directory.join("search.db"), flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.execute_batch(
        "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 8000; PRAGMA journal_size_limit = 8388608;
         PRAGMA cache_size = -8000; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;",
    )?;
    Ok(connection)
}

/// Empties the index; it is to have the text of attachments or not. All or nothing.
pub(crate) fn empty_index(directory: &Path, documents: bool) -> Result<(), StoreError> {
    let mut connection = open_index(directory)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(SEARCH.last().copied().unwrap_or_default())?;
    transaction.execute("UPDATE progress SET documents = ?1", [documents])?;
    Ok(transaction.commit()?)
}

/// Opens both databases for reading.
pub(crate) fn open_reader(directory: &Path) -> Result<Connection, StoreError> {
    open_present(directory, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Opens both databases beside whoever is their writer.
pub(crate) fn open_beside(directory: &Path) -> Result<Connection, StoreError> {
    open_present(directory, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// Opens databases that are there and of this version's format.
fn open_present(directory: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    let (mail, search) = (directory.join("mail.db"), directory.join("search.db"));
    if !mail.exists() || !search.exists() {
        return Err(StoreError::Absent(directory.to_owned()));
    }
    let connection = Connection::open_with_flags(&mail, flags(access))?;
    attach(&connection, &search)?;
    configure(&connection)?;
    for (path, schema, known) in [(&mail, "main", MAIL.len()), (&search, "search", SEARCH.len())] {
        let found =
            connection.pragma_query_value(Some(schema), "user_version", |row| row.get::<_, i64>(0))?;
        let known = i64::try_from(known).unwrap_or(i64::MAX);
        if found > known {
            return Err(StoreError::Newer { path: path.clone(), found, known });
        }
        if found < known {
            return Err(StoreError::Older(path.clone()));
        }
    }
    Ok(connection)
}

/// Opens the mail database alone for reading, whatever the index is like.
pub(crate) fn open_mail(directory: &Path) -> Result<Connection, StoreError> {
    let mail = directory.join("mail.db");
    if !mail.exists() {
        return Err(StoreError::Absent(directory.to_owned()));
    }
    let connection = Connection::open_with_flags(&mail, flags(OpenFlags::SQLITE_OPEN_READ_ONLY))?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.execute_batch("PRAGMA cache_size = -8000; PRAGMA temp_store = MEMORY;")?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = i64::try_from(MAIL.len()).unwrap_or(i64::MAX);
    match found.cmp(&known) {
        std::cmp::Ordering::Equal => Ok(connection),
        std::cmp::Ordering::Less => Err(StoreError::Older(mail)),
        std::cmp::Ordering::Greater => Err(StoreError::Newer { path: mail, found, known }),
    }
}

/// Reads the index too, when there is one of this version's format.
pub(crate) fn attach_index(connection: &Connection, directory: &Path) -> Result<bool, StoreError> {
    let search = directory.join("search.db");
    if !search.exists() {
        return Ok(false);
    }
    attach(connection, &search)?;
    let found: i64 = connection.pragma_query_value(Some("search"), "user_version", |row| row.get(0))?;
    Ok(usize::try_from(found).ok() == Some(SEARCH.len()))
}

/// Opens both databases for reading beside the writer of the same process, with little memory: what is read
/// once, or here and there, is kept by the system anyway.
/// It may be the last that is closed, and only who may write can then write the log into the database: left as it is, each
/// later process would read all of it first.
pub(crate) fn open_helper(directory: &Path) -> Result<Connection, StoreError> {
    let connection = open_beside(directory)?;
    connection.execute_batch(
        "PRAGMA main.cache_size = -2000; PRAGMA search.cache_size = -500; PRAGMA query_only = ON;",
    )?;
    Ok(connection)
}

fn flags(access: OpenFlags) -> OpenFlags {
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn attach(connection: &Connection, search: &Path) -> Result<(), StoreError> {
    connection.busy_timeout(Duration::from_secs(10))?;
    let name = search.to_str().ok_or_else(|| {
        StoreError::io("open", search)(std::io::Error::other("the path is not valid Unicode"))
    })?;
    connection.execute("ATTACH ?1 AS search", [name])?;
    Ok(())
}

fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.set_prepared_statement_cache_capacity(128);
    // Plans do not depend on bound values. Without this, a partial index on a table makes SQLite prepare
    // statements on it again for each new value, which costs ten times what they do.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(
        "PRAGMA foreign_keys = ON; PRAGMA main.cache_size = -16000; PRAGMA search.cache_size = -16000;
         PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;",
    )?;
    Ok(())
}

/// Brings one database to the newest format, all steps in one transaction: a new one costs a few syncs, not a dozen.
fn migrate(path: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    dir::open_file(path)?;
    let mut connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    let done = usize::try_from(found).ok().filter(|done| *done <= migrations.len());
    let Some(done) = done else {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    };
    let missing = migrations.get(done..).unwrap_or_default();
    if missing.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for migration in missing {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    /// What is in a database, one statement an item, white space and comments aside.
    fn schema(connection: &Connection) -> Vec<String> {
        let mut statement = connection
            .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'words_%' AND name NOT LIKE 'sqlite_%' ORDER BY name")
            .unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.map(|sql| {
            let sql = sql.unwrap();
            let lines = sql.lines().map(|line| line.split("--").next().unwrap());
            let words = lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
            // A column that was added has no line of its own.
            words.replace(" ,", ",").replace(" )", ")").replace("( ", "(")
        })
        .collect()
    }

    #[test]
    fn the_documented_schema_is_the_one_the_migrations_make() {
        let text = include_str!("../../../docs/schema.sql");
        let (mail, search) = text.split_once("-- ==== search.db ====").unwrap();
        for (documented, migrations) in [(mail, &MAIL[..]), (search, &SEARCH[..])] {
            let (ours, theirs) =
                (Connection::open_in_memory().unwrap(), Connection::open_in_memory().unwrap());
            ours.execute_batch(documented).unwrap();
            migrations.iter().for_each(|migration| theirs.execute_batch(migration).unwrap());
            assert_eq!(schema(&ours), schema(&theirs));
        }
    }

    #[test]
    fn every_documented_column_has_a_comment() {
        let text = include_str!("../../../docs/schema.sql");
        for line in text.lines().filter(|l| l.starts_with("    ")) {
            let line = line.trim();
            let clause = ["PRIMARY KEY (", "UNIQUE (", "content ="].iter().any(|c| line.starts_with(c));
            assert!(clause || line.contains(" -- "), "no comment: {line}");
        }
    }

    #[test]
    fn a_newer_database_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        drop(Store::open(dir.path()).unwrap());
        let path = dir.path().join("mail.db");
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
        for error in [Store::open(dir.path()).err().unwrap(), crate::View::open(dir.path()).err().unwrap()] {
            assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
        }
    }
}
