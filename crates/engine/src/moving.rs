//! An account whose provider has other servers now: how that shows, where they are, and whether they work.
//!
//! Nothing here stores anything, and no password goes to a new server before a person agreed:
//! [`look`] asks only where settings are published, [`verify`] is called with consent.

use crate::account::{Account, Value};
use crate::discover::{DiscoverOptions, discover};
use crate::error::Error;
use crate::net::Network;
use crate::setup::{self, Verified};
use crate::steps::Steps;
use restante_core::Secret;
use restante_core::diagnosis::{Certainty, Finding, Service, Stage, Verdict};
use restante_core::discovery::TraceLine;
use restante_core::settings::{Candidate, Protocol, Security, Settings, Source};
use restante_core::submission::State;
use restante_store::{AccountId, Store, StoreError};

/// Other servers for an account, not tried yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Services to read from, the best first; the stored one where that stays.
    pub imap: Vec<Settings>,
    /// Services to send through, likewise; empty when the account does not send.
    pub smtp: Vec<Settings>,
    /// Where they were found; `None` when the old server refers there.
    pub source: Option<Source>,
    /// The document's address, or the DNS name asked; empty where there is none.
    pub url: String,
    /// Whether a password may be sent there without more than one's agreement.
    pub trusted: bool,
    /// Why it is, or is not, trusted: one sentence.
    pub why: String,
}

impl Proposal {
    /// What a candidate has that the account does not, or nothing: the same hosts.
    #[must_use]
    pub fn of(account: &Account, candidate: &Candidate) -> Option<Self> {
        // What only names a host knows nothing of the user name.
        let silent = matches!(candidate.source, Source::Srv | Source::Pacc | Source::Guess);
        let offered = |services: &[Settings], stored: &Settings| {
            let usable =
                services.iter().filter(|s| s.protocol == stored.protocol && s.security != Security::None);
            let mut usable: Vec<Settings> = usable.cloned().collect();
            if silent {
                usable.iter_mut().for_each(|service| service.username.clone_from(&stored.username));
            }
            let stays = usable.is_empty() || usable.iter().any(|service| same_host(service, stored));
            if stays { None } else { Some(usable) }
        };
        let imap = offered(&candidate.incoming, &account.imap);
        let smtp = account.smtp.as_ref().and_then(|stored| offered(&candidate.outgoing, stored));
        if imap.is_none() && smtp.is_none() {
            return None;
        }
        Some(Self {
            imap: imap.unwrap_or_else(|| vec![account.imap.clone()]),
            smtp: smtp.unwrap_or_else(|| account.smtp.iter().cloned().collect()),
            source: Some(candidate.source),
            url: candidate.url.clone(),
            trusted: candidate.trusted,
            why: candidate.why.clone(),
        })
    }

    /// Where it was found, in a word.
    #[must_use]
    pub fn found_by(&self) -> &'static str {
        self.source.map_or("referral", Source::as_str)
    }

    /// The finding that there are other servers, for the account it is about. `symptom` is how it showed.
    #[must_use]
    pub fn finding(&self, account: &Account, symptom: &Finding) -> Finding {
        let mut changes = vec![change(&account.imap, self.imap.first())];
        changes.extend(account.smtp.as_ref().map(|old| change(old, self.smtp.first())));
        let evidence = format!(
            "{}; found by {}: {}",
            symptom.evidence,
            self.found_by(),
            changes.into_iter().flatten().collect::<Vec<_>>().join(", ")
        );
        let mut finding = Finding::new(symptom.stage, symptom.service, Verdict::ServerMoved, evidence);
        // Who gave a server by hand may have known better than what is published.
        let given = |moves: bool, value| moves && account.source_of(value) == Source::Given;
        let by_hand = given(moves(&account.imap, self.imap.first()), Value::Imap)
            || account.smtp.as_ref().is_some_and(|old| given(moves(old, self.smtp.first()), Value::Smtp));
        let certain = self.trusted && !by_hand;
        finding.certainty = if certain { Certainty::Certain } else { Certainty::Likely };
        finding.remedy =
            format!("Run `restante account move {}`: it shows old and new and asks.", account.name);
        finding.also = vec![symptom.verdict];
        finding
    }
}

/// Whether a service is to be at another host.
fn moves(old: &Settings, new: Option<&Settings>) -> bool {
    new.is_some_and(|new| !same_host(new, old))
}

/// Whether a finding may mean that a stored server is there no more.
#[must_use]
pub fn is_symptom(finding: &Finding) -> bool {
    let at_the_door = !matches!(finding.stage, Stage::Mailbox | Stage::Sender | Stage::Discovery);
    at_the_door
        && matches!(
            finding.verdict,
            Verdict::DomainNotFound
                | Verdict::ConnectionRefused
                | Verdict::PortBlocked
                | Verdict::CertificateNameMismatch
                | Verdict::NotAMailServer
                | Verdict::MailboxMoved
        )
}

/// Looks for other servers of an account: discovery as in setup, else where the old server refers to.
/// `None` when there are none.
///
/// # Errors
/// The finding why nothing at all was found.
pub async fn look(
    network: &Network,
    account: &Account,
    symptom: Option<&Finding>,
    progress: &mut dyn FnMut(&TraceLine),
) -> Result<Option<Proposal>, Error> {
    let options = DiscoverOptions::default();
    let discovery = discover(network, &account.address, &options, progress).await;
    let candidate = discovery.candidates.iter().find(|candidate| candidate.imap().is_some());
    if let Some(proposal) = candidate.and_then(|candidate| Proposal::of(account, candidate)) {
        return Ok(Some(proposal));
    }
    if let Some(proposal) = symptom.and_then(|symptom| referral(account, symptom)) {
        return Ok(Some(proposal));
    }
    match (candidate, discovery.findings.into_iter().next()) {
        (None, Some(finding)) => Err(finding.into()),
        _ => Ok(None),
    }
}

/// Tries the proposed servers with the account's password: one login each, nothing sent. Gives the account
/// as it is to be saved.
///
/// # Errors
/// The finding that stopped it.
pub async fn verify(
    network: &Network,
    account: &Account,
    proposal: &Proposal,
    secret: &Secret,
    steps: &mut Steps<'_>,
) -> Result<Account, Error> {
    let verified =
        setup::verify(network, &proposal.imap, &proposal.smtp, &account.address, secret, steps).await?;
    let source = proposal.source.unwrap_or(account.source);
    let Verified { imap, smtp } = verified;
    Ok(Account { imap, smtp, source, given: Vec::new(), draft: false, ..account.clone() })
}

/// Messages that could not be sent through the old server may go at once.
///
/// # Errors
/// The store cannot be read or written.
pub fn hasten(store: &mut Store, account: AccountId, now: i64) -> Result<(), StoreError> {
    for mut row in store.view().outbox(Some(account))? {
        if row.state == State::Deferred && row.next_attempt > now {
            row.next_attempt = now;
            store.desk().set_submission(&row)?;
        }
    }
    Ok(())
}

/// Where an IMAP server refers to: `[REFERRAL imap://user@host:port/]` (RFC 2221, section 4). Its word is
/// not enough to send a password there unasked.
fn referral(account: &Account, symptom: &Finding) -> Option<Proposal> {
    if symptom.verdict != Verdict::MailboxMoved || symptom.service != Service::Imap {
        return None;
    }
    let evidence = &symptom.evidence;
    let at = evidence.to_ascii_lowercase().find("imap://")? + "imap://".len();
    let rest = evidence.get(at..)?;
    let authority = rest.split(['/', ']', ' ', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) => (host, port.parse::<u16>().ok()?),
        None => (host, 993),
    };
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if host.is_empty() || host.len() > 253 || !host.chars().all(named) {
        return None;
    }
    // The port of an IMAP URL is that of STARTTLS (RFC 5092, section 3); without one TLS is tried.
    let security = if port == 993 { Security::Tls } else { Security::StartTls };
    let imap = Settings {
        protocol: Protocol::Imap,
        host: host.to_ascii_lowercase(),
        port,
        security,
        ..account.imap.clone()
    };
    let moved = !same_host(&imap, &account.imap);
    moved.then(|| Proposal {
        imap: vec![imap],
        smtp: account.smtp.iter().cloned().collect(),
        source: None,
        url: String::new(),
        trusted: false,
        why: format!("only {}, the old server, refers to it", account.imap.host),
    })
}

fn same_host(one: &Settings, other: &Settings) -> bool {
    one.host.trim_end_matches('.').eq_ignore_ascii_case(other.host.trim_end_matches('.'))
}

fn change(old: &Settings, new: Option<&Settings>) -> Option<String> {
    new.filter(|new| *new != old).map(|new| format!("{old} -> {new}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::SecretPlace;
    use restante_core::mail::Address;

    fn service(protocol: Protocol, host: &str, username: &str) -> Settings {
        let (port, security) = match protocol {
            Protocol::Smtp => (587, Security::StartTls),
            _ => (993, Security::Tls),
        };
        let (host, username) = (host.to_owned(), username.to_owned());
        Settings { protocol, host, port, security, authentication: Vec::new(), username }
    }

    fn account() -> Account {
        Account {
            name: "work".to_owned(),
            address: Address::parse("ann@example.org").unwrap(),
            display_name: String::new(),
            imap: service(Protocol::Imap, "imap.old.example", "ann"),
            smtp: Some(service(Protocol::Smtp, "smtp.old.example", "ann")),
            source: Source::Autoconfig,
            given: Vec::new(),
            pins: Vec::new(),
            draft: false,
            secret: SecretPlace::File,
            selection: restante_core::sync::Selection::default(),
        }
    }

    fn candidate(source: Source, imap: &str, smtp: &str) -> Candidate {
        Candidate {
            source,
            url: String::new(),
            trusted: true,
            why: "the domain says so".to_owned(),
            incoming: vec![service(Protocol::Imap, imap, "ann@example.org")],
            outgoing: vec![service(Protocol::Smtp, smtp, "ann@example.org")],
        }
    }

    #[test]
    fn the_same_hosts_are_no_move() {
        let same = candidate(Source::Autoconfig, "IMAP.old.example.", "smtp.old.example");
        assert_eq!(Proposal::of(&account(), &same), None);
        let nothing = Candidate { incoming: Vec::new(), outgoing: Vec::new(), ..same };
        assert_eq!(Proposal::of(&account(), &nothing), None);
    }

    #[test]
    fn what_did_not_move_stays_as_it_was_stored() {
        let one = Proposal::of(&account(), &candidate(Source::Ispdb, "imap.old.example", "smtp.new.example"));
        let one = one.unwrap();
        assert_eq!(one.imap, [account().imap]);
        assert_eq!(one.smtp[0].host, "smtp.new.example");
        let reads_only = Account { smtp: None, ..account() };
        let both = candidate(Source::Ispdb, "imap.new.example", "smtp.new.example");
        assert_eq!(Proposal::of(&reads_only, &both).unwrap().smtp, []);
    }

    #[test]
    fn a_document_names_the_user_and_a_mere_host_does_not() {
        let user = |source| {
            let candidate = candidate(source, "imap.new.example", "smtp.new.example");
            Proposal::of(&account(), &candidate).unwrap().imap[0].username.clone()
        };
        assert_eq!(user(Source::Autoconfig), "ann@example.org");
        assert_eq!(user(Source::Srv), "ann");
    }

    #[test]
    fn a_referral_is_read_and_not_trusted() {
        let refers = |url: &str| {
            let evidence = format!("imap.old.example answered: NO [REFERRAL {url}] Try there");
            let symptom = Finding::new(Stage::Login, Service::Imap, Verdict::MailboxMoved, evidence);
            assert!(is_symptom(&symptom));
            referral(&account(), &symptom).map(|proposal| {
                assert!(!proposal.trusted);
                format!("{} {}", proposal.imap[0], proposal.imap[0].username)
            })
        };
        assert_eq!(refers("IMAP://ann;AUTH=*@New.example/").unwrap(), "new.example:993/tls ann");
        assert_eq!(refers("imap://new.example:143/").unwrap(), "new.example:143/starttls ann");
        for url in ["imap://imap.old.example/", "imap:///", "imap://x_y/", "http://new.example/"] {
            assert_eq!(refers(url), None, "{url}");
        }
    }

    #[test]
    fn only_what_happens_at_the_door_is_a_symptom() {
        let finding = |stage, verdict| Finding::new(stage, Service::Imap, verdict, "");
        assert!(is_symptom(&finding(Stage::Dns, Verdict::DomainNotFound)));
        assert!(is_symptom(&finding(Stage::Tls, Verdict::CertificateNameMismatch)));
        assert!(!is_symptom(&finding(Stage::Login, Verdict::CredentialsRefused)));
        assert!(!is_symptom(&finding(Stage::Connect, Verdict::Offline)));
        assert!(!is_symptom(&finding(Stage::Discovery, Verdict::DomainNotFound)));
    }

    #[test]
    fn the_finding_names_old_and_new_and_the_command() {
        let proposal =
            Proposal::of(&account(), &candidate(Source::Srv, "imap.new.example", "smtp.new.example"));
        let symptom = Finding::new(Stage::Dns, Service::Imap, Verdict::DomainNotFound, "no such name");
        let finding = proposal.unwrap().finding(&account(), &symptom);
        assert_eq!(
            finding.evidence,
            "no such name; found by srv: imap.old.example:993/tls -> imap.new.example:993/tls, \
             smtp.old.example:587/starttls -> smtp.new.example:587/starttls"
        );
        assert_eq!(finding.verdict.exit_code(), 69);
        assert!(finding.remedy.contains("restante account move work"), "{}", finding.remedy);
    }
}
