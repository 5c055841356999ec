//! Tolerances, each with a name.

/// Something a server does that the grammar does not allow and that is understood all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quirk {
    /// A line ends with LF alone.
    BareLineFeed,
    /// A FETCH row could be read only in part; what was read is kept.
    DamagedRow,
    /// Two spaces, or one at the end of the line, where one or none is due (DavMail, Exchange).
    ExtraSpace,
    /// A mailbox name is not valid modified UTF-7; its bytes are kept.
    MailboxName,
    /// A number is missing, negative or too large (RFC822.SIZE -1, UID 0).
    Number,
    /// Octets above 127 in a text that should be ASCII.
    RawEightBit,
    /// A response, item or code that restante does not know; it was skipped.
    Unknown,
}

impl Quirk {
    /// The stable name, for a diagnosis.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BareLineFeed => "bare-line-feed",
            Self::DamagedRow => "damaged-row",
            Self::ExtraSpace => "extra-space",
            Self::MailboxName => "mailbox-name",
            Self::Number => "number",
            Self::RawEightBit => "raw-eight-bit",
            Self::Unknown => "unknown",
        }
    }
}
