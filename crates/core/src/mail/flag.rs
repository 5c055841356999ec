//! Message flags (RFC 9051, section 2.3.2).

/// A flag the protocol itself defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum SystemFlag {
    /// `\Answered`
    Answered = 1,
    /// `\Deleted`
    Deleted = 2,
    /// `\Draft`
    Draft = 4,
    /// `\Flagged`, shown as a star.
    Flagged = 8,
    /// `\Recent` (RFC 3501 only; never kept).
    Recent = 16,
    /// `\Seen`
    Seen = 32,
}

impl SystemFlag {
    /// Every system flag, with its name on the wire.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Answered, "\\Answered"),
        (Self::Deleted, "\\Deleted"),
        (Self::Draft, "\\Draft"),
        (Self::Flagged, "\\Flagged"),
        (Self::Recent, "\\Recent"),
        (Self::Seen, "\\Seen"),
    ];
}

/// The flags of one message: a set of system flags and keywords.
///
/// Flag names are case-insensitive; keywords keep the case in which they were first seen, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags {
    system: u8,
    keywords: Vec<String>,
}

impl Flags {
    /// No flags.
    #[must_use]
    pub const fn new() -> Self {
        Self { system: 0, keywords: Vec::new() }
    }

    /// Rebuilds a set from [`Flags::system_bits`] and keywords separated by single spaces, as the
    /// store keeps them.
    #[must_use]
    pub fn from_parts(system: u8, keywords: &str) -> Self {
        let mut flags = Self { system, keywords: Vec::new() };
        for keyword in keywords.split(' ').filter(|k| !k.is_empty()) {
            flags.insert(keyword);
        }
        flags
    }

    /// The system flags as bits: the values of [`SystemFlag`].
    #[must_use]
    pub fn system_bits(&self) -> u8 {
        self.system
    }

    /// The keywords, sorted, each without spaces (RFC 9051's `flag-keyword` is an atom).
    #[must_use]
    pub fn keywords(&self) -> &[String] {
        &self.keywords
    }

    /// Adds a flag by its wire name. Unknown names with a backslash are kept as keywords, so that
    /// nothing a server says is lost.
    pub fn insert(&mut self, name: &str) {
        if let Some(flag) = system_flag(name) {
            self.system |= flag as u8;
            return;
        }
        if let Err(at) = self.keyword_at(name) {
            self.keywords.insert(at, name.to_owned());
        }
    }

    /// Removes a flag by its wire name.
    pub fn remove(&mut self, name: &str) {
        if let Some(flag) = system_flag(name) {
            self.system &= !(flag as u8);
        } else if let Ok(at) = self.keyword_at(name) {
            self.keywords.remove(at);
        }
    }

    /// Whether a system flag is set.
    #[must_use]
    pub fn has(&self, flag: SystemFlag) -> bool {
        self.system & flag as u8 != 0
    }

    /// Whether a flag is set, by its wire name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        system_flag(name).map_or_else(|| self.keyword_at(name).is_ok(), |flag| self.has(flag))
    }

    /// The wire names, system flags first. `\Recent` is left out: it belongs to a session, not to a
    /// message.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        SystemFlag::ALL
            .into_iter()
            .filter(|(flag, _)| *flag != SystemFlag::Recent && self.has(*flag))
            .map(|(_, name)| name)
            .chain(self.keywords.iter().map(String::as_str))
    }

    fn keyword_at(&self, name: &str) -> Result<usize, usize> {
        self.keywords.binary_search_by(|k| {
            k.bytes().map(|b| b.to_ascii_lowercase()).cmp(name.bytes().map(|b| b.to_ascii_lowercase()))
        })
    }
}

impl<'a> FromIterator<&'a str> for Flags {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        let mut flags = Self::new();
        names.into_iter().for_each(|name| flags.insert(name));
        flags
    }
}

fn system_flag(name: &str) -> Option<SystemFlag> {
    if !name.starts_with('\\') {
        return None;
    }
    SystemFlag::ALL.into_iter().find(|(_, wire)| wire.eq_ignore_ascii_case(name)).map(|(flag, _)| flag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ignore_case_and_keywords_keep_theirs() {
        let mut flags: Flags = ["\\SEEN", "$Forwarded", "$forwarded", "\\XNew"].into_iter().collect();
        assert!(flags.has(SystemFlag::Seen));
        assert_eq!(flags.names().collect::<Vec<_>>(), ["\\Seen", "$Forwarded", "\\XNew"]);
        flags.remove("$FORWARDED");
        assert!(!flags.contains("$Forwarded"));
    }

    #[test]
    fn parts_rebuild_the_set() {
        let flags: Flags = ["\\Flagged", "b", "a"].into_iter().collect();
        assert_eq!(Flags::from_parts(flags.system_bits(), &flags.keywords().join(" ")), flags);
    }
}
