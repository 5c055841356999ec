//! Where passwords come from, and where they go.
//!
//! In this order: the command the person named; the system's keyring; a systemd credential called
//! `restante.ACCOUNT`; a file that only this person can read. A password is never in the configuration and
//! never on a command line.

mod keyring;

use crate::account::{Account, SecretPlace};
use crate::error::Error;
use crate::places::{self, Places};
use keyring::{Entry, KeyringError};
use restante_core::Secret;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Reads an account's password.
///
/// # Errors
/// [`Error::Secret`] says what failed, never what was read.
pub fn load(places: &Places, account: &Account) -> Result<Secret, Error> {
    let keyring = match &account.secret {
        SecretPlace::Command(command) => return run(&account.name, command),
        SecretPlace::Keyring => match keyring::load(&entry(places, &account.name)) {
            Ok(secret) => return Ok(secret),
            Err(error) => Some(error),
        },
        SecretPlace::File => None,
    };
    for path in credential(&account.name).into_iter().chain([file(places, &account.name)]) {
        if let Some(text) = places::read(&path)? {
            return Ok(Secret::new(first_line(&text)));
        }
    }
    let what = match &keyring {
        Some(error) => error.to_string(),
        None => format!("{} does not exist", file(places, &account.name).display()),
    };
    let again = format!("`restante account reauth {}` asks for the password again", account.name);
    let why = match keyring {
        Some(KeyringError::Locked) => format!("{what}: unlock it at the desktop, or {again}"),
        _ => format!("{what}; {again}"),
    };
    Err(Error::Secret { account: account.name.clone(), why })
}

/// Reads a password from a command, as [`load`] does for an account that has one.
///
/// # Errors
/// [`Error::Secret`] with what the command said.
pub fn run(account: &str, command: &str) -> Result<Secret, Error> {
    let failed = |why: String| Error::Secret { account: account.to_owned(), why };
    let output = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::inherit())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(format!("`{command}` cannot be run: {error}")))?;
    if !output.status.success() {
        return Err(failed(format!("`{command}` ended with {}", output.status)));
    }
    let text = String::from_utf8(output.stdout)
        .map_err(|_| failed(format!("`{command}` printed something that is not UTF-8")))?;
    let line = first_line(&text);
    if line.is_empty() {
        return Err(failed(format!("`{command}` printed nothing")));
    }
    Ok(Secret::new(line))
}

/// The best place for a password nobody chose a place for: the keyring where one answers, else a file. May
/// take some seconds where something is wrong with the bus.
#[must_use]
pub fn best_place() -> SecretPlace {
    if keyring::is_there() { SecretPlace::Keyring } else { SecretPlace::File }
}

/// Puts an account's password where the account says it is; what a command prints is not put anywhere.
///
/// # Errors
/// [`Error::Secret`] when the keyring does not take it; [`Error::File`] when the file cannot be written.
pub fn store(places: &Places, account: &Account, secret: &Secret) -> Result<(), Error> {
    match &account.secret {
        SecretPlace::Command(_) => Ok(()),
        SecretPlace::Keyring => keyring::store(&entry(places, &account.name), secret)
            .map_err(|error| Error::Secret { account: account.name.clone(), why: error.to_string() }),
        SecretPlace::File => {
            let line = format!("{}\n", secret.expose());
            places::replace(&file(places, &account.name), line.as_bytes())
        }
    }
}

/// Removes the password that was kept at `place` under this name, if there is one.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn forget(places: &Places, account: &str, place: &SecretPlace) -> Result<(), Error> {
    match place {
        SecretPlace::Command(_) => Ok(()),
        SecretPlace::Keyring => keyring::forget(&entry(places, account))
            .map_err(|error| Error::Secret { account: account.to_owned(), why: error.to_string() }),
        SecretPlace::File => {
            let path = file(places, account);
            match std::fs::remove_file(&path) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    Err(Error::File { path, source })
                }
                _ => Ok(()),
            }
        }
    }
}

/// Copies a password to another account name, and leaves the old one. A password that is not there, as one
/// that systemd gives, is not copied.
///
/// # Errors
/// When the copy cannot be written.
pub fn copy(places: &Places, account: &Account, name: &str) -> Result<(), Error> {
    let secret = match &account.secret {
        SecretPlace::Command(_) => return Ok(()),
        SecretPlace::Keyring => load(places, account)?,
        SecretPlace::File => match places::read(&file(places, &account.name))? {
            Some(text) => Secret::new(first_line(&text)),
            None => return Ok(()),
        },
    };
    store(places, &Account { name: name.to_owned(), ..account.clone() }, &secret)
}

/// The kind of place a password lives in, as one word: `command`, `keyring`, `credential` or `file`.
#[must_use]
pub fn kind(account: &Account) -> &'static str {
    match &account.secret {
        SecretPlace::Command(_) => "command",
        SecretPlace::Keyring => "keyring",
        SecretPlace::File if credential(&account.name).is_some_and(|path| path.exists()) => "credential",
        SecretPlace::File => "file",
    }
}

/// Where the password lives, in one plain sentence.
#[must_use]
pub fn describe(places: &Places, account: &Account) -> String {
    match &account.secret {
        SecretPlace::Command(command) => format!("the command `{command}` prints it"),
        SecretPlace::Keyring => "in the keyring of this system, encrypted".to_owned(),
        SecretPlace::File => match credential(&account.name).filter(|path| path.exists()) {
            Some(path) => format!("systemd gives it to this service as the credential {}", path.display()),
            None => {
                let path = file(places, &account.name);
                format!("in {}, readable by you alone and not encrypted", path.display())
            }
        },
    }
}

fn entry<'a>(places: &'a Places, account: &'a str) -> Entry<'a> {
    Entry { account, folder: &places.config }
}

fn credential(account: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY")?;
    Some(PathBuf::from(folder).join(format!("restante.{}", file_name(account))))
}

fn file(places: &Places, account: &str) -> PathBuf {
    places.secrets().join(file_name(account))
}

/// An account's name as the name of a file: letters, digits and `@ . _ -` stay, the rest is coded.
fn file_name(account: &str) -> String {
    let mut name = String::new();
    for byte in account.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'@' | b'_' | b'-' => name.push(char::from(byte)),
            b'.' if !name.is_empty() => name.push('.'),
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    name
}

fn first_line(text: &str) -> &str {
    text.split(['\r', '\n']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_gives_its_first_line() {
        assert_eq!(run("a", "printf 'pass word \\nlogin: x\\n'").unwrap().expose(), "pass word ");
    }

    #[test]
    fn a_failing_command_is_named_and_its_output_is_not() {
        for (command, why) in [("echo hunter2; exit 3", "exit status: 3"), ("true", "printed nothing")] {
            let error = run("ann", command).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("ann"), "{error}");
        }
    }

    #[test]
    fn no_name_leaves_the_folder() {
        assert_eq!(file_name("../../etc/passwd"), "%2e%2e%2f..%2fetc%2fpasswd".replace("%2e%2e", "%2e."));
        assert_eq!(file_name("ann@example.org"), "ann@example.org");
    }
}
