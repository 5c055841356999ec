//! From delivery to stored and listed, beside a running `sync --watch`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use testkit::Result;
use testkit::mail::Plan;

use super::{Bench, Figure};

const LETTERS: usize = 30;
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn push(bench: &mut Bench) -> Result<Vec<Figure>> {
    let user = bench.mailbox("pushed", |user| Plan::inbox(user, 1000))?;
    let data = bench.store(&user, None)?;
    bench.sync(&data)?;
    let mut watch = bench.command(&data);
    let mut watch = watch.args(["sync", "--watch", "--jsonl"]).stdout(Stdio::piped()).spawn()?;
    let measured = letters(bench, &user, &data, &mut watch);
    watch.kill()?;
    watch.wait()?;
    let mut waits = measured?;
    waits.sort_unstable();
    let at =
        |part: usize| waits.get((waits.len() * part / 100).min(waits.len() - 1)).copied().unwrap_or_default();
    let (middle, late) = (at(50), at(95));
    println!("{LETTERS} letters: median {} ms, 95 of 100 within {} ms", middle.as_millis(), late.as_millis());
    let title = "push: delivery to stored and listed, median";
    let value = middle.as_secs_f64() * 1000.0;
    Ok(vec![Figure { title, of: "ms", value, must: 200.0, aim: 50.0 }])
}

/// How long each letter took from the end of its delivery until `list` had it: the watch says when it is stored, and
/// then it is asked for.
fn letters(bench: &Bench, user: &str, data: &std::path::Path, watch: &mut Child) -> Result<Vec<Duration>> {
    let output = watch.stdout.take().ok_or("no output to read")?;
    let mut lines = BufReader::new(output).lines();
    // The first pass; from now on only what is new is told.
    lines.next().ok_or("the watch ended")??;
    let mut waits = Vec::new();
    for number in 0..LETTERS {
        let subject = format!("pushed-{number}");
        let text = format!("From: bob@example.org\nSubject: {subject}\nMessage-ID: <{subject}@x>\n\nbody\n");
        bench.lab.deliver(user, text.as_bytes())?;
        let begun = Instant::now();
        lines.next().ok_or("the watch ended")??;
        let stored = begun.elapsed();
        let mut list = bench.command(data);
        let listed = list.args(["list", &format!("subject:{subject}"), "--ids"]).output()?;
        if listed.stdout.is_empty() || begun.elapsed() > PATIENCE {
            return Err(format!("{subject} is not listed after it was told of").into());
        }
        waits.push(stored);
    }
    Ok(waits)
}
