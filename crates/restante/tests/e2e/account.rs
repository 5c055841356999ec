//! From an address and a password to an account, and what a refusal says.

use serde_json::Value;
use testkit::lab::{Lab, LoginAttempts, PASSWORD};

use crate::person::{Person, Ran};

fn setup(person: &Person, password: &str, more: &[&str]) -> Ran {
    let args = ["setup", &person.address, "--password-stdin", "--json"];
    person.run_with(format!("{password}\n"), &[&args, more].concat())
}

fn attempts(person: &Person) -> LoginAttempts {
    person.lab.login_attempts(&person.address).unwrap()
}

/// No settings and no secret: as if nothing had been tried.
fn nothing_is_saved(person: &Person) {
    assert!(!person.data().join("config.toml").exists());
    let secrets = std::fs::read_dir(person.data().join("secrets")).map_or(0, Iterator::count);
    assert_eq!(secrets, 0);
    let ran = person.run(&["account", "list", "--json"]);
    assert_eq!((ran.status, &ran.document()["accounts"]), (1, &serde_json::json!([])));
}

/// The address and the password are enough; everything that is found can be used at once.
fn is_found_by(domain: &str, more: &[&str], source: &str, imap: &str, smtp: &str) {
    let person = Person::new(domain);
    let ran = setup(&person, PASSWORD, more).succeeded();
    assert_eq!(ran.stderr, "");
    let document = ran.document();
    let server = |settings: &Value| {
        let word = |name: &str| settings[name].as_str().unwrap().to_owned();
        assert_eq!(word("username"), person.address);
        format!("{}:{}/{}", word("host"), settings["port"], word("security"))
    };
    let settings = &document["settings"];
    assert_eq!(settings["source"], source);
    assert_eq!(server(&settings["imap"]), imap);
    assert_eq!(server(&settings["smtp"]), smtp);
    assert_eq!((&document["questions"], &document["saved"]), (&0.into(), &true.into()));
    assert_eq!(document["account"], person.address.as_str());
    assert_eq!(attempts(&person), LoginAttempts { imap: 1, smtp: 1 });

    let shown = person.json(&["account", "show"]);
    assert_eq!(shown["source"], source);
    assert_eq!(server(&shown["imap"]), imap);
    assert_eq!(server(&shown["smtp"]), smtp);

    person.lab.deliver(&person.address, b"Subject: first\r\n\r\nhello\r\n").unwrap();
    person.sync();
    assert_eq!(person.count(&["subject:first"]), 1);
}

#[test]
fn setup_by_autoconfig() {
    is_found_by(
        "autoconfig.test",
        &[],
        "autoconfig",
        "imap.autoconfig.test:993/tls",
        "smtp.autoconfig.test:587/starttls",
    );
}

#[test]
fn setup_by_the_well_known_document() {
    is_found_by(
        "wellknown.test",
        &[],
        "autoconfig-well-known",
        "mail.wellknown.test:993/tls",
        "smtp.wellknown.test:587/starttls",
    );
}

#[test]
fn setup_by_srv_records() {
    is_found_by("srv.test", &[], "srv", "imap.srv.test:993/tls", "smtp.srv.test:587/starttls");
}

#[test]
fn setup_by_the_ispdb() {
    is_found_by("ispdb.test", &[], "ispdb", "imap.ispdb.test:993/tls", "smtp.ispdb.test:587/starttls");
}

#[test]
fn setup_by_guessing_hosts_below_the_domain() {
    is_found_by("guess.test", &[], "guess", "imap.guess.test:993/tls", "smtp.guess.test:465/tls");
}

#[test]
fn setup_by_the_mail_exchanger_when_a_person_accepts_it() {
    is_found_by(
        "mx.test",
        &["--accept-untrusted"],
        "mx-autoconfig",
        "imap.hoster.test:993/tls",
        "smtp.hoster.test:587/starttls",
    );
}

#[test]
fn servers_nobody_vouches_for_get_no_password_unasked() {
    let person = Person::new("mx.test");
    let (status, error) = setup(&person, PASSWORD, &[]).error();
    assert_eq!((status, error["password"].as_str().unwrap()), (64, "not-judged"));
    let evidence = error["evidence"].as_str().unwrap();
    assert!(evidence.contains("imap.hoster.test") && evidence.contains("--accept-untrusted"), "{evidence}");
    nothing_is_saved(&person);
    assert_eq!(attempts(&person), LoginAttempts::default());
}

#[test]
fn a_wrong_password_is_tried_once_and_never_sent_elsewhere() {
    let person = Person::new("autoconfig.test");
    let (status, error) = setup(&person, "wrong", &[]).error();
    assert_eq!(status, 77);
    assert_eq!(error["verdict"], "credentials-refused");
    assert_eq!(error["certainty"], "cannot-tell");
    assert_eq!(error["password"], "refused");
    assert_eq!((&error["stage"], &error["service"]), (&"login".into(), &"imap".into()));
    assert!(error["evidence"].as_str().unwrap().contains("[AUTHENTICATIONFAILED]"), "{error}");
    assert!(!error["remedy"].as_str().unwrap().is_empty());
    assert_eq!(attempts(&person), LoginAttempts { imap: 1, smtp: 0 });
    nothing_is_saved(&person);
}

#[test]
fn a_wrong_password_is_explained_in_words_on_standard_error() {
    let person = Person::new("autoconfig.test");
    let ran = person.run_with("wrong\n", &["setup", &person.address, "--password-stdin"]);
    assert_eq!((ran.status, ran.stdout.len()), (77, 0), "{ran}");
    assert!(ran.stderr.contains("AUTHENTICATIONFAILED"), "{ran}");
    assert!(!ran.stderr.contains("wrong\n") && !ran.stderr.contains("\"wrong\""), "{ran}");
}

#[test]
fn a_refusal_is_told_from_a_server_that_cannot_judge() {
    let lab = Lab::current();
    // These names mean something in every domain; a domain of its own keeps the count of attempts apart.
    for (user, status, verdict, password) in [
        ("disabled", 77, "credentials-refused", "refused"),
        ("suspended", 77, "account-locked", "not-judged"),
        ("unavailable", 75, "temporary-failure", "not-judged"),
    ] {
        let domain = format!("{}.test", lab.fresh_user("x").replace('@', "-"));
        let person = Person::named(lab.clone(), format!("{user}@{domain}"));
        let given = ["--imap=imap.autoconfig.test", "--smtp=smtp.autoconfig.test"];
        let (code, error) = setup(&person, PASSWORD, &given).error();
        let found = (code, error["verdict"].as_str().unwrap(), error["password"].as_str().unwrap());
        assert_eq!(found, (status, verdict, password), "{user}: {error:#}");
        assert_eq!(attempts(&person), LoginAttempts { imap: 1, smtp: 0 }, "{user}");
        nothing_is_saved(&person);
    }
}

#[test]
fn an_empty_password_is_not_sent() {
    let person = Person::new("autoconfig.test");
    let (status, _) = setup(&person, "", &[]).error();
    assert_eq!(status, 64);
    assert_eq!(attempts(&person), LoginAttempts::default());
    nothing_is_saved(&person);
}

#[test]
fn a_dry_run_tries_everything_and_saves_nothing() {
    let person = Person::new("autoconfig.test");
    let document = setup(&person, PASSWORD, &["--dry-run"]).succeeded().document();
    assert_eq!(document["saved"], false);
    assert_eq!(attempts(&person), LoginAttempts { imap: 1, smtp: 1 });
    nothing_is_saved(&person);
}

#[test]
fn a_name_that_would_become_a_header_field_is_refused() {
    let person = Person::new("autoconfig.test");
    for name in ["Kim\nBcc: x", "Kim\r", "Kim\u{1b}[2J", "\u{85}"] {
        let (status, error) = setup(&person, PASSWORD, &["--name", name]).error();
        assert_eq!(status, 64, "{name:?}");
        assert!(error["evidence"].as_str().unwrap().contains("--name"), "{error}");
    }
    assert_eq!(attempts(&person), LoginAttempts::default());
    nothing_is_saved(&person);
}

#[test]
fn settings_that_cannot_be_saved_leave_the_old_password() {
    let person = Person::set_up();
    let secret = person.data().join("secrets").join(&person.address);
    std::fs::write(&secret, "the old one\n").unwrap();
    let config = person.data().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}[account.broken\n")).unwrap();
    assert_eq!(setup(&person, PASSWORD, &[]).error().0, 78);
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "the old one\n");
    std::fs::write(&config, text).unwrap();
    setup(&person, PASSWORD, &[]).succeeded();
    assert_eq!(std::fs::read_to_string(&secret).unwrap().trim_end(), PASSWORD);
}

#[test]
fn a_password_that_cannot_be_saved_leaves_the_old_settings() {
    let person = Person::new("autoconfig.test");
    let other = person.lab.fresh_user("autoconfig.test");
    person.json(&["setup", &other, "--password-command", &format!("echo '{PASSWORD}'")]);
    let settings = || std::fs::read_to_string(person.data().join("config.toml")).unwrap();
    let before = settings();
    // Where the folder of secrets should be, something is in the way.
    std::fs::write(person.data().join("secrets"), "").unwrap();
    for address in [&person.address, &other] {
        let args = ["setup", address, "--password-stdin", "--name=New", "--json"];
        let (status, _) = person.run_with(format!("{PASSWORD}\n"), &args).error();
        assert_eq!((status, settings()), (74, before.clone()), "{address}");
    }
}

#[test]
fn a_password_command_replaces_the_password_that_was_in_a_file() {
    let person = Person::set_up();
    let secret = person.data().join("secrets").join(&person.address);
    assert!(secret.exists());
    person.json(&["setup", &person.address, "--password-command", &format!("echo '{PASSWORD}'")]);
    assert!(!secret.exists());
}

#[test]
fn an_address_is_found_however_it_is_capitalized() {
    let person = Person::set_up();
    let shouted = person.address.to_uppercase();
    assert_eq!(person.json(&["account", "show", &shouted])["account"], person.address.as_str());
}

#[test]
fn a_password_command_is_kept_and_the_password_is_not() {
    let person = Person::new("autoconfig.test");
    let command = format!("printf '%s\\n' '{PASSWORD}'");
    person.json(&["setup", &person.address, "--password-command", &command]);
    assert!(person.json(&["account", "show"])["password"].as_str().unwrap().contains("printf"));
    person.sync();
    let secrets = std::fs::read_dir(person.data().join("secrets")).map_or(0, Iterator::count);
    assert_eq!(secrets, 0);
}

#[test]
fn what_is_saved_is_for_one_pair_of_eyes() {
    use std::os::unix::fs::PermissionsExt;
    let person = Person::set_up();
    person.lab.deliver(&person.address, b"Subject: private\r\n\r\nprivate\r\n").unwrap();
    person.sync();
    let mut folders = vec![person.data()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
                files += 1;
            }
        }
    }
    assert!(files >= 4, "settings, a secret, a database, a pack");
    let config = std::fs::read_to_string(person.data().join("config.toml")).unwrap();
    assert!(!config.contains(PASSWORD), "{config}");
}

#[test]
fn an_account_that_is_removed_leaves_nothing_here_and_everything_there() {
    let person = Person::set_up();
    let other = person.lab.fresh_user("autoconfig.test");
    person.add_account(&other);
    person.lab.deliver(&person.address, b"Subject: goesaway\r\n\r\n.\r\n").unwrap();
    person.lab.deliver(&other, b"Subject: stayshere\r\n\r\n.\r\n").unwrap();
    person.run(&["sync"]).succeeded();
    assert_eq!(person.json(&["account", "list"])["accounts"].as_array().unwrap().len(), 2);
    assert_eq!(person.count(&[]), 2);

    // Without a terminal nobody can say yes.
    assert_eq!(person.error(&["account", "remove", &person.address]).0, 64);
    assert_eq!(person.count(&[]), 2);

    let said = person.text(&["account", "remove", &person.address, "--yes"]);
    assert!(said.contains("were given back. Messages that another account has too stay"), "{said}");
    assert!(!holds(&person.data(), b"goesaway"), "octets of the account are still here");
    let left = person.json(&["account", "list"]);
    assert_eq!(left["accounts"].as_array().unwrap().len(), 1);
    assert_eq!(left["accounts"][0]["account"], other.as_str());
    assert_eq!(person.count(&[]), 1);
    assert_eq!(person.count(&["stayshere"]), 1);
    assert!(!person.data().join("secrets").join(&person.address).exists());
    assert_eq!(person.error(&["account", "show", &person.address]).0, 67);
    assert_eq!(person.error(&["account", "remove", &person.address, "--yes"]).0, 67);
    assert_eq!(person.lab.count(&person.address, "INBOX").unwrap(), 1);

    // With the last account every file of mail goes.
    assert!(holds(&person.data(), b"stayshere") && person.data().join("packs").exists());
    let said = person.text(&["account", "remove", &other, "--yes"]);
    assert!(!said.contains("stay"), "{said}");
    for word in ["stayshere", "goesaway", &other, &person.address] {
        assert!(!holds(&person.data(), word.as_bytes()), "{word} is still here");
    }
    for name in ["packs", "mail.db", "mail.db-wal", "search.db", "search.db-wal"] {
        assert!(!person.data().join(name).exists(), "{name}");
    }
    person.add_account(&other);
    person.sync();
    assert_eq!(person.count(&["stayshere"]), 1);
}

/// Whether any file in a folder, or its name, has these octets.
fn holds(folder: &std::path::Path, word: &[u8]) -> bool {
    let has = |bytes: &[u8]| bytes.windows(word.len()).any(|part| part == word);
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let entry = entry.unwrap();
        let path = entry.path();
        has(entry.file_name().as_encoded_bytes())
            || if path.is_dir() { holds(&path, word) } else { has(&std::fs::read(&path).unwrap()) }
    })
}

#[test]
fn an_account_with_unsent_mail_is_removed_only_when_that_is_asked_for() {
    let person = Person::set_up();
    let message = "To: bob@mx.test\nSubject: waiting\n\nhello\n";
    assert_eq!(person.run_with(message, &["send", "-t", "--offline"]).status, 75);
    let (status, error) = person.error(&["account", "remove", &person.address, "--yes"]);
    assert_eq!((status, &error["verdict"]), (1, &"refused".into()));
    let evidence = error["evidence"].as_str().unwrap();
    assert!(evidence.starts_with("1 message of") && evidence.contains("--discard-unsent"), "{evidence}");
    assert_eq!(person.json(&["outbox", "list"])["submissions"].as_array().unwrap().len(), 1);
    // The question names it, too.
    let (status, error) = person.error(&["account", "remove", &person.address]);
    assert_eq!(status, 64);
    assert!(error["evidence"].as_str().unwrap().contains("1 message of"), "{error}");

    person.text(&["account", "remove", &person.address, "--yes", "--discard-unsent"]);
    assert!(!holds(&person.data(), b"waiting"));
}

#[test]
fn discover_shows_every_source_and_needs_no_password() {
    let person = Person::new("srv.test");
    let document = person.json(&["discover", &person.address]);
    let first = &document["candidates"][0];
    assert_eq!((&first["source"], &first["trusted"]), (&"srv".into(), &true.into()));
    let asked: Vec<&str> =
        document["trace"].as_array().unwrap().iter().filter_map(|line| line["source"].as_str()).collect();
    for source in ["autoconfig", "autoconfig-well-known", "srv", "ispdb"] {
        assert!(asked.contains(&source), "{source} is not among {asked:?}");
    }
    assert_eq!(attempts(&person), LoginAttempts::default());
    assert!(!person.data().exists(), "looking leaves no trace");
    assert!(person.text(&["discover", &person.address]).contains("imap.srv.test:993/tls"));
}

#[test]
fn a_domain_with_autoconfig_is_asked_by_https_alone() {
    let person = Person::new("autoconfig.test");
    let lab = &person.lab;
    let domain = format!("{}.test", lab.fresh_user("x").replace('@', "-"));
    let web = lab.net().web();
    lab.zone(&domain, &format!("@ A {web}\nautoconfig A {web}\n")).unwrap();
    let host = format!("autoconfig.{domain}");
    let document = testkit::lab::autoconfig(&domain, "imap.autoconfig.test", "smtp.autoconfig.test");
    lab.document(&host, "/mail/config-v1.1.xml", &document).unwrap();
    let found = person.json(&["discover", &format!("ann@{domain}")]);
    assert_eq!(found["candidates"][0]["source"], "autoconfig");
    let requests = lab.requests().unwrap();
    let ours: Vec<_> = requests.iter().filter(|request| request.host.ends_with(&domain)).collect();
    assert!(ours.iter().any(|request| request.host == host), "{ours:?}");
    for request in ours {
        assert_eq!((request.scheme.as_str(), request.authorization), ("https", false), "{request:?}");
    }
}
