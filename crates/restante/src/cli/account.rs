//! `restante account`

use super::context::Context;
use super::error::Failure;
use super::output::print;
use super::prompt::Prompt;
use clap::{Args, Subcommand};
use restante_core::settings::Settings;
use restante_engine::{account, secrets};
use restante_store::Store;
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
    /// Forget an account and delete its mail here. Nothing is deleted on the server.
    Remove {
        /// Its name or address.
        name: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
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
            Command::Remove { name, yes } => remove(context, &name, yes),
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

fn remove(context: &Context, name: &str, yes: bool) -> Result<ExitCode, Failure> {
    if context.global.read_only {
        return Err(Failure::Usage("this removes an account, and --read-only was given".to_owned()));
    }
    let mut accounts = context.accounts()?;
    let account = accounts.find(Some(name))?.clone();
    let question = format!("Remove {} and its mail from this machine?", account.name);
    if !yes && !Prompt::default().confirm(&question, "--yes removes without asking")? {
        return Err(Failure::Negative);
    }
    // The mail first: if that fails, the account is still there to be removed again.
    if context.places.data.join("mail.db").exists() {
        let mut store = Store::open(&context.places.data)?;
        if let Some(id) = store.view().find_account(&account.name)? {
            store.remove_account(id)?;
        }
    }
    secrets::forget(&context.places, &account.name)?;
    accounts.remove(&account.name)?;
    print(&format!("{} is removed from this machine.\n", account.name))?;
    Ok(ExitCode::SUCCESS)
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
