-- The holds of a batch are inserted together: one statement for each of them took half of the
-- server's time for a hold.
CREATE FUNCTION ledger_insert_holds(p_holds hold[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO hold SELECT * FROM unnest(p_holds);
END $$;

-- As before, but for `v_hold` and `v_taken`.
CREATE OR REPLACE FUNCTION ledger_hold_batch(
    p_now timestamptz, p_key_kept interval, p_batch jsonb
) RETURNS TABLE (
    place bigint, refusal text, available bigint, wait bigint, first_request_id text,
    first_charged bigint, budget_remaining bigint, budget jsonb, budget_spent bigint, today date,
    zone text
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz;
    v_moment bigint;
    v_known text[];
    v_asked record;
    v_account account;
    v_name text;
    v_is_changed boolean := false;
    v_first hold;
    v_hold hold;
    v_taken hold[] := '{}';
    v_week date;
    v_month date;
BEGIN
    PERFORM FROM account
    WHERE name IN (SELECT wanted ->> 'account' FROM jsonb_array_elements(p_batch) AS wanted)
    ORDER BY name FOR NO KEY UPDATE;
    v_now := coalesce(p_now, clock_timestamp());
    v_hold.created_at := v_now;
    v_hold.state := 'open';
    v_hold.images := 0;
    v_hold.outcome_unknown := false;
    v_moment := floor(extract(epoch FROM v_now) * 1000000);
    v_known := ARRAY(
        SELECT hold.id FROM jsonb_array_elements(p_batch) AS wanted
        JOIN hold ON hold.id = wanted ->> 'id');

    FOR v_asked IN
        SELECT * FROM ROWS FROM (
            jsonb_to_recordset(p_batch) AS (
                id text, account text, amount bigint, images integer, seconds double precision,
                key_id text, request_id text, model text, provider text, idempotency_key text,
                request_digest text, end_user text
            )
        ) WITH ORDINALITY AS asked (
            id, account, amount, images, seconds, key_id, request_id, model, provider,
            idempotency_key, request_digest, end_user, n
        ) ORDER BY account, n
    LOOP
        place := v_asked.n;
        refusal := NULL;
        available := NULL;
        wait := NULL;
        first_request_id := NULL;
        first_charged := NULL;
        budget_remaining := NULL;
        budget := NULL;
        budget_spent := NULL;
        zone := NULL;
        IF v_name IS DISTINCT FROM v_asked.account THEN
            IF v_is_changed THEN
                PERFORM ledger_keep(v_account);
            END IF;
            v_name := v_asked.account;
            v_is_changed := false;
            SELECT * INTO v_account FROM account WHERE name = v_name;
            today := ledger_day(v_now, v_account);
            v_week := ledger_first_day('week', today);
            v_month := ledger_first_day('month', today);
        END IF;
        IF v_account.name IS NULL THEN
            refusal := 'no account';
            RETURN NEXT;
            CONTINUE;
        END IF;
        IF v_account.budgets IS NOT NULL THEN
            budget_remaining := (
                SELECT min(greatest(limit_micro - spent, 0)) FROM ledger_windows(v_account, today)
                WHERE model IS NULL OR model = v_asked.model);
        END IF;
        IF v_asked.id = ANY (v_known) THEN
            RETURN NEXT; -- taken by this call before, whose answer was lost
            CONTINUE;
        END IF;

        IF v_asked.idempotency_key IS NOT NULL THEN
            SELECT * INTO v_first FROM hold
            WHERE account = v_name AND idempotency_key = v_asked.idempotency_key;
            IF v_first.state = 'open' OR v_first.created_at > v_now - p_key_kept THEN
                refusal := CASE
                    WHEN v_first.request_digest <> v_asked.request_digest THEN 'mismatch'
                    WHEN v_first.state = 'open' THEN 'in progress'
                    WHEN v_first.state = 'settled' THEN 'replay'
                    ELSE 'outcome unknown'
                END;
                first_request_id := v_first.request_id;
                first_charged := ledger_charged(v_first);
                RETURN NEXT;
                CONTINUE;
            END IF;
        END IF;

        IF v_account.requests_per_minute IS NOT NULL OR v_account.images_per_minute IS NOT NULL THEN
            wait := greatest(
                ledger_wait(v_account.requests_full_at, v_moment, 1, v_account.requests_per_minute),
                ledger_wait(
                    v_account.images_full_at, v_moment, v_asked.images,
                    v_account.images_per_minute));
            IF wait > 0 THEN
                refusal := 'rate limited';
                RETURN NEXT;
                CONTINUE;
            END IF;
        END IF;
        IF v_asked.amount > budget_remaining THEN
            refusal := 'budget exceeded';
            zone := v_account.time_zone;
            SELECT v_account.budgets -> (windows.place - 1)::integer, spent
            INTO budget, budget_spent
            FROM ledger_windows(v_account, today) AS windows
            WHERE (model IS NULL OR model = v_asked.model)
                AND v_asked.amount > greatest(limit_micro - spent, 0)
            ORDER BY next_day DESC, windows.place LIMIT 1;
            RETURN NEXT;
            CONTINUE;
        END IF;
        available := v_account.balance - v_account.held;
        IF available < v_asked.amount AND NOT v_account.unlimited THEN
            refusal := 'insufficient credits';
            RETURN NEXT;
            CONTINUE;
        END IF;

        v_is_changed := true;
        v_account.held := v_account.held + v_asked.amount;
        v_account.requests_full_at := coalesce(
            ledger_take(
                v_account.requests_full_at, v_moment, 1, v_account.requests_per_minute),
            v_account.requests_full_at);
        v_account.images_full_at := coalesce(
            ledger_take(
                v_account.images_full_at, v_moment, v_asked.images, v_account.images_per_minute),
            v_account.images_full_at);
        v_account.day_spent := v_asked.amount
            + CASE WHEN v_account.day_start = today THEN v_account.day_spent ELSE 0 END;
        v_account.week_spent := v_asked.amount
            + CASE WHEN v_account.week_start = v_week THEN v_account.week_spent ELSE 0 END;
        v_account.month_spent := v_asked.amount
            + CASE WHEN v_account.month_start = v_month THEN v_account.month_spent ELSE 0 END;
        v_account.day_start := today;
        v_account.week_start := v_week;
        v_account.month_start := v_month;
        IF v_account.budgets IS NOT NULL THEN
            budget_remaining := budget_remaining - v_asked.amount;
            UPDATE model_spent SET
                day_start = v_account.day_start,
                week_start = v_week,
                month_start = v_month,
                day_spent = v_asked.amount
                    + CASE WHEN day_start = v_account.day_start THEN day_spent ELSE 0 END,
                week_spent = v_asked.amount
                    + CASE WHEN week_start = v_week THEN week_spent ELSE 0 END,
                month_spent = v_asked.amount
                    + CASE WHEN month_start = v_month THEN month_spent ELSE 0 END
            WHERE account = v_name AND model = v_asked.model;
        END IF;
        IF v_asked.idempotency_key IS NOT NULL THEN
            UPDATE hold SET idempotency_key = NULL, request_digest = NULL WHERE id = v_first.id;
        END IF;
        v_hold.id := v_asked.id;
        v_hold.account := v_name;
        v_hold.amount := v_asked.amount;
        v_hold.key_id := v_asked.key_id;
        v_hold.request_id := v_asked.request_id;
        v_hold.model := v_asked.model;
        v_hold.provider := v_asked.provider;
        v_hold.end_user := v_asked.end_user;
        v_hold.idempotency_key := v_asked.idempotency_key;
        v_hold.request_digest := v_asked.request_digest;
        v_hold.expires_at := v_now + make_interval(secs => v_asked.seconds);
        v_hold.day := today;
        v_taken := v_taken || v_hold;
        IF v_asked.idempotency_key IS NOT NULL THEN -- the next may have the same key
            PERFORM ledger_insert_holds(v_taken);
            v_taken := '{}';
        END IF;
        RETURN NEXT;
    END LOOP;
    IF v_is_changed THEN
        PERFORM ledger_keep(v_account);
    END IF;
    PERFORM ledger_insert_holds(v_taken);
END $$;
