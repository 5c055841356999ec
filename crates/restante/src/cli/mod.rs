//! The command line: one file a command, whose doc comment is its help.

mod account;
mod account_edit;
mod account_move;
mod account_reauth;
mod archive;
mod bring;
mod change;
mod complete;
mod completions;
mod context;
mod count;
mod discover;
mod doctor;
mod error;
mod export;
mod fsck;
mod given;
mod import;
mod keep;
mod list;
mod mailbox;
mod man;
mod mark;
mod message;
mod move_;
mod open;
mod outbox;
mod output;
mod prompt;
mod read;

mod reply;
mod save;
mod scene;
mod schema;
mod send;

mod setup;
mod steps;
mod suggest;
mod sync;
mod tag;
mod thread;
mod trash;
mod trial;
mod undo;
mod watch;
mod wrap;
mod zone;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use context::Context;
use error::Failure;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A generic IMAP client: an address and a password go in, mail is yours.
///
/// Begin with `restante setup you@example.org`, then `restante sync` and `restante list`.
#[derive(Debug, Parser)]
#[command(name = "restante", version, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Print one JSON document.
    #[arg(long, global = true)]
    json: bool,
    /// Print one JSON document a line (lists only).
    #[arg(long, global = true, conflicts_with = "json")]
    jsonl: bool,
    /// Print the ids only, one a line (lists only).
    #[arg(long, global = true, conflicts_with_all = ["json", "jsonl"])]
    ids: bool,
    /// Which account; not needed when there is one.
    #[arg(long, global = true, value_name = "NAME")]
    account: Option<String>,
    /// Where mail is kept.
    #[arg(long, global = true, value_name = "DIR", env = "RESTANTE_DATA_DIR", hide_env = true)]
    data_dir: Option<PathBuf>,
    /// Ask this name server in place of the system's.
    #[arg(long, global = true, value_name = "HOST[:PORT]")]
    dns: Option<String>,
    /// Trust the certificates in this file too. May be given more than once.
    #[arg(long, global = true, value_name = "PEM")]
    ca_file: Vec<PathBuf>,
    /// Use no network.
    #[arg(long, global = true)]
    offline: bool,
    /// Change nothing, here or on the server.
    #[arg(long, global = true)]
    read_only: bool,
    /// Send nothing: `send` and `reply` leave the message in the outbox.
    #[arg(long, global = true)]
    no_send: bool,
    /// Show what is done, step by step.
    #[arg(short, long, global = true)]
    verbose: bool,
    /// When to use colours.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    Setup(setup::Setup),
    Discover(discover::Discover),
    Doctor(doctor::Doctor),
    Account(account::Account),
    Sync(sync::Sync),
    List(list::List),
    Search(list::Search),
    Count(count::Count),
    Read(read::Read),
    Thread(thread::Thread),
    Open(open::Open),
    Save(save::Save),
    Archive(archive::Archive),
    Move(move_::Move),
    Mark(mark::Mark),
    Tag(tag::Tag),
    Trash(trash::Trash),
    Undo(undo::Undo),
    Mailbox(mailbox::Mailbox),
    Send(send::Send),
    Reply(reply::Reply),
    Outbox(outbox::Outbox),
    Import(import::Import),
    Export(export::Export),
    Fsck(fsck::Fsck),
    Schema(schema::Schema),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    suggest::answer_shell();
    let arguments = shield(as_sendmail(std::env::args_os().collect()));
    let json = arguments.iter().take_while(|a| *a != "--").any(|a| a == "--json" || a == "--jsonl");
    let matches = command().try_get_matches_from(arguments);
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, json),
    };
    match run(cli) {
        Ok(code) => code,
        Err(failure) => failure.report(json),
    }
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let context = Context::new(cli.global)?;
    match cli.command {
        Command::Setup(command) => command.run(&context),
        Command::Discover(command) => command.run(&context),
        Command::Doctor(command) => command.run(&context),
        Command::Account(command) => command.run(&context),
        Command::Sync(command) => command.run(&context),
        Command::List(command) => command.run(&context),
        Command::Search(command) => command.run(&context),
        Command::Count(command) => command.run(&context),
        Command::Read(command) => command.run(&context),
        Command::Thread(command) => command.run(&context),
        Command::Open(command) => command.run(&context),
        Command::Save(command) => command.run(&context),
        Command::Archive(command) => command.run(&context),
        Command::Move(command) => command.run(&context),
        Command::Mark(command) => command.run(&context),
        Command::Tag(command) => command.run(&context),
        Command::Trash(command) => command.run(&context),
        Command::Undo(command) => command.run(&context),
        Command::Mailbox(command) => command.run(&context),
        Command::Send(command) => command.run(&context),
        Command::Reply(command) => command.run(&context),
        Command::Outbox(command) => command.run(&context),
        Command::Import(command) => command.run(&context),
        Command::Export(command) => command.run(&context),
        Command::Fsck(command) => command.run(&context),
        Command::Schema(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    }
}

fn command() -> clap::Command {
    Cli::command()
}

/// Help and version are answers, not errors; the rest is a usage error (sysexits 64).
fn usage(error: &clap::Error, json: bool) -> ExitCode {
    if error.use_stderr() && json {
        let text = error.to_string();
        return Failure::Usage(text.trim_start_matches("error: ").trim_end().to_owned()).report(true);
    }
    // Printing fails only when nobody reads any more.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(64) } else { ExitCode::SUCCESS }
}

/// Under the name `sendmail` the program is `restante send`, so that whatever sends through sendmail
/// sends through the account.
fn as_sendmail(arguments: Vec<OsString>) -> Vec<OsString> {
    let name = arguments.first().map(Path::new).and_then(Path::file_name);
    if name != Some("sendmail".as_ref()) {
        return arguments;
    }
    let rest = arguments.into_iter().skip(1);
    ["restante".into(), "send".into()].into_iter().chain(rest).collect()
}

/// In a query `-word` means that the word must not occur, and for `tag` that the keyword is cleared, which the
/// parser of options would take for options. A space before it makes it an argument; reading the query or the
/// keyword drops the space again.
fn shield(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let command = command();
    let is_command = |a: &OsString| command.get_subcommands().any(|command| a == command.get_name());
    let Some(at) = arguments.iter().position(is_command) else { return arguments };
    let is = |names: &[&str]| arguments.get(at).is_some_and(|name| names.iter().any(|known| name == known));
    let (whole, tag) = (is(&["list", "search", "count", "export"]), is(&["tag"]));
    let mut query = false;
    for argument in arguments.iter_mut().skip(at + 1).take_while(|a| *a != "--") {
        let meant = |text: &str| (whole || query) && is_negation(text) || tag && is_cleared(text);
        if argument.to_str().is_some_and(meant) {
            let mut shielded = OsString::from(" ");
            shielded.push(&*argument);
            *argument = shielded;
        }
        query = argument == "--query";
    }
    arguments
}

/// Whether an argument is `-word`, and neither `--option` nor the short options of a list, `-n5` or `-v`.
fn is_negation(argument: &str) -> bool {
    let Some(word) = argument.strip_prefix('-').filter(|word| word.len() > 1) else { return false };
    let number =
        word.strip_prefix('n').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == '='));
    !word.starts_with('-') && !number && !word.chars().all(|c| matches!(c, 'v' | 'h' | 'V'))
}

/// Whether an argument of `tag` is `-keyword`, and neither `--option` nor the short options of every command.
fn is_cleared(argument: &str) -> bool {
    argument.strip_prefix('-').is_some_and(|word| {
        !word.is_empty() && !word.starts_with('-') && !word.chars().all(|c| matches!(c, 'v' | 'h' | 'V'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn sendmail_is_another_name_of_send() {
        let arguments = ["/usr/sbin/sendmail", "-t", "-i"].map(OsString::from).to_vec();
        assert_eq!(as_sendmail(arguments), ["restante", "send", "-t", "-i"]);
    }

    #[test]
    fn a_word_that_must_not_occur_is_no_option() {
        for (given, expected) in [
            (
                &["restante", "list", "-lemons", "-n5", "-v"][..],
                &["restante", "list", " -lemons", "-n5", "-v"][..],
            ),
            (&["restante", "search", "-from:bob", "--json"], &["restante", "search", " -from:bob", "--json"]),
            (&["restante", "count", "-n", "5", "--", "-x"], &["restante", "count", "-n", "5", "--", "-x"]),
            (&["restante", "send", "list", "-oi"], &["restante", "send", "list", "-oi"]),
            (&["restante", "tag", "-", "+a", "-b", "-v"], &["restante", "tag", "-", "+a", " -b", "-v"]),
            (&["restante", "archive", "--query", "-xy"], &["restante", "archive", "--query", " -xy"]),
            (&["restante", "archive", "-x", "--query", "x"], &["restante", "archive", "-x", "--query", "x"]),
        ] {
            assert_eq!(shield(given.iter().map(OsString::from).collect()), expected);
        }
    }
}
