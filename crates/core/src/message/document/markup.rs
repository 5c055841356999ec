//! The text in a document's XML. Tags are taken as they come: nothing is built of them, so depth costs nothing.

use super::super::entities;
use super::{line, space};

/// Whose XML it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Text is within elements called `t`; a cell's number within `v`.
    Office,
    /// Text is within `office:body`.
    OpenDocument,
}

/// Adds the text of a document to `out`, up to about `most` octets.
pub(super) fn text(xml: &str, dialect: Dialect, most: usize, out: &mut String) {
    let mut rest = xml;
    let mut inside = false;
    // Whether what a cell holds is the number of a text that is elsewhere.
    let mut is_number = false;
    while let Some(at) = rest.find('<') {
        if out.len() >= most {
            return;
        }
        let (before, tag) = rest.split_at(at);
        if inside {
            out.push_str(&entities::decode(before));
        }
        if let Some(comment) = tag.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        if let Some(data) = tag.strip_prefix("<![CDATA[") {
            let (data, after) = data.split_once("]]>").unwrap_or((data, ""));
            if inside {
                out.push_str(data);
            }
            rest = after;
            continue;
        }
        let Some(end) = tag_end(tag) else { return };
        let (tag, after) = tag.split_at(end);
        rest = after.strip_prefix('>').unwrap_or(after);
        let tag = tag.strip_prefix('<').unwrap_or(tag);
        let (closes, tag) = tag.strip_prefix('/').map_or((false, tag), |tag| (true, tag));
        let empty = tag.ends_with('/');
        let name = tag.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
        let local = name.rsplit(':').next().unwrap_or(name);
        match (dialect, local) {
            (Dialect::Office, "t") => inside = !closes && !empty,
            (Dialect::Office, "c") => {
                is_number = !closes && (tag.contains("t=\"s\"") || tag.contains("t='s'"));
            }
            (Dialect::Office, "v") => inside = !closes && !empty && !is_number,
            (Dialect::OpenDocument, "body") if name == "office:body" => inside = !closes && !empty,
            _ => {}
        }
        match local {
            "p" | "h" | "si" | "row" | "table-row" if closes || empty => line(out),
            "br" | "cr" | "line-break" => line(out),
            "tab" | "table-cell" | "s" | "c" | "tc" => space(out),
            _ => {}
        }
    }
}

/// Where a tag ends: at the first `>` that is not in quotes.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in tag.bytes().enumerate() {
        match (quote, c) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    None
}
