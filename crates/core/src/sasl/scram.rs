//! SCRAM-SHA-256 (RFC 5802, RFC 7677), the client's half, with and without channel binding.

use super::prep::prepare;
use super::{Binding, SaslError};
use crate::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// The fewest rounds a server may ask for (RFC 7677, section 4).
pub const MIN_ITERATIONS: u32 = 4096;
/// The most rounds that are computed for a server: seconds of work, not hours.
pub const MAX_ITERATIONS: u32 = 10_000_000;

/// The client's half of one exchange.
pub(super) struct Scram {
    step: Step,
    binding: Binding,
}

enum Step {
    /// client-first-message was, or may be, sent; server-first-message is awaited.
    First { first_bare: String, nonce: String, password: Secret },
    /// client-final-message was sent; the server's signature is awaited.
    Final { auth_message: String, server_key: Vec<u8> },
    /// The server has proved that it knows the password.
    Verified,
    /// And has asked once more, for nothing.
    Over,
}

impl Scram {
    /// Begins an exchange with `entropy` as the client's nonce.
    pub(super) fn start(
        username: &str,
        password: &Secret,
        binding: Binding,
        entropy: &[u8; 24],
    ) -> Result<Self, SaslError> {
        Self::with_nonce(username, password, binding, STANDARD.encode(entropy))
    }

    fn with_nonce(
        username: &str,
        password: &Secret,
        binding: Binding,
        nonce: String,
    ) -> Result<Self, SaslError> {
        let username = prepare(username).ok_or(SaslError::ForbiddenCharacter("user name"))?;
        let username = username.replace('=', "=3D").replace(',', "=2C");
        let password = prepare(password.expose()).ok_or(SaslError::ForbiddenCharacter("password"))?;
        let password = Secret::new(password.into_owned());
        let first_bare = format!("n={username},r={nonce}");
        Ok(Self { step: Step::First { first_bare, nonce, password }, binding })
    }

    /// client-first-message; empty once the server has answered it.
    pub(super) fn first(&self) -> Vec<u8> {
        match &self.step {
            Step::First { first_bare, .. } => format!("{}{first_bare}", self.binding.header()).into_bytes(),
            Step::Final { .. } | Step::Verified | Step::Over => Vec::new(),
        }
    }

    /// Answers server-first-message or checks server-final-message.
    pub(super) fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, SaslError> {
        let challenge = str::from_utf8(challenge).map_err(|_| malformed("it is not UTF-8"))?;
        match &self.step {
            Step::First { first_bare, nonce, password } => {
                let (step, reply) = finish(challenge, first_bare, nonce, password, &self.binding)?;
                self.step = step;
                Ok(reply)
            }
            Step::Final { auth_message, server_key } => {
                check_signature(challenge, auth_message, server_key)?;
                self.step = Step::Verified;
                Ok(Vec::new())
            }
            // Some ask for the end in a line of its own.
            Step::Verified if challenge.is_empty() => {
                self.step = Step::Over;
                Ok(Vec::new())
            }
            Step::Verified | Step::Over => Err(SaslError::Unexpected),
        }
    }

    /// Whether nothing was sent yet that depends on the password.
    pub(super) fn is_at_the_beginning(&self) -> bool {
        matches!(self.step, Step::First { .. })
    }

    pub(super) fn is_verified(&self) -> bool {
        matches!(self.step, Step::Verified | Step::Over)
    }
}

/// RFC 5802, section 3: from server-first-message to client-final-message.
fn finish(
    server_first: &str,
    first_bare: &str,
    nonce: &str,
    password: &Secret,
    binding: &Binding,
) -> Result<(Step, Vec<u8>), SaslError> {
    let mut fields = server_first.split(',');
    let mut field = |name: &str| fields.next().and_then(|f| f.strip_prefix(name));
    let full_nonce = field("r=").ok_or(malformed("r= is missing"))?;
    let salt = field("s=").ok_or(malformed("s= is missing"))?;
    let iterations = field("i=").ok_or(malformed("i= is missing"))?;
    if !full_nonce.starts_with(nonce) || full_nonce.len() == nonce.len() {
        return Err(malformed("its nonce does not continue ours"));
    }
    let salt = STANDARD.decode(salt).map_err(|_| malformed("the salt is not base64"))?;
    let iterations: u32 = iterations.parse().map_err(|_| malformed("i= is not a number"))?;
    if !(MIN_ITERATIONS..=MAX_ITERATIONS).contains(&iterations) {
        return Err(SaslError::Iterations(iterations));
    }

    let mut salted = [0_u8; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(password.expose().as_bytes(), &salt, iterations, &mut salted);
    let client_key = mac(&salted, b"Client Key")?;
    let stored_key = Sha256::digest(&client_key);
    let without_proof = format!("c={},r={full_nonce}", STANDARD.encode(binding.input()));
    let auth_message = format!("{first_bare},{server_first},{without_proof}");
    let signature = mac(&stored_key, auth_message.as_bytes())?;
    let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
    let reply = format!("{without_proof},p={}", STANDARD.encode(proof)).into_bytes();
    let server_key = mac(&salted, b"Server Key")?;
    Ok((Step::Final { auth_message, server_key }, reply))
}

fn check_signature(server_final: &str, auth_message: &str, server_key: &[u8]) -> Result<(), SaslError> {
    if let Some(error) = server_final.strip_prefix("e=") {
        return Err(SaslError::Refused(error.to_owned()));
    }
    let signature = server_final.split(',').next().and_then(|f| f.strip_prefix("v="));
    let signature = signature.ok_or(malformed("v= is missing"))?;
    let signature = STANDARD.decode(signature).map_err(|_| malformed("v= is not base64"))?;
    keyed(server_key)?
        .chain_update(auth_message.as_bytes())
        .verify_slice(&signature)
        .map_err(|_| SaslError::WrongSignature)
}

fn mac(key: &[u8], text: &[u8]) -> Result<Vec<u8>, SaslError> {
    Ok(keyed(key)?.chain_update(text).finalize().into_bytes().to_vec())
}

fn keyed(key: &[u8]) -> Result<Hmac<Sha256>, SaslError> {
    Hmac::<Sha256>::new_from_slice(key).map_err(|_| malformed("the key cannot be used"))
}

fn malformed(what: &'static str) -> SaslError {
    SaslError::Malformed(what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sasl::ChannelBinding;

    // The example of RFC 7677, section 3.
    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const SERVER_FIRST: &str =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn start() -> Scram {
        bound(Binding::None)
    }

    fn bound(binding: Binding) -> Scram {
        Scram::with_nonce("user", &Secret::new("pencil"), binding, NONCE.to_owned()).unwrap()
    }

    #[test]
    fn the_example_of_rfc_7677_is_spoken_to_the_letter() {
        let mut scram = start();
        assert_eq!(scram.first(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        assert_eq!(
            String::from_utf8(scram.respond(SERVER_FIRST.as_bytes()).unwrap()).unwrap(),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(!scram.is_verified());
        assert_eq!(scram.respond(SERVER_FINAL.as_bytes()), Ok(Vec::new()));
        assert!(scram.is_verified());
        assert_eq!(scram.respond(b"v="), Err(SaslError::Unexpected));
    }

    #[test]
    fn a_last_empty_line_is_answered_once_and_proves_nothing() {
        let mut scram = start();
        scram.respond(SERVER_FIRST.as_bytes()).unwrap();
        assert!(scram.respond(b"").is_err() && !scram.is_verified());
        let mut scram = start();
        scram.respond(SERVER_FIRST.as_bytes()).unwrap();
        scram.respond(SERVER_FINAL.as_bytes()).unwrap();
        assert_eq!(scram.respond(b""), Ok(Vec::new()));
        assert!(scram.is_verified());
        assert_eq!(scram.respond(b""), Err(SaslError::Unexpected));
        assert!(scram.is_verified());
    }

    #[test]
    fn what_the_login_is_bound_to_is_said_first_and_proved_later() {
        let field = |reply: &[u8]| {
            let reply = str::from_utf8(reply).unwrap();
            STANDARD.decode(reply.split(',').next().unwrap().strip_prefix("c=").unwrap()).unwrap()
        };
        let exporter = ChannelBinding::TlsExporter([7; 32]);
        let end_point = ChannelBinding::TlsServerEndPoint(b"hash".to_vec());
        for (binding, header, data) in [
            (Binding::NotOffered, "y,,", &b""[..]),
            (Binding::To(exporter), "p=tls-exporter,,", &[7; 32]),
            (Binding::To(end_point), "p=tls-server-end-point,,", b"hash"),
        ] {
            let mut scram = bound(binding);
            assert_eq!(scram.first(), format!("{header}n=user,r={NONCE}").as_bytes());
            assert!(scram.is_at_the_beginning());
            let reply = scram.respond(SERVER_FIRST.as_bytes()).unwrap();
            assert_eq!(field(&reply), [header.as_bytes(), data].concat());
            assert!(!scram.is_at_the_beginning());
            // The proof covers it: the signature of an exchange without binding does not fit.
            assert_eq!(scram.respond(SERVER_FINAL.as_bytes()), Err(SaslError::WrongSignature));
        }
    }

    /// The server's half, computed from RFC 5802 section 3 with the password of the example.
    #[test]
    fn a_server_on_the_same_connection_accepts_the_proof_and_is_believed() {
        let mut scram = bound(Binding::To(ChannelBinding::TlsExporter([7; 32])));
        let first = String::from_utf8(scram.first()).unwrap();
        let bare = first.strip_prefix("p=tls-exporter,,").unwrap();
        let reply = String::from_utf8(scram.respond(SERVER_FIRST.as_bytes()).unwrap()).unwrap();
        let (without_proof, proof) = reply.rsplit_once(",p=").unwrap();
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let mut salted = [0_u8; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(b"pencil", &salt, 4096, &mut salted);
        let client_key = mac(&salted, b"Client Key").unwrap();
        let auth_message = format!("{bare},{SERVER_FIRST},{without_proof}");
        let signature = mac(&Sha256::digest(&client_key), auth_message.as_bytes()).unwrap();
        let proof = STANDARD.decode(proof).unwrap();
        let recovered: Vec<u8> = proof.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        assert_eq!(recovered, client_key);
        let server_key = mac(&salted, b"Server Key").unwrap();
        let last = format!("v={}", STANDARD.encode(mac(&server_key, auth_message.as_bytes()).unwrap()));
        assert_eq!(scram.respond(last.as_bytes()), Ok(Vec::new()));
        assert!(scram.is_verified());
    }

    #[test]
    fn a_server_that_does_not_know_the_password_is_found_out() {
        let mut scram = start();
        scram.respond(SERVER_FIRST.as_bytes()).unwrap();
        let forged = format!("v={}", STANDARD.encode([7_u8; 32]));
        assert_eq!(scram.respond(forged.as_bytes()), Err(SaslError::WrongSignature));
        assert!(!scram.is_verified());
    }

    #[test]
    fn a_server_error_is_told_in_its_own_word() {
        let mut scram = start();
        scram.respond(SERVER_FIRST.as_bytes()).unwrap();
        assert_eq!(scram.respond(b"e=invalid-proof"), Err(SaslError::Refused("invalid-proof".into())));
    }

    #[test]
    fn absurd_parameters_are_refused_before_any_work() {
        let ask = |first: &str| start().respond(first.as_bytes());
        assert_eq!(ask(&SERVER_FIRST.replace("4096", "4095")), Err(SaslError::Iterations(4095)));
        assert_eq!(
            ask(&SERVER_FIRST.replace("4096", "4000000000")),
            Err(SaslError::Iterations(4_000_000_000))
        );
        assert!(matches!(ask("r=other,s=AAAA,i=4096"), Err(SaslError::Malformed(_))));
        assert!(matches!(ask(&format!("r={NONCE},s=AAAA,i=4096")), Err(SaslError::Malformed(_))));
        assert!(matches!(ask(&format!("m=ext,{SERVER_FIRST}")), Err(SaslError::Malformed(_))));
        assert!(matches!(ask(""), Err(SaslError::Malformed(_))));
    }

    #[test]
    fn user_names_escape_what_the_syntax_needs() {
        let scram = Scram::with_nonce("a=b,c", &Secret::new("x"), Binding::None, "N".into()).unwrap();
        assert_eq!(scram.first(), b"n,,n=a=3Db=2Cc,r=N");
    }
}
