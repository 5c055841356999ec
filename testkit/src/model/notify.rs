//! NOTIFY (RFC 5465): changes in every mailbox, told as they come.

use std::collections::{BTreeMap, BTreeSet};

use super::input::Arg;
use super::list::status_items;
use super::session::{Done, Session, bad};
use super::{Server, name};

/// What a connection wants to hear of.
#[derive(Default)]
pub(super) struct Watch {
    /// Of the open mailbox; whether also at once of what went.
    pub(super) selected: Option<bool>,
    /// Of all others.
    personal: bool,
    /// Of names that come and go.
    names: bool,
    /// What was told of each mailbox, by name.
    told: BTreeMap<String, (u64, String)>,
}

impl Session {
    pub(super) fn notify(&mut self, server: &mut Server, args: &[Arg]) -> Done {
        let (status, groups) = match args {
            [none] if none.word() == "NONE" => {
                self.watch = None;
                return Ok("silence".into());
            }
            [set, status, groups @ ..] if set.word() == "SET" && status.word() == "STATUS" => (true, groups),
            [set, groups @ ..] if set.word() == "SET" => (false, groups),
            _ => return bad("NOTIFY SET, or NOTIFY NONE"),
        };
        let mut watch = Watch::default();
        for group in groups {
            let items = group.items();
            let [filter, events] = items.as_slice() else { return bad("a filter and events are wanted") };
            let wanted: BTreeSet<String> = events.items().iter().map(Arg::word).collect();
            let known = ["MESSAGENEW", "MESSAGEEXPUNGE", "FLAGCHANGE", "MAILBOXNAME", "NONE"];
            if wanted.iter().any(|event| !known.contains(&event.as_str())) {
                return bad("[BADEVENT (MessageNew MessageExpunge FlagChange MailboxName)] no such event");
            }
            // Section 5: these two go together.
            if wanted.contains("MESSAGENEW") != wanted.contains("MESSAGEEXPUNGE") {
                return bad("MessageNew and MessageExpunge go together");
            }
            let messages = wanted.contains("MESSAGENEW");
            match filter.word().as_str() {
                "SELECTED" if messages => watch.selected = Some(true),
                "SELECTED-DELAYED" if messages => watch.selected = Some(false),
                "SELECTED" | "SELECTED-DELAYED" => {}
                "PERSONAL" => (watch.personal, watch.names) = (messages, wanted.contains("MAILBOXNAME")),
                other => return bad(format!("no such filter here: {other}")),
            }
        }
        for name in server.mailboxes.keys() {
            let told = summary(server, name);
            // RFC 5465, section 3.1: a STATUS of each mailbox that is watched, before anything else.
            if status && watch.personal {
                self.say(&format!("* STATUS {} ({})", name::encode(name, self.utf8), told.1));
            }
            watch.told.insert(name.clone(), told);
        }
        self.watch = Some(watch);
        Ok("listening".into())
    }

    /// What was told of a mailbox by opening it need not be told again.
    pub(super) fn forget_watched(&mut self, name: &str) {
        if let Some(watch) = &mut self.watch {
            watch.told.remove(name);
        }
    }

    /// Tells what changed in mailboxes that are not open.
    pub(super) fn tell_others(&mut self, server: &mut Server) {
        let Some(mut watch) = self.watch.take() else { return };
        let open = self.selected.as_ref().map(|selected| selected.id);
        let delimiter = server.config.delimiter;
        let now: BTreeMap<String, (u64, String)> =
            server.mailboxes.keys().map(|name| (name.clone(), summary(server, name))).collect();
        if watch.names {
            let before: BTreeMap<u64, &String> =
                watch.told.iter().map(|(name, (id, _))| (*id, name)).collect();
            let fresh =
                now.iter().filter(|(name, (id, _))| before.get(id) != Some(name) && open != Some(*id));
            for (name, (id, _)) in fresh {
                let former =
                    before.get(id).map(|old| format!(" (\"OLDNAME\" ({}))", name::encode(old, self.utf8)));
                let wire = name::encode(name, self.utf8);
                self.say(&format!("* LIST () \"{delimiter}\" {wire}{}", former.unwrap_or_default()));
            }
            let ids: BTreeSet<u64> = now.values().map(|(id, _)| *id).collect();
            for (name, _) in watch.told.iter().filter(|(_, (id, _))| !ids.contains(id)) {
                self.say(&format!(
                    "* LIST (\\NonExistent) \"{delimiter}\" {}",
                    name::encode(name, self.utf8)
                ));
            }
        }
        if watch.personal {
            for (name, (id, status)) in &now {
                let told = watch.told.get(name).map(|(_, told)| told);
                if open != Some(*id) && told != Some(status) {
                    self.say(&format!("* STATUS {} ({status})", name::encode(name, self.utf8)));
                }
            }
        }
        watch.told = now;
        self.watch = Some(watch);
    }
}

/// Which mailbox a name is, and what STATUS says of it.
fn summary(server: &Server, name: &str) -> (u64, String) {
    let mailbox = server.mailbox(name);
    let items = if server.config.has("CONDSTORE") {
        "MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ"
    } else {
        "MESSAGES UIDNEXT UIDVALIDITY"
    };
    let items: Vec<String> = items.split(' ').map(str::to_owned).collect();
    (mailbox.id, status_items(server, mailbox, &items).unwrap_or_default())
}
