//! Which port speaks what.

use super::{Protocol, Security};

/// The port of a protocol where none is named (RFC 8314, section 3; RFC 6409).
pub(super) fn usual_port(protocol: Protocol, security: Security) -> u16 {
    match (protocol, security) {
        (Protocol::Imap, Security::Tls) => 993,
        (Protocol::Imap, _) => 143,
        (Protocol::Pop3, Security::Tls) => 995,
        (Protocol::Pop3, _) => 110,
        (Protocol::Smtp, Security::Tls) => 465,
        (Protocol::Smtp, _) => 587,
        (Protocol::Jmap | Protocol::ActiveSync | Protocol::Ews, _) => 443,
    }
}

/// How a well-known mail port is protected; `None` for all others.
pub(super) fn usual_security(port: u16) -> Option<Security> {
    match port {
        993 | 995 | 465 => Some(Security::Tls),
        143 | 110 | 587 | 25 => Some(Security::StartTls),
        _ => None,
    }
}

/// Ports that speak against what a document says about them; it is obeyed, and the doubt is told.
pub(super) fn odd_port(protocol: Protocol, security: Security, port: u16) -> Option<&'static str> {
    let belongs = match port {
        143 | 993 => Protocol::Imap,
        110 | 995 => Protocol::Pop3,
        25 | 465 | 587 => Protocol::Smtp,
        _ => return None,
    };
    if belongs != protocol {
        return Some("this port usually belongs to another protocol");
    }
    match (security, usual_security(port)) {
        (Security::Tls, Some(Security::StartTls)) => {
            Some("this port usually speaks STARTTLS, not TLS from the first byte")
        }
        (Security::StartTls, Some(Security::Tls)) => Some("this port usually speaks TLS from the first byte"),
        _ => None,
    }
}
