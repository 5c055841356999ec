//! IMAP responses: no bytes stop the decoder but a limit, and no split of them changes what is read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante_core::imap::wire::{Decoded, Decoder, Limits};
use restante_core::imap::{Event, Session};

/// Small, so that they are reached.
const LIMITS: Limits = Limits { response: 3000, body: 5000 };

fuzz_target!(|bytes: &[u8]| {
    let Some((&size, stream)) = bytes.split_first() else { return };
    let whole = decode(stream, usize::MAX);
    assert_eq!(whole, decode(stream, 1));
    assert_eq!(whole, decode(stream, usize::from(size).max(2)));
    assert_eq!(session(stream, usize::MAX), session(stream, usize::from(size).max(1)));
});

/// Everything found, bodies joined, and the error that ended it.
fn decode(stream: &[u8], size: usize) -> (Vec<String>, Vec<u8>) {
    let mut decoder = Decoder::new(LIMITS);
    let (mut found, mut bodies) = (Vec::new(), Vec::new());
    for mut input in stream.chunks(size.min(stream.len().max(1))) {
        loop {
            match decoder.poll(&mut input) {
                Ok(Some(Decoded::BodyChunk(bytes))) => bodies.extend_from_slice(bytes),
                Ok(Some(decoded)) => found.push(format!("{decoded:?}")),
                Ok(None) => break,
                Err(error) => {
                    found.push(error.to_string());
                    return (found, bodies);
                }
            }
        }
        assert!(input.is_empty(), "what is not taken would be lost");
    }
    found.push(format!("{:?}", decoder.quirks()));
    (found, bodies)
}

fn session(stream: &[u8], size: usize) -> Vec<String> {
    let mut session = Session::new(LIMITS);
    let command = restante_core::imap::wire::Command::new("LOGIN").string(b"a").string(b"\xff\r\n");
    session.send(command);
    let mut found = Vec::new();
    for mut input in stream.chunks(size.min(stream.len().max(1))) {
        loop {
            match session.poll_event(&mut input) {
                Ok(Some(Event::BodyChunk(_))) => {}
                Ok(Some(event)) => found.push(format!("{event:?}")),
                Ok(None) => break,
                Err(error) => {
                    found.push(error.to_string());
                    return found;
                }
            }
        }
    }
    found.push(format!("{:?}", session.poll_output()));
    found
}
