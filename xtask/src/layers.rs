//! `cargo xtask layers`: the crates stand in one line, core's modules on a ladder, and core touches nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use testkit::{Context, Result};

use crate::programs::{cargo, output, workspace};

/// Each crate may use those before it, at run time. The last two are tools and may be used by tests only.
const CRATES: [&str; 6] =
    ["restante-core", "restante-store", "restante-engine", "restante", "testkit", "xtask"];

/// The rungs of core's ladder: a module may use those on rungs before its own.
const LADDER: [&[&str]; 8] = [
    &["secret"],
    &["mail"],
    &["message"],
    &["settings"],
    &["sasl"],
    &["imap", "smtp"],
    &["diagnosis"],
    &["discovery", "sync", "submission", "query"],
];

/// What would make core impure.
const FORBIDDEN: [&str; 7] = [
    "std::net",
    "std::fs",
    "std::env",
    "std::process",
    "std::time::SystemTime",
    "std::time::Instant",
    "tokio",
];

/// Prints every breach; the exit code is 1 if there is one.
pub(crate) fn run() -> Result<i32> {
    let breaches = breaches()?;
    for breach in &breaches {
        eprintln!("{breach}");
    }
    Ok(i32::from(!breaches.is_empty()))
}

/// Every breach, as a line for the developer.
pub(crate) fn breaches() -> Result<Vec<String>> {
    let mut found = Vec::new();
    let metadata = output(&mut cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline"]))?;
    if !metadata.status.success() {
        return Err(String::from_utf8_lossy(&metadata.stderr).into_owned().into());
    }
    found.extend(crates(&serde_json::from_slice(&metadata.stdout)?));
    let root = workspace().join("crates/core/src");
    let mut files = Vec::new();
    rust_files(&root, &mut files)?;
    let mut texts = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).context(|| format!("cannot read {}", path.display()))?;
        texts.push((path.strip_prefix(&root)?.to_owned(), text));
    }
    let tests: Vec<PathBuf> = texts.iter().flat_map(|(path, text)| test_modules(path, text)).collect();
    for (path, text) in &texts {
        if tests.iter().any(|module| path.with_extension("").starts_with(module)) {
            continue;
        }
        found.extend(module(path, text).into_iter().map(|breach| format!("crates/core/src/{breach}")));
    }
    Ok(found)
}

fn crates(metadata: &serde_json::Value) -> Vec<String> {
    let rank: BTreeMap<&str, usize> = CRATES.iter().enumerate().map(|(at, name)| (*name, at)).collect();
    let mut found = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(own) = rank.get(name) else {
            found.push(format!("{name}: a crate that has no place in the line of xtask/src/layers.rs"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let other = dependency["name"].as_str().unwrap_or_default();
            let for_tests = dependency["kind"].as_str() == Some("dev");
            let Some(place) = rank.get(other) else { continue };
            let allowed = if for_tests {
                other == "testkit" || place < own
            } else {
                place < own && (other != "testkit" || name == "xtask")
            };
            if !allowed {
                found.push(format!("{name} uses {other}, which comes after it"));
            }
        }
    }
    found
}

fn module(path: &Path, text: &str) -> Vec<String> {
    let module = path.components().next().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let module = module.unwrap_or_default();
    let module = module.trim_end_matches(".rs");
    let own = rung(module);
    let mut found = Vec::new();
    if own.is_none() && module != "lib" {
        found.push(format!("{}: module {module} has no rung in xtask/src/layers.rs", path.display()));
    }
    // Tests come last in a file.
    let mut previous = "";
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        let opens_tests = previous.trim() == "#[cfg(test)]" && code.trim_start().starts_with("mod ");
        if opens_tests && code.trim_end().ends_with('{') {
            break;
        }
        previous = line;
        for word in FORBIDDEN {
            if mentions(code, word) {
                found.push(format!("{}:{}: core must not use {word}", path.display(), number + 1));
            }
        }
        let Some(own) = own else { continue };
        for other in used_modules(code) {
            if other != module && rung(other).is_some_and(|place| place >= own) {
                found.push(format!(
                    "{}:{}: {module} uses {other}, which is not below it",
                    path.display(),
                    number + 1
                ));
            }
        }
    }
    found
}

/// The modules a file declares as `#[cfg(test)] mod NAME;`, as paths without an ending.
fn test_modules(path: &Path, text: &str) -> Vec<PathBuf> {
    let own = path.file_stem().is_some_and(|stem| stem == "mod" || stem == "lib");
    let folder = if own { path.with_file_name("") } else { path.with_extension("") };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines
        .windows(2)
        .filter(|pair| pair[0] == "#[cfg(test)]")
        .filter_map(|pair| pair[1].strip_prefix("mod ")?.strip_suffix(';'))
        .map(|name| folder.join(name))
        .collect()
}

fn rung(module: &str) -> Option<usize> {
    LADDER.iter().position(|rung| rung.contains(&module))
}

/// The names after `crate::`, also those of a group `crate::{a::X, b}` on one line.
fn used_modules(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, matched) in code.match_indices("crate::") {
        let rest = &code[at + matched.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut start = true;
            for (place, c) in group.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => start = true,
                    _ if start && !c.is_whitespace() => {
                        found.push(identifier(&group[place..]));
                        start = false;
                    }
                    _ => {}
                }
            }
        } else {
            found.push(identifier(rest));
        }
    }
    found
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

fn mentions(code: &str, word: &str) -> bool {
    let boundary = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    code.match_indices(word).any(|(at, _)| {
        boundary(code[..at].chars().next_back()) && boundary(code[at + word.len()..].chars().next())
    })
}

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let mut entries: Vec<_> =
        fs::read_dir(dir).context(|| format!("cannot read {}", dir.display()))?.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, found)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str) -> usize {
        module(Path::new(path), text).len()
    }

    #[test]
    fn a_module_may_use_what_is_below_it_and_nothing_else() {
        assert_eq!(check("imap/session.rs", "use crate::mail::Uid;\nuse crate::Secret;"), 0);
        assert_eq!(check("imap/session.rs", "use crate::imap::wire;"), 0);
        assert_eq!(check("mail/uid.rs", "use crate::imap::Session;"), 1);
        assert_eq!(check("sasl/mod.rs", "let x = crate::smtp::Reply;"), 1);
        assert_eq!(check("settings/mod.rs", "use crate::{mail::{A, B}, diagnosis::C};"), 1);
        assert_eq!(check("submission.rs", "use crate::smtp::Reply;\nuse crate::secret::Secret;"), 0);
        assert_eq!(check("novelty/mod.rs", ""), 1);
    }

    #[test]
    fn comments_and_tests_do_not_count() {
        assert_eq!(check("mail/uid.rs", "/// Like [`crate::imap::Session`] and std::fs.\n// crate::sync"), 0);
        assert_eq!(
            check("mail/uid.rs", "#[cfg(test)]\nmod tests {\n use crate::imap::X;\n use std::fs;\n}"),
            0
        );
        let declared = "mod data;\n#[cfg(test)]\nmod dialogues;\n";
        assert_eq!(test_modules(Path::new("smtp/mod.rs"), declared), [Path::new("smtp/dialogues")]);
        assert_eq!(test_modules(Path::new("submission.rs"), declared), [Path::new("submission/dialogues")]);
    }

    #[test]
    fn core_may_not_touch_the_world() {
        assert_eq!(check("mail/uid.rs", "use std::fs;"), 1);
        assert_eq!(check("mail/uid.rs", "let now = std::time::SystemTime::now();"), 1);
        assert_eq!(check("mail/uid.rs", "use std::time::Duration;"), 0);
        assert_eq!(check("mail/uid.rs", "use tokio_like::X;"), 0);
    }

    #[test]
    fn the_crates_stand_in_one_line() {
        let package = |name: &str, uses: &str, kind: Option<&str>| serde_json::json!({"packages": [{"name": name, "dependencies": [{"name": uses, "kind": kind}]}]});
        assert!(crates(&package("restante-engine", "restante-store", None)).is_empty());
        assert!(crates(&package("restante-store", "testkit", Some("dev"))).is_empty());
        assert!(crates(&package("xtask", "testkit", None)).is_empty());
        assert_eq!(crates(&package("restante-core", "restante-store", None)).len(), 1);
        assert_eq!(crates(&package("restante-core", "restante-store", Some("dev"))).len(), 1);
        assert_eq!(crates(&package("restante-store", "testkit", None)).len(), 1);
        assert_eq!(crates(&package("surprise", "serde", None)).len(), 1);
    }
}
