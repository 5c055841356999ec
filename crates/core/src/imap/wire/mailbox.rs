//! What servers say of mailboxes: LIST, STATUS and NAMESPACE (RFC 9051, sections 7.3.1, 7.3.4 and 7.3.5).

use super::cursor::{Cursor, Malformed, Parsed, Text, parse_number};
use super::decode_name;
use super::fetch;
use super::quirk::Quirk;
use super::response::lossy;
use crate::mail::{Mailbox, MailboxName, ModSeq, SpecialUse, UidValidity};

/// A row of LIST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// All its attributes as sent.
    pub attributes: Vec<String>,
    /// `OLDNAME`: what it was called before this server renamed it.
    pub old_name: Option<MailboxName>,
}

impl ListEntry {
    /// Whether the row has an attribute, as `\Subscribed`, `\NonExistent` or `\Remote` (RFC 9051, section 7.3.1);
    /// case does not matter.
    #[must_use]
    pub fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|a| a.eq_ignore_ascii_case(attribute))
    }

    /// `\Subscribed`
    #[must_use]
    pub fn is_subscribed(&self) -> bool {
        self.has("\\Subscribed")
    }

    /// `\NonExistent`: a name with nothing behind it, as of a subscribed mailbox that was deleted.
    #[must_use]
    pub fn is_non_existent(&self) -> bool {
        self.has("\\NonExistent")
    }

    /// `\Remote`: the mailbox is on another server.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.has("\\Remote")
    }
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
    /// `APPENDLIMIT` in octets (RFC 7889); `None` also for `NIL`, no limit.
    pub append_limit: Option<u64>,
    /// `MAILBOXID` (RFC 8474)
    pub mailbox_id: Option<String>,
}

/// `NAMESPACE` (RFC 2342): where a person's mailboxes are, and those of others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// The person's own; usually one.
    pub personal: Vec<Namespace>,
    /// Other users'.
    pub other_users: Vec<Namespace>,
    /// Shared ones, as public folders.
    pub shared: Vec<Namespace>,
}

/// One namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// What its mailboxes' names begin with, delimiter included: `""`, `INBOX.`, `#shared/`.
    pub prefix: String,
    /// The hierarchy delimiter; `None` when the namespace is flat.
    pub delimiter: Option<char>,
}

pub(super) fn name(cursor: &mut Cursor<'_>) -> Parsed<MailboxName> {
    let bytes = cursor.string()?;
    Ok(named(cursor, &bytes))
}

fn named(cursor: &mut Cursor<'_>, bytes: &[u8]) -> MailboxName {
    let (name, valid) = decode_name(bytes, cursor.utf8);
    if !valid {
        cursor.note(Quirk::MailboxName);
    }
    MailboxName::new(name)
}

fn is_unquoted(cursor: &Cursor<'_>) -> bool {
    !matches!(cursor.peek(), None | Some(b'"' | b'{' | b'~'))
}

/// `mailbox-list = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox [SP
/// mbox-list-extended]`; of the extended items OLDNAME is read.
pub(super) fn list(cursor: &mut Cursor<'_>) -> Parsed<ListEntry> {
    cursor.space()?;
    let attributes = fetch::word_list(cursor)?;
    cursor.space()?;
    let delimiter = delimiter(cursor)?;
    cursor.space()?;
    let name = if is_unquoted(cursor) { unquoted_list_name(cursor)? } else { name(cursor)? };
    let has = |wanted: &str| attributes.iter().any(|a| a.eq_ignore_ascii_case(wanted));
    let mailbox = Mailbox {
        name,
        delimiter,
        special_use: attributes.iter().find_map(|a| SpecialUse::from_attribute(a)),
        selectable: !has("\\Noselect") && !has("\\NonExistent"),
    };
    // What cannot be read of the extended items takes nothing from the row.
    let old_name = old_name(cursor).ok().flatten();
    Ok(ListEntry { mailbox, attributes, old_name })
}

/// An atom, or all the rest where a server forgot the quotation marks.
fn unquoted_list_name(cursor: &mut Cursor<'_>) -> Parsed<MailboxName> {
    let rest = cursor.rest();
    let extended = [&b" (\""[..], b" (CHILDINFO", b" (OLDNAME"].into_iter();
    let end = extended.filter_map(|start| memchr::memmem::find(rest, start)).min();
    let end = end.filter(|_| rest.ends_with(b")")).unwrap_or(rest.len());
    let bytes = cursor.advance(end).trim_ascii_end();
    if bytes.is_empty() {
        return Err(Malformed);
    }
    if bytes.iter().any(|b| matches!(b, b' ' | b'\t' | b'(' | b')')) {
        cursor.note(Quirk::UnquotedName);
    }
    Ok(named(cursor, bytes))
}

fn delimiter(cursor: &mut Cursor<'_>) -> Parsed<Option<char>> {
    Ok(match cursor.text()? {
        Text::Bytes(bytes) => std::str::from_utf8(&bytes).ok().and_then(|text| text.chars().next()),
        _ => None,
    })
}

/// `oldname-extended-item = "OLDNAME" SP "(" mailbox ")"` among the extended items.
fn old_name(cursor: &mut Cursor<'_>) -> Parsed<Option<MailboxName>> {
    cursor.extra_spaces_quietly();
    if !cursor.take(b'(') {
        return Ok(None);
    }
    let mut found = None;
    loop {
        cursor.extra_spaces_quietly();
        if cursor.take(b')') || cursor.is_end() {
            return Ok(found);
        }
        let item = cursor.string()?;
        cursor.space()?;
        if item.eq_ignore_ascii_case(b"OLDNAME") && cursor.take(b'(') {
            found = Some(name(cursor)?);
            cursor.expect(b')')?;
        } else {
            cursor.skip_value()?;
        }
    }
}

/// `"STATUS" SP mailbox SP "(" [status-att-list] ")"`; unknown items are skipped, odd numbers dropped.
pub(super) fn status(cursor: &mut Cursor<'_>) -> Parsed<MailboxStatus> {
    cursor.space()?;
    let name = if is_unquoted(cursor) { unquoted_status_name(cursor)? } else { name(cursor)? };
    cursor.space()?;
    cursor.expect(b'(')?;
    let mut status = MailboxStatus {
        name,
        messages: None,
        uid_next: None,
        uid_validity: None,
        highest_mod_seq: None,
        size: None,
        append_limit: None,
        mailbox_id: None,
    };
    loop {
        cursor.extra_spaces_quietly();
        if cursor.take(b')') || cursor.is_end() {
            return Ok(status);
        }
        let item = cursor.atom()?.to_ascii_uppercase();
        cursor.space()?;
        if item == b"MAILBOXID" {
            status.mailbox_id = cursor.object_id()?;
            continue;
        }
        let value = cursor.rest();
        cursor.skip_value()?;
        let digits = value.get(..value.len() - cursor.rest().len()).unwrap_or_default();
        let Some(number) = parse_number(digits) else {
            if !digits.eq_ignore_ascii_case(b"NIL") && !digits.starts_with(b"(") {
                cursor.note(Quirk::Number);
            }
            continue;
        };
        let small = u32::try_from(number).ok();
        match item.as_slice() {
            b"MESSAGES" => status.messages = small,
            b"UIDNEXT" => status.uid_next = small,
            b"UIDVALIDITY" => status.uid_validity = small.and_then(UidValidity::new),
            b"HIGHESTMODSEQ" => status.highest_mod_seq = ModSeq::new(number),
            b"SIZE" => status.size = Some(number),
            b"APPENDLIMIT" => status.append_limit = Some(number),
            _ => {}
        }
    }
}

/// An atom, or all up to the list of items where a server forgot the quotation marks.
fn unquoted_status_name(cursor: &mut Cursor<'_>) -> Parsed<MailboxName> {
    const ITEMS: [&[u8]; 9] = [
        b"MESSAGES",
        b"UIDNEXT",
        b"UIDVALIDITY",
        b"HIGHESTMODSEQ",
        b"SIZE",
        b"UNSEEN",
        b"RECENT",
        b"MAILBOXID",
        b"APPENDLIMIT",
    ];
    let rest = cursor.rest();
    let begins_items = |at: &usize| {
        let list = rest.get(at + 2..).unwrap_or_default();
        let word = list.split(|b| matches!(b, b' ' | b')')).next().unwrap_or_default();
        word.is_empty() || ITEMS.iter().any(|item| word.eq_ignore_ascii_case(item))
    };
    let end = memchr::memmem::find_iter(rest, b" (").find(begins_items);
    let bytes = cursor.advance(end.ok_or(Malformed)?).trim_ascii_end();
    if bytes.is_empty() {
        return Err(Malformed);
    }
    if bytes.iter().any(|b| matches!(b, b' ' | b'(' | b')')) {
        cursor.note(Quirk::UnquotedName);
    }
    Ok(named(cursor, bytes))
}

/// `namespace = nil / "(" 1*namespace-descr ")"`, three of them.
pub(super) fn namespaces(cursor: &mut Cursor<'_>) -> Parsed<Namespaces> {
    Ok(Namespaces {
        personal: namespace(cursor)?,
        other_users: namespace(cursor)?,
        shared: namespace(cursor)?,
    })
}

/// `namespace-descr = "(" string SP (DQUOTE QUOTED-CHAR DQUOTE / nil) [namespace-response-extensions] ")"`
fn namespace(cursor: &mut Cursor<'_>) -> Parsed<Vec<Namespace>> {
    cursor.space()?;
    let mut all = Vec::new();
    if !cursor.take(b'(') {
        // NIL
        cursor.atom()?;
        return Ok(all);
    }
    loop {
        cursor.extra_spaces_quietly();
        if cursor.take(b')') {
            return Ok(all);
        }
        cursor.expect(b'(')?;
        let prefix = cursor.string()?;
        let (prefix, _) = decode_name(&prefix, cursor.utf8);
        cursor.space()?;
        let delimiter = delimiter(cursor)?;
        while !cursor.take(b')') {
            cursor.space()?;
            cursor.skip_value()?;
        }
        all.push(Namespace { prefix, delimiter });
    }
}

/// A resource of a quota root (RFC 9208, section 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its name, upper-cased: `STORAGE` (in units of 1,024 octets), `MESSAGE`, `MAILBOX`.
    pub name: String,
    /// How much is used.
    pub usage: u64,
    /// How much may be.
    pub limit: u64,
}

/// `"QUOTA" SP quota-root-name SP "(" [quota-resource *(SP quota-resource)] ")"`
pub(super) fn quota(cursor: &mut Cursor<'_>) -> Parsed<(String, Vec<Resource>)> {
    cursor.space()?;
    let root = lossy(&cursor.string()?);
    cursor.space()?;
    cursor.expect(b'(')?;
    let mut resources = Vec::new();
    loop {
        cursor.extra_spaces_quietly();
        if cursor.take(b')') || cursor.is_end() {
            return Ok((root, resources));
        }
        let name = lossy(&cursor.atom()?.to_ascii_uppercase());
        cursor.space()?;
        let usage = parse_number(cursor.atom()?);
        cursor.space()?;
        let limit = parse_number(cursor.atom()?);
        match (usage, limit) {
            (Some(usage), Some(limit)) => resources.push(Resource { name, usage, limit }),
            _ => cursor.note(Quirk::Number),
        }
    }
}

/// `"QUOTAROOT" SP mailbox *(SP quota-root-name)`
pub(super) fn quota_root(cursor: &mut Cursor<'_>) -> Parsed<(MailboxName, Vec<String>)> {
    cursor.space()?;
    let mailbox = name(cursor)?;
    let mut roots = Vec::new();
    loop {
        cursor.extra_spaces_quietly();
        if cursor.is_end() {
            return Ok((mailbox, roots));
        }
        roots.push(lossy(&cursor.string()?));
    }
}
