//! Programs that must not be installed: Debian's IMAP servers exclude each other, so the second and the third are
//! only unpacked, and kept for every later laboratory; a browser likewise.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::program;
use super::state::{State, uid};
use crate::{Context, Result};

/// A server's name, what proves that it is there, and the Debian packages that bring it.
const SERVERS: [(&str, &str, &[&str]); 2] = [
    ("cyrus", "usr/lib/cyrus/bin/imapd", &["cyrus-imapd", "libsasl2-modules-sql"]),
    ("courier", "usr/bin/imapd", &["courier-imap"]),
];

/// Where a server was unpacked, with the libraries that this system does not have.
#[derive(Clone, Debug)]
pub(crate) struct Programs(PathBuf);

impl Programs {
    /// The folder of `cyrus` or `courier`.
    pub(crate) fn of(state: &State, server: &str) -> Self {
        Self(state.programs().join(server))
    }

    /// A program by its path from the root of the system, without the first slash.
    pub(crate) fn path(&self, program: &str) -> PathBuf {
        self.0.join(program)
    }

    /// `LD_LIBRARY_PATH` for its libraries.
    pub(crate) fn libraries(&self) -> String {
        self.folders(&["usr/lib", "lib"], "").join(":")
    }

    /// The same with a folder below those that has libraries too.
    pub(crate) fn libraries_with(&self, below: &str) -> String {
        let mut found = self.folders(&["usr/lib", "lib"], "");
        found.extend(self.folders(&["usr/lib"], below));
        found.join(":")
    }

    /// `SASL_PATH` for its login mechanisms: its own, and those of the system that it does not bring.
    pub(crate) fn sasl(&self) -> String {
        let mut found = self.folders(&["usr/lib"], "sasl2");
        if found.iter().any(|folder| Path::new(folder).join("libscram.so").exists()) {
            return found.join(":");
        }
        for entry in fs::read_dir("/usr/lib").into_iter().flatten().flatten() {
            let folder = entry.path().join("sasl2");
            if folder.is_dir() {
                found.push(folder.display().to_string());
            }
        }
        found.join(":")
    }

    /// `PARENT` and `PARENT/ARCHITECTURE`, with `below` appended, where they exist.
    fn folders(&self, parents: &[&str], below: &str) -> Vec<String> {
        let mut found = Vec::new();
        for parent in parents {
            let parent = self.0.join(parent);
            let children = fs::read_dir(&parent).into_iter().flatten().flatten().map(|entry| entry.path());
            let named = |path: &PathBuf| path.to_string_lossy().contains("linux-gnu");
            for folder in std::iter::once(parent.clone()).chain(children.filter(named)) {
                let folder = folder.join(below);
                if folder.is_dir() {
                    found.push(folder.display().to_string().trim_end_matches('/').to_owned());
                }
            }
        }
        found
    }
}

/// Fetches and unpacks the servers that are missing next to `state`. Nothing is installed or started.
///
/// # Errors
/// When the packages can be neither found nor fetched.
pub fn unpack(state: &State) -> Result<()> {
    let place = state.programs();
    for (server, proof, packages) in SERVERS {
        if !place.join(server).join(proof).exists() {
            eprintln!("unpacking {}", packages.join(" "));
            fetch(&place, server, packages)
                .context(|| format!("the laboratory needs {server}, from Debian's {}", packages.join(" ")))?;
            if !place.join(server).join(proof).exists() {
                return Err(format!("the package of {server} holds no {proof}").into());
            }
        }
    }
    Ok(())
}

pub(super) fn fetch(place: &Path, server: &str, packages: &[&str]) -> Result<()> {
    if !program(Path::new("/"), "apt-get") {
        return Err("there is no apt-get here".into());
    }
    let wanted = match closure(packages) {
        Ok(wanted) => wanted,
        // A system that was just installed knows no packages yet.
        Err(_) => {
            update()?;
            closure(packages)?
        }
    };
    // Beside its place, so that it is whole once it is there; two laboratories may do this at once.
    let work = place.join(format!(".{server}-{}", std::process::id()));
    let (debs, tree) = (work.join("debs"), work.join("tree"));
    for folder in [&debs, &tree] {
        fs::create_dir_all(folder).context(|| format!("cannot create {}", folder.display()))?;
    }
    for folder in [place, &tree] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    }
    let download = || {
        let mut command = Command::new("apt-get");
        command.args(["download", "-q"]).args(&wanted).current_dir(&debs);
        quietly(&mut command)
    };
    if download().is_err() {
        // The list may name versions that are no longer kept.
        update()?;
        download()?;
    }
    for entry in fs::read_dir(&debs)? {
        quietly(Command::new("dpkg-deb").arg("-x").arg(entry?.path()).arg(&tree))?;
    }
    let target = place.join(server);
    if let Err(error) = fs::rename(&tree, &target) {
        // Somebody else was first.
        if !target.exists() {
            return Err(format!("cannot create {}: {error}", target.display()).into());
        }
    }
    fs::remove_dir_all(&work)?;
    Ok(())
}

/// The packages and everything they need that is not installed here.
fn closure(packages: &[&str]) -> Result<Vec<String>> {
    let mut command = Command::new("apt-get");
    command.args(["install", "--simulate", "--no-install-recommends"]).args(packages).env("LC_ALL", "C");
    let said = quietly(&mut command)?;
    let names =
        said.lines().filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next().map(str::to_owned));
    // What is only for developers comes along when it must have the version of a library, and is large.
    let names: Vec<String> = names.filter(|name| !name.ends_with("-dev")).collect();
    if names.is_empty() { Err("apt-get names no packages".into()) } else { Ok(names) }
}

fn update() -> Result<()> {
    let mut command = Command::new(if uid() == 0 { "apt-get" } else { "sudo" });
    if uid() != 0 {
        command.args(["-n", "apt-get"]);
    }
    quietly(command.args(["update", "-q"])).map(drop)
}

/// Runs a command; its output is shown only when it fails.
fn quietly(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_owned();
    let output = command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .context(|| format!("cannot start {}", program.display()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{} {}: {}", program.display(), output.status, said.trim()).into())
}
