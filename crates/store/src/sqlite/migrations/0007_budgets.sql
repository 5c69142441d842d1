-- What people decided to spend. Few, and always read together.
CREATE TABLE budgets (
    budget_id     TEXT PRIMARY KEY,
    budget        TEXT NOT NULL CHECK (json_valid(budget)),
    -- One that was imported can be put away, or it would come back with the next import.
    removed_at_us INTEGER
) STRICT;
