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

-- The arithmetic of rates.py, for the transaction that takes a hold.

-- rates.take; null where there is no limit.
CREATE FUNCTION ledger_take(p_full_at bigint, p_now bigint, p_units integer, p_per_minute integer)
RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_per_minute IS NOT NULL
        THEN greatest(p_full_at, p_now) + p_units::bigint * 60000000 / p_per_minute END;
$$;

-- rates.wait; 0 where there is no limit, as greatest() passes over nulls.
CREATE FUNCTION ledger_wait(p_full_at bigint, p_now bigint, p_units integer, p_per_minute integer)
RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(
        0, ledger_take(p_full_at, p_now, least(p_units, p_per_minute), p_per_minute)
            - p_now - 60000000);
$$;

-- Operations on accounts and keys that are more than one statement. Each call has an id of its
-- own, so that one whose answer was lost can be made again: it finds what it did.
-- `p_now` is null but in tests: the server's clock is the one that all processes share.

CREATE FUNCTION ledger_post(
    p_call uuid, p_now timestamptz, p_kind text, p_hold_id text, p_reason text,
    p_source text, p_target text, p_amount bigint
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO posting (id, kind, hold_id, reason, created_at)
    VALUES (p_call, p_kind, p_hold_id, p_reason, p_now);
    INSERT INTO entry (posting_id, account, amount)
    VALUES (p_call, p_source, -p_amount), (p_call, p_target, p_amount);
$$;

-- Returns the account of this name, even if another issuer opened it.
CREATE FUNCTION ledger_open_account(
    p_now timestamptz, p_call uuid, p_name text, p_amount bigint, p_reason text,
    p_unlimited boolean, p_models text[], p_requests_per_minute integer, p_images_per_minute integer
) RETURNS SETOF account LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz := coalesce(p_now, clock_timestamp());
BEGIN
    INSERT INTO account (
        name, opened_by, unlimited, models, requests_per_minute, images_per_minute, created_at
    ) VALUES (
        p_name, p_call, p_unlimited, p_models, p_requests_per_minute, p_images_per_minute, v_now
    ) ON CONFLICT DO NOTHING;
    IF FOUND AND p_amount > 0 THEN
        PERFORM ledger_post(
            p_call, v_now, 'grant', NULL, p_reason, 'sys:funding', p_name, p_amount);
    END IF;
    RETURN QUERY SELECT * FROM account WHERE name = p_name;
END $$;

-- Grants and adjustments. Returns the account, or nothing if there is none.
CREATE FUNCTION ledger_fund(
    p_now timestamptz, p_call uuid, p_kind text, p_name text, p_amount bigint, p_reason text
) RETURNS SETOF account LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM account WHERE name = p_name FOR NO KEY UPDATE;
    IF FOUND AND NOT EXISTS (SELECT FROM posting WHERE id = p_call) THEN
        PERFORM ledger_post(
            p_call, coalesce(p_now, clock_timestamp()), p_kind, NULL, p_reason,
            'sys:funding', p_name, p_amount);
    END IF;
    RETURN QUERY SELECT * FROM account WHERE name = p_name;
END $$;

-- Returns the new key, or nothing and why not.
CREATE FUNCTION ledger_rotate_key(
    p_now timestamptz, p_old text, p_new text, p_sha256 bytea, p_kept interval,
    p_expires_at timestamptz, OUT refusal text, OUT made api_key
) LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz := coalesce(p_now, clock_timestamp());
    v_old api_key;
BEGIN
    SELECT * INTO v_old FROM api_key WHERE id = p_old FOR UPDATE;
    SELECT * INTO made FROM api_key WHERE id = p_new;
    IF FOUND THEN
        RETURN;
    END IF;
    refusal := CASE
        WHEN v_old.id IS NULL THEN 'unknown'
        WHEN v_old.revoked_at IS NOT NULL THEN 'revoked'
        WHEN v_old.expires_at <= v_now THEN 'expired'
    END;
    IF refusal IS NOT NULL THEN
        RETURN;
    END IF;
    INSERT INTO api_key (id, account, secret_sha256, created_at, expires_at)
    VALUES (p_new, v_old.account, p_sha256, v_now, coalesce(p_expires_at, v_old.expires_at))
    RETURNING * INTO made;
    IF p_kept > interval '0' THEN
        UPDATE api_key SET expires_at = least(expires_at, v_now + p_kept) WHERE id = p_old;
    ELSE
        UPDATE api_key SET revoked_at = v_now WHERE id = p_old;
    END IF;
END $$;

-- Operations on holds. A statement that opens or ends one, and so changes its account, locks the
-- row of the account first: the operations of one account come one after another, each sees what
-- the last one did, and none can wait for another in a circle.

-- What a settled hold was charged; null if it was not.
CREATE FUNCTION ledger_charged(p_hold hold) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT -entry.amount
    FROM posting JOIN entry ON entry.posting_id = posting.id AND entry.account = p_hold.account
    WHERE posting.hold_id = p_hold.id;
$$;

CREATE FUNCTION ledger_hold(
    p_now timestamptz, p_id text, p_account text, p_amount bigint, p_images integer,
    p_lifetime interval, p_key_id text, p_request_id text, p_model text, p_provider text,
    p_idempotency_key text, p_request_digest text, p_key_kept interval,
    OUT refusal text, OUT available bigint, OUT wait bigint,
    OUT first_request_id text, OUT first_charged bigint
) LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz;
    v_moment bigint;
    v_account account;
    v_first hold;
BEGIN
    SELECT * INTO v_account FROM account WHERE name = p_account FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        refusal := 'no account';
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM hold WHERE id = p_id) THEN
        RETURN; -- taken by this call before, whose answer was lost
    END IF;
    v_now := coalesce(p_now, clock_timestamp());

    SELECT * INTO v_first FROM hold
    WHERE account = p_account AND idempotency_key = p_idempotency_key;
    IF v_first.state = 'open' OR v_first.created_at > v_now - p_key_kept THEN
        refusal := CASE
            WHEN v_first.request_digest <> p_request_digest THEN 'mismatch'
            WHEN v_first.state = 'open' THEN 'in progress'
            WHEN v_first.state = 'settled' THEN 'replay'
            ELSE 'outcome unknown'
        END;
        first_request_id := v_first.request_id;
        first_charged := ledger_charged(v_first);
        RETURN;
    END IF;

    v_moment := floor(extract(epoch FROM v_now) * 1000000);
    wait := greatest(
        ledger_wait(v_account.requests_full_at, v_moment, 1, v_account.requests_per_minute),
        ledger_wait(v_account.images_full_at, v_moment, p_images, v_account.images_per_minute));
    IF wait > 0 THEN
        refusal := 'rate limited';
        RETURN;
    END IF;
    available := v_account.balance - v_account.held;
    IF available < p_amount AND NOT v_account.unlimited THEN
        refusal := 'insufficient credits';
        RETURN;
    END IF;

    UPDATE account SET
        held = held + p_amount,
        requests_full_at = coalesce(
            ledger_take(requests_full_at, v_moment, 1, requests_per_minute), requests_full_at),
        images_full_at = coalesce(
            ledger_take(images_full_at, v_moment, p_images, images_per_minute), images_full_at)
    WHERE name = p_account;
    UPDATE hold SET idempotency_key = NULL, request_digest = NULL WHERE id = v_first.id;
    INSERT INTO hold (
        id, account, amount, key_id, request_id, model, provider,
        idempotency_key, request_digest, created_at, expires_at
    ) VALUES (
        p_id, p_account, p_amount, p_key_id, p_request_id, p_model, p_provider,
        p_idempotency_key, p_request_digest, v_now, v_now + p_lifetime
    );
END $$;

-- How holds end. The id of the call that ends one stays with it: when that call is made again,
-- because its answer was lost, it finds what it did.

CREATE FUNCTION ledger_lock(p_id text) RETURNS hold LANGUAGE plpgsql AS $$
DECLARE
    v_hold hold;
BEGIN
    PERFORM FROM account
    WHERE name = (SELECT account FROM hold WHERE id = p_id) FOR NO KEY UPDATE;
    SELECT * INTO v_hold FROM hold WHERE id = p_id;
    RETURN v_hold;
END $$;

CREATE FUNCTION ledger_settle(
    p_now timestamptz, p_call uuid, p_id text, p_cost bigint, p_images integer,
    OUT refusal text, OUT charged bigint, OUT available bigint, OUT late boolean
) LANGUAGE plpgsql AS $$
DECLARE
    v_hold hold := ledger_lock(p_id);
    v_now timestamptz := coalesce(p_now, clock_timestamp());
BEGIN
    IF v_hold.closed_by = p_call THEN
        charged := ledger_charged(v_hold);
        late := (SELECT kind = 'late_charge' FROM posting WHERE id = p_call);
    ELSIF v_hold.state IN ('open', 'expired') THEN
        charged := least(p_cost, v_hold.amount);
        late := v_hold.state = 'expired';
        PERFORM ledger_charge(v_hold, v_now, p_call, charged, p_images);
    ELSE
        refusal := coalesce(v_hold.state, 'unknown');
    END IF;
    available := (
        SELECT CASE WHEN NOT unlimited THEN balance - held END
        FROM account WHERE name = v_hold.account);
END $$;

CREATE FUNCTION ledger_charge(
    p_hold hold, p_now timestamptz, p_call uuid, p_amount bigint, p_images integer
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE hold SET state = 'settled', closed_at = p_now, closed_by = p_call, images = p_images
    WHERE id = p_hold.id;
    IF p_hold.state = 'open' THEN
        UPDATE account SET held = held - p_hold.amount WHERE name = p_hold.account;
    END IF;
    PERFORM ledger_post(
        p_call, p_now, CASE p_hold.state WHEN 'open' THEN 'charge' ELSE 'late_charge' END,
        p_hold.id, NULL, p_hold.account, 'sys:revenue', p_amount);
    INSERT INTO daily_usage (account, day, model, requests, images, charged)
    VALUES (p_hold.account, (p_now AT TIME ZONE 'UTC')::date, p_hold.model, 1, p_images, p_amount)
    ON CONFLICT (account, day, model) DO UPDATE SET
        requests = daily_usage.requests + 1,
        images = daily_usage.images + excluded.images,
        charged = daily_usage.charged + excluded.charged;
END $$;

-- Returns null, or the state that does not allow it.
CREATE FUNCTION ledger_release(
    p_now timestamptz, p_call uuid, p_id text, p_reason text, p_outcome_unknown boolean
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_hold hold := ledger_lock(p_id);
BEGIN
    IF v_hold.closed_by = p_call THEN
        RETURN NULL;
    ELSIF v_hold.state IS NULL OR v_hold.state NOT IN ('open', 'expired') THEN
        RETURN coalesce(v_hold.state, 'unknown');
    END IF;
    UPDATE hold SET
        state = 'released',
        closed_at = coalesce(p_now, clock_timestamp()),
        closed_by = p_call,
        release_reason = p_reason,
        outcome_unknown = p_outcome_unknown,
        idempotency_key = CASE WHEN p_outcome_unknown THEN idempotency_key END,
        request_digest = CASE WHEN p_outcome_unknown THEN request_digest END
    WHERE id = p_id;
    IF v_hold.state = 'open' THEN
        UPDATE account SET held = held - v_hold.amount WHERE name = v_hold.account;
    END IF;
    RETURN NULL;
END $$;

-- Returns how many holds have expired. Accounts are locked in the order of their names, so that
-- two processes that do this at once do not wait for each other in a circle.
CREATE FUNCTION ledger_expire(p_now timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz := coalesce(p_now, clock_timestamp());
    v_account text;
    v_amount bigint;
    v_count bigint;
    v_total bigint := 0;
BEGIN
    FOR v_account IN
        SELECT DISTINCT account FROM hold WHERE state = 'open' AND expires_at <= v_now
        ORDER BY account
    LOOP
        PERFORM FROM account WHERE name = v_account FOR NO KEY UPDATE;
        WITH overdue AS (
            UPDATE hold SET state = 'expired', closed_at = v_now
            WHERE account = v_account AND state = 'open' AND expires_at <= v_now
            RETURNING amount
        )
        SELECT count(*), coalesce(sum(amount), 0) INTO v_count, v_amount FROM overdue;
        UPDATE account SET held = held - v_amount WHERE name = v_account;
        v_total := v_total + v_count;
    END LOOP;
    RETURN v_total;
END $$;
