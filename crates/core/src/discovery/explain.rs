//! Why a search found nothing that can be used.

use super::ask::What;
use super::search::Search;
use super::typo;
use crate::diagnosis::{Certainty, Finding, Service, Stage, Verdict};
use crate::settings::{Candidate, Protocol, Source};

/// How a machine without trusted certificates says so.
const NO_ROOTS: &str = "this machine has no trusted certificates";

pub(super) fn finding(verdict: Verdict, certainty: Certainty, evidence: impl Into<String>) -> Finding {
    let mut finding = Finding::new(Stage::Discovery, Service::Discovery, verdict, evidence);
    finding.certainty = certainty;
    finding
}

pub(super) fn clock(evidence: &str) -> Finding {
    finding(Verdict::ClockWrong, Certainty::Certain, evidence)
}

impl Search {
    /// The one reason to act on, the most basic first.
    pub(super) fn why_nothing(&self, candidates: &[Candidate]) -> Finding {
        let domain = self.address().ascii_domain();
        if let Some(said) = &self.facts.no_domain {
            let mut finding = finding(Verdict::DomainNotFound, Certainty::Certain, said);
            finding.stage = Stage::Dns;
            if let Some(meant) = typo::nearest(domain) {
                finding.remedy = format!("Did you mean {}@{meant}?", self.address().local());
            }
            return finding;
        }
        self.network_fault()
            .or_else(|| self.said_no())
            .or_else(|| only_others(candidates))
            .or_else(|| self.broken_server())
            .or_else(|| self.only_exchange())
            .unwrap_or_else(|| {
                let evidence = format!("no source knows {domain}, and no usual host name in it speaks IMAP");
                finding(Verdict::NoMailService, Certainty::Likely, evidence)
            })
    }

    fn network_fault(&self) -> Option<Finding> {
        if self.is_offline() {
            return self.failures().next().map(|(_, finding)| finding.clone());
        }
        let of_source = |source| self.failures().find(move |(ask, _)| ask.source == source).map(|(_, f)| f);
        let ispdb = of_source(Source::Ispdb);
        // Without any root nothing is foreign: the machine lacks its certificates.
        if let Some(failure) = ispdb.filter(|failure| failure.evidence.contains(NO_ROOTS)) {
            return Some(failure.clone());
        }
        let foreign_certificate = ispdb.filter(|failure| {
            matches!(
                failure.verdict,
                Verdict::CertificateNameMismatch
                    | Verdict::CertificateSelfSigned
                    | Verdict::CertificateUnknownIssuer
            )
        });
        let portal =
            self.facts.foreign_page.as_ref().or(foreign_certificate.map(|failure| &failure.evidence));
        if let Some(evidence) = portal {
            let mut finding = finding(Verdict::CaptivePortal, Certainty::Likely, evidence);
            finding.also = vec![Verdict::TlsIntercepted, Verdict::NoMailService];
            return Some(finding);
        }
        let dns = |failure: &&Finding| matches!(failure.verdict, Verdict::DnsFailure | Verdict::Offline);
        if self.is_mx_open() {
            let domain = self.address().ascii_domain();
            let evidence = format!("the name service gave no answer about {domain} in time");
            let mut finding = finding(Verdict::DnsFailure, Certainty::Likely, evidence);
            finding.stage = Stage::Dns;
            finding.also = vec![Verdict::Offline];
            return Some(finding);
        }
        let mx = self.mx_failure().filter(dns)?;
        if ispdb.is_some_and(|failure| dns(&failure)) {
            let mut finding = finding(Verdict::Offline, Certainty::Likely, mx.evidence.clone());
            finding.stage = Stage::Dns;
            finding.also = vec![Verdict::DnsFailure];
            return Some(finding);
        }
        Some(mx.clone())
    }

    fn said_no(&self) -> Option<Finding> {
        let domain = self.address().ascii_domain();
        if self.facts.null_mx {
            let evidence = format!("the DNS of {domain} says that it takes no mail (MX 0 ., RFC 7505)");
            return Some(finding(Verdict::NoMailService, Certainty::Certain, evidence));
        }
        let declines = self.declines_imap() && self.facts.exchange_answers.is_none();
        declines.then(|| {
            let evidence = format!("the DNS of {domain} says that it has no IMAP (SRV target `.`, RFC 6186)");
            finding(Verdict::NoMailService, Certainty::Certain, evidence)
        })
    }

    /// Something like Exchange answers in the domain, and no IMAP does.
    fn only_exchange(&self) -> Option<Finding> {
        let said = self.facts.exchange_answers.as_ref()?;
        let mut finding = finding(Verdict::ExchangeOnly, Certainty::Likely, said);
        finding.also = vec![Verdict::NoMailService];
        Some(finding)
    }

    /// A guessed server that is there and cannot be used, which is worth more than "nothing found".
    fn broken_server(&self) -> Option<Finding> {
        let worth = |finding: &Finding| match finding.verdict {
            Verdict::CertificateExpired
            | Verdict::CertificateNotYetValid
            | Verdict::CertificateSelfSigned
            | Verdict::CertificateUnknownIssuer
            | Verdict::CertificateChainIncomplete
            | Verdict::TlsIntercepted
            | Verdict::TlsVersionUnsupported => Some(0),
            Verdict::StarttlsNotOffered | Verdict::GreetingRefused => Some(1),
            Verdict::CertificateNameMismatch => Some(2),
            // Where Exchange answers, a closed port for IMAP is meant so.
            Verdict::PortBlocked if self.facts.exchange_answers.is_none() => Some(3),
            _ => None,
        };
        let probes = self.failures().filter(|(ask, _)| matches!(ask.what, What::Probe(..)));
        let ranked = probes.filter_map(|(_, finding)| Some((worth(finding)?, finding)));
        ranked.min_by_key(|(worth, _)| *worth).map(|(_, finding)| finding.clone())
    }
}

/// Settings were found, but none that can be used.
fn only_others(candidates: &[Candidate]) -> Option<Finding> {
    let has = |wanted: &[Protocol]| {
        let named = |c: &&Candidate| c.incoming.iter().any(|s| wanted.contains(&s.protocol));
        candidates.iter().find(named)
    };
    let evidence = |candidate: &Candidate| {
        let incoming = candidate.incoming.iter();
        let names: Vec<_> = incoming.map(|s| format!("{} at {s}", s.protocol.name())).collect();
        format!("{} names only {}", candidate.source, names.join(", "))
    };
    if let Some(candidate) = has(&[Protocol::Imap]) {
        let mut finding = finding(Verdict::StarttlsNotOffered, Certainty::Likely, evidence(candidate));
        finding.meaning = "The settings found use no encryption.".to_owned();
        return Some(finding);
    }
    if let Some(candidate) = has(&[Protocol::ActiveSync, Protocol::Ews]) {
        return Some(finding(Verdict::ExchangeOnly, Certainty::Likely, evidence(candidate)));
    }
    let candidate = has(&[Protocol::Pop3, Protocol::Jmap])?;
    let mut finding = finding(Verdict::NoMailService, Certainty::Likely, evidence(candidate));
    finding.meaning = "This provider publishes a way to fetch mail, but no IMAP.".to_owned();
    Some(finding)
}
