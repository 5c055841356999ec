//! The laboratory's other servers and its faults: each is what its name says.

use std::io::ErrorKind;
use std::time::Duration;

use testkit::lab::{Lab, LoginAttempts, PASSWORD, eventually};
use testkit::tls;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let patience = Duration::from_secs(15);
    runtime
        .block_on(async { tokio::time::timeout(patience, test).await.expect("the servers answer in time") })
}

/// Sends a line and reads until one starts with `end`.
async fn ask<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>, line: &str, end: &str) -> String {
    if !line.is_empty() {
        stream.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
    }
    let mut said = String::new();
    loop {
        let before = said.len();
        assert!(stream.read_line(&mut said).await.unwrap() > 0, "closed after {said:?}, not {end:?}");
        if said[before..].starts_with(end) {
            return said;
        }
    }
}

async fn secure(lab: &Lab, host: &str, port: u16) -> BufReader<impl AsyncRead + AsyncWrite + Unpin + use<>> {
    BufReader::new(tls::connect(lab, host, port).await.unwrap())
}

async fn plain(host: &str, port: u16) -> BufReader<TcpStream> {
    BufReader::new(TcpStream::connect((host, port)).await.unwrap())
}

/// The answer to a login with the right password.
async fn login(
    lab: &Lab,
    host: &str,
    user: &str,
) -> (String, BufReader<impl AsyncRead + AsyncWrite + Unpin + use<>>) {
    let mut imap = secure(lab, host, 993).await;
    ask(&mut imap, "", "* OK").await;
    (ask(&mut imap, &format!("a LOGIN {user} \"{PASSWORD}\""), "a ").await, imap)
}

/// What submission says after EHLO.
async fn ehlo<S: AsyncRead + AsyncWrite + Unpin>(smtp: &mut BufReader<S>) -> String {
    ask(smtp, "", "220 ").await;
    ask(smtp, "EHLO client.test", "250 ").await
}

// PLAIN for "sender@srv.test" and the one password.
const AUTH: &str = "AUTH PLAIN AHNlbmRlckBzcnYudGVzdABjb3JyZWN0IGhvcnNl";

#[test]
fn cyrus_and_courier_know_every_user_and_keep_what_is_delivered() {
    let lab = Lab::current();
    for (domain, word, mailboxes) in [
        ("cyrus.test", "Cyrus IMAP 3", &["\\sent) \".\" INBOX.Sent", "\\trash"][..]),
        ("courier.test", "Courier-IMAP", &[]),
    ] {
        let user = lab.fresh_user(domain);
        lab.deliver(&user, b"Subject: one\n\n.dot\n").unwrap();
        let mut client = lab.client(&user).unwrap();
        let said = client.ask("LIST \"\" *").unwrap();
        assert!(mailboxes.iter().all(|mailbox| said.contains(mailbox)), "{said}");
        assert!(client.ask("SELECT INBOX").unwrap().contains("* 1 EXISTS"));
        let said = client.ask("FETCH 1 BODY.PEEK[TEXT]").unwrap();
        assert!(said.contains("\r\n.dot\r\n"), "{said}");
        client.append("INBOX", "\\Seen", b"Subject: two\r\n\r\ntwo").unwrap();
        assert!(client.ask("SELECT INBOX").unwrap().contains("* 2 EXISTS"));
        let greeting =
            run(async { ask(&mut secure(&lab, &format!("imap.{domain}"), 993).await, "", "* OK").await });
        assert!(greeting.contains(word), "{greeting}");
        assert_eq!(lab.login_attempts(&user).unwrap(), LoginAttempts { imap: 1, smtp: 0 });
    }
}

#[test]
fn postfix_delivers_to_cyrus_and_courier_too() {
    let lab = Lab::current();
    for domain in ["cyrus.test", "courier.test"] {
        let user = lab.fresh_user(domain);
        run(async {
            let mut smtp = secure(&lab, &format!("smtp.{domain}"), 465).await;
            ehlo(&mut smtp).await;
            ask(&mut smtp, AUTH, "235 ").await;
            ask(&mut smtp, "MAIL FROM:<sender@srv.test>", "250 ").await;
            ask(&mut smtp, &format!("RCPT TO:<{user}>"), "250 ").await;
            ask(&mut smtp, "DATA", "354 ").await;
            ask(&mut smtp, "Subject: hello\r\n\r\nhello\r\n.", "250 ").await;
        });
        let mut client = lab.client(&user).unwrap();
        eventually("the message is in the INBOX", || {
            client.ask("SELECT INBOX").ok()?.contains("* 1 EXISTS").then_some(())
        })
        .unwrap();
    }
}

#[test]
fn a_login_is_refused_with_the_words_that_were_ordered() {
    let lab = Lab::current();
    let all = [
        "[ALERT] Application-specific password required: https://support.example.org/185833 (Failure)",
        "[WEBALERT https://accounts.example.org/continue] Web login required.",
        "[CONTACTADMIN] Ask at the desk",
        "[EXPIRED] Your password is from last year",
        "[UNAVAILABLE] The user database is being moved",
        "[LIMIT] Too many simultaneous connections. (Failure)",
        "[INUSE] Mailbox is being migrated",
        "[AUTHORIZATIONFAILED] You may not be somebody else",
    ];
    // Dovecot thinks for half a second over each refusal.
    std::thread::scope(|scope| {
        for words in all {
            let lab = &lab;
            scope.spawn(move || {
                let user = lab.fresh_user("autoconfig.test");
                lab.refuse_with(&user, words).unwrap();
                let said = run(async { login(lab, "imap.autoconfig.test", &user).await.0 });
                assert_eq!(said, format!("a NO {words}\r\n"));
                assert_eq!(lab.login_attempts(&user).unwrap().imap, 1);
            });
        }
    });
    assert!(lab.refuse_with("ann@autoconfig.test", "no code").is_err());
    lab.refuse_with("sender-a@srv.test", "[ALERT] Use an app password").unwrap();
    run(async {
        let mut smtp = secure(&lab, "smtp.srv.test", 465).await;
        ehlo(&mut smtp).await;
        // "sender-a@srv.test" and the one password.
        let auth = "AUTH PLAIN AHNlbmRlci1hQHNydi50ZXN0AGNvcnJlY3QgaG9yc2U=";
        let said = ask(&mut smtp, auth, "535 ").await;
        assert!(said.contains("[ALERT] Use an app password"), "{said}");
    });
}

#[test]
fn certificates_and_encryption_fail_as_they_should() {
    let lab = Lab::current();
    run(async {
        for (host, port, sign) in [
            ("imap.nointermediate.test", 993, "UnknownIssuer"),
            ("imap.notyet.test", 993, "not valid yet"),
            ("imap.oldtls.test", 993, "eof"),
            ("smtp.oldtls.test", 465, "ProtocolVersion"),
            ("imap.ssh.test", 993, "InvalidContentType"),
        ] {
            let error = tls::connect(&lab, host, port).await.map(drop).unwrap_err().to_string();
            assert!(error.contains(sign), "{host}: {error}");
        }
    });
}

#[test]
fn a_second_connection_is_one_too_many() {
    let lab = Lab::current();
    let user = lab.fresh_user("limit.test");
    run(async {
        let (said, first) = login(&lab, "imap.limit.test", &user).await;
        assert!(said.contains("a OK"), "{said}");
        let (said, _) = login(&lab, "imap.limit.test", &user).await;
        assert!(said.starts_with("a NO [LIMIT] Maximum number of connections"), "{said}");
        drop(first);
    });
}

#[test]
fn submission_is_at_fault_in_its_own_way_at_each_domain() {
    let lab = Lab::current();
    run(async {
        let mut smtp = secure(&lab, "smtp.noauth.test", 465).await;
        assert!(!ehlo(&mut smtp).await.contains("AUTH"));

        let mut smtp = secure(&lab, "smtp.deadauth.test", 465).await;
        assert!(ehlo(&mut smtp).await.contains("AUTH PLAIN"));
        ask(&mut smtp, AUTH, "454 4.7.0 Temporary authentication failure").await;

        let mut smtp = secure(&lab, "smtp.small.test", 465).await;
        assert!(ehlo(&mut smtp).await.contains("SIZE 65536"));
        ask(&mut smtp, AUTH, "235 ").await;
        ask(&mut smtp, "MAIL FROM:<sender@srv.test> SIZE=70000", "552 5.3.4").await;

        let mut smtp = secure(&lab, "smtp.rejects.test", 465).await;
        ask(&mut smtp, "", "554 5.7.1").await;
        let mut smtp = plain("smtp.rejects.test", 587).await;
        assert!(ehlo(&mut smtp).await.contains("STARTTLS"));
    });
}

#[test]
fn ports_are_swapped_closed_or_dead() {
    let lab = Lab::current();
    run(async {
        let said = ask(&mut plain("imap.swapped.test", 993).await, "", "* OK").await;
        assert!(said.contains("STARTTLS"), "{said}");
        ask(&mut secure(&lab, "imap.swapped.test", 143).await, "", "* OK").await;
        assert!(ehlo(&mut plain("smtp.swapped.test", 465).await).await.contains("STARTTLS"));
        ask(&mut secure(&lab, "smtp.swapped.test", 587).await, "", "220 ").await;

        for port in [993, 143, 465, 587] {
            let closed = TcpStream::connect(("imap.webonly.test", port)).await.unwrap_err();
            assert_eq!(closed.kind(), ErrorKind::ConnectionRefused);
            let knock = TcpStream::connect(("imap.blocked.test", port));
            assert!(tokio::time::timeout(Duration::from_millis(300), knock).await.is_err(), "{port} answers");
        }
        for host in ["imap.webonly.test", "imap.blocked.test"] {
            tls::connect(&lab, host, 443).await.unwrap();
        }
        let addresses: Vec<_> = tokio::net::lookup_host(("imap.v6dead.test", 993)).await.unwrap().collect();
        let (dead, alive): (Vec<_>, _) = addresses.into_iter().partition(|address| address.is_ipv6());
        assert_eq!(TcpStream::connect(dead[0]).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        TcpStream::connect(alive[0]).await.unwrap();
    });
}

#[test]
fn odd_servers_greet_with_what_they_are() {
    let lab = Lab::current();
    run(async {
        for (host, port, greeting) in [
            ("imap.preauth.test", 143, "* PREAUTH"),
            ("imap.bye.test", 143, "* BYE"),
            ("smtp.bye.test", 587, "421 4.3.2"),
            ("imap.ssh.test", 993, "SSH-2.0"),
            ("smtp.ssh.test", 587, "SSH-2.0"),
            ("imap.garbage.test", 143, "HTTP/1.1 400"),
        ] {
            ask(&mut plain(host, port).await, "", greeting).await;
        }
        for (host, port, greeting) in [
            ("imap.preauth.test", 993, "* PREAUTH"),
            ("imap.bye.test", 993, "* BYE"),
            ("smtp.bye.test", 465, "421 4.3.2"),
        ] {
            ask(&mut secure(&lab, host, port).await, "", greeting).await;
        }
    });
}
