-- The usage by key and end user, too. What was charged before has neither.

ALTER TABLE hold ADD COLUMN end_user text NOT NULL DEFAULT '';

ALTER TABLE daily_usage
ADD COLUMN key_id text NOT NULL DEFAULT '',
ADD COLUMN end_user text NOT NULL DEFAULT '',
DROP CONSTRAINT daily_usage_pkey,
ADD PRIMARY KEY (account, day, model, key_id, end_user);

DROP FUNCTION ledger_hold(
    timestamptz, text, text, bigint, integer, interval, text, text, text, text, text, text, interval
);

-- The same, with the end user; a gateway of an earlier version names none.
CREATE FUNCTION ledger_hold(
    p_now timestamptz, p_id text, p_account text, p_amount bigint, p_images integer,
    p_lifetime interval, p_key_id text, p_request_id text, p_model text, p_provider text,
    p_idempotency_key text, p_request_digest text, p_key_kept interval,
    p_end_user text DEFAULT '',
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
        id, account, amount, key_id, request_id, model, provider, end_user,
        idempotency_key, request_digest, created_at, expires_at
    ) VALUES (
        p_id, p_account, p_amount, p_key_id, p_request_id, p_model, p_provider, p_end_user,
        p_idempotency_key, p_request_digest, v_now, v_now + p_lifetime
    );
END $$;

CREATE OR REPLACE FUNCTION ledger_charge(
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
    INSERT INTO daily_usage (account, day, model, key_id, end_user, requests, images, charged)
    VALUES (
        p_hold.account, (p_now AT TIME ZONE 'UTC')::date, p_hold.model, p_hold.key_id,
        p_hold.end_user, 1, p_images, p_amount
    )
    ON CONFLICT (account, day, model, key_id, end_user) DO UPDATE SET
        requests = daily_usage.requests + 1,
        images = daily_usage.images + excluded.images,
        charged = daily_usage.charged + excluded.charged;
END $$;
