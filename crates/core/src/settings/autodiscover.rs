//! Microsoft's Autodiscover: the "plain old XML" answers of \[MS-OXDSCLI\] and \[MS-ASCMD\], and the JSON
//! answer of \[MS-OXDISCO\] version 2.
//!
//! Mail servers of all makes publish IMAP in this form, with the words of Outlook: `SSL` says too little about
//! the wire, so the port has the last word, and no answer is ever read as "no encryption".

pub use super::document::ReadError;

use super::document::{child, child_text, decode, parse};
use super::host::{host, host_of_url};
use super::port::{odd_port, usual_port, usual_security};
use super::{Authentication, Protocol, Security, Settings};
use crate::mail::Address;
use roxmltree::Node;

/// More protocols or servers than this are left out.
const SERVERS: usize = 20;

/// What an Autodiscover server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Settings.
    Settings(Autodiscover),
    /// Ask again about this address.
    RedirectAddress(String),
    /// Ask again there.
    RedirectUrl(String),
}

/// The settings in an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Autodiscover {
    /// Services to read mail from, IMAP first.
    pub incoming: Vec<Settings>,
    /// Services to send mail through, in the document's order.
    pub outgoing: Vec<Settings>,
    /// What was wrong with the answer and how it was read nevertheless: one sentence each.
    pub oddities: Vec<String>,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Schema {
    /// What Outlook asks for: IMAP, POP3, SMTP, Exchange.
    Outlook,
    /// What telephones ask for: Exchange ActiveSync.
    MobileSync,
}

/// The body of a request about an address, to be sent as `text/xml`.
#[must_use]
pub fn request(email: &str, schema: Schema) -> String {
    let (asks, accepts) = match schema {
        Schema::Outlook => ("outlook/requestschema/2006", "outlook/responseschema/2006a"),
        Schema::MobileSync => ("mobilesync/requestschema/2006", "mobilesync/responseschema/2006"),
    };
    let base = "http://schemas.microsoft.com/exchange/autodiscover";
    let email = email.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Autodiscover xmlns=\"{base}/{asks}\"><Request>\
         <EMailAddress>{email}</EMailAddress>\
         <AcceptableResponseSchema>{base}/{accepts}</AcceptableResponseSchema></Request></Autodiscover>\n"
    )
}

/// Reads an answer for an address.
///
/// # Errors
/// [`ReadError`]; a server that has nothing to tell answers [`ReadError::Refused`].
pub fn read(document: &[u8], address: &Address) -> Result<Answer, ReadError> {
    let text = decode(document)?;
    let xml = parse(&text, "Autodiscover")?;
    let none = || ReadError::NoServer(String::new());
    let response = child(xml.root_element(), "Response").ok_or_else(none)?;
    if let Some(error) = child(response, "Error") {
        return Err(refused(error));
    }
    if let Some(account) = child(response, "Account") {
        return outlook(account, address);
    }
    mobile(child(response, "Action").ok_or_else(none)?, address)
}

/// Where Exchange ActiveSync or another service is, in the JSON of version 2.
///
/// # Errors
/// [`ReadError`], when the answer names no `https:` address.
pub fn read_v2(document: &[u8]) -> Result<String, ReadError> {
    let text = decode(document)?;
    let json: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| ReadError::Json(error.to_string()))?;
    let url = json.get("Url").and_then(serde_json::Value::as_str).filter(|url| host_of_url(url).is_some());
    if let Some(url) = url {
        return Ok(url.to_owned());
    }
    let said = ["ErrorCode", "ErrorMessage"].map(|name| json.get(name).and_then(serde_json::Value::as_str));
    match said.into_iter().flatten().next() {
        Some(said) => Err(ReadError::Refused(said.chars().take(80).collect())),
        None => Err(ReadError::NoServer(String::new())),
    }
}

/// A service that is reached by an address of the web, as settings; `None` without a usable host.
#[must_use]
pub fn web_service(protocol: Protocol, url: &str, address: &Address) -> Option<Settings> {
    Some(Settings {
        protocol,
        host: host(host_of_url(url)?)?,
        port: 443,
        security: Security::Tls,
        authentication: Vec::new(),
        username: address.to_string(),
    })
}

fn refused(error: Node<'_, '_>) -> ReadError {
    let code = child_text(error, "ErrorCode").or_else(|| child_text(error, "Status")).unwrap_or_default();
    let message = child_text(error, "Message").unwrap_or_default();
    let said = format!("{code} {message}");
    ReadError::Refused(said.trim().chars().take(120).collect())
}

/// Limits a redirect to something that can be an address of the web or of a person.
fn redirect(answer: fn(String) -> Answer, to: String) -> Result<Answer, ReadError> {
    if to.is_empty() || to.len() > 2048 {
        return Err(ReadError::NoServer(": it redirects to nowhere".to_owned()));
    }
    Ok(answer(to))
}

fn outlook(account: Node<'_, '_>, address: &Address) -> Result<Answer, ReadError> {
    let action = child_text(account, "Action").unwrap_or_default().to_ascii_lowercase();
    // Old answers have no Action beside the redirect.
    if let Some(to) = child_text(account, "RedirectAddr").filter(|_| action != "settings") {
        return redirect(Answer::RedirectAddress, to);
    }
    if let Some(to) = child_text(account, "RedirectUrl").filter(|_| action != "settings") {
        return redirect(Answer::RedirectUrl, to);
    }
    let mut reader = Reader { address, found: Autodiscover::default() };
    let protocols = account.children().filter(|node| node.tag_name().name() == "Protocol");
    for node in protocols.take(SERVERS) {
        reader.protocol(node);
    }
    reader.finish()
}

fn mobile(action: Node<'_, '_>, address: &Address) -> Result<Answer, ReadError> {
    if let Some(error) = child(action, "Error") {
        return Err(refused(error));
    }
    if let Some(to) = child_text(action, "Redirect") {
        return redirect(Answer::RedirectAddress, to);
    }
    let mut reader = Reader { address, found: Autodiscover::default() };
    let servers = child(action, "Settings").into_iter().flat_map(|node| node.children());
    for node in servers.filter(|node| node.tag_name().name() == "Server").take(SERVERS) {
        if child_text(node, "Type").is_some_and(|kind| kind.eq_ignore_ascii_case("MobileSync")) {
            reader.web(Protocol::ActiveSync, child_text(node, "Url").or_else(|| child_text(node, "Name")));
        }
    }
    reader.finish()
}

struct Reader<'a> {
    address: &'a Address,
    found: Autodiscover,
}

impl Reader<'_> {
    fn odd(&mut self, what: String) {
        if self.found.oddities.len() < SERVERS {
            self.found.oddities.push(what);
        }
    }

    fn finish(mut self) -> Result<Answer, ReadError> {
        self.found.incoming.sort_by_key(|settings| settings.protocol);
        if self.found.incoming.is_empty() && self.found.outgoing.is_empty() {
            let why = self.found.oddities.first().map(|oddity| format!(": {oddity}")).unwrap_or_default();
            return Err(ReadError::NoServer(why));
        }
        Ok(Answer::Settings(self.found))
    }

    fn protocol(&mut self, node: Node<'_, '_>) {
        // Newer documents have the type as an attribute.
        let kind = child_text(node, "Type").or_else(|| node.attribute("Type").map(str::to_owned));
        match kind.unwrap_or_default().to_ascii_uppercase().as_str() {
            "IMAP" => {
                let settings = self.server(node, Protocol::Imap);
                self.found.incoming.extend(settings);
            }
            "POP3" | "POP" => {
                let settings = self.server(node, Protocol::Pop3);
                self.found.incoming.extend(settings);
            }
            "SMTP" => {
                let settings = self.server(node, Protocol::Smtp);
                self.found.outgoing.extend(settings);
            }
            "EXCH" | "EXPR" | "EXHTTP" => {
                self.web(Protocol::Ews, child_text(node, "EwsUrl").or_else(|| child_text(node, "ASUrl")));
            }
            "MOBILESYNC" => {
                let url = child_text(node, "Server").or_else(|| child_text(node, "Url"));
                self.web(Protocol::ActiveSync, url);
            }
            // WEB is a page for people.
            _ => {}
        }
    }

    fn web(&mut self, protocol: Protocol, url: Option<String>) {
        let Some(settings) = url.and_then(|url| web_service(protocol, &url, self.address)) else {
            return self
                .odd(format!("a service ({}) was left out: it has no https address", protocol.name()));
        };
        if !self.found.incoming.contains(&settings) {
            self.found.incoming.push(settings);
        }
    }

    fn server(&mut self, node: Node<'_, '_>, protocol: Protocol) -> Option<Settings> {
        let what = protocol.name();
        let written = child_text(node, "Server").unwrap_or_default();
        let Some(host) = host(&written) else {
            let written: String = written.chars().take(80).collect();
            self.odd(format!("a server ({what}) was left out: `{written}` is not a host name"));
            return None;
        };
        let port =
            child_text(node, "Port").and_then(|port| port.parse::<u16>().ok()).filter(|port| *port > 0);
        let security = self.security(node, &host, port);
        let port = port.unwrap_or_else(|| usual_port(protocol, security));
        if let Some(oddity) = odd_port(protocol, security, port) {
            self.odd(format!("{host}:{port}: {oddity}"));
        }
        let on = |name: &str| child_text(node, name).is_some_and(|word| word.eq_ignore_ascii_case("on"));
        // "Secure password authentication" is NTLM.
        let authentication =
            if on("SPA") { Authentication::Other("ntlm".to_owned()) } else { Authentication::Password };
        let username = child_text(node, "LoginName").filter(|name| !name.is_empty());
        let username = username.unwrap_or_else(|| self.address.to_string());
        Some(Settings { protocol, host, port, security, authentication: vec![authentication], username })
    }

    /// How the wire is protected. Outlook's `TLS` is STARTTLS, and others mean TLS from the first byte by it;
    /// `SSL` is `on` for both; some servers write `off` for STARTTLS. Where the port is a well-known one it
    /// decides.
    fn security(&mut self, node: Node<'_, '_>, host: &str, port: Option<u16>) -> Security {
        let word = |name: &str| child_text(node, name).unwrap_or_default().to_ascii_lowercase();
        let (ssl, encryption) = (word("SSL"), word("Encryption"));
        let by_port = port.and_then(usual_security);
        let said = match (encryption.as_str(), ssl.as_str()) {
            ("starttls", _) => return Security::StartTls,
            ("ssl", _) => Some(Security::Tls),
            ("tls", _) => None,
            ("none", _) | ("", "off") => {
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                self.odd(format!("{host}{port}: named without encryption, read as STARTTLS"));
                Some(Security::StartTls)
            }
            ("" | "auto", _) => Some(Security::Tls),
            (other, _) => {
                let other: String = other.chars().take(40).collect();
                self.odd(format!("{host}: unknown Encryption `{other}`, taken from the port"));
                None
            }
        };
        if let (Some(usual), Some(said)) = (by_port, said)
            && usual != said
            && said == Security::Tls
        {
            let port = port.unwrap_or_default();
            self.odd(format!("{host}:{port}: TLS is named without saying how; this port speaks STARTTLS"));
        }
        by_port.or(said).unwrap_or(Security::StartTls)
    }
}

#[cfg(test)]
mod tests;
