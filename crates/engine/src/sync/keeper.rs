//! The thread that owns the store: it takes message bodies as they come and commits them in batches.

use crate::error::Error;
use restante_core::mail::{Flags, ModSeq, Uid};
use restante_core::message::Summary;
use restante_core::sync::Delta;
use restante_store::{
    Applied, Beginning, Body, Confirmed, Content, ContentWriter, MailboxId, NewEntry, Preview, Store,
    StoreError,
};
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot};

/// Batches in the queue between network and disk: each is about one read of the socket.
const QUEUE: usize = 16;
/// Entries in one transaction.
const ENTRIES: usize = 1000;
/// Octets of bodies in one transaction.
const OCTETS: u64 = 16 << 20;
/// What came over a slow line is committed after this time all the same, to be read and not to be lost.
const AGE: Duration = Duration::from_secs(3);
/// Octets of a message that are kept to read its header from. Longer headers lose their last fields.
const HEADER: usize = 64 * 1024;

/// What came in one go: the bytes of bodies, and what they belong to.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    items: Vec<Item>,
}

#[derive(Debug)]
enum Item {
    Start(u64),
    Body(Range<usize>),
    Entry(Row),
}

/// The row that a body belongs to.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) uid: Uid,
    pub(super) flags: Flags,
    pub(super) mod_seq: Option<ModSeq>,
    /// Seconds since 1970; `None` when the server gave no date that can be read.
    pub(super) internal_date: Option<i64>,
    /// EMAILID; empty when the server gives none.
    pub(super) email_id: String,
    /// Octets of the whole message, when the body before is only its beginning.
    pub(super) whole: Option<u64>,
    /// What it is to begin with, when that is here already.
    pub(super) begun: Option<Beginning>,
}

impl Batch {
    pub(super) fn start(&mut self, size: u64) {
        self.items.push(Item::Start(size));
    }

    pub(super) fn body(&mut self, bytes: &[u8]) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.items.push(Item::Body(from..self.bytes.len()));
    }

    /// The body before belongs to this row.
    pub(super) fn entry(&mut self, row: Row) {
        self.items.push(Item::Entry(row));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

type Job = Box<dyn FnOnce(&mut Keep) + Send>;

enum Request {
    Batch(MailboxId, Batch),
    Job(Job),
    /// Commit what was taken.
    Commit,
}

/// Tells whoever makes the index that there is more to be indexed.
#[derive(Default)]
pub(super) struct Commits {
    state: Mutex<CommitState>,
    changed: Condvar,
}

#[derive(Default)]
struct CommitState {
    count: u64,
    /// Whether somebody may go on waiting.
    turn: bool,
}

impl Commits {
    fn lock(&self) -> MutexGuard<'_, CommitState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits so far.
    pub(super) fn count(&self) -> u64 {
        self.lock().count
    }

    fn add(&self) {
        self.lock().count += 1;
        self.changed.notify_all();
    }

    pub(super) fn begin_turn(&self) {
        self.lock().turn = true;
    }

    /// Ends all waiting.
    pub(super) fn end_turn(&self) {
        self.lock().turn = false;
        self.changed.notify_all();
    }

    /// Whether the turn has not ended.
    pub(super) fn is_turn(&self) -> bool {
        self.lock().turn
    }

    /// Waits until there are more commits than `seen`, or the turn ends.
    pub(super) fn wait(&self, seen: u64) {
        let state = self.lock();
        drop(self.changed.wait_while(state, |state| state.turn && state.count == seen));
    }
}

/// Where an index's maker leaves what lists show.
#[derive(Clone)]
pub(super) struct Previews(mpsc::Sender<Request>);

impl Previews {
    /// Returns when they are committed. Not to be called in a task.
    pub(super) fn commit(&self, previews: Vec<Preview>) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move |keep: &mut Keep| {
            let _ = answer.send(keep.store.preview(&previews));
        });
        let gone = || StoreError::Missing("thread that writes the store");
        self.0.blocking_send(Request::Job(job)).map_err(|_| gone())?;
        answered.blocking_recv().map_err(|_| gone())?
    }
}

/// A handle to the thread that owns the store.
///
/// Dropping it lets the thread finish what is queued; [`Keeper::close`] waits for that.
pub struct Keeper {
    requests: mpsc::Sender<Request>,
    failure: Arc<Mutex<Option<StoreError>>>,
    commits: Arc<Commits>,
    thread: JoinHandle<()>,
}

impl Keeper {
    /// Gives the store to a thread of its own.
    ///
    /// # Errors
    /// When the thread or the content writer cannot be made.
    pub fn start(store: Store) -> Result<Self, Error> {
        let (requests, mut inbox) = mpsc::channel(QUEUE);
        let failure = Arc::new(Mutex::new(None));
        let writer = store.content_writer()?;
        let commits = Arc::new(Commits::default());
        let mut keep = Keep { store, writer, commits: Arc::clone(&commits), pending: None, broken: false };
        let failed = Arc::clone(&failure);
        let work = move || {
            while let Some(request) = inbox.blocking_recv() {
                let done = match request {
                    Request::Batch(mailbox, batch) => keep.take(mailbox, &batch),
                    Request::Commit => keep.commit(),
                    Request::Job(job) => {
                        job(&mut keep);
                        Ok(())
                    }
                };
                if let Err(error) = done {
                    *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    return;
                }
                // What the writer had not synced is given up; whoever asked was told.
                if keep.broken {
                    return;
                }
            }
            if let Err(error) = keep.commit() {
                *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
        };
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(work)
            .map_err(|e| Error::Configuration(format!("the system gives no thread to write with: {e}")))?;
        Ok(Self { requests, failure, commits, thread })
    }

    pub(super) fn commits(&self) -> Arc<Commits> {
        Arc::clone(&self.commits)
    }

    pub(super) fn previews(&self) -> Previews {
        Previews(self.requests.clone())
    }

    /// Does something with the store, after everything queued before it.
    ///
    /// # Errors
    /// Those of the work, and those of earlier batches.
    pub async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Error> {
        self.job(|keep| work(&mut keep.store)).await
    }

    /// Hands over bodies and their rows; waits while the disk is behind.
    pub(super) async fn take(&self, mailbox: MailboxId, batch: Batch) -> Result<(), Error> {
        self.requests.send(Request::Batch(mailbox, batch)).await.map_err(|_| self.why())
    }

    /// Has everything taken so far committed; does not wait for it.
    pub(super) async fn commit(&self) -> Result<(), Error> {
        self.requests.send(Request::Commit).await.map_err(|_| self.why())
    }

    /// Commits everything taken so far, and `delta` with it.
    pub(super) async fn apply(&self, mailbox: MailboxId, delta: Delta<NewEntry>) -> Result<Applied, Error> {
        self.job(move |keep| {
            keep.commit()?;
            let applied = keep.store.apply(mailbox, &delta, now());
            keep.commits.add();
            applied
        })
        .await
    }

    /// Takes over what the server has confirmed, after everything queued before it.
    pub(super) async fn confirm(
        &self,
        confirmed: Vec<Confirmed>,
        deltas: Vec<(MailboxId, Delta<NewEntry>)>,
        now: i64,
    ) -> Result<(), Error> {
        self.with(move |store| store.confirm(&confirmed, &deltas, now).map(|_| ())).await
    }

    /// Ends the thread, after everything queued.
    ///
    /// # Errors
    /// Those of the last batches.
    pub fn close(self) -> Result<(), Error> {
        drop(self.requests);
        if self.thread.join().is_err() {
            return Err(Error::Configuration("the thread that writes the store died".to_owned()));
        }
        match self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    async fn job<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Keep) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move |keep: &mut Keep| {
            // Nobody waits any more when the task was ended; the work is done all the same.
            let _ = answer.send(work(keep));
        });
        self.requests.send(Request::Job(job)).await.map_err(|_| self.why())?;
        Ok(answered.await.map_err(|_| self.why())??)
    }

    fn why(&self) -> Error {
        match self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => error.into(),
            None => Error::Configuration("the thread that writes the store has ended".to_owned()),
        }
    }
}

struct Keep {
    store: Store,
    writer: ContentWriter,
    commits: Arc<Commits>,
    pending: Option<Pending>,
    /// The content writer failed and must not be used again.
    broken: bool,
}

/// What is written to the packs and not yet committed.
struct Pending {
    mailbox: MailboxId,
    entries: Vec<NewEntry>,
    octets: u64,
    /// Since when something waits.
    since: Instant,
    /// The first octets of the message under way.
    head: Vec<u8>,
    finished: Option<Content>,
    open: bool,
}

impl Keep {
    fn take(&mut self, mailbox: MailboxId, batch: &Batch) -> Result<(), StoreError> {
        if self.pending.as_ref().is_some_and(|pending| pending.mailbox != mailbox) {
            self.commit()?;
        }
        for item in &batch.items {
            let pending = self.pending.get_or_insert_with(|| Pending::new(mailbox));
            match item {
                Item::Start(size) => {
                    pending.head.clear();
                    pending.open = true;
                    self.writer.begin(*size)?;
                }
                Item::Body(range) => {
                    let bytes = batch.bytes.get(range.clone()).unwrap_or_default();
                    let room = HEADER.saturating_sub(pending.head.len()).min(bytes.len());
                    pending.head.extend_from_slice(bytes.get(..room).unwrap_or_default());
                    self.writer.write(bytes)?;
                }
                Item::Entry(row) => {
                    if std::mem::take(&mut pending.open) {
                        pending.finished = Some(self.writer.finish()?);
                    }
                    let Some(content) = pending.finished.take() else { continue };
                    let summary = Box::new(Summary::read(&pending.head));
                    let internal_date = row.internal_date.or(summary.date).unwrap_or(0);
                    if pending.entries.is_empty() {
                        pending.since = Instant::now();
                    }
                    pending.octets += content.size();
                    pending.entries.push(NewEntry {
                        uid: row.uid,
                        flags: row.flags.clone(),
                        mod_seq: row.mod_seq,
                        internal_date,
                        email_id: row.email_id.clone(),
                        body: match (row.whole, row.begun) {
                            (Some(size), _) => Body::Begun { summary, content, size },
                            // The server has other octets under this UID now.
                            (None, Some(begun)) if !begun.is_of(&pending.head, content.size()) => {
                                Body::Another { summary, content }
                            }
                            (None, _) => Body::Fetched { summary, content },
                        },
                    });
                    if pending.entries.len() >= ENTRIES || pending.octets >= OCTETS {
                        self.commit()?;
                    }
                }
            }
        }
        match &self.pending {
            Some(pending) if !pending.entries.is_empty() && pending.since.elapsed() >= AGE => self.commit(),
            _ => Ok(()),
        }
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let Some(pending) = &mut self.pending else { return Ok(()) };
        let entries = std::mem::take(&mut pending.entries);
        pending.octets = 0;
        let mailbox = pending.mailbox;
        // A message under way goes on; only what is whole is committed.
        if !pending.open {
            self.pending = None;
        }
        if entries.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.writer.sync() {
            self.broken = true;
            return Err(error);
        }
        self.store.apply(mailbox, &Delta { new: entries, ..Delta::default() }, now())?;
        self.commits.add();
        Ok(())
    }
}

impl Pending {
    fn new(mailbox: MailboxId) -> Self {
        Self {
            mailbox,
            entries: Vec::new(),
            octets: 0,
            since: Instant::now(),
            head: Vec::new(),
            finished: None,
            open: false,
        }
    }
}

/// The clock, in seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
