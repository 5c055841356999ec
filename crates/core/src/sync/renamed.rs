//! Mailboxes that are the same under another name.
//!
//! Another server may put every mailbox below `INBOX`, or none; separate names by another character; call
//! the mailbox for sent mail something else.

use crate::mail::{Mailbox, MailboxName, SpecialUse};
use std::collections::{BTreeMap, BTreeSet};

/// Pairs mailboxes that a list lacks with those it has for the first time, by place in both slices: first
/// by name, spelled without the prefix `INBOX` and whatever the delimiter; then by special use. A pair is
/// made only where both sides have one candidate.
#[must_use]
pub fn pair(gone: &[Mailbox], fresh: &[Mailbox]) -> Vec<(usize, usize)> {
    let mut pairs = matched(gone, fresh, |mailbox| Some(path(mailbox)), &[]);
    // A view of messages elsewhere is no place that was renamed.
    let place = |special: &SpecialUse| {
        !matches!(special, SpecialUse::All | SpecialUse::Flagged | SpecialUse::Important)
    };
    pairs.extend(matched(gone, fresh, |mailbox| mailbox.special_use.filter(place), &pairs));
    pairs
}

/// Pairs mailboxes that are known with those a list has for the first time, by what the server calls them whatever their
/// names (MAILBOXID, RFC 8474); an empty one is none. Such a mailbox was renamed, also when another has its former name
/// now. What is called the same twice is not paired.
#[must_use]
pub fn same(known: &[(&MailboxName, &str)], listed: &[(&MailboxName, &str)]) -> Vec<(usize, usize)> {
    let names: BTreeSet<&MailboxName> = known.iter().map(|(name, _)| *name).collect();
    let mut found: BTreeMap<&str, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (at, (_, id)) in known.iter().enumerate() {
        found.entry(id).or_default().0.push(at);
    }
    for (at, (_, id)) in listed.iter().enumerate() {
        found.entry(id).or_default().1.push(at);
    }
    found.remove("");
    let fresh = |at: usize| listed.get(at).is_some_and(|(name, _)| !names.contains(name));
    let one = |(old, new): (Vec<usize>, Vec<usize>)| match (old.as_slice(), new.as_slice()) {
        ([old], [new]) if fresh(*new) => Some((*old, *new)),
        _ => None,
    };
    found.into_values().filter_map(one).collect()
}

fn matched<'a, K: Ord>(
    gone: &'a [Mailbox],
    fresh: &'a [Mailbox],
    key: impl Fn(&'a Mailbox) -> Option<K>,
    taken: &[(usize, usize)],
) -> Vec<(usize, usize)> {
    let (old_taken, new_taken): (BTreeSet<usize>, BTreeSet<usize>) = taken.iter().copied().unzip();
    let mut found: BTreeMap<K, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (at, mailbox) in gone.iter().enumerate().filter(|(at, _)| !old_taken.contains(at)) {
        key(mailbox).into_iter().for_each(|key| found.entry(key).or_default().0.push(at));
    }
    for (at, mailbox) in fresh.iter().enumerate().filter(|(at, _)| !new_taken.contains(at)) {
        key(mailbox).into_iter().for_each(|key| found.entry(key).or_default().1.push(at));
    }
    let one = |(old, new): (Vec<usize>, Vec<usize>)| match (old.as_slice(), new.as_slice()) {
        ([old], [new]) => Some((*old, *new)),
        _ => None,
    };
    found.into_values().filter_map(one).collect()
}

/// The parts of a name, without a leading `INBOX`.
fn path(mailbox: &Mailbox) -> Vec<&str> {
    let name = mailbox.name.as_str();
    let mut parts: Vec<&str> = mailbox.delimiter.map_or_else(|| vec![name], |d| name.split(d).collect());
    if parts.len() > 1 && parts.first().is_some_and(|first| first.eq_ignore_ascii_case("INBOX")) {
        parts.remove(0);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::MailboxName;

    fn mailbox(name: &str, delimiter: char, special_use: Option<SpecialUse>) -> Mailbox {
        Mailbox { name: MailboxName::new(name), delimiter: Some(delimiter), special_use, selectable: true }
    }

    #[test]
    fn prefix_and_delimiter_make_no_difference() {
        let gone = [mailbox("INBOX.Work.2024", '.', None), mailbox("INBOX.Work", '.', None)];
        let fresh =
            [mailbox("Work", '/', None), mailbox("Other", '/', None), mailbox("Work/2024", '/', None)];
        assert_eq!(pair(&gone, &fresh), [(1, 0), (0, 2)]);
    }

    #[test]
    fn a_special_use_is_the_same_mailbox_by_any_name() {
        let gone =
            [mailbox("Sent Items", '/', Some(SpecialUse::Sent)), mailbox("All", '/', Some(SpecialUse::All))];
        let fresh =
            [mailbox("Gesendet", '/', Some(SpecialUse::Sent)), mailbox("Alle", '/', Some(SpecialUse::All))];
        assert_eq!(pair(&gone, &fresh), [(0, 0)]);
    }

    #[test]
    fn the_server_knows_a_mailbox_by_any_name() {
        let names = ["INBOX", "Work", "Old", "Job", "New"].map(MailboxName::new);
        let [inbox, work, old, job, new] = &names;
        let known = [(inbox, "F1"), (work, "F2"), (old, "")];
        assert_eq!(same(&known, &[(inbox, "F1"), (job, "F2"), (new, "")]), [(1, 1)]);
        // Another mailbox has its former name.
        assert_eq!(same(&known, &[(work, "F9"), (job, "F2")]), [(1, 1)]);
        assert_eq!(same(&known, &[(job, "F2"), (new, "F2")]), []);
        assert_eq!(same(&known, &[(inbox, "F2")]), [], "names that are both known");
    }

    #[test]
    fn what_could_be_either_is_neither() {
        let gone = [mailbox("INBOX/A", '/', None), mailbox("A", '/', None)];
        assert_eq!(pair(&gone, &[mailbox("A", '.', None)]), []);
        // A name goes before a special use.
        let gone = [mailbox("INBOX.Sent", '.', None), mailbox("INBOX.Old", '.', Some(SpecialUse::Sent))];
        assert_eq!(pair(&gone, &[mailbox("Sent", '/', Some(SpecialUse::Sent))]), [(0, 0)]);
    }
}
