//! Queries as they are typed at a shell, and lists for other programs.

use super::Person;

/// A person with 70 messages, the first 60 of which are one like the other.
fn person() -> Person {
    let person = Person::new();
    let mut mbox = String::new();
    let mut add = |number: usize, from: &str, subject: &str, text: &str| {
        mbox += &format!(
            "From x Tue Jan  2 10:00:00 2024\nFrom: {from}\nSubject: {subject}\nMessage-ID: <{number}@x>\n\
             Date: Tue, 2 Jan 2024 10:00:{:02} +0000\n\n{text}\n\n",
            number % 60
        );
    };
    (0..60).for_each(|number| add(number, "Robin <robin@example.org>", "of sixty", "the same"));
    add(60, "Skip <skip@example.org>", "Linux and more", "an invoice for the roof");
    add(61, "Skip <skip@example.org>", "Windows", "the roof invoice, again");
    add(62, "Ann <ann@example.org>", "Straße nach København", "Đorđe, Łódź, Smørrebrød");
    person.write("sixty.mbox", mbox.as_bytes());
    person.text(&["import", "sixty.mbox"]);
    person
}

#[test]
fn what_goes_to_another_program_goes_whole() {
    let person = person();
    let lines = |args: &[&str]| person.text(args).lines().count();
    assert_eq!(lines(&["list", "from:robin"]), 50);
    assert_eq!(lines(&["list", "--ids", "from:robin"]), 60);
    assert_eq!(lines(&["search", "--ids", "from:robin"]), 60);
    assert_eq!(lines(&["search", "--jsonl", "from:robin"]), 60);
    assert_eq!(lines(&["search", "--ids", "--sort", "relevance", "same"]), 60);
    assert_eq!(lines(&["list", "--ids", "-n", "7", "from:robin"]), 7);
}

#[test]
fn an_argument_is_read_as_a_query_when_it_is_one() {
    let person = person();
    let count = |query: &[&str]| person.json(&[&["count"], query].concat()).0["total"].as_u64().unwrap();
    for (query, found) in [
        (&["linux", "OR", "windows"][..], 2),
        (&["linux OR windows"], 2),
        (&["roof AND NOT linux"], 1),
        (&["from:skip has:attachment"], 0),
        (&["from:skip date:2024"], 2),
        (&["subject:(windows OR linux)"], 2),
        // Plain words are a phrase, as they were quoted.
        (&["invoice for the roof"], 1),
        (&["roof invoice"], 1),
        (&["from:skip", "roof", "invoice"], 2),
        (&["in:sixty"], 63),
        (&["in:six*"], 63),
    ] {
        assert_eq!(count(query), found, "{query:?}");
    }
    // The same wherever a query is given.
    person.text(&["search", "--save", "both", "linux OR windows"]);
    assert_eq!(count(&["saved:both"]), 2);
    let marked =
        |query: &str| person.text(&["mark", "--read", "--dry-run", "--query", query]).lines().count();
    assert_eq!((marked("linux OR windows"), marked("roof invoice")), (2, 1));
    let ran = person.run(&["search", "--save", "both", "linux"]);
    assert!(ran.stderr.contains("no longer for: linux OR windows"), "{}", ran.stderr);
}

#[test]
fn a_place_that_is_not_there_is_named() {
    let person = person();
    for query in ["in:nowhere", "account:nobody", "in:no*", "-in:nowhere"] {
        let ran = person.run(&["list", query]);
        assert!(ran.stderr.contains(query.trim_start_matches('-')), "{query}: {}", ran.stderr);
    }
    assert_eq!(person.run(&["list", "in:sixty"]).stderr, "");
}

#[test]
fn letters_are_found_however_they_are_typed() {
    let person = person();
    for word in
        ["strasse", "straße", "STRASSE", "kobenhavn", "Dorde", "lodz", "Łódź", "smorrebrod", "ＬＯＤＺ"]
    {
        assert_eq!(person.ids(&[word]).len(), 1, "{word}");
    }
    let shown = person.text(&["search", "--jsonl", "lodz"]);
    assert!(shown.contains("\"hit\":{\"text\":\"Đorđe, Łódź"), "{shown}");
}
