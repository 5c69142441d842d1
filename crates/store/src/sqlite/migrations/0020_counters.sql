-- What was spent of one scope, moved by every commit that brings a fact of it. `is_counted` says that
-- what was kept before the counter began was added; until then it says nothing.
CREATE TABLE counters (
    counter_id  INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The scope, the period and the time zone, as JSON.
    counting    TEXT NOT NULL UNIQUE,
    -- The edition of the time zones that its windows are told by.
    calendar    TEXT NOT NULL,
    -- Windows that begin before then are not counted.
    since_us    INTEGER NOT NULL,
    -- Whether the erasure of a person may change what is in its scope.
    is_personal INTEGER NOT NULL CHECK (is_personal IN (0, 1)),
    is_counted  INTEGER NOT NULL DEFAULT 0 CHECK (is_counted IN (0, 1))
) STRICT;
-- An amount is whole units and the billionths beyond them: many accounts together may have spent more
-- than 64 bits of billionths.
CREATE TABLE counter_windows (
    counter_id INTEGER NOT NULL REFERENCES counters ON DELETE CASCADE,
    window_us  INTEGER NOT NULL,
    units      INTEGER NOT NULL,
    nanos      INTEGER NOT NULL CHECK (nanos >= 0 AND nanos < 1000000000),
    PRIMARY KEY (counter_id, window_us)
) STRICT, WITHOUT ROWID;
