-- What accounts may subscribe to.
CREATE TABLE plans (
    plan_id   TEXT PRIMARY KEY,
    -- The number of its newest version.
    newest    INTEGER NOT NULL,
    -- Whether nobody can subscribe to it any more.
    is_closed INTEGER NOT NULL DEFAULT 0 CHECK (is_closed IN (0, 1))
) STRICT;
CREATE TABLE plan_versions (
    plan_id    TEXT NOT NULL REFERENCES plans,
    version    INTEGER NOT NULL CHECK (version > 0),
    created_us INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    plan       TEXT NOT NULL CHECK (json_valid(plan)),
    PRIMARY KEY (plan_id, version)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER plan_versions_are_not_changed BEFORE UPDATE ON plan_versions
BEGIN SELECT RAISE(ABORT, 'a version of a plan is never changed'); END;
CREATE TRIGGER plan_versions_are_not_removed BEFORE DELETE ON plan_versions
BEGIN SELECT RAISE(ABORT, 'a version of a plan is never removed'); END;
