//! What to ask a server for, so that it has what the person asked: as few commands as will do, in an order
//! in which each is right.
//!
//! Flags need no merging. A flag is there or not, and an operation names only the flags that the person
//! changed: whatever another program did to the same flag meanwhile, it either agrees, or the person's word
//! is the later one. So `STORE ±FLAGS` is the whole three-way merge (base, here, there), and UNCHANGEDSINCE
//! (RFC 7162, section 3.1.3) could only turn a right answer into a second round trip.

use crate::mail::{Flags, Uid};
use std::collections::BTreeMap;

/// What is wished for one message in one mailbox. `M` identifies a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What<M> {
    /// Set and clear flags.
    Flag {
        /// To be set.
        add: Flags,
        /// To be cleared.
        remove: Flags,
    },
    /// Move to another mailbox.
    Move {
        /// Which.
        to: M,
    },
    /// Copy to another mailbox.
    Copy {
        /// Which.
        to: M,
    },
    /// Remove for good.
    Remove,
}

/// One wish. `I` identifies the operation.
#[derive(Clone, Debug)]
pub struct Wish<I, M> {
    /// The operation.
    pub id: I,
    /// Where the message is on the server.
    pub mailbox: M,
    /// Its UID there. Wishes after a move still name the place before it.
    pub uid: Uid,
    /// What is wished.
    pub what: What<M>,
}

/// One command's worth of work: the same for all its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<I, M> {
    /// Where the messages are.
    pub mailbox: M,
    /// What is to be done to them.
    pub what: What<M>,
    /// The messages, ascending, each with the operations that are fulfilled when this is done.
    pub messages: BTreeMap<Uid, Vec<I>>,
}

/// The steps that fulfil all wishes, which come in the order they were made. Steps of one mailbox stand
/// together, so that it is selected once.
///
/// What a person changed to and fro becomes its outcome: flags set and cleared again, a message moved on
/// from where it was moved to. What was to happen to a message before its removal is left out, but for
/// copies. A wish that changes nothing in the end becomes a step of no flags, to be fulfilled without a
/// command.
#[must_use]
pub fn plan<I: Clone, M: Clone + Ord>(wishes: &[Wish<I, M>]) -> Vec<Step<I, M>> {
    let mut chains: BTreeMap<(M, Uid), Chain<I, M>> = BTreeMap::new();
    for wish in wishes {
        let chain = chains.entry((wish.mailbox.clone(), wish.uid)).or_insert_with(Chain::new);
        chain.add(wish);
    }
    // The n-th step of every message together, mailbox by mailbox.
    let mut steps: Vec<(M, usize, Step<I, M>)> = Vec::new();
    for ((mailbox, uid), chain) in chains {
        for (round, (what, ids)) in chain.finish(&mailbox).into_iter().enumerate() {
            let same = |(at, n, step): &&mut (M, usize, Step<I, M>)| {
                *at == mailbox && *n == round && step.what == what
            };
            match steps.iter_mut().find(same) {
                Some((_, _, step)) => {
                    step.messages.insert(uid, ids);
                }
                None => {
                    let messages = BTreeMap::from([(uid, ids)]);
                    steps.push((mailbox.clone(), round, Step { mailbox: mailbox.clone(), what, messages }));
                }
            }
        }
    }
    steps.sort_by(|(a, n, _), (b, m, _)| (a, n).cmp(&(b, m)));
    steps.into_iter().map(|(_, _, step)| step).collect()
}

/// What is to become of one message.
struct Chain<I, M> {
    /// What must come before the rest: copies, and the flags they are made with.
    before: Vec<(What<M>, Vec<I>)>,
    add: Flags,
    remove: Flags,
    flag_ids: Vec<I>,
    /// Where it goes in the end.
    to: Option<M>,
    move_ids: Vec<I>,
    removed: bool,
}

impl<I: Clone, M: Clone + Ord> Chain<I, M> {
    fn new() -> Self {
        Self {
            before: Vec::new(),
            add: Flags::new(),
            remove: Flags::new(),
            flag_ids: Vec::new(),
            to: None,
            move_ids: Vec::new(),
            removed: false,
        }
    }

    fn add(&mut self, wish: &Wish<I, M>) {
        let id = wish.id.clone();
        match &wish.what {
            // Whatever comes after the removal has nothing left to change.
            _ if self.removed => self.move_ids.push(id),
            What::Flag { add, remove } => {
                for name in add.names() {
                    self.add.insert(name);
                    self.remove.remove(name);
                }
                for name in remove.names() {
                    self.remove.insert(name);
                    self.add.remove(name);
                }
                self.flag_ids.push(id);
            }
            What::Move { to } => {
                self.to = Some(to.clone());
                self.move_ids.push(id);
            }
            What::Copy { to } => {
                self.put_flags();
                self.before.push((What::Copy { to: to.clone() }, vec![id]));
            }
            What::Remove => {
                self.removed = true;
                self.move_ids.push(id);
            }
        }
    }

    /// Flags that a copy is to have must be set before it is made.
    fn put_flags(&mut self) {
        if !self.flag_ids.is_empty() {
            let (add, remove) = (std::mem::take(&mut self.add), std::mem::take(&mut self.remove));
            self.before.push((What::Flag { add, remove }, std::mem::take(&mut self.flag_ids)));
        }
    }

    fn finish(mut self, mailbox: &M) -> Vec<(What<M>, Vec<I>)> {
        if self.removed {
            let ids = self.flag_ids.into_iter().chain(self.move_ids).collect();
            self.before.push((What::Remove, ids));
            return self.before;
        }
        let away = self.to.take().filter(|to| to != mailbox);
        if away.is_none() {
            // To and fro: fulfilled with the flags.
            self.flag_ids.append(&mut self.move_ids);
        }
        self.put_flags();
        if let Some(to) = away {
            self.before.push((What::Move { to }, self.move_ids));
        }
        self.before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(names: &str) -> Flags {
        names.split_whitespace().collect()
    }

    /// `1: INBOX 7 +\Seen`, `2: INBOX 7 > Archive`, `3: INBOX 7 = Work`, `4: INBOX 7 x`
    fn wishes(text: &[&str]) -> Vec<Wish<u32, String>> {
        let wish = |line: &&str| {
            let (id, rest) = line.split_once(": ").unwrap();
            let words: Vec<&str> = rest.split(' ').collect();
            let what = match words[2] {
                ">" => What::Move { to: words[3].to_owned() },
                "=" => What::Copy { to: words[3].to_owned() },
                "x" => What::Remove,
                flag => {
                    let (add, remove) = flag
                        .strip_prefix('+')
                        .map_or_else(|| ("", flag.trim_start_matches('-')), |name| (name, ""));
                    What::Flag { add: flags(add), remove: flags(remove) }
                }
            };
            Wish {
                id: id.parse().unwrap(),
                mailbox: words[0].to_owned(),
                uid: Uid::new(words[1].parse().unwrap()).unwrap(),
                what,
            }
        };
        text.iter().map(wish).collect()
    }

    fn planned(text: &[&str]) -> Vec<String> {
        let names = |flags: &Flags| flags.names().collect::<Vec<_>>().join(" ");
        plan(&wishes(text))
            .into_iter()
            .map(|step| {
                let what = match step.what {
                    What::Flag { add, remove } => format!("+({}) -({})", names(&add), names(&remove)),
                    What::Move { to } => format!("> {to}"),
                    What::Copy { to } => format!("= {to}"),
                    What::Remove => "x".to_owned(),
                };
                let of = |(uid, ids): (Uid, Vec<u32>)| format!("{uid}{ids:?}");
                let messages: Vec<String> = step.messages.into_iter().map(of).collect();
                format!("{} {what} {}", step.mailbox, messages.join(" "))
            })
            .collect()
    }

    #[test]
    fn the_same_for_many_messages_is_one_step() {
        let steps = planned(&["1: INBOX 7 +\\Seen", "2: INBOX 9 +\\Seen", "3: Work 7 +\\Seen"]);
        assert_eq!(steps, ["INBOX +(\\Seen) -() 7[1] 9[2]", "Work +(\\Seen) -() 7[3]"]);
    }

    #[test]
    fn to_and_fro_becomes_its_outcome() {
        let steps =
            planned(&["1: INBOX 7 +\\Seen", "2: INBOX 7 -\\Seen", "3: INBOX 7 > A", "4: INBOX 7 > B"]);
        assert_eq!(steps, ["INBOX +() -(\\Seen) 7[1, 2]", "INBOX > B 7[3, 4]"]);
        let steps = planned(&["1: INBOX 7 > A", "2: INBOX 7 > INBOX"]);
        assert_eq!(steps, ["INBOX +() -() 7[1, 2]"], "nothing is left to do");
    }

    #[test]
    fn flags_are_set_before_the_message_goes_even_when_wished_later() {
        let steps = planned(&["1: INBOX 7 > A", "2: INBOX 7 +\\Flagged"]);
        assert_eq!(steps, ["INBOX +(\\Flagged) -() 7[2]", "INBOX > A 7[1]"]);
    }

    #[test]
    fn a_copy_has_the_flags_of_its_moment() {
        let steps =
            planned(&["1: INBOX 7 +\\Seen", "2: INBOX 7 = Work", "3: INBOX 7 -\\Seen", "4: INBOX 7 > A"]);
        let expected =
            ["INBOX +(\\Seen) -() 7[1]", "INBOX = Work 7[2]", "INBOX +() -(\\Seen) 7[3]", "INBOX > A 7[4]"];
        assert_eq!(steps, expected);
    }

    #[test]
    fn what_comes_before_a_removal_is_left_out_but_for_copies() {
        let steps = planned(&[
            "1: INBOX 7 +\\Seen",
            "2: INBOX 7 > A",
            "3: INBOX 7 = Work",
            "4: INBOX 7 x",
            "5: INBOX 7 +\\Seen",
        ]);
        assert_eq!(steps, ["INBOX +(\\Seen) -() 7[1]", "INBOX = Work 7[3]", "INBOX x 7[2, 4, 5]"]);
    }
}
