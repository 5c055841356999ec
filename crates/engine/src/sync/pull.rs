//! One mailbox: from what is held to what the server has.

use super::describe::describe;
use super::extents::{Extents, Rule, at_opening, items, questions};
use super::fallen;
use super::identity;
use super::keeper::{Batch, Keeper, Row};
use super::left::Left;
use super::limit;
use super::list::Abilities;
use super::opening::{Answered, Listed, Opened, Opening, flag_change, is_shift, searching, verb};
use super::portions::{FETCH, Portions, Refusals, insert_all};
use super::serve::{Bell, serve};
use super::{MailboxReport, Progress, edit};
use crate::error::Error;
use crate::imap::{Completion, Connection};
use restante_core::diagnosis::{Certainty, Finding, Service, Stage, Verdict};
use restante_core::imap::wire::{BodyContent, Command, FetchRow, Response, Status, internal_date};
use restante_core::imap::{Event, Tag};
use restante_core::mail::{MailboxName, SpecialUse, SyncState, Uid, UidSet, UidValidity};
use restante_core::sync::policy::Extent;
use restante_core::sync::pull::{self, Comparison, Held, Seen, Strategy};
use restante_core::sync::recognise::{Arrival, Recogniser};
use restante_core::sync::{Delta, FlagChange};
use restante_store::{AccountId, Applied, Body, MailboxId, MessageId, NewEntry};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

/// Octets of a UID set in one command. Servers with CONDSTORE take 8,192 octets a line (RFC 7162,
/// section 4), others as little as 1,000 (RFC 2683, section 3.2.1.5).
const LONG_LINE: usize = 7000;
const SHORT_LINE: usize = 900;
/// Fetches under way at once: the server works on the next while the last travels.
const WINDOW: usize = 3;
/// The time that one fetch takes, where it is the link that everybody waits for.
const SOON: Duration = Duration::from_millis(500);
/// A gap of this many UIDs is fetched as a range without asking first which of them exist.
const NARROW: u32 = 200;
/// So many messages are worth compression from far away before anything was measured: a megabyte, usually.
const MUCH: u64 = 100;
/// Fewer new messages than this are fetched without asking whether they are known: it costs a round trip.
const MANY: u64 = 20;

/// What is to be done for one mailbox.
pub(super) struct Task {
    /// Where its report goes.
    pub(super) at: usize,
    pub(super) mailbox: MailboxId,
    pub(super) name: MailboxName,
    pub(super) special_use: Option<SpecialUse>,
    pub(super) held: Held,
    /// New messages that were already promised to whoever watches.
    pub(super) expected: u64,
    /// Of some messages more is to be held than is.
    pub(super) lacks: bool,
}

/// What was done.
#[derive(Debug)]
pub(super) struct Pulled {
    pub(super) report: MailboxReport,
    pub(super) findings: Vec<Finding>,
    /// The mailbox had new UIDs.
    pub(super) reset: bool,
    /// It could be opened.
    pub(super) opened: bool,
}

/// What a message may be recognised among: read when the first mailbox needs it.
pub(super) struct Memory {
    account: AccountId,
    recogniser: Option<Recogniser<MessageId>>,
    /// The INBOX, when it was opened together with the list of all mailboxes.
    inbox: Option<Answered>,
    /// Messages were fetched that the recogniser does not know.
    behind: bool,
    bell: Bell,
}

impl Memory {
    pub(super) fn of(account: AccountId, inbox: Option<Answered>, bell: Bell) -> Self {
        Self { account, recogniser: None, inbox, behind: false, bell }
    }
}

pub(super) struct Pull<'a> {
    connection: &'a mut Connection,
    keeper: &'a Keeper,
    progress: &'a Mutex<Progress>,
    abilities: Abilities,
    task: &'a Task,
    rule: &'a Rule,
    memory: &'a mut Memory,
    /// Which messages do not come whole.
    extents: Extents,
    validity: Option<UidValidity>,
    /// How many messages the server counted when the mailbox was opened.
    exists: u64,
    /// The list of all UIDs, when it was asked for together with the opening.
    listed: Option<(Completion, Listed)>,
    /// A message left while the mailbox was open: counts need not agree this time.
    shifted: bool,
    reset: bool,
    /// Messages the server did not give although asked for one by one.
    refused: UidSet,
    /// What came damaged was asked for a second time: now it is taken as it is.
    again: bool,
    findings: Vec<Finding>,
    report: MailboxReport,
}

impl<'a> Pull<'a> {
    pub(super) fn new(
        connection: &'a mut Connection,
        keeper: &'a Keeper,
        progress: &'a Mutex<Progress>,
        abilities: Abilities,
        task: &'a Task,
        rule: &'a Rule,
        memory: &'a mut Memory,
    ) -> Self {
        let report = MailboxReport { name: task.name.as_str().to_owned(), ..MailboxReport::default() };
        Self {
            connection,
            keeper,
            progress,
            abilities,
            task,
            rule,
            memory,
            extents: Extents::default(),
            validity: None,
            exists: 0,
            listed: None,
            shifted: false,
            reset: false,
            refused: UidSet::new(),
            again: false,
            findings: Vec::new(),
            report,
        }
    }

    pub(super) async fn run(mut self) -> Result<Pulled, Error> {
        let parameter = pull::qresync_parameter(self.task.held).filter(|_| self.abilities.qresync);
        let Some(opened) = self.open().await? else { return Ok(self.done(false)) };
        let Some(validity) = opened.seen.uid_validity else {
            self.complain(Verdict::ProtocolError, "the server gives this mailbox no UIDVALIDITY".to_owned());
            return Ok(self.done(false));
        };
        let seen = opened.seen;
        self.validity = Some(validity);
        self.exists = u64::from(seen.exists);
        let (held, gone) = self.held_before(seen).await?;
        if let Some(what) = pull::setback(held, seen, self.abilities.condstore) {
            self.complain(Verdict::ProtocolError, what);
        }
        if !gone.is_empty() {
            let vanished = self.held().await?;
            let vanished = vanished.difference(&vanished.difference(&gone));
            if !pull::needs_proof(vanished.len(), held.count) {
                self.record(Delta { vanished, ..Delta::default() }).await?;
            }
        }
        match pull::choose(held, seen, parameter.is_some() && !opened.cut) {
            Strategy::Whole => self.whole(validity).await?,
            Strategy::Reset => self.reset(validity).await?,
            Strategy::Qresync => self.news(opened.vanished, opened.flags, seen).await?,
            Strategy::Condstore { since } => {
                let changed = format!("(FLAGS) (CHANGEDSINCE {})", since.get());
                let flags = self.flags(&changed, &all()).await?;
                self.news(UidSet::new(), flags, seen).await?;
            }
            Strategy::Plain => self.plain().await?,
        }
        self.settle(validity, seen).await?;
        if self.task.lacks || self.report.recognised > 0 {
            self.fulfil().await?;
        }
        Ok(self.done(true))
    }

    /// What is held, for the choice of a strategy; and the UIDs that are not there any more, because UIDNEXT fell
    /// as it does at some servers and no UID was given again.
    async fn held_before(&mut self, seen: Seen) -> Result<(Held, UidSet), Error> {
        let held = self.task.held;
        let Some(next) = pull::fallen(held, seen) else { return Ok((held, UidSet::new())) };
        let (mailbox, exists) = (self.task.mailbox, self.exists);
        let (connection, keeper) = (&mut *self.connection, self.keeper);
        if fallen::is_harmless(connection, keeper, self.abilities, mailbox, next, exists).await? {
            return Ok((fallen::as_before(held, next), fallen::from(next)));
        }
        Ok((held, UidSet::new()))
    }

    /// Opens the mailbox, unless that was asked for together with the list of all.
    async fn open(&mut self) -> Result<Option<Opened>, Error> {
        let task = self.task;
        let (about, questions) = at_opening(&self.rule.limits, self.abilities, task.held);
        let early = self.memory.inbox.take().filter(|_| task.name.is_inbox());
        let answered = match early {
            Some(answered) => answered,
            None => {
                let much = task.expected >= MUCH && self.connection.is_far();
                let opening =
                    Opening::ask(self.connection, self.abilities, &task.name, task.held, questions, much);
                opening.answered(self.connection).await?
            }
        };
        self.shifted |= answered.shifted;
        self.listed = answered.listed;
        // What is refused here (because there is no mailbox open, for one) is asked again where it matters.
        if let Some(extents) = answered.extents {
            self.extents.learn(&about, &self.rule.limits, extents);
        }
        if answered.completion.status == Status::Ok {
            return Ok(Some(answered.opened));
        }
        // What was said to UID SEARCH then is about no mailbox, or about the one before.
        // One mailbox that cannot be opened must not keep the others from being read.
        let line = answered.completion.line();
        self.complain(
            Verdict::ProtocolError,
            format!("the server answered {} with: {line}", verb(self.abilities)),
        );
        Ok(None)
    }

    /// Everything the mailbox has, compared with everything held.
    async fn whole(&mut self, validity: UidValidity) -> Result<(), Error> {
        // From here on the entries belong to this UIDVALIDITY, and are known to be incomplete.
        self.record(Delta { state: Some(begun(validity)), ..Delta::default() }).await?;
        let listed = self.search(None).await?;
        let held = self.held().await?;
        let comparison = self.compare(&held, &listed);
        let known = held.difference(&comparison.gone);
        let flags = if known.is_empty() { Vec::new() } else { self.flags("(FLAGS)", &known).await? };
        self.record(Delta { vanished: comparison.gone, flags, ..Delta::default() }).await?;
        self.complete(comparison.missing, 1).await
    }

    /// Everything the mailbox has, under new UIDs. Until it is known which of it is held, nothing here
    /// changes; then the entries are replaced in one transaction.
    async fn reset(&mut self, validity: UidValidity) -> Result<(), Error> {
        self.reset = true;
        let listed = self.search(None).await?;
        let new = self.recognise(&listed).await?;
        let before = self.task.held;
        self.record(Delta { reset: true, new, state: Some(begun(validity)), ..Delta::default() }).await?;
        if before.moved && pull::needs_proof(self.report.removed, before.count) {
            let evidence =
                format!("{} of {} messages that were here are not there", self.report.removed, before.count);
            self.complain(Verdict::MailMissing, evidence);
        }
        let held = self.held().await?;
        self.fetch(&listed.difference(&held)).await
    }

    /// Brings messages that are missing. Of `many` or more, those are not fetched that are held in another
    /// place, where there is reason to look.
    async fn complete(&mut self, missing: UidSet, many: u64) -> Result<(), Error> {
        let account = self.memory.account;
        let elsewhere = self.is_held_elsewhere();
        if !elsewhere
            && (missing.len() < many
                || !self.keeper.with(move |store| store.view().has_strays(account)).await?)
        {
            return self.fetch(&missing).await;
        }
        if elsewhere && std::mem::take(&mut self.memory.behind) {
            self.memory.recogniser = None;
        }
        let new = self.recognise(&missing).await?;
        let recognised: UidSet = new.iter().map(|entry| entry.uid).collect();
        self.record(Delta { new, ..Delta::default() }).await?;
        edit(self.progress, |p| p.messages_done += recognised.len());
        self.fetch(&missing.difference(&recognised)).await
    }

    /// Whether what is new here is likely to be held for another mailbox: here mailboxes are labels, or this one is a
    /// view (RFC 6154, section 2). Then even a single message is described before its content is asked for.
    fn is_held_elsewhere(&self) -> bool {
        let views = [SpecialUse::All, SpecialUse::Flagged, SpecialUse::Important];
        self.abilities.labels || self.task.special_use.is_some_and(|special| views.contains(&special))
    }

    /// The messages among these that are held already.
    async fn recognise(&mut self, wanted: &UidSet) -> Result<Vec<NewEntry>, Error> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let account = self.memory.account;
        let recogniser = match self.memory.recogniser.take() {
            Some(recogniser) => recogniser,
            None => Recogniser::new(self.keeper.with(move |store| store.view().known(account)).await?),
        };
        let recogniser = self.memory.recogniser.insert(recogniser);
        // `fetch` complains of the same.
        if recogniser.is_empty() || is_too_long(wanted, self.exists) {
            return Ok(Vec::new());
        }
        let described = describe(self.connection, self.abilities, wanted).await?;
        let messages = recogniser.recognise(&described.arrivals);
        self.shifted |= described.shifted;
        if let Some(line) = described.refused {
            self.complain(Verdict::ProtocolError, format!("the server answered UID FETCH with: {line}"));
        }
        let entry = |(arrival, message): (Arrival, Option<MessageId>)| {
            let Arrival { uid, flags, mod_seq, internal_date, email_id, .. } = arrival;
            Some(NewEntry { uid, flags, mod_seq, internal_date, email_id, body: Body::Held(message?) })
        };
        Ok(described.arrivals.into_iter().zip(messages).filter_map(entry).collect())
    }

    /// What changed since the known state.
    async fn news(&mut self, vanished: UidSet, flags: Vec<FlagChange>, seen: Seen) -> Result<(), Error> {
        let held = self.held().await?;
        let survivors = held.difference(&vanished);
        if pull::needs_proof(held.len() - survivors.len(), held.len()) {
            // The flags are true whatever is wrong with what vanished, and will not be told again.
            self.record(Delta { flags, ..Delta::default() }).await?;
            // Brings what is new as well.
            return self.repair().await;
        }
        self.record(Delta { vanished: held.difference(&survivors), flags, ..Delta::default() }).await?;
        let known = self.task.held.state.map_or(0, |state| state.uid_next);
        let (Some(first), Some(next)) = (Uid::new(known), seen.uid_next) else { return Ok(()) };
        let Some(last) = Uid::new(next.saturating_sub(1)).filter(|last| *last >= first) else {
            return Ok(());
        };
        let missing = if last.get() - first.get() < NARROW {
            UidSet::range(first, last)
        } else {
            self.search(Some((first, last))).await?
        };
        self.complete(missing.difference(&survivors), MANY).await
    }

    /// Without modification sequences every flag is read again.
    async fn plain(&mut self) -> Result<(), Error> {
        let flags = self.flags("(FLAGS)", &all()).await?;
        let listed: UidSet = flags.iter().map(|change| change.uid).collect();
        let held = self.held().await?;
        let comparison = self.compare(&held, &listed);
        self.record(Delta { vanished: comparison.gone, flags, ..Delta::default() }).await?;
        self.complete(comparison.missing, MANY).await
    }

    /// The full list of UIDs decides what is gone and what is missing.
    async fn repair(&mut self) -> Result<(), Error> {
        let listed = self.search(None).await?;
        let held = self.held().await?;
        let comparison = self.compare(&held, &listed);
        self.record(Delta { vanished: comparison.gone, ..Delta::default() }).await?;
        self.complete(comparison.missing, MANY).await
    }

    /// Compares what is held with a list. One that lacks much of what the server counts was cut short: it proves that
    /// messages are there, and none gone.
    fn compare(&mut self, held: &UidSet, listed: &UidSet) -> Comparison {
        let mut comparison = pull::compare(held, listed);
        if !comparison.gone.is_empty() && !self.shifted && pull::is_short(listed.len(), self.exists) {
            let evidence = format!(
                "the server counts {} messages and lists {}: nothing is taken for gone",
                self.exists,
                listed.len()
            );
            self.complain(Verdict::ProtocolError, evidence);
            comparison.gone = UidSet::new();
        }
        comparison
    }

    /// Proves the state, checked against the server's own count.
    async fn settle(&mut self, validity: UidValidity, seen: Seen) -> Result<(), Error> {
        let mut held = self.held().await?;
        // What the server counts and does not give was said already.
        let known = |held: &UidSet, refused: &UidSet| held.len() + refused.len();
        if !pull::agrees(known(&held, &self.refused), seen) && !self.shifted {
            self.again = true;
            self.repair().await?;
            held = self.held().await?;
            if !pull::agrees(known(&held, &self.refused), seen) && !self.shifted {
                let evidence =
                    format!("the server counts {} messages, {} could be had", seen.exists, held.len());
                self.complain(Verdict::ProtocolError, evidence);
            }
        }
        let above_all = held.ranges().last().map_or(1, |(_, last)| last.saturating_add(1));
        let state = SyncState {
            uid_validity: validity,
            uid_next: seen.uid_next.unwrap_or(above_all).max(1),
            highest_mod_seq: seen.highest_mod_seq.filter(|_| self.abilities.condstore),
        };
        self.record(Delta { state: Some(state), ..Delta::default() }).await?;
        self.report.total = held.len();
        Ok(())
    }

    async fn held(&self) -> Result<UidSet, Error> {
        let mailbox = self.task.mailbox;
        // Also commits what is still on its way.
        self.keeper.apply(mailbox, Delta::default()).await?;
        self.keeper.with(move |store| store.view().uids(mailbox)).await
    }

    async fn apply(&self, delta: Delta<NewEntry>) -> Result<Applied, Error> {
        self.keeper.apply(self.task.mailbox, delta).await
    }

    async fn record(&mut self, delta: Delta<NewEntry>) -> Result<(), Error> {
        let applied = self.apply(delta).await?;
        self.report.changed += applied.changed;
        self.report.removed += applied.removed;
        self.report.recognised += applied.recognised;
        Ok(())
    }

    /// UIDs that exist, all or within a range.
    async fn search(&mut self, range: Option<(Uid, Uid)>) -> Result<UidSet, Error> {
        // The list that came with the opening is good once: later ones are asked for to see what changed.
        let (mut completion, mut listed) = match self.listed.take().filter(|_| range.is_none()) {
            Some(listed) => listed,
            None => {
                let (command, mut listed) = (searching(self.abilities, range), Listed::default());
                (self.connection.run(command, |event| listed.take(event)).await?, listed)
            }
        };
        let first = range.map_or(Uid::MIN, |(first, _)| first);
        while let Some(below) = completion.stopped.take().and_then(|stopped| Uid::new(stopped.get() - 1)) {
            if below < first {
                break;
            }
            let command = searching(self.abilities, Some((first, below)));
            completion = self.connection.run(command, |event| listed.take(event)).await?;
            completion.stopped = completion.stopped.filter(|stopped| *stopped <= below);
        }
        if completion.status != Status::Ok {
            return Err(self.connection.refused("UID SEARCH", &completion));
        }
        self.shifted |= listed.shifted;
        if !listed.answered && self.exists > 0 && !self.shifted {
            // An answer that cannot be read is not an empty one: everything would be taken for gone.
            let evidence = format!("{}: the answer to UID SEARCH cannot be read", self.task.name);
            return Err(Finding::new(Stage::Mailbox, Service::Imap, Verdict::ProtocolError, evidence).into());
        }
        Ok(listed.uids())
    }

    /// Flags of messages: `items` is what follows the set.
    async fn flags(&mut self, items: &str, of: &UidSet) -> Result<Vec<FlagChange>, Error> {
        let mut changes = Vec::new();
        // More rows than messages are of no use, and must not fill the memory.
        let most = usize::try_from(self.exists).unwrap_or(usize::MAX).saturating_mul(2).saturating_add(1000);
        for piece in of.chunks(line(self.abilities)) {
            let command = |set: &UidSet| Command::new("UID FETCH").uids(set).raw(items);
            let shifted = &mut self.shifted;
            let taken = |event: Event<'_>| {
                match event {
                    Event::Untagged(Response::Fetch(row)) if changes.len() < most => {
                        changes.extend(flag_change(row));
                    }
                    other => *shifted |= is_shift(&other),
                }
                Ok(())
            };
            let completion = limit::to_the_end(self.connection, &piece, command, taken).await?;
            if completion.status != Status::Ok {
                return Err(self.connection.refused("UID FETCH", &completion));
            }
        }
        Ok(changes)
    }

    /// Messages, the newest first, each as much as is to be held of it. Those the server does not give are not asked for
    /// again in this run.
    async fn fetch(&mut self, wanted: &UidSet) -> Result<(), Error> {
        let wanted = &wanted.difference(&self.refused);
        // A list longer than the mailbox is a fault, and could keep us busy for ever.
        if is_too_long(wanted, self.exists) {
            let evidence = format!("the server lists {} messages and counts {}", wanted.len(), self.exists);
            self.complain(Verdict::ProtocolError, evidence);
            return Ok(());
        }
        self.learn_extents(wanted).await?;
        let extents = std::mem::take(&mut self.extents);
        let fetched = self.bring(wanted, &extents).await;
        self.extents = extents;
        self.report.new += fetched?;
        Ok(())
    }

    /// Fetches these messages, so much of each; gives how many came.
    async fn bring(&mut self, wanted: &UidSet, extents: &Extents) -> Result<u64, Error> {
        let mut waiting = Portions::new(wanted, line(self.abilities));
        let mut under_way: VecDeque<(Tag, UidSet)> = VecDeque::new();
        let mut promised = self.task.expected;
        let mod_seq = if self.abilities.condstore { "MODSEQ " } else { "" };
        let email_id = identity::item(self.abilities);
        let common = format!("FLAGS {mod_seq}INTERNALDATE {email_id}");
        let mut taken = Taken::new(wanted, extents, self.again);
        let mut came = 0;
        let mut refusals = Refusals::default();
        let mut is_first = true;
        let mut left = Left::of(wanted.len());
        let (mut switching, mut serving) = (false, false);
        loop {
            let most = FETCH.min(self.abilities.limit.unwrap_or(FETCH));
            waiting.usual = match self.connection.octets_in(SOON) {
                _ if self.connection.is_undecided() => left.portion(most),
                // What a person waits for comes after what is under way.
                Some(octets) => left.portion_of(octets, most),
                None => most,
            };
            serving = serving || self.somebody_waits().await?;
            while under_way.len() < WINDOW
                && !switching
                && !serving
                && let Some(portion) = waiting.next()
            {
                for (extent, part) in extents.split(&portion, line(self.abilities)) {
                    let command = Command::new("UID FETCH").uids(&part).raw(&items(extent, &common));
                    under_way.push_back((self.connection.send(command), part));
                }
            }
            let Some(tag) = under_way.front().map(|(tag, _)| *tag) else {
                if std::mem::take(&mut switching) {
                    self.connection.compress().await?;
                } else if std::mem::take(&mut serving) {
                    self.serve().await?;
                } else {
                    break;
                }
                continue;
            };
            let mut completion = self.connection.completion(tag);
            let mut progressed = completion.is_some();
            while completion.is_none()
                && self.connection.step(&mut |event| {
                    taken.take(event);
                    Ok(())
                })?
            {
                progressed = true;
                completion = self.connection.completion(tag);
            }
            if taken.count > 0 || taken.octets > 0 {
                let (count, octets) = (std::mem::take(&mut taken.count), std::mem::take(&mut taken.octets));
                left.came(count, octets);
                let asked = under_way.iter().map(|(_, portion)| portion.len()).sum();
                switching |= self.connection.wants_compression(left.octets(asked));
                came += count;
                let surprise = count.saturating_sub(promised);
                promised = promised.saturating_sub(count);
                edit(self.progress, |p| {
                    p.messages += surprise;
                    p.messages_done += count;
                    p.bytes_done += octets;
                });
            }
            if !taken.batch.is_empty() {
                self.keeper.take(self.task.mailbox, std::mem::take(&mut taken.batch)).await?;
            }
            match completion {
                Some(completion) => {
                    let portion = under_way.pop_front().map(|(_, portion)| portion).unwrap_or_default();
                    if std::mem::take(&mut is_first) {
                        // The newest messages are to be seen at once, whatever the rest takes.
                        self.keeper.commit().await?;
                    }
                    if completion.status != Status::Ok {
                        refusals.add(&completion, portion.difference(&taken.arrived), &mut waiting);
                    } else if let Some(stopped) = completion.stopped {
                        waiting.again(&limit::left(&portion, stopped).difference(&taken.arrived));
                    }
                }
                None if !progressed => self.connection.fill(Stage::Mailbox).await?,
                None => {}
            }
        }
        self.shifted |= taken.shifted;
        self.memory.behind |= !taken.arrived.is_empty();
        if let Some(evidence) = refusals.evidence() {
            self.complain(Verdict::ProtocolError, evidence);
        }
        insert_all(&mut self.refused, &refusals.refused);
        if let Some(what) = taken.doubts.evidence() {
            self.complain(Verdict::ProtocolError, what);
        }
        Ok(came)
    }

    /// Whether a person waits for a message. Costs nothing as long as nobody asks for anything.
    async fn somebody_waits(&mut self) -> Result<bool, Error> {
        let account = self.memory.account;
        Ok(self.memory.bell.rang()
            && !self.keeper.with(move |store| store.view().wanted(account)).await?.is_empty())
    }

    /// Fetches what people wait for, when nothing is under way, and comes back to this mailbox.
    async fn serve(&mut self) -> Result<(), Error> {
        serve(self.connection, self.keeper, self.memory.account).await?;
        self.memory.recogniser = None;
        // What was told of this mailbox meanwhile was not heard.
        self.shifted = true;
        let mut opened = Opened::default();
        let command =
            Command::new(verb(self.abilities)).mailbox(&self.task.name, self.connection.session().utf8());
        let opening = |event: Event<'_>| {
            opened.take(event);
            Ok(())
        };
        self.connection.ok(command, opening).await?;
        if opened.seen.uid_validity != self.validity {
            let evidence = format!("{}: its messages were given new UIDs meanwhile", self.task.name);
            return Err(Finding::new(Stage::Mailbox, Service::Imap, Verdict::ProtocolError, evidence).into());
        }
        Ok(())
    }

    /// Asks which of these messages are old or large, where that was not asked with the opening.
    async fn learn_extents(&mut self, wanted: &UidSet) -> Result<(), Error> {
        if wanted.is_empty() || self.extents.covers(wanted) {
            return Ok(());
        }
        let mut answers = Vec::new();
        for question in questions(&self.rule.limits, wanted, self.abilities.esearch) {
            let mut listed = Listed::default();
            let completion = self.connection.run(question, |event| listed.take(event)).await?;
            if completion.status != Status::Ok {
                return Err(self.connection.refused("UID SEARCH", &completion));
            }
            self.shifted |= listed.shifted;
            answers.push(listed.uids());
        }
        self.extents.learn(wanted, &self.rule.limits, answers);
        Ok(())
    }

    /// Fetches what is wanted of messages of which less is held: the policy was another one when they came.
    async fn fulfil(&mut self) -> Result<(), Error> {
        let (mailbox, rule) = (self.task.mailbox, self.rule.clone());
        let partials = self.keeper.with(move |store| store.view().partials(mailbox)).await?;
        let (lacking, begin) = rule.lacking(&partials);
        edit(self.progress, |p| p.messages += lacking.len());
        // What is not given now is asked for again the next time.
        self.refused = UidSet::new();
        self.report.completed += self.bring(&lacking, &Extents::beginning(begin)).await?;
        // What is remembered may be one of these, by its former identity.
        self.memory.recogniser = None;
        self.apply(Delta::default()).await?;
        self.keeper
            .with(move |store| {
                if rule.lacking(&store.view().partials(mailbox)?).0.is_empty() {
                    store.set_policy(mailbox, &rule.words)?;
                }
                Ok(())
            })
            .await
    }

    fn complain(&mut self, verdict: Verdict, what: String) {
        let evidence = format!("{}: {what}", self.task.name);
        let mut finding = Finding::new(Stage::Mailbox, Service::Imap, verdict, evidence);
        finding.certainty = Certainty::Likely;
        self.findings.push(finding);
    }

    fn done(self, opened: bool) -> Pulled {
        Pulled { report: self.report, findings: self.findings, reset: self.reset, opened }
    }
}

/// Bodies and rows on their way to the keeper.
struct Taken<'a> {
    wanted: &'a UidSet,
    extents: &'a Extents,
    batch: Batch,
    /// Messages that came.
    arrived: UidSet,
    count: u64,
    octets: u64,
    shifted: bool,
    doubts: Doubts,
}

/// Messages whose row is damaged, or whose content has not the size the server names: not taken the first time,
/// and as they are the second.
struct Doubts {
    again: bool,
    taken: Vec<Uid>,
}

impl Doubts {
    fn new(again: bool) -> Self {
        Self { again, taken: Vec::new() }
    }

    /// Whether a row is to be passed over for now. `extent` is how much was asked for.
    fn pass_over(&mut self, row: &FetchRow, extent: Extent) -> bool {
        let content = row.body.as_ref().and_then(BodyContent::size).filter(|_| extent == Extent::Whole);
        let differs = matches!((content, row.size), (Some(content), Some(size)) if content != size);
        if !(row.damaged || differs) {
            return false;
        }
        if self.again {
            self.taken.extend(row.uid);
        }
        !self.again
    }

    fn evidence(&self) -> Option<String> {
        let first = self.taken.first()?;
        Some(format!(
            "{} messages came damaged twice, as UID {first}, and are kept as they came",
            self.taken.len()
        ))
    }
}

impl<'a> Taken<'a> {
    fn new(wanted: &'a UidSet, extents: &'a Extents, again: bool) -> Self {
        Self {
            wanted,
            extents,
            batch: Batch::default(),
            arrived: UidSet::new(),
            count: 0,
            octets: 0,
            shifted: false,
            doubts: Doubts::new(again),
        }
    }

    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::BodyStart { size } => self.batch.start(size),
            Event::BodyChunk(bytes) => {
                self.octets += bytes.len() as u64;
                self.batch.body(bytes);
            }
            Event::Untagged(Response::Fetch(row)) => self.row(row),
            other => self.shifted |= is_shift(&other),
        }
    }

    fn row(&mut self, mut row: FetchRow) {
        let extent = row.uid.map_or(Extent::Whole, |uid| self.extents.of(uid));
        if self.doubts.pass_over(&row, extent) {
            return;
        }
        let email_id = identity::of(&mut row);
        // Rows nobody asked for (a flag changed elsewhere) have no body and are learned next time.
        let (Some(uid), Some(body)) = (row.uid, row.body) else { return };
        let (held, size) = (body.size(), row.size);
        match body {
            BodyContent::Streamed(_) => {}
            BodyContent::Quoted(bytes) => {
                self.batch.start(bytes.len() as u64);
                self.batch.body(&bytes);
            }
            BodyContent::Nil => return,
        }
        // Of a beginning nobody knows how much is missing without the size.
        if !self.wanted.contains(uid) || extent != Extent::Whole && size.is_none() {
            return;
        }
        self.count += 1;
        self.arrived.insert(uid);
        self.batch.entry(Row {
            uid,
            flags: row.flags.unwrap_or_default(),
            mod_seq: row.mod_seq,
            internal_date: row.internal_date.as_deref().and_then(internal_date),
            email_id,
            whole: size.filter(|_| extent != Extent::Whole && size != held),
        });
    }
}

/// The state of entries that belong to a UIDVALIDITY and are not complete yet.
fn begun(uid_validity: UidValidity) -> SyncState {
    SyncState { uid_validity, uid_next: 0, highest_mod_seq: None }
}

/// Octets of a UID set that this server takes in one command.
pub(super) fn line(abilities: Abilities) -> usize {
    if abilities.condstore { LONG_LINE } else { SHORT_LINE }
}

/// Whether a list is longer than a mailbox of `exists` messages can have.
fn is_too_long(wanted: &UidSet, exists: u64) -> bool {
    wanted.len() > exists.saturating_mul(2) + u64::from(NARROW)
}

fn all() -> UidSet {
    UidSet::range(Uid::MIN, Uid::MAX)
}
