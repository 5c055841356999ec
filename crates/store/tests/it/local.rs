//! Accounts without a server: what is asked is done.

use crate::support::{NOW, flags, summary};
use proptest::prelude::*;
use restante_core::mail::{Flags, Mailbox, MailboxName, Uid};
use restante_store::{
    AccountId, Ask, ContentWriter, Deposit, Filter, Intent, MailboxId, MessageId, OperationState, RequestId,
    Store, StoreError,
};
use std::path::Path;

struct Local {
    store: Store,
    writer: ContentWriter,
    account: AccountId,
    inbox: MailboxId,
}

impl Local {
    fn open(dir: &Path) -> Self {
        let mut store = Store::open(dir).unwrap();
        let account = store.local_account("archive").unwrap();
        let inbox = store.local_mailbox(account, &MailboxName::new("INBOX"), NOW).unwrap();
        let writer = store.content_writer().unwrap();
        Self { store, writer, account, inbox }
    }

    fn mailbox(&mut self, name: &str) -> MailboxId {
        self.store.local_mailbox(self.account, &MailboxName::new(name), NOW).unwrap()
    }

    fn deposit(&mut self, mailbox: MailboxId, contents: &[&str]) -> (u64, u64) {
        let mut deposits = Vec::new();
        for content in contents {
            self.writer.begin(content.len() as u64).unwrap();
            self.writer.write(content.as_bytes()).unwrap();
            let content = self.writer.finish().unwrap();
            let summary = Box::new(summary("local", NOW));
            deposits.push(Deposit { flags: flags(&["\\Flagged"]), internal_date: NOW, summary, content });
        }
        self.writer.sync().unwrap();
        let deposited = self.store.deposit(mailbox, &deposits, NOW).unwrap();
        (deposited.new, deposited.held)
    }

    fn ask(&mut self, asks: &[(MailboxId, u32, Intent)]) -> Result<RequestId, StoreError> {
        let asks: Vec<Ask> = asks
            .iter()
            .map(|(mailbox, uid, intent)| Ask {
                mailbox: *mailbox,
                uid: Uid::new(*uid),
                intent: intent.clone(),
            })
            .collect();
        Ok(self.store.desk().request("asked", &asks, NOW)?.id)
    }

    fn undo(&mut self, request: RequestId) -> Option<RequestId> {
        let undone = self.store.desk().undo(request, NOW).unwrap();
        assert_eq!(undone.lost, Vec::<String>::new());
        undone.request.map(|request| request.id)
    }

    /// Every entry as `mailbox uid flags`, and nothing waits.
    fn shown(&self) -> Vec<String> {
        let mut shown = Vec::new();
        for row in self.store.list(&Filter::default(), 99, None).unwrap() {
            let flags = |flags: &Flags| flags.names().map(|name| format!(" {name}")).collect::<String>();
            shown.extend(row.places.iter().map(|p| format!("{} {}{}", p.name, p.uid, flags(&p.flags))));
        }
        assert_eq!(self.store.waiting(self.account).unwrap(), []);
        for row in self.store.mailboxes(self.account).unwrap() {
            let flags = self.store.flags(row.id).unwrap();
            assert_eq!(row.total, flags.len() as u64);
            assert_eq!(row.unseen, flags.iter().filter(|(_, f)| !f.contains("\\Seen")).count() as u64);
        }
        shown.sort();
        shown
    }

    fn names(&self) -> Vec<String> {
        let rows = self.store.mailboxes(self.account).unwrap();
        assert!(rows.iter().all(|row| !row.pending));
        rows.into_iter().map(|row| row.mailbox.name.to_string()).collect()
    }
}

/// What the check of the store finds.
fn faults(dir: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    restante_store::check(dir, |fault| faults.push(format!("{fault:?}")), |_| {}).unwrap();
    faults
}

fn mark(add: &[&str]) -> Intent {
    Intent::Flag { add: flags(add), remove: Flags::new() }
}

#[test]
fn the_same_content_is_put_into_a_mailbox_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path());
    assert_eq!(local.deposit(local.inbox, &["one", "two", "one"]), (2, 1));
    assert_eq!(local.deposit(local.inbox, &["two", "three"]), (1, 1));
    let work = local.mailbox("Work");
    assert_eq!(local.deposit(work, &["one"]), (1, 0), "another mailbox is another matter");
    assert_eq!(
        local.shown(),
        ["INBOX 1 \\Flagged", "INBOX 2 \\Flagged", "INBOX 3 \\Flagged", "Work 1 \\Flagged"]
    );
    assert_eq!(local.mailbox("Work"), work);
}

#[test]
fn what_is_asked_of_local_mail_is_done_at_once_and_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path());
    local.deposit(local.inbox, &["one"]);
    let work = local.mailbox("Work");
    let before = local.shown();

    let read = local.ask(&[(local.inbox, 1, mark(&["\\Seen", "\\Flagged"]))]).unwrap();
    assert_eq!(local.shown(), ["INBOX 1 \\Flagged \\Seen"]);
    assert_eq!(local.store.operations_of(read).unwrap(), []);
    local.undo(read);
    assert_eq!(local.shown(), before, "the star was there before");

    let moved = local.ask(&[(local.inbox, 1, Intent::Move { to: work })]).unwrap();
    assert_eq!(local.shown(), ["Work 1 \\Flagged"]);
    let back = local.undo(moved).unwrap();
    assert_eq!(local.shown(), ["INBOX 2 \\Flagged"]);
    local.undo(back);
    assert_eq!(local.shown(), ["Work 2 \\Flagged"], "an undo is taken back like anything");

    let copied = local.ask(&[(work, 2, Intent::Copy { to: local.inbox })]).unwrap();
    assert_eq!(local.shown(), ["INBOX 3 \\Flagged", "Work 2 \\Flagged"]);
    local.undo(copied);
    assert_eq!(local.shown(), ["Work 2 \\Flagged"]);

    let removed = local.ask(&[(work, 2, Intent::Remove)]).unwrap();
    assert_eq!(local.shown(), Vec::<String>::new());
    local.undo(removed);
    assert_eq!(local.shown(), ["Work 3 \\Flagged"], "it is added again from its content");
    drop(local);
    assert_eq!(faults(dir.path()), Vec::<String>::new());
}

#[test]
fn what_comes_after_a_move_in_one_request_follows_the_message() {
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path());
    local.deposit(local.inbox, &["one"]);
    let work = local.mailbox("Work");
    let both = [(local.inbox, 1, Intent::Move { to: work }), (local.inbox, 1, mark(&["\\Seen"]))];
    let request = local.ask(&both).unwrap();
    assert_eq!(local.shown(), ["Work 1 \\Flagged \\Seen"]);
    local.undo(request);
    assert_eq!(local.shown(), ["INBOX 2 \\Flagged"]);
}

#[test]
fn local_mailboxes_are_made_renamed_with_what_is_below_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path());
    let mailbox = |name: &str| Mailbox {
        name: MailboxName::new(name),
        delimiter: Some('/'),
        special_use: None,
        selectable: true,
    };
    let (work, made) =
        local.store.desk().request_mailbox("create", local.account, &mailbox("Work"), NOW).unwrap();
    local.undo(made.id);
    assert_eq!(local.names(), ["INBOX"]);
    let (again, _) =
        local.store.desk().request_mailbox("create", local.account, &mailbox("Work"), NOW).unwrap();
    assert_eq!(work, again, "the row was resting");
    local.mailbox("Work/Old");
    local.mailbox("Workshop");
    local.deposit(work, &["one"]);
    let rename = |to: &str| Intent::Rename { to: MailboxName::new(to) };
    let renamed = local.ask(&[(work, 0, rename("Work/Old"))]).unwrap();
    assert_eq!(local.names(), ["INBOX", "Work/Old", "Work/Old/Old", "Workshop"]);
    local.undo(renamed);
    assert_eq!(local.names(), ["INBOX", "Work", "Work/Old", "Workshop"]);
    assert!(matches!(local.ask(&[(work, 0, rename("Workshop"))]), Err(StoreError::Exists(_))));
    assert_eq!(local.names(), ["INBOX", "Work", "Work/Old", "Workshop"]);
    assert_eq!(local.shown(), ["Work 1 \\Flagged"]);
    local.ask(&[(work, 0, Intent::Delete)]).unwrap();
    assert_eq!(local.names(), ["INBOX", "Work/Old", "Workshop"]);
    assert_eq!(local.shown(), Vec::<String>::new());
    // A name that rests is free.
    let shop = local.mailbox("Workshop");
    local.ask(&[(shop, 0, rename("Work"))]).unwrap();
    assert_eq!(local.names(), ["INBOX", "Work", "Work/Old"]);
}

#[test]
fn a_request_that_cannot_be_done_as_a_whole_is_not_done_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path());
    local.deposit(local.inbox, &["one"]);
    let other = local.store.account("ann").unwrap();
    local
        .store
        .set_mailboxes(
            other,
            &[Mailbox {
                name: MailboxName::new("INBOX"),
                delimiter: None,
                special_use: None,
                selectable: true,
            }],
        )
        .unwrap();
    let foreign = local.store.mailboxes(other).unwrap()[0].id;
    let asks = [(local.inbox, 1, mark(&["\\Seen"])), (local.inbox, 1, Intent::Move { to: foreign })];
    assert!(matches!(local.ask(&asks), Err(StoreError::Missing(_))));
    assert_eq!(local.shown(), ["INBOX 1 \\Flagged"]);
    assert!(matches!(
        local.store.local_mailbox(other, &MailboxName::new("x"), NOW),
        Err(StoreError::Missing(_))
    ));
    assert!(matches!(local.store.deposit(foreign, &[], NOW), Err(StoreError::Missing(_))));
}

#[test]
fn mail_of_a_local_account_is_never_taken_for_a_servers_nor_the_other_way() {
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path());
    let ann = local.store.account("ann").unwrap();
    local.store.set_server(ann, "imap.example.org").unwrap();
    assert!(local.store.is_local(local.account).unwrap());
    assert!(!local.store.is_local(ann).unwrap());
    assert!(matches!(local.store.local_account("ann"), Err(StoreError::Exists(_))));
    assert!(matches!(local.store.set_server(local.account, "imap.example.org"), Err(StoreError::Exists(_))));
    assert_eq!(local.store.local_account("archive").unwrap(), local.account);
}

#[test]
fn beside_the_writer_a_desk_does_it_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::open(dir.path());
    local.deposit(local.inbox, &["one"]);
    let work = local.mailbox("Work");
    let mut desk = restante_store::Desk::open(dir.path()).unwrap();
    let ask = Ask { mailbox: local.inbox, uid: Uid::new(1), intent: Intent::Move { to: work } };
    desk.request("move", &[ask], NOW).unwrap();
    // The writer was about to give out the same UID.
    assert_eq!(local.deposit(work, &["two"]), (1, 0));
    assert_eq!(local.shown(), ["Work 1 \\Flagged", "Work 2 \\Flagged"]);
}

#[derive(Clone, Debug)]
enum Act {
    Deposit(usize, u8),
    Flag(usize),
    Move(usize, usize),
    Copy(usize, usize),
    Remove(usize),
    Undo(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..3_usize, 0..9_u8).prop_map(|(mailbox, content)| Act::Deposit(mailbox, content)),
        (0..9_usize).prop_map(Act::Flag),
        (0..9_usize, 0..3_usize).prop_map(|(entry, to)| Act::Move(entry, to)),
        (0..9_usize, 0..3_usize).prop_map(|(entry, to)| Act::Copy(entry, to)),
        (0..9_usize).prop_map(Act::Remove),
        (0..9_usize).prop_map(Act::Undo),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is done: nothing waits, counters are right, every content that was put in and not removed is there,
    /// and the check finds no fault.
    #[test]
    fn nothing_is_lost_by_what_is_asked(acts in prop::collection::vec(act(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let mut local = Local::open(dir.path());
        let mailboxes = [local.inbox, local.mailbox("A"), local.mailbox("A/B")];
        let mut requests = Vec::new();
        let mut removed = false;
        let mut put = std::collections::BTreeSet::new();
        for act in acts {
            let entries: Vec<(MailboxId, Uid)> = mailboxes
                .iter()
                .flat_map(|id| local.store.flags(*id).unwrap().into_iter().map(|(uid, _)| (*id, uid)))
                .collect();
            let at = |n: usize| entries.get(n % entries.len().max(1)).copied();
            match act {
                Act::Deposit(mailbox, content) => {
                    put.insert(content);
                    local.deposit(mailboxes[mailbox], &[&format!("Subject: {content}\n\n{content}")]);
                }
                Act::Flag(n) => if let Some((mailbox, uid)) = at(n) {
                    requests.push(local.ask(&[(mailbox, uid.get(), mark(&["\\Seen", "k"]))]).unwrap());
                },
                Act::Move(n, to) => if let Some((mailbox, uid)) = at(n) {
                    requests.push(local.ask(&[(mailbox, uid.get(), Intent::Move { to: mailboxes[to] })]).unwrap());
                },
                Act::Copy(n, to) => if let Some((mailbox, uid)) = at(n) {
                    requests.push(local.ask(&[(mailbox, uid.get(), Intent::Copy { to: mailboxes[to] })]).unwrap());
                },
                Act::Remove(n) => if let Some((mailbox, uid)) = at(n) {
                    removed = true;
                    requests.push(local.ask(&[(mailbox, uid.get(), Intent::Remove)]).unwrap());
                },
                Act::Undo(n) if !requests.is_empty() => {
                    let id = requests.swap_remove(n % requests.len());
                    // Taking back a copy removes; what was moved away since is named and stays.
                    if let Ok(undone) = local.store.desk().undo(id, NOW)
                        && let Some(request) = undone.request
                    {
                        requests.push(request.id);
                    }
                }
                Act::Undo(_) => {}
            }
            local.shown();
        }
        let there: std::collections::BTreeSet<MessageId> =
            local.store.find(&Filter::default(), 99, None).unwrap().into_iter().collect();
        if !removed {
            prop_assert_eq!(there.len(), put.len());
        }
        for row in local.store.refused(local.account).unwrap() {
            prop_assert!(row.state != OperationState::Refused);
        }
        drop(local);
        prop_assert_eq!(faults(dir.path()), Vec::<String>::new());
    }
}
