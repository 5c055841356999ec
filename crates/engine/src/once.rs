//! One page at an address of this machine that is good for one time.
//!
//! The address has a path of 128 random bits, the server listens on 127.0.0.1 only and believes no other name of
//! itself (DNS rebinding), knows GET and HEAD and nothing but that page, and ends when the page was fetched.

use std::fmt::Write as _;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The longest head of a request, in octets.
const MAX_HEAD: usize = 16 * 1024;
/// How long a browser may take for its request, and for fetching the page once it is under way.
const REQUEST: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(60);
/// The most connections at a time.
const MAX_CONNECTIONS: usize = 32;

/// A server of one page, which listens already.
#[derive(Debug)]
pub struct Once {
    listener: TcpListener,
    host: String,
    path: String,
}

impl Once {
    /// Listens at a port that the system chooses.
    ///
    /// # Errors
    /// No port can be had, or no randomness.
    pub async fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let mut path = String::from("/");
        for byte in random {
            let _ = write!(path, "{byte:02x}");
        }
        Ok(Self { listener, host: format!("127.0.0.1:{port}"), path })
    }

    /// The page's address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{}", self.host, self.path)
    }

    /// Serves `html` under a Content-Security-Policy until it was fetched, for at most `patience`; whether it was.
    ///
    /// # Errors
    /// The port is lost.
    pub async fn serve(&self, html: &str, policy: &str, patience: Duration) -> io::Result<bool> {
        let answer = Arc::new(Answer {
            head: head(html.len(), policy),
            html: html.to_owned(),
            host: self.host.clone(),
            path: self.path.clone(),
        });
        let mut open = JoinSet::new();
        let work = async {
            loop {
                tokio::select! {
                    accepted = self.listener.accept(), if open.len() < MAX_CONNECTIONS => {
                        let (stream, _) = match accepted {
                            Ok(accepted) => accepted,
                            // Somebody hung up before we were there.
                            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                            Err(error) => return Err(error),
                        };
                        let answer = Arc::clone(&answer);
                        open.spawn(async move { answer.give(stream).await.unwrap_or(false) });
                    }
                    Some(done) = open.join_next() => if let Ok(true) = done { return Ok(true) },
                }
            }
        };
        timeout(patience, work).await.unwrap_or(Ok(false))
    }
}

struct Answer {
    head: String,
    html: String,
    host: String,
    path: String,
}

impl Answer {
    /// Answers one request; whether it had the page.
    async fn give(&self, mut stream: TcpStream) -> io::Result<bool> {
        let Ok(request) = timeout(REQUEST, request(&mut stream)).await else { return Ok(false) };
        let decision = judge(&request?, &self.host, &self.path);
        let work = async {
            match decision {
                Decision::Page { whole } => {
                    stream.write_all(self.head.as_bytes()).await?;
                    if whole {
                        stream.write_all(self.html.as_bytes()).await?;
                    }
                }
                Decision::No(status) => {
                    let allow = if status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" };
                    let no = format!(
                        "HTTP/1.1 {status}\r\n{allow}Content-Length: 0\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
                    );
                    stream.write_all(no.as_bytes()).await?;
                }
            }
            stream.shutdown().await?;
            // Closed by us with something unread, the connection would be reset and the page cut off.
            let mut rest = [0; 1024];
            while stream.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        };
        let done = timeout(ANSWER, work).await;
        Ok(matches!(done, Ok(Ok(()))) && decision == Decision::Page { whole: true })
    }
}

/// The head of a request, up to the empty line; as much as there is, when it does not come.
async fn request(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while head.len() < MAX_HEAD && !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        head.extend_from_slice(buffer.get(..count).unwrap_or_default());
    }
    Ok(head)
}

/// What a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Page { whole: bool },
    No(&'static str),
}

/// Decides on the head of a request (RFC 9112).
fn judge(head: &[u8], host: &str, path: &str) -> Decision {
    let Some(text) = std::str::from_utf8(head).ok().and_then(|text| text.split_once("\r\n\r\n")) else {
        return Decision::No("400 Bad Request");
    };
    let mut lines = text.0.split("\r\n");
    let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, "HTTP/1.1" | "HTTP/1.0"] = words.as_slice() else {
        return Decision::No("400 Bad Request");
    };
    let fields: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(':')).collect();
    let hosts: Vec<&str> = fields
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("host"))
        .map(|(_, value)| value.trim())
        .collect();
    // Another name that leads here is another site's.
    if hosts != [host] {
        return Decision::No("421 Misdirected Request");
    }
    // A page is opened by a person: no other page asks for it, nor takes it for a picture, a script or a frame.
    let is = |name: &str, value: &str| {
        fields.iter().any(|(n, v)| n.eq_ignore_ascii_case(name) && !v.trim().eq_ignore_ascii_case(value))
    };
    if *target != path {
        return Decision::No("404 Not Found");
    }
    if fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("origin")) || is("sec-fetch-dest", "document")
    {
        return Decision::No("403 Forbidden");
    }
    match *method {
        "GET" => Decision::Page { whole: true },
        "HEAD" => Decision::Page { whole: false },
        _ => Decision::No("405 Method Not Allowed"),
    }
}

/// The head of the answer. Cross-Origin-Opener-Policy is missing because a page in a sandbox may not have it; links open
/// with `noopener`.
fn head(length: usize, policy: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\n\
         Content-Type: text/html; charset=utf-8\r\n\
         Content-Length: {length}\r\n\
         Content-Security-Policy: {policy}\r\n\
         Referrer-Policy: no-referrer\r\n\
         X-Content-Type-Options: nosniff\r\n\
         X-Frame-Options: DENY\r\n\
         X-DNS-Prefetch-Control: off\r\n\
         Cross-Origin-Resource-Policy: same-origin\r\n\
         Cache-Control: no-store\r\n\
         Connection: close\r\n\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    fn asks(request: &str) -> Decision {
        judge(request.as_bytes(), "127.0.0.1:80", "/abc")
    }

    #[test]
    fn only_the_page_by_its_own_name_is_given() {
        let page = Decision::Page { whole: true };
        assert_eq!(asks("GET /abc HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n"), page);
        assert_eq!(asks("GET /abc HTTP/1.1\r\nhost:127.0.0.1:80\r\nSec-Fetch-Dest: document\r\n\r\n"), page);
        assert_eq!(asks("HEAD /abc HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n"), Decision::Page { whole: false });
        for (request, status) in [
            ("GET /abc HTTP/1.1\r\nHost: localhost:80\r\n\r\n", "421"),
            ("GET /abc HTTP/1.1\r\nHost: evil.test\r\n\r\n", "421"),
            ("GET /abc HTTP/1.1\r\n\r\n", "421"),
            ("GET /abc HTTP/1.1\r\nHost: 127.0.0.1:80\r\nHost: 127.0.0.1:80\r\n\r\n", "421"),
            ("GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n", "404"),
            ("GET /abc?x HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n", "404"),
            ("GET http://127.0.0.1:80/abc HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n", "404"),
            ("GET /favicon.ico HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n", "404"),
            ("POST /abc HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n", "405"),
            ("OPTIONS /abc HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n", "405"),
            ("GET /abc HTTP/1.1\r\nHost: 127.0.0.1:80\r\nOrigin: http://evil.test\r\n\r\n", "403"),
            ("GET /abc HTTP/1.1\r\nHost: 127.0.0.1:80\r\nSec-Fetch-Dest: iframe\r\n\r\n", "403"),
            ("GET /abc\r\n\r\n", "400"),
            ("GET /abc HTTP/2\r\n\r\n", "400"),
            ("GET /abc HTTP/1.1\r\nHost: 127.0.0.1:80\r\n", "400"),
            ("\0\u{1}\r\n\r\n", "400"),
        ] {
            let given = asks(request);
            assert!(matches!(given, Decision::No(said) if said.starts_with(status)), "{request}: {given:?}");
        }
        assert_eq!(judge(b"\xff\r\n\r\n", "", ""), Decision::No("400 Bad Request"));
    }

    async fn fetch(once: &Once, request: &str) -> String {
        let mut stream = TcpStream::connect(&once.host).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        said
    }

    fn get(once: &Once) -> String {
        format!("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", once.path, once.host)
    }

    #[tokio::test]
    async fn a_page_is_given_once_and_then_nobody_listens() {
        let once = Once::bind().await.unwrap();
        assert!(once.path.len() == 33 && once.path != Once::bind().await.unwrap().path);
        let html = "x".repeat(3_000_000);
        let asker = async {
            // Neither what is no request, nor who says nothing, ends it or is in the way.
            let _silent = TcpStream::connect(&once.host).await.unwrap();
            assert!(fetch(&once, "GET / HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 421 "));
            let head = fetch(&once, &get(&once).replace("GET", "HEAD")).await;
            assert!(head.ends_with("\r\n\r\n") && head.contains("Content-Length: 3000000\r\n"), "{head}");
            for field in [
                "Content-Security-Policy: default-src 'none'; sandbox\r\n",
                "Referrer-Policy: no-referrer\r\n",
                "X-Content-Type-Options: nosniff\r\n",
                "Cache-Control: no-store\r\n",
                "Cross-Origin-Resource-Policy: same-origin\r\n",
                "X-DNS-Prefetch-Control: off\r\n",
            ] {
                assert!(head.contains(field), "{field} {head}");
            }
            fetch(&once, &get(&once)).await
        };
        let (served, said) = tokio::join!(once.serve(&html, "default-src 'none'; sandbox", SOON), asker);
        assert!(served.unwrap());
        assert!(said.ends_with(&html), "all of it came");
        let host = once.host.clone();
        drop(once);
        assert!(TcpStream::connect(&host).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_without_end() {
        let once = Once::bind().await.unwrap();
        let _silent = TcpStream::connect(&once.host).await.unwrap();
        assert!(!once.serve("x", "", SOON).await.unwrap());
    }
}
