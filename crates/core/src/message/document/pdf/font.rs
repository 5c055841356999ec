//! Which characters a font's codes are (ISO 32000-1, sections 9.6 and 9.10).

use super::object::{Dictionary, Lexer, Object};
use super::width::Widths;
use encoding_rs::Encoding;
use std::collections::BTreeMap;

/// The most codes of a font: no more have two octets.
const CODES: usize = 1 << 16;

/// How a font's codes are read.
#[derive(Clone, Debug)]
pub(super) struct Font {
    /// Whether a code has two octets.
    wide: bool,
    /// Whether those are UTF-16, where no ToUnicode says otherwise.
    utf_16: bool,
    /// What an octet is, where nothing else says it.
    base: &'static Encoding,
    /// By code, as its ToUnicode says.
    codes: BTreeMap<u32, String>,
    /// By code, as the names of its glyphs say.
    glyphs: BTreeMap<u32, String>,
    widths: Widths,
}

impl Default for Font {
    fn default() -> Self {
        Self {
            wide: false,
            utf_16: false,
            base: encoding_rs::WINDOWS_1252,
            codes: BTreeMap::new(),
            glyphs: BTreeMap::new(),
            widths: Widths::default(),
        }
    }
}

impl Font {
    /// A font by its dictionary; `encoding` is the one that this has or refers to, `to_unicode` that stream. All
    /// fonts of a file together take codes out of `room`.
    pub(super) fn new(
        font: &Dictionary,
        encoding: Option<&Object>,
        to_unicode: Option<&[u8]>,
        widths: Widths,
        room: &mut usize,
    ) -> Self {
        let mut read = Self {
            wide: font.get(&b"Subtype"[..]).and_then(Object::name) == Some(b"Type0"),
            ..Self::default()
        };
        if widths.len() <= *room {
            *room -= widths.len();
            read.widths = widths;
        }
        if let Some(map) = to_unicode {
            read.map(map, (*room).min(CODES));
            *room = room.saturating_sub(read.codes.len());
        }
        let members = encoding.and_then(Object::dictionary);
        let name = encoding.and_then(Object::name).or_else(|| members?.get(&b"BaseEncoding"[..])?.name());
        match name.unwrap_or_default() {
            b"MacRomanEncoding" => read.base = encoding_rs::MACINTOSH,
            // `UniGB-UCS2-H`, `UniJIS-UTF16-H` (section 9.7.5.2).
            name if name.starts_with(b"Uni") && (has(name, b"-UCS2-") || has(name, b"-UTF16-")) => {
                read.utf_16 = true;
            }
            _ => {}
        }
        let differences = members.and_then(|encoding| encoding.get(&b"Differences"[..]));
        if let Some(Object::Array(differences)) = differences {
            let mut code = 0_u32;
            for object in differences {
                match object {
                    Object::Name(name) => {
                        if code <= 255
                            && *room > 0
                            && let Some(text) = glyph(name)
                        {
                            read.glyphs.insert(code, text);
                            *room -= 1;
                        }
                        code = code.saturating_add(1);
                    }
                    other => code = other.count().and_then(|code| u32::try_from(code).ok()).unwrap_or(0),
                }
            }
        }
        read
    }

    /// Adds the characters of a text; gives how wide its glyphs are together in parts of the font's size, as far as
    /// that is known of all, how many they are, and how many of them are spaces that are made wider.
    pub(super) fn read(&self, text: &[u8], out: &mut String) -> (Option<f64>, f64, f64) {
        let (mut width, mut glyphs, mut spaces) = (Some(0.0), 0.0, 0.0);
        for octets in text.chunks(if self.wide { 2 } else { 1 }) {
            let code = octets.iter().fold(0_u32, |code, byte| code << 8 | u32::from(*byte));
            width = width.and_then(|sum: f64| Some(sum + self.widths.of(code)?));
            glyphs += 1.0;
            // Only a code of one octet is (section 9.3.3).
            spaces += if code == 32 && !self.wide { 1.0 } else { 0.0 };
            match self.codes.get(&code).or_else(|| self.glyphs.get(&code)) {
                Some(text) => out.push_str(text),
                None if self.utf_16 => out.push_str(&utf_16(octets)),
                // Without a map nobody knows which glyph that is.
                None if self.wide => {}
                None => {
                    let text = self.base.decode_without_bom_handling(octets).0;
                    out.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
                }
            }
        }
        (width, glyphs, spaces)
    }

    /// Reads a ToUnicode CMap (section 9.10.3).
    fn map(&mut self, bytes: &[u8], room: usize) {
        let mut lexer = Lexer::new(bytes, 0);
        let mut before: Vec<Object> = Vec::new();
        while let Some(object) = if before.is_empty() { lexer.next() } else { lexer.more() } {
            let Object::Word(word) = &object else {
                before.push(object);
                continue;
            };
            match word.as_slice() {
                b"endbfchar" => before.chunks(2).for_each(|pair| {
                    if let [Object::Text(code), Object::Text(text)] = pair {
                        self.add(number(code), utf_16(text), room);
                    }
                }),
                b"endbfrange" => before.chunks(3).for_each(|range| self.range(range, room)),
                _ => {}
            }
            before.clear();
        }
    }

    fn range(&mut self, range: &[Object], room: usize) {
        match range {
            [Object::Text(first), Object::Text(last), Object::Text(text)] => {
                let (first, last) = (number(first), number(last));
                let text = utf_16(text);
                let mut characters: Vec<char> = text.chars().collect();
                let Some(end) = characters.pop() else { return };
                let before: String = characters.into_iter().collect();
                for (step, code) in (first..=last.min(first.saturating_add(0xffff))).enumerate() {
                    let next = u32::try_from(step).ok().and_then(|step| u32::from(end).checked_add(step));
                    if let Some(c) = next.and_then(char::from_u32)
                        && !self.add(code, format!("{before}{c}"), room)
                    {
                        return;
                    }
                }
            }
            [Object::Text(first), Object::Text(_), Object::Array(texts)] => {
                let first = number(first);
                for (code, text) in (first..=u32::MAX).zip(texts) {
                    if let Object::Text(text) = text {
                        self.add(code, utf_16(text), room);
                    }
                }
            }
            _ => {}
        }
    }

    /// False when there is no more room.
    fn add(&mut self, code: u32, text: String, room: usize) -> bool {
        let is_room = self.codes.len() < room;
        if is_room && !text.is_empty() && text.len() <= 64 {
            self.codes.insert(code, letters(text));
        }
        is_room
    }
}

fn has(name: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(name, part).is_some()
}

/// Ligatures as the letters that they are.
fn letters(text: String) -> String {
    const LIGATURES: [&str; 7] = ["ff", "fi", "fl", "ffi", "ffl", "st", "st"];
    if !text.contains(|c| matches!(c, '\u{fb00}'..='\u{fb06}')) {
        return text;
    }
    let mut letters = String::new();
    for c in text.chars() {
        match u32::from(c).checked_sub(0xfb00).and_then(|at| LIGATURES.get(usize::try_from(at).ok()?)) {
            Some(ligature) => letters.push_str(ligature),
            None => letters.push(c),
        }
    }
    letters
}

fn number(code: &[u8]) -> u32 {
    code.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn utf_16(bytes: &[u8]) -> String {
    let units =
        bytes.chunks_exact(2).map(|pair| pair.iter().fold(0_u16, |unit, byte| unit << 8 | u16::from(*byte)));
    char::decode_utf16(units).filter_map(Result::ok).filter(|c| *c != '\0').collect()
}

/// The character of a glyph's name (the Adobe Glyph List, as far as texts of Latin letters need it).
fn glyph(name: &[u8]) -> Option<String> {
    const SIGNS: [(&str, &str); 68] = [
        ("space", " "),
        ("exclam", "!"),
        ("quotedbl", "\""),
        ("numbersign", "#"),
        ("dollar", "$"),
        ("percent", "%"),
        ("ampersand", "&"),
        ("quotesingle", "'"),
        ("parenleft", "("),
        ("parenright", ")"),
        ("plus", "+"),
        ("comma", ","),
        ("hyphen", "-"),
        ("minus", "-"),
        ("period", "."),
        ("slash", "/"),
        ("zero", "0"),
        ("one", "1"),
        ("two", "2"),
        ("three", "3"),
        ("four", "4"),
        ("five", "5"),
        ("six", "6"),
        ("seven", "7"),
        ("eight", "8"),
        ("nine", "9"),
        ("colon", ":"),
        ("semicolon", ";"),
        ("equal", "="),
        ("question", "?"),
        ("at", "@"),
        ("underscore", "_"),
        ("quoteleft", "‘"),
        ("quoteright", "’"),
        ("quotedblleft", "“"),
        ("quotedblright", "”"),
        ("endash", "–"),
        ("emdash", "—"),
        ("fi", "fi"),
        ("fl", "fl"),
        ("ff", "ff"),
        ("ffi", "ffi"),
        ("ffl", "ffl"),
        ("germandbls", "ß"),
        ("ae", "æ"),
        ("AE", "Æ"),
        ("oe", "œ"),
        ("OE", "Œ"),
        ("oslash", "ø"),
        ("Oslash", "Ø"),
        ("lslash", "ł"),
        ("Lslash", "Ł"),
        ("dcroat", "đ"),
        ("Dcroat", "Đ"),
        ("eth", "ð"),
        ("Eth", "Ð"),
        ("thorn", "þ"),
        ("Thorn", "Þ"),
        ("dotlessi", "ı"),
        ("guillemotleft", "«"),
        ("guillemotright", "»"),
        ("bracketleft", "["),
        ("bracketright", "]"),
        ("asterisk", "*"),
        ("bullet", "•"),
        ("nbspace", " "),
        ("Euro", "€"),
        ("section", "§"),
    ];
    // Put after their letter: searches and readers take both for one.
    const MARKS: [(&str, char); 13] = [
        ("acute", '\u{301}'),
        ("grave", '\u{300}'),
        ("circumflex", '\u{302}'),
        ("dieresis", '\u{308}'),
        ("tilde", '\u{303}'),
        ("caron", '\u{30c}'),
        ("cedilla", '\u{327}'),
        ("ring", '\u{30a}'),
        ("ogonek", '\u{328}'),
        ("macron", '\u{304}'),
        ("breve", '\u{306}'),
        ("dotaccent", '\u{307}'),
        ("hungarumlaut", '\u{30b}'),
    ];
    let name = std::str::from_utf8(name).ok()?;
    // `A.small` looks otherwise and is an A.
    let name = name.split('.').next().filter(|name| !name.is_empty())?;
    if name.chars().count() == 1 {
        return Some(name.to_owned());
    }
    if let Some((_, text)) = SIGNS.iter().find(|(known, _)| *known == name) {
        return Some((*text).to_owned());
    }
    // `f_f_i` is three (section 2 of the Adobe Glyph List's specification).
    if name.contains('_') {
        let parts = name.split('_').filter(|part| !part.contains('_')).take(8);
        return parts.map(|part| glyph(part.as_bytes())).collect();
    }
    if let Some(digits) = name.strip_prefix("uni").filter(|digits| digits.len() >= 4 && digits.is_ascii()) {
        let units =
            digits.as_bytes().chunks(4).take(8).map(|unit| std::str::from_utf8(unit).unwrap_or_default());
        return units.map(|unit| char::from_u32(u32::from_str_radix(unit, 16).ok()?)).collect();
    }
    let code = name.strip_prefix('u').filter(|digits| (4..=6).contains(&digits.len()));
    if let Some(c) = code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32) {
        return Some(c.to_string());
    }
    let (letter, mark) = MARKS.iter().find_map(|(mark, c)| Some((name.strip_suffix(mark)?, c)))?;
    (letter.len() == 1).then(|| format!("{letter}{mark}"))
}
