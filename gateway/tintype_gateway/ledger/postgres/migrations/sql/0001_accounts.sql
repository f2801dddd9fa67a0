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

-- Returns the account of this name, whoever opened it.
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
