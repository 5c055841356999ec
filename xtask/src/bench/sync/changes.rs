//! A small change in a large mailbox: what it costs in octets.

use testkit::Result;
use testkit::mail::Plan;

use super::{Bench, Figure};

pub(super) fn change_100k(bench: &mut Bench) -> Result<Vec<Figure>> {
    let user = bench.hundred()?;
    let data = bench.kept(&user, 100_000, "hundred")?;
    // Whatever another row did to the mailbox is not the change that is measured.
    bench.sync(&data)?;
    let message = Plan::inbox(&user, 1)
        .seed(77)
        .slots()
        .first()
        .map(|slot| slot.render(&Plan::inbox(&user, 1).seed(77)));
    let message = message.ok_or("the plan has no message")?;
    bench.lab.save(&user, "INBOX", &message)?;
    let mut other = bench.lab.client(&user)?;
    other.ask("SELECT INBOX")?;
    let said = other.ask("FETCH 50000 (UID FLAGS)")?;
    let sign = if said.contains("\\Flagged") { "-" } else { "+" };
    other.ask(&format!("STORE 50000 {sign}FLAGS (\\Flagged)"))?;
    other.ask("STORE 40000 +FLAGS (\\Deleted)")?;
    other.ask("EXPUNGE")?;
    drop(other);
    let synced = bench.sync(&data)?;
    let seen = [synced.sum("new"), synced.sum("changed"), synced.sum("removed")];
    if seen != [1, 1, 1] {
        return Err(format!("new, changed and removed are {seen:?}, not 1 each").into());
    }
    let (received, sent) = (synced.number("bytes_in")?, synced.number("bytes_out")?);
    let value = (received + sent).saturating_sub(message.len() as u64) as f64;
    println!(
        "{received} octets in, {sent} out, of which {} are the message; {} round trips, {:.2} s",
        message.len(),
        synced.number("round_trips")?,
        synced.cost.wall.as_secs_f64()
    );
    let title = "1 new, 1 flag, 1 gone in 100,000, without the message";
    Ok(vec![Figure { title, of: "octets both ways", value, must: 4096.0, aim: 2048.0 }])
}
