-- Runs that archive old postings: see archive/run.py. A table's checks cannot be changed, so that
-- another one takes its place, with postings that carry forward what was archived.

CREATE TABLE posting_carried_forward (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL
    CHECK (kind IN ('grant', 'adjustment', 'charge', 'late_charge', 'carried_forward')),
    hold_id TEXT UNIQUE REFERENCES hold (id), -- one charge a hold
    reason TEXT,
    created_at REAL NOT NULL,
    idempotency_key TEXT CHECK (idempotency_key IS NULL OR hold_id IS NULL),
    request_digest TEXT CHECK ((idempotency_key IS NULL) = (request_digest IS NULL)),
    CHECK ((hold_id IS NULL) = (kind IN ('grant', 'adjustment', 'carried_forward'))),
    CHECK ((reason IS NULL) = (kind IN ('charge', 'late_charge')))
);
INSERT INTO posting_carried_forward
SELECT id, kind, hold_id, reason, created_at, idempotency_key, request_digest FROM posting;
DROP TABLE posting;
ALTER TABLE posting_carried_forward RENAME TO posting;

CREATE UNIQUE INDEX posting_of_idempotency_key ON posting (idempotency_key)
WHERE idempotency_key IS NOT NULL;

CREATE TABLE archive_run (
    id TEXT NOT NULL PRIMARY KEY,
    older_than REAL NOT NULL,
    started_at REAL NOT NULL,
    file TEXT,
    sha256 TEXT, -- NULL until the file is on the disk, and so while nothing may be deleted
    postings INTEGER,
    finished_at REAL,
    CHECK ((sha256 IS NULL) = (postings IS NULL) AND (sha256 IS NULL) = (file IS NULL)),
    CHECK (finished_at IS NULL OR sha256 IS NOT NULL)
);

-- One run at a time: the next one completes it.
CREATE UNIQUE INDEX unfinished_archive_run ON archive_run ((finished_at IS NULL))
WHERE finished_at IS NULL;

-- What the unfinished run archives.
CREATE TABLE archived_posting (
    posting_id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES archive_run (id),
    hold_id TEXT
);

-- What each run has deleted, and which posting carries it forward.
CREATE TABLE archived_sum (
    account TEXT NOT NULL,
    counterpart TEXT NOT NULL, -- sys:funding or sys:revenue
    run_id TEXT NOT NULL REFERENCES archive_run (id),
    posting_id INTEGER NOT NULL REFERENCES posting (id),
    postings INTEGER NOT NULL,
    amount INTEGER NOT NULL CHECK (typeof(amount) = 'integer'), -- on the account
    images INTEGER NOT NULL,
    PRIMARY KEY (account, counterpart, run_id)
) WITHOUT ROWID;

CREATE INDEX archived_sum_of_posting ON archived_sum (posting_id);

CREATE TRIGGER posting_is_not_updated BEFORE UPDATE ON posting
BEGIN
    SELECT raise(ABORT, 'postings are append-only');
END;

CREATE TRIGGER posting_is_not_deleted BEFORE DELETE ON posting
WHEN NOT EXISTS (
    SELECT 1 FROM archived_posting JOIN archive_run ON archive_run.id = run_id
    WHERE posting_id = old.id AND sha256 IS NOT NULL
)
BEGIN
    SELECT raise(ABORT, 'postings are append-only');
END;

DROP TRIGGER entry_is_not_updated;

CREATE TRIGGER entry_is_not_updated BEFORE UPDATE ON entry
WHEN new.posting_id <> old.posting_id OR new.account <> old.account
OR NOT EXISTS (SELECT 1 FROM posting WHERE id = old.posting_id AND kind = 'carried_forward')
OR NOT EXISTS (SELECT 1 FROM archive_run WHERE sha256 IS NOT NULL AND finished_at IS NULL)
BEGIN
    SELECT raise(ABORT, 'entries are append-only');
END;

DROP TRIGGER entry_is_not_deleted;

CREATE TRIGGER entry_is_not_deleted BEFORE DELETE ON entry
WHEN NOT EXISTS (
    SELECT 1 FROM archived_posting JOIN archive_run ON archive_run.id = run_id
    WHERE posting_id = old.posting_id AND sha256 IS NOT NULL
)
BEGIN
    SELECT raise(ABORT, 'entries are append-only');
END;
