//! FETCH rows (RFC 9051, section 7.5.2).

use super::cursor::{Cursor, Malformed, Parsed, Text};
use super::decode_name;
use super::quirk::Quirk;
use super::response::lossy;
use crate::mail::{Flags, ModSeq, Uid};

/// One message's row: the items that were there and could be read. What could not is skipped and
/// `damaged` set; the rest of the row stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchRow {
    /// `UID`; `None` when the server left it out or sent 0.
    pub uid: Option<Uid>,
    /// `FLAGS`
    pub flags: Option<Flags>,
    /// `MODSEQ` (RFC 7162)
    pub mod_seq: Option<ModSeq>,
    /// `INTERNALDATE` as sent, `17-Jul-1996 02:44:25 -0700`.
    pub internal_date: Option<String>,
    /// `SAVEDATE` (RFC 8514), in the form of INTERNALDATE: when the message came into this mailbox.
    pub save_date: Option<String>,
    /// `RFC822.SIZE` in octets
    pub size: Option<u64>,
    /// `EMAILID` (RFC 8474)
    pub email_id: Option<String>,
    /// `THREADID` (RFC 8474); `None` also when the server keeps none for this message.
    pub thread_id: Option<String>,
    /// `X-GM-LABELS` (Gmail), decoded as mailbox names are: `\Inbox`, `Entwürfe`. `None` when not sent.
    pub gm_labels: Option<Vec<String>>,
    /// `X-GM-MSGID` (Gmail): the same for every copy of a message in this account.
    pub gm_msgid: Option<u64>,
    /// `X-GM-THRID` (Gmail): the same for every message of a thread.
    pub gm_thrid: Option<u64>,
    /// `BODY[]`, `BINARY[]`, `RFC822` and their parts.
    pub body: Option<BodyContent>,
    /// Part of the row was not understood.
    pub damaged: bool,
}

/// The content of a body item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyContent {
    /// It came in chunks before this row; this many octets.
    Streamed(u64),
    /// It was short enough for a quoted string.
    Quoted(Vec<u8>),
    /// `NIL`: the server has no content for it.
    Nil,
}

impl BodyContent {
    /// Octets of content; `None` when there is none.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Streamed(size) => Some(*size),
            Self::Quoted(bytes) => Some(bytes.len() as u64),
            Self::Nil => None,
        }
    }
}

impl FetchRow {
    /// Takes from another row what is not here.
    fn complete(&mut self, other: Self) {
        fn fill<T>(mine: &mut Option<T>, theirs: Option<T>) {
            if mine.is_none() {
                *mine = theirs;
            }
        }
        fill(&mut self.uid, other.uid);
        fill(&mut self.flags, other.flags);
        fill(&mut self.mod_seq, other.mod_seq);
        fill(&mut self.internal_date, other.internal_date);
        fill(&mut self.save_date, other.save_date);
        fill(&mut self.size, other.size);
        fill(&mut self.email_id, other.email_id);
        fill(&mut self.thread_id, other.thread_id);
        fill(&mut self.gm_labels, other.gm_labels);
        fill(&mut self.gm_msgid, other.gm_msgid);
        fill(&mut self.gm_thrid, other.gm_thrid);
        fill(&mut self.body, other.body);
    }
}

/// Reads `"FETCH" SP msg-att` after the name. Fails only when there is no list at all.
pub(super) fn read(cursor: &mut Cursor<'_>, uid: Option<Uid>) -> Parsed<FetchRow> {
    cursor.space()?;
    cursor.expect(b'(')?;
    let mut row = FetchRow { uid, ..FetchRow::default() };
    let start = cursor.place();
    let mut first = true;
    loop {
        cursor.separator(first);
        first = false;
        if cursor.take(b')') {
            break;
        }
        if item(cursor, &mut row).is_err() {
            row.damaged = true;
            cursor.note(Quirk::DamagedRow);
            cursor.go_to(start);
            recover(cursor, &mut row);
            break;
        }
    }
    Ok(row)
}

/// After an item that cannot be read: looks for a place from where known items follow each other to the row's
/// end (a string with quotation marks in it may have swallowed them). What was read before is not overwritten,
/// and nothing is taken from what names another UID.
fn recover(cursor: &mut Cursor<'_>, row: &mut FetchRow) {
    const STARTS: [&[u8]; 8] = [
        b" UID ",
        b" FLAGS (",
        b" MODSEQ (",
        b" INTERNALDATE \"",
        b" RFC822.SIZE ",
        b" EMAILID (",
        b" X-GM-MSGID ",
        b" X-GM-LABELS (",
    ];
    /// Of each name, so that a long row costs no more than a few readings.
    const TRIES: usize = 2;
    let (from, rest) = (cursor.place(), cursor.rest());
    let mut starts: Vec<usize> = STARTS
        .into_iter()
        .flat_map(|start| memchr::memmem::rfind_iter(rest, start).take(TRIES))
        .map(|at| from + at + 1)
        .collect();
    starts.sort_unstable();
    for start in starts {
        cursor.go_to(start);
        let noted = cursor.quirks.len();
        let mut found = FetchRow::default();
        let whole = to_the_end(cursor, &mut found).is_ok();
        if whole && (found.uid.is_none() || row.uid.is_none() || found.uid == row.uid) {
            row.complete(found);
            return;
        }
        cursor.quirks.truncate(noted);
    }
}

fn to_the_end(cursor: &mut Cursor<'_>, row: &mut FetchRow) -> Parsed<()> {
    let mut first = true;
    loop {
        cursor.separator(first);
        first = false;
        if cursor.take(b')') {
            break;
        }
        item(cursor, row)?;
    }
    cursor.extra_spaces_quietly();
    if cursor.is_end() { Ok(()) } else { Err(Malformed) }
}

fn item(cursor: &mut Cursor<'_>, row: &mut FetchRow) -> Parsed<()> {
    let name = cursor.until(|b| matches!(b, b' ' | b'[' | b'(' | b')')).to_ascii_uppercase();
    if name.is_empty() {
        return Err(Malformed);
    }
    let section = cursor.peek() == Some(b'[');
    if section {
        skip_section(cursor)?;
    }
    // `FLAGS(\\Seen)`, `BODY[] )`
    let spaced = cursor.take(b' ');
    cursor.extra_spaces();
    if cursor.peek() == Some(b')') {
        cursor.note(Quirk::MissingValue);
        if section {
            row.body = Some(BodyContent::Nil);
        }
        return Ok(());
    }
    if !spaced {
        cursor.note(Quirk::MissingSpace);
    }
    match name.as_slice() {
        b"UID" => row.uid = odd_number(cursor)?.and_then(|n| Uid::new(u32::try_from(n).ok()?)).or(row.uid),
        b"FLAGS" => row.flags = Some(flag_list(cursor)?),
        b"MODSEQ" => {
            cursor.expect(b'(')?;
            row.mod_seq = odd_number(cursor)?.and_then(ModSeq::new);
            cursor.expect(b')')?;
        }
        b"INTERNALDATE" => row.internal_date = date(cursor)?,
        b"SAVEDATE" => row.save_date = date(cursor)?,
        b"RFC822.SIZE" => row.size = odd_number(cursor)?,
        b"EMAILID" => row.email_id = cursor.object_id()?,
        b"THREADID" => row.thread_id = cursor.object_id()?,
        b"X-GM-LABELS" => row.gm_labels = Some(labels(cursor)?),
        b"X-GM-MSGID" => row.gm_msgid = odd_number(cursor)?,
        b"X-GM-THRID" => row.gm_thrid = odd_number(cursor)?,
        b"BODY" | b"BINARY" if section => row.body = Some(body(cursor, row)?),
        b"RFC822" | b"RFC822.HEADER" | b"RFC822.TEXT" => row.body = Some(body(cursor, row)?),
        // ENVELOPE, BODYSTRUCTURE, PREVIEW, and what is yet to be invented: whole messages are fetched and read
        // here, so nothing asks for them.
        _ => cursor.skip_value()?,
    }
    Ok(())
}

fn body(cursor: &mut Cursor<'_>, row: &mut FetchRow) -> Parsed<BodyContent> {
    Ok(match cursor.text()? {
        Text::Nil => BodyContent::Nil,
        Text::Bytes(bytes) => BodyContent::Quoted(bytes.into_owned()),
        Text::Streamed(length) => {
            if !matches!(cursor.peek(), None | Some(b' ' | b')')) {
                cursor.note(Quirk::LiteralLength);
                row.damaged = true;
            }
            BodyContent::Streamed(length)
        }
    })
}

fn date(cursor: &mut Cursor<'_>) -> Parsed<Option<String>> {
    Ok(match cursor.text()? {
        Text::Bytes(bytes) => Some(lossy(&bytes)),
        Text::Nil => None,
        Text::Streamed(_) => return Err(Malformed),
    })
}

/// Gmail's `X-GM-LABELS`: `"(" [astring *(SP astring)] ")"`, spelled as mailbox names are; NIL stands among them
/// at times.
fn labels(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    cursor.expect(b'(')?;
    let mut labels = Vec::new();
    let mut first = true;
    loop {
        cursor.separator(first);
        first = false;
        if cursor.take(b')') {
            return Ok(labels);
        }
        match cursor.text()? {
            Text::Bytes(bytes) => {
                let (label, valid) = decode_name(&bytes, cursor.utf8);
                if !valid {
                    cursor.note(Quirk::MailboxName);
                }
                labels.push(label);
            }
            Text::Nil => {}
            Text::Streamed(_) => return Err(Malformed),
        }
    }
}

/// `section = "[" [section-spec] "]" ["<" number ">"]`; a header name may be quoted.
fn skip_section(cursor: &mut Cursor<'_>) -> Parsed<()> {
    loop {
        cursor.until(|b| matches!(b, b']' | b'"'));
        if cursor.take(b']') {
            break;
        }
        if cursor.peek() != Some(b'"') {
            return Err(Malformed);
        }
        cursor.text()?;
    }
    if cursor.take(b'<') {
        cursor.until(|b| b == b'>');
        cursor.expect(b'>')?;
    }
    Ok(())
}

/// A number that servers are known to get wrong: negative, quoted, NIL, too large. `None` then.
fn odd_number(cursor: &mut Cursor<'_>) -> Parsed<Option<u64>> {
    let bytes = match cursor.text()? {
        Text::Bytes(bytes) => bytes,
        Text::Nil => return Ok(None),
        Text::Streamed(_) => return Err(Malformed),
    };
    let number = super::cursor::parse_number(&bytes);
    if number.is_none_or(|n| n == 0) {
        cursor.note(Quirk::Number);
    }
    Ok(number)
}

/// `flag-list = "(" [flag *(SP flag)] ")"`
pub(super) fn flag_list(cursor: &mut Cursor<'_>) -> Parsed<Flags> {
    let mut names = Vec::new();
    each_word(cursor, |cursor, word| {
        if word == b"\\" || word.eq_ignore_ascii_case(b"NIL") {
            cursor.note(Quirk::OddFlag);
            return;
        }
        if !is_flag(word) {
            cursor.note(Quirk::OddFlag);
        }
        if !word.is_ascii() {
            cursor.note(Quirk::RawEightBit);
        }
        names.push(String::from_utf8_lossy(word));
    })?;
    // In order, each is added at the end; a server may send very many in another.
    let lower = |name: &str| name.bytes().map(|b| b.to_ascii_lowercase()).collect::<Vec<u8>>();
    names.sort_by_cached_key(|name| lower(name));
    Ok(names.iter().map(AsRef::as_ref).collect())
}

/// `flag = "\" atom / atom` (and `\*` in PERMANENTFLAGS, which is not read)
fn is_flag(word: &[u8]) -> bool {
    let name = word.strip_prefix(b"\\").unwrap_or(word);
    !name.iter().any(|b| matches!(b, 0..=31 | 127 | b'{' | b'%' | b'*' | b'"' | b'\\' | b']'))
}

/// A parenthesised list of atoms.
pub(super) fn word_list(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    let mut words = Vec::new();
    each_word(cursor, |_, word| words.push(lossy(word)))?;
    Ok(words)
}

fn each_word<'a>(cursor: &mut Cursor<'a>, mut take: impl FnMut(&mut Cursor<'a>, &'a [u8])) -> Parsed<()> {
    cursor.expect(b'(')?;
    let mut first = true;
    loop {
        cursor.separator(first);
        first = false;
        if cursor.take(b')') {
            return Ok(());
        }
        let word = cursor.atom()?;
        take(cursor, word);
    }
}
