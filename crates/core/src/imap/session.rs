//! One connection to an IMAP server (RFC 9051, section 3), without its socket.

use super::Capabilities;
use super::wire::{Code, Command, Decoded, Decoder, Limits, Part, Quirk, Response, Status, WireError};
use std::collections::VecDeque;
use std::fmt;

/// A command's tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(u64);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a{}", self.0)
    }
}

/// What happened on the connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The server's first line: `OK`, `PREAUTH` or `BYE`.
    Greeting {
        /// Which of them.
        status: Status,
        /// Its code.
        code: Option<Code>,
        /// Its text.
        text: String,
    },
    /// A message body begins.
    BodyStart {
        /// Octets announced.
        size: u64,
    },
    /// Octets of the body.
    BodyChunk(&'a [u8]),
    /// The body is complete; its row follows as [`Event::Untagged`].
    BodyEnd,
    /// An untagged response.
    Untagged(Response),
    /// The server waits for more of the command: a SASL answer, or nothing during IDLE.
    Continue {
        /// The challenge in base64, or text.
        text: String,
    },
    /// A command is complete.
    Completed {
        /// Which.
        tag: Tag,
        /// Its judgement.
        status: Status,
        /// Its code.
        code: Option<Code>,
        /// Its text.
        text: String,
    },
}

/// Why a connection cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The stream cannot be followed.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The first line is no IMAP greeting.
    #[error("not an IMAP server: it said `{0}`")]
    NotImap(String),
    /// A tagged response answers no command of ours (a response was lost or injected).
    #[error("the server answered a command that was not sent: `{0}`")]
    Desynchronised(String),
    /// Bytes stood between the answer to STARTTLS and the handshake.
    #[error("bytes were put between STARTTLS and the encryption")]
    BytesBeforeTls,
}

/// A sans-I/O IMAP session.
///
/// The caller's loop: [`Session::poll_event`] with the bytes at hand until it returns `None`, write
/// whatever [`Session::poll_output`] gives, read more bytes, again. [`Session::send`] may be called at
/// any time; commands are pipelined in the order given, and a literal that needs the server's `+` holds
/// back what comes after it. When there is no output, [`Session::poll_content`] may ask for a message that is not
/// held in memory.
#[derive(Debug)]
pub struct Session {
    decoder: Decoder,
    greeted: bool,
    capabilities: Capabilities,
    last_tag: u64,
    /// Sent or waiting to be sent, not completed, in order.
    in_flight: VecDeque<(Tag, &'static str)>,
    /// Parts not yet handed out; a literal at the front may have to wait for a `+`.
    queue: VecDeque<Queued>,
    output: Vec<u8>,
    awaiting_continuation: bool,
    /// Whose message the driver is to write next, and how long it is; nothing else goes out before.
    content: Option<(Tag, u64)>,
    /// IMAP4rev2 was enabled.
    rev2: bool,
}

#[derive(Debug)]
struct Queued {
    tag: Tag,
    what: What,
    /// A literal whose announcement goes before it: it may be written only after the server's `+`.
    waits: bool,
}

#[derive(Debug)]
enum What {
    Bytes(Vec<u8>),
    /// So many octets from elsewhere.
    Content(u64),
}

impl Default for Session {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Session {
    /// A session before its greeting.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            decoder: Decoder::new(limits),
            greeted: false,
            capabilities: Capabilities::default(),
            last_tag: 0,
            in_flight: VecDeque::new(),
            queue: VecDeque::new(),
            output: Vec::new(),
            awaiting_continuation: false,
            content: None,
            rev2: false,
        }
    }

    /// What the server said it can do, in the present state of the connection.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Whether names travel as UTF-8.
    #[must_use]
    pub fn utf8(&self) -> bool {
        self.decoder.utf8
    }

    /// Whether the server was asked to speak IMAP4rev2 and does.
    #[must_use]
    pub fn rev2(&self) -> bool {
        self.rev2
    }

    /// Whether a command of this name waits for its completion.
    #[must_use]
    pub fn is_under_way(&self, name: &str) -> bool {
        self.in_flight.iter().any(|(_, sent)| *sent == name)
    }

    /// The tolerances this server needed so far.
    #[must_use]
    pub fn quirks(&self) -> &[Quirk] {
        self.decoder.quirks()
    }

    /// How many commands wait for their completion.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Puts a command in line and gives its tag.
    pub fn send(&mut self, command: Command) -> Tag {
        self.last_tag += 1;
        let tag = Tag(self.last_tag);
        self.in_flight.push_back((tag, command.name()));
        let mut text = format!("{tag} ").into_bytes();
        for part in command.into_parts() {
            let (what, octets, any) = match part {
                Part::Text(bytes) => {
                    text.extend_from_slice(&bytes);
                    continue;
                }
                Part::Literal(bytes) => {
                    let octets = bytes.len() as u64;
                    (What::Bytes(bytes), octets, false)
                }
                Part::Streamed { octets, any } => (What::Content(octets), octets, any),
            };
            // RFC 7888, section 6: any octets without being asked only where BINARY is offered too.
            let at_once = self.literal_goes_at_once(octets) && (!any || self.capabilities.has("BINARY"));
            let (tilde, plus) = (if any { "~" } else { "" }, if at_once { "+" } else { "" });
            text.extend_from_slice(format!("{tilde}{{{octets}{plus}}}\r\n").as_bytes());
            let before = What::Bytes(std::mem::take(&mut text));
            self.queue.push_back(Queued { tag, what: before, waits: false });
            self.queue.push_back(Queued { tag, what, waits: !at_once });
        }
        text.extend_from_slice(b"\r\n");
        self.queue.push_back(Queued { tag, what: What::Bytes(text), waits: false });
        self.advance();
        tag
    }

    /// Writes a line outside any command: the answer to a SASL challenge, or `DONE`.
    pub fn send_line(&mut self, line: &str) {
        self.output.extend_from_slice(line.as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }

    /// Bytes to write, all that there are.
    pub fn poll_output(&mut self) -> Option<Vec<u8>> {
        (!self.output.is_empty()).then(|| std::mem::take(&mut self.output))
    }

    /// Whose message is to be written now, and how many octets it has: asked for when there is no other output.
    /// Exactly these octets must be written, and [`Session::content_written`] be called.
    #[must_use]
    pub fn poll_content(&self) -> Option<(Tag, u64)> {
        self.content.filter(|_| self.output.is_empty())
    }

    /// The message that [`Session::poll_content`] asked for is written.
    pub fn content_written(&mut self) {
        self.content = None;
        self.advance();
    }

    /// Takes bytes off the front of `input` up to the next event; `None` when all were taken.
    ///
    /// # Errors
    /// [`SessionError`]: the connection must be closed.
    pub fn poll_event<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, SessionError> {
        loop {
            let response = match self.decoder.poll(input)? {
                None => return Ok(None),
                Some(Decoded::BodyStart { size }) => return Ok(Some(Event::BodyStart { size })),
                Some(Decoded::BodyChunk(bytes)) => return Ok(Some(Event::BodyChunk(bytes))),
                Some(Decoded::BodyEnd) => return Ok(Some(Event::BodyEnd)),
                Some(Decoded::Response(response)) => response,
            };
            if !self.greeted {
                return self.greeting(response).map(Some);
            }
            match response {
                Response::Status { tag: Some(tag), status, code, text } => {
                    return self.completed(&tag, status, code, text).map(Some);
                }
                Response::Continue { text } => {
                    if !self.continue_literal() {
                        return Ok(Some(Event::Continue { text }));
                    }
                }
                other => {
                    self.notice(&other);
                    return Ok(Some(Event::Untagged(other)));
                }
            }
        }
    }

    /// Call after the OK to STARTTLS and before the handshake, with what is left of the input.
    ///
    /// # Errors
    /// [`SessionError::BytesBeforeTls`] when anything is left: it came in the clear and would be taken
    /// for something said inside TLS.
    pub fn start_tls(&mut self, left: &[u8]) -> Result<(), SessionError> {
        if !left.is_empty() || !self.decoder.is_idle() {
            return Err(SessionError::BytesBeforeTls);
        }
        // RFC 9051, section 6.2.1: nothing said before TLS counts.
        self.capabilities = Capabilities::default();
        Ok(())
    }

    fn greeting<'a>(&mut self, response: Response) -> Result<Event<'a>, SessionError> {
        match response {
            Response::Status {
                tag: None,
                status: status @ (Status::Ok | Status::PreAuth | Status::Bye),
                code,
                text,
            } => {
                self.greeted = true;
                if let Some(Code::Capability(capabilities)) = &code {
                    self.capabilities = capabilities.clone();
                }
                Ok(Event::Greeting { status, code, text })
            }
            Response::Unknown { line } => Err(SessionError::NotImap(line)),
            other => Err(SessionError::NotImap(format!("{other:?}"))),
        }
    }

    fn completed<'a>(
        &mut self,
        tag: &str,
        status: Status,
        code: Option<Code>,
        text: String,
    ) -> Result<Event<'a>, SessionError> {
        let known = self.in_flight.iter().position(|(sent, _)| sent.to_string() == tag);
        let Some((tag, name)) = known.and_then(|at| self.in_flight.remove(at)) else {
            return Err(SessionError::Desynchronised(format!("{tag} {text}")));
        };
        if status == Status::Ok && matches!(name, "AUTHENTICATE" | "LOGIN") {
            // RFC 9051, section 6.2.2: what was said before authentication no longer counts.
            self.capabilities = Capabilities::default();
        }
        if let Some(Code::Capability(capabilities)) = &code {
            self.capabilities = capabilities.clone();
        }
        // A server may refuse a literal instead of asking for it; the rest of that command must not go
        // out as if it were another one.
        if self.awaiting_continuation && self.queue.front().is_some_and(|queued| queued.tag == tag) {
            self.queue.retain(|queued| queued.tag != tag);
            self.awaiting_continuation = false;
            self.advance();
        }
        Ok(Event::Completed { tag, status, code, text })
    }

    fn notice(&mut self, response: &Response) {
        match response {
            Response::Capability(capabilities)
            | Response::Status { tag: None, code: Some(Code::Capability(capabilities)), .. } => {
                self.capabilities = capabilities.clone();
            }
            Response::Enabled(enabled) if enabled.has("UTF8=ACCEPT") || enabled.has("IMAP4REV2") => {
                self.decoder.utf8 = true;
                self.rev2 |= enabled.has("IMAP4REV2");
            }
            _ => {}
        }
    }

    /// RFC 7888: LITERAL+ takes any size at once, LITERAL- up to 4,096 octets.
    fn literal_goes_at_once(&self, length: u64) -> bool {
        self.capabilities.has("LITERAL+") || (self.capabilities.has("LITERAL-") && length <= 4096)
    }

    fn continue_literal(&mut self) -> bool {
        if !self.awaiting_continuation {
            return false;
        }
        self.awaiting_continuation = false;
        if let Some(literal) = self.queue.front_mut() {
            literal.waits = false;
        }
        self.advance();
        true
    }

    /// Moves what may be written into the output, up to a literal that has to wait or that the driver writes.
    fn advance(&mut self) {
        while !self.awaiting_continuation
            && self.content.is_none()
            && let Some(queued) = self.queue.pop_front()
        {
            if queued.waits {
                self.awaiting_continuation = true;
                self.queue.push_front(queued);
                return;
            }
            match queued.what {
                What::Bytes(bytes) => self.output.extend_from_slice(&bytes),
                What::Content(octets) => self.content = Some((queued.tag, octets)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a dialogue: `S:` lines are fed, `C:` lines must be what the session writes.
    fn play(session: &mut Session, lines: &[&str]) -> Vec<String> {
        let mut seen = Vec::new();
        for line in lines {
            if let Some(expected) = line.strip_prefix("C: ") {
                let written = session.poll_output().unwrap_or_default();
                assert_eq!(String::from_utf8_lossy(&written), format!("{expected}\r\n"));
                continue;
            }
            let bytes = format!("{}\r\n", line.strip_prefix("S: ").unwrap());
            let mut input = bytes.as_bytes();
            while let Some(event) = session.poll_event(&mut input).unwrap() {
                seen.push(format!("{event:?}"));
            }
        }
        seen
    }

    fn greeted(capabilities: &str) -> Session {
        let mut session = Session::default();
        play(&mut session, &[&format!("S: * OK [CAPABILITY IMAP4rev1 {capabilities}] ready")]);
        session
    }

    #[test]
    fn commands_are_pipelined_and_answered_in_any_order() {
        let mut session = greeted("");
        let first = session.send(Command::new("NOOP"));
        let second = session.send(Command::new("CAPABILITY"));
        let seen = play(
            &mut session,
            &[
                "C: a1 NOOP\r\na2 CAPABILITY",
                "S: * CAPABILITY IMAP4rev1 IDLE",
                "S: a2 OK done",
                "S: a1 OK done",
            ],
        );
        assert!(seen[1].contains(&format!("{second:?}")) && seen[2].contains(&format!("{first:?}")));
        assert!(session.capabilities().has("IDLE"));
        assert_eq!(session.in_flight(), 0);
    }

    #[test]
    fn a_literal_waits_for_its_continuation_and_holds_back_what_follows() {
        let mut session = greeted("");
        session.send(Command::new("LOGIN").string("ünï".as_bytes()).string("pä".as_bytes()));
        session.send(Command::new("NOOP"));
        play(
            &mut session,
            &["C: a1 LOGIN {5}", "S: + go on", "C: ünï {3}", "S: + go on", "C: pä\r\na2 NOOP", "S: a1 OK in"],
        );
    }

    #[test]
    fn a_refused_literal_takes_the_rest_of_its_command_with_it() {
        let mut session = greeted("");
        session.send(Command::new("APPEND").raw("x").literal(b"mail".to_vec()));
        session.send(Command::new("NOOP"));
        play(&mut session, &["C: a1 APPEND x {4}", "S: a1 NO [TRYCREATE] no such mailbox", "C: a2 NOOP"]);
    }

    #[test]
    fn small_literals_go_at_once_where_the_server_allows() {
        let mut session = greeted("LITERAL-");
        session.send(Command::new("APPEND").raw("x").literal(b"mail".to_vec()));
        play(&mut session, &["C: a1 APPEND x {4+}\r\nmail"]);
        session.send(Command::new("APPEND").raw("x").literal(vec![b'x'; 5000]));
        play(&mut session, &["C: a2 APPEND x {5000}"]);
    }

    #[test]
    fn a_message_is_asked_for_when_it_is_its_turn() {
        let mut session = greeted("LITERAL+");
        let tag = session.send(Command::new("APPEND").raw("x").message(4));
        session.send(Command::new("NOOP"));
        assert_eq!(session.poll_content(), None, "there is output before it");
        play(&mut session, &["C: a1 APPEND x {4+}"]);
        assert_eq!(session.poll_content(), Some((tag, 4)));
        session.send(Command::new("NOOP"));
        assert_eq!(session.poll_output(), None, "nothing may stand in the middle of it");
        // A refusal that comes too early does not end the literal.
        play(&mut session, &["S: a1 NO [OVERQUOTA] full"]);
        assert_eq!((session.poll_output(), session.poll_content()), (None, Some((tag, 4))));
        session.content_written();
        play(&mut session, &["C: \r\na2 NOOP\r\na3 NOOP"]);
        assert_eq!(session.poll_content(), None);

        let mut session = greeted("");
        let tag = session.send(Command::new("APPEND").raw("x").message(4));
        play(&mut session, &["C: a1 APPEND x {4}"]);
        assert_eq!(session.poll_content(), None, "the server has not asked for it");
        play(&mut session, &["S: + go on"]);
        assert_eq!(session.poll_content(), Some((tag, 4)));
        session.content_written();
        play(&mut session, &["C: ", "S: a1 OK kept"]);

        let mut session = greeted("");
        session.send(Command::new("APPEND").raw("x").message(4));
        session.send(Command::new("NOOP"));
        play(&mut session, &["C: a1 APPEND x {4}", "S: a1 NO [TRYCREATE] no such mailbox", "C: a2 NOOP"]);
        assert_eq!(session.poll_content(), None);
    }

    #[test]
    fn a_literal_of_any_octets_waits_where_binary_is_not_offered() {
        let append = || Command::new("APPEND").raw("x").utf8_message(2);
        let mut session = greeted("LITERAL+");
        session.send(append());
        play(&mut session, &["C: a1 APPEND x UTF8 (~{2}", "S: + go on"]);
        session.content_written();
        play(&mut session, &["C: )", "S: a1 OK kept"]);
        let mut session = greeted("LITERAL+ BINARY");
        session.send(append());
        play(&mut session, &["C: a1 APPEND x UTF8 (~{2+}"]);
        session.content_written();
        play(&mut session, &["C: )"]);
    }

    #[test]
    fn an_answer_to_nothing_ends_the_connection() {
        let mut session = greeted("");
        let mut input = &b"a9 OK injected\r\n"[..];
        assert!(matches!(session.poll_event(&mut input), Err(SessionError::Desynchronised(_))));
    }

    #[test]
    fn what_is_no_greeting_is_named() {
        let mut input = &b"SSH-2.0-OpenSSH_9.2\r\n"[..];
        let error = Session::default().poll_event(&mut input).unwrap_err();
        assert_eq!(error.to_string(), "not an IMAP server: it said `SSH-2.0-OpenSSH_9.2`");
    }

    #[test]
    fn bytes_after_the_answer_to_starttls_are_an_attack() {
        let mut session = greeted("STARTTLS");
        session.send(Command::new("STARTTLS"));
        let mut input = &b"a1 OK begin\r\n* OK injected\r\n"[..];
        session.poll_event(&mut input).unwrap();
        assert_eq!(session.start_tls(input), Err(SessionError::BytesBeforeTls));
        assert_eq!(session.start_tls(b""), Ok(()));
        assert!(session.capabilities().is_empty());

        // Half a line, which would go on inside TLS.
        let mut session = greeted("STARTTLS");
        session.send(Command::new("STARTTLS"));
        let mut input = &b"a1 OK begin\r\n* OK inj"[..];
        session.poll_event(&mut input).unwrap();
        assert_eq!(session.poll_event(&mut input), Ok(None));
        assert_eq!(session.start_tls(input), Err(SessionError::BytesBeforeTls));
    }

    #[test]
    fn capabilities_from_before_the_login_are_dropped() {
        let mut session = greeted("AUTH=PLAIN LOGINDISABLED");
        session.send(Command::new("LOGIN").string(b"a").string(b"b"));
        play(&mut session, &["C: a1 LOGIN \"a\" \"b\"", "S: a1 OK welcome"]);
        assert!(session.capabilities().is_empty());
    }
}
