//! What became of a message whose last reply never came: some providers file by themselves what they take.

use super::{copies, header, sent_among};
use crate::error::Error;
use crate::imap::Connection;
use crate::sync::{self, Keeper};
use restante_core::diagnosis::Verdict;
use restante_core::imap::Event;
use restante_core::imap::wire::{BodyContent, Command, Response};
use restante_core::mail::MailboxName;
use restante_core::submission::{self, State};
use restante_store::{AccountId, Submission};

/// Octets of Received fields that are looked at.
const FIELDS: usize = 64 * 1024;
/// What is said of a recipient then.
const FOUND: &str = "no reply came, but a copy that went through the server is in Sent: it took the message";

/// Looks in the Sent mailbox for an account's messages whose fate is unknown, and gives those of which a copy is there
/// that went through a server: they were accepted. It has one Received field more than what was sent (RFC 5321, section
/// 4.4); a copy without it may be the mail program's own, filed before or after it handed the message over, and proves
/// nothing. What is not there stays unknown, because not every server files what it takes; nothing is sent again.
/// `connection` is logged in.
///
/// # Errors
/// When the connection breaks, or the store cannot be written.
pub async fn look_for_unknown(
    connection: &mut Connection,
    keeper: &Keeper,
    account: AccountId,
) -> Result<Vec<Submission>, Error> {
    let mut rows = keeper.with(move |store| store.view().outbox(Some(account))).await?;
    // Of one that was taken for others before, the copy may be our own.
    let own = |row: &Submission| row.filed || row.recipients.iter().any(|r| r.state == State::Accepted);
    rows.retain(|row| row.state == State::Unknown && !own(row));
    if rows.is_empty() {
        return Ok(rows);
    }
    let mailboxes = sync::mailboxes(connection, keeper, account).await?;
    let Some(sent) = sent_among(&mailboxes) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for mut row in rows {
        if row.message_id.is_empty() {
            continue;
        }
        let id = row.id;
        let own = keeper.with(move |store| store.view().submission_content(id)).await?;
        match went_through(connection, &sent, &row.message_id, received(header(&own))).await {
            Ok(true) => {}
            Ok(false) => continue,
            // A server that lets nobody look leaves it unknown.
            Err(Error::Finding(finding)) if finding.verdict != Verdict::ConnectionLost => continue,
            Err(error) => return Err(error),
        }
        for recipient in row.recipients.iter_mut().filter(|recipient| recipient.state == State::Unknown) {
            recipient.state = State::Accepted;
            FOUND.clone_into(&mut recipient.reply);
        }
        row.state = submission::whole(&row.recipients);
        FOUND.clone_into(&mut row.reply);
        row.filed = true;
        let saved = row.clone();
        keeper.with(move |store| store.desk().set_submission(&saved)).await?;
        found.push(row);
    }
    Ok(found)
}

/// Whether there is a copy of this message with more Received fields than `own`.
async fn went_through(
    connection: &mut Connection,
    sent: &MailboxName,
    message_id: &str,
    own: usize,
) -> Result<bool, Error> {
    let copies = copies(connection, sent, message_id).await?;
    if copies.is_empty() {
        return Ok(false);
    }
    let (mut fields, mut found) = (Vec::new(), false);
    let command = Command::new("UID FETCH").uids(&copies).raw("(UID BODY.PEEK[HEADER.FIELDS (RECEIVED)])");
    connection
        .ok(command, |event| {
            match event {
                Event::BodyStart { .. } => fields.clear(),
                Event::BodyChunk(bytes) if fields.len() < FIELDS => fields.extend_from_slice(bytes),
                Event::Untagged(Response::Fetch(row)) => {
                    if let Some(BodyContent::Quoted(bytes)) = &row.body {
                        fields.clone_from(bytes);
                    }
                    let asked = row.uid.is_some_and(|uid| copies.contains(uid));
                    found |= asked && row.body.is_some() && received(&fields) > own;
                    fields.clear();
                }
                _ => {}
            }
            Ok(())
        })
        .await?;
    Ok(found)
}

/// How many Received fields a header has.
fn received(header: &[u8]) -> usize {
    let name = b"received:";
    let is_one = |line: &&[u8]| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    header.split(|byte| *byte == b'\n').filter(is_one).count()
}
