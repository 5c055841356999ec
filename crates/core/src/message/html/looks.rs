//! How a document looks, as much of it as can neither load nor act: some attributes, and declarations of CSS whose
//! values are words, numbers and colours.

use super::{Attributes, escape};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::fmt::Write as _;

/// The most declarations of one element, and the longest value, in octets.
const MAX_DECLARATIONS: usize = 60;
const MAX_VALUE: usize = 200;

/// Attributes whose values are words or numbers.
const ATTRIBUTES: [&str; 17] = [
    "align",
    "bgcolor",
    "border",
    "cellpadding",
    "cellspacing",
    "color",
    "colspan",
    "dir",
    "face",
    "height",
    "lang",
    "nowrap",
    "rowspan",
    "size",
    "start",
    "valign",
    "width",
];

/// Properties of CSS that colour and measure. None of them places an element anywhere else, or above others.
const PROPERTIES: [&str; 76] = [
    "background",
    "background-color",
    "border",
    "border-bottom",
    "border-bottom-color",
    "border-bottom-left-radius",
    "border-bottom-right-radius",
    "border-bottom-style",
    "border-bottom-width",
    "border-collapse",
    "border-color",
    "border-left",
    "border-left-color",
    "border-left-style",
    "border-left-width",
    "border-radius",
    "border-right",
    "border-right-color",
    "border-right-style",
    "border-right-width",
    "border-spacing",
    "border-style",
    "border-top",
    "border-top-color",
    "border-top-left-radius",
    "border-top-right-radius",
    "border-top-style",
    "border-top-width",
    "border-width",
    "box-sizing",
    "caption-side",
    "clear",
    "color",
    "direction",
    "display",
    "empty-cells",
    "float",
    "font",
    "font-family",
    "font-size",
    "font-style",
    "font-variant",
    "font-weight",
    "height",
    "letter-spacing",
    "line-height",
    "list-style-position",
    "list-style-type",
    "margin",
    "margin-bottom",
    "margin-left",
    "margin-right",
    "margin-top",
    "max-height",
    "max-width",
    "min-height",
    "min-width",
    "overflow-wrap",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "table-layout",
    "text-align",
    "text-decoration",
    "text-decoration-color",
    "text-decoration-line",
    "text-indent",
    "text-transform",
    "vertical-align",
    "white-space",
    "width",
    "word-break",
    "word-spacing",
    "word-wrap",
];
/// The only functions a value may call.
const FUNCTIONS: [&str; 4] = ["rgb", "rgba", "hsl", "hsla"];

/// The attributes of an element that stay, each with a space before it.
pub(super) fn of(attributes: &Attributes<'_>) -> String {
    let mut kept = String::new();
    for name in ATTRIBUTES {
        if let Some(value) = attributes.get(name).filter(|value| is_word(value)) {
            let _ = write!(kept, " {name}=\"{}\"", escape(value.trim()));
        }
    }
    let style = attributes.get("style").map(|style| declarations(&style)).unwrap_or_default();
    if !style.is_empty() {
        let _ = write!(kept, " style=\"{}\"", escape(&style));
    }
    kept
}

/// A value of an attribute: words, numbers, a colour, names of fonts.
fn is_word(value: &str) -> bool {
    value.len() <= MAX_VALUE
        && value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '#' | '%' | '.' | ',' | '-' | '_'))
}

/// The declarations that stay, written anew.
fn declarations(style: &str) -> String {
    let mut kept = String::new();
    // What a browser may read in another way than this: comments and escapes.
    if style.contains("/*") || style.contains('\\') {
        return kept;
    }
    for (property, value) in style.split(';').filter_map(|text| text.split_once(':')).take(MAX_DECLARATIONS) {
        let property = property.trim().to_ascii_lowercase();
        let value = value.trim();
        if PROPERTIES.contains(&property.as_str()) && is_value(&property, value) {
            let _ = write!(kept, "{property}:{value};");
        }
    }
    kept
}

fn is_value(property: &str, value: &str) -> bool {
    let is_known = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(c, ' ' | '#' | '%' | '.' | ',' | '-' | '(' | ')' | '\'' | '"' | '!')
    };
    let quotes = |mark: char| value.matches(mark).count().is_multiple_of(2);
    let is_shut = value.matches('(').count() == value.matches(')').count();
    // A negative margin would draw above what does not belong to the message.
    let is_outside = value.contains('-') && (property.starts_with("margin") || property == "text-indent");
    let lower = value.to_ascii_lowercase();
    let calls = lower.match_indices('(').map(|(at, _)| lower.get(..at).unwrap_or_default());
    let is_function = |before: &str| {
        let name = before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap_or_default();
        FUNCTIONS.contains(&name)
    };
    !value.is_empty()
        && value.len() <= MAX_VALUE
        && value.chars().all(is_known)
        && quotes('\'')
        && quotes('"')
        && is_shut
        && !is_outside
        && calls.into_iter().all(is_function)
}

/// A picture as an address that has all of it; `None` where the octets are none that a browser only draws.
pub(super) fn data_url(bytes: &[u8]) -> Option<String> {
    let kind = match bytes {
        [0x89, b'P', b'N', b'G', ..] => "png",
        [0xff, 0xd8, 0xff, ..] => "jpeg",
        [b'G', b'I', b'F', b'8', ..] => "gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "webp",
        [b'B', b'M', ..] => "bmp",
        _ => return None,
    };
    Some(format!("data:image/{kind};base64,{}", base64::engine::general_purpose::STANDARD.encode(bytes)))
}

/// The octets of a `data:` address in base64.
pub(super) fn data_of(url: &str) -> Option<Vec<u8>> {
    let (kind, data) = url.split_once(',')?;
    let is_base64 = kind.to_ascii_lowercase().ends_with(";base64");
    let data: Vec<u8> = data.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    is_base64.then(|| GeneralPurpose::new(&alphabet::STANDARD, config).decode(data).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_colours_and_measures_stays() {
        for style in [
            "color:#333;",
            "font-family:'Open Sans', Arial, sans-serif;",
            "background:rgba(1, 2, 3, 0.5);",
            "padding:0 10px;",
            "width:100%;",
            "color:red !important;",
        ] {
            assert_eq!(declarations(style), style);
        }
        assert_eq!(declarations(" COLOR : Red ;;x;font-size:12px"), "color:Red;font-size:12px;");
    }

    #[test]
    fn what_loads_acts_or_leaves_its_place_does_not() {
        for style in [
            "background:url(http://x/)",
            "background-image:url(http://x/)",
            "background:URL('http://x/')",
            "background:image-set('x' 1x)",
            "background:u\\72l(http://x/)",
            "background:ur/**/l(http://x/)",
            "width:expression(alert(1))",
            "behavior:url(x)",
            "-moz-binding:url(x)",
            "position:fixed",
            "z-index:9",
            "top:0",
            "margin:-100px",
            "margin-top: -1px",
            "transform:scale(9)",
            "content:'x'",
            "list-style:url(x)",
            "font:x;@import 'http://x/'",
            "color:red}body{color:blue",
            "color:var(--x)",
            "width:calc(1px)",
            "cursor:url(x)",
            "filter:blur(1px)",
            "color:'red",
            "font-family:\"a\\\"b\"",
            "background:-webkit-image-set(x)",
            "src:x",
        ] {
            let kept = declarations(style);
            assert!(kept.is_empty() || kept == "font:x;", "{style}: {kept}");
        }
    }

    #[test]
    fn pictures_are_told_by_their_octets() {
        assert_eq!(data_url(b"GIF89a").as_deref(), Some("data:image/gif;base64,R0lGODlh"));
        assert_eq!(data_url(b"<svg onload=x>"), None);
        assert_eq!(data_of("data:image/png;base64,R0lG ODlh").as_deref(), Some(&b"GIF89a"[..]));
        assert_eq!(data_of("data:text/html,<script>"), None);
    }
}
