use super::*;

fn words(file: &[u8]) -> String {
    read("application/pdf", "a.pdf", file).unwrap_or_default().trim().to_owned()
}

#[test]
fn the_operators_that_show_text_are_read_in_order() {
    let content = br#"q 1 0 0 1 0 0 cm BT /F 12 Tf 14 TL 72 700 Td (The first \(one\)) Tj T* (Gr\374\337e) Tj
        (next) ' 0 0 (after) " 0 -14 TD [(ke) 20 (rned) -300 (gap)] TJ
        1 0 0 1 72 300 Tm <776f726473> Tj ET Q"#;
    let found = words(&page(content, HELVETICA, &[]));
    assert_eq!(found, "The first (one)\nGrüße\nnext\nafter\nkerned gap\nwords");
}

#[test]
fn pages_come_in_the_order_of_their_tree_and_are_separated() {
    let (one, two) = (stream("", b"BT /F 9 Tf (one) Tj ET"), stream("", b"BT /F 9 Tf (two) Tj ET"));
    let file = pdf(&[
        b"<< /Type /Page /Parent 3 0 R /Contents [5 0 R] >>",
        b"<< /Type /Page /Parent 3 0 R /Contents 4 0 R >>",
        b"<< /Type /Pages /Kids [2 0 R 1 0 R] /Resources << /Font << /F 6 0 R >> >> >>",
        &one,
        &two,
        HELVETICA.as_bytes(),
    ]);
    assert_eq!(words(&file), "one\ntwo");
}

#[test]
fn a_later_object_takes_the_place_of_the_one_before() {
    let mut file = page(b"BT (old) Tj ET", HELVETICA, &[]);
    file.extend_from_slice(b"4 0 obj\n");
    file.extend_from_slice(&stream("", b"BT (new) Tj ET"));
    file.extend_from_slice(b"\nendobj\n");
    assert_eq!(words(&file), "new");
}

#[test]
fn compressed_streams_and_objects_are_unpacked() {
    let content = stream("/Filter /FlateDecode", &zlib(b"BT /F 12 Tf (in streams) Tj ET"));
    let objects = ["<< /Type /Pages /Kids [3 0 R] >>", "<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>"];
    let head = format!("2 0 3 {} ", objects[0].len() + 1);
    let packed = zlib(format!("{head}{}\n{}", objects[0], objects[1]).as_bytes());
    let packed = stream(&format!("/Type /ObjStm /N 2 /First {} /Filter [/FlateDecode]", head.len()), &packed);
    let mut file = b"%PDF-1.5\n".to_vec();
    for (number, object) in [(4, content), (7, packed)] {
        file.extend_from_slice(&[format!("{number} 0 obj ").as_bytes(), &object, b" endobj\n"].concat());
    }
    assert_eq!(words(&file), "in streams");
    for (filter, content) in [("AHx", "4254 2861 292054 6A 204554>"), ("ASCII85Decode", "6<#'U@4<<uC*5rE~>")]
    {
        let content = stream(&format!("/Filter /{filter}"), content.as_bytes());
        assert_eq!(words(&pdf(&[b"<< /Type /Page /Contents 2 0 R >>", &content])), "a", "{filter}");
    }
}

const MAP: &[u8] = b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap
    1 begincodespacerange <0000> <FFFF> endcodespacerange
    2 beginbfchar <0003> <0020> <0010> <FB01> endbfchar
    2 beginbfrange <0024> <0026> <0041> <0030> <0031> [<0434> <D83DDE00>] endbfrange
    endcmap end end";

#[test]
fn codes_of_two_octets_are_what_the_map_says() {
    let font = "<< /Type /Font /Subtype /Type0 /Encoding /Identity-H /ToUnicode 6 0 R >>";
    let content = b"BT /F 12 Tf <00240025002600030010003000310999> Tj ET";
    assert_eq!(words(&page(content, font, &[&stream("", MAP)])), "ABC fiд😀");
    // The codes of a simple font have one octet, whatever its map says of others.
    let font = "<< /Type /Font /Subtype /Type1 /ToUnicode 6 0 R >>";
    assert_eq!(words(&page(b"BT /F 12 Tf ($%&xyz) Tj ET", font, &[&stream("", MAP)])), "ABCxyz");
    // Without a map nobody knows, but where the codes are characters.
    let font = "<< /Type /Font /Subtype /Type0 /Encoding /Identity-H >>";
    assert_eq!(words(&page(b"BT /F 12 Tf <00240025> Tj ET", font, &[])), "");
    let font = "<< /Type /Font /Subtype /Type0 /Encoding /UniJIS-UCS2-H >>";
    assert_eq!(words(&page(b"BT /F 12 Tf <65E5672C> Tj ET", font, &[])), "日本");
}

#[test]
fn glyphs_are_known_by_their_names() {
    let font =
        "<< /Type /Font /Subtype /Type1 /Encoding << /Differences [1 /ff /fi /eacute 10 /uni0434 /f_f_l
        /A.small /germandbls /u1F600 /nothing /Zcaron] >> >>";
    let content = b"BT /F 12 Tf <010203200a0b0c0d0e0f10> Tj ET";
    let found = words(&page(content, font, &[]));
    assert_eq!(found, "fffie\u{301} дfflAß😀 Z\u{30c}");
    let font = "<< /Type /Font /Subtype /TrueType /Encoding /MacRomanEncoding >>";
    assert_eq!(words(&page(b"BT /F 12 Tf (Gr\x9f\xa7e) Tj ET", font, &[])), "Grüße");
}

/// A font in which every glyph is half as wide as the font is large.
const HALF: &str = "<< /Type /Font /Subtype /TrueType /FirstChar 32 /Widths 6 0 R >>";

#[test]
fn a_word_that_is_put_there_in_pieces_stays_whole() {
    let widths = format!("[{}]", "500 ".repeat(100));
    let found = |content: &str| words(&page(content.as_bytes(), HALF, &[widths.as_bytes()]));
    assert_eq!(found("BT /F 10 Tf 50 700 Td (wo) Tj 10 0 Td (rd) Tj 13 0 Td (next) Tj ET"), "word next");
    // Each letter in an object of its own, as some programs do.
    let letters = |step: f64| -> String {
        let letter =
            |(at, c): (usize, char)| format!("BT 10 0 0 10 {} 700 Tm ({c}) Tj ET ", step * at as f64);
        format!("/F 1 Tf {}", "word".chars().enumerate().map(letter).collect::<String>())
    };
    assert_eq!(found(&letters(5.0)), "word");
    assert_eq!(found(&letters(9.0)), "w o r d");
    // An index is part of it, another line is not.
    assert_eq!(found("BT /F 10 Tf (x) Tj 5 4 Td (2) Tj 0 -16 Td (y) Tj ET"), "x2\ny");
    // Where the page is turned, the words are.
    assert_eq!(found("0 1 -1 0 0 0 cm BT /F 10 Tf (wo) Tj 10 0 Td (rd) Tj 30 0 Td (x) Tj ET"), "word x");
    // Of a font that does not tell, pieces of one array still stand together.
    assert_eq!(
        words(&page(b"BT /F 10 Tf [(T) 80 (est) -20 (ed)] TJ 9 0 Td (x) Tj ET", HELVETICA, &[])),
        "Tested x"
    );
}

#[test]
fn widths_of_codes_of_two_octets_are_known_too() {
    let font = "<< /Subtype /Type0 /ToUnicode 6 0 R /DescendantFonts [7 0 R] >>";
    let made_of = b"<< /DW 500 /W [36 [700 300] 38 40 600] >>";
    let content =
        b"BT /F 10 Tf <0024> Tj 7 0 Td <0025> Tj 3 0 Td <0026> Tj 6 0 Td <0024> Tj 9 0 Td <0025> Tj ET";
    assert_eq!(words(&page(content, font, &[&stream("", MAP), made_of])), "ABCA B");
}

#[test]
fn forms_are_read_and_pictures_passed_over() {
    let form =
        stream("/Type /XObject /Subtype /Form /Matrix [1 0 0 1 0 -50]", b"BT /F 9 Tf (in a form) Tj ET");
    let picture = stream("/Type /XObject /Subtype /Image", b"BT (no text) Tj ET");
    let content = stream(
        "",
        b"BT /F 9 Tf (before) Tj ET /P Do /X Do BI /W 2 /H 2 ID (\x01EI\xff Tj EI BT 0 -99 Td (after) Tj ET",
    );
    let file = pdf(&[
        b"<< /Type /Page /Contents 2 0 R /Resources << /Font << /F 5 0 R >> /XObject << /X 3 0 R /P 4 0 R >> >> >>",
        &content,
        &form,
        &picture,
        HELVETICA.as_bytes(),
    ]);
    assert_eq!(words(&file), "before\nin a form\nafter");
}

#[test]
fn an_encrypted_file_has_no_text() {
    for trailer in ["<< /Encrypt 9 0 R /Root 1 0 R >>", "<</Encrypt<</Filter/Standard>>>>"] {
        let mut file = page(b"BT (words) Tj ET", HELVETICA, &[]);
        assert_eq!(words(&file), "words");
        file.extend_from_slice(format!("trailer {trailer}").as_bytes());
        assert_eq!(read("application/pdf", "a.pdf", &file), None);
    }
}
