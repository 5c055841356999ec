//! What is wrong, how sure that is, and what to do about it.

mod compare;
mod hide;
mod password;
pub mod provider;
mod referral;
pub mod signature;
mod verdict;

pub use compare::{Login, compare};
pub use hide::{conceal, hide};
pub use password::{password_notes, ungrouped};
pub use referral::{Referral, referral};
pub use verdict::Verdict;

use serde::Serialize;
use std::fmt;

/// How far things got when a fact was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Reading the address itself.
    Address,
    /// Looking for settings.
    Discovery,
    /// Resolving a host name.
    Dns,
    /// Opening the TCP connection.
    Connect,
    /// The TLS handshake and the certificate.
    Tls,
    /// The server's first line.
    Greeting,
    /// What the server says it can do.
    Capability,
    /// Authentication.
    Login,
    /// Listing, selecting and reading mailboxes.
    Mailbox,
    /// Opening the connection to the submission service.
    SubmissionConnect,
    /// TLS with the submission service.
    SubmissionTls,
    /// Authentication with the submission service.
    SubmissionLogin,
    /// Being allowed to send from the address, or the message being taken.
    Sender,
}

impl Stage {
    /// The stable code, as `submission-login`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Discovery => "discovery",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Greeting => "greeting",
            Self::Capability => "capability",
            Self::Login => "login",
            Self::Mailbox => "mailbox",
            Self::SubmissionConnect => "submission-connect",
            Self::SubmissionTls => "submission-tls",
            Self::SubmissionLogin => "submission-login",
            Self::Sender => "sender",
        }
    }
}

/// Which side a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Reading mail.
    Imap,
    /// Sending mail.
    Smtp,
    /// Finding settings.
    Discovery,
}

/// How sure a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// The evidence allows one cause.
    Certain,
    /// The best of several; the others are in [`Finding::also`].
    Likely,
    /// The server does not say.
    CannotTell,
}

impl Certainty {
    /// The stable code, as `cannot-tell`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::CannotTell => "cannot-tell",
        }
    }
}

/// Whether the server judged the password. `NotJudged` is what saves a person from retyping a right
/// password until the account is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PasswordJudgement {
    /// It was taken.
    Accepted,
    /// It was refused.
    Refused,
    /// Nobody looked at it.
    NotJudged,
}

/// One diagnosed fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How far things got.
    pub stage: Stage,
    /// Which side it is about.
    pub service: Service,
    /// What it is; the codes are stable.
    pub verdict: Verdict,
    /// How sure.
    pub certainty: Certainty,
    /// Whether the password was judged.
    pub password: PasswordJudgement,
    /// The server's own line, verbatim, or the fact seen. Never a secret.
    pub evidence: String,
    /// What that means, in one sentence.
    pub meaning: String,
    /// What to do, in one or two sentences.
    pub remedy: String,
    /// A page to open, when the provider or the server gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The certificate that was shown and not accepted, as `--pin` takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Other causes the evidence allows.
    pub also: Vec<Verdict>,
}

impl Finding {
    /// A certain finding in the catalogue's own words; the fields that differ are set on the result.
    #[must_use]
    pub fn new(stage: Stage, service: Service, verdict: Verdict, evidence: impl Into<String>) -> Self {
        Self {
            stage,
            service,
            verdict,
            certainty: Certainty::Certain,
            password: PasswordJudgement::NotJudged,
            evidence: evidence.into(),
            meaning: verdict.meaning().to_owned(),
            remedy: verdict.remedy().to_owned(),
            link: None,
            fingerprint: None,
            also: Vec::new(),
        }
    }
}

impl fmt::Display for Finding {
    /// A few lines: what it means, what was seen, what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.meaning, self.verdict.code())?;
        if !self.evidence.is_empty() {
            write!(f, "\n  seen: {}", self.evidence)?;
        }
        if let Some(fingerprint) = &self.fingerprint {
            write!(f, "\n  cert: {fingerprint}")?;
        }
        if !self.remedy.is_empty() {
            write!(f, "\n  do:   {}", self.remedy)?;
        }
        if let Some(link) = &self.link {
            write!(f, "\n  see:  {link}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_json() {
        for stage in [
            Stage::Address,
            Stage::Discovery,
            Stage::Dns,
            Stage::Connect,
            Stage::Tls,
            Stage::Greeting,
            Stage::Capability,
            Stage::Login,
            Stage::Mailbox,
            Stage::SubmissionConnect,
            Stage::SubmissionTls,
            Stage::SubmissionLogin,
            Stage::Sender,
        ] {
            assert_eq!(serde_json::to_value(stage).unwrap(), stage.code());
        }
        for certainty in [Certainty::Certain, Certainty::Likely, Certainty::CannotTell] {
            assert_eq!(serde_json::to_value(certainty).unwrap(), certainty.code());
        }
    }
}
