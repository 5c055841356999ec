//! Messages whose parts others have written down, through the reader: the tree of parts, their types and names, and
//! every decoded body must be the same.
//!
//! Where the reader differs on purpose, `docs/corpus.md` says why. A difference that is not there is a fault, and so
//! is a row there that does not show any more.

mod expected;
mod mbox;
mod tnef;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use restante_core::message::{Attachment, PartInfo, Reading};
use testkit::{Context, Result};

use super::archive;
use crate::programs::workspace;
use expected::Leaf;

/// The files of a collection, by path.
type Files = BTreeMap<String, Vec<u8>>;

/// What was compared, and what differs: `message: difference`.
#[derive(Debug, Default)]
struct Outcome {
    messages: BTreeSet<String>,
    parts: usize,
    differences: BTreeSet<(String, String)>,
}

impl Outcome {
    fn differs(&mut self, name: &str, what: String) {
        self.differences.insert((name.to_owned(), what));
    }
}

pub(super) fn run(words: &[OsString]) -> Result<i32> {
    if words.is_empty() {
        return Err("name an archive or a folder".into());
    }
    let mut outcome = Outcome::default();
    for path in words {
        let files: Files = archive::files(Path::new(path))?.into_iter().collect();
        of_expected(&files, &mut outcome);
        mbox::check(&files, &mut outcome)?;
        tnef::check(&files, &mut outcome);
    }
    report(&outcome)
}

/// Prints what was found; 1 when it is not what the document says.
fn report(outcome: &Outcome) -> Result<i32> {
    let path = workspace().join("docs/corpus.md");
    let document = fs::read_to_string(&path).context(|| path.display().to_string())?;
    let known = known(&document);
    let new: Vec<_> = outcome.differences.difference(&known).collect();
    let is_here = |(name, _): &&(String, String)| outcome.messages.contains(name);
    let gone: Vec<_> = known.difference(&outcome.differences).filter(is_here).collect();
    for (name, what) in &new {
        println!("FAULT {name}: {what}");
    }
    for (name, what) in &gone {
        println!("STALE {name}: docs/corpus.md says `{what}`");
    }
    println!(
        "{} messages, {} parts compared, {} differences, {} of them not in docs/corpus.md, {} there without cause",
        outcome.messages.len(),
        outcome.parts,
        outcome.differences.len(),
        new.len(),
        gone.len()
    );
    Ok(i32::from(!(new.is_empty() && gone.is_empty()) || outcome.messages.is_empty()))
}

/// The rows of the document's table: message, difference, reason.
fn known(document: &str) -> BTreeSet<(String, String)> {
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| {
        let (name, rest) = row.split_once("` | ")?;
        let (what, reason) = rest.split_once(" | ")?;
        (!reason.trim_end_matches(['|', ' ']).is_empty()).then(|| (name.to_owned(), what.to_owned()))
    })
    .collect()
}

/// Messages beside which an XML file tells their parts, and a file each body.
fn of_expected(files: &Files, outcome: &mut Outcome) {
    for (path, message) in files {
        let Some(stem) = path.strip_suffix(".msg") else { continue };
        let Some(xml) = files.get(&format!("{stem}_decoded.xml")) else { continue };
        let name = stem.rsplit('/').next().unwrap_or(stem);
        let folder = stem.strip_suffix(name).unwrap_or_default();
        outcome.messages.insert(name.to_owned());
        let expected = expected::leaves(&String::from_utf8_lossy(xml));
        let read = Reading::read(message, 78);
        compare(name, message, &read.parts, &expected, outcome, |body| files.get(&format!("{folder}{body}")));
    }
}

/// Holds the parts that were read against those expected.
fn compare<'a>(
    name: &str,
    message: &[u8],
    parts: &[PartInfo],
    expected: &[Leaf],
    outcome: &mut Outcome,
    body: impl Fn(&str) -> Option<&'a Vec<u8>>,
) {
    let tree = |part: &str, kind: &str| format!("{part} {kind}");
    let found: Vec<_> = parts.iter().map(|part| tree(&part.part, &part.kind)).collect();
    let wanted: Vec<_> = expected.iter().map(|leaf| tree(&leaf.number, &leaf.kind)).collect();
    if found != wanted {
        outcome.differs(name, format!("parts {}, not {}", found.join(", "), wanted.join(", ")));
        return;
    }
    for (part, leaf) in parts.iter().zip(expected) {
        outcome.parts += 1;
        if let Some(wanted) = &leaf.filename
            && part.filename.as_ref() != Some(wanted)
        {
            let found = part.filename.as_deref().unwrap_or("nothing");
            outcome.differs(name, format!("part {} is called {found}, not {wanted}", part.part));
        }
        let Some(wanted) = leaf.body.as_deref().and_then(&body) else { continue };
        let found = Attachment::read(message, &part.part).map(|attachment| attachment.bytes);
        let is_text = part.kind.starts_with("text/");
        let same = |found: &Vec<u8>| found == wanted || is_text && lines(found) == lines(wanted);
        if !found.as_ref().is_some_and(same) {
            let size = found.map_or(0, |bytes| bytes.len());
            let what = format!("part {} has {size} octets, not {}", part.part, wanted.len());
            let what =
                if size == wanted.len() { format!("part {} has other octets", part.part) } else { what };
            outcome.differs(name, what);
        }
    }
}

/// Text by its lines: the expected files end theirs with CRLF whatever the message does.
fn lines(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| *byte != b'\r').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_without_a_reason_counts_for_nothing() {
        let rows =
            known("| message | difference | reason |\n| `a` | part 1 | because |\n| `b` | part 2 |  |\n");
        assert_eq!(rows.into_iter().collect::<Vec<_>>(), [("a".to_owned(), "part 1".to_owned())]);
    }
}
