-- Whose tokens opened an account, so that their number can be bounded.

ALTER TABLE account ADD COLUMN issuer text; -- null: an administrator opened it

CREATE INDEX account_of_issuer ON account (issuer) WHERE issuer IS NOT NULL;

-- Returns the account of this name, opened if there is none; nothing if its issuer may open no
-- more. The lock makes those that open accounts of one issuer count one after another.
CREATE FUNCTION ledger_ensure_account(
    p_now timestamptz, p_call uuid, p_name text, p_amount bigint, p_reason text,
    p_issuer text, p_max_accounts integer
) RETURNS SETOF account LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM account WHERE name = p_name) THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(p_issuer, 0));
        IF (SELECT count(*) FROM account WHERE issuer = p_issuer) < p_max_accounts THEN
            PERFORM ledger_open_account(
                p_now, p_call, p_name, p_amount, p_reason, false, NULL, NULL, NULL);
            UPDATE account SET issuer = p_issuer WHERE name = p_name AND opened_by = p_call;
        END IF;
    END IF;
    RETURN QUERY SELECT * FROM account WHERE name = p_name;
END $$;
