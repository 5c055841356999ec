//! The header of a record: what is needed to read its payload, and to find records without a database.
//!
//! 56 octets, numbers with the least significant octet first: magic `RSTP`, version 1, flags, two
//! zeros, raw length (8), stored length (8), BLAKE3 digest of the raw content (32).

use crate::Digest;

/// Octets of a header.
pub(crate) const HEADER: usize = 56;
const MAGIC: &[u8; 4] = b"RSTP";
const VERSION: u8 = 1;
const ZSTD: u8 = 1;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Whether the payload is compressed with zstd.
    pub(super) compressed: bool,
    /// Octets of the content.
    pub(super) raw: u64,
    /// Octets of the payload.
    pub(super) stored: u64,
    /// The digest of the content.
    pub(super) digest: Digest,
}

impl Header {
    /// The header as it is written.
    pub(super) fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        let fields = MAGIC
            .iter()
            .copied()
            .chain([VERSION, if self.compressed { ZSTD } else { 0 }, 0, 0])
            .chain(self.raw.to_le_bytes())
            .chain(self.stored.to_le_bytes())
            .chain(self.digest.0);
        bytes.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
        bytes
    }

    /// Reads a header; `None` when it is none, or one of a version this program does not know.
    pub(super) fn decode(bytes: &[u8; HEADER]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<4>()?;
        let (kind, rest) = rest.split_first_chunk::<4>()?;
        let (raw, rest) = rest.split_first_chunk::<8>()?;
        let (stored, rest) = rest.split_first_chunk::<8>()?;
        let (digest, _) = rest.split_first_chunk::<32>()?;
        let compressed = match kind {
            [VERSION, 0, 0, 0] => false,
            [VERSION, ZSTD, 0, 0] => true,
            _ => return None,
        };
        (magic == MAGIC).then_some(Self {
            compressed,
            raw: u64::from_le_bytes(*raw),
            stored: u64::from_le_bytes(*stored),
            digest: Digest(*digest),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_as_written_and_nothing_else_does() {
        let header = Header { compressed: true, raw: 1 << 40, stored: 77, digest: Digest([9; 32]) };
        let bytes = header.encode();
        assert_eq!(Header::decode(&bytes), Some(header));
        for at in 0..8 {
            let mut other = bytes;
            other[at] ^= 0x80;
            assert_eq!(Header::decode(&other), None);
        }
    }
}
