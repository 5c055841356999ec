//! Beside a client that writes without a pause: nothing is lost, nothing comes twice, every octet is the server's.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use testkit::lab::{Client, Lab};
use testkit::mail::Rng;

use crate::person::{Person, sums};
use crate::servers::set_up;

/// Syncs beside the other client, which writes as long as they take.
const SYNCS: usize = 5;
/// Messages that are compared to the octet.
const COMPARED: usize = 40;
const FLAGS: [&str; 4] = ["\\Seen", "\\Flagged", "\\Answered", "$Work"];

/// A client that does whatever comes to its mind in INBOX.
struct Writer {
    client: Client,
    rng: Rng,
    written: u32,
}

impl Writer {
    fn new(lab: &Lab, address: &str, seed: u64) -> Self {
        let mut client = lab.client(address).unwrap();
        client.ask("SELECT INBOX").unwrap();
        Self { client, rng: Rng::new(seed), written: 0 }
    }

    fn append(&mut self) {
        self.written += 1;
        let lines = "what follows is said often enough\r\n".repeat(self.rng.between(1, 60));
        let text = format!(
            "From: Bob <bob@mx.test>\r\nDate: Tue, 02 Jan 2024 10:00:00 +0000\r\n\
             Message-ID: <{}@mx.test>\r\nSubject: number {}\r\n\r\n{lines}",
            self.written, self.written
        );
        let flags = if self.rng.chance(30) { "\\Seen" } else { "" };
        self.client.append("INBOX", flags, text.as_bytes()).unwrap();
    }

    fn act(&mut self) {
        // UIDs begin at 1 here, so most of these are some message's.
        let uid = self.rng.between(1, self.written as usize + 1);
        match self.rng.below(10) {
            0..=3 => self.append(),
            4..=6 => {
                let sign = if self.rng.chance(60) { "+" } else { "-" };
                let flag = self.rng.pick(&FLAGS);
                self.client.ask(&format!("UID STORE {uid} {sign}FLAGS.SILENT ({flag})")).unwrap();
            }
            7 => {
                let last = uid + self.rng.below(4);
                self.client.ask(&format!("UID STORE {uid}:{last} +FLAGS.SILENT ($Work)")).unwrap();
            }
            8 => {
                self.client.ask(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)")).unwrap();
                self.client.ask(&format!("UID EXPUNGE {uid}")).unwrap();
            }
            _ => drop(self.client.ask("NOOP").unwrap()),
        }
    }
}

/// Ends the writing, also when a sync fails.
struct Met<'a>(&'a AtomicBool);

impl Drop for Met<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// UIDs and flags as another client sees them.
fn there(client: &mut Client) -> BTreeMap<u64, Vec<String>> {
    client.ask("SELECT INBOX").unwrap();
    let said = client.ask("UID FETCH 1:* (FLAGS)").unwrap();
    let mut all = BTreeMap::new();
    for row in said.lines().filter(|line| line.contains(" FETCH (")) {
        let uid = row.split_once("UID ").unwrap().1;
        let uid: String = uid.chars().take_while(char::is_ascii_digit).collect();
        let flags = row.split_once("FLAGS (").unwrap().1.split_once(')').unwrap().0;
        let mut flags: Vec<String> =
            flags.split(' ').filter(|flag| !matches!(*flag, "" | "\\Recent")).map(str::to_owned).collect();
        flags.sort_unstable();
        assert!(all.insert(uid.parse().unwrap(), flags).is_none(), "{said}");
    }
    all
}

/// The same as listed here.
fn here(person: &Person) -> BTreeMap<u64, Vec<String>> {
    let mut all = BTreeMap::new();
    for row in person.list(&["in:INBOX"]) {
        let flags = row["flags"].as_array().unwrap().iter().filter_map(Value::as_str);
        let mut flags: Vec<String> = flags.map(str::to_owned).collect();
        flags.sort_unstable();
        assert!(all.insert(row["uid"].as_u64().unwrap(), flags).is_none(), "{row:#}");
    }
    all
}

/// `BODY[]` of one message. Its lines are ASCII.
fn body(client: &mut Client, uid: u64) -> Vec<u8> {
    let said = client.ask(&format!("UID FETCH {uid} (BODY.PEEK[])")).unwrap();
    let (head, rest) = said.split_once("}\r\n").unwrap();
    let length: usize = head.rsplit_once('{').unwrap().1.parse().unwrap();
    rest.as_bytes()[..length].to_vec()
}

fn written_beside(person: &Person, seed: u64) {
    let mut writer = Writer::new(&person.lab, &person.address, seed);
    (0..20).for_each(|_| writer.append());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                writer.act();
            }
        });
        let met = Met(&done);
        for _ in 0..SYNCS {
            let report = person.sync();
            assert_eq!(report["findings"], serde_json::json!([]), "{report:#}");
        }
        drop(met);
    });
    person.sync();
    let mut client = person.lab.client(&person.address).unwrap();
    let all = there(&mut client);
    assert!(all.len() > 20, "{}", all.len());
    assert_eq!(here(person), all);
    assert_eq!(sums(&person.sync())[..3], [0, 0, 0]);
    let rows = person.list(&["in:INBOX"]);
    for row in rows.iter().step_by(rows.len().div_ceil(COMPARED)) {
        let raw = person.raw(row["id"].as_str().unwrap());
        assert!(raw == body(&mut client, row["uid"].as_u64().unwrap()), "{row:#}");
    }
}

#[test]
fn beside_a_random_writer_at_dovecot_nothing_is_lost_or_doubled() {
    written_beside(&Person::set_up(), 1);
}

#[test]
fn beside_a_random_writer_at_cyrus_nothing_is_lost_or_doubled() {
    written_beside(&set_up("cyrus.test"), 2);
}
