//! What went through connections, for a person to share: every line, without secrets.
//!
//! A transcript is a script that the project's scripted server can replay: `C:` and `S:` lines, `TLS` for a
//! handshake, `<redacted>` for what was taken out.

use restante_core::Secret;
use restante_core::diagnosis;
use restante_core::settings::{Protocol, Security, Settings};
use std::sync::{Arc, Mutex, PoisonError};

/// Lines kept of one connection.
const LINES: usize = 5000;
/// Octets kept of one line.
const OCTETS: usize = 2000;
/// What stands for something taken out.
const REDACTED: &str = "<redacted>";

/// The conversations of one task. Clones write to the same.
#[derive(Clone, Debug)]
pub struct Transcript {
    conversations: Arc<Mutex<Vec<Vec<String>>>>,
    hidden: Arc<Vec<String>>,
    secret: Option<Arc<Secret>>,
}

impl Transcript {
    /// An empty one. The words of `hidden`, as an address and a user name, are taken out wherever they
    /// stand alone; the secret is taken out even inside other words. A word of one octet stays, and so does a
    /// secret of less than four, for they would be found everywhere.
    #[must_use]
    pub fn new(hidden: &[&str], secret: Option<&Secret>) -> Self {
        let words = hidden.iter().filter(|word| word.len() >= 2);
        let mut hidden: Vec<String> = words.map(|word| (*word).to_owned()).collect();
        // The longer first: an address before the user name that is a part of it.
        hidden.sort_by_key(|word| std::cmp::Reverse(word.len()));
        let secret = secret.filter(|secret| secret.expose().len() >= 4);
        let secret = secret.map(|secret| Arc::new(Secret::new(secret.expose())));
        Self { conversations: Arc::default(), hidden: Arc::new(hidden), secret }
    }

    /// A text without the secret and without the hidden words.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        // Some servers repeat what they were sent, in whatever form it was.
        let secret = self.secret.as_deref().map(Secret::expose).unwrap_or_default();
        let users = self.hidden.iter().map(String::as_str).chain([""]);
        for user in users.filter(|_| !secret.is_empty()) {
            let lines = text.split('\n').map(|line| diagnosis::conceal(line, user, secret, REDACTED));
            text = lines.collect::<Vec<_>>().join("\n");
        }
        for word in self.hidden.iter() {
            text = without_word(&text, word);
        }
        text
    }

    /// Everything so far.
    #[must_use]
    pub fn text(&self) -> String {
        let conversations = self.conversations.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = conversations.iter().flatten();
        lines.flat_map(|line| [line.as_str(), "\n"]).collect()
    }

    /// Begins to write down one connection.
    pub(crate) fn tape(&self, settings: &Settings) -> Tape {
        let protocol = settings.protocol;
        let word = if protocol == Protocol::Smtp { "smtp" } else { "imap" };
        let mut conversations = self.conversations.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = vec![format!("-- connection: {word} {settings}")];
        if settings.security == Security::Tls {
            lines.push("TLS".to_owned());
        }
        conversations.push(lines);
        Tape {
            transcript: self.clone(),
            at: conversations.len() - 1,
            protocol,
            sent: Vec::new(),
            received: Vec::new(),
            login: None,
        }
    }
}

/// One connection being written down.
#[derive(Debug)]
pub(crate) struct Tape {
    transcript: Transcript,
    at: usize,
    protocol: Protocol,
    sent: Vec<u8>,
    received: Vec<u8>,
    /// A login is under way: the tag that ends it (IMAP), or nothing (SMTP).
    login: Option<String>,
}

impl Tape {
    /// Octets that were written.
    pub(crate) fn sent(&mut self, bytes: &[u8]) {
        let mut pending = std::mem::take(&mut self.sent);
        for line in lines(&mut pending, bytes) {
            let line = self.outgoing(&line);
            self.push(format!("C: {line}"));
        }
        self.sent = pending;
    }

    /// Octets that were read.
    pub(crate) fn received(&mut self, bytes: &[u8]) {
        let mut pending = std::mem::take(&mut self.received);
        for line in lines(&mut pending, bytes) {
            let line = self.incoming(&line);
            self.push(format!("S: {line}"));
        }
        self.received = pending;
    }

    /// TLS was started on the connection.
    pub(crate) fn tls(&self) {
        self.push("TLS".to_owned());
    }

    fn outgoing(&mut self, line: &str) -> String {
        if self.login.is_some() && line != "*" {
            return REDACTED.to_owned();
        }
        let words: Vec<&str> = line.split(' ').collect();
        let is = |word: Option<&&str>, verb: &str| word.is_some_and(|word| word.eq_ignore_ascii_case(verb));
        let (kept, login) = match self.protocol {
            Protocol::Smtp if is(words.first(), "AUTH") => (2, Some(String::new())),
            Protocol::Smtp => (0, None),
            _ if is(words.get(1), "AUTHENTICATE") => (3, words.first().map(|tag| (*tag).to_owned())),
            _ if is(words.get(1), "LOGIN") => (2, words.first().map(|tag| (*tag).to_owned())),
            _ => (0, None),
        };
        if login.is_none() {
            return self.transcript.redact(line);
        }
        self.login = login;
        let mut shown = words.iter().take(kept).copied().collect::<Vec<_>>().join(" ");
        if words.len() > kept {
            shown.push(' ');
            shown.push_str(REDACTED);
        }
        shown
    }

    fn incoming(&mut self, line: &str) -> String {
        let Some(tag) = &self.login else { return self.transcript.redact(line) };
        let challenge = match self.protocol {
            Protocol::Smtp => "334 ",
            _ => "+ ",
        };
        if let Some(text) = line.strip_prefix(challenge) {
            // A challenge with its answer, of SCRAM for one, is enough to try passwords against.
            return if text.is_empty() { challenge.to_owned() } else { format!("{challenge}{REDACTED}") };
        }
        let over = match self.protocol {
            Protocol::Smtp => line.as_bytes().get(3) == Some(&b' '),
            _ => line.strip_prefix(tag.as_str()).is_some_and(|rest| rest.starts_with(' ')),
        };
        if over {
            self.login = None;
        }
        self.transcript.redact(line)
    }

    fn push(&self, line: String) {
        let mut conversations = self.transcript.conversations.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(lines) = conversations.get_mut(self.at) else { return };
        match lines.len() {
            0..LINES => lines.push(line),
            LINES => lines.push("-- the rest is not kept".to_owned()),
            _ => {}
        }
    }
}

/// The whole lines that `bytes` completes, each cut to [`OCTETS`]; what is left over waits in `pending`.
fn lines(pending: &mut Vec<u8>, bytes: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    for piece in bytes.split_inclusive(|b| *b == b'\n') {
        let room = OCTETS.saturating_sub(pending.len()).min(piece.len());
        pending.extend_from_slice(piece.get(..room).unwrap_or_default());
        if piece.ends_with(b"\n") {
            let line = String::from_utf8_lossy(pending);
            lines.push(line.trim_end_matches(['\r', '\n']).to_owned());
            pending.clear();
        }
    }
    lines
}

/// Takes out a word wherever it stands alone, in any case. A user name `mail` is not taken out of
/// `mail.example.org`.
fn without_word(text: &str, word: &str) -> String {
    // ASCII case only: that keeps the offsets.
    let (low, word) = (text.to_ascii_lowercase(), word.to_ascii_lowercase());
    let belongs = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    let mut shown = String::new();
    let mut from = 0;
    for (at, found) in low.match_indices(&word) {
        let end = at + found.len();
        let mut after = low.get(end..).unwrap_or_default().chars();
        // A full stop at the end of a sentence does not belong to the word.
        let goes_on = match after.next() {
            Some('.') => after.next().is_some_and(belongs),
            next => next.is_some_and(belongs),
        };
        let begun = low.get(..at).and_then(|before| before.chars().next_back()).is_some_and(belongs);
        if begun || goes_on {
            continue;
        }
        shown.push_str(text.get(from..at).unwrap_or_default());
        shown.push_str(REDACTED);
        from = end;
    }
    shown.push_str(text.get(from..).unwrap_or_default());
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(protocol: Protocol, security: Security) -> Settings {
        Settings {
            protocol,
            host: "mail.example.org".into(),
            port: 993,
            security,
            authentication: Vec::new(),
            username: "ann@example.org".into(),
        }
    }

    #[test]
    fn an_imap_login_is_written_down_without_what_is_secret() {
        let transcript = Transcript::new(&["ann@example.org"], Some(&Secret::new("hunter2")));
        let mut tape = transcript.tape(&settings(Protocol::Imap, Security::Tls));
        tape.received(b"* OK hello Ann@Example.org\r\n* OK ");
        tape.received(b"more\r\n");
        tape.sent(b"a1 AUTHENTICATE SCRAM-SHA-256 biws\r\n");
        tape.received(b"+ cj1y\r\n");
        tape.sent(b"Yz1iaXdz\r\n");
        tape.received(b"+ \r\na1 OK in, hunter2\r\n");
        tape.sent(b"a2 LOGIN \"ann@example.org\" {7}\r\n");
        tape.received(b"+ go on\r\n");
        tape.sent(b"hunter2\r\n");
        tape.received(b"a2 NO no\r\n");
        tape.sent(b"a3 NOOP\r\n");
        assert_eq!(
            transcript.text(),
            "-- connection: imap mail.example.org:993/tls\nTLS\nS: * OK hello <redacted>\nS: * OK more\n\
             C: a1 AUTHENTICATE SCRAM-SHA-256 <redacted>\nS: + <redacted>\nC: <redacted>\nS: + \n\
             S: a1 OK in, <redacted>\nC: a2 LOGIN <redacted>\nS: + <redacted>\nC: <redacted>\nS: a2 NO no\n\
             C: a3 NOOP\n"
        );
    }

    #[test]
    fn a_submission_login_is_written_down_without_what_is_secret() {
        let transcript = Transcript::new(&["ann@example.org"], None);
        let mut tape = transcript.tape(&settings(Protocol::Smtp, Security::StartTls));
        tape.received(b"220 hello\r\n");
        tape.tls();
        tape.sent(b"AUTH LOGIN\r\n");
        tape.received(b"334 VXNlcm5hbWU6\r\n");
        tape.sent(b"YW5u\r\n");
        tape.received(b"535-5.7.8 no\r\n535 5.7.8 ann@example.org\r\n");
        tape.sent(b"MAIL FROM:<ann@example.org>\r\n");
        assert_eq!(
            transcript.text(),
            "-- connection: smtp mail.example.org:993/starttls\nS: 220 hello\nTLS\nC: AUTH LOGIN\n\
             S: 334 <redacted>\nC: <redacted>\nS: 535-5.7.8 no\nS: 535 5.7.8 <redacted>\n\
             C: MAIL FROM:<<redacted>>\n"
        );
    }

    #[test]
    fn a_command_that_a_server_repeats_shows_no_secret_in_any_form() {
        let transcript = Transcript::new(&["ann@example.org"], Some(&Secret::new("hunter2!")));
        let mut tape = transcript.tape(&settings(Protocol::Imap, Security::Tls));
        let plain = restante_core::sasl::encode(b"\0ann@example.org\0hunter2!");
        let alone = restante_core::sasl::encode(b"hunter2!");
        tape.sent(format!("a1 AUTHENTICATE PLAIN {plain}\r\n").as_bytes());
        tape.received(format!("a1 NO failed: AUTHENTICATE PLAIN {plain}\r\n").as_bytes());
        tape.received(format!("* NO also {alone} and hunter2!\r\n").as_bytes());
        let text = transcript.text();
        for secret in [plain.as_str(), &alone, "hunter2!"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(text.contains("S: a1 NO failed: AUTHENTICATE PLAIN <redacted>\n"), "{text}");
    }

    #[test]
    fn a_user_name_is_not_taken_out_of_other_words() {
        let transcript = Transcript::new(&["mail@example.org", "mail", "ann"], Some(&Secret::new("hunter2")));
        for (text, redacted) in [
            ("mail.example.org port 993", "mail.example.org port 993"),
            ("Mail@Example.org: user <mail>.", "<redacted>: user <<redacted>>."),
            ("webmail, e-mail, mailer", "webmail, e-mail, mailer"),
            ("nobody called mail.", "nobody called <redacted>."),
            ("xhunter2x", "x<redacted>x"),
            ("login ann with PLAIN, Anna", "login <redacted> with PLAIN, Anna"),
        ] {
            assert_eq!(transcript.redact(text), redacted);
        }
    }

    #[test]
    fn a_talkative_server_fills_no_memory() {
        let transcript = Transcript::new(&[], None);
        let mut tape = transcript.tape(&settings(Protocol::Imap, Security::StartTls));
        tape.received(&[b'x'; 100_000]);
        tape.received("\r\ny".repeat(10_000).as_bytes());
        assert!(transcript.text().len() < OCTETS + 6 * LINES, "{}", transcript.text().len());
        assert!(transcript.text().ends_with("-- the rest is not kept\n"));
    }
}
