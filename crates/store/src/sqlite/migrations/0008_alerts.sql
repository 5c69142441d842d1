-- Conditions that somebody watches.
CREATE TABLE alert_rules (
    rule_id TEXT PRIMARY KEY,
    rule    TEXT NOT NULL CHECK (json_valid(rule))
) STRICT;

-- Each time one of them held.
CREATE TABLE alerts (
    alert_id         TEXT PRIMARY KEY,
    rule_id          TEXT NOT NULL,
    key              TEXT NOT NULL,
    severity         TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    title            TEXT NOT NULL,
    detail           TEXT NOT NULL,
    path             TEXT,
    opened_at_us     INTEGER NOT NULL,
    state            TEXT NOT NULL CHECK (state IN ('open', 'acknowledged', 'resolved')),
    actor            TEXT,
    changed_at_us    INTEGER NOT NULL,
    snoozed_until_us INTEGER,
    holds            INTEGER NOT NULL
) STRICT;
CREATE INDEX alerts_by_time ON alerts (opened_at_us DESC, alert_id DESC);
-- Two who judge at once open one alert.
CREATE UNIQUE INDEX alerts_hold_once ON alerts (rule_id, key) WHERE holds = 1;

-- What everybody wants to know from the first day on.
INSERT INTO alert_rules (rule_id, rule) VALUES
    ('budgets', '{"id":"budgets","created_at":"2026-01-01T00:00:00Z","name":"Budget thresholds","severity":"warning","enabled":true,"condition":{"kind":"budget"}}'),
    ('unpriced', '{"id":"unpriced","created_at":"2026-01-01T00:00:00Z","name":"Usage without a price","severity":"warning","enabled":true,"condition":{"kind":"unpriced"}}'),
    ('anomalies', '{"id":"anomalies","created_at":"2026-01-01T00:00:00Z","name":"Unusual spend","severity":"warning","enabled":true,"condition":{"kind":"anomaly","severity":"medium"}}'),
    ('changes', '{"id":"changes","created_at":"2026-01-01T00:00:00Z","name":"A new level of spend","severity":"info","enabled":true,"condition":{"kind":"change"}}'),
    ('health', '{"id":"health","created_at":"2026-01-01T00:00:00Z","name":"Server in trouble","severity":"critical","enabled":true,"condition":{"kind":"health"}}');
