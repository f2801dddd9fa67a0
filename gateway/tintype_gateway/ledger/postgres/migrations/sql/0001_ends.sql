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
