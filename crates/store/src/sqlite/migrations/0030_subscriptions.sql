-- Which account has which plan.
CREATE TABLE subscriptions (
    account_no   INTEGER PRIMARY KEY REFERENCES ledger_accounts,
    plan_id      TEXT NOT NULL,
    version      INTEGER NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('trialing', 'active', 'past_due', 'suspended', 'ended')),
    -- Before then nothing happens to it by itself; nothing ever does where it is over.
    due_us       INTEGER,
    -- How many things happened to it.
    steps        INTEGER NOT NULL,
    subscription TEXT NOT NULL CHECK (json_valid(subscription)),
    FOREIGN KEY (plan_id, version) REFERENCES plan_versions
) STRICT;
CREATE INDEX subscriptions_due ON subscriptions (due_us) WHERE due_us IS NOT NULL;
CREATE INDEX subscriptions_of_plan ON subscriptions (plan_id, version, account_no);
-- What happened to each, in order.
CREATE TABLE subscription_steps (
    account_no INTEGER NOT NULL REFERENCES ledger_accounts,
    number     INTEGER NOT NULL,
    at_us      INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    step       TEXT NOT NULL CHECK (json_valid(step)),
    PRIMARY KEY (account_no, number)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER subscription_steps_are_not_changed BEFORE UPDATE ON subscription_steps
BEGIN SELECT RAISE(ABORT, 'what happened is never changed'); END;
CREATE TRIGGER subscription_steps_are_not_removed BEFORE DELETE ON subscription_steps
BEGIN SELECT RAISE(ABORT, 'what happened is never removed'); END;
