-- Ids that differ in case only are one, told in words that every database understands.
DROP INDEX users_by_folded_id;
CREATE UNIQUE INDEX users_by_folded_id ON users (lower(user_id));
