//! Some thousand real messages, ham and spam, through the reader: each reads without a panic, in little time, and
//! what has text shows text.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::panic::catch_unwind;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use restante_core::message::{Attachment, Reading, Searchable};
use testkit::Result;

use super::archive;
use crate::programs::{cargo, succeed, target};

/// The longest one message may take, read for a person and for the index.
const LIMIT: Duration = Duration::from_millis(50);

/// Builds this program optimised, because time counts, and has it do the work.
pub(super) fn run(words: &[OsString]) -> Result<i32> {
    if words.is_empty() {
        return Err("name an archive or a folder".into());
    }
    succeed(&mut cargo(&["build", "--quiet", "--release", "--package", "xtask"]))?;
    let status = Command::new(target()?.join("release/xtask"))
        .args(["corpus-inside", "spamassassin"])
        .args(words)
        .status()?;
    Ok(status.code().unwrap_or(1))
}

/// What was found in all of them.
#[derive(Debug, Default)]
struct Totals {
    messages: usize,
    octets: usize,
    parts: usize,
    attachments: u32,
    html: usize,
    damaged: BTreeMap<String, usize>,
    times: Vec<(Duration, String)>,
    faults: Vec<String>,
}

pub(super) fn inside(words: &[OsString]) -> Result<i32> {
    let mut totals = Totals::default();
    for path in words {
        let mails = archive::files(Path::new(path))?;
        for (name, bytes) in mails.iter().filter(|(name, _)| is_message(name)) {
            check(name, bytes, &mut totals);
        }
    }
    Ok(report(&mut totals))
}

/// Messages are numbered; beside them there are licences and lists of commands.
fn is_message(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split('.').next().is_some_and(|number| number.len() == 5 && number.parse::<u32>().is_ok())
}

fn check(name: &str, bytes: &[u8], totals: &mut Totals) {
    totals.messages += 1;
    totals.octets += bytes.len();
    let begun = Instant::now();
    let read = catch_unwind(|| (Reading::read(bytes, 78), Searchable::read(bytes)));
    let mut took = begun.elapsed();
    let Ok((reading, searchable)) = read else {
        return totals.faults.push(format!("{name}: a panic"));
    };
    if took > LIMIT {
        // Once more: this machine may have been busy.
        let begun = Instant::now();
        let _ = (Reading::read(bytes, 78), Searchable::read(bytes));
        took = took.min(begun.elapsed());
    }
    if took > LIMIT {
        totals.faults.push(format!("{name}: {} ms", took.as_millis()));
    }
    totals.times.push((took, name.to_owned()));
    totals.parts += reading.parts.len();
    totals.attachments += searchable.attachments;
    totals.html += usize::from(reading.html.is_some());
    for defect in &reading.damaged {
        *totals.damaged.entry(format!("{defect:?}")).or_default() += 1;
    }
    if reading.text.trim().is_empty()
        && let Some(part) = text_part(bytes, &reading)
    {
        totals.faults.push(format!("{name}: part {part} has text, and none is shown"));
    }
    if reading.text.trim().is_empty() != searchable.text.trim().is_empty() {
        totals.faults.push(format!("{name}: shown and indexed differ in whether there is text"));
    }
}

/// A part that has words and is no attachment.
fn text_part(bytes: &[u8], reading: &Reading) -> Option<String> {
    let texts = reading.parts.iter().filter(|part| {
        part.kind.starts_with("text/") && part.filename.is_none() && part.disposition.is_none()
    });
    texts
        .filter(|part| {
            let body = Attachment::read(bytes, &part.part).map(|part| part.bytes).unwrap_or_default();
            has_words(&body)
        })
        .map(|part| part.part.clone())
        .next()
}

/// Whether letters stand outside of tags, comments, scripts and styles.
fn has_words(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    let mut words = 0;
    let mut rest = text.as_str();
    while let Some((before, tag)) = rest.split_once('<') {
        words += letters(before);
        let end = match () {
            () if tag.starts_with("!--") => "-->",
            () if tag.starts_with("script") => "</script>",
            () if tag.starts_with("style") => "</style>",
            () if tag.starts_with("title") => "</title>",
            () => ">",
        };
        rest = tag.split_once(end).map_or("", |(_, after)| after);
    }
    words + letters(rest) > 20
}

fn letters(text: &str) -> usize {
    text.replace("&nbsp;", "").bytes().filter(u8::is_ascii_alphabetic).count()
}

/// Prints the totals; 1 when there is a fault.
fn report(totals: &mut Totals) -> i32 {
    totals.times.sort();
    let time = |share: usize| {
        let at = (totals.times.len() * share / 100).min(totals.times.len().saturating_sub(1));
        totals.times.get(at).map_or(0, |(time, _)| time.as_micros())
    };
    println!("{} messages, {} octets, {} parts", totals.messages, totals.octets, totals.parts);
    println!("{} attachments, {} messages with HTML", totals.attachments, totals.html);
    for (name, count) in &totals.damaged {
        println!("{count:>6}  {name}");
    }
    println!("half in {} µs, 99 % in {} µs; the slowest:", time(50), time(99));
    for (time, name) in totals.times.iter().rev().take(5) {
        println!("{:>6.1} ms  {name}", time.as_secs_f64() * 1000.0);
    }
    totals.faults.iter().for_each(|fault| println!("FAULT {fault}"));
    println!("{} faults", totals.faults.len());
    i32::from(!totals.faults.is_empty() || totals.messages == 0)
}
