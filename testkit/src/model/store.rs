//! STORE and UID STORE, with UNCHANGEDSINCE (RFC 7162, section 3.1.3).

use super::Server;
use super::input::Arg;
use super::session::{Done, Session, bad, no};
use super::set;
use super::state::Flags;

impl Session {
    pub(super) fn store(&mut self, server: &mut Server, by_uid: bool, args: &[Arg]) -> Done {
        let (numbers, unchanged_since, rest) = match args {
            [numbers, Arg::List(modifiers), rest @ ..] => {
                let since = match modifiers.as_slice() {
                    [word, since] if word.word() == "UNCHANGEDSINCE" && server.config.has("CONDSTORE") => {
                        since.number()
                    }
                    _ => None,
                };
                let Some(since) = since else { return bad("UNCHANGEDSINCE wants a modification sequence") };
                self.condstore = true;
                (numbers, Some(since), rest)
            }
            [numbers, rest @ ..] => (numbers, None, rest),
            [] => return bad("STORE wants a set"),
        };
        let [action, flags @ ..] = rest else { return bad("STORE wants to know what") };
        let action = action.word();
        let (action, silent) =
            action.strip_suffix(".SILENT").map_or((action.as_str(), false), |action| (action, true));
        let named: Vec<String> = flags
            .iter()
            .flat_map(Arg::items)
            .filter_map(|flag| flag.text())
            .map(|flag| String::from_utf8_lossy(&flag).into_owned())
            .collect();
        let change = |flags: &mut Flags| match action {
            "+FLAGS" => named.iter().for_each(|name| {
                flags.add(name);
            }),
            "-FLAGS" => named.iter().for_each(|name| {
                flags.remove(name);
            }),
            _ => *flags = named.iter().map(String::as_str).collect(),
        };
        if !matches!(action, "FLAGS" | "+FLAGS" | "-FLAGS") {
            return bad("STORE changes flags only");
        }
        let (condstore, uid_only) = (self.condstore, self.uid_only);
        let (selected, _) = self.opened(server)?;
        if selected.read_only {
            return no("[READ-ONLY] it is open for reading");
        }
        let wanted = selected.set(numbers, by_uid)?;
        let within = selected.within(&wanted, by_uid);
        let within = self.limited(server, within, |(_, uid)| *uid);
        let (selected, mailbox) = self.opened(server)?;
        let (mut modified, mut rows) = (Vec::new(), Vec::new());
        for (number, uid) in within {
            let Some(message) = mailbox.messages.get(&uid) else { continue };
            if unchanged_since.is_some_and(|since| message.mod_seq > since) {
                modified.push(if by_uid { uid } else { number });
                continue;
            }
            mailbox.change(uid, change);
            let Some(message) = mailbox.messages.get(&uid) else { continue };
            let shown = selected.shown.iter_mut().find(|shown| shown.uid == uid);
            // Told below; or, being silent, not wanted to be told.
            shown.into_iter().for_each(|shown| shown.mod_seq = message.mod_seq);
            let mut items = Vec::new();
            if !silent {
                items.push(format!("FLAGS ({})", message.flags.names().collect::<Vec<_>>().join(" ")));
            }
            if condstore && !mailbox.no_mod_seq {
                items.push(format!("MODSEQ ({})", message.mod_seq));
            }
            if !items.is_empty() {
                rows.push((number, uid, items.join(" ")));
            }
        }
        for (number, uid, items) in rows {
            self.say_row(number, uid, by_uid || uid_only, &items);
        }
        if modified.is_empty() {
            return Ok("stored".into());
        }
        Ok(format!("[MODIFIED {}] others were changed meanwhile", set::written(modified)))
    }
}
