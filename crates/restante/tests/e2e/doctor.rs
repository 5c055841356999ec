//! `restante doctor` at real servers: what is wrong is named, and the password goes out once to each side at most.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::lab::{Lab, LoginAttempts, PASSWORD};

use crate::person::Person;

/// One examination.
pub(crate) struct Examined {
    pub(crate) status: i32,
    pub(crate) document: Value,
}

/// Examines with a password and these options.
pub(crate) fn examine(person: &Person, password: &str, more: &[&str]) -> Examined {
    let args = [&["doctor", &person.address, "--password-stdin", "--json"], more].concat();
    let ran = person.run_with(format!("{password}\n"), &args);
    let document = ran.document();
    let told = &document["login_attempts"];
    assert_eq!(document["ok"], json!(ran.status == 0), "{document:#}");
    assert!(told["imap"].as_u64() <= Some(2) && told["smtp"].as_u64() <= Some(2), "{document:#}");
    Examined { status: ran.status, document }
}

/// Somebody at a domain of the laboratory, with the right password; the logs agree with what is told.
fn at(domain: &str, more: &[&str]) -> Examined {
    let person = Person::new(domain);
    let examined = examine(&person, PASSWORD, more);
    assert_eq!(
        person.lab.login_attempts(&person.address).unwrap(),
        examined.attempts(),
        "{:#}",
        examined.document
    );
    examined
}

impl Examined {
    /// The verdicts, each with its side, in order.
    pub(crate) fn verdicts(&self) -> Vec<(&str, &str)> {
        let word = |finding: &'_ Value, name: &str| finding[name].as_str().map(str::to_owned);
        assert!(self.findings().iter().all(|f| word(f, "verdict").is_some()));
        self.findings()
            .iter()
            .map(|f| (f["service"].as_str().unwrap(), f["verdict"].as_str().unwrap()))
            .collect()
    }

    pub(crate) fn findings(&self) -> &[Value] {
        self.document["findings"].as_array().unwrap()
    }

    /// The finding to act on.
    pub(crate) fn first(&self) -> &Value {
        self.findings().first().unwrap_or_else(|| panic!("nothing is wrong: {:#}", self.document))
    }

    /// The first finding with this verdict.
    pub(crate) fn finding(&self, verdict: &str) -> &Value {
        let found = self.findings().iter().find(|finding| finding["verdict"] == verdict);
        found.unwrap_or_else(|| panic!("no {verdict}: {:#}", self.document))
    }

    pub(crate) fn attempts(&self) -> LoginAttempts {
        let count =
            |name: &str| usize::try_from(self.document["login_attempts"][name].as_u64().unwrap()).unwrap();
        LoginAttempts { imap: count("imap"), smtp: count("smtp") }
    }
}

/// A text of a finding.
pub(crate) fn text<'a>(finding: &'a Value, name: &str) -> &'a str {
    finding[name].as_str().unwrap_or_else(|| panic!("no {name}: {finding:#}"))
}

/// What is looked at when a server says nothing but no: in this order.
fn checks_are_ordered(finding: &Value) {
    let remedy = text(finding, "remedy");
    let places: Vec<usize> = ["web mail", "two-step", "IMAP is switched on", "user name"]
        .iter()
        .map(|word| remedy.find(word).unwrap_or_else(|| panic!("{word} is missing: {remedy}")))
        .collect();
    assert!(places.is_sorted(), "{remedy}");
    let also = finding["also"].as_array().unwrap();
    for verdict in ["app-password-required", "service-disabled", "username-form"] {
        assert!(also.contains(&json!(verdict)), "{finding:#}");
    }
}

#[test]
fn where_all_is_well_every_step_is_shown_and_the_password_goes_out_once_to_each_side() {
    let examined = at("autoconfig.test", &[]);
    assert_eq!((examined.status, examined.attempts()), (0, LoginAttempts { imap: 1, smtp: 1 }));
    assert_eq!(examined.findings(), [] as [Value; 0]);
    let steps = examined.document["steps"].as_array().unwrap();
    let stages: Vec<&str> = steps.iter().map(|step| text(step, "stage")).collect();
    assert_eq!(
        stages,
        [
            "discovery",
            "connect",
            "tls",
            "greeting",
            "capability",
            "login",
            "mailbox",
            "submission-connect",
            "submission-tls",
            "submission-login",
            "sender"
        ]
    );
    assert!(steps.iter().all(|step| step["ok"] == true && step["ms"].is_u64()));
}

#[test]
fn every_kind_of_server_is_examined() {
    std::thread::scope(|scope| {
        for domain in ["cyrus.test", "courier.test"] {
            scope.spawn(move || {
                let examined = at(domain, &[]);
                assert_eq!(examined.status, 0, "{:#}", examined.document);
                assert_eq!(examined.attempts(), LoginAttempts { imap: 1, smtp: 1 });
            });
        }
    });
}

#[test]
fn a_refusal_that_says_nothing_is_told_as_such_with_what_to_check_in_order() {
    std::thread::scope(|scope| {
        for domain in ["autoconfig.test", "cyrus.test", "courier.test"] {
            scope.spawn(move || {
                let person = Person::new(domain);
                let examined = examine(&person, "wrong", &[]);
                assert_eq!(examined.status, 1);
                let verdicts = examined.verdicts();
                assert_eq!(verdicts, [("imap", "credentials-refused"), ("smtp", "credentials-refused")]);
                for finding in examined.findings() {
                    assert_eq!(
                        (&finding["certainty"], &finding["password"]),
                        (&json!("cannot-tell"), &json!("refused"))
                    );
                    checks_are_ordered(finding);
                }
                let once = LoginAttempts { imap: 1, smtp: 1 };
                assert_eq!(
                    (examined.attempts(), person.lab.login_attempts(&person.address).unwrap()),
                    (once, once)
                );
            });
        }
    });
}

#[test]
fn an_account_that_is_closed_or_out_of_order_is_told_from_a_wrong_password() {
    for (name, verdict, judged) in [
        ("unavailable", "temporary-failure", "not-judged"),
        ("disabled", "credentials-refused", "refused"),
        ("suspended", "account-locked", "not-judged"),
    ] {
        let person = Person::named(Lab::current(), format!("{name}@autoconfig.test"));
        let examined = examine(&person, PASSWORD, &[]);
        assert_eq!(
            (&examined.first()["verdict"], &examined.first()["password"]),
            (&json!(verdict), &json!(judged)),
            "{name}: {:#}",
            examined.document
        );
    }
}

#[test]
fn the_words_of_a_refusal_decide() {
    let google = "Application-specific password required: https://support.google.com/accounts/answer/185833";
    let cases = [
        (format!("[ALERT] {google} (Failure)"), "app-password-required", Some("support.google.com")),
        (
            "[ALERT] NEOBHODIM parol prilozheniya https://help.mail.ru/mail/security/protection/external / \
             Application password is REQUIRED"
                .to_owned(),
            "app-password-required",
            Some("help.mail.ru"),
        ),
        ("[ALERT] Please using authorized code to login.".to_owned(), "app-password-required", None),
        (
            "[WEBALERT https://accounts.example.org/continue] Web login required.".to_owned(),
            "browser-sign-in-required",
            Some("https://accounts.example.org/continue"),
        ),
        ("[CONTACTADMIN] The invoice of March is unpaid".to_owned(), "account-locked", None),
        ("[EXPIRED] Your password is from last year".to_owned(), "account-locked", None),
        ("[AUTHORIZATIONFAILED] No such authorization-ID".to_owned(), "account-locked", None),
        ("[REFERRAL imap://ann;AUTH=*@new.example.org/] Moved".to_owned(), "mailbox-moved", None),
        ("[INUSE] The mailbox is being migrated".to_owned(), "temporary-failure", None),
        ("[ALERT] Too many login attempts, wait an hour".to_owned(), "rate-limited", None),
        (
            "[ALERT] You are yet to enable IMAP for your account. Please contact your administrator"
                .to_owned(),
            "service-disabled",
            None,
        ),
    ];
    // The server thinks for half a second over each.
    std::thread::scope(|scope| {
        for (words, verdict, link) in cases {
            scope.spawn(move || {
                let person = Person::new("autoconfig.test");
                person.lab.refuse_with(&person.address, &words).unwrap();
                let examined = examine(&person, PASSWORD, &[]);
                let finding = examined.first();
                assert_eq!(finding["verdict"], verdict, "{finding:#}");
                assert!(text(finding, "evidence").contains(&words), "word for word: {finding:#}");
                if let Some(link) = link {
                    assert!(text(finding, "link").contains(link), "{finding:#}");
                }
                if verdict == "mailbox-moved" {
                    assert!(text(finding, "remedy").contains("--imap new.example.org"), "{finding:#}");
                }
                let stops = matches!(verdict, "account-locked" | "rate-limited");
                let attempts = LoginAttempts { imap: 1, smtp: usize::from(!stops) };
                assert_eq!(examined.attempts(), attempts, "{verdict}");
                assert_eq!(person.lab.login_attempts(&person.address).unwrap(), attempts, "{verdict}");
            });
        }
    });
}

#[test]
fn a_second_connection_that_is_not_allowed_ends_the_examination_of_the_password() {
    let person = Person::new("limit.test");
    let other = person.lab.client_at("imap.limit.test", person.lab.net().limit(), &person.address).unwrap();
    let examined = examine(&person, PASSWORD, &[]);
    assert_eq!(examined.verdicts()[0], ("imap", "too-many-connections"));
    assert_eq!(examined.first()["password"], "not-judged");
    assert_eq!(examined.attempts().smtp, 0);
    drop(other);
}

/// At this domain both sides fail so, before any password is sent.
fn both_sides(domain: &str, more: &[&str], imap: &str, smtp: &str, evidence: &str) {
    let examined = at(domain, more);
    assert_eq!(examined.verdicts(), [("imap", imap), ("smtp", smtp)], "{:#}", examined.document);
    let finding = examined.first();
    assert!(text(finding, "evidence").contains(evidence), "{finding:#}");
    assert!(examined.findings().iter().all(|f| f["password"] == "not-judged" && f["remedy"] != ""));
    assert_eq!((examined.status, examined.attempts()), (1, LoginAttempts::default()));
}

#[test]
fn certificates_are_read_for_the_person() {
    std::thread::scope(|scope| {
        for (domain, verdict, evidence) in [
            ("expired.test", "certificate-expired", "expired at 20"),
            (
                "wrongname.test",
                "certificate-name-mismatch",
                "mail.somebody-else.test, not for imap.wrongname",
            ),
            ("selfsigned.test", "certificate-self-signed", "vouches for itself"),
            ("nointermediate.test", "certificate-chain-incomplete", "Issuing CA 1"),
            ("untrusted.test", "certificate-chain-incomplete", "Nobody's Root"),
            ("notyet.test", "certificate-not-yet-valid", "is valid from"),
            ("oldtls.test", "tls-version-unsupported", "TLS"),
        ] {
            scope.spawn(move || both_sides(domain, &[], verdict, verdict, evidence));
        }
    });
}

#[test]
fn what_answers_and_is_no_mail_server_is_named() {
    std::thread::scope(|scope| {
        for (domain, verdict, evidence) in [
            ("bye.test", "greeting-refused", "Too many people are here already"),
            ("ssh.test", "not-a-mail-server", "SSH-2.0-OpenSSH"),
            ("garbage.test", "not-a-mail-server", "HTTP/1.1 400"),
        ] {
            scope.spawn(move || both_sides(domain, &[], verdict, verdict, evidence));
        }
    });
}

#[test]
fn a_server_that_never_says_a_word_is_given_up() {
    let examined = at("silent.test", &["--without-sending"]);
    assert_eq!((examined.status, examined.verdicts()), (1, vec![("imap", "connection-lost")]));
    assert!(text(examined.first(), "evidence").contains("imap.silent.test port 993"));
}

#[test]
fn a_closed_port_is_told_with_the_ports_that_are_open() {
    let refused = "connection-refused";
    both_sides("refused.test", &[], refused, refused, "no other mail port of this host answers either");
    both_sides("webonly.test", &[], refused, refused, "of the other ports, 443 of this host answers");
    let examined = at("webonly.test", &[]);
    assert!(text(examined.first(), "remedy").contains("a web server and no mail server"));
    both_sides("notls.test", &[], refused, "starttls-not-offered", "143");
    let starttls = "--imap=imap.notls.test:143/starttls";
    let none = "starttls-not-offered";
    let sending = "--smtp=smtp.notls.test:587/starttls";
    both_sides("notls.test", &[starttls, sending], none, none, "STARTTLS");
    let examined = at("notls.test", &[starttls, sending]);
    for (finding, port) in examined.findings().iter().zip(["993", "465"]) {
        assert!(
            text(finding, "remedy").contains(&format!("Port {port} of this host has no TLS")),
            "{finding:#}"
        );
    }
}

#[test]
fn a_network_that_blocks_the_ports_of_mail_is_waited_for_once() {
    let begun = Instant::now();
    let examined = at("blocked.test", &[]);
    assert_eq!(examined.verdicts(), [("imap", "port-blocked"), ("smtp", "port-blocked")]);
    for finding in examined.findings() {
        assert_eq!(
            (&finding["certainty"], &finding["also"]),
            (&json!("likely"), &json!(["address-blocked"]))
        );
        assert!(text(finding, "evidence").contains("of the other ports, 443 of this host answers"));
        assert!(text(finding, "remedy").contains("Try another network"), "{finding:#}");
    }
    assert!(begun.elapsed() < Duration::from_secs(22), "both sides at once: {:?}", begun.elapsed());
    let steps = examined.document["steps"].as_array().unwrap();
    let services: Vec<&str> = steps.iter().map(|step| text(step, "service")).collect();
    assert_eq!(services, ["discovery", "imap", "smtp"]);
}

#[test]
fn a_greeting_that_skips_the_login_is_not_believed_where_encryption_is_due() {
    let imap = "--imap=imap.preauth.test:143/starttls";
    let smtp = "--smtp=smtp.preauth.test:587/starttls";
    both_sides("preauth.test", &[imap, smtp], "starttls-stripped", "connection-refused", "PREAUTH");
}

#[test]
fn a_domain_that_cannot_be_found_ends_the_examination() {
    for (domain, verdict) in [
        ("nosuch.test", "domain-not-found"),
        ("servfail.test", "dns-failure"),
        ("nomail.test", "no-mail-service"),
    ] {
        let examined = at(domain, &[]);
        assert_eq!((examined.status, examined.verdicts()), (1, vec![("discovery", verdict)]));
    }
    let typo = Person::named(Lab::current(), "ann@gmial.com".to_owned());
    let examined = examine(&typo, PASSWORD, &[]);
    assert_eq!(examined.first()["verdict"], "domain-not-found");
    assert!(text(examined.first(), "remedy").contains("ann@gmail.com"), "{:#}", examined.first());
}

#[test]
fn what_is_no_address_is_named_before_anything_is_asked() {
    let person = Person::new("autoconfig.test");
    for address in ["ann@", "ann@localhost", "ann smith@autoconfig.test", "a@b@autoconfig.test"] {
        let (status, error) = person.error(&["doctor", address]);
        assert_eq!((status, &error["verdict"]), (64, &json!("address-invalid")), "{address}: {error:#}");
        assert_eq!(error["stage"], "address");
    }
}

#[test]
fn ports_that_changed_places_are_used_as_they_speak() {
    let examined = at("swapped.test", &[]);
    assert_eq!((examined.status, examined.attempts()), (0, LoginAttempts { imap: 1, smtp: 1 }));
    assert_eq!(examined.verdicts(), [("imap", "tls-on-plain-port"), ("smtp", "plain-on-tls-port")]);
    assert!(examined.findings().iter().all(|note| text(note, "remedy").starts_with("Nothing to do")));
    let used =
        |side: &str| (examined.document[side]["port"].clone(), examined.document[side]["security"].clone());
    assert_eq!((used("imap"), used("smtp")), ((json!(993), json!("starttls")), (json!(587), json!("tls"))));

    let person = Person::new("swapped.test");
    let args = ["setup", &person.address, "--password-stdin", "--json"];
    let saved = person.run_with(format!("{PASSWORD}\n"), &args).succeeded().document();
    assert_eq!(saved["settings"]["imap"]["security"], "starttls", "{saved:#}");
    assert_eq!(saved["settings"]["smtp"]["security"], "tls", "{saved:#}");
    person.sync();
}

#[test]
fn a_broken_ipv6_address_is_a_note() {
    let examined = at("v6dead.test", &[]);
    assert_eq!(
        (examined.status, examined.verdicts()),
        (0, vec![("imap", "ipv6-broken"), ("smtp", "ipv6-broken")])
    );
}

#[test]
fn sending_is_judged_by_itself() {
    for (domain, verdict, judged, smtp) in [
        ("noauth.test", "submission-auth-not-offered", "not-judged", 0),
        ("deadauth.test", "temporary-failure", "not-judged", 1),
        ("rejects.test", "client-host-refused", "accepted", 1),
    ] {
        let person = Person::new(domain);
        let examined = examine(&person, PASSWORD, &[]);
        assert_eq!((examined.status, examined.verdicts()), (1, vec![("smtp", verdict)]), "{domain}");
        assert_eq!(examined.first()["password"], judged, "{domain}");
        assert_eq!(examined.attempts(), LoginAttempts { imap: 1, smtp });
        assert_eq!(examined.document["imap"]["host"], format!("imap.{domain}"), "reading works");
    }
}

#[test]
fn a_login_that_is_right_for_another_address_may_not_send_from_this_one() {
    let person = Person::new("autoconfig.test");
    let other = person.lab.fresh_user("autoconfig.test");
    let examined = examine(&person, PASSWORD, &[&format!("--username={other}")]);
    assert_eq!(examined.verdicts(), [("smtp", "sender-not-allowed")]);
    assert_eq!(examined.first()["password"], "accepted");
    assert!(text(examined.first(), "evidence").contains("not owned by user"), "{:#}", examined.first());
}

#[test]
fn without_a_password_all_is_looked_at_that_comes_before_the_login() {
    let person = Person::new("autoconfig.test");
    let ran = person.run(&["doctor", &person.address, "--json"]).succeeded();
    let document = ran.document();
    assert_eq!(document["login_attempts"], json!({"imap": 0, "smtp": 0}));
    let stages: Vec<&str> =
        document["steps"].as_array().unwrap().iter().map(|step| text(step, "stage")).collect();
    assert!(stages.contains(&"capability") && stages.contains(&"submission-tls"), "{stages:?}");
    assert!(!stages.contains(&"login") && !stages.contains(&"submission-login"), "{stages:?}");
    assert_eq!(person.lab.login_attempts(&person.address).unwrap(), LoginAttempts::default());
    let said = person.text(&["doctor", &person.address]);
    assert_eq!(said, "Everything works as far as the login, which was not tried.\n");
}

#[test]
fn an_account_whose_server_is_gone_is_told_where_the_provider_is_now() {
    let person = Person::set_up();
    let config = person.data().join("config.toml");
    let good = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, good.replace("imap.autoconfig.test", "imap.refused.test")).unwrap();
    let ran = person.run(&["doctor", "--json"]);
    let document = ran.document();
    let codes: Vec<&Value> = document["findings"].as_array().unwrap().iter().map(|f| &f["verdict"]).collect();
    assert_eq!((ran.status, codes), (1, vec![&json!("server-moved"), &json!("connection-refused")]));
    assert!(text(&document["findings"][0], "evidence").contains("-> imap.autoconfig.test:993/tls"));
    assert_eq!(document["account"], person.address);
}

#[test]
fn exchange_without_imap_is_named() {
    let examined = at("exchange.test", &[]);
    assert_eq!((examined.status, examined.verdicts()), (1, vec![("discovery", "exchange-only")]));
}

#[test]
fn where_imap_is_closed_and_exchange_is_open_that_is_said() {
    let lab = Lab::current();
    let domain = lab.fresh_user("x").replace("user-", "e").replace("@x", ".test");
    lab.zone(&domain, &format!("mail A {}\n", lab.net().web())).unwrap();
    let fields = ["MS-ASProtocolVersions: 14.1,16.1"];
    lab.answer("https", &format!("mail.{domain}"), "Microsoft-Server-ActiveSync", 200, &fields, "").unwrap();
    let person = Person::named(lab.clone(), lab.fresh_user(&domain));
    let examined = examine(&person, PASSWORD, &["--imap=imap.refused.test", "--without-sending"]);
    assert_eq!(examined.verdicts(), [("imap", "exchange-only")]);
    let finding = examined.first();
    assert!(text(finding, "evidence").contains(&format!("mail.{domain}/Microsoft-Server-ActiveSync speaks")));
    assert_eq!(finding["also"], json!(["connection-refused"]));
}

#[test]
fn a_report_can_be_shown_to_others() {
    let person = Person::new("autoconfig.test");
    let args = ["doctor", &person.address, "--password-stdin", "--report"];
    for password in [PASSWORD, "wrong horse"] {
        let ran = person.run_with(format!("{password}\n"), &args);
        let report = ran.text();
        let (local, domain) = person.address.split_once('@').unwrap();
        assert!(!report.contains(local) && !report.contains(password), "{report}");
        assert!(report.contains("imap      login") && report.contains(domain), "{report}");
        assert!(report.contains("logins tried: imap 1, smtp 1"), "{report}");
        match ran.status {
            0 => assert!(report.contains("Reading and sending work."), "{report}"),
            _ => assert!(report.contains("[credentials-refused]"), "{report}"),
        }
    }
    // A short user name is one too.
    let ann = Person::named(Lab::current(), "ann@cyrus.test".to_owned());
    let ran = ann.run_with(
        format!("{PASSWORD}\n"),
        &["doctor", "ann@cyrus.test", "--username=ann", "--password-stdin", "--report"],
    );
    assert!(!ran.text().contains("ann "), "{ran}");
}
