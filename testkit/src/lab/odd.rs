//! Mail servers that are none: they speak something else, refuse at once, say nothing, or cannot be reached.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::ca::Ca;
use super::net::Net;
use super::state::State;
use super::web::{self, acceptor};
use crate::{Context, Result};

const HTTP: &str = "HTTP/1.1 400 Bad Request\r\nServer: lab\r\nContent-Type: text/html\r\nContent-Length: 40\r\n\
    Connection: close\r\n\r\n<html><body>Bad Request</body></html>\r\n\r\n";
const SSH: &str = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n";
const PREAUTH: &str = "* PREAUTH [CAPABILITY IMAP4rev1] nobody needs to log in here\r\n";
const BYE: &str = "* BYE Too many people are here already, come back later\r\n";
const BUSY: &str = "421 4.3.2 mx1.hoster.test Too busy, come back later\r\n";

/// How Dovecot introduces itself to Postfix: one mechanism, and the end of the introduction.
const AUTH_HELLO: &str = "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t1\nCUID\t1\n\
    COOKIE\t00112233445566778899aabbccddeeff\nDONE\n";
/// The port on which Postfix asks about passwords.
pub(crate) const AUTH_PORT: u16 = 12345;

/// Starts all of them, for as long as the runtime lives.
pub(crate) async fn start(net: Net, state: &State, ca: &Arc<Ca>) -> Result<()> {
    let tls = acceptor(Arc::clone(ca), state.dir().join("tls"))?;
    let tls = || Some(tls.clone());
    for (address, port, protection, words, then) in [
        (net.garbage(), 993, tls(), HTTP, Then::Close),
        (net.garbage(), 465, tls(), HTTP, Then::Close),
        (net.garbage(), 143, None, HTTP, Then::Close),
        (net.garbage(), 587, None, HTTP, Then::Close),
        (net.preauth(), 993, tls(), PREAUTH, Then::Wait),
        (net.preauth(), 143, None, PREAUTH, Then::Wait),
        (net.bye(), 993, tls(), BYE, Then::Close),
        (net.bye(), 143, None, BYE, Then::Close),
        (net.bye(), 465, tls(), BUSY, Then::Close),
        (net.bye(), 587, None, BUSY, Then::Close),
        (net.ssh(), 993, None, SSH, Then::Close),
        (net.ssh(), 143, None, SSH, Then::Close),
        (net.ssh(), 465, None, SSH, Then::Close),
        (net.ssh(), 587, None, SSH, Then::Close),
        (net.silent(), 993, None, "", Then::Wait),
        (net.silent(), 143, None, "", Then::Wait),
        (net.silent(), 465, None, "", Then::Wait),
        (net.silent(), 587, None, "", Then::Wait),
        (net.silent(), 443, None, "", Then::Wait),
    ] {
        greet(address, port, protection, words, then).await?;
    }
    forget_passwords(net.dead_auth()).await?;
    for port in [993, 143, 465, 587] {
        black_hole(net.blocked(), port).await?;
    }
    for address in [net.blocked(), net.web_only()] {
        web::start(address, state.clone(), Arc::clone(ca)).await?;
    }
    Ok(())
}

/// What follows the greeting.
#[derive(Clone, Copy)]
enum Then {
    Close,
    /// Listen without a word until the client leaves.
    Wait,
}

/// Says the same words to everybody, inside TLS where there is some.
async fn greet(
    address: Ipv4Addr,
    port: u16,
    tls: Option<TlsAcceptor>,
    words: &'static str,
    then: Then,
) -> Result<()> {
    let listener = listen(address, port).await?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                match tls {
                    None => say(stream, words, then).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            say(stream, words, then).await;
                        }
                    }
                }
            });
        }
    });
    Ok(())
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, words: &str, then: Then) {
    // Who has left already misses nothing.
    let _ = stream.write_all(words.as_bytes()).await;
    let _ = stream.flush().await;
    match then {
        Then::Close => drop(stream.shutdown().await),
        Then::Wait => {
            let mut sink = [0; 1024];
            while stream.read(&mut sink).await.is_ok_and(|n| n > 0) {}
        }
    }
}

/// Introduces itself to Postfix as Dovecot does, and goes away whenever it is asked about a password.
async fn forget_passwords(address: Ipv4Addr) -> Result<()> {
    let listener = listen(address, AUTH_PORT).await?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.write_all(AUTH_HELLO.as_bytes()).await;
                let mut said = Vec::new();
                while stream.read_buf(&mut said).await.is_ok_and(|n| n > 0) {
                    if said.windows(5).any(|word| word == b"AUTH\t") {
                        return;
                    }
                }
            });
        }
    });
    Ok(())
}

/// A port that never answers: nobody accepts, and once its queue is full the system drops what comes.
async fn black_hole(address: Ipv4Addr, port: u16) -> Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((address, port).into()).context(|| format!("cannot listen on {address}:{port}"))?;
    let listener = socket.listen(1)?;
    let mut waiting = Vec::new();
    // Loopback answers within a millisecond, or not at all.
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(30), TcpStream::connect((address, port))).await
    {
        waiting.push(stream);
    }
    tokio::spawn(async move {
        let kept = (listener, waiting);
        std::future::pending::<()>().await;
        drop(kept);
    });
    Ok(())
}

async fn listen(address: Ipv4Addr, port: u16) -> Result<TcpListener> {
    TcpListener::bind((address, port)).await.context(|| format!("cannot listen on {address}:{port}"))
}
