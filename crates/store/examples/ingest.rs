//! Measures how fast the store takes in mail: `cargo run --release -p restante-store --example ingest --
//! [MESSAGES [OCTETS]]`. Contents are written on a thread of their own, applied in batches on the main one,
//! then indexed, then asked for.

use restante_core::mail::{Contact, Flags, Mailbox, MailboxName, Uid};
use restante_core::message::{Searchable, Summary};
use restante_core::query::parse;
use restante_core::sync::Delta;
use restante_store::{Body, Filter, NewEntry, Store, View};
use std::error::Error;
use std::fmt::Write as _;
use std::sync::mpsc;
use std::time::Instant;

const BATCH: usize = 500;
const NOW: i64 = 1_700_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let messages: u32 = arguments.next().map_or(Ok(20_000), |text| text.parse())?;
    let octets: usize = arguments.next().map_or(Ok(13_000), |text| text.parse())?;
    let mut words = Words(1);
    let texts: Vec<String> = (0..64).map(|_| words.text(octets)).collect();

    let dir = std::env::temp_dir().join(format!("restante-ingest-{}", std::process::id()));
    let mut store = Store::open(&dir)?;
    let account = store.account("bench")?;
    let inbox =
        Mailbox { name: MailboxName::new("INBOX"), delimiter: None, special_use: None, selectable: true };
    store.set_mailboxes(account, &[inbox])?;
    let mailbox = store.mailboxes(account)?.first().ok_or("no mailbox")?.id;

    let mut writer = store.content_writer()?;
    let start = Instant::now();
    let (sender, receiver) = mpsc::sync_channel(4);
    let (total, busy) = std::thread::scope(|scope| -> Result<_, Box<dyn Error + Send + Sync>> {
        let writing = std::thread::Builder::new().name("writing".to_owned()).spawn_scoped(
            scope,
            move || -> Result<_, restante_store::StoreError> {
                let (mut total, mut batch) = (0, Vec::with_capacity(BATCH));
                let start = Instant::now();
                for (number, text) in (1..=messages).zip(texts.iter().cycle()) {
                    let header = header(number);
                    writer.begin((header.len() + text.len()) as u64)?;
                    writer.write(header.as_bytes())?;
                    for piece in text.as_bytes().chunks(16 << 10) {
                        writer.write(piece)?;
                    }
                    let content = writer.finish()?;
                    total += content.size();
                    batch.extend(Uid::new(number).map(|uid| NewEntry {
                        uid,
                        flags: Flags::new(),
                        mod_seq: None,
                        internal_date: NOW - i64::from(number) * 600,
                        email_id: String::new(),
                        body: Body::Fetched { summary: Box::new(summary(number)), content },
                    }));
                    if batch.len() == BATCH || number == messages {
                        writer.sync()?;
                        let batch = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
                        if sender.send(batch).is_err() {
                            break;
                        }
                    }
                }
                Ok((total, start.elapsed()))
            },
        )?;
        let mut applying = std::time::Duration::ZERO;
        for new in receiver {
            let start = Instant::now();
            store.apply(mailbox, &Delta { new, ..Delta::default() }, NOW)?;
            applying += start.elapsed();
        }
        let (total, writing) = writing.join().map_err(|_| "the writer thread ended")??;
        Ok((total, (writing, applying)))
    })
    .map_err(|error| error.to_string())?;
    let seconds = start.elapsed().as_secs_f64();
    let megabytes = total as f64 / 1e6;
    println!(
        "store: {messages} messages, {megabytes:.0} MB in {seconds:.2} s: {:.0} messages/s, {:.0} MB/s (writing {:.2} s, applying {:.2} s)",
        f64::from(messages) / seconds,
        megabytes / seconds,
        busy.0.as_secs_f64(),
        busy.1.as_secs_f64(),
    );

    let start = Instant::now();
    let mut indexer = store.indexer()?;
    let read = |view: &View, id| {
        let text = String::from_utf8_lossy(&view.read(id)?).into_owned();
        let snippet = text.chars().skip(60).take(120).collect();
        Ok(Searchable { text, snippet, ..Searchable::default() })
    };
    while indexer.step(2 * BATCH, read, |shown| store.preview(&shown))? > 0 {}
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "index: {seconds:.2} s: {:.0} messages/s, {:.0} MB/s",
        f64::from(messages) / seconds,
        megabytes / seconds,
    );
    for name in ["mail.db", "search.db"] {
        println!("{name}: {:.1} MB", std::fs::metadata(dir.join(name))?.len() as f64 / 1e6);
    }

    let now = "2024-01-01T00:00:00+00:00[UTC]".parse()?;
    for query in [
        "",
        "in:inbox",
        "is:unread",
        "wordo",
        "number17",
        "wordo number17 is:unread",
        "before:2023-06 wordo",
        "-wordo",
        "larger:1M",
    ] {
        let filter = Filter { account: Some(account), query: parse(query, &now)? };
        let (mut listing, mut counting) = (f64::MAX, f64::MAX);
        let (mut rows, mut total) = (0, 0);
        for _ in 0..9 {
            let start = Instant::now();
            rows = store.list(&filter, 50, None)?.len();
            let listed = start.elapsed();
            total = store.count(&filter)?;
            listing = listing.min(listed.as_secs_f64() * 1e3);
            counting = counting.min((start.elapsed() - listed).as_secs_f64() * 1e3);
        }
        println!("{query:24} {rows:3} rows in {listing:8.3} ms, {total:6} counted in {counting:8.3} ms");
    }
    drop(store);
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

fn header(number: u32) -> String {
    format!(
        "From: Ann Lee <ann@example.org>\r\nSubject: number{number}\r\nMessage-ID: <{number}@example.org>\r\n\r\n"
    )
}

fn summary(number: u32) -> Summary {
    let contact = |name: &str, address: String| Contact { name: name.to_owned(), address };
    Summary {
        subject: format!("Re: number{number} of a conversation about wordo"),
        from: vec![contact("Ann Lee", format!("ann{}@example.org", number % 300))],
        to: vec![contact("Bob", "bob@example.org".to_owned())],
        date: Some(NOW - i64::from(number) * 600),
        message_id: Some(format!("{number}.somewhat.longer.as.usual@mail.example.org")),
        references: (number.saturating_sub(number % 4)..number)
            .map(|n| format!("{n}.somewhat.longer.as.usual@mail.example.org"))
            .collect(),
        ..Summary::default()
    }
}

/// Text of words as uneven as a language's, the same every time.
struct Words(u64);

impl Words {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn text(&mut self, octets: usize) -> String {
        let mut text = String::with_capacity(octets + 16);
        while text.len() < octets {
            // A product of two: small numbers come often.
            let rank = (self.next() % 300) * (self.next() % 300) / 8;
            let _ =
                write!(text, "w{}{} ", char::from(b'a' + u8::try_from(rank % 26).unwrap_or(0)), rank * 7919);
        }
        text.push_str("wordo");
        text
    }
}
