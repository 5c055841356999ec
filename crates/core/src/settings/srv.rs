//! SRV records for mail (RFC 2782, RFC 6186, RFC 8314 section 5.1).

use super::host::host;
use super::port::odd_port;
use super::{Protocol, Security, Settings};
use crate::mail::Address;

/// One SRV record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The lower, the better.
    pub priority: u16,
    /// Among equals, the higher, the better.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host; empty or `.` says that there is no such service.
    pub target: String,
}

/// A service that a domain can publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// IMAP with implicit TLS.
    Imaps,
    /// IMAP with STARTTLS.
    Imap,
    /// Submission with implicit TLS (RFC 8314).
    Submissions,
    /// Submission with STARTTLS.
    Submission,
    /// POP3 with implicit TLS.
    Pop3s,
    /// JMAP over HTTPS (RFC 8620, section 2.2).
    Jmap,
}

/// The name that leads to a Microsoft Autodiscover server.
#[must_use]
pub fn autodiscover_name(domain: &str) -> String {
    format!("_autodiscover._tcp.{domain}")
}

impl Service {
    /// All, those for reading before those for sending, implicit TLS before STARTTLS.
    pub const ALL: [Self; 6] =
        [Self::Imaps, Self::Imap, Self::Pop3s, Self::Jmap, Self::Submissions, Self::Submission];

    /// The name to ask for, as `_imaps._tcp.example.org`.
    #[must_use]
    pub fn name(self, domain: &str) -> String {
        let label = match self {
            Self::Imaps => "_imaps",
            Self::Imap => "_imap",
            Self::Submissions => "_submissions",
            Self::Submission => "_submission",
            Self::Pop3s => "_pop3s",
            Self::Jmap => "_jmap",
        };
        format!("{label}._tcp.{domain}")
    }

    /// What is spoken there.
    #[must_use]
    pub fn protocol(self) -> Protocol {
        match self {
            Self::Imaps | Self::Imap => Protocol::Imap,
            Self::Submissions | Self::Submission => Protocol::Smtp,
            Self::Pop3s => Protocol::Pop3,
            Self::Jmap => Protocol::Jmap,
        }
    }

    /// How it is protected. A domain cannot publish an unprotected service: `_imap` and `_submission`
    /// are read as STARTTLS, and a server without it is refused later.
    #[must_use]
    pub fn security(self) -> Security {
        match self {
            Self::Imaps | Self::Submissions | Self::Pop3s | Self::Jmap => Security::Tls,
            Self::Imap | Self::Submission => Security::StartTls,
        }
    }
}

/// Whether the records say that there is no such service: one record with the target `.` (RFC 2782).
#[must_use]
pub fn declines(records: &[Record]) -> bool {
    matches!(records, [record] if record.target.trim_end_matches('.').is_empty())
}

/// What the records of one service say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// The servers, the lowest priority first, then the highest weight.
    pub settings: Vec<Settings>,
    /// What speaks against a record, and how it was read: one sentence each.
    pub oddities: Vec<String>,
}

/// Settings from the records of one service.
///
/// RFC 2782 chooses by chance among equal priorities, to share a load; settings for a person should come
/// out the same each time, so the heaviest is taken. Records without a usable host or port are left out.
/// A service for STARTTLS on a port that speaks TLS from the first byte (`_submission` on 465) is read as
/// what the port speaks. The user name is the full address, as RFC 6186, section 4 wants it tried first.
#[must_use]
pub fn read(service: Service, records: &[Record], address: &Address) -> Published {
    let mut sorted: Vec<_> = records.iter().filter(|record| record.port > 0).collect();
    sorted.sort_by_key(|r| (r.priority, std::cmp::Reverse(r.weight), r.target.as_str(), r.port));
    let mut found = Published::default();
    for record in sorted {
        let Some(host) = host(&record.target) else { continue };
        let (protocol, port) = (service.protocol(), record.port);
        let implicit = matches!((protocol, port), (Protocol::Imap, 993) | (Protocol::Smtp, 465));
        let security = if implicit { Security::Tls } else { service.security() };
        let odd = odd_port(protocol, service.security(), port);
        found.oddities.extend(odd.map(|odd| format!("{host}:{port} ({}): {odd}", protocol.name())));
        let username = address.to_string();
        let settings = Settings { protocol, host, port, security, authentication: Vec::new(), username };
        found.settings.push(settings);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(priority: u16, weight: u16, port: u16, target: &str) -> Record {
        Record { priority, weight, port, target: target.to_owned() }
    }

    fn ann() -> Address {
        Address::parse("ann@example.org").unwrap()
    }

    #[test]
    fn priority_comes_before_weight() {
        let records = [
            record(10, 90, 993, "backup.example.org."),
            record(0, 1, 993, "light.example.org"),
            record(0, 5, 993, "heavy.example.org"),
            record(0, 9, 0, "no-port.example.org"),
        ];
        let read = read(Service::Imaps, &records, &ann()).settings;
        let hosts: Vec<_> = read.iter().map(|s| s.host.as_str()).collect();
        assert_eq!(hosts, ["heavy.example.org", "light.example.org", "backup.example.org"]);
        assert_eq!(read[0].username, "ann@example.org");
    }

    #[test]
    fn each_service_has_its_name_and_protection() {
        let shown: Vec<_> =
            Service::ALL.iter().map(|s| (s.name("example.org"), s.protocol(), s.security())).collect();
        assert_eq!(
            shown,
            [
                ("_imaps._tcp.example.org".to_owned(), Protocol::Imap, Security::Tls),
                ("_imap._tcp.example.org".to_owned(), Protocol::Imap, Security::StartTls),
                ("_pop3s._tcp.example.org".to_owned(), Protocol::Pop3, Security::Tls),
                ("_jmap._tcp.example.org".to_owned(), Protocol::Jmap, Security::Tls),
                ("_submissions._tcp.example.org".to_owned(), Protocol::Smtp, Security::Tls),
                ("_submission._tcp.example.org".to_owned(), Protocol::Smtp, Security::StartTls),
            ]
        );
    }

    #[test]
    fn a_single_dot_declines_the_service() {
        assert!(declines(&[record(0, 0, 0, ".")]));
        assert!(declines(&[record(0, 0, 0, "")]));
        assert!(!declines(&[record(0, 0, 993, "imap.example.org")]));
        assert!(!declines(&[]));
        assert_eq!(read(Service::Imaps, &[record(0, 0, 993, ".")], &ann()), Published::default());
    }

    #[test]
    fn a_port_that_speaks_against_the_service_is_told() {
        let one = |service, port| {
            let found = read(service, &[record(0, 0, port, "m.example.org")], &ann());
            (found.settings[0].to_string(), found.oddities.len())
        };
        assert_eq!(one(Service::Submission, 465), ("m.example.org:465/tls".to_owned(), 1));
        assert_eq!(one(Service::Imap, 993), ("m.example.org:993/tls".to_owned(), 1));
        assert_eq!(one(Service::Imaps, 995), ("m.example.org:995/tls".to_owned(), 1));
        assert_eq!(one(Service::Imaps, 993), ("m.example.org:993/tls".to_owned(), 0));
        assert_eq!(one(Service::Submission, 587), ("m.example.org:587/starttls".to_owned(), 0));
    }

    proptest! {
        #[test]
        fn the_order_of_the_records_does_not_matter(
            records in prop::collection::vec((0u16..3, 0u16..3, 1u16..4, "[ab]\\.example\\.org"), 0..8)
        ) {
            let records: Vec<_> = records.iter().map(|(p, w, port, t)| record(*p, *w, *port, t)).collect();
            let mut turned = records.clone();
            turned.reverse();
            prop_assert_eq!(read(Service::Imap, &records, &ann()), read(Service::Imap, &turned, &ann()));
        }
    }
}
