//! What the tests of this crate stand on: a certificate authority, scripted listeners, a name server.

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, MX, SRV};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::TlsAcceptor;

/// Which years a certificate is good for.
pub(crate) const GOOD: (i32, i32) = (2020, 2090);
pub(crate) const PAST: (i32, i32) = (2020, 2021);
pub(crate) const FUTURE: (i32, i32) = (2090, 2095);

/// A root, an intermediate under it, and the root's PEM file.
pub(crate) struct Ca {
    root: Issuer<'static, KeyPair>,
    intermediate: Issuer<'static, KeyPair>,
    intermediate_der: CertificateDer<'static>,
    folder: TempDir,
}

/// A certificate as a server shows it.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

fn params(names: &[&str], common: &str, years: (i32, i32)) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, common);
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    params
}

fn key(pair: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(pair.serialize_der()).into()
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let authority = |common: &str| {
            let mut params = params(&[], common, GOOD);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params
        };
        let (root_key, intermediate_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let root = authority(name);
        let root_cert = root.self_signed(&root_key).unwrap();
        let root = Issuer::new(root, root_key);
        let intermediate = authority(&format!("{name} intermediate"));
        let intermediate_cert = intermediate.signed_by(&intermediate_key, &root).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("root.pem"), root_cert.pem()).unwrap();
        Self {
            root,
            intermediate: Issuer::new(intermediate, intermediate_key),
            intermediate_der: intermediate_cert.der().clone(),
            folder,
        }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// A leaf under the root.
    pub(crate) fn issue(&self, names: &[&str], years: (i32, i32)) -> Identity {
        let pair = KeyPair::generate().unwrap();
        let leaf = params(names, "leaf", years).signed_by(&pair, &self.root).unwrap();
        Identity { chain: vec![leaf.der().clone()], key: key(&pair) }
    }

    /// A leaf under the intermediate, which is sent along or forgotten.
    pub(crate) fn issue_below(&self, names: &[&str], send_intermediate: bool) -> Identity {
        let pair = KeyPair::generate().unwrap();
        let leaf = params(names, "leaf", GOOD).signed_by(&pair, &self.intermediate).unwrap();
        let mut chain = vec![leaf.der().clone()];
        if send_intermediate {
            chain.push(self.intermediate_der.clone());
        }
        Identity { chain, key: key(&pair) }
    }
}

impl Identity {
    /// A certificate that vouches for itself, as an authority or not; its PEM is written to `file`.
    pub(crate) fn self_signed(names: &[&str], authority: bool, file: &Path) -> Self {
        let pair = KeyPair::generate().unwrap();
        let mut params = params(names, "alone", GOOD);
        if authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let certificate = params.self_signed(&pair).unwrap();
        std::fs::write(file, certificate.pem()).unwrap();
        Self { chain: vec![certificate.der().clone()], key: key(&pair) }
    }

    pub(crate) fn acceptor(self) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain, self.key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Says `greeting` inside TLS to everybody who completes the handshake; returns the port.
pub(crate) async fn greet_in_tls(identity: Identity, greeting: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = identity.acceptor();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let _ = stream.write_all(greeting.as_bytes()).await;
                let _ = stream.flush().await;
                let _ = stream.read(&mut [0; 512]).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    port
}

/// Sends `bytes` in the clear to everybody, then waits for the other end to go; returns the port.
pub(crate) async fn say(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.write_all(bytes).await;
                while stream.read(&mut [0; 512]).await.is_ok_and(|n| n > 0) {}
            });
        }
    });
    port
}

/// Answers to HTTP requests: `HOST/path` to the whole answer. Requests are kept.
#[derive(Clone, Default)]
pub(crate) struct Site {
    pub(crate) pages: Arc<Mutex<BTreeMap<String, String>>>,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
}

impl Site {
    pub(crate) fn page(&self, at: &str, answer: impl Into<String>) {
        self.pages.lock().unwrap().insert(at.to_owned(), answer.into());
    }

    pub(crate) fn document(&self, at: &str, kind: &str, body: &str) {
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.page(at, answer);
    }

    pub(crate) fn redirect(&self, at: &str, to: &str) {
        self.page(at, format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"));
    }

    /// Serves in the clear, or inside TLS; returns the port.
    pub(crate) async fn serve(&self, tls: Option<Identity>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = tls.map(Identity::acceptor);
        let site = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (site, acceptor) = (site.clone(), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => site.answer(stream).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                site.answer(stream).await;
                            }
                        }
                    }
                });
            }
        });
        port
    }

    async fn answer(&self, mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin) {
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        while !request.windows(4).any(|w| w == b"\r\n\r\n") {
            match stream.read(&mut buffer).await {
                Ok(n) if n > 0 => request.extend_from_slice(&buffer[..n]),
                _ => return,
            }
        }
        let request = String::from_utf8_lossy(&request).into_owned();
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let host = request.lines().find_map(|l| l.strip_prefix("host: ")).unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default().to_owned();
        self.requests.lock().unwrap().push(request);
        let page = self.pages.lock().unwrap().get(&format!("{host}{path}")).cloned();
        let page = page.unwrap_or_else(|| "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned());
        let _ = stream.write_all(page.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

/// What the name server knows. Names it does not hold do not exist.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zone {
    records: BTreeMap<String, Vec<RData>>,
    broken: Vec<String>,
    silent: Vec<String>,
}

impl Zone {
    fn add(mut self, name: &str, data: Option<RData>) -> Self {
        self.records.entry(name.to_owned()).or_default().extend(data);
        self
    }

    /// A name that exists and has no records.
    pub(crate) fn empty(self, name: &str) -> Self {
        self.add(name, None)
    }

    pub(crate) fn a(self, name: &str) -> Self {
        self.add(name, Some(RData::A(A(Ipv4Addr::LOCALHOST))))
    }

    pub(crate) fn mx(self, name: &str, preference: u16, exchange: &str) -> Self {
        self.add(name, Some(RData::MX(MX::new(preference, Name::from_ascii(exchange).unwrap()))))
    }

    pub(crate) fn srv(self, name: &str, priority: u16, weight: u16, port: u16, target: &str) -> Self {
        let target = Name::from_ascii(target).unwrap();
        self.add(name, Some(RData::SRV(SRV::new(priority, weight, port, target))))
    }

    /// Names below `name` are answered with SERVFAIL.
    pub(crate) fn broken(mut self, name: &str) -> Self {
        self.broken.push(name.to_owned());
        self
    }

    /// Names below `name` are not answered.
    pub(crate) fn silent(mut self, name: &str) -> Self {
        self.silent.push(name.to_owned());
        self
    }

    /// Serves over UDP; returns `HOST:PORT`.
    pub(crate) async fn serve(self) -> String {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 2048];
            while let Ok((n, from)) = socket.recv_from(&mut buffer).await {
                let Ok(question) = Message::from_vec(&buffer[..n]) else { continue };
                if let Some(answer) = self.answer(question) {
                    let _ = socket.send_to(&answer.to_vec().unwrap(), from).await;
                }
            }
        });
        address.to_string()
    }

    fn answer(&self, question: Message) -> Option<Message> {
        let query = question.queries.first()?.clone();
        let name = query.name().to_ascii().trim_end_matches('.').to_ascii_lowercase();
        let below = |names: &[String]| names.iter().any(|n| name == *n || name.ends_with(&format!(".{n}")));
        if below(&self.silent) {
            return None;
        }
        let mut answer = question;
        answer.metadata.message_type = MessageType::Response;
        answer.metadata.recursion_available = true;
        if below(&self.broken) {
            answer.metadata.response_code = ResponseCode::ServFail;
            return Some(answer);
        }
        let exists = self.records.keys().any(|n| *n == name || n.ends_with(&format!(".{name}")));
        if !exists {
            answer.metadata.response_code = ResponseCode::NXDomain;
        }
        let kind: RecordType = query.query_type();
        for data in self.records.get(&name).into_iter().flatten().filter(|d| d.record_type() == kind) {
            answer.add_answer(Record::from_rdata(query.name().clone(), 60, data.clone()));
        }
        Some(answer)
    }
}
