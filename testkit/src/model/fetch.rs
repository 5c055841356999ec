//! FETCH and UID FETCH.

use super::input::Arg;
use super::session::{Done, Failure, Session, bad};
use super::state::Message;
use super::{Server, date, set};

/// One thing asked of each message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Uid,
    Flags,
    ModSeq,
    Date,
    Size,
    EmailId,
    GmMsgId,
    /// As asked, without PEEK and without the octets after the first.
    Body {
        label: String,
        section: Section,
        range: Option<(usize, usize)>,
        peek: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Whole,
    Header,
    Text,
    Fields { names: Vec<String>, not: bool },
}

impl Session {
    pub(super) fn fetch(&mut self, server: &mut Server, by_uid: bool, args: &[Arg]) -> Done {
        let [numbers, wanted, rest @ ..] = args else { return bad("FETCH wants a set and items") };
        let mut items = Vec::new();
        for wanted in wanted.items() {
            items.extend(read_item(server, &wanted)?);
        }
        let modifiers: Vec<String> =
            rest.first().map(Arg::items).unwrap_or_default().iter().map(Arg::word).collect();
        let since = match modifiers.iter().position(|modifier| modifier == "CHANGEDSINCE") {
            Some(at) => match modifiers.get(at + 1).and_then(|number| number.parse::<u64>().ok()) {
                Some(since) if server.config.has("CONDSTORE") => Some(since),
                _ => return bad("CHANGEDSINCE wants a modification sequence"),
            },
            None => None,
        };
        let vanished = modifiers.iter().any(|modifier| modifier == "VANISHED");
        if vanished && !(self.qresync && by_uid && since.is_some()) {
            return bad("VANISHED only with QRESYNC, UID and CHANGEDSINCE");
        }
        if since.is_some() || items.contains(&Item::ModSeq) {
            self.condstore = true;
        }
        if since.is_some() && !items.contains(&Item::ModSeq) {
            items.push(Item::ModSeq);
        }
        if by_uid && !self.uid_only && !items.contains(&Item::Uid) {
            items.insert(0, Item::Uid);
        }
        let (selected, _) = self.opened(server)?;
        let wanted = selected.set(numbers, by_uid)?;
        let rows = selected.within(&wanted, by_uid);
        let rows = self.limited(server, rows, |(_, uid)| *uid);
        let (_, mailbox) = self.opened(server)?;
        if let Some(since) = since.filter(|_| vanished) {
            let gone = mailbox.vanished(since).into_iter().filter(|uid| wanted.contains(*uid)).collect();
            let gone = server.faults.vanished(gone);
            if !gone.is_empty() {
                self.say(&format!("* VANISHED (EARLIER) {}", set::written(gone)));
            }
        }
        let reads = items.iter().any(|item| matches!(item, Item::Body { peek: false, .. }));
        let bodies = items.iter().any(|item| matches!(item, Item::Body { .. }));
        for (number, uid) in rows {
            if bodies {
                for work in server.faults.planned(None) {
                    work(server);
                }
            }
            let (selected, mailbox) = self.opened(server)?;
            if reads && !selected.read_only {
                mailbox.change(uid, |flags| {
                    flags.add("\\Seen");
                });
            }
            // It may have gone meanwhile.
            let Some(message) = mailbox.messages.get(&uid).cloned() else { continue };
            let no_mod_seq = mailbox.no_mod_seq;
            if since.is_none_or(|since| message.mod_seq > since) {
                let whole =
                    |item: &Item| matches!(item, Item::Body { section: Section::Whole, range: None, .. });
                server.bodies += u32::from(items.iter().any(whole));
                self.row(number, uid, &message, &items, no_mod_seq);
            }
        }
        Ok("fetched".into())
    }

    fn row(&mut self, number: u32, uid: u32, message: &Message, items: &[Item], no_mod_seq: bool) {
        let (number, word) = if self.uid_only { (uid, "UIDFETCH") } else { (number, "FETCH") };
        let mut parts: Vec<Vec<u8>> = Vec::new();
        for item in items {
            let text = match item {
                // RFC 9586: the UID stands before already.
                Item::Uid if self.uid_only => continue,
                Item::ModSeq if no_mod_seq => continue,
                Item::Uid => format!("UID {uid}"),
                Item::Flags => format!("FLAGS ({})", message.flags.names().collect::<Vec<_>>().join(" ")),
                Item::ModSeq => format!("MODSEQ ({})", message.mod_seq),
                Item::Date => format!("INTERNALDATE \"{}\"", date::written(message.date)),
                Item::Size => format!("RFC822.SIZE {}", message.bytes.len()),
                Item::EmailId => format!("EMAILID ({})", message.email_id),
                Item::GmMsgId => format!("X-GM-MSGID {}", message.gm_msgid()),
                Item::Body { label, section, range, .. } => {
                    let content = content(&message.bytes, section);
                    let content = match range {
                        Some((from, length)) => {
                            let from = (*from).min(content.len());
                            &content[from..from.saturating_add(*length).min(content.len())]
                        }
                        None => &content,
                    };
                    let announced = format!("{label} {{{}}}\r\n", content.len());
                    parts.push([announced.as_bytes(), content].concat());
                    continue;
                }
            };
            parts.push(text.into_bytes());
        }
        self.out.extend_from_slice(format!("* {number} {word} (").as_bytes());
        self.out.extend_from_slice(&parts.join(&b' '));
        self.out.extend_from_slice(b")\r\n");
        // With these flags it is told what it is.
        if items.contains(&Item::Flags)
            && let Some(selected) = &mut self.selected
            && let Some(shown) = selected.shown.iter_mut().find(|shown| shown.uid == uid)
        {
            shown.mod_seq = message.mod_seq;
        }
    }
}

fn read_item(server: &Server, item: &Arg) -> Result<Vec<Item>, Failure> {
    let word = item.word();
    if let Some((name, section)) = word.split_once('[') {
        return Ok(vec![body(name, section).map_or_else(|| bad(format!("no such section: {word}")), Ok)?]);
    }
    Ok(match word.as_str() {
        "UID" => vec![Item::Uid],
        "FLAGS" => vec![Item::Flags],
        "MODSEQ" if server.config.has("CONDSTORE") => vec![Item::ModSeq],
        "INTERNALDATE" => vec![Item::Date],
        "RFC822.SIZE" => vec![Item::Size],
        "FAST" => vec![Item::Flags, Item::Date, Item::Size],
        "EMAILID" if server.config.has("OBJECTID") => vec![Item::EmailId],
        "X-GM-MSGID" if server.has_labels() => vec![Item::GmMsgId],
        _ => return bad(format!("no such item: {word}")),
    })
}

/// What follows `BODY[` or `BODY.PEEK[`.
fn body(name: &str, rest: &str) -> Option<Item> {
    let peek = name == "BODY.PEEK";
    if !peek && name != "BODY" {
        return None;
    }
    let (written, range) = rest.split_once(']')?;
    let section = match written {
        "" => Section::Whole,
        "HEADER" => Section::Header,
        "TEXT" => Section::Text,
        fields => {
            let (not, names) = match fields.strip_prefix("HEADER.FIELDS.NOT (") {
                Some(names) => (true, names),
                None => (false, fields.strip_prefix("HEADER.FIELDS (")?),
            };
            let names = names.strip_suffix(')')?.split(' ').map(str::to_owned).collect();
            Section::Fields { names, not }
        }
    };
    let range = match range {
        "" => None,
        range => {
            let (from, length) = range.strip_prefix('<')?.strip_suffix('>')?.split_once('.')?;
            Some((from.parse().ok()?, length.parse().ok().filter(|length| *length > 0)?))
        }
    };
    let origin = range.map(|(from, _)| format!("<{from}>")).unwrap_or_default();
    Some(Item::Body { label: format!("BODY[{written}]{origin}"), section, range, peek })
}

/// A section of a message.
pub(super) fn content(bytes: &[u8], section: &Section) -> Vec<u8> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
    let (header, text) = bytes.split_at(end);
    match section {
        Section::Whole => bytes.to_vec(),
        Section::Header => header.to_vec(),
        Section::Text => text.to_vec(),
        Section::Fields { names, not } => {
            let mut fields = Vec::new();
            let mut taken = false;
            for line in header.split_inclusive(|byte| *byte == b'\n') {
                if line == b"\r\n" {
                    break;
                }
                // A folded line belongs to the field before.
                if !matches!(line.first(), Some(b' ' | b'\t')) {
                    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
                    let name = String::from_utf8_lossy(name).trim_end().to_ascii_uppercase();
                    taken = names.contains(&name) != *not;
                }
                if taken {
                    fields.extend_from_slice(line);
                }
            }
            fields.extend_from_slice(b"\r\n");
            fields
        }
    }
}
