//! Bytes to text, whatever the label says.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP, WINDOWS_1252};
use mail_parser::decoders::charsets::map::charset_decoder;
use std::borrow::Cow;

/// The most octets that are looked at to find out what they are.
const MAX_GUESSED: usize = 16 * 1024;
/// Fewer octets outside ASCII than this tell nothing.
const LEAST_GUESSED: usize = 4;
/// Nor do fewer different ones: `¡¡Hola!!`.
const LEAST_KINDS: usize = 4;

/// Decodes text. Wrong labels are common, so that the bytes are asked too: what is plainly UTF-8 is read
/// as that under a one-byte label, and what is not UTF-8 is read as [`guess`] says under none.
///
/// `true` says that the label was missing its mark: unknown, or not what the bytes are.
pub(super) fn decode<'a>(bytes: &'a [u8], label: Option<&str>) -> (Cow<'a, str>, bool) {
    let label = label.map(|l| l.trim().trim_matches(['"', '\'']).to_ascii_lowercase()).unwrap_or_default();
    let has_escapes = memchr::memchr(0x1b, bytes).is_some();
    let is_seven_bit = bytes.is_ascii() && !has_escapes;
    match label.as_str() {
        "" | "us-ascii" | "ascii" | "utf-8" | "iso-8859-1" if has_escapes && is_iso_2022_jp(bytes) => {
            (Cow::Owned(iso_2022_jp(bytes)), true)
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
                Err(_) => (guess(bytes).decode_without_bom_handling(bytes).0, claims_utf8),
            }
        }
        _ => {
            let known = Encoding::for_label(label.as_bytes()).or_else(|| for_windows_label(&label));
            if let Some(encoding) = known.filter(|e| *e != encoding_rs::REPLACEMENT) {
                if encoding.is_single_byte()
                    && !is_seven_bit
                    && let Ok(text) = str::from_utf8(bytes)
                {
                    return (Cow::Borrowed(text), true);
                }
                if encoding == ISO_2022_JP {
                    return (Cow::Owned(iso_2022_jp(bytes)), false);
                }
                return (encoding.decode_with_bom_removal(bytes).0, false);
            }
            match charset_decoder(alias(&label).as_bytes()) {
                Some(decoder) => (Cow::Owned(decoder(bytes)), false),
                None => (decode(bytes, None).0, true),
            }
        }
    }
}

/// Decodes text without a label. `hint` is what another part of the message is written in: it counts where the bytes
/// are text in it.
pub(super) fn decode_unlabelled<'a>(bytes: &'a [u8], hint: Option<&str>) -> (Cow<'a, str>, bool) {
    let hinted =
        hint.and_then(|label| Encoding::for_label(label.as_bytes()).or_else(|| for_windows_label(label)));
    let hinted = hinted.filter(|encoding| *encoding != encoding_rs::REPLACEMENT && *encoding != ISO_2022_JP);
    if let Some(encoding) = hinted
        && str::from_utf8(bytes).is_err()
        && let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes)
    {
        return (text, false);
    }
    decode(bytes, None)
}

/// What text in eight bits is written in that says nothing of it: Windows-1252, unless most of its octets outside ASCII
/// stand side by side, as in scripts that need them for every letter.
fn guess(bytes: &[u8]) -> &'static Encoding {
    // What is plain says nothing.
    let first = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(bytes.len());
    let bytes = bytes.get(first..).unwrap_or_default();
    let bytes = bytes.get(..bytes.len().min(MAX_GUESSED)).unwrap_or_default();
    let (mut high, mut beside) = (0_usize, 0_usize);
    let mut before = 0;
    let mut seen = [false; 256];
    for (at, byte) in bytes.iter().enumerate() {
        if !byte.is_ascii() {
            high += 1;
            if let Some(seen) = seen.get_mut(usize::from(*byte)) {
                *seen = true;
            }
            let next = bytes.get(at + 1).copied().unwrap_or(0);
            beside += usize::from(before >= 0x80 || next >= 0x80);
        }
        before = *byte;
    }
    let kinds = seen.iter().filter(|seen| **seen).count();
    if high < LEAST_GUESSED || kinds < LEAST_KINDS || beside * 10 < high * 7 {
        return WINDOWS_1252;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let found = detector.guess(None, Utf8Detection::Deny);
    // Of languages in Latin letters none is written so.
    let is_latin =
        found.is_single_byte() && found.decode_without_bom_handling(b"\xe0\xe9\xee").0.chars().any(is_latin);
    if is_latin { WINDOWS_1252 } else { found }
}

fn is_latin(c: char) -> bool {
    matches!(c, '\u{c0}'..='\u{24f}')
}

/// The name of a character set that is the same in all letters.
fn alias(label: &str) -> &str {
    match label {
        "cp437" | "ibm437" | "437" | "cp858" | "ibm858" | "ibm00858" => "cp850",
        "unicode-1-1-utf-7" => "utf-7",
        other => other,
    }
}

/// Names that only mail uses.
fn for_windows_label(label: &str) -> Option<&'static Encoding> {
    match label.to_ascii_lowercase().as_str() {
        "chinesebig5" | "cp950" => Some(encoding_rs::BIG5),
        "cp932" => Some(encoding_rs::SHIFT_JIS),
        "cp936" | "euc-cn" => Some(encoding_rs::GBK),
        "cp949" => Some(encoding_rs::EUC_KR),
        _ => None,
    }
}

/// ISO-2022-JP (RFC 1468). Where one escape follows on another, only the last counts: the decoder takes two without a
/// character between them for an error (Encoding Standard, section 12.2), and so do pieces that were joined look. A line that does not go back to ASCII ends there all the same.
fn iso_2022_jp(bytes: &[u8]) -> String {
    let mut settled = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    let mut is_double = false;
    while let Some(at) = memchr::memchr3(0x1b, b'\r', b'\n', rest) {
        let (text, from) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        settled.extend_from_slice(text);
        if !from.starts_with(b"\x1b") {
            if std::mem::take(&mut is_double) {
                let before = settled.len().saturating_sub(3);
                if settled.get(before..).is_some_and(is_escape) {
                    settled.truncate(before);
                }
                settled.extend_from_slice(b"\x1b(B");
            }
            settled.extend_from_slice(from.get(..1).unwrap_or_default());
            rest = from.get(1..).unwrap_or_default();
            continue;
        }
        let escape = from.get(..3).filter(|escape| is_escape(escape)).unwrap_or(&[0x1b]);
        rest = from.get(escape.len()..).unwrap_or_default();
        let is_undone = escape.len() == 3 && rest.get(..3).is_some_and(is_escape);
        if !is_undone {
            is_double = if escape.len() == 3 { escape.starts_with(b"\x1b$") } else { is_double };
            settled.extend_from_slice(escape);
        }
    }
    settled.extend_from_slice(rest);
    ISO_2022_JP.decode_without_bom_handling(&settled).0.into_owned()
}

fn is_escape(bytes: &[u8]) -> bool {
    matches!(bytes, [0x1b, b'$', b'@' | b'B'] | [0x1b, b'(', b'B' | b'J' | b'I'])
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
        Err(_) if label.is_none() => decode_unlabelled(bytes, None).0.into_owned(),
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
        assert_eq!(text(b"Gr\x81\xe1e", "ibm437"), "Grüße");
        assert_eq!(text(b"+ZYeB9FH6ckh5Pg-", "unicode-1-1-utf-7"), "文致出版社");
    }

    #[test]
    fn what_says_it_is_utf_8_and_is_not_is_told_by_its_octets() {
        let words = "Здравствуйте, договор во вложении. С уважением, Анна";
        assert_eq!(text(&encoding_rs::WINDOWS_1251.encode(words).0, "utf-8"), words);
        assert_eq!(text(b"Gr\xfc\xdfe", "utf-8"), "Grüße");
    }

    #[test]
    fn escapes_that_follow_on_each_other_leave_no_mark() {
        assert_eq!(text(b"\x1b$B%W\x1b(B\x1b$B%m\x1b(B done", "iso-2022-jp"), "プロ done");
        assert_eq!(text(b"\x1b$B%W\x1b(B\x1b(J\x1b$B%m\x1b(B", ""), "プロ");
        assert_eq!(text(b"\x1b(B\x1b$B%W", "iso-2022-jp"), "プ");
        assert_eq!(text(b"\x1b$B%W\r\na\x1b$B\n\x1b$B%m\n", "iso-2022-jp"), "プ\r\na\nロ\n");
    }

    #[test]
    fn text_without_a_label_is_told_by_its_octets() {
        let encoded = [
            (encoding_rs::GBK, "您好，附件是合同的最新版本，请查收。"),
            (encoding_rs::BIG5, "您好，附件是合約的最新版本，請查收。"),
            (encoding_rs::SHIFT_JIS, "添付の書類をご確認ください。よろしくお願いします。"),
            (encoding_rs::EUC_JP, "添付の書類をご確認ください。よろしくお願いします。"),
            (encoding_rs::EUC_KR, "안녕하세요. 첨부 파일을 확인해 주세요."),
            (encoding_rs::KOI8_R, "Здравствуйте, договор во вложении. С уважением, Анна"),
            (encoding_rs::WINDOWS_1251, "Здравствуйте, договор во вложении. С уважением, Анна"),
        ];
        for (encoding, words) in encoded {
            let bytes = encoding.encode(words).0;
            assert_eq!(text(&bytes, ""), words, "{}", encoding.name());
        }
        for words in [
            "¡¡Hola!! ¡¡Ven!!",
            "ÄÖÜ ÖÄÜ",
            "«»«» ––––",
            "Grüße",
            "Öäü",
            "señor, ¿qué tal? mañana",
            "déjà vu à l’été",
            "Straße – „ja“",
            "10 €",
        ] {
            let bytes = encoding_rs::WINDOWS_1252.encode(words).0;
            assert_eq!(text(&bytes, ""), words);
            assert_eq!(text(&bytes, "us-ascii"), words);
        }
    }

    #[test]
    fn text_without_a_label_may_begin_with_much_ascii() {
        let words = "Здравствуйте, договор во вложении. С уважением, Анна";
        let mut bytes = b"a line of plain words\r\n".repeat(5000);
        bytes.extend_from_slice(&encoding_rs::KOI8_R.encode(words).0);
        assert!(text(&bytes, "").ends_with(words));
    }

    #[test]
    fn what_another_part_is_written_in_is_a_hint() {
        let of = |bytes: &[u8], hint: &str| decode_unlabelled(bytes, Some(hint)).0.into_owned();
        assert_eq!(of(b"\xa4\xa4", "big5"), "中");
        assert_eq!(of(b"\xa4\xa4", "CHINESEBIG5"), "中");
        assert_eq!(of("grün".as_bytes(), "big5"), "grün");
        assert_eq!(of(b"gr\xfcn", "utf-8"), "grün");
        assert_eq!(of(b"gr\xfc n", "big5"), "grü n");
        assert_eq!(text(b"\xa4\xa4", "CHINESEBIG5"), "中");
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
