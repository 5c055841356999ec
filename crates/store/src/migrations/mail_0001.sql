CREATE TABLE account (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE mailbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    delimiter TEXT NOT NULL,
    special_use TEXT NOT NULL,
    selectable INTEGER NOT NULL,
    uid_validity INTEGER NOT NULL,
    uid_next INTEGER NOT NULL,
    highest_mod_seq INTEGER NOT NULL,
    total INTEGER NOT NULL,
    unseen INTEGER NOT NULL,
    UNIQUE (account, name)
) STRICT;
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    position INTEGER NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    date INTEGER NOT NULL,
    subject TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    copy TEXT NOT NULL,
    message_id TEXT NOT NULL,
    thread INTEGER NOT NULL,
    pack INTEGER NOT NULL,
    start INTEGER NOT NULL,
    stored INTEGER NOT NULL
) STRICT;
CREATE INDEX message_thread ON message (thread);
CREATE TABLE preview (
    message INTEGER PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
    attachments INTEGER NOT NULL,
    snippet TEXT NOT NULL
) STRICT;
CREATE TABLE thread_key (
    key INTEGER PRIMARY KEY,
    thread INTEGER NOT NULL
) STRICT;
CREATE TABLE thread_merge (
    thread INTEGER PRIMARY KEY,
    into_thread INTEGER NOT NULL
) STRICT;
CREATE TABLE entry (
    mailbox INTEGER NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,
    uid INTEGER NOT NULL,
    position INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    keywords TEXT NOT NULL,
    mod_seq INTEGER NOT NULL,
    internal_date INTEGER NOT NULL,
    PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX entry_mailbox ON entry (mailbox, position);
CREATE INDEX entry_position ON entry (position);
CREATE INDEX entry_unseen ON entry (position) WHERE flags & 32 = 0;
CREATE TABLE tombstone (
    mailbox INTEGER NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,
    uid INTEGER NOT NULL,
    position INTEGER NOT NULL,
    removed INTEGER NOT NULL,
    PRIMARY KEY (mailbox, uid, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstone_position ON tombstone (position);
CREATE INDEX tombstone_removed ON tombstone (removed);
CREATE TABLE pack (
    number INTEGER PRIMARY KEY,
    length INTEGER NOT NULL
) STRICT;
CREATE TABLE operation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    mailbox INTEGER NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,
    uid INTEGER NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    created INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    state TEXT NOT NULL,
    reply TEXT NOT NULL
) STRICT;
CREATE INDEX operation_entry ON operation (mailbox, uid);
CREATE TABLE fold (
    mailbox INTEGER NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,
    uid INTEGER NOT NULL,
    shown INTEGER NOT NULL,
    position INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    keywords TEXT NOT NULL,
    PRIMARY KEY (mailbox, uid, shown)
) STRICT, WITHOUT ROWID;
CREATE INDEX fold_position ON fold (position);
CREATE VIEW shown (mailbox, source, uid, position, flags, keywords) AS
SELECT mailbox, mailbox, uid, position, flags, keywords FROM entry
WHERE NOT EXISTS (SELECT 1 FROM fold WHERE fold.mailbox = entry.mailbox AND fold.uid = entry.uid)
UNION ALL
SELECT shown, mailbox, uid, position, flags, keywords FROM fold WHERE shown <> 0;
CREATE TABLE submission (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    sender TEXT NOT NULL,
    message_id TEXT NOT NULL,
    content BLOB NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created INTEGER NOT NULL,
    next_attempt INTEGER NOT NULL,
    reply TEXT NOT NULL,
    filed INTEGER NOT NULL
) STRICT;
CREATE INDEX submission_state ON submission (state, next_attempt);
CREATE TABLE submission_recipient (
    submission INTEGER NOT NULL REFERENCES submission (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    address TEXT NOT NULL,
    state TEXT NOT NULL,
    reply TEXT NOT NULL,
    PRIMARY KEY (submission, number)
) STRICT, WITHOUT ROWID;
