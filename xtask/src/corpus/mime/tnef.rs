//! Files of Outlook (`winmail.dat`) beside which a folder has what is in them.

use restante_core::message::{Attachment, Reading};

use super::{Files, Outcome, lines};

pub(super) fn check(files: &Files, outcome: &mut Outcome) {
    for (path, bytes) in files {
        let Some(stem) = path.strip_suffix(".tnef") else { continue };
        let name = format!("{}.tnef", stem.rsplit('/').next().unwrap_or(stem));
        let message = [b"Content-Type: application/ms-tnef\r\n\r\n", bytes.as_slice()].concat();
        outcome.messages.insert(name.clone());
        let read = Reading::read(&message, 78);
        let inside: Vec<Vec<u8>> = read
            .parts
            .iter()
            .filter(|part| part.part.starts_with("1."))
            .filter_map(|part| Attachment::read(&message, &part.part).map(|found| found.bytes))
            .collect();
        let folder = format!("{stem}/");
        for (path, wanted) in files.iter().filter(|(path, _)| path.starts_with(&folder)) {
            let file = path.strip_prefix(&folder).unwrap_or(path);
            if file.starts_with("message.") && read.text.trim().is_empty() {
                outcome.differs(&name, "no text".to_owned());
            }
            outcome.parts += 1;
            // The collection lost CR on its way, also from what is no text.
            if !inside.iter().any(|found| lines(found) == lines(wanted)) {
                outcome.differs(&name, format!("no part is {file}"));
            }
        }
    }
}
