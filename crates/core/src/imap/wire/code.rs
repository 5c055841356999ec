//! Response codes (RFC 9051, section 7.1).

use super::cursor::Cursor;
use super::quirk::Quirk;
use super::response::{lossy, words};
use super::uids;
use crate::imap::Capabilities;
use crate::mail::{ModSeq, Uid, UidSet, UidValidity};

/// A response code (RFC 9051, section 7.1) that something acts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// `APPENDUID` (RFC 4315)
    AppendUid(UidValidity, UidSet),
    /// `CAPABILITY`
    Capability(Capabilities),
    /// `CLOSED` (RFC 7162): what came before is about the mailbox that was open until now.
    Closed,
    /// `COPYUID` (RFC 4315): validity of the target, source UIDs, target UIDs.
    CopyUid(UidValidity, UidSet, UidSet),
    /// `HIGHESTMODSEQ` (RFC 7162)
    HighestModSeq(ModSeq),
    /// `MAILBOXID` (RFC 8474): the mailbox's identity, which a change of name does not change.
    MailboxId(String),
    /// `MESSAGELIMIT` (RFC 9738): how many messages a command may be about, and the lowest UID that this one
    /// still was about.
    MessageLimit(u32, Option<Uid>),
    /// `MODIFIED` (RFC 7162): UIDs that a conditional `UID STORE` left alone, because they had changed.
    Modified(UidSet),
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
            Self::Closed => "CLOSED",
            Self::CopyUid(..) => "COPYUID",
            Self::HighestModSeq(_) => "HIGHESTMODSEQ",
            Self::MailboxId(_) => "MAILBOXID",
            Self::MessageLimit(..) => "MESSAGELIMIT",
            Self::Modified(_) => "MODIFIED",
            Self::NoModSeq => "NOMODSEQ",
            Self::ReadOnly => "READ-ONLY",
            Self::UidNext(_) => "UIDNEXT",
            Self::UidValidity(_) => "UIDVALIDITY",
            Self::Other(name, _) => name,
        }
    }
}

/// `resp-text = ["[" resp-text-code "]" SP] text`
pub(super) fn status_text(cursor: &mut Cursor<'_>) -> (Option<Code>, String) {
    let whole = cursor.rest();
    if whole.is_empty() {
        cursor.note(Quirk::BareStatus);
    }
    if !whole.is_ascii() && !cursor.utf8 {
        cursor.note(Quirk::RawEightBit);
    }
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
    let mut cursor = Cursor::new(inside, &[], outer.utf8, outer.quirks);
    let name = cursor.atom().ok()?.to_ascii_uppercase();
    cursor.extra_spaces_quietly();
    let arguments = cursor.rest();
    let known = match name.as_slice() {
        b"APPENDUID" => append_uid(&mut cursor),
        b"CAPABILITY" => Some(Code::Capability(words(arguments).collect())),
        b"CLOSED" => Some(Code::Closed),
        b"COPYUID" => copy_uid(&mut cursor),
        b"HIGHESTMODSEQ" => odd(&mut cursor, |n| ModSeq::new(n).map(Code::HighestModSeq)),
        b"MAILBOXID" => mailbox_id(&mut cursor).map(Code::MailboxId),
        b"MESSAGELIMIT" => message_limit(&mut cursor),
        b"MODIFIED" => uids::strict(arguments.trim_ascii_end(), &mut cursor).map(Code::Modified),
        b"NOMODSEQ" => Some(Code::NoModSeq),
        b"READ-ONLY" => Some(Code::ReadOnly),
        b"UIDNEXT" => cursor.number().ok().and_then(|n| u32::try_from(n).ok()).map(Code::UidNext),
        b"UIDVALIDITY" => validity(&mut cursor).map(Code::UidValidity),
        _ => None,
    };
    Some(known.unwrap_or_else(|| Code::Other(lossy(&name), lossy(arguments))))
}

/// A number that some servers send as 0 or worse.
fn odd<T>(cursor: &mut Cursor<'_>, make: impl Fn(u64) -> Option<T>) -> Option<T> {
    let made = cursor.number().ok().and_then(make);
    if made.is_none() {
        cursor.note(Quirk::Number);
    }
    made
}

fn validity(cursor: &mut Cursor<'_>) -> Option<UidValidity> {
    odd(cursor, |n| UidValidity::new(u32::try_from(n).ok()?))
}

fn append_uid(cursor: &mut Cursor<'_>) -> Option<Code> {
    let validity = validity(cursor)?;
    cursor.space().ok()?;
    let uids = cursor.atom().ok()?;
    Some(Code::AppendUid(validity, uids::strict(uids, cursor)?))
}

fn copy_uid(cursor: &mut Cursor<'_>) -> Option<Code> {
    let validity = validity(cursor)?;
    cursor.space().ok()?;
    let from = cursor.atom().ok()?;
    let from = uids::strict(from, cursor)?;
    cursor.space().ok()?;
    let to = cursor.atom().ok()?;
    Some(Code::CopyUid(validity, from, uids::strict(to, cursor)?))
}

/// `"MAILBOXID" SP "(" objectid ")"`
fn mailbox_id(cursor: &mut Cursor<'_>) -> Option<String> {
    cursor.object_id().ok().flatten()
}

/// `"MESSAGELIMIT" SP nz-number [SP uniqueid]`
fn message_limit(cursor: &mut Cursor<'_>) -> Option<Code> {
    let limit = u32::try_from(cursor.number().ok()?).ok().filter(|n| *n > 0)?;
    cursor.extra_spaces_quietly();
    let lowest = cursor.number().ok().and_then(|n| Uid::new(u32::try_from(n).ok()?));
    Some(Code::MessageLimit(limit, lowest))
}
