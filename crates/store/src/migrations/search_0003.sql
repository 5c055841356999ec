DROP TABLE IF EXISTS words;
DROP TABLE IF EXISTS progress;
DROP TABLE IF EXISTS language;
CREATE TABLE progress (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    indexed INTEGER NOT NULL,
    documents INTEGER NOT NULL
) STRICT;
CREATE TABLE language (
    code TEXT PRIMARY KEY,
    messages INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5 (
    subject,
    "from",
    "to",
    cc,
    body,
    list,
    filename,
    document,
    mark,
    content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO words (words, rank) VALUES ('hashsize', 16777216);
INSERT INTO words (words, rank) VALUES ('automerge', 8);
INSERT INTO progress VALUES (1, 0, 0);
