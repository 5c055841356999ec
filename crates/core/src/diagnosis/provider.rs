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
    /// Parts of its servers' greetings that no other server sends, in lower case.
    pub greetings: &'static [&'static str],
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
    /// Mailboxes open only to programs that have told their name with ID (RFC 2971).
    pub wants_id: bool,
    /// When the row was last held against pages of the provider or about it, `YYYY-MM`; empty when it rests on
    /// general knowledge alone.
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

/// The provider whose server greets like this.
#[must_use]
pub fn of_greeting(text: &str) -> Option<&'static Provider> {
    let text = text.to_lowercase();
    table::ALL.iter().find(|provider| provider.greetings.iter().any(|part| text.contains(part)))
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

impl Provider {
    /// The row that all others are made from: a provider of which only the name is known.
    const BARE: Self = Self {
        name: "",
        domains: &[],
        exchanges: &[],
        servers: &[],
        greetings: &[],
        imap: &[],
        smtp: &[],
        access: Access::Password,
        two_step: TwoStep::Unknown,
        switch: None,
        wants_id: false,
        checked: "",
        source: "",
    };

    /// What to do about the password when two-step sign-in is on.
    #[must_use]
    pub fn password_advice(&self) -> Option<Advice> {
        match self.two_step {
            TwoStep::AppPassword(advice) | TwoStep::Always(advice) | TwoStep::Blocks(advice) => Some(advice),
            TwoStep::Unknown => None,
        }
    }

    /// How it wants the user name, for reading or for sending.
    #[must_use]
    pub fn user_name(&self, protocol: Protocol) -> Option<UserName> {
        let servers = if protocol == Protocol::Smtp { self.smtp } else { self.imap };
        servers.first().map(|server| server.user_name)
    }

    /// What to check, in order, when it refuses a login and does not say why.
    #[must_use]
    pub fn checks(&self, protocol: Protocol) -> String {
        let mut text =
            format!("Check in this order: whether the password works in {}'s web mail.", self.name);
        for advice in self.password_advice().into_iter().chain(self.switch) {
            text.push(' ');
            text.push_str(advice.say);
        }
        text.push_str(match self.user_name(protocol) {
            Some(UserName::Address) => " The user name is the full address.",
            Some(UserName::LocalPart) => " The user name is the part before the @.",
            None => "",
        });
        text
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
    fn domains_of_others_are_known_by_their_exchangers() {
        for (exchange, name) in [
            ("aspmx.l.google.com", "Gmail"),
            ("ALT1.aspmx.l.google.com.", "Gmail"),
            ("example-org.mail.protection.outlook.com", "Microsoft 365"),
            ("outlook-com.olc.protection.outlook.com", "Outlook.com"),
            ("in1-smtp.messagingengine.com", "Fastmail"),
            ("mx2.zoho.eu", "Zoho Mail"),
            ("mx.yandex.net", "Yandex"),
            ("aspmx1.migadu.com", "Migadu"),
            ("mta-gw.infomaniak.ch", "Infomaniak"),
            ("mx1.mail.ovh.net", "OVHcloud"),
            ("mx01.ionos.de", "IONOS"),
            ("smtpin.rzone.de", "STRATO"),
            ("mxext2.mailbox.org", "mailbox.org"),
            ("mx01.kolabnow.com", "Kolab Now"),
            ("mx02.mail.icloud.com", "iCloud"),
            ("mxbiz1.qq.com", "Tencent Exmail"),
            ("mx-aol.mail.gm0.yahoodns.net", "AOL"),
            ("mta7.am0.yahoodns.net", "Yahoo"),
        ] {
            assert_eq!(of_exchange(exchange).map(|p| p.name), Some(name), "{exchange}");
        }
    }

    #[test]
    fn the_user_name_may_differ_between_reading_and_sending() {
        let address = Address::parse("joe@icloud.com").unwrap();
        let (imap, smtp) = of_domain("icloud.com").unwrap().settings(&address);
        assert_eq!((imap[0].username.as_str(), smtp[0].username.as_str()), ("joe", "joe@icloud.com"));
    }

    #[test]
    fn every_row_has_what_a_person_needs() {
        for provider in Provider::ALL {
            let name = provider.name;
            assert!(
                !name.is_empty() && provider.source.starts_with("https://"),
                "{name}: {}",
                provider.source
            );
            let dated = provider.checked.len() == 7 && provider.checked.starts_with("20");
            assert!(dated || provider.checked.is_empty(), "{name}");
            let bridged = matches!(provider.access, Access::Bridge(_));
            assert_eq!(bridged, provider.imap.is_empty(), "{name}");
            assert_eq!(provider.imap.is_empty(), provider.smtp.is_empty(), "{name}");
            assert!(!provider.domains.is_empty() || !provider.exchanges.is_empty(), "{name}");
            for server in provider.imap.iter().chain(provider.smtp) {
                assert!(of_server(server.host).is_some(), "{}", server.host);
            }
            for domain in provider.domains.iter().chain(provider.exchanges).chain(provider.servers) {
                assert_eq!(*domain, domain.to_lowercase(), "{name}");
            }
            let access = match provider.access {
                Access::OAuth(advice) | Access::Bridge(advice) => Some(advice),
                Access::Password => None,
            };
            for advice in provider.password_advice().into_iter().chain(provider.switch).chain(access) {
                assert!(advice.link.starts_with("https://"), "{name}: {}", advice.link);
                assert!(advice.say.ends_with('.') && advice.say.len() < 330, "{name}: {}", advice.say);
            }
        }
    }

    #[test]
    fn greetings_name_their_servers() {
        for (text, name) in [
            ("(2428B47-26126cfe23cd) p00-iscream-f9f7bf749-qjr87", Some("iCloud")),
            ("Gimap ready for requests from 127.0.0.1", Some("Gmail")),
            ("QQMail IMAP4Server ready", Some("QQ Mail")),
            ("Dovecot ready.", None),
            ("imap.example.org Cyrus IMAP v2.3.13 server ready", None),
            ("The Microsoft Exchange IMAP4 service is ready.", None),
        ] {
            assert_eq!(of_greeting(text).map(|p| p.name), name, "{text}");
        }
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
