//! What can go wrong between two machines, and what each case means to a person.

use restante_core::diagnosis::{Certainty, Finding, Service, Stage, Verdict};
use restante_core::settings::Fingerprint;
use std::fmt;
use std::net::IpAddr;

/// One attempt to reach one address of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The address tried.
    pub address: IpAddr,
    /// What came of it.
    pub outcome: Outcome,
    /// Milliseconds until then.
    pub ms: u64,
}

/// How an attempt to connect ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The address refused (RST).
    Refused,
    /// No answer before the deadline.
    TimedOut,
    /// No route, or another fault of the network; the system's words.
    Unreachable(String),
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Refused => write!(f, "{} refused after {} ms", self.address, self.ms),
            Outcome::TimedOut => write!(f, "{} gave no answer within {} ms", self.address, self.ms),
            Outcome::Unreachable(said) => write!(f, "{}: {said} after {} ms", self.address, self.ms),
        }
    }
}

/// What was wrong with a TLS handshake or a certificate. Dates are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    /// The certificate is for other names.
    #[error("the certificate is for {}, not for {wanted}", list(.names))]
    Name {
        /// The host that was asked for.
        wanted: String,
        /// The names in the certificate.
        names: Vec<String>,
        /// Its fingerprint.
        fingerprint: Fingerprint,
    },
    /// The certificate's time is over.
    #[error("the certificate for {} expired at {not_after}; this machine's clock says {now}", list(.names))]
    Expired {
        /// The end of its validity.
        not_after: String,
        /// The clock.
        now: String,
        /// The names in the certificate.
        names: Vec<String>,
        /// Its fingerprint.
        fingerprint: Fingerprint,
    },
    /// The certificate's time has not begun.
    #[error("the certificate for {} is valid from {not_before}; this machine's clock says {now}", list(.names))]
    NotYetValid {
        /// The begin of its validity.
        not_before: String,
        /// The clock.
        now: String,
        /// The names in the certificate.
        names: Vec<String>,
        /// Its fingerprint.
        fingerprint: Fingerprint,
    },
    /// The issuer of the last certificate sent is not trusted here.
    #[error("the certificate for {} is issued by `{issuer}`, which this machine does not trust", list(.names))]
    UnknownIssuer {
        /// The issuer at the end of the chain.
        issuer: String,
        /// The names in the certificate.
        names: Vec<String>,
        /// Its fingerprint.
        fingerprint: Fingerprint,
    },
    /// Only a leaf was sent, and its issuer is not trusted here by itself.
    #[error(
        "the server sent one certificate, for {}, and not that of its issuer `{issuer}`, which is not a \
         trusted root on this machine", list(.names)
    )]
    ChainIncomplete {
        /// The issuer that is missing.
        issuer: String,
        /// The names in the certificate.
        names: Vec<String>,
        /// Its fingerprint.
        fingerprint: Fingerprint,
    },
    /// Issuer and subject are the same.
    #[error("the certificate `{subject}` vouches for itself")]
    SelfSigned {
        /// The subject, which is also the issuer.
        subject: String,
        /// Its fingerprint.
        fingerprint: Fingerprint,
        /// The names in the certificate.
        names: Vec<String>,
    },
    /// Another fault of the certificate; the verifier's words.
    #[error("the certificate is not acceptable: {0}")]
    Certificate(String),
    /// The other end spoke first and in the clear: its first bytes, made printable.
    #[error("in place of TLS the server said `{0}`")]
    NotTls(String),
    /// No common version or cipher: the alert.
    #[error("the server and this machine have no common encryption ({0})")]
    Version(String),
    /// The connection ended in the handshake.
    #[error("the server ended the connection during the TLS handshake")]
    Eof,
    /// No answer to the handshake in time.
    #[error("the server did not answer the TLS handshake within {0} ms")]
    Silent(u64),
    /// This machine has no roots to compare with.
    #[error("this machine has no trusted certificates: {0}")]
    NoRoots(String),
    /// The rest; the library's words.
    #[error("{0}")]
    Other(String),
}

impl TlsFault {
    /// The fingerprint of a certificate that was shown and not accepted.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        match self {
            Self::Name { fingerprint, .. }
            | Self::Expired { fingerprint, .. }
            | Self::NotYetValid { fingerprint, .. }
            | Self::UnknownIssuer { fingerprint, .. }
            | Self::ChainIncomplete { fingerprint, .. }
            | Self::SelfSigned { fingerprint, .. } => Some(*fingerprint),
            _ => None,
        }
    }
}

/// Why bytes could not get through.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// This machine has no name service, or no way to it.
    #[error("this machine has no name service: {0}")]
    NoResolver(String),
    /// The name does not exist (NXDOMAIN, RFC 8020).
    #[error("the name {0} does not exist in the DNS (NXDOMAIN)")]
    NameNotFound(String),
    /// The name exists and has no record of the kind asked for (RFC 2308, section 2.2).
    #[error("the name {name} exists and has no {kind} record")]
    NoRecords {
        /// The name asked.
        name: String,
        /// The kind of record.
        kind: String,
    },
    /// The name service said that it cannot tell.
    #[error("the name service answered {said} for {name} after {ms} ms")]
    NameServer {
        /// The name asked.
        name: String,
        /// Its words, as `SERVFAIL`.
        said: String,
        /// Milliseconds.
        ms: u64,
    },
    /// The name service gave no answer.
    #[error("the name service gave no answer for {name} within {ms} ms")]
    NameTimeout {
        /// The name asked.
        name: String,
        /// Milliseconds.
        ms: u64,
    },
    /// No DNS name and no IP address.
    #[error("`{0}` is not a host name")]
    BadName(String),
    /// No address of the host could be reached.
    #[error("cannot connect to {host} port {port}: {}", list(.attempts))]
    Connect {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// Every address tried, in order.
        attempts: Vec<Attempt>,
    },
    /// The TLS handshake failed.
    #[error("no TLS with {host} port {port}: {fault}")]
    Tls {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// Why.
        fault: Box<TlsFault>,
    },
    /// An established connection broke, or took too long.
    #[error("the connection to {host} broke: {said}")]
    Lost {
        /// The host.
        host: String,
        /// The system's words.
        said: String,
    },
    /// An address that cannot be asked over HTTP.
    #[error("`{0}` is not an address that can be asked")]
    BadUrl(String),
    /// The answer is not HTTP, or breaks a limit.
    #[error("{url}: {said}")]
    Http {
        /// The address asked.
        url: String,
        /// What was wrong.
        said: String,
    },
}

/// A shared host's certificate can hold a hundred names, and nobody reads a hundred names.
const SHOWN: usize = 6;

fn list<T: ToString>(items: &[T]) -> String {
    if items.is_empty() {
        return "no name".to_owned();
    }
    let mut text = items.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if items.len() > SHOWN {
        text.push_str(&format!(" and {} more", items.len() - SHOWN));
    }
    text
}

/// Programs and devices that open TLS on the way put one of these into the issuer's name.
const INTERCEPTORS: &[&str] = &[
    "avast",
    "avg ",
    "eset ",
    "kaspersky",
    "bitdefender",
    "adguard",
    "zscaler",
    "fortinet",
    "fortigate",
    "netskope",
    "sophos",
    "untangle",
    "blue coat",
    "palo alto",
    "cisco umbrella",
    "barracuda",
    "mcafee",
];

impl NetError {
    /// Whether the answer is a clean "there is none": NXDOMAIN or no record of that kind.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::NameNotFound(_) | Self::NoRecords { .. })
    }

    /// Whether this machine has no network at all, as far as this failure can show.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        match self {
            Self::NoResolver(_) => true,
            Self::Connect { attempts, .. } => {
                !attempts.is_empty() && attempts.iter().all(|a| matches!(a.outcome, Outcome::Unreachable(_)))
            }
            _ => false,
        }
    }

    /// What this means to a person, with the stage that fits the service.
    #[must_use]
    pub fn finding(&self, service: Service) -> Finding {
        let connect = if service == Service::Smtp { Stage::SubmissionConnect } else { Stage::Connect };
        let tls = if service == Service::Smtp { Stage::SubmissionTls } else { Stage::Tls };
        let at = |stage, verdict| Finding::new(stage, service, verdict, self.to_string());
        match self {
            Self::NoResolver(_) => at(Stage::Dns, Verdict::Offline),
            Self::NameNotFound(_) | Self::NoRecords { .. } => {
                let mut finding = at(Stage::Dns, Verdict::DomainNotFound);
                finding.meaning = "The server's name leads nowhere.".to_owned();
                finding.remedy = "Check the host name for a typing error, or look for settings again: the \
                                  provider may have moved."
                    .to_owned();
                finding.also = vec![Verdict::ServerMoved];
                finding
            }
            Self::NameServer { .. } | Self::NameTimeout { .. } => {
                let mut finding = at(Stage::Dns, Verdict::DnsFailure);
                if matches!(self, Self::NameTimeout { .. }) {
                    finding.certainty = Certainty::Likely;
                    finding.also = vec![Verdict::Offline];
                }
                finding
            }
            Self::BadName(_) | Self::BadUrl(_) => {
                let mut finding = at(Stage::Dns, Verdict::DomainNotFound);
                finding.meaning = "This is not a host name.".to_owned();
                finding
            }
            Self::Connect { attempts, .. } => {
                connect_finding(attempts, self.is_offline(), |v| at(connect, v))
            }
            Self::Tls { fault, .. } => {
                let mut finding = tls_finding(fault, |v| at(tls, v));
                finding.fingerprint = fault.fingerprint().map(|fingerprint| fingerprint.to_string());
                finding
            }
            Self::Lost { .. } => at(connect, Verdict::ConnectionLost),
            Self::Http { .. } => at(Stage::Discovery, Verdict::ProtocolError),
        }
    }
}

fn connect_finding(attempts: &[Attempt], offline: bool, at: impl Fn(Verdict) -> Finding) -> Finding {
    if offline {
        let mut finding = at(Verdict::Offline);
        finding.certainty = Certainty::Likely;
        finding.also = vec![Verdict::PortBlocked];
        return finding;
    }
    if attempts.iter().any(|a| a.outcome == Outcome::TimedOut) {
        let mut finding = at(Verdict::PortBlocked);
        finding.certainty = Certainty::Likely;
        finding.also = vec![Verdict::ServerMoved, Verdict::AddressBlocked];
        return finding;
    }
    at(Verdict::ConnectionRefused)
}

fn tls_finding(fault: &TlsFault, at: impl Fn(Verdict) -> Finding) -> Finding {
    let likely = |verdict, also: &[Verdict]| {
        let mut finding = at(verdict);
        finding.certainty = Certainty::Likely;
        finding.also = also.to_vec();
        finding
    };
    match fault {
        TlsFault::Name { names, .. } => {
            let mut finding = at(Verdict::CertificateNameMismatch);
            if !names.is_empty() {
                finding.remedy = format!(
                    "Use one of these names as the host, after checking that it is your provider's: {}.",
                    list(names)
                );
            }
            finding
        }
        TlsFault::Expired { .. } => likely(Verdict::CertificateExpired, &[Verdict::ClockWrong]),
        TlsFault::NotYetValid { .. } => likely(Verdict::CertificateNotYetValid, &[Verdict::ClockWrong]),
        TlsFault::UnknownIssuer { issuer, .. } | TlsFault::ChainIncomplete { issuer, .. }
            if INTERCEPTORS.iter().any(|name| issuer.to_lowercase().contains(name)) =>
        {
            at(Verdict::TlsIntercepted)
        }
        TlsFault::UnknownIssuer { .. } => at(Verdict::CertificateUnknownIssuer),
        TlsFault::ChainIncomplete { .. } => {
            likely(Verdict::CertificateChainIncomplete, &[Verdict::CertificateUnknownIssuer])
        }
        TlsFault::SelfSigned { .. } => at(Verdict::CertificateSelfSigned),
        TlsFault::Certificate(_) => likely(Verdict::CertificateUnknownIssuer, &[]),
        TlsFault::NotTls(said) if greets(said) => at(Verdict::TlsOnPlainPort),
        TlsFault::NotTls(_) => at(Verdict::NotAMailServer),
        TlsFault::Version(_) => at(Verdict::TlsVersionUnsupported),
        TlsFault::Eof => {
            let mut finding = likely(Verdict::TlsVersionUnsupported, &[Verdict::ConnectionLost]);
            finding.remedy =
                "Whoever runs the server should make sure that it speaks TLS 1.2 or later. If it does, \
                              something on the way ends the connection: try another network."
                    .to_owned();
            finding
        }
        TlsFault::Silent(_) => {
            likely(Verdict::ConnectionLost, &[Verdict::TlsIntercepted, Verdict::PortBlocked])
        }
        TlsFault::NoRoots(_) => {
            let mut finding = at(Verdict::CertificateUnknownIssuer);
            finding.meaning = "This machine has no list of trusted certificate issuers.".to_owned();
            finding.remedy =
                "Install the system's CA certificates, or name a file with --ca-file.".to_owned();
            finding
        }
        TlsFault::Other(_) => at(Verdict::ProtocolError),
    }
}

/// Whether this is how IMAP, SMTP or POP3 open a conversation in the clear.
fn greets(said: &str) -> bool {
    ["* OK", "* PREAUTH", "* BYE", "220 ", "220-", "+OK", "421 ", "554 "].iter().any(|g| said.starts_with(g))
}
