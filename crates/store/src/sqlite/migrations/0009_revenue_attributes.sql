-- What revenue was made with: a JSON object by the names of usage attributes, NULL where none is named.
ALTER TABLE revenue ADD COLUMN attributes TEXT;
