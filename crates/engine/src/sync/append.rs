//! Adding a message to a mailbox, whatever is in its header.

use crate::error::Error;
use crate::imap::{Completion, Connection};
use restante_core::imap::Event;
use restante_core::imap::wire::{Command, Status};

/// Sends an APPEND that lacks nothing but its message. With UTF8=ACCEPT enabled, one with UTF-8 in its header is marked
/// as such (RFC 6855, section 4). RFC 9755 took the mark away, and a server that follows it may not know it any more:
/// after a `BAD` the message is sent as any other.
pub(crate) async fn append(
    connection: &mut Connection,
    command: Command,
    message: Vec<u8>,
    mut on: impl FnMut(Event<'_>) -> Result<(), Error>,
) -> Result<Completion, Error> {
    let session = connection.session();
    if session.utf8() && !session.rev2() && !header(&message).is_ascii() {
        let marked = command.clone().utf8_message(message.clone());
        let completion = connection.run(marked, &mut on).await?;
        if completion.status != Status::Bad {
            return Ok(completion);
        }
    }
    connection.run(command.literal(message), on).await
}

/// The header of a message, with the empty line where there is one.
fn header(message: &[u8]) -> &[u8] {
    let end = message.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(message.len());
    message.get(..end).unwrap_or_default()
}
