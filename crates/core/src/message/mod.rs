//! What a person sees of a message.
//!
//! Reading (RFC 5322, MIME) never fails and never changes bytes: everything here is a view, and what is
//! broken is shown as far as it goes. Depth, number and size of everything are bounded.

mod address;
mod calendar;
mod charset;
mod clean;
mod cms;
mod compose;
mod date;
mod delivered;
pub mod document;
mod encode;
mod enriched;
mod entities;
mod flowed;
mod fold;
mod freeze;
mod header;
mod html;
pub mod mbox;
mod mime;
mod page;
mod params;
mod protection;
mod reader;
mod reply;
mod report;
mod results;
mod rtf;
mod safety;
mod skim;
mod style;
mod subject;
mod summary;
mod template;
mod tnef;
mod transfer;
mod words;

pub use clean::{clean, clean_line, file_name};
pub use compose::{Draft, File, Frozen, Moment};
pub use delivered::received_at;
pub use fold::{Passage, PassageKind, is_forward};
pub use freeze::freeze;
pub use page::{Note, Page};
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
    /// The names of all its parts that have one, shown with the text or not.
    pub filenames: Vec<String>,
    /// How many of its parts are attachments: see [`PartInfo::attachment`].
    pub attachments: u32,
    /// The first words of the text on one line, at most 200 characters.
    pub snippet: String,
    /// The name and the address of the mailing list: List-Id (RFC 2919). Empty when there is none.
    pub list: String,
    /// Whether the text holds a link to the web.
    pub has_link: bool,
    /// Whether it has an invitation or another calendar object (RFC 5545), not counting attached messages.
    pub has_invite: bool,
    /// What stands in its attachments, when that is asked for.
    pub documents: String,
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
    /// The Date field as it stands, when it cannot.
    pub date_text: Option<String>,
    /// The Message-ID without angle brackets.
    pub message_id: Option<String>,
    /// As in [`Summary::references`].
    pub references: Vec<String>,
    /// List-Id (RFC 2919).
    pub list_id: Option<String>,
    /// List-Unsubscribe (RFC 2369).
    pub list_unsubscribe: Option<String>,
    /// The own provider's Authentication-Results (RFC 8601), verbatim; what others wrote under that name is not
    /// here.
    pub auth: Option<String>,
    /// The same, taken apart.
    pub authentication: Option<Authentication>,
    /// The text a person reads, lines parted by LF.
    pub text: String,
    /// The part with a plain text that is not shown, because the HTML says more, and has addresses or numbers that are
    /// not in it, or many words.
    pub other_text: Option<String>,
    /// The HTML part without anything that acts, loads or tracks, when there is one.
    pub html: Option<String>,
    /// Every part that is not a multipart, in order.
    pub parts: Vec<PartInfo>,
    /// What was found broken.
    pub damaged: Vec<Defect>,
    /// What may deceive a reader.
    pub warnings: Vec<Warning>,
    /// How the message is signed or encrypted; nothing of it was verified.
    pub protection: Vec<Protection>,
    /// What became of a message sent before (RFC 3464).
    pub report: Option<Report>,
    /// That a message sent before was opened, or not (RFC 8098).
    pub receipt: Option<Receipt>,
    /// Events of the calendars in it (RFC 5545), at most 20.
    pub events: Vec<Event>,
}

/// The results of the own provider's checks (RFC 8601). A result is a word in lower case as `pass`, `fail` or
/// `none`; `None` when that check is not named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Authentication {
    /// The server that checked; empty where the provider names none.
    pub server: String,
    /// Whether the sending server may send for the domain of the envelope (RFC 7208).
    pub spf: Option<String>,
    /// Whether a signature holds (RFC 6376).
    pub dkim: Option<String>,
    /// Whether one of the two is in the name of the domain in From (RFC 7489).
    pub dmarc: Option<String>,
}

/// Something in a message that may deceive its reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// What it is.
    pub kind: WarningKind,
    /// Where it is: `from`, `reply-to`, `sender`, `subject`, `attachment` or `link`.
    pub place: &'static str,
    /// What a reader sees.
    pub shown: String,
    /// What it is in truth: an address, a domain or a host; may be empty.
    pub actual: String,
}

/// Kinds of [`Warning`]. The names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WarningKind {
    /// A display name contains another address than the one behind it.
    NameShowsAnotherAddress,
    /// A word mixes scripts whose letters look alike (Unicode TR 39).
    MixedScripts,
    /// A domain is written with foreign letters and reads as another one (Unicode TR 39).
    LookAlikeDomain,
    /// A link's text names another host than the one it leads to.
    LinkShowsAnotherHost,
    /// Characters that reorder or hide others.
    HiddenCharacters,
    /// An answer goes to another domain than the one the message says it is from; not told of mailing lists.
    AnswerGoesElsewhere,
}

/// How a part is protected; not verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Protection {
    /// Signed or encrypted.
    pub state: Protected,
    /// By which standard.
    pub method: ProtectionMethod,
    /// The part that is the signature or the encrypted content; of inline PGP the one with the text.
    pub part: String,
    /// Always `false`: restante does not verify.
    pub verified: bool,
}

/// What [`Protection`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protected {
    /// Everybody may read it.
    Signed,
    /// Only who has the key may read it.
    Encrypted,
}

/// The standard behind a [`Protection`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProtectionMethod {
    /// RFC 3156.
    PgpMime,
    /// Armour in the text itself (RFC 9580).
    PgpInline,
    /// RFC 8551.
    SMime,
}

/// A delivery report (RFC 3464).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The server that reports.
    pub server: Option<String>,
    /// What became of the message, for each recipient; at most 100.
    pub recipients: Vec<RecipientStatus>,
}

/// What became of a message for one recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecipientStatus {
    /// Who.
    pub address: String,
    /// `failed`, `delayed`, `delivered`, `relayed` or `expanded`, or the sender's own word.
    pub action: String,
    /// The status code (RFC 3463), as `5.1.1`.
    pub status: Option<String>,
    /// What the code says, in words.
    pub why: String,
    /// What to do; may be empty.
    pub advice: String,
    /// The server that decided.
    pub server: Option<String>,
    /// That server's own words.
    pub reply: Option<String>,
    /// How long it is still tried, as the server wrote it.
    pub retry_until: Option<String>,
}

/// A read receipt (RFC 8098).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// Whose; may be empty.
    pub address: String,
    /// `displayed`, `deleted`, `dispatched`, `processed`, `denied` or `failed`, or the sender's own word.
    pub disposition: String,
    /// Whether a program sent it without asking.
    pub is_automatic: bool,
    /// The message it is about, without angle brackets.
    pub message_id: Option<String>,
}

/// An event of a calendar (RFC 5545).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Event {
    /// What is asked (RFC 5546), as `request`, `cancel` or `reply`; may be empty.
    pub method: String,
    /// The title.
    pub summary: String,
    /// `2024-03-05T10:00`, or the date alone of whole days; in `zone`.
    pub start: Option<String>,
    /// The same of the end; of whole days the day after the last one.
    pub end: Option<String>,
    /// In words, where no end is given.
    pub duration: Option<String>,
    /// `UTC` or a name as `Europe/Berlin`; `None` means the reader's own time, wherever that is.
    pub zone: Option<String>,
    /// The rule of recurrence in words.
    pub repeats: Option<String>,
    /// Where.
    pub location: Option<String>,
    /// What else is said.
    pub description: Option<String>,
    /// `confirmed`, `tentative` or `cancelled`.
    pub status: Option<String>,
    /// Who invites.
    pub organizer: Option<Contact>,
    /// Who is invited; at most 500.
    pub guests: Vec<Contact>,
    /// The guests' answers in their order, as `accepted`; empty where there is none.
    pub answers: Vec<String>,
    /// What names the event in later messages.
    pub uid: Option<String>,
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartInfo {
    /// The section path of IMAP (RFC 9051, section 6.4.5), as `2.1`. What is inside an encoded message, a
    /// `winmail.dat` or a signature is numbered on from it; no server knows these.
    pub part: String,
    /// `type/subtype` in lower case.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name the sender gave, decoded and otherwise as it is: see [`file_name`].
    pub filename: Option<String>,
    /// The decoded size in bytes.
    pub size: usize,
    /// Whether a person would call it an attachment, named or not: what is neither the text, nor a picture inside
    /// it, nor a signature, nor a container that was opened. Text that is shown is one too when it has a file name.
    pub attachment: bool,
    /// Only its beginning was read, and `size` is of that: there is more of it.
    pub cut: bool,
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
    /// A header that is longer, or has more fields, than is looked at; the rest is not shown.
    HeaderTooLarge,
    /// More text than is shown.
    TextTooLarge,
    /// A content transfer encoding that is unknown: the content is shown as it came.
    Encoding,
    /// A field that may stand once stands there more than once; the first counts.
    DuplicateField,
    /// A Date that cannot be read.
    Date,
    /// A `winmail.dat` that ends early or is none.
    Tnef,
    /// An S/MIME part that ends early, or is none.
    SMime,
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
