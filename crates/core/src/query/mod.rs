//! What a person searches for: words to a tree.
//!
//! ```text
//! query   = *( [ "AND" ] or-term )              ; every one must hold
//! or-term = term *( "OR" term )                 ; OR binds tighter, as in web searches
//! term    = [ "-" / "NOT" ] ( [ field ":" ] "(" query ")" / word )
//! word    = text / field ":" value              ; text and value may be "quoted"
//! text    = a word, a "phrase", or a prefix*
//! ```
//!
//! Fields: `from:` `to:` `cc:` `subject:` `body:` `list:` `filename:` `attachment:` hold text; `in:` a mailbox,
//! `account:` an account, `tag:` a keyword, `id:` a message, `thread:` a conversation, `saved:` a query with a name;
//! `is:unread|read|starred|answered|draft`, `has:attachment|link|invite`; `larger:` and `smaller:` a size (`10M`);
//! `before:` and `after:` a date (`2024`, `2024-05`, `2024-05-31`, `today`), `date:` one or a range of them
//! (`2024-05..2024-07`, `2024..`), `newer:` and `older:` an age (`12h`, `7d`, `2w`, `3m`, `1y`). Words that people
//! know from elsewhere mean the same: `label:` and `folder:`, `is:flagged`, `is:replied`, `newer_than:`.

mod argument;
mod forms;
mod hit;
mod lex;
mod parse;
mod value;

pub use argument::argument;
pub use forms::Language;
pub use hit::Hit;
pub use parse::{QueryError, is_field, parse, parse_with};
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
        /// What counts as these words.
        way: Way,
    },
    /// A mark on the message.
    Is(Mark),
    /// Something the message has.
    Has(Feature),
    /// The message has this keyword (RFC 9051, section 2.3.2). Case does not matter.
    Tag(String),
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
    /// The message has this Message-ID (without angle brackets).
    MessageId(String),
    /// The message belongs to this conversation, as `restante list --json` names it.
    Thread(i64),
}

/// What counts as the words looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// One word may stand in another form too (see [`Query::widened`]), or be a part of a number or name with digits
    /// in it.
    Loose,
    /// These and no others: they were quoted.
    Exact,
    /// The last word may go on.
    Prefix,
}

/// Something a message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feature {
    /// An attachment.
    Attachment,
    /// A link to the web in its text.
    Link,
    /// An invitation or another calendar object.
    Invite,
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
    /// The name of the mailing list: List-Id (RFC 2919).
    List,
    /// The names of attachments.
    Filename,
    /// The names of attachments, and what stands in those whose text is read.
    Attachment,
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

/// What a person searches for inside of a number or name with digits has at least this many octets.
pub const PART: usize = 3;

/// Whether a character is a word of its own: scripts that put no spaces between words. What is looked for in them
/// is found wherever it stands.
#[must_use]
pub fn stands_alone(c: char) -> bool {
    matches!(u32::from(c),
        0x0E00..=0x0EFF       // Thai, Lao
        | 0x1000..=0x109F     // Myanmar
        | 0x1780..=0x17FF     // Khmer
        | 0x3040..=0x30FF     // Hiragana, Katakana
        | 0x31F0..=0x31FF     // Katakana extensions
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF // Han
        | 0xAC00..=0xD7A3     // Hangul syllables
        | 0xFF66..=0xFF9F     // half-width Katakana
        | 0x20000..=0x3FFFF   // rarer Han
    )
}

/// How a letter is written with plain ones, in lower case, where taking its accent away does not do it: `Straße`, `Ørsted`,
/// `Łódź` and full-width letters are found however they are typed.
#[must_use]
pub fn plain_letters(c: char) -> Option<&'static str> {
    /// The letters and digits of ASCII, for those of full width.
    const PLAIN: &str = "0123456789abcdefghijklmnopqrstuvwxyz";
    let full_width = |first: char, at: u32| {
        let at = usize::try_from(u32::from(c).checked_sub(u32::from(first))? + at).ok()?;
        PLAIN.get(at..=at)
    };
    Some(match c {
        'ß' | 'ẞ' => "ss",
        'æ' | 'Æ' => "ae",
        'œ' | 'Œ' => "oe",
        'ø' | 'Ø' => "o",
        'đ' | 'Đ' | 'ð' | 'Ð' => "d",
        'þ' | 'Þ' => "th",
        'ł' | 'Ł' => "l",
        'ħ' | 'Ħ' => "h",
        'ŧ' | 'Ŧ' => "t",
        'ı' => "i",
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' | 'ﬆ' => "st",
        '０'..='９' => return full_width('０', 0),
        'ａ'..='ｚ' => return full_width('ａ', 10),
        'Ａ'..='Ｚ' => return full_width('Ａ', 10),
        _ => return None,
    })
}

/// Whether a word may be looked for inside of others: it has a digit, and nothing but letters and digits.
#[must_use]
pub fn is_part(word: &str) -> bool {
    word.len() >= PART
        && word.bytes().all(|b| b.is_ascii_alphanumeric())
        && word.bytes().any(|b| b.is_ascii_digit())
}
