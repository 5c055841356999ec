//! "Automatic Configuration of Email Server Settings" (draft-ietf-mailmaint-pacc-02): a JSON document at
//! `ua-auto-config.DOMAIN`, vouched for by a digest in the DNS.

pub use super::document::ReadError;

use super::autoconfig::{Link, LinkKind};
use super::document::decode;
use super::host::{host, host_of_url};
use super::port::usual_port;
use super::{Authentication, Protocol, Security, Settings};
use crate::mail::Address;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Where the document is.
#[must_use]
pub fn url(domain: &str) -> String {
    format!("https://ua-auto-config.{domain}/.well-known/user-agent-configuration.json")
}

/// Where its digest is.
#[must_use]
pub fn digest_name(domain: &str) -> String {
    format!("_ua-auto-config.{domain}")
}

/// What a document says about one address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pacc {
    /// Services to read mail from, IMAP first.
    pub incoming: Vec<Settings>,
    /// The service to send mail through.
    pub outgoing: Vec<Settings>,
    /// What was wrong with the document and how it was read nevertheless: one sentence each.
    pub oddities: Vec<String>,
    /// Pages for people.
    pub links: Vec<Link>,
}

/// What the DNS says about a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vouched {
    /// A record has the document's digest.
    Yes,
    /// No record is about such documents.
    Unknown,
    /// There are records, and none has the document's digest.
    No,
}

/// Holds the octets of a document against the TXT records `v=UAAC1; a=sha256; d=BASE64` of its domain.
#[must_use]
pub fn vouched(document: &[u8], records: &[String]) -> Vouched {
    let digest = Sha256::digest(document);
    let mut known = records.iter().filter_map(|record| digest_of(record)).peekable();
    if known.peek().is_none() {
        return Vouched::Unknown;
    }
    if known.any(|named| named.as_deref() == Some(&digest[..])) { Vouched::Yes } else { Vouched::No }
}

/// The digest in a record of ours; `Some(None)` for one that cannot be compared.
fn digest_of(record: &str) -> Option<Option<Vec<u8>>> {
    let mut tags = record.split(';').filter_map(|tag| tag.split_once('=')).map(|(n, v)| (n.trim(), v.trim()));
    let (name, version) = tags.next()?;
    if !name.eq_ignore_ascii_case("v") || !version.eq_ignore_ascii_case("UAAC1") {
        return None;
    }
    let (mut method, mut digest) = ("sha256", None);
    for (name, value) in tags.take(10) {
        match name.to_ascii_lowercase().as_str() {
            "a" => method = value,
            "d" => digest = Some(value),
            _ => {}
        }
    }
    let digest = digest.filter(|_| method.eq_ignore_ascii_case("sha256"));
    Some(digest.and_then(|text| STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()))
}

/// Reads a document for an address.
///
/// Hosts come without ports: they are the usual ones of TLS from the first byte. The user name is the
/// address.
///
/// # Errors
/// [`ReadError`], when nothing in it can be used.
pub fn read(document: &[u8], address: &Address) -> Result<Pacc, ReadError> {
    let text = decode(document)?;
    let json: Value = serde_json::from_str(&text).map_err(|error| ReadError::Json(error.to_string()))?;
    let Some(protocols) = json.get("protocols").and_then(Value::as_object) else {
        return Err(ReadError::Json("no `protocols`".to_owned()));
    };
    let authentication = authentication(json.get("authentication"));
    let mut found = Pacc::default();
    for (key, protocol) in [
        ("imap", Protocol::Imap),
        ("pop3", Protocol::Pop3),
        ("jmap", Protocol::Jmap),
        ("smtp", Protocol::Smtp),
    ] {
        let Some(block) = protocols.get(key) else { continue };
        let text = |name: &str| block.get(name).and_then(Value::as_str);
        let written =
            if protocol == Protocol::Jmap { text("url").and_then(host_of_url) } else { text("host") };
        let Some(host) = written.and_then(host) else {
            found.oddities.push(format!("a service ({}) was left out: it has no host", protocol.name()));
            continue;
        };
        let settings = Settings {
            protocol,
            host,
            port: usual_port(protocol, Security::Tls),
            security: Security::Tls,
            authentication: authentication.clone(),
            username: address.to_string(),
        };
        if protocol == Protocol::Smtp { &mut found.outgoing } else { &mut found.incoming }.push(settings);
    }
    if found.incoming.is_empty() && found.outgoing.is_empty() {
        let why = found.oddities.first().map(|oddity| format!(": {oddity}")).unwrap_or_default();
        return Err(ReadError::NoServer(why));
    }
    let page = json.pointer("/info/help/documentation").and_then(Value::as_str);
    if let Some(url) = page.filter(|url| host_of_url(url).is_some()) {
        found.links.push(Link { kind: LinkKind::Documentation, url: url.to_owned(), text: String::new() });
    }
    Ok(found)
}

fn authentication(block: Option<&Value>) -> Vec<Authentication> {
    let Some(block) = block else { return Vec::new() };
    let oauth = block.get("oauth-public").is_some_and(Value::is_object).then_some(Authentication::OAuth2);
    let password = (block.get("password") == Some(&Value::Bool(true))).then_some(Authentication::Password);
    oauth.into_iter().chain(password).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{
        "protocols": {
            "jmap": {"url": "https://api.example.org/jmap"},
            "imap": {"host": "imap.example.org"},
            "smtp": {"host": "SMTP.example.org"},
            "caldav": {"url": "https://dav.example.org"}
        },
        "authentication": {"oauth-public": {"issuer": "https://id.example.org"}, "password": true},
        "info": {"provider": {"name": "Example"}, "help": {"documentation": "https://example.org/help"}}
    }"#;

    fn ann() -> Address {
        Address::parse("ann@example.org").unwrap()
    }

    fn record(document: &str) -> String {
        format!("v=UAAC1; a=sha256; d={}", STANDARD.encode(Sha256::digest(document)))
    }

    #[test]
    fn hosts_get_the_usual_ports_of_tls() {
        let found = read(DOCUMENT.as_bytes(), &ann()).unwrap();
        let shown: Vec<_> =
            found.incoming.iter().chain(&found.outgoing).map(|s| (s.protocol, s.to_string())).collect();
        assert_eq!(
            shown,
            [
                (Protocol::Imap, "imap.example.org:993/tls".to_owned()),
                (Protocol::Jmap, "api.example.org:443/tls".to_owned()),
                (Protocol::Smtp, "smtp.example.org:465/tls".to_owned()),
            ]
        );
        assert_eq!(found.incoming[0].authentication, [Authentication::OAuth2, Authentication::Password]);
        assert_eq!(found.incoming[0].username, "ann@example.org");
        assert_eq!(found.links[0].url, "https://example.org/help");
    }

    #[test]
    fn the_digest_is_of_the_very_octets() {
        assert_eq!(vouched(DOCUMENT.as_bytes(), &[record(DOCUMENT)]), Vouched::Yes);
        let two = [record("{}"), record(DOCUMENT).replace("; ", " ;  ")];
        assert_eq!(vouched(DOCUMENT.as_bytes(), &two), Vouched::Yes);
        assert_eq!(vouched(DOCUMENT.as_bytes(), &[record("{}")]), Vouched::No);
        assert_eq!(vouched(DOCUMENT.as_bytes(), &["v=UAAC1; a=sha256; d=%%%".to_owned()]), Vouched::No);
        assert_eq!(vouched(DOCUMENT.as_bytes(), &["v=spf1 -all".to_owned()]), Vouched::Unknown);
        assert_eq!(vouched(DOCUMENT.as_bytes(), &[]), Vouched::Unknown);
        let other = record(DOCUMENT).replace("sha256", "md5");
        assert_eq!(vouched(DOCUMENT.as_bytes(), &[other]), Vouched::No);
    }

    #[test]
    fn a_bad_block_is_left_out_and_the_good_one_stays() {
        let found = read(
            br#"{"protocols":{"imap":{"host":"not a host"},"jmap":7,"smtp":{"host":"s.example.org"}}}"#,
            &ann(),
        )
        .unwrap();
        assert!(found.incoming.is_empty());
        assert_eq!((found.outgoing.len(), found.oddities.len()), (1, 2));
        assert!(found.outgoing[0].authentication.is_empty());
    }

    #[test]
    fn other_texts_are_refused() {
        assert_eq!(read(b"<html></html>", &ann()), Err(ReadError::WebPage));
        for text in ["", "{}", "[]", "{\"protocols\":[]}"] {
            assert!(matches!(read(text.as_bytes(), &ann()), Err(ReadError::Json(_))), "{text}");
        }
        assert!(matches!(read(b"{\"protocols\":{}}", &ann()), Err(ReadError::NoServer(_))));
        let deep = "[".repeat(100_000);
        assert!(matches!(read(deep.as_bytes(), &ann()), Err(ReadError::Json(_))));
    }
}
