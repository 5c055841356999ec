//! Queries: any text is one, or an error that points at a place in it.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use restante_core::query::parse;

static NOW: LazyLock<jiff::Zoned> =
    LazyLock::new(|| jiff::Timestamp::from_second(1_750_000_000).unwrap().to_zoned(jiff::tz::TimeZone::UTC));

fuzz_target!(|text: &str| {
    if let Err(error) = parse(text, &NOW) {
        assert!(text.get(error.span()).is_some(), "the span is of the text");
        let _ = error.to_string();
    }
});
