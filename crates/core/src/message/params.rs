//! Values with parameters: Content-Type and Content-Disposition (RFC 2045, RFC 2183, RFC 2231).

use super::{charset, words};

/// The most parameters, or pieces of them, that are looked at.
const MAX_PARAMS: usize = 200;

/// A value and its parameters, names in lower case.
#[derive(Clone, Debug, Default)]
pub(super) struct Params {
    /// What stands before the first semicolon, in lower case.
    pub(super) value: String,
    list: Vec<(String, String)>,
}

impl Params {
    /// Reads an unfolded field.
    pub(super) fn read(field: &str) -> Self {
        let mut pieces = split(field).into_iter();
        let value = pieces.next().unwrap_or_default().trim().to_ascii_lowercase();
        let list = pieces.take(MAX_PARAMS).filter_map(|p| read_param(&p)).collect();
        Self { value: value.split_whitespace().collect(), list }
    }

    /// A parameter, decoded: continued and extended ones are put together (RFC 2231), encoded words are
    /// read although they do not belong there.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let plain = self.list.iter().find(|(n, _)| n == name).map(|(_, v)| words::decode(v));
        self.extended(name).or(plain).map(|v| super::header::one_line(&v)).filter(|v| !v.is_empty())
    }

    /// A parameter as it is written, which a boundary is.
    pub(super) fn verbatim(&self, name: &str) -> Option<String> {
        let found = self.list.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        found.or_else(|| self.extended(name))
    }

    fn extended(&self, name: &str) -> Option<String> {
        let mut pieces: Vec<(u32, bool, &str)> = self
            .list
            .iter()
            .filter_map(|(n, v)| {
                let rest = n.strip_prefix(name)?.strip_prefix('*')?;
                let (number, encoded) = match rest.strip_suffix('*') {
                    Some(number) => (number, true),
                    None => (rest, rest.is_empty()),
                };
                let number = if number.is_empty() { 0 } else { number.parse().ok()? };
                Some((number, encoded, v.as_str()))
            })
            .collect();
        pieces.sort_by_key(|(number, ..)| *number);
        let mut label = None;
        let mut bytes = Vec::new();
        for (at, (_, encoded, value)) in pieces.iter().enumerate() {
            if !encoded {
                bytes.extend_from_slice(value.as_bytes());
                continue;
            }
            let mut value = *value;
            if at == 0
                && let Some((charset, rest)) = value.split_once('\'')
            {
                label = Some(charset);
                value = rest.split_once('\'').map_or(rest, |(_, text)| text);
            }
            bytes.extend(percent_decode(value));
        }
        (!pieces.is_empty()).then(|| charset::decode(&bytes, label).0.into_owned())
    }
}

/// Splits at semicolons outside quotes; comments are dropped.
fn split(field: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let (mut quoted, mut escaped, mut comments) = (false, false, 0_u32);
    for c in field.chars() {
        let may_split = pieces.len() <= MAX_PARAMS;
        let Some(piece) = pieces.last_mut() else { break };
        match c {
            _ if escaped => {
                escaped = false;
                if comments == 0 {
                    piece.extend(['\\', c]);
                }
            }
            '\\' if quoted || comments > 0 => escaped = true,
            '"' if comments == 0 => {
                quoted = !quoted;
                piece.push(c);
            }
            '(' if !quoted => comments += 1,
            ')' if comments > 0 => comments -= 1,
            _ if comments > 0 => {}
            ';' if !quoted && may_split => pieces.push(String::new()),
            _ => piece.push(c),
        }
    }
    pieces
}

fn read_param(piece: &str) -> Option<(String, String)> {
    let (name, value) = piece.split_once('=')?;
    let name = name.trim().to_ascii_lowercase();
    let value = value.trim();
    let value = match value.strip_prefix('"') {
        Some(quoted) => unquote(quoted),
        None => value.to_owned(),
    };
    (!name.is_empty()).then_some((name, value))
}

/// The text up to the closing quote. A backslash that escapes no quote or backslash stays: it is a path a
/// careless program wrote.
fn unquote(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' if matches!(chars.peek(), Some('"' | '\\')) => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}

fn percent_decode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let hex = |at: usize| after.get(at).and_then(|b| char::from(*b).to_digit(16));
        match (byte, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(field: &str, name: &str) -> Option<String> {
        Params::read(field).get(name)
    }

    #[test]
    fn parameters_are_read_in_all_their_forms() {
        let field = "Text/Plain ; charset=\"utf-8\"; (note; x) name=\"a;\\\"b\\\".txt\"; Format=flowed";
        assert_eq!(Params::read(field).value, "text/plain");
        assert_eq!(get(field, "charset").as_deref(), Some("utf-8"));
        assert_eq!(get(field, "name").as_deref(), Some("a;\"b\".txt"));
        assert_eq!(get(field, "format").as_deref(), Some("flowed"));
        assert_eq!(get(field, "x"), None);
    }

    #[test]
    fn extended_parameters_are_put_together() {
        assert_eq!(get("a/b; filename*=utf-8''gr%C3%BCn.txt", "filename").as_deref(), Some("grün.txt"));
        assert_eq!(
            get("a/b; filename*=iso-8859-1'de'gr%FCn.txt; filename=x", "filename").as_deref(),
            Some("grün.txt")
        );
        let split = "a/b; name*1*=%C3%BC; name*0*=utf-8''gr; name*2=\"n%.txt\"";
        assert_eq!(get(split, "name").as_deref(), Some("grün%.txt"));
    }

    #[test]
    fn common_mistakes_are_read() {
        assert_eq!(get("a/b; name==?utf-8?Q?gr=C3=BCn?=", "name").as_deref(), Some("grün"));
        assert_eq!(get("a/b; name=\"=?utf-8?B?Z3LDvG4=?=\"", "name").as_deref(), Some("grün"));
        assert_eq!(get("a/b; name=my file.pdf", "name").as_deref(), Some("my file.pdf"));
        assert_eq!(get("a/b; name=\"C:\\temp\\a.txt\"", "name").as_deref(), Some("C:\\temp\\a.txt"));
        assert_eq!(get("a/b; boundary=\"open", "boundary").as_deref(), Some("open"));
        assert_eq!(get("a/b;;; =x; boundary=y", "boundary").as_deref(), Some("y"));
        assert_eq!(Params::read("").value, "");
    }
}
