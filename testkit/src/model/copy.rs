//! COPY, MOVE (RFC 6851) and EXPUNGE, with the codes of UIDPLUS (RFC 4315).

use super::Server;
use super::input::Arg;
use super::session::{Done, Session, bad, no};
use super::set::{self, Set};

impl Session {
    pub(super) fn copy(&mut self, server: &mut Server, by_uid: bool, args: &[Arg]) -> Done {
        let (uids, to) = self.source(server, by_uid, args)?;
        self.all_or_none(server, uids.len())?;
        let (_, mailbox) = self.opened(server)?;
        let copies: Vec<_> =
            uids.iter().filter_map(|uid| Some((*uid, mailbox.messages.get(uid)?.clone()))).collect();
        let (from, messages): (Vec<u32>, Vec<_>) = copies.into_iter().unzip();
        let Some(target) = server.mailboxes.get(&to) else { return no("[TRYCREATE] no such mailbox") };
        let validity = target.validity;
        let new: Vec<u32> = messages.into_iter().filter_map(|message| server.place(&to, message)).collect();
        Ok(format!("{}copied", copy_uid(server, validity, &from, &new)))
    }

    pub(super) fn relocate(&mut self, server: &mut Server, by_uid: bool, args: &[Arg]) -> Done {
        let (uids, to) = self.source(server, by_uid, args)?;
        let (selected, mailbox) = self.opened(server)?;
        if selected.read_only {
            return no("[READ-ONLY] it is open for reading");
        }
        let id = mailbox.id;
        if server.keeps(id, &to) {
            return self.copy(server, by_uid, args);
        }
        let uids = self.limited(server, uids, |uid| *uid);
        let (_, mailbox) = self.opened(server)?;
        let (from, messages): (Vec<u32>, Vec<_>) = mailbox.take(&uids).into_iter().unzip();
        let Some(target) = server.mailboxes.get(&to) else { return no("[TRYCREATE] no such mailbox") };
        let validity = target.validity;
        let new: Vec<u32> = messages.into_iter().filter_map(|message| server.place(&to, message)).collect();
        let code = copy_uid(server, validity, &from, &new);
        if !code.is_empty() {
            self.say(&format!("* OK {code}moved"));
        }
        self.expunged(server)
    }

    /// Everything marked, or what of it is named.
    pub(super) fn expunge(&mut self, server: &mut Server, named: Option<&Arg>) -> Done {
        let (selected, mailbox) = self.opened(server)?;
        if selected.read_only {
            return no("[READ-ONLY] it is open for reading");
        }
        let wanted = named.map_or_else(|| Ok(Set::all()), |named| selected.set(named, true))?;
        // Only what this connection has seen.
        let marked = selected.within(&wanted, true).into_iter().map(|(_, uid)| uid);
        let deleted =
            |uid: &u32| mailbox.messages.get(uid).is_some_and(|message| message.flags.has("\\Deleted"));
        let mut marked: Vec<u32> = marked.filter(deleted).collect();
        if named.is_some() {
            marked = self.limited(server, marked, |uid| *uid);
        }
        let (_, mailbox) = self.opened(server)?;
        mailbox.take(&marked);
        if named.is_none() {
            server.bare += 1;
        }
        self.expunged(server)
    }

    /// RFC 7162, section 3.2.7: with QRESYNC the sequence of what was removed is told.
    fn expunged(&mut self, server: &mut Server) -> Done {
        let qresync = self.qresync;
        self.catch_up(server, true);
        let (_, mailbox) = self.opened(server)?;
        let code = if qresync { format!("[HIGHESTMODSEQ {}] ", mailbox.mod_seq) } else { String::new() };
        Ok(format!("{code}gone"))
    }

    /// UIDs and the name of the target; nothing is done before both are good.
    fn source(
        &mut self,
        server: &mut Server,
        by_uid: bool,
        args: &[Arg],
    ) -> Result<(Vec<u32>, String), super::session::Failure> {
        let [numbers, target] = args else { return bad("a set and a mailbox are wanted") };
        let to = self.name(Some(target))?;
        if !server.mailboxes.contains_key(&to) {
            return no("[TRYCREATE] no such mailbox");
        }
        let (selected, _) = self.opened(server)?;
        let wanted = selected.set(numbers, by_uid)?;
        Ok((selected.within(&wanted, by_uid).into_iter().map(|(_, uid)| uid).collect(), to))
    }
}

/// `[COPYUID …] ` where there is something to tell.
fn copy_uid(server: &Server, validity: u32, from: &[u32], new: &[u32]) -> String {
    if from.is_empty() || !(server.config.has("UIDPLUS")) {
        return String::new();
    }
    let (from, new) = (set::written(from.iter().copied()), set::written(new.iter().copied()));
    format!("[COPYUID {validity} {from} {new}] ")
}
