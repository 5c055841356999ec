//! Searches find what a slow and simple reading of the same query finds.

use crate::support::{Mail, NOW, ask, contact, fetched, flags, mailbox, summary};
use proptest::prelude::*;
use restante_core::mail::Uid;
use restante_core::message::{Searchable, Summary};
use restante_core::query::{Feature, Field, Mark, Query, Term, Way, parse};
use restante_core::sync::{Delta, FlagChange};
use restante_store::{Filter, Intent, MailboxId, MessageId, View};
use std::collections::BTreeMap;

fn find(mail: &Mail, text: &str) -> Vec<String> {
    let now = "2024-01-01T00:00:00+00:00[UTC]".parse().unwrap();
    let filter = Filter { account: None, query: parse(text, &now).unwrap() };
    let rows = mail.store.list(&filter, 99, None).unwrap();
    assert_eq!(mail.store.count(&filter).unwrap(), rows.len() as u64, "{text}");
    rows.into_iter().map(|row| row.subject).collect()
}

#[test]
fn words_are_found_whatever_their_case_accents_or_script() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    let subjects = [
        "Café Müller",
        "東京都の天気",
        "re: AND OR NOT \"x\" NEAR(a*)",
        "안녕하세요 여러분",
        "Prüfung-Ergebnis 2024",
    ];
    let new = (1..).zip(subjects).map(|(uid, s)| mail.entry(uid, s.as_bytes(), summary(s, NOW))).collect();
    mail.apply(mail.inbox, Delta { new, ..Delta::default() });
    mail.index();
    for (query, found) in [
        ("cafe", 0),
        ("CAFÉ muller", 0),
        ("京都", 1),
        ("subject:天気", 1),
        ("天 気*", 1),
        ("\"and or not\"", 2),
        ("NEAR", 2),
        ("\"near(a\"", 2),
        ("녕하", 3),
        ("prufung-ergebnis", 4),
        ("erg*", 4),
        ("\"prüfung erg\"*", 4),
    ] {
        assert_eq!(find(&mail, query), [subjects[found]], "{query}");
    }
    for nothing in ["京天", "caf", "\"muller cafe\"", "cc:cafe", "\"AND\" \"zebra\"", "subject:\"x y\""] {
        assert_eq!(find(&mail, nothing), [""; 0], "{nothing}");
    }
    assert_eq!(find(&mail, "from:ann@example.org -cafe -from:bob").len(), 4);
    assert_eq!(find(&mail, "-cafe").len(), 4);
    assert_eq!(find(&mail, "ergebnis OR (cafe larger:1)").len(), 2);
}

#[test]
fn text_is_never_syntax() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, [1]);
    mail.index();
    for text in
        ["a\"b", "\"", "a\0b", "{subject}: a", "a' OR 1=1 --", "x\" OR subject:\"message", "^a", "a + b", "*"]
    {
        let term = Term::Text { field: Field::Subject, text: text.into(), way: Way::Prefix };
        for query in [Query::Term(term.clone()), Query::Not(Box::new(Query::Term(term)))] {
            let expected = usize::from(matches!(query, Query::Not(_)));
            let found = mail.store.find(&Filter { account: None, query }, 9, None).unwrap();
            assert_eq!(found.len(), expected, "{text}");
        }
    }
}

#[test]
fn the_newest_of_many_are_found_without_sorting_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, [1]);
    let read = Intent::Flag { add: flags(&["\\Seen"]), remove: flags(&[]) };
    for waiting in [false, true] {
        if waiting {
            ask(&mut mail.store, mail.inbox, Uid::MIN, &read);
        }
        let queries =
            ["", "in:inbox", "message", "message from:ann is:read larger:1", "is:unread", "-message"];
        for (query, account) in
            queries.into_iter().zip([None, mail.store.find_account("ann").unwrap()].into_iter().cycle())
        {
            let now = "2024-01-01T00:00:00+00:00[UTC]".parse().unwrap();
            let plan = mail.store.explain(&Filter { account, query: parse(query, &now).unwrap() }).unwrap();
            // What waits is little; it is sorted together with one page of the rest.
            let sorted = plan.matches("TEMP B-TREE").count();
            assert!(sorted <= if waiting { 3 } else { 0 }, "{query}: {plan}");
        }
    }
}

#[test]
fn few_unread_messages_are_asked_one_by_one_when_a_word_is_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    // Equal texts would be one message.
    let texts: Vec<_> =
        (0..200).map(|number| format!("common {number}{}", if number == 7 { " rare" } else { "" })).collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    of_texts(&mut mail, &texts);
    let now = "2024-01-01T00:00:00+00:00[UTC]".parse().unwrap();
    let words_drive = |mail: &Mail, text| {
        let plan = mail.store.explain(&Filter { account: None, query: parse(text, &now).unwrap() }).unwrap();
        plan.lines().next().unwrap().contains("words")
    };
    assert!(words_drive(&mail, "common is:unread"));
    let read = Intent::Flag { add: flags(&["\\Seen"]), remove: flags(&[]) };
    let seen = |uid| FlagChange { uid: Uid::new(uid).unwrap(), flags: flags(&["\\Seen"]), mod_seq: None };
    let changes = (1..=200).filter(|uid| ![8, 150].contains(uid)).map(seen).collect();
    mail.apply(mail.inbox, Delta { flags: changes, ..Delta::default() });
    assert!(!words_drive(&mail, "common is:unread"));
    assert!(words_drive(&mail, "rare is:unread"));
    for waiting in [false, true] {
        for (query, found) in [
            ("common is:unread", &["8", "150"][..]),
            ("common -rare is:unread", &["150"]),
            ("rare is:unread", &["8"]),
            ("common is:unread before:2000", &[]),
        ] {
            let found = if waiting {
                found.iter().filter(|id| **id != "8").copied().collect()
            } else {
                found.to_vec()
            };
            assert_eq!(find(&mail, query), found, "{query}");
        }
        if !waiting {
            ask(&mut mail.store, mail.inbox, Uid::new(8).unwrap(), &read);
        }
    }
}

/// Mail whose text is given.
fn of_texts(mail: &mut Mail, texts: &[&str]) {
    let new = (1..)
        .zip(texts)
        .map(|(uid, text)| mail.entry(uid, text.as_bytes(), summary(&uid.to_string(), NOW - i64::from(uid))))
        .collect();
    mail.apply(mail.inbox, Delta { new, ..Delta::default() });
    mail.index();
}

#[test]
fn parts_of_numbers_and_names_with_digits_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    of_texts(
        &mut mail,
        &["order ABC4711X is on its way", "call +491701234567", "room 4711, floor 2", "no figures"],
    );
    for (query, found) in [
        ("4711", &["1", "3"][..]),
        ("c4711", &["1"]),
        ("4711x", &["1"]),
        ("1234567", &["2"]),
        ("\"4711\"", &["3"]),
        ("-4711", &["2", "4"]),
        ("body:4711", &["3"]),
        ("711", &["1", "3"]),
        ("abc4711", &["1"]),
        ("49170", &["2"]),
        ("47", &[]),
        ("abc", &[]),
    ] {
        assert_eq!(find(&mail, query), found, "{query}");
    }
}

#[test]
fn words_are_found_in_the_forms_of_the_languages_of_the_mail() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    let english = "and this is the invoice for you that was sent with the order of the day";
    let german = "und das ist nicht der Vertrag mit der Post den ich für die Miete habe";
    of_texts(
        &mut mail,
        &[english, &english.replace("invoice", "invoices"), &english.replace("day", "week"), german],
    );
    assert_eq!(find(&mail, "invoice"), ["1", "2", "3"]);
    assert_eq!(find(&mail, "INVOICES"), ["1", "2", "3"]);
    assert_eq!(find(&mail, "\"invoices\""), ["2"]);
    assert_eq!(find(&mail, "invoices*"), ["2"]);
    assert_eq!(find(&mail, "body:invoices -weeks"), ["1", "2"]);
    // Of German there is too little to be sure that the person reads it.
    assert_eq!(find(&mail, "mieten"), [""; 0]);
    let more = ["5", "6"].map(|subject| (subject, german.replace("Post", subject)));
    let new = (5..)
        .zip(more)
        .map(|(uid, (s, text))| mail.entry(uid, text.as_bytes(), summary(s, NOW - 9)))
        .collect();
    mail.apply(mail.inbox, Delta { new, ..Delta::default() });
    mail.index();
    assert_eq!(find(&mail, "mieten"), ["4", "6", "5"]);
}

#[test]
fn the_best_are_those_that_say_it_where_it_counts() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    let filler = "and so on ".repeat(40);
    let texts = [
        ("roof", "the roof of the roof"),
        ("no", &*filler),
        ("other", "a roof"),
        ("more", &*format!("\n{filler} roof")),
    ];
    let new = (1..)
        .zip(texts)
        .map(|(uid, (s, text))| mail.entry(uid, text.as_bytes(), summary(s, NOW + i64::from(uid))))
        .collect();
    mail.apply(mail.inbox, Delta { new, ..Delta::default() });
    mail.index();
    let now = "2024-01-01T00:00:00+00:00[UTC]".parse().unwrap();
    let ranked = |text: &str, limit| {
        let filter = Filter { account: None, query: parse(text, &now).unwrap() };
        let rows = mail.store.ranked(&filter, limit).unwrap();
        rows.into_iter().map(|row| row.subject).collect::<Vec<_>>()
    };
    assert_eq!(ranked("roof", 9), ["roof", "other", "more"]);
    assert_eq!(ranked("roof is:unread", 2), ["roof", "other"]);
    assert_eq!(ranked("is:unread", 9), ["more", "other", "no", "roof"]);
    let best = mail.store.list(&Filter::default(), 9, None).unwrap();
    let hit = mail.store.hit(best[0].message, &parse("ROOF", &now).unwrap(), 30).unwrap().unwrap();
    assert_eq!(
        (hit.text.as_str(), &hit.text[hit.marks[0].clone()]),
        ("…on and so on and so on roof", "roof")
    );
}

#[test]
fn a_message_is_found_by_its_names_and_its_conversation() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    let one = |subject: &str, id: &str, answers: &[&str]| Summary {
        message_id: Some(id.into()),
        references: answers.iter().map(|id| (*id).to_owned()).collect(),
        ..summary(subject, NOW)
    };
    let new = [
        one("first", "1@x.example", &[]),
        one("answer", "2@x.example", &["1@x.example"]),
        one("other", "3@x.example", &[]),
    ];
    let new = (1..)
        .zip(new)
        .map(|(uid, s)| {
            let text = s.subject.clone();
            mail.entry(uid, text.as_bytes(), s)
        })
        .collect();
    mail.apply(mail.inbox, Delta { new, ..Delta::default() });
    mail.index();
    assert_eq!(find(&mail, "id:1@x.example"), ["first"]);
    assert_eq!(find(&mail, "id:<2@x.example>"), ["answer"]);
    assert_eq!(find(&mail, "id:9@x.example"), [""; 0]);
    let rows = mail.store.list(&Filter::default(), 9, None).unwrap();
    let thread = rows.iter().find(|row| row.subject == "answer").unwrap().thread;
    assert_eq!(find(&mail, &format!("thread:{thread}")), ["answer", "first"]);
    assert_eq!(find(&mail, &format!("thread:{thread} -id:1@x.example")), ["answer"]);
}

// A corpus of few words, so that random queries meet it.

const WORDS: [&str; 6] = ["red", "green", "blue", "redder", "日本", "本日"];

#[derive(Clone, Debug)]
struct Doc {
    subject: String,
    from: String,
    to: String,
    body: String,
    filename: Option<String>,
    list: String,
    document: String,
    features: [bool; 2],
    keyword: Option<&'static str>,
    /// The flags in each of the three mailboxes it is in.
    places: [Option<u8>; 3],
    asked: Option<Asked>,
    date: i64,
    padding: usize,
}

/// What is asked of a document, in the first mailbox it is in.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Flag,
    Move,
    Remove,
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&WORDS[..]), 0..4).prop_map(|words| words.join(" "))
}

fn doc() -> impl Strategy<Value = Doc> {
    let texts = (text(), text(), text(), text(), prop::option::of(text()), text(), text());
    let others = (any::<[bool; 2]>(), prop::option::of(prop::sample::select(&["Work", "a_b", "$x"][..])));
    let places = prop::array::uniform3(prop::option::of(0..16_u8));
    let places = places.prop_filter("in some mailbox", |places| places.iter().any(Option::is_some));
    let asked = prop::option::of(prop::sample::select(&[Asked::Flag, Asked::Move, Asked::Remove][..]));
    (texts, others, places, asked, 0..20_i64, 0..50_usize).prop_map(
        |(
            (subject, from, to, body, filename, list, document),
            (features, keyword),
            places,
            asked,
            date,
            padding,
        )| Doc {
            subject,
            from,
            to,
            body,
            filename,
            list,
            document,
            features,
            keyword,
            places,
            asked,
            date: NOW + date * 1000,
            padding,
        },
    )
}

fn term() -> impl Strategy<Value = Term> {
    let fields = [
        Field::Any,
        Field::From,
        Field::To,
        Field::Cc,
        Field::Subject,
        Field::Body,
        Field::List,
        Field::Filename,
        Field::Attachment,
    ];
    let ways = [Way::Loose, Way::Exact, Way::Prefix];
    let features = [Feature::Attachment, Feature::Link, Feature::Invite];
    let marks = [Mark::Unread, Mark::Read, Mark::Starred, Mark::Answered, Mark::Draft];
    let phrase = prop::collection::vec(
        prop::sample::select(&["red", "green", "blue", "日", "本", "r", "-"][..]),
        1..3,
    );
    prop_oneof![
        6 => (prop::sample::select(fields.to_vec()), phrase, prop::sample::select(ways.to_vec()))
            .prop_map(|(field, words, way)| Term::Text { field, text: words.join(" "), way }),
        1 => prop::sample::select(&["work", "A_B", "a%b", "aXb", "$X"][..]).prop_map(|n| Term::Tag(n.into())),
        2 => prop::sample::select(marks.to_vec()).prop_map(Term::Is),
        2 => prop::sample::select(features.to_vec()).prop_map(Term::Has),
        1 => (0..120_u64).prop_map(Term::Larger),
        1 => (0..120_u64).prop_map(Term::Smaller),
        1 => (0..20_i64).prop_map(|n| Term::Before(NOW + n * 1000)),
        1 => (0..20_i64).prop_map(|n| Term::Since(NOW + n * 1000)),
        2 => prop::sample::select(&["inbox", "SENT", "Other", "nowhere"][..]).prop_map(|n| Term::In(n.into())),
        1 => prop::sample::select(&["ANN", "bob", "eve"][..]).prop_map(|n| Term::Account(n.into())),
    ]
}

fn query() -> impl Strategy<Value = Query> {
    term().prop_map(Query::Term).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Query::And),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Query::Or),
            inner.prop_map(|part| Query::Not(Box::new(part))),
        ]
    })
}

fn tokens(text: &str) -> Vec<String> {
    let mut tokens = vec![String::new()];
    for c in text.chars() {
        match c {
            '日' | '本' => tokens.extend([c.to_string(), String::new()]),
            c if c.is_alphanumeric() => tokens.last_mut().unwrap().push(c.to_ascii_lowercase()),
            _ => tokens.push(String::new()),
        }
    }
    tokens.retain(|token| !token.is_empty());
    tokens
}

fn stands_in(phrase: &[String], prefix: bool, text: &str) -> bool {
    let words = tokens(text);
    let Some((last, front)) = phrase.split_last() else { return false };
    words.windows(phrase.len()).any(|window| {
        let (end, start) = window.split_last().unwrap();
        start == front && if prefix { end.starts_with(last.as_str()) } else { end == last }
    })
}

const PLACES: [(&str, &str); 3] = [("ann", "inbox"), ("ann", "sent"), ("bob", "other")];

/// What the query means, read slowly.
fn holds(query: &Query, doc: &Doc, only: Option<&str>) -> bool {
    let places = || PLACES.into_iter().zip(doc.places).filter_map(|(place, flags)| Some((place, flags?)));
    let has = |bit: u8| places().any(|(_, flags)| flags & bit != 0);
    let unread = places().any(|(_, flags)| flags & 1 == 0);
    match query {
        Query::And(parts) => parts.iter().all(|part| holds(part, doc, only)),
        Query::Or(parts) => parts.iter().any(|part| holds(part, doc, only)),
        Query::Not(part) => !holds(part, doc, only),
        Query::Term(term) => match term {
            Term::Text { field, text, way } => {
                let phrase = tokens(text);
                let from = format!("{} ", doc.from);
                let columns = [
                    (Field::Subject, doc.subject.as_str()),
                    (Field::From, from.as_str()),
                    (Field::To, doc.to.as_str()),
                    (Field::Body, doc.body.as_str()),
                    (Field::List, doc.list.as_str()),
                    (Field::Filename, doc.filename.as_deref().unwrap_or("")),
                    (Field::Attachment, doc.filename.as_deref().unwrap_or("")),
                    (Field::Attachment, doc.document.as_str()),
                ];
                columns.iter().any(|(f, column)| {
                    (*field == Field::Any || f == field) && stands_in(&phrase, *way == Way::Prefix, column)
                })
            }
            Term::Is(Mark::Unread) => unread,
            Term::Is(Mark::Read) => !unread,
            Term::Is(Mark::Starred) => has(2),
            Term::Is(Mark::Answered) => has(4),
            Term::Is(Mark::Draft) => has(8),
            Term::Has(Feature::Attachment) => doc.filename.is_some(),
            Term::Has(Feature::Link) => doc.features[0],
            Term::Has(Feature::Invite) => doc.features[1],
            Term::Tag(name) => {
                doc.keyword.is_some_and(|k| k.eq_ignore_ascii_case(name)) && places().next().is_some()
            }
            Term::Larger(size) => content(doc).len() as u64 > *size,
            Term::Smaller(size) => (content(doc).len() as u64) < *size,
            Term::Before(time) => doc.date < *time,
            Term::Since(time) => doc.date >= *time,
            Term::In(name) => places().any(|((account, mailbox), _)| {
                only.is_none_or(|o| o == account) && mailbox == name.to_lowercase()
            }),
            Term::Account(name) => places().any(|((account, _), _)| account == name.to_lowercase()),
            Term::Id(_) | Term::MessageId(_) | Term::Thread(_) => unreachable!(),
        },
    }
}

fn content(doc: &Doc) -> Vec<u8> {
    [format!("{}{}", doc.subject, doc.date).into_bytes(), vec![b'x'; doc.padding]].concat()
}

fn build(mail: &mut Mail, docs: &[Doc]) -> (Vec<MessageId>, [MailboxId; 3]) {
    let bob = mail.store.account("bob").unwrap();
    mail.store.set_mailboxes(bob, &[mailbox("Other", None)]).unwrap();
    let mailboxes = [mail.inbox, mail.sent, mail.store.mailboxes(bob).unwrap()[0].id];
    let mut ids = Vec::new();
    for (uid, doc) in (1..).zip(docs) {
        let summary = Summary {
            subject: doc.subject.clone(),
            from: vec![contact(&doc.from, "")],
            to: vec![contact("", &doc.to)],
            date: Some(doc.date),
            ..Summary::default()
        };
        let mut entry = mail.entry(uid, &content(doc), summary);
        for (mailbox, bits) in mailboxes.into_iter().zip(doc.places) {
            let Some(bits) = bits else { continue };
            let names = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft"];
            let set = (0..4).filter(|n| bits & (1 << n) != 0).map(|n| names[n]);
            let set: Vec<_> = set.chain(doc.keyword).collect();
            entry.flags = flags(&set);
            mail.apply(mailbox, Delta { new: vec![entry.clone()], ..Delta::default() });
        }
        ids.push(mail.store.message_by_digest(&fetched(&entry).digest()).unwrap().unwrap());
    }
    let searchable = |doc: &Doc| Searchable {
        text: doc.body.clone(),
        filenames: doc.filename.iter().cloned().collect(),
        attachments: u32::from(doc.filename.is_some()),
        list: doc.list.clone(),
        documents: doc.document.clone(),
        has_link: doc.features[0],
        has_invite: doc.features[1],
        ..Searchable::default()
    };
    let by_id: BTreeMap<_, _> = ids.iter().copied().zip(docs.iter().map(searchable)).collect();
    let mut indexer = mail.store.indexer().unwrap();
    let read = |_: &View, id| Ok(by_id[&id].clone());
    assert_eq!(indexer.step(99, read, |shown| mail.store.preview(&shown)).unwrap(), by_id.len());
    (ids, mailboxes)
}

/// Asks for what is to be asked, and does the same to the documents.
fn ask_of_some(mail: &mut Mail, mailboxes: [MailboxId; 3], docs: &mut [Doc]) {
    for (uid, doc) in (1..).zip(docs) {
        let at = doc.places.iter().position(Option::is_some).unwrap();
        let intent = match doc.asked {
            Some(Asked::Flag) => {
                doc.places[at] = doc.places[at].map(|flags| flags & !4 | 3);
                Intent::Flag { add: flags(&["\\Seen", "\\Flagged"]), remove: flags(&["\\Answered"]) }
            }
            Some(Asked::Move) if at == 0 && doc.places[1].is_none() => {
                doc.places.swap(0, 1);
                Intent::Move { to: mailboxes[1] }
            }
            Some(Asked::Remove) => {
                doc.places[at] = None;
                Intent::Remove
            }
            _ => continue,
        };
        ask(&mut mail.store, mailboxes[at], Uid::new(uid).unwrap(), &intent);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn any_query_finds_what_it_says(
        mut docs in prop::collection::vec(doc(), 1..12),
        queries in prop::collection::vec(query(), 30),
    ) {
        // Contents must differ to be messages of their own.
        docs.sort_by_key(content);
        docs.dedup_by_key(|doc| content(doc));
        let dir = tempfile::tempdir().unwrap();
        let mut mail = Mail::open(dir.path());
        let (ids, mailboxes) = build(&mut mail, &docs);
        let ann = mail.store.find_account("ann").unwrap();
        for (turn, query) in queries.into_iter().enumerate() {
            if turn == 15 {
                ask_of_some(&mut mail, mailboxes, &mut docs);
            }
            for (account, name) in [(None, None), (ann, Some("ann"))] {
                let filter = Filter { account, query: query.clone() };
                let mut expected: Vec<_> = ids.iter().zip(&docs)
                    .filter(|(_, doc)| doc.places[..if name.is_some() { 2 } else { 3 }].iter().any(Option::is_some))
                    .filter(|(_, doc)| holds(&query, doc, name))
                    .map(|(id, _)| *id)
                    .collect();
                expected.sort_unstable_by(|a, b| b.cmp(a));
                let found = mail.store.find(&filter, 100, None).unwrap();
                prop_assert_eq!(&found, &expected, "{:?}", query);
                prop_assert_eq!(mail.store.count(&filter).unwrap(), expected.len() as u64);
                if let Some((first, rest)) = expected.split_first() {
                    prop_assert_eq!(mail.store.find(&filter, 100, Some(*first)).unwrap(), rest);
                    prop_assert_eq!(mail.store.find(&filter, 1, None).unwrap(), [*first]);
                }
            }
        }
    }
}

#[test]
fn the_text_of_attachments_is_found_when_that_is_said_and_only_then() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    let text = "Subject: offer\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\n\r\nSee the file.\r\n--b\r\nContent-Type: text/csv; name=prices.csv\r\n\
        Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n\
        Z3V0dGVyO2NvcHBlcjs0Mi41MAo=\r\n--b--\r\n";
    of_texts(&mut mail, &[text, "\r\nno file with copper"]);
    for (wanted, changed, copper, attached) in [
        (true, true, &["1", "2"][..], &["1"][..]),
        (true, false, &["1", "2"], &["1"]),
        (false, true, &["2"], &[]),
    ] {
        assert_eq!(mail.store.index_documents(wanted).unwrap(), changed);
        let mut indexer = mail.store.indexer().unwrap();
        while indexer.step(9, View::searchable, |shown| mail.store.preview(&shown)).unwrap() > 0 {}
        drop(indexer);
        assert_eq!(find(&mail, "copper"), copper);
        assert_eq!(find(&mail, "attachment:copper"), attached);
        assert_eq!(find(&mail, "attachment:prices"), ["1"]);
        let row = mail.store.list(&Filter::default(), 9, None).unwrap().remove(0);
        assert_eq!(row.attachments, Some(1));
        let now = "2024-01-01T00:00:00+00:00[UTC]".parse().unwrap();
        let hit = mail.store.hit(row.message, &parse("copper", &now).unwrap(), 40).unwrap();
        assert_eq!(hit.map(|hit| hit.text), wanted.then(|| "gutter;copper;42.50".to_owned()));
    }
    mail.store.index_documents(true).unwrap();
    let mut store = mail.store.rebuild_index().unwrap();
    assert!(!store.index_documents(true).unwrap(), "an index that is made anew is of the same kind");
}
