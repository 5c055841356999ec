//! Killed in the middle, again and again: the next run goes on, and ends with exactly what the server has.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::mail::Plan;

use crate::person::{Person, Running, sums};
use crate::sync::{agrees_with_the_server, message};

const MESSAGES: usize = 600;

/// Bytes of message contents on disk.
fn packed(person: &Person) -> u64 {
    let Ok(packs) = std::fs::read_dir(person.data().join("packs")) else { return 0 };
    packs.map(|entry| entry.unwrap().metadata().map_or(0, |meta| meta.len())).sum()
}

/// Waits until `ready`, or the program has ended. Gives whether it came to be ready.
fn watch(running: &mut Running, mut ready: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(40);
    while Instant::now() < deadline {
        if ready() {
            return true;
        }
        if running.ended().is_some() {
            return false;
        }
        std::thread::yield_now();
    }
    panic!("nothing came of it within 40 seconds");
}

/// All that a listing tells, but for what differs from one machine to another.
fn everything(person: &Person) -> Vec<Value> {
    let mut rows = person.list(&[]);
    for row in &mut rows {
        let row = row.as_object_mut().unwrap();
        row.remove("id");
        row.remove("thread");
    }
    rows.sort_by_key(|row| (row["mailboxes"].to_string(), row["uid"].as_u64()));
    rows
}

/// Words that stand in the mail, some in the bodies alone.
fn words(person: &Person) -> Vec<String> {
    let rows = person.list(&[]);
    let snippets = rows.iter().step_by(rows.len() / 40 + 1).filter_map(|row| row["snippet"].as_str());
    let words =
        snippets.filter_map(|text| text.split(|c: char| !c.is_alphanumeric()).max_by_key(|w| w.len()));
    words.filter(|word| word.chars().count() > 3).map(str::to_owned).collect()
}

#[test]
fn a_sync_killed_again_and_again_ends_with_exactly_the_servers_messages() {
    let person = Person::set_up();
    let plan = Plan::household(&person.address, MESSAGES);
    let bytes = person.lab.fill(&person.address, &plan).unwrap();
    let mut kills_in_the_middle = 0;
    for round in 1..=6 {
        // Contents are compressed to about half; every round comes further than the one before.
        let mark = packed(&person) + bytes / 40 * round.min(4);
        let mut running = person.start(&["sync"]);
        watch(&mut running, || packed(&person) >= mark);
        if running.kill() {
            kills_in_the_middle += 1;
        }
        // What is here can be read at any moment, and every message that is listed is whole.
        if person.data().join("mail.db").exists() {
            let rows = person.list(&[]);
            assert!(rows.len() <= MESSAGES);
            for row in rows.iter().step_by(rows.len() / 5 + 1) {
                let raw = person.raw(row["id"].as_str().unwrap());
                assert_eq!(raw.len() as u64, row["size"].as_u64().unwrap(), "{row:#}");
            }
        }
    }
    assert!(kills_in_the_middle >= 3, "only {kills_in_the_middle} kills came in the middle");

    let report = person.sync();
    assert_eq!(report["findings"], serde_json::json!([]));
    agrees_with_the_server(&person, &report);
    assert_eq!(sums(&report)[3], MESSAGES as u64);
    assert_eq!(sums(&person.sync()), [0, 0, 0, MESSAGES as u64]);

    // A machine that was never disturbed knows the same, and finds the same.
    let undisturbed = person.elsewhere();
    undisturbed.sync();
    assert_eq!(everything(&person), everything(&undisturbed));
    let words = words(&undisturbed);
    assert!(words.len() > 20, "{words:?}");
    for word in &words {
        let found = person.count(&[word]);
        assert!(found > 0, "{word} is not found");
        assert_eq!(found, undisturbed.count(&[word]), "{word}");
    }
    let here: Vec<Value> = person.list(&[]);
    for row in here.iter().step_by(60) {
        let place = format!("in:\"{}\"", row["mailboxes"][0].as_str().unwrap());
        let twins = undisturbed.list(&[&place]);
        let twin = twins.iter().find(|twin| twin["uid"] == row["uid"]).unwrap();
        let (ours, theirs) = (row["id"].as_str().unwrap(), twin["id"].as_str().unwrap());
        assert!(person.raw(ours) == undisturbed.raw(theirs), "{row:#}");
    }
}

#[test]
fn killed_while_making_mail_searchable_the_next_run_completes_the_index() {
    let person = Person::set_up();
    let user = &person.address;
    // The index is made beside the fetch, after each commit of up to a thousand messages.
    person.lab.fill(user, &Plan::inbox(user, 1200).mean_bytes(3 * 1024)).unwrap();
    let mut running = person.start(&["sync"]);
    let index = person.data().join("search.db-wal");
    // Some of it is there.
    let middle = watch(&mut running, || size(&index) > 200_000);
    let killed = running.kill();
    assert!(middle && killed, "the index was complete before it could be disturbed");
    person.lab.deliver(user, &message("after the crash")).unwrap();
    person.sync();
    let undisturbed = person.elsewhere();
    undisturbed.sync();
    let words = words(&undisturbed);
    assert!(words.len() > 20, "{words:?}");
    for word in words.iter().chain([&"crash".to_owned()]) {
        let found = person.count(&[word]);
        assert!(found > 0, "{word} is not found");
        assert_eq!(found, undisturbed.count(&[word]), "{word}");
    }
}

fn size(path: &Path) -> u64 {
    path.metadata().map_or(0, |meta| meta.len())
}

#[test]
fn a_second_sync_at_the_same_time_waits_for_another_day() {
    let person = Person::set_up();
    person.lab.fill(&person.address, &Plan::inbox(&person.address, 400)).unwrap();
    let mut first = person.start(&["sync"]);
    assert!(watch(&mut first, || packed(&person) > 0), "the first sync is at work");
    let (status, error) = person.error(&["sync"]);
    let still_running = first.ended().is_none();
    assert!(still_running, "the first sync was done before the second began");
    assert_eq!(status, 75, "{error:#}");
    let evidence = error["evidence"].as_str().unwrap();
    assert!(evidence.contains("in use by another restante"), "{evidence}");
    // Reading goes on beside it.
    assert!(person.run(&["count"]).status <= 1);
    assert!(watch(&mut first, || false) || first.ended() == Some(0));
    assert_eq!(person.count(&[]), 400);
}
