-- Who said first that they saw an alert, and when: known also once the alert is over.
ALTER TABLE alerts ADD COLUMN seen_by TEXT;
ALTER TABLE alerts ADD COLUMN seen_at_us INTEGER;

UPDATE alerts SET seen_by = actor, seen_at_us = changed_at_us WHERE state = 'acknowledged';
