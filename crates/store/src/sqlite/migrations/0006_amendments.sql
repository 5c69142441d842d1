-- What was done to kept events, by whom and why. Lines are added, never changed.
CREATE TABLE amendments (
    amendment_id INTEGER PRIMARY KEY,
    at_us        INTEGER NOT NULL,
    actor        TEXT NOT NULL,
    act          TEXT NOT NULL CHECK (act IN ('correct', 'delete', 'erase', 'rerate')),
    source       TEXT NOT NULL,
    event_id     TEXT NOT NULL,
    reason       TEXT NOT NULL
) STRICT;
CREATE INDEX amendments_by_event ON amendments (source, event_id);

CREATE TRIGGER amendments_are_not_changed BEFORE UPDATE ON amendments
BEGIN SELECT RAISE(ABORT, 'amendments are not changed'); END;
CREATE TRIGGER amendments_are_not_removed BEFORE DELETE ON amendments
BEGIN SELECT RAISE(ABORT, 'amendments are not removed'); END;
