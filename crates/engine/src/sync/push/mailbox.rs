//! Operations that stand alone: on mailboxes, and messages that are added.

use super::super::told::too_large;
use super::copies::{is_ours, take};
use super::place::Answer;
use super::{Push, Verdict, judge};
use crate::error::Error;
use crate::imap::Content;
use crate::sync::append::{append, is_plain};
use crate::sync::describe::describe;
use restante_core::imap::wire::{Code, Command, Status, write_internal_date};
use restante_core::mail::{Flags, Uid, UidSet};
use restante_core::sync::Delta;
use restante_store::{Body, Intent, MailboxRow, MessageId, NewEntry, Operation, StoreError};
use std::collections::BTreeMap;

impl Push<'_> {
    pub(super) async fn alone(&mut self, operation: Operation) -> Result<(), Error> {
        let Some(row) = self.mailboxes.get(&operation.mailbox).cloned() else { return Ok(()) };
        let name = row.mailbox.name.clone();
        let utf8 = self.connection.session().utf8();
        let command = match &operation.intent {
            Intent::Append { message, flags, internal_date } => {
                return self.append(&operation, &row, *message, flags, *internal_date).await;
            }
            Intent::Create { special_use } => {
                let command = Command::new("CREATE").mailbox(&name, utf8);
                match special_use.filter(|_| self.connection.capabilities().has("CREATE-SPECIAL-USE")) {
                    Some(special) => command.raw(&format!("(USE ({}))", special.attribute())),
                    None => command,
                }
            }
            Intent::Rename { to } => Command::new("RENAME").mailbox(&name, utf8).mailbox(to, utf8),
            Intent::Delete => Command::new("DELETE").mailbox(&name, utf8),
            Intent::Subscribe(true) => Command::new("SUBSCRIBE").mailbox(&name, utf8),
            Intent::Subscribe(false) => Command::new("UNSUBSCRIBE").mailbox(&name, utf8),
            Intent::Flag { .. } | Intent::Move { .. } | Intent::Copy { .. } | Intent::Remove => return Ok(()),
        };
        if matches!(operation.intent, Intent::Rename { .. } | Intent::Delete) {
            // Not while it is open.
            self.unselect().await?;
        }
        let id = operation.id;
        if self.keeper.with(move |store| store.begin_operations(&[(vec![id], 0)])).await?.is_empty() {
            return Ok(());
        }
        let completion = self.connection.run(command, |_| Ok(())).await?;
        let made = matches!(operation.intent, Intent::Create { .. });
        // Another program, or an earlier try of ours whose answer was lost, has done it.
        let already = match completion.code.as_ref().map(Code::name) {
            Some("ALREADYEXISTS") => made || self.was_tried(&operation),
            Some("NONEXISTENT") => operation.intent == Intent::Delete || self.was_tried(&operation),
            _ => false,
        };
        if completion.status != Status::Ok && !already {
            let reply = completion.line();
            return match judge(&completion) {
                Verdict::Later => self.put_back(&[id], &reply).await,
                Verdict::Never => self.refuse_all(&[id], &reply).await,
            };
        }
        if made {
            // Without a subscription it works too; some programs then do not show it.
            self.connection.run(Command::new("SUBSCRIBE").mailbox(&name, utf8), |_| Ok(())).await?;
        }
        self.confirm([id], &BTreeMap::new(), Vec::new()).await?;
        let mailbox = operation.mailbox;
        match &operation.intent {
            Intent::Delete => {
                self.mailboxes.remove(&mailbox);
            }
            _ => {
                let row = self.keeper.with(move |store| store.view().mailbox(mailbox)).await?;
                self.mailboxes.insert(mailbox, row);
            }
        }
        Ok(())
    }

    fn was_tried(&self, operation: &Operation) -> bool {
        self.unsure.contains(&operation.id)
    }

    /// Adds a message that is held here.
    async fn append(
        &mut self,
        operation: &Operation,
        row: &MailboxRow,
        message: MessageId,
        flags: &Flags,
        internal_date: i64,
    ) -> Result<(), Error> {
        if row.pending {
            return Ok(());
        }
        let id = operation.id;
        let known = row.state.filter(|_| !row.moved);
        let before = if known.is_some() { self.next(row) } else { 1 };
        if self.keeper.with(move |store| store.begin_operations(&[(vec![id], before)])).await?.is_empty() {
            return Ok(());
        }
        let mut at = None;
        if self.was_tried(operation) && operation.since > 0 {
            // It waits until it can be looked for.
            if !self.select(row.id).await? {
                return Ok(());
            }
            at = self.find_added(message, internal_date, operation.since).await?;
        }
        if at.is_none() {
            // Some servers take no addition to a mailbox that another session has open for reading only.
            let mailbox = row.id;
            let (size, plain, own) = self
                .keeper
                .with(move |store| {
                    let content = store.view().content(message)?;
                    let size = content.size();
                    let plain = is_plain(content).map_err(|error| StoreError::Damaged(error.to_string()))?;
                    Ok((size, plain, store.view().append_limit(mailbox)?))
                })
                .await?;
            let limit = own.or(self.connection.capabilities().append_limit());
            if let Some(reply) = too_large(size, limit) {
                return self.refuse_all(&[id], &reply).await;
            }
            let mut command = Command::new("APPEND")
                .mailbox(&row.mailbox.name, self.connection.session().utf8())
                .flags(flags);
            if let Some(date) = write_internal_date(internal_date) {
                command = command.raw(&format!("\"{date}\""));
            }
            let mut answer = Answer::default();
            let open = async || {
                let content = self.keeper.with(move |store| store.view().content(message)).await?;
                Ok(Content::new(content.size(), content))
            };
            let completion =
                append(self.connection, command, plain, open, |event| answer.take(event)).await?;
            if completion.status != Status::Ok {
                let reply = completion.line();
                return match judge(&completion) {
                    Verdict::Later => self.put_back(&[id], &reply).await,
                    Verdict::Never => self.refuse_all(&[id], &reply).await,
                };
            }
            if let Some(Code::AppendUid(validity, uids)) = &completion.code
                && known.is_some_and(|state| state.uid_validity == *validity)
            {
                at = uids.iter().next();
            }
            self.added(row.id, 1, at);
        }
        // Where no UID is known, the pull brings it.
        at = at.filter(|_| known.is_some());
        let mailbox = row.id;
        let deltas = at.map(|uid| {
            let entry = NewEntry {
                uid,
                flags: flags.clone(),
                mod_seq: None,
                internal_date,
                email_id: String::new(),
                body: Body::Held(message),
            };
            (mailbox, Delta { new: vec![entry], ..Delta::default() })
        });
        let at = at.map(|uid| (id, (mailbox, uid))).into_iter().collect();
        self.confirm([id], &at, deltas.into_iter().collect()).await
    }

    /// The message in the open mailbox, as an earlier try without an answer added it.
    async fn find_added(
        &mut self,
        message: MessageId,
        internal_date: i64,
        since: u32,
    ) -> Result<Option<Uid>, Error> {
        let Some(from) = Uid::new(since) else { return Ok(None) };
        let identity = self.keeper.with(move |store| store.view().identity(message)).await?;
        let described = describe(self.connection, self.abilities, &UidSet::range(from, Uid::MAX)).await?;
        let mut arrivals = described.arrivals;
        Ok(take(&mut arrivals, since, |arrival| {
            is_ours(arrival, identity.size, &identity.message_id, internal_date)
        }))
    }
}
