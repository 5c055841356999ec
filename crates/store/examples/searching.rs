//! What searching costs inside the process; `cargo xtask bench search` runs it.
//!
//! `searching build MAILDIR STORE` takes in a Maildir and makes it searchable; `searching ask STORE QUERIES ROUNDS` asks
//! for the newest 50 of each query, a line `kind<TAB>query` each. Both print one line of JSON a result.
//! `searching many STORE ENTRIES` makes a store of small messages that are not indexed.

use restante_core::mail::{Contact, Flags, Mailbox, MailboxName, Uid};
use restante_core::message::Summary;
use restante_core::query::parse;
use restante_core::sync::Delta;
use restante_store::{Body, Filter, MailboxId, NewEntry, Store, View};
use serde_json::json;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

const BATCH: usize = 1000;
/// As many messages in one step of the index as a sync gives it.
const STEP: usize = 10_000;
const NOW: i64 = 1_750_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["build", maildir, store] => build(Path::new(maildir), Path::new(store)),
        ["ask", store, queries, rounds] => ask(Path::new(store), Path::new(queries), rounds.parse()?),
        ["many", store, entries] => many(Path::new(store), entries.parse()?),
        _ => Err("searching build MAILDIR STORE | ask STORE QUERIES ROUNDS | many STORE ENTRIES".into()),
    }
}

fn inbox(store: &mut Store) -> Result<MailboxId, Box<dyn Error>> {
    let account = store.account("bench")?;
    let name = MailboxName::new("INBOX");
    store
        .set_mailboxes(account, &[Mailbox { name, delimiter: None, special_use: None, selectable: true }])?;
    Ok(store.mailboxes(account)?.first().ok_or("no mailbox")?.id)
}

fn build(maildir: &Path, place: &Path) -> Result<(), Box<dyn Error>> {
    let mut store = Store::open(place)?;
    let mailbox = inbox(&mut store)?;
    let mut files: Vec<_> = std::fs::read_dir(maildir.join("cur"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    files.sort();
    let mut writer = store.content_writer()?;
    let begun = Instant::now();
    let mut octets = 0;
    for (batch, files) in files.chunks(BATCH).enumerate() {
        let mut new = Vec::with_capacity(files.len());
        for (at, file) in files.iter().enumerate() {
            let bytes = std::fs::read(file)?;
            octets += bytes.len();
            writer.begin(bytes.len() as u64)?;
            writer.write(&bytes)?;
            let seen = file.to_string_lossy().ends_with('S');
            let summary = Summary::read(&bytes);
            let content = writer.finish()?;
            new.extend(Uid::new(u32::try_from(batch * BATCH + at + 1)?).map(|uid| NewEntry {
                uid,
                flags: if seen { ["\\Seen"].into_iter().collect() } else { Flags::new() },
                mod_seq: None,
                internal_date: summary.date.unwrap_or(NOW),
                email_id: String::new(),
                body: Body::Fetched { summary: Box::new(summary), content },
            }));
        }
        writer.sync()?;
        store.apply(mailbox, &Delta { new, ..Delta::default() }, NOW)?;
    }
    let stored = begun.elapsed();
    let begun = Instant::now();
    let mut indexer = store.indexer()?;
    while indexer.step(STEP, View::searchable, |shown| store.preview(&shown))? > 0 {}
    drop(indexer);
    let indexed = begun.elapsed();
    // Whoever closes last puts the log away.
    drop((writer, store));
    let size = |name: &str| std::fs::metadata(place.join(name)).map_or(0, |file| file.len());
    println!(
        "{}",
        json!({"messages": files.len(), "octets": octets, "store_s": stored.as_secs_f64(),
            "index_s": indexed.as_secs_f64(), "index_octets": size("search.db") + size("search.db-wal")})
    );
    Ok(())
}

fn ask(place: &Path, queries: &Path, rounds: usize) -> Result<(), Box<dyn Error>> {
    let view = View::open(place)?;
    let now = "2025-06-15T12:00:00+00:00[UTC]".parse()?;
    let text = std::fs::read_to_string(queries)?;
    // Time in milliseconds, rows and all there are, of each kind.
    let mut kinds: BTreeMap<&str, (Vec<f64>, usize, u64)> = BTreeMap::new();
    for round in 0..rounds {
        for line in text.lines() {
            let (kind, query) = line.split_once('\t').ok_or("a line without a tab")?;
            let filter = Filter { account: None, query: parse(query, &now)? };
            let begun = Instant::now();
            let rows = view.list(&filter, 50, None)?;
            let took = begun.elapsed().as_secs_f64() * 1e3;
            let (times, found, total) = kinds.entry(kind).or_default();
            times.push(took);
            *found += rows.len();
            if round == 0 {
                *total += view.count(&filter)?;
            }
        }
    }
    let mut all = Vec::new();
    for (kind, (mut times, found, total)) in kinds {
        all.extend_from_slice(&times);
        let (p50, p99) = percentiles(&mut times);
        println!(
            "{}",
            json!({"kind": kind, "p50_ms": p50, "p99_ms": p99, "rows": found / times.len(), "total": total * rounds as u64 / times.len() as u64})
        );
    }
    let (p50, p99) = percentiles(&mut all);
    println!("{}", json!({"kind": "all", "p50_ms": p50, "p99_ms": p99}));
    Ok(())
}

fn percentiles(times: &mut [f64]) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    let at =
        |share: usize| times.get((times.len() * share / 100).min(times.len().saturating_sub(1))).copied();
    (at(50).unwrap_or_default(), at(99).unwrap_or_default())
}

fn many(place: &Path, entries: u32) -> Result<(), Box<dyn Error>> {
    let mut store = Store::open(place)?;
    let mailbox = inbox(&mut store)?;
    let mut writer = store.content_writer()?;
    for first in (1..=entries).step_by(BATCH) {
        let mut new = Vec::with_capacity(BATCH);
        for number in first..(first + u32::try_from(BATCH)?).min(entries + 1) {
            let bytes = format!("Subject: message {number}\r\n\r\nNumber {number}.\r\n");
            writer.begin(bytes.len() as u64)?;
            writer.write(bytes.as_bytes())?;
            let contact =
                |name: &str, address: &str| Contact { name: name.to_owned(), address: address.to_owned() };
            let summary = Summary {
                subject: format!("message {number} of many"),
                from: vec![contact("Ann Lee", "ann@example.org")],
                to: vec![contact("Bob", "bob@example.org")],
                message_id: Some(format!("{number}@example.org")),
                ..Summary::default()
            };
            let seen = number % 20 != 0;
            let content = writer.finish()?;
            new.extend(Uid::new(number).map(|uid| NewEntry {
                uid,
                flags: if seen { ["\\Seen"].into_iter().collect() } else { Flags::new() },
                mod_seq: None,
                internal_date: NOW - i64::from(entries - number) * 300,
                email_id: String::new(),
                body: Body::Fetched { summary: Box::new(summary), content },
            }));
        }
        writer.sync()?;
        store.apply(mailbox, &Delta { new, ..Delta::default() }, NOW)?;
    }
    println!("{}", json!({"entries": entries}));
    Ok(())
}
