//! From an address to settings, over the network: every source at once, under one deadline.

use crate::net::{Method, NetError, Network, Pipe, millis};
use restante_core::diagnosis::{Finding, Service as Side, Stage, Verdict};
use restante_core::discovery::{
    Ask, AskId, Discovery, Document, Reply, Search, SearchOptions, TraceLine, What,
};
use restante_core::mail::Address;
use restante_core::settings::srv::{Record, Service};
use restante_core::settings::{Protocol, Security, autodiscover, srv};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

/// Where Thunderbird keeps the ISPDB.
pub const ISPDB: &str = "https://autoconfig.thunderbird.net/v1.1/";
/// How long a guessed server may take to show that it is one.
const PROBE: Duration = Duration::from_secs(4);
/// A greeting or capability line longer than this is nobody's.
const LINE: usize = 4096;
/// An EHLO reply with more lines than this is nobody's.
const LINES: usize = 64;

/// What a person may choose about a discovery.
#[derive(Clone, Debug)]
pub struct DiscoverOptions {
    /// When to stop, whatever is still open.
    pub deadline: Duration,
    /// Where the ISPDB is; without it none is asked.
    pub ispdb: Option<String>,
    /// Hear every source that is alive, also when nothing better can come.
    pub thorough: bool,
}

impl Default for DiscoverOptions {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(10), ispdb: Some(ISPDB.to_owned()), thorough: false }
    }
}

/// Looks for the settings of an address. Neither the part before the `@` nor a password leaves this
/// machine. `progress` sees every question as it is answered.
///
/// Dropping the future ends everything that it began.
pub async fn discover(
    network: &Network,
    address: &Address,
    options: &DiscoverOptions,
    progress: &mut dyn FnMut(&TraceLine),
) -> Discovery {
    let begin = Instant::now();
    let deadline = begin + options.deadline;
    let chosen = SearchOptions { ispdb: options.ispdb.clone(), thorough: options.thorough };
    let mut search = Search::new(address, chosen, jiff::Timestamp::now());
    let mut running: JoinSet<(AskId, Reply, u64)> = JoinSet::new();
    loop {
        let elapsed = begin.elapsed();
        for (id, ask) in search.next_asks(elapsed) {
            let network = network.clone();
            let limit = deadline.saturating_duration_since(Instant::now());
            running.spawn(async move {
                let asked = Instant::now();
                let reply = perform(&network, &ask, limit).await;
                (id, reply, millis(asked.elapsed()))
            });
        }
        if search.is_over(elapsed) || Instant::now() >= deadline {
            break;
        }
        let wake = search.next_look(begin.elapsed()).map_or(deadline, |look| (begin + look).min(deadline));
        match timeout_at(wake, running.join_next()).await {
            Ok(Some(Ok((id, reply, ms)))) => {
                if let Some(line) = search.handle(id, reply, ms) {
                    progress(&line);
                }
            }
            // Nothing runs: what is left waits for time to pass.
            Ok(None) => tokio::time::sleep_until(wake).await,
            Ok(Some(Err(_))) | Err(_) => {}
        }
    }
    search.finish(begin.elapsed())
}

async fn perform(network: &Network, ask: &Ask, limit: Duration) -> Reply {
    let document = async |method: Method, url: &str| {
        network.fetch(method, url, limit).await.map_or_else(
            |error| reply_of(&error),
            |answer| {
                let activesync =
                    answer.header("MS-ASProtocolVersions").map(|text| text.chars().take(80).collect());
                Reply::Document(Document {
                    activesync,
                    hops: answer.hops.into_iter().map(|hop| hop.url).collect(),
                    status: answer.status,
                    body: answer.body,
                    date: answer.date,
                })
            },
        )
    };
    let records = async |name: &str| {
        network.srv(name).await.map_or_else(
            |error| reply_of(&error),
            |records| {
                let records = records.into_iter().map(|record| Record {
                    priority: record.priority,
                    weight: record.weight,
                    port: record.port,
                    target: record.target,
                });
                Reply::Srv(records.collect())
            },
        )
    };
    match &ask.what {
        What::Fetch(url) => document(Method::Get, url).await,
        What::Post(post) => {
            let body = autodiscover::request(&post.about, post.schema);
            document(Method::Post("text/xml; charset=utf-8", body.into_bytes()), &post.url).await
        }
        What::Options(url) => document(Method::Options, url).await,
        What::Srv(service, domain) => records(&service.name(domain)).await,
        What::SrvAutodiscover(domain) => records(&srv::autodiscover_name(domain)).await,
        What::Txt(name) => network.txt(name).await.map_or_else(|error| reply_of(&error), Reply::Txt),
        What::Mx(domain) => {
            let (found, signed) = tokio::join!(network.mx(domain), network.is_mx_signed(domain));
            found.map_or_else(
                |error| reply_of(&error),
                |exchanges| Reply::Mx {
                    exchanges: exchanges.into_iter().map(|mx| mx.exchange).collect(),
                    signed,
                },
            )
        }
        What::Probe(service, host, port) => {
            spoke(*service, host, *port, probe(network, *service, host, *port, host)).await
        }
        What::Vouch(service, host, port, name) => {
            spoke(*service, host, *port, probe(network, *service, host, *port, name)).await
        }
        What::Bridge(service, port) => {
            let greeted = async {
                let mut pipe = Pipe::Plain(network.connect("127.0.0.1", *port).await?);
                greeting(&mut pipe, *service).await
            };
            spoke(*service, "127.0.0.1", *port, greeted).await
        }
    }
}

/// What a conversation with a mail server amounts to.
async fn spoke(
    service: Service,
    host: &str,
    port: u16,
    conversation: impl Future<Output = Result<String, Unusable>>,
) -> Reply {
    match timeout(PROBE, conversation).await {
        Ok(Ok(greeting)) => Reply::Spoke(greeting),
        Ok(Err(Unusable::Net(error))) => match reply_of(&error) {
            Reply::Failed(_) => Reply::Failed(error.finding(side(service))),
            other => other,
        },
        Ok(Err(Unusable::Said(verdict, said))) => {
            let stage =
                if verdict == Verdict::StarttlsNotOffered { Stage::Capability } else { Stage::Greeting };
            Reply::Failed(Finding::new(stage, side(service), verdict, format!("{host} port {port}: {said}")))
        }
        Err(_) => {
            let said = format!("{host} port {port} did not connect and greet within {} ms", millis(PROBE));
            Reply::Failed(Finding::new(Stage::Connect, side(service), Verdict::PortBlocked, said))
        }
    }
}

fn side(service: Service) -> Side {
    if service.protocol() == Protocol::Smtp { Side::Smtp } else { Side::Imap }
}

fn reply_of(error: &NetError) -> Reply {
    match error {
        NetError::NameNotFound(_) => Reply::NoSuchName(error.to_string()),
        error if error.is_absent() => Reply::Absent(error.to_string()),
        error => Reply::Failed(error.finding(Side::Discovery)),
    }
}

/// Why a guessed server is not one.
enum Unusable {
    Net(NetError),
    Said(Verdict, String),
}

impl From<NetError> for Unusable {
    fn from(error: NetError) -> Self {
        Self::Net(error)
    }
}

/// Connects, protects with a certificate verified for `name`, and reads the greeting. No user name and no
/// password is sent.
async fn probe(
    network: &Network,
    service: Service,
    host: &str,
    port: u16,
    name: &str,
) -> Result<String, Unusable> {
    let stream = network.connect(host, port).await?;
    if service.security() == Security::Tls {
        let mut pipe = Pipe::Tls(Box::new(network.tls(name, stream).await?));
        let greeting = greeting(&mut pipe, service).await?;
        return Ok(greeting);
    }
    let mut pipe = Pipe::Plain(stream);
    let greeting = greeting(&mut pipe, service).await?;
    let no_starttls = || Unusable::Said(Verdict::StarttlsNotOffered, "STARTTLS is not offered".to_owned());
    if service.protocol() == Protocol::Smtp {
        // An address literal that says nothing about this machine (RFC 5321, section 4.1.3).
        let offers = smtp(&mut pipe, "EHLO [127.0.0.1]\r\n").await?;
        if !offers
            .iter()
            .any(|line| line.get(4..).is_some_and(|word| word.trim().eq_ignore_ascii_case("STARTTLS")))
        {
            return Err(no_starttls());
        }
        let answer = smtp(&mut pipe, "STARTTLS\r\n").await?;
        if !answer.first().is_some_and(|line| line.starts_with("220")) {
            return Err(no_starttls());
        }
    } else {
        let offers = imap(&mut pipe, "r1", "CAPABILITY").await?;
        if !offers.to_ascii_uppercase().split_whitespace().any(|word| word == "STARTTLS") {
            return Err(no_starttls());
        }
        let answer = imap(&mut pipe, "r2", "STARTTLS").await?;
        if !answer.lines().any(|line| line.to_ascii_uppercase().starts_with("R2 OK")) {
            return Err(no_starttls());
        }
    }
    pipe.starttls(network, name).await?;
    Ok(greeting)
}

async fn greeting(pipe: &mut Pipe, service: Service) -> Result<String, Unusable> {
    let first = line(pipe).await?;
    let upper = first.to_ascii_uppercase();
    let (good, refused): (&[&str], &[&str]) = match service.protocol() {
        Protocol::Smtp => (&["220"], &["4", "5"]),
        _ => (&["* OK", "* PREAUTH"], &["* BYE"]),
    };
    if good.iter().any(|start| upper.starts_with(start)) {
        // An SMTP greeting may have more lines (RFC 5321, section 4.2).
        let mut last = first.clone();
        for _ in 0..LINES {
            if service.protocol() != Protocol::Smtp || last.as_bytes().get(3) != Some(&b'-') {
                return Ok(first);
            }
            last = line(pipe).await?;
        }
    }
    let verdict = if refused.iter().any(|start| upper.starts_with(start)) {
        Verdict::GreetingRefused
    } else {
        Verdict::NotAMailServer
    };
    Err(Unusable::Said(verdict, format!("it said `{}`", first.chars().take(80).collect::<String>())))
}

/// One SMTP command and every line of its reply.
async fn smtp(pipe: &mut Pipe, command: &str) -> Result<Vec<String>, Unusable> {
    send(pipe, command).await?;
    let mut lines = Vec::new();
    while lines.len() < LINES {
        let line = line(pipe).await?;
        let more = line.as_bytes().get(3) == Some(&b'-');
        lines.push(line);
        if !more {
            break;
        }
    }
    Ok(lines)
}

/// One IMAP command and every line until it is done.
async fn imap(pipe: &mut Pipe, tag: &str, command: &str) -> Result<String, Unusable> {
    send(pipe, &format!("{tag} {command}\r\n")).await?;
    let mut answer = String::new();
    for _ in 0..LINES {
        let line = line(pipe).await?;
        let done = line.split(' ').next().is_some_and(|first| first.eq_ignore_ascii_case(tag));
        answer.push_str(&line);
        answer.push('\n');
        if done {
            break;
        }
    }
    Ok(answer)
}

async fn send(pipe: &mut Pipe, text: &str) -> Result<(), Unusable> {
    let sent = async {
        pipe.write_all(text.as_bytes()).await?;
        pipe.flush().await
    };
    sent.await.map_err(|error| Unusable::Said(Verdict::ConnectionLost, error.to_string()))
}

/// One line, read byte by byte so that nothing after it is taken: what follows may be a handshake.
async fn line(pipe: &mut (impl AsyncRead + Unpin)) -> Result<String, Unusable> {
    let mut bytes = Vec::new();
    loop {
        match pipe.read_u8().await {
            Ok(b'\n') => break,
            Ok(byte) if bytes.len() < LINE => bytes.push(byte),
            Ok(_) => return Err(Unusable::Said(Verdict::NotAMailServer, "its line has no end".to_owned())),
            Err(error) => return Err(Unusable::Said(Verdict::ConnectionLost, error.to_string())),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

#[cfg(test)]
mod tests;
