//! Conversations that only a subject tells of.

use crate::support::{Mail, NOW, contact, summary};
use proptest::prelude::*;
use restante_core::message::Summary;
use restante_core::sync::Delta;
use restante_store::{Fault, FaultKind, Filter, check};
use std::collections::{BTreeMap, BTreeSet};

const DAY: i64 = 86_400;

/// A message: its name, which is its Message-ID too; its subject; its day; who wrote it to whom; what it names.
#[derive(Clone, Debug)]
struct Letter {
    name: String,
    subject: String,
    date: i64,
    people: Vec<String>,
    references: Vec<String>,
}

fn letter(name: &str, subject: &str, day: i64, people: &str, references: &[&str]) -> Letter {
    Letter {
        name: name.to_owned(),
        subject: subject.to_owned(),
        date: NOW + day * DAY,
        people: people.chars().map(|person| format!("{person}@example.org")).collect(),
        references: references.iter().map(ToString::to_string).collect(),
    }
}

impl Letter {
    fn summary(&self) -> Summary {
        let mut people = self.people.iter().map(|address| contact("", address));
        Summary {
            from: people.next().into_iter().collect(),
            to: people.collect(),
            message_id: Some(self.name.clone()),
            references: self.references.clone(),
            ..summary(&self.subject, self.date)
        }
    }
}

/// The conversations of letters that come in this order, each as the names in it.
fn conversations<'a>(letters: impl IntoIterator<Item = &'a Letter>) -> BTreeSet<BTreeSet<String>> {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    for (uid, letter) in (1..).zip(letters) {
        let entry = mail.entry(uid, letter.name.as_bytes(), letter.summary());
        mail.apply(mail.inbox, Delta { new: vec![entry], ..Delta::default() });
    }
    let rows = mail.store.list(&Filter::default(), 1000, None).unwrap();
    let mut found: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    for row in &rows {
        found.entry(row.thread).or_default().insert(row.message_id.clone());
        // Both ways to ask say the same.
        let all = mail.store.thread(row.message).unwrap();
        assert!(all.iter().all(|other| other.thread == row.thread));
        let same = rows.iter().filter(|other| other.thread == row.thread).count();
        assert_eq!(all.len(), same, "{}", row.message_id);
    }
    drop(mail);
    let is_no_fault = |fault| assert!(!matches!(fault, Fault { kind: FaultKind::Thread, .. }), "{fault:?}");
    check(dir.path(), is_no_fault, |_| {}).unwrap();
    found.into_values().collect()
}

/// As the names stand in a text: `ab c` is two conversations.
fn of(text: &str) -> BTreeSet<BTreeSet<String>> {
    text.split(' ').map(|one| one.chars().map(String::from).collect()).collect()
}

/// In every order.
fn in_every_order(letters: &[Letter], wanted: &str) {
    let mut order: Vec<usize> = (0..letters.len()).collect();
    let mut orders = vec![order.clone()];
    // Heap's algorithm.
    let mut counts = vec![0; order.len()];
    let mut at = 1;
    while at < order.len() {
        if counts[at] < at {
            order.swap(if at % 2 == 0 { 0 } else { counts[at] }, at);
            orders.push(order.clone());
            counts[at] += 1;
            at = 1;
        } else {
            counts[at] = 0;
            at += 1;
        }
    }
    for order in orders {
        assert_eq!(conversations(order.iter().map(|at| &letters[*at])), of(wanted), "{order:?}");
    }
}

#[test]
fn an_answer_that_names_nothing_belongs_to_what_it_answers() {
    in_every_order(
        &[
            letter("a", "Tea at four", 0, "xy", &[]),
            letter("b", "AW: tea at four", 1, "yx", &[]),
            letter("c", "Re: AW: Tea at four", 2, "xy", &[]),
        ],
        "abc",
    );
    // What answers it comes along.
    in_every_order(
        &[
            letter("a", "Tea at four", 0, "xy", &[]),
            letter("b", "Re: tea at four", 1, "yx", &[]),
            letter("c", "Re: tea at four", 2, "xy", &["b"]),
            letter("d", "Re: tea at four", 20, "yx", &["c"]),
        ],
        "abcd",
    );
    // To oneself.
    in_every_order(
        &[letter("a", "A note to self", 0, "x", &[]), letter("b", "Re: A note to self", 1, "x", &[])],
        "ab",
    );
}

#[test]
fn nothing_else_is_joined_by_a_subject() {
    let first = || letter("a", "Tea at four", 0, "xy", &[]);
    for (why, other) in [
        ("no answer", letter("b", "Tea at four", 1, "yx", &[])),
        ("passed on", letter("b", "Fwd: Tea at four", 1, "yx", &[])),
        ("it names another", letter("b", "Re: Tea at four", 1, "yx", &["z"])),
        ("too late", letter("b", "Re: Tea at four", 15, "yx", &[])),
        ("too early", letter("b", "Re: Tea at four", -1, "yx", &[])),
        ("another subject", letter("b", "Re: Tea at five", 1, "yx", &[])),
        ("one address in common", letter("b", "Re: Tea at four", 1, "zy", &[])),
        ("nobody in common", letter("b", "Re: Tea at four", 1, "vw", &[])),
    ] {
        assert_eq!(conversations([&first(), &other]), of("a b"), "{why}");
        assert_eq!(conversations([&other, &first()]), of("a b"), "{why}");
    }
    for common in ["hello", "Test", "", "(no subject)", "Thank you"] {
        let letters =
            [letter("a", common, 0, "xy", &[]), letter("b", &format!("Re: {common}"), 1, "yx", &[])];
        assert_eq!(conversations(&letters), of("a b"), "{common}");
    }
}

#[test]
fn an_answer_joins_no_two_conversations() {
    // It answers the newer one.
    in_every_order(
        &[
            letter("a", "Report of the week", 0, "xy", &[]),
            letter("b", "Re: Report of the week", 1, "yx", &["a"]),
            letter("c", "Report of the week", 7, "xy", &[]),
            letter("d", "Re: Report of the week", 9, "yx", &[]),
        ],
        "ab cd",
    );
    // Something older turns up that its conversation begins with.
    in_every_order(
        &[
            letter("a", "Tea at four", 0, "xy", &[]),
            letter("b", "Re: Tea at four", 2, "yx", &[]),
            letter("c", "Re: Tea at four", 1, "xz", &["q"]),
            letter("d", "Re: Tea at four", 3, "xz", &["b", "c"]),
        ],
        "a bcd",
    );
}

#[test]
fn threads_that_become_one_are_followed() {
    let others = || [letter("c", "Cake", 2, "vw", &["z"]), letter("d", "Cake", 3, "wv", &["z"])];
    // What was answered, or the answer, becomes a part of a larger thread.
    for named in ["a", "b"] {
        let [c, d] = others();
        let letters = [
            letter("a", "Tea at four", 0, "xy", &[]),
            letter("b", "Re: Tea at four", 1, "yx", &[]),
            c,
            d,
            letter("e", "Tea and cake", 4, "xv", &[named, "z"]),
        ];
        assert_eq!(conversations(&letters), of("abcde"), "{named}");
        assert_eq!(conversations(letters.iter().rev()), of("abcde"), "{named}");
    }
}

#[test]
fn countless_answers_are_read_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    // The test runner ends what takes a minute. Newest first, so that each is what all the others answer.
    let new = (0..500_u32)
        .map(|n| {
            let letter = letter(&n.to_string(), "Re: Tea at four", 0, "xy", &[]);
            let date = letter.date - i64::from(n);
            mail.entry(n + 1, &n.to_be_bytes(), Summary { date: Some(date), ..letter.summary() })
        })
        .collect();
    mail.apply(mail.inbox, Delta { new, ..Delta::default() });
    let rows = mail.store.list(&Filter::default(), 3, None).unwrap();
    assert!(mail.store.thread(rows[0].message).unwrap().len() > 50);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn the_order_of_arrival_does_not_matter(
        letters in proptest::collection::vec(
            (0..4_usize, -1..20_i64, 0..4_usize, proptest::collection::vec(0..9_usize, 0..2)), 2..9,
        ),
        shuffled in any::<proptest::sample::Index>(),
    ) {
        let subjects = ["Tea at four", "Re: Tea at four", "Re: Tea at four", "Fwd: Tea at four"];
        let people = ["xy", "yx", "xyz", "zw"];
        let letters: Vec<Letter> = letters.into_iter().enumerate().map(|(at, (subject, day, who, named))| {
            let named: Vec<String> = named.iter().map(ToString::to_string).collect();
            let named: Vec<&str> = named.iter().map(String::as_str).collect();
            letter(&at.to_string(), subjects[subject], day, people[who], &named)
        }).collect();
        let wanted = conversations(&letters);
        let mut other: Vec<&Letter> = letters.iter().rev().collect();
        prop_assert_eq!(&conversations(other.iter().copied()), &wanted);
        let len = other.len();
        other.rotate_left(shuffled.index(len));
        other.swap(0, len / 2);
        prop_assert_eq!(&conversations(other), &wanted);
    }
}
