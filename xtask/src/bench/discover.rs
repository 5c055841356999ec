//! How long `restante discover` takes, the whole process, when every source answers and when one is a black
//! hole.

use std::time::Duration;

use testkit::Result;
use testkit::lab::{Lab, autoconfig};

use super::{Cost, measure, median};
use crate::programs::target;

const ROUNDS: usize = 15;
/// Silent for a name server: a zone that never answers.
const SILENT: &str = "!silent";

pub(super) fn run() -> Result<i32> {
    let lab = Lab::current();
    let place = lab.state().dir().join("bench");
    std::fs::create_dir_all(&place)?;
    let (web, dead) = (lab.net().web(), lab.net().silent());
    // Each is a domain whose sources all name the same servers, but for the one that is a black hole.
    let rows = [
        ("every source answers", "all", "", None),
        ("autoconfig's host is silent", "host", "autoconfig", None),
        ("autoconfig's name is silent in the DNS", "name", "", Some("autoconfig")),
        ("Autodiscover's host is silent", "auto", "autodiscover", None),
        ("SRV records are silent in the DNS", "srv", "", Some("_tcp")),
        ("the ISPDB is silent", "db", "", None),
    ];
    println!("| whole process, {ROUNDS} rounds | ms, median | to the first |\n| --- | --- | --- |");
    let mut first = None;
    let mut show = |title: &str, costs: &[Cost]| {
        let wall = median(costs).map_or(Duration::ZERO, |cost| cost.wall);
        let base = *first.get_or_insert(wall);
        let ratio = wall.as_secs_f64() / base.as_secs_f64();
        println!("| {title} | {:.0} | {ratio:.2} |", wall.as_secs_f64() * 1e3);
    };
    for (title, label, host, name) in rows {
        let domain = format!("{label}.bench.test");
        publish(&lab, &domain, |of| if of == host { dead } else { web })?;
        if let Some(name) = name {
            lab.zone(&format!("{name}.{domain}"), SILENT)?;
        }
        let ispdb = if label == "db" { "https://imap.silent.test/" } else { "https://db.bench.test/v1.1/" };
        show(title, &ask(&domain, ispdb, &place)?);
    }
    // Nobody confirms the only other source: it is given the time that it could take to say otherwise.
    show(
        "autoconfig's host is silent, SRV records alone",
        &ask("halfdead.test", "https://db.bench.test/v1.1/", &place)?,
    );
    Ok(0)
}

/// Zone and documents of a domain; `of` says where a host below it is.
fn publish(lab: &Lab, domain: &str, of: impl Fn(&str) -> std::net::Ipv4Addr) -> Result<()> {
    let mail = lab.net().mail();
    let mut zone = format!(
        "imap A {mail}\nsmtp A {mail}\n@ MX 1 imap.{domain}\n\
         _imaps._tcp SRV 0 1 993 imap.{domain}\n_submission._tcp SRV 0 1 587 smtp.{domain}\n"
    );
    for host in ["autoconfig", "autodiscover"] {
        zone.push_str(&format!("{host} A {}\n", of(host)));
    }
    lab.zone(domain, &zone)?;
    lab.zone("bench.test", &format!("db A {}\n", lab.net().web()))?;
    let text = autoconfig(domain, &format!("imap.{domain}"), &format!("smtp.{domain}"));
    lab.document(&format!("autoconfig.{domain}"), "mail/config-v1.1.xml", &text)?;
    lab.document("db.bench.test", &format!("v1.1/{domain}"), &text)
}

fn ask(domain: &str, ispdb: &str, place: &std::path::Path) -> Result<Vec<Cost>> {
    let restante = target()?.join("release/restante");
    let mut costs = Vec::new();
    for _ in 0..=ROUNDS {
        let mut command = std::process::Command::new(&restante);
        command.args(["discover", &format!("ann@{domain}"), "--json"]).arg(format!("--ispdb={ispdb}"));
        costs.push(measure(&mut command, &place.join("log"))?);
    }
    // The first reads programs and roots from the disk.
    costs.remove(0);
    Ok(costs)
}
