//! Private files and the lock that makes one process the writer.

use crate::{AccountId, StoreError};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

/// Makes a directory only its owner can enter. One that exists keeps its permissions.
pub(crate) fn make_dir(path: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(StoreError::io("create", path))
}

/// Opens a file for reading and writing, made only its owner's when it is not there. SQLite gives a
/// database's companions the permissions of the database.
pub(crate) fn open_file(path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(StoreError::io("open", path))
}

/// Makes the names in a directory durable, so that a new file is found after a power failure.
pub(crate) fn sync_dir(path: &Path) -> Result<(), StoreError> {
    #[cfg(unix)]
    File::open(path).and_then(|dir| dir.sync_all()).map_err(StoreError::io("sync", path))?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Becomes the writer of `dir` until the file is dropped, or the process ends in any way.
pub(crate) fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join("lock");
    let mut file = open_file(&path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // What cannot be read is as what was not written.
            let _ = file.read_to_string(&mut text);
            let mut lines = text.lines();
            let process = lines.next().and_then(|line| line.trim().parse().ok());
            let watched = lines.next().unwrap_or_default().split(' ');
            let watched = watched.filter_map(|word| word.parse().ok().map(AccountId)).collect();
            return Err(StoreError::Locked { dir: dir.to_owned(), process, watched });
        }
        Err(TryLockError::Error(source)) => return Err(StoreError::io("lock", &path)(source)),
    }
    write_lock(&mut file, &[]).map_err(StoreError::io("write", &path))?;
    Ok(file)
}

/// Writes into the lock who holds it, and in a second line which accounts that one keeps in step until it ends.
pub(crate) fn write_lock(file: &mut File, watched: &[AccountId]) -> std::io::Result<()> {
    let mut text = format!("{}\n", std::process::id());
    if !watched.is_empty() {
        let ids: Vec<String> = watched.iter().map(|account| account.0.to_string()).collect();
        text.push_str(&format!("{}\n", ids.join(" ")));
    }
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

/// Removes a database and its companions.
pub(crate) fn remove_database(path: &Path) -> Result<(), StoreError> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::io("remove", path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}
