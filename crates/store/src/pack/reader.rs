//! Reading one record.

use super::record::{HEADER, Header};
use super::{Location, SMALL, digest_of, path_of};
use crate::{Digest, StoreError};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};
use std::path::Path;
use zstd::bulk::Decompressor;

/// The content of one record. The last read fails when what was read is not what was written.
pub(crate) struct RecordReader {
    payload: Payload,
    hasher: blake3::Hasher,
    digest: Digest,
    left: u64,
}

/// Reads a small content whole, verified.
pub(crate) fn read_small(
    dir: &Path,
    at: &Location,
    digest: &Digest,
    decompressor: &mut Decompressor<'_>,
) -> Result<Vec<u8>, StoreError> {
    let path = path_of(dir, at.pack);
    let damaged = || StoreError::Damaged(format!("{} at {}", path.display(), at.start));
    let (header, file) = open_record(&path, at, digest)?;
    let mut payload = Vec::with_capacity(SMALL.min(usize::try_from(header.stored).unwrap_or(SMALL)));
    file.take(header.stored).read_to_end(&mut payload).map_err(StoreError::io("read", &path))?;
    if header.compressed {
        let raw = usize::try_from(header.raw).ok().filter(|raw| *raw <= SMALL).ok_or_else(damaged)?;
        payload = decompressor.decompress(&payload, raw).map_err(|_| damaged())?;
    }
    let whole = payload.len() as u64 == header.raw && *blake3::hash(&payload).as_bytes() == digest.0;
    if whole { Ok(payload) } else { Err(damaged()) }
}

/// Opens a pack at the payload of a record. One that is not there, or too short, is damaged.
pub(crate) fn open_record(path: &Path, at: &Location, digest: &Digest) -> Result<(Header, File), StoreError> {
    let damaged = || StoreError::Damaged(format!("{} at {}", path.display(), at.start));
    let failed = |action| {
        move |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof => damaged(),
            _ => StoreError::io(action, path)(error),
        }
    };
    let mut file = File::open(path).map_err(failed("open"))?;
    let mut bytes = [0; HEADER];
    file.seek(SeekFrom::Start(at.start)).and_then(|_| file.read_exact(&mut bytes)).map_err(failed("read"))?;
    let header = Header::decode(&bytes)
        .filter(|header| header.digest == *digest && header.stored == at.stored)
        .ok_or_else(damaged)?;
    Ok((header, file))
}

enum Payload {
    Raw(Take<File>),
    Zstd(Box<zstd::stream::read::Decoder<'static, BufReader<Take<File>>>>),
}

impl RecordReader {
    /// Opens the record of `digest`.
    pub(crate) fn open(dir: &Path, at: &Location, digest: &Digest) -> Result<Self, StoreError> {
        let path = path_of(dir, at.pack);
        let (header, file) = open_record(&path, at, digest)?;
        let file = file.take(header.stored);
        let payload = if header.compressed {
            Payload::Zstd(Box::new(
                zstd::stream::read::Decoder::new(file).map_err(StoreError::io("read", &path))?,
            ))
        } else {
            Payload::Raw(file)
        };
        Ok(Self { payload, hasher: blake3::Hasher::new(), digest: *digest, left: header.raw })
    }
}

impl Read for RecordReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = match &mut self.payload {
            Payload::Raw(file) => file.read(buffer)?,
            Payload::Zstd(decoder) => decoder.read(buffer)?,
        };
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        let left = self.left.checked_sub(count as u64);
        if left.is_none() || (count == 0 && (self.left != 0 || digest_of(&self.hasher) != self.digest)) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the stored message is damaged"));
        }
        self.left = left.unwrap_or(0);
        Ok(count)
    }
}
