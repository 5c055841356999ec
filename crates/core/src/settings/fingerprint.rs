//! A certificate named by its digest.

use std::fmt;
use std::str::FromStr;

/// The SHA-256 of a certificate in DER form, written `sha256:` and 64 digits of hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

/// What was given is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is `sha256:` and 64 hexadecimal digits, with or without colons between them")]
pub struct BadFingerprint;

impl Fingerprint {
    /// The fingerprint with this digest.
    #[must_use]
    pub fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }
}

impl FromStr for Fingerprint {
    type Err = BadFingerprint;

    /// Reads `sha256:0f1e…`; colons between the digits and capitals are fine, as other programs print them.
    fn from_str(text: &str) -> Result<Self, BadFingerprint> {
        let digits = text.strip_prefix("sha256:").or_else(|| text.strip_prefix("SHA256:")).unwrap_or(text);
        let mut digits = digits.chars().filter(|c| *c != ':');
        let mut digest = [0; 32];
        for byte in &mut digest {
            let mut digit = || digits.next().and_then(|c| c.to_digit(16)).ok_or(BadFingerprint);
            let (high, low) = (digit()?, digit()?);
            *byte = u8::try_from(high * 16 + low).map_err(|_| BadFingerprint)?;
        }
        if digits.next().is_some() { Err(BadFingerprint) } else { Ok(Self(digest)) }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_people_copy_it() {
        let hex = "00ff".repeat(16);
        let plain: Fingerprint = format!("sha256:{hex}").parse().unwrap();
        assert_eq!(plain.to_string(), format!("sha256:{hex}"));
        let colons = vec!["00:FF"; 16].join(":");
        assert_eq!(colons.parse(), Ok(plain));
        for bad in ["", "sha256:", &hex[1..], &format!("{hex}0"), "sha1:00", &hex.replace('f', "g")] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(BadFingerprint), "{bad}");
        }
    }
}
