//! Mail that looks like mail, made from a seed: the same [`Plan`] gives the same bytes on every machine.
//!
//! Conversations with replies and quotes, newsletters, notices from machines, attachments; nine languages in
//! twenty charsets; sizes that follow a log-normal distribution around [`Plan::mean_bytes`].

mod compose;
mod encode;
pub mod maildir;
mod rng;
mod text;

pub use rng::Rng;

use compose::Conversation;

/// What to generate.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Equal plans with equal seeds give equal mail.
    pub seed: u64,
    /// How many messages, over all mailboxes.
    pub count: usize,
    /// Mailboxes with their share of the mail. Names as people read them, `/` between levels.
    pub mailboxes: Vec<(String, u32)>,
    /// The mean size of a message in bytes.
    pub mean_bytes: usize,
    /// When the newest message was sent, in seconds since 1970.
    pub newest: i64,
    /// How many days back the mail reaches.
    pub days: u32,
    /// Whose mail it is: name and address.
    pub owner: (String, String),
}

impl Plan {
    /// Everything in the INBOX: 13 KB a message, five years of it.
    pub fn inbox(address: &str, count: usize) -> Self {
        Self {
            seed: 1,
            count,
            mailboxes: vec![("INBOX".into(), 1)],
            mean_bytes: 13 * 1024,
            newest: 1_780_000_000,
            days: 5 * 365,
            owner: ("Robin Ferrer".into(), address.into()),
        }
    }

    /// The same spread over eight mailboxes, two of them nested and one with a name that is not ASCII.
    pub fn household(address: &str, count: usize) -> Self {
        let mailboxes = [
            ("INBOX", 30),
            ("Archive", 25),
            ("Sent", 10),
            ("Junk", 5),
            ("Projects/Harbour", 10),
            ("Projects/Harbour/Invoices", 5),
            ("Newsletters", 10),
            ("Entwürfe & Übersetzungen", 5),
        ];
        Self {
            mailboxes: mailboxes.map(|(name, share)| (name.to_owned(), share)).to_vec(),
            ..Self::inbox(address, count)
        }
    }

    /// The same with another seed.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The same with another mean size.
    #[must_use]
    pub fn mean_bytes(self, mean_bytes: usize) -> Self {
        Self { mean_bytes, ..self }
    }

    /// Which messages there will be: by mailbox, then by arrival. Cheap; [`Slot::render`] makes the bytes.
    pub fn slots(&self) -> Vec<Slot> {
        let mut slots = Vec::with_capacity(self.count + 16);
        for number in 0.. {
            if slots.len() >= self.count {
                break;
            }
            let conversation = Conversation::new(self, number);
            slots.extend(conversation.slots(self));
        }
        slots.truncate(self.count);
        slots.sort_by_key(|slot| (slot.mailbox, slot.received, slot.conversation, slot.position));
        slots
    }
}

/// A message to be.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Index into [`Plan::mailboxes`].
    pub mailbox: usize,
    /// When it arrived (INTERNALDATE), in seconds since 1970.
    pub received: i64,
    /// Flags and keywords, e.g. `\Seen`, `$Forwarded`.
    pub flags: Vec<&'static str>,
    conversation: u64,
    position: usize,
}

impl Slot {
    /// The message, RFC 5322, lines ended by CRLF.
    pub fn render(&self, plan: &Plan) -> Vec<u8> {
        Conversation::new(plan, self.conversation).render(plan, self.position)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn all(plan: &Plan) -> Vec<Vec<u8>> {
        plan.slots().iter().map(|slot| slot.render(plan)).collect()
    }

    fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
        let head = message.split("\r\n\r\n").next()?;
        head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    #[test]
    fn the_same_plan_gives_the_same_mail_and_another_seed_other_mail() {
        let plan = Plan::household("a@autoconfig.test", 60);
        assert_eq!(all(&plan), all(&plan.clone()));
        assert_ne!(all(&plan), all(&plan.clone().seed(2)));
    }

    #[test]
    fn every_message_has_the_fields_and_lines_of_rfc_5322() {
        let plan = Plan::household("a@autoconfig.test", 400);
        let mut ids = BTreeSet::new();
        for message in all(&plan) {
            let text = String::from_utf8_lossy(&message).into_owned();
            for name in ["From", "To", "Date", "Message-ID", "Subject", "MIME-Version", "Content-Type"] {
                assert!(header(&text, name).is_some_and(|value| !value.is_empty()), "no {name} in {text}");
            }
            assert!(ids.insert(header(&text, "Message-ID").unwrap().to_owned()), "twice the same Message-ID");
            let head = text.split("\r\n\r\n").next().unwrap();
            assert!(head.is_ascii(), "{head}");
            for line in message.split(|byte| *byte == b'\n') {
                assert!(line.len() <= 999, "a line of {} bytes", line.len());
                assert!(line.is_empty() || line.ends_with(b"\r") || line.len() == message.len());
            }
        }
        assert_eq!(ids.len(), 400);
    }

    #[test]
    fn a_reply_names_a_message_that_exists_and_is_older() {
        let plan = Plan::inbox("a@autoconfig.test", 500);
        let messages = all(&plan);
        let texts: Vec<_> = messages.iter().map(|message| String::from_utf8_lossy(message)).collect();
        let mut seen = BTreeSet::new();
        let mut replies = 0;
        for text in &texts {
            if let Some(parent) = header(text, "In-Reply-To") {
                replies += 1;
                assert!(seen.contains(parent), "{parent} was not there before");
                assert!(header(text, "References").is_some(), "{text}");
            }
            seen.insert(header(text, "Message-ID").unwrap());
        }
        assert!(replies > 100, "only {replies} replies");
    }

    #[test]
    fn the_mail_is_varied() {
        let plan = Plan::inbox("a@autoconfig.test", 1500);
        let everything = all(&plan).concat();
        let text = String::from_utf8_lossy(&everything);
        for sign in [
            "multipart/alternative",
            "multipart/mixed",
            "multipart/related",
            "format=flowed",
            "quoted-printable",
            "Content-Transfer-Encoding: base64",
            "Content-Transfer-Encoding: 8bit",
            "application/pdf",
            "image/png",
            "List-Unsubscribe",
            "charset=koi8-r",
            "charset=shift_jis",
            "charset=iso-2022-jp",
            "charset=gb18030",
            "charset=euc-kr",
            "charset=windows-1252",
            "charset=iso-8859-15",
            "=?utf-8?",
        ] {
            assert!(text.contains(sign), "no {sign}");
        }
    }

    #[test]
    fn sizes_follow_the_mean_that_was_asked_for() {
        for kilobytes in [8, 13, 40] {
            let plan = Plan::inbox("a@autoconfig.test", 800).mean_bytes(kilobytes * 1024);
            let sizes: Vec<usize> = all(&plan).iter().map(Vec::len).collect();
            let mean = sizes.iter().sum::<usize>() / sizes.len() / 1024;
            assert!(
                mean * 10 > kilobytes * 7 && mean * 10 < kilobytes * 14,
                "{mean} KB instead of {kilobytes}"
            );
            assert!(*sizes.iter().max().unwrap() > kilobytes * 1024 * 10);
        }
    }
}
