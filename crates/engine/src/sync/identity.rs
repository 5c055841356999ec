//! What a server calls a message, in whatever mailbox it is and under whatever UID.

use super::list::Abilities;
use restante_core::imap::wire::FetchRow;

/// Stands before Gmail's numbers. An EMAILID has no colon (RFC 8474, section 4): the two are never mixed.
const GMAIL: &str = "gm:";

/// The item to ask for beside others, with the space after it; nothing where the server has no such name.
pub(super) fn item(abilities: Abilities) -> &'static str {
    if abilities.object_id {
        "EMAILID "
    } else if abilities.labels {
        "X-GM-MSGID "
    } else {
        ""
    }
}

/// The name a row gives; empty when it gives none.
pub(super) fn of(row: &mut FetchRow) -> String {
    let email_id = row.email_id.take();
    email_id.or_else(|| row.gm_msgid.map(|number| format!("{GMAIL}{number}"))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gmails_numbers_are_told_from_email_ids() {
        let mut row = FetchRow { gm_msgid: Some(1_278_455_344_230_334_865), ..FetchRow::default() };
        assert_eq!(of(&mut row), "gm:1278455344230334865");
        row.email_id = Some("M6d99ac3275bb4e".to_owned());
        assert_eq!(of(&mut row), "M6d99ac3275bb4e");
        assert_eq!(of(&mut FetchRow::default()), "");
    }
}
