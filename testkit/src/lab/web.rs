//! The laboratory's web server: files below `web/HOST/PATH` (HTTPS) and `web-http/HOST/PATH` (HTTP).
//!
//! A file is read anew for every request. `PATH.http` beside or instead of `PATH` holds a whole answer: the status
//! code on the first line, header fields, an empty line, the body. `PATH.asked` is served in place of both when the
//! request has a query. Certificates are made for whatever name a
//! client asks for; the file `tls/HOST` may name a broken [`Variant`] to use instead.

use std::collections::HashMap;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::ca::{Ca, Variant};
use super::state::State;
use crate::{Context, Result};

const LONGEST_HEAD: usize = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

/// Binds 80 and 443 and serves for as long as the runtime lives.
pub(crate) async fn start(address: Ipv4Addr, state: State, ca: Arc<Ca>) -> Result<()> {
    let plain = TcpListener::bind((address, 80)).await.context(|| format!("HTTP on {address}"))?;
    let secure = TcpListener::bind((address, 443)).await.context(|| format!("HTTPS on {address}"))?;
    let acceptor = acceptor(ca, state.dir().join("tls"))?;
    let state = Arc::new(state);
    let for_plain = Arc::clone(&state);
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = plain.accept().await else { continue };
            let state = Arc::clone(&for_plain);
            tokio::spawn(tokio::time::timeout(PATIENCE, async move { serve(stream, "http", &state).await }));
        }
    });
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = secure.accept().await else { continue };
            let (state, acceptor) = (Arc::clone(&state), acceptor.clone());
            tokio::spawn(tokio::time::timeout(PATIENCE, async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream, "https", &state).await;
                }
            }));
        }
    });
    Ok(())
}

/// TLS with a certificate for any name.
pub(crate) fn acceptor(ca: Arc<Ca>, overrides: PathBuf) -> Result<TlsAcceptor> {
    let resolver = Resolver { ca, overrides, made: Mutex::default() };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    Ok(TlsAcceptor::from(Arc::new(config)))
}

struct Resolver {
    ca: Arc<Ca>,
    overrides: PathBuf,
    made: Mutex<HashMap<(String, &'static str), Arc<CertifiedKey>>>,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?.to_ascii_lowercase();
        let variant = std::fs::read_to_string(self.overrides.join(&name))
            .ok()
            .and_then(|word| Variant::from_name(word.trim()))
            .unwrap_or(Variant::Good);
        let mut made = self.made.lock().ok()?;
        let key = (name, variant.name());
        if let Some(found) = made.get(&key) {
            return Some(Arc::clone(found));
        }
        let certified = self.ca.certified(variant, &key.0).ok()?;
        made.insert(key, Arc::clone(&certified));
        Some(certified)
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, scheme: &str, state: &State) {
    let Some(request) = read_request(&mut stream).await else { return };
    if let Err(error) = log(state, scheme, &request) {
        eprintln!("web: {error}");
    }
    let answer = answer(&state.web(scheme), &request);
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
}

struct Request {
    method: String,
    host: String,
    path: String,
    authorization: bool,
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if bytes.len() > LONGEST_HEAD || stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(bytes.get(..end)?).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let mut request = Request { method, host: String::new(), path, authorization: false };
    let mut length = 0_usize;
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.to_ascii_lowercase().as_str() {
            "host" => {
                let host = value.trim();
                request.host = host.split_once(':').map_or(host, |(host, _)| host).to_ascii_lowercase();
            }
            "authorization" => request.authorization = true,
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    // The body is read so that the client can finish writing it, and then forgotten: it may hold an address.
    let mut left = length.saturating_sub(bytes.len() - end - 4).min(1 << 20);
    let mut sink = [0; 4096];
    while left > 0 {
        match stream.read(&mut sink).await.ok()? {
            0 => break,
            n => left = left.saturating_sub(n),
        }
    }
    Some(request)
}

fn log(state: &State, scheme: &str, request: &Request) -> Result<()> {
    let line = serde_json::json!({
        "method": request.method,
        "scheme": scheme,
        "host": request.host,
        "path": request.path,
        "authorization": request.authorization,
    });
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(state.requests())?;
    // One write for one line: two requests at once must not mix.
    Ok(file.write_all(format!("{line}\n").as_bytes())?)
}

fn answer(root: &Path, request: &Request) -> Vec<u8> {
    let path = request.path.split('?').next().unwrap_or_default().trim_start_matches('/');
    let inside = |text: &str| text.split('/').all(|part| part != ".." && part != ".");
    if !inside(path) || !inside(&request.host) || request.host.is_empty() || request.host.contains('/') {
        return render("400", &[], b"");
    }
    let folder = root.join(&request.host);
    let file = folder.join(if path.is_empty() { "index.html" } else { path });
    let beside = |end: &str| {
        let mut path = file.clone().into_os_string();
        path.push(end);
        path
    };
    let asked = request.path.contains('?').then(|| std::fs::read(beside(".asked")).ok()).flatten();
    if let Some(body) = asked {
        return render("200", &["Content-Type: text/xml; charset=utf-8"], &body);
    }
    let whole = beside(".http");
    if let Ok(text) = std::fs::read(&whole) {
        let at = text.windows(2).position(|window| window == b"\n\n").unwrap_or(text.len());
        let head = String::from_utf8_lossy(text.get(..at).unwrap_or_default()).into_owned();
        let mut lines = head.lines();
        let status = lines.next().unwrap_or("500").to_owned();
        let fields: Vec<&str> = lines.collect();
        return render(&status, &fields, text.get(at + 2..).unwrap_or_default());
    }
    match std::fs::read(&file) {
        Ok(body) => {
            let kind = match file.extension().and_then(|extension| extension.to_str()) {
                Some("xml") => "Content-Type: text/xml; charset=utf-8",
                Some("json") => "Content-Type: application/json",
                Some("html") => "Content-Type: text/html; charset=utf-8",
                _ => "Content-Type: application/octet-stream",
            };
            render("200", &[kind], &body)
        }
        Err(_) => render("404", &["Content-Type: text/plain"], b"not here\n"),
    }
}

fn render(status: &str, fields: &[&str], body: &[u8]) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {status} Lab\r\nConnection: close\r\n");
    for field in fields {
        out.push_str(field);
        out.push_str("\r\n");
    }
    out.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    let mut out = out.into_bytes();
    out.extend_from_slice(body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(root: &Path, host: &str, path: &str) -> String {
        let request =
            Request { method: "GET".into(), host: host.into(), path: path.into(), authorization: false };
        String::from_utf8(answer(root, &request)).unwrap()
    }

    #[test]
    fn a_file_is_served_whatever_the_query_says_and_nothing_outside_is() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a.test/mail")).unwrap();
        std::fs::write(dir.path().join("a.test/mail/config-v1.1.xml"), "<x/>").unwrap();
        std::fs::write(dir.path().join("secret"), "s").unwrap();
        let found = get(dir.path(), "a.test", "/mail/config-v1.1.xml?emailaddress=a%40a.test");
        assert!(found.starts_with("HTTP/1.1 200") && found.ends_with("\r\n\r\n<x/>"), "{found}");
        assert!(get(dir.path(), "b.test", "/mail/config-v1.1.xml").starts_with("HTTP/1.1 404"));
        for (host, path) in [("a.test", "/../secret"), ("..", "/secret"), ("", "/secret")] {
            assert!(get(dir.path(), host, path).starts_with("HTTP/1.1 400"), "{host} {path}");
        }
    }

    #[test]
    fn a_query_may_have_an_answer_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a.test")).unwrap();
        std::fs::write(dir.path().join("a.test/x.http"), "400\n\n").unwrap();
        std::fs::write(dir.path().join("a.test/x.asked"), "yes").unwrap();
        assert!(get(dir.path(), "a.test", "/x").starts_with("HTTP/1.1 400"));
        let answer = get(dir.path(), "a.test", "/x?who=me");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("yes"), "{answer}");
    }

    #[test]
    fn a_whole_answer_may_be_prepared() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a.test")).unwrap();
        std::fs::write(dir.path().join("a.test/x.http"), "302\nLocation: https://b.test/\n\ngo").unwrap();
        let answer = get(dir.path(), "a.test", "/x");
        assert!(answer.starts_with("HTTP/1.1 302 Lab\r\n"), "{answer}");
        assert!(
            answer.contains("\r\nLocation: https://b.test/\r\n") && answer.ends_with("\r\n\r\ngo"),
            "{answer}"
        );
    }
}
