//! Host names as documents and records write them.

/// The ASCII form of a host name, or an IP address as it is; `None` for anything that cannot be asked for
/// (RFC 1123, section 2.1; RFC 5890).
pub(super) fn host(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches('.');
    if text.parse::<core::net::IpAddr>().is_ok() {
        return Some(text.to_owned());
    }
    let ascii = idna::domain_to_ascii_strict(text).ok()?;
    let fits = !ascii.is_empty() && ascii.len() <= 253;
    // The URL standard reads a last label of digits as an address; no server name ends so.
    let named = ascii.rsplit('.').next().is_some_and(|label| !label.bytes().all(|b| b.is_ascii_digit()));
    (fits && named).then_some(ascii)
}

/// The host in an `https:` address; `None` for anything else.
pub(super) fn host_of_url(url: &str) -> Option<&str> {
    let scheme = url.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("https://"))?;
    let rest = url.get(scheme.len()..)?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.split(':').next()?;
    (!host.is_empty() && !authority.contains('@')).then_some(host)
}
