-- Budgets, and what is spent in the windows of an account's calendar: see budgets.py.

ALTER TABLE account ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'UTC';
ALTER TABLE account ADD COLUMN budgets TEXT; -- a JSON list; NULL: none

-- The windows of the newest hold: the first days, and the sums.
ALTER TABLE account ADD COLUMN day_start TEXT NOT NULL DEFAULT '1970-01-01';
ALTER TABLE account ADD COLUMN week_start TEXT NOT NULL DEFAULT '1969-12-29';
ALTER TABLE account ADD COLUMN month_start TEXT NOT NULL DEFAULT '1970-01-01';
ALTER TABLE account ADD COLUMN day_spent INTEGER NOT NULL DEFAULT 0
CHECK (typeof(day_spent) = 'integer');
ALTER TABLE account ADD COLUMN week_spent INTEGER NOT NULL DEFAULT 0
CHECK (typeof(week_spent) = 'integer');
ALTER TABLE account ADD COLUMN month_spent INTEGER NOT NULL DEFAULT 0
CHECK (typeof(month_spent) = 'integer');

-- The day of the account's calendar that the hold counts for; NULL: it is older than this column.
ALTER TABLE hold ADD COLUMN day TEXT;

-- The same sums for each model that has a budget of its own, and for no other.
CREATE TABLE model_spent (
    account TEXT NOT NULL REFERENCES account (name),
    model TEXT NOT NULL,
    day_start TEXT NOT NULL,
    week_start TEXT NOT NULL,
    month_start TEXT NOT NULL,
    day_spent INTEGER NOT NULL CHECK (typeof(day_spent) = 'integer'),
    week_spent INTEGER NOT NULL CHECK (typeof(week_spent) = 'integer'),
    month_spent INTEGER NOT NULL CHECK (typeof(month_spent) = 'integer'),
    PRIMARY KEY (account, model)
) WITHOUT ROWID;

-- What holds that archive runs have deleted were charged: a month may still count it.
CREATE TABLE archived_spent (
    account TEXT NOT NULL,
    day TEXT NOT NULL,
    model TEXT NOT NULL,
    spent INTEGER NOT NULL CHECK (typeof(spent) = 'integer'),
    PRIMARY KEY (account, day, model)
) WITHOUT ROWID;

-- The alerts of budgets whose percentage of the limit was charged.
CREATE TABLE budget_alert (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (name),
    model TEXT, -- NULL: a budget for all models
    "window" TEXT NOT NULL CHECK ("window" IN ('day', 'week', 'month')),
    window_start TEXT NOT NULL,
    percent INTEGER NOT NULL CHECK (percent BETWEEN 1 AND 100),
    limit_micro INTEGER NOT NULL CHECK (typeof(limit_micro) = 'integer'),
    spent INTEGER NOT NULL CHECK (typeof(spent) = 'integer'), -- charges, without open holds
    created_at REAL NOT NULL,
    reported_at REAL
);

-- Once for each window; a budget that is changed has alerts of its own.
CREATE UNIQUE INDEX alert_of_window
ON budget_alert (account, coalesce(model, ''), "window", window_start, percent, limit_micro);

CREATE INDEX unreported_alert ON budget_alert (id) WHERE reported_at IS NULL;

-- What was spent before, in the windows of today: of accounts that are all in UTC.
UPDATE hold SET day = min(date(created_at, 'unixepoch'), date('now'))
WHERE created_at >= CAST(strftime('%s', 'now', 'start of month', '-6 days') AS INTEGER);

CREATE TABLE spent_before (
    account TEXT NOT NULL PRIMARY KEY,
    day_spent INTEGER NOT NULL,
    week_spent INTEGER NOT NULL,
    month_spent INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO spent_before (account, day_spent, week_spent, month_spent)
SELECT
    account,
    sum(amount * (day >= date('now'))),
    sum(amount * (day >= date('now', '-6 days', 'weekday 1'))),
    sum(amount * (day >= date('now', 'start of month')))
FROM (
    SELECT account, day, amount FROM hold WHERE state = 'open' AND day IS NOT NULL
    UNION ALL
    SELECT hold.account, day, -entry.amount
    FROM hold
    JOIN posting ON posting.hold_id = hold.id
    JOIN entry ON entry.posting_id = posting.id AND entry.account = hold.account
    WHERE day IS NOT NULL
)
GROUP BY account;

UPDATE account SET
    day_start = date('now'),
    week_start = date('now', '-6 days', 'weekday 1'),
    month_start = date('now', 'start of month'),
    day_spent = (SELECT day_spent FROM spent_before WHERE account = name),
    week_spent = (SELECT week_spent FROM spent_before WHERE account = name),
    month_spent = (SELECT month_spent FROM spent_before WHERE account = name)
WHERE name IN (SELECT account FROM spent_before);

DROP TABLE spent_before;
