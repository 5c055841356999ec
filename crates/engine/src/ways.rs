//! The way to a server: as the settings say, else as the port really speaks; and what is in the way.

use crate::error::Error;
use crate::imap::{self, Connection};
use crate::net::{NetError, Network, TlsFault};
use crate::smtp::Submitter;
use crate::steps::Steps;
use restante_core::diagnosis::{Certainty, Finding, Service, Stage, Verdict};
use restante_core::settings::{Protocol, Security, Settings};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// A server that should speak first and has not spoken for so long may be waiting for TLS.
const SILENCE: Duration = Duration::from_secs(3);
/// How long a neighbouring port may take to answer.
const NEIGHBOUR: Duration = Duration::from_secs(3);

/// Opens a connection for reading, with STARTTLS in place of TLS or the other way round when that is what
/// the port speaks: noted, and in the settings that are given back.
pub(crate) async fn open_imap(
    network: &Network,
    settings: &Settings,
    steps: &mut Steps<'_>,
) -> Result<(Connection, Settings), Error> {
    let error = match imap::open(network, settings, steps).await {
        Ok(connection) => return Ok((connection, settings.clone())),
        Err(error) => error,
    };
    let Some((switched, note)) = switched(settings, &error) else {
        return Err(explained(network, settings, error).await);
    };
    let connection = imap::open(network, &switched, steps).await?;
    steps.note(note);
    Ok((connection, switched))
}

/// As [`open_imap`], for sending.
pub(crate) async fn open_smtp(
    network: &Network,
    settings: &Settings,
    name: &str,
    steps: &mut Steps<'_>,
) -> Result<(Submitter, Settings), Error> {
    let error = match Submitter::open(network, settings, name, steps).await {
        Ok(submitter) => return Ok((submitter, settings.clone())),
        Err(error) => error,
    };
    let Some((switched, note)) = switched(settings, &error) else {
        return Err(explained(network, settings, error).await);
    };
    let submitter = Submitter::open(network, &switched, name, steps).await?;
    steps.note(note);
    Ok((submitter, switched))
}

/// Ends when the port has shown that it speaks TLS from the first byte, and never when it has not. It asks
/// only after some silence: a server that greets in the clear is not asked at all.
pub(crate) async fn speaks_tls(network: &Network, host: &str, port: u16) {
    sleep(SILENCE).await;
    let spoke = match network.connect_tls(host, port).await {
        Ok(_) => true,
        Err(NetError::Tls { fault, .. }) => !matches!(
            *fault,
            TlsFault::NotTls(_)
                | TlsFault::Eof
                | TlsFault::Silent(_)
                | TlsFault::NoRoots(_)
                | TlsFault::Other(_)
        ),
        Err(_) => false,
    };
    if !spoke {
        std::future::pending::<()>().await;
    }
}

/// What [`speaks_tls`] means where STARTTLS was expected.
pub(crate) fn plain_on_tls_port(settings: &Settings, service: Service) -> Error {
    let stage = if service == Service::Smtp { Stage::SubmissionConnect } else { Stage::Greeting };
    let evidence = format!(
        "{} port {} said nothing for {} s, and answers a TLS handshake",
        settings.host,
        settings.port,
        SILENCE.as_secs()
    );
    Finding::new(stage, service, Verdict::PlainOnTlsPort, evidence).into()
}

/// Whether any of a host's addresses takes a connection on a port, within three seconds.
pub(crate) async fn answers(network: &Network, host: &str, port: u16) -> bool {
    matches!(timeout(NEIGHBOUR, network.connect(host, port)).await, Ok(Ok(_)))
}

/// The settings that fit what the port speaks, and a note about it.
fn switched(settings: &Settings, error: &Error) -> Option<(Settings, Finding)> {
    let finding = error.finding()?;
    let security = match (finding.verdict, settings.security) {
        (Verdict::TlsOnPlainPort, Security::Tls) => Security::StartTls,
        (Verdict::PlainOnTlsPort, Security::StartTls) => Security::Tls,
        _ => return None,
    };
    let switched = Settings { security, ..settings.clone() };
    let mut note = finding.clone();
    note.remedy = format!("Nothing to do: {switched} is used in place of {settings}.");
    Some((switched, note))
}

/// Looks around at the host when a port does not answer, or not safely, so that a person learns more than
/// that. Connections are opened and closed; nothing is said in them.
async fn explained(network: &Network, settings: &Settings, error: Error) -> Error {
    let Error::Finding(mut finding) = error else { return error };
    match finding.verdict {
        Verdict::ConnectionRefused | Verdict::PortBlocked => {}
        Verdict::StarttlsNotOffered if settings.security == Security::StartTls => {
            let port = if settings.protocol == Protocol::Smtp { 465 } else { 993 };
            let refused = "Refused, because a fault cannot be told from an attack.";
            if port == settings.port {
                return Error::Finding(finding);
            }
            if network.connect_tls(&settings.host, port).await.is_ok() {
                let other = Settings { port, security: Security::Tls, ..settings.clone() };
                finding.remedy = format!(
                    "{refused} Port {port} of this host speaks TLS from the first byte: use {} {other}.",
                    option(settings.protocol)
                );
            } else {
                finding.remedy = format!(
                    "{refused} Port {port} of this host has no TLS that can be trusted either: ask the provider \
                     for a server with encryption."
                );
            }
            return Error::Finding(finding);
        }
        Verdict::TlsOnPlainPort if settings.security == Security::StartTls => {
            // The server had agreed to TLS, and what came was none.
            let Finding { stage, service, evidence, .. } = *finding;
            let mut stripped = Finding::new(stage, service, Verdict::StarttlsStripped, evidence);
            stripped.certainty = Certainty::Likely;
            stripped.also = vec![Verdict::StarttlsNotOffered];
            return stripped.into();
        }
        _ => return Error::Finding(finding),
    }
    let open = neighbours(network, settings).await;
    let usable = open.iter().find_map(|port| alternative(settings, *port));
    if finding.verdict == Verdict::PortBlocked && open.is_empty() {
        finding.meaning = "The server does not answer at all.".to_owned();
        finding.remedy =
            "Try again later, or from another network; the provider may also have moved.".to_owned();
        return Error::Finding(finding);
    }
    if open.is_empty() {
        finding.evidence.push_str("; no other mail port of this host answers either");
        return Error::Finding(finding);
    }
    let shown: Vec<String> = open.iter().map(u16::to_string).collect();
    finding.evidence.push_str(&format!("; of the other ports, {} of this host answers", shown.join(" and ")));
    if finding.verdict == Verdict::PortBlocked {
        finding.certainty = Certainty::Likely;
        finding.also = vec![Verdict::AddressBlocked];
    }
    let port = settings.port;
    let try_other = usable.map(|other| format!("{} {other}", option(settings.protocol)));
    finding.remedy = match (finding.verdict, try_other) {
        (Verdict::PortBlocked, Some(other)) => {
            format!(
                "This network, or the server's firewall, blocks port {port}. Try {other}, or another network."
            )
        }
        (Verdict::PortBlocked, None) => {
            format!("This network, or the server's firewall, blocks port {port}. Try another network.")
        }
        (_, Some(other)) => format!("Try {other}."),
        // What answers is the web's port.
        (_, None) => {
            "This host has a web server and no mail server. Ask the provider for the name of its mail \
                      server, or try again later if this one used to work."
                .to_owned()
        }
    };
    Error::Finding(finding)
}

fn option(protocol: Protocol) -> &'static str {
    if protocol == Protocol::Smtp { "--smtp" } else { "--imap" }
}

/// The same service on another of its well-known ports.
fn alternative(settings: &Settings, port: u16) -> Option<Settings> {
    let security = match (settings.protocol, port) {
        (Protocol::Imap, 993) | (Protocol::Smtp, 465) => Security::Tls,
        (Protocol::Imap, 143) | (Protocol::Smtp, 587) => Security::StartTls,
        _ => return None,
    };
    Some(Settings { port, security, ..settings.clone() })
}

/// Which other ports of the host answer: those of the same service, and that of the web.
async fn neighbours(network: &Network, settings: &Settings) -> Vec<u16> {
    let ports: [u16; 3] = if settings.protocol == Protocol::Smtp { [587, 465, 443] } else { [993, 143, 443] };
    let mut asked = JoinSet::new();
    for port in ports.into_iter().filter(|port| *port != settings.port) {
        let (network, host) = (network.clone(), settings.host.clone());
        asked.spawn(async move { answers(&network, &host, port).await.then_some(port) });
    }
    let mut open: Vec<u16> = asked.join_all().await.into_iter().flatten().collect();
    open.sort_by_key(|port| ports.iter().position(|known| known == port));
    open
}
