//! Proving who one is: one attempt, and what a refusal means.

use super::Connection;
use crate::error::Error;
use crate::sasl as login;
use restante_core::Secret;
use restante_core::diagnosis::signature::{Around, imap_refusal};
use restante_core::diagnosis::{Certainty, Finding, Service, Stage, Verdict};
use restante_core::imap::Event;
use restante_core::imap::wire::{Code, Command, Response, Status};
use restante_core::sasl::{self, Exchange, Mechanism, SaslError};
use restante_core::settings::Settings;
use std::cell::Cell;

/// Why an exchange did not end well.
struct Refused {
    error: Error,
    /// The server did not understand the command (`BAD`), so it has not looked at the password.
    bad: bool,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { error, bad: false }
    }
}

/// One attempt, unless the server did not understand the command (`BAD`) or the channel it was bound to:
/// then the password was not judged, and it is tried again in the plainer form, and at last with the next
/// mechanism. `sent` counts the times that it went out.
pub(super) async fn authenticate(
    connection: &mut Connection,
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
        let ended = finish(connection, settings, login, None).await;
        return ended.map(|()| "LOGIN".to_owned()).map_err(|refused| refused.error);
    }
    // RFC 4959: the first message goes along where the server can take it. Coremail says that it can, and
    // then fails every login.
    let mut together = capabilities.has("SASL-IR") && !connection.greeted().contains("Coremail");
    // Cyrus binds to tls-unique only, which TLS 1.3 has not, and offers PLUS all the same.
    let mut channel =
        connection.pipe().channel_binding().filter(|_| !connection.greeted().contains("Cyrus IMAP"));
    let mut before = None;
    loop {
        let begun = login::begin(Service::Imap, settings, &offered, protected, secret, channel.clone());
        let mut exchange = match (begun, before.take()) {
            (Ok(exchange), _) => exchange,
            (Err(_), Some(before)) => return Err(before),
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
        let Err(refused) = finish(connection, settings, command, Some(&mut exchange)).await else {
            return Ok(mechanism.name().to_owned());
        };
        if channel.is_some() && is_about_the_binding(&exchange, &refused.error) {
            channel = None;
        } else if refused.bad && went_along {
            together = false;
        } else if refused.bad {
            offered.retain(|other| *other != mechanism);
        } else {
            return Err(refused.error);
        }
        before = Some(refused.error);
    }
}

/// Whether a bound login failed for its binding and not for its password: then trying without is no second attempt.
/// No server names the kinds of binding it knows.
fn is_about_the_binding(exchange: &Exchange, error: &Error) -> bool {
    let Error::Finding(finding) = error else { return false };
    // RFC 5802, section 7; and what libsasl2 calls it, which says "authentication failure" of passwords.
    let said = |words| finding.evidence.contains(words);
    exchange.mechanism() == Mechanism::ScramSha256Plus
        && finding.verdict != Verdict::ConnectionLost
        && (exchange.is_undecided() || said("channel-binding") || said("bad protocol / cancel"))
}

/// Carries an exchange to its end and judges the end. An OK counts only when the server has proved itself
/// where the mechanism asks for that.
async fn finish(
    connection: &mut Connection,
    settings: &Settings,
    command: Command,
    mut exchange: Option<&mut Exchange>,
) -> Result<(), Refused> {
    let tag = connection.send(command);
    let mut gave_up = None;
    let mut answered = false;
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
                Ok(answer) => {
                    answered = true;
                    connection.send_line(&sasl::encode(&answer));
                }
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
    let host = connection.host();
    let failed = |error: &SaslError| login::failed(Service::Imap, host, error);
    if let Some(error) = gave_up {
        return Err(failed(&error).into());
    }
    if completion.status == Status::Ok {
        return exchange
            .map_or(Ok(()), |exchange| Ok(exchange.verified().map_err(|error| failed(&error))?));
    }
    let around = Around { host, greeting: connection.greeted(), username: &settings.username };
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
    // A BAD that says no more is about the command; after an answer the server may have looked at the
    // password all the same, so only one that came before is reason to try again.
    let says_more =
        completion.code.as_ref().is_some_and(|code| !matches!(code.name(), "CLIENTBUG" | "PARSE"));
    let unclear = finding.verdict == Verdict::CredentialsRefused || finding.certainty != Certainty::Certain;
    let of_command = completion.status == Status::Bad && unclear && !says_more;
    if of_command {
        finding = Finding::new(Stage::Login, Service::Imap, Verdict::MechanismUnsupported, "");
        finding.certainty = Certainty::Likely;
    }
    let bad = of_command && !answered;
    finding.evidence = format!("{host} answered: {line}");
    Err(Refused { error: finding.into(), bad })
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
#[path = "authenticate_tests.rs"]
mod tests;
