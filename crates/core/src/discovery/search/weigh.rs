//! What is known so far, put together and compared.

use super::super::ask::{self, Ask, What};
use super::super::{Value, Word, provider, rank};
use super::{AskId, Facts, Read, Search};
use crate::diagnosis::provider::{Access, Provider};
use crate::diagnosis::{Certainty, Finding, Verdict};
use crate::settings::pacc::{self, Vouched};
use crate::settings::srv::Service;
use crate::settings::{Authentication, Candidate, Protocol, Settings, Source};

/// More servers outside the domain than these are not asked for a certificate.
const VOUCHED: usize = 4;

impl Search {
    /// What is known so far. What comes from several questions counts when all of them are answered or given
    /// up, or at the end, so that a candidate does not depend on which of two answers was quicker.
    pub(super) fn candidates(&self, at_the_end: bool) -> Vec<Candidate> {
        let mut found: Vec<_> = self.facts.documents.values().map(|read| self.trusted_now(read)).collect();
        found.extend(self.pacc_candidate(at_the_end));
        let names_mail = |ask: &Ask| ask.source == Source::Srv && ask.can_name_imap();
        if at_the_end || (self.vouching && !self.is_awaited(names_mail)) {
            found.extend(self.srv_candidate());
        }
        found.extend(self.provider_candidate());
        found.extend(self.bridge_candidate());
        found.extend(self.guess_candidate(at_the_end));
        found
    }

    /// A document's candidate, with the trust that follows from what is known by now.
    fn trusted_now(&self, read: &Read) -> Candidate {
        let mut candidate = read.candidate.clone();
        if matches!(candidate.source, Source::MxAutoconfig | Source::MxIspdb) {
            let servers = candidate.incoming.iter().chain(&candidate.outgoing);
            let trust =
                rank::document(candidate.source, &read.hops, self.address(), self.exchange(), servers);
            (candidate.trusted, candidate.why) = trust;
        }
        candidate
    }

    fn pacc_candidate(&self, at_the_end: bool) -> Option<Candidate> {
        let (_, read, body) = self.facts.pacc.as_ref()?;
        let mut candidate = read.candidate.clone();
        let own = self.address().ascii_domain();
        let Some(records) = &self.facts.digests else {
            candidate.why = format!("the DNS of {own} did not tell the digest of this document");
            let open = self.is_awaited(|ask| matches!(ask.what, What::Txt(_)));
            return (at_the_end || !open).then_some(candidate);
        };
        match pacc::vouched(body, records) {
            Vouched::No => return None,
            Vouched::Unknown => {
                candidate.why = format!("the DNS of {own} has no digest for this document");
            }
            Vouched::Yes => {
                let trust = rank::document(Source::Pacc, &read.hops, self.address(), None, []);
                (candidate.trusted, candidate.why) = trust;
                if candidate.trusted {
                    candidate.why.push_str(", and the DNS has its digest");
                }
            }
        }
        Some(candidate)
    }

    /// Servers outside the domain that the DNS names: they are asked for a certificate of the domain.
    pub(super) fn vouch_asks(&self) -> Vec<Ask> {
        let own = self.address().ascii_domain();
        let mut asks = Vec::new();
        for (service, published) in &self.facts.srv {
            if !matches!(service.protocol(), Protocol::Imap | Protocol::Smtp) {
                continue;
            }
            for settings in published.settings.iter().filter(|s| !rank::same_base(&s.host, own)) {
                let spoken = Service::ALL
                    .into_iter()
                    .find(|s| s.protocol() == settings.protocol && s.security() == settings.security);
                let service = spoken.unwrap_or(*service);
                let what = What::Vouch(service, settings.host.clone(), settings.port, own.to_owned());
                asks.push(Ask::new(Source::Srv, what));
            }
        }
        asks.truncate(VOUCHED);
        asks
    }

    fn srv_candidate(&self) -> Option<Candidate> {
        let published = Service::ALL.iter().filter_map(|service| self.facts.srv.get(service));
        let all = published.flat_map(|published| &published.settings);
        let (outgoing, incoming): (Vec<_>, Vec<_>) = all.partition(|s| s.protocol == Protocol::Smtp);
        let first = Service::ALL.iter().find(|service| self.facts.srv.contains_key(service))?;
        // Only where a password would go: the others are shown and never used.
        let used: Vec<_> = incoming
            .iter()
            .chain(&outgoing)
            .filter(|s| matches!(s.protocol, Protocol::Imap | Protocol::Smtp))
            .copied()
            .collect();
        let (trusted, why) = rank::srv(&used, self.address(), &self.facts.vouched);
        Some(Candidate {
            source: Source::Srv,
            url: first.name(self.address().ascii_domain()),
            trusted,
            why,
            incoming: incoming.into_iter().cloned().collect(),
            outgoing: outgoing.into_iter().cloned().collect(),
        })
    }

    /// What the table of providers says, by the domain or by its mail exchanger.
    fn provider_candidate(&self) -> Option<Candidate> {
        let own = self.address().ascii_domain();
        let (found, known_by): (&Provider, _) = match provider::of_domain(own) {
            Some(found) => (found, format!("{own} is one of {}'s domains", found.name)),
            None => {
                let exchange = self.exchange()?;
                let found = exchange.provider?;
                (found, format!("{own}'s mail exchanger {} is {}'s", exchange.host, found.name))
            }
        };
        let (mut incoming, mut outgoing) = found.settings(self.address());
        if incoming.is_empty() {
            return None;
        }
        if matches!(found.access, Access::OAuth(_)) {
            for settings in incoming.iter_mut().chain(&mut outgoing) {
                settings.authentication = vec![Authentication::OAuth2];
            }
        }
        Some(Candidate {
            source: Source::Provider,
            url: found.source.to_owned(),
            trusted: true,
            why: format!("{known_by}, by restante's own table (checked {})", found.checked),
            incoming,
            outgoing,
        })
    }

    /// A provider's own program on this machine, when both its ports answer.
    fn bridge_candidate(&self) -> Option<Candidate> {
        let finding = self.bridge()?;
        let spoke = |wanted: Protocol| {
            let mut asks = self.asks.iter().enumerate();
            asks.find_map(|(id, asked)| match &asked.ask.what {
                What::Bridge(service, port)
                    if service.protocol() == wanted && self.facts.spoke.contains(&id) =>
                {
                    Some(Settings {
                        protocol: wanted,
                        host: "127.0.0.1".to_owned(),
                        port: *port,
                        security: service.security(),
                        authentication: vec![Authentication::Password],
                        username: self.address().to_string(),
                    })
                }
                _ => None,
            })
        };
        let incoming = spoke(Protocol::Imap)?;
        Some(Candidate {
            source: Source::Provider,
            url: finding.link.unwrap_or_default(),
            trusted: false,
            why:
                "a program on this machine answers where the provider's own does; use the password it shows, \
                  and compare its certificate"
                    .to_owned(),
            incoming: vec![incoming],
            outgoing: spoke(Protocol::Smtp).into_iter().collect(),
        })
    }

    fn guess_candidate(&self, at_the_end: bool) -> Option<Candidate> {
        let incoming = self.first_to_speak(Protocol::Imap, at_the_end)??;
        let outgoing = self.first_to_speak(Protocol::Smtp, at_the_end)?;
        let both: Vec<_> = std::iter::once(&incoming).chain(&outgoing).collect();
        let (trusted, why) = rank::guess(&both, self.address());
        let url = incoming.to_string();
        let outgoing = outgoing.into_iter().collect();
        Some(Candidate { source: Source::Guess, url, trusted, why, incoming: vec![incoming], outgoing })
    }

    /// The best probed server: `None` while a better one may still answer, `Some(None)` when none did.
    fn first_to_speak(&self, protocol: Protocol, at_the_end: bool) -> Option<Option<Settings>> {
        let mut probes: Vec<_> = self
            .asks
            .iter()
            .enumerate()
            .filter_map(|(id, asked)| match &asked.ask.what {
                What::Probe(service, host, port) if service.protocol() == protocol => Some((
                    ask::guess_order(*service),
                    id,
                    asked.done || asked.given_up,
                    *service,
                    host,
                    *port,
                )),
                _ => None,
            })
            .collect();
        probes.sort_by_key(|probe| (probe.0, probe.1));
        for (_, id, done, service, host, port) in probes {
            if self.facts.spoke.contains(&id) {
                return Some(Some(Settings {
                    protocol,
                    host: host.clone(),
                    port,
                    security: service.security(),
                    authentication: Vec::new(),
                    username: self.address().to_string(),
                }));
            }
            if !done && !at_the_end {
                return None;
            }
        }
        Some(None)
    }

    pub(super) fn findings(&self, candidates: &[Candidate]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let best = candidates.first().filter(|candidate| candidate.imap().is_some());
        match (self.bridge(), best) {
            (Some(bridge), None) => findings.push(bridge),
            (Some(bridge), Some(best)) => {
                let answers = best.imap().is_some_and(|imap| imap.host == "127.0.0.1");
                // A web host's word about a domain whose mail goes to such a provider is a leftover.
                let doubted = bridge.certainty == Certainty::Certain || rank::is_of_web_host(best.source);
                if doubted && !answers {
                    findings.push(bridge);
                }
            }
            (None, None) => findings.push(self.why_nothing(candidates)),
            (None, Some(_)) => {}
        }
        findings.extend(best.and_then(|best| self.disagreement(best, candidates)));
        if let Some(clock) = &self.facts.clock {
            findings.push(super::super::explain::clock(clock));
        }
        findings
    }

    /// A note that sources name different servers, when each of them would have been believed alone.
    fn disagreement(&self, best: &Candidate, candidates: &[Candidate]) -> Option<Finding> {
        let exchange = self.exchange();
        let other = |c: &&Candidate| c.trusted && c.imap().is_some() && !rank::agree(best, c);
        let others: Vec<_> = candidates
            .iter()
            .filter(|c| c.source != Source::Guess || best.source == Source::Guess)
            .filter(other)
            .collect();
        if others.is_empty() {
            return None;
        }
        let named = |c: &Candidate| {
            let host = c.imap().map(|imap| imap.host.as_str()).unwrap_or_default();
            format!("{} ({}) names {host}", c.source, c.url)
        };
        let mut evidence = named(best);
        for other in &others {
            evidence = format!("{evidence}; {}", named(other));
        }
        let mut finding =
            super::super::explain::finding(Verdict::SourcesDisagree, Certainty::Likely, evidence);
        if let Some(exchange) = exchange
            && let Some(provider) = exchange.provider
            && others.iter().any(|other| rank::contradicted(other, Some(exchange)))
        {
            finding.evidence = format!("{}; the mail exchanger is {}", finding.evidence, exchange.host);
            finding.meaning = format!(
                "The mail of this domain goes to {}, and a web server of the domain still names another server.",
                provider.name
            );
        }
        Some(finding)
    }
}

impl Facts {
    /// Every document that was read, in the order of asking; one of PACC last.
    pub(super) fn reads(&self) -> impl Iterator<Item = &Read> {
        self.documents.values().chain(self.pacc.as_ref().map(|(_, read, _)| read))
    }

    /// Whether what an ask found leads to the same server as the best candidate.
    pub(super) fn agrees(&self, id: AskId, best: &Candidate) -> bool {
        let pacc = self.pacc.as_ref().filter(|(of, _, _)| *of == id).map(|(_, read, _)| read);
        let read = self.documents.get(&id).or(pacc);
        read.is_none_or(|read| rank::agree(&read.candidate, best))
    }
}

/// Each value of the best candidate, with who says so and who says otherwise.
pub(super) fn values(ordered: &[Candidate], all: &[Candidate]) -> Vec<Value> {
    let Some(best) = ordered.first().filter(|best| best.imap().is_some()) else { return Vec::new() };
    let mut all: Vec<_> = all.iter().collect();
    all.sort_by(|a, b| (a.source, &a.url).cmp(&(b.source, &b.url)));
    let mut found = Vec::new();
    type Pick = fn(&Candidate) -> Option<&Settings>;
    for (service, pick) in [("imap", Candidate::imap as Pick), ("smtp", Candidate::smtp as Pick)] {
        let Some(settings) = pick(best) else { continue };
        type Part = fn(&Settings) -> String;
        let parts: [(&str, Part); 4] = [
            ("host", |s| s.host.clone()),
            ("port", |s| s.port.to_string()),
            ("security", |s| s.security.to_string()),
            ("username", |s| s.username.clone()),
        ];
        for (name, part) in parts {
            let mut value = Value {
                name: format!("{service}.{name}"),
                value: part(settings),
                url: best.url.clone(),
                sources: Vec::new(),
                others: Vec::new(),
            };
            for candidate in &all {
                let Some(settings) = pick(candidate) else { continue };
                let (said, source) = (part(settings), candidate.source);
                if said == value.value {
                    if !value.sources.contains(&source) {
                        value.sources.push(source);
                    }
                } else {
                    value.others.push(Word { source, value: said });
                }
            }
            found.push(value);
        }
    }
    found
}
