-- What is held on a budget is one number. What was captured without an event is kept by when it was, in
-- quarters of an hour and in days of UTC, so that every window of every time zone is a sum of some of
-- them, whatever period a budget has then.
CREATE TABLE ledger_held (
    budget_id TEXT PRIMARY KEY,
    nanos     INTEGER NOT NULL CHECK (nanos >= 0)
) STRICT, WITHOUT ROWID;
CREATE TABLE ledger_captured (
    budget_id TEXT NOT NULL,
    -- How long the span is, and when it begins.
    span_us   INTEGER NOT NULL CHECK (span_us IN (900000000, 86400000000)),
    from_us   INTEGER NOT NULL,
    nanos     INTEGER NOT NULL CHECK (nanos >= 0),
    PRIMARY KEY (budget_id, span_us, from_us)
) STRICT, WITHOUT ROWID;
INSERT INTO ledger_held (budget_id, nanos)
    SELECT budget_id, nanos FROM ledger_budgets WHERE window_us = 0;
-- They stood under the beginning of their window, which is within it.
INSERT INTO ledger_captured (budget_id, span_us, from_us, nanos)
    SELECT budget_id, 900000000, window_us - window_us % 900000000, sum(nanos)
    FROM ledger_budgets WHERE window_us > 0
    GROUP BY budget_id, window_us - window_us % 900000000;
INSERT INTO ledger_captured (budget_id, span_us, from_us, nanos)
    SELECT budget_id, 86400000000, window_us - window_us % 86400000000, sum(nanos)
    FROM ledger_budgets WHERE window_us > 0
    GROUP BY budget_id, window_us - window_us % 86400000000;
DROP TABLE ledger_budgets;
-- The quarter of an hour in which it was counted on budgets, where it was captured without an event.
ALTER TABLE ledger_holds ADD COLUMN counted_us INTEGER;
