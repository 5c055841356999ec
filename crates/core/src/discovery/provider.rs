//! Providers that have no IMAP of their own.

use crate::diagnosis::{Certainty, Finding, Service, Stage, Verdict};

/// Domains of addresses; domains that hold mail exchangers; what a person must know; a page.
type Row = (&'static [&'static str], &'static [&'static str], &'static str, &'static str);

const BRIDGED: &[Row] = &[
    (
        &["proton.me", "protonmail.com", "protonmail.ch", "pm.me"],
        &["protonmail.ch"],
        "Proton needs its Bridge program on this machine (paid plans only). When it runs, use the password it \
         shows and --imap 127.0.0.1:1143/starttls --smtp 127.0.0.1:1025/starttls, with its certificate in \
         --ca-file.",
        "https://proton.me/mail/bridge",
    ),
    (
        &["tuta.com", "tuta.io", "tutanota.com", "tutanota.de", "tutamail.com", "keemail.me"],
        &["tutanota.de"],
        "Tuta has no IMAP and no bridge: only its own programs can read this mail.",
        "https://tuta.com/support",
    ),
    (
        &["hey.com"],
        &["app.hey.com"],
        "HEY has no IMAP and no bridge: only its own programs can read this mail.",
        "https://help.hey.com",
    ),
];

/// What to say when the address, or the mail exchanger of its domain, is one of theirs.
pub(super) fn needs_bridge(domain: &str, exchange: Option<&str>) -> Option<Finding> {
    let within = |host: &str, domain: &str| {
        host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let by_domain = BRIDGED.iter().find(|row| row.0.contains(&domain));
    let by_exchange = || {
        exchange.and_then(|host| BRIDGED.iter().find(|row| row.1.iter().any(|suffix| within(host, suffix))))
    };
    let (row, evidence, certainty) = match by_domain {
        Some(row) => (row, format!("{domain} is a domain of this provider"), Certainty::Certain),
        None => {
            let evidence = format!("the mail exchanger of {domain} is {}", exchange.unwrap_or_default());
            (by_exchange()?, evidence, Certainty::Likely)
        }
    };
    let mut finding = Finding::new(Stage::Discovery, Service::Discovery, Verdict::NeedsBridge, evidence);
    finding.certainty = certainty;
    finding.remedy = row.2.to_owned();
    finding.link = Some(row.3.to_owned());
    Some(finding)
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
