//! Attached documents: any bytes as a file of any kind, as the content of a PDF's page, as its fonts' maps and as the
//! XML in an archive.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante_core::message::document::{Limits, text};

const NAMES: [&str; 6] = ["a.pdf", "a.docx", "a.odt", "a.xlsx", "a.txt", "a.html"];
const LIMITS: Limits = Limits { file: 1 << 20, unpacked: 1 << 20, text: 100_000 };

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let (name, file) = match usize::from(*choice) % 10 {
        6 => ("a.pdf", pdf(rest, b"")),
        7 => ("a.pdf", pdf(b"/F 9 Tf <0001000200410042> Tj [(ab) -200 (cd)] TJ", rest)),
        8 => ("a.docx", archive("word/document.xml", rest)),
        9 => ("a.odt", archive("content.xml", rest)),
        other => (NAMES.get(other).copied().unwrap_or("a"), rest.to_vec()),
    };
    if let Some(found) = text("application/octet-stream", Some(name), &file, &LIMITS) {
        assert!(found.len() <= LIMITS.text && !found.trim().is_empty());
    }
});

/// A file of one page with that content, in a font with that map.
fn pdf(content: &[u8], map: &[u8]) -> Vec<u8> {
    [
        &b"%PDF-1.7\n1 0 obj << /Type /Page /Contents 2 0 R /Resources << /Font << /F 3 0 R >> >> >>\nendobj\n2 0 obj \
          <<>> stream\n"[..],
        content,
        b"\nendstream endobj\n3 0 obj << /Subtype /Type0 /ToUnicode 4 0 R >> endobj\n4 0 obj <<>> stream\n",
        map,
        b"\nendstream endobj\n",
    ]
    .concat()
}

/// An archive of one part as it is.
fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len()).unwrap_or(0).to_le_bytes();
    let length = u16::try_from(name.len()).unwrap_or(0).to_le_bytes();
    let common = [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &size, &size, &length, &[0, 0]].concat();
    let part = [b"PK\x03\x04", common.as_slice(), name.as_bytes(), content].concat();
    let directory = [b"PK\x01\x02\x14\0", common.as_slice(), &[0; 14], name.as_bytes()].concat();
    let at = u32::try_from(part.len()).unwrap_or(0).to_le_bytes();
    let end = [&b"PK\x05\x06\0\0\0\0\x01\0\x01\0"[..], &[0; 4], &at, b"\0\0"].concat();
    [part, directory, end].concat()
}
