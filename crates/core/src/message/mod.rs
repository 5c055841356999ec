//! What a person sees of a message.
//!
//! Reading (RFC 5322, MIME) never fails and never changes bytes: everything here is a view, and what is
//! broken is shown as far as it goes. Depth, number and size of everything are bounded.

mod address;
mod charset;
mod date;
mod header;
mod params;
mod summary;
mod transfer;
mod words;

use crate::mail::Contact;

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
    /// Message-IDs this one answers, oldest first: References, then In-Reply-To when not among them.
    pub references: Vec<String>,
}

/// What a search needs of a message; read from all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Searchable {
    /// The text a person reads.
    pub text: String,
    /// The names of its attachments.
    pub filenames: Vec<String>,
    /// How many attachments it has.
    pub attachments: u32,
    /// The first words of the text on one line, at most 200 characters.
    pub snippet: String,
}
