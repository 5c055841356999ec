CREATE TABLE partial (
    message INTEGER PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
    held INTEGER NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE TABLE alias (
    name BLOB PRIMARY KEY,
    message INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    shown INTEGER NOT NULL,
    former INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_message ON alias (message);
CREATE INDEX alias_former ON alias (former) WHERE former <> 0;
CREATE TABLE wanted (
    message INTEGER PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
    asked INTEGER NOT NULL,
    reply TEXT NOT NULL
) STRICT;
ALTER TABLE mailbox ADD COLUMN policy TEXT NOT NULL DEFAULT '';
