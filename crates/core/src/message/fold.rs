//! Which lines of an answer are its own, and which are those of the message it answers.
//!
//! Nothing is cut out: the passages of a text, one after the other, are the text.

mod outlook;

use serde::Serialize;

/// The most lines of a signature; longer ones may be more than that.
const MAX_SIGNATURE: usize = 15;
/// The most lines of an attribution, and the most octets of one.
const MAX_ATTRIBUTION: (usize, usize) = (4, 400);
/// What the reader writes above an attached message, whose words are not quoted ones.
pub(super) const ATTACHED: &str = "--- Attached message";

/// A stretch of whole lines of a text, with their line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage<'a> {
    /// Whose words they are.
    pub kind: PassageKind,
    /// The lines.
    pub text: &'a str,
}

/// Whose words a [`Passage`] has. The names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PassageKind {
    /// The author's own.
    Own,
    /// Another message's, with the line that says whose.
    Quote,
    /// What stands below every message of the author (RFC 3676, section 4.3).
    Signature,
}

impl<'a> Passage<'a> {
    /// How many lines it has, empty ones among them.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.text.lines().count()
    }

    /// Takes a text apart, as [`Reading::text`](super::Reading::text) is: what is quoted with `>` and the line above
    /// it, what follows Outlook's header of the message that is answered, and a signature. Joined together the passages
    /// are the text.
    ///
    /// In doubt words are the author's own; so is all of a text in which nothing else would be. With `is_forward`,
    /// where a subject says that a message is passed on, what is below Outlook's header is what there is to read.
    #[must_use]
    pub fn of(text: &'a str, is_forward: bool) -> Vec<Self> {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let kinds = kinds(&lines, is_forward);
        let mut passages: Vec<Self> = Vec::new();
        let mut start = 0;
        let mut end = 0;
        for (at, line) in lines.iter().enumerate() {
            let kind = kinds.get(at).copied().unwrap_or(PassageKind::Own);
            end += line.len();
            if kinds.get(at + 1) != Some(&kind) {
                passages.push(Self { kind, text: text.get(start..end).unwrap_or_default() });
                start = end;
            }
        }
        passages
    }
}

/// Whether a subject says that the message passes another one on.
#[must_use]
pub fn is_forward(subject: &str) -> bool {
    let Some((prefix, _)) = subject.split_once([':', '：']) else { return false };
    let prefix = prefix.trim().to_lowercase();
    let prefix = prefix.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '[' | ']'));
    FORWARDS.contains(&prefix)
}

/// What stands before the subject of a message that is passed on, in languages mail is written in.
const FORWARDS: [&str; 21] = [
    "fw",
    "fwd",
    "wg",
    "tr",
    "rv",
    "i",
    "doorst",
    "vs",
    "vb",
    "vl",
    "enc",
    "pd",
    "res",
    "ynt",
    "ilt",
    "转发",
    "轉寄",
    "転送",
    "전달",
    "továbbítás",
    "përc",
];

/// The kind of every line.
fn kinds(lines: &[&str], is_forward: bool) -> Vec<PassageKind> {
    let mut kinds = vec![PassageKind::Own; lines.len()];
    // What is attached is another message whole: each has quotes and a signature of its own.
    let mut from = 0;
    while from < lines.len() {
        let rest = lines.get(from + 1..).unwrap_or_default();
        let to =
            rest.iter().position(|line| line.trim_end() == ATTACHED).map_or(lines.len(), |at| from + 1 + at);
        // Its header, up to an empty line, is none that an answer quotes.
        let is_attached = lines.get(from).is_some_and(|line| line.trim_end() == ATTACHED);
        let within = lines.get(from..to).unwrap_or_default();
        let header = within.iter().position(|line| is_empty(line)).filter(|_| is_attached);
        let start = header.map_or(from, |at| from + at);
        if let (Some(part), Some(kinds)) = (lines.get(start..to), kinds.get_mut(start..to)) {
            mark(part, kinds, is_forward);
        }
        from = to;
    }
    let is_own = |(line, kind): (&&str, &PassageKind)| *kind == PassageKind::Own && !line.trim().is_empty();
    if !lines.iter().zip(&kinds).any(is_own) {
        kinds.fill(PassageKind::Own);
    }
    kinds
}

/// Marks the lines of one message.
fn mark(lines: &[&str], kinds: &mut [PassageKind], is_forward: bool) {
    let end = match outlook::begins(lines).filter(|_| !is_forward) {
        Some(start) => {
            fill(kinds, start, lines.len(), PassageKind::Quote);
            start
        }
        None => lines.len(),
    };
    let mut at = 0;
    while at < end {
        let Some(line) = lines.get(at) else { break };
        if !is_quoted(line) {
            at += 1;
            continue;
        }
        let until = end_of_quote(lines, at, end);
        let start = at - attribution(lines.get(..at).unwrap_or_default());
        fill(kinds, start, until, PassageKind::Quote);
        at = until;
    }
    if let Some((start, until)) = signature(lines, kinds) {
        fill(kinds, start, until, PassageKind::Signature);
    }
}

fn fill(kinds: &mut [PassageKind], start: usize, end: usize, kind: PassageKind) {
    kinds.get_mut(start..end).unwrap_or_default().fill(kind);
}

fn is_empty(line: &str) -> bool {
    line.trim().is_empty()
}

/// Whether a line is quoted. Some programs put a space before the mark; `>From` is what mbox files make of `From`.
fn is_quoted(line: &str) -> bool {
    let line = line.strip_prefix(' ').unwrap_or(line);
    line.starts_with('>') && !line.starts_with(">From ")
}

/// Where a quote ends that begins at `start`: empty lines within belong to it, those below it do not.
fn end_of_quote(lines: &[&str], start: usize, limit: usize) -> usize {
    let mut end = start;
    for (at, line) in lines.iter().enumerate().take(limit).skip(start) {
        if is_quoted(line) {
            end = at + 1;
        } else if !is_empty(line) {
            break;
        }
    }
    end
}

/// How many of the last lines are the attribution of what is quoted below them, the empty lines between included.
fn attribution(above: &[&str]) -> usize {
    let empty = above.iter().rev().take_while(|line| is_empty(line)).count();
    let (most, octets) = MAX_ATTRIBUTION;
    if empty > 2 {
        return 0;
    }
    let lines =
        above.iter().rev().skip(empty).take(most).take_while(|line| !is_empty(line) && !is_quoted(line));
    let mut joined = String::new();
    let mut found = 0;
    for (at, line) in lines.enumerate() {
        joined = if joined.is_empty() { line.trim().to_owned() } else { format!("{} {joined}", line.trim()) };
        if joined.len() > octets {
            break;
        }
        if is_attribution(&joined) {
            // The longest is the whole of it, where it begins as such a line does.
            if found == 0 || opens(&joined) {
                found = at + 1;
            }
        } else if found > 0 && !has_when(&joined) {
            break;
        }
    }
    if found == 0 { 0 } else { found + empty }
}

/// Whether a text says who wrote what is quoted below: it ends with a colon and has the word, in languages mail is
/// written in.
fn is_attribution(text: &str) -> bool {
    let Some(body) = text.strip_suffix([':', '：']) else { return false };
    let lower = body.to_lowercase();
    let words = || lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let has_verb =
        words().any(|word| WROTE.contains(&word)) || WROTE_WITHIN.iter().any(|verb| lower.contains(verb));
    // A sentence that happens to have the word is longer than a name, and has no date or address.
    has_verb && (has_when(body) || words().count() <= 6)
}

/// Whether a text has a date, a time or an address in it.
fn has_when(text: &str) -> bool {
    text.contains('@') || text.contains(|c: char| c.is_ascii_digit())
}

/// Whether a text begins as an attribution does.
fn opens(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default().to_lowercase();
    OPENERS.contains(&first.trim_end_matches([',', '.'])) || text.starts_with(|c: char| c.is_ascii_digit())
}

/// `wrote` and `writes`.
const WROTE: [&str; 36] = [
    "wrote",
    "writes",
    "said",
    "schrieb",
    "schreibt",
    "écrit",
    "ecrit",
    "escribió",
    "escribio",
    "escribe",
    "scritto",
    "scrive",
    "schreef",
    "geschreven",
    "skrev",
    "skriver",
    "kirjoitti",
    "escreveu",
    "escribiu",
    "escrit",
    "napisał",
    "napisała",
    "napisał(a)",
    "napsal",
    "napsala",
    "napísal",
    "írta",
    "scris",
    "yazdı",
    "написал",
    "написала",
    "пише",
    "пишет",
    "έγραψε",
    "כתב",
    "viết",
];
/// The same in scripts without spaces, and where a word is not enough.
const WROTE_WITHIN: [&str; 7] = ["写道", "寫道", "のメッセージ", "wrote", "작성", "كتب", "さんは書きました"];
/// First words of an attribution.
const OPENERS: [&str; 24] = [
    "on", "am", "le", "el", "il", "op", "den", "på", "em", "no", "w", "dne", "dňa", "la", "in", "at", "im",
    "a", "quoting", "ha", "pe", "в", "στις", "vào",
];

/// The lines of a signature that stands at the end of what is not quoted.
fn signature(lines: &[&str], kinds: &[PassageKind]) -> Option<(usize, usize)> {
    let is_own = |at: usize| kinds.get(at) == Some(&PassageKind::Own);
    let is_mark = |line: &str| matches!(line.trim_end_matches(['\n', '\r']), "-- " | "--" | "--\u{a0}");
    // The last mark that no word of the author's own stands below, but those of the signature.
    let start = lines.iter().enumerate().rposition(|(at, line)| is_own(at) && is_mark(line))?;
    let end = (start..lines.len()).find(|at| !is_own(*at)).unwrap_or(lines.len());
    let own_below =
        (end..lines.len()).any(|at| is_own(at) && lines.get(at).is_some_and(|line| !is_empty(line)));
    let body = lines.get(start + 1..end)?;
    let size = body.iter().filter(|line| !is_empty(line)).count();
    let blank = body.iter().rev().take_while(|line| is_empty(line)).count();
    (!own_below && (1..=MAX_SIGNATURE).contains(&size)).then_some((start, end - blank))
}

#[cfg(test)]
mod tests;
