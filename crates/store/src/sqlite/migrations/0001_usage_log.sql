-- Batches of usage events that the history has not taken over yet, one row a commit.
CREATE TABLE usage_log (
    seq         INTEGER PRIMARY KEY,
    received_us INTEGER NOT NULL,
    facts       INTEGER NOT NULL,
    body        BLOB NOT NULL
) STRICT;

-- The highest sequence number ever used, because rows of the log are dropped.
CREATE TABLE usage_log_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL
) STRICT;
INSERT INTO usage_log_head VALUES (1, 0);

-- What each account was charged so far: a fold over all facts, checked against the history.
CREATE TABLE ledger_accounts (
    account       TEXT PRIMARY KEY,
    charged_nanos INTEGER NOT NULL DEFAULT 0,
    events        INTEGER NOT NULL DEFAULT 0,
    unpriced      INTEGER NOT NULL DEFAULT 0,
    first_seen_us INTEGER NOT NULL,
    last_seen_us  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row that is written to learn whether the disk takes writes.
CREATE TABLE heartbeat (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    beats INTEGER NOT NULL
) STRICT;
INSERT INTO heartbeat VALUES (1, 0);
