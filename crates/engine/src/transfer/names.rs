//! Names of mailboxes as names of files, and back.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use restante_core::imap::wire::{decode_name, encode_name};
use restante_core::mail::MailboxName;
use sha2::{Digest, Sha256};

/// Octets of a file's name that every file system takes, with room for an ending.
const LONGEST: usize = 200;
/// What a mailbox of which a Maildir has no folder's name is called.
pub(super) const INBOX: &str = "INBOX";

/// One level of a mailbox's name as a file's name: nothing in it leads anywhere else, hides the file, drives a
/// terminal or is too long. What is altered is written as `%2F`.
pub(super) fn safe(level: &str) -> String {
    let mut name = String::new();
    for (at, c) in level.char_indices() {
        let ending = c == '.' && level.get(at..).is_some_and(|rest| rest.eq_ignore_ascii_case(".mbox"));
        if c == '/' || c == '\\' || c.is_control() || (c == '.' && at == 0) || ending {
            c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| name.push_str(&format!("%{byte:02X}")));
        } else {
            name.push(c);
        }
    }
    if name.is_empty() { "_".to_owned() } else { short(name) }
}

/// The folder of a mailbox in a Maildir, as Maildir++ has it: modified UTF-7, with a dot before each level.
pub(super) fn maildir_folder(levels: &[&str]) -> String {
    let mut name = String::new();
    for level in levels {
        name.push('.');
        let dotless = safe(level).replace('.', "%2E");
        name.push_str(&String::from_utf8_lossy(&encode_name(&dotless, false)));
    }
    short(name)
}

/// The levels of a folder in a Maildir.
pub(super) fn of_maildir_folder(folder: &str) -> Vec<String> {
    let level = |level: &str| match decode_name(level.as_bytes(), false) {
        (name, true) => name.replace("%2E", "."),
        // As other programs name them.
        _ => level.to_owned(),
    };
    folder.trim_start_matches('.').split('.').filter(|name| !name.is_empty()).map(level).collect()
}

/// The level that a folder or a file is named by.
pub(super) fn of_file(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let ending = [".mbox", ".mbx", ".mbs", ".sbd"].into_iter().find(|ending| lower.ends_with(ending));
    let stem = name.get(..name.len() - ending.map_or(0, str::len)).filter(|stem| !stem.is_empty());
    stem.unwrap_or(name).replace("%2E", ".").replace("%2e", ".")
}

/// How the name of an exported `.eml` file begins: with INTERNALDATE in UTC.
const EML_TIME: &str = "%Y-%m-%d-%H%M%S";

/// The name of the `.eml` file of a message, which is told from others by `id`; `date` is INTERNALDATE.
pub(super) fn eml(date: i64, id: &str) -> String {
    let time = Timestamp::from_second(date).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{}-{id}.eml", time.to_zoned(TimeZone::UTC).strftime(EML_TIME))
}

/// The INTERNALDATE that the name of an exported `.eml` file tells.
pub(super) fn eml_time(name: &str) -> Option<i64> {
    // The length of a time as it is written.
    let (time, id) = name.split_at_checked(17)?;
    if !id.starts_with('-') || !id.ends_with(".eml") {
        return None;
    }
    let time = DateTime::strptime(EML_TIME, time).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

/// The mailbox with these levels.
pub(super) fn mailbox(levels: &[String]) -> MailboxName {
    let level = |level: &String| -> String {
        let clean = |c: char| {
            if c.is_control() || c == '/' || matches!(c, '\u{2028}' | '\u{2029}') { '_' } else { c }
        };
        level.chars().map(clean).collect()
    };
    let levels: Vec<String> = levels.iter().map(level).filter(|level| !level.is_empty()).collect();
    MailboxName::new(if levels.is_empty() { INBOX.to_owned() } else { levels.join("/") })
}

/// A name that is not too long; what was cut off is told from others by a digest.
fn short(name: String) -> String {
    if name.len() <= LONGEST {
        return name;
    }
    let digest: String = Sha256::digest(&name).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let end = (0..=LONGEST - 16).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    format!("{}~{digest}", name.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_anywhere_else() {
        for (name, expected) in [
            ("Work", "Work"),
            ("..", "%2E."),
            (".hidden", "%2Ehidden"),
            ("a/b\\c", "a%2Fb%5Cc"),
            ("a\u{1b}[2J\u{9b}", "a%1B[2J%C2%9B"),
            ("", "_"),
            ("Work.mbox", "Work%2Embox"),
            ("Größe", "Größe"),
        ] {
            assert_eq!(safe(name), expected);
        }
        let long = safe(&"ü".repeat(400));
        assert!(long.len() <= LONGEST && long != safe(&"ü".repeat(401)));
    }

    #[test]
    fn a_folder_of_a_maildir_is_named_as_dovecot_and_courier_do() {
        assert_eq!(maildir_folder(&["Entwürfe", "A & B", "v1.2"]), ".Entw&APw-rfe.A &- B.v1%2E2");
        assert_eq!(of_maildir_folder(".Entw&APw-rfe.A &- B.v1%2E2"), ["Entwürfe", "A & B", "v1.2"]);
        assert_eq!(of_maildir_folder(".R&D.Größe"), ["R&D", "Größe"], "as others spell it");
    }

    #[test]
    fn an_exported_file_names_its_date() {
        assert_eq!(eml(1_030_016_183, "ab"), "2002-08-22-113623-ab.eml");
        assert_eq!(eml_time("2002-08-22-113623-ab.eml"), Some(1_030_016_183));
        for other in ["2002-08-22-113623.eml", "2002-08-22-11362x-ab.eml", "2002-08-22-113623-ab", "a.eml"] {
            assert_eq!(eml_time(other), None, "{other}");
        }
    }

    #[test]
    fn a_file_names_its_mailbox() {
        assert_eq!(of_file("Archive.mbox"), "Archive");
        assert_eq!(of_file("Inbox.sbd"), "Inbox");
        assert_eq!(of_file(".mbox"), ".mbox");
        assert_eq!(mailbox(&["a\u{1b}b".to_owned(), String::new(), "c".to_owned()]).as_str(), "a_b/c");
        assert_eq!(mailbox(&["inbox".to_owned()]).as_str(), "INBOX");
        assert_eq!(mailbox(&[]).as_str(), "INBOX");
    }
}
