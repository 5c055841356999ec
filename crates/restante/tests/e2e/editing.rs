//! An account that was set up and is corrected: servers, names, password.

use serde_json::{Value, json};
use testkit::lab::{LoginAttempts, PASSWORD};

use crate::person::{Person, Ran};

fn config(person: &Person) -> String {
    std::fs::read_to_string(person.data().join("config.toml")).unwrap()
}

fn attempts(person: &Person) -> LoginAttempts {
    person.lab.login_attempts(&person.address).unwrap()
}

/// Set up by what the domain publishes, not by servers that were given.
fn found() -> Person {
    let person = Person::new("autoconfig.test");
    let args = ["setup", &person.address, "--password-stdin"];
    person.run_with(format!("{PASSWORD}\n"), &args).succeeded();
    person
}

fn reauth(person: &Person, password: &str) -> Ran {
    person.run_with(format!("{password}\n"), &["account", "reauth", "--password-stdin", "--json"])
}

#[test]
fn another_server_is_tried_before_it_is_stored_and_shown_as_given() {
    let person = found();
    let before = attempts(&person);
    let changed = person.json(&["account", "edit", "--imap=imap.autoconfig.test:143/starttls"]);
    assert_eq!((&changed["changed"], &changed["saved"]), (&json!(["imap"]), &true.into()));
    assert_eq!(attempts(&person), LoginAttempts { imap: before.imap + 1, smtp: before.smtp + 1 });
    let shown = person.json(&["account", "show"]);
    assert_eq!((&shown["imap"]["port"], &shown["imap"]["security"]), (&143.into(), &"starttls".into()));
    let from = |what: &str| shown["sources"][what].as_str().unwrap().to_owned();
    assert_eq!(["imap", "smtp", "username"].map(from), ["given", "autoconfig", "autoconfig"]);
    let text = person.text(&["account", "show"]);
    assert!(text.contains("given by you") && text.contains("found by autoconfig"), "{text}");
    person.sync();
}

#[test]
fn what_does_not_work_is_not_stored() {
    let person = found();
    let (text, before) = (config(&person), attempts(&person));
    for (option, status, verdict) in [
        ("--imap=imap.refused.test", 69, "connection-refused"),
        ("--imap=imap.selfsigned.test", 76, "certificate-self-signed"),
        // The laboratory knows every user, and lets nobody send as another one.
        ("--username=somebody-else", 77, "sender-not-allowed"),
    ] {
        let (code, error) = person.error(&["account", "edit", option]);
        assert_eq!((code, error["verdict"].as_str().unwrap()), (status, verdict), "{error:#}");
        assert_eq!(config(&person), text, "{option}");
    }
    assert_eq!(attempts(&person), before, "the password went to no server that failed before the login");
    let dry = person.json(&["account", "edit", "--without-sending", "--dry-run"]);
    assert_eq!(
        (&dry["changed"], &dry["saved"], &dry["smtp"]),
        (&json!(["smtp"]), &false.into(), &Value::Null)
    );
    assert_eq!(config(&person), text);
    assert_eq!(person.error(&["account", "edit"]).0, 64, "nothing to change, and nobody to ask");
}

#[test]
fn a_display_name_needs_no_server() {
    let person = found();
    let before = attempts(&person);
    let changed = person.json(&["account", "edit", "--name=Kim Doe", "--offline"]);
    assert_eq!(changed["changed"], json!(["name"]));
    assert_eq!(person.json(&["account", "show"])["name"], "Kim Doe");
    assert_eq!(person.error(&["account", "edit", "--name=a\nb"]).0, 64);
    assert_eq!(attempts(&person), before);
    // The same again changes nothing.
    assert_eq!(person.json(&["account", "edit", "--name=Kim Doe"])["saved"], false);
}

#[test]
fn a_draft_is_marked_and_stops_being_one_when_it_works() {
    let person = Person::new("autoconfig.test");
    let args = ["setup", &person.address, "--password-stdin", "--draft", "--imap=imap.refused.test"];
    person.run_with(format!("{PASSWORD}\n"), &args).succeeded();
    assert!(person.text(&["account", "list"]).contains("draft"));
    assert_eq!(person.json(&["account", "show"])["draft"], true);
    assert_eq!(person.error(&["sync"]).0, 78);
    // A name alone proves nothing.
    assert_eq!(person.json(&["account", "edit", "--name=Kim"])["draft"], true);
    assert_eq!(attempts(&person), LoginAttempts::default());
    let changed = person.json(&["account", "edit", "--imap=imap.autoconfig.test"]);
    assert_eq!((&changed["changed"], &changed["draft"]), (&json!(["imap", "draft"]), &false.into()));
    assert_eq!(attempts(&person), LoginAttempts { imap: 1, smtp: 1 });
    person.sync();
    assert!(!person.text(&["account", "list"]).contains("draft"));
}

#[test]
fn a_draft_that_was_right_is_verified_by_edit_alone_and_edit_can_make_one() {
    let person = found();
    let before = attempts(&person);
    let changed = person.json(&["account", "edit", "--draft", "--username=not-yet"]);
    assert_eq!((&changed["draft"], &changed["changed"]), (&true.into(), &json!(["username", "draft"])));
    assert_eq!(attempts(&person), before, "a draft is not tried");
    let address = person.address.clone();
    person.json(&["account", "edit", "--draft", &format!("--username={address}")]);
    let changed = person.json(&["account", "edit"]);
    assert_eq!((&changed["draft"], &changed["changed"]), (&false.into(), &json!(["draft"])));
    person.sync();
}

#[test]
fn pins_are_added_shown_and_forgotten() {
    let person = found();
    let pin = format!("sha256:{}", "ab".repeat(32));
    let changed = person.json(&["account", "edit", "--pin", &pin]);
    assert_eq!(changed["changed"], json!(["pins"]));
    assert_eq!(person.json(&["account", "show"])["pins"], json!([pin]));
    assert_eq!(person.json(&["account", "edit", "--forget-pins"])["changed"], json!(["pins"]));
    assert_eq!(person.json(&["account", "show"])["pins"], json!([]));
}

#[test]
fn mail_what_waits_and_the_password_follow_another_name() {
    let person = found();
    person.lab.deliver(&person.address, b"Subject: stays\r\n\r\n.\r\n").unwrap();
    person.sync();
    let message = "To: bob@mx.test\nSubject: waiting\n\nhello\n";
    assert_eq!(person.run_with(message, &["send", "-t", "--offline"]).status, 75);
    let changed = person.json(&["account", "edit", "--rename=work"]);
    assert_eq!((&changed["account"], &changed["changed"]), (&"work".into(), &json!(["account"])));
    assert!(!config(&person).contains("renamed-from"), "{}", config(&person));
    let secrets = |name: &str| person.data().join("secrets").join(name).exists();
    assert_eq!((secrets("work"), secrets(&person.address)), (true, false));
    assert_eq!(person.list(&["stays"])[0]["account"], "work");
    assert_eq!(person.json(&["outbox", "list"])["submissions"].as_array().unwrap().len(), 1);
    let report = person.json(&["sync", "work"]);
    assert_eq!(crate::person::mailboxes(&report)["INBOX"][0], 0, "nothing is fetched again: {report:#}");
    assert_eq!(person.count(&["stays"]), 1);
    let other = person.lab.fresh_user("autoconfig.test");
    person.add_account(&other);
    assert_eq!(person.error(&["account", "edit", &other, "--rename=work"]).0, 1, "the name is in use");
}

#[test]
fn a_rename_that_was_interrupted_is_finished_before_mail_is_looked_for() {
    let person = found();
    person.lab.deliver(&person.address, b"Subject: stays\r\n\r\n.\r\n").unwrap();
    person.sync();
    // As it is when the program dies after the configuration was written.
    let secrets = person.data().join("secrets");
    std::fs::copy(secrets.join(&person.address), secrets.join("work")).unwrap();
    let text = config(&person).replace(&format!("account.\"{}\"", person.address), "account.work");
    let text =
        text.replacen("[account.work]", &format!("[account.work]\nrenamed-from = \"{}\"", person.address), 1);
    std::fs::write(person.data().join("config.toml"), text).unwrap();

    let report = person.sync();
    assert_eq!(crate::person::mailboxes(&report)["INBOX"][0], 0, "nothing is fetched again: {report:#}");
    assert_eq!(person.list(&["stays"])[0]["account"], "work");
    assert!(!config(&person).contains("renamed-from"));
    assert!(!secrets.join(&person.address).exists());
}

#[test]
fn a_new_password_is_tried_once_before_it_takes_the_place_of_the_old_one() {
    let person = found();
    let secret = person.data().join("secrets").join(&person.address);
    std::fs::write(&secret, "the old one\n").unwrap();
    let before = attempts(&person);
    let (status, error) = reauth(&person, "wrong").error();
    assert_eq!((status, &error["password"]), (77, &"refused".into()));
    assert_eq!(attempts(&person), LoginAttempts { imap: before.imap + 1, ..before });
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "the old one\n");

    let done = reauth(&person, PASSWORD).succeeded().document();
    assert_eq!((&done["saved"], &done["draft"]), (&true.into(), &false.into()));
    assert_eq!(attempts(&person), LoginAttempts { imap: before.imap + 2, smtp: before.smtp + 1 });
    assert_eq!(std::fs::read_to_string(&secret).unwrap().trim_end(), PASSWORD);
    assert_eq!(person.error(&["account", "reauth"]).0, 64, "nobody to ask");
}

#[test]
fn a_message_that_waited_for_a_login_goes_after_the_new_password() {
    let person = found();
    let secret = person.data().join("secrets").join(&person.address);
    std::fs::write(&secret, "the old one\n").unwrap();
    let message = format!("To: {}\nSubject: waiting\n\nhello\n", person.address);
    assert_ne!(person.run_with(message, &["send", "-t"]).status, 0);
    reauth(&person, PASSWORD).succeeded();
    person.sync();
    let outbox = person.json(&["outbox", "list"]);
    let waiting = outbox["submissions"].as_array().unwrap().iter();
    let states: Vec<&str> = waiting.filter_map(|submission| submission["state"].as_str()).collect();
    assert!(states.iter().all(|state| *state == "accepted"), "{outbox:#}");
}

#[test]
fn a_password_moves_between_a_command_and_a_file() {
    let person = found();
    let secret = person.data().join("secrets").join(&person.address);
    let command = format!("echo '{PASSWORD}'");
    person.json(&["account", "reauth", "--password-command", &command]);
    assert_eq!(person.json(&["account", "show"])["password_in"], "command");
    assert!(!secret.exists());
    // The command is run again.
    person.json(&["account", "reauth"]);
    person
        .run_with(
            format!("{PASSWORD}\n"),
            &["account", "reauth", "--password-stdin", "--keep-in=file", "--json"],
        )
        .succeeded();
    assert_eq!(person.json(&["account", "show"])["password_in"], "file");
    assert!(secret.exists() && !config(&person).contains("password-command"));
    let both = ["account", "reauth", "--password-command=true", "--keep-in=file"];
    assert_eq!(person.error(&both).0, 64);
}

#[test]
fn a_systemd_credential_comes_before_the_file() {
    let person = found();
    let folder = person.home().join("credentials");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join(format!("restante.{}", person.address)), format!("{PASSWORD}\n")).unwrap();
    std::fs::write(person.data().join("secrets").join(&person.address), "the old one\n").unwrap();
    let run = |args: &[&str]| {
        let mut command = person.command(args);
        command.env("CREDENTIALS_DIRECTORY", &folder);
        crate::person::finish(command, b"").succeeded().document()
    };
    assert_eq!(run(&["account", "show", "--json"])["password_in"], "credential");
    run(&["sync", "--json"]);
    assert_eq!(person.error(&["sync"]).0, 77);
}
