-- Budgets, and what is spent in the windows of an account's calendar: see budgets.py.

ALTER TABLE account
ADD COLUMN time_zone text NOT NULL DEFAULT 'UTC',
ADD COLUMN budgets jsonb, -- null: none
-- The windows of the newest hold: the first days, and the sums.
ADD COLUMN day_start date NOT NULL DEFAULT '1970-01-01',
ADD COLUMN week_start date NOT NULL DEFAULT '1969-12-29',
ADD COLUMN month_start date NOT NULL DEFAULT '1970-01-01',
ADD COLUMN day_spent bigint NOT NULL DEFAULT 0,
ADD COLUMN week_spent bigint NOT NULL DEFAULT 0,
ADD COLUMN month_spent bigint NOT NULL DEFAULT 0;

-- The day of the account's calendar that the hold counts for; null: it is older than this column.
ALTER TABLE hold ADD COLUMN day date;

-- The same sums for each model that has a budget of its own, and for no other.
CREATE TABLE model_spent (
    account text NOT NULL REFERENCES account (name),
    model text NOT NULL,
    day_start date NOT NULL,
    week_start date NOT NULL,
    month_start date NOT NULL,
    day_spent bigint NOT NULL,
    week_spent bigint NOT NULL,
    month_spent bigint NOT NULL,
    PRIMARY KEY (account, model)
) WITH (fillfactor = 50);

-- What holds that archive runs have deleted were charged: a month may still count it.
CREATE TABLE archived_spent (
    account text NOT NULL,
    day date NOT NULL,
    model text NOT NULL,
    spent bigint NOT NULL,
    PRIMARY KEY (account, day, model)
);

-- The alerts of budgets whose percentage of the limit was charged.
CREATE TABLE budget_alert (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    account text NOT NULL REFERENCES account (name),
    model text, -- null: a budget for all models
    "window" text NOT NULL CHECK ("window" IN ('day', 'week', 'month')),
    window_start date NOT NULL,
    percent integer NOT NULL CHECK (percent BETWEEN 1 AND 100),
    limit_micro bigint NOT NULL,
    spent bigint NOT NULL, -- charges, without open holds
    created_at timestamptz NOT NULL,
    reported_at timestamptz
);

-- Once for each window; a budget that is changed has alerts of its own.
CREATE UNIQUE INDEX alert_of_window
ON budget_alert (account, coalesce(model, ''), "window", window_start, percent, limit_micro);

CREATE INDEX unreported_alert ON budget_alert (id) WHERE reported_at IS NULL;

-- What was spent before, in the windows of today: of accounts that are all in UTC.
UPDATE hold SET day = (least(created_at, now()) AT TIME ZONE 'UTC')::date
WHERE created_at >= (date_trunc('month', now() AT TIME ZONE 'UTC') - interval '6 days')
    AT TIME ZONE 'UTC';

WITH today AS (
    SELECT
        date_trunc('day', now() AT TIME ZONE 'UTC')::date AS day_start,
        date_trunc('week', now() AT TIME ZONE 'UTC')::date AS week_start,
        date_trunc('month', now() AT TIME ZONE 'UTC')::date AS month_start
), spent AS (
    SELECT account, day, amount FROM hold WHERE state = 'open' AND day IS NOT NULL
    UNION ALL
    SELECT hold.account, day, -entry.amount
    FROM hold
    JOIN posting ON posting.hold_id = hold.id
    JOIN entry ON entry.posting_id = posting.id AND entry.account = hold.account
    WHERE day IS NOT NULL
), sums AS (
    SELECT
        account,
        coalesce(sum(amount) FILTER (WHERE day >= day_start), 0) AS day_spent,
        coalesce(sum(amount) FILTER (WHERE day >= week_start), 0) AS week_spent,
        coalesce(sum(amount) FILTER (WHERE day >= month_start), 0) AS month_spent
    FROM spent CROSS JOIN today GROUP BY account
)
UPDATE account SET
    day_start = today.day_start,
    week_start = today.week_start,
    month_start = today.month_start,
    day_spent = sums.day_spent,
    week_spent = sums.week_spent,
    month_spent = sums.month_spent
FROM sums CROSS JOIN today WHERE sums.account = name;

-- Finds the holds of a month, for a new budget, and costs next to nothing to keep.
CREATE INDEX hold_of_day ON hold USING brin (day);

-- The windows of budgets.py.

CREATE FUNCTION ledger_first_day(p_window text, p_day date) RETURNS date
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_window
        WHEN 'day' THEN p_day
        WHEN 'week' THEN p_day - (extract(isodow FROM p_day)::integer - 1)
        WHEN 'month' THEN p_day - (extract(day FROM p_day)::integer - 1)
    END;
$$;

-- The day that a hold of an account counts for: never an earlier one than that of its last hold.
CREATE FUNCTION ledger_day(p_now timestamptz, p_account account) RETURNS date
LANGUAGE sql STABLE AS $$
    SELECT greatest(p_account.day_start, (p_now AT TIME ZONE p_account.time_zone)::date);
$$;

-- The windows of a day, for each budget of an account in their order, with what is spent in them.
CREATE FUNCTION ledger_windows(p_account account, p_day date)
RETURNS TABLE (
    place bigint, name text, model text, limit_micro bigint, alerts integer[],
    first_day date, next_day date, spent bigint
) LANGUAGE sql STABLE AS $$
    SELECT
        budget.place, budget.name, budget.model, budget.limit_micro, budget.alerts,
        first.day,
        CASE budget.name
            WHEN 'day' THEN first.day + 1
            WHEN 'week' THEN first.day + 7
            ELSE (first.day + interval '1 month')::date
        END,
        CASE WHEN counted.since >= first.day THEN counted.spent ELSE 0 END
    FROM ROWS FROM (
        jsonb_to_recordset(p_account.budgets)
            AS ("window" text, model text, "limit" bigint, alerts integer[])
    ) WITH ORDINALITY AS budget (name, model, limit_micro, alerts, place)
    CROSS JOIN LATERAL ledger_first_day(budget.name, p_day) AS first (day)
    LEFT JOIN model_spent AS own
        ON own.account = p_account.name AND own.model = budget.model
    JOIN LATERAL (
        VALUES
        (
            'day', coalesce(own.day_start, p_account.day_start),
            coalesce(own.day_spent, p_account.day_spent)
        ), (
            'week', coalesce(own.week_start, p_account.week_start),
            coalesce(own.week_spent, p_account.week_spent)
        ), (
            'month', coalesce(own.month_start, p_account.month_start),
            coalesce(own.month_spent, p_account.month_spent)
        )
    ) AS counted (name, since, spent) ON counted.name = budget.name
    ORDER BY budget.place;
$$;

-- The day and what is spent for each budget of an account; null without budgets.
CREATE FUNCTION ledger_current(p_now timestamptz, p_account account) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_day date;
BEGIN
    IF p_account.budgets IS NULL THEN
        RETURN NULL;
    END IF;
    v_day := ledger_day(coalesce(p_now, clock_timestamp()), p_account);
    RETURN (
        SELECT jsonb_build_object('today', v_day, 'spent', jsonb_agg(spent ORDER BY place))
        FROM ledger_windows(p_account, v_day));
END $$;

-- Returns the account with other budgets, or nothing if there is none. What the model of a new
-- budget has spent is counted from its holds and charges.
CREATE FUNCTION ledger_set_budgets(
    p_name text, p_time_zone text, p_budgets jsonb
) RETURNS SETOF account LANGUAGE plpgsql AS $$
DECLARE
    v_account account;
    v_day date;
    v_models text[];
BEGIN
    SELECT * INTO v_account FROM account WHERE name = p_name FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- The day of the last hold, not today: if the clock is set back, the next hold is of this day.
    v_day := v_account.day_start;
    v_models := ARRAY(
        SELECT DISTINCT model FROM jsonb_to_recordset(p_budgets) AS budget (model text)
        WHERE model IS NOT NULL);
    UPDATE account SET time_zone = p_time_zone, budgets = p_budgets WHERE name = p_name;
    DELETE FROM model_spent WHERE account = p_name AND model <> ALL (v_models);
    INSERT INTO model_spent (
        account, model, day_start, week_start, month_start, day_spent, week_spent, month_spent
    )
    SELECT
        p_name, wanted.model, starts.day, starts.week, starts.month,
        coalesce(sum(spent.amount) FILTER (WHERE spent.day >= starts.day), 0),
        coalesce(sum(spent.amount) FILTER (WHERE spent.day >= starts.week), 0),
        coalesce(sum(spent.amount) FILTER (WHERE spent.day >= starts.month), 0)
    FROM unnest(v_models) AS wanted (model)
    CROSS JOIN (
        SELECT
            v_day AS day,
            ledger_first_day('week', v_day) AS week,
            ledger_first_day('month', v_day) AS month
    ) AS starts
    LEFT JOIN LATERAL (
        SELECT day, amount FROM hold
        WHERE account = p_name AND model = wanted.model AND state = 'open'
            AND day >= least(starts.week, starts.month)
        UNION ALL
        SELECT day, -entry.amount FROM hold
        JOIN posting ON posting.hold_id = hold.id
        JOIN entry ON entry.posting_id = posting.id AND entry.account = hold.account
        WHERE hold.account = p_name AND model = wanted.model
            AND day >= least(starts.week, starts.month)
        UNION ALL
        SELECT day, archived_spent.spent FROM archived_spent
        WHERE account = p_name AND model = wanted.model
            AND day >= least(starts.week, starts.month)
    ) AS spent ON true
    WHERE NOT EXISTS (
        SELECT FROM model_spent WHERE account = p_name AND model = wanted.model)
    GROUP BY wanted.model, starts.day, starts.week, starts.month;
    RETURN QUERY SELECT * FROM account WHERE name = p_name;
END $$;

-- Takes away what a hold has set aside, unless it has expired, and counts what it is charged in
-- those of its windows that are still current. Returns whether its account has budgets.
CREATE FUNCTION ledger_give_back(p_hold hold, p_charged bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_held bigint := CASE p_hold.state WHEN 'open' THEN p_hold.amount ELSE 0 END;
    v_spent bigint := p_charged - v_held;
    v_has_budgets boolean;
BEGIN
    UPDATE account SET
        held = held - v_held,
        day_spent = day_spent + CASE WHEN p_hold.day >= day_start THEN v_spent ELSE 0 END,
        week_spent = week_spent + CASE WHEN p_hold.day >= week_start THEN v_spent ELSE 0 END,
        month_spent = month_spent + CASE WHEN p_hold.day >= month_start THEN v_spent ELSE 0 END
    WHERE name = p_hold.account RETURNING budgets IS NOT NULL INTO v_has_budgets;
    IF v_has_budgets THEN
        UPDATE model_spent SET
            day_spent = day_spent + CASE WHEN p_hold.day >= day_start THEN v_spent ELSE 0 END,
            week_spent = week_spent + CASE WHEN p_hold.day >= week_start THEN v_spent ELSE 0 END,
            month_spent =
                month_spent + CASE WHEN p_hold.day >= month_start THEN v_spent ELSE 0 END
        WHERE account = p_hold.account AND model = p_hold.model;
    END IF;
    RETURN v_has_budgets;
END $$;

-- Records the alerts that a charge for a model has reached, each once for its window.
CREATE FUNCTION ledger_alert(p_now timestamptz, p_name text, p_model text) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO budget_alert (
        account, model, "window", window_start, percent, limit_micro, spent, created_at
    )
    SELECT
        p_name, reached.model, reached.name, reached.first_day, percent, reached.limit_micro,
        charges.charged, p_now
    FROM (
        SELECT windows.*
        FROM account
        CROSS JOIN LATERAL ledger_windows(account, account.day_start) AS windows
        WHERE account.name = p_name AND (windows.model IS NULL OR windows.model = p_model)
            AND windows.spent * 100 >= windows.limit_micro * windows.alerts[1]
    ) AS reached
    CROSS JOIN LATERAL (
        SELECT reached.spent - coalesce(sum(amount), 0) AS charged FROM hold
        WHERE account = p_name AND state = 'open' AND day >= reached.first_day
            AND (reached.model IS NULL OR hold.model = reached.model)
    ) AS charges
    CROSS JOIN LATERAL unnest(reached.alerts) AS percent
    WHERE charges.charged > 0 AND charges.charged * 100 >= reached.limit_micro * percent
    ORDER BY reached.place, percent
    ON CONFLICT DO NOTHING;
$$;

-- Opens the windows of a later day for the sums of an account.
CREATE FUNCTION ledger_begin_day(p_name text, p_day date) RETURNS void LANGUAGE sql AS $$
    UPDATE account SET
        day_start = p_day,
        week_start = ledger_first_day('week', p_day),
        month_start = ledger_first_day('month', p_day),
        day_spent = 0,
        week_spent =
            CASE WHEN week_start = ledger_first_day('week', p_day) THEN week_spent ELSE 0 END,
        month_spent =
            CASE WHEN month_start = ledger_first_day('month', p_day) THEN month_spent ELSE 0 END
    WHERE name = p_name;
$$;

DROP FUNCTION ledger_hold(
    timestamptz, text, text, bigint, integer, interval, text, text, text, text, text, text, interval,
    text
);

CREATE FUNCTION ledger_hold(
    p_now timestamptz, p_id text, p_account text, p_amount bigint, p_images integer,
    p_lifetime interval, p_key_id text, p_request_id text, p_model text, p_provider text,
    p_idempotency_key text, p_request_digest text, p_key_kept interval,
    p_end_user text DEFAULT '',
    OUT refusal text, OUT available bigint, OUT wait bigint,
    OUT first_request_id text, OUT first_charged bigint,
    OUT budget_remaining bigint, OUT budget jsonb, OUT budget_spent bigint, OUT today date,
    OUT zone text
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
    v_now := coalesce(p_now, clock_timestamp());
    today := greatest(
        v_account.day_start, (v_now AT TIME ZONE v_account.time_zone)::date); -- ledger_day
    IF v_account.budgets IS NOT NULL THEN
        budget_remaining := (
            SELECT min(greatest(limit_micro - spent, 0)) FROM ledger_windows(v_account, today)
            WHERE model IS NULL OR model = p_model);
    END IF;
    IF EXISTS (SELECT FROM hold WHERE id = p_id) THEN
        RETURN; -- taken by this call before, whose answer was lost
    END IF;

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
    IF p_amount > budget_remaining THEN
        refusal := 'budget exceeded';
        zone := v_account.time_zone;
        SELECT v_account.budgets -> (place - 1)::integer, spent INTO budget, budget_spent
        FROM ledger_windows(v_account, today)
        WHERE (model IS NULL OR model = p_model) AND p_amount > greatest(limit_micro - spent, 0)
        ORDER BY next_day DESC, place LIMIT 1;
        RETURN;
    END IF;
    available := v_account.balance - v_account.held;
    IF available < p_amount AND NOT v_account.unlimited THEN
        refusal := 'insufficient credits';
        RETURN;
    END IF;

    IF today <> v_account.day_start THEN
        PERFORM ledger_begin_day(p_account, today);
    END IF;
    UPDATE account SET
        held = held + p_amount,
        requests_full_at = coalesce(
            ledger_take(requests_full_at, v_moment, 1, requests_per_minute), requests_full_at),
        images_full_at = coalesce(
            ledger_take(images_full_at, v_moment, p_images, images_per_minute), images_full_at),
        day_spent = day_spent + p_amount,
        week_spent = week_spent + p_amount,
        month_spent = month_spent + p_amount
    WHERE name = p_account;
    IF v_account.budgets IS NOT NULL THEN
        budget_remaining := budget_remaining - p_amount;
        UPDATE model_spent SET
            day_start = today,
            week_start = ledger_first_day('week', today),
            month_start = ledger_first_day('month', today),
            day_spent = p_amount + CASE WHEN day_start = today THEN day_spent ELSE 0 END,
            week_spent = p_amount
                + CASE WHEN week_start = ledger_first_day('week', today) THEN week_spent ELSE 0 END,
            month_spent = p_amount
                + CASE WHEN month_start = ledger_first_day('month', today)
                    THEN month_spent ELSE 0 END
        WHERE account = p_account AND model = p_model;
    END IF;
    UPDATE hold SET idempotency_key = NULL, request_digest = NULL WHERE id = v_first.id;
    INSERT INTO hold (
        id, account, amount, key_id, request_id, model, provider, end_user,
        idempotency_key, request_digest, created_at, expires_at, day
    ) VALUES (
        p_id, p_account, p_amount, p_key_id, p_request_id, p_model, p_provider, p_end_user,
        p_idempotency_key, p_request_digest, v_now, v_now + p_lifetime, today
    );
END $$;

CREATE OR REPLACE FUNCTION ledger_charge(
    p_hold hold, p_now timestamptz, p_call uuid, p_amount bigint, p_images integer
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_has_budgets boolean;
BEGIN
    UPDATE hold SET state = 'settled', closed_at = p_now, closed_by = p_call, images = p_images
    WHERE id = p_hold.id;
    v_has_budgets := ledger_give_back(p_hold, p_amount);
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
    IF v_has_budgets THEN
        PERFORM ledger_alert(p_now, p_hold.account, p_hold.model);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION ledger_release(
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
        PERFORM ledger_give_back(v_hold, 0);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION ledger_expire(p_now timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz := coalesce(p_now, clock_timestamp());
    v_name text;
    v_count bigint;
    v_total bigint := 0;
BEGIN
    FOR v_name IN
        SELECT DISTINCT account FROM hold WHERE state = 'open' AND expires_at <= v_now
        ORDER BY account
    LOOP
        PERFORM FROM account WHERE name = v_name FOR NO KEY UPDATE;
        WITH overdue AS (
            UPDATE hold SET state = 'expired', closed_at = v_now
            WHERE account = v_name AND state = 'open' AND expires_at <= v_now
            RETURNING model, day, amount
        ), sums AS (
            SELECT
                coalesce(sum(amount), 0) AS held,
                coalesce(sum(amount) FILTER (WHERE day >= day_start), 0) AS of_day,
                coalesce(sum(amount) FILTER (WHERE day >= week_start), 0) AS of_week,
                coalesce(sum(amount) FILTER (WHERE day >= month_start), 0) AS of_month
            FROM overdue CROSS JOIN account WHERE name = v_name
        ), model_sums AS (
            SELECT
                model_spent.model,
                coalesce(sum(amount) FILTER (WHERE day >= day_start), 0) AS of_day,
                coalesce(sum(amount) FILTER (WHERE day >= week_start), 0) AS of_week,
                coalesce(sum(amount) FILTER (WHERE day >= month_start), 0) AS of_month
            FROM overdue JOIN model_spent
                ON model_spent.account = v_name AND model_spent.model = overdue.model
            GROUP BY model_spent.model
        ), counted AS (
            UPDATE account SET
                held = account.held - sums.held,
                day_spent = day_spent - of_day,
                week_spent = week_spent - of_week,
                month_spent = month_spent - of_month
            FROM sums WHERE name = v_name
        ), counted_models AS (
            UPDATE model_spent SET
                day_spent = day_spent - of_day,
                week_spent = week_spent - of_week,
                month_spent = month_spent - of_month
            FROM model_sums
            WHERE model_spent.account = v_name AND model_spent.model = model_sums.model
        )
        SELECT count(*) INTO v_count FROM overdue;
        v_total := v_total + v_count;
    END LOOP;
    RETURN v_total;
END $$;
