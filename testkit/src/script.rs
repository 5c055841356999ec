//! A server that follows a script: dialogues that can be read aloud.
//!
//! ```text
//! S: * OK [CAPABILITY IMAP4rev1] ready
//! C: a1 EXAMINE "INBOX"
//! S: * 2 EXISTS
//! S: a1 OK opened
//! ```
//!
//! `S:` lines are sent, each with CRLF. `C:` lines must be what the client writes next, to the letter. Blank
//! lines and what follows `--` are for the reader.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use crate::{Context, Result};

/// How long the client may take to write its next line.
const PATIENCE: Duration = Duration::from_secs(10);

/// Plays the server's part to the end of the script, then closes.
///
/// # Errors
/// When the client writes something else, or goes.
pub async fn play<S: AsyncRead + AsyncWrite + Unpin>(stream: S, script: &str) -> Result<()> {
    let mut stream = BufReader::new(stream);
    for (number, line) in script.lines().enumerate() {
        let line = line.trim_start();
        let at = || format!("line {} of the script", number + 1);
        // An editor may take the space off an empty line.
        let line = match line {
            "S:" => "S: ",
            "C:" => "C: ",
            line => line,
        };
        if let Some(text) = line.strip_prefix("S: ") {
            stream.write_all(format!("{text}\r\n").as_bytes()).await.context(at)?;
            stream.flush().await.context(at)?;
        } else if let Some(expected) = line.strip_prefix("C: ") {
            let mut written = String::new();
            let reading = timeout(PATIENCE, stream.read_line(&mut written)).await;
            reading.map_err(|_| format!("{}: the client did not write `{expected}`", at()))?.context(at)?;
            let written = written.trim_end_matches(['\r', '\n']);
            if written != expected {
                return Err(format!("{}: expected `{expected}`, the client wrote `{written}`", at()).into());
            }
        } else if !line.is_empty() && !line.starts_with("--") {
            return Err(format!("{} begins with neither S: nor C:", at()).into());
        }
    }
    Ok(())
}
