//! Mozilla's autoconfig documents ("config-v1.1.xml", draft-ietf-mailmaint-autoconfig).
//!
//! Reading forgives each server block, never the whole document: one block that makes no sense is left
//! out and named among the oddities, and the others stay.

pub use super::document::ReadError;

use super::document::{child, child_text, parse, text_of};
use super::host::{host, host_of_url};
use super::port::{odd_port, usual_port};
use super::{Authentication, Protocol, Security, Settings};
use crate::mail::Address;
use roxmltree::Node;

/// More servers of one direction than this are left out.
const SERVERS: usize = 20;
/// More links than this are left out.
const LINKS: usize = 20;

/// What a document says about one address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Autoconfig {
    /// The provider's name as it writes it.
    pub name: Option<String>,
    /// Services to read mail from: IMAP first, else in the document's order.
    pub incoming: Vec<Settings>,
    /// Services to send mail through, in the document's order.
    pub outgoing: Vec<Settings>,
    /// What was wrong with the document and how it was read nevertheless: one sentence each.
    pub oddities: Vec<String>,
    /// Pages for people.
    pub links: Vec<Link>,
}

/// A page the provider wants people to see.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Link {
    /// Why.
    pub kind: LinkKind,
    /// Its `http:` or `https:` address.
    pub url: String,
    /// What the provider says about it, in English where there is a choice; may be empty.
    pub text: String,
}

/// Why a page is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkKind {
    /// Something to switch on before mail programs can log in.
    Enable,
    /// How to set up a mail program.
    Documentation,
}

/// Reads a document for an address, placeholders filled in.
///
/// # Errors
/// [`ReadError`], when nothing in it can be used.
pub fn read(document: &[u8], address: &Address) -> Result<Autoconfig, ReadError> {
    let text = super::document::decode(document)?;
    let xml = parse(&text, "clientConfig")?;
    let root = xml.root_element();
    let provider = child(root, "emailProvider").unwrap_or(root);
    let mut reader = Reader { address, oddities: Vec::new() };
    let mut incoming = Vec::new();
    let mut outgoing = Vec::new();
    for node in provider.children().filter(Node::is_element) {
        match node.tag_name().name() {
            "incomingServer" if incoming.len() < SERVERS => incoming.extend(reader.incoming(node)),
            "outgoingServer" if outgoing.len() < SERVERS => {
                outgoing.extend(reader.server(node, Protocol::Smtp))
            }
            _ => {}
        }
    }
    incoming.sort_by_key(|settings: &Settings| settings.protocol != Protocol::Imap);
    if incoming.is_empty() && outgoing.is_empty() {
        let why = reader.oddities.first().map(|oddity| format!(": {oddity}")).unwrap_or_default();
        return Err(ReadError::NoServer(why));
    }
    let name = child_text(provider, "displayName").filter(|name| !name.is_empty());
    Ok(Autoconfig { name, incoming, outgoing, oddities: reader.oddities, links: links(root, provider) })
}

struct Reader<'a> {
    address: &'a Address,
    oddities: Vec<String>,
}

impl Reader<'_> {
    fn odd(&mut self, what: String) {
        if self.oddities.len() < SERVERS {
            self.oddities.push(what);
        }
    }

    fn incoming(&mut self, node: Node<'_, '_>) -> Vec<Settings> {
        let kind = node.attribute("type").unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "imap" => self.server(node, Protocol::Imap).into_iter().collect(),
            "pop3" => self.server(node, Protocol::Pop3).into_iter().collect(),
            "jmap" => self.web(node, Protocol::Jmap, &["url", "sessionURL"]).into_iter().collect(),
            "activesync" => self.web(node, Protocol::ActiveSync, &["easURL", "url"]).into_iter().collect(),
            "exchange" | "ews" => {
                let ews = self.web(node, Protocol::Ews, &["ewsURL", "url", "owaURL"]);
                let eas =
                    child(node, "easURL").and_then(|_| self.web(node, Protocol::ActiveSync, &["easURL"]));
                ews.into_iter().chain(eas).collect()
            }
            other => {
                let other: String = other.chars().take(40).collect();
                self.odd(format!("a server of the unknown type `{other}` was left out"));
                Vec::new()
            }
        }
    }

    /// A server that has a host and a port.
    fn server(&mut self, node: Node<'_, '_>, protocol: Protocol) -> Option<Settings> {
        let what = protocol.name();
        let written = child_text(node, "hostname").unwrap_or_default();
        let filled = self.fill(&written, self.address.ascii_domain(), what);
        let Some(host) = host(&filled) else {
            let written: String = written.chars().take(80).collect();
            self.odd(format!("a server ({what}) was left out: `{written}` is not a host name"));
            return None;
        };
        let port = match child_text(node, "port").filter(|port| !port.is_empty()).map(|p| p.parse::<u16>()) {
            None => None,
            Some(Ok(port)) if port > 0 => Some(port),
            Some(_) => {
                self.odd(format!("{host}: the port is not a number from 1 to 65535, the usual one is taken"));
                None
            }
        };
        let written = child_text(node, "socketType").unwrap_or_default();
        let security = match written.to_ascii_lowercase().as_str() {
            "ssl" | "tls" => Security::Tls,
            "starttls" => Security::StartTls,
            "plain" => Security::None,
            "" => {
                self.odd(format!("{host}: no socketType, taken from the port"));
                if matches!(port, Some(993 | 995 | 465) | None) { Security::Tls } else { Security::StartTls }
            }
            other => {
                let other: String = other.chars().take(40).collect();
                self.odd(format!("a server ({what}) was left out: unknown socketType `{other}` at {host}"));
                return None;
            }
        };
        let port = port.unwrap_or_else(|| usual_port(protocol, security));
        if let Some(oddity) = odd_port(protocol, security, port) {
            self.odd(format!("{host}:{port}: {oddity}"));
        }
        if security == Security::None {
            self.odd(format!("{host}:{port} ({what}) has no encryption and is not used"));
        }
        Some(Settings {
            protocol,
            username: self.username(node, &host),
            host,
            port,
            security,
            authentication: authentication(node),
        })
    }

    /// A service that is reached by an address of the web.
    fn web(&mut self, node: Node<'_, '_>, protocol: Protocol, fields: &[&str]) -> Option<Settings> {
        let url = fields.iter().find_map(|field| child_text(node, field)).unwrap_or_default();
        let written = match host_of_url(&url) {
            Some(host) => host.to_owned(),
            None => child_text(node, "hostname").unwrap_or_default(),
        };
        let what = protocol.name();
        let filled = self.fill(&written, self.address.ascii_domain(), what);
        let Some(host) = host(&filled) else {
            self.odd(format!("a service ({what}) was left out: it has no host"));
            return None;
        };
        let username = self.username(node, &host);
        let authentication = authentication(node);
        Some(Settings { protocol, host, port: 443, security: Security::Tls, authentication, username })
    }

    fn username(&mut self, node: Node<'_, '_>, host: &str) -> String {
        let written = child_text(node, "username").unwrap_or_default();
        if written.is_empty() {
            self.odd(format!("{host}: no user name, the full address is taken"));
            return self.address.to_string();
        }
        self.fill(&written, self.address.domain(), host)
    }

    /// Puts the address into the placeholders. One with its last `%` missing is mended and named.
    fn fill(&mut self, text: &str, domain: &str, place: &str) -> String {
        let full = format!("{}@{domain}", self.address.local());
        let values = [
            ("%EMAILADDRESS", full.as_str()),
            ("%EMAILLOCALPART", self.address.local()),
            ("%EMAILDOMAIN", domain),
        ];
        let mut filled = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            let (before, from) = rest.split_at(at);
            filled.push_str(before);
            let known = values.iter().find_map(|(name, value)| Some((from.strip_prefix(name)?, *value)));
            let Some((after, value)) = known else {
                if from.starts_with("%EMAIL") {
                    let shown: String = from.chars().take(40).collect();
                    self.odd(format!("{place}: the unknown placeholder in `{shown}` was left as it is"));
                }
                filled.push('%');
                rest = from.get(1..).unwrap_or_default();
                continue;
            };
            filled.push_str(value);
            rest = after.strip_prefix('%').unwrap_or_else(|| {
                self.odd(format!("{place}: a placeholder in `{text}` has no closing %"));
                after
            });
        }
        filled.push_str(rest);
        filled
    }
}

/// The ways to authenticate, in the document's order, which is the order of preference.
fn authentication(node: Node<'_, '_>) -> Vec<Authentication> {
    let mut found = Vec::new();
    for node in node.children().filter(|node| node.tag_name().name() == "authentication").take(SERVERS) {
        let written = node.text().unwrap_or_default().trim().to_ascii_lowercase();
        let way = match written.strip_prefix("sasl ").unwrap_or(&written) {
            "" => continue,
            "password-cleartext" | "plain" | "password" | "login" => Authentication::Password,
            "password-encrypted" | "secure" | "cram-md5" => Authentication::CramMd5,
            "scram-sha-256" => Authentication::ScramSha256,
            "oauth2" | "oauthbearer" | "xoauth2" => Authentication::OAuth2,
            other => Authentication::Other(other.chars().take(40).collect()),
        };
        if !found.contains(&way) {
            found.push(way);
        }
    }
    found
}

/// Pages below the provider, or beside it: both are found in the wild.
fn links(root: Node<'_, '_>, provider: Node<'_, '_>) -> Vec<Link> {
    let mut found = Vec::new();
    let beside = root.children().filter(|_| root != provider);
    for node in provider.children().chain(beside).filter(Node::is_element) {
        let (kind, attribute) = match node.tag_name().name() {
            "enable" => (LinkKind::Enable, "visiturl"),
            "documentation" => (LinkKind::Documentation, "url"),
            _ => continue,
        };
        let url = node.attribute(attribute).unwrap_or_default().trim();
        if found.len() >= LINKS || !(url.starts_with("https://") || url.starts_with("http://")) {
            continue;
        }
        let texts = node.children().filter(|n| matches!(n.tag_name().name(), "instruction" | "descr"));
        let text = texts.clone().find(|n| n.attribute("lang") == Some("en")).or_else(|| texts.clone().next());
        let text = text.map(text_of).unwrap_or_default();
        found.push(Link { kind, url: url.to_owned(), text });
    }
    found.sort_by_key(|link| link.kind != LinkKind::Enable);
    found
}

#[cfg(test)]
mod tests;
