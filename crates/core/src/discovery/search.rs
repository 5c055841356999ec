//! A search for settings, without the asking: asks go out, replies come in, time is an argument.

mod learn;
mod weigh;

use super::ask::{self, Ask, Kind, What};
use super::{Discovery, Oddity, TraceLine, TraceResult, provider, rank};
use crate::diagnosis::provider::Provider;
use crate::diagnosis::{Finding, Verdict};
use crate::mail::Address;
use crate::settings::autoconfig::Link;
use crate::settings::srv::{Published, Record, Service};
use crate::settings::{Candidate, Source};
use rank::Exchange;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Names an [`Ask`] within its search.
pub type AskId = usize;

/// What a person may choose about a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchOptions {
    /// Where the ISPDB is, as `https://autoconfig.thunderbird.net/v1.1/`; without it none is asked.
    pub ispdb: Option<String>,
    /// Hear every source that is alive, also when nothing better can come: for a report, not for setting
    /// up.
    pub thorough: bool,
}

/// What came back for an [`Ask`].
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// A document, or another HTTP answer.
    Document(Document),
    /// SRV records, at least one.
    Srv(Vec<Record>),
    /// Mail exchangers.
    Mx {
        /// The most preferred first. An empty name is a null MX (RFC 7505).
        exchanges: Vec<String>,
        /// Whether a resolver on this machine found the DNS's signature good.
        signed: bool,
    },
    /// TXT records, at least one.
    Txt(Vec<String>),
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Every address asked, the first and the answering one included.
    pub hops: Vec<String>,
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// The server's clock, when it says.
    pub date: Option<jiff::Timestamp>,
    /// The versions of Exchange ActiveSync that the server speaks, when it says (`MS-ASProtocolVersions`).
    pub activesync: Option<String>,
}

/// A search in progress.
#[derive(Debug)]
pub struct Search {
    address: Address,
    options: SearchOptions,
    now: jiff::Timestamp,
    /// Every ask; the index is its id.
    asks: Vec<Asked>,
    /// How many of them were handed out.
    started: usize,
    last_wave: bool,
    vouching: bool,
    /// How often an Autodiscover server sent us on.
    redirects: usize,
    /// How long the slowest answer of a kind took.
    slowest: BTreeMap<Kind, Duration>,
    pub(super) facts: Facts,
    trace: Vec<(AskId, TraceLine)>,
}

#[derive(Debug)]
struct Asked {
    ask: Ask,
    done: bool,
    /// Since the begin of the search.
    since: Duration,
    /// Silent for so long that what it is a part of is put together without it.
    given_up: bool,
}

/// A document that was read.
#[derive(Debug)]
struct Read {
    candidate: Candidate,
    links: Vec<Link>,
    oddities: Vec<String>,
    /// Every address asked for it.
    hops: Vec<String>,
}

/// What the replies said.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// What documents say, by ask.
    documents: BTreeMap<AskId, Read>,
    /// A document of PACC, by ask, with its octets; it counts once its digest was asked for.
    pacc: Option<(AskId, Read, Vec<u8>)>,
    /// What the DNS says about that document; none when it could not be asked.
    digests: Option<Vec<String>>,
    srv: BTreeMap<Service, Published>,
    /// Services that the domain says it does not have.
    pub(super) declined: BTreeSet<Service>,
    /// Servers outside the domain with a certificate for it, as `host:port/security`.
    vouched: BTreeSet<String>,
    /// The best mail exchanger.
    pub(super) exchange: Option<String>,
    /// Whether its name was signed.
    signed: bool,
    pub(super) null_mx: bool,
    /// What the name service said about a domain that does not exist.
    pub(super) no_domain: Option<String>,
    spoke: BTreeSet<AskId>,
    pub(super) failures: BTreeMap<AskId, Finding>,
    /// A web page where the ISPDB should answer.
    pub(super) foreign_page: Option<String>,
    /// Where Exchange, or something like it, answered and wants a login.
    pub(super) exchange_answers: Option<String>,
    /// A clock that differs from ours, and whose.
    pub(super) clock: Option<String>,
}

impl Search {
    /// The longest that a silent source may keep a usable answer waiting.
    pub const PATIENCE: Duration = Duration::from_secs(3);
    /// The shortest that a source which could say something better is waited for.
    const GRACE: Duration = Duration::from_millis(300);
    /// The shortest that a lesser one is heard for a report.
    const COURTESY: Duration = Duration::from_millis(60);
    /// The shortest that any is waited for where two trusted sources agree already.
    const MOMENT: Duration = Duration::from_millis(10);
    /// How long a source is waited for while no other of its kind has shown how long answers take here.
    const UNMEASURED: Duration = Duration::from_secs(1);
    /// More redirects between Autodiscover servers than these are a loop or a trick.
    const REDIRECTS: usize = 3;

    /// Begins a search. `now` is compared with the clocks of the servers that answer.
    #[must_use]
    pub fn new(address: &Address, options: SearchOptions, now: jiff::Timestamp) -> Self {
        let asks = match provider::needs_bridge(address.ascii_domain(), None) {
            Some(bridge) if provider::has_local_program(&bridge) => ask::bridge(),
            Some(_) => Vec::new(),
            None => ask::first(address, options.ispdb.as_deref()),
        };
        let mut search = Self {
            address: address.clone(),
            options,
            now,
            asks: Vec::new(),
            started: 0,
            last_wave: false,
            vouching: false,
            redirects: 0,
            slowest: BTreeMap::new(),
            facts: Facts::default(),
            trace: Vec::new(),
        };
        search.add(asks);
        search
    }

    fn add(&mut self, asks: impl IntoIterator<Item = Ask>) {
        let asked = |ask| Asked { ask, done: false, since: Duration::ZERO, given_up: false };
        self.asks.extend(asks.into_iter().map(asked));
    }

    /// What is to be asked now, `elapsed` after the begin. To be called after every reply, and at
    /// [`Search::next_look`].
    pub fn next_asks(&mut self, elapsed: Duration) -> Vec<(AskId, Ask)> {
        self.give_up(elapsed);
        if !self.vouching && !self.is_awaited(|ask| matches!(ask.what, What::Srv(..))) {
            self.vouching = true;
            self.add(self.vouch_asks());
        }
        if self.is_last_wave_due(elapsed) {
            self.last_wave = true;
            let imap = !self.declines_imap();
            self.add(ask::last(&self.address, self.facts.exchange.as_deref(), imap));
        }
        let mut new = Vec::new();
        for (id, asked) in self.asks.iter_mut().enumerate().skip(self.started) {
            asked.since = elapsed;
            new.push((id, asked.ask.clone()));
        }
        self.started = self.asks.len();
        new
    }

    fn give_up(&mut self, elapsed: Duration) {
        let patience = [Kind::Dns, Kind::Web, Kind::Mail].map(|kind| (kind, self.patience(kind)));
        for asked in self.asks.iter_mut().take(self.started) {
            let patience = patience.iter().find(|(kind, _)| *kind == asked.ask.kind());
            asked.given_up |= patience.is_some_and(|(_, patience)| elapsed >= asked.since + *patience);
        }
    }

    /// Takes a reply that came `ms` milliseconds after its question, and says what it amounts to.
    pub fn handle(&mut self, id: AskId, reply: Reply, ms: u64) -> Option<TraceLine> {
        let asked = self.asks.get_mut(id)?;
        if std::mem::replace(&mut asked.done, true) {
            return None;
        }
        let ask = asked.ask.clone();
        // A host that does not exist says nothing about how long the others take.
        let measured = match ask.kind() {
            Kind::Web => matches!(reply, Reply::Document(_)),
            Kind::Dns => !matches!(reply, Reply::Failed(_)),
            Kind::Mail => matches!(reply, Reply::Spoke(_)),
        };
        if measured {
            let slowest = self.slowest.entry(ask.kind()).or_default();
            *slowest = (*slowest).max(Duration::from_millis(ms));
        }
        let (result, detail) = self.learn(id, &ask, reply);
        let line = TraceLine { source: ask.source, asked: ask.what.to_string(), result, ms, detail };
        self.trace.push((id, line.clone()));
        Some(line)
    }

    /// Whether nothing better can come, or nothing at all.
    ///
    /// A source that is silent keeps a usable answer waiting only while it could outrank it, and no longer
    /// than three times as long as the slowest answer of its kind took (at least 300 ms, at most
    /// [`Search::PATIENCE`]). A lesser source is heard for a report twice as long, at least 60 ms. Where two
    /// trusted sources agree, it is a quarter longer than the slowest answer took, for all: a third is unlikely
    /// to know better. Without a usable answer everything is waited for.
    #[must_use]
    pub fn is_over(&self, elapsed: Duration) -> bool {
        if self.facts.no_domain.is_some() {
            return true;
        }
        if self.asks.iter().all(|asked| asked.done) {
            return self.started == self.asks.len() && !self.is_last_wave_due(elapsed);
        }
        let candidates = self.candidates(false);
        let best = rank::best(&candidates, self.exchange()).filter(|best| best.imap().is_some());
        let Some(best) = best else { return false };
        !self.waited_for(best, &candidates).any(|(asked, patience)| elapsed < asked.since + patience)
    }

    /// When to look again although nothing was answered, counted from the begin; later than `elapsed`.
    #[must_use]
    pub fn next_look(&self, elapsed: Duration) -> Option<Duration> {
        let candidates = self.candidates(false);
        let usable = rank::best(&candidates, self.exchange()).filter(|best| best.imap().is_some());
        let times: Vec<Duration> = match usable {
            Some(best) => {
                self.waited_for(best, &candidates).map(|(asked, patience)| asked.since + patience).collect()
            }
            None => self.open().map(|asked| asked.since + self.patience(asked.ask.kind())).collect(),
        };
        times.into_iter().filter(|time| *time > elapsed).min()
    }

    /// The open questions that a usable answer waits for, and for how long each.
    fn waited_for<'a>(
        &'a self,
        best: &'a Candidate,
        candidates: &'a [Candidate],
    ) -> impl Iterator<Item = (&'a Asked, Duration)> {
        let key = rank::key(best, self.exchange());
        let agreed = is_agreed(best, candidates);
        self.open().filter_map(move |asked| {
            let kind = asked.ask.kind();
            let may_beat = self.may_beat(&asked.ask, key);
            let patience = match self.slowest.get(&kind) {
                Some(slowest) if agreed => (*slowest * 5 / 4).clamp(Self::MOMENT, Self::PATIENCE),
                Some(slowest) if !may_beat => (*slowest * 2).clamp(Self::COURTESY, Self::PATIENCE),
                None if agreed || !may_beat => Self::GRACE,
                _ => self.patience(kind),
            };
            (may_beat || self.options.thorough).then_some((asked, patience))
        })
    }

    fn patience(&self, kind: Kind) -> Duration {
        match self.slowest.get(&kind) {
            Some(slowest) => (*slowest * 3).clamp(Self::GRACE, Self::PATIENCE),
            None => Self::UNMEASURED,
        }
    }

    /// Whether the answer to an open question could be better than a candidate of this rank.
    fn may_beat(&self, ask: &Ask, best: rank::Key) -> bool {
        if !ask.can_name_imap() {
            return false;
        }
        // A provider's mail exchanger may show that what a web host says is a leftover.
        let (_, _, _, _, source) = best;
        if matches!(ask.what, What::Mx(_)) && rank::is_of_web_host(source) {
            return true;
        }
        (false, !self.may_be_trusted(ask), false, false, ask.source) < best
    }

    fn open(&self) -> impl Iterator<Item = &Asked> {
        self.asks.iter().filter(|asked| !asked.done)
    }

    fn is_open(&self, which: impl Fn(&Ask) -> bool) -> bool {
        self.open().any(|asked| which(&asked.ask))
    }

    /// As [`Search::is_open`], for those that were not given up.
    fn is_awaited(&self, which: impl Fn(&Ask) -> bool) -> bool {
        self.open().any(|asked| !asked.given_up && which(&asked.ask))
    }

    /// Puts together what is known, `elapsed` after the begin. Questions still open are named as such.
    #[must_use]
    pub fn finish(mut self, elapsed: Duration) -> Discovery {
        let all = self.candidates(true);
        let candidates = rank::order(all.clone(), self.exchange());
        let findings = self.findings(&candidates);
        let values = weigh::values(&candidates, &all);
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
        let why = if best.is_some() { "not waited for any longer" } else { "no answer" };
        let help = best.and_then(|best| self.facts.reads().find(|read| read.candidate.url == best.url));
        let help = help.map(|read| read.links.clone()).unwrap_or_default();
        let oddities = self.oddities();
        let mut trace: Vec<_> = self.trace.into_iter().map(|(_, line)| line).collect();
        for asked in self.asks.iter().take(self.started).filter(|asked| !asked.done) {
            trace.push(TraceLine {
                source: asked.ask.source,
                asked: asked.ask.what.to_string(),
                result: TraceResult::Failed,
                ms: ms.saturating_sub(u64::try_from(asked.since.as_millis()).unwrap_or(u64::MAX)),
                detail: format!("{why} after {ms} ms"),
            });
        }
        Discovery { candidates, trace, findings, help, oddities, values }
    }

    fn oddities(&self) -> Vec<Oddity> {
        let documents =
            self.facts.reads().map(|read| (&read.candidate.source, &read.candidate.url, &read.oddities));
        let mut found = Vec::new();
        for (source, url, oddities) in documents {
            found.extend(oddities.iter().map(|text| Oddity {
                source: *source,
                url: url.clone(),
                text: text.clone(),
            }));
        }
        for (service, published) in &self.facts.srv {
            let url = service.name(self.address.ascii_domain());
            let odd = |text: &String| Oddity { source: Source::Srv, url: url.clone(), text: text.clone() };
            found.extend(published.oddities.iter().map(odd));
        }
        found
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Failures with the asks they belong to, in the order of asking.
    pub(super) fn failures(&self) -> impl Iterator<Item = (&Ask, &Finding)> {
        self.facts.failures.iter().filter_map(|(id, finding)| Some((&self.asks.get(*id)?.ask, finding)))
    }

    /// Why the name service could not tell the mail exchangers.
    pub(super) fn mx_failure(&self) -> Option<&Finding> {
        self.failures().find(|(ask, _)| matches!(ask.what, What::Mx(_))).map(|(_, finding)| finding)
    }

    /// Whether the name service has not told the mail exchangers yet.
    pub(super) fn is_mx_open(&self) -> bool {
        self.is_open(|ask| matches!(ask.what, What::Mx(_)))
    }

    pub(super) fn declines_imap(&self) -> bool {
        self.facts.declined.contains(&Service::Imaps) && !self.facts.srv.contains_key(&Service::Imap)
    }

    pub(super) fn exchange(&self) -> Option<Exchange<'_>> {
        let host = self.facts.exchange.as_deref()?;
        let listed = |provider: &&Provider| !provider.imap.is_empty();
        let by_domain = provider::of_domain(self.address.ascii_domain()).is_some();
        let provider = provider::of_exchange(host).filter(|p| listed(p) && !by_domain);
        Some(Exchange { host, signed: self.facts.signed, provider })
    }

    fn is_last_wave_due(&self, elapsed: Duration) -> bool {
        let silent = |asked: &Asked| elapsed >= asked.since + self.patience(asked.ask.kind());
        let waited = self.started > 0 && self.open().all(silent);
        // Where the name service is silent about the domain, names in it would only wait as long.
        let asked = !self.asks.is_empty() && !self.is_mx_open();
        let unresolved = self.mx_failure().is_some_and(|failure| failure.verdict == Verdict::DnsFailure);
        let hopeless =
            self.facts.no_domain.is_some() || self.facts.null_mx || unresolved || self.is_offline();
        waited
            && asked
            && !self.last_wave
            && !hopeless
            && self.bridge().is_none()
            && !self.candidates(false).iter().any(|candidate| candidate.imap().is_some())
    }

    /// Why the domain's mail needs a program of the provider's, when it does.
    fn bridge(&self) -> Option<Finding> {
        provider::needs_bridge(self.address.ascii_domain(), self.facts.exchange.as_deref())
    }

    pub(super) fn is_offline(&self) -> bool {
        let failed = &self.facts.failures;
        !failed.is_empty()
            && failed.len() == self.asks.len()
            && failed.values().all(|finding| finding.verdict == Verdict::Offline)
    }

    fn may_be_trusted(&self, ask: &Ask) -> bool {
        match (&ask.what, self.exchange()) {
            (What::Fetch(url), _) if url.starts_with("http://") => false,
            (What::Post(post), _) => post.doubt.is_none(),
            (What::Fetch(_), Some(exchange))
                if matches!(ask.source, Source::MxAutoconfig | Source::MxIspdb) =>
            {
                exchange.signed
                    || exchange.provider.is_some()
                    || rank::same_base(exchange.host, self.address.ascii_domain())
            }
            _ => true,
        }
    }
}

/// Whether another trusted source names the same servers: a silent third is unlikely to know better.
fn is_agreed(best: &Candidate, candidates: &[Candidate]) -> bool {
    let server = |candidate: &Candidate| {
        (candidate.imap().map(ToString::to_string), candidate.smtp().map(ToString::to_string))
    };
    let others =
        candidates.iter().filter(|other| other.source != best.source && other.source != Source::Guess);
    best.trusted && others.into_iter().any(|other| other.trusted && server(other) == server(best))
}

#[cfg(test)]
mod tests;
