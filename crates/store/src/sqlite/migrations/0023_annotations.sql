-- What people write onto charts.
CREATE TABLE annotations (
    annotation_id TEXT PRIMARY KEY,
    author        TEXT NOT NULL,
    -- Of which account it is, where its author sees one only.
    account       TEXT,
    created_at_us INTEGER NOT NULL,
    at_us         INTEGER NOT NULL,
    -- The same as at_us where it is a moment.
    until_us      INTEGER NOT NULL,
    annotation    TEXT NOT NULL CHECK (json_valid(annotation))
) STRICT;
CREATE INDEX annotations_by_time ON annotations (at_us);
CREATE INDEX annotations_by_author ON annotations (author);
