//! What the names of files in a Maildir say.

use restante_core::mail::Flags;
use std::fs;
use std::path::Path;

/// Letters of flags in the order in which they are written: that of the alphabet.
const LETTERS: [(char, &str); 6] = [
    ('D', "\\Draft"),
    ('F', "\\Flagged"),
    ('P', "$Forwarded"),
    ('R', "\\Answered"),
    ('S', "\\Seen"),
    ('T', "\\Deleted"),
];
/// The file in which Dovecot has the names of the keywords `a` to `z`.
const KEYWORDS: &str = "dovecot-keywords";
/// So many keywords have a letter.
const MOST: usize = 26;

/// The names of a Maildir's keywords, by letter.
#[derive(Clone, Debug, Default)]
pub(super) struct Keywords(Vec<String>);

impl Keywords {
    /// Reads them. A file that is not there, or is damaged, names none.
    pub(super) fn read(maildir: &Path) -> Self {
        let text = fs::read_to_string(maildir.join(KEYWORDS)).unwrap_or_default();
        let mut keywords = vec![String::new(); MOST];
        for line in text.lines() {
            if let Some((number, name)) = line.split_once(' ')
                && let Some(place) = number.parse::<usize>().ok().and_then(|number| keywords.get_mut(number))
                && name.bytes().all(|byte| byte.is_ascii_graphic())
            {
                name.clone_into(place);
            }
        }
        Self(keywords)
    }

    /// The letter of a keyword; the next free one, when it has none yet.
    fn letter(&mut self, keyword: &str) -> Option<char> {
        let known = self.0.iter().position(|known| known == keyword);
        let at = known.or_else(|| {
            let free = self.0.iter().position(String::is_empty).unwrap_or(self.0.len());
            if free == self.0.len() && free < MOST {
                self.0.push(String::new());
            }
            keyword.clone_into(self.0.get_mut(free)?);
            Some(free)
        })?;
        u8::try_from(at).ok().map(|at| char::from(b'a' + at))
    }

    /// The file's content; empty when there is none to be written.
    pub(super) fn text(&self) -> String {
        let named = self.0.iter().enumerate().filter(|(_, name)| !name.is_empty());
        named.map(|(number, name)| format!("{number} {name}\n")).collect()
    }

    /// The file's name.
    pub(super) fn file() -> &'static str {
        KEYWORDS
    }
}

/// A file's name without what it says of flags.
pub(super) fn base(name: &str) -> &str {
    split(name).map_or(name, |(base, _)| base)
}

/// When a message was delivered, in seconds since 1970: what the unique part begins with. Names from before 1973, of fewer
/// digits, are no times.
pub(super) fn delivered(name: &str) -> Option<i64> {
    let digits = name.split('.').next().filter(|digits| (9..=11).contains(&digits.len()))?;
    digits.parse().ok().filter(|time| *time > 0)
}

/// The flags a file's name tells.
pub(super) fn flags(name: &str, keywords: &Keywords) -> Flags {
    let mut flags = Flags::new();
    for letter in split(name).map_or("", |(_, letters)| letters).chars() {
        match LETTERS.iter().find(|(known, _)| *known == letter) {
            Some((_, name)) => flags.insert(name),
            None if letter.is_ascii_lowercase() => {
                let keyword = keywords.0.get(usize::from(letter as u8 - b'a'));
                keyword.filter(|name| !name.is_empty()).into_iter().for_each(|name| flags.insert(name));
            }
            None => {}
        }
    }
    flags
}

/// What follows a file's name, for these flags.
pub(super) fn suffix(flags: &Flags, keywords: &mut Keywords) -> String {
    let mut letters: String =
        LETTERS.iter().filter(|(_, name)| flags.contains(name)).map(|(letter, _)| *letter).collect();
    let others = flags.keywords().iter().filter(|name| !name.eq_ignore_ascii_case("$Forwarded"));
    let mut lower: Vec<char> = others.filter_map(|name| keywords.letter(name)).collect();
    lower.sort_unstable();
    letters.extend(lower);
    format!(":2,{letters}")
}

/// The unique part and the letters. Where a file's name cannot hold a colon, programs write another character.
fn split(name: &str) -> Option<(&str, &str)> {
    let at = name.rfind("2,")?;
    let before = name.get(..at)?;
    let base = before.strip_suffix([':', ';', '!'])?;
    Some((base, name.get(at + 2..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_in_the_name() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(KEYWORDS), "0 later\n2 $Work\nx y\n99 z\n").unwrap();
        let keywords = Keywords::read(folder.path());
        let named = |name: &str| flags(name, &keywords).names().collect::<Vec<_>>().join(" ");
        assert_eq!(named("1.2.host:2,FRST"), "\\Answered \\Deleted \\Flagged \\Seen");
        assert_eq!(named("1.2.host,S=12;2,DPac"), "\\Draft $Forwarded $Work later");
        assert_eq!(named("1.2.host:2,bz"), "");
        assert_eq!(named("1.2.host:1,S"), "");
        assert_eq!((base("1.h:2,S"), base("1.h")), ("1.h", "1.h"));
        let times = ["1030016183.M1P2.host:2,S", "1.2.host", "-103001618.x", "x"].map(delivered);
        assert_eq!(times, [Some(1_030_016_183), None, None, None]);

        let mut keywords = keywords;
        let given: Flags = ["\\Seen", "$forwarded", "later", "new"].into_iter().collect();
        assert_eq!(suffix(&given, &mut keywords), ":2,PSab");
        assert_eq!(keywords.text(), "0 later\n1 new\n2 $Work\n");
        assert_eq!(suffix(&Flags::new(), &mut keywords), ":2,");
    }
}
