//! Who a message is from and for on the wire (RFC 5321, section 4.1.1.2 and 3).

use super::Extensions;

/// The reverse-path, the forward-paths and what the server must know of the message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The address for `MAIL FROM`; empty is the null reverse-path `<>`.
    pub sender: String,
    /// The addresses for `RCPT TO`, one or more.
    pub recipients: Vec<String>,
    /// The size of the message in bytes, line ends as CRLF.
    pub size: u64,
    /// Whether the message holds bytes above 127.
    pub eight_bit: bool,
    /// Whether header fields hold raw UTF-8 (RFC 6532).
    pub utf8_headers: bool,
}

/// Why an envelope cannot be sent over this connection. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The session is at work on something else, or over.
    #[error("the SMTP session is not ready for a message")]
    NotNow,
    /// Nobody to send it to.
    #[error("the message has no recipients")]
    NoRecipients,
    /// An address that cannot stand in a command. Held escaped.
    #[error("`{0}` is not an address a server takes")]
    Address(String),
    /// Larger than the server's SIZE.
    #[error("the message has {size} bytes; the server takes at most {limit}")]
    TooLarge {
        /// The message's size in bytes.
        size: u64,
        /// What the server named, in bytes.
        limit: u64,
    },
    /// Bytes above 127, and no 8BITMIME.
    #[error("the message holds 8-bit text, and the server takes only 7-bit (it does not offer 8BITMIME)")]
    EightBit,
    /// An address or header with characters outside ASCII, and no SMTPUTF8.
    #[error("an address or header has characters outside ASCII, and the server does not offer SMTPUTF8")]
    Utf8,
}

impl Envelope {
    /// The `MAIL FROM` and `RCPT TO` commands, each with its CRLF, for a server that offers `extensions`.
    pub(super) fn commands(&self, extensions: &Extensions) -> Result<Vec<Vec<u8>>, EnvelopeError> {
        if self.recipients.is_empty() {
            return Err(EnvelopeError::NoRecipients);
        }
        if let Some(limit) = extensions.size.filter(|limit| self.size > *limit) {
            return Err(EnvelopeError::TooLarge { size: self.size, limit });
        }
        let sender = if self.sender.is_empty() { String::new() } else { path(&self.sender)? };
        let recipients = self.recipients.iter().map(|r| path(r)).collect::<Result<Vec<_>, _>>()?;
        let utf8 = self.utf8_headers || !sender.is_ascii() || recipients.iter().any(|r| !r.is_ascii());
        if utf8 && !extensions.smtp_utf8 {
            return Err(EnvelopeError::Utf8);
        }
        if self.eight_bit && !extensions.eight_bit_mime {
            return Err(EnvelopeError::EightBit);
        }

        let mut mail = format!("MAIL FROM:<{sender}>");
        if extensions.has_size {
            mail.push_str(&format!(" SIZE={}", self.size));
        }
        if self.eight_bit {
            mail.push_str(" BODY=8BITMIME");
        }
        if utf8 {
            mail.push_str(" SMTPUTF8");
        }
        let recipients = recipients.iter().map(|r| format!("RCPT TO:<{r}>\r\n").into_bytes());
        Ok(std::iter::once(format!("{mail}\r\n").into_bytes()).chain(recipients).collect())
    }
}

/// An address as it stands between angle brackets. The domain goes in its ASCII form where it has one, so
/// that SMTPUTF8 is needed only for a local part outside ASCII.
fn path(address: &str) -> Result<String, EnvelopeError> {
    let refuse = || EnvelopeError::Address(address.escape_debug().take(120).collect());
    let (local, domain) = address.rsplit_once('@').ok_or_else(refuse)?;
    let quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
    let forbidden = |c: char| c.is_control() || matches!(c, '<' | '>') || (c.is_whitespace() && !quoted);
    if local.is_empty() || domain.is_empty() || address.len() > 1000 {
        return Err(refuse());
    }
    if local.contains(forbidden) || domain.contains(|c: char| forbidden(c) || c.is_whitespace()) {
        return Err(refuse());
    }
    if domain.is_ascii() {
        return Ok(address.to_owned());
    }
    let domain = idna::domain_to_ascii(domain).map_err(|_| refuse())?;
    Ok(format!("{local}@{domain}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(sender: &str, recipient: &str) -> Envelope {
        Envelope {
            sender: sender.into(),
            recipients: vec![recipient.into()],
            size: 500,
            ..Default::default()
        }
    }

    fn text(envelope: &Envelope, extensions: &Extensions) -> String {
        String::from_utf8(envelope.commands(extensions).unwrap().concat()).unwrap()
    }

    #[test]
    fn parameters_are_sent_only_where_offered_and_needed() {
        let mut plain = envelope("ann@example.org", "bob@example.net");
        assert_eq!(
            text(&plain, &Extensions::default()),
            "MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.net>\r\n"
        );
        plain.eight_bit = true;
        let all = Extensions { has_size: true, eight_bit_mime: true, smtp_utf8: true, ..Default::default() };
        assert!(text(&plain, &all).starts_with("MAIL FROM:<ann@example.org> SIZE=500 BODY=8BITMIME\r\n"));
        assert_eq!(plain.commands(&Extensions::default()), Err(EnvelopeError::EightBit));
    }

    #[test]
    fn only_a_local_part_outside_ascii_needs_smtputf8() {
        let idn = envelope("", "info@bücher.example");
        assert_eq!(
            text(&idn, &Extensions::default()),
            "MAIL FROM:<>\r\nRCPT TO:<info@xn--bcher-kva.example>\r\n"
        );
        let local = envelope("jürgen@example.org", "bob@example.net");
        assert_eq!(local.commands(&Extensions::default()), Err(EnvelopeError::Utf8));
        let utf8 = Extensions { smtp_utf8: true, ..Default::default() };
        assert!(text(&local, &utf8).starts_with("MAIL FROM:<jürgen@example.org> SMTPUTF8\r\n"));
    }

    #[test]
    fn an_address_cannot_carry_a_second_command() {
        for address in [
            "a@b>\r\nDATA",
            "a@b c",
            "a b@c.example",
            "a\n@b.example",
            "a>@b.example",
            "ann",
            "@b",
            "a@",
            "\"@b\r.example",
        ] {
            let found = envelope("ann@example.org", address).commands(&Extensions::default());
            assert!(matches!(found, Err(EnvelopeError::Address(_))), "{address:?}");
            let found = envelope(address, "ann@example.org").commands(&Extensions::default());
            assert!(matches!(found, Err(EnvelopeError::Address(_))), "{address:?}");
        }
        assert!(
            text(&envelope("", "\"a b\"@c.example"), &Extensions::default()).contains("<\"a b\"@c.example>")
        );
    }

    #[test]
    fn a_message_that_is_too_large_is_not_started() {
        let limit = Extensions { size: Some(499), has_size: true, ..Default::default() };
        assert_eq!(
            envelope("", "a@b.example").commands(&limit),
            Err(EnvelopeError::TooLarge { size: 500, limit: 499 })
        );
    }
}
