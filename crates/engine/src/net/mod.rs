//! Bytes between two machines: names, connections, TLS, HTTP. Nothing here knows what mail is.

mod dns;
mod error;
mod http;
mod pipe;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tls;

pub use dns::{Mx, Srv};
pub use error::{Attempt, NetError, Outcome, TlsFault};
pub use http::{Answer, Hop, Method};
pub use pipe::{Pipe, Recorded};

use crate::transcript::{Tape, Transcript};
use dns::Dns;
use restante_core::diagnosis::{Certainty, Finding, Service, Stage, Verdict};
use restante_core::settings::{Fingerprint, Settings};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::client::TlsStream;

/// How long one address may take before the next is tried beside it (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);
/// A connection this quiet is asked whether it still stands.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How often, until an answer comes.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// A connection whose other end confirms nothing for so long is given up (TCP_USER_TIMEOUT, RFC 5482). Half-open
/// connections are a network that changed, a router that forgot, a machine that slept.
const UNCONFIRMED: Duration = Duration::from_secs(30);
/// More addresses of one host than this are not tried.
const ADDRESSES: usize = 8;

/// What a person may choose about the network.
#[derive(Clone, Debug)]
pub struct NetworkOptions {
    /// A name server, `HOST[:PORT]`, in place of the system's.
    pub dns: Option<String>,
    /// PEM files with certificates to trust beside the system's.
    pub ca_files: Vec<PathBuf>,
    /// How long all addresses of a host may take together.
    pub connect_timeout: Duration,
    /// How long a TLS handshake may take.
    pub tls_timeout: Duration,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            dns: None,
            ca_files: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            tls_timeout: Duration::from_secs(10),
        }
    }
}

/// A way out of this machine. Clones share the resolver's cache and the roots.
#[derive(Clone)]
pub struct Network {
    shared: Arc<Shared>,
    transcript: Option<Transcript>,
    pinned: Option<Arc<Pinned>>,
}

/// Certificates that a person has compared, and TLS that accepts them.
struct Pinned {
    pins: Vec<(String, Fingerprint)>,
    tls: OnceLock<Result<Arc<ClientConfig>, TlsFault>>,
}

struct Shared {
    dns: Dns,
    extra: Vec<CertificateDer<'static>>,
    tls: OnceLock<Result<Arc<ClientConfig>, TlsFault>>,
    https: OnceLock<Result<Arc<ClientConfig>, TlsFault>>,
    connect_timeout: Duration,
    tls_timeout: Duration,
    /// Tests cannot listen on 443 or 993: they say where those ports are.
    #[cfg(test)]
    ports: std::collections::BTreeMap<u16, u16>,
}

/// A file named with `--ca-file` cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadCaFile(String);

/// An open TCP connection, with what happened on the way.
#[derive(Debug)]
pub struct Connection {
    /// The connection.
    pub stream: TcpStream,
    /// The address that answered.
    pub address: IpAddr,
    /// Milliseconds until then.
    pub ms: u64,
    /// Addresses that were tried before and did not answer.
    pub failed: Vec<Attempt>,
}

impl Connection {
    /// A note that IPv6 does not work to this host while IPv4 does, when that was seen.
    #[must_use]
    pub fn note(&self, service: Service) -> Option<Finding> {
        let dead = self.failed.iter().find(|attempt| attempt.address.is_ipv6())?;
        if self.address.is_ipv6() {
            return None;
        }
        let stage = if service == Service::Smtp { Stage::SubmissionConnect } else { Stage::Connect };
        let evidence = format!("{dead}; {} answered after {} ms", self.address, self.ms);
        let mut finding = Finding::new(stage, service, Verdict::Ipv6Broken, evidence);
        if dead.outcome == Outcome::TimedOut {
            finding.certainty = Certainty::Likely;
        }
        Some(finding)
    }
}

impl Network {
    /// Prepares a way out; asks nothing yet.
    ///
    /// # Errors
    /// [`BadCaFile`] when a file of [`NetworkOptions::ca_files`] cannot be read as PEM certificates.
    pub fn new(options: &NetworkOptions) -> Result<Self, BadCaFile> {
        Ok(Self { shared: Arc::new(Shared::new(options)?), transcript: None, pinned: None })
    }

    /// The same, with ports that stand in for others.
    #[cfg(test)]
    pub(crate) fn with_ports(options: &NetworkOptions, ports: &[(u16, u16)]) -> Self {
        let mut shared = Shared::new(options).unwrap();
        shared.ports = ports.iter().copied().collect();
        Self { shared: Arc::new(shared), transcript: None, pinned: None }
    }

    /// The same way out, with every line of mail connections written down.
    #[must_use]
    pub fn transcribed(&self, transcript: Transcript) -> Self {
        Self { transcript: Some(transcript), ..self.clone() }
    }

    /// The same way out, where a host of `pins` may also show a certificate with its fingerprint.
    #[must_use]
    pub fn pinned(&self, pins: Vec<(String, Fingerprint)>) -> Self {
        let pinned = (!pins.is_empty()).then(|| Arc::new(Pinned { pins, tls: OnceLock::new() }));
        Self { pinned, ..self.clone() }
    }

    /// Where a connection to a service is written down, when that was asked for.
    pub(crate) fn tape(&self, settings: &Settings) -> Option<Tape> {
        self.transcript.as_ref().map(|transcript| transcript.tape(settings))
    }

    /// The addresses of a host, IPv6 first; an address literal is its own answer.
    ///
    /// # Errors
    /// Those of the DNS; a host with no address at all is [`NetError::NoRecords`].
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, NetError> {
        self.shared.dns.addresses(host).await
    }

    /// The mail exchangers of a domain, the most preferred first (RFC 5321, section 5.1).
    ///
    /// # Errors
    /// Those of the DNS; none at all is [`NetError::NoRecords`].
    pub async fn mx(&self, domain: &str) -> Result<Vec<Mx>, NetError> {
        self.shared.dns.mx(domain).await
    }

    /// The SRV records of a name as `_imaps._tcp.example.org`, sorted by priority, then weight, upwards.
    ///
    /// # Errors
    /// Those of the DNS; none at all is [`NetError::NoRecords`].
    pub async fn srv(&self, name: &str) -> Result<Vec<Srv>, NetError> {
        self.shared.dns.srv(name).await
    }

    /// The TXT records of a name, each joined to one text (RFC 7208, section 3.3).
    ///
    /// # Errors
    /// Those of the DNS; none at all is [`NetError::NoRecords`].
    pub async fn txt(&self, name: &str) -> Result<Vec<String>, NetError> {
        self.shared.dns.txt(name).await
    }

    /// Whether a domain exists: only NXDOMAIN is a no (RFC 8020).
    ///
    /// # Errors
    /// When the name service cannot tell.
    pub async fn exists(&self, domain: &str) -> Result<bool, NetError> {
        self.shared.dns.exists(domain).await
    }

    /// Opens a TCP connection as [`Network::open`] does, when the way there does not matter.
    ///
    /// # Errors
    /// Those of [`Network::open`].
    pub async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, NetError> {
        self.open(host, port).await.map(|connection| connection.stream)
    }

    /// Opens a TCP connection to the first address of a host that answers ("Happy Eyeballs", RFC 8305).
    ///
    /// # Errors
    /// Those of the DNS; [`NetError::Connect`] names every address tried and what came of it.
    pub async fn open(&self, host: &str, port: u16) -> Result<Connection, NetError> {
        let begin = Instant::now();
        let addresses = self.addresses(host).await?;
        #[cfg(test)]
        let (asked, port) = (port, self.shared.ports.get(&port).copied().unwrap_or(port));
        #[cfg(not(test))]
        let asked = port;
        race(interleaved(addresses), port, begin, begin + self.shared.connect_timeout)
            .await
            .map_err(|attempts| NetError::Connect { host: host.to_owned(), port: asked, attempts })
    }

    /// The TLS handshake of a client on an open connection, with the certificate verified for `host`.
    ///
    /// # Errors
    /// [`NetError::Tls`].
    pub async fn tls(&self, host: &str, stream: TcpStream) -> Result<TlsStream<Recorded>, NetError> {
        let config = match &self.pinned {
            Some(pinned) => self.shared.config(&pinned.tls, &[], &pinned.pins),
            None => self.shared.config(&self.shared.tls, &[], &[]),
        };
        self.handshake(host, stream, config).await
    }

    /// Connects and protects: what implicit TLS needs.
    ///
    /// # Errors
    /// Those of [`Network::open`] and [`Network::tls`].
    pub async fn connect_tls(&self, host: &str, port: u16) -> Result<Pipe, NetError> {
        let stream = self.connect(host, port).await?;
        Ok(Pipe::Tls(Box::new(self.tls(host, stream).await?)))
    }

    pub(crate) async fn connect_https(&self, host: &str, port: u16) -> Result<Pipe, NetError> {
        let stream = self.connect(host, port).await?;
        let config = self.shared.config(&self.shared.https, &[b"http/1.1"], &[]);
        Ok(Pipe::Tls(Box::new(self.handshake(host, stream, config).await?)))
    }

    async fn handshake(
        &self,
        host: &str,
        stream: TcpStream,
        config: Result<Arc<ClientConfig>, TlsFault>,
    ) -> Result<TlsStream<Recorded>, NetError> {
        let port = stream.peer_addr().map_or(0, |address| address.port());
        let limit = self.shared.tls_timeout;
        let done = match config {
            Err(fault) => Err(fault),
            Ok(config) => match tokio::time::timeout(limit, tls::handshake(config, host, stream)).await {
                Ok(done) => done,
                Err(_) => Err(TlsFault::Silent(millis(limit))),
            },
        };
        done.map_err(|fault| NetError::Tls { host: host.to_owned(), port, fault: Box::new(fault) })
    }
}

impl Shared {
    fn new(options: &NetworkOptions) -> Result<Self, BadCaFile> {
        let mut extra = Vec::new();
        for file in &options.ca_files {
            extra.extend(tls::certificates(file).map_err(BadCaFile)?);
        }
        Ok(Self {
            dns: Dns::new(options.dns.as_deref()),
            extra,
            tls: OnceLock::new(),
            https: OnceLock::new(),
            connect_timeout: options.connect_timeout,
            tls_timeout: options.tls_timeout,
            #[cfg(test)]
            ports: std::collections::BTreeMap::new(),
        })
    }

    /// Roots are read from disk, so only when they are needed, and once.
    fn config(
        &self,
        cell: &OnceLock<Result<Arc<ClientConfig>, TlsFault>>,
        alpn: &[&[u8]],
        pins: &[(String, Fingerprint)],
    ) -> Result<Arc<ClientConfig>, TlsFault> {
        cell.get_or_init(|| {
            let mut config = tls::client(&self.extra, pins)?;
            config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
            Ok(Arc::new(config))
        })
        .clone()
    }
}

/// IPv6 and IPv4 in turn, so that one dead family costs one delay (RFC 8305, section 4).
fn interleaved(addresses: Vec<IpAddr>) -> VecDeque<IpAddr> {
    let (six, four): (VecDeque<_>, VecDeque<_>) = addresses.into_iter().partition(IpAddr::is_ipv6);
    let (mut six, mut four) = (six.into_iter(), four.into_iter());
    let mut order = VecDeque::new();
    loop {
        let (a, b) = (six.next(), four.next());
        if a.is_none() && b.is_none() {
            order.truncate(ADDRESSES);
            return order;
        }
        order.extend(a);
        order.extend(b);
    }
}

async fn race(
    mut waiting: VecDeque<IpAddr>,
    port: u16,
    begin: Instant,
    deadline: Instant,
) -> Result<Connection, Vec<Attempt>> {
    let mut running = JoinSet::new();
    let mut started: Vec<(IpAddr, Instant)> = Vec::new();
    let mut failed: Vec<Attempt> = Vec::new();
    loop {
        if let Some(address) = waiting.pop_front() {
            let now = Instant::now();
            started.push((address, now));
            running.spawn(async move { (address, now, dial(SocketAddr::new(address, port)).await) });
        } else if running.is_empty() {
            return Err(failed);
        }
        let pause = if waiting.is_empty() { deadline } else { deadline.min(Instant::now() + STAGGER) };
        match timeout_at(pause, running.join_next()).await {
            Ok(Some(Ok((address, _, Ok(stream))))) => {
                failed.extend(unanswered(&started, &failed, address));
                return Ok(Connection { stream, address, ms: millis(begin.elapsed()), failed });
            }
            Ok(Some(Ok((address, since, Err(error))))) => {
                let outcome = match error.kind() {
                    ErrorKind::ConnectionRefused => Outcome::Refused,
                    ErrorKind::TimedOut => Outcome::TimedOut,
                    _ => Outcome::Unreachable(error.to_string()),
                };
                failed.push(Attempt { address, outcome, ms: millis(since.elapsed()) });
            }
            Ok(_) => {}
            Err(_) if Instant::now() >= deadline => {
                failed.extend(unanswered(&started, &failed, IpAddr::from([0, 0, 0, 0])));
                return Err(failed);
            }
            Err(_) => {}
        }
    }
}

/// Attempts that were begun at least one stagger ago and are still open, other than the winner's.
fn unanswered(started: &[(IpAddr, Instant)], failed: &[Attempt], winner: IpAddr) -> Vec<Attempt> {
    let open = started.iter().filter(|(address, since)| {
        *address != winner && since.elapsed() >= STAGGER && !failed.iter().any(|a| a.address == *address)
    });
    open.map(|(address, since)| Attempt {
        address: *address,
        outcome: Outcome::TimedOut,
        ms: millis(since.elapsed()),
    })
    .collect()
}

async fn dial(address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }?;
    prepare(&socket)?;
    socket.connect(address).await
}

/// Small commands go out at once, and a connection whose other end is gone is noticed.
fn prepare(socket: &TcpSocket) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    socket.set_keepalive(true)?;
    rustix::net::sockopt::set_tcp_keepidle(socket, KEEPALIVE)?;
    rustix::net::sockopt::set_tcp_keepintvl(socket, KEEPALIVE_INTERVAL)?;
    #[cfg(target_os = "linux")]
    rustix::net::sockopt::set_tcp_user_timeout(socket, UNCONFIRMED.as_millis() as u32)?;
    Ok(())
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
