//! From a host name to an authenticated session, with nothing secret sent before its time.

use super::Connection;
use crate::error::Error;
use crate::net::{Network, Pipe};
use crate::sasl as login;
use crate::steps::Steps;
use restante_core::Secret;
use restante_core::diagnosis::signature::{Around, imap_refusal};
use restante_core::diagnosis::{Finding, Service, Stage, Verdict};
use restante_core::imap::Event;
use restante_core::imap::wire::{Command, Status};
use restante_core::sasl::{self, Exchange, Mechanism, SaslError};
use restante_core::settings::{Security, Settings};

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
    let greeting = steps
        .run(Stage::Greeting, Service::Imap, async {
            let (status, text) = connection.greeting().await?;
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
    steps
        .run(Stage::Login, Service::Imap, async {
            let how = authenticate(connection, settings, secret).await?;
            if connection.capabilities().is_empty() {
                connection.ok(Command::new("CAPABILITY"), |_| Ok(())).await?;
            }
            Ok(((), format!("{} with {how}", settings.username)))
        })
        .await
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

async fn authenticate(
    connection: &mut Connection<Pipe>,
    settings: &Settings,
    secret: &Secret,
) -> Result<String, Error> {
    let protected = connection.pipe().is_tls();
    let capabilities = connection.capabilities();
    let offered: Vec<Mechanism> = capabilities.mechanisms().filter_map(Mechanism::from_name).collect();
    let named = capabilities.mechanisms().next().is_some();
    let disabled = capabilities.has("LOGINDISABLED");
    // A server that names no mechanism at all has the LOGIN command (RFC 3501, section 6.2.3).
    if !named && !disabled && protected && secret.expose().is_ascii() {
        let login =
            Command::new("LOGIN").string(settings.username.as_bytes()).string(secret.expose().as_bytes());
        return finish(connection, settings, login, None).await.map(|()| "LOGIN".to_owned());
    }
    // Cyrus binds to tls-unique only, which TLS 1.3 has not, and offers PLUS all the same.
    let channel =
        connection.pipe().channel_binding().filter(|_| !connection.greeted().contains("Cyrus IMAP"));
    let begun = login::begin(Service::Imap, settings, &offered, protected, secret, channel);
    let mut exchange = begun.map_err(|error| explained(error, disabled))?;
    let mut outcome = exchanged(connection, settings, &mut exchange).await;
    if let Err(Error::Finding(finding)) = &outcome
        && is_about_the_binding(&exchange, finding)
    {
        exchange = login::begin(Service::Imap, settings, &offered, protected, secret, None)?;
        outcome = exchanged(connection, settings, &mut exchange).await;
    }
    outcome.map(|()| exchange.mechanism().name().to_owned())
}

/// Whether a bound login failed for its binding and not for its password: then trying without is no second attempt.
/// No server names the kinds of binding it knows.
fn is_about_the_binding(exchange: &Exchange, finding: &Finding) -> bool {
    // RFC 5802, section 7; and what libsasl2 calls it, which says "authentication failure" of passwords.
    let said = |words| finding.evidence.contains(words);
    exchange.mechanism() == Mechanism::ScramSha256Plus
        && finding.verdict != Verdict::ConnectionLost
        && (exchange.is_undecided() || said("channel-binding") || said("bad protocol / cancel"))
}

/// One AUTHENTICATE with this exchange.
async fn exchanged(
    connection: &mut Connection<Pipe>,
    settings: &Settings,
    exchange: &mut Exchange,
) -> Result<(), Error> {
    let mut command = Command::new("AUTHENTICATE").raw(exchange.mechanism().name());
    // RFC 4959: the first message goes along where the server can take it.
    if connection.capabilities().has("SASL-IR")
        && let Some(initial) = exchange.initial()
    {
        let initial = if initial.is_empty() { "=".to_owned() } else { sasl::encode(&initial) };
        command = command.raw(&initial);
    }
    finish(connection, settings, command, Some(exchange)).await
}

/// Carries an exchange to its end and judges the end.
async fn finish(
    connection: &mut Connection<Pipe>,
    settings: &Settings,
    command: Command,
    mut exchange: Option<&mut Exchange>,
) -> Result<(), Error> {
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
    let host = connection.host().to_owned();
    if let Some(error) = gave_up {
        return Err(login::failed(Service::Imap, &host, &error));
    }
    if completion.status == Status::Ok {
        return exchange
            .map_or(Ok(()), |e| e.verified().map_err(|error| login::failed(Service::Imap, &host, &error)));
    }
    let around = Around { host: &host, greeting: connection.greeted(), username: &settings.username };
    let code = completion.code.as_ref().map(|code| code.name());
    let mut finding = imap_refusal(around, code, &completion.text);
    finding.evidence = format!("{host} answered: {}", completion.line());
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

#[cfg(test)]
#[path = "login_tests.rs"]
mod tests;
