//! From a host name to an authenticated session, with nothing secret sent before its time.

use super::Connection;
use crate::error::Error;
use crate::net::{Network, Pipe};
use crate::sasl as login;
use crate::steps::Steps;
use restante_core::Secret;
use restante_core::diagnosis::signature::{Around, imap_refusal};
use restante_core::diagnosis::{Certainty, Finding, Service, Stage, Verdict};
use restante_core::imap::Event;
use restante_core::imap::wire::{Code, Command, Response, Status};
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
            let how = authenticate(connection, settings, secret)
                .await
                .map_err(|error| login::without_secret(error, settings, secret))?;
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
    let begun = login::begin(Service::Imap, settings, &offered, protected, secret);
    let mut exchange = begun.map_err(|error| explained(error, disabled))?;
    let mechanism = exchange.mechanism();
    let mut command = Command::new("AUTHENTICATE").raw(mechanism.name());
    // RFC 4959: the first message goes along where the server can take it.
    if connection.capabilities().has("SASL-IR")
        && let Some(initial) = exchange.initial()
    {
        let initial = if initial.is_empty() { "=".to_owned() } else { sasl::encode(&initial) };
        command = command.raw(&initial);
    }
    finish(connection, settings, command, Some(&mut exchange)).await?;
    Ok(mechanism.name().to_owned())
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
    let mut warned = None;
    let completion = loop {
        if let Some(completion) = connection.completion(tag) {
            break completion;
        }
        let mut challenge = None;
        let progressed = connection.step(&mut |event| {
            match event {
                Event::Continue { text } => challenge = Some(text),
                Event::Untagged(Response::Status {
                    tag: None,
                    status: Status::No | Status::Bad,
                    code,
                    text,
                }) => {
                    warned = Some((code, text));
                }
                _ => {}
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
    let refusal = |code: &Option<Code>, text: &str| {
        imap_refusal(around, code.as_ref().map(Code::written).as_deref(), text)
    };
    let mut finding = refusal(&completion.code, &completion.text);
    let mut line = completion.line();
    // What comes before the completion may say more, as the page to open (`* NO [WEBALERT https://…]`).
    if let Some((code, text)) = warned {
        let warning = refusal(&code, &text);
        line = format!("{}; {line}", warning.evidence);
        if warning.certainty == Certainty::Certain {
            finding = warning;
        }
    }
    finding.evidence = format!("{host} answered: {line}");
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
mod tests {
    use super::*;
    use restante_core::settings::Protocol;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::{TcpListener, TcpStream};

    /// What comes of a LOGIN that a server answers with these lines.
    async fn refused_with(lines: &'static str) -> Finding {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let mut stream = BufReader::new(listener.accept().await.unwrap().0);
            stream.get_mut().write_all(b"* OK hi\r\n").await.unwrap();
            stream.read_line(&mut String::new()).await.unwrap();
            stream.get_mut().write_all(lines.as_bytes()).await.unwrap();
            stream
        });
        let pipe = Pipe::Plain(TcpStream::connect(address).await.unwrap());
        let mut connection = Connection::new(pipe, "imap.example.org");
        connection.greeting().await.unwrap();
        let settings = Settings {
            protocol: Protocol::Imap,
            host: "imap.example.org".into(),
            port: 993,
            security: Security::Tls,
            authentication: Vec::new(),
            username: "joe@example.org".into(),
        };
        let secret = Secret::new("hunter2!");
        let command = Command::new("LOGIN").string(b"joe@example.org").string(secret.expose().as_bytes());
        let result = finish(&mut connection, &settings, command, None).await;
        server.await.unwrap();
        let error = result.map_err(|error| login::without_secret(error, &settings, &secret)).unwrap_err();
        let Error::Finding(finding) = error else { panic!("{error:?}") };
        *finding
    }

    #[tokio::test]
    async fn the_page_to_open_is_in_the_line_before_the_refusal() {
        let lines = "* NO [WEBALERT https://accounts.example.org/go?a=1] Web login required.\r\n\
                     a1 NO [ALERT] Please log in via your web browser: https://example.org/help\r\n";
        let finding = refused_with(lines).await;
        assert_eq!(finding.verdict, Verdict::BrowserSignInRequired);
        assert_eq!(finding.link.as_deref(), Some("https://accounts.example.org/go?a=1"));
        assert!(finding.evidence.contains("Please log in via your web browser"), "{}", finding.evidence);
    }

    #[tokio::test]
    async fn a_referral_names_the_new_server() {
        let finding = refused_with("a1 NO [REFERRAL imap://joe@new.example.org/] Moved\r\n").await;
        assert_eq!(finding.verdict, Verdict::MailboxMoved);
        assert!(finding.remedy.contains("--imap new.example.org"), "{}", finding.remedy);
    }

    #[tokio::test]
    async fn a_password_that_the_server_repeats_is_not_in_the_evidence() {
        let finding = refused_with("a1 BAD unknown command: LOGIN joe@example.org hunter2!\r\n").await;
        assert_eq!(
            finding.evidence,
            "imap.example.org answered: BAD unknown command: LOGIN joe@example.org …"
        );
    }
}
