-- An event is named by its account, source and id: one account's ids are nothing to another.

-- How the keys of a run were made: 1 by source and id, 2 by account, source and id under the secret.
-- Runs of before stay as they are until they are past the window, and are asked in their own way.
ALTER TABLE dedup_runs ADD COLUMN form INTEGER NOT NULL DEFAULT 1 CHECK (form IN (1, 2));

-- What keys are made with from now on, so that nobody can make two events that have the same one.
CREATE TABLE dedup_secret (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    secret BLOB NOT NULL CHECK (length(secret) = 384)
) STRICT;
INSERT INTO dedup_secret VALUES (1, randomblob(384));

-- Whose event was amended; NULL in lines of before, whose source and id were enough.
ALTER TABLE amendments ADD COLUMN account TEXT;
