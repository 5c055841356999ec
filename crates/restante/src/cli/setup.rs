//! `restante setup`

use super::context::{Context, now};
use super::error::Failure;
use super::output::print;
use super::prompt::Prompt;
use super::steps::{Checklist, found, read_password};
use clap::Args;
use restante_core::Secret;
use restante_core::diagnosis::Finding;
use restante_core::mail::Address;
use restante_core::settings::{Authentication, Candidate, Protocol, Security, Settings, Source};
use restante_engine::account::{Account, SecretPlace};
use restante_engine::discover::{DiscoverOptions, discover};
use restante_engine::net::Network;
use restante_engine::setup::verify;
use restante_engine::{Error, Steps, secrets, submit};
use restante_store::{Store, StoreError};
use serde::Serialize;
use std::process::ExitCode;

/// Find, verify and save an account: two questions, the address and the password.
///
/// The settings are found from the address alone. Nothing is saved before reading and sending were both
/// tried; the password goes once to the IMAP server and once to the submission server, nowhere else, after their
/// certificates were verified.
#[derive(Debug, Args)]
pub(super) struct Setup {
    /// Your e-mail address.
    address: Option<String>,
    /// Your name, as people you write to see it.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Read the password from the first line of standard input.
    #[arg(long)]
    password_stdin: bool,
    /// Run this command whenever the password is needed; it is stored, the password is not.
    #[arg(long, value_name = "CMD", conflicts_with = "password_stdin")]
    password_command: Option<String>,
    /// The server for reading, when it is known.
    #[arg(long, value_name = "HOST[:PORT][/tls|starttls]")]
    imap: Option<String>,
    /// The server for sending, when it is known.
    #[arg(long, value_name = "HOST[:PORT][/tls|starttls]")]
    smtp: Option<String>,
    /// The user name, when it is not the one that was found.
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// How to log in: automatic, password, cram-md5, scram-sha-256.
    #[arg(long, value_name = "METHOD", default_value = "automatic")]
    auth: String,
    /// Use settings that nobody vouches for without asking.
    #[arg(long)]
    accept_untrusted: bool,
    /// Try everything and save nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    account: &'a str,
    settings: Chosen<'a>,
    saved: bool,
    findings: &'a [Finding],
    questions: u32,
}

#[derive(Serialize)]
struct Chosen<'a> {
    source: Source,
    imap: &'a Settings,
    smtp: Option<&'a Settings>,
}

impl Setup {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        if context.global.read_only && !self.dry_run {
            return Err(Failure::Usage("setup saves an account, and --read-only was given".to_owned()));
        }
        let mut prompt = Prompt::default();
        let typed = match &self.address {
            Some(address) => address.clone(),
            None => prompt.line("E-mail address:", "give it on the command line")?,
        };
        let address = Address::parse(&typed).map_err(|error| Failure::Usage(error.to_string()))?;
        let authentication = authentication(&self.auth)?;
        if self.name.as_deref().is_some_and(|name| name.contains(char::is_control)) {
            return Err(Failure::Usage("--name has a line break or another control character".to_owned()));
        }
        let network = context.network()?;
        let checklist = Checklist::new(context);
        context.block_on(async {
            let mut candidate = self.candidate(&network, &address, &checklist).await?;
            self.override_with(&mut candidate, &authentication);
            if !candidate.trusted && !self.accept_untrusted {
                accept(&mut prompt, &candidate)?;
            }
            let (secret, place) = self.secret(&mut prompt, &address)?;
            let mut steps = Steps::new(|step| checklist.step(step));
            let (imap, smtp) = usable(&candidate);
            let verified = verify(&network, &imap, &smtp, &address, &secret, &mut steps).await?;
            let findings = steps.notes().to_vec();
            drop(steps);
            let account = Account {
                name: context.global.account.clone().unwrap_or_else(|| address.to_string()),
                address,
                display_name: self.name.clone().unwrap_or_default(),
                imap: verified.imap,
                smtp: verified.smtp,
                source: candidate.source,
                secret: place,
            };
            if !self.dry_run {
                save(context, &account, &secret)?;
                release(context, &account)?;
            }
            self.report(context, &account, &findings, prompt.asked())
        })
    }

    /// What is to be tried: given, or found.
    async fn candidate(
        &self,
        network: &Network,
        address: &Address,
        checklist: &Checklist,
    ) -> Result<Candidate, Failure> {
        let username = self.username.clone().unwrap_or_else(|| address.to_string());
        let given = |text: &Option<String>, protocol| {
            text.as_deref().map(|text| service(text, protocol, &username)).transpose()
        };
        let (imap, smtp) = (given(&self.imap, Protocol::Imap)?, given(&self.smtp, Protocol::Smtp)?);
        if let (Some(imap), Some(smtp)) = (&imap, &smtp) {
            return Ok(Candidate {
                source: Source::Given,
                url: String::new(),
                trusted: true,
                why: "you gave these servers".to_owned(),
                incoming: vec![imap.clone()],
                outgoing: vec![smtp.clone()],
            });
        }
        let options = DiscoverOptions::default();
        let discovery = discover(network, address, &options, &mut |line| checklist.trace(line)).await;
        let mut candidate =
            match discovery.candidates.into_iter().find(|c| c.imap().is_some() || imap.is_some()) {
                Some(candidate) => candidate,
                None => {
                    let finding = discovery.findings.into_iter().next();
                    return Err(finding.map_or_else(
                        || Failure::Usage("no settings were found; give --imap and --smtp".to_owned()),
                        |finding| Error::from(finding).into(),
                    ));
                }
            };
        checklist.line(true, &found(&candidate));
        if let Some(imap) = imap {
            candidate.incoming = vec![imap];
        }
        if let Some(smtp) = smtp {
            candidate.outgoing = vec![smtp];
        }
        Ok(candidate)
    }

    fn override_with(&self, candidate: &mut Candidate, authentication: &[Authentication]) {
        for settings in candidate.incoming.iter_mut().chain(&mut candidate.outgoing) {
            if let Some(username) = &self.username {
                settings.username.clone_from(username);
            }
            if !authentication.is_empty() {
                settings.authentication = authentication.to_vec();
            }
        }
    }

    fn secret(&self, prompt: &mut Prompt, address: &Address) -> Result<(Secret, SecretPlace), Failure> {
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
        Ok((secret, SecretPlace::File))
    }

    fn report(
        &self,
        context: &Context,
        account: &Account,
        findings: &[Finding],
        questions: u32,
    ) -> Result<ExitCode, Failure> {
        if context.output.json {
            let chosen = Chosen { source: account.source, imap: &account.imap, smtp: account.smtp.as_ref() };
            let document = Document {
                account: &account.name,
                settings: chosen,
                saved: !self.dry_run,
                findings,
                questions,
            };
            context.output.document("setup", &document)?;
            return Ok(ExitCode::SUCCESS);
        }
        let done = if self.dry_run { "works; nothing was saved (--dry-run)" } else { "is set up" };
        let mut text = format!("{} {done}.\n", account.name);
        if !self.dry_run {
            text.push_str(&format!(
                "The password is kept: {}.\n",
                secrets::describe(&context.places, account)
            ));
            text.push_str("Next: `restante sync` fetches the mail.\n");
        }
        print(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The third question: only where nobody vouches for the settings.
fn accept(prompt: &mut Prompt, candidate: &Candidate) -> Result<(), Failure> {
    let hosts: Vec<String> =
        candidate.imap().into_iter().chain(candidate.smtp()).map(ToString::to_string).collect();
    let question = format!(
        "Your password would go to {}. Nobody vouches for these servers: {}.\nUse them?",
        hosts.join(" and "),
        candidate.why
    );
    if prompt.confirm(&question, "--accept-untrusted takes such settings")? {
        return Ok(());
    }
    Err(Failure::Usage(
        "nothing was sent and nothing saved; --imap and --smtp name servers you trust".to_owned(),
    ))
}

/// The services that may be tried: IMAP and SMTP, protected, in the candidate's order.
fn usable(candidate: &Candidate) -> (Vec<Settings>, Vec<Settings>) {
    let protected = |protocol| move |s: &&Settings| s.protocol == protocol && s.security != Security::None;
    (
        candidate.incoming.iter().filter(protected(Protocol::Imap)).cloned().collect(),
        candidate.outgoing.iter().filter(protected(Protocol::Smtp)).cloned().collect(),
    )
}

/// The configuration first: when it cannot be written, the password of an account that was there already
/// is as it was. When the secret cannot be written, the configuration is put back.
fn save(context: &Context, account: &Account, secret: &Secret) -> Result<(), Failure> {
    let mut accounts = context.accounts()?;
    let before = accounts.all().iter().find(|known| known.name == account.name).cloned();
    accounts.save(account.clone())?;
    let kept = match account.secret {
        SecretPlace::File => secrets::store(&context.places, &account.name, secret),
        // The password that a file held before is of no use any more.
        SecretPlace::Command(_) => secrets::forget(&context.places, &account.name),
    };
    if let Err(error) = kept {
        match before {
            Some(before) => accounts.save(before)?,
            None => accounts.remove(&account.name)?,
        }
        return Err(error.into());
    }
    Ok(())
}

/// Messages that waited for a login that works may go with the next sync.
fn release(context: &Context, account: &Account) -> Result<(), Failure> {
    if !context.places.data.join("mail.db").exists() {
        return Ok(());
    }
    let mut store = match Store::open(&context.places.data) {
        // Somebody is at work with the mail: `outbox retry` remains.
        Err(StoreError::Locked { .. }) => return Ok(()),
        other => other?,
    };
    if let Some(id) = store.view().find_account(&account.name)? {
        submit::release(&mut store, id, now())?;
    }
    Ok(())
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
