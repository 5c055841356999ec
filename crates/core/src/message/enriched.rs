//! Text with a few marks, as mail had before HTML: `text/enriched` (RFC 1896) and `text/richtext` (RFC 1341).

/// The words. One line end is a space, several are one less; `<<` is a bracket.
pub(super) fn read(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut params = 0_u32;
    let mut rest = text;
    // What parameters and comments hold is for programs.
    let mut put = |params: u32, words: &str| {
        if params == 0 {
            out.push_str(words);
        }
    };
    while let Some(at) = rest.find(['<', '\n']) {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        put(params, before);
        if from.starts_with('\n') {
            let ends = from.bytes().take_while(|b| *b == b'\n').count();
            put(params, &if ends == 1 { " ".to_owned() } else { "\n".repeat((ends - 1).min(3)) });
            rest = from.get(ends..).unwrap_or_default();
            continue;
        }
        if let Some(after) = from.strip_prefix("<<") {
            put(params, "<");
            rest = after;
            continue;
        }
        let Some((tag, after)) = from.split_once('>').filter(|(tag, _)| tag.len() <= 60) else {
            put(params, "<");
            rest = from.get(1..).unwrap_or_default();
            continue;
        };
        match tag.to_ascii_lowercase().as_str() {
            "<param" | "<comment" => params += 1,
            "</param" | "</comment" => params = params.saturating_sub(1),
            "<nl" | "<np" | "</paragraph" => put(params, "\n"),
            "<lt" => put(params, "<"),
            _ => {}
        }
        rest = after;
    }
    put(params, rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_taken_away() {
        let text = "<bold>One</bold>\ntwo\n\n<color><param>red</param>three</color> << 4<nl>five <x";
        assert_eq!(read(text), "One two\nthree < 4\nfive <x");
    }

    #[test]
    fn words_for_the_program_alone_are_left_out_and_old_marks_are_known() {
        let cases = [
            ("a<comment>no<param>nor <bold>this</param></comment>b", "ab"),
            ("a<comment>no <lt> << 4\n\nnor<nl></comment>b", "ab"),
            // Nobody closed it.
            ("a<param>red", "a"),
            ("a</param>b</comment>c", "abc"),
            ("1 <lt> 2<np>page<paragraph>one</paragraph>two", "1 < 2\npageone\ntwo"),
            ("a\n\n\n\n\n\n\nb", "a\n\n\nb"),
            ("ends in a line\n", "ends in a line "),
        ];
        for (text, words) in cases {
            assert_eq!(read(text), words, "{text}");
        }
        // What is too long for a mark is text.
        let text = format!("<{}>", "x".repeat(80));
        assert_eq!(read(&text), text);
    }

    #[test]
    fn odd_marks_are_read_in_time() {
        let _ = (read(&"<".repeat(200_000)), read(&"<param>".repeat(50_000)), read(&"\n".repeat(200_000)));
    }
}
