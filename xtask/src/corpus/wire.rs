//! What servers were seen to send, through the decoder of IMAP responses: whole, in single bytes and in random pieces.
//!
//! No stream may be refused, every split must give the same, every `UID n` and `FLAGS (…)` of a row must come out of
//! it, and what is skipped is listed by its reason.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use restante_core::imap::wire::{Decoded, Decoder, FetchRow, Quirk, Response};
use restante_core::mail::Flags;
use serde_json::Value;
use testkit::{Context, Result};

use crate::programs::{succeed, target};

/// A stream that was sent somewhere.
#[derive(Debug)]
struct Stream {
    place: String,
    bytes: Vec<u8>,
    /// It was rebuilt from a report, or cut: a row in it may have no end.
    rebuilt: bool,
}

/// What the decoder makes of a stream.
#[derive(Debug, Default, PartialEq)]
struct Read {
    responses: Vec<Response>,
    bodies: Vec<Vec<u8>>,
    quirks: Vec<Quirk>,
    error: Option<String>,
    /// Octets at the end that are no whole response.
    open: bool,
}

pub(super) fn run(words: &[OsString]) -> Result<i32> {
    let (flags, paths): (Vec<_>, Vec<_>) = words.iter().partition(|word| *word == "--verbose");
    if paths.is_empty() {
        return Err("name a file or a folder".into());
    }
    let mut streams = Vec::new();
    for path in paths {
        gather(Path::new(path), &mut streams)?;
    }
    Ok(report(&streams, !flags.is_empty()))
}

fn gather(path: &Path, streams: &mut Vec<Stream>) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if path.is_dir() {
        let mut entries: Vec<_> =
            fs::read_dir(path)?.filter_map(|entry| entry.ok().map(|e| e.path())).collect();
        entries.sort();
        return entries.iter().try_for_each(|entry| gather(entry, streams));
    }
    if name.ends_with("transcripts.tar.xz") {
        let folder = target()?.join(format!("corpus-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let gathered = succeed(Command::new("tar").arg("-xJf").arg(path).arg("-C").arg(&folder))
            .and_then(|()| gather(&folder, streams));
        fs::remove_dir_all(&folder)?;
        return gathered;
    }
    let read = || fs::read(path).context(|| format!("cannot read {}", path.display()));
    if name == "quirks.jsonl" {
        for (number, line) in String::from_utf8_lossy(&read()?).lines().enumerate() {
            let row: Value = serde_json::from_str(line).context(|| format!("{name}:{}", number + 1))?;
            streams.extend(of_row(&row, &format!("{name}:{}", number + 1)));
        }
    } else if name.ends_with(".txt") && path.components().any(|part| part.as_os_str() == "Imap") {
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        streams.push(Stream { place: format!("{folder}/{name}"), bytes: tagged(&read()?), rebuilt: false });
    }
    Ok(())
}

/// A row of the collection: lines as they came, or the payload of an item, which gets its response back.
fn of_row(row: &Value, place: &str) -> Option<Stream> {
    let text = |key: &str| row[key].as_str().unwrap_or_default();
    let line = text("line");
    let kind = text("kind");
    if kind.starts_with("pop3") {
        return None;
    }
    let payload = !line.starts_with(['*', '+']) && (line.starts_with(['(', '&', ' ']));
    let line = match kind {
        "mailbox-name" if payload => format!("* LIST () \"/\" \"{line}\""),
        "list" if payload => format!("* LIST{line}"),
        "flags" if payload => format!("* 1 FETCH (UID 4711 FLAGS {line})"),
        "labels" if payload => format!("* 1 FETCH (UID 4711 X-GM-LABELS {line})"),
        kind if payload && kind.starts_with("envelope") => {
            format!("* 1 FETCH (UID 4711 ENVELOPE {line} FLAGS (\\Seen))")
        }
        _ if payload => format!("* 1 FETCH (UID 4711 BODYSTRUCTURE {line} FLAGS (\\Seen))"),
        _ => line.to_owned(),
    };
    let rebuilt = row["verbatim"] == false || text("note").contains("redact") || payload;
    Some(Stream {
        place: format!("{place} {} {kind}", text("server")),
        bytes: tagged(line.as_bytes()),
        rebuilt,
    })
}

/// With a tag in place of its placeholder, and CRLF at the end of every line: the collection keeps LF alone, its
/// literals count both.
fn tagged(bytes: &[u8]) -> Vec<u8> {
    const PLACEHOLDER: &[u8] = b"A########";
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 16);
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(PLACEHOLDER) {
            out.extend_from_slice(b"A00000001");
            rest = after;
            continue;
        }
        if byte == b'\n' && !out.ends_with(b"\r") {
            out.push(b'\r');
        }
        out.push(byte);
        rest = after;
    }
    if !out.ends_with(b"\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Prints what was found; 1 when something was lost.
fn report(streams: &[Stream], verbose: bool) -> i32 {
    let mut faults = Vec::new();
    let mut quirks: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unknown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut lines, mut rows, mut items) = (0, 0, 0);
    for stream in streams {
        let whole = read(&stream.bytes, |rest| rest);
        let single = read(&stream.bytes, |_| 1);
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let random = read(&stream.bytes, |rest| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(seed >> 33).unwrap_or(0) % 40 % rest.max(1) + 1
        });
        if whole != single || whole != random {
            faults.push(format!("{}: another split gives something else", stream.place));
        }
        if let Some(error) = &whole.error {
            faults.push(format!("{}: the connection is lost: {error}", stream.place));
        }
        if whole.open && !stream.rebuilt {
            unknown.entry("a literal that does not end".to_owned()).or_default().push(stream.place.clone());
        }
        lines += whole.responses.len();
        for quirk in &whole.quirks {
            *quirks.entry(quirk.as_str()).or_default() += 1;
        }
        let found: Vec<&FetchRow> = whole
            .responses
            .iter()
            .filter_map(|response| match response {
                Response::Fetch(row) => Some(row),
                _ => None,
            })
            .collect();
        rows += found.len();
        let (checked, missing) = compare(&stream.bytes, &found);
        items += checked;
        faults.extend(missing.into_iter().map(|what| format!("{}: {what}", stream.place)));
        for response in &whole.responses {
            if let Response::Unknown { line } = response {
                let place = format!("{}: {}", stream.place, shown(line));
                unknown.entry(reason(line)).or_default().push(place);
            }
        }
    }
    println!("{:<20} streams that need it", "quirk");
    for (quirk, count) in &quirks {
        println!("{quirk:<20} {count}");
    }
    println!("skipped, by reason:");
    for (reason, places) in &unknown {
        println!("{:>5}  {reason}", places.len());
        if verbose {
            places.iter().for_each(|place| println!("         {place}"));
        }
    }
    faults.iter().for_each(|fault| println!("FAULT {fault}"));
    println!(
        "{} streams, {lines} responses, {rows} rows, {items} UIDs and flag lists compared, {} faults",
        streams.len(),
        faults.len()
    );
    i32::from(!faults.is_empty() || streams.is_empty())
}

fn shown(line: &str) -> String {
    line.chars().take(90).collect()
}

fn reason(line: &str) -> String {
    let mut words = line.split_whitespace();
    let first = words.next().unwrap_or_default();
    let second = words.next().unwrap_or_default().to_ascii_uppercase();
    match first {
        "*" if second.parse::<u64>().is_ok() => {
            format!("* n {}", words.next().unwrap_or_default().to_ascii_uppercase())
        }
        "*" => format!("* {second}"),
        _ => "no response at all".to_owned(),
    }
}

/// Feeds a stream; `piece` gives the size of the next piece from what is left.
fn read(bytes: &[u8], mut piece: impl FnMut(usize) -> usize) -> Read {
    let mut decoder = Decoder::default();
    let mut found = Read::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (mut input, after) = rest.split_at(piece(rest.len()).clamp(1, rest.len()));
        rest = after;
        loop {
            match decoder.poll(&mut input) {
                Ok(None) => break,
                Ok(Some(Decoded::BodyStart { .. })) => found.bodies.push(Vec::new()),
                Ok(Some(Decoded::BodyChunk(bytes))) => {
                    found.bodies.last_mut().into_iter().for_each(|body| body.extend_from_slice(bytes));
                }
                Ok(Some(Decoded::BodyEnd)) => {}
                Ok(Some(Decoded::Response(response))) => found.responses.push(response),
                Err(error) => {
                    found.error = Some(error.to_string());
                    return found;
                }
            }
        }
    }
    found.open = !decoder.is_idle();
    found.quirks = decoder.quirks().to_vec();
    found
}

/// Looks for `UID n` and `FLAGS (…)` in the rows as text, without a grammar, and wants each among what was read. Gives
/// how many there were and what is missing.
fn compare(bytes: &[u8], rows: &[&FetchRow]) -> (usize, Vec<String>) {
    let text = String::from_utf8_lossy(bytes);
    let mut missing = Vec::new();
    let mut checked = 0;
    let heads = text.lines().filter(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some("*")
            && words.next().is_some_and(|word| word.parse::<u32>().is_ok())
            && words.next().is_some_and(|word| word.eq_ignore_ascii_case("FETCH"))
    });
    for line in heads {
        let uid = after(line, "UID ").and_then(|rest| {
            rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok().filter(|uid| *uid > 0)
        });
        if let Some(uid) = uid {
            checked += 1;
            if !rows.iter().any(|row| row.uid.is_some_and(|found| found.get() == uid)) {
                missing.push(format!("UID {uid} was lost: {}", shown(line)));
            }
        }
        let flags = after(line, "FLAGS (").and_then(|rest| rest.split_once(')')).map(|(flags, _)| {
            let named = flags.split_whitespace().filter(|flag| *flag != "\\" && *flag != "NIL");
            named.collect::<Flags>()
        });
        if let Some(flags) = flags {
            checked += 1;
            if !rows.iter().any(|row| row.flags.as_ref() == Some(&flags)) {
                missing.push(format!("FLAGS were lost: {}", shown(line)));
            }
        }
    }
    (checked, missing)
}

/// What follows an item's name, where an item may begin.
fn after<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.match_indices(name)
        .find(|(at, _)| line.get(..*at).is_some_and(|before| before.ends_with([' ', '('])))
        .and_then(|(at, _)| line.get(at + name.len()..))
}
