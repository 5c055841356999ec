//! What servers of providers and of long ago say, played back word for word: each line with its verdict.
//!
//! The servers follow a script on ports of their own; the names of providers lead to them.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use testkit::lab::{Lab, LoginAttempts, PASSWORD};
use testkit::script::{Opening, Place, Server};

use crate::doctor::{Examined, examine, text};
use crate::person::{Person, Ran};

/// What a server says until the login, and the login.
const IMAP: &str =
    "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\nC: a1 AUTHENTICATE PLAIN <redacted>\n";
/// A login, and an inbox.
const IMAP_WORKS: &str = "S: a1 OK [CAPABILITY IMAP4rev1] in\nC: a2 EXAMINE \"INBOX\"\nS: * 1 EXISTS\nS: a2 OK opened\nC: a3 LOGOUT\n";
/// The same on the side of sending.
const SMTP: &str = "S: 220 ready\nC: EHLO [127.0.0.1]\nS: 250-ready\nS: 250-PIPELINING\nS: 250-SIZE 100000\nS: 250 AUTH PLAIN\n";
const SMTP_LOGIN: &str = "C: AUTH PLAIN <redacted>\n";
const SMTP_WORKS: &str = "S: 235 2.7.0 in\nC: MAIL FROM:<<redacted>> SIZE=0\nC: RCPT TO:<<redacted>>\nS: 250 ok\nS: 250 ok\nC: RSET\nS: 250 ok\nC: QUIT\nS: 221 bye\n";
const SMTP_ENDS: &str = "C: QUIT\nS: 221 bye\n";

/// Two scripted servers, and the names they go by.
struct Stage {
    imap: (String, Opening, Server),
    smtp: (String, Opening, Server),
}

impl Stage {
    /// Both speak TLS from the first byte.
    fn new(imap: &str, imap_script: &str, smtp: &str, smtp_script: &str) -> Self {
        Self::opening(Opening::Tls, imap, imap_script, smtp, smtp_script)
    }

    fn opening(opening: Opening, imap: &str, imap_script: &str, smtp: &str, smtp_script: &str) -> Self {
        let start = |host: &str, opening, script: &str| {
            if host.parse::<Ipv4Addr>().is_err() {
                Lab::current().zone(host, "@ A 127.0.0.1\n").unwrap();
            }
            (host.to_owned(), opening, Server::start(&[host], opening, &[script]).unwrap())
        };
        Self { imap: start(imap, opening, imap_script), smtp: start(smtp, Opening::Tls, smtp_script) }
    }

    /// How the servers are named on a command line.
    fn args(&self) -> Vec<String> {
        let word = |opening| if opening == Opening::Tls { "tls" } else { "starttls" };
        let mut args = Vec::new();
        for (option, (host, opening, server)) in [("--imap", &self.imap), ("--smtp", &self.smtp)] {
            args.push(format!("{option}={host}:{}/{}", server.port(), word(*opening)));
            args.push(format!("--ca-file={}", server.ca_file().display()));
        }
        args
    }

    /// Examines, to the last line of both scripts.
    fn examine(self, address: &str, password: &str, more: &[&str]) -> Examined {
        let person = Person::named(Lab::current(), address.to_owned());
        let args = self.args();
        let args: Vec<&str> = args.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let examined = examine(&person, password, &args);
        for (_, _, server) in [self.imap, self.smtp] {
            server.finish().unwrap_or_else(|error| panic!("{error}: {:#}", examined.document));
        }
        examined
    }
}

fn imap(refusal: &str) -> String {
    format!("{IMAP}S: {refusal}\n")
}

fn imap_works() -> String {
    format!("{IMAP}{IMAP_WORKS}")
}

fn smtp(refusal: &str) -> String {
    format!("{SMTP}{SMTP_LOGIN}S: {refusal}\n{SMTP_ENDS}")
}

fn smtp_works() -> String {
    format!("{SMTP}{SMTP_LOGIN}{SMTP_WORKS}")
}

/// After a refusal that says to stop, no password is sent here.
fn smtp_is_spared() -> String {
    format!("{SMTP}{SMTP_ENDS}")
}

/// At `host` IMAP refuses with this line, and submission in no particular words.
fn refused(address: &str, host: &str, line: &str) -> Examined {
    let plain = smtp("535 5.7.8 Error: authentication failed");
    Stage::new(host, &imap(line), host, &plain).examine(address, PASSWORD, &[])
}

/// The finding's verdict, its judgement of the password, and how sure it is.
fn is(finding: &Value, verdict: &str, certainty: &str, password: &str) {
    let found = (&finding["verdict"], &finding["certainty"], &finding["password"]);
    assert_eq!(found, (&json!(verdict), &json!(certainty), &json!(password)), "{finding:#}");
}

#[test]
fn each_provider_with_two_step_sign_in_has_its_own_advice() {
    // address, server, what it says, verdict, certainty, a part of the remedy, the page
    let cases = [
        (
            "ann@gmail.com",
            "imap.gmail.com",
            "a1 NO [ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)",
            ("app-password-required", "certain", "create an app password"),
            "https://myaccount.google.com/apppasswords",
        ),
        (
            "ann@kolabnow.com",
            "imap.kolabnow.com",
            "a1 NO authentication failure",
            ("two-step-blocks-password", "likely", "there are no app passwords"),
            "https://kb.kolabnow.com/",
        ),
        (
            "ann@mail.ru",
            "imap.mail.ru",
            "a1 NO [AUTHENTICATIONFAILED] NEOBHODIM parol prilozheniya https://help.mail.ru/mail/security/protection/external / Application password is REQUIRED",
            ("app-password-required", "certain", ""),
            "https://",
        ),
        (
            "ann@qq.com",
            "imap.qq.com",
            "a1 NO Please using authorized code to login.",
            ("app-password-required", "certain", "authori"),
            "https://",
        ),
        (
            "ann@icloud.com",
            "imap.mail.me.com",
            "a1 NO [AUTHENTICATIONFAILED] Authentication failed",
            ("app-password-required", "likely", "app-specific password"),
            "https://account.apple.com/account/manage",
        ),
        (
            "ann@yahoo.com",
            "imap.mail.yahoo.com",
            "a1 NO [AUTHENTICATIONFAILED] LOGIN Invalid credentials",
            ("app-password-required", "likely", "Yahoo takes no account password"),
            "https://login.yahoo.com/account/security",
        ),
        (
            "ann@outlook.com",
            "outlook.office365.com",
            "a1 NO AUTHENTICATE failed.",
            ("oauth-required", "likely", "--auth xoauth2"),
            "https://support.microsoft.com/",
        ),
    ];
    std::thread::scope(|scope| {
        for (address, host, line, (verdict, certainty, remedy), link) in cases {
            scope.spawn(move || {
                let username: &[&str] = if host == "imap.mail.me.com" { &["--username=ann"] } else { &[] };
                let plain = smtp("535 5.7.8 Error: authentication failed");
                let stage = Stage::new(host, &imap(line), host, &plain);
                let examined = stage.examine(address, PASSWORD, username);
                let finding = examined.first();
                assert_eq!(
                    (&finding["verdict"], &finding["certainty"]),
                    (&json!(verdict), &json!(certainty)),
                    "{finding:#}"
                );
                assert!(text(finding, "remedy").contains(remedy), "{finding:#}");
                assert!(text(finding, "link").starts_with(link), "{finding:#}");
                assert!(text(finding, "evidence").contains(&line[3..]), "word for word: {finding:#}");
            });
        }
    });
}

#[test]
fn where_a_provider_says_only_no_what_is_known_of_it_decides() {
    let cases = [
        (
            "ann@gmail.com",
            "imap.gmail.com",
            "a1 NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)",
            "credentials-refused",
            "cannot-tell",
        ),
        ("ann@gmx.net", "imap.gmx.net", "a1 NO authentication failed", "service-disabled", "likely"),
        (
            "ann@zoho.com",
            "imap.zoho.com",
            "a1 NO [ALERT] You are yet to enable IMAP for your account. Please contact your administrator (Failure)",
            "service-disabled",
            "certain",
        ),
        (
            "ann@yandex.ru",
            "imap.yandex.ru",
            "a1 NO [AUTHENTICATIONFAILED] LOGIN invalid credentials or IMAP is disabled sc=AbCdEf12345_",
            "credentials-refused",
            "cannot-tell",
        ),
        (
            "ann@163.com",
            "imap.163.com",
            "a1 NO LOGIN Login error or password error",
            "app-password-required",
            "likely",
        ),
        ("ann@web.de", "imap.web.de", "a1 NO [AUTHENTICATIONFAILED] no", "username-form", "likely"),
        (
            "ann@qq.com",
            "imap.qq.com",
            "a1 NO Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy.",
            "credentials-refused",
            "cannot-tell",
        ),
    ];
    std::thread::scope(|scope| {
        for (address, host, line, verdict, certainty) in cases {
            scope.spawn(move || {
                let examined = refused(address, host, line);
                let finding = examined.first();
                let judged = if certainty == "certain" { "not-judged" } else { "refused" };
                is(finding, verdict, certainty, judged);
                assert!(!text(finding, "remedy").is_empty() && finding["link"] != "", "{finding:#}");
            });
        }
    });
}

#[test]
fn microsofts_ways_to_refuse_are_told_apart() {
    let exchange = "S: * OK The Microsoft Exchange IMAP4 service is ready. [QQBT]\nC: a1 CAPABILITY\nS: * CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+\nS: a1 OK CAPABILITY completed.\nC: a2 AUTHENTICATE PLAIN <redacted>\n";
    let host = "outlook.office365.com";
    let plain = smtp(
        "535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [AM0PR01CA0001.example]",
    );

    // A company's own server, whose name says nothing.
    let stage = Stage::new("127.0.0.1", &format!("{exchange}S: a2 NO AUTHENTICATE failed.\n"), host, &plain);
    let examined = stage.examine("ann@example.org", PASSWORD, &[]);
    is(examined.first(), "oauth-required", "likely", "refused");
    is(&examined.findings()[1], "oauth-required", "certain", "not-judged");

    let script = format!(
        "{exchange}S: a2 OK AUTHENTICATE completed.\nC: a3 CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: a3 OK\nC: a4 EXAMINE \"INBOX\"\nS: a4 BAD User is authenticated but not connected.\nC: a5 LOGOUT\n"
    );
    let off = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [AM0PR01CA0001.example]";
    let examined = Stage::new(host, &script, host, &smtp(off)).examine("ann@example.org", PASSWORD, &[]);
    is(examined.first(), "account-not-connected", "certain", "accepted");
    is(&examined.findings()[1], "service-disabled", "certain", "not-judged");
    assert_eq!(text(&examined.findings()[1], "link"), "https://aka.ms/smtp_auth_disabled");

    let consent = "a1 NO AADSTS65001: The user or administrator has not consented to use the application";
    is(refused("ann@example.org", host, consent).first(), "admin-consent-required", "certain", "not-judged");
}

#[test]
fn a_server_that_takes_tokens_only_gets_no_password() {
    let script = "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2 AUTH=OAUTHBEARER] ready\n";
    let sending =
        "S: 220 ready\nC: EHLO [127.0.0.1]\nS: 250-ready\nS: 250 AUTH XOAUTH2\nC: QUIT\nS: 221 bye\n";
    let examined =
        Stage::new("127.0.0.1", script, "127.0.0.1", sending).examine("ann@example.org", PASSWORD, &[]);
    assert_eq!(examined.verdicts(), [("imap", "oauth-required"), ("smtp", "oauth-required")]);
    assert_eq!(examined.attempts(), LoginAttempts::default());
}

#[test]
fn a_server_with_no_way_to_log_in_that_is_known_gets_no_password() {
    let script = "S: * OK [CAPABILITY IMAP4rev1 AUTH=GSSAPI] ready\n";
    let sending =
        "S: 220 ready\nC: EHLO [127.0.0.1]\nS: 250-ready\nS: 250 AUTH GSSAPI NTLM\nC: QUIT\nS: 221 bye\n";
    let examined =
        Stage::new("127.0.0.1", script, "127.0.0.1", sending).examine("ann@example.org", PASSWORD, &[]);
    assert_eq!(examined.verdicts(), [("imap", "mechanism-unsupported"), ("smtp", "mechanism-unsupported")]);
    assert_eq!(examined.attempts(), LoginAttempts::default());

    let forbids = "S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] ready\n";
    let dull = "S: 220 ready\nC: EHLO [127.0.0.1]\nS: 250 ready\nC: QUIT\nS: 221 bye\n";
    let examined =
        Stage::new("127.0.0.1", forbids, "127.0.0.1", dull).examine("ann@example.org", PASSWORD, &[]);
    assert_eq!(examined.verdicts(), [("imap", "cleartext-refused"), ("smtp", "submission-auth-not-offered")]);
    assert_eq!(examined.attempts(), LoginAttempts::default());
}

#[test]
fn a_server_that_does_not_understand_the_login_has_not_judged_the_password() {
    let script = "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\nC: a1 AUTHENTICATE PLAIN <redacted>\nS: a1 BAD Command Argument Error. 11\nC: a2 AUTHENTICATE PLAIN\nS: +\nC: <redacted>\nS: a2 BAD what?\n";
    let sending = smtp("504 5.5.4 Unrecognized authentication type");
    let examined =
        Stage::new("127.0.0.1", script, "127.0.0.1", &sending).examine("ann@example.org", PASSWORD, &[]);
    is(examined.first(), "mechanism-unsupported", "likely", "not-judged");
    is(&examined.findings()[1], "mechanism-unsupported", "certain", "not-judged");
    assert_eq!(examined.attempts(), LoginAttempts { imap: 2, smtp: 1 });
}

#[test]
fn coremail_gets_its_first_message_separately_and_the_name_of_the_program() {
    let host = "imap.163.com";
    let script = "S: * OK Coremail System IMap Server Ready(163com[0123456789])\nC: a1 CAPABILITY\nS: * CAPABILITY IMAP4rev1 ID AUTH=PLAIN SASL-IR\nS: a1 OK CAPABILITY completed\nC: a2 AUTHENTICATE PLAIN\nS: +\nC: <redacted>\nS: a2 OK AUTHENTICATE completed\nC: a3 CAPABILITY\nS: * CAPABILITY IMAP4rev1 ID\nS: a3 OK CAPABILITY completed\nC: a4 ID (\"name\" \"restante\" <redacted>)\nC: a5 EXAMINE \"INBOX\"\nS: * ID NIL\nS: a4 OK ID completed\nS: a5 NO EXAMINE Unsafe Login. Please contact kefu@188.com for help\nC: a6 LOGOUT\n";
    let examined = Stage::new(host, script, host, &smtp_works()).examine("ann@163.com", PASSWORD, &[]);
    is(examined.first(), "id-required", "certain", "accepted");
    assert_eq!((examined.findings().len(), examined.attempts()), (1, LoginAttempts { imap: 1, smtp: 1 }));
}

#[test]
fn a_refusal_that_says_to_stop_is_the_end_of_trying() {
    for (line, verdict, certainty, judged) in [
        (
            "a1 NO [CONTACTADMIN] Mailbox closed by the administrator",
            "account-locked",
            "certain",
            "not-judged",
        ),
        (
            "a1 NO [ALERT] Too many login attempts, please try again later",
            "rate-limited",
            "certain",
            "not-judged",
        ),
        (
            "a1 NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=16)",
            "too-many-connections",
            "certain",
            "not-judged",
        ),
    ] {
        let stage = Stage::new("127.0.0.1", &imap(line), "127.0.0.1", &smtp_is_spared());
        let examined = stage.examine("ann@example.org", PASSWORD, &[]);
        is(examined.first(), verdict, certainty, judged);
        assert_eq!(examined.attempts(), LoginAttempts { imap: 1, smtp: 0 });
    }
}

#[test]
fn the_same_password_judged_twice_shows_which_side_is_closed() {
    let host = "127.0.0.1";
    let no = "a1 NO [AUTHENTICATIONFAILED] Authentication failed.";
    let examined = Stage::new(host, &imap(no), host, &smtp_works()).examine("ann@example.org", PASSWORD, &[]);
    is(examined.first(), "service-disabled", "likely", "accepted");
    assert_eq!(examined.first()["service"], "imap");
    assert!(text(examined.first(), "evidence").contains("submission accepted the same password"));

    let sending = smtp("535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6");
    let examined = Stage::new(host, &imap_works(), host, &sending).examine("ann@example.org", PASSWORD, &[]);
    assert_eq!(examined.verdicts(), [("smtp", "submission-login-refused")]);
    is(examined.first(), "submission-login-refused", "likely", "accepted");
}

#[test]
fn what_submission_servers_say_to_a_login_is_understood() {
    for (line, verdict) in [
        ("454 4.7.0 Too many login attempts, please try again later. a1-gsmtp", "rate-limited"),
        (
            "534 5.7.9 Application-specific password required. For more information, go to https://support.google.com/mail/?p=InvalidSecondFactor",
            "app-password-required",
        ),
        (
            "534 5.7.14 <https://accounts.google.com/signin/continue?sarp=1> Please log in via your web browser and then try again.",
            "browser-sign-in-required",
        ),
        ("535 5.7.0 (#AUTH005) Too many bad auth attempts.", "account-locked"),
        ("454 4.7.0 Temporary authentication failure", "temporary-failure"),
        ("530 5.7.0 Must issue a STARTTLS command first", "cleartext-refused"),
        ("530 5.7.0 Authentication required", "submission-auth-required"),
        ("550 5.7.30 Basic authentication is not supported for Client Submission", "oauth-required"),
        ("421 4.7.0 Too many connections", "too-many-connections"),
    ] {
        let closes = line.starts_with("421");
        let script = if closes { format!("{SMTP}{SMTP_LOGIN}S: {line}\n") } else { smtp(line) };
        let stage = Stage::new("127.0.0.1", &imap_works(), "127.0.0.1", &script);
        let examined = stage.examine("ann@example.org", PASSWORD, &[]);
        assert_eq!(examined.verdicts(), [("smtp", verdict)], "{line}: {:#}", examined.document);
        assert!(text(examined.first(), "evidence").contains(line), "{:#}", examined.first());
    }
}

#[test]
fn what_submission_servers_say_to_a_sender_is_understood() {
    for (line, verdict) in [
        ("553 5.7.1 <ann@example.org>: Sender address rejected: not owned by user bob", "sender-not-allowed"),
        ("554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied", "client-host-refused"),
        ("554 5.7.1 <ann@example.org>: Relay access denied", "submission-auth-required"),
        (
            "550 5.1.1 <ann@example.org>: Recipient address rejected: User unknown in local recipient table",
            "recipient-refused",
        ),
        ("452 4.2.2 Rate limit exceeded", "rate-limited"),
        ("550 5.7.26 This message does not pass authentication checks", "message-refused"),
        ("552 5.3.4 Message size exceeds fixed limit", "message-too-large"),
    ] {
        let script = format!(
            "{SMTP}{SMTP_LOGIN}S: 235 2.7.0 in\nC: MAIL FROM:<<redacted>> SIZE=0\nC: RCPT TO:<<redacted>>\nS: 250 ok\nS: {line}\nC: RSET\nS: 250 ok\n{SMTP_ENDS}"
        );
        let stage = Stage::new("127.0.0.1", &imap_works(), "127.0.0.1", &script);
        let examined = stage.examine("ann@example.org", PASSWORD, &[]);
        assert_eq!(examined.verdicts(), [("smtp", verdict)], "{line}: {:#}", examined.document);
        assert_eq!(examined.first()["password"], "accepted", "{line}");
    }
}

#[test]
fn what_is_wrong_with_the_inbox_is_not_the_passwords_fault() {
    for (line, verdict) in [
        ("a2 NO [UNAVAILABLE] Server Unavailable. 15", "temporary-failure"),
        ("a2 NO [REFERRAL imap://imap2.example.org/] Mailbox moved", "mailbox-moved"),
        ("a2 NO [OVERQUOTA] Mailbox is full", "mailbox-full"),
        ("a2 NO No such thing here", "request-refused"),
        ("a2 BAD Error in IMAP command received by server.", "protocol-error"),
    ] {
        let script = format!(
            "{IMAP}S: a1 OK [CAPABILITY IMAP4rev1] in\nC: a2 EXAMINE \"INBOX\"\nS: {line}\nC: a3 LOGOUT\n"
        );
        let stage = Stage::new("127.0.0.1", &script, "127.0.0.1", &smtp_works());
        let examined = stage.examine("ann@example.org", PASSWORD, &[]);
        assert_eq!(examined.verdicts(), [("imap", verdict)], "{line}: {:#}", examined.document);
        assert_eq!(examined.first()["password"], "accepted", "{line}");
    }
    let gone = format!("{IMAP}S: a1 OK [CAPABILITY IMAP4rev1] in\nC: a2 EXAMINE \"INBOX\"\n");
    let stage = Stage::new("127.0.0.1", &gone, "127.0.0.1", &smtp_works());
    assert_eq!(stage.examine("ann@example.org", PASSWORD, &[]).verdicts(), [("imap", "connection-lost")]);
}

#[test]
fn what_a_server_greets_with_is_understood() {
    for (line, verdict) in [
        ("* BYE [UNAVAILABLE] Down for maintenance", "temporary-failure"),
        ("* BYE Too many connections from your address", "too-many-connections"),
        ("* BYE Your address is blocked", "address-blocked"),
        ("220 mail.example.org ESMTP", "not-a-mail-server"),
    ] {
        let stage = Stage::new("127.0.0.1", &format!("S: {line}\n"), "127.0.0.1", &smtp_is_spared());
        let person = Person::named(Lab::current(), "ann@example.org".to_owned());
        let given = stage.args();
        let mut args = vec!["doctor", &person.address, "--json"];
        args.extend(given.iter().map(String::as_str));
        let ran = person.run(&args);
        let document = ran.document();
        assert_eq!(document["findings"][0]["verdict"], verdict, "{line}: {document:#}");
        stage.imap.2.finish().unwrap();
        stage.smtp.2.finish().unwrap();
    }
}

#[test]
fn a_connection_that_is_meddled_with_gets_no_password() {
    let injected = "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] ready\nC: a1 STARTTLS\nS: a1 OK go on\nS: * OK injected\nSILENCE\n";
    let refuses = "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] ready\nC: a1 STARTTLS\nS: a1 NO TLS is out of order\nSILENCE\n";
    for (script, verdict) in [(injected, "starttls-stripped"), (refuses, "starttls-not-offered")] {
        let stage = Stage::opening(Opening::Plain, "127.0.0.1", script, "127.0.0.1", &smtp_works());
        let examined = stage.examine("ann@example.org", PASSWORD, &[]);
        assert_eq!(examined.verdicts(), [("imap", verdict)], "{:#}", examined.document);
        assert_eq!(examined.attempts(), LoginAttempts { imap: 0, smtp: 1 });
    }
}

#[test]
fn a_way_of_sending_that_is_meddled_with_gets_no_password() {
    let begun = "S: 220 ready\nC: EHLO [127.0.0.1]\nS: 250-ready\nS: 250 STARTTLS\nC: STARTTLS\n";
    for (answer, verdict) in [
        ("S: 220 go on\nS: 250 injected\nSILENCE\n", "starttls-stripped"),
        ("S: 454 4.7.0 TLS not available due to a temporary reason\n", "starttls-not-offered"),
    ] {
        let host = "127.0.0.1";
        let server = Server::start(&[], Opening::Plain, &[&format!("{begun}{answer}")]).unwrap();
        let imap = Server::start(&[], Opening::Tls, &[&imap_works()]).unwrap();
        let stage = Stage {
            imap: (host.to_owned(), Opening::Tls, imap),
            smtp: (host.to_owned(), Opening::Plain, server),
        };
        let examined = stage.examine("ann@example.org", PASSWORD, &[]);
        assert_eq!(examined.verdicts(), [("smtp", verdict)], "{:#}", examined.document);
        assert_eq!(examined.first()["stage"], "submission-tls");
        assert_eq!(examined.attempts(), LoginAttempts { imap: 1, smtp: 0 });
    }
}

#[test]
fn a_server_that_wants_no_login_gets_no_password() {
    let script = "S: * PREAUTH [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] come in\nC: a1 EXAMINE \"INBOX\"\nS: * 3 EXISTS\nS: a1 OK\nC: a2 LOGOUT\n";
    let refusal = smtp("535 5.7.8 Error: authentication failed");
    let examined =
        Stage::new("127.0.0.1", script, "127.0.0.1", &refusal).examine("ann@example.org", PASSWORD, &[]);
    // Nobody has said that the password is right.
    assert_eq!(examined.verdicts(), [("smtp", "credentials-refused")], "{:#}", examined.document);
    assert_eq!(examined.attempts(), LoginAttempts { imap: 0, smtp: 1 });
    let steps = examined.document["steps"].to_string();
    assert!(steps.contains("PREAUTH"), "{steps}");
}

/// A doctor at one server that shows a certificate of this issuer, which is not trusted.
fn shown_a_certificate_of(issuer: &str) -> Value {
    let place = Place { issuer, ..Place::default() };
    let server = Server::start_at(place, &["localhost"], Opening::Tls, &["S: * OK ready\n"]).unwrap();
    let person = Person::named(Lab::current(), "ann@example.org".to_owned());
    let imap = format!("--imap=127.0.0.1:{}/tls", server.port());
    let ran = person.run(&["doctor", &person.address, &imap, "--without-sending", "--json"]);
    ran.document()["findings"][0].clone()
}

#[test]
fn who_issued_a_certificate_says_who_listens() {
    let finding = shown_a_certificate_of("Avast Web/Mail Shield Root");
    assert_eq!(finding["verdict"], "tls-intercepted", "{finding:#}");
    assert!(text(&finding, "evidence").contains("Avast Web/Mail Shield"), "{finding:#}");
    let finding = shown_a_certificate_of("Example Company CA");
    assert_eq!(finding["verdict"], "certificate-unknown-issuer", "{finding:#}");
    assert!(text(&finding, "remedy").contains("--ca-file"), "{finding:#}");
    assert!(text(&finding, "fingerprint").starts_with("sha256:"), "{finding:#}");
}

#[test]
fn a_server_that_shuts_its_doors_right_after_a_refusal_has_blocked_this_address() {
    let lab = Lab::current();
    // Its web port answers.
    let place = Place { address: lab.net().web_only(), ..Place::default() };
    let host = "imap.webonly.test";
    let script = imap("a1 NO [AUTHENTICATIONFAILED] Authentication failed.");
    let server = Server::start_at(place, &[host], Opening::Tls, &[&script]).unwrap();
    let person = Person::new("webonly.test");
    let imap = format!("--imap={host}:{}/tls", server.port());
    let ca = format!("--ca-file={}", server.ca_file().display());
    let examined = examine(&person, PASSWORD, &[&imap, "--smtp=smtp.webonly.test:465/tls", &ca]);
    server.finish().unwrap();
    let finding = examined.first();
    is(finding, "address-blocked", "likely", "not-judged");
    assert!(text(finding, "remedy").contains("Stop trying"), "{finding:#}");
    assert_eq!(examined.verdicts()[1], ("imap", "credentials-refused"));
}

#[test]
fn the_other_form_of_the_user_name_is_tried_with_consent_only() {
    let host = "127.0.0.1";
    let no = imap("a1 NO [AUTHENTICATIONFAILED] Authentication failed.");
    let works = format!("{IMAP}S: a1 OK [CAPABILITY IMAP4rev1] in\nC: a2 LOGOUT\n");
    let sending = smtp("535 5.7.8 Error: authentication failed");

    let twice = Server::start(&[], Opening::Tls, &[&no, &works]).unwrap();
    let sender = Server::start(&[], Opening::Tls, &[&sending]).unwrap();
    let stage =
        Stage { imap: (host.to_owned(), Opening::Tls, twice), smtp: (host.to_owned(), Opening::Tls, sender) };
    let examined = stage.examine("ann.smith@example.org", PASSWORD, &["--try-usernames"]);
    let finding = examined.first();
    is(finding, "username-form", "certain", "accepted");
    assert!(text(finding, "remedy").contains("--username ann.smith"), "{finding:#}");
    assert_eq!(examined.attempts(), LoginAttempts { imap: 2, smtp: 1 });

    let examined = Stage::new(host, &no, host, &sending).examine("ann.smith@example.org", PASSWORD, &[]);
    is(examined.first(), "credentials-refused", "cannot-tell", "refused");
    assert_eq!(examined.attempts(), LoginAttempts { imap: 1, smtp: 1 });
}

#[test]
fn an_odd_password_is_named_and_not_shown() {
    let host = "127.0.0.1";
    let no = imap("a1 NO [AUTHENTICATIONFAILED] Authentication failed.");
    let sending = smtp("535 5.7.8 Error: authentication failed");
    let examined =
        Stage::new(host, &no, host, &sending).examine("ann@example.org", "abcd efgh ijkl mnop", &[]);
    assert_eq!(examined.first()["verdict"], "credentials-refused");
    let note = examined.finding("password-has-space");
    assert!(text(note, "evidence").contains("groups of equal length"), "{note:#}");
    assert!(!examined.document.to_string().contains("efgh"));

    let only = "S: * OK [CAPABILITY IMAP4rev1 AUTH=LOGIN] ready\n";
    let sending = "S: 220 ready\nC: EHLO [127.0.0.1]\nS: 250-ready\nS: 250 AUTH LOGIN\nC: QUIT\nS: 221 bye\n";
    let examined = Stage::new(host, only, host, sending).examine("ann@example.org", "pässword", &[]);
    assert_eq!(examined.verdicts(), [("imap", "password-not-ascii"), ("smtp", "password-not-ascii")]);
    assert_eq!(examined.attempts(), LoginAttempts::default());
}

#[test]
fn a_message_that_a_server_cannot_carry_is_not_given_to_it() {
    let ran = sent(&format!("{SMTP}{SMTP_LOGIN}S: 235 2.7.0 in\n"), "jörg@example.org");
    assert_eq!(ran.complaint()["verdict"], "message-not-taken", "{ran}");
}

/// Sends a message through a scripted server, from an account that was saved without trying.
fn sent(script: &str, to: &str) -> Ran {
    let person = Person::set_up();
    let server = Server::start(&[], Opening::Tls, &[script]).unwrap();
    let config = person.data().join("config.toml");
    let good = std::fs::read_to_string(&config).unwrap();
    let mut changed = String::new();
    let mut sending = false;
    for line in good.lines() {
        sending = if line.starts_with('[') { line.contains("smtp") } else { sending };
        let line = match line.split_once(" = ").map(|(name, _)| name) {
            Some("host") if sending => "host = \"127.0.0.1\"".to_owned(),
            Some("port") if sending => format!("port = {}", server.port()),
            Some("security") if sending => "security = \"tls\"".to_owned(),
            _ => line.to_owned(),
        };
        changed.push_str(&line);
        changed.push('\n');
    }
    assert_ne!(changed, good);
    std::fs::write(&config, changed).unwrap();
    let ca = format!("--ca-file={}", server.ca_file().display());
    let message = format!("To: {to}\nSubject: hello\n\nhello\n");
    let ran = person.run_with(message, &["send", "--json", &ca]);
    server.finish().unwrap_or_else(|error| panic!("{error}: {ran}"));
    ran
}

#[test]
fn a_network_that_answers_in_place_of_the_internet_is_named() {
    let person = Person::new("nomail.test");
    let page = "<!DOCTYPE html><html><body>Welcome! Please sign in to this network.</body></html>";
    let portal = format!("{}.hoster.test", person.address.split('@').next().unwrap());
    person.lab.zone(&portal, &format!("@ A {}\n", person.lab.net().web())).unwrap();
    person
        .lab
        .answer(
            "https",
            "autoconfig.hoster.test",
            &format!("{portal}/nomail.test"),
            200,
            &["Content-Type: text/html"],
            page,
        )
        .unwrap();
    let database = format!("--ispdb=https://autoconfig.hoster.test/{portal}/");
    let examined = examine(&person, PASSWORD, &[&database]);
    assert_eq!(examined.verdicts(), [("discovery", "captive-portal")], "{:#}", examined.document);
}

#[test]
fn a_machine_without_a_name_service_is_offline() {
    let person = Person::new("autoconfig.test");
    let examined = examine(&person, PASSWORD, &["--dns=127.0.0.1:9"]);
    assert_eq!(examined.first()["verdict"], "offline", "{:#}", examined.document);
}

#[test]
fn a_clock_that_is_wrong_comes_before_the_certificates_that_only_look_wrong() {
    let lab = Lab::current();
    let unique = lab.fresh_user("x").replace("user-", "").replace("@x", "");
    let domain = format!("c{unique}.test");
    let (web, expired) = (lab.net().web(), lab.net().expired());
    lab.zone(&domain, &format!("@ A {web}\nautoconfig A {web}\n")).unwrap();
    let host = format!("imap-{unique}.autoconfig.test");
    lab.zone(&host, &format!("@ A {expired}\n")).unwrap();
    let document = testkit::lab::autoconfig(&domain, &host, &host);
    let fields = ["Content-Type: text/xml", "Date: Mon, 06 Jan 2020 10:00:00 GMT"];
    lab.answer("https", &format!("autoconfig.{domain}"), "mail/config-v1.1.xml", 200, &fields, &document)
        .unwrap();
    let person = Person::named(lab.clone(), lab.fresh_user(&domain));
    let examined = examine(&person, PASSWORD, &["--accept-untrusted"]);
    let first = (examined.verdicts()[0], examined.verdicts()[1]);
    assert_eq!(
        first,
        (("discovery", "clock-wrong"), ("imap", "certificate-expired")),
        "{:#}",
        examined.document
    );
}

/// Verdicts that cannot be met through the program alone, and the test below it that shows them.
const BELOW: &[(&str, &str, &str)] =
    &[("mail-missing", "Verdict::MailMissing", "../engine/tests/dialogues.rs")];

#[test]
fn no_verdict_is_without_a_test() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    let mut folders = vec![root.join("tests/e2e")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                sources.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    // This list itself is no test.
    let (before, rest) = sources.split_once("const BELOW").unwrap();
    let (_, after) = rest.split_once("];").unwrap();
    for (code, name, file) in BELOW {
        let test = std::fs::read_to_string(root.join(file)).unwrap();
        assert!(test.contains(name), "{code} is not tested in {file}");
    }
    let missing: Vec<&str> = restante_core::diagnosis::Verdict::ALL
        .iter()
        .map(|verdict| verdict.code())
        .filter(|code| !BELOW.iter().any(|(below, ..)| below == code))
        .filter(|code| {
            let quoted = format!("\"{code}\"");
            !before.contains(&quoted) && !after.contains(&quoted)
        })
        .collect();
    assert!(missing.is_empty(), "verdicts without a test: {missing:?}");
}
