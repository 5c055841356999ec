//! Whom to ask, in waves: first what knows the domain, then what the mail exchanger leads to, then what
//! is left when nobody knows it.

use super::rank::base_domain;
use crate::mail::Address;
use crate::settings::autodiscover::Schema;
use crate::settings::srv::{self, Service};
use crate::settings::{Protocol, Security, Source, pacc};
use std::fmt;

/// The part before the `@` where a server insists on an address: nobody's.
pub(super) const STAND_IN: &str = "test";

/// A question for the world. None of them holds the part of the person's address before the `@`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    /// Fetch a document.
    Fetch(String),
    /// Send an Autodiscover request.
    Post(Post),
    /// Ask a web server which methods an address takes (RFC 9110, section 9.3.7).
    Options(String),
    /// Ask the DNS for the SRV records of a service at a domain.
    Srv(Service, String),
    /// Ask the DNS for the Autodiscover server of a domain.
    SrvAutodiscover(String),
    /// Ask the DNS for the mail exchangers of a domain.
    Mx(String),
    /// Ask the DNS for the TXT records of a name.
    Txt(String),
    /// Connect, protect, verify the certificate and read the greeting; say no name and no password.
    Probe(Service, String, u16),
    /// The same, with the certificate verified for another name: a domain that this server says it serves.
    Vouch(Service, String, u16, String),
    /// Connect to a program on this machine and read its greeting; nothing is verified.
    Bridge(Service, u16),
}

/// An Autodiscover request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Post {
    /// Where to.
    pub url: String,
    /// About which address: a stand-in's.
    pub about: String,
    /// For what.
    pub schema: Schema,
    /// What sent us there, the first first.
    pub(super) via: Vec<String>,
    /// Why what it answers is not to be trusted, when nothing else speaks against it.
    pub(super) doubt: Option<String>,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetch(url) => f.write_str(url),
            Self::Post(post) => write!(f, "POST {}", post.url),
            Self::Options(url) => write!(f, "OPTIONS {url}"),
            Self::Srv(service, domain) => write!(f, "SRV {}", service.name(domain)),
            Self::SrvAutodiscover(domain) => write!(f, "SRV {}", srv::autodiscover_name(domain)),
            Self::Mx(domain) => write!(f, "MX {domain}"),
            Self::Txt(name) => write!(f, "TXT {name}"),
            Self::Probe(service, host, port) => write!(f, "{host}:{port}/{}", service.security()),
            Self::Vouch(service, host, port, name) => {
                write!(f, "{host}:{port}/{} for {name}", service.security())
            }
            Self::Bridge(service, port) => write!(f, "127.0.0.1:{port}/{}", service.security()),
        }
    }
}

/// Kinds of questions whose answers take about as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// One packet there and one back.
    Dns,
    /// A connection, a handshake, a document.
    Web,
    /// A connection, a handshake, a greeting.
    Mail,
}

/// A question with the source it serves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ask {
    /// The source.
    pub source: Source,
    /// The question.
    pub what: What,
}

impl Ask {
    pub(super) fn new(source: Source, what: What) -> Self {
        Self { source, what }
    }

    fn fetch(source: Source, url: String) -> Self {
        Self::new(source, What::Fetch(url))
    }

    pub(super) fn kind(&self) -> Kind {
        match self.what {
            What::Fetch(_) | What::Post(_) | What::Options(_) => Kind::Web,
            What::Srv(..) | What::SrvAutodiscover(_) | What::Mx(_) | What::Txt(_) => Kind::Dns,
            What::Probe(..) | What::Vouch(..) | What::Bridge(..) => Kind::Mail,
        }
    }

    /// Whether its answer can name, or vouch for, an IMAP server.
    pub(super) fn can_name_imap(&self) -> bool {
        match &self.what {
            What::Options(_) | What::Srv(Service::Pop3s | Service::Jmap, _) => false,
            What::Fetch(url) => !is_v2(url),
            _ => true,
        }
    }
}

fn autoconfig(domain: &str) -> String {
    format!("https://autoconfig.{domain}/mail/config-v1.1.xml")
}

/// What can be asked at once: the domain, the ISPDB, the DNS.
pub(super) fn first(address: &Address, ispdb: Option<&str>) -> Vec<Ask> {
    let domain = address.ascii_domain();
    let mut asks = vec![
        Ask::fetch(Source::Autoconfig, autoconfig(domain)),
        Ask::fetch(
            Source::AutoconfigWellKnown,
            format!("https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml"),
        ),
        Ask::fetch(Source::Pacc, pacc::url(domain)),
        Ask::new(Source::Pacc, What::Txt(pacc::digest_name(domain))),
        Ask::new(Source::MxAutoconfig, What::Mx(domain.to_owned())),
    ];
    asks.extend(ispdb.map(|base| Ask::fetch(Source::Ispdb, ispdb_url(base, domain))));
    asks.extend(Service::ALL.map(|service| Ask::new(Source::Srv, What::Srv(service, domain.to_owned()))));
    for host in [format!("autodiscover.{domain}"), domain.to_owned()] {
        asks.push(post(autodiscover_url(&host), domain, Vec::new(), None));
    }
    asks.push(Ask::fetch(Source::Autodiscover, v2_url(&format!("autodiscover.{domain}"), domain)));
    asks.push(Ask::new(Source::Autodiscover, What::SrvAutodiscover(domain.to_owned())));
    asks
}

fn ispdb_url(base: &str, domain: &str) -> String {
    format!("{}/{domain}", base.trim_end_matches('/'))
}

/// An Autodiscover server on a host, by the path that all of them have.
pub(super) fn autodiscover_url(host: &str) -> String {
    format!("https://{host}/autodiscover/autodiscover.xml")
}

/// A request about nobody at a domain.
pub(super) fn post(url: String, domain: &str, via: Vec<String>, doubt: Option<String>) -> Ask {
    let about = format!("{STAND_IN}@{domain}");
    Ask::new(Source::Autodiscover, What::Post(Post { url, about, schema: Schema::Outlook, via, doubt }))
}

const V2: &str = "/autodiscover/autodiscover.json/v1.0/";

fn v2_url(host: &str, domain: &str) -> String {
    format!("https://{host}{V2}{STAND_IN}@{domain}?Protocol=ActiveSync")
}

/// Whether an address asks for the JSON of Autodiscover version 2.
pub(super) fn is_v2(url: &str) -> bool {
    url.contains(V2)
}

/// Some servers refuse to answer without an address: this one is nobody's.
pub(super) fn with_stand_in(url: &str, domain: &str) -> String {
    format!("{url}?emailaddress={STAND_IN}%40{domain}")
}

/// What the best mail exchanger leads to: its base domain, and itself without its first label, when they
/// are not the address's own domain.
pub(super) fn after_mx(address: &Address, exchange: &str, ispdb: Option<&str>) -> Vec<Ask> {
    let own = address.ascii_domain();
    let mut domains = Vec::new();
    if let Some(base) = base_domain(exchange) {
        domains.push(base);
        // mx.eu.hoster.test may be served by eu.hoster.test.
        domains.extend(exchange.split_once('.').map(|(_, parent)| parent).filter(|p| p.ends_with(base)));
    }
    domains.dedup();
    let mut asks = Vec::new();
    for domain in domains.into_iter().filter(|domain| *domain != own) {
        asks.push(Ask::fetch(Source::MxAutoconfig, autoconfig(domain)));
        asks.extend(ispdb.map(|base| Ask::fetch(Source::MxIspdb, ispdb_url(base, domain))));
    }
    asks
}

/// What is tried when nobody knows the domain: its document without protection, usual names of servers,
/// and whether Exchange answers where IMAP does not. `exchange` is the best mail exchanger, tried too when
/// it is in the domain itself: small domains have one machine for all. A service that the domain declines
/// in the DNS is not tried.
pub(super) fn last(address: &Address, exchange: Option<&str>, imap: bool) -> Vec<Ask> {
    let domain = address.ascii_domain();
    let own_exchange = exchange.filter(|host| base_domain(host) == base_domain(domain)).map(str::to_owned);
    let hosts = |first: &str| {
        let mut hosts = vec![format!("{first}.{domain}"), format!("mail.{domain}")];
        hosts.extend(own_exchange.clone().filter(|host| !hosts.contains(host)));
        hosts.push(domain.to_owned());
        hosts.dedup();
        hosts
    };
    let mut asks =
        vec![Ask::fetch(Source::Autoconfig, format!("http://autoconfig.{domain}/mail/config-v1.1.xml"))];
    for host in hosts("autodiscover") {
        let url = format!("https://{host}/Microsoft-Server-ActiveSync");
        asks.push(Ask::new(Source::Autodiscover, What::Options(url)));
    }
    if !imap {
        return asks;
    }
    for (first, services) in [
        ("imap", [(Service::Imaps, 993), (Service::Imap, 143)]),
        ("smtp", [(Service::Submissions, 465), (Service::Submission, 587)]),
    ] {
        for host in hosts(first) {
            for (service, port) in services {
                asks.push(Ask::new(Source::Guess, What::Probe(service, host.clone(), port)));
            }
        }
    }
    asks
}

/// Where a provider's own program listens on this machine, when it runs.
pub(super) fn bridge() -> Vec<Ask> {
    [(Service::Imap, 1143), (Service::Submission, 1025)]
        .map(|(service, port)| Ask::new(Source::Provider, What::Bridge(service, port)))
        .into()
}

/// How the guesses of one direction are ordered: protected from the first byte before STARTTLS, then as
/// they were asked.
pub(super) fn guess_order(service: Service) -> (bool, bool) {
    (service.protocol() != Protocol::Imap, service.security() != Security::Tls)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(asks: &[Ask]) -> Vec<String> {
        asks.iter().map(|ask| format!("{} {}", ask.source, ask.what)).collect()
    }

    fn ann() -> Address {
        Address::parse("ann.lee@example.org").unwrap()
    }

    #[test]
    fn the_first_wave_asks_the_domain_the_ispdb_and_the_dns_and_never_sends_the_address() {
        let asks = first(&ann(), Some("https://db.test/v1.1/"));
        assert_eq!(
            shown(&asks),
            [
                "autoconfig https://autoconfig.example.org/mail/config-v1.1.xml",
                "autoconfig-well-known https://example.org/.well-known/autoconfig/mail/config-v1.1.xml",
                "pacc https://ua-auto-config.example.org/.well-known/user-agent-configuration.json",
                "pacc TXT _ua-auto-config.example.org",
                "mx-autoconfig MX example.org",
                "ispdb https://db.test/v1.1/example.org",
                "srv SRV _imaps._tcp.example.org",
                "srv SRV _imap._tcp.example.org",
                "srv SRV _pop3s._tcp.example.org",
                "srv SRV _jmap._tcp.example.org",
                "srv SRV _submissions._tcp.example.org",
                "srv SRV _submission._tcp.example.org",
                "autodiscover POST https://autodiscover.example.org/autodiscover/autodiscover.xml",
                "autodiscover POST https://example.org/autodiscover/autodiscover.xml",
                "autodiscover https://autodiscover.example.org/autodiscover/autodiscover.json/v1.0/\
                 test@example.org?Protocol=ActiveSync",
                "autodiscover SRV _autodiscover._tcp.example.org",
            ]
        );
        assert!(!format!("{asks:?}").contains("ann"), "{asks:?}");
        assert_eq!(first(&ann(), None).len(), 15);
    }

    #[test]
    fn a_mail_exchanger_leads_to_its_base_domain_and_its_parent() {
        let asks = after_mx(&ann(), "mx1.eu.hoster.co.uk", Some("https://db.test/"));
        assert_eq!(
            shown(&asks),
            [
                "mx-autoconfig https://autoconfig.hoster.co.uk/mail/config-v1.1.xml",
                "mx-ispdb https://db.test/hoster.co.uk",
                "mx-autoconfig https://autoconfig.eu.hoster.co.uk/mail/config-v1.1.xml",
                "mx-ispdb https://db.test/eu.hoster.co.uk",
            ]
        );
        assert_eq!(after_mx(&ann(), "mail.example.org", Some("https://db.test/")), []);
        let dept = Address::parse("a@dept.example.org").unwrap();
        assert_eq!(shown(&after_mx(&dept, "mx.example.org", None)).len(), 1);
        assert_eq!(after_mx(&ann(), "com", None), []);
    }

    #[test]
    fn the_last_wave_tries_usual_names_in_the_domain_only() {
        let asks = shown(&last(&ann(), Some("mx9.example.org"), true));
        assert_eq!(asks[0], "autoconfig http://autoconfig.example.org/mail/config-v1.1.xml");
        assert_eq!(
            asks[1],
            "autodiscover OPTIONS https://autodiscover.example.org/Microsoft-Server-ActiveSync"
        );
        assert!(asks.contains(&"guess imap.example.org:993/tls".to_owned()));
        assert!(asks.contains(&"guess mx9.example.org:587/starttls".to_owned()));
        assert!(asks.contains(&"guess example.org:465/tls".to_owned()));
        let asks = shown(&last(&ann(), Some("mx.hoster.test"), true));
        assert!(!asks.iter().any(|ask| ask.contains("hoster")), "{asks:?}");
        assert!(!shown(&last(&ann(), None, false)).iter().any(|ask| ask.starts_with("guess")));
    }
}
