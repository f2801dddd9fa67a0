-- Jobs: see jobs.py.
--
-- Transactions lock accounts, then queues, each in the order of their names, then jobs in the order
-- of their ids, so that none waits for another in a circle.

CREATE TABLE job (
    id text PRIMARY KEY,
    account text NOT NULL REFERENCES account (name),
    hold_id text NOT NULL UNIQUE, -- not a reference: a job may stay longer than its hold
    amount bigint NOT NULL, -- of the hold
    key_id text NOT NULL,
    request_id text NOT NULL,
    operation text NOT NULL,
    model text NOT NULL,
    summary text NOT NULL, -- a JSON object
    status text NOT NULL DEFAULT 'queued' CHECK (
        status IN ('queued', 'in_progress', 'completed', 'failed', 'cancelled', 'outcome_unknown')
    ),
    phase text NOT NULL DEFAULT 'ready' CHECK (phase IN ('ready', 'sent')),
    payload bytea, -- sealed, as the tasks and the webhook are; null when the job has ended
    tasks bytea,
    webhook bytea,
    trace_parent text,
    retention_seconds integer NOT NULL,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    expires_at timestamptz,
    cancel_requested_at timestamptz,
    claim text, -- of the worker that has it, or had it last
    noted bigint NOT NULL DEFAULT 0, -- the number of the worker's last note
    lease_until timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    events integer NOT NULL DEFAULT 0, -- the number of the last one
    result text, -- JSON objects
    error text,
    charged bigint, -- null: nothing
    available bigint,
    CHECK ((status IN ('queued', 'in_progress')) = (finished_at IS NULL)),
    CHECK ((finished_at IS NULL) = (expires_at IS NULL)),
    CHECK ((status = 'in_progress') = (lease_until IS NOT NULL)),
    CHECK (status <> 'completed' OR charged IS NOT NULL)
) WITH (fillfactor = 80);

CREATE INDEX job_of_account ON job (account, id);
CREATE INDEX job_by_status ON job (account, status, id);
CREATE INDEX live_job ON job (model, status, created_at)
WHERE status IN ('queued', 'in_progress');
CREATE INDEX job_lease ON job (lease_until) WHERE status = 'in_progress';
CREATE INDEX job_expiry ON job (expires_at) WHERE expires_at IS NOT NULL;

-- The jobs of each account that have not ended, and its turn: the lower, the sooner.
CREATE TABLE job_queue (
    account text PRIMARY KEY REFERENCES account (name),
    queued integer NOT NULL DEFAULT 0 CHECK (queued >= 0),
    running integer NOT NULL DEFAULT 0 CHECK (running >= 0),
    turn bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE INDEX job_turn ON job_queue (turn, account) WHERE queued > 0;

CREATE SEQUENCE job_turns;

CREATE TABLE job_event (
    job text NOT NULL REFERENCES job (id),
    number integer NOT NULL,
    kind text NOT NULL,
    name text, -- of its record in the image store
    data text NOT NULL, -- a JSON object
    added_by uuid, -- the call that added it, which may ask again whether it has
    PRIMARY KEY (job, number)
);

-- Tells the gateways that listen what happened to a job, once that is committed.
CREATE FUNCTION ledger_tell_job(p_kind text, p_id text) RETURNS void LANGUAGE sql AS $$
    SELECT pg_notify('tintype_jobs', p_kind || ' ' || p_id);
$$;

-- Submits many jobs, each refused or done for itself: `ledger_hold_batch` takes their holds. A batch
-- is a list of the same objects, which have the columns of the jobs, too. Those of an account that
-- find no room in its queue are tried again once others of the batch were refused.
CREATE FUNCTION ledger_submit_job_batch(
    p_now timestamptz, p_key_kept interval, p_most_queued integer, p_batch jsonb
) RETURNS TABLE (
    place bigint, refusal text, available bigint, wait bigint, first_request_id text,
    first_charged bigint, budget_remaining bigint, budget jsonb, budget_spent bigint, today date,
    zone text, submitted_at timestamptz, first_job text, queued integer
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz;
    v_accounts text[] := ARRAY(
        SELECT DISTINCT asked ->> 'account' FROM jsonb_array_elements(p_batch) AS asked);
    v_left bigint[];
    v_tried bigint[];
    v_added text[];
    v_asked jsonb;
    v_held record;
    v_row record;
BEGIN
    PERFORM FROM account WHERE name = ANY (v_accounts) ORDER BY name FOR NO KEY UPDATE;
    INSERT INTO job_queue (account)
    SELECT name FROM account WHERE name = ANY (v_accounts) ORDER BY name ON CONFLICT DO NOTHING;
    PERFORM FROM job_queue WHERE account = ANY (v_accounts) ORDER BY account FOR NO KEY UPDATE;
    v_now := coalesce(p_now, clock_timestamp());

    v_left := ARRAY(SELECT generate_series(1, jsonb_array_length(p_batch)));

    LOOP
        -- Those need no room whose hold was taken by this call before, whose answer was lost, and
        -- those whose key is in use.
        SELECT array_agg(n ORDER BY n), jsonb_agg(asked ORDER BY n) INTO v_tried, v_asked
        FROM (
            SELECT
                n, asked, room, is_known,
                count(*) FILTER (WHERE NOT is_known)
                    OVER (PARTITION BY asked ->> 'account' ORDER BY n) AS nth
            FROM unnest(v_left) AS n
            CROSS JOIN LATERAL (SELECT p_batch -> (n - 1)::integer) AS wanted (asked)
            CROSS JOIN LATERAL (
                SELECT EXISTS (SELECT FROM hold WHERE id = asked ->> 'id') OR EXISTS (
                    SELECT FROM hold
                    WHERE account = asked ->> 'account'
                        AND idempotency_key = asked ->> 'idempotency_key'
                        AND (state = 'open' OR created_at > v_now - p_key_kept))
            ) AS before (is_known)
            LEFT JOIN LATERAL (
                SELECT coalesce(account.queued_jobs, p_most_queued) - job_queue.queued
                FROM job_queue JOIN account ON account.name = job_queue.account
                WHERE job_queue.account = asked ->> 'account'
            ) AS rooms (room) ON true
        ) AS waiting
        WHERE is_known OR room IS NULL OR nth <= room;
        EXIT WHEN v_tried IS NULL;
        v_left := ARRAY(SELECT n FROM unnest(v_left) AS n WHERE n <> ALL (v_tried));
        v_added := '{}';
        FOR v_held IN SELECT * FROM ledger_hold_batch(p_now, p_key_kept, v_asked) LOOP
            place := v_tried[v_held.place];
            refusal := v_held.refusal;
            available := v_held.available;
            wait := v_held.wait;
            first_request_id := v_held.first_request_id;
            first_charged := v_held.first_charged;
            budget_remaining := v_held.budget_remaining;
            budget := v_held.budget;
            budget_spent := v_held.budget_spent;
            today := v_held.today;
            zone := v_held.zone;
            submitted_at := NULL;
            first_job := NULL;
            IF refusal IN ('in progress', 'replay', 'outcome unknown') THEN
                SELECT job.id INTO first_job FROM hold JOIN job ON job.hold_id = hold.id
                WHERE hold.account = v_asked -> (v_held.place - 1)::integer ->> 'account'
                    AND hold.idempotency_key =
                        v_asked -> (v_held.place - 1)::integer ->> 'idempotency_key';
            ELSIF refusal IS NULL THEN
                INSERT INTO job (
                    id, account, hold_id, amount, key_id, request_id, operation, model, summary,
                    payload, webhook, trace_parent, retention_seconds, created_at
                )
                SELECT
                    job, account, id, amount, key_id, request_id, operation, job_model, summary,
                    decode(payload, 'base64'), decode(webhook, 'base64'), trace_parent,
                    retention_seconds, v_now
                FROM jsonb_to_record(v_asked -> (v_held.place - 1)::integer) AS asked (
                    job text, account text, id text, amount bigint, key_id text, request_id text,
                    operation text, job_model text, summary text, payload text, webhook text,
                    trace_parent text, retention_seconds integer
                )
                ON CONFLICT (id) DO NOTHING
                RETURNING id, created_at INTO v_row;
                IF FOUND THEN
                    v_added := v_added || v_row.id;
                    submitted_at := v_row.created_at;
                    PERFORM ledger_tell_job('queued', v_row.id);
                ELSE
                    submitted_at := (
                        SELECT created_at FROM job
                        WHERE id = v_asked -> (v_held.place - 1)::integer ->> 'job');
                END IF;
            END IF;
            RETURN NEXT;
        END LOOP;
        UPDATE job_queue SET queued = job_queue.queued + added.jobs
        FROM (
            SELECT account, count(*)::integer AS jobs FROM job
            WHERE id = ANY (v_added) GROUP BY account
        ) AS added
        WHERE job_queue.account = added.account;
    END LOOP;

    refusal := 'queue full';
    first_job := NULL;
    submitted_at := NULL;
    FOR place, queued IN
        SELECT n, job_queue.queued FROM unnest(v_left) AS n
        JOIN job_queue ON job_queue.account = p_batch -> (n - 1)::integer ->> 'account'
    LOOP
        RETURN NEXT;
    END LOOP;
END $$;

-- Adds an event, and returns its number; null: the claim does not have the job.
CREATE FUNCTION ledger_add_job_event(
    p_call uuid, p_id text, p_claim text, p_kind text, p_name text, p_data text
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_number integer;
BEGIN
    PERFORM FROM job WHERE id = p_id AND claim = p_claim AND status = 'in_progress'
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT number INTO v_number FROM job_event WHERE job = p_id AND added_by = p_call;
    IF NOT FOUND THEN
        UPDATE job SET events = events + 1 WHERE id = p_id RETURNING events INTO v_number;
        INSERT INTO job_event (job, number, kind, name, data, added_by)
        VALUES (p_id, v_number, p_kind, p_name, p_data, p_call);
        PERFORM ledger_tell_job('event', p_id);
    END IF;
    RETURN v_number;
END $$;

-- Ends many jobs, as `ledger_settle_batch` settles their holds. No two of them may be the same. What
-- its claim has ended before is returned as it is.
CREATE FUNCTION ledger_end_job_batch(p_now timestamptz, p_batch jsonb) RETURNS TABLE (
    place bigint, refusal text, late boolean, ended job
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz;
    v_ids text[] := ARRAY(SELECT asked ->> 'id' FROM jsonb_array_elements(p_batch) AS asked);
    v_accounts text[] := ARRAY(SELECT DISTINCT account FROM job WHERE id = ANY (v_ids));
    v_ends jsonb;
    v_sold jsonb;
    v_settled jsonb;
BEGIN
    PERFORM FROM account WHERE name = ANY (v_accounts) ORDER BY name FOR NO KEY UPDATE;
    PERFORM FROM job_queue WHERE account = ANY (v_accounts) ORDER BY account FOR NO KEY UPDATE;
    PERFORM FROM job WHERE id = ANY (v_ids) ORDER BY id FOR NO KEY UPDATE;
    v_now := coalesce(p_now, clock_timestamp());
    v_ends := (
        SELECT jsonb_agg(asked || jsonb_build_object('job', job.id, 'id', job.hold_id))
        FROM jsonb_array_elements(p_batch) AS asked
        JOIN job ON job.id = asked ->> 'id' AND job.claim = asked ->> 'claim'
        WHERE job.status = 'in_progress');
    IF v_ends IS NOT NULL THEN
        v_sold := (
            SELECT jsonb_agg(asked) FROM jsonb_array_elements(v_ends) AS asked
            WHERE (asked ->> 'sold')::boolean);
        IF v_sold IS NOT NULL THEN
            SELECT jsonb_object_agg(v_sold -> (settled.place - 1)::integer ->> 'job', settled)
            INTO v_settled FROM ledger_settle_batch(p_now, v_sold) AS settled
            WHERE settled.refusal IS NULL;
            -- Its images are in the store, where the client may have them.
            UPDATE hold SET delivered_at = v_now
            WHERE id IN (SELECT asked ->> 'id' FROM jsonb_array_elements(v_sold) AS asked);
        END IF;
        PERFORM ledger_release(p_now, call, id, 'job ' || status, status = 'outcome_unknown')
        FROM jsonb_to_recordset(v_ends) AS asked (id text, call uuid, status text, sold boolean)
        WHERE NOT sold;
        UPDATE job SET
            status = asked.status,
            finished_at = v_now,
            expires_at = v_now + make_interval(secs => job.retention_seconds),
            lease_until = NULL,
            payload = NULL,
            tasks = NULL,
            result = asked.result,
            error = asked.error,
            charged = (v_settled -> job.id ->> 'charged')::bigint,
            available = (v_settled -> job.id ->> 'available')::bigint
        FROM jsonb_to_recordset(v_ends) AS asked (job text, status text, result text, error text)
        WHERE job.id = asked.job;
        UPDATE job_queue SET running = running - ends.n
        FROM (
            SELECT account, count(*)::integer AS n FROM jsonb_array_elements(v_ends) AS asked
            JOIN job ON job.id = asked ->> 'job' GROUP BY account
        ) AS ends
        WHERE job_queue.account = ends.account;
        PERFORM ledger_tell_job('ended', asked ->> 'job') FROM jsonb_array_elements(v_ends) AS asked;
    END IF;
    RETURN QUERY
    SELECT
        asked.n,
        CASE WHEN job.finished_at IS NULL THEN 'lost' END,
        EXISTS (
            SELECT FROM posting WHERE posting.hold_id = job.hold_id AND kind = 'late_charge'),
        job
    FROM ROWS FROM (
        jsonb_to_recordset(p_batch) AS (id text, claim text)
    ) WITH ORDINALITY AS asked (id, claim, n)
    LEFT JOIN job ON job.id = asked.id AND job.claim = asked.claim;
END $$;

-- Cancels a queued job, and asks a running one to end, unless `p_only_queued`. Returns it, with the
-- request that it had if it is cancelled by this; nothing if the account has none.
CREATE FUNCTION ledger_cancel_job(
    p_now timestamptz, p_call uuid, p_account text, p_id text, p_only_queued boolean
) RETURNS SETOF job LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz;
    v_job job;
    v_payload bytea;
BEGIN
    PERFORM FROM account WHERE name = p_account FOR NO KEY UPDATE;
    PERFORM FROM job_queue WHERE account = p_account FOR NO KEY UPDATE;
    SELECT * INTO v_job FROM job WHERE id = p_id AND account = p_account FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    v_now := coalesce(p_now, clock_timestamp());
    IF v_job.status = 'queued' THEN
        v_payload := v_job.payload;
        PERFORM ledger_release(p_now, p_call, v_job.hold_id, 'job cancelled', false);
        UPDATE job SET
            status = 'cancelled',
            finished_at = v_now,
            expires_at = v_now + make_interval(secs => retention_seconds),
            claim = NULL,
            payload = NULL,
            tasks = NULL
        WHERE id = p_id RETURNING * INTO v_job;
        UPDATE job_queue SET queued = queued - 1 WHERE account = p_account;
        PERFORM ledger_tell_job('ended', p_id);
    ELSIF v_job.status = 'in_progress' AND NOT p_only_queued THEN
        UPDATE job SET cancel_requested_at = coalesce(cancel_requested_at, v_now)
        WHERE id = p_id RETURNING * INTO v_job;
        PERFORM ledger_tell_job('cancel', p_id);
    END IF;
    v_job.payload := v_payload;
    v_job.tasks := NULL;
    RETURN NEXT v_job;
END $$;
