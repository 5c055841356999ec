//! Foreign text for a terminal.

use std::borrow::Cow;

/// The longest escape sequence that is taken for one, in characters.
const MAX_SEQUENCE: usize = 256;

/// Text of many lines that cannot drive a terminal or lie about its order: escape sequences, control
/// characters (line feed and tab stay), bidirectional controls and invisible characters are gone. Joiners
/// stay where the script around them needs them.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| is_plain(c) || matches!(c, '\n' | '\t')) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(filter(text, false))
}

/// The same on one line: line ends and tabs become a space. For header fields, names and what servers say.
#[must_use]
pub fn clean_line(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(filter(text, true))
}

/// A name for a file, made of the one a sender gave: no folders, no control or invisible characters, none
/// that a file system reserves, no leading dot, at most 200 bytes with its extension kept. `None` when
/// nothing is left.
#[must_use]
pub fn file_name(name: &str) -> Option<String> {
    let name = clean_line(name);
    let base = name.rsplit(['/', '\\']).find(|part| !part.trim().is_empty())?;
    let forbidden = |c: char| matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*');
    let base: String = base.chars().map(|c| if forbidden(c) { '_' } else { c }).collect();
    // A dot at the start hides, a dash makes an option of the name, dots and blanks at the end get lost.
    let is_edge = |c: char| c == '.' || c.is_whitespace();
    let base = base.trim_start_matches(|c: char| is_edge(c) || c == '-').trim_end_matches(is_edge);
    let stem = base.split('.').next().unwrap_or(base).trim_end().to_uppercase();
    let numbered = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    let is_device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || numbered.is_some_and(|n| n.chars().count() == 1 && n.contains(|c: char| c.is_numeric()));
    let mut base = if is_device { format!("_{base}") } else { base.to_owned() };
    if base.len() > 200 {
        let extension = base.rsplit_once('.').map(|(_, e)| format!(".{e}")).filter(|e| e.len() <= 20);
        let extension = extension.unwrap_or_default();
        base.truncate(base.floor_char_boundary(200 - extension.len()));
        base.truncate(base.trim_end_matches(is_edge).len());
        base.push_str(&extension);
    }
    (!base.is_empty()).then_some(base)
}

/// What needs no second look: most text.
fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{34e}' | '\u{370}'..='\u{5ff}')
}

fn filter(text: &str, one_line: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        rest = after;
        match c {
            '\n' | '\t' | '\u{2028}' | '\u{2029}' | '\u{b}' | '\u{c}' | '\u{85}' => {
                out.push(if one_line {
                    ' '
                } else if c == '\t' {
                    c
                } else {
                    '\n'
                });
            }
            '\r' if one_line => out.push(' '),
            '\u{1b}' => rest = skip_escape(after),
            '\u{9b}' => rest = skip_csi(after).unwrap_or(after),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => rest = skip_string(after).unwrap_or(after),
            // Joiners shape Indic, Arabic and emoji; after ASCII they only hide.
            '\u{200c}' | '\u{200d}' if out.chars().next_back().is_some_and(|p| !p.is_ascii()) => out.push(c),
            _ if c.is_control() || is_hidden(c) => {}
            _ => out.push(c),
        }
    }
    if one_line { out.trim().to_owned() } else { out }
}

/// Characters without a shape of their own, or that reorder others.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Characters that change the order of others, or take no room where none belongs.
pub(super) fn is_reordering(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        | '\u{e0000}'..='\u{e007f}')
}

/// What follows an escape character: a control sequence, a control string, or one more character.
fn skip_escape(after: &str) -> &str {
    match after.chars().next() {
        Some('[') => skip_csi(after.get(1..).unwrap_or_default()).unwrap_or(after),
        Some(']' | 'P' | 'X' | '^' | '_') => skip_string(after.get(1..).unwrap_or_default()).unwrap_or(after),
        Some('(' | ')' | '*' | '+' | '#' | '%' | ' ') => after.get(2..).unwrap_or(after),
        Some('0'..='~') => after.get(1..).unwrap_or_default(),
        _ => after,
    }
}

/// Past a control sequence (ECMA-48, section 5.4), when there is a whole one.
fn skip_csi(text: &str) -> Option<&str> {
    let end = text.bytes().take(MAX_SEQUENCE).position(|b| !matches!(b, 0x20..=0x3f))?;
    matches!(text.as_bytes().get(end), Some(0x40..=0x7e)).then(|| text.get(end + 1..)).flatten()
}

/// Past a control string, ended by BEL or ST, when its end is near.
fn skip_string(text: &str) -> Option<&str> {
    let near = text.get(..text.floor_char_boundary(MAX_SEQUENCE))?;
    let (at, end) = near.char_indices().find(|(_, c)| matches!(c, '\u{7}' | '\u{1b}' | '\u{9c}' | '\n'))?;
    match end {
        '\n' => text.get(at..),
        '\u{1b}' => {
            let rest = text.get(at + 1..)?;
            Some(rest.strip_prefix('\\').unwrap_or(rest))
        }
        _ => text.get(at + end.len_utf8()..),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_gone_as_a_whole() {
        assert_eq!(clean("a\u{1b}[31mred\u{1b}[0m b"), "ared b");
        assert_eq!(clean("a\u{1b}]0;title\u{7}b"), "ab");
        assert_eq!(clean("a\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\b"), "alinkb");
        assert_eq!(clean("a\u{9b}2Jb\u{9d}0;t\u{9c}c\u{90}q\u{1b}\\d"), "abcd");
        assert_eq!(clean("a\u{1b}cb\u{1b}(Bc\u{1b}7d"), "abcd");
    }

    #[test]
    fn an_unfinished_sequence_hides_nothing() {
        let text = format!("a\u{1b}]0;{}", "x".repeat(300));
        assert_eq!(clean(&text).len(), text.len() - 1);
        assert_eq!(clean("a\u{1b}"), "a");
        assert_eq!(clean("a\u{1b}[12"), "a[12");
        assert_eq!(clean("a\u{1b}]0;t\nb"), "a\nb");
    }

    #[test]
    fn controls_go_and_lines_stay() {
        assert_eq!(clean("a\0b\u{8}c\u{7f}d\r\ne\tf\u{84}"), "abcd\ne\tf");
        assert_eq!(clean_line("a\r\nb\tc\u{2028}d\0 "), "a  b c d");
        assert!(matches!(clean("plain täxt\n"), Cow::Borrowed(_)));
        assert!(matches!(clean_line("plain täxt"), Cow::Borrowed(_)));
    }

    #[test]
    fn text_cannot_lie_about_its_order_or_hide_letters() {
        assert_eq!(clean("exe\u{202e}gpj.\u{202c}\u{2066}x\u{2069}\u{200f}"), "exegpj.x");
        assert_eq!(clean("\u{feff}pay\u{200b}pal\u{2060}\u{ad}\u{e0041}"), "paypal");
        assert_eq!(clean("pay\u{200d}pal"), "paypal");
        assert_eq!(clean("می\u{200c}خواهم 👩\u{200d}💻"), "می\u{200c}خواهم 👩\u{200d}💻");
    }

    #[test]
    fn file_names_stay_in_their_folder() {
        let name = |text: &str| file_name(text).unwrap_or_default();
        assert_eq!(name("../../.ssh/authorized_keys"), "authorized_keys");
        assert_eq!(name("C:\\temp\\a.txt"), "a.txt");
        assert_eq!(name("..."), "");
        assert_eq!(name(".bashrc"), "bashrc");
        assert_eq!(name("/"), "");
        assert_eq!(name("a\u{202e}fdp.exe"), "afdp.exe");
        assert_eq!(name("con.txt"), "_con.txt");
        assert_eq!(name("Lpt1"), "_Lpt1");
        assert_eq!(name("what?.pdf\r\n"), "what_.pdf");
        assert_eq!(name("-rf"), "rf");
        assert_eq!(name("--help.txt"), "help.txt");
        assert_eq!(name("CON .txt"), "_CON .txt");
        assert_eq!(name("com¹.log"), "_com¹.log");
        assert_eq!(name("COM10"), "COM10");
        assert_eq!(name("a\0b/..\\..\\"), "");
        assert_eq!(name("%2e%2e%2fx"), "%2e%2e%2fx");
        let spaced = name(&format!("{} {}", "x".repeat(199), "y".repeat(100)));
        assert_eq!(spaced, "x".repeat(199));
        let long = name(&format!("{}.pdf", "ü".repeat(300)));
        assert!(long.len() <= 200 && long.ends_with("ü.pdf"), "{long}");
    }
}
