-- What is put by its name, and the log of all changes: see changes.py.

ALTER TABLE account ADD COLUMN display_name TEXT NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN suspended INTEGER NOT NULL DEFAULT 0 CHECK (suspended IN (0, 1));
ALTER TABLE account ADD COLUMN owner TEXT; -- NULL: nothing puts it
ALTER TABLE account ADD COLUMN deletion_policy TEXT NOT NULL DEFAULT 'retain'
CHECK (deletion_policy IN ('retain', 'suspend'));

CREATE INDEX account_of_owner ON account (owner) WHERE owner IS NOT NULL;

ALTER TABLE api_key ADD COLUMN owner TEXT; -- NULL: the ledger made it
ALTER TABLE api_key ADD COLUMN name TEXT;

CREATE INDEX key_of_owner ON api_key (owner) WHERE owner IS NOT NULL;

-- A grant that is made once for good. Archive runs leave it.
ALTER TABLE posting ADD COLUMN reference TEXT CHECK (reference IS NULL OR kind = 'grant');

CREATE UNIQUE INDEX posting_of_reference ON posting (reference) WHERE reference IS NOT NULL;

CREATE TABLE change (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    at REAL NOT NULL,
    author_kind TEXT NOT NULL,
    author_name TEXT NOT NULL,
    author_details TEXT NOT NULL, -- a JSON object
    author_role TEXT,
    request_id TEXT,
    action TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    account TEXT, -- not a reference: what is reported need not be there
    before TEXT, -- JSON objects
    after TEXT,
    CHECK (before IS NOT NULL OR after IS NOT NULL)
);

CREATE INDEX change_of_name ON change (kind, name, sequence);
CREATE INDEX change_of_account ON change (account, sequence) WHERE account IS NOT NULL;
CREATE INDEX change_at ON change (at);

-- Changes that no gateway has written to its standard output yet; one does so until a time.
CREATE TABLE change_line (
    sequence INTEGER PRIMARY KEY,
    claimed_until REAL
);

CREATE TRIGGER change_gets_a_line AFTER INSERT ON change
BEGIN
    INSERT INTO change_line (sequence) VALUES (new.sequence);
END;

-- Changes that are older than this may be deleted; one row at most.
CREATE TABLE change_retention (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    older_than REAL NOT NULL
);

CREATE TRIGGER change_is_not_updated BEFORE UPDATE ON change
BEGIN
    SELECT raise(ABORT, 'changes are append-only');
END;

CREATE TRIGGER change_is_not_deleted BEFORE DELETE ON change
WHEN NOT EXISTS (SELECT 1 FROM change_retention WHERE old.at < older_than)
BEGIN
    SELECT raise(ABORT, 'changes are append-only');
END;
