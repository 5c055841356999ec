//! Starting, finding, entering and ending a laboratory from outside.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::state::{State, uid};
use super::{Lab, VARIABLE};
use crate::{Context, Result};

const START: Duration = Duration::from_secs(30);

/// How far a laboratory is its own world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Own network, mounts and processes, as root.
    Namespace,
    /// The same without root; Postfix insists on root and is missing, and so are Cyrus and Courier.
    UserNamespace,
    /// Namespaces are refused: the servers use the host's loopback, and names resolve only by asking
    /// [`Lab::dns`]. Cyrus and Courier are missing.
    Host,
}

impl Mode {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::UserNamespace => "user-namespace",
            Self::Host => "host",
        }
    }

    /// The mode of this [`Mode::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Namespace, Self::UserNamespace, Self::Host].into_iter().find(|mode| mode.name() == name)
    }

    /// Whether mail can be sent.
    pub fn has_postfix(self) -> bool {
        self != Self::UserNamespace
    }

    /// Whether Cyrus and Courier run: they need root and mounts of their own.
    pub fn has_cyrus_and_courier(self) -> bool {
        self == Self::Namespace
    }

    fn unshare(self) -> &'static [&'static str] {
        match self {
            Self::Namespace => &["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"],
            Self::UserNamespace => &[
                "--user",
                "--map-current-user",
                "--keep-caps",
                "--net",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
            ],
            Self::Host => &[],
        }
    }

    fn choose() -> Result<Self> {
        let possible = |mode: Self| {
            Command::new("unshare")
                .args(mode.unshare())
                .arg("true")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        };
        match uid() {
            0 if possible(Self::Namespace) => Ok(Self::Namespace),
            0 => Ok(Self::Host),
            _ if possible(Self::UserNamespace) => Ok(Self::UserNamespace),
            _ => {
                Err("this system lets an ordinary user make no namespaces: run the same command with sudo"
                    .into())
            }
        }
    }
}

/// Starts a laboratory, or finds the one that runs already, and waits until every port answers.
///
/// `xtask` is the program whose hidden command `lab serve` calls [`super::serve`]. An `ephemeral` laboratory ends
/// with the thread that started it, whatever happens.
pub fn up(xtask: &Path, state: &State, name: &str, ephemeral: bool) -> Result<Lab> {
    if let Some(lab) = running(state) {
        return Ok(lab);
    }
    let mode = Mode::choose()?;
    state.reset()?;
    let log = fs::File::create(state.log())?;
    let mut words: Vec<OsString> = Vec::new();
    if ephemeral {
        // unshare ignores TERM; the holder wants TERM to take the servers with it.
        let end = if mode == Mode::Host { "TERM" } else { "KILL" };
        words.extend(["setpriv", "--pdeathsig", end].map(Into::into));
    }
    if mode != Mode::Host {
        words.push("unshare".into());
        words.extend(mode.unshare().iter().map(Into::into));
    }
    words.push(xtask.into());
    words.extend(["lab", "serve"].map(Into::into));
    words.extend([state.dir().into(), name.into(), mode.name().into()]);
    let (program, args) = words.split_first().ok_or("nothing to start")?;
    let mut child = Command::new(program)
        .args(args)
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context(|| format!("cannot start {}", program.display()))?;
    let pid = child.id();
    let started = start_time(pid).ok_or("the laboratory ended at once")?;
    fs::write(state.pid(), format!("{pid} {started}"))?;
    wait_until_described(&mut child, state)?;
    Lab::open(state.clone())
}

/// The laboratory with this state folder, when it runs.
pub fn running(state: &State) -> Option<Lab> {
    outer(state)?;
    Lab::open(state.clone()).ok()
}

/// Ends a laboratory and everything in it, and removes its state but for the logs. Gives whether one ran.
pub fn down(state: &State) -> Result<bool> {
    let Some(pid) = outer(state) else { return Ok(false) };
    let target = holder(pid).unwrap_or(pid);
    // With the first process of its namespace everything in it dies; on the host the holder ends its servers.
    kill(if target == pid { "TERM" } else { "KILL" }, target);
    if !ended(state, Duration::from_secs(4)) {
        kill("KILL", target);
        kill("KILL", pid);
        if !ended(state, Duration::from_secs(4)) {
            return Err(format!("process {pid} does not end").into());
        }
    }
    let _ = fs::remove_file(state.description());
    let _ = fs::remove_file(state.pid());
    let _ = fs::remove_dir_all(state.dir().join("home"));
    Ok(true)
}

/// Runs a command inside a laboratory and gives its exit code (128 + signal if it was killed).
pub fn run(lab: &Lab, command: &[OsString]) -> Result<i32> {
    let (program, args) = command.split_first().ok_or("no command to run")?;
    let here = std::env::current_dir()?;
    let mut process = match lab.mode() {
        Mode::Host => {
            let mut process = Command::new(program);
            process.args(args);
            process
        }
        mode => {
            let pid = outer(lab.state()).and_then(holder).ok_or("the laboratory has ended")?;
            let mut process = Command::new("nsenter");
            process.args(["--net", "--mount", "--pid", "--target"]).arg(pid.to_string());
            if mode == Mode::UserNamespace {
                process.args(["--user", "--preserve-credentials"]);
            }
            // Entering a mount namespace moves us to its root.
            process.arg("env").arg("-C").arg(here).arg(program).args(args);
            process
        }
    };
    process
        .env(VARIABLE, lab.state().dir())
        .env("SSL_CERT_FILE", lab.ca_file())
        .env("CARGO_NET_OFFLINE", "true")
        .env_remove("SSL_CERT_DIR");
    for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        process.env_remove(proxy);
    }
    let status = process.status().context(|| format!("cannot start {}", program.display()))?;
    Ok(status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1))
}

fn wait_until_described(child: &mut Child, state: &State) -> Result<()> {
    let deadline = Instant::now() + START;
    loop {
        if state.description().exists() {
            return Ok(());
        }
        let ended = child.try_wait()?;
        if ended.is_none() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        }
        let mut said = String::new();
        let folders = [state.dovecot(), state.postfix(), state.cyrus(), state.courier()];
        let logs = folders.into_iter().map(|folder| folder.join("log/out.log"));
        for path in std::iter::once(state.log()).chain(logs) {
            said.push_str(&fs::read_to_string(path).unwrap_or_default());
        }
        if ended.is_none() {
            down(state)?;
        }
        return Err(format!("the laboratory does not start; see {}\n{said}", state.dir().display()).into());
    }
}

/// The process that was started, if it is still the same one.
fn outer(state: &State) -> Option<u32> {
    let text = fs::read_to_string(state.pid()).ok()?;
    let (pid, started) = text.trim().split_once(' ')?;
    let pid = pid.parse().ok()?;
    (start_time(pid)? == started).then_some(pid)
}

/// The process inside the namespaces: unshare's only child, or the process itself where there are none.
fn holder(outer: u32) -> Option<u32> {
    let name = fs::read_to_string(format!("/proc/{outer}/comm")).ok()?;
    if name.trim() != "unshare" {
        return Some(outer);
    }
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        (stat_field(pid, 1)? == outer.to_string()).then_some(pid)
    })
}

/// When a process began, in clock ticks since boot: with the pid it names one process for ever.
fn start_time(pid: u32) -> Option<String> {
    // A process that has ended and was not yet waited for does not count.
    if stat_field(pid, 0)? == "Z" {
        return None;
    }
    stat_field(pid, 19)
}

/// A field of /proc/PID/stat, counted from the state, which follows the name in parentheses.
fn stat_field(pid: u32, index: usize) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after) = text.rsplit_once(')')?;
    after.split_whitespace().nth(index).map(str::to_owned)
}

fn ended(state: &State, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if outer(state).is_none() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

fn kill(signal: &str, pid: u32) {
    let _ =
        Command::new("kill").arg(format!("-{signal}")).arg(pid.to_string()).stderr(Stdio::null()).status();
}
