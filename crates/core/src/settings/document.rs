//! What the readers of published documents have in common: limits, encodings, and a look at XML.

use roxmltree::{Document, Node, ParsingOptions};
use std::borrow::Cow;

/// Longer documents are refused; the longest published one has 20 KB.
pub(super) const SIZE: usize = 256 << 10;
/// More elements, attributes and texts than this are refused.
const NODES: u32 = 20_000;

/// Why a text is no settings document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A web page, as parking services and captive portals send.
    #[error("a web page, not a settings document")]
    WebPage,
    /// Too long to be one.
    #[error("longer than any settings document")]
    TooLong,
    /// Not XML, or XML with a document type, which is refused.
    #[error("not well-formed: {0}")]
    Xml(String),
    /// Not JSON, or JSON of another shape.
    #[error("not the JSON of settings: {0}")]
    Json(String),
    /// XML of another kind: what it is, and what it should be.
    #[error("the document is <{0}>, not <{1}>")]
    OtherDocument(String, &'static str),
    /// The server says that it has no settings: its words.
    #[error("the server answered: {0}")]
    Refused(String),
    /// No server block could be used.
    #[error("no usable server in the document{0}")]
    NoServer(String),
}

/// UTF-8, or what Windows calls Western, which takes every byte. White space before the document is left out.
pub(super) fn decode(document: &[u8]) -> Result<Cow<'_, str>, ReadError> {
    if document.len() > SIZE {
        return Err(ReadError::TooLong);
    }
    let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
    let document = document.trim_ascii_start();
    let start: Vec<u8> = document.iter().take(15).map(u8::to_ascii_lowercase).collect();
    if start.starts_with(b"<!doctype html") || start.starts_with(b"<html") {
        return Err(ReadError::WebPage);
    }
    Ok(match std::str::from_utf8(document) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(document).0,
    })
}

/// XML whose root is `<root>`. What stands behind the root element is forgiven: some servers add a line.
pub(super) fn parse<'t>(text: &'t str, root: &'static str) -> Result<Document<'t>, ReadError> {
    let options = || ParsingOptions { allow_dtd: false, nodes_limit: NODES, ..ParsingOptions::default() };
    let end = format!("</{root}>");
    let whole = Document::parse_with_options(text, options());
    let document = match (whole, text.rfind(&end).and_then(|at| text.get(..at + end.len()))) {
        (Ok(document), _) => document,
        (Err(_), Some(text)) => Document::parse_with_options(text, options()).map_err(malformed)?,
        (Err(error), None) => return Err(malformed(error)),
    };
    match document.root_element().tag_name().name() {
        name if name == root => Ok(document),
        "html" => Err(ReadError::WebPage),
        other => Err(ReadError::OtherDocument(other.chars().take(40).collect(), root)),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "map_err gives it away")]
fn malformed(error: roxmltree::Error) -> ReadError {
    ReadError::Xml(error.to_string())
}

/// The first child element of this name, in any namespace.
pub(super) fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.tag_name().name() == name)
}

/// The text of the first child of this name.
pub(super) fn child_text(node: Node<'_, '_>, name: &str) -> Option<String> {
    child(node, name).map(text_of)
}

/// The text of a node without what is below its children, with white space made single.
pub(super) fn text_of(node: Node<'_, '_>) -> String {
    let text: String = node.children().filter_map(|child| child.text()).collect::<Vec<_>>().join(" ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_the_root_is_forgiven_and_a_broken_root_is_not() {
        assert!(parse("<a><b/></a>\";", "a").is_ok());
        assert!(matches!(parse("<a><b></a>\";", "a"), Err(ReadError::Xml(_))));
        assert!(matches!(parse("<b/>", "a"), Err(ReadError::OtherDocument(_, "a"))));
    }
}
