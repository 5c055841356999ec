//! `restante export`

use super::change::{count, inside};
use super::context::Context;
use super::error::Failure;
use super::import::{Unread, bar, name_unreadable};
use super::list::filter;
use super::move_::is_inside;
use super::output::print;
use super::sync::octets;
use clap::{Args, ValueEnum};
use restante_core::message::{clean, clean_line};
use restante_core::query::{self, Query};
use restante_engine::Error;
use restante_engine::transfer::{self, Exported, Target};
use restante_store::{Filter, MailboxId, MailboxRow};
use serde::Serialize;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// So many messages of which only the beginning is here are named one by one.
const NAMED: usize = 20;

/// Export mail to Maildir, mbox or .eml files, octet by octet. No network is used.
///
/// What goes out is what the query finds, or all mail of the account; a query with in: takes it from those mailboxes
/// alone. A Maildir gets a folder for each mailbox, as Maildir++ has them, with flags in the names of files. For
/// mbox, DIR gets a file for each mailbox, and a path that ends with .mbox is one file for everything; lines that
/// begin with `From ` are quoted as mboxrd, and flags are in Status and X-Status. An .eml file is the message alone,
/// without flags.
///
/// Nothing is overwritten. A message that a Maildir or a folder of .eml files has already is passed over; an mbox that
/// exists is refused. A message of which only the beginning is here is not exported: it is named, and the command
/// ends with 75.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
\x20 restante export ~/backup\n\
\x20 restante export --format mbox from:bob ~/bob.mbox\n\
\x20 restante export --format eml --account archive in:Letters ~/letters")]
pub(super) struct Export {
    /// What to export, then the folder or file it goes to.
    #[arg(value_name = "[QUERY]… DIR|FILE", required = true)]
    words: Vec<OsString>,
    /// What is written; maildir, or mbox for a path that ends with .mbox.
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A Maildir, with a folder for each mailbox.
    Maildir,
    /// A file for each mailbox, or one for everything.
    Mbox,
    /// A file for each message.
    Eml,
}

#[derive(Serialize)]
struct Document<'a> {
    account: &'a str,
    format: &'static str,
    path: &'a str,
    mailboxes: Vec<Mailbox<'a>>,
    /// Messages written, in each mailbox they are in.
    written: u64,
    /// Messages that were there.
    already: u64,
    /// Octets written.
    octets: u64,
    /// Messages of which only the beginning is here.
    partial: &'a BTreeSet<String>,
    unreadable: Vec<Unread<'a>>,
}

#[derive(Serialize)]
struct Mailbox<'a> {
    name: &'a str,
    written: u64,
    already: u64,
}

impl Export {
    pub(super) fn run(mut self, context: &Context) -> Result<ExitCode, Failure> {
        let path = path(self.words.pop().unwrap_or_default())?;
        let words = self.words.into_iter().map(|word| {
            let refused = |word: OsString| {
                Failure::Usage(format!("`{}` is no text, so no query", clean_line(&word.to_string_lossy())))
            };
            word.into_string().map_err(refused)
        });
        let words: Vec<String> = words.collect::<Result<_, _>>()?;
        let is_file =
            path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("mbox")) && !path.is_dir();
        let format = self.format.unwrap_or(if is_file { Format::Mbox } else { Format::Maildir });
        let view = context.view()?;
        let accounts = context.accounts()?;
        let name = accounts.name_of(context.global.account.as_deref())?;
        let account = view
            .find_account(name)?
            .ok_or_else(|| Failure::NotFound(format!("there is no mail of {name} yet")))?;
        let filter = Filter { account: Some(account), ..filter(context, &view, &words)? };
        let rows = view.mailboxes(account)?;
        let within = inside(&filter.query);
        let chosen: BTreeSet<MailboxId> = rows
            .iter()
            .filter(|row| within.is_empty() || is_inside(row, &within))
            .map(|row| row.id)
            .collect();
        // Of what was asked for by a query, an empty mailbox is no part.
        let everything = filter.query == Query::everything();
        let made: Vec<MailboxRow> = if everything { rows } else { Vec::new() };
        let target = Target { format: format.of(), path, single: format == Format::Mbox && is_file };
        let bar = bar(context);
        let exported = transfer::export(
            &view,
            &filter,
            |place| chosen.contains(&place.mailbox),
            &made,
            &target,
            |done| {
                if done % 100 == 0 {
                    bar.set_message(format!("{done} messages"));
                    bar.tick();
                }
            },
        );
        bar.finish_and_clear();
        let exported = exported.map_err(|error| match error {
            Error::File { path, source } if source.kind() == std::io::ErrorKind::AlreadyExists => {
                Failure::Refused(format!("{}: {source}", path.display()))
            }
            other => other.into(),
        })?;
        report(context, name, format, &target, &exported)
    }
}

impl Format {
    fn of(self) -> transfer::Format {
        match self {
            Self::Maildir => transfer::Format::Maildir,
            Self::Mbox => transfer::Format::Mbox,
            Self::Eml => transfer::Format::Eml,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Maildir => "maildir",
            Self::Mbox => "mbox",
            Self::Eml => "eml",
        }
    }
}

/// Where it goes: the last word, which need not be UTF-8. One that is meant for the query is no place.
fn path(word: OsString) -> Result<PathBuf, Failure> {
    let Some(text) = word.to_str() else { return Ok(PathBuf::from(word)) };
    // What begins with a hyphen comes with a space before it; see `shield`.
    let text = text.trim_start();
    let path = PathBuf::from(text);
    let name = text.trim_start_matches('-').split_once(':').map(|(name, _)| name);
    if name.is_some_and(query::is_field) && !path.exists() {
        let text = clean_line(text);
        return Err(Failure::Usage(format!(
            "say where to after the query: `{text}` is a part of it; a folder of that name is `./{text}`"
        )));
    }
    Ok(path)
}

fn report(
    context: &Context,
    account: &str,
    format: Format,
    target: &Target,
    exported: &Exported,
) -> Result<ExitCode, Failure> {
    let Exported { mailboxes, partial, unreadable, octets: size } = exported;
    let written: u64 = mailboxes.values().map(|count| count.new).sum();
    let already: u64 = mailboxes.values().map(|count| count.held).sum();
    let exit = if !unreadable.is_empty() {
        65
    } else if !partial.is_empty() {
        75
    } else {
        u8::from(written + already == 0)
    };
    let path = target.path.to_string_lossy();
    if context.output.json {
        let rows = mailboxes.iter();
        let rows = rows.map(|(name, count)| Mailbox { name, written: count.new, already: count.held });
        let document = Document {
            account,
            format: format.as_str(),
            path: &path,
            mailboxes: rows.collect(),
            written,
            already,
            octets: *size,
            partial,
            unreadable: Unread::of(unreadable),
        };
        context.output.document("export", &document)?;
        return Ok(ExitCode::from(exit));
    }
    let messages = count(usize::try_from(written).unwrap_or(usize::MAX));
    let mut text = format!("{messages}, {}, to {path}", octets(*size));
    if already > 0 {
        text.push_str(&format!("; {already} {} there already", if already == 1 { "was" } else { "were" }));
    }
    print(&format!("{}\n", clean(&clean_line(&text))))?;
    for id in partial.iter().take(NAMED) {
        eprintln!("not exported: only the beginning of {} is here", clean_line(id));
    }
    if !partial.is_empty() {
        eprintln!(
            "{} left out; `restante read ID` fetches one, and a wider `keep` and `whole` all with the next sync",
            if partial.len() == 1 {
                "1 message is".to_owned()
            } else {
                format!("{} messages are", partial.len())
            }
        );
    }
    name_unreadable(unreadable);
    Ok(ExitCode::from(exit))
}
