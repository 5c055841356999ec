//! Bytes to text, whatever the label says.

use encoding_rs::{Encoding, WINDOWS_1252};
use mail_parser::decoders::charsets::map::charset_decoder;
use std::borrow::Cow;

/// Decodes text. Wrong labels are common, so that the bytes are asked too: what is plainly UTF-8 is read
/// as that under a one-byte label, and what is not UTF-8 is read as Windows-1252 under none.
///
/// `true` says that the label was missing its mark: unknown, or not what the bytes are.
pub(super) fn decode<'a>(bytes: &'a [u8], label: Option<&str>) -> (Cow<'a, str>, bool) {
    let label = label.map(|l| l.trim().trim_matches(['"', '\'']).to_ascii_lowercase()).unwrap_or_default();
    let has_escapes = memchr::memchr(0x1b, bytes).is_some();
    let is_seven_bit = bytes.is_ascii() && !has_escapes;
    match label.as_str() {
        "" | "us-ascii" | "ascii" | "utf-8" | "iso-8859-1" if has_escapes && is_iso_2022_jp(bytes) => {
            (encoding_rs::ISO_2022_JP.decode_without_bom_handling(bytes).0, true)
        }
        "utf-16" => (utf_16(bytes), false),
        "iso-2022-kr" => (shifted(bytes, &[0x0e], &[0x0f], encoding_rs::EUC_KR), false),
        "hz-gb-2312" | "hz" => (shifted(bytes, b"~{", b"~}", encoding_rs::GBK), false),
        "" | "us-ascii" | "ascii" | "utf-8" | "utf8" | "unknown-8bit" | "x-unknown" | "8bit" | "binary" => {
            let claims_utf8 = label.starts_with("utf");
            match str::from_utf8(bytes) {
                Ok(text) => (Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text)), false),
                Err(error) if claims_utf8 && looks_like_utf8(bytes, error.valid_up_to()) => {
                    (String::from_utf8_lossy(bytes), true)
                }
                Err(_) => (WINDOWS_1252.decode_without_bom_handling(bytes).0, claims_utf8),
            }
        }
        _ => {
            let known = Encoding::for_label(label.as_bytes());
            if let Some(encoding) = known.filter(|e| *e != encoding_rs::REPLACEMENT) {
                if encoding.is_single_byte()
                    && !is_seven_bit
                    && let Ok(text) = str::from_utf8(bytes)
                {
                    return (Cow::Borrowed(text), true);
                }
                return (encoding.decode_with_bom_removal(bytes).0, false);
            }
            match charset_decoder(label.as_bytes()) {
                Some(decoder) => (Cow::Owned(decoder(bytes)), false),
                None => (decode(bytes, None).0, true),
            }
        }
    }
}

/// Whether text in seven bits switches to Japanese characters (RFC 1468) and is otherwise plain.
fn is_iso_2022_jp(bytes: &[u8]) -> bool {
    bytes.is_ascii()
        && bytes.windows(3).any(|w| matches!(w, [0x1b, b'$', b'@' | b'B'] | [0x1b, b'(', b'J' | b'I']))
}

/// UTF-16 as its mark says; without one as the zeros lie, which stand first in big-endian Latin.
fn utf_16(bytes: &[u8]) -> Cow<'_, str> {
    let zeros = |from: usize| bytes.iter().skip(from).step_by(2).take(500).filter(|b| **b == 0).count();
    let encoding = match bytes {
        [0xfe, 0xff, ..] => encoding_rs::UTF_16BE,
        [0xff, 0xfe, ..] => encoding_rs::UTF_16LE,
        _ if zeros(1) > zeros(0) => encoding_rs::UTF_16LE,
        _ => encoding_rs::UTF_16BE,
    };
    encoding.decode_with_bom_removal(bytes).0
}

/// Text in seven bits in which marks begin and end characters of two octets: ISO-2022-KR (RFC 1557) and HZ
/// (RFC 1843). In eight bits the same characters are `encoding`.
fn shifted<'a>(bytes: &[u8], begin: &[u8], end: &[u8], encoding: &'static Encoding) -> Cow<'a, str> {
    let mut eight = Vec::with_capacity(bytes.len());
    let mut is_shifted = false;
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        if let Some(next) = rest.strip_prefix(if is_shifted { end } else { begin }) {
            is_shifted = !is_shifted;
            rest = next;
            continue;
        }
        // ISO-2022-KR names its set once, at the start; HZ writes a tilde twice.
        if let Some(next) = rest.strip_prefix(b"\x1b$)C").or_else(|| rest.strip_prefix(b"~\n")) {
            rest = next;
            continue;
        }
        rest = if begin == b"~{" && rest.starts_with(b"~~") {
            after.get(1..).unwrap_or_default()
        } else {
            after
        };
        is_shifted &= *byte != b'\n';
        eight.push(if is_shifted && (0x21..0x7f).contains(byte) { byte | 0x80 } else { *byte });
    }
    Cow::Owned(encoding.decode_without_bom_handling(&eight).0.into_owned())
}

/// Whether broken UTF-8 is still UTF-8: some character outside ASCII is whole.
fn looks_like_utf8(bytes: &[u8], valid: usize) -> bool {
    let whole = bytes.get(..valid).unwrap_or_default();
    !whole.is_ascii() || bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii())
}

/// Header bytes to text: each line that is not UTF-8 is read with the message's own charset, else as
/// Windows-1252.
pub(super) fn decode_raw_header(bytes: &[u8], label: Option<&str>) -> String {
    match str::from_utf8(bytes) {
        Ok(_) if memchr::memchr(0x1b, bytes).is_some() => decode(bytes, None).0.into_owned(),
        Ok(text) => text.to_owned(),
        Err(_) => decode(bytes, label).0.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], label: &str) -> String {
        decode(bytes, Some(label)).0.into_owned()
    }

    #[test]
    fn right_labels_are_obeyed() {
        assert_eq!(text(b"gr\xfc\xdfe", "ISO-8859-1"), "grüße");
        assert_eq!(text(b"\xf0\xd2\xc9\xd7\xc5\xd4", "koi8-r"), "Привет");
        assert_eq!(text(b"\x1b$B%O%m!<\x1b(B", "iso-2022-jp"), "ハロー");
        assert_eq!(text(b"\xc4\xe3\xba\xc3", "gb2312"), "你好");
        assert_eq!(text(b"+ZYeB9FH6ckh5Pg-", "utf-7"), "文致出版社");
        assert_eq!(text(b"\xef\xbb\xbfa", "utf-8"), "a");
        assert_eq!(text(b"\x1b$)C\x0e>H3g\x0f a", "iso-2022-kr"), "안녕 a");
        assert_eq!(text(b"a ~{Dc:C~} ~~ b", "hz-gb-2312"), "a 你好 ~ b");
        assert_eq!(text(b"\xfe\xff\0a\0b", "utf-16"), "ab");
        assert_eq!(text(b"a\0b\0", "utf-16"), "ab");
        assert_eq!(text(b"\x93a\x94 \x80", "iso-8859-1"), "“a” €");
        assert_eq!(text(b"\x81\x30\x89\x38\xd2\xbb", "gb2312"), "ß一");
        assert_eq!(text(b"\x83n\x83\x8d\x81[", "shift_jis"), "ハロー");
        assert_eq!(text(b"\xd0\xd2", "koi8-u"), "пр");
        assert_eq!(text(b"\xa4\xa4", "big5"), "中");
    }

    #[test]
    fn raw_japanese_in_a_header_is_read() {
        assert_eq!(decode_raw_header(b"\x1b$B%O%m!<\x1b(B a", None), "ハロー a");
        assert_eq!(decode_raw_header(b"a \x1b]0;x", None), "a \u{1b}]0;x");
    }

    #[test]
    fn wrong_labels_are_seen_through() {
        assert_eq!(decode("grüße".as_bytes(), Some("iso-8859-1")), (Cow::Borrowed("grüße"), true));
        assert_eq!(text(b"gr\xfc\xdfe", "utf-8"), "grüße");
        assert_eq!(text(b"gr\xfc\xdfe", "us-ascii"), "grüße");
        assert_eq!(text(b"gr\xfc\xdfe", "no-such-charset"), "grüße");
        assert_eq!(text("grü\u{df}".as_bytes().split_last().unwrap().1, "utf-8"), "grü\u{fffd}");
        assert!(!decode(b"a", Some("iso-8859-1")).1);
        assert_eq!(decode(b"\x1b$B%O%m!<\x1b(B", None), (Cow::Borrowed("ハロー"), true));
        assert_eq!(text(b"a \x1b[31mred", "us-ascii"), "a \u{1b}[31mred");
    }
}
