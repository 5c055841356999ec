//! Some thousand real messages, ham and spam, through the reader: each reads without a panic, in little time, and
//! what has text shows text. `cargo xtask corpus spamassassin` unpacks them and runs this, optimised.

use std::collections::BTreeMap;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use restante_core::message::{Attachment, Reading, Searchable};

/// The longest one message may take, read for a person and for the index.
const LIMIT: Duration = Duration::from_millis(50);

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

fn main() -> ExitCode {
    let mut totals = Totals::default();
    let mut waiting: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    waiting.sort();
    while let Some(path) = waiting.pop() {
        if let Ok(entries) = fs::read_dir(&path) {
            waiting.extend(entries.flatten().map(|entry| entry.path()));
        } else if is_message(&path) {
            match fs::read(&path) {
                Ok(bytes) => check(&path.to_string_lossy(), &bytes, &mut totals),
                Err(error) => totals.faults.push(format!("{}: {error}", path.display())),
            }
        }
    }
    report(&mut totals)
}

/// Messages are numbered; beside them there are licences and lists of commands.
fn is_message(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
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
    // What is said of pictures is said by the reader, not by the message.
    let is_shown = !reading.text.trim().is_empty() && !is_pictures(&reading.text);
    if !is_shown && let Some(part) = text_part(bytes, &reading) {
        totals.faults.push(format!("{name}: part {part} has text, and none is shown"));
    }
    if is_shown == searchable.text.trim().is_empty() {
        totals.faults.push(format!("{name}: shown and indexed differ in whether there is text"));
    }
}

/// Whether a text is the sentence about a message of pictures alone.
fn is_pictures(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    ["1 picture, no text", " pictures, no text"].iter().any(|end| first.ends_with(end))
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

/// Prints the totals; ends with 1 when there is a fault.
fn report(totals: &mut Totals) -> ExitCode {
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
    ExitCode::from(u8::from(!totals.faults.is_empty() || totals.messages == 0))
}
