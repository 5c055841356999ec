//! Mailbox names: any bytes come back as they were.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante_core::imap::wire::{decode_name, encode_name};

fuzz_target!(|bytes: &[u8]| {
    for utf8 in [false, true] {
        let (name, _) = decode_name(bytes, utf8);
        assert_eq!(encode_name(&name, utf8), bytes);
    }
});
