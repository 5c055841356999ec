//! `restante schema`

use super::error::Failure;
use super::output::print;
use clap::Args;
use std::process::ExitCode;

/// Every document's schema, by name.
pub(super) const SCHEMAS: [(&str, &str); 27] = [
    ("account", include_str!("../../schemas/account.json")),
    ("account-edit", include_str!("../../schemas/account-edit.json")),
    ("account-list", include_str!("../../schemas/account-list.json")),
    ("account-move", include_str!("../../schemas/account-move.json")),
    ("account-reauth", include_str!("../../schemas/account-reauth.json")),
    ("change", include_str!("../../schemas/change.json")),
    ("count", include_str!("../../schemas/count.json")),
    ("discover", include_str!("../../schemas/discover.json")),
    ("doctor", include_str!("../../schemas/doctor.json")),
    ("error", include_str!("../../schemas/error.json")),
    ("export", include_str!("../../schemas/export.json")),
    ("fsck", include_str!("../../schemas/fsck.json")),
    ("import", include_str!("../../schemas/import.json")),
    ("list", include_str!("../../schemas/list.json")),
    ("mailbox", include_str!("../../schemas/mailbox.json")),
    ("mailbox-list", include_str!("../../schemas/mailbox-list.json")),
    ("open", include_str!("../../schemas/open.json")),
    ("outbox", include_str!("../../schemas/outbox.json")),
    ("read", include_str!("../../schemas/read.json")),
    ("save", include_str!("../../schemas/save.json")),
    ("saved", include_str!("../../schemas/saved.json")),
    ("send", include_str!("../../schemas/send.json")),
    ("setup", include_str!("../../schemas/setup.json")),
    ("sync", include_str!("../../schemas/sync.json")),
    ("thread", include_str!("../../schemas/thread.json")),
    ("undo", include_str!("../../schemas/undo.json")),
    ("undo-list", include_str!("../../schemas/undo-list.json")),
];

/// Print the JSON Schema of what a command prints with --json; all names when none is given.
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// A document's name, as `list`.
    name: Option<String>,
}

impl Schema {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let Some(name) = self.name else {
            let names: Vec<&str> = SCHEMAS.iter().map(|(name, _)| *name).collect();
            print(&format!("{}\n", names.join("\n")))?;
            return Ok(ExitCode::SUCCESS);
        };
        // A search prints a list, a reply is a send, and all that changes messages prints the same.
        let wanted = match name.as_str() {
            "search" => "list",
            "reply" => "send",
            "archive" | "move" | "mark" | "tag" | "trash" => "change",
            other => other,
        };
        match SCHEMAS.iter().find(|(known, _)| *known == wanted) {
            Some((_, schema)) => print(schema)?,
            None => return Err(Failure::Usage(format!("no document is called `{name}`"))),
        }
        Ok(ExitCode::SUCCESS)
    }
}
