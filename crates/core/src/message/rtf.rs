//! Rich text as Outlook sends it: compressed ([MS-OXRTFCP]), and often HTML in disguise ([MS-OXRTFEX]).

use super::{charset, tnef};

/// The most octets that come out of a compressed text.
const MAX_RAW: usize = 16 * 1024 * 1024;
/// The deepest groups that are followed.
const MAX_DEPTH: usize = 200;
/// What the dictionary holds at the start ([MS-OXRTFCP], section 3.1.2).
const DICTIONARY: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \
\\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\
\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

/// Decompresses; `None` when it is no compressed text. What is cut short gives what there is.
pub(super) fn decompress(bytes: &[u8]) -> Option<Vec<u8>> {
    let word = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    let raw = usize::try_from(word(4)?).ok()?.min(MAX_RAW);
    let data = bytes.get(16..)?;
    match word(8)? {
        0x414c_454d => return Some(data.get(..raw.min(data.len()))?.to_vec()),
        0x7546_5a4c => {}
        _ => return None,
    }
    let mut ring = [0_u8; 4096];
    for (place, byte) in ring.iter_mut().zip(DICTIONARY) {
        *place = *byte;
    }
    let mut at = DICTIONARY.len();
    let mut out = Vec::new();
    let mut put = |byte: u8, at: &mut usize, ring: &mut [u8; 4096]| {
        if let Some(place) = ring.get_mut(*at) {
            *place = byte;
        }
        *at = (*at + 1) % 4096;
        out.push(byte);
        out.len() < raw
    };
    let mut input = data.iter().copied();
    'all: while let Some(control) = input.next() {
        for bit in 0..8 {
            let Some(first) = input.next() else { break 'all };
            if control >> bit & 1 == 0 {
                if !put(first, &mut at, &mut ring) {
                    break 'all;
                }
                continue;
            }
            let Some(second) = input.next() else { break 'all };
            let from = usize::from(first) << 4 | usize::from(second >> 4);
            if from == at {
                break 'all;
            }
            for step in 0..usize::from(second & 15) + 2 {
                let byte = ring.get((from + step) % 4096).copied().unwrap_or(b' ');
                if !put(byte, &mut at, &mut ring) {
                    break 'all;
                }
            }
        }
    }
    Some(out)
}

/// What a text turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Text {
    Plain(String),
    /// It was HTML that rich text was put around.
    Html(String),
}

/// Takes the words out of rich text, or the HTML. Never fails.
pub(super) fn read(rtf: &[u8]) -> Text {
    let start = rtf.get(..rtf.len().min(1000)).unwrap_or_default();
    let is_html = start.windows(9).any(|word| word == b"\\fromhtml");
    let mut reader = Reader { is_html, page: 1252, ..Reader::default() };
    reader.read(rtf);
    reader.flush();
    if is_html { Text::Html(reader.out) } else { Text::Plain(reader.out) }
}

/// What a group inherits.
#[derive(Clone, Copy, Default)]
struct Group {
    is_skipped: bool,
    /// Inside an HTML tag.
    is_tag: bool,
    /// Rich text that stands in for a tag, for readers that do not know this.
    is_rtf_only: bool,
    /// Characters after `\u` for readers that do not know it.
    fallback: usize,
}

#[derive(Default)]
struct Reader {
    is_html: bool,
    page: u32,
    out: String,
    /// Octets in the code page that wait to be decoded together.
    bytes: Vec<u8>,
    group: Group,
    outer: Vec<Group>,
    too_deep: usize,
    /// A control word is the first of its group that matters.
    is_first: bool,
    is_optional: bool,
    skip: usize,
    /// The first half of a pair.
    high: Option<u16>,
}

impl Reader {
    fn read(&mut self, rtf: &[u8]) {
        self.group.fallback = 1;
        let mut rest = rtf;
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            match byte {
                b'{' => self.open(),
                b'}' => self.close(),
                b'\\' => rest = self.control(after),
                b'\r' | b'\n' => {}
                _ => self.byte(*byte),
            }
        }
    }

    fn open(&mut self) {
        self.flush();
        if self.outer.len() >= MAX_DEPTH {
            self.too_deep += 1;
            return;
        }
        self.outer.push(self.group);
        self.is_first = true;
        self.is_optional = false;
    }

    fn close(&mut self) {
        self.flush();
        if self.too_deep > 0 {
            self.too_deep -= 1;
        } else if let Some(group) = self.outer.pop() {
            self.group = group;
        }
    }

    /// Reads what follows a backslash; what follows that.
    fn control<'a>(&mut self, after: &'a [u8]) -> &'a [u8] {
        let letters = after.iter().take(32).take_while(|b| b.is_ascii_alphabetic()).count();
        let Some((name, rest)) = after.split_at_checked(letters) else { return after };
        if name.is_empty() {
            return self.symbol(after);
        }
        let sign = usize::from(rest.first() == Some(&b'-'));
        let digits = rest.iter().skip(sign).take(10).take_while(|b| b.is_ascii_digit()).count();
        let (number, rest) =
            rest.split_at_checked(if digits > 0 { sign + digits } else { 0 }).unwrap_or((&[], rest));
        let number = str::from_utf8(number).ok().and_then(|n| n.parse::<i64>().ok());
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        self.word(name, number);
        self.is_first = false;
        rest
    }

    fn symbol<'a>(&mut self, after: &'a [u8]) -> &'a [u8] {
        let Some((symbol, rest)) = after.split_first() else { return after };
        match symbol {
            b'\'' => {
                let hex = |at: usize| rest.get(at).and_then(|b| char::from(*b).to_digit(16));
                if let (Some(high), Some(low)) = (hex(0), hex(1)) {
                    self.byte(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                    return rest.get(2..).unwrap_or_default();
                }
            }
            b'*' => {
                self.is_optional = true;
                return rest;
            }
            b'~' => self.text("\u{a0}"),
            b'_' => self.text("-"),
            b'\r' | b'\n' => self.text("\n"),
            b'{' | b'}' | b'\\' => self.byte(*symbol),
            _ => {}
        }
        rest
    }

    fn word(&mut self, name: &[u8], number: Option<i64>) {
        if self.is_optional && self.is_first {
            self.is_optional = false;
            match name {
                b"htmltag" if self.is_html => {
                    self.group.is_tag = true;
                    self.group.is_skipped = false;
                }
                _ => self.group.is_skipped = true,
            }
            return;
        }
        match name {
            b"fonttbl" | b"colortbl" | b"stylesheet" | b"info" | b"pict" | b"header" | b"footer"
            | b"listtable" | b"object" => self.group.is_skipped = true,
            b"htmlrtf" => {
                self.flush();
                self.group.is_rtf_only = number != Some(0);
            }
            b"ansicpg" => {
                self.page = number.and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0).unwrap_or(1252)
            }
            b"uc" => self.group.fallback = number.and_then(|n| usize::try_from(n).ok()).unwrap_or(1).min(10),
            b"u" => self.unicode(number.unwrap_or(0)),
            b"par" | b"line" | b"row" | b"sect" => self.text("\n"),
            b"tab" | b"cell" => self.text("\t"),
            b"emdash" => self.text("—"),
            b"endash" => self.text("–"),
            b"lquote" => self.text("‘"),
            b"rquote" => self.text("’"),
            b"ldblquote" => self.text("“"),
            b"rdblquote" => self.text("”"),
            b"bullet" => self.text("•"),
            _ => {}
        }
    }

    fn is_shown(&self) -> bool {
        !(self.group.is_skipped || self.group.is_rtf_only && self.is_html || self.too_deep > 0)
    }

    fn byte(&mut self, byte: u8) {
        self.is_first = false;
        if self.skip > 0 {
            self.skip -= 1;
        } else if self.is_shown() {
            self.bytes.push(byte);
        }
    }

    fn unicode(&mut self, number: i64) {
        self.flush();
        // Written as a signed number of 16 bits.
        let unit = u16::try_from(number & 0xffff).unwrap_or(0xfffd);
        let units: Vec<u16> = self.high.take().into_iter().chain([unit]).collect();
        if (0xd800..0xdc00).contains(&unit) {
            self.high = Some(unit);
        } else {
            let text = String::from_utf16_lossy(&units);
            self.text(&text);
        }
        self.skip = self.group.fallback;
    }

    fn text(&mut self, text: &str) {
        self.flush();
        if self.is_shown() {
            self.put(text);
        }
    }

    fn flush(&mut self) {
        self.skip = 0;
        if !self.bytes.is_empty() {
            let bytes = std::mem::take(&mut self.bytes);
            let text = charset::decode(&bytes, Some(&tnef::charset_of(self.page))).0.into_owned();
            self.put(&text);
        }
    }

    fn put(&mut self, text: &str) {
        if self.is_html && !self.group.is_tag {
            self.out.push_str(&text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
        } else {
            self.out.push_str(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(rtf: &[u8]) -> String {
        match read(rtf) {
            Text::Plain(text) | Text::Html(text) => text,
        }
    }

    #[test]
    fn words_are_taken_out_of_rich_text() {
        let rtf = b"{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0 Arial;}}{\\*\\generator x;}\\pard Gr\\'fc\\'dfe,\\par \
            \\b Bob\\b0\\tab \\u8364?\\u-10179?\\u-8704? \\{x\\}}";
        assert_eq!(plain(rtf), "Grüße,\nBob\t€😀 {x}");
    }

    #[test]
    fn html_in_disguise_is_html_again() {
        let rtf = b"{\\rtf1\\ansi\\fromhtml1 {\\*\\htmltag64 <p>}\\htmlrtf {\\htmlrtf0 a \\htmlrtf\\par}\\htmlrtf0 < b\
            {\\*\\htmltag72 </p>}}";
        assert_eq!(read(rtf), Text::Html("<p>a &lt; b</p>".to_owned()));
    }

    #[test]
    fn compressed_text_comes_out_whole() {
        // A reference into the dictionary, then the words, then a reference to them.
        let mut packed = vec![0, 0, 0, 0];
        packed.extend(20_u32.to_le_bytes());
        packed.extend(0x7546_5a4c_u32.to_le_bytes());
        packed.extend([0; 4]);
        // Six octets from place 0 of the dictionary, `{\rtf1`.
        packed.extend([0b0000_0001, 0x00, 0x04, b' ', b'a', b'b', b'c', b'}', b'x', b'y']);
        assert_eq!(decompress(&packed).unwrap(), b"{\\rtf1 abc}xy");
        assert_eq!(decompress(b"short"), None);
        assert_eq!(DICTIONARY.len(), 207);
    }

    #[test]
    fn a_text_that_repeats_itself_ends() {
        let mut packed = vec![0, 0, 0, 0];
        packed.extend(u32::MAX.to_le_bytes());
        packed.extend(0x7546_5a4c_u32.to_le_bytes());
        packed.extend([0; 4]);
        packed.extend([0xff_u8, 0x00, 0x0f].repeat(1_000_000));
        assert!(decompress(&packed).unwrap().len() <= MAX_RAW);
        let _ = plain(&b"{\\b ".repeat(100_000));
    }
}
