//! What restante remembers: one SQLite database, the packs beside it, and a search index that can be
//! made again from both.
//!
//! **Lives here:** rows and bytes on disk, and the questions asked of them. **Never here:** sockets, a
//! clock, a decision about what to do. Times are arguments.
//!
//! [`Store`] is the one writer of a data directory; any number of [`View`]s read it, also from other
//! processes. The rules that hold after a crash at any point:
//!
//! - A commit that refers to content comes after that content was synced to its pack
//!   ([`ContentWriter::sync`]); [`Store::apply`] refuses anything else.
//! - The state of a mailbox ([`SyncState`](restante_core::mail::SyncState)) is committed together with
//!   the entries that prove it, never ahead of them.
//! - The search index may be behind, never wrong: [`View::unindexed`] says what is missing.
//! - The outbox is on disk before a call returns.

mod account;
mod apply;
mod change;
mod content;
mod database;
mod dir;
mod error;
mod id;
mod list;
mod mailbox;
mod moved;
mod operation;
mod outbox;
mod pack;
mod search;
mod store;
mod thread;

pub use account::Account;
pub use apply::{Applied, Body, NewEntry, message_date};
pub use change::Change;
pub use content::ContentReader;
pub use error::StoreError;
pub use id::{AccountId, Digest, MailboxId, MessageId, OperationId, SubmissionId};
pub use list::{Filter, Found, Place, Row};
pub use mailbox::{Listed, MailboxRow};
pub use operation::{Intent, Operation};
pub use outbox::{NewSubmission, Submission};
pub use pack::{Content, ContentWriter};
pub use search::{Indexer, Preview};
pub use store::{Store, View};
