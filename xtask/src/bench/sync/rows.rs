//! Rows about speed and memory.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use testkit::Result;
use testkit::link::{Link, Quality};
use testkit::mail::Plan;

use super::peers::Mbsync;
use super::{Bench, Figure, HOST, Series, ratio, table};

const ROUNDS: usize = 3;

pub(super) fn first_20k(bench: &mut Bench) -> Result<Vec<Figure>> {
    let user = bench.twenty()?;
    let mut drain = Series::new("raw drain");
    let mut fetched = Series::new("restante, fetched and durable");
    let mut whole = Series::new("restante, searchable too");
    for _ in 0..ROUNDS {
        drain.costs.push(bench.drain(&user, HOST, 993)?);
        let synced = bench.first_sync(&user, 20_000, "twenty")?;
        fetched.costs.push(synced.fetched()?);
        whole.costs.push(synced.cost);
    }
    table("first sync of 20,000", &[&drain, &fetched, &whole]);
    let of = "raw drain";
    Ok(vec![
        Figure {
            title: "first sync of 20,000, durable",
            of,
            value: ratio(&fetched, &drain),
            must: 1.6,
            aim: 1.2,
        },
        Figure { title: "the same, searchable", of, value: ratio(&whole, &drain), must: 3.5, aim: 2.0 },
    ])
}

/// The others at the same mailbox, once: some of them take minutes.
pub(super) fn peers(bench: &mut Bench) -> Result<Vec<Figure>> {
    let user = bench.twenty()?;
    let mut all = vec![Series::new("raw drain"), Series::new("restante, searchable")];
    all[0].costs.push(bench.drain(&user, HOST, 993)?);
    all[1].costs.push(bench.first_sync(&user, 20_000, "twenty")?.cost);
    for how in [Mbsync::Tuned, Mbsync::Usual] {
        let mut series = Series::new(how.name());
        let folder = bench.folder("mbsync");
        series.costs.push(bench.mbsync(how, &user, HOST, 993, &folder)?);
        std::fs::remove_dir_all(folder)?;
        all.push(series);
    }
    let folder = bench.folder("offlineimap");
    let mut series = Series::new("offlineimap, without fsync");
    series.costs.push(bench.offlineimap(&user, &folder)?);
    std::fs::remove_dir_all(folder)?;
    all.push(series);
    table("first sync of 20,000", &all.iter().collect::<Vec<_>>());
    Ok(Vec::new())
}

pub(super) fn unchanged_20k(bench: &mut Bench) -> Result<Vec<Figure>> {
    let user = bench.twenty()?;
    let data = bench.kept(&user, 20_000, "twenty")?;
    let folder = bench.folder("mbsync");
    bench.mbsync(Mbsync::Tuned, &user, HOST, 993, &folder)?;
    let mut mbsync = Series::new("mbsync");
    let mut restante = Series::new("restante");
    // Whole processes of a fraction of a second: more rounds cost nothing.
    for _ in 0..ROUNDS * 3 {
        mbsync.costs.push(bench.mbsync(Mbsync::Tuned, &user, HOST, 993, &folder)?);
        restante.costs.push(bench.sync(&data)?.cost);
    }
    std::fs::remove_dir_all(folder)?;
    table("nothing changed, 20,000, whole process", &[&mbsync, &restante]);
    let value = ratio(&restante, &mbsync);
    Ok(vec![Figure {
        title: "nothing changed, 20,000, whole process",
        of: "mbsync",
        value,
        must: 0.5,
        aim: 0.25,
    }])
}

pub(super) fn slow_link(bench: &mut Bench) -> Result<Vec<Figure>> {
    let user = bench.mailbox("thousand", |user| Plan::inbox(user, 1000))?;
    let host = "slow.autoconfig.test";
    let quality = Quality { round_trip: Duration::from_millis(40), rate: 100_000_000 / 8 };
    let far = SocketAddr::new(IpAddr::from(bench.lab.net().mail()), 993);
    let link = Link::start(SocketAddr::from(([127, 0, 0, 1], 0)), far, quality)?;
    let port = link.address().port();
    bench.lab.zone(host, &format!("@ A {}\n", link.address().ip()))?;
    let mut drain = Series::new("raw drain");
    let mut fetched = Series::new("restante, fetched and durable");
    let mut restante = Series::new("restante, searchable too");
    let mut mbsync = [Mbsync::Tuned, Mbsync::Usual].map(|how| (how, Series::new(how.name())));
    let (mut received, mut round_trips) = (0, 0);
    for _ in 0..ROUNDS {
        drain.costs.push(bench.drain(&user, host, port)?);
        let data = bench.store(&user, Some(&format!("{host}:{port}/tls")))?;
        let synced = bench.sync(&data)?;
        if synced.sum("new") != 1000 {
            return Err(format!("{} messages were fetched, not 1000", synced.sum("new")).into());
        }
        received = synced.number("bytes_in")?;
        round_trips = synced.number("round_trips")?;
        fetched.costs.push(synced.fetched()?);
        restante.costs.push(synced.cost);
        std::fs::remove_dir_all(data)?;
        for (how, series) in &mut mbsync {
            let folder = bench.folder("mbsync");
            series.costs.push(bench.mbsync(*how, &user, host, port, &folder)?);
            std::fs::remove_dir_all(folder)?;
        }
    }
    let [(_, tuned), (_, usual)] = &mbsync;
    table("first sync of 1,000 over 40 ms and 100 Mbit/s", &[&drain, &fetched, &restante, tuned, usual]);
    println!(
        "\nrestante received {:.1} MB in {round_trips} round trips after the login",
        received as f64 / 1e6
    );
    let value = ratio(&fetched, &drain);
    let title = "first sync of 1,000, 40 ms, 100 Mbit/s, durable";
    Ok(vec![Figure { title, of: "raw drain", value, must: 0.8, aim: 0.55 }])
}

pub(super) fn unchanged_50(bench: &mut Bench) -> Result<Vec<Figure>> {
    let user = bench.mailbox("fifty", |user| {
        let mailbox = |n: usize| if n == 0 { ("INBOX".to_owned(), 1) } else { (format!("Place {n}"), 1) };
        Plan { mailboxes: (0..50).map(mailbox).collect(), ..Plan::inbox(user, 1000) }
    })?;
    let data = bench.store(&user, None)?;
    bench.sync(&data)?;
    let synced = bench.sync(&data)?;
    let mailboxes = synced.report["mailboxes"].as_array().map_or(0, Vec::len);
    if mailboxes < 50 || synced.sum("total") != 1000 {
        return Err(format!("{} messages in {mailboxes} mailboxes", synced.sum("total")).into());
    }
    let value = synced.number("round_trips")? as f64;
    println!("{mailboxes} mailboxes: {value} round trips, {} octets in", synced.number("bytes_in")?);
    let title = "nothing changed, 50 mailboxes";
    Ok(vec![Figure { title, of: "round trips after the login", value, must: 3.0, aim: 2.0 }])
}

pub(super) fn first_100k(bench: &mut Bench) -> Result<Vec<Figure>> {
    let user = bench.hundred()?;
    let mut drain = Series::new("raw drain");
    let mut fetched = Series::new("restante, fetched and durable");
    let mut whole = Series::new("restante, searchable too");
    for _ in 0..ROUNDS {
        drain.costs.push(bench.drain(&user, HOST, 993)?);
        let synced = bench.first_sync(&user, 100_000, "hundred")?;
        fetched.costs.push(synced.fetched()?);
        whole.costs.push(synced.cost);
    }
    table("first sync of 100,000 of 3 KB", &[&drain, &fetched, &whole]);
    let value = ratio(&fetched, &drain);
    Ok(vec![Figure {
        title: "first sync of 100,000 of 3 KB, durable",
        of: "raw drain",
        value,
        must: 2.5,
        aim: 1.5,
    }])
}

pub(super) fn memory(bench: &mut Bench) -> Result<Vec<Figure>> {
    let user = bench.hundred()?;
    bench.lab.save(&user, "INBOX", &large(100_000_000))?;
    let data = bench.store(&user, None)?;
    let synced = bench.sync(&data);
    // The other rows want the mailbox as it was.
    bench.lab.doveadm(&["expunge", "-u", &user, "mailbox", "INBOX", "larger", "50M"])?;
    let synced = synced?;
    std::fs::remove_dir_all(data)?;
    if synced.sum("new") != 100_001 {
        return Err(format!("{} messages were fetched, not 100,001", synced.sum("new")).into());
    }
    let value = synced.cost.peak as f64 / 1e6;
    println!(
        "100,001 messages, one of 100 MB: {value:.0} MB at most, {:.1} s",
        synced.cost.wall.as_secs_f64()
    );
    let title = "peak memory, first sync of 100,000 with one of 100 MB";
    Ok(vec![Figure { title, of: "MB", value, must: 96.0, aim: 48.0 }])
}

/// A message with one attachment, `octets` long.
fn large(octets: usize) -> Vec<u8> {
    let mut message = b"From: Bob <bob@mx.test>\r\nTo: ann@autoconfig.test\r\nSubject: everything\r\n\
        Date: Thu, 28 May 2026 10:00:00 +0000\r\nMessage-ID: <everything@mx.test>\r\nMIME-Version: 1.0\r\n\
        Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        .to_vec();
    let mut number = 0_u64;
    while message.len() < octets {
        number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
        message.extend_from_slice(format!("{:016x}", number.wrapping_mul(number | 1)).repeat(4).as_bytes());
        message.extend_from_slice(b"\r\n");
    }
    message
}
