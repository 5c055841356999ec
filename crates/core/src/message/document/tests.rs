//! Files are made here, as programs make them.

mod archives;
mod hostile;
mod pages;

use super::*;
use std::io::Write;

/// The text of a file, as the index asks for it.
fn read(content_type: &str, filename: &str, bytes: &[u8]) -> Option<String> {
    text(content_type, Some(filename), bytes, &Limits::default())
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// A PDF of objects that are numbered from 1, without a table of where they are.
fn pdf(objects: &[&[u8]]) -> Vec<u8> {
    let mut file = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
    for (at, object) in objects.iter().enumerate() {
        file.extend_from_slice(format!("{} 0 obj\n", at + 1).as_bytes());
        file.extend_from_slice(object);
        file.extend_from_slice(b"\nendobj\n");
    }
    file.extend_from_slice(b"trailer\n<< /Root 1 0 R >>\nstartxref\n0\n%%EOF\n");
    file
}

/// A stream as an object; `entries` stand in its dictionary.
fn stream(entries: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!("<< {entries} /Length {} >>\nstream\n", bytes.len());
    [head.as_bytes(), bytes, b"\nendstream"].concat()
}

/// A file of one page with that content; its fonts are `/F` (object 5) and what is said.
fn page(content: &[u8], font: &str, more: &[&[u8]]) -> Vec<u8> {
    let content = stream("", content);
    let mut objects: Vec<&[u8]> = vec![
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        &content,
        font.as_bytes(),
    ];
    objects.extend_from_slice(more);
    pdf(&objects)
}

const HELVETICA: &str = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";

/// An archive of parts: name, content, whether it is deflated.
fn archive(parts: &[(&str, &[u8], bool)]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, content, is_deflated) in parts {
        let packed = if *is_deflated {
            let mut packed = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
            packed.write_all(content).unwrap();
            packed.finish().unwrap()
        } else {
            content.to_vec()
        };
        let at = u32::try_from(file.len()).unwrap();
        let mut common = vec![20, 0, 0, 0, if *is_deflated { 8 } else { 0 }, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        common.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
        common.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
        common.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        common.extend([0, 0]);
        file.extend([b"PK\x03\x04", common.as_slice(), name.as_bytes(), &packed].concat());
        directory.extend([b"PK\x01\x02\x14\0", common.as_slice(), &[0; 10], &at.to_le_bytes()].concat());
        directory.extend_from_slice(name.as_bytes());
    }
    let at = u32::try_from(file.len()).unwrap().to_le_bytes();
    let size = u32::try_from(directory.len()).unwrap().to_le_bytes();
    let many = u16::try_from(parts.len()).unwrap().to_le_bytes();
    file.extend(directory);
    file.extend([b"PK\x05\x06\0\0\0\0", &many[..], &many, &size, &at, b"\0\0"].concat());
    file
}

#[test]
fn text_is_read_in_its_charset() {
    assert_eq!(read("text/plain; charset=iso-8859-1", "a", b"Gr\xfc\xdfe").unwrap(), "Grüße");
    assert_eq!(read("text/plain", "a", "Grüße".as_bytes()).unwrap(), "Grüße");
    assert_eq!(read("text/html", "a", b"<p>one<br>two</p><script>not</script>").unwrap().trim(), "one\ntwo");
    assert!(read("application/rtf", "a", br"{\rtf1 words \b here\b0}").unwrap().contains("words here"));
}

#[test]
fn the_name_decides_where_the_type_says_nothing() {
    assert_eq!(read("application/octet-stream", "notes.TXT", b"words").unwrap(), "words");
    assert_eq!(read("application/octet-stream", "a.bin", b"words"), None);
    assert_eq!(read("image/png", "a.png", b"\x89PNG"), None);
    assert_eq!(text("application/octet-stream", None, b"words", &Limits::default()), None);
    // What it is counts more than what it is called.
    let file = page(b"BT /F 12 Tf (words) Tj ET", HELVETICA, &[]);
    assert_eq!(read("application/octet-stream", "a.bin", &file).unwrap().trim(), "words");
    assert_eq!(read("text/plain", "a.txt", &file).unwrap().trim(), "words");
    let file = archive(&[("word/document.xml", b"<w:p><w:t>words</w:t></w:p>", true)]);
    assert_eq!(read("text/plain", "a.txt", &file), None);
    assert_eq!(read("text/plain", "a.docx", &file).unwrap().trim(), "words");
}

#[test]
fn text_is_cut_where_there_is_too_much() {
    let limits = Limits { text: 7, ..Limits::default() };
    assert_eq!(text("text/plain", None, "ääääää".as_bytes(), &limits).unwrap(), "äää");
    assert_eq!(text("text/plain", None, b"  \r\n", &limits), None);
}
