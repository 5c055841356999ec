//! One connection: who it is, what it has open, and what it was told of that.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::fault::Fault;
use super::input::{Arg, words};
use super::name;
use super::notify::Watch;
use super::set::{self, Set};
use super::state::Mailbox;
use super::{Config, Server};

/// Why a command was not carried out.
pub(super) enum Failure {
    /// The server could not, or would not.
    No(String),
    /// It did not understand, or the command has no place here.
    Bad(String),
}

pub(super) fn no<T>(words: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::No(words.into()))
}

pub(super) fn bad<T>(words: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Bad(words.into()))
}

/// What follows the OK, or why there is none.
pub(super) type Done = Result<String, Failure>;

/// An entry as this connection knows it. Its place in the list is its sequence number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    pub(super) uid: u32,
    /// The modification sequence of the flags that were told.
    pub(super) mod_seq: u64,
}

/// The open mailbox.
pub(super) struct Selected {
    pub(super) id: u64,
    pub(super) validity: u32,
    pub(super) read_only: bool,
    pub(super) shown: Vec<Shown>,
}

impl Selected {
    /// Reads a set of UIDs, or of sequence numbers.
    pub(super) fn set(&self, text: &Arg, by_uid: bool) -> Result<Set, Failure> {
        let count = u32::try_from(self.shown.len()).unwrap_or(u32::MAX);
        let largest = if by_uid { self.shown.last().map_or(0, |shown| shown.uid) } else { count };
        Set::read(&text.word(), largest).map_or_else(|| bad("no set of numbers"), Ok)
    }

    /// Sequence numbers and entries in a set.
    pub(super) fn within(&self, set: &Set, by_uid: bool) -> Vec<(u32, u32)> {
        let numbered = (1..).zip(&self.shown).map(|(number, shown)| (number, shown.uid));
        numbered.filter(|(number, uid)| set.contains(if by_uid { *uid } else { *number })).collect()
    }
}

#[derive(Default)]
enum Waiting {
    #[default]
    Nothing,
    /// The answer to AUTHENTICATE with this tag.
    Credentials(String),
    /// DONE, for the IDLE with this tag.
    Idle(String),
}

#[derive(Default)]
pub(super) struct Session {
    /// What is to be sent.
    pub(super) out: Vec<u8>,
    /// The connection ends after that.
    pub(super) closing: bool,
    logged_in: bool,
    pub(super) selected: Option<Selected>,
    /// FETCH tells modification sequences.
    pub(super) condstore: bool,
    pub(super) qresync: bool,
    pub(super) uid_only: bool,
    pub(super) utf8: bool,
    pub(super) rev2: bool,
    pub(super) watch: Option<Watch>,
    waiting: Waiting,
    /// The code that says where the command under way stopped.
    pub(super) stopped: Option<String>,
}

impl Session {
    pub(super) fn greet(&mut self, config: &Config) {
        self.logged_in = config.preauth;
        let word = if config.preauth { "PREAUTH" } else { "OK" };
        self.say(&format!("* {word} [CAPABILITY {}] ready", config.line()));
    }

    pub(super) fn say(&mut self, line: &str) {
        self.out.extend_from_slice(line.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// Whether changes are told without being asked for.
    pub(super) fn listens(&self) -> bool {
        matches!(self.waiting, Waiting::Idle(_)) || self.watch.is_some()
    }

    /// Something changed while the connection listens.
    pub(super) fn hear(&mut self, server: &mut Server) {
        let idle = matches!(self.waiting, Waiting::Idle(_));
        let told = self.watch.as_ref().and_then(|watch| watch.selected);
        if idle || told.is_some() {
            self.catch_up(server, idle || told == Some(true));
        }
        self.tell_others(server);
    }

    /// Carries out one command, or takes the line that the one before waits for.
    pub(super) fn carry_out(&mut self, server: &mut Server, command: &[u8]) {
        match std::mem::take(&mut self.waiting) {
            Waiting::Credentials(tag) => {
                let done = self.authenticate(server, command);
                return self.complete(&tag, done);
            }
            Waiting::Idle(tag) => {
                let done = if command.eq_ignore_ascii_case(b"DONE") {
                    Ok("idled".into())
                } else {
                    bad("DONE it is not")
                };
                return self.complete(&tag, done);
            }
            Waiting::Nothing => {}
        }
        let all = words(command).unwrap_or_default();
        let [Arg::Atom(tag), Arg::Atom(first), rest @ ..] = all.as_slice() else {
            return self.say("* BAD no command");
        };
        let (mut verb, mut args) = (first.to_ascii_uppercase(), rest);
        let by_uid = verb == "UID";
        if let (true, [second, rest @ ..]) = (by_uid, args) {
            verb = format!("UID {}", second.word());
            args = rest;
        }
        let line = command.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line).into_owned();
        server.commands.push(line.split_once(' ').unwrap_or_default().1.to_owned());
        for work in server.faults.planned(Some(&verb)) {
            work(server);
        }
        let mut silent = false;
        for fault in server.faults.due(&verb) {
            match fault {
                Fault::Refuse { words, .. } => return self.complete(tag, no(words)),
                Fault::LoseAnswer { .. } => silent = true,
                _ => {
                    self.closing = true;
                    return;
                }
            }
        }
        let done = self.perform(server, tag, &verb, by_uid, args);
        server.settle_labels();
        // Between these commands and their answers nothing may go: their sequence numbers would mean others.
        let numbered = matches!(verb.as_str(), "FETCH" | "STORE" | "SEARCH");
        self.catch_up(server, !numbered);
        self.tell_others(server);
        if matches!(self.waiting, Waiting::Nothing) {
            self.complete(tag, done);
        }
        if silent {
            self.out.clear();
            self.closing = true;
        }
    }

    fn complete(&mut self, tag: &str, done: Done) {
        let line = match done {
            Ok(words) => {
                let words = self.with_limit(words);
                format!("{tag} OK {words}")
            }
            Err(Failure::No(words)) => format!("{tag} NO {words}"),
            Err(Failure::Bad(words)) => format!("{tag} BAD {words}"),
        };
        self.say(&line);
    }

    fn perform(&mut self, server: &mut Server, tag: &str, verb: &str, by_uid: bool, args: &[Arg]) -> Done {
        match verb {
            "CAPABILITY" => {
                self.say(&format!("* CAPABILITY {}", server.config.line()));
                return Ok("that is all".into());
            }
            "NOOP" => return Ok("nothing done".into()),
            "LOGOUT" => {
                self.say("* BYE until next time");
                self.closing = true;
                return Ok("gone".into());
            }
            "ID" if server.config.has("ID") => {
                self.say("* ID (\"name\" \"model\")");
                return Ok("known".into());
            }
            "LOGIN" | "AUTHENTICATE" if self.logged_in => return bad("somebody is logged in already"),
            "LOGIN" => return self.log_in(server, args.get(1).and_then(Arg::text).as_deref()),
            "AUTHENTICATE" => return self.begin_authenticate(server, tag, args),
            _ if !self.logged_in => return bad("log in first"),
            _ => {}
        }
        if !by_uid && self.uid_only && matches!(verb, "FETCH" | "STORE" | "SEARCH" | "COPY" | "MOVE") {
            return bad("[UIDREQUIRED] no sequence numbers");
        }
        match verb {
            "ENABLE" if server.config.has("ENABLE") => self.enable(server, args),
            "NAMESPACE" if server.config.has("NAMESPACE") => {
                self.say(&format!("* NAMESPACE {}", server.config.namespaces));
                Ok("yours".into())
            }
            "GETQUOTAROOT" if server.config.has("QUOTA") => {
                let name = self.name(args.first())?;
                let used: usize = server.mailboxes.values().map(Mailbox::octets).sum();
                let (used, room) = (used.div_ceil(1024), server.config.room / 1024);
                self.say(&format!("* QUOTAROOT {} user", super::name::encode(&name, self.utf8)));
                self.say(&format!("* QUOTA user (STORAGE {used} {room})"));
                Ok("so much".into())
            }
            "LIST" | "LSUB" => self.list(server, verb == "LSUB", args),
            "STATUS" => self.status(server, args),
            "CREATE" | "DELETE" | "RENAME" | "SUBSCRIBE" | "UNSUBSCRIBE" => {
                self.change_mailboxes(server, verb, args)
            }
            "SELECT" | "EXAMINE" => self.select(server, verb == "EXAMINE", args),
            "APPEND" => self.append(server, args),
            "NOTIFY" if server.config.has("NOTIFY") => self.notify(server, args),
            "IDLE" if server.config.has("IDLE") => {
                self.say("+ idling");
                self.waiting = Waiting::Idle(tag.to_owned());
                Ok(String::new())
            }
            _ if self.selected.is_none() => bad("no such command, or no mailbox is open"),
            "CHECK" => Ok("checked".into()),
            "CLOSE" => self.close(server),
            "UNSELECT" if server.config.has("UNSELECT") => {
                self.selected = None;
                Ok("closed".into())
            }
            "FETCH" | "UID FETCH" => self.fetch(server, by_uid, args),
            "SEARCH" | "UID SEARCH" => self.search(server, tag, by_uid, args),
            "STORE" | "UID STORE" => self.store(server, by_uid, args),
            "COPY" | "UID COPY" => self.copy(server, by_uid, args),
            "MOVE" | "UID MOVE" if server.config.has("MOVE") => self.relocate(server, by_uid, args),
            "EXPUNGE" => self.expunge(server, None),
            "UID EXPUNGE" if server.config.has("UIDPLUS") => self.expunge(server, args.first()),
            _ => bad("no such command"),
        }
    }

    fn begin_authenticate(&mut self, server: &Server, tag: &str, args: &[Arg]) -> Done {
        match args {
            [mechanism, ..] if mechanism.word() != "PLAIN" => no("[CANNOT] only PLAIN"),
            [_, initial] => {
                let initial = initial.text().unwrap_or_default();
                self.authenticate(server, &initial)
            }
            _ => {
                self.say("+ ");
                self.waiting = Waiting::Credentials(tag.to_owned());
                Ok(String::new())
            }
        }
    }

    /// PLAIN (RFC 4616): `authzid NUL authcid NUL passwd`.
    fn authenticate(&mut self, server: &Server, coded: &[u8]) -> Done {
        let message = STANDARD.decode(coded).unwrap_or_default();
        self.log_in(server, message.split(|byte| *byte == 0).nth(2))
    }

    fn log_in(&mut self, server: &Server, password: Option<&[u8]>) -> Done {
        if password != Some(server.config.password.as_bytes()) {
            return no("[AUTHENTICATIONFAILED] not with this password");
        }
        self.logged_in = true;
        Ok(format!("[CAPABILITY {}] welcome", server.config.line()))
    }

    /// RFC 5161. What is not offered is not enabled, and not complained of.
    fn enable(&mut self, server: &Server, args: &[Arg]) -> Done {
        let mut enabled = String::new();
        for capability in args.iter().map(Arg::word) {
            // Written as it is offered.
            let offered = if capability == "IMAP4REV2" { "IMAP4rev2" } else { &capability };
            if !server.config.has(offered) {
                continue;
            }
            match capability.as_str() {
                "CONDSTORE" => self.condstore = true,
                "QRESYNC" => (self.condstore, self.qresync) = (true, true),
                "UIDONLY" => self.uid_only = true,
                "UTF8=ACCEPT" => self.utf8 = true,
                "IMAP4REV2" => (self.rev2, self.utf8) = (true, true),
                _ => continue,
            }
            enabled.push(' ');
            enabled.push_str(offered);
        }
        self.say(&format!("* ENABLED{enabled}"));
        Ok("enabled".into())
    }

    /// A mailbox name of a command.
    pub(super) fn name(&self, arg: Option<&Arg>) -> Result<String, Failure> {
        let wire = arg.and_then(Arg::text);
        wire.and_then(|wire| name::decode(&wire, self.utf8)).map_or_else(|| bad("no mailbox name"), Ok)
    }

    /// The open mailbox, and what this connection knows of it.
    pub(super) fn opened<'a>(
        &'a mut self,
        server: &'a mut Server,
    ) -> Result<(&'a mut Selected, &'a mut Mailbox), Failure> {
        let Some(selected) = &mut self.selected else { return bad("no mailbox is open") };
        match server.find(selected.id) {
            Some((_, mailbox)) if mailbox.validity == selected.validity => Ok((selected, mailbox)),
            _ => no("[UNAVAILABLE] the mailbox is gone"),
        }
    }

    /// Tells what changed in the open mailbox since it was last told.
    pub(super) fn catch_up(&mut self, server: &mut Server, may_expunge: bool) {
        let in_uids = self.qresync || self.uid_only;
        let condstore = self.condstore;
        let with_uid = in_uids || self.rev2 || self.watch.is_some();
        if self.selected.is_none() || self.closing {
            return;
        }
        let Ok((selected, mailbox)) = self.opened(server) else {
            self.say("* BYE [UNAVAILABLE] the mailbox is not what it was");
            self.closing = true;
            return;
        };
        let mut lines = Vec::new();
        if may_expunge {
            let gone = |shown: &Shown| !mailbox.messages.contains_key(&shown.uid);
            if in_uids {
                let gone =
                    set::written(selected.shown.iter().filter(|shown| gone(shown)).map(|shown| shown.uid));
                if !gone.is_empty() {
                    lines.push(format!("* VANISHED {gone}"));
                }
            } else {
                // From the end, so that the numbers before stay what they are.
                let numbered = (1_u32..).zip(&selected.shown).filter(|(_, shown)| gone(shown));
                let numbers: Vec<u32> = numbered.map(|(number, _)| number).collect();
                lines.extend(numbers.iter().rev().map(|number| format!("* {number} EXPUNGE")));
            }
            selected.shown.retain(|shown| !gone(shown));
        }
        let first = selected.shown.last().map_or(1, |shown| shown.uid + 1);
        let known = selected.shown.len();
        let new = mailbox
            .messages
            .range(first..)
            .map(|(uid, message)| Shown { uid: *uid, mod_seq: message.mod_seq });
        selected.shown.extend(new);
        if selected.shown.len() > known {
            lines.push(format!("* {} EXISTS", selected.shown.len()));
        }
        let with_mod_seq = condstore && !mailbox.no_mod_seq;
        let mut changed = Vec::new();
        for (number, shown) in (1_u32..).zip(&mut selected.shown) {
            if let Some(message) = mailbox.messages.get(&shown.uid)
                && message.mod_seq != shown.mod_seq
            {
                shown.mod_seq = message.mod_seq;
                changed.push((number, shown.uid, message.clone()));
            }
        }
        lines.iter().for_each(|line| self.say(line));
        for (number, uid, message) in changed {
            let mod_seq = if with_mod_seq { format!(" MODSEQ ({})", message.mod_seq) } else { String::new() };
            let flags: Vec<&str> = message.flags.names().collect();
            let items = format!("FLAGS ({}){mod_seq}", flags.join(" "));
            self.say_row(number, uid, with_uid, &items);
        }
    }

    /// A row of FETCH in the form this connection wants.
    pub(super) fn say_row(&mut self, number: u32, uid: u32, with_uid: bool, items: &str) {
        let line = match (self.uid_only, with_uid) {
            (true, _) => format!("* {uid} UIDFETCH ({items})"),
            (false, true) => format!("* {number} FETCH (UID {uid} {items})"),
            (false, false) => format!("* {number} FETCH ({items})"),
        };
        self.say(&line);
    }
}
