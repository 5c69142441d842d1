-- Files that are made by themselves, and when.
CREATE TABLE export_schedules (
    schedule_id   TEXT PRIMARY KEY,
    created_by    TEXT NOT NULL,
    created_at_us INTEGER NOT NULL,
    changed_at_us INTEGER NOT NULL,
    -- What came due up to then is done with.
    planned_to_us INTEGER NOT NULL,
    schedule      TEXT NOT NULL CHECK (json_valid(schedule))
) STRICT;
-- The file of each period, whether it is there already or not.
CREATE TABLE export_runs (
    run_id         TEXT PRIMARY KEY,
    schedule_id    TEXT NOT NULL REFERENCES export_schedules ON DELETE CASCADE,
    period         TEXT NOT NULL,
    from_us        INTEGER NOT NULL,
    to_us          INTEGER NOT NULL,
    due_at_us      INTEGER NOT NULL,
    -- Who asked for it; nobody where it came due.
    asked_by       TEXT,
    state          TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed', 'removed')),
    -- Counted up whenever what is being made must not count any more.
    generation     INTEGER NOT NULL,
    attempts       INTEGER NOT NULL,
    next_try_at_us INTEGER NOT NULL,
    ended_at_us    INTEGER,
    -- Why the last attempt failed, or why the file was removed.
    reason         TEXT,
    file           TEXT UNIQUE,
    size_bytes     INTEGER,
    row_count      INTEGER,
    sha256         TEXT,
    made_at_us     INTEGER,
    -- What the schedule said when the file was made.
    made_by        TEXT CHECK (made_by IS NULL OR json_valid(made_by)),
    UNIQUE (schedule_id, from_us, to_us)
) STRICT;
CREATE INDEX export_runs_open ON export_runs (next_try_at_us) WHERE state IN ('waiting', 'failed');
