//! Identities that never return, and the short text people use for messages.

use std::fmt;

/// How many low bits of a [`MessageId`] are the message's number; the rest is its date.
pub(crate) const SERIAL_BITS: u32 = 28;
/// The low bits of a [`MessageId`].
pub(crate) const SERIAL_MASK: i64 = (1 << SERIAL_BITS) - 1;
/// The latest date an id can hold (the year 2514). Later ones are stored as this.
pub(crate) const DATE_MAX: i64 = (1 << 34) - 1;

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub(crate) i64);

        impl $name {
            /// The number, for JSON and logs.
            #[must_use]
            pub fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

row_id!(
    /// An account. Never used again after the account was removed.
    AccountId
);
row_id!(
    /// A mailbox. Never used again after the mailbox was removed.
    MailboxId
);
row_id!(
    /// A message. Ordered by date: of two ids the larger is the newer message. Never used again.
    MessageId
);
row_id!(
    /// A submission in the outbox. Never used again.
    SubmissionId
);
row_id!(
    /// An operation. Never used again; operations run in this order.
    OperationId
);

row_id!(
    /// What a person asked in one go, the token of undo. Never used again.
    RequestId
);

impl RequestId {
    /// Takes the number a person typed. It may name nothing.
    #[must_use]
    pub fn new(number: i64) -> Self {
        Self(number)
    }
}

impl SubmissionId {
    /// Takes the number a person typed. It may name nothing.
    #[must_use]
    pub fn new(number: i64) -> Self {
        Self(number)
    }
}

impl MessageId {
    /// Puts a date and a number together. Dates outside 1970 to 2514 are moved to the nearer end.
    pub(crate) fn new(date: i64, serial: i64) -> Self {
        Self(Self::first_at(date).0 | (serial & SERIAL_MASK))
    }

    /// The smallest id a message of `date` can have.
    pub(crate) fn first_at(date: i64) -> Self {
        Self(date.clamp(0, DATE_MAX) << SERIAL_BITS)
    }

    /// `message.id`
    pub(crate) fn serial(self) -> i64 {
        self.0 & SERIAL_MASK
    }
}

/// The BLAKE3 digest of a content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub(crate) [u8; 32]);

impl Digest {
    /// The digest of these octets.
    #[must_use]
    pub fn of(octets: &[u8]) -> Self {
        Self(*blake3::hash(octets).as_bytes())
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&letters(&self.0, 64))
    }
}

/// The first `length` letters of a digest: its nibbles as `z` (0) to `k` (15), so that an id is never
/// taken for a number or for a hexadecimal commit.
pub(crate) fn letters(digest: &[u8], length: usize) -> String {
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .take(length)
        .map(|nibble| char::from(b'z' - nibble))
        .collect()
}

/// The digests that begin with `text`: the first, and the last. `None` when `text` is no id.
pub(crate) fn digest_range(text: &str) -> Option<([u8; 32], [u8; 32])> {
    let (mut low, mut high) = ([0x00; 32], [0xff; 32]);
    if text.is_empty() || text.len() > 64 {
        return None;
    }
    for (at, letter) in text.bytes().enumerate() {
        let letter = letter.to_ascii_lowercase();
        if !(b'k'..=b'z').contains(&letter) {
            return None;
        }
        let nibble = b'z' - letter;
        let (shift, keep) = if at % 2 == 0 { (4, 0x0f) } else { (0, 0xf0) };
        for bound in [&mut low, &mut high] {
            let byte = bound.get_mut(at / 2)?;
            *byte = (*byte & keep) | (nibble << shift);
        }
    }
    Some((low, high))
}

/// How many leading nibbles two digests share.
pub(crate) fn shared(a: &[u8], b: &[u8]) -> usize {
    let bytes = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let half = a.get(bytes).zip(b.get(bytes)).is_some_and(|(x, y)| x >> 4 == y >> 4);
    bytes * 2 + usize::from(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_name_a_range_of_digests() {
        let mut digest = [0u8; 32];
        digest[0] = 0x0f;
        digest[1] = 0xa5;
        assert_eq!(letters(&digest, 4), "zkpu");
        let (low, high) = digest_range("zkp").unwrap();
        assert_eq!((low[0], low[1], low[2]), (0x0f, 0xa0, 0));
        assert_eq!((high[0], high[1], high[2]), (0x0f, 0xaf, 0xff));
        assert!(low <= digest && digest <= high);
        assert_eq!(digest_range("ZKP"), digest_range("zkp"));
        assert_eq!(digest_range("abc"), None);
        assert_eq!(digest_range(""), None);
    }

    #[test]
    fn shared_nibbles_are_counted() {
        assert_eq!(shared(&[0x12, 0x34], &[0x12, 0x35]), 3);
        assert_eq!(shared(&[0x12], &[0x22]), 0);
        assert_eq!(shared(&[0x12], &[0x12]), 2);
    }

    #[test]
    fn the_newer_message_has_the_larger_id() {
        assert!(MessageId::new(100, 9) < MessageId::new(101, 3));
        assert!(MessageId::new(-5, 1) < MessageId::new(0, 2));
        assert_eq!(MessageId::new(i64::MAX, 7).serial(), 7);
    }
}
