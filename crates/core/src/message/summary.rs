//! Reading a [`Summary`].

use super::Summary;
use super::date;
use super::header::Header;

/// The most Message-IDs kept of References and In-Reply-To: the first, which names the thread, and the
/// newest.
const MAX_REFERENCES: usize = 100;
/// The longest Message-ID kept, in bytes: a line of RFC 5322, section 2.1.1.
const MAX_ID: usize = 998;

impl Summary {
    /// Reads the header at the start of `header`, which may hold the body too. Never fails: what cannot be
    /// read is empty. The time it takes grows with the header only.
    #[must_use]
    pub fn read(header: &[u8]) -> Self {
        Self::of(&Header::read(header))
    }

    pub(super) fn of(header: &Header<'_>) -> Self {
        let ids = |name: &str| header.unfolded(name).map(|v| ids(&v)).unwrap_or_default();
        let mut references = ids("References");
        for id in ids("In-Reply-To") {
            if !references.contains(&id) {
                references.push(id);
            }
        }
        if references.len() > MAX_REFERENCES {
            references.drain(1..references.len() - MAX_REFERENCES + 1);
        }
        Self {
            subject: header.text("Subject").unwrap_or_default(),
            from: header.contacts("From"),
            to: header.contacts("To"),
            cc: header.contacts("Cc"),
            date: header.unfolded("Date").and_then(|d| date::read(&d)),
            message_id: ids("Message-ID").into_iter().next(),
            references,
        }
    }
}

/// The Message-IDs of a field (RFC 5322, section 3.6.4), without angle brackets. Words with an `@` count
/// where nothing stands in brackets.
pub(super) fn ids(field: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut keep = |id: &str| {
        let id: String = id.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
        if !id.is_empty() && id.len() <= MAX_ID && found.last() != Some(&id) {
            found.push(id);
        }
    };
    let mut rest = field;
    while let Some((_, from)) = rest.split_once('<') {
        let Some((id, after)) = from.split_once('>') else { break };
        keep(id.rsplit('<').next().unwrap_or(id));
        rest = after;
    }
    if found.is_empty() {
        let words = field.split_whitespace().filter(|w| w.contains('@'));
        words.for_each(|w| {
            let id = w.trim_matches(['<', '>', ',']);
            if !id.is_empty() && id.len() <= MAX_ID {
                found.push(id.to_owned());
            }
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Contact;

    #[test]
    fn a_summary_is_read_from_the_header_alone_or_the_whole_message() {
        let header = "From: =?utf-8?Q?J=C3=BCrgen?= <j@example.org>\r\nTo: a@b.example, C <c@d.example>\r\n\
            Cc: e@f.example\r\nSubject: Re: =?utf-8?B?R3LDvMOfZQ==?=\r\n from here\r\n\
            Date: Tue, 5 Mar 2024 10:20:30 +0100\r\nMessage-ID: <one@example.org>\r\n\
            References: <r1@x> <r2@x>\r\nIn-Reply-To: <r2@x>\r\n\r\n";
        let summary = Summary::read(header.as_bytes());
        assert_eq!(summary.subject, "Re: Grüße from here");
        assert_eq!(summary.from, [Contact { name: "Jürgen".into(), address: "j@example.org".into() }]);
        assert_eq!((summary.to.len(), summary.cc.len()), (2, 1));
        assert_eq!(summary.date, Some(1_709_630_430));
        assert_eq!(summary.message_id.as_deref(), Some("one@example.org"));
        assert_eq!(summary.references, ["r1@x", "r2@x"]);
        assert_eq!(Summary::read(format!("{header}Subject: body\r\n").as_bytes()), summary);
        assert_eq!(Summary::read(b""), Summary::default());
    }

    #[test]
    fn ids_are_found_in_prose() {
        assert_eq!(ids("Your message of Monday <a@b> \"x\" <c d@e>"), ["a@b", "cd@e"]);
        assert_eq!(ids("a@b, c@d"), ["a@b,", "c@d"].map(|s| s.trim_matches(',')));
        assert_eq!(ids("<<a@b>>"), ["a@b"]);
        assert_eq!(ids("nothing"), Vec::<String>::new());
        assert_eq!(ids("<a@b"), ["a@b"]);
    }

    #[test]
    fn endless_references_keep_the_root_and_the_newest() {
        let all: String = (0..100_000).map(|n| format!("<{n}@x>\r\n ")).collect();
        let summary = Summary::read(format!("References: {all}\r\n\r\n").as_bytes());
        assert_eq!(summary.references.len(), MAX_REFERENCES);
        assert_eq!(summary.references[0], "0@x");
    }
}
