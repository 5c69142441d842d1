-- The sums of accounts and the rows of counters are written when commits leave the usage log, and no
-- more by each commit. Commits after this one have moved them by what their rows do not have yet.
ALTER TABLE history_ids ADD COLUMN last_counted_seq INTEGER NOT NULL DEFAULT 0;
UPDATE history_ids SET last_counted_seq = (SELECT seq FROM usage_log_head);
-- Commits after this one move the counter; those before were in the history when it began.
ALTER TABLE counters ADD COLUMN begun_seq INTEGER NOT NULL DEFAULT 0;
-- Nobody ever read when an account was charged first and last.
ALTER TABLE account_totals DROP COLUMN first_seen_us;
ALTER TABLE account_totals DROP COLUMN last_seen_us;
