//! `restante setup`

use super::context::{Context, now};
use super::error::Failure;
use super::given::Given;
use super::keep::{Keep, unless_busy};
use super::output::print;
use super::prompt::Prompt;
use super::steps::{Checklist, found};
use super::trial::Trial;
use clap::Args;
use restante_core::diagnosis::Finding;
use restante_core::mail::Address;
use restante_core::settings::{Settings, Source};
use restante_engine::account::Account;
use restante_engine::{secrets, submit};
use serde::Serialize;
use std::process::ExitCode;

/// Find, verify and save an account: two questions, the address and the password.
///
/// The settings are found from the address alone. Nothing is saved before reading and sending were both
/// tried; the password goes once to the IMAP server and once to the submission server, nowhere else, after their
/// certificates were verified. On a terminal, what fails can be mended on the spot.
#[derive(Debug, Args)]
pub(super) struct Setup {
    /// Your e-mail address.
    address: Option<String>,
    /// Your name, as people you write to see it.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    given: Given,
    #[command(flatten)]
    keep: Keep,
    /// Save without trying, to be mended later with `account edit`.
    #[arg(long)]
    draft: bool,
    /// Try everything and save nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    account: &'a str,
    settings: Chosen<'a>,
    saved: bool,
    draft: bool,
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
        let mut prompt = Prompt::for_password();
        let typed = match &self.address {
            Some(address) => address.clone(),
            None => prompt.line("E-mail address:", "give it on the command line")?,
        };
        let address = Address::parse(&typed).map_err(Failure::address)?;
        if self.name.as_deref().is_some_and(|name| name.contains(char::is_control)) {
            return Err(Failure::Usage("--name has a line break or another control character".to_owned()));
        }
        let network = context.network()?;
        let checklist = Checklist::new(context);
        let trial = Trial {
            network: &network,
            checklist: &checklist,
            prompt: &mut prompt,
            given: &self.given,
            address: &address,
            pins: Vec::new(),
            draft: self.draft,
        };
        let find = async || {
            let looked = self.given.candidate(&network, &address, &checklist).await?;
            checklist.line(true, &found(&looked.candidate));
            Ok(looked)
        };
        let tried = context.block_on(trial.run(find, None))?;
        let mut account = Account {
            name: context.global.account.clone().unwrap_or_else(|| address.to_string()),
            address: address.clone(),
            display_name: self.name.clone().unwrap_or_default(),
            imap: tried.imap,
            smtp: tried.smtp,
            source: tried.source,
            given: tried.given,
            pins: tried.pins,
            draft: tried.draft,
            secret: tried.place,
            selection: restante_core::sync::Selection::default(),
        };
        if !self.dry_run {
            account.secret = self.keep.place(account.secret, None);
            account = self.keep.save(context, account, &tried.secret)?;
            release(context, &account)?;
        }
        self.report(context, &account, &tried.findings, prompt.asked())
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
                draft: account.draft,
                findings,
                questions,
            };
            context.output.document("setup", &document)?;
            return Ok(ExitCode::SUCCESS);
        }
        let done = match (self.dry_run, account.draft) {
            (true, true) => "would be a draft; nothing was saved (--dry-run)",
            (true, false) => "works; nothing was saved (--dry-run)",
            (false, true) => "is saved as a draft: it was not tried",
            (false, false) => "is set up",
        };
        let mut text = format!("{} {done}.\n", account.name);
        if !self.dry_run {
            text.push_str(&format!(
                "The password is kept: {}.\n",
                secrets::describe(&context.places, account)
            ));
            let next = match account.draft {
                true => format!("`restante account edit {}` changes it and tries it", account.name),
                false => "`restante sync` fetches the mail".to_owned(),
            };
            text.push_str(&format!("Next: {next}.\n"));
        }
        print(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Messages that waited for a login that works may go with the next sync.
pub(super) fn release(context: &Context, account: &Account) -> Result<(), Failure> {
    unless_busy(context, account, |store, id| {
        submit::release(store, id, now()).map(|_| ()).map_err(Failure::from)
    })
}
