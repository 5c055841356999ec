//! Both directions of a connection after COMPRESS DEFLATE (RFC 4978).

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::ops::Range;

/// Octets of compressed input read at once.
const READ: usize = 64 * 1024;
/// How much room packed output is given at a time.
const ROOM: usize = 4 * 1024;

/// What the other end sends is no DEFLATE stream (RFC 1951), or its stream has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the compressed stream is damaged")]
pub(super) struct Damaged;

/// The state of both directions. Compression begins with the first octet given to it.
///
/// What is unpacked goes into a buffer of the caller's, piece by piece, so a small input that stands for a huge
/// output costs no memory: it meets the limits of the decoder like any other input.
pub(super) struct Deflate {
    packer: Compress,
    unpacker: Decompress,
    packed: Vec<u8>,
    /// What of `packed` is received and not yet unpacked.
    unread: Range<usize>,
    /// The last output was full, so more may follow without any input.
    more: bool,
}

impl std::fmt::Debug for Deflate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deflate").field("unread", &self.unread).finish_non_exhaustive()
    }
}

impl Deflate {
    /// Begins both directions; `left` came behind the server's OK and is compressed already.
    pub(super) fn new(left: &[u8]) -> Self {
        let mut packed = left.to_vec();
        packed.resize(READ.max(left.len()), 0);
        Self {
            // Commands are short: a stronger level would find nothing more.
            packer: Compress::new(Compression::fast(), false),
            unpacker: Decompress::new(false),
            packed,
            unread: 0..left.len(),
            more: false,
        }
    }

    /// Packs `bytes` with a sync flush, so that the other end can unpack all of them now.
    pub(super) fn pack(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Damaged> {
        let mut out = Vec::new();
        let begun = self.packer.total_in();
        loop {
            out.reserve(ROOM);
            let taken = usize::try_from(self.packer.total_in() - begun).unwrap_or(usize::MAX);
            let rest = bytes.get(taken..).unwrap_or_default();
            self.packer.compress_vec(rest, &mut out, FlushCompress::Sync).map_err(|_| Damaged)?;
            let all = self.packer.total_in() - begun == bytes.len() as u64;
            // Room left over means that the flush has come to its end.
            if all && out.len() < out.capacity() {
                return Ok(out);
            }
        }
    }

    /// Unpacks into `out` as much as there is and fits; 0 when more must be received.
    pub(super) fn unpack(&mut self, out: &mut [u8]) -> Result<usize, Damaged> {
        loop {
            let input = self.packed.get(self.unread.clone()).unwrap_or_default();
            if input.is_empty() && !self.more {
                return Ok(0);
            }
            let (taken, given) = (self.unpacker.total_in(), self.unpacker.total_out());
            let status = self.unpacker.decompress(input, out, FlushDecompress::None).map_err(|_| Damaged)?;
            let taken = usize::try_from(self.unpacker.total_in() - taken).map_err(|_| Damaged)?;
            let given = usize::try_from(self.unpacker.total_out() - given).map_err(|_| Damaged)?;
            self.unread.start += taken;
            self.more = given > 0 && given == out.len();
            match (given, status) {
                (1.., _) => return Ok(given),
                // The stream of a connection ends with the connection.
                (0, Status::StreamEnd) => return Err(Damaged),
                (0, _) if taken == 0 => return Ok(0),
                (0, _) => {}
            }
        }
    }

    /// Where to receive into, once [`Deflate::unpack`] gave 0. It takes all that is received up to there.
    pub(super) fn room(&mut self) -> &mut [u8] {
        let left = self.unread.len();
        self.packed.copy_within(self.unread.clone(), 0);
        self.unread = 0..left;
        if left == self.packed.len() {
            self.packed.resize(left + READ, 0);
        }
        self.packed.get_mut(left..).unwrap_or_default()
    }

    /// So many octets were received into [`Deflate::room`].
    pub(super) fn received(&mut self, count: usize) {
        self.unread.end += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(deflate: &mut Deflate, bytes: &[u8]) {
        for piece in bytes.chunks(READ) {
            deflate.room()[..piece.len()].copy_from_slice(piece);
            deflate.received(piece.len());
        }
    }

    fn all(deflate: &mut Deflate, buffer: usize) -> Result<Vec<u8>, Damaged> {
        let mut out = vec![0; buffer];
        let mut text = Vec::new();
        loop {
            match deflate.unpack(&mut out)? {
                0 => return Ok(text),
                count => text.extend_from_slice(&out[..count]),
            }
        }
    }

    fn mail(length: usize) -> Vec<u8> {
        (0..length).map(|i| b"the quick brown fox jumps"[(i * i / 7 + i / 100) % 25]).collect()
    }

    #[test]
    fn what_is_packed_is_whole_at_once_wherever_it_is_split() {
        let (mut near, text) = (Deflate::new(b""), mail(100_000));
        for piece in [&text[..1], &text[1..2000], &text[2000..]] {
            let packed = near.pack(piece).unwrap();
            for size in [1, 7, 4096] {
                // Every receiver begins at the first octet, so each gets a sender of its own.
                let (mut sender, mut far) = (Deflate::new(b""), Deflate::new(b""));
                let mut got = Vec::new();
                for split in sender.pack(piece).unwrap().chunks(size) {
                    put(&mut far, split);
                    got.extend(all(&mut far, 333).unwrap());
                }
                assert_eq!(got, piece);
            }
            assert!(packed.len() < piece.len() + 20);
        }
    }

    #[test]
    fn what_came_behind_the_ok_is_the_beginning() {
        let packed = Deflate::new(b"").pack(b"* 1 EXISTS\r\n").unwrap();
        let mut far = Deflate::new(&packed[..5]);
        let mut text = all(&mut far, 64).unwrap();
        put(&mut far, &packed[5..]);
        text.extend(all(&mut far, 64).unwrap());
        assert_eq!(text, b"* 1 EXISTS\r\n");
    }

    #[test]
    fn a_bomb_comes_in_pieces() {
        let packed = Deflate::new(b"").pack(&vec![b'x'; 10_000_000]).unwrap();
        assert!(packed.len() < 100_000, "{}", packed.len());
        let mut far = Deflate::new(b"");
        put(&mut far, &packed);
        let mut out = [0; 1000];
        let mut sum = 0;
        while let count @ 1.. = far.unpack(&mut out).unwrap() {
            sum += count;
        }
        assert_eq!(sum, 10_000_000);
        assert!(far.packed.len() <= 2 * READ);
    }

    #[test]
    fn garbage_and_the_end_of_the_stream_are_told() {
        // A block of the type that there is none of.
        let mut far = Deflate::new(&[0x07, 0x00]);
        assert_eq!(all(&mut far, 64), Err(Damaged));
        // An empty last block (RFC 1951, section 3.2.3).
        let mut far = Deflate::new(&[0x03, 0x00]);
        assert_eq!(all(&mut far, 64), Err(Damaged));
    }
}
