-- The shape of an account's responses.

ALTER TABLE account ADD COLUMN response_profile text -- null: the gateway's default
CHECK (response_profile IN ('router', 'openai'));

DROP FUNCTION ledger_open_account(
    timestamptz, uuid, text, bigint, text, boolean, text[], integer, integer);

-- Returns the account of this name, even if another issuer opened it. The default is for callers without a word
-- for it: `ledger_ensure_account`.
CREATE FUNCTION ledger_open_account(
    p_now timestamptz, p_call uuid, p_name text, p_amount bigint, p_reason text,
    p_unlimited boolean, p_models text[], p_requests_per_minute integer,
    p_images_per_minute integer, p_response_profile text DEFAULT NULL
) RETURNS SETOF account LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz := coalesce(p_now, clock_timestamp());
BEGIN
    INSERT INTO account (
        name, opened_by, unlimited, models, requests_per_minute, images_per_minute,
        response_profile, created_at
    ) VALUES (
        p_name, p_call, p_unlimited, p_models, p_requests_per_minute, p_images_per_minute,
        p_response_profile, v_now
    ) ON CONFLICT DO NOTHING;
    IF FOUND AND p_amount > 0 THEN
        PERFORM ledger_post(
            p_call, v_now, 'grant', NULL, p_reason, 'sys:funding', p_name, p_amount);
    END IF;
    RETURN QUERY SELECT * FROM account WHERE name = p_name;
END $$;
