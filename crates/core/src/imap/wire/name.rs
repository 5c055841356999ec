//! Mailbox names on the wire: modified UTF-7 (RFC 3501, section 5.1.3) and UTF-8.

use base64::Engine as _;
use base64::alphabet::Alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Stands at the start of a name whose bytes cannot be decoded; the characters after it are the bytes.
const UNDECODABLE: char = '\u{FFFD}';

/// Decodes a name. The second value is false when the bytes are neither valid modified UTF-7 nor (with
/// `utf8`) UTF-8; the text then starts with U+FFFD and [`encode_name`] gives the same bytes back.
#[must_use]
pub fn decode_name(bytes: &[u8], utf8: bool) -> (String, bool) {
    let decoded = if utf8 { String::from_utf8(bytes.to_vec()).ok() } else { decode_utf7(bytes) };
    match decoded {
        Some(name) if encode_name(&name, utf8) == bytes => (name, true),
        _ => (std::iter::once(UNDECODABLE).chain(bytes.iter().map(|b| char::from(*b))).collect(), false),
    }
}

/// Encodes a name as the server spells it.
#[must_use]
pub fn encode_name(name: &str, utf8: bool) -> Vec<u8> {
    if let Some(raw) = name.strip_prefix(UNDECODABLE) {
        return raw.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
    }
    if utf8 {
        return name.as_bytes().to_vec();
    }
    let mut out = Vec::with_capacity(name.len());
    let mut shifted: Vec<u16> = Vec::new();
    for c in name.chars() {
        if (' '..='~').contains(&c) {
            flush(&mut out, &mut shifted);
            out.push(c as u8);
            if c == '&' {
                out.push(b'-');
            }
        } else {
            shifted.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        }
    }
    flush(&mut out, &mut shifted);
    out
}

fn flush(out: &mut Vec<u8>, shifted: &mut Vec<u16>) {
    if shifted.is_empty() {
        return;
    }
    let bytes: Vec<u8> = shifted.drain(..).flat_map(u16::to_be_bytes).collect();
    out.push(b'&');
    out.extend_from_slice(engine().encode(bytes).as_bytes());
    out.push(b'-');
}

fn decode_utf7(bytes: &[u8]) -> Option<String> {
    let mut out = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        if byte != b'&' {
            if !(b' '..=b'~').contains(&byte) {
                return None;
            }
            out.push(char::from(byte));
            rest = tail;
            continue;
        }
        let end = memchr::memchr(b'-', tail)?;
        let (coded, after) = tail.split_at_checked(end)?;
        if coded.is_empty() {
            out.push('&');
        } else {
            let raw = engine().decode(coded).ok()?;
            let (pairs, odd) = raw.as_chunks::<2>();
            if !odd.is_empty() {
                return None;
            }
            for c in char::decode_utf16(pairs.iter().map(|pair| u16::from_be_bytes(*pair))) {
                out.push(c.ok()?);
            }
        }
        rest = after.get(1..)?;
    }
    Some(out)
}

/// Base64 with `,` in place of `/` and no padding.
fn engine() -> GeneralPurpose {
    const CHARACTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";
    let config = GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone);
    let alphabet = Alphabet::new(CHARACTERS).unwrap_or(base64::alphabet::STANDARD);
    GeneralPurpose::new(&alphabet, config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_the_standard() {
        let wire = b"~peter/mail/&U,BTFw-/&ZeVnLIqe-";
        assert_eq!(decode_name(wire, false), ("~peter/mail/台北/日本語".into(), true));
        assert_eq!(encode_name("~peter/mail/台北/日本語", false), wire);
        assert_eq!(decode_name(b"R&-D", false), ("R&D".into(), true));
    }

    #[test]
    fn bytes_that_are_no_name_come_back_as_they_were() {
        for wire in [&b"Entw\xfcrfe"[..], b"a&b", b"&Jj", b"&AGE-", b"\xff\x00x"] {
            let (name, valid) = decode_name(wire, false);
            assert!(!valid, "{name}");
            assert_eq!(encode_name(&name, false), wire);
        }
    }

    proptest! {
        #[test]
        fn every_name_survives(name in "\\PC*") {
            prop_assume!(!name.starts_with(UNDECODABLE));
            prop_assert_eq!(decode_name(&encode_name(&name, false), false), (name.clone(), true));
            prop_assert_eq!(decode_name(&encode_name(&name, true), true), (name, true));
        }

        #[test]
        fn any_bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 0..40), utf8: bool) {
            let (name, _) = decode_name(&bytes, utf8);
            prop_assert_eq!(encode_name(&name, utf8), bytes);
        }
    }
}
