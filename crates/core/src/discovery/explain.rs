//! Why a search found nothing that can be used.

use super::ask::What;
use super::search::Search;
use super::typo;
use crate::diagnosis::{Certainty, Finding, Service, Stage, Verdict};
use crate::settings::{Candidate, Protocol, Source};

pub(super) fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Imap => "IMAP",
        Protocol::Pop3 => "POP3",
        Protocol::Jmap => "JMAP",
        Protocol::ActiveSync => "Exchange ActiveSync",
        Protocol::Ews => "Exchange Web Services",
        Protocol::Smtp => "SMTP",
    }
}

fn finding(verdict: Verdict, certainty: Certainty, evidence: impl Into<String>) -> Finding {
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
        self.declines_imap().then(|| {
            let evidence = format!("the DNS of {domain} says that it has no IMAP (SRV target `.`, RFC 6186)");
            finding(Verdict::NoMailService, Certainty::Certain, evidence)
        })
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
            Verdict::PortBlocked => Some(3),
            _ => None,
        };
        let probes = self.failures().filter(|(ask, _)| matches!(ask.what, What::Probe(..)));
        let ranked = probes.filter_map(|(_, finding)| Some((worth(finding)?, finding)));
        ranked.min_by_key(|(worth, _)| *worth).map(|(_, finding)| finding.clone())
    }
}

/// Settings were found, but none that can be used.
fn only_others(candidates: &[Candidate]) -> Option<Finding> {
    let first = candidates.iter().find(|candidate| !candidate.incoming.is_empty())?;
    let names: Vec<_> = first.incoming.iter().map(|s| format!("{} at {s}", protocol(s.protocol))).collect();
    let evidence = format!("{} names only {}", first.source, names.join(", "));
    let has = |wanted: &[Protocol]| first.incoming.iter().any(|s| wanted.contains(&s.protocol));
    let finding = if has(&[Protocol::Imap]) {
        let mut finding = finding(Verdict::StarttlsNotOffered, Certainty::Likely, evidence);
        finding.meaning = "The settings found use no encryption.".to_owned();
        finding
    } else if has(&[Protocol::ActiveSync, Protocol::Ews]) {
        finding(Verdict::ExchangeOnly, Certainty::Likely, evidence)
    } else {
        let mut finding = finding(Verdict::NoMailService, Certainty::Likely, evidence);
        finding.meaning = "This provider publishes a way to fetch mail, but no IMAP.".to_owned();
        finding
    };
    Some(finding)
}
