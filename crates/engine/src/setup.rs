//! From settings that may be right to an account that works.

use crate::error::Error;
use crate::imap::{self, Connection};
use crate::net::Network;
use crate::smtp::Submitter;
use crate::steps::Steps;
use crate::ways;
use restante_core::Secret;
use restante_core::diagnosis::{self, Login, PasswordJudgement, provider};
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
    imap::log_in(&mut connection, &imap, secret, steps).await.map_err(|error| suspicious(error, secret))?;
    imap::log_out(connection).await;
    let Some((mut submitter, smtp)) = submitter else { return Ok(Verified { imap, smtp: None }) };
    submitter.log_in(&smtp, secret, steps).await.map_err(|error| match error {
        Error::Finding(finding) => {
            let provider = provider::of_server(&smtp.host);
            let compared = diagnosis::compare(provider, Login::Accepted, Login::Failed(&finding));
            compared.unwrap_or(*finding).into()
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
) -> Result<(Connection, Settings), Error> {
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

/// A refused password that looks odd is named as such, without a character of it.
fn suspicious(error: Error, secret: &Secret) -> Error {
    let Error::Finding(mut finding) = error else { return error };
    if finding.password == PasswordJudgement::Refused {
        for note in diagnosis::password_notes(secret) {
            finding.evidence.push_str(&format!("; {}", note.evidence));
            finding.also.insert(0, note.verdict);
        }
    }
    Error::Finding(finding)
}
