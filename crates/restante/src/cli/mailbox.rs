//! `restante mailbox`

use super::bring::{Line, State, bring, explain, settle};
use super::change::count;
use super::context::{Context, now};
use super::error::Failure;
use super::list::account_id;
use super::move_::find;
use super::output::print;
use super::prompt::Prompt;
use super::scene::Scene;
use super::wrap::{columns, wrapped};
use clap::{Args, Subcommand};
use restante_core::mail::{Mailbox as Described, MailboxName, SpecialUse};
use restante_core::message::clean_line;
use restante_engine::sync;
use restante_store::{AccountId, Ask, Desk, Intent, Kind, MailboxRow, Requested, StoreError, namespace_of};
use serde::Serialize;
use std::collections::BTreeSet;
use std::process::ExitCode;
use unicode_width::UnicodeWidthStr;

/// Show the mailboxes of an account, make new ones, rename and remove them.
///
/// Names are as people read them, with the server's own delimiter between levels. All but `remove` can be
/// taken back with `restante undo`.
#[derive(Debug, Args)]
pub(super) struct Mailbox {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Every mailbox: its name, what it is for (RFC 6154), how many messages are in it and how many of them
    /// unread, and what waits for the server or was refused.
    List,
    /// Make a mailbox and subscribe to it.
    ///
    /// Where the server keeps everything below INBOX, so is the new one.
    #[command(after_help = "Example:\n  restante mailbox create Work/Invoices")]
    Create {
        /// Its name.
        name: String,
    },
    /// Give a mailbox another name. What is in it, and below it, stays.
    #[command(after_help = "Example:\n  restante mailbox rename Work Job")]
    Rename {
        /// Its name now.
        old: String,
        /// The full new name.
        new: String,
    },
    /// Remove a mailbox with everything in it. This cannot be taken back.
    ///
    /// One that holds messages is removed only when that is confirmed at a terminal, or with --yes.
    #[command(after_help = "Example:\n  restante mailbox remove Old --yes")]
    Remove {
        /// Its name.
        name: String,
        /// Remove it though it holds messages.
        #[arg(long)]
        yes: bool,
    },
    /// Subscribe to a mailbox: other programs show it then.
    Subscribe {
        /// Its name.
        name: String,
    },
    /// Subscribe to a mailbox no more. It stays where it is, and so does what is in it.
    Unsubscribe {
        /// Its name.
        name: String,
    },
}

#[derive(Serialize)]
struct List {
    mailboxes: Vec<Entry>,
}

/// A mailbox as the list prints it.
#[derive(Serialize)]
struct Entry {
    account: String,
    name: String,
    /// As `archive`; null when the server marks it with none.
    special_use: Option<String>,
    /// Whose it is, as `personal`, `other-users` or `shared` (RFC 2342); null when the server does not say.
    namespace: Option<&'static str>,
    /// Whether it can hold messages.
    selectable: bool,
    /// The server has not made it yet.
    pending: bool,
    total: u64,
    unread: u64,
    waiting: u64,
    refused: u64,
}

#[derive(Serialize)]
struct Document<'a> {
    request: i64,
    words: &'a str,
    state: State,
    operations: &'a [Line],
    notes: &'a [String],
    why: Option<&'a str>,
}

impl Mailbox {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self.command {
            Command::List => list(context),
            Command::Create { name } => create(context, &name),
            Command::Rename { old, new } => rename(context, &old, &new),
            Command::Remove { name, yes } => remove(context, &name, yes),
            Command::Subscribe { name } => subscribe(context, &name, true),
            Command::Unsubscribe { name } => subscribe(context, &name, false),
        }
    }
}

fn list(context: &Context) -> Result<ExitCode, Failure> {
    let view = context.view()?;
    let only = account_id(context, &view)?;
    let mut mailboxes = Vec::new();
    for account in view.accounts()?.into_iter().filter(|account| only.is_none_or(|id| account.id == id)) {
        let counts = view.counts(account.id)?;
        let namespaces = view.namespaces(account.id)?;
        for row in view.mailboxes(account.id)? {
            let namespace = namespace_of(&namespaces, &row.mailbox.name);
            let counts = counts.get(&row.id).copied().unwrap_or_default();
            let special_use = row.mailbox.special_use.map(word);
            mailboxes.push(Entry {
                account: account.name.clone(),
                name: row.mailbox.name.as_str().to_owned(),
                special_use,
                namespace: namespace.map(|namespace| namespace.kind.as_str()),
                selectable: row.mailbox.selectable,
                pending: row.pending,
                total: counts.total,
                unread: counts.unseen,
                waiting: counts.waiting,
                refused: counts.refused,
            });
        }
    }
    // The INBOX is what a person looks for.
    mailboxes.sort_by_key(|entry| (entry.account.clone(), entry.name != "INBOX"));
    let exit = ExitCode::from(u8::from(mailboxes.is_empty()));
    if context.output.json {
        context.output.document("mailbox-list", &List { mailboxes })?;
    } else {
        print(&wrapped(&table(&mailboxes, columns()), std::io::stdout()))?;
    }
    Ok(exit)
}

/// What a special use is called where people name mailboxes by it.
fn word(special_use: SpecialUse) -> String {
    special_use.attribute().trim_start_matches('\\').to_ascii_lowercase()
}

/// Columns that follow a name, as far as most lines go.
const BESIDE: usize = 31;

/// The mailboxes, below each other where the lines have the columns for that.
fn table(entries: &[Entry], columns: Option<usize>) -> String {
    let accounts: BTreeSet<&str> = entries.iter().map(|entry| entry.account.as_str()).collect();
    let names: Vec<_> = entries.iter().map(|entry| clean_line(&entry.name)).collect();
    let wide = names.iter().map(|name| name.width()).max().unwrap_or(0);
    let (wide, use_wide, total_wide) = match columns {
        Some(columns) if wide + BESIDE > columns => (0, 0, 0),
        _ => (wide, 9, 6),
    };
    let mut text = String::new();
    let mut account = "";
    for (entry, name) in entries.iter().zip(&names) {
        if accounts.len() > 1 && entry.account != account {
            account = &entry.account;
            text.push_str(&format!("{}:\n", clean_line(account)));
        }
        let special = entry.special_use.as_deref().unwrap_or_default();
        let mut line = format!("{name}{}", " ".repeat(wide.saturating_sub(name.width())));
        if use_wide > 0 || !special.is_empty() {
            line.push_str(&format!("  {special:<use_wide$}"));
        }
        if entry.selectable {
            line.push_str(&format!("  {:>total_wide$}", entry.total));
        }
        let mut rest = Vec::new();
        if let Some(whose @ ("other-users" | "shared")) = entry.namespace {
            rest.push(whose.replace('-', " "));
        }
        for (count, what) in [
            (entry.unread, "unread"),
            (entry.waiting, "waiting"),
            (entry.refused, "refused (see `restante undo --list`)"),
        ] {
            if count > 0 {
                rest.push(format!("{count} {what}"));
            }
        }
        if entry.pending {
            rest.push("not on the server yet".to_owned());
        }
        if !rest.is_empty() {
            line.push_str(&format!("  {}", rest.join(", ")));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn create(context: &Context, name: &str) -> Result<ExitCode, Failure> {
    let mut desk = context.desk()?;
    let account = only_account(context, &desk)?;
    let scene = Scene::new(&desk)?;
    let listed: Vec<Described> = scene.mailboxes(account).iter().map(|row| row.mailbox.clone()).collect();
    let delimiter = listed.iter().find_map(|mailbox| mailbox.delimiter);
    let mut notes = Vec::new();
    let name = checked(name, delimiter, &mut notes)?;
    let namespaces = scene.namespaces(account);
    // An empty prefix of others is what no other prefix fits (Cyrus): a name as people type it is meant for their own.
    if let Some(others) = namespace_of(&namespaces, &name)
        .filter(|found| found.kind != Kind::Personal && !found.prefix.is_empty())
    {
        return Err(Failure::Usage(format!(
            "names that begin with `{}` are for mailboxes that are not this account's alone ({}): nothing is made there",
            others.prefix,
            others.kind.as_str()
        )));
    }
    let below = delimiter.map(|delimiter| format!("INBOX{delimiter}"));
    let full = match below.filter(|below| name.as_str().starts_with(below)) {
        Some(_) => name.clone(),
        None => sync::new_name(&namespaces, &listed, name.as_str()),
    };
    if full != name {
        notes.push(format!(
            "{} keeps its mailboxes below INBOX, and so is the new one",
            scene.account(account)
        ));
    }
    let mailbox = Described { name: full, delimiter, special_use: None, selectable: true };
    let words = format!("create mailbox {}", mailbox.name);
    let (id, requested) =
        desk.request_mailbox(&words, account, &mailbox, now()).map_err(|error| match error {
            StoreError::Exists(_) => Failure::Refused(format!("there is a mailbox {} already", mailbox.name)),
            other => other.into(),
        })?;
    let line = Scene::new(&desk)?.line(id, None, &Intent::Create { special_use: None })?;
    let done = format!("created mailbox {}", mailbox.name);
    finish(context, desk, Asked { account, words, done, requested, line, notes })
}

fn rename(context: &Context, old: &str, new: &str) -> Result<ExitCode, Failure> {
    let desk = context.desk()?;
    let (account, row) = named(context, &desk, old)?;
    let mut notes = Vec::new();
    let to = checked(new, row.mailbox.delimiter, &mut notes)?;
    if row.mailbox.name.is_inbox() {
        return Err(Failure::Usage(
            "INBOX cannot get another name: a server only moves its messages away then \
             (RFC 9051, section 6.3.6); `restante move --query in:inbox --to …` does that"
                .to_owned(),
        ));
    }
    if desk.mailboxes(account)?.iter().any(|other| other.mailbox.name == to) {
        return Err(Failure::Refused(format!("there is a mailbox {to} already")));
    }
    notes.extend(warning(&row, "its use may not go with the name"));
    let name = &row.mailbox.name;
    let (words, done) = (format!("rename mailbox {name} to {to}"), format!("renamed mailbox {name} to {to}"));
    ask(context, desk, account, &row, Intent::Rename { to }, words, done, notes)
}

fn remove(context: &Context, name: &str, yes: bool) -> Result<ExitCode, Failure> {
    let desk = context.desk()?;
    let (account, row) = named(context, &desk, name)?;
    let name = row.mailbox.name.clone();
    if name.is_inbox() {
        return Err(Failure::Usage("INBOX cannot be removed (RFC 9051, section 6.3.5)".to_owned()));
    }
    let counts = desk.counts(account)?.get(&row.id).copied().unwrap_or_default();
    if counts.total > 0 && !yes {
        let messages = count(usize::try_from(counts.total).unwrap_or(usize::MAX));
        if !Prompt::is_possible() {
            return Err(Failure::Refused(format!(
                "{name} holds {messages}, which would go with it for good; --yes removes it"
            )));
        }
        let question = format!("remove {name} with {messages} for good?");
        if !Prompt::default().key(&clean_line(&question), "--yes answers it")? {
            return Err(Failure::Refused("nothing was changed".to_owned()));
        }
    }
    let notes = warning(&row, "another program may make a new one").into_iter().collect();
    let (words, done) = (format!("remove mailbox {name}"), format!("removed mailbox {name}"));
    ask(context, desk, account, &row, Intent::Delete, words, done, notes)
}

fn subscribe(context: &Context, name: &str, on: bool) -> Result<ExitCode, Failure> {
    let desk = context.desk()?;
    let (account, row) = named(context, &desk, name)?;
    let name = &row.mailbox.name;
    let (words, done) = if on {
        (format!("subscribe to {name}"), format!("subscribed to {name}"))
    } else {
        (format!("unsubscribe from {name}"), format!("unsubscribed from {name}"))
    };
    ask(context, desk, account, &row, Intent::Subscribe(on), words, done, Vec::new())
}

/// What a person should know when a mailbox with a use goes or gets another name.
fn warning(row: &MailboxRow, what: &str) -> Option<String> {
    let special_use = row.mailbox.special_use?;
    Some(format!("{} is the mailbox for {}; {what}", row.mailbox.name, word(special_use)))
}

/// The account that was named, or the only one.
fn only_account(context: &Context, desk: &Desk) -> Result<AccountId, Failure> {
    let name = context.accounts()?.name_of(context.global.account.as_deref())?.to_owned();
    let found = desk.find_account(&name)?;
    found.ok_or_else(|| {
        Failure::NotFound(format!("the mailboxes of {name} are not known yet; `restante sync` asks for them"))
    })
}

fn named(context: &Context, desk: &Desk, name: &str) -> Result<(AccountId, MailboxRow), Failure> {
    let account = only_account(context, desk)?;
    let rows = desk.mailboxes(account)?;
    let row = find(&rows.iter().collect::<Vec<_>>(), name).cloned().ok_or_else(|| {
        Failure::NotFound(format!("there is no mailbox `{name}`; `restante mailbox list` shows them"))
    })?;
    if row.pending {
        let made = desk.operations(row.id)?.into_iter().find(|o| matches!(o.intent, Intent::Create { .. }));
        let undo = made.map(|o| format!("; `restante undo {}` takes it back", o.request)).unwrap_or_default();
        return Err(Failure::Refused(format!("{} is not on the server yet{undo}", row.mailbox.name)));
    }
    Ok((account, row))
}

/// A name as a server can take it.
fn checked(name: &str, delimiter: Option<char>, notes: &mut Vec<String>) -> Result<MailboxName, Failure> {
    let bad = |why: String| Err(Failure::Usage(format!("`{name}` cannot be a mailbox's name: {why}")));
    if name.is_empty() {
        return bad("it is empty".to_owned());
    }
    if let Some(c) = name.chars().find(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return bad(format!("it holds `{}`", c.escape_unicode()));
    }
    if let Some(delimiter) = delimiter {
        if name.split(delimiter).any(str::is_empty) {
            return bad(format!("a level between `{delimiter}` is empty"));
        }
        if delimiter != '/' && name.contains('/') {
            notes.push(format!("`/` is part of the name: this server puts `{delimiter}` between levels"));
        }
    }
    Ok(MailboxName::new(name))
}

/// A request about one mailbox.
struct Asked {
    account: AccountId,
    words: String,
    done: String,
    requested: Requested,
    line: Line,
    notes: Vec<String>,
}

#[allow(clippy::too_many_arguments, reason = "each of them is said in one word")]
fn ask(
    context: &Context,
    mut desk: Desk,
    account: AccountId,
    row: &MailboxRow,
    intent: Intent,
    words: String,
    done: String,
    notes: Vec<String>,
) -> Result<ExitCode, Failure> {
    let line = Scene::new(&desk)?.line(row.id, None, &intent)?;
    let requested = desk.request(&words, &[Ask { mailbox: row.id, uid: None, intent }], now())?;
    finish(context, desk, Asked { account, words, done, requested, line, notes })
}

/// Brings what was asked to the server and says what came of it.
fn finish(context: &Context, desk: Desk, asked: Asked) -> Result<ExitCode, Failure> {
    let Asked { account, words, done, requested, mut line, notes } = asked;
    line.take(requested.id, requested.operations.first().copied());
    let why = bring(context, desk, &BTreeSet::from([account]))?;
    let removal = line.is_removal();
    let mut lines = [line];
    let state = settle(context, &mut lines)?;
    if context.output.json {
        let document = Document {
            request: requested.id.get(),
            words: &words,
            state,
            operations: &lines,
            notes: &notes,
            why: why.words(),
        };
        context.output.document("mailbox", &document)?;
        return Ok(why.exit(state));
    }
    for note in &notes {
        eprintln!("{}", clean_line(note));
    }
    let undo = format!("; `restante undo {}` takes it back", requested.id);
    let text = match state {
        State::Done if removal => done,
        State::Done => format!("{done}{undo}"),
        State::Refused | State::Superseded => format!("could not {words}{undo}"),
        // What is in it goes with it.
        _ if removal => {
            format!("{done} here, the server follows{undo} as long as the server has not done it")
        }
        _ => format!("{done} here, the server follows{undo}"),
    };
    print(&format!("{}\n", clean_line(&text)))?;
    explain(&lines, &why);
    Ok(why.exit(state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_no_empty_level_and_nothing_that_drives_a_terminal() {
        let check = |name: &str, delimiter| checked(name, delimiter, &mut Vec::new());
        for good in ["Work", "Work/Old", "Größe", "a.b"] {
            assert_eq!(check(good, Some('/')).unwrap().as_str(), good);
        }
        for bad in ["", "/a", "a/", "a//b", "a\tb", "a\u{9b}b", "a\u{2028}b"] {
            assert!(matches!(check(bad, Some('/')), Err(Failure::Usage(_))), "{bad:?}");
        }
        assert!(check("a//b", Some('.')).is_ok());
        assert!(check("a/", None).is_ok());
    }
}
