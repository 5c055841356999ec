//! Making what was fetched searchable.

use super::keeper::Keeper;
use crate::error::Error;
use restante_core::message::Searchable;
use restante_store::StoreError;

/// Messages in one step. FTS5 sorts and merges less when more come at once; a step is also what is lost
/// when the program is ended.
const STEP: usize = 500;

/// Indexes everything that is not indexed yet, and tells after each step how many that were.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn index(keeper: &Keeper, mut on_step: impl FnMut(usize)) -> Result<(), Error> {
    loop {
        let done = keeper
            .with(|store| {
                let messages = store.view().unindexed(STEP)?;
                let mut batch = Vec::with_capacity(messages.len());
                for message in messages {
                    let searchable = match store.view().read(message) {
                        Ok(content) => Searchable::read(&content),
                        // One damaged message must not keep all later ones from being found.
                        Err(StoreError::Damaged(_)) => Searchable::default(),
                        Err(error) => return Err(error),
                    };
                    batch.push((message, searchable));
                }
                let count = batch.len();
                if count > 0 {
                    store.index(batch)?;
                }
                Ok(count)
            })
            .await?;
        if done == 0 {
            return Ok(());
        }
        on_step(done);
    }
}
