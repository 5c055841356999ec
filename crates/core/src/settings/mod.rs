//! How to reach a service: the model of an account's settings, and (one file each) the written
//! forms providers publish them in.

pub mod autoconfig;
pub mod autodiscover;
mod document;
mod fingerprint;
mod host;
pub mod pacc;
mod port;
pub mod srv;

pub use fingerprint::{BadFingerprint, Fingerprint};

use crate::mail::Address;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is spoken at an address. Only [`Protocol::Imap`] and [`Protocol::Smtp`] are used; the others
/// are read so that a person can be told what the provider has instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// IMAP (RFC 9051).
    Imap,
    /// POP3 (RFC 1939).
    Pop3,
    /// JMAP (RFC 8620).
    Jmap,
    /// Microsoft Exchange ActiveSync.
    ActiveSync,
    /// Microsoft Exchange Web Services.
    Ews,
    /// Message submission over SMTP (RFC 6409).
    Smtp,
}

impl Protocol {
    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Imap => "IMAP",
            Self::Pop3 => "POP3",
            Self::Jmap => "JMAP",
            Self::ActiveSync => "Exchange ActiveSync",
            Self::Ews => "Exchange Web Services",
            Self::Smtp => "SMTP",
        }
    }
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// TLS from the first byte ("implicit TLS", RFC 8314, section 3).
    Tls,
    /// STARTTLS after a greeting in the clear (RFC 3207; RFC 9051, section 6.2.1).
    StartTls,
    /// No protection. Never used silently.
    None,
}

impl Security {
    /// The word used on the command line and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::StartTls => "starttls",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A way to prove who one is, as published or as chosen with `--auth`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// Choose from what the server offers.
    Automatic,
    /// A password, sent inside TLS ("normal password" elsewhere): SASL PLAIN, else LOGIN.
    Password,
    /// CRAM-MD5 (RFC 2195).
    #[serde(rename = "cram-md5")]
    CramMd5,
    /// SCRAM-SHA-256 (RFC 7677).
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// OAUTHBEARER (RFC 7628) or XOAUTH2: a browser sign-in, no password.
    #[serde(rename = "oauth2")]
    OAuth2,
    /// Named by a document, not spoken by restante.
    #[serde(untagged)]
    Other(String),
}

impl Authentication {
    /// The word used on the command line, in `config.toml` and in JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Automatic => "automatic",
            Self::Password => "password",
            Self::CramMd5 => "cram-md5",
            Self::ScramSha256 => "scram-sha-256",
            Self::OAuth2 => "oauth2",
            Self::Other(name) => name,
        }
    }
}

/// How to reach one service of one account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Settings {
    /// What is spoken there.
    pub protocol: Protocol,
    /// A DNS name (ASCII) or an IP address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// How the connection is protected on the wire, whatever a document called it.
    pub security: Security,
    /// Acceptable ways to authenticate, best first. Empty is read as [`Authentication::Automatic`].
    pub authentication: Vec<Authentication>,
    /// The user name to log in with, placeholders filled in.
    pub username: String,
}

impl Settings {
    /// Puts the person back where a server made the user name from a stand-in's address: what was asked
    /// for is `stand_in@DOMAIN`.
    pub(crate) fn give_back(&mut self, stand_in: &str, address: &Address) {
        let written = &self.username;
        let full = |domain: &str| written.eq_ignore_ascii_case(&format!("{stand_in}@{domain}"));
        if full(address.domain()) || full(address.ascii_domain()) {
            self.username = address.to_string();
        } else if written.eq_ignore_ascii_case(stand_in) {
            address.local().clone_into(&mut self.username);
        } else if let Some((group, name)) = written.split_once('\\')
            && name.eq_ignore_ascii_case(stand_in)
        {
            self.username = format!("{group}\\{}", address.local());
        }
    }
}

impl fmt::Display for Settings {
    /// `imap.example.org:993/tls`, the form `--imap` takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.host, self.port, self.security)
    }
}

/// Where a candidate's values come from. The order is the ranking among equally trusted ones: what a
/// person gave, then what the domain itself says, then others who know it, then a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Given on the command line.
    Given,
    /// `https://autoconfig.DOMAIN/mail/config-v1.1.xml`
    Autoconfig,
    /// `https://DOMAIN/.well-known/autoconfig/mail/config-v1.1.xml`
    AutoconfigWellKnown,
    /// `ua-auto-config.DOMAIN` with its TXT digest.
    Pacc,
    /// SRV records (RFC 6186, RFC 8314 section 5.1).
    Srv,
    /// The ISPDB kept by Thunderbird.
    Ispdb,
    /// restante's own table of providers, by the domain or by its mail exchanger.
    Provider,
    /// Autoconfig at the base domain of the mail exchanger.
    MxAutoconfig,
    /// The ISPDB's entry for the base domain of the mail exchanger.
    MxIspdb,
    /// Microsoft Autodiscover.
    Autodiscover,
    /// Host names that are usual, tried and found to answer.
    Guess,
}

impl Source {
    /// The name in JSON and on screen.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Autoconfig => "autoconfig",
            Self::AutoconfigWellKnown => "autoconfig-well-known",
            Self::Pacc => "pacc",
            Self::Srv => "srv",
            Self::Provider => "provider",
            Self::Ispdb => "ispdb",
            Self::MxAutoconfig => "mx-autoconfig",
            Self::MxIspdb => "mx-ispdb",
            Self::Autodiscover => "autodiscover",
            Self::Guess => "guess",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Settings that may be right, with where they come from and how far that can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// Where the values come from.
    pub source: Source,
    /// The document's address or the DNS name asked.
    pub url: String,
    /// Whether a password may be sent there without asking the person first.
    pub trusted: bool,
    /// Why it is, or is not, trusted: one sentence.
    pub why: String,
    /// Services to read mail from, the best first, IMAP before all others.
    pub incoming: Vec<Settings>,
    /// Services to send mail through, the best first.
    pub outgoing: Vec<Settings>,
}

impl Candidate {
    /// The best IMAP service that is protected.
    #[must_use]
    pub fn imap(&self) -> Option<&Settings> {
        self.incoming.iter().find(|s| s.protocol == Protocol::Imap && s.security != Security::None)
    }

    /// The best submission service that is protected.
    #[must_use]
    pub fn smtp(&self) -> Option<&Settings> {
        self.outgoing.iter().find(|s| s.protocol == Protocol::Smtp && s.security != Security::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_ins_name_becomes_the_persons() {
        let address = Address::parse("ann.lee@example.org").unwrap();
        for (written, name) in [
            ("test@example.org", "ann.lee@example.org"),
            ("Test", "ann.lee"),
            (r"EXAMPLE\test", r"EXAMPLE\ann.lee"),
            ("tester", "tester"),
            ("test@other.org", "test@other.org"),
        ] {
            let mut settings = Settings {
                protocol: Protocol::Imap,
                host: "imap.example.org".into(),
                port: 993,
                security: Security::Tls,
                authentication: Vec::new(),
                username: written.into(),
            };
            settings.give_back("test", &address);
            assert_eq!(settings.username, name, "{written}");
        }
    }

    #[test]
    fn the_words_of_the_contract() {
        let settings = Settings {
            protocol: Protocol::Imap,
            host: "imap.example.org".into(),
            port: 993,
            security: Security::Tls,
            authentication: vec![
                Authentication::Password,
                Authentication::ScramSha256,
                Authentication::OAuth2,
                Authentication::Other("ntlm".into()),
            ],
            username: "ann@example.org".into(),
        };
        assert_eq!(settings.to_string(), "imap.example.org:993/tls");
        assert_eq!(
            serde_json::to_string(&settings).unwrap(),
            r#"{"protocol":"imap","host":"imap.example.org","port":993,"security":"tls","authentication":["password","scram-sha-256","oauth2","ntlm"],"username":"ann@example.org"}"#
        );
    }
}
