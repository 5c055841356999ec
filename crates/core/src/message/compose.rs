//! A message being written, and its bytes (RFC 5322, MIME).
//!
//! Everything a person types goes through one door, [`Draft::freeze`], which refuses what could become a
//! header field of its own and writes only 7-bit bytes with CRLF.

use super::encode::{self, FieldWriter};
use super::{ComposeError, Contact};

/// A file to send along.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// The name the recipient sees.
    pub filename: String,
    /// `type/subtype`; empty is `application/octet-stream`.
    pub kind: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A message being written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// Who writes.
    pub from: Contact,
    /// Main recipients.
    pub to: Vec<Contact>,
    /// Recipients of a copy.
    pub cc: Vec<Contact>,
    /// Recipients nobody else sees.
    pub bcc: Vec<Contact>,
    /// The subject, one line.
    pub subject: String,
    /// The Message-ID of the message answered, without angle brackets.
    pub in_reply_to: Option<String>,
    /// The Message-IDs before this message, oldest first, without angle brackets.
    pub references: Vec<String>,
    /// The text, lines ended by LF.
    pub text: String,
    /// Files to send along.
    pub attachments: Vec<File>,
}

/// A message ready to be sent: these bytes and no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// The message, lines ended by CRLF, without Bcc.
    pub bytes: Vec<u8>,
    /// Its Message-ID without angle brackets.
    pub message_id: String,
    /// The address for `MAIL FROM`.
    pub sender: String,
    /// The addresses for `RCPT TO`, each once, Bcc among them.
    pub recipients: Vec<String>,
    /// Whether header fields hold raw UTF-8, so that SMTPUTF8 is needed (RFC 6532).
    pub utf8_headers: bool,
    /// Whether the body holds bytes above 127, so that 8BITMIME is needed (RFC 6152).
    pub eight_bit: bool,
}

/// When and as what a message is frozen: what core cannot know by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since 1970 UTC.
    pub now: i64,
    /// The local clock's distance from UTC in minutes, east positive.
    pub offset_minutes: i16,
    /// Fresh random bytes, for the Message-ID and the boundaries.
    pub entropy: [u8; 16],
}

impl Draft {
    /// Fixes Date, Message-ID and bytes.
    ///
    /// # Errors
    /// [`ComposeError`] names the field that cannot be sent as it is.
    pub fn freeze(&self, moment: &Moment) -> Result<Frozen, ComposeError> {
        let lists = [
            ("From", std::slice::from_ref(&self.from)),
            ("To", &self.to),
            ("Cc", &self.cc),
            ("Bcc", &self.bcc),
        ];
        for (field, contacts) in lists {
            contacts.iter().try_for_each(|c| check_contact(field, c))?;
        }
        check_line("Subject", &self.subject)?;
        let recipients = recipients([&self.to, &self.cc, &self.bcc].into_iter().flatten())?;
        let message_id = message_id(moment, &self.from.address);

        let mut header = FieldWriter::default();
        header.raw("Date", &encode::date(moment.now, moment.offset_minutes));
        header.contacts("From", std::slice::from_ref(&self.from));
        header.contacts("To", &self.to);
        header.contacts("Cc", &self.cc);
        header.text("Subject", &self.subject);
        header.raw("Message-ID", &format!("<{message_id}>"));
        if let Some(id) = &self.in_reply_to {
            check_id("In-Reply-To", id)?;
            header.ids("In-Reply-To", std::slice::from_ref(id));
        }
        self.references.iter().try_for_each(|id| check_id("References", id))?;
        header.ids("References", &self.references);
        header.raw("MIME-Version", "1.0");

        let mut bytes = header.finish();
        let utf8_headers = !bytes.is_ascii();
        self.write_body(moment, &mut bytes)?;
        let sender = self.from.address.clone();
        Ok(Frozen { bytes, message_id, sender, recipients, utf8_headers, eight_bit: false })
    }

    fn write_body(&self, moment: &Moment, out: &mut Vec<u8>) -> Result<(), ComposeError> {
        if self.attachments.is_empty() {
            encode::text_part(&self.text, out);
            return Ok(());
        }
        // What follows the last dash cannot stand in quoted-printable or base64.
        let boundary = format!("=_{}", hex(&moment.entropy));
        let start =
            format!("Content-Type: multipart/mixed;\r\n boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n");
        out.extend_from_slice(start.as_bytes());
        encode::text_part(&self.text, out);
        for file in &self.attachments {
            check_line("filename", &file.filename)?;
            let kind = check_kind(&file.kind)?;
            out.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
            encode::file_part(kind, &file.filename, &file.bytes, out);
        }
        out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        Ok(())
    }
}

/// `<hex@domain>` without the brackets. The time comes first, so that ids sort.
pub(super) fn message_id(moment: &Moment, address: &str) -> String {
    let domain = address.rsplit_once('@').map(|(_, domain)| domain).unwrap_or_default();
    let domain = idna::domain_to_ascii(domain).unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let domain = if domain.is_empty() || !domain.chars().all(fits) { "localhost".to_owned() } else { domain };
    format!("{:x}.{}@{domain}", moment.now.max(0), hex(&moment.entropy))
}

/// The addresses to send to, each once.
pub(super) fn recipients<'a>(
    contacts: impl Iterator<Item = &'a Contact>,
) -> Result<Vec<String>, ComposeError> {
    let mut found: Vec<String> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for contact in contacts {
        if seen.insert(contact.address.to_lowercase()) {
            found.push(contact.address.clone());
        }
    }
    if found.is_empty() { Err(ComposeError::NoRecipients) } else { Ok(found) }
}

/// An address that can be sent to: `local@domain` without controls or brackets.
pub(super) fn check_contact(field: &'static str, contact: &Contact) -> Result<(), ComposeError> {
    check_line(field, &contact.name)?;
    check_line(field, &contact.address)?;
    let bad = || ComposeError::Address { field, address: contact.address.clone() };
    let (local, domain) = contact.address.rsplit_once('@').ok_or_else(bad)?;
    let quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
    let forbidden = |c: char| c.is_whitespace() || "<>()[],;:\\\"@".contains(c);
    let fits = !local.is_empty() && !domain.is_empty() && (quoted || !local.contains(forbidden));
    let is_literal = domain.starts_with('[') && domain.ends_with(']');
    let domain = if is_literal { domain.trim_matches(['[', ']']) } else { domain };
    let in_domain = |c: char| forbidden(c) && !(is_literal && c == ':');
    if fits && contact.address.len() <= 320 && !domain.contains(in_domain) { Ok(()) } else { Err(bad()) }
}

fn check_line(field: &'static str, text: &str) -> Result<(), ComposeError> {
    if text.contains(|c: char| c.is_control() && c != '\t') {
        Err(ComposeError::ControlCharacter(field))
    } else {
        Ok(())
    }
}

fn check_id(field: &'static str, id: &str) -> Result<(), ComposeError> {
    let forbidden = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>');
    if id.is_empty() || id.contains(forbidden) { Err(ComposeError::ControlCharacter(field)) } else { Ok(()) }
}

fn check_kind(kind: &str) -> Result<&str, ComposeError> {
    if kind.is_empty() {
        return Ok("application/octet-stream");
    }
    let is_token =
        |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    let fits = kind.len() <= 200 && kind.split_once('/').is_some_and(|(a, b)| is_token(a) && is_token(b));
    // A message or multipart would have to be taken apart to be sent in base64 (RFC 2045, section 6.4).
    let is_composite = kind.starts_with("multipart/") || kind.starts_with("message/");
    if is_composite {
        Ok("application/octet-stream")
    } else if fits {
        Ok(kind)
    } else {
        Err(ComposeError::Kind(kind.escape_debug().to_string()))
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Attachment, Reading, Summary};
    use proptest::prelude::*;

    const MOMENT: Moment = Moment { now: 1_709_630_430, offset_minutes: 60, entropy: [7; 16] };

    fn contact(name: &str, address: &str) -> Contact {
        Contact { name: name.into(), address: address.into() }
    }

    fn draft() -> Draft {
        Draft {
            from: contact("Ann Lee", "ann@example.org"),
            to: vec![contact("", "bob@example.net")],
            subject: "Tea".into(),
            text: "Hello Bob\n".into(),
            ..Draft::default()
        }
    }

    fn text(draft: &Draft) -> String {
        String::from_utf8(draft.freeze(&MOMENT).unwrap().bytes).unwrap()
    }

    #[test]
    fn a_plain_message_is_plain() {
        assert_eq!(
            text(&draft()),
            "Date: Tue, 05 Mar 2024 10:20:30 +0100\r\nFrom: Ann Lee <ann@example.org>\r\nTo: bob@example.net\r\n\
             Subject: Tea\r\nMessage-ID: <65e6e3de.07070707070707070707070707070707@example.org>\r\n\
             MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\
             Content-Transfer-Encoding: 7bit\r\n\r\nHello Bob\r\n"
        );
    }

    #[test]
    fn the_blind_copy_is_only_in_the_envelope() {
        let mut draft = draft();
        draft.bcc = vec![contact("", "secret@example.net"), contact("", "BOB@example.net")];
        let frozen = draft.freeze(&MOMENT).unwrap();
        assert_eq!(frozen.recipients, ["bob@example.net", "secret@example.net"]);
        assert_eq!(frozen.sender, "ann@example.org");
        assert!(!String::from_utf8(frozen.bytes).unwrap().contains("secret"));
    }

    #[test]
    fn no_field_can_carry_another() {
        type Change = fn(&mut Draft, &str);
        let changes: [(&str, Change); 8] = [
            ("Subject", |d, t| d.subject = t.into()),
            ("From", |d, t| d.from.name = t.into()),
            ("To", |d, t| d.to[0].name = t.into()),
            ("To", |d, t| d.to[0].address = format!("a{t}@b.example")),
            ("Cc", |d, t| d.cc = vec![contact("", &format!("a@b{t}.example"))]),
            ("Bcc", |d, t| d.bcc = vec![contact(t, "a@b.example")]),
            ("In-Reply-To", |d, t| d.in_reply_to = Some(format!("a{t}@b"))),
            ("References", |d, t| d.references = vec![format!("a{t}@b")]),
        ];
        for (field, change) in changes {
            for bad in ["x\r\nBcc: y", "x\ny", "x\ry", "x\0y"] {
                let mut draft = draft();
                change(&mut draft, bad);
                assert_eq!(
                    draft.freeze(&MOMENT).unwrap_err(),
                    ComposeError::ControlCharacter(field),
                    "{bad:?}"
                );
            }
        }
        let mut draft = draft();
        draft.attachments = vec![File { filename: "a\r\nb".into(), ..File::default() }];
        assert_eq!(draft.freeze(&MOMENT).unwrap_err(), ComposeError::ControlCharacter("filename"));
        draft.attachments = vec![File { kind: "a/b\r\nX: y".into(), ..File::default() }];
        assert!(matches!(draft.freeze(&MOMENT).unwrap_err(), ComposeError::Kind(_)));
    }

    #[test]
    fn addresses_are_checked_before_they_are_sent_to() {
        for address in
            ["", "bob", "bob@", "@b.example", "a b@c.example", "a@b@c.example", "a<b@c.example", "a@b,c"]
        {
            let mut draft = draft();
            draft.to = vec![contact("", address)];
            assert!(
                matches!(draft.freeze(&MOMENT), Err(ComposeError::Address { field: "To", .. })),
                "{address}"
            );
        }
        let mut draft = draft();
        draft.to = vec![
            contact("", "\"a b\"@c.example"),
            contact("", "a@[192.0.2.1]"),
            contact("", "a+b@c.example"),
        ];
        assert!(draft.freeze(&MOMENT).is_ok());
        draft.to.clear();
        assert_eq!(draft.freeze(&MOMENT).unwrap_err(), ComposeError::NoRecipients);
    }

    #[test]
    fn text_outside_ascii_and_long_lines_are_quoted_printable() {
        let mut draft = draft();
        draft.text = format!("Grüße \n{}\n.\nFrom here\n", "long ".repeat(300));
        let wire = text(&draft);
        assert!(wire.is_ascii() && wire.lines().all(|l| l.len() <= 76), "{wire}");
        assert!(wire.contains("charset=utf-8") && wire.contains("quoted-printable"));
        assert_eq!(Reading::read(wire.as_bytes(), 80).text.trim_end(), draft.text.trim_end());
    }

    #[test]
    fn attachments_come_back_byte_for_byte() {
        let mut draft = draft();
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        draft.attachments = vec![
            File { filename: "grün \"x\".bin".into(), kind: "image/png".into(), bytes: bytes.clone() },
            File { filename: "b.eml".into(), kind: "message/rfc822".into(), bytes: vec![] },
        ];
        let wire = text(&draft);
        assert!(wire.is_ascii() && wire.lines().all(|l| l.len() <= 78));
        let found = Reading::read(wire.as_bytes(), 80);
        assert_eq!((found.text.as_str(), found.damaged.len()), ("Hello Bob\n", 0));
        assert_eq!(found.parts[1].filename.as_deref(), Some("grün \"x\".bin"));
        assert_eq!(Attachment::read(wire.as_bytes(), "2").unwrap().bytes, bytes);
        assert_eq!(found.parts[2].kind, "application/octet-stream");
    }

    #[test]
    fn long_fields_are_folded() {
        let mut draft = draft();
        draft.to =
            (0..40).map(|n| contact(&format!("Person Number {n}"), &format!("p{n}@example.net"))).collect();
        draft.references = (0..40).map(|n| format!("{n}.{}@example.org", "x".repeat(30))).collect();
        draft.subject = "word ".repeat(60).trim().to_owned();
        let wire = text(&draft);
        assert!(wire.lines().all(|l| l.len() <= 78), "{wire}");
        let summary = Summary::read(wire.as_bytes());
        assert_eq!(
            (summary.to, summary.references, summary.subject),
            (draft.to, draft.references, draft.subject)
        );
    }

    proptest! {
        #[test]
        fn what_is_composed_is_read_back(
            subject in "\\PC{0,120}",
            names in proptest::collection::vec("\\PC{0,60}", 1..4),
            locals in proptest::collection::vec("[a-z0-9._+-]{1,20}", 4),
        ) {
            let one_line = |t: &str| t.split(' ').filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
            let mut draft = draft();
            draft.subject = subject.clone();
            draft.to = names.iter().zip(&locals).map(|(n, l)| contact(n, &format!("{l}@example.net"))).collect();
            let frozen = draft.freeze(&MOMENT).unwrap();
            prop_assert!(frozen.bytes.is_ascii());
            prop_assert!(frozen.bytes.split(|b| *b == b'\n').all(|l| l.len() <= 78));
            let summary = Summary::read(&frozen.bytes);
            prop_assert_eq!(summary.subject, one_line(&subject));
            let expected: Vec<_> = draft.to.iter().map(|c| contact(&one_line(&c.name), &c.address)).collect();
            for (found, expected) in summary.to.iter().zip(&expected) {
                prop_assert_eq!(&found.address, &expected.address);
                if !expected.name.starts_with('\'') && expected.name != expected.address {
                    prop_assert_eq!(&found.name, &expected.name);
                }
            }
            prop_assert_eq!(summary.to.len(), expected.len());
        }

        #[test]
        fn any_text_comes_through(text in "([ -~]|\r|\n|\t|ü|日|\\PC){0,200}") {
            let mut draft = draft();
            draft.text = text.clone();
            let wire = draft.freeze(&MOMENT).unwrap().bytes;
            let body = wire.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
            for (at, byte) in wire.iter().enumerate() {
                match byte {
                    b'\n' => prop_assert_eq!(wire[at - 1], b'\r'),
                    b'\r' => prop_assert_eq!(wire[at + 1], b'\n'),
                    _ => prop_assert!(byte.is_ascii()),
                }
            }
            prop_assert!(wire[body..].split(|b| *b == b'\n').all(|l| l.len() <= 78));
            let text = text.replace("\r\n", "\n").replace('\r', "\n");
            let found = Attachment::read(&wire, "1").unwrap().bytes;
            let found = String::from_utf8(found).unwrap().replace("\r\n", "\n");
            prop_assert_eq!(found.strip_suffix('\n').unwrap_or(&found), text.strip_suffix('\n').unwrap_or(&text));
        }
    }
}
