-- Batches of an older system, as they stood at its last import. Times are microseconds since 1970.
CREATE TABLE imported_batches (
    source     TEXT    NOT NULL,
    id         TEXT    NOT NULL,           -- the value of the tag batch_id of its usage
    tier       TEXT,
    started_us INTEGER NOT NULL,
    ended_us   INTEGER,
    leads      INTEGER NOT NULL CHECK (leads >= 0),
    PRIMARY KEY (source, id)
) STRICT, WITHOUT ROWID;
