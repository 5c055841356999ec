//! The server Dovecot asks before it lets somebody in (its "auth policy"): the only way to make it refuse with
//! words of our choice.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::state::State;
use crate::{Context, Result};

/// The port, on the address of the mail servers.
pub(crate) const PORT: u16 = 12346;
const LONGEST: usize = 64 * 1024;

/// Answers for as long as the runtime lives. A file `refusals/USER` holds the words.
pub(crate) async fn start(address: Ipv4Addr, state: State) -> Result<()> {
    let listener =
        TcpListener::bind((address, PORT)).await.context(|| format!("cannot listen on {address}:{PORT}"))?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let state = state.clone();
            tokio::spawn(async move {
                if let Err(error) = serve(stream, &state).await {
                    eprintln!("policy: {error}");
                }
            });
        }
    });
    Ok(())
}

/// Where the words for a user are.
pub(crate) fn refusal(state: &State, user: &str) -> std::path::PathBuf {
    state.refusals().join(user.to_ascii_lowercase().replace('/', "_"))
}

async fn serve(mut stream: TcpStream, state: &State) -> Result<()> {
    let mut request = Vec::new();
    let body = loop {
        if request.len() > LONGEST || stream.read_buf(&mut request).await? == 0 {
            return Err("a request that is none".into());
        }
        if let Some(body) = body(&request) {
            break body;
        }
    };
    let asked: serde_json::Value = serde_json::from_slice(body)?;
    let user = asked["login"].as_str().unwrap_or_default();
    let answer = match std::fs::read_to_string(refusal(state, user)) {
        Ok(words) => serde_json::json!({"status": -1, "msg": words}),
        Err(_) => serde_json::json!({"status": 0, "msg": ""}),
    };
    let answer = answer.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.len()
    );
    Ok(stream.write_all((head + &answer).as_bytes()).await?)
}

/// The body of a request, once all of it is there.
fn body(request: &[u8]) -> Option<&[u8]> {
    let text = str::from_utf8(request).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })?;
    body.as_bytes().get(..length)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_body_is_read_once_it_is_whole() {
        let request = b"POST / HTTP/1.1\r\nHost: x\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(super::body(request), Some(&b"{}"[..]));
        assert_eq!(super::body(&request[..request.len() - 1]), None);
        assert_eq!(super::body(b"POST / HTTP/1.1\r\n\r\n{}"), None);
    }
}
