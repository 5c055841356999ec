//! TLS 1.2 and 1.3 (RFC 8446), and what exactly is wrong with a certificate.

use super::error::TlsFault;
use super::pipe::Recorded;
use restante_core::settings::Fingerprint;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError,
    SignatureScheme,
};
use rustls_platform_verifier::Verifier;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// Reads every certificate of a PEM file.
///
/// # Errors
/// The file's name and what is wrong with it.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let said = |what: String| format!("{}: {what}", path.display());
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| said(error.to_string()))?;
    if found.is_empty() {
        return Err(said("holds no certificate in PEM form".to_owned()));
    }
    Ok(found)
}

/// The client's side of TLS: the system's roots (or those `SSL_CERT_FILE` names) and `extra` ones.
///
/// A host of `pins` may also show a certificate with its fingerprint, whoever issued it, for whatever name
/// and time: a person has compared it.
pub(super) fn client(
    extra: &[CertificateDer<'static>],
    pins: &[(String, Fingerprint)],
) -> Result<ClientConfig, TlsFault> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Verifier::new_with_extra_roots(extra.iter().cloned(), Arc::clone(&provider))
        .map_err(|error| TlsFault::NoRoots(error.to_string()))?;
    let explaining = Explaining { verifier, extra: extra.to_vec(), pins: pins.to_vec() };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsFault::Other(error.to_string()))?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(explaining)).with_no_client_auth())
}

/// The handshake, with the first bytes of the other end kept to explain its failure.
pub(super) async fn handshake(
    config: Arc<ClientConfig>,
    host: &str,
    stream: TcpStream,
) -> Result<TlsStream<Recorded>, TlsFault> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| TlsFault::Other(format!("`{host}` cannot be in a certificate")))?;
    let connecting = TlsConnector::from(config).connect(name, Recorded::new(stream)).into_fallible();
    connecting.await.map_err(|(error, stream)| explain(&error, stream.first_bytes()))
}

fn explain(error: &std::io::Error, first: &[u8]) -> TlsFault {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return match error.kind() {
            std::io::ErrorKind::UnexpectedEof
            | std::io::ErrorKind::ConnectionReset
            | std::io::ErrorKind::BrokenPipe
                if first.is_empty() =>
            {
                TlsFault::Eof
            }
            _ if speaks_in_the_clear(first) => TlsFault::NotTls(printable(first)),
            _ => TlsFault::Other(error.to_string()),
        };
    };
    match tls {
        Error::InvalidCertificate(CertificateError::Other(OtherError(fault))) => fault
            .downcast_ref::<TlsFault>()
            .cloned()
            .unwrap_or_else(|| TlsFault::Certificate(fault.to_string())),
        Error::InvalidCertificate(other) => TlsFault::Certificate(other.to_string()),
        _ if speaks_in_the_clear(first) => TlsFault::NotTls(printable(first)),
        Error::AlertReceived(
            AlertDescription::HandshakeFailure
            | AlertDescription::ProtocolVersion
            | AlertDescription::InsufficientSecurity,
        )
        | Error::PeerIncompatible(_) => TlsFault::Version(tls.to_string()),
        other => TlsFault::Other(other.to_string()),
    }
}

/// A TLS record begins with its content type, 20 to 24 (RFC 8446, section 5.1); no text does.
fn speaks_in_the_clear(first: &[u8]) -> bool {
    first.first().is_some_and(|byte| !(20..=24).contains(byte))
}

/// The first line, at most 80 characters, with what does not print shown as `.`.
fn printable(bytes: &[u8]) -> String {
    let line = bytes.split(|b| *b == b'\r' || *b == b'\n').next().unwrap_or_default();
    line.iter().take(80).map(|b| if (0x20..0x7f).contains(b) { char::from(*b) } else { '.' }).collect()
}

/// The platform's verifier, whose refusals say what was seen.
#[derive(Debug)]
struct Explaining {
    verifier: Verifier,
    extra: Vec<CertificateDer<'static>>,
    pins: Vec<(String, Fingerprint)>,
}

impl ServerCertVerifier for Explaining {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let judged =
            self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let reason = match judged {
            Err(Error::InvalidCertificate(reason)) => reason,
            other => return other,
        };
        let Some(leaf) = Seen::read(end_entity) else {
            return Err(Error::InvalidCertificate(CertificateError::BadEncoding));
        };
        let host = server_name.to_str();
        let pinned = |(name, pin): &(String, Fingerprint)| {
            name.eq_ignore_ascii_case(&host) && *pin == leaf.fingerprint
        };
        if self.pins.iter().any(pinned) {
            return Ok(ServerCertVerified::assertion());
        }
        let named = self.extra.iter().any(|root| root.as_ref() == end_entity.as_ref());
        let fault = if named && is_unanchored(&reason) {
            // A certificate that a person named with --ca-file is its own root, also when it says that it
            // is an authority (as Proton's bridge does), which the verifier refuses in this place.
            own_root_fault(&leaf, end_entity, server_name, now)
        } else {
            Some(fault(&reason, leaf, intermediates, server_name, now))
        };
        match fault {
            None => Ok(ServerCertVerified::assertion()),
            Some(fault) => {
                Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(fault)))))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// What a certificate says about itself.
struct Seen {
    names: Vec<String>,
    subject: String,
    issuer: String,
    self_issued: bool,
    not_before: i64,
    not_after: i64,
    fingerprint: Fingerprint,
}

impl Seen {
    fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        let mut names = Vec::new();
        if let Ok(Some(extension)) = parsed.subject_alternative_name() {
            for name in extension.value.general_names.iter().take(100) {
                match name {
                    GeneralName::DNSName(name) => names.push((*name).to_owned()),
                    GeneralName::IPAddress(bytes) => names.extend(address(bytes)),
                    _ => {}
                }
            }
        }
        Some(Self {
            names,
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            self_issued: parsed.subject().as_raw() == parsed.issuer().as_raw(),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            fingerprint: fingerprint(der),
        })
    }
}

fn fingerprint(der: &CertificateDer<'_>) -> Fingerprint {
    Fingerprint::new(Sha256::digest(der).into())
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(v4).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|v6| IpAddr::from(v6).to_string())
}

fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| format!("{seconds}"), |time| time.to_string())
}

fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// Whether the verifier found no way from the certificate to a root, for whatever reason.
fn is_unanchored(reason: &CertificateError) -> bool {
    match reason {
        CertificateError::UnknownIssuer => true,
        // webpki's `CaUsedAsEndEntity`, which rustls passes on without a name of its own.
        CertificateError::Other(other) => other.to_string().contains("CaUsedAsEndEntity"),
        _ => false,
    }
}

/// Name and time of a certificate that is trusted as it is.
fn own_root_fault(
    leaf: &Seen,
    der: &CertificateDer<'_>,
    wanted: &ServerName<'_>,
    now: UnixTime,
) -> Option<TlsFault> {
    let (names, fingerprint) = (leaf.names.clone(), leaf.fingerprint);
    let (clock, now) = (seconds(now), date(seconds(now)));
    if clock > leaf.not_after {
        return Some(TlsFault::Expired { not_after: date(leaf.not_after), now, names, fingerprint });
    }
    if clock < leaf.not_before {
        return Some(TlsFault::NotYetValid { not_before: date(leaf.not_before), now, names, fingerprint });
    }
    let matches = ParsedCertificate::try_from(der).is_ok_and(|p| verify_server_name(&p, wanted).is_ok());
    (!matches).then(|| TlsFault::Name { wanted: wanted.to_str().into_owned(), names, fingerprint })
}

fn fault(
    reason: &CertificateError,
    leaf: Seen,
    intermediates: &[CertificateDer<'_>],
    wanted: &ServerName<'_>,
    now: UnixTime,
) -> TlsFault {
    let (names, fingerprint) = (leaf.names, leaf.fingerprint);
    let clock = date(seconds(now));
    let expired = |end| TlsFault::Expired {
        not_after: date(end),
        now: clock.clone(),
        names: names.clone(),
        fingerprint,
    };
    let early = |begin| TlsFault::NotYetValid {
        not_before: date(begin),
        now: clock.clone(),
        names: names.clone(),
        fingerprint,
    };
    match reason {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsFault::Name { wanted: wanted.to_str().into_owned(), names, fingerprint }
        }
        CertificateError::Expired => expired(leaf.not_after),
        CertificateError::ExpiredContext { not_after, .. } => expired(seconds(*not_after)),
        CertificateError::NotValidYet => early(leaf.not_before),
        CertificateError::NotValidYetContext { not_before, .. } => early(seconds(*not_before)),
        reason if is_unanchored(reason) && leaf.self_issued => {
            TlsFault::SelfSigned { subject: leaf.subject, fingerprint, names }
        }
        CertificateError::UnknownIssuer => match intermediates.last() {
            None => TlsFault::ChainIncomplete { issuer: leaf.issuer, names, fingerprint },
            Some(last) => {
                let issuer = Seen::read(last).map_or(leaf.issuer, |seen| seen.issuer);
                TlsFault::UnknownIssuer { issuer, names, fingerprint }
            }
        },
        other => TlsFault::Certificate(other.to_string()),
    }
}
