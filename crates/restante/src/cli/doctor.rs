//! `restante doctor`

use super::context::Context;
use super::error::Failure;
use super::given::{Found, Given, usable};
use super::output::print;
use super::prompt::Prompt;
use super::steps::{Checklist, found, serde_word};
use super::wrap::wrapped;
use clap::Args;
use restante_core::Secret;
use restante_core::diagnosis::{Finding, Service, Stage};
use restante_core::mail::Address;
use restante_core::message::{clean, clean_line};
use restante_core::settings::{Candidate, Settings};
use restante_engine::account::Account;
use restante_engine::doctor::{Case, Diagnosis, examine};
use restante_engine::moving;
use restante_engine::{Attempts, Error, Step, Steps, Transcript, secrets};
use serde::Serialize;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Find out step by step what works, what does not, why, and what to do.
///
/// Examines an account as it is saved, or an address as `setup` would. Reading and sending are judged
/// separately; nothing is sent and nothing is changed. The password goes once to the IMAP server and once to
/// the submission server. Ends with 1 when something is wrong.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// The name or address of an account, or any address; not needed when there is one account.
    #[arg(value_name = "ACCOUNT|ADDRESS")]
    subject: Option<String>,
    #[command(flatten)]
    given: Given,
    /// When the login is refused, try once more with the other form of the user name: the part before the
    /// @ in place of the full address, or the other way round.
    #[arg(long)]
    try_usernames: bool,
    /// Write down every line that goes through, without secrets and without the address.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Print a text that can be shown to others: no address, no user name, no password.
    #[arg(long, conflicts_with_all = ["json"])]
    report: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    address: String,
    account: Option<&'a str>,
    ok: bool,
    steps: &'a [Step],
    findings: &'a [Finding],
    login_attempts: Attempts,
    imap: Option<&'a Settings>,
    smtp: Option<&'a Settings>,
}

/// Whose mail is examined.
struct Subject {
    address: Address,
    account: Option<Account>,
}

impl Doctor {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let subject = self.subject(context)?;
        let checklist = Checklist::new(context);
        let mut steps = Steps::new(|step| checklist.step(step));
        let (diagnosis, transcript) =
            context.block_on(self.examine(context, &subject, &checklist, &mut steps))?;
        if let Some(path) = &self.trace {
            let head =
                format!("-- restante {} doctor, a conversation without secrets\n", env!("CARGO_PKG_VERSION"));
            write(path, &format!("{head}{}", transcript.text()))?;
        }
        if context.output.json {
            let document = Document {
                address: subject.address.to_string(),
                account: subject.account.as_ref().map(|account| account.name.as_str()),
                ok: diagnosis.ok,
                steps: steps.all(),
                findings: &diagnosis.findings,
                login_attempts: diagnosis.login_attempts,
                imap: diagnosis.imap.as_ref(),
                smtp: diagnosis.smtp.as_ref(),
            };
            context.output.document("doctor", &document)?;
        } else if self.report {
            print(&clean(&transcript.redact(&report(&subject, steps.all(), &diagnosis))))?;
        } else {
            print(&wrapped(&clean(&text(&diagnosis)), std::io::stdout()))?;
        }
        Ok(if diagnosis.ok { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }

    fn subject(&self, context: &Context) -> Result<Subject, Failure> {
        let accounts = context.accounts()?;
        let named = self.subject.as_deref().or(context.global.account.as_deref());
        match (accounts.find(named), named) {
            (Ok(account), _) => {
                Ok(Subject { address: account.address.clone(), account: Some(account.clone()) })
            }
            (Err(Error::NoAccount(_)), Some(typed)) if typed.contains('@') => {
                let address = Address::parse(typed).map_err(Failure::address)?;
                Ok(Subject { address, account: None })
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    async fn examine(
        &self,
        context: &Context,
        subject: &Subject,
        checklist: &Checklist,
        steps: &mut Steps<'_>,
    ) -> Result<(Diagnosis, Transcript), Failure> {
        let network = context.network()?;
        let address = subject.address.to_string();
        let silent = Transcript::new(&[&address, subject.address.local()], None);
        let Found { candidate, notes } = match &subject.account {
            Some(account) => self.given.of_account(account)?.into(),
            None => match self.candidate(&network, &subject.address, checklist, steps).await {
                Ok(found) => found,
                Err(Failure::Engine(Error::Finding(finding))) => {
                    return Ok((Diagnosis { findings: vec![*finding], ..Diagnosis::default() }, silent));
                }
                Err(failure) => return Err(failure),
            },
        };
        let secret = self.secret(context, subject, &candidate)?;
        let usernames = candidate.incoming.iter().chain(&candidate.outgoing).map(|s| s.username.as_str());
        let hidden: Vec<&str> = usernames.chain([address.as_str(), subject.address.local()]).collect();
        let transcript = Transcript::new(&hidden, secret.as_ref());
        let pins = subject.account.iter().flat_map(|account| &account.pins).chain(&self.given.pin);
        let hosts = candidate.incoming.iter().chain(&candidate.outgoing).map(|settings| &settings.host);
        let pinned = pins.flat_map(|pin| hosts.clone().map(move |host| (host.clone(), *pin))).collect();
        let network = network.pinned(pinned).transcribed(transcript.clone());
        let (incoming, outgoing) = usable(&candidate);
        let case = Case {
            address: &subject.address,
            incoming: &incoming,
            outgoing: &outgoing,
            secret: secret.as_ref(),
            try_usernames: self.try_usernames,
            known: &notes,
        };
        let mut diagnosis = examine(&network, case, steps).await;
        if let (Some(account), Some(symptom)) = (&subject.account, diagnosis.findings.first())
            && !diagnosis.ok
            && moving::is_symptom(symptom)
            && let Ok(Some(proposal)) =
                moving::look(&network, account, Some(symptom), &mut |line| checklist.trace(line)).await
        {
            diagnosis.findings.insert(0, proposal.finding(account, symptom));
        }
        Ok((diagnosis, transcript))
    }

    async fn candidate(
        &self,
        network: &restante_engine::net::Network,
        address: &Address,
        checklist: &Checklist,
        steps: &mut Steps<'_>,
    ) -> Result<Found, Failure> {
        let mut failed = None;
        let looked = steps
            .run(Stage::Discovery, Service::Discovery, async {
                match self.given.candidate(network, address, checklist).await {
                    Ok(looked) => {
                        let detail = found(&looked.candidate);
                        Ok((looked, detail))
                    }
                    Err(Failure::Engine(error)) => Err(error),
                    Err(failure) => {
                        let said = Error::Configuration(failure.text().unwrap_or_default());
                        failed = Some(failure);
                        Err(said)
                    }
                }
            })
            .await;
        looked.map_err(|error| failed.take().unwrap_or_else(|| error.into()))
    }

    /// The password: stored, given, or typed. Without one the login is not tried.
    fn secret(
        &self,
        context: &Context,
        subject: &Subject,
        candidate: &Candidate,
    ) -> Result<Option<Secret>, Failure> {
        let mut prompt = Prompt::default();
        let stored = subject.account.as_ref().filter(|_| !self.given.names_secret());
        let asked = stored.is_none() && !self.given.names_secret();
        if asked && (!Prompt::is_possible() || context.output.json) {
            return Ok(None);
        }
        if !self.given.accepts(&mut prompt, candidate)? {
            eprintln!("The password stays here, so the login is not tried.");
            return Ok(None);
        }
        if let Some(account) = stored {
            return Ok(Some(secrets::load(&context.places, account)?));
        }
        if asked {
            let question = format!("Password for {} (empty: do not log in):", subject.address);
            let typed = prompt.password(&question, "use --password-stdin")?;
            return Ok((!typed.expose().is_empty()).then_some(typed));
        }
        Ok(Some(self.given.secret(&mut prompt, &subject.address)?.0))
    }
}

/// Writes a file that only this person can read.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let mut options = std::fs::OpenOptions::new();
    let opened = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    opened
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::Io(format!("{}: {error}", path.display())))
}

fn text(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    if diagnosis.ok {
        let attempts = diagnosis.login_attempts;
        text.push_str(match (attempts.imap, attempts.smtp) {
            (0, 0) => "Everything works as far as the login, which was not tried.\n",
            (_, 0) => "Reading works.\n",
            _ => "Reading and sending work.\n",
        });
    }
    let mut before: Option<&Finding> = None;
    for finding in &diagnosis.findings {
        // Both sides are often refused for the same reason, and the same advice twice reads like two.
        let again = before.is_some_and(|b| b.verdict == finding.verdict && b.remedy == finding.remedy);
        let shown = if again {
            format!("The same. [{}]\n  seen: {}", finding.verdict.code(), finding.evidence)
        } else {
            finding.to_string()
        };
        text.push_str(&format!("\n{}\n{shown}\n", certainty(finding)));
        before = Some(finding);
    }
    text
}

/// The line above a finding: which side, and how sure.
fn certainty(finding: &Finding) -> String {
    let side = match finding.service {
        Service::Imap => "Reading",
        Service::Smtp => "Sending",
        Service::Discovery => "Settings",
    };
    let mut line = format!("{side}, {}", serde_word(&finding.certainty).replace('-', " "));
    if finding.password != restante_core::diagnosis::PasswordJudgement::NotJudged {
        line.push_str(&format!("; password {}", serde_word(&finding.password)));
    }
    if !finding.also.is_empty() {
        let also: Vec<&str> = finding.also.iter().map(|verdict| verdict.code()).collect();
        line.push_str(&format!("; or else {}", also.join(", ")));
    }
    line.push(':');
    line
}

fn report(subject: &Subject, steps: &[Step], diagnosis: &Diagnosis) -> String {
    let mut report = format!(
        "restante {} doctor, {} {}\naddress at {}\n\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        subject.address.domain()
    );
    for step in steps {
        let mark = if step.ok { "ok  " } else { "FAIL" };
        let (service, stage) = (serde_word(&step.service), serde_word(&step.stage));
        report.push_str(&clean_line(&format!(
            "{mark} {service:<9} {stage:<18} {} ({} ms)",
            step.detail, step.ms
        )));
        report.push('\n');
    }
    let attempts = diagnosis.login_attempts;
    report.push_str(&format!("\nlogins tried: imap {}, smtp {}\n", attempts.imap, attempts.smtp));
    report.push_str(&text(diagnosis));
    report
}
