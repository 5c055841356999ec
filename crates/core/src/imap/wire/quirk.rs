//! Tolerances, each with a name.

/// Something a server does that the grammar does not allow and that is understood all the same.
///
/// Each has an own-written transcript in the tests of the decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quirk {
    /// A code stands in a line of its own, without `* OK` (Exchange's COPYUID for MOVE).
    BareCode,
    /// A line ends with LF alone (scripts, gateways).
    BareLineFeed,
    /// A status response has no text (`* OK`; old Domino, Zimbra).
    BareStatus,
    /// A FETCH row could be read only in part; what was read is kept (quotation marks that were not escaped:
    /// QQ, Exchange).
    DamagedRow,
    /// A range runs downwards, as `320:319` (RFC 9051 allows it, many clients do not; Gmail's COPYUID).
    DescendingRange,
    /// Two spaces, or one at the end of the line, where one or none is due (DavMail, Exchange, QQ).
    ExtraSpace,
    /// After a literal the row does not go on: fewer octets were announced than were sent (Domino).
    LiteralLength,
    /// A mailbox name is not valid modified UTF-7; its bytes are kept (Yandex, servers that send raw UTF-8).
    MailboxName,
    /// No space where one is due, as in `MODSEQ (5)UID 7`.
    MissingSpace,
    /// An item of a row has a name and no value (Yandex: `BODY[2] )`).
    MissingValue,
    /// A number is missing, negative, zero where none may be, or too large (Exchange's RFC822.SIZE -1, UID 0,
    /// Cyrus 2.3's MODSEQ 0).
    Number,
    /// A flag that is none: NIL, a backslash alone, or with a character no flag may have (Gmail's keywords with `]`).
    OddFlag,
    /// Octets above 127 in a text that should be ASCII (ENVELOPE, BYE).
    RawEightBit,
    /// `*` in the UIDs of VANISHED, where only numbers may be.
    StarInSet,
    /// Members of the UIDs of VANISHED could not be read and were left out (iCloud). The count of messages
    /// tells what is missing.
    UidSet,
    /// An object's identifier without its parentheses, or quoted (`EMAILID M1`).
    UnquotedId,
    /// A mailbox name with spaces or parentheses and without quotation marks (Exchange).
    UnquotedName,
    /// A response that restante does not know; it was skipped.
    Unknown,
}

impl Quirk {
    /// Every one.
    pub const ALL: [Self; 18] = [
        Self::BareCode,
        Self::BareLineFeed,
        Self::BareStatus,
        Self::DamagedRow,
        Self::DescendingRange,
        Self::ExtraSpace,
        Self::LiteralLength,
        Self::MailboxName,
        Self::MissingSpace,
        Self::MissingValue,
        Self::Number,
        Self::OddFlag,
        Self::RawEightBit,
        Self::StarInSet,
        Self::UidSet,
        Self::UnquotedId,
        Self::UnquotedName,
        Self::Unknown,
    ];

    /// The stable name, for a diagnosis.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BareCode => "bare-code",
            Self::BareLineFeed => "bare-line-feed",
            Self::BareStatus => "bare-status",
            Self::DamagedRow => "damaged-row",
            Self::DescendingRange => "descending-range",
            Self::ExtraSpace => "extra-space",
            Self::LiteralLength => "literal-length",
            Self::MailboxName => "mailbox-name",
            Self::MissingSpace => "missing-space",
            Self::MissingValue => "missing-value",
            Self::Number => "number",
            Self::OddFlag => "odd-flag",
            Self::RawEightBit => "raw-eight-bit",
            Self::StarInSet => "star-in-set",
            Self::UidSet => "uid-set",
            Self::UnquotedId => "unquoted-id",
            Self::UnquotedName => "unquoted-name",
            Self::Unknown => "unknown",
        }
    }
}
