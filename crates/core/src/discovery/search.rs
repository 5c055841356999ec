//! A search for settings, without the asking: asks go out, replies come in, time is an argument.

use super::ask::{self, Ask, What};
use super::{Discovery, TraceLine, TraceResult, provider, rank};
use crate::diagnosis::{Certainty, Finding, Verdict};
use crate::mail::Address;
use crate::settings::autoconfig::{self, Link, ReadError};
use crate::settings::srv::{self, Record, Service};
use crate::settings::{Candidate, Protocol, Settings, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Names an [`Ask`] within its search.
pub type AskId = usize;

/// What a person may choose about a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchOptions {
    /// Where the ISPDB is, as `https://autoconfig.thunderbird.net/v1.1/`; without it none is asked.
    pub ispdb: Option<String>,
    /// Wait for every source, also when nothing better can come: for a report, not for setting up.
    pub thorough: bool,
}

/// What came back for an [`Ask`].
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// A document, or another HTTP answer.
    Document(Document),
    /// SRV records, at least one.
    Srv(Vec<Record>),
    /// Mail exchangers, the most preferred first. An empty name is a null MX (RFC 7505).
    Mx(Vec<String>),
    /// A probed server showed a valid certificate and spoke its protocol: its greeting.
    Spoke(String),
    /// The name exists and there is nothing of that kind, or the host does not exist: what was said.
    Absent(String),
    /// The name asked does not exist (NXDOMAIN): what was said.
    NoSuchName(String),
    /// No answer, or one that cannot be used.
    Failed(Finding),
}

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Every address asked, the first and the answering one included.
    pub hops: Vec<String>,
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// The server's clock, when it says.
    pub date: Option<jiff::Timestamp>,
}

/// A search in progress.
#[derive(Debug)]
pub struct Search {
    address: Address,
    options: SearchOptions,
    now: jiff::Timestamp,
    /// Every ask, with whether it is done; the index is its id.
    asks: Vec<(Ask, bool)>,
    /// How many of them were handed out.
    started: usize,
    last_wave: bool,
    pub(super) facts: Facts,
    trace: Vec<(AskId, TraceLine)>,
}

/// What the replies said.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Candidates from documents, by ask.
    pub(super) documents: BTreeMap<AskId, (Candidate, Vec<Link>)>,
    srv: BTreeMap<Service, Vec<Settings>>,
    /// Services that the domain says it does not have.
    pub(super) declined: BTreeSet<Service>,
    /// The best mail exchanger.
    pub(super) exchange: Option<String>,
    pub(super) null_mx: bool,
    /// What the name service said about a domain that does not exist.
    pub(super) no_domain: Option<String>,
    spoke: BTreeSet<AskId>,
    pub(super) failures: BTreeMap<AskId, Finding>,
    /// A web page where the ISPDB should answer.
    pub(super) foreign_page: Option<String>,
    /// A clock that differs from ours, and whose.
    pub(super) clock: Option<String>,
}

impl Search {
    /// How long a source may keep a usable answer of a lesser one waiting, from the begin of the search;
    /// also, how long the usual host names wait for those who know.
    pub const PATIENCE: Duration = Duration::from_secs(3);

    /// Begins a search. `now` is compared with the clocks of the servers that answer.
    #[must_use]
    pub fn new(address: &Address, options: SearchOptions, now: jiff::Timestamp) -> Self {
        let asks = match provider::needs_bridge(address.domain(), None) {
            Some(_) => Vec::new(),
            None => ask::first(address, options.ispdb.as_deref()),
        };
        Self {
            address: address.clone(),
            options,
            now,
            asks: asks.into_iter().map(|ask| (ask, false)).collect(),
            started: 0,
            last_wave: false,
            facts: Facts::default(),
            trace: Vec::new(),
        }
    }

    /// What is to be asked now, `elapsed` after the begin. To be called after every reply, and once when
    /// [`Search::PATIENCE`] is over.
    pub fn next_asks(&mut self, elapsed: Duration) -> Vec<(AskId, Ask)> {
        if self.is_last_wave_due(elapsed) {
            self.last_wave = true;
            let imap = !self.declines_imap();
            let wave = ask::last(&self.address, self.facts.exchange.as_deref(), imap);
            self.asks.extend(wave.into_iter().map(|ask| (ask, false)));
        }
        let new = self.asks.iter().enumerate().skip(self.started).map(|(id, (ask, _))| (id, ask.clone()));
        let new: Vec<_> = new.collect();
        self.started = self.asks.len();
        new
    }

    /// Takes a reply that came `ms` milliseconds after its question, and says what it amounts to.
    pub fn handle(&mut self, id: AskId, reply: Reply, ms: u64) -> Option<TraceLine> {
        let (ask, done) = self.asks.get_mut(id)?;
        if std::mem::replace(done, true) {
            return None;
        }
        let ask = ask.clone();
        let (result, detail) = self.learn(id, &ask, reply);
        let line = TraceLine { source: ask.source, asked: ask.what.to_string(), result, ms, detail };
        self.trace.push((id, line.clone()));
        Some(line)
    }

    /// Whether nothing better can come, or nothing at all.
    #[must_use]
    pub fn is_over(&self, elapsed: Duration) -> bool {
        if self.facts.no_domain.is_some() {
            return true;
        }
        let all_done = self.asks.iter().all(|(_, done)| *done);
        if all_done {
            return !self.is_last_wave_due(elapsed);
        }
        if self.options.thorough {
            return false;
        }
        let candidates = rank::order(self.candidates(false));
        let Some(best) = candidates.first().filter(|best| best.imap().is_some()) else { return false };
        let best = rank::key(best);
        elapsed >= Self::PATIENCE
            || !self
                .asks
                .iter()
                .any(|(ask, done)| !done && (false, !self.may_be_trusted(ask), false, ask.source) < best)
    }

    /// Puts together what is known, `elapsed` after the begin. Questions still open are named as such.
    #[must_use]
    pub fn finish(mut self, elapsed: Duration) -> Discovery {
        let candidates = rank::order(self.candidates(true));
        let findings = self.findings(&candidates);
        let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let best = candidates.first().filter(|best| best.imap().is_some());
        for (id, line) in &mut self.trace {
            if let Some(best) =
                best.filter(|best| line.result == TraceResult::Found && !self.facts.agrees(*id, best))
            {
                line.result = TraceResult::Disagrees;
                let host = best.imap().map(|imap| imap.host.as_str()).unwrap_or_default();
                line.detail = format!("{}; the best candidate names {host}", line.detail);
            }
        }
        let mut trace: Vec<_> = self.trace.into_iter().map(|(_, line)| line).collect();
        let why = if best.is_some() { "not waited for any longer" } else { "no answer" };
        for (ask, _) in self.asks.iter().take(self.started).filter(|(_, done)| !done) {
            trace.push(TraceLine {
                source: ask.source,
                asked: ask.what.to_string(),
                result: TraceResult::Failed,
                ms,
                detail: format!("{why} after {ms} ms"),
            });
        }
        let help = best.and_then(|best| self.facts.documents.values().find(|(c, _)| c.url == best.url));
        let help = help.map(|(_, links)| links.clone()).unwrap_or_default();
        Discovery { candidates, trace, findings, help }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Failures with the asks they belong to, in the order of asking.
    pub(super) fn failures(&self) -> impl Iterator<Item = (&Ask, &Finding)> {
        self.facts.failures.iter().filter_map(|(id, finding)| Some((&self.asks.get(*id)?.0, finding)))
    }

    /// Why the name service could not tell the mail exchangers.
    pub(super) fn mx_failure(&self) -> Option<&Finding> {
        self.failures().find(|(ask, _)| matches!(ask.what, What::Mx(_))).map(|(_, finding)| finding)
    }

    /// Whether the name service has not told the mail exchangers yet.
    pub(super) fn is_mx_open(&self) -> bool {
        self.asks.iter().any(|(ask, done)| !done && matches!(ask.what, What::Mx(_)))
    }

    pub(super) fn declines_imap(&self) -> bool {
        self.facts.declined.contains(&Service::Imaps) && !self.facts.srv.contains_key(&Service::Imap)
    }

    fn is_last_wave_due(&self, elapsed: Duration) -> bool {
        let waited = elapsed >= Self::PATIENCE || self.asks.iter().all(|(_, done)| *done);
        // Where the name service is silent about the domain, names in it would only wait as long.
        let asked = !self.asks.is_empty() && !self.is_mx_open();
        let unresolved = self.mx_failure().is_some_and(|failure| failure.verdict == Verdict::DnsFailure);
        let hopeless =
            self.facts.no_domain.is_some() || self.facts.null_mx || unresolved || self.is_offline();
        let bridged = provider::needs_bridge(self.address.domain(), self.facts.exchange.as_deref()).is_some();
        waited
            && asked
            && !self.last_wave
            && !hopeless
            && !bridged
            && !self.candidates(false).iter().any(|candidate| candidate.imap().is_some())
    }

    pub(super) fn is_offline(&self) -> bool {
        let failed = &self.facts.failures;
        !failed.is_empty()
            && failed.len() == self.asks.len()
            && failed.values().all(|finding| finding.verdict == Verdict::Offline)
    }

    fn may_be_trusted(&self, ask: &Ask) -> bool {
        match (&ask.what, &self.facts.exchange) {
            (What::Fetch(url), _) if url.starts_with("http://") => false,
            (What::Fetch(_), Some(exchange))
                if matches!(ask.source, Source::MxAutoconfig | Source::MxIspdb) =>
            {
                rank::same_base(exchange, self.address.ascii_domain())
            }
            _ => true,
        }
    }

    fn learn(&mut self, id: AskId, ask: &Ask, reply: Reply) -> (TraceResult, String) {
        match (reply, &ask.what) {
            (Reply::Document(document), What::Fetch(url)) => self.learn_document(id, ask, url, document),
            (Reply::Srv(records), What::Srv(service, _)) => self.learn_srv(*service, &records),
            (Reply::Mx(exchanges), What::Mx(_)) => self.learn_mx(&exchanges),
            (Reply::Spoke(greeting), What::Probe(..)) => {
                self.facts.spoke.insert(id);
                (TraceResult::Found, greeting)
            }
            (Reply::NoSuchName(said), What::Mx(_)) => {
                self.facts.no_domain = Some(said.clone());
                (TraceResult::Absent, said)
            }
            (Reply::Absent(said) | Reply::NoSuchName(said), _) => (TraceResult::Absent, said),
            (Reply::Failed(finding), _) => {
                let said = finding.evidence.clone();
                self.facts.failures.insert(id, finding);
                (TraceResult::Failed, said)
            }
            _ => (TraceResult::Failed, "the reply does not fit the question".to_owned()),
        }
    }

    fn learn_document(
        &mut self,
        id: AskId,
        ask: &Ask,
        url: &str,
        document: Document,
    ) -> (TraceResult, String) {
        let protected = document.hops.iter().all(|hop| hop.starts_with("https://"));
        if let Some(date) = document.date.filter(|_| protected) {
            let hours = date.duration_since(self.now).as_hours();
            if hours.abs() > 24 {
                let host = document.hops.last().map(String::as_str).unwrap_or_default();
                self.facts.clock = Some(format!("{host} says it is {date}; this machine says {}", self.now));
            }
        }
        if !(200..300).contains(&document.status) {
            let picky = matches!(document.status, 400 | 404) && url.starts_with("https://autoconfig.");
            if picky && matches!(ask.source, Source::Autoconfig | Source::MxAutoconfig) && !url.contains('?')
            {
                let url = ask::with_dummy(url, self.address.ascii_domain());
                self.asks.push((Ask::new(ask.source, What::Fetch(url)), false));
            }
            let absent = matches!(document.status, 400 | 404 | 410);
            let result = if absent { TraceResult::Absent } else { TraceResult::Failed };
            return (result, format!("HTTP status {}", document.status));
        }
        let read = match autoconfig::read(&document.body, &self.address) {
            Ok(read) => read,
            Err(error) => {
                if error == ReadError::WebPage && ask.source == Source::Ispdb {
                    self.facts.foreign_page = Some(format!("{url} was answered with a web page"));
                }
                let absent = error == ReadError::WebPage;
                let result = if absent { TraceResult::Absent } else { TraceResult::Failed };
                return (result, error.to_string());
            }
        };
        let exchange = self.facts.exchange.as_deref();
        let (trusted, why) = rank::document(ask.source, &document.hops, &self.address, exchange);
        let mut detail = summary(read.incoming.iter().chain(&read.outgoing));
        for oddity in &read.oddities {
            detail = format!("{detail}; {oddity}");
        }
        let candidate = Candidate {
            source: ask.source,
            url: url.to_owned(),
            trusted,
            why,
            incoming: read.incoming,
            outgoing: read.outgoing,
        };
        self.facts.documents.insert(id, (candidate, read.links));
        (TraceResult::Found, detail)
    }

    fn learn_srv(&mut self, service: Service, records: &[Record]) -> (TraceResult, String) {
        if srv::declines(records) {
            self.facts.declined.insert(service);
            return (TraceResult::Absent, "the domain says that it has no such service".to_owned());
        }
        let settings = srv::read(service, records, &self.address);
        if settings.is_empty() {
            return (TraceResult::Failed, "no record names a host and a port".to_owned());
        }
        let detail = summary(settings.iter());
        self.facts.srv.insert(service, settings);
        (TraceResult::Found, detail)
    }

    fn learn_mx(&mut self, exchanges: &[String]) -> (TraceResult, String) {
        let named: Vec<_> = exchanges.iter().filter(|exchange| !exchange.is_empty()).collect();
        let Some(first) = named.first() else {
            self.facts.null_mx = true;
            return (TraceResult::Absent, "the domain says that it takes no mail (MX 0 .)".to_owned());
        };
        let wave = ask::after_mx(&self.address, first, self.options.ispdb.as_deref());
        self.asks.extend(wave.into_iter().map(|ask| (ask, false)));
        self.facts.exchange = Some((*first).clone());
        (TraceResult::Found, named.iter().map(|e| e.as_str()).collect::<Vec<_>>().join(", "))
    }

    /// What is known so far. What comes from several questions counts when all of them are answered, or
    /// at the end, so that a candidate never depends on which answer was quicker.
    pub(super) fn candidates(&self, at_the_end: bool) -> Vec<Candidate> {
        let mut found: Vec<_> =
            self.facts.documents.values().map(|(candidate, _)| candidate.clone()).collect();
        let srv_open = self.asks.iter().any(|(ask, done)| !done && ask.source == Source::Srv);
        if at_the_end || !srv_open {
            found.extend(self.srv_candidate());
        }
        found.extend(self.guess_candidate(at_the_end));
        found
    }

    fn srv_candidate(&self) -> Option<Candidate> {
        let all = Service::ALL.iter().filter_map(|service| self.facts.srv.get(service)).flatten();
        let (outgoing, incoming): (Vec<_>, Vec<_>) = all.partition(|s| s.protocol == Protocol::Smtp);
        let first = incoming.first().or(outgoing.first())?;
        let service = Service::ALL
            .iter()
            .find(|service| service.protocol() == first.protocol && service.security() == first.security)?;
        // Only where a password would go: POP3 is shown and never used.
        let used = incoming.iter().chain(&outgoing).filter(|s| s.protocol != Protocol::Pop3);
        let both: Vec<_> = used.copied().collect();
        let (trusted, why) = rank::srv(&both, &self.address);
        Some(Candidate {
            source: Source::Srv,
            url: service.name(self.address.ascii_domain()),
            trusted,
            why,
            incoming: incoming.into_iter().cloned().collect(),
            outgoing: outgoing.into_iter().cloned().collect(),
        })
    }

    fn guess_candidate(&self, at_the_end: bool) -> Option<Candidate> {
        let incoming = self.first_to_speak(Protocol::Imap, at_the_end)??;
        let outgoing = self.first_to_speak(Protocol::Smtp, at_the_end)?;
        let both: Vec<_> = std::iter::once(&incoming).chain(&outgoing).collect();
        let (trusted, why) = rank::guess(&both, &self.address);
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
            .filter_map(|(id, (ask, done))| match &ask.what {
                What::Probe(service, host, port) if service.protocol() == protocol => {
                    Some((ask::guess_order(*service), id, *done, *service, host, *port))
                }
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
                    username: self.address.to_string(),
                }));
            }
            if !done && !at_the_end {
                return None;
            }
        }
        Some(None)
    }

    fn findings(&self, candidates: &[Candidate]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let usable = candidates.iter().any(|candidate| candidate.imap().is_some());
        let bridge = provider::needs_bridge(self.address.domain(), self.facts.exchange.as_deref());
        match bridge {
            Some(bridge) if bridge.certainty == Certainty::Certain || !usable => findings.push(bridge),
            _ if !usable => findings.push(self.why_nothing(candidates)),
            _ => {}
        }
        if let Some(clock) = &self.facts.clock {
            findings.push(super::explain::clock(clock));
        }
        findings
    }
}

impl Facts {
    /// Whether what an ask found leads to the same server as the best candidate.
    fn agrees(&self, id: AskId, best: &Candidate) -> bool {
        self.documents.get(&id).is_none_or(|(candidate, _)| rank::agree(candidate, best))
    }
}

fn summary<'a>(settings: impl Iterator<Item = &'a Settings>) -> String {
    let shown = settings.take(6).map(|s| match s.protocol {
        Protocol::Imap | Protocol::Smtp => s.to_string(),
        other => format!("{s} ({})", super::explain::protocol(other)),
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
