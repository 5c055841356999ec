//! Reading contents back, byte for byte.

use crate::id::{SERIAL_MASK, letters};
use crate::pack::{Location, RecordReader, SMALL, read_small};
use crate::{Digest, MessageId, StoreError, View};
use restante_core::message::document::Limits;
use restante_core::message::{Searchable, Skim};
use rusqlite::{Connection, OptionalExtension, params};
use std::io::{self, Read};
use std::path::Path;

/// Letters of a message's name: so many that no other has it.
const NAME: usize = 32;
/// Octets of the largest message whose attachments are read for the index.
const WITH_DOCUMENTS: u64 = 48 << 20;

/// The octets of a message exactly as the server sent them, as far as they are here. Reading to the end verifies them: damaged
/// content ends with [`io::ErrorKind::InvalidData`].
pub struct ContentReader {
    record: RecordReader,
    size: u64,
}

impl ContentReader {
    /// Octets that can be read.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Read for ContentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.record.read(buffer)
    }
}

impl View {
    /// What a message is called for good, in 32 letters: its [id](Self::id) for people is a beginning of it.
    ///
    /// # Errors
    /// There is no such message.
    pub fn name(&self, message: MessageId) -> Result<String, StoreError> {
        Ok(letters(&self.find_content(message)?.0.0, NAME))
    }

    /// Opens a message's content for reading as a stream. Of a [partial](View::held) one that is its beginning.
    ///
    /// # Errors
    /// There is no such message, or its pack cannot be read.
    pub fn content(&self, message: MessageId) -> Result<ContentReader, StoreError> {
        self.wherever(message, |digest, size, at| {
            Ok(ContentReader { record: RecordReader::open(&self.dir.join("packs"), at, digest)?, size })
        })
    }

    /// Reads a message's content as far as it is here, verified: of a [partial](View::held) one its beginning.
    ///
    /// # Errors
    /// There is no such message, its pack cannot be read, or it is damaged.
    pub fn read(&self, message: MessageId) -> Result<Vec<u8>, StoreError> {
        self.wherever(message, |digest, size, at| self.read_at(message, digest, size, at))
    }

    fn read_at(
        &self,
        message: MessageId,
        digest: &Digest,
        size: u64,
        at: &Location,
    ) -> Result<Vec<u8>, StoreError> {
        if size <= SMALL as u64 {
            let mut decompressor = self.decompressor.borrow_mut();
            return read_small(&self.dir.join("packs"), at, digest, &mut decompressor);
        }
        let record = RecordReader::open(&self.dir.join("packs"), at, digest)?;
        let mut reader = ContentReader { record, size };
        // The size comes from our own row; still, memory is only promised so far.
        let mut bytes = Vec::with_capacity(usize::try_from(reader.size.min(1 << 26)).unwrap_or(0));
        match reader.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(failed(message, &self.dir, error)),
        }
    }

    /// What a search needs of a message. Of one larger than 1 MiB this is read from what [`Skim`] keeps of it,
    /// so that its size costs no memory; attachments are read, of one up to 48 MiB, when the index
    /// [has their text](crate::Store::index_documents).
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn searchable(&self, message: MessageId) -> Result<Searchable, StoreError> {
        let has_documents = self.has_documents()?;
        self.wherever(message, |digest, size, at| {
            if has_documents && size <= WITH_DOCUMENTS {
                let content = self.read_at(message, digest, size, at)?;
                return Ok(Searchable::with_documents(&content, &Limits::default()));
            }
            self.searchable_at(message, digest, size, at)
        })
    }

    /// The text of a message, without that of its attachments.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) fn text(&self, message: MessageId) -> Result<String, StoreError> {
        Ok(self.wherever(message, |digest, size, at| self.searchable_at(message, digest, size, at))?.text)
    }

    fn searchable_at(
        &self,
        message: MessageId,
        digest: &Digest,
        size: u64,
        at: &Location,
    ) -> Result<Searchable, StoreError> {
        if size <= SMALL as u64 {
            let mut decompressor = self.decompressor.borrow_mut();
            let content = read_small(&self.dir.join("packs"), at, digest, &mut decompressor)?;
            return Ok(Searchable::read(&content));
        }
        let mut reader = RecordReader::open(&self.dir.join("packs"), at, digest)?;
        let mut skim = Skim::new();
        let mut buffer = vec![0; 64 << 10];
        while !skim.is_full() {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => skim.push(buffer.get(..count).unwrap_or_default()),
                Err(error) => return Err(failed(message, &self.dir, error)),
            }
        }
        Ok(Searchable::read(&skim.finish()))
    }

    /// Reads a content where its row says it is, and once more where the row says so by then: a
    /// [compaction](crate::Store::compact) may have moved it in between.
    fn wherever<T>(
        &self,
        message: MessageId,
        read: impl Fn(&Digest, u64, &Location) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (digest, size, at) = self.find_content(message)?;
        match read(&digest, size, &at) {
            Err(StoreError::Damaged(what)) => {
                let (digest, size, now) = self.find_content(message)?;
                if now == at { Err(StoreError::Damaged(what)) } else { read(&digest, size, &now) }
            }
            other => other,
        }
    }

    fn find_content(&self, message: MessageId) -> Result<(Digest, u64, Location), StoreError> {
        let row = self
            .conn
            .prepare_cached(
                "SELECT coalesce(partial.digest, message.digest), coalesce(held, size), pack, start, stored
                 FROM message LEFT JOIN partial ON partial.message = message.id WHERE message.id = ?1",
            )?
            .query_row([message.serial()], |row| {
                let at = Location { pack: row.get(2)?, start: row.get(3)?, stored: row.get(4)? };
                Ok((Digest(row.get(0)?), row.get(1)?, at))
            })
            .optional()?;
        row.ok_or(StoreError::Missing("message"))
    }
}

/// Why a content could not be read to its end.
fn failed(message: MessageId, dir: &Path, error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            StoreError::Damaged(format!("message {message}: {error}"))
        }
        _ => StoreError::io("read", &dir.join("packs"))(error),
    }
}

/// The message with this content and where that is.
pub(crate) fn find_digest(
    conn: &Connection,
    digest: &Digest,
) -> Result<Option<(MessageId, Location)>, StoreError> {
    conn.prepare_cached("SELECT position, pack, start, stored FROM message WHERE digest = ?1")?
        .query_row(params![digest.0], |row| {
            let at = Location { pack: row.get(1)?, start: row.get(2)?, stored: row.get(3)? };
            Ok((MessageId(row.get(0)?), at))
        })
        .optional()
        .map_err(StoreError::from)
}

/// `position & SERIAL_MASK` in SQL: `message.id` of an entry.
pub(crate) fn serial_of(position: &str) -> String {
    format!("({position} & {SERIAL_MASK})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Body, NewEntry, Store, Waste};
    use restante_core::mail::{Flags, Mailbox, MailboxName, Uid};
    use restante_core::sync::Delta;
    use std::cell::{Cell, RefCell};

    #[test]
    fn a_record_that_moved_after_its_row_was_read_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        let account = store.account("ann").unwrap();
        let inbox =
            Mailbox { name: MailboxName::new("INBOX"), delimiter: None, special_use: None, selectable: true };
        store.set_mailboxes(account, &[inbox]).unwrap();
        let mailbox = store.mailboxes(account).unwrap()[0].id;
        let mut writer = store.content_writer().unwrap();
        // The first is nobody's: the pack is worth being written anew.
        let contents = [&b"of nobody"[..], b"of ann"].map(|bytes| {
            writer.begin(0).unwrap();
            writer.write(bytes).unwrap();
            writer.finish().unwrap()
        });
        writer.sync().unwrap();
        drop(writer);
        let entry = NewEntry {
            uid: Uid::MIN,
            flags: Flags::new(),
            mod_seq: None,
            internal_date: 0,
            email_id: String::new(),
            body: Body::Fetched { summary: Box::default(), content: contents[1] },
        };
        store.apply(mailbox, &Delta { new: vec![entry], ..Delta::default() }, 0).unwrap();
        let view = View::open(dir.path()).unwrap();
        let message = view.message_by_digest(&contents[1].digest).unwrap().unwrap();
        let (store, tries) = (RefCell::new(store), Cell::new(0));
        let read = view.wherever(message, |digest, size, at| {
            tries.set(tries.get() + 1);
            if tries.get() == 1 {
                assert!(store.borrow_mut().compact(Waste::Any, || {}).unwrap() > 0);
            }
            view.read_at(message, digest, size, at)
        });
        assert_eq!((read.unwrap(), tries.get()), (b"of ann".to_vec(), 2));
    }
}
