//! SELECT, EXAMINE and CLOSE, with CONDSTORE and QRESYNC (RFC 7162).

use super::Server;
use super::input::Arg;
use super::session::{Done, Failure, Selected, Session, Shown, bad, no};
use super::set::{self, Set};

/// `QRESYNC (uidvalidity modseq [known-uids […]])`
struct Known {
    validity: u64,
    mod_seq: u64,
    uids: Option<Set>,
}

impl Session {
    pub(super) fn select(&mut self, server: &mut Server, examine: bool, args: &[Arg]) -> Done {
        let closed = self.selected.take().is_some() && (self.qresync || self.rev2);
        if closed {
            self.say("* OK [CLOSED] the one before is closed");
        }
        let name = self.name(args.first())?;
        let known = self.parameters(server, args.get(1))?;
        let condstore = server.config.has("CONDSTORE");
        let (object_id, rev2) = (server.config.has("OBJECTID"), self.rev2);
        let vanished = server.mailboxes.get(&name).and_then(|mailbox| {
            let known = known.as_ref().filter(|known| known.validity == u64::from(mailbox.validity))?;
            let gone = mailbox.vanished(known.mod_seq);
            let known = |uid: &u32| known.uids.as_ref().is_none_or(|uids| uids.contains(*uid));
            Some(server.faults.vanished(gone.into_iter().filter(known).collect()))
        });
        let Some(mailbox) = server.mailboxes.get(&name) else { return no("[NONEXISTENT] no such mailbox") };
        self.say("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)");
        let permanent = if examine { "" } else { "\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*" };
        self.say(&format!("* OK [PERMANENTFLAGS ({permanent})] these stay"));
        self.say(&format!("* {} EXISTS", mailbox.messages.len()));
        if !rev2 {
            self.say("* 0 RECENT");
        }
        self.say(&format!("* OK [UIDVALIDITY {}] valid", mailbox.validity));
        self.say(&format!("* OK [UIDNEXT {}] next", mailbox.next));
        if condstore && mailbox.no_mod_seq {
            self.say("* OK [NOMODSEQ] none are kept");
        } else if condstore {
            self.say(&format!("* OK [HIGHESTMODSEQ {}] highest", mailbox.mod_seq));
        }
        if object_id {
            self.say(&format!("* OK [MAILBOXID (F{})] this one", mailbox.id));
        }
        if rev2 {
            self.say(&format!(
                "* LIST () \"{}\" {}",
                server.config.delimiter,
                super::name::encode(&name, self.utf8)
            ));
        }
        let shown =
            mailbox.messages.iter().map(|(uid, message)| Shown { uid: *uid, mod_seq: message.mod_seq });
        let shown: Vec<Shown> = shown.collect();
        // No sequence in this mailbox, no resynchronisation.
        if let (Some(vanished), Some(known)) = (vanished, known.filter(|_| !mailbox.no_mod_seq)) {
            if !vanished.is_empty() {
                self.say(&format!("* VANISHED (EARLIER) {}", set::written(vanished)));
            }
            let changed: Vec<_> = (1..)
                .zip(&mailbox.messages)
                .filter(|(_, (_, message))| message.mod_seq > known.mod_seq)
                .filter(|(_, (uid, _))| known.uids.as_ref().is_none_or(|uids| uids.contains(**uid)))
                .map(|(number, (uid, message))| (number, *uid, message.clone()))
                .collect();
            for (number, uid, message) in changed {
                let flags: Vec<&str> = message.flags.names().collect();
                let items = format!("FLAGS ({}) MODSEQ ({})", flags.join(" "), message.mod_seq);
                self.say_row(number, uid, true, &items);
            }
        }
        self.selected =
            Some(Selected { id: mailbox.id, validity: mailbox.validity, read_only: examine, shown });
        self.forget_watched(&name);
        Ok(if examine { "[READ-ONLY] open" } else { "[READ-WRITE] open" }.into())
    }

    fn parameters(&mut self, server: &Server, parameters: Option<&Arg>) -> Result<Option<Known>, Failure> {
        let items = parameters.map(Arg::items).unwrap_or_default();
        let mut known = None;
        let mut items = items.iter();
        while let Some(item) = items.next() {
            match item.word().as_str() {
                "CONDSTORE" if server.config.has("CONDSTORE") => self.condstore = true,
                "QRESYNC" if self.qresync => {
                    let arguments = items.next().map(Arg::items).unwrap_or_default();
                    let number = |at: usize| arguments.get(at).and_then(Arg::number);
                    let uids = arguments.get(2).map(Arg::word).filter(|word| !word.is_empty());
                    let uids = uids.map(|text| Set::read(&text, u32::MAX).map_or_else(|| bad("no set"), Ok));
                    let (Some(validity), Some(mod_seq)) = (number(0), number(1)) else {
                        return bad("QRESYNC wants UIDVALIDITY and a modification sequence");
                    };
                    known = Some(Known { validity, mod_seq, uids: uids.transpose()? });
                }
                other => return bad(format!("no such parameter, or not enabled: {other}")),
            }
        }
        Ok(known)
    }

    pub(super) fn close(&mut self, server: &mut Server) -> Done {
        let (selected, mailbox) = self.opened(server)?;
        let read_only = selected.read_only;
        if !read_only {
            let marked: Vec<u32> = mailbox
                .messages
                .iter()
                .filter(|(_, message)| message.flags.has("\\Deleted"))
                .map(|(uid, _)| *uid)
                .collect();
            mailbox.take(&marked);
            server.bare += 1;
        }
        self.selected = None;
        Ok("closed".into())
    }
}
