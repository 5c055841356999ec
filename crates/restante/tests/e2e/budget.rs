//! How often a password is put before servers, counted in their own logs; and what a trace shows of it.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use testkit::lab::{Lab, LoginAttempts, PASSWORD, autoconfig};
use testkit::script::{Opening, Server, conversations};

use crate::doctor::{examine, text};
use crate::person::Person;

fn attempts(person: &Person) -> LoginAttempts {
    person.lab.login_attempts(&person.address).unwrap()
}

/// The verdict of a setup that fails.
fn setup_fails(person: &Person, password: &str) -> Value {
    let args = ["setup", &person.address, "--password-stdin", "--json"];
    person.run_with(format!("{password}\n"), &args).error().1["verdict"].clone()
}

#[test]
fn a_setup_asks_submission_nothing_after_imap_refused() {
    let person = Person::new("autoconfig.test");
    assert_eq!(setup_fails(&person, "wrong"), "credentials-refused");
    assert_eq!(attempts(&person), LoginAttempts { imap: 1, smtp: 0 });

    let person = Person::new("autoconfig.test");
    person.lab.refuse_with(&person.address, "[CONTACTADMIN] closed").unwrap();
    assert_eq!(setup_fails(&person, PASSWORD), "account-locked");
    assert_eq!(attempts(&person), LoginAttempts { imap: 1, smtp: 0 });
}

#[test]
fn a_password_that_one_server_refused_does_not_go_to_the_next_of_the_list() {
    let lab = Lab::current();
    let unique = lab.fresh_user("x").replace("user-", "").replace("@x", "");
    let domain = format!("b{unique}.test");
    let web = lab.net().web();
    lab.zone(&domain, &format!("@ A {web}\nautoconfig A {web}\n")).unwrap();
    let hosts = [format!("one-{unique}.autoconfig.test"), format!("two-{unique}.autoconfig.test")];
    for host in &hosts {
        lab.zone(host, &format!("@ A {}\n", lab.net().mail())).unwrap();
    }
    // Both servers of each kind, the first and the second.
    let one = autoconfig(&domain, &hosts[0], &hosts[0]);
    let two = autoconfig(&domain, &hosts[1], &hosts[1]);
    let part = |text: &str, tag: &str| {
        let start = text.find(&format!("<{tag}")).unwrap();
        let end = text.find(&format!("</{tag}>")).unwrap() + tag.len() + 3;
        text[start..end].to_owned()
    };
    let mut document = one.clone();
    for tag in ["incomingServer", "outgoingServer"] {
        document = document.replace(&part(&one, tag), &(part(&one, tag) + &part(&two, tag)));
    }
    lab.document(&format!("autoconfig.{domain}"), "mail/config-v1.1.xml", &document).unwrap();

    let person = Person::named(lab.clone(), lab.fresh_user(&domain));
    let found = person.json(&["discover", &person.address]);
    assert_eq!(found["candidates"][0]["incoming"].as_array().unwrap().len(), 2, "{found:#}");
    assert_eq!(setup_fails(&person, "wrong"), "credentials-refused");
    assert_eq!(attempts(&person), LoginAttempts { imap: 1, smtp: 0 });

    let person = Person::named(lab.clone(), lab.fresh_user(&domain));
    let examined = examine(&person, "wrong", &["--accept-untrusted"]);
    assert_eq!(
        (examined.attempts(), attempts(&person)),
        (LoginAttempts { imap: 1, smtp: 1 }, attempts(&person))
    );
    assert!(!examined.document["steps"].to_string().contains(&hosts[1]), "{:#}", examined.document);
}

#[test]
fn a_sync_with_a_password_that_was_changed_tries_it_once() {
    let person = Person::set_up();
    let before = attempts(&person);
    std::fs::write(person.data().join("secrets").join(&person.address), "wrong").unwrap();
    let (status, error) = person.error(&["sync"]);
    assert_eq!((status, &error["verdict"]), (77, &json!("credentials-refused")), "{error:#}");
    assert_eq!(attempts(&person), LoginAttempts { imap: before.imap + 1, ..before });
}

#[test]
fn the_other_user_name_is_a_second_attempt_that_needs_consent() {
    for (more, imap) in [(&[][..], 1), (&["--try-usernames"], 2)] {
        let person = Person::new("autoconfig.test");
        let examined = examine(&person, "wrong", more);
        assert_eq!(examined.attempts(), LoginAttempts { imap, smtp: 1 });
        assert_eq!(examined.first()["verdict"], "credentials-refused");
        // The part before the @ is another user in the log.
        let other = person.lab.login_attempts(person.address.split('@').next().unwrap()).unwrap();
        assert_eq!((attempts(&person).imap, other.imap), (1, imap - 1));
    }
}

#[test]
fn a_trace_holds_no_secret_and_can_be_replayed_to_the_same_end() {
    for (password, status) in [(PASSWORD, 0), ("wrong horse", 1)] {
        let person = Person::new("autoconfig.test");
        let file = person.home().join("trace");
        let trace = format!("--trace={}", file.display());
        let first = examine(&person, password, &["--auth=password", &trace]);
        assert_eq!(first.status, status);

        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let trace = std::fs::read_to_string(&file).unwrap();
        let (local, _) = person.address.split_once('@').unwrap();
        for secret in [password, &person.address, local] {
            assert!(!trace.contains(secret), "{secret}: {trace}");
            for word in trace.split_whitespace() {
                let decoded = restante_core::sasl::decode(word.as_bytes()).unwrap_or_default();
                assert!(!String::from_utf8_lossy(&decoded).contains(secret), "{word}: {trace}");
            }
        }

        let conversations = conversations(&trace);
        assert_eq!(conversations.len(), 2, "{trace}");
        let mut servers = Vec::new();
        let mut args = vec!["--auth=password".to_owned()];
        for (title, script) in &conversations {
            let (protocol, settings) = title.split_once(' ').unwrap();
            let security = settings.rsplit('/').next().unwrap();
            let opening = if security == "tls" { Opening::Tls } else { Opening::Plain };
            let server = Server::start(&[], opening, &[script]).unwrap();
            args.push(format!("--{protocol}=127.0.0.1:{}/{security}", server.port()));
            args.push(format!("--ca-file={}", server.ca_file().display()));
            servers.push(server);
        }
        // Somebody else, with another password.
        let reader = Person::named(Lab::current(), "reader@example.org".to_owned());
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let again = examine(&reader, "another", &args);
        for server in servers {
            server.finish().unwrap_or_else(|error| panic!("{error}\n{trace}\n{:#}", again.document));
        }
        assert_eq!(again.verdicts(), first.verdicts());
        assert_eq!((again.status, again.attempts()), (first.status, first.attempts()));
        for (old, new) in first.findings().iter().zip(again.findings()) {
            for name in ["certainty", "password", "remedy"] {
                assert_eq!(text(old, name), text(new, name));
            }
        }
    }
}
