//! A small HTTP/1.1 client (RFC 9112) for documents that providers publish: no cookies, no credentials,
//! every redirect reported.

use super::{NetError, Network, Pipe};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Longer answers are refused: no settings document comes near.
const BODY: usize = 1 << 20;
/// More hops than these are a loop or a trick.
const REDIRECTS: usize = 5;

/// What to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// Nothing but the question.
    Get,
    /// A document with its media type.
    Post(&'static str, Vec<u8>),
    /// Which methods the address takes (RFC 9110, section 9.3.7).
    Options,
}

/// One address that was asked on the way to the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// `https` or `http`.
    pub scheme: String,
    /// The host, lower-cased.
    pub host: String,
    /// The whole address.
    pub url: String,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status of the last hop.
    pub status: u16,
    /// The address of the last hop.
    pub url: String,
    /// Every address asked, the first and the last included.
    pub hops: Vec<Hop>,
    /// The media type as sent.
    pub content_type: Option<String>,
    /// The server's clock, when it says.
    pub date: Option<jiff::Timestamp>,
    /// The body, at most 1 MiB.
    pub body: Vec<u8>,
    headers: header::HeaderMap,
}

impl Answer {
    /// Whether every hop was protected.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.hops.iter().all(|hop| hop.scheme == "https")
    }

    /// A header field of the last answer, when it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Network {
    /// Asks an `https:` or `http:` address, follows up to five redirects, and reports each.
    ///
    /// A redirect changes a POST to a GET unless it is 307 or 308 (RFC 9110, section 15.4), and leaves OPTIONS
    /// as it is. User names and passwords in an address are refused, not sent.
    ///
    /// # Errors
    /// Those of connecting; [`NetError::Http`] for what is not HTTP, breaks a limit or takes longer than
    /// `limit`.
    pub async fn fetch(&self, method: Method, url: &str, limit: Duration) -> Result<Answer, NetError> {
        let http = |said: String| NetError::Http { url: url.to_owned(), said };
        match timeout(limit, self.follow(method, url)).await {
            Ok(done) => done,
            Err(_) => Err(http(format!("no complete answer within {} ms", super::millis(limit)))),
        }
    }

    async fn follow(&self, mut method: Method, url: &str) -> Result<Answer, NetError> {
        let mut target = Target::parse(url)?;
        let mut hops = Vec::new();
        loop {
            hops.push(target.hop());
            let response = self.exchange(&method, &target).await?;
            let status = response.status();
            match location(&response) {
                Some(location) if hops.len() <= REDIRECTS => {
                    let keeps =
                        matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
                    if !keeps && matches!(method, Method::Post(..)) {
                        method = Method::Get;
                    }
                    target = target.join(&location)?;
                }
                Some(_) => return Err(target.fault(format!("more than {REDIRECTS} redirects"))),
                None => {
                    let text = |name| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
                    let content_type = text(header::CONTENT_TYPE);
                    let date = text(header::DATE).and_then(|date| {
                        jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()
                    });
                    let headers = response.headers().clone();
                    let body = read(response, &target).await?;
                    return Ok(Answer {
                        status: status.as_u16(),
                        url: target.url(),
                        hops,
                        content_type,
                        date,
                        body,
                        headers,
                    });
                }
            }
        }
    }

    /// One request on a connection of its own. The answer's body is still on the way.
    async fn exchange(&self, method: &Method, target: &Target) -> Result<Reply, NetError> {
        let pipe = if target.is_https() {
            self.connect_https(&target.host, target.port).await?
        } else {
            Pipe::Plain(self.connect(&target.host, target.port).await?)
        };
        let broke = |error: hyper::Error| target.fault(format!("not an HTTP answer ({error})"));
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(64 << 10)
            .handshake::<_, Full<Bytes>>(TokioIo::new(pipe))
            .await
            .map_err(broke)?;
        // The set ends its task when it is dropped, so that no connection outlives its question.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let builder = Request::builder()
            .uri(&target.path)
            .header(header::HOST, target.authority())
            .header(header::USER_AGENT, concat!("restante/", env!("CARGO_PKG_VERSION")))
            .header(header::ACCEPT, "*/*")
            .header(header::CONNECTION, "close");
        let request = match method {
            Method::Get => builder.method("GET").body(Full::default()),
            Method::Options => builder.method("OPTIONS").body(Full::default()),
            Method::Post(kind, body) => builder
                .method("POST")
                .header(header::CONTENT_TYPE, *kind)
                .body(Full::new(Bytes::from(body.clone()))),
        };
        let request = request.map_err(|_| NetError::BadUrl(target.url()))?;
        let response = sender.send_request(request).await.map_err(broke)?;
        Ok(Reply { response, _driver: driver })
    }
}

/// An answer with the task that feeds it.
struct Reply {
    response: Response<Incoming>,
    _driver: JoinSet<hyper::Result<()>>,
}

impl Reply {
    fn status(&self) -> StatusCode {
        self.response.status()
    }

    fn headers(&self) -> &header::HeaderMap {
        self.response.headers()
    }
}

async fn read(mut reply: Reply, target: &Target) -> Result<Vec<u8>, NetError> {
    let mut body = Vec::new();
    while let Some(frame) = reply.response.body_mut().frame().await {
        let frame = frame.map_err(|error| target.fault(format!("the answer broke off ({error})")))?;
        if let Some(data) = frame.data_ref() {
            if body.len() + data.len() > BODY {
                return Err(target.fault("the answer is longer than 1 MiB".to_owned()));
            }
            body.extend_from_slice(data);
        }
    }
    Ok(body)
}

fn location(reply: &Reply) -> Option<String> {
    if !matches!(reply.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    Some(reply.headers().get(header::LOCATION)?.to_str().ok()?.to_owned())
}

/// An address taken apart.
#[derive(Clone, Debug)]
struct Target {
    scheme: String,
    host: String,
    port: u16,
    path: String,
}

impl Target {
    fn parse(url: &str) -> Result<Self, NetError> {
        let bad = || NetError::BadUrl(url.to_owned());
        let without_fragment = url.split('#').next().unwrap_or_default();
        let uri: Uri = without_fragment.parse().map_err(|_| bad())?;
        let scheme = uri.scheme_str().ok_or_else(bad)?.to_ascii_lowercase();
        let authority = uri.authority().ok_or_else(bad)?;
        let default = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            _ => return Err(bad()),
        };
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(bad());
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self {
            scheme,
            host: authority.host().to_ascii_lowercase(),
            port: authority.port_u16().unwrap_or(default),
            path: if path.is_empty() { "/".to_owned() } else { path },
        })
    }

    /// Where a `Location` leads from here (RFC 3986, section 5, without dot segments).
    fn join(&self, location: &str) -> Result<Self, NetError> {
        if location.starts_with("//") {
            return Self::parse(&format!("{}:{location}", self.scheme));
        }
        if location.split(['/', '?', '#']).next().is_some_and(|head| head.contains(':')) {
            return Self::parse(location);
        }
        let origin = format!("{}://{}", self.scheme, self.authority());
        if location.starts_with('/') {
            return Self::parse(&format!("{origin}{location}"));
        }
        let path = self.path.split('?').next().unwrap_or("/");
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        Self::parse(&format!("{origin}{folder}/{location}"))
    }

    fn is_https(&self) -> bool {
        self.scheme == "https"
    }

    fn authority(&self) -> String {
        match (self.scheme.as_str(), self.port) {
            ("https", 443) | ("http", 80) => self.host.clone(),
            _ => format!("{}:{}", self.host, self.port),
        }
    }

    fn url(&self) -> String {
        format!("{}://{}{}", self.scheme, self.authority(), self.path)
    }

    fn hop(&self) -> Hop {
        Hop { scheme: self.scheme.clone(), host: self.host.clone(), url: self.url() }
    }

    fn fault(&self, said: String) -> NetError {
        NetError::Http { url: self.url(), said }
    }
}
