//! Content transfer encodings (RFC 2045, section 6), decoded tolerantly.

/// Decodes base64. Anything outside the alphabet is skipped, and padding may stand in the middle, where
/// two encodings were joined. `true` says that something other than line ends was skipped or missing.
pub(super) fn base64(bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3 + 3);
    let mut damaged = false;
    let mut quantum = 0_u32;
    let mut count = 0_u8;
    let mut rest = bytes;
    loop {
        // Whole groups, as nearly all of it is.
        while count == 0
            && let Some((group, after)) = rest.split_first_chunk::<4>()
            && let [a, b, c, d] = group.map(value)
            && a | b | c | d < OTHER
        {
            out.extend([a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]);
            rest = after;
        }
        let Some((byte, after)) = rest.split_first() else { break };
        rest = after;
        match (value(*byte), byte) {
            (OTHER, b'=') => {
                damaged |= count == 1;
                flush(quantum, count, &mut out);
                (quantum, count) = (0, 0);
            }
            (OTHER, byte) => damaged |= !byte.is_ascii_whitespace(),
            (value, _) => {
                quantum = quantum << 6 | u32::from(value);
                count += 1;
            }
        }
        if count == 4 {
            flush(quantum, count, &mut out);
            (quantum, count) = (0, 0);
        }
    }
    damaged |= count == 1;
    flush(quantum, count, &mut out);
    (out, damaged)
}

/// What stands for no value.
const OTHER: u8 = 64;
/// The values of the alphabet, and of the one for URLs beside it (RFC 4648, sections 4 and 5).
const VALUES: [u8; 256] = values();

fn value(byte: u8) -> u8 {
    VALUES.get(usize::from(byte)).copied().unwrap_or(OTHER)
}

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated when it is compiled"
)]
const fn values() -> [u8; 256] {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [OTHER; 256];
    let mut at = 0;
    while at < alphabet.len() {
        values[alphabet[at] as usize] = at as u8;
        at += 1;
    }
    values[b'-' as usize] = 62;
    values[b'_' as usize] = 63;
    values
}

/// Parts base64 from text that was appended to it: lines after its padding, or after an empty line, that are none. Where
/// more base64 comes behind them they are damage in it, and stay.
pub(super) fn base64_and_tail(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (mut at, mut may_end) = (0, false);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let line = rest.get(..length).unwrap_or_default().trim_ascii();
        if may_end && !line.is_empty() && !is_base64(line) {
            let is_last =
                !rest.split(|b| *b == b'\n').any(|line| line.len() >= 60 && is_base64(line.trim_ascii()));
            return if is_last { bytes.split_at_checked(at).unwrap_or((bytes, &[])) } else { (bytes, &[]) };
        }
        may_end |= at > 0 && line.is_empty() || line.ends_with(b"=");
        at += length;
    }
    (bytes, &[])
}

/// Whether a line is base64 as senders write it: whole groups of its own letters.
fn is_base64(line: &[u8]) -> bool {
    let letters = line.trim_ascii_end();
    let is_letter = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    letters.len().is_multiple_of(4) && letters.iter().all(is_letter)
}

fn flush(quantum: u32, count: u8, out: &mut Vec<u8>) {
    let [_, a, b, c] = (quantum << (6 * (4 - u32::from(count.min(4))))).to_be_bytes();
    match count {
        4 => out.extend([a, b, c]),
        3 => out.extend([a, b]),
        2 => out.push(a),
        _ => {}
    }
}

/// Decodes quoted-printable. A `=` that starts no escape stays as it is. `true` says that there was one.
pub(super) fn quoted_printable(bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(bytes.len());
    let mut damaged = false;
    let mut rest = bytes;
    while let Some(at) = memchr::memchr2(b'=', b'\n', rest) {
        let (text, from) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        out.extend_from_slice(text);
        let Some((found, after)) = from.split_first() else { break };
        if *found == b'\n' {
            // White space at the end of a line was added on the way (rule 3).
            let cr = text.ends_with(b"\r");
            let line = text.strip_suffix(b"\r").unwrap_or(text);
            let blanks = line.len() - line.trim_ascii_end().len();
            if blanks > 0 {
                out.truncate(out.len() - usize::from(cr) - blanks);
                if cr {
                    out.push(b'\r');
                }
            }
            out.push(b'\n');
            rest = after;
            continue;
        }
        let hex = |at: usize| after.get(at).and_then(|b| char::from(*b).to_digit(16));
        if let (Some(high), Some(low)) = (hex(0), hex(1)) {
            out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
            rest = after.get(2..).unwrap_or_default();
        } else if let Some(soft) = soft_break(after) {
            rest = soft;
        } else {
            damaged = true;
            out.push(b'=');
            rest = after;
        }
    }
    out.extend_from_slice(rest);
    (out, damaged)
}

/// What follows a soft line break: blanks and a line end, or the end of the text.
fn soft_break(after: &[u8]) -> Option<&[u8]> {
    let blanks = after.iter().take(80).take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
    match after.get(blanks) {
        None => Some(&[]),
        Some(b'\n') => after.get(blanks + 1..),
        Some(_) => None,
    }
}

/// Decodes uuencoded text: what stands between a line `begin mode name` and one `end`. `true` says that one
/// of the two is missing, or a line is short.
pub(super) fn uuencode(bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut lines = bytes.split(|b| *b == b'\n').map(<[u8]>::trim_ascii_end);
    if !lines.any(|line| line.starts_with(b"begin ")) {
        return (bytes.to_vec(), true);
    }
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3);
    let mut damaged = false;
    for line in lines {
        if line == b"end" {
            return (out, damaged);
        }
        let Some((length, data)) = line.split_first() else { continue };
        let length = usize::from(length.wrapping_sub(b' ') & 63);
        let from = out.len();
        for group in data.chunks(4) {
            let six = |at: usize| u32::from(group.get(at).copied().unwrap_or(b' ').wrapping_sub(b' ') & 63);
            let [_, a, b, c] = (six(0) << 18 | six(1) << 12 | six(2) << 6 | six(3)).to_be_bytes();
            out.extend([a, b, c]);
        }
        damaged |= out.len() < from + length;
        out.truncate(from + length);
    }
    (out, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_survives_what_happens_on_the_way() {
        assert_eq!(base64(b"aGVs\r\nbG8=\r\n"), (b"hello".to_vec(), false));
        assert_eq!(base64(b"aGVsbG8"), (b"hello".to_vec(), false));
        assert_eq!(base64(b"aGk=aGk="), (b"hihi".to_vec(), false));
        assert_eq!(base64(b"aG!k"), (b"hi".to_vec(), true));
        assert_eq!(base64(b"aGkhQ"), (b"hi!".to_vec(), true));
        assert_eq!(base64(b""), (vec![], false));
    }

    #[test]
    fn text_after_base64_is_none() {
        let tail = |text: &str| String::from_utf8(base64_and_tail(text.as_bytes()).1.to_vec()).unwrap();
        assert_eq!(tail("aGk=\r\n\r\n-- \r\nlist footer\r\n"), "-- \r\nlist footer\r\n");
        assert_eq!(tail("aGk=\n_______\nwords\n"), "_______\nwords\n");
        assert_eq!(tail("aGkh\n\n_______\nwords\n"), "_______\nwords\n");
        // Two encodings that were joined, and what is damaged in the middle.
        assert_eq!(tail("aGk=\naGk=\n\n"), "");
        assert_eq!(tail(&format!("aGk=\nno word\n{}\n", "aGkh".repeat(19))), "");
        assert_eq!(tail("aG kh\naGkh\n"), "");
        assert_eq!(tail(""), "");
    }

    #[test]
    fn uuencoded_text_is_decoded() {
        assert_eq!(uuencode(b"x\r\nbegin 644 a\r\n#0V%T\r\n`\r\nend\r\n"), (b"Cat".to_vec(), false));
        assert_eq!(uuencode(b"begin 644 a\n#0V%T\n"), (b"Cat".to_vec(), true));
        assert_eq!(uuencode(b"begin 644 a\nM0V%T\nend"), (b"Cat".to_vec(), true));
        assert_eq!(uuencode(b"words"), (b"words".to_vec(), true));
    }

    #[test]
    fn quoted_printable_survives_what_happens_on_the_way() {
        assert_eq!(quoted_printable(b"a=3D=c3=BC=\r\nb  \r\nc"), ("a=üb\r\nc".as_bytes().to_vec(), false));
        assert_eq!(quoted_printable(b"a= \nb="), (b"ab".to_vec(), false));
        assert_eq!(quoted_printable(b"a=zz"), (b"a=zz".to_vec(), true));
        assert_eq!(quoted_printable(b"x=20 \n"), (b"x \n".to_vec(), false));
    }
}
