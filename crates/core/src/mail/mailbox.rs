//! Mailboxes: names, delimiters and special uses.

use std::fmt;

/// A mailbox's full name, decoded to Unicode, as the server spells it with its own delimiter.
///
/// `INBOX` is the one case-insensitive name (RFC 9051, section 5.1) and is always upper case here.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailboxName(String);

impl MailboxName {
    /// Takes a decoded name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        if name.eq_ignore_ascii_case("INBOX") { Self("INBOX".to_owned()) } else { Self(name) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the INBOX.
    #[must_use]
    pub fn is_inbox(&self) -> bool {
        self.0 == "INBOX"
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a mailbox is for (RFC 6154).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SpecialUse {
    /// `\All`: a view of every message.
    All,
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Flagged`: a view of starred messages.
    Flagged,
    /// `\Important` (RFC 8457): a view.
    Important,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
}

impl SpecialUse {
    /// Every special use with its attribute on the wire.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::All, "\\All"),
        (Self::Archive, "\\Archive"),
        (Self::Drafts, "\\Drafts"),
        (Self::Flagged, "\\Flagged"),
        (Self::Important, "\\Important"),
        (Self::Junk, "\\Junk"),
        (Self::Sent, "\\Sent"),
        (Self::Trash, "\\Trash"),
    ];

    /// The attribute on the wire, as `\Sent`.
    #[must_use]
    pub fn attribute(self) -> &'static str {
        Self::ALL.into_iter().find(|(use_, _)| *use_ == self).map_or("", |(_, name)| name)
    }

    /// Reads an attribute; case does not matter (Cyrus sends `\sent`).
    #[must_use]
    pub fn from_attribute(attribute: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, name)| name.eq_ignore_ascii_case(attribute)).map(|(use_, _)| use_)
    }
}

/// A mailbox as LIST describes it (RFC 9051, section 7.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Its full name.
    pub name: MailboxName,
    /// The hierarchy delimiter; `None` when the namespace is flat.
    pub delimiter: Option<char>,
    /// What it is for, when the server says.
    pub special_use: Option<SpecialUse>,
    /// Whether it can be selected: neither `\Noselect` nor `\NonExistent`.
    pub selectable: bool,
}
