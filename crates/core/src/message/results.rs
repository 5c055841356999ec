//! The own provider's findings on a message (Authentication-Results, RFC 8601).
//!
//! Anybody may write this field. It counts only where the own provider is named in it, and where the provider alone
//! can have put it: above the line that tells of the message's arrival from outside. Two providers are known to
//! write it right below that line and to remove what others wrote there in their name.

use super::Authentication;
use super::header::{self, Field, Header};
use super::safety::site;

/// Sites that put their results below the line of arrival, and remove forged ones (RFC 8601, section 5).
const BELOW: [&str; 3] = ["google.com", "outlook.com", "office365.com"];
/// The most results of one field.
const MAX_RESULTS: usize = 20;

/// The results that can be trusted, and their field as it is. `own` are hosts or domains of the account, which
/// may be none: then the server that took the message last counts.
pub(super) fn read(header: &Header<'_>, own: &[String]) -> Option<(Authentication, String)> {
    let sites = own_sites(header, own);
    let is_own = |host: &str| {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        sites.iter().any(|own| *own == host || site(&host) == Some(own))
    };
    let mut below_arrival = false;
    for field in header.fields() {
        if field.name.eq_ignore_ascii_case("Received") {
            let hop = Hop::read(&header.unfold(field));
            let by_own = hop.by.as_deref().is_none_or(|by| !is_name(by) || is_own(by));
            if below_arrival || !by_own {
                return None;
            } else if hop.is_from_outside(is_own) {
                below_arrival = true;
                let is_known = |by: &str| BELOW.iter().any(|known| site(by) == Some(known));
                if !hop.by.as_deref().is_some_and(is_known) {
                    return None;
                }
            }
        } else if field.name.eq_ignore_ascii_case("Authentication-Results") {
            let found = parse(&header.unfold(field));
            let named = found.server.as_str();
            // One of the two names no server at all.
            if if named.is_empty() { below_arrival } else { is_own(named) } {
                let text = shown(header, field);
                return Some((found, text));
            }
        }
    }
    None
}

fn shown(header: &Header<'_>, field: &Field<'_>) -> String {
    header::one_line(&header.unfold(field))
}

/// The registered domains of the account, and of the server that took the message last.
fn own_sites(header: &Header<'_>, own: &[String]) -> Vec<String> {
    let mut sites: Vec<String> = own
        .iter()
        .map(|host| host.rsplit('@').next().unwrap_or(host).to_ascii_lowercase())
        .map(|host| site(&host).map(str::to_owned).unwrap_or(host))
        .collect();
    let hops = header.fields().iter().filter(|field| field.name.eq_ignore_ascii_case("Received"));
    for hop in hops.take(5).map(|field| Hop::read(&header.unfold(field))) {
        if let Some(by) = hop.by.filter(|by| is_name(by)) {
            sites.push(site(&by).map(str::to_owned).unwrap_or(by));
            break;
        }
        // Below a line that tells where the message came from, the next may be the sender's.
        if hop.from.is_some() {
            break;
        }
    }
    sites
}

/// Whether a host is a name with a domain, not a number nor a machine's own.
fn is_name(host: &str) -> bool {
    host.contains('.') && !host.contains(':') && !host.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// `from … by …` of a Received field (RFC 5321, section 4.4).
#[derive(Debug, Default)]
struct Hop {
    from: Option<String>,
    /// The name in parentheses after `from`, which the receiving server looked up.
    looked_up: Option<String>,
    by: Option<String>,
}

impl Hop {
    fn read(text: &str) -> Self {
        let mut hop = Self::default();
        let clean = |word: &str| word.trim_matches(|c: char| "()[];,.".contains(c)).to_ascii_lowercase();
        let mut words = text.split_whitespace().take(60).peekable();
        while let Some(word) = words.next() {
            match word.to_ascii_lowercase().as_str() {
                "from" if hop.from.is_none() && hop.by.is_none() => {
                    hop.from = words.next().map(clean);
                    if let Some(next) = words.peek().filter(|next| next.starts_with('(')) {
                        hop.looked_up = Some(clean(next));
                    }
                }
                "by" if hop.by.is_none() => hop.by = words.next().map(clean),
                _ => {}
            }
        }
        hop
    }

    /// Whether the message came in here: from a host that is not the provider's. What the sender says of itself
    /// counts only as far as it was looked up.
    fn is_from_outside(&self, is_own: impl Fn(&str) -> bool) -> bool {
        let Some(from) = &self.from else { return false };
        let is_inner = |host: &str| {
            host == "localhost" || host.starts_with("127.") || host.starts_with("10.") || is_own(host)
        };
        !(is_inner(from) && self.looked_up.as_deref().is_none_or(is_inner))
    }
}

/// `authserv-id [version] *(";" method "=" result …)` (section 2.2), comments left out.
fn parse(text: &str) -> Authentication {
    let text = without_comments(text);
    let mut pieces = text.split(';').map(str::trim);
    let first = pieces.next().unwrap_or_default();
    let mut found = Authentication::default();
    let mut results: Vec<&str> = pieces.collect();
    if first.contains('=') {
        results.insert(0, first);
    } else {
        found.server =
            first.split_whitespace().next().unwrap_or_default().trim_matches('"').to_ascii_lowercase();
    }
    for result in results.into_iter().take(MAX_RESULTS) {
        let Some((method, value)) = result.split_once('=') else { continue };
        let method = method.trim().split('/').next().unwrap_or_default().trim().to_ascii_lowercase();
        let value = value.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        let slot = match method.as_str() {
            "spf" => &mut found.spf,
            "dkim" => &mut found.dkim,
            "dmarc" => &mut found.dmarc,
            _ => continue,
        };
        // Of several signatures one that holds is enough.
        if slot.is_none() || value == "pass" {
            *slot = Some(value);
        }
    }
    found
}

fn without_comments(text: &str) -> String {
    let mut depth = 0_u32;
    text.chars()
        .filter(|c| {
            match c {
                '(' => depth += 1,
                ')' if depth > 0 => {
                    depth -= 1;
                    return false;
                }
                _ => {}
            }
            depth == 0
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=a@b.example;\n\
        \tdkim=fail (x; dkim=pass) header.d=b.example; dkim=pass header.d=c.example; dmarc=none\n";
    const FORGED: &str = "Authentication-Results: mx.example.org; dmarc=pass\n";
    const ARRIVAL: &str =
        "Received: from b.example (b.example [192.0.2.1]) by mx.example.org (Postfix); Mon\n";
    const INNER: &str =
        "Received: from mx.example.org (mx.example.org [192.0.2.9])\n\tby box.example.org with LMTP; Mon\n";

    fn of(text: &str, own: &[&str]) -> Option<Authentication> {
        let own: Vec<String> = own.iter().map(|host| (*host).to_owned()).collect();
        read(&Header::read(format!("{text}\nbody").as_bytes()), &own).map(|(found, _)| found)
    }

    #[test]
    fn the_own_providers_results_are_read() {
        let found = of(&format!("{OWN}{ARRIVAL}"), &[]).unwrap();
        assert_eq!(found.server, "mx.example.org");
        assert_eq!(
            (found.spf.as_deref(), found.dkim.as_deref(), found.dmarc.as_deref()),
            (Some("pass"), Some("pass"), Some("none"))
        );
        assert!(of(&format!("{INNER}{OWN}{ARRIVAL}"), &["imap.example.org"]).is_some());
        assert!(of(OWN, &["ann@example.org"]).is_some());
    }

    #[test]
    fn what_a_sender_wrote_below_does_not_count() {
        assert_eq!(of(&format!("{ARRIVAL}{FORGED}"), &["imap.example.org"]), None);
        assert_eq!(of(&format!("{INNER}{ARRIVAL}{FORGED}"), &["imap.example.org"]), None);
        assert_eq!(of(&format!("{OWN}{ARRIVAL}{FORGED}"), &[]).unwrap().dmarc.as_deref(), Some("none"));
        // The sender says it is the provider; the server looked up who it is.
        let lie = "Received: from mx.example.org (evil.example [192.0.2.1]) by mx.example.org; Mon\n";
        assert_eq!(of(&format!("{lie}{FORGED}"), &[]), None);
        let unknown = "Received: from mx.example.org (unknown [192.0.2.1]) by mx.example.org; Mon\n";
        assert_eq!(of(&format!("{unknown}{FORGED}"), &[]), None);
    }

    #[test]
    fn a_server_without_a_full_name_lends_the_sender_none() {
        let short = "Received: from mx.evil.example (mx.evil.example [192.0.2.1]) by mail (Postfix); Mon\n";
        let lie = "Received: from a.evil.example by mx.evil.example; Mon\nAuthentication-Results: mx.evil.example; dmarc=pass\n";
        assert_eq!(of(&format!("{short}{lie}"), &[]), None);
        let result = "Authentication-Results: mx.evil.example; dmarc=pass\n";
        assert_eq!(of(&format!("{short}{result}{lie}"), &[]), None);
    }

    #[test]
    fn what_another_server_says_does_not_count() {
        let other = "Authentication-Results: mx.evil.example; dmarc=pass\n";
        assert_eq!(of(&format!("{other}{ARRIVAL}"), &[]), None);
        assert_eq!(of(other, &["imap.example.org"]), None);
        assert_eq!(of(FORGED, &[]), None);
    }

    #[test]
    fn providers_that_write_below_the_arrival_are_known() {
        let google = "Received: by 2002:a05:6000:1 with SMTP id x; Mon\nX-Received: by 2002:a05:1 with SMTP\n\
            Received: from b.example (b.example. [192.0.2.1]) by mx.google.com with ESMTPS; Mon\n\
            Received-SPF: pass\nAuthentication-Results: mx.google.com; dkim=pass header.i=@b.example\n";
        assert_eq!(of(google, &["imap.gmail.com"]).unwrap().dkim.as_deref(), Some("pass"));
        let below =
            format!("{google}{ARRIVAL}{FORGED}").replace("mx.google.com; dkim", "mx.other.example; dkim");
        assert_eq!(of(&below, &["imap.gmail.com"]), None);
        let outlook = "Received: from b.example (192.0.2.1) by x.mail.protection.outlook.com with SMTP; Mon\n\
            Authentication-Results: spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=b.example; dkim=none\n";
        assert_eq!(of(outlook, &["outlook.office365.com"]).unwrap().spf.as_deref(), Some("pass"));
    }
}
