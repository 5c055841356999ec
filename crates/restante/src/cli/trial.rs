//! Trying an account until it works, or until the person has had enough: what `setup`, `account edit` and
//! `account reauth` have in common.

use super::error::Failure;
use super::given::{Found, Given, given_candidate, service, usable};
use super::prompt::Prompt;
use super::steps::Checklist;
use super::wrap::wrapped;
use restante_core::Secret;
use restante_core::diagnosis::Finding;
use restante_core::mail::Address;
use restante_core::message::clean;
use restante_core::settings::{Candidate, Fingerprint, Protocol, Settings, Source};
use restante_engine::account::{SecretPlace, Value};
use restante_engine::net::Network;
use restante_engine::setup::verify;
use restante_engine::{Error, Steps};
use std::collections::BTreeSet;

/// One account being tried.
pub(super) struct Trial<'a> {
    pub(super) network: &'a Network,
    pub(super) checklist: &'a Checklist,
    pub(super) prompt: &'a mut Prompt,
    pub(super) given: &'a Given,
    pub(super) address: &'a Address,
    /// Certificates that were pinned before.
    pub(super) pins: Vec<Fingerprint>,
    /// Do not try: save as a draft.
    pub(super) draft: bool,
}

/// What came of it.
pub(super) struct Tried {
    pub(super) imap: Settings,
    pub(super) smtp: Option<Settings>,
    pub(super) source: Source,
    pub(super) given: Vec<Value>,
    pub(super) pins: Vec<Fingerprint>,
    /// Nothing was proved.
    pub(super) draft: bool,
    pub(super) secret: Secret,
    pub(super) place: SecretPlace,
    pub(super) findings: Vec<Finding>,
}

/// What a person wants to do about a failure.
#[derive(Debug, PartialEq, Eq)]
enum Mend {
    Again,
    Password,
    Username,
    Servers,
    Pin(Fingerprint),
    WithoutSending,
    Draft,
    /// With the exit code of what failed.
    Stop(u8),
}

impl Trial<'_> {
    /// Tries, and on a terminal lets the person mend what failed. `find` gives what is to be tried, anew
    /// each time it is asked; `secret` is the password when there is one already.
    pub(super) async fn run(
        mut self,
        find: impl AsyncFn() -> Result<Found, Failure>,
        mut secret: Option<(Secret, SecretPlace)>,
    ) -> Result<Tried, Failure> {
        let mut values = self.given.values();
        self.pins.extend(&self.given.pin);
        let mut found = find().await;
        let mut agreed = BTreeSet::new();
        loop {
            let (candidate, notes) = match &found {
                Ok(found) => (found.candidate.clone(), found.notes.clone()),
                Err(_) => {
                    let failure = std::mem::replace(&mut found, Ok(given_candidate().into())).err();
                    match self.mend(failure, None)? {
                        Mend::Servers => {
                            found = Ok(self.other_servers(given_candidate())?.into());
                            values.extend([Value::Imap, Value::Smtp]);
                        }
                        Mend::Stop(code) => return Err(Failure::Said(code)),
                        _ => found = find().await,
                    }
                    continue;
                }
            };
            let hosts: BTreeSet<String> =
                candidate.incoming.iter().chain(&candidate.outgoing).map(|s| s.host.clone()).collect();
            if !hosts.is_subset(&agreed) && !self.given.accepts(self.prompt, &candidate)? {
                let sent = if agreed.is_empty() {
                    "nothing was sent and nothing saved"
                } else {
                    "nothing was saved"
                };
                return Err(Failure::Usage(format!("{sent}; --imap and --smtp name servers you trust")));
            }
            agreed.extend(hosts);
            let (password, place) = match secret.take() {
                Some(known) => known,
                None => self.given.secret(self.prompt, self.address)?,
            };
            let mut steps = Steps::new(|step| self.checklist.step(step));
            let (imap, smtp) = usable(&candidate);
            let network = self.network.pinned(self.pinned(&candidate));
            let verified = match self.draft {
                true => Err(Error::Configuration(String::new())),
                false => verify(&network, &imap, &smtp, self.address, &password, &mut steps).await,
            };
            let findings = [&notes, steps.notes()].concat();
            drop(steps);
            let failure = match verified {
                Ok(verified) => {
                    return Ok(self.tried(
                        (verified.imap, verified.smtp),
                        candidate.source,
                        values,
                        (password, place),
                        findings,
                    ));
                }
                Err(error) => error,
            };
            let mend =
                if self.draft { Mend::Draft } else { self.mend(Some(failure.into()), Some(&candidate))? };
            secret = Some((password, place));
            match mend {
                Mend::Again => {}
                Mend::Password => secret = None,
                Mend::Username => {
                    let username = self.prompt.line("User name:", "use --username")?;
                    let mut changed = candidate;
                    for settings in changed.incoming.iter_mut().chain(&mut changed.outgoing) {
                        settings.username.clone_from(&username);
                    }
                    found = Ok(changed.into());
                    values.push(Value::Username);
                }
                Mend::Servers => {
                    found = Ok(self.other_servers(candidate)?.into());
                    values.extend([Value::Imap, Value::Smtp]);
                }
                Mend::Pin(fingerprint) => self.pins.push(fingerprint),
                Mend::WithoutSending => {
                    found = Ok(Candidate { outgoing: Vec::new(), ..candidate }.into());
                    values.push(Value::Smtp);
                }
                Mend::Draft => {
                    let Some(imap) = imap.into_iter().next() else {
                        return Err(Failure::Usage(
                            "there is no IMAP server to save; give --imap".to_owned(),
                        ));
                    };
                    self.draft = true;
                    let Some(secret) = secret else { continue };
                    let services = (imap, smtp.into_iter().next());
                    return Ok(self.tried(services, candidate.source, values, secret, findings));
                }
                Mend::Stop(code) => return Err(Failure::Said(code)),
            }
        }
    }

    fn tried(
        self,
        (imap, smtp): (Settings, Option<Settings>),
        source: Source,
        mut given: Vec<Value>,
        (secret, place): (Secret, SecretPlace),
        findings: Vec<Finding>,
    ) -> Tried {
        given.sort_unstable();
        given.dedup();
        let mut pins = self.pins;
        pins.sort_unstable();
        pins.dedup();
        Tried { imap, smtp, source, given, pins, draft: self.draft, secret, place, findings }
    }

    fn pinned(&self, candidate: &Candidate) -> Vec<(String, Fingerprint)> {
        let hosts = candidate.incoming.iter().chain(&candidate.outgoing).map(|settings| &settings.host);
        hosts.flat_map(|host| self.pins.iter().map(move |pin| (host.clone(), *pin))).collect()
    }

    /// Shows what failed and asks what to do. Where nobody can be asked, the failure is the answer.
    fn mend(&mut self, failure: Option<Failure>, candidate: Option<&Candidate>) -> Result<Mend, Failure> {
        let Some(failure) = failure else { return Ok(Mend::Again) };
        if !Prompt::is_possible() || matches!(failure, Failure::Usage(_)) {
            return Err(failure);
        }
        let finding = match &failure {
            Failure::Engine(Error::Finding(finding)) => Some(finding.as_ref()),
            _ => None,
        };
        let said = failure.text().unwrap_or_default();
        eprintln!("\n{}\n", wrapped(&clean(&said), std::io::stderr()));
        let mut choices = choices(finding, candidate, failure.exit_code());
        // A command would only give the same password again.
        choices.retain(|choice| choice.1 != Mend::Password || !self.given.has_command());
        let keys: Vec<&str> = choices.iter().map(|choice| choice.0).collect();
        let question = format!("What now? [{}]", keys.join("/"));
        for (key, _, text) in &choices {
            eprintln!("{}", wrapped(&format!("  {key}  {text}"), std::io::stderr()));
        }
        loop {
            let answer = self.prompt.line(&question, "")?;
            if let Some(at) = choices.iter().position(|choice| choice.0 == answer) {
                return Ok(choices.swap_remove(at).1);
            }
        }
    }

    /// Asks for both servers; an empty answer keeps what there is.
    fn other_servers(&mut self, mut candidate: Candidate) -> Result<Candidate, Failure> {
        let username =
            candidate.imap().map_or_else(|| self.address.to_string(), |settings| settings.username.clone());
        for (protocol, name) in [(Protocol::Imap, "reading"), (Protocol::Smtp, "sending")] {
            let services =
                if protocol == Protocol::Imap { &mut candidate.incoming } else { &mut candidate.outgoing };
            let now = services.first().map(|settings| format!(" (now {settings}; Enter keeps it)"));
            let question = format!("Server for {name}{}:", now.clone().unwrap_or_default());
            loop {
                let typed = self.prompt.line(&question, "use --imap and --smtp")?;
                if typed.is_empty() && now.is_some() {
                    break;
                }
                match service(&typed, protocol, &username) {
                    Ok(settings) => {
                        *services = vec![settings];
                        break;
                    }
                    Err(failure) => eprintln!("{}", failure.text().unwrap_or_default()),
                }
            }
        }
        candidate.trusted = true;
        Ok(candidate)
    }
}

/// What can be done about a failure, with the key for it and what the person reads.
fn choices(
    finding: Option<&Finding>,
    candidate: Option<&Candidate>,
    code: u8,
) -> Vec<(&'static str, Mend, String)> {
    let mut choices = vec![("r", Mend::Again, "try again".to_owned())];
    let Some(candidate) = candidate else {
        choices.push(("s", Mend::Servers, "name the servers yourself".to_owned()));
        choices.push(("q", Mend::Stop(code), "stop; nothing is saved".to_owned()));
        return choices;
    };
    let username = candidate.imap().map(|settings| settings.username.as_str()).unwrap_or_default();
    choices.push(("p", Mend::Password, "another password".to_owned()));
    choices.push(("u", Mend::Username, format!("another user name (now {username})")));
    choices.push(("s", Mend::Servers, "other servers".to_owned()));
    let pin = finding.and_then(|finding| finding.fingerprint.as_deref()).and_then(|pin| pin.parse().ok());
    if let Some(pin) = pin {
        let text = format!("accept this certificate from now on, after comparing it: {pin}");
        choices.push(("c", Mend::Pin(pin), text));
    }
    if !candidate.outgoing.is_empty() {
        choices.push(("w", Mend::WithoutSending, "go on without sending".to_owned()));
    }
    choices.push((
        "d",
        Mend::Draft,
        "save as a draft, to be mended later; nothing is fetched or sent until it works".to_owned(),
    ));
    choices.push(("q", Mend::Stop(code), "stop; nothing is saved".to_owned()));
    choices
}
