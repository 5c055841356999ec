//! Mailboxes in one file (RFC 4155, and what programs have made of it), read and written as streams: no message is
//! whole in memory.
//!
//! Written is mboxrd: every line of a message that begins with `From `, with any number of `>` before it, gets one
//! more `>`. Before the message stand header lines of our own, in one fixed form, and the last of them is
//! `X-Status`; so they can be taken away again and what was written comes back octet by octet:
//!
//! ```text
//! From ann@example.org Tue Jan  2 10:00:00 2024
//! Content-Length: 12           only where the message does not end with a newline, which then is added
//! X-Keywords: $Forwarded       only where it has keywords
//! Status: RO
//! X-Status: AF
//! ```
//!
//! Read is what others write too: mboxo, in which `>>From ` is not quoted, when that is asked for; and a
//! `Content-Length` (mboxcl, mboxcl2) where it proves right: where it leads to the next `From ` line or the end.

mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::{Mbox, Taken, delivered_at};
pub use write::{Envelope, Quoting, is_mailbox};

use super::header::Header;
use crate::mail::Flags;

/// How lines that begin with `From ` are quoted within messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// One `>` goes before each of `From `, `>From `, `>>From `, and so on.
    #[default]
    Mboxrd,
    /// One `>` goes before `From ` alone. What was `>From ` before is not told from it.
    Mboxo,
}

/// The letters of X-Status, in the order in which they are written.
const LETTERS: [(char, &str); 4] =
    [('A', "\\Answered"), ('F', "\\Flagged"), ('T', "\\Draft"), ('D', "\\Deleted")];

/// The flags that a message's header tells: Status, X-Status and X-Keywords as Pine, mutt and Dovecot write them, and
/// X-Mozilla-Status.
#[must_use]
pub fn flags(header: &[u8]) -> Flags {
    let header = Header::read(header);
    let mut flags = Flags::new();
    for field in ["Status", "X-Status"] {
        for letter in header.unfolded(field).unwrap_or_default().chars() {
            if letter == 'R' && field == "Status" {
                flags.insert("\\Seen");
            }
            if let Some((_, name)) = LETTERS.iter().find(|(known, _)| *known == letter && field == "X-Status")
            {
                flags.insert(name);
            }
        }
    }
    for keyword in header.unfolded("X-Keywords").unwrap_or_default().split_whitespace() {
        // As in a flag-keyword (RFC 9051, section 9): an atom.
        if keyword.chars().all(|c| c.is_ascii_graphic() && !"(){%*\"\\]".contains(c)) {
            flags.insert(keyword);
        }
    }
    let mozilla = header.unfolded("X-Mozilla-Status").unwrap_or_default();
    let mozilla = u32::from_str_radix(mozilla.trim(), 16).unwrap_or(0);
    for (bit, name) in
        [(1, "\\Seen"), (2, "\\Answered"), (4, "\\Flagged"), (8, "\\Deleted"), (0x1000, "$Forwarded")]
    {
        if mozilla & bit != 0 {
            flags.insert(name);
        }
    }
    flags
}
