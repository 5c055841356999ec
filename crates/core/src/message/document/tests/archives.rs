use super::*;

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

#[test]
fn a_word_processors_file_is_read_paragraph_by_paragraph() {
    let document = br#"<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="x"><w:body>
        <w:p><w:pPr><w:pStyle w:val="a>b"/></w:pPr><w:r><w:t>Bo</w:t></w:r><w:r><w:t xml:space="preserve">ld words</w:t></w:r></w:p>
        <w:p><w:r><w:t>R&amp;D &#252;ber</w:t><w:tab/><w:t>all</w:t><w:br/><w:t>there</w:t></w:r></w:p>
        <!-- <w:t>not this</w:t> --><w:p><w:r><w:delText>nor this</w:delText><w:instrText>HYPERLINK</w:instrText></w:r></w:p>
        </w:body></w:document>"#;
    for is_deflated in [false, true] {
        let file = archive(&[
            ("word/header1.xml", b"<w:hdr><w:p><w:t>on top</w:t></w:p></w:hdr>", is_deflated),
            ("[Content_Types].xml", b"<Types/>", is_deflated),
            ("word/document.xml", document, is_deflated),
        ]);
        assert_eq!(read(DOCX, "a", &file).unwrap(), "Bold words\nR&D über all\nthere\non top\n");
    }
}

#[test]
fn slides_come_in_their_order() {
    let slides: Vec<(String, String)> = [10, 2, 1]
        .iter()
        .map(|at| (format!("ppt/slides/slide{at}.xml"), format!("<a:p><a:t>slide {at}</a:t></a:p>")))
        .collect();
    let parts: Vec<(&str, &[u8], bool)> =
        slides.iter().map(|(name, content)| (name.as_str(), content.as_bytes(), true)).collect();
    let found = read("application/octet-stream", "a.pptx", &archive(&parts)).unwrap();
    assert_eq!(found, "slide 1\nslide 2\nslide 10\n");
}

#[test]
fn cells_are_words_of_their_own() {
    let file = archive(&[
        ("xl/sharedStrings.xml", b"<sst><si><t>first</t></si><si><t>second</t></si></sst>", true),
        (
            "xl/worksheets/sheet1.xml",
            br#"<row><c t="s"><v>0</v></c><c><v>4711</v></c><c t="inlineStr"><is><t>here</t></is></c></row>"#,
            true,
        ),
    ]);
    let found = read("application/octet-stream", "a.xlsx", &file).unwrap();
    assert_eq!(found.split_whitespace().collect::<Vec<_>>(), ["first", "second", "4711", "here"]);
}

#[test]
fn an_open_document_is_read_from_its_body() {
    let content = br#"<office:document-content><office:font-face-decls><x>not this</x></office:font-face-decls>
        <office:body><office:text><text:h>Title</text:h><text:p>Bo<text:span>ld</text:span><text:s/>words</text:p>
        <text:p>one<text:line-break/>two<text:tab/>three</text:p><![CDATA[<raw>]]></office:text></office:body>
        </office:document-content>"#;
    let file = archive(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text", false),
        ("content.xml", content, true),
    ]);
    let found = read("application/vnd.oasis.opendocument.text", "a", &file).unwrap();
    assert_eq!(
        found.split_whitespace().collect::<Vec<_>>(),
        ["Title", "Bold", "words", "one", "two", "three", "<raw>"]
    );
}

#[test]
fn what_is_encrypted_or_no_such_archive_has_no_text() {
    let mut file = archive(&[("content.xml", b"<office:body>words</office:body>", false)]);
    assert!(read("", "a.odt", &file).unwrap().contains("words"));
    assert_eq!(read("", "a.docx", &file), None);
    let directory = memchr::memmem::rfind(&file, b"PK\x01\x02").unwrap();
    file[directory + 8] |= 1;
    assert_eq!(read("", "a.odt", &file), None);
    assert_eq!(read("", "a.odt", b"PK\x03\x04"), None);
    assert_eq!(read("", "a.odt", b""), None);
}

#[test]
fn what_unpacks_to_too_much_is_cut() {
    let words = ["<w:p><w:t>", &"word ".repeat(2_000_000), "</w:t></w:p>"].concat();
    let file = archive(&[("word/document.xml", words.as_bytes(), true)]);
    let limits = Limits { unpacked: 1000, ..Limits::default() };
    assert!(text("", Some("a.docx"), &file, &limits).is_none_or(|text| text.len() <= 1000));
    assert_eq!(read("", "a.docx", &file).unwrap().len(), 1 << 20);
    // The same part, named a thousand times.
    let bomb = zip_of_one(&vec![b'<'; 4 << 20], 1000);
    assert_eq!(read("", "a.docx", &bomb), None);
}

/// An archive whose directory names one part so many times.
fn zip_of_one(content: &[u8], times: usize) -> Vec<u8> {
    let file = archive(&[("word/header1.xml", content, true)]);
    let directory = memchr::memmem::rfind(&file, b"PK\x01\x02").unwrap();
    let end = memchr::memmem::rfind(&file, b"PK\x05\x06").unwrap();
    [&file[..directory], &file[directory..end].repeat(times), &file[end..]].concat()
}
