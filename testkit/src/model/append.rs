//! APPEND, also of several messages (RFC 3502) and in UTF-8 (RFC 9755).

use super::input::Arg;
use super::session::{Done, Session, bad, no};
use super::state::Flags;
use super::{Server, date, set};

impl Session {
    /// RFC 6855, section 4: unmarked, only with IMAP4rev2. A server that says `XUNMARKED` knows no mark (RFC 9755).
    fn takes_utf8(&self, server: &Server, message: &[u8]) -> bool {
        self.rev2
            || server.config.has("XUNMARKED")
            || super::fetch::content(message, &super::fetch::Section::Header).is_ascii()
    }

    pub(super) fn append(&mut self, server: &mut Server, args: &[Arg]) -> Done {
        let name = self.name(args.first())?;
        let mut rest = args.get(1..).unwrap_or_default();
        let mut messages = Vec::new();
        while !rest.is_empty() {
            let mut flags = Flags::default();
            if let [Arg::List(names), after @ ..] = rest {
                let names = names.iter().filter_map(Arg::text);
                let names: Vec<String> =
                    names.map(|name| String::from_utf8_lossy(&name).into_owned()).collect();
                flags = names.iter().map(String::as_str).collect();
                rest = after;
            }
            let mut when = None;
            if let [Arg::Text(text), after @ ..] = rest
                && let Some(read) = std::str::from_utf8(text).ok().and_then(date::read)
            {
                when = Some(read);
                rest = after;
            }
            match rest {
                [Arg::Text(bytes), ..]
                    if server.config.has("UTF8=ACCEPT") && !self.takes_utf8(server, bytes) =>
                {
                    return no("[CANNOT] no UTF-8 in headers here");
                }
                [Arg::Text(bytes), after @ ..] => {
                    messages.push((flags, when, bytes.clone()));
                    rest = after;
                }
                [word, Arg::List(inner), after @ ..]
                    if word.word() == "UTF8" && self.utf8 && !server.config.has("XUNMARKED") =>
                {
                    let Some(Arg::Text(bytes)) = inner.first() else { return bad("no message") };
                    messages.push((flags, when, bytes.clone()));
                    rest = after;
                }
                _ => return bad("no message"),
            }
        }
        if messages.is_empty() || messages.len() > 1 && !server.config.has("MULTIAPPEND") {
            return bad("one message at a time");
        }
        if !server.mailboxes.contains_key(&name) {
            return no("[TRYCREATE] no such mailbox");
        }
        let limit = server.config.value("APPENDLIMIT").and_then(|limit| limit.parse().ok());
        let limit = limit.or(server.mailbox(&name).append_limit);
        if limit.is_some_and(|limit: u64| messages.iter().any(|(_, _, bytes)| bytes.len() as u64 > limit)) {
            return no("[TOOBIG] too large");
        }
        let mut uids = Vec::new();
        for (flags, when, bytes) in messages {
            let message = server.message(bytes.into(), flags, when);
            if let Some(mailbox) = server.mailboxes.get_mut(&name) {
                uids.push(mailbox.put(message));
            }
        }
        if server.config.has("UIDPLUS") {
            let validity = server.mailbox(&name).validity;
            return Ok(format!("[APPENDUID {validity} {}] kept", set::written(uids)));
        }
        Ok("kept".into())
    }
}
