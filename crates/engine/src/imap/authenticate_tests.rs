use super::*;
use crate::Steps;
use crate::imap::{log_in, open};
use crate::net::testing::{Ca, GOOD};
use crate::net::{Network, NetworkOptions};
use restante_core::settings::{Protocol, Security};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;

/// The server's side of a connection inside TLS 1.3.
struct Server {
    stream: BufReader<TlsStream<TcpStream>>,
    exported: [u8; 32],
}

impl Server {
    async fn say(&mut self, line: &str) {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// The next line after `expected`, out of its base64.
    async fn hear(&mut self, expected: &str) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.unwrap();
        let rest = line.strip_prefix(expected).unwrap_or_else(|| panic!("{line:?}, not {expected:?}"));
        String::from_utf8(sasl::decode(rest.as_bytes()).unwrap()).unwrap()
    }

    /// Answers client-first-message with server-first-message; gives what `c=` carries in the answer to that.
    async fn bound_to(&mut self, first: &str) -> Vec<u8> {
        let nonce = first.rsplit_once("r=").unwrap().1;
        let server_first = format!("r={nonce}more,s=AAAA,i=4096");
        self.say(&format!("+ {}", sasl::encode(server_first.as_bytes()))).await;
        let last = self.hear("").await;
        sasl::decode(last.split(',').next().unwrap().strip_prefix("c=").unwrap().as_bytes()).unwrap()
    }
}

/// Logs in to a server that greets like this and does as it is told; gives the client's error.
async fn log_in_to<F>(greeting: &str, serve: impl FnOnce(Server) -> F + Send + 'static) -> Finding
where
    F: Future<Output = ()> + Send,
{
    let ca = Ca::new("Test");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = ca.issue(&["localhost"], GOOD).acceptor();
    let greeting = greeting.to_owned();
    let server = tokio::spawn(async move {
        let stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
        let label = b"EXPORTER-Channel-Binding";
        let exported = stream.get_ref().1.export_keying_material([0; 32], label, Some(&[])).unwrap();
        let mut server = Server { stream: BufReader::new(stream), exported };
        server.say(&greeting).await;
        serve(server).await;
    });
    let options = NetworkOptions { ca_files: vec![ca.file()], ..NetworkOptions::default() };
    let network = Network::new(&options).unwrap();
    let settings = Settings {
        protocol: Protocol::Imap,
        host: "localhost".into(),
        port,
        security: Security::Tls,
        username: "ann".into(),
        authentication: vec![],
    };
    let mut steps = Steps::silent();
    let mut connection = open(&network, &settings, &mut steps).await.unwrap();
    let error = log_in(&mut connection, &settings, &Secret::new("pw"), &mut steps).await.unwrap_err();
    server.await.unwrap();
    let Error::Finding(finding) = error else { panic!("{error}") };
    *finding
}

const PLUS: &str = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-256-PLUS] ready";

#[tokio::test]
async fn a_login_is_bound_to_what_both_ends_have_and_a_refused_password_is_tried_once() {
    let finding = log_in_to(PLUS, |mut server| async move {
        let first = server.hear("a1 AUTHENTICATE SCRAM-SHA-256-PLUS ").await;
        assert!(first.starts_with("p=tls-exporter,,n=ann,r="), "{first}");
        let expected = [b"p=tls-exporter,,", &server.exported[..]].concat();
        assert_eq!(server.bound_to(&first).await, expected);
        server.say("a1 NO [AUTHENTICATIONFAILED] no").await;
    })
    .await;
    assert_eq!(finding.verdict, Verdict::CredentialsRefused);
}

#[tokio::test]
async fn a_binding_the_server_does_not_know_is_left_away() {
    for late in [false, true] {
        let finding = log_in_to(PLUS, move |mut server| async move {
            let first = server.hear("a1 AUTHENTICATE SCRAM-SHA-256-PLUS ").await;
            if late {
                server.bound_to(&first).await;
                server.say("a1 NO bad protocol / cancel").await;
            } else {
                server.say("a1 NO unsupported-channel-binding-type").await;
            }
            // Not `y`: the server did offer it.
            let first = server.hear("a2 AUTHENTICATE SCRAM-SHA-256 ").await;
            assert!(first.starts_with("n,,n=ann,r="), "{first}");
            assert_eq!(server.bound_to(&first).await, b"n,,");
            server.say("a2 NO [AUTHENTICATIONFAILED] no").await;
        })
        .await;
        assert_eq!(finding.verdict, Verdict::CredentialsRefused);
    }
}

#[tokio::test]
async fn a_server_that_does_not_offer_binding_is_told_that_we_could() {
    let greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256] ready";
    log_in_to(greeting, |mut server| async move {
        let first = server.hear("a1 AUTHENTICATE SCRAM-SHA-256 ").await;
        assert!(first.starts_with("y,,n=ann,r="), "{first}");
        server.say("a1 NO [AUTHENTICATIONFAILED] no").await;
    })
    .await;
}

#[tokio::test]
async fn cyrus_offers_a_binding_that_it_has_not() {
    let greeting = PLUS.replace("ready", "imap.example.org Cyrus IMAP 3.6.1 server ready");
    log_in_to(&greeting, |mut server| async move {
        let first = server.hear("a1 AUTHENTICATE SCRAM-SHA-256 ").await;
        assert!(first.starts_with("n,,n=ann,r="), "{first}");
        server.say("a1 NO authentication failure").await;
    })
    .await;
}
