//! What tells a large message from another, without the octets of its attachments.

/// The most octets that are kept.
const MOST: usize = 4 << 20;
/// Octets of base64 in one piece that are kept: a text is shorter, a picture is not.
const RUN: usize = 128 << 10;
/// The longest line that is looked at as one. RFC 5322, section 2.1.1, allows 998 octets.
const LINE: usize = 4096;
/// A line of base64 shorter than this is the last one.
const FULL: usize = 40;

/// Takes a message in pieces of any size and keeps what [`Searchable`](super::Searchable) needs of it: headers,
/// boundaries and texts. Of a long run of base64 lines only the beginning is kept, and of everything no
/// more than 4 MiB.
#[derive(Debug, Default)]
pub struct Skim {
    kept: Vec<u8>,
    /// The line that has not ended.
    line: Vec<u8>,
    /// Octets in the run of base64 lines under way.
    run: usize,
}

impl Skim {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next octets.
    pub fn push(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.line.is_empty() && piece.ends_with(b"\n") {
                self.keep(piece);
                continue;
            }
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.line.len() >= LINE {
                let line = std::mem::take(&mut self.line);
                self.keep(&line);
                self.line = line;
                self.line.clear();
            }
        }
    }

    /// Whether no more will be kept.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.kept.len() >= MOST
    }

    /// What is kept of the message.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        let line = std::mem::take(&mut self.line);
        self.keep(&line);
        self.kept
    }

    fn keep(&mut self, line: &[u8]) {
        self.run = if is_base64(line) { self.run.saturating_add(line.len()) } else { 0 };
        if self.run <= RUN && !self.is_full() {
            self.kept.extend_from_slice(line);
        }
    }
}

/// Whether this is a full line of base64 (RFC 2045, section 6.8).
fn is_base64(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    line.len() >= FULL && line.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Searchable;

    #[test]
    fn a_large_message_is_found_by_its_text_and_the_names_of_its_files() {
        let file = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5\r\n".repeat(60_000);
        let part = |name: &str| {
            format!(
                "--x\r\nContent-Type: application/pdf; name={name}\r\nContent-Transfer-Encoding: base64\r\n\
                 Content-Disposition: attachment\r\n\r\n{file}QUJD\r\n"
            )
        };
        let message = format!(
            "Subject: files\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
             --x\r\nContent-Type: text/plain\r\n\r\nThe files.\r\n{}{}--x--\r\n",
            part("one.pdf"),
            part("two.pdf")
        );
        for size in [1, 1000, message.len()] {
            let mut skim = Skim::new();
            message.as_bytes().chunks(size).for_each(|piece| skim.push(piece));
            let kept = skim.finish();
            assert!(kept.len() < 3 * RUN, "{} of {}", kept.len(), message.len());
            assert_eq!(Searchable::read(&kept), Searchable::read(message.as_bytes()));
        }
    }

    #[test]
    fn text_is_kept_as_it_is_and_no_more_than_there_is_room_for() {
        let text = format!("Subject: x\r\n\r\n{}", "words of a letter, and no line end ".repeat(60_000));
        let mut skim = Skim::new();
        skim.push(text.as_bytes());
        assert!(!skim.is_full());
        assert_eq!(skim.finish(), text.as_bytes());
        let mut skim = Skim::new();
        (0..20).for_each(|_| skim.push(&[0xff; 1 << 20]));
        assert!(skim.is_full());
        assert!(skim.finish().len() < MOST + LINE);
    }
}
