//! Fetching again what was lost on this machine: contents whose octets are gone or are not those that were
//! written.
//!
//! A UID names the same octets for as long as its UIDVALIDITY holds (RFC 9051, section 2.3.1.1). So the same
//! messages are asked for, and what comes is held against the digest of what was lost.

use crate::error::Error;
use crate::imap::Connection;
use crate::sync::Keeper;
use restante_core::diagnosis::{Certainty, Finding, Service, Stage, Verdict};
use restante_core::imap::Event;
use restante_core::imap::wire::{BodyContent, Code, Command, FetchRow, Response, Status, internal_date};
use restante_core::mail::{Uid, UidSet, UidValidity};
use restante_core::message::Summary;
use restante_store::{
    AccountId, Body, Content, ContentWriter, Lost, MailboxId, MailboxRow, MessageId, NewEntry, Replacement,
};
use std::collections::{BTreeMap, BTreeSet};

/// Messages in one fetch: what is fetched again when the connection breaks.
const PORTION: usize = 100;
/// Octets of a UID set that every server takes in one command (RFC 2683, section 3.2.1.5).
const LINE: usize = 900;
/// Octets of a message that are kept to read its header from.
const HEADER: usize = 64 * 1024;

/// What could be had again.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// Messages whose content is what it was.
    pub restored: u64,
    /// Entries for which the server has other octets than were lost: these are messages of their own now.
    pub replaced: u64,
    /// Why something could not be had.
    pub findings: Vec<Finding>,
}

/// Fetches the contents of lost messages from an account's server, over a connection that is logged in.
///
/// A mailbox that cannot be opened, or whose UIDs are not those of its entries any more, is passed over.
///
/// # Errors
/// When the connection breaks or the store cannot be written. What came until then stays.
pub async fn fetch_lost(
    connection: &mut Connection,
    keeper: &Keeper,
    account: AccountId,
    lost: &[MessageId],
    now: i64,
) -> Result<Fetched, Error> {
    let messages = lost.to_vec();
    let (places, mut writer) =
        keeper.with(move |store| Ok((store.view().places_of(&messages)?, store.content_writer()?))).await?;
    // The writer would find that it knows what was lost.
    writer.write_anew();
    let mut mailboxes: BTreeMap<MailboxId, Vec<Lost>> = BTreeMap::new();
    for place in places.into_iter().filter(|place| place.account == account) {
        mailboxes.entry(place.mailbox).or_default().push(place);
    }
    let mut fetched = Fetched::default();
    let mut restored = BTreeSet::new();
    for (mailbox, mut places) in mailboxes {
        places.retain(|place| !restored.contains(&place.message));
        let row = keeper.with(move |store| store.view().mailbox(mailbox)).await?;
        if places.is_empty() || !open(connection, &row, &mut fetched).await? {
            continue;
        }
        for portion in places.chunks(PORTION) {
            let uids: UidSet = portion.iter().map(|place| place.uid).collect();
            let mut taken = Taken::new(portion, writer);
            for set in uids.chunks(LINE) {
                let fetch = Command::new("UID FETCH").uids(&set).raw("(UID FLAGS INTERNALDATE BODY.PEEK[])");
                let completion = connection.run(fetch, |event| taken.take(event)).await?;
                if completion.status != Status::Ok {
                    let line = completion.line();
                    fetched.complain(&row, format!("the server answered UID FETCH with: {line}"));
                }
            }
            taken.writer.sync()?;
            let Taken { writer: again, same, other, .. } = taken;
            writer = again;
            restored.extend(same.iter().map(|(message, _)| *message));
            // Completed in one place, it is in all of them.
            let partial = other.iter().filter(|replacement| replacement.lost.partial);
            restored.extend(partial.map(|replacement| replacement.lost.message));
            fetched.restored += same.len() as u64;
            // One of which the beginning was lost is whole now: that is more than it was, and no other one.
            let completed = other.iter().filter(|replacement| replacement.lost.partial).count() as u64;
            fetched.restored += completed;
            fetched.replaced += other.len() as u64 - completed;
            keeper
                .with(move |store| {
                    let contents: Vec<Content> = same.into_iter().map(|(_, content)| content).collect();
                    store.restore(&contents)?;
                    other.iter().try_for_each(|replacement| store.replace(replacement, now))
                })
                .await?;
        }
    }
    Ok(fetched)
}

/// Fetches the whole of a message of which only the beginning is here, over a connection that is logged in. Gives why
/// it could not be had; `None` when it is here now.
///
/// # Errors
/// When the connection breaks or the store cannot be written.
pub async fn complete(
    connection: &mut Connection,
    keeper: &Keeper,
    account: AccountId,
    message: MessageId,
    now: i64,
) -> Result<Option<String>, Error> {
    // On another server than before, UIDs mean nothing.
    let place = connection.place().to_owned();
    keeper.with(move |store| store.set_server(account, &place)).await?;
    let fetched = fetch_lost(connection, keeper, account, &[message], now).await?;
    if fetched.restored > 0 {
        return Ok(None);
    }
    let why = fetched.findings.into_iter().next().map(|finding| finding.evidence);
    Ok(Some(why.unwrap_or_else(|| "the server has this message no more".to_owned())))
}

/// Opens a mailbox for reading; false, with a finding, when its entries cannot be had from it.
async fn open(connection: &mut Connection, row: &MailboxRow, fetched: &mut Fetched) -> Result<bool, Error> {
    // As in a sync: without CONDSTORE, EXAMINE makes Courier invent a UIDVALIDITY each time.
    let capabilities = connection.capabilities();
    let condstore = capabilities.has("CONDSTORE") || capabilities.has("QRESYNC");
    let verb = if condstore { "EXAMINE" } else { "SELECT" };
    let command = Command::new(verb).mailbox(&row.mailbox.name, connection.session().utf8());
    let mut validity: Option<UidValidity> = None;
    let completion = connection
        .run(command, |event| {
            if let Event::Untagged(Response::Status { code: Some(Code::UidValidity(number)), .. }) = event {
                validity = Some(number);
            }
            Ok(())
        })
        .await?;
    if completion.status != Status::Ok {
        fetched.complain(row, format!("the server answered {verb} with: {}", completion.line()));
        return Ok(false);
    }
    if validity.is_none() || validity != row.state.map(|state| state.uid_validity) {
        let what = "its messages have other UIDs on the server now; `restante sync` learns them";
        fetched.complain(row, what.to_owned());
        return Ok(false);
    }
    Ok(true)
}

impl Fetched {
    fn complain(&mut self, row: &MailboxRow, what: String) {
        let evidence = format!("{}: {what}", row.mailbox.name);
        let mut finding = Finding::new(Stage::Mailbox, Service::Imap, Verdict::ProtocolError, evidence);
        finding.certainty = Certainty::Likely;
        self.findings.push(finding);
    }
}

/// What comes, on its way to the packs.
struct Taken<'a> {
    places: &'a [Lost],
    writer: ContentWriter,
    /// The beginning of the content under way.
    head: Vec<u8>,
    open: bool,
    /// Contents that are what was lost.
    same: Vec<(MessageId, Content)>,
    other: Vec<Replacement>,
}

impl<'a> Taken<'a> {
    fn new(places: &'a [Lost], writer: ContentWriter) -> Self {
        Self { places, writer, head: Vec::new(), open: false, same: Vec::new(), other: Vec::new() }
    }

    fn take(&mut self, event: Event<'_>) -> Result<(), Error> {
        match event {
            Event::BodyStart { size } => self.begin(size),
            Event::BodyChunk(bytes) => self.write(bytes),
            Event::Untagged(Response::Fetch(row)) => self.row(row),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, size: u64) -> Result<(), Error> {
        self.head.clear();
        self.open = true;
        Ok(self.writer.begin(size)?)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let room = HEADER.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(bytes.get(..room).unwrap_or_default());
        Ok(self.writer.write(bytes)?)
    }

    fn row(&mut self, row: FetchRow) -> Result<(), Error> {
        if let Some(BodyContent::Quoted(bytes)) = &row.body {
            self.begin(bytes.len() as u64)?;
            self.write(bytes)?;
        }
        // What is not finished is forgotten by the next.
        let open = std::mem::take(&mut self.open);
        let Some(lost) = row.uid.and_then(|uid| self.wanted(uid)).filter(|_| open && !row.damaged) else {
            return Ok(());
        };
        let content = self.writer.finish()?;
        if content.digest() == lost.digest {
            self.same.push((lost.message, content));
            return Ok(());
        }
        let summary = Summary::read(&self.head);
        let date = row.internal_date.as_deref().and_then(internal_date);
        let entry = NewEntry {
            uid: lost.uid,
            flags: row.flags.unwrap_or_default(),
            mod_seq: None,
            internal_date: date.or(summary.date).unwrap_or(0),
            email_id: String::new(),
            body: Body::Fetched { summary: Box::new(summary), content },
        };
        self.other.push(Replacement { lost, entry });
        Ok(())
    }

    fn wanted(&self, uid: Uid) -> Option<Lost> {
        self.places.iter().find(|place| place.uid == uid).copied()
    }
}
