//! Where a laboratory keeps its things.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::{Context, Result};

/// Names of unix sockets end at 107 bytes; the longest name below a state folder needs about 45 of them.
const LONGEST: usize = 60;

/// The folder of one laboratory. Everything it writes lies below.
#[derive(Clone, Debug)]
pub struct State {
    dir: PathBuf,
}

impl State {
    /// The folder itself, as it is; nothing is created.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The folder for the laboratory `name` of the build folder `target`.
    ///
    /// That is `target/lab/NAME`, unless the servers could not work there: a path too long for unix sockets, or
    /// a parent folder that the servers' own users may not enter. Then it is a link into the system's temporary
    /// folder.
    pub fn place(target: &Path, name: &str) -> Result<Self> {
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 24 || !name.chars().all(valid) {
            return Err(format!("a laboratory is named by 1 to 24 of a-z, 0-9, - and _, not {name:?}").into());
        }
        let parent = target.join("lab");
        fs::create_dir_all(&parent).context(|| format!("cannot create {}", parent.display()))?;
        let wanted = parent.join(name);
        if wanted.as_os_str().len() <= LONGEST && everybody_may_enter(&parent) {
            return Ok(Self { dir: wanted });
        }
        let dir = temporary(&parent)?.join(name);
        if fs::read_link(&wanted).ok().as_deref() != Some(dir.as_path()) {
            let _ = fs::remove_file(&wanted);
            symlink(&dir, &wanted).context(|| format!("cannot link {}", wanted.display()))?;
        }
        Ok(Self { dir })
    }

    /// Creates the folder, empty: what an earlier laboratory of this name left is removed.
    pub fn reset(&self) -> Result<()> {
        self.remove()?;
        fs::create_dir_all(&self.dir).context(|| format!("cannot create {}", self.dir.display()))
    }

    /// Removes the folder and all mail in it.
    pub fn remove(&self) -> Result<()> {
        match fs::remove_dir_all(&self.dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(format!("cannot remove {}: {error}", self.dir.display()).into())
            }
            _ => Ok(()),
        }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Certificates and their keys; `root.pem` is the one to trust.
    pub fn ca(&self) -> PathBuf {
        self.dir.join("ca")
    }

    /// One file for each zone, read anew for every question.
    pub fn zones(&self) -> PathBuf {
        self.dir.join("zones")
    }

    /// `web/HOST/PATH`: what HTTPS serves. `web-http` is the same for port 80.
    pub fn web(&self, scheme: &str) -> PathBuf {
        self.dir.join(if scheme == "https" { "web" } else { "web-http" })
    }

    /// One JSON line for each HTTP request.
    pub fn requests(&self) -> PathBuf {
        self.dir.join("requests.jsonl")
    }

    /// Dovecot's configuration, sockets and log.
    pub fn dovecot(&self) -> PathBuf {
        self.dir.join("dovecot")
    }

    /// Postfix's configuration, queue and log.
    pub fn postfix(&self) -> PathBuf {
        self.dir.join("postfix")
    }

    /// Cyrus's configuration, mail store, sockets and log.
    pub fn cyrus(&self) -> PathBuf {
        self.dir.join("cyrus")
    }

    /// Courier's settings, socket and logs. Its mail is in [`State::home`].
    pub fn courier(&self) -> PathBuf {
        self.dir.join("courier")
    }

    /// The answers that [`super::Lab::refuse_with`] ordered, a file for each user.
    pub(crate) fn refusals(&self) -> PathBuf {
        self.dir.join("refusals")
    }

    /// Where servers that are not installed are unpacked: shared by all laboratories beside this one, and kept.
    pub(crate) fn programs(&self) -> PathBuf {
        // No laboratory can have this name.
        self.dir.parent().unwrap_or(&self.dir).join(".servers")
    }

    /// `home/DOMAIN/USER/Maildir`, of Dovecot's and Courier's users.
    pub fn home(&self, address: &str) -> PathBuf {
        let (user, domain) = address.rsplit_once('@').unwrap_or((address, ""));
        self.dir.join("home").join(domain).join(user)
    }

    /// What the holder says, which is what to read when the laboratory does not start.
    pub fn log(&self) -> PathBuf {
        self.dir.join("holder.log")
    }

    /// Written once every port answers; describes the running laboratory.
    pub fn description(&self) -> PathBuf {
        self.dir.join("lab.json")
    }

    /// Which process holds the laboratory.
    pub fn pid(&self) -> PathBuf {
        self.dir.join("pid")
    }
}

/// Replaces a file as a whole, so that a reader sees the old or the new and nothing between.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<()> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let parent = path.parent().ok_or("a file needs a folder")?;
    fs::create_dir_all(parent).context(|| format!("cannot create {}", parent.display()))?;
    // A leading dot: whoever lists the folder meanwhile skips it.
    let scratch = parent.join(format!(".{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
    fs::write(&scratch, content).context(|| format!("cannot write {}", scratch.display()))?;
    fs::rename(&scratch, path).context(|| format!("cannot write {}", path.display()))
}

/// The user this process acts as.
pub fn uid() -> u32 {
    fs::metadata("/proc/self").map_or(u32::MAX, |meta| meta.uid())
}

fn everybody_may_enter(dir: &Path) -> bool {
    uid() != 0
        || dir
            .ancestors()
            .filter(|dir| !dir.as_os_str().is_empty())
            .all(|dir| fs::metadata(dir).is_ok_and(|meta| meta.permissions().mode() & 0o001 != 0))
}

/// A folder of ours in the system's temporary folder, one for each build folder.
fn temporary(parent: &Path) -> Result<PathBuf> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    parent.hash(&mut hasher);
    let dir = std::env::temp_dir().join(format!("restante-{}-{:08x}", uid(), hasher.finish() as u32));
    match fs::DirBuilder::new().mode(0o755).create(&dir) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(format!("cannot create {}: {error}", dir.display()).into());
        }
        _ => {}
    }
    let meta = fs::symlink_metadata(&dir).context(|| format!("cannot read {}", dir.display()))?;
    if !meta.is_dir() || meta.uid() != uid() {
        return Err(format!("{} belongs to somebody else", dir.display()).into());
    }
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use super::State;

    #[test]
    fn a_long_build_folder_gets_a_short_state_folder_and_a_link_to_it() {
        let temp = tempfile::tempdir().unwrap();
        let target = temp.path().join("a-very-long-name-for-a-build-folder/and-another-one/target");
        let state = State::place(&target, "x").unwrap();
        assert!(state.dir().as_os_str().len() <= super::LONGEST, "{state:?}");
        state.reset().unwrap();
        std::fs::write(state.dir().join("file"), "").unwrap();
        assert!(target.join("lab/x/file").exists());
        state.reset().unwrap();
        assert!(!target.join("lab/x/file").exists());
        state.remove().unwrap();
        std::fs::remove_dir(state.dir().parent().unwrap()).unwrap();
    }

    #[test]
    fn a_name_that_would_leave_the_folder_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        for name in ["", "..", "a/b", "a b", &"x".repeat(25)] {
            assert!(State::place(temp.path(), name).is_err(), "{name:?}");
        }
    }
}
