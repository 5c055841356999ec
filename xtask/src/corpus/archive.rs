//! Collections as they are kept: folders, or `.tar.xz` that are unpacked below the build folder and removed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::{Context, Result};

use crate::programs::{succeed, target};

/// Every file of a folder or an archive, by its path in it, in order.
pub(super) fn files(path: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    with(path, gathered)
}

/// Does something with a folder, or with an archive as a folder.
pub(super) fn with<T>(path: &Path, work: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    if path.is_dir() {
        return work(path);
    }
    let folder = target()?.join(format!("corpus-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let done = succeed(Command::new("tar").arg("-xJf").arg(path).arg("-C").arg(&folder))
        .and_then(|()| work(&folder));
    fs::remove_dir_all(&folder)?;
    done
}

fn gathered(root: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path: PathBuf = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            found.push((name, fs::read(&path).context(|| path.display().to_string())?));
        }
    }
    found.sort();
    Ok(found)
}
