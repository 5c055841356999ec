//! Reports of mail servers and readers, in words: delivery status (RFC 3464) and read receipts (RFC 8098).

use super::header::{self, Header};
use super::{Receipt, RecipientStatus, Report};

/// The most recipients of one report that are kept.
const MAX_RECIPIENTS: usize = 100;

/// Whether a part is a delivery report's (RFC 3464, RFC 6533).
pub(super) fn is_delivery(kind: &str) -> bool {
    matches!(kind, "message/delivery-status" | "message/global-delivery-status")
}

/// Whether a part is a read receipt's (RFC 8098, RFC 6533).
pub(super) fn is_receipt(kind: &str) -> bool {
    matches!(kind, "message/disposition-notification" | "message/global-disposition-notification")
}

/// Reads the groups of fields of a delivery report: one for the message, then one for each recipient.
pub(super) fn delivery(body: &[u8]) -> Report {
    let mut report = Report::default();
    let mut rest = body;
    while !rest.is_empty() && report.recipients.len() < MAX_RECIPIENTS {
        let group = Header::read_part(rest);
        let next = rest.get(group.body.max(1)..).unwrap_or_default();
        rest = next;
        if let Some(server) = group.text("Reporting-MTA") {
            report.server = Some(typed(&server));
        }
        let address = group.text("Final-Recipient").or_else(|| group.text("Original-Recipient"));
        let action = group.text("Action").unwrap_or_default().to_ascii_lowercase();
        if let Some(address) = address {
            report.recipients.push(recipient(&group, typed(&address), action));
        }
    }
    report
}

fn recipient(group: &Header<'_>, address: String, action: String) -> RecipientStatus {
    let status = group
        .text("Status")
        .map(|status| status.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect::<String>());
    let status = status.filter(|status| !status.is_empty());
    let reply = group.text("Diagnostic-Code").map(|text| typed(&text));
    let action = if action.is_empty() { "failed".to_owned() } else { action };
    let (why, advice) = meaning(status.as_deref().unwrap_or_default(), &action);
    RecipientStatus {
        address,
        action,
        status,
        why: why.to_owned(),
        advice: advice.to_owned(),
        server: group.text("Remote-MTA").map(|text| typed(&text)),
        reply,
        retry_until: group.text("Will-Retry-Until"),
    }
}

/// The value behind `rfc822;`, `dns;` or `smtp;`.
fn typed(text: &str) -> String {
    let (kind, value) = text.split_once(';').unwrap_or(("", text));
    let is_type = kind.len() <= 20 && kind.trim().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let value = if is_type { value } else { text };
    header::one_line(value).trim_matches(['<', '>']).to_owned()
}

/// What a status code says (RFC 3463), and what to do. The first digit only says whether it is final.
fn meaning(status: &str, action: &str) -> (&'static str, &'static str) {
    const WAIT: &str = "Nothing: the server goes on trying.";
    if matches!(action, "delivered" | "relayed" | "expanded") {
        let what = match action {
            "delivered" => "it was put into the mailbox",
            "relayed" => "it was passed on to a server that sends no such reports",
            _ => "it was passed on to the members of a list",
        };
        return (what, "");
    }
    let code = status.split_once('.').map_or("", |(_, code)| code);
    let (why, advice) = match code {
        "1.1" | "1.0" => ("there is no such mailbox", "Check the address, letter by letter."),
        "1.2" => ("there is no such mail domain", "Check what stands after the @."),
        "1.3" => ("the address is not a valid one", "Check the address, letter by letter."),
        "1.4" => ("the address fits several mailboxes", "Ask the person for the exact address."),
        "1.6" => ("the mailbox has moved and left no address", "Ask the person for the new address."),
        "1.7" | "1.8" => ("the sender's address was not accepted", "Check the own address in the account."),
        "1.10" => ("the domain takes no mail", "Ask the person for another address."),
        "2.1" => ("the mailbox is switched off", "Reach the person another way."),
        "2.2" => ("the mailbox is full", "Try again in some days, or reach the person another way."),
        "2.3" | "3.4" => ("the message is too large", "Send it without large attachments, or share a link."),
        "2.4" => ("the mailing list cannot be reached through", "Write to the owner of the list."),
        "3.1" => ("the server has no room left", "Try again later."),
        "4.1" | "4.2" => ("the other server did not answer", "Try again later."),
        "4.3" | "4.4" => {
            ("no way to the other server was found", "Check what stands after the @, or try again later.")
        }
        "4.6" => ("the servers send it round in a circle", "Tell the postmaster of the recipient's domain."),
        "4.7" => ("it could not be delivered in time", "Send it again later."),
        "5.1" | "5.2" | "5.4" | "5.5" | "5.0" | "5.3" => {
            ("the servers did not understand each other", "Try again; if it stays, tell the postmaster.")
        }
        "6.0" | "6.1" | "6.2" | "6.3" | "6.5" => {
            ("the server does not take this kind of content", "Send it as plain text, or share a link.")
        }
        "7.1" | "7.0" => (
            "the server refuses it: sender, content or network are not welcome",
            "Read the server's own words below; they mostly name the reason, and often a page.",
        ),
        "7.2" => ("the list does not take mail from this address", "Join the list, or write to its owner."),
        "7.8" | "7.9" => ("the login to the server was not accepted", "Run `restante doctor`."),
        "7.20" | "7.21" | "7.22" | "7.23" | "7.24" | "7.25" | "7.26" | "7.27" => (
            "the sender could not be proved (SPF, DKIM or DMARC)",
            "Send through the provider of the sender's address; its postmaster can tell more.",
        ),
        _ => match code.split('.').next() {
            Some("1") => ("something is wrong with the address", "Check the address, letter by letter."),
            Some("2") => ("something is wrong with the mailbox", "Reach the person another way."),
            Some("3") => ("the recipient's mail system has a fault", "Try again later."),
            Some("4") => ("the way to the recipient's server is disturbed", "Try again later."),
            Some("7") => ("the server refuses it for its policy", "Read the server's own words below."),
            _ => ("the server does not say why", "Read the server's own words below."),
        },
    };
    (why, if action == "delayed" { WAIT } else { advice })
}

/// Reads a read receipt.
pub(super) fn receipt(body: &[u8]) -> Receipt {
    let fields = Header::read_part(body);
    let address = fields.text("Final-Recipient").or_else(|| fields.text("Original-Recipient"));
    let disposition = fields.text("Disposition").unwrap_or_default();
    let (mode, kind) = disposition.rsplit_once(';').unwrap_or(("", &disposition));
    let kind = kind.split(['/', ',']).next().unwrap_or_default().trim().to_ascii_lowercase();
    Receipt {
        address: address.map(|text| typed(&text)).unwrap_or_default(),
        disposition: kind,
        is_automatic: !mode.to_ascii_lowercase().contains("manual-action"),
        message_id: fields
            .unfolded("Original-Message-ID")
            .and_then(|v| super::summary::ids(&v).into_iter().next()),
    }
}

/// The report for a person, a block for each recipient.
pub(super) fn delivery_card(report: &Report) -> String {
    let mut lines = Vec::new();
    for recipient in &report.recipients {
        let address = &recipient.address;
        lines.push(match recipient.action.as_str() {
            "delivered" | "relayed" | "expanded" => format!("Delivered to {address}: {}.", recipient.why),
            "delayed" => format!("Not yet delivered to {address}: {}.", recipient.why),
            _ => format!("Not delivered to {address}: {}.", recipient.why),
        });
        let server = recipient.server.as_ref().or(report.server.as_ref());
        match (&recipient.reply, server) {
            (Some(reply), Some(server)) => lines.push(format!("  {server} said: {reply}")),
            (Some(reply), None) => lines.push(format!("  The server said: {reply}")),
            (None, _) => {}
        }
        if let Some(until) = &recipient.retry_until {
            lines.push(format!("  It is tried until {until}."));
        }
        if !recipient.advice.is_empty() {
            lines.push(format!("  What to do: {}", recipient.advice));
        }
    }
    lines.join("\n")
}

/// The receipt for a person.
pub(super) fn receipt_card(receipt: &Receipt) -> String {
    let who = if receipt.address.is_empty() { "The recipient" } else { &receipt.address };
    let what = match receipt.disposition.as_str() {
        "displayed" => "opened the message; that says nothing of whether it was read",
        "deleted" => "deleted the message; whether it was seen before is not said",
        "dispatched" => "passed the message on",
        "processed" => "had a program deal with the message",
        "denied" => "does not want to say what became of the message",
        "failed" => "could not deal with the message",
        _ => "answered without saying what became of the message",
    };
    let how = if receipt.is_automatic { " (sent by the program by itself)" } else { "" };
    format!("Read receipt: {who} {what}{how}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_delivery_says_who_why_and_what_to_do() {
        let report = delivery(
            b"Reporting-MTA: dns; relay.example.org\r\nArrival-Date: x\r\n\r\n\
              Final-Recipient: rfc822; bob@example.net\r\nAction: failed\r\nStatus: 5.1.1 (no user)\r\n\
              Remote-MTA: dns; mx.example.net\r\nDiagnostic-Code: smtp; 550 5.1.1 <bob@example.net>:\r\n no such user\r\n\r\n\
              Final-Recipient: rfc822;carl@example.net\r\nAction: delayed\r\nStatus: 4.2.2\r\n",
        );
        assert_eq!(
            delivery_card(&report),
            "Not delivered to bob@example.net: there is no such mailbox.\n\
             \x20 mx.example.net said: 550 5.1.1 <bob@example.net>: no such user\n\
             \x20 What to do: Check the address, letter by letter.\n\
             Not yet delivered to carl@example.net: the mailbox is full.\n\
             \x20 What to do: Nothing: the server goes on trying."
        );
        assert_eq!(report.recipients[0].status.as_deref(), Some("5.1.1"));
    }

    #[test]
    fn groups_may_be_parted_by_more_lines_or_none() {
        let many =
            delivery(b"\n\nReporting-MTA: dns;a\n\n\n\nFinal-Recipient: rfc822;b@c.example\nStatus: 5.0.0\n");
        assert_eq!((many.server.as_deref(), many.recipients.len()), (Some("a"), 1));
        let none = delivery(b"Reporting-MTA: dns;a\nFinal-Recipient: rfc822;b@c.example\nAction: failed\n");
        assert_eq!(none.recipients[0].address, "b@c.example");
        assert!(delivery(b"").recipients.is_empty());
        assert_eq!(delivery(&b"Final-Recipient: x;y\n\n".repeat(5000)).recipients.len(), MAX_RECIPIENTS);
    }

    #[test]
    fn a_receipt_says_what_it_proves() {
        let receipt = receipt(
            b"Reporting-UA: x\nFinal-Recipient: rfc822;bob@example.net\nOriginal-Message-ID: <a@b>\n\
              Disposition: manual-action/MDN-sent-manually; displayed/error\n",
        );
        assert_eq!(
            receipt_card(&receipt),
            "Read receipt: bob@example.net opened the message; that says nothing of whether it was read."
        );
        assert_eq!(receipt.message_id.as_deref(), Some("a@b"));
    }
}
