//! What an answer is worth.

use crate::diagnosis::provider::{self, Provider};
use crate::mail::Address;
use crate::settings::{Candidate, Protocol, Settings, Source};
use std::collections::BTreeSet;

/// The best mail exchanger of a domain, and what it says about who runs the domain's mail.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange<'a> {
    /// Its name.
    pub(super) host: &'a str,
    /// Whether a resolver on this machine found the DNS's signature good (DNSSEC, RFC 4035).
    pub(super) signed: bool,
    /// The provider who runs it, by the table, when it has IMAP.
    pub(super) provider: Option<&'static Provider>,
}

impl Exchange<'_> {
    /// Whether a candidate is the word of a web host about a domain whose mail has moved to a provider:
    /// documents of that kind are left behind everywhere.
    fn contradicts(&self, candidate: &Candidate) -> bool {
        let Some((provider, imap)) = self.provider.zip(candidate.imap()) else { return false };
        is_of_web_host(candidate.source) && !runs(provider, &imap.host)
    }
}

/// Whether a source is kept by whoever runs the domain's web server, who need not run its mail.
pub(super) fn is_of_web_host(source: Source) -> bool {
    matches!(source, Source::Autoconfig | Source::AutoconfigWellKnown | Source::Autodiscover | Source::Guess)
}

/// Whether a server is a provider's, by the table.
fn runs(provider: &Provider, host: &str) -> bool {
    provider::of_server(host).is_some_and(|other| other.name == provider.name)
        || provider.imap.iter().chain(provider.smtp).any(|server| server.host == host)
}

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

/// A document fetched from the addresses in `hops`, the first asked and the last answering, that names
/// `servers`.
pub(super) fn document<'s>(
    source: Source,
    hops: &[String],
    address: &Address,
    exchange: Option<Exchange<'_>>,
    servers: impl IntoIterator<Item = &'s Settings>,
) -> Trust {
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
            let Some(exchange) = exchange else { return (false, "no mail exchanger is known".to_owned()) };
            let host = exchange.host;
            if same_base(host, own) {
                return (true, format!("{from} answers over https for the domain of {own}'s mail exchanger"));
            }
            if exchange.signed {
                return (true, format!("signed DNS names {host}, and {from} answers over https for it"));
            }
            let mut mail =
                servers.into_iter().filter(|s| matches!(s.protocol, Protocol::Imap | Protocol::Smtp));
            if let Some(provider) = exchange.provider
                && mail.all(|settings| runs(provider, &settings.host))
            {
                let name = provider.name;
                return (true, format!("the mail exchanger {host} and these servers are known as {name}'s"));
            }
            (false, format!("the mail exchanger {host} is outside {own} and named by unsigned DNS"))
        }
        _ => (true, format!("{from} says so itself, over https")),
    }
}

/// SRV records: the DNS is not signed, so a target outside the domain is trusted only where it showed a
/// certificate of the domain itself (RFC 6186, section 6). `vouched` are those that did.
pub(super) fn srv(settings: &[&Settings], address: &Address, vouched: &BTreeSet<String>) -> Trust {
    let own = address.ascii_domain();
    let outside = || settings.iter().filter(|s| !same_base(&s.host, own));
    if let Some(other) = outside().find(|s| !vouched.contains(&s.to_string())) {
        return (false, format!("unsigned DNS names {}, which is outside {own}", other.host));
    }
    match outside().next() {
        None => (true, format!("the DNS of {own} names a server in the same domain")),
        Some(other) => {
            let host = &other.host;
            (true, format!("the DNS of {own} names {host}, which has a certificate for {own} itself"))
        }
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
/// before untrusted, what the mail exchanger does not contradict before what it does, complete before
/// incomplete, then the order of [`Source`]. Never the order of arrival.
pub(super) fn order(mut candidates: Vec<Candidate>, exchange: Option<Exchange<'_>>) -> Vec<Candidate> {
    candidates.sort_by(|a, b| key(a, exchange).cmp(&key(b, exchange)).then_with(|| a.url.cmp(&b.url)));
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

/// The first that [`order`] would give.
pub(super) fn best<'c>(candidates: &'c [Candidate], exchange: Option<Exchange<'_>>) -> Option<&'c Candidate> {
    candidates.iter().min_by(|a, b| key(a, exchange).cmp(&key(b, exchange)).then_with(|| a.url.cmp(&b.url)))
}

pub(super) type Key = (bool, bool, bool, bool, Source);

/// Smaller is better.
pub(super) fn key(candidate: &Candidate, exchange: Option<Exchange<'_>>) -> Key {
    (
        candidate.imap().is_none(),
        !candidate.trusted,
        contradicted(candidate, exchange),
        candidate.smtp().is_none(),
        candidate.source,
    )
}

/// Whether the mail exchanger says that this candidate is a leftover.
pub(super) fn contradicted(candidate: &Candidate, exchange: Option<Exchange<'_>>) -> bool {
    exchange.is_some_and(|exchange| exchange.contradicts(candidate))
}

/// Whether two candidates lead to the same server for reading, or to the same provider's, as far as both
/// name one.
pub(super) fn agree(one: &Candidate, other: &Candidate) -> bool {
    match (one.imap(), other.imap()) {
        (Some(one), Some(other)) => {
            one.host == other.host || provider::of_server(&one.host).is_some_and(|p| runs(p, &other.host))
        }
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

    fn at(host: &str) -> Exchange<'_> {
        Exchange { host, signed: false, provider: provider::of_exchange(host).filter(|p| !p.imap.is_empty()) }
    }

    fn hops(urls: &[&str]) -> Vec<String> {
        urls.iter().map(|url| (*url).to_owned()).collect()
    }

    #[test]
    fn a_document_of_the_domain_is_trusted_while_every_hop_is_https() {
        let trust = |urls: &[&str]| document(Source::Autoconfig, &hops(urls), &ann(), None, []);
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
        let (trusted, why) = document(Source::MxAutoconfig, &url, &ann(), Some(at("mx.hoster.test")), []);
        assert!(!trusted);
        assert_eq!(why, "the mail exchanger mx.hoster.test is outside example.org and named by unsigned DNS");
        let dept = Address::parse("ann@dept.example.org").unwrap();
        let url = hops(&["https://autoconfig.example.org/x"]);
        assert!(document(Source::MxAutoconfig, &url, &dept, Some(at("mx.example.org")), []).0);
        let signed = Exchange { signed: true, ..at("mx.hoster.test") };
        assert!(document(Source::MxIspdb, &url, &ann(), Some(signed), []).0);
    }

    #[test]
    fn the_table_vouches_for_a_providers_exchanger_and_its_servers_only() {
        let url = hops(&["https://autoconfig.google.com/x"]);
        let trust = |host: &str| {
            let imap = settings(Protocol::Imap, host);
            document(Source::MxAutoconfig, &url, &ann(), Some(at("aspmx.l.google.com")), [&imap]).0
        };
        assert!(trust("imap.gmail.com"));
        assert!(!trust("imap.evil.test"));
    }

    #[test]
    fn a_web_hosts_word_counts_less_where_the_mail_exchanger_is_a_providers() {
        let exchange = Some(at("aspmx.l.google.com"));
        let stale = candidate(Source::Autoconfig, true, "mail.webhost.test");
        assert!(contradicted(&stale, exchange));
        assert!(!contradicted(&stale, Some(at("mx.webhost.test"))));
        assert!(!contradicted(&candidate(Source::Autoconfig, true, "imap.gmail.com"), exchange));
        assert!(!contradicted(&candidate(Source::Ispdb, true, "mail.webhost.test"), exchange));
        let table = candidate(Source::Provider, true, "imap.gmail.com");
        let ordered = order(vec![stale.clone(), table.clone()], exchange);
        assert_eq!(ordered.first(), Some(&table));
        assert_eq!(order(vec![table, stale.clone()], None).first(), Some(&stale));
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
        let mut vouched = BTreeSet::new();
        assert!(srv(&[&inside], &ann(), &vouched).0);
        let (trusted, why) = srv(&[&inside, &outside], &ann(), &vouched);
        assert!(!trusted);
        assert!(why.contains("hoster.test"), "{why}");
        vouched.insert(outside.to_string());
        let (trusted, why) = srv(&[&inside, &outside], &ann(), &vouched);
        assert!(trusted);
        assert!(why.contains("certificate for example.org itself"), "{why}");
        assert!(guess(&[&inside], &ann()).0);
        assert!(!guess(&[&outside], &ann()).0);
    }

    #[test]
    fn trust_comes_before_source_and_use_before_trust() {
        let mut unusable = candidate(Source::Autoconfig, true, "a");
        unusable.incoming = vec![settings(Protocol::Pop3, "a")];
        let ordered = order(
            vec![
                unusable,
                candidate(Source::MxAutoconfig, false, "b"),
                candidate(Source::Guess, true, "c"),
                candidate(Source::Ispdb, true, "d"),
            ],
            None,
        );
        let sources: Vec<_> = ordered.iter().map(|c| c.source).collect();
        assert_eq!(sources, [Source::Ispdb, Source::Guess, Source::MxAutoconfig, Source::Autoconfig]);
    }

    #[test]
    fn two_that_say_the_same_become_one() {
        let ordered =
            order(vec![candidate(Source::Ispdb, true, "a"), candidate(Source::Autoconfig, true, "a")], None);
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
            let one = order(candidates.clone(), None);
            let len = candidates.len().max(1);
            candidates.rotate_left(turn % len);
            let other = order(candidates, None);
            let brief = |list: &[Candidate]| list.iter().map(|c| (c.source, c.trusted, c.incoming.clone())).collect::<Vec<_>>();
            prop_assert_eq!(brief(&one), brief(&other));
        }
    }
}
