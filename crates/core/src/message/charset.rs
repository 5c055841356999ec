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
    let is_seven_bit = bytes.is_ascii() && !bytes.contains(&0x1b);
    match label.as_str() {
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

/// Whether broken UTF-8 is still UTF-8: some character outside ASCII is whole.
fn looks_like_utf8(bytes: &[u8], valid: usize) -> bool {
    let whole = bytes.get(..valid).unwrap_or_default();
    !whole.is_ascii() || bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii())
}

/// Header bytes to text: each line that is not UTF-8 is read with the message's own charset, else as
/// Windows-1252.
pub(super) fn decode_raw_header(bytes: &[u8], label: Option<&str>) -> String {
    match str::from_utf8(bytes) {
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
    }

    #[test]
    fn wrong_labels_are_seen_through() {
        assert_eq!(decode("grüße".as_bytes(), Some("iso-8859-1")), (Cow::Borrowed("grüße"), true));
        assert_eq!(text(b"gr\xfc\xdfe", "utf-8"), "grüße");
        assert_eq!(text(b"gr\xfc\xdfe", "us-ascii"), "grüße");
        assert_eq!(text(b"gr\xfc\xdfe", "no-such-charset"), "grüße");
        assert_eq!(text("grü\u{df}".as_bytes().split_last().unwrap().1, "utf-8"), "grü\u{fffd}");
        assert!(!decode(b"a", Some("iso-8859-1")).1);
    }
}
