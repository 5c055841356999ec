//! From delivery to stored and listed, beside a running `sync --watch`.
//!
//! The floor is the server: some keep news back (Dovecot 2.3 for half a second, to tell of several messages at once). So
//! a bare connection listens beside the watch by the same means, and what is ours is what comes after it was told.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use testkit::Result;
use testkit::mail::Plan;

use super::{Bench, Figure};

const LETTERS: usize = 30;
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn push(bench: &mut Bench) -> Result<Vec<Figure>> {
    let dovecot = bench.mailbox("pushed", |user| Plan::inbox(user, 1000))?;
    let cyrus = bench.lab.fresh_user("cyrus.test");
    let row = |server: &str, all: &[f64], told: &[f64], late: &[f64]| {
        println!(
            "| {server} | {:.0} | {:.0} | {:.0} | {:.1} |",
            at(all, 50),
            at(all, 95),
            at(told, 50),
            at(late, 50)
        );
    };
    println!("{LETTERS} letters, ms from the end of the delivery\n");
    println!("| | stored and listed, median | 95 of 100 | a bare connection is told | stored after that |");
    println!("| --- | --- | --- | --- | --- |");
    let mut figures = Vec::new();
    for (server, user) in [("Dovecot", dovecot), ("Cyrus", cyrus)] {
        let waits = watched(bench, &user)?;
        let (all, told): (Vec<f64>, Vec<f64>) = waits.into_iter().unzip();
        let late: Vec<f64> = all.iter().zip(&told).map(|(all, told)| all - told).collect();
        row(server, &all, &told, &late);
        let figure = |title, value| Figure { title, of: "ms", value, must: 200.0, aim: 50.0 };
        if server == "Cyrus" {
            figures.push(figure("push: delivery to stored and listed, Cyrus, median", at(&all, 50)));
        } else {
            figures.push(figure("push: delivery to stored and listed, Dovecot, median", at(&all, 50)));
            figures.push(figure("the same from the moment Dovecot tells", at(&late, 50)));
        }
    }
    Ok(figures)
}

/// The value that so many of a hundred do not exceed.
fn at(values: &[f64], part: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get((sorted.len() * part / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

fn watched(bench: &mut Bench, user: &str) -> Result<Vec<(f64, f64)>> {
    bench.lab.deliver(user, &letter("the first"))?;
    let data = bench.store(user, None)?;
    bench.sync(&data)?;
    let told = listener(bench, user)?;
    let mut watch = bench.command(&data);
    let mut watch = watch.args(["sync", "--watch", "--jsonl"]).stdout(Stdio::piped()).spawn()?;
    let measured = letters(bench, user, &data, &mut watch, &told);
    watch.kill()?;
    watch.wait()?;
    measured
}

/// When a bare connection was told of something new.
fn listener(bench: &Bench, user: &str) -> Result<Receiver<Instant>> {
    let mut client = bench.lab.client(user)?;
    client.attend()?;
    let (tell, told) = channel();
    std::thread::spawn(move || while client.told().is_ok() && tell.send(Instant::now()).is_ok() {});
    Ok(told)
}

fn letter(subject: &str) -> Vec<u8> {
    format!("From: bob@example.org\nSubject: {subject}\nMessage-ID: <{subject}@x>\n\nbody\n").into_bytes()
}

/// In ms from the end of each letter's delivery: until the watch has stored it, and until the listener was told. What
/// the watch says is stored must be listed.
fn letters(
    bench: &Bench,
    user: &str,
    data: &std::path::Path,
    watch: &mut Child,
    told: &Receiver<Instant>,
) -> Result<Vec<(f64, f64)>> {
    let output = watch.stdout.take().ok_or("no output to read")?;
    let mut lines = BufReader::new(output).lines();
    // The first pass; from now on only what is new is told.
    lines.next().ok_or("the watch ended")??;
    let mut waits = Vec::new();
    for number in 0..LETTERS {
        let subject = format!("pushed-{number}");
        bench.lab.deliver(user, &letter(&subject))?;
        let begun = Instant::now();
        lines.next().ok_or("the watch ended")??;
        let stored = begun.elapsed();
        // A server may tell before the delivery has its answer.
        let told = told.recv_timeout(PATIENCE)?.saturating_duration_since(begun);
        let mut list = bench.command(data);
        let listed = list.args(["list", &format!("subject:{subject}"), "--ids"]).output()?;
        if listed.stdout.is_empty() || begun.elapsed() > PATIENCE {
            return Err(format!("{subject} is not listed after it was told of").into());
        }
        waits.push((stored.as_secs_f64() * 1000.0, told.as_secs_f64() * 1000.0));
    }
    Ok(waits)
}
