//! What mail carries in formats of its own: any bytes as winmail.dat, rich text, a calendar, a report, a receipt,
//! enriched text or a signature are read, and what is listed can be taken out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante_core::message::{Attachment, Reading, Searchable};

const KINDS: [&str; 9] = [
    "application/ms-tnef",
    "text/rtf",
    "text/calendar; charset=utf-8; method=REQUEST",
    "message/delivery-status",
    "message/disposition-notification",
    "text/enriched",
    "message/rfc822\r\nContent-Transfer-Encoding: base64",
    "message/rfc822\r\nContent-Transfer-Encoding: quoted-printable",
    "application/pkcs7-mime; smime-type=signed-data",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, body)) = bytes.split_first() else { return };
    let kind = KINDS[usize::from(*choice) % KINDS.len()];
    let message = [b"Content-Type: ", kind.as_bytes(), b"\r\n\r\n", body].concat();
    let reading = Reading::read(&message, 60);
    let searchable = Searchable::read(&message);
    assert!(reading.events.len() <= 20 && reading.warnings.len() <= 50);
    assert!(reading.text.len() <= (9 << 20) && searchable.text.len() <= (9 << 20));
    for part in reading.parts.iter().take(20) {
        let found = Attachment::read(&message, &part.part).expect("a part that is listed is there");
        assert_eq!(found.bytes.len(), part.size);
        assert!(!found.filename.is_empty() && !found.filename.contains(['/', '\\']));
    }
});
