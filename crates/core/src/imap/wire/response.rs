//! Server responses (RFC 9051, section 7).

use super::cursor::{Cursor, Malformed, Parsed, Text, parse_number};
use super::decode_name;
use super::fetch::{self, FetchRow};
use super::quirk::Quirk;
use crate::imap::Capabilities;
use crate::mail::{Flags, Mailbox, MailboxName, ModSeq, SpecialUse, Uid, UidSet, UidValidity};

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

/// A response code (RFC 9051, section 7.1) that something acts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// `APPENDUID` (RFC 4315)
    AppendUid(UidValidity, UidSet),
    /// `CAPABILITY`
    Capability(Capabilities),
    /// `COPYUID` (RFC 4315): validity of the target, source UIDs, target UIDs.
    CopyUid(UidValidity, UidSet, UidSet),
    /// `HIGHESTMODSEQ` (RFC 7162)
    HighestModSeq(ModSeq),
    /// `NOMODSEQ`: the mailbox keeps no modification sequences.
    NoModSeq,
    /// `READ-ONLY`
    ReadOnly,
    /// `UIDNEXT`
    UidNext(u32),
    /// `UIDVALIDITY`
    UidValidity(UidValidity),
    /// Any other code, upper-cased, and its arguments as sent.
    Other(String, String),
}

impl Code {
    /// The code as the server wrote it where its arguments are not read, as `REFERRAL imap://…`, else its name.
    #[must_use]
    pub fn written(&self) -> String {
        match self {
            Self::Other(name, arguments) if !arguments.is_empty() => format!("{name} {arguments}"),
            code => code.name().to_owned(),
        }
    }

    /// The code's name when nothing but its name matters, as `AUTHENTICATIONFAILED`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::AppendUid(..) => "APPENDUID",
            Self::Capability(_) => "CAPABILITY",
            Self::CopyUid(..) => "COPYUID",
            Self::HighestModSeq(_) => "HIGHESTMODSEQ",
            Self::NoModSeq => "NOMODSEQ",
            Self::ReadOnly => "READ-ONLY",
            Self::UidNext(_) => "UIDNEXT",
            Self::UidValidity(_) => "UIDVALIDITY",
            Self::Other(name, _) => name,
        }
    }
}

/// A row of LIST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// All its attributes as sent.
    pub attributes: Vec<String>,
}

/// A row of STATUS (RFC 9051, section 7.3.4): what was asked for and is a sane number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxStatus {
    /// Which mailbox.
    pub name: MailboxName,
    /// `MESSAGES`
    pub messages: Option<u32>,
    /// `UIDNEXT`
    pub uid_next: Option<u32>,
    /// `UIDVALIDITY`
    pub uid_validity: Option<UidValidity>,
    /// `HIGHESTMODSEQ`; `None` also when the server says 0, which means that it keeps none.
    pub highest_mod_seq: Option<ModSeq>,
    /// `SIZE` in octets (RFC 8438)
    pub size: Option<u64>,
}

/// An ESEARCH result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ESearch {
    /// The tag of the command it answers.
    pub tag: String,
    /// The numbers are UIDs.
    pub uid: bool,
    /// `ALL`; absent when nothing matched.
    pub all: UidSet,
    /// `COUNT`
    pub count: Option<u32>,
}

/// Whether the response is one that ends in free text, so that a `{5}` at its end is no literal.
pub(super) fn takes_no_literals(response: &[u8]) -> bool {
    let mut words = response.split(|b| matches!(b, b' ' | b'\r' | b'\n'));
    let first = words.next().unwrap_or_default();
    first == b"+" || words.next().and_then(status_word).is_some()
}

/// Whether the response is a FETCH row.
pub(super) fn is_fetch(response: &[u8]) -> bool {
    let mut words = response.split(|b| matches!(b, b' ' | b'\r' | b'\n'));
    let (star, number, name) = (words.next(), words.next(), words.next());
    star == Some(b"*")
        && number.is_some_and(|n| parse_number(n).is_some())
        && name.is_some_and(|n| n.eq_ignore_ascii_case(b"FETCH") || n.eq_ignore_ascii_case(b"UIDFETCH"))
}

/// Reads a whole response. Never fails: what is not understood is [`Response::Unknown`].
pub(super) fn read(cursor: &mut Cursor<'_>, utf8: bool) -> Response {
    let line = cursor.rest();
    parse(cursor, utf8).unwrap_or_else(|Malformed| {
        cursor.note(Quirk::Unknown);
        Response::Unknown { line: lossy(line.get(..1000).unwrap_or(line)) }
    })
}

fn parse(cursor: &mut Cursor<'_>, utf8: bool) -> Parsed<Response> {
    if cursor.take(b'+') {
        cursor.extra_spaces_quietly();
        return Ok(Response::Continue { text: lossy(cursor.rest()) });
    }
    let tag = cursor.atom()?;
    let tag = if tag == b"*" { None } else { Some(lossy(tag)) };
    cursor.space()?;
    let word = cursor.atom()?;
    if let Some(status) = status_word(word) {
        cursor.extra_spaces_quietly();
        let (code, text) = status_text(cursor);
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
        b"CAPABILITY" => Ok(Response::Capability(capabilities(cursor))),
        b"ENABLED" => Ok(Response::Enabled(capabilities(cursor))),
        b"LIST" | b"LSUB" | b"XLIST" => list(cursor, utf8).map(Response::List),
        b"STATUS" => mailbox_status(cursor, utf8).map(Response::MailboxStatus),
        b"SEARCH" => Ok(search(cursor)),
        b"ESEARCH" => esearch(cursor).map(Response::ESearch),
        b"FLAGS" => {
            cursor.space()?;
            fetch::flag_list(cursor).map(Response::Flags)
        }
        b"VANISHED" => vanished(cursor),
        b"ID" => id(cursor),
        _ => Err(Malformed),
    }
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

/// `resp-text = ["[" resp-text-code "]" SP] text`
fn status_text(cursor: &mut Cursor<'_>) -> (Option<Code>, String) {
    let whole = cursor.rest();
    if !whole.starts_with(b"[") {
        return (None, lossy(whole));
    }
    // The code's own brackets: a quoted argument may hold one, as may a flag in PERMANENTFLAGS.
    let Some(end) = code_end(whole) else { return (None, lossy(whole)) };
    let inside = whole.get(1..end).unwrap_or_default();
    let text = lossy(whole.get(end + 1..).unwrap_or_default());
    (read_code(inside, cursor), text.trim_start().to_owned())
}

fn code_end(whole: &[u8]) -> Option<usize> {
    let mut quoted = false;
    let mut depth = 0_u32;
    for (i, byte) in whole.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth = depth.saturating_sub(1),
            b']' if !quoted && depth == 0 => return Some(i),
            _ => {}
        }
    }
    memchr::memchr(b']', whole)
}

fn read_code(inside: &[u8], outer: &mut Cursor<'_>) -> Option<Code> {
    let mut cursor = Cursor::new(inside, &[], outer.quirks);
    let name = cursor.atom().ok()?.to_ascii_uppercase();
    cursor.extra_spaces_quietly();
    let arguments = cursor.rest();
    let known = match name.as_slice() {
        b"APPENDUID" => append_uid(&mut cursor),
        b"CAPABILITY" => Some(Code::Capability(words(arguments).collect())),
        b"COPYUID" => copy_uid(&mut cursor),
        b"HIGHESTMODSEQ" => cursor.number().ok().and_then(ModSeq::new).map(Code::HighestModSeq),
        b"NOMODSEQ" => Some(Code::NoModSeq),
        b"READ-ONLY" => Some(Code::ReadOnly),
        b"UIDNEXT" => cursor.number().ok().and_then(|n| u32::try_from(n).ok()).map(Code::UidNext),
        b"UIDVALIDITY" => validity(&mut cursor).map(Code::UidValidity),
        _ => None,
    };
    Some(known.unwrap_or_else(|| Code::Other(lossy(&name), lossy(arguments))))
}

fn validity(cursor: &mut Cursor<'_>) -> Option<UidValidity> {
    UidValidity::new(u32::try_from(cursor.number().ok()?).ok()?)
}

fn append_uid(cursor: &mut Cursor<'_>) -> Option<Code> {
    let validity = validity(cursor)?;
    cursor.space().ok()?;
    Some(Code::AppendUid(validity, uid_set(cursor.atom().ok()?)?))
}

fn copy_uid(cursor: &mut Cursor<'_>) -> Option<Code> {
    let validity = validity(cursor)?;
    cursor.space().ok()?;
    let from = uid_set(cursor.atom().ok()?)?;
    cursor.space().ok()?;
    Some(Code::CopyUid(validity, from, uid_set(cursor.atom().ok()?)?))
}

/// `sequence-set` as servers send it: comma-separated numbers and ranges in either order.
fn uid_set(text: &[u8]) -> Option<UidSet> {
    let uid = |digits: &[u8]| Uid::new(u32::try_from(parse_number(digits)?).ok()?);
    let mut set = UidSet::new();
    for range in text.split(|b| *b == b',') {
        let mut ends = range.splitn(2, |b| *b == b':');
        let first = uid(ends.next()?)?;
        let last = ends.next().map_or(Some(first), uid)?;
        set.insert_range(first, last);
    }
    Some(set)
}

fn words(text: &[u8]) -> impl Iterator<Item = &str> {
    text.split(|b| *b == b' ').filter_map(|word| std::str::from_utf8(word).ok()).filter(|w| !w.is_empty())
}

fn capabilities(cursor: &mut Cursor<'_>) -> Capabilities {
    words(cursor.rest()).collect()
}

fn name(cursor: &mut Cursor<'_>, utf8: bool) -> Parsed<MailboxName> {
    let bytes = cursor.string()?;
    let (name, valid) = decode_name(&bytes, utf8);
    if !valid {
        cursor.note(Quirk::MailboxName);
    }
    Ok(MailboxName::new(name))
}

/// `mailbox-list = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox [SP
/// mbox-list-extended]`; the extended items are skipped.
fn list(cursor: &mut Cursor<'_>, utf8: bool) -> Parsed<ListEntry> {
    cursor.space()?;
    let attributes = fetch::word_list(cursor)?;
    cursor.space()?;
    let delimiter = match cursor.text()? {
        Text::Bytes(bytes) => std::str::from_utf8(&bytes).ok().and_then(|text| text.chars().next()),
        _ => None,
    };
    cursor.space()?;
    let name = name(cursor, utf8)?;
    let has = |wanted: &str| attributes.iter().any(|a| a.eq_ignore_ascii_case(wanted));
    Ok(ListEntry {
        mailbox: Mailbox {
            name,
            delimiter,
            special_use: attributes.iter().find_map(|a| SpecialUse::from_attribute(a)),
            selectable: !has("\\Noselect") && !has("\\NonExistent"),
        },
        attributes,
    })
}

/// `"STATUS" SP mailbox SP "(" [status-att-list] ")"`; unknown items are skipped, odd numbers dropped.
fn mailbox_status(cursor: &mut Cursor<'_>, utf8: bool) -> Parsed<MailboxStatus> {
    cursor.space()?;
    let name = name(cursor, utf8)?;
    cursor.space()?;
    cursor.expect(b'(')?;
    let mut status = MailboxStatus {
        name,
        messages: None,
        uid_next: None,
        uid_validity: None,
        highest_mod_seq: None,
        size: None,
    };
    loop {
        cursor.extra_spaces_quietly();
        if cursor.take(b')') || cursor.is_end() {
            return Ok(status);
        }
        let item = cursor.atom()?.to_ascii_uppercase();
        cursor.space()?;
        let value = cursor.rest();
        cursor.skip_value()?;
        let digits = value.get(..value.len() - cursor.rest().len()).unwrap_or_default();
        let Some(number) = parse_number(digits) else { continue };
        let small = u32::try_from(number).ok();
        match item.as_slice() {
            b"MESSAGES" => status.messages = small,
            b"UIDNEXT" => status.uid_next = small,
            b"UIDVALIDITY" => status.uid_validity = small.and_then(UidValidity::new),
            b"HIGHESTMODSEQ" => status.highest_mod_seq = ModSeq::new(number),
            b"SIZE" => status.size = Some(number),
            _ => {}
        }
    }
}

fn search(cursor: &mut Cursor<'_>) -> Response {
    let mut numbers = Vec::new();
    for word in cursor.rest().split(|b| *b == b' ') {
        // `(MODSEQ n)` (RFC 7162, section 3.1.5) ends the list.
        if word.starts_with(b"(") {
            break;
        }
        match parse_number(word).and_then(|n| u32::try_from(n).ok()) {
            Some(0) => cursor.note(Quirk::Number),
            Some(number) => numbers.push(number),
            None if word.is_empty() => {}
            None => cursor.note(Quirk::Number),
        }
    }
    Response::Search(numbers)
}

/// `"ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data)`
fn esearch(cursor: &mut Cursor<'_>) -> Parsed<ESearch> {
    let mut result = ESearch::default();
    loop {
        cursor.extra_spaces_quietly();
        if cursor.is_end() {
            return Ok(result);
        }
        if cursor.take(b'(') {
            let _tag_word = cursor.atom()?;
            cursor.space()?;
            result.tag = lossy(&cursor.string()?);
            cursor.expect(b')')?;
            continue;
        }
        match cursor.atom()?.to_ascii_uppercase().as_slice() {
            b"UID" => result.uid = true,
            b"ALL" => {
                cursor.space()?;
                result.all = uid_set(cursor.atom()?).ok_or(Malformed)?;
            }
            b"COUNT" => {
                cursor.space()?;
                result.count = u32::try_from(cursor.number()?).ok();
            }
            _ => {
                cursor.space()?;
                cursor.skip_value()?;
            }
        }
    }
}

/// `"VANISHED" [SP "(EARLIER)"] SP known-uids`
fn vanished(cursor: &mut Cursor<'_>) -> Parsed<Response> {
    cursor.space()?;
    let earlier = cursor.rest().get(..9).is_some_and(|word| word.eq_ignore_ascii_case(b"(EARLIER)"));
    if earlier {
        cursor.skip_value()?;
        cursor.space()?;
    }
    let uids = uid_set(cursor.atom()?).ok_or(Malformed)?;
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
