-- What is of an account is known within that account: nobody takes another's ids.
ALTER TABLE revenue ADD COLUMN account TEXT;
UPDATE revenue SET account = json_extract(attributes, '$.account') WHERE attributes IS NOT NULL;

CREATE TEMP TABLE told AS
SELECT ifnull(account, '') AS account, told.source, told.id,
       CASE WHEN account IS NULL THEN revenue_key
            ELSE kind || '@' || length(CAST(account AS BLOB)) || ':' || account
                 || substr(revenue_key, length(kind) + 1) END AS revenue_key
FROM revenue_sources AS told JOIN revenue USING (revenue_key);
DROP TABLE revenue_sources;

UPDATE revenue
SET revenue_key = kind || '@' || length(CAST(account AS BLOB)) || ':' || account
                  || substr(revenue_key, length(kind) + 1)
WHERE account IS NOT NULL;

-- Every row that told of a payment, the first one included.
CREATE TABLE revenue_sources (
    account     TEXT NOT NULL,              -- empty where it named none
    source      TEXT NOT NULL,
    id          TEXT NOT NULL,
    revenue_key TEXT NOT NULL REFERENCES revenue (revenue_key),
    PRIMARY KEY (account, source, id)
) STRICT, WITHOUT ROWID;
INSERT INTO revenue_sources SELECT account, source, id, revenue_key FROM told;
DROP TABLE told;

CREATE INDEX revenue_of_accounts_by_payment ON revenue (payment) WHERE account IS NOT NULL;
CREATE INDEX revenue_of_accounts_by_transaction ON revenue (transaction_id)
WHERE account IS NOT NULL;
