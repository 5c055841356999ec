//! SEARCH and UID SEARCH, with RETURN (RFC 4731).

use std::collections::BTreeSet;

use super::fetch::{Section, content};
use super::input::Arg;
use super::session::{Done, Failure, Selected, Session, bad};
use super::set;
use super::state::Message;
use super::{Server, date};

impl Session {
    pub(super) fn search(&mut self, server: &mut Server, tag: &str, by_uid: bool, args: &[Arg]) -> Done {
        let extended = server.config.has("ESEARCH") || self.rev2;
        let (mut returns, keys) = match args {
            [word, options, rest @ ..] if word.word() == "RETURN" && extended => {
                (Some(options.items().iter().map(Arg::word).collect::<Vec<_>>()), rest)
            }
            _ => (None, args),
        };
        // RFC 9051, section 6.4.4: there is no other answer.
        if self.rev2 {
            returns.get_or_insert_with(Vec::new);
        }
        if keys.is_empty() {
            return bad("SEARCH wants keys");
        }
        let (selected, _) = self.opened(server)?;
        let looked = super::limit::searched(selected, keys)?;
        let looked: BTreeSet<u32> = self.limited(server, looked, |uid| *uid).into_iter().collect();
        let (selected, mailbox) = self.opened(server)?;
        let mut found = Vec::new();
        let mut mod_seq = 0;
        for (number, shown) in (1_u32..).zip(&selected.shown) {
            // It may have gone, and this connection not know it yet.
            let Some(message) = mailbox.messages.get(&shown.uid) else { continue };
            if !looked.contains(&shown.uid) {
                continue;
            }
            let candidate = Candidate { number, uid: shown.uid, message, selected };
            if candidate.fits_all(keys)? {
                mod_seq = mod_seq.max(message.mod_seq);
                found.push(if by_uid { shown.uid } else { number });
            }
        }
        let found = server.faults.found(found);
        let with_mod_seq = keys.iter().any(|key| key.word() == "MODSEQ") && !found.is_empty();
        self.condstore |= with_mod_seq;
        let Some(returns) = returns else {
            let numbers: String = found.iter().map(|number| format!(" {number}")).collect();
            let mod_seq = if with_mod_seq { format!(" (MODSEQ {mod_seq})") } else { String::new() };
            self.say(&format!("* SEARCH{numbers}{mod_seq}"));
            return Ok("searched".into());
        };
        let mut line = format!("* ESEARCH (TAG \"{tag}\"){}", if by_uid { " UID" } else { "" });
        let wants = |option: &str| returns.iter().any(|wanted| wanted == option);
        if let (Some(first), Some(last)) = (found.first(), found.last()) {
            if wants("MIN") {
                line.push_str(&format!(" MIN {first}"));
            }
            if wants("MAX") {
                line.push_str(&format!(" MAX {last}"));
            }
            if wants("ALL") || returns.is_empty() {
                line.push_str(&format!(" ALL {}", set::written(found.iter().copied())));
            }
        }
        if wants("COUNT") {
            line.push_str(&format!(" COUNT {}", found.len()));
        }
        if with_mod_seq {
            line.push_str(&format!(" MODSEQ {mod_seq}"));
        }
        self.say(&line);
        Ok("searched".into())
    }
}

struct Candidate<'a> {
    number: u32,
    uid: u32,
    message: &'a Message,
    selected: &'a Selected,
}

impl Candidate<'_> {
    fn fits_all(&self, keys: &[Arg]) -> Result<bool, Failure> {
        let mut keys = keys;
        let mut fits = true;
        while !keys.is_empty() {
            fits &= self.fits(&mut keys)?;
        }
        Ok(fits)
    }

    /// Takes one key off the front. All of them are read, so that a wrong one is always found out.
    fn fits(&self, keys: &mut &[Arg]) -> Result<bool, Failure> {
        let key = next(keys)?;
        let Message { flags, date: arrived, bytes, mod_seq, .. } = self.message;
        Ok(match key.word().as_str() {
            "" => self.fits_all(&key.items())?,
            "ALL" => true,
            "SEEN" => flags.has("\\Seen"),
            "UNSEEN" => !flags.has("\\Seen"),
            "DELETED" => flags.has("\\Deleted"),
            "UNDELETED" => !flags.has("\\Deleted"),
            "FLAGGED" => flags.has("\\Flagged"),
            "UNFLAGGED" => !flags.has("\\Flagged"),
            "ANSWERED" => flags.has("\\Answered"),
            "UNANSWERED" => !flags.has("\\Answered"),
            "DRAFT" => flags.has("\\Draft"),
            "UNDRAFT" => !flags.has("\\Draft"),
            "KEYWORD" => flags.has(&text(keys)?),
            "UNKEYWORD" => !flags.has(&text(keys)?),
            "UID" => self.selected.set(next(keys)?, true)?.contains(self.uid),
            "SINCE" => *arrived >= day(keys)?,
            "BEFORE" => *arrived < day(keys)?,
            "ON" => {
                let day = day(keys)?;
                (day..day + 86_400).contains(arrived)
            }
            "LARGER" => bytes.len() as u64 > number(keys)?,
            "SMALLER" => (bytes.len() as u64) < number(keys)?,
            "MODSEQ" => *mod_seq >= number(keys)?,
            "NOT" => !self.fits(keys)?,
            "OR" => {
                let first = self.fits(keys)?;
                self.fits(keys)? || first
            }
            "HEADER" => {
                let names = vec![text(keys)?.to_ascii_uppercase()];
                let field = content(bytes, &Section::Fields { names, not: false });
                let field = String::from_utf8_lossy(&field).to_ascii_lowercase();
                let value = field.split_once(':').map(|(_, value)| value);
                let wanted = text(keys)?.to_ascii_lowercase();
                value.is_some_and(|value| value.contains(&wanted))
            }
            _ => self.selected.set(key, false)?.contains(self.number),
        })
    }
}

fn next<'a>(keys: &mut &'a [Arg]) -> Result<&'a Arg, Failure> {
    let [first, rest @ ..] = *keys else { return bad("something is missing") };
    *keys = rest;
    Ok(first)
}

fn text(keys: &mut &[Arg]) -> Result<String, Failure> {
    let text = next(keys)?.text();
    text.map_or_else(|| bad("no text"), |text| Ok(String::from_utf8_lossy(&text).into_owned()))
}

fn number(keys: &mut &[Arg]) -> Result<u64, Failure> {
    next(keys)?.number().map_or_else(|| bad("no number"), Ok)
}

fn day(keys: &mut &[Arg]) -> Result<i64, Failure> {
    date::day(&text(keys)?).map_or_else(|| bad("no date"), Ok)
}
