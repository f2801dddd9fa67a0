-- The ledger's tables. Amounts are whole micro-credits, times are seconds since 1970.
-- Nothing newer than SQLite 3.24, as Python uses what the system has: hence typeof, not STRICT.

CREATE TABLE account (
    name TEXT NOT NULL PRIMARY KEY,
    unlimited INTEGER NOT NULL CHECK (unlimited IN (0, 1)),
    balance INTEGER NOT NULL DEFAULT 0 CHECK (typeof(balance) = 'integer'),
    held INTEGER NOT NULL DEFAULT 0 CHECK (typeof(held) = 'integer' AND held >= 0),
    created_at REAL NOT NULL
);

-- The other side of every posting.
INSERT INTO account (name, unlimited, created_at)
VALUES ('sys:funding', 1, strftime('%s', 'now')), ('sys:revenue', 1, strftime('%s', 'now'));

CREATE TABLE api_key (
    id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (name),
    secret_sha256 BLOB NOT NULL UNIQUE CHECK (length(secret_sha256) = 32),
    created_at REAL NOT NULL,
    expires_at REAL,
    revoked_at REAL
);

CREATE TABLE hold (
    id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (name),
    amount INTEGER NOT NULL CHECK (typeof(amount) = 'integer' AND amount >= 0),
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'settled', 'released', 'expired')),
    key_id TEXT NOT NULL, -- not a reference: callers need not have one of our keys
    request_id TEXT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    idempotency_key TEXT,
    request_digest TEXT,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    closed_at REAL,
    release_reason TEXT,
    CHECK ((idempotency_key IS NULL) = (request_digest IS NULL)),
    CHECK ((state = 'open') = (closed_at IS NULL)),
    CHECK ((state = 'released') = (release_reason IS NOT NULL))
);

CREATE INDEX open_hold ON hold (expires_at) WHERE state = 'open';

-- An idempotency key has one hold, so the same request is never charged twice.
CREATE UNIQUE INDEX hold_of_idempotency_key ON hold (account, idempotency_key)
WHERE idempotency_key IS NOT NULL;

CREATE TABLE posting (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('grant', 'charge', 'late_charge')),
    hold_id TEXT UNIQUE REFERENCES hold (id), -- one charge a hold
    reason TEXT,
    created_at REAL NOT NULL,
    CHECK ((kind = 'grant') = (hold_id IS NULL)),
    CHECK ((kind = 'grant') = (reason IS NOT NULL))
);

CREATE TABLE entry (
    posting_id INTEGER NOT NULL REFERENCES posting (id),
    account TEXT NOT NULL REFERENCES account (name),
    amount INTEGER NOT NULL CHECK (typeof(amount) = 'integer'),
    UNIQUE (posting_id, account)
);

-- The only statement that changes a balance.
CREATE TRIGGER entry_changes_balance AFTER INSERT ON entry
BEGIN
    UPDATE account SET balance = balance + new.amount WHERE name = new.account;
END;

CREATE TRIGGER posting_is_not_updated BEFORE UPDATE ON posting
BEGIN
    SELECT raise(ABORT, 'postings are append-only');
END;

CREATE TRIGGER posting_is_not_deleted BEFORE DELETE ON posting
BEGIN
    SELECT raise(ABORT, 'postings are append-only');
END;

CREATE TRIGGER entry_is_not_updated BEFORE UPDATE ON entry
BEGIN
    SELECT raise(ABORT, 'entries are append-only');
END;

CREATE TRIGGER entry_is_not_deleted BEFORE DELETE ON entry
BEGIN
    SELECT raise(ABORT, 'entries are append-only');
END;
