//! What a command that fails says, and the exit code it ends with.

use super::output::json_line;
use super::wrap::wrapped;
use restante_core::diagnosis::{Finding, Service, Stage, Verdict};
use restante_core::mail::AddressError;
use restante_core::message::clean;
use restante_engine::Error;
use restante_store::StoreError;
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;

/// Why a command ends without having done its work.
#[derive(Debug)]
pub(super) enum Failure {
    /// The engine's or the store's reason.
    Engine(Error),
    /// The command line, or input a person gave, is not usable.
    Usage(String),
    /// Input data is malformed (65).
    Data(String),
    /// There is no such message, part or file (66).
    NotFound(String),
    /// Reading or writing failed (74).
    Io(String),
    /// Done only when asked for more explicitly (1).
    Refused(String),
    /// Worth another try in a moment (75).
    Later(String),
    /// A negative answer that was already given (1).
    Negative,
    /// Something is left to do later (75), and it was already said.
    Queued,
    /// It was already said; the exit code.
    Said(u8),
}

impl Failure {
    /// What was typed is no address.
    pub(super) fn address(error: AddressError) -> Self {
        let verdict = Verdict::AddressInvalid;
        Error::from(Finding::new(Stage::Address, Service::Discovery, verdict, error.to_string())).into()
    }

    /// Says what is wrong on standard error and gives the exit code.
    pub(super) fn report(&self, json: bool) -> ExitCode {
        let code = self.exit_code();
        let Some(text) = self.text() else { return ExitCode::from(code) };
        let mut stderr = std::io::stderr().lock();
        // Nobody may be reading any more; the exit code still tells.
        let _ = if json {
            // Plain values always have a JSON form.
            let line = json_line(&json!({ "error": self.json(&text) })).unwrap_or_default();
            writeln!(stderr, "{line}")
        } else {
            writeln!(stderr, "restante: {}", wrapped(&clean(&text), std::io::stderr()))
        };
        ExitCode::from(code)
    }

    /// The exit code it ends with.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Engine(error) => error.exit_code(),
            Self::Usage(_) => 64,
            Self::Data(_) => 65,
            Self::NotFound(_) => 66,
            Self::Io(_) => 74,
            Self::Refused(_) | Self::Negative => 1,
            Self::Queued | Self::Later(_) => 75,
            Self::Said(code) => *code,
        }
    }

    /// What a person reads.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Engine(error) => Some(error.to_string()),
            Self::Usage(text)
            | Self::Data(text)
            | Self::NotFound(text)
            | Self::Io(text)
            | Self::Refused(text)
            | Self::Later(text) => Some(text.clone()),
            Self::Negative | Self::Queued | Self::Said(_) => None,
        }
    }

    fn json(&self, text: &str) -> Value {
        if let Self::Engine(Error::Finding(finding)) = self {
            return json!(finding);
        }
        let verdict = match self {
            Self::Engine(Error::Store(_) | Error::File { .. }) | Self::Io(_) => "input-output",
            Self::Engine(Error::NoAccount(_)) => "no-account",
            Self::Engine(Error::Secret { .. }) => "no-password",
            Self::Engine(_) => "configuration",
            Self::Data(_) => "bad-data",
            Self::NotFound(_) => "not-found",
            Self::Refused(_) => "refused",
            Self::Later(_) => "temporary-failure",
            Self::Usage(_) | Self::Negative | Self::Queued | Self::Said(_) => "usage",
        };
        json!({
            "verdict": verdict, "stage": null, "certainty": "certain", "password": "not-judged",
            "evidence": text, "remedy": "", "link": null,
        })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.to_string())
    }
}
