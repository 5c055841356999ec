use super::*;
use proptest::prelude::*;

/// So little that these tests are over soon, also without optimisation.
const LITTLE: Limits = Limits { file: 4 << 20, unpacked: 1 << 20, text: 100_000 };

fn little(bytes: &[u8]) -> Option<String> {
    text("application/pdf", None, bytes, &LITTLE)
}

#[test]
fn depth_without_end_is_no_depth() {
    for open in ["[", "<<", "<</a", "(", "<</a["] {
        little(&page(open.repeat(200_000).as_bytes(), HELVETICA, &[]));
        little(&pdf(&[open.repeat(200_000).as_bytes()]));
    }
    let xml = ["<office:body>", &"<text:p>".repeat(300_000), "words"].concat();
    let file = archive(&[("content.xml", xml.as_bytes(), true)]);
    assert_eq!(read("", "a.odt", &file), None);
}

#[test]
fn what_refers_to_itself_ends() {
    let circle: &[&[u8]] = &[
        b"<< /Type /Pages /Kids [1 0 R 2 0 R 1 0 R] /Parent 1 0 R >>",
        b"<< /Type /Page /Parent 1 0 R /Contents 3 0 R /Resources 4 0 R >>",
        b"3 0 R",
        b"5 0 R",
        b"4 0 R",
    ];
    assert_eq!(little(&pdf(circle)), None);
    // A form in which it stands itself, many times.
    let form = stream("/Subtype /Form", &b"/X Do ".repeat(50));
    let file = pdf(&[b"<< /Type /Page /Contents 2 0 R /Resources << /XObject << /X 2 0 R >> >> >>", &form]);
    assert_eq!(little(&file), None);
}

#[test]
fn work_that_is_asked_for_again_and_again_is_not_done() {
    let many = 30_000;
    // Each would be searched to the end of the file.
    little(&"/Encrypt 1 %".repeat(many).into_bytes());
    little(
        &(0..many)
            .map(|at| format!("{at} 0 obj<</Type/ObjStm/N 1/First 0>>stream\n"))
            .collect::<String>()
            .into_bytes(),
    );
    little(&(0..many).map(|at| format!("{at} 0 obj %")).collect::<String>().into_bytes());
    little(&(0..many).map(|at| format!("{at} 0 obj [")).collect::<String>().into_bytes());
    // Resources that are copied for each of many.
    let names: String = (0..10_000).map(|at| format!("/N{at} {at} 0 R")).collect();
    let first = format!(
        "<< /Type /Page /Contents 2 0 R /Resources << /XObject << {names} /X 3 0 R >> /Font << {names} /F << {names} >> >> >> >>"
    );
    let content = stream("", &b"/X Do /Q Do /F 1 Tf ".repeat(2000));
    little(&pdf(&[first.as_bytes(), &content, &stream("/Subtype /Form", b"/F 1 Tf")]));
    // Pages that all have the same long content.
    let content = stream("/Filter /FlateDecode", &zlib(&b"(words) Tj ".repeat(90_000)));
    let pages = "9 0 obj << /Type /Page /Contents 1 0 R >>".replace('9', "@");
    let pages: String = (2..1000).map(|at| pages.replace('@', &at.to_string())).collect();
    let file = [pdf(&[&content]), pages.into_bytes()].concat();
    assert_eq!(little(&file).map(|text| text.len()), Some(100_000));
}

#[test]
fn what_unpacks_to_too_much_is_cut() {
    let mut bomb = vec![b' '; 8 << 20];
    bomb.extend_from_slice(b"BT (never) Tj ET");
    let once = zlib(&bomb);
    let content = stream("/Filter [/FlateDecode /FlateDecode]", &zlib(&once));
    let file = pdf(&[b"<< /Type /Page /Contents 2 0 R >>", &content]);
    assert_eq!(little(&file), None);
    // What is small in the file may be large in memory.
    let content = stream("/Filter /FlateDecode", &zlib(&b"<</a 1>>".repeat(1 << 17)));
    assert_eq!(little(&pdf(&[b"<< /Type /Page /Contents 2 0 R >>", &content])), None);
}

#[test]
fn numbers_that_lie_cost_nothing() {
    for lie in ["4294967295", "99999999999999999999", "-1", "1e9", "0.5"] {
        let objects = stream(&format!("/Type /ObjStm /N {lie} /First {lie}"), b"1 0 2 99999999999 <<>>");
        little(&pdf(&[&objects]));
        let font = format!(
            "<< /Subtype /Type1 /FirstChar {lie} /Widths [{lie}] /Encoding << /Differences [{lie} /a /b] >> >>"
        );
        little(&page(
            format!("BT /F {lie} Tf {lie} Tc {lie} 0 Td (a) Tj [{lie} (b)] TJ ET").as_bytes(),
            &font,
            &[],
        ));
        little(&pdf(&[format!("<< /Type /Page /Contents 2 0 R /Length {lie} >> stream").as_bytes()]));
        let map = "1 beginbfrange <00000000> <FFFFFFFF> <D7FF> <0000> <FFFF> <10FFFF> endbfrange";
        let font = format!(
            "<< /Subtype /Type0 /ToUnicode 6 0 R /DescendantFonts [<< /W [0 {lie} 5 {lie} [{lie}]] >>] >>"
        );
        little(&page(b"BT /F 1 Tf <0000FFFF> Tj ET", &font, &[&stream("", map.as_bytes())]));
    }
    let mut file = archive(&[("content.xml", b"<office:body>words", false)]);
    let directory = memchr::memmem::rfind(&file, b"PK\x01\x02").unwrap();
    for field in [20, 28, 30, 42] {
        let before = file.clone();
        file[directory + field..directory + field + 2].fill(0xff);
        file[directory + field + 2] = 0xff;
        assert_eq!(read("", "a.odt", &file), None, "{field}");
        file = before;
    }
}

/// Files of every kind that are as they should be.
fn good() -> Vec<(&'static str, Vec<u8>)> {
    let packed =
        stream("/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", &zlib(b"9 0 << /A [1 2 R (x) <41>] >>"));
    let map = stream("/Filter /FlateDecode", &zlib(b"1 beginbfrange <20> <7e> <0020> endbfrange"));
    let content =
        b"q 1 0 0 1 3 4 cm BT /F 12 Tf 72 700 Td [(Wor) -20 (ds)] TJ T* <4142> ' ET BI ID x EI /X Do Q";
    let font = "<< /Subtype /Type1 /ToUnicode 6 0 R /FirstChar 3 /Widths [1 2 3] /Encoding << /Differences [65 /eacute] >> >>";
    vec![
        ("a.pdf", page(content, font, &[&map, &packed])),
        (
            "a.docx",
            archive(&[(
                "word/document.xml",
                b"<w:p a=\"b\"><w:t>R&amp;D</w:t><w:tab/></w:p><!-- x -->",
                true,
            )]),
        ),
        (
            "a.odt",
            archive(&[(
                "content.xml",
                b"<office:body><text:p>words<![CDATA[x]]></text:p></office:body>",
                false,
            )]),
        ),
    ]
}

#[test]
fn every_beginning_of_a_file_is_read() {
    for (name, file) in good() {
        assert!(read("", name, &file).is_some(), "{name}");
        for end in 0..file.len() {
            let _ = text("", Some(name), &file[..end], &LITTLE);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        for name in ["a.pdf", "a.docx", "a.odt", "a.txt", "a.html", "a.rtf"] {
            let _ = text("", Some(name), &bytes, &LITTLE);
        }
        let _ = little(&page(&bytes, HELVETICA, &[]));
        let _ = little(&page(b"/F 1 Tf (abc) Tj", "<< /Subtype /Type0 /ToUnicode 6 0 R >>", &[&stream("", &bytes)]));
        let _ = little(&page(b"BT (abc) Tj", "", &[&bytes]));
        let _ = text("", Some("a.docx"), &archive(&[("word/document.xml", &bytes, true)]), &LITTLE);
    }

    #[test]
    fn any_words_of_the_format_are_read(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "<<", ">>", "[", "]", "(", ")", "<", ">", "/F", "/Type", "/Page", "/Contents 4 0 R", "0", "-1", "1e5",
                "99999999", "3 0 R", "stream\n", "endstream", "endobj", "8 0 obj", "BT", "Tf", "Tj", "TJ", "Td", "Tm",
                "cm", "q", "Q", "Do", "BI", "ID", "EI", "'", "\"", "\\", "%", "\n", "(word)", "Tz", "Tc", "TL", "T*",
            ]),
            0..80,
        ),
    ) {
        let words = words.join(" ");
        let _ = little(&page(words.as_bytes(), HELVETICA, &[words.as_bytes()]));
        let _ = little(&[b"%PDF-1.4\n1 0 obj", words.as_bytes()].concat());
    }

    #[test]
    fn any_change_of_a_good_file_is_read(
        which in 0..3_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let (name, mut file) = good().swap_remove(which);
        for (at, octet) in changes {
            let at = at.index(file.len());
            file[at] = octet;
        }
        let _ = text("", Some(name), &file, &LITTLE);
    }
}
