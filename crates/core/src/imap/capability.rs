//! What a server says it can do.

use std::collections::BTreeSet;

/// Extensions of IMAP4rev1 that IMAP4rev2 has without naming them.
const REV2: [&str; 14] = [
    "NAMESPACE",
    "UNSELECT",
    "UIDPLUS",
    "ESEARCH",
    "SEARCHRES",
    "ENABLE",
    "IDLE",
    "SASL-IR",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "MOVE",
    "LITERAL-",
    "SPECIAL-USE",
    "STATUS=SIZE",
];

/// The capabilities of a connection (RFC 9051, section 6.1.1), upper-cased.
///
/// What was said before TLS or before authentication counts for nothing afterwards; [`super::Session`]
/// drops it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(BTreeSet<String>);

impl Capabilities {
    /// Whether a capability is listed, or part of IMAP4rev2 where a server speaks nothing older (RFC 9051, appendix E).
    /// Names compare without case.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        let name = name.to_ascii_uppercase();
        let only = || self.0.contains("IMAP4REV2") && !self.0.contains("IMAP4REV1");
        self.0.contains(&name) || (REV2.contains(&name.as_str()) && only())
    }

    /// Whether nothing was said yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The SASL mechanisms offered, from `AUTH=…`.
    pub fn mechanisms(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|name| name.strip_prefix("AUTH="))
    }

    /// The value of a capability of the form `NAME=value`, as `35882577` of `APPENDLIMIT=35882577`.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='))
    }

    /// The most octets a message may have to be appended to any mailbox (RFC 7889). `None` when there is no such
    /// limit, or only one for each mailbox.
    #[must_use]
    pub fn append_limit(&self) -> Option<u64> {
        self.value("APPENDLIMIT")?.parse().ok()
    }

    /// How many messages a command may be about (RFC 9738).
    #[must_use]
    pub fn message_limit(&self) -> Option<u32> {
        self.value("MESSAGELIMIT")?.parse().ok().filter(|limit| *limit > 0)
    }

    /// Every capability, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<'a> FromIterator<&'a str> for Capabilities {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        Self(names.into_iter().map(str::to_ascii_uppercase).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ignore_case_and_values_are_found() {
        let capabilities: Capabilities =
            ["Imap4rev1", "auth=plain", "AUTH=SCRAM-SHA-256", "APPENDLIMIT=10"].into_iter().collect();
        assert!(capabilities.has("IMAP4REV1"));
        assert_eq!(capabilities.mechanisms().collect::<Vec<_>>(), ["PLAIN", "SCRAM-SHA-256"]);
        assert_eq!(capabilities.value("APPENDLIMIT"), Some("10"));
        assert_eq!(capabilities.value("APPEND"), None);
        assert_eq!(capabilities.append_limit(), Some(10));
        assert_eq!(capabilities.message_limit(), None);
        let for_each: Capabilities = ["APPENDLIMIT"].into_iter().collect();
        assert_eq!(for_each.append_limit(), None);
        let only: Capabilities = ["IMAP4rev2"].into_iter().collect();
        assert!(only.has("MOVE") && only.has("Status=Size") && !only.has("QRESYNC"));
        let both: Capabilities = ["IMAP4rev1", "IMAP4rev2"].into_iter().collect();
        assert!(!both.has("MOVE"), "it speaks IMAP4rev1 until asked");
    }
}
