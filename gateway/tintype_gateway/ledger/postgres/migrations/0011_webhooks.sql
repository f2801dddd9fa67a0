-- The outbox of webhooks.
CREATE TABLE webhook_delivery (
    id text PRIMARY KEY, -- the webhook-id
    type text NOT NULL,
    destination text NOT NULL,
    account text,
    payload text NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    created_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL, -- of a claimed one: the end of its lease
    claim text, -- of the gateway that sends it
    attempts integer NOT NULL DEFAULT 0,
    attempted_at timestamptz,
    status integer,
    error text,
    finished_at timestamptz,
    CHECK ((state = 'pending') = (finished_at IS NULL))
);

CREATE INDEX due_webhook ON webhook_delivery (due_at) WHERE state = 'pending';
CREATE INDEX finished_webhook ON webhook_delivery (finished_at) WHERE state <> 'pending';
CREATE INDEX webhook_by_age ON webhook_delivery (created_at, id);
