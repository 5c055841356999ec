//! What a person searches for: words to a tree.
//!
//! ```text
//! query   = *( or-term )                        ; every one must hold
//! or-term = term *( "OR" term )                 ; OR binds tighter, as in web searches
//! term    = [ "-" ] ( "(" query ")" / word )
//! word    = text / field ":" value              ; text and value may be "quoted"
//! text    = a word, a "phrase", or a prefix*
//! ```
//!
//! Fields: `from:` `to:` `cc:` `subject:` `body:` `filename:` hold text; `in:` a mailbox, `account:` an
//! account, `id:` a message; `is:unread|read|starred|answered|draft`, `has:attachment`; `larger:` and
//! `smaller:` a size (`10M`); `before:` and `after:` a date (`2024`, `2024-05`, `2024-05-31`), `newer:`
//! and `older:` an age (`12h`, `7d`, `2w`, `3m`, `1y`).

mod lex;
mod parse;
mod value;

pub use parse::{QueryError, parse};
pub use value::size;

/// What a person searches for, as a tree. The empty [`Query::And`] is everything.
///
/// Depth is bounded by [`parse()`]: walking it by recursion is safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// Every part holds.
    And(Vec<Query>),
    /// At least one part holds.
    Or(Vec<Query>),
    /// The part does not hold.
    Not(Box<Query>),
    /// One condition.
    Term(Term),
}

impl Query {
    /// The query that finds everything.
    #[must_use]
    pub fn everything() -> Self {
        Self::And(Vec::new())
    }
}

/// One condition on a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// Words that stand in the message, next to each other and in this order. Case and accents do not
    /// matter.
    Text {
        /// Where they are looked for.
        field: Field,
        /// The words as typed; at least one letter or digit.
        text: String,
        /// Whether the last word may go on.
        prefix: bool,
    },
    /// A mark on the message.
    Is(Mark),
    /// The message has an attachment.
    HasAttachment,
    /// The message has more octets than this.
    Larger(u64),
    /// The message has fewer octets than this.
    Smaller(u64),
    /// The message's date is before this time, in seconds since 1970 UTC.
    Before(i64),
    /// The message's date is this time or later.
    Since(i64),
    /// The message is in a mailbox of this name: its full name, or its special use (`sent`, `trash`, …).
    /// Case does not matter.
    In(String),
    /// The message is in the account of this name. Case does not matter.
    Account(String),
    /// The message's id begins with this.
    Id(String),
}

/// Where text is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// In any of the others.
    Any,
    /// Names and addresses of From.
    From,
    /// Names and addresses of To.
    To,
    /// Names and addresses of Cc.
    Cc,
    /// The subject.
    Subject,
    /// The text a person reads.
    Body,
    /// The names of attachments.
    Filename,
}

/// A mark on a message. A message in several mailboxes has a mark when it has it in one of them; it is
/// read when it is unread in none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mark {
    /// Without `\Seen`.
    Unread,
    /// With `\Seen`.
    Read,
    /// With `\Flagged`.
    Starred,
    /// With `\Answered`.
    Answered,
    /// With `\Draft`.
    Draft,
}
