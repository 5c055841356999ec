//! What a client writes: commands with their literals (RFC 9051, section 4.3), taken apart.

/// Octets received and not yet taken for a command.
#[derive(Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    /// Up to here the command under way has been looked at.
    scanned: usize,
    /// The client was asked for the literal under way.
    asked: bool,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// More octets are needed.
    More,
    /// The client waits for a `+` before its literal.
    Ask,
    /// One whole command, without its last line end.
    Command(Vec<u8>),
}

impl Input {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn next(&mut self) -> Next {
        loop {
            let rest = &self.bytes[self.scanned..];
            let Some(length) = rest.iter().position(|byte| *byte == b'\n') else { return Next::More };
            let line = &rest[..length];
            let after = self.scanned + length + 1;
            match literal(line) {
                Some((_, true)) if !self.asked => {
                    self.asked = true;
                    return Next::Ask;
                }
                Some((octets, _)) => {
                    if self.bytes.len() < after + octets {
                        return Next::More;
                    }
                    self.asked = false;
                    self.scanned = after + octets;
                }
                None => {
                    let mut command: Vec<u8> = self.bytes.drain(..after).collect();
                    self.scanned = 0;
                    // One line end: what ends before it may be a literal that ends a line too.
                    let end = if command.ends_with(b"\r\n") { 2 } else { 1 };
                    command.truncate(command.len() - end);
                    return Next::Command(command);
                }
            }
        }
    }
}

/// The literal a line ends with: its octets, and whether the client waits to be asked for it.
fn literal(line: &[u8]) -> Option<(usize, bool)> {
    let line = line.strip_suffix(b"\r").unwrap_or(line).strip_suffix(b"}")?;
    let open = line.iter().rposition(|byte| *byte == b'{')?;
    let number = std::str::from_utf8(&line[open + 1..]).ok()?;
    match number.strip_suffix('+') {
        Some(number) => Some((number.parse().ok()?, false)),
        None => Some((number.parse().ok()?, true)),
    }
}

/// One word of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Arg {
    /// An atom; a section as `BODY[HEADER.FIELDS (DATE)]<0.10>` is one.
    Atom(String),
    /// A quoted string or a literal.
    Text(Vec<u8>),
    /// What stands in parentheses.
    List(Vec<Self>),
}

impl Arg {
    /// The word as an atom in upper case; empty when it is none.
    pub(super) fn word(&self) -> String {
        match self {
            Self::Atom(atom) => atom.to_ascii_uppercase(),
            _ => String::new(),
        }
    }

    /// The word as an `astring`.
    pub(super) fn text(&self) -> Option<Vec<u8>> {
        match self {
            Self::Atom(atom) => Some(atom.clone().into_bytes()),
            Self::Text(text) => Some(text.clone()),
            Self::List(_) => None,
        }
    }

    /// The word as a number.
    pub(super) fn number(&self) -> Option<u64> {
        self.word().parse().ok()
    }

    /// What is in the parentheses; the word itself where there are none.
    pub(super) fn items(&self) -> Vec<Self> {
        match self {
            Self::List(items) => items.clone(),
            other => vec![other.clone()],
        }
    }
}

/// The words of a command; `None` when it is malformed.
pub(super) fn words(command: &[u8]) -> Option<Vec<Arg>> {
    let mut rest = command;
    let words = list(&mut rest, 0)?;
    rest.is_empty().then_some(words)
}

fn list(rest: &mut &[u8], depth: u32) -> Option<Vec<Arg>> {
    let mut items = Vec::new();
    loop {
        match rest.first() {
            None => return (depth == 0).then_some(items),
            Some(b')') => return (depth > 0).then_some(items),
            Some(b' ') => *rest = &rest[1..],
            Some(b'(') => {
                *rest = &rest[1..];
                let inner = list(rest, depth + 1)?;
                *rest = rest.strip_prefix(b")")?;
                items.push(Arg::List(inner));
            }
            Some(b'"') => items.push(Arg::Text(quoted(rest)?)),
            Some(b'{') => items.push(Arg::Text(sized(rest)?)),
            // literal8 (RFC 9051, section 9)
            Some(b'~') if rest.get(1) == Some(&b'{') => {
                *rest = &rest[1..];
                items.push(Arg::Text(sized(rest)?));
            }
            Some(_) => items.push(Arg::Atom(atom(rest)?)),
        }
    }
}

fn quoted(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let mut bytes = rest.iter().enumerate().skip(1);
    loop {
        match bytes.next()? {
            (at, b'"') => {
                *rest = &rest[at + 1..];
                return Some(text);
            }
            (_, b'\\') => text.push(*bytes.next()?.1),
            (_, byte) => text.push(*byte),
        }
    }
}

fn sized(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let (octets, _) = literal(&rest[..end])?;
    let text = rest.get(end + 1..end + 1 + octets)?.to_vec();
    *rest = &rest[end + 1 + octets..];
    Some(text)
}

fn atom(rest: &mut &[u8]) -> Option<String> {
    let mut brackets = 0_u32;
    let end = rest.iter().position(|byte| {
        match byte {
            b'[' => brackets += 1,
            b']' => brackets = brackets.saturating_sub(1),
            b' ' | b'(' | b')' => return brackets == 0,
            _ => {}
        }
        false
    });
    let (atom, after) = rest.split_at(end.unwrap_or(rest.len()));
    *rest = after;
    String::from_utf8(atom.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn atoms(words: &[&str]) -> Vec<Arg> {
        words.iter().map(|word| Arg::Atom((*word).to_owned())).collect()
    }

    #[test]
    fn a_literal_is_asked_for_once_and_belongs_to_its_command() {
        let mut input = Input::default();
        input.push(b"a LOGIN {3}\r\n");
        assert_eq!(input.next(), Next::Ask);
        assert_eq!(input.next(), Next::More);
        input.push(b"x\r\n {1+}\r\n\"\r\nb NOOP\r\n");
        let Next::Command(command) = input.next() else { panic!("no command") };
        let words = words(&command).unwrap();
        assert_eq!(words[2..], [Arg::Text(b"x\r\n".to_vec()), Arg::Text(b"\"".to_vec())]);
        assert_eq!(input.next(), Next::Command(b"b NOOP".to_vec()));
        assert_eq!(input.next(), Next::More);
        input.push(b"c X {3+}\r\na\r\n\r\n");
        assert_eq!(input.next(), Next::Command(b"c X {3+}\r\na\r\n".to_vec()));
    }

    #[test]
    fn a_section_is_one_word_and_lists_nest() {
        let all =
            words(br#"a UID FETCH 1 (UID BODY.PEEK[HEADER.FIELDS (DATE TO)]<0.9> (X "q\"t"))"#).unwrap();
        let Some(Arg::List(items)) = all.last() else { panic!("no list") };
        assert_eq!(items[..2], atoms(&["UID", "BODY.PEEK[HEADER.FIELDS (DATE TO)]<0.9>"]));
        assert_eq!(items[2], Arg::List(vec![Arg::Atom("X".into()), Arg::Text(b"q\"t".to_vec())]));
        assert_eq!(words(b"a LIST (b"), None);
        assert_eq!(words(b"a b)"), None);
        assert_eq!(words(b"a \"b"), None);
    }
}
