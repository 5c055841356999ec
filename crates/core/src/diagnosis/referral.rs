//! Login referrals (RFC 2221): where a mailbox has gone.

/// What an `imap:` URL in a REFERRAL names (RFC 5092, section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referral {
    /// The new server.
    pub host: String,
    /// Its port, when the URL has one.
    pub port: Option<u16>,
    /// The user name there, when the URL has one.
    pub user: Option<String>,
}

impl Referral {
    /// As `--imap` takes it.
    #[must_use]
    pub fn host_and_port(&self) -> String {
        match self.port {
            Some(port) if self.host.contains(':') => format!("[{}]:{port}", self.host),
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }
}

/// Reads an `imap://` URL; anything after it is ignored.
#[must_use]
pub fn referral(url: &str) -> Option<Referral> {
    let (scheme, rest) = url.trim_start().split_once("://")?;
    if !scheme.eq_ignore_ascii_case("imap") && !scheme.eq_ignore_ascii_case("imaps") {
        return None;
    }
    let end = rest.find(|c: char| c == '/' || c.is_whitespace()).unwrap_or(rest.len());
    let server = rest.get(..end)?;
    // The bracket that closes the response code.
    let server = if server.contains('[') { server } else { server.trim_end_matches(']') };
    let (user, server) = match server.rsplit_once('@') {
        Some((user, server)) => (Some(user), server),
        None => (None, server),
    };
    let (host, port) = match server.strip_prefix('[') {
        Some(bracketed) => {
            let (host, after) = bracketed.split_once(']')?;
            (host, after.strip_prefix(':'))
        }
        None => server.split_once(':').map_or((server, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(port) => Some(port.parse().ok().filter(|port| *port > 0)?),
        None => None,
    };
    let is_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || !host.chars().all(is_host) {
        return None;
    }
    let name = user.map(|user| user.split_once(';').map_or(user, |(name, _)| name));
    let user = match name {
        Some(name) if !name.is_empty() => Some(unescaped(name)?),
        _ => None,
    };
    Some(Referral { host: host.to_lowercase(), port, user })
}

/// Text without its percent signs (RFC 3986, section 2.1).
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |b: Option<u8>| char::from(b?).to_digit(16);
            let value = digit(rest.next())? * 16 + digit(rest.next())?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_place_is_read_from_the_url() {
        let read = |url| referral(url).map(|r| (r.host, r.port, r.user));
        let host = |name: &str| name.to_owned();
        assert_eq!(read("imap://new.example.org/"), Some((host("new.example.org"), None, None)));
        assert_eq!(
            read("IMAP://joe;AUTH=*@New.example.org:993/ Try there"),
            Some((host("new.example.org"), Some(993), Some(host("joe"))))
        );
        assert_eq!(
            read("imap://joe%40example.org@new.example.org] gone"),
            Some((host("new.example.org"), None, Some(host("joe@example.org"))))
        );
        assert_eq!(read("imap://[2001:db8::1]:143/"), Some((host("2001:db8::1"), Some(143), None)));
        assert_eq!(read("imap://;AUTH=*@a.example/"), Some((host("a.example"), None, None)));
    }

    #[test]
    fn what_is_no_imap_url_is_no_referral() {
        for url in [
            "",
            "new.example.org",
            "https://new.example.org/",
            "imap:///",
            "imap://a:0/",
            "imap://a:99999/",
            "imap://%4@a/",
            "imap://%0a@a/",
            "imap://a;b/",
        ] {
            assert_eq!(referral(url), None, "{url}");
        }
    }
}
