//! The whole way of a mail, step by step: what works, what does not, and why.
//!
//! Reading and sending are examined separately and then compared. The password is put once before the IMAP
//! service and once before the submission service, and not a second time because the first refused it: a
//! second attempt needs a server that did not understand the first, or the person's consent to try the
//! other form of the user name. A service that says to stop is the end of trying.

use crate::error::{Error, silent};
use crate::imap::{self, Connection};
use crate::net::{Method, Network};
use crate::setup::EHLO;
use crate::smtp::Submitter;
use crate::steps::{Attempts, Steps};
use crate::ways;
use restante_core::Secret;
use restante_core::diagnosis::{
    self, Certainty, Finding, Login, PasswordJudgement, Service, Stage, Verdict, provider,
};
use restante_core::imap::Event;
use restante_core::imap::wire::{Command, Response, Status};
use restante_core::mail::{Address, MailboxName};
use restante_core::settings::Settings;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long a web server may take to say whether it speaks Exchange.
const WEB: Duration = Duration::from_secs(4);
/// When opening the side of reading takes longer, that of sending is opened beside it.
const LONG: Duration = Duration::from_secs(4);
/// How long the inbox may take to open: a person is waiting, and nothing is fetched.
const INBOX: Duration = Duration::from_secs(20);

/// What is to be examined.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The person's address.
    pub address: &'a Address,
    /// Services for reading, the best first. Each is tried until one can be logged in to.
    pub incoming: &'a [Settings],
    /// Services for sending, the best first. None: sending is not examined.
    pub outgoing: &'a [Settings],
    /// The password. Without one the examination ends before the login.
    pub secret: Option<&'a Secret>,
    /// The person agrees to a second attempt with the other form of the user name.
    pub try_usernames: bool,
    /// What the search for these services noticed.
    pub known: &'a [Finding],
}

/// What an examination found.
#[derive(Clone, Debug, Default)]
pub struct Diagnosis {
    /// Whether nothing stopped reading or sending.
    pub ok: bool,
    /// What is wrong, the one to act on first; then what is merely worth knowing.
    pub findings: Vec<Finding>,
    /// How often the password was sent.
    pub login_attempts: Attempts,
    /// The service for reading that worked, as it was used.
    pub imap: Option<Settings>,
    /// The service for sending that worked, as it was used.
    pub smtp: Option<Settings>,
}

/// How one side fared.
#[derive(Debug, Default)]
struct Side {
    settings: Option<Settings>,
    finding: Option<Finding>,
    /// The server took the password, whatever came after.
    accepted: bool,
}

impl Side {
    fn login(&self) -> Login<'_> {
        match &self.finding {
            _ if self.accepted => Login::Accepted,
            Some(finding) => Login::Failed(finding),
            None => Login::Untried,
        }
    }
}

/// Examines reading, then sending, then compares.
pub async fn examine(network: &Network, case: Case<'_>, steps: &mut Steps<'_>) -> Diagnosis {
    let (opened, early) = open(network, case, steps).await;
    let mut reading = read_side(network, case, opened, steps).await;
    let opened = match early {
        Some(opened) => opened,
        None => open_sending(network, case, steps).await,
    };
    let mut sending = send_side(case, &reading, opened, steps).await;
    if is_blocked(network, case, &reading, &sending).await {
        for side in [&mut reading, &mut sending] {
            if let Some(finding) = &mut side.finding
                && matches!(finding.verdict, Verdict::ConnectionRefused | Verdict::PortBlocked)
            {
                *finding = blocked(finding);
            }
        }
    }
    let host = case.incoming.first().map(|settings| settings.host.as_str()).unwrap_or_default();
    if let Some(compared) = diagnosis::compare(provider::of_server(host), reading.login(), sending.login()) {
        match compared.service {
            Service::Smtp => sending.finding = Some(compared),
            Service::Imap | Service::Discovery => reading.finding = Some(compared),
        }
    }
    if let Some(finding) = &mut reading.finding
        && matches!(finding.verdict, Verdict::ConnectionRefused | Verdict::PortBlocked)
        && let Some(said) = exchange(network, case).await
    {
        *finding = exchange_only(finding, &said);
    }
    let refused =
        |side: &Side| side.finding.as_ref().is_some_and(|f| f.password == PasswordJudgement::Refused);
    if let Some(secret) = case.secret.filter(|_| refused(&reading) || refused(&sending)) {
        diagnosis::password_notes(secret).into_iter().for_each(|note| steps.note(note));
    }
    let mut findings: Vec<Finding> = reading.finding.into_iter().chain(sending.finding).collect();
    let ok = findings.is_empty();
    let mut notes: Vec<Finding> = case.known.iter().chain(steps.notes()).cloned().collect();
    // A clock that is wrong makes every certificate look wrong.
    let of_time =
        |f: &Finding| matches!(f.verdict, Verdict::CertificateExpired | Verdict::CertificateNotYetValid);
    if findings.iter().any(of_time)
        && let Some(at) = notes.iter().position(|note| note.verdict == Verdict::ClockWrong)
    {
        findings.insert(0, notes.remove(at));
    }
    // A server that blocks this machine is to be left alone before anything else is tried.
    findings.sort_by_key(|finding| finding.verdict != Verdict::AddressBlocked);
    findings.append(&mut notes);
    Diagnosis {
        ok,
        findings,
        login_attempts: steps.attempts(),
        imap: reading.settings,
        smtp: sending.settings,
    }
}

/// Whether Exchange ActiveSync is open at the person's provider, and what it said.
async fn exchange(network: &Network, case: Case<'_>) -> Option<String> {
    let domain = case.address.ascii_domain();
    let mut hosts: Vec<String> = case.incoming.iter().map(|settings| settings.host.clone()).collect();
    hosts.extend([format!("autodiscover.{domain}"), format!("mail.{domain}")]);
    hosts.dedup();
    let mut asked = JoinSet::new();
    for host in hosts {
        let network = network.clone();
        asked.spawn(async move {
            let url = format!("https://{host}/Microsoft-Server-ActiveSync");
            let answer = network.fetch(Method::Options, &url, WEB).await.ok()?;
            match (answer.header("MS-ASProtocolVersions"), answer.status) {
                (Some(versions), _) => Some(format!("{url} speaks Exchange ActiveSync {versions}")),
                (None, 401) => Some(format!("{url} answers and wants a login")),
                (None, _) => None,
            }
        });
    }
    asked.join_all().await.into_iter().flatten().min()
}

fn exchange_only(closed: &Finding, said: &str) -> Finding {
    let evidence = format!("{}; {said}", closed.evidence);
    let mut finding = Finding::new(closed.stage, closed.service, Verdict::ExchangeOnly, evidence);
    finding.certainty = Certainty::Likely;
    finding.also = vec![closed.verdict];
    finding
}

/// What came of opening one side: the first server that can be used, and what is wrong with the first that cannot.
struct Opened<T> {
    server: Option<(T, Settings)>,
    finding: Option<Finding>,
}

/// Opens the side of reading, and that of sending beside it when the first takes long: where a network
/// blocks both, a person waits once. Nothing secret is sent.
async fn open(
    network: &Network,
    case: Case<'_>,
    steps: &mut Steps<'_>,
) -> (Opened<Connection>, Option<Opened<Submitter>>) {
    let mut beside = Steps::silent();
    let begun = Instant::now();
    let (opened, early) = {
        let reading = open_reading(network, case, steps);
        let sending = async {
            sleep(LONG).await;
            open_sending(network, case, &mut beside).await
        };
        tokio::pin!(reading, sending);
        tokio::select! {
            biased;
            opened = &mut reading => {
                let goes_on = opened.server.is_none() && begun.elapsed() > LONG;
                (opened, if goes_on { Some(sending.await) } else { None })
            }
            early = &mut sending => (reading.await, Some(early)),
        }
    };
    if early.is_some() {
        steps.adopt(beside);
    }
    (opened, early)
}

async fn open_reading(network: &Network, case: Case<'_>, steps: &mut Steps<'_>) -> Opened<Connection> {
    let mut opened = Opened { server: None, finding: None };
    for settings in case.incoming {
        match ways::open_imap(network, settings, steps).await {
            Ok(server) => {
                opened.server = Some(server);
                break;
            }
            Err(error) => {
                opened.finding = opened.finding.take().or_else(|| Some(found(error, Service::Imap)));
            }
        }
    }
    opened
}

async fn open_sending(network: &Network, case: Case<'_>, steps: &mut Steps<'_>) -> Opened<Submitter> {
    let mut opened = Opened { server: None, finding: None };
    for settings in case.outgoing {
        match ways::open_smtp(network, settings, EHLO, steps).await {
            Ok(server) => {
                opened.server = Some(server);
                break;
            }
            Err(error) => {
                opened.finding = opened.finding.take().or_else(|| Some(found(error, Service::Smtp)));
            }
        }
    }
    opened
}

async fn read_side(
    network: &Network,
    case: Case<'_>,
    opened: Opened<Connection>,
    steps: &mut Steps<'_>,
) -> Side {
    let mut side = Side { finding: opened.finding, ..Side::default() };
    let Some((mut connection, settings)) = opened.server else { return side };
    // A worse server that works does not hide that the better one does not.
    if let Some(finding) = side.finding.take() {
        steps.note(passed_over(finding, &settings));
    }
    let Some(secret) = case.secret else {
        imap::log_out(connection).await;
        side.settings = Some(settings);
        return side;
    };
    match imap::log_in(&mut connection, &settings, secret, steps).await {
        Ok(()) => {
            // A server that wanted no login has not judged the password.
            side.accepted = steps.attempts().imap > 0;
            match inbox(&mut connection, steps).await {
                Ok(()) => side.settings = Some(settings),
                Err(error) => {
                    let mut finding = found(error, Service::Imap);
                    finding.password = match side.accepted {
                        true => PasswordJudgement::Accepted,
                        false => PasswordJudgement::NotJudged,
                    };
                    side.finding = Some(finding);
                }
            }
            imap::log_out(connection).await;
        }
        Err(error) => {
            drop(connection);
            let finding = found(error, Service::Imap);
            side.finding = match other_form(network, case, &settings, &finding, steps).await {
                Some(finding) => {
                    side.accepted = true;
                    Some(finding)
                }
                None => Some(finding),
            };
        }
    }
    side
}

async fn send_side(case: Case<'_>, reading: &Side, opened: Opened<Submitter>, steps: &mut Steps<'_>) -> Side {
    let mut side = Side { finding: opened.finding, ..Side::default() };
    let Some((mut submitter, settings)) = opened.server else { return side };
    if let Some(finding) = side.finding.take() {
        steps.note(passed_over(finding, &settings));
    }
    let stop = reading.finding.as_ref().is_some_and(|finding| {
        matches!(finding.verdict, Verdict::AccountLocked | Verdict::RateLimited | Verdict::TooManyConnections)
    });
    if let Some(secret) = case.secret.filter(|_| !stop) {
        match probe(&mut submitter, case, &settings, secret, steps, &mut side.accepted).await {
            Ok(()) => side.settings = Some(settings),
            Err(error) => side.finding = Some(found(error, Service::Smtp)),
        }
    } else {
        side.settings = Some(settings);
    }
    submitter.quit().await;
    side
}

async fn probe(
    submitter: &mut Submitter,
    case: Case<'_>,
    settings: &Settings,
    secret: &Secret,
    steps: &mut Steps<'_>,
    accepted: &mut bool,
) -> Result<(), Error> {
    submitter.log_in(settings, secret, steps).await?;
    *accepted = true;
    submitter.probe(&case.address.to_string(), steps).await
}

/// Opens the inbox for reading, which shows what a login alone does not.
async fn inbox(connection: &mut Connection, steps: &mut Steps<'_>) -> Result<(), Error> {
    steps
        .run(Stage::Mailbox, Service::Imap, async {
            let utf8 = connection.session().utf8();
            let mut exists = 0;
            let examine = Command::new("EXAMINE").mailbox(&MailboxName::new("INBOX"), utf8);
            let examined = connection.run(examine, |event| {
                if let Event::Untagged(Response::Exists(count)) = event {
                    exists = count;
                }
                Ok(())
            });
            let Ok(completion) = timeout(INBOX, examined).await else {
                let said =
                    format!("{} gave no answer to EXAMINE within {} s", connection.host(), INBOX.as_secs());
                return Err(silent(Stage::Mailbox, Service::Imap, said));
            };
            let completion = completion?;
            if completion.status == Status::Ok {
                return Ok((
                    (),
                    format!("INBOX has {exists} {}", if exists == 1 { "message" } else { "messages" }),
                ));
            }
            Err(connection.refused("EXAMINE", &completion))
        })
        .await
}

/// A second attempt with the other form of the user name, when the person agreed to it and the refusal
/// allows that the form is to blame. A finding only when that attempt succeeds.
async fn other_form(
    network: &Network,
    case: Case<'_>,
    settings: &Settings,
    refusal: &Finding,
    steps: &mut Steps<'_>,
) -> Option<Finding> {
    let may_be = [Verdict::CredentialsRefused, Verdict::UsernameForm].contains(&refusal.verdict);
    let secret = case.secret.filter(|_| case.try_usernames && may_be)?;
    let address = case.address.to_string();
    let username = match settings.username.split_once('@') {
        Some((local, _)) => local.to_owned(),
        None => address,
    };
    let other = Settings { username, ..settings.clone() };
    let mut connection = imap::open(network, &other, steps).await.ok()?;
    imap::log_in(&mut connection, &other, secret, steps).await.ok()?;
    imap::log_out(connection).await;
    let evidence = format!("{}; as {} the login succeeds", refusal.evidence, other.username);
    let mut finding = Finding::new(Stage::Login, Service::Imap, Verdict::UsernameForm, evidence);
    finding.meaning = format!("The user name is {}, not {}.", other.username, settings.username);
    finding.remedy = format!("Use --username {}.", other.username);
    finding.password = PasswordJudgement::Accepted;
    Some(finding)
}

/// Whether the server stopped to answer at all right after it had refused the login, while its web port
/// still answers: then it has blocked this machine.
async fn is_blocked(network: &Network, case: Case<'_>, reading: &Side, sending: &Side) -> bool {
    let refused = reading.finding.as_ref().is_some_and(|f| f.password == PasswordJudgement::Refused);
    let closed = sending
        .finding
        .as_ref()
        .is_some_and(|f| matches!(f.verdict, Verdict::ConnectionRefused | Verdict::PortBlocked));
    let (Some(imap), true) = (case.incoming.first(), refused && closed) else { return false };
    !ways::answers(network, &imap.host, imap.port).await && ways::answers(network, &imap.host, 443).await
}

fn blocked(finding: &Finding) -> Finding {
    let evidence = format!(
        "{}; the port for reading answered until the login was refused, and does not any more",
        finding.evidence
    );
    let mut blocked = Finding::new(finding.stage, finding.service, Verdict::AddressBlocked, evidence);
    blocked.certainty = Certainty::Likely;
    blocked.also = vec![finding.verdict];
    blocked
}

/// A service that was passed over, as a note beside the one that works.
fn passed_over(mut finding: Finding, used: &Settings) -> Finding {
    finding.remedy = format!("Nothing to do: {used} is used in its place.");
    finding
}

fn found(error: Error, service: Service) -> Finding {
    match error {
        Error::Finding(finding) => *finding,
        // What is no finding is a fault of this machine, as missing random numbers.
        other => Finding::new(Stage::Connect, service, Verdict::ProtocolError, other.to_string()),
    }
}
