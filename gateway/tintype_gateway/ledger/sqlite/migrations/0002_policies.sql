-- Policies, rates, use by model, answers delivered, unknown outcomes and adjustments.

ALTER TABLE account ADD COLUMN models TEXT; -- a JSON list of ids; NULL: all
ALTER TABLE account ADD COLUMN requests_per_minute INTEGER CHECK (requests_per_minute > 0);
ALTER TABLE account ADD COLUMN images_per_minute INTEGER CHECK (images_per_minute > 0);

-- The buckets of rates.py, in microseconds since 1970.
ALTER TABLE account ADD COLUMN requests_full_at INTEGER NOT NULL DEFAULT 0
CHECK (typeof(requests_full_at) = 'integer');
ALTER TABLE account ADD COLUMN images_full_at INTEGER NOT NULL DEFAULT 0
CHECK (typeof(images_full_at) = 'integer');

ALTER TABLE hold ADD COLUMN images INTEGER NOT NULL DEFAULT 0 CHECK (images >= 0); -- delivered
ALTER TABLE hold ADD COLUMN delivered_at REAL;
ALTER TABLE hold ADD COLUMN outcome_unknown INTEGER NOT NULL DEFAULT 0
CHECK (outcome_unknown IN (0, 1));

CREATE INDEX key_of_account ON api_key (account);

-- Charges summed up, so that reading them does not take longer the more there are.
CREATE TABLE daily_usage (
    account TEXT NOT NULL REFERENCES account (name),
    day TEXT NOT NULL, -- UTC, as 2026-11-20
    model TEXT NOT NULL,
    requests INTEGER NOT NULL,
    images INTEGER NOT NULL,
    charged INTEGER NOT NULL CHECK (typeof(charged) = 'integer'),
    PRIMARY KEY (account, day, model)
);

INSERT INTO daily_usage (account, day, model, requests, images, charged)
SELECT hold.account, date(posting.created_at, 'unixepoch'), hold.model, count(*), 0, -sum(entry.amount)
FROM posting
JOIN hold ON hold.id = posting.hold_id
JOIN entry ON entry.posting_id = posting.id AND entry.account = hold.account
GROUP BY 1, 2, 3;

-- A table's checks cannot be changed, so another one takes its place.
CREATE TABLE posting_with_adjustments (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('grant', 'adjustment', 'charge', 'late_charge')),
    hold_id TEXT UNIQUE REFERENCES hold (id), -- one charge a hold
    reason TEXT,
    created_at REAL NOT NULL,
    CHECK ((hold_id IS NULL) = (kind IN ('grant', 'adjustment'))),
    CHECK ((reason IS NULL) = (kind IN ('charge', 'late_charge')))
);
INSERT INTO posting_with_adjustments SELECT id, kind, hold_id, reason, created_at FROM posting;
DROP TABLE posting;
ALTER TABLE posting_with_adjustments RENAME TO posting;

CREATE TRIGGER posting_is_not_updated BEFORE UPDATE ON posting
BEGIN
    SELECT raise(ABORT, 'postings are append-only');
END;

CREATE TRIGGER posting_is_not_deleted BEFORE DELETE ON posting
BEGIN
    SELECT raise(ABORT, 'postings are append-only');
END;
