//! What a shell offers when a person presses Tab: mailboxes, accounts and senders as they are here, not only options.
//!
//! The script of `restante completions` asks this program with `COMPLETE` set; nothing is changed and no network is
//! used. What cannot be read is not offered.

use super::Cli;
use clap::{Command, CommandFactory};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use etcetera::BaseStrategy;
use restante_core::message::clean_line;
use restante_engine::Places;
use restante_engine::account::Accounts;
use restante_store::View;
use std::ffi::OsStr;

/// Senders that are offered at once.
const SENDERS: usize = 50;
/// What people search for besides words.
const FIELDS: [&str; 24] = [
    "account:",
    "after:",
    "attachment:",
    "before:",
    "body:",
    "cc:",
    "date:",
    "filename:",
    "from:",
    "has:",
    "id:",
    "in:",
    "is:",
    "larger:",
    "list:",
    "newer:",
    "older:",
    "saved:",
    "smaller:",
    "subject:",
    "tag:",
    "thread:",
    "to:",
    "OR",
];

/// Answers a shell, when it is one that asks; then the program ends here.
pub(super) fn answer_shell() {
    CompleteEnv::with_factory(command).complete();
}

/// The command line, with what its values can be.
fn command() -> Command {
    with_values(Cli::command())
}

fn with_values(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        let is =
            |name: &str| arg.get_value_names().is_some_and(|names| names.iter().any(|known| known == name));
        let takes_mailbox = is("MAILBOX");
        match arg.get_id().as_str() {
            "query" => arg.add(ArgValueCompleter::new(query)),
            "account" => arg.add(ArgValueCompleter::new(account)),
            _ if takes_mailbox => arg.add(ArgValueCompleter::new(mailbox)),
            "forget" => arg.add(ArgValueCompleter::new(saved)),
            _ => arg,
        }
    });
    let names: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, with_values))
}

fn places() -> Option<Places> {
    let base = etcetera::choose_base_strategy().ok()?;
    Some(match std::env::var_os("RESTANTE_DATA_DIR") {
        Some(data) => Places { config: data.clone().into(), data: data.into() },
        None => Places { config: base.config_dir().join("restante"), data: base.data_dir().join("restante") },
    })
}

fn view() -> Option<View> {
    View::open(&places()?.data).ok()
}

fn accounts() -> Option<Accounts> {
    Accounts::load(&places()?).ok()
}

fn candidates(typed: &OsStr, all: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy().to_lowercase();
    let fits = |value: &String| value.to_lowercase().starts_with(&typed);
    all.into_iter().filter(fits).map(CompletionCandidate::new).collect()
}

fn account(typed: &OsStr) -> Vec<CompletionCandidate> {
    candidates(typed, account_names())
}

fn account_names() -> Vec<String> {
    accounts()
        .map(|accounts| accounts.all().iter().map(|account| account.name.clone()).collect())
        .unwrap_or_default()
}

fn saved(typed: &OsStr) -> Vec<CompletionCandidate> {
    candidates(typed, saved_names())
}

fn saved_names() -> Vec<String> {
    accounts()
        .map(|accounts| accounts.all_saved().map(|(name, _)| name.to_owned()).collect())
        .unwrap_or_default()
}

fn mailbox(typed: &OsStr) -> Vec<CompletionCandidate> {
    candidates(typed, mailbox_names())
}

fn mailbox_names() -> Vec<String> {
    let found = || {
        let view = view()?;
        let mut names = Vec::new();
        for account in view.accounts().ok()? {
            let rows = view.mailboxes(account.id).ok()?;
            names.extend(rows.into_iter().map(|row| row.mailbox.name.as_str().to_owned()));
        }
        names.sort();
        names.dedup();
        Some(names)
    };
    found().unwrap_or_default()
}

/// A word of a query: a field, or what a field can hold.
fn query(typed: &OsStr) -> Vec<CompletionCandidate> {
    let text = typed.to_string_lossy();
    let Some((field, value)) = text.split_once(':') else {
        return candidates(typed, FIELDS.map(str::to_owned));
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let values: Vec<String> = match field.trim_start_matches('-') {
        "from" | "to" | "cc" => people(value),
        "in" | "label" | "folder" | "mailbox" => mailbox_names(),
        "account" => account_names(),
        "saved" => saved_names(),
        "is" => words(&["answered", "draft", "read", "starred", "unread"]),
        "has" => words(&["attachment", "invite", "link"]),
        "date" | "after" | "before" => words(&["today", "yesterday"]),
        _ => return Vec::new(),
    };
    let whole = values.into_iter().map(|value| format!("{field}:{value}"));
    if matches!(field.trim_start_matches('-'), "from" | "to" | "cc") {
        // These were found by any part of a name.
        return whole.map(CompletionCandidate::new).collect();
    }
    candidates(typed, whole)
}

/// The addresses of those who write most, among the newest mail, whose name or address has a word that begins so.
fn people(typed: &str) -> Vec<String> {
    let typed = typed.to_lowercase();
    let begins = |text: &str| {
        let text = text.to_lowercase();
        text.starts_with(&typed)
            || text.split(|c: char| !c.is_alphanumeric()).any(|word| word.starts_with(&typed))
    };
    let all = view().and_then(|view| view.senders().ok()).unwrap_or_default();
    let fit = all.into_iter().filter(|person| begins(&person.address) || begins(&person.name));
    // What a hostile sender calls itself goes into a command line.
    let is_plain = |address: &String| {
        *address == clean_line(address)
            && address.chars().all(|c| c.is_alphanumeric() || matches!(c, '@' | '.' | '-' | '_' | '+'))
    };
    fit.map(|person| person.address).filter(is_plain).take(SENDERS).collect()
}

/// Takes arguments that are values here, for the tests of the layout above.
#[cfg(test)]
fn completed(arg: &clap::Arg) -> bool {
    arg.get::<ArgValueCompleter>().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_mailboxes_and_accounts_are_offered_wherever_they_are_taken() {
        let command = command();
        let takes = |words: &[&str], id: &str| {
            let below = words.iter().fold(&command, |command, word| command.find_subcommand(word).unwrap());
            completed(below.get_arguments().find(|arg| arg.get_id() == id).unwrap())
        };
        assert!(takes(&["list"], "query"));
        assert!(takes(&["search"], "query"));
        assert!(takes(&["move"], "to"));
        assert!(takes(&["move"], "query"));
        assert!(takes(&["sync"], "account"));
        assert!(takes(&[], "account"));
        assert!(!takes(&["list"], "limit"));
    }
}
