//! A provider's servers move: the account follows, and nothing is lost or downloaded twice.

use std::path::Path;
use std::time::{Duration, Instant};

use restante_core::mail::{Flags, Uid};
use restante_store::{Ask, Intent, Store};
use serde_json::Value;
use testkit::lab::{Lab, LoginAttempts, PASSWORD, autoconfig};
use testkit::mail::Plan;

use crate::person::{Person, mailboxes, sums};
use crate::sync::{agrees_with_the_server, message};
use crate::terminal::Terminal;

/// A provider with a domain and server names of its own, which may move.
struct Provider {
    lab: Lab,
    domain: String,
    /// What the names of the first servers end in.
    old: String,
    /// The same for the second ones.
    new: String,
}

impl Provider {
    fn new() -> Self {
        let lab = Lab::current();
        let unique = lab.fresh_user("x").replace("user-", "").replace("@x", "");
        let domain = format!("m{unique}.test");
        let web = lab.net().web();
        lab.zone(&domain, &format!("@ A {web}\nautoconfig A {web}\n")).unwrap();
        // One label, as the servers' certificates have it.
        let provider = Self { domain, old: format!("old-{unique}"), new: format!("new-{unique}"), lab };
        provider.serve(&provider.old);
        provider.publish(&provider.old);
        provider
    }

    /// `imap-OLD.autoconfig.test`
    fn host(kind: &str, servers: &str) -> String {
        format!("{kind}-{servers}.autoconfig.test")
    }

    /// Gives the names of servers an address.
    fn serve(&self, servers: &str) {
        for kind in ["imap", "smtp"] {
            let zone = format!("@ A {}\n", self.lab.net().mail());
            self.lab.zone(&Self::host(kind, servers), &zone).unwrap();
        }
    }

    /// Tells the world which servers to use.
    fn publish(&self, servers: &str) {
        let document = autoconfig(&self.domain, &Self::host("imap", servers), &Self::host("smtp", servers));
        let host = format!("autoconfig.{}", self.domain);
        self.lab.document(&host, "/mail/config-v1.1.xml", &document).unwrap();
    }

    /// A person here with an account that was set up by address and password alone.
    fn person(&self) -> Person {
        let person = Person::named(self.lab.clone(), self.lab.fresh_user(&self.domain));
        self.join(&person, &person.address);
        person
    }

    fn join(&self, person: &Person, address: &str) {
        person.run_with(format!("{PASSWORD}\n"), &["setup", address, "--password-stdin"]).succeeded();
        let shown = person.json(&["account", "show", address]);
        assert_eq!(shown["imap"]["host"], Self::host("imap", &self.old).as_str());
    }

    /// Moves: other names, and the old ones lead nowhere.
    fn moves(&self) {
        self.serve(&self.new);
        self.publish(&self.new);
        for kind in ["imap", "smtp"] {
            std::fs::remove_file(self.lab.state().zones().join(Self::host(kind, &self.old))).unwrap();
        }
    }

    /// The new servers' IMAP host, as an account shows it.
    fn new_imap(&self) -> String {
        Self::host("imap", &self.new)
    }
}

/// Takes from a user's mailboxes everything that says which UID a message has. Dovecot begins anew, with another
/// UIDVALIDITY, as after a copy to another machine.
fn give_new_uids(person: &Person) {
    let home = person.lab.state().home(&person.address);
    forget_uids(&home.join("Maildir"));
}

fn forget_uids(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && name.starts_with('.') {
            forget_uids(&path);
        }
        let about_uids = ["dovecot-uid", "dovecot.index", "dovecot.list.index", "dovecot.mailbox.log"];
        if about_uids.iter().any(|start| name.starts_with(start)) {
            std::fs::remove_file(&path).unwrap();
        }
    }
}

fn validity(person: &Person) -> String {
    let status = ["-f", "tab", "mailbox", "status", "-u", &person.address, "uidvalidity", "INBOX"];
    person.lab.doveadm(&status).unwrap()
}

/// Waits until Dovecot would give another UIDVALIDITY, which is the second of the clock.
fn another_second(person: &Person) {
    let validity: u64 = validity(person).split_whitespace().last().unwrap().parse().unwrap();
    testkit::lab::eventually("the clock goes on", || {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        (now > validity + 1).then_some(())
    })
    .unwrap();
}

/// Stars messages here, without a word to the server.
fn star(person: &Person, uids: &[u32]) {
    let mut store = Store::open(&person.data()).unwrap();
    let account = store.find_account(&person.address).unwrap().unwrap();
    let rows = store.mailboxes(account).unwrap();
    let inbox = rows.iter().find(|row| row.mailbox.name.is_inbox()).unwrap().id;
    for uid in uids {
        let intent =
            Intent::Flag { add: ["\\Flagged", "$Unpushed"].into_iter().collect(), remove: Flags::new() };
        let ask = Ask { mailbox: inbox, uid: Uid::new(*uid), intent };
        store.desk().request("star", &[ask], 1).unwrap();
    }
}

/// Ids of what is marked with the keyword that only this machine knows.
fn unpushed(person: &Person) -> Vec<String> {
    let rows = person.list(&[]);
    let marked = rows.iter().filter(|row| row["flags"].as_array().unwrap().contains(&"$Unpushed".into()));
    let mut ids: Vec<String> = marked.map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

/// Every message with its place and flags, without the UIDs.
fn mail(person: &Person) -> Vec<String> {
    let tell = |row: &Value| format!("{} {} {} {}", row["id"], row["mailboxes"], row["flags"], row["size"]);
    let mut mail: Vec<String> = person.list(&[]).iter().map(tell).collect();
    mail.sort();
    mail
}

/// How many messages the test moves. The whole promise is measured with 20,000.
fn messages() -> usize {
    std::env::var("RESTANTE_MOVE_MESSAGES").map_or(1000, |text| text.parse().unwrap())
}

#[test]
fn a_move_is_detected_confirmed_with_one_key_and_downloads_nothing_again() {
    let provider = Provider::new();
    let person = provider.person();
    let count = messages();
    let plan = Plan::household(&person.address, count);
    let bytes = person.lab.fill(&person.address, &plan).unwrap();
    assert_eq!(sums(&person.sync())[0], count as u64);
    star(&person, &[1, 2, 3, 7]);
    let friend = person.lab.fresh_user(&provider.domain);
    let letter = format!("From: {}\nTo: {friend}\nSubject: by whatever way\n\nHello.\n", person.address);
    assert_eq!(person.run_with(letter, &["send", "-t", "--no-send"]).status, 75);
    let before = (mail(&person), unpushed(&person));
    assert_eq!(before.1.len(), 4);
    let config = person.data().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("# My own words.\n{text}")).unwrap();

    another_second(&person);
    give_new_uids(&person);
    provider.moves();
    let attempts = person.lab.login_attempts(&person.address).unwrap();

    let begun = Instant::now();
    let mut terminal = Terminal::start(&person, "sync");
    terminal.answer("[y/N]", "y");
    let (screen, status) = terminal.end();
    let took = begun.elapsed();
    assert_eq!(status, 0, "{screen}");
    for words in [provider.new_imap().as_str(), &Provider::host("imap", &provider.old), "found by autoconfig"]
    {
        assert!(screen.contains(words), "no {words:?} in {screen}");
    }
    assert_eq!(screen.matches("[y/N]").count(), 1, "{screen}");
    // The only message that travels is the copy of what was just sent.
    assert!(screen.contains(&format!("{} messages in", count + 1)), "{screen}");
    assert!(screen.contains("; 1 new, 0 changed, 0 removed;") && screen.contains("recognised"), "{screen}");

    let received = screen.split("0 removed; ").last().and_then(|rest| rest.split_once(" in ")).unwrap().0;
    let (number, unit) = received.split_once(' ').unwrap();
    let unit = match unit {
        "KB" => 1e3,
        "MB" => 1e6,
        other => panic!("{other} in {screen}"),
    };
    let received = number.parse::<f64>().unwrap() * unit;
    assert!(received < 400.0 * count as f64 && received < bytes as f64 / 10.0, "{received} of {bytes}");

    // One verification and one sync; one verification and one message.
    let now = person.lab.login_attempts(&person.address).unwrap();
    assert_eq!(now.imap - attempts.imap, 2, "{screen}");
    assert_eq!(now.smtp - attempts.smtp, 2, "{screen}");
    let copy = person.only(&["in:Sent", "subject:\"by whatever way\""]);
    let mut after = mail(&person);
    after.retain(|row| !row.contains(&copy));
    assert_eq!((after, unpushed(&person)), before, "mail, folders, flags and what was asked are as before");
    assert_eq!(person.lab.count(&friend, "INBOX").unwrap(), 1, "what waited was sent");
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(text.starts_with("# My own words.\n"), "{text}");
    let report = person.sync();
    assert_eq!(sums(&report)[..3], [0, 0, 0]);
    agrees_with_the_server(&person, &report);
    eprintln!("{count} messages, {bytes} octets: moved in {took:?}\n{screen}");
}

#[test]
fn a_new_uidvalidity_costs_a_few_octets_a_message() {
    let person = Person::set_up();
    let count = 400;
    let bytes = person.lab.fill(&person.address, &Plan::household(&person.address, count)).unwrap();
    person.sync();
    star(&person, &[1, 2]);
    let before = (mail(&person), unpushed(&person));
    let was = validity(&person);
    another_second(&person);
    give_new_uids(&person);
    person.lab.deliver(&person.address, &message("came meanwhile")).unwrap();
    assert_ne!(validity(&person), was);
    let report = person.sync();
    assert_eq!(sums(&report), [1, 0, 0, count as u64 + 1], "{report:#}");
    let recognised: u64 =
        report["mailboxes"].as_array().unwrap().iter().map(|row| row["recognised"].as_u64().unwrap()).sum();
    assert_eq!(recognised, count as u64);
    let received = report["bytes_in"].as_u64().unwrap();
    assert!(received < 400 * count as u64 && received < bytes / 10, "{received} of {bytes}");
    agrees_with_the_server(&person, &report);
    let mut after = mail(&person);
    let new = person.only(&["subject:\"came meanwhile\""]);
    after.retain(|row| !row.contains(&new));
    assert_eq!((after, unpushed(&person)), before);
}

#[test]
fn killed_again_and_again_a_move_ends_with_everything_and_no_second_download() {
    let provider = Provider::new();
    let person = provider.person();
    person.lab.fill(&person.address, &Plan::household(&person.address, 600)).unwrap();
    person.sync();
    star(&person, &[1, 2, 3]);
    let before = (mail(&person), unpushed(&person));
    let packed = packs(&person);
    another_second(&person);
    give_new_uids(&person);
    provider.moves();
    person.text(&["account", "move", "--yes"]);
    let mut kills = 0;
    for pause in [40, 80, 120, 160, 200, 300] {
        let mut running = person.start(&["sync"]);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(pause) && running.ended().is_none() {
            std::thread::yield_now();
        }
        kills += u32::from(running.kill());
        assert_eq!((mail(&person), unpushed(&person)), before, "after {pause} ms");
    }
    assert!(kills > 0);
    let report = person.sync();
    assert_eq!(sums(&report), [0, 0, 0, 600], "{report:#}");
    agrees_with_the_server(&person, &report);
    assert_eq!((mail(&person), unpushed(&person)), before);
    assert_eq!(packs(&person), packed, "no content was written again");
}

fn packs(person: &Person) -> u64 {
    let packs = std::fs::read_dir(person.data().join("packs")).unwrap();
    packs.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn without_a_terminal_a_move_is_a_finding_and_no_password_leaves() {
    let provider = Provider::new();
    let person = provider.person();
    person.sync();
    // Nothing else is known: what was seen stays what is said.
    let refused = format!("@ A {}\n", person.lab.net().closed());
    person.lab.zone(&Provider::host("imap", &provider.old), &refused).unwrap();
    let (status, error) = person.error(&["sync"]);
    assert_eq!((status, &error["verdict"]), (69, &"connection-refused".into()), "{error:#}");

    provider.serve(&provider.new);
    provider.publish(&provider.new);
    let attempts = person.lab.login_attempts(&person.address).unwrap();
    let (status, error) = person.error(&["sync"]);
    assert_eq!((status, &error["verdict"]), (69, &"server-moved".into()), "{error:#}");
    assert_eq!(error["certainty"], "certain");
    assert_eq!(error["password"], "not-judged");
    let evidence = error["evidence"].as_str().unwrap();
    assert!(evidence.contains("autoconfig") && evidence.contains(&provider.new_imap()), "{evidence}");
    let remedy = format!("restante account move {}", person.address);
    assert!(error["remedy"].as_str().unwrap().contains(&remedy), "{error:#}");
    assert_eq!(person.lab.login_attempts(&person.address).unwrap(), attempts);

    // Sending notices it as well; the message is kept.
    provider.moves();
    let letter = format!("From: {0}\nTo: {0}\nSubject: x\n\nx\n", person.address);
    let sent = person.run_with(letter, &["send", "-t", "--json"]);
    assert_eq!(sent.status, 75, "{sent}");
    assert_eq!(sent.document()["state"], "deferred");
    assert_eq!(sent.complaint()["verdict"], "server-moved", "{sent}");
}

#[test]
fn no_is_no() {
    let provider = Provider::new();
    let person = provider.person();
    person.sync();
    provider.moves();
    let attempts = person.lab.login_attempts(&person.address).unwrap();
    let config = std::fs::read(person.data().join("config.toml")).unwrap();
    for command in ["sync", "account move"] {
        let mut terminal = Terminal::start(&person, command);
        terminal.answer("[y/N]", "n");
        let (screen, status) = terminal.end();
        assert_eq!(status, if command == "sync" { 69 } else { 1 }, "{screen}");
    }
    assert_eq!(person.lab.login_attempts(&person.address).unwrap(), attempts);
    assert_eq!(std::fs::read(person.data().join("config.toml")).unwrap(), config);
}

#[test]
fn a_move_on_demand_shows_asks_verifies_and_stores() {
    let provider = Provider::new();
    let person = provider.person();
    let same = person.run(&["account", "move", "--json"]);
    assert_eq!(same.status, 1, "{same}");
    assert_eq!(same.document()["accounts"][0]["state"], "same");

    provider.moves();
    let config = std::fs::read(person.data().join("config.toml")).unwrap();
    let attempts = person.lab.login_attempts(&person.address).unwrap();
    let planned = person.json(&["account", "move", "--dry-run"]);
    let row = &planned["accounts"][0];
    assert_eq!((&row["state"], &row["found_by"]), (&"planned".into(), &"autoconfig".into()));
    assert_eq!(row["new"]["imap"]["host"], provider.new_imap().as_str());
    assert_eq!(row["old"]["imap"]["host"], Provider::host("imap", &provider.old).as_str());
    assert_eq!(std::fs::read(person.data().join("config.toml")).unwrap(), config);
    assert_eq!(person.lab.login_attempts(&person.address).unwrap(), attempts);
    // Nobody can be asked here.
    assert_eq!(person.error(&["account", "move"]).0, 64);

    let moved = person.json(&["account", "move", "--yes"]);
    assert_eq!(moved["accounts"][0]["state"], "moved", "{moved:#}");
    let shown = person.json(&["account", "show"]);
    assert_eq!(shown["imap"]["host"], provider.new_imap().as_str());
    let now = person.lab.login_attempts(&person.address).unwrap();
    assert_eq!(now, LoginAttempts { imap: attempts.imap + 1, smtp: attempts.smtp + 1 });
    person.sync();

    // Back to servers that are given; one that does not work is not stored.
    let (status, error) = person.error(&["account", "move", "--yes", "--imap=imap.refused.test"]);
    assert_eq!((status, &error["verdict"]), (69, &"connection-refused".into()));
    assert_eq!(person.json(&["account", "show"])["imap"]["host"], provider.new_imap().as_str());
    let given = person.json(&["account", "move", "--yes", "--imap=imap.autoconfig.test"]);
    assert_eq!(given["accounts"][0]["found_by"], "given");
    let shown = person.json(&["account", "show"]);
    assert_eq!(shown["imap"]["host"], "imap.autoconfig.test");
    assert_eq!(shown["smtp"]["host"], Provider::host("smtp", &provider.new).as_str(), "the other stays");
}

#[test]
fn a_whole_domain_moves_with_one_question() {
    let provider = Provider::new();
    let person = provider.person();
    let second = person.lab.fresh_user(&provider.domain);
    provider.join(&person, &second);
    person.add_account(&person.lab.fresh_user("autoconfig.test"));
    provider.moves();
    let mut terminal = Terminal::start(&person, &format!("account move --domain {}", provider.domain));
    terminal.answer("[y/N]", "y");
    let (screen, status) = terminal.end();
    assert_eq!(status, 0, "{screen}");
    assert_eq!(screen.matches("[y/N]").count(), 1, "{screen}");
    let accounts = person.json(&["account", "list"]);
    let hosts: Vec<&str> = accounts["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|account| account["imap"]["host"].as_str().unwrap())
        .collect();
    assert_eq!(hosts.iter().filter(|host| **host == provider.new_imap()).count(), 2, "{hosts:?}");
    assert_eq!(person.error(&["account", "move", "--domain", "nosuch.test"]).0, 67);
}

#[test]
fn servers_that_nobody_vouches_for_need_more_than_a_yes() {
    let provider = Provider::new();
    let person = provider.person();
    person.sync();
    // The domain publishes nothing any more; its MX is a hoster's.
    let mail = "@ A 127.0.0.99\n@ MX 10 mx1.hoster.test\n";
    person.lab.zone(&provider.domain, mail).unwrap();
    for kind in ["imap", "smtp"] {
        let file = person.lab.state().zones().join(Provider::host(kind, &provider.old));
        std::fs::remove_file(file).unwrap();
    }
    let (status, error) = person.error(&["sync"]);
    assert_eq!((status, &error["verdict"]), (69, &"server-moved".into()), "{error:#}");
    assert_eq!(error["certainty"], "likely");
    let attempts = person.lab.login_attempts(&person.address).unwrap();
    let (status, error) = person.error(&["account", "move", "--yes"]);
    assert_eq!(status, 1, "{error:#}");
    assert!(error["evidence"].as_str().unwrap().contains("nobody vouches"), "{error:#}");
    assert_eq!(person.lab.login_attempts(&person.address).unwrap(), attempts);
    let mut terminal = Terminal::start(&person, "account move");
    terminal.answer("[y/N]", "y");
    let (screen, status) = terminal.end();
    assert_eq!(status, 0, "{screen}");
    assert!(screen.contains("NOBODY VOUCHES"), "{screen}");
    assert_eq!(mailboxes(&person.sync())["INBOX"][3], 0);
}

#[test]
fn a_pinned_server_that_stays_is_accepted_while_the_other_moves() {
    let person = Person::new("selfsigned.test");
    let password = format!("{PASSWORD}\n");
    let (_, error) =
        person.run_with(&password, &["setup", &person.address, "--password-stdin", "--json"]).error();
    let pin = error["fingerprint"].as_str().unwrap().to_owned();
    person.run_with(&password, &["setup", &person.address, "--password-stdin", "--pin", &pin]).succeeded();
    let report = person.json(&["account", "move", "--imap", "imap.srv.test", "--yes"]);
    assert_eq!(report["accounts"][0]["state"], "moved", "{report:#}");
    assert_eq!(report["accounts"][0]["new"]["smtp"]["host"], "smtp.selfsigned.test");
}
