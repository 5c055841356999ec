//! What a server says of messages without sending them.

use super::list::Abilities;
use super::opening::is_shift;
use super::pull::line;
use super::{identity, limit};
use crate::error::Error;
use crate::imap::Connection;
use restante_core::imap::Event;
use restante_core::imap::wire::{BodyContent, Command, FetchRow, Response, Status, internal_date};
use restante_core::mail::{Uid, UidSet};
use restante_core::message::Summary;
use restante_core::sync::recognise::Arrival;
use restante_store::message_date;
use std::collections::{BTreeMap, VecDeque};

/// Commands under way at once.
const WINDOW: usize = 3;
/// Octets of the two fields that are read. A longer Message-ID is nobody's.
const FIELDS: usize = 4096;

/// What was learned.
pub(super) struct Described {
    /// One a message, in order of UID. Some of those asked for may be missing.
    pub(super) arrivals: Vec<Arrival>,
    /// A message left the mailbox meanwhile.
    pub(super) shifted: bool,
    /// A completion that was no OK, as the server wrote it.
    pub(super) refused: Option<String>,
}

/// Asks for everything that a message can be recognised by: about 250 octets each.
pub(super) async fn describe(
    connection: &mut Connection,
    abilities: Abilities,
    wanted: &UidSet,
) -> Result<Described, Error> {
    let mod_seq = if abilities.condstore { "MODSEQ " } else { "" };
    let email_id = identity::item(abilities);
    let items = format!(
        "(UID FLAGS {mod_seq}INTERNALDATE RFC822.SIZE {email_id}BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE)])"
    );
    let mut taken = Taken { wanted, found: BTreeMap::new(), fields: Vec::new(), shifted: false };
    let mut refused = None;
    let mut waiting: VecDeque<UidSet> = wanted.chunks(line(abilities)).into();
    while !waiting.is_empty() {
        let under_way: Vec<_> = waiting
            .drain(..WINDOW.min(waiting.len()))
            .map(|piece| (connection.send(Command::new("UID FETCH").uids(&piece).raw(&items)), piece))
            .collect();
        for (tag, piece) in under_way {
            let completion = connection
                .wait(tag, &mut |event| {
                    taken.take(event);
                    Ok(())
                })
                .await?;
            if completion.status != Status::Ok {
                refused = Some(completion.line());
            }
            let left = completion.stopped.map(|stopped| limit::left(&piece, stopped));
            waiting.extend(left.filter(|left| !left.is_empty() && left.len() < piece.len()));
        }
    }
    let Taken { found, shifted, .. } = taken;
    Ok(Described { arrivals: found.into_values().collect(), shifted, refused })
}

struct Taken<'a> {
    wanted: &'a UidSet,
    found: BTreeMap<Uid, Arrival>,
    /// The fields of the row under way.
    fields: Vec<u8>,
    shifted: bool,
}

impl Taken<'_> {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::BodyStart { .. } => self.fields.clear(),
            Event::BodyChunk(bytes) => self.extend(bytes),
            Event::Untagged(Response::Fetch(row)) => self.row(row),
            other => self.shifted |= is_shift(&other),
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = FIELDS.saturating_sub(self.fields.len()).min(bytes.len());
        self.fields.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }

    fn row(&mut self, mut row: FetchRow) {
        // A row that nobody asked for tells flags only.
        let (Some(uid), Some(size), Some(body)) = (row.uid, row.size, row.body.take()) else { return };
        match body {
            BodyContent::Streamed(_) => {}
            BodyContent::Quoted(bytes) => {
                self.fields.clear();
                self.extend(&bytes);
            }
            BodyContent::Nil => return,
        }
        if !self.wanted.contains(uid) {
            return;
        }
        let summary = Summary::read(&self.fields);
        let internal = row.internal_date.as_deref().and_then(internal_date).or(summary.date).unwrap_or(0);
        let arrival = Arrival {
            uid,
            flags: row.flags.take().unwrap_or_default(),
            mod_seq: row.mod_seq,
            size,
            date: message_date(summary.date, internal),
            internal_date: internal,
            message_id: summary.message_id.unwrap_or_default(),
            email_id: identity::of(&mut row),
        };
        self.found.insert(uid, arrival);
    }
}
