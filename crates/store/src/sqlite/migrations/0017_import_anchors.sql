-- Rows by which an imported database is known again, whatever is deleted from it.
CREATE TABLE import_anchors (
    source      TEXT    NOT NULL REFERENCES imports (source),
    row_id      INTEGER NOT NULL,
    fingerprint TEXT    NOT NULL,
    PRIMARY KEY (source, row_id)
) STRICT, WITHOUT ROWID;

ALTER TABLE imports ADD COLUMN file TEXT;        -- which file it was: device and inode
ALTER TABLE imports ADD COLUMN merged_into TEXT; -- the source of the same database that counts
