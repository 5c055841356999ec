//! Mail from and to files: Maildir, mbox and `.eml`. No network is used.
//!
//! Every message is taken and given octet by octet. A file whose lines end with LF is stored so, and comes out so.

mod export;
mod import;
mod kind;
mod maildir;
mod mh;
mod names;
mod source;

pub use export::{Exported, Target, export};
pub use import::{Count, Imported, Order, Progress, import, look};

/// What mail is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A Maildir, with its subfolders as Maildir++ has them or as folders within each other.
    Maildir,
    /// All messages of a mailbox in one file, quoted as mboxrd.
    Mbox,
    /// The same, quoted as mboxo. Only read.
    Mboxo,
    /// A message in each file.
    Eml,
}

/// Something that could not be taken or given, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The file; of a message that is stored here its id.
    pub what: String,
    /// Why.
    pub why: String,
}
