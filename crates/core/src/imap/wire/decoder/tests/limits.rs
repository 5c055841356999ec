//! What a server may cost: memory is bounded, time is linear, the stack is ours.

use super::*;

#[test]
fn limits_hold() {
    let limits = Limits { response: 100, body: 1000 };
    let mut decoder = Decoder::new(limits);
    assert_eq!(decoder.poll(&mut &[b'x'; 101][..]), Err(WireError::ResponseTooLarge(100)));
    let mut decoder = Decoder::new(limits);
    assert_eq!(
        decoder.poll(&mut &b"* LIST () NIL {9999999999}\r\n"[..]),
        Err(WireError::ResponseTooLarge(100))
    );
    let mut decoder = Decoder::new(limits);
    assert_eq!(decoder.poll(&mut &b"* 1 FETCH (BODY[] {1001}\r\n"[..]), Err(WireError::BodyTooLarge(1001)));
}

#[test]
fn a_ten_gigabyte_literal_is_refused_in_bounded_memory() {
    for (line, error) in [
        ("* 1 FETCH (BODY[] {9999999999}\r\n", WireError::BodyTooLarge(9_999_999_999)),
        ("* 1 FETCH (BODY[] {18446744073709551615}\r\n", WireError::BodyTooLarge(u64::MAX)),
        ("* LIST () NIL {9999999999}\r\n", WireError::ResponseTooLarge(64 << 20)),
    ] {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.poll(&mut line.as_bytes()), Err(error), "{line}");
        assert!(decoder.response.capacity() < 4096);
    }
    // More digits than any number has are no announcement.
    assert!(matches!(one("* LIST () NIL {99999999999999999999999}"), Response::Unknown { .. }));
}

#[test]
fn a_line_without_end_is_refused_in_bounded_memory() {
    let limits = Limits { response: 1 << 20, body: 1 << 20 };
    let mut decoder = Decoder::new(limits);
    let piece = vec![b'x'; 4096];
    let refused = (0..1000).find_map(|_| decoder.poll(&mut &piece[..]).err());
    assert_eq!(refused, Some(WireError::ResponseTooLarge(1 << 20)));
    assert!(decoder.response.capacity() <= 2 << 20);
}

#[test]
fn a_million_empty_literals_are_read_once_and_counted() {
    let mut many = b"* 1 FETCH (X (".to_vec();
    (0..1_000_000).for_each(|_| many.extend_from_slice(b"{0}\r\n "));
    many.extend_from_slice(b") UID 4)\r\n");
    let (responses, _, _) = decode(&many, &[4096]);
    assert!(matches!(&responses[0], Response::Fetch(row) if row.uid == Uid::new(4)));

    // What is noted of each is memory too.
    let mut decoder = Decoder::new(Limits { response: 100_000, body: 1 });
    let mut input = &many[..];
    assert_eq!(decoder.poll(&mut input), Err(WireError::ResponseTooLarge(100_000)));
    assert!(decoder.literals.len() < 4_000);
}

/// Looking at the first words again for each literal would take a day.
#[test]
fn a_long_first_word_is_looked_at_once() {
    let mut stream = b"* ".to_vec();
    stream.resize(8 << 20, b'x');
    (0..500_000).for_each(|_| stream.extend_from_slice(b" {0}\r\n"));
    stream.extend_from_slice(b"\r\n");
    let (responses, _, _) = decode(&stream, &[1 << 16]);
    assert!(matches!(&responses[..], [Response::Unknown { .. }]));
}

#[test]
fn a_hundred_thousand_parentheses_cost_no_stack() {
    let (open, close) = ("(".repeat(200_000), ")".repeat(200_000));
    assert_eq!(row(&format!("* 1 FETCH (UID 3 X {open}{close})")).uid, Uid::new(3));
    assert!(row(&format!("* 1 FETCH (UID 3 X {open})")).damaged);
    for line in [
        format!("* LIST () \"/\" x (\"X\" {open}{close})"),
        format!("* STATUS x (X {open}{close})"),
        format!("* NAMESPACE {open}{close}"),
        format!("* ESEARCH X {open}{close}"),
        format!("* OK [X {open}{close}] x"),
        format!("* {open}{close}"),
    ] {
        one(&line);
    }
}

#[test]
fn sets_and_flags_in_the_worst_order_are_read_in_time() {
    let numbers: Vec<String> = (0..400_000).rev().map(|n| (2 * n + 1).to_string()).collect();
    let Response::Vanished { uids, .. } = one(&format!("* VANISHED {}", numbers.join(","))) else { panic!() };
    assert_eq!(uids.len(), 400_000);
    let keywords: Vec<String> = (0..200_000).rev().map(|n| format!("k{n:06}")).collect();
    let row = row(&format!("* 1 FETCH (UID 1 FLAGS (\\Seen {}))", keywords.join(" ")));
    assert_eq!(row.flags.map(|flags| flags.keywords().len()), Some(200_000));
}

/// The search for a place to go on from must not read the rest again and again.
#[test]
fn a_damaged_row_full_of_beginnings_is_read_in_time() {
    let line = format!("* 1 FETCH (UID 5 X (\" {}", " UID 6 FLAGS (".repeat(300_000));
    let row = row(&line);
    assert_eq!((row.uid, row.damaged), (Uid::new(5), true));
}
