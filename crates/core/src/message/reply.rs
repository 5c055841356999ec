//! Answering a message.

use super::header::Header;
use super::{Draft, Reading, clean, compose};
use crate::mail::Contact;

/// The width quoted text is laid out for, where it was HTML or flowed.
const QUOTE_WIDTH: usize = 72;
/// The most lines that are quoted.
const MAX_QUOTED: usize = 5000;

/// Words that stand before a colon in the subject of an answer, in lower case.
const REPLY_WORDS: [&str; 12] =
    ["re", "aw", "sv", "vs", "antw", "odp", "ref", "réf", "rif", "res", "回复", "答复"];

impl Draft {
    /// A draft that answers a message.
    ///
    /// It goes to Reply-To, else From; with `all` also to everybody in To and Cc. Own addresses (`own`)
    /// are left out, and the one the message was sent to becomes the sender, else `me`. An answer to what
    /// one sent oneself goes where that went. `offset_minutes` is the local clock's distance from UTC.
    #[must_use]
    pub fn reply(message: &[u8], me: &Contact, own: &[String], all: bool, offset_minutes: i16) -> Self {
        let read = Reading::without_cards(message, QUOTE_WIDTH, &[]);
        let is_own =
            |c: &Contact| own.iter().chain([&me.address]).any(|a| a.eq_ignore_ascii_case(&c.address));
        let reachable = |c: &&Contact| compose::check_contact("To", c).is_ok();
        let answer_to = if read.reply_to.iter().any(|c| reachable(&c)) { &read.reply_to } else { &read.from };
        let is_mine = !read.from.is_empty() && read.from.iter().all(is_own);
        let target = if is_mine && !read.to.is_empty() { &read.to } else { answer_to };

        let mut taken: Vec<String> = Vec::new();
        let mut pick = |contacts: &mut dyn Iterator<Item = &Contact>, keep_own: bool| {
            let mut picked = Vec::new();
            for contact in contacts.filter(reachable).filter(|c| keep_own || !is_own(c)) {
                let address = contact.address.to_lowercase();
                if !taken.contains(&address) {
                    taken.push(address);
                    picked.push(contact.clone());
                }
            }
            picked
        };
        let mut to = pick(&mut target.iter(), false);
        let mut cc = if all { pick(&mut read.to.iter().chain(&read.cc), false) } else { Vec::new() };
        if to.is_empty() {
            to = if cc.is_empty() { pick(&mut target.iter(), true) } else { std::mem::take(&mut cc) };
        }

        let mut addressed = read.to.iter().chain(&read.cc).filter(|c| is_own(c));
        let is_me = |c: &Contact| c.address.eq_ignore_ascii_case(&me.address);
        let other = if is_mine || addressed.clone().any(is_me) { None } else { addressed.next() };
        let from = other.map(|c| Contact { name: me.name.clone(), address: c.address.clone() });
        let mut references = read.references.clone();
        references.retain(|id| Some(id) != read.message_id.as_ref());
        references.extend(read.message_id.clone());
        Self {
            from: from.unwrap_or_else(|| me.clone()),
            to,
            cc,
            bcc: Vec::new(),
            subject: reply_subject(&read.subject),
            in_reply_to: read.message_id.clone(),
            references,
            text: quote(&read, Header::read(message).contacts("From").first(), offset_minutes),
            attachments: Vec::new(),
        }
    }
}

/// `Re: ` once, whatever words and numbers earlier answers put there.
pub(super) fn reply_subject(subject: &str) -> String {
    let mut rest = subject.trim();
    while let Some(after) = strip_reply_word(rest) {
        rest = after.trim_start();
    }
    clean::clean_line(&format!("Re: {rest}")).trim_end().to_owned()
}

/// What follows `Re:`, `AW:`, `RE[2]:`, `Re (3):` and the like.
pub(super) fn strip_reply_word(subject: &str) -> Option<&str> {
    let (word, rest) = subject.split_once([':', '：'])?;
    let word = word.trim_end();
    let open = word.find(['[', '(', '^']).unwrap_or(word.len());
    let (word, count) = word.split_at_checked(open)?;
    let is_count =
        count.is_empty() || count.trim_matches(['[', ']', '(', ')', '^']).bytes().all(|b| b.is_ascii_digit());
    let word = word.trim_end().to_lowercase();
    (is_count && REPLY_WORDS.contains(&word.as_str())).then_some(rest)
}

/// The attribution and the text behind quote marks, without its signature.
fn quote(read: &Reading, from: Option<&Contact>, offset_minutes: i16) -> String {
    let text = clean::clean(&read.text);
    let end = text.lines().position(|l| matches!(l, "-- " | "--")).unwrap_or(usize::MAX);
    let lines: Vec<&str> = text.lines().take(end.min(MAX_QUOTED)).collect();
    let last = lines.iter().rposition(|l| !l.trim().is_empty()).map_or(0, |at| at + 1);
    let mut out = String::from("\n");
    if last == 0 {
        return out;
    }
    let name = from.map(|c| if c.name.is_empty() { c.address.as_str() } else { c.name.as_str() });
    let name = clean::clean_line(name.filter(|n| !n.is_empty()).unwrap_or("somebody")).into_owned();
    match read.date {
        Some(date) => out.push_str(&format!("On {}, {name} wrote:\n", day_and_time(date, offset_minutes))),
        None => out.push_str(&format!("{name} wrote:\n")),
    }
    for line in lines.iter().take(last) {
        out.push_str(if line.starts_with('>') || line.trim().is_empty() { ">" } else { "> " });
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// `2024-03-05 10:20`, which is read the same everywhere.
fn day_and_time(date: i64, offset_minutes: i16) -> String {
    let civil = super::encode::Civil::at(date, offset_minutes);
    format!("{:04}-{:02}-{:02} {:02}:{:02}", civil.year, civil.month, civil.day, civil.hour, civil.minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> Contact {
        Contact { name: "Ann".into(), address: "ann@example.org".into() }
    }

    fn reply(header: &str, all: bool) -> Draft {
        let message = format!(
            "{header}\nMessage-ID: <m@x>\nReferences: <r@x>\nDate: Tue, 5 Mar 2024 09:20:30 +0000\n\nHello\n\n> old\n\n-- \nBob\n"
        );
        Draft::reply(message.as_bytes(), &me(), &["lee@example.org".into()], all, 60)
    }

    fn addresses(contacts: &[Contact]) -> Vec<&str> {
        contacts.iter().map(|c| c.address.as_str()).collect()
    }

    #[test]
    fn an_answer_quotes_and_points_back() {
        let draft = reply("From: Bob <bob@example.net>\nTo: ann@example.org\nSubject: Tea", false);
        assert_eq!(draft.text, "\nOn 2024-03-05 10:20, Bob wrote:\n> Hello\n>\n>> old\n");
        assert_eq!((draft.subject.as_str(), draft.in_reply_to.as_deref()), ("Re: Tea", Some("m@x")));
        assert_eq!(draft.references, ["r@x", "m@x"]);
        assert_eq!((addresses(&draft.to), addresses(&draft.cc)), (vec!["bob@example.net"], vec![]));
        assert_eq!(draft.from, me());
    }

    #[test]
    fn an_answer_to_all_leaves_oneself_out_and_names_nobody_twice() {
        let header = "From: bob@example.net\nTo: Ann <ANN@example.org>, c@d.example, bob@example.net\nCc: e@f.example, c@d.example";
        let draft = reply(header, true);
        assert_eq!(addresses(&draft.to), ["bob@example.net"]);
        assert_eq!(addresses(&draft.cc), ["c@d.example", "e@f.example"]);
        assert_eq!(addresses(&reply(header, false).cc), Vec::<&str>::new());
    }

    #[test]
    fn reply_to_is_obeyed_where_it_can_be() {
        let draft = reply("From: bob@example.net\nReply-To: list@example.net\nTo: ann@example.org", false);
        assert_eq!(addresses(&draft.to), ["list@example.net"]);
        let draft = reply("From: bob@example.net\nReply-To: nowhere\nTo: ann@example.org", false);
        assert_eq!(addresses(&draft.to), ["bob@example.net"]);
    }

    #[test]
    fn an_answer_to_oneself_goes_where_the_first_message_went() {
        let draft = reply("From: ann@example.org\nTo: bob@example.net\nCc: c@d.example", true);
        assert_eq!(
            (addresses(&draft.to), addresses(&draft.cc)),
            (vec!["bob@example.net"], vec!["c@d.example"])
        );
        let draft = reply("From: ann@example.org\nTo: lee@example.org", false);
        assert_eq!(addresses(&draft.to), ["lee@example.org"]);
    }

    #[test]
    fn the_address_that_was_written_to_answers() {
        let draft = reply("From: bob@example.net\nTo: lee@example.org", false);
        assert_eq!(draft.from, Contact { name: "Ann".into(), address: "lee@example.org".into() });
    }

    #[test]
    fn re_stands_once() {
        for subject in [
            "Tea",
            "Re: Tea",
            "RE[2]: Tea",
            "Re (3) : Tea",
            "AW: Sv:  Antw: re: Tea",
            "回复：Tea",
            "Re^2: Tea",
        ] {
            assert_eq!(reply_subject(subject), "Re: Tea", "{subject}");
        }
        assert_eq!(reply_subject("Resume: x"), "Re: Resume: x");
        assert_eq!(reply_subject("Re: Fwd: x"), "Re: Fwd: x");
        assert_eq!(reply_subject(""), "Re:");
        assert_eq!(reply_subject(&"Re:".repeat(100_000)), "Re:");
    }

    #[test]
    fn what_cannot_be_answered_gives_an_empty_draft_and_no_escape_sequences() {
        let draft = Draft::reply(b"\x1b[2Jx", &me(), &[], true, 0);
        assert!(draft.to.is_empty());
        let draft =
            Draft::reply(b"From: \"a\x1b]0;x\x07\" <a@b.example>\n\nx\x1b[31my\n", &me(), &[], false, 0);
        assert_eq!(draft.text, "\na ]0;x wrote:\n> xy\n");
    }
}
