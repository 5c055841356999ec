//! Submission at work: a pipe and the [`Session`] that says what goes through it.

use crate::error::{Error, lost, silent};
use crate::net::{Network, Pipe};
use crate::sasl as login;
use crate::steps::Steps;
use crate::transcript::Tape;
use restante_core::Secret;
use restante_core::diagnosis::signature::{Around, smtp_refusal};
use restante_core::diagnosis::{Finding, Service, Stage, Verdict};
use restante_core::settings::{Security, Settings};
use restante_core::smtp::{Envelope, EnvelopeError, Event, Outcome, Protection, Reply, Session, SmtpError};
use std::cell::Cell;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// Octets of the message given out at once.
const PIECE: usize = 64 * 1024;

/// A connection to a submission service.
pub struct Submitter {
    pipe: Pipe,
    session: Session,
    host: String,
    greeting: String,
    /// Empty until a login is tried.
    username: String,
    buffer: Vec<u8>,
    tape: Option<Tape>,
    /// The connection was given up because nothing came.
    silent: bool,
}

impl Submitter {
    /// Connects and protects: everything that comes before a password. `name` is this machine for EHLO.
    ///
    /// # Errors
    /// A finding that names the stage.
    pub async fn open(
        network: &Network,
        settings: &Settings,
        name: &str,
        steps: &mut Steps<'_>,
    ) -> Result<Self, Error> {
        let host = settings.host.clone();
        let opened = steps
            .run(Stage::SubmissionConnect, Service::Smtp, async {
                let opened =
                    network.open(&host, settings.port).await.map_err(|e| e.finding(Service::Smtp))?;
                let detail = format!("{host}:{} at {}", settings.port, opened.address);
                Ok((opened, detail))
            })
            .await?;
        if let Some(note) = opened.note(Service::Smtp) {
            steps.note(note);
        }
        let plain = Pipe::Plain(opened.stream);
        let submitter = |pipe, protection| Self {
            pipe,
            session: Session::new(name, protection),
            host: host.clone(),
            greeting: String::new(),
            username: String::new(),
            buffer: vec![0; 16 * 1024],
            tape: network.tape(settings),
            silent: false,
        };
        if settings.security == Security::Tls {
            let pipe = protect(network, &host, plain, steps).await?;
            let mut submitter = submitter(pipe, Protection::Established);
            submitter.ready().await?;
            return Ok(submitter);
        }
        let mut submitter = submitter(plain, Protection::StartTls);
        let waits = crate::ways::speaks_tls(network, &host, settings.port);
        tokio::select! {
            readied = submitter.until_tls_is_due() => readied?,
            () = waits => return Err(crate::ways::plain_on_tls_port(settings, Service::Smtp)),
        }
        let Self { pipe, session, host, greeting, username, buffer, tape, silent } = submitter;
        let pipe = protect(network, &host, pipe, steps).await?;
        if let Some(tape) = &tape {
            tape.tls();
        }
        let mut submitter = Self { pipe, session, host, greeting, username, buffer, tape, silent };
        if submitter.session.tls_established().is_err() {
            return Err(submitter.fault("TLS was not due"));
        }
        submitter.ready().await?;
        Ok(submitter)
    }

    /// Logs in: one attempt.
    ///
    /// # Errors
    /// A finding that says whether the password was judged.
    pub async fn log_in(
        &mut self,
        settings: &Settings,
        secret: &Secret,
        steps: &mut Steps<'_>,
    ) -> Result<(), Error> {
        let sent = Cell::new(0);
        let done = steps
            .run(Stage::SubmissionLogin, Service::Smtp, async {
                let how = self
                    .authenticate(settings, secret, &sent)
                    .await
                    .map_err(|error| login::without_secret(error, settings, secret))?;
                Ok(((), format!("{} with {how}", settings.username)))
            })
            .await;
        steps.attempted(Service::Smtp, sent.get());
        done
    }

    /// Checks that `address` may send; sends nothing.
    ///
    /// # Errors
    /// A finding with the server's words.
    pub async fn probe(&mut self, address: &str, steps: &mut Steps<'_>) -> Result<(), Error> {
        steps
            .run(Stage::Sender, Service::Smtp, async {
                self.session.probe(address).map_err(|error| self.refused_here(&error))?;
                let outcome = self.finished().await?;
                let said =
                    outcome.sender.iter().chain(outcome.recipients.iter().filter_map(|r| r.reply.as_ref()));
                for reply in said {
                    if !reply.is_success() {
                        return Err(self.refusal(Stage::Sender, reply));
                    }
                }
                Ok(((), format!("{address} may send (nothing was sent)")))
            })
            .await
    }

    /// Sends a message. `at_commit` is awaited when all but the final dot was written: it must write
    /// down that from now on the server may have the message.
    ///
    /// # Errors
    /// When the message cannot go at all. What the server says of it is in the [`Outcome`], also when
    /// the connection breaks on the way.
    pub async fn send<F>(
        &mut self,
        envelope: &Envelope,
        content: &[u8],
        at_commit: impl FnOnce() -> F,
    ) -> Result<Outcome, Error>
    where
        F: Future<Output = Result<(), Error>>,
    {
        self.session.send(envelope).map_err(|error| self.refused_here(&error))?;
        let mut at_commit = Some(at_commit);
        loop {
            match self.next().await {
                Event::SendBody => self.body(content).await,
                Event::CommitPoint => {
                    if let Some(at_commit) = at_commit.take() {
                        at_commit().await?;
                    }
                    if self.session.commit().is_err() {
                        return Err(self.fault("the final dot was not due"));
                    }
                }
                Event::Finished(outcome) => return Ok(outcome),
                Event::Failed(error) => return Err(self.failed(&error)),
                _ => {}
            }
        }
    }

    /// Says goodbye, and waits two seconds at most for the answer to it.
    pub async fn quit(mut self) {
        if self.session.quit().is_ok() {
            // Nothing depends on the answer.
            let _ = timeout(Duration::from_secs(2), self.next()).await;
        }
    }

    /// The refusal in a reply, as a finding.
    #[must_use]
    pub fn refusal(&self, stage: Stage, reply: &Reply) -> Error {
        let enhanced = reply.enhanced.map(|(class, subject, detail)| format!("{class}.{subject}.{detail}"));
        let line = reply.one_line();
        let around = Around { host: &self.host, greeting: &self.greeting, username: &self.username };
        let mut finding = smtp_refusal(around, stage, reply.code, enhanced.as_deref(), &line);
        finding.evidence = format!("{} answered: {}", self.host, finding.evidence);
        finding.into()
    }

    async fn body(&mut self, content: &[u8]) {
        for piece in content.chunks(PIECE) {
            if self.session.body(piece).is_err() || !self.flush().await {
                return;
            }
        }
        // Refused pieces mean that the session has failed, which its next event tells.
        let _ = self.session.end_body();
    }

    /// One attempt, unless the server does not know the mechanism that it offered (504): then the password
    /// was not looked at, and the next mechanism is tried.
    async fn authenticate(
        &mut self,
        settings: &Settings,
        secret: &Secret,
        sent: &Cell<u32>,
    ) -> Result<String, Error> {
        self.username.clone_from(&settings.username);
        let extensions = self.session.extensions();
        if extensions.auth.is_none() {
            let evidence = format!("{} lists no AUTH after EHLO", self.host);
            return Err(self.finding(Stage::SubmissionLogin, Verdict::SubmissionAuthNotOffered, evidence));
        }
        let mut offered = extensions.mechanisms();
        let mut refused = None;
        loop {
            // Not bound to the channel: after a refusal here nobody could tell whether the binding was the
            // reason.
            let begun = login::begin(Service::Smtp, settings, &offered, self.pipe.is_tls(), secret, None);
            let exchange = match (begun, refused.take()) {
                (Ok(exchange), _) => exchange,
                (Err(_), Some(refused)) => return Err(refused),
                (Err(error), None) => return Err(error),
            };
            let mechanism = exchange.mechanism();
            if self.session.authenticate(exchange).is_err() {
                return Err(self.fault("the login was not due"));
            }
            sent.set(sent.get() + 1);
            match self.next().await {
                Event::Authenticated(_) => return Ok(mechanism.name().to_owned()),
                Event::Refused { reply, .. } if reply.code == 504 => {
                    refused = Some(self.refusal(Stage::SubmissionLogin, &reply));
                    offered.retain(|other| *other != mechanism);
                }
                Event::AuthenticationFailed(error) => {
                    return Err(login::failed(Service::Smtp, &self.host, &error));
                }
                Event::Refused { reply, .. } => return Err(self.refusal(Stage::SubmissionLogin, &reply)),
                Event::Failed(error) => return Err(self.failed(&error)),
                other => return Err(self.unexpected(Stage::SubmissionLogin, &other)),
            }
        }
    }

    async fn until_tls_is_due(&mut self) -> Result<(), Error> {
        loop {
            match self.event().await? {
                Event::NeedTls => return Ok(()),
                Event::Greeting(reply) => self.greeting = reply.one_line(),
                other => return Err(self.unexpected(Stage::SubmissionTls, &other)),
            }
        }
    }

    async fn ready(&mut self) -> Result<(), Error> {
        loop {
            match self.event().await? {
                Event::Ready(_) => return Ok(()),
                Event::Greeting(reply) => self.greeting = reply.one_line(),
                other => return Err(self.unexpected(Stage::SubmissionConnect, &other)),
            }
        }
    }

    async fn finished(&mut self) -> Result<Outcome, Error> {
        loop {
            match self.event().await? {
                Event::Finished(outcome) => return Ok(outcome),
                Event::Failed(error) => return Err(self.failed(&error)),
                _ => {}
            }
        }
    }

    /// The next event, with refusals and failures as errors.
    async fn event(&mut self) -> Result<Event, Error> {
        match self.next().await {
            Event::Refused { stage, reply, .. } if reply.code / 100 >= 4 => {
                let stage = match stage {
                    restante_core::smtp::Stage::StartTls => Stage::SubmissionTls,
                    _ => Stage::SubmissionConnect,
                };
                Err(self.refusal(stage, &reply))
            }
            Event::Failed(error) => Err(self.failed(&error)),
            event => Ok(event),
        }
    }

    /// Writes and reads until something happens. A broken connection is an event too.
    async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.session.poll_event() {
                return event;
            }
            if !self.flush().await {
                continue;
            }
            match timeout(self.patience(), self.pipe.read(&mut self.buffer)).await {
                Ok(Ok(count)) if count > 0 => {
                    if let Some(tape) = &mut self.tape {
                        tape.received(self.buffer.get(..count).unwrap_or_default());
                    }
                    self.session.handle_input(self.buffer.get(..count).unwrap_or_default());
                }
                Ok(_) => self.session.handle_close(),
                Err(_) => {
                    self.silent = true;
                    self.session.handle_close();
                }
            }
        }
    }

    /// What RFC 5321, section 4.5.3.2 asks for, but half a minute at most before the login: no message is
    /// under way then, and a person may be waiting.
    fn patience(&self) -> Duration {
        use restante_core::smtp::Stage as At;
        let patience = self.session.patience();
        match self.session.stage() {
            At::Greeting | At::Ehlo | At::StartTls => patience.min(Duration::from_secs(30)),
            _ => patience,
        }
    }

    /// Writes all that waits; false when the connection is gone, which the session then knows.
    async fn flush(&mut self) -> bool {
        while let Some(bytes) = self.session.poll_output() {
            let patience = self.session.patience();
            if let Some(tape) = &mut self.tape {
                tape.sent(&bytes);
            }
            let work = async {
                self.pipe.write_all(&bytes).await?;
                self.pipe.flush().await
            };
            if !matches!(timeout(patience, work).await, Ok(Ok(()))) {
                self.session.handle_close();
                return false;
            }
        }
        true
    }

    fn finding(&self, stage: Stage, verdict: Verdict, evidence: String) -> Error {
        Finding::new(stage, Service::Smtp, verdict, evidence).into()
    }

    fn failed(&self, error: &SmtpError) -> Error {
        let evidence = format!("{}: {error}", self.host);
        let stage = match (error, self.session.stage()) {
            // The session is over by now and has forgotten.
            (SmtpError::StartTlsNotOffered | SmtpError::StartTlsStripped, _)
            | (_, restante_core::smtp::Stage::StartTls) => Stage::SubmissionTls,
            (_, restante_core::smtp::Stage::Auth) => Stage::SubmissionLogin,
            _ => Stage::SubmissionConnect,
        };
        let verdict = match error {
            SmtpError::Reply(_) => Verdict::NotAMailServer,
            SmtpError::StartTlsNotOffered => Verdict::StarttlsNotOffered,
            SmtpError::StartTlsStripped => Verdict::StarttlsStripped,
            SmtpError::Closing(_) => Verdict::GreetingRefused,
            SmtpError::Lost { .. } | SmtpError::Interrupted(_) if self.silent => {
                return silent(stage, Service::Smtp, format!("{} was silent", self.host));
            }
            SmtpError::Lost { .. } | SmtpError::Interrupted(_) => {
                return lost(stage, Service::Smtp, evidence);
            }
            SmtpError::Unexpected(_) | SmtpError::Sasl(_) => Verdict::ProtocolError,
        };
        self.finding(stage, verdict, evidence)
    }

    fn refused_here(&self, error: &EnvelopeError) -> Error {
        let verdict = match error {
            EnvelopeError::TooLarge { .. } => Verdict::MessageTooLarge,
            EnvelopeError::Address(_) | EnvelopeError::NoRecipients => Verdict::AddressInvalid,
            EnvelopeError::EightBit | EnvelopeError::Utf8 => Verdict::MessageNotTaken,
            EnvelopeError::NotNow => Verdict::ProtocolError,
        };
        self.finding(Stage::Sender, verdict, format!("{}: {error}", self.host))
    }

    fn unexpected(&self, stage: Stage, event: &Event) -> Error {
        self.finding(stage, Verdict::ProtocolError, format!("{}: {event:?}", self.host))
    }

    fn fault(&self, what: &str) -> Error {
        self.finding(Stage::Sender, Verdict::ProtocolError, format!("{}: {what}", self.host))
    }
}

async fn protect(network: &Network, host: &str, pipe: Pipe, steps: &mut Steps<'_>) -> Result<Pipe, Error> {
    steps
        .run(Stage::SubmissionTls, Service::Smtp, async {
            let pipe = pipe.starttls(network, host).await.map_err(|e| e.finding(Service::Smtp))?;
            let detail = pipe.protection().unwrap_or_default();
            Ok((pipe, detail))
        })
        .await
}
