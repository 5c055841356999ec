//! Beginning a login, and what it means when it fails on our side: the same for reading and for sending.

use crate::error::Error;
use restante_core::Secret;
use restante_core::diagnosis::signature::{Around, advise};
use restante_core::diagnosis::{self, Certainty, Finding, PasswordJudgement, Service, Stage, Verdict};
use restante_core::sasl::{self, Binding, ChannelBinding, ChooseError, Exchange, Mechanism, SaslError};
use restante_core::settings::Settings;

/// Chooses a mechanism and begins its exchange; nothing is sent yet. Without a `channel` to bind to,
/// SCRAM-SHA-256-PLUS counts as not offered.
pub(crate) fn begin(
    service: Service,
    settings: &Settings,
    offered: &[Mechanism],
    protected: bool,
    secret: &Secret,
    channel: Option<ChannelBinding>,
) -> Result<Exchange, Error> {
    let plus = offered.contains(&Mechanism::ScramSha256Plus);
    let offered: Vec<Mechanism> =
        offered.iter().copied().filter(|m| channel.is_some() || *m != Mechanism::ScramSha256Plus).collect();
    let ascii = secret.expose().is_ascii();
    let mechanism = sasl::choose(&offered, &settings.authentication, protected, ascii).map_err(|error| {
        let verdict = match error {
            ChooseError::OnlyOAuth { .. } => Verdict::OauthRequired,
            ChooseError::PasswordNotAscii => Verdict::PasswordNotAscii,
            ChooseError::Cleartext(_) => Verdict::CleartextRefused,
            ChooseError::Unsupported { .. } => Verdict::MechanismUnsupported,
        };
        let mut finding = finding(service, verdict, format!("{}: {error}", settings.host));
        advise(&mut finding, Around { host: &settings.host, greeting: "", username: &settings.username });
        finding
    })?;
    let mut entropy = [0; 24];
    getrandom::fill(&mut entropy).map_err(|e| Error::Configuration(format!("no random numbers: {e}")))?;
    let binding = match channel {
        Some(channel) if mechanism == Mechanism::ScramSha256Plus => Binding::To(channel),
        // RFC 5802, section 6: `y` is for who could bind and sees no offer to.
        Some(_) if !plus => Binding::NotOffered,
        _ => Binding::None,
    };
    Exchange::bound(mechanism, &settings.username, secret, binding, entropy)
        .map_err(|error| failed(service, &settings.host, &error))
}

/// An exchange that was given up here, or that the server refused inside it.
pub(crate) fn failed(service: Service, host: &str, error: &SaslError) -> Error {
    let verdict = match error {
        SaslError::PasswordNotAscii => Verdict::PasswordNotAscii,
        SaslError::Refused(_) => Verdict::CredentialsRefused,
        _ => Verdict::ProtocolError,
    };
    let mut finding = finding(service, verdict, format!("{host}: {error}"));
    if verdict == Verdict::CredentialsRefused {
        finding.certainty = Certainty::CannotTell;
        finding.password = PasswordJudgement::Refused;
    }
    finding.into()
}

/// The same error without the password in it, should the server have repeated what it was sent.
pub(crate) fn without_secret(error: Error, settings: &Settings, secret: &Secret) -> Error {
    match error {
        Error::Finding(mut finding) => {
            finding.evidence = diagnosis::hide(&finding.evidence, &settings.username, secret.expose());
            Error::Finding(finding)
        }
        other => other,
    }
}

fn finding(service: Service, verdict: Verdict, evidence: String) -> Finding {
    let stage = if service == Service::Smtp { Stage::SubmissionLogin } else { Stage::Login };
    Finding::new(stage, service, verdict, evidence)
}
