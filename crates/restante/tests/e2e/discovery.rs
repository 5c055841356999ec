//! From an address to settings, by every way in which domains publish them, right and wrong.

use std::io::Write;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::lab::LoginAttempts;

use crate::person::{Person, Ran};

fn discover(person: &Person, more: &[&str]) -> (i32, Value) {
    let ran = person.run(&[&["discover", &person.address, "--json"], more].concat());
    let document = ran.document();
    assert_eq!(person.lab.login_attempts(&person.address).unwrap(), LoginAttempts::default());
    (ran.status, document)
}

fn server(settings: &Value) -> String {
    let word = |name: &str| settings[name].as_str().unwrap_or("none").to_owned();
    format!("{} {}:{}/{}", word("protocol"), word("host"), settings["port"], word("security"))
}

/// The best candidate is this, and nobody was told the part before the @.
fn finds(domain: &str, source: &str, trusted: bool, imap: &str, smtp: &str) -> Value {
    let person = Person::new(domain);
    let (status, document) = discover(&person, &[]);
    assert_eq!(status, 0, "{document:#}");
    let best = &document["candidates"][0];
    assert_eq!((&best["source"], &best["trusted"]), (&source.into(), &trusted.into()), "{document:#}");
    assert_eq!(server(&best["incoming"][0]), format!("imap {imap}"));
    assert_eq!(server(&best["outgoing"][0]), format!("smtp {smtp}"));
    for settings in [&best["incoming"][0], &best["outgoing"][0]] {
        assert_eq!(settings["username"], person.address.as_str());
    }
    let (local, _) = person.address.split_once('@').unwrap();
    for request in person.lab.requests().unwrap() {
        assert!(!request.path.contains(local) && !request.authorization, "{request:?}");
    }
    document
}

/// Nothing can be used, for this reason.
fn finds_nothing(domain: &str, status: i32, verdict: &str, evidence: &str) -> Value {
    let person = Person::new(domain);
    let (code, document) = discover(&person, &[]);
    let finding = &document["findings"][0];
    assert_eq!((code, finding["verdict"].as_str().unwrap()), (status, verdict), "{document:#}");
    assert!(finding["evidence"].as_str().unwrap().contains(evidence), "{finding:#}");
    document
}

fn asked<'a>(document: &'a Value, asked: &str) -> &'a Value {
    let trace = document["trace"].as_array().unwrap();
    let line = trace.iter().find(|line| line["asked"] == asked);
    line.unwrap_or_else(|| panic!("{asked} was not asked: {document:#}"))
}

#[test]
fn a_configuration_document_whose_digest_is_in_the_dns() {
    let document = finds("pacc.test", "pacc", true, "imap.pacc.test:993/tls", "smtp.pacc.test:465/tls");
    assert_eq!(document["candidates"][0]["incoming"][1]["protocol"], "jmap");
    assert_eq!(document["findings"], serde_json::json!([]));
}

#[test]
fn a_configuration_document_with_another_digest_is_ignored_and_without_one_not_trusted() {
    let person = Person::new("pacc.test");
    let domain = person.lab.fresh_user("test").replace("@test", ".test");
    let path = ".well-known/user-agent-configuration.json";
    let text = format!("{{\"protocols\":{{\"imap\":{{\"host\":\"imap.{domain}\"}}}}}}");
    person.lab.document(&format!("ua-auto-config.{domain}"), path, &text).unwrap();
    let zone = format!("ua-auto-config A {}\n", person.lab.net().web());
    let person = Person::named(person.lab.clone(), format!("ann@{domain}"));

    person.lab.zone(&domain, &zone).unwrap();
    let (_, document) = discover(&person, &[]);
    assert_eq!(document["candidates"][0]["source"], "pacc", "{document:#}");
    assert_eq!(document["candidates"][0]["trusted"], false);

    let wrong = "_ua-auto-config TXT v=UAAC1; a=sha256; d=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    person.lab.zone(&domain, &format!("{zone}{wrong}")).unwrap();
    let (status, document) = discover(&person, &[]);
    assert_eq!((status, &document["candidates"]), (68, &serde_json::json!([])), "{document:#}");
}

#[test]
fn autodiscover_for_others_than_exchange() {
    let document = finds(
        "autodiscover.test",
        "autodiscover",
        true,
        "imap.autodiscover.test:993/tls",
        "smtp.autodiscover.test:587/starttls",
    );
    let odd = document["oddities"][0]["text"].as_str().unwrap();
    assert!(odd.contains("read as STARTTLS"), "{odd}");
}

#[test]
fn exchange_without_imap() {
    let document = finds_nothing("exchange.test", 69, "exchange-only", "mail.exchange.test");
    let incoming = &document["candidates"][0]["incoming"][0];
    assert_eq!(server(incoming), "activesync mail.exchange.test:443/tls");
    finds_nothing("wantslogin.test", 69, "exchange-only", "401");
}

#[test]
fn a_web_hosts_leftover_beside_a_providers_mail_exchanger() {
    let person = Person::new("leftover.test");
    let (status, document) = discover(&person, &[]);
    assert_eq!(status, 0);
    let sources: Vec<_> =
        document["candidates"].as_array().unwrap().iter().map(|c| c["source"].as_str().unwrap()).collect();
    assert_eq!(sources, ["provider", "autoconfig"], "{document:#}");
    assert_eq!(document["candidates"][0]["trusted"], true);
    let finding = &document["findings"][0];
    assert_eq!((&finding["verdict"], &finding["certainty"]), (&"sources-disagree".into(), &"likely".into()));
    let line = asked(&document, "https://autoconfig.leftover.test/mail/config-v1.1.xml");
    assert_eq!(line["result"], "disagrees");
    let host = &document["values"][0];
    assert_eq!((&host["name"], &host["sources"][0]), (&"imap.host".into(), &"provider".into()));
    assert_eq!(host["others"][0]["value"], "mail.leftover.test");
}

#[test]
fn a_foreign_server_named_by_the_dns_is_trusted_when_it_has_a_certificate_of_the_domain() {
    let document =
        finds("srvaway.test", "srv", true, "imap.hoster.test:993/tls", "smtp.hoster.test:587/starttls");
    assert_eq!(asked(&document, "imap.hoster.test:993/tls for srvaway.test")["result"], "found");

    // The same records for a domain that no certificate has.
    let lab = testkit::lab::Lab::current();
    let domain = lab.fresh_user("test").replace("@test", ".test");
    lab.zone(&domain, "_imaps._tcp SRV 0 1 993 imap.hoster.test\n").unwrap();
    let person = Person::named(lab, format!("ann@{domain}"));
    let (_, document) = discover(&person, &[]);
    assert_eq!(document["candidates"][0]["trusted"], false, "{document:#}");
    let why = document["candidates"][0]["why"].as_str().unwrap();
    assert!(why.contains("unsigned DNS names imap.hoster.test"), "{why}");
}

#[test]
fn a_domain_that_declines_imap_in_the_dns() {
    finds_nothing("srvnone.test", 68, "no-mail-service", "RFC 6186");
}

#[test]
fn a_server_that_insists_on_an_address_is_asked_about_nobody() {
    finds("picky.test", "autoconfig", true, "imap.picky.test:993/tls", "smtp.picky.test:587/starttls");
}

#[test]
fn what_came_over_http_is_not_trusted() {
    finds(
        "plainhttp.test",
        "autoconfig",
        false,
        "imap.plainhttp.test:993/tls",
        "smtp.plainhttp.test:587/starttls",
    );
    finds(
        "downgrade.test",
        "autoconfig",
        false,
        "imap.downgrade.test:993/tls",
        "smtp.downgrade.test:587/starttls",
    );
}

#[test]
fn a_mail_exchanger_is_believed_where_the_dns_is_signed() {
    let (imap, smtp) = ("imap.hoster.test:993/tls", "smtp.hoster.test:587/starttls");
    finds("mx.test", "mx-autoconfig", false, imap, smtp);
    finds("signed.test", "mx-autoconfig", true, imap, smtp);
}

#[test]
fn a_source_that_is_silent_does_not_hold_up_the_others() {
    let begun = Instant::now();
    let document =
        finds("halfdead.test", "srv", true, "imap.halfdead.test:993/tls", "smtp.halfdead.test:587/starttls");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let line = asked(&document, "https://autoconfig.halfdead.test/mail/config-v1.1.xml");
    assert!(line["detail"].as_str().unwrap().contains("not waited for any longer"), "{line:#}");
}

#[test]
fn the_database_can_be_another_or_none() {
    let person = Person::new("ispdb.test");
    let (status, document) = discover(&person, &["--no-ispdb"]);
    assert!(!document.to_string().contains("thunderbird"), "{document:#}");
    assert_eq!((status, &document["candidates"][0]["source"]), (0, &"guess".into()));

    let text = testkit::lab::autoconfig("ispdb.test", "imap.ispdb.test", "smtp.ispdb.test");
    person.lab.document("autoconfig.hoster.test", "db/ispdb.test", &text).unwrap();
    let (_, document) = discover(&person, &["--ispdb=https://autoconfig.hoster.test/db/"]);
    assert_eq!(document["candidates"][0]["url"], "https://autoconfig.hoster.test/db/ispdb.test");
    assert!(!document.to_string().contains("thunderbird"), "{document:#}");
}

#[test]
fn the_deadline_is_kept() {
    let person = Person::new("blackhole.test");
    let begun = Instant::now();
    let (status, document) = discover(&person, &["--deadline=1"]);
    assert_eq!((status, &document["findings"][0]["verdict"]), (75, &"dns-failure".into()));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn a_providers_own_program_on_this_machine_is_offered_when_it_answers() {
    let person = Person::named(testkit::lab::Lab::current(), "ann@proton.me".to_owned());
    let (status, document) = discover(&person, &[]);
    assert_eq!((status, &document["findings"][0]["verdict"]), (69, &"needs-bridge".into()));

    for (port, greeting) in [(1143, "* OK bridge\r\n"), (1025, "220 bridge\r\n")] {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = stream.and_then(|mut stream| stream.write_all(greeting.as_bytes()));
            }
        });
    }
    let (status, document) = discover(&person, &[]);
    let best = &document["candidates"][0];
    assert_eq!((status, &best["trusted"]), (0, &false.into()), "{document:#}");
    assert_eq!(server(&best["incoming"][0]), "imap 127.0.0.1:1143/starttls");
    assert_eq!(server(&best["outgoing"][0]), "smtp 127.0.0.1:1025/starttls");
}

#[test]
fn a_person_sees_the_best_and_why_it_is_trusted_and_what_is_odd() {
    let person = Person::new("autodiscover.test");
    let ran: Ran = person.run(&["discover", "ann@autodiscover.test"]).succeeded();
    insta::assert_snapshot!(ran.text(), @r"
    Reading  imap.autodiscover.test:993/tls as ann@autodiscover.test by password
    Sending  smtp.autodiscover.test:587/starttls as ann@autodiscover.test by password
    From     Autodiscover
    Trusted: autodiscover.autodiscover.test says so itself, over https
    https://autodiscover.autodiscover.test/autodiscover/autodiscover.xml

    Odd
      autodiscover: smtp.autodiscover.test:587: named without encryption, read as STARTTLS
    ");
}

#[test]
fn a_person_sees_what_there_is_where_imap_is_not() {
    let person = Person::new("exchange.test");
    let ran: Ran = person.run(&["discover", "ann@exchange.test"]);
    assert_eq!(ran.status, 69);
    insta::assert_snapshot!(ran.text(), @r"
    Found, and not usable
      Autodiscover, trusted: autodiscover.exchange.test says so itself, over https
        activesync mail.exchange.test:443/tls  (not spoken by restante)

    Exchange (ActiveSync) is open and IMAP is not. [exchange-only]
      seen: autodiscover names only Exchange ActiveSync at mail.exchange.test:443/tls
      do:   Ask the administrator to open IMAP, or read this mail with a program that speaks Exchange.
    ");
}
