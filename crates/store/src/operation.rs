//! What the person asked and the server has not confirmed.

use crate::fold::refold;
use crate::local::carry_out;
use crate::{Change, Desk, MailboxId, MessageId, OperationId, RequestId, StoreError, View};
use restante_core::mail::{Flags, MailboxName, SpecialUse, Uid};
use rusqlite::{Connection, OptionalExtension, Params, Row, Transaction, params};
use serde_json::{Value, json};

/// Something a person asked to be done to one message in one mailbox, or to one mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Set and clear flags. Flags not named are left alone.
    Flag {
        /// To be set.
        add: Flags,
        /// To be cleared.
        remove: Flags,
    },
    /// Move to another mailbox of the account.
    Move {
        /// Where to.
        to: MailboxId,
    },
    /// Copy to another mailbox of the account.
    Copy {
        /// Where to.
        to: MailboxId,
    },
    /// Remove for good.
    Remove,
    /// Add a message that is held here to the mailbox.
    Append {
        /// Which.
        message: MessageId,
        /// With these flags.
        flags: Flags,
        /// INTERNALDATE in seconds since 1970 UTC.
        internal_date: i64,
    },
    /// Make the mailbox, which is known here only.
    Create {
        /// What it is for (RFC 6154).
        special_use: Option<SpecialUse>,
    },
    /// Give the mailbox another name.
    Rename {
        /// The new full name.
        to: MailboxName,
    },
    /// Remove the mailbox with everything in it.
    Delete,
    /// Subscribe to the mailbox, or no more.
    Subscribe(bool),
}

impl Intent {
    /// Whether it is about a message that is in the mailbox.
    #[must_use]
    pub fn is_of_entry(&self) -> bool {
        matches!(self, Self::Flag { .. } | Self::Move { .. } | Self::Copy { .. } | Self::Remove)
    }
}

/// An intent for one message, or one mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The mailbox the message is in, or is to be added to; or the mailbox it is about.
    pub mailbox: MailboxId,
    /// The message's UID there; `None` for what is not about one that is there.
    pub uid: Option<Uid>,
    /// What is to be done.
    pub intent: Intent,
}

/// What [`Desk::request`] took down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requested {
    /// The token of undo.
    pub id: RequestId,
    /// One for each ask.
    pub operations: Vec<OperationId>,
    /// What is shown otherwise now.
    pub changes: Vec<Change>,
}

/// An intent on its way to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its identity. Operations are to be carried out in ascending order.
    pub id: OperationId,
    /// What it was asked with.
    pub request: RequestId,
    /// The mailbox the message is in, or the mailbox it is about.
    pub mailbox: MailboxId,
    /// The message's UID there; `None` after the mailbox got new UIDs or went away, until the message is
    /// found again; and for what is not about a message that is there.
    pub uid: Option<Uid>,
    /// Which message; `None` when it is about the mailbox.
    pub message: Option<MessageId>,
    /// What was asked.
    pub intent: Intent,
    /// When it was asked.
    pub created: i64,
    /// How often the server was asked.
    pub attempts: u32,
    /// Where it stands.
    pub state: OperationState,
    /// The target's UIDNEXT before the server was first asked to take the message there: a copy that an
    /// unanswered try left can only be at or above it. 0: never asked.
    pub since: u32,
    /// The server's last words about it; empty before there were any.
    pub reply: String,
}

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationState {
    /// The server has not been asked, or in vain.
    Waiting,
    /// The server was asked and has not answered: it may be done.
    Asked,
    /// The server refused it, or it cannot be done any more; it is kept to be shown, and no longer folded.
    Refused,
    /// The message is nowhere in the account any more. Should it come back, the operation waits again.
    Superseded,
}

impl OperationState {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Waiting, "waiting"),
        (Self::Asked, "asked"),
        (Self::Refused, "refused"),
        (Self::Superseded, "superseded"),
    ];

    /// Its word, as JSON and the database have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.into_iter().find(|(state, _)| *state == self).map_or("", |(_, word)| word)
    }
}

const COLUMNS: &str =
    "id, mailbox, uid, position, kind, payload, created, attempts, state, reply, request, since";

impl View {
    /// The operations of a mailbox, in order, refused ones included.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn operations(&self, mailbox: MailboxId) -> Result<Vec<Operation>, StoreError> {
        collect(&self.conn, "WHERE mailbox = ?1", [mailbox.0])
    }

    /// What an account's server has not confirmed and not refused, in the order to be carried out.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn waiting(&self, account: crate::AccountId) -> Result<Vec<Operation>, StoreError> {
        let of_account =
            "WHERE state IN ('waiting', 'asked') AND mailbox IN (SELECT id FROM mailbox WHERE account = ?1)";
        collect(&self.conn, of_account, [account.0])
    }

    /// What was refused or superseded of an account's operations and nobody has taken back, in order.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn refused(&self, account: crate::AccountId) -> Result<Vec<Operation>, StoreError> {
        let of_account = "WHERE state IN ('refused', 'superseded') AND mailbox IN (SELECT id FROM mailbox WHERE account = ?1)";
        collect(&self.conn, of_account, [account.0])
    }

    /// One operation; `None` when it was confirmed or taken back.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn operation(&self, operation: OperationId) -> Result<Option<Operation>, StoreError> {
        find(&self.conn, operation)
    }

    /// The operations of a request that are not done, in order, refused ones included.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn operations_of(&self, request: RequestId) -> Result<Vec<Operation>, StoreError> {
        collect(&self.conn, "WHERE request = ?1", [request.0])
    }
}

impl Desk {
    /// Takes down what a person asked in one go, durably: all of it, or nothing. What is shown changes at
    /// once. `words` says it to a person, as "archive 3 messages". What is about an account without a server is
    /// carried out at once, in the same transaction.
    ///
    /// # Errors
    /// There is no such entry or mailbox.
    pub fn request(&mut self, words: &str, asks: &[Ask], now: i64) -> Result<Requested, StoreError> {
        self.write_durably(|transaction| {
            let id = open_request(transaction, words, 0, now)?;
            let mut requested = Requested { id, operations: Vec::new(), changes: Vec::new() };
            for ask in asks {
                let (operation, changes) = ask_for(transaction, id, ask, now)?;
                requested.operations.push(operation);
                requested.changes.extend(changes);
            }
            requested.changes.extend(carry_out(transaction, &requested.operations, now)?);
            Ok(requested)
        })
    }
}

/// A new request, without operations.
pub(crate) fn open_request(
    transaction: &Transaction<'_>,
    words: &str,
    undoes: i64,
    now: i64,
) -> Result<RequestId, StoreError> {
    transaction
        .prepare_cached("INSERT INTO request (words, created, undoes) VALUES (?1, ?2, ?3)")?
        .execute(params![words, now, undoes])?;
    Ok(RequestId(transaction.last_insert_rowid()))
}

/// Puts one operation in line.
pub(crate) fn ask_for(
    transaction: &Transaction<'_>,
    request: RequestId,
    ask: &Ask,
    now: i64,
) -> Result<(OperationId, Vec<Change>), StoreError> {
    let message = match (&ask.intent, ask.uid) {
        (Intent::Append { message, .. }, _) => Some(*message),
        (intent, uid) if intent.is_of_entry() => {
            let uid = uid.map_or(0, Uid::get);
            let found: Option<i64> = transaction
                .prepare_cached("SELECT position FROM entry WHERE mailbox = ?1 AND uid = ?2")?
                .query_row(params![ask.mailbox.0, uid], |row| row.get(0))
                .optional()?;
            Some(MessageId(found.ok_or(StoreError::Missing("message"))?))
        }
        _ => None,
    };
    let uid = ask.uid.filter(|_| ask.intent.is_of_entry()).map_or(0, Uid::get);
    let (kind, payload) = write_intent(&ask.intent);
    transaction
        .prepare_cached(
            "INSERT INTO operation
                 (mailbox, uid, position, kind, payload, created, attempts, state, reply, request)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 'waiting', '', ?7)",
        )?
        .execute(params![
            ask.mailbox.0,
            uid,
            message.map_or(0, |message| message.0),
            kind,
            payload.to_string(),
            now,
            request.0
        ])?;
    let id = OperationId(transaction.last_insert_rowid());
    refold(transaction, ask.mailbox, uid)?;
    Ok((id, changes(ask.mailbox, message, &ask.intent)))
}

/// Points operations that lost their UID to the message's new one.
pub(crate) fn retarget(
    transaction: &Transaction<'_>,
    mailbox: MailboxId,
    uid: Uid,
    message: MessageId,
) -> Result<(), StoreError> {
    transaction
        .prepare_cached(
            "UPDATE operation SET uid = ?2,
                 state = CASE state WHEN 'superseded' THEN 'waiting' ELSE state END
             WHERE mailbox = ?1 AND uid = 0 AND position = ?3 AND kind <> 'append'",
        )?
        .execute(params![mailbox.0, uid.get(), message.0])?;
    Ok(())
}

/// Forgets an operation that has nothing left to do where its message is now: it was to be brought there.
pub(crate) fn settle_carried(transaction: &Transaction<'_>, operation: i64) -> Result<(), StoreError> {
    transaction
        .prepare_cached(
            "DELETE FROM operation
             WHERE id = ?1 AND kind IN ('move', 'copy') AND json_extract(payload, '$.to') = mailbox",
        )?
        .execute([operation])?;
    Ok(())
}

/// One operation.
pub(crate) fn find(conn: &Connection, operation: OperationId) -> Result<Option<Operation>, StoreError> {
    Ok(collect(conn, "WHERE id = ?1", [operation.0])?.pop())
}

/// What is shown otherwise when an intent comes or goes.
pub(crate) fn changes(mailbox: MailboxId, message: Option<MessageId>, intent: &Intent) -> Vec<Change> {
    match (intent, message) {
        (Intent::Flag { .. }, Some(message)) => vec![Change::Flags(mailbox, message)],
        (Intent::Move { to }, Some(message)) => {
            vec![Change::Disappeared(mailbox, message), Change::Appeared(*to, message)]
        }
        (Intent::Copy { to }, Some(message)) => vec![Change::Appeared(*to, message)],
        (Intent::Remove, Some(message)) => vec![Change::Disappeared(mailbox, message)],
        _ => Vec::new(),
    }
}

pub(crate) fn collect(
    conn: &Connection,
    condition: &str,
    values: impl Params,
) -> Result<Vec<Operation>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM operation {condition} ORDER BY id");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(values)?;
    let mut operations = Vec::new();
    while let Some(row) = rows.next()? {
        operations.push(read(row)?);
    }
    Ok(operations)
}

fn read(row: &Row<'_>) -> Result<Operation, StoreError> {
    let (kind, payload, state): (String, String, String) = (row.get(4)?, row.get(5)?, row.get(8)?);
    let message = Some(MessageId(row.get(3)?)).filter(|message| message.0 != 0);
    let damaged = || StoreError::Damaged(format!("the operation {kind} {payload} ({state})"));
    let state = OperationState::ALL.into_iter().find(|(_, word)| *word == state).ok_or_else(damaged)?.0;
    Ok(Operation {
        id: OperationId(row.get(0)?),
        mailbox: MailboxId(row.get(1)?),
        uid: Uid::new(row.get(2)?),
        message,
        intent: read_intent(&kind, &payload, message).ok_or_else(damaged)?,
        created: row.get(6)?,
        attempts: row.get(7)?,
        state,
        reply: row.get(9)?,
        request: RequestId(row.get(10)?),
        since: row.get(11)?,
    })
}

pub(crate) fn write_intent(intent: &Intent) -> (&'static str, Value) {
    let names = |flags: &Flags| flags.names().map(str::to_owned).collect::<Vec<_>>();
    match intent {
        Intent::Flag { add, remove } => ("flag", json!({"add": names(add), "remove": names(remove)})),
        Intent::Move { to } => ("move", json!({"to": to.0})),
        Intent::Copy { to } => ("copy", json!({"to": to.0})),
        Intent::Remove => ("remove", json!({})),
        Intent::Append { flags, internal_date, .. } => {
            ("append", json!({"flags": names(flags), "date": internal_date}))
        }
        Intent::Create { special_use } => {
            ("create", json!({"use": special_use.map_or("", SpecialUse::attribute)}))
        }
        Intent::Rename { to } => ("rename", json!({"to": to.as_str()})),
        Intent::Delete => ("delete", json!({})),
        Intent::Subscribe(true) => ("subscribe", json!({})),
        Intent::Subscribe(false) => ("unsubscribe", json!({})),
    }
}

pub(crate) fn read_intent(kind: &str, payload: &str, message: Option<MessageId>) -> Option<Intent> {
    let payload: Value = serde_json::from_str(payload).ok()?;
    let flags = |field: &str| -> Option<Flags> {
        Some(payload.get(field)?.as_array()?.iter().filter_map(Value::as_str).collect())
    };
    let to = || payload.get("to").and_then(Value::as_i64).map(MailboxId);
    let text = |field: &str| payload.get(field).and_then(Value::as_str);
    Some(match kind {
        "flag" => Intent::Flag { add: flags("add")?, remove: flags("remove")? },
        "move" => Intent::Move { to: to()? },
        "copy" => Intent::Copy { to: to()? },
        "remove" => Intent::Remove,
        "append" => {
            let internal_date = payload.get("date")?.as_i64()?;
            Intent::Append { message: message?, flags: flags("flags")?, internal_date }
        }
        "create" => Intent::Create { special_use: SpecialUse::from_attribute(text("use")?) },
        "rename" => Intent::Rename { to: MailboxName::new(text("to")?) },
        "delete" => Intent::Delete,
        "subscribe" => Intent::Subscribe(true),
        "unsubscribe" => Intent::Subscribe(false),
        _ => return None,
    })
}
