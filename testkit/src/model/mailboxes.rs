//! CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE.

use super::Server;
use super::input::Arg;
use super::session::{Done, Session, bad, no};

impl Session {
    pub(super) fn change_mailboxes(&mut self, server: &mut Server, verb: &str, args: &[Arg]) -> Done {
        let name = self.name(args.first())?;
        let there = server.mailboxes.contains_key(&name);
        match verb {
            "SUBSCRIBE" => server.subscribe(&name, true),
            "UNSUBSCRIBE" => server.subscribe(&name, false),
            "CREATE" => {
                // A delimiter at the end says that there will be names below (RFC 9051, section 6.3.4).
                let name = name.strip_suffix(server.config.delimiter).unwrap_or(&name);
                if name.is_empty() {
                    return no("[CANNOT] not without a name");
                }
                let special_use = special_use(server, args.get(1))?;
                if !server.create(name) {
                    return no("[ALREADYEXISTS] there it is");
                }
                if let Some(special_use) = special_use {
                    server.mark(name, &special_use);
                }
                if server.config.has("OBJECTID") {
                    return Ok(format!("[MAILBOXID (F{})] made", server.mailbox(name).id));
                }
            }
            "DELETE" if name == "INBOX" => return no("[CANNOT] not INBOX"),
            "DELETE" if !server.delete(&name) => return no("[NONEXISTENT] no such mailbox"),
            "RENAME" => {
                let to = self.name(args.get(1))?;
                if !there {
                    return no("[NONEXISTENT] no such mailbox");
                }
                if server.mailboxes.contains_key(&to) {
                    return no("[ALREADYEXISTS] there is one of that name");
                }
                if !server.rename(&name, &to) {
                    return no("[CANNOT] not below itself");
                }
            }
            _ => {}
        }
        Ok("done".into())
    }
}

/// `(USE (\Sent))` of RFC 6154.
fn special_use(server: &Server, parameters: Option<&Arg>) -> Result<Option<String>, super::session::Failure> {
    let Some(parameters) = parameters.map(Arg::items) else { return Ok(None) };
    match parameters.as_slice() {
        [word, uses] if word.word() == "USE" && server.config.has("CREATE-SPECIAL-USE") => Ok(uses
            .items()
            .first()
            .and_then(Arg::text)
            .map(|text| String::from_utf8_lossy(&text).into_owned())),
        _ => bad("no such parameter"),
    }
}
