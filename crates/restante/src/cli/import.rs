//! `restante import`

use super::context::{Context, now};
use super::error::Failure;
use super::output::print;
use super::sync::octets;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use restante_core::mail::MailboxName;
use restante_core::message::{clean, clean_line};
use restante_engine::sync::{self, Keeper};
use restante_engine::transfer::{self, Imported, Order, Unreadable};
use restante_store::StoreError;
use serde::Serialize;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// What the account is called that an import makes.
const NAME: &str = "archive";
/// So many files that could not be read are named one by one.
const NAMED: usize = 20;
/// So many files that hold no mail are named one by one.
const IGNORED: usize = 10;

/// Import mail from Maildir, MH, mbox and files of one message into a local account.
///
/// A local account has no server: its mail is on this machine alone, and can be searched, read, marked, moved and
/// taken back at once. It is made when it is not there. Folders are searched, but for hidden ones and links to folders,
/// and what there is is found by looking into the files: a folder with `cur` and `new` is a Maildir; a file that
/// begins with a header, or is called .eml, is a message of its folder's mailbox; a file that begins with `From ` is an
/// mbox and a mailbox of its own. But where ten files of a folder or more hold one message each, and most of its files
/// do, those that begin with `From ` are messages of its mailbox too; that line is no part of them. Mailboxes are
/// called as folders and files are; messages of which neither says a name go to INBOX. Flags come with Maildir, MH and mbox.
///
/// Every message is kept octet by octet, and the files stay as they are. A message that its mailbox has already is
/// passed over and counted, so an import that was ended is completed by running it again. What looks like mail and
/// could not be read is named, the rest comes, and the command ends with 65. Other files in folders that hold no mail
/// are named too, and change nothing about how it ends. Without --account, mail goes to the only local account, or to a
/// new one called archive.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
\x20 restante import ~/Maildir\n\
\x20 restante import --account old-job --into Letters letters.mbox\n\
\x20 restante import --format mbox ~/mboxes        # each file that begins with `From ` a mailbox")]
pub(super) struct Import {
    /// Files and folders.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// The mailbox it goes into; that of folders goes below. `/` stands between levels.
    #[arg(long, value_name = "MAILBOX")]
    into: Option<String>,
    /// What the files are, where looking does not tell.
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A Maildir, with its folders.
    Maildir,
    /// All messages of a mailbox in one file.
    Mbox,
    /// The same, from a program that quotes `From ` and leaves `>From ` as it is.
    Mboxo,
    /// A message in each file.
    Eml,
}

#[derive(Serialize)]
struct Document<'a> {
    account: &'a str,
    /// Whether the account was made.
    made: bool,
    mailboxes: Vec<Mailbox<'a>>,
    new: u64,
    already: u64,
    /// Octets of the messages that were read.
    octets: u64,
    unreadable: Vec<Unread<'a>>,
    /// How many files hold no mail.
    ignored: usize,
    /// Which.
    ignored_files: &'a [String],
}

#[derive(Serialize)]
struct Mailbox<'a> {
    name: &'a str,
    new: u64,
    already: u64,
}

/// What could not be read, as documents print it.
#[derive(Serialize)]
pub(super) struct Unread<'a> {
    what: &'a str,
    why: &'a str,
}

impl<'a> Unread<'a> {
    pub(super) fn of(list: &'a [Unreadable]) -> Vec<Self> {
        list.iter().map(|unreadable| Self { what: &unreadable.what, why: &unreadable.why }).collect()
    }
}

impl Import {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        context.may_change()?;
        for path in &self.paths {
            if let Err(error) = std::fs::metadata(path) {
                let what = format!("{}: {error}", path.display());
                return Err(match error.kind() {
                    std::io::ErrorKind::NotFound => Failure::NotFound(what),
                    _ => Failure::Io(what),
                });
            }
        }
        let into = self.into.as_deref().map(mailbox).transpose()?;
        let mut accounts = context.accounts()?;
        let name = match (&context.global.account, accounts.local()) {
            (Some(name), _) => match accounts.find_local(name) {
                Some(known) => known.to_owned(),
                None if accounts.find(Some(name)).is_ok() => {
                    return Err(Failure::Usage(format!(
                        "{name} is an account with a server; mail is imported into a local one, which \
                         `--account NAME` names, and makes when it is not there"
                    )));
                }
                None => new_name(name)?,
            },
            (None, []) => NAME.to_owned(),
            (None, [only]) => only.clone(),
            (None, several) => {
                return Err(Failure::Usage(format!(
                    "say into which account with --account: {}",
                    several.join(", ")
                )));
            }
        };
        let format = self.format.map(Format::of);
        if let Some(nothing) = transfer::look(format, &self.paths) {
            return report(context, &name, false, &nothing);
        }
        let made = accounts.find_local(&name).is_none();
        let mut store = context.store_to_index()?;
        if made
            && store.view().find_account(&name)?.is_some_and(|id| !store.view().is_local(id).unwrap_or(false))
        {
            return Err(exists(&name));
        }
        accounts.save_local(&name)?;
        let account = store.local_account(&name).map_err(|error| match error {
            StoreError::Exists(_) => exists(&name),
            other => other.into(),
        })?;
        let order = Order { account, into, format, paths: self.paths };
        let bar = bar(context);
        let imported = transfer::import(&mut store, &order, now(), |progress| {
            bar.set_message(format!("{} messages, {}", progress.messages, octets(progress.octets)));
            bar.tick();
        })?;
        bar.set_message("making them searchable");
        let keeper = Keeper::start(store)?;
        context.block_on(async { Ok(sync::index(&keeper).await?) })?;
        keeper.close()?;
        bar.finish_and_clear();
        report(context, &name, made, &imported)
    }
}

/// An account of that name has mail of a server.
fn exists(name: &str) -> Failure {
    Failure::Usage(format!(
        "there is mail of an account with a server called `{name}` here; --account names another"
    ))
}

impl Format {
    fn of(self) -> transfer::Format {
        match self {
            Self::Maildir => transfer::Format::Maildir,
            Self::Mbox => transfer::Format::Mbox,
            Self::Mboxo => transfer::Format::Mboxo,
            Self::Eml => transfer::Format::Eml,
        }
    }
}

/// A mailbox's name, as a person gives it.
fn mailbox(name: &str) -> Result<MailboxName, Failure> {
    let bad = name.split('/').any(str::is_empty) || name.chars().any(char::is_control);
    match bad {
        true => Err(Failure::Usage(format!("`{}` cannot be a mailbox's name", clean_line(name)))),
        false => Ok(MailboxName::new(name)),
    }
}

/// An account's name, as a person gives it.
fn new_name(name: &str) -> Result<String, Failure> {
    match name.is_empty() || name.chars().any(|c| c.is_control()) {
        true => Err(Failure::Usage(format!("`{}` cannot be an account's name", clean_line(name)))),
        false => Ok(name.to_owned()),
    }
}

/// What a person at a terminal sees meanwhile.
pub(super) fn bar(context: &Context) -> ProgressBar {
    if context.output.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    ProgressBar::no_length()
        .with_style(ProgressStyle::with_template("  {msg}").unwrap_or(ProgressStyle::default_bar()))
}

fn report(context: &Context, name: &str, made: bool, imported: &Imported) -> Result<ExitCode, Failure> {
    let new = imported.mailboxes.values().map(|count| count.new).sum();
    let already = imported.mailboxes.values().map(|count| count.held).sum();
    let exit = if imported.unreadable.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(65) };
    if !imported.found && imported.unreadable.is_empty() {
        if !context.output.json {
            name_ignored(&imported.ignored);
        }
        return Err(Failure::Data(
            "there is neither a Maildir nor an mbox nor a message; --format says what the files are"
                .to_owned(),
        ));
    }
    if context.output.json {
        let mailboxes = imported.mailboxes.iter();
        let mailboxes = mailboxes.map(|(name, count)| Mailbox { name, new: count.new, already: count.held });
        let document = Document {
            account: name,
            made,
            mailboxes: mailboxes.collect(),
            new,
            already,
            octets: imported.octets,
            unreadable: Unread::of(&imported.unreadable),
            ignored: imported.ignored.len(),
            ignored_files: &imported.ignored,
        };
        context.output.document("import", &document)?;
        return Ok(exit);
    }
    let mut text = String::new();
    for (mailbox, count) in &imported.mailboxes {
        let held = if count.held > 0 { format!(", {} already there", count.held) } else { String::new() };
        text.push_str(&format!("{mailbox}: {} new{held}\n", count.new));
    }
    if made {
        text.push_str(&format!("{name} is a local account now: its mail is on this machine alone\n"));
    }
    print(&clean(&text))?;
    name_unreadable(&imported.unreadable);
    name_ignored(&imported.ignored);
    Ok(exit)
}

/// Says which files hold no mail.
fn name_ignored(files: &[String]) {
    for file in files.iter().take(IGNORED) {
        eprintln!("{}", clean_line(&format!("holds no mail: {file}")));
    }
    match files.len().saturating_sub(IGNORED) {
        0 => {}
        1 => eprintln!("and 1 more that holds no mail; --json names all"),
        more => eprintln!("and {more} more that hold no mail; --json names all"),
    }
}

/// Says what could not be read.
pub(super) fn name_unreadable(list: &[Unreadable]) {
    for unreadable in list.iter().take(NAMED) {
        eprintln!("{}", clean_line(&format!("cannot be read: {}: {}", unreadable.what, unreadable.why)));
    }
    if list.len() > NAMED {
        eprintln!("and {} more; --json names all", list.len() - NAMED);
    }
}
