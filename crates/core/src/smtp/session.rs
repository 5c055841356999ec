//! One connection to a submission service.

use super::transaction::{Progress, Transaction};
use super::{Envelope, EnvelopeError, Event, Extensions, Reply, ReplyParser, SmtpError, Stage};
use crate::sasl::{self, Exchange, Mechanism, SaslError};
use std::collections::VecDeque;
use std::time::Duration;

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// The driver is inside TLS already (port 465), or a person agreed to go without.
    Established,
    /// The session asks for STARTTLS and goes no further without it (RFC 3207).
    StartTls,
}

/// A connection's state. Bytes of the server go into [`Session::handle_input`]; after every call the
/// driver empties [`Session::poll_output`] and [`Session::poll_event`].
pub struct Session {
    name: String,
    protection: Protection,
    phase: Phase,
    parser: ReplyParser,
    extensions: Extensions,
    output: Vec<u8>,
    events: VecDeque<Event>,
}

enum Phase {
    Greeting,
    Ehlo { protected: bool },
    StartTls,
    Handshake,
    Ready,
    Auth { exchange: Box<Exchange>, given_up: Option<SaslError> },
    Transaction(Box<Transaction>),
    Quit,
    Over,
}

/// The call does not fit the session's present state; nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the SMTP session is not at that point")]
pub struct NotNow;

impl Session {
    /// A session that awaits the greeting. `name` is this machine for `EHLO`: a domain name, or an address
    /// literal as `[192.0.2.1]` (RFC 5321, section 4.1.3); what may not stand in one is dropped.
    #[must_use]
    pub fn new(name: &str, protection: Protection) -> Self {
        let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
        let name: String = name.chars().filter(allowed).take(255).collect();
        Self {
            name: if name.is_empty() { "[127.0.0.1]".to_owned() } else { name },
            protection,
            phase: Phase::Greeting,
            parser: ReplyParser::default(),
            extensions: Extensions::default(),
            output: Vec::new(),
            events: VecDeque::new(),
        }
    }

    /// Takes bytes the server sent.
    pub fn handle_input(&mut self, bytes: &[u8]) {
        if matches!(self.phase, Phase::Over) || bytes.is_empty() {
            return;
        }
        if matches!(self.phase, Phase::Handshake) {
            return self.fail(SmtpError::StartTlsStripped);
        }
        self.parser.push(bytes);
        while !matches!(self.phase, Phase::Over | Phase::Handshake) {
            match self.parser.next_reply() {
                Ok(Some(reply)) => self.on_reply(reply),
                Ok(None) => return,
                Err(error) => return self.fail(error.into()),
            }
        }
    }

    /// The connection ended, by whomever.
    pub fn handle_close(&mut self) {
        match self.phase {
            Phase::Over => {}
            Phase::Quit => self.end(Event::Closed),
            _ => {
                let partial = self.parser.leftover();
                self.fail(SmtpError::Lost { stage: self.stage(), partial });
            }
        }
    }

    /// The handshake that [`Event::NeedTls`] asked for is done and verified.
    ///
    /// # Errors
    /// [`NotNow`] when no handshake was asked for.
    pub fn tls_established(&mut self) -> Result<(), NotNow> {
        if !matches!(self.phase, Phase::Handshake) {
            return Err(NotNow);
        }
        self.ehlo(true);
        Ok(())
    }

    /// Bytes to send, all that wait.
    pub fn poll_output(&mut self) -> Option<Vec<u8>> {
        (!self.output.is_empty()).then(|| std::mem::take(&mut self.output))
    }

    /// The next event, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether what [`Session::poll_output`] gives may hold a secret, for whoever keeps a transcript.
    #[must_use]
    pub fn output_is_secret(&self) -> bool {
        matches!(self.phase, Phase::Auth { .. })
    }

    /// What the server offers on the connection as it is protected now.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// What is being waited for.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match &self.phase {
            Phase::Greeting => Stage::Greeting,
            Phase::Ehlo { .. } => Stage::Ehlo,
            Phase::StartTls | Phase::Handshake => Stage::StartTls,
            Phase::Ready | Phase::Over => Stage::Idle,
            Phase::Auth { .. } => Stage::Auth,
            Phase::Transaction(transaction) => transaction.stage(),
            Phase::Quit => Stage::Quit,
        }
    }

    /// How long to wait for the server, or, while the body goes out, for it to take the next piece, before
    /// giving up (RFC 5321, section 4.5.3.2). The ten minutes after the final dot are not to be shortened:
    /// giving up early there is what makes duplicates.
    #[must_use]
    pub fn patience(&self) -> Duration {
        let minutes = match &self.phase {
            Phase::Transaction(transaction) if transaction.is_sending_body() => 3,
            _ => match self.stage() {
                Stage::Data => 2,
                Stage::Commit => 10,
                Stage::Quit | Stage::Reset => 1,
                _ => 5,
            },
        };
        Duration::from_mins(minutes)
    }

    /// Starts a login. The end is [`Event::Authenticated`], [`Event::AuthenticationFailed`] or
    /// [`Event::Refused`].
    ///
    /// # Errors
    /// [`NotNow`] unless the session is ready.
    pub fn authenticate(&mut self, mut exchange: Exchange) -> Result<(), NotNow> {
        if !matches!(self.phase, Phase::Ready) {
            return Err(NotNow);
        }
        self.write(&format!("AUTH {}", exchange.mechanism()));
        // A command line holds 512 octets (RFC 5321, section 4.5.3.1.4); a longer initial response,
        // mostly a token, waits for the server's first challenge (RFC 4954, section 4).
        if exchange.initial_len().is_some_and(|len| len.div_ceil(3) * 4 < 450)
            && let Some(initial) = exchange.initial()
        {
            let text = sasl::encode(&initial);
            self.write(if text.is_empty() { " =" } else { " " });
            self.write(&text);
        }
        self.write("\r\n");
        self.phase = Phase::Auth { exchange: Box::new(exchange), given_up: None };
        Ok(())
    }

    /// Starts to send a message. The end is [`Event::Finished`].
    ///
    /// # Errors
    /// [`EnvelopeError`] when the message cannot go over this connection. Nothing was sent.
    pub fn send(&mut self, envelope: &Envelope) -> Result<(), EnvelopeError> {
        self.begin(envelope, false)
    }

    /// Checks that `address` may send, sending nothing: `MAIL FROM` and `RCPT TO` the address itself, then
    /// `RSET`. The end is [`Event::Finished`].
    ///
    /// # Errors
    /// [`EnvelopeError`] when the address cannot be named. Nothing was sent.
    pub fn probe(&mut self, address: &str) -> Result<(), EnvelopeError> {
        let recipients = vec![address.to_owned()];
        self.begin(&Envelope { sender: address.to_owned(), recipients, ..Envelope::default() }, true)
    }

    /// Gives a piece of the message, of any size, after [`Event::SendBody`].
    ///
    /// # Errors
    /// [`NotNow`] at any other time.
    pub fn body(&mut self, piece: &[u8]) -> Result<(), NotNow> {
        let Phase::Transaction(transaction) = &mut self.phase else { return Err(NotNow) };
        if transaction.body(piece, &mut self.output) { Ok(()) } else { Err(NotNow) }
    }

    /// The message is complete. [`Event::CommitPoint`] follows at once.
    ///
    /// # Errors
    /// [`NotNow`] when no body was asked for.
    pub fn end_body(&mut self) -> Result<(), NotNow> {
        let Phase::Transaction(transaction) = &mut self.phase else { return Err(NotNow) };
        if !transaction.end_body(&mut self.output) {
            return Err(NotNow);
        }
        self.events.push_back(Event::CommitPoint);
        Ok(())
    }

    /// Gives the final dot out. The driver must have written down that it does so.
    ///
    /// # Errors
    /// [`NotNow`] unless the session is at [`Event::CommitPoint`].
    pub fn commit(&mut self) -> Result<(), NotNow> {
        let Phase::Transaction(transaction) = &mut self.phase else { return Err(NotNow) };
        if transaction.commit(&mut self.output) { Ok(()) } else { Err(NotNow) }
    }

    /// Says goodbye.
    ///
    /// # Errors
    /// [`NotNow`] unless the session is ready.
    pub fn quit(&mut self) -> Result<(), NotNow> {
        if !matches!(self.phase, Phase::Ready) {
            return Err(NotNow);
        }
        self.write("QUIT\r\n");
        self.phase = Phase::Quit;
        Ok(())
    }

    fn begin(&mut self, envelope: &Envelope, probe: bool) -> Result<(), EnvelopeError> {
        if !matches!(self.phase, Phase::Ready) {
            return Err(EnvelopeError::NotNow);
        }
        let transaction = Transaction::start(envelope, &self.extensions, probe, &mut self.output)?;
        self.phase = Phase::Transaction(Box::new(transaction));
        Ok(())
    }

    fn on_reply(&mut self, reply: Reply) {
        match &mut self.phase {
            Phase::Greeting if reply.code == 220 => {
                self.events.push_back(Event::Greeting(reply));
                self.ehlo(self.protection == Protection::Established);
            }
            Phase::Ehlo { protected } if reply.code == 250 => {
                let protected = *protected;
                self.on_offer(&reply, protected);
            }
            Phase::StartTls if reply.code == 220 => {
                if self.parser.has_leftover() {
                    return self.fail(SmtpError::StartTlsStripped);
                }
                self.extensions = Extensions::default();
                self.phase = Phase::Handshake;
                self.events.push_back(Event::NeedTls);
            }
            Phase::Auth { .. } => self.on_auth(reply),
            Phase::Transaction(transaction) => {
                let progress = transaction.on_reply(reply, &mut self.output);
                self.on_progress(progress);
            }
            Phase::Quit => self.end(Event::Closed),
            Phase::Ready if reply.code == 421 => self.fail(SmtpError::Closing(reply.one_line())),
            Phase::Greeting | Phase::Ehlo { .. } | Phase::StartTls
                if reply.is_transient() || reply.is_permanent() =>
            {
                let stage = self.stage();
                self.end(Event::Refused { stage, reply, detail: None });
            }
            _ => self.fail(SmtpError::Unexpected(reply.one_line())),
        }
    }

    fn on_offer(&mut self, reply: &Reply, protected: bool) {
        let extensions = Extensions::read(reply);
        if protected {
            self.extensions = extensions.clone();
            self.phase = Phase::Ready;
            self.events.push_back(Event::Ready(extensions));
        } else if extensions.start_tls {
            self.write("STARTTLS\r\n");
            self.phase = Phase::StartTls;
        } else {
            self.fail(SmtpError::StartTlsNotOffered);
        }
    }

    fn on_auth(&mut self, reply: Reply) {
        let Phase::Auth { exchange, given_up } = &mut self.phase else { return };
        if reply.code == 334 && given_up.is_none() {
            match answer(exchange, &reply) {
                Ok(text) => self.write(&format!("{text}\r\n")),
                Err(error) => {
                    *given_up = Some(error);
                    self.write("*\r\n");
                }
            }
            return;
        }
        let event = match given_up.take() {
            Some(error) if !reply.is_success() => Event::AuthenticationFailed(error),
            // Accepted after we gave up: the server did not prove itself, or breaks the rules.
            Some(error) => return self.fail(error.into()),
            None if reply.code == 235 => match exchange.verified() {
                Ok(()) => Event::Authenticated(reply.clone()),
                Err(error) => return self.fail(error.into()),
            },
            None if reply.is_transient() || reply.is_permanent() => {
                let detail = exchange.server_error().map(str::to_owned);
                Event::Refused { stage: Stage::Auth, reply: reply.clone(), detail }
            }
            None => return self.fail(SmtpError::Unexpected(reply.one_line())),
        };
        self.events.push_back(event);
        self.phase = Phase::Ready;
        if reply.code == 421 {
            self.fail(SmtpError::Closing(reply.one_line()));
        }
    }

    fn on_progress(&mut self, progress: Progress) {
        match progress {
            Progress::Going => {}
            Progress::SendBody => self.events.push_back(Event::SendBody),
            Progress::Finished => self.finish_transaction(Phase::Ready),
            Progress::Stopped(error) => self.fail(error),
        }
    }

    fn finish_transaction(&mut self, next: Phase) {
        if let Phase::Transaction(transaction) = std::mem::replace(&mut self.phase, next) {
            self.events.push_back(Event::Finished(transaction.into_outcome()));
        }
    }

    fn ehlo(&mut self, protected: bool) {
        let name = self.name.clone();
        self.write(&format!("EHLO {name}\r\n"));
        self.phase = Phase::Ehlo { protected };
    }

    fn write(&mut self, text: &str) {
        self.output.extend_from_slice(text.as_bytes());
    }

    fn fail(&mut self, error: SmtpError) {
        self.finish_transaction(Phase::Over);
        self.end(Event::Failed(error));
    }

    fn end(&mut self, event: Event) {
        self.phase = Phase::Over;
        self.output.clear();
        self.events.push_back(event);
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("stage", &self.stage()).finish_non_exhaustive()
    }
}

/// The answer to a 334. LOGIN's and PLAIN's challenges say nothing the exchange needs, and servers send
/// them in the clear or not at all, so they are not decoded.
fn answer(exchange: &mut Exchange, reply: &Reply) -> Result<String, SaslError> {
    let challenge = match exchange.mechanism() {
        Mechanism::Login | Mechanism::Plain => Vec::new(),
        _ => sasl::decode(reply.lines.first().map_or(&b""[..], |l| l.as_bytes()))?,
    };
    exchange.respond(&challenge).map(|raw| sasl::encode(&raw))
}
