//! A person at a machine of their own: an address, a data directory, and the program.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use testkit::lab::{Lab, Mode, PASSWORD};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_restante");

/// No command may take longer than this: a person would have given up. Who moves 20,000 messages in a debug build
/// has more patience.
fn patience() -> Duration {
    let many = std::env::var_os("RESTANTE_MOVE_MESSAGES").is_some();
    Duration::from_secs(if many { 900 } else { 45 })
}

/// A user of the laboratory with a restante of their own.
pub(crate) struct Person {
    pub(crate) lab: Lab,
    pub(crate) address: String,
    home: TempDir,
}

/// What a command did.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Person {
    /// Somebody at `domain` who has not set up anything yet.
    pub(crate) fn new(domain: &str) -> Self {
        let lab = Lab::current();
        let address = lab.fresh_user(domain);
        Self::named(lab, address)
    }

    /// As [`Person::new`], with an address of one's own choice.
    pub(crate) fn named(lab: Lab, address: String) -> Self {
        Self { lab, address, home: tempfile::tempdir().unwrap() }
    }

    /// Somebody at `autoconfig.test` with a working account. The servers are given, which is the quickest way.
    pub(crate) fn set_up() -> Self {
        let person = Self::new("autoconfig.test");
        person.add_account(&person.address);
        person
    }

    /// The same account on another machine: a data directory that knows nothing yet.
    pub(crate) fn elsewhere(&self) -> Self {
        let other = Self::named(self.lab.clone(), self.address.clone());
        other.add_account(&other.address);
        other
    }

    /// Sets up an account with the servers of `autoconfig.test`.
    pub(crate) fn add_account(&self, address: &str) {
        self.run_with(
            format!("{PASSWORD}\n"),
            &[
                "setup",
                address,
                "--password-stdin",
                "--imap=imap.autoconfig.test",
                "--smtp=smtp.autoconfig.test",
            ],
        )
        .succeeded();
    }

    /// Where mail, settings and secrets of this person are.
    pub(crate) fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// This person's home directory.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The program with these arguments, in a clean environment.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        self.command_of(Path::new(PROGRAM), args)
    }

    /// As [`Person::command`], for the program under another name.
    pub(crate) fn command_of<S: AsRef<OsStr>>(&self, program: &Path, args: &[S]) -> Command {
        let mut command = Command::new(program);
        self.at_home(&mut command);
        command
            .env("RESTANTE_DATA_DIR", self.data())
            .env("SSL_CERT_FILE", self.lab.ca_file())
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // Where the laboratory has no network of its own, only its own name server knows its names.
        if self.lab.mode() == Mode::Host {
            command.arg(format!("--dns={}", self.lab.dns()));
        }
        command
    }

    /// Nothing of the developer's own settings reaches the program.
    pub(crate) fn at_home(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("XDG_CONFIG_HOME", self.home.path().join("config"))
            .env("XDG_DATA_HOME", self.home.path().join("share"))
            .env("XDG_STATE_HOME", self.home.path().join("state"))
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("NO_COLOR", "1")
            .current_dir(self.home.path());
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with("", args)
    }

    /// Runs the program with something on standard input.
    pub(crate) fn run_with(&self, input: impl AsRef<[u8]>, args: &[&str]) -> Ran {
        finish(self.command(args), input.as_ref())
    }

    /// What a command prints as text; it must succeed.
    pub(crate) fn text(&self, args: &[&str]) -> String {
        self.run(args).succeeded().text()
    }

    /// The document a command prints with `--json`; it must succeed.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        self.run(&[args, &["--json"]].concat()).succeeded().document()
    }

    /// The error a command ends with under `--json`: its exit code, and the object inside `error`.
    pub(crate) fn error(&self, args: &[&str]) -> (i32, Value) {
        self.run(&[args, &["--json"]].concat()).error()
    }

    /// Starts the program and does not wait.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        let mut command = self.command(args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Running(command.spawn().unwrap())
    }

    /// One sync as JSON.
    pub(crate) fn sync(&self) -> Value {
        self.json(&["sync"])
    }

    /// Everything that is listed, one value a message.
    pub(crate) fn list(&self, query: &[&str]) -> Vec<Value> {
        let ran = self.run(&[&["list", "-n", "100000", "--jsonl"], query].concat());
        assert!(ran.status == 0 || ran.status == 1 && ran.stdout.is_empty(), "{ran}");
        let messages: Vec<Value> =
            ran.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let document =
            serde_json::json!({"schema": "restante/list/1", "total": messages.len(), "messages": messages});
        hold_against_schema(&document, "list");
        messages
    }

    /// How many messages fit a query.
    pub(crate) fn count(&self, query: &[&str]) -> u64 {
        let ran = self.run(&[&["count", "--json"], query].concat());
        let total = ran.document()["total"].as_u64().unwrap();
        assert_eq!(ran.status, i32::from(total == 0), "{ran}");
        total
    }

    /// The id of the only message that fits.
    pub(crate) fn only(&self, query: &[&str]) -> String {
        let text = self.text(&[&["list", "--ids"], query].concat());
        let ids: Vec<&str> = text.lines().collect();
        assert_eq!(ids.len(), 1, "{query:?} fits {ids:?}");
        ids[0].to_owned()
    }

    /// Every octet of a message.
    pub(crate) fn raw(&self, id: &str) -> Vec<u8> {
        self.run(&["read", "--raw", id]).succeeded().stdout
    }

    /// The Maildir of this person's INBOX, or of another mailbox.
    pub(crate) fn maildir(&self, mailbox: &str) -> PathBuf {
        let root = self.lab.state().home(&self.address).join("Maildir");
        if mailbox == "INBOX" { root } else { root.join(format!(".{}", mailbox.replace('/', "."))) }
    }
}

impl Ran {
    /// Fails unless the command succeeded.
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.status, 0, "{self}");
        self
    }

    /// Standard output, which must be UTF-8.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }

    /// Standard output as a document, held against its schema.
    pub(crate) fn document(&self) -> Value {
        let document: Value =
            serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"));
        let name = document["schema"].as_str().unwrap_or_else(|| panic!("no schema: {self}"));
        let (name, version) = name.strip_prefix("restante/").and_then(|name| name.split_once('/')).unwrap();
        assert_eq!(version, "1");
        assert!(self.stdout.starts_with(b"{\n  \"schema\":"), "the schema comes first: {self}");
        hold_against_schema(&document, name);
        document
    }

    /// The error on standard error, held against its schema; standard output must be empty.
    pub(crate) fn error(&self) -> (i32, Value) {
        assert_ne!(self.status, 0, "{self}");
        assert!(self.stdout.is_empty(), "{self}");
        (self.status, self.complaint())
    }

    /// The error on standard error, whatever is on standard output.
    pub(crate) fn complaint(&self) -> Value {
        let document: Value =
            serde_json::from_str(&self.stderr).unwrap_or_else(|error| panic!("{error}: {self}"));
        hold_against_schema(&document, "error");
        document["error"].clone()
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stdout = String::from_utf8_lossy(&self.stdout);
        write!(f, "exit {}\n--- stdout\n{stdout}\n--- stderr\n{}", self.status, self.stderr)
    }
}

/// A command that runs beside the test. It is killed at the latest when the test ends.
pub(crate) struct Running(Child);

impl Running {
    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Its exit code, once it has ended.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.0.try_wait().unwrap().map(|status| status.code().unwrap_or(-1))
    }

    /// Kills it as `kill -9` does, and waits until it is gone. Gives whether it was still running.
    pub(crate) fn kill(&mut self) -> bool {
        let ran = self.ended().is_none();
        self.0.kill().unwrap();
        self.0.wait().unwrap();
        ran
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a command to its end; kills it and fails when it takes too long.
pub(crate) fn finish(mut command: Command, input: &[u8]) -> Ran {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program that reads nothing closes the pipe, which is not what is tested.
    std::thread::spawn(move || stdin.write_all(&input));
    let stdout = collect(child.stdout.take().unwrap());
    let stderr = collect(child.stderr.take().unwrap());
    let (Ok(stdout), Ok(stderr)) = (stdout.recv_timeout(patience()), stderr.recv_timeout(patience())) else {
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("{command:?} did not end within {:?}", patience());
    };
    let status = child.wait().unwrap().code().unwrap_or(-1);
    Ran { status, stdout, stderr: String::from_utf8(stderr).unwrap() }
}

fn collect(mut stream: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        // The test may have given up meanwhile.
        let _ = sender.send(bytes);
    });
    receiver
}

/// Fails unless the document is as `restante schema NAME` says.
fn hold_against_schema(document: &Value, name: &str) {
    let printed = Command::new(PROGRAM).args(["schema", name]).output().unwrap();
    assert!(printed.status.success(), "there is no schema {name}");
    let schema: Value = serde_json::from_slice(&printed.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(document).map(|e| format!("{e} at {}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{name}: {errors:?}\n{document:#}");
}

/// What a sync said, by mailbox.
pub(crate) fn mailboxes(report: &Value) -> BTreeMap<String, [u64; 4]> {
    let rows = report["mailboxes"].as_array().unwrap();
    let number = |row: &Value, name: &str| row[name].as_u64().unwrap();
    rows.iter()
        .map(|row| {
            let numbers = ["new", "changed", "removed", "total"].map(|name| number(row, name));
            (row["name"].as_str().unwrap().to_owned(), numbers)
        })
        .collect()
}

/// New, changed, removed and total over all mailboxes.
pub(crate) fn sums(report: &Value) -> [u64; 4] {
    mailboxes(report).values().fold([0; 4], |mut sums, numbers| {
        for (sum, number) in sums.iter_mut().zip(numbers) {
            *sum += number;
        }
        sums
    })
}
