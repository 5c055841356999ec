//! What a Cryptographic Message Syntax object holds (RFC 5652), as far as it can be told without a key.
//!
//! A signature may have the signed octets inside it (RFC 8551, section 3.5.2): these are taken out, and nothing is
//! verified. Only the way to them is read: BER (X.690, section 8), which is DER with lengths that may be left open and
//! strings that may come in pieces.

/// An object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cms {
    pub(super) kind: CmsKind,
    /// It ends early, or what is in it is not what should be.
    pub(super) is_damaged: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CmsKind {
    /// Signed, with what is signed; `None` when that is elsewhere, or there are only certificates.
    Signed(Option<Vec<u8>>),
    Encrypted,
    /// Compressed, authenticated and the like.
    Other,
}

/// The tags that are met (X.680, section 8.6; X.690, section 8.1.2).
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// `[0]`, with something inside.
const EXPLICIT: u8 = 0xa0;
/// That of a type which consists of others.
const CONSTRUCTED: u8 = 0x20;
/// The end of what has no length.
const END: u8 = 0;

const SIGNED: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
/// Enveloped, signed and enveloped, encrypted, authenticated and enveloped (RFC 5083).
const ENCRYPTED: [&[u8]; 4] = [
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03",
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x04",
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06",
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17",
];

impl Cms {
    /// Reads an object in time that grows with its size only; `None` when this is none.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let is_whole = Reader { rest: bytes, is_damaged: false }.skip(SEQUENCE).is_some();
        let mut reader = Reader { rest: bytes, is_damaged: !is_whole };
        reader.enter(SEQUENCE)?;
        let kind = reader.take(OID)?;
        let kind = match kind {
            _ if kind == SIGNED => CmsKind::Signed(reader.signed()),
            _ if ENCRYPTED.contains(&kind) => CmsKind::Encrypted,
            _ => CmsKind::Other,
        };
        Some(Self { kind, is_damaged: reader.is_damaged })
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    is_damaged: bool,
}

impl<'a> Reader<'a> {
    /// The content of SignedData (section 5.1).
    fn signed(&mut self) -> Option<Vec<u8>> {
        if self.way_to_content().is_none() {
            self.is_damaged = true;
            return None;
        }
        // What is signed may be elsewhere.
        (self.rest.first() == Some(&EXPLICIT)).then(|| {
            self.is_damaged |= self.enter(EXPLICIT).is_none();
            self.octets()
        })
    }

    fn way_to_content(&mut self) -> Option<()> {
        self.enter(EXPLICIT)?;
        self.enter(SEQUENCE)?;
        self.take(INTEGER)?;
        self.skip(SET)?;
        self.enter(SEQUENCE)?;
        self.take(OID).map(|_| ())
    }

    /// The tag and the length of what comes next; a length that is left open is `None`.
    fn head(&mut self) -> Option<(u8, Option<usize>)> {
        let (tag, rest) = self.rest.split_first()?;
        let (first, rest) = rest.split_first()?;
        // Tags of more than an octet are not among those that are met here.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, rest) = match first {
            0..=0x7f => (Some(usize::from(*first)), rest),
            0x80 if tag & CONSTRUCTED != 0 => (None, rest),
            0x80 => return None,
            _ => {
                let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = octets.iter().try_fold(0_usize, |length, octet| {
                    Some(length.checked_mul(256)?.saturating_add(usize::from(*octet)))
                });
                // No message is as long as a number that does not fit.
                (Some(length.unwrap_or(usize::MAX)), rest)
            }
        };
        self.rest = rest;
        Some((*tag, length))
    }

    /// Goes into what consists of others. Where it is longer than what there is, what there is counts.
    fn enter(&mut self, wanted: u8) -> Option<()> {
        let (tag, length) = self.head()?;
        if tag != wanted {
            return None;
        }
        if let Some(length) = length {
            self.rest = self.cut(length);
        }
        Some(())
    }

    /// The content of what consists of nothing else.
    fn take(&mut self, wanted: u8) -> Option<&'a [u8]> {
        let (tag, length) = self.head()?;
        let (content, rest) = self.rest.split_at_checked(length?)?;
        self.rest = rest;
        (tag == wanted).then_some(content)
    }

    /// Goes past something. The depth costs no stack.
    fn skip(&mut self, wanted: u8) -> Option<()> {
        let mut open = 0_usize;
        let mut is_first = true;
        loop {
            let (tag, length) = self.head()?;
            if std::mem::take(&mut is_first) && tag != wanted {
                return None;
            }
            match length {
                None => open += 1,
                Some(0) if tag == END => open = open.checked_sub(1)?,
                Some(length) => self.rest = self.rest.get(length..)?,
            }
            if open == 0 {
                return Some(());
            }
        }
    }

    /// The content of an OCTET STRING, whose pieces may be in pieces themselves. What is there of one that ends early.
    fn octets(&mut self) -> Vec<u8> {
        let mut found = Vec::new();
        let mut open = 0_usize;
        let mut is_outermost = true;
        loop {
            let Some((tag, length)) = self.head() else {
                self.is_damaged |= open > 0 || !self.rest.is_empty() || found.is_empty();
                return found;
            };
            match (tag, length) {
                (END, Some(0)) if open > 0 => open -= 1,
                (OCTETS, Some(length)) => {
                    let piece = self.cut(length);
                    found.extend_from_slice(piece);
                    self.rest = self.rest.get(piece.len()..).unwrap_or_default();
                }
                (tag, length) if tag == OCTETS | CONSTRUCTED => match length {
                    None => open += 1,
                    Some(length) if is_outermost => self.rest = self.cut(length),
                    // Its pieces are read as if they stood here.
                    Some(_) => {}
                },
                _ => {
                    self.is_damaged = true;
                    return found;
                }
            }
            is_outermost = false;
            if open == 0 && (tag == OCTETS || tag == END) && self.is_at_end() {
                return found;
            }
        }
    }

    /// As much of the next octets as there is.
    fn cut(&mut self, length: usize) -> &'a [u8] {
        let found = self.rest.get(..length);
        self.is_damaged |= found.is_none();
        found.unwrap_or(self.rest)
    }

    /// Whether nothing comes any more, or the end of what is around.
    fn is_at_end(&self) -> bool {
        self.rest.is_empty() || self.rest.first() == Some(&END)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Something with its length before it.
    fn definite(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap();
        [&[tag, 0x84][..], &length.to_be_bytes(), content].concat()
    }

    /// Something with an end behind it.
    fn indefinite(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, 0x80][..], content, &[0, 0]].concat()
    }

    const KINDS: [&[u8]; 2] = [SIGNED, b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"];

    fn object(kind: &[u8], content: &[u8]) -> Vec<u8> {
        definite(SEQUENCE, &[definite(OID, kind), definite(EXPLICIT, content)].concat())
    }

    /// SignedData around `content`, which is a string already, or nothing.
    fn signed_around(content: &[u8], wrap: fn(u8, &[u8]) -> Vec<u8>) -> Vec<u8> {
        let content = if content.is_empty() { Vec::new() } else { wrap(EXPLICIT, content) };
        let inside = wrap(SEQUENCE, &[definite(OID, KINDS[1]), content].concat());
        let digests = wrap(SET, &wrap(SEQUENCE, &definite(OID, b"\x60\x86")));
        let data = wrap(SEQUENCE, &[definite(INTEGER, &[1]), digests, inside, wrap(SET, b"")].concat());
        wrap(SEQUENCE, &[definite(OID, SIGNED), wrap(EXPLICIT, &data)].concat())
    }

    /// What a signer makes who writes DER.
    pub(in crate::message) fn signed(content: &[u8]) -> Vec<u8> {
        signed_around(&definite(OCTETS, content), definite)
    }

    pub(in crate::message) fn enveloped() -> Vec<u8> {
        object(ENCRYPTED[0], &definite(SEQUENCE, &definite(INTEGER, &[0])))
    }

    fn content(bytes: &[u8]) -> (Option<Vec<u8>>, bool) {
        match Cms::read(bytes) {
            Some(Cms { kind: CmsKind::Signed(content), is_damaged }) => (content, is_damaged),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_signed_is_taken_out_however_it_is_written() {
        let whole = (Some(b"hello world".to_vec()), false);
        assert_eq!(content(&signed(b"hello world")), whole);
        let pieces =
            [definite(OCTETS, b"hello "), definite(OCTETS, b"wor"), definite(OCTETS, b"ld")].concat();
        let constructed = OCTETS | CONSTRUCTED;
        for wrap in [definite, indefinite] {
            for string in [
                definite(OCTETS, b"hello world"),
                wrap(constructed, &pieces),
                wrap(constructed, &[wrap(constructed, &pieces[..12]), pieces[12..].to_vec()].concat()),
                indefinite(constructed, &definite(constructed, &pieces)),
                definite(constructed, &indefinite(constructed, &pieces)),
            ] {
                assert_eq!(content(&signed_around(&string, wrap)), whole, "{string:02x?}");
            }
        }
        assert_eq!(content(&signed(b"")), (Some(Vec::new()), false));
        assert_eq!(content(&signed_around(b"", indefinite)), (None, false));
    }

    #[test]
    fn what_is_encrypted_is_named() {
        assert_eq!(Cms::read(&enveloped()), Some(Cms { kind: CmsKind::Encrypted, is_damaged: false }));
        let compressed = object(b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09", b"");
        assert_eq!(Cms::read(&compressed), Some(Cms { kind: CmsKind::Other, is_damaged: false }));
        let cut = Cms::read(&enveloped()[..30]);
        assert_eq!(cut, Some(Cms { kind: CmsKind::Encrypted, is_damaged: true }));
        for none in [&b""[..], b"0", b"\x30\x80", b"hello", b"\x30\x03\x02\x01\x01", &[0x30; 100]] {
            assert_eq!(Cms::read(none), None, "{none:02x?}");
        }
    }

    #[test]
    fn of_a_damaged_one_what_is_there_is_taken_and_it_is_told() {
        let whole = signed(b"hello world");
        let at = whole.windows(5).position(|bytes| bytes == b"hello").unwrap();
        assert_eq!(content(&whole[..at + 5]), (Some(b"hello".to_vec()), true));
        assert_eq!(content(&whole[..whole.len() - 1]), (Some(b"hello world".to_vec()), true));
        let string = indefinite(OCTETS | CONSTRUCTED, &definite(OCTETS, b"hello"));
        let open = signed_around(&string, indefinite);
        assert_eq!(content(&open[..open.len() - 1]), (Some(b"hello".to_vec()), true));
        // A length that no memory has, and something else in the string.
        let mut longer = whole.clone();
        longer[at - 4..at].copy_from_slice(&[0xff; 4]);
        assert!(content(&longer).1);
        let other = signed_around(&indefinite(OCTETS | CONSTRUCTED, &definite(INTEGER, b"1")), definite);
        assert_eq!(content(&other), (Some(Vec::new()), true));
    }

    #[test]
    fn hostile_depth_and_number_cost_nothing() {
        let head = signed_around(b"", indefinite);
        let at = head.len() - 8;
        for piece in
            [&[0x24, 0x80][..], &[0x24, 0x84, 0x7f, 0xff, 0xff, 0xff], &[4, 0], &[4, 1, 65], &[0x24, 0]]
        {
            let content = [&[EXPLICIT, 0x80, 0x24, 0x80][..], &piece.repeat(1_000_000)].concat();
            let bytes = [&head[..at], &content].concat();
            let found = Cms::read(&bytes).unwrap();
            assert!(found.is_damaged, "{piece:02x?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Cms::read(&bytes);
        }

        #[test]
        fn any_change_is_read_and_nothing_is_invented(
            pieces in proptest::collection::vec("[a-z]{0,20}", 1..5),
            is_open in any::<bool>(),
            changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<proptest::sample::Index>(),
        ) {
            let wrap = if is_open { indefinite } else { definite };
            let string: Vec<u8> = pieces.iter().flat_map(|piece| definite(OCTETS, piece.as_bytes())).collect();
            let mut bytes = signed_around(&wrap(OCTETS | CONSTRUCTED, &string), wrap);
            let whole = Cms::read(&bytes).unwrap();
            let is_empty = pieces.iter().all(String::is_empty);
            prop_assert_eq!(whole.kind, CmsKind::Signed(Some(pieces.concat().into_bytes())));
            prop_assert!(!whole.is_damaged || is_empty);
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(cut.index(bytes.len()) + 1);
            if let Some(Cms { kind: CmsKind::Signed(Some(content)), .. }) = Cms::read(&bytes) {
                prop_assert!(content.len() <= bytes.len());
            }
        }
    }
}
