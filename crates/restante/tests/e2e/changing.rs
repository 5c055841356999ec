//! Changing mail: each verb reaches the server, can be taken back, and waits where there is no network.

use std::process::Stdio;

use serde_json::{Value, json};
use testkit::lab::eventually;

use crate::person::Person;
use crate::sync::message;

/// Somebody with messages of these subjects in the INBOX, oldest first.
pub(crate) fn with_mail(person: Person, subjects: &[&str]) -> Person {
    for subject in subjects {
        person.lab.save(&person.address, "INBOX", &message(subject)).unwrap();
    }
    person.sync();
    person
}

/// The subjects a mailbox has on the server, in its order.
fn there(person: &Person, mailbox: &str) -> Vec<String> {
    let args = ["-f", "tab", "fetch", "-u", &person.address, "hdr.subject", "mailbox", mailbox, "all"];
    person.lab.doveadm(&args).unwrap().lines().skip(1).map(str::to_owned).collect()
}

/// The flags of the only message with this subject on the server.
fn flags_there(person: &Person, subject: &str) -> Vec<String> {
    let args = ["-f", "tab", "fetch", "-u", &person.address, "flags", "mailbox", "*", "subject", subject];
    let said = person.lab.doveadm(&args).unwrap();
    let flags = said.lines().nth(1).unwrap_or_else(|| panic!("no {subject}: {said}"));
    let mut flags: Vec<String> =
        flags.split(' ').filter(|flag| !flag.is_empty() && *flag != "\\Recent").map(str::to_owned).collect();
    flags.sort();
    flags
}

fn mailboxes_there(person: &Person) -> Vec<String> {
    let said = person.lab.doveadm(&["mailbox", "list", "-u", &person.address]).unwrap();
    said.lines().map(str::to_owned).collect()
}

/// The subjects a mailbox has here, newest first.
fn here(person: &Person, mailbox: &str) -> Vec<String> {
    let rows = person.list(&[&format!("in:\"{mailbox}\"")]);
    rows.iter().map(|row| row["subject"].as_str().unwrap().to_owned()).collect()
}

/// The id of the only message with this subject.
fn id(person: &Person, subject: &str) -> String {
    person.only(&[&format!("subject:\"{subject}\"")])
}

/// The state of a document, and those of its operations, each once.
fn states(document: &Value) -> (Value, Vec<Value>) {
    let operations = document["operations"].as_array().unwrap();
    let mut states: Vec<Value> = operations.iter().map(|operation| operation["state"].clone()).collect();
    states.dedup();
    (document["state"].clone(), states)
}

fn is_done(document: &Value) {
    assert_eq!(states(document), (json!("done"), vec![json!("done")]), "{document:#}");
}

fn is_waiting(document: &Value) {
    assert_eq!(states(document), (json!("waiting"), vec![json!("waiting")]), "{document:#}");
}

/// Takes back the latest change.
fn undo(person: &Person) -> Value {
    let document = person.json(&["undo"]);
    assert_eq!(document["lost"], json!([]), "{document:#}");
    document
}

#[test]
fn what_is_archived_is_in_the_archive_of_the_server_and_undo_brings_it_back() {
    let person = with_mail(Person::set_up(), &["one", "two", "three"]);
    let (one, two) = (id(&person, "one"), id(&person, "two"));
    let ran = person.run(&["archive", &one[..6], &two]).succeeded();
    assert!(ran.text().contains("archived 2 messages; `restante undo "), "{ran}");
    assert_eq!(here(&person, "INBOX"), ["three"]);
    assert_eq!((there(&person, "INBOX"), there(&person, "Archive").len()), (vec!["three".to_owned()], 2));
    assert_eq!(
        person.run(&["archive", &one]).succeeded().stderr,
        "1 message is in Archive already\nnothing to change\n"
    );

    is_done(&undo(&person));
    assert_eq!(there(&person, "Archive"), Vec::<String>::new());
    assert_eq!(there(&person, "INBOX").len(), 3);
    person.sync();
    assert_eq!(here(&person, "INBOX").len(), 3);
    let (status, error) = person.error(&["undo"]);
    assert_eq!((status, &error["verdict"]), (66, &json!("not-found")), "{error:#}");
}

#[test]
fn offline_everything_is_shown_at_once_and_the_next_sync_brings_it_to_the_server() {
    let person = with_mail(Person::set_up(), &["one", "two", "three"]);
    let one = id(&person, "one");
    let two = id(&person, "two");
    let ran = person.run(&["--offline", "archive", &one]).succeeded();
    assert!(ran.text().contains("archived \"one\" here, the server follows"), "{ran}");
    assert!(ran.stderr.contains("restante sync"), "{ran}");
    is_waiting(&person.json(&["--offline", "mark", &two, "--read", "--star"]));
    is_waiting(&person.json(&["--offline", "trash", "--query", "subject:three"]));
    assert_eq!(here(&person, "INBOX"), ["two"]);
    assert_eq!(
        (here(&person, "Archive"), here(&person, "Trash")),
        (vec!["one".to_owned()], vec!["three".to_owned()])
    );
    assert_eq!(person.count(&["is:starred"]), 1);
    assert_eq!(there(&person, "INBOX").len(), 3, "the server knows nothing of it");
    let inbox = mailbox(&person, "INBOX");
    assert_eq!((&inbox["total"], &inbox["unread"], &inbox["waiting"]), (&json!(1), &json!(0), &json!(3)));
    assert_eq!(mailbox(&person, "Archive")["total"], 1);

    // What never reached the server is forgotten, and nothing is asked.
    let document = person.json(&["--offline", "undo"]);
    assert_eq!(
        (&document["forgotten"], &document["request"], &document["state"]),
        (&json!(1), &Value::Null, &json!("done"))
    );
    assert_eq!(here(&person, "Trash"), Vec::<String>::new());

    person.sync();
    assert_eq!(there(&person, "Archive"), ["one"]);
    assert_eq!(flags_there(&person, "two"), ["\\Flagged", "\\Seen"]);
    assert_eq!(there(&person, "INBOX").len(), 2);
    assert_eq!(mailbox(&person, "INBOX")["waiting"], 0);
}

/// A row of `mailbox list`.
fn mailbox(person: &Person, name: &str) -> Value {
    let list = person.json(&["mailbox", "list"]);
    let rows = list["mailboxes"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name}: {list:#}")).clone()
}

#[test]
fn marks_and_keywords_are_set_and_cleared_on_the_server() {
    let person = with_mail(Person::set_up(), &["one"]);
    let one = id(&person, "one");
    let ran = person.run(&["mark", &one, "--read", "--star", "--answered"]).succeeded();
    assert!(ran.text().starts_with("marked \"one\" read, starred, answered; "), "{ran}");
    assert_eq!(flags_there(&person, "one"), ["\\Answered", "\\Flagged", "\\Seen"]);
    is_done(&person.json(&["mark", &one, "--unread", "--unstar"]));
    assert_eq!(flags_there(&person, "one"), ["\\Answered"]);
    is_done(&undo(&person));
    assert_eq!(flags_there(&person, "one"), ["\\Answered", "\\Flagged", "\\Seen"]);

    is_done(&person.json(&["tag", &one, "+work", "+$Forwarded"]));
    assert_eq!(flags_there(&person, "one"), ["$Forwarded", "\\Answered", "\\Flagged", "\\Seen", "work"]);
    let document = person.json(&["tag", &one, "-work", "+later", "+WORK2"]);
    assert_eq!(document["words"], "tag \"one\" -work +later +WORK2");
    assert_eq!(document["operations"][0]["remove"], json!(["work"]));
    let flags = flags_there(&person, "one");
    assert!(!flags.contains(&"work".to_owned()) && flags.contains(&"later".to_owned()), "{flags:?}");
    // What is so already asks nothing of anybody.
    let document = person.json(&["tag", &one, "+Later"]);
    assert_eq!((&document["state"], &document["request"]), (&json!("nothing"), &Value::Null));

    for bad in ["+a b", "+größe", "+\\Seen", "+50%", "-(", "+]"] {
        let (status, error) = person.error(&["tag", &one, bad]);
        assert_eq!((status, &error["verdict"]), (64, &json!("usage")), "{bad}: {error:#}");
    }
    for args in [
        &["tag", &one][..],
        &["tag", "+work"],
        &["tag", &one, "+a", "-A"],
        &["mark", &one],
        &["mark", "--read"],
        &["mark", &one, "--read", "--unread"],
        &["move", &one],
        &["archive"],
        &["archive", &one, "--query", "x"],
        &["archive", "--query", ""],
    ] {
        assert_eq!(person.run(args).status, 64, "{args:?}");
    }
}

#[test]
fn a_message_is_moved_to_where_it_is_said_and_copied_on_request() {
    let person = with_mail(Person::set_up(), &["one", "two"]);
    is_done(&person.json(&["mailbox", "create", "Work/Größe"]));
    person.sync();
    let one = id(&person, "one");
    let document = person.json(&["move", &one, "--to", "work/größe"]);
    is_done(&document);
    assert_eq!(document["operations"][0]["to"], "Work/Größe");
    assert_eq!(
        (there(&person, "Work/Größe"), there(&person, "INBOX")),
        (vec!["one".to_owned()], vec!["two".to_owned()])
    );
    is_done(&undo(&person));
    assert_eq!((there(&person, "Work/Größe").len(), there(&person, "INBOX").len()), (0, 2));

    person.sync();
    is_done(&person.json(&["move", &one, "--copy", "--to", "Work/Größe"]));
    assert_eq!((there(&person, "Work/Größe").len(), there(&person, "INBOX").len()), (1, 2));
    person.sync();
    // Out of everywhere, unless it is said from where.
    is_done(&person.json(&["move", "--query", "one in:inbox", "--to", "trash"]));
    assert_eq!(
        (there(&person, "Work/Größe").len(), there(&person, "INBOX").len(), there(&person, "Trash").len()),
        (1, 1, 1)
    );
    person.sync();
    let (status, error) = person.error(&["move", &one, "--from", "INBOX", "--to", "Work/Größe"]);
    assert_eq!(status, 66, "{error:#}");
    is_done(&person.json(&["move", &one, "--to", "INBOX"]));
    assert_eq!(
        (there(&person, "Work/Größe").len(), there(&person, "INBOX").len(), there(&person, "Trash").len()),
        (0, 3, 0)
    );
    let (status, error) = person.error(&["move", &one, "--to", "Nowhere"]);
    assert_eq!(status, 66, "{error:#}");
    assert!(error["evidence"].as_str().unwrap().contains("mailbox create"), "{error:#}");
}

#[test]
fn what_is_removed_for_good_is_gone_and_undo_adds_it_again() {
    let person = with_mail(Person::set_up(), &["one", "two"]);
    let one = id(&person, "one");
    let octets = person.raw(&one);
    is_done(&person.json(&["trash", &one]));
    assert_eq!(there(&person, "Trash"), ["one"]);
    person.sync();
    let ran = person.run(&["trash", &one]).succeeded();
    assert!(ran.stderr.contains("--forever"), "{ran}");
    assert_eq!(there(&person, "Trash"), ["one"]);
    is_done(&person.json(&["trash", &one, "--forever"]));
    assert_eq!((there(&person, "Trash").len(), there(&person, "INBOX").len()), (0, 1));
    is_done(&undo(&person));
    assert_eq!(there(&person, "Trash"), ["one"]);
    person.sync();
    assert_eq!(person.raw(&id(&person, "one")), octets);
}

#[test]
fn ids_come_from_standard_input_and_a_dry_run_changes_nothing() {
    let person = with_mail(Person::set_up(), &["one", "two", "three"]);
    let listed = person.text(&["list", "--ids", "-three"]);
    let ran = person.run_with(&listed, &["archive", "-", "--dry-run", "--json"]).succeeded();
    let document = ran.document();
    assert_eq!(
        (&document["messages"], &document["request"], &document["dry_run"]),
        (&json!(2), &Value::Null, &json!(true))
    );
    assert_eq!(states(&document), (json!("planned"), vec![json!("planned")]));
    let ran = person.run_with(&listed, &["archive", "-", "--dry-run"]).succeeded();
    assert!(ran.text().contains("INBOX -> Archive  one\n"), "{ran}");
    assert!(ran.stderr.contains("would archive 2 messages; nothing was changed"), "{ran}");
    // Where nothing may be changed, what would be can be shown.
    person.run(&["--read-only", "trash", "--query", "one", "--dry-run"]).succeeded();
    assert_eq!((here(&person, "INBOX").len(), there(&person, "INBOX").len()), (3, 3));
    assert_eq!(person.run(&["undo", "--list"]).status, 1, "nothing was recorded");

    // The lines of a list as a person reads it will do, and so will blank ones.
    let table = person.text(&["list", "-three"]);
    let ran = person.run_with(format!("\n{table}\n\n"), &["archive", "-", "--json"]).succeeded();
    is_done(&ran.document());
    assert_eq!((there(&person, "INBOX"), there(&person, "Archive").len()), (vec!["three".to_owned()], 2));
    assert_eq!(person.run_with("", &["archive", "-"]).status, 1);
    let ran = person.run_with(&listed, &["read", "-", "--text"]).succeeded();
    assert!(ran.text().contains("The body of one.") && ran.text().contains("The body of two."), "{ran}");
}

#[test]
fn one_unknown_id_and_nothing_is_recorded() {
    let person = with_mail(Person::set_up(), &["one", "two"]);
    let one = id(&person, "one");
    for args in [
        &["archive", &one, "kkkkkkkkkkkk"][..],
        &["mark", "kkkkkkkkkkkk", &one, "--read"],
        &["tag", &one, "nonsense", "+work"],
        &["undo", "99"],
        &["undo"],
    ] {
        let (status, error) = person.error(args);
        assert_eq!((status, &error["verdict"]), (66, &json!("not-found")), "{args:?}: {error:#}");
    }
    let (status, error) = person.error(&["--read-only", "archive", &one]);
    assert_eq!(status, 64, "{error:#}");
    let ran = person.run(&["archive", "--query", "subject:none", "--dry-run", "--json"]);
    assert_eq!((ran.status, &ran.document()["state"]), (1, &json!("nothing")), "{ran}");
}

#[test]
fn while_another_restante_is_the_writer_a_change_is_taken_down_all_the_same() {
    let person = with_mail(Person::set_up(), &["one", "two"]);
    let one = id(&person, "one");
    // The lock of the one writer, held by somebody who does not move.
    let mut holder = std::process::Command::new("flock")
        .arg(person.data().join("lock"))
        .args(["sh", "-c", "echo held; read line"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 5];
    std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut said).unwrap();
    assert_eq!(person.error(&["sync"]).0, 75, "the store is held");
    let document = person.json(&["archive", &one]);
    is_waiting(&document);
    assert!(document["why"].as_str().unwrap().contains("another restante"), "{document:#}");
    is_waiting(&person.json(&["mailbox", "create", "Later"]));
    assert_eq!(here(&person, "INBOX"), ["two"]);
    drop(holder.stdin.take());
    holder.wait().unwrap();
    person.sync();
    assert_eq!(there(&person, "Archive"), ["one"]);
    assert!(mailboxes_there(&person).contains(&"Later".to_owned()));
}

#[test]
fn a_server_that_cannot_be_reached_is_no_failure() {
    let person = with_mail(Person::set_up(), &["one"]);
    let config = person.data().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("imap.autoconfig.test", "imap.refused.test")).unwrap();
    let document = person.json(&["archive", "--query", "one"]);
    is_waiting(&document);
    assert!(document["why"].as_str().unwrap().contains("imap.refused.test"), "{document:#}");
    assert_eq!(here(&person, "Archive"), ["one"]);
    let ran = person.run(&["undo", "--list"]).succeeded();
    assert!(ran.text().contains("archive \"one\"  (1 waiting)"), "{ran}");
    std::fs::write(&config, text).unwrap();
    person.sync();
    assert_eq!(there(&person, "Archive"), ["one"]);
    // The server has done it meanwhile: now it is asked to do the opposite.
    let document = undo(&person);
    assert_eq!(document["forgotten"], 0);
    is_done(&document);
    assert_eq!(there(&person, "INBOX"), ["one"]);
    let again = document["request"].as_i64().unwrap().to_string();
    is_done(&person.json(&["undo", &again]));
    assert_eq!(there(&person, "Archive"), ["one"]);
}

#[test]
fn mailboxes_are_made_renamed_and_removed() {
    let person = with_mail(Person::set_up(), &["one"]);
    let ran = person.run(&["mailbox", "create", "Work"]).succeeded();
    assert!(ran.text().starts_with("created mailbox Work; `restante undo "), "{ran}");
    assert!(mailboxes_there(&person).contains(&"Work".to_owned()));
    is_done(&person.json(&["mailbox", "rename", "Work", "Job/Größe"]));
    assert!(mailboxes_there(&person).contains(&"Job/Größe".to_owned()));
    is_done(&undo(&person));
    assert!(mailboxes_there(&person).contains(&"Work".to_owned()));
    person.sync();

    is_done(&person.json(&["mailbox", "unsubscribe", "Work"]));
    is_done(&person.json(&["mailbox", "subscribe", "Work"]));
    is_done(&person.json(&["move", "--query", "one", "--to", "Work"]));
    person.sync();
    assert_eq!(mailbox(&person, "Work")["total"], 1);
    let ran = person.run(&["mailbox", "remove", "Work"]);
    assert!(ran.status == 1 && ran.stderr.contains("1 message") && ran.stderr.contains("--yes"), "{ran}");
    assert_eq!(there(&person, "Work"), ["one"]);
    is_done(&person.json(&["mailbox", "remove", "Work", "--yes"]));
    assert!(!mailboxes_there(&person).contains(&"Work".to_owned()));
    assert_eq!(person.count(&["one"]), 0);
    let ran = person.run(&["undo"]);
    assert!(ran.status == 1 && ran.stderr.contains("not taken back"), "{ran}");

    for (args, status) in [
        (&["mailbox", "create", "INBOX"][..], 1),
        (&["mailbox", "create", "a//b"], 64),
        (&["mailbox", "create", "/a"], 64),
        (&["mailbox", "create", "a\tb"], 64),
        (&["mailbox", "create", ""], 64),
        (&["mailbox", "rename", "INBOX", "Old"], 64),
        (&["mailbox", "rename", "Nowhere", "Old"], 66),
        (&["mailbox", "rename", "Archive", "Trash"], 1),
        (&["mailbox", "remove", "INBOX", "--yes"], 64),
        (&["mailbox", "remove", "Nowhere"], 66),
        (&["mailbox", "subscribe", "Nowhere"], 66),
        (&["--read-only", "mailbox", "create", "New"], 64),
    ] {
        assert_eq!(person.error(args).0, status, "{args:?}");
    }
    let table = person.text(&["mailbox", "list"]);
    assert!(table.starts_with("INBOX ") && table.contains("trash"), "{table}");
}

#[test]
fn what_the_server_refuses_is_told_in_its_words_and_undo_forgets_it() {
    let person = with_mail(Person::set_up(), &["one"]);
    // Dovecot takes no such name.
    let name = format!("x{}", "y".repeat(300));
    let ran = person.run(&["mailbox", "create", &name]);
    assert!(ran.status == 1 && ran.stderr.contains("refused by the server"), "{ran}");
    let document = person.json(&["undo", "--list"]);
    assert_eq!(document["requests"][0]["refused"], 1, "{document:#}");
    assert!(!document["requests"][0]["replies"][0].as_str().unwrap().is_empty());
    assert_eq!(mailbox(&person, &name)["refused"], 1);
    undo(&person);
    assert_eq!(person.run(&["undo", "--list"]).status, 1);
}

#[test]
fn without_an_account_or_mail_each_verb_says_how_to_begin() {
    let all = [
        &["archive", "kkkk"][..],
        &["mark", "kkkk", "--read"],
        &["undo"],
        &["undo", "--list"],
        &["mailbox", "list"],
    ];
    let person = Person::new("autoconfig.test");
    for args in all {
        let (status, error) = person.error(args);
        assert_eq!(status, 78, "{args:?}: {error:#}");
        assert!(error["evidence"].as_str().unwrap().contains("restante setup"), "{args:?}: {error:#}");
    }
    person.add_account(&person.address);
    for args in all {
        let (status, error) = person.error(args);
        assert_eq!(status, 66, "{args:?}: {error:#}");
        assert!(error["evidence"].as_str().unwrap().contains("restante sync"), "{args:?}: {error:#}");
    }
}

/// The verbs at another server: `archive` is where what is archived goes.
pub(crate) fn the_verbs_work(person: Person, archive: &str, trash: &str) {
    let lab = person.lab.clone();
    for subject in ["one", "two", "three"] {
        lab.deliver(&person.address, &message(subject)).unwrap();
    }
    person.sync();
    let mut client = lab.client(&person.address).unwrap();
    let mut count = |mailbox: &str| {
        let said = client.ask(&format!("STATUS \"{mailbox}\" (MESSAGES)")).unwrap_or_default();
        let count = said.split("(MESSAGES ").nth(1).and_then(|rest| rest.split(')').next());
        count.map_or(0, |count| count.parse::<u32>().unwrap())
    };
    // The archive may have been made for it, and nobody has looked into it yet.
    for _ in 0..2 {
        is_done(&person.json(&["archive", "--query", "subject:one"]));
        assert_eq!((count("INBOX"), count(archive)), (2, 1));
        assert_eq!(here(&person, archive), ["one"]);
        let request = person.json(&["undo", "--list"])["requests"][0]["request"].as_i64().unwrap();
        is_done(&person.json(&["undo", &request.to_string()]));
        assert_eq!((count("INBOX"), count(archive)), (3, 0));
    }
    is_done(&person.json(&["archive", "--query", "subject:one"]));
    assert_eq!((count("INBOX"), count(archive)), (2, 1));
    is_done(&person.json(&["trash", "--query", "subject:two"]));
    assert_eq!((count("INBOX"), count(trash)), (1, 1));
    is_done(&person.json(&["mark", "--query", "subject:three", "--read", "--star"]));
    is_done(&person.json(&["mailbox", "create", "Work"]));
    is_done(&person.json(&["move", "--query", "subject:three", "--to", "Work"]));
    assert_eq!((count("INBOX"), count("INBOX.Work")), (0, 1));
    person.sync();
    assert_eq!((person.count(&["is:starred", "in:INBOX.Work"]), person.count(&["is:unread"])), (1, 2));
    is_done(&undo(&person));
    assert_eq!((count("INBOX"), count("INBOX.Work")), (1, 0));
    person.sync();
    is_done(&person.json(&["trash", "--forever", "--query", &format!("in:\"{trash}\"")]));
    assert_eq!(count(trash), 0);
    eventually("here as there", || {
        person.sync();
        (person.count(&[]) == 2).then_some(())
    })
    .unwrap();
}

#[test]
fn a_bulk_change_is_confirmed_at_a_terminal_and_forever_always() {
    use crate::terminal::Terminal;
    let person = with_mail(Person::set_up(), &["one"]);
    let mut terminal = Terminal::start(&person, "trash --forever --query one");
    terminal.answer("remove \"one\" for good? [y/N]", "n");
    let (screen, status) = terminal.end();
    assert!(status == 1 && screen.contains("nothing was changed"), "{screen}");
    assert_eq!(there(&person, "INBOX"), ["one"]);
    let mut terminal = Terminal::start(&person, "trash --forever --query one");
    terminal.answer("[y/N]", "y");
    let (screen, status) = terminal.end();
    assert!(status == 0 && screen.contains("removed \"one\" for good"), "{screen}");
    assert_eq!(there(&person, "INBOX"), Vec::<String>::new());
}
