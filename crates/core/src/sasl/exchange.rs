//! One attempt to prove who one is.

use super::scram::Scram;
use super::{Binding, Mechanism, oauth};
use crate::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;
use std::fmt;

/// One attempt with one mechanism: bytes of the server in, bytes for the server out.
///
/// ```
/// use restante_core::{Secret, sasl::{Exchange, Mechanism}};
/// let mut exchange = Exchange::start(Mechanism::Plain, "ann", &Secret::new("pw"), [0; 24])?;
/// assert_eq!(exchange.initial(), Some(b"\0ann\0pw".to_vec()));
/// // … the server says yes …
/// exchange.verified()?;
/// # Ok::<(), restante_core::sasl::SaslError>(())
/// ```
pub struct Exchange {
    mechanism: Mechanism,
    state: State,
    server_error: Option<String>,
}

/// What went wrong in an exchange. Nothing here holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaslError {
    /// NUL or a control character where the mechanism allows none.
    #[error("the {0} holds a control character, which this login cannot carry")]
    ForbiddenCharacter(&'static str),
    /// LOGIN carries ASCII only.
    #[error("the password holds characters outside ASCII, which LOGIN cannot carry")]
    PasswordNotAscii,
    /// The server's challenge is not base64.
    #[error("the server's login challenge is not base64")]
    NotBase64,
    /// The server's message does not follow the mechanism.
    #[error("the server's login message is malformed: {0}")]
    Malformed(&'static str),
    /// The server asks for too little or too much work (SCRAM).
    #[error("the server asks for {0} rounds of hashing; from 4096 to 10000000 are accepted")]
    Iterations(u32),
    /// SCRAM-SHA-256-PLUS without a channel to bind to, or a channel with another mechanism.
    #[error("this login cannot be bound to the connection")]
    Binding,
    /// The server asks for more after the exchange is over.
    #[error("the server asks for more than the login method has")]
    Unexpected,
    /// The server refused inside the exchange, in its own word (SCRAM `e=`).
    #[error("the server refused the login: {0}")]
    Refused(String),
    /// The server's proof is wrong: it does not know the password.
    #[error("the server could not prove that it knows the password; it may be an impostor")]
    WrongSignature,
    /// The server said yes without proving itself.
    #[error(
        "the server accepted the login without proving that it knows the password; it may be an impostor"
    )]
    NotProved,
}

enum State {
    /// One message, then nothing. `failure` answers an error challenge.
    Single { message: Secret, failure: Option<&'static [u8]> },
    /// LOGIN: the user name is next.
    LoginName { username: String, password: Secret },
    /// LOGIN: the password is next.
    LoginPassword(Secret),
    /// CRAM-MD5: the challenge is awaited.
    Cram { username: String, password: Secret },
    /// SCRAM; `true` once client-first-message was sent.
    Scram(Box<Scram>, bool),
    /// All was said.
    Done,
}

impl Exchange {
    /// Begins an exchange. `secret` is the password, or the access token of an OAuth mechanism.
    /// `entropy` must be fresh random bytes; only SCRAM uses them.
    ///
    /// # Errors
    /// When the user name or the secret holds what the mechanism cannot carry.
    pub fn start(
        mechanism: Mechanism,
        username: &str,
        secret: &Secret,
        entropy: [u8; 24],
    ) -> Result<Self, SaslError> {
        Self::bound(mechanism, username, secret, Binding::None, entropy)
    }

    /// As [`Exchange::start`], and says what the login is bound to; only SCRAM does. SCRAM-SHA-256-PLUS needs
    /// [`Binding::To`], and SCRAM-SHA-256 one of the others.
    ///
    /// # Errors
    /// As [`Exchange::start`], and [`SaslError::Binding`] when mechanism and binding do not fit.
    pub fn bound(
        mechanism: Mechanism,
        username: &str,
        secret: &Secret,
        binding: Binding,
        entropy: [u8; 24],
    ) -> Result<Self, SaslError> {
        if mechanism.is_scram()
            && (mechanism == Mechanism::ScramSha256Plus) != matches!(binding, Binding::To(_))
        {
            return Err(SaslError::Binding);
        }
        let text = secret.expose();
        if username.contains('\0') || (mechanism.takes_token() && username.contains('\x01')) {
            return Err(SaslError::ForbiddenCharacter("user name"));
        }
        if text.contains('\0') || (mechanism.takes_token() && text.contains(char::is_control)) {
            return Err(SaslError::ForbiddenCharacter("password"));
        }
        let owned = || (username.to_owned(), secret.clone());
        let state = match mechanism {
            Mechanism::Plain => {
                State::Single { message: Secret::new(format!("\0{username}\0{text}")), failure: None }
            }
            Mechanism::Login => {
                if !text.is_ascii() {
                    return Err(SaslError::PasswordNotAscii);
                }
                let (username, password) = owned();
                State::LoginName { username, password }
            }
            Mechanism::CramMd5 => {
                let (username, password) = owned();
                State::Cram { username, password }
            }
            Mechanism::ScramSha256 | Mechanism::ScramSha256Plus => {
                State::Scram(Box::new(Scram::start(username, secret, binding, &entropy)?), false)
            }
            Mechanism::OAuthBearer => token(oauth::bearer(username, text), b"\x01")?,
            Mechanism::XOAuth2 => token(oauth::xoauth2(username, text), b"")?,
        };
        Ok(Self { mechanism, state, server_error: None })
    }

    /// The mechanism in use.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Whether a refusal now cannot be about the password: SCRAM was begun, and nothing that depends on the
    /// password was sent. That is how a server refuses a channel binding it does not know.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        matches!(&self.state, State::Scram(scram, _) if scram.is_at_the_beginning())
    }

    /// The initial response, for a protocol that can send it with the command. `None` when the server
    /// speaks first in this mechanism. A caller that cannot send it does not ask, and gets the same bytes
    /// from [`Exchange::respond`] for the server's first, empty challenge.
    pub fn initial(&mut self) -> Option<Vec<u8>> {
        match &mut self.state {
            State::Single { message, .. } => {
                let message = std::mem::replace(message, Secret::new(""));
                Some(message.expose().as_bytes().to_vec())
            }
            State::Scram(scram, sent) if !*sent => {
                *sent = true;
                Some(scram.first())
            }
            _ => None,
        }
    }

    /// How long the initial response is, in raw bytes, for a protocol that limits its command lines.
    #[must_use]
    pub fn initial_len(&self) -> Option<usize> {
        match &self.state {
            State::Single { message, .. } => Some(message.expose().len()),
            State::Scram(scram, false) => Some(scram.first().len()),
            _ => None,
        }
    }

    /// Answers one challenge, both raw.
    ///
    /// # Errors
    /// [`SaslError`] when the challenge does not fit. The caller cancels (`*`) and reports.
    pub fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, SaslError> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Single { message, failure } if !message.expose().is_empty() => {
                self.state = State::Single { message: Secret::new(""), failure };
                Ok(message.expose().as_bytes().to_vec())
            }
            State::Single { failure: Some(answer), .. } => {
                self.server_error = Some(String::from_utf8_lossy(challenge).into_owned());
                Ok(answer.to_vec())
            }
            State::LoginName { username, password } => {
                self.state = State::LoginPassword(password);
                Ok(username.into_bytes())
            }
            State::LoginPassword(password) => Ok(password.expose().as_bytes().to_vec()),
            State::Cram { username, password } => cram_md5(&username, &password, challenge),
            State::Scram(mut scram, true) => {
                let reply = scram.respond(challenge)?;
                self.state = State::Scram(scram, true);
                Ok(reply)
            }
            State::Scram(scram, false) => {
                let reply = scram.first();
                self.state = State::Scram(scram, true);
                Ok(reply)
            }
            State::Single { .. } | State::Done => Err(SaslError::Unexpected),
        }
    }

    /// Must be asked when the server reports success, before believing it: SCRAM's server proves that it
    /// knows the password too.
    ///
    /// # Errors
    /// [`SaslError::NotProved`] when that proof was not seen.
    pub fn verified(&self) -> Result<(), SaslError> {
        let proved = match (&self.state, self.mechanism) {
            (State::Scram(scram, _), _) => scram.is_verified(),
            (_, mechanism) => !mechanism.is_scram(),
        };
        if proved { Ok(()) } else { Err(SaslError::NotProved) }
    }

    /// The error document an OAuth server sent as a challenge (RFC 7628, section 3.2.2), verbatim.
    #[must_use]
    pub fn server_error(&self) -> Option<&str> {
        self.server_error.as_deref()
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

fn token(message: Vec<u8>, failure: &'static [u8]) -> Result<State, SaslError> {
    let message = String::from_utf8(message).map_err(|_| SaslError::ForbiddenCharacter("user name"))?;
    Ok(State::Single { message: Secret::new(message), failure: Some(failure) })
}

/// RFC 2195, section 2: the user name, a space, and the keyed digest of the challenge in lower-case hex.
fn cram_md5(username: &str, password: &Secret, challenge: &[u8]) -> Result<Vec<u8>, SaslError> {
    let mac = Hmac::<Md5>::new_from_slice(password.expose().as_bytes())
        .map_err(|_| SaslError::ForbiddenCharacter("password"))?;
    let digest = mac.chain_update(challenge).finalize().into_bytes();
    let mut reply = format!("{username} ");
    for byte in digest {
        reply.push_str(&format!("{byte:02x}"));
    }
    Ok(reply.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sasl::ChannelBinding;

    fn start(mechanism: Mechanism, username: &str, secret: &str) -> Exchange {
        if mechanism == Mechanism::ScramSha256Plus {
            let binding = Binding::To(ChannelBinding::TlsExporter([5; 32]));
            return Exchange::bound(mechanism, username, &Secret::new(secret), binding, [9; 24]).unwrap();
        }
        Exchange::start(mechanism, username, &Secret::new(secret), [9; 24]).unwrap()
    }

    #[test]
    fn plain_is_one_message_in_utf_8() {
        let mut plain = start(Mechanism::Plain, "ann@example.org", "pä ss");
        assert_eq!(plain.initial().unwrap(), "\0ann@example.org\0pä ss".as_bytes());
        assert_eq!(plain.verified(), Ok(()));
        assert_eq!(plain.respond(b""), Err(SaslError::Unexpected));
    }

    #[test]
    fn without_an_initial_response_the_first_challenge_gets_it() {
        assert_eq!(start(Mechanism::Plain, "a", "b").respond(b"").unwrap(), b"\0a\0b");
        let mut scram = start(Mechanism::ScramSha256, "a", "b");
        assert!(scram.respond(b"").unwrap().starts_with(b"n,,n=a,r=CQkJ"));
    }

    #[test]
    fn login_answers_twice_whatever_the_prompts_say() {
        let mut login = start(Mechanism::Login, "ann", "pw");
        assert_eq!(login.initial(), None);
        assert_eq!(login.respond(b"User Name\0").unwrap(), b"ann");
        assert_eq!(login.respond(b"").unwrap(), b"pw");
        assert_eq!(login.respond(b"Again:"), Err(SaslError::Unexpected));
    }

    #[test]
    fn login_refuses_what_it_cannot_carry() {
        let refused = Exchange::start(Mechanism::Login, "ann", &Secret::new("pä"), [0; 24]);
        assert_eq!(refused.unwrap_err(), SaslError::PasswordNotAscii);
    }

    #[test]
    fn cram_md5_gives_the_digest_of_rfc_2195() {
        let mut cram = start(Mechanism::CramMd5, "tim", "tanstaaftanstaaf");
        assert_eq!(cram.initial(), None);
        assert_eq!(
            cram.respond(b"<1896.697170952@postoffice.reston.mci.net>").unwrap(),
            b"tim b913a602c7eda7a495b4e6e7334d3890"
        );
    }

    #[test]
    fn success_without_the_servers_proof_is_not_believed() {
        let mut scram = start(Mechanism::ScramSha256, "user", "pencil");
        assert_eq!(scram.verified(), Err(SaslError::NotProved));
        scram.initial().unwrap();
        assert_eq!(scram.verified(), Err(SaslError::NotProved));
        assert!(scram.respond(b"nonsense").is_err());
        assert_eq!(scram.verified(), Err(SaslError::NotProved));
    }

    #[test]
    fn plus_means_bound_and_only_plus() {
        let secret = Secret::new("pw");
        let channel = || Binding::To(ChannelBinding::TlsExporter([5; 32]));
        let begun =
            |mechanism, binding| Exchange::bound(mechanism, "ann", &secret, binding, [9; 24]).map(drop);
        assert_eq!(begun(Mechanism::ScramSha256Plus, channel()), Ok(()));
        assert_eq!(begun(Mechanism::ScramSha256Plus, Binding::NotOffered), Err(SaslError::Binding));
        assert_eq!(begun(Mechanism::ScramSha256, channel()), Err(SaslError::Binding));
        assert_eq!(begun(Mechanism::ScramSha256, Binding::NotOffered), Ok(()));
        assert_eq!(begun(Mechanism::Plain, Binding::NotOffered), Ok(()));
    }

    #[test]
    fn a_refusal_before_the_proof_is_not_about_the_password() {
        let mut scram = start(Mechanism::ScramSha256Plus, "user", "pencil");
        scram.initial().unwrap();
        assert!(scram.is_undecided());
        scram.respond(b"r=CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJx,s=AAAA,i=4096").unwrap();
        assert!(!scram.is_undecided());
        assert!(!start(Mechanism::Plain, "a", "b").is_undecided());
    }

    #[test]
    fn an_oauth_error_is_kept_and_answered() {
        let mut bearer = start(Mechanism::OAuthBearer, "a,b", "tok");
        assert_eq!(bearer.initial().unwrap(), b"n,a=a=2Cb,\x01auth=Bearer tok\x01\x01");
        assert_eq!(bearer.respond(br#"{"status":"invalid_token"}"#).unwrap(), b"\x01");
        assert_eq!(bearer.server_error(), Some(r#"{"status":"invalid_token"}"#));
        let mut xoauth2 = start(Mechanism::XOAuth2, "ann", "tok");
        assert_eq!(xoauth2.initial().unwrap(), b"user=ann\x01auth=Bearer tok\x01\x01");
        assert_eq!(xoauth2.respond(b"{}").unwrap(), b"");
    }

    #[test]
    fn separators_cannot_be_smuggled_in() {
        let start = |mechanism, name: &str, secret: &str| {
            Exchange::start(mechanism, name, &Secret::new(secret), [0; 24]).map(|_| ())
        };
        let forbidden = |what| Err(SaslError::ForbiddenCharacter(what));
        assert_eq!(start(Mechanism::Plain, "a\0b", "x"), forbidden("user name"));
        assert_eq!(start(Mechanism::Plain, "a", "x\0y"), forbidden("password"));
        assert_eq!(start(Mechanism::XOAuth2, "a\x01auth=", "x"), forbidden("user name"));
        assert_eq!(start(Mechanism::XOAuth2, "a", "x\n"), forbidden("password"));
        assert_eq!(start(Mechanism::ScramSha256, "a", "x\u{7}"), forbidden("password"));
    }

    #[test]
    fn an_exchange_does_not_print_its_secret() {
        for mechanism in Mechanism::ALL {
            let shown = format!("{:?}", start(mechanism, "ann", "hunter2"));
            assert!(!shown.contains("hunter2") && shown.contains("Exchange"), "{shown}");
        }
    }
}
