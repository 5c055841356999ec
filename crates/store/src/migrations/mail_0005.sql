ALTER TABLE mailbox ADD COLUMN object_id TEXT NOT NULL DEFAULT '';
ALTER TABLE mailbox ADD COLUMN append_limit INTEGER NOT NULL DEFAULT -1;
CREATE TABLE namespace (
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    prefix TEXT NOT NULL,
    delimiter TEXT NOT NULL,
    PRIMARY KEY (account, kind, prefix)
) STRICT, WITHOUT ROWID;
CREATE TABLE quota (
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    root TEXT NOT NULL,
    resource TEXT NOT NULL,
    used INTEGER NOT NULL,
    most INTEGER NOT NULL,
    PRIMARY KEY (account, root, resource)
) STRICT, WITHOUT ROWID;
