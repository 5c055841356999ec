//! Bringing to the server what the person asked.
//!
//! Before a command is sent, the store notes durably that it is; what the server then says it has done is
//! taken over in one transaction. So a process may end at any point: what was asked of the server and not
//! answered is asked again where that is harmless (flags, removing, `UID MOVE`), and where it is not
//! (a copy, an addition) it is looked for first.

mod copies;
mod mailbox;
mod outcome;
mod place;

use super::Keeper;
use super::keeper::now;
use super::limit::pieces;
use super::list::{Abilities, enable};
use crate::error::Error;
use crate::imap::{Completion, Connection};
use outcome::{Verdict, judge};
use place::{Answer, Present};
use restante_core::diagnosis::{self, Finding, Service, Stage};
use restante_core::imap::wire::{Command, Response, Status};
use restante_core::imap::{Event, Tag};
use restante_core::mail::{Flags, SyncState, Uid, UidSet};
use restante_core::sync::Delta;
use restante_core::sync::push::{Step, What, Wish, plan};
use restante_store::{
    AccountId, Body, Confirmed, Intent, MailboxId, MailboxRow, NewEntry, Operation, OperationId,
    OperationState, StoreError, View, no_such_mailbox,
};
use std::collections::{BTreeMap, BTreeSet};

/// What one push came to.
#[derive(Debug, Default)]
pub struct Pushed {
    /// Operations the server has confirmed.
    pub confirmed: u64,
    /// Operations the server refused, with its words.
    pub refused: Vec<Operation>,
    /// What a person should know besides.
    pub findings: Vec<Finding>,
}

/// Carries out what waits for an account's server, over a connection that is logged in.
///
/// What cannot be done now (a mailbox that got new UIDs, a server that is busy) stays for the next time.
///
/// # Errors
/// When the connection breaks or the store cannot be written. Everything confirmed until then stays so.
pub async fn push(connection: &mut Connection, keeper: &Keeper, account: AccountId) -> Result<Pushed, Error> {
    let place = connection.place().to_owned();
    let (operations, mailboxes) = keeper
        .with(move |store| {
            // On another server the UIDs mean nothing.
            store.set_server(account, &place)?;
            Ok((store.view().waiting(account)?, store.view().mailboxes(account)?))
        })
        .await?;
    if operations.is_empty() {
        return Ok(Pushed::default());
    }
    let abilities = enable(connection).await?;
    let mailboxes = mailboxes.into_iter().map(|row| (row.id, row)).collect();
    let mut push = Push {
        connection,
        keeper,
        abilities,
        mailboxes,
        open: None,
        pushed: Pushed::default(),
        unsure: BTreeSet::new(),
        next: BTreeMap::new(),
        otherwise: BTreeSet::new(),
    };
    push.run(operations).await?;
    push.unselect().await?;
    Ok(push.pushed)
}

struct Push<'a> {
    connection: &'a mut Connection,
    keeper: &'a Keeper,
    abilities: Abilities,
    mailboxes: BTreeMap<MailboxId, MailboxRow>,
    /// The mailbox that is selected.
    open: Option<MailboxId>,
    pushed: Pushed,
    /// Operations that an earlier try may have carried out.
    unsure: BTreeSet<OperationId>,
    /// Where this push added messages to a mailbox: the least UID that what is added next can get.
    next: BTreeMap<MailboxId, u32>,
    /// Messages of which the person asked otherwise since the plan was made: they are left for the next push.
    otherwise: BTreeSet<(MailboxId, Uid)>,
}

/// A step as it is carried out: the operations, and for one that is to take the message elsewhere, the
/// target's UIDNEXT before the first try.
type Work = Step<OperationId, MailboxId>;

impl Push<'_> {
    async fn run(&mut self, operations: Vec<Operation>) -> Result<(), Error> {
        self.unsure = operations
            .iter()
            .filter(|operation| operation.state == OperationState::Asked || operation.since > 0)
            .map(|operation| operation.id)
            .collect();
        let since: BTreeMap<OperationId, u32> =
            operations.iter().map(|operation| (operation.id, operation.since)).collect();
        let mut wishes = Vec::new();
        let mut half_done = BTreeSet::new();
        for operation in operations {
            let Operation { id, mailbox, uid, ref intent, .. } = operation;
            // A move that may have made its copy comes to its end first: planned as one with what was asked later, its
            // copy would stay behind.
            if uid.is_some_and(|uid| half_done.contains(&(mailbox, uid))) {
                continue;
            }
            if let (Some(uid), Intent::Move { .. }, true) = (uid, intent, self.unsure.contains(&id)) {
                half_done.insert((mailbox, uid));
            }
            let what = match intent.clone() {
                Intent::Flag { add, remove } => What::Flag { add, remove },
                Intent::Move { to } => What::Move { to },
                Intent::Copy { to } => What::Copy { to },
                Intent::Remove => What::Remove,
                // In the order they were asked: a mailbox must be there before something is moved to it.
                _ => {
                    self.carry_out(&std::mem::take(&mut wishes), &since).await?;
                    self.alone(operation).await?;
                    continue;
                }
            };
            // Without a UID it waits until the message is found.
            if let Some(uid) = uid {
                wishes.push(Wish { id, mailbox, uid, what });
            }
        }
        self.carry_out(&wishes, &since).await
    }

    async fn carry_out(
        &mut self,
        wishes: &[Wish<OperationId, MailboxId>],
        since: &BTreeMap<OperationId, u32>,
    ) -> Result<(), Error> {
        for step in plan(wishes) {
            if !self.select(step.mailbox).await? {
                continue;
            }
            let all: UidSet = step.messages.keys().copied().collect();
            for piece in pieces(&all, self.abilities) {
                let stays = |uid| piece.contains(uid) && !self.otherwise.contains(&(step.mailbox, uid));
                let messages = step.messages.iter().filter(|(uid, _)| stays(**uid));
                let messages = messages.map(|(uid, ids)| (*uid, ids.clone())).collect();
                let part = Work { mailbox: step.mailbox, what: step.what.clone(), messages };
                self.step(part, since).await?;
            }
        }
        Ok(())
    }

    /// Opens a mailbox for writing; false when its messages cannot be worked on now.
    async fn select(&mut self, mailbox: MailboxId) -> Result<bool, Error> {
        if self.open == Some(mailbox) {
            return Ok(true);
        }
        let Some(row) = self.mailboxes.get(&mailbox).filter(|row| !row.moved && !row.pending) else {
            return Ok(false);
        };
        let known = row.state.map(|state| state.uid_validity);
        let command = Command::new("SELECT").mailbox(&row.mailbox.name, self.connection.session().utf8());
        self.open = None;
        let mut answer = Answer::default();
        let completion = self.connection.run(command, |event| answer.take(event)).await?;
        // The list of mailboxes tells what became of it.
        if completion.status != Status::Ok {
            return Ok(false);
        }
        // Under a new UIDVALIDITY the UIDs mean nothing: the pull finds the messages again first. Of a mailbox
        // that was never pulled no UID is known.
        if known.is_some() && answer.uid_validity != known {
            return Ok(false);
        }
        self.open = Some(mailbox);
        Ok(true)
    }

    /// Leaves the mailbox without expunging, so that STATUS may be asked of it.
    async fn unselect(&mut self) -> Result<(), Error> {
        if self.open.take().is_some() && self.connection.capabilities().has("UNSELECT") {
            self.connection.run(Command::new("UNSELECT"), |_| Ok(())).await?;
        }
        Ok(())
    }

    async fn step(&mut self, mut step: Work, since: &BTreeMap<OperationId, u32>) -> Result<(), Error> {
        let target = self.target(&step.what);
        // It waits for the mailbox.
        if target.as_ref().is_some_and(|row| row.pending) {
            return Ok(());
        }
        self.begin(&mut step, target.as_ref()).await?;
        if step.messages.is_empty() {
            return Ok(());
        }
        if let What::Flag { add, remove } = &step.what
            && is_empty(add)
            && is_empty(remove)
        {
            return self.confirm(step.messages.into_values().flatten(), &BTreeMap::new(), Vec::new()).await;
        }
        if let (None, What::Move { to } | What::Copy { to }) = (&target, &step.what) {
            let to = *to;
            // After a while its name is forgotten too.
            let gone = self.keeper.with(move |store| Ok(store.view().mailbox(to).ok())).await?;
            let reply = no_such_mailbox(gone.as_ref().map(|row| &row.mailbox.name));
            for ids in step.messages.values() {
                self.refuse_all(ids, &reply).await?;
            }
            return Ok(());
        }
        match step.what.clone() {
            What::Flag { add, remove } => self.flag(&step, &add, &remove).await,
            What::Remove => self.remove(&step).await,
            What::Move { to } if self.connection.capabilities().has("MOVE") => {
                self.transfer(&step, to, "UID MOVE").await
            }
            What::Move { to } => self.move_by_copy(step, to, since).await,
            What::Copy { to } => {
                let mut step = self.look_for_copies(step, to, since).await?;
                if !self.can_expunge() {
                    self.leave_removed(&mut step).await?;
                }
                if step.messages.is_empty() { Ok(()) } else { self.transfer(&step, to, "UID COPY").await }
            }
        }
    }

    /// Notes that the server is about to be asked. A message of which something was taken back since the plan
    /// was made leaves the step, and what is planned for it after that: its outcome is another one now.
    async fn begin(&mut self, step: &mut Work, target: Option<&MailboxRow>) -> Result<(), Error> {
        let since = target.map_or(0, |row| self.next(row));
        let together: Vec<_> = step.messages.values().map(|ids| (ids.clone(), since)).collect();
        let begun = self.keeper.with(move |store| store.begin_operations(&together)).await?;
        let begun: BTreeSet<OperationId> = begun.into_iter().collect();
        let mailbox = step.mailbox;
        step.messages.retain(|uid, ids| {
            let whole = ids.iter().all(|id| begun.contains(id));
            if !whole {
                self.otherwise.insert((mailbox, *uid));
            }
            whole
        });
        Ok(())
    }

    /// The least UID that what is added to a mailbox can get. Equal messages are told apart by it: what an
    /// earlier command of this push put there is not what a later one will.
    fn next(&self, row: &MailboxRow) -> u32 {
        let known = row.state.map_or(1, |state| state.uid_next.max(1));
        self.next.get(&row.id).map_or(known, |next| known.max(*next))
    }

    /// Notes that a command has added `count` messages to a mailbox, or has put them at these UIDs.
    fn added(&mut self, to: MailboxId, count: u64, at: impl IntoIterator<Item = Uid>) {
        let Some(row) = self.mailboxes.get(&to) else { return };
        // UIDs only ascend (RFC 9051, section 2.3.1.1): each message has taken one.
        let least = u32::try_from(count).unwrap_or(u32::MAX).saturating_add(self.next(row));
        let above = at.into_iter().map(|uid| uid.get().saturating_add(1)).max().unwrap_or(0);
        self.next.insert(to, least.max(above));
    }

    fn target(&self, what: &What<MailboxId>) -> Option<MailboxRow> {
        match what {
            What::Move { to } | What::Copy { to } => self.mailboxes.get(to).cloned(),
            What::Flag { .. } | What::Remove => None,
        }
    }

    /// `STORE`, and what the flags are afterwards: the server's word, whatever other programs did meanwhile.
    async fn flag(&mut self, step: &Work, add: &Flags, remove: &Flags) -> Result<(), Error> {
        let uids: UidSet = step.messages.keys().copied().collect();
        let mut tags = Vec::new();
        for (sign, flags) in [("+FLAGS.SILENT", add), ("-FLAGS.SILENT", remove)] {
            if !is_empty(flags) {
                let command = Command::new("UID STORE").uids(&uids).raw(sign).flags(flags);
                tags.push(self.connection.send(command));
            }
        }
        let fetch = self.connection.send(self.look(&uids));
        let (mut refusal, mut present) = (None, Present::default());
        for tag in tags {
            let completion = self.connection.wait(tag, &mut |event| present.take(event)).await?;
            if completion.status != Status::Ok {
                refusal = Some(completion);
            }
        }
        // Dovecot answers a STORE after the FETCH behind it when the two arrive together.
        present.rows.extend(self.present(fetch).await?.rows);
        if let Some(refusal) = refusal {
            return self.refuse(step, &refusal).await;
        }
        let mut confirmed = Vec::new();
        for (uid, ids) in &step.messages {
            let Some(found) = present.rows.get(uid) else {
                // It is not there: the pull tells where it went.
                self.put_back(ids, "the message is not there").await?;
                continue;
            };
            // A keyword that a server does not keep is left out without a word (RFC 9051, PERMANENTFLAGS).
            let lacking: Vec<&str> = add.names().filter(|name| !found.flags.contains(name)).collect();
            if lacking.is_empty() {
                confirmed.extend(ids);
            } else {
                let reply = format!("the server does not keep {}", lacking.join(" "));
                self.refuse_all(ids, &reply).await?;
            }
        }
        let delta = Delta { flags: present.changes(), ..Delta::default() };
        self.confirm(confirmed, &BTreeMap::new(), vec![(step.mailbox, delta)]).await
    }

    /// Removes messages for good. Without UIDPLUS they are only marked: `EXPUNGE` would remove what other
    /// programs have marked (RFC 4315, section 2.1).
    async fn remove(&mut self, step: &Work) -> Result<(), Error> {
        let uids: UidSet = step.messages.keys().copied().collect();
        match self.expunge(&uids).await? {
            Expunged::Gone => {
                let delta = Delta { vanished: uids, ..Delta::default() };
                let ids: Vec<_> = step.messages.values().flatten().copied().collect();
                self.confirm(ids, &BTreeMap::new(), vec![(step.mailbox, delta)]).await
            }
            Expunged::Marked(present) => {
                let delta = Delta { flags: present.changes(), ..Delta::default() };
                let ids: Vec<_> = step.messages.values().flatten().copied().collect();
                self.confirm(ids, &BTreeMap::new(), vec![(step.mailbox, delta)]).await
            }
            Expunged::Partly { left, refusal } => {
                let vanished = uids.difference(&left);
                let (stay, gone): (BTreeMap<_, _>, BTreeMap<_, _>) = step
                    .messages
                    .iter()
                    .map(|(uid, ids)| (*uid, ids.clone()))
                    .partition(|(uid, _)| left.contains(*uid));
                let delta = Delta { vanished, ..Delta::default() };
                self.confirm(gone.into_values().flatten(), &BTreeMap::new(), vec![(step.mailbox, delta)])
                    .await?;
                let rest = Work { mailbox: step.mailbox, what: step.what.clone(), messages: stay };
                self.refuse(&rest, &refusal).await
            }
            Expunged::Refused(completion) => self.refuse(step, &completion).await,
        }
    }

    async fn expunge(&mut self, uids: &UidSet) -> Result<Expunged, Error> {
        let deleted: Flags = ["\\Deleted"].into_iter().collect();
        let store = Command::new("UID STORE").uids(uids).raw("+FLAGS.SILENT").flags(&deleted);
        let store = self.connection.send(store);
        if !self.can_expunge() {
            let fetch = self.connection.send(self.look(uids));
            let mut present = Present::default();
            let completion = self.connection.wait(store, &mut |event| present.take(event)).await?;
            present.rows.extend(self.present(fetch).await?.rows);
            self.say_marked();
            return Ok(match completion.status {
                Status::Ok => Expunged::Marked(present),
                _ => Expunged::Refused(completion),
            });
        }
        let expunge = self.connection.send(Command::new("UID EXPUNGE").uids(uids));
        let stored = self.connection.wait(store, &mut |_| Ok(())).await?;
        let expunged = self.connection.wait(expunge, &mut |_| Ok(())).await?;
        let expunges = expunged.status == Status::Ok;
        let refusal = [stored, expunged].into_iter().find(|completion| completion.status != Status::Ok);
        let Some(refusal) = refusal else { return Ok(Expunged::Gone) };
        if !expunges {
            return Ok(Expunged::Refused(refusal));
        }
        // What was marked before, by whomever, or by half of the STORE, is gone all the same.
        let fetch = self.connection.send(self.look(uids));
        let left = self.present(fetch).await?.uids();
        Ok(if left.is_empty() { Expunged::Gone } else { Expunged::Partly { left, refusal } })
    }

    fn can_expunge(&self) -> bool {
        let capabilities = self.connection.capabilities();
        capabilities.has("UIDPLUS") || capabilities.has("IMAP4REV2")
    }

    fn say_marked(&mut self) {
        let evidence = "this server cannot remove single messages (no UIDPLUS): they are marked \\Deleted, \
                        and go when its mailbox is next compacted"
            .to_owned();
        if self.pushed.findings.iter().all(|finding| finding.evidence != evidence) {
            let verdict = diagnosis::Verdict::RequestRefused;
            self.pushed.findings.push(Finding::new(Stage::Mailbox, Service::Imap, verdict, evidence));
        }
    }

    /// `UID MOVE` or `UID COPY`.
    async fn transfer(&mut self, step: &Work, to: MailboxId, verb: &'static str) -> Result<(), Error> {
        let Some(target) = self.mailboxes.get(&to).cloned() else { return Ok(()) };
        let uids: UidSet = step.messages.keys().copied().collect();
        // Who is there: without COPYUID the answer does not say it.
        let fetch = self.connection.send(self.look(&uids));
        let command =
            Command::new(verb).uids(&uids).mailbox(&target.mailbox.name, self.connection.session().utf8());
        let tag = self.connection.send(command);
        let mut answer = Answer::default();
        let present = self.present_beside(fetch, &mut answer).await?;
        let completion = self.connection.wait(tag, &mut |event| answer.take(event)).await?;
        if completion.status != Status::Ok {
            return self.refuse(step, &completion).await;
        }
        answer.code(completion.code.as_ref());
        let new = answer.placed(&target);
        self.added(to, present.uids().len(), new.values().copied());
        let moved = verb == "UID MOVE";
        let vanished = if moved { present.uids() } else { UidSet::new() };
        let left = Delta { vanished, ..Delta::default() };
        self.transferred(step, &present, &new, to, left, answer.begun(&target)).await
    }

    /// Takes over that messages are in another mailbox now. `left` is what became of them where they were.
    async fn transferred(
        &mut self,
        step: &Work,
        present: &Present,
        new: &BTreeMap<Uid, Uid>,
        to: MailboxId,
        left: Delta<NewEntry>,
        begun: Option<SyncState>,
    ) -> Result<(), Error> {
        let mut confirmed = Vec::new();
        let mut at = BTreeMap::new();
        let there = |uid: &Uid| present.rows.contains_key(uid) || new.contains_key(uid);
        let (there, lost): (Vec<_>, Vec<_>) = step.messages.iter().partition(|(uid, _)| there(uid));
        for (_, ids) in lost {
            self.put_back(ids, "the message is not there").await?;
        }
        // With COPYUID the server names the target's UIDVALIDITY: one never pulled begins with it.
        let known = self.is_known(to) || begun.is_some();
        let new = if known { new.clone() } else { BTreeMap::new() };
        for (uid, ids) in there {
            confirmed.extend(ids);
            // The last of them brought it there.
            if let (Some(there), Some(id)) = (new.get(uid), ids.last()) {
                at.insert(*id, (to, *there));
            }
        }
        let mut deltas = vec![(step.mailbox, left)];
        let arrived = self.arrived(step.mailbox, present, &new).await?;
        if !arrived.is_empty() {
            deltas.push((to, Delta { new: arrived, state: begun, ..Delta::default() }));
        }
        self.confirm(confirmed, &at, deltas).await
    }

    /// Whether the UIDs of a mailbox mean something here: else the pull finds what came there.
    fn is_known(&self, mailbox: MailboxId) -> bool {
        self.mailboxes.get(&mailbox).is_some_and(|row| row.state.is_some() && !row.moved)
    }

    /// The entries of messages in their new place: what is held need not be fetched.
    async fn arrived(
        &self,
        from: MailboxId,
        present: &Present,
        new: &BTreeMap<Uid, Uid>,
    ) -> Result<Vec<NewEntry>, Error> {
        let wanted: Vec<Uid> = new.keys().copied().collect();
        let held = self.keeper.with(move |store| store.view().entries(from, &wanted)).await?;
        let entry = |entry: restante_store::Entry| {
            let uid = *new.get(&entry.uid)?;
            let flags = present.rows.get(&entry.uid).map_or(entry.flags, |found| found.flags.clone());
            Some(NewEntry {
                uid,
                flags,
                mod_seq: None,
                internal_date: entry.internal_date,
                email_id: entry.email_id,
                body: Body::Held(entry.message),
            })
        };
        Ok(held.into_iter().filter_map(entry).collect())
    }

    /// Asks which of these messages are there, and with which flags.
    fn look(&self, uids: &UidSet) -> Command {
        let items = if self.abilities.condstore { "(UID FLAGS MODSEQ)" } else { "(UID FLAGS)" };
        Command::new("UID FETCH").uids(uids).raw(items)
    }

    async fn present(&mut self, tag: Tag) -> Result<Present, Error> {
        self.present_beside(tag, &mut Answer::default()).await
    }

    /// As [`Self::present`], with another command behind it: Dovecot answers the two in one, so that where
    /// messages were put (COPYUID) may be said before the FETCH is completed.
    async fn present_beside(&mut self, tag: Tag, answer: &mut Answer) -> Result<Present, Error> {
        let mut present = Present::default();
        let mut take = |event: Event<'_>| match event {
            Event::Untagged(Response::Status { .. }) => answer.take(event),
            _ => present.take(event),
        };
        let completion = self.connection.wait(tag, &mut take).await?;
        if completion.status != Status::Ok {
            return Err(self.connection.refused("UID FETCH", &completion));
        }
        Ok(present)
    }

    async fn confirm(
        &mut self,
        ids: impl IntoIterator<Item = OperationId>,
        at: &BTreeMap<OperationId, (MailboxId, Uid)>,
        deltas: Vec<(MailboxId, Delta<NewEntry>)>,
    ) -> Result<(), Error> {
        let mut ids: Vec<OperationId> = ids.into_iter().collect();
        ids.sort_unstable();
        let confirmed: Vec<Confirmed> = ids
            .into_iter()
            .map(|operation| Confirmed { operation, at: at.get(&operation).copied() })
            .collect();
        self.pushed.confirmed += confirmed.len() as u64;
        self.keeper.confirm(confirmed, deltas, now()).await
    }

    /// The server said NO or BAD to all of a step.
    async fn refuse(&mut self, step: &Work, completion: &Completion) -> Result<(), Error> {
        let reply = completion.line();
        for ids in step.messages.values() {
            match judge(completion) {
                Verdict::Later => self.put_back(ids, &reply).await?,
                Verdict::Never => self.refuse_all(ids, &reply).await?,
            }
        }
        Ok(())
    }

    async fn refuse_all(&mut self, ids: &[OperationId], reply: &str) -> Result<(), Error> {
        let (ids, reply) = (ids.to_vec(), reply.to_owned());
        let refused = self
            .keeper
            .with(move |store| {
                let mut refused = Vec::new();
                for id in ids {
                    store.refuse_operation(id, &reply)?;
                    refused.extend(store.view().operation(id)?);
                }
                Ok(refused)
            })
            .await?;
        self.pushed.refused.extend(refused);
        Ok(())
    }

    async fn put_back(&mut self, ids: &[OperationId], reply: &str) -> Result<(), Error> {
        let (ids, reply) = (ids.to_vec(), reply.to_owned());
        self.keeper
            .with(move |store| ids.into_iter().try_for_each(|id| store.defer_operation(id, &reply)))
            .await
    }
}

/// Says what was refused: once for each kind, mailbox and answer.
pub(super) fn told(view: &View, refused: &[Operation]) -> Result<Vec<Finding>, StoreError> {
    let mut kinds: BTreeMap<(&'static str, MailboxId, &str, &str), u64> = BTreeMap::new();
    for operation in refused {
        *kinds
            .entry((verb(&operation.intent), operation.mailbox, operation.state.as_str(), &operation.reply))
            .or_default() += 1;
    }
    let mut findings = Vec::new();
    for ((verb, mailbox, state, reply), count) in kinds {
        let name = view.mailbox(mailbox)?.mailbox.name;
        let times = if count == 1 { String::new() } else { format!(" ({count} times)") };
        let evidence = format!("{name}: to {verb} was {state}{times}: {reply}");
        let verdict = diagnosis::Verdict::RequestRefused;
        findings.push(Finding::new(Stage::Mailbox, Service::Imap, verdict, evidence));
    }
    Ok(findings)
}

fn verb(intent: &Intent) -> &'static str {
    match intent {
        Intent::Flag { .. } => "change flags",
        Intent::Move { .. } => "move a message",
        Intent::Copy { .. } => "copy a message",
        Intent::Remove => "remove a message",
        Intent::Append { .. } => "add a message",
        Intent::Create { .. } => "create the mailbox",
        Intent::Rename { .. } => "rename the mailbox",
        Intent::Delete => "remove the mailbox",
        Intent::Subscribe(true) => "subscribe",
        Intent::Subscribe(false) => "unsubscribe",
    }
}

/// What became of messages that were to be removed.
enum Expunged {
    Gone,
    /// The rest of them.
    Partly {
        /// Those that are there.
        left: UidSet,
        /// Why.
        refusal: Completion,
    },
    Marked(Present),
    Refused(Completion),
}

fn is_empty(flags: &Flags) -> bool {
    flags.names().next().is_none()
}
