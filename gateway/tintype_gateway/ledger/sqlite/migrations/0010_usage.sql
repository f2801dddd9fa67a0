-- The usage by key and end user, too. What was charged before has neither.

ALTER TABLE hold ADD COLUMN end_user TEXT NOT NULL DEFAULT '';

-- A primary key cannot be changed, so another table takes its place.
CREATE TABLE detailed_usage (
    account TEXT NOT NULL REFERENCES account (name),
    day TEXT NOT NULL, -- UTC, as 2026-11-20
    model TEXT NOT NULL,
    key_id TEXT NOT NULL,
    end_user TEXT NOT NULL,
    requests INTEGER NOT NULL,
    images INTEGER NOT NULL,
    charged INTEGER NOT NULL CHECK (typeof(charged) = 'integer'),
    PRIMARY KEY (account, day, model, key_id, end_user)
);
INSERT INTO detailed_usage (account, day, model, key_id, end_user, requests, images, charged)
SELECT account, day, model, '', '', requests, images, charged FROM daily_usage;
DROP TABLE daily_usage;
ALTER TABLE detailed_usage RENAME TO daily_usage;
