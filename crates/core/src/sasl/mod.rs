//! Proving who one is (SASL, RFC 4422): the exchanges that IMAP's `AUTHENTICATE` and SMTP's `AUTH` carry.
//!
//! An [`Exchange`] speaks raw bytes. Base64 and the protocol's own framing are the caller's work;
//! [`encode`] and [`decode`] do the base64. One exchange is one attempt: it is never reused.

mod binding;
mod exchange;
mod mechanism;
mod oauth;
mod prep;
mod scram;

pub use binding::{Binding, ChannelBinding};
pub use exchange::{Exchange, SaslError};
pub use mechanism::{ChooseError, Mechanism, choose};
pub use scram::{MAX_ITERATIONS, MIN_ITERATIONS};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Raw bytes to the base64 both protocols carry (RFC 4648, section 4).
#[must_use]
pub fn encode(raw: &[u8]) -> String {
    STANDARD.encode(raw)
}

/// A challenge as the server sent it to raw bytes. White space around it is dropped, and a lone `=`
/// is the empty challenge (RFC 4954, section 4).
///
/// # Errors
/// [`SaslError::NotBase64`] when the server sent something else.
pub fn decode(challenge: &[u8]) -> Result<Vec<u8>, SaslError> {
    let challenge = challenge.trim_ascii();
    if challenge == b"=" {
        return Ok(Vec::new());
    }
    STANDARD.decode(challenge).map_err(|_| SaslError::NotBase64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_has_an_empty_form_and_refuses_noise() {
        assert_eq!(decode(b" aGVsbG8= \r\n"), Ok(b"hello".to_vec()));
        assert_eq!(decode(b"="), Ok(Vec::new()));
        assert_eq!(decode(b""), Ok(Vec::new()));
        assert_eq!(decode(b"go ahead"), Err(SaslError::NotBase64));
        assert_eq!(encode(b"hello"), "aGVsbG8=");
    }
}
