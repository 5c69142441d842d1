-- What limits of plans count, each under a number.
CREATE TABLE limit_countings (
    counting_id INTEGER PRIMARY KEY AUTOINCREMENT,
    counting    TEXT NOT NULL UNIQUE
) STRICT;
-- What an account used of it, window by window. An amount is whole units and the billionths beyond them.
CREATE TABLE limit_counters (
    account_no     INTEGER NOT NULL REFERENCES ledger_accounts,
    counting_id    INTEGER NOT NULL REFERENCES limit_countings,
    from_us        INTEGER NOT NULL,
    to_us          INTEGER NOT NULL,
    -- What comes for the window from then on changes nothing.
    closes_us      INTEGER NOT NULL,
    used_units     INTEGER NOT NULL,
    used_nanos     INTEGER NOT NULL CHECK (used_nanos >= 0 AND used_nanos < 1000000000),
    captured_units INTEGER NOT NULL,
    captured_nanos INTEGER NOT NULL CHECK (captured_nanos >= 0 AND captured_nanos < 1000000000),
    held_units     INTEGER NOT NULL CHECK (held_units >= 0),
    held_nanos     INTEGER NOT NULL CHECK (held_nanos >= 0 AND held_nanos < 1000000000),
    -- Whether it has everything of its window.
    is_whole       INTEGER NOT NULL CHECK (is_whole IN (0, 1)),
    PRIMARY KEY (account_no, counting_id, from_us)
) STRICT, WITHOUT ROWID;
CREATE INDEX limit_counters_closing ON limit_counters (account_no, closes_us);
-- That a share of a limit was reached, once for each window.
CREATE TABLE limit_notices (
    account_no INTEGER NOT NULL REFERENCES ledger_accounts,
    limit_id   TEXT NOT NULL,
    from_us    INTEGER NOT NULL,
    to_us      INTEGER NOT NULL,
    percent    INTEGER NOT NULL,
    at_us      INTEGER NOT NULL,
    used       TEXT NOT NULL,
    most       TEXT NOT NULL,
    PRIMARY KEY (account_no, limit_id, from_us, percent)
) STRICT, WITHOUT ROWID;
CREATE INDEX limit_notices_by_end ON limit_notices (to_us);
-- What a hold has of limits, as `COUNTING:FROM:NANOS` with blanks between; with `:spend` where it is
-- what is charged.
ALTER TABLE ledger_holds ADD COLUMN limits TEXT NOT NULL DEFAULT '';
INSERT INTO alert_rules (rule_id, rule) VALUES
    ('limits', '{"id":"limits","created_at":"2026-01-01T00:00:00Z","name":"Limits of plans","severity":"warning","enabled":true,"condition":{"kind":"limits"}}');
