//! Opening a mailbox, and what travels along with that.

use super::list::Abilities;
use super::portions::insert_all;
use crate::error::Error;
use crate::imap::{Completion, Connection};
use restante_core::imap::wire::{Code, Command, ESearch, FetchRow, Response, Status};
use restante_core::imap::{Event, Tag};
use restante_core::mail::{MailboxName, Uid, UidSet};
use restante_core::sync::FlagChange;
use restante_core::sync::pull::{self, Held, Seen};

/// What a server answered to UID SEARCH.
#[derive(Default)]
pub(super) struct Listed {
    found: Vec<u32>,
    extended: UidSet,
    pub(super) answered: bool,
    /// A message left before the command was complete.
    pub(super) shifted: bool,
    /// The command, when others like it are under way.
    pub(super) tag: Option<Tag>,
    /// Answers to those others: a server may give all of them before it completes the first (Dovecot does).
    pub(super) others: Vec<ESearch>,
}

/// A mailbox as it was opened.
#[derive(Default)]
pub(super) struct Opened {
    pub(super) seen: Seen,
    /// With QRESYNC: what vanished and which flags changed since the known state.
    pub(super) vanished: UidSet,
    pub(super) flags: Vec<FlagChange>,
    /// That was not all of it (RFC 9738).
    pub(super) cut: bool,
}

/// What opens a mailbox, sent and not yet answered. Nothing else may be sent before [`Opening::answered`].
pub(super) struct Opening {
    opening: Tag,
    listing: Option<Tag>,
    asking: Vec<Tag>,
    switching: Option<Tag>,
}

/// What the server said to an [`Opening`].
pub(super) struct Answered {
    pub(super) completion: Completion,
    pub(super) opened: Opened,
    /// The list of all UIDs, when it was asked for.
    pub(super) listed: Option<(Completion, Listed)>,
    /// What was found of each question, when all of them were answered.
    pub(super) extents: Option<Vec<UidSet>>,
    /// A message left meanwhile.
    pub(super) shifted: bool,
}

/// What mailboxes are opened with.
///
/// EXAMINE: reading must change nothing, not even `\Recent`. Not so without CONDSTORE: Courier invents a
/// UIDVALIDITY for each EXAMINE until somebody says SELECT, and everything would be fetched again each time.
pub(super) fn verb(abilities: Abilities) -> &'static str {
    if abilities.condstore { "EXAMINE" } else { "SELECT" }
}

impl Opening {
    /// Opens a mailbox that is held so far. Where the list of all UIDs is wanted whatever comes, it is asked for in the
    /// same flight; so are `questions` about the messages, searches too, and compression, where `much` is to come from far
    /// away. Servers without CONDSTORE are old, and get one command at a time.
    pub(super) fn ask(
        connection: &mut Connection,
        abilities: Abilities,
        name: &MailboxName,
        held: Held,
        questions: Vec<Command>,
        much: bool,
    ) -> Self {
        let mut command = Command::new(verb(abilities)).mailbox(name, connection.session().utf8());
        match pull::qresync_parameter(held).filter(|_| abilities.qresync) {
            Some((validity, since)) => {
                command = command.raw(&format!("(QRESYNC ({} {}))", validity.get(), since.get()));
            }
            None if abilities.condstore => command = command.raw("(CONDSTORE)"),
            None => {}
        }
        let opening = connection.send(command);
        let listing = pull::needs_list(held) && abilities.condstore;
        let listing = listing.then(|| connection.send(searching(abilities, None)));
        let asking = questions.into_iter().map(|question| connection.send(question)).collect();
        let switching = if much { connection.ask_compression() } else { None };
        Self { opening, listing, asking, switching }
    }

    /// Waits for all of it.
    pub(super) async fn answered(self, connection: &mut Connection) -> Result<Answered, Error> {
        let (mut opened, mut shifted) = (Opened::default(), false);
        let completion = connection
            .wait(self.opening, &mut |event| {
                opened.take(event);
                Ok(())
            })
            .await?;
        opened.cut = completion.stopped.is_some();
        let (mut listed, mut early) = (None, Vec::new());
        if let Some(tag) = self.listing {
            let mut list = Listed { tag: Some(tag).filter(|_| !self.asking.is_empty()), ..Listed::default() };
            let searched = connection.wait(tag, &mut |event| list.take(event)).await?;
            early = std::mem::take(&mut list.others);
            // An answer that does not say what it answers is of no use beside others.
            let usable = list.answered || self.asking.is_empty() || searched.status != Status::Ok;
            listed = usable.then_some((searched, list));
        }
        let mut extents = Some(Vec::new());
        for tag in self.asking {
            let mut list = Listed { tag: Some(tag), ..Listed::default() };
            early.into_iter().for_each(|result| list.extended(result));
            let completion = connection.wait(tag, &mut |event| list.take(event)).await?;
            shifted |= list.shifted;
            early = std::mem::take(&mut list.others);
            let found = (completion.status == Status::Ok && list.answered).then(|| list.uids());
            extents = extents.zip(found).map(|(mut all, found)| {
                all.push(found);
                all
            });
        }
        if let Some(tag) = self.switching {
            connection
                .wait(tag, &mut |event| {
                    shifted |= is_shift(&event);
                    Ok(())
                })
                .await?;
        }
        Ok(Answered { completion, opened, listed, extents, shifted })
    }
}

/// The command for UIDs that exist, all or within a range.
pub(super) fn searching(abilities: Abilities, range: Option<(Uid, Uid)>) -> Command {
    let mut command = Command::new("UID SEARCH");
    if abilities.esearch {
        command = command.raw("RETURN (ALL)");
    }
    match range {
        Some((first, last)) => command.raw(&format!("UID {first}:{last}")),
        None => command.raw("ALL"),
    }
}

/// Opens a mailbox for reading, to hear of it, and gives what the server says of it.
pub(crate) async fn look(connection: &mut Connection, name: &MailboxName) -> Result<Seen, Error> {
    let command = Command::new("EXAMINE").mailbox(name, connection.session().utf8());
    let mut opened = Opened::default();
    let opening = |event: Event<'_>| {
        opened.take(event);
        Ok(())
    };
    connection.ok(command, opening).await?;
    Ok(opened.seen)
}

impl Listed {
    pub(super) fn take(&mut self, event: Event<'_>) -> Result<(), Error> {
        match event {
            Event::Untagged(Response::Search(uids)) => {
                self.answered = true;
                self.found.extend(uids);
            }
            Event::Untagged(Response::ESearch(result)) if result.uid => self.extended(result),
            other => self.shifted |= is_shift(&other),
        }
        Ok(())
    }

    fn extended(&mut self, result: ESearch) {
        if self.tag.is_some_and(|tag| tag.to_string() != result.tag) {
            self.others.push(result);
            return;
        }
        self.answered = true;
        insert_all(&mut self.extended, &result.all);
    }

    pub(super) fn uids(mut self) -> UidSet {
        self.found.sort_unstable();
        let mut uids: UidSet = self.found.into_iter().filter_map(Uid::new).collect();
        insert_all(&mut uids, &self.extended);
        uids
    }
}

impl Opened {
    pub(super) fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Untagged(Response::Exists(count)) => self.seen.exists = count,
            Event::Untagged(Response::Status { tag: None, code: Some(code), .. }) => self.code(&code),
            Event::Untagged(Response::Vanished { uids, .. }) => {
                insert_all(&mut self.vanished, &uids);
            }
            Event::Untagged(Response::Fetch(row)) => self.flags.extend(flag_change(row)),
            _ => {}
        }
    }

    fn code(&mut self, code: &Code) {
        match code {
            Code::UidValidity(validity) => self.seen.uid_validity = Some(*validity),
            Code::UidNext(next) => self.seen.uid_next = Some(*next),
            Code::HighestModSeq(mod_seq) => self.seen.highest_mod_seq = Some(*mod_seq),
            Code::NoModSeq => self.seen.highest_mod_seq = None,
            _ => {}
        }
    }
}

pub(super) fn flag_change(row: FetchRow) -> Option<FlagChange> {
    Some(FlagChange { uid: row.uid?, flags: row.flags?, mod_seq: row.mod_seq })
}

/// Whether a message left the mailbox while it was open.
pub(super) fn is_shift(event: &Event<'_>) -> bool {
    matches!(event, Event::Untagged(Response::Expunge(_) | Response::Vanished { earlier: false, .. }))
}
