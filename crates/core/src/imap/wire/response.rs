//! Server responses (RFC 9051, section 7).

use super::code::{self, Code};
use super::cursor::{Cursor, Malformed, Parsed, Text, parse_number};
use super::fetch::{self, FetchRow};
use super::mailbox::{self, ListEntry, MailboxStatus, Namespaces, Resource};
use super::quirk::Quirk;
use super::search::{self, ESearch};
use super::uids;
use crate::imap::Capabilities;
use crate::mail::{Flags, MailboxName, Uid, UidSet};

/// How a status response judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// `OK`
    Ok,
    /// `NO`: the server could not, or would not.
    No,
    /// `BAD`: the server did not understand.
    Bad,
    /// `PREAUTH`: authenticated from the start.
    PreAuth,
    /// `BYE`: the server closes.
    Bye,
}

/// One response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// The completion of a command, or with no tag a status of its own.
    Status {
        /// The command's tag; `None` for an untagged status.
        tag: Option<String>,
        /// Its judgement.
        status: Status,
        /// The code in brackets.
        code: Option<Code>,
        /// The text for people, as sent; octets that are no UTF-8 are replaced.
        text: String,
    },
    /// `+`: the server waits for the rest of a command.
    Continue {
        /// What follows the plus: a SASL challenge in base64, or text for people.
        text: String,
    },
    /// `CAPABILITY`
    Capability(Capabilities),
    /// `ENABLED` (RFC 5161)
    Enabled(Capabilities),
    /// `LIST`, `LSUB`
    List(ListEntry),
    /// `STATUS`
    MailboxStatus(MailboxStatus),
    /// `NAMESPACE` (RFC 2342)
    Namespace(Namespaces),
    /// `QUOTA` (RFC 9208)
    Quota {
        /// The quota root's name, often empty.
        root: String,
        /// What it limits.
        resources: Vec<Resource>,
    },
    /// `QUOTAROOT` (RFC 9208)
    QuotaRoot {
        /// Which mailbox.
        mailbox: MailboxName,
        /// The roots that limit it.
        roots: Vec<String>,
    },
    /// `SEARCH`: numbers in the server's order, zeros dropped.
    Search(Vec<u32>),
    /// `ESEARCH` (RFC 4731)
    ESearch(ESearch),
    /// `FLAGS`: those the mailbox knows.
    Flags(Flags),
    /// `EXISTS`: how many messages the mailbox has.
    Exists(u32),
    /// `RECENT` (RFC 3501 only): means nothing to a client that keeps its own state.
    Recent(u32),
    /// `EXPUNGE`: a sequence number is gone. Never identity; only a reason to look.
    Expunge(u32),
    /// `VANISHED` (RFC 7162): messages are gone.
    Vanished {
        /// It answers QRESYNC or a `VANISHED` fetch, and is no news about the open mailbox.
        earlier: bool,
        /// Which. May name UIDs that never were.
        uids: UidSet,
    },
    /// `FETCH`, `UIDFETCH`
    Fetch(FetchRow),
    /// `ID` (RFC 2971): pairs as sent.
    Id(Vec<(String, String)>),
    /// Anything else, skipped: its first words and, for a diagnosis, the whole line.
    Unknown {
        /// The line, octets that are no UTF-8 replaced; at most 1,000 octets of it.
        line: String,
    },
}

/// What a response turns out to be from its first words, as far as its literals are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It ends in text for people, so that a `{5}` at its end is no literal.
    Text,
    /// A FETCH row.
    Fetch,
    Other,
}

impl Kind {
    pub(super) fn of(response: &[u8]) -> Self {
        let mut words = response.split(|b| matches!(b, b' ' | b'\r' | b'\n')).filter(|word| !word.is_empty());
        let (Some(first), Some(second)) = (words.next(), words.next()) else {
            return if response.starts_with(b"+") { Self::Text } else { Self::Other };
        };
        if first == b"+" || status_word(second).is_some() {
            return Self::Text;
        }
        let is_number = first == b"*" && parse_number(second).is_some();
        match words.next() {
            Some(name)
                if is_number
                    && (name.eq_ignore_ascii_case(b"FETCH") || name.eq_ignore_ascii_case(b"UIDFETCH")) =>
            {
                Self::Fetch
            }
            _ => Self::Other,
        }
    }
}

/// Reads a whole response. Never fails: what is not understood is [`Response::Unknown`].
pub(super) fn read(cursor: &mut Cursor<'_>) -> Response {
    let line = cursor.rest();
    parse(cursor).unwrap_or_else(|Malformed| {
        cursor.note(Quirk::Unknown);
        Response::Unknown { line: lossy(line.get(..1000).unwrap_or(line)) }
    })
}

fn parse(cursor: &mut Cursor<'_>) -> Parsed<Response> {
    if cursor.take(b'+') {
        cursor.extra_spaces_quietly();
        return Ok(Response::Continue { text: lossy(cursor.rest()) });
    }
    if cursor.peek() == Some(b'[') {
        return bare_code(cursor);
    }
    let tag = cursor.atom()?;
    let tag = if tag == b"*" { None } else { Some(lossy(tag)) };
    cursor.space()?;
    let word = cursor.atom()?;
    if let Some(status) = status_word(word) {
        cursor.extra_spaces_quietly();
        let (code, text) = code::status_text(cursor);
        return Ok(Response::Status { tag, status, code, text });
    }
    if tag.is_some() {
        return Err(Malformed);
    }
    if let Some(number) = parse_number(word) {
        cursor.space()?;
        return numbered(cursor, number);
    }
    match word.to_ascii_uppercase().as_slice() {
        b"CAPABILITY" => capabilities(cursor).map(Response::Capability),
        b"ENABLED" => capabilities(cursor).map(Response::Enabled),
        b"LIST" | b"LSUB" | b"XLIST" => mailbox::list(cursor).map(Response::List),
        b"STATUS" => mailbox::status(cursor).map(Response::MailboxStatus),
        b"NAMESPACE" => mailbox::namespaces(cursor).map(Response::Namespace),
        b"QUOTA" => mailbox::quota(cursor).map(|(root, resources)| Response::Quota { root, resources }),
        b"QUOTAROOT" => {
            mailbox::quota_root(cursor).map(|(mailbox, roots)| Response::QuotaRoot { mailbox, roots })
        }
        b"SEARCH" => Ok(Response::Search(search::search(cursor))),
        b"ESEARCH" => search::esearch(cursor).map(Response::ESearch),
        b"FLAGS" => {
            cursor.space()?;
            fetch::flag_list(cursor).map(Response::Flags)
        }
        b"VANISHED" => vanished(cursor),
        b"ID" => id(cursor),
        _ => Err(Malformed),
    }
}

/// Exchange tells where a moved message went in a line that has the code and nothing else.
fn bare_code(cursor: &mut Cursor<'_>) -> Parsed<Response> {
    let (code, text) = code::status_text(cursor);
    if !matches!(code, Some(Code::CopyUid(..) | Code::AppendUid(..))) {
        return Err(Malformed);
    }
    cursor.note(Quirk::BareCode);
    Ok(Response::Status { tag: None, status: Status::Ok, code, text })
}

fn numbered(cursor: &mut Cursor<'_>, number: u64) -> Parsed<Response> {
    let name = cursor.atom()?;
    let count = || u32::try_from(number).map_err(|_| Malformed);
    match name.to_ascii_uppercase().as_slice() {
        b"EXISTS" => Ok(Response::Exists(count()?)),
        b"EXPUNGE" => Ok(Response::Expunge(count()?)),
        b"RECENT" => Ok(Response::Recent(count()?)),
        b"FETCH" => fetch::read(cursor, None).map(Response::Fetch),
        // RFC 9586: the number is the UID.
        b"UIDFETCH" => fetch::read(cursor, Some(Uid::new(count()?).ok_or(Malformed)?)).map(Response::Fetch),
        _ => Err(Malformed),
    }
}

fn status_word(word: &[u8]) -> Option<Status> {
    const WORDS: [(&[u8], Status); 5] = [
        (b"OK", Status::Ok),
        (b"NO", Status::No),
        (b"BAD", Status::Bad),
        (b"PREAUTH", Status::PreAuth),
        (b"BYE", Status::Bye),
    ];
    WORDS.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, status)| status)
}

pub(super) fn words(text: &[u8]) -> impl Iterator<Item = &str> {
    text.split(|b| *b == b' ').filter_map(|word| std::str::from_utf8(word).ok()).filter(|w| !w.is_empty())
}

/// `capability-data = "CAPABILITY" *(SP capability) ...`. No capability has a quotation mark or a parenthesis: what
/// has is another response under this name, and must not replace what is known (sohu.com answers NAMESPACE so).
fn capabilities(cursor: &mut Cursor<'_>) -> Parsed<Capabilities> {
    let rest = cursor.rest();
    if rest.iter().any(|b| matches!(b, b'"' | b'(' | b')')) {
        return Err(Malformed);
    }
    Ok(words(rest).collect())
}

/// `"VANISHED" [SP "(EARLIER)"] SP known-uids`
fn vanished(cursor: &mut Cursor<'_>) -> Parsed<Response> {
    cursor.space()?;
    let earlier = cursor.rest().get(..9).is_some_and(|word| word.eq_ignore_ascii_case(b"(EARLIER)"));
    if earlier {
        cursor.skip_value()?;
        if !cursor.take(b' ') {
            cursor.note(Quirk::MissingSpace);
        }
        cursor.extra_spaces();
    }
    let uids = uids::lenient(cursor.rest(), cursor);
    Ok(Response::Vanished { earlier, uids })
}

/// `"ID" SP ("(" *(string SP nstring) ")" / nil)`
fn id(cursor: &mut Cursor<'_>) -> Parsed<Response> {
    cursor.space()?;
    let mut pairs = Vec::new();
    if !cursor.take(b'(') {
        return Ok(Response::Id(pairs));
    }
    loop {
        cursor.extra_spaces_quietly();
        if cursor.take(b')') || cursor.is_end() {
            return Ok(Response::Id(pairs));
        }
        let key = lossy(&cursor.string()?);
        cursor.space()?;
        if let Text::Bytes(value) = cursor.text()? {
            pairs.push((key, lossy(&value)));
        }
    }
}

pub(super) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
