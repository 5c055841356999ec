//! Lists and conversations.

use crate::support::{Mail, NOW, summary};
use restante_core::message::Summary;
use restante_core::sync::Delta;
use restante_store::Filter;

#[test]
fn a_list_is_newest_first_and_goes_on_where_it_ended() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, [5, 9, 2, 7]);
    mail.receive(mail.sent, [7, 1]);
    let filter = Filter::default();
    let all = mail.store.list(&filter, 99, None).unwrap();
    let dates: Vec<_> = all.iter().map(|row| row.date - NOW).collect();
    assert_eq!(dates, [9, 7, 5, 2, 1], "a message in two mailboxes is one row");
    assert_eq!(all[1].places.len(), 2);
    let mut paged = Vec::new();
    while let Some(page) =
        Some(mail.store.list(&filter, 2, paged.last().copied()).unwrap()).filter(|p| !p.is_empty())
    {
        paged.extend(page.iter().map(|row| row.message));
    }
    assert_eq!(paged, all.iter().map(|row| row.message).collect::<Vec<_>>());
}

#[test]
fn a_date_in_the_future_does_not_stay_at_the_top() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    let mut lie = mail.entry(1, b"a", summary("lie", NOW + 1_000_000));
    lie.internal_date = NOW;
    let mut none = mail.entry(2, b"b", Summary { date: None, ..summary("none", 0) });
    none.internal_date = NOW + 5;
    let honest = mail.entry(3, b"c", summary("honest", NOW + 10));
    mail.apply(mail.inbox, Delta { new: vec![lie, none, honest], ..Delta::default() });
    let rows = mail.store.list(&Filter::default(), 9, None).unwrap();
    assert_eq!(rows.iter().map(|r| r.subject.as_str()).collect::<Vec<_>>(), ["honest", "none", "lie"]);
}

#[test]
fn conversations_are_joined_in_whatever_order_they_arrive() {
    // 1 <- 2 <- 3, and 4 which answers 3 but only names 2; 9 stands alone.
    let references: [(u32, &[&str]); 5] = [(1, &[]), (2, &["1"]), (3, &["1", "2"]), (4, &["2"]), (9, &[])];
    let orders = [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 4, 0, 3, 1], [3, 0, 4, 2, 1]];
    for order in orders {
        let dir = tempfile::tempdir().unwrap();
        let mut mail = Mail::open(dir.path());
        for at in order {
            let (number, references) = references[at];
            let mut summary = summary(&number.to_string(), NOW + i64::from(number));
            summary.message_id = Some(number.to_string());
            summary.references = references.iter().map(ToString::to_string).collect();
            let entry = mail.entry(number, &[number as u8], summary);
            mail.apply(mail.inbox, Delta { new: vec![entry], ..Delta::default() });
        }
        let newest = mail.store.find(&Filter::default(), 9, None).unwrap();
        let thread = |id| -> Vec<String> {
            mail.store.thread(id).unwrap().into_iter().map(|row| row.subject).collect()
        };
        assert_eq!(thread(newest[1]), ["1", "2", "3", "4"], "{order:?}");
        assert_eq!(thread(newest[0]), ["9"]);
        let account = mail.store.find_account("ann").unwrap().unwrap();
        assert_eq!(mail.store.messages_by_message_id(account, "3").unwrap(), [newest[2]]);
        assert_eq!(mail.store.messages_by_message_id(account, "8").unwrap(), []);
    }
}

#[test]
fn a_header_with_countless_references_is_only_a_header() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    let mut hostile = summary("x", NOW);
    hostile.references = (0..100_000).map(|n| n.to_string()).collect();
    hostile.subject = "\u{1b}[2J\u{202e}\0".into();
    let entry = mail.entry(1, b"x", hostile.clone());
    mail.apply(mail.inbox, Delta { new: vec![entry], ..Delta::default() });
    mail.index();
    assert_eq!(mail.store.list(&Filter::default(), 1, None).unwrap()[0].subject, hostile.subject);
}
