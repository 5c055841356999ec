use super::*;
use proptest::prelude::*;
use std::io::{self, Cursor};

/// The messages of a file: content, date and flags.
fn read(file: &[u8], form: Form) -> Vec<(Vec<u8>, Option<i64>, String)> {
    let mut mbox = Mbox::new(Cursor::new(file), form);
    let mut messages = Vec::new();
    loop {
        let mut content = Vec::new();
        let taken = mbox
            .take(|bytes| {
                content.extend_from_slice(bytes);
                Ok::<(), io::Error>(())
            })
            .unwrap();
        let Some(taken) = taken else { return messages };
        let flags = taken.flags(&content).names().collect::<Vec<_>>().join(" ");
        messages.push((content, taken.date, flags));
    }
}

fn contents(file: &[u8]) -> Vec<String> {
    read(file, Form::Mboxrd).into_iter().map(|(content, ..)| String::from_utf8(content).unwrap()).collect()
}

/// The messages as a file; each is given to the writer in pieces of that size.
fn write(messages: &[(&[u8], &Flags)], piece: usize) -> Vec<u8> {
    let mut file = Vec::new();
    for (content, flags) in messages {
        let mut measured = Quoting::default();
        measured.write(content, &mut io::sink()).unwrap();
        let envelope = Envelope { sender: "ann@example.org", date: 1_704_189_600, flags };
        envelope.write(&mut file, measured.unfinished()).unwrap();
        let mut quoting = Quoting::default();
        content.chunks(piece).for_each(|bytes| quoting.write(bytes, &mut file).unwrap());
        quoting.finish(&mut file).unwrap();
    }
    file
}

#[test]
fn what_is_written_is_what_the_documentation_shows() {
    let flags: Flags = ["\\Seen", "\\Answered", "\\Flagged", "$Forwarded"].into_iter().collect();
    let file = write(
        &[(b"Subject: a\n\nFrom here\n>From there\nend", &flags), (b"b\r\n\r\nc\r\n", &Flags::new())],
        99,
    );
    assert_eq!(
        String::from_utf8(file).unwrap(),
        "From ann@example.org Tue Jan  2 10:00:00 2024\n\
         Content-Length: 27\nX-Keywords: $Forwarded\nStatus: RO\nX-Status: AF\n\
         Subject: a\n\n>From here\n>>From there\nend\n\n\
         From ann@example.org Tue Jan  2 10:00:00 2024\nStatus: O\nX-Status: \nb\r\n\r\nc\r\n\n"
    );
}

#[test]
fn messages_of_other_programs_are_taken_apart() {
    let file = "From bob@example.net Tue Jan  2 10:00:00 2024\nSubject: one\nStatus: RO\nX-Status: A\n\n>From here\n>>From\n\
        >>From there\n\nFrom us\n\nFrom \"Bob Builder\" Wed Jan  3 10:00:00 2024 +0100\nSubject: two\n\nno newline";
    let messages = read(file.as_bytes(), Form::Mboxrd);
    assert_eq!(messages.len(), 2, "a line in a message is no beginning: it names no time");
    let first = "Subject: one\nStatus: RO\nX-Status: A\n\nFrom here\n>>From\n>From there\n\nFrom us\n";
    assert_eq!(String::from_utf8_lossy(&messages[0].0), first);
    assert_eq!((messages[0].1, messages[0].2.as_str()), (Some(1_704_189_600), "\\Answered \\Seen"));
    assert_eq!(
        (&messages[1].0[..], messages[1].1),
        (&b"Subject: two\n\nno newline"[..], Some(1_704_272_400))
    );
    let old = read(file.as_bytes(), Form::Mboxo);
    assert!(String::from_utf8_lossy(&old[0].0).contains("\nFrom here\n>>From\n>>From there\n"));
}

#[test]
fn a_file_with_crlf_keeps_it() {
    let file = b"\r\nFrom a Tue Jan  2 10:00:00 2024\r\nSubject: one\r\n\r\n>From b\r\n\r\nFrom a Tue Jan  2 10:00:00 2024\r\n\r\nc\r\n\r\n";
    assert_eq!(contents(file), ["Subject: one\r\n\r\nFrom b\r\n", "\r\nc\r\n"]);
}

#[test]
fn a_length_counts_where_it_proves_right() {
    let body = "text\n\nFrom Bob Tue Jan  2 10:00:00 2024\n>From x\n";
    let file = |length: usize, body: &str| {
        format!(
            "From a Tue Jan  2 10:00:00 2024\ncontent-length: {length}\n\n{body}\nFrom a Tue Jan  2 10:00:00 2024\nSubject: two\n\n"
        )
    };
    // mboxcl2: nothing is quoted.
    let right = contents(file(body.len(), body).as_bytes());
    assert_eq!(right.len(), 2);
    assert_eq!(right[0], format!("content-length: {}\n\n{body}", body.len()));
    // mboxcl: it is.
    let quoted = ">From x\n\n\nlast\n";
    assert_eq!(
        contents(file(quoted.len(), quoted).as_bytes())[0],
        format!("content-length: {}\n\nFrom x\n\n\nlast\n", quoted.len())
    );
    // A length that leads nowhere is none.
    for wrong in [0, 3, body.len() - 1, body.len() + 2, 1 << 40, usize::MAX] {
        let messages = contents(file(wrong, body).as_bytes());
        assert_eq!(messages.len(), 3, "{wrong}: {messages:?}");
        assert!(messages[1].starts_with(">From x") || messages[1].starts_with("From x"));
    }
}

#[test]
fn flags_are_read_as_programs_write_them() {
    for (header, expected) in [
        ("Status: RO\nX-Status: DF", "\\Deleted \\Flagged \\Seen"),
        ("Status: O", ""),
        ("X-Mozilla-Status: 0013", "\\Answered \\Seen"),
        ("X-Keywords:  a $b \\Seen x(y ", "$b a"),
    ] {
        assert_eq!(flags(format!("{header}\n\n").as_bytes()).names().collect::<Vec<_>>().join(" "), expected);
    }
}

#[test]
fn what_is_no_mbox_is_refused() {
    let mut mbox = Mbox::new(Cursor::new(b"Subject: a\n\nb\n"), Form::Mboxrd);
    let error = mbox.take(|_| Ok::<(), io::Error>(())).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(contents(b""), Vec::<String>::new());
    assert_eq!(contents(b"\n\n"), Vec::<String>::new());
}

#[test]
fn a_long_line_of_quotes_is_no_matter() {
    let long = [vec![b'>'; 300_000], b"From x\n".to_vec(), vec![b'>'; 300_000]].concat();
    let file = write(&[(&long, &Flags::new())], 7);
    assert_eq!(read(&file, Form::Mboxrd)[0].0, long);
}

/// Octets that have it in them.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let pieces: &[&[u8]] = &[
        b"From ",
        b"\nFrom ",
        b">From ",
        b"\n>>From x",
        b"From ann@example.org Tue Jan  2 10:00:00 2024\n",
        b"\n\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\r",
        b"\n",
        b">",
        b"\0",
        b"\xff\x80",
        b"Fr",
        b"Status: RO\n",
        b"X-Status: AF\n",
        b"X-Keywords: a\n",
        b"Content-Length: 3\n",
        b"Content-Length: 0\n",
        b"Subject: a\n",
        b"text",
    ];
    let piece = prop::sample::select(pieces);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_written_comes_back_octet_by_octet(
        messages in prop::collection::vec((hostile(), 0..64_u8, any::<bool>()), 0..5),
        piece in 1..9_usize,
    ) {
        let messages: Vec<(Vec<u8>, Flags)> = messages
            .into_iter()
            .map(|(content, bits, keyword)| {
                (content, Flags::from_parts(bits & !16, if keyword { "$Forwarded later" } else { "" }))
            })
            .collect();
        let file = write(&messages.iter().map(|(c, f)| (&c[..], f)).collect::<Vec<_>>(), piece);
        let found = read(&file, Form::Mboxrd);
        prop_assert_eq!(found.len(), messages.len());
        for ((content, date, flags), (given, known)) in found.iter().zip(&messages) {
            prop_assert_eq!(content, given);
            prop_assert_eq!(*date, Some(1_704_189_600));
            prop_assert_eq!(flags, &known.names().collect::<Vec<_>>().join(" "));
        }
    }

    /// Any file is read to its end, and nothing but quotes, lines that begin messages and empty lines is lost.
    #[test]
    fn any_octets_are_read_to_the_end(bytes in hostile(), more in hostile()) {
        let file = [&b"From x Tue Jan  2 10:00:00 2024\n"[..], &bytes, b"\nFrom y Tue Jan  2 10:00:00 2024\n", &more].concat();
        for form in [Form::Mboxrd, Form::Mboxo] {
            let found: usize = read(&file, form).iter().map(|(content, ..)| content.len()).sum();
            prop_assert!(found <= file.len());
        }
    }
}
