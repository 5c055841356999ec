//! Taking back what was asked.

use crate::fold::refold;
use crate::local::carry_out;
use crate::operation::{ask_for, changes, collect, open_request, read_intent};
use crate::{
    Ask, Change, Desk, Intent, MailboxId, MessageId, Operation, OperationState, RequestId, Requested,
    StoreError, View,
};
use restante_core::mail::{Flags, Uid};
use rusqlite::{OptionalExtension, Row, Transaction, params};

/// What a person asked in one go, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The token of undo.
    pub id: RequestId,
    /// What it was, as a person reads it.
    pub words: String,
    /// When it was asked.
    pub created: i64,
    /// The request that it takes back.
    pub undoes: Option<RequestId>,
    /// Operations the server has not confirmed.
    pub waiting: u64,
    /// Operations that were refused or superseded.
    pub refused: u64,
    /// Operations that are done and can be taken back.
    pub done: u64,
}

/// What [`Desk::undo`] came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    /// Operations that had not reached the server and are forgotten.
    pub forgotten: u64,
    /// What the server is to be asked now; `None` when there is nothing.
    pub request: Option<Requested>,
    /// The operations of that request, as they were asked: those about a local account are done by now.
    pub asked: Vec<Operation>,
    /// What cannot be taken back, and why.
    pub lost: Vec<String>,
    /// What is shown otherwise now.
    pub changes: Vec<Change>,
}

/// A confirmed operation as the one that takes it back.
struct Inverse {
    mailbox: MailboxId,
    uid: Option<Uid>,
    message: Option<MessageId>,
    intent: Option<Intent>,
}

impl View {
    /// The latest requests of which something is left, newest first, at most `limit`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn requests(&self, limit: u32) -> Result<Vec<Request>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT * FROM (
                 SELECT id, words, created, undoes,
                     (SELECT count(*) FROM operation WHERE request = request.id AND state IN ('waiting', 'asked')) AS waiting,
                     (SELECT count(*) FROM operation WHERE request = request.id AND state IN ('refused', 'superseded')) AS refused,
                     (SELECT count(*) FROM done WHERE request = request.id) AS done
                 FROM request ORDER BY id DESC)
             WHERE waiting + refused + done > 0 LIMIT ?1",
        )?;
        let read = |row: &Row<'_>| {
            Ok(Request {
                id: RequestId(row.get(0)?),
                words: row.get(1)?,
                created: row.get(2)?,
                undoes: Some(RequestId(row.get(3)?)).filter(|id| id.0 != 0),
                waiting: row.get(4)?,
                refused: row.get(5)?,
                done: row.get(6)?,
            })
        };
        Ok(statement.query_map([limit], read)?.collect::<Result<_, _>>()?)
    }
}

impl Desk {
    /// Takes back a request: what has not reached the server is forgotten, and for what has, the server is
    /// asked to do the opposite.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such request, or nothing is left of it;
    /// [`StoreError::UnderWay`] while the server is being asked.
    pub fn undo(&mut self, request: RequestId, now: i64) -> Result<Undone, StoreError> {
        self.write_durably(|transaction| {
            let words: Option<String> = transaction
                .prepare_cached("SELECT words FROM request WHERE id = ?1")?
                .query_row([request.0], |row| row.get(0))
                .optional()?;
            let words = words.ok_or(StoreError::Missing("request"))?;
            let operations = collect(transaction, "WHERE request = ?1", [request.0])?;
            if operations.iter().any(|operation| operation.state == OperationState::Asked) {
                return Err(StoreError::UnderWay);
            }
            let inverses = inverses(transaction, request)?;
            if operations.is_empty() && inverses.is_empty() {
                return Err(StoreError::Missing("request"));
            }
            let mut undone = Undone::default();
            let mut asks = Vec::new();
            for operation in operations.iter().rev() {
                asks.extend(clear_up(transaction, operation, &mut undone)?);
                forget(transaction, operation, &mut undone)?;
            }
            for inverse in inverses {
                match locate(transaction, inverse)? {
                    Ok(Some(ask)) => asks.push(ask),
                    Ok(None) => {}
                    Err(why) => undone.lost.push(why),
                }
            }
            transaction.execute("DELETE FROM done WHERE request = ?1", [request.0])?;
            if !asks.is_empty() {
                let id = open_request(transaction, &format!("undo: {words}"), request.0, now)?;
                let mut requested = Requested { id, operations: Vec::new(), changes: Vec::new() };
                for ask in &asks {
                    let (operation, changes) = ask_for(transaction, id, ask, now)?;
                    requested.operations.push(operation);
                    requested.changes.extend(changes);
                }
                undone.asked = collect(transaction, "WHERE request = ?1", [id.0])?;
                requested.changes.extend(carry_out(transaction, &requested.operations, now)?);
                undone.request = Some(requested);
            }
            Ok(undone)
        })
    }
}

/// Forgets an operation that has not reached the server.
fn forget(
    transaction: &Transaction<'_>,
    operation: &Operation,
    undone: &mut Undone,
) -> Result<(), StoreError> {
    if matches!(operation.intent, Intent::Create { .. }) {
        let needed: bool = transaction
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM operation WHERE id <> ?1 AND state IN ('waiting', 'asked') AND (mailbox = ?2
                     OR kind IN ('move', 'copy') AND json_extract(payload, '$.to') = ?2))",
            )?
            .query_row(params![operation.id.0, operation.mailbox.0], |row| row.get(0))?;
        if needed {
            undone.lost.push("the mailbox is needed: something is to be moved or copied there".to_owned());
            return Ok(());
        }
    }
    transaction.execute("DELETE FROM operation WHERE id = ?1", [operation.id.0])?;
    if matches!(operation.intent, Intent::Create { .. }) {
        // Known here only.
        transaction.execute("DELETE FROM mailbox WHERE id = ?1 AND pending = 1", [operation.mailbox.0])?;
    }
    if let Some(uid) = operation.uid {
        refold(transaction, operation.mailbox, uid.get())?;
    }
    undone.forgotten += 1;
    undone.changes.extend(changes(operation.mailbox, operation.message, &operation.intent));
    Ok(())
}

/// What takes back the half of a move that was done: its copy goes, and its mark.
fn clear_up(
    transaction: &Transaction<'_>,
    operation: &Operation,
    undone: &mut Undone,
) -> Result<Vec<Ask>, StoreError> {
    let mut find = transaction.prepare_cached(
        "SELECT mailbox.id, json_extract(payload, '$.copied.uid'), json_extract(payload, '$.copied.marked'),
             mailbox.uid_validity = json_extract(payload, '$.copied.validity') AND NOT mailbox.moved,
             EXISTS (SELECT 1 FROM entry WHERE entry.mailbox = mailbox.id
                 AND entry.uid = json_extract(payload, '$.copied.uid') AND entry.position = operation.position)
         FROM operation JOIN mailbox ON mailbox.id = json_extract(payload, '$.to')
         WHERE operation.id = ?1 AND kind = 'move' AND json_extract(payload, '$.copied') IS NOT NULL",
    )?;
    let read = |row: &Row<'_>| -> rusqlite::Result<(i64, u32, bool, bool, bool)> {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
    };
    let found = find.query_row([operation.id.0], read).optional()?;
    let Some((to, copy, marked, same, there)) = found else { return Ok(Vec::new()) };
    let mut asks = Vec::new();
    match (same, there) {
        (true, true) => {
            asks.push(Ask { mailbox: MailboxId(to), uid: Uid::new(copy), intent: Intent::Remove })
        }
        // Somebody has removed it.
        (true, false) => {}
        (false, _) => {
            undone.lost.push("a copy stays where the message was to go: its number changed".to_owned())
        }
    }
    let here = operation.uid.filter(|_| marked);
    if let Some(uid) = here {
        let held: bool = transaction
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM entry WHERE mailbox = ?1 AND uid = ?2)")?
            .query_row(params![operation.mailbox.0, uid.get()], |row| row.get(0))?;
        let remove: Flags = ["\\Deleted"].into_iter().collect();
        let intent = Intent::Flag { add: Flags::new(), remove };
        asks.extend(held.then_some(Ask { mailbox: operation.mailbox, uid: Some(uid), intent }));
    }
    Ok(asks)
}

/// What takes a request back, the last first.
fn inverses(transaction: &Transaction<'_>, request: RequestId) -> Result<Vec<Inverse>, StoreError> {
    let mut statement = transaction.prepare_cached(
        "SELECT mailbox, uid, position, kind, payload FROM done WHERE request = ?1 ORDER BY id DESC",
    )?;
    let mut rows = statement.query([request.0])?;
    let mut inverses = Vec::new();
    while let Some(row) = rows.next()? {
        let message = Some(MessageId(row.get(2)?)).filter(|message| message.0 != 0);
        let (kind, payload): (String, String) = (row.get(3)?, row.get(4)?);
        let intent = read_intent(&kind, &payload, message);
        if intent.is_none() && kind != "none" {
            return Err(StoreError::Damaged(format!("what takes back an operation: {kind} {payload}")));
        }
        inverses.push(Inverse {
            mailbox: MailboxId(row.get(0)?),
            uid: Uid::new(row.get(1)?),
            message,
            intent,
        });
    }
    Ok(inverses)
}

/// Finds the message where it is now. `None` when nothing is to be done, and the reason when nothing can be.
fn locate(
    transaction: &Transaction<'_>,
    inverse: Inverse,
) -> Result<Result<Option<Ask>, String>, StoreError> {
    let Inverse { mailbox, uid, message, intent } = inverse;
    let Some(intent) = intent else {
        return Ok(Err(
            "the server did not say where it put the message, or keeps no mailbox that was removed, or no more \
             than the beginning of the message was here"
                .to_owned(),
        ));
    };
    if matches!(&intent, Intent::Flag { add, remove } if add.names().next().is_none() && remove.names().next().is_none())
    {
        return Ok(Ok(None));
    }
    if intent == Intent::Delete {
        let total: i64 = transaction
            .prepare_cached("SELECT total FROM mailbox WHERE id = ?1")?
            .query_row([mailbox.0], |row| row.get(0))?;
        if total > 0 {
            return Ok(Err("the mailbox is not empty any more".to_owned()));
        }
    }
    let Some(message) = message.filter(|_| intent.is_of_entry()) else {
        return Ok(Ok(Some(Ask { mailbox, uid: None, intent })));
    };
    let mut find = transaction.prepare_cached(
        "SELECT entry.mailbox, entry.uid FROM entry JOIN mailbox ON mailbox.id = entry.mailbox
         WHERE entry.position = ?1
             AND mailbox.account = (SELECT account FROM mailbox WHERE id = ?2)
         ORDER BY entry.mailbox = ?2 AND entry.uid = ?3 DESC, entry.mailbox = ?2 DESC, entry.uid LIMIT 2",
    )?;
    let mut places: Vec<(i64, u32)> = find
        .query_map(params![message.0, mailbox.0, uid.map_or(0, Uid::get)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    let exact =
        places.first().is_some_and(|place| Some(place.1) == uid.map(Uid::get) && place.0 == mailbox.0);
    let here = places.first().is_some_and(|place| place.0 == mailbox.0);
    // To remove for good, it must be the very one.
    let certain = exact || (intent != Intent::Remove && (here || places.len() == 1));
    if !certain || places.is_empty() {
        return Ok(
            Err("the message is not where it was put: another program moved or removed it".to_owned()),
        );
    }
    let (mailbox, uid) = places.swap_remove(0);
    Ok(Ok(Some(Ask { mailbox: MailboxId(mailbox), uid: Uid::new(uid), intent })))
}
