//! Bringing what was asked to the servers, and what came of it.

use super::context::Context;
use super::error::Failure;
use super::steps::connected;
use restante_core::mail::Flags;
use restante_core::message::clean_line;
use restante_engine::account::Account;
use restante_engine::sync::Keeper;
use restante_engine::{Error, sync};
use restante_store::{
    AccountId, Desk, Intent, MailboxId, Operation, OperationId, OperationState, RequestId, StoreError,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::process::ExitCode;

/// How far something is that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// There was nothing to do.
    Nothing,
    /// With --dry-run: nothing was recorded.
    Planned,
    /// The server did it.
    Done,
    /// It is recorded here, and the server will be asked.
    Waiting,
    /// The message is nowhere in the account any more: another program removed it.
    Superseded,
    /// The server refused it.
    Refused,
}

impl State {
    /// Whether it cannot be done.
    pub(super) fn failed(self) -> bool {
        matches!(self, Self::Refused | Self::Superseded)
    }

    pub(super) fn exit(self) -> ExitCode {
        ExitCode::from(u8::from(self.failed()))
    }
}

/// One operation as documents print it.
#[derive(Serialize)]
pub(super) struct Line {
    pub(super) id: Option<i64>,
    pub(super) request: Option<i64>,
    pub(super) message: Option<String>,
    pub(super) account: String,
    /// Where the message was when this was asked, or which mailbox it is about.
    pub(super) mailbox: String,
    pub(super) intent: &'static str,
    /// Where to, or the new name.
    pub(super) to: Option<String>,
    pub(super) add: Vec<String>,
    pub(super) remove: Vec<String>,
    pub(super) state: State,
    /// The server's last words about it.
    pub(super) reply: String,
}

impl Line {
    pub(super) fn new(intent: &'static str, to: Option<String>, add: &Flags, remove: &Flags) -> Self {
        let names = |flags: &Flags| flags.names().map(str::to_owned).collect();
        Self {
            id: None,
            request: None,
            message: None,
            account: String::new(),
            mailbox: String::new(),
            intent,
            to,
            add: names(add),
            remove: names(remove),
            state: State::Waiting,
            reply: String::new(),
        }
    }

    /// The line of an intent; `name` gives the names of mailboxes.
    pub(super) fn of(intent: &Intent, name: impl Fn(MailboxId) -> Option<String>) -> Self {
        let none = Flags::new();
        let plain = |word| Self::new(word, None, &none, &none);
        match intent {
            Intent::Flag { add, remove } => Self::new("flag", None, add, remove),
            Intent::Move { to } => Self::new("move", name(*to), &none, &none),
            Intent::Copy { to } => Self::new("copy", name(*to), &none, &none),
            Intent::Remove => plain("remove"),
            Intent::Append { flags, .. } => Self::new("append", None, flags, &none),
            Intent::Create { .. } => plain("create"),
            Intent::Rename { to } => Self::new("rename", Some(to.as_str().to_owned()), &none, &none),
            Intent::Delete => plain("delete"),
            Intent::Subscribe(true) => plain("subscribe"),
            Intent::Subscribe(false) => plain("unsubscribe"),
        }
    }

    /// Whether a mailbox goes for good.
    pub(super) fn is_removal(&self) -> bool {
        self.intent == "delete"
    }

    /// Notes under which numbers it was recorded.
    pub(super) fn take(&mut self, request: RequestId, operation: Option<OperationId>) {
        self.request = Some(request.get());
        self.id = operation.map(OperationId::get);
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(message) = &self.message {
            write!(f, "{message}  ")?;
        }
        write!(f, "{}", self.mailbox)?;
        match (self.intent, &self.to) {
            ("flag", _) => {
                self.add.iter().try_for_each(|name| write!(f, " +{name}"))?;
                self.remove.iter().try_for_each(|name| write!(f, " -{name}"))
            }
            ("move" | "rename", Some(to)) => write!(f, " -> {to}"),
            (word, Some(to)) => write!(f, " {word} -> {to}"),
            (word, None) => write!(f, " {word}"),
        }
    }
}

/// Why something waits.
#[derive(Debug, Default)]
pub(super) struct Why {
    /// What kept it from being done, in words.
    pub(super) text: String,
    /// A login was refused: nothing is done before a person has mended it.
    refused: bool,
}

impl Why {
    /// The words, when there are any.
    pub(super) fn words(&self) -> Option<&str> {
        Some(self.text.as_str()).filter(|text| !text.is_empty())
    }

    /// How a command ends whose parts came to `state`: what waits for a person is a failure, what waits for the
    /// server is none.
    pub(super) fn exit(&self, state: State) -> ExitCode {
        match state {
            State::Waiting if self.refused => ExitCode::from(NOT_PERMITTED),
            state => state.exit(),
        }
    }
}

/// The exit code of a login that is refused.
const NOT_PERMITTED: u8 = 77;

/// Asks the servers of these accounts for everything that waits. Gives why a server was not asked, or not to
/// the end: that is no failure, for nothing that was recorded is lost.
///
/// The desk goes first: who brings something to a server is the store's one writer. What is about an account without
/// a server is done by then.
pub(super) fn bring(context: &Context, desk: Desk, accounts: &BTreeSet<AccountId>) -> Result<Why, Failure> {
    let mut served = BTreeSet::new();
    for id in accounts {
        if !desk.is_local(*id)? {
            served.insert(*id);
        }
    }
    if served.is_empty() {
        return Ok(Why::default());
    }
    if context.global.offline {
        return Ok(Why { text: "--offline was given".to_owned(), refused: false });
    }
    let names: BTreeMap<AccountId, String> =
        desk.accounts()?.into_iter().map(|account| (account.id, account.name)).collect();
    drop(desk);
    let keeper = match context.keeper() {
        Err(Failure::Engine(error @ Error::Store(StoreError::Locked { .. }))) => {
            return Ok(Why { text: error.to_string(), refused: false });
        }
        other => other?,
    };
    let configured = context.accounts()?;
    let (mut why, mut refused) = (Vec::new(), false);
    for id in &served {
        let Some(name) = names.get(id) else { continue };
        let pushed = match configured.ready(Some(name)) {
            Ok(account) => context.block_on(push(context, &keeper, account, *id)),
            Err(error) => Err(error.into()),
        };
        if let Err(failure) = pushed {
            refused |= failure.exit_code() == NOT_PERMITTED;
            why.push(failure.text().unwrap_or_default());
        }
    }
    keeper.close()?;
    Ok(Why { text: why.join("; "), refused })
}

/// Asks one account's server. What it refuses is in the store.
async fn push(context: &Context, keeper: &Keeper, account: &Account, id: AccountId) -> Result<(), Failure> {
    let mut connection = connected(context, account).await?;
    let pushed = sync::push(&mut connection, keeper, id).await?;
    restante_engine::imap::log_out(connection).await;
    if !context.output.json {
        for finding in pushed.findings {
            eprintln!("{}", clean_line(&finding.to_string()));
        }
    }
    Ok(())
}

/// Looks up what became of every operation, and gives the state of the whole: the worst of its parts.
pub(super) fn settle(context: &Context, lines: &mut [Line]) -> Result<State, Failure> {
    let view = context.view()?;
    let requests: BTreeSet<i64> = lines.iter().filter_map(|line| line.request).collect();
    let mut left: BTreeMap<i64, Operation> = BTreeMap::new();
    for request in requests {
        let operations = view.operations_of(RequestId::new(request))?;
        left.extend(operations.into_iter().map(|operation| (operation.id.get(), operation)));
    }
    for line in lines.iter_mut() {
        match line.id.and_then(|id| left.remove(&id)) {
            None => line.state = State::Done,
            Some(operation) => {
                line.state = match operation.state {
                    OperationState::Refused => State::Refused,
                    OperationState::Superseded => State::Superseded,
                    OperationState::Waiting | OperationState::Asked => State::Waiting,
                };
                line.reply = operation.reply;
            }
        }
    }
    Ok(lines.iter().map(|line| line.state).max().unwrap_or(State::Nothing))
}

/// Says on standard error what was refused, in the server's words, and why something waits.
pub(super) fn explain(lines: &[Line], why: &Why) {
    for line in lines.iter().filter(|line| line.state.failed()) {
        let (account, reply) = (&line.account, &line.reply);
        let what = match line.state {
            State::Superseded => format!("{line}: {reply}"),
            _ => format!("{line}: refused by the server of {account}: {reply}"),
        };
        eprintln!("{}", clean_line(&what));
    }
    let mut waiting = lines.iter().filter(|line| line.state == State::Waiting).peekable();
    if waiting.peek().is_some() {
        let reply = waiting.map(|line| line.reply.as_str()).find(|reply| !reply.is_empty());
        let words = why.words().or(reply).unwrap_or("the server is asked again then");
        let when = if why.refused {
            "it is recorded here and waits until the login works"
        } else {
            "the next `restante sync` brings it to the server"
        };
        eprintln!("{}", clean_line(&format!("{when} ({words})")));
    }
}
