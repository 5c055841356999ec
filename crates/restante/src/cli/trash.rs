//! `restante trash`

use super::change::{Chosen, Doing, Options, Plan, Step, Words, change};
use super::context::Context;
use super::error::Failure;
use super::move_::{Way, missing, relocate, source, special};
use super::scene::Scene;
use clap::Args;
use restante_core::mail::SpecialUse;
use std::process::ExitCode;

/// What a mailbox for the trash is called where the server marks none, in lower case.
const NAMES: [&str; 8] =
    ["trash", "deleted", "deleted items", "deleted messages", "bin", "papierkorb", "corbeille", "papelera"];

/// Move messages to the trash, or remove them for good.
///
/// They go to the mailbox the server marks as \Trash (RFC 6154), or one that is called so; where there is
/// none, `Trash` is made in the same go. What is in the trash already stays there, unless --forever removes
/// it. For thirty days `restante undo` brings back even that: it is added to its mailbox again. Only what was never
/// whole here (`keep` and `whole` in the configuration) is lost then, which is said before.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
\x20 restante trash kqzm\n\
\x20 restante trash --query 'from:newsletter@example.org older:1y' --dry-run\n\
\x20 restante trash --query 'in:trash older:30d' --forever")]
pub(super) struct Trash {
    /// Messages: any unique beginning of an id. `-` reads ids from standard input, one a line.
    #[arg(value_name = "ID", required_unless_present = "query", conflicts_with = "query")]
    messages: Vec<String>,
    /// Only out of this mailbox.
    #[arg(long, value_name = "MAILBOX")]
    from: Option<String>,
    /// Remove them from the server for good, wherever they are. Confirmed at a terminal.
    #[arg(long)]
    forever: bool,
    #[command(flatten)]
    options: Options,
}

impl Trash {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        change(context, &self.options, &self.messages, |scene, chosen| {
            let way = Way { from: self.from.as_deref(), away: true, ..Way::default() };
            if self.forever {
                let words = Words {
                    command: "trash",
                    ask: "remove",
                    done: "removed",
                    tail: " for good".to_owned(),
                    confirm: true,
                };
                return Ok((words, remove(scene, chosen, &way)?));
            }
            let mut plan = relocate(scene, chosen, &way, |account| {
                let trash = special(scene, account, SpecialUse::Trash, &NAMES);
                Ok(trash.unwrap_or_else(|| missing(scene, account, SpecialUse::Trash, "Trash")))
            })?;
            for note in &mut plan.notes {
                note.push_str("; --forever removes what is there for good");
            }
            let (ask, done, tail) = ("move", "moved", " to the trash".to_owned());
            Ok((Words { command: "trash", ask, done, tail, confirm: false }, plan))
        })
    }
}

/// Plans to remove messages for good.
///
/// Where a view shows all mail, mailboxes may be labels, as at Gmail: a message that is removed from one of
/// them stays in the view. From the trash it goes in either case.
fn remove(scene: &Scene<'_>, chosen: &Chosen, way: &Way<'_>) -> Result<Plan, Failure> {
    let mut plan = Plan::default();
    for message in &chosen.messages {
        let all = scene.places(*message, chosen.account)?;
        let view = all.iter().find(|place| scene.special_use(place) == Some(SpecialUse::All));
        for place in source(scene, chosen, way, *message)? {
            if let Some(view) = view.filter(|_| scene.special_use(&place) != Some(SpecialUse::Trash)) {
                let id = scene.id(*message)?;
                return Err(Failure::Refused(format!(
                    "{id} is also in {}, which shows all mail: removed from {} it may stay there; \
                     `restante trash {id}` moves it to the trash, and what is there can be removed for good",
                    view.name, place.name
                )));
            }
            if scene.view.held(*message)?.is_some() {
                plan.irrevocable.insert(*message);
            }
            plan.steps.push(Step { message: *message, place, doing: Doing::Remove });
        }
    }
    Ok(plan)
}
