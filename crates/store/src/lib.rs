//! What restante remembers: one SQLite database, the packs beside it, and a search index that can be
//! made again from both.
//!
//! **Lives here:** rows and bytes on disk, and the questions asked of them. **Never here:** sockets, a
//! clock, a decision about what to do. Times are arguments.
//!
//! [`Store`] is the one writer of a data directory; any number of [`View`]s read it, also from other
//! processes, and a [`Desk`] beside it takes down what a person asks. The rules that hold after a crash at any point:
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
mod check;
mod compact;
mod confirm;
mod content;
mod counts;
mod database;
mod dir;
mod entry;
mod error;
mod fold;
mod id;
mod list;
mod local;
mod mailbox;
mod mend;
mod moved;
mod operation;
mod outbox;
mod pack;
mod partial;
mod pause;
mod search;
mod store;
#[cfg(feature = "testing")]
mod testing;
mod thread;
mod told;
mod undo;

pub use account::Account;
pub use apply::{Applied, Body, NewEntry, message_date};
pub use change::Change;
pub use check::{Checked, Fault, FaultKind, Progress, check};
pub use compact::Waste;
pub use confirm::{Confirmed, LeftCopy};
pub use content::ContentReader;
pub use counts::Counts;
pub use entry::{Entry, Identity};
pub use error::StoreError;
pub use id::{AccountId, Digest, MailboxId, MessageId, OperationId, RequestId, SubmissionId};
pub use list::{Filter, Found, Place, Row};
pub use local::{Deposit, Deposited};
pub use mailbox::{Listed, MailboxRow};
pub use mend::{Lost, Replacement};
pub use moved::no_such_mailbox;
pub use operation::{Ask, Intent, Operation, OperationState, Requested};
pub use outbox::{NewSubmission, Submission};
pub use pack::{Content, ContentWriter};
pub use partial::{Partial, Wanted};
pub use pause::Pause;
pub use search::{Indexer, Preview};
pub use store::{Desk, Store, View};
pub use told::{Kind, Namespace, Quota, Told, namespace_of};
pub use undo::{Request, Undone};
