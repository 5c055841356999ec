//! What can stop a task.

use restante_core::diagnosis::{Certainty, Finding, Service, Stage, Verdict};
use restante_store::StoreError;
use std::path::PathBuf;

/// Why a task could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A diagnosed fact about an account, a server or the network.
    #[error("{0}")]
    Finding(Box<Finding>),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of restante's own cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The configuration, or something a person gave, is not usable; the text says what and where.
    #[error("{0}")]
    Configuration(String),
    /// There is no account of this name.
    #[error("there is no account `{0}`")]
    NoAccount(String),
    /// The password cannot be had: its command failed, or its file is gone.
    #[error("the password of `{account}` is not to be had: {why}")]
    Secret {
        /// The account.
        account: String,
        /// What failed.
        why: String,
    },
}

impl Error {
    /// The exit code (sysexits) of a command that ends with this.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Finding(finding) => finding.verdict.exit_code(),
            Self::Store(StoreError::Locked { .. } | StoreError::UnderWay) => 75,
            Self::Store(_) | Self::File { .. } => 74,
            Self::Configuration(_) | Self::Secret { .. } => 78,
            Self::NoAccount(_) => 67,
        }
    }

    /// The finding, when it is one.
    #[must_use]
    pub fn finding(&self) -> Option<&Finding> {
        match self {
            Self::Finding(finding) => Some(finding),
            _ => None,
        }
    }
}

impl From<Finding> for Error {
    fn from(finding: Finding) -> Self {
        Self::Finding(Box::new(finding))
    }
}

/// The other end is there and says nothing.
pub(crate) fn silent(stage: Stage, service: Service, evidence: String) -> Error {
    let mut finding = Finding::new(stage, service, Verdict::ConnectionLost, evidence);
    finding.certainty = Certainty::Likely;
    finding.meaning = "The server did not answer in time.".to_owned();
    finding.also = vec![Verdict::TemporaryFailure, Verdict::PlainOnTlsPort];
    finding.into()
}

/// The connection ended or went silent.
pub(crate) fn lost(stage: Stage, service: Service, evidence: String) -> Error {
    Finding::new(stage, service, Verdict::ConnectionLost, evidence).into()
}
