//! Messages that come whole from another program, as `sendmail` takes them.

use super::compose::{Frozen, Moment, check_contact, message_id, recipients};
use super::encode::{self, FieldWriter};
use super::header::{Field, Header};
use super::{ComposeError, Contact, summary};

/// The longest line a server takes, without CRLF (RFC 5321, section 4.5.3.1.6).
const MAX_LINE: usize = 998;

/// Makes a message that came whole, as on standard input, ready to be sent.
///
/// Date, Message-ID, From and MIME-Version are added where they are missing, Bcc is taken out, line ends
/// become CRLF. Raw text outside ASCII in header fields is encoded (RFC 2047) where that can be. A plain
/// text without a content type gets one when it is UTF-8, and one whose lines are too long for mail is
/// sent as quoted-printable. Nothing else changes.
///
/// `default_from` is who sends when the message does not say. `given` are the recipients named beside the
/// message; without any, To, Cc and Bcc say it.
///
/// # Errors
/// [`ComposeError`] when there is nobody to send to, an address cannot be used, or a line is longer than
/// mail allows.
pub fn freeze(
    message: &[u8],
    default_from: &Contact,
    given: Option<&[String]>,
    moment: &Moment,
) -> Result<Frozen, ComposeError> {
    let header = Header::read(message);
    let from = header.contacts("From");
    let sender = from.iter().find(|c| c.address.contains('@')).unwrap_or(default_from);
    check_contact("From", sender)?;
    let contacts = match given {
        Some(given) => given.iter().map(|a| Contact { name: String::new(), address: a.clone() }).collect(),
        None => ["To", "Cc", "Bcc"].iter().flat_map(|n| header.contacts(n)).collect::<Vec<_>>(),
    };
    contacts.iter().try_for_each(|c| check_contact("To", c))?;
    let recipients = recipients(contacts.iter())?;

    let found_id = header.unfolded("Message-ID").and_then(|v| summary::ids(&v).into_iter().next());
    let id = found_id.clone().unwrap_or_else(|| message_id(moment, &sender.address));
    let has = |name: &str| header.value(name).is_some();
    let mut added = FieldWriter::default();
    if !has("Date") {
        added.raw("Date", &encode::date(moment.now, moment.offset_minutes));
    }
    if from.is_empty() {
        added.contacts("From", std::slice::from_ref(sender));
    }
    if found_id.is_none() {
        added.raw("Message-ID", &format!("<{id}>"));
    }
    if !has("MIME-Version") {
        added.raw("MIME-Version", "1.0");
    }
    let body = Body::choose(&header, message.get(header.body..).unwrap_or_default());
    body.add_fields(&header, &mut added);

    let mut bytes = added.finish();
    // What is replaced or must not be seen.
    let is_dropped = |name: &str| {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        is("Bcc")
            || (is("From") && from.is_empty())
            || (is("Message-ID") && found_id.is_none())
            || (is("Content-Transfer-Encoding") && body == Body::QuotedPrintable)
    };
    for field in header.fields().iter().filter(|f| !is_dropped(f.name)) {
        push_field(&header, field, &mut bytes);
    }
    let utf8_headers = !bytes.is_ascii();
    bytes.extend_from_slice(b"\r\n");
    let start = bytes.len();
    body.push(message.get(header.body..).unwrap_or_default(), &mut bytes);
    if !bytes.ends_with(b"\r\n") {
        bytes.extend_from_slice(b"\r\n");
    }
    let eight_bit = utf8_headers || !bytes.get(start..).unwrap_or_default().is_ascii();
    if bytes.split(|b| *b == b'\n').any(|l| l.len() > MAX_LINE + 1) {
        return Err(ComposeError::LineTooLong);
    }
    let sender = sender.address.clone();
    Ok(Frozen { bytes, message_id: id, sender, recipients, utf8_headers, eight_bit })
}

/// How the body goes out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    AsIs,
    /// As it is, and named UTF-8, which nobody did.
    Named,
    QuotedPrintable,
}

impl Body {
    fn choose(header: &Header<'_>, body: &[u8]) -> Self {
        let value = |name: &str| header.unfolded(name).unwrap_or_default().to_ascii_lowercase();
        let (kind, encoding) = (value("Content-Type"), value("Content-Transfer-Encoding"));
        let is_raw = matches!(encoding.as_str(), "" | "7bit" | "8bit" | "binary");
        let is_text = kind.is_empty() || kind.starts_with("text/");
        if !is_raw || !is_text || str::from_utf8(body).is_err() && kind.is_empty() {
            return Self::AsIs;
        }
        if body.split(|b| matches!(b, b'\r' | b'\n')).any(|l| l.len() > MAX_LINE) {
            return Self::QuotedPrintable;
        }
        if kind.is_empty() && !body.is_ascii() { Self::Named } else { Self::AsIs }
    }

    fn add_fields(self, header: &Header<'_>, added: &mut FieldWriter) {
        if self != Self::AsIs && header.value("Content-Type").is_none() {
            added.raw("Content-Type", "text/plain; charset=utf-8");
        }
        match self {
            Self::QuotedPrintable => added.raw("Content-Transfer-Encoding", "quoted-printable"),
            Self::Named if header.value("Content-Transfer-Encoding").is_none() => {
                added.raw("Content-Transfer-Encoding", "8bit");
            }
            Self::Named | Self::AsIs => {}
        }
    }

    fn push(self, body: &[u8], out: &mut Vec<u8>) {
        if self != Self::QuotedPrintable {
            return push_lines(body, out);
        }
        let mut canonical = Vec::with_capacity(body.len());
        push_lines(body, &mut canonical);
        let text = canonical.strip_suffix(b"\r\n").unwrap_or(&canonical);
        for line in text.split(|b| *b == b'\n') {
            encode::quoted_line(line.strip_suffix(b"\r").unwrap_or(line), out);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// One field as it came; encoded when it holds raw text outside ASCII that can be.
fn push_field(header: &Header<'_>, field: &Field<'_>, out: &mut Vec<u8>) {
    if !field.value.is_ascii() {
        let is = |names: &[&str]| names.iter().any(|n| field.name.eq_ignore_ascii_case(n));
        let text = header.unfold(field);
        let mut writer = FieldWriter::default();
        if is(&["From", "To", "Cc", "Reply-To", "Sender"]) {
            writer.contacts(field.name, &super::address::read(&text));
        } else if is(&["Subject", "Comments", "Keywords", "Organization"]) || field.name.starts_with("X-") {
            writer.text(field.name, &super::words::decode(&text));
        }
        let encoded = writer.finish();
        if !encoded.is_empty() && encoded.is_ascii() {
            return out.extend_from_slice(&encoded);
        }
    }
    out.extend_from_slice(field.name.as_bytes());
    out.push(b':');
    push_lines(field.value, out);
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
}

/// Adds text with every line end, of whatever kind, as CRLF.
fn push_lines(text: &[u8], out: &mut Vec<u8>) {
    let mut after_cr = false;
    for byte in text {
        match byte {
            b'\n' if after_cr => {}
            b'\r' | b'\n' => out.extend_from_slice(b"\r\n"),
            _ => out.push(*byte),
        }
        after_cr = *byte == b'\r';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Moment = Moment { now: 1_709_630_430, offset_minutes: 0, entropy: [1; 16] };

    fn me() -> Contact {
        Contact { name: "Ann".into(), address: "ann@example.org".into() }
    }

    fn frozen(message: &str) -> Result<Frozen, ComposeError> {
        freeze(message.as_bytes(), &me(), None, &MOMENT)
    }

    fn text(frozen: &Frozen) -> String {
        String::from_utf8(frozen.bytes.clone()).unwrap()
    }

    #[test]
    fn what_is_missing_is_added() {
        let found = frozen("To: bob@example.net\nSubject: x\n\nhi\n").unwrap();
        assert_eq!(
            text(&found),
            "Date: Tue, 05 Mar 2024 09:20:30 +0000\r\nFrom: Ann <ann@example.org>\r\n\
             Message-ID: <65e6e3de.01010101010101010101010101010101@example.org>\r\nMIME-Version: 1.0\r\n\
             To: bob@example.net\r\nSubject: x\r\n\r\nhi\r\n"
        );
        assert_eq!(
            (found.sender.as_str(), found.recipients),
            ("ann@example.org", vec!["bob@example.net".to_owned()])
        );
    }

    #[test]
    fn what_is_there_stays_as_it_is() {
        let message = "Date: Mon, 4 Mar 2024 10:00:00 +0000\r\nFrom: X <x@example.org>\r\nTo: a@b.example,\r\n\tc@d.example\r\n\
            Message-ID: <mine@x>\r\nMIME-Version: 1.0\r\n\r\nbody\r\n";
        let found = frozen(message).unwrap();
        assert_eq!(text(&found), message);
        assert_eq!((found.message_id.as_str(), found.sender.as_str()), ("mine@x", "x@example.org"));
        assert_eq!(found.recipients, ["a@b.example", "c@d.example"]);
        assert!(!found.eight_bit && !found.utf8_headers);
    }

    #[test]
    fn the_blind_copy_gets_it_and_is_not_named() {
        let found =
            frozen("To: Team: a@b.example, c@d.example;\nBcc: s@e.example,\n t@f.example\n\nhi").unwrap();
        assert_eq!(found.recipients, ["a@b.example", "c@d.example", "s@e.example", "t@f.example"]);
        assert!(!text(&found).contains("e.example") && !text(&found).contains("Bcc"));
    }

    #[test]
    fn recipients_beside_the_message_replace_those_in_it() {
        let given = ["z@b.example".to_owned()];
        let found = freeze(b"To: a@b.example\n\nhi", &me(), Some(&given), &MOMENT).unwrap();
        assert_eq!(found.recipients, given);
        assert!(text(&found).contains("To: a@b.example\r\n"));
        assert_eq!(
            freeze(b"To: a@b.example\n\nhi", &me(), Some(&[]), &MOMENT),
            Err(ComposeError::NoRecipients)
        );
    }

    #[test]
    fn nobody_and_wrong_addresses_are_refused() {
        assert_eq!(frozen("Subject: x\n\nhi"), Err(ComposeError::NoRecipients));
        assert_eq!(frozen("To: undisclosed-recipients:;\n\nhi"), Err(ComposeError::NoRecipients));
        assert!(matches!(frozen("To: bob\n\nhi"), Err(ComposeError::Address { .. })));
    }

    #[test]
    fn line_ends_of_every_kind_become_crlf() {
        let found = frozen("To: a@b.example\n\na\rb\r\n.\n\nc").unwrap();
        assert!(text(&found).ends_with("\r\n\r\na\r\nb\r\n.\r\n\r\nc\r\n"));
    }

    #[test]
    fn lines_too_long_for_mail_are_quoted_where_they_are_plain_text() {
        let fits = frozen(&format!("To: a@b.example\n\n{}", "x".repeat(998))).unwrap();
        assert!(!text(&fits).contains("quoted-printable"));
        let long = "x=".repeat(600);
        let found =
            frozen(&format!("To: a@b.example\nContent-Transfer-Encoding: 8bit\n\n{long}\nend\n")).unwrap();
        assert!(found.bytes.split(|b| *b == b'\n').all(|l| l.len() <= 77));
        let read = crate::message::Reading::read(&found.bytes, 80);
        assert_eq!((read.text, read.damaged), (format!("{long}\nend\n"), vec![]));
        let other = format!("To: a@b.example\nContent-Type: application/json\n\n{}", "x".repeat(999));
        assert_eq!(frozen(&other), Err(ComposeError::LineTooLong));
    }

    #[test]
    fn text_outside_ascii_is_named_and_told_to_the_server() {
        let found = frozen("To: a@b.example\n\ngrün").unwrap();
        assert!(found.eight_bit && text(&found).contains("charset=utf-8"));
        let raw =
            frozen("To: \"Jürgen, X\" <a@b.example>\nSubject: grün\nX-Note: ja =?utf-8?Q?=C3=BC?= ö\n\nx")
                .unwrap();
        assert!(!raw.utf8_headers && !raw.eight_bit);
        let summary = crate::message::Summary::read(&raw.bytes);
        assert_eq!((summary.subject.as_str(), summary.to[0].name.as_str()), ("grün", "Jürgen, X"));
        let raw = frozen("To: jürgen@b.example\n\nx").unwrap();
        assert!(raw.utf8_headers && raw.eight_bit);
    }
}
