-- Operations on holds. Whoever opens or ends one, and so changes what its account holds, locks the
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
