//! What the servers wrote down: who tried to log in, what was asked by HTTP.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::{Context, Result};

/// How often somebody tried to log in, whether it worked or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoginAttempts {
    /// By IMAP.
    pub imap: usize,
    /// By submission.
    pub smtp: usize,
}

/// One HTTP request the web server saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// `http` or `https`.
    pub scheme: String,
    /// The host asked for, in lower case, without the port.
    pub host: String,
    /// Path and query.
    pub path: String,
    /// Whether it carried an Authorization field.
    pub authorization: bool,
}

/// The servers write their logs by way of other processes: read until nothing more comes.
pub(crate) fn login_attempts(path: &Path, count: impl Fn(&str) -> LoginAttempts) -> Result<LoginAttempts> {
    let read = || fs::read(path).context(|| format!("cannot read {}", path.display()));
    let mut text = read()?;
    loop {
        std::thread::sleep(Duration::from_millis(50));
        let again = read()?;
        if again.len() == text.len() {
            return Ok(count(&String::from_utf8_lossy(&text)));
        }
        text = again;
    }
}

/// One line for each attempt, `auth(USER,CLIENT,<SESSION>): Auth request finished`; Postfix asks without a session.
pub(crate) fn dovecot(log: &str, address: &str) -> LoginAttempts {
    let opening = format!(" auth({},", address.to_lowercase());
    let mut found = LoginAttempts::default();
    for line in log.lines().filter_map(|line| line.strip_suffix("): Auth request finished")) {
        if let Some(at) = line.find(&opening) {
            match line[at + opening.len()..].contains(",<") {
                true => found.imap += 1,
                false => found.smtp += 1,
            }
        }
    }
    found
}

/// `login: CLIENT USER MECHANISM User logged in` or `badlogin: CLIENT MECHANISM (USER) [REASON]`.
pub(crate) fn cyrus(log: &str, address: &str) -> usize {
    let address = address.to_lowercase();
    let (good, bad) = (format!(" {address} "), format!(" ({address}) "));
    let tried = |line: &&str| {
        line.contains(": login: ") && line.contains(&good)
            || line.contains(": badlogin: ") && line.contains(&bad)
    };
    log.lines().filter(tried).count()
}

/// A line is a user who tried.
pub(crate) fn courier(log: &str, address: &str) -> usize {
    log.lines().filter(|line| line.eq_ignore_ascii_case(address)).count()
}

pub(crate) fn requests(path: &Path) -> Result<Vec<Request>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    text.lines()
        .map(|line| {
            let json: serde_json::Value = serde_json::from_str(line)?;
            let word = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
            Ok(Request {
                method: word("method"),
                scheme: word("scheme"),
                host: word("host"),
                path: word("path"),
                authorization: json["authorization"].as_bool().unwrap_or(false),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_counted_for_one_user_and_by_protocol() {
        let log = "\
12:00 auth: Debug: auth(a@x.test,127.0.0.1,<P/exgFLd/AAAB>): Auth request finished
12:00 auth: Debug: auth(a@x.test,127.0.0.1): Auth request finished
12:00 auth: Debug: auth(a@x.test,127.0.0.1,<Q>): Auth request finished
12:00 auth: Debug: auth(aa@x.test,127.0.0.1,<R>): Auth request finished
12:00 auth: Debug: passwd-file(a@x.test,127.0.0.1): Finished passdb lookup
";
        assert_eq!(dovecot(log, "A@x.test"), LoginAttempts { imap: 2, smtp: 1 });
        assert_eq!(dovecot(log, "b@x.test"), LoginAttempts::default());
    }
}
