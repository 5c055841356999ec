//! Signed and encrypted messages, named: nothing is verified here.

use super::cms::{Cms, CmsKind};
use super::mime::{Part, Structure};
use super::{Protected, Protection, ProtectionMethod};

/// The signatures and encryptions of a message, by the types of its parts and by the armour in its text.
pub(super) fn of(structure: &Structure<'_>, shown: &[usize], text: &str) -> Vec<Protection> {
    let mut found = Vec::new();
    let mut add = |state, method, part: &Part| {
        found.push(Protection { state, method, part: part.number.clone(), verified: false });
    };
    for part in structure.parts.iter().filter(|part| !structure.is_in_message(part)) {
        match (part.kind.as_str(), part.smime.as_deref()) {
            ("application/pgp-signature", _) => add(Protected::Signed, ProtectionMethod::PgpMime, part),
            ("application/pkcs7-signature" | "application/x-pkcs7-signature", _) => {
                add(Protected::Signed, ProtectionMethod::SMime, part);
            }
            ("application/pgp-encrypted", _) => {
                // The part after it has the content (RFC 3156, section 4).
                let parent = part.parent.and_then(|parent| structure.part(parent));
                let content = parent.and_then(|parent| structure.part(*parent.children.get(1)?));
                add(Protected::Encrypted, ProtectionMethod::PgpMime, content.unwrap_or(part));
            }
            (_, Some(said)) => {
                if let Some(state) = of_smime(structure, part, said) {
                    add(state, ProtectionMethod::SMime, part);
                }
            }
            (_, None) => {}
        }
    }
    let armour = |mark: &str| text.lines().any(|line| line.trim_end() == mark);
    let first = shown.first().and_then(|index| structure.part(*index));
    if let Some(part) = first.filter(|_| text.contains("-----BEGIN PGP ")) {
        if armour("-----BEGIN PGP MESSAGE-----") {
            add(Protected::Encrypted, ProtectionMethod::PgpInline, part);
        }
        if armour("-----BEGIN PGP SIGNED MESSAGE-----") {
            add(Protected::Signed, ProtectionMethod::PgpInline, part);
        }
    }
    found
}

/// What S/MIME does to a part: the part itself tells, and where it is none, the header (RFC 8551, section 3.2.2).
fn of_smime(structure: &Structure<'_>, part: &Part, said: &str) -> Option<Protected> {
    match Cms::read(&structure.decoded(part).0).map(|found| found.kind) {
        Some(CmsKind::Signed(Some(_))) => Some(Protected::Signed),
        Some(CmsKind::Encrypted) => Some(Protected::Encrypted),
        found => match said {
            "signed-data" => Some(Protected::Signed),
            "certs-only" | "compressed-data" => None,
            _ => found.is_none().then_some(Protected::Encrypted),
        },
    }
}

/// What is shown of a message whose text is sealed.
pub(super) fn unreadable(protection: &Protection) -> Option<String> {
    let Protection { state, method, part, .. } = protection;
    let name = method.name();
    match (state, method) {
        (Protected::Encrypted, _) => Some(format!(
            "(This message is encrypted with {name}. restante cannot decrypt it; part {part} is the content.)"
        )),
        (Protected::Signed, ProtectionMethod::SMime) => Some(format!(
            "(What is signed with {name} in this message, part {part}, is no text or cannot be read.)"
        )),
        _ => None,
    }
}

impl ProtectionMethod {
    /// The standard as people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PgpMime => "PGP/MIME",
            Self::PgpInline => "inline PGP",
            Self::SMime => "S/MIME",
        }
    }
}
