//! How many messages a command may be about (RFC 9738).

use super::Server;
use super::input::Arg;
use super::session::{Failure, Selected, Session, no};

impl Server {
    /// The number in `MESSAGELIMIT=100`.
    fn message_limit(&self) -> Option<usize> {
        self.config.value("MESSAGELIMIT").and_then(|value| value.parse().ok())
    }
}

impl Session {
    /// Keeps of messages, in order of UID, those that one command may be about: the last ones. Where there are more it
    /// is said together with the answer.
    pub(super) fn limited<T>(&mut self, server: &Server, mut all: Vec<T>, uid: impl Fn(&T) -> u32) -> Vec<T> {
        let Some(limit) = server.message_limit().filter(|limit| all.len() > *limit) else { return all };
        let rest = all.split_off(all.len() - limit);
        if let Some(lowest) = rest.first() {
            self.stopped = Some(format!("[MESSAGELIMIT {limit} {}]", uid(lowest)));
        }
        rest
    }

    /// Section 3.1: COPY is about all of them or about none.
    pub(super) fn all_or_none(&self, server: &Server, count: usize) -> Result<(), Failure> {
        match server.message_limit().filter(|limit| count > *limit) {
            Some(limit) => no(format!("[MESSAGELIMIT {limit}] too many, try fewer")),
            None => Ok(()),
        }
    }

    /// The words of an OK with the code, or, when they have one, an untagged NO before them.
    pub(super) fn with_limit(&mut self, words: String) -> String {
        match self.stopped.take() {
            Some(code) if words.starts_with('[') => {
                self.say(&format!("* NO {code} that was not all"));
                words
            }
            Some(code) => format!("{code} {words}, but not all"),
            None => words,
        }
    }
}

/// The messages that a search looks at: those of the UIDs it begins with.
pub(super) fn searched(selected: &Selected, keys: &[Arg]) -> Result<Vec<u32>, Failure> {
    let mut uids: Vec<u32> = selected.shown.iter().map(|shown| shown.uid).collect();
    if let [key, set, ..] = keys
        && key.word() == "UID"
    {
        let set = selected.set(set, true)?;
        uids.retain(|uid| set.contains(*uid));
    }
    Ok(uids)
}
