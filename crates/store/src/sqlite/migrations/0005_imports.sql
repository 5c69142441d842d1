-- What imports brought, and how far they came. Times are microseconds since 1970 in UTC.

-- How far a source was read: its cursor outlives the days in which a repeat is known for one.
CREATE TABLE imports (
    source             TEXT    PRIMARY KEY, -- the source of the events, e.g. leadfactory:gpt_usage:…
    kind               TEXT    NOT NULL,
    name               TEXT    NOT NULL,    -- the file's name when it was last read
    cursor_id          INTEGER,             -- the last row that was read
    cursor_fingerprint TEXT,                -- a hash of that row: an id can be given again
    counted_to         INTEGER,             -- up to which row calls were counted with their cost
    accepted           INTEGER NOT NULL,
    repeated           INTEGER NOT NULL,
    refused            INTEGER NOT NULL,
    left_out           INTEGER NOT NULL,
    refusals           TEXT    NOT NULL,    -- the newest, a JSON array
    first_at_us        INTEGER NOT NULL,
    last_at_us         INTEGER NOT NULL,
    CHECK ((cursor_id IS NULL) = (cursor_fingerprint IS NULL))
) STRICT, WITHOUT ROWID;

-- What customers paid and got back, each payment once.
CREATE TABLE revenue (
    revenue_key TEXT    PRIMARY KEY,        -- payment:ID, or refund:ID and so on
    kind        TEXT    NOT NULL CHECK (kind IN ('payment', 'refund', 'chargeback', 'adjustment')),
    source      TEXT    NOT NULL,           -- which database told of it first
    id          TEXT    NOT NULL,           -- the row there
    occurred_us INTEGER NOT NULL,
    payment     TEXT,
    transaction_id TEXT,
    gross_nanos INTEGER NOT NULL,
    net_nanos   INTEGER NOT NULL,
    fee_nanos   INTEGER NOT NULL,
    tax_nanos   INTEGER NOT NULL,
    currency    TEXT    NOT NULL,
    product     TEXT,
    metadata    TEXT,
    received_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX revenue_by_time ON revenue (occurred_us, revenue_key);

-- Every row that told of a payment, the first one included.
CREATE TABLE revenue_sources (
    source      TEXT NOT NULL,
    id          TEXT NOT NULL,
    revenue_key TEXT NOT NULL REFERENCES revenue (revenue_key),
    PRIMARY KEY (source, id)
) STRICT, WITHOUT ROWID;

-- Budgets of an older system, as they stood at its last import.
CREATE TABLE imported_budgets (
    source         TEXT    PRIMARY KEY,
    enabled        INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    imported_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE imported_limits (
    source       TEXT    NOT NULL REFERENCES imported_budgets (source),
    id           TEXT    NOT NULL,
    amount_nanos INTEGER NOT NULL,
    period       TEXT    NOT NULL,          -- daily, weekly, monthly, or a month such as 2026-07
    model        TEXT,
    endpoint     TEXT,
    description  TEXT,
    PRIMARY KEY (source, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE imported_thresholds (
    source     TEXT    NOT NULL REFERENCES imported_budgets (source),
    level      TEXT    NOT NULL,
    part_nanos INTEGER NOT NULL,            -- of the budget, 10⁹ being all of it
    enabled    INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    PRIMARY KEY (source, level)
) STRICT, WITHOUT ROWID;
