-- What an alert points at is kept as a thing, and no longer as an address of the pages. Of older
-- alerts those about usage lose their link: the figures behind it stand in their text.
ALTER TABLE alerts RENAME COLUMN path TO link;
UPDATE alerts SET link = CASE
    WHEN link LIKE '/prices%' THEN '{"to":"unpriced"}'
    WHEN link LIKE '/budgets?budget=%' THEN '{"to":"budget","id":"' || substr(link, 17) || '"}'
END;
