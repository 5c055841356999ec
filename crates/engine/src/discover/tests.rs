use super::*;
use crate::net::NetworkOptions;
use crate::net::testing::{Ca, GOOD, PAST, Site, Zone, greet_in_tls};
use restante_core::diagnosis::Certainty;
use restante_core::discovery::TraceResult;
use restante_core::settings::Source;
use tokio::net::TcpListener;

const DOCUMENT: &str = r#"<clientConfig version="1.1"><emailProvider id="example.test">
  <incomingServer type="imap"><hostname>imap.example.test</hostname><port>993</port><socketType>SSL</socketType>
    <authentication>password-cleartext</authentication><username>%EMAILADDRESS%</username></incomingServer>
  <outgoingServer type="smtp"><hostname>smtp.example.test</hostname><port>465</port><socketType>SSL</socketType>
    <authentication>password-cleartext</authentication><username>%EMAILADDRESS%</username></outgoingServer>
</emailProvider></clientConfig>"#;

const NAMES: &[&str] = &["example.test", "*.example.test", "*.hoster.test"];

struct World {
    /// Its root's file is read when the first connection is made.
    _ca: Ca,
    site: Site,
    network: Network,
    options: DiscoverOptions,
}

/// A world with one web server for every name, and the mail ports given.
async fn world(zone: Zone, mail: &[(u16, u16)]) -> World {
    let ca = Ca::new("restante test root");
    world_of(ca, zone, mail).await
}

async fn world_of(ca: Ca, zone: Zone, mail: &[(u16, u16)]) -> World {
    let site = Site::default();
    let https = site.serve(Some(ca.issue(NAMES, GOOD))).await;
    let http = site.serve(None).await;
    let options = NetworkOptions {
        dns: Some(zone.serve().await),
        ca_files: vec![ca.file()],
        ..NetworkOptions::default()
    };
    let mut ports = vec![(443, https), (80, http)];
    ports.extend(mail);
    let network = Network::with_ports(&options, &ports);
    let options = DiscoverOptions {
        ispdb: Some("https://ispdb.example.test/v1.1/".to_owned()),
        ..DiscoverOptions::default()
    };
    World { _ca: ca, site, network, options }
}

impl World {
    async fn discover(&self, address: &str) -> Discovery {
        let mut lines = Vec::new();
        let address = Address::parse(address).unwrap();
        let found =
            discover(&self.network, &address, &self.options, &mut |line| lines.push(line.asked.clone()))
                .await;
        let asked: Vec<_> = found.trace.iter().map(|line| line.asked.clone()).collect();
        assert_eq!(asked[..lines.len()], lines, "the checklist and the report tell the same");
        let sent = self.site.requests.lock().unwrap().join("\n");
        assert!(!sent.contains("ann"), "the address was sent: {sent}");
        found
    }
}

fn asked(found: &Discovery, asked: &str) -> (TraceResult, String) {
    let line = found.trace.iter().find(|line| line.asked == asked);
    let line = line.unwrap_or_else(|| panic!("{asked} was not asked: {:#?}", found.trace));
    (line.result, line.detail.clone())
}

#[tokio::test]
async fn a_document_of_the_domain_is_found_and_trusted() {
    let zone = Zone::default().mx("example.test", 1, "mx.example.test.").a("autoconfig.example.test");
    let world = world(zone, &[]).await;
    world.site.document("autoconfig.example.test/mail/config-v1.1.xml", "text/xml", DOCUMENT);
    let found = world.discover("ann@example.test").await;
    let best = found.best().unwrap();
    assert_eq!((best.source, best.trusted), (Source::Autoconfig, true), "{found:#?}");
    assert_eq!(best.imap().unwrap().to_string(), "imap.example.test:993/tls");
    assert_eq!(best.imap().unwrap().username, "ann@example.test");
    assert_eq!(found.findings, []);
}

#[tokio::test]
async fn a_server_that_wants_an_address_is_given_nobodys() {
    let zone = Zone::default().mx("example.test", 1, "mx.example.test.").a("autoconfig.example.test");
    let world = world(zone, &[]).await;
    let page = "autoconfig.example.test/mail/config-v1.1.xml";
    world.site.page(page, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    world.site.document(&format!("{page}?emailaddress=test%40example.test"), "text/xml", DOCUMENT);
    let found = world.discover("ann@example.test").await;
    assert_eq!(found.best().unwrap().source, Source::Autoconfig, "{found:#?}");
}

#[tokio::test]
async fn the_mail_exchanger_leads_to_the_hoster() {
    let zone = Zone::default()
        .mx("moved.test", 1, "mx01.hoster.test.")
        .a("autoconfig.hoster.test")
        .a("ispdb.example.test");
    let mut world = world(zone, &[]).await;
    world.options.thorough = true;
    world.site.document("autoconfig.hoster.test/mail/config-v1.1.xml", "text/xml", DOCUMENT);
    let found = world.discover("ann@moved.test").await;
    let best = found.best().unwrap();
    assert_eq!((best.source, best.trusted), (Source::MxAutoconfig, false), "{found:#?}");
    assert_ne!(asked(&found, "https://ispdb.example.test/v1.1/hoster.test").0, TraceResult::Found);
}

#[tokio::test]
async fn srv_records_are_found() {
    let zone = Zone::default()
        .srv("_imaps._tcp.example.test", 10, 0, 993, "backup.example.test.")
        .srv("_imaps._tcp.example.test", 0, 0, 993, "imap.example.test.")
        .srv("_submissions._tcp.example.test", 0, 0, 465, "smtp.example.test.");
    let found = world(zone, &[]).await.discover("ann@example.test").await;
    let best = found.best().unwrap();
    assert_eq!((best.source, best.trusted), (Source::Srv, true), "{found:#?}");
    let hosts: Vec<_> = best.incoming.iter().map(|s| s.host.as_str()).collect();
    assert_eq!(hosts, ["imap.example.test", "backup.example.test"]);
}

#[tokio::test]
async fn a_dead_source_does_not_hold_up_the_others() {
    let zone = Zone::default()
        .mx("example.test", 1, "mx.example.test.")
        .silent("autoconfig.example.test")
        .a("ispdb.example.test");
    let world = world(zone, &[]).await;
    world.site.document("ispdb.example.test/v1.1/example.test", "text/xml", DOCUMENT);
    let begin = Instant::now();
    let found = world.discover("ann@example.test").await;
    assert_eq!(found.best().unwrap().source, Source::Ispdb, "{found:#?}");
    assert!(begin.elapsed() < Search::PATIENCE + Duration::from_secs(1), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn usual_names_are_connected_to_and_verified() {
    let zone = Zone::default().empty("example.test").a("imap.example.test").a("mail.example.test");
    let ca = Ca::new("restante test root");
    let imap = greet_in_tls(ca.issue(&["imap.example.test"], GOOD), "* OK ready\r\n").await;
    let submission = starttls_server(&ca).await;
    let world = world_of(ca, zone, &[(993, imap), (587, submission), (465, 1), (143, 1)]).await;
    let found = world.discover("ann@example.test").await;
    let best = found.best().unwrap_or_else(|| panic!("{found:#?}"));
    assert_eq!((best.source, best.trusted), (Source::Guess, true));
    assert_eq!(best.imap().unwrap().to_string(), "imap.example.test:993/tls");
    assert_eq!(best.smtp().unwrap().to_string(), "mail.example.test:587/starttls");
    let (result, detail) = asked(&found, "mail.example.test:993/tls");
    assert_eq!(result, TraceResult::Failed);
    assert!(detail.contains("the certificate is for imap.example.test"), "{detail}");
}

/// A submission server for mail.example.test that offers STARTTLS.
async fn starttls_server(ca: &Ca) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = ca.issue(&["mail.example.test"], GOOD).acceptor();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let _ = stream.write_all(b"220-mail\r\n220 ready\r\n").await;
                let Ok(ehlo) = line(&mut stream).await else { return };
                assert_eq!(ehlo, "EHLO [127.0.0.1]");
                let _ = stream.write_all(b"250-mail\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n").await;
                let Ok(starttls) = line(&mut stream).await else { return };
                assert_eq!(starttls, "STARTTLS");
                let _ = stream.write_all(b"220 go\r\n").await;
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let _ = stream.read(&mut [0; 16]).await;
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn an_expired_certificate_at_a_usual_name_is_the_finding() {
    let zone = Zone::default().empty("example.test").a("imap.example.test");
    let ca = Ca::new("restante test root");
    let imap = greet_in_tls(ca.issue(&["imap.example.test"], PAST), "* OK ready\r\n").await;
    let world = world_of(ca, zone, &[(993, imap), (143, 1)]).await;
    let found = world.discover("ann@example.test").await;
    assert_eq!(found.findings[0].verdict, Verdict::CertificateExpired, "{found:#?}");
    assert!(found.best().is_none());
}

#[tokio::test]
async fn a_domain_that_does_not_exist_is_told_at_once() {
    let world = world(Zone::default(), &[]).await;
    let begin = Instant::now();
    let found = world.discover("ann@nowhere.test").await;
    assert_eq!(found.findings[0].verdict, Verdict::DomainNotFound);
    assert_eq!(found.findings[0].certainty, Certainty::Certain);
    assert!(begin.elapsed() < Search::PATIENCE);
}

#[tokio::test]
async fn a_broken_name_service_is_told_apart() {
    let zone = Zone::default().broken("bogus.test").a("ispdb.example.test");
    let found = world(zone, &[]).await.discover("ann@bogus.test").await;
    assert_eq!(found.findings[0].verdict, Verdict::DnsFailure, "{found:#?}");
    assert!(found.findings[0].evidence.contains("SERVFAIL"), "{}", found.findings[0].evidence);
}

#[tokio::test]
async fn a_domain_without_mail_is_told() {
    let zone = Zone::default().mx("nullmx.test", 0, ".");
    let found = world(zone, &[]).await.discover("ann@nullmx.test").await;
    assert_eq!(found.findings[0].verdict, Verdict::NoMailService);
    assert_eq!(found.findings[0].certainty, Certainty::Certain);
    assert!(found.findings[0].evidence.contains("RFC 7505"));
}

#[tokio::test]
async fn autodiscover_is_asked_by_post_about_nobody() {
    let zone = Zone::default().mx("example.test", 1, "mx.example.test.").a("autodiscover.example.test");
    let world = world(zone, &[]).await;
    world.site.document(
        "autodiscover.example.test/autodiscover/autodiscover.xml",
        "text/xml",
        "<Autodiscover><Response><Account><Action>settings</Action><Protocol><Type>IMAP</Type>\
         <Server>imap.example.test</Server><Port>993</Port><SSL>on</SSL></Protocol></Account></Response>\
         </Autodiscover>",
    );
    let found = world.discover("ann@example.test").await;
    let best = found.best().unwrap_or_else(|| panic!("{found:#?}"));
    assert_eq!((best.source, best.trusted), (Source::Autodiscover, true));
    let sent = world.site.requests.lock().unwrap().join("\n");
    assert!(sent.contains("POST /autodiscover/autodiscover.xml"), "{sent}");
}

#[tokio::test]
async fn a_foreign_server_shows_whether_it_has_a_certificate_of_the_domain() {
    for (names, trusted) in
        [(vec!["imap.hoster.test", "example.test"], true), (vec!["imap.hoster.test"], false)]
    {
        let zone = Zone::default()
            .mx("example.test", 1, "mx.example.test.")
            .srv("_imaps._tcp.example.test", 0, 0, 993, "imap.hoster.test.")
            .a("imap.hoster.test");
        let ca = Ca::new("restante test root");
        let imap = greet_in_tls(ca.issue(&names, GOOD), "* OK ready\r\n").await;
        let world = world_of(ca, zone, &[(993, imap)]).await;
        let found = world.discover("ann@example.test").await;
        let best = found.best().unwrap_or_else(|| panic!("{found:#?}"));
        assert_eq!((best.source, best.trusted), (Source::Srv, trusted), "{}", best.why);
    }
}

#[tokio::test]
async fn the_deadline_ends_everything() {
    let zone = Zone::default().silent("example.test");
    let mut world = world(zone, &[]).await;
    world.options.deadline = Duration::from_millis(200);
    let begin = Instant::now();
    let found = world.discover("ann@example.test").await;
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    assert!(found.trace.iter().all(|line| line.result == TraceResult::Failed), "{found:#?}");
    assert_eq!(found.findings[0].verdict, Verdict::DnsFailure);
    assert_eq!(found.findings[0].certainty, Certainty::Likely);
}
