//! SRV records for mail (RFC 2782, RFC 6186, RFC 8314 section 5.1).

use super::host::host;
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
}

impl Service {
    /// All, those for reading before those for sending, implicit TLS before STARTTLS.
    pub const ALL: [Self; 5] = [Self::Imaps, Self::Imap, Self::Pop3s, Self::Submissions, Self::Submission];

    /// The name to ask for, as `_imaps._tcp.example.org`.
    #[must_use]
    pub fn name(self, domain: &str) -> String {
        let label = match self {
            Self::Imaps => "_imaps",
            Self::Imap => "_imap",
            Self::Submissions => "_submissions",
            Self::Submission => "_submission",
            Self::Pop3s => "_pop3s",
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
        }
    }

    /// How it is protected. A domain cannot publish an unprotected service: `_imap` and `_submission`
    /// are read as STARTTLS, and a server without it is refused later.
    #[must_use]
    pub fn security(self) -> Security {
        match self {
            Self::Imaps | Self::Submissions | Self::Pop3s => Security::Tls,
            Self::Imap | Self::Submission => Security::StartTls,
        }
    }
}

/// Whether the records say that there is no such service: one record with the target `.` (RFC 2782).
#[must_use]
pub fn declines(records: &[Record]) -> bool {
    matches!(records, [record] if record.target.trim_end_matches('.').is_empty())
}

/// Settings from the records of one service, the lowest priority first, then the highest weight.
///
/// RFC 2782 chooses by chance among equal priorities, to share a load; settings for a person should come
/// out the same each time, so the heaviest is taken. Records without a usable host or port are left out.
/// The user name is the full address, as RFC 6186, section 4 wants it tried first.
#[must_use]
pub fn read(service: Service, records: &[Record], address: &Address) -> Vec<Settings> {
    let mut sorted: Vec<_> = records.iter().filter(|record| record.port > 0).collect();
    sorted.sort_by_key(|r| (r.priority, std::cmp::Reverse(r.weight), r.target.as_str(), r.port));
    let settings = sorted.into_iter().filter_map(|record| {
        Some(Settings {
            protocol: service.protocol(),
            host: host(&record.target)?,
            port: record.port,
            security: service.security(),
            authentication: Vec::new(),
            username: address.to_string(),
        })
    });
    settings.collect()
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
        let read = read(Service::Imaps, &records, &ann());
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
        assert_eq!(read(Service::Imaps, &[record(0, 0, 993, ".")], &ann()), []);
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
