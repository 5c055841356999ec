//! Adding a message to a mailbox, whatever is in its header.

use crate::error::Error;
use crate::imap::{Completion, Connection, Content};
use restante_core::imap::Event;
use restante_core::imap::wire::{Command, Status};
use std::io::{self, Read};

/// Octets in which the end of a header is looked for.
const HEADER: usize = 256 * 1024;

/// Sends an APPEND that lacks nothing but its message, which `open` gives, each time from its first octet. With
/// UTF8=ACCEPT enabled, one with UTF-8 in its header (`plain` is false) is marked as such (RFC 6855, section 4). RFC 9755
/// took the mark away, and a server that follows it may not know it any more: after a `BAD` the message is sent as any
/// other.
pub(crate) async fn append(
    connection: &mut Connection,
    command: Command,
    plain: bool,
    mut open: impl AsyncFnMut() -> Result<Content, Error>,
    mut on: impl FnMut(Event<'_>) -> Result<(), Error>,
) -> Result<Completion, Error> {
    let session = connection.session();
    if session.utf8() && !session.rev2() && !plain {
        let content = open().await?;
        let marked = command.clone().utf8_message(content.size());
        let completion = connection.run_with(marked, content, &mut on).await?;
        if completion.status != Status::Bad {
            return Ok(completion);
        }
    }
    let content = open().await?;
    connection.run_with(command.message(content.size()), content, on).await
}

/// Whether a message's header is ASCII alone. Reads to the end, so that a message that cannot be read is known before a
/// server waits for it.
///
/// # Errors
/// It cannot be read.
pub(crate) fn is_plain(mut message: impl Read) -> io::Result<bool> {
    let mut beginning = Vec::new();
    message.by_ref().take(HEADER as u64).read_to_end(&mut beginning)?;
    io::copy(&mut message, &mut io::sink())?;
    Ok(header(&beginning).is_ascii())
}

/// The header of a message, with the empty line where there is one.
fn header(message: &[u8]) -> &[u8] {
    let end = message.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(message.len());
    message.get(..end).unwrap_or_default()
}
