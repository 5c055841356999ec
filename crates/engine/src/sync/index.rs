//! Making what was fetched searchable, while more is being fetched.

use super::keeper::{Commits, Keeper, Previews};
use crate::error::Error;
use restante_store::View;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Messages in one step; large ones end it before, by their octets. FTS5 sorts and merges less when more come at once;
/// a step is also what is lost when the program is ended.
const STEP: usize = 10_000;
/// How much less than the rest of the program the index may have of a busy processor, as `nice` counts it.
#[cfg(target_os = "linux")]
const NICE: i32 = 19;

/// Makes mail searchable on a thread of its own, as soon as it is committed, with what processors have to
/// spare. Dropping it ends the thread after the step under way.
pub struct Indexer {
    previews: Previews,
    /// What the thread gives back when it ends.
    ended: oneshot::Receiver<Result<restante_store::Indexer, Error>>,
    turn: Turn,
}

/// Ends the thread when it is dropped.
struct Turn(Arc<Commits>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.end_turn();
    }
}

impl Indexer {
    /// Begins with what is not indexed yet and waits for more.
    ///
    /// # Errors
    /// When the store cannot be opened once more, or there is no thread to be had.
    pub async fn start(keeper: &Keeper) -> Result<Self, Error> {
        let indexer = keeper.with(|store| store.indexer()).await?;
        let (commits, previews) = (keeper.commits(), keeper.previews());
        let turn = Turn(Arc::clone(&commits));
        commits.begin_turn();
        let ended = spawn({
            let (commits, previews) = (Arc::clone(&commits), previews.clone());
            move || {
                give_way();
                alongside(indexer, &commits, &previews)
            }
        })?;
        Ok(Self { previews, ended, turn })
    }

    /// Indexes everything that is committed by now, and tells after each step how many messages that were.
    ///
    /// # Errors
    /// When the store cannot be read or written, now or before.
    pub async fn finish(self, mut on_step: impl FnMut(usize)) -> Result<(), Error> {
        let Self { previews, ended, turn } = self;
        drop(turn);
        let mut indexer = ended.await.map_err(|_| died())??;
        // Now somebody waits for it. Its place in the line cannot be taken back, so this is another thread.
        let (steps, mut done) = mpsc::unbounded_channel();
        let ended = spawn(move || {
            loop {
                match step(&mut indexer, &previews)? {
                    0 => return Ok(()),
                    // Whoever does not want to know may go.
                    count => drop(steps.send(count)),
                }
            }
        })?;
        while let Some(count) = done.recv().await {
            on_step(count);
        }
        ended.await.map_err(|_| died())?
    }
}

/// Commits what was fetched and indexes everything.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn index(keeper: &Keeper) -> Result<(), Error> {
    keeper.commit().await?;
    Indexer::start(keeper).await?.finish(|_| {}).await
}

/// Indexes after each commit, until the turn ends.
fn alongside(
    mut indexer: restante_store::Indexer,
    commits: &Commits,
    previews: &Previews,
) -> Result<restante_store::Indexer, Error> {
    let mut seen = commits.count();
    while commits.is_turn() {
        if step(&mut indexer, previews)? == 0 {
            commits.wait(seen);
            seen = commits.count();
        }
    }
    Ok(indexer)
}

fn step(indexer: &mut restante_store::Indexer, previews: &Previews) -> Result<usize, Error> {
    Ok(indexer.step(STEP, View::searchable, |shown| previews.commit(shown))?)
}

fn spawn<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<oneshot::Receiver<Result<T, Error>>, Error> {
    let (result, ended) = oneshot::channel();
    std::thread::Builder::new()
        .name("index".to_owned())
        .spawn(move || {
            // Nobody waits when the sync was given up.
            let _ = result.send(work());
        })
        .map_err(|e| Error::Configuration(format!("the system gives no thread to index with: {e}")))?;
    Ok(ended)
}

fn died() -> Error {
    Error::Configuration("the thread that makes the index died".to_owned())
}

/// Puts this thread behind the others. On Linux a priority is a thread's; elsewhere it would be the
/// process's.
fn give_way() {
    #[cfg(target_os = "linux")]
    // Where it is refused the index is only less polite.
    let _ = rustix::process::setpriority_process(None, NICE);
}
