//! Bringing an account's mailboxes up to date.
//!
//! The network side (`pull`) never waits for the disk and the disk side (`keeper`) never waits for
//! the network: between them is a short queue. What is committed is always true: bodies first, then
//! the entries that name them, then the state that they prove.

pub(crate) mod append;
mod create;
mod describe;
mod extents;
mod fallen;
mod identity;
mod index;
mod keeper;
mod left;
mod limit;
mod list;
mod opening;
mod portions;
mod pull;
mod push;
mod serve;
mod tidy;
mod told;

pub(crate) use create::create_sent;
pub use create::new_name;
pub use index::{Indexer, index};
pub use keeper::Keeper;
pub(crate) use keeper::now;
pub(crate) use list::enable;
pub(crate) use opening::look;
pub use push::{Pushed, push};
pub(crate) use tidy::Daily;
pub use tidy::tidy;
pub use told::Room;
pub(crate) use told::too_large;

use crate::error::Error;
use crate::imap::{Connection, Traffic};
use extents::Rule;
use restante_core::diagnosis::{Finding, Service, Stage, Verdict};
use restante_core::mail::{Mailbox, MailboxName, SpecialUse, SyncState};
use restante_core::sync::pull::{Held, Seen, is_unchanged};
use restante_core::sync::{Delta, Policy, Selection, renamed};
use restante_store::{AccountId, MailboxId, MailboxRow, Operation, Store, StoreError, Told};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// What one run of a sync did.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Every mailbox the account has, in the server's order.
    pub mailboxes: Vec<MailboxReport>,
    /// Operations of the person that the server confirmed.
    pub pushed: u64,
    /// Octets received after login, inside TLS, as they came: compressed, where the link is slow.
    pub bytes_in: u64,
    /// Octets sent after login, inside TLS.
    pub bytes_out: u64,
    /// How often the server was asked and waited for, after login.
    pub round_trips: u64,
    /// How much room the account has on its server, as far as the server says.
    pub quota: Vec<Room>,
    /// What went not quite right and stopped nothing.
    pub findings: Vec<Finding>,
}

/// What a sync did to one mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MailboxReport {
    /// Its name.
    pub name: String,
    /// Messages fetched.
    pub new: u64,
    /// Messages of which less was here, and that were fetched to the extent that is wanted.
    pub completed: u64,
    /// Messages that came under new UIDs and were here already: their content was not fetched again.
    pub recognised: u64,
    /// Messages whose flags changed.
    pub changed: u64,
    /// Messages that are gone.
    pub removed: u64,
    /// Messages held now.
    pub total: u64,
}

/// How far a sync is. Read it whenever a screen is due.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// The mailbox at work.
    pub mailbox: String,
    /// Messages to fetch, as far as is known.
    pub messages: u64,
    /// Messages fetched.
    pub messages_done: u64,
    /// Octets to fetch of mailboxes that come whole, where the server counts them (RFC 8438); 0: unknown.
    pub bytes: u64,
    /// Octets of message bodies received.
    pub bytes_done: u64,
}

/// Brings the server what the person asked, then pulls every selectable mailbox of an account, over a
/// connection that is logged in.
///
/// # Errors
/// When the connection breaks or the store cannot be written. Everything committed until then stays,
/// and the next run goes on from there.
pub async fn sync(
    connection: &mut Connection,
    keeper: &Keeper,
    account: AccountId,
    progress: &Mutex<Progress>,
) -> Result<Report, Error> {
    sync_selected(connection, keeper, account, &Selection::default(), progress).await
}

/// As [`sync`], of the mailboxes that a person chose, and as much of their messages. What is held of others stays as
/// it is, and what is held of a message is never given up for its age or size.
///
/// # Errors
/// Those of [`sync`].
pub async fn sync_selected(
    connection: &mut Connection,
    keeper: &Keeper,
    account: AccountId,
    selection: &Selection,
    progress: &Mutex<Progress>,
) -> Result<Report, Error> {
    let before = connection.traffic();
    serve::serve(connection, keeper, account).await?;
    let pushed = push(connection, keeper, account).await?;
    let first = selection.wants(&MailboxName::new("INBOX"))
        && keeper.with(move |store| store.view().mailboxes(account)).await?.is_empty();
    let rule = Rule::of(&selection.policy, now());
    let listing = list::list(connection, first.then_some(&rule)).await?;
    let Taken { rows, gone } = take_over(connection, keeper, account, &listing).await?;
    let wanted = listing
        .mailboxes
        .into_iter()
        .filter(|(mailbox, _)| mailbox.selectable && selection.wants(&mailbox.name));
    let wanted = wanted.map(|(mailbox, status)| (mailbox.name, status)).collect();
    let moved = rows.iter().any(|row| row.moved && !gone.contains(&row.id));
    let all = selection.is_everything();
    let findings = told::findings(connection.host(), &listing.said.told);
    let (abilities, sizes, inbox) = (listing.abilities, listing.said.sizes, listing.inbox);
    let round =
        Round { account, rows, gone, moved, all, rule, pushed, abilities, inbox, sizes, findings, before };
    round.pull(connection, keeper, progress, wanted).await
}

/// Brings the server what the person asked, then pulls the mailboxes that are named, each with what the server
/// said of it; with nothing said it is opened to see. The connection has done a [`sync`].
///
/// # Errors
/// Those of [`sync`].
pub(crate) async fn refresh(
    connection: &mut Connection,
    keeper: &Keeper,
    account: AccountId,
    policy: &Policy,
    wanted: Vec<(MailboxName, Option<Seen>)>,
    progress: &Mutex<Progress>,
) -> Result<Report, Error> {
    let before = connection.traffic();
    serve::serve(connection, keeper, account).await?;
    let pushed = push(connection, keeper, account).await?;
    let abilities = list::enable(connection).await?;
    let rows = keeper.with(move |store| store.view().mailboxes(account)).await?;
    let round = Round {
        account,
        rows,
        gone: Vec::new(),
        moved: false,
        all: false,
        rule: Rule::of(policy, now()),
        pushed,
        abilities,
        inbox: None,
        sizes: BTreeMap::new(),
        findings: Vec::new(),
        before,
    };
    round.pull(connection, keeper, progress, wanted).await
}

/// One pass over some mailboxes.
struct Round {
    account: AccountId,
    rows: Vec<MailboxRow>,
    /// Mailboxes the list lacks.
    gone: Vec<MailboxId>,
    /// Some entries are another server's.
    moved: bool,
    /// Every mailbox is looked at: what is found nowhere then is nowhere.
    all: bool,
    /// How much of each message is to be held.
    rule: Rule,
    pushed: Pushed,
    abilities: list::Abilities,
    /// The INBOX, when it was opened together with the list.
    inbox: Option<opening::Answered>,
    /// Octets of each mailbox, where the server counts them.
    sizes: BTreeMap<MailboxName, u64>,
    findings: Vec<Finding>,
    before: Traffic,
}

impl Round {
    async fn pull(
        self,
        connection: &mut Connection,
        keeper: &Keeper,
        progress: &Mutex<Progress>,
        wanted: Vec<(MailboxName, Option<Seen>)>,
    ) -> Result<Report, Error> {
        let Self {
            account,
            rows,
            gone,
            mut moved,
            all,
            rule,
            mut pushed,
            abilities,
            inbox,
            sizes,
            mut findings,
            before,
        } = self;
        let mut work = Vec::new();
        let mut reports = Vec::new();
        for (name, status) in wanted {
            let Some(row) = rows.iter().find(|row| row.mailbox.name == name) else { continue };
            let held = Held { state: row.state, count: row.total, moved: row.moved };
            let total = row.total;
            reports.push(MailboxReport { name: name.as_str().to_owned(), total, ..MailboxReport::default() });
            let lacks = row.policy != rule.words && lacks(keeper, row.id, &rule).await?;
            if status.is_some_and(|status| is_unchanged(held, status)) && !lacks {
                continue;
            }
            if let Some(state) = status.and_then(|status| empty(held, status)) {
                if held.state != Some(state) {
                    keeper.apply(row.id, Delta { state: Some(state), ..Delta::default() }).await?;
                }
                continue;
            }
            let expected = status.map_or(0, |status| u64::from(status.exists)).saturating_sub(row.total);
            let size = sizes.get(&name).copied().filter(|_| total == 0).unwrap_or(0);
            edit(progress, |p| {
                p.messages += expected;
                p.bytes += size;
            });
            let special_use = row.mailbox.special_use;
            work.push(pull::Task {
                at: reports.len() - 1,
                mailbox: row.id,
                name,
                special_use,
                held,
                expected,
                lacks,
            });
        }
        work.sort_by_key(|task| turn(task, abilities.labels));
        let mut memory = pull::Memory::of(account, inbox, serve::Bell::of(keeper).await?);
        let mut whole = all;
        for task in work {
            edit(progress, |p| p.mailbox = task.name.as_str().to_owned());
            let pull = pull::Pull::new(connection, keeper, progress, abilities, &task, &rule, &mut memory);
            let pulled = pull.run().await?;
            moved |= pulled.reset;
            whole &= pulled.opened;
            if let Some(report) = reports.get_mut(task.at) {
                *report = pulled.report;
            }
            findings.extend(pulled.findings);
        }
        serve::serve(connection, keeper, account).await?;
        if moved || !gone.is_empty() {
            let (left, refused) = keeper.with(move |store| put_away(store, &gone, moved)).await?;
            findings.extend(left);
            pushed.refused.extend(refused);
        }
        // A server that is new here may not have everything yet.
        let whole = whole && !moved;
        let (carried, superseded) = keeper.with(move |store| find_again(store, account, whole)).await?;
        pushed.refused.extend(superseded);
        if carried > 0 || moved {
            let more = push(connection, keeper, account).await?;
            pushed.confirmed += more.confirmed;
            pushed.refused.extend(more.refused);
            pushed.findings.extend(more.findings);
        }
        let refused = pushed.refused;
        findings.extend(pushed.findings);
        findings.extend(keeper.with(move |store| push::told(store.view(), &refused)).await?);
        let quota = keeper.with(move |store| store.view().quota(account)).await?;
        let after = connection.traffic();
        Ok(Report {
            quota: quota.into_iter().map(Room::from).collect(),
            mailboxes: reports,
            pushed: pushed.confirmed,
            bytes_in: after.bytes_in - before.bytes_in,
            bytes_out: after.bytes_out - before.bytes_out,
            round_trips: after.round_trips - before.round_trips,
            findings,
        })
    }
}

/// When a mailbox has its turn. The INBOX is what a person waits for. Where mailboxes are labels, the view of all mail
/// brings nearly everything, and the others then need no content. Elsewhere views show what others hold: they come last.
fn turn(task: &pull::Task, labels: bool) -> u8 {
    match task.special_use {
        _ if task.name.is_inbox() => 0,
        Some(SpecialUse::All) if labels => 1,
        Some(SpecialUse::All | SpecialUse::Flagged | SpecialUse::Important) => 3,
        _ => 2,
    }
}

/// Whether more is to be held of some messages of a mailbox. When not, that is noted, not to be looked for again.
async fn lacks(keeper: &Keeper, mailbox: MailboxId, rule: &Rule) -> Result<bool, Error> {
    let rule = rule.clone();
    keeper
        .with(move |store| {
            let lacks = !rule.lacking(&store.view().partials(mailbox)?).0.is_empty();
            if !lacks {
                store.set_policy(mailbox, &rule.words)?;
            }
            Ok(lacks)
        })
        .await
}

/// The state of a mailbox that holds nothing here and, by STATUS, nothing there. To open it would cost two round trips
/// and tell nothing more.
fn empty(held: Held, status: Seen) -> Option<SyncState> {
    let nothing = held.count == 0 && status.exists == 0 && !held.moved;
    Some(SyncState {
        uid_validity: status.uid_validity.filter(|_| nothing)?,
        uid_next: status.uid_next.filter(|next| *next > 0)?,
        highest_mod_seq: status.highest_mod_seq,
    })
}

/// Asks which mailboxes an account has, and remembers it.
pub(crate) async fn mailboxes(
    connection: &mut Connection,
    keeper: &Keeper,
    account: AccountId,
) -> Result<Vec<MailboxRow>, Error> {
    let listing = list::list(connection, None).await?;
    Ok(take_over(connection, keeper, account, &listing).await?.rows)
}

/// The mailboxes after a list was taken over.
struct Taken {
    rows: Vec<MailboxRow>,
    /// Those the list lacks.
    gone: Vec<MailboxId>,
}

async fn take_over(
    connection: &Connection,
    keeper: &Keeper,
    account: AccountId,
    listing: &list::Listing,
) -> Result<Taken, Error> {
    let place = connection.place().to_owned();
    let listed = listing.mailboxes.iter().map(|(mailbox, _)| mailbox.clone()).collect::<Vec<_>>();
    let told = listing.said.told.clone();
    keeper
        .with(move |store| {
            store.set_server(account, &place)?;
            // A list without an INBOX is no list of an account (RFC 9051, section 5.1): nothing goes
            // on its word.
            let credible = listed.iter().any(|mailbox| mailbox.name.is_inbox());
            if credible {
                rename_same(store, account, &listed, &told)?;
                rename(store, account, &listed)?;
            }
            let mut gone = store.set_mailboxes(account, &listed)?.gone;
            store.set_told(account, &told)?;
            let rows = store.view().mailboxes(account)?;
            // Of a mailbox that was removed its name may stay, for those below it (RFC 9051, section 6.3.5).
            gone.extend(rows.iter().filter(|row| !row.mailbox.selectable && row.total > 0).map(|row| row.id));
            gone.retain(|_| credible);
            Ok(Taken { rows, gone })
        })
        .await
}

/// Gives mailboxes their new names that were renamed on the server, where it says which they are (RFC 8474).
fn rename_same(
    store: &mut Store,
    account: AccountId,
    listed: &[Mailbox],
    told: &Told,
) -> Result<(), StoreError> {
    let ids = store.view().object_ids(account)?;
    let rows = store.view().mailboxes(account)?;
    // What another server called them says nothing here; their names are taken all the same.
    let counts = |row: &&MailboxRow| !row.moved && row.state.is_some();
    let own =
        |row: &MailboxRow| Some(row).filter(counts).and_then(|row| ids.get(&row.id)).map(String::as_str);
    let known: Vec<(&MailboxName, &str)> =
        rows.iter().map(|row| (&row.mailbox.name, own(row).unwrap_or_default())).collect();
    let id = |name: &MailboxName| told.mailboxes.get(name).and_then(|(id, _)| id.as_deref());
    let there: Vec<(&MailboxName, &str)> =
        listed.iter().map(|mailbox| (&mailbox.name, id(&mailbox.name).unwrap_or_default())).collect();
    for (old, new) in renamed::same(&known, &there) {
        if let (Some(row), Some(mailbox)) = (rows.get(old), listed.get(new)) {
            store.rename_same(row.id, mailbox)?;
        }
    }
    Ok(())
}

/// Gives mailboxes that another server calls otherwise their new names.
fn rename(store: &mut Store, account: AccountId, listed: &[Mailbox]) -> Result<(), StoreError> {
    let rows = store.view().mailboxes(account)?;
    let known: BTreeSet<&MailboxName> = rows.iter().map(|row| &row.mailbox.name).collect();
    let names: BTreeSet<&MailboxName> = listed.iter().map(|mailbox| &mailbox.name).collect();
    let gone: Vec<&MailboxRow> = rows.iter().filter(|row| !names.contains(&row.mailbox.name)).collect();
    let fresh: Vec<Mailbox> = listed.iter().filter(|m| !known.contains(&m.name)).cloned().collect();
    let former: Vec<Mailbox> = gone.iter().map(|row| row.mailbox.clone()).collect();
    for (old, new) in renamed::pair(&former, &fresh) {
        if let (Some(row), Some(mailbox)) = (gone.get(old), fresh.get(new)) {
            store.rename_mailbox(row.id, mailbox)?;
        }
    }
    Ok(())
}

/// Puts the mailboxes away that are gone, and gives what was to bring messages there: it is refused. A server that is new here may not have everything yet: in the sync that finds it out (`moved`), a
/// mailbox with messages that were found nowhere else stays.
fn put_away(
    store: &mut Store,
    gone: &[MailboxId],
    moved: bool,
) -> Result<(Vec<Finding>, Vec<Operation>), StoreError> {
    let (mut findings, mut refused) = (Vec::new(), Vec::new());
    for mailbox in gone {
        let left = if moved { store.only_in(*mailbox)? } else { 0 };
        if left == 0 {
            refused.extend(store.retire_mailbox(*mailbox, now())?);
            continue;
        }
        let name = store.view().mailbox(*mailbox)?.mailbox.name;
        let messages = if left == 1 { "1 message".to_owned() } else { format!("{left} messages") };
        let evidence = format!("{name}: {messages} of it could not be found on the new server");
        findings.push(Finding::new(Stage::Mailbox, Service::Imap, Verdict::MailMissing, evidence));
    }
    Ok((findings, refused))
}

/// Brings what was asked for messages that are elsewhere now to where they are; gives how many, and, when
/// every mailbox is known as it is (`whole`), what was asked of messages that are nowhere any more.
fn find_again(
    store: &mut Store,
    account: AccountId,
    whole: bool,
) -> Result<(u64, Vec<Operation>), StoreError> {
    let carried = store.carry_operations(account)?;
    Ok((carried, if whole { store.supersede(account)? } else { Vec::new() }))
}

fn edit(progress: &Mutex<Progress>, change: impl FnOnce(&mut Progress)) {
    change(&mut progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
}
