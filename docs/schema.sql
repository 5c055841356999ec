-- What restante remembers, as SQLite tables. A test holds this file against the migrations.
--
-- `entry` holds only what the server said; `operation` holds only what the person asked; the screen is
-- the second folded over the first. Every time is in seconds since 1970 UTC. Nothing is NULL: zero or
-- the empty text says "none".

-- ==== mail.db ====

-- An account. Its settings are in config.toml and its password elsewhere; this is its identity.
CREATE TABLE account (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never returns
    name TEXT NOT NULL UNIQUE,            -- the name the person knows it by
    server TEXT NOT NULL DEFAULT ''       -- the IMAP service and the user its entries are from; empty: never synced; local: (with the colon): it has none
) STRICT;

-- A mailbox as the server lists it, with the state its entries prove. One that the server lists no more
-- keeps its row, without entries, as long as its tombstones: it may come back.
CREATE TABLE mailbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,                              -- never returns
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE, -- whose it is
    name TEXT NOT NULL,               -- full name, decoded, with the server's own delimiter
    delimiter TEXT NOT NULL,          -- one character; empty: the namespace is flat
    special_use TEXT NOT NULL,        -- RFC 6154 attribute, as \Sent; empty: none
    selectable INTEGER NOT NULL,      -- 1 when it can be selected
    uid_validity INTEGER NOT NULL,    -- 0: never synced
    uid_next INTEGER NOT NULL,        -- every message below this UID is known
    highest_mod_seq INTEGER NOT NULL, -- every change up to this one is applied; 0: no CONDSTORE
    total INTEGER NOT NULL,           -- rows in entry
    unseen INTEGER NOT NULL,          -- rows in entry without \Seen
    moved INTEGER NOT NULL DEFAULT 0, -- 1: the entries are another server's, or of a former name: their UIDs mean nothing
    gone INTEGER NOT NULL DEFAULT 0,  -- since when the server lists it no more; 0: it does
    pending INTEGER NOT NULL DEFAULT 0, -- 1: the person asked for it and the server has not made it yet
    policy TEXT NOT NULL DEFAULT '',  -- how much of each message was to be held when that was last made so; empty: everything; ?: to be looked at
    object_id TEXT NOT NULL DEFAULT '', -- MAILBOXID (RFC 8474): the same under any name; empty: not given
    append_limit INTEGER NOT NULL DEFAULT -1, -- the most octets of a message to append (RFC 7889); -1: none named
    UNIQUE (account, name)
) STRICT;

-- Whose mailboxes there are, by what their names begin with (RFC 2342).
CREATE TABLE namespace (
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE, -- of which account
    kind TEXT NOT NULL,      -- personal, other-users or shared
    prefix TEXT NOT NULL,    -- delimiter included, as INBOX.
    delimiter TEXT NOT NULL, -- one character; empty: the namespace is flat
    PRIMARY KEY (account, kind, prefix)
) STRICT, WITHOUT ROWID;

-- How much room an account has on its server, as the server last said (RFC 9208).
CREATE TABLE quota (
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE, -- of which account
    root TEXT NOT NULL,     -- the server's name for what the limit is on
    resource TEXT NOT NULL, -- storage (octets), message or mailbox (a count)
    used INTEGER NOT NULL,  -- so much is used
    most INTEGER NOT NULL,  -- so much may be
    PRIMARY KEY (account, root, resource)
) STRICT, WITHOUT ROWID;

-- A content, stored once however many mailboxes hold it. Of some only the beginning is here: see partial.
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- in order of arrival; never returns
    position INTEGER NOT NULL,            -- date * 2^28 + id: unique, and in the order of the date
    digest BLOB NOT NULL UNIQUE,          -- BLAKE3 of the content, 32 bytes; of a partial one its name; ids for people come from it
    size INTEGER NOT NULL,                -- octets of the message, all of them
    date INTEGER NOT NULL,                -- the Date field, or INTERNALDATE where that is missing or in the future
    subject TEXT NOT NULL,                -- decoded
    sender TEXT NOT NULL,                 -- From as JSON: [[name, address], …]
    recipient TEXT NOT NULL,              -- To, likewise
    copy TEXT NOT NULL,                   -- Cc, likewise
    message_id TEXT NOT NULL,             -- without angle brackets; empty: none
    thread INTEGER NOT NULL,              -- the id of one message of the conversation
    pack INTEGER NOT NULL,                -- number of the pack that holds the content
    start INTEGER NOT NULL,               -- where its record begins in the pack
    stored INTEGER NOT NULL,              -- octets of the record's payload
    base INTEGER NOT NULL DEFAULT 0       -- first 8 bytes of the BLAKE3 of the subject without Re: and the like, made positive; 0: none that says enough; below 0: of an answer that names no message
) STRICT;
CREATE INDEX message_thread ON message (thread);
CREATE INDEX message_base ON message (base, position) WHERE base <> 0;

-- Messages of which only the beginning is here: what their record holds is a prefix of what the server has.
-- When the rest comes, a message of its own takes the place of this one, everywhere.
CREATE TABLE partial (
    message INTEGER PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE, -- which message
    held INTEGER NOT NULL, -- octets of it that are here
    digest BLOB NOT NULL   -- BLAKE3 of those
) STRICT;

-- What messages were called while only their beginning was here.
CREATE TABLE alias (
    name BLOB PRIMARY KEY,    -- message.digest as it was
    message INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE, -- what took its place
    shown INTEGER NOT NULL,   -- 1: people know the message by this; else by its own digest
    former INTEGER NOT NULL   -- message.position as it was, until the index has forgotten it; then 0
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_message ON alias (message);
CREATE INDEX alias_former ON alias (former) WHERE former <> 0;

-- Messages that a person waits for: they are completed before anything else.
CREATE TABLE wanted (
    message INTEGER PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE, -- which; the row goes when it is complete
    asked INTEGER NOT NULL, -- when
    reply TEXT NOT NULL     -- why it cannot be had; empty: nobody knows yet
) STRICT;

-- What only the whole text of a message tells. Written when it is indexed.
CREATE TABLE preview (
    message INTEGER PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE, -- which message
    attachments INTEGER NOT NULL, -- how many it has
    snippet TEXT NOT NULL         -- the first words on one line
) STRICT;

-- Which conversation a Message-ID belongs to, seen or only referred to.
CREATE TABLE thread_key (
    key INTEGER PRIMARY KEY, -- first 8 bytes of the BLAKE3 of the Message-ID
    thread INTEGER NOT NULL  -- a thread; followed through thread_merge
) STRICT;

-- Conversations that turned out to be one.
CREATE TABLE thread_merge (
    thread INTEGER PRIMARY KEY, -- the former thread
    into_thread INTEGER NOT NULL -- the one it became part of
) STRICT;

-- Conversations that begin with an answer which names no message, and that are read below another one for their subject.
CREATE TABLE thread_under (
    thread INTEGER PRIMARY KEY, -- message.thread
    parent INTEGER NOT NULL     -- message.thread of the message it answers
) STRICT;
CREATE INDEX thread_under_parent ON thread_under (parent);

-- A message's presence in a mailbox, as the server last said.
CREATE TABLE entry (
    mailbox INTEGER NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE, -- where
    uid INTEGER NOT NULL,           -- RFC 9051, section 2.3.1.1
    position INTEGER NOT NULL,      -- message.position; its low 28 bits are message.id
    flags INTEGER NOT NULL,         -- system flags: Answered 1, Deleted 2, Draft 4, Flagged 8, Seen 32
    keywords TEXT NOT NULL,         -- sorted, separated by single spaces
    mod_seq INTEGER NOT NULL,       -- RFC 7162; 0: unknown
    internal_date INTEGER NOT NULL, -- INTERNALDATE
    email_id TEXT NOT NULL DEFAULT '', -- EMAILID (RFC 8474); empty: the server gives none
    PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX entry_mailbox ON entry (mailbox, position);
CREATE INDEX entry_position ON entry (position);
CREATE INDEX entry_unseen ON entry (position) WHERE flags & 32 = 0;

-- An entry that went away, kept for 30 days so that its content is not lost to a mistake.
CREATE TABLE tombstone (
    mailbox INTEGER NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE, -- where it was
    uid INTEGER NOT NULL,      -- the UID it had
    position INTEGER NOT NULL, -- message.position
    removed INTEGER NOT NULL,  -- when it was found gone
    PRIMARY KEY (mailbox, uid, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstone_position ON tombstone (position);
CREATE INDEX tombstone_removed ON tombstone (removed);

-- How much of each pack is proven. What a file holds beyond is cut off when the writer opens.
CREATE TABLE pack (
    number INTEGER PRIMARY KEY, -- packs/NNNNNN.pack
    length INTEGER NOT NULL     -- octets up to the end of the last record a message refers to
) STRICT;

-- What the person asked in one go: what undo takes back. Its id is the token of undo.
CREATE TABLE request (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never returns
    words TEXT NOT NULL,      -- what it was, as a person reads it: archive 3 messages
    created INTEGER NOT NULL, -- when the person asked
    undoes INTEGER NOT NULL   -- the request that this one takes back; 0: none
) STRICT;

-- What the person asked and the server has not confirmed.
CREATE TABLE operation (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never returns; operations run in this order
    mailbox INTEGER NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE, -- where the message is; else the mailbox it is about
    uid INTEGER NOT NULL,      -- which message; 0 while its UID is not known: it was not found again yet, or is to be added
    position INTEGER NOT NULL, -- message.position; 0: it is about the mailbox
    kind TEXT NOT NULL,        -- flag, move, copy, remove, append, create, rename, delete, subscribe or unsubscribe
    payload TEXT NOT NULL,     -- JSON: {"add": […], "remove": […]}, {"to": mailbox or name}, …; "copied" in a move: the copy was made, the message not removed
    created INTEGER NOT NULL,  -- when the person asked
    attempts INTEGER NOT NULL, -- how often the server was asked
    state TEXT NOT NULL,       -- waiting; asked, while the answer is not known; refused; or superseded: the message is nowhere any more
    reply TEXT NOT NULL,       -- the server's last words about it
    request INTEGER NOT NULL DEFAULT 0, -- request.id
    since INTEGER NOT NULL DEFAULT 0    -- the target's UIDNEXT before it was asked to take a message; 0: never asked
) STRICT;
CREATE INDEX operation_entry ON operation (mailbox, uid);
CREATE INDEX operation_request ON operation (request);
CREATE INDEX operation_position ON operation (position);

-- What was asked and confirmed, as the operation that takes it back. Kept for 30 days.
CREATE TABLE done (
    id INTEGER PRIMARY KEY,     -- the operation it was
    request INTEGER NOT NULL,   -- request.id
    mailbox INTEGER NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE, -- operation.mailbox of what takes it back
    uid INTEGER NOT NULL,       -- the UID the message has there; 0: not known
    position INTEGER NOT NULL,  -- message.position; 0: it was about the mailbox
    kind TEXT NOT NULL,         -- operation.kind of what takes it back; none: nothing does
    payload TEXT NOT NULL,      -- operation.payload of what takes it back; of none: why
    confirmed INTEGER NOT NULL  -- when the server confirmed it
) STRICT;
CREATE INDEX done_request ON done (request);
CREATE INDEX done_position ON done (position);

-- A server that is to be left alone for a while: it asked for it, or kept failing.
CREATE TABLE pause (
    account INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE, -- whose server
    until INTEGER NOT NULL,    -- not to be asked before this time
    failures INTEGER NOT NULL, -- how often in a row
    reason TEXT NOT NULL       -- the server's words
) STRICT;

-- The entries with waiting operations, as the screen shows them: operations folded over the entry.
CREATE TABLE fold (
    mailbox INTEGER NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE, -- entry.mailbox
    uid INTEGER NOT NULL,      -- entry.uid
    shown INTEGER NOT NULL,    -- the mailbox it is shown in; 0: nowhere
    position INTEGER NOT NULL, -- entry.position
    flags INTEGER NOT NULL,    -- as entry.flags
    keywords TEXT NOT NULL,    -- as entry.keywords
    PRIMARY KEY (mailbox, uid, shown)
) STRICT, WITHOUT ROWID;
CREATE INDEX fold_position ON fold (position);

-- What the screen shows. Used in the place of entry while anything is in fold.
CREATE VIEW shown (mailbox, source, uid, position, flags, keywords) AS
SELECT mailbox, mailbox, uid, position, flags, keywords FROM entry
WHERE NOT EXISTS (SELECT 1 FROM fold WHERE fold.mailbox = entry.mailbox AND fold.uid = entry.uid)
UNION ALL
SELECT shown, mailbox, uid, position, flags, keywords FROM fold WHERE shown <> 0;

-- A frozen message on its way (RFC 6409).
CREATE TABLE submission (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never returns
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE, -- who sends it
    sender TEXT NOT NULL,           -- for MAIL FROM
    message_id TEXT NOT NULL,       -- without angle brackets; what it is looked for by
    content BLOB NOT NULL,          -- every octet to send, fixed
    state TEXT NOT NULL,            -- queued, sending, accepted, deferred, refused or unknown
    attempts INTEGER NOT NULL,      -- how often it was tried
    created INTEGER NOT NULL,       -- when the person sent it
    next_attempt INTEGER NOT NULL,  -- not before this time
    reply TEXT NOT NULL,            -- the server's last words about the whole of it
    filed INTEGER NOT NULL          -- 1 when a copy is in the Sent mailbox
) STRICT;
CREATE INDEX submission_state ON submission (state, next_attempt);

-- One recipient of a submission and what the server said of it.
CREATE TABLE submission_recipient (
    submission INTEGER NOT NULL REFERENCES submission (id) ON DELETE CASCADE, -- of which submission
    number INTEGER NOT NULL, -- order of RCPT TO, from 0
    address TEXT NOT NULL,   -- for RCPT TO
    state TEXT NOT NULL,     -- as submission.state
    reply TEXT NOT NULL,     -- the server's last words about it
    PRIMARY KEY (submission, number)
) STRICT, WITHOUT ROWID;

-- ==== search.db ====
-- Everything here can be made again from mail.db and the packs.

-- How far the index is: every message up to this id is in it, or gone.
CREATE TABLE progress (
    only INTEGER PRIMARY KEY CHECK (only = 1), -- one row
    indexed INTEGER NOT NULL,                  -- message.id
    documents INTEGER NOT NULL                 -- 1: the text of attachments is in the index
) STRICT;

-- What languages the mail is written in, as far as that is plain: words are looked for in the forms of these.
CREATE TABLE language (
    code TEXT PRIMARY KEY,     -- ISO 639-1
    messages INTEGER NOT NULL  -- how many indexed messages were in it
) STRICT, WITHOUT ROWID;

-- The words of every message. The rowid is message.position, so newest first needs no sorting.
-- Scripts written without spaces have one inserted between characters, here and in queries.
CREATE VIRTUAL TABLE words USING fts5 (
    subject,  -- decoded Subject
    "from",   -- names and addresses of From
    "to",     -- of To
    cc,       -- of Cc
    body,     -- the text a person reads
    list,     -- List-Id
    filename, -- names of attachments
    document, -- what stands in attachments, where that is asked for
    mark,     -- words that nobody wrote: what it has (attachment, link, invite), ends of numbers and names with digits
    content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);
