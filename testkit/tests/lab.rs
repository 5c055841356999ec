//! The laboratory itself: real servers answer, and what they are asked is written down.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use testkit::lab::{Lab, LoginAttempts, PASSWORD, Variant, eventually};
use testkit::mail::Plan;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;

const PATIENCE: Duration = Duration::from_secs(10);

fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime
        .block_on(async { tokio::time::timeout(PATIENCE, test).await.expect("the servers answer in time") })
}

fn connector(lab: &Lab) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(lab.ca_file()).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

async fn tls(
    lab: &Lab,
    host: &str,
    port: u16,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    // By name: the system's resolver must know the laboratory too.
    let stream = TcpStream::connect((host, port)).await?;
    connector(lab).connect(ServerName::try_from(host.to_owned()).unwrap(), stream).await
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
        assert!(stream.read_line(&mut said).await.unwrap() > 0, "closed after {said}");
        if said[before..].starts_with(end) {
            return said;
        }
    }
}

async fn login(
    lab: &Lab,
    user: &str,
    password: &str,
) -> (String, BufReader<impl AsyncRead + AsyncWrite + Unpin>) {
    let mut imap = BufReader::new(tls(lab, "imap.autoconfig.test", 993).await.unwrap());
    ask(&mut imap, "", "* OK").await;
    let said = ask(&mut imap, &format!("a LOGIN {user} \"{password}\""), "a ").await;
    (said, imap)
}

async fn dns(lab: &Lab, name: &str, kind: RecordType) -> Message {
    let mut query = Message::new(7, MessageType::Query, OpCode::Query);
    query.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&query.to_vec().unwrap(), lab.dns()).await.unwrap();
    let mut reply = [0; 1500];
    let (length, _) = socket.recv_from(&mut reply).await.unwrap();
    Message::from_vec(&reply[..length]).unwrap()
}

async fn get(lab: &Lab, host: &str, path: &str) -> std::io::Result<String> {
    let mut stream = tls(lab, host, 443).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic eDp5\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    match stream.read_to_string(&mut answer).await {
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(answer),
    }
}

#[test]
fn any_address_logs_in_and_finds_what_was_delivered() {
    let lab = Lab::current();
    let user = lab.fresh_user("srv.test");
    lab.deliver(&user, b"Subject: one\n\n.starts with a dot\n").unwrap();
    run(async {
        let (said, mut imap) = login(&lab, &user, PASSWORD).await;
        assert!(said.contains("a OK"), "{said}");
        let said = ask(&mut imap, "b CAPABILITY", "b ").await;
        for capability in [
            "CONDSTORE",
            "QRESYNC",
            "COMPRESS=DEFLATE",
            "NOTIFY",
            "SPECIAL-USE",
            "MOVE",
            "LIST-STATUS",
            "QUOTA",
        ] {
            assert!(said.contains(capability), "no {capability} in {said}");
        }
        ask(&mut imap, "c SELECT INBOX", "c OK").await;
        let said = ask(&mut imap, "d FETCH 1 BODY.PEEK[TEXT]", "d ").await;
        assert!(said.contains("\r\n.starts with a dot\r\n"), "{said}");
    });
    assert_eq!(lab.count(&user, "INBOX").unwrap(), 1);
}

#[test]
fn login_attempts_are_counted_by_user_and_protocol() {
    let lab = Lab::current();
    let user = lab.fresh_user("autoconfig.test");
    assert_eq!(lab.login_attempts(&user).unwrap(), LoginAttempts::default());
    run(async {
        let (said, _) = login(&lab, &user, "wrong").await;
        assert!(said.contains("a NO [AUTHENTICATIONFAILED]"), "{said}");
        let (said, _) = login(&lab, &user, PASSWORD).await;
        assert!(said.contains("a OK"), "{said}");
        let mut smtp = BufReader::new(tls(&lab, "smtp.autoconfig.test", 465).await.unwrap());
        ask(&mut smtp, "", "220 ").await;
        ask(&mut smtp, "EHLO client.test", "250 ").await;
        ask(&mut smtp, "AUTH PLAIN AGEAYg==", "535 ").await;
    });
    assert_eq!(lab.login_attempts(&user).unwrap(), LoginAttempts { imap: 2, smtp: 0 });
    assert_eq!(lab.login_attempts("a").unwrap(), LoginAttempts { imap: 0, smtp: 1 });
}

#[test]
fn special_users_meet_their_fate() {
    let lab = Lab::current();
    run(async {
        for (user, answer) in [
            ("disabled", "NO [AUTHENTICATIONFAILED]"),
            ("suspended", "NO [CONTACTADMIN] suspended:"),
            ("unavailable", "NO [UNAVAILABLE]"),
            ("full", "OK "),
        ] {
            let (said, _) = login(&lab, &format!("{user}@guess.test"), PASSWORD).await;
            assert!(said.contains(&format!("a {answer}")), "{user}: {said}");
        }
    });
    let error = lab.deliver("full@guess.test", "x".repeat(100_000).as_bytes()).unwrap_err().to_string();
    assert!(error.contains("Quota exceeded"), "{error}");
}

#[test]
fn submission_offers_authentication_only_after_starttls() {
    run(async {
        let mut smtp = BufReader::new(TcpStream::connect(("smtp.autoconfig.test", 587)).await.unwrap());
        ask(&mut smtp, "", "220 ").await;
        let said = ask(&mut smtp, "EHLO client.test", "250 ").await;
        assert!(said.contains("STARTTLS") && !said.contains("AUTH"), "{said}");
        assert!(said.contains("SIZE 20971520"), "{said}");
    });
}

#[test]
fn what_is_submitted_is_delivered_and_unknown_recipients_are_refused() {
    let lab = Lab::current();
    // PLAIN for "sender@srv.test" and the one password.
    const AUTH: &str = "AUTH PLAIN AHNlbmRlckBzcnYudGVzdABjb3JyZWN0IGhvcnNl";
    let user = lab.fresh_user("mx.test");
    run(async {
        let mut smtp = BufReader::new(tls(&lab, "smtp.srv.test", 465).await.unwrap());
        ask(&mut smtp, "", "220 ").await;
        ask(&mut smtp, "EHLO client.test", "250 ").await;
        ask(&mut smtp, AUTH, "235 ").await;
        ask(&mut smtp, "MAIL FROM:<other@srv.test>", "250 ").await;
        ask(&mut smtp, &format!("RCPT TO:<{user}>"), "553 5.7.1").await;
        ask(&mut smtp, "RSET", "250 ").await;
        ask(&mut smtp, "MAIL FROM:<sender@srv.test>", "250 ").await;
        ask(&mut smtp, "RCPT TO:<nobody-at-all@mx.test>", "550 5.1.1").await;
        ask(&mut smtp, "RCPT TO:<later-perhaps@mx.test>", "450 4.2.1").await;
        ask(&mut smtp, &format!("RCPT TO:<{user}>"), "250 ").await;
        ask(&mut smtp, "DATA", "354 ").await;
        ask(&mut smtp, "Subject: hello\r\n\r\nhello\r\n.", "250 ").await;
    });
    eventually("the message is in the INBOX", || (lab.count(&user, "INBOX").ok()? == 1).then_some(()))
        .unwrap();
}

#[test]
fn the_dns_server_answers_what_the_zones_say() {
    let lab = Lab::current();
    run(async {
        let reply = dns(&lab, "_imaps._tcp.srv.test.", RecordType::SRV).await;
        assert_eq!(reply.answers[0].data.to_string(), "0 1 993 imap.srv.test.");
        let reply = dns(&lab, "nullmx.test.", RecordType::MX).await;
        assert_eq!(reply.answers[0].data.to_string(), "0 .");
        for (name, code) in [
            ("nosuch.test.", ResponseCode::NXDomain),
            ("example.org.", ResponseCode::NXDomain),
            ("servfail.test.", ResponseCode::ServFail),
            ("guess.test.", ResponseCode::NoError),
        ] {
            let reply = dns(&lab, name, RecordType::MX).await;
            assert_eq!((reply.metadata.response_code, reply.answers.len()), (code, 0), "{name}");
        }
        let silence =
            tokio::time::timeout(Duration::from_millis(300), dns(&lab, "blackhole.test.", RecordType::A));
        assert!(silence.await.is_err());
    });
    let domain = lab.fresh_user("x.test").replace('@', ".");
    lab.zone(&domain, "@ TXT hello there").unwrap();
    let reply = run(dns(&lab, &format!("{domain}."), RecordType::TXT));
    assert_eq!(reply.answers[0].data.to_string(), "hello there");
}

#[test]
fn the_web_server_serves_autoconfig_and_writes_down_who_asked() {
    let lab = Lab::current();
    let path = format!("/mail/config-v1.1.xml?emailaddress={}", lab.fresh_user("autoconfig.test"));
    let answer = run(get(&lab, "autoconfig.autoconfig.test", &path)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("<hostname>imap.autoconfig.test</hostname>"), "{answer}");
    let requests = lab.requests().unwrap();
    let request = requests.iter().find(|request| request.path == path).expect("the request is in the log");
    assert_eq!((request.scheme.as_str(), request.authorization), ("https", true));
}

#[test]
fn a_test_may_bring_its_own_host_and_its_own_certificate() {
    let lab = Lab::current();
    let host = format!("{}.test", lab.fresh_user("x").replace('@', "-"));
    lab.zone(&host, &format!("@ A {}", lab.net().web())).unwrap();
    lab.document(&host, "/hello", "hi").unwrap();
    lab.answer("https", &host, "/moved", 302, &["Location: https://autoconfig.test/"], "").unwrap();
    run(async {
        assert!(get(&lab, &host, "/hello").await.unwrap().ends_with("\r\n\r\nhi"));
        let answer = get(&lab, &host, "/moved").await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 302") && answer.contains("Location: https://autoconfig.test/"));
        lab.certificate(&host, Variant::Expired).unwrap();
        let error = get(&lab, &host, "/hello").await.unwrap_err().to_string();
        assert!(error.contains("expired"), "{error}");
    });
}

#[test]
fn broken_domains_are_broken_in_the_way_they_say() {
    let lab = Lab::current();
    let problems: BTreeMap<&str, String> = run(async {
        let mut found = BTreeMap::new();
        for domain in ["wrongname.test", "expired.test", "selfsigned.test", "untrusted.test", "refused.test"]
        {
            let error = tls(&lab, &format!("imap.{domain}"), 993).await.map(drop).unwrap_err();
            found.insert(domain, error.to_string());
        }
        let mut garbage = BufReader::new(tls(&lab, "imap.garbage.test", 993).await.unwrap());
        found.insert("garbage.test", ask(&mut garbage, "", "HTTP/").await);
        found
    });
    for (domain, sign) in [
        ("wrongname.test", "not valid for name"),
        ("expired.test", "expired"),
        ("selfsigned.test", "UnknownIssuer"),
        ("untrusted.test", "UnknownIssuer"),
        ("refused.test", "refused"),
        ("garbage.test", "HTTP/1.1 400"),
    ] {
        assert!(problems[domain].contains(sign), "{domain}: {}", problems[domain]);
    }
}

#[test]
fn generated_mail_is_there_for_dovecot_with_uids_flags_and_dates() {
    let lab = Lab::current();
    let user = lab.fresh_user("hoster.test");
    let plan = Plan::household(&user, 300);
    lab.fill(&user, &plan).unwrap();
    let mut total = 0;
    for (name, _) in &plan.mailboxes {
        total += lab.count(&user, name).unwrap();
    }
    assert_eq!(total, 300);
    let slots = plan.slots();
    let first = slots.iter().find(|slot| slot.mailbox == 0).unwrap();
    let said = lab
        .doveadm(&[
            "fetch",
            "-u",
            &user,
            "uid date.received.unixtime size.virtual flags",
            "mailbox",
            "INBOX",
            "uid",
            "1",
        ])
        .unwrap();
    assert!(said.contains("uid: 1\n"), "{said}");
    assert!(said.contains(&format!("date.received.unixtime: {}\n", first.received)), "{said}");
    assert!(said.contains(&format!("size.virtual: {}\n", first.render(&plan).len())), "{said}");
    for flag in &first.flags {
        assert!(said.contains(flag), "no {flag} in {said}");
    }
}

#[test]
fn doveadm_acts_as_a_second_client() {
    let lab = Lab::current();
    let user = lab.fresh_user("hoster.test");
    lab.deliver(&user, b"Subject: one\r\n\r\none\r\n").unwrap();
    lab.save(&user, "Archive", b"Subject: two\r\n\r\ntwo\r\n").unwrap();
    lab.doveadm(&["flags", "add", "-u", &user, "\\Flagged", "mailbox", "INBOX", "uid", "1"]).unwrap();
    let said = lab.doveadm(&["fetch", "-u", &user, "flags", "mailbox", "INBOX", "all"]).unwrap();
    assert!(said.contains("\\Flagged"), "{said}");
    assert_eq!(lab.count(&user, "Archive").unwrap(), 1);
    assert!(lab.doveadm(&["flags", "add", "-u", &user, "\\Flagged", "mailbox", "Nowhere", "all"]).is_err());
}
