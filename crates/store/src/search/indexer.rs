//! Writing the index, beside the thread that writes the mail.
//!
//! Words go to `search.db`, what a list shows of a message to `mail.db`, whose one writer is the [`Store`].
//! A step commits the second before the first, and with the words how far the index reaches: wherever it
//! ends, what the index claims to have is there, and the rest is given again.

use super::compile::feature_word;
use super::segment::{PART_OF, segment};
use crate::{MessageId, Store, StoreError, View, database, partial};
use restante_core::message::Searchable;
use restante_core::query::{Feature, Language, PART, is_part};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::ops::RangeInclusive;
use std::sync::mpsc::{SyncSender, sync_channel};

/// Octets of contents in one step: what of the index is made again when a process ends in the middle.
const STEP_OCTETS: u64 = 32 << 20;
/// Messages and octets of text that go from the reading thread to the writing one in one piece.
const PIECE: usize = 64;
const PIECE_OCTETS: usize = 128 << 10;
/// Pieces between the two.
const PIECES: usize = 2;
/// Octets of a word with digits whose parts are to be found.
const DIVIDED: RangeInclusive<usize> = 4..=32;
/// The most parts of the words of one message, about.
const PARTS: usize = 300;

/// Makes messages searchable. It may live on a thread of its own; one at a time.
pub struct Indexer {
    view: View,
    search: Connection,
}

/// What the mail database is to keep of a message that was indexed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview(Noted);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Noted {
    /// What a list shows of it.
    Shown { message: MessageId, attachments: u32, snippet: String },
    /// Its words are about to go: another message has taken its place, which must be on disk before.
    Leaving,
    /// Its words are gone.
    Forgotten(MessageId),
}

/// A message ready for the index.
struct Words {
    message: MessageId,
    /// In the order of the table.
    columns: [String; 9],
    attachments: u32,
    snippet: String,
    language: Option<Language>,
}

impl Store {
    /// What makes messages searchable, to be used on any thread.
    ///
    /// # Errors
    /// The databases cannot be opened a second time.
    pub fn indexer(&self) -> Result<Indexer, StoreError> {
        let dir = &self.dir;
        let search = database::open_index(dir)?;
        Ok(Indexer { view: View::new(database::open_helper(dir)?, dir)?, search })
    }

    /// Indexes messages that were indexed before and are otherwise now. Those whose turn has not come are left
    /// for it.
    ///
    /// # Errors
    /// A message cannot be read, or the database cannot be written.
    pub(crate) fn index_again(&mut self, messages: &[MessageId]) -> Result<(), StoreError> {
        let indexed: i64 =
            self.conn.query_row("SELECT indexed FROM search.progress", [], |row| row.get(0))?;
        for message in messages.iter().filter(|message| message.serial() <= indexed) {
            let Some(words) = words(self, *message, &View::searchable)? else { continue };
            let mut shown = Vec::new();
            self.write(|transaction| insert(transaction, vec![words], &mut shown))?;
            self.preview(&shown)?;
        }
        Ok(())
    }

    /// Keeps what lists show of messages; the [`Indexer`] asks for it. Messages that are gone by now are
    /// passed over.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn preview(&mut self, previews: &[Preview]) -> Result<(), StoreError> {
        let keep = |transaction: &Transaction<'_>| {
            let mut insert = transaction.prepare_cached(
                "INSERT OR REPLACE INTO preview (message, attachments, snippet)
                 SELECT id, ?2, ?3 FROM main.message WHERE id = ?1",
            )?;
            for Preview(noted) in previews {
                match noted {
                    Noted::Shown { message, attachments, snippet } => {
                        insert.execute(params![message.serial(), attachments, snippet])?;
                    }
                    Noted::Leaving => {}
                    Noted::Forgotten(former) => partial::forget_former(transaction, *former)?,
                }
            }
            Ok(())
        };
        if previews.contains(&Preview(Noted::Leaving)) { self.write_durably(keep) } else { self.write(keep) }
    }

    /// After a power failure the mail database may have lost its last commits and the index not: what
    /// the index has too much of goes, so that its numbers can be given to other messages, and what has
    /// lost its preview is given again.
    pub(crate) fn recover_index(&mut self) -> Result<(), StoreError> {
        self.write(|transaction| {
            let number = |sql| transaction.query_row::<i64, _, _>(sql, [], |row| row.get(0));
            let last =
                number("SELECT coalesce(max(seq), 0) FROM main.sqlite_sequence WHERE name = 'message'")?;
            let previewed = number("SELECT coalesce(max(message), 0) FROM main.preview")?;
            let indexed = number("SELECT indexed FROM search.progress")?;
            if indexed > last {
                let sql = "DELETE FROM search.words WHERE rowid & ?1 > ?2";
                transaction.execute(sql, [crate::id::SERIAL_MASK, last])?;
            }
            if indexed > previewed {
                transaction.execute("UPDATE search.progress SET indexed = ?1", [previewed])?;
            }
            Ok(())
        })
    }
}

impl Indexer {
    /// Indexes the next messages, in order of arrival, at most `limit` and not much more than 32 MiB of
    /// them, and forgets some whose place others have taken; gives how many, none when the index is complete.
    ///
    /// `read` says what of a message is to be found, on a second thread: [`View::searchable`].
    /// `previews` hands what lists show to [`Store::preview`], and returns when that is committed.
    ///
    /// # Errors
    /// Those of `read` and `previews`, or the index cannot be written; then nothing was indexed.
    pub fn step(
        &mut self,
        limit: usize,
        read: impl Fn(&View, MessageId) -> Result<Searchable, StoreError> + Send,
        previews: impl FnOnce(Vec<Preview>) -> Result<(), StoreError>,
    ) -> Result<usize, StoreError> {
        // Whoever holds the index is the one who may say what comes next.
        let transaction = Transaction::new(&mut self.search, TransactionBehavior::Immediate)?;
        let mut messages = next(&self.view, limit)?;
        let mut replaced = replaced(&transaction, &self.view, limit)?;
        let last = messages.iter().map(|message| message.serial()).max();
        if last.is_none() && replaced.is_empty() {
            return Ok(0);
        }
        // FTS5 writes out what it has gathered whenever a rowid is smaller than the one before.
        messages.sort_unstable();
        let (sender, receiver) = sync_channel(PIECES);
        let (view, list) = (&mut self.view, &messages);
        let shown = std::thread::scope(|scope| {
            let reading = std::thread::Builder::new()
                .name("read".to_owned())
                .spawn_scoped(scope, move || prepare(view, list, &read, &sender))
                .map_err(StoreError::io("read", std::path::Path::new("packs")))?;
            let mut shown = Vec::with_capacity(list.len());
            for piece in receiver {
                insert(&transaction, piece, &mut shown)?;
            }
            let ended = || StoreError::Damaged("the thread that reads for the index died".to_owned());
            reading.join().map_err(|_| ended())??;
            Ok::<_, StoreError>(shown)
        })?;
        let done = messages.len() + replaced.len();
        replaced.extend(shown);
        previews(replaced)?;
        if let Some(last) = last {
            transaction.execute("UPDATE progress SET indexed = ?1", [last])?;
        }
        transaction.commit()?;
        Ok(done)
    }
}

/// The messages of one step.
fn next(view: &View, limit: usize) -> Result<Vec<MessageId>, StoreError> {
    let mut statement = view.conn.prepare_cached(
        "SELECT position, size FROM message WHERE id > (SELECT indexed FROM search.progress)
         ORDER BY id LIMIT ?1",
    )?;
    let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let (mut messages, mut octets) = (Vec::new(), 0_u64);
    while octets < STEP_OCTETS
        && let Some(row) = rows.next()?
    {
        messages.push(MessageId(row.get(0)?));
        octets = octets.saturating_add(row.get(1)?);
    }
    Ok(messages)
}

/// Takes the words of messages out whose place others have taken, and gives what is to be noted of that. One whose
/// words went in an earlier step is forgotten.
fn replaced(transaction: &Transaction<'_>, view: &View, limit: usize) -> Result<Vec<Preview>, StoreError> {
    let mut find = transaction.prepare_cached("SELECT EXISTS (SELECT 1 FROM words_docsize WHERE id = ?1)")?;
    let mut delete = transaction.prepare_cached("DELETE FROM words WHERE rowid = ?1")?;
    let mut noted = Vec::new();
    for former in partial::formers(&view.conn, limit)? {
        noted.push(Preview(if find.query_row([former.0], |row| row.get(0))? {
            delete.execute([former.0])?;
            Noted::Leaving
        } else {
            Noted::Forgotten(former)
        }));
    }
    Ok(noted)
}

/// Reads messages and sends them on in pieces, until nobody wants more.
fn prepare(
    view: &mut View,
    messages: &[MessageId],
    read: &impl Fn(&View, MessageId) -> Result<Searchable, StoreError>,
    to: &SyncSender<Vec<Words>>,
) -> Result<(), StoreError> {
    for messages in messages.chunks(PIECE) {
        // One state of the database and one lock for the piece.
        let snapshot = view.conn.unchecked_transaction()?;
        let (mut piece, mut octets) = (Vec::with_capacity(messages.len()), 0);
        for message in messages {
            let Some(words) = words(view, *message, read)? else { continue };
            octets += words.columns.iter().map(String::len).sum::<usize>();
            piece.push(words);
            if octets >= PIECE_OCTETS {
                octets = 0;
                if to.send(std::mem::take(&mut piece)).is_err() {
                    return Ok(());
                }
            }
        }
        drop(snapshot);
        if to.send(piece).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// What is to be found of one message; `None` when it is gone.
fn words(
    view: &View,
    message: MessageId,
    read: &impl Fn(&View, MessageId) -> Result<Searchable, StoreError>,
) -> Result<Option<Words>, StoreError> {
    let mut find = view
        .conn
        .prepare_cached("SELECT subject, sender, recipient, copy FROM main.message WHERE id = ?1")?;
    let mut rows = find.query([message.serial()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let searchable = match read(view, message) {
        Ok(searchable) => searchable,
        // One damaged message must not keep all later ones from being found.
        Err(StoreError::Damaged(_)) => Searchable::default(),
        Err(error) => return Err(error),
    };
    let people = |column| Ok::<_, StoreError>(spaced(names(row.get_ref(column)?.as_str()?)));
    let subject = row.get_ref(0)?.as_str()?;
    let filenames = searchable.filenames.join("\n");
    let mut marks = features(&searchable);
    parts([subject, &filenames, &searchable.text], &mut marks);
    Ok(Some(Words {
        message,
        language: Language::of(&searchable.text),
        columns: [
            segment(subject).into_owned(),
            people(1)?,
            people(2)?,
            people(3)?,
            spaced(searchable.text),
            spaced(searchable.list),
            spaced(filenames),
            spaced(searchable.documents),
            marks,
        ],
        attachments: searchable.attachments,
        snippet: searchable.snippet,
    }))
}

/// The words for what a message has.
fn features(searchable: &Searchable) -> String {
    let all = [
        (Feature::Attachment, searchable.attachments > 0),
        (Feature::Link, searchable.has_link),
        (Feature::Invite, searchable.has_invite),
    ];
    all.into_iter().filter(|(_, has)| *has).map(|(feature, _)| feature_word(feature) + " ").collect()
}

/// Adds what words with digits end in, so that the beginnings of these are all their parts: 4711 in ABC4711-X.
fn parts(texts: [&str; 3], marks: &mut String) {
    let mut known = HashSet::new();
    let mut count = 0;
    for text in texts {
        for word in with_digits(text) {
            if !DIVIDED.contains(&word.len()) || !is_part(word) || !known.insert(word) {
                continue;
            }
            for start in 1..=word.len().saturating_sub(PART) {
                marks.push(PART_OF);
                marks.push_str(word.get(start..).unwrap_or_default());
                marks.push(' ');
                count += 1;
            }
            if count >= PARTS {
                return;
            }
        }
    }
}

/// The words of ASCII letters and digits that have a digit. Most words have none, so it is bytes that are looked at.
fn with_digits(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let letters = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let digit = from + bytes.get(from..)?.iter().position(u8::is_ascii_digit)?;
            let before = bytes.get(..digit)?.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric());
            let start = digit - before.count();
            let end = digit + letters(bytes.get(digit..)?);
            from = end;
            // Not where it is part of a word with other letters.
            if !is_letter(text.get(..start)?.chars().next_back())
                && !is_letter(text.get(end..)?.chars().next())
            {
                return text.get(start..end);
            }
        }
    })
}

/// A text segmented, without a copy where nothing is to be done.
fn spaced(text: String) -> String {
    match segment(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(spaced) => spaced,
    }
}

fn insert(
    transaction: &Transaction<'_>,
    piece: Vec<Words>,
    shown: &mut Vec<Preview>,
) -> Result<(), StoreError> {
    let mut insert = transaction.prepare_cached(
        r#"INSERT OR REPLACE INTO words (rowid, subject, "from", "to", cc, body, list, filename, document, mark)
           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"#,
    )?;
    let mut languages = BTreeMap::<_, u32>::new();
    for Words { message, columns, attachments, snippet, language } in piece {
        let [subject, from, to, cc, body, list, filename, document, mark] = columns;
        insert.execute(params![message.0, subject, from, to, cc, body, list, filename, document, mark])?;
        *languages.entry(language).or_default() += 1;
        shown.push(Preview(Noted::Shown { message, attachments, snippet }));
    }
    let mut count = transaction.prepare_cached(
        "INSERT INTO language VALUES (?1, ?2) ON CONFLICT (code) DO UPDATE SET messages = messages + ?2",
    )?;
    for (language, messages) in languages {
        let Some(language) = language else { continue };
        count.execute(params![language.code(), messages])?;
    }
    Ok(())
}

/// The names and addresses in a column of contacts, one a line.
fn names(json: &str) -> String {
    let contacts: Vec<(Cow<'_, str>, Cow<'_, str>)> = serde_json::from_str(json).unwrap_or_default();
    let mut text = String::with_capacity(json.len());
    for (name, address) in contacts {
        text.extend([&name, " ", &address, "\n"]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_digits_are_whole_words_of_ascii() {
        let words: Vec<_> = with_digits("a1 “ABC4711”, no-42x é77 8ü 9 b–3c and 5").collect();
        assert_eq!(words, ["a1", "ABC4711", "42x", "9", "3c", "5"]);
        assert_eq!(with_digits("none").count(), 0);
    }
}
