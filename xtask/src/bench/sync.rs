//! First sync of 20,000 messages, and a second one with nothing changed.

use std::path::Path;
use std::process::Command;

use testkit::Result;
use testkit::lab::{Lab, PASSWORD};
use testkit::mail::Plan;

use super::{Cost, measure, median};
use crate::programs::{succeed, target};

const MESSAGES: usize = 20_000;
const ROUNDS: usize = 3;
const HOST: &str = "imap.autoconfig.test";

pub(super) fn run() -> Result<i32> {
    let lab = Lab::current();
    let user = "bench@autoconfig.test";
    let octets = lab.fill(user, &Plan::inbox(user, MESSAGES))?;
    println!("{MESSAGES} messages, {} MB, Dovecot over TLS on loopback, {ROUNDS} rounds", octets / 1_000_000);
    let place = lab.state().dir().join("bench");
    std::fs::create_dir_all(&place)?;
    let restante = target()?.join("release/restante");
    // The server reads its files and writes its indexes once, at nobody's cost.
    drain(user, &place)?;

    let mut rows = vec![
        Row::new("raw drain"),
        Row::new("restante sync, fetched and durable"),
        Row::new("restante sync, searchable too"),
        Row::new("mbsync, without COMPRESS, without fsync"),
        Row::new("mbsync, as it comes"),
    ];
    let mut again = vec![Row::new("restante sync"), Row::new("mbsync, without COMPRESS, without fsync")];
    for round in 0..ROUNDS {
        rows[0].costs.push(drain(user, &place)?);

        let data = place.join(format!("restante-{round}"));
        set_up(&restante, &data, user)?;
        let fetched = first_sync(&restante, &data, &place)?;
        rows[1].costs.push(fetched.0);
        rows[2].costs.push(fetched.1);
        again[0].costs.push(measure(command(&restante, &data).arg("sync"), &place.join("log"))?);

        for (row, tuned) in [(3, true), (4, false)] {
            let store = place.join(format!("mbsync-{round}-{tuned}"));
            let config = mbsync(&lab, &store, user, tuned)?;
            let mut command = Command::new("mbsync");
            command.args(["-q", "-c"]).arg(&config).arg("all");
            rows[row].costs.push(measure(&mut command, &place.join("log"))?);
            if tuned {
                again[1].costs.push(measure(&mut command, &place.join("log"))?);
            }
            std::fs::remove_dir_all(&store)?;
        }
        std::fs::remove_dir_all(&data)?;
    }
    table("first sync", &rows, "raw drain");
    table("nothing changed, whole process", &again, "restante");
    Ok(0)
}

fn drain(user: &str, place: &Path) -> Result<Cost> {
    let mut command = Command::new(std::env::current_exe()?);
    measure(command.args(["bench-drain", HOST, user, PASSWORD]), &place.join("log"))
}

fn command(restante: &Path, data: &Path) -> Command {
    let mut command = Command::new(restante);
    command.env("RESTANTE_DATA_DIR", data);
    command
}

fn set_up(restante: &Path, data: &Path, user: &str) -> Result<()> {
    let password = format!("printf '%s\\n' '{PASSWORD}'");
    succeed(command(restante, data).args(["setup", user, "--password-command", &password]))
}

/// The whole process, and the part of it until everything was fetched and durable: the program says how
/// long making it searchable took.
fn first_sync(restante: &Path, data: &Path, place: &Path) -> Result<(Cost, Cost)> {
    let log = place.join("log");
    let whole = measure(command(restante, data).args(["sync", "--json"]), &log)?;
    let report: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&log)?)?;
    let new: u64 =
        report["mailboxes"].as_array().into_iter().flatten().filter_map(|m| m["new"].as_u64()).sum();
    if new != MESSAGES as u64 {
        return Err(format!("{new} messages were fetched, not {MESSAGES}").into());
    }
    let index = report["index_ms"].as_u64().ok_or("the report has no index_ms")?;
    let fetched = Cost { wall: whole.wall - std::time::Duration::from_millis(index), ..whole };
    Ok((fetched, whole))
}

fn mbsync(lab: &Lab, store: &Path, user: &str, tuned: bool) -> Result<std::path::PathBuf> {
    let (ca, store_text) = (lab.ca_file(), store.display().to_string());
    let tuning = if tuned { "DisableExtension COMPRESS=DEFLATE\n" } else { "" };
    let fsync = if tuned { "FSync no\n" } else { "" };
    let config = format!(
        "{fsync}IMAPAccount lab\nHost {HOST}\nPort 993\nUser {user}\nPass \"{PASSWORD}\"\nSSLType IMAPS\n\
         CertificateFile {}\n{tuning}\nIMAPStore remote\nAccount lab\n\nMaildirStore local\nPath {store_text}/\n\
         Inbox {store_text}/INBOX\nSubFolders Verbatim\n\nChannel all\nFar :remote:\nNear :local:\n\
         Pattern INBOX\nCreate Near\nSync Pull\nSyncState *\n",
        ca.display()
    );
    std::fs::create_dir_all(store)?;
    let path = store.with_extension("mbsyncrc");
    std::fs::write(&path, config)?;
    Ok(path)
}

struct Row {
    name: &'static str,
    costs: Vec<Cost>,
}

impl Row {
    fn new(name: &'static str) -> Self {
        Self { name, costs: Vec::new() }
    }
}

fn table(title: &str, rows: &[Row], base: &str) {
    let Some(floor) = rows.first().and_then(|row| median(&row.costs)) else { return };
    println!("\n| {title} | s, median | to {base} | peak MB |\n| --- | --- | --- | --- |");
    for row in rows {
        if let Some(cost) = median(&row.costs) {
            let ratio = cost.wall.as_secs_f64() / floor.wall.as_secs_f64();
            println!(
                "| {} | {:.2} | {ratio:.2} | {:.0} |",
                row.name,
                cost.wall.as_secs_f64(),
                cost.peak as f64 / 1e6
            );
        }
    }
}
