//! Copies that an earlier try may have made already, and moves by a copy.

use super::place::{Answer, Present};
use super::{Expunged, Push, Work};
use crate::error::Error;
use crate::sync::describe::describe;
use restante_core::imap::wire::{Command, Status};
use restante_core::mail::{SyncState, Uid, UidSet};
use restante_core::sync::Delta;
use restante_core::sync::recognise::Arrival;
use restante_store::{LeftCopy, MailboxId, OperationId};
use std::collections::BTreeMap;

impl Push<'_> {
    /// COPY, then remove: for servers without MOVE (RFC 6851, section 3.3).
    pub(super) async fn move_by_copy(
        &mut self,
        mut step: Work,
        to: MailboxId,
        since: &BTreeMap<OperationId, u32>,
    ) -> Result<(), Error> {
        let Some(target) = self.mailboxes.get(&to).cloned() else { return Ok(()) };
        let copied = self.copies(&mut step, to, since).await?;
        if step.messages.is_empty() {
            return Ok(());
        }
        let step = &step;
        let missing: UidSet = step.messages.keys().filter(|uid| !copied.contains_key(uid)).copied().collect();
        let uids: UidSet = step.messages.keys().copied().collect();
        let fetch = self.connection.send(self.look(&uids));
        let mut new = copied;
        let mut begun = None;
        let mut copy = None;
        if !missing.is_empty() {
            let name = &target.mailbox.name;
            let command =
                Command::new("UID COPY").uids(&missing).mailbox(name, self.connection.session().utf8());
            copy = Some(self.connection.send(command));
        }
        let mut answer = Answer::default();
        let present = self.present_beside(fetch, &mut answer).await?;
        if let Some(tag) = copy {
            let completion = self.connection.wait(tag, &mut |event| answer.take(event)).await?;
            if completion.status != Status::Ok {
                return self.refuse(step, &completion).await;
            }
            answer.code(completion.code.as_ref());
            new.extend(answer.placed(&target));
            begun = answer.begun(&target);
            let copied = present.uids();
            let copied = copied.len() - copied.difference(&missing).len();
            self.added(to, copied, new.values().copied());
        }
        // Only what is there now: it has been copied.
        let here = present.uids();
        if here.is_empty() {
            return self.transferred(step, &present, &new, to, Delta::default(), begun).await;
        }
        match self.expunge(&here).await? {
            Expunged::Gone => {
                let left = Delta { vanished: here, ..Delta::default() };
                self.transferred(step, &present, &new, to, left, begun).await
            }
            // Shown as it is at once: what is asked of it next is not asked of the message that went.
            Expunged::Marked(marked) => {
                let left = Delta { flags: marked.changes(), ..Delta::default() };
                self.transferred(step, &present, &new, to, left, begun).await
            }
            // The copy is found again when this is tried the next time.
            Expunged::Refused(completion) | Expunged::Partly { refusal: completion, .. } => {
                let reply = format!("copied, but not removed: {}", completion.line());
                self.leave_copies(step, &present, &new, to, begun, &reply).await
            }
        }
    }

    /// Notes where the copies are, so that they go when the move is taken back.
    async fn leave_copies(
        &mut self,
        step: &Work,
        present: &Present,
        new: &BTreeMap<Uid, Uid>,
        to: MailboxId,
        begun: Option<SyncState>,
        reply: &str,
    ) -> Result<(), Error> {
        let state = self.mailboxes.get(&to).filter(|row| !row.moved).and_then(|row| row.state).or(begun);
        let Some(SyncState { uid_validity, .. }) = state else {
            for ids in step.messages.values() {
                self.put_back(ids, reply).await?;
            }
            return Ok(());
        };
        let arrived = self.arrived(step.mailbox, present, new).await?;
        if !arrived.is_empty() {
            self.keeper.apply(to, Delta { new: arrived, state: begun, ..Delta::default() }).await?;
        }
        for (uid, ids) in &step.messages {
            self.put_back(ids, reply).await?;
            let (Some(id), Some(there)) = (ids.last().copied(), new.get(uid).copied()) else { continue };
            let marked = present.rows.get(uid).is_some_and(|found| !found.flags.contains("\\Deleted"));
            let (copy, reply) = (LeftCopy { uid: there, uid_validity, marked }, reply.to_owned());
            self.keeper.with(move |store| store.defer_copied(id, copy, &reply)).await?;
        }
        Ok(())
    }

    /// Leaves out of a step what an earlier try without an answer has copied already.
    pub(super) async fn look_for_copies(
        &mut self,
        mut step: Work,
        to: MailboxId,
        since: &BTreeMap<OperationId, u32>,
    ) -> Result<Work, Error> {
        let copied = self.copies(&mut step, to, since).await?;
        let known = self.is_known(to);
        let mut at = BTreeMap::new();
        let mut confirmed = Vec::new();
        for (uid, there) in copied {
            for id in step.messages.remove(&uid).unwrap_or_default() {
                if known {
                    at.insert(id, (to, there));
                }
                confirmed.push(id);
            }
        }
        self.confirm(confirmed, &at, Vec::new()).await?;
        if !step.messages.is_empty() && !self.select(step.mailbox).await? {
            step.messages.clear();
        }
        Ok(step)
    }

    /// Leaves out of a step what somebody has removed: where that is done by a mark alone, the copy of a message that is
    /// marked is marked as well. Nobody would see it, and the next who compacts the mailbox would take it away.
    pub(super) async fn leave_removed(&mut self, step: &mut Work) -> Result<(), Error> {
        let uids: UidSet = step.messages.keys().copied().collect();
        if uids.is_empty() {
            return Ok(());
        }
        let look = self.connection.send(self.look(&uids));
        let present = self.present(look).await?;
        for (uid, found) in &present.rows {
            if found.flags.contains("\\Deleted")
                && let Some(ids) = step.messages.remove(uid)
            {
                self.refuse_all(&ids, "it was removed there before it could be copied").await?;
            }
        }
        Ok(())
    }

    /// Where an earlier try without an answer put copies of a step's messages. Where that cannot be looked
    /// for now, the messages are taken out of the step: their operations wait.
    async fn copies(
        &mut self,
        step: &mut Work,
        to: MailboxId,
        since: &BTreeMap<OperationId, u32>,
    ) -> Result<BTreeMap<Uid, Uid>, Error> {
        let mut found = BTreeMap::new();
        let unsure = |ids: &Vec<OperationId>| {
            let ids = ids.iter().filter(|id| self.unsure.contains(id));
            ids.filter_map(|id| since.get(id).copied().filter(|since| *since > 0)).min()
        };
        let tried: BTreeMap<Uid, u32> =
            step.messages.iter().filter_map(|(uid, ids)| Some((*uid, unsure(ids)?))).collect();
        let Some(from) = tried.values().min().and_then(|from| Uid::new(*from)) else { return Ok(found) };
        let wanted: Vec<Uid> = tried.keys().copied().collect();
        let source = step.mailbox;
        let held = self.keeper.with(move |store| store.view().entries(source, &wanted)).await?;
        if !self.select(to).await? {
            step.messages.retain(|uid, _| !tried.contains_key(uid));
            if !self.select(source).await? {
                step.messages.clear();
            }
            return Ok(found);
        }
        let mut arrivals =
            describe(self.connection, self.abilities, &UidSet::range(from, Uid::MAX)).await?.arrivals;
        for entry in held {
            let Some(least) = tried.get(&entry.uid) else { continue };
            let ours =
                |arrival: &Arrival| is_ours(arrival, entry.size, &entry.message_id, entry.internal_date);
            if let Some(uid) = take(&mut arrivals, *least, ours) {
                found.insert(entry.uid, uid);
            }
        }
        if !self.select(source).await? {
            step.messages.clear();
            found.clear();
        }
        Ok(found)
    }
}

/// The first of what arrived from the UID `least` on that is ours, taken out: each arrival is one message's. What was
/// there before the first try is nobody's copy, also where a server answers more than it was asked for.
pub(super) fn take(arrivals: &mut Vec<Arrival>, least: u32, ours: impl Fn(&Arrival) -> bool) -> Option<Uid> {
    let at = arrivals.iter().position(|arrival| arrival.uid.get() >= least && ours(arrival))?;
    Some(arrivals.remove(at).uid)
}

/// Whether what arrived in a mailbox is the message that was on its way there. Where no Message-ID names it, others of
/// the same size are told apart by INTERNALDATE, which a copy keeps (RFC 9051, section 6.4.7): a server that does not
/// keep it gets the message twice, which is better than to lose one.
pub(super) fn is_ours(arrival: &Arrival, size: u64, message_id: &str, internal_date: i64) -> bool {
    arrival.size == size
        && arrival.message_id == message_id
        && (!message_id.is_empty() || arrival.internal_date == internal_date)
}

#[cfg(test)]
mod tests {
    use super::*;
    use restante_core::mail::Flags;

    fn arrival(uid: u32, message_id: &str) -> Arrival {
        Arrival {
            uid: Uid::new(uid).unwrap(),
            flags: Flags::new(),
            mod_seq: None,
            size: 100,
            date: 5,
            internal_date: 5,
            message_id: message_id.to_owned(),
            email_id: String::new(),
        }
    }

    #[test]
    fn what_arrived_is_ours_by_name_and_size_and_without_a_name_by_its_date() {
        let named = arrival(1, "a@example.org");
        assert!(is_ours(&named, 100, "a@example.org", 5));
        assert!(is_ours(&named, 100, "a@example.org", 6), "a server may give its own date");
        assert!(
            !is_ours(&named, 101, "a@example.org", 5),
            "the same name, as a list sends it on with a footer"
        );
        assert!(!is_ours(&named, 100, "b@example.org", 5));
        assert!(is_ours(&arrival(1, ""), 100, "", 5));
        assert!(!is_ours(&arrival(1, ""), 100, "", 6));
    }

    #[test]
    fn what_was_there_before_the_first_try_is_not_the_copy() {
        let ours = |arrival: &Arrival| is_ours(arrival, 100, "a@example.org", 5);
        let all =
            || vec![arrival(3, "a@example.org"), arrival(7, "b@example.org"), arrival(8, "a@example.org")];
        let mut arrivals = all();
        assert_eq!(take(&mut arrivals, 3, ours), Uid::new(3));
        assert_eq!(take(&mut arrivals, 3, ours), Uid::new(8), "one copy stands for one message");
        assert_eq!(take(&mut arrivals, 3, ours), None);
        assert_eq!(take(&mut all(), 4, ours), Uid::new(8));
        assert_eq!(take(&mut all(), 9, ours), None);
    }
}
