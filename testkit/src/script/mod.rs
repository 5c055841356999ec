//! A server that follows a script: dialogues that can be read aloud.
//!
//! ```text
//! S: * OK [CAPABILITY IMAP4rev1] ready
//! C: a1 EXAMINE "INBOX"
//! S: * 2 EXISTS
//! S: a1 OK opened
//! ```
//!
//! `S:` lines are sent, each with CRLF. `C:` lines must be what the client writes next, to the letter, but for
//! `<redacted>` in them, which stands for anything. `TLS` is a handshake, `SILENCE` waits until the client gives up.
//! Blank lines and what follows `--` are for the reader.
//!
//! [`play`] is one side of one stream. [`Server`] listens, and plays a script for each connection that comes.

mod server;

pub use server::{Opening, Place, Server};

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use crate::{Context, Result};

/// How long the client may take to write its next line.
const PATIENCE: Duration = Duration::from_secs(10);

/// Plays the server's part to the end of the script, then closes.
///
/// # Errors
/// When the client writes something else, or goes; when the script wants TLS, which only a [`Server`] can do.
pub async fn play<S: AsyncRead + AsyncWrite + Unpin>(stream: S, script: &str) -> Result<()> {
    let mut stream = BufReader::new(stream);
    for line in Line::read_all(script)? {
        perform(&mut stream, &line).await?;
    }
    Ok(())
}

/// Splits what `restante doctor --trace` wrote into its conversations: each with its title, as
/// `imap imap.example.org:993/tls`, and the script that replays it.
#[must_use]
pub fn conversations(trace: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for line in trace.lines() {
        if let Some(title) = line.strip_prefix("-- connection: ") {
            all.push((title.to_owned(), String::new()));
        } else if let Some((_, script)) = all.last_mut() {
            script.push_str(line);
            script.push('\n');
        }
    }
    all
}

/// One line of a script, with its number for complaints.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    number: usize,
    act: Act,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Act {
    Say(String),
    Expect(String),
    Tls,
    Silence,
}

impl Line {
    fn read_all(script: &str) -> Result<Vec<Self>> {
        let mut lines: Vec<Self> = Vec::new();
        for (at, line) in script.lines().enumerate() {
            let line = line.trim_start();
            let act = match (line, line.split_once(": ")) {
                // An editor may take the space off an empty line.
                ("S:", _) => Act::Say(String::new()),
                ("C:", _) => Act::Expect(String::new()),
                ("TLS", _) => Act::Tls,
                ("SILENCE", _) => Act::Silence,
                (_, Some(("S", text))) => Act::Say(text.to_owned()),
                (_, Some(("C", text))) => Act::Expect(text.to_owned()),
                (line, _) if line.is_empty() || line.starts_with("--") => continue,
                _ => return Err(format!("line {} of the script is none: `{line}`", at + 1).into()),
            };
            match (lines.last_mut(), act) {
                // What is said in one go arrives in one go.
                (Some(Self { act: Act::Say(said), .. }), Act::Say(more)) => {
                    said.push_str("\r\n");
                    said.push_str(&more);
                }
                (_, act) => lines.push(Self { number: at + 1, act }),
            }
        }
        Ok(lines)
    }
}

async fn perform<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>, line: &Line) -> Result<()> {
    let at = || format!("line {} of the script", line.number);
    match &line.act {
        Act::Say(text) => {
            stream.write_all(format!("{text}\r\n").as_bytes()).await.context(at)?;
            stream.flush().await.context(at)
        }
        Act::Expect(expected) => {
            let mut written = String::new();
            let reading = timeout(PATIENCE, stream.read_line(&mut written)).await;
            reading.map_err(|_| format!("{}: the client did not write `{expected}`", at()))?.context(at)?;
            let written = written.trim_end_matches(['\r', '\n']);
            if fits(expected, written) {
                return Ok(());
            }
            Err(format!("{}: expected `{expected}`, the client wrote `{written}`", at()).into())
        }
        Act::Silence => {
            let mut nothing = Vec::new();
            // However the client goes, it has given up.
            let _ = stream.read_to_end(&mut nothing).await;
            Ok(())
        }
        Act::Tls => Err(format!("{}: there is no TLS on this stream", at()).into()),
    }
}

/// Whether a line is as expected; `<redacted>` stands for anything.
fn fits(expected: &str, written: &str) -> bool {
    let mut rest = written;
    let mut parts = expected.split("<redacted>");
    let first = parts.next().unwrap_or_default();
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    let mut last = None;
    for part in parts {
        if let Some(before) = last.replace(part) {
            let Some((_, after)) = rest.split_once(before) else { return false };
            rest = after;
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_redacted_fits_anything() {
        for (expected, written, fit) in [
            ("a1 NOOP", "a1 NOOP", true),
            ("a1 NOOP", "a1 NOOP ", false),
            ("a1 AUTHENTICATE PLAIN <redacted>", "a1 AUTHENTICATE PLAIN AGFubg==", true),
            ("a1 AUTHENTICATE PLAIN <redacted>", "a2 AUTHENTICATE PLAIN AGFubg==", false),
            ("MAIL FROM:<<redacted>> SIZE=<redacted> X", "MAIL FROM:<ann@example.org> SIZE=3 X", true),
            ("MAIL FROM:<<redacted>> X", "MAIL FROM:<ann@example.org> Y", false),
            ("<redacted>", "", true),
        ] {
            assert_eq!(fits(expected, written), fit, "{expected} / {written}");
        }
    }

    #[test]
    fn a_trace_is_split_into_its_conversations() {
        let trace = "about nothing\n-- connection: imap a:993/tls\nTLS\nS: * OK\n-- connection: smtp b:587/starttls\nS: 220 b\n";
        assert_eq!(
            conversations(trace),
            [
                ("imap a:993/tls".to_owned(), "TLS\nS: * OK\n".to_owned()),
                ("smtp b:587/starttls".to_owned(), "S: 220 b\n".to_owned())
            ]
        );
    }
}
