//! `restante account reauth`

use super::context::Context;
use super::error::Failure;
use super::given::Given;
use super::keep::Keep;
use super::output::print;
use super::prompt::Prompt;
use super::setup::release;
use super::steps::Checklist;
use super::trial::{Trial, Tried};
use clap::Args;
use restante_core::diagnosis::Finding;
use restante_core::message::clean;
use restante_engine::account::{Account, SecretPlace};
use restante_engine::secrets;
use serde::Serialize;
use std::process::ExitCode;

/// Give an account a new password, after it was changed at the provider.
///
/// The password is tried once, for reading and for sending, before it takes the place of the old one.
/// Messages in the outbox that waited for a login that works go with the next sync. Where a command prints
/// the password, the command is run again, unless another place is named.
#[derive(Debug, Args)]
pub(super) struct Reauth {
    /// Its name or address; not needed when there is one.
    name: Option<String>,
    /// Read the password from the first line of standard input.
    #[arg(long)]
    password_stdin: bool,
    /// Run this command whenever the password is needed; it is stored, the password is not.
    #[arg(long, value_name = "CMD", conflicts_with = "password_stdin")]
    password_command: Option<String>,
    #[command(flatten)]
    keep: Keep,
}

#[derive(Serialize)]
struct Document<'a> {
    account: &'a str,
    saved: bool,
    draft: bool,
    password: String,
    findings: &'a [Finding],
    questions: u32,
}

impl Reauth {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        if context.global.read_only {
            return Err(Failure::Usage("this changes a password, and --read-only was given".to_owned()));
        }
        let accounts = context.accounts()?;
        let before = accounts.find(self.name.as_deref().or(context.global.account.as_deref()))?.clone();
        let named = self.password_stdin || self.password_command.is_some();
        let command = match (&before.secret, named, self.keep.keep_in) {
            (SecretPlace::Command(command), false, None) => Some(command.clone()),
            _ => self.password_command.clone(),
        };
        let given = Given::password(self.password_stdin, command);
        let network = context.network()?;
        let checklist = Checklist::new(context);
        let mut prompt = Prompt::for_password();
        let trial = Trial {
            network: &network,
            checklist: &checklist,
            prompt: &mut prompt,
            given: &given,
            address: &before.address,
            pins: before.pins.clone(),
            draft: false,
        };
        let find = async || Ok(given.of_account(&before)?.into());
        let tried = context.block_on(trial.run(find, None))?;
        let Tried { imap, smtp, source, given: mut values, pins, draft, secret, place, findings } = tried;
        values.extend(&before.given);
        values.sort_unstable();
        values.dedup();
        let place = self.keep.place(place, Some(&before.secret));
        let account = Account { imap, smtp, source, given: values, pins, draft, secret: place, ..before };
        let account = self.keep.save(context, account, &secret)?;
        if !account.draft {
            release(context, &account)?;
        }
        let password = secrets::describe(&context.places, &account);
        if context.output.json {
            let document = Document {
                account: &account.name,
                saved: true,
                draft: account.draft,
                password,
                findings: &findings,
                questions: prompt.asked(),
            };
            context.output.document("account-reauth", &document)?;
            return Ok(ExitCode::SUCCESS);
        }
        let done = if account.draft { "is a draft: nothing was proved" } else { "works with this password" };
        print(&clean(&format!("{} {done}.\nThe password is kept: {password}.\n", account.name)))?;
        Ok(ExitCode::SUCCESS)
    }
}
