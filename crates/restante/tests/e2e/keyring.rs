//! Passwords in the system's keyring: GNOME Keyring on a bus of the test's own.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use testkit::lab::{PASSWORD, eventually};

use crate::person::{Person, Ran, finish};

/// A bus, and the keyring on it.
struct Desktop {
    bus: Child,
    address: String,
    keyring: Option<Child>,
    run: PathBuf,
}

impl Desktop {
    fn new(person: &Person) -> Self {
        let run = person.home().join("run");
        std::fs::create_dir_all(&run).unwrap();
        let mut command = Command::new("dbus-daemon");
        person.at_home(&mut command);
        let mut bus = command
            .args(["--session", "--nofork", "--nopidfile", "--print-address"])
            .env("XDG_RUNTIME_DIR", &run)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(bus.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { bus, address: address.trim().to_owned(), keyring: None, run }
    }

    /// Starts the keyring; with its password it is unlocked, and made when there is none.
    fn keyring(&mut self, person: &Person, password: Option<&str>) {
        self.end();
        let mut command = Command::new("gnome-keyring-daemon");
        person.at_home(&mut command);
        command
            .args(["--foreground", "--components=secrets"])
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .env("XDG_RUNTIME_DIR", &self.run)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if password.is_some() {
            command.arg("--unlock");
        }
        let mut keyring = command.spawn().unwrap();
        let mut stdin = keyring.stdin.take().unwrap();
        stdin.write_all(password.unwrap_or_default().as_bytes()).unwrap();
        drop(stdin);
        self.keyring = Some(keyring);
        eventually("the keyring is on the bus", || self.is_owned().then_some(())).unwrap();
    }

    fn is_owned(&self) -> bool {
        let asked = Command::new("dbus-send")
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .args(["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/"])
            .args(["org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"])
            .output()
            .unwrap();
        String::from_utf8_lossy(&asked.stdout).contains("boolean true")
    }

    fn end(&mut self) {
        if let Some(mut keyring) = self.keyring.take() {
            keyring.kill().unwrap();
            keyring.wait().unwrap();
            eventually("the keyring is gone", || (!self.is_owned()).then_some(())).unwrap();
        }
    }

    fn run(&self, person: &Person, input: &str, args: &[&str]) -> Ran {
        let mut command = person.command(args);
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address).env("XDG_RUNTIME_DIR", &self.run);
        finish(command, input.as_bytes())
    }

    fn json(&self, person: &Person, args: &[&str]) -> Value {
        self.run(person, "", &[args, &["--json"]].concat()).succeeded().document()
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for child in self.keyring.iter_mut().chain([&mut self.bus]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn setup(person: &Person, desktop: &Desktop, more: &[&str]) -> Ran {
    let args = ["setup", &person.address, "--password-stdin"];
    desktop.run(person, &format!("{PASSWORD}\n"), &[&args, more].concat()).succeeded()
}

fn is_in_a_file(folder: &Path, word: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_in_a_file(&path, word);
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes.windows(word.len()).any(|part| part == word.as_bytes())
    })
}

#[test]
fn a_password_goes_to_the_keyring_follows_a_rename_and_leaves_with_the_account() {
    let person = Person::new("autoconfig.test");
    let mut desktop = Desktop::new(&person);
    desktop.keyring(&person, Some("keyring"));
    let said = setup(&person, &desktop, &[]).text();
    assert!(said.contains("The password is kept: in the keyring of this system"), "{said}");
    let config = std::fs::read_to_string(person.data().join("config.toml")).unwrap();
    assert!(config.contains("password-in = \"keyring\""), "{config}");
    assert!(!is_in_a_file(person.home(), PASSWORD), "the password is in a file");
    assert_eq!(desktop.json(&person, &["account", "show"])["password_in"], "keyring");
    desktop.json(&person, &["sync"]);

    desktop.json(&person, &["account", "edit", "--rename=work"]);
    desktop.json(&person, &["sync"]);
    // The keyring ends and starts again: locked, and there is no desktop on which it could ask.
    desktop.keyring(&person, None);
    let (status, error) = desktop.run(&person, "", &["sync", "--json"]).error();
    let evidence = error["evidence"].as_str().unwrap();
    assert!(status == 78 && evidence.contains("the keyring is locked"), "{error}");
    // No bus at all, as in a login by ssh.
    let (status, error) = person.error(&["sync"]);
    let evidence = error["evidence"].as_str().unwrap();
    assert!(status == 78 && evidence.contains("no keyring can be reached"), "{error}");
    assert!(evidence.contains("account reauth work"), "{error}");

    desktop.keyring(&person, Some("keyring"));
    desktop.json(&person, &["sync"]);
    let config = std::fs::read_to_string(person.data().join("config.toml")).unwrap();
    desktop.run(&person, "", &["account", "remove", "work", "--yes"]).succeeded();
    std::fs::write(person.data().join("config.toml"), config).unwrap();
    let (_, error) = desktop.run(&person, "", &["sync", "--json"]).error();
    assert!(error["evidence"].as_str().unwrap().contains("no such password"), "{error}");
}

#[test]
fn a_keyring_that_takes_no_password_is_replaced_by_the_file_and_that_is_said() {
    let person = Person::new("autoconfig.test");
    let mut desktop = Desktop::new(&person);
    desktop.keyring(&person, Some("keyring"));
    desktop.keyring(&person, None);
    let ran = setup(&person, &desktop, &[]);
    assert!(ran.stderr.contains("the keyring is locked; the password goes to a file"), "{ran}");
    assert!(ran.text().contains("readable by you alone and not encrypted"), "{ran}");
    person.sync();

    // One that was named is not replaced.
    let other = Person::new("autoconfig.test");
    let args = ["setup", &other.address, "--password-stdin", "--keep-in=keyring", "--json"];
    let (status, error) = desktop.run(&other, &format!("{PASSWORD}\n"), &args).error();
    assert_eq!(status, 78, "{error}");
    assert!(!std::fs::read_to_string(other.data().join("config.toml")).unwrap().contains(&other.address));
}

#[test]
fn without_a_bus_or_on_one_that_is_silent_it_is_quietly_the_file() {
    let person = Person::new("autoconfig.test");
    let mut desktop = Desktop::new(&person);
    let path = person.home().join("nobody");
    desktop.address = format!("unix:path={}", path.display());
    for silent in [false, true] {
        // Somebody takes the connection and never says a word.
        let _listener = silent.then(|| std::os::unix::net::UnixListener::bind(&path).unwrap());
        let ran = setup(&person, &desktop, &["--json"]);
        assert_eq!(ran.stderr, "", "silent: {silent}");
        assert_eq!(person.json(&["account", "show"])["password_in"], "file");
    }
    person.sync();
}

#[test]
fn a_password_moves_into_the_keyring_and_back() {
    let person = Person::set_up();
    let secret = person.data().join("secrets").join(&person.address);
    let mut desktop = Desktop::new(&person);
    desktop.keyring(&person, Some("keyring"));
    let before = person.lab.login_attempts(&person.address).unwrap();
    let changed = desktop.json(&person, &["account", "edit", "--keep-in=keyring"]);
    assert_eq!(changed["changed"], serde_json::json!(["password"]));
    assert!(!secret.exists());
    assert_eq!(person.lab.login_attempts(&person.address).unwrap(), before, "no server is asked");
    desktop.json(&person, &["sync"]);
    desktop.json(&person, &["account", "edit", "--keep-in=file"]);
    assert!(secret.exists());
    person.sync();
}
