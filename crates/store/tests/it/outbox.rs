//! The outbox: nothing is lost and nothing is sent twice.

use crate::support::NOW;
use restante_core::submission::State;
use restante_store::{NewSubmission, Store, StoreError, SubmissionId};

fn new(store: &mut Store, not_before: i64) -> NewSubmission {
    NewSubmission {
        account: store.account("ann").unwrap(),
        sender: "ann@example.org".into(),
        recipients: vec!["bob@example.org".into(), "eve@example.org".into()],
        message_id: "1@example.org".into(),
        content: b"Subject: x\r\n\r\ny\r\n".to_vec(),
        created: NOW,
        not_before,
    }
}

#[test]
fn a_submission_is_kept_as_it_was_frozen() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let frozen = new(&mut store, NOW);
    let id = store.desk().enqueue(&frozen).unwrap();
    drop(store);
    let mut store = Store::open(dir.path()).unwrap();
    let mut submission = store.submission(id).unwrap();
    assert_eq!(store.submission_content(id).unwrap(), frozen.content);
    assert_eq!(submission.recipients.len(), 2);
    assert_eq!(submission.state, State::Queued);
    submission.state = State::Accepted;
    submission.filed = true;
    submission.recipients[1].state = State::Refused;
    submission.recipients[1].reply = "550 5.1.1 no such user".into();
    store.desk().set_submission(&submission).unwrap();
    assert_eq!(store.outbox(None).unwrap(), [submission]);
    store.desk().remove_submission(id).unwrap();
    assert!(matches!(store.submission(id), Err(StoreError::Missing(_))));
    assert!(store.desk().enqueue(&frozen).unwrap() > id, "ids never return");
    let queued = store.outbox(None).unwrap()[0].clone();
    assert!(store.desk().set_submission(&queued).is_ok());
    assert!(store.desk().remove_submission(SubmissionId::new(99)).is_err());
}

#[test]
fn only_what_is_safe_to_send_is_due() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let mut ids = Vec::new();
    for (state, _) in State::ALL {
        let frozen = new(&mut store, NOW);
        let id = store.desk().enqueue(&frozen).unwrap();
        let mut submission = store.submission(id).unwrap();
        submission.state = state;
        store.desk().set_submission(&submission).unwrap();
        ids.push((state, id));
    }
    let later = new(&mut store, NOW + 60);
    store.desk().enqueue(&later).unwrap();
    let due = |store: &Store, now| -> Vec<State> {
        store
            .due(now)
            .unwrap()
            .iter()
            .map(|s| ids.iter().find(|(_, id)| *id == s.id).map_or(State::Queued, |(s, _)| *s))
            .collect()
    };
    assert_eq!(due(&store, NOW - 1), []);
    assert_eq!(due(&store, NOW), [State::Queued, State::Deferred]);
    assert_eq!(due(&store, NOW + 60).len(), 3);
    // A process that ended while nothing final was sent may try again; `Unknown` may never.
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(due(&store, NOW), [State::Queued, State::Sending, State::Deferred]);
}

#[test]
fn what_was_sent_and_filed_goes_after_its_time_and_nothing_else_does() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let mut kept = Vec::new();
    for (state, _) in State::ALL {
        for (filed, refused) in [(false, false), (true, false), (true, true)] {
            let frozen = new(&mut store, NOW);
            let id = store.desk().enqueue(&frozen).unwrap();
            let mut submission = store.submission(id).unwrap();
            (submission.state, submission.filed) = (state, filed);
            if refused {
                submission.recipients[1].state = State::Refused;
            }
            store.desk().set_submission(&submission).unwrap();
            if state != State::Accepted || !filed {
                kept.push(id);
            }
        }
    }
    store.expire_tombstones(NOW).unwrap();
    assert_eq!(store.outbox(None).unwrap().len(), kept.len() + 2, "it is not time yet");
    store.expire_tombstones(NOW + 1).unwrap();
    let left: Vec<_> = store.outbox(None).unwrap().iter().map(|row| row.id).collect();
    assert_eq!(left, kept);
}
