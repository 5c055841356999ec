//! `restante mark`

use super::change::{Chosen, Doing, Options, Plan, Step, Words, change, count};
use super::context::Context;
use super::error::Failure;
use super::move_::is_view;
use super::scene::Scene;
use clap::{ArgGroup, Args};
use restante_core::mail::{Flags, SystemFlag};
use std::process::ExitCode;

/// Mark messages as read, starred or answered, or no longer so.
///
/// A message that is in several mailboxes is marked in each. `restante tag` sets other flags; `restante undo`
/// takes it back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
\x20 restante mark kqzm --read --star\n\
\x20 restante mark --query 'in:Lists older:7d is:unread' --read")]
#[command(group(ArgGroup::new("marks").required(true).multiple(true)
    .args(["read", "unread", "star", "unstar", "answered", "unanswered"])))]
pub(super) struct Mark {
    /// Messages: any unique beginning of an id. `-` reads ids from standard input, one a line.
    #[arg(value_name = "ID", required_unless_present = "query", conflicts_with = "query")]
    messages: Vec<String>,
    /// Set \Seen.
    #[arg(long)]
    read: bool,
    /// Clear \Seen.
    #[arg(long, conflicts_with = "read")]
    unread: bool,
    /// Set \Flagged.
    #[arg(long, alias = "starred")]
    star: bool,
    /// Clear \Flagged.
    #[arg(long, alias = "unstarred", conflicts_with = "star")]
    unstar: bool,
    /// Set \Answered.
    #[arg(long)]
    answered: bool,
    /// Clear \Answered.
    #[arg(long, conflicts_with = "answered")]
    unanswered: bool,
    #[command(flatten)]
    options: Options,
}

impl Mark {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let (mut add, mut remove, mut words) = (Flags::new(), Flags::new(), Vec::new());
        for (set, clear, flag, name, opposite) in [
            (self.read, self.unread, SystemFlag::Seen, "read", "unread"),
            (self.star, self.unstar, SystemFlag::Flagged, "starred", "not starred"),
            (self.answered, self.unanswered, SystemFlag::Answered, "answered", "not answered"),
        ] {
            let wire =
                SystemFlag::ALL.into_iter().find(|(known, _)| *known == flag).map_or("", |(_, name)| name);
            if set {
                add.insert(wire);
                words.push(name);
            } else if clear {
                remove.insert(wire);
                words.push(opposite);
            }
        }
        let tail = format!(" {}", words.join(", "));
        change(context, &self.options, &self.messages, |scene, chosen| {
            let words =
                Words { command: "mark", ask: "mark", done: "marked", tail: tail.clone(), confirm: false };
            Ok((words, flag(scene, chosen, &add, &remove)?))
        })
    }
}

/// Plans to set and clear flags, wherever they are not so.
pub(super) fn flag(scene: &Scene<'_>, chosen: &Chosen, add: &Flags, remove: &Flags) -> Result<Plan, Failure> {
    let mut plan = Plan::default();
    let mut already = 0;
    for message in &chosen.messages {
        let mut places = scene.places(*message, chosen.account)?;
        if places.iter().any(|place| !is_view(scene, place)) {
            places.retain(|place| !is_view(scene, place));
        }
        let before = plan.steps.len();
        for place in places {
            let add: Flags = add.names().filter(|name| !place.flags.contains(name)).collect();
            let remove: Flags = remove.names().filter(|name| place.flags.contains(name)).collect();
            if add.names().next().is_some() || remove.names().next().is_some() {
                plan.steps.push(Step { message: *message, place, doing: Doing::Flag { add, remove } });
            }
        }
        already += usize::from(plan.steps.len() == before);
    }
    if already > 0 {
        let verb = if already == 1 { "is" } else { "are" };
        plan.notes.push(format!("{} {verb} so already", count(already)));
    }
    Ok(plan)
}
