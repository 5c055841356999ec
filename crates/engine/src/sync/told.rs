//! What is asked together with the list of mailboxes, because it costs no round trip there: whose mailboxes there are
//! (RFC 2342), how much room there is (RFC 9208), and what STATUS has to say besides (RFC 7889, 8438, 8474).

use crate::imap::Connection;
use restante_core::diagnosis::{Certainty, Finding, Service, Stage, Verdict};
use restante_core::imap::wire::{Command, MailboxStatus, Namespaces, Resource, Response};
use restante_core::imap::{Capabilities, Event, Tag};
use restante_core::mail::MailboxName;
use restante_store::{Kind, Namespace, Quota, Told};
use serde::Serialize;
use std::collections::BTreeMap;

/// So full, in per cent, that a person should know.
const NEARLY_FULL: u64 = 95;

/// A limit of an account on its server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Room {
    /// The server's name for what the limit is on.
    pub root: String,
    /// Of what: `storage` (octets), `message`, `mailbox` (a count of them).
    pub resource: String,
    /// How much is used.
    pub used: u64,
    /// How much may be.
    pub limit: u64,
}

impl From<Quota> for Room {
    fn from(quota: Quota) -> Self {
        let Quota { root, resource, used, limit } = quota;
        Self { root, resource, used, limit }
    }
}

/// The items of STATUS, each with a space before it, that this server has besides the usual.
pub(super) fn items(capabilities: &Capabilities) -> String {
    let mut items = String::new();
    // With a number it holds for all mailboxes (RFC 7889, section 3).
    let all = [("STATUS=SIZE", "SIZE"), ("OBJECTID", "MAILBOXID"), ("APPENDLIMIT", "APPENDLIMIT")];
    for (capability, item) in all {
        if capabilities.has(capability) {
            items.push(' ');
            items.push_str(item);
        }
    }
    items
}

/// Asks, without waiting.
pub(super) fn ask(connection: &mut Connection) -> Vec<Tag> {
    let capabilities = connection.capabilities();
    let namespace = capabilities.has("NAMESPACE") || capabilities.has("IMAP4REV2");
    let quota = capabilities.has("QUOTA");
    let mut tags = Vec::new();
    tags.extend(namespace.then(|| connection.send(Command::new("NAMESPACE"))));
    tags.extend(quota.then(|| connection.send(Command::new("GETQUOTAROOT").string(b"INBOX"))));
    tags
}

/// What was said.
#[derive(Default)]
pub(super) struct Said {
    pub(super) told: Told,
    /// Octets of each mailbox, where the server counts them.
    pub(super) sizes: BTreeMap<MailboxName, u64>,
}

impl Said {
    pub(super) fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Untagged(Response::Namespace(namespaces)) => {
                self.told.namespaces = Some(flat(namespaces));
            }
            Event::Untagged(Response::QuotaRoot { .. }) => {
                self.told.quota.get_or_insert_with(Vec::new);
            }
            Event::Untagged(Response::Quota { root, resources }) => {
                let quota = self.told.quota.get_or_insert_with(Vec::new);
                quota.extend(resources.iter().map(|resource| limit(root, resource)));
            }
            Event::Untagged(Response::MailboxStatus(status)) => self.status(status),
            _ => {}
        }
    }

    fn status(&mut self, status: &MailboxStatus) {
        let MailboxStatus { name, size, append_limit, mailbox_id, .. } = status;
        self.told.mailboxes.insert(name.clone(), (mailbox_id.clone(), *append_limit));
        if let Some(size) = size {
            self.sizes.insert(name.clone(), *size);
        }
    }
}

fn flat(namespaces: &Namespaces) -> Vec<Namespace> {
    let Namespaces { personal, other_users, shared } = namespaces;
    let kinds = [(Kind::Personal, personal), (Kind::OtherUsers, other_users), (Kind::Shared, shared)];
    let all = kinds.into_iter().flat_map(|(kind, all)| all.iter().map(move |one| (kind, one)));
    all.map(|(kind, one)| Namespace { kind, prefix: one.prefix.clone(), delimiter: one.delimiter }).collect()
}

fn limit(root: &str, resource: &Resource) -> Quota {
    // RFC 9208, section 5.1: STORAGE is counted in units of 1,024 octets.
    let unit = if resource.name == "STORAGE" { 1024 } else { 1 };
    Quota {
        root: root.to_owned(),
        resource: resource.name.to_ascii_lowercase(),
        used: resource.usage.saturating_mul(unit),
        limit: resource.limit.saturating_mul(unit),
    }
}

/// What a person should know of limits that are nearly met.
pub(super) fn findings(host: &str, told: &Told) -> Vec<Finding> {
    let quota = told.quota.iter().flatten();
    let full = quota.filter(|quota| quota.percent() >= NEARLY_FULL);
    full.map(|quota| {
        let Quota { used, limit, .. } = quota;
        let (unit, of) = match quota.resource.as_str() {
            "storage" => ("octets", ""),
            "message" => ("messages", ""),
            _ => ("units", quota.resource.as_str()),
        };
        let root = Some(quota.root.as_str()).filter(|root| !root.is_empty());
        let root = root.map(|root| format!(" ({root})")).unwrap_or_default();
        let evidence = format!("{host}: {} % is used{root}: {used} of {limit} {unit} {of}", quota.percent());
        let mut finding =
            Finding::new(Stage::Mailbox, Service::Imap, Verdict::MailboxFull, evidence.trim_end().to_owned());
        if used < limit {
            finding.certainty = Certainty::Likely;
        }
        finding
    })
    .collect()
}

/// Why a message is not added to a mailbox: the server announced that it would not take it.
pub(crate) fn too_large(octets: u64, limit: Option<u64>) -> Option<String> {
    let limit = limit.filter(|limit| octets > *limit)?;
    Some(match limit {
        0 => "not sent: the server takes no messages into this mailbox from programs (APPENDLIMIT 0); it \
              stays where it is"
            .to_owned(),
        limit => format!(
            "not sent: the message has {octets} octets and the server takes {limit} at most into this mailbox \
             (APPENDLIMIT); send less, or keep it elsewhere"
        ),
    })
}
