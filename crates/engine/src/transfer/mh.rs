//! What a folder of MH says of the flags of its messages.

use restante_core::mail::Flags;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

/// The file that has the sequences of a folder, as nmh, mutt and others write it: `unseen: 3-5 7`.
const FILE: &str = ".mh_sequences";

/// The sequences of a folder that are flags.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequences(Option<Vec<(String, RangeInclusive<u64>)>>);

impl Sequences {
    /// Reads them. A folder without them says nothing of flags.
    pub(super) fn read(folder: &Path) -> Self {
        let Ok(text) = fs::read(folder.join(FILE)) else { return Self(None) };
        let text = String::from_utf8_lossy(&text);
        let mut ranges = Vec::new();
        for (name, numbers) in text.lines().filter_map(|line| line.split_once(':')) {
            for word in numbers.split_whitespace() {
                let (first, last) = word.split_once('-').unwrap_or((word, word));
                if let (Ok(first), Ok(last)) = (first.parse(), last.parse()) {
                    ranges.push((name.trim().to_owned(), first..=last));
                }
            }
        }
        Self(Some(ranges))
    }

    /// The flags of the message in a file of this name, which is a number.
    pub(super) fn flags(&self, name: &str) -> Flags {
        let mut flags = Flags::new();
        let (Some(ranges), Ok(number)) = (&self.0, name.parse::<u64>()) else { return flags };
        let is_in =
            |sequence: &str| ranges.iter().any(|(name, range)| name == sequence && range.contains(&number));
        for (sequence, flag, expected) in
            [("unseen", "\\Seen", false), ("flagged", "\\Flagged", true), ("replied", "\\Answered", true)]
        {
            if is_in(sequence) == expected {
                flags.insert(flag);
            }
        }
        flags
    }
}

/// Whether a file is a message that MH has deleted: its number after a comma, until somebody cleans up.
pub(super) fn is_deleted(name: &str) -> bool {
    name.strip_prefix(',')
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_flags() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "unseen: 3-5 7\nflagged: 1 7\nreplied: x 2\ncur: 9\n").unwrap();
        let sequences = Sequences::read(folder.path());
        let named = |name: &str| sequences.flags(name).names().collect::<Vec<_>>().join(" ");
        assert_eq!(
            [named("1"), named("2"), named("4"), named("7"), named("x")],
            ["\\Flagged \\Seen", "\\Answered \\Seen", "", "\\Flagged", ""]
        );
        assert_eq!(Sequences::read(&folder.path().join("none")).flags("1"), Flags::new());
        assert!(is_deleted(",12") && !is_deleted(",a") && !is_deleted("12"));
    }
}
