//! Where passwords come from, and where they go.
//!
//! In this order: the command the person named; a systemd credential called `restante.ACCOUNT`; a file
//! that only this person can read. A password is never in the configuration and never on a command line.

use crate::account::{Account, SecretPlace};
use crate::error::Error;
use crate::places::{self, Places};
use restante_core::Secret;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Reads an account's password.
///
/// # Errors
/// [`Error::Secret`] says what failed, never what was read.
pub fn load(places: &Places, account: &Account) -> Result<Secret, Error> {
    match &account.secret {
        SecretPlace::Command(command) => run(&account.name, command),
        SecretPlace::File => {
            let credential = std::env::var_os("CREDENTIALS_DIRECTORY")
                .map(|folder| PathBuf::from(folder).join(format!("restante.{}", file_name(&account.name))));
            for path in credential.into_iter().chain([file(places, &account.name)]) {
                if let Some(text) = places::read(&path)? {
                    return Ok(Secret::new(first_line(&text)));
                }
            }
            Err(Error::Secret {
                account: account.name.clone(),
                why: format!(
                    "{} does not exist; `restante setup {}` asks for the password again",
                    file(places, &account.name).display(),
                    account.address
                ),
            })
        }
    }
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

/// Puts a password into its file.
///
/// # Errors
/// When the file cannot be written.
pub fn store(places: &Places, account: &str, secret: &Secret) -> Result<(), Error> {
    places::replace(&file(places, account), format!("{}\n", secret.expose()).as_bytes())
}

/// Removes the file of a password, if there is one.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn forget(places: &Places, account: &str) -> Result<(), Error> {
    let path = file(places, account);
    match std::fs::remove_file(&path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(Error::File { path, source }),
        _ => Ok(()),
    }
}

/// Where the password lives, in one plain sentence.
#[must_use]
pub fn describe(places: &Places, account: &Account) -> String {
    match &account.secret {
        SecretPlace::Command(command) => format!("the command `{command}` prints it"),
        SecretPlace::File => {
            format!("in {}, readable by you alone and not encrypted", file(places, &account.name).display())
        }
    }
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
