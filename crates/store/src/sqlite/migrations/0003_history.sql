-- Which files the history consists of. What is not named here is no part of it.

-- One Parquet file of facts each, with its roll-up beside it.
CREATE TABLE history_segments (
    segment_id        INTEGER PRIMARY KEY,
    rows              INTEGER NOT NULL,
    -- Sums over the rows, compared with the file by `outlay check`.
    events            INTEGER NOT NULL,
    requests          TEXT NOT NULL,
    unpriced          INTEGER NOT NULL,
    amount_nanos      TEXT NOT NULL,
    first_occurred_us INTEGER NOT NULL,
    last_occurred_us  INTEGER NOT NULL,
    first_received_us INTEGER NOT NULL,
    last_received_us  INTEGER NOT NULL,
    -- The batches of the usage log that the rows came in.
    first_log_seq     INTEGER NOT NULL,
    last_log_seq      INTEGER NOT NULL,
    -- XXH3 of the whole files, as signed 64 bits.
    size_bytes        INTEGER NOT NULL,
    checksum          INTEGER NOT NULL,
    rollup_bytes      INTEGER NOT NULL,
    rollup_checksum   INTEGER NOT NULL
) STRICT;

-- One file of sorted keys each, by which repeats are known.
CREATE TABLE dedup_runs (
    run_id            INTEGER PRIMARY KEY,
    keys              INTEGER NOT NULL,
    first_received_us INTEGER NOT NULL,
    last_received_us  INTEGER NOT NULL,
    size_bytes        INTEGER NOT NULL,
    checksum          INTEGER NOT NULL
) STRICT;

-- Ids are never used twice, so that a file that is left over cannot pass for a newer one.
CREATE TABLE history_ids (
    one             INTEGER PRIMARY KEY CHECK (one = 1),
    last_segment_id INTEGER NOT NULL,
    last_run_id     INTEGER NOT NULL,
    -- Every batch up to this one is in segments.
    last_log_seq    INTEGER NOT NULL
) STRICT;
INSERT INTO history_ids VALUES (1, 0, 0, 0);

-- Facts that left the history for good, so that the books still add up.
CREATE TABLE history_removals (
    removal_id   INTEGER PRIMARY KEY,
    -- Every fact that occurred before this went.
    cutoff_us    INTEGER NOT NULL,
    account      TEXT NOT NULL,
    rows         INTEGER NOT NULL,
    events       INTEGER NOT NULL,
    requests     TEXT NOT NULL,
    unpriced     INTEGER NOT NULL,
    amount_nanos TEXT NOT NULL
) STRICT;
