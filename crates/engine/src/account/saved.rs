//! Queries with a name, in `config.toml`: `[saved]`.

use super::Accounts;
use crate::error::Error;
use toml_edit::{Item, Table, value};

impl Accounts {
    /// The query that was saved under a name.
    #[must_use]
    pub fn saved(&self, name: &str) -> Option<&str> {
        self.document.get(SAVED)?.as_table_like()?.get(name)?.as_str()
    }

    /// All saved queries with their names, in the file's order.
    pub fn all_saved(&self) -> impl Iterator<Item = (&str, &str)> {
        let table = self.document.get(SAVED).and_then(Item::as_table_like);
        table
            .into_iter()
            .flat_map(|table| table.iter())
            .filter_map(|(name, item)| Some((name, item.as_str()?)))
    }

    /// Saves a query under a name, or forgets the one that is, and writes the file. Gives whether there was one.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a name that a query could not hold; when the file cannot be written.
    pub fn save_query(&mut self, name: &str, query: Option<&str>) -> Result<bool, Error> {
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || !name.chars().all(is_name) {
            let what =
                format!("`{name}` cannot be the name of a query: letters, digits, `-`, `_` and `.` can");
            return Err(Error::Configuration(what));
        }
        let was = self.saved(name).is_some();
        let mut document = self.document.clone();
        let section = document.entry(SAVED).or_insert_with(|| Item::Table(Table::new()));
        let Some(section) = section.as_table_like_mut() else {
            return Err(Error::Configuration(format!("`{SAVED}` must be a table")));
        };
        match query {
            Some(query) => section.insert(name, value(query)),
            None => section.remove(name),
        };
        if section.is_empty() {
            document.remove(SAVED);
        }
        if query.is_some() || was {
            self.write(document)?;
        }
        Ok(was)
    }
}

/// The table that holds them.
const SAVED: &str = "saved";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Places;

    #[test]
    fn queries_are_saved_beside_what_the_person_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { config: folder.path().to_owned(), data: folder.path().to_owned() };
        std::fs::write(places.config_file(), "# mine\n[saved]\nwork = \"from:boss\" # the one\n").unwrap();
        let mut accounts = Accounts::load(&places).unwrap();
        assert_eq!(accounts.saved("work"), Some("from:boss"));
        assert!(!accounts.save_query("unread.2", Some("is:unread \"a b\"")).unwrap());
        let again = Accounts::load(&places).unwrap();
        let all: Vec<_> = again.all_saved().collect();
        assert_eq!(all, [("work", "from:boss"), ("unread.2", "is:unread \"a b\"")]);
        let text = std::fs::read_to_string(places.config_file()).unwrap();
        assert!(text.contains("# mine") && text.contains("# the one"), "{text}");
        assert!(accounts.save_query("work", None).unwrap());
        assert!(!accounts.save_query("work", None).unwrap());
        assert!(accounts.save_query("unread.2", None).unwrap());
        assert_eq!(Accounts::load(&places).unwrap().all_saved().count(), 0);
        for name in ["", "a b", "a:b", "(x"] {
            assert!(accounts.save_query(name, Some("x")).is_err(), "{name}");
        }
    }
}
