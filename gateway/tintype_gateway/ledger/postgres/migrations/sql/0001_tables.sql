-- The ledger's tables. Amounts are whole micro-credits.

CREATE TABLE account (
    name text PRIMARY KEY CHECK (name NOT LIKE 'sys:%'),
    opened_by uuid NOT NULL, -- the call that opened it, which may ask again whether it has
    unlimited boolean NOT NULL,
    balance bigint NOT NULL DEFAULT 0,
    held bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
    models text[], -- the ids of the models that it may use; null: all
    requests_per_minute integer CHECK (requests_per_minute > 0),
    images_per_minute integer CHECK (images_per_minute > 0),
    requests_full_at bigint NOT NULL DEFAULT 0, -- the buckets of rates.py, in microseconds
    images_full_at bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL
) WITH (fillfactor = 50); -- room on its page for the next version of a row that changes often

CREATE TABLE api_key (
    id text PRIMARY KEY,
    account text NOT NULL REFERENCES account (name),
    secret_sha256 bytea NOT NULL UNIQUE CHECK (length(secret_sha256) = 32),
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);

CREATE INDEX key_of_account ON api_key (account);

CREATE TABLE hold (
    id text PRIMARY KEY,
    account text NOT NULL REFERENCES account (name),
    amount bigint NOT NULL CHECK (amount >= 0),
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'settled', 'released', 'expired')),
    key_id text NOT NULL, -- not a reference: callers need not have one of our keys
    request_id text NOT NULL,
    model text NOT NULL,
    provider text NOT NULL,
    idempotency_key text,
    request_digest text,
    images integer NOT NULL DEFAULT 0 CHECK (images >= 0), -- delivered
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    closed_at timestamptz,
    closed_by uuid, -- the call that settled or released it, which may ask again whether it has
    delivered_at timestamptz,
    release_reason text,
    outcome_unknown boolean NOT NULL DEFAULT false,
    CHECK ((idempotency_key IS NULL) = (request_digest IS NULL)),
    CHECK ((state = 'open') = (closed_at IS NULL)),
    CHECK ((state IN ('settled', 'released')) = (closed_by IS NOT NULL)),
    CHECK ((state = 'released') = (release_reason IS NOT NULL)),
    CHECK (state = 'released' OR NOT outcome_unknown)
) WITH (fillfactor = 80);

CREATE INDEX open_hold ON hold (account, expires_at) WHERE state = 'open';

-- An idempotency key has one hold, so the same request is never charged twice.
CREATE UNIQUE INDEX hold_of_idempotency_key ON hold (account, idempotency_key)
WHERE idempotency_key IS NOT NULL;

CREATE TABLE posting (
    id uuid PRIMARY KEY, -- that of the call that made it, so that it is made once
    kind text NOT NULL CHECK (kind IN ('grant', 'adjustment', 'charge', 'late_charge')),
    hold_id text UNIQUE REFERENCES hold (id), -- one charge a hold
    reason text,
    created_at timestamptz NOT NULL,
    CHECK ((hold_id IS NULL) = (kind IN ('grant', 'adjustment'))),
    CHECK ((reason IS NULL) = (kind IN ('charge', 'late_charge')))
);

-- Each posting has two. The ledger's own accounts are only here: a row of theirs in `account` would
-- change with every charge of every account, and all would wait for one another.
CREATE TABLE entry (
    posting_id uuid NOT NULL REFERENCES posting (id),
    account text NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (posting_id, account)
);

-- Charges summed up, so that reading them does not take longer the more there are.
CREATE TABLE daily_usage (
    account text NOT NULL REFERENCES account (name),
    day date NOT NULL, -- UTC
    model text NOT NULL,
    requests integer NOT NULL,
    images integer NOT NULL,
    charged bigint NOT NULL,
    PRIMARY KEY (account, day, model)
) WITH (fillfactor = 50);

CREATE FUNCTION entry_changes_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.account NOT IN ('sys:funding', 'sys:revenue') THEN
        UPDATE account SET balance = balance + new.amount WHERE name = new.account;
        IF NOT FOUND THEN
            RAISE foreign_key_violation USING MESSAGE = format('no account %s', new.account);
        END IF;
    END IF;
    RETURN NULL;
END $$;

-- The only statement that changes a balance.
CREATE TRIGGER entry_changes_balance AFTER INSERT ON entry
FOR EACH ROW EXECUTE FUNCTION entry_changes_balance();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE restrict_violation USING MESSAGE = format('rows of %I are append-only', tg_table_name);
END $$;

CREATE TRIGGER posting_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON posting
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER entry_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entry
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
