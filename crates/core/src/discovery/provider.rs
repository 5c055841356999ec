//! Providers that the table knows, and those that have no IMAP of their own.

pub(super) use crate::diagnosis::provider::{of_domain, of_exchange};

use crate::diagnosis::provider::{self, Access};
use crate::diagnosis::{Certainty, Finding, Service, Stage, Verdict};

/// What to say when the address, or the mail exchanger of its domain, is one of theirs.
pub(super) fn needs_bridge(domain: &str, exchange: Option<&str>) -> Option<Finding> {
    let bridged = |provider: Option<&'static provider::Provider>| match provider?.access {
        Access::Bridge(advice) => Some(advice),
        Access::Password | Access::OAuth(_) => None,
    };
    let (advice, evidence, certainty) = match bridged(provider::of_domain(domain)) {
        Some(advice) => (advice, format!("{domain} is a domain of this provider"), Certainty::Certain),
        None => {
            let exchange = exchange?;
            let evidence = format!("the mail exchanger of {domain} is {exchange}");
            (bridged(provider::of_exchange(exchange))?, evidence, Certainty::Likely)
        }
    };
    let mut finding = Finding::new(Stage::Discovery, Service::Discovery, Verdict::NeedsBridge, evidence);
    finding.certainty = certainty;
    finding.remedy = advice.say.to_owned();
    finding.link = Some(advice.link.to_owned());
    Some(finding)
}

/// Whether the provider has a program for one's own machine that speaks IMAP on its usual port.
pub(super) fn has_local_program(finding: &Finding) -> bool {
    finding.remedy.contains("127.0.0.1:1143")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_known_by_domain_and_by_mail_exchanger() {
        assert_eq!(needs_bridge("proton.me", None).unwrap().certainty, Certainty::Certain);
        let finding = needs_bridge("example.org", Some("mail.protonmail.ch")).unwrap();
        assert_eq!(finding.certainty, Certainty::Likely);
        assert!(finding.remedy.contains("127.0.0.1:1143/starttls"), "{}", finding.remedy);
        assert_eq!(needs_bridge("example.org", Some("mx.notprotonmail.ch")), None);
        assert_eq!(needs_bridge("example.org", None), None);
    }
}
