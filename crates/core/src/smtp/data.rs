//! The body on the wire (RFC 5321, section 4.5.2).

/// What ends the body. [`DataEncoder`] never produces it: sending it is a step of its own.
pub const END_OF_DATA: &[u8] = b".\r\n";

/// Turns a message into what follows `DATA`: every line ends in CRLF, and a dot at the start of a line is
/// doubled. A bare CR or LF becomes a line end too, so that no server and no relay behind it can read a
/// second message into the first ("SMTP smuggling").
#[derive(Clone, Debug)]
pub struct DataEncoder {
    at_line_start: bool,
    after_cr: bool,
}

impl Default for DataEncoder {
    fn default() -> Self {
        Self { at_line_start: true, after_cr: false }
    }
}

impl DataEncoder {
    /// Encodes the next piece of the message; pieces may be cut anywhere.
    pub fn encode(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        while !rest.is_empty() {
            let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            let (text, from_end) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            if !text.is_empty() {
                if self.at_line_start && text.first() == Some(&b'.') {
                    out.push(b'.');
                }
                out.extend_from_slice(text);
                self.at_line_start = false;
                self.after_cr = false;
            }
            let Some((line_end, after)) = from_end.split_first() else { return };
            if !(*line_end == b'\n' && self.after_cr) {
                out.extend_from_slice(b"\r\n");
            }
            self.after_cr = *line_end == b'\r';
            self.at_line_start = true;
            rest = after;
        }
    }

    /// Ends the last line when the message did not.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if !self.at_line_start {
            out.extend_from_slice(b"\r\n");
        }
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(pieces: &[&[u8]]) -> Vec<u8> {
        let mut encoder = DataEncoder::default();
        let mut out = Vec::new();
        for piece in pieces {
            encoder.encode(piece, &mut out);
        }
        encoder.finish(&mut out);
        out
    }

    #[test]
    fn dots_are_doubled_at_line_starts_only() {
        assert_eq!(encode(&[b".a\r\n.b.c\r\n..\r\n"]), b"..a\r\n..b.c\r\n...\r\n");
        assert_eq!(encode(&[b"a\r", b"\n", b"", b".", b".b"]), b"a\r\n...b\r\n");
    }

    #[test]
    fn no_line_end_smuggles_an_end_of_data() {
        assert_eq!(encode(&[b"a\n.\nMAIL"]), b"a\r\n..\r\nMAIL\r\n");
        assert_eq!(encode(&[b"a\r.\rMAIL"]), b"a\r\n..\r\nMAIL\r\n");
        assert_eq!(encode(&[b"a\n.\r\nMAIL"]), b"a\r\n..\r\nMAIL\r\n");
        assert_eq!(encode(&[b"a\r\r\nb"]), b"a\r\n\r\nb\r\n");
    }

    #[test]
    fn the_last_line_is_ended_once() {
        assert_eq!(encode(&[b""]), b"");
        assert_eq!(encode(&[b"a"]), b"a\r\n");
        assert_eq!(encode(&[b"a\r\n"]), b"a\r\n");
        assert_eq!(encode(&[b"a\r"]), b"a\r\n");
    }

    /// What a server makes of it: lines by CRLF, one leading dot dropped.
    fn decode(wire: &[u8]) -> Vec<Vec<u8>> {
        let text = wire.strip_suffix(b"\r\n").unwrap_or(wire);
        let lines = text.split(|b| *b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l));
        lines.map(|l| l.strip_prefix(b".").unwrap_or(l).to_vec()).collect()
    }

    /// The lines of a message, whatever ends them.
    fn lines(message: &[u8]) -> Vec<Vec<u8>> {
        let text: Vec<u8> = String::from_utf8(message.to_vec())
            .unwrap()
            .replace("\r\n", "\n")
            .replace('\r', "\n")
            .into_bytes();
        let text = text.strip_suffix(b"\n").unwrap_or(&text);
        text.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect()
    }

    proptest! {
        #[test]
        fn any_cutting_gives_canonical_lines_that_decode_back(
            message in "[.\r\na]{0,40}",
            cuts in proptest::collection::vec(0_usize..41, 0..6),
        ) {
            let bytes = message.as_bytes();
            let mut at: Vec<_> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            let wire = encode(&pieces);
            prop_assert_eq!(&wire, &encode(&[bytes]));
            for (i, b) in wire.iter().enumerate() {
                match b {
                    b'\n' => prop_assert_eq!(wire[i - 1], b'\r'),
                    b'\r' => prop_assert_eq!(wire[i + 1], b'\n'),
                    _ => {}
                }
            }
            prop_assert!(!wire.starts_with(b".\r\n"));
            prop_assert!(!wire.windows(5).any(|w| w == b"\r\n.\r\n"));
            prop_assert_eq!(decode(&wire), lines(bytes));
        }
    }
}
