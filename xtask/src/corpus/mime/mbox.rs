//! Mailboxes beside which a JSON file tells where each message and each of its parts is.

use restante_core::message::Reading;
use serde_json::Value;
use testkit::{Context, Result};

use super::{Files, Outcome};

pub(super) fn check(files: &Files, outcome: &mut Outcome) -> Result<()> {
    for (path, bytes) in files {
        let Some(stem) = path.strip_suffix(".mbox.txt") else { continue };
        let Some(offsets) = files.get(&format!("{stem}.unix-offsets.json")) else { continue };
        let rows: Value = serde_json::from_slice(offsets).context(|| stem.to_owned())?;
        let name = stem.rsplit('/').next().unwrap_or(stem);
        for (at, row) in rows.as_array().into_iter().flatten().enumerate() {
            let message = bytes.get(offset(row, "beginOffset")..offset(row, "endOffset")).unwrap_or_default();
            let name = format!("{name} {}", at + 1);
            outcome.messages.insert(name.clone());
            let mut wanted = Vec::new();
            of(&row["body"], "", true, &mut wanted);
            let read = Reading::read(message, 78);
            let found: Vec<_> =
                read.parts.iter().map(|part| format!("{} {}", part.part, part.kind)).collect();
            outcome.parts += found.len();
            if found != wanted {
                let what = format!("parts {}, not {}", found.join(", "), wanted.join(", "));
                outcome.differs(&name, what);
            }
        }
    }
    Ok(())
}

fn offset(row: &Value, key: &str) -> usize {
    row[key].as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or_default()
}

fn of(entity: &Value, number: &str, is_message: bool, found: &mut Vec<String>) {
    let kind = entity["mimeType"].as_str().unwrap_or_default().to_ascii_lowercase();
    let join = |n: usize| if number.is_empty() { n.to_string() } else { format!("{number}.{n}") };
    let children = entity["children"].as_array().cloned().unwrap_or_default();
    if kind.starts_with("multipart/") {
        for (at, child) in children.iter().enumerate() {
            of(child, &join(at + 1), false, found);
        }
        return;
    }
    let number = if is_message { join(1) } else { number.to_owned() };
    found.push(format!("{number} {kind}"));
    if let Some(inner) = entity["message"].get("body") {
        of(inner, &number, true, found);
    }
}
