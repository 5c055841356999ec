//! Long lines for people: broken between words, the rest below the text they belong to.

use std::borrow::Cow;
use std::os::fd::AsFd;
use unicode_width::UnicodeWidthStr;

/// Narrower than this, broken lines are no easier to read.
const NARROW: usize = 40;

/// Columns of a line of standard output: those of its terminal; else `COLUMNS`, as `ls` and `git` read it; else those of
/// another terminal, which a pager writes to.
pub(super) fn columns() -> Option<usize> {
    let given = || std::env::var("COLUMNS").ok()?.parse().ok().filter(|columns| *columns > 0);
    let of = |(terminal_size::Width(columns), _)| usize::from(columns);
    terminal_size::terminal_size_of(std::io::stdout())
        .map(of)
        .or_else(given)
        .or_else(|| terminal_size::terminal_size().map(of))
}

/// A text as it fits the terminal behind `stream`; unchanged where there is none, so that what a program
/// reads stays as it is.
pub(super) fn wrapped<'a>(text: &'a str, stream: impl AsFd) -> Cow<'a, str> {
    match terminal_size::terminal_size_of(stream) {
        Some((terminal_size::Width(columns), _)) => Cow::Owned(wrap(text, usize::from(columns))),
        None => Cow::Borrowed(text),
    }
}

fn wrap(text: &str, columns: usize) -> String {
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if line.trim_end().width() <= columns || columns < NARROW {
            shown.push_str(line);
            continue;
        }
        let indent = " ".repeat(hanging(line));
        let (body, end) = line.strip_suffix('\n').map_or((line, ""), |body| (body, "\n"));
        let mut used = 0;
        for (at, word) in body.split(' ').enumerate() {
            let wide = word.width();
            if at > 0 && used + 1 + wide > columns && used > indent.len() {
                shown.push('\n');
                shown.push_str(&indent);
                used = indent.len();
            } else if at > 0 {
                shown.push(' ');
                used += 1;
            }
            shown.push_str(word);
            used += wide;
        }
        shown.push_str(end);
    }
    shown
}

/// Where the text of a line begins: behind its indent, and behind a label as `seen:` or a lone key.
fn hanging(line: &str) -> usize {
    let indent = line.len() - line.trim_start().len();
    let Some((label, rest)) = line.trim_start().split_once(' ').filter(|_| indent > 0) else { return indent };
    if label.ends_with(':') || label.len() == 1 {
        return indent + label.len() + 1 + (rest.len() - rest.trim_start().len());
    }
    indent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_goes_on_below_its_text() {
        let text = "short\n  do:   one two three four five six seven eight nine ten\nend";
        assert_eq!(
            wrap(text, 40),
            "short\n  do:   one two three four five six\n        seven eight nine ten\nend"
        );
        assert_eq!(wrap(text, 30), text, "too narrow to be of use");
        assert_eq!(wrap(text, 80), text);
    }

    #[test]
    fn a_word_that_is_too_long_stays_whole() {
        let text = format!("  seen: {} b", "x".repeat(60));
        assert_eq!(wrap(&text, 40), format!("  seen: {}\n        b", "x".repeat(60)));
    }
}
