//! The numbers of mailboxes are those of what is shown.

use crate::support::{Mail, ask, flags};
use restante_core::mail::{Flags, Uid};
use restante_store::{Counts, Desk, Filter, Intent, OperationState};

#[test]
fn what_waits_counts_as_done_and_what_was_refused_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, [1, 2, 3, 4]);
    let account = mail.store.accounts().unwrap()[0].id;
    let (inbox, sent) = (mail.inbox, mail.sent);
    let uid = |uid| Uid::new(uid).unwrap();
    let read = Intent::Flag { add: flags(&["\\Seen"]), remove: Flags::new() };
    ask(&mut mail.store, inbox, uid(1), &read);
    ask(&mut mail.store, inbox, uid(2), &Intent::Move { to: sent });
    ask(&mut mail.store, inbox, uid(3), &Intent::Copy { to: sent });
    let (refused, _) = ask(&mut mail.store, inbox, uid(4), &Intent::Remove);
    let counts = mail.store.counts(account).unwrap();
    assert_eq!(counts[&inbox], Counts { total: 2, unseen: 1, waiting: 4, refused: 0 });
    assert_eq!(counts[&sent], Counts { total: 2, unseen: 2, waiting: 0, refused: 0 });

    mail.store.refuse_operation(refused, "NO").unwrap();
    let counts = mail.store.counts(account).unwrap();
    assert_eq!(counts[&inbox], Counts { total: 3, unseen: 2, waiting: 3, refused: 1 });
    for (mailbox, name) in [(inbox, "INBOX"), (sent, "Sent")] {
        let query = restante_core::query::Query::Term(restante_core::query::Term::In(name.to_owned()));
        let shown = mail.store.count(&Filter { account: None, query }).unwrap();
        assert_eq!(counts[&mailbox].total, shown, "{name}");
    }
}

#[test]
fn what_waits_on_one_entry_is_found_beside_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, [1, 2]);
    let (one, two) = (Uid::new(1).unwrap(), Uid::new(2).unwrap());
    let (first, _) = ask(&mut mail.store, mail.inbox, one, &Intent::Move { to: mail.sent });
    ask(&mut mail.store, mail.inbox, two, &Intent::Remove);
    let desk = Desk::open(dir.path()).unwrap();
    for row in desk.list(&Filter::default(), 9, None).unwrap() {
        assert_eq!(desk.id(row.message).unwrap(), Some(row.id));
    }
    let waiting = desk.operations_at(mail.inbox, one).unwrap();
    assert_eq!((waiting.len(), waiting[0].id, waiting[0].state), (1, first, OperationState::Waiting));
    mail.store.refuse_operation(first, "NO").unwrap();
    assert_eq!(desk.operations_at(mail.inbox, one).unwrap(), []);
    assert_eq!(desk.requests(9).unwrap().len(), 2);
}
