//! `restante account edit`

use super::context::Context;
use super::error::Failure;
use super::given::{Given, in_place_of, service, usable};
use super::keep::Keep;
use super::output::print;
use super::prompt::Prompt;
use super::setup::release;
use super::steps::Checklist;
use super::trial::{Trial, Tried};
use clap::Args;
use restante_core::Secret;
use restante_core::diagnosis::Finding;
use restante_core::message::clean;
use restante_core::settings::{Candidate, Protocol, Settings};
use restante_engine::account::{Account, Value};
use restante_engine::{renaming, secrets};
use serde::Serialize;
use std::process::ExitCode;

/// Change an account: its servers, user name, login, password, names.
///
/// Without options at a terminal every value is asked for, and Enter keeps the present one. What concerns
/// the servers is tried with the password before it is stored; when that fails and nobody is there to
/// mend it, the account stays as it was. An account that was saved as a draft stops being one when it works.
#[derive(Debug, Args)]
pub(super) struct Edit {
    /// Its name or address; not needed when there is one.
    #[arg(value_name = "NAME")]
    which: Option<String>,
    /// Your name, as people you write to see it; empty for none.
    #[arg(long = "name", value_name = "NAME")]
    display_name: Option<String>,
    /// Another short name for the account; its mail here follows.
    #[arg(long, value_name = "NEW")]
    rename: Option<String>,
    #[command(flatten)]
    given: Given,
    #[command(flatten)]
    keep: Keep,
    /// Accept no certificate any more that was pinned before.
    #[arg(long)]
    forget_pins: bool,
    /// Save without trying, to be mended later.
    #[arg(long)]
    draft: bool,
    /// Try everything and save nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    account: &'a str,
    changed: &'a [&'static str],
    saved: bool,
    draft: bool,
    imap: &'a Settings,
    smtp: Option<&'a Settings>,
    findings: &'a [Finding],
    questions: u32,
}

/// An account as it is to be, and what that is known from.
struct Edited {
    account: Account,
    /// The password, when it has to be stored.
    secret: Option<Secret>,
    findings: Vec<Finding>,
}

impl Edit {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        if context.global.read_only && !self.dry_run {
            return Err(Failure::Usage("this changes an account, and --read-only was given".to_owned()));
        }
        let mut accounts = context.accounts()?;
        let before = accounts.find(self.which.as_deref().or(context.global.account.as_deref()))?.clone();
        let mut wanted = before.clone();
        wanted.display_name = self.display_name.clone().unwrap_or(before.display_name.clone());
        if wanted.display_name.contains(char::is_control) {
            return Err(Failure::Usage("--name has a line break or another control character".to_owned()));
        }
        if let Some(new) = &self.rename
            && (new.trim() != new || new.is_empty() || new.contains(char::is_control))
        {
            return Err(Failure::Usage(
                "--rename needs a name without white space around it or control characters".to_owned(),
            ));
        }
        let taken = |new: &String| accounts.all().iter().any(|a| a.name == *new && a.name != before.name);
        if let Some(new) = self.rename.as_ref().filter(|new| taken(new)) {
            return Err(Failure::Refused(format!("there is an account called `{new}` already")));
        }
        let mut prompt = Prompt::for_password();
        let mut candidate = self.given.of_account(&before)?;
        wanted.given.extend(self.given.values());
        if self.given.without_sending {
            wanted.given.push(Value::Smtp);
        }
        if self.says_nothing() {
            if Prompt::is_possible() {
                ask_all(&mut prompt, &mut wanted, &mut candidate)?;
            } else if !before.draft {
                return Err(Failure::Usage("nothing was given to change".to_owned()));
            }
        }
        if self.forget_pins {
            wanted.pins.clear();
        }
        wanted.pins.extend(&self.given.pin);
        let edited = self.edited(context, &mut prompt, &before, wanted, candidate)?;
        let Edited { mut account, secret, findings } = edited;
        let mut changed = changes(&before, &account);
        if secret.is_some() {
            changed.push("password");
        }
        if let Some(new) = self.rename.as_deref().filter(|new| *new != account.name) {
            changed.push("account");
            if self.dry_run {
                new.clone_into(&mut account.name);
            }
        }
        if !self.dry_run && !changed.is_empty() {
            // Somebody at work with the mail is in the way of a rename: better known before the rest.
            let renames = changed.contains(&"account");
            let mail = context.places.data.join("mail.db").exists();
            let mut store = if renames && mail { Some(context.store()?) } else { None };
            match &secret {
                Some(secret) => account = self.keep.save(context, account, secret)?,
                None => accounts.save(account.clone())?,
            }
            if let (true, Some(new)) = (renames, &self.rename) {
                accounts = context.accounts()?;
                renaming::rename(&context.places, &mut accounts, store.as_mut(), &account.name, new)?;
                account.name.clone_from(new);
            }
            drop(store);
            if !account.draft {
                release(context, &account)?;
            }
        }
        self.report(context, &account, &changed, &findings, prompt.asked())
    }

    /// The account that results: tried, unless nothing concerns the servers.
    fn edited(
        &self,
        context: &Context,
        prompt: &mut Prompt,
        before: &Account,
        wanted: Account,
        candidate: Candidate,
    ) -> Result<Edited, Failure> {
        let (imap, smtp) = usable(&candidate);
        let services = (imap.first(), smtp.first());
        let same = services == (Some(&before.imap), before.smtp.as_ref())
            && wanted.pins == before.pins
            && !self.given.names_secret();
        let moves = self.keep.keep_in.is_some();
        let proves = before.draft && !self.draft && self.rename.is_none() && self.display_name.is_none();
        if same && !self.draft && !proves {
            return self.untried(context, before, wanted);
        }
        if self.draft && !moves && !self.given.names_secret() {
            let Some(imap) = imap.into_iter().next() else {
                return Err(Failure::Usage("there is no IMAP server to save; give --imap".to_owned()));
            };
            let smtp = smtp.into_iter().next();
            let account = Account { imap, smtp, draft: true, ..wanted };
            return Ok(Edited { account: tidy(account), secret: None, findings: Vec::new() });
        }
        let known = if self.given.names_secret() { None } else { stored(context, before)? };
        let network = context.network()?;
        let checklist = Checklist::new(context);
        let trial = Trial {
            network: &network,
            checklist: &checklist,
            prompt,
            given: &self.given,
            address: &before.address,
            pins: wanted.pins.clone(),
            draft: self.draft,
        };
        let find = async || Ok(candidate.clone().into());
        let secret = known.clone().map(|secret| (secret, before.secret.clone()));
        let tried = context.block_on(trial.run(find, secret))?;
        let Tried { imap, smtp, source, given, pins, draft, secret, place, findings } = tried;
        let place = if place == before.secret && !moves {
            place
        } else {
            self.keep.place(place, Some(&before.secret))
        };
        let unchanged =
            place == before.secret && known.is_some_and(|known| known.expose() == secret.expose());
        let given = [wanted.given.clone(), given].concat();
        let account = Account { imap, smtp, source, given, pins, draft, secret: place, ..wanted };
        Ok(Edited { account: tidy(account), secret: (!unchanged).then_some(secret), findings })
    }

    /// What no server has to be asked about: the display name, and where the password is kept.
    fn untried(&self, context: &Context, before: &Account, wanted: Account) -> Result<Edited, Failure> {
        let mut edited = Edited { account: wanted, secret: None, findings: Vec::new() };
        if self.keep.keep_in.is_some() {
            edited.account.secret = self.keep.place(before.secret.clone(), Some(&before.secret));
            if edited.account.secret != before.secret {
                edited.secret = Some(secrets::load(&context.places, before)?);
            }
        }
        Ok(edited)
    }

    fn says_nothing(&self) -> bool {
        self.given.values().is_empty()
            && self.given.pin.is_empty()
            && !self.given.names_secret()
            && !self.given.without_sending
            && self.display_name.is_none()
            && self.rename.is_none()
            && self.keep.keep_in.is_none()
            && !self.forget_pins
            && !self.draft
    }

    fn report(
        &self,
        context: &Context,
        account: &Account,
        changed: &[&'static str],
        findings: &[Finding],
        questions: u32,
    ) -> Result<ExitCode, Failure> {
        let saved = !self.dry_run && !changed.is_empty();
        if context.output.json {
            let document = Document {
                account: &account.name,
                changed,
                saved,
                draft: account.draft,
                imap: &account.imap,
                smtp: account.smtp.as_ref(),
                findings,
                questions,
            };
            context.output.document("account-edit", &document)?;
            return Ok(ExitCode::SUCCESS);
        }
        let what = changed.join(", ");
        let done = match (changed.is_empty(), self.dry_run, account.draft) {
            (true, ..) => "is as it was".to_owned(),
            (_, true, _) => format!("would change ({what}); nothing was saved (--dry-run)"),
            (.., true) => format!("is changed ({what}) and is a draft: it was not tried"),
            _ => format!("is changed: {what}"),
        };
        let mut text = format!("{} {done}.\n", account.name);
        if saved && changed.contains(&"password") {
            let place = secrets::describe(&context.places, account);
            text.push_str(&format!("The password is kept: {place}.\n"));
        }
        print(&clean(&text))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The stored password. At a terminal one that cannot be had is asked for instead.
fn stored(context: &Context, account: &Account) -> Result<Option<Secret>, Failure> {
    match secrets::load(&context.places, account) {
        Ok(secret) => Ok(Some(secret)),
        Err(error) if Prompt::is_possible() => {
            eprintln!("{}", clean(&error.to_string()));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Asks for every value; an empty answer keeps what there is.
fn ask_all(prompt: &mut Prompt, wanted: &mut Account, candidate: &mut Candidate) -> Result<(), Failure> {
    eprintln!("Enter keeps what stands in brackets; - stands for none.");
    let name = prompt.line(&format!("Your name [{}]:", wanted.display_name), "use --name")?;
    match name.as_str() {
        "" => {}
        "-" => wanted.display_name.clear(),
        _ => wanted.display_name = name,
    }
    for (protocol, value, what) in
        [(Protocol::Imap, Value::Imap, "reading"), (Protocol::Smtp, Value::Smtp, "sending")]
    {
        let username = candidate.imap().map(|s| s.username.clone()).unwrap_or_default();
        let services =
            if protocol == Protocol::Imap { &mut candidate.incoming } else { &mut candidate.outgoing };
        let present = services.first().map_or("-".to_owned(), ToString::to_string);
        let username = services.first().map_or(username, |settings| settings.username.clone());
        loop {
            let typed = prompt.line(&format!("Server for {what} [{present}]:"), "use --imap and --smtp")?;
            if typed.is_empty() || typed == present {
                break;
            }
            if typed == "-" && protocol == Protocol::Smtp {
                services.clear();
                wanted.given.push(value);
                break;
            }
            match service(&typed, protocol, &username) {
                Ok(settings) => {
                    let settings = match services.first() {
                        Some(stored) => in_place_of(stored, settings),
                        None => settings,
                    };
                    *services = vec![settings];
                    wanted.given.push(value);
                    break;
                }
                Err(failure) => eprintln!("{}", failure.text().unwrap_or_default()),
            }
        }
    }
    let one_name = {
        let mut names = candidate.incoming.iter().chain(&candidate.outgoing).map(|s| &s.username);
        let first = names.next().cloned().unwrap_or_default();
        names.all(|name| *name == first)
    };
    let groups: Vec<(&str, Vec<&mut Settings>)> = if one_name {
        vec![("User name", candidate.incoming.iter_mut().chain(&mut candidate.outgoing).collect())]
    } else {
        vec![
            ("User name for reading", candidate.incoming.iter_mut().collect()),
            ("User name for sending", candidate.outgoing.iter_mut().collect()),
        ]
    };
    for (what, services) in groups {
        let present = services.first().map(|settings| settings.username.clone()).unwrap_or_default();
        let typed = prompt.line(&format!("{what} [{present}]:"), "use --username")?;
        if typed.is_empty() || typed == present {
            continue;
        }
        for settings in services {
            settings.username.clone_from(&typed);
        }
        wanted.given.push(Value::Username);
    }
    Ok(())
}

/// Each value once, in order.
fn tidy(mut account: Account) -> Account {
    account.given.sort_unstable();
    account.given.dedup();
    account.pins.sort_unstable();
    account.pins.dedup();
    account
}

/// What differs, by the names that options have.
fn changes(before: &Account, after: &Account) -> Vec<&'static str> {
    let server = |s: &Settings| (s.host.clone(), s.port, s.security);
    let of = |account: &Account| (account.smtp.as_ref().map(server), account.smtp.clone());
    let users = |account: &Account| {
        (account.imap.username.clone(), account.smtp.as_ref().map(|smtp| smtp.username.clone()))
    };
    let methods = |account: &Account| {
        (account.imap.authentication.clone(), account.smtp.as_ref().map(|smtp| smtp.authentication.clone()))
    };
    let both = before.smtp.is_some() == after.smtp.is_some();
    let (user_before, user_after) = (users(before), users(after));
    let (method_before, method_after) = (methods(before), methods(after));
    let differs = [
        ("name", before.display_name != after.display_name),
        ("imap", server(&before.imap) != server(&after.imap)),
        ("smtp", of(before).0 != of(after).0),
        ("username", user_before.0 != user_after.0 || both && user_before.1 != user_after.1),
        ("auth", method_before.0 != method_after.0 || both && method_before.1 != method_after.1),
        ("pins", before.pins != after.pins),
        ("draft", before.draft != after.draft),
    ];
    differs.into_iter().filter_map(|(what, differs)| differs.then_some(what)).collect()
}
