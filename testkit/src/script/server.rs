//! A scripted server on a port of its own.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::{Act, Line, perform};
use crate::{Context, Result};

/// How a connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// With TLS.
    Tls,
    /// In the clear.
    Plain,
}

/// A server that plays one script for each connection, in order, and then listens no more.
///
/// It shows a certificate for its names and for 127.0.0.1, issued by an authority of its own.
#[derive(Debug)]
pub struct Server {
    port: u16,
    folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<usize>>>,
}

/// Where a [`Server`] listens, and who vouches for it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The address.
    pub address: Ipv4Addr,
    /// The name of the authority that issues its certificate.
    pub issuer: &'a str,
}

impl Default for Place<'_> {
    /// 127.0.0.1, and an authority of the scripts' own.
    fn default() -> Self {
        Self { address: Ipv4Addr::LOCALHOST, issuer: "Scripted server" }
    }
}

impl Server {
    /// Begins to listen on 127.0.0.1.
    ///
    /// # Errors
    /// When it cannot listen, or a script cannot be read.
    pub fn start(names: &[&str], opening: Opening, scripts: &[&str]) -> Result<Self> {
        Self::start_at(Place::default(), names, opening, scripts)
    }

    /// As [`Server::start`], somewhere else or with another authority.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_at(place: Place<'_>, names: &[&str], opening: Opening, scripts: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let acceptor = acceptor(place.issuer, names, &folder.path().join("ca.pem"))?;
        let scripts: Vec<Vec<Line>> =
            scripts.iter().map(|script| Line::read_all(script)).collect::<Result<_>>()?;
        let listener = std::net::TcpListener::bind((place.address, 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                tokio::select! {
                    served = serve(listener, acceptor, opening, scripts) => served,
                    _ = stopped => Err("the server was stopped before its last script".into()),
                }
            })
        });
        Ok(Self { port, folder, stop: Some(stop), thread: Some(thread) })
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the authority, as PEM.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Ends it. Every script must have been played to its end.
    ///
    /// # Errors
    /// When the client departed from a script, or fewer connections came than there are scripts.
    pub fn finish(mut self) -> Result<()> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        // A server that waits for a connection waits in vain: the client is done when this is called.
        let stop = self.stop.take();
        let begun = std::time::Instant::now();
        while !thread.is_finished() && begun.elapsed() < std::time::Duration::from_secs(5) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        drop(stop);
        thread.join().map_err(|_| "the scripted server panicked")?.map(|_| ())
    }
}

async fn serve(
    listener: std::net::TcpListener,
    acceptor: TlsAcceptor,
    opening: Opening,
    scripts: Vec<Vec<Line>>,
) -> Result<usize> {
    let listener = TcpListener::from_std(listener)?;
    let count = scripts.len();
    for (at, script) in scripts.into_iter().enumerate() {
        let (stream, _) = listener.accept().await?;
        converse(stream, &acceptor, opening, script).await.context(|| format!("connection {}", at + 1))?;
    }
    Ok(count)
}

async fn converse(
    stream: TcpStream,
    acceptor: &TlsAcceptor,
    opening: Opening,
    script: Vec<Line>,
) -> Result<()> {
    let at = script.iter().position(|line| line.act == Act::Tls);
    let (before, after) = match at {
        Some(at) => (script.get(..at).unwrap_or_default(), script.get(at + 1..).unwrap_or_default()),
        None => (script.as_slice(), [].as_slice()),
    };
    if opening == Opening::Tls {
        // A handshake at the very beginning is this one.
        let lines: Vec<Line> = before.iter().chain(after).cloned().collect();
        return all(acceptor.accept(stream).await?, &lines).await;
    }
    let mut plain = BufReader::new(stream);
    for line in before {
        perform(&mut plain, line).await?;
    }
    if at.is_none() {
        return Ok(());
    }
    all(acceptor.accept(plain.into_inner()).await?, after).await
}

async fn all(stream: impl AsyncRead + AsyncWrite + Unpin, lines: &[Line]) -> Result<()> {
    let mut stream = BufReader::new(stream);
    for line in lines {
        perform(&mut stream, line).await?;
    }
    Ok(())
}

/// A certificate for `names`, whose issuer is written to `ca_file` and sent along.
fn acceptor(issuer: &str, names: &[&str], ca_file: &Path) -> Result<TlsAcceptor> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, issuer);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    std::fs::write(ca_file, issuer.pem())?;
    let names = names.iter().copied().chain(["127.0.0.1"]).map(str::to_owned).collect::<Vec<_>>();
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone(), issuer.der().clone()], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
