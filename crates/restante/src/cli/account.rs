//! `restante account`

use super::account_move;
use super::context::Context;
use super::error::Failure;
use super::output::print;
use super::prompt::Prompt;
use clap::{Args, Subcommand};
use restante_core::settings::Settings;
use restante_core::submission::State;
use restante_engine::{account, secrets};
use restante_store::{Store, StoreError, View};
use serde::Serialize;
use std::process::ExitCode;

/// Show or remove accounts.
#[derive(Debug, Args)]
pub(super) struct Account {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// All accounts.
    List,
    /// One account: its servers, where each value came from, where the password lives.
    Show {
        /// Its name or address; not needed when there is one.
        name: Option<String>,
    },
    Move(account_move::Move),
    /// Forget an account and delete its mail here. Nothing is deleted on the server.
    ///
    /// With the last account every file of mail is deleted. While other accounts remain, the mail is no
    /// longer listed or found, but the contents of its messages stay in the files that all accounts
    /// share: they cannot be cleaned up yet.
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
    imap: &'a Settings,
    smtp: Option<&'a Settings>,
    password: String,
}

impl Account {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self.command {
            Command::List => list(context),
            Command::Show { name } => show(context, name.as_deref()),
            Command::Move(command) => command.run(context),
            Command::Remove { name, yes, discard_unsent } => remove(context, &name, yes, discard_unsent),
        }
    }
}

fn list(context: &Context) -> Result<ExitCode, Failure> {
    let accounts = context.accounts()?;
    if context.output.json {
        let accounts = accounts.all().iter().map(|account| document(context, account)).collect();
        context.output.document("account-list", &Accounts { accounts })?;
    } else {
        let lines: Vec<String> = accounts
            .all()
            .iter()
            .map(|account| format!("{}  {}  {}\n", account.name, account.address, account.imap))
            .collect();
        print(&lines.concat())?;
    }
    Ok(if accounts.all().is_empty() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn show(context: &Context, name: Option<&str>) -> Result<ExitCode, Failure> {
    let accounts = context.accounts()?;
    let account = accounts.find(name.or(context.global.account.as_deref()))?;
    let document = document(context, account);
    if context.output.json {
        context.output.document("account", &document)?;
        return Ok(ExitCode::SUCCESS);
    }
    let smtp = document.smtp.map_or("none: sending was skipped".to_owned(), ToString::to_string);
    let mut text = format!("account   {}\naddress   {}\n", document.account, document.address);
    if !document.name.is_empty() {
        text.push_str(&format!("name      {}\n", document.name));
    }
    text.push_str(&format!("imap      {}\n  user    {}\n", document.imap, document.imap.username));
    text.push_str(&format!("smtp      {smtp}\n"));
    if let Some(smtp) = document.smtp {
        text.push_str(&format!("  user    {}\n", smtp.username));
    }
    text.push_str(&format!("found by  {}\npassword  {}\n", document.source, document.password));
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn remove(context: &Context, name: &str, yes: bool, discard_unsent: bool) -> Result<ExitCode, Failure> {
    if context.global.read_only {
        return Err(Failure::Usage("this removes an account, and --read-only was given".to_owned()));
    }
    let mut accounts = context.accounts()?;
    let account = accounts.find(Some(name))?.clone();
    let (known, others) = match View::open(&context.places.data) {
        Ok(view) => {
            let others = view.accounts()?.iter().any(|other| other.name != account.name);
            (unsent(&view, &account.name)?, others)
        }
        Err(StoreError::Absent(_) | StoreError::Older(_)) => (0, accounts.all().len() > 1),
        Err(error) => return Err(error.into()),
    };
    let refused = |unsent: usize| {
        let text = format!(
            "{} of {} {} not sent yet; nothing was removed (`restante sync` sends, --discard-unsent deletes)",
            messages(unsent),
            account.name,
            if unsent == 1 { "is" } else { "are" }
        );
        Err(Failure::Refused(text))
    };
    if yes && known > 0 && !discard_unsent {
        return refused(known);
    }
    if !yes
        && !Prompt::default()
            .confirm(&question(&account.name, known, others), "--yes removes without asking")?
    {
        return Err(Failure::Negative);
    }
    // The mail first: if that fails, the account is still there to be removed again.
    let mut left = false;
    if context.places.data.exists() {
        let mut store = Store::open(&context.places.data)?;
        let now = unsent(&store, &account.name)?;
        // What was written meanwhile, nobody has agreed to lose.
        if now > known && !discard_unsent {
            return refused(now);
        }
        if let Some(id) = store.find_account(&account.name)? {
            store.remove_account(id)?;
        }
        left = !store.accounts()?.is_empty();
        if !left {
            store.destroy()?;
        }
    }
    secrets::forget(&context.places, &account.name)?;
    accounts.remove(&account.name)?;
    let rest = if left { format!(" {STAYS}") } else { String::new() };
    print(&format!("{} is removed from this machine.{rest}\n", account.name))?;
    Ok(ExitCode::SUCCESS)
}

/// What a removal cannot do while other accounts use the same files.
const STAYS: &str = "The contents of its messages stay in the files it shares with the other accounts: \
    restante no longer shows them and cannot clean them up yet.";

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
        imap: &account.imap,
        smtp: account.smtp.as_ref(),
        password: secrets::describe(&context.places, account),
    }
}
