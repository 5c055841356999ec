//! A store with mail in it.

use restante_core::mail::{
    Contact, Flags, Mailbox, MailboxName, SpecialUse, SyncState, Uid, UidSet, UidValidity,
};
use restante_core::message::{Searchable, Summary};
use restante_core::sync::Delta;
use restante_store::{
    Applied, Ask, Body, Change, Content, ContentWriter, Intent, MailboxId, MessageId, NewEntry, OperationId,
    Store, StoreError, View,
};
use std::path::Path;

pub(crate) const NOW: i64 = 1_700_000_000;

/// A store with the account `ann` and the mailboxes INBOX and Sent.
pub(crate) struct Mail {
    pub(crate) store: Store,
    pub(crate) writer: ContentWriter,
    pub(crate) inbox: MailboxId,
    pub(crate) sent: MailboxId,
}

pub(crate) fn mailbox(name: &str, special_use: Option<SpecialUse>) -> Mailbox {
    Mailbox { name: MailboxName::new(name), delimiter: Some('/'), special_use, selectable: true }
}

impl Mail {
    pub(crate) fn open(dir: &Path) -> Self {
        let mut store = Store::open(dir).unwrap();
        let account = store.account("ann").unwrap();
        store
            .set_mailboxes(account, &[mailbox("INBOX", None), mailbox("Sent", Some(SpecialUse::Sent))])
            .unwrap();
        let ids: Vec<_> = store.mailboxes(account).unwrap().into_iter().map(|row| row.id).collect();
        let writer = store.content_writer().unwrap();
        Self { store, writer, inbox: ids[0], sent: ids[1] }
    }

    /// Writes a content and makes an entry of it.
    pub(crate) fn entry(&mut self, uid: u32, content: &[u8], summary: Summary) -> NewEntry {
        self.writer.begin(content.len() as u64).unwrap();
        self.writer.write(content).unwrap();
        let content = self.writer.finish().unwrap();
        let internal_date = summary.date.unwrap_or(NOW);
        let uid = Uid::new(uid).unwrap();
        let body = Body::Fetched { summary: Box::new(summary), content };
        NewEntry { uid, flags: Flags::new(), mod_seq: None, internal_date, email_id: String::new(), body }
    }

    /// As [`entry`](Self::entry), of the first octets of a message.
    pub(crate) fn begun(&mut self, uid: u32, beginning: &[u8], size: u64, summary: Summary) -> NewEntry {
        let entry = self.entry(uid, beginning, summary);
        let Body::Fetched { summary, content } = entry.body else { panic!("it was fetched") };
        NewEntry { body: Body::Begun { summary, content, size }, ..entry }
    }

    /// Stores plain messages with these UIDs, one second apart.
    pub(crate) fn receive(&mut self, mailbox: MailboxId, uids: impl IntoIterator<Item = u32>) -> Applied {
        let new = uids
            .into_iter()
            .map(|uid| {
                let summary = summary(&format!("message {uid}"), NOW + i64::from(uid));
                self.entry(uid, format!("Subject: message {uid}\r\n\r\nbody {uid}\r\n").as_bytes(), summary)
            })
            .collect();
        self.apply(mailbox, Delta { new, ..Delta::default() })
    }

    pub(crate) fn apply(&mut self, mailbox: MailboxId, delta: Delta<NewEntry>) -> Applied {
        self.writer.sync().unwrap();
        let applied = self.store.apply(mailbox, &delta, NOW).unwrap();
        self.check();
        applied
    }

    /// Indexes everything with the content as text.
    pub(crate) fn index(&mut self) {
        while self.index_some(3) > 0 {}
    }

    /// Indexes the next messages, at most `limit`.
    pub(crate) fn index_some(&mut self, limit: usize) -> usize {
        let mut indexer = self.store.indexer().unwrap();
        indexer.step(limit, searchable, |shown| self.store.preview(&shown)).unwrap()
    }

    /// The counters are what counting gives.
    pub(crate) fn check(&self) {
        for account in self.store.accounts().unwrap() {
            for row in self.store.mailboxes(account.id).unwrap() {
                let flags = self.store.flags(row.id).unwrap();
                assert_eq!(row.total, flags.len() as u64);
                assert_eq!(row.unseen, flags.iter().filter(|(_, f)| !f.contains("\\Seen")).count() as u64);
            }
        }
    }
}

/// The content as text, and its beginning.
pub(crate) fn searchable(view: &View, id: MessageId) -> Result<Searchable, StoreError> {
    let text = String::from_utf8_lossy(&view.read(id)?).into_owned();
    let snippet = text.chars().take(20).collect();
    Ok(Searchable { text, snippet, ..Searchable::default() })
}

/// The content of an entry that was fetched.
pub(crate) fn fetched(entry: &NewEntry) -> &Content {
    match &entry.body {
        Body::Fetched { content, .. } => content,
        other => panic!("not fetched: {other:?}"),
    }
}

pub(crate) fn summary(subject: &str, date: i64) -> Summary {
    Summary {
        subject: subject.into(),
        from: vec![contact("Ann Lee", "ann@example.org")],
        date: Some(date),
        ..Summary::default()
    }
}

pub(crate) fn contact(name: &str, address: &str) -> Contact {
    Contact { name: name.into(), address: address.into() }
}

pub(crate) fn state(validity: u32, next: u32) -> SyncState {
    SyncState { uid_validity: UidValidity::new(validity).unwrap(), uid_next: next, highest_mod_seq: None }
}

pub(crate) fn uids(uids: impl IntoIterator<Item = u32>) -> UidSet {
    uids.into_iter().filter_map(Uid::new).collect()
}

pub(crate) fn flags(names: &[&str]) -> Flags {
    names.iter().copied().collect()
}

/// Asks one thing of one message.
pub(crate) fn ask(
    store: &mut Store,
    mailbox: MailboxId,
    uid: Uid,
    intent: &Intent,
) -> (OperationId, Vec<Change>) {
    let ask = Ask { mailbox, uid: Some(uid), intent: intent.clone() };
    let requested = store.desk().request("a test", &[ask], NOW).unwrap();
    (requested.operations[0], requested.changes)
}
