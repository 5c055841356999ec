//! What a person may say about an account beside its address: servers, user name, password, trust. The
//! same options wherever an account is tried.

use super::discover::DiscoveryArgs;
use super::error::Failure;
use super::prompt::Prompt;
use super::steps::{Checklist, read_password};
use clap::Args;
use restante_core::Secret;
use restante_core::diagnosis::{Finding, password_notes, ungrouped};
use restante_core::mail::Address;
use restante_core::settings::{Authentication, Candidate, Fingerprint, Protocol, Security, Settings, Source};
use restante_engine::account::{Account, SecretPlace, Value};
use restante_engine::discover::discover;
use restante_engine::net::Network;
use restante_engine::{Error, secrets};

/// Options of every command that tries an account.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Given {
    /// Read the password from the first line of standard input.
    #[arg(long)]
    password_stdin: bool,
    /// Get the password from this command. What is saved of it is the command, never the password.
    #[arg(long, value_name = "CMD", conflicts_with = "password_stdin")]
    password_command: Option<String>,
    /// The server for reading, when it is known.
    #[arg(long, value_name = "HOST[:PORT][/tls|starttls]")]
    imap: Option<String>,
    /// The server for sending, when it is known.
    #[arg(long, value_name = "HOST[:PORT][/tls|starttls]")]
    smtp: Option<String>,
    /// Leave sending out: reading only.
    #[arg(long, conflicts_with = "smtp")]
    pub(super) without_sending: bool,
    /// The user name, when it is not the one that was found.
    #[arg(long, value_name = "NAME")]
    pub(super) username: Option<String>,
    /// How to log in: automatic, password, cram-md5, scram-sha-256, oauthbearer, xoauth2.
    #[arg(long, value_name = "METHOD")]
    auth: Option<String>,
    /// Use settings that nobody vouches for without asking.
    #[arg(long)]
    accept_untrusted: bool,
    /// Accept the certificate with this fingerprint from this account's servers, after comparing it. May be
    /// given more than once.
    #[arg(long, value_name = "sha256:HEX")]
    pub(super) pin: Vec<Fingerprint>,
    #[command(flatten)]
    discovery: DiscoveryArgs,
}

/// What is to be tried, and what was noticed while it was looked for.
pub(super) struct Found {
    pub(super) candidate: Candidate,
    pub(super) notes: Vec<Finding>,
}

impl From<Candidate> for Found {
    fn from(candidate: Candidate) -> Self {
        Self { candidate, notes: Vec::new() }
    }
}

impl Given {
    /// Only where the password is.
    pub(super) fn password(stdin: bool, command: Option<String>) -> Self {
        Self { password_stdin: stdin, password_command: command, ..Self::default() }
    }

    /// Whether the options say where the password is.
    pub(super) fn names_secret(&self) -> bool {
        self.password_stdin || self.password_command.is_some()
    }

    /// Whether a command gives the password.
    pub(super) fn has_command(&self) -> bool {
        self.password_command.is_some()
    }

    /// Values that were given in place of found ones.
    pub(super) fn values(&self) -> Vec<Value> {
        let given = [
            (Value::Imap, self.imap.is_some()),
            (Value::Smtp, self.smtp.is_some()),
            (Value::Username, self.username.is_some()),
            (Value::Authentication, self.auth.is_some()),
        ];
        given.into_iter().filter_map(|(value, is)| is.then_some(value)).collect()
    }

    /// What is to be tried for an address: the servers that were given, else what is found.
    pub(super) async fn candidate(
        &self,
        network: &Network,
        address: &Address,
        checklist: &Checklist,
    ) -> Result<Found, Failure> {
        let (imap, smtp) = self.servers(&address.to_string())?;
        let known = imap.is_some() && (smtp.is_some() || self.without_sending);
        let Found { mut candidate, notes } = match known {
            true => given_candidate().into(),
            false => self.search(network, address, imap.is_some(), checklist).await?,
        };
        if let Some(imap) = imap {
            candidate.incoming = vec![imap];
        }
        if let Some(smtp) = smtp {
            candidate.outgoing = vec![smtp];
        }
        self.adjust(&mut candidate)?;
        Ok(Found { candidate, notes })
    }

    /// An account's own servers, with what was given in their place.
    pub(super) fn of_account(&self, account: &Account) -> Result<Candidate, Failure> {
        let (mut imap, mut smtp) = self.servers(&account.imap.username)?;
        let pairs = [(&mut imap, Some(&account.imap)), (&mut smtp, account.smtp.as_ref())];
        for (given, stored) in pairs {
            let (Some(given), Some(stored)) = (given, stored) else { continue };
            *given = in_place_of(stored, given.clone());
        }
        let mut candidate = Candidate { source: account.source, ..given_candidate() };
        candidate.incoming = vec![imap.unwrap_or_else(|| account.imap.clone())];
        candidate.outgoing = smtp.or_else(|| account.smtp.clone()).into_iter().collect();
        self.adjust(&mut candidate)?;
        Ok(candidate)
    }

    /// The third question: only where nobody vouches for the settings. False when the person says no.
    pub(super) fn accepts(&self, prompt: &mut Prompt, candidate: &Candidate) -> Result<bool, Failure> {
        if candidate.trusted || self.accept_untrusted {
            return Ok(true);
        }
        let hosts: Vec<String> =
            candidate.imap().into_iter().chain(candidate.smtp()).map(ToString::to_string).collect();
        let question = format!(
            "Your password would go to {}. Nobody vouches for these servers: {}.\nUse them?",
            hosts.join(" and "),
            candidate.why
        );
        prompt.confirm(&question, "--accept-untrusted takes such settings")
    }

    /// The password, and where it is kept from now on.
    pub(super) fn secret(
        &self,
        prompt: &mut Prompt,
        address: &Address,
    ) -> Result<(Secret, SecretPlace), Failure> {
        if let Some(command) = &self.password_command {
            let secret = secrets::run(&address.to_string(), command)?;
            return Ok((secret, SecretPlace::Command(command.clone())));
        }
        let secret = if self.password_stdin {
            read_password()?
        } else {
            let instead = "use --password-stdin or --password-command";
            prompt.password(&format!("Password for {address}:"), instead)?
        };
        if secret.expose().is_empty() {
            return Err(Failure::Usage("the password is empty".to_owned()));
        }
        let secret = if self.password_stdin { secret } else { without_space(prompt, secret)? };
        Ok((secret, SecretPlace::File))
    }

    async fn search(
        &self,
        network: &Network,
        address: &Address,
        imap_is_known: bool,
        checklist: &Checklist,
    ) -> Result<Found, Failure> {
        let options = self.discovery.options(false);
        let discovery = discover(network, address, &options, &mut |line| checklist.trace(line)).await;
        let candidate = discovery.candidates.into_iter().find(|c| c.imap().is_some() || imap_is_known);
        let Some(candidate) = candidate else {
            let finding = discovery.findings.into_iter().next();
            return Err(finding.map_or_else(
                || Failure::Usage("no settings were found; give --imap and --smtp".to_owned()),
                |finding| Error::from(finding).into(),
            ));
        };
        Ok(Found { candidate, notes: discovery.findings })
    }

    fn servers(&self, username: &str) -> Result<(Option<Settings>, Option<Settings>), Failure> {
        let read = |text: &Option<String>, protocol| {
            text.as_deref().map(|text| service(text, protocol, username)).transpose()
        };
        Ok((read(&self.imap, Protocol::Imap)?, read(&self.smtp, Protocol::Smtp)?))
    }

    fn adjust(&self, candidate: &mut Candidate) -> Result<(), Failure> {
        if self.without_sending {
            candidate.outgoing.clear();
        }
        let authentication = self.auth.as_deref().map(authentication).transpose()?;
        for settings in candidate.incoming.iter_mut().chain(&mut candidate.outgoing) {
            if let Some(username) = &self.username {
                settings.username.clone_from(username);
            }
            if let Some(authentication) = &authentication {
                settings.authentication.clone_from(authentication);
            }
        }
        Ok(())
    }
}

/// Asks what to do about spaces that probably came with the copying. Nothing is changed without a yes.
fn without_space(prompt: &mut Prompt, secret: Secret) -> Result<Secret, Failure> {
    let better = match ungrouped(&secret) {
        Some(better) => better,
        None => Secret::new(secret.expose().trim()),
    };
    if better.expose() == secret.expose() || better.expose().is_empty() {
        return Ok(secret);
    }
    let seen: Vec<String> = password_notes(&secret).into_iter().map(|note| note.evidence).collect();
    let question = format!("Note: {}.\nSend it without this white space?", seen.join("; "));
    Ok(if prompt.confirm(&question, "use --password-stdin")? { better } else { secret })
}

/// The services of a candidate that may be tried: IMAP and SMTP, protected, in its order.
pub(super) fn usable(candidate: &Candidate) -> (Vec<Settings>, Vec<Settings>) {
    let protected = |protocol| move |s: &&Settings| s.protocol == protocol && s.security != Security::None;
    (
        candidate.incoming.iter().filter(protected(Protocol::Imap)).cloned().collect(),
        candidate.outgoing.iter().filter(protected(Protocol::Smtp)).cloned().collect(),
    )
}

/// A server that was given in place of a stored one: the user name stays, and where it is another port of the
/// same host, so does what is known about logging in there.
pub(super) fn in_place_of(stored: &Settings, given: Settings) -> Settings {
    let same = stored.host.eq_ignore_ascii_case(&given.host);
    let authentication = if same { stored.authentication.clone() } else { Vec::new() };
    Settings { username: stored.username.clone(), authentication, ..given }
}

pub(super) fn given_candidate() -> Candidate {
    Candidate {
        source: Source::Given,
        url: String::new(),
        trusted: true,
        why: "you gave these servers".to_owned(),
        incoming: Vec::new(),
        outgoing: Vec::new(),
    }
}

/// Reads `HOST[:PORT][/tls|starttls]`.
pub(super) fn service(text: &str, protocol: Protocol, username: &str) -> Result<Settings, Failure> {
    let bad = |what: &str| Failure::Usage(format!("`{text}` is no server: {what}"));
    let (rest, security) = match text.rsplit_once('/') {
        Some((rest, "tls")) => (rest, Some(Security::Tls)),
        Some((rest, "starttls")) => (rest, Some(Security::StartTls)),
        Some(_) => return Err(bad("after the / stands tls or starttls")),
        None => (text, None),
    };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (
            host,
            Some(port.parse::<u16>().ok().filter(|p| *p > 0).ok_or_else(|| bad("the port is no number"))?),
        ),
        _ => (rest, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@') {
        return Err(bad("the host name is missing or malformed"));
    }
    let (port, security) = match (protocol, port, security) {
        (_, Some(port), Some(security)) => (port, security),
        (_, Some(port @ (143 | 587 | 25)), None) => (port, Security::StartTls),
        (_, Some(port), None) => (port, Security::Tls),
        (Protocol::Smtp, None, Some(Security::Tls)) => (465, Security::Tls),
        (Protocol::Smtp, None, _) => (587, Security::StartTls),
        (_, None, Some(Security::StartTls)) => (143, Security::StartTls),
        (_, None, _) => (993, Security::Tls),
    };
    Ok(Settings {
        protocol,
        host: host.to_owned(),
        port,
        security,
        authentication: Vec::new(),
        username: username.to_owned(),
    })
}

fn authentication(word: &str) -> Result<Vec<Authentication>, Failure> {
    Ok(match word {
        "automatic" => Vec::new(),
        "password" => vec![Authentication::Password],
        "cram-md5" => vec![Authentication::CramMd5],
        "scram-sha-256" => vec![Authentication::ScramSha256],
        "oauthbearer" | "xoauth2" => vec![Authentication::OAuth2],
        other => return Err(Failure::Usage(format!("`{other}` is no way to log in that restante knows"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_given_in_short_and_in_full() {
        for (text, protocol, expected) in [
            ("imap.example.org", Protocol::Imap, "imap.example.org:993/tls"),
            ("imap.example.org:143", Protocol::Imap, "imap.example.org:143/starttls"),
            ("imap.example.org/starttls", Protocol::Imap, "imap.example.org:143/starttls"),
            ("smtp.example.org", Protocol::Smtp, "smtp.example.org:587/starttls"),
            ("smtp.example.org/tls", Protocol::Smtp, "smtp.example.org:465/tls"),
            ("127.0.0.1:1143/starttls", Protocol::Imap, "127.0.0.1:1143/starttls"),
            ("[::1]:993", Protocol::Imap, "::1:993/tls"),
            ("[::1]", Protocol::Imap, "::1:993/tls"),
            ("::1", Protocol::Imap, "::1:993/tls"),
        ] {
            assert_eq!(service(text, protocol, "u").unwrap().to_string(), expected, "{text}");
        }
        for text in ["", ":993", "a b", "x:0", "x:99999", "x/ssl"] {
            assert!(service(text, Protocol::Imap, "u").is_err(), "{text}");
        }
    }
}
