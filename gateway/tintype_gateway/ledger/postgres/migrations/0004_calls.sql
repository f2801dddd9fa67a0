-- A rate for all calls of an account, and holds that came to nothing, which are forgotten.

ALTER TABLE account ADD COLUMN calls_per_minute integer CHECK (calls_per_minute > 0); -- null: see Policy

-- The same, with a rate of calls.
CREATE FUNCTION ledger_open_account(
    p_now timestamptz, p_call uuid, p_name text, p_amount bigint, p_reason text,
    p_unlimited boolean, p_models text[], p_requests_per_minute integer,
    p_images_per_minute integer, p_response_profile text, p_calls_per_minute integer
) RETURNS SETOF account LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ledger_open_account(
        p_now, p_call, p_name, p_amount, p_reason, p_unlimited, p_models,
        p_requests_per_minute, p_images_per_minute, p_response_profile);
    UPDATE account SET calls_per_minute = p_calls_per_minute
    WHERE name = p_name AND opened_by = p_call;
    RETURN QUERY SELECT * FROM account WHERE name = p_name;
END $$;

CREATE INDEX released_hold ON hold (closed_at) WHERE state = 'released' AND NOT outcome_unknown;
