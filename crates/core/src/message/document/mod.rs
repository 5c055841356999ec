//! The text of attachments, for the index: what a person would read in the file, in the order in which it stands
//! there as far as that is known.
//!
//! Files are hostile. Nothing here recurses without a bound, and [`Limits`] bound what is read, what comes out of
//! compression and what is given; time grows with those. No file makes it panic: a fuzz target says so.

mod markup;
mod pdf;
#[cfg(test)]
mod tests;
mod zip;

use super::{charset, html, rtf};
use std::borrow::Cow;

/// How much is read and given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the file that are read. The rest is left out; of a file with parts that lies at its end, there is
    /// then no text.
    pub file: usize,
    /// Octets that come out of compression, all parts of the file together.
    pub unpacked: usize,
    /// Octets of text.
    pub text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file: 32 << 20, unpacked: 32 << 20, text: 1 << 20 }
    }
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Html,
    Rtf,
    Pdf,
    /// WordprocessingML, SpreadsheetML or PresentationML (ECMA-376).
    Office,
    /// OpenDocument (ISO/IEC 26300).
    OpenDocument,
}

/// The text of a file. `None` when there is none to be had: the kind is unknown, it is encrypted, it is not what it
/// says it is, or it holds only pictures.
///
/// `content_type` is the field's value, parameters or none; `filename` decides where that says nothing
/// (`application/octet-stream`). `bytes` are those of the file, transfer encoding taken off.
#[must_use]
pub fn text(content_type: &str, filename: Option<&str>, bytes: &[u8], limits: &Limits) -> Option<String> {
    let kind = kind(content_type, filename, bytes)?;
    let all = bytes;
    // Of text as such, there is no need to read much more than is given.
    let most = match kind {
        Kind::Plain | Kind::Html | Kind::Rtf => limits.file.min(limits.text.saturating_mul(8)),
        _ => limits.file,
    };
    let bytes = bytes.get(..most).unwrap_or(bytes);
    let mut text = match kind {
        Kind::Plain => charset::decode(bytes, label(content_type)).0.into_owned(),
        Kind::Html => html::to_words(&charset::decode(bytes, label(content_type)).0),
        Kind::Rtf => match rtf::read(bytes) {
            rtf::Text::Html(text) => html::to_words(&text),
            rtf::Text::Plain(text) => text,
        },
        Kind::Pdf => pdf::text(bytes, limits)?,
        Kind::Office | Kind::OpenDocument if all.len() > limits.file => return None,
        Kind::Office => zip::office(bytes, limits)?,
        Kind::OpenDocument => zip::open_document(bytes, limits)?,
    };
    cut(&mut text, limits.text);
    Some(text).filter(|text| !text.trim().is_empty())
}

/// The label of the charset in a Content-Type.
fn label(content_type: &str) -> Option<&str> {
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut charsets = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    charsets.next().map(|(_, value)| value.trim())
}

fn kind(content_type: &str, filename: Option<&str>, bytes: &[u8]) -> Option<Kind> {
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let said = match media.as_str() {
        "text/html" | "application/xhtml+xml" => Some(Kind::Html),
        "text/rtf" | "application/rtf" | "application/x-rtf" => Some(Kind::Rtf),
        "application/pdf" | "application/x-pdf" => Some(Kind::Pdf),
        "application/json" | "application/xml" | "application/csv" => Some(Kind::Plain),
        other if other.starts_with("text/") => Some(Kind::Plain),
        other if other.starts_with("application/vnd.oasis.opendocument.") => Some(Kind::OpenDocument),
        other if other.starts_with("application/vnd.openxmlformats-officedocument.") => Some(Kind::Office),
        _ => None,
    };
    let ending =
        filename.and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending.to_ascii_lowercase());
    let named = match ending.as_deref().unwrap_or_default() {
        "txt" | "text" | "csv" | "tsv" | "md" | "log" => Some(Kind::Plain),
        "html" | "htm" | "xhtml" => Some(Kind::Html),
        "rtf" => Some(Kind::Rtf),
        "pdf" => Some(Kind::Pdf),
        "docx" | "docm" | "xlsx" | "xlsm" | "pptx" | "pptm" => Some(Kind::Office),
        "odt" | "ods" | "odp" | "ott" => Some(Kind::OpenDocument),
        _ => None,
    };
    // What the file itself says counts most: a PDF is one whatever it is called, an archive is no plain text.
    match bytes.get(..4) {
        Some(b"%PDF") => Some(Kind::Pdf),
        Some(b"PK\x03\x04") => {
            let is_archive = |kind: &Kind| matches!(kind, Kind::Office | Kind::OpenDocument);
            said.filter(is_archive).or(named.filter(is_archive))
        }
        _ => said.or(named),
    }
}

/// Ends the line, where one is begun.
fn line(out: &mut String) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}

/// Puts words apart.
fn space(out: &mut String) {
    if !out.is_empty() && !out.ends_with(char::is_whitespace) {
        out.push(' ');
    }
}

/// Cuts a text to so many octets, between characters.
fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
}

/// Octets as text that is UTF-8, or else Windows-1252.
fn utf8_or_latin(bytes: &[u8]) -> Cow<'_, str> {
    charset::decode(bytes, Some("utf-8")).0
}
