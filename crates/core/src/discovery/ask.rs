//! Whom to ask, in waves: first what knows the domain, then what the mail exchanger leads to, then what
//! is left when nobody knows it.

use super::rank::base_domain;
use crate::mail::Address;
use crate::settings::srv::Service;
use crate::settings::{Protocol, Security, Source};
use std::fmt;

/// A question for the world.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    /// Fetch a document. The person's address is in none of these.
    Fetch(String),
    /// Ask the DNS for the SRV records of a service at a domain.
    Srv(Service, String),
    /// Ask the DNS for the mail exchangers of a domain.
    Mx(String),
    /// Connect, protect, verify the certificate and read the greeting; say no name and no password.
    Probe(Service, String, u16),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetch(url) => f.write_str(url),
            Self::Srv(service, domain) => write!(f, "SRV {}", service.name(domain)),
            Self::Mx(domain) => write!(f, "MX {domain}"),
            Self::Probe(service, host, port) => write!(f, "{host}:{port}/{}", service.security()),
        }
    }
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
}

fn autoconfig(domain: &str) -> String {
    format!("https://autoconfig.{domain}/mail/config-v1.1.xml")
}

/// What can be asked at once: the domain, the ISPDB, the DNS.
pub(super) fn first(address: &Address, ispdb: Option<&str>) -> Vec<Ask> {
    let domain = address.ascii_domain();
    let mut asks = vec![
        Ask::new(Source::Autoconfig, What::Fetch(autoconfig(domain))),
        Ask::new(
            Source::AutoconfigWellKnown,
            What::Fetch(format!("https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml")),
        ),
        Ask::new(Source::MxAutoconfig, What::Mx(domain.to_owned())),
    ];
    asks.extend(ispdb.map(|base| Ask::new(Source::Ispdb, What::Fetch(ispdb_url(base, domain)))));
    asks.extend(Service::ALL.map(|service| Ask::new(Source::Srv, What::Srv(service, domain.to_owned()))));
    asks
}

fn ispdb_url(base: &str, domain: &str) -> String {
    format!("{}/{domain}", base.trim_end_matches('/'))
}

/// Some servers refuse to answer without an address: this one is nobody's.
pub(super) fn with_dummy(url: &str, domain: &str) -> String {
    format!("{url}?emailaddress=test%40{domain}")
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
        asks.push(Ask::new(Source::MxAutoconfig, What::Fetch(autoconfig(domain))));
        asks.extend(ispdb.map(|base| Ask::new(Source::MxIspdb, What::Fetch(ispdb_url(base, domain)))));
    }
    asks
}

/// What is tried when nobody knows the domain: its document without protection, and usual names of
/// servers. `exchange` is the best mail exchanger, tried too when it is in the domain itself: small
/// domains have one machine for all. A service that the domain declines in the DNS is not tried.
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
    let mut asks = vec![Ask::new(
        Source::Autoconfig,
        What::Fetch(format!("http://autoconfig.{domain}/mail/config-v1.1.xml")),
    )];
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
                "mx-autoconfig MX example.org",
                "ispdb https://db.test/v1.1/example.org",
                "srv SRV _imaps._tcp.example.org",
                "srv SRV _imap._tcp.example.org",
                "srv SRV _pop3s._tcp.example.org",
                "srv SRV _submissions._tcp.example.org",
                "srv SRV _submission._tcp.example.org",
            ]
        );
        assert!(shown(&asks).iter().all(|ask| !ask.contains("ann")));
        assert_eq!(first(&ann(), None).len(), 8);
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
        assert_eq!(asks[1], "guess imap.example.org:993/tls");
        assert!(asks.contains(&"guess mx9.example.org:587/starttls".to_owned()));
        assert!(asks.contains(&"guess example.org:465/tls".to_owned()));
        let asks = shown(&last(&ann(), Some("mx.hoster.test"), true));
        assert!(!asks.iter().any(|ask| ask.contains("hoster")), "{asks:?}");
        assert_eq!(last(&ann(), None, false).len(), 1);
    }
}
