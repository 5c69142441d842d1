-- The generation of tokens that a new user begins with: later than that of every user who was
-- deleted, so that no token lives again when a name is used again.
CREATE TABLE token_generations (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    next INTEGER NOT NULL
) STRICT;

-- Of users who were deleted before this, the generation is not known any more: nobody revoked a
-- million times.
INSERT INTO token_generations
SELECT 1, CASE WHEN EXISTS (SELECT 1 FROM audit WHERE action = 'user.deleted') THEN 1000000 ELSE 0 END;
