//! Logins that a scripted server sees to the letter: tokens in place of passwords, and what is not tried again.

use testkit::lab::Lab;
use testkit::script::{Opening, Server};

use crate::person::Person;

/// What a command `echo a-token` gives, as the two mechanisms carry it.
const XOAUTH2: &str = "dXNlcj1hbm5AYXV0b2NvbmZpZy50ZXN0AWF1dGg9QmVhcmVyIGEtdG9rZW4BAQ==";

fn ann() -> Person {
    Person::named(Lab::current(), "ann@autoconfig.test".to_owned())
}

fn imap(mechanisms: &str, login: &str) -> String {
    format!(
        "S: * OK [CAPABILITY IMAP4rev1 SASL-IR {mechanisms}] ready
         C: a1 {login}
         S: a1 OK [CAPABILITY IMAP4rev1] in
         C: a2 LOGOUT"
    )
}

#[test]
fn a_token_command_logs_in_where_no_password_can() {
    let person = ann();
    let script = imap("AUTH=XOAUTH2", &format!("AUTHENTICATE XOAUTH2 {XOAUTH2}"));
    let server = Server::start(&[], Opening::Tls, &[&script]).unwrap();
    let service = format!("127.0.0.1:{}/tls", server.port());
    let ca = server.ca_file();
    let args =
        ["setup", &person.address, "--password-command=echo a-token", "--auth=xoauth2", "--without-sending"];
    let mut args = args.to_vec();
    args.extend(["--imap", &service, "--ca-file", ca.to_str().unwrap()]);
    let report = person.json(&args);
    server.finish().unwrap();
    assert_eq!(report["settings"]["imap"]["authentication"], serde_json::json!(["oauth2"]));
    assert_eq!(report["settings"]["smtp"], serde_json::Value::Null);
    let config = std::fs::read_to_string(person.data().join("config.toml")).unwrap();
    assert!(config.contains("echo a-token") && !config.contains("Bearer"), "{config}");
}

#[test]
fn a_password_is_not_sent_where_only_a_browser_sign_in_is_taken() {
    let person = ann();
    let greeting = "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2 AUTH=OAUTHBEARER] ready\nSILENCE";
    let server = Server::start(&[], Opening::Tls, &[greeting]).unwrap();
    let service = format!("127.0.0.1:{}/tls", server.port());
    let ca = server.ca_file();
    let args =
        ["doctor", &person.address, "--password-stdin", "--json", "--without-sending", "--imap", &service];
    let ran = person.run_with("hunter2\n", &[&args[..], &["--ca-file", ca.to_str().unwrap()]].concat());
    server.finish().unwrap();
    let report = ran.document();
    assert_eq!(ran.status, 1);
    assert_eq!(report["findings"][0]["verdict"], "oauth-required");
    assert_eq!(report["findings"][0]["password"], "not-judged");
    assert_eq!(report["login_attempts"], serde_json::json!({"imap": 0, "smtp": 0}));
}

#[test]
fn a_bad_that_judges_the_password_is_not_tried_again() {
    let person = ann();
    let script = "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=LOGIN] ready
                  C: a1 AUTHENTICATE PLAIN <redacted>
                  S: a1 BAD [AUTHENTICATIONFAILED] Invalid credentials";
    let server = Server::start(&[], Opening::Tls, &[script]).unwrap();
    let service = format!("127.0.0.1:{}/tls", server.port());
    let ca = server.ca_file();
    let args =
        ["doctor", &person.address, "--password-stdin", "--json", "--without-sending", "--imap", &service];
    let ran = person.run_with("hunter2\n", &[&args[..], &["--ca-file", ca.to_str().unwrap()]].concat());
    server.finish().unwrap();
    let report = ran.document();
    assert_eq!(report["login_attempts"]["imap"], 1, "{report:#}");
    assert_eq!(report["findings"][0]["verdict"], "credentials-refused");
    assert_eq!(report["findings"][0]["password"], "refused");
}

#[test]
fn a_bad_after_the_password_was_given_is_not_tried_again() {
    let person = ann();
    let script = "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=LOGIN] ready
                  C: a1 AUTHENTICATE PLAIN
                  S: +
                  C: <redacted>
                  S: a1 BAD no";
    let server = Server::start(&[], Opening::Tls, &[script]).unwrap();
    let service = format!("127.0.0.1:{}/tls", server.port());
    let ca = server.ca_file();
    let args =
        ["doctor", &person.address, "--password-stdin", "--json", "--without-sending", "--imap", &service];
    let ran = person.run_with("hunter2\n", &[&args[..], &["--ca-file", ca.to_str().unwrap()]].concat());
    server.finish().unwrap();
    assert_eq!(ran.document()["login_attempts"]["imap"], 1);
}
