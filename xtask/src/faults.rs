//! `docs/faults.md` against the sources: every test it names must be there.

use std::fs;

use crate::programs::workspace;

/// The pairs of file and test that a row names, in order.
fn named(row: &str) -> Vec<(&str, &str)> {
    let tests = row.trim_end().trim_end_matches('|').rsplit('|').next().unwrap_or_default();
    let mut pairs = Vec::new();
    for group in tests.split(';') {
        let mut file = None;
        for word in group.split('`').skip(1).step_by(2) {
            match file {
                None if word.contains('/') => file = Some(word),
                None => {}
                Some(file) => pairs.push((file, word)),
            }
        }
    }
    pairs
}

#[test]
fn every_test_that_the_table_of_faults_names_is_in_the_sources() {
    let table = fs::read_to_string(workspace().join("docs/faults.md")).unwrap();
    let rows: Vec<&str> =
        table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---")).collect();
    assert!(rows.len() > 20, "the table is read");
    for row in &rows[1..] {
        let pairs = named(row);
        assert!(!pairs.is_empty(), "no test: {row}");
        for (file, test) in pairs {
            let source = fs::read_to_string(workspace().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
            let name = format!("fn {test}(");
            let is_test = source.split(&name).next().is_some_and(|before| {
                source.contains(&name) && before.lines().rev().take(4).any(|line| line.contains("test"))
            });
            assert!(is_test, "{file} has no test `{test}`");
        }
    }
}

#[test]
fn a_row_names_files_and_their_tests() {
    let row = "| 1 | `x` | y | `a/b.rs` `one` `two`; the fuzz target `imap`; `c/d.rs` `three` |";
    assert_eq!(named(row), [("a/b.rs", "one"), ("a/b.rs", "two"), ("c/d.rs", "three")]);
}
