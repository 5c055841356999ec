//! Encoded words in header fields (RFC 2047).

use super::charset;
use super::transfer;

/// The longest encoded word looked for, in bytes; the standard allows 75.
const LONGEST: usize = 1000;

/// Decodes the encoded words of an unfolded field. White space between two of them is dropped, and
/// neighbours in one charset are joined before they are decoded, because senders cut characters in two.
pub(super) fn decode(text: &str) -> String {
    if !text.contains("=?") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut run = Run::default();
    let mut rest = text;
    while let Some(at) = rest.find("=?") {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let Some((word, after)) = Word::read(from) else {
            run.flush(&mut out);
            out.push_str(before);
            out.push_str("=?");
            rest = from.get(2..).unwrap_or_default();
            continue;
        };
        let adjoins = before.chars().all(char::is_whitespace) && !run.bytes.is_empty();
        if !(adjoins && run.charset.eq_ignore_ascii_case(word.charset)) {
            run.flush(&mut out);
            if !adjoins {
                out.push_str(before);
            }
            run.charset.clear();
            run.charset.push_str(word.charset);
        }
        run.bytes.extend(word.bytes());
        rest = after;
    }
    run.flush(&mut out);
    out.push_str(rest);
    out
}

/// The charset of the first encoded word that names another one than Unicode or ASCII.
pub(super) fn charset_of(text: &str) -> Option<String> {
    let words = text.match_indices("=?").take(20).filter_map(|(at, _)| Word::read(text.get(at..)?));
    let mut named = words.map(|(word, _)| word.charset);
    let is_own = |charset: &&str| {
        let charset = charset.to_ascii_lowercase();
        !charset.starts_with("utf") && !charset.ends_with("ascii")
    };
    named.find(is_own).map(str::to_owned)
}

/// Decoded bytes of adjoining words in one charset.
#[derive(Default)]
struct Run {
    charset: String,
    bytes: Vec<u8>,
}

impl Run {
    fn flush(&mut self, out: &mut String) {
        out.push_str(&charset::decode(&self.bytes, Some(&self.charset)).0);
        self.bytes.clear();
    }
}

/// `"=?" charset ["*" language] "?" encoding "?" encoded-text "?="`
struct Word<'a> {
    charset: &'a str,
    is_base64: bool,
    text: &'a str,
}

impl<'a> Word<'a> {
    /// Reads a word at the start of `text`, and what follows it. Spaces inside are tolerated.
    fn read(text: &'a str) -> Option<(Self, &'a str)> {
        let start = text.get(2..)?;
        let limit = start.floor_char_boundary(LONGEST);
        let window = start.get(..limit)?;
        let (charset, rest) = window.split_once('?')?;
        let charset = charset.split('*').next()?;
        let is_token = |c: char| c.is_ascii_graphic() && !"()<>@,;:\"/[]=".contains(c);
        if charset.is_empty() || charset.len() > 60 || !charset.chars().all(is_token) {
            return None;
        }
        let (encoding, rest) = rest.split_once('?')?;
        let is_base64 = match encoding {
            "b" | "B" => true,
            "q" | "Q" => false,
            _ => return None,
        };
        let (text, _) = rest.split_once("?=")?;
        let used = rest.as_ptr().addr() - start.as_ptr().addr() + text.len() + 2;
        Some((Self { charset, is_base64, text }, start.get(used..)?))
    }

    fn bytes(&self) -> Vec<u8> {
        if self.is_base64 {
            transfer::base64(self.text.as_bytes()).0
        } else {
            transfer::quoted_printable(self.text.replace('_', " ").as_bytes()).0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_decoded_and_joined() {
        assert_eq!(decode("=?utf-8?Q?Gr=C3=BC=C3=9Fe?= an =?ISO-8859-1?q?J=FCrgen?="), "Grüße an Jürgen");
        assert_eq!(decode("=?utf-8?B?R3LDvA==?= \t=?UTF-8?B?w59l?="), "Grüße");
        assert_eq!(decode("=?us-ascii*en?Q?a_b?="), "a b");
        assert_eq!(decode("a =?utf-8?Q?b?= c"), "a b c");
    }

    #[test]
    fn a_character_cut_in_two_words_is_whole() {
        assert_eq!(decode("=?utf-8?Q?Gr=C3?= =?utf-8?Q?=BC=C3=9Fe?="), "Grüße");
        assert_eq!(decode("=?utf-8?B?R3LD?= =?utf-8?B?vMOfZQ==?="), "Grüße");
    }

    #[test]
    fn words_that_end_in_ascii_join_without_a_mark() {
        assert_eq!(decode("=?ISO-2022-JP?B?GyRCJVcbKEI=?= =?ISO-2022-JP?B?GyRCJW0bKEI=?= x"), "プロ x");
    }

    #[test]
    fn the_charset_of_the_first_word_is_known() {
        assert_eq!(charset_of("Re: =?GB2312?B?xOO6ww==?= =?utf-8?Q?a?=").as_deref(), Some("GB2312"));
        assert_eq!(charset_of("=?utf-8?Q?a?="), None);
        assert_eq!(charset_of("=?x"), None);
    }

    #[test]
    fn what_is_no_word_stays() {
        for text in ["=?", "=??=", "=?utf-8?X?a?=", "=?utf-8?Q?a", "a =? b ?= c", "=?a b?Q?c?=", "1 =?= 2"] {
            assert_eq!(decode(text), text);
        }
    }

    #[test]
    fn common_mistakes_are_read() {
        assert_eq!(decode("=?utf-8?Q?a b?="), "a b");
        assert_eq!(decode("=?utf-8?Q?a=zz?="), "a=zz");
        assert_eq!(decode("x=?utf-8?Q?a?=y"), "xay");
        assert_eq!(decode("=?nonsense?Q?gr=C3=BC?="), "grü");
    }

    #[test]
    fn hostile_repetition_is_linear() {
        let text = "=?".repeat(200_000);
        assert_eq!(decode(&text).len(), text.len());
        let text = "=?a?Q?x ".repeat(60_000);
        assert_eq!(decode(&text), text);
    }
}
