-- Prices: what one unit of something costs, for which models, when, and where that is from.
CREATE TABLE prices (
    price_id         TEXT PRIMARY KEY,
    source           TEXT NOT NULL,
    provider         TEXT NOT NULL,
    model            TEXT NOT NULL,              -- the pattern as text
    place            INTEGER NOT NULL DEFAULT 0, -- of the pattern among its source's
    priced           TEXT NOT NULL,              -- a meter, or `factor`
    per              INTEGER NOT NULL CHECK (per > 0),
    price            TEXT NOT NULL,              -- a decimal
    currency         TEXT NOT NULL,
    charged          TEXT,                       -- JSON; NULL for every unit
    conditions       TEXT,                       -- JSON; NULL for none
    valid_from_us    INTEGER,                    -- NULL: since always
    valid_to_us      INTEGER,                    -- NULL: open
    version          TEXT NOT NULL,
    created_at_us    INTEGER NOT NULL,
    missing_since_us INTEGER                     -- its source no longer lists it
) STRICT;

CREATE INDEX prices_of_a_source ON prices (source, provider, model);

-- Rows are closed, never overwritten: charges name them.
CREATE TRIGGER prices_are_not_edited
BEFORE UPDATE OF price_id, source, provider, model, priced, per, price, currency, charged,
                 conditions, valid_from_us, created_at_us ON prices
BEGIN
    SELECT raise(ABORT, 'a price is closed and never edited');
END;

CREATE TRIGGER prices_are_not_deleted
BEFORE DELETE ON prices
BEGIN
    SELECT raise(ABORT, 'a price is closed and never deleted');
END;

-- Where prices are from. Of two sources that know a model the one with the greater turn decides.
CREATE TABLE price_sources (
    source         TEXT PRIMARY KEY,
    version        TEXT NOT NULL,
    turn           INTEGER NOT NULL,
    imported_at_us INTEGER NOT NULL
) STRICT;
