//! Questions to the DNS, with the ways to get no answer told apart.

use super::{NetError, Network};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError as HickoryError};
use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout};

const RESOLV_CONF: &str = "/etc/resolv.conf";
/// One question to one server.
const QUESTION: Duration = Duration::from_millis(1500);
/// All questions to all servers for one name.
const ANSWER: Duration = Duration::from_secs(5);
/// How long IPv6 addresses are waited for once the IPv4 ones are known, or the other way round
/// (RFC 8305, section 3, has 50 ms; a little more serves slow resolvers).
const OTHER_FAMILY: Duration = Duration::from_millis(100);
/// More records than this of one name are not looked at.
const RECORDS: usize = 32;

/// A mail exchanger (RFC 5321, section 5.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mx {
    /// The lower, the better.
    pub preference: u16,
    /// The host, lower-cased, without the final dot. Empty for a null MX (RFC 7505).
    pub exchange: String,
}

/// A service's location (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Srv {
    /// The lower, the better.
    pub priority: u16,
    /// The share among equals.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host, lower-cased, without the final dot. Empty where the record says that there is no such
    /// service.
    pub target: String,
}

/// The resolver of this machine, or the one a person named.
#[derive(Clone)]
pub(super) struct Dns {
    resolver: Result<TokioResolver, String>,
    /// A resolver whose word about signatures counts (RFC 6840, section 5.7): it is on this machine, so that
    /// nobody on the way can set the bit, and whoever runs the machine says that it checks, with
    /// `options trust-ad` in resolv.conf(5). Without that line it may pass on what it was told itself.
    validating: Option<SocketAddr>,
}

impl Dns {
    /// With the system's configuration, or one server `HOST[:PORT]`.
    pub(super) fn new(server: Option<&str>) -> Self {
        let config = match server {
            None => read_system_conf().map_err(|error| error.to_string()),
            Some(server) => server_config(server).map(|config| (config, ResolverOpts::default())),
        };
        let trusted =
            server.is_none() && std::fs::read_to_string(RESOLV_CONF).is_ok_and(|text| trusts_ad(&text));
        let validating = config.as_ref().ok().filter(|_| trusted).and_then(|(config, _)| local(config));
        let built = config.map(|(config, options)| {
            let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
            *builder.options_mut() = options;
            builder
        });
        let resolver = built.and_then(|mut builder| {
            limit(builder.options_mut());
            builder.build().map_err(|error| error.to_string())
        });
        Self { resolver, validating }
    }

    /// The addresses of a host, IPv6 first (RFC 8305, section 4). An address literal is its own answer.
    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, NetError> {
        let literal = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = literal.parse() {
            return Ok(vec![address]);
        }
        if host.eq_ignore_ascii_case("localhost") {
            return Ok(vec![IpAddr::from([127, 0, 0, 1]), IpAddr::from(std::net::Ipv6Addr::LOCALHOST)]);
        }
        let v6 = self.ask(host, RecordType::AAAA, address_of);
        let v4 = self.ask(host, RecordType::A, address_of);
        tokio::pin!(v6, v4);
        let (v6, v4) = tokio::select! {
            six = &mut v6 => {
                let four = if six.is_ok() { timeout(OTHER_FAMILY, v4).await.ok() } else { Some(v4.await) };
                (Some(six), four)
            }
            four = &mut v4 => {
                let six = if four.is_ok() { timeout(OTHER_FAMILY, v6).await.ok() } else { Some(v6.await) };
                (six, Some(four))
            }
        };
        let mut found = Vec::new();
        let mut error = None;
        for answer in [v6, v4].into_iter().flatten() {
            match answer {
                Ok(addresses) => found.extend(addresses),
                // A clean "none" from one family says less than a failure from the other.
                Err(e) if error.is_none() || !e.is_absent() => error = Some(e),
                Err(_) => {}
            }
        }
        match error {
            Some(NetError::NoRecords { name, .. }) if found.is_empty() => {
                Err(NetError::NoRecords { name, kind: "address".to_owned() })
            }
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }

    pub(super) async fn mx(&self, domain: &str) -> Result<Vec<Mx>, NetError> {
        let mut found = self
            .ask(domain, RecordType::MX, |data| match data {
                RData::MX(mx) => Some(Mx { preference: mx.preference, exchange: host(&mx.exchange) }),
                _ => None,
            })
            .await?;
        found.sort();
        Ok(found)
    }

    /// Whether a resolver that checks signatures, when there is one, found those of the mail exchangers good.
    /// No answer is a no.
    async fn is_mx_signed(&self, domain: &str) -> bool {
        let Some(server) = self.validating else { return false };
        let asked = Name::from_ascii(domain).map(|mut name| {
            name.set_fqdn(true);
            Query::query(name, RecordType::MX)
        });
        let Ok(query) = asked else { return false };
        timeout(QUESTION, authentic(server, query)).await.ok().flatten().unwrap_or(false)
    }

    pub(super) async fn srv(&self, name: &str) -> Result<Vec<Srv>, NetError> {
        let mut found = self
            .ask(name, RecordType::SRV, |data| match data {
                RData::SRV(srv) => Some(Srv {
                    priority: srv.priority,
                    weight: srv.weight,
                    port: srv.port,
                    target: host(&srv.target),
                }),
                _ => None,
            })
            .await?;
        found.sort();
        Ok(found)
    }

    pub(super) async fn txt(&self, name: &str) -> Result<Vec<String>, NetError> {
        self.ask(name, RecordType::TXT, |data| match data {
            RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            _ => None,
        })
        .await
    }

    pub(super) async fn exists(&self, domain: &str) -> Result<bool, NetError> {
        match self.ask(domain, RecordType::SOA, |_| Some(())).await {
            Ok(_) | Err(NetError::NoRecords { .. }) => Ok(true),
            Err(NetError::NameNotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn ask<T>(
        &self,
        name: &str,
        kind: RecordType,
        read: impl Fn(&RData) -> Option<T>,
    ) -> Result<Vec<T>, NetError> {
        let mut asked = Name::from_ascii(name).map_err(|_| NetError::BadName(name.to_owned()))?;
        // A name with a dot is complete: no search list, so that `autoconfig.example.org` never becomes
        // `autoconfig.example.org.corp.test`.
        if name.contains('.') {
            asked.set_fqdn(true);
        }
        let resolver = self.resolver.as_ref().map_err(|said| NetError::NoResolver(said.clone()))?;
        let begin = Instant::now();
        let answer = timeout(ANSWER, resolver.lookup(asked, kind)).await;
        let ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        let none = || NetError::NoRecords { name: name.to_owned(), kind: kind.to_string() };
        match answer {
            Err(_) => Err(NetError::NameTimeout { name: name.to_owned(), ms }),
            Ok(Err(error)) => Err(failure(&error, name, none(), ms)),
            Ok(Ok(lookup)) => {
                let found: Vec<T> =
                    lookup.answers().iter().filter_map(|record| read(&record.data)).take(RECORDS).collect();
                if found.is_empty() { Err(none()) } else { Ok(found) }
            }
        }
    }
}

/// Asks once by UDP with the AD bit set, which asks for the AD bit (RFC 6840, section 5.7).
async fn authentic(server: SocketAddr, query: Query) -> Option<bool> {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.metadata.authentic_data = true;
    message.add_query(query.clone());
    let id = message.metadata.id;
    let any = if server.is_ipv6() { "[::1]:0" } else { "127.0.0.1:0" };
    let socket = UdpSocket::bind(any).await.ok()?;
    socket.connect(server).await.ok()?;
    socket.send(&message.to_vec().ok()?).await.ok()?;
    let mut buffer = [0; 4096];
    loop {
        let length = socket.recv(&mut buffer).await.ok()?;
        let Ok(reply) = Message::from_vec(buffer.get(..length)?) else { continue };
        if reply.metadata.id == id && reply.queries.first() == Some(&query) {
            let good = reply.metadata.response_code == ResponseCode::NoError;
            return Some(good && reply.metadata.authentic_data);
        }
    }
}

/// Whether a resolv.conf(5) says that the name servers in it check signatures.
fn trusts_ad(text: &str) -> bool {
    let options = text.lines().filter_map(|line| line.trim().strip_prefix("options"));
    options.flat_map(str::split_whitespace).any(|word| word == "trust-ad")
}

fn local(config: &ResolverConfig) -> Option<SocketAddr> {
    let server = config.name_servers().iter().find(|server| server.ip.is_loopback())?;
    let port = server.connections.first().map_or(53, |connection| connection.port);
    Some(SocketAddr::new(server.ip, port))
}

impl Network {
    /// Whether the names of a domain's mail exchangers are signed (DNSSEC), by the word of a resolver on this
    /// machine that is said to check (`options trust-ad` in resolv.conf(5)); any other's is worth nothing.
    pub async fn is_mx_signed(&self, domain: &str) -> bool {
        self.shared.dns.is_mx_signed(domain).await
    }
}

fn address_of(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(a) => Some(IpAddr::V4(a.0)),
        RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
        _ => None,
    }
}

fn failure(error: &HickoryError, name: &str, none: NetError, ms: u64) -> NetError {
    let server = |said: String| NetError::NameServer { name: name.to_owned(), said, ms };
    match error {
        HickoryError::Dns(DnsError::NoRecordsFound(no)) => match no.response_code {
            ResponseCode::NXDomain => NetError::NameNotFound(name.to_owned()),
            ResponseCode::NoError => none,
            code => server(code_name(code)),
        },
        HickoryError::Dns(DnsError::ResponseCode(code)) => server(code_name(*code)),
        HickoryError::Timeout => NetError::NameTimeout { name: name.to_owned(), ms },
        HickoryError::NoConnections => NetError::NoResolver("no name server can be reached".to_owned()),
        HickoryError::Io(io)
            if matches!(io.kind(), ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable) =>
        {
            NetError::NoResolver(io.to_string())
        }
        other => server(format!("`{other}`")),
    }
}

fn code_name(code: ResponseCode) -> String {
    match code {
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        other => other.to_string(),
    }
}

fn host(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

fn limit(options: &mut ResolverOpts) {
    options.timeout = QUESTION;
    options.attempts = 2;
    options.try_tcp_on_error = true;
}

fn server_config(server: &str) -> Result<ResolverConfig, String> {
    let bad = |why: String| format!("the name server `{server}` cannot be used: {why}");
    let address = match server.parse::<SocketAddr>() {
        Ok(address) => address,
        Err(_) => match server.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(ip) => SocketAddr::new(ip, 53),
            Err(_) => {
                let with_port = if server.contains(':') { server.to_owned() } else { format!("{server}:53") };
                let mut found = with_port.to_socket_addrs().map_err(|error| bad(error.to_string()))?;
                found.next().ok_or_else(|| bad("it has no address".to_owned()))?
            }
        },
    };
    let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
    for connection in &mut connections {
        connection.port = address.port();
    }
    Ok(ResolverConfig::from_name_servers(vec![NameServerConfig::new(address.ip(), true, connections)]))
}

#[cfg(test)]
mod tests {
    use super::trusts_ad;

    #[test]
    fn signatures_count_only_where_the_machine_says_that_they_are_checked() {
        assert!(trusts_ad("nameserver 127.0.0.53\noptions edns0 trust-ad\n"));
        assert!(!trusts_ad("nameserver 127.0.0.11\noptions edns0\n# options trust-ad\n"));
        assert!(!trusts_ad(""));
    }
}
