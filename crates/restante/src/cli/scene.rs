//! The accounts and mailboxes among which mail is changed.

use super::bring::Line;
use super::error::Failure;
use restante_core::mail::SpecialUse;
use restante_store::{AccountId, Intent, MailboxId, MailboxRow, MessageId, Namespace, Place, View};
use std::collections::BTreeMap;

/// The accounts and mailboxes a change plays among.
pub(super) struct Scene<'a> {
    pub(super) view: &'a View,
    accounts: BTreeMap<AccountId, String>,
    mailboxes: Vec<(AccountId, MailboxRow)>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(view: &'a View) -> Result<Self, Failure> {
        let mut accounts = BTreeMap::new();
        let mut mailboxes = Vec::new();
        for account in view.accounts()? {
            mailboxes.extend(view.mailboxes(account.id)?.into_iter().map(|row| (account.id, row)));
            accounts.insert(account.id, account.name);
        }
        Ok(Self { view, accounts, mailboxes })
    }

    pub(super) fn account(&self, account: AccountId) -> &str {
        self.accounts.get(&account).map_or("", String::as_str)
    }

    pub(super) fn mailboxes(&self, account: AccountId) -> Vec<&MailboxRow> {
        self.mailboxes.iter().filter(|(owner, _)| *owner == account).map(|(_, row)| row).collect()
    }

    /// Whose mailboxes there are. What cannot be read is as what the server never said.
    pub(super) fn namespaces(&self, account: AccountId) -> Vec<Namespace> {
        self.view.namespaces(account).unwrap_or_default()
    }

    fn mailbox(&self, mailbox: MailboxId) -> Option<&(AccountId, MailboxRow)> {
        self.mailboxes.iter().find(|(_, row)| row.id == mailbox)
    }

    /// The account of a mailbox.
    pub(super) fn owner(&self, mailbox: MailboxId) -> Option<AccountId> {
        self.mailbox(mailbox).map(|(account, _)| *account)
    }

    pub(super) fn special_use(&self, place: &Place) -> Option<SpecialUse> {
        self.mailbox(place.mailbox)?.1.mailbox.special_use
    }

    /// The id a person reads.
    pub(super) fn id(&self, message: MessageId) -> Result<String, Failure> {
        Ok(self.view.id(message)?.unwrap_or_default())
    }

    /// The line about an operation that was not recorded yet, or is not settled.
    pub(super) fn line(
        &self,
        mailbox: MailboxId,
        message: Option<MessageId>,
        intent: &Intent,
    ) -> Result<Line, Failure> {
        let name = |id: MailboxId| self.mailbox(id).map(|(_, row)| row.mailbox.name.as_str().to_owned());
        let account = self.mailbox(mailbox).map(|(account, _)| self.account(*account).to_owned());
        Ok(Line {
            message: message.map(|message| self.id(message)).transpose()?,
            account: account.unwrap_or_default(),
            mailbox: name(mailbox).unwrap_or_default(),
            ..Line::of(intent, name)
        })
    }

    /// Where a message is and can be changed: one place for each entry the server has. What waits to be
    /// copied cannot be changed before it is there.
    pub(super) fn places(
        &self,
        message: MessageId,
        account: Option<AccountId>,
    ) -> Result<Vec<Place>, Failure> {
        let mut places = self.view.places(message)?;
        places.retain(|place| account.is_none_or(|account| place.account == account));
        if places.iter().any(|place| place.mailbox != place.source) {
            let mut main = Vec::new();
            for place in places {
                if self.is_main(&place)? {
                    main.push(place);
                }
            }
            places = main;
        }
        if places.is_empty() {
            let id = self.id(message)?;
            return Err(Failure::NotFound(format!(
                "{id} is in no mailbox on the server now: it was removed, or is still to be copied there"
            )));
        }
        Ok(places)
    }

    /// Whether the entry itself is shown here, not a copy that waits.
    fn is_main(&self, place: &Place) -> Result<bool, Failure> {
        let mut at = Some(place.source);
        for operation in self.view.operations_at(place.source, place.uid)? {
            match operation.intent {
                Intent::Move { to } => at = Some(to),
                Intent::Remove => at = None,
                _ => {}
            }
        }
        Ok(at == Some(place.mailbox))
    }
}
