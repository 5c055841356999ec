//! Writing contents: hashed, compressed and appended as they arrive, never whole in memory when large.

use super::record::{HEADER, Header};
use super::{FULL, Location, Packs, SMALL, digest_of, path_of};
use crate::content::find_digest;
use crate::{Digest, StoreError};
use rusqlite::Connection;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;

/// The file is written to in pieces of about this size.
const BUFFER: usize = 1 << 20;
/// Octets of a record that are copied at a time.
const COPIED: usize = 64 << 10;
/// So many contents are remembered at most, to notice the same one coming again before it is applied.
const REMEMBERED: usize = 1 << 16;
/// So many lookups share one view of the database: beginning one costs more than a lookup.
const LOOKUPS: u32 = 256;
/// zstd's level: the one that keeps up with a fast connection.
const LEVEL: i32 = 1;

/// A content that was written, for a [`Body`](crate::Body).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) at: Location,
}

impl Content {
    /// The BLAKE3 digest of the content.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Octets of the content.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// Appends contents to a pack of its own. It may live on a thread of its own; there may be several.
///
/// One content at a time: [`begin`](Self::begin), [`write`](Self::write) as often as needed,
/// [`finish`](Self::finish). A content that was begun and not finished is forgotten by the next
/// `begin`. [`sync`](Self::sync) puts everything finished so far on disk; only then may it be applied.
/// After an error the writer should be dropped: what it had not synced is given up.
pub struct ContentWriter {
    packs: Arc<Packs>,
    /// For asking which contents are known.
    reader: Connection,
    /// Lookups since the view of the database began; zero when there is none.
    lookups: u32,
    pack: Option<Pack>,
    /// Contents finished here since the last sync, and perhaps not yet in the database.
    recent: HashMap<Digest, Content>,
    /// Those before them. What is older was applied since, and the database is asked.
    earlier: HashMap<Digest, Content>,
    compressor: zstd::bulk::Compressor<'static>,
    current: Current,
    /// Nothing is taken for known.
    anew: bool,
    /// The content under way, while it is small; kept for its allocation.
    gathered: Vec<u8>,
    compressed: Vec<u8>,
}

/// The pack being written to.
struct Pack {
    number: u32,
    file: File,
    /// Octets in the file.
    flushed: u64,
    /// What comes after them.
    buffer: Vec<u8>,
    /// Octets on disk for certain.
    synced: u64,
}

enum Current {
    Nothing,
    Gathering,
    Streaming(Box<Stream>),
}

struct Stream {
    start: u64,
    raw: u64,
    stored: u64,
    hasher: blake3::Hasher,
    encoder: zstd::stream::write::Encoder<'static, Vec<u8>>,
}

impl ContentWriter {
    pub(crate) fn new(packs: Arc<Packs>, reader: Connection) -> Result<Self, StoreError> {
        let compressor = zstd::bulk::Compressor::new(LEVEL).map_err(memory)?;
        Ok(Self {
            packs,
            reader,
            lookups: 0,
            pack: None,
            recent: HashMap::new(),
            earlier: HashMap::new(),
            compressor,
            current: Current::Nothing,
            anew: false,
            gathered: Vec::new(),
            compressed: Vec::new(),
        })
    }

    /// Stores every content from now on, also one that is known: where it is kept is not to be trusted.
    pub fn write_anew(&mut self) {
        self.anew = true;
    }

    /// Begins a content of about `size_hint` octets.
    ///
    /// # Errors
    /// The pack cannot be written.
    pub fn begin(&mut self, size_hint: u64) -> Result<(), StoreError> {
        self.abandon()?;
        self.gathered.clear();
        self.current = Current::Gathering;
        if size_hint > SMALL as u64 {
            self.start_stream()?;
        }
        Ok(())
    }

    /// Adds to the content that was begun.
    ///
    /// # Errors
    /// The pack cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if matches!(self.current, Current::Gathering) {
            if self.gathered.len() + bytes.len() <= SMALL {
                self.gathered.extend_from_slice(bytes);
                return Ok(());
            }
            self.start_stream()?;
        }
        if let Current::Streaming(stream) = &mut self.current {
            stream.raw += bytes.len() as u64;
            stream.hasher.update(bytes);
            stream.encoder.write_all(bytes).map_err(memory)?;
            let ready = stream.encoder.get_mut();
            stream.stored += ready.len() as u64;
            if let Some(pack) = &mut self.pack {
                pack.append(ready, &self.packs)?;
            }
            ready.clear();
        }
        Ok(())
    }

    /// Ends the content. One already known costs no space.
    ///
    /// # Errors
    /// The pack cannot be written, or nothing was begun.
    pub fn finish(&mut self) -> Result<Content, StoreError> {
        match std::mem::replace(&mut self.current, Current::Nothing) {
            Current::Nothing => Err(StoreError::Missing("content under way")),
            Current::Gathering => self.finish_gathered(),
            Current::Streaming(stream) => self.finish_stream(*stream),
        }
    }

    /// Puts everything finished so far on disk.
    ///
    /// # Errors
    /// The pack cannot be written.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        self.end_lookups()?;
        // Of what is under way nothing counts: it may be cut off.
        let under_way = match &self.current {
            Current::Streaming(stream) => Some(stream.start),
            Current::Nothing | Current::Gathering => None,
        };
        if let Some(pack) = &mut self.pack {
            pack.sync(under_way, &self.packs)?;
        }
        std::mem::swap(&mut self.earlier, &mut self.recent);
        self.recent.clear();
        Ok(())
    }

    /// Appends a record of another pack as it is.
    pub(crate) fn copy(&mut self, header: &Header, payload: &mut impl Read) -> Result<Location, StoreError> {
        let pack = Self::pack_with_room(&mut self.pack, &self.packs)?;
        let at = Location { pack: pack.number, start: pack.length(), stored: header.stored };
        pack.append(&header.encode(), &self.packs)?;
        let mut left = header.stored;
        let mut buffer = vec![0; COPIED];
        while left > 0 {
            let room = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
            let piece = buffer.get_mut(..room).unwrap_or_default();
            payload.read_exact(piece).map_err(StoreError::io("read", &self.packs.dir))?;
            pack.append(piece, &self.packs)?;
            left -= piece.len() as u64;
        }
        Ok(at)
    }

    fn finish_gathered(&mut self) -> Result<Content, StoreError> {
        let digest = Digest(*blake3::hash(&self.gathered).as_bytes());
        let size = self.gathered.len() as u64;
        if let Some(known) = self.known(digest, size)? {
            return Ok(known);
        }
        self.compressed.clear();
        self.compressed.reserve(zstd::zstd_safe::compress_bound(self.gathered.len()));
        let length =
            self.compressor.compress_to_buffer(&self.gathered, &mut self.compressed).map_err(memory)?;
        // Less than a twentieth saved is not worth decompressing for.
        let compressed = length < self.gathered.len() - self.gathered.len() / 20;
        let payload = if compressed { &self.compressed } else { &self.gathered };
        let header = Header { compressed, raw: size, stored: payload.len() as u64, digest };
        let pack = Self::pack_with_room(&mut self.pack, &self.packs)?;
        let at = Location { pack: pack.number, start: pack.length(), stored: header.stored };
        pack.append(&header.encode(), &self.packs)?;
        pack.append(payload, &self.packs)?;
        Ok(self.remember(Content { digest, size, at }))
    }

    fn start_stream(&mut self) -> Result<(), StoreError> {
        let pack = Self::pack_with_room(&mut self.pack, &self.packs)?;
        let stream = Box::new(Stream {
            start: pack.length(),
            raw: 0,
            stored: 0,
            hasher: blake3::Hasher::new(),
            encoder: zstd::stream::write::Encoder::new(Vec::new(), LEVEL).map_err(memory)?,
        });
        // The place of the header, which is known at the end.
        pack.append(&[0; HEADER], &self.packs)?;
        let gathered = std::mem::take(&mut self.gathered);
        self.current = Current::Streaming(stream);
        self.write(&gathered)?;
        self.gathered = gathered;
        self.gathered.clear();
        Ok(())
    }

    fn finish_stream(&mut self, stream: Stream) -> Result<Content, StoreError> {
        let Stream { start, raw, mut stored, hasher, encoder } = stream;
        let rest = encoder.finish().map_err(memory)?;
        stored += rest.len() as u64;
        let digest = digest_of(&hasher);
        let known = self.known(digest, raw)?;
        let Some(pack) = &mut self.pack else { return Err(StoreError::Missing("content under way")) };
        if let Some(known) = known {
            pack.cut(start, &self.packs)?;
            return Ok(known);
        }
        pack.append(&rest, &self.packs)?;
        let header = Header { compressed: true, raw, stored, digest };
        pack.write_at(start, &header.encode(), &self.packs)?;
        let at = Location { pack: pack.number, start, stored };
        Ok(self.remember(Content { digest, size: raw, at }))
    }

    /// The same content, when it was written before.
    fn known(&mut self, digest: Digest, size: u64) -> Result<Option<Content>, StoreError> {
        // What was written here may have been given back since, with its whole pack.
        let remembered = self.recent.get(&digest).or_else(|| self.earlier.get(&digest));
        if let Some(content) = remembered.filter(|content| !self.packs.is_retired(content.at.pack)) {
            return Ok(Some(*content));
        }
        if self.anew {
            return Ok(None);
        }
        if self.lookups == 0 {
            self.reader.execute_batch("BEGIN")?;
        } else if self.lookups == LOOKUPS {
            self.reader.execute_batch("COMMIT; BEGIN")?;
            self.lookups = 0;
        }
        self.lookups += 1;
        Ok(find_digest(&self.reader, &digest)?.map(|(_, at)| Content { digest, size, at }))
    }

    /// Lets go of the view of the database, which would keep its log from being cut.
    fn end_lookups(&mut self) -> Result<(), StoreError> {
        if std::mem::take(&mut self.lookups) > 0 {
            self.reader.execute_batch("COMMIT")?;
        }
        Ok(())
    }

    fn remember(&mut self, content: Content) -> Content {
        if self.recent.len() >= REMEMBERED {
            self.recent.clear();
        }
        self.recent.insert(content.digest, content);
        content
    }

    /// Forgets a content that was begun and not finished.
    fn abandon(&mut self) -> Result<(), StoreError> {
        if let Current::Streaming(stream) = std::mem::replace(&mut self.current, Current::Nothing)
            && let Some(pack) = &mut self.pack
        {
            pack.cut(stream.start, &self.packs)?;
        }
        Ok(())
    }

    fn pack_with_room<'a>(slot: &'a mut Option<Pack>, packs: &Packs) -> Result<&'a mut Pack, StoreError> {
        if let Some(pack) = slot
            && pack.length() >= FULL
        {
            pack.sync(None, packs)?;
            packs.give_back(pack.number, pack.synced);
            *slot = None;
        }
        if slot.is_none() {
            let (number, file, length) = packs.take()?;
            let buffer = Vec::with_capacity(BUFFER + BUFFER / 4);
            *slot = Some(Pack { number, file, flushed: length, buffer, synced: length });
        }
        slot.as_mut().ok_or(StoreError::Missing("pack"))
    }
}

impl Drop for ContentWriter {
    fn drop(&mut self) {
        if let Some(pack) = self.pack.take() {
            // What was not synced cannot be applied any more. When cutting it off fails, the pack is
            // left to the next process.
            if pack.file.set_len(pack.synced).is_ok() {
                self.packs.give_back(pack.number, pack.synced);
            }
        }
    }
}

impl Pack {
    fn length(&self) -> u64 {
        self.flushed + self.buffer.len() as u64
    }

    fn append(&mut self, bytes: &[u8], packs: &Packs) -> Result<(), StoreError> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER { self.flush(packs) } else { Ok(()) }
    }

    /// Writes octets at a place of the file.
    fn put(&self, start: u64, bytes: &[u8], packs: &Packs) -> std::io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(start))?;
        let failure = packs.disk();
        // A disk that fails has mostly taken some of it.
        let taken = if failure.is_ok() { bytes.len() } else { bytes.len() / 2 };
        file.write_all(bytes.get(..taken).unwrap_or_default())?;
        failure
    }

    fn flush(&mut self, packs: &Packs) -> Result<(), StoreError> {
        let written = self.put(self.flushed, &self.buffer, packs);
        written.map_err(StoreError::io("write", &path_of(&packs.dir, self.number)))?;
        self.flushed += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Puts everything on disk, up to a record that is `under_way`.
    fn sync(&mut self, under_way: Option<u64>, packs: &Packs) -> Result<(), StoreError> {
        let length = under_way.unwrap_or_else(|| self.length());
        if length == self.synced {
            return Ok(());
        }
        self.flush(packs)?;
        packs
            .disk()
            .and_then(|()| self.file.sync_data())
            .map_err(StoreError::io("sync", &path_of(&packs.dir, self.number)))?;
        self.synced = length;
        packs.synced(self.number, self.synced);
        Ok(())
    }

    /// Writes over what was appended before.
    fn write_at(&mut self, start: u64, bytes: &[u8], packs: &Packs) -> Result<(), StoreError> {
        self.flush(packs)?;
        let written = self.put(start, bytes, packs);
        written.map_err(StoreError::io("write", &path_of(&packs.dir, self.number)))
    }

    /// Forgets everything from `start` on. Nothing of it was synced.
    fn cut(&mut self, start: u64, packs: &Packs) -> Result<(), StoreError> {
        if start < self.flushed {
            packs
                .disk()
                .and_then(|()| self.file.set_len(start))
                .map_err(StoreError::io("cut", &path_of(&packs.dir, self.number)))?;
            self.flushed = start;
            self.buffer.clear();
        } else {
            self.buffer.truncate(usize::try_from(start - self.flushed).unwrap_or(usize::MAX));
        }
        Ok(())
    }
}

/// zstd fails only for want of memory.
fn memory(error: std::io::Error) -> StoreError {
    StoreError::Damaged(format!("compression failed: {error}"))
}
