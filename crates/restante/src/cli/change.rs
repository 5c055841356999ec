//! What every command that changes mail has in common: which messages it is for, the record of what was asked,
//! and the answer.

use super::bring::{Line, State, bring, explain, settle};
use super::context::{Context, now};
use super::error::Failure;
use super::list::{account_id, filter};
use super::message::{find, ids_on_stdin};
use super::output::print;
use super::prompt::Prompt;
use super::scene::Scene;
use clap::Args;
use restante_core::mail::{Flags, Mailbox, MailboxName};
use restante_core::message::clean_line;
use restante_core::query::{Query, Term};
use restante_engine::Error;
use restante_store::{
    AccountId, Ask, Desk, Intent, MailboxId, MessageId, Place, RequestId, StoreError, View,
};
use serde::Serialize;
use std::collections::BTreeSet;
use std::process::ExitCode;

/// A query that finds more than this is confirmed at a terminal. Less is taken back as quickly as it is
/// confirmed.
const MANY: usize = 100;
/// How often a change is planned again because another restante changed the mailbox in between.
const TRIES: u32 = 3;
/// Columns of a subject in a sentence.
const SUBJECT: usize = 50;

/// Which messages, and how carefully.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Everything this query finds, in place of ids; `restante help search` says what it can hold.
    #[arg(long, value_name = "QUERY")]
    query: Option<String>,
    /// Ask nothing at the terminal. Without this, a query that finds more than 100 messages is confirmed
    /// there.
    #[arg(long)]
    yes: bool,
    /// Show what would change, and change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// The messages a change is for.
pub(super) struct Chosen {
    pub(super) messages: Vec<MessageId>,
    /// Only where they are in this account.
    pub(super) account: Option<AccountId>,
    /// The mailboxes a query is confined to with `in:`.
    pub(super) inside: Vec<String>,
}

/// What is to be done, in the order in which the server is to do it.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// What a person should know, as that some messages were there already.
    pub(super) notes: Vec<String>,
    /// Messages that cannot be brought back once the server has done it.
    pub(super) irrevocable: BTreeSet<MessageId>,
}

/// One thing to do to one message in one mailbox.
pub(super) struct Step {
    pub(super) message: MessageId,
    pub(super) place: Place,
    pub(super) doing: Doing,
}

pub(super) enum Doing {
    Flag { add: Flags, remove: Flags },
    Move(Goal),
    Copy(Goal),
    Remove,
}

/// Where a message goes.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Goal {
    There(MailboxId, MailboxName),
    /// Nowhere yet: the mailbox is made in the same go.
    New(AccountId, Mailbox),
}

impl Goal {
    pub(super) fn name(&self) -> &MailboxName {
        match self {
            Self::There(_, name) => name,
            Self::New(_, mailbox) => &mailbox.name,
        }
    }
}

/// A change in words: "archive 3 messages", "archived 3 messages".
pub(super) struct Words {
    /// The command, as its document is called.
    pub(super) command: &'static str,
    pub(super) ask: &'static str,
    pub(super) done: &'static str,
    /// What follows the messages.
    pub(super) tail: String,
    /// Asked at a terminal however few they are.
    pub(super) confirm: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    request: Option<i64>,
    words: &'a str,
    state: State,
    /// How many messages change.
    messages: usize,
    operations: &'a [Line],
    notes: &'a [String],
    /// Why the server was not asked, or not to the end.
    why: Option<&'a str>,
    dry_run: bool,
}

/// Chooses messages, plans what is to be done to them, records it and brings it to the servers.
pub(super) fn change(
    context: &Context,
    options: &Options,
    ids: &[String],
    plan: impl Fn(&Scene<'_>, &Chosen) -> Result<(Words, Plan), Failure>,
) -> Result<ExitCode, Failure> {
    if options.dry_run {
        let view = context.view()?;
        let named = named(ids)?;
        let chosen = choose(context, options, &view, &named)?;
        let scene = Scene::new(&view)?;
        let (words, plan) = plan(&scene, &chosen)?;
        return propose(context, &scene, &chosen, &words, &plan);
    }
    let mut desk = context.desk()?;
    let named = named(ids)?;
    let chosen = choose(context, options, &desk, &named)?;
    let mut tries = 0;
    let mut confirmed = options.yes || !Prompt::is_possible();
    let (words, asked, recorded) = loop {
        let scene = Scene::new(&desk)?;
        let (words, plan) = plan(&scene, &chosen)?;
        let asked = in_words(&scene, &words, &plan)?;
        if plan.steps.is_empty() {
            return nothing(context, &words, &chosen, plan.notes);
        }
        let many = options.query.is_some() && chosen.messages.len() > MANY;
        if !confirmed && (words.confirm || many) {
            let instead = "--yes answers it";
            let lost = loss(&plan).map(|loss| format!(" ({loss})")).unwrap_or_default();
            if !Prompt::default().key(&format!("{} {asked}{lost}?", words.ask), instead)? {
                return Err(Failure::Refused("nothing was changed".to_owned()));
            }
        }
        confirmed = true;
        tries += 1;
        match record(&mut desk, &words, &asked, plan) {
            // Another restante took over news from the server since the plan was made.
            Err(Failure::Engine(Error::Store(StoreError::Missing(_)))) if tries < TRIES => {}
            other => break (words, asked, other?),
        }
    };
    finish(context, desk, &words, &asked, recorded)
}

/// The ids on the command line; `-` stands for those on standard input.
fn named(ids: &[String]) -> Result<Vec<String>, Failure> {
    let mut named = Vec::new();
    for id in ids {
        match id.as_str() {
            "-" => named.extend(ids_on_stdin()?),
            id => named.push(id.to_owned()),
        }
    }
    Ok(named)
}

fn choose(context: &Context, options: &Options, view: &View, named: &[String]) -> Result<Chosen, Failure> {
    let Some(query) = &options.query else {
        let mut seen = BTreeSet::new();
        let mut messages = Vec::new();
        for id in named {
            let message = find(view, id)?;
            if seen.insert(message) {
                messages.push(message);
            }
        }
        return Ok(Chosen { messages, account: account_id(context, view)?, inside: Vec::new() });
    };
    let filter = filter(context, view, std::slice::from_ref(query))?;
    if filter.query == Query::everything() {
        return Err(Failure::Usage("an empty query would be all mail; name what you mean".to_owned()));
    }
    let messages = view.find(&filter, usize::MAX, None)?;
    Ok(Chosen { messages, account: filter.account, inside: inside(&filter.query) })
}

/// The mailboxes that everything a query finds is in, as it names them.
pub(super) fn inside(query: &Query) -> Vec<String> {
    match query {
        Query::Term(Term::In(name)) => vec![name.clone()],
        Query::And(parts) => parts.iter().flat_map(inside).collect(),
        _ => Vec::new(),
    }
}

/// The messages that change, and what happens to them: `3 messages to Work`.
fn in_words(scene: &Scene<'_>, words: &Words, plan: &Plan) -> Result<String, Failure> {
    let messages: BTreeSet<MessageId> = plan.steps.iter().map(|step| step.message).collect();
    let subject = match messages.first() {
        Some(one) if messages.len() == 1 => scene.view.row(*one)?.map(|row| row.subject),
        _ => None,
    };
    let what = match subject.as_deref().map(clean_line) {
        Some(subject) if !subject.is_empty() => {
            let cut: String = subject.chars().take(SUBJECT).collect();
            format!("\"{cut}{}\"", if cut.len() < subject.len() { "…" } else { "" })
        }
        _ => count(messages.len()),
    };
    Ok(format!("{what}{}", words.tail))
}

/// `1 message`, `3 messages`.
pub(super) fn count(messages: usize) -> String {
    if messages == 1 { "1 message".to_owned() } else { format!("{messages} messages") }
}

/// What a person should know before messages go that cannot be brought back.
fn loss(plan: &Plan) -> Option<String> {
    let lost = plan.irrevocable.len();
    (lost > 0)
        .then(|| format!("of {} only the beginning is here: what goes cannot be brought back", count(lost)))
}

/// What was taken down.
struct Recorded {
    request: RequestId,
    messages: usize,
    /// How many of them cannot be brought back.
    irrevocable: usize,
    lines: Vec<Line>,
    notes: Vec<String>,
    accounts: BTreeSet<AccountId>,
}

/// Takes everything down: new mailboxes first, then all steps as one request.
fn record(desk: &mut Desk, words: &Words, asked: &str, plan: Plan) -> Result<Recorded, Failure> {
    let mut made: Vec<(AccountId, MailboxId, Line)> = Vec::new();
    let mut asks = Vec::new();
    let mut accounts = BTreeSet::new();
    for step in &plan.steps {
        accounts.insert(step.place.account);
        let mut goal = |goal: &Goal| -> Result<MailboxId, Failure> {
            match goal {
                Goal::There(id, _) => Ok(*id),
                Goal::New(account, mailbox) => {
                    if let Some((_, id, _)) = made.iter().find(|(owner, ..)| owner == account) {
                        return Ok(*id);
                    }
                    let words = format!("create mailbox {}", mailbox.name);
                    let (id, requested) = desk.request_mailbox(&words, *account, mailbox, now())?;
                    let intent = Intent::Create { special_use: mailbox.special_use };
                    let mut line = Scene::new(desk)?.line(id, None, &intent)?;
                    line.take(requested.id, requested.operations.first().copied());
                    made.push((*account, id, line));
                    Ok(id)
                }
            }
        };
        let intent = match &step.doing {
            Doing::Flag { add, remove } => Intent::Flag { add: add.clone(), remove: remove.clone() },
            Doing::Move(to) => Intent::Move { to: goal(to)? },
            Doing::Copy(to) => Intent::Copy { to: goal(to)? },
            Doing::Remove => Intent::Remove,
        };
        asks.push(Ask { mailbox: step.place.source, uid: Some(step.place.uid), intent });
    }
    let requested = match desk.request(&format!("{} {asked}", words.ask), &asks, now()) {
        Ok(requested) => requested,
        Err(error) => {
            // Nothing goes there: the new mailboxes are forgotten again.
            for (.., line) in &made {
                line.request.map(|id| desk.undo(RequestId::new(id), now())).transpose()?;
            }
            return Err(error.into());
        }
    };
    let scene = Scene::new(desk)?;
    let (irrevocable, loss) = (plan.irrevocable.len(), loss(&plan));
    let mut notes = plan.notes;
    notes.extend(loss);
    notes.extend(made.iter().map(|(account, _, line)| {
        let (name, request) = (&line.mailbox, line.request.unwrap_or_default());
        format!(
            "{} had no such mailbox: {name} is made, and `restante undo {request}` takes that back",
            scene.account(*account)
        )
    }));
    let messages: BTreeSet<MessageId> = plan.steps.iter().map(|step| step.message).collect();
    let mut lines: Vec<Line> = made.into_iter().map(|(.., line)| line).collect();
    for ((step, ask), operation) in plan.steps.iter().zip(&asks).zip(&requested.operations) {
        let mut line = scene.line(step.place.mailbox, Some(step.message), &ask.intent)?;
        line.take(requested.id, Some(*operation));
        lines.push(line);
    }
    Ok(Recorded { request: requested.id, messages: messages.len(), irrevocable, lines, notes, accounts })
}

/// Brings what was recorded to the servers and says what came of it.
fn finish(
    context: &Context,
    desk: Desk,
    words: &Words,
    asked: &str,
    recorded: Recorded,
) -> Result<ExitCode, Failure> {
    let Recorded { request, messages, irrevocable, mut lines, notes, accounts } = recorded;
    let why = bring(context, desk, &accounts)?;
    let state = settle(context, &mut lines)?;
    let text = format!("{} {asked}", words.ask);
    if context.output.json {
        let document = Document {
            request: Some(request.get()),
            words: &text,
            state,
            messages,
            operations: &lines,
            notes: &notes,
            why: why.words(),
            dry_run: false,
        };
        context.output.document(words.command, &document)?;
    } else {
        tell(&notes);
        let undo = promise(request, state, messages, irrevocable);
        print(&clean_text(&answer(state, words, asked, &undo)))?;
        explain(&lines, &why);
    }
    Ok(why.exit(state))
}

/// What undo can do for `messages` of which `lost` cannot be brought back once they are gone.
fn promise(request: RequestId, state: State, messages: usize, lost: usize) -> String {
    match state {
        _ if lost == 0 => format!("`restante undo {request}` takes it back"),
        State::Waiting => {
            format!("`restante undo {request}` takes it back as long as the server has not done it")
        }
        State::Done if lost < messages => format!("`restante undo {request}` brings back all but {lost}"),
        State::Done => "it cannot be brought back".to_owned(),
        _ => format!("`restante undo {request}` takes back what can be"),
    }
}

fn answer(state: State, words: &Words, asked: &str, undo: &str) -> String {
    match state {
        State::Waiting => format!("{} {asked} here, the server follows; {undo}", words.done),
        State::Refused | State::Superseded => {
            format!("not everything could be done: {} {asked}; {undo}", words.ask)
        }
        _ => format!("{} {asked}; {undo}", words.done),
    }
}

/// There is nothing to do: nothing was found, or all is as it is wanted.
fn nothing(
    context: &Context,
    words: &Words,
    chosen: &Chosen,
    notes: Vec<String>,
) -> Result<ExitCode, Failure> {
    if context.output.json {
        let document = Document {
            request: None,
            words: "",
            state: State::Nothing,
            messages: 0,
            operations: &[],
            notes: &notes,
            why: None,
            dry_run: false,
        };
        context.output.document(words.command, &document)?;
    } else {
        tell(&notes);
        let text = if chosen.messages.is_empty() { "nothing found" } else { "nothing to change" };
        eprintln!("{text}");
    }
    Ok(if chosen.messages.is_empty() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Shows a plan.
fn propose(
    context: &Context,
    scene: &Scene<'_>,
    chosen: &Chosen,
    words: &Words,
    plan: &Plan,
) -> Result<ExitCode, Failure> {
    let asked = in_words(scene, words, plan)?;
    let mut notes = plan.notes.clone();
    notes.extend(loss(plan));
    let mut lines = Vec::new();
    for step in &plan.steps {
        let (kind, to) = match &step.doing {
            Doing::Flag { .. } => ("flag", None),
            Doing::Move(goal) => ("move", Some(goal)),
            Doing::Copy(goal) => ("copy", Some(goal)),
            Doing::Remove => ("remove", None),
        };
        let (add, remove) = match &step.doing {
            Doing::Flag { add, remove } => (add.clone(), remove.clone()),
            _ => Default::default(),
        };
        lines.push(Line {
            message: Some(scene.id(step.message)?),
            account: scene.account(step.place.account).to_owned(),
            mailbox: step.place.name.as_str().to_owned(),
            state: State::Planned,
            ..Line::new(kind, to.map(|goal| goal.name().as_str().to_owned()), &add, &remove)
        });
    }
    let messages: BTreeSet<MessageId> = plan.steps.iter().map(|step| step.message).collect();
    let text = format!("{} {asked}", words.ask);
    if context.output.json {
        let document = Document {
            request: None,
            words: if lines.is_empty() { "" } else { &text },
            state: if lines.is_empty() { State::Nothing } else { State::Planned },
            messages: messages.len(),
            operations: &lines,
            notes: &notes,
            why: None,
            dry_run: true,
        };
        context.output.document(words.command, &document)?;
    } else if lines.is_empty() {
        return nothing(context, words, chosen, notes);
    } else {
        for (line, step) in lines.iter().zip(&plan.steps) {
            let subject = scene.view.row(step.message)?.map(|row| row.subject).unwrap_or_default();
            print(&clean_text(&format!("{line}  {}", clean_line(&subject))))?;
        }
        let new: BTreeSet<&str> = plan
            .steps
            .iter()
            .filter_map(|step| match &step.doing {
                Doing::Move(goal @ Goal::New(..)) | Doing::Copy(goal @ Goal::New(..)) => {
                    Some(goal.name().as_str())
                }
                _ => None,
            })
            .collect();
        tell(&notes);
        for name in new {
            eprintln!("{} would be made", clean_line(name));
        }
        eprintln!("would {}; nothing was changed", clean_line(&text));
    }
    Ok(if chosen.messages.is_empty() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn tell(notes: &[String]) {
    for note in notes {
        eprintln!("{}", clean_line(note));
    }
}

fn clean_text(line: &str) -> String {
    format!("{}\n", clean_line(line).trim_end())
}

/// For commands that take no ids in clap's sense: at least one message must be named.
pub(super) fn require(options: &Options, ids: &[String]) -> Result<(), Failure> {
    match (&options.query, ids.is_empty()) {
        (None, true) => {
            Err(Failure::Usage("which messages? Give ids, `-` to read them, or --query".to_owned()))
        }
        (Some(_), false) => Err(Failure::Usage("either ids or --query, not both".to_owned())),
        _ => Ok(()),
    }
}
