//! The floor: every message over TLS, read and dropped.

use std::ffi::OsString;

use testkit::Result;
use testkit::lab::Lab;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// `bench-drain HOST PORT USER PASSWORD`
pub(super) fn run(words: &[OsString]) -> Result<i32> {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let [host, port, user, password] = words[..] else {
        return Err("bench-drain HOST PORT USER PASSWORD".into());
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let octets = runtime.block_on(drain(&Lab::current(), host, port.parse()?, user, password))?;
    println!("{octets} octets");
    Ok(0)
}

async fn drain(lab: &Lab, host: &str, port: u16, user: &str, password: &str) -> Result<u64> {
    let mut stream = testkit::tls::connect(lab, host, port).await?;
    let commands = format!(
        "a LOGIN \"{user}\" \"{password}\"\r\nb EXAMINE INBOX\r\nc UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])\r\n"
    );
    stream.write_all(commands.as_bytes()).await?;
    let mut buffer = vec![0; 128 * 1024];
    let mut octets = 0;
    let mut tail = Vec::new();
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Err("the server closed the connection before the end".into());
        }
        octets += count as u64;
        // The end may be split between two reads.
        tail.extend_from_slice(&buffer[count.saturating_sub(200)..count]);
        if tail.windows(6).any(|window| window == b"\nc OK ") {
            return Ok(octets);
        }
        let keep = tail.len().saturating_sub(200);
        tail.drain(..keep);
    }
}
