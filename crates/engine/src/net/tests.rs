//! What the network layer promises, held against listeners of our own.

use super::testing::{Ca, FUTURE, GOOD, Identity, PAST, Site, Zone, greet_in_tls, say};
use super::{Method, Mx, NetError, Network, NetworkOptions, Outcome, Pipe, TlsFault};
use restante_core::diagnosis::{Certainty, PasswordJudgement, Service, Stage, Verdict};
use restante_core::settings::Fingerprint;
use rustix::net::sockopt;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

const LIMIT: Duration = Duration::from_secs(10);

fn network(ca_files: Vec<PathBuf>) -> Network {
    Network::new(&NetworkOptions { ca_files, ..NetworkOptions::default() }).unwrap()
}

async fn fault(network: &Network, port: u16) -> TlsFault {
    match network.connect_tls("localhost", port).await {
        Err(NetError::Tls { fault, .. }) => *fault,
        other => panic!("no TLS fault: {other:?}"),
    }
}

async fn with_dns(zone: Zone) -> Network {
    let dns = Some(zone.serve().await);
    Network::new(&NetworkOptions { dns, ..NetworkOptions::default() }).unwrap()
}

#[tokio::test]
async fn a_connection_sends_at_once_and_asks_whether_it_still_stands() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stream = network(Vec::new()).connect("127.0.0.1", port).await.unwrap();
    assert!(stream.nodelay().unwrap());
    assert!(sockopt::socket_keepalive(&stream).unwrap());
    assert_eq!(sockopt::tcp_keepidle(&stream).unwrap(), Duration::from_secs(30));
    assert_eq!(sockopt::tcp_keepintvl(&stream).unwrap(), Duration::from_secs(10));
    #[cfg(target_os = "linux")]
    assert_eq!(sockopt::tcp_user_timeout(&stream).unwrap(), 30_000);
}

#[tokio::test]
async fn a_certificate_under_a_given_root_is_accepted() {
    let ca = Ca::new("restante test root");
    let port = greet_in_tls(ca.issue(&["localhost"], GOOD), "* OK ready\r\n").await;
    let mut pipe = network(vec![ca.file()]).connect_tls("localhost", port).await.unwrap();
    assert!(pipe.is_tls());
    assert!(pipe.protection().unwrap().starts_with("TLSv1_3"));
    let mut greeting = [0; 12];
    pipe.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"* OK ready\r\n");
}

#[tokio::test]
async fn a_complete_chain_is_accepted_and_an_incomplete_one_is_named() {
    let ca = Ca::new("restante test root");
    let network = network(vec![ca.file()]);
    let port = greet_in_tls(ca.issue_below(&["localhost"], true), "").await;
    assert!(network.connect_tls("localhost", port).await.is_ok());
    let port = greet_in_tls(ca.issue_below(&["localhost"], false), "").await;
    let fault = fault(&network, port).await;
    let TlsFault::ChainIncomplete { issuer, names, .. } = fault else { panic!("{fault}") };
    assert_eq!(
        (issuer.as_str(), names),
        ("CN=restante test root intermediate", vec!["localhost".to_owned()])
    );
}

#[tokio::test]
async fn a_wrong_name_lists_the_names_of_the_certificate() {
    let ca = Ca::new("restante test root");
    let port = greet_in_tls(ca.issue(&["mail.example.org", "10.0.0.1"], GOOD), "").await;
    let error = network(vec![ca.file()]).connect_tls("localhost", port).await.unwrap_err();
    let finding = error.finding(Service::Imap);
    assert_eq!((finding.stage, finding.verdict), (Stage::Tls, Verdict::CertificateNameMismatch));
    assert_eq!(finding.password, PasswordJudgement::NotJudged);
    assert_eq!(
        finding.evidence,
        format!(
            "no TLS with localhost port {port}: the certificate is for mail.example.org, 10.0.0.1, not for localhost"
        )
    );
    assert!(finding.remedy.contains("mail.example.org"), "{}", finding.remedy);
}

#[tokio::test]
async fn dates_of_a_certificate_are_told_with_the_clock() {
    let ca = Ca::new("restante test root");
    let network = network(vec![ca.file()]);
    let port = greet_in_tls(ca.issue(&["localhost"], PAST), "").await;
    let TlsFault::Expired { not_after, .. } = fault(&network, port).await else { panic!("not expired") };
    assert_eq!(not_after, "2021-01-01T00:00:00Z");
    let port = greet_in_tls(ca.issue(&["localhost"], FUTURE), "").await;
    let TlsFault::NotYetValid { not_before, .. } = fault(&network, port).await else { panic!("valid") };
    assert_eq!(not_before, "2090-01-01T00:00:00Z");
}

#[tokio::test]
async fn a_self_signed_certificate_shows_its_fingerprint() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Ca::new("restante test root");
    for authority in [false, true] {
        let file = folder.path().join("own.pem");
        let identity = Identity::self_signed(&["localhost"], authority, &file);
        let port = greet_in_tls(identity, "").await;
        let fault = fault(&network(vec![ca.file()]), port).await;
        let TlsFault::SelfSigned { subject, fingerprint, .. } = &fault else { panic!("{fault}") };
        assert!(subject.contains("alone"), "{subject}");
        let error = NetError::Tls { host: "localhost".into(), port, fault: Box::new(fault.clone()) };
        assert_eq!(error.finding(Service::Imap).fingerprint, Some(fingerprint.to_string()));
    }
}

#[tokio::test]
async fn a_pinned_certificate_is_accepted_for_its_host_whatever_is_wrong_with_it() {
    let ca = Ca::new("restante test root");
    let network = network(vec![ca.file()]);
    let file = ca.file().with_file_name("own.pem");
    let identities = [
        Identity::self_signed(&["localhost"], false, &file),
        ca.issue(&["localhost"], PAST),
        ca.issue(&["mail.example.org"], GOOD),
        Ca::new("Another root").issue(&["localhost"], GOOD),
    ];
    for identity in identities {
        let port = greet_in_tls(identity, "").await;
        let fingerprint = fault(&network, port).await.fingerprint().unwrap();
        let pinned = network.pinned(vec![("LOCALHOST".to_owned(), fingerprint)]);
        assert!(pinned.connect_tls("localhost", port).await.is_ok());
        let elsewhere = network.pinned(vec![("127.0.0.1".to_owned(), fingerprint)]);
        assert!(elsewhere.connect_tls("localhost", port).await.is_err(), "the pin is for another host");
        let other = network.pinned(vec![("localhost".to_owned(), Fingerprint::new([0; 32]))]);
        assert!(other.connect_tls("localhost", port).await.is_err(), "the pin is another certificate's");
    }
}

#[tokio::test]
async fn a_self_signed_certificate_named_as_a_root_is_accepted_for_its_name_only() {
    let folder = tempfile::tempdir().unwrap();
    for authority in [false, true] {
        let file = folder.path().join("own.pem");
        let port = greet_in_tls(Identity::self_signed(&["localhost"], authority, &file), "").await;
        let network = network(vec![file]);
        assert!(network.connect_tls("localhost", port).await.is_ok(), "authority: {authority}");
        let stream = network.connect("localhost", port).await.unwrap();
        let error = network.tls("other.example.org", stream).await.unwrap_err();
        assert!(
            matches!(&error, NetError::Tls { fault, .. } if matches!(**fault, TlsFault::Name { .. })),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_unknown_issuer_is_named_and_an_interceptor_recognised() {
    let (ours, theirs) = (Ca::new("restante test root"), Ca::new("Example Corp Root"));
    let network = network(vec![ours.file()]);
    let port = greet_in_tls(theirs.issue_below(&["localhost"], true), "").await;
    let error = network.connect_tls("localhost", port).await.unwrap_err();
    assert_eq!(error.finding(Service::Smtp).verdict, Verdict::CertificateUnknownIssuer);
    assert_eq!(error.finding(Service::Smtp).stage, Stage::SubmissionTls);
    assert!(error.to_string().contains("Example Corp Root"), "{error}");
    let port = greet_in_tls(Ca::new("Avast Web/Mail Shield Root").issue(&["localhost"], GOOD), "").await;
    let error = network.connect_tls("localhost", port).await.unwrap_err();
    assert_eq!(error.finding(Service::Imap).verdict, Verdict::TlsIntercepted);
}

#[tokio::test]
async fn a_port_that_speaks_first_in_the_clear_is_recognised() {
    let ca = Ca::new("restante test root");
    let network = network(vec![ca.file()]);
    for (bytes, verdict) in [
        (&b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"[..], Verdict::TlsOnPlainPort),
        (b"220 mail.example.org ESMTP\r\n", Verdict::TlsOnPlainPort),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Verdict::NotAMailServer),
    ] {
        let port = say(bytes).await;
        let error = network.connect_tls("localhost", port).await.unwrap_err();
        assert_eq!(error.finding(Service::Imap).verdict, verdict, "{error}");
        let line = std::str::from_utf8(bytes).unwrap().trim_end();
        assert!(error.to_string().contains(line), "{error}");
    }
}

#[tokio::test]
async fn a_handshake_alert_is_old_encryption_and_a_hangup_probably() {
    let ca = Ca::new("restante test root");
    let network = network(vec![ca.file()]);
    // An alert record: fatal, protocol_version (RFC 8446, section 6).
    let port = say(&[21, 3, 3, 0, 2, 2, 70]).await;
    let error = network.connect_tls("localhost", port).await.unwrap_err();
    let finding = error.finding(Service::Imap);
    assert_eq!((finding.verdict, finding.certainty), (Verdict::TlsVersionUnsupported, Certainty::Certain));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
        }
    });
    let error = network.connect_tls("localhost", port).await.unwrap_err();
    let finding = error.finding(Service::Imap);
    assert_eq!((finding.verdict, finding.certainty), (Verdict::TlsVersionUnsupported, Certainty::Likely));
}

#[tokio::test]
async fn a_server_that_never_answers_the_handshake_is_given_up() {
    let ca = Ca::new("restante test root");
    let options = NetworkOptions {
        ca_files: vec![ca.file()],
        tls_timeout: Duration::from_millis(50),
        ..NetworkOptions::default()
    };
    let port = say(b"").await;
    let error = Network::new(&options).unwrap().connect_tls("localhost", port).await.unwrap_err();
    assert!(matches!(&error, NetError::Tls { fault, .. } if **fault == TlsFault::Silent(50)), "{error}");
}

#[tokio::test]
async fn a_refused_port_is_told_with_address_and_port() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = network(Vec::new()).connect("127.0.0.1", port).await.unwrap_err();
    let NetError::Connect { attempts, .. } = &error else { panic!("{error}") };
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].outcome, Outcome::Refused);
    let finding = error.finding(Service::Imap);
    assert_eq!((finding.stage, finding.verdict), (Stage::Connect, Verdict::ConnectionRefused));
    assert!(finding.evidence.contains(&format!("127.0.0.1 port {port}")), "{}", finding.evidence);
}

#[tokio::test]
async fn a_dead_family_does_not_stop_the_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // localhost is ::1 first; nobody listens there.
    let connection = network(Vec::new()).open("localhost", port).await.unwrap();
    assert!(connection.address.is_ipv4());
    let note = connection.note(Service::Imap).unwrap();
    assert_eq!(note.verdict, Verdict::Ipv6Broken);
    assert!(note.evidence.starts_with("::1"), "{}", note.evidence);
}

#[tokio::test]
async fn a_file_without_certificates_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.pem");
    std::fs::write(&file, "nothing here").unwrap();
    let options = NetworkOptions { ca_files: vec![file], ..NetworkOptions::default() };
    let error = Network::new(&options).err().unwrap();
    assert!(error.to_string().contains("empty.pem: holds no certificate"), "{error}");
}

#[tokio::test]
async fn starttls_protects_an_open_connection() {
    let ca = Ca::new("restante test root");
    let port = greet_in_tls(ca.issue(&["localhost"], GOOD), "inside").await;
    let network = network(vec![ca.file()]);
    let plain = Pipe::Plain(network.connect("localhost", port).await.unwrap());
    assert!(!plain.is_tls());
    let mut pipe = plain.starttls(&network, "localhost").await.unwrap();
    let mut said = [0; 6];
    pipe.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"inside");
}

#[tokio::test]
async fn answers_of_the_dns_are_told_apart() {
    let zone = Zone::default()
        .a("host.example.test")
        .empty("bare.example.test")
        .mx("example.test", 20, "mx2.hoster.test.")
        .mx("example.test", 10, "MX1.hoster.test.")
        .mx("null.example.test", 0, ".")
        .srv("_imaps._tcp.example.test", 1, 5, 993, "imap.example.test.")
        .broken("broken.test")
        .silent("silent.test");
    let network = with_dns(zone).await;
    assert_eq!(network.addresses("host.example.test").await.unwrap().len(), 1);
    let error = network.addresses("bare.example.test").await.unwrap_err();
    assert_eq!(error, NetError::NoRecords { name: "bare.example.test".into(), kind: "address".into() });
    assert_eq!(network.addresses("nowhere.test").await, Err(NetError::NameNotFound("nowhere.test".into())));
    let exchange = |host: &str, preference| Mx { preference, exchange: host.to_owned() };
    assert_eq!(
        network.mx("example.test").await.unwrap(),
        [exchange("mx1.hoster.test", 10), exchange("mx2.hoster.test", 20)]
    );
    assert_eq!(network.mx("null.example.test").await.unwrap(), [exchange("", 0)]);
    let srv = network.srv("_imaps._tcp.example.test").await.unwrap();
    assert_eq!((srv[0].target.as_str(), srv[0].port), ("imap.example.test", 993));
    assert_eq!(network.exists("bare.example.test").await, Ok(true));
    assert_eq!(network.exists("nowhere.test").await, Ok(false));

    let error = network.mx("broken.test").await.unwrap_err();
    assert!(matches!(&error, NetError::NameServer { said, .. } if said == "SERVFAIL"), "{error}");
    assert_eq!(error.finding(Service::Discovery).verdict, Verdict::DnsFailure);
    let error = network.mx("silent.test").await.unwrap_err();
    assert!(matches!(&error, NetError::NameTimeout { .. }), "{error}");
    assert_eq!(error.finding(Service::Discovery).certainty, Certainty::Likely);
}

#[tokio::test]
async fn redirects_are_followed_and_every_hop_is_reported() {
    let site = Site::default();
    let port = site.serve(None).await;
    site.redirect("127.0.0.1/a", "/b?x=1");
    site.redirect("127.0.0.1/b?x=1", &format!("//localhost:{port}/folder/c"));
    site.redirect("localhost/folder/c", "d");
    site.page(
        "localhost/folder/d",
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/xml\r\n\
         Content-Length: 4\r\n\r\nbody",
    );
    let url = format!("http://127.0.0.1:{port}/a");
    let answer = network(Vec::new()).fetch(Method::Get, &url, LIMIT).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"body"[..]));
    assert_eq!(answer.content_type.as_deref(), Some("text/xml"));
    assert_eq!(answer.date.unwrap().to_string(), "1994-11-06T08:49:37Z");
    assert_eq!(answer.url, format!("http://localhost:{port}/folder/d"));
    let hosts: Vec<_> = answer.hops.iter().map(|hop| hop.host.as_str()).collect();
    assert_eq!(hosts, ["127.0.0.1", "127.0.0.1", "localhost", "localhost"]);
    assert!(!answer.is_https());
    let requests = site.requests.lock().unwrap().join("\n");
    assert!(requests.contains(concat!("user-agent: restante/", env!("CARGO_PKG_VERSION"))), "{requests}");
    assert!(!requests.contains("cookie") && !requests.contains("authorization"), "{requests}");
}

#[tokio::test]
async fn a_redirect_loop_ends() {
    let site = Site::default();
    let port = site.serve(None).await;
    site.redirect("127.0.0.1/", "/");
    let error = network(Vec::new())
        .fetch(Method::Get, &format!("http://127.0.0.1:{port}/"), LIMIT)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("more than 5 redirects"), "{error}");
    assert_eq!(site.requests.lock().unwrap().len(), 6);
}

#[tokio::test]
async fn an_oversized_answer_and_one_that_is_no_http_are_refused() {
    let site = Site::default();
    let port = site.serve(None).await;
    site.document("127.0.0.1/", "text/xml", &"x".repeat((1 << 20) + 1));
    let network = network(Vec::new());
    let error = network.fetch(Method::Get, &format!("http://127.0.0.1:{port}/"), LIMIT).await.unwrap_err();
    assert!(error.to_string().contains("longer than 1 MiB"), "{error}");
    let port = say(b"* OK this is not HTTP\r\n").await;
    let error = network.fetch(Method::Get, &format!("http://127.0.0.1:{port}/"), LIMIT).await.unwrap_err();
    assert!(matches!(error, NetError::Http { .. }), "{error}");
}

#[tokio::test]
async fn an_answer_that_never_comes_ends_at_its_limit() {
    let port = say(b"").await;
    let limit = Duration::from_millis(50);
    let url = format!("http://127.0.0.1:{port}/");
    let error = network(Vec::new()).fetch(Method::Get, &url, limit).await.unwrap_err();
    assert!(error.to_string().contains("within 50 ms"), "{error}");
}

#[tokio::test]
async fn an_address_with_a_password_in_it_is_not_asked() {
    for url in ["https://ann:secret@example.org/", "ftp://example.org/", "example.org", "https://"] {
        let error = network(Vec::new()).fetch(Method::Get, url, LIMIT).await.unwrap_err();
        assert_eq!(error, NetError::BadUrl(url.to_owned()));
    }
}
