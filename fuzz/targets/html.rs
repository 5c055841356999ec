//! HTML: any page can be laid out, indexed and made harmless.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante_core::message::{Page, Reading, Searchable, clean};

const HEADER: &[u8] = b"Content-Type: text/html; charset=utf-8\r\n\r\n";

fuzz_target!(|bytes: &[u8]| {
    let message = [HEADER, bytes].concat();
    let reading = Reading::read(&message, 40);
    let _ = clean(&reading.text);
    let _ = Searchable::read(&message);
    if let Some(html) = &reading.html {
        let lower = html.to_ascii_lowercase();
        for active in
            ["<script", "<iframe", "<object", "<embed", "<form", "<style", "<img", "<a href=\"javascript"]
        {
            assert!(!lower.contains(active), "{active} in {html}");
        }
    }
    let page = Page::new(&message, &reading, &[], false).html;
    let (_, body) = page.split_once("<main>\n").expect("a page has a body");
    let body = body.strip_suffix("</main></body></html>\n").expect("and an end");
    let mut open = Vec::new();
    let mut tags = body.split('<');
    assert!(!tags.next().unwrap_or_default().contains('>'));
    for tag in tags {
        let (tag, text) = tag.split_once('>').expect("a tag has an end");
        assert!(!text.contains('>'), "{text}");
        let name = tag.split(' ').next().unwrap_or_default();
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "well nested");
        } else {
            assert!(ELEMENTS.contains(&name), "{name}");
            open.extend((!["br", "hr", "img"].contains(&name)).then_some(name));
        }
        // Every second piece is a value, in quotes; before it stands its name.
        let mut pieces = tag.split('"');
        while let (Some(before), Some(value)) = (pieces.next(), pieces.next()) {
            let attribute = before.rsplit(' ').next().unwrap_or_default();
            assert!(ATTRIBUTES.contains(&attribute), "{attribute}");
            let lower = value.to_ascii_lowercase();
            match attribute {
                "src=" => assert!(lower.starts_with("data:image/") && !lower.contains("svg"), "{value}"),
                "href=" => assert!(
                    ["http:", "https:", "mailto:", "tel:"].iter().any(|s| lower.starts_with(s)),
                    "{value}"
                ),
                "style=" => assert!(!lower.contains("url") || !lower.contains("url("), "{value}"),
                _ => {}
            }
        }
    }
    assert!(open.is_empty(), "{open:?}");
});

/// All that a page is ever made of.
const ELEMENTS: [&str; 31] = [
    "a",
    "blockquote",
    "br",
    "code",
    "dd",
    "div",
    "dl",
    "dt",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "hr",
    "img",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "td",
    "th",
    "tr",
    "u",
    "ul",
];
const ATTRIBUTES: [&str; 25] = [
    "align=",
    "alt=",
    "bgcolor=",
    "border=",
    "cellpadding=",
    "cellspacing=",
    "class=",
    "color=",
    "colspan=",
    "dir=",
    "face=",
    "height=",
    "href=",
    "lang=",
    "nowrap=",
    "rel=",
    "rowspan=",
    "size=",
    "src=",
    "start=",
    "style=",
    "target=",
    "title=",
    "valign=",
    "width=",
];
