//! What a server offers in its answer to EHLO (RFC 5321, section 4.1.1.1).

use super::Reply;
use crate::sasl::Mechanism;

/// The service extensions restante knows, as offered on this connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// SIZE (RFC 1870): the largest message taken, in bytes. `None` when no limit is named.
    pub size: Option<u64>,
    /// Whether SIZE itself is offered, with or without a limit.
    pub has_size: bool,
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtp_utf8: bool,
    /// STARTTLS (RFC 3207).
    pub start_tls: bool,
    /// ENHANCEDSTATUSCODES (RFC 2034).
    pub enhanced_status_codes: bool,
    /// CHUNKING (RFC 3030).
    pub chunking: bool,
    /// DSN (RFC 3461).
    pub dsn: bool,
    /// AUTH (RFC 4954): every name offered, as written. `None` when AUTH is not offered.
    pub auth: Option<Vec<String>>,
}

impl Extensions {
    /// Reads the lines after the first of a 250 reply to EHLO. Also understood: `AUTH=` with mechanisms,
    /// which some servers send in place of, or beside, `AUTH`.
    #[must_use]
    pub fn read(reply: &Reply) -> Self {
        let mut found = Self::default();
        for line in reply.lines.iter().skip(1) {
            let mut words = line.split([' ', '\t']).filter(|w| !w.is_empty());
            let Some(keyword) = words.next() else { continue };
            let keyword = keyword.to_ascii_uppercase();
            match keyword.as_str() {
                "SIZE" => {
                    found.has_size = true;
                    found.size = words.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
                }
                "PIPELINING" => found.pipelining = true,
                "8BITMIME" => found.eight_bit_mime = true,
                "SMTPUTF8" => found.smtp_utf8 = true,
                "STARTTLS" => found.start_tls = true,
                "ENHANCEDSTATUSCODES" => found.enhanced_status_codes = true,
                "CHUNKING" => found.chunking = true,
                "DSN" => found.dsn = true,
                _ if keyword == "AUTH" || keyword.starts_with("AUTH=") => {
                    let names = found.auth.get_or_insert_default();
                    let first = keyword.get(5..).unwrap_or_default();
                    for name in std::iter::once(first).chain(words).filter(|n| !n.is_empty()) {
                        if !names.iter().any(|n| n.eq_ignore_ascii_case(name)) {
                            names.push(name.to_owned());
                        }
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// The offered mechanisms that restante speaks.
    #[must_use]
    pub fn mechanisms(&self) -> Vec<Mechanism> {
        self.auth.iter().flatten().filter_map(|name| Mechanism::from_name(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Extensions {
        let lines = lines.iter().map(|l| (*l).to_owned()).collect();
        Extensions::read(&Reply { code: 250, enhanced: None, lines })
    }

    #[test]
    fn an_offer_is_read_in_any_case() {
        let found = read(&[
            "PIPELINING example.org at your service",
            "size 35882577",
            "8BITMIME",
            "AUTH LOGIN PLAIN XOAUTH2 NTLM",
            "AUTH=PLAIN CRAM-MD5",
            "SMTPUTF8",
            "X-OTHER thing",
        ]);
        assert!(!found.pipelining, "the first line is no extension");
        assert_eq!(found.size, Some(35_882_577));
        assert!(found.eight_bit_mime && found.smtp_utf8 && !found.chunking);
        assert_eq!(
            found.mechanisms(),
            [Mechanism::Login, Mechanism::Plain, Mechanism::XOAuth2, Mechanism::CramMd5]
        );
        assert_eq!(found.auth.unwrap().len(), 5);
    }

    #[test]
    fn a_size_without_a_number_names_no_limit() {
        assert_eq!((read(&["x", "SIZE"]).size, read(&["x", "SIZE 0"]).has_size), (None, true));
        assert_eq!(read(&["x", "SIZE 0"]).size, None);
        assert_eq!(read(&["x"]).auth, None);
    }
}
