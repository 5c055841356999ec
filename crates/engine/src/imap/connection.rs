//! One IMAP connection at work: a pipe and the [`Session`] that says what goes through it.

use super::content::{Content, PIECE};
use super::deflate::Deflate;
use super::news::News;
use super::pace::Pace;
use crate::error::{Error, lost, silent};
use crate::net::Pipe;
use crate::transcript::Tape;
use restante_core::diagnosis::signature::{Around, imap_greeting, mailbox_refusal};
use restante_core::diagnosis::{Finding, Service, Stage, Verdict};
use restante_core::imap::wire::{Code, Command, Limits, Response, Status};
use restante_core::imap::{Capabilities, Event, Session, SessionError, Tag};
use restante_core::mail::Uid;
use restante_core::settings::Settings;
use restante_store::StoreError;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

/// A server that is busy may think this long before its next byte; only silence counts, not the time
/// a large mailbox takes.
const SILENCE: Duration = Duration::from_secs(120);
/// Before the login a person is waiting, and nothing was asked that takes long.
const SILENCE_AT_FIRST: Duration = Duration::from_secs(30);
/// Octets read at once. TLS records are 16 KiB; a few of them a turn keep the turns few.
const READ: usize = 128 * 1024;

/// What went through a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Octets received, after TLS and before they are unpacked.
    pub bytes_in: u64,
    /// Octets sent, packed and before TLS.
    pub bytes_out: u64,
    /// How often something was sent and an answer waited for.
    pub round_trips: u64,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// `OK`, `NO` or `BAD`.
    pub status: Status,
    /// The response code.
    pub code: Option<Code>,
    /// The text for people.
    pub text: String,
    /// With [`Status::Ok`]: the command was about too many messages, and of those below this UID nothing was
    /// done (RFC 9738, section 3.1).
    pub stopped: Option<Uid>,
}

impl Completion {
    /// The completion as the server wrote it, for a person to read.
    #[must_use]
    pub fn line(&self) -> String {
        let word = match self.status {
            Status::Ok => "OK",
            Status::No => "NO",
            Status::Bad => "BAD",
            Status::PreAuth => "PREAUTH",
            Status::Bye => "BYE",
        };
        match &self.code {
            Some(Code::Other(name, arguments)) if arguments.is_empty() => {
                format!("{word} [{name}] {}", self.text)
            }
            Some(Code::Other(name, arguments)) => format!("{word} [{name} {arguments}] {}", self.text),
            _ => format!("{word} {}", self.text),
        }
    }
}

/// An IMAP connection.
#[derive(Debug)]
pub struct Connection {
    pipe: Pipe,
    host: String,
    greeting: String,
    preauth: bool,
    session: Session,
    buffer: Vec<u8>,
    /// What of the buffer is received and not yet taken.
    unread: std::ops::Range<usize>,
    /// Bytes were sent since the last wait for an answer.
    asked: bool,
    traffic: Traffic,
    /// Completions nobody has asked for yet. Servers may answer in another order (RFC 9051, section 5.5).
    completions: BTreeMap<Tag, Completion>,
    /// Whose UIDs these are: the service and the user.
    place: String,
    /// The last `* BYE`, which says why the connection is about to end.
    bye: Option<String>,
    tape: Option<Tape>,
    /// Whether QRESYNC was enabled here; `None` when nobody has asked.
    pub(crate) enabled: Option<bool>,
    /// UTF-8 and IMAP4rev2 were asked for, whatever came of it.
    pub(crate) spelled: bool,
    /// How many messages one command may be about, as far as a command has met that limit.
    message_limit: Option<u32>,
    /// Where the command under way stopped, said before its completion.
    stopped: Option<Uid>,
    /// Messages that are under way to the server, read as they are written.
    contents: BTreeMap<Tag, Content>,
    /// What the server says unasked.
    pub(crate) news: News,
    compression: Compression,
    pace: Pace,
    /// Nothing is on its way to us but the answer to what was sent last.
    idle: bool,
}

/// How far COMPRESS=DEFLATE is.
#[derive(Debug)]
enum Compression {
    Off,
    /// Asked for, and not answered yet: nothing may be sent until it is (RFC 4978, section 3).
    Asked(Tag),
    /// The server does not want it on this connection.
    Refused,
    On(Box<Deflate>),
}

/// What octets are waited for.
#[derive(Clone, Copy, Debug)]
enum Wait {
    /// Those that answer, in time.
    Answer(Stage),
    /// Those that nobody asked for.
    News,
}

impl Connection {
    /// Takes a pipe whose other end has yet to greet. `host` is named in errors.
    pub fn new(pipe: impl Into<Pipe>, host: impl Into<String>) -> Self {
        Self {
            pipe: pipe.into(),
            host: host.into(),
            greeting: String::new(),
            preauth: false,
            session: Session::new(Limits::default()),
            buffer: vec![0; READ],
            unread: 0..0,
            asked: false,
            traffic: Traffic::default(),
            completions: BTreeMap::new(),
            place: String::new(),
            bye: None,
            tape: None,
            enabled: None,
            spelled: false,
            message_limit: None,
            stopped: None,
            contents: BTreeMap::new(),
            news: News::default(),
            compression: Compression::Off,
            pace: Pace::default(),
            idle: true,
        }
    }

    /// Writes down what goes through from now on.
    pub(crate) fn record(&mut self, tape: Option<Tape>) {
        self.tape = tape;
    }

    /// What the server can do, in the present state.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        self.session.capabilities()
    }

    /// How many messages one command may be about (RFC 9738), as announced or as met.
    #[must_use]
    pub fn message_limit(&self) -> Option<u32> {
        self.capabilities().message_limit().or(self.message_limit)
    }

    /// The session, for what it has learned of the server.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The host it leads to.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Names the service and the user, for whom UIDs mean something; the host alone before a login.
    #[must_use]
    pub fn place(&self) -> &str {
        if self.place.is_empty() { &self.host } else { &self.place }
    }

    /// Notes whose mail it is, at the login.
    pub(crate) fn log_in_as(&mut self, settings: &Settings) {
        let Settings { host, port, username, .. } = settings;
        // Behind this machine's own ports may be the servers of many: bridges, tunnels.
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        self.place = if here { format!("{host}:{port} {username}") } else { format!("{host} {username}") };
    }

    /// The text of its greeting; empty before it came.
    #[must_use]
    pub fn greeted(&self) -> &str {
        &self.greeting
    }

    /// What went through so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// The pipe, for its properties.
    #[must_use]
    pub fn pipe(&self) -> &Pipe {
        &self.pipe
    }

    /// Waits for the greeting.
    ///
    /// # Errors
    /// A finding: no answer, not a mail server, or a server that closes the door.
    pub async fn greeting(&mut self) -> Result<(Status, String), Error> {
        loop {
            let mut greeting = None;
            self.step(&mut |event| {
                if let Event::Greeting { status, code, text } = event {
                    greeting = Some((status, code, text));
                }
                Ok(())
            })?;
            match greeting {
                Some((Status::Bye, code, text)) => {
                    let code = code.map(|code| format!("[{}] ", code.name())).unwrap_or_default();
                    let mut finding = imap_greeting(self.around(), &format!("{code}{text}"));
                    finding.evidence = format!("{} said: {}", self.host, finding.evidence);
                    return Err(finding.into());
                }
                Some((status, _, text)) => {
                    self.greeting.clone_from(&text);
                    self.preauth = status == Status::PreAuth;
                    return Ok((status, text));
                }
                None => self.fill(Stage::Greeting).await?,
            }
        }
    }

    /// Whether the server greeted with PREAUTH: it wants no login (RFC 9051, section 7.1.4).
    #[must_use]
    pub fn is_preauthenticated(&self) -> bool {
        self.preauth
    }

    /// Puts a command in line without waiting for it.
    pub fn send(&mut self, command: Command) -> Tag {
        match command.name() {
            "SELECT" | "EXAMINE" => (self.news.open, self.news.attended) = (true, false),
            "UNSELECT" | "CLOSE" => (self.news.open, self.news.attended) = (false, false),
            _ => {}
        }
        self.idle |= self.session.in_flight() == 0;
        self.session.send(command)
    }

    /// Writes a line that belongs to the command under way.
    pub fn send_line(&mut self, line: &str) {
        self.session.send_line(line);
    }

    /// As [`Connection::run`], with the message that the command announces.
    ///
    /// # Errors
    /// Those of [`Connection::run`]. When the message cannot be read as announced, the connection is given up.
    pub async fn run_with(
        &mut self,
        command: Command,
        content: Content,
        mut on: impl FnMut(Event<'_>) -> Result<(), Error>,
    ) -> Result<Completion, Error> {
        let tag = self.send(command);
        self.contents.insert(tag, content);
        let completion = self.wait(tag, &mut on).await;
        // A server may refuse it before it was asked for it.
        self.contents.remove(&tag);
        completion
    }

    /// Sends a command and hands every event to `on` until it is complete. `NO` and `BAD` are
    /// completions too; [`Connection::ok`] makes errors of them.
    ///
    /// # Errors
    /// When the connection breaks, or `on` does not want to go on.
    pub async fn run(
        &mut self,
        command: Command,
        mut on: impl FnMut(Event<'_>) -> Result<(), Error>,
    ) -> Result<Completion, Error> {
        let tag = self.send(command);
        self.wait(tag, &mut on).await
    }

    /// As [`Connection::run`], where only OK is good.
    ///
    /// # Errors
    /// Those of [`Connection::run`], and the server's `NO` or `BAD` as a finding.
    pub async fn ok(
        &mut self,
        command: Command,
        on: impl FnMut(Event<'_>) -> Result<(), Error>,
    ) -> Result<Completion, Error> {
        let name = command.name();
        let completion = self.run(command, on).await?;
        if completion.status == Status::Ok {
            return Ok(completion);
        }
        Err(self.refused(name, &completion))
    }

    /// The server's `NO` or `BAD` to a command, as a finding.
    #[must_use]
    pub fn refused(&self, name: &str, completion: &Completion) -> Error {
        let code = completion.code.as_ref().map(Code::written);
        let mut finding = mailbox_refusal(self.around(), code.as_deref(), &completion.text);
        // NO is an answer; a BAD that nothing is known of says that somebody did not understand.
        if completion.status != Status::No && finding.verdict == Verdict::RequestRefused {
            finding = Finding::new(Stage::Mailbox, Service::Imap, Verdict::ProtocolError, "");
        }
        finding.evidence = format!("{} answered {name} with: {}", self.host, completion.line());
        finding.into()
    }

    fn around(&self) -> Around<'_> {
        Around { host: &self.host, greeting: &self.greeting, username: "" }
    }

    /// Hands events to `on` until `tag` is complete.
    ///
    /// # Errors
    /// When the connection breaks, or `on` does not want to go on.
    pub async fn wait(
        &mut self,
        tag: Tag,
        on: &mut impl FnMut(Event<'_>) -> Result<(), Error>,
    ) -> Result<Completion, Error> {
        loop {
            if let Some(completion) = self.completion(tag) {
                return Ok(completion);
            }
            if !self.step(on)? {
                self.fill(Stage::Mailbox).await?;
            }
        }
    }

    /// How a command ended, once it has: told one time.
    pub fn completion(&mut self, tag: Tag) -> Option<Completion> {
        self.completions.remove(&tag)
    }

    /// Handles at most one event of what was received; false when more must be read. Completions are kept
    /// for [`Connection::completion`], everything else goes to `on`.
    ///
    /// # Errors
    /// When the stream cannot be followed, or `on` does not want to go on.
    pub fn step(&mut self, on: &mut impl FnMut(Event<'_>) -> Result<(), Error>) -> Result<bool, Error> {
        let all = self.buffer.get(self.unread.clone()).unwrap_or_default();
        let mut input = all;
        let polled = self.session.poll_event(&mut input);
        let taken = all.len() - input.len();
        let event = polled.map_err(|error| broken(&self.host, &error))?;
        self.unread.start += taken;
        let Some(event) = event else { return Ok(false) };
        if let Event::Untagged(Response::Status { status: Status::Bye, text, .. }) = &event {
            self.bye = Some(format!("* BYE {text}"));
        }
        // Where the tagged OK has another code, the limit comes before it.
        if let Event::Untagged(Response::Status { code: Some(Code::MessageLimit(limit, lowest)), .. }) =
            &event
        {
            (self.message_limit, self.stopped) = (Some(*limit), *lowest);
        }
        // IMAP4rev2 names a mailbox that is opened by a LIST (RFC 9051, section 6.3.2): no news.
        let opening = |name| self.session.rev2() && self.session.is_under_way(name);
        let known =
            matches!(&event, Event::Untagged(Response::List(_))) && (opening("SELECT") || opening("EXAMINE"));
        if !known {
            self.news.note(&event);
        }
        match event {
            Event::Completed { tag, status, code, text } => {
                if let Some(Code::MessageLimit(limit, lowest)) = &code {
                    (self.message_limit, self.stopped) = (Some(*limit), *lowest);
                }
                let stopped = self.stopped.take().filter(|_| status == Status::Ok);
                self.completions.insert(tag, Completion { status, code, text, stopped });
                if matches!(self.compression, Compression::Asked(asked) if asked == tag) {
                    self.answered_compression(status);
                }
            }
            other => on(other)?,
        }
        Ok(true)
    }

    /// Writes what is to be written, then waits for bytes. Call when [`Connection::step`] gave false.
    ///
    /// # Errors
    /// [`Verdict::ConnectionLost`] when the other end is gone, or silent for two minutes (before the login:
    /// half a minute); [`Verdict::ProtocolError`] when what it sends cannot be unpacked.
    pub async fn fill(&mut self, stage: Stage) -> Result<(), Error> {
        self.flush(stage).await?;
        self.take_in(Wait::Answer(stage)).await
    }

    /// Waits for octets until some can be read: of what is compressed, more than one receipt may be needed.
    async fn take_in(&mut self, wait: Wait) -> Result<(), Error> {
        let count = loop {
            if let Compression::On(deflate) = &mut self.compression {
                match deflate.unpack(&mut self.buffer) {
                    Ok(0) => {}
                    Ok(count) => break count,
                    Err(damaged) => return Err(unfollowable(&self.host, &damaged)),
                }
            }
            let count = self.receive(wait).await?;
            match &mut self.compression {
                Compression::On(deflate) => deflate.received(count),
                Compression::Off | Compression::Asked(_) | Compression::Refused => break count,
            }
        };
        if let Some(tape) = &mut self.tape {
            tape.received(self.buffer.get(..count).unwrap_or_default());
        }
        self.unread = 0..count;
        Ok(())
    }

    /// Waits for octets from the pipe; a wait for an answer is measured.
    async fn receive(&mut self, wait: Wait) -> Result<usize, Error> {
        let room = match &mut self.compression {
            Compression::On(deflate) => deflate.room(),
            Compression::Off | Compression::Asked(_) | Compression::Refused => self.buffer.as_mut_slice(),
        };
        let reading = self.pipe.read(room);
        let count = match wait {
            Wait::News => {
                let read = reading.await;
                self.came(Stage::Mailbox, read)?
            }
            Wait::Answer(stage) => {
                if std::mem::take(&mut self.asked) {
                    self.traffic.round_trips += 1;
                }
                let patience = if stage < Stage::Login { SILENCE_AT_FIRST } else { SILENCE };
                let begun = Instant::now();
                let Ok(read) = timeout(patience, reading).await else {
                    let said = format!("{} was silent for {} s", self.host, patience.as_secs());
                    return Err(silent(stage, Service::Imap, said));
                };
                let count = self.came(stage, read)?;
                if std::mem::take(&mut self.idle) {
                    self.pace.answered(begun.elapsed());
                } else {
                    self.pace.received(count as u64, begun.elapsed());
                }
                count
            }
        };
        self.traffic.bytes_in += count as u64;
        Ok(count)
    }

    /// Octets that came, when any did.
    fn came(&mut self, stage: Stage, read: std::io::Result<usize>) -> Result<usize, Error> {
        match read {
            Err(error) => Err(lost(stage, Service::Imap, format!("{}: {error}", self.host))),
            Ok(0) => {
                let why = self.bye.take().map_or_else(
                    || format!("{} closed the connection", self.host),
                    |bye| format!("{} said: {bye}", self.host),
                );
                Err(lost(stage, Service::Imap, why))
            }
            Ok(count) => Ok(count),
        }
    }

    /// Waits, for as long as it takes, for octets that nobody asked for. Nothing is lost when the wait is given
    /// up. Call when [`Connection::step`] gave false and nothing is to be written.
    ///
    /// # Errors
    /// [`Verdict::ConnectionLost`] when the other end is gone.
    pub(crate) async fn listen(&mut self) -> Result<(), Error> {
        self.take_in(Wait::News).await
    }

    /// Writes what is to be written.
    ///
    /// # Errors
    /// [`Verdict::ConnectionLost`], or a message that cannot be read.
    pub async fn flush(&mut self, stage: Stage) -> Result<(), Error> {
        loop {
            while let Some(bytes) = self.session.poll_output() {
                self.write(stage, &bytes).await?;
            }
            let Some((tag, octets)) = self.session.poll_content() else { return Ok(()) };
            self.write_content(stage, tag, octets).await?;
            self.session.content_written();
        }
    }

    async fn write_content(&mut self, stage: Stage, tag: Tag, octets: u64) -> Result<(), Error> {
        let host = self.host.clone();
        let unreadable = |why: &dyn std::fmt::Display| {
            StoreError::Damaged(format!("a message cannot be read on its way to {host}: {why}"))
        };
        let Some(Content { mut source, .. }) = self.contents.remove(&tag) else {
            return Err(unreadable(&"it was not given").into());
        };
        let (mut left, mut piece) = (octets, vec![0; PIECE]);
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let room = piece.get_mut(..most).unwrap_or_default();
            let count = source.read(room).map_err(|error| unreadable(&error))?;
            if count == 0 {
                return Err(unreadable(&"it ends too early").into());
            }
            left -= count as u64;
            self.write(stage, piece.get(..count).unwrap_or_default()).await?;
        }
        Ok(())
    }

    async fn write(&mut self, stage: Stage, bytes: &[u8]) -> Result<(), Error> {
        self.asked = true;
        if let Some(tape) = &mut self.tape {
            tape.sent(bytes);
        }
        let packed = match &mut self.compression {
            Compression::On(deflate) => {
                Some(deflate.pack(bytes).map_err(|damaged| unfollowable(&self.host, &damaged))?)
            }
            _ => None,
        };
        let mut left = packed.as_deref().unwrap_or(bytes);
        self.traffic.bytes_out += left.len() as u64;
        let host = &self.host;
        let gone = |error| lost(stage, Service::Imap, format!("{host}: {error}"));
        let stalled = || lost(stage, Service::Imap, format!("{host} takes no more bytes"));
        // Only silence counts: a large message on a slow line may take as long as it does.
        while !left.is_empty() {
            let written = timeout(SILENCE, self.pipe.write(left)).await.map_err(|_| stalled())?;
            let count = written.map_err(gone)?;
            if count == 0 {
                return Err(stalled());
            }
            left = left.get(count..).unwrap_or_default();
        }
        timeout(SILENCE, self.pipe.flush()).await.map_err(|_| stalled())?.map_err(gone)
    }

    /// Whether what goes through is compressed (RFC 4978).
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        matches!(self.compression, Compression::On(_))
    }

    /// How many octets come in a time; `None` while nobody knows.
    pub(crate) fn octets_in(&self, time: Duration) -> Option<u64> {
        self.pace.octets_in(time)
    }

    /// Whether it is still open if [`Connection::compress`] will be worth its while: the server offers it, and the link
    /// is not measured yet. Ask for little at a time until then.
    pub(crate) fn is_undecided(&self) -> bool {
        self.may_compress() && !self.pace.is_known()
    }

    /// Whether compression pays for another `left` octets: the link is slower than the server could deflate.
    pub(crate) fn wants_compression(&self, left: u64) -> bool {
        self.may_compress() && self.pace.pays(left)
    }

    fn may_compress(&self) -> bool {
        matches!(self.compression, Compression::Off) && self.capabilities().has("COMPRESS=DEFLATE")
    }

    /// Whether the server is so far away that compression pays for much mail before anything was measured.
    pub(crate) fn is_far(&self) -> bool {
        self.pace.is_far()
    }

    /// Asks for compression behind what is under way, and gives the tag to wait for; nothing may be sent before that one
    /// is complete (RFC 4978, section 3). With the server's OK the connection goes on compressed. Call after the login
    /// only, because the length of what is compressed together with a secret can tell of the secret.
    ///
    /// A server that refuses, for TLS compresses already (`COMPRESSIONACTIVE`) or for another reason, is not asked again.
    pub(crate) fn ask_compression(&mut self) -> Option<Tag> {
        if !self.may_compress() {
            return None;
        }
        let tag = self.send(Command::new("COMPRESS").raw("DEFLATE"));
        self.compression = Compression::Asked(tag);
        Some(tag)
    }

    /// As [`Connection::ask_compression`], and waits for the answer. Does nothing while a command is under way: a
    /// server that answers in the middle of others is not to be tempted where nothing is won.
    ///
    /// # Errors
    /// When the connection breaks.
    pub(crate) async fn compress(&mut self) -> Result<(), Error> {
        if self.session.in_flight() > 0 {
            return Ok(());
        }
        if let Some(tag) = self.ask_compression() {
            self.wait(tag, &mut |_| Ok(())).await?;
        }
        Ok(())
    }

    fn answered_compression(&mut self, status: Status) {
        self.compression = if status == Status::Ok {
            // Everything behind the line end of the OK is compressed, whatever it answers.
            let left = self.buffer.get(self.unread.clone()).unwrap_or_default();
            let deflate = Deflate::new(left);
            self.unread = 0..0;
            Compression::On(Box::new(deflate))
        } else {
            Compression::Refused
        };
    }

    /// After the OK to STARTTLS: gives the pipe for the handshake and what makes a connection of it
    /// again.
    ///
    /// # Errors
    /// [`Verdict::StarttlsStripped`] when bytes came before the handshake.
    pub fn into_starttls(mut self) -> Result<(Pipe, StartTls), Error> {
        let left = self.buffer.get(self.unread.clone()).unwrap_or_default();
        self.session.start_tls(left).map_err(|error| broken(&self.host, &error))?;
        let Self { pipe, host, greeting, session, traffic, tape, .. } = self;
        Ok((pipe, StartTls { host, greeting, session, traffic, tape }))
    }
}

/// A session between its STARTTLS and the end of the handshake.
#[derive(Debug)]
pub struct StartTls {
    host: String,
    greeting: String,
    session: Session,
    traffic: Traffic,
    tape: Option<Tape>,
}

impl StartTls {
    /// Goes on over the protected pipe.
    #[must_use]
    pub fn resume(self, pipe: Pipe) -> Connection {
        let Self { host, greeting, session, traffic, tape } = self;
        if let Some(tape) = &tape {
            tape.tls();
        }
        Connection { greeting, session, traffic, tape, ..Connection::new(pipe, host) }
    }
}

fn unfollowable(host: &str, error: &dyn std::fmt::Display) -> Error {
    Finding::new(Stage::Mailbox, Service::Imap, Verdict::ProtocolError, format!("{host}: {error}")).into()
}

fn broken(host: &str, error: &SessionError) -> Error {
    let evidence = match error {
        SessionError::NotImap(said) => format!("{host} said: {said}"),
        other => format!("{host}: {other}"),
    };
    let (stage, verdict) = match error {
        SessionError::NotImap(_) => (Stage::Greeting, Verdict::NotAMailServer),
        SessionError::BytesBeforeTls => (Stage::Tls, Verdict::StarttlsStripped),
        SessionError::Wire(_) | SessionError::Desynchronised(_) => (Stage::Mailbox, Verdict::ProtocolError),
    };
    Finding::new(stage, Service::Imap, verdict, evidence).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn greeted_by(line: &'static str) -> Result<(Status, String), Error> {
        let (near, mut far) = tokio::io::duplex(1024);
        far.write_all(line.as_bytes()).await.unwrap();
        drop(far);
        Connection::new(near, "imap.example.org").greeting().await
    }

    #[tokio::test]
    async fn the_first_line_tells_what_answered() {
        assert_eq!(greeted_by("* OK ready\r\n").await.unwrap(), (Status::Ok, "ready".into()));
        for (line, verdict) in [
            ("HTTP/1.1 400 Bad Request\r\n", Verdict::NotAMailServer),
            ("* BYE not today\r\n", Verdict::GreetingRefused),
            ("* BYE [UNAVAILABLE] not today\r\n", Verdict::TemporaryFailure),
            ("* OK half a li", Verdict::ConnectionLost),
        ] {
            let Err(Error::Finding(finding)) = greeted_by(line).await else { panic!("{line}") };
            assert_eq!(finding.verdict, verdict, "{line}");
        }
    }

    #[tokio::test]
    async fn a_refusal_after_the_login_says_what_it_is_about() {
        for (line, verdict) in [
            ("NO Unsafe Login. Please contact the support", Verdict::IdRequired),
            ("BAD User is authenticated but not connected.", Verdict::AccountNotConnected),
            ("NO [OVERQUOTA] full", Verdict::MailboxFull),
            ("NO [REFERRAL imap://new.example.org/] gone", Verdict::MailboxMoved),
            ("NO what?", Verdict::RequestRefused),
            ("BAD what?", Verdict::ProtocolError),
        ] {
            let (near, mut far) = tokio::io::duplex(1024);
            far.write_all(format!("* OK hi\r\na1 {line}\r\n").as_bytes()).await.unwrap();
            let mut connection = Connection::new(near, "imap.example.org");
            connection.greeting().await.unwrap();
            let result = connection.ok(Command::new("NOOP"), |_| Ok(())).await;
            let Err(Error::Finding(finding)) = result else { panic!("{line}") };
            assert_eq!(finding.verdict, verdict, "{line}");
            assert_eq!(finding.evidence, format!("imap.example.org answered NOOP with: {line}"));
        }
    }

    #[tokio::test]
    async fn one_command_is_one_round_trip_and_pipelined_ones_share_it() {
        let (near, mut far) = tokio::io::duplex(1024);
        far.write_all(b"* OK hi\r\n").await.unwrap();
        let mut connection = Connection::new(near, "x");
        connection.greeting().await.unwrap();
        let first = connection.send(Command::new("NOOP"));
        let second = connection.send(Command::new("NOOP"));
        let server = tokio::spawn(async move {
            let mut request = vec![0; 18];
            far.read_exact(&mut request).await.unwrap();
            far.write_all(b"a1 OK\r\na2 OK\r\n").await.unwrap();
            far
        });
        connection.wait(first, &mut |_| Ok(())).await.unwrap();
        connection.wait(second, &mut |_| Ok(())).await.unwrap();
        server.await.unwrap();
        assert_eq!(connection.traffic().round_trips, 1);
    }
}
