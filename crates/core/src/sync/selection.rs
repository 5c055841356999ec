//! Which mailboxes are kept in step, and how much of their messages is held.

use super::Policy;
use crate::mail::MailboxName;

/// A person's choice of mailboxes, by patterns in which `*` stands for anything. Everything, when nothing was chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only these; all when it is empty.
    pub only: Vec<String>,
    /// None of these, whatever `only` says.
    pub except: Vec<String>,
    /// How much is held of each message in them.
    pub policy: Policy,
}

impl Selection {
    /// Whether no mailbox is left out.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.only.is_empty() && self.except.is_empty()
    }

    /// Whether a mailbox is chosen.
    #[must_use]
    pub fn wants(&self, name: &MailboxName) -> bool {
        let fits = |pattern: &String| matches(MailboxName::new(pattern.as_str()).as_str(), name.as_str());
        (self.only.is_empty() || self.only.iter().any(fits)) && !self.except.iter().any(fits)
    }
}

/// Whether a name fits a pattern. Takes at most the product of their lengths, however many stars there are.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    let mut rest = rest;
    for part in parts {
        // The earliest place leaves most for what follows.
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(only: &[&str], except: &[&str], name: &str) -> bool {
        let list = |patterns: &[&str]| patterns.iter().map(ToString::to_string).collect();
        Selection { only: list(only), except: list(except), ..Selection::default() }
            .wants(&MailboxName::new(name))
    }

    #[test]
    fn stars_stand_for_anything_and_what_is_excepted_is_out() {
        assert!(wanted(&[], &[], "Work"));
        assert!(wanted(&["inbox", "Work*"], &[], "INBOX"));
        assert!(wanted(&["Work/*"], &[], "Work/2026/May"));
        assert!(!wanted(&["Work/*"], &[], "Work"));
        assert!(!wanted(&["*"], &["[Gmail]/*"], "[Gmail]/All Mail"));
        assert!(wanted(&["*/20*/May"], &[], "Work/2026/May"));
        assert!(!wanted(&["*ab*ab"], &[], "ab"), "no letter counts twice");
        assert!(wanted(&["a*a"], &[], "aa"));
        assert!(!wanted(&["a*a"], &[], "a"));
    }
}
