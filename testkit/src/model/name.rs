//! Mailbox names: modified UTF-7 (RFC 3501, section 5.1.3), and the patterns of LIST.

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};

const ENGINE: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// The name as people read it; `None` when it is no name.
pub(super) fn decode(wire: &[u8], utf8: bool) -> Option<String> {
    let text = std::str::from_utf8(wire).ok()?;
    if utf8 {
        return Some(canonical(text));
    }
    if !text.is_ascii() {
        return None;
    }
    let mut pieces = text.split('&');
    let mut name = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (coded, plain) = piece.split_once('-')?;
        if coded.is_empty() {
            name.push('&');
        } else {
            let bytes = ENGINE.decode(coded).ok().filter(|bytes| bytes.len() % 2 == 0)?;
            let units = bytes.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            name.extend(char::decode_utf16(units).collect::<Result<Vec<_>, _>>().ok()?);
        }
        name.push_str(plain);
    }
    Some(canonical(&name))
}

/// The name as it is written to a client, quoted.
pub(super) fn encode(name: &str, utf8: bool) -> String {
    let mut wire = String::new();
    let mut shifted: Vec<u16> = Vec::new();
    for c in name.chars() {
        if utf8 || (' '..='~').contains(&c) {
            flush(&mut wire, &mut shifted);
            if matches!(c, '"' | '\\') {
                wire.push('\\');
            }
            wire.push(c);
            if c == '&' && !utf8 {
                wire.push('-');
            }
        } else {
            shifted.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        }
    }
    flush(&mut wire, &mut shifted);
    format!("\"{wire}\"")
}

fn flush(wire: &mut String, shifted: &mut Vec<u16>) {
    if !shifted.is_empty() {
        let bytes: Vec<u8> = shifted.drain(..).flat_map(u16::to_be_bytes).collect();
        wire.push('&');
        wire.push_str(&ENGINE.encode(bytes));
        wire.push('-');
    }
}

/// `INBOX` in any case is the INBOX (RFC 9051, section 5.1).
pub(super) fn canonical(name: &str) -> String {
    if name.eq_ignore_ascii_case("INBOX") { "INBOX".to_owned() } else { name.to_owned() }
}

/// Whether a name fits a pattern of LIST: `*` is anything, `%` anything within one level.
pub(super) fn fits(pattern: &str, name: &str, delimiter: char) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => name.is_empty(),
        Some(wild @ ('*' | '%')) => {
            let ends = name.char_indices().map(|(at, c)| (at, Some(c))).chain([(name.len(), None)]);
            for (at, c) in ends {
                if fits(rest.as_str(), &name[at..], delimiter) {
                    return true;
                }
                if wild == '%' && c == Some(delimiter) {
                    return false;
                }
            }
            false
        }
        Some(c) => name.strip_prefix(c).is_some_and(|name| fits(rest.as_str(), name, delimiter)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard() {
        let wire = "~peter/mail/&U,BTFw-/&ZeVnLIqe-";
        assert_eq!(decode(wire.as_bytes(), false).unwrap(), "~peter/mail/台北/日本語");
        assert_eq!(encode("~peter/mail/台北/日本語", false), format!("\"{wire}\""));
        assert_eq!(decode(b"R&-D", false).unwrap(), "R&D");
        assert_eq!(encode("R&D \"x\"", false), r#""R&-D \"x\"""#);
        assert_eq!(decode(b"&Jj", false), None);
        assert_eq!(decode("Entwürfe".as_bytes(), true).unwrap(), "Entwürfe");
        assert_eq!(decode(b"inbox", false).unwrap(), "INBOX");
    }

    #[test]
    fn a_percent_stays_within_its_level() {
        assert!(fits("*", "a/b", '/') && fits("%", "a", '/') && fits("a/%", "a/b", '/'));
        assert!(!fits("%", "a/b", '/') && !fits("a", "ab", '/') && fits("*b", "a/b", '/'));
    }
}
