//! Paragraphs that were wrapped on the way (`format=flowed`, RFC 3676).

/// Joins flowed lines. `delsp` drops the space each joint was marked with. Quoting stays, one `> ` for
/// each level; lines wider than `width` columns are wrapped again.
pub(super) fn reflow(text: &str, delsp: bool, width: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut paragraph = String::new();
    let mut open_depth = None;
    for line in text.lines() {
        let depth = line.bytes().take_while(|b| *b == b'>').count();
        let content = line.get(depth..).unwrap_or_default();
        let content = content.strip_prefix(' ').unwrap_or(content);
        if open_depth.is_some_and(|d| d != depth) {
            put(&mut out, open_depth.take().unwrap_or(0), &paragraph, width);
            paragraph.clear();
        }
        let is_signature = content == "-- ";
        if is_signature && open_depth.is_some() {
            put(&mut out, depth, &paragraph, width);
            paragraph.clear();
        }
        let is_flowed = content.ends_with(' ') && !is_signature;
        let kept = if is_flowed && delsp { content.strip_suffix(' ').unwrap_or(content) } else { content };
        paragraph.push_str(kept);
        if is_flowed {
            open_depth = Some(depth);
        } else {
            open_depth = None;
            put(&mut out, depth, &paragraph, width);
            paragraph.clear();
        }
    }
    if let Some(depth) = open_depth {
        put(&mut out, depth, &paragraph, width);
    }
    out
}

/// Writes one paragraph under its quote marks.
fn put(out: &mut String, depth: usize, paragraph: &str, width: usize) {
    // Deeper quoting than this is drawn as if it were this deep: no width would be left.
    let depth = depth.min(20);
    let room = width.saturating_sub(depth * 2).max(20);
    let mut lines = wrap(paragraph, room).peekable();
    if lines.peek().is_none() {
        out.push_str("> ".repeat(depth).trim_end());
        out.push('\n');
    }
    for line in lines {
        out.push_str(&"> ".repeat(depth));
        out.push_str(line);
        out.push('\n');
    }
}

/// Cuts a line at spaces so that no piece has more than `width` characters; longer words stay whole.
pub(super) fn wrap(line: &str, width: usize) -> impl Iterator<Item = &str> {
    let mut rest = (!line.is_empty()).then_some(line);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let Some((limit, _)) = text.char_indices().nth(width) else {
            return Some(text.trim_end_matches(' '));
        };
        let before = text.get(..=limit).filter(|t| t.ends_with(' ')).map(|_| limit);
        let before = before.or_else(|| text.get(..limit)?.rfind(' ').filter(|at| *at > 0));
        let cut = before.or_else(|| text.get(limit..)?.find(' ').map(|at| limit + at));
        let Some(cut) = cut else { return Some(text) };
        let (piece, after) = text.split_at_checked(cut)?;
        let after = after.trim_start_matches(' ');
        rest = (!after.is_empty()).then_some(after);
        Some(piece.trim_end_matches(' '))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flowed_lines_are_joined_and_fixed_ones_stay() {
        assert_eq!(reflow("one \ntwo \nthree\nfour\n", false, 80), "one two three\nfour\n");
        assert_eq!(reflow("日本 \n語\n", true, 80), "日本語\n");
        assert_eq!(
            reflow(" indented\n\n-- \nAnn\n", false, 80),
            "indented\n\n-- \nAnn\n".replace("-- ", "--")
        );
    }

    #[test]
    fn quotes_are_joined_by_their_depth() {
        assert_eq!(reflow("> a \n> b\n>> c \n> d\n>\ne\n", false, 80), "> a b\n> > c\n> d\n>\ne\n");
    }

    #[test]
    fn long_paragraphs_are_wrapped_at_spaces() {
        let pieces = |text, width| wrap(text, width).collect::<Vec<_>>();
        assert_eq!(pieces("aaa bbb ccc", 7), ["aaa bbb", "ccc"]);
        assert_eq!(pieces("aaaaaaaaaa b", 5), ["aaaaaaaaaa", "b"]);
        assert_eq!(pieces("aaa   bbb", 4), ["aaa", "bbb"]);
        assert_eq!(pieces("", 4), Vec::<&str>::new());
        assert_eq!(pieces("ääää ööö", 4), ["ääää", "ööö"]);
    }

    #[test]
    fn a_signature_is_never_flowed_into() {
        assert_eq!(reflow("text \n-- \nAnn\n", false, 80), "text\n--\nAnn\n");
    }

    #[test]
    fn hostile_quoting_is_bounded() {
        let text = format!("{} x\n", ">".repeat(100_000));
        assert!(reflow(&text, false, 80).len() < 200);
    }
}
