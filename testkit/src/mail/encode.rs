//! The transfer forms of mail: base64, quoted-printable, encoded words, mailbox names.

use encoding_rs::Encoding;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 in one line (RFC 4648 section 4).
pub(crate) fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    let sextet = |bits: u32| ALPHABET[(bits & 63) as usize];
    for chunk in bytes.chunks(3) {
        let [a, b, c] = [chunk[0], chunk.get(1).copied().unwrap_or(0), chunk.get(2).copied().unwrap_or(0)];
        let bits = u32::from(a) << 16 | u32::from(b) << 8 | u32::from(c);
        out.extend_from_slice(&[sextet(bits >> 18), sextet(bits >> 12), sextet(bits >> 6), sextet(bits)]);
        let length = out.len();
        for pad in &mut out[length + chunk.len() - 3..] {
            *pad = b'=';
        }
    }
    out
}

/// Base64 in lines of 76 characters (RFC 2045 section 6.8), each ended by CRLF.
pub(crate) fn base64_lines(bytes: &[u8], out: &mut Vec<u8>) {
    for line in bytes.chunks(57) {
        out.extend_from_slice(&base64(line));
        out.extend_from_slice(b"\r\n");
    }
}

/// Quoted-printable (RFC 2045 section 6.7) of text whose lines end in CRLF.
pub(crate) fn quoted_printable(text: &[u8], out: &mut Vec<u8>) {
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let (line, end) = match line.strip_suffix(b"\r\n") {
            Some(line) => (line, true),
            None => (line, false),
        };
        let mut column = 0;
        for (at, &byte) in line.iter().enumerate() {
            let last = at + 1 == line.len();
            let plain =
                (33..=126).contains(&byte) && byte != b'=' || (byte == b' ' || byte == b'\t') && !last;
            let width = if plain { 1 } else { 3 };
            if column + width > 75 {
                out.extend_from_slice(b"=\r\n");
                column = 0;
            }
            if plain {
                out.push(byte);
            } else {
                out.extend_from_slice(format!("={byte:02X}").as_bytes());
            }
            column += width;
        }
        if end {
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// A header's text: as it is when it is ASCII, else as encoded words (RFC 2047) in `charset`.
pub(crate) fn header_text(text: &str, charset: &str, quoted: bool) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut words = Vec::new();
    let mut start = 0;
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).skip(1).chain([text.len()]).collect();
    let mut best = None;
    for end in ends {
        // An encoded word is at most 75 characters, and no character may be split.
        let word = encoded_word(&text[start..end], charset, quoted);
        if word.len() <= 75 {
            best = Some(word);
            continue;
        }
        words.extend(best.take());
        start = text[..end].char_indices().next_back().map_or(0, |(at, _)| at);
        best = Some(encoded_word(&text[start..end], charset, quoted));
    }
    words.extend(best);
    words.join("\r\n ")
}

fn encoded_word(text: &str, charset: &str, quoted: bool) -> String {
    let bytes = in_charset(text, charset);
    if !quoted {
        return format!("=?{charset}?B?{}?=", String::from_utf8_lossy(&base64(&bytes)));
    }
    let mut out = format!("=?{charset}?Q?");
    for byte in bytes {
        match byte {
            b' ' => out.push('_'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(char::from(byte)),
            _ => out.push_str(&format!("={byte:02X}")),
        }
    }
    out.push_str("?=");
    out
}

/// The bytes of a text in the charset with this label.
pub(crate) fn in_charset(text: &str, label: &str) -> Vec<u8> {
    match Encoding::for_label(label.as_bytes()) {
        Some(encoding) => encoding.encode(text).0.into_owned(),
        None => text.as_bytes().to_vec(),
    }
}

/// A mailbox name in modified UTF-7 (RFC 3501 section 5.1.3), as Maildir++ folders are named.
pub(crate) fn mailbox_name(name: &str) -> String {
    let mut out = String::new();
    let mut other: Vec<u8> = Vec::new();
    let flush = |other: &mut Vec<u8>, out: &mut String| {
        if !other.is_empty() {
            let text = String::from_utf8_lossy(&base64(other)).replace('/', ",");
            out.push_str(&format!("&{}-", text.trim_end_matches('=')));
            other.clear();
        }
    };
    for c in name.chars() {
        if (' '..='~').contains(&c) {
            flush(&mut other, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            let mut units = [0; 2];
            other.extend(c.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    flush(&mut other, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_follows_the_examples_of_rfc_4648() {
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(plain.as_bytes()), coded.as_bytes());
        }
    }

    #[test]
    fn quoted_printable_keeps_lines_short_and_guards_trailing_blanks() {
        let mut out = Vec::new();
        quoted_printable("a=ü \r\n".as_bytes(), &mut out);
        assert_eq!(out, b"a=3D=C3=BC=20\r\n");
        out.clear();
        quoted_printable("é".repeat(200).as_bytes(), &mut out);
        assert!(String::from_utf8(out).unwrap().lines().all(|line| line.len() <= 76));
    }

    #[test]
    fn mailbox_names_follow_the_example_of_rfc_3501() {
        assert_eq!(mailbox_name("~peter/mail/台北/日本語"), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
        assert_eq!(mailbox_name("A & B"), "A &- B");
    }

    #[test]
    fn encoded_words_are_short_and_split_between_characters() {
        for charset in ["utf-8", "shift_jis"] {
            let text = header_text(&"日本語の件名".repeat(10), charset, false);
            assert!(text.lines().all(|line| line.trim().len() <= 75), "{text}");
            assert!(text.lines().count() > 2);
        }
        assert_eq!(header_text("Grüße aus", "iso-8859-1", true), "=?iso-8859-1?Q?Gr=FC=DFe_aus?=");
    }
}
