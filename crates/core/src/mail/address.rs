//! A person's e-mail address, as typed at setup.

use std::fmt;

/// An e-mail address that can own an account: `local@domain`, with a domain of two labels or more.
///
/// The local part is kept as typed (RFC 5321, section 2.4: only its own host may interpret it); the
/// domain is lower-cased and also kept in its ASCII form (RFC 5890) for DNS.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    local: String,
    domain: String,
    ascii_domain: String,
}

/// Why a text is no address. Each says what is wrong in words a person can act on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no `@`, or nothing on one side of it.
    #[error("an address has the form name@example.org; `{0}` has no name or no domain")]
    Incomplete(String),
    /// White space or a control character inside.
    #[error("an address holds no spaces or control characters")]
    Space,
    /// More than one `@` outside quotes.
    #[error("`{0}` has more than one @")]
    ManyAts(String),
    /// The domain has no dot, so it cannot be found in the DNS.
    #[error("the domain `{0}` has no dot; did you mean {0}.com, or is something missing?")]
    NoDot(String),
    /// The domain does not map to DNS labels (RFC 5891).
    #[error("the domain `{0}` is not a valid domain name")]
    Domain(String),
    /// Longer than RFC 5321, section 4.5.3.1 allows (64 octets before the @, 255 after).
    #[error("the address is longer than mail allows")]
    TooLong,
}

impl Address {
    /// Reads an address. Surrounding white space and one pair of angle brackets are dropped.
    ///
    /// # Errors
    /// [`AddressError`] names the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let text = text.strip_prefix('<').and_then(|t| t.strip_suffix('>')).unwrap_or(text);
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(AddressError::Space);
        }
        let incomplete = || AddressError::Incomplete(text.to_owned());
        let (local, domain) = text.rsplit_once('@').ok_or_else(incomplete)?;
        if local.is_empty() || domain.is_empty() {
            return Err(incomplete());
        }
        if local.contains('@') && !(local.starts_with('"') && local.ends_with('"')) {
            return Err(AddressError::ManyAts(text.to_owned()));
        }
        let domain = domain.trim_end_matches('.').to_lowercase();
        let ascii_domain =
            idna::domain_to_ascii_strict(&domain).map_err(|_| AddressError::Domain(domain.clone()))?;
        if !ascii_domain.contains('.') {
            return Err(AddressError::NoDot(domain));
        }
        if local.len() > 64 || ascii_domain.len() > 253 {
            return Err(AddressError::TooLong);
        }
        Ok(Self { local: local.to_owned(), domain, ascii_domain })
    }

    /// The part before the `@`, as typed.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain as people read it, lower-cased.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The domain in ASCII, for DNS and TLS.
    #[must_use]
    pub fn ascii_domain(&self) -> &str {
        &self.ascii_domain
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_local_part_and_lowers_its_domain() {
        let address = Address::parse(" <Ann.Lee@Example.ORG> ").unwrap();
        assert_eq!(address.to_string(), "Ann.Lee@example.org");
    }

    #[test]
    fn an_international_domain_has_an_ascii_form() {
        let address = Address::parse("info@bücher.example").unwrap();
        assert_eq!(address.ascii_domain(), "xn--bcher-kva.example");
        assert_eq!(address.domain(), "bücher.example");
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(Address::parse("ann"), Err(AddressError::Incomplete("ann".into())));
        assert_eq!(Address::parse("ann@"), Err(AddressError::Incomplete("ann@".into())));
        assert_eq!(Address::parse("a b@example.org"), Err(AddressError::Space));
        assert_eq!(Address::parse("a@b@example.org"), Err(AddressError::ManyAts("a@b@example.org".into())));
        assert_eq!(Address::parse("ann@gmail"), Err(AddressError::NoDot("gmail".into())));
        assert_eq!(Address::parse("ann@a_b!.org"), Err(AddressError::Domain("a_b!.org".into())));
    }
}
