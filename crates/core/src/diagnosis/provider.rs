//! What is known about providers, for the cases where the wire says nothing: which servers are theirs,
//! what two-step sign-in does there, where IMAP is switched on, how the user name is written.
//!
//! A row is a fact with a date and a source. Facts grow old: they explain a refusal and order the
//! remedies, and they never overrule what a server says itself.

mod table;

use crate::mail::Address;
use crate::settings::{Protocol, Security, Settings};

/// One provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The name people know.
    pub name: &'static str,
    /// Domains of its addresses.
    pub domains: &'static [&'static str],
    /// Domains that hold its mail exchangers.
    pub exchanges: &'static [&'static str],
    /// Domains that hold its IMAP and submission servers.
    pub servers: &'static [&'static str],
    /// Services for reading, the best first; empty when it has none.
    pub imap: &'static [Server],
    /// Services for sending, the best first.
    pub smtp: &'static [Server],
    /// Whether mail programs can come in at all.
    pub access: Access,
    /// What two-step sign-in does to mail programs.
    pub two_step: TwoStep,
    /// Where IMAP is switched on, when it is off for new accounts.
    pub switch: Option<Advice>,
    /// When the row was checked, `YYYY-MM`.
    pub checked: &'static str,
    /// The page or document that the row rests on.
    pub source: &'static str,
}

/// A server of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name.
    pub host: &'static str,
    /// Its port.
    pub port: u16,
    /// How it is protected.
    pub security: Security,
    /// How the user name is written.
    pub user_name: UserName,
}

/// How a user name is made from an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserName {
    /// The full address.
    Address,
    /// The part before the `@`.
    LocalPart,
}

/// Plain words, and the page where it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// One or two sentences for a person.
    pub say: &'static str,
    /// The page.
    pub link: &'static str,
}

/// Whether mail programs can come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// With a password, or an app password.
    Password,
    /// Only with a browser sign-in (OAuth 2.0).
    OAuth(Advice),
    /// Only through the provider's own program on this machine, or not at all.
    Bridge(Advice),
}

/// What two-step sign-in does to mail programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TwoStep {
    /// They need an app password.
    AppPassword(Advice),
    /// They always need an app password, or another code than the password of the web mail.
    Always(Advice),
    /// They are closed out, and there are no app passwords.
    Blocks(Advice),
    /// Nothing is known, or nothing changes.
    Unknown,
}

/// The provider whose addresses end in this domain, which is in ASCII and lower case.
#[must_use]
pub fn of_domain(domain: &str) -> Option<&'static Provider> {
    table::ALL.iter().find(|provider| provider.domains.contains(&domain))
}

/// The provider that runs this mail exchanger.
#[must_use]
pub fn of_exchange(host: &str) -> Option<&'static Provider> {
    table::ALL.iter().find(|provider| provider.exchanges.iter().any(|domain| within(host, domain)))
}

/// The provider that runs this IMAP or submission server.
#[must_use]
pub fn of_server(host: &str) -> Option<&'static Provider> {
    table::ALL.iter().find(|provider| provider.servers.iter().any(|domain| within(host, domain)))
}

fn within(host: &str, domain: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let at = host.len().checked_sub(domain.len());
    at.and_then(|at| host.split_at_checked(at)).is_some_and(|(before, end)| {
        end.eq_ignore_ascii_case(domain) && (before.is_empty() || before.ends_with('.'))
    })
}

impl Provider {
    /// All rows of the table.
    pub const ALL: &'static [Self] = table::ALL;

    /// Its services for an address: for reading, and for sending.
    #[must_use]
    pub fn settings(&self, address: &Address) -> (Vec<Settings>, Vec<Settings>) {
        let read =
            |servers: &[Server], protocol| servers.iter().map(|s| s.settings(protocol, address)).collect();
        (read(self.imap, Protocol::Imap), read(self.smtp, Protocol::Smtp))
    }
}

impl Server {
    fn settings(self, protocol: Protocol, address: &Address) -> Settings {
        Settings {
            protocol,
            host: self.host.to_owned(),
            port: self.port,
            security: self.security,
            authentication: Vec::new(),
            username: match self.user_name {
                UserName::Address => address.to_string(),
                UserName::LocalPart => address.local().to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_known_by_domain_exchanger_and_server() {
        assert_eq!(of_domain("proton.me").unwrap().name, "Proton");
        assert_eq!(of_exchange("mail.protonmail.ch.").unwrap().name, "Proton");
        assert_eq!(of_exchange("MX.notprotonmail.ch"), None);
        assert_eq!(of_server("imap.gmail.com").unwrap().name, "Gmail");
        assert_eq!(of_domain("example.org"), None);
    }

    #[test]
    fn no_domain_belongs_to_two() {
        let mut seen = std::collections::BTreeMap::new();
        for provider in Provider::ALL {
            for domain in provider.domains {
                assert_eq!(seen.insert(*domain, provider.name), None, "{domain}");
            }
        }
    }
}
