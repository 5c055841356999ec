//! What a person asks: taken down at once, confirmed by the server, taken back.

use crate::support::{Mail, NOW, ask, flags, mailbox, state, summary};
use restante_core::mail::{Flags, MailboxName, Uid, UidSet, UidValidity};
use restante_core::sync::{Delta, FlagChange};
use restante_store::{
    Ask, Body, Confirmed, Desk, Filter, Intent, LeftCopy, MailboxId, MessageId, NewEntry, OperationId,
    OperationState, StoreError,
};

fn uid(uid: u32) -> Uid {
    Uid::new(uid).unwrap()
}

fn read() -> Intent {
    Intent::Flag { add: flags(&["\\Seen"]), remove: Flags::new() }
}

fn message(mail: &Mail) -> MessageId {
    mail.store.find(&Filter::default(), 1, None).unwrap()[0]
}

fn places(mail: &Mail, message: MessageId) -> Vec<String> {
    let row = mail.store.row(message).unwrap();
    let text = |flags: &Flags| flags.names().collect::<Vec<_>>().join(" ");
    row.map_or(Vec::new(), |row| {
        row.places.iter().map(|p| format!("{} {} {}", p.name, p.uid, text(&p.flags))).collect()
    })
}

/// The server has done it; the message is at `at` now.
fn confirm(mail: &mut Mail, operation: OperationId, at: Option<(MailboxId, u32)>) {
    let at = at.map(|(mailbox, number)| (mailbox, uid(number)));
    mail.store.confirm(&[Confirmed { operation, at }], &[], NOW).unwrap();
}

fn moved(mail: &Mail, from: u32, to: u32, message: MessageId) -> [(MailboxId, Delta<NewEntry>); 2] {
    let vanished = UidSet::range(uid(from), uid(from));
    let body = Body::Held(message);
    let entry = NewEntry {
        uid: uid(to),
        flags: Flags::new(),
        mod_seq: None,
        internal_date: NOW,
        email_id: String::new(),
        body,
    };
    [
        (mail.inbox, Delta { vanished, ..Delta::default() }),
        (mail.sent, Delta { new: vec![entry], ..Delta::default() }),
    ]
}

#[test]
fn what_never_reached_the_server_is_forgotten_by_undo() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, [1]);
    let message = message(&mail);
    let asks = [
        Ask { mailbox: mail.inbox, uid: Some(uid(1)), intent: read() },
        Ask { mailbox: mail.inbox, uid: Some(uid(1)), intent: Intent::Move { to: mail.sent } },
    ];
    let requested = mail.store.desk().request("file it", &asks, NOW).unwrap();
    assert_eq!(places(&mail, message), ["Sent 1 \\Seen"]);
    let known = &mail.store.requests(9).unwrap()[0];
    assert_eq!((known.id, known.words.as_str(), known.waiting), (requested.id, "file it", 2));
    let undone = mail.store.desk().undo(requested.id, NOW).unwrap();
    assert_eq!((undone.forgotten, undone.request, undone.lost.len()), (2, None, 0));
    assert_eq!(places(&mail, message), ["INBOX 1 "]);
    assert!(mail.store.requests(9).unwrap().is_empty());
    assert!(matches!(mail.store.desk().undo(requested.id, NOW), Err(StoreError::Missing("request"))));
}

#[test]
fn only_flags_that_an_operation_changed_are_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, [1]);
    let starred = FlagChange { uid: uid(1), flags: flags(&["\\Flagged"]), mod_seq: None };
    mail.apply(mail.inbox, Delta { flags: vec![starred], ..Delta::default() });
    let both = Intent::Flag { add: flags(&["\\Flagged", "\\Seen"]), remove: flags(&["$Work"]) };
    let (operation, _) = ask(&mut mail.store, mail.inbox, uid(1), &both);
    confirm(&mut mail, operation, None);
    let request = mail.store.requests(1).unwrap()[0].clone();
    assert_eq!((request.waiting, request.done), (0, 1));
    let undone = mail.store.desk().undo(request.id, NOW).unwrap();
    let operations = mail.store.operations_of(undone.request.unwrap().id).unwrap();
    assert_eq!(
        operations[0].intent,
        Intent::Flag { add: Flags::new(), remove: flags(&["\\Seen"]) },
        "it was starred before"
    );
}

#[test]
fn a_moved_message_goes_back_from_where_it_is_now() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, [1]);
    let message = message(&mail);
    let (operation, _) = ask(&mut mail.store, mail.inbox, uid(1), &Intent::Move { to: mail.sent });
    let at = Some((mail.sent, uid(40)));
    let deltas = moved(&mail, 1, 40, message);
    mail.store.confirm(&[Confirmed { operation, at }], &deltas, NOW).unwrap();
    mail.check();
    assert_eq!(places(&mail, message), ["Sent 40 "]);
    let request = mail.store.requests(1).unwrap()[0].id;
    let undone = mail.store.desk().undo(request, NOW).unwrap();
    assert_eq!(places(&mail, message), ["INBOX 40 "], "shown at once");
    let back = mail.store.operations_of(undone.request.unwrap().id).unwrap();
    assert_eq!(back[0].intent, Intent::Move { to: mail.inbox });
    assert_eq!((back[0].mailbox, back[0].uid), (mail.sent, Some(uid(40))));
}

#[test]
fn a_removed_message_is_added_again_with_its_flags_and_date() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, [1]);
    let message = message(&mail);
    let (mark, _) = ask(&mut mail.store, mail.inbox, uid(1), &read());
    let (remove, _) = ask(&mut mail.store, mail.inbox, uid(1), &Intent::Remove);
    let gone = Delta { vanished: UidSet::range(uid(1), uid(1)), ..Delta::default() };
    let both = [mark, remove].map(|operation| Confirmed { operation, at: None });
    mail.store.confirm(&both, &[(mail.inbox, gone)], NOW).unwrap();
    assert_eq!(places(&mail, message), [""; 0]);
    let request = mail.store.requests(1).unwrap()[0].id;
    let undone = mail.store.desk().undo(request, NOW).unwrap();
    let again = mail.store.operations_of(undone.request.unwrap().id).unwrap();
    let expected = Intent::Append { message, flags: flags(&["\\Seen"]), internal_date: NOW + 1 };
    assert_eq!(again[0].intent, expected);
    // Its content outlives the tombstone for as long as it is wanted.
    mail.store.expire_tombstones(NOW + 1).unwrap();
    assert!(mail.store.read(message).is_ok());
}

#[test]
fn what_the_server_is_being_asked_cannot_be_taken_back_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, [1]);
    let (operation, _) = ask(&mut mail.store, mail.inbox, uid(1), &Intent::Copy { to: mail.sent });
    let request = mail.store.requests(1).unwrap()[0].id;
    assert_eq!(mail.store.begin_operations(&[(vec![operation], 12)]).unwrap(), [operation]);
    assert!(matches!(mail.store.desk().undo(request, NOW), Err(StoreError::UnderWay)));
    // The next try knows where a copy that an unanswered one left can be.
    mail.store.begin_operations(&[(vec![operation], 15)]).unwrap();
    let known = &mail.store.operations(mail.inbox).unwrap()[0];
    assert_eq!((known.since, known.attempts, known.state), (12, 2, OperationState::Asked));
    mail.store.defer_operation(operation, "later").unwrap();
    assert_eq!(mail.store.desk().undo(request, NOW).unwrap().forgotten, 1);
    assert_eq!(mail.store.begin_operations(&[(vec![operation], 15)]).unwrap(), [], "it was taken back");
}

#[test]
fn a_copy_that_a_move_left_goes_with_it_only_while_its_number_is_its_own() {
    for (validity, place, expected) in [(3, 1, "Sent 1 (removed)"), (4, 1, "lost"), (3, 2, "nothing")] {
        let dir = tempfile::tempdir().unwrap();
        let mut mail = Mail::open(dir.path());
        mail.receive(mail.inbox, [1]);
        mail.apply(mail.sent, Delta { state: Some(state(3, 1)), ..Delta::default() });
        let message = message(&mail);
        let (operation, _) = ask(&mut mail.store, mail.inbox, uid(1), &Intent::Move { to: mail.sent });
        let copy = LeftCopy { uid: uid(1), uid_validity: UidValidity::new(3).unwrap(), marked: false };
        mail.store.defer_copied(operation, copy, "copied, but not removed").unwrap();
        let [_, (_, arrived)] = moved(&mail, 1, place, message);
        mail.apply(
            mail.sent,
            Delta { new: arrived.new, state: Some(state(validity, 3)), ..Delta::default() },
        );
        let request = mail.store.requests(1).unwrap()[0].id;
        let undone = mail.store.desk().undo(request, NOW).unwrap();
        assert_eq!(undone.forgotten, 1);
        let asked = mail.store.operations(mail.sent).unwrap();
        let found = match &asked[..] {
            [] if undone.lost.is_empty() => "nothing",
            [] => "lost",
            [one] if one.intent == Intent::Remove && one.uid == Some(uid(1)) => "Sent 1 (removed)",
            _ => "more",
        };
        assert_eq!(found, expected, "UIDVALIDITY {validity}, UID {place}");
        assert!(mail.store.operations(mail.inbox).unwrap().is_empty());
    }
}

#[test]
fn a_copy_is_removed_only_where_the_server_said_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, [1, 2]);
    for (number, at) in [(1, Some((mail.sent, 7))), (2, None)] {
        let (operation, _) = ask(&mut mail.store, mail.inbox, uid(number), &Intent::Copy { to: mail.sent });
        confirm(&mut mail, operation, at);
        let request = mail.store.requests(1).unwrap()[0].id;
        let undone = mail.store.desk().undo(request, NOW).unwrap();
        // Neither is known to be there: the next sync has not come.
        assert_eq!((undone.request, undone.lost.len()), (None, 1), "{number}");
    }
}

#[test]
fn a_mailbox_is_known_before_the_server_has_it_and_outlives_a_list_without_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, [1]);
    let account = mail.store.account("ann").unwrap();
    let work = mailbox("Work", None);
    let (id, requested) = mail.store.desk().request_mailbox("create Work", account, &work, NOW).unwrap();
    assert!(matches!(
        mail.store.desk().request_mailbox("create Work", account, &work, NOW),
        Err(StoreError::Exists("mailbox"))
    ));
    let list = [mailbox("INBOX", None), mailbox("Sent", Some(restante_core::mail::SpecialUse::Sent))];
    assert_eq!(mail.store.set_mailboxes(account, &list).unwrap().gone, []);
    assert!(mail.store.mailbox(id).unwrap().pending);
    ask(&mut mail.store, mail.inbox, uid(1), &Intent::Move { to: id });
    let undone = mail.store.desk().undo(requested.id, NOW).unwrap();
    assert_eq!((undone.forgotten, undone.lost.len()), (0, 1), "it is needed");
    confirm(&mut mail, requested.operations[0], None);
    assert!(!mail.store.mailbox(id).unwrap().pending);
    // Another name, and back.
    let rename = Ask { mailbox: id, uid: None, intent: Intent::Rename { to: MailboxName::new("Job") } };
    let renamed = mail.store.desk().request("rename", &[rename], NOW).unwrap();
    confirm(&mut mail, renamed.operations[0], None);
    assert_eq!(mail.store.mailbox(id).unwrap().mailbox.name.as_str(), "Job");
    let back = mail.store.desk().undo(renamed.id, NOW).unwrap().request.unwrap();
    let operations = mail.store.operations_of(back.id).unwrap();
    assert_eq!(operations[0].intent, Intent::Rename { to: MailboxName::new("Work") });
}

#[test]
fn what_was_asked_of_a_message_that_is_nowhere_any_more_is_said_to_be_superseded() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, 1..=3);
    let account = mail.store.account("ann").unwrap();
    ask(&mut mail.store, mail.inbox, uid(1), &read());
    ask(&mut mail.store, mail.inbox, uid(2), &Intent::Remove);
    ask(&mut mail.store, mail.inbox, uid(3), &read());
    let gone = Delta { vanished: UidSet::range(uid(1), uid(2)), ..Delta::default() };
    mail.apply(mail.inbox, gone);
    let refused = mail.store.supersede(account).unwrap();
    assert_eq!(refused.len(), 1, "to remove what is gone is done");
    assert_eq!(refused[0].state, OperationState::Superseded);
    assert_eq!(mail.store.supersede(account).unwrap(), [], "it is said once");
    assert_eq!(mail.store.waiting(account).unwrap().len(), 1);
    assert_eq!(mail.store.refused(account).unwrap().len(), 1);
    // It comes back, and what was asked with it.
    let back = mail.entry(9, b"Subject: message 1\r\n\r\nbody 1\r\n", summary("message 1", NOW + 1));
    mail.apply(mail.inbox, Delta { new: vec![back], ..Delta::default() });
    assert_eq!(mail.store.waiting(account).unwrap().len(), 2);
}

#[test]
fn a_desk_takes_down_what_is_asked_while_another_is_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, [1]);
    let version = mail.store.version().unwrap();
    let mut desk = Desk::open(dir.path()).unwrap();
    let ask = Ask { mailbox: mail.inbox, uid: Some(uid(1)), intent: read() };
    desk.request("read it", &[ask], NOW).unwrap();
    let account = mail.store.account("ann").unwrap();
    assert_eq!(mail.store.waiting(account).unwrap().len(), 1);
    assert_ne!(mail.store.version().unwrap(), version, "the writer can notice it");
    assert!(matches!(Desk::open(&dir.path().join("none")), Err(StoreError::Absent(_))));
}

/// What undo of the latest request says of what it cannot take back.
fn lost(mail: &mut Mail) -> Vec<String> {
    let request = mail.store.requests(1).unwrap()[0].id;
    mail.store.desk().undo(request, NOW).unwrap().lost
}

#[test]
fn what_cannot_be_taken_back_is_said_with_the_one_reason_there_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    let begun = mail.begun(7, b"Subject: a\r\n\r\n", 9000, summary("a", NOW));
    mail.apply(mail.inbox, Delta { new: vec![begun], ..Delta::default() });
    let (copy, _) = ask(&mut mail.store, mail.inbox, uid(7), &Intent::Copy { to: mail.sent });
    confirm(&mut mail, copy, None);
    assert_eq!(lost(&mut mail), ["the server did not say where it put the message"]);
    let (remove, _) = ask(&mut mail.store, mail.inbox, uid(7), &Intent::Remove);
    confirm(&mut mail, remove, None);
    let said = "no more than the beginning of it was here, which cannot be added again";
    assert_eq!(lost(&mut mail), [said]);
    let asks = [Ask { mailbox: mail.sent, uid: None, intent: Intent::Delete }];
    let requested = mail.store.desk().request("remove mailbox Sent", &asks, NOW).unwrap();
    confirm(&mut mail, requested.operations[0], None);
    assert_eq!(lost(&mut mail), ["a mailbox that was removed does not come back"]);
}

#[test]
fn what_the_person_did_since_is_not_put_on_another_program() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, [1]);
    let message = message(&mail);
    let (there, _) = ask(&mut mail.store, mail.inbox, uid(1), &Intent::Move { to: mail.sent });
    let at = Some((mail.sent, uid(40)));
    let deltas = moved(&mail, 1, 40, message);
    mail.store.confirm(&[Confirmed { operation: there, at }], &deltas, NOW).unwrap();
    let first = mail.store.requests(1).unwrap()[0].id;
    let (gone, _) = ask(&mut mail.store, mail.sent, uid(40), &Intent::Remove);
    let second = mail.store.requests(1).unwrap()[0].id;
    let vanished = UidSet::range(uid(40), uid(40));
    let deltas = [(mail.sent, Delta { vanished, ..Delta::default() })];
    mail.store.confirm(&[Confirmed { operation: gone, at: None }], &deltas, NOW).unwrap();
    let undone = mail.store.desk().undo(first, NOW).unwrap();
    assert_eq!(undone.lost, [format!("change {second} moved or removed the message since")]);
}
