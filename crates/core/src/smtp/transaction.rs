//! One mail transaction (RFC 5321, section 3.3): reverse-path, forward-paths, message.
//!
//! The envelope is pipelined where that is offered (RFC 2920). `DATA` is not: it is sent only when it is
//! known that somebody will get the message, so that a refused envelope never leaves a body under way.

use super::{DataEncoder, END_OF_DATA, Envelope, EnvelopeError, Extensions};
use super::{Outcome, RecipientOutcome, Reply, SmtpError, Stage};

/// How many commands may be unanswered at once. More could fill both sides' buffers (RFC 2920, section 3.1).
const WINDOW: usize = 100;

pub(super) struct Transaction {
    commands: Vec<Vec<u8>>,
    sent: usize,
    answered: usize,
    window: usize,
    probe: bool,
    step: Step,
    encoder: DataEncoder,
    outcome: Outcome,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Envelope,
    Data,
    Body,
    /// Everything but the final dot was given out.
    Held,
    Commit,
    Reset,
}

/// What a reply led to.
pub(super) enum Progress {
    Going,
    SendBody,
    Finished,
    /// The connection is of no more use.
    Stopped(SmtpError),
}

impl Transaction {
    /// Starts; `probe` stops before `DATA` and resets.
    pub(super) fn start(
        envelope: &Envelope,
        extensions: &Extensions,
        probe: bool,
        output: &mut Vec<u8>,
    ) -> Result<Self, EnvelopeError> {
        let recipients = envelope.recipients.iter();
        let recipients = recipients.map(|r| RecipientOutcome { address: r.clone(), reply: None }).collect();
        let mut transaction = Self {
            commands: envelope.commands(extensions)?,
            sent: 0,
            answered: 0,
            window: if extensions.pipelining { WINDOW } else { 1 },
            probe,
            step: Step::Envelope,
            encoder: DataEncoder::default(),
            outcome: Outcome { recipients, ..Outcome::default() },
        };
        transaction.send_commands(output);
        Ok(transaction)
    }

    pub(super) fn stage(&self) -> Stage {
        match self.step {
            Step::Envelope if self.answered == 0 => Stage::Mail,
            Step::Envelope => Stage::Recipient,
            Step::Data | Step::Body | Step::Held => Stage::Data,
            Step::Commit => Stage::Commit,
            Step::Reset => Stage::Reset,
        }
    }

    /// Whether the server has nothing to say before the message is out.
    pub(super) fn is_sending_body(&self) -> bool {
        matches!(self.step, Step::Body | Step::Held)
    }

    pub(super) fn on_reply(&mut self, reply: Reply, output: &mut Vec<u8>) -> Progress {
        let refused = reply.is_transient() || reply.is_permanent();
        let unexpected = || Progress::Stopped(SmtpError::Unexpected(reply.one_line()));
        match self.step {
            Step::Envelope if reply.is_success() || refused => self.on_envelope(reply, output),
            Step::Data if reply.code == 354 => {
                self.step = Step::Body;
                Progress::SendBody
            }
            Step::Data if refused => {
                let closing = closing(&reply);
                self.outcome.message = Some(reply);
                closing.map_or_else(|| self.reset(output), Progress::Stopped)
            }
            Step::Body | Step::Held if refused => {
                let line = reply.one_line();
                self.outcome.message = Some(reply);
                Progress::Stopped(SmtpError::Interrupted(line))
            }
            Step::Commit if reply.is_success() || refused => {
                let closing = closing(&reply);
                self.outcome.message = Some(reply);
                closing.map_or(Progress::Finished, Progress::Stopped)
            }
            Step::Reset => closing(&reply).map_or(Progress::Finished, Progress::Stopped),
            Step::Envelope | Step::Data | Step::Body | Step::Held | Step::Commit => unexpected(),
        }
    }

    /// Encodes a piece of the message; `false` when it is not its turn.
    pub(super) fn body(&mut self, piece: &[u8], output: &mut Vec<u8>) -> bool {
        if self.step == Step::Body {
            self.encoder.encode(piece, output);
        }
        self.step == Step::Body
    }

    /// Ends the message, short of the final dot.
    pub(super) fn end_body(&mut self, output: &mut Vec<u8>) -> bool {
        if self.step != Step::Body {
            return false;
        }
        self.encoder.finish(output);
        self.step = Step::Held;
        true
    }

    /// Gives the final dot out.
    pub(super) fn commit(&mut self, output: &mut Vec<u8>) -> bool {
        if self.step != Step::Held {
            return false;
        }
        output.extend_from_slice(END_OF_DATA);
        self.step = Step::Commit;
        self.outcome.committed = true;
        true
    }

    pub(super) fn into_outcome(self) -> Outcome {
        self.outcome
    }

    fn on_envelope(&mut self, reply: Reply, output: &mut Vec<u8>) -> Progress {
        let closing = closing(&reply);
        match self.answered.checked_sub(1).map(|at| self.outcome.recipients.get_mut(at)) {
            None => self.outcome.sender = Some(reply),
            Some(Some(recipient)) => recipient.reply = Some(reply),
            Some(None) => {}
        }
        self.answered += 1;
        if let Some(error) = closing {
            return Progress::Stopped(error);
        }
        let sender_taken = self.outcome.sender.as_ref().is_some_and(Reply::is_success);
        if sender_taken {
            self.send_commands(output);
        }
        if self.answered < self.sent {
            return Progress::Going;
        }
        if !sender_taken {
            return Progress::Finished;
        }
        let taken = self.outcome.recipients.iter().any(|r| r.reply.as_ref().is_some_and(Reply::is_success));
        if self.probe || !taken {
            return self.reset(output);
        }
        output.extend_from_slice(b"DATA\r\n");
        self.step = Step::Data;
        Progress::Going
    }

    fn reset(&mut self, output: &mut Vec<u8>) -> Progress {
        output.extend_from_slice(b"RSET\r\n");
        self.step = Step::Reset;
        Progress::Going
    }

    fn send_commands(&mut self, output: &mut Vec<u8>) {
        while self.sent < self.answered + self.window {
            let Some(command) = self.commands.get(self.sent) else { return };
            output.extend_from_slice(command);
            self.sent += 1;
        }
    }
}

/// 421 may answer any command (RFC 5321, section 3.8): the connection is ending.
fn closing(reply: &Reply) -> Option<SmtpError> {
    (reply.code == 421).then(|| SmtpError::Closing(reply.one_line()))
}
