-- Views that people keep: what is asked, how it is drawn, and who sees that it is there.
CREATE TABLE views (
    view_id       TEXT PRIMARY KEY,
    owner         TEXT NOT NULL,
    is_for_all    INTEGER NOT NULL CHECK (is_for_all IN (0, 1)),
    created_at_us INTEGER NOT NULL,
    changed_at_us INTEGER NOT NULL,
    view          TEXT NOT NULL CHECK (json_valid(view))
) STRICT;
CREATE INDEX views_by_owner ON views (owner);
-- What stands on whose overview, in their own order.
CREATE TABLE pins (
    user_id TEXT NOT NULL,
    place   INTEGER NOT NULL,
    view_id TEXT NOT NULL REFERENCES views ON DELETE CASCADE,
    size    TEXT NOT NULL CHECK (size IN ('half', 'full')),
    PRIMARY KEY (user_id, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX pins_by_view ON pins (view_id);
