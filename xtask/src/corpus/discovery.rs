//! Documents and records as found in reports, wrong ones included: each is served by the laboratory, and a
//! line tells what `restante discover` makes of it. There is no right answer to hold them against but that
//! there is one: a document of JSON, and no password, plain text or crash.
//!
//! FOLDER has `srv.jsonl` (`name`, `prio`, `weight`, `port`, `target`) and `autodiscover/`: `*.autodiscover.xml`,
//! all others are autoconfig documents.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use serde_json::Value;
use testkit::lab::Lab;
use testkit::{Context, Result};

use super::ispdb::ask;

/// Asks about every document and every zone, in the laboratory.
pub(super) fn inside(words: &[OsString]) -> Result<i32> {
    let [folder] = words else { return Err("corpus discovery FOLDER".into()) };
    let folder = Path::new(folder);
    let lab = Lab::current();
    let web = lab.net().web();
    let mut bad = 0;
    let mut files: Vec<_> =
        std::fs::read_dir(folder.join("autodiscover"))?.collect::<std::io::Result<_>>()?;
    files.sort_by_key(std::fs::DirEntry::file_name);
    for (at, file) in files.iter().enumerate() {
        let name = file.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".xml") {
            continue;
        }
        let domain = format!("file{at}.corpus.test");
        lab.zone(&domain, &format!("autoconfig A {web}\nautodiscover A {web}\n"))?;
        let text = String::from_utf8_lossy(&std::fs::read(file.path())?).into_owned();
        match name.ends_with(".autodiscover.xml") {
            true => {
                lab.document(&format!("autodiscover.{domain}"), "autodiscover/autodiscover.xml", &text)?
            }
            false => lab.document(&format!("autoconfig.{domain}"), "mail/config-v1.1.xml", &text)?,
        }
        bad += tell(&lab, &name, &domain);
    }
    let path = folder.join("srv.jsonl");
    let text = std::fs::read_to_string(&path).context(|| format!("cannot read {}", path.display()))?;
    let mut zones: BTreeMap<String, String> = BTreeMap::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line)?;
        let name = record["name"].as_str().unwrap_or_default();
        let Some((label, domain)) = name.split_once("._tcp.") else { continue };
        // Some reports hide the domain.
        let domain = if domain.contains('.') { domain } else { "hidden.test" };
        let number = |name: &str| record[name].as_u64().unwrap_or_default();
        let zone = zones.entry(domain.to_owned()).or_default();
        zone.push_str(&format!(
            "{label}._tcp SRV {} {} {} {}\n",
            number("prio"),
            number("weight"),
            number("port"),
            record["target"].as_str().unwrap_or(".")
        ));
    }
    for (domain, zone) in &zones {
        lab.zone(domain, zone)?;
        bad += tell(&lab, &format!("SRV of {domain}"), domain);
    }
    Ok(i32::from(bad > 0))
}

/// One line about what was found; 1 when there is none.
fn tell(lab: &Lab, name: &str, domain: &str) -> usize {
    let (status, found) = match ask(lab, &format!("ann.lee@{domain}")) {
        Ok(found) => found,
        Err(error) => {
            println!("{name}: {error}");
            return 1;
        }
    };
    let best = &found["candidates"][0];
    let mut said = Vec::new();
    for settings in ["incoming", "outgoing"].iter().filter_map(|list| best[list].as_array()).flatten() {
        let word = |name: &str| settings[name].as_str().unwrap_or_default();
        said.push(format!("{} {}:{}/{}", word("protocol"), word("host"), settings["port"], word("security")));
    }
    let verdict = found["findings"][0]["verdict"].as_str().map(|verdict| format!(" {verdict}"));
    println!("{name}: {status}{}: {}", verdict.unwrap_or_default(), said.join(", "));
    for oddity in found["oddities"].as_array().into_iter().flatten() {
        println!("    {}", oddity["text"].as_str().unwrap_or_default());
    }
    for line in found["trace"].as_array().into_iter().flatten().filter(|line| line["result"] == "failed") {
        println!(
            "    {}: {}",
            line["asked"].as_str().unwrap_or_default(),
            line["detail"].as_str().unwrap_or_default()
        );
    }
    0
}
