-- What was known to be the time when it was last written: what is old is removed by it, because the
-- machine's clock may be set wrongly.
CREATE TABLE known_time (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    at_us INTEGER NOT NULL
) STRICT;
