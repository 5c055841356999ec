//! The provider a person may have meant.

/// Domains that many addresses have, in no order.
const KNOWN: &[&str] = &[
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "hotmail.co.uk",
    "hotmail.fr",
    "live.com",
    "msn.com",
    "yahoo.com",
    "yahoo.co.uk",
    "yahoo.fr",
    "yahoo.de",
    "aol.com",
    "icloud.com",
    "me.com",
    "mac.com",
    "gmx.de",
    "gmx.net",
    "gmx.at",
    "gmx.ch",
    "gmx.com",
    "web.de",
    "t-online.de",
    "freenet.de",
    "posteo.de",
    "mailbox.org",
    "fastmail.com",
    "kolabnow.com",
    "proton.me",
    "protonmail.com",
    "orange.fr",
    "laposte.net",
    "free.fr",
    "libero.it",
    "bluewin.ch",
    "ziggo.nl",
    "comcast.net",
    "verizon.net",
    "yandex.ru",
    "mail.ru",
    "qq.com",
    "163.com",
    "126.com",
    "naver.com",
    "zoho.com",
    "btinternet.com",
    "seznam.cz",
    "wp.pl",
];

/// The known domain that is one slip of the finger away, or two for longer names.
pub(super) fn nearest(domain: &str) -> Option<&'static str> {
    let allowed = if domain.len() >= 9 { 2 } else { 1 };
    let near = KNOWN.iter().map(|known| (distance(domain, known), *known));
    near.filter(|(distance, _)| (1..=allowed).contains(distance)).min().map(|(_, known)| known)
}

/// Insertions, deletions, replacements and swaps of neighbours between two short texts (the "optimal
/// string alignment" distance). Texts longer than 64 bytes are infinitely far apart.
fn distance(one: &str, other: &str) -> usize {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() > 64 || other.len() > 64 {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut best =
                (at(&last, j) + usize::from(a != b)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && one.get(i - 1) == Some(b) && other.get(j - 1) == Some(a);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    at(&last, other.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_are_recognised() {
        assert_eq!(nearest("gmial.com"), Some("gmail.com"));
        assert_eq!(nearest("gmail.co"), Some("gmail.com"));
        assert_eq!(nearest("outlok.com"), Some("outlook.com"));
        assert_eq!(nearest("hotmial.con"), Some("hotmail.com"));
        assert_eq!(nearest("gmail.com"), None);
        assert_eq!(nearest("example.org"), None);
        assert_eq!(nearest(&"a".repeat(300)), None);
    }

    #[test]
    fn the_distance_counts_each_kind_of_slip_once() {
        assert_eq!(distance("abcd", "abdc"), 1);
        assert_eq!(distance("abcd", "abc"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }
}
