-- The outbox of webhooks. Times are Unix seconds.
CREATE TABLE webhook_delivery (
    id TEXT NOT NULL PRIMARY KEY, -- the webhook-id
    type TEXT NOT NULL,
    destination TEXT NOT NULL,
    account TEXT,
    payload TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    created_at REAL NOT NULL,
    due_at REAL NOT NULL, -- of a claimed one: the end of its lease
    claim TEXT, -- of the gateway that sends it
    attempts INTEGER NOT NULL DEFAULT 0,
    attempted_at REAL,
    status INTEGER,
    error TEXT,
    finished_at REAL,
    CHECK ((state = 'pending') = (finished_at IS NULL))
);

CREATE INDEX due_webhook ON webhook_delivery (due_at) WHERE state = 'pending';
CREATE INDEX finished_webhook ON webhook_delivery (finished_at) WHERE state <> 'pending';
CREATE INDEX webhook_by_age ON webhook_delivery (created_at, id);
