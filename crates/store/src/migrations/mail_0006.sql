ALTER TABLE message ADD COLUMN base INTEGER NOT NULL DEFAULT 0;
CREATE INDEX message_base ON message (base, position) WHERE base <> 0;
CREATE TABLE thread_under (
    thread INTEGER PRIMARY KEY,
    parent INTEGER NOT NULL
) STRICT;
CREATE INDEX thread_under_parent ON thread_under (parent);
