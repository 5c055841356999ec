//! All mailboxes and their state in as few round trips as the server allows.

use super::extents::{Rule, at_opening};
use super::opening::{Answered, Opening};
use super::told::{self, Said};
use crate::error::Error;
use crate::imap::Connection;
use restante_core::imap::wire::{Command, MailboxStatus, Response, Status};
use restante_core::imap::{Event, Tag};
use restante_core::mail::{Mailbox, MailboxName};
use restante_core::sync::pull::{Held, Seen};
use std::collections::{BTreeMap, BTreeSet};

/// What may be asked of this server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Abilities {
    pub(crate) condstore: bool,
    pub(crate) qresync: bool,
    pub(crate) esearch: bool,
    pub(crate) object_id: bool,
    /// Mailboxes are labels of messages (X-GM-EXT-1): one message is in several of them.
    pub(crate) labels: bool,
    /// How many messages a command may be about (RFC 9738).
    pub(crate) limit: Option<u32>,
}

pub(super) struct Listing {
    /// In the server's order, with what STATUS said where it was asked and answered.
    pub(super) mailboxes: Vec<(Mailbox, Option<Seen>)>,
    /// What was said besides.
    pub(super) said: Said,
    pub(super) abilities: Abilities,
    /// The INBOX, where it was opened in the same flight.
    pub(super) inbox: Option<Answered>,
}

/// Enables what the server offers, once a connection: it may not be done while a mailbox is open (RFC 5161,
/// section 3.1).
pub(crate) async fn enable(connection: &mut Connection) -> Result<Abilities, Error> {
    let mut abilities = abilities(connection);
    let spelling = start_spelling(connection);
    let enabling = start_enabling(connection, abilities);
    for tag in spelling {
        connection.wait(tag, &mut |_| Ok(())).await?;
    }
    if let Some(enabling) = enabling {
        let completion = connection.wait(enabling, &mut |_| Ok(())).await?;
        connection.enabled = Some(completion.status == Status::Ok);
    }
    abilities.qresync &= connection.enabled != Some(false);
    Ok(abilities)
}

fn abilities(connection: &Connection) -> Abilities {
    let capabilities = connection.capabilities();
    Abilities {
        condstore: capabilities.has("CONDSTORE") || capabilities.has("QRESYNC"),
        qresync: capabilities.has("QRESYNC") && capabilities.has("ENABLE"),
        esearch: capabilities.has("ESEARCH"),
        object_id: capabilities.has("OBJECTID"),
        limit: connection.message_limit(),
        labels: capabilities.has("X-GM-EXT-1"),
    }
}

/// Asks, once a connection, for IMAP4rev2, or for UTF-8 alone: then names are UTF-8 both ways and messages with UTF-8 in
/// their headers are taken. And for UIDs in the place of message numbers (RFC 9586), of which nothing here makes use.
/// Each is a command of its own: a server that refuses one may still enable the rest.
fn start_spelling(connection: &mut Connection) -> Vec<Tag> {
    let capabilities = connection.capabilities();
    if !capabilities.has("ENABLE") || connection.spelled {
        return Vec::new();
    }
    let spelling = ["IMAP4rev2", "UTF8=ACCEPT"].into_iter().find(|name| capabilities.has(name));
    let numbers = Some("UIDONLY").filter(|name| capabilities.has(name));
    connection.spelled = true;
    let all = spelling.into_iter().chain(numbers);
    all.map(|name| connection.send(Command::new("ENABLE").raw(name))).collect()
}

fn start_enabling(connection: &mut Connection, abilities: Abilities) -> Option<Tag> {
    let wanted = abilities.qresync && connection.enabled.is_none();
    wanted.then(|| connection.send(Command::new("ENABLE").raw("QRESYNC")))
}

/// Enables what the server offers, then lists. With LIST-STATUS (RFC 5819) that is one round trip.
///
/// The very `first` sync wants the INBOX, which every account has, whatever the list says: far away it is opened in the same
/// flight, compressed, for much is to come.
pub(super) async fn list(connection: &mut Connection, first: Option<&Rule>) -> Result<Listing, Error> {
    let mut abilities = abilities(connection);
    let capabilities = connection.capabilities();
    let list_status = capabilities.has("LIST-STATUS");
    let list_extended = capabilities.has("LIST-EXTENDED") || capabilities.has("IMAP4REV2");
    let special_use = capabilities.has("SPECIAL-USE");
    let wants_id = capabilities.has("ID");
    let mod_seq = if abilities.condstore { " HIGHESTMODSEQ" } else { "" };
    let items = format!("MESSAGES UIDNEXT UIDVALIDITY{mod_seq}{}", told::items(capabilities));

    let spelling = start_spelling(connection);
    let enable = start_enabling(connection, abilities);
    // Some servers (163.com and its kin) open no mailbox for a program without a name (RFC 2971).
    let id = wants_id.then(|| {
        let version = env!("CARGO_PKG_VERSION");
        connection.send(Command::new("ID").raw(&format!("(\"name\" \"restante\" \"version\" \"{version}\")")))
    });
    let mut command = Command::new("LIST").raw("\"\" \"*\"");
    if list_status {
        let special_use = if special_use { "SPECIAL-USE " } else { "" };
        command = command.raw(&format!("RETURN ({special_use}STATUS ({items}))"));
    } else if list_extended && special_use {
        command = command.raw("RETURN (SPECIAL-USE)");
    }

    // All of it at once: waiting for each answer would cost a round trip each.
    let listed = connection.send(command);
    let beside = told::ask(connection);
    // Behind it nothing may be sent before it is answered.
    let early = first.filter(|_| list_status && abilities.condstore && connection.is_far());
    let opening = early.map(|rule| {
        let (name, held) = (MailboxName::new("INBOX"), Held::default());
        let (_, questions) = at_opening(&rule.limits, abilities, held);
        Opening::ask(connection, abilities, &name, held, questions, true)
    });
    let mut found = Found::default();
    for tag in spelling {
        // Refused, names stay as they were spelled.
        connection.wait(tag, &mut |event| found.take(event)).await?;
    }
    if let Some(tag) = enable {
        let completion = connection.wait(tag, &mut |event| found.take(event)).await?;
        // ENABLED may come empty and the extension work all the same (iCloud); only a refusal counts.
        connection.enabled = Some(completion.status == Status::Ok);
    }
    abilities.qresync &= connection.enabled != Some(false);
    if let Some(tag) = id {
        connection.wait(tag, &mut |event| found.take(event)).await?;
    }
    let completion = connection.wait(listed, &mut |event| found.take(event)).await?;
    if completion.status != Status::Ok {
        return Err(connection.refused("LIST", &completion));
    }
    for tag in beside {
        // A NO says nothing; what is known of it stays.
        connection.wait(tag, &mut |event| found.take(event)).await?;
    }
    let inbox = match opening {
        Some(opening) => Some(opening.answered(connection).await?),
        None => None,
    };
    if !list_status {
        ask_each(connection, &mut found, &items).await?;
    }
    let Found { mailboxes, statuses, said, .. } = found;
    let mailboxes = mailboxes
        .into_iter()
        .map(|mailbox| {
            let seen = statuses.get(&mailbox.name).copied();
            (mailbox, seen)
        })
        .collect();
    Ok(Listing { mailboxes, said, abilities, inbox })
}

/// STATUS for every mailbox, all at once: one more round trip.
async fn ask_each(connection: &mut Connection, found: &mut Found, items: &str) -> Result<(), Error> {
    let utf8 = connection.session().utf8();
    let tags: Vec<_> = found
        .mailboxes
        .iter()
        .filter(|mailbox| mailbox.selectable)
        .map(|mailbox| {
            let command = Command::new("STATUS").mailbox(&mailbox.name, utf8).raw(&format!("({items})"));
            connection.send(command)
        })
        .collect();
    for tag in tags {
        // A NO is one mailbox that will be opened to see.
        connection.wait(tag, &mut |event| found.take(event)).await?;
    }
    Ok(())
}

#[derive(Default)]
struct Found {
    mailboxes: Vec<Mailbox>,
    known: BTreeSet<MailboxName>,
    statuses: BTreeMap<MailboxName, Seen>,
    said: Said,
}

impl Found {
    fn take(&mut self, event: Event<'_>) -> Result<(), Error> {
        self.said.take(&event);
        match event {
            // A name may be listed twice (children, subscriptions); the first row is the mailbox.
            Event::Untagged(Response::List(entry)) if self.known.insert(entry.mailbox.name.clone()) => {
                self.mailboxes.push(entry.mailbox);
            }
            Event::Untagged(Response::MailboxStatus(status)) => {
                let MailboxStatus { name, messages, uid_next, uid_validity, highest_mod_seq, .. } = status;
                if let Some(exists) = messages {
                    self.statuses.insert(name, Seen { uid_validity, uid_next, highest_mod_seq, exists });
                }
            }
            _ => {}
        }
        Ok(())
    }
}
