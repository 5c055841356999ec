//! LIST with its options (RFC 5258, 5819, 6154), LSUB and STATUS.

use std::collections::BTreeSet;

use super::input::Arg;
use super::session::{Done, Session, bad, no};
use super::state::Mailbox;
use super::{Server, name};

impl Session {
    pub(super) fn list(&mut self, server: &mut Server, lsub: bool, args: &[Arg]) -> Done {
        let (selection, args) = match args {
            [Arg::List(selection), rest @ ..] => (selection.iter().map(Arg::word).collect(), rest),
            _ => (Vec::new(), args),
        };
        let [reference, patterns, rest @ ..] = args else {
            return bad("LIST wants a reference and a pattern");
        };
        let options = match rest {
            [] => Vec::new(),
            [word, options] if word.word() == "RETURN" => options.items(),
            _ => return bad("what is that after the pattern"),
        };
        let extended = server.config.has("LIST-EXTENDED") || self.rev2;
        if !extended && (!selection.is_empty() || matches!(patterns, Arg::List(_)) || !options.is_empty()) {
            return bad("no LIST-EXTENDED here");
        }
        let Some(reference) = reference.text().and_then(|text| name::decode(&text, self.utf8)) else {
            return bad("no reference");
        };
        let patterns: Vec<String> = patterns
            .items()
            .iter()
            .filter_map(|pattern| name::decode(&pattern.text()?, self.utf8))
            .map(|pattern| format!("{reference}{pattern}"))
            .collect();
        let delimiter = server.config.delimiter;
        if patterns.iter().all(String::is_empty) {
            self.say(&format!("* LIST (\\Noselect) \"{delimiter}\" \"\""));
            return Ok("that is the delimiter".into());
        }
        let selects = |option: &str| selection.iter().any(|selected: &String| selected == option);
        let returns = |option: &str| options.iter().any(|returned| returned.word() == option);
        let subscribed_only = lsub || selects("SUBSCRIBED");
        let status = options.iter().position(|option| option.word() == "STATUS");
        let status: Option<Vec<String>> = status.map(|at| {
            options.get(at + 1).map(Arg::items).unwrap_or_default().iter().map(Arg::word).collect()
        });
        if status.is_some() && !server.config.has("LIST-STATUS") && !self.rev2 {
            return bad("no LIST-STATUS here");
        }
        let names = if subscribed_only { server.subscribed.clone() } else { known(server) };
        for name in names {
            if !patterns.iter().any(|pattern| name::fits(pattern, &name, delimiter)) {
                continue;
            }
            let mailbox = server.mailboxes.get(&name);
            let below = format!("{name}{delimiter}");
            let has_children = server.mailboxes.keys().any(|other| other.starts_with(&below));
            let mut attributes = vec![if has_children { "\\HasChildren" } else { "\\HasNoChildren" }];
            if mailbox.is_none() {
                attributes.push(if extended { "\\NonExistent" } else { "\\Noselect" });
            }
            if extended && (subscribed_only || returns("SUBSCRIBED")) && server.subscribed.contains(&name) {
                attributes.push("\\Subscribed");
            }
            let special = mailbox.and_then(|mailbox| mailbox.special_use.as_deref());
            if selects("SPECIAL-USE") && special.is_none() {
                continue;
            }
            attributes.extend(special.filter(|_| server.config.has("SPECIAL-USE")));
            let (word, attributes) = (if lsub { "LSUB" } else { "LIST" }, attributes.join(" "));
            let wire = name::encode(&name, self.utf8);
            let row = format!("* {word} ({attributes}) \"{delimiter}\" {wire}");
            let status = match (mailbox, &status) {
                (Some(mailbox), Some(items)) => match status_items(server, mailbox, items) {
                    Ok(items) => Some(format!("* STATUS {wire} ({items})")),
                    Err(item) => return bad(format!("no such item: {item}")),
                },
                _ => None,
            };
            self.condstore |= status.as_ref().is_some_and(|status| status.contains("HIGHESTMODSEQ"));
            self.say(&row);
            if let Some(status) = status {
                self.say(&status);
            }
        }
        Ok("listed".into())
    }

    pub(super) fn status(&mut self, server: &mut Server, args: &[Arg]) -> Done {
        let name = self.name(args.first())?;
        let items: Vec<String> =
            args.get(1).map(Arg::items).unwrap_or_default().iter().map(Arg::word).collect();
        let Some(mailbox) = server.mailboxes.get(&name) else { return no("[NONEXISTENT] no such mailbox") };
        match status_items(server, mailbox, &items) {
            Ok(said) => {
                self.condstore |= said.contains("HIGHESTMODSEQ");
                self.say(&format!("* STATUS {} ({said})", name::encode(&name, self.utf8)));
                Ok("so it is".into())
            }
            Err(item) => bad(format!("no such item: {item}")),
        }
    }
}

/// Names there are, and those above them.
fn known(server: &Server) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for name in server.mailboxes.keys() {
        let above = name.match_indices(server.config.delimiter).map(|(at, _)| name[..at].to_owned());
        names.extend(above);
        names.insert(name.clone());
    }
    names
}

/// The items of STATUS with their values; `Err` names the first that is none.
pub(super) fn status_items(server: &Server, mailbox: &Mailbox, items: &[String]) -> Result<String, String> {
    let condstore = server.config.has("CONDSTORE");
    let value = |item: &String| {
        Ok(match item.as_str() {
            "MESSAGES" => format!("{item} {}", mailbox.messages.len()),
            "UIDNEXT" => format!("{item} {}", mailbox.next),
            "UIDVALIDITY" => format!("{item} {}", mailbox.validity),
            "UNSEEN" => format!("{item} {}", mailbox.unseen()),
            "RECENT" => format!("{item} 0"),
            "DELETED" => {
                let deleted = mailbox.messages.values().filter(|message| message.flags.has("\\Deleted"));
                format!("{item} {}", deleted.count())
            }
            // RFC 7162, section 3.1.2.2: 0 says that none are kept.
            "HIGHESTMODSEQ" if condstore && mailbox.no_mod_seq => format!("{item} 0"),
            "HIGHESTMODSEQ" if condstore => format!("{item} {}", mailbox.mod_seq),
            "SIZE" if server.config.has("STATUS=SIZE") => format!("{item} {}", mailbox.octets()),
            "APPENDLIMIT" if server.config.has("APPENDLIMIT") => {
                let limit = mailbox.append_limit.map_or("NIL".to_owned(), |limit| limit.to_string());
                format!("{item} {limit}")
            }
            "MAILBOXID" if server.config.has("OBJECTID") => format!("{item} (F{})", mailbox.id),
            _ => return Err(item.clone()),
        })
    };
    Ok(items.iter().map(value).collect::<Result<Vec<_>, _>>()?.join(" "))
}
