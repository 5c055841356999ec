//! `restante move`, and what `archive` and `trash` share with it: from which mailboxes to which.

use super::change::{Chosen, Doing, Goal, Options, Plan, Step, Words, change, count};
use super::context::Context;
use super::error::Failure;
use super::scene::Scene;
use clap::Args;
use restante_core::mail::{Mailbox, MailboxName, SpecialUse};
use restante_engine::sync;
use restante_store::{AccountId, MailboxRow, MessageId, Place};
use std::collections::BTreeMap;
use std::process::ExitCode;

/// Move messages to another mailbox of their account.
///
/// A message that is in several mailboxes leaves all of them but the one it goes to, unless --from, or in:
/// in the query, says which. Views such as \All or \Flagged stay as they are. `restante undo` takes it back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
\x20 restante move kqzm --to Work\n\
\x20 restante move --query 'in:inbox from:bob older:1y' --to 'Work/Old' --dry-run\n\
\x20 restante list --ids subject:invoice | restante move - --to Invoices")]
pub(super) struct Move {
    /// Messages: any unique beginning of an id. `-` reads ids from standard input, one a line.
    #[arg(value_name = "ID", required_unless_present = "query", conflicts_with = "query")]
    messages: Vec<String>,
    /// Where to: a mailbox's name, or its special use (archive, junk, trash, …).
    #[arg(long, value_name = "MAILBOX")]
    to: String,
    /// Only out of this mailbox.
    #[arg(long, value_name = "MAILBOX")]
    from: Option<String>,
    /// Copy: leave the messages where they are, too.
    #[arg(long)]
    copy: bool,
    #[command(flatten)]
    options: Options,
}

impl Move {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        change(context, &self.options, &self.messages, |scene, chosen| {
            let way = Way { from: self.from.as_deref(), copy: self.copy, ..Way::default() };
            let plan = relocate(scene, chosen, &way, |account| named(scene, account, &self.to))?;
            let (ask, done) = if self.copy { ("copy", "copied") } else { ("move", "moved") };
            let tail = format!(" to {}", self.to);
            Ok((Words { command: "move", ask, done, tail, confirm: false }, plan))
        })
    }
}

/// How messages leave where they are.
#[derive(Default)]
pub(super) struct Way<'a> {
    /// Only out of this mailbox.
    pub(super) from: Option<&'a str>,
    /// They do not leave.
    pub(super) copy: bool,
    /// Out of the INBOX alone, where they are in it.
    pub(super) inbox_first: bool,
    /// The goal takes messages away from everywhere: also out of a view of all mail.
    pub(super) away: bool,
}

/// Plans to bring messages to a mailbox, which `goal` gives for each account.
pub(super) fn relocate(
    scene: &Scene<'_>,
    chosen: &Chosen,
    way: &Way<'_>,
    goal: impl Fn(AccountId) -> Result<Goal, Failure>,
) -> Result<Plan, Failure> {
    let mut goals: BTreeMap<AccountId, Goal> = BTreeMap::new();
    let mut plan = Plan::default();
    let mut there = 0;
    for message in &chosen.messages {
        let places = source(scene, chosen, way, *message)?;
        let before = plan.steps.len();
        let all = if way.inbox_first { scene.places(*message, chosen.account)? } else { Vec::new() };
        for place in places {
            let goal = match goals.get(&place.account) {
                Some(goal) => goal.clone(),
                None => goals.entry(place.account).or_insert(goal(place.account)?).clone(),
            };
            if place.name == *goal.name() {
                continue;
            }
            // Where mailboxes are labels, what is in the view of all mail and not in the INBOX is archived.
            let named = way.from.is_some() || !chosen.inside.is_empty() || place.name.is_inbox();
            if !named && all.iter().any(|other| other.name == *goal.name() && is_view(scene, other)) {
                continue;
            }
            // A message leaves a view of all mail only with the message itself.
            let copies = way.copy || (is_view(scene, &place) && !way.away);
            let doing = if copies { Doing::Copy(goal) } else { Doing::Move(goal) };
            let again = plan.steps.get(before..).unwrap_or_default();
            if copies && again.iter().any(|step| step.place.account == place.account) {
                continue;
            }
            plan.steps.push(Step { message: *message, place, doing });
        }
        there += usize::from(plan.steps.len() == before);
    }
    if there > 0 {
        let goal = goals.values().next().map(|goal| goal.name().to_string()).unwrap_or_default();
        let verb = if there == 1 { "is" } else { "are" };
        plan.notes.push(format!("{} {verb} in {goal} already", count(there)));
    }
    Ok(plan)
}

/// The places a message is to leave.
pub(super) fn source(
    scene: &Scene<'_>,
    chosen: &Chosen,
    way: &Way<'_>,
    message: MessageId,
) -> Result<Vec<Place>, Failure> {
    let mut places = scene.places(message, chosen.account)?;
    if way.from.is_some() || !chosen.inside.is_empty() {
        places.retain(|place| {
            let rows = scene.mailboxes(place.account);
            match way.from {
                Some(name) => find(&rows, name).is_some_and(|row| row.id == place.mailbox),
                None => rows.iter().any(|row| row.id == place.mailbox && is_inside(row, &chosen.inside)),
            }
        });
        if places.is_empty() {
            let id = scene.id(message)?;
            let from = way.from.map_or_else(|| chosen.inside.join(", "), str::to_owned);
            return Err(Failure::NotFound(format!("{id} is not in {from}; nothing was changed")));
        }
        return Ok(places);
    }
    if places.iter().any(|place| !is_view(scene, place)) {
        places.retain(|place| !is_view(scene, place));
    } else {
        // Of views, the one of everything stands for the message.
        places.sort_by_key(|place| scene.special_use(place) != Some(SpecialUse::All));
        places.truncate(1);
    }
    if way.inbox_first && places.iter().any(|place| place.name.is_inbox()) {
        places.retain(|place| place.name.is_inbox());
    }
    Ok(places)
}

/// Whether a mailbox shows messages that are kept in others (RFC 6154, section 2; RFC 8457).
pub(super) fn is_view(scene: &Scene<'_>, place: &Place) -> bool {
    matches!(scene.special_use(place), Some(SpecialUse::All | SpecialUse::Flagged | SpecialUse::Important))
}

/// Whether a query that is confined to these mailboxes with `in:` means this one.
pub(super) fn is_inside(row: &MailboxRow, names: &[String]) -> bool {
    names
        .iter()
        .any(|name| is_used_as(row, name) || row.mailbox.name.as_str().to_lowercase() == name.to_lowercase())
}

/// Whether a word is the mailbox's special use, as `archive`.
fn is_used_as(row: &MailboxRow, word: &str) -> bool {
    let attribute = row.mailbox.special_use.map(SpecialUse::attribute).unwrap_or_default();
    attribute.trim_start_matches('\\').eq_ignore_ascii_case(word)
}

/// The mailbox a person names: by its full name, the case of letters aside where that leaves one; by its
/// special use; or by its name below INBOX, where some servers keep everything.
pub(super) fn find<'a>(rows: &[&'a MailboxRow], name: &str) -> Option<&'a MailboxRow> {
    let wanted = MailboxName::new(name);
    let exact = rows.iter().find(|row| row.mailbox.name == wanted);
    let lower = name.to_lowercase();
    let only = |fits: &dyn Fn(&MailboxRow) -> bool| {
        let mut found = rows.iter().filter(|row| fits(row));
        found.next().filter(|_| found.next().is_none())
    };
    let below = |row: &MailboxRow| {
        let prefix = row.mailbox.delimiter.map(|delimiter| format!("INBOX{delimiter}")).unwrap_or_default();
        !prefix.is_empty() && row.mailbox.name.as_str().strip_prefix(&prefix) == Some(name)
    };
    exact
        .or_else(|| only(&|row| row.mailbox.name.as_str().to_lowercase() == lower))
        .or_else(|| only(&|row| is_used_as(row, name)))
        .or_else(|| only(&below))
        .copied()
}

/// The mailbox named as a goal.
fn named(scene: &Scene<'_>, account: AccountId, name: &str) -> Result<Goal, Failure> {
    let row = find(&scene.mailboxes(account), name).ok_or_else(|| {
        let account = scene.account(account);
        Failure::NotFound(format!(
            "{account} has no mailbox `{name}`; `restante mailbox list` shows them, \
             `restante mailbox create` makes one"
        ))
    })?;
    if !row.mailbox.selectable {
        return Err(Failure::NotFound(format!("{name} only holds other mailboxes, no messages")));
    }
    Ok(Goal::There(row.id, row.mailbox.name.clone()))
}

/// The mailbox for a special use: the one the server marks (RFC 6154), or one that is called so; when there is
/// none, one that is to be made as `name`.
pub(super) fn special(
    scene: &Scene<'_>,
    account: AccountId,
    special_use: SpecialUse,
    names: &[&str],
) -> Option<Goal> {
    let rows = scene.mailboxes(account);
    let selectable = || rows.iter().filter(|row| row.mailbox.selectable);
    let marked = selectable().find(|row| row.mailbox.special_use == Some(special_use));
    let called = || {
        selectable().find(|row| {
            let name = row.mailbox.name.as_str();
            let last = row.mailbox.delimiter.map_or(name, |d| name.rsplit(d).next().unwrap_or(name));
            row.mailbox.special_use.is_none() && names.iter().any(|n| last.to_lowercase() == *n)
        })
    };
    marked.or_else(called).map(|row| Goal::There(row.id, row.mailbox.name.clone()))
}

/// A mailbox for a special use that an account lacks.
pub(super) fn missing(scene: &Scene<'_>, account: AccountId, special_use: SpecialUse, name: &str) -> Goal {
    let rows = scene.mailboxes(account);
    let listed: Vec<Mailbox> = rows.iter().map(|row| row.mailbox.clone()).collect();
    let delimiter = listed.iter().find_map(|mailbox| mailbox.delimiter);
    let name = sync::new_name(&scene.namespaces(account), &listed, name);
    Goal::New(account, Mailbox { name, delimiter, special_use: Some(special_use), selectable: true })
}
