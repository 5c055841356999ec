//! What an answer is worth.

use crate::mail::Address;
use crate::settings::{Candidate, Protocol, Settings, Source};

/// The registrable part of a host name (`example.co.uk` of `imap.example.co.uk`), by the Public Suffix
/// List; `None` for a public suffix itself and for IP addresses.
pub(super) fn base_domain(host: &str) -> Option<&str> {
    if host.parse::<core::net::IpAddr>().is_ok() {
        return None;
    }
    psl::domain_str(host)
}

/// Whether two names belong to the same registrable domain.
pub(super) fn same_base(one: &str, other: &str) -> bool {
    base_domain(one).is_some_and(|base| base_domain(other) == Some(base))
}

/// Whether a password may be sent to what a source named without asking the person, and why.
pub(super) type Trust = (bool, String);

/// A document fetched from the addresses in `hops`, the first asked and the last answering.
pub(super) fn document(source: Source, hops: &[String], address: &Address, exchange: Option<&str>) -> Trust {
    let own = address.ascii_domain();
    if let Some(open) = hops.iter().find(|hop| !hop.starts_with("https://")) {
        return (false, format!("it came over {}, where anybody on the way could change it", origin(open)));
    }
    let first = hops.first().map(|hop| origin(hop)).unwrap_or_default();
    let last = hops.last().map(|hop| origin(hop)).unwrap_or_default();
    let from = if first == last { first.to_owned() } else { format!("{first}, which sends on to {last},") };
    match source {
        Source::Ispdb => (true, format!("the ISPDB has an entry for {own}, fetched over https")),
        Source::MxAutoconfig | Source::MxIspdb => {
            let exchange = exchange.unwrap_or_default();
            if same_base(exchange, own) {
                return (true, format!("{from} answers over https for the domain of {own}'s mail exchanger"));
            }
            (false, format!("the mail exchanger {exchange} is outside {own} and named by unsigned DNS"))
        }
        _ => (true, format!("{from} says so itself, over https")),
    }
}

/// SRV records: the DNS is not signed, so a target is trusted only where the certificate that the server
/// must show later is one of the domain's own.
pub(super) fn srv(settings: &[&Settings], address: &Address) -> Trust {
    let own = address.ascii_domain();
    match settings.iter().find(|s| !same_base(&s.host, own)) {
        None => (true, format!("the DNS of {own} names a server in the same domain")),
        Some(other) => (false, format!("unsigned DNS names {}, which is outside {own}", other.host)),
    }
}

/// Guessed hosts, already connected to.
pub(super) fn guess(settings: &[&Settings], address: &Address) -> Trust {
    let own = address.ascii_domain();
    let host = settings.first().map(|s| s.host.as_str()).unwrap_or_default();
    if settings.iter().all(|s| same_base(&s.host, own)) {
        return (true, format!("a guess; {host} answers with a valid certificate for a name within {own}"));
    }
    (false, format!("a guess outside {own}"))
}

/// `https://host` of an address.
fn origin(url: &str) -> &str {
    let after = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(after..).and_then(|rest| rest.find('/')).map_or(url.len(), |at| after + at);
    url.get(..end).unwrap_or(url).trim_start_matches("https://")
}

/// Puts candidates into order and joins those that say the same. Usable comes before unusable, trusted
/// before untrusted, complete before incomplete, then the order of [`Source`]. Never the order of arrival.
pub(super) fn order(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.url.cmp(&b.url)));
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        let same = |other: &&mut Candidate| {
            other.incoming == candidate.incoming && other.outgoing == candidate.outgoing
        };
        match kept.iter_mut().find(same) {
            Some(better) => {
                let also = format!("; {} says the same", candidate.source);
                if !better.why.contains(&also) && better.source != candidate.source {
                    better.why.push_str(&also);
                }
            }
            None => kept.push(candidate),
        }
    }
    kept
}

type Key = (bool, bool, bool, Source);

/// Smaller is better.
pub(super) fn key(candidate: &Candidate) -> Key {
    (candidate.imap().is_none(), !candidate.trusted, candidate.smtp().is_none(), candidate.source)
}

/// Whether two candidates lead to the same server for reading, as far as both name one.
pub(super) fn agree(one: &Candidate, other: &Candidate) -> bool {
    match (one.imap(), other.imap()) {
        (Some(one), Some(other)) => one.host == other.host,
        (Some(_), None) => !other.incoming.iter().any(|s| s.protocol == Protocol::Imap),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Security;
    use proptest::prelude::*;

    fn ann() -> Address {
        Address::parse("ann@example.org").unwrap()
    }

    fn settings(protocol: Protocol, host: &str) -> Settings {
        Settings {
            protocol,
            host: host.to_owned(),
            port: 993,
            security: Security::Tls,
            authentication: Vec::new(),
            username: "ann@example.org".into(),
        }
    }

    fn candidate(source: Source, trusted: bool, host: &str) -> Candidate {
        Candidate {
            source,
            url: format!("https://{host}/"),
            trusted,
            why: "because".to_owned(),
            incoming: vec![settings(Protocol::Imap, host)],
            outgoing: vec![settings(Protocol::Smtp, host)],
        }
    }

    fn hops(urls: &[&str]) -> Vec<String> {
        urls.iter().map(|url| (*url).to_owned()).collect()
    }

    #[test]
    fn a_document_of_the_domain_is_trusted_while_every_hop_is_https() {
        let trust = |urls: &[&str]| document(Source::Autoconfig, &hops(urls), &ann(), None);
        let (trusted, why) = trust(&["https://autoconfig.example.org/mail/x", "https://hoster.test/y"]);
        assert!(trusted);
        assert_eq!(why, "autoconfig.example.org, which sends on to hoster.test, says so itself, over https");
        for bad in [
            &["http://autoconfig.example.org/mail/x"][..],
            &["http://autoconfig.example.org/x", "https://autoconfig.example.org/x"],
            &["https://autoconfig.example.org/x", "http://hoster.test/x", "https://hoster.test/x"],
        ] {
            let (trusted, why) = trust(bad);
            assert!(!trusted, "{bad:?}");
            assert!(why.contains("http://"), "{why}");
        }
    }

    #[test]
    fn what_a_foreign_mail_exchanger_leads_to_is_not_trusted() {
        let url = hops(&["https://autoconfig.hoster.test/x"]);
        let (trusted, why) = document(Source::MxAutoconfig, &url, &ann(), Some("mx.hoster.test"));
        assert!(!trusted);
        assert_eq!(why, "the mail exchanger mx.hoster.test is outside example.org and named by unsigned DNS");
        let dept = Address::parse("ann@dept.example.org").unwrap();
        let url = hops(&["https://autoconfig.example.org/x"]);
        assert!(document(Source::MxAutoconfig, &url, &dept, Some("mx.example.org")).0);
    }

    #[test]
    fn a_public_suffix_is_nobodys_domain() {
        assert!(!same_base("a.co.uk", "b.co.uk"));
        assert!(same_base("imap.a.co.uk", "a.co.uk"));
        assert!(!same_base("co.uk", "co.uk"));
        assert!(!same_base("192.0.2.1", "192.0.2.1"));
    }

    #[test]
    fn a_target_outside_the_domain_is_not_trusted() {
        let (inside, outside) =
            (settings(Protocol::Imap, "imap.example.org"), settings(Protocol::Smtp, "hoster.test"));
        assert!(srv(&[&inside], &ann()).0);
        let (trusted, why) = srv(&[&inside, &outside], &ann());
        assert!(!trusted);
        assert!(why.contains("hoster.test"), "{why}");
        assert!(guess(&[&inside], &ann()).0);
        assert!(!guess(&[&outside], &ann()).0);
    }

    #[test]
    fn trust_comes_before_source_and_use_before_trust() {
        let mut unusable = candidate(Source::Autoconfig, true, "a");
        unusable.incoming = vec![settings(Protocol::Pop3, "a")];
        let ordered = order(vec![
            unusable,
            candidate(Source::MxAutoconfig, false, "b"),
            candidate(Source::Guess, true, "c"),
            candidate(Source::Ispdb, true, "d"),
        ]);
        let sources: Vec<_> = ordered.iter().map(|c| c.source).collect();
        assert_eq!(sources, [Source::Ispdb, Source::Guess, Source::MxAutoconfig, Source::Autoconfig]);
    }

    #[test]
    fn two_that_say_the_same_become_one() {
        let ordered =
            order(vec![candidate(Source::Ispdb, true, "a"), candidate(Source::Autoconfig, true, "a")]);
        assert_eq!(ordered.len(), 1);
        assert_eq!(ordered[0].source, Source::Autoconfig);
        assert_eq!(ordered[0].why, "because; ispdb says the same");
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_does_not_matter(
            seeds in prop::collection::vec((0usize..5, any::<bool>(), "[ab]"), 0..8),
            turn in 0usize..8,
        ) {
            let sources = [Source::Autoconfig, Source::Srv, Source::Ispdb, Source::MxIspdb, Source::Guess];
            let mut candidates: Vec<_> =
                seeds.iter().map(|(s, t, h)| candidate(sources[*s], *t, h)).collect();
            let one = order(candidates.clone());
            let len = candidates.len().max(1);
            candidates.rotate_left(turn % len);
            let other = order(candidates);
            let brief = |list: &[Candidate]| list.iter().map(|c| (c.source, c.trusted, c.incoming.clone())).collect::<Vec<_>>();
            prop_assert_eq!(brief(&one), brief(&other));
        }
    }
}
