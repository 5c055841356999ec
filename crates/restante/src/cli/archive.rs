//! `restante archive`

use super::change::{Goal, Options, Words, change};
use super::context::Context;
use super::error::Failure;
use super::move_::{Way, missing, relocate, special};
use super::scene::Scene;
use clap::Args;
use restante_core::mail::SpecialUse;
use restante_store::AccountId;
use std::process::ExitCode;

/// What a mailbox for the archive is called where the server marks none, in lower case.
const NAMES: [&str; 5] = ["archive", "archives", "archived", "archiv", "archivé"];

/// Archive messages: out of the INBOX, kept for good.
///
/// They go to the mailbox the server marks as \Archive (RFC 6154), or one that is called so; where there is
/// none, `Archive` is made in the same go. A message that is not in the INBOX leaves the mailboxes it is in,
/// or the one that --from, or in: in the query, names. At Gmail, where mailboxes are labels, archived is what is
/// in All Mail and not in the INBOX: other labels stay. `restante undo` takes it back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
\x20 restante archive kqzm vtwx\n\
\x20 restante archive --query 'in:inbox older:30d is:read'\n\
\x20 restante list --ids from:newsletter@example.org | restante archive -")]
pub(super) struct Archive {
    /// Messages: any unique beginning of an id. `-` reads ids from standard input, one a line.
    #[arg(value_name = "ID", required_unless_present = "query", conflicts_with = "query")]
    messages: Vec<String>,
    /// Only out of this mailbox.
    #[arg(long, value_name = "MAILBOX")]
    from: Option<String>,
    #[command(flatten)]
    options: Options,
}

impl Archive {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        change(context, &self.options, &self.messages, |scene, chosen| {
            let way = Way { from: self.from.as_deref(), inbox_first: true, ..Way::default() };
            let plan = relocate(scene, chosen, &way, |account| Ok(archive(scene, account)))?;
            let words = Words {
                command: "archive",
                ask: "archive",
                done: "archived",
                tail: String::new(),
                confirm: false,
            };
            Ok((words, plan))
        })
    }
}

fn archive(scene: &Scene<'_>, account: AccountId) -> Goal {
    special(scene, account, SpecialUse::Archive, &[])
        // Before names: where mailboxes are labels, one that is called so is a label like any other.
        .or_else(|| all_mail(scene, account))
        .or_else(|| special(scene, account, SpecialUse::Archive, &NAMES))
        .unwrap_or_else(|| missing(scene, account, SpecialUse::Archive, "Archive"))
}

/// Where mailboxes are labels, as at Gmail, what left the INBOX is in the view of all mail, and nothing else
/// is an archive. Other servers' views of all mail take no messages.
fn all_mail(scene: &Scene<'_>, account: AccountId) -> Option<Goal> {
    let rows = scene.mailboxes(account);
    let labels = |name: &str| ["[Gmail]", "[Google Mail]"].iter().any(|top| name.starts_with(top));
    let all = rows
        .iter()
        .find(|row| row.mailbox.special_use == Some(SpecialUse::All) && labels(row.mailbox.name.as_str()))?;
    Some(Goal::There(all.id, all.mailbox.name.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use restante_core::mail::{Mailbox, MailboxName};
    use restante_store::{Store, View};

    /// Where an account with these mailboxes archives to.
    fn goal(mailboxes: &[(&str, Option<SpecialUse>)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let account = store.account("ann@example.org").unwrap();
        let mailbox = |(name, special_use): &(&str, Option<SpecialUse>)| Mailbox {
            name: MailboxName::new(*name),
            delimiter: Some('/'),
            special_use: *special_use,
            selectable: true,
        };
        store.set_mailboxes(account, &mailboxes.iter().map(mailbox).collect::<Vec<_>>()).unwrap();
        drop(store);
        let view = View::open(folder.path()).unwrap();
        archive(&Scene::new(&view).unwrap(), account).name().to_string()
    }

    #[test]
    fn the_archive_is_what_is_marked_then_gmails_view_of_all_mail_then_what_is_called_so() {
        let (all, archive) = (Some(SpecialUse::All), Some(SpecialUse::Archive));
        assert_eq!(goal(&[("INBOX", None), ("[Gmail]/All Mail", all), ("Kept", archive)]), "Kept");
        assert_eq!(goal(&[("INBOX", None), ("[Gmail]/Alle", all), ("Archive", None)]), "[Gmail]/Alle");
        assert_eq!(goal(&[("INBOX", None), ("Virtual/All", all), ("Archiv", None)]), "Archiv");
        assert_eq!(goal(&[("INBOX", None), ("Virtual/All", all)]), "Archive");
    }
}
