//! `restante account move`, and what other commands do when a stored server is gone

use super::context::{Context, now};
use super::error::Failure;
use super::given::service;
use super::keep::unless_busy;
use super::output::print;
use super::prompt::Prompt;
use super::steps::Checklist;
use clap::Args;
use restante_core::Secret;
use restante_core::diagnosis::Finding;
use restante_core::message::{clean, clean_line};
use restante_core::settings::{Candidate, Protocol, Settings, Source};
use restante_engine::account::Account;
use restante_engine::moving::{self, Proposal};
use restante_engine::net::Network;
use restante_engine::{Error, Steps, secrets};
use serde::Serialize;
use std::io::IsTerminal;
use std::process::ExitCode;
use unicode_width::UnicodeWidthStr;

/// Follow a provider to its new servers; mail, folders, flags and everything unsent stay.
///
/// The settings are looked for again as in setup; old and new are shown side by side, and the new ones
/// are stored after one question, when reading and sending work there. The next sync recognises the
/// messages that are here already and does not download them again.
#[derive(Debug, Args)]
pub(super) struct Move {
    /// Its name or address; not needed when there is one.
    name: Option<String>,
    /// Every account with an address of this domain.
    #[arg(long, value_name = "DOMAIN", conflicts_with = "name")]
    domain: Option<String>,
    /// The new server for reading, when it is known.
    #[arg(long, value_name = "HOST[:PORT][/tls|starttls]")]
    imap: Option<String>,
    /// The new server for sending, when it is known.
    #[arg(long, value_name = "HOST[:PORT][/tls|starttls]")]
    smtp: Option<String>,
    /// Do not ask. Servers that nobody vouches for are refused.
    #[arg(long)]
    yes: bool,
    /// With --yes: use servers that nobody vouches for, too.
    #[arg(long, requires = "yes")]
    accept_untrusted: bool,
    /// Show what would change: no password is sent, nothing is stored.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    accounts: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    account: &'a str,
    address: String,
    state: State,
    old: Services<'a>,
    new: Option<Services<'a>>,
    found_by: Option<&'static str>,
    url: &'a str,
    trusted: bool,
    why: &'a str,
    findings: &'a [Finding],
}

#[derive(Serialize)]
struct Services<'a> {
    imap: &'a Settings,
    smtp: Option<&'a Settings>,
}

/// What became of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// Its new servers work and are stored.
    Moved,
    /// It would be moved.
    Planned,
    /// Its servers are those that were found.
    Same,
    /// The new servers were not found, or do not work; nothing was stored.
    Failed,
}

/// One account on its way.
struct Case {
    account: Account,
    proposal: Option<Proposal>,
    /// As it was stored.
    moved: Option<Account>,
    failure: Option<Error>,
    findings: Vec<Finding>,
}

impl Move {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        if context.global.read_only && !self.dry_run {
            return Err(Failure::Usage("this changes an account, and --read-only was given".to_owned()));
        }
        let accounts = self.accounts(context)?;
        let network = context.network()?;
        let checklist = Checklist::new(context);
        context.block_on(async {
            let mut cases = Vec::new();
            for account in accounts {
                cases.push(self.look(&network, account, &checklist).await?);
            }
            if !self.dry_run {
                self.agree(&cases)?;
                for case in &mut cases {
                    carry_out(context, &network, case, &checklist).await?;
                }
            }
            report(context, cases)
        })
    }

    fn accounts(&self, context: &Context) -> Result<Vec<Account>, Failure> {
        let accounts = context.accounts()?;
        let Some(domain) = &self.domain else {
            return Ok(vec![
                accounts.find(self.name.as_deref().or(context.global.account.as_deref()))?.clone(),
            ]);
        };
        let of_domain = |account: &&Account| account.address.domain().eq_ignore_ascii_case(domain);
        let found: Vec<Account> = accounts.all().iter().filter(of_domain).cloned().collect();
        if found.is_empty() { Err(Error::NoAccount(format!("@{domain}")).into()) } else { Ok(found) }
    }

    async fn look(
        &self,
        network: &Network,
        account: Account,
        checklist: &Checklist,
    ) -> Result<Case, Failure> {
        let looked = match self.given(&account)? {
            Some(candidate) => Ok(Proposal::of(&account, &candidate)),
            None => moving::look(network, &account, None, &mut |line| checklist.trace(line)).await,
        };
        let (proposal, failure) = match looked {
            Ok(proposal) => (proposal, None),
            Err(error) => (None, Some(error)),
        };
        Ok(Case { account, proposal, moved: None, failure, findings: Vec::new() })
    }

    /// The servers given on the command line; the one that is not given stays.
    fn given(&self, account: &Account) -> Result<Option<Candidate>, Failure> {
        let given = |text: &Option<String>, protocol, stored: Option<&Settings>| {
            let username = stored.map_or(&account.imap.username, |stored| &stored.username);
            text.as_deref().map(|text| service(text, protocol, username)).transpose()
        };
        let imap = given(&self.imap, Protocol::Imap, Some(&account.imap))?;
        let smtp = given(&self.smtp, Protocol::Smtp, account.smtp.as_ref())?;
        if imap.is_none() && smtp.is_none() {
            return Ok(None);
        }
        Ok(Some(Candidate {
            source: Source::Given,
            url: String::new(),
            trusted: true,
            why: "you gave these servers".to_owned(),
            incoming: imap.into_iter().collect(),
            outgoing: smtp.into_iter().collect(),
        }))
    }

    /// One question, whatever the number of accounts.
    fn agree(&self, cases: &[Case]) -> Result<(), Failure> {
        let cases: Vec<(&Account, &Proposal)> =
            cases.iter().filter_map(|case| Some((&case.account, case.proposal.as_ref()?))).collect();
        let untrusted = cases.iter().find(|(_, proposal)| !proposal.trusted);
        if let (true, false, Some((account, proposal))) = (self.yes, self.accept_untrusted, untrusted) {
            let text = format!(
                "{}: nobody vouches for the new servers ({}); --accept-untrusted takes them",
                account.name, proposal.why
            );
            return Err(Failure::Refused(text));
        }
        if cases.is_empty() || self.yes {
            return Ok(());
        }
        if std::io::stdin().is_terminal() {
            for (account, proposal) in &cases {
                eprint!("{}", clean(&side_by_side(account, proposal)));
            }
        }
        let names: Vec<&str> = cases.iter().map(|(account, _)| account.name.as_str()).collect();
        let question = format!("Move {} there?", names.join(", "));
        if Prompt::default().key(&question, "--yes moves without asking, --dry-run shows")? {
            Ok(())
        } else {
            Err(Failure::Refused("nothing was changed".to_owned()))
        }
    }
}

impl Case {
    fn state(&self) -> State {
        match self {
            Self { failure: Some(_), .. } => State::Failed,
            Self { moved: Some(_), .. } => State::Moved,
            Self { proposal: Some(_), .. } => State::Planned,
            _ => State::Same,
        }
    }

    fn row(&self) -> Row<'_> {
        let Self { account, proposal, moved, findings, .. } = self;
        let found = || {
            let proposal = proposal.as_ref()?;
            Some(Services { imap: proposal.imap.first()?, smtp: proposal.smtp.first() })
        };
        let stored = moved.as_ref().map(|moved| Services { imap: &moved.imap, smtp: moved.smtp.as_ref() });
        Row {
            account: &account.name,
            address: account.address.to_string(),
            state: self.state(),
            old: Services { imap: &account.imap, smtp: account.smtp.as_ref() },
            new: stored.or_else(found),
            found_by: proposal.as_ref().map(Proposal::found_by),
            url: proposal.as_ref().map_or("", |proposal| &proposal.url),
            trusted: proposal.as_ref().is_some_and(|proposal| proposal.trusted),
            why: proposal.as_ref().map_or("", |proposal| &proposal.why),
            findings,
        }
    }

    fn text(&self) -> String {
        let name = &self.account.name;
        match (self.state(), &self.proposal) {
            (State::Planned, Some(proposal)) => {
                let table = side_by_side(&self.account, proposal);
                format!("{table}{name} would be moved; nothing was changed (--dry-run).\n")
            }
            (State::Moved, _) => {
                format!("{name} is moved. Next: `restante sync`; what is here is not downloaded again.\n")
            }
            (State::Same, _) => format!("{name} has the servers that were found: {}.\n", self.account.imap),
            _ => format!("{name} was not moved.\n"),
        }
    }
}

fn report(context: &Context, mut cases: Vec<Case>) -> Result<ExitCode, Failure> {
    for case in &mut cases {
        if let Some(Error::Finding(finding)) = &case.failure {
            case.findings.push((**finding).clone());
        }
    }
    let alone = cases.len() == 1;
    let states: Vec<State> = cases.iter().map(Case::state).collect();
    if !(alone && states.contains(&State::Failed)) {
        if context.output.json {
            let accounts = cases.iter().map(Case::row).collect();
            context.output.document("account-move", &Document { accounts })?;
        } else {
            print(&clean(&cases.iter().map(Case::text).collect::<String>()))?;
        }
    }
    let mut failures = cases.into_iter().filter_map(|case| case.failure);
    match failures.next() {
        Some(first) => {
            for error in failures {
                Failure::from(error).report(context.output.json);
            }
            Err(first.into())
        }
        // Nothing to move is a negative answer.
        None if states.iter().all(|state| *state == State::Same) => Ok(ExitCode::from(1)),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Verifies and stores; what stops it is kept with the case, so that the next account has its turn.
async fn carry_out(
    context: &Context,
    network: &Network,
    case: &mut Case,
    checklist: &Checklist,
) -> Result<(), Failure> {
    let Some(proposal) = &case.proposal else { return Ok(()) };
    let mut steps = Steps::new(|step| checklist.step(step));
    let verified = match secrets::load(&context.places, &case.account) {
        Ok(secret) => {
            moving::verify(
                &network.pinned(case.account.pinned()),
                &case.account,
                proposal,
                &secret,
                &mut steps,
            )
            .await
        }
        Err(error) => Err(error),
    };
    case.findings.extend_from_slice(steps.notes());
    match verified {
        Ok(account) => {
            context.accounts()?.save(account.clone())?;
            hasten(context, &account)?;
            case.moved = Some(account);
        }
        Err(error) => case.failure = Some(error),
    }
    Ok(())
}

/// Messages that waited for the old server may go with the next sync.
fn hasten(context: &Context, account: &Account) -> Result<(), Failure> {
    unless_busy(context, account, |store, id| Ok(moving::hasten(store, id, now())?))
}

/// What came of a look for other servers after a stored one was gone.
pub(super) enum Offer {
    /// The person agreed, the new servers work, and the account is stored so.
    Moved(Box<Account>),
    /// There are other servers; nobody was asked, or the answer was no.
    Stays(Box<Finding>),
    /// There are none.
    Nothing,
}

/// Looks for other servers and, at a terminal, offers to move there.
pub(super) async fn offer(
    context: &Context,
    network: &Network,
    account: &Account,
    secret: &Secret,
    symptom: &Finding,
) -> Result<Offer, Failure> {
    let checklist = Checklist::new(context);
    checklist.line(false, &format!("{} ({})", symptom.meaning, symptom.evidence));
    // What went wrong before is of more use than why nothing was found.
    let looked = moving::look(network, account, Some(symptom), &mut |line| checklist.trace(line)).await;
    let Ok(Some(proposal)) = looked else { return Ok(Offer::Nothing) };
    let finding = Box::new(proposal.finding(account, symptom));
    if context.output.json || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(Offer::Stays(finding));
    }
    eprint!("{}", clean(&side_by_side(account, &proposal)));
    let question = format!("Move {} there?", account.name);
    if !Prompt::default().key(&question, "`restante account move` does it")? {
        return Ok(Offer::Stays(finding));
    }
    let mut steps = Steps::new(|step| checklist.step(step));
    let moved = moving::verify(network, account, &proposal, secret, &mut steps).await?;
    context.accounts()?.save(moved.clone())?;
    Ok(Offer::Moved(Box::new(moved)))
}

/// The error with what a look for other servers adds to it.
pub(super) async fn explained(
    context: &Context,
    network: &Network,
    account: &Account,
    error: Error,
) -> Error {
    let Some(symptom) = error.finding().filter(|finding| moving::is_symptom(finding)) else { return error };
    let checklist = Checklist::new(context);
    match moving::look(network, account, Some(symptom), &mut |line| checklist.trace(line)).await {
        Ok(Some(proposal)) => proposal.finding(account, symptom).into(),
        _ => error,
    }
}

/// Old and new in two columns, with where the new ones were found and what that is worth.
fn side_by_side(account: &Account, proposal: &Proposal) -> String {
    let line = |service: Option<&Settings>| service.map_or("none".to_owned(), ToString::to_string);
    let user = |service: Option<&Settings>| service.map_or(String::new(), |s| s.username.clone());
    let (imap, smtp) = (Some(&account.imap), account.smtp.as_ref());
    let (new_imap, new_smtp) = (proposal.imap.first(), proposal.smtp.first());
    let rows = [
        (String::new(), "old".to_owned(), "new".to_owned()),
        ("reading".to_owned(), line(imap), line(new_imap)),
        ("  user".to_owned(), user(imap), user(new_imap)),
        ("sending".to_owned(), line(smtp), line(new_smtp)),
        ("  user".to_owned(), user(smtp), user(new_smtp)),
    ];
    let widest = |of: fn(&(String, String, String)) -> &String| rows.iter().map(|row| of(row).width()).max();
    let first = widest(|row| &row.0).unwrap_or(0);
    let second = widest(|row| &row.1).unwrap_or(0);
    let pad = |text: &str, to: usize| format!("{text}{}", " ".repeat(to.saturating_sub(text.width())));
    let mut text = format!("{}\n", clean_line(&account.name));
    for (what, old, new) in &rows {
        let row = format!("  {}  {}  {new}", pad(what, first), pad(old, second));
        text.push_str(clean_line(&row).trim_end());
        text.push('\n');
    }
    let url = if proposal.url.is_empty() { String::new() } else { format!(" at {}", proposal.url) };
    text.push_str(&clean_line(&format!("  found by {}{url}: {}", proposal.found_by(), proposal.why)));
    text.push('\n');
    if !proposal.trusted {
        text.push_str("  NOBODY VOUCHES for the new servers, and your password would go there.\n");
    }
    text
}
