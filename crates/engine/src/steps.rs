//! What was done, step by step, for a checklist that people watch while it grows.

use crate::error::Error;
use restante_core::diagnosis::{Finding, Service, Stage};
use serde::Serialize;
use std::time::Instant;

/// One step and what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Which stage.
    pub stage: Stage,
    /// Of which side.
    pub service: Service,
    /// Whether it went well.
    pub ok: bool,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// What was seen, in a few words.
    pub detail: String,
}

/// How often a password was put before a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Attempts {
    /// The IMAP service.
    pub imap: u32,
    /// The submission service.
    pub smtp: u32,
}

/// The steps of one task so far, and the notes made on the way.
pub struct Steps<'a> {
    steps: Vec<Step>,
    attempts: Attempts,
    notes: Vec<Finding>,
    watch: Box<dyn FnMut(&Step) + 'a>,
}

impl<'a> Steps<'a> {
    /// An empty list; `watch` sees each step as it ends.
    pub fn new(watch: impl FnMut(&Step) + 'a) -> Self {
        Self { steps: Vec::new(), attempts: Attempts::default(), notes: Vec::new(), watch: Box::new(watch) }
    }

    /// Steps that nobody watches.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    /// All steps, in order.
    #[must_use]
    pub fn all(&self) -> &[Step] {
        &self.steps
    }

    /// How often a password was sent.
    #[must_use]
    pub fn attempts(&self) -> Attempts {
        self.attempts
    }

    /// Counts passwords sent to a service.
    pub fn attempted(&mut self, service: Service, times: u32) {
        match service {
            Service::Smtp => self.attempts.smtp += times,
            Service::Imap | Service::Discovery => self.attempts.imap += times,
        }
    }

    /// Findings that stopped nothing.
    #[must_use]
    pub fn notes(&self) -> &[Finding] {
        &self.notes
    }

    /// Keeps a finding that stopped nothing.
    pub fn note(&mut self, finding: Finding) {
        self.notes.push(finding);
    }

    /// Takes over what was done beside, as if it had been done now.
    pub fn adopt(&mut self, beside: Steps<'_>) {
        for step in beside.steps {
            (self.watch)(&step);
            self.steps.push(step);
        }
        self.notes.extend(beside.notes);
        self.attempts.imap += beside.attempts.imap;
        self.attempts.smtp += beside.attempts.smtp;
    }

    /// Does one step: awaits `work`, which gives a result and its detail.
    ///
    /// # Errors
    /// Those of `work`, after the step was recorded as failed.
    pub async fn run<T>(
        &mut self,
        stage: Stage,
        service: Service,
        work: impl Future<Output = Result<(T, String), Error>>,
    ) -> Result<T, Error> {
        let begun = Instant::now();
        let result = work.await;
        let (ok, detail) = match &result {
            Ok((_, detail)) => (true, detail.clone()),
            Err(Error::Finding(finding)) => (false, finding.evidence.clone()),
            Err(error) => (false, error.to_string()),
        };
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let step = Step { stage, service, ok, ms, detail };
        (self.watch)(&step);
        self.steps.push(step);
        result.map(|(value, _)| value)
    }
}
