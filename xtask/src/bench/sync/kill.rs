//! `restante sync` killed at random, 300 times, while the server's mail changes: what is lost, what is there twice, and
//! what a plain `restante sync` does not mend.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::lab::{Client, PASSWORD};
use testkit::mail::{Plan, Rng};
use testkit::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Bench, Figure, HOST};

const KILLS: usize = 300;
/// What a first sync here takes, about.
const FIRST: Duration = Duration::from_millis(500);
const MESSAGES: usize = 2000;
/// Mailboxes of the plan that are changed meanwhile.
const CHANGED: [&str; 3] = ["INBOX", "Archive", "Newsletters"];
/// Messages of each store that are compared to the octet.
const SAMPLE: usize = 40;

#[derive(Default)]
struct Harm {
    lost: usize,
    doubled: usize,
    /// Syncs that failed without being killed, and messages that are not the server's.
    broken: usize,
}

pub(super) fn kill(bench: &mut Bench) -> Result<Vec<Figure>> {
    let user = bench.mailbox("killed", |user| Plan::household(user, MESSAGES))?;
    let mut rng = Rng::new(1);
    let mut harm = Harm::default();
    let (mut kills, mut first, mut whole, mut stores) = (0, 0, 0, 0);
    while kills < KILLS {
        let data = bench.store(&user, None)?;
        stores += 1;
        let mut other = bench.lab.client(&user)?;
        // The first one is measured elsewhere; from then on as long as the last one that came to its end.
        let mut takes = FIRST;
        // As many kills go into the first sync of a store, however soon it comes to its end, as into later ones.
        let (mut early, mut late, mut complete) = (0, 0, false);
        while kills < KILLS && (!complete || late < early) {
            if rng.chance(70) {
                change(&mut other, &mut rng, kills)?;
            }
            match attempt(bench, &data, takes.mul_f64(rng.unit()))? {
                Attempt::Killed => {
                    kills += 1;
                    *if complete { &mut late } else { &mut early } += 1;
                }
                Attempt::Ended { after, good } => {
                    whole += 1;
                    harm.broken += usize::from(!good);
                    complete |= good;
                    // Killed a little late is killed after the end: that is a moment like any other.
                    takes = after.max(Duration::from_millis(20));
                }
            }
        }
        first += early;
        let before = (harm.lost, harm.doubled, harm.broken);
        judge(bench, &user, &data, &mut other, &mut rng, &mut harm)?;
        if before != (harm.lost, harm.doubled, harm.broken) {
            println!("store {stores}: harm was done; it is kept at {}", data.display());
        } else {
            std::fs::remove_dir_all(&data)?;
        }
    }
    println!(
        "{kills} kills of {stores} stores, {first} of them during a first sync; {whole} syncs between came to their \
         end\n\
         lost {}, doubled {}, not mended by a plain sync {}",
        harm.lost, harm.doubled, harm.broken
    );
    let figure =
        |title, count: usize| Figure { title, of: "messages", value: count as f64, must: 0.0, aim: 0.0 };
    Ok(vec![
        figure("killed 300 times: lost", harm.lost),
        figure("killed 300 times: doubled", harm.doubled),
        figure("killed 300 times: not mended by a plain sync", harm.broken),
    ])
}

enum Attempt {
    Killed,
    Ended { after: Duration, good: bool },
}

/// A sync that is killed after a while, unless it is quicker.
fn attempt(bench: &Bench, data: &Path, end: Duration) -> Result<Attempt> {
    let mut command = bench.command(data);
    let log = std::fs::File::create(bench.place.join("killed.log"))?;
    command.arg("sync").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let begun = Instant::now();
    let mut child = command.spawn()?;
    while begun.elapsed() < end {
        if let Some(status) = child.try_wait()? {
            if !status.success() {
                eprint!("{}", std::fs::read_to_string(bench.place.join("killed.log"))?);
            }
            return Ok(Attempt::Ended { after: begun.elapsed(), good: status.success() });
        }
        std::thread::sleep(Duration::from_micros(200).min(end.saturating_sub(begun.elapsed())));
    }
    child.kill()?;
    let status = child.wait()?;
    // It may have ended by itself in the last moment.
    Ok(match status.code() {
        None => Attempt::Killed,
        Some(code) => Attempt::Ended { after: begun.elapsed(), good: code == 0 },
    })
}

/// What other clients do: messages come, go, move and change.
fn change(other: &mut Client, rng: &mut Rng, number: usize) -> Result<()> {
    let place = rng.below(CHANGED.len());
    other.ask(&format!("SELECT {}", CHANGED[place]))?;
    for more in 0..rng.between(1, 5) {
        let text = format!(
            "From: Bob <bob@mx.test>\r\nTo: ann@autoconfig.test\r\nDate: Thu, 28 May 2026 10:00:00 +0000\r\n\
             Message-ID: <{number}.{more}.{}@mx.test>\r\nSubject: change {number}\r\n\r\n{}\r\n",
            rng.next(),
            "a line of it\r\n".repeat(rng.below(2000))
        );
        other.append(CHANGED[place], "", text.as_bytes())?;
    }
    let exists = uids(&other.ask("UID SEARCH ALL")?);
    let Some(pick) = exists.get(rng.below(exists.len().max(1))) else { return Ok(()) };
    match rng.below(4) {
        0 => other.ask(&format!("UID STORE {pick} +FLAGS (\\Seen \\Flagged)"))?,
        1 => other.ask(&format!("UID STORE {pick} -FLAGS (\\Seen)"))?,
        2 => other.ask(&format!("UID MOVE {pick} {}", CHANGED[(place + 1) % CHANGED.len()]))?,
        _ => {
            other.ask(&format!("UID STORE {pick} +FLAGS (\\Deleted)"))?;
            other.ask("EXPUNGE")?
        }
    };
    Ok(())
}

fn uids(said: &str) -> Vec<u64> {
    let lines = said.lines().filter_map(|line| line.strip_prefix("* SEARCH"));
    lines.flat_map(str::split_whitespace).filter_map(|word| word.parse().ok()).collect()
}

/// One plain sync, and then everything of the server must be here once.
fn judge(
    bench: &Bench,
    user: &str,
    data: &Path,
    other: &mut Client,
    rng: &mut Rng,
    harm: &mut Harm,
) -> Result<()> {
    if let Err(error) = bench.sync(data) {
        eprintln!("the plain sync at the end: {error}");
        harm.broken += 1;
    }
    let mailboxes = mailboxes(bench, user)?;
    let here = listed(bench, data, &mailboxes)?;
    for mailbox in mailboxes {
        let there = there(bench, user, &mailbox)?;
        let nothing = BTreeMap::new();
        let held = here.get(&mailbox).unwrap_or(&nothing);
        harm.lost += there.keys().filter(|uid| !held.contains_key(uid)).count();
        harm.doubled += held.values().map(|copies| copies.len() - 1).sum::<usize>();
        // What the server no longer has, and what has another size there.
        harm.broken += held.keys().filter(|uid| !there.contains_key(uid)).count();
        let wrong = |(uid, size): (&u64, &u64)| held.get(uid).is_some_and(|copies| copies[0].1 != *size);
        harm.broken += there.iter().filter(|pair| wrong(*pair)).count();
    }
    let inbox = here.get("INBOX").ok_or("nothing is held of the INBOX")?;
    let all: Vec<(u64, &str)> = inbox.iter().map(|(uid, copies)| (*uid, copies[0].0.as_str())).collect();
    let sample: BTreeSet<usize> = (0..SAMPLE).map(|_| rng.below(all.len())).collect();
    other.ask("SELECT INBOX")?;
    for (uid, id) in sample.into_iter().filter_map(|at| all.get(at)) {
        let mut command = bench.command(data);
        let raw = command.args(["read", "--raw", id]).output().context(|| "read --raw".into())?;
        if !raw.status.success() || raw.stdout != body(bench, user, *uid)? {
            eprintln!("UID {uid} is not the server's");
            harm.broken += 1;
        }
    }
    Ok(())
}

/// Every place of every message here: mailbox, UID, and the id and size of what is listed there.
type Listed = BTreeMap<String, BTreeMap<u64, Vec<(String, u64)>>>;

fn listed(bench: &Bench, data: &Path, mailboxes: &[String]) -> Result<Listed> {
    let mut listed = Listed::new();
    for mailbox in mailboxes {
        let query = format!("in:\"{mailbox}\"");
        let said = bench.command(data).args(["list", "-n", "1000000", "--jsonl", &query]).output()?;
        let held = listed.entry(mailbox.clone()).or_default();
        for line in String::from_utf8_lossy(&said.stdout).lines() {
            let row: Value = serde_json::from_str(line)?;
            let (Some(uid), Some(size), Some(id)) =
                (row["uid"].as_u64(), row["size"].as_u64(), row["id"].as_str())
            else {
                return Err(format!("a listed message has no uid, size or id: {line}").into());
            };
            held.entry(uid).or_default().push((id.to_owned(), size));
        }
    }
    Ok(listed)
}

fn mailboxes(bench: &Bench, user: &str) -> Result<Vec<String>> {
    let said = bench.lab.doveadm(&["mailbox", "list", "-8", "-u", user])?;
    Ok(said.lines().map(str::to_owned).collect())
}

fn there(bench: &Bench, user: &str, mailbox: &str) -> Result<BTreeMap<u64, u64>> {
    let args = ["-f", "tab", "fetch", "-u", user, "uid size.virtual", "mailbox", mailbox, "all"];
    let said = bench.lab.doveadm(&args)?;
    let pair = |line: &str| {
        let (uid, size) = line.split_once('\t')?;
        Some((uid.parse().ok()?, size.parse().ok()?))
    };
    said.lines()
        .skip(1)
        .map(|line| pair(line).ok_or_else(|| format!("doveadm said {line:?}").into()))
        .collect()
}

/// A message of the INBOX to the octet, by the server's BODY[].
fn body(bench: &Bench, user: &str, uid: u64) -> Result<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut stream = testkit::tls::connect(&bench.lab, HOST, 993).await?;
        let commands = format!(
            "a LOGIN \"{user}\" \"{PASSWORD}\"\r\nb EXAMINE INBOX\r\nc UID FETCH {uid} (BODY.PEEK[])\r\nd LOGOUT\r\n"
        );
        stream.write_all(commands.as_bytes()).await?;
        let mut said = Vec::new();
        // Some ends come without TLS's own; what matters is checked below.
        let _ = stream.read_to_end(&mut said).await;
        let find = |text: &[u8], from: usize| {
            let rest = said.get(from..)?;
            rest.windows(text.len()).position(|window| window == text).map(|at| from + at + text.len())
        };
        let fault = || format!("the server gave no BODY[] of UID {uid}");
        let number = find(b"BODY[] {", 0).ok_or_else(fault)?;
        let start = find(b"}\r\n", number).ok_or_else(fault)?;
        let length: usize = std::str::from_utf8(&said[number..start - 3])?.parse()?;
        Ok(said.get(start..start + length).ok_or_else(fault)?.to_vec())
    })
}
