-- The ledger: double entry, append-only. Each account numbers its own postings, so that what is kept of
-- one lies together, and nothing of it says how much others do.
CREATE TABLE ledger_accounts (
    account_no      INTEGER PRIMARY KEY AUTOINCREMENT,
    account         TEXT NOT NULL UNIQUE,
    overdraft       TEXT NOT NULL CHECK (overdraft IN ('refuse', 'allow', 'floor')),
    floor_nanos     INTEGER NOT NULL CHECK (floor_nanos >= 0),
    captures_beyond INTEGER NOT NULL CHECK (captures_beyond IN (0, 1)),
    last_number     INTEGER NOT NULL,
    -- Before then nothing happens by itself: no hold and no grant expires, none takes effect.
    due_us          INTEGER
) STRICT;
CREATE INDEX ledger_accounts_by_due ON ledger_accounts (due_us) WHERE due_us IS NOT NULL;
-- What stands at each place; always what the postings come to.
CREATE TABLE ledger_purses (
    account_no INTEGER NOT NULL REFERENCES ledger_accounts,
    unit       TEXT NOT NULL,
    issued     INTEGER NOT NULL,
    free       INTEGER NOT NULL CHECK (free >= 0),
    held       INTEGER NOT NULL CHECK (held >= 0),
    debt       INTEGER NOT NULL CHECK (debt <= 0),
    spent      INTEGER NOT NULL,
    expired    INTEGER NOT NULL,
    adjusted   INTEGER NOT NULL,
    PRIMARY KEY (account_no, unit),
    CHECK (issued + free + held + debt + spent + expired + adjusted = 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_purses_owing ON ledger_purses (debt) WHERE debt < 0;
CREATE TABLE ledger_grants (
    account_no   INTEGER NOT NULL REFERENCES ledger_accounts,
    number       INTEGER NOT NULL,
    unit         TEXT NOT NULL,
    grant_id     TEXT NOT NULL,
    source       TEXT NOT NULL,
    priority     INTEGER NOT NULL,
    amount       INTEGER NOT NULL CHECK (amount > 0),
    free         INTEGER NOT NULL CHECK (free >= 0),
    effective_us INTEGER NOT NULL,
    expires_us   INTEGER,
    created_us   INTEGER NOT NULL,
    rolls_max    INTEGER,
    rolls_us     INTEGER,
    state        TEXT NOT NULL CHECK (state IN ('scheduled', 'active', 'expired')),
    PRIMARY KEY (account_no, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_grants_live ON ledger_grants (account_no) WHERE free > 0 OR state = 'scheduled';
CREATE TABLE ledger_holds (
    account_no INTEGER NOT NULL REFERENCES ledger_accounts,
    number     INTEGER NOT NULL,
    unit       TEXT NOT NULL,
    amount     INTEGER NOT NULL CHECK (amount >= 0),
    -- From which grants, as `NUMBER:NANOS` with blanks between.
    shares     TEXT NOT NULL,
    -- On which budgets, one a line.
    budgets    TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('held', 'captured', 'released', 'expired')),
    ended_by   INTEGER,
    captured   INTEGER NOT NULL CHECK (captured >= 0),
    PRIMARY KEY (account_no, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_holds_open ON ledger_holds (account_no, expires_us) WHERE state = 'held';
CREATE TABLE ledger_postings (
    account_no INTEGER NOT NULL REFERENCES ledger_accounts,
    number     INTEGER NOT NULL,
    at_us      INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    unit       TEXT NOT NULL,
    amount     INTEGER NOT NULL,
    of_number  INTEGER,
    -- Places and by how much they change, as `PLACE:NANOS` with blanks between.
    entries    TEXT NOT NULL,
    settled    INTEGER NOT NULL,
    held       INTEGER NOT NULL,
    available  INTEGER NOT NULL,
    id         TEXT,
    asked      TEXT,
    PRIMARY KEY (account_no, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX ledger_postings_by_id ON ledger_postings (account_no, id) WHERE id IS NOT NULL;
CREATE INDEX ledger_postings_of ON ledger_postings (account_no, of_number) WHERE kind = 'charge';
CREATE TRIGGER ledger_postings_are_not_changed BEFORE UPDATE ON ledger_postings
BEGIN SELECT RAISE(ABORT, 'a posting is never changed'); END;
CREATE TRIGGER ledger_postings_are_not_removed BEFORE DELETE ON ledger_postings
BEGIN SELECT RAISE(ABORT, 'a posting is never removed'); END;
-- What was given back of a charge or a capture.
CREATE TABLE ledger_refunds (
    account_no INTEGER NOT NULL REFERENCES ledger_accounts,
    number     INTEGER NOT NULL,
    refunded   INTEGER NOT NULL CHECK (refunded > 0),
    PRIMARY KEY (account_no, number)
) STRICT, WITHOUT ROWID;
-- What is held on each hard budget, in window 0, and what was captured without an event, in the
-- window of its time.
CREATE TABLE ledger_budgets (
    budget_id TEXT NOT NULL,
    window_us INTEGER NOT NULL,
    nanos     INTEGER NOT NULL CHECK (nanos >= 0),
    PRIMARY KEY (budget_id, window_us)
) STRICT, WITHOUT ROWID;
-- The newest time that the ledger knew, which never goes back.
CREATE TABLE ledger_time (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    at_us INTEGER NOT NULL
) STRICT;
INSERT INTO alert_rules (rule_id, rule) VALUES
    ('owing', '{"id":"owing","created_at":"2026-01-01T00:00:00Z","name":"Accounts that owe","severity":"warning","enabled":true,"condition":{"kind":"owing"}}');
