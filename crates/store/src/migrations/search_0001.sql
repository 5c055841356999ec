CREATE TABLE progress (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    indexed INTEGER NOT NULL
) STRICT;
CREATE VIRTUAL TABLE words USING fts5 (
    subject,
    "from",
    "to",
    cc,
    body,
    filename,
    content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO words (words, rank) VALUES ('hashsize', 16777216);
INSERT INTO words (words, rank) VALUES ('automerge', 8);
INSERT INTO progress VALUES (1, 0);
