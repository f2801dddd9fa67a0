-- Many holds, or many settlements, in one transaction and one round trip. Each is refused or done
-- for itself, as `ledger_hold` and `ledger_settle` do it for gateways of an earlier version. The
-- row of an account is written once, since each of its versions is one more to pass over. Batches
-- lock accounts in the order of their names, so that none waits for another in a circle.
-- Their plans must not depend on how large the tables were when a connection was new.

-- All entries of a statement together.
CREATE FUNCTION entries_change_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_sum record;
BEGIN
    FOR v_sum IN
        SELECT account AS name, sum(amount)::bigint AS amount FROM added
        WHERE account NOT IN ('sys:funding', 'sys:revenue') GROUP BY account ORDER BY account
    LOOP
        UPDATE account SET balance = balance + v_sum.amount WHERE name = v_sum.name;
        IF NOT FOUND THEN
            RAISE foreign_key_violation USING MESSAGE = format('no account %s', v_sum.name);
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

DROP TRIGGER entry_changes_balance ON entry;
DROP FUNCTION entry_changes_balance();

-- The only statement that changes a balance.
CREATE TRIGGER entries_change_balances AFTER INSERT ON entry REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION entries_change_balances();

-- A batch is a list of objects. No two of the holds may have the same id.
CREATE FUNCTION ledger_hold_batch(
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
    v_week date;
    v_month date;
BEGIN
    PERFORM FROM account
    WHERE name IN (SELECT wanted ->> 'account' FROM jsonb_array_elements(p_batch) AS wanted)
    ORDER BY name FOR NO KEY UPDATE;
    v_now := coalesce(p_now, clock_timestamp());
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
        INSERT INTO hold (
            id, account, amount, key_id, request_id, model, provider, end_user,
            idempotency_key, request_digest, created_at, expires_at, day
        ) VALUES (
            v_asked.id, v_name, v_asked.amount, v_asked.key_id, v_asked.request_id, v_asked.model,
            v_asked.provider, v_asked.end_user, v_asked.idempotency_key, v_asked.request_digest,
            v_now, v_now + make_interval(secs => v_asked.seconds), v_account.day_start
        );
        RETURN NEXT;
    END LOOP;
    IF v_is_changed THEN
        PERFORM ledger_keep(v_account);
    END IF;
END $$;

-- Writes what the holds of a batch have changed of an account.
CREATE FUNCTION ledger_keep(p_account account) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE account SET
        held = p_account.held,
        requests_full_at = p_account.requests_full_at,
        images_full_at = p_account.images_full_at,
        day_start = p_account.day_start,
        week_start = p_account.week_start,
        month_start = p_account.month_start,
        day_spent = p_account.day_spent,
        week_spent = p_account.week_spent,
        month_spent = p_account.month_spent
    WHERE name = p_account.name;
END $$;

-- No two of the settlements may be of the same hold. All have what is available after the last.
CREATE FUNCTION ledger_settle_batch(
    p_now timestamptz, p_batch jsonb
) RETURNS TABLE (
    place bigint, refusal text, charged bigint, available bigint, late boolean
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz;
    v_ids text[] := ARRAY(SELECT asked ->> 'id' FROM jsonb_array_elements(p_batch) AS asked);
    v_has_budgets boolean;
BEGIN
    SELECT bool_or(budgets IS NOT NULL) INTO v_has_budgets FROM (
        SELECT budgets FROM account
        WHERE name IN (SELECT account FROM hold WHERE id = ANY (v_ids))
        ORDER BY name FOR NO KEY UPDATE
    ) AS locked;
    v_now := coalesce(p_now, clock_timestamp());
    IF v_has_budgets THEN
        UPDATE model_spent SET
            day_spent = day_spent + sums.of_day,
            week_spent = week_spent + sums.of_week,
            month_spent = month_spent + sums.of_month
        FROM (
            SELECT
                own.account, own.model,
                coalesce(sum(spent) FILTER (WHERE day >= day_start), 0) AS of_day,
                coalesce(sum(spent) FILTER (WHERE day >= week_start), 0) AS of_week,
                coalesce(sum(spent) FILTER (WHERE day >= month_start), 0) AS of_month
            FROM (
                SELECT
                    hold.account, hold.model, hold.day,
                    least(asked.cost, hold.amount)
                        - CASE hold.state WHEN 'open' THEN hold.amount ELSE 0 END AS spent
                FROM jsonb_to_recordset(p_batch) AS asked (id text, cost bigint)
                JOIN hold ON hold.id = asked.id
                WHERE hold.state IN ('open', 'expired')
            ) AS ends
            JOIN model_spent AS own ON own.account = ends.account AND own.model = ends.model
            GROUP BY own.account, own.model
        ) AS sums
        WHERE model_spent.account = sums.account AND model_spent.model = sums.model;
    END IF;

    RETURN QUERY
    WITH asked AS MATERIALIZED (
        SELECT
            asked.n, asked.call, asked.images, asked.id, hold.account, hold.state, hold.model,
            hold.key_id, hold.end_user, hold.day, hold.closed_by = asked.call AS is_done,
            coalesce(hold.state IN ('open', 'expired'), false) AS ends,
            CASE hold.state WHEN 'open' THEN hold.amount ELSE 0 END AS held,
            least(asked.cost, hold.amount) AS charged
        FROM ROWS FROM (
            jsonb_to_recordset(p_batch) AS (id text, call uuid, cost bigint, images integer)
        ) WITH ORDINALITY AS asked (id, call, cost, images, n)
        LEFT JOIN hold ON hold.id = asked.id
    ), ended AS (
        UPDATE hold SET
            state = 'settled', closed_at = v_now, closed_by = asked.call, images = asked.images
        FROM asked WHERE hold.id = asked.id AND asked.ends
    ), posted AS (
        INSERT INTO posting (id, kind, hold_id, created_at)
        SELECT call, CASE state WHEN 'open' THEN 'charge' ELSE 'late_charge' END, id, v_now
        FROM asked WHERE ends
    ), entered AS (
        INSERT INTO entry (posting_id, account, amount)
        SELECT call, account, -charged FROM asked WHERE ends
        UNION ALL
        SELECT call, 'sys:revenue', charged FROM asked WHERE ends
    ), counted AS (
        INSERT INTO daily_usage (account, day, model, key_id, end_user, requests, images, charged)
        SELECT
            account, (v_now AT TIME ZONE 'UTC')::date, model, key_id, end_user, count(*),
            sum(images), sum(charged)
        FROM asked WHERE ends GROUP BY account, model, key_id, end_user
        ON CONFLICT (account, day, model, key_id, end_user) DO UPDATE SET
            requests = daily_usage.requests + excluded.requests,
            images = daily_usage.images + excluded.images,
            charged = daily_usage.charged + excluded.charged
    ), sums AS MATERIALIZED (
        SELECT
            account.name,
            coalesce(sum(asked.held) FILTER (WHERE ends), 0) AS held,
            coalesce(sum(charged - asked.held) FILTER (WHERE ends AND day >= day_start), 0)
                AS of_day,
            coalesce(sum(charged - asked.held) FILTER (WHERE ends AND day >= week_start), 0)
                AS of_week,
            coalesce(sum(charged - asked.held) FILTER (WHERE ends AND day >= month_start), 0)
                AS of_month,
            CASE WHEN NOT unlimited THEN
                balance - account.held
                + coalesce(sum(asked.held - charged) FILTER (WHERE ends), 0)
            END AS available
        FROM asked JOIN account ON account.name = asked.account GROUP BY account.name
    ), given_back AS (
        UPDATE account SET
            held = account.held - sums.held,
            day_spent = day_spent + of_day,
            week_spent = week_spent + of_week,
            month_spent = month_spent + of_month
        FROM sums WHERE account.name = sums.name
    )
    SELECT
        n,
        CASE WHEN NOT ends AND is_done IS NOT TRUE THEN coalesce(state, 'unknown') END,
        CASE WHEN is_done
            THEN (SELECT ledger_charged(hold) FROM hold WHERE hold.id = asked.id)
            ELSE asked.charged
        END,
        sums.available::bigint,
        CASE WHEN is_done
            THEN (SELECT kind = 'late_charge' FROM posting WHERE posting.id = asked.call)
            ELSE state = 'expired'
        END
    FROM asked LEFT JOIN sums ON sums.name = asked.account;

    IF v_has_budgets THEN
        PERFORM ledger_alert(v_now, ended.account, ended.model) FROM (
            SELECT DISTINCT hold.account, hold.model
            FROM hold JOIN account ON account.name = hold.account
            WHERE hold.id = ANY (v_ids) AND budgets IS NOT NULL AND hold.closed_by IN (
                SELECT (asked ->> 'call')::uuid FROM jsonb_array_elements(p_batch) AS asked)
        ) AS ended;
    END IF;
END $$;
