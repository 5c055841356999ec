ALTER TABLE mailbox ADD COLUMN pending INTEGER NOT NULL DEFAULT 0;
ALTER TABLE operation ADD COLUMN request INTEGER NOT NULL DEFAULT 0;
ALTER TABLE operation ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
CREATE INDEX operation_request ON operation (request);
CREATE TABLE request (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    words TEXT NOT NULL,
    created INTEGER NOT NULL,
    undoes INTEGER NOT NULL
) STRICT;
CREATE TABLE done (
    id INTEGER PRIMARY KEY,
    request INTEGER NOT NULL,
    mailbox INTEGER NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,
    uid INTEGER NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    confirmed INTEGER NOT NULL
) STRICT;
CREATE INDEX done_request ON done (request);
CREATE INDEX done_position ON done (position);
CREATE INDEX operation_position ON operation (position);
CREATE TABLE pause (
    account INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    until INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;
