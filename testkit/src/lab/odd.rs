//! Two mail servers that are none: one speaks HTTP, one says nothing.

use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

use super::ca::Ca;
use super::state::State;
use super::web::acceptor;
use crate::{Context, Result};

const HTTP: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nServer: lab\r\nContent-Type: text/html\r\nContent-Length: 40\r\n\
    Connection: close\r\n\r\n<html><body>Bad Request</body></html>\r\n\r\n";

/// Answers every connection on the mail ports with HTTP; inside TLS on 993 and 465.
pub(crate) async fn garbage(address: Ipv4Addr, state: &State, ca: &Arc<Ca>) -> Result<()> {
    let acceptor = acceptor(Arc::clone(ca), state.dir().join("tls"))?;
    for port in [993, 465] {
        let listener = listen(address, port).await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        say(stream).await;
                    }
                });
            }
        });
    }
    for port in [143, 587] {
        let listener = listen(address, port).await?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(say(stream));
            }
        });
    }
    Ok(())
}

/// Accepts every connection on the mail ports and 443 and keeps it, without a word, until the client leaves.
pub(crate) async fn silent(address: Ipv4Addr) -> Result<()> {
    for port in [993, 143, 465, 587, 443] {
        let listener = listen(address, port).await?;
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut sink = [0; 1024];
                    while stream.read(&mut sink).await.is_ok_and(|n| n > 0) {}
                });
            }
        });
    }
    Ok(())
}

async fn say<S: AsyncWrite + Unpin>(mut stream: S) {
    let _ = stream.write_all(HTTP).await;
    let _ = stream.shutdown().await;
}

async fn listen(address: Ipv4Addr, port: u16) -> Result<TcpListener> {
    TcpListener::bind((address, port)).await.context(|| format!("cannot listen on {address}:{port}"))
}
