-- The account that an alert is about, where it is about one alone: whose people see it. Of older alerts
-- it is not known.
ALTER TABLE alerts ADD COLUMN account TEXT;
