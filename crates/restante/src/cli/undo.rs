//! `restante undo`

use super::bring::{Line, State, Why, bring, explain, settle};
use super::context::{Context, now};
use super::error::Failure;
use super::list::rfc3339;
use super::output::print;
use super::scene::Scene;
use super::zone::zone;
use clap::Args;
use jiff::Timestamp;
use restante_core::message::clean_line;
use restante_engine::Error;
use restante_store::{AccountId, OperationState, Request, RequestId, StoreError, Undone, View};
use serde::Serialize;
use std::collections::BTreeSet;
use std::process::ExitCode;

/// How many requests `--list` shows.
const SHOWN: u32 = 20;
/// How far back the latest change is looked for that is not itself an undo.
const BACK: u32 = 1000;

/// Take back a change: what was archived, moved, marked, tagged, trashed or removed, and what was done to
/// mailboxes.
///
/// What the server was not asked yet is forgotten; for what it has done, it is asked to do the opposite, for
/// thirty days. Without a number the latest change is taken back that is not itself an undo; asked again,
/// the one before. The number of an undo does the change again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
\x20 restante undo\n\
\x20 restante undo --list\n\
\x20 restante undo 17")]
pub(super) struct Undo {
    /// The number the change was answered with.
    #[arg(value_name = "TOKEN", conflicts_with = "list")]
    token: Option<i64>,
    /// Show the latest 20 changes, the newest first, and what became of them.
    #[arg(long)]
    list: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    /// What was taken back.
    undone: i64,
    words: &'a str,
    state: State,
    /// Operations that had not reached the server, or were refused, and are forgotten.
    forgotten: u64,
    /// The request that takes back what the server has done, if anything is to be asked.
    request: Option<i64>,
    operations: &'a [Line],
    /// What cannot be taken back, and why.
    lost: &'a [String],
    why: Option<&'a str>,
}

#[derive(Serialize)]
struct List {
    requests: Vec<Entry>,
}

/// A request as the list prints it.
#[derive(Serialize)]
struct Entry {
    request: i64,
    words: String,
    created: String,
    undoes: Option<i64>,
    done: u64,
    waiting: u64,
    refused: u64,
    /// What the server said to those that were refused, each answer once.
    replies: BTreeSet<String>,
}

impl Undo {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        if self.list {
            return list(context);
        }
        let mut desk = context.desk()?;
        let requests = desk.requests(BACK)?;
        let id = match self.token {
            Some(token) => RequestId::new(token),
            None => {
                let latest = requests.iter().find(|request| request.undoes.is_none());
                latest.ok_or_else(|| Failure::NotFound("there is nothing to take back".to_owned()))?.id
            }
        };
        let words = requests.iter().find(|request| request.id == id).map(|request| request.words.clone());
        let words = words.unwrap_or_else(|| format!("change {id}"));
        let undone = desk.undo(id, now()).map_err(|error| explained(id, error))?;
        let (accounts, mut lines) = asked(&desk, &undone)?;
        let why = if lines.is_empty() { Why::default() } else { bring(context, desk, &accounts)? };
        let state = match settle(context, &mut lines)? {
            State::Nothing if undone.forgotten > 0 => State::Done,
            state => state,
        };
        let request = undone.request.as_ref().map(|request| request.id.get());
        if context.output.json {
            let document = Document {
                undone: id.get(),
                words: &words,
                state,
                forgotten: undone.forgotten,
                request,
                operations: &lines,
                lost: &undone.lost,
                why: why.words(),
            };
            context.output.document("undo", &document)?;
        } else {
            print(&format!("{}\n", clean_line(&answer(&words, state, request, &undone))))?;
            let lost: BTreeSet<&String> = undone.lost.iter().collect();
            for why in lost {
                eprintln!("{}", clean_line(&format!("not taken back: {why}")));
            }
            explain(&lines, &why);
        }
        Ok(if undone.lost.is_empty() { why.exit(state) } else { ExitCode::from(1) })
    }
}

fn answer(words: &str, state: State, request: Option<i64>, undone: &Undone) -> String {
    let again = request.map(|id| format!("; `restante undo {id}` does it again")).unwrap_or_default();
    match state {
        State::Nothing if !undone.lost.is_empty() => format!("could not take back: {words}"),
        State::Nothing => format!("nothing was left to take back of: {words}"),
        State::Waiting => format!("took back here, the server follows: {words}{again}"),
        State::Refused | State::Superseded => format!("not all of it could be taken back: {words}{again}"),
        _ => format!("took back: {words}{again}"),
    }
}

fn explained(id: RequestId, error: StoreError) -> Failure {
    match error {
        StoreError::Missing(_) => Failure::NotFound(format!(
            "there is no change {id}, or nothing is left of it to take back; \
             `restante undo --list` shows what there is"
        )),
        StoreError::UnderWay => Failure::Later(format!(
            "the server is being asked for change {id} just now; ask again in a moment, or after \
             `restante sync`, which finds out what became of it when a restante was ended in the middle"
        )),
        other => Error::from(other).into(),
    }
}

/// What the server is to be asked, a line for each operation, and whose servers these are.
fn asked(view: &View, undone: &Undone) -> Result<(BTreeSet<AccountId>, Vec<Line>), Failure> {
    let (mut accounts, mut lines) = (BTreeSet::new(), Vec::new());
    let Some(request) = &undone.request else { return Ok((accounts, lines)) };
    let scene = Scene::new(view)?;
    for operation in &undone.asked {
        let mut line = scene.line(operation.mailbox, operation.message, &operation.intent)?;
        line.take(request.id, Some(operation.id));
        accounts.extend(scene.owner(operation.mailbox));
        lines.push(line);
    }
    Ok((accounts, lines))
}

fn list(context: &Context) -> Result<ExitCode, Failure> {
    let view = context.view()?;
    let mut entries = Vec::new();
    for request in view.requests(SHOWN)? {
        entries.push(entry(&view, request)?);
    }
    let exit = ExitCode::from(u8::from(entries.is_empty()));
    if context.output.json {
        context.output.document("undo-list", &List { requests: entries })?;
        return Ok(exit);
    }
    let zone = zone();
    for entry in &entries {
        let time = entry
            .created
            .parse::<Timestamp>()
            .map(|time| time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string());
        let mut states = Vec::new();
        for (count, word) in [(entry.done, "done"), (entry.waiting, "waiting"), (entry.refused, "refused")] {
            if count > 0 {
                states.push(format!("{count} {word}"));
            }
        }
        let (request, time, words) = (entry.request, time.unwrap_or_default(), &entry.words);
        let mut line = format!("{request:>4}  {time}  {words}  ({})", states.join(", "));
        for reply in &entry.replies {
            line.push_str(&format!("  {reply}"));
        }
        print(&format!("{}\n", clean_line(&line)))?;
    }
    if entries.is_empty() {
        eprintln!("there is nothing to take back");
    }
    Ok(exit)
}

fn entry(view: &View, request: Request) -> Result<Entry, Failure> {
    let mut replies = BTreeSet::new();
    if request.refused > 0 {
        let operations = view.operations_of(request.id)?;
        let refused = operations.into_iter().filter(|operation| {
            matches!(operation.state, OperationState::Refused | OperationState::Superseded)
        });
        replies.extend(refused.map(|operation| operation.reply));
    }
    Ok(Entry {
        request: request.id.get(),
        words: request.words,
        created: rfc3339(request.created),
        undoes: request.undoes.map(RequestId::get),
        done: request.done,
        waiting: request.waiting,
        refused: request.refused,
        replies,
    })
}
