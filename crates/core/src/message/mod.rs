//! What a person sees of a message.
//!
//! Reading (RFC 5322, MIME) never fails and never changes bytes: everything here is a view, and what is
//! broken is shown as far as it goes. Depth, number and size of everything are bounded.

mod address;
mod charset;
mod clean;
mod compose;
mod date;
mod encode;
mod entities;
mod flowed;
mod freeze;
mod header;
mod html;
mod mime;
mod params;
mod reader;
mod reply;
mod skim;
mod summary;
mod template;
mod transfer;
mod words;

pub use clean::{clean, clean_line, file_name};
pub use compose::{Draft, File, Frozen, Moment};
pub use freeze::freeze;
pub use skim::Skim;
pub use template::TemplateError;

use crate::mail::Contact;
use serde::Serialize;

/// What a list shows of a message and what threads are built from; read from the header alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The decoded Subject on one line; empty when there is none.
    pub subject: String,
    /// From, decoded.
    pub from: Vec<Contact>,
    /// To, decoded.
    pub to: Vec<Contact>,
    /// Cc, decoded.
    pub cc: Vec<Contact>,
    /// The Date field in seconds since 1970 UTC, when it can be read.
    pub date: Option<i64>,
    /// The Message-ID without angle brackets.
    pub message_id: Option<String>,
    /// Message-IDs this one answers, oldest first: References, then In-Reply-To when not among them. At
    /// most 100: the first and the newest.
    pub references: Vec<String>,
}

/// What a search needs of a message; read from all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Searchable {
    /// The text a person reads.
    pub text: String,
    /// The names of its attachments.
    pub filenames: Vec<String>,
    /// How many attachments it has; pictures inside the text and signatures are not counted.
    pub attachments: u32,
    /// The first words of the text on one line, at most 200 characters.
    pub snippet: String,
}

/// A message as a person reads it. Its JSON form is part of the contract of `restante read --json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// The decoded Subject on one line; empty when there is none.
    pub subject: String,
    /// From, decoded.
    pub from: Vec<Contact>,
    /// To, decoded.
    pub to: Vec<Contact>,
    /// Cc, decoded.
    pub cc: Vec<Contact>,
    /// Bcc, decoded: only in messages one sent.
    pub bcc: Vec<Contact>,
    /// Reply-To, decoded.
    pub reply_to: Vec<Contact>,
    /// Sender, decoded.
    pub sender: Option<Contact>,
    /// The Date field in seconds since 1970 UTC, when it can be read.
    pub date: Option<i64>,
    /// The Message-ID without angle brackets.
    pub message_id: Option<String>,
    /// As in [`Summary::references`].
    pub references: Vec<String>,
    /// List-Id (RFC 2919).
    pub list_id: Option<String>,
    /// List-Unsubscribe (RFC 2369).
    pub list_unsubscribe: Option<String>,
    /// The topmost Authentication-Results (RFC 8601), verbatim: the last server on the way wrote it.
    pub auth: Option<String>,
    /// The text a person reads, lines parted by LF.
    pub text: String,
    /// The HTML part without anything that acts, loads or tracks, when there is one.
    pub html: Option<String>,
    /// Every part that is not a multipart, in order.
    pub parts: Vec<PartInfo>,
    /// What was found broken.
    pub damaged: Vec<Defect>,
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartInfo {
    /// The section path of IMAP (RFC 9051, section 6.4.5), as `2.1`.
    pub part: String,
    /// `type/subtype` in lower case.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name the sender gave, decoded and otherwise as it is: see [`file_name`].
    pub filename: Option<String>,
    /// The decoded size in bytes.
    pub size: usize,
    /// How the sender wants it shown, when that is said.
    pub disposition: Option<Disposition>,
    /// The Content-ID without angle brackets.
    pub cid: Option<String>,
}

/// How a part is to be shown (RFC 2183).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Disposition {
    /// With the text.
    Inline,
    /// Apart from it; also every word that is not known (section 2.8).
    Attachment,
}

/// One part taken out of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// A safe name for a file.
    pub filename: String,
    /// `type/subtype` in lower case.
    pub kind: String,
    /// The decoded bytes.
    pub bytes: Vec<u8>,
}

/// What can be broken in a message that is shown nevertheless. The names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Defect {
    /// Lines in a header that are no field.
    Header,
    /// No header at all.
    NoHeader,
    /// Characters that do not belong into base64, or too few of them.
    Base64,
    /// A `=` that starts no escape.
    QuotedPrintable,
    /// A charset that is unknown, or not the one used.
    Charset,
    /// A multipart without a boundary.
    NoBoundary,
    /// A multipart that does not end.
    Unclosed,
    /// Nested deeper than is followed; the rest is shown as text or as an attachment.
    TooDeep,
    /// More parts than are kept.
    TooManyParts,
}

/// Why a message cannot be sent as it is. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// A field holds a line end, NUL or another character that would break the header.
    #[error("{0} holds a line end or a control character")]
    ControlCharacter(&'static str),
    /// What is no address one can send to or from.
    #[error("{field}: `{address}` is not an address")]
    Address {
        /// The field it stands in.
        field: &'static str,
        /// The text.
        address: String,
    },
    /// A content type that is none.
    #[error("`{0}` is not a content type")]
    Kind(String),
    /// Nobody to send it to.
    #[error("the message has no recipients")]
    NoRecipients,
    /// A line longer than 998 bytes (RFC 5322, section 2.1.1).
    #[error("a line of the message is longer than 998 bytes, which mail does not carry")]
    LineTooLong,
}
