//! What may go wrong, and when.

use super::Server;

/// Something that goes wrong. Commands are counted over all connections from the moment the fault is set; `nth`
/// begins at 1, and each fault happens once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends when the n-th command of a verb has come: it is not carried out.
    CloseBefore {
        /// As `UID FETCH`.
        verb: &'static str,
        /// Which of them.
        nth: u32,
    },
    /// The n-th command of a verb is carried out, and the connection ends without a word about it.
    LoseAnswer {
        /// As `APPEND`.
        verb: &'static str,
        /// Which of them.
        nth: u32,
    },
    /// The n-th command of a verb is answered with `NO` and these words.
    Refuse {
        /// As `UID MOVE`.
        verb: &'static str,
        /// Which of them.
        nth: u32,
        /// What follows `NO`.
        words: &'static str,
    },
    /// The connection ends after so many more octets were sent.
    CloseAfterOctets(u64),
    /// VANISHED (EARLIER) names these too, until [`Server::mend`].
    VanishedNames(Vec<u32>),
    /// VANISHED (EARLIER) leaves these out, until [`Server::mend`].
    VanishedHides(Vec<u32>),
    /// A search finds so many at most, the last ones, and says nothing of it, until [`Server::mend`].
    SearchFindsAtMost(usize),
}

/// A moment in a conversation to come, counted as for [`Fault`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before the n-th command of a verb is carried out.
    Command(&'static str, u32),
    /// Before the n-th row of a FETCH that carries a body.
    Body(u32),
}

type Work = Box<dyn FnOnce(&mut Server) + Send>;

/// The faults that wait.
#[derive(Default)]
pub(super) struct Faults {
    waiting: Vec<Fault>,
    planned: Vec<(Moment, Work)>,
    names: Vec<u32>,
    hides: Vec<u32>,
    found: Option<usize>,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        match fault {
            Fault::VanishedNames(uids) => self.names.extend(uids),
            Fault::VanishedHides(uids) => self.hides.extend(uids),
            Fault::SearchFindsAtMost(count) => self.found = Some(count),
            other => self.waiting.push(other),
        }
    }

    pub(super) fn plan(&mut self, moment: Moment, work: Work) {
        self.planned.push((moment, work));
    }

    /// A command came: the faults that are due.
    pub(super) fn due(&mut self, command: &str) -> Vec<Fault> {
        let mut due = Vec::new();
        self.waiting.retain_mut(|fault| {
            let (Fault::CloseBefore { verb, nth }
            | Fault::LoseAnswer { verb, nth }
            | Fault::Refuse { verb, nth, .. }) = fault
            else {
                return true;
            };
            if *verb != command {
                return true;
            }
            *nth -= 1;
            let left = *nth;
            if left == 0 {
                due.push(fault.clone());
            }
            left > 0
        });
        due
    }

    /// What is planned for this moment: a command, or a row with a body.
    pub(super) fn planned(&mut self, command: Option<&str>) -> Vec<Work> {
        let mut due = Vec::new();
        for (mut moment, work) in std::mem::take(&mut self.planned) {
            let left = match &mut moment {
                Moment::Command(verb, nth) if command == Some(verb) => nth,
                Moment::Body(nth) if command.is_none() => nth,
                _ => {
                    self.planned.push((moment, work));
                    continue;
                }
            };
            *left -= 1;
            if *left == 0 {
                due.push(work);
            } else {
                self.planned.push((moment, work));
            }
        }
        due
    }

    /// How many of `octets` still go out before the connection ends; `None` when it stays.
    pub(super) fn cut(&mut self, octets: u64) -> Option<u64> {
        let mut cut = None;
        self.waiting.retain_mut(|fault| {
            let Fault::CloseAfterOctets(left) = fault else { return true };
            if *left <= octets {
                cut = Some(*left);
                return false;
            }
            *left -= octets;
            true
        });
        cut
    }

    /// What a search says it found.
    pub(super) fn found(&self, mut all: Vec<u32>) -> Vec<u32> {
        let most = self.found.unwrap_or(all.len()).min(all.len());
        all.split_off(all.len() - most)
    }

    /// What VANISHED (EARLIER) says instead of the truth.
    pub(super) fn vanished(&self, mut uids: std::collections::BTreeSet<u32>) -> Vec<u32> {
        uids.extend(&self.names);
        uids.into_iter().filter(|uid| !self.hides.contains(uid)).collect()
    }
}
