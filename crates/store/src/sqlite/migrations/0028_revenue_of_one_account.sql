-- Whether only somebody who sees one account told of a payment: who sees all knows better.
ALTER TABLE revenue ADD COLUMN is_bound INTEGER NOT NULL DEFAULT 0 CHECK (is_bound IN (0, 1));
