-- What each account was charged is a running total, and was never a ledger: that name is for the
-- book of what is granted, held and taken.
ALTER TABLE ledger_accounts RENAME TO account_totals;
