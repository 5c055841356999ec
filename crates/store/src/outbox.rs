//! The outbox: frozen messages on their way, on disk before a call returns.

use crate::{AccountId, Desk, Store, StoreError, SubmissionId, View};
use restante_core::submission::{Recipient, State};
use rusqlite::{Connection, Row, Transaction, params};

/// A message to send, fixed for good.
#[derive(Clone, Debug)]
pub struct NewSubmission {
    /// Whose it is.
    pub account: AccountId,
    /// For `MAIL FROM`.
    pub sender: String,
    /// For `RCPT TO`, in order.
    pub recipients: Vec<String>,
    /// The Message-ID without angle brackets.
    pub message_id: String,
    /// Every octet to send.
    pub content: Vec<u8>,
    /// When the person sent it.
    pub created: i64,
    /// Not to be tried before this time.
    pub not_before: i64,
}

/// A submission without its octets, which [`View::submission_content`] reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Its identity.
    pub id: SubmissionId,
    /// Whose it is.
    pub account: AccountId,
    /// For `MAIL FROM`.
    pub sender: String,
    /// The Message-ID without angle brackets.
    pub message_id: String,
    /// Octets of the content.
    pub size: u64,
    /// When the person sent it.
    pub created: i64,
    /// Where it stands.
    pub state: State,
    /// How often it was tried.
    pub attempts: u32,
    /// Not to be tried before this time.
    pub next_attempt: i64,
    /// The server's last words about the whole of it; empty before there were any.
    pub reply: String,
    /// Whether a copy is in the Sent mailbox.
    pub filed: bool,
    /// Each recipient and what the server said of it.
    pub recipients: Vec<Recipient>,
}

const SELECT: &str = "SELECT id, account, sender, message_id, length(content), created, state, attempts,
    next_attempt, reply, filed FROM submission";

impl View {
    /// The submissions of an account, or of all, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn outbox(&self, account: Option<AccountId>) -> Result<Vec<Submission>, StoreError> {
        let sql = format!("{SELECT} WHERE ?1 = 0 OR account = ?1 ORDER BY id");
        collect(&self.conn, &sql, account.map_or(0, |account| account.0))
    }

    /// The submissions to be tried at `now`: queued or deferred, and their time has come; oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn due(&self, now: i64) -> Result<Vec<Submission>, StoreError> {
        let sql =
            format!("{SELECT} WHERE state IN ('queued', 'deferred') AND next_attempt <= ?1 ORDER BY id");
        collect(&self.conn, &sql, now)
    }

    /// One submission.
    ///
    /// # Errors
    /// There is no such submission.
    pub fn submission(&self, submission: SubmissionId) -> Result<Submission, StoreError> {
        let found = collect(&self.conn, &format!("{SELECT} WHERE id = ?1"), submission.0)?;
        found.into_iter().next().ok_or(StoreError::Missing("submission"))
    }

    /// The octets of a submission.
    ///
    /// # Errors
    /// There is no such submission.
    pub fn submission_content(&self, submission: SubmissionId) -> Result<Vec<u8>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT content FROM submission WHERE id = ?1")?;
        let mut rows = statement.query([submission.0])?;
        let row = rows.next()?.ok_or(StoreError::Missing("submission"))?;
        Ok(row.get(0)?)
    }
}

impl Desk {
    /// Freezes a message and queues it.
    ///
    /// # Errors
    /// The database cannot be written; then nothing was queued.
    pub fn enqueue(&mut self, new: &NewSubmission) -> Result<SubmissionId, StoreError> {
        self.write_durably(|transaction| {
            transaction.execute(
                "INSERT INTO submission (account, sender, message_id, content, state, attempts, created,
                     next_attempt, reply, filed)
                 VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, '', 0)",
                params![
                    new.account.0,
                    new.sender,
                    new.message_id,
                    new.content,
                    State::Queued.as_str(),
                    new.created,
                    new.not_before
                ],
            )?;
            let id = SubmissionId(transaction.last_insert_rowid());
            let recipients: Vec<_> = new.recipients.iter().map(Recipient::queued).collect();
            put_recipients(transaction, id, &recipients)?;
            Ok(id)
        })
    }

    /// Saves where a submission stands: its state, attempts, next attempt, reply, whether it is filed,
    /// and its recipients. What was frozen stays as it is.
    ///
    /// To keep the promise that nothing is sent twice, save [`State::Unknown`] before the final dot: a
    /// submission found in [`State::Sending`] after a crash goes back to the queue.
    ///
    /// # Errors
    /// There is no such submission.
    pub fn set_submission(&mut self, submission: &Submission) -> Result<(), StoreError> {
        self.write_durably(|transaction| {
            let altered = transaction.execute(
                "UPDATE submission SET state = ?2, attempts = ?3, next_attempt = ?4, reply = ?5, filed = ?6
                 WHERE id = ?1",
                params![
                    submission.id.0,
                    submission.state.as_str(),
                    submission.attempts,
                    submission.next_attempt,
                    submission.reply,
                    submission.filed
                ],
            )?;
            if altered == 0 {
                return Err(StoreError::Missing("submission"));
            }
            put_recipients(transaction, submission.id, &submission.recipients)
        })
    }

    /// Removes a submission, whatever its state.
    ///
    /// # Errors
    /// There is no such submission.
    pub fn remove_submission(&mut self, submission: SubmissionId) -> Result<(), StoreError> {
        self.write_durably(|transaction| {
            match transaction.execute("DELETE FROM submission WHERE id = ?1", [submission.0])? {
                0 => Err(StoreError::Missing("submission")),
                _ => Ok(()),
            }
        })
    }
}

impl Store {
    /// What a process left in the middle of sending, with nothing final sent, goes back to the queue.
    pub(crate) fn recover_outbox(&mut self) -> Result<(), StoreError> {
        self.write(|transaction| {
            let words = [State::Queued.as_str(), State::Sending.as_str()];
            transaction.execute("UPDATE submission SET state = ?1 WHERE state = ?2", words)?;
            transaction.execute("UPDATE submission_recipient SET state = ?1 WHERE state = ?2", words)?;
            Ok(())
        })
    }
}

fn put_recipients(
    transaction: &Transaction<'_>,
    id: SubmissionId,
    recipients: &[Recipient],
) -> Result<(), StoreError> {
    transaction.execute("DELETE FROM submission_recipient WHERE submission = ?1", [id.0])?;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO submission_recipient (submission, number, address, state, reply)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (number, recipient) in (0_i64..).zip(recipients) {
        let state = recipient.state.as_str();
        insert.execute(params![id.0, number, recipient.address, state, recipient.reply])?;
    }
    Ok(())
}

fn collect(conn: &Connection, sql: &str, argument: i64) -> Result<Vec<Submission>, StoreError> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([argument])?;
    let mut submissions = Vec::new();
    while let Some(row) = rows.next()? {
        let id = SubmissionId(row.get(0)?);
        submissions.push(Submission {
            id,
            account: AccountId(row.get(1)?),
            sender: row.get(2)?,
            message_id: row.get(3)?,
            size: row.get(4)?,
            created: row.get(5)?,
            state: state(row, 6)?,
            attempts: row.get(7)?,
            next_attempt: row.get(8)?,
            reply: row.get(9)?,
            filed: row.get(10)?,
            recipients: recipients(conn, id)?,
        });
    }
    Ok(submissions)
}

fn recipients(conn: &Connection, id: SubmissionId) -> Result<Vec<Recipient>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT address, state, reply FROM submission_recipient WHERE submission = ?1 ORDER BY number",
    )?;
    let mut rows = statement.query([id.0])?;
    let mut recipients = Vec::new();
    while let Some(row) = rows.next()? {
        recipients.push(Recipient { address: row.get(0)?, state: state(row, 1)?, reply: row.get(2)? });
    }
    Ok(recipients)
}

fn state(row: &Row<'_>, column: usize) -> Result<State, StoreError> {
    let word: String = row.get(column)?;
    State::from_word(&word).ok_or_else(|| StoreError::Damaged(format!("the submission state {word}")))
}
