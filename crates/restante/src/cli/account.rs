//! `restante account`

use super::account_edit::Edit;
use super::account_move::Move;
use super::account_reauth::Reauth;
use super::context::{Context, now};
use super::error::Failure;
use super::list::rfc3339;
use super::output::print;
use super::prompt::Prompt;
use super::sync::octets;
use super::wrap::wrapped;
use clap::{Args, Subcommand};
use restante_core::message::clean;
use restante_core::settings::{Fingerprint, Settings, Source};
use restante_core::submission::State;
use restante_core::sync::Selection;
use restante_core::sync::policy::Policy;
use restante_engine::account::Value;
use restante_engine::sync::Room;
use restante_engine::{account, secrets};
use restante_store::{Pause, StoreError, View, Waste};
use serde::Serialize;
use std::process::ExitCode;
use unicode_width::UnicodeWidthStr;

/// Show, change or remove accounts.
#[derive(Debug, Args)]
pub(super) struct Account {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// All accounts; drafts are marked.
    List,
    /// One account: its servers, where each value came from, where the password lives.
    Show {
        /// Its name or address; not needed when there is one.
        name: Option<String>,
    },
    Edit(Box<Edit>),
    Reauth(Reauth),
    Move(Move),
    /// Forget an account and delete its mail here. Nothing is deleted on the server.
    ///
    /// With the last account every file of mail is deleted. While other accounts remain, the contents of its messages
    /// are taken out of the files that all accounts share, and that space is given back.
    Remove {
        /// Its name or address.
        name: String,
        /// Do not ask. Refused while messages wait to be sent.
        #[arg(long)]
        yes: bool,
        /// Delete messages that were not sent, too.
        #[arg(long)]
        discard_unsent: bool,
    },
}

#[derive(Serialize)]
struct Accounts<'a> {
    accounts: Vec<Document<'a>>,
}

#[derive(Serialize)]
struct Document<'a> {
    account: &'a str,
    address: String,
    name: &'a str,
    source: &'a str,
    imap: Option<&'a Settings>,
    smtp: Option<&'a Settings>,
    password: String,
    password_in: &'static str,
    sources: Option<Sources>,
    pins: Vec<String>,
    draft: bool,
    /// It has no server: its mail is here alone.
    local: bool,
    /// How much room there is on the server, as it last said.
    quota: Vec<Room>,
    sync: Choice<'a>,
    paused: Option<Paused>,
}

/// What is kept here of the account's mail.
#[derive(Serialize)]
struct Choice<'a> {
    only: &'a [String],
    except: &'a [String],
    keep: Option<String>,
    whole: Option<u64>,
}

impl<'a> Choice<'a> {
    fn of(selection: &'a Selection) -> Self {
        let Selection { only, except, policy } = selection;
        Self { only, except, keep: policy.keep.map(|age| age.to_string()), whole: policy.whole }
    }

    /// In lines, where it is not everything.
    fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        for (what, names) in [("only", self.only), ("except", self.except)] {
            if !names.is_empty() {
                lines.push((what, names.join(", ")));
            }
        }
        lines
            .extend(self.keep.as_ref().map(|keep| ("keep", format!("{keep}; of older messages the header"))));
        let whole =
            self.whole.map(|whole| format!("up to {}; of larger messages the beginning", octets(whole)));
        lines.extend(whole.map(|whole| ("whole", whole)));
        lines
    }
}

/// Why and how long a watch leaves the account's server alone.
#[derive(Serialize)]
struct Paused {
    until: String,
    failures: u32,
    reason: String,
}

/// Where each value came from.
#[derive(Serialize)]
struct Sources {
    imap: Source,
    smtp: Source,
    username: Source,
    authentication: Source,
}

impl Account {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self.command {
            Command::List => list(context),
            Command::Show { name } => show(context, name.as_deref()),
            Command::Edit(command) => command.run(context),
            Command::Reauth(command) => command.run(context),
            Command::Move(command) => command.run(context),
            Command::Remove { name, yes, discard_unsent } => remove(context, &name, yes, discard_unsent),
        }
    }
}

fn list(context: &Context) -> Result<ExitCode, Failure> {
    let accounts = context.accounts()?;
    if context.output.json {
        let served = accounts.all().iter().map(|account| document(context, account));
        let accounts = served.chain(accounts.local().iter().map(|name| local(name))).collect();
        context.output.document("account-list", &Accounts { accounts })?;
    } else {
        let lines: Vec<String> = accounts
            .all()
            .iter()
            .map(|account| {
                let draft = if account.draft { "  draft: saved before it worked" } else { "" };
                format!("{}  {}  {}{draft}\n", account.name, account.address, account.imap)
            })
            .chain(accounts.local().iter().map(|name| format!("{name}  {LOCAL}\n")))
            .collect();
        print(&wrapped(&clean(&lines.concat()), std::io::stdout()))?;
    }
    Ok(if accounts.all().is_empty() && accounts.local().is_empty() {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

fn show(context: &Context, name: Option<&str>) -> Result<ExitCode, Failure> {
    let accounts = context.accounts()?;
    let name = accounts.name_of(name.or(context.global.account.as_deref()))?;
    if accounts.find_local(name) == Some(name) {
        if context.output.json {
            context.output.document("account", &local(name))?;
        } else {
            print(&clean(&format!("{:<9} {name}\n{:<9} {LOCAL}\n", "account", "local")))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let account = accounts.find(Some(name))?;
    let document = document(context, account);
    if context.output.json {
        context.output.document("account", &document)?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&clean(&text(account, &document)))?;
    Ok(ExitCode::SUCCESS)
}

/// What is said of an account without a server.
const LOCAL: &str = "local: its mail is on this machine alone";

/// The document of an account without a server.
fn local(name: &str) -> Document<'_> {
    const NOTHING: &Selection =
        &Selection { only: Vec::new(), except: Vec::new(), policy: Policy { keep: None, whole: None } };
    Document {
        account: name,
        address: String::new(),
        name: "",
        source: Source::Given.as_str(),
        imap: None,
        smtp: None,
        password: "none: there is no server to log in to".to_owned(),
        password_in: "none",
        sources: None,
        pins: Vec::new(),
        draft: false,
        local: true,
        quota: Vec::new(),
        sync: Choice::of(NOTHING),
        paused: None,
    }
}

/// An account in lines: what is so, and where it came from.
fn text(account: &account::Account, document: &Document<'_>) -> String {
    let from = |source: Source| match source {
        Source::Given => "given by you".to_owned(),
        other => format!("found by {other}"),
    };
    let mut lines = vec![("account", document.account.to_owned(), String::new())];
    if document.draft {
        let next = format!(
            "saved before it worked; `restante account edit {}` changes and tries it",
            document.account
        );
        lines.push(("draft", next, String::new()));
    }
    lines.push(("address", document.address.clone(), String::new()));
    if !document.name.is_empty() {
        lines.push(("name", document.name.to_owned(), String::new()));
    }
    let services = [("imap", document.imap, Value::Imap), ("smtp", document.smtp, Value::Smtp)];
    for (what, settings, value) in services {
        let Some(settings) = settings else {
            lines.push((what, "none: this account only reads".to_owned(), String::new()));
            continue;
        };
        lines.push((what, settings.to_string(), from(account.source_of(value))));
        lines.push(("  user", settings.username.clone(), from(account.source_of(Value::Username))));
        let methods: Vec<&str> = settings.authentication.iter().map(|method| method.as_str()).collect();
        let methods = if methods.is_empty() { "automatic".to_owned() } else { methods.join(", ") };
        lines.push(("  login", methods, from(account.source_of(Value::Authentication))));
    }
    for pin in &document.pins {
        lines.push(("pinned", pin.clone(), String::new()));
    }
    lines.push(("password", document.password.clone(), String::new()));
    lines.extend(document.sync.lines().into_iter().map(|(what, value)| (what, value, String::new())));
    for room in &document.quota {
        lines.push(("used", fullness(room), String::new()));
    }
    if let Some(paused) = &document.paused {
        lines.push(("paused", format!("until {} because {}", paused.until, paused.reason), String::new()));
    }
    let width = lines.iter().map(|(_, value, from)| if from.is_empty() { 0 } else { value.width() });
    let width = width.max().unwrap_or_default();
    let line = |(what, value, from): &(&str, String, String)| match from.as_str() {
        "" => format!("{what:<9} {value}\n"),
        from => format!("{what:<9} {value}{}  {from}\n", " ".repeat(width.saturating_sub(value.width()))),
    };
    lines.iter().map(line).collect()
}

fn remove(context: &Context, name: &str, yes: bool, discard_unsent: bool) -> Result<ExitCode, Failure> {
    if context.global.read_only {
        return Err(Failure::Usage("this removes an account, and --read-only was given".to_owned()));
    }
    let mut accounts = context.accounts()?;
    let found = accounts.name_of(Some(name))?.to_owned();
    let secret = accounts.find(Some(&found)).ok().map(|account| account.secret.clone());
    let (known, others) = match View::open(&context.places.data) {
        Ok(view) => {
            let others = view.accounts()?.iter().any(|other| other.name != found);
            (unsent(&view, &found)?, others)
        }
        Err(StoreError::Absent(_) | StoreError::Older(_)) => {
            (0, accounts.all().len() + accounts.local().len() > 1)
        }
        Err(error) => return Err(error.into()),
    };
    let refused = |unsent: usize| {
        let text = format!(
            "{} of {} {} not sent yet; nothing was removed (`restante sync` sends, --discard-unsent deletes)",
            messages(unsent),
            found,
            if unsent == 1 { "is" } else { "are" }
        );
        Err(Failure::Refused(text))
    };
    if yes && known > 0 && !discard_unsent {
        return refused(known);
    }
    if !yes && !Prompt::default().confirm(&question(&found, known, others), "--yes removes without asking")? {
        return Err(Failure::Negative);
    }
    // The mail first: if that fails, the account is still there to be removed again.
    let (mut left, mut freed) = (false, 0);
    if context.places.data.exists() {
        let mut store = context.store()?;
        let now = unsent(&store, &found)?;
        // What was written meanwhile, nobody has agreed to lose.
        if now > known && !discard_unsent {
            return refused(now);
        }
        if let Some(id) = store.find_account(&found)? {
            store.remove_account(id)?;
        }
        left = !store.accounts()?.is_empty();
        if left {
            freed = store.compact(Waste::Any, || {})? + store.trim()?;
        } else {
            store.destroy()?;
        }
    }
    if let Some(secret) = secret {
        secrets::forget(&context.places, &found, &secret)?;
    }
    accounts.remove(&found)?;
    let rest = if left { format!(" {} were given back. {STAYS}", octets(freed)) } else { String::new() };
    print(&format!("{} is removed from this machine.{rest}\n", found))?;
    Ok(ExitCode::SUCCESS)
}

/// What a removal leaves while other accounts use the same files.
const STAYS: &str = "Messages that another account has too stay with that one.";

fn question(name: &str, unsent: usize, others: bool) -> String {
    let mut text = String::new();
    if unsent > 0 {
        text.push_str(&format!(
            "{} of {name} {} not sent yet and would be lost.\n",
            messages(unsent),
            if unsent == 1 { "is" } else { "are" }
        ));
    }
    if others {
        text.push_str(&format!("{STAYS}\n"));
    }
    text.push_str(&format!("Remove {name} and its mail from this machine?"));
    text
}

fn messages(unsent: usize) -> String {
    if unsent == 1 { "1 message".to_owned() } else { format!("{unsent} messages") }
}

/// How many messages of an account wait to be sent, or may not have been.
fn unsent(view: &View, name: &str) -> Result<usize, Failure> {
    let Some(id) = view.find_account(name)? else { return Ok(0) };
    let open = |state| matches!(state, State::Queued | State::Deferred | State::Sending | State::Unknown);
    Ok(view.outbox(Some(id))?.iter().filter(|submission| open(submission.state)).count())
}

fn document<'a>(context: &Context, account: &'a account::Account) -> Document<'a> {
    Document {
        account: &account.name,
        address: account.address.to_string(),
        name: &account.display_name,
        source: account.source.as_str(),
        imap: Some(&account.imap),
        smtp: account.smtp.as_ref(),
        password: secrets::describe(&context.places, account),
        password_in: secrets::kind(account),
        sources: Some(Sources {
            imap: account.source_of(Value::Imap),
            smtp: account.source_of(Value::Smtp),
            username: account.source_of(Value::Username),
            authentication: account.source_of(Value::Authentication),
        }),
        pins: account.pins.iter().map(Fingerprint::to_string).collect(),
        draft: account.draft,
        local: false,
        quota: quota(context, &account.name),
        sync: Choice::of(&account.selection),
        paused: pause(context, account).map(|pause| Paused {
            until: rfc3339(pause.until),
            failures: pause.failures,
            reason: pause.reason,
        }),
    }
}

/// What the server last said of its room; nothing where there is no mail here yet.
fn quota(context: &Context, name: &str) -> Vec<Room> {
    let read = || {
        let view = View::open(&context.places.data).ok()?;
        view.quota(view.find_account(name).ok()??).ok()
    };
    read().unwrap_or_default().into_iter().map(Room::from).collect()
}

/// How full an account is, in words.
fn fullness(room: &Room) -> String {
    let Room { root, resource, used, limit } = room;
    let percent = used.saturating_mul(100).checked_div(*limit).unwrap_or(100);
    let of = match resource.as_str() {
        "storage" => format!("{} of {}", octets(*used), octets(*limit)),
        _ => format!("{used} of {limit} {resource}s"),
    };
    let root = if root.is_empty() { String::new() } else { format!(" ({root})") };
    format!("{of}, {percent} %{root}")
}

/// The pause of an account that is not over. An account of which nothing was fetched has none.
fn pause(context: &Context, account: &account::Account) -> Option<Pause> {
    let view = context.view().ok()?;
    let id = view.find_account(&account.name).ok()??;
    view.pause(id).ok()?.filter(|pause| pause.until > now())
}

/// A pause in words, when it is not over at `now`.
pub(super) fn paused(pause: &Pause, now: i64) -> Option<String> {
    let until = rfc3339(pause.until);
    (pause.until > now).then(|| format!("paused until {until} because {}", pause.reason))
}
