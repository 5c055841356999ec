//! Writing generated mail straight into a Maildir++ as Dovecot keeps it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{chown, fchown};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::encode::mailbox_name;
use super::{Plan, Slot};
use crate::{Context, Result};

/// How many messages a worker takes at a time.
const BATCH: usize = 64;

/// Writes the mail of `plan` into `home/Maildir` and gives the number of bytes. `owner` is the user and group that
/// shall own the files, if not the caller. Mailboxes that exist already keep what they have.
pub fn write(home: &Path, owner: Option<u32>, plan: &Plan) -> Result<u64> {
    let root = home.join("Maildir");
    let mut folders = vec![home.parent().unwrap_or(home).to_owned(), home.to_owned(), root.clone()];
    let mut subscriptions = fs::read_to_string(root.join("subscriptions")).unwrap_or_default();
    let mut mailboxes = Vec::new();
    for (name, _) in &plan.mailboxes {
        let dir = folder(&root, name);
        folders.extend([dir.clone(), dir.join("cur"), dir.join("new"), dir.join("tmp")]);
        mailboxes.push(Mailbox { fresh: !dir.join("dovecot-uidlist").exists(), dir });
        let line = subscription(name);
        if !subscriptions.lines().any(|other| other == line) {
            subscriptions.push_str(&line);
            subscriptions.push('\n');
        }
    }
    // Every level of a nested mailbox is a mailbox.
    for (name, _) in &plan.mailboxes {
        for (at, _) in name.match_indices('/') {
            let dir = folder(&root, &name[..at]);
            folders.extend([dir.clone(), dir.join("cur"), dir.join("new"), dir.join("tmp")]);
        }
    }
    for path in &folders {
        fs::create_dir_all(path).context(|| format!("cannot create {}", path.display()))?;
        chown(path, owner, owner)?;
    }
    let slots = plan.slots();
    let mut names = names(plan, &slots);
    let bytes = write_messages(plan, &slots, &mut names, &mailboxes, owner)?;
    for (index, mailbox) in mailboxes.iter().enumerate() {
        mailbox.write_lists(plan, index, &slots, &names, owner)?;
    }
    put(&root.join("subscriptions"), subscriptions.as_bytes(), owner)?;
    Ok(bytes)
}

struct Mailbox {
    dir: PathBuf,
    /// Dovecot has not numbered it yet, so we may.
    fresh: bool,
}

/// Keywords become letters in file names: the first is `a`.
const KEYWORDS: [&str; 2] = ["$Forwarded", "$Junk"];

impl Mailbox {
    /// The UIDs, so that they follow arrival and are the same every time.
    fn write_lists(
        &self,
        plan: &Plan,
        index: usize,
        slots: &[Slot],
        names: &[String],
        owner: Option<u32>,
    ) -> Result<()> {
        let keywords: String =
            KEYWORDS.iter().enumerate().map(|(at, name)| format!("{at} {name}\n")).collect();
        if !self.fresh {
            return Ok(());
        }
        let here = || slots.iter().zip(names).filter(|(slot, _)| slot.mailbox == index);
        let validity = 1_600_000_000 + plan.seed % 100_000_000;
        let mut list = format!("3 V{validity} N{}\n", here().count() + 1);
        for (uid, (_, name)) in here().enumerate() {
            list.push_str(&format!("{} :{name}\n", uid + 1));
        }
        put(&self.dir.join("dovecot-uidlist"), list.as_bytes(), owner)?;
        put(&self.dir.join("dovecot-keywords"), keywords.as_bytes(), owner)?;
        put(&self.dir.join("maildirfolder"), b"", owner)
    }
}

fn names(plan: &Plan, slots: &[Slot]) -> Vec<String> {
    // A second filling of the same mailbox must not meet the names of the first.
    let run = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    let mut seen = BTreeMap::new();
    slots
        .iter()
        .map(|slot| {
            let number = seen.entry(slot.mailbox).and_modify(|number| *number += 1).or_insert(1_u32);
            format!("{}.M{number}P{}R{run:x}.lab", slot.received, plan.seed)
        })
        .collect()
}

/// Writes the files and completes their names by their sizes, which Dovecot reads there instead of from the file.
fn write_messages(
    plan: &Plan,
    slots: &[Slot],
    names: &mut [String],
    mailboxes: &[Mailbox],
    owner: Option<u32>,
) -> Result<u64> {
    let written = AtomicU64::new(0);
    let work = Mutex::new(slots.chunks(BATCH).zip(names.chunks_mut(BATCH)));
    let worker = || -> Result<()> {
        loop {
            let next = work.lock().map_err(|_| "a thread that wrote mail broke down")?.next();
            let Some((slots, names)) = next else { return Ok(()) };
            for (slot, name) in slots.iter().zip(names) {
                let message = slot.render(plan);
                written.fetch_add(message.len() as u64, Ordering::Relaxed);
                let lines = without_cr(&message);
                name.push_str(&format!(",S={},W={}", lines.len(), message.len()));
                let cur = mailboxes[slot.mailbox].dir.join("cur");
                let path = cur.join(format!("{name}:2,{}", letters(&slot.flags)));
                let mut file =
                    fs::File::create(&path).context(|| format!("cannot create {}", path.display()))?;
                file.write_all(&lines)?;
                file.set_modified(UNIX_EPOCH + Duration::from_secs(slot.received.max(0) as u64))?;
                fchown(&file, owner, owner)?;
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(2, usize::from).min(8);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        for thread in threads {
            thread.join().map_err(|_| "a thread that wrote mail broke down")??;
        }
        Ok(written.load(Ordering::Relaxed))
    })
}

fn letters(flags: &[&str]) -> String {
    // In ASCII order, as the Maildir format wants it.
    let mut letters: Vec<char> = flags
        .iter()
        .filter_map(|flag| match *flag {
            "\\Draft" => Some('D'),
            "\\Flagged" => Some('F'),
            "\\Answered" => Some('R'),
            "\\Seen" => Some('S'),
            "\\Deleted" => Some('T'),
            other => KEYWORDS.iter().position(|name| *name == other).map(|at| char::from(b'a' + at as u8)),
        })
        .collect();
    letters.sort_unstable();
    letters.into_iter().collect()
}

fn folder(root: &Path, name: &str) -> PathBuf {
    if name.eq_ignore_ascii_case("INBOX") {
        return root.to_owned();
    }
    root.join(format!(".{}", mailbox_name(name).replace('/', ".")))
}

/// The name as the file `subscriptions` of a Maildir++ has it.
fn subscription(name: &str) -> String {
    mailbox_name(name).replace('/', ".")
}

fn without_cr(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len());
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(text) => {
                out.extend_from_slice(text);
                out.push(b'\n');
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}

fn put(path: &Path, content: &[u8], owner: Option<u32>) -> Result<()> {
    fs::write(path, content).context(|| format!("cannot write {}", path.display()))?;
    Ok(chown(path, owner, owner)?)
}
