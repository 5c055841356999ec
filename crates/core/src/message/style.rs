//! As much of CSS as tells whether a person sees something.

/// The most octets of a style sheet that are read, and the most classes that are kept.
const MAX_SHEET: usize = 256 * 1024;
const MAX_CLASSES: usize = 200;

/// Whether declarations, in lower case and without white space, hide an element.
pub(super) fn hides(style: &str) -> bool {
    if style.is_empty() {
        return false;
    }
    style.split(';').filter_map(|declaration| declaration.split_once(':')).any(|(property, value)| {
        match property {
            "display" => value.starts_with("none"),
            "visibility" => value.starts_with("hidden") || value.starts_with("collapse"),
            "mso-hide" => value.starts_with("all"),
            "max-height" | "opacity" => is_zero(value),
            "color" => value.starts_with("transparent"),
            "text-indent" | "left" | "top" => value.starts_with("-9"),
            _ => false,
        }
    })
}

/// Whether a value begins with the number zero.
pub(super) fn is_zero(value: &str) -> bool {
    let number: String = value.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    number.parse::<f32>().is_ok_and(|n| n == 0.0)
}

/// Adds the classes that a style sheet hides everywhere, and takes away those that a later rule shows. Rules for
/// particular screens do not count, nor do those of more than one step.
pub(super) fn hidden_classes(sheet: &str, hidden: &mut Vec<String>) {
    let sheet = without_comments(sheet.get(..sheet.floor_char_boundary(MAX_SHEET)).unwrap_or_default());
    let mut rest = sheet.as_str();
    while let Some((selectors, body)) = rest.split_once('{') {
        // What ends with a semicolon (`@import`) may stand before.
        let selectors = selectors.rsplit([';', '}']).next().unwrap_or(selectors).trim();
        if selectors.starts_with('@') {
            rest = after_block(body);
            continue;
        }
        let Some((declarations, after)) = body.split_once('}') else { return };
        rest = after;
        if !declarations.contains("isplay") && !declarations.contains("DISPLAY") {
            continue;
        }
        let plain: String = declarations.chars().filter(|c| !c.is_whitespace()).collect();
        let plain = plain.to_ascii_lowercase();
        let is_hidden = hides(&plain);
        for class in selectors.split(',').filter_map(class_of) {
            hidden.retain(|known| known != class);
            if is_hidden && hidden.len() < MAX_CLASSES {
                hidden.push(class.to_owned());
            }
        }
    }
}

fn without_comments(sheet: &str) -> String {
    let mut out = String::with_capacity(sheet.len());
    let mut rest = sheet;
    while let Some((before, comment)) = rest.split_once("/*") {
        out.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    out + rest
}

/// The class of a selector that has nothing else but perhaps an element's name.
fn class_of(selector: &str) -> Option<&str> {
    let (element, class) = selector.trim().split_once('.')?;
    let is_name = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    (is_name(element) && is_name(class) && !class.is_empty()).then_some(class)
}

/// Past the brace that closes a block.
fn after_block(body: &str) -> &str {
    let mut depth = 1;
    for (at, byte) in body.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return body.get(at + 1..).unwrap_or_default();
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(sheet: &str) -> Vec<String> {
        let mut found = Vec::new();
        hidden_classes(sheet, &mut found);
        found
    }

    #[test]
    fn classes_that_are_hidden_everywhere_are_found() {
        assert_eq!(
            classes("@import url(x); .a,p.b{DISPLAY:none}.c .d{display:none}#e{display:none}"),
            ["a", "b"]
        );
        assert_eq!(classes("/* .x{ */ .a { color:red; display: none }"), ["a"]);
        assert_eq!(classes(".a{display:none}.a{display:block}"), Vec::<String>::new());
        assert_eq!(classes("@media x{.a{display:none}}@font-face{y}.b{display:none"), Vec::<String>::new());
    }

    #[test]
    fn hostile_sheets_are_bounded() {
        assert!(
            classes(&(0..9999).map(|n| format!(".a{n}{{display:none}}")).collect::<String>()).len()
                <= MAX_CLASSES
        );
        let _ = (classes(&"@media{".repeat(100_000)), classes(&"{".repeat(300_000)));
    }
}
