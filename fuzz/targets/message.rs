//! Messages: everything a person may ask of one works on any bytes, and nothing of it drives a terminal.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use restante_core::mail::Contact;
use restante_core::message::{Attachment, Draft, Reading, Searchable, Summary, clean, clean_line, file_name};

static ME: LazyLock<Contact> =
    LazyLock::new(|| Contact { name: "Ann".to_owned(), address: "ann@example.org".to_owned() });

fuzz_target!(|bytes: &[u8]| {
    let reading = Reading::read(bytes, 60);
    let summary = Summary::read(bytes);
    assert!(reading.authentication.is_some() == reading.auth.is_some() && reading.warnings.len() <= 50);
    assert!(summary.references.len() <= 100);
    let searchable = Searchable::read(bytes);
    for text in [&reading.text, &reading.subject, &summary.subject, &searchable.text] {
        is_harmless(&clean(text), true);
        is_harmless(&clean_line(text), false);
    }
    for part in reading.parts.iter().take(10) {
        let attachment = Attachment::read(bytes, &part.part).expect("a part that is listed is there");
        is_name(&attachment.filename);
        part.filename.as_deref().and_then(file_name).iter().for_each(|name| is_name(name));
    }
    for all in [false, true] {
        let _ = Draft::reply(bytes, &ME, &[], all, 60);
    }
});

fn is_harmless(text: &str, lines: bool) {
    let bad = text.chars().find(|c| {
        (c.is_control() && !(lines && matches!(c, '\n' | '\t')))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{feff}')
    });
    assert_eq!(bad, None, "{text:?}");
}

fn is_name(name: &str) {
    is_harmless(name, false);
    assert!(!name.is_empty() && name.len() <= 255 && !name.starts_with('.'), "{name:?}");
    assert!(!name.contains(['/', '\\']), "{name:?}");
}
