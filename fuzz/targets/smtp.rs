//! SMTP: replies are the same in any split, no bytes upset a session, and no body can end itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante_core::smtp::{DataEncoder, Event, Protection, ReplyParser, Session};

fuzz_target!(|bytes: &[u8]| {
    let Some((&size, stream)) = bytes.split_first() else { return };
    let size = usize::from(size).max(2);
    let whole = replies(stream, usize::MAX);
    assert_eq!(whole, replies(stream, 1));
    assert_eq!(whole, replies(stream, size));
    session(stream, size);

    let body = encode(stream, usize::MAX);
    assert_eq!(body, encode(stream, size));
    assert!(
        !body.starts_with(b".\r\n") && !body.windows(5).any(|w| w == b"\r\n.\r\n"),
        "the body ends itself"
    );
    let bare = |pair: &[u8]| (pair[0] == b'\r') != (pair[1] == b'\n');
    assert!(body.is_empty() || body.ends_with(b"\r\n"));
    assert!(!body.windows(2).any(bare) && body.first() != Some(&b'\n'), "a bare CR or LF");
});

fn replies(stream: &[u8], size: usize) -> Vec<String> {
    let mut parser = ReplyParser::default();
    let mut found = Vec::new();
    for piece in stream.chunks(size.min(stream.len().max(1))) {
        parser.push(piece);
        loop {
            match parser.next_reply() {
                Ok(Some(reply)) => found.push(format!("{reply:?} {reply} {}", reply.one_line())),
                Ok(None) => break,
                // Which limit is passed first may depend on the pieces; that one is passed does not.
                Err(_) => {
                    found.push("error".to_owned());
                    return found;
                }
            }
        }
    }
    found.push(parser.leftover());
    found
}

fn session(stream: &[u8], size: usize) {
    let mut session = Session::new("client.example.org", Protection::StartTls);
    for piece in stream.chunks(size) {
        session.handle_input(piece);
        while let Some(event) = session.poll_event() {
            // What a state does not allow it refuses.
            match event {
                Event::NeedTls => drop(session.tls_established()),
                Event::Ready(_) => drop(session.probe("ann@example.org")),
                Event::SendBody => {
                    let _ = session.body(b".");
                    let _ = session.end_body();
                }
                Event::CommitPoint => drop(session.commit()),
                _ => {}
            }
        }
        while session.poll_output().is_some() {}
    }
    session.handle_close();
    while session.poll_event().is_some() {}
}

fn encode(body: &[u8], size: usize) -> Vec<u8> {
    let mut encoder = DataEncoder::default();
    let mut out = Vec::new();
    for piece in body.chunks(size.min(body.len().max(1))) {
        encoder.encode(piece, &mut out);
    }
    encoder.finish(&mut out);
    out
}
