-- People: who may come in, and by which secrets. Secrets are kept as hashes only.
-- Times are microseconds since 1970 in UTC.

CREATE TABLE users (
    user_id          TEXT    PRIMARY KEY,
    name             TEXT    NOT NULL,
    account          TEXT    NOT NULL,
    role             TEXT    NOT NULL CHECK (role IN ('admin', 'member', 'viewer')),
    password_hash    TEXT,                       -- argon2id, in PHC form
    token_generation INTEGER NOT NULL DEFAULT 0, -- our own tokens of older generations are revoked
    created_at_us    INTEGER NOT NULL,
    disabled_at_us   INTEGER
) STRICT, WITHOUT ROWID;

-- Names that differ in case only would let one user pass for another.
CREATE UNIQUE INDEX users_by_folded_id ON users (user_id COLLATE NOCASE);

CREATE TABLE api_keys (
    key_id          TEXT    PRIMARY KEY,         -- UUID version 7, so later keys have greater ids
    user_id         TEXT    NOT NULL REFERENCES users (user_id),
    secret_hash     BLOB    NOT NULL UNIQUE CHECK (length(secret_hash) = 32),
    prefix          TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    scopes          TEXT    NOT NULL,            -- separated by spaces
    account         TEXT,
    created_at_us   INTEGER NOT NULL,
    expires_at_us   INTEGER,
    last_used_at_us INTEGER,
    revoked_at_us   INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX api_keys_by_user ON api_keys (user_id, key_id);

CREATE TABLE sessions (
    session_id      TEXT    PRIMARY KEY,
    user_id         TEXT    NOT NULL REFERENCES users (user_id),
    secret_hash     BLOB    NOT NULL UNIQUE CHECK (length(secret_hash) = 32),
    method          TEXT    NOT NULL CHECK (method IN ('password', 'link')),
    created_at_us   INTEGER NOT NULL,
    last_seen_at_us INTEGER NOT NULL,
    expires_at_us   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_user ON sessions (user_id, last_seen_at_us);

-- One link a user at a time: a new one takes the place of the old one.
CREATE TABLE sign_in_links (
    user_id       TEXT    PRIMARY KEY REFERENCES users (user_id),
    secret_hash   BLOB    NOT NULL UNIQUE CHECK (length(secret_hash) = 32),
    expires_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The audit trail only grows.
CREATE TABLE audit (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    at_us  INTEGER NOT NULL,
    actor  TEXT    NOT NULL,
    action TEXT    NOT NULL,
    target TEXT    NOT NULL,
    detail TEXT    NOT NULL CHECK (json_valid(detail))
) STRICT;

CREATE INDEX audit_by_target ON audit (target, seq);

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail only grows'); END;

CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail only grows'); END;

-- `INSERT OR REPLACE` would delete without asking the trigger above.
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'the audit trail only grows'); END;
