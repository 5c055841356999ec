//! `cargo xtask bench search [MESSAGES]`: twelve kinds of questions, inside the process and as a whole process beside
//! notmuch and mu at the same mail; what the index costs; and a list of a million entries.

mod mail;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use testkit::lab;
use testkit::mail::Plan;
use testkit::{Context, Result};

use super::{Cost, measure, median};
use crate::programs::{cargo, output, succeed, target};

const MESSAGES: usize = 100_000;
/// Octets of a message on average: a hundred thousand have 260 MB.
const OCTETS: usize = 2_600;
/// Messages as `bench sync` has them.
const MIXED: usize = 20_000;
const ENTRIES: usize = 1_000_000;
/// Runs of each program with each question.
const RUNS: usize = 3;
/// Questions of each kind that are put to whole processes.
const ASKED: usize = 3;

/// Installs the peers and builds what asks inside the process.
pub(super) fn prepare() -> Result<()> {
    lab::install_program("notmuch", "notmuch")?;
    lab::install_program("mu", "maildir-utils")?;
    succeed(&mut cargo(&[
        "build",
        "--quiet",
        "--release",
        "--package",
        "restante-store",
        "--example",
        "searching",
    ]))
}

pub(super) fn run(words: &[OsString]) -> Result<i32> {
    let messages = match words.first().and_then(|word| word.to_str()) {
        Some(word) => word.parse().map_err(|_| format!("not a number of messages: {word}"))?,
        None => MESSAGES,
    };
    let place = target()?.join(format!("bench-search-{}", std::process::id()));
    std::fs::create_dir_all(&place)?;
    let bench = Bench {
        searching: target()?.join("release/examples/searching"),
        restante: target()?.join("release/restante"),
        place,
    };
    let done = bench.all(messages);
    std::fs::remove_dir_all(&bench.place)?;
    done.map(|()| 0)
}

#[derive(Clone)]
struct Bench {
    searching: PathBuf,
    restante: PathBuf,
    place: PathBuf,
}

/// A program at a question.
type Ask = fn(&Bench, &mail::Question) -> Command;

impl Bench {
    fn all(&self, messages: usize) -> Result<()> {
        println!("## Index\n\n| mail | program | time, s | size, MB |\n| --- | --- | --- | --- |");
        if messages <= MESSAGES {
            self.mixed()?;
        }
        let maildir = self.place.join("mail");
        let octets = mail::write(&maildir, messages, OCTETS)?;
        let what = format!("{messages} messages, {:.0} MB of text", octets as f64 / 1e6);
        self.index(&what, messages <= MESSAGES)?;
        self.inside()?;
        // Beyond the usual size the peers are not waited for.
        if messages <= MESSAGES {
            self.whole()?;
        }
        self.list()
    }

    /// The index of mail as it is, with attachments and HTML: that of `bench sync`.
    fn mixed(&self) -> Result<()> {
        let place = self.place.join("mixed");
        let bench = Self { place, ..self.clone() };
        let octets =
            testkit::mail::maildir::write(&bench.place, None, &Plan::inbox("ann@example.org", MIXED))?;
        std::fs::rename(bench.place.join("Maildir"), bench.place.join("mail"))?;
        // What a server keeps beside the mail.
        for file in ["dovecot-uidlist", "dovecot-keywords", "maildirfolder", "subscriptions"] {
            let _ = std::fs::remove_file(bench.place.join("mail").join(file));
        }
        bench.index(&format!("{MIXED} messages, {:.0} MB with attachments", octets as f64 / 1e6), true)?;
        Ok(std::fs::remove_dir_all(&bench.place)?)
    }

    /// The mail in `mail` made searchable by restante, and by its peers if they are to be waited for.
    fn index(&self, what: &str, peers: bool) -> Result<()> {
        let store = self.place.join("store");
        let built =
            lines(Command::new(&self.searching).arg("build").arg(self.place.join("mail")).arg(&store))?;
        let built = built.first().ok_or("nothing was built")?;
        let number = |name: &str| built[name].as_f64().unwrap_or(f64::NAN);
        println!(
            "| {what} | restante | {:.1} (and {:.1} to store the mail) | {:.0} |",
            number("index_s"),
            number("store_s"),
            number("index_octets") / 1e6
        );
        if !peers {
            return Ok(());
        }
        let config = format!(
            "[database]\npath={}\n[new]\ntags=inbox;\n[search]\nexclude_tags=\n[maildir]\nsynchronize_flags=false\n",
            self.place.join("mail").display()
        );
        std::fs::write(self.place.join("notmuch-config"), config)?;
        let cost = measure(self.notmuch().arg("new").arg("--quiet"), &self.place.join("log"))?;
        let size = size_of(&self.place.join("mail/.notmuch"))?;
        println!("|  | notmuch | {:.1} | {:.0} |", cost.wall.as_secs_f64(), size as f64 / 1e6);
        let mut init = self.mu("init");
        init.arg("--maildir").arg(self.place.join("mail")).arg("--my-address=ann@example.org");
        measure(&mut init, &self.place.join("log"))?;
        let cost = measure(self.mu("index").arg("--quiet"), &self.place.join("log"))?;
        let size = size_of(&self.place.join("mu"))?;
        println!("|  | mu | {:.1} | {:.0} |", cost.wall.as_secs_f64(), size as f64 / 1e6);
        Ok(())
    }

    fn inside(&self) -> Result<()> {
        println!(
            "\n## Inside the process, newest 50\n\n| question | messages found | p50, ms | p99, ms |\n| --- | --- | --- | --- |"
        );
        let questions = mail::questions();
        self.ask(questions.iter().map(|question| (question.kind, question.restante.as_str())))?;
        println!("\nMust: p50 below 2 ms and p99 below 20 ms over all. Beside them:\n");
        println!("| question | messages found | p50, ms | p99, ms |\n| --- | --- | --- | --- |");
        let short = mail::short_beginnings();
        self.ask(short.iter().map(|text| ("a prefix that is everywhere", text.as_str())))
    }

    /// Ten rounds of questions inside the process, a row for each kind.
    fn ask<'a>(&self, questions: impl Iterator<Item = (&'a str, &'a str)>) -> Result<()> {
        let questions: String = questions.map(|(kind, text)| format!("{kind}\t{text}\n")).collect();
        let file = self.place.join("questions");
        std::fs::write(&file, questions)?;
        for line in lines(
            Command::new(&self.searching).arg("ask").arg(self.place.join("store")).arg(&file).arg("10"),
        )? {
            let number = |name: &str| line[name].as_f64().unwrap_or(f64::NAN);
            let total = line["total"].as_u64().map_or_else(String::new, |total| total.to_string());
            println!(
                "| {} | {total} | {:.2} | {:.2} |",
                line["kind"].as_str().unwrap_or("?"),
                number("p50_ms"),
                number("p99_ms")
            );
        }
        Ok(())
    }

    fn whole(&self) -> Result<()> {
        println!(
            "\n## Whole process, newest 50, ms\n\n| question | restante | notmuch | mu | of the faster |\n| --- | --- | --- | --- | --- |"
        );
        let programs: [Ask; 3] = [
            |bench, question| {
                let mut command = bench.restante(&bench.place.join("store"));
                command.args(["list", "-n", "50", "--", &question.restante]);
                command
            },
            |bench, question| {
                let mut command = bench.notmuch();
                command.args(["search", "--limit=50", &question.notmuch]);
                command
            },
            |bench, question| {
                let mut command = bench.mu("find");
                command.args(["-n", "50", &question.mu]);
                command
            },
        ];
        let mut kinds: BTreeMap<&str, [Vec<Cost>; 3]> = BTreeMap::new();
        for question in mail::questions() {
            let costs = kinds.entry(question.kind).or_default();
            if costs[0].len() >= RUNS * ASKED {
                continue;
            }
            for _ in 0..RUNS {
                for (program, costs) in programs.iter().zip(costs.iter_mut()) {
                    costs.push(timed(&mut program(self, &question))?);
                }
            }
        }
        let mut ratios = Vec::new();
        for (kind, costs) in kinds {
            let [restante, notmuch, mu] =
                costs.map(|costs| median(&costs).map_or(f64::NAN, |cost| cost.wall.as_secs_f64() * 1e3));
            let ratio = restante / notmuch.min(mu);
            ratios.push(ratio);
            println!("| {kind} | {restante:.1} | {notmuch:.1} | {mu:.1} | {ratio:.2} |");
        }
        ratios.sort_by(f64::total_cmp);
        println!(
            "\nMust: no more than 1.00 in any row, and 0.50 in the middle; the largest is {:.2}, the middle one {:.2}.",
            ratios.last().unwrap_or(&f64::NAN),
            ratios.get(ratios.len() / 2).unwrap_or(&f64::NAN)
        );
        Ok(())
    }

    /// Lists of a million entries, nothing of which the system remembers from before but the files.
    fn list(&self) -> Result<()> {
        println!(
            "\n## `restante list` of {ENTRIES} entries, whole process\n\n| query | ms | MB |\n| --- | --- | --- |"
        );
        let store = self.place.join("many");
        lines(Command::new(&self.searching).arg("many").arg(&store).arg(ENTRIES.to_string()))?;
        for query in
            ["", "in:inbox", "is:unread", "in:inbox is:unread", "date:2020", "larger:1M", "from:nobody"]
        {
            let mut costs = Vec::new();
            for _ in 0..5 {
                let mut command = self.restante(&store);
                command.arg("list").args((!query.is_empty()).then_some(query));
                costs.push(measured(&mut command)?);
            }
            let cost = median(&costs).ok_or("nothing was measured")?;
            println!(
                "| {} | {:.1} | {:.0} |",
                if query.is_empty() { "(none)" } else { query },
                cost.wall.as_secs_f64() * 1e3,
                cost.peak as f64 / 1e6
            );
        }
        println!("\nMust: below 50 ms and 40 MB.");
        Ok(())
    }

    fn restante(&self, store: &Path) -> Command {
        let mut command = Command::new(&self.restante);
        command.env("XDG_CONFIG_HOME", self.place.join("config")).arg("--data-dir").arg(store);
        command
    }

    fn notmuch(&self) -> Command {
        let mut command = Command::new("notmuch");
        command.env("NOTMUCH_CONFIG", self.place.join("notmuch-config"));
        command
    }

    fn mu(&self, word: &str) -> Command {
        let mut command = Command::new("mu");
        command.arg(word).arg("--muhome").arg(self.place.join("mu"));
        command
    }
}

/// What a program's lines say.
fn lines(command: &mut Command) -> Result<Vec<Value>> {
    let output = output(command)?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| serde_json::from_str(line).context(|| line.to_owned())).collect()
}

/// Runs a command to its end; that it finds nothing is no failure.
fn timed(command: &mut Command) -> Result<Cost> {
    let begun = std::time::Instant::now();
    output(command)?;
    Ok(Cost { wall: begun.elapsed(), peak: 0 })
}

/// The time of one run, and the memory of another that is looked at while it runs.
fn measured(command: &mut Command) -> Result<Cost> {
    let cost = timed(command)?;
    Ok(Cost { wall: cost.wall.max(Duration::from_micros(1)), peak: peak(command)? })
}

/// The most memory a command held, as the kernel says at its end.
fn peak(command: &Command) -> Result<u64> {
    let mut time = Command::new("/usr/bin/python3");
    let script = "import resource,subprocess,sys; subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    time.args(["-c", script]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            time.env(name, value);
        }
    }
    let output = output(&mut time)?;
    let kilobytes: u64 =
        String::from_utf8_lossy(&output.stdout).trim().parse().context(|| "python3".to_owned())?;
    Ok(kilobytes * 1024)
}

fn size_of(place: &Path) -> Result<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(place)? {
        let (entry, path) = {
            let entry = entry?;
            let path = entry.path();
            (entry, path)
        };
        total += if entry.file_type()?.is_dir() { size_of(&path)? } else { entry.metadata()?.len() };
    }
    Ok(total)
}
