//! The mechanisms restante speaks, and the choice between them.

use crate::settings::Authentication;
use std::fmt;

/// A SASL mechanism restante speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mechanism {
    /// SCRAM-SHA-256-PLUS (RFC 7677): as SCRAM-SHA-256, and bound to the TLS connection.
    ScramSha256Plus,
    /// SCRAM-SHA-256 (RFC 7677): the password does not travel, and the server proves itself too.
    ScramSha256,
    /// PLAIN (RFC 4616): the password as UTF-8, inside TLS.
    Plain,
    /// LOGIN (never standardised): the password in ASCII, inside TLS.
    Login,
    /// CRAM-MD5 (RFC 2195): the password does not travel, but what does is weak.
    CramMd5,
    /// OAUTHBEARER (RFC 7628): a token in place of a password.
    OAuthBearer,
    /// XOAUTH2: what large providers spoke before RFC 7628.
    XOAuth2,
}

impl Mechanism {
    /// Every mechanism, the best first within its kind.
    pub const ALL: [Self; 7] = [
        Self::ScramSha256Plus,
        Self::ScramSha256,
        Self::Plain,
        Self::Login,
        Self::CramMd5,
        Self::OAuthBearer,
        Self::XOAuth2,
    ];

    /// The registered name, as servers offer it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::CramMd5 => "CRAM-MD5",
            Self::OAuthBearer => "OAUTHBEARER",
            Self::XOAuth2 => "XOAUTH2",
        }
    }

    /// Reads a name from a server's offer, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.name().eq_ignore_ascii_case(name))
    }

    /// Whether the secret is a token and not a password.
    #[must_use]
    pub fn takes_token(self) -> bool {
        matches!(self, Self::OAuthBearer | Self::XOAuth2)
    }

    /// Whether the server must prove itself too.
    #[must_use]
    pub fn is_scram(self) -> bool {
        matches!(self, Self::ScramSha256 | Self::ScramSha256Plus)
    }

    /// Whether the secret itself travels, so that only the channel protects it.
    #[must_use]
    pub fn reveals_secret(self) -> bool {
        !(self.is_scram() || self == Self::CramMd5)
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why no mechanism can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChooseError {
    /// Nothing offered is both spoken here and allowed by the settings.
    #[error("the server offers no way to log in that the settings allow (offered: {})", Names(.offered))]
    Unsupported {
        /// What the server offered, as far as it is spoken here.
        offered: Vec<Mechanism>,
    },
    /// Only a browser sign-in (OAuth) is offered, and the settings ask for a password.
    #[error("the server takes only a browser sign-in ({}), no password", Names(.offered))]
    OnlyOAuth {
        /// What the server offered.
        offered: Vec<Mechanism>,
    },
    /// Something would fit, but it would send the secret over an unprotected connection.
    #[error("the connection is not protected, and {0} would send the password readable")]
    Cleartext(Mechanism),
    /// Only LOGIN is left, which carries ASCII, and the password has other characters.
    #[error("the server offers only LOGIN, which cannot carry a password with characters outside ASCII")]
    PasswordNotAscii,
}

struct Names<'a>(&'a [Mechanism]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing known");
        }
        for (at, mechanism) in self.0.iter().enumerate() {
            write!(f, "{}{mechanism}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// Chooses the mechanism to use.
///
/// `offered` is what the server named, in any order. `allowed` is what the settings accept, best first;
/// empty is [`Authentication::Automatic`]. `protected` says that the connection is inside verified TLS,
/// or that a person agreed to go without. Leave SCRAM-SHA-256-PLUS out of `offered` where there is nothing to bind to.
///
/// - Automatic: SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN, LOGIN when protected; else SCRAM-SHA-256, CRAM-MD5.
/// - Password: PLAIN, LOGIN, then SCRAM-SHA-256, which uses the same password better.
/// - CRAM-MD5: exactly that. SCRAM-SHA-256: that, bound to the connection where possible.
/// - OAuth 2: OAUTHBEARER, XOAUTH2.
///
/// # Errors
/// [`ChooseError`] says why nothing fits.
pub fn choose(
    offered: &[Mechanism],
    allowed: &[Authentication],
    protected: bool,
    password_is_ascii: bool,
) -> Result<Mechanism, ChooseError> {
    let allowed = if allowed.is_empty() { &[Authentication::Automatic] } else { allowed };
    let mut obstacle = None;
    for mechanism in allowed.iter().flat_map(|a| preference(a, protected)) {
        if !offered.contains(mechanism) {
            continue;
        }
        if mechanism.reveals_secret() && !protected {
            obstacle.get_or_insert(ChooseError::Cleartext(*mechanism));
        } else if *mechanism == Mechanism::Login && !password_is_ascii {
            obstacle.get_or_insert(ChooseError::PasswordNotAscii);
        } else {
            return Ok(*mechanism);
        }
    }
    let offered = offered.to_vec();
    Err(obstacle.unwrap_or_else(|| {
        if !offered.is_empty() && offered.iter().all(|m| m.takes_token()) {
            ChooseError::OnlyOAuth { offered }
        } else {
            ChooseError::Unsupported { offered }
        }
    }))
}

fn preference(allowed: &Authentication, protected: bool) -> &'static [Mechanism] {
    match allowed {
        Authentication::Automatic if protected => {
            &[Mechanism::ScramSha256Plus, Mechanism::ScramSha256, Mechanism::Plain, Mechanism::Login]
        }
        Authentication::Automatic => {
            &[Mechanism::ScramSha256, Mechanism::CramMd5, Mechanism::Plain, Mechanism::Login]
        }
        Authentication::Password => &[Mechanism::Plain, Mechanism::Login, Mechanism::ScramSha256],
        Authentication::CramMd5 => &[Mechanism::CramMd5],
        Authentication::ScramSha256 => &[Mechanism::ScramSha256Plus, Mechanism::ScramSha256],
        Authentication::OAuth2 => &[Mechanism::OAuthBearer, Mechanism::XOAuth2],
        Authentication::Other(_) => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Mechanism::{CramMd5, Login, OAuthBearer, Plain, ScramSha256, ScramSha256Plus, XOAuth2};

    #[test]
    fn inside_tls_the_automatic_order_is_scram_plain_login() {
        let all = Mechanism::ALL;
        assert_eq!(choose(&all, &[], true, true), Ok(ScramSha256Plus));
        assert_eq!(choose(&all[1..], &[], true, true), Ok(ScramSha256));
        assert_eq!(choose(&all, &[Authentication::ScramSha256], true, true), Ok(ScramSha256Plus));
        assert_eq!(choose(&[Login, CramMd5, Plain], &[], true, true), Ok(Plain));
        assert_eq!(choose(&[CramMd5, Login], &[Authentication::Automatic], true, true), Ok(Login));
    }

    #[test]
    fn cram_md5_is_used_only_without_tls_or_when_asked_for() {
        assert_eq!(choose(&[CramMd5, Plain], &[], false, true), Ok(CramMd5));
        assert_eq!(choose(&[CramMd5, Plain], &[Authentication::CramMd5], true, true), Ok(CramMd5));
        assert_eq!(
            choose(&[CramMd5], &[], true, true),
            Err(ChooseError::Unsupported { offered: vec![CramMd5] })
        );
    }

    #[test]
    fn a_readable_password_is_never_chosen_without_protection() {
        assert_eq!(choose(&[Login, Plain], &[], false, true), Err(ChooseError::Cleartext(Plain)));
        assert_eq!(
            choose(&[Plain], &[Authentication::Password], false, true),
            Err(ChooseError::Cleartext(Plain))
        );
        assert_eq!(
            choose(&[XOAuth2], &[Authentication::OAuth2], false, true),
            Err(ChooseError::Cleartext(XOAuth2))
        );
    }

    #[test]
    fn login_does_not_carry_a_password_outside_ascii() {
        assert_eq!(choose(&[Login], &[], true, false), Err(ChooseError::PasswordNotAscii));
        assert_eq!(choose(&[Login, Plain], &[], true, false), Ok(Plain));
    }

    #[test]
    fn a_password_is_not_sent_where_only_tokens_are_taken() {
        let offered = [XOAuth2, OAuthBearer];
        assert_eq!(
            choose(&offered, &[], true, true),
            Err(ChooseError::OnlyOAuth { offered: offered.into() })
        );
        assert_eq!(choose(&offered, &[Authentication::OAuth2], true, true), Ok(OAuthBearer));
        assert_eq!(
            choose(&[], &[Authentication::Other("ntlm".into())], true, true),
            Err(ChooseError::Unsupported { offered: vec![] })
        );
    }

    #[test]
    fn names_are_read_in_any_case() {
        assert_eq!(Mechanism::from_name("scram-sha-256"), Some(ScramSha256));
        assert_eq!(Mechanism::from_name("SCRAM-SHA-256-PLUS"), Some(ScramSha256Plus));
        assert_eq!(Mechanism::from_name("SCRAM-SHA-1-PLUS"), None);
    }
}
