-- What people decided about recommendations. One that nobody touched is not here.
CREATE TABLE recommendations (
    recommendation_id TEXT PRIMARY KEY,
    state             TEXT NOT NULL CHECK (state IN ('open', 'snoozed', 'done', 'dismissed')),
    actor             TEXT NOT NULL,
    changed_at_us     INTEGER NOT NULL,
    snoozed_until_us  INTEGER,
    note              TEXT,
    -- As it was when it was decided, so that it can still be shown once its usage is gone.
    item              TEXT NOT NULL CHECK (json_valid(item))
) STRICT;
