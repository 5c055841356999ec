//! From a host name to an authenticated session, with nothing secret sent before its time.

use super::Connection;
use super::authenticate::authenticate;
use crate::error::Error;
use crate::net::{Network, Pipe};
use crate::sasl as login;
use crate::steps::Steps;
use crate::ways;
use restante_core::Secret;
use restante_core::diagnosis::{Finding, Service, Stage, Verdict};
use restante_core::imap::wire::{Command, Status};
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
) -> Result<Connection, Error> {
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

/// Logs in: one attempt, and none where the server greeted with PREAUTH.
///
/// # Errors
/// A finding that says whether the password was judged.
pub async fn log_in(
    connection: &mut Connection,
    settings: &Settings,
    secret: &Secret,
    steps: &mut Steps<'_>,
) -> Result<(), Error> {
    connection.log_in_as(settings);
    let sent = Cell::new(0);
    let done = steps
        .run(Stage::Login, Service::Imap, async {
            let detail = if connection.is_preauthenticated() {
                "the server wants no login (PREAUTH), and got no password".to_owned()
            } else {
                let how = authenticate(connection, settings, secret, &sent)
                    .await
                    .map_err(|error| login::without_secret(error, settings, secret))?;
                format!("{} with {how}", settings.username)
            };
            if connection.capabilities().is_empty() {
                connection.ok(Command::new("CAPABILITY"), |_| Ok(())).await?;
            }
            if connection.capabilities().has("ID") {
                // RFC 2971. Some servers open no mailbox before they know the program's name. It goes out with
                // the next command, and nobody waits for the answer.
                let id = concat!("(\"name\" \"restante\" \"version\" \"", env!("CARGO_PKG_VERSION"), "\")");
                connection.send(Command::new("ID").raw(id));
            }
            Ok(((), detail))
        })
        .await;
    steps.attempted(Service::Imap, sent.get());
    done
}

/// Says goodbye without waiting for the answer: everything is committed already.
pub async fn log_out(mut connection: Connection) {
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
    mut connection: Connection,
    steps: &mut Steps<'_>,
) -> Result<Connection, Error> {
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
