//! From a host name to an authenticated session, with nothing secret sent before its time.

use super::{Completion, Connection};
use crate::error::Error;
use crate::net::{Network, Pipe};
use crate::sasl as login;
use crate::steps::Steps;
use crate::ways;
use restante_core::Secret;
use restante_core::diagnosis::signature::{Around, imap_refusal};
use restante_core::diagnosis::{Certainty, Finding, Service, Stage, Verdict};
use restante_core::imap::Event;
use restante_core::imap::wire::{Command, Status};
use restante_core::sasl::{self, Exchange, Mechanism, SaslError};
use restante_core::settings::{Security, Settings};
use std::cell::Cell;

/// Connects, protects, greets, and reads the capabilities: everything that comes before a password.
///
/// # Errors
/// A finding that names the stage.
pub async fn open(
    network: &Network,
    settings: &Settings,
    steps: &mut Steps<'_>,
) -> Result<Connection<Pipe>, Error> {
    let host = settings.host.as_str();
    let opened = steps
        .run(Stage::Connect, Service::Imap, async {
            let opened = network.open(host, settings.port).await.map_err(|e| e.finding(Service::Imap))?;
            let detail = format!("{host}:{} at {}", settings.port, opened.address);
            Ok((opened, detail))
        })
        .await?;
    if let Some(note) = opened.note(Service::Imap) {
        steps.note(note);
    }
    let mut pipe = Pipe::Plain(opened.stream);
    if settings.security == Security::Tls {
        pipe = protect(network, host, pipe, steps).await?;
    }
    let mut connection = Connection::new(pipe, host);
    connection.record(network.tape(settings));
    let greeting = steps
        .run(Stage::Greeting, Service::Imap, async {
            let greeted = connection.greeting();
            let (status, text) = match settings.security {
                Security::StartTls => tokio::select! {
                    greeted = greeted => greeted?,
                    () = ways::speaks_tls(network, host, settings.port) => {
                        return Err(ways::plain_on_tls_port(settings, Service::Imap));
                    }
                },
                Security::Tls | Security::None => greeted.await?,
            };
            let text: String = text.chars().take(80).collect();
            Ok((status, text))
        })
        .await?;
    if settings.security == Security::StartTls {
        if greeting == Status::PreAuth {
            // RFC 9051, section 6.2.1: STARTTLS is impossible then; somebody may want it to be.
            let evidence = format!("{host} greeted with PREAUTH where STARTTLS is due");
            return Err(Finding::new(Stage::Tls, Service::Imap, Verdict::StarttlsStripped, evidence).into());
        }
        connection = start_tls(network, host, connection, steps).await?;
    }
    steps
        .run(Stage::Capability, Service::Imap, async {
            if connection.capabilities().is_empty() {
                connection.ok(Command::new("CAPABILITY"), |_| Ok(())).await?;
            }
            let offered: Vec<&str> = connection.capabilities().mechanisms().collect();
            Ok(((), format!("logins offered: {}", offered.join(", "))))
        })
        .await?;
    Ok(connection)
}

/// Logs in: one attempt.
///
/// # Errors
/// A finding that says whether the password was judged.
pub async fn log_in(
    connection: &mut Connection<Pipe>,
    settings: &Settings,
    secret: &Secret,
    steps: &mut Steps<'_>,
) -> Result<(), Error> {
    let sent = Cell::new(0);
    let done = steps
        .run(Stage::Login, Service::Imap, async {
            let how = authenticate(connection, settings, secret, &sent).await?;
            if connection.capabilities().is_empty() {
                connection.ok(Command::new("CAPABILITY"), |_| Ok(())).await?;
            }
            if connection.capabilities().has("ID") {
                // RFC 2971. Some servers open no mailbox before they know the program's name. It goes out with
                // the next command, and nobody waits for the answer.
                let id = concat!("(\"name\" \"restante\" \"version\" \"", env!("CARGO_PKG_VERSION"), "\")");
                connection.send(Command::new("ID").raw(id));
            }
            Ok(((), format!("{} with {how}", settings.username)))
        })
        .await;
    steps.attempted(Service::Imap, sent.get());
    done
}

/// Says goodbye without waiting for the answer: everything is committed already.
pub async fn log_out(mut connection: Connection<Pipe>) {
    connection.send(Command::new("LOGOUT"));
    // A server that is gone already needs no goodbye.
    let _ = connection.flush(Stage::Mailbox).await;
}

async fn protect(network: &Network, host: &str, pipe: Pipe, steps: &mut Steps<'_>) -> Result<Pipe, Error> {
    steps
        .run(Stage::Tls, Service::Imap, async {
            let pipe = pipe.starttls(network, host).await.map_err(|e| e.finding(Service::Imap))?;
            let detail = pipe.protection().unwrap_or_default();
            Ok((pipe, detail))
        })
        .await
}

async fn start_tls(
    network: &Network,
    host: &str,
    mut connection: Connection<Pipe>,
    steps: &mut Steps<'_>,
) -> Result<Connection<Pipe>, Error> {
    if connection.capabilities().is_empty() {
        connection.ok(Command::new("CAPABILITY"), |_| Ok(())).await?;
    }
    let refused =
        |evidence: String| Finding::new(Stage::Tls, Service::Imap, Verdict::StarttlsNotOffered, evidence);
    if !connection.capabilities().has("STARTTLS") {
        return Err(refused(format!("{host} does not list STARTTLS")).into());
    }
    let completion = connection.run(Command::new("STARTTLS"), |_| Ok(())).await?;
    if completion.status != Status::Ok {
        return Err(refused(format!("{host} answered STARTTLS with: {}", completion.line())).into());
    }
    let (pipe, session) = connection.into_starttls()?;
    let pipe = protect(network, host, pipe, steps).await?;
    Ok(session.resume(pipe))
}

/// One attempt, unless the server did not understand the command (`BAD`): then the password was not looked
/// at, and it is tried again in the plainer form, and at last with the next mechanism.
async fn authenticate(
    connection: &mut Connection<Pipe>,
    settings: &Settings,
    secret: &Secret,
    sent: &Cell<u32>,
) -> Result<String, Error> {
    let protected = connection.pipe().is_tls();
    let capabilities = connection.capabilities();
    let mut offered: Vec<Mechanism> = capabilities.mechanisms().filter_map(Mechanism::from_name).collect();
    let named = capabilities.mechanisms().next().is_some();
    let disabled = capabilities.has("LOGINDISABLED");
    // A server that names no mechanism at all has the LOGIN command (RFC 3501, section 6.2.3).
    if !named && !disabled && protected && secret.expose().is_ascii() {
        let login =
            Command::new("LOGIN").string(settings.username.as_bytes()).string(secret.expose().as_bytes());
        sent.set(1);
        let completion = finish(connection, login, None).await?;
        return judged(connection, settings, &completion).map(|()| "LOGIN".to_owned());
    }
    // RFC 4959: the first message goes along where the server can take it. Coremail says that it can, and
    // then fails every login.
    let mut together = capabilities.has("SASL-IR") && !connection.greeted().contains("Coremail");
    let mut refused = None;
    loop {
        let begun = login::begin(Service::Imap, settings, &offered, protected, secret);
        let mut exchange = match (begun, refused.take()) {
            (Ok(exchange), _) => exchange,
            (Err(_), Some(refused)) => return Err(refused),
            (Err(error), None) => return Err(explained(error, disabled)),
        };
        let mechanism = exchange.mechanism();
        let mut command = Command::new("AUTHENTICATE").raw(mechanism.name());
        let mut went_along = false;
        if together && let Some(initial) = exchange.initial() {
            let initial = if initial.is_empty() { "=".to_owned() } else { sasl::encode(&initial) };
            command = command.raw(&initial);
            went_along = true;
        }
        sent.set(sent.get() + 1);
        let completion = finish(connection, command, Some(&mut exchange)).await?;
        match judged(connection, settings, &completion) {
            Ok(()) => return Ok(mechanism.name().to_owned()),
            Err(error) if completion.status != Status::Bad => return Err(error),
            Err(error) => refused = Some(error),
        }
        if went_along {
            together = false;
        } else {
            offered.retain(|other| *other != mechanism);
        }
    }
}

/// Carries an exchange to its end. An OK counts only when the server has proved itself where the mechanism
/// asks for that.
async fn finish(
    connection: &mut Connection<Pipe>,
    command: Command,
    mut exchange: Option<&mut Exchange>,
) -> Result<Completion, Error> {
    let tag = connection.send(command);
    let mut gave_up = None;
    let completion = loop {
        if let Some(completion) = connection.completion(tag) {
            break completion;
        }
        let mut challenge = None;
        let progressed = connection.step(&mut |event| {
            if let Event::Continue { text } = event {
                challenge = Some(text);
            }
            Ok(())
        })?;
        if let Some(challenge) = challenge {
            let answer = match exchange.as_deref_mut() {
                Some(exchange) => sasl::decode(challenge.as_bytes()).and_then(|raw| exchange.respond(&raw)),
                None => Err(SaslError::Unexpected),
            };
            match answer {
                Ok(answer) => connection.send_line(&sasl::encode(&answer)),
                // RFC 9051, section 6.2.2: a lone `*` ends the exchange.
                Err(error) => {
                    gave_up = Some(error);
                    connection.send_line("*");
                }
            }
        } else if !progressed {
            connection.fill(Stage::Login).await?;
        }
    };
    let failed = |error: &SaslError| login::failed(Service::Imap, connection.host(), error);
    if let Some(error) = gave_up {
        return Err(failed(&error));
    }
    if completion.status == Status::Ok
        && let Some(exchange) = exchange
    {
        exchange.verified().map_err(|error| failed(&error))?;
    }
    Ok(completion)
}

fn judged(connection: &Connection<Pipe>, settings: &Settings, completion: &Completion) -> Result<(), Error> {
    if completion.status == Status::Ok {
        return Ok(());
    }
    let around =
        Around { host: connection.host(), greeting: connection.greeted(), username: &settings.username };
    let code = completion.code.as_ref().map(|code| code.name());
    let mut finding = imap_refusal(around, code, &completion.text);
    if completion.status == Status::Bad && finding.verdict == Verdict::CredentialsRefused {
        finding = Finding::new(Stage::Login, Service::Imap, Verdict::MechanismUnsupported, "");
        finding.certainty = Certainty::Likely;
    }
    finding.evidence = format!("{} answered: {}", connection.host(), completion.line());
    Err(finding.into())
}

/// A server that forbids every login (`LOGINDISABLED`) wants encryption, not another mechanism.
fn explained(error: Error, disabled: bool) -> Error {
    match error {
        Error::Finding(finding) if disabled && finding.verdict == Verdict::MechanismUnsupported => {
            let Finding { stage, service, evidence, .. } = *finding;
            Finding::new(stage, service, Verdict::CleartextRefused, evidence).into()
        }
        other => other,
    }
}
