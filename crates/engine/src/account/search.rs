//! How mail is made searchable, in `config.toml`: `[search]`.

use super::Accounts;
use toml_edit::{DocumentMut, Item};

impl Accounts {
    /// Whether the text of attachments is to be found too.
    #[must_use]
    pub fn finds_attachments(&self) -> bool {
        read(&self.document).unwrap_or_default()
    }
}

/// What the table says; the error tells what is wrong with it.
pub(super) fn read(document: &DocumentMut) -> Result<bool, String> {
    let Some(item) = document.get("search") else { return Ok(false) };
    let table = item.as_table_like().ok_or("`search` must be a table")?;
    if let Some((other, _)) = table.iter().find(|(key, _)| *key != "attachments") {
        return Err(format!("[search]: `{other}` is not known; `attachments` is"));
    }
    match table.get("attachments").map(Item::as_bool) {
        None => Ok(false),
        Some(value) => value.ok_or_else(|| "[search]: `attachments` must be true or false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Places;

    #[test]
    fn attachments_are_searched_when_that_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { config: folder.path().to_owned(), data: folder.path().to_owned() };
        for (text, expected) in [
            ("", Ok(false)),
            ("[search]\n", Ok(false)),
            ("[search]\nattachments = true\n", Ok(true)),
            ("[search]\nattachments = false\n", Ok(false)),
            ("[search]\nattachments = \"yes\"\n", Err("must be true or false")),
            ("[search]\nattachment = true\n", Err("`attachment` is not known")),
            ("search = 1\n", Err("must be a table")),
        ] {
            std::fs::write(places.config_file(), text).unwrap();
            match (Accounts::load(&places), expected) {
                (Ok(accounts), Ok(expected)) => assert_eq!(accounts.finds_attachments(), expected, "{text}"),
                (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }
}
