//! HTML: any page can be laid out, indexed and made harmless.
#![no_main]

use libfuzzer_sys::fuzz_target;
use restante_core::message::{Reading, Searchable, clean};

const HEADER: &[u8] = b"Content-Type: text/html; charset=utf-8\r\n\r\n";

fuzz_target!(|bytes: &[u8]| {
    let message = [HEADER, bytes].concat();
    let reading = Reading::read(&message, 40);
    let _ = clean(&reading.text);
    let _ = Searchable::read(&message);
    if let Some(html) = &reading.html {
        let lower = html.to_ascii_lowercase();
        for active in
            ["<script", "<iframe", "<object", "<embed", "<form", "<style", "<img", "<a href=\"javascript"]
        {
            assert!(!lower.contains(active), "{active} in {html}");
        }
    }
});
