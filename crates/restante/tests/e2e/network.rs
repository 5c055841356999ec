//! Domains and servers that are broken, each in its own way: the verdict names it and no password is sent.

use std::time::{Duration, Instant};

use testkit::lab::{LoginAttempts, PASSWORD};

use crate::person::Person;

/// Setup ends with this exit code and verdict, soon, and before any login.
fn setup_says(domain: &str, status: i32, verdict: &str, stage: &str, evidence: &str) {
    let person = Person::new(domain);
    let begun = Instant::now();
    let args = ["setup", &person.address, "--password-stdin", "--json"];
    let (code, error) = person.run_with(format!("{PASSWORD}\n"), &args).error();
    let took = begun.elapsed();
    let found = (code, error["verdict"].as_str().unwrap(), error["stage"].as_str().unwrap());
    assert_eq!(found, (status, verdict, stage), "{error:#}");
    assert_eq!(error["password"], "not-judged");
    assert!(error["evidence"].as_str().unwrap().contains(evidence), "{error:#}");
    assert!(!error["remedy"].as_str().unwrap().is_empty());
    assert!(took < Duration::from_secs(20), "it took {took:?}");
    assert_eq!(person.lab.login_attempts(&person.address).unwrap(), LoginAttempts::default());
    assert!(!person.data().join("config.toml").exists());
}

#[test]
fn a_domain_that_does_not_exist() {
    setup_says("nosuch.test", 68, "domain-not-found", "dns", "nosuch.test");
}

#[test]
fn a_domain_that_takes_no_mail() {
    setup_says("nullmx.test", 68, "no-mail-service", "discovery", "MX 0 .");
}

#[test]
fn a_domain_without_mail_servers() {
    setup_says("nomail.test", 68, "no-mail-service", "discovery", "nomail.test");
}

#[test]
fn a_name_service_that_fails() {
    setup_says("servfail.test", 75, "dns-failure", "dns", "SERVFAIL");
}

#[test]
fn a_name_service_that_is_silent() {
    setup_says("blackhole.test", 75, "dns-failure", "dns", "no answer");
}

#[test]
fn closed_ports() {
    setup_says("refused.test", 69, "connection-refused", "connect", "imap.refused.test port 993");
}

#[test]
fn a_certificate_for_somebody_else() {
    setup_says(
        "wrongname.test",
        76,
        "certificate-name-mismatch",
        "tls",
        "mail.somebody-else.test, not for imap.wrongname.test",
    );
}

#[test]
fn a_certificate_that_has_expired() {
    setup_says("expired.test", 76, "certificate-expired", "tls", "more expired at 20");
}

#[test]
fn a_certificate_that_signs_itself() {
    setup_says("selfsigned.test", 76, "certificate-self-signed", "tls", "vouches for itself");
}

#[test]
fn a_certificate_from_an_unknown_root() {
    let person = Person::new("untrusted.test");
    let args = ["setup", &person.address, "--password-stdin", "--json"];
    let (status, error) = person.run_with(format!("{PASSWORD}\n"), &args).error();
    assert_eq!((status, &error["password"]), (76, &"not-judged".into()));
    // A lone certificate from an unknown issuer may be either; both are named.
    let mut verdicts = vec![error["verdict"].as_str().unwrap()];
    verdicts.extend(error["also"].as_array().unwrap().iter().filter_map(|word| word.as_str()));
    assert!(verdicts.contains(&"certificate-unknown-issuer"), "{error:#}");
    assert!(verdicts.contains(&"certificate-chain-incomplete"), "{error:#}");
    assert_eq!(person.lab.login_attempts(&person.address).unwrap(), LoginAttempts::default());
}

#[test]
fn a_server_that_speaks_http() {
    setup_says("garbage.test", 76, "not-a-mail-server", "greeting", "HTTP/1.1 400");
}

#[test]
fn a_server_that_says_nothing() {
    setup_says("silent.test", 75, "connection-lost", "tls", "imap.silent.test port 993");
}

#[test]
fn servers_without_tls_get_no_password() {
    let person = Person::new("notls.test");
    for (imap, verdict, status) in [
        ("--imap=imap.notls.test:143/starttls", "starttls-not-offered", 76),
        ("--imap=imap.notls.test:993/tls", "connection-refused", 69),
    ] {
        let args =
            ["setup", &person.address, "--password-stdin", imap, "--smtp=smtp.notls.test:587", "--json"];
        let (code, error) = person.run_with(format!("{PASSWORD}\n"), &args).error();
        assert_eq!((code, error["verdict"].as_str().unwrap()), (status, verdict), "{error:#}");
        assert_eq!(error["password"], "not-judged");
    }
    assert_eq!(person.lab.login_attempts(&person.address).unwrap(), LoginAttempts::default());
}

#[test]
fn a_sync_meets_a_server_that_became_bad_and_what_is_here_stays() {
    let person = Person::set_up();
    person.lab.deliver(&person.address, b"Subject: kept\r\n\r\nkept\r\n").unwrap();
    person.sync();
    let config = person.data().join("config.toml");
    let good = std::fs::read_to_string(&config).unwrap();
    for (host, status, verdict, seen) in [
        ("imap.expired.test", 76, "certificate-expired", None),
        // The domain names another server.
        ("imap.refused.test", 69, "server-moved", Some("connection-refused")),
        ("imap.garbage.test", 69, "server-moved", Some("not-a-mail-server")),
    ] {
        std::fs::write(&config, good.replace("imap.autoconfig.test", host)).unwrap();
        let (code, error) = person.error(&["sync"]);
        assert_eq!((code, error["verdict"].as_str().unwrap()), (status, verdict), "{error:#}");
        assert!(seen.is_none_or(|seen| error["also"][0] == seen), "{error:#}");
        assert_eq!(person.count(&["subject:kept"]), 1);
    }
    std::fs::write(&config, good).unwrap();
    person.sync();
}
