//! `cargo xtask bench sync [ROW…]`: each row a figure beside a floor of the same run, with what it must be and what
//! it should be.

mod changes;
mod kill;
mod peers;
mod plot;
mod push;
mod rows;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use testkit::Result;
use testkit::lab::{self, Lab, PASSWORD};
use testkit::mail::Plan;

use super::{Cost, measure, median};
use crate::programs::{succeed, target};

const HOST: &str = "imap.autoconfig.test";

/// A row of the table: its name on the command line, and what measures it. To add one is to add it here.
type Row = (&'static str, fn(&mut Bench) -> Result<Vec<Figure>>);

const ROWS: [Row; 11] = [
    ("first-20k", rows::first_20k),
    ("peers", rows::peers),
    ("unchanged-20k", rows::unchanged_20k),
    ("slow-link", rows::slow_link),
    ("unchanged-50", rows::unchanged_50),
    ("first-100k", rows::first_100k),
    ("change-100k", changes::change_100k),
    ("memory", rows::memory),
    ("push", push::push),
    ("kill", kill::kill),
    ("sizes", plot::sizes),
];

/// A figure, lower is better.
struct Figure {
    title: &'static str,
    /// What it is a multiple of, or its unit.
    of: &'static str,
    value: f64,
    must: f64,
    aim: f64,
}

/// Refuses unknown rows and installs the peers, before a laboratory is started.
pub(super) fn prepare(words: &[OsString]) -> Result<()> {
    chosen(words)?;
    lab::install_program("mbsync", "isync")?;
    lab::install_program("offlineimap", "offlineimap3")
}

fn chosen(words: &[OsString]) -> Result<Vec<Row>> {
    let names = || ROWS.map(|(name, _)| name).join(", ");
    let find = |word: &OsString| {
        let row = ROWS.into_iter().find(|(name, _)| word == name);
        row.ok_or_else(|| format!("no row {}: there are {}", word.display(), names()).into())
    };
    if words.is_empty() { Ok(ROWS.to_vec()) } else { words.iter().map(find).collect() }
}

pub(super) fn run(words: &[OsString]) -> Result<i32> {
    let rows = chosen(words)?;
    let mut bench = Bench::new()?;
    let mut figures = Vec::new();
    let mut failed = Vec::new();
    for (name, row) in rows {
        println!("\n## {name}\n");
        match row(&mut bench) {
            Ok(more) => figures.extend(more),
            // One row that cannot be measured must not cost the others.
            Err(error) => failed.push(format!("{name}: {error}")),
        }
    }
    println!("\n## All\n\n| row | of | figure | must | aim | |\n| --- | --- | --- | --- | --- | --- |");
    for Figure { title, of, value, must, aim } in &figures {
        let verdict = if value <= aim {
            "aim"
        } else if value <= must {
            "must"
        } else {
            "missed"
        };
        println!("| {title} | {of} | {value:.2} | {must} | {aim} | {verdict} |");
    }
    for failure in &failed {
        println!("\nnot measured: {failure}");
    }
    Ok(i32::from(!failed.is_empty()))
}

/// What the rows share: the laboratory, mailboxes that are filled, stores that are synced.
struct Bench {
    lab: Lab,
    place: PathBuf,
    restante: PathBuf,
    filled: BTreeMap<&'static str, String>,
    kept: BTreeMap<&'static str, PathBuf>,
    stores: usize,
}

/// One run of `restante sync`.
struct Synced {
    cost: Cost,
    report: Value,
}

impl Synced {
    /// A number of the report.
    fn number(&self, name: &str) -> Result<u64> {
        self.report[name].as_u64().ok_or_else(|| format!("the report has no {name}").into())
    }

    /// The sum over all mailboxes.
    fn sum(&self, name: &str) -> u64 {
        self.report["mailboxes"].as_array().into_iter().flatten().filter_map(|m| m[name].as_u64()).sum()
    }

    /// The part of the process until everything was fetched and durable.
    fn fetched(&self) -> Result<Cost> {
        let index = Duration::from_millis(self.number("index_ms")?);
        Ok(Cost { wall: self.cost.wall.saturating_sub(index), ..self.cost })
    }
}

impl Bench {
    fn new() -> Result<Self> {
        let lab = Lab::current();
        let place = lab.state().dir().join("bench");
        std::fs::create_dir_all(&place)?;
        let restante = target()?.join("release/restante");
        Ok(Self { lab, place, restante, filled: BTreeMap::new(), kept: BTreeMap::new(), stores: 0 })
    }

    /// A user with the mail of a plan, made once a run. The server has read its files and written its indexes.
    fn mailbox(&mut self, name: &'static str, plan: impl FnOnce(&str) -> Plan) -> Result<String> {
        if let Some(user) = self.filled.get(name) {
            return Ok(user.clone());
        }
        let user = format!("{name}@autoconfig.test");
        let plan = plan(&user);
        let octets = self.lab.fill(&user, &plan)?;
        println!("{} messages, {} MB, Dovecot over TLS on loopback", plan.count, octets / 1_000_000);
        self.drain(&user, HOST, 993)?;
        self.filled.insert(name, user.clone());
        Ok(user)
    }

    /// 20,000 messages, 260 MB.
    fn twenty(&mut self) -> Result<String> {
        self.mailbox("twenty", |user| Plan::inbox(user, 20_000))
    }

    /// 100,000 messages of 3 KB.
    fn hundred(&mut self) -> Result<String> {
        self.mailbox("hundred", |user| Plan::inbox(user, 100_000).mean_bytes(3 * 1024))
    }

    /// The floor: everything in the INBOX read and dropped.
    fn drain(&self, user: &str, host: &str, port: u16) -> Result<Cost> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bench-drain", host, &port.to_string(), user, PASSWORD]);
        measure(&mut command, &self.place.join("log"))
    }

    fn command(&self, data: &Path) -> Command {
        let mut command = Command::new(&self.restante);
        command.env("RESTANTE_DATA_DIR", data);
        command
    }

    /// A new store for a user, with nothing in it; `imap` names another server than the usual.
    fn store(&mut self, user: &str, imap: Option<&str>) -> Result<PathBuf> {
        self.stores += 1;
        let data = self.place.join(format!("store-{}", self.stores));
        let password = format!("printf '%s\\n' '{PASSWORD}'");
        let mut command = self.command(&data);
        command.args(["setup", user, "--password-command", &password]);
        command.stdout(std::fs::File::create(self.place.join("log"))?);
        if let Some(imap) = imap {
            command.args(["--imap", imap, "--without-sending"]);
        }
        succeed(&mut command)?;
        Ok(data)
    }

    fn sync(&self, data: &Path) -> Result<Synced> {
        let log = self.place.join("log");
        let cost = measure(self.command(data).args(["sync", "--json"]), &log)?;
        let report: Value = serde_json::from_str(&std::fs::read_to_string(&log)?)?;
        if report["findings"].as_array().is_none_or(|findings| !findings.is_empty()) {
            return Err(format!("a sync went not quite right: {}", report["findings"]).into());
        }
        Ok(Synced { cost, report })
    }

    /// A first sync into a new store, which is kept under a name for rows that need one.
    fn first_sync(&mut self, user: &str, count: u64, keep: &'static str) -> Result<Synced> {
        let data = self.store(user, None)?;
        let synced = self.sync(&data)?;
        if synced.sum("new") != count {
            return Err(format!("{} messages were fetched, not {count}", synced.sum("new")).into());
        }
        if let Some(former) = self.kept.insert(keep, data) {
            std::fs::remove_dir_all(former)?;
        }
        Ok(synced)
    }

    /// The store kept under a name, or a new one.
    fn kept(&mut self, user: &str, count: u64, keep: &'static str) -> Result<PathBuf> {
        if !self.kept.contains_key(keep) {
            self.first_sync(user, count, keep)?;
        }
        self.kept.get(keep).cloned().ok_or_else(|| "the store is gone".into())
    }
}

/// Costs of one program over several rounds.
struct Series {
    name: String,
    costs: Vec<Cost>,
}

impl Series {
    fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), costs: Vec::new() }
    }

    fn seconds(&self) -> f64 {
        median(&self.costs).map_or(f64::NAN, |cost| cost.wall.as_secs_f64())
    }

    fn peak(&self) -> f64 {
        self.costs.iter().map(|cost| cost.peak).max().unwrap_or_default() as f64 / 1e6
    }
}

/// Prints series as multiples of the first.
fn table(title: &str, series: &[&Series]) {
    let Some(floor) = series.first() else { return };
    println!(
        "| {title} | rounds | s, median | to {} | peak MB |\n| --- | --- | --- | --- | --- |",
        floor.name
    );
    for row in series {
        println!(
            "| {} | {} | {:.2} | {:.2} | {:.0} |",
            row.name,
            row.costs.len(),
            row.seconds(),
            ratio(row, floor),
            row.peak()
        );
    }
}

/// The median of a series as a multiple of another's.
fn ratio(of: &Series, floor: &Series) -> f64 {
    of.seconds() / floor.seconds()
}
