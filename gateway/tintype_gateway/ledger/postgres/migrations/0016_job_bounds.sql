-- How often a job that was claimed was handed back, so that it is not counted among those whose
-- workers were lost.
ALTER TABLE job ADD COLUMN handed_back integer NOT NULL DEFAULT 0;

-- Returns whether the claim had the job, or has handed it back before.
CREATE FUNCTION ledger_hand_back_job(
    p_now timestamptz, p_id text, p_claim text, p_unsent boolean
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz;
    v_job job;
BEGIN
    PERFORM FROM job_queue WHERE account = (SELECT account FROM job WHERE id = p_id)
    FOR NO KEY UPDATE;
    SELECT * INTO v_job FROM job
    WHERE id = p_id AND claim = p_claim AND finished_at IS NULL FOR NO KEY UPDATE;
    v_now := coalesce(p_now, clock_timestamp());
    IF NOT FOUND THEN
        RETURN false;
    ELSIF v_job.status = 'queued' THEN
        RETURN true;
    ELSIF v_job.phase = 'sent' AND NOT p_unsent THEN
        UPDATE job SET
            handed_back = handed_back + (lease_until > v_now)::integer,
            lease_until = least(lease_until, v_now)
        WHERE id = p_id;
    ELSE
        UPDATE job SET
            status = 'queued', phase = 'ready', tasks = NULL, started_at = NULL, lease_until = NULL,
            handed_back = handed_back + 1
        WHERE id = p_id;
        UPDATE job_queue SET queued = queued + 1, running = running - 1
        WHERE account = v_job.account;
    END IF;
    PERFORM ledger_tell_job('queued', p_id);
    RETURN true;
END $$;

-- Fails jobs that have been queued for longer than `p_most`, free of charge, and returns them with
-- the requests that they had.
CREATE FUNCTION ledger_fail_overdue_jobs(
    p_now timestamptz, p_most interval, p_limit integer, p_error text
) RETURNS SETOF job LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_now timestamptz := coalesce(p_now, clock_timestamp());
    v_ids text[] := ARRAY(
        SELECT id FROM job WHERE status = 'queued' AND created_at <= v_now - p_most LIMIT p_limit);
    v_accounts text[] := ARRAY(SELECT DISTINCT account FROM job WHERE id = ANY (v_ids));
    v_job job;
    v_payload bytea;
BEGIN
    PERFORM FROM account WHERE name = ANY (v_accounts) ORDER BY name FOR NO KEY UPDATE;
    PERFORM FROM job_queue WHERE account = ANY (v_accounts) ORDER BY account FOR NO KEY UPDATE;
    v_now := coalesce(p_now, clock_timestamp());
    FOR v_job IN
        SELECT * FROM job WHERE id = ANY (v_ids) AND status = 'queued'
        ORDER BY id FOR NO KEY UPDATE
    LOOP
        v_payload := v_job.payload;
        PERFORM ledger_release(p_now, gen_random_uuid(), v_job.hold_id, 'job failed', false);
        UPDATE job SET
            status = 'failed',
            finished_at = v_now,
            expires_at = v_now + make_interval(secs => retention_seconds),
            claim = NULL,
            payload = NULL,
            tasks = NULL,
            error = p_error
        WHERE id = v_job.id RETURNING * INTO v_job;
        UPDATE job_queue SET queued = queued - 1 WHERE account = v_job.account;
        PERFORM ledger_tell_job('ended', v_job.id);
        v_job.payload := v_payload;
        v_job.tasks := NULL;
        RETURN NEXT v_job;
    END LOOP;
END $$;

-- Returns jobs that the claim did not have, each with what to do: those that other workers lost, and
-- then the oldest of the accounts whose turn it is, but those in `p_not`. Workers come one after another, so that none of
-- them finds a queue locked by another one and takes it for empty.
CREATE FUNCTION ledger_claim_jobs(
    p_now timestamptz, p_claim text, p_having text[], p_not text[], p_limit integer,
    p_lease interval, p_most_running integer
) RETURNS TABLE (mode text, claimed job) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz;
    v_left integer := p_limit;
    v_lost text[];
    v_accounts text[];
    v_again text[];
    v_turns text[];
    v_account text;
    v_before integer;
    v_id text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tintype_jobs', 3));
    -- A crash of the server that undoes a claim undoes all that its worker has done: it sends
    -- nothing to a provider before a later transaction, which is waited for.
    PERFORM set_config('synchronous_commit', 'off', true);
    v_now := coalesce(p_now, clock_timestamp());
    v_lost := ARRAY(
        SELECT id FROM job
        WHERE status = 'in_progress' AND lease_until <= v_now
            AND NOT (claim = p_claim AND id = ANY (p_having)));
    v_accounts := ARRAY(
        SELECT account FROM job WHERE id = ANY (v_lost)
        UNION
        SELECT account FROM (
            SELECT job_queue.account FROM job_queue JOIN account ON name = job_queue.account
            WHERE queued > 0 AND running < coalesce(running_jobs, p_most_running)
                AND job_queue.account <> ALL (p_not)
            ORDER BY turn, job_queue.account LIMIT p_limit
        ) AS waiting);
    PERFORM FROM job_queue WHERE account = ANY (v_accounts) ORDER BY account FOR NO KEY UPDATE;

    WITH lost AS MATERIALIZED (
        SELECT id FROM job
        WHERE id = ANY (v_lost) AND status = 'in_progress' AND lease_until <= v_now
            AND phase = 'ready'
        ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    ), again AS (
        UPDATE job SET status = 'queued', started_at = NULL, lease_until = NULL
        WHERE id IN (SELECT id FROM lost) RETURNING id, account
    ), counted AS (
        UPDATE job_queue SET
            queued = job_queue.queued + jobs.n, running = job_queue.running - jobs.n
        FROM (SELECT account, count(*)::integer AS n FROM again GROUP BY account) AS jobs
        WHERE job_queue.account = jobs.account
    )
    SELECT array_agg(id) INTO v_again FROM again;
    PERFORM ledger_tell_job('queued', id) FROM unnest(v_again) AS id;

    FOR claimed IN
        WITH lost AS MATERIALIZED (
            SELECT id FROM job
            WHERE id = ANY (v_lost) AND status = 'in_progress' AND lease_until <= v_now
                AND phase = 'sent'
            ORDER BY lease_until LIMIT p_limit FOR NO KEY UPDATE SKIP LOCKED
        )
        UPDATE job SET
            claim = p_claim, noted = 0, lease_until = v_now + p_lease, attempts = attempts + 1
        WHERE id IN (SELECT id FROM lost) RETURNING job.*
    LOOP
        mode := CASE WHEN claimed.tasks IS NULL THEN 'abandoned' ELSE 'resume' END;
        v_left := v_left - 1;
        RETURN NEXT;
    END LOOP;

    -- One job of each account in a round. That an account has a queued job is not asked of all of
    -- them together: while the tables are small, that is planned by reading all queued jobs.
    v_turns := ARRAY(
        SELECT account FROM job_queue
        WHERE account = ANY (v_accounts) AND account <> ALL (p_not) ORDER BY turn, account);
    mode := 'run';
    WHILE v_left > 0 LOOP
        v_before := v_left;
        FOREACH v_account IN ARRAY v_turns LOOP
            EXIT WHEN v_left = 0;
            SELECT id INTO v_id FROM job WHERE account = v_account AND status = 'queued'
            ORDER BY id LIMIT 1;
            CONTINUE WHEN NOT FOUND;
            UPDATE job_queue SET
                queued = queued - 1, running = running + 1, turn = nextval('job_turns')
            FROM account
            WHERE name = v_account AND job_queue.account = v_account
                AND queued - 1 >= 0 -- not by the index of those with queued > 0, all of which it reads
                AND running < coalesce(running_jobs, p_most_running);
            CONTINUE WHEN NOT FOUND;
            UPDATE job SET
                status = 'in_progress', started_at = v_now, claim = p_claim, noted = 0,
                lease_until = v_now + p_lease, attempts = attempts + 1
            WHERE id = v_id RETURNING job.* INTO claimed;
            v_left := v_left - 1;
            PERFORM ledger_tell_job('started', claimed.id);
            RETURN NEXT;
        END LOOP;
        EXIT WHEN v_left = v_before;
    END LOOP;
END $$;
