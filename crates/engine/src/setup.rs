//! From settings that may be right to an account that works.

use crate::error::Error;
use crate::imap::{self, Connection};
use crate::net::{Network, Pipe};
use crate::smtp::Submitter;
use crate::steps::Steps;
use crate::ways;
use restante_core::Secret;
use restante_core::diagnosis::{Finding, PasswordJudgement, Service, Verdict};
use restante_core::mail::Address;
use restante_core::settings::Settings;

/// Services that passed: opened, logged in, and for sending the sender accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Reading.
    pub imap: Settings,
    /// Sending; `None` when there was nothing to try.
    pub smtp: Option<Settings>,
}

/// Proves that an account works: reading first, then sending, nothing sent.
///
/// Of several services the first is used that answers, is protected and is a mail server: that much is
/// found out before any password goes out. The password then goes to that one service, once.
///
/// # Errors
/// The finding that stopped it. After IMAP refused the password, submission is not asked: the same
/// password would only count as a second attempt.
pub async fn verify(
    network: &Network,
    incoming: &[Settings],
    outgoing: &[Settings],
    address: &Address,
    secret: &Secret,
    steps: &mut Steps<'_>,
) -> Result<Verified, Error> {
    let (mut connection, imap) = first_imap(network, incoming, steps).await?;
    let submitter =
        if outgoing.is_empty() { None } else { Some(first_smtp(network, outgoing, steps).await?) };
    imap::log_in(&mut connection, &imap, secret, steps).await?;
    imap::log_out(connection).await;
    let Some((mut submitter, smtp)) = submitter else { return Ok(Verified { imap, smtp: None }) };
    submitter.log_in(&smtp, secret, steps).await.map_err(|error| match error {
        Error::Finding(finding) if finding.verdict == Verdict::CredentialsRefused => {
            compared(*finding).into()
        }
        other => other,
    })?;
    submitter.probe(&address.to_string(), steps).await?;
    submitter.quit().await;
    Ok(Verified { imap, smtp: Some(smtp) })
}

async fn first_imap(
    network: &Network,
    services: &[Settings],
    steps: &mut Steps<'_>,
) -> Result<(Connection<Pipe>, Settings), Error> {
    let mut first = None;
    for settings in services {
        match ways::open_imap(network, settings, steps).await {
            Ok(opened) => return Ok(opened),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or_else(|| Error::Configuration("there is no IMAP server to try".to_owned())))
}

async fn first_smtp(
    network: &Network,
    services: &[Settings],
    steps: &mut Steps<'_>,
) -> Result<(Submitter, Settings), Error> {
    let mut first = None;
    for settings in services {
        match ways::open_smtp(network, settings, EHLO, steps).await {
            Ok(opened) => return Ok(opened),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or_else(|| Error::Configuration("there is no submission server to try".to_owned())))
}

/// How this machine names itself: an address literal tells nobody the person's host name
/// (RFC 5321, section 4.1.3).
pub(crate) const EHLO: &str = "[127.0.0.1]";

/// IMAP took this password a moment ago: what submission refuses is not the password itself.
pub(crate) fn compared(finding: Finding) -> Finding {
    let evidence = format!("{} (IMAP accepted the same password)", finding.evidence);
    let mut compared = Finding::new(finding.stage, Service::Smtp, Verdict::SubmissionLoginRefused, evidence);
    compared.password = PasswordJudgement::Accepted;
    compared.also = finding.also;
    compared
}
