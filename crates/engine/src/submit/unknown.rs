//! What became of a message whose last reply never came: some providers file by themselves what they take.

use super::{is_there, sent_among};
use crate::error::Error;
use crate::imap::Connection;
use crate::sync::{self, Keeper};
use restante_core::diagnosis::Verdict;
use restante_core::submission::{self, State};
use restante_store::{AccountId, Submission};

/// What is said of a recipient then.
const FOUND: &str = "no reply came, but the message is in Sent: the server took it";

/// Looks in the Sent mailbox for an account's messages whose fate is unknown, and gives those that are there: they
/// were accepted. What is not there stays unknown, because not every server files what it takes; nothing is sent
/// again. `connection` is logged in.
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
        match is_there(connection, &sent, &row.message_id).await {
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
