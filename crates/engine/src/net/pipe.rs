//! The byte stream every protocol runs over, protected or not.

use super::{NetError, Network};
use restante_core::sasl::ChannelBinding;
use rustls::ProtocolVersion;
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, BufReader, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A TCP connection that remembers the first bytes it received, because a failed TLS handshake is
/// explained by them: a server that speaks first and in the clear is on a STARTTLS port.
#[derive(Debug)]
pub struct Recorded {
    stream: BufReader<TcpStream>,
    first: Vec<u8>,
}

/// Octets taken from the kernel at once: TLS by itself would ask for 4 KiB at a time, four times for each of its
/// records.
const READ: usize = 64 * 1024;

/// How many of the first bytes are kept.
const KEPT: usize = 120;

impl Recorded {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream: BufReader::with_capacity(READ, stream), first: Vec::new() }
    }

    /// What was received first, at most 120 bytes.
    #[must_use]
    pub fn first_bytes(&self) -> &[u8] {
        &self.first
    }
}

impl AsyncRead for Recorded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let room = KEPT.saturating_sub(self.first.len());
        if room > 0 {
            let new = buf.filled().get(before..).unwrap_or_default();
            self.first.extend(new.iter().take(room));
        }
        polled
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A connection to a server, in the clear or inside TLS.
#[derive(Debug)]
pub enum Pipe {
    /// In the clear.
    Plain(TcpStream),
    /// Inside TLS, with the certificate verified for the host.
    Tls(Box<TlsStream<Recorded>>),
    /// What plays a server without a network, in the clear.
    Played(Box<dyn Stream>),
}

/// Any stream of octets both ways.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + std::fmt::Debug {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + std::fmt::Debug> Stream for S {}

impl From<TcpStream> for Pipe {
    fn from(stream: TcpStream) -> Self {
        Self::Plain(stream)
    }
}

impl From<DuplexStream> for Pipe {
    fn from(stream: DuplexStream) -> Self {
        Self::Played(Box::new(stream))
    }
}

impl Pipe {
    /// Whether what goes through is protected.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Starts TLS on a connection in the clear, verified for `host` (RFC 9051, section 6.2.1; RFC 3207).
    /// A connection that has TLS already is given back as it is. The caller makes sure that nothing the
    /// server sent in the clear is kept.
    ///
    /// # Errors
    /// [`NetError::Tls`].
    pub async fn starttls(self, network: &Network, host: &str) -> Result<Self, NetError> {
        match self {
            Self::Plain(stream) => Ok(Self::Tls(Box::new(network.tls(host, stream).await?))),
            Self::Tls(_) | Self::Played(_) => Ok(self),
        }
    }

    /// What a login can be bound to: the connection itself in TLS 1.3, the server's certificate in TLS 1.2.
    #[must_use]
    pub fn channel_binding(&self) -> Option<ChannelBinding> {
        let Self::Tls(stream) = self else { return None };
        let (_, tls) = stream.get_ref();
        if tls.protocol_version() == Some(ProtocolVersion::TLSv1_3) {
            let exported = tls.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(&[]));
            return exported.ok().map(ChannelBinding::TlsExporter);
        }
        end_point(tls.peer_certificates()?.first()?).map(ChannelBinding::TlsServerEndPoint)
    }

    /// The protocol version and cipher, as `TLSv1_3 TLS13_AES_256_GCM_SHA384`, for a person who asks.
    #[must_use]
    pub fn protection(&self) -> Option<String> {
        let Self::Tls(stream) = self else { return None };
        let (_, tls) = stream.get_ref();
        let version = tls.protocol_version()?;
        let suite = tls.negotiated_cipher_suite()?;
        Some(format!("{version:?} {:?}", suite.suite()))
    }
}

/// RFC 5929, section 4.1: hashed as the certificate's signature is, but by SHA-256 in place of MD5 and SHA-1. `None`
/// for signatures with no hash of their own, for which no binding is defined.
fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(match parsed.signature_algorithm.algorithm.to_id_string().as_str() {
        // MD5, SHA-1 and SHA-256 with RSA; SHA-1 and SHA-256 with ECDSA.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.1"
        | "1.2.840.10045.4.3.2" => Sha256::digest(certificate).to_vec(),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Sha384::digest(certificate).to_vec(),
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Sha512::digest(certificate).to_vec(),
        _ => return None,
    })
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
            Self::Played(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
            Self::Played(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
            Self::Played(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
            Self::Played(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
